//! `wireshark/imgnet_formats.lua` and `imgnet_more_formats.lua` in tshark: the same pictures, with the same lengths and on the same frames, as imgnet finds.

#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a helper of a test writes files, and may fail as the test may"
)]

use crate::support;

use std::path::{Path, PathBuf};

use crate::scenario::{Captured, Client, Scenario, Server};
use crate::support::{
    captures_folder, imgnet, list, number, report, text, tshark, tshark_is_there,
};
use imgnet::wire::{self, Fixed, Protocol, framed};
use serde_json::Value;

fn script(name: &str) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("wireshark")
        .join(name);
    format!("lua_script:{}", script.display())
}

/// The rows that tshark prints of these fields, on the frames that have the first of them.
fn rows(capture: &Path, more: &[&str], fields: &[&str]) -> Vec<Vec<String>> {
    let [formats, others] = ["imgnet_formats.lua", "imgnet_more_formats.lua"].map(script);
    let mut arguments = vec!["-n", "-X", &formats, "-X", &others];
    arguments.extend(["-Y", fields.first().expect("a field")]);
    arguments.extend(more);
    arguments.extend(["-T", "fields"]);
    for field in fields {
        arguments.extend(["-e", field]);
    }
    tshark(capture, &arguments)
        .lines()
        .map(|line| line.split('\t').map(str::to_owned).collect())
        .collect()
}

/// Frame on which each picture of a report ends with its format's end, and its length, in order.
fn pictures(capture: &Path) -> Vec<(u64, u64)> {
    list(&report(capture), "images")
        .iter()
        .filter(|image| image["complete"] == true)
        .map(|image| (number(image, "bytes"), number(image, "last_packet")))
        .collect()
}

/// Lengths of the hexadecimal bytes of a cell, which may hold several.
fn lengths(cell: &str) -> Vec<u64> {
    cell.split(',').map(|hex| hex.len() as u64 / 2).collect()
}

#[test]
fn pictures_and_markers() {
    if !tshark_is_there() {
        return;
    }
    for name in [
        "pipeline",
        "marker-split",
        "marker-in-file",
        "pipeline-hang",
    ] {
        let capture = captures_folder().join(format!("{name}.pcap"));
        let found = rows(
            &capture,
            &["-d", "tcp.port==5050,imgnet_marker"],
            &[
                "imgnet_marker.picture",
                "imgnet_marker.marker",
                "frame.number",
            ],
        );
        let mut sizes: Vec<u64> = found.iter().flat_map(|row| lengths(&row[0])).collect();
        let mut expected: Vec<u64> = pictures(&capture).iter().map(|(bytes, _)| *bytes).collect();
        sizes.sort_unstable();
        expected.sort_unstable();
        assert_eq!(sizes, expected, "{name}");
        assert!(
            found.iter().all(|row| row[1] == "%IMAGE_COMPLETED%"),
            "{name}"
        );
    }
}

#[test]
fn pictures_behind_their_lengths() {
    if !tshark_is_there() {
        return;
    }
    let capture = captures_folder().join("length-u32be.pcap");
    let found = rows(
        &capture,
        &["-d", "tcp.port==5555,imgnet_length"],
        &["imgnet_length.length", "imgnet_length.picture"],
    );
    let said: Vec<u64> = found
        .iter()
        .flat_map(|row| row[0].split(','))
        .map(|length| length.parse().expect("a length"))
        .collect();
    let came: Vec<u64> = found.iter().flat_map(|row| lengths(&row[1])).collect();
    let expected: Vec<u64> = pictures(&capture).iter().map(|(bytes, _)| *bytes).collect();
    assert_eq!(said, expected);
    assert_eq!(came, expected);
    // Every field that imgnet sends, by its name in the preferences.
    let picture = std::fs::read(captures_folder().join("eof/sent/a.jpg")).expect("a picture");
    for field in [
        "u16be", "u16le", "u32le", "u64be", "u64le", "ascii10", "ascii16", "ascii64",
    ] {
        let protocol: Protocol = format!("length={field}").parse().expect("a format");
        let folder = tempfile::tempdir().expect("a folder");
        let capture = sent(folder.path(), &protocol, &[&picture, &picture], 9000);
        let preference = format!("imgnet_length.field:{field}");
        let found = rows(
            &capture,
            &["-d", "tcp.port==9000,imgnet_length", "-o", &preference],
            &["imgnet_length.picture"],
        );
        let came: Vec<u64> = found.iter().flat_map(|row| lengths(&row[0])).collect();
        assert_eq!(came, [picture.len() as u64; 2], "{field}");
    }
}

