//! What imgnet finds in the captures of small Python programs: the pictures that were sent, byte for byte, and no
//! other; what is not whole is said to be not whole.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a helper of a test reads files, and may fail as the test may"
)]

use crate::support;

use crate::support::{captures_folder, list, number, report, sha256, text};
use serde_json::Value;

/// A picture that a capture must show.
enum Picture {
    /// Whole, and equal to this file under `captures/NAME/`.
    Whole(&'static str),
    /// The first so many bytes of this file, and not complete.
    Cut(&'static str, u64),
}
use Picture::{Cut, Whole};

fn check(capture: &str, protocol: &str, expected: &[Picture]) -> Value {
    let report = report(&captures_folder().join(format!("{capture}.pcap")));
    let images = list(&report, "images");
    assert_eq!(images.len(), expected.len(), "{capture}: pictures");
    for (index, (image, expected)) in images.iter().zip(expected).enumerate() {
        let what = format!("{capture}, picture {index}");
        let (Whole(path) | Cut(path, _)) = expected;
        let file = std::fs::read(captures_folder().join(capture).join(path))
            .unwrap_or_else(|error| panic!("{what}: {path}: {error}"));
        assert_eq!(text(image, "protocol"), protocol, "{what}");
        let complete = image.get("complete").and_then(Value::as_bool);
        match expected {
            Whole(_) => {
                assert_eq!(number(image, "bytes"), file.len() as u64, "{what}");
                assert_eq!(text(image, "sha256"), sha256(&file), "{what}: {path}");
                assert_eq!(complete, Some(true), "{what}");
            }
            Cut(_, bytes) => {
                assert_eq!(number(image, "bytes"), *bytes, "{what}");
                let part = &file[..usize::try_from(*bytes).expect("a small file")];
                assert_eq!(text(image, "sha256"), sha256(part), "{what}: {path}");
                assert_eq!(complete, Some(false), "{what}");
            }
        }
    }
    report
}

fn image_fields(report: &Value, index: usize) -> (&str, u64, u64, usize) {
    let image = &list(report, "images")[index];
    (
        text(image, "format"),
        number(image, "width"),
        number(image, "height"),
        list(image, "chunks").len(),
    )
}

#[test]
fn eof() {
    let report = check("eof", "eof", &[Whole("sent/a.jpg")]);
    assert_eq!(image_fields(&report, 0), ("jpeg", 300, 220, 12));
}

#[test]
fn eof_at_mtu_1500() {
    check("eof-mtu1500", "eof", &[Whole("sent/a.png")]);
}

#[test]
fn eof_closed_early() {
    check("eof-early-close", "eof", &[Cut("sent/a.jpg", 9000)]);
}

#[test]
fn eof_with_losses_after_the_capture_point() {
    let report = check("eof-lossy", "eof", &[Whole("sent/a.png")]);
    let image = &list(&report, "images")[0];
    assert!(number(image, "retransmitted_packets") > 0);
    assert!(number(image, "duplicate_bytes") > 0);
    assert_eq!(number(image, "gap_bytes"), 0);
}

#[test]
fn catalog_reset_with_data_unread() {
    check(
        "catalog-one-recv-mtu1500",
        "catalog",
        &[Cut("sent/d/house.png", 78_192)],
    );
}

/// The server's halves are in the files that the workers received; what else was sent is under `sent/`.
const PIPELINE: [Picture; 5] = [
    Whole("sent/upload.jpg"),
    Whole("received/s_image1.jpeg"),
    Whole("sent/edit1.jpg"),
    Whole("received/s_image2.jpeg"),
    Whole("sent/edit2.jpg"),
];

#[test]
fn pipeline() {
    check("pipeline", "marker", &PIPELINE);
}

#[test]
fn pipeline_with_markers_split_over_two_segments() {
    check("marker-split", "marker", &PIPELINE);
}

#[test]
fn pipeline_with_a_worker_that_hangs() {
    let [upload, first_half, first_edit, second_half, _] = PIPELINE;
    // When the server was ended, the worker woke up and sent one chunk more, which was answered by RST.
    let second_edit = Cut("sent/edit2.jpg", 2048);
    check(
        "pipeline-hang",
        "marker",
        &[upload, first_half, first_edit, second_half, second_edit],
    );
}

#[test]
fn marker_in_the_same_send_as_the_last_chunk() {
    check("marker-in-file", "marker", &[Whole("sent/a.jpg")]);
}

#[test]
fn catalog() {
    let report = check(
        "catalog",
        "catalog",
        &[
            Whole("received/1.jpg"),
            Whole("received/2.jpg"),
            Whole("received/3.jpg"),
            Whole("received/9.jpg"),
        ],
    );
    let choices: Vec<&str> = list(&report, "streams")
        .iter()
        .map(|stream| text(stream, "request"))
        .collect();
    assert_eq!(choices, ["1", "2", "3", "9"]);
}

#[test]
fn catalog_with_an_empty_request() {
    check("catalog-empty-request", "catalog", &[]);
}

#[test]
fn length() {
    check(
        "length-u32be",
        "length=u32be",
        &[
            Whole("received/0.bin"),
            Whole("received/1.bin"),
            Whole("received/2.bin"),
        ],
    );
}

#[test]
fn length_in_text_closed_early() {
    let report = check(
        "length-ascii64-early-close",
        "length=ascii64",
        &[Cut("sent/chart.png", 50_000)],
    );
    let image = &list(&report, "images")[0];
    assert_eq!(number(image, "declared_bytes"), 128_732);
}

/// 150 rows of 200 pixels. The picture that was sent is not there as a file of raw pixels: see
/// `raw_pixels_are_those_of_the_picture`.
fn raw_pixels_image(protocol: &str) -> Value {
    let capture = captures_folder().join("raw-pixels.pcap");
    let path = capture.to_str().expect("UTF-8");
    let output = support::imgnet(&["analyze", "--format", "json", "--protocol", protocol, path]);
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let images = list(&report, "images");
    assert_eq!(images.len(), 1);
    images[0].clone()
}

#[test]
fn raw_pixels_with_the_width_told() {
    let image = raw_pixels_image("9909=raw-pixels=200");
    assert_eq!(
        (number(&image, "width"), number(&image, "height")),
        (200, 150)
    );
    assert_eq!(number(&image, "bytes"), 90_000);
    assert_eq!(number(&image, "chunk_size"), 600);
    assert_eq!(image.get("complete"), Some(&Value::Bool(true)));
}

#[test]
fn raw_pixels_are_those_of_the_picture() {
    let sent = captures_folder().join("raw-pixels/sent/a.webp");
    let mut pixels = image::open(sent).expect("a picture").into_rgb8().into_raw();
    for pixel in pixels.chunks_exact_mut(3) {
        pixel.swap(0, 2);
    }
    let image = raw_pixels_image("9909=raw-pixels=200");
    assert_eq!(text(&image, "sha256"), sha256(&pixels));
}

#[test]
fn raw_pixels_without_the_width_are_no_guess() {
    let report = report(&captures_folder().join("raw-pixels.pcap"));
    let images = list(&report, "images");
    assert_eq!(images.len(), 1);
    assert_eq!(text(&images[0], "protocol"), "raw-pixels");
    assert_eq!(number(&images[0], "bytes"), 90_000);
    // Rows of 600 bytes are to be seen, pixels are not: unknown is null.
    assert_eq!(number(&images[0], "chunk_size"), 600);
}

#[test]
fn raw_pixels_reset_by_the_receiver() {
    let report = report(&captures_folder().join("raw-pixels-reset.pcap"));
    let images = list(&report, "images");
    assert_eq!(images.len(), 1);
    assert_eq!(number(&images[0], "bytes"), 69_600);
    assert_eq!(images[0].get("complete"), Some(&Value::Bool(false)));
}

#[test]
fn udp() {
    check("udp", "udp", &[Whole("sent/a.jpg")]);
}

#[test]
fn udp_lost_in_the_receiver_is_whole_on_the_wire() {
    check("udp-receiver-overflow", "udp", &[Whole("sent/a.png")]);
}
