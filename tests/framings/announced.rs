//! Lengths that are not their pictures': in hexadecimal digits, of text that carries a picture, of pictures in pieces. And bytes behind
//! the only picture, of which nothing tells whether they are a trailer.

#![expect(clippy::unwrap_used, reason = "a test makes files up, and may fail")]

use image::ImageFormat;

use crate::scenario::Scenario;
use crate::support::{list, text};
use crate::verified::{base64, lines, picture, stream, verify};

/// What goes over the wire for pictures, each with the length that its header says.
type Framing = fn(&[(Vec<u8>, usize)]) -> Vec<u8>;

fn be(value: usize) -> Vec<u8> {
    u32::try_from(value).unwrap().to_be_bytes().to_vec()
}

fn each(of: &[(Vec<u8>, usize)], message: impl Fn(&[u8], usize) -> Vec<u8>) -> Vec<u8> {
    of.iter()
        .flat_map(|(bytes, length)| message(bytes, *length))
        .collect()
}

fn in_pieces(bytes: &[u8]) -> Vec<u8> {
    bytes
        .chunks(500)
        .flat_map(|piece| [format!("DATA {}\n", piece.len()).as_bytes(), piece].concat())
        .collect()
}

const FRAMINGS: &[(&str, Framing)] = &[
    ("eight hexadecimal digits", |of| {
        each(of, |bytes, length| {
            [format!("{length:08X}").as_bytes(), bytes].concat()
        })
    }),
    ("a line of hexadecimal digits", |of| {
        each(of, |bytes, length| {
            [format!("{length:x}\r\n").as_bytes(), bytes, b"\r\n"].concat()
        })
    }),
    ("Base64 behind its length", |of| {
        each(of, |bytes, length| {
            let letters = base64(bytes);
            let says = letters.len() + length - bytes.len();
            [be(says), letters].concat()
        })
    }),
    ("FILE n, DATA n, END", |of| {
        each(of, |bytes, length| {
            let head = format!("FILE a.jpg {length}\n");
            [head.as_bytes(), &in_pieces(bytes), b"END\n"].concat()
        })
    }),
];

fn pictures() -> Vec<Vec<u8>> {
    vec![
        picture(ImageFormat::Jpeg, 80, 60),
        picture(ImageFormat::Jpeg, 96, 64),
        picture(ImageFormat::Png, 50, 41),
    ]
}

fn files(of: &[Vec<u8>]) -> Vec<(&str, &[u8])> {
    let names = ["a.jpg", "b.jpg", "c.png"];
    names
        .into_iter()
        .zip(of.iter().map(Vec::as_slice))
        .collect()
}