/// A capture of a connection on which these pictures go, in segments of 1,400 bytes.
fn sent(folder: &Path, protocol: &Protocol, pictures: &[&[u8]], port: u16) -> PathBuf {
    let mut bytes = Vec::new();
    for picture in pictures {
        let pieces = wire::pieces(protocol, picture, 2048).expect("it can be sent");
        bytes.extend(pieces.flat_map(|piece| piece.bytes.into_owned()));
    }
    stream(folder, &bytes, port)
}

/// A capture of a connection on which these bytes go, in segments of 1,400 bytes.
fn stream(folder: &Path, bytes: &[u8], port: u16) -> PathBuf {
    let mut scenario = Scenario::new();
    let mut tcp = scenario.connect(41000, port);
    scenario.transfer(&mut tcp, Client, bytes, 1400);
    scenario.close(&mut tcp, Client);
    let _ = Server;
    written(folder, &scenario.frames)
}

/// A pcap with nanoseconds.
fn written(folder: &Path, frames: &[Captured]) -> PathBuf {
    let mut bytes = Vec::new();
    for field in [0xa1b2_3c4d_u32, 0x0004_0002, 0, 0, 262_144, 1] {
        bytes.extend(field.to_le_bytes());
    }
    for frame in frames {
        let captured = u32::try_from(frame.data.len()).expect("small");
        let time = [frame.time / 1_000_000_000, frame.time % 1_000_000_000];
        let [seconds, rest] = time.map(|part| u32::try_from(part).expect("a time"));
        for field in [seconds, rest, captured, frame.wire_len] {
            bytes.extend(field.to_le_bytes());
        }
        bytes.extend(&frame.data);
    }
    let path = folder.join("c.pcap");
    std::fs::write(&path, bytes).expect("a capture");
    path
}

#[test]
fn framed_is_known_by_itself_on_any_port() {
    if !tshark_is_there() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let jpeg = std::fs::read(captures_folder().join("eof/sent/a.jpg")).expect("a picture");
    let png = std::fs::read(captures_folder().join("eof-mtu1500/sent/a.png")).expect("a picture");
    let capture = sent(
        folder.path(),
        &Protocol::Fixed(Fixed::Framed),
        &[&jpeg, &png, &jpeg],
        7123,
    );
    let found = rows(
        &capture,
        &[],
        &[
            "imgnet_framed.length",
            "imgnet_framed.picture",
            "imgnet_framed.sha256",
            "frame.number",
        ],
    );
    let flat = |cell: usize| -> Vec<String> {
        let cells = found.iter().flat_map(|row| row[cell].split(','));
        cells.map(str::to_owned).collect()
    };
    let pictures: [&[u8]; 3] = [&jpeg, &png, &jpeg];
    let bytes = pictures.map(|picture| picture.len().to_string());
    assert_eq!(flat(0), bytes);
    let came: Vec<u64> = found.iter().flat_map(|row| lengths(&row[1])).collect();
    assert_eq!(came, pictures.map(|picture| picture.len() as u64));
    assert_eq!(flat(2), pictures.map(support::sha256));
    let json = report(&capture);
    let images = list(&json, "images");
    assert_eq!(images.len(), 3);
    for (image, digest) in images.iter().zip(flat(2)) {
        assert_eq!(text(image, "sha256"), digest);
    }
}

