//! The laws of this room, for every decoder: split-independence, conservation, encode∘decode = identity.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::testing::{Seen, fixtures, pictures, run};
use super::*;

/// Formats that are told something; those of the table are added.
const TOLD: &[&str] = &[
    "marker",
    "marker=aab",
    "marker=<END>",
    "eof",
    "catalog",
    "raw-pixels",
    "raw-pixels=7",
    "udp",
    "udp-index",
    "udp-index=u8",
    "udp-index=from1-u16le",
    "udp-index=countdown-u8",
    "udp-index=countdown0-ascii5",
    "udp-index=offset-u32be",
    "half-close",
    "size-handshake",
    "size-handshake=bare",
    "pickled",
    "base64",
    "base64+length=u32be",
    "pickled+marker=<END>",
    "gzip",
    "zlib+length=u32be",
    "deflate",
    "hex",
    "length=u16be",
    "length=u16le",
    "length=u32be",
    "length=u32le",
    "length=u64be",
    "length=u64le",
    "length=ascii64",
    "length=ascii16",
    "length=ascii10",
    "carve",
    "layout u32be length, picture",
    "layout dec(until \"\\n\") length, picture; answer: \"OK\\n\"",
    "layout u32be length+4, u16le crc16, picture, \"\\n\"",
    "layout picture(until \"<END>\")",
    "layout once: u8; picture",
    "layout u16be length, pieces; piece: u8 index, data(100)",
    "layout pieces; piece: u16le length, data, u8",
    "layout pixels(bgr 3x2)",
    "layout udp; piece: u8 index, data",
    "layout udp; u16be count; piece: data(64)",
    "layout udp; piece: u16be frame, u16be offset, u16be total, data; end: \"END\"",
    "base64+layout u32be length, picture",
];

fn formats() -> Vec<&'static str> {
    let fixed = Fixed::ALL.iter().map(|format| format.row().name);
    TOLD.iter().copied().chain(fixed).collect()
}

const MARKERS: &[&[u8]] = &[
    b"%IMAGE_COMPLETED%",
    b"<END>",
    b"<END OF FILE>",
    b"DONE",
    b"%IMA",
    b"<EN",
    b"aaab",
];

const BEGINNINGS: &[&[u8]] = &[
    b"\xff\xd8\xff",
    b"\xff\xd8\xff\xe0",
    b"\x89PNG\r\n\x1a",
    b"BM",
    b"RIFF\x10\0\0\0WEBP",
    b"GIF89a",
    b"%PDF-1.7",
    b"1",
    b"\0\0\0\0",
];

/// Bytes of a stream, or how many are missing.
#[derive(Debug, Clone)]
enum Part {
    Bytes(Vec<u8>),
    Missing(u64),
}

fn protocol() -> impl Strategy<Value = Protocol> {
    select(formats()).prop_map(|name| name.parse().unwrap())
}

/// Datagrams have borders that mean something: cutting them elsewhere is another stream.
fn without_borders() -> impl Strategy<Value = Protocol> {
    protocol().prop_filter("datagrams have borders", |protocol| {
        !protocol.is_datagrams()
    })
}

fn role() -> impl Strategy<Value = Role> {
    select(&[Role::Initiator, Role::Acceptor][..])
}

/// What may come on a socket: pictures whole, cut and damaged, markers, lengths, text and noise.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let picture = || select(fixtures());
    prop_oneof![
        3 => picture(),
        1 => (picture(), any::<Index>()).prop_map(|(mut picture, end)| {
            picture.truncate(end.index(picture.len()));
            picture
        }),
        1 => (picture(), any::<Index>(), any::<u8>()).prop_map(|(mut picture, at, byte)| {
            let at = at.index(picture.len());
            picture[at] = byte;
            picture
        }),
        2 => select(MARKERS)
            .prop_map(<[u8]>::to_vec),
        1 => picture().prop_map(|picture| {
            let mut bytes = u32::try_from(picture.len()).unwrap().to_be_bytes().to_vec();
            bytes.extend(picture);
            bytes
        }),
        1 => picture().prop_map(|picture| {
            let mut bytes = format!("{:<16}", picture.len()).into_bytes();
            bytes.extend(picture);
            bytes
        }),
        1 => picture().prop_map(|picture| [format!("SIZE {}", picture.len()).as_bytes(), &picture].concat()),
        1 => picture().prop_map(|picture| pieces(&Protocol::Fixed(Fixed::NameSizeMarker), &picture, 100).unwrap().flat_map(|piece| piece.bytes.into_owned()).collect()),
        1 => picture().prop_map(|picture| pieces(&Protocol::Fixed(Fixed::Framed), &picture, 100).unwrap().flat_map(|piece| piece.bytes.into_owned()).collect()),
        1 => select(BEGINNINGS)
            .prop_map(<[u8]>::to_vec),
        1 => vec(any::<u8>(), 0..100),
        1 => vec(select(&b"aab<EN%\xff\xd8\x00 1"[..]), 0..40),
    ]
}

