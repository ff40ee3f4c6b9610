//! One frame of any link type, and lines that people write.

use imgnet::decode::{Decoder, Outcome};
use imgnet::expect;
use imgnet::frame::{Frame, LinkType};
use imgnet::units::FrameNumber;

/// Link types that are decoded, and one that is not.
const LINKS: [u16; 23] = [
    1, 0, 9, 10, 12, 50, 51, 101, 104, 105, 108, 113, 127, 197, 228, 229, 239, 242, 276, 147, 119,
    163, 192,
];

/// The first byte chooses the link type, the second how much of the frame was cut off; the rest is the frame, twice.
pub fn frame(data: &[u8]) {
    let [link, cut, data @ ..] = data else {
        return;
    };
    let wire_len = u32::try_from(data.len() + usize::from(*cut)).expect("short");
    let mut decoder = Decoder::default();
    let mut names = Vec::new();
    for number in 1..=2 {
        let frame = Frame {
            number: FrameNumber(number),
            time: None,
            link: LinkType(LINKS[usize::from(*link) % LINKS.len()]),
            interface: 0,
            wire_len,
            data,
            after_end: false,
        };
        match decoder.decode(&frame) {
            Outcome::Packet(packet) => {
                assert!(
                    packet.payload.len() <= packet.payload_len as usize || packet.notes.fragmented
                );
                assert!(packet.payload.len() <= 2 * data.len());
                assert_eq!(packet.tunnel.is_none(), packet.tunnel.describe().is_none());
                for part in packet.parts.as_slice() {
                    assert!(part.bytes <= packet.payload_len);
                    assert_eq!(part.wire_len, wire_len);
                }
                names.push("packet");
            }
            Outcome::FragmentHeld => names.push("held"),
            Outcome::Skipped(skip) => names.push(skip.name()),
        }
    }
    // What waits for nobody is the same each time.
    if !names.contains(&"held") && !names.contains(&"bad-fragment") && names[0] != "fragment-cut" {
        assert_eq!(names[0], names[1]);
    }
    decoder.finish();
}

/// A file of expectations: understood, or told where it is not.
pub fn expectations(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Err(mistakes) = expect::parse(text) {
        assert!(!mistakes.0.is_empty());
        for mistake in &mistakes.0 {
            assert!(!mistake.shown("expect.toml", true).is_empty());
        }
    }
}
