//! What TCP shows twice, or shows and nobody took: a copy that the receiver must have dropped does not count, a conflict that
//! nothing decides is no verdict, and what nobody acknowledged is no fault of the receiver.

use imgnet::analysis::Options;
use imgnet::cli::verify::{MemoryFile, verified};
use imgnet::findings::Name;
use imgnet::ledger::Verdict;
use imgnet::ledger::comparison::Blamed;
use imgnet::report::Report;

use super::kept;
use super::scenario::{Client, Scenario, Server, Tcp};
use super::sweep::Kept;

fn picture() -> Vec<u8> {
    super::framings::pictures("png").swap_remove(0)
}

fn file(bytes: &[u8]) -> Vec<MemoryFile> {
    vec![MemoryFile {
        path: "a.png".to_owned(),
        bytes: bytes.into(),
        named: false,
    }]
}

fn judged(scenario: &Scenario, sent: &[u8], received: Option<&[u8]>) -> Report {
    let frames = kept(&scenario.frames);
    let received = received.map(file);
    verified(
        frames.iter().map(Kept::frame),
        Vec::new(),
        Some(&file(sent)),
        received.as_deref(),
        Options::default(),
    )
    .expect("all in memory")
}

/// A connection on which the second 500 bytes come twice, the first copy and the second one.
fn twice(picture: &[u8], copies: [&[u8]; 2], acknowledged: bool) -> Scenario {
    let mut scenario = Scenario::new();
    let mut tcp = scenario.connect(40_000, 7007);
    scenario.transfer(&mut tcp, Client, &picture[..500], 500);
    scenario.send(&mut tcp, Client, copies[0]);
    if acknowledged {
        scenario.ack(&mut tcp, Server);
    }
    scenario.wait(250);
    scenario.again(&tcp, Client, 500, copies[1]);
    scenario.ack(&mut tcp, Server);
    scenario.transfer(&mut tcp, Client, &picture[1000..], 500);
    scenario.close(&mut tcp, Client);
    scenario
}

fn damaged(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[7] ^= 1;
    bytes
}

/// Time to live of a frame, with the sum that goes with it.
fn set_hops(frame: &mut super::scenario::Captured, hops: u8) {
    let header = &mut frame.data[14..34];
    header[8] = hops;
    header[10..12].fill(0);
    let mut sum: u32 = header
        .chunks(2)
        .map(|two| u32::from(two[0]) << 8 | u32::from(two[1]))
        .sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    let sum = !u16::try_from(sum).expect("folded");
    header[10..12].copy_from_slice(&sum.to_be_bytes());
}

fn blamed(report: &Report) -> Vec<Blamed> {
    let compared = report.images.iter().filter_map(|one| one.compared.as_ref());
    compared
        .filter_map(|one| Some(one.blame.as_ref()?.who))
        .collect()
}

fn has(report: &Report, name: Name) -> bool {
    report.findings.iter().any(|one| one.name == name)
}

#[test]
fn a_conflict_that_nothing_decides_is_no_verdict() {
    let picture = picture();
    let (good, bad) = (&picture[500..1000], damaged(&picture[500..1000]));
    for copies in [[good, &bad], [&bad, good]] {
        let scenario = twice(&picture, copies, false);
        let report = judged(&scenario, &picture, None);
        assert_eq!(report.verdict, Some(Verdict::Inconclusive));
        assert_eq!(blamed(&report), [Blamed::Unknown]);
        assert!(has(&report, Name::ConflictingRetransmission));
        // The receiver's file tells which copy it took, where it is the one that was compared; it is never to blame.
        let report = judged(&scenario, &picture, Some(&picture));
        let right = if copies[0] == good {
            Verdict::Match
        } else {
            Verdict::Inconclusive
        };
        assert_eq!(report.verdict, Some(right));
        let mut other = picture.clone();
        other[507] ^= 1;
        let report = judged(&scenario, &picture, Some(&other));
        assert_eq!(report.verdict, Some(Verdict::Mismatch));
        assert_eq!(blamed(&report), [Blamed::Unknown], "{:?}", report.images);
    }
}

#[test]
fn a_conflict_with_what_was_acknowledged_is_decided() {
    let picture = picture();
    let (good, bad) = (&picture[500..1000], damaged(&picture[500..1000]));
    let report = judged(&twice(&picture, [good, &bad], true), &picture, None);
    assert_eq!(report.verdict, Some(Verdict::Match));
    let report = judged(&twice(&picture, [&bad, good], true), &picture, None);
    assert_eq!(report.verdict, Some(Verdict::Mismatch));
    assert_eq!(blamed(&report), [Blamed::Sender]);
}

#[test]
fn a_copy_that_no_router_passes_on_does_not_count() {
    let picture = picture();
    let (good, bad) = (&picture[500..1000], damaged(&picture[500..1000]));
    for (copies, right) in [
        ([&bad[..], good], Verdict::Match),
        ([good, &bad], Verdict::Mismatch),
    ] {
        let mut scenario = twice(&picture, copies, false);
        let first = scenario
            .frames
            .iter()
            .position(|frame| frame.data.ends_with(copies[0]))
            .expect("the first copy");
        set_hops(&mut scenario.frames[first], 1);
        let report = judged(&scenario, &picture, None);
        assert_eq!(report.verdict, Some(right));
        assert!(!has(&report, Name::ConflictingRetransmission));
    }
}

#[test]
fn what_nobody_acknowledged_is_no_fault_of_the_receiver() {
    let picture = picture();
    let split = 1_500;
    let mut scenario = Scenario::new();
    let mut tcp: Tcp = scenario.connect(40_000, 7007);
    scenario.transfer(&mut tcp, Client, &picture[..split], 500);
    let rest = &picture[split..];
    scenario.send(&mut tcp, Client, rest);
    scenario.fin(&mut tcp, Client);
    for seconds in [1, 2] {
        scenario.wait(seconds * 1000);
        let back = u32::try_from(rest.len() + 1).expect("small");
        scenario.again(&tcp, Client, back, rest);
    }
    let report = judged(&scenario, &picture, Some(&picture[..split]));
    assert_eq!(report.verdict, Some(Verdict::Mismatch));
    assert_eq!(blamed(&report), [Blamed::Network]);
    assert!(!has(&report, Name::ReceiverStopped));
    // What was acknowledged is.
    let report = judged(&scenario, &picture, Some(&picture[..split - 400]));
    assert_eq!(blamed(&report), [Blamed::Receiver]);
    assert!(has(&report, Name::ReceiverStopped));
}
