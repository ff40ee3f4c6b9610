//! A picture is found whatever it was wrapped in: tunnels, tags, link types, capture file formats. And two tenants of the
//! same addresses are two.

#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a helper of a test reads files, and may fail as the test may"
)]

use crate::support;

use std::path::{Path, PathBuf};

use crate::support::{captures_folder, imgnet, list, number, report, sha256, text};
use serde_json::Value;

fn folder() -> PathBuf {
    captures_folder().join("cases/capture")
}

/// Every file of the folder: each holds the same picture, and the connection that carried it.
fn wrapped() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder())
        .expect("the folder can be listed")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| {
            let name = support::name(path);
            let number: Option<u32> = name.get(..2).and_then(|digits| digits.parse().ok());
            path.is_file() && matches!(number, Some(0 | 20..=49))
        })
        .collect();
    files.sort();
    assert!(files.len() >= 19, "only {}", files.len());
    files
}

#[test]
fn the_picture_is_found_in_whatever_it_is_wrapped() {
    let picture = std::fs::read(folder().join("sent/a.png")).expect("the picture");
    for file in wrapped() {
        let what = support::name(&file);
        let report = report(&file);
        let images = list(&report, "images");
        assert_eq!(images.len(), 1, "{what}: {report}");
        assert_eq!(number(&images[0], "bytes"), 4908, "{what}");
        assert_eq!(text(&images[0], "sha256"), sha256(&picture), "{what}");
        assert_eq!(list(&report, "streams").len(), 1, "{what}");
        let packets = &report["packets"];
        assert_eq!(packets["read"], packets["decoded"], "{what}");
        assert_eq!(packets["read"], 16, "{what}");
    }
}

#[test]
fn verify_matches_in_whatever_it_is_wrapped() {
    let [sent, received] = ["sent/a.png", "received/a.png"].map(|path| folder().join(path));
    for file in wrapped() {
        let output = imgnet(&[
            "verify".as_ref(),
            file.as_os_str(),
            "--sent".as_ref(),
            sent.as_os_str(),
            "--received".as_ref(),
            received.as_os_str(),
        ]);
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{}: {said}", file.display());
    }
}

/// The Ethernet frames of the plain capture, and whether the client sent them.
fn frames() -> Vec<(Vec<u8>, bool)> {
    let file = std::fs::read(folder().join("00-control-plain.pcap")).expect("the capture");
    let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().expect("4 bytes"));
    let (mut at, mut frames) = (24, Vec::new());
    while at < file.len() {
        let length = word(at + 8) as usize;
        let frame = file[at + 16..at + 16 + length].to_vec();
        let is_client = frame[29] == 1;
        frames.push((frame, is_client));
        at += 16 + length;
    }
    assert_eq!(frames.len(), 16);
    frames
}

/// A capture of Ethernet frames, a millisecond apart.
fn capture(path: &Path, frames: &[Vec<u8>]) {
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 262_144, 1] {
        file.extend(word.to_le_bytes());
    }
    for (index, frame) in (0_u32..).zip(frames) {
        let length = u32::try_from(frame.len()).expect("short");
        for word in [1_700_000_000, index * 1000, length, length] {
            file.extend(word.to_le_bytes());
        }
        file.extend(frame);
    }
    std::fs::write(path, file).expect("written");
}

/// An outer Ethernet, IPv4 and UDP header before `payload`.
fn over_udp(port: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    etherparse::PacketBuilder::ethernet2([2; 6], [4; 6])
        .ipv4([192, 0, 2, 1], [192, 0, 2, 2], 64)
        .udp(5000, port)
        .write(&mut bytes, payload)
        .expect("it fits");
    bytes
}

/// How a frame of tenant 0 or 1 travels, from the client or to it.
type Wrap = fn(frame: &[u8], tenant: u8, is_client: bool) -> Vec<u8>;

fn vlan(frame: &[u8], tenant: u8, _: bool) -> Vec<u8> {
    [&frame[..12], &[0x81, 0, 0, 10 + tenant], &frame[12..]].concat()
}

fn vxlan(frame: &[u8], tenant: u8, _: bool) -> Vec<u8> {
    over_udp(4789, &[&[8, 0, 0, 0, 0, 0, 1 + tenant, 0], frame].concat())
}

/// A label each way, as MPLS has it.
fn mpls(frame: &[u8], tenant: u8, is_client: bool) -> Vec<u8> {
    let label = 100 + u32::from(tenant) * 2 + u32::from(is_client);
    let entry = (label << 12 | 0x140).to_be_bytes();
    [&frame[..12], &[0x88, 0x47], &entry, &frame[14..]].concat()
}

fn gtp_u(frame: &[u8], tenant: u8, is_client: bool) -> Vec<u8> {
    let packet = &frame[14..];
    let length = u16::try_from(packet.len()).expect("short").to_be_bytes();
    let teid = [0, 0, 7 + tenant, u8::from(is_client)];
    over_udp(2152, &[&[0x30, 0xff], &length[..], &teid, packet].concat())
}

fn analysed(frames: &[Vec<u8>]) -> Value {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tenants.pcap");
    capture(&path, frames);
    report(&path)
}

/// Bytes of pictures, and streams.
fn summary(report: &Value) -> (Vec<u64>, usize) {
    let bytes = list(report, "images")
        .iter()
        .map(|image| number(image, "bytes"));
    (bytes.collect(), list(report, "streams").len())
}

#[test]
fn two_tenants_of_the_same_addresses_are_two_streams() {
    let frames = frames();
    for (name, wrap) in [
        ("vlan", vlan as Wrap),
        ("vxlan", vxlan),
        ("mpls", mpls),
        ("gtp-u", gtp_u),
    ] {
        // One tenant alone is one stream, whatever differs each way.
        let alone: Vec<Vec<u8>> = frames
            .iter()
            .map(|(frame, is_client)| wrap(frame, 0, *is_client))
            .collect();
        assert_eq!(summary(&analysed(&alone)), (vec![4908], 1), "{name}");
        // Both at once, frame by frame, with the very same sequence numbers.
        let both: Vec<Vec<u8>> = frames
            .iter()
            .flat_map(|(frame, is_client)| [wrap(frame, 0, *is_client), wrap(frame, 1, *is_client)])
            .collect();
        assert_eq!(summary(&analysed(&both)), (vec![4908, 4908], 2), "{name}");
    }
}

#[test]
fn the_same_connection_inside_and_outside_of_a_tunnel_is_one_stream() {
    let frames: Vec<Vec<u8>> = frames()
        .iter()
        .flat_map(|(frame, _)| [frame.clone(), vlan(frame, 0, true)])
        .collect();
    assert_eq!(summary(&analysed(&frames)), (vec![4908], 1));
}
