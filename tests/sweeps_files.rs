//! Every capture with files, with frames left out: a verdict stays or becomes `inconclusive`, nobody else is blamed, and nothing
//! is proven that the whole capture does not show.

#![expect(
    clippy::disallowed_methods,
    reason = "a test reads its environment, and may fail"
)]

#[path = "support/sweep.rs"]
mod sweep;

#[path = "support/edit.rs"]
mod edit;

#[path = "support/given.rs"]
mod given;

mod support;

use std::collections::BTreeSet;
use std::sync::Mutex;

use given::Transfer;
use imgnet::findings::{Certainty, Severity};
use imgnet::ledger::Verdict;
use imgnet::ledger::comparison::Blamed;
use imgnet::report::Report;
use sweep::{Kept, SNAP_LENGTHS, parts_of};

/// Frames of a capture at which it is cut, and that are left out one by one; and how many pairs, and runs, of them.
const SINGLES: usize = 60;
const PAIRS: usize = 30;

/// `IMGNET_SWEEP_PLACES` asks for other numbers, `IMGNET_SWEEP_ONLY` for captures of this name.
fn asked(usual: usize) -> usize {
    let asked = std::env::var("IMGNET_SWEEP_PLACES").ok();
    asked.and_then(|asked| asked.parse().ok()).unwrap_or(usual)
}

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
    let mut transfers = given::all();
    if let Ok(only) = std::env::var("IMGNET_SWEEP_ONLY") {
        transfers.retain(|one| one.name.contains(&only));
    }
    let transfers = Mutex::new(transfers);
    let total = Mutex::new((0_u64, Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                loop {
                    let next = transfers.lock().expect("no panic").pop();
                    let Some(transfer) = next else {
                        return;
                    };
                    let (runs, mut failures) = sweep_of(&transfer);
                    let mut total = total.lock().expect("no panic");
                    total.0 += runs;
                    total.1.append(&mut failures);
                }
            });
        }
    });
    let (runs, failures) = total.into_inner().expect("no panic");
    let shown: Vec<_> = failures.iter().take(40).collect();
    assert!(
        failures.is_empty(),
        "{} of {runs} runs failed: {shown:#?}",
        failures.len()
    );
    assert!(runs > 6_000, "only {runs} runs");
}
