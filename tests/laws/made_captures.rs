//! Small ones of the big captures that `bench/` measures with: every picture that was put in is found, with its
//! digest, on its connection, and no other.

#![expect(
    clippy::unwrap_used,
    reason = "a helper of a test may fail as the test may"
)]

use crate::make_capture;

use std::io::BufWriter;

use crate::make_capture::Kind;
use crate::support::{list, number, report, text};

/// SHA-256, length, client port.
type Row = (String, u64, u16);

fn made_and_found(kind: Kind, size: f64) -> (Vec<Row>, Vec<Row>) {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut made: Vec<Row> = Vec::new();
    make_capture::write(kind, size, BufWriter::new(file.as_file()), |picture| {
        made.push((picture.sha256.clone(), picture.bytes as u64, picture.port));
        Ok(())
    })
    .unwrap();
    let report = report(file.path());
    let mut found: Vec<Row> = list(&report, "images")
        .iter()
        .map(|image| {
            let (_, port) = text(image, "from").rsplit_once(':').unwrap();
            (
                text(image, "sha256").to_owned(),
                number(image, "bytes"),
                port.parse().unwrap(),
            )
        })
        .collect();
    made.sort();
    found.sort();
    (made, found)
}

#[test]
fn loopback_with_segments_of_64_kib() {
    let (made, found) = made_and_found(Kind::Loopback, 0.02);
    assert_eq!(found, made);
}

#[test]
fn segments_of_1448_bytes() {
    let (made, found) = made_and_found(Kind::Mtu1500, 0.01);
    assert_eq!(found, made);
}

#[test]
fn many_connections() {
    let (made, found) = made_and_found(Kind::Connections, 0.02);
    assert_eq!(made.len(), 400);
    assert_eq!(found, made);
}