#[test]
fn a_length_that_is_not_its_pictures_is_the_senders() {
    let mut wrong = Vec::new();
    let of = pictures();
    let true_ones: Vec<(Vec<u8>, usize)> = of.iter().map(|p| (p.clone(), p.len())).collect();
    for (name, framing) in FRAMINGS {
        let said = verify(&stream(&framing(&true_ones)), &files(&of), &files(&of));
        if said.exit != 0 || !said.accusations().is_empty() {
            wrong.push(format!("{name}: {} {:?}", said.exit, said.accusations()));
        }
        for (at, more) in [(2, 1), (1, 1)] {
            let mut lying = true_ones.clone();
            lying[at].1 += more;
            let said = verify(&stream(&framing(&lying)), &files(&of), &files(&of));
            let named = !said.accusations().is_empty();
            if said.exit == 0 || !named || said.blamed() == Some("receiver") {
                wrong.push(format!(
                    "{name}, {more} more in {at}: {} {:?} {:?}",
                    said.exit,
                    said.blamed(),
                    said.accusations()
                ));
            }
        }
        // A byte behind the last picture that its length does not count.
        let mut more = true_ones.clone();
        more[2].0.push(b'X');
        let said = verify(&stream(&framing(&more)), &files(&of), &files(&of));
        if said.exit == 0 || said.blamed() == Some("receiver") {
            wrong.push(format!("{name}, a byte behind: {:?}", said.blamed()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_byte_put_into_one_of_many_pieces_is_the_senders() {
    let of = &pictures()[..1];
    let middle = of[0].len() / 2;
    let mut more = of[0].clone();
    more.insert(middle, b'X');
    // The receiver saved what came.
    let said = verify(&stream(&in_pieces(&more)), &files(of), &[("a.jpg", &more)]);
    assert_eq!((said.exit, said.blamed()), (1, Some("sender")));
    let mut hex = lines(&digits(&of[0]), b"\n");
    let healthy = verify(&stream(&hex), &files(of), &files(of));
    assert_eq!((healthy.exit, healthy.accusations()), (0, Vec::new()));
    let end = hex.iter().rposition(|byte| *byte != b'\n').unwrap() + 1;
    hex.splice(end..end, *b"58");
    let said = verify(&stream(&hex), &files(of), &files(of));
    assert_eq!((said.exit, said.blamed()), (1, Some("sender")));
}

fn digits(bytes: &[u8]) -> Vec<u8> {
    let two = |byte: &u8| format!("{byte:02x}").into_bytes();
    bytes.iter().flat_map(two).collect()
}

#[test]
fn pictures_in_turn_are_told_apart_by_their_files() {
    let of = vec![
        picture(ImageFormat::Jpeg, 96, 64),
        picture(ImageFormat::Png, 50, 41),
    ];
    let turns = |of: &[Vec<u8>]| {
        let mut left: Vec<(u8, &[u8])> = (0..).zip(of).map(|(id, one)| (id, &one[..])).collect();
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
    let said = verify(&stream(&turns(&of)), &files(&of), &files(&of));
    assert_eq!((said.exit, said.accusations()), (0, Vec::new()));
    for at in [0, 1] {
        let mut other = of.clone();
        let middle = other[at].len() / 2;
        other[at][middle] ^= 1;
        let said = verify(&stream(&turns(&other)), &files(&of), &files(&of));
        assert_ne!((said.exit, said.blamed()), (0, Some("receiver")), "{at}");
        assert_ne!(said.exit, 0, "{at}");
    }
}

/// A picture behind a header, and what stands behind it.
fn with(header: &[u8], photo: &[u8], tail: &[u8]) -> Scenario {
    stream(&[header, photo, tail].concat())
}

#[test]
fn a_trailer_behind_the_only_picture_accuses_nobody_and_is_no_match() {
    let photo = picture(ImageFormat::Jpeg, 80, 60);
    let of = [photo.clone()];
    let length = be(photo.len());
    let headers = [
        length.clone(),
        [b"IMG0", &length[..]].concat(),
        [&length[..], &be(1_700_000_123)].concat(),
        format!("{}\n", photo.len()).into_bytes(),
    ];
    let time = be(1_700_000_123);
    let trailers = [
        time.clone(),
        [&be(3)[..], &1_700_000_123.25_f64.to_be_bytes()].concat(),
        b"\xca\xfe\xba\xbe".to_vec(),
    ];
    let mut wrong = Vec::new();
    for header in &headers {
        for trailer in &trailers {
            let said = verify(&with(header, &photo, trailer), &files(&of), &files(&of));
            // Read as a short message of another kind, in the framing of a length alone.
            let short = *header == length && trailer.len() > 4;
            let verdict = text(&said.report, "verdict");
            let clean = said.accusations().is_empty() && said.blamed() == Some("unknown");
            if verdict == "match" || !(clean || short) {
                wrong.push(format!(
                    "{}, {}: {verdict} {:?} {:?}",
                    header.escape_ascii(),
                    trailer.escape_ascii(),
                    said.blamed(),
                    said.accusations()
                ));
            }
        }
        // One byte is no trailer.
        let said = verify(&with(header, &photo, b"\xca"), &files(&of), &files(&of));
        let named = list(&said.report, "findings")
            .iter()
            .any(|finding| text(finding, "name") == "stray-bytes");
        if said.exit == 0 || said.blamed() != Some("sender") || !named {
            wrong.push(format!("{}: one byte", header.escape_ascii()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