#[test]
fn datagrams_of_framed() {
    if !tshark_is_there() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let jpeg = std::fs::read(captures_folder().join("eof/sent/a.jpg")).expect("a picture");
    let total = u32::try_from(jpeg.chunks(1000).count()).expect("small");
    let mut scenario = Scenario::new();
    for (index, payload) in (0..).zip(jpeg.chunks(1000)) {
        let datagram = framed::Datagram {
            kind: framed::Kind::Data,
            picture: 7,
            index,
            total,
            offset: u64::from(index) * 1000,
            transmission: index,
            payload,
        };
        let mut bytes = Vec::new();
        datagram.encode(&mut bytes);
        scenario.wait(1).datagram([41000, 6001], &bytes);
    }
    let capture = written(folder.path(), &scenario.frames);
    let found = rows(
        &capture,
        &[],
        &[
            "imgnet_framed.index",
            "imgnet_framed.offset",
            "imgnet_framed.bytes",
            "imgnet_framed.id",
        ],
    );
    assert_eq!(found.len(), total as usize);
    for (index, (row, payload)) in found.iter().zip(jpeg.chunks(1000)).enumerate() {
        let expected = [index, index * 1000, payload.len()].map(|number| number.to_string());
        assert_eq!(row[..3], expected);
        assert_eq!(row[3], "0x0000000000000007");
    }
}

/// What came of each picture, of one field in tshark's order: its bytes' digest.
fn digests(rows: &[Vec<String>]) -> Vec<String> {
    let cells = rows
        .iter()
        .filter_map(|row| row.first())
        .flat_map(|cell| cell.split(','));
    cells
        .map(|hex| {
            let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal");
            let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
            support::sha256(&bytes)
        })
        .collect()
}

