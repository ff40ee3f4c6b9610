use super::super::testing::{Seen, picture, pictures, run, seen_by_pieces};
use super::*;
use crate::wire::Decode as _;

fn field(name: &str) -> LengthField {
    match format!("length={name}").parse() {
        Ok(Protocol::Length(field)) => field,
        other => panic!("{other:?}"),
    }
}

fn decode(name: &str, stream: &[u8]) -> Vec<Seen> {
    seen_by_pieces(|| LengthDecoder::new(field(name)), [stream], StreamEnd::Fin)
}

#[test]
fn fields_as_python_writes_them() {
    // struct.pack(">L", 5), ("<L", 5), ("Q", 5) on x86-64, (">H", 5), str(5).ljust(16).encode()
    assert_eq!(field("u32be").encode(5).unwrap(), b"\0\0\0\x05");
    assert_eq!(field("u32le").encode(5).unwrap(), b"\x05\0\0\0");
    assert_eq!(field("u64le").encode(5).unwrap(), b"\x05\0\0\0\0\0\0\0");
    assert_eq!(field("u16be").encode(5).unwrap(), b"\0\x05");
    assert_eq!(field("ascii16").encode(5).unwrap(), b"5               ");
    for each in FIELDS {
        assert_eq!(each.encode(1234).unwrap().len(), each.width());
        assert_eq!(
            each.decode(&each.encode(1234).unwrap()),
            Some(1234),
            "{each}"
        );
        assert_eq!(
            each.decode(&each.encode(each.most()).unwrap()),
            Some(each.most()),
            "{each}"
        );
    }
    assert_eq!(field("u64be").most(), u64::MAX);
    assert_eq!(field("ascii10").most(), 9_999_999_999);
    assert_eq!(field("ascii10").decode(b"12a       "), None);
    assert_eq!(field("ascii10").decode(b"          "), None);
}

#[test]
fn pictures_follow_their_lengths_until_zero() {
    assert_eq!(
        decode("u32be", b"\0\0\0\x02ab\0\0\0\x01c\0\0\0\0"),
        [
            Seen::Framing(Framing::Length(2), 4),
            Seen::Start(Some(2)),
            Seen::Data(b"ab".to_vec()),
            Seen::End(Ending::Length),
            Seen::Framing(Framing::Length(1), 4),
            Seen::Start(Some(1)),
            Seen::Data(b"c".to_vec()),
            Seen::End(Ending::Length),
            Seen::Framing(Framing::Length(0), 4),
        ]
    );
}

#[test]
fn early_close_is_cut_also_before_the_first_byte() {
    let cut = Seen::End(Ending::Cut(StreamEnd::Fin));
    assert_eq!(
        decode("u16le", b"\x03\0ab")[2..],
        [Seen::Data(b"ab".to_vec()), cut.clone()]
    );
    assert_eq!(decode("u16le", b"\x03\0")[1..], [Seen::Start(Some(3)), cut]);
    assert_eq!(decode("u16le", b"\x03"), [Seen::Stray(b"\x03".to_vec())]);
}

#[test]
fn wrong_width_or_order_is_named_and_the_picture_carved() {
    let mut jpeg = picture(image::ImageFormat::Jpeg, 60, 40);
    // 0x2f38 read the other way round is below 1 GiB: possible, but nothing in front of a picture.
    assert!(jpeg.len() < 0x2f38);
    let end = jpeg.split_off(jpeg.len() - 2);
    jpeg.extend(std::iter::repeat_n(0, 0x2f38 - end.len() - jpeg.len()));
    jpeg.extend(end);
    let length = jpeg.len() as u64;
    for (sent, read) in [
        ("u32be", "u32le"),
        ("u32le", "u32be"),
        ("u64be", "u64le"),
        ("u64le", "u32be"),
        ("u32le", "ascii16"),
        ("ascii16", "u32be"),
        ("ascii64", "u32le"),
    ] {
        let mut stream = field(sent).encode(length).unwrap();
        stream.extend(&jpeg);
        let seen = decode(read, &stream);
        let hint = seen.iter().find_map(|event| match event {
            Seen::Fault(Fault::ImplausibleLength { hint, .. } | Fault::BadField { hint, .. }) => {
                hint.clone()
            }
            _ => None,
        });
        assert_eq!(
            hint,
            Some(format!("length={sent}")),
            "{sent} read as {read}"
        );
        assert_eq!(
            pictures(&seen),
            [(jpeg.clone(), Ending::Structure)],
            "{sent} read as {read}"
        );
    }
}

