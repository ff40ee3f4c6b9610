//! Wire formats, decoded whole and in pieces, and encoded.

use imgnet::wire::{
    Decode, Encoding, Ending, Event, Fault, Fixed, Framing, LengthField, Order, Protocol, Role,
    StreamEnd, decoder, pieces,
};

use super::Splits;

/// An [`Event`] that owns its bytes.
#[derive(Debug, PartialEq)]
enum Seen {
    Start(Option<u64>),
    Pixels(imgnet::wire::PixelShape),
    Data(Vec<u8>),
    /// Stream bytes covered, picture bytes given.
    Encoded(u64, Vec<u8>),
    Gap(u64),
    Lost(Option<u64>, Option<u64>),
    Numbered(u64, Option<u64>, Order),
    End(Ending),
    Framing(Framing, u64),
    Stray(Vec<u8>),
    StrayGap(u64),
    Media(&'static str),
    Fault(Fault),
}

/// One thing that a decoder is fed.
enum Fed<'b> {
    Bytes(&'b [u8]),
    Gap(u64),
}

fn protocol(choice: u8) -> Protocol {
    let binary = |bytes, big_endian| Protocol::Length(LengthField::Binary { bytes, big_endian });
    let told = 29;
    // The rows of the table share what is left.
    if let Some(row) = choice.checked_sub(told) {
        return Protocol::Fixed(Fixed::ALL[usize::from(row) % Fixed::ALL.len()]);
    }
    match choice {
        0 => Protocol::pipeline(),
        1 => Protocol::Marker((*b"<END>").into()),
        // Begins with what it ends with: the hard case of a search.
        2 => Protocol::Marker((*b"ababa").into()),
        3 => Protocol::Eof,
        4 => Protocol::Catalog,
        5 => Protocol::RawPixels { width: None },
        6 => Protocol::RawPixels { width: Some(3) },
        7 => Protocol::Udp,
        8 => binary(2, true),
        9 => binary(2, false),
        10 => binary(4, true),
        11 => binary(4, false),
        12 => binary(8, true),
        13 => binary(8, false),
        14 => Protocol::Length(LengthField::Ascii(64)),
        15 => Protocol::Length(LengthField::Ascii(10)),
        16 => Protocol::Carve,
        17 => Protocol::UdpIndex(None),
        18 => Protocol::HalfClose,
        19 => Protocol::SizeHandshake { bare: false },
        20 => Protocol::Encoded(Encoding::Base64, Box::new(Protocol::Eof)),
        21 => Protocol::Encoded(Encoding::Pickled, Box::new(binary(4, true))),
        22 => layout("layout u32be length, u16be, picture, \"\\n\""),
        23 => layout("layout pieces; piece: u16be length, data"),
        24 => layout("layout udp; dec length; piece: u8 index, data"),
        25 => Protocol::Encoded(Encoding::Gzip, Box::new(Protocol::Eof)),
        26 => Protocol::Encoded(Encoding::Zlib, Box::new(binary(4, true))),
        27 => Protocol::Encoded(Encoding::Deflate, Box::new(Protocol::Eof)),
        _ => Protocol::Encoded(Encoding::Hex, Box::new(Protocol::Eof)),
    }
}

/// A layout, which is read as it is written.
fn layout(line: &str) -> Protocol {
    line.parse().unwrap_or(Protocol::Eof)
}

/// Byte 0 chooses the wire format, byte 1 the sender, the end and whether the format was found out, byte 2 the pieces, bytes 3 and 4 length (none, where
/// it is 0) and place of a gap; the rest is the stream.
///
/// A decoder fed whole, byte by byte or in pieces gives the same events; every byte and every gap is covered once, in
/// order; what was encoded is decoded.
pub fn wire_decoder(data: &[u8]) {
    let [choice, ends, seed, gap, place, stream @ ..] = data else {
        return;
    };
    let protocol = protocol(*choice);
    let role = if ends & 1 == 0 {
        Role::Initiator
    } else {
        Role::Acceptor
    };
    let learns = ends & 8 != 0;
    let end = match (ends >> 1) % 4 {
        0 => StreamEnd::Fin,
        1 => StreamEnd::Reset,
        2 => StreamEnd::Unfinished,
        _ => StreamEnd::Idle,
    };
    let (before, after) = stream.split_at(usize::from(*place).min(stream.len()));
    let gap = u64::from(*gap);
    let mut splits = Splits::new(*seed);
    if protocol.is_datagrams() {
        // Datagrams have borders of their own: there is nothing to be independent of.
        let fed = fed(splits.of(before), gap, splits.of(after));
        covers(&run(&protocol, (role, learns), end, &fed), &fed, true);
    } else {
        let whole = fed(vec![before], gap, vec![after]);
        let seen = run(&protocol, (role, learns), end, &whole);
        covers(&seen, &whole, false);
        let bytewise = fed(before.chunks(1).collect(), gap, after.chunks(1).collect());
        assert_eq!(
            seen,
            run(&protocol, (role, learns), end, &bytewise),
            "byte by byte"
        );
        let split = fed(splits.of(before), gap, splits.of(after));
        assert_eq!(
            seen,
            run(&protocol, (role, learns), end, &split),
            "in pieces"
        );
    }
    round_trip(&protocol, stream, usize::from(*seed));
}

fn fed<'b>(before: Vec<&'b [u8]>, gap: u64, after: Vec<&'b [u8]>) -> Vec<Fed<'b>> {
    let mut fed: Vec<Fed<'_>> = before.into_iter().map(Fed::Bytes).collect();
    if gap > 0 {
        fed.push(Fed::Gap(gap));
    }
    fed.extend(after.into_iter().map(Fed::Bytes));
    fed
}

/// The events that a new decoder gives, neighbouring data and stray bytes joined.
fn run(
    protocol: &Protocol,
    (role, learns): (Role, bool),
    end: StreamEnd,
    fed: &[Fed<'_>],
) -> Vec<Seen> {
    let mut seen = Vec::new();
    let mut sink = |event: Event<'_>| {
        match (&event, seen.last_mut()) {
            (Event::PictureData(bytes), Some(Seen::Data(before)))
            | (Event::Stray(bytes), Some(Seen::Stray(before))) => {
                before.extend_from_slice(bytes);
                return;
            }
            (Event::PictureEncoded { wire, bytes }, Some(Seen::Encoded(before, given))) => {
                *before += wire;
                given.extend_from_slice(bytes);
                return;
            }
            _ => {}
        }
        seen.push(match event {
            Event::PictureStart { length } => Seen::Start(length),
            Event::Pixels(shape) => Seen::Pixels(shape),
            Event::PictureData(bytes) => Seen::Data(bytes.to_vec()),
            Event::PictureEncoded { wire, bytes } => Seen::Encoded(wire, bytes.to_vec()),
            Event::PictureGap(length) => Seen::Gap(length),
            Event::PictureLost { pieces, bytes } => Seen::Lost(pieces, bytes),
            Event::Numbered {
                index,
                total,
                order,
                ..
            } => Seen::Numbered(index, total, order),
            // Where it stands among bytes depends on how they come.
            Event::Structure(_) | Event::GoesOn => return,
            Event::PictureEnd(ending) => Seen::End(ending),
            Event::Framing { what, bytes } => Seen::Framing(what, bytes),
            Event::Stray(bytes) => Seen::Stray(bytes.to_vec()),
            Event::StrayGap(length) => Seen::StrayGap(length),
            Event::Media(media) => Seen::Media(media),
            Event::Fault(fault) => Seen::Fault(fault),
        });
    };
    let mut decoder = decoder(protocol, role);
    if learns {
        decoder.learn();
    }
    for fed in fed {
        match fed {
            Fed::Bytes(bytes) if protocol.is_datagrams() => decoder.datagram(bytes, &mut sink),
            Fed::Bytes(bytes) => decoder.update(bytes, &mut sink),
            Fed::Gap(length) => decoder.gap(*length, &mut sink),
        }
    }
    decoder.finish(end, &mut sink);
    seen
}

/// Every byte is covered once by data, framing or stray bytes, every missing one by a gap, in order; pictures begin
/// and end in turn.
fn covers(seen: &[Seen], fed: &[Fed<'_>], datagrams: bool) {
    let mut stream: Vec<Option<u8>> = Vec::new();
    for fed in fed {
        match fed {
            Fed::Bytes(bytes) => stream.extend(bytes.iter().copied().map(Some)),
            Fed::Gap(length) => stream.extend((0..*length).map(|_| None)),
        }
    }
    let mut rest = stream.as_slice();
    let mut take = |length: u64| {
        let length = usize::try_from(length).expect("no longer than the stream");
        let (taken, left) = rest
            .split_at_checked(length)
            .expect("events cover no more than was fed");
        rest = left;
        taken
    };
    let mut open = false;
    for event in seen {
        match event {
            Seen::Start(_) => {
                assert!(!open, "a picture begins inside another: {seen:?}");
                open = true;
            }
            Seen::End(_) => {
                assert!(open, "a picture ends that never began: {seen:?}");
                open = false;
            }
            Seen::Data(bytes) | Seen::Stray(bytes) => {
                // A datagram that is no piece stands among those that are.
                let fits = match event {
                    Seen::Data(_) => open,
                    _ => !open || datagrams,
                };
                assert!(
                    fits,
                    "data is inside a picture, stray bytes are outside: {seen:?}"
                );
                assert!(
                    take(bytes.len() as u64)
                        .iter()
                        .copied()
                        .eq(bytes.iter().copied().map(Some)),
                    "the bytes are those that were fed: {seen:?}"
                );
            }
            Seen::Gap(length) | Seen::StrayGap(length) => {
                assert_eq!(open, matches!(event, Seen::Gap(_)), "{seen:?}");
                assert!(take(*length).iter().all(Option::is_none), "{seen:?}");
            }
            Seen::Lost(..) => assert!(open, "lost pieces outside a picture: {seen:?}"),
            Seen::Encoded(bytes, _) | Seen::Framing(_, bytes) => {
                assert!(take(*bytes).iter().all(Option::is_some), "{seen:?}");
            }
            Seen::Pixels(_) | Seen::Numbered(..) | Seen::Media(_) | Seen::Fault(_) => {}
        }
    }
    assert!(!open, "a picture is still open after the end: {seen:?}");
    assert!(
        rest.is_empty(),
        "{} bytes are not covered: {seen:?}",
        rest.len()
    );
}

/// A picture that is encoded is decoded again, wherever the format allows any bytes.
fn round_trip(protocol: &Protocol, picture: &[u8], chunk: usize) {
    let mut framed = picture.to_vec();
    match protocol {
        // Only what has a picture's structure, or a request, can be told from noise.
        Protocol::Carve
        | Protocol::Udp
        | Protocol::Fixed(Fixed::UdpJpeg)
        | Protocol::UdpIndex(_)
        | Protocol::Fixed(Fixed::UdpCount)
        | Protocol::SizeHandshake { .. } => return,
        // Nothing escapes a marker inside the picture.
        Protocol::Marker(marker) => {
            framed.extend_from_slice(marker);
            let first = framed
                .windows(marker.len())
                .position(|bytes| bytes == &**marker);
            if first != Some(picture.len()) {
                return;
            }
        }
        _ => {}
    }
    if picture.is_empty() {
        return;
    }
    let Ok(pieces) = pieces(protocol, picture, chunk) else {
        return;
    };
    let pieces: Vec<_> = pieces.collect();
    let fed: Vec<Fed<'_>> = pieces
        .iter()
        .map(|piece| Fed::Bytes(&piece.bytes))
        .collect();
    // The side that sends pictures: whoever listens in the catalogue, whoever connects in the others.
    let role = if *protocol == Protocol::Catalog {
        Role::Acceptor
    } else {
        Role::Initiator
    };
    let mut decoded = Vec::new();
    let mut endings = Vec::new();
    for event in run(protocol, (role, false), StreamEnd::Fin, &fed) {
        match event {
            Seen::Data(bytes) => decoded.extend(bytes),
            Seen::End(ending) => endings.push(ending),
            Seen::Stray(bytes) => panic!("stray bytes in what was encoded: {bytes:?}"),
            _ => {}
        }
    }
    assert_eq!(decoded, picture, "encoded with {protocol}, then decoded");
    assert_eq!(endings.len(), 1, "one picture, encoded with {protocol}");
    assert!(
        !matches!(endings[0], Ending::Cut(_)),
        "{protocol}: {endings:?}"
    );
}
