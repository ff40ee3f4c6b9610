//! The laws of layouts: a line survives being read and written, and what is encoded is decoded.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::encode::Facts;
use super::*;
use crate::wire::testing::{Seen, fixtures, pictures, run};
use crate::wire::{self, Decode, Ending, Fault, Framing, Protocol, StreamEnd, decoder};

/// The examples of the documentation, without their comments.
fn examples() -> Vec<&'static str> {
    let text = include_str!("../../../docs/layouts.md");
    let (_, examples) = text.split_once("```layout\n").unwrap();
    let (examples, _) = examples.split_once("```").unwrap();
    examples
        .lines()
        .map(|line| line.split_once("  #").map_or(line, |(line, _)| line).trim())
        .collect()
}

fn layout(line: &str) -> Layout {
    line.parse().unwrap_or_else(|error| panic!("{error}"))
}

fn facts() -> Facts {
    Facts {
        width: 8,
        height: 5,
        channels: 3,
        name: "a.jpg".to_owned(),
        time: 120_034,
        ..Facts::default()
    }
}

/// The events of these pictures, encoded and decoded.
fn round(layout: &Layout, sent: &[Vec<u8>], chunk: usize, cut: usize) -> Vec<Seen> {
    let mut decoder = decoder(
        &Protocol::Layout(Box::new(layout.clone())),
        wire::Role::Initiator,
    );
    run(|sink| {
        let mut stream = Vec::new();
        for (number, picture) in sent.iter().enumerate() {
            let facts = Facts {
                number: number as u64,
                first_piece: sent[..number]
                    .iter()
                    .map(|picture| picture.len().div_ceil(chunk) as u64)
                    .sum(),
                ..facts()
            };
            for piece in layout.pieces(picture, chunk, &facts).unwrap() {
                if layout.datagrams {
                    decoder.datagram(&piece.bytes, sink);
                } else {
                    stream.extend_from_slice(&piece.bytes);
                }
            }
        }
        for part in stream.chunks(cut) {
            decoder.update(part, sink);
        }
        decoder.finish(StreamEnd::Fin, sink);
    })
}

#[test]
fn examples_of_the_documentation_are_read_written_encoded_and_decoded() {
    let examples = examples();
    assert!(examples.len() >= 30, "{}", examples.len());
    let pictures_sent = [fixtures()[0].clone(), fixtures()[2].clone()];
    let pixels: Vec<u8> = (0..64 * 48 * 3_u32).map(|at| (at % 251) as u8).collect();
    for line in examples {
        let layout = layout(line);
        assert_eq!(layout.to_string(), line);
        let sent: Vec<Vec<u8>> = match layout.pixels() {
            Some(Pixels { size: Some(_), .. }) => vec![pixels.clone(); 2],
            Some(_) => vec![pixels[..8 * 5 * 3].to_vec(); 2],
            None => pictures_sent.to_vec(),
        };
        for (chunk, cut) in [(100, 1), (100, usize::MAX), (37, 7)] {
            let seen = round(&layout, &sent, chunk, cut);
            let got: Vec<Vec<u8>> = pictures(&seen)
                .into_iter()
                .map(|(bytes, _)| bytes)
                .collect();
            assert!(
                got == sent,
                "{line}: {:?}",
                got.iter().map(Vec::len).collect::<Vec<_>>()
            );
            let wrong = |event: &&Seen| {
                matches!(
                    event,
                    Seen::Fault(_)
                        | Seen::Stray(_)
                        | Seen::Lost(..)
                        | Seen::End(Ending::Cut(_) | Ending::Broken)
                )
            };
            assert_eq!(seen.iter().find(wrong), None, "{line}");
        }
    }
}

#[test]
fn mistake_is_shown_with_a_caret() {
    for (line, shown) in [
        (
            "layout u32be lenght, picture",
            "\n  layout u32be lenght, picture\n               ^",
        ),
        (
            "layout u33be length, picture",
            "\n  layout u33be length, picture\n         ^",
        ),
        ("layout u32be length", "nothing says where the picture is"),
        ("layout u32be length, picture, ", "expected a field here"),
        ("layout u32be length picture", "expected \",\" and a field"),
        ("layout \"abc, picture", "this text has no end"),
        ("layout 0xff0, picture", "two hexadecimal digits a byte"),
        ("layout u8; u8, picture", "this section is there already"),
        ("layout frame: u8; picture", "\"frame\" is no section"),
        ("layout dec(0) length, picture", "expected a number from 1"),
        ("layout u8 name, picture", "a name is a text"),
        ("layout u8+1, picture", "off by a constant"),
        ("layout picture, picture", "one picture"),
        ("layout udp; piece: u8 index", "has \"data\" once"),
        ("layout u8 length, pieces", "asks for a section \"piece\""),
        ("layout text(i8) name, picture", "expected a width"),
    ] {
        let error = line.parse::<Layout>().unwrap_err().to_string();
        assert!(error.contains(shown), "{line}:\n{error}");
        // The same mistake where a wire format is asked for.
        assert_eq!(line.parse::<Protocol>().unwrap_err().to_string(), error);
    }
}

