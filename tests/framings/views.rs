//! A picture that travels converted: compressed, as text, under a mask. Whole it is a match and its conversion is said; one byte
//! changed or the end cut off is found, with its place and side.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a helper of a test may fail as the test may"
)]

use std::io::Write;

use crate::support::{list, number, text};
use crate::verified::{base64, lines, picture, stream, verify};
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use image::ImageFormat::{Jpeg, Png};

fn swapped(text: &[u8], from: u8, to: &[u8]) -> Vec<u8> {
    let one = |byte: &u8| {
        if *byte == from {
            to.to_vec()
        } else {
            vec![*byte]
        }
    };
    text.iter().flat_map(one).collect()
}

fn hex(bytes: &[u8], upper: bool) -> Vec<u8> {
    let pair = |byte: &u8| {
        if upper {
            format!("{byte:02X}")
        } else {
            format!("{byte:02x}")
        }
    };
    bytes.iter().map(pair).collect::<String>().into_bytes()
}

fn escaped(bytes: &[u8], plain: fn(u8) -> bool, escape: fn(u8) -> String) -> Vec<u8> {
    let one = |byte: &u8| {
        if plain(*byte) {
            vec![*byte]
        } else {
            escape(*byte).into_bytes()
        }
    };
    bytes.iter().flat_map(one).collect()
}

fn masked(bytes: &[u8], mask: &[u8]) -> Vec<u8> {
    let pairs = bytes.iter().zip(mask.iter().cycle());
    pairs.map(|(byte, key)| byte ^ key).collect()
}

/// A name, what is made of a picture's bytes, and a word of how it is told; none where the wire format says it.
type View = (&'static str, fn(&[u8]) -> Vec<u8>, Option<&'static str>);

