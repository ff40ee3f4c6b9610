//! What programs do with pictures, right and wrong, as they are met in questions and examples: each transfer is made up here, and
//! `imgnet verify` has to name the right side and the mistake, and to leave the healthy in peace.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test makes files up, and may fail"
)]

use crate::verified;

use std::path::Path;

use crate::scenario::{Client, Scenario, Server};
use crate::support::{imgnet, list, text};
use serde_json::Value;

/// How the connection ends.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Closed,
    /// The receiver had unread bytes when it closed.
    Reset,
}

/// What went over the wire.
enum Wire {
    /// What each call of the sender handed over.
    Tcp(Vec<Vec<u8>>, End),
    Udp(Vec<Vec<u8>>),
}

type Files = Vec<(&'static str, Vec<u8>)>;

/// A transfer: its name, the files of both sides, the wire, and what is right: the run's verdict, whose side it is and a
/// finding; both empty where it is healthy.
struct Transfer {
    name: &'static str,
    sent: Files,
    wire: Wire,
    received: Files,
    verdict: &'static str,
    side: &'static str,
    finding: &'static str,
}

fn picture(seed: u32) -> image::RgbImage {
    image::RgbImage::from_fn(96, 80, |x, y| {
        let byte = |value: u32| u8::try_from(value % 256).unwrap();
        image::Rgb([
            byte(x * 3 + seed),
            byte(y * 5 + (x * y * seed) % 41),
            byte(x + y + (x * x * seed) % 29),
        ])
    })
}

fn encoded(picture: &image::RgbImage, format: image::ImageFormat) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn jpeg(seed: u32) -> Vec<u8> {
    encoded(&picture(seed), image::ImageFormat::Jpeg)
}

fn png(seed: u32) -> Vec<u8> {
    encoded(&picture(seed), image::ImageFormat::Png)
}

fn be(number: usize) -> Vec<u8> {
    u32::try_from(number).unwrap().to_be_bytes().to_vec()
}

fn le(number: usize) -> Vec<u8> {
    u32::try_from(number).unwrap().to_le_bytes().to_vec()
}

fn varint(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 127 {
        bytes.push(u8::try_from(number & 127 | 128).unwrap());
        number >>= 7;
    }
    bytes.push(u8::try_from(number).unwrap());
    bytes
}

/// Two pictures, each behind a header and before a trailer, that arrive as they are.
fn healthy(
    name: &'static str,
    header: impl Fn(usize, &str, &[u8]) -> Vec<u8>,
    trailer: &[u8],
) -> Transfer {
    let files = vec![("a.jpg", jpeg(3)), ("b.jpg", jpeg(7))];
    let messages = (0..).zip(&files).map(|(number, (name, bytes))| {
        [header(number, name, bytes), bytes.clone(), trailer.to_vec()].concat()
    });
    Transfer {
        name,
        wire: Wire::Tcp(messages.collect(), End::Closed),
        received: files.clone(),
        sent: files,
        verdict: "match",
        side: "",
        finding: "",
    }
}

/// One picture whose sender puts these bytes on the wire; the receiver saves them all.
fn sender(name: &'static str, sent: Vec<u8>, wire: Vec<u8>, finding: &'static str) -> Transfer {
    Transfer {
        name,
        sent: vec![("a.jpg", sent)],
        received: vec![("a.jpg", wire.clone())],
        wire: Wire::Tcp(vec![wire], End::Closed),
        verdict: "mismatch",
        side: "sender",
        finding,
    }
}

/// One picture, sent as it is behind four bytes of length, of which the receiver makes this.
fn receiver(name: &'static str, end: End, saved: Vec<u8>, finding: &'static str) -> Transfer {
    let sent = jpeg(3);
    Transfer {
        name,
        wire: Wire::Tcp(vec![[be(sent.len()), sent.clone()].concat()], end),
        sent: vec![("a.jpg", sent)],
        received: vec![("a.jpg", saved)],
        verdict: "mismatch",
        side: "receiver",
        finding,
    }
}

/// Two pictures in datagrams of `size` bytes and a header. `lost` names the picture and piece that the receiver lacks, or that
/// was never sent.
fn datagrams(
    name: &'static str,
    size: usize,
    header: impl Fn(usize, usize, usize, &[u8]) -> Vec<u8>,
    lost: Option<(bool, usize, usize)>,
) -> Transfer {
    let files = vec![("a.jpg", jpeg(3)), ("b.jpg", jpeg(7))];
    let mut wire = Vec::new();
    let mut received = Vec::new();
    for (number, (name, bytes)) in files.iter().enumerate() {
        let pieces: Vec<&[u8]> = bytes.chunks(size).collect();
        let mut file = Vec::new();
        for (index, piece) in pieces.iter().enumerate() {
            let is = |sent: bool| lost == Some((sent, number, index));
            if !is(true) {
                wire.push([header(number, index, pieces.len(), piece), piece.to_vec()].concat());
                if !is(false) {
                    file.extend_from_slice(piece);
                }
            }
        }
        received.push((*name, file));
    }
    let (verdict, whose, finding) = match lost {
        None => ("match", "", ""),
        // A capture that lacks the datagram looks the same.
        Some((true, ..)) => ("mismatch", "unknown", "datagram-lost"),
        // Captured between two machines: whether the receiver or the network behind lost it cannot be told.
        Some((false, ..)) => ("mismatch", "unknown", "receiver-overflow"),
    };
    Transfer {
        name,
        wire: Wire::Udp(wire),
        sent: files,
        received,
        verdict,
        side: whose,
        finding,
    }
}

fn headers() -> Vec<Transfer> {
    let text = |bytes: String| bytes.into_bytes();
    vec![
        healthy(
            "name in 64 bytes, u64le",
            |_, name, p| {
                let mut header = name.as_bytes().to_vec();
                header.resize(64, 0);
                [header, (p.len() as u64).to_le_bytes().to_vec()].concat()
            },
            b"",
        ),
        healthy(
            "type, length, time",
            |at, _, p| {
                [
                    vec![2],
                    be(p.len()),
                    (1.7e9 + f64::from(u32::try_from(at).unwrap()))
                        .to_be_bytes()
                        .to_vec(),
                ]
                .concat()
            },
            b"",
        ),
        healthy(
            "a command line",
            |_, name, p| text(format!("IMG {name} {}\n", p.len())),
            b"",
        ),
        healthy(
            "a line of JSON",
            |_, name, p| {
                text(format!(
                    "{{\"filename\": \"{name}\", \"size\": {}}}\n",
                    p.len()
                ))
            },
            b"",
        ),
        healthy(
            "JSON behind its length",
            |_, _, p| {
                let json = text(format!(
                    "{{\"content-type\": \"image/jpeg\", \"content-length\": {}}}",
                    p.len()
                ));
                [vec![0, u8::try_from(json.len()).unwrap()], json].concat()
            },
            b"",
        ),
        healthy(
            "a struct of C",
            |_, name, p| {
                let mut header = name.as_bytes().to_vec();
                header.resize(32, 0);
                [header, le(p.len()), le(96), le(80)].concat()
            },
            b"",
        ),
        healthy(
            "BinaryWriter: a string, an int",
            |_, name, p| [varint(name.len()), name.as_bytes().to_vec(), le(p.len())].concat(),
            b"",
        ),
        healthy("seven bits a byte", |_, _, p| varint(p.len()), b""),
        healthy(
            "width, height, length",
            |_, _, p| [vec![96, 0, 80, 0], le(p.len())].concat(),
            b"",
        ),
        healthy(
            "two sync bytes, u24be",
            |_, _, p| [vec![0xaa, 0x55], be(p.len())[1..].to_vec(), vec![1]].concat(),
            b"",
        ),
        healthy(
            "eight digits, and a line end behind",
            |_, _, p| text(format!("{:08}", p.len())),
            b"\r\n",
        ),
        healthy(
            "a length, and four bytes behind",
            |_, _, p| be(p.len()),
            b"\xde\xad\xbe\xef",
        ),
        healthy("a word behind it", |_, _, _| Vec::new(), b"--END--"),
        healthy(
            "something nobody knows",
            |at, _, _| vec![7, u8::try_from(at).unwrap(), 9],
            b"",
        ),
        healthy(
            "digits and a line end",
            |_, _, p| text(format!("{}\n", p.len())),
            b"",
        ),
    ]
}

fn pieces() -> Vec<Transfer> {
    let sent = jpeg(3);
    let one = |name, wire: Vec<u8>| Transfer {
        name,
        sent: vec![("a.jpg", jpeg(3))],
        received: vec![("a.jpg", jpeg(3))],
        wire: Wire::Tcp(vec![wire], End::Closed),
        verdict: "match",
        side: "",
        finding: "",
    };
    let lines = |end: &[u8]| {
        let pieces = sent.chunks(512).flat_map(|piece| {
            [
                format!("{}\n", piece.len()).into_bytes(),
                piece.to_vec(),
                end.to_vec(),
            ]
            .concat()
        });
        pieces.chain(*b"0\n").collect::<Vec<u8>>()
    };
    let numbered = |at: usize, of: usize, piece: &[u8]| {
        let number = |value: usize| u16::try_from(value).unwrap().to_be_bytes();
        [
            number(at).to_vec(),
            number(of).to_vec(),
            number(piece.len()).to_vec(),
            piece.to_vec(),
        ]
        .concat()
    };
    let mut both = Vec::new();
    for picture in [jpeg(3), jpeg(7)] {
        let of = picture.len().div_ceil(400);
        for (at, piece) in picture.chunks(400).enumerate() {
            both.extend(numbered(at, of, piece));
        }
    }
    let lengths: Vec<u8> = sent
        .chunks(600)
        .flat_map(|piece| [be(piece.len()), piece.to_vec()].concat())
        .collect();
    vec![
        one("a line of digits before each piece", lines(b"")),
        one(
            "a line of digits before each piece, and a line end behind",
            lines(b"\r\n"),
        ),
        Transfer {
            name: "number, count and length before each piece",
            sent: vec![("a.jpg", jpeg(3)), ("b.jpg", jpeg(7))],
            received: vec![("a.jpg", jpeg(3)), ("b.jpg", jpeg(7))],
            ..one("", both)
        },
        Transfer {
            name: "the receiver saves the lengths of the pieces, too",
            received: vec![("a.jpg", lengths.clone())],
            verdict: "mismatch",
            side: "receiver",
            finding: "header-in-file",
            ..one("", lengths)
        },
    ]
}

fn udp() -> Vec<Transfer> {
    let two = |value: usize| u16::try_from(value).unwrap().to_be_bytes().to_vec();
    vec![
        datagrams(
            "index and count",
            300,
            |_, at, of, _| [two(at), two(of)].concat(),
            None,
        ),
        datagrams(
            "a flag on the last",
            300,
            |_, at, of, _| vec![u8::from(at + 1 == of)],
            None,
        ),
        datagrams(
            "frame, index, count behind two letters",
            300,
            |frame, at, of, _| [b"MJ".to_vec(), two(frame + 7), two(at), two(of)].concat(),
            None,
        ),
        datagrams(
            "index of count as text",
            300,
            |_, at, of, _| format!("{}/{of}:", at + 1).into_bytes(),
            None,
        ),
        datagrams(
            "a number that never begins again",
            300,
            |frame, at, _, piece| [be(frame * 100 + at), two(piece.len())].concat(),
            None,
        ),
        datagrams(
            "one lost in the receiver, behind a header",
            300,
            |_, at, _, piece| [be(at), two(piece.len())].concat(),
            Some((false, 0, 4)),
        ),
        datagrams(
            "one lost in the receiver, by offset",
            300,
            |_, at, _, _| le(at * 300),
            Some((false, 1, 2)),
        ),
        datagrams(
            "one never sent",
            300,
            |_, at, of, _| [two(at), two(of)].concat(),
            Some((true, 0, 3)),
        ),
        datagrams(
            "one never sent, index alone",
            300,
            |_, at, _, _| two(at),
            Some((true, 0, 3)),
        ),
    ]
}

fn senders() -> Vec<Transfer> {
    let sent = jpeg(3);
    let plain = |name, wire: Vec<u8>, finding| sender(name, jpeg(3), wire, finding);
    let utf8 = |text: Vec<char>| text.into_iter().collect::<String>().into_bytes();
    let latin1 = utf8(sent.iter().map(|&byte| char::from(byte)).collect());
    let ascii = sent
        .iter()
        .map(|&byte| if byte < 128 { byte } else { b'?' })
        .collect();
    let lossy = String::from_utf8_lossy(&sent).into_owned().into_bytes();
    let nul = sent.iter().position(|&byte| byte == 0).unwrap();
    let z = sent.iter().position(|&byte| byte == 0x1a).unwrap();
    let repr = sent.iter().map(|&byte| match byte {
        b'\t' => "\\t".to_owned(),
        b'\n' => "\\n".to_owned(),
        b'\r' => "\\r".to_owned(),
        b'\\' => "\\\\".to_owned(),
        b'\'' if sent.contains(&b'"') => "\\'".to_owned(),
        b' '..=b'~' => char::from(byte).to_string(),
        _ => format!("\\x{byte:02x}"),
    });
    let quote = if sent.contains(&b'"') || !sent.contains(&b'\'') {
        '\''
    } else {
        '"'
    };
    let repr = format!("b{quote}{}{quote}", repr.collect::<String>()).into_bytes();
    let mut stale = sent.clone();
    let whole = sent.len().next_multiple_of(512);
    stale.extend_from_slice(&sent[sent.len() - 512..whole - 512]);
    let bmp = encoded(&picture(3), image::ImageFormat::Bmp);
    let without = bmp[..bmp.len() - 54].to_vec();
    let mut changed = sent.clone();
    let middle = changed.len() / 2;
    changed[middle] ^= 0x10;
    let again = encoded(
        &image::load_from_memory(&sent).unwrap().to_rgb8(),
        image::ImageFormat::Png,
    );
    vec![
        plain("Latin-1 written as UTF-8", latin1, "text-mode"),
        plain("taken for ASCII", ascii, "text-mode"),
        plain("taken for UTF-8", lossy, "text-mode"),
        plain("one byte changed", changed, ""),
        plain("str(data)", repr, "text-mode"),
        plain("stopped at 1A", sent[..z].to_vec(), "text-mode"),
        plain("strlen of all", sent[..nul].to_vec(), "cut-at-nul"),
        plain("the last block whole", stale, "stale-buffer"),
        plain("one read of 2048", sent[..2048].to_vec(), "early-close"),
        sender(
            "54 bytes of a BMP forgotten",
            bmp,
            without,
            "header-not-counted",
        ),
        plain("decoded, and sent as PNG", again, "re-encoded"),
        plain(
            "a line end behind it",
            [sent.clone(), b"\n".to_vec()].concat(),
            "stray-bytes",
        ),
        Transfer {
            verdict: "mismatch",
            received: vec![("a.jpg", sent[..sent.len() - 1].to_vec())],
            wire: Wire::Tcp(
                vec![[be(sent.len() - 1), sent.clone()].concat()],
                End::Reset,
            ),
            ..plain("a length one too small", Vec::new(), "length-mismatch")
        },
    ]
}

fn receivers() -> Vec<Transfer> {
    let sent = jpeg(3);
    let crlf = sent.iter().flat_map(|&byte| match byte {
        b'\n' => vec![b'\r', b'\n'],
        byte => vec![byte],
    });
    let ignored = sent
        .utf8_chunks()
        .flat_map(|chunk| chunk.valid().bytes())
        .collect();
    let mut buffer = vec![0; 1024];
    let mut buffers = Vec::new();
    for piece in sent.chunks(700) {
        buffer[..piece.len()].copy_from_slice(piece);
        buffers.extend_from_slice(&buffer);
    }
    let cut: Vec<u8> = sent
        .chunks(512)
        .flat_map(|piece| piece.iter().copied().take_while(|&byte| byte != 0))
        .collect();
    let zeros = |to: usize| {
        let mut file = sent[..to].to_vec();
        file.resize(sent.len(), 0);
        file
    };
    let mut behind = sent.clone();
    behind.resize(16_384, 0);
    let next = [be(png(5).len()), png(5)].concat();
    let two = |name, saved: Vec<u8>, finding| Transfer {
        sent: vec![("a.jpg", jpeg(3)), ("b.png", png(5))],
        wire: Wire::Tcp(
            vec![[be(sent.len()), sent.clone(), next.clone()].concat()],
            End::Reset,
        ),
        ..receiver(name, End::Reset, saved, finding)
    };
    let text = {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let hex = sent.iter().flat_map(|&byte| {
            [
                DIGITS[usize::from(byte >> 4)],
                DIGITS[usize::from(byte & 15)],
            ]
        });
        hex.collect::<Vec<u8>>()
    };
    vec![
        receiver(
            "one recv",
            End::Reset,
            sent[..1460].to_vec(),
            "receiver-stopped",
        ),
        receiver(
            "a buffer that was not filled",
            End::Reset,
            zeros(1500),
            "receiver-stopped",
        ),
        receiver(
            "recv(1024) for the header",
            End::Closed,
            sent[1020..].to_vec(),
            "receiver-stopped",
        ),
        receiver(
            "the length in the file",
            End::Closed,
            [be(sent.len()), sent.clone()].concat(),
            "header-in-file",
        ),
        receiver("opened with w", End::Closed, crlf.collect(), "text-mode"),
        receiver("decode(errors=ignore)", End::Closed, ignored, "text-mode"),
        receiver(
            "the whole buffer each time",
            End::Closed,
            buffers,
            "stale-buffer",
        ),
        receiver("zeros behind it", End::Closed, behind, "stale-buffer"),
        receiver("strlen of each buffer", End::Closed, cut, "cut-at-nul"),
        two(
            "eight bytes of the next message",
            [sent.clone(), next[..8].to_vec()].concat(),
            "read-past-end",
        ),
        two(
            "header taken for two bytes",
            [
                be(sent.len())[2..].to_vec(),
                sent[..sent.len() - 2].to_vec(),
            ]
            .concat(),
            "header-in-file",
        ),
        Transfer {
            wire: Wire::Tcp(vec![text.clone()], End::Closed),
            ..receiver("hex digits not decoded", End::Closed, text, "left-encoded")
        },
    ]
}

fn raw() -> Vec<Transfer> {
    let shown = picture(3);
    let swapped = image::RgbImage::from_fn(96, 80, |x, y| {
        let image::Rgb([r, g, b]) = *shown.get_pixel(x, y);
        image::Rgb([b, g, r])
    });
    let turned = image::RgbImage::from_raw(80, 96, shown.clone().into_raw()).unwrap();
    let header = [le(96), le(80), le(3)].concat();
    let one = |name, received: &image::RgbImage, verdict, side, finding| Transfer {
        name,
        sent: vec![("a.png", encoded(&shown, image::ImageFormat::Png))],
        wire: Wire::Tcp(
            vec![[header.clone(), shown.clone().into_raw()].concat()],
            End::Closed,
        ),
        received: vec![("out.png", encoded(received, image::ImageFormat::Png))],
        verdict,
        side,
        finding,
    };
    vec![
        one("raw pixels behind their size", &shown, "match", "", ""),
        one(
            "red and blue swapped",
            &swapped,
            "mismatch",
            "receiver",
            "pixels-misread",
        ),
        one(
            "width and height swapped",
            &turned,
            "mismatch",
            "receiver",
            "pixels-misread",
        ),
    ]
}

fn frames(wire: &Wire) -> Scenario {
    let mut scenario = Scenario::new();
    match wire {
        Wire::Tcp(messages, end) => {
            let mut tcp = scenario.connect(50_001, 9_321);
            for message in messages {
                scenario.transfer(&mut tcp, Client, message, 1460);
                scenario.wait(20);
            }
            if *end == End::Reset {
                scenario.rst(&mut tcp, Server);
            } else {
                scenario.close(&mut tcp, Client);
            }
        }
        Wire::Udp(datagrams) => {
            for datagram in datagrams {
                scenario.datagram([50_002, 9_322], datagram);
                scenario.wait(3);
            }
        }
    }
    scenario
}

fn write(folder: &Path, files: &Files) -> String {
    std::fs::create_dir_all(folder).unwrap();
    for (name, bytes) in files {
        std::fs::write(folder.join(name), bytes).unwrap();
    }
    folder.to_string_lossy().into_owned()
}

/// What is wrong with what imgnet says of a transfer; nothing where it is right.
fn judged(transfer: &Transfer) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("a.pcap");
    verified::write(&frames(&transfer.wire), &capture);
    let capture = capture.to_string_lossy().into_owned();
    let sent = write(&folder.path().join("sent"), &transfer.sent);
    let received = write(&folder.path().join("received"), &transfer.received);
    let told = |arguments: &[&str]| -> (Option<i32>, Value) {
        let output = imgnet(arguments);
        let report = serde_json::from_slice(&output.stdout).expect("JSON");
        (output.status.code(), report)
    };
    let (code, report) = told(&[
        "verify",
        "--format",
        "json",
        &capture,
        "--sent",
        &sent,
        "--received",
        &received,
    ]);
    let sides: Vec<&str> = list(&report, "images")
        .iter()
        .filter_map(|image| image["compared"]["blame"]["who"].as_str())
        .collect();
    let alarms = |report: &Value| -> Vec<String> {
        list(report, "findings")
            .iter()
            .filter(|finding| text(finding, "severity") != "note")
            .map(|finding| text(finding, "name").to_owned())
            .collect()
    };
    let found = alarms(&report);
    let well = transfer.side.is_empty();
    let mut right = text(&report, "verdict") == transfer.verdict && code == Some(i32::from(!well));
    if well {
        // Nobody is accused, not even without the files.
        let (_, alone) = told(&["analyze", "--format", "json", &capture]);
        right &= found.is_empty() && sides.is_empty() && alarms(&alone).is_empty();
    } else {
        right &= sides.first() == Some(&transfer.side)
            && (transfer.finding.is_empty() || found.iter().any(|name| name == transfer.finding))
            // The receiver did nothing wrong where it saved what came.
            && !(transfer.side == "sender"
                && found.iter().any(|name| name == "read-past-end" || name == "receiver-overflow"));
    }
    (!right).then(|| {
        format!(
            "{}: {code:?}, {}, {sides:?}, {found:?}",
            transfer.name, report["verdict"]
        )
    })
}

fn all_right(transfers: &[Transfer]) {
    let wrong: Vec<String> = transfers.iter().filter_map(judged).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn headers_of_all_kinds_are_nobodys_fault() {
    all_right(&headers());
}

#[test]
fn pictures_in_pieces() {
    all_right(&pieces());
}

#[test]
fn pictures_in_datagrams() {
    all_right(&udp());
}

#[test]
fn mistakes_of_senders() {
    all_right(&senders());
}

#[test]
fn mistakes_of_receivers() {
    all_right(&receivers());
}

#[test]
fn raw_pixels() {
    all_right(&raw());
}
