//! The formats of other people's programs: captures of Python programs that speak them (captures/formats/make.py), in
//! which imgnet must find the format by itself, and every picture byte for byte.

#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a helper of a test reads files, and may fail as the test may"
)]

use crate::support;

use crate::support::{captures_folder, imgnet, list, number, report, sha256, text};
use serde_json::Value;

fn sent(name: &str) -> String {
    let path = captures_folder().join("formats/sent").join(name);
    sha256(&std::fs::read(path).expect("the file sent"))
}

fn analyzed(capture: &str) -> Value {
    report(&captures_folder().join(format!("formats/{capture}.pcap")))
}

/// The format of the first stream and the digests of all pictures are these, and all pictures are whole.
#[track_caller]
fn whole(capture: &str, protocol: &str, pictures: &[&str]) -> Value {
    let report = analyzed(capture);
    let streams = list(&report, "streams");
    let first = streams.first().expect("a stream");
    assert_eq!(text(first, "protocol"), protocol, "{capture}");
    let images = list(&report, "images");
    let found: Vec<&str> = images.iter().map(|image| text(image, "sha256")).collect();
    let want: Vec<String> = pictures.iter().map(|name| sent(name)).collect();
    assert_eq!(found, want, "{capture}");
    for image in images {
        assert_eq!(image.get("complete"), Some(&Value::Bool(true)), "{capture}");
        let bytes = image.get("encoded_bytes").unwrap_or(&image["bytes"]);
        assert_eq!(
            bytes.as_u64(),
            Some(number(image, "unique_bytes")),
            "{capture}"
        );
    }
    report
}

#[test]
fn request_closed_by_half() {
    whole("half-close", "half-close", &["photo.jpg"]);
}

#[test]
fn size_then_picture_with_answers() {
    whole(
        "size-handshake",
        "size-handshake",
        &["photo.jpg", "chart.png"],
    );
    whole("size-handshake-bare", "size-handshake=bare", &["chart.png"]);
}

#[test]
fn name_and_size_glued() {
    whole("name-size-marker", "name-size-marker", &["photo.jpg"]);
}

#[test]
fn wrapped_pictures() {
    whole(
        "pickled",
        "pickled+length=u64le",
        &["photo.jpg", "chart.png", "photo.jpg", "chart.png"],
    );
    let report = whole("base64", "base64", &["photo.jpg"]);
    let image = list(&report, "images").first().expect("a picture");
    assert_eq!(number(image, "encoded_bytes"), 16_256);
    whole("base64-lines", "base64+length=u32be", &["photo.jpg"]);
}

#[test]
fn datagrams() {
    let both = ["photo.jpg", "chart.png"];
    whole("udp-jpeg", "udp-jpeg", &both);
    whole("udp-index", "udp-index=u16be", &both);
    whole("udp-countdown", "udp-index=countdown-u8", &both);
    whole("udp-offset", "udp-index=offset-u32le", &["photo.jpg"]);
    whole("udp-count", "udp-count", &both);
}

#[test]
fn a_numbered_datagram_that_never_came() {
    let report = analyzed("udp-index-lost");
    let images = list(&report, "images");
    assert_eq!(images.len(), 1);
    let image = images.first().expect("a picture");
    assert_eq!(text(image, "protocol"), "udp-index=ascii5");
    assert_eq!(text(image, "verdict"), "incomplete");
    let problem = text(image, "problem");
    assert!(
        problem.contains("1 of its datagrams never came") && problem.contains("1,200 bytes"),
        "{problem}"
    );
}

#[test]
fn bodies_of_http() {
    let photos = ["photo.jpg"; 3];
    let mut all = vec!["photo.jpg", "chart.png", "photo.jpg"];
    all.extend(photos);
    all.push("chart.png");
    whole("http", "http", &all);
}

#[test]
fn parts_of_zeromq_messages() {
    whole("zmtp", "zmtp", &["photo.jpg", "chart.png"]);
}

/// tshark, where it is installed, exports the same bodies out of the HTTP capture.
#[test]
fn tshark_exports_the_same_http_objects() {
    if !support::tshark_is_there() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let capture = captures_folder().join("formats/http.pcap");
    let output = std::process::Command::new("tshark")
        .arg("-r")
        .arg(&capture)
        .args(["-d", "tcp.port==7000,http", "-q", "--export-objects"])
        .arg(format!("http,{}", folder.path().display()))
        .output();
    let output = output.expect("tshark starts");
    assert!(output.status.success(), "tshark: {output:?}");
    let exported: Vec<String> = std::fs::read_dir(folder.path())
        .expect("tshark's folder")
        .map(|entry| sha256(&std::fs::read(entry.expect("a file").path()).expect("a body")))
        .collect();
    // The pipelined HEAD makes tshark lose its place until the next head that it recognises, so that of the first
    // connection's bodies only the compressed photo comes out right.
    assert!(exported.contains(&sent("photo.jpg")), "{exported:?}");
    let output = imgnet(&["analyze", capture.to_str().expect("UTF-8")]);
    assert!(output.status.success());
}
