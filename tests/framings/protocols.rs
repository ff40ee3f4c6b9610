//! Application protocols that carry pictures: captures of real clients and servers, and the same with something wrong.

#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a helper of a test may fail as the test may"
)]

use crate::verified;

use std::path::PathBuf;

use crate::scenario::{Client, Scenario, Server};
use crate::support::{captures_folder, imgnet, list, number, report, text};
use crate::verified::{base64, directed, lines, picture, stream, verify};

fn folder() -> PathBuf {
    captures_folder().join("protocols")
}

fn sent(name: &str) -> Vec<u8> {
    std::fs::read(folder().join("sent").join(name)).expect("a file that was sent")
}

/// Capture, wire format, number of pictures, exit code of `verify` where the files received are those sent.
const CAPTURES: &[(&str, &str, usize, i32)] = &[
    ("ws-deflate", "http", 1, 0),
    ("ws-frag", "http", 1, 0),
    ("ws-frag-deflate", "http", 1, 0),
    ("ws-text-deflate", "http", 1, 0),
    ("mqtt", "mqtt", 6, 0),
    ("smtp", "smtp", 2, 0),
    ("grpc-unary", "http2", 1, 0),
    ("grpc-stream", "http2", 1, 0),
    ("ftp-i", "", 1, 0),
    ("ftp-a", "", 0, 1),
    ("tftp-get", "tftp", 1, 0),
    ("tftp-put", "tftp", 1, 0),
    ("java-write", "java-objects", 1, 0),
    ("java-object", "java-objects", 1, 0),
    ("rtp-jpeg", "rtp-jpeg", 2, 0),
];

