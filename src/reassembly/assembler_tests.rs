#![expect(
    clippy::cast_possible_truncation,
    reason = "the model lives in a span of 96 bytes"
)]

use proptest::prelude::*;

use super::*;
use crate::reassembly::gap::GapList;

/// The obviously right model: one cell a byte.
#[derive(Default)]
struct Bitmap {
    seen: Vec<Option<u8>>,
    next: usize,
}

const SPAN: u64 = 96;

fn original() -> Vec<u8> {
    (0..SPAN).map(|at| (at * 37 + 11) as u8).collect()
}

#[derive(Debug, Clone)]
enum Operation {
    Piece { offset: u64, length: u64, cut: u64 },
    Declare(u64),
    Acknowledge(u64),
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        8 => (0..SPAN, 0_u64..24, prop_oneof![6 => Just(0_u64), 1 => 1_u64..8]).prop_map(|(offset, length, cut)| {
            Operation::Piece { offset, length: length.min(SPAN - offset), cut }
        }),
        1 => (0..=SPAN).prop_map(Operation::Declare),
        1 => (0..=SPAN).prop_map(Operation::Acknowledge),
    ]
}

proptest! {
    #[test]
    fn agrees_with_a_bitmap(operations in prop::collection::vec(operation(), 0..60), copied in any::<bool>()) {
        let data = original();
        let mut assembler = Assembler::default();
        let mut model = Bitmap { seen: vec![None; SPAN as usize], next: 0 };
        let mut out: Vec<Option<u8>> = Vec::new();
        let mut position = 0_u64;
        let (mut payload, mut new, mut repeated) = (0, 0, 0);
        let keep: Keep<'_, '_> = if copied { keep_copied } else { keep_borrowed };
        for (index, operation) in operations.iter().enumerate() {
            let frame = FrameNumber(index as u64 + 1);
            let mut sink = |delivery: Delivery<'_>| match delivery {
                Delivery::Bytes { offset, bytes, .. } => {
                    assert_eq!(offset, position);
                    assert!(!bytes.is_empty());
                    position += bytes.len() as u64;
                    out.extend(bytes.iter().map(|&byte| Some(byte)));
                }
                Delivery::Gap(gap) => {
                    assert_eq!(gap.offset, position);
                    position += gap.length;
                    out.extend((0..gap.length).map(|_| None));
                }
            };
            match *operation {
                Operation::Piece { offset, length, cut } => {
                    let captured = length.saturating_sub(cut);
                    let range = offset as usize..(offset + captured) as usize;
                    let arrival = assembler.push(offset, &data[range.clone()], length, frame, keep, &mut sink);
                    let mut news = 0;
                    for at in range {
                        if at >= model.next && model.seen[at].is_none() {
                            model.seen[at] = Some(data[at]);
                            news += 1;
                        }
                    }
                    while model.next < SPAN as usize && model.seen[model.next].is_some() {
                        model.next += 1;
                    }
                    prop_assert_eq!(arrival.new_bytes, news);
                    prop_assert_eq!(arrival.new_bytes + arrival.repeated_bytes, captured);
                    prop_assert!(arrival.late_bytes <= arrival.repeated_bytes);
                    prop_assert!(arrival.conflict.is_none());
                    payload += captured;
                    new += arrival.new_bytes;
                    repeated += arrival.repeated_bytes;
                }
                Operation::Declare(until) => {
                    assembler.declare_missing(until, GapCause::NotCaptured, &mut sink);
                    model.next = model.next.max(until as usize);
                    while model.next < SPAN as usize && model.seen[model.next].is_some() {
                        model.next += 1;
                    }
                }
                Operation::Acknowledge(offset) => assembler.acknowledged(offset),
            }
            prop_assert_eq!(assembler.next(), model.next as u64);
        }
        prop_assert_eq!(payload, new + repeated);
        let highest = assembler.highest();
        assembler.declare_missing(highest, GapCause::NeverAcknowledged, &mut |delivery| match delivery {
            Delivery::Bytes { bytes, .. } => out.extend(bytes.iter().map(|&byte| Some(byte))),
            Delivery::Gap(gap) => out.extend((0..gap.length).map(|_| None)),
        });
        prop_assert_eq!(out.len() as u64, highest);
        prop_assert_eq!(assembler.waiting_bytes(), 0);
        prop_assert_eq!(assembler.unique_bytes() + assembler.gap_bytes(), highest);
        prop_assert_eq!(out.iter().flatten().count() as u64, assembler.unique_bytes());
        prop_assert_eq!(
            assembler.gaps().iter().map(|gap| gap.length).sum::<u64>(),
            assembler.gap_bytes()
        );
        for (at, byte) in out.iter().enumerate() {
            prop_assert_eq!(*byte, model.seen[at], "byte {}", at);
        }
    }

    #[test]
    fn any_order_and_repetition_gives_the_same_bytes(
        cuts in prop::collection::vec(1_usize..SPAN as usize, 0..12),
        order in prop::collection::vec(any::<prop::sample::Index>(), 1..60),
    ) {
        let data = original();
        let mut borders: Vec<usize> = cuts.into_iter().chain([0, SPAN as usize]).collect();
        borders.sort_unstable();
        borders.dedup();
        let pieces: Vec<(usize, usize)> = borders.windows(2).map(|pair| (pair[0], pair[1])).collect();
        let mut assembler = Assembler::default();
        let mut out = Vec::new();
        let picks = order.iter().map(|index| *index.get(&pieces)).chain(pieces.iter().copied());
        for (number, (from, to)) in picks.enumerate() {
            assembler.push(
                from as u64,
                &data[from..to],
                (to - from) as u64,
                FrameNumber(number as u64 + 1),
                keep_borrowed,
                &mut |delivery| match delivery {
                    Delivery::Bytes { bytes, .. } => out.extend_from_slice(bytes),
                    Delivery::Gap(_) => panic!("nothing is missing"),
                },
            );
        }
        prop_assert_eq!(out, data);
    }
}

