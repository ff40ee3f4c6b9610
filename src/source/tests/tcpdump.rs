//! The pcap format.

use super::{BOTH, Build, damage, read};
use crate::source::bytes::Order;
use crate::source::{Format, Reason, TimeResolution};

const MICRO: u32 = 0xa1b2_c3d4;
const NANO: u32 = 0xa1b2_3c4d;
const MODIFIED: u32 = 0xa1b2_cd34;

#[test]
fn both_byte_orders_and_both_resolutions() {
    for order in BOTH {
        for (magic, resolution, time) in [
            (MICRO, TimeResolution::Decimal(6), 1_000_000_007_000),
            (NANO, TimeResolution::Decimal(9), 1_000_000_000_007),
        ] {
            let mut file = Build::pcap(order, magic, 65_535, 1);
            file.record(1000, 7, 60, b"abcde")
                .record(1001, 0, 3, b"xyz");
            let (frames, summary) = read(&file.bytes);
            assert_eq!(summary.format, Format::Pcap);
            assert_eq!(summary.truncated, None);
            assert_eq!(summary.kernel_drops, None);
            assert_eq!(summary.interfaces[0].resolution, Some(resolution));
            assert_eq!(summary.interfaces[0].snap_len, Some(65_535));
            let first = &frames[0];
            assert_eq!((first.number, first.time), (1, Some(time)));
            assert_eq!((first.wire_len, &*first.data), (60, &b"abcde"[..]));
            assert_eq!(frames[1].time, Some(1_001_000_000_000));
            assert_eq!(frames.len(), 2);
        }
    }
}

#[test]
fn modified_header_of_kuznetzov_is_8_bytes_longer() {
    for order in BOTH {
        let mut file = Build::pcap(order, MODIFIED, 65_535, 1);
        for data in [b"first", b"later"] {
            file.words(&[5, 6, 5, 5, 0xffff_ffff, 0xffff_ffff])
                .raw(data);
        }
        let (frames, summary) = read(&file.bytes);
        assert_eq!(summary.truncated, None);
        assert_eq!(frames[0].data, b"first");
        assert_eq!(frames[1].data, b"later");
    }
}

#[test]
fn upper_bits_of_the_link_type_field_are_not_the_link_type() {
    for order in BOTH {
        // FCS length 2 · 16 bits, its flag, and reserved bits.
        let mut file = Build::pcap(order, MICRO, 0, 0x2401_0071);
        file.record(0, 0, 1, b"x");
        let (frames, summary) = read(&file.bytes);
        assert_eq!(frames[0].link, 113);
        assert_eq!(summary.link_types[0].0, 113);
        assert_eq!(summary.interfaces[0].snap_len, None);
    }
}

#[test]
fn old_versions_write_the_lengths_the_other_way_round() {
    for (minor, lengths) in [(2, [60, 2]), (3, [60, 2]), (3, [2, 60]), (4, [2, 60])] {
        let mut file = Build::pcap(Order::Little, MICRO, 0, 1);
        file.bytes[6] = minor;
        file.words(&[0, 0]).words(&lengths).raw(b"ab");
        let (frames, _) = read(&file.bytes);
        assert_eq!(frames[0].wire_len, 60);
        assert_eq!(frames[0].data, b"ab");
    }
}

#[test]
fn header_alone_is_a_capture_of_no_frames() {
    let file = Build::pcap(Order::Little, MICRO, 0, 1);
    let (frames, summary) = read(&file.bytes);
    assert!(frames.is_empty());
    assert_eq!(summary.truncated, None);
    assert_eq!(summary.link_types.len(), 1);
}

#[test]
fn header_cut_short() {
    let file = Build::pcap(Order::Little, MICRO, 0, 1);
    let (frames, summary) = read(&file.bytes[..23]);
    assert!(frames.is_empty() && summary.interfaces.is_empty());
    let reason = Reason::CutShort {
        needed: 24,
        available: 23,
    };
    assert_eq!(damage(&summary), (0, None, reason));
}

#[test]
fn cut_mid_header_of_a_record() {
    let mut file = Build::pcap(Order::Big, NANO, 0, 1);
    file.record(1, 1, 4, b"abcd").record(2, 2, 4, b"efgh");
    let second = 24 + 20;
    for available in 1..16 {
        let (frames, summary) = read(&file.bytes[..second + available]);
        assert_eq!(frames.len(), 1);
        let reason = Reason::CutShort {
            needed: 16,
            available: available as u64,
        };
        assert_eq!(damage(&summary), (44, Some(1), reason));
    }
}

#[test]
fn record_longer_than_the_file() {
    let mut file = Build::pcap(Order::Little, MICRO, 262_144, 1);
    file.record(1, 1, 4, b"abcd");
    file.words(&[2, 2, 1000, 1000]).raw(&[7; 999]);
    let (frames, summary) = read(&file.bytes);
    assert_eq!(frames.len(), 1);
    let reason = Reason::CutShort {
        needed: 1016,
        available: 1015,
    };
    assert_eq!(damage(&summary), (44, Some(1), reason));
}

#[test]
fn lengths_near_2_to_the_32_are_damage() {
    for captured in [262_145, 0x7fff_ffff, 0x8000_0000, 0xffff_fff0, 0xffff_ffff] {
        let mut file = Build::pcap(Order::Little, MICRO, 0xffff_ffff, 1);
        file.words(&[2, 2, captured, captured]).raw(&[7; 100]);
        let (frames, summary) = read(&file.bytes);
        assert!(frames.is_empty());
        let reason = Reason::PacketTooLong {
            captured,
            limit: 262_144,
        };
        assert_eq!(damage(&summary), (24, None, reason));
    }
}

#[test]
fn transfers_of_a_bus_may_be_longer() {
    let mut file = Build::pcap(Order::Little, MICRO, 0, 249);
    file.record(0, 0, 300_000, &vec![1; 300_000]);
    let (frames, summary) = read(&file.bytes);
    assert_eq!(frames[0].data.len(), 300_000);
    assert_eq!(summary.truncated, None);
}

#[test]
fn captured_length_above_the_wire_length_counts_for_both() {
    let mut file = Build::pcap(Order::Little, MICRO, 0, 1);
    file.record(0, 0, 2, b"abcd").record(0, 0, 9, b"z");
    let (frames, summary) = read(&file.bytes);
    assert_eq!(frames[0].wire_len, 4);
    assert_eq!(frames[0].data, b"abcd");
    assert_eq!(summary.original_bytes, 13);
}

#[test]
fn times_reach_to_the_end_of_their_fields() {
    let mut file = Build::pcap(Order::Little, MICRO, 0, 1);
    file.record(u32::MAX, u32::MAX, 0, b"");
    let (frames, _) = read(&file.bytes);
    assert_eq!(
        frames[0].time,
        Some(4_294_967_295_000_000_000 + 4_294_967_295_000)
    );
}

#[test]
fn unknown_version() {
    let mut file = Build::pcap(Order::Little, MICRO, 0, 1);
    file.bytes[4] = 3;
    let (_, summary) = read(&file.bytes);
    let reason = Reason::Version { major: 3, minor: 4 };
    assert_eq!(damage(&summary), (0, None, reason));
}
