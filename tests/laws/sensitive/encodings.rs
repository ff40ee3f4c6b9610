//! Pictures among values of encodings that say where each ends, among records, and in pieces that a byte ends: all of a stream is then
//! accounted for, with one side's files as with both; with a byte too many or too few and the files sent alone it is no match.

use imgnet::analysis::Options;
use imgnet::cli::verify::MemoryFile;
use imgnet::digest::DigestKind;
use imgnet::findings::Severity;
use imgnet::ledger::Verdict;

use super::edit::{Edit, carried, edited};
use super::framings;
use super::given::{Transfer, on_all_cores};
use super::kept;
use super::scenario::{Client, Scenario};
use super::sweep::{Kept, analyse};

const PORT: u16 = 7012;
/// Pieces are as long, and the last one shorter.
const PIECE: usize = 100;

/// A stream, and where the bytes of its picture lie.
#[derive(Clone)]
struct Stream {
    name: &'static str,
    bytes: Vec<u8>,
}

fn be(number: usize) -> [u8; 4] {
    u32::try_from(number).expect("a length").to_be_bytes()
}

fn varint(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 127 {
        bytes.push(u8::try_from(number & 127 | 128).expect("seven bits"));
        number >>= 7;
    }
    bytes.push(u8::try_from(number).expect("seven bits"));
    bytes
}

#[expect(clippy::too_many_lines, reason = "one stream after the other")]
fn streams(picture: &[u8]) -> Vec<Stream> {
    let length = picture.len();
    let two = u16::try_from(length)
        .expect("a short picture")
        .to_be_bytes();
    let digits = length.to_string();
    let packed = [&b"\x82\xa4name\xa5a.jpg\xa4data\xc5"[..], &two, picture].concat();
    let fields = [
        &b"\x0a\x05a.jpg\x1a"[..],
        &varint(length),
        picture,
        b"\x25\0\0\x80\x3f",
    ]
    .concat();
    let document = [
        &u32::try_from(length + 16).expect("a length").to_le_bytes()[..],
        b"\x05data\0",
        &u32::try_from(length).expect("a length").to_le_bytes(),
        b"\0",
        picture,
        b"\0",
    ]
    .concat();
    let amqp = |kind: u8, body: &[u8]| [&[kind, 0, 1][..], &be(body.len()), body, b"\xce"].concat();
    let frames = [
        amqp(1, b"\0\x3c\0\x28publish"),
        amqp(2, b"\0\x3c\0\0\0\0\0\0"),
    ];
    let pieces: Vec<&[u8]> = picture.chunks(200).collect();
    let summed = pieces.iter().flat_map(|piece| {
        let sum = piece.iter().fold(0, |sum, byte| sum ^ byte);
        let count = u8::try_from(piece.len()).expect("a short piece");
        [&[0xaa, 0x55, count][..], piece, &[sum]].concat()
    });
    let beats = pieces.iter().enumerate().flat_map(|(number, piece)| {
        let beat = [&b"H"[..], &be(4), b"PING"].concat();
        let beat = if number % 2 == 1 { beat } else { Vec::new() };
        [&b"D"[..], &be(piece.len()), piece, &beat].concat()
    });
    let strings = pieces.iter().flat_map(|piece| {
        let count = u8::try_from(piece.len()).expect("a short piece");
        [&[0x58, count][..], piece].concat()
    });
    let strings: Vec<u8> = strings.collect();
    let gob = [
        &b"\x04\xff\x81\x03\x01\xfe"[..],
        &u16::try_from(length + 7)
            .expect("a short picture")
            .to_be_bytes(),
        b"\xff\x82\x01\xfe",
        &two,
        picture,
        b"\0",
    ]
    .concat();
    let of = |name, bytes| Stream { name, bytes };
    vec![
        of("MessagePack", packed.clone()),
        of(
            "MessagePack behind its length",
            [&be(packed.len())[..], &packed].concat(),
        ),
        of(
            "CBOR",
            [&b"\xa2dnameea.jpgddata\x59"[..], &two, picture].concat(),
        ),
        of(
            "CBOR in pieces",
            [&b"\xa1ddata\x5f"[..], &strings, b"\xff"].concat(),
        ),
        of("BSON", document),
        of("Protocol Buffers", fields.clone()),
        of(
            "Protocol Buffers behind the length",
            [varint(fields.len()), fields].concat(),
        ),
        of("gob", gob),
        of(
            "Redis",
            [
                format!("*3\r\n$3\r\nSET\r\n$1\r\na\r\n${digits}\r\n").as_bytes(),
                picture,
                b"\r\n",
            ]
            .concat(),
        ),
        of(
            "NATS",
            [
                format!("PUB images {digits}\r\n").as_bytes(),
                picture,
                b"\r\n",
            ]
            .concat(),
        ),
        of(
            "STOMP",
            [
                format!("SEND\ndestination:/q\ncontent-length:{digits}\n\n").as_bytes(),
                picture,
                b"\0",
            ]
            .concat(),
        ),
        of(
            "AMQP",
            [
                frames.concat(),
                pieces.iter().flat_map(|piece| amqp(3, piece)).collect(),
            ]
            .concat(),
        ),
        of("pieces with a checksum each", summed.collect()),
        of("records between which others stand", beats.collect()),
    ]
}