#[test]
fn fault_says_it_in_words() {
    let stream = [b"\x00\x10\x00\xff".as_slice(), &[b'x'; HEAD_BYTES]].concat();
    let seen = decode("u32le", &stream);
    let Seen::Fault(fault) = &seen[0] else {
        panic!("{seen:?}")
    };
    assert_eq!(
        fault.to_string(),
        "the length field holds 4,278,194,176, which is no picture's length"
    );
    let fault = Fault::ImplausibleLength {
        value: 0xff00_1000,
        hint: Some("length=u32be".into()),
    };
    assert_eq!(
        fault.to_string(),
        "the length field holds 4,278,194,176, which is no picture's length; read as length=u32be it would be one"
    );
}

#[test]
fn unusual_length_is_believed_when_nothing_speaks_against_it() {
    let picture = [7; HEAD_BYTES];
    let stream = [&100_000_000_u32.to_be_bytes()[..], &picture].concat();
    assert_eq!(
        decode("u32be", &stream),
        [
            Seen::Framing(Framing::Length(100_000_000), 4),
            Seen::Start(Some(100_000_000)),
            Seen::Data(picture.to_vec()),
            Seen::End(Ending::Cut(StreamEnd::Fin)),
        ]
    );
}

#[test]
fn short_answers_are_stray_and_no_fault() {
    for answer in [&b"OK"[..], b"GOT IMAGE", b"GOT IMAGEBYE BYE"] {
        assert_eq!(decode("u32be", answer), [Seen::Stray(answer.to_vec())]);
    }
    // However many there are.
    let many = b"OK\n".repeat(200);
    let seen = decode("u32be", &many);
    assert!(
        seen.iter().all(|event| matches!(event, Seen::Stray(_))),
        "{seen:?}"
    );
    // Behind a picture the same bytes are a field that cannot be one.
    let seen = decode("u32be", b"\0\0\0\x01aGOT IMAGE");
    assert!(
        seen.iter().any(|event| matches!(event, Seen::Fault(_))),
        "{seen:?}"
    );
}

#[test]
fn gap_inside_a_picture_counts_and_around_a_field_loses_the_framing() {
    let mut decoder = LengthDecoder::new(field("u16be"));
    let seen = run(|sink| {
        decoder.update(b"\0\x06ab", sink);
        decoder.gap(4, sink);
        decoder.update(b"\0\x05a", sink);
        decoder.gap(6, sink);
        decoder.update(b"\0\x02cd", sink);
        decoder.finish(StreamEnd::Fin, sink);
    });
    assert_eq!(
        seen,
        [
            Seen::Framing(Framing::Length(6), 2),
            Seen::Start(Some(6)),
            Seen::Data(b"ab".to_vec()),
            Seen::Gap(4),
            Seen::End(Ending::Length),
            Seen::Framing(Framing::Length(5), 2),
            Seen::Start(Some(5)),
            Seen::Data(b"a".to_vec()),
            Seen::Gap(4),
            Seen::End(Ending::Length),
            Seen::StrayGap(2),
            Seen::Stray(b"\0\x02cd".to_vec()),
        ]
    );
}