#[test]
fn analyze_lists_the_pictures() {
    let mut failures = Vec::new();
    for (name, protocol, pictures, _) in CAPTURES {
        let report = report(&folder().join(format!("{name}.pcap")));
        let images = list(&report, "images");
        let whole = images.iter().all(|image| {
            let named = protocol.is_empty() || text(image, "protocol") == *protocol;
            named && image["complete"] == true && image["width"].as_u64().is_some()
        });
        let accused = list(&report, "findings")
            .iter()
            .any(|finding| text(finding, "severity") != "note");
        if images.len() != *pictures || !whole || accused != (*name == "ftp-a") {
            failures.push(format!("{name}: {} pictures, {images:#?}", images.len()));
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn verify_says_match_or_names_the_mistake() {
    let mut failures = Vec::new();
    for (name, _, pictures, exit) in CAPTURES {
        let capture = folder().join(format!("{name}.pcap"));
        let both = ["mqtt", "smtp"].contains(name);
        let files = match *name {
            "ftp-a" | "tftp-put" => vec!["chart.png"],
            _ if both => vec!["photo.jpg", "chart.png"],
            _ => vec!["photo.jpg"],
        };
        let scratch = tempfile::tempdir().expect("a folder");
        for side in ["sent", "received"] {
            std::fs::create_dir(scratch.path().join(side)).expect("a folder");
        }
        // Twice what went twice.
        let times = if both { pictures / 3 } else { *pictures };
        for file in files {
            let bytes = sent(file);
            std::fs::write(scratch.path().join("sent").join(file), &bytes).expect("a file");
            for time in 0..times.max(1) {
                let copy = scratch
                    .path()
                    .join("received")
                    .join(format!("{time}-{file}"));
                std::fs::write(copy, &bytes).expect("a file");
            }
        }
        let argument = |name: &str| scratch.path().join(name).into_os_string();
        let output = imgnet(&[
            "verify".into(),
            capture.into_os_string(),
            "--sent".into(),
            argument("sent"),
            "--received".into(),
            argument("received"),
        ]);
        let said = String::from_utf8_lossy(&output.stdout);
        let accused = said
            .lines()
            .any(|line| line.starts_with("error ") || line.starts_with("warning "));
        if output.status.code() != Some(*exit) || accused != (*exit == 1) {
            failures.push(format!("{name}: {:?}\n{said}", output.status));
        }
        if *exit == 1 {
            assert!(said.contains("text-mode"), "{said}");
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn rebuilt_frames_decode() {
    let out = tempfile::tempdir().expect("a folder");
    let extracted = out.path().join("x");
    let output = imgnet(&[
        "analyze".into(),
        folder().join("rtp-jpeg.pcap").into_os_string(),
        "--extract".into(),
        extracted.clone().into_os_string(),
    ]);
    assert!(output.status.success());
    let original = image::load_from_memory(&sent("photo.jpg")).expect("a JPEG");
    let mut count = 0;
    for entry in std::fs::read_dir(extracted).expect("the folder") {
        let bytes = std::fs::read(entry.expect("an entry").path()).expect("a file");
        assert_eq!(
            image::load_from_memory(&bytes).expect("it decodes"),
            original
        );
        count += 1;
    }
    assert_eq!(count, 2);
}

fn frame(opcode: u8, payload: &[u8], declared: usize) -> Vec<u8> {
    let length = u16::try_from(declared).expect("small").to_be_bytes();
    [&[0x80 | opcode, 0x7e][..], &length, payload].concat()
}

#[test]
fn websocket_without_its_upgrade_whole_and_cut() {
    let photo = picture(image::ImageFormat::Jpeg, 64, 48);
    let whole = [frame(2, &photo, photo.len()), b"\x88\0".to_vec()].concat();
    let files: verified::Files<'_> = &[("a.jpg", &photo)];
    let verified = verify(&stream(&whole), files, files);
    assert_eq!((verified.exit, verified.accusations()), (0, Vec::new()));
    assert_eq!(
        text(&list(&verified.report, "images")[0], "protocol"),
        "websocket"
    );
    // The sender closes before it sent what its frame declares.
    let verified = verify(&stream(&frame(2, &photo[..800], photo.len())), files, &[]);
    assert_eq!((verified.exit, verified.blamed()), (1, Some("sender")));
}

#[test]
fn tftp_with_lost_and_repeated_blocks() {
    let photo = picture(image::ImageFormat::Jpeg, 64, 48);
    let files: verified::Files<'_> = &[("a.jpg", &photo)];
    let blocks: Vec<Vec<u8>> = (1_u16..)
        .zip(photo.chunks(512))
        .map(|(number, data)| [&[0, 3][..], &number.to_be_bytes(), data].concat())
        .collect();
    let capture = |blocks: &[Vec<u8>]| {
        let mut scenario = Scenario::new();
        scenario.datagram([5000, 69], b"\0\x02a.jpg\0octet\0");
        for block in blocks {
            scenario.datagram([5000, 6000], block);
        }
        scenario
    };
    let verified = verify(&capture(&blocks), files, files);
    assert_eq!((verified.exit, verified.accusations()), (0, Vec::new()));
    let mut twice = blocks.clone();
    twice.insert(1, blocks[0].clone());
    let verified = verify(&capture(&twice), files, files);
    assert_eq!((verified.exit, verified.accusations()), (0, Vec::new()));
    // A block that went by and is not in the file.
    let got = [&photo[..512], &photo[1024..]].concat();
    let verified = verify(&capture(&blocks), files, &[("got", &got)]);
    assert_eq!(verified.exit, 1);
    assert_ne!(verified.blamed(), Some("sender"));
}

#[test]
fn mail_that_breaks_off_is_the_senders() {
    let photo = picture(image::ImageFormat::Jpeg, 64, 48);
    let head = "EHLO me\r\nDATA\r\nSubject: a\r\nContent-Transfer-Encoding: base64\r\n\r\n";
    let text = lines(&base64(&photo), b"\r\n");
    let mail = [head.as_bytes(), &text, b".\r\nQUIT\r\n"].concat();
    let turns = |mail: &[u8]| directed(&[(Server, b"220 h ESMTP\r\n"), (Client, mail)]);
    let files: verified::Files<'_> = &[("a.jpg", &photo)];
    let verified = verify(&turns(&mail), files, files);
    assert_eq!((verified.exit, verified.accusations()), (0, Vec::new()));
    let verified = verify(&turns(&mail[..mail.len() / 2]), files, &[]);
    assert_eq!((verified.exit, verified.blamed()), (1, Some("sender")));
}

#[test]
fn a_second_java_stream_header_is_told_of() {
    let photo = picture(image::ImageFormat::Png, 20, 16);
    let array = |bytes: &[u8]| {
        let class = b"\x75\x72\0\x02[B\xac\xf3\x17\xf8\x06\x08\x54\xe0\x02\0\0\x78\x70";
        let length = u32::try_from(bytes.len()).expect("small").to_be_bytes();
        [&class[..], &length, bytes].concat()
    };
    let header = b"\xac\xed\0\x05";
    let bytes = [&header[..], b"\x74\0\x02hi", header, &array(&photo)].concat();
    let verified = verify(
        &stream(&bytes),
        &[("a.png", &photo)],
        &[("got", &photo[..100])],
    );
    assert_eq!(verified.exit, 1);
    let told = list(&verified.report, "findings")
        .iter()
        .any(|finding| text(finding, "message").contains("AC ED 00 05"));
    assert!(told, "{:#?}", list(&verified.report, "findings"));
    assert_eq!(
        number(&list(&verified.report, "images")[0], "bytes"),
        photo.len() as u64
    );
}

/// What goes over the wire for a picture whose length is declared so.
type Message = fn(&[u8], usize) -> Vec<u8>;

/// A publish of MQTT 3.1.1 behind a connect, with the payload that it declares or less.
fn published(payload: &[u8], declared: usize) -> Vec<u8> {
    let topic = b"\0\x03cam";
    let mut rest = topic.len() + declared;
    let mut header = vec![0x30];
    while rest > 127 {
        header.push(u8::try_from(rest & 127 | 128).expect("seven bits"));
        rest >>= 7;
    }
    header.push(u8::try_from(rest).expect("seven bits"));
    let connect = b"\x10\x0d\0\x04MQTT\x04\x02\0\x3c\0\x01a";
    [&connect[..], &header, topic, payload].concat()
}

/// A form with a file in it, uploaded.
fn uploaded(part: &[u8], declared: usize) -> Vec<u8> {
    let head = "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n";
    let end = "\r\n--b--\r\n";
    let length = head.len() + declared + end.len();
    let request = format!(
        "POST /up HTTP/1.1\r\nHost: h\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: {length}\r\n\r\n{head}"
    );
    [request.as_bytes(), part, end.as_bytes()].concat()
}

/// What a `BinaryWriter` of C# makes of a name, a length and bytes.
fn written(bytes: &[u8], declared: usize) -> Vec<u8> {
    let length = i32::try_from(declared).expect("small").to_le_bytes();
    [&b"\x05a.jpg"[..], &length, bytes].concat()
}

/// Base64 in a masked text of WebSocket, the mask zeros.
fn texted(bytes: &[u8], declared: usize) -> Vec<u8> {
    let letters = base64(bytes);
    let length = letters.len() + declared - bytes.len();
    let length = u16::try_from(length).expect("small").to_be_bytes();
    let close = b"\x88\x80\0\0\0\0";
    [&[0x81, 0xfe][..], &length, &[0; 4], &letters, close].concat()
}

/// A message of gRPC with the picture as its only field, in one DATA frame of HTTP/2 that ends its stream.
fn called(bytes: &[u8], declared: usize) -> Vec<u8> {
    let head = |length: usize, kind: u8, flags: u8, stream: u8| {
        let length = u32::try_from(length).expect("small").to_be_bytes();
        [&length[1..], &[kind, flags, 0, 0, 0, stream]].concat()
    };
    let low = u8::try_from(bytes.len() & 127 | 128).expect("seven bits");
    let high = u8::try_from(bytes.len() >> 7).expect("less than 16 KB");
    let field = [0x0a, low, high];
    let prefix = u32::try_from(field.len() + declared).expect("small");
    let message = [&[0][..], &prefix.to_be_bytes(), &field, bytes].concat();
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let (settings, headers) = (head(0, 4, 0, 0), head(1, 1, 4, 1));
    let data = head(message.len(), 0, 1, 1);
    [&preface[..], &settings, &headers, b"\x83", &data, &message].concat()
}

#[test]
fn messages_that_declare_more_than_they_carry_are_the_senders() {
    let photo = picture(image::ImageFormat::Jpeg, 64, 48);
    let files: verified::Files<'_> = &[("a.jpg", &photo)];
    let all: [(&str, Message, &[u8]); 5] = [
        ("WebSocket text", texted, b""),
        ("gRPC", called, b"\0\0\0\x04\0\0\0\0\0"),
        ("MQTT", published, b"\x20\x02\0\0"),
        (
            "a form",
            uploaded,
            b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        ),
        ("BinaryWriter", written, b""),
    ];
    let mut failures = Vec::new();
    for (name, message, answer) in all {
        let bytes = message(&photo, photo.len());
        let turns = [(Client, &bytes[..]), (Server, answer)];
        let answered = if answer.is_empty() { 1 } else { 2 };
        let whole = directed(&turns[..answered]);
        let said = verify(&whole, files, files);
        if said.exit != 0 || !said.accusations().is_empty() {
            failures.push(format!("{name}: {} {:?}", said.exit, said.accusations()));
        }
        let cut = &bytes[..bytes.len() - photo.len() / 2];
        let said = verify(&directed(&[(Client, cut)]), files, &[]);
        if (said.exit, said.blamed()) != (1, Some("sender")) {
            failures.push(format!("{name}, cut: {} {:?}", said.exit, said.blamed()));
        }
        // The last boundary ends a form before its length does.
        let said = verify(&stream(&message(&photo, photo.len() + 1)), files, &[]);
        if name != "a form" && (said.exit == 0 || said.blamed() == Some("receiver")) {
            failures.push(format!(
                "{name}, one more: {} {:?}",
                said.exit,
                said.blamed()
            ));
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}