#[test]
fn file_may_have_several_lines_and_comments() {
    let text = "# mine\nlayout \"a#b\", # magic\n  u32be length,\n  picture\n";
    assert_eq!(
        layout(text).to_string(),
        "layout \"a#b\", u32be length, picture"
    );
    assert_eq!(
        layout("u32be length, picture").to_string(),
        "layout u32be length, picture"
    );
    assert_eq!(
        layout("7-bit length, picture").to_string(),
        "layout varint length, picture"
    );
}

#[test]
fn wrong_checksum_is_told_and_a_right_one_is_not() {
    let picture = fixtures()[0].clone();
    for check in [
        "u32be crc32",
        "u32le crc32",
        "u16be crc16",
        "u16le crc16-ccitt",
        "u32be adler32",
        "u32le sum",
        "u8 sum",
        "bytes(16) md5",
        "text(32) md5",
        "bytes(20) sha1",
        "text(64) sha256",
        "bytes(4) crc32",
    ] {
        for line in [
            format!("u32be length, {check}, picture"),
            format!("u32be length, picture, {check}"),
        ] {
            let layout = layout(&line);
            let mut stream: Vec<u8> = layout
                .pieces(&picture, 1000, &facts())
                .unwrap()
                .into_iter()
                .flat_map(|piece| piece.bytes.into_owned())
                .collect();
            for changed in [false, true] {
                let middle = stream.len() / 2;
                stream[middle] ^= u8::from(changed);
                let mut decoder = stream::LayoutDecoder::new(layout.clone());
                let seen = run(|sink| {
                    decoder.update(&stream, sink);
                    decoder.finish(StreamEnd::Fin, sink);
                });
                let told = seen
                    .iter()
                    .any(|event| matches!(event, Seen::Fault(Fault::WrongCheck { .. })));
                assert_eq!(told, changed, "{line}");
            }
        }
    }
}

#[test]
fn known_values_of_checksums() {
    for (check, value) in [
        (Check::Crc32, "cbf43926"),
        (Check::Crc16, "31c3"),
        (Check::Crc16Ccitt, "29b1"),
        (Check::Adler32, "091e01de"),
        (Check::Md5, "25f9e794323b453885f5181f1b624d0b"),
        (Check::Sha1, "f7c3bc1d808e04732adf679965ccc34ca7ae3441"),
    ] {
        let mut sum = check::Running::new(check);
        sum.update(b"123456789");
        let hex = crate::digest::hex(&sum.finish());
        assert_eq!(hex, value);
    }
}

#[test]
fn answers_are_no_message_and_no_fault() {
    let layout = layout("dec(until \"\\n\") length, picture; answer: \"OK\\n\"");
    let mut decoder = stream::LayoutDecoder::new(layout);
    let seen = run(|sink| {
        for byte in b"OK\nOK\n" {
            decoder.update(&[*byte], sink);
        }
        decoder.finish(StreamEnd::Fin, sink);
    });
    assert_eq!(
        seen,
        [
            Seen::Framing(Framing::Field("answer"), 3),
            Seen::Framing(Framing::Field("answer"), 3)
        ]
    );
}

#[test]
fn wrong_byte_order_is_hinted_at() {
    let mut decoder = stream::LayoutDecoder::new(layout("u32le length, picture"));
    let picture = &fixtures()[0];
    let seen = run(|sink| {
        decoder.update(&u32::try_from(picture.len()).unwrap().to_be_bytes(), sink);
        decoder.update(picture, sink);
        decoder.finish(StreamEnd::Fin, sink);
    });
    assert!(
        matches!(&seen[0], Seen::Fault(Fault::ImplausibleLength { hint: Some(hint), .. }) if hint.starts_with("u32be")),
        "{:?}",
        seen[0]
    );
    assert_eq!(pictures(&seen), [(picture.clone(), Ending::Structure)]);
}

