//! Looking inside: the packet list, one packet, following a stream, and filters, held against tshark and against the
//! files that were sent.

#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a helper of a test may fail as the test may, and reads files"
)]

mod fast_open;
mod generated;
mod protocols;
mod tshark;

use crate::support;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::{captures, captures_folder, imgnet, list, name, number, text};
use serde_json::Value;

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
    let page = |more: &[&str], asked: &[&str]| -> Value {
        let output = imgnet(&[&["packets", path, "--format", "json"], asked, more].concat());
        serde_json::from_slice(&output.stdout).expect("JSON")
    };
    // The time since the row before goes on from page to page.
    let since = &[
        "-Y",
        "tcp.len > 0 && frame.time_delta_displayed < 1",
        "--columns",
        "number,frame.time_delta_displayed",
    ];
    for (asked, rows) in [(&[][..], 61), (since, 21)] {
        let all = list(&page(&[], asked), "packets").to_vec();
        let mut paged = Vec::new();
        let mut next = Some("1".to_owned());
        while let Some(token) = next {
            let page = page(&["--limit", "7", "--next", &token], asked);
            paged.extend(list(&page, "packets").to_vec());
            next = page.get("next").and_then(Value::as_str).map(str::to_owned);
        }
        assert_eq!(paged, all);
        assert_eq!(all.len(), rows);
    }
}

#[test]
fn a_page_of_rows_alone_says_beside_it_that_more_follow() {
    let path = captures_folder().join("eof.pcap");
    let path = path.to_str().expect("UTF-8");
    let said = |limit: &str| {
        let output = imgnet(&["packets", path, "--format", "csv", "--limit", limit]);
        String::from_utf8(output.stderr).expect("UTF-8")
    };
    assert_eq!(said("7"), "imgnet: more follow: --next 8\n");
    assert_eq!(said("30"), "");
}

