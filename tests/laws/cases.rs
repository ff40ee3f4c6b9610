//! `imgnet verify` on the cases under `captures/cases/`: exit code, verdict, whose side it is, and the finding that names the
//! mistake. What is right for each stands in the README of its folder.

#![expect(clippy::expect_used, reason = "a test reads files, and may fail")]

use std::path::PathBuf;

use crate::support::{captures_folder, imgnet, list, text};
use serde_json::Value;

/// A case of `reports/`: its folder, the exit code, the run's verdict, the blame of some picture and a finding, both empty
/// where there is none.
type Report = (&'static str, i32, &'static str, &'static str, &'static str);

const REPORTS: &[Report] = &[
    ("ascii20-jpg", 0, "match", "", ""),
    ("ascii20-raw", 1, "mismatch", "receiver", "receiver-stopped"),
    ("blocks-124", 0, "match", "", ""),
    ("c-strlen", 1, "mismatch", "sender", "cut-at-nul"),
    ("cs-7bit-b64", 0, "match", "", ""),
    (
        "csharp-bmp-54",
        1,
        "mismatch",
        "sender",
        "header-not-counted",
    ),
    ("edgedroid-raw5", 0, "match", "", ""),
    ("empty-payload", 1, "unverified", "", "nothing-sent"),
    ("eth-padding", 0, "match", "", ""),
    ("ffd9-first", 1, "mismatch", "sender", "thumbnail-sent"),
    ("ftp-ascii", 1, "mismatch", "sender", "text-mode"),
    ("full-buffer-send", 1, "mismatch", "sender", "stale-buffer"),
    ("getsizeof", 1, "match", "", "wrong-size-given"),
    ("http-multipart-post", 0, "match", "", ""),
    (
        "http-raw-headers-saved",
        1,
        "mismatch",
        "receiver",
        "header-in-file",
    ),
    ("ieee488-bmp", 1, "mismatch", "receiver", "read-past-end"),
    (
        "java-utf-long-two",
        1,
        "mismatch",
        "receiver",
        "read-past-end",
    ),
    ("jpgs-4field", 0, "match", "", ""),
    ("jpgs-4field-le", 1, "match", "", "wrong-byte-order"),
    ("json-b64-line", 1, "unverified", "receiver", ""),
    ("latin1-utf8-65432", 1, "mismatch", "sender", "text-mode"),
    ("len-incl-header", 0, "match", "", ""),
    ("len-per-chunk", 0, "match", "", ""),
    ("minicap", 0, "match", "", ""),
    ("mqtt-short", 1, "mismatch", "sender", ""),
    ("neural-nine", 1, "unverified", "receiver", "fields-glued"),
    ("node-read-utf8", 1, "mismatch", "sender", "text-mode"),
    ("node-tostring", 1, "mismatch", "receiver", "text-mode"),
    ("qt-qimage", 0, "match", "", ""),
    (
        "qt-readall-once",
        1,
        "mismatch",
        "receiver",
        "receiver-stopped",
    ),
    (
        "raw-frames-stream",
        1,
        "mismatch",
        "receiver",
        "receiver-stopped",
    ),
    (
        "raw-whc-swapped",
        1,
        "mismatch",
        "receiver",
        "pixels-misread",
    ),
    ("recompressed-q30", 1, "mismatch", "sender", "re-encoded"),
    ("ros-unity", 1, "mismatch", "receiver", "receiver-stopped"),
    (
        "sep-name-size",
        1,
        "mismatch",
        "receiver",
        "receiver-stopped",
    ),
    ("seq-len-u32be", 0, "match", "", ""),
    ("text-length-line", 0, "match", "", ""),
    ("udp-101-ack", 0, "match", "", ""),
    (
        "udp-offset-le",
        1,
        "mismatch",
        "receiver",
        "receiver-overflow",
    ),
    ("udp-pickle-packs", 0, "match", "", ""),
    ("udp-size-then-parts", 0, "match", "", ""),
    ("udp-total-fixed", 1, "unverified", "nobody", ""),
    (
        "udp-total-lost-rx",
        1,
        "mismatch",
        "receiver",
        "receiver-overflow",
    ),
    ("udp-u8-index", 0, "match", "", ""),
    ("wrong-file-big.jpg", 1, "unverified", "", "other-file-sent"),
    ("wrong-file-sent", 1, "unverified", "", "other-file-sent"),
    ("ws-unmasked", 0, "match", "", ""),
];

