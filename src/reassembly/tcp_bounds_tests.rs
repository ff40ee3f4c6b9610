//! Each bound at its value, and one beside it.

use super::early::EARLY_PATIENCE;
use super::tests::{Direction, fin, seq, syn, urgent};
use super::*;
use crate::reassembly::GapCause;

fn number(at: u64) -> u32 {
    u32::try_from(at).unwrap()
}

/// A direction with a SYN of number 0, so that byte 0 has number 1.
fn begun() -> Direction {
    let mut direction = Direction::default();
    direction.send(syn(0), b"");
    direction
}

#[test]
fn a_segment_is_believed_up_to_as_far_as_any() {
    let mut direction = begun();
    assert_eq!(direction.send(seq(number(FAR) + 1), b"x").offset, Some(FAR));
    let mut direction = begun();
    assert_eq!(direction.send(seq(number(FAR) + 2), b"x").offset, None);
    // As far again from the one that waits: it confirms it.
    let mut direction = begun();
    direction.send(seq(number(2 * FAR) + 2), b"x");
    assert_eq!(
        direction.send(seq(number(FAR) + 2), b"y").offset,
        Some(FAR + 1)
    );
    let mut direction = begun();
    direction.send(seq(number(2 * FAR) + 3), b"x");
    assert_eq!(direction.send(seq(number(FAR) + 2), b"y").offset, None);
}

#[test]
fn a_fin_far_ahead_waits_and_counts_no_data() {
    let mut direction = begun();
    assert_eq!(direction.send(fin(number(FAR) + 2), b"").offset, None);
    assert_eq!(direction.half.fin(), None);
    direction.send(seq(1), b"a");
    assert_eq!(direction.half.data_packets, 1);
    let mut direction = begun();
    direction.send(seq(number(FAR) + 2), b"stray");
    direction.send(seq(1), b"a");
    assert_eq!(
        (direction.half.data_packets, direction.half.payload_bytes),
        (2, 6)
    );
}

#[test]
fn who_speaks_of_more_than_came_leaves_the_end_unsure() {
    let mut direction = begun();
    direction.send(seq(1), b"abc");
    assert!(!direction.half.end_unsure());
    direction.send(seq(4), b"");
    assert!(!direction.half.end_unsure(), "all that it speaks of came");
    assert_eq!(direction.half.assembler.highest(), 3);
    direction.send(seq(5), b"");
    assert!(direction.half.end_unsure());
    assert_eq!(direction.half.assembler.highest(), 3, "no byte was seen");
    let mut direction = begun();
    direction.send(seq(number(FAR) + 1), b"");
    assert!(direction.half.end_unsure());
    let mut direction = begun();
    direction.send(seq(number(FAR) + 2), b"");
    assert!(!direction.half.end_unsure(), "it is not believed");
}

#[test]
fn an_acknowledgment_beyond_all_bytes_leaves_the_end_unsure() {
    let mut direction = begun();
    direction.send(seq(1), b"abc");
    direction.half.acknowledge(4);
    assert!(!direction.half.end_unsure());
    direction.half.acknowledge(5);
    assert!(direction.half.end_unsure());
    let mut direction = begun();
    direction.send(fin(1), b"abc");
    direction.half.acknowledge(5);
    assert!(!direction.half.end_unsure(), "it is that of the FIN");
    let mut direction = begun();
    direction.send(seq(1), b"abc");
    direction.finish();
    assert!(!direction.half.end_unsure());
}

#[test]
fn an_acknowledged_hole_waits_for_as_many_frames_as_any() {
    let mut direction = begun();
    direction.send(seq(4), b"def");
    direction.half.acknowledge(7);
    for _ in 2..2 * PATIENCE - 1 {
        direction.send(seq(7), b"");
    }
    assert_eq!(direction.gaps, []);
    direction.send(seq(7), b"");
    assert_eq!(direction.gaps.len(), 1);
    assert_eq!(direction.bytes, b"def");
}

#[test]
fn data_without_a_syn_wait_for_as_many_frames_as_any() {
    let mut direction = Direction::default();
    direction.send(seq(5000), b"abc");
    assert!(direction.half.is_open() && !direction.half.saw_syn());
    for _ in 1..EARLY_PATIENCE {
        direction.send(seq(5003), b"");
    }
    assert_eq!(direction.bytes, b"");
    direction.send(seq(5003), b"");
    assert_eq!(direction.bytes, b"abc");
}

#[test]
fn waiting_bytes_may_be_as_many_as_the_limit() {
    let mut direction = begun();
    direction.send(seq(101), &[7; 100]);
    let mut sink = |_: Delivery<'_>| {};
    assert_eq!(direction.half.assembler.waiting_bytes(), 100);
    assert!(!direction.half.settle(100, &mut sink));
    assert!(direction.half.settle(99, &mut sink));
    // Acknowledged to its very end, a hole is the capture's.
    for (acked, cause) in [(4, GapCause::NotCaptured), (3, GapCause::Limit)] {
        let mut direction = begun();
        direction.send(seq(4), b"def");
        direction.half.acknowledge(acked);
        let mut gaps = Vec::new();
        direction.half.settle(0, &mut |delivery| {
            if let Delivery::Gap(gap) = delivery {
                gaps.push(gap.cause);
            }
        });
        assert_eq!(gaps, [cause], "acknowledged to {acked}");
    }
}