fn stream() -> impl Strategy<Value = Vec<u8>> {
    vec(bytes(), 0..6).prop_map(|parts| parts.concat())
}

fn end() -> impl Strategy<Value = StreamEnd> {
    select(
        &[
            StreamEnd::Fin,
            StreamEnd::Reset,
            StreamEnd::Unfinished,
            StreamEnd::Idle,
        ][..],
    )
}

/// The bytes in pieces, cut at these places.
fn split<'b>(bytes: &'b [u8], cuts: &[Index]) -> Vec<&'b [u8]> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    cuts.sort_unstable();
    let mut pieces = Vec::new();
    let mut from = 0;
    for cut in cuts {
        pieces.push(&bytes[from..cut]);
        from = cut;
    }
    pieces.push(&bytes[from..]);
    pieces
}

fn decode<'p>(
    (protocol, role, learns): (&Protocol, Role, bool),
    pieces: impl IntoIterator<Item = &'p [u8]>,
    end: StreamEnd,
) -> (Vec<Seen>, Protocol) {
    let mut decoder = decoder(protocol, role);
    if learns {
        decoder.learn();
    }
    let seen = run(|sink| {
        for piece in pieces {
            decoder.update(piece, sink);
        }
        decoder.finish(end, sink);
    });
    (seen, decoder.protocol())
}