/// What other protocols carry: each has fields of its own around its pieces.
fn protocols(picture: &[u8]) -> Vec<Stream> {
    let length = picture.len();
    let digits = length.to_string();
    let pieces: Vec<&[u8]> = picture.chunks(PIECE).collect();
    let place = |number: usize| number * PIECE;
    let unit = |kind: u8, body: &[u8]| [&[kind, 0][..], &be(body.len()), body].concat();
    let values = pieces.iter().enumerate().map(|(number, piece)| {
        let last = if number + 1 == pieces.len() { 2 } else { 0 };
        let value = [&be(piece.len() + 2)[..], &[1, last], piece].concat();
        unit(4, &value)
    });
    let dicom = [
        unit(1, &[0x20; 68]),
        values.collect::<Vec<_>>().concat(),
        unit(5, &[0; 4]),
    ];
    let output = |kind: u8, body: &[u8]| {
        let count = u16::try_from(body.len()).expect("a short piece");
        let fill = vec![0; (8 - body.len() % 8) % 8];
        let padding = u8::try_from(fill.len()).expect("a few");
        let head = [&[1, kind, 0, 1][..], &count.to_be_bytes(), &[padding, 0]].concat();
        [&head[..], body, &fill].concat()
    };
    let fast_cgi = [
        output(6, b"Content-Type: image/jpeg\r\n\r\n.."),
        pieces.iter().flat_map(|piece| output(6, piece)).collect(),
        output(6, b"end"),
        output(3, &[0; 8]),
    ];
    let call = [
        &be(7)[..],
        &[0; 24],
        &be(length),
        picture,
        &vec![0; (4 - length % 4) % 4],
    ]
    .concat();
    let records: Vec<&[u8]> = call.chunks(300).collect();
    let rpc = records.iter().enumerate().map(|(number, record)| {
        let last = u32::from(number + 1 == records.len()) << 31;
        let count = u32::try_from(record.len()).expect("a length") | last;
        [&count.to_be_bytes()[..], record].concat()
    });
    let rpc: Vec<Vec<u8>> = rpc.collect();
    // Blocks as they were asked for: out of turn.
    let turns = (0..pieces.len()).map(|turn| (turn * 7 + 3) % pieces.len());
    let blocks = turns.flat_map(|number| {
        let piece = pieces[number];
        let head = [&be(9 + piece.len())[..], &[7], &be(0), &be(place(number))];
        [&head.concat()[..], piece].concat()
    });
    assert!(!pieces.len().is_multiple_of(7), "each block once");
    let ranges = pieces.iter().enumerate().flat_map(|(number, piece)| {
        let (from, to) = (place(number) + 1, place(number) + piece.len());
        [
            format!("MSRP a786 SEND\r\nByte-Range: {from}-{to}/{digits}\r\n\r\n").as_bytes(),
            piece,
            b"\r\n-------a786+\r\n",
        ]
        .concat()
    });
    let double = |bytes: [u8; 8]| [&bytes[..], picture].concat();
    let real = f64::from(u32::try_from(length).expect("a length"));
    let asked = b"\x05\x01\0\x05\x01\0\x01\x7f\0\0\x01\x1f\x90";
    let of = |name, bytes| Stream { name, bytes };
    vec![
        of("DICOM", dicom.concat()),
        of("FastCGI", fast_cgi.concat()),
        of("a remote procedure call", rpc.concat()),
        of("BitTorrent", blocks.collect()),
        of("MSRP", ranges.collect()),
        of("a double, the first byte first", double(real.to_be_bytes())),
        of("a double, the last byte first", double(real.to_le_bytes())),
        of("SOCKS", [asked, picture].concat()),
        of(
            "a tunnel of HTTP",
            [
                b"CONNECT cam:9000 HTTP/1.1\r\nHost: cam:9000\r\n\r\n",
                &be(length)[..],
                picture,
            ]
            .concat(),
        ),
        of(
            "rcp",
            [format!("C0644 {digits} a.jpg\n").as_bytes(), picture, b"\0"].concat(),
        ),
    ]
}

