//! imgnet against tshark on every capture: the same packets and bytes in each direction of each conversation, and
//! the same bytes in each followed stream that has no gaps.

#![expect(
    clippy::expect_used,
    reason = "a helper of a test may fail as the test may"
)]

use crate::support;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use crate::support::{captures, list, name, number, report, sha256, text, tshark, tshark_is_there};
use serde_json::Value;

/// Transport, Wireshark's number of the stream, sender.
type Direction = (&'static str, u64, SocketAddr);

/// Packets and bytes per direction, as tshark's conversation tables count them. The tables round (`12 kB`), so this
/// sums what they sum: `frame.len` over the frames of `tcp.stream` and `udp.stream`, by sender.
fn conversations(capture: &Path) -> BTreeMap<Direction, (u64, u64)> {
    let fields = [
        "frame.len",
        "tcp.stream",
        "udp.stream",
        "ip.src",
        "ipv6.src",
        "tcp.srcport",
        "udp.srcport",
        "icmp.type",
        "icmpv6.type",
    ];
    let mut arguments = vec![
        "-n",
        "-T",
        "fields",
        "-E",
        "separator=,",
        "-E",
        "occurrence=f",
    ];
    for field in fields {
        arguments.extend(["-e", field]);
    }
    let mut rows = BTreeMap::new();
    for line in tshark(capture, &arguments).lines() {
        let cells: Vec<&str> = line.split(',').collect();
        let [length, tcp, udp, v4, v6, tcp_port, udp_port, icmp, icmp6] = cells[..] else {
            panic!("{}: tshark printed {line:?}", name(capture));
        };
        // An ICMP error quotes the header of what it is about: that is no packet of the conversation.
        if !icmp.is_empty() || !icmp6.is_empty() {
            continue;
        }
        let (transport, stream, port) = match (tcp, udp) {
            ("", "") => continue,
            (stream, "") => ("tcp", stream, tcp_port),
            ("", stream) => ("udp", stream, udp_port),
            both => panic!("{}: both TCP and UDP: {both:?}", name(capture)),
        };
        let address: IpAddr = if v4.is_empty() { v6 } else { v4 }
            .parse()
            .expect("an address");
        let sender = SocketAddr::new(address, port.parse().expect("a port"));
        let row = rows
            .entry((transport, stream.parse().expect("a stream"), sender))
            .or_insert((0, 0));
        row.0 += 1;
        row.1 += length.parse::<u64>().expect("a length");
    }
    rows
}

/// The bytes of both nodes of a stream as tshark follows it, by sender.
fn followed(capture: &Path, transport: &str, stream: u64) -> BTreeMap<SocketAddr, Vec<u8>> {
    let follow = format!("follow,{transport},raw,{stream}");
    let printed = tshark(capture, &["-n", "-q", "-z", &follow]);
    let mut nodes: [Option<SocketAddr>; 2] = [None; 2];
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for line in printed.lines() {
        if let Some(address) = line.strip_prefix("Node 0: ") {
            nodes[0] = Some(socket_address(address));
        } else if let Some(address) = line.strip_prefix("Node 1: ") {
            nodes[1] = Some(socket_address(address));
        } else if nodes[1].is_some() && !line.starts_with('=') {
            let node = if line.starts_with('\t') {
                &mut second
            } else {
                &mut first
            };
            node.extend(unhex(line.trim()));
        }
    }
    nodes
        .into_iter()
        .zip([first, second])
        .map(|(node, bytes)| (node.expect("tshark names both nodes"), bytes))
        .collect()
}

/// `127.0.0.1:80`, `::1:80` or `[::1]:80`.
fn socket_address(text: &str) -> SocketAddr {
    let (address, port) = text.rsplit_once(':').expect("address:port");
    let address = address.trim_matches(['[', ']']);
    SocketAddr::new(
        address.parse().expect("an address"),
        port.parse().expect("a port"),
    )
}

fn unhex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .map(|pair| {
            let pair = std::str::from_utf8(pair).expect("hex is ASCII");
            u8::from_str_radix(pair, 16).expect("hex")
        })
        .collect()
}

/// The streams of a report with transport and Wireshark's number.
fn streams(report: &Value) -> impl Iterator<Item = (&'static str, u64, &Value)> {
    list(report, "streams").iter().map(|stream| {
        let transport = match text(stream, "transport") {
            "tcp" => "tcp",
            "udp" => "udp",
            other => panic!("a stream over {other}"),
        };
        (transport, number(stream, "transport_stream"), stream)
    })
}

#[test]
fn packets_and_bytes_per_direction_equal_the_conversation_tables() {
    if !tshark_is_there() {
        return;
    }
    for capture in captures() {
        let expected = conversations(&capture);
        let report = report(&capture);
        let mut found = BTreeMap::new();
        for (transport, id, stream) in streams(&report) {
            for direction in list(stream, "directions") {
                let packets = number(direction, "packets");
                if packets == 0 {
                    continue; // tshark's table has a row, tshark's frames have none
                }
                let from: SocketAddr = text(direction, "from").parse().expect("ip:port");
                let counts = (packets, number(direction, "wire_bytes"));
                let before = found.insert((transport, id, from), counts);
                assert_eq!(before, None, "{}: {from} twice", name(&capture));
            }
        }
        assert_eq!(found, expected, "{}", name(&capture));
    }
}

