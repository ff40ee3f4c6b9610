//! The plain case, read at fixed places, says what the layers say.

use proptest::prelude::*;

use super::*;

/// A TCP segment in a frame, with so many bytes of padding behind it.
fn segment(flags: u8, options: &[u8], payload: &[u8], padding: usize) -> Vec<u8> {
    let header = PacketBuilder::ethernet2([2; 6], [4; 6])
        .ipv4(V4.0, V4.1, 63)
        .tcp(40_000, 5050, 7_000_000, 512)
        .options_raw(options)
        .unwrap();
    let mut data = Vec::new();
    header.write(&mut data, payload).unwrap();
    // Flags and acknowledgment, with the checksum right.
    data[47] = flags;
    data[42..46].copy_from_slice(&[1, 2, 3, 4]);
    data[50..52].copy_from_slice(&[0, 0]);
    let length = u16::try_from(data.len() - 34).unwrap();
    let pseudo = [&data[26..34], &[0, 6], &length.to_be_bytes()].concat();
    let whole = [pseudo, data[34..].to_vec()].concat();
    let sum = !checksum::sum(&whole);
    data[50..52].copy_from_slice(&sum.to_be_bytes());
    data.extend(std::iter::repeat_n(0, padding));
    data
}

/// Both ways of reading agree, as far as the plain one says anything; returns whether it does.
fn agree(frame: &Frame<'_>) -> Result<bool, TestCaseError> {
    let mut is_plain = false;
    for verify in [true, false] {
        let Some(plain) = super::super::plain::Plain::read(frame, verify) else {
            continue;
        };
        let layered = Decoder::new(Options {
            checksums: verify,
            ..Options::default()
        })
        .layered(frame);
        let plain = Outcome::Packet(plain.packet(frame));
        prop_assert_eq!(format!("{plain:?}"), format!("{layered:?}"));
        is_plain = true;
    }
    Ok(is_plain)
}

const CLOCKS: [u8; 12] = [1, 1, 8, 10, 9, 8, 7, 6, 5, 4, 3, 2];

#[test]
fn usual_segments_are_plain() {
    for flags in 0..=u8::MAX {
        for options in [&[][..], &CLOCKS] {
            for (payload, padding) in [(0, 0), (0, 6), (1, 5), (1448, 0)] {
                let data = segment(flags, options, &vec![0xd8; payload], padding);
                let frame = ethernet(&data);
                assert!(agree(&frame).unwrap(), "{flags:#x} {options:?} {payload}");
                let Outcome::Packet(packet) = decode(&frame) else {
                    panic!("a packet");
                };
                assert_eq!(packet.payload.len(), payload);
                assert_eq!(packet.notes.transport_checksum, Checksum::Good);
            }
        }
    }
}

#[test]
fn what_is_not_plain_is_left_to_the_layers() {
    // SYN with options, more options, a short data offset.
    for options in [&[2, 4, 5, 180][..], &[1, 1, 5, 10, 0, 0, 0, 1, 0, 0, 0, 2]] {
        let data = segment(0x02, options, b"", 0);
        assert!(!agree(&ethernet(&data)).unwrap());
    }
    let plain = segment(0x18, &CLOCKS, b"picture", 0);
    for (at, byte) in [
        (12, 0x81),
        (14, 0x46),
        (20, 0x20),
        (21, 1),
        (23, 17),
        (46, 0x40),
    ] {
        let mut data = plain.clone();
        data[at] = byte;
        assert!(!agree(&ethernet(&data)).unwrap(), "byte {at}");
    }
    assert!(!agree(&frame(LinkType::RAW, &plain)).unwrap());
}

proptest! {
    #[test]
    fn plain_and_layered_agree(
        flags: u8,
        clocks: bool,
        payload in prop::collection::vec(any::<u8>(), 0..40),
        padding in 0..8_usize,
        damage in prop::collection::vec((0..70_usize, any::<u8>()), 0..3),
        captured in 0..120_usize,
        wire_len in 0..200_usize,
    ) {
        let options: &[u8] = if clocks { &CLOCKS } else { &[] };
        let mut data = segment(flags, options, &payload, padding);
        for (at, byte) in damage {
            if let Some(place) = data.get_mut(at) {
                *place = byte;
            }
        }
        agree(&ethernet(&data))?;
        let part = &data[..captured.min(data.len())];
        agree(&cut(LinkType::ETHERNET, part, data.len()))?;
        agree(&cut(LinkType::ETHERNET, part, wire_len))?;
    }
}
