//! Looking inside: the packet list, one packet, following a stream, and filters, held against tshark and against the
//! files that were sent.

#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a helper of a test may fail as the test may, and reads files"
)]

use crate::support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::{
    captures, captures_folder, imgnet, list, name, number, text, tshark, tshark_is_there,
};
use serde_json::Value;

/// Fields whose values are the same on every frame.
const COMMON: &[&str] = &[
    "frame.number",
    "frame.len",
    "frame.cap_len",
    "frame.time_epoch",
    "frame.time_relative",
    "frame.time_delta",
    "eth.src",
    "eth.dst",
    "eth.type",
    "ip.version",
    "ip.hdr_len",
    "ip.dsfield",
    "ip.dsfield.ecn",
    "ip.len",
    "ip.id",
    "ip.flags",
    "ip.flags.df",
    "ip.flags.mf",
    "ip.frag_offset",
    "ip.ttl",
    "ip.proto",
    "ip.checksum",
    "ip.src",
    "ip.dst",
    "ip.addr",
    "ipv6.src",
    "ipv6.dst",
    "ipv6.plen",
    "ipv6.nxt",
    "ipv6.hlim",
    "ipv6.flow",
    "tcp.srcport",
    "tcp.dstport",
    "tcp.port",
    "tcp.stream",
    "tcp.len",
    "tcp.seq",
    "tcp.seq_raw",
    "tcp.nxtseq",
    "tcp.ack",
    "tcp.ack_raw",
    "tcp.hdr_len",
    "tcp.flags",
    "tcp.flags.syn",
    "tcp.flags.ack",
    "tcp.flags.push",
    "tcp.flags.fin",
    "tcp.flags.reset",
    "tcp.window_size_value",
    "tcp.window_size",
    "tcp.window_size_scalefactor",
    "tcp.checksum",
    "tcp.urgent_pointer",
    "tcp.option_kind",
    "tcp.option_len",
    "tcp.options.mss_val",
    "tcp.options.wscale.shift",
    "tcp.options.timestamp.tsval",
    "tcp.options.timestamp.tsecr",
    "tcp.options.sack_le",
    "tcp.options.sack_re",
    "tcp.payload",
    "tcp.time_relative",
    "tcp.time_delta",
    "tcp.analysis.acks_frame",
    "tcp.analysis.ack_rtt",
    "tcp.analysis.bytes_in_flight",
    "tcp.analysis.duplicate_ack_num",
    "tcp.analysis.duplicate_ack_frame",
    "udp.srcport",
    "udp.dstport",
    "udp.length",
    "udp.checksum",
    "udp.stream",
    "udp.time_relative",
];

/// Filters that choose the same frames.
const FILTERS: &[&str] = &[
    "tcp",
    "udp",
    "ip",
    "ipv6",
    "eth",
    "arp",
    "!tcp",
    "not udp and not tcp",
    "tcp.port == 5050",
    "tcp.port != 5050",
    "tcp.srcport == 5050 || tcp.dstport == 65432",
    "tcp.port in {5050, 65432, 40000..41000}",
    "tcp.port not in {5050, 65432}",
    "tcp.stream == 0",
    "tcp.stream == 2 && tcp.len > 0",
    "udp.stream == 0",
    "udp.length >= 1000",
    "udp.port == 5005 or udp.srcport > 40000",
    "ip.addr == 127.0.0.1",
    "ip.src == 127.0.0.0/8",
    "ip.src == ip.dst",
    "ip.src != 127.0.0.1",
    "ip.ttl < 64",
    "ip.ttl == 64 and ip.flags.df == 1",
    "ip.len > 1500",
    "ip.id == 0",
    "ip.flags.mf == 1 || ip.frag_offset > 0",
    "ip.proto in {6, 17}",
    "ipv6.addr == ::1",
    "ipv6.hlim == 64",
    "frame.len > 1000",
    "frame.len <= 0x42",
    "frame.number >= 10 && frame.number < 20",
    "frame.number in {1, 5..7}",
    "frame.time_relative > 0.01",
    "frame.time_delta > 0.1",
    "eth.type == 0x0800",
    "eth.dst == 00:00:00:00:00:00",
    "eth.src[0:3] == 00:00:00",
    "tcp.flags.syn == 1",
    "tcp.flags.syn == 1 && tcp.flags.ack == 0",
    "tcp.flags.fin == 1",
    "tcp.flags.reset == 1",
    "tcp.flags.push == 1 and tcp.len >= 1024",
    "tcp.flags == 0x0010",
    "tcp.flags & 0x02",
    "tcp.len == 0",
    "tcp.seq == 1",
    "tcp.ack > 2000",
    "tcp.window_size > 65535",
    "tcp.window_size_value == 0",
    "tcp.options.mss_val > 1460",
    "tcp.options.timestamp.tsecr == 0",
    "tcp.payload[0:2] == ff:d8",
    "tcp.payload contains ff:d9",
    "tcp contains \"JFIF\"",
    "frame contains \"%IMAGE_COMPLETED%\"",
    "frame matches \"(jfif|exif)\"",
    "tcp.payload matches \"^%image\"",
    "len(tcp.payload) > 100",
    "tcp.time_delta > 0.04",
    "tcp.analysis.flags",
    "tcp.analysis.retransmission",
    "tcp.analysis.out_of_order",
    "tcp.analysis.lost_segment or tcp.analysis.ack_lost_segment",
    "tcp.analysis.duplicate_ack",
    "tcp.analysis.zero_window || tcp.analysis.window_full",
    "tcp.analysis.window_update",
    "tcp.analysis.keep_alive",
    "tcp.analysis.acks_frame == 4",
    "tcp.srcport > tcp.dstport",
    "http.request",
    "http.response.code == 200",
    "http.request.method == \"GET\"",
];