/// What is missing at the end, where the other side acknowledged something in frame `heard`.
fn missing_at_the_end(heard: u64, again: bool) -> GapCause {
    let mut direction = begun();
    direction.send(seq(1), b"abc");
    direction.send(seq(7), b"ghi");
    direction.half.acknowledge(4);
    direction.half.heard(FrameNumber(heard));
    direction.frame = 5;
    if again {
        direction.send(seq(1), b"abc");
    }
    direction.finish();
    direction.gaps[0].cause
}

#[test]
fn who_heard_of_what_came_later_did_not_get_what_is_missing() {
    assert_eq!(missing_at_the_end(0, false), GapCause::Unknown);
    assert_eq!(missing_at_the_end(2, false), GapCause::Unknown);
    assert_eq!(missing_at_the_end(4, false), GapCause::NeverAcknowledged);
    // What came before is no news.
    assert_eq!(missing_at_the_end(4, true), GapCause::NeverAcknowledged);
}

#[test]
fn the_fin_is_reached_behind_all_bytes() {
    let mut direction = begun();
    direction.send(seq(1), b"abc");
    assert!(!direction.half.reached_fin());
    direction.send(fin(7), b"");
    assert!(!direction.half.reached_fin(), "a hole lies before it");
    direction.send(seq(4), b"def");
    assert!(direction.half.reached_fin());
    direction.half.forget_fin_frame();
    assert_eq!(
        (direction.half.fin_frame(), direction.half.fin()),
        (None, Some(6))
    );
}

#[test]
fn frames_with_urgent_bytes_are_counted_once() {
    let mut direction = begun();
    direction.send(urgent(1, 1), b"!");
    assert_eq!(
        (direction.half.data_packets, direction.half.payload_bytes),
        (1, 1)
    );
    direction.send(urgent(2, 3), b"ab!");
    assert_eq!(
        (direction.half.data_packets, direction.half.payload_bytes),
        (2, 4)
    );
    assert!(
        !direction.send(urgent(5, 0), b"c").urgent,
        "it points nowhere"
    );
    assert!(direction.send(urgent(6, 1), b"!").urgent);
    assert_eq!(direction.half.urgent_bytes(), 3);
}

#[test]
fn of_two_syns_bytes_of_neither_decide_nothing() {
    let two = || {
        let mut direction = Direction::default();
        direction.send(syn(99), b"");
        direction.send(syn(4999), b"");
        direction
    };
    let mut direction = two();
    assert_eq!(direction.send(seq(100), b"abc").offset, Some(0));
    let mut direction = two();
    assert_eq!(direction.send(seq(103), b"def").offset, Some(3));
    let mut direction = two();
    direction.send(seq(5000), b"");
    assert_eq!(direction.half.initial_sequence(), Some(99), "no byte came");
    assert_eq!(direction.send(seq(5000), b"abc").offset, Some(0));
    assert_eq!(direction.half.initial_sequence(), Some(4999));
}

#[test]
fn a_keep_alive_is_one_byte_before_what_comes_next() {
    let mut direction = begun();
    assert!(!direction.send(seq(1), b"a").keep_alive, "it is new");
    direction.send(seq(2), b"bcd");
    assert!(!direction.send(seq(2), b"b").keep_alive, "not the last");
    assert!(direction.send(seq(4), b"d").keep_alive);
    // The same of headers alone.
    let mut direction = begun();
    direction.send_cut(seq(1), b"", 4);
    let again = direction.send_cut(seq(2), b"", 1);
    assert!(again.retransmission && !again.keep_alive);
    assert!(direction.send_cut(seq(4), b"", 1).keep_alive);
    let again = direction.send_cut(seq(4), b"", 2);
    assert!(again.retransmission && !again.keep_alive);
}

#[test]
fn bytes_of_a_syn_wait_for_an_answer_to_them() {
    let begun = || {
        let mut direction = Direction::default();
        direction.send(syn(99), b"hel");
        direction
    };
    let mut direction = begun();
    direction.half.acknowledge(100);
    direction.finish();
    assert_eq!(direction.bytes, b"", "only the SYN was accepted");
    let mut direction = begun();
    direction.send(seq(100), b"");
    direction.half.acknowledge(103);
    direction.finish();
    assert_eq!(
        direction.bytes, b"hel",
        "an empty segment says nothing of them"
    );
    let mut direction = begun();
    direction.send(syn(99), b"hel");
    direction.half.acknowledge(103);
    direction.finish();
    assert_eq!(direction.bytes, b"hel", "nor does the SYN that comes again");
}

