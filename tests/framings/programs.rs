//! Framings as programs write them: a word at the end, padding, pieces behind a word, several cameras at once, keep-alives, names in
//! headers. Each is made up here, healthy and with one byte too many; the healthy are nobody's fault, with their files and without, and
//! the byte is never the receiver's.

#![expect(
    clippy::unwrap_used,
    clippy::too_many_lines,
    reason = "a test makes files up, and may fail"
)]

use image::ImageFormat;

use crate::scenario::{Client, Server, Side};
use crate::support::{imgnet, list, text};
use crate::verified::{directed, picture, verify, write};

type Turns = Vec<(Side, Vec<u8>)>;
type Picture = (&'static str, Vec<u8>);

/// Three pictures, the first of which fills a multiple of sixteen bytes, or this much more: nothing shows yet that the others are filled
/// up.
fn pictures(more: usize) -> Vec<Picture> {
    let fitted = |width: u32, wanted: usize| {
        (0..64)
            .map(|more| picture(ImageFormat::Jpeg, width + more, 40))
            .find(|bytes| bytes.len() % 16 == wanted)
            .unwrap()
    };
    vec![
        ("a.jpg", fitted(64, more)),
        ("b.jpg", fitted(70, 10)),
        ("c.png", picture(ImageFormat::Png, 50, 41)),
    ]
}

fn be(value: usize) -> Vec<u8> {
    u32::try_from(value).unwrap().to_be_bytes().to_vec()
}

fn le(value: usize) -> Vec<u8> {
    u32::try_from(value).unwrap().to_le_bytes().to_vec()
}

fn zeros(length: usize, unit: usize) -> Vec<u8> {
    vec![0; length.next_multiple_of(unit) - length]
}

/// Each picture behind a header, and all of them before a goodbye.
fn messages(
    pictures: &[Picture],
    header: impl Fn(usize, &str, &[u8]) -> Vec<u8>,
    behind: impl Fn(&[u8]) -> Vec<u8>,
    goodbye: &[u8],
) -> Turns {
    let mut turns: Turns = (0..)
        .zip(pictures)
        .map(|(at, (name, bytes))| {
            let message = [header(at, name, bytes), bytes.clone(), behind(bytes)].concat();
            (Client, message)
        })
        .collect();
    turns.push((Client, goodbye.to_vec()));
    turns
}

/// Pictures in pieces of `size` bytes, each behind its own header.
fn pieces(
    pictures: &[Picture],
    size: usize,
    open: impl Fn(&str, &[u8]) -> Vec<u8>,
    header: impl Fn(&[u8]) -> Vec<u8>,
    close: &[u8],
) -> Turns {
    let mut wire = Vec::new();
    for (name, bytes) in pictures {
        wire.extend(open(name, bytes));
        for piece in bytes.chunks(size) {
            wire.extend(header(piece));
            wire.extend(piece);
        }
        wire.extend(close);
    }
    vec![(Client, wire)]
}

/// All of the framings, for these pictures.
fn framings(of: &[Picture]) -> Vec<(&'static str, Turns)> {
    let text = String::into_bytes;
    let none = |_: &[u8]| Vec::new();
    let bare = |_: usize, _: &str, _: &[u8]| Vec::new();
    let length = |_: usize, _: &str, p: &[u8]| be(p.len());
    let last = |goodbye: &[u8]| messages(of, length, none, goodbye);
    let mut asked: Turns = Vec::new();
    for (_, bytes) in of {
        asked.push((Client, text(format!("SIZE {}", bytes.len()))));
        asked.push((Server, b"GOT SIZE".to_vec()));
        asked.push((Client, bytes.clone()));
        asked.push((Server, b"GOT IMAGE".to_vec()));
    }
    asked.push((Client, b"BYE BYE ".to_vec()));
    let cameras: Vec<u8> = {
        let mut left: Vec<(u8, &[u8])> = (0..).zip(of).map(|(id, one)| (id, &one.1[..])).collect();
        let mut wire = Vec::new();
        while !left.is_empty() {
            for (id, rest) in &mut left {
                let (piece, more) = rest.split_at(rest.len().min(600));
                *rest = more;
                let size = u16::try_from(piece.len()).unwrap().to_be_bytes();
                wire.extend([&[*id, u8::from(more.is_empty())][..], &size, piece].concat());
            }
            left.retain(|(_, rest)| !rest.is_empty());
        }
        wire
    };
    vec![
        (
            "START x STOP",
            messages(of, |_, _, _| b"START ".to_vec(), |_| b" STOP".to_vec(), b""),
        ),
        ("pictures, EOF", messages(of, bare, none, b"EOF\n")),
        ("pictures, eight zeros", messages(of, bare, none, &[0; 8])),
        (
            "pictures, four times FF",
            messages(of, bare, none, &[0xff; 4]),
        ),
        ("length, EOF", last(b"EOF\n")),
        ("length, END on a line", last(b"\nEND\n")),
        ("length, bye", last(b"bye")),
        ("length, 0", last(&[0; 4])),
        ("SIZE n, GOT SIZE, BYE BYE", asked),
        (
            "a multipart stream without a request",
            messages(
                of,
                |at, _, p| {
                    text(format!(
                        "\r\n--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\nX-Timestamp: {at}.{at}00\r\n\r\n",
                        p.len()
                    ))
                },
                none,
                b"",
            ),
        ),
        (
            "netstrings",
            messages(
                of,
                |_, _, p| text(format!("{}:", p.len())),
                |_| b",".to_vec(),
                b"",
            ),
        ),
        (
            "img:size:name:",
            messages(
                of,
                |_, name, p| text(format!("img:{}:{name}:", p.len())),
                none,
                b"",
            ),
        ),
        ("XDR", messages(of, length, |p| zeros(p.len(), 4), b"")),
        (
            "u32le, to eight",
            messages(of, |_, _, p| le(p.len()), |p| zeros(p.len(), 8), b""),
        ),
        (
            "time, length, to four",
            messages(
                of,
                |at, _, p| [le(1000 + at * 40), le(p.len())].concat(),
                |p| zeros(p.len(), 4),
                b"",
            ),
        ),
        (
            "magic, length, to sixteen",
            messages(
                of,
                |_, _, p| [b"IMG0".to_vec(), le(p.len()), vec![0; 8]].concat(),
                |p| zeros(p.len(), 16),
                b"",
            ),
        ),
        (
            "protobuf behind a length",
            messages(
                of,
                |_, name, p| {
                    let low = u8::try_from(p.len() & 127 | 128).unwrap();
                    let high = u8::try_from(p.len() >> 7).unwrap_or(0);
                    let body = [&[10, 5], name.as_bytes(), &[26, low, high]].concat();
                    [be(body.len() + p.len()), body].concat()
                },
                none,
                b"",
            ),
        ),
        (
            "JSON behind two lengths",
            messages(
                of,
                |_, name, p| {
                    let json = format!("{{\"n\":\"{name}\"}}");
                    [be(json.len()), be(p.len()), json.into_bytes()].concat()
                },
                none,
                b"",
            ),
        ),
        (
            "DATA n",
            pieces(
                of,
                500,
                |_, _| Vec::new(),
                |p| text(format!("DATA {}\n", p.len())),
                b"END\n",
            ),
        ),
        (
            "FILE, DATA n, END",
            pieces(
                of,
                500,
                |name, p| text(format!("FILE {name} {}\n", p.len())),
                |p| text(format!("DATA {}\n", p.len())),
                b"END\n",
            ),
        ),
        (
            "zeros as keep-alive",
            of.iter()
                .flat_map(|(_, p)| {
                    [
                        (Client, be(0)),
                        (Client, [be(p.len()), p.clone()].concat()),
                        (Client, be(0)),
                    ]
                })
                .collect(),
        ),
        ("three cameras in turn", vec![(Client, cameras)]),
    ]
}

fn scenario(turns: &Turns) -> crate::scenario::Scenario {
    let turns: Vec<(Side, &[u8])> = turns
        .iter()
        .filter(|(_, bytes)| !bytes.is_empty())
        .map(|(side, bytes)| (*side, &bytes[..]))
        .collect();
    directed(&turns)
}

fn files(of: &[Picture]) -> Vec<(&str, &[u8])> {
    of.iter().map(|(name, bytes)| (*name, &bytes[..])).collect()
}

/// Findings of `analyze` that are no notes.
fn analysed(turns: &Turns) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("a.pcap");
    write(&scenario(turns), &capture);
    let output = imgnet(&["analyze", "--format", "json", &capture.to_string_lossy()]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    list(&report, "findings")
        .iter()
        .filter(|finding| text(finding, "severity") != "note")
        .map(|finding| text(finding, "name").to_owned())
        .collect()
}

#[test]
fn framings_of_programs_are_nobodys_fault() {
    let (of, eights) = (pictures(0), pictures(8));
    let filled = |name: &str| name == "XDR" || name.contains(", to ");
    let others = framings(&eights);
    let others = others.into_iter().filter(|(name, _)| filled(name));
    let all = framings(&of).into_iter().map(|one| (one, &of));
    let mut wrong = Vec::new();
    for ((name, turns), of) in all.chain(others.map(|one| (one, &eights))) {
        let said = verify(&scenario(&turns), &files(of), &files(of));
        let alarms = said.accusations();
        // Whose bytes are whose is not known there, where the pictures begin alike: no match, and nobody accused.
        let unknown = name == "three cameras in turn"
            && text(&said.report, "verdict") != "mismatch"
            && !matches!(said.blamed(), Some("sender" | "receiver"));
        if (said.exit != 0 && !unknown) || !alarms.is_empty() {
            wrong.push(format!("{name}: verify {}, {alarms:?}", said.exit));
        }
        let alarms = analysed(&turns);
        if !alarms.is_empty() && !unknown {
            wrong.push(format!("{name}: analyze {alarms:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn one_byte_too_many_at_the_end_is_no_match_and_not_the_receivers() {
    let of = pictures(0);
    let mut wrong = Vec::new();
    for (name, mut turns) in framings(&of) {
        turns.push((Client, b"X".to_vec()));
        let said = verify(&scenario(&turns), &files(&of), &files(&of));
        if said.exit == 0 || said.blamed() == Some("receiver") {
            wrong.push(format!("{name}: {}, {:?}", said.exit, said.blamed()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
