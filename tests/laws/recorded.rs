//! The report of every capture in the repository is, byte for byte, the one that is recorded: a change that should keep what
//! imgnet says keeps it, and one that should not shows in the record which captures it touched.
//!
//! `IMGNET_UPDATE=1` records anew. A line of `recorded.txt` is a capture and the first 64 bits of SHA-256 over its report as JSON.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "a test reads files and the environment, and may fail"
)]

use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use imgnet::analysis::{Analysis, Collector, Options};
use imgnet::report::model::Packets;
use imgnet::report::{Style, json};
use imgnet::source::Capture;

use crate::support::sha256;

/// Every capture under a folder, by name.
fn captures(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        if path.is_dir() {
            captures(&path, found);
        } else if matches!(extension, Some("pcap" | "pcapng" | "erf" | "snoop")) {
            found.push(path);
        }
    }
}

/// The report on a capture as JSON; what could be read of one that is damaged.
fn report(path: &Path) -> Vec<u8> {
    let mut analysis = Analysis::new(Options::default());
    let mut collector = Collector::new();
    if let Ok(mut capture) = Capture::open(&[path.to_owned()]) {
        let _ = capture.for_each_frame(&mut |frame| {
            analysis.frame(frame, &mut collector);
            ControlFlow::Continue(())
        });
    }
    let counts = analysis.finish(&mut collector);
    let report = collector.into_report(Vec::new(), Packets::from(counts));
    let mut out = Vec::new();
    json::render(&report, &Style::default(), &mut out).expect("memory");
    out
}

#[test]
fn every_report_is_the_recorded_one() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    captures(&root.join("captures"), &mut found);
    found.sort();
    assert!(found.len() > 100, "{} captures", found.len());
    let mut now = String::new();
    for path in &found {
        let name = path.strip_prefix(root).expect("under it").display();
        writeln!(now, "{name} {}", &sha256(&report(path))[..16]).expect("memory");
    }
    let record = root.join("tests/laws/recorded.txt");
    if std::env::var_os("IMGNET_UPDATE").is_some() {
        std::fs::write(&record, &now).expect("can be written");
    }
    let before = std::fs::read_to_string(&record).expect("recorded.txt");
    let changed: Vec<&str> = now
        .lines()
        .filter(|line| !before.lines().any(|old| old == *line))
        .collect();
    assert!(
        changed.is_empty() && now.lines().count() == before.lines().count(),
        "other reports than recorded (imgnet analyze --format json shows them; IMGNET_UPDATE=1 records them):\n{}",
        changed.join("\n")
    );
}
