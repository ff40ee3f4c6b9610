//! The pcapng format.

use super::{BOTH, Build, damage, halves, put32, read};
use crate::source::bytes::Order;
use crate::source::{Format, Reason, TimeResolution};

fn seconds(order: Order, seconds: i64) -> [u8; 8] {
    match order {
        Order::Little => seconds.to_le_bytes(),
        Order::Big => seconds.to_be_bytes(),
    }
}

#[test]
fn base_2_and_base_10_time_options_in_both_byte_orders() {
    for order in BOTH {
        for (resolution, ticks, time) in [
            (6_u8, 1_500_000, 1_500_000_000),
            (9, 1_500_000_001, 1_500_000_001),
            (3, 1_500, 1_500_000_000),
            (0x94, 3 << 19, 1_500_000_000),
            (0xa0, 3 << 31, 1_500_000_000),
            (0x80, 7, 7_000_000_000),
        ] {
            let mut file = Build::pcapng(order);
            file.interface(1, 0, &[(9, &[resolution])]);
            file.enhanced(0, ticks, 2, b"ab");
            let (frames, summary) = read(&file.bytes);
            assert_eq!(frames[0].time, Some(time), "{order:?} {resolution:#x}");
            assert_eq!(
                summary.interfaces[0].resolution,
                Some(if resolution & 0x80 == 0 {
                    TimeResolution::Decimal(resolution)
                } else {
                    TimeResolution::Binary(resolution & 0x7f)
                })
            );
        }
    }
}

#[test]
fn time_offset_in_both_byte_orders() {
    for order in BOTH {
        for offset in [1_000_000_000, -3] {
            let mut file = Build::pcapng(order);
            file.interface(1, 0, &[(9, &[9]), (14, &seconds(order, offset))]);
            file.enhanced(0, 1_234, 2, b"ab");
            let (frames, _) = read(&file.bytes);
            assert_eq!(frames[0].time, Some(offset * 1_000_000_000 + 1_234));
        }
    }
}

#[test]
fn time_without_options_is_in_microseconds_and_malformed_options_make_it_unknown() {
    let mut file = Build::pcapng(Order::Little);
    file.interface(1, 0, &[]);
    file.interface(1, 0, &[(9, &[9, 9])]);
    file.interface(1, 0, &[(14, &[0; 4])]);
    for interface in 0..3 {
        file.enhanced(interface, 5, 1, b"x");
    }
    let (frames, summary) = read(&file.bytes);
    let times: Vec<_> = frames.iter().map(|frame| frame.time).collect();
    assert_eq!(times, [Some(5_000), None, None]);
    assert_eq!(summary.interfaces[1].resolution, None);
    assert_eq!(summary.interfaces[2].resolution, None);
}

#[test]
fn sections_of_different_byte_order_and_interfaces_of_different_link_type() {
    let mut file = Build::pcapng(Order::Little);
    file.interface(1, 96, &[(2, b"eth0"), (3, b"an Ethernet\0")]);
    file.interface(113, 0, &[(2, b"any")]);
    file.enhanced(1, 10, 4, b"slow").enhanced(0, 11, 3, b"eth");
    file.section(Order::Big);
    file.interface(101, 0, &[(9, &[9])]);
    file.enhanced(0, 12_345, 70_000, b"raw");
    file.section(Order::Little);
    file.interface(276, 0, &[]).enhanced(0, 13, 4, b"sll2");
    let (frames, summary) = read(&file.bytes);
    let seen: Vec<_> = frames
        .iter()
        .map(|frame| (frame.number, frame.interface, frame.link, frame.time))
        .collect();
    assert_eq!(
        seen,
        [
            (1, 1, 113, Some(10_000)),
            (2, 0, 1, Some(11_000)),
            (3, 2, 101, Some(12_345)),
            (4, 3, 276, Some(13_000)),
        ]
    );
    assert_eq!(frames[2].wire_len, 70_000);
    assert_eq!(summary.format, Format::Pcapng);
    assert_eq!(summary.truncated, None);
    let links: Vec<_> = summary.link_types.iter().map(|link| link.0).collect();
    assert_eq!(links, [1, 113, 101, 276]);
    let first = &summary.interfaces[0];
    assert_eq!(first.name.as_deref(), Some("eth0"));
    assert_eq!(first.description.as_deref(), Some("an Ethernet"));
    assert_eq!(first.snap_len, Some(96));
}

