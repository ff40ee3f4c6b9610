//! An interface that goes down and comes up again while it is captured.

use std::process::Command;

/// A pair of interfaces in a network of its own; the captured one is taken down for a while, and datagrams are sent before
/// and after.
const SCRIPT: &str = r#"
set -e
ip link set lo up
ip link add v0 type veth peer name v1
ip addr add 10.9.0.1/24 dev v0
ip link set v1 up
ip link set v0 up
ip neigh replace 10.9.0.2 lladdr 02:00:00:00:00:01 dev v0
send() { python3 -c "
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.sendto(b'datagram', ('10.9.0.2', 9))"; }
"$IMGNET" capture -q -i v0 -f udp --packets 2 --duration 20 -w "$OUT" &
capture=$!
sleep 1.5
send
sleep 0.5
ip link set v0 down
sleep 1
ip link set v0 up
sleep 0.5
ip neigh replace 10.9.0.2 lladdr 02:00:00:00:00:01 dev v0
send
wait $capture || true
"#;

#[test]
fn a_capture_goes_on_where_its_interface_goes_down_and_up() {
    let name = "a_capture_goes_on_where_its_interface_goes_down_and_up";
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
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("down.pcapng");
    let run = Command::new("unshare")
        .args(["-n", "bash", "-c", SCRIPT])
        .env("IMGNET", env!("CARGO_BIN_EXE_imgnet"))
        .env("OUT", &out)
        .output()
        .unwrap();
    let read = Command::new(env!("CARGO_BIN_EXE_imgnet"))
        .args(["analyze", "--format", "json"])
        .arg(&out)
        .output()
        .unwrap();
    let report: serde_json::Value = serde_json::from_slice(&read.stdout).unwrap();
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    assert_eq!(report["packets"]["decoded"], 2, "{report}\n{said}");
}
