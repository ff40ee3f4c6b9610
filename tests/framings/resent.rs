//! Datagrams of a framing of the program's own that are sent again: healthy they are a match, and a file in which one of them is missing
//! is none, whichever files were given.

use crate::scenario::{Client, Scenario, Server};
use crate::support::text;
use crate::verified::{Verified, picture, verify};
use image::ImageFormat::Jpeg;

const PORTS: [u16; 2] = [40_000, 7001];
const PIECE: usize = 400;

/// Pieces behind a number and their checksum, in this order, each answered with its number.
fn carried(file: &[u8], order: &[usize], numbers: usize) -> Scenario {
    let mut scenario = Scenario::new();
    for &place in order {
        let piece = file.chunks(PIECE).nth(place).unwrap_or_default();
        let number = u8::try_from(place % numbers).unwrap_or(0);
        let sum = crc32fast::hash(piece).to_be_bytes();
        let datagram = [&[number][..], &sum, piece].concat();
        scenario.datagram_of(Client, PORTS, &datagram);
        scenario.datagram_of(Server, PORTS, &[number]);
    }
    scenario
}

/// How pieces come where some are lost behind the place of capture: the window anew from the one that is due, one by one, all twice.
fn orders(count: usize) -> Vec<(Vec<usize>, usize)> {
    let back = (0..8).chain(5..12).chain(12..count).collect();
    let twice_back = (0..6).chain(3..20).chain(18..count).collect();
    let one_by_one = (0..count)
        .flat_map(|place| vec![place; if place % 5 == 2 { 2 } else { 1 }])
        .collect();
    vec![(back, 8), (twice_back, 16), (one_by_one, 2)]
}

/// Whether nothing is said but that datagrams came twice, or out of turn, which they did.
fn only_of_the_way(verified: &Verified) -> bool {
    let names = verified.accusations();
    names.iter().all(|name| name.starts_with("datagram-"))
}

#[test]
fn pieces_that_come_again_are_a_match() {
    let file = picture(Jpeg, 320, 240);
    let count = file.len().div_ceil(PIECE);
    assert!(count > 24, "{count}");
    for (order, numbers) in orders(count) {
        let scenario = carried(&file, &order, numbers);
        let both = verify(&scenario, &[("a.jpg", &file)], &[("got", &file)]);
        assert_eq!(text(&both.report, "verdict"), "match", "{numbers}");
        assert!(only_of_the_way(&both), "{:?}", both.accusations());
        let (sent, received) = ([("a.jpg", file.as_slice())], [("got", file.as_slice())]);
        for one in [
            verify(&scenario, &sent, &[]),
            verify(&scenario, &[], &received),
        ] {
            assert!(only_of_the_way(&one), "{numbers}: {:?}", one.accusations());
            assert_ne!(one.blamed(), Some("capture"), "{numbers}");
        }
    }
}

#[test]
fn a_byte_less_or_more_in_a_copy_is_no_match() {
    let file = picture(Jpeg, 320, 240);
    let count = file.len().div_ceil(PIECE);
    let order: Vec<usize> = (0..8).chain(5..count).collect();
    for copy in [5, 6, 7] {
        for (more, at) in [
            (false, 0),
            (false, 404),
            (true, 0),
            (true, 200),
            (true, 405),
        ] {
            let mut scenario = Scenario::new();
            for (turn, &place) in order.iter().enumerate() {
                let piece = file.chunks(PIECE).nth(place).unwrap_or_default();
                let number = u8::try_from(place % 8).unwrap_or(0);
                let mut datagram =
                    [&[number][..], &crc32fast::hash(piece).to_be_bytes(), piece].concat();
                if turn == copy && more {
                    datagram.insert(at, 0x6b);
                } else if turn == copy {
                    datagram.remove(at);
                }
                scenario.datagram_of(Client, PORTS, &datagram);
            }
            let both = verify(&scenario, &[("a.jpg", &file)], &[("got", &file)]);
            assert_ne!(text(&both.report, "verdict"), "match", "{copy} {more} {at}");
        }
    }
}

#[test]
fn the_parity_of_pieces_is_no_copy_of_one() {
    let file = picture(Jpeg, 320, 240);
    let mut scenario = Scenario::new();
    for (place, group) in file.chunks(4 * PIECE).enumerate() {
        let mut parity = vec![0; PIECE];
        for (number, piece) in group.chunks(PIECE).enumerate() {
            let number = u32::try_from(place * 5 + number).unwrap_or(0).to_be_bytes();
            scenario.datagram_of(Client, PORTS, &[&number[..], piece].concat());
            for (sum, byte) in parity.iter_mut().zip(piece) {
                *sum ^= byte;
            }
        }
        // That of a group with a short piece has the rest of another one.
        if group.len() < 4 * PIECE {
            continue;
        }
        let number = u32::try_from(place * 5 + 4).unwrap_or(0).to_be_bytes();
        scenario.datagram_of(Client, PORTS, &[&number[..], &parity].concat());
    }
    let both = verify(&scenario, &[("a.jpg", &file)], &[("got", &file)]);
    assert_eq!(text(&both.report, "verdict"), "match");
    assert!(only_of_the_way(&both), "{:?}", both.accusations());
    assert_eq!(both.exit, 0);
}

/// A format that imgnet knows has its pieces without it.
#[test]
fn a_byte_less_or_more_in_a_copy_beside_a_known_header_is_no_match() {
    let file = picture(Jpeg, 320, 240);
    let pieces: Vec<Vec<u8>> = file
        .chunks(PIECE)
        .zip(0_u16..)
        .map(|(piece, place)| {
            let total = u16::try_from(file.len().div_ceil(PIECE)).unwrap_or(0);
            [&place.to_be_bytes()[..], &total.to_be_bytes(), piece].concat()
        })
        .collect();
    for (more, at) in [
        (false, 0),
        (false, 3),
        (false, 403),
        (true, 0),
        (true, 2),
        (true, 404),
    ] {
        let mut scenario = Scenario::new();
        for (place, piece) in pieces.iter().enumerate() {
            scenario.datagram_of(Client, PORTS, piece);
            if place == 5 {
                let mut copy = piece.clone();
                if more {
                    copy.insert(at, 0x6b);
                } else {
                    copy.remove(at);
                }
                scenario.datagram_of(Client, PORTS, &copy);
            }
        }
        let both = verify(&scenario, &[("a.jpg", &file)], &[("got", &file)]);
        assert_ne!(text(&both.report, "verdict"), "match", "{more} {at}");
    }
}

#[test]
fn a_received_file_without_a_datagram_is_no_match() {
    let file = picture(Jpeg, 320, 240);
    let count = file.len().div_ceil(PIECE);
    let order: Vec<usize> = (0..count).collect();
    let scenario = carried(&file, &order, 256);
    for lost in [4, count / 2, count - 3] {
        let pieces = file.chunks(PIECE).enumerate();
        let got: Vec<u8> = pieces
            .filter(|(place, _)| *place != lost)
            .flat_map(|(_, piece)| piece.to_vec())
            .collect();
        for sent in [&[("a.jpg", file.as_slice())][..], &[]] {
            let verified = verify(&scenario, sent, &[("got", &got)]);
            assert_ne!(text(&verified.report, "verdict"), "match", "{lost}");
        }
    }
}