/// A cell's values, numbers in one writing: decimal, times without trailing zeros.
fn values(cell: &str) -> Vec<String> {
    if cell.is_empty() {
        return Vec::new();
    }
    cell.split(',')
        .map(|value| {
            if let Some(hex) = value.strip_prefix("0x") {
                return u64::from_str_radix(hex, 16)
                    .map_or_else(|_| value.to_owned(), |number| number.to_string());
            }
            match value {
                "True" => "1".to_owned(),
                "False" => "0".to_owned(),
                value
                    if value.contains('.')
                        && value.bytes().all(|b| b.is_ascii_digit() || b == b'.')
                        && value.split('.').count() == 2 =>
                {
                    value.trim_end_matches('0').trim_end_matches('.').to_owned()
                }
                value => value.replace(':', ""),
            }
        })
        .collect()
}

/// The lines of a CSV, unquoted by hand: cells hold numbers, addresses and hex only.
fn csv(capture: &Path, columns: &[&str]) -> Vec<Vec<String>> {
    let path = capture.to_str().expect("UTF-8");
    let columns = columns.join(",");
    let output = imgnet(&["packets", path, "--format", "csv", "--columns", &columns]);
    assert!(
        matches!(output.status.code(), Some(0 | 3)),
        "{path}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let printed = String::from_utf8(output.stdout).expect("UTF-8");
    printed.lines().skip(1).map(cells).collect()
}

fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            c => {
                if let Some(cell) = cells.last_mut() {
                    cell.push(c);
                }
            }
        }
    }
    cells
}

/// Frames where the two differ by definition: `docs/inspect.md` says why.
fn is_exempt(field: &str, row: &Row<'_>) -> bool {
    // An ICMP error quotes the headers of what it is about; imgnet's fields are those of the packet itself.
    if row.has("icmp.type") || row.has("icmpv6.type") {
        return true;
    }
    // Within a tunnel imgnet's fields are those of the innermost packet.
    if row
        .theirs(if field.starts_with("ipv6") {
            "ipv6.src"
        } else {
            "ip.src"
        })
        .contains(',')
        || row.has("ip.src") && row.has("ipv6.src")
    {
        return true;
    }
    // imgnet counts from the lowest byte that waits to the highest that was sent, FIN included; Wireshark leaves out what lies
    // before a hole.
    if field == "tcp.analysis.bytes_in_flight" {
        let number = |cell: &str| cell.parse::<u64>().unwrap_or(0);
        return number(row.ours(field)) >= number(row.theirs(field));
    }
    // tshark gives an empty datagram no times.
    if field.starts_with("udp.time") && row.ours("udp.length") == "8" {
        return row.theirs(field).is_empty();
    }
    // The header of a datagram put together from fragments lies in an earlier frame.
    if field == "udp.checksum" && row.ours(field).is_empty() {
        return row.has("ip.frag_offset") || row.has("ipv6.nxt");
    }
    false
}

struct Row<'r> {
    fields: &'r [&'r str],
    theirs: &'r [String],
    ours: &'r [String],
}