/// Feeds all datagrams of two pictures but those dropped, each as often as told.
fn lossy(line: &str, times: impl Fn(usize, usize) -> usize) -> (Vec<Vec<u8>>, Vec<Seen>) {
    let layout = layout(line);
    let sent = vec![fixtures()[0].clone(), fixtures()[2].clone()];
    let mut decoder = datagrams::DatagramDecoder::new(layout.clone());
    let seen = run(|sink| {
        for (number, picture) in sent.iter().enumerate() {
            let facts = Facts {
                number: number as u64,
                first_piece: if number == 0 {
                    0
                } else {
                    sent[0].len().div_ceil(100) as u64
                },
                ..facts()
            };
            for (at, piece) in layout
                .pieces(picture, 100, &facts)
                .unwrap()
                .iter()
                .enumerate()
            {
                for _ in 0..times(number, at) {
                    decoder.datagram(&piece.bytes, sink);
                }
            }
        }
        decoder.finish(StreamEnd::Idle, sink);
    });
    (sent, seen)
}

#[test]
fn lost_repeated_and_late_datagrams_are_told_where_numbers_tell_them() {
    let numbered = [
        "udp; piece: u16be index, data",
        "udp; piece: u16be index+1, u16be count, data",
        "udp; piece: u32le offset, data",
        "udp; piece: u8 left, data",
        "udp; piece: u16be frame, u16be index, u16be count, data",
        "udp; piece: u32be index, u8 last, data",
        "udp; u32be count; piece: u16le index, data",
        "udp; u32be length; piece: u32be offset, data",
        "udp; dec length; piece: u32be number, data",
    ];
    for line in numbered {
        let (sent, seen) = lossy(line, |_, _| 1);
        let got: Vec<_> = pictures(&seen)
            .into_iter()
            .map(|(bytes, _)| bytes)
            .collect();
        assert_eq!(got, sent, "{line}");
        assert!(
            !seen
                .iter()
                .any(|event| matches!(event, Seen::Lost(..) | Seen::Stray(_))),
            "{line}"
        );

        let (_, seen) = lossy(line, |number, at| usize::from((number, at) != (0, 3)));
        assert!(
            seen.iter().any(|event| matches!(event, Seen::Lost(..))),
            "{line}: {seen:?}"
        );
        assert_eq!(pictures(&seen)[1].0, sent[1], "{line}");

        let (_, seen) = lossy(line, |number, at| 1 + usize::from((number, at) == (0, 2)));
        let got: Vec<_> = pictures(&seen)
            .into_iter()
            .map(|(bytes, _)| bytes)
            .collect();
        assert_eq!(got, sent, "{line}");
        assert!(
            seen.iter()
                .any(|event| matches!(event, Seen::Numbered(_, _, wire::Order::Repeat))),
            "{line}"
        );
        // Each piece but the first one, which begins a picture: also the last, behind whose end it comes.
        let heads = usize::from(line.matches(';').count() > 1);
        let layout = layout(line);
        for (number, picture) in sent.iter().enumerate() {
            let pieces = layout.pieces(picture, 100, &facts()).unwrap().len();
            for again in heads + 1..pieces {
                let (_, seen) = lossy(line, |one, at| {
                    1 + usize::from((one, at) == (number, again))
                });
                let got: Vec<_> = pictures(&seen)
                    .into_iter()
                    .map(|(bytes, _)| bytes)
                    .collect();
                let told = seen
                    .iter()
                    .any(|event| matches!(event, Seen::Numbered(_, _, wire::Order::Repeat)));
                let stray = seen.iter().any(|event| matches!(event, Seen::Stray(_)));
                assert!(got == sent && told && !stray, "{line}: {number}, {again}");
            }
        }
    }
    for line in [
        "udp; u16be count; piece: data",
        "udp; dec length; piece: data",
    ] {
        let (sent, seen) = lossy(line, |number, at| usize::from((number, at) != (0, 3)));
        assert_ne!(pictures(&seen)[0].1, Ending::Length, "{line}");
        assert_eq!(pictures(&seen)[1].0, sent[1], "{line}");
    }
}

fn shape() -> impl Strategy<Value = Shape> {
    prop_oneof![
        Just(Shape::Bare),
        (
            1..64_u32,
            select(
                &[
                    Fill::SpacesBehind,
                    Fill::SpacesBefore,
                    Fill::Zeros,
                    Fill::Nul
                ][..]
            )
        )
            .prop_map(|(width, fill)| Shape::Fixed(width, fill)),
        vec(any::<u8>(), 1..6).prop_map(|end| Shape::Until(end.into())),
        Just(Shape::Prefixed(Box::new(Kind::Varint))),
    ]
}

