use super::super::testing::picture;
use super::*;
use crate::wire::framed;

const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0";

fn clues(role: Role, port: u16, head: &[u8]) -> Clues<'_> {
    let (from_port, to_port) = match role {
        Role::Initiator => (51_000, port),
        Role::Acceptor => (port, 51_000),
    };
    Clues {
        transport: TransportKind::Tcp,
        from_port,
        to_port,
        role: Some(role),
        head,
        ended: false,
        sizes: &[],
    }
}

fn name(detection: &Detection) -> Option<(String, Confidence)> {
    match detection {
        Detection::Found {
            protocol,
            confidence,
            ..
        } => Some((protocol.to_string(), *confidence)),
        _ => None,
    }
}

fn check(role: Role, port: u16, head: &[u8], want: Option<(&str, Confidence)>) {
    for ended in [false, true] {
        let clues = Clues {
            ended,
            ..clues(role, port, head)
        };
        let detection = detect(&clues);
        assert_eq!(
            name(&detection),
            want.map(|(name, confidence)| (name.to_owned(), confidence)),
            "{detection:?} for {clues:?}"
        );
    }
}

#[test]
fn ports_and_pictures_of_the_observed_programs() {
    use Confidence::{Content, PortAndContent};
    use Role::{Acceptor, Initiator};
    check(Initiator, 5050, JPEG, Some(("marker", PortAndContent)));
    check(Acceptor, 5050, JPEG, Some(("marker", PortAndContent)));
    check(Initiator, 65432, JPEG, Some(("eof", PortAndContent)));
    check(Acceptor, 65432, JPEG, Some(("carve", Content)));
    check(Initiator, 40674, b"1", Some(("catalog", PortAndContent)));
    check(Acceptor, 40674, JPEG, Some(("catalog", PortAndContent)));
    check(Initiator, 40674, JPEG, Some(("carve", Content)));
    check(Initiator, 9909, JPEG, Some(("carve", Content)));
    check(Initiator, 8000, JPEG, Some(("carve", Content)));
}

#[test]
fn raw_pixels_are_a_guess_with_rows_suggested() {
    let head = [7; CLUE_BYTES];
    let mut clues = clues(Role::Initiator, 9909, &head);
    clues.sizes = &[600, 600, 1200, 600];
    let detection = detect(&clues);
    assert_eq!(
        name(&detection),
        Some(("raw-pixels".into(), Confidence::Guess))
    );
    let Detection::Found { why, .. } = detection else {
        panic!()
    };
    assert!(why.contains("rows of 200 pixels"), "{why}");
    check(Role::Acceptor, 9909, b"OK, all of the rows arrived", None);
}

#[test]
fn length_fields_in_front_of_a_picture() {
    let jpeg = picture(image::ImageFormat::Jpeg, 200, 150);
    for field in length::FIELDS {
        let mut stream = field.encode(jpeg.len() as u64).unwrap();
        stream.extend(&jpeg);
        let head = &stream[..CLUE_BYTES];
        let detection = detect(&clues(Role::Initiator, 8000, head));
        let want = (format!("length={field}"), Confidence::Content);
        // Two bytes of little-endian read as big-endian are a possible length too.
        if field.width() > 2 || field.to_string() == "u16be" {
            assert_eq!(name(&detection), Some(want));
        }
        // Byte by byte it never says anything else.
        for end in 1..head.len() {
            match detect(&clues(Role::Initiator, 8000, &head[..end])) {
                Detection::NeedMore => {}
                early => assert_eq!(name(&early), name(&detection), "{field} at {end}"),
            }
        }
    }
}

#[test]
fn content_against_the_port_is_not_forced() {
    for port in [5050, 65432, 40674, 9909, 8000] {
        for head in [
            &b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03"[..],
            b"SSH-2.0-OpenSSH_9.2\r\n",
        ] {
            check(Role::Initiator, port, head, None);
        }
    }
    let text = [b'x'; CLUE_BYTES];
    check(Role::Initiator, 5050, &text, None);
    check(Role::Initiator, 65432, &text, None);
    let binary = [0x90; CLUE_BYTES];
    check(
        Role::Initiator,
        5050,
        &binary,
        Some(("marker", Confidence::Guess)),
    );
    check(Role::Initiator, 8000, &binary, None);
}

#[test]
fn who_connected_may_be_unknown() {
    let mut unknown = clues(Role::Acceptor, 5050, JPEG);
    unknown.role = None;
    assert_eq!(
        name(&detect(&unknown)),
        Some(("marker".into(), Confidence::PortAndContent))
    );
    let mut unknown = clues(Role::Acceptor, 40674, JPEG);
    unknown.role = None;
    assert_eq!(
        name(&detect(&unknown)),
        Some(("catalog".into(), Confidence::PortAndContent))
    );
}