#[test]
fn what_waits_without_a_syn_is_told_of_by_the_fin_or_by_bytes_that_were_cut_off() {
    let early = || {
        let mut direction = Direction::default();
        assert!(!direction.half.is_open());
        direction.send(seq(5000), b"abc");
        assert_eq!(direction.bytes, b"");
        direction
    };
    let mut direction = early();
    direction.send(fin(5003), b"");
    assert_eq!(
        (&direction.bytes[..], direction.half.fin()),
        (&b"abc"[..], Some(3))
    );
    let mut direction = early();
    direction.send_cut(seq(5003), b"", 4);
    assert_eq!(direction.bytes, b"abc");
    // What was acknowledged meanwhile counts from the first byte.
    let mut direction = early();
    direction.half.acknowledge(5002);
    direction.finish();
    assert_eq!(direction.half.acked(), Some(2));
}

#[test]
fn a_syn_that_comes_late_is_that_of_the_first_byte() {
    for (number, saw) in [(4999, true), (4998, false), (5000, false)] {
        let mut direction = Direction::default();
        direction.send(seq(5000), b"abc");
        for _ in 0..=EARLY_PATIENCE {
            direction.send(seq(5003), b"");
        }
        assert_eq!(direction.bytes, b"abc");
        direction.send(syn(number), b"");
        assert_eq!(direction.half.saw_syn(), saw, "a SYN of number {number}");
    }
}

#[test]
fn what_waited_and_differs_is_told_of_once() {
    let mut direction = Direction::default();
    direction.send(seq(100), b"abc");
    direction.send(seq(100), b"aXc");
    assert!(!direction.half.has_conflicts());
    direction.send(syn(99), b"");
    assert!(direction.half.has_conflicts());
    let offsets: Vec<u64> = direction
        .half
        .take_conflicts()
        .iter()
        .map(|conflict| conflict.offset)
        .collect();
    assert_eq!(offsets, [1]);
    assert!(!direction.half.has_conflicts());
    assert!(direction.half.take_conflicts().is_empty());
}

#[test]
fn of_a_syn_that_comes_twice_the_first_bytes_count() {
    let mut direction = Direction::default();
    direction.send(syn(99), b"hel");
    direction.send(syn(99), b"HEL");
    direction.half.acknowledge(103);
    direction.finish();
    assert_eq!(direction.bytes, b"hel");
    // The answer to it may be captured first.
    let mut direction = Direction::default();
    direction.send(syn(99), b"");
    direction.half.acknowledge(103);
    direction.send(syn(99), b"hel");
    direction.finish();
    assert_eq!(direction.bytes, b"hel");
}

#[test]
fn urgent_bytes_that_were_cut_off_are_no_data() {
    let mut direction = begun();
    direction.send_cut(urgent(1, 1), b"", 1);
    assert_eq!(
        (direction.half.data_packets, direction.half.payload_bytes),
        (0, 0)
    );
    let mut urgent = Urgent::default();
    for at in 0..5000 {
        urgent.note(at, 0);
    }
    assert_eq!(urgent.count(), 4096, "of more the stream keeps the rest");
}

#[test]
fn headers_alone_are_news_the_first_time() {
    let news = |numbers: &[u32]| {
        let mut direction = begun();
        for number in numbers {
            direction.send_cut(seq(*number), b"", 3);
        }
        direction.half.news
    };
    assert_eq!(news(&[1, 4]), FrameNumber(3));
    assert_eq!(news(&[1, 1]), FrameNumber(2), "it came before");
    assert_eq!(news(&[1, 2]), FrameNumber(3), "a byte of it is new");
}

#[test]
fn a_segment_is_new_that_reaches_beyond_what_came() {
    let mut direction = Direction::default();
    assert!(direction.half.is_new(1, 1), "nothing came");
    direction.send(syn(0), b"");
    direction.send(seq(1), b"abc");
    assert!(!direction.half.is_new(1, 3));
    assert!(direction.half.is_new(1, 4));
    assert!(!direction.half.is_new(4, 0));
    assert!(direction.half.is_new(4, 1));
}

#[test]
fn a_syn_is_believed_to_have_opened_what_lies_near_behind_it() {
    let first = |number: u32| {
        let mut beginning = Beginning::default();
        beginning.segment(&seq(number), 1);
        beginning
    };
    let near = 1 << 20;
    let mut beginning = first(near);
    assert!(!beginning.saw_syn() && !beginning.is_begun_by(0));
    beginning.segment(&syn(0), 0);
    assert!(beginning.saw_syn() && beginning.is_begun_by(0));
    assert!(!beginning.is_begun_by(1));
    let mut beginning = first(near + 1);
    beginning.segment(&syn(0), 0);
    assert!(!beginning.saw_syn(), "it lies too far behind");
}