#[test]
fn local_time_is_that_of_the_frame_and_not_of_today() {
    const ZONE: &str = "America/New_York";
    if !Path::new("/usr/share/zoneinfo").join(ZONE).exists() {
        eprintln!("SKIPPED: no rules of {ZONE} here");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("times.pcap");
    let mut bytes = std::fs::read(captures_folder().join("eof.pcap")).expect("a capture");
    // 2026-01-15 and 2026-07-15, both at 12:00 UTC.
    for (seconds, expected) in [
        (1_768_478_400_u32, "2026-01-15 07:00:00"),
        (1_784_116_800, "2026-07-15 08:00:00"),
    ] {
        bytes[24..28].copy_from_slice(&seconds.to_le_bytes());
        std::fs::write(&path, &bytes).expect("a capture");
        let output = Command::new(env!("CARGO_BIN_EXE_imgnet"))
            .args(["packets", "--time", "absolute", "--columns", "time"])
            .args(["--range", "1", "--format", "csv"])
            .arg(&path)
            .env("TZ", ZONE)
            .output()
            .expect("imgnet starts");
        let listed = String::from_utf8(output.stdout).expect("UTF-8");
        let time = listed.lines().nth(1).expect("a row");
        assert!(time.starts_with(expected), "{time}");
    }
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
        let path = capture.to_str().expect("UTF-8");
        let output = imgnet(&["follow", path, "--image", "0", "--as", "raw"]);
        // The other commands are asked with --format.
        let again = imgnet(&["follow", path, "--image", "0", "--format", "raw"]);
        assert!(again.stdout == output.stdout, "{file}");
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
fn a_range_beyond_the_last_byte_shows_nothing_and_says_so() {
    let capture = captures_folder().join("eof.pcap");
    let path = capture.to_str().expect("UTF-8");
    for (from, nothing) in [("0", false), ("99999999", true)] {
        let output = imgnet(&["follow", path, "--stream", "0", "--from", from]);
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(output.stdout.is_empty(), nothing, "{from}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(said.contains("nothing to show"), nothing, "{from}: {said}");
    }
}

#[test]
fn a_question_that_cannot_be_answered_is_refused_in_words() {
    let capture = captures_folder().join("eof.pcap");
    let path = capture.to_str().expect("UTF-8");
    for (arguments, said) in [
        (vec!["packet", path], "expected the number of a frame"),
        (vec!["packet", path, "0"], "expected the number of a frame"),
        (vec!["packet", path, "999"], "there is no frame 999"),
        (
            vec![
                "follow", path, "--image", "0", "--from", "100", "--to", "50",
            ],
            "the range is empty",
        ),
        (
            vec!["packets", path, "--range", "9-8"],
            "the range is empty",
        ),
        (
            vec!["packets", path, "--limit", "0"],
            "expected how many rows, from 1",
        ),
        (
            vec!["packets", path, "--next", "page"],
            "expected what an earlier list with --limit gave",
        ),
    ] {
        let output = imgnet(&arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let printed = String::from_utf8_lossy(&output.stderr);
        assert!(printed.contains(said), "{arguments:?}: {printed}");
    }
    // A list of nothing says why, for people alone.
    let capture = captures_folder().join("pipeline-hang.pcap");
    let path = capture.to_str().expect("UTF-8");
    for (more, said) in [
        (
            ["--range", "70-", "--format", "table"],
            "no frame is listed: the capture has 61 frames",
        ),
        (
            ["-Y", "udp", "--format", "table"],
            "no frame is listed: the filter chooses none of the 61 frames",
        ),
        (["-Y", "udp", "--format", "json"], ""),
        (["--range", "50", "--format", "table"], ""),
    ] {
        let output = imgnet(&[&["packets", path][..], &more].concat());
        assert_eq!(output.status.code(), Some(0), "{more:?}");
        let printed = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            printed.trim().trim_start_matches("imgnet: "),
            said,
            "{more:?}"
        );
    }
}

#[test]
fn on_a_narrow_terminal_columns_give_way_and_no_line_is_broken() {
    let capture = captures_folder().join("pipeline-hang.pcap");
    let listed = |columns: &str, more: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_imgnet"))
            .arg("packets")
            .arg(&capture)
            .args(more)
            .env("COLUMNS", columns)
            .output()
            .expect("imgnet starts");
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    for columns in [40, 50, 60, 66, 67, 80, 100, 120, 160] {
        let table = listed(&columns.to_string(), &[]);
        assert_eq!(table.lines().count(), 62, "{table}");
        for line in table.lines() {
            assert!(line.chars().count() <= columns, "{columns}: {line}");
        }
        let titles = table.lines().next().expect("titles");
        assert_eq!(titles.contains("Source"), columns >= 120, "{titles}");
        assert_eq!(titles.contains("Info"), columns >= 67, "{titles}");
        for title in ["No.", "Time", "Carries", "Find"] {
            assert!(titles.contains(title), "{columns}: {titles}");
        }
    }
    // Columns that were asked for stay.
    let asked = listed("60", &["--columns", "source,destination,info,carries"]);
    assert!(asked.starts_with("Source     Destination  Info"), "{asked}");
}

#[test]
fn on_a_narrow_terminal_a_packet_has_shorter_lines_and_says_as_much() {
    let capture = captures_folder().join("pipeline-hang.pcap");
    let shown = |columns: Option<&str>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_imgnet"));
        command.arg("packet").arg(&capture).arg("48");
        match columns {
            Some(columns) => command.env("COLUMNS", columns),
            None => command.env_remove("COLUMNS"),
        };
        let output = command.output().expect("imgnet starts");
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    let whole = shown(None);
    let words = |text: &str| {
        let tree = text.split_once("\n\n").expect("a tree and a dump").0;
        let mut words: Vec<String> = tree.split_whitespace().map(str::to_owned).collect();
        words.sort();
        words
    };
    // The bytes of each line of the dump, one behind the other.
    let bytes = |text: &str| -> String {
        let dump = text.split_once("\n\n").expect("a tree and a dump").1;
        let lines = dump.lines().filter(|line| !line.starts_with(' '));
        let bytes = lines.flat_map(|line| {
            let hex = line.get(6..).unwrap_or_default().replacen("  ", " ", 1);
            let hex = hex.split("  ").next().unwrap_or_default().to_owned();
            hex.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        });
        bytes.collect()
    };
    for columns in [40, 60, 72, 80, 100] {
        let narrow = shown(Some(&columns.to_string()));
        assert_eq!(words(&narrow), words(&whole), "{columns}");
        let lines = narrow.lines().filter(|line| line.chars().count() > columns);
        assert_eq!(lines.collect::<Vec<_>>(), Vec::<&str>::new(), "{columns}");
        if columns >= 72 {
            assert_eq!(bytes(&narrow), bytes(&whole), "{columns}");
        }
    }
}

#[test]
fn an_acknowledgment_reaches_as_far_as_its_number_says() {
    // Each is one picture from the first byte on; the capture lacks parts of it, or has them twice.
    for (name, bytes) in [
        ("snaplen-96.pcap", 12_895),
        ("loss-before-capture.pcap", 39_731),
        ("loss-after-capture.pcap", 39_731),
        ("eof-lossy.pcap", 128_732),
    ] {
        let capture = captures_folder().join(name);
        let mut told = 0;
        for row in tshark::csv(&capture, &["tcp.ack", "carries"]) {
            let [ack, carries] = row.as_slice() else {
                panic!("two cells");
            };
            let Some((_, said)) = carries.split_once("ACK to byte ") else {
                continue;
            };
            let (said, _) = said.split_once(' ').expect("of a picture");
            let said: u64 = said.replace(',', "").parse().expect("a number");
            let ack: u64 = ack.parse().expect("a number");
            assert_eq!(said, (ack - 1).min(bytes), "{name}: {carries}");
            told += 1;
        }
        assert!(told > 10, "{name}: {told}");
    }
}

#[test]
fn an_http_head_is_summed_up_by_its_first_line() {
    let capture = captures_folder().join("formats/http.pcap");
    let mut heads = Vec::new();
    for row in tshark::csv(&capture, &["protocol", "info", "http.request.method"]) {
        let [protocol, info, method] = row.as_slice() else {
            panic!("three cells");
        };
        assert_eq!(protocol == "HTTP", info.contains("HTTP/1."), "{info}");
        assert!(
            method.is_empty() || info.starts_with(method.as_str()),
            "{info}"
        );
        if protocol == "HTTP" {
            heads.push(info.clone());
        }
    }
    assert!(heads.len() > 1, "{heads:?}");
}

#[test]
fn what_could_not_be_read_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let whole = std::fs::read(captures_folder().join("eof.pcap")).expect("a capture");
    let path = folder.path().join("cut.pcap");
    std::fs::write(&path, &whole[..5_000]).expect("a capture");
    let name = path.to_str().expect("UTF-8");
    for (command, more, code) in [
        ("packets", &[][..], 3),
        ("packet", &["4"], 3),
        ("packet", &["4", "--bytes"], 3),
        ("packet", &["20"], 2),
        ("follow", &["--stream", "0"], 3),
        ("follow", &["--image", "0", "--as", "raw"], 3),
    ] {
        for input in [name, "-"] {
            let output = Command::new(env!("CARGO_BIN_EXE_imgnet"))
                .args([command, input])
                .args(more)
                .stdin(std::fs::File::open(&path).expect("a capture"))
                .output()
                .expect("imgnet starts");
            let said = String::from_utf8(output.stderr).expect("UTF-8");
            assert_eq!(
                output.status.code(),
                Some(code),
                "{command} {more:?}: {said}"
            );
            assert!(
                said.starts_with(&format!("imgnet: {input} cannot be read on at byte ")),
                "{command} {more:?}: {said}"
            );
            assert!(said.contains("after frame "), "{said}");
        }
    }
}

#[test]
fn fields_are_found_by_any_part_of_name_or_explanation() {
    let found = |word: &str| {
        let output = imgnet(&["fields", word]);
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    assert!(found("retransmission").contains("tcp.analysis.fast_retransmission"));
    assert!(found("Window scale").contains("tcp.options.wscale.shift"));
    // As JSON, as the other commands are asked for it.
    for asked in [
        &["fields", "tcp.flags", "--json"][..],
        &["fields", "tcp.flags", "--format", "json"],
    ] {
        let fields: Value = serde_json::from_slice(&imgnet(asked).stdout).expect("JSON");
        assert!(
            fields.as_array().is_some_and(|all| all.len() > 10),
            "{fields}"
        );
    }
    // Where names begin so, only these.
    assert!(
        found("tcp.flags")
            .lines()
            .all(|line| line.starts_with("tcp.flags"))
    );
    let path = captures_folder().join("eof.pcap");
    let path = path.to_str().expect("UTF-8");
    for (wrong, near) in [
        ("inof", "info"),
        ("tcp.prot", "tcp.port"),
        ("Sorce", "source"),
    ] {
        let output = imgnet(&["packets", path, "--columns", wrong]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(&format!("did you mean {near}?")), "{said}");
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
fn a_filter_narrows_which_packet_and_which_framings_are_shown() {
    let capture = captures_folder().join("pipeline-hang.pcap");
    let path = capture.to_str().expect("UTF-8");
    let packet = |from: &str, filter: &str| {
        let output = imgnet(&["packet", path, from, "-Y", filter]);
        let told = [output.stdout, output.stderr].concat();
        let told = String::from_utf8(told).expect("UTF-8");
        (
            output.status.code(),
            told.lines().next().unwrap_or_default().to_owned(),
        )
    };
    let (code, told) = packet("1", "imgnet.role == framing && tcp.stream == 2");
    assert!(code == Some(0) && told.starts_with("Frame 50: "), "{told}");
    let (code, told) = packet("51", "tcp.stream == 2 && tcp.flags.fin == 1");
    assert!(code == Some(0) && told.starts_with("Frame 54: "), "{told}");
    let (code, told) = packet("55", "imgnet.role == framing && tcp.stream == 2");
    assert_eq!(code, Some(2));
    assert_eq!(
        told,
        "imgnet: from frame 55 on, the filter chooses no frame"
    );
    let layout = |filter: &str| {
        let output = imgnet(&["layout", path, "-Y", filter]);
        let told = String::from_utf8(output.stdout).expect("UTF-8");
        (output.status.code(), told)
    };
    let (code, told) = layout("tcp.stream == 1");
    assert_eq!(code, Some(0));
    assert!(told.starts_with("stream 1 "), "{told}");
    assert_eq!(told.matches("--protocol").count(), 1, "{told}");
    let (code, told) = layout("tcp.stream == 9");
    assert_eq!(code, Some(1));
    assert_eq!(
        told,
        "the filter chooses no stream in which a picture was found\n"
    );
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