/// imgnet's report, where the format is given.
fn read_as(capture: &Path, format: &str) -> Value {
    let path = capture.to_str().expect("UTF-8");
    let output = imgnet(&["analyze", "--format", "json", "--protocol", format, path]);
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Digests of a report's pictures, in order.
fn of_report(capture: &Path) -> Vec<String> {
    let report = report(capture);
    let images = list(&report, "images").iter();
    images
        .map(|image| text(image, "sha256").to_owned())
        .collect()
}

#[test]
fn pictures_that_end_with_their_connection() {
    if !tshark_is_there() {
        return;
    }
    for (name, decode, field) in [
        ("eof", "tcp.port==65432,imgnet_eof", "imgnet_eof.picture"),
        (
            "eof-mtu1500",
            "tcp.port==65432,imgnet_eof",
            "imgnet_eof.picture",
        ),
        (
            "catalog",
            "tcp.port==40674,imgnet_catalog",
            "imgnet_catalog.picture",
        ),
    ] {
        let capture = captures_folder().join(format!("{name}.pcap"));
        let found = rows(&capture, &["-d", decode], &[field]);
        assert_eq!(digests(&found), of_report(&capture), "{name}");
        assert!(!found.is_empty(), "{name}");
    }
    let capture = captures_folder().join("catalog.pcap");
    let choices = rows(
        &capture,
        &["-d", "tcp.port==40674,imgnet_catalog"],
        &["imgnet_catalog.choice"],
    );
    assert_eq!(choices.concat(), ["1", "2", "3", "9"]);
}

#[test]
fn pictures_in_datagrams() {
    if !tshark_is_there() {
        return;
    }
    let jpeg = std::fs::read(captures_folder().join("udp/sent/a.jpg")).expect("a picture");
    for (format, per_datagram) in [
        ("udp", &[][..]),
        ("udp-count", &["imgnet_udp.count"]),
        ("udp-index=u16be", &["imgnet_udp.index", "imgnet_udp.total"]),
        (
            "udp-index=from1-u32le",
            &["imgnet_udp.index", "imgnet_udp.total"],
        ),
        (
            "udp-index=ascii5",
            &["imgnet_udp.index", "imgnet_udp.total"],
        ),
        ("udp-index=countdown-u8", &["imgnet_udp.left"]),
        ("udp-index=countdown0-u16le", &["imgnet_udp.left"]),
        ("udp-index=offset-u32be", &["imgnet_udp.offset"]),
    ] {
        let protocol: Protocol = format.parse().expect("a format");
        let folder = tempfile::tempdir().expect("a folder");
        let mut scenario = Scenario::new();
        for piece in wire::pieces(&protocol, &jpeg, 1000).expect("it can be sent") {
            scenario.wait(1).datagram([41000, 6001], &piece.bytes);
        }
        let capture = written(folder.path(), &scenario.frames);
        let preference = format!("imgnet_udp.format:{format}");
        let more = ["-d", "udp.port==6001,imgnet_udp", "-o", &preference];
        let found = rows(
            &capture,
            &more,
            &[&["imgnet_udp.piece"], per_datagram].concat(),
        );
        let whole: String = found.iter().map(|row| row[0].as_str()).collect();
        assert_eq!(
            digests(&[vec![whole]]),
            [support::sha256(&jpeg)],
            "{format}"
        );
        let pieces = jpeg.chunks(1000).count();
        assert_eq!(found.len(), pieces, "{format}");
        // imgnet reads the same.
        let json = read_as(&capture, &format!("6001={format}"));
        assert_eq!(
            text(&list(&json, "images")[0], "sha256"),
            support::sha256(&jpeg),
            "{format}"
        );
        for (number, row) in found.iter().enumerate() {
            for (field, cell) in per_datagram.iter().zip(&row[1..]) {
                let expected = match *field {
                    "imgnet_udp.index" => number,
                    "imgnet_udp.total" => pieces,
                    "imgnet_udp.left" => pieces - 1 - number,
                    "imgnet_udp.offset" => number * 1000,
                    _ => continue,
                };
                assert_eq!(*cell, expected.to_string(), "{format} {field}");
            }
        }
        let begins = rows(&capture, &more, &["imgnet_udp.begins", "imgnet_udp.piece"]);
        assert_eq!(begins.len(), 1, "{format}");
        assert_eq!(begins[0][0], "JPEG", "{format}");
        let counts = rows(&capture, &more, &["imgnet_udp.count"]);
        let counted = usize::from(format == "udp-count");
        assert_eq!(counts.len(), counted, "{format}");
        if let [count] = counts.as_slice() {
            assert_eq!(count[0], pieces.to_string());
        }
    }
}

#[test]
fn pictures_behind_headers_that_a_layout_describes() {
    if !tshark_is_there() {
        return;
    }
    let jpeg = std::fs::read(captures_folder().join("eof/sent/a.jpg")).expect("a picture");
    for layout in [
        "u32be length, picture",
        "u32le length+4, picture",
        "u32be length(all), u16be, picture",
        "u32be length(rest), 0x00000001, picture",
        "\"JPGS\", u32be number, u32be length, u32be time, picture",
        "dec(20) length, picture",
        "dec(until \"\\n\") length, picture",
        "hex(8 zeros) length, picture",
        "\"#9\", dec(9 zeros) length, picture, \"\\n\"",
        "u16be name-length, text(name-length) name, u64be length, picture",
        "text(u16be) name, u64be length, picture",
        "text(varint), varint length, picture",
        "u8 pixel-type, u32be length, f64be time, picture",
        "u32be length, u32be crc32, picture",
        "u32be length(bits), picture",
        "picture(until \"<END>\")",
    ] {
        let protocol: Protocol = format!("layout {layout}").parse().expect("a layout");
        let folder = tempfile::tempdir().expect("a folder");
        let capture = sent(folder.path(), &protocol, &[&jpeg, &jpeg], 9100);
        let preference = format!("imgnet_layout.layout:{layout}");
        let more = ["-d", "tcp.port==9100,imgnet_layout", "-o", &preference];
        let found = rows(&capture, &more, &["imgnet_layout.picture"]);
        assert_eq!(
            digests(&found),
            [support::sha256(&jpeg), support::sha256(&jpeg)],
            "{layout}"
        );
        let json = read_as(&capture, &format!("9100={protocol}"));
        let images = list(&json, "images");
        assert_eq!(images.len(), 2, "{layout}");
        for image in images {
            assert_eq!(text(image, "sha256"), support::sha256(&jpeg), "{layout}");
        }
    }
    // What is not read here is said, and no picture is made up.
    for layout in [
        "once: bytes(4); u32be length, picture",
        "u32be lenght, picture",
        "nonsense",
    ] {
        let protocol: Protocol = "layout u32be length, picture".parse().expect("a layout");
        let folder = tempfile::tempdir().expect("a folder");
        let capture = sent(folder.path(), &protocol, &[&jpeg], 9100);
        let preference = format!("imgnet_layout.layout:{layout}");
        let more = ["-d", "tcp.port==9100,imgnet_layout", "-o", &preference];
        let found = rows(&capture, &more, &["imgnet_layout.picture"]);
        assert!(
            digests(&found)
                .iter()
                .all(|digest| *digest != support::sha256(&jpeg)),
            "{layout}"
        );
    }
}

/// The bytes before a picture in pieces, those of each piece by its index and bytes, and those behind.
fn in_pieces(picture: &[u8], size: usize, piece: impl Fn(usize, &[u8]) -> Vec<u8>) -> Vec<u8> {
    let pieces = picture.chunks(size).enumerate();
    pieces
        .flat_map(|(index, bytes)| piece(index, bytes))
        .collect()
}

/// A layout, what goes once, each message, the picture in it, and in how many pieces.
type Case<'c> = (&'c str, &'c [u8], Vec<u8>, &'c [u8], usize);

