use super::*;
use crate::reassembly::Gap;
use crate::reassembly::assembler::keep_borrowed;

/// A direction under test with what it delivered.
#[derive(Default)]
pub(super) struct Direction {
    pub(super) half: Half<'static>,
    pub(super) bytes: Vec<u8>,
    pub(super) gaps: Vec<Gap>,
    pub(super) frame: u64,
}

impl Direction {
    pub(super) fn send(&mut self, header: Tcp, payload: &'static [u8]) -> Verdict {
        self.send_cut(header, payload, payload.len())
    }

    pub(super) fn send_cut(
        &mut self,
        header: Tcp,
        payload: &'static [u8],
        length: usize,
    ) -> Verdict {
        self.frame += 1;
        let segment = Segment {
            header,
            payload,
            payload_len: u32::try_from(length).unwrap(),
            frame: FrameNumber(self.frame),
            time: None,
            wire_len: 54 + u32::try_from(length).unwrap(),
        };
        let (bytes, gaps) = (&mut self.bytes, &mut self.gaps);
        let mut sink = |delivery: Delivery<'_>| match delivery {
            Delivery::Bytes { bytes: new, .. } => bytes.extend_from_slice(new),
            Delivery::Gap(gap) => gaps.push(gap),
        };
        let verdict = self.half.segment(&segment, keep_borrowed, &mut sink);
        self.half.settle(1 << 20, &mut sink);
        verdict
    }

    pub(super) fn finish(&mut self) {
        let (bytes, gaps) = (&mut self.bytes, &mut self.gaps);
        self.half
            .finish(Other::Open, &mut |delivery| match delivery {
                Delivery::Bytes { bytes: new, .. } => bytes.extend_from_slice(new),
                Delivery::Gap(gap) => gaps.push(gap),
            });
        let half = &self.half;
        assert_eq!(
            half.payload_bytes,
            half.assembler.unique_bytes() + half.repeats().duplicate_bytes,
            "payload = unique + duplicate"
        );
        assert_eq!(
            half.assembler.highest(),
            half.assembler.unique_bytes() + half.assembler.gap_bytes(),
            "span = unique + gaps"
        );
    }
}

pub(super) fn seq(seq: u32) -> Tcp {
    Tcp {
        seq,
        ack: Some(1),
        ..Tcp::default()
    }
}

pub(super) fn syn(seq: u32) -> Tcp {
    Tcp {
        seq,
        syn: true,
        ..Tcp::default()
    }
}

pub(super) fn fin(seq: u32) -> Tcp {
    Tcp {
        seq,
        fin: true,
        ack: Some(1),
        ..Tcp::default()
    }
}

#[test]
fn sequence_numbers_wrap() {
    let mut direction = Direction::default();
    direction.send(syn(u32::MAX - 3), b"");
    direction.send(seq(u32::MAX - 2), b"abc");
    direction.send(seq(0), b"def");
    let verdict = direction.send(seq(u32::MAX - 2), b"abcdef");
    assert!(verdict.retransmission && verdict.arrival.conflict.is_none());
    direction.send(fin(3), b"");
    direction.finish();
    assert_eq!(direction.bytes, b"abcdef");
    assert_eq!(direction.half.fin(), Some(6));
    assert!(direction.half.reached_fin());
}

#[test]
fn sequence_difference_across_the_wrap_is_not_off_by_one() {
    let mut direction = Direction::default();
    direction.send(syn(u32::MAX - 1), b"");
    // Offset 0 is sequence number 2³² − 1; offset 1 is 0.
    let verdict = direction.send(seq(0), b"b");
    assert_eq!(verdict.offset, Some(1));
    direction.send(seq(u32::MAX), b"a");
    direction.finish();
    assert_eq!(direction.bytes, b"ab");
    assert!(direction.gaps.is_empty());
}

#[test]
fn syn_and_fin_may_carry_data() {
    let mut direction = Direction::default();
    direction.send(syn(99), b"hel");
    direction.send(fin(103), b"lo");
    // Every byte, and not yet the FIN, which takes a number of its own.
    direction.half.acknowledge(105);
    assert!(!direction.half.fin_acked());
    direction.half.acknowledge(106);
    direction.finish();
    assert_eq!(direction.bytes, b"hello");
    assert_eq!(
        direction.half.fin(),
        Some(5),
        "FIN with data advances by the data and one"
    );
    assert!(direction.half.fin_acked());
    assert!(direction.gaps.is_empty());
}

