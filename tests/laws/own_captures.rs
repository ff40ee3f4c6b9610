//! What imgnet finds in the captures that `captures/make` took of its own server and client: every report exactly
//! right, also where the network or the capture lost something.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a helper of a test reads files, and may fail as the test may"
)]

use crate::support::{captures_folder, imgnet, list, number, report, sha256, text};
use serde_json::Value;

/// The file that was sent, having made sure that the one received equals it.
fn sent(capture: &str, file: &str) -> Vec<u8> {
    let folder = captures_folder().join(capture);
    let sent = std::fs::read(folder.join("sent").join(file)).expect("the file sent");
    let received = std::fs::read_dir(folder.join("received"))
        .expect("the files received")
        .map(|entry| std::fs::read(entry.expect("an entry").path()).expect("a file received"))
        .any(|received| received == sent);
    assert!(received, "{capture}: {file} was received as it was sent");
    sent
}

fn analyzed(capture: &str) -> Value {
    report(&captures_folder().join(format!("{capture}.pcap")))
}

fn only_image(report: &Value) -> &Value {
    let images = list(report, "images");
    assert_eq!(images.len(), 1);
    &images[0]
}

fn assert_whole(image: &Value, file: &[u8], what: &str) {
    assert_eq!(number(image, "bytes"), file.len() as u64, "{what}");
    assert_eq!(text(image, "sha256"), sha256(file), "{what}");
    assert_eq!(image.get("complete"), Some(&Value::Bool(true)), "{what}");
    assert_eq!(text(image, "verdict"), "unverified", "{what}");
}

fn finding_names(report: &Value) -> Vec<&str> {
    list(report, "findings")
        .iter()
        .map(|finding| text(finding, "name"))
        .collect()
}

#[test]
fn two_pictures_on_one_connection() {
    let report = analyzed("two-pictures");
    assert_eq!(list(&report, "streams").len(), 1);
    let images = list(&report, "images");
    assert_eq!(images.len(), 2);
    let (photo, chart) = (
        sent("two-pictures", "photo.jpg"),
        sent("two-pictures", "chart.png"),
    );
    assert_whole(&images[0], &photo, "photo.jpg");
    assert_whole(&images[1], &chart, "chart.png");
    assert_eq!(
        (text(&images[0], "format"), text(&images[1], "format")),
        ("jpeg", "png")
    );
    for image in images {
        assert_eq!(text(image, "protocol"), "marker");
        assert_eq!(number(image, "stream"), 0);
    }
    // The second begins right after the first and its 17 bytes of marker.
    assert_eq!(number(&images[0], "offset"), 0);
    assert_eq!(number(&images[1], "offset"), photo.len() as u64 + 17);
}

#[test]
fn a_thumbnail_is_no_picture_of_its_own() {
    let report = analyzed("thumbnail");
    let image = only_image(&report);
    assert_whole(image, &sent("thumbnail", "thumbnail.jpg"), "thumbnail.jpg");
    assert_eq!(
        (number(image, "width"), number(image, "height")),
        (240, 180)
    );
}

#[test]
fn a_picture_over_ipv6() {
    let report = analyzed("ipv6");
    let image = only_image(&report);
    assert_whole(image, &sent("ipv6", "photo.jpg"), "photo.jpg");
    assert!(text(image, "from").starts_with("[::1]:"));
    assert_eq!(text(image, "to"), "[::1]:65432");
}

#[test]
fn losses_after_the_capture_are_seen_as_repeats() {
    let report = analyzed("loss-after-capture");
    let image = only_image(&report);
    assert_whole(image, &sent("loss-after-capture", "chart.png"), "chart.png");
    assert!(number(image, "duplicate_bytes") > 0);
    assert!(number(image, "retransmitted_packets") > 0);
    assert_eq!(number(image, "gap_bytes"), 0);
}

#[test]
fn losses_before_the_capture_are_seen_as_disorder() {
    let report = analyzed("loss-before-capture");
    let image = only_image(&report);
    assert_whole(
        image,
        &sent("loss-before-capture", "chart.png"),
        "chart.png",
    );
    assert_eq!(number(image, "gap_bytes"), 0);
    let out_of_order: u64 = list(&list(&report, "streams")[0], "directions")
        .iter()
        .map(|direction| number(direction, "out_of_order_packets"))
        .sum();
    assert!(out_of_order > 0);
}

#[test]
fn a_short_snap_length_leaves_gaps_and_no_verdict() {
    let report = analyzed("snaplen-96");
    let image = only_image(&report);
    let photo = sent("snaplen-96", "photo.jpg");
    assert_eq!(number(image, "bytes"), photo.len() as u64);
    // 96 bytes of frame are 14 + 20 + 32 of headers and 30 of payload.
    assert_eq!(
        number(image, "unique_bytes"),
        30 * number(image, "packets"),
        "each segment is longer than 30 bytes"
    );
    for gap in list(image, "gaps") {
        assert_eq!(text(gap, "cause"), "snap-length");
    }
    assert_eq!(image.get("sha256"), Some(&Value::Null));
    assert_eq!(image.get("complete"), Some(&Value::Bool(false)));
    assert_eq!(text(image, "verdict"), "inconclusive");
    assert_eq!(text(&report, "verdict"), "inconclusive");
    assert!(finding_names(&report).contains(&"snaplen-cut"));
}

#[test]
fn a_file_cut_in_mid_frame_is_used_up_to_there() {
    let path = captures_folder().join("cut-mid-frame.pcap");
    let output = imgnet(&["analyze", "--format", "json", path.to_str().expect("UTF-8")]);
    assert_eq!(output.status.code(), Some(3));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let file = &list(&report, "captures")[0];
    assert_eq!(file.get("truncated"), Some(&Value::Bool(true)));
    assert!(finding_names(&report).contains(&"file-cut-short"));

    let image = only_image(&report);
    let photo =
        std::fs::read(captures_folder().join("cut-mid-frame/sent/photo.jpg")).expect("sent");
    let seen = usize::try_from(number(image, "bytes")).expect("small");
    assert!(seen > 0 && seen < photo.len());
    assert_eq!(text(image, "sha256"), sha256(&photo[..seen]));
    assert_eq!(image.get("complete"), Some(&Value::Bool(false)));
    // The capture lacks the rest: that is no word against the network.
    assert_eq!(text(image, "verdict"), "inconclusive");
}