#[test]
fn a_conflict_names_both_frames_and_both_bytes() {
    let mut assembler = Assembler::default();
    let mut out = Vec::new();
    let mut sink = |delivery: Delivery<'_>| {
        if let Delivery::Bytes { bytes, .. } = delivery {
            out.extend_from_slice(bytes);
        }
    };
    assembler.push(0, b"abcdef", 6, FrameNumber(4), keep_borrowed, &mut sink);
    let arrival = assembler.push(2, b"cXef", 4, FrameNumber(9), keep_borrowed, &mut sink);
    assert_eq!(
        arrival.conflict,
        Some(Conflict {
            offset: 3,
            range: 2..6,
            first: FrameNumber(4),
            second: FrameNumber(9),
            first_byte: b'd',
            second_byte: b'X',
        })
    );
    assert_eq!(arrival.unchecked_bytes, 0);
    assert_eq!(out, b"abcdef", "the first copy is what was passed on");
}

#[test]
fn a_conflict_among_waiting_pieces_is_seen() {
    let mut assembler = Assembler::default();
    let mut sink = |_: Delivery<'_>| panic!("nothing is in order");
    assembler.push(10, b"abcd", 4, FrameNumber(1), keep_copied, &mut sink);
    let arrival = assembler.push(8, b"..abXd", 6, FrameNumber(2), keep_copied, &mut sink);
    assert_eq!(arrival.conflict.map(|conflict| conflict.offset), Some(12));
    assert_eq!((arrival.new_bytes, arrival.repeated_bytes), (2, 4));
}

#[test]
fn a_hole_that_the_snap_length_cut_says_so() {
    let mut assembler = Assembler::default();
    let mut gaps = Vec::new();
    let mut sink = |delivery: Delivery<'_>| {
        if let Delivery::Gap(gap) = delivery {
            gaps.push(gap);
        }
    };
    assembler.push(0, b"abc", 10, FrameNumber(1), keep_borrowed, &mut sink);
    assembler.push(14, b"xyz", 3, FrameNumber(2), keep_borrowed, &mut sink);
    assembler.declare_missing(17, GapCause::NotCaptured, &mut sink);
    assert_eq!(
        gaps,
        [
            Gap {
                offset: 3,
                length: 7,
                cause: GapCause::SnapLength
            },
            Gap {
                offset: 10,
                length: 4,
                cause: GapCause::NotCaptured
            },
        ]
    );
}

