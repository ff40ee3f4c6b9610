//! The same captures through tshark: addresses, ports, numbers, lengths and flags must be equal.

#![expect(
    clippy::disallowed_methods,
    reason = "reads captures and runs tshark: a comparison with another program"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::*;

const FIELDS: [&str; 17] = [
    "frame.number",
    "frame.protocols",
    "ip.src",
    "ip.dst",
    "ipv6.src",
    "ipv6.dst",
    "tcp.srcport",
    "tcp.dstport",
    "udp.srcport",
    "udp.dstport",
    "tcp.seq_raw",
    "tcp.ack_raw",
    "tcp.len",
    "udp.length",
    "tcp.flags",
    "tcp.checksum.status",
    "udp.checksum.status",
];

/// Captures of the tree, and of a further folder where the environment names one.
fn captures() -> Vec<PathBuf> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("captures")];
    folders.extend(std::env::var_os("IMGNET_TEST_CAPTURES").map(PathBuf::from));
    let mut found = Vec::new();
    for folder in folders {
        for entry in std::fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path
                .extension()
                .is_some_and(|extension| extension == "pcap")
            {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The frames of a classic pcap file in little-endian with microseconds; absent for any other file.
fn frames(file: &[u8]) -> Option<Vec<Frame<'_>>> {
    let word = |at: usize| Some(u32::from_le_bytes(*file.get(at..)?.first_chunk()?));
    if word(0)? != 0xa1b2_c3d4 {
        return None;
    }
    let link = LinkType(u16::try_from(word(20)?).ok()?);
    let mut frames = Vec::new();
    let mut at = 24;
    while at < file.len() {
        let seconds = i64::from(word(at)?);
        let micros = i64::from(word(at + 4)?);
        let len = word(at + 8)? as usize;
        frames.push(Frame {
            number: FrameNumber(frames.len() as u64 + 1),
            time: Some(Timestamp(seconds * 1_000_000_000 + micros * 1000)),
            link,
            interface: 0,
            wire_len: word(at + 12)?,
            data: file.get(at + 16..at + 16 + len)?,
            after_end: false,
        });
        at += 16 + len;
    }
    Some(frames)
}

type Row = BTreeMap<&'static str, String>;

/// One row of fields a frame; absent where there is no tshark.
fn tshark(path: &Path) -> Option<Vec<Row>> {
    let mut command = Command::new("tshark");
    command.arg("-r").arg(path).args(["-n", "-T", "fields"]);
    command.args(["-E", "separator=|", "-E", "occurrence=f"]);
    for preference in [
        "tcp.check_checksum:TRUE",
        "udp.check_checksum:TRUE",
        "tcp.desegment_tcp_streams:FALSE",
    ] {
        command.args(["-o", preference]);
    }
    for field in FIELDS {
        command.args(["-e", field]);
    }
    let output = match command.output() {
        Ok(output) => output,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => panic!("tshark: {error}"),
    };
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).unwrap();
    let rows = text
        .lines()
        .map(|line| {
            FIELDS
                .into_iter()
                .zip(line.split('|').map(str::to_owned))
                .collect()
        })
        .collect();
    Some(rows)
}

/// What imgnet says of a packet, in tshark's fields.
fn expected(packet: &Packet<'_>) -> Row {
    let mut row = Row::new();
    let (source, destination) = if packet.source.is_ipv4() {
        ("ip.src", "ip.dst")
    } else {
        ("ipv6.src", "ipv6.dst")
    };
    row.insert(source, packet.source.ip().to_string());
    row.insert(destination, packet.destination.ip().to_string());
    let ports = [packet.source.port(), packet.destination.port()];
    match packet.transport {
        Transport::Tcp(tcp) => {
            row.insert("tcp.srcport", ports[0].to_string());
            row.insert("tcp.dstport", ports[1].to_string());
            row.insert("tcp.seq_raw", tcp.seq.to_string());
            if let Some(ack) = tcp.ack {
                row.insert("tcp.ack_raw", ack.to_string());
            }
            row.insert("tcp.len", packet.payload_len.to_string());
        }
        Transport::Udp => {
            row.insert("udp.srcport", ports[0].to_string());
            row.insert("udp.dstport", ports[1].to_string());
            row.insert("udp.length", (packet.payload_len + 8).to_string());
        }
    }
    row
}

fn compare(row: &Row, packet: &Packet<'_>, place: &str) {
    for (field, value) in expected(packet) {
        assert_eq!(row[field], value, "{place}: {field}");
    }
    let mut status = "udp.checksum.status";
    if let Transport::Tcp(tcp) = packet.transport {
        status = "tcp.checksum.status";
        let flags = u16::from_str_radix(row["tcp.flags"].trim_start_matches("0x"), 16).unwrap();
        let set = |bit: u16| flags & bit != 0;
        assert_eq!(
            (set(1), set(2), set(4), set(8), set(16)),
            (tcp.fin, tcp.syn, tcp.rst, tcp.psh, tcp.ack.is_some()),
            "{place}: flags"
        );
    }
    // 0 bad, 1 good, 2 unverified, 3 not present; a partial checksum is none of imgnet's errors.
    match (packet.notes.transport_checksum, row[status].as_str()) {
        (Checksum::Good, "1" | "Good")
        | (Checksum::NotChecked, "" | "2" | "3" | "Unverified" | "Not present")
        | (Checksum::Wrong, "0" | "Bad") => {}
        (Checksum::Unfinished, status) if !matches!(status, "1" | "Good") => {}
        other => panic!("{place}: checksum {other:?}"),
    }
}

#[test]
fn fields_equal_those_of_tshark() {
    let mut compared = 0_usize;
    let mut checksums = BTreeMap::new();
    let mut files = 0;
    for path in captures() {
        let name = path.display().to_string();
        let file = std::fs::read(&path).unwrap();
        let Some(frames) = frames(&file) else {
            eprintln!("SKIPPED {name}: not a classic pcap in microseconds");
            continue;
        };
        let Some(rows) = tshark(&path) else {
            eprintln!("SKIPPED: tshark is not installed, nothing was compared with it");
            return;
        };
        assert_eq!(rows.len(), frames.len(), "{name}");
        let mut decoder = Decoder::default();
        for (frame, row) in frames.iter().zip(&rows) {
            let place = format!("{name}: frame {}", frame.number);
            let protocols = &row["frame.protocols"];
            let transport = (protocols.contains(":tcp") || protocols.contains(":udp"))
                && !protocols.contains("icmp");
            match decoder.decode(frame) {
                Outcome::Packet(packet) => {
                    assert!(transport, "{place}: tshark sees {protocols}");
                    compare(row, &packet, &place);
                    compared += 1;
                    *checksums
                        .entry(packet.notes.transport_checksum)
                        .or_insert(0) += 1;
                }
                // tshark shows the headers of a fragment that it cannot put together.
                Outcome::Skipped(Skip::FragmentCut) => {}
                other => assert!(!transport, "{place}: {other:?}, tshark sees {protocols}"),
            }
        }
        files += 1;
    }
    assert!(files > 0, "no capture to compare");
    assert!(compared > 0, "no packet to compare in {files} captures");
    eprintln!(
        "compared {compared} packets of {files} captures with tshark; checksums {checksums:?}"
    );
}
