//! `framed` over UDP through a private network that drops one packet in five.

use std::collections::HashSet;
use std::process::{Command, Stdio};

use imgnet::wire::framed::{Datagram, Kind};
use serde_json::Value;

use crate::programs::{CLIENT, Folder, SERVER};

const IMGNET: &str = env!("CARGO_BIN_EXE_imgnet");

/// In a network namespace of its own: a server, a lossy loopback, two captures of what goes out, and the senders.
///
/// What is dropped is dropped behind the place of capture. The kernel counts the data datagrams among it (kind 2 in the
/// sixth byte of the payload). tcpdump's immediate mode: what waits in its ring when it is told to end would be lost else.
const SCRIPT: &str = r#"
set -e
trap 'kill $server $tcpdump $ours 2>/dev/null || true' EXIT
ip link set lo up
nft add table inet lossy
nft add chain inet lossy in '{ type filter hook input priority 0; }'
nft add rule inet lossy in udp dport 6001 @th,104,8 2 numgen random mod 5 == 0 counter drop comment data
nft add rule inet lossy in udp dport 6001 @th,104,8 != 2 numgen random mod 5 == 0 drop
nft add rule inet lossy in udp sport 6001 numgen random mod 5 == 0 drop
"$SERVER" receive --protocol framed --udp --port 6001 --count 8 --out "$DIR/out" --ledger "$DIR/received.jsonl" -q &
server=$!
tcpdump --immediate-mode -s 2000 -i lo -w "$DIR/wire.pcap" -B 65536 -U udp port 6001 2>"$DIR/tcpdump.log" &
tcpdump=$!
"$IMGNET" capture -i lo -p 6001 --protocol 6001=framed --duration 120 -w "$DIR/ours.pcapng" >"$DIR/ours.txt" 2>"$DIR/ours.log" &
ours=$!
failed() { echo "the $1 ended with $2" >&2; exit 1; }
waited() { for i in $(seq 600); do grep -q "$1" "$2" && return; sleep 0.05; done; cat "$2" >&2; exit 1; }
waited listening "$DIR/tcpdump.log"
waited capturing "$DIR/ours.log"
"$CLIENT" send 127.0.0.1:6001 "$DIR"/*.png --protocol framed --udp --ledger "$DIR/sent.jsonl" -q || failed client $?
wait $server || failed server $?
kill -INT $tcpdump $ours
wait $tcpdump || true
wait $ours || { code=$?; cat "$DIR/ours.log" "$DIR/ours.txt" >&2; failed capture $code; }
nft -j list chain inet lossy in >"$DIR/rules.json"
"#;

/// Whether all that is needed is here; says what is not.
fn can_run() -> bool {
    let works = |command: &mut Command| {
        command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    let mut missing = Vec::new();
    for tool in ["nft", "ip", "tcpdump"] {
        if !works(Command::new("sh").args(["-c", &format!("command -v {tool}")])) {
            missing.push(tool);
        }
    }
    if !works(Command::new("unshare").args(["-n", "nft", "list", "tables"])) {
        missing.push("the right to make a network namespace (root)");
    }
    if !missing.is_empty() {
        eprintln!("SKIPPED framed_pictures_come_whole_through_loss: {missing:?}");
    }
    missing.is_empty()
}

fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn framed_pictures_come_whole_through_loss() {
    if !can_run() {
        return;
    }
    let folder = Folder::new();
    let mut sent: Vec<Vec<u8>> = (0..8)
        .map(|seed| folder.picture(&format!("{seed}.png"), seed, 300, 200))
        .collect();
    let status = Command::new("unshare")
        .args(["-n", "sh", "-c", SCRIPT])
        .env("DIR", folder.path(""))
        .env("SERVER", SERVER)
        .env("CLIENT", CLIENT)
        .env("IMGNET", IMGNET)
        .status()
        .unwrap();
    assert!(status.success());
    let mut received: Vec<Vec<u8>> = folder
        .names("out")
        .iter()
        .map(|name| folder.read(&format!("out/{name}")))
        .collect();
    sent.sort();
    received.sort();
    assert!(sent == received, "{:?}", folder.names("out"));
    let ledger = lines(&String::from_utf8(folder.read("sent.jsonl")).unwrap());
    assert_eq!(ledger.len(), 8);
    let of = |name: &str| -> Vec<u64> {
        let number = |record: &Value| record[name].as_u64().unwrap();
        ledger.iter().map(number).collect()
    };
    let (repeats, lost) = (of("repeats"), of("lost"));
    assert!(lost.iter().sum::<u64>() > 0, "nothing was lost");
    assert_eq!(
        repeats_on_the_wire(&folder.read("wire.pcap")),
        repeats.iter().sum::<u64>()
    );
    // What came after a picture was whole counts as lost too.
    let dropped = dropped_by_the_kernel(&folder.read("rules.json"));
    assert!(dropped > 0 && dropped <= lost.iter().sum::<u64>());

    // Picture by picture the sniffer counts what the sender does.
    for capture in ["ours.pcapng", "wire.pcap"] {
        let output = Command::new(IMGNET)
            .args(["analyze", "--format", "json", "--protocol", "6001=framed"])
            .arg(folder.path(capture))
            .output()
            .unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(report["captures"][0]["kernel_drops"].as_u64().unwrap_or(0) == 0);
        let images = report["images"].as_array().unwrap();
        assert_eq!(images.len(), 8, "{capture}");
        assert!(images.iter().all(|image| image["complete"] == true));
        let seen = |name: &str| -> Vec<u64> {
            let number = |image: &Value| image["datagrams"][name].as_u64().unwrap();
            images.iter().map(number).collect()
        };
        assert_eq!(seen("repeats"), repeats, "{capture}");
        assert_eq!(seen("lost"), lost, "{capture}");
        assert_eq!(seen("captured"), seen("sent"), "{capture}");
        let findings = report["findings"].as_array().unwrap();
        assert!(
            findings
                .iter()
                .any(|finding| finding["name"] == "datagram-retransmission")
        );
    }
}

/// What the rule with the comment `data` dropped.
fn dropped_by_the_kernel(rules: &[u8]) -> u64 {
    let rules: Value = serde_json::from_slice(rules).unwrap();
    let rule = rules["nftables"]
        .as_array()
        .unwrap()
        .iter()
        .find(|entry| entry["rule"]["comment"] == "data")
        .unwrap();
    let steps = rule["rule"]["expr"].as_array().unwrap();
    let counter = steps.iter().find(|step| !step["counter"].is_null());
    counter.unwrap()["counter"]["packets"].as_u64().unwrap()
}

/// Data datagrams of a classic pcap file of Ethernet frames that had been seen before.
fn repeats_on_the_wire(capture: &[u8]) -> u64 {
    let mut seen = HashSet::new();
    let mut repeats = 0;
    let mut rest = &capture[24..];
    while rest.len() >= 16 {
        let length = u32::from_le_bytes(rest[8..12].try_into().unwrap()) as usize;
        let frame = &rest[16..16 + length];
        rest = &rest[16 + length..];
        // Ethernet, IPv4 without options, UDP.
        let Some(datagram) = Datagram::decode(&frame[14 + 20 + 8..]) else {
            continue;
        };
        if datagram.kind == Kind::Data && !seen.insert((datagram.picture, datagram.index)) {
            repeats += 1;
        }
    }
    repeats
}
