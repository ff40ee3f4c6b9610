//! Framings of real programs, worked out.

#![expect(clippy::cast_possible_truncation, reason = "small numbers")]

use super::*;
use crate::wire::testing::fixtures;

fn be(value: usize) -> Vec<u8> {
    u32::try_from(value).unwrap().to_be_bytes().to_vec()
}

fn le(value: usize) -> Vec<u8> {
    u32::try_from(value).unwrap().to_le_bytes().to_vec()
}

fn stream(messages: usize, header: impl Fn(usize, &[u8]) -> Vec<u8>, behind: &[u8]) -> Vec<u8> {
    let pictures = [&fixtures()[0], &fixtures()[2], &fixtures()[0]];
    (0..messages)
        .flat_map(|at| {
            let picture = pictures[at];
            [header(at, picture), picture.clone(), behind.to_vec()].concat()
        })
        .collect()
}

fn line(bytes: &[u8]) -> String {
    match stream::infer(bytes, true) {
        Outcome::Found(found) => found.layout.to_string(),
        other => format!("{other:?}"),
    }
}

#[test]
fn headers_that_people_write() {
    type Header = Box<dyn Fn(usize, &[u8]) -> Vec<u8>>;
    let cases: Vec<(&str, Header, &[u8])> = vec![
        (
            "layout u32be length, picture",
            Box::new(|_, p| be(p.len())),
            b"",
        ),
        (
            "layout u32le length, picture",
            Box::new(|_, p| le(p.len())),
            b"",
        ),
        (
            "layout u32be length(all), picture",
            Box::new(|_, p| be(p.len() + 4)),
            b"",
        ),
        (
            "layout u32be number, u32be length, picture",
            Box::new(|at, p| [be(at), be(p.len())].concat()),
            b"",
        ),
        (
            "layout \"JPGS\", u32be number, u32be length, u32be time, picture",
            Box::new(|at, p| {
                [
                    b"JPGS".to_vec(),
                    be(7 + at),
                    be(p.len()),
                    be(120_034 + at * 100),
                ]
                .concat()
            }),
            b"",
        ),
        (
            "layout dec(until \"\\n\") length, picture",
            Box::new(|_, p| format!("{}\n", p.len()).into_bytes()),
            b"",
        ),
        (
            "layout dec(20) length, picture",
            Box::new(|_, p| format!("{:<20}", p.len()).into_bytes()),
            b"",
        ),
        (
            "layout u32be length(rest), u32be, picture",
            Box::new(|_, p| [be(p.len() + 4), be(1)].concat()),
            b"",
        ),
        (
            "layout u16be, u32be length, picture",
            Box::new(|_, p| [vec![0, 1], be(p.len())].concat()),
            b"",
        ),
        (
            "layout dec(until \"\\n\") length, picture, \"\\n\"",
            Box::new(|_, p| format!("{}\n", p.len()).into_bytes()),
            b"\n",
        ),
        (
            "layout text(until \"<SEPARATOR>\") name, dec length, picture",
            Box::new(|_, p| format!("a.jpg<SEPARATOR>{}", p.len()).into_bytes()),
            b"",
        ),
        (
            "layout \"#9\", dec(9 zeros) length, picture, \"\\n\"",
            Box::new(|_, p| format!("#9{:09}", p.len()).into_bytes()),
            b"\n",
        ),
        (
            "layout text(u16be) name, u64be length, picture",
            Box::new(|_, p| {
                [
                    b"\0\x05a.jpg".to_vec(),
                    (p.len() as u64).to_be_bytes().to_vec(),
                ]
                .concat()
            }),
            b"",
        ),
        (
            "layout u32be length, u32be crc32, picture",
            Box::new(|_, p| [be(p.len()), crc32fast::hash(p).to_be_bytes().to_vec()].concat()),
            b"",
        ),
    ];
    for (want, header, behind) in cases {
        assert_eq!(line(&stream(3, &header, behind)), want);
    }
}

#[test]
fn once_at_the_beginning_and_pieces_inside() {
    let banner: Vec<u8> = (1..25).collect();
    let bytes = [banner, stream(3, |_, p| le(p.len()), b"")].concat();
    assert_eq!(
        line(&bytes),
        "layout once: bytes(24); u32le length, picture"
    );
    let picture = &fixtures()[2];
    let mut pieces: Vec<u8> = picture
        .chunks(300)
        .flat_map(|piece| [be(piece.len()), piece.to_vec()].concat())
        .collect();
    pieces.extend(be(0));
    assert_eq!(line(&pieces), "layout pieces; piece: u32be length, data");
    let mut blocks = le(picture.len());
    for (at, piece) in picture.chunks(124).enumerate() {
        blocks.extend(be(at));
        blocks.extend(piece);
        blocks.resize(4 + (at + 1) * 128, 0);
    }
    assert_eq!(
        line(&blocks),
        "layout u32le length, pieces; piece: u32be index, data(124)"
    );
}