#[test]
fn late_start_takes_the_earliest_byte_seen_as_offset_0_whenever_it_was_captured() {
    let mut direction = Direction::default();
    direction.send(seq(5_000), b"middle");
    direction.send(seq(4_998), b"xx");
    direction.send(seq(5_006), b"end");
    direction.finish();
    assert_eq!(direction.bytes, b"xxmiddleend");
    assert_eq!(direction.half.repeats().retransmitted_packets, 0);
    assert_eq!(direction.half.repeats().out_of_order_packets, 1);
    assert!(!direction.half.saw_syn());
}

#[test]
fn what_comes_before_an_acknowledged_byte_of_a_late_start_was_seen_once() {
    let mut direction = Direction::default();
    direction.send(seq(5_000), b"middle");
    direction.half.acknowledge(5_006);
    direction.send(seq(4_998), b"xx");
    let verdict = direction.send(seq(5_006), b"end");
    assert_eq!(verdict.offset, None, "it waits with the others");
    // Once the beginning is settled there is no place for it, and it is no repeat all the same.
    for piece in [&b"1"[..], b"2"] {
        let next = direction.half.assembler.next().max(11);
        let at = 4_998 + u32::try_from(next).unwrap();
        direction.send(seq(at), piece);
    }
    let verdict = direction.send(seq(4_996), b"ab");
    assert_eq!(
        (verdict.arrival.late_bytes, verdict.retransmission),
        (2, false)
    );
    direction.finish();
    assert_eq!(direction.bytes, b"xxmiddleend12");
    assert_eq!(direction.half.repeats().retransmitted_packets, 0);
}

#[test]
fn bytes_of_a_syn_count_if_they_were_accepted() {
    // (acknowledged by the answer, what comes next, at which number)
    for (answer, next, at, bytes) in [
        (Some(106), &b"rest"[..], 106, &b"earlyrest"[..]),
        (Some(101), b"other", 101, b"other"),
        (None, b"rest", 106, b"earlyrest"),
        (None, b"other", 101, b"other"),
    ] {
        let mut direction = Direction::default();
        direction.send(syn(100), b"early");
        assert_eq!(direction.bytes, b"", "nobody accepted them yet");
        if let Some(ack) = answer {
            direction.half.acknowledge(ack);
        }
        let verdict = direction.send(seq(at), next);
        assert_eq!(verdict.arrival.conflict, None);
        direction.finish();
        assert_eq!(direction.bytes, bytes, "{answer:?}");
        assert_eq!(direction.half.repeats().retransmitted_packets, 0);
    }
    let mut direction = Direction::default();
    direction.send(syn(100), b"early");
    direction.finish();
    assert_eq!(direction.bytes, b"early", "nobody says");
}

#[test]
fn a_segment_far_ahead_counts_once_another_confirms_it() {
    let far = 102 + u32::try_from(FAR).unwrap() + 10;
    let mut direction = Direction::default();
    direction.send(syn(100), b"");
    direction.send(seq(101), b"a");
    assert_eq!(direction.send(seq(far), b"stray"), Verdict::default());
    direction.send(seq(102), b"b");
    direction.finish();
    assert_eq!(
        (direction.bytes.as_slice(), direction.gaps.len()),
        (&b"ab"[..], 0)
    );
    assert_eq!(direction.half.repeats().duplicate_bytes, 5);

    let mut direction = Direction::default();
    direction.send(syn(100), b"");
    direction.send(seq(101), b"a");
    direction.send(seq(far), b"far");
    direction.send(seq(far + 3), b"away");
    direction.finish();
    assert_eq!(direction.bytes, b"afaraway");
    assert_eq!(direction.gaps.len(), 1);

    let mut direction = Direction::default();
    direction.send(syn(100), b"");
    direction.send(seq(101), b"a");
    direction.send(seq(far), b"last");
    direction.finish();
    assert_eq!(direction.bytes, b"a");
    assert!(
        direction.half.end_unsure(),
        "nobody says that it is none of the stream"
    );
}

#[test]
fn the_syn_may_be_captured_after_what_it_opened() {
    let mut direction = Direction::default();
    direction.send(seq(5_000), b"first");
    direction.send(syn(4_999), b"");
    direction.send(seq(5_005), b"second");
    direction.finish();
    assert_eq!(direction.bytes, b"firstsecond");
    assert!(direction.half.saw_syn());
}

#[test]
fn of_two_syns_the_one_counts_that_was_acknowledged_or_followed_by_bytes() {
    for acknowledged in [true, false] {
        let mut direction = Direction::default();
        direction.send(syn(100), b"");
        direction.send(syn(9_000), b"");
        if acknowledged {
            direction.half.acknowledge(9_001);
        }
        direction.send(seq(9_001), b"bytes");
        direction.finish();
        assert_eq!(direction.bytes, b"bytes");
        assert_eq!(direction.gaps, []);
    }
}

