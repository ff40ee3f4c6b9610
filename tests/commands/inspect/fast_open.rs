//! TCP Fast Open (RFC 7413) beside tshark: who asks for a cookie, who sends bytes with the SYN, and who takes them.

use std::io::Write as _;
use std::path::Path;

use etherparse::PacketBuilder;

use super::tshark::csv;
use crate::support::{tshark, tshark_is_there};

/// A SYN or a SYN-ACK: who sends it, its numbers, its options, its payload.
type Segment<'s> = (bool, u32, Option<u32>, &'s [u8], &'s [u8]);

/// Bytes of a frame with this segment, from one port of the client.
fn frame(port: u16, (answer, seq, ack, options, payload): Segment<'_>) -> Vec<u8> {
    let ((from, to), (source, destination)) = if answer {
        ((2, 1), (80, port))
    } else {
        ((1, 2), (port, 80))
    };
    let mut builder = PacketBuilder::ethernet2([2, 0, 0, 0, 0, from], [2, 0, 0, 0, 0, to])
        .ipv4([10, 0, 0, from], [10, 0, 0, to], 64)
        .tcp(source, destination, seq, 64_240)
        .syn();
    if let Some(ack) = ack {
        builder = builder.ack(ack);
    }
    let builder = builder
        .options_raw(options)
        .expect("options of whole words");
    let mut bytes = Vec::new();
    builder.write(&mut bytes, payload).expect("into memory");
    bytes
}

fn capture(path: &Path, frames: &[Vec<u8>]) {
    let mut file = std::fs::File::create(path).expect("a file");
    let mut put = |bytes: &[u8]| file.write_all(bytes).expect("it is written");
    put(b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\x01\0\0\0");
    for (at, frame) in (1_u32..).zip(frames) {
        let length = u32::try_from(frame.len())
            .expect("a short frame")
            .to_le_bytes();
        put(&1_700_000_000_u32.to_le_bytes());
        put(&(at * 1_000).to_le_bytes());
        put(&length);
        put(&length);
        put(frame);
    }
}

#[test]
fn fast_open_is_told_as_tshark_tells_it() {
    let cookie = b"\x22\x0a\x01\x02\x03\x04\x05\x06\x07\x08\x01\x01";
    let experimental = b"\xfe\x0c\xf9\x89\x01\x02\x03\x04\x05\x06\x07\x08";
    let frames = [
        // It asks for a cookie, and gets one.
        frame(40_000, (false, 100, None, b"\x22\x02\x01\x01", b"")),
        frame(40_000, (true, 900, Some(101), cookie, b"")),
        // Bytes with the SYN: taken, and ignored.
        frame(40_001, (false, 100, None, cookie, b"picture")),
        frame(40_001, (true, 900, Some(108), b"", b"")),
        frame(40_002, (false, 100, None, cookie, b"picture")),
        frame(40_002, (true, 900, Some(101), b"", b"")),
        // The same with the option of the experiment.
        frame(40_003, (false, 100, None, experimental, b"picture")),
        frame(40_003, (true, 900, Some(101), b"", b"")),
        // A cookie without bytes: there is nothing to be ignored. And bytes without a cookie.
        frame(40_004, (false, 100, None, cookie, b"")),
        frame(40_004, (true, 900, Some(101), b"", b"")),
        frame(40_005, (false, 100, None, b"", b"picture")),
        frame(40_005, (true, 900, Some(101), b"", b"")),
    ];
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("fast-open.pcap");
    capture(&path, &frames);
    let fields = [
        "tcp.analysis.tfo_syn",
        "tcp.analysis.tfo_ack",
        "tcp.analysis.tfo_ignored",
        "tcp.options.tfo.request",
        "tcp.options.tfo.cookie",
        "tcp.completeness",
    ];
    let ours: Vec<[bool; 3]> = csv(&path, &fields)
        .iter()
        .map(|row| [0, 1, 2].map(|at| !row[at].is_empty()))
        .collect();
    let (syn, taken, ignored, none) = (
        [true, false, false],
        [false, true, false],
        [false, false, true],
        [false; 3],
    );
    let expected = [
        none, none, syn, taken, syn, ignored, syn, ignored, syn, none, none, none,
    ];
    assert_eq!(ours, expected);
    if !tshark_is_there() {
        return;
    }
    let mut arguments = vec!["-n", "-T", "fields", "-E", "separator=;"];
    for field in &fields {
        arguments.extend(["-e", field]);
    }
    let theirs = tshark(&path, &arguments);
    for ((at, theirs), ours) in (1..).zip(theirs.lines()).zip(csv(&path, &fields)) {
        let theirs: Vec<&str> = theirs.split(';').collect();
        // tshark writes the cookie with its bytes apart, and of a label its own bytes.
        for (field, theirs, ours) in [
            (0, theirs[0], &ours[0]),
            (1, theirs[1], &ours[1]),
            (2, theirs[2], &ours[2]),
            (4, theirs[4], &ours[4]),
            (5, theirs[5], &ours[5]),
        ] {
            let name = fields[field];
            assert_eq!(theirs.replace(':', ""), *ours, "frame {at}: {name}");
        }
        assert_eq!(theirs[3].is_empty(), ours[3].is_empty(), "frame {at}");
    }
}