#[test]
fn an_interface_of_an_earlier_section_is_unknown_in_the_next() {
    let mut file = Build::pcapng(Order::Little);
    file.interface(1, 0, &[]).enhanced(0, 1, 1, b"x");
    file.section(Order::Little);
    let place = file.bytes.len() as u64;
    file.enhanced(0, 2, 1, b"y");
    let (frames, summary) = read(&file.bytes);
    assert_eq!(frames.len(), 1);
    let reason = Reason::UnknownInterface {
        interface: 0,
        described: 0,
    };
    assert_eq!(damage(&summary), (place, Some(1), reason));
}

#[test]
fn no_interface_before_a_packet() {
    for kind in [6, 3, 2] {
        let mut file = Build::pcapng(Order::Little);
        file.block(kind, &[0; 20]);
        let (frames, summary) = read(&file.bytes);
        assert!(frames.is_empty());
        let reason = Reason::UnknownInterface {
            interface: 0,
            described: 0,
        };
        assert_eq!(damage(&summary), (28, None, reason));
    }
}

#[test]
fn simple_packet_has_no_time_and_the_snap_length_of_the_first_interface() {
    for order in BOTH {
        let mut file = Build::pcapng(order);
        file.interface(101, 5, &[]).interface(1, 0, &[]);
        file.simple(9, b"abcde").simple(3, b"xyz");
        file.section(order)
            .interface(1, 0, &[])
            .simple(7, b"no snap");
        let (frames, summary) = read(&file.bytes);
        assert_eq!(summary.truncated, None);
        let seen: Vec<_> = frames
            .iter()
            .map(|f| (f.time, f.interface, f.link, f.wire_len, &*f.data))
            .collect();
        assert_eq!(
            seen,
            [
                (None, 0, 101, 9, &b"abcde"[..]),
                (None, 0, 101, 3, b"xyz"),
                (None, 2, 1, 7, b"no snap"),
            ]
        );
    }
}

#[test]
fn simple_packet_longer_than_its_block() {
    let mut file = Build::pcapng(Order::Little);
    file.interface(1, 0, &[]);
    let place = file.bytes.len() as u64;
    file.simple(60, &[0; 40]);
    let (frames, summary) = read(&file.bytes);
    assert!(frames.is_empty());
    let reason = Reason::PacketOutgrowsBlock {
        captured: 60,
        room: 40,
    };
    assert_eq!(damage(&summary), (place, None, reason));
}

#[test]
fn obsolete_packet_block_counts_its_drops() {
    for order in BOTH {
        let mut file = Build::pcapng(order);
        file.interface(1, 0, &[]).interface(101, 0, &[]);
        for drops in [3, u16::MAX, 2] {
            let mut body = Vec::new();
            body.extend(super::put16(order, 1));
            body.extend(super::put16(order, drops));
            let (high, low) = halves(5_000_000_000);
            for word in [high, low, 3, 10] {
                body.extend(put32(order, word));
            }
            body.extend(b"abc");
            file.block(2, &body);
        }
        let (frames, summary) = read(&file.bytes);
        assert_eq!(frames.len(), 3);
        let first = &frames[0];
        assert_eq!((first.interface, first.link), (1, 101));
        assert_eq!(first.time, Some(5_000_000_000_000));
        assert_eq!((first.wire_len, &*first.data), (10, &b"abc"[..]));
        assert_eq!(summary.kernel_drops, Some(5));
        assert_eq!(summary.interfaces[0].dropped, None);
    }
}

#[test]
fn drops_are_those_of_the_last_statistics_of_every_interface() {
    for order in BOTH {
        let mut file = Build::pcapng(order);
        file.interface(1, 0, &[])
            .interface(1, 0, &[])
            .interface(1, 0, &[]);
        let count = |count| match order {
            Order::Little => u64::to_le_bytes(count),
            Order::Big => u64::to_be_bytes(count),
        };
        // epb_dropcount: outweighed by statistics where there are some.
        file.enhanced_with(0, 1, 1, b"x", &[(4, &count(1000))]);
        file.enhanced_with(1, 1, 1, b"x", &[(1, b"a comment"), (4, &count(30))]);
        file.enhanced_with(1, 1, 1, b"x", &[(4, &count(12))]);
        file.statistics(0, &[(4, &count(50)), (5, &count(7))]);
        file.statistics(0, &[(4, &count(1 << 40)), (5, &count(8)), (7, &count(100))]);
        let (_, summary) = read(&file.bytes);
        assert_eq!(summary.interfaces[0].received, Some(1 << 40));
        assert_eq!(summary.interfaces[0].dropped, Some(108));
        assert_eq!(summary.interfaces[1].dropped, Some(42));
        assert_eq!(summary.interfaces[2].dropped, None);
        assert_eq!(summary.kernel_drops, Some(150));
    }
}