#[test]
fn layouts_with_what_comes_once_pieces_pixels_and_an_end() {
    if !tshark_is_there() {
        return;
    }
    let jpeg = std::fs::read(captures_folder().join("eof/sent/a.jpg")).expect("a picture");
    let rows_of_pixels: Vec<u8> = (0..64 * 48 * 3_u32)
        .map(|at| (at * 7 + at / 64).to_le_bytes()[0])
        .collect();
    let long = |length: usize| u32::try_from(length).expect("small");
    let behind = |length: usize| [&long(length).to_be_bytes()[..], &jpeg].concat();
    let blocks = in_pieces(&jpeg, 124, |index, bytes| {
        let mut block = long(index).to_be_bytes().to_vec();
        block.extend(bytes);
        block.resize(4 + 124, 0);
        block
    });
    let counted = in_pieces(&jpeg, 1000, |_, bytes| {
        [&long(bytes.len()).to_be_bytes()[..], bytes].concat()
    });
    let flagged = in_pieces(&jpeg, 700, |index, bytes| {
        let last = u8::from((index + 1) * 700 >= jpeg.len());
        [&[last][..], &long(bytes.len()).to_le_bytes(), bytes].concat()
    });
    let sides: Vec<u8> = [64_u32, 48, 3]
        .into_iter()
        .flat_map(u32::to_le_bytes)
        .collect();
    let cases: [Case<'_>; 7] = [
        (
            "once: bytes(24); u32be length, picture",
            &[7; 24],
            behind(jpeg.len()),
            &jpeg,
            0,
        ),
        (
            "u32le length, pieces; piece: u32be index, data(124)",
            b"",
            [&long(jpeg.len()).to_le_bytes()[..], &blocks].concat(),
            &jpeg,
            jpeg.len().div_ceil(124),
        ),
        (
            "pieces; piece: u32be length, data",
            b"",
            [&counted[..], &[0; 4]].concat(),
            &jpeg,
            jpeg.len().div_ceil(1000),
        ),
        (
            "pieces; piece: u8 last, u32le length, data",
            b"",
            flagged,
            &jpeg,
            jpeg.len().div_ceil(700),
        ),
        (
            "u32le width, u32le height, u32le channels, pixels(any)",
            b"",
            [sides, rows_of_pixels.clone()].concat(),
            &rows_of_pixels,
            0,
        ),
        (
            "pixels(bgr 64x48)",
            b"",
            rows_of_pixels.clone(),
            &rows_of_pixels,
            0,
        ),
        (
            "u32be length, picture; end: \"END\\r\\n\"",
            b"",
            [&behind(jpeg.len())[..], b"END\r\n"].concat(),
            &jpeg,
            0,
        ),
    ];
    for (layout, once, message, picture, pieces) in cases {
        let folder = tempfile::tempdir().expect("a folder");
        let bytes = [once, &message, &message].concat();
        let capture = stream(folder.path(), &bytes, 9100);
        let preference = format!("imgnet_layout.layout:{layout}");
        let more = ["-d", "tcp.port==9100,imgnet_layout", "-o", &preference];
        let found = rows(&capture, &more, &["imgnet_layout.picture"]);
        let digest = support::sha256(picture);
        assert_eq!(
            digests(&found),
            [digest.clone(), digest.clone()],
            "{layout}"
        );
        let shown = rows(&capture, &more, &["imgnet_layout.piece"]);
        let shown = digests(&shown).len();
        assert_eq!(shown, 2 * pieces, "{layout}");
        let json = read_as(&capture, &format!("9100=layout {layout}"));
        let images = list(&json, "images");
        assert_eq!(images.len(), 2, "{layout}");
        for image in images {
            assert_eq!(text(image, "sha256"), digest, "{layout}");
        }
    }
}
