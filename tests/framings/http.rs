//! Ranges, chunked bodies and pictures of kinds that are not walked, as Python's `http.server` sends them to curl: the capture was
//! taken of `captures/protocols/http-ranges.py` and the files under `captures/formats/sent`.
#![expect(clippy::disallowed_methods, reason = "a test reads files")]

use crate::support::{captures_folder, list, number, report, sha256, text};
use serde_json::Value;

#[test]
fn ranges_are_joined_or_said_to_be_ranges_and_other_kinds_are_listed() {
    let report = report(&captures_folder().join("protocols/http-ranges.pcapng"));
    let sent = |name: &str| {
        let path = captures_folder().join("formats/sent").join(name);
        std::fs::read(path).expect("a file that was sent")
    };
    let images = list(&report, "images");
    let kinds: Vec<(&str, u64)> = images
        .iter()
        .map(|image| {
            let of = |name: &str| image.get(name).and_then(Value::as_str);
            (
                of("format").or(of("media_type")).unwrap_or("none"),
                number(image, "bytes"),
            )
        })
        .collect();
    let (photo, chart) = (sent("photo.jpg"), sent("chart.png"));
    assert_eq!(
        kinds,
        [
            ("image/svg+xml", 101),
            // Three ranges on one connection.
            ("jpeg", photo.len() as u64),
            // The first of several, and the rest was not asked for.
            ("png", 3000),
            // Chunked.
            ("png", chart.len() as u64),
            ("image/vnd.microsoft.icon", 12_901),
            ("image/tiff", 314),
            ("image/avif", 796),
        ]
    );
    assert_eq!(
        images.get(1).map(|image| text(image, "sha256")),
        Some(&*sha256(&photo))
    );
    assert_eq!(
        images.get(3).map(|image| text(image, "sha256")),
        Some(&*sha256(&chart))
    );
    // A range that continues nothing is no picture, and nobody's fault.
    let ranges: u64 = list(&report, "streams")
        .iter()
        .flat_map(|stream| list(stream, "directions"))
        .flat_map(|direction| list(direction, "map"))
        .filter(|region| region.get("what").and_then(Value::as_str) == Some("range"))
        .map(|region| number(region, "length"))
        .sum();
    assert_eq!(ranges, 4000);
    let errors = list(&report, "findings")
        .iter()
        .filter(|finding| text(finding, "severity") == "error")
        .count();
    assert_eq!(errors, 0);
}
