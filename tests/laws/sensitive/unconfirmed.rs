//! A byte too many or too few in a header of a framing that nobody named: with the files sent alone it is never a match, whether other
//! messages show the framing or none does.

use imgnet::analysis::Options;
use imgnet::cli::verify::MemoryFile;
use imgnet::digest::DigestKind;
use imgnet::ledger::Verdict;
use imgnet::wire::layout::Layout;

use super::edit::{Edit, carried, edited};
use super::framings;
use super::given::{Transfer, on_all_cores};
use super::kept;
use super::scenario::{Client, Scenario};
use super::sweep::{Kept, analyse};

const PORT: u16 = 7011;

/// So many pictures in this framing, over one connection.
fn transfer(line: &str, count: usize) -> (Transfer, usize) {
    let layout: Layout = line
        .trim_start_matches("layout ")
        .parse()
        .unwrap_or_else(|error| panic!("{line}: {error}"));
    let mut pictures = framings::pictures("jpeg");
    pictures.truncate(count);
    let mut scenario = Scenario::on_loopback();
    let mut tcp = scenario.connect(40_000, PORT);
    let mut header = 0;
    for (number, picture) in pictures.iter().enumerate() {
        let message = framings::message(&layout, picture, number);
        if number == 0 {
            header = message.len() - picture.len();
        }
        scenario.transfer(&mut tcp, Client, &message, 1_000);
    }
    scenario.close(&mut tcp, Client);
    let sent = (0..).zip(pictures).map(|(number, bytes)| MemoryFile {
        path: format!("{number}.jpg"),
        bytes: bytes.into(),
        named: false,
    });
    let options = Options {
        digest: DigestKind::Sha256,
        ..Options::default()
    };
    let mut made = Transfer {
        name: format!("{line}, {count}"),
        frames: kept(&scenario.frames),
        sent: sent.collect(),
        received: Vec::new(),
        whole: analyse(&[], &options),
        options,
    };
    made.whole = made.verified(&made.frames, Some(&made.sent), false);
    (made, header)
}

/// What is a match with a byte more or less in its first header; returns how many were tried.
fn swept(line: &str, count: usize) -> (u64, Vec<String>) {
    let (transfer, header) = transfer(line, count);
    let mut failures = Vec::new();
    // Of one message nobody knows what a byte of its own means.
    if transfer.whole.verdict != Some(Verdict::Match) {
        if count > 1 {
            failures.push(format!(
                "{}: {}",
                transfer.name,
                super::shown(&transfer.whole)
            ));
        }
        return (1, failures);
    }
    let Some(image) = transfer.whole.images.first() else {
        return (1, failures);
    };
    let ends = (image.from, image.to);
    let bytes = carried(&transfer.frames, ends).expect("a direction").bytes;
    let mut tried = 0;
    let mut places = vec![0, header / 2, header.saturating_sub(1), header];
    places.dedup();
    for at in places {
        let less = (at < header && !(b' '..0x7f).contains(&bytes[at])).then_some(Edit::Remove);
        let more = [0x00, 0x01, 0xff].map(Edit::Insert);
        for edit in more.into_iter().chain(less) {
            let frames: Vec<Kept> = edited(&transfer.frames, ends, at, edit);
            let report = transfer.verified(&frames, Some(&transfer.sent), false);
            if report.verdict == Some(Verdict::Match) {
                failures.push(format!(
                    "{}, {edit:?} at {at}: {}",
                    transfer.name,
                    super::shown(&report)
                ));
            }
            tried += 1;
        }
    }
    (tried, failures)
}

#[test]
fn a_byte_in_a_header_of_an_unnamed_framing_is_no_match() {
    let mut lines: Vec<String> = framings::layouts()
        .into_iter()
        .filter(|(_, kind)| *kind != "raw")
        .map(|(line, _)| line)
        .collect();
    lines.sort();
    lines.dedup();
    let jobs: Vec<(String, usize)> = lines
        .into_iter()
        .flat_map(|line| [(line.clone(), 1), (line, 3)])
        .collect();
    let (tried, failures) = on_all_cores(jobs, |(line, count)| swept(line, *count));
    let shown: Vec<_> = failures.iter().take(40).collect();
    assert!(
        failures.is_empty(),
        "{} of {tried} runs failed: {shown:#?}",
        failures.len()
    );
    assert!(tried > 700, "only {tried} runs");
}