#[test]
fn statistics_without_drops_leave_them_unknown_and_none_is_not_zero() {
    let mut file = Build::pcapng(Order::Little);
    file.interface(1, 0, &[]);
    let (received, none) = (file.count(9), file.count(0));
    file.statistics(0, &[(4, &received)]);
    assert_eq!(read(&file.bytes).1.kernel_drops, None);
    file.statistics(0, &[(5, &none)]);
    assert_eq!(read(&file.bytes).1.kernel_drops, Some(0));
}

#[test]
fn other_blocks_are_passed_over_and_numbered_as_wireshark_numbers_them() {
    let mut file = Build::pcapng(Order::Little);
    file.interface(1, 0, &[]).enhanced(0, 1, 1, b"1");
    // Name resolution, secrets, unknown, local use: no numbers.
    for kind in [4, 10, 0x1234, 0x8000_0001] {
        file.block(kind, b"whatever");
    }
    file.enhanced(0, 1, 1, b"2");
    // Journal, custom, custom that is not to be copied, sysdig: one number each.
    for kind in [9, 0xbad, 0x4000_0bad, 0x204] {
        file.block(kind, b"whatever");
    }
    file.enhanced(0, 1, 1, b"7");
    let (frames, summary) = read(&file.bytes);
    let numbers: Vec<_> = frames.iter().map(|frame| frame.number).collect();
    assert_eq!(numbers, [1, 2, 7]);
    assert_eq!(summary.truncated, None);
}

#[test]
fn lengths_that_no_block_can_have() {
    for (kind, length) in [
        (0x1234, 0),
        (0x1234, 8),
        (0x1234, 17),
        (0x1234, (256 << 20) + 4),
        (0x1234, 0xffff_fffc),
        (6, 28),
        (6, 0xffff_ffff),
        (3, 12),
        (2, 28),
        (1, 16),
        (5, 20),
    ] {
        let mut file = Build::pcapng(Order::Little);
        file.interface(1, 0, &[]).enhanced(0, 1, 1, b"1");
        let place = file.bytes.len() as u64;
        file.words(&[kind, length]).raw(&[0; 64]);
        let (frames, summary) = read(&file.bytes);
        assert_eq!(frames.len(), 1);
        let reason = Reason::BlockLength { kind, length };
        assert_eq!(damage(&summary), (place, Some(1), reason));
    }
}

#[test]
fn zero_length_section_header() {
    let mut file = Build::pcapng(Order::Big);
    let place = file.bytes.len() as u64;
    file.words(&[0x0a0d_0d0a, 0, 0x1a2b_3c4d]).raw(&[0; 64]);
    let (_, summary) = read(&file.bytes);
    let (at, _, reason) = damage(&summary);
    assert_eq!(at, place);
    assert!(matches!(reason, Reason::BlockLength { length: 0, .. }));
}

#[test]
fn trailing_length_that_differs() {
    for kind in [6, 3, 1, 5, 0x1234] {
        let mut file = Build::pcapng(Order::Little);
        file.interface(1, 0, &[]).enhanced(0, 1, 1, b"1");
        let place = file.bytes.len();
        file.block(kind, &[0; 20]);
        let end = file.bytes.len();
        file.bytes[end - 4] ^= 4;
        file.enhanced(0, 1, 1, b"2");
        let (frames, summary) = read(&file.bytes);
        // The damaged block's own packet is not used: Wireshark does not either.
        assert_eq!(frames.len(), 1);
        let (at, after, reason) = damage(&summary);
        assert_eq!((at, after), (place as u64, Some(1)));
        assert!(matches!(
            reason,
            Reason::TrailingLength {
                leading: 32,
                trailing: 36
            }
        ));
    }
}