/// A case of `attack/`: the arguments after the capture, exit code and verdict. `C` stands for `captures/`.
type Attack = (&'static str, &'static str, i32, &'static str);

const ATTACKS: &[Attack] = &[
    (
        "one-frame-missing-catalog-6.pcap",
        "--sent C/catalog/sent --received C/catalog/received",
        3,
        "inconclusive",
    ),
    (
        "one-frame-missing-length-u32be-6.pcap",
        "--sent C/length-u32be/sent --received C/length-u32be/received",
        3,
        "inconclusive",
    ),
    (
        "fm-wrong-width.pcapng",
        "--sent fm-wrong-width.sent.png --received fm-wrong-width.received.png",
        1,
        "mismatch",
    ),
    ("raw.pcap", "--sent raw --received raww", 1, "mismatch"),
    ("raw.pcap", "--sent raw --received raw1", 1, "mismatch"),
    ("raw.pcap", "--sent raw --received rawa", 1, "mismatch"),
    ("raw.pcap", "--sent raw --received rawr", 0, "match"),
    (
        "fm-one-recv-with-pause.pcapng",
        "--sent fm-one-recv-with-pause.sent.png",
        1,
        "incomplete",
    ),
    (
        "fm-one-recv-with-pause.pcapng",
        "--sent fm-one-recv-with-pause.sent.png --received fm-one-recv-with-pause.received.png",
        1,
        "mismatch",
    ),
    (
        "fm-receiver-closed-early.pcapng",
        "--sent fm-receiver-closed-early.sent.png",
        1,
        "incomplete",
    ),
    ("rst-then-rest2.pcap", "--sent a.png", 1, "incomplete"),
    ("tail-never-acked2.pcap", "--sent a.png", 1, "unverified"),
    ("onesided2.pcap", "--sent a.png", 1, "unverified"),
    (
        "C/udp-receiver-overflow.pcap",
        "--sent C/udp-receiver-overflow/sent",
        1,
        "unverified",
    ),
    (
        "good-bytes-only-in-bad-checksum2.pcap",
        "--sent a.png",
        1,
        "mismatch",
    ),
    (
        "base.pcap",
        "--sent a.png --received st --ledger rl.jsonl",
        1,
        "mismatch",
    ),
    (
        "base.pcap",
        "--sent sf --received a.png --ledger sl.jsonl",
        1,
        "mismatch",
    ),
    (
        "two.pcap",
        "--sent s --received r --ledger sw.jsonl",
        1,
        "mismatch",
    ),
    (
        "base.pcap",
        "--sent a.png --received st/old.png st/new.png",
        1,
        "unverified",
    ),
    ("base.pcap", "--sent a.png --received a.png", 0, "match"),
    (
        "one-frame-missing-eof-4.pcap",
        "--sent C/eof/sent --received C/eof/received",
        3,
        "inconclusive",
    ),
    (
        "one-frame-missing-two-pictures-4.pcap",
        "--sent C/two-pictures/sent --received C/two-pictures/received",
        3,
        "inconclusive",
    ),
    (
        "headgap.pcap",
        "--sent a.png --received a.png",
        3,
        "inconclusive",
    ),
    (
        "udpdrop.pcapng",
        "--sent C/udp/sent --received C/udp/received",
        3,
        "inconclusive",
    ),
    (
        "one-frame-missing-udp-7.pcap",
        "--sent C/udp/sent --received C/udp/received",
        3,
        "inconclusive",
    ),
    (
        "late.pcap",
        "--sent a.png --received a.png",
        3,
        "inconclusive",
    ),
    (
        "drops2.pcapng",
        "--sent a.png b.png --received a.png",
        3,
        "inconclusive",
    ),
    (
        "badsum-then-good2.pcap",
        "--sent a.png --received a.png",
        0,
        "match",
    ),
    ("badip.pcap", "--sent a.png --received a.png", 0, "match"),
    ("raw2.pcap", "--sent rs --received rr", 0, "match"),
];

fn folder(name: &str) -> PathBuf {
    captures_folder().join("cases").join(name)
}

/// Exit code and report of `imgnet verify`.
fn verified(arguments: &[String]) -> (i32, Value) {
    let mut all = vec![
        "verify".to_owned(),
        "--format".to_owned(),
        "json".to_owned(),
    ];
    all.extend_from_slice(arguments);
    let output = imgnet(&all);
    let errors = String::from_utf8_lossy(&output.stderr);
    let report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{arguments:?}: no JSON ({error}): {errors}"));
    (output.status.code().expect("an exit code"), report)
}

#[test]
fn transfers_of_public_programs_are_judged_rightly() {
    let mut wrong = Vec::new();
    for &(name, exit, verdict, blame, finding) in REPORTS {
        let place = folder("reports").join(name);
        let path = |rest: &str| place.join(rest).to_string_lossy().into_owned();
        let capture = ["cap.pcapng", "cap.pcap"]
            .into_iter()
            .find(|file| place.join(file).is_file())
            .expect("a capture");
        let mut arguments = vec![path(capture), "--sent".to_owned(), path("sent")];
        if place.join("received").is_dir() {
            arguments.extend(["--received".to_owned(), path("received")]);
        }
        let (code, report) = verified(&arguments);
        let blamed: Vec<&str> = list(&report, "images")
            .iter()
            .filter_map(|image| image["compared"]["blame"]["who"].as_str())
            .collect();
        let findings: Vec<&str> = list(&report, "findings")
            .iter()
            .map(|finding| text(finding, "name"))
            .collect();
        let right = code == exit
            && text(&report, "verdict") == verdict
            && (blame.is_empty() || blamed.contains(&blame))
            && (finding.is_empty() || findings.contains(&finding));
        // What is healthy gives rise to no error, and to no warning but of what TCP did.
        let errors = list(&report, "findings").iter().any(|finding| {
            text(finding, "severity") != "note" && text(finding, "name") != "retransmission"
        });
        if !right || (exit == 0 && errors) {
            wrong.push(format!(
                "{name}: exit {code}, {}, {blamed:?}, {findings:?}",
                report["verdict"]
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_once_gave_a_wrong_verdict_gives_the_right_one() {
    let mut wrong = Vec::new();
    for &(capture, rest, exit, verdict) in ATTACKS {
        let path = |name: &str| match name.strip_prefix("C/") {
            Some(name) => captures_folder().join(name),
            None => folder("attack").join(name),
        };
        let arguments: Vec<String> = std::iter::once(capture)
            .chain(rest.split(' '))
            .map(|word| {
                if word.starts_with("--") {
                    word.to_owned()
                } else {
                    path(word).to_string_lossy().into_owned()
                }
            })
            .collect();
        let (code, report) = verified(&arguments);
        if code != exit || text(&report, "verdict") != verdict {
            wrong.push(format!(
                "{capture} {rest}: exit {code}, {}",
                report["verdict"]
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