#[test]
fn bytes_that_come_after_their_gap_was_declared_are_late_not_new() {
    let mut assembler = Assembler::default();
    let mut sink = |_: Delivery<'_>| {};
    assembler.push(4, b"efgh", 4, FrameNumber(1), keep_borrowed, &mut sink);
    assembler.declare_missing(8, GapCause::NotCaptured, &mut sink);
    let arrival = assembler.push(0, b"abcd", 4, FrameNumber(2), keep_borrowed, &mut sink);
    assert_eq!(
        (
            arrival.new_bytes,
            arrival.repeated_bytes,
            arrival.late_bytes
        ),
        (0, 4, 4)
    );
    assert_eq!(
        arrival.unchecked_bytes, 0,
        "there is no first copy to compare with"
    );
    assert_eq!(assembler.unique_bytes() + assembler.gap_bytes(), 8);
}

#[test]
fn copies_kept_to_compare_repeats_with_are_bounded() {
    const PIECES: usize = 4;
    let piece = vec![b'a'; RECENT_COPIED / PIECES];
    let length = piece.len() as u64;
    let mut assembler = Assembler::default();
    let push = |assembler: &mut Assembler<'_>, index: u64, bytes: &[u8]| {
        let frame = FrameNumber(index + 1);
        assembler.push(
            index * length,
            bytes,
            bytes.len() as u64,
            frame,
            keep_copied,
            &mut |_| {},
        )
    };
    for index in 0..PIECES as u64 {
        push(&mut assembler, index, &piece);
    }
    // Exactly as much as may be kept: the first is still there to compare with.
    assert_eq!(assembler.recent.as_ref().unwrap().copied, RECENT_COPIED);
    assert!(push(&mut assembler, 0, b"X").conflict.is_some());
    push(&mut assembler, PIECES as u64, &piece);
    assert!(assembler.recent.as_ref().unwrap().copied <= RECENT_COPIED);
    let first = push(&mut assembler, 0, b"X");
    assert_eq!((first.conflict, first.unchecked_bytes), (None, 1));
    assert!(push(&mut assembler, 1, b"X").conflict.is_some());
}

/// An assembler that took so many pieces of one byte, in order.
fn of_pieces(count: usize) -> Assembler<'static> {
    static BYTE: [u8; 1] = [7];
    let mut assembler = Assembler::default();
    for at in 0..count as u64 {
        let frame = FrameNumber(at + 1);
        assembler.push(at, &BYTE, 1, frame, keep_borrowed, &mut |_| {});
    }
    assembler
}

/// Whether the byte at a place is still known when it comes again.
fn is_compared(assembler: &mut Assembler<'static>, at: u64) -> bool {
    let again = FrameNumber(9999);
    let arrival = assembler.push(at, &[7], 1, again, keep_copied, &mut |_| {});
    assert_eq!(arrival.repeated_bytes, 1);
    arrival.unchecked_bytes == 0
}

#[test]
fn so_many_pieces_are_kept_to_compare_repeats_with() {
    let mut assembler = of_pieces(RECENT_PIECES);
    assert!(is_compared(&mut assembler, 0));
    let mut assembler = of_pieces(RECENT_PIECES + 1);
    assert!(!is_compared(&mut assembler, 0));
    assert!(is_compared(&mut assembler, 1));
    assembler.forget_recent();
    assert!(!is_compared(&mut assembler, RECENT_PIECES as u64));
}

#[test]
fn of_what_was_acknowledged_a_few_pieces_are_kept() {
    let mut assembler = of_pieces(RECENT_AFTER_ACK + 2);
    assembler.acknowledged(1);
    assert!(!is_compared(&mut assembler, 0), "its end was acknowledged");
    assert!(is_compared(&mut assembler, 1), "that one's was not");
    assembler.acknowledged(RECENT_AFTER_ACK as u64 + 2);
    assert!(!is_compared(&mut assembler, 1));
    assert!(
        is_compared(&mut assembler, 2),
        "as many as are kept in any case"
    );
}

