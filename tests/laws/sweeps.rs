//! Every capture with frames left out: what is said of less is never more certain, and never something else.

use crate::support;

use crate::sweep::{Kept, SNAP_LENGTHS, analyse, load, no_more_certain, parts};
use imgnet::analysis::Options;
use imgnet::digest::DigestKind;
use imgnet::units::Timestamp;

/// Runs over one capture; returns how many, and what went wrong.
fn sweep_of(frames: &[Kept]) -> (u64, Vec<String>) {
    let options = Options {
        digest: DigestKind::Sha256,
        ..Options::default()
    };
    let whole = analyse(frames, &options);
    let (mut runs, mut failures) = (0, Vec::new());
    parts(frames, &mut |what, part| {
        runs += 1;
        let report = analyse(part, &options);
        if let Err(why) = no_more_certain(&whole, &report) {
            failures.push(format!("{what}: {why}"));
        }
    });
    for snap in SNAP_LENGTHS {
        runs += 1;
        let cut: Vec<Kept> = frames.iter().map(|frame| frame.cut(snap)).collect();
        let report = analyse(&cut, &options);
        if let Err(why) = no_more_certain(&whole, &report) {
            failures.push(format!("snap length {snap}: {why}"));
        }
    }
    (runs, failures)
}

#[test]
fn with_fewer_frames_nothing_is_more_certain() {
    let folder = support::captures_folder();
    let mut captures = support::captures();
    captures.extend(support::captures_in(&folder.join("formats")));
    let (mut runs, mut failures) = (0, Vec::new());
    for capture in &captures {
        let (more, wrong) = sweep_of(&load(capture));
        runs += more;
        failures.extend(
            wrong
                .into_iter()
                .map(|wrong| format!("{}, {wrong}", support::name(capture))),
        );
    }
    assert!(runs > 20_000, "only {runs} runs");
    let shown: Vec<_> = failures.iter().take(40).collect();
    assert!(
        failures.is_empty(),
        "{} of {runs} runs failed: {shown:#?}",
        failures.len()
    );
}

/// By how many seconds the clock of a frame is another one, from its place and that of the middle; absent where it has none.
type Step = fn(usize, usize) -> Option<i64>;

/// The capture's clock is set back by an hour on the way, goes back with every other frame, or there is none.
#[test]
fn with_a_clock_that_goes_back_nothing_is_more_certain() {
    const SECOND: i64 = 1_000_000_000;
    let options = Options::default();
    let mut runs = 0;
    for capture in &support::captures() {
        let frames = load(capture);
        let whole = analyse(&frames, &options);
        let half = frames.len() / 2;
        let back: [(&str, Step); 3] = [
            ("set back", |at, half| {
                Some(if at < half { 0 } else { -3600 })
            }),
            ("back and forth", |at, _| {
                Some(if at % 2 == 0 { 0 } else { -10 })
            }),
            ("none", |_, _| None),
        ];
        for (what, seconds) in back {
            let mut stepped = frames.clone();
            for (at, frame) in stepped.iter_mut().enumerate() {
                frame.time = frame.time.and_then(|Timestamp(time)| {
                    seconds(at, half).map(|seconds| Timestamp(time + seconds * SECOND))
                });
            }
            runs += 1;
            if let Err(why) = no_more_certain(&whole, &analyse(&stepped, &options)) {
                panic!("{}, clock {what}: {why}", support::name(capture));
            }
        }
    }
    assert!(runs > 60, "only {runs} runs");
}