fn integer() -> impl Strategy<Value = Kind> {
    (
        select(&[1_u8, 2, 3, 4, 6, 8][..]),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(bytes, big_endian, signed)| Kind::Int {
            bytes,
            big_endian: big_endian || bytes == 1,
            signed,
        })
}

fn field() -> impl Strategy<Value = Field> {
    let roles = [
        Role::None,
        Role::Length(Counts::Picture),
        Role::Length(Counts::Rest),
        Role::Length(Counts::All),
        Role::Number,
        Role::Time,
        Role::Width,
        Role::NameLength,
        Role::Check(Check::Crc32),
        Role::PixelType,
    ];
    prop_oneof![
        (integer(), select(roles.to_vec()), -9..9_i64).prop_map(|(kind, role, plus)| Field {
            kind,
            role,
            plus: if matches!(role, Role::Length(_) | Role::Number | Role::NameLength) {
                plus
            } else {
                0
            },
        }),
        (shape(), any::<bool>()).prop_map(|(shape, hex)| Field::says(
            if hex {
                Kind::Hex(shape)
            } else {
                Kind::Decimal(shape)
            },
            Role::Length(Counts::Picture)
        )),
        shape().prop_map(|shape| Field::says(Kind::Text(shape), Role::Name)),
        vec(any::<u8>(), 1..9).prop_map(|bytes| Field::plain(Kind::Fixed(bytes.into()))),
        (1..99_u32).prop_map(|count| Field::plain(Kind::Bytes(count))),
        select(&[4_u8, 8][..]).prop_map(|bytes| Field::says(
            Kind::Float {
                bytes,
                big_endian: false
            },
            Role::Time
        )),
    ]
}

fn any_layout() -> impl Strategy<Value = Layout> {
    (
        vec(field(), 0..4),
        vec(field(), 0..6),
        option::of(vec(field(), 0..3)),
        vec(field(), 0..3),
        vec(field(), 0..3),
        any::<bool>(),
        option::of(1..99_u32),
    )
        .prop_map(|(once, mut message, piece, end, answer, datagrams, pad)| {
            let piece = piece.map(|mut piece| {
                piece.push(Field::plain(Kind::Data(None)));
                piece
            });
            match (&piece, datagrams) {
                (None, _) => message.push(Field::plain(Kind::Picture(Payload::File))),
                (Some(_), false) => message.push(Field::plain(Kind::Picture(Payload::Pieces))),
                (Some(_), true) => {}
            }
            if let Some(unit) = pad.filter(|_| !datagrams) {
                message.push(Field::plain(Kind::Pad(unit)));
            }
            Layout {
                datagrams,
                once,
                message,
                piece: piece.unwrap_or_default(),
                end,
                answer,
            }
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn layouts_survive_print_and_parse(layout in any_layout()) {
        let line = layout.to_string();
        let again = line.parse::<Layout>();
        prop_assert_eq!(again.as_ref(), Ok(&layout), "{}", line);
    }

    #[test]
    fn no_line_panics(line in "(layout )?[ -~]{0,60}", at in any::<Index>(), letter in any::<char>()) {
        let _ = line.parse::<Layout>();
        for example in examples() {
            let mut changed: Vec<char> = example.chars().collect();
            let at = at.index(changed.len());
            changed[at] = letter;
            let _ = changed.into_iter().collect::<String>().parse::<Layout>();
        }
    }

    #[test]
    fn any_layout_takes_any_bytes(layout in any_layout(), stream in vec(any::<u8>(), 0..600), cut in 1..50_usize) {
        let mut by_pieces = decoder(&Protocol::Layout(Box::new(layout.clone())), wire::Role::Initiator);
        let mut whole = decoder(&Protocol::Layout(Box::new(layout.clone())), wire::Role::Initiator);
        let pieces = run(|sink| {
            stream.chunks(cut).for_each(|part| by_pieces.update(part, sink));
            by_pieces.finish(StreamEnd::Fin, sink);
        });
        let once = run(|sink| {
            whole.update(&stream, sink);
            whole.finish(StreamEnd::Fin, sink);
        });
        if !layout.datagrams {
            prop_assert_eq!(pieces, once);
        }
    }
}