impl Row<'_> {
    fn has(&self, field: &str) -> bool {
        self.at(field)
            .and_then(|at| self.theirs.get(at))
            .is_some_and(|cell| !cell.is_empty())
    }

    fn theirs(&self, field: &str) -> &str {
        self.at(field)
            .and_then(|at| self.theirs.get(at))
            .map_or("", String::as_str)
    }

    fn at(&self, field: &str) -> Option<usize> {
        self.fields.iter().position(|name| *name == field)
    }

    fn ours(&self, field: &str) -> &str {
        self.at(field)
            .and_then(|at| self.ours.get(at))
            .map_or("", String::as_str)
    }
}

#[test]
fn every_common_field_has_tsharks_values_on_every_frame() {
    if !tshark_is_there() {
        return;
    }
    let mut differences = Vec::new();
    for capture in captures() {
        let mut asked: Vec<&str> = COMMON.to_vec();
        asked.extend(["icmp.type", "icmpv6.type"]);
        let mut arguments = vec![
            "-n",
            "-T",
            "fields",
            "-E",
            "separator=;",
            "-E",
            "occurrence=a",
        ];
        for field in &asked {
            arguments.extend(["-e", field]);
        }
        let theirs: Vec<Vec<String>> = tshark(&capture, &arguments)
            .lines()
            .map(|line| line.split(';').map(str::to_owned).collect())
            .collect();
        let ours = csv(&capture, COMMON);
        assert_eq!(ours.len(), theirs.len(), "{}: frames", name(&capture));
        for (ours, theirs) in ours.iter().zip(&theirs) {
            let row = Row {
                fields: &asked,
                theirs,
                ours,
            };
            for (at, field) in COMMON.iter().enumerate() {
                let (mine, other) = (
                    ours.get(at).map_or("", String::as_str),
                    theirs.get(at).map_or("", String::as_str),
                );
                if values(mine) != values(other) && !is_exempt(field, &row) {
                    differences.push(format!(
                        "{} frame {}: {field}: imgnet {mine:.80}, tshark {other:.80}",
                        name(&capture),
                        ours.first().map_or("", String::as_str)
                    ));
                }
            }
        }
    }
    assert!(
        differences.is_empty(),
        "{} differences:\n{}",
        differences.len(),
        differences
            .get(..differences.len().min(60))
            .unwrap_or_default()
            .join("\n")
    );
}