/// Every byte and every gap fed is covered exactly once, in order; pictures are opened and closed in turn.
fn conserved(fed: &[Part], seen: &[Seen]) -> Result<(), TestCaseError> {
    let mut want: Vec<Option<u8>> = Vec::new();
    for part in fed {
        match part {
            Part::Bytes(bytes) => want.extend(bytes.iter().copied().map(Some)),
            Part::Missing(length) => want.extend((0..*length).map(|_| None)),
        }
    }
    let mut at = 0;
    let mut open = false;
    for event in seen {
        match event {
            Seen::Start(_) => {
                prop_assert!(!open, "a picture starts inside another");
                open = true;
            }
            Seen::End(_) => {
                prop_assert!(open, "a picture ends that never started");
                open = false;
            }
            Seen::Data(bytes) | Seen::Stray(bytes) => {
                // A datagram that is no piece may come between two that are.
                prop_assert!(
                    open || matches!(event, Seen::Stray(_)),
                    "data of no picture"
                );
                for byte in bytes {
                    prop_assert_eq!(want.get(at), Some(&Some(*byte)), "at {}", at);
                    at += 1;
                }
            }
            Seen::Gap(length) | Seen::StrayGap(length) => {
                prop_assert_eq!(open, matches!(event, Seen::Gap(_)));
                for _ in 0..*length {
                    prop_assert_eq!(want.get(at), Some(&None), "gap at {}", at);
                    at += 1;
                }
            }
            Seen::Encoded(wire, _) => {
                prop_assert!(open, "encoded bytes outside a picture");
                for _ in 0..*wire {
                    prop_assert!(matches!(want.get(at), Some(Some(_))), "encoded at {}", at);
                    at += 1;
                }
            }
            Seen::Lost(..) => prop_assert!(open, "lost pieces outside a picture"),
            Seen::Framing(_, length) => {
                for _ in 0..*length {
                    prop_assert!(matches!(want.get(at), Some(Some(_))), "framing at {}", at);
                    at += 1;
                }
            }
            Seen::Pixels(_) | Seen::Numbered(..) | Seen::Fault(_) | Seen::Media(_) => {}
        }
    }
    prop_assert!(!open, "a picture was left open");
    prop_assert_eq!(at, want.len(), "not all was covered");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn split_makes_no_difference(
        protocol in without_borders(),
        role in role(),
        learns in any::<bool>(),
        stream in stream(),
        cuts in vec(any::<Index>(), 0..40),
        end in end(),
    ) {
        let how = (&protocol, role, learns);
        let whole = decode(how, [&stream[..]], end);
        conserved(&[Part::Bytes(stream.clone())], &whole.0)?;
        prop_assert_eq!(&whole, &decode(how, split(&stream, &cuts), end));
        prop_assert_eq!(&whole, &decode(how, stream.chunks(1), end));
    }

    #[test]
    fn gaps_anywhere_keep_every_byte_accounted(
        protocol in protocol(),
        role in role(),
        parts in vec(prop_oneof![
            3 => bytes().prop_map(Part::Bytes),
            1 => (0_u64..3000).prop_map(Part::Missing),
        ], 0..8),
        end in end(),
        flush in any::<bool>(),
        datagrams in any::<bool>(),
        by_bytes in any::<bool>(),
        learns in any::<bool>(),
    ) {
        let mut decoder = decoder(&protocol, role);
        if learns {
            decoder.learn();
        }
        let seen = run(|sink| {
            for part in &parts {
                match part {
                    Part::Bytes(bytes) if datagrams => decoder.datagram(bytes, sink),
                    Part::Bytes(bytes) if by_bytes => bytes.chunks(1).for_each(|byte| decoder.update(byte, sink)),
                    Part::Bytes(bytes) => decoder.update(bytes, sink),
                    Part::Missing(length) => decoder.gap(*length, sink),
                }
                if flush {
                    decoder.flush(sink);
                }
            }
            decoder.finish(end, sink);
        });
        conserved(&parts, &seen)?;
    }

    #[test]
    fn split_makes_no_difference_around_gaps(
        protocol in without_borders(),
        before in stream(),
        missing in 1_u64..2000,
        after in stream(),
        cuts in vec(any::<Index>(), 0..20),
    ) {
        let feed = |cuts: &[Index]| {
            let mut decoder = decoder(&protocol, Role::Initiator);
            run(|sink| {
                for piece in split(&before, cuts) { decoder.update(piece, sink); }
                decoder.gap(missing, sink);
                for piece in split(&after, cuts) { decoder.update(piece, sink); }
                decoder.finish(StreamEnd::Fin, sink);
            })
        };
        prop_assert_eq!(feed(&[]), feed(&cuts));
    }

    #[test]
    fn what_is_encoded_is_decoded(
        protocol in protocol(),
        sent in vec(select(fixtures()), 1..4),
        chunk in 1_usize..5000,
        cuts in vec(any::<Index>(), 0..20),
    ) {
        // Layouts have a test of their own.
        let apart = matches!(protocol, Protocol::Layout(_));
        if apart || pieces(&protocol, &sent[0], 1000).is_err_and(|error| matches!(error, CannotEncode::ReceiveOnly { .. })) {
            return Ok(());
        }
        // Numbers of one byte count no more, and what has to be found out needs the first bytes of a picture in one piece.
        let chunk = if matches!(protocol, Protocol::UdpIndex(_) | Protocol::Fixed(Fixed::UdpCount)) { chunk.max(100) } else { chunk };
        let repeats = protocol.is_datagrams()
            || matches!(protocol, Protocol::Marker(_) | Protocol::Length(_) | Protocol::Carve | Protocol::SizeHandshake { .. } | Protocol::Fixed(_));
        let sent = if repeats { &sent[..] } else { &sent[..1] };
        let role = if protocol == Protocol::Catalog { Role::Acceptor } else { Role::Initiator };
        if let Protocol::Marker(marker) = &protocol {
            prop_assume!(!sent.iter().any(|picture| memchr::memmem::find(picture, marker).is_some()));
        }
        let mut decoder = decoder(&protocol, role);
        let seen = run(|sink| {
            let mut stream = Vec::new();
            for picture in sent {
                for piece in pieces(&protocol, picture, chunk).unwrap() {
                    if protocol.is_datagrams() {
                        decoder.datagram(&piece.bytes, sink);
                    } else {
                        stream.extend_from_slice(&piece.bytes);
                    }
                }
            }
            for piece in split(&stream, &cuts) { decoder.update(piece, sink); }
            decoder.finish(StreamEnd::Fin, sink);
        });
        let ending = match protocol {
            Protocol::Marker(_) => Ending::Marker,
            Protocol::UdpIndex(Some(header)) if header.numbering == Numbering::Offset => Ending::Structure,
            Protocol::Udp => Ending::EmptyDatagram,
            Protocol::Carve | Protocol::Fixed(Fixed::UdpJpeg) => Ending::Structure,
            Protocol::Length(_) | Protocol::SizeHandshake { .. } | Protocol::UdpIndex(_) | Protocol::Fixed(_) => Ending::Length,
            _ => Ending::EndOfStream(StreamEnd::Fin),
        };
        let want: Vec<_> = sent.iter().map(|picture| (picture.clone(), ending)).collect();
        prop_assert_eq!(pictures(&seen), want);
        prop_assert!(!seen.iter().any(|event| matches!(event, Seen::Stray(_))));
    }

    #[test]
    fn any_bytes_survive_the_formats_that_do_not_look_at_them(
        protocol in select(&["marker", "length=u32be", "length=ascii10", "eof", "half-close", "framed"][..]),
        picture in vec(any::<u8>(), 1..3000),
        chunk in 1_usize..2100,
    ) {
        let protocol: Protocol = protocol.parse().unwrap();
        let stream: Vec<u8> = pieces(&protocol, &picture, chunk).unwrap().flat_map(|piece| piece.bytes.into_owned()).collect();
        let (seen, _) = decode((&protocol, Role::Initiator, false), stream.chunks(chunk), StreamEnd::Fin);
        let decoded = pictures(&seen);
        prop_assert_eq!(decoded.len(), 1);
        prop_assert_eq!(&decoded[0].0, &picture);
    }

    #[test]
    fn detection_never_panics_and_never_waits_after_the_end(
        head in stream(),
        from_port in select(&[5050_u16, 65432, 40674, 9909, 5555, 6001, 40000][..]),
        to_port in select(&[5050_u16, 65432, 40674, 9909, 5555, 6001, 40001][..]),
        role in proptest::option::of(role()),
        udp in any::<bool>(),
        sizes in vec(0_u32..100, 0..5),
    ) {
        let head = &head[..head.len().min(detect::CLUE_BYTES)];
        let clues = |head, ended| detect::Clues {
            transport: if udp { TransportKind::Udp } else { TransportKind::Tcp },
            from_port, to_port, role, head, ended, sizes: &sizes,
        };
        prop_assert_ne!(detect::detect(&clues(head, true)), detect::Detection::NeedMore);
        if head.len() == detect::CLUE_BYTES {
            prop_assert_ne!(detect::detect(&clues(head, false)), detect::Detection::NeedMore);
        }
    }
}

