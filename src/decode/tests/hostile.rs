//! Laws that hold for any bytes: no panic, no payload from outside the frame, never more than there was.

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

const LINKS: [u16; 11] = [0, 1, 12, 14, 101, 108, 113, 147, 228, 229, 276];

/// Valid frames of every kind, to be damaged.
fn valid() -> Vec<(LinkType, Vec<u8>)> {
    let vlan = |bytes: Vec<u8>| {
        [
            &bytes[..12],
            &[0x88, 0xa8, 0, 1, 0x81, 0, 0, 2],
            &bytes[12..],
        ]
        .concat()
    };
    let udp = &udp6(b"picture")[54..];
    let extended = [
        hex("3c00010400000000 2b00010400000000 1102040000000000 0000000000000000 0000000000000000"),
        udp.to_vec(),
    ]
    .concat();
    let fragment = [
        hex("3c00000100000007 1100010400000000"),
        udp6(b"pictures")[54..].to_vec(),
    ]
    .concat();
    let mut fragment4 = ipv4(17, &[7; 24]);
    put(&mut fragment4, 6, 0x2000);
    vec![
        (LinkType::ETHERNET, udp4(b"picture")),
        (LinkType::ETHERNET, udp6(b"picture")),
        (LinkType::ETHERNET, tcp4(&[7; 100])),
        (LinkType::ETHERNET, tcp6(&[7; 100])),
        (LinkType::ETHERNET, vlan(tcp4(&[7; 100]))),
        (LinkType::RAW, ipv6(0, &extended)),
        (LinkType::RAW, ipv6(44, &fragment)),
        (LinkType::RAW, fragment4),
        (
            LinkType::RAW,
            ipv4(
                51,
                &[
                    hex("11020000 00000001 00000002 11223344"),
                    udp4(b"pic")[34..].to_vec(),
                ]
                .concat(),
            ),
        ),
        (
            LinkType::NULL,
            [&hex("02000000")[..], &tcp4(b"pic")[14..]].concat(),
        ),
        (
            LinkType::LINUX_SLL,
            [
                &hex("0000 0001 0006 0404040404040000 0800")[..],
                &tcp4(b"pic")[14..],
            ]
            .concat(),
        ),
        (
            LinkType::LINUX_SLL2,
            [
                &hex("0800 0000 00000002 0001 00 06 0404040404040000")[..],
                &tcp4(b"pic")[14..],
            ]
            .concat(),
        ),
    ]
}

fn laws(decoder: &mut Decoder, frame: &Frame<'_>) -> Result<(), TestCaseError> {
    let Outcome::Packet(packet) = decoder.decode(frame) else {
        return Ok(());
    };
    prop_assert!(packet.payload.len() <= packet.payload_len as usize);
    match &packet.payload {
        Cow::Borrowed(payload) => {
            let outer = frame.data.as_ptr_range();
            let inner = payload.as_ptr_range();
            prop_assert!(outer.start <= inner.start && inner.end <= outer.end);
            prop_assert!(!packet.notes.fragmented);
        }
        Cow::Owned(payload) => {
            prop_assert!(packet.notes.fragmented);
            prop_assert_eq!(payload.len(), packet.payload_len as usize);
        }
    }
    let carried: u64 = packet
        .parts
        .as_slice()
        .iter()
        .map(|part| u64::from(part.bytes))
        .sum();
    prop_assert!(carried >= u64::from(packet.payload_len));
    for part in packet.parts.as_slice() {
        prop_assert!(
            part.offset
                .checked_add(part.bytes)
                .is_some_and(|end| end <= packet.payload_len)
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_bytes_under_any_link_type(
        link in proptest::sample::select(&LINKS[..]),
        data in proptest::collection::vec(any::<u8>(), 0..200),
        beyond in 0_usize..3000,
    ) {
        laws(&mut Decoder::default(), &cut(LinkType(link), &data, data.len() + beyond))?;
    }

    #[test]
    fn any_damage_to_valid_frames(
        damage in proptest::collection::vec(
            (0_usize..12, proptest::collection::vec((any::<Index>(), any::<u8>()), 0..4), any::<Index>(), any::<bool>()),
            1..12,
        ),
    ) {
        let valid = valid();
        let mut decoder = Decoder::default();
        for (number, (which, bytes, end, whole)) in (1..).zip(&damage) {
            let (link, mut data) = valid[*which].clone();
            let wire_len = data.len();
            for (at, value) in bytes {
                let at = at.index(data.len());
                data[at] = *value;
            }
            if !whole {
                data.truncate(end.index(data.len() + 1));
            }
            let frame = Frame { number: FrameNumber(number), ..cut(link, &data, wire_len) };
            laws(&mut decoder, &frame)?;
        }
        let counts = *decoder.fragments();
        decoder.finish();
        let after = *decoder.fragments();
        prop_assert_eq!(after.waiting, 0);
        prop_assert_eq!(counts.lost + counts.repeated + counts.waiting, after.lost + after.repeated);
    }

    /// Fragments of few identifications with random ranges: they meet, overlap, complete and contradict.
    #[test]
    fn any_fragments(
        fragments in proptest::collection::vec(
            (0_usize..2, 0_usize..6, 0_usize..30, any::<bool>(), 0_u8..2, any::<bool>()),
            1..60,
        ),
    ) {
        let mut decoder = Decoder::new(Options {
            fragments: FragmentLimits { datagrams: 3, bytes: 4000, ..FragmentLimits::default() },
            ..Options::default()
        });
        for (number, (id, offset, len, more, fill, six)) in (1..).zip(fragments) {
            let bytes = vec![fill; len];
            let data = if six {
                let mut header = hex("11 00 0000 00000000");
                header[7] = u8::try_from(id).unwrap();
                put(&mut header, 2, (offset * 8) | usize::from(more));
                ipv6(44, &[header, bytes].concat())
            } else {
                let mut data = ipv4(17, &bytes);
                put(&mut data, 4, id);
                put(&mut data, 6, offset | (usize::from(more) << 13));
                data
            };
            let frame = Frame { number: FrameNumber(number), ..frame(LinkType::RAW, &data) };
            laws(&mut decoder, &frame)?;
            prop_assert!(decoder.fragments().waiting <= 3);
        }
    }
}

#[test]
fn the_frames_to_be_damaged_are_valid() {
    for (link, data) in valid() {
        let outcome = decode(&frame(link, &data));
        assert!(
            !matches!(outcome, Outcome::Skipped(_)),
            "{link:?} {outcome:?}"
        );
    }
}