fn transfer(stream: &Stream, picture: &[u8]) -> Transfer {
    let mut scenario = Scenario::on_loopback();
    let mut tcp = scenario.connect(40_000, PORT);
    scenario.transfer(&mut tcp, Client, &stream.bytes, 1_000);
    scenario.close(&mut tcp, Client);
    let file = |path: &str| MemoryFile {
        path: path.to_owned(),
        bytes: picture.to_vec().into(),
        named: false,
    };
    let options = Options {
        digest: DigestKind::Sha256,
        ..Options::default()
    };
    Transfer {
        name: stream.name.to_owned(),
        frames: kept(&scenario.frames),
        sent: vec![file("a.jpg")],
        received: vec![file("saved.jpg")],
        whole: analyse(&[], &options),
        options,
    }
}

/// What is said falsely of a stream; returns how many were tried.
fn swept(stream: &Stream, picture: &[u8]) -> (u64, Vec<String>) {
    let transfer = transfer(stream, picture);
    let mut failures = Vec::new();
    let mut ends = None;
    for (sent, received) in [(true, true), (true, false), (false, true)] {
        let report = transfer.verified(&transfer.frames, sent.then_some(&transfer.sent), received);
        let loud = report
            .findings
            .iter()
            .any(|finding| finding.severity >= Severity::Warning);
        let all: u64 = report
            .streams
            .iter()
            .flat_map(|stream| &stream.directions)
            .map(|way| way.stray_bytes)
            .sum();
        let bytes: u64 = report
            .streams
            .iter()
            .flat_map(|stream| &stream.directions)
            .map(|way| way.picture_bytes)
            .sum();
        if report.verdict != Some(Verdict::Match)
            || loud
            || all > 0
            || bytes != picture.len() as u64
        {
            failures.push(format!(
                "{}, sent {sent}, received {received}, {all} stray, {bytes} of pictures: {}",
                transfer.name,
                super::shown(&report)
            ));
        }
        ends = ends.or(report.images.first().map(|image| (image.from, image.to)));
    }
    let Some(ends) = ends else {
        return (1, failures);
    };
    let bytes = carried(&transfer.frames, ends).expect("a direction").bytes;
    let is_text = |byte: u8| (b' '..0x7f).contains(&byte) || matches!(byte, b'\r' | b'\n');
    // Lines of text are of any letters, and what ends the only message may as well be missing.
    let start = memchr::memmem::find(&bytes, &picture[..64]).expect("the picture");
    let first = if bytes[..4].iter().all(|byte| is_text(*byte)) {
        start
    } else {
        0
    };
    let last = bytes.len() - 1;
    let step = bytes.len() / 16 + 1;
    let mut tried = 3;
    let places = (0..12).chain((12..last).step_by(step));
    for at in places
        .chain([start, last, last + 1])
        .filter(|at| *at >= first)
    {
        let binary = bytes.get(at).is_some_and(|byte| !is_text(*byte));
        // What is left of a map is a text.
        let map = at == 0 && stream.name == "CBOR";
        let less = (binary && at != last && !map).then_some(Edit::Remove);
        let edits = [0x00, 0x01, 0xff].map(Edit::Insert).into_iter().chain(less);
        // One zero more behind those that fill the call up.
        let fill = stream.name == "a remote procedure call" && at + 4 > last;
        for edit in edits.filter(|edit| !(fill && *edit == Edit::Insert(0))) {
            let frames: Vec<Kept> = edited(&transfer.frames, ends, at, edit);
            let report = transfer.verified(&frames, Some(&transfer.sent), false);
            if report.verdict == Some(Verdict::Match) {
                failures.push(format!(
                    "{}, {edit:?} at {at}: {}",
                    transfer.name,
                    super::shown(&report)
                ));
            }
            tried += 1;
        }
    }
    (tried, failures)
}

#[test]
fn values_that_account_for_all_are_a_match_and_one_byte_beside_them_is_none() {
    let picture = framings::pictures("jpeg").remove(0);
    let all = [streams(&picture), protocols(&picture)].concat();
    let (tried, failures) = on_all_cores(all, |stream| swept(stream, &picture));
    let shown: Vec<_> = failures.iter().take(40).collect();
    assert!(
        failures.is_empty(),
        "{} of {tried} runs failed: {shown:#?}",
        failures.len()
    );
    assert!(tried > 1_000, "only {tried} runs");
}
