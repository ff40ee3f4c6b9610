#![expect(
    clippy::cast_possible_truncation,
    reason = "the model lives in a span of 96 bytes"
)]

use proptest::prelude::*;

use super::*;

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