const VIEWS: &[View] = &[
    (
        "gzip",
        |bytes| {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(bytes).expect("memory");
            encoder.finish().expect("memory")
        },
        Some("gzip"),
    ),
    (
        "zlib behind a length",
        |bytes| {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(bytes).expect("memory");
            let made = encoder.finish().expect("memory");
            let length = u32::try_from(made.len()).expect("small");
            [&length.to_be_bytes()[..], &made].concat()
        },
        Some("zlib"),
    ),
    (
        "deflate",
        |bytes| {
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(bytes).expect("memory");
            encoder.finish().expect("memory")
        },
        Some("deflate"),
    ),
    (
        "a member of a ZIP archive",
        |bytes| {
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(bytes).expect("memory");
            let made = encoder.finish().expect("memory");
            let size = |bytes: &[u8]| u32::try_from(bytes.len()).expect("small").to_le_bytes();
            let fields = [
                &b"\x14\0\0\0\x08\0\0\0\0\0\0\0\0\0"[..],
                &size(&made),
                &size(bytes),
                b"\x05\0\0\0",
            ]
            .concat();
            let local = [&b"PK\x03\x04"[..], &fields, b"a.jpg", &made].concat();
            let central = [&b"PK\x01\x02\x14\0"[..], &fields, &[0; 14], b"a.jpg"].concat();
            let end = [
                &b"PK\x05\x06\0\0\0\0\x01\0\x01\0"[..],
                &size(&central),
                &size(&local),
                b"\0\0",
            ]
            .concat();
            [local, central, end].concat()
        },
        Some("ZIP"),
    ),
    (
        "one value",
        |bytes| masked(bytes, &[0x5a]),
        Some("exclusive-or"),
    ),
    (
        "one value behind a length",
        |bytes| {
            [
                &(bytes.len() as u64).to_le_bytes()[..],
                &masked(bytes, &[0xff]),
            ]
            .concat()
        },
        Some("exclusive-or"),
    ),
    (
        "a mask",
        |bytes| masked(bytes, &[0x9a, 0x0b, 0xc3, 0x47]),
        Some("mask"),
    ),
    ("Base64", base64, None),
    (
        "Base64 in lines",
        |bytes| lines(&base64(bytes), b"\n"),
        None,
    ),
    (
        "Base64 in lines of MIME",
        |bytes| lines(&base64(bytes), b"\r\n"),
        None,
    ),
    (
        "Base64 for addresses",
        |bytes| swapped(&swapped(&base64(bytes), b'+', b"-"), b'/', b"_"),
        None,
    ),
    (
        "a data URL in JSON",
        |bytes| {
            let (lead, tail) = (
                br#"{"a": 1, "b": "data:image/jpeg;base64,"#,
                br#"", "c": [2]}"#,
            );
            [&lead[..], &base64(bytes), tail].concat()
        },
        None,
    ),
    (
        "JSON with escapes",
        |bytes| {
            let text = swapped(&base64(bytes), b'/', b"\\/");
            [&br#"{"a":""#[..], &text, b"\"}\n"].concat()
        },
        None,
    ),
    (
        "a form",
        |bytes| {
            let text = swapped(&base64(bytes), b'+', b"%2B");
            let text = swapped(&swapped(&text, b'/', b"%2F"), b'=', b"%3D");
            [b"picture=", &text[..]].concat()
        },
        None,
    ),
    ("hex", |bytes| hex(bytes, false), Some("hex")),
    ("HEX", |bytes| hex(bytes, true), Some("hex")),
    (
        "hex behind a length",
        |bytes| {
            [
                format!("{}\n", bytes.len() * 2).into_bytes(),
                hex(bytes, false),
            ]
            .concat()
        },
        Some("hex"),
    ),
    (
        "a list of numbers",
        |bytes| format!("{bytes:?}").into_bytes(),
        Some("decimal"),
    ),
    (
        "a percent-encoded form",
        |bytes| {
            let text = escaped(
                bytes,
                |byte| byte.is_ascii_alphanumeric(),
                |byte| format!("%{byte:02X}"),
            );
            [b"name=a&picture=", &text[..], b"&b=2"].concat()
        },
        Some("percent"),
    ),
    (
        "a string of JSON in ASCII",
        |bytes| {
            let plain = |byte: u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
            let text = escaped(bytes, plain, |byte| format!("\\u{byte:04x}"));
            [&br#"{"a": 1, "b": ""#[..], &text, b"\"}\n"].concat()
        },
        Some("literal"),
    ),
    (
        "a string of JSON in UTF-8",
        |bytes| {
            let text = escaped(
                bytes,
                |_| false,
                |byte| match byte {
                    b'"' | b'\\' => format!("\\{}", char::from(byte)),
                    0..0x20 => format!("\\u{byte:04x}"),
                    _ => char::from(byte).to_string(),
                },
            );
            [&br#"{"b":""#[..], &text, br#""}"#].concat()
        },
        Some("literal"),
    ),
    (
        "binary digits",
        |bytes| escaped(bytes, |_| false, |byte| format!("{byte:08b}")),
        Some("binary digits"),
    ),
    (
        "quoted-printable",
        |bytes| {
            let line = |part: &[u8]| {
                escaped(
                    part,
                    |byte| byte.is_ascii_alphanumeric(),
                    |byte| format!("={byte:02X}"),
                )
            };
            bytes
                .chunks(25)
                .map(line)
                .collect::<Vec<_>>()
                .join(&b"=\r\n"[..])
        },
        Some("quoted"),
    ),
    (
        "each FF doubled behind a length",
        |bytes| {
            let made = swapped(bytes, 0xff, b"\xff\xff");
            let length = u32::try_from(made.len()).expect("small");
            [&length.to_be_bytes()[..], &made].concat()
        },
        Some("put before"),
    ),
    (
        "a string of SQL in a packet",
        |bytes| {
            let text = swapped(bytes, b'\\', b"\\\\");
            let pairs = [
                (0, b'0'),
                (b'\n', b'n'),
                (b'\r', b'r'),
                (b'\'', b'\''),
                (b'"', b'"'),
            ];
            let text = pairs.iter().fold(text, |text, (from, to)| {
                swapped(&text, *from, &[b'\\', *to])
            });
            let query = [&b"\x03INSERT INTO t VALUES (_binary'"[..], &text, b"')"].concat();
            let length = u32::try_from(query.len()).expect("small");
            [&length.to_le_bytes()[..], &query].concat()
        },
        Some("put before"),
    ),
    (
        "Latin-1 as UTF-8",
        |bytes| {
            bytes
                .iter()
                .map(|byte| char::from(*byte))
                .collect::<String>()
                .into_bytes()
        },
        Some("Latin-1"),
    ),
    (
        "LF as CR LF",
        |bytes| swapped(bytes, b'\n', b"\r\n"),
        Some("CR LF"),
    ),
];

/// Changes a byte in the middle to another of its kind; where that is in the stream.
fn changed(stream: &[u8]) -> (Vec<u8>, usize) {
    let mut stream = stream.to_vec();
    let half = stream.len() / 2;
    let fits = |byte: &u8| byte.is_ascii_digit() || byte.is_ascii_alphabetic() || *byte >= 0xc0;
    let at = half + stream[half..].iter().position(fits).expect("one");
    stream[at] = match stream[at] {
        digit @ b'0'..=b'8' => digit + 1,
        b'9' => b'0',
        b'A' => b'B',
        b'B'..=b'Z' => b'A',
        b'a' => b'b',
        b'b'..=b'z' => b'a',
        byte => byte ^ 1,
    };
    (stream, at)
}

#[test]
fn whole_it_is_a_match_and_says_how_it_travelled() {
    let mut failures = Vec::new();
    for (file, format) in [("a.jpg", Jpeg), ("a.png", Png)] {
        let sent = picture(format, 120, 90);
        for (name, made, how) in VIEWS {
            let scenario = stream(&made(&sent));
            let verified = verify(&scenario, &[(file, &sent)], &[("got", &sent)]);
            let told = verified.compared("converted").and_then(|how| how.as_str());
            let images = list(&verified.report, "images");
            let named = images
                .iter()
                .any(|image| text(image, "protocol") != "carve");
            let said = match how {
                Some(word) => told.is_some_and(|told| told.contains(word)) || named,
                None => told.is_some() || named,
            };
            let accused = verified.accusations();
            if verified.exit != 0 || !accused.is_empty() || !said || images.len() != 1 {
                failures.push(format!(
                    "{file} as {name}: {} {accused:?} {told:?}",
                    verified.exit
                ));
            }
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn one_byte_changed_is_found_in_its_place_and_on_its_side() {
    let mut failures = Vec::new();
    for (file, format) in [("a.jpg", Jpeg), ("a.png", Png)] {
        let sent = picture(format, 120, 90);
        for (name, made, _) in VIEWS {
            let whole = made(&sent);
            let (damaged, at) = changed(&whole);
            let verified = verify(&stream(&damaged), &[(file, &sent)], &[]);
            let first = verified
                .compared("mismatch")
                .map(|mismatch| number(mismatch, "first_difference"));
            // A converted text stands for the file where it is about as far on.
            let share = |at: u64, of: usize| at * 100 / of as u64;
            let near = first.is_some_and(|first| {
                let (is, was) = (share(first, sent.len()), share(at as u64, whole.len()));
                is.abs_diff(was) <= 12 || *name == "Latin-1 as UTF-8" || *name == "LF as CR LF"
            });
            if verified.exit != 1 || verified.blamed() != Some("sender") || !near {
                failures.push(format!(
                    "{file} as {name}: {} {:?} {first:?} of {}",
                    verified.exit,
                    verified.blamed(),
                    sent.len()
                ));
            }
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn cut_short_it_is_no_match() {
    let mut failures = Vec::new();
    for (file, format) in [("a.jpg", Jpeg), ("a.png", Png)] {
        let sent = picture(format, 120, 90);
        for (name, made, _) in VIEWS {
            let whole = made(&sent);
            let cut = &whole[..whole.len() * 6 / 10];
            let verified = verify(&stream(cut), &[(file, &sent)], &[]);
            if verified.exit != 1 || verified.blamed() != Some("sender") {
                failures.push(format!(
                    "{file} as {name}: {} {:?}",
                    verified.exit,
                    verified.blamed()
                ));
            }
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn of_another_file_nothing_is_found() {
    let (sent, other) = (picture(Jpeg, 120, 90), picture(Jpeg, 121, 90));
    for (name, made, _) in VIEWS {
        let verified = verify(&stream(&made(&other)), &[("a.jpg", &sent)], &[]);
        assert_eq!(verified.exit, 1, "{name}");
        assert_ne!(text(&verified.report, "verdict"), "match", "{name}");
    }
}

#[test]
fn where_a_part_lies_as_it_is_and_the_rest_is_unknown_nobody_is_accused() {
    let sent = picture(Jpeg, 120, 90);
    let hidden = |bytes: &[u8]| -> Vec<u8> {
        let key = (0_u32..).map(|at| at.wrapping_mul(2_654_435_761).to_be_bytes()[0]);
        bytes
            .iter()
            .zip(key)
            .map(|(byte, key)| byte ^ key)
            .collect()
    };
    let third = sent.len() / 3;
    let (clear, rest) = (&sent[third..2 * third], &sent[2 * third..]);
    let made = [&hidden(&sent[..third]), clear, &hidden(rest)].concat();
    let verified = verify(&stream(&made), &[("a.jpg", &sent)], &[("got", &sent)]);
    assert_eq!(text(&verified.report, "verdict"), "unverified");
    assert!(verified.accusations().is_empty());
    assert_eq!(verified.blamed(), Some("nobody"));
    // With a received file that is another one it is a difference.
    let mut other = sent.clone();
    other[third * 2] ^= 1;
    let verified = verify(&stream(&made), &[("a.jpg", &sent)], &[("got", &other)]);
    assert_eq!(text(&verified.report, "verdict"), "mismatch");
}

#[test]
fn masked_pictures_that_begin_alike_are_as_many_as_they_are() {
    let (one, two) = (picture(Jpeg, 120, 90), picture(Jpeg, 121, 91));
    let framed = |bytes: &[u8]| {
        let length = u32::try_from(bytes.len()).expect("small");
        [&length.to_be_bytes()[..], &masked(bytes, &[0x5a])].concat()
    };
    let files = [("a.jpg", one.as_slice()), ("b.jpg", two.as_slice())];
    for order in [[&one, &two], [&two, &one]] {
        let made = [framed(order[0]), framed(order[1])].concat();
        for received in [&files[..], &[]] {
            let verified = verify(&stream(&made), &files, received);
            assert_eq!(text(&verified.report, "verdict"), "match");
            assert_eq!(list(&verified.report, "images").len(), 2);
        }
    }
}

#[test]
fn bytes_left_out_are_named_on_either_side() {
    let sent = picture(Jpeg, 400, 300);
    for gone in [&b"\n"[..], b"\r\n\0"] {
        let made: Vec<u8> = sent
            .iter()
            .copied()
            .filter(|byte| !gone.contains(byte))
            .collect();
        for (wire, blamed) in [(&made, "sender"), (&sent, "receiver")] {
            let verified = verify(&stream(wire), &[("a.jpg", &sent)], &[("got", &made)]);
            assert_eq!(text(&verified.report, "verdict"), "mismatch");
            assert_eq!(verified.blamed(), Some(blamed));
            assert_eq!(verified.accusations(), ["text-mode"], "{gone:?} {blamed}");
        }
        // Whoever saved all that came is not accused, nor is the sender, of whom nothing is known.
        let verified = verify(&stream(&made), &[], &[("got", &made)]);
        assert!(verified.accusations().is_empty());
    }
}

#[test]
fn lossy_utf8_is_named() {
    let sent = picture(Jpeg, 120, 90);
    let made = String::from_utf8_lossy(&sent).into_owned().into_bytes();
    let verified = verify(&stream(&made), &[("a.jpg", &sent)], &[("got", &made)]);
    assert_eq!(verified.exit, 1);
    assert!(verified.accusations().contains(&"text-mode".to_owned()));
}