#[test]
fn headers_alone_tell_what_was_sent_again() {
    let mut direction = Direction::default();
    direction.send(syn(0), b"");
    direction.send_cut(seq(1), b"", 1000);
    direction.send_cut(seq(1001), b"", 1000);
    let again = direction.send_cut(seq(1), b"", 1000);
    assert!(again.retransmission);
    // A byte before the next is a keep-alive.
    assert!(!direction.send_cut(seq(2000), b"", 1).retransmission);
    direction.finish();
    assert_eq!(direction.half.repeats().retransmitted_packets, 1);
}

#[test]
fn a_hole_that_was_acknowledged_is_a_loss_of_the_capture() {
    let mut direction = Direction::default();
    direction.send(syn(0), b"");
    direction.send(seq(1), b"aaaa");
    direction.send(seq(9), b"cccc");
    direction.half.acknowledge(13);
    assert_eq!(direction.bytes, b"aaaa", "a hole is given time to fill");
    for _ in 0..PATIENCE * 3 {
        direction.send(seq(13), b"");
    }
    assert_eq!(direction.bytes, b"aaaacccc");
    direction.finish();
    assert_eq!(
        direction.gaps,
        [Gap {
            offset: 4,
            length: 4,
            cause: GapCause::NotCaptured
        }]
    );
}

#[test]
fn a_hole_that_nobody_acknowledged_is_not_called_a_loss_of_the_capture() {
    let mut direction = Direction::default();
    direction.send(syn(0), b"");
    direction.send(seq(5), b"late");
    direction.half.acknowledge(1);
    direction.half.heard(FrameNumber(3));
    direction.finish();
    assert_eq!(
        direction.gaps,
        [Gap {
            offset: 0,
            length: 4,
            cause: GapCause::NeverAcknowledged
        }]
    );
    assert_eq!(direction.bytes, b"late");
}

#[test]
fn an_acknowledged_tail_that_was_never_seen_is_a_gap() {
    let mut direction = Direction::default();
    direction.send(syn(0), b"");
    direction.send(seq(1), b"aaaa");
    direction.half.acknowledge(105);
    direction.finish();
    assert_eq!(
        direction.gaps,
        [Gap {
            offset: 4,
            length: 100,
            cause: GapCause::NotCaptured
        }]
    );
}

#[test]
fn an_acknowledged_fin_that_was_not_captured_is_no_missing_byte() {
    let mut direction = Direction::default();
    direction.send(syn(0), b"");
    direction.send(seq(1), b"aaaa");
    direction.half.acknowledge(6);
    direction.finish();
    assert!(direction.gaps.is_empty());
}

#[test]
fn a_fin_that_was_lost_with_bytes_before_it_is_no_byte_where_both_sides_closed() {
    let mut direction = Direction::default();
    direction.send(syn(0), b"");
    direction.send(seq(1), b"aaaa");
    // 100 bytes and the FIN were not captured; the receiver acknowledged all of it and closed.
    direction.half.acknowledge(106);
    let gaps = &mut direction.gaps;
    direction.half.finish(Other::Closed, &mut |delivery| {
        if let Delivery::Gap(gap) = delivery {
            gaps.push(gap);
        }
    });
    assert_eq!(
        direction.gaps,
        [Gap {
            offset: 4,
            length: 100,
            cause: GapCause::NotCaptured
        }]
    );
}

#[test]
fn one_damaged_acknowledgment_claims_no_gap() {
    let mut direction = Direction::default();
    direction.send(syn(0), b"");
    direction.send(seq(1), b"aaaa");
    direction.half.acknowledge(5 | 1 << 29);
    direction.half.acknowledge(5);
    direction.finish();
    assert!(direction.gaps.is_empty());
    assert_eq!(direction.half.acked(), Some(4));
}

#[test]
fn snap_length_cuts_are_gaps_of_their_own_cause() {
    let mut direction = Direction::default();
    direction.send(syn(0), b"");
    direction.send_cut(seq(1), b"head", 100);
    direction.send_cut(seq(101), b"head", 100);
    direction.half.acknowledge(201);
    direction.finish();
    assert_eq!(direction.bytes, b"headhead");
    assert_eq!(
        direction.gaps,
        [
            Gap {
                offset: 4,
                length: 96,
                cause: GapCause::SnapLength
            },
            Gap {
                offset: 104,
                length: 96,
                cause: GapCause::SnapLength
            },
        ]
    );
}

