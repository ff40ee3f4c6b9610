//! Hostile files: whatever happens to a valid one, reading ends, does not panic, and finds no more
//! packets than fit.

use proptest::prelude::*;

use super::{Build, read};
use crate::source::bytes::Order;
use crate::source::sniff;

/// What is done to a file, each number a fraction of its length in 1/65536.
#[derive(Debug, Clone)]
enum Mutation {
    FlipBit(u16, u8),
    SetWord(u16, u32),
    Cut(u16),
    Repeat(u16, u16),
    Remove(u16, u16),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let length = prop_oneof![
        Just(0_u32),
        Just(12),
        Just(16),
        Just(32),
        Just(0x1000_0000),
        Just(0x7fff_ffff),
        Just(0xffff_fffc),
        Just(0xffff_ffff),
        any::<u32>(),
    ];
    prop_oneof![
        (any::<u16>(), 0..8_u8).prop_map(|(at, bit)| Mutation::FlipBit(at, bit)),
        (any::<u16>(), length).prop_map(|(at, word)| Mutation::SetWord(at, word)),
        any::<u16>().prop_map(Mutation::Cut),
        (any::<u16>(), any::<u16>()).prop_map(|(at, to)| Mutation::Repeat(at, to)),
        (any::<u16>(), any::<u16>()).prop_map(|(at, to)| Mutation::Remove(at, to)),
    ]
}

fn place(fraction: u16, length: usize) -> usize {
    usize::from(fraction) * length / 65_536
}

fn mutate(bytes: &mut Vec<u8>, mutation: &Mutation) {
    let length = bytes.len();
    let between = |a, b| {
        let (a, b) = (place(a, length), place(b, length));
        a.min(b)..a.max(b)
    };
    match *mutation {
        Mutation::FlipBit(at, bit) => {
            if let Some(byte) = bytes.get_mut(place(at, length)) {
                *byte ^= 1 << bit;
            }
        }
        Mutation::SetWord(at, word) => {
            // Words are aligned in both formats of these files.
            let at = place(at, length) & !3;
            if let Some(four) = bytes.get_mut(at..at + 4) {
                four.copy_from_slice(&word.to_le_bytes());
            }
        }
        Mutation::Cut(at) => bytes.truncate(place(at, length)),
        Mutation::Repeat(from, to) => bytes.extend_from_within(between(from, to)),
        Mutation::Remove(from, to) => {
            bytes.drain(between(from, to));
        }
    }
}

fn valid(ng: bool, order: Order) -> Vec<u8> {
    if ng {
        let mut file = Build::pcapng(order);
        file.interface(1, 64, &[(2, b"lo"), (9, &[0x94])]);
        file.interface(101, 0, &[(9, &[9]), (14, &[0; 8])]);
        file.enhanced(0, 1 << 20, 60, &[1; 60]);
        file.enhanced_with(1, 77, 4, b"data", &[(1, b"why"), (4, &[0; 8])]);
        file.simple(100, &[2; 64]);
        file.block(2, &[0; 20]);
        file.block(4, &[0; 4]).block(0xbad, b"custom");
        file.section(order)
            .interface(113, 0, &[])
            .enhanced(0, 5, 8, b"second s");
        file.statistics(0, &[(4, &[1; 8]), (5, &[0; 8])]);
        file.bytes
    } else {
        let mut file = Build::pcap(order, 0xa1b2_c3d4, 65_535, 1);
        for count in 0..8_u8 {
            file.record(count.into(), 1, 100, &vec![count; usize::from(count) * 8]);
        }
        file.bytes
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_mutation_makes_reading_panic_loop_or_invent(
        ng: bool,
        big: bool,
        mutations in prop::collection::vec(mutation(), 0..6),
    ) {
        let order = if big { Order::Big } else { Order::Little };
        let mut bytes = valid(ng, order);
        for mutation in &mutations {
            mutate(&mut bytes, mutation);
        }
        if sniff::parser(&bytes).is_some() {
            // Mapped and streamed alike, as `read` makes sure.
            let (frames, summary) = read(&bytes);
            prop_assert!(frames.len() <= bytes.len() / 16);
            prop_assert!(frames.iter().all(|frame| frame.data.len() <= frame.wire_len as usize));
            if mutations.is_empty() {
                prop_assert_eq!(summary.truncated, None);
                prop_assert_eq!(frames.len(), if ng { 5 } else { 8 });
            }
        }
    }
}