#[test]
fn what_was_sent_before_counts_what_waits_and_what_was_cut_off() {
    let mut assembler = Assembler::default();
    let mut nothing = |_: Delivery<'_>| {};
    assembler.push(0, b"abc", 3, FrameNumber(1), keep_copied, &mut nothing);
    assert!(!assembler.was_cut());
    assembler.push(6, b"ghi", 3, FrameNumber(2), keep_copied, &mut nothing);
    // Bytes 0 to 2 came, 3 to 5 did not, 6 to 8 wait.
    assert_eq!(assembler.sent_before(1..8), 2 + 2);
    assert_eq!(assembler.sent_before(3..6), 0);
    assert_eq!(assembler.sent_before(9..12), 0);
    assembler.declare_missing(9, GapCause::NotCaptured, &mut nothing);
    assert_eq!(
        assembler.sent_before(1..8),
        2 + 2,
        "what is missing was never seen"
    );
    assert_eq!(assembler.sent_before(6..7), 1);
    assert!(!assembler.was_cut(), "the capture lacks it");
    assembler.push(9, b"j", 4, FrameNumber(3), keep_copied, &mut nothing);
    assert!(assembler.was_cut());
    assert_eq!(assembler.sent_before(8..20), 1 + 4);
    assembler.declare_missing(13, GapCause::NotCaptured, &mut nothing);
    assert!(assembler.was_cut(), "its frame was there");
    assert_eq!(assembler.sent_before(8..13), 1 + 4);
}

#[test]
fn the_first_of_two_conflicts_is_named() {
    let mut assembler = Assembler::default();
    let mut nothing = |_: Delivery<'_>| {};
    assembler.push(0, b"ab", 2, FrameNumber(1), keep_copied, &mut nothing);
    assembler.push(2, b"cd", 2, FrameNumber(2), keep_copied, &mut nothing);
    let arrival = assembler.push(0, b"aXcY", 4, FrameNumber(3), keep_copied, &mut nothing);
    let conflict = arrival.conflict.unwrap();
    assert_eq!((conflict.offset, conflict.first), (1, FrameNumber(1)));
    let mut assembler = Assembler::default();
    assembler.push(2, b"cd", 2, FrameNumber(1), keep_copied, &mut nothing);
    assembler.push(6, b"gh", 2, FrameNumber(2), keep_copied, &mut nothing);
    let arrival = assembler.push(0, b"abXdefgY", 8, FrameNumber(3), keep_copied, &mut nothing);
    assert_eq!(arrival.conflict.map(|found| found.offset), Some(2));
}

fn listed(assembler: &Assembler<'_>) -> Vec<(u64, u64, GapCause)> {
    let gaps = assembler.gaps().iter();
    gaps.map(|gap| (gap.offset, gap.length, gap.cause))
        .collect()
}

#[test]
fn gaps_that_found_no_room_are_one() {
    let mut assembler = Assembler::default();
    let mut nothing = |_: Delivery<'_>| {};
    let mut hole = |assembler: &mut Assembler<'_>, from: u64, cause| {
        assembler.push(
            from + 2,
            b"x",
            1,
            FrameNumber(from),
            keep_copied,
            &mut nothing,
        );
        assembler.declare_missing(from + 2, cause, &mut nothing);
    };
    assert_eq!(
        (assembler.gap_memory(), assembler.lists_all_gaps()),
        (0, true)
    );
    hole(&mut assembler, 0, GapCause::NotCaptured);
    let one = assembler.gap_memory();
    assert!(one >= size_of::<Gap>() && assembler.lists_all_gaps());
    assembler.fill_gaps();
    assert!(!assembler.lists_all_gaps());
    for from in [3, 6, 9] {
        hole(&mut assembler, from, GapCause::NotCaptured);
    }
    assert_eq!(
        listed(&assembler),
        [(0, 2, GapCause::NotCaptured), (3, 8, GapCause::Limit)]
    );
    assert_eq!(assembler.gap_bytes(), 8);
}

#[test]
fn gaps_of_two_causes_are_two_though_nothing_lies_between() {
    let mut assembler = Assembler::default();
    let mut nothing = |_: Delivery<'_>| {};
    assembler.push(0, b"abc", 10, FrameNumber(1), keep_copied, &mut nothing);
    assembler.declare_missing(14, GapCause::NotCaptured, &mut nothing);
    assembler.declare_missing(16, GapCause::NotCaptured, &mut nothing);
    assert_eq!(
        listed(&assembler),
        [(3, 7, GapCause::SnapLength), (10, 6, GapCause::NotCaptured)]
    );
    let mut list = GapList::default();
    assert!(list.is_empty());
    for gap in assembler.gaps() {
        list.push(*gap);
    }
    assert!(!list.is_empty());
    assert_eq!(list.into_listed(), assembler.gaps());
}
