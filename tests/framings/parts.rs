//! A file that several connections carry, each a part: whole it is a match or nobody's, whatever files were given; with a byte changed,
//! left out or put in it is neither.

use crate::scenario::{Client, Scenario};
use crate::support::text;
use crate::verified::{picture, verify};
use image::ImageFormat::Jpeg;

/// Each part over a connection of its own, behind its offset and its length, or behind nothing.
fn carried(parts: &[(u64, Vec<u8>)], announced: bool) -> Scenario {
    let mut scenario = Scenario::new();
    for (port, (offset, bytes)) in (40_000..).zip(parts) {
        let mut tcp = scenario.connect(port, 7001);
        let header = [offset.to_be_bytes(), (bytes.len() as u64).to_be_bytes()].concat();
        let message = if announced {
            [&header, bytes.as_slice()].concat()
        } else {
            bytes.clone()
        };
        scenario.transfer(&mut tcp, Client, &message, 1448);
        scenario.close(&mut tcp, Client);
    }
    scenario
}

fn cut(file: &[u8], count: usize) -> Vec<(u64, Vec<u8>)> {
    let size = file.len().div_ceil(count);
    let parts = file.chunks(size).enumerate();
    parts
        .map(|(number, part)| ((number * size) as u64, part.to_vec()))
        .collect()
}

#[test]
fn parts_that_make_a_file_accuse_nobody() {
    let file = picture(Jpeg, 160, 120);
    let (sent, received) = ([("a.jpg", file.as_slice())], [("got", file.as_slice())]);
    for count in [2, 3, 4] {
        for headed in [true, false] {
            let scenario = carried(&cut(&file, count), headed);
            let both = verify(&scenario, &sent, &received);
            assert_eq!(
                (both.exit, text(&both.report, "verdict")),
                (0, "match"),
                "{count} {headed}"
            );
            assert!(both.accusations().is_empty(), "{:?}", both.accusations());
            for one in [
                verify(&scenario, &sent, &[]),
                verify(&scenario, &[], &received),
            ] {
                assert_eq!(
                    text(&one.report, "verdict"),
                    "unverified",
                    "{count} {headed}"
                );
                assert_eq!(one.blamed(), Some("nobody"), "{count} {headed}");
                assert!(one.accusations().is_empty(), "{:?}", one.accusations());
            }
        }
    }
}

#[test]
fn a_byte_in_a_part_is_no_match() {
    let file = picture(Jpeg, 160, 120);
    let whole = cut(&file, 3);
    for part in 0..3 {
        let last = whole[part].1.len() - 1;
        for at in [0, 1, last / 2, last] {
            for edit in ["change", "remove", "insert"] {
                let mut parts = whole.clone();
                let bytes = &mut parts[part].1;
                match edit {
                    "change" => bytes[at] ^= 0x40,
                    "remove" => drop(bytes.remove(at)),
                    _ => bytes.insert(at, bytes[at] ^ 0x40),
                }
                let scenario = carried(&parts, true);
                for received in [vec![("got", file.as_slice())], Vec::new()] {
                    let verified = verify(&scenario, &[("a.jpg", &file)], &received);
                    let verdict = text(&verified.report, "verdict");
                    assert!(
                        verified.exit != 0 && verdict != "match",
                        "{edit} {at} of {part}: {verdict}"
                    );
                }
            }
        }
    }
}