#[test]
fn picture_header_decides_the_byte_order_where_it_can() {
    // 0x1e36 = 7734 and 0x361e = 13854: both fit, but the bitmap says 7734 itself.
    let mut bmp = picture(image::ImageFormat::Bmp, 9, 7);
    bmp[2..6].copy_from_slice(&0x1e36_u32.to_le_bytes());
    for name in ["u16le", "u16be"] {
        let mut stream = field(name).encode(0x1e36).unwrap();
        stream.extend(&bmp);
        let Guess::Is(found) = guess(&stream) else {
            panic!("{name}")
        };
        assert_eq!(
            (found.field, found.value, found.ambiguous),
            (field(name), 0x1e36, false)
        );
    }
    let jpeg = picture(image::ImageFormat::Jpeg, 9, 7);
    let mut stream = field("u16be").encode(0x1e36).unwrap();
    stream.extend(jpeg);
    assert!(matches!(
        guess(&stream),
        Guess::Is(Found {
            ambiguous: true,
            ..
        })
    ));
}

/// What a decoder says that learned its format, of a stream with a gap of so many bytes at a place.
fn learned(name: &str, stream: &[u8], at: usize, gap: u64) -> Vec<Seen> {
    let mut decoder = LengthDecoder::new(field(name));
    decoder.learn();
    run(|sink| {
        let (before, behind) = stream.split_at(at);
        decoder.update(before, sink);
        decoder.gap(gap, sink);
        decoder.update(behind, sink);
        decoder.finish(StreamEnd::Fin, sink);
    })
}

/// Whether events cover a stream with a gap of so many bytes at a place, in order.
fn is_told_of_once(seen: &[Seen], stream: &[u8], at: usize, gap: u64) -> bool {
    let (before, behind) = stream.split_at(at);
    let missing = std::iter::repeat_n(None, usize::try_from(gap).unwrap());
    let told = |bytes: &[u8]| bytes.iter().copied().map(Some).collect::<Vec<_>>();
    let mut rest = [told(before), missing.collect(), told(behind)].concat();
    for event in seen {
        let (length, bytes) = match event {
            Seen::Data(bytes) | Seen::Stray(bytes) => (bytes.len() as u64, Some(bytes)),
            Seen::Framing(_, length) | Seen::Gap(length) | Seen::StrayGap(length) => {
                (*length, None)
            }
            _ => continue,
        };
        let length = usize::try_from(length).unwrap();
        if length > rest.len() {
            return false;
        }
        let later = rest.split_off(length);
        if bytes.is_some_and(|bytes| told(bytes) != rest) {
            return false;
        }
        rest = later;
    }
    rest.is_empty()
}

/// A few bytes too many before and behind a field, and a gap anywhere around it: each byte is told of once, as it came.
#[test]
fn every_byte_is_told_of_once_where_the_format_was_learned() {
    for name in [
        "u16be", "u16le", "u32be", "u32le", "u64be", "u64le", "ascii10",
    ] {
        let field = field(name);
        for (picture, declared) in [
            (picture(image::ImageFormat::Jpeg, 24, 17), None),
            (picture(image::ImageFormat::Png, 3, 3), Some(40)),
            (picture(image::ImageFormat::Gif, 3, 3), Some(17)),
        ] {
            let whole = picture.len() as u64;
            let head = field.encode(whole).unwrap();
            let again = field.encode(declared.unwrap_or(whole)).unwrap();
            for more in 0..10 {
                let filled = [&b"\0\0\x01xxxxxxx"[..more], &picture].concat();
                for (before, filled) in [(&b""[..], &filled), (&b"\0\0\x01"[..], &picture)] {
                    let stream = [&head, &picture, before, &again, filled].concat();
                    let around = head.len() + picture.len();
                    for gap in [0, 1, 5000] {
                        for at in around - 2..around + 24 {
                            let seen = learned(name, &stream, at, gap);
                            assert!(
                                is_told_of_once(&seen, &stream, at, gap),
                                "{name}, {more} more, a gap of {gap} at {at}: {seen:?}"
                            );
                        }
                    }
                }
            }
        }
    }
}
