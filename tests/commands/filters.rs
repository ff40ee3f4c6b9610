//! Every finding carries a Wireshark display filter that finds exactly its frames: held against tshark on every capture of the
//! repository. And what is proven rests on no guess: held on the same captures.
#![expect(clippy::expect_used, reason = "a test reads files, and may fail")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::support::{captures_folder, list, number, report, text, tshark, tshark_is_there};
use imgnet::findings::Name;
use serde_json::Value;

/// Every capture below `captures/`, in order.
fn all_captures() -> Vec<PathBuf> {
    fn below(folder: &Path, found: &mut Vec<PathBuf>) {
        let entries = std::fs::read_dir(folder).expect("a folder");
        for path in entries.map(|entry| entry.expect("an entry").path()) {
            if path.is_dir() {
                below(&path, found);
            } else if path
                .extension()
                .is_some_and(|ext| ext == "pcap" || ext == "pcapng")
            {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    below(&captures_folder(), &mut found);
    found.sort();
    assert!(found.len() > 100, "{} captures", found.len());
    found
}

/// The frames that a finding lists.
fn listed(finding: &Value) -> Vec<u64> {
    list(finding, "packets")
        .iter()
        .map(|frame| frame.as_u64().expect("a number"))
        .collect()
}

#[test]
fn the_filter_of_each_finding_finds_exactly_its_frames() {
    if !tshark_is_there() {
        return;
    }
    let mut held = 0_u64;
    for capture in all_captures() {
        let report = report(&capture);
        let findings: Vec<&Value> = list(&report, "findings")
            .iter()
            .filter(|finding| !listed(finding).is_empty())
            .collect();
        let mut seen = BTreeSet::new();
        for finding in findings {
            let filter = text(finding, "filter");
            if !seen.insert(filter) {
                continue;
            }
            let found: Vec<u64> = tshark(
                &capture,
                &["-n", "-T", "fields", "-e", "frame.number", "-Y", filter],
            )
            .lines()
            .map(|line| line.trim().parse().expect("a frame number"))
            .collect();
            assert_eq!(found, listed(finding), "{}: {filter}", capture.display());
            held += 1;
        }
    }
    assert!(held > 200, "{held} filters");
}

#[test]
fn what_is_proven_rests_on_no_guess() {
    let mut proven = 0;
    for capture in all_captures() {
        let report = report(&capture);
        for finding in list(&report, "findings") {
            let name: Name = text(finding, "name").parse().expect("a name");
            if text(finding, "certainty") != "proven" || !name.needs_format() {
                continue;
            }
            let id = number(finding, "stream");
            let stream = list(&report, "streams")
                .iter()
                .find(|stream| number(stream, "id") == id)
                .expect("its stream");
            let (confidence, protocol) = (text(stream, "confidence"), text(stream, "protocol"));
            let confirmed = ["given", "confirmed", "port-and-content"].contains(&confidence)
                || (confidence == "content"
                    && [
                        "http",
                        "http2",
                        "smtp",
                        "java-objects",
                        "zmtp",
                        "mqtt",
                        "framed",
                        "size-handshake",
                    ]
                    .contains(&protocol));
            assert!(
                confirmed,
                "{}: {name} is proven, and the format {protocol} is {confidence}",
                capture.display()
            );
            proven += 1;
        }
    }
    assert!(proven >= 3, "{proven} proven findings rest on a format");
}
