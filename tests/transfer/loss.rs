//! `framed` over UDP through a private network that drops one packet in five.

use std::collections::HashSet;
use std::process::{Command, Stdio};

use imgnet::wire::framed::{Datagram, Kind};
use serde_json::Value;

use crate::programs::{CLIENT, Folder, SERVER};

const IMGNET: &str = env!("CARGO_BIN_EXE_imgnet");

/// In a network namespace of its own: a server, a lossy loopback, a capture of what goes out, and the senders.
const SCRIPT: &str = r#"
set -e
ip link set lo up
nft add table inet lossy
nft add chain inet lossy in '{ type filter hook input priority 0; }'
nft add rule inet lossy in udp dport 6001 numgen random mod 5 == 0 drop
nft add rule inet lossy in udp sport 6001 numgen random mod 5 == 0 drop
"$SERVER" receive --protocol framed --udp --port 6001 --count 8 --out "$DIR/out" --ledger "$DIR/received.jsonl" -q &
server=$!
tcpdump -i lo -w "$DIR/wire.pcap" -B 32768 -U udp port 6001 2>"$DIR/tcpdump.log" &
tcpdump=$!
for i in $(seq 100); do grep -q listening "$DIR/tcpdump.log" && break; sleep 0.05; done
sleep 0.3
"$CLIENT" send 127.0.0.1:6001 "$DIR"/*.png --protocol framed --udp --ledger "$DIR/sent.jsonl" -q
wait $server
sleep 0.3
kill -INT $tcpdump
wait $tcpdump || true
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
    let repeats: u64 = ledger
        .iter()
        .map(|record| record["repeats"].as_u64().unwrap())
        .sum();
    assert!(repeats > 0, "nothing was lost");

    // All pictures are whole on the wire too, and no datagram came again that the sender did not count.
    let output = Command::new(IMGNET)
        .args(["analyze", "--format", "json", "--protocol", "6001=framed"])
        .arg(folder.path("wire.pcap"))
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let images = report["images"].as_array().unwrap();
    assert_eq!(images.len(), 8);
    assert!(images.iter().all(|image| image["complete"] == true));
    // Known lack: on a busy machine the sender has been seen to count some that the capture does not hold.
    let on_the_wire = repeats_on_the_wire(&folder.read("wire.pcap"));
    println!("repeated: {repeats} in the ledger, {on_the_wire} on the wire");
    assert!(on_the_wire > 0 && on_the_wire <= repeats);
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