#[test]
fn stream_digests_equal_the_followed_streams() {
    if !tshark_is_there() {
        return;
    }
    let mut compared = 0;
    for capture in captures() {
        let report = report(&capture);
        for (transport, id, stream) in streams(&report) {
            let bytes = followed(&capture, transport, id);
            for direction in list(stream, "directions") {
                if number(direction, "gap_bytes") > 0 {
                    continue; // tshark writes a text into the stream where bytes are missing
                }
                let from: SocketAddr = text(direction, "from").parse().expect("ip:port");
                let what = format!("{}, {transport} stream {id}, from {from}", name(&capture));
                let bytes = bytes
                    .get(&from)
                    .unwrap_or_else(|| panic!("{what}: tshark has no such node"));
                assert_eq!(
                    number(direction, "unique_bytes"),
                    bytes.len() as u64,
                    "{what}"
                );
                if !bytes.is_empty() {
                    assert_eq!(text(direction, "sha256"), sha256(bytes), "{what}");
                    compared += 1;
                }
            }
        }
    }
    assert!(
        compared > 20,
        "only {compared} directions could be compared"
    );
}

/// A row of `imgnet analyze --conversations`: sender, receiver as written, packets, bytes, and the rest.
fn table_rows(capture: &Path) -> Vec<(String, String, u64, u64, String)> {
    let path = capture.to_str().expect("UTF-8");
    let output = support::imgnet(&["analyze", path, "--conversations"]);
    let printed = String::from_utf8(output.stdout).expect("UTF-8");
    let number = |cell: &str| cell.replace(',', "").parse::<u64>().expect("a number");
    printed
        .lines()
        .skip_while(|line| !line.starts_with("#  direction"))
        .skip(1)
        .take_while(|line| !line.is_empty())
        .map(|line| {
            let (from, rest) = line.split_once(" → ").expect("a direction");
            let mut cells = rest.split_whitespace();
            let mut next = || cells.next().expect("a cell").to_owned();
            let (to, packets, bytes) = (next(), next(), next());
            let from = from.split_whitespace().last().expect("a sender");
            let rest: Vec<&str> = cells.collect();
            (
                from.to_owned(),
                to,
                number(&packets),
                number(&bytes),
                rest.join(" "),
            )
        })
        .collect()
}

#[test]
fn table_of_conversations_has_the_numbers_of_wireshark_s() {
    if !tshark_is_there() {
        return;
    }
    for capture in captures() {
        let expected = conversations(&capture);
        let report = report(&capture);
        let mut found = BTreeMap::new();
        let mut rows = table_rows(&capture).into_iter();
        for (transport, id, stream) in streams(&report) {
            for direction in list(stream, "directions") {
                let (from, _, packets, bytes, _) = rows.next().expect("a row for each direction");
                assert_eq!(from, text(direction, "from"), "{}", name(&capture));
                if packets > 0 {
                    found.insert((transport, id, socket_address(&from)), (packets, bytes));
                }
            }
        }
        assert_eq!(rows.next(), None, "{}", name(&capture));
        assert_eq!(found, expected, "{}", name(&capture));
    }
}

/// The table as tshark prints it, on a capture of each of the five systems: frames to the number, bytes as it rounds them; and
/// beside them what went, and whether that is right.
#[test]
fn conversations_of_the_five_systems_beside_tshark_s_own_table() {
    if !tshark_is_there() {
        return;
    }
    for (capture, transport, contents) in [
        (
            "pipeline",
            "tcp",
            "JPEG 400×300, 18,631 bytes; marker, 17 bytes ✔ whole",
        ),
        ("eof", "tcp", "JPEG 300×220, 12,192 bytes ✔ whole"),
        ("catalog", "tcp", "JPEG 400×300, 18,631 bytes ✔ whole"),
        ("raw-pixels", "tcp", "raw pixels, 90,000 bytes ✔ whole"),
        ("udp", "udp", "JPEG 400×300, 18,631 bytes ✔ whole"),
        ("pipeline-hang", "tcp", "✖ "),
        (
            "eof-early-close",
            "tcp",
            "✖ the sender closed after 9,000 bytes",
        ),
        (
            "raw-pixels-reset",
            "tcp",
            "✖ the connection was reset after 69,600 bytes",
        ),
    ] {
        let capture = support::captures_folder().join(format!("{capture}.pcap"));
        let rows = table_rows(&capture);
        assert!(
            rows.iter().any(|row| row.4.contains(contents)),
            "{}: {rows:?}",
            name(&capture)
        );
        let printed = tshark(&capture, &["-n", "-q", "-z", &format!("conv,{transport}")]);
        let mut compared = 0;
        for line in printed.lines().filter(|line| line.contains("<->")) {
            // Both ends, then frames and bytes to the left and to the right.
            let cells: Vec<&str> = line.split_whitespace().collect();
            let [
                one,
                _,
                other,
                left,
                left_bytes,
                left_unit,
                right,
                right_bytes,
                right_unit,
                ..,
            ] = cells[..]
            else {
                panic!("tshark printed {line:?}");
            };
            for (from, to, frames, bytes, unit) in [
                (other, one, left, left_bytes, left_unit),
                (one, other, right, right_bytes, right_unit),
            ] {
                let port = to.rsplit_once(':').expect("a port").1;
                let row = rows
                    .iter()
                    .find(|row| row.0 == from && row.1.ends_with(&format!(":{port}")))
                    .unwrap_or_else(|| panic!("no row from {from} in {rows:?}"));
                assert_eq!(row.2.to_string(), frames, "{line}");
                let shown = match unit {
                    "bytes" => row.3,
                    "kB" => row.3 / 1000,
                    unit => panic!("{unit} in {line:?}"),
                };
                assert_eq!(shown.to_string(), bytes, "{line}");
                compared += 1;
            }
        }
        assert_eq!(compared, rows.len(), "{}", name(&capture));
    }
}