#[test]
fn udp_by_the_picture_in_a_datagram() {
    let udp = |port, head, sizes| {
        let mut clues = clues(Role::Initiator, port, head);
        clues.transport = TransportKind::Udp;
        clues.sizes = sizes;
        name(&detect(&clues))
    };
    let found = |confidence| Some(("udp".to_owned(), confidence));
    assert_eq!(udp(6001, JPEG, &[]), found(Confidence::PortAndContent));
    assert_eq!(udp(7000, JPEG, &[]), found(Confidence::Content));
    let greeted = [b"hello", JPEG].concat();
    assert_eq!(udp(7000, &greeted, &[5, 22]), found(Confidence::Content));
    assert_eq!(udp(7000, &[b'x'; CLUE_BYTES], &[82]), None);
}

#[test]
fn formats_that_say_what_they_are() {
    let jpeg = picture(image::ImageFormat::Jpeg, 200, 150);
    let length = jpeg.len();
    let base64_head = b"/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAUDBAQEAwUE";
    let mut pickled = b"\x80\x04\x95\x20\0\0\0\0\0\0\0B\x10\0\0\0".to_vec();
    pickled.extend(&jpeg[..20]);
    let mut greeting = b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\x01NULL".to_vec();
    greeting.resize(64, 0);
    let framed = framed::Header::of(&jpeg, 1024).encode();
    for (head, want) in [
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), "http"),
        (b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), "http"),
        (format!("SIZE {length}").into_bytes(), "size-handshake"),
        (
            [format!("{length}").as_bytes(), &jpeg[..30]].concat(),
            "size-handshake=bare",
        ),
        (
            [format!("a cat.jpg{length}").as_bytes(), &jpeg[..30]].concat(),
            "name-size-marker",
        ),
        (pickled.clone(), "pickled"),
        (
            [&0x5000_u64.to_le_bytes()[..], &pickled].concat(),
            "pickled+length=u64le",
        ),
        (base64_head.to_vec(), "base64"),
        (
            [b"data:image/jpeg;base64,", &base64_head[..]].concat(),
            "base64",
        ),
        (
            [&5000_u32.to_be_bytes()[..], base64_head].concat(),
            "base64+length=u32be",
        ),
        (greeting, "zmtp"),
        (framed.to_vec(), "framed"),
    ] {
        let detection = detect(&Clues {
            ended: true,
            ..clues(Role::Initiator, 8000, &head)
        });
        assert_eq!(
            name(&detection),
            Some((want.to_owned(), Confidence::Content)),
            "{head:?}"
        );
        // Byte by byte it never says anything else.
        for end in 1..head.len() {
            match detect(&clues(Role::Initiator, 8000, &head[..end])) {
                Detection::NeedMore => {}
                early => assert_eq!(name(&early), name(&detection), "{want} at {end}"),
            }
        }
    }
    let alone = Clues {
        ended: true,
        ..clues(Role::Initiator, 8000, b"12345")
    };
    assert_eq!(
        name(&detect(&alone)),
        Some(("size-handshake=bare".into(), Confidence::Guess))
    );
    check(Role::Initiator, 8000, b"7", None);
}

#[test]
fn numbered_and_counted_datagrams() {
    let udp = |head: &[u8], sizes: &[u32]| {
        let mut clues = clues(Role::Initiator, 7000, head);
        clues.transport = TransportKind::Udp;
        clues.sizes = sizes;
        clues.ended = true;
        name(&detect(&clues))
    };
    let with = |header: &[u8]| udp(&[header, JPEG].concat(), &[]);
    let guess = Some(("udp-index".to_owned(), Confidence::Guess));
    let sure = |name: &str| Some((name.to_owned(), Confidence::Content));
    assert_eq!(with(b"\0\x13"), guess);
    assert_eq!(with(b"\0\0\0\x13"), guess);
    assert_eq!(with(b"0000000019"), sure("udp-index=ascii5"));
    assert_eq!(with(b"hello"), None);
    assert_eq!(udp(&[b"12", JPEG].concat(), &[2, 20]), sure("udp-count"));
    let piece = framed::Datagram {
        kind: framed::Kind::Data,
        picture: 1,
        index: 0,
        total: 1,
        offset: 0,
        transmission: 0,
        payload: b"x",
    };
    let mut bytes = Vec::new();
    piece.encode(&mut bytes);
    assert_eq!(udp(&bytes, &[]), sure("framed"));
}