/// The observed receivers hang for r ≠ 0; a decoder must find the marker wherever the reads cut it.
#[test]
fn marker_is_found_for_every_remainder_of_the_hang_formula() {
    let protocol = Protocol::pipeline();
    let picture: Vec<u8> = (0..4096_u32).map(|at| (at % 251) as u8).collect();
    for remainder in 0..2048 {
        let picture = &picture[..2048 + remainder];
        let stream: Vec<u8> = pieces(&protocol, picture, 2048)
            .unwrap()
            .flat_map(|piece| piece.bytes.into_owned())
            .collect();
        let (seen, _) = decode(
            (&protocol, Role::Initiator, false),
            stream.chunks(2048),
            StreamEnd::Fin,
        );
        assert_eq!(
            pictures(&seen),
            [(picture.to_vec(), Ending::Marker)],
            "r = {remainder}"
        );
    }
}

#[test]
fn decoders_are_small_enough_for_a_hundred_thousand() {
    assert!(size_of::<Decoder>() <= 96, "{}", size_of::<Decoder>());
}

#[test]
fn a_marker_of_any_bytes_is_read_as_it_is_written() {
    let all: Vec<u8> = (0..=255).collect();
    for marker in [&all[..], b"\\x", b"\r\n", b"\\", b"\\xZZ"] {
        let protocol = Protocol::Marker(marker.into());
        assert_eq!(protocol.to_string().parse(), Ok(protocol));
    }
    // What is no escape is itself.
    let typed: Protocol = r"marker=\q\x4".parse().unwrap();
    assert_eq!(typed, Protocol::Marker((*br"\q\x4").into()));
}

#[test]
fn names_are_read_as_they_are_written() {
    for name in formats() {
        let protocol: Protocol = name.parse().unwrap();
        assert_eq!(protocol.to_string(), name);
        assert_eq!(
            decoder(&protocol, Role::Initiator).protocol(),
            protocol,
            "{name}"
        );
    }
    for name in [
        "",
        "length",
        "length=u24be",
        "raw-pixels=0",
        "marker=",
        "EOF",
        "base64+",
        "base64+base64",
        "pickled+http",
        "udp-index=u64be",
        "udp-index=down-u8",
        "size-handshake=long",
    ] {
        assert!(name.parse::<Protocol>().is_err(), "{name}");
    }
}
