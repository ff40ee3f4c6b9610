//! An interface that goes away while it is captured: down and up again, under another name, removed and made again.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test runs programs, reads what they left, says when it skips, and may fail"
)]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// A pair of interfaces in a network of its own; datagrams are sent on the captured one before and after `$GOES`.
const SCRIPT: &str = r#"
set -e
ip link set lo up
make() {
    ip link add v0 type veth peer name v1
    ip addr add 10.9.0.1/24 dev v0
    ip link set v1 up
    ip link set v0 up
}
make
send() {
    ip neigh replace 10.9.0.2 lladdr 02:00:00:00:00:01 dev "$1"
    python3 -c "
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.sendto(b'datagram', ('10.9.0.2', 9))"
}
now() { date +%s%N; }
"$IMGNET" capture --format json -i v0 -f udp --packets 2 --duration 20 -w "$OUT" > "$OUT.json" 2>"$OUT.err" &
capture=$!
for try in $(seq 200); do grep -q . "$OUT.err" && break; sleep 0.05; done
sleep 0.3
send v0
sleep 0.3
before=$(now)
eval "$GOES"
code=0
wait $capture || code=$?
echo "$code $before $back"
"#;

/// The script's run, absent where it cannot be done here.
fn captured(name: &str, folder: &Path, goes: &str) -> Option<(Value, Value, Vec<f64>)> {
    let able = Command::new("unshare")
        .args([
            "-n",
            "sh",
            "-c",
            "ip link add v0 type veth peer name v1 && python3 --version",
        ])
        .output();
    if !able.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED {name}: no right to make a network and interfaces, or no Python");
        return None;
    }
    let out = folder.join("run.pcapng");
    let run = Command::new("unshare")
        .args(["-n", "bash", "-c", SCRIPT])
        .env("IMGNET", env!("CARGO_BIN_EXE_imgnet"))
        .env("OUT", &out)
        .env("GOES", goes)
        .output()
        .unwrap();
    let said = text(&run);
    let lines = std::fs::read_to_string(folder.join("run.pcapng.json")).unwrap();
    let last = lines.lines().last().unwrap_or_else(|| panic!("{said}"));
    let live = serde_json::from_str(last).unwrap();
    let read = Command::new(env!("CARGO_BIN_EXE_imgnet"))
        .args(["analyze", "--format", "json"])
        .arg(&out)
        .output()
        .unwrap();
    let report = serde_json::from_slice(&read.stdout).unwrap();
    let numbers = String::from_utf8_lossy(&run.stdout);
    let numbers = numbers.split_whitespace().map(|word| word.parse().unwrap());
    Some((live, report, numbers.collect()))
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Both datagrams are there, and the absence is told, live and from the file.
fn assert_told(name: &str, goes: &str, times: u64) {
    let folder = tempfile::tempdir().unwrap();
    let Some((live, report, numbers)) = captured(name, folder.path(), goes) else {
        return;
    };
    assert_eq!(report["packets"]["decoded"], 2, "{report}");
    assert_eq!(report["coverage"]["interface_away"], times, "{report}");
    assert_eq!(report["coverage"]["whole"], times == 0);
    let found = |report: &Value| -> Vec<String> {
        let findings = report["findings"].as_array().unwrap().iter();
        findings
            .filter(|finding| finding["name"] == "interface-away")
            .map(|finding| finding["message"].as_str().unwrap().to_owned())
            .collect()
    };
    let told = found(&report);
    assert_eq!(told.len(), usize::from(times > 0), "{told:?}");
    assert_eq!(live["event"], "summary");
    let [code, before, back] = *numbers else {
        panic!("{numbers:?}")
    };
    // Nothing was compared: but for the absence, all would be well.
    let expected = if times == 0 { 0.0 } else { 3.0 };
    assert!((code - expected).abs() < 0.5, "{code}: {live}");
    if let [told] = &*told {
        let (_, lasted) = told.split_once(", for ").unwrap();
        let (number, unit) = lasted
            .split_once(" in all")
            .unwrap()
            .0
            .split_once(' ')
            .unwrap();
        let lasted = number.parse::<f64>().unwrap() / if unit == "ms" { 1e3 } else { 1.0 };
        assert!(
            (0.8..(back - before) / 1e9 + 0.5).contains(&lasted),
            "{told}"
        );
    }
}

#[test]
fn a_capture_goes_on_where_its_interface_goes_down_and_up() {
    assert_told(
        "a_capture_goes_on_where_its_interface_goes_down_and_up",
        "ip link set v0 down; sleep 1; ip link set v0 up; back=$(now); sleep 0.3; send v0",
        1,
    );
}

#[test]
fn a_capture_goes_on_where_its_interface_is_removed_and_made_again() {
    assert_told(
        "a_capture_goes_on_where_its_interface_is_removed_and_made_again",
        "ip link del v0; sleep 1; make; back=$(now); sleep 0.3; send v0",
        1,
    );
}

#[test]
fn a_capture_goes_on_where_its_interface_is_renamed() {
    assert_told(
        "a_capture_goes_on_where_its_interface_is_renamed",
        "ip link set v0 down; ip link set v0 name other; sleep 1; ip addr replace 10.9.0.1/24 dev other; ip link set other up; \
         back=$(now); sleep 0.3; send other",
        1,
    );
}

#[test]
fn nothing_is_told_of_an_interface_that_stays() {
    assert_told(
        "nothing_is_told_of_an_interface_that_stays",
        "back=$(now); send v0",
        0,
    );
}