#[test]
fn a_keep_alive_is_no_retransmission_and_no_conflict() {
    let mut direction = Direction::default();
    direction.send(syn(0), b"");
    direction.send(seq(1), b"abcd");
    let verdict = direction.send(seq(4), b"\0");
    assert!(verdict.keep_alive && !verdict.retransmission);
    assert!(verdict.arrival.conflict.is_none());
    direction.finish();
    assert_eq!(direction.half.repeats().retransmitted_packets, 0);
    assert!(
        direction.half.log.iter().all(|extent| !extent.repeat),
        "a picture counts no more retransmissions than its direction"
    );
    assert_eq!(direction.half.repeats().duplicate_bytes, 1);
}

#[test]
fn out_of_order_is_told_from_retransmission() {
    let mut direction = Direction::default();
    direction.send(syn(0), b"");
    direction.send(seq(5), b"efgh");
    let verdict = direction.send(seq(1), b"abcd");
    assert!(verdict.out_of_order && !verdict.retransmission);
    let verdict = direction.send(seq(5), b"efgh");
    assert!(verdict.retransmission && !verdict.out_of_order);
    direction.finish();
    assert_eq!(direction.bytes, b"abcdefgh");
    let extents: Vec<_> = direction
        .half
        .log
        .iter()
        .map(|e| (e.frame.0, e.offset, e.repeat))
        .collect();
    assert_eq!(extents, [(2, 4, false), (3, 0, false), (4, 4, true)]);
}

#[test]
fn what_a_reset_carries_is_not_stream_data() {
    let mut direction = Direction::default();
    direction.send(syn(0), b"");
    direction.send(
        Tcp {
            seq: 1,
            rst: true,
            ..Tcp::default()
        },
        b"go away",
    );
    direction.finish();
    assert!(direction.bytes.is_empty());
    assert_eq!(direction.half.reset_frame(), Some(FrameNumber(2)));
}

#[test]
fn another_syn_is_another_connection_and_a_repeated_one_is_not() {
    let mut beginning = Beginning::default();
    let other = Beginning::default();
    assert!(
        !beginning.is_another(&syn(7), &other),
        "nothing was seen before"
    );
    beginning.segment(&syn(7), 0);
    assert!(!beginning.is_another(&syn(7), &other));
    assert!(beginning.is_another(&syn(8), &other));
    assert!(!beginning.is_another(&seq(8), &other));
    let mut middle = Beginning::default();
    middle.segment(&seq(5), 0);
    assert!(
        middle.is_another(&syn(7), &other),
        "it goes on since before the capture"
    );
    assert!(
        !middle.is_another(&syn(4), &other),
        "its own SYN, captured later"
    );
}

#[test]
fn a_second_answer_to_one_syn_is_one_connection() {
    let answer = |number: u32, ack: u32| Tcp {
        ack: Some(ack),
        ..syn(number)
    };
    let (mut client, mut server) = (Beginning::default(), Beginning::default());
    client.segment(&syn(100), 0);
    server.segment(&answer(7, 101), 0);
    assert!(!server.is_another(&answer(9000, 101), &client));
    assert!(server.is_another(&answer(9000, 555), &client));
}

#[test]
fn single_bytes_that_wait_count_with_their_places() {
    let mut half = Half::default();
    let mut sink = |_: Delivery<'_>| {};
    let mut send = |half: &mut Half<'static>, header, payload: &'static [u8], frame: u64| {
        let segment = Segment {
            header,
            payload,
            payload_len: u32::try_from(payload.len()).unwrap(),
            frame: FrameNumber(frame),
            time: None,
            wire_len: 60,
        };
        half.segment(&segment, keep_borrowed, &mut sink);
    };
    send(&mut half, syn(0), b"", 1);
    for index in 1..=100_u32 {
        send(&mut half, seq(index * 2), b"x", u64::from(index) + 1);
    }
    assert!(half.assembler.waiting_bytes() >= 100 * 64);
    assert!(half.settle(3200, &mut |_| {}));
    assert!(half.assembler.waiting_bytes() <= 3200);
}