#[test]
fn packet_longer_than_its_block_or_than_any() {
    let reason_of = |captured: u32| {
        let mut file = Build::pcapng(Order::Little);
        file.interface(1, 0, &[]);
        let mut body = Vec::new();
        for word in [0, 0, 1, captured, captured] {
            body.extend(put32(Order::Little, word));
        }
        body.extend([0; 8]);
        file.block(6, &body);
        let (frames, summary) = read(&file.bytes);
        assert!(frames.is_empty());
        damage(&summary).2
    };
    for captured in [9, 262_144] {
        assert_eq!(
            reason_of(captured),
            Reason::PacketOutgrowsBlock { captured, room: 8 }
        );
    }
    for captured in [262_145, u32::MAX - 3, u32::MAX] {
        let limit = 262_144;
        assert_eq!(
            reason_of(captured),
            Reason::PacketTooLong { captured, limit }
        );
    }
}

#[test]
fn cut_anywhere_gives_the_frames_before() {
    let mut file = Build::pcapng(Order::Big);
    file.interface(1, 0, &[]);
    let mut ends = vec![file.bytes.len()];
    for data in [&b"a"[..], b"bcd", b"efghi"] {
        file.enhanced(0, 1, 5, data);
        ends.push(file.bytes.len());
        file.block(0x1234, b"passed over");
    }
    for cut in 12..file.bytes.len() {
        let (frames, summary) = read(&file.bytes[..cut]);
        let whole = ends.iter().skip(1).filter(|end| **end <= cut).count();
        assert_eq!(frames.len(), whole, "cut at {cut}");
        if let Some(damage) = &summary.truncated {
            assert!(damage.offset < cut as u64);
            let Reason::CutShort { needed, available } = damage.reason else {
                panic!("{damage}");
            };
            assert_eq!(damage.offset + available, cut as u64);
            assert!(available < needed);
            assert_eq!(damage.after_frame.map_or(0, |frame| frame.0), whole as u64);
        } else {
            assert!([28, 48].contains(&cut) || cut > 48, "cut at {cut}");
        }
    }
}

#[test]
fn section_without_byte_order_magic_and_of_unknown_version() {
    let mut file = Build::pcapng(Order::Little);
    file.words(&[0x0a0d_0d0a, 28]).raw(b"MAGI").raw(&[0; 16]);
    let reason = Reason::ByteOrderMagic { found: *b"MAGI" };
    assert_eq!(damage(&read(&file.bytes).1), (28, None, reason));

    let mut file = Build::pcapng(Order::Big);
    file.bytes[13] = 2;
    let reason = Reason::Version { major: 2, minor: 0 };
    assert_eq!(damage(&read(&file.bytes).1), (0, None, reason));
}

#[test]
fn too_many_interfaces() {
    let mut file = Build::pcapng(Order::Little);
    for _ in 0..=16_384 {
        file.interface(1, 0, &[]);
    }
    let (_, parser) = crate::source::sniff::parser(&file.bytes).unwrap();
    let window = crate::source::window::Mapped::new(&file.bytes);
    let mut reader = crate::source::reader::Reader::new(window, parser);
    assert!(reader.advance().is_none());
    let mut summary =
        crate::source::FileSummary::new("in memory".into(), Format::Pcapng, None, None);
    reader.account(&mut summary, None, &[]);
    assert_eq!(summary.interfaces.len(), 16_384);
    let reason = Reason::TooManyInterfaces { limit: 16_384 };
    assert_eq!(damage(&summary).2, reason);
}

#[test]
fn long_names_are_shortened_and_bad_text_is_kept_lossy() {
    let mut file = Build::pcapng(Order::Little);
    file.interface(1, 0, &[(2, &[b'x'; 5000]), (3, b"caf\xe9")]);
    // An option that does not fit ends the options, and spoils nothing else.
    file.block(1, &[1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0xff, 0xff, 1, 1, 1, 1]);
    let (_, summary) = read(&file.bytes);
    assert_eq!(summary.truncated, None);
    assert_eq!(summary.interfaces[0].name, Some("x".repeat(256)));
    let description = summary.interfaces[0].description.as_deref();
    assert_eq!(description, Some("caf\u{fffd}"));
    assert_eq!(summary.interfaces[1].name, None);
}