/// Numbers of the frames that imgnet chooses.
fn chosen(capture: &Path, filter: &str) -> BTreeSet<u64> {
    let path = capture.to_str().expect("UTF-8");
    let output = imgnet(&[
        "packets",
        path,
        "-Y",
        filter,
        "--format",
        "csv",
        "--columns",
        "number",
    ]);
    assert!(
        matches!(output.status.code(), Some(0 | 3)),
        "{filter}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    numbers(&String::from_utf8_lossy(&output.stdout))
}

fn numbers(printed: &str) -> BTreeSet<u64> {
    printed
        .lines()
        .filter_map(|line| line.trim().parse().ok())
        .collect()
}

/// Several captures in one file, one behind the other, so that a filter is one run of tshark.
fn joined(folder: &Path) -> PathBuf {
    let together = folder.join("together.pcapng");
    let mut command = Command::new("mergecap");
    command.args(["-a", "-w"]).arg(&together);
    let ethernet = captures().into_iter().filter(|capture| {
        let is_cut = name(capture).starts_with("cut-") || name(capture).starts_with("snaplen");
        !is_cut
    });
    let output = command.args(ethernet).output().expect("mergecap starts");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    together
}

#[test]
fn filters_choose_the_frames_that_tshark_chooses() {
    if !tshark_is_there() {
        return;
    }
    assert!(FILTERS.len() >= 60);
    let folder = tempfile::tempdir().expect("a folder");
    let together = joined(folder.path());
    let mut differences = Vec::new();
    for filter in FILTERS {
        let ours = chosen(&together, filter);
        let printed = tshark(
            &together,
            &["-n", "-Y", filter, "-T", "fields", "-e", "frame.number"],
        );
        let theirs = numbers(&printed);
        if ours != theirs {
            let only = |a: &BTreeSet<u64>, b: &BTreeSet<u64>| {
                let some: Vec<String> = a.difference(b).take(12).map(u64::to_string).collect();
                some.join(" ")
            };
            differences.push(format!(
                "{filter}: only imgnet {}; only tshark {}",
                only(&ours, &theirs),
                only(&theirs, &ours)
            ));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn the_opposite_of_the_opposite_is_the_filter_itself() {
    let capture = captures_folder().join("pipeline-hang.pcap");
    let all = chosen(&capture, "");
    for filter in FILTERS.iter().chain(&[
        "imgnet.picture == 0",
        "imgnet.role == framing",
        "imgnet.finding",
        "imgnet.chunk in {1..3}",
    ]) {
        let chosen_ones = chosen(&capture, filter);
        assert_eq!(
            chosen(&capture, &format!("!(!({filter}))")),
            chosen_ones,
            "{filter}"
        );
        let others = chosen(&capture, &format!("!({filter})"));
        assert!(others.is_disjoint(&chosen_ones), "{filter}");
        assert_eq!(&others | &chosen_ones, all, "{filter}");
    }
}

/// The rows of a capture's list.
fn rows(capture: &Path) -> Vec<Value> {
    let path = capture.to_str().expect("UTF-8");
    let output = imgnet(&["packets", path, "--format", "json"]);
    let object: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(text(&object, "schema"), "imgnet/packets/v1");
    list(&object, "packets").to_vec()
}

#[test]
fn the_pictures_bytes_of_all_frames_without_repeats_cover_each_whole_picture_once() {
    let mut pictures = 0;
    for capture in captures() {
        let report = support::report(&capture);
        let rows = rows(&capture);
        for image in list(&report, "images") {
            if !image
                .get("complete")
                .and_then(Value::as_bool)
                .unwrap_or(false)
            {
                continue;
            }
            // With framing between its pieces, or coded, offsets in the stream are none in the picture.
            if image
                .get("encoded_bytes")
                .is_some_and(|bytes| !bytes.is_null())
            {
                continue;
            }
            let id = number(image, "id");
            let length = number(image, "bytes");
            let mut covered: Vec<(u64, u64)> = Vec::new();
            for row in &rows {
                for piece in list(row, "pieces") {
                    if piece.get("picture").and_then(Value::as_u64) == Some(id) {
                        let start = number(piece, "picture_offset");
                        covered.push((start, start + number(piece, "bytes")));
                    }
                }
            }
            covered.sort_unstable();
            let mut end = 0;
            for (start, stop) in covered {
                assert!(
                    start <= end,
                    "{}: picture {id} lacks {end}..{start}",
                    name(&capture)
                );
                end = end.max(stop);
            }
            assert_eq!(end, length, "{}: picture {id}", name(&capture));
            pictures += 1;
        }
    }
    assert!(pictures > 20, "{pictures} pictures");
}

#[test]
fn pages_with_a_next_token_are_the_whole_list() {
    let capture = captures_folder().join("pipeline-hang.pcap");
    let path = capture.to_str().expect("UTF-8");
    let all = rows(&capture);
    let mut paged = Vec::new();
    let mut next = Some("1".to_owned());
    while let Some(token) = next {
        let output = imgnet(&[
            "packets", path, "--format", "json", "--limit", "7", "--next", &token,
        ]);
        let page: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        paged.extend(list(&page, "packets").to_vec());
        next = page.get("next").and_then(Value::as_str).map(str::to_owned);
    }
    assert_eq!(paged, all);
    assert_eq!(all.len(), 61);
}

#[test]
fn the_frame_of_the_finding_is_marked_and_says_marker() {
    let capture = captures_folder().join("pipeline-hang.pcap");
    let rows = rows(&capture);
    let row = rows
        .iter()
        .find(|row| number(row, "number") == 50)
        .expect("frame 50");
    assert_eq!(text(row, "role"), "framing");
    assert!(text(row, "carries").contains("marker"), "{row}");
    let findings: Vec<&str> = list(row, "findings")
        .iter()
        .map(|it| text(it, "name"))
        .collect();
    assert!(findings.contains(&"marker-unanswered"), "{findings:?}");
}

#[test]
fn the_tree_of_every_frame_covers_it_and_stays_within_it() {
    fn check(node: &Value, within: u64, context: &str) {
        if let (Some(offset), Some(length)) = (
            node.get("offset").and_then(Value::as_u64),
            node.get("length").and_then(Value::as_u64),
        ) {
            assert!(offset + length <= within, "{context}: {node}");
        }
        for child in list(node, "children") {
            check(child, within, context);
        }
    }
    for file in [
        "pipeline-hang.pcap",
        "udp.pcap",
        "ipv6.pcap",
        "snaplen-96.pcap",
    ] {
        let capture = captures_folder().join(file);
        let path = capture.to_str().expect("UTF-8");
        for frame in [1, 4, 9] {
            let output = imgnet(&["packet", path, &frame.to_string(), "--format", "json"]);
            let object: Value = serde_json::from_slice(&output.stdout).expect("JSON");
            let captured = text(&object, "bytes").len() as u64 / 2;
            let layers = list(&object, "layers");
            for layer in layers {
                check(layer, captured, &format!("{file} frame {frame}"));
            }
            let mut ranges: Vec<(u64, u64)> = layers
                .iter()
                .skip(1)
                .filter_map(|layer| {
                    let offset = layer.get("offset")?.as_u64()?;
                    Some((offset, offset + layer.get("length")?.as_u64()?))
                })
                .collect();
            ranges.sort_unstable();
            let mut end = 0;
            for (start, stop) in ranges {
                assert_eq!(start, end, "{file} frame {frame}: bytes of no layer");
                end = stop;
            }
            assert_eq!(end, captured, "{file} frame {frame}");
        }
    }
}

#[test]
fn a_picture_that_is_followed_is_the_file_that_was_sent() {
    for (file, sent) in [
        ("eof.pcap", "eof/sent"),
        ("eof-lossy.pcap", "eof-lossy/sent"),
    ] {
        let capture = captures_folder().join(file);
        let output = imgnet(&[
            "follow",
            capture.to_str().expect("UTF-8"),
            "--image",
            "0",
            "--as",
            "raw",
        ]);
        let folder = captures_folder().join(sent);
        let first = std::fs::read_dir(folder)
            .expect("a folder")
            .next()
            .expect("a file")
            .expect("an entry");
        assert!(
            output.stdout == std::fs::read(first.path()).expect("readable"),
            "{file}"
        );
    }
}

#[test]
fn a_gap_is_told_with_its_cause_and_never_filled() {
    let capture = captures_folder().join("loss-before-capture.pcap");
    let path = capture.to_str().expect("UTF-8");
    let report = support::report(&capture);
    for stream in list(&report, "streams") {
        let id = number(stream, "id").to_string();
        let output = imgnet(&["follow", path, "--stream", &id, "--as", "jsonl"]);
        let printed = String::from_utf8(output.stdout).expect("UTF-8");
        let blocks: Vec<Value> = printed
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect();
        for direction in list(stream, "directions") {
            let from = text(direction, "from");
            let of = |gap: bool| -> u64 {
                let ours = blocks.iter().filter(|block| text(block, "from") == from);
                ours.filter(|block| (text(block, "role") == "gap") == gap)
                    .map(|block| number(block, "length"))
                    .sum()
            };
            assert_eq!(of(true), number(direction, "gap_bytes"), "{from}");
            assert_eq!(of(false), number(direction, "unique_bytes"), "{from}");
        }
    }
}

#[test]
fn a_reader_who_goes_away_ends_the_list() {
    let capture = captures_folder().join("pipeline.pcap");
    let mut child = Command::new(env!("CARGO_BIN_EXE_imgnet"))
        .args(["packets", capture.to_str().expect("UTF-8")])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("imgnet starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0));
    assert!(
        output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn a_mistake_in_a_filter_is_shown_with_a_caret_and_the_nearest_name() {
    let output = imgnet(&["packets", "nowhere.pcap", "-Y", "tcp.prot == 80"]);
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("did you mean tcp.port?"), "{told}");
    assert!(told.contains("\n  ^~~~~~~~"), "{told}");
}

/// A capture of so many frames: those of a small one over and over.
fn long_capture(folder: &Path, frames: usize) -> PathBuf {
    let bytes = std::fs::read(captures_folder().join("eof.pcap")).expect("a capture");
    let (header, records) = bytes.split_at(24);
    let mut all = header.to_vec();
    let mut at = 0;
    for _ in 0..frames {
        let length = records.get(at + 8..at + 12).and_then(<[u8]>::first_chunk);
        let end = at + 16 + u32::from_le_bytes(*length.expect("a record")) as usize;
        all.extend_from_slice(records.get(at..end).expect("a record"));
        at = if end < records.len() { end } else { 0 };
    }
    let path = folder.join("long.pcap");
    std::fs::write(&path, all).expect("a file");
    // A file that was written to just now is not mapped, and only what is mapped is handed to other threads.
    let file = std::fs::File::options().append(true).open(&path);
    let long_ago = std::time::SystemTime::UNIX_EPOCH;
    file.and_then(|file| file.set_modified(long_ago))
        .expect("a time");
    path
}

/// A capture whose frame 44 proves a finding only together with frames that come after 33,000 others.
fn late_proof(folder: &Path) -> PathBuf {
    let bytes = std::fs::read(captures_folder().join("pipeline-hang.pcap")).expect("a capture");
    let (header, mut rest) = bytes.split_at(24);
    let mut records = Vec::new();
    while let Some(length) = rest.get(8..12).and_then(<[u8]>::first_chunk) {
        let (record, more) = rest.split_at(16 + u32::from_le_bytes(*length) as usize);
        records.push(record);
        rest = more;
    }
    let (before, after) = records.split_at(48);
    let mut noise = before
        .last()
        .expect("a record")
        .get(..8)
        .expect("a time")
        .to_vec();
    noise.extend([60_u32, 60].map(u32::to_le_bytes).concat());
    noise.extend([2; 12]);
    noise.extend([0x88, 0xb5]);
    noise.resize(16 + 60, 0);
    let all = [
        header,
        &before.concat(),
        &noise.repeat(33_000),
        &after.concat(),
    ]
    .concat();
    let path = folder.join("late.pcap");
    std::fs::write(&path, all).expect("a file");
    path
}

#[test]
fn rows_that_rest_on_the_first_frames_say_so_and_what_they_lacked_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let capture = late_proof(folder.path());
    let path = capture.to_str().expect("UTF-8");
    let page = |more: &[&str]| {
        let page = ["packets", path, "--range", "44-44", "--format", "json"];
        let output = imgnet(&[&page, more].concat());
        let page: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let findings = list(list(&page, "packets").first().expect("a frame"), "findings").len();
        (page.get("analysed").expect("a member").clone(), findings)
    };
    assert_eq!(page(&[]), (Value::from(32_768), 0));
    assert_eq!(page(&["--whole"]), (Value::Null, 1));
    let output = imgnet(&["packets", path]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("2 of the first 1,000 rows"), "{told}");
    assert!(told.contains("frame 44"), "{told}");
    // Nobody reads a file while it is written: its rows are right from the first on.
    let written = folder.path().join("list");
    let output = Command::new(env!("CARGO_BIN_EXE_imgnet"))
        .args(["packets", path])
        .stdout(std::fs::File::create(&written).expect("a file"))
        .output()
        .expect("imgnet starts");
    assert!(output.stderr.is_empty());
    let rows = std::fs::read_to_string(&written).expect("UTF-8");
    let row = rows.lines().nth(44).expect("a row");
    assert!(row.trim_start().starts_with("44 "), "{row}");
    assert!(row.ends_with("marker-unanswered"), "{row}");
}

#[test]
fn a_filter_narrows_what_is_followed_annotated_and_drawn() {
    let capture = captures_folder().join("pipeline-hang.pcap");
    let path = capture.to_str().expect("UTF-8");
    let marker = [
        "follow",
        path,
        "--stream",
        "2",
        "--as",
        "raw",
        "-Y",
        "imgnet.role == framing",
    ];
    assert_eq!(imgnet(&marker).stdout, b"%IMAGE_COMPLETED%");
    let folder = tempfile::tempdir().expect("a folder");
    let annotated = folder.path().join("annotated.pcapng");
    let to = annotated.to_str().expect("UTF-8");
    let output = imgnet(&["annotate", path, "-Y", "frame.number == 50", "-o", to]);
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.contains("61 frames with 1 comment "), "{told}");
    let page = folder.path().join("page.html");
    let to = page.to_str().expect("UTF-8");
    for (filter, says) in [("tcp.stream == 0", false), ("tcp.stream == 2", true)] {
        let output = imgnet(&["report", path, "-Y", filter, "-o", to]);
        assert!(output.status.success());
        let page = std::fs::read_to_string(&page).expect("UTF-8");
        assert_eq!(page.contains("marker-unanswered"), says, "{filter}");
    }
}

#[test]
fn rows_by_many_threads_are_those_of_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let capture = long_capture(folder.path(), 12_000);
    for format in ["table", "jsonl", "csv"] {
        let list = |more: &[&str]| {
            let path = capture.to_str().expect("UTF-8");
            let output = imgnet(&[&["packets", path, "--format", format], more].concat());
            assert!(output.status.success());
            String::from_utf8(output.stdout).expect("UTF-8")
        };
        let by_many = list(&[]);
        // A list with a limit is written by one thread.
        let by_one = list(&["--limit", "1000000"]);
        assert!(by_many.lines().count() >= 12_000, "{format}");
        assert!(by_many == by_one, "{format}: the lists differ");
    }
}