#[test]
fn raw_pixels_behind_a_header() {
    let pixels: Vec<u8> = (0..48_u32)
        .flat_map(|y| (0..64_u32).flat_map(move |x| [x * 3, y * 5, x + y].map(|v| (v % 256) as u8)))
        .collect();
    let frame = |at: usize| {
        [
            be(at),
            be(48),
            be(64),
            be(3),
            be(pixels.len()),
            pixels.clone(),
        ]
        .concat()
    };
    assert_eq!(
        line(&(0..3).flat_map(frame).collect::<Vec<u8>>()),
        "layout u32be, u32be height, u32be width, u32be channels, u32be length, pixels(any)"
    );
    let frame = [le(64), le(48), le(3), pixels.clone()].concat();
    assert_eq!(
        line(&frame),
        "layout u32le width, u32le height, u32le channels, pixels(any)"
    );
    let frame = [format!("{:<20}", pixels.len()).into_bytes(), pixels.clone()].concat();
    assert_eq!(line(&frame), "layout dec(20) length, pixels(any)");
}

#[test]
fn nothing_is_made_of_what_says_nothing() {
    let noise: Vec<u8> = (0..9000_u32)
        .map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    assert_eq!(stream::infer(&noise, true), Outcome::Nothing);
    // A length that is another.
    let bytes = stream(2, |_, p| be(p.len() + 33), b"");
    assert_eq!(stream::infer(&bytes, true), Outcome::Nothing);
    // A picture and nothing before it.
    assert_eq!(stream::infer(&fixtures()[0], true), Outcome::Nothing);
}

fn datagram_line(datagrams: &[Vec<u8>]) -> String {
    let datagrams: Vec<&[u8]> = datagrams.iter().map(Vec::as_slice).collect();
    match datagrams::infer(&datagrams, true) {
        Outcome::Found(found) => found.layout.to_string(),
        other => format!("{other:?}"),
    }
}

#[test]
fn datagrams_that_people_send() {
    type Header = Box<dyn Fn(usize, usize, usize, &[u8], &[u8]) -> Vec<u8>>;
    let cases: Vec<(&str, Header)> = vec![
        (
            "layout udp; piece: u8 index, data",
            Box::new(|_, at, _, _, _| vec![at as u8]),
        ),
        (
            "layout udp; piece: u32le offset, data",
            Box::new(|_, at, _, _, _| le(at * 300)),
        ),
        (
            "layout udp; piece: u16be frame, u16be index, u16be count, data",
            Box::new(|frame, at, count, _, _| {
                [frame as u8, at as u8, count as u8]
                    .iter()
                    .flat_map(|v| [0, *v])
                    .collect()
            }),
        ),
        (
            "layout udp; piece: u8 last, u8 index, data",
            Box::new(|_, at, count, _, _| vec![u8::from(at + 1 == count), at as u8]),
        ),
        (
            "layout udp; piece: u16be length, data",
            Box::new(|_, _, _, piece, _| (piece.len() as u16).to_be_bytes().to_vec()),
        ),
        (
            "layout udp; piece: u8 left, data",
            Box::new(|_, at, count, _, _| vec![(count - at - 1) as u8]),
        ),
        (
            "layout udp; piece: dec(until \":\") index, data",
            Box::new(|_, at, _, _, _| format!("{at}:").into_bytes()),
        ),
        (
            "layout udp; piece: dec(until \"/\") index+1, dec(until \"|\") count, data",
            Box::new(|_, at, count, _, _| format!("{}/{count}|", at + 1).into_bytes()),
        ),
        (
            "layout udp; piece: dec(6 zeros) index, data",
            Box::new(|_, at, _, _, _| format!("{at:06}").into_bytes()),
        ),
        (
            "layout udp; piece: dec(until \" \") total, dec(until \"\\n\") offset, data",
            Box::new(|_, at, _, _, picture| {
                format!("{} {}\n", picture.len(), at * 300).into_bytes()
            }),
        ),
        (
            "layout udp; piece: u32be total, u32be offset, data",
            Box::new(|_, at, _, _, picture| [be(picture.len()), be(at * 300)].concat()),
        ),
    ];
    for (want, header) in cases {
        let mut datagrams = Vec::new();
        for (frame, picture) in [&fixtures()[0], &fixtures()[2]].into_iter().enumerate() {
            let count = picture.len().div_ceil(300);
            for (at, piece) in picture.chunks(300).enumerate() {
                datagrams.push([header(frame, at, count, piece, picture), piece.to_vec()].concat());
            }
        }
        assert_eq!(datagram_line(&datagrams), want);
    }
    let picture = &fixtures()[2];
    let mut datagrams = vec![picture.len().to_string().into_bytes()];
    datagrams.extend(picture.chunks(300).map(<[u8]>::to_vec));
    assert_eq!(
        datagram_line(&datagrams),
        "layout udp; dec length; piece: data"
    );
    let mut datagrams = vec![le(picture.len().div_ceil(256))];
    datagrams.extend(picture.chunks(256).map(|piece| {
        let mut piece = piece.to_vec();
        piece.resize(256, 7);
        piece
    }));
    assert_eq!(
        datagram_line(&datagrams),
        "layout udp; u32le count; piece: data(256)"
    );
}
