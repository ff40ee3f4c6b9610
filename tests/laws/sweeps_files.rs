//! Every capture with files, with frames left out: a verdict stays or becomes `inconclusive`, nobody else is blamed, and nothing
//! is proven that the whole capture does not show.

use crate::given;

use std::collections::BTreeSet;

use crate::given::{Transfer, asked};
use crate::sweep::{Kept, SNAP_LENGTHS, parts_of};
use imgnet::findings::{Certainty, Severity};
use imgnet::ledger::Verdict;
use imgnet::ledger::comparison::Blamed;
use imgnet::report::Report;

/// Frames of a capture at which it is cut, and that are left out one by one; and how many pairs, and runs, of them.
const SINGLES: usize = 60;
const PAIRS: usize = 30;

fn blamed(report: &Report) -> BTreeSet<String> {
    report
        .images
        .iter()
        .filter_map(|image| Some(image.compared.as_ref()?.blame.as_ref()?.who))
        .filter(|who| !matches!(who, Blamed::Capture | Blamed::Unknown))
        .map(|who| format!("{who:?}"))
        .collect()
}

fn proven(report: &Report) -> BTreeSet<&'static str> {
    report
        .findings
        .iter()
        .filter(|one| (one.severity, one.certainty) == (Severity::Error, Certainty::Proven))
        .map(|one| one.name.as_str())
        .collect()
}

fn shown(report: &Report) -> String {
    let images: Vec<String> = report
        .images
        .iter()
        .map(|image| {
            let compared = image.compared.as_ref();
            let mismatch = compared.and_then(|one| one.mismatch.as_ref());
            let blame = compared.and_then(|one| one.blame.as_ref());
            format!(
                "[{:?} {} {}+{} gap {} {:?} {:?}]",
                image.verdict,
                image.protocol,
                image.offset,
                image.bytes,
                image.gap_bytes,
                mismatch.map(|one| (one.side, one.first_difference, one.damage.clone())),
                blame.map(|blame| (blame.who, blame.why.clone())),
            )
        })
        .collect();
    let unpaired = report.verification.as_ref().map(|verification| {
        let count = |given: &Option<imgnet::ledger::comparison::Given>| {
            given.as_ref().map_or(0, |given| given.unpaired.len())
        };
        (count(&verification.sent), count(&verification.received))
    });
    format!("{} left {unpaired:?}", images.join(" "))
}

/// Whether what is said of a part is no more certain than what is said of the whole.
fn holds(transfer: &Transfer, part: &Report, frames: usize) -> Result<(), String> {
    let whole = &transfer.whole;
    // Without the received file only acknowledgments tell that it arrived.
    let unacknowledged = transfer.received.is_empty()
        && whole.verdict == Some(Verdict::Match)
        && part.verdict == Some(Verdict::Unverified);
    let same = part.verdict == whole.verdict
        || part.verdict == Some(Verdict::Inconclusive)
        // Nothing at all was captured: files that were given pair with nothing.
        || frames == 0
        || unacknowledged;
    if !same {
        return Err(format!(
            "{:?} becomes {:?}: {}",
            whole.verdict,
            part.verdict,
            shown(part)
        ));
    }
    let others: Vec<String> = blamed(part).difference(&blamed(whole)).cloned().collect();
    if !others.is_empty() {
        return Err(format!("{others:?} blamed: {}", shown(part)));
    }
    // Of the whole capture it may stand below its cause, as a note.
    let shown_of_whole: BTreeSet<&str> =
        whole.findings.iter().map(|one| one.name.as_str()).collect();
    let more: Vec<&str> = proven(part).difference(&shown_of_whole).copied().collect();
    if !more.is_empty() {
        return Err(format!("proven only of the part: {more:?}"));
    }
    Ok(())
}

fn sweep_of(transfer: &Transfer) -> (u64, Vec<String>) {
    let (mut runs, mut failures) = (0, Vec::new());
    let mut one = |what: &str, frames: &[&Kept]| {
        runs += 1;
        let report = transfer.verified(frames.iter().copied(), Some(&transfer.sent), true);
        if let Err(why) = holds(transfer, &report, frames.len()) {
            failures.push(format!("{}, {what}: {why}", transfer.name));
        }
    };
    let (singles, pairs) = (asked(SINGLES), asked(PAIRS));
    parts_of(&transfer.frames, singles, pairs, &mut |what, part| {
        one(what, &part);
    });
    for snap in SNAP_LENGTHS {
        let cut: Vec<Kept> = transfer
            .frames
            .iter()
            .map(|frame| frame.cut(snap))
            .collect();
        one(
            &format!("snap length {snap}"),
            &cut.iter().collect::<Vec<_>>(),
        );
    }
    (runs, failures)
}

#[test]
fn with_fewer_frames_a_verdict_stays_or_is_inconclusive() {
    given::swept(given::all(), 6_000, sweep_of);
}