#[test]
fn waiting_bytes_are_bounded() {
    static BIG: [u8; 4096] = [7; 4096];
    let mut half = Half::default();
    let mut gaps = Vec::new();
    let mut sink = |delivery: Delivery<'_>| {
        if let Delivery::Gap(gap) = delivery {
            gaps.push(gap);
        }
    };
    let mut limited = false;
    for index in 0..100_u32 {
        let segment = Segment {
            header: if index == 0 {
                syn(0)
            } else {
                seq(index * 5_000)
            },
            payload: if index == 0 { &[] } else { &BIG },
            payload_len: if index == 0 { 0 } else { 4096 },
            frame: FrameNumber(u64::from(index) + 1),
            time: None,
            wire_len: 4150,
        };
        half.segment(&segment, keep_borrowed, &mut sink);
        limited |= half.settle(16_384, &mut sink);
        assert!(half.assembler.waiting_bytes() <= 16_384);
    }
    assert!(limited);
    assert!(gaps.iter().all(|gap| gap.cause == GapCause::Limit));
}

#[test]
fn an_acknowledgment_far_ahead_is_believed_up_to_a_bound() {
    let far = u32::try_from(FAR).unwrap();
    for (beyond, believed) in [(far, true), (far + 1, false)] {
        let mut direction = Direction::default();
        direction.send(syn(99), b"");
        direction.send(seq(100), b"abc");
        direction.half.acknowledge(103 + beyond);
        let acked = believed.then(|| 3 + u64::from(beyond));
        assert_eq!(direction.half.acked(), acked);
    }
}

/// A segment of which the byte before this one is urgent.
pub(super) fn urgent(number: u32, pointer: u16) -> Tcp {
    Tcp {
        urg: true,
        urgent_pointer: pointer,
        ..seq(number)
    }
}

#[test]
fn an_urgent_byte_is_none_of_the_stream() {
    let mut direction = Direction::default();
    direction.send(syn(0), b"");
    direction.send(seq(1), b"ab");
    // The pointer points behind the byte, whether it comes alone or as the last of a segment.
    assert!(direction.send(urgent(3, 1), b"!").urgent);
    assert!(direction.send(urgent(4, 3), b"cd!ef").urgent);
    // Announced, and not there yet.
    assert!(!direction.send(urgent(9, 4), b"gh").urgent);
    assert!(direction.send(urgent(11, 2), b"i!").urgent);
    // Sent again without the bit, as systems do that put segments together.
    direction.send(seq(3), b"!cd!ef");
    direction.send(seq(13), b"j");
    direction.half.acknowledge(14);
    direction.finish();
    assert_eq!(direction.bytes, b"abcdefghij");
    assert!(direction.gaps.is_empty(), "{:?}", direction.gaps);
    assert_eq!(direction.half.acked(), Some(10));
    assert_eq!(direction.half.urgent_bytes(), 3);
    assert_eq!(direction.half.payload_bytes, 19);
}

#[test]
fn an_urgent_byte_is_none_across_the_wrap_and_in_a_late_start() {
    let mut direction = Direction::default();
    direction.send(syn(u32::MAX - 2), b"");
    direction.send(urgent(u32::MAX - 1, 2), b"a!");
    direction.send(urgent(0, 1), b"!");
    direction.send(seq(1), b"b");
    direction.finish();
    assert_eq!(direction.bytes, b"ab");
    let mut late = Direction::default();
    for (number, bytes) in [(100, &b"ab"[..]), (102, b"c!"), (104, b"d"), (105, b"e")] {
        let header = if number == 102 {
            urgent(number, 2)
        } else {
            seq(number)
        };
        late.send(header, bytes);
    }
    late.finish();
    assert_eq!(late.bytes, b"abcde");
}

#[test]
fn an_urgent_byte_captured_after_later_ones_stays_in_the_stream() {
    let mut direction = Direction::default();
    direction.send(syn(0), b"");
    direction.send(seq(1), b"a");
    direction.send(seq(4), b"b");
    assert!(direction.send(urgent(2, 2), b"x!").urgent);
    direction.finish();
    assert_eq!(direction.bytes, b"ax!b");
    assert_eq!(direction.half.urgent_bytes(), 0);
}

#[test]
fn a_segment_that_goes_on_behind_a_repeat_is_not_out_of_order() {
    let mut whole = Direction::default();
    whole.send(syn(0), b"");
    whole.send(seq(1), b"aaaa");
    let verdict = whole.send(seq(3), b"aabb");
    assert!(verdict.retransmission && !verdict.out_of_order);
    // The numbers tell the same where the snap length cut the bytes off.
    let mut cut = Direction::default();
    cut.send(syn(0), b"");
    cut.send_cut(seq(1), b"a", 4);
    let verdict = cut.send_cut(seq(3), b"a", 4);
    assert!(verdict.retransmission && !verdict.out_of_order);
    // A hole that is filled behind is that.
    cut.send_cut(seq(11), b"c", 4);
    let verdict = cut.send_cut(seq(7), b"b", 4);
    assert!(!verdict.retransmission && verdict.out_of_order);
}
