//! Files on disk: opening, compression, several as one, and what is no capture.

use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::Build;
use crate::source::bytes::Order;
use crate::source::{Capture, Compression, Error, FileSummary, Reason};

/// Number, time in seconds, interface, data.
type Seen = (u64, Option<i64>, u32, Vec<u8>);

fn capture_of(times: &[u32], data: &[u8]) -> Vec<u8> {
    let mut file = Build::pcap(Order::Little, 0xa1b2_c3d4, 0, 1);
    for time in times {
        file.record(*time, 0, 100, data);
    }
    file.bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn write(directory: &tempfile::TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = directory.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// Makes a file look as if nobody had written to it for an hour, so that it is mapped.
fn settle(path: &Path) {
    let file = std::fs::File::options().write(true).open(path).unwrap();
    let then = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
    file.set_modified(then).unwrap();
}

fn read(capture: &mut Capture) -> (Vec<Seen>, Vec<FileSummary>) {
    let mut seen = Vec::new();
    let each = &mut |frame: &crate::frame::Frame<'_>| {
        seen.push((
            frame.number.0,
            frame.time.map(|time| time.0 / 1_000_000_000),
            frame.interface,
            frame.data.to_vec(),
        ));
        ControlFlow::Continue(())
    };
    capture.for_each_frame(each).unwrap();
    (seen, capture.files().to_vec())
}

fn numbers_and_times(seen: &[Seen]) -> Vec<(u64, i64)> {
    seen.iter()
        .map(|(number, time, ..)| (*number, time.unwrap_or(-1)))
        .collect()
}

#[test]
fn mapped_streamed_gzip_and_zstd_give_the_same() {
    let directory = tempfile::tempdir().unwrap();
    // Far longer than a buffer.
    let times: Vec<_> = (0..3000).collect();
    let plain = capture_of(&times, &[7; 1448]);
    let half = plain.len() / 2;
    let members = [gzip(&plain[..half]), gzip(&plain[half..])].concat();
    let zstd = zstd::encode_all(&*plain, 3).unwrap();
    let plain = write(&directory, "plain.pcap", &plain);
    settle(&plain);

    let mut capture = Capture::open(std::slice::from_ref(&plain)).unwrap();
    let (expected, summaries) = read(&mut capture);
    assert_eq!(expected.len(), 3000);
    assert_eq!(summaries[0].packets, 3000);
    assert_eq!(summaries[0].file_bytes, capture.file_bytes());
    let mut mapped = capture.mapped().expect("a settled plain file is mapped");
    let frames: Vec<_> = mapped.by_ref().collect();
    assert_eq!(mapped.files(), summaries);
    for (frame, (number, _, _, data)) in frames.iter().zip(&expected) {
        assert_eq!((frame.number.0, frame.data), (*number, &**data));
    }
    // A second time from the start.
    assert_eq!(read(&mut capture).0, expected);

    for (name, bytes, compression) in [
        ("two-members.pcap.gz", members, Compression::Gzip),
        ("one.pcap.zst", zstd, Compression::Zstd),
    ] {
        let path = write(&directory, name, &bytes);
        settle(&path);
        let mut capture = Capture::open(&[path]).unwrap();
        assert!(capture.mapped().is_none());
        let (seen, summaries) = read(&mut capture);
        assert!(seen == expected, "{name} differs");
        assert_eq!(summaries[0].compression, Some(compression));
        assert_eq!(summaries[0].truncated, None);
        assert_eq!(read(&mut capture).0.len(), 3000);
    }
    let mut streaming = Capture::open_streaming(&[plain]).unwrap();
    assert!(streaming.mapped().is_none());
    assert!(read(&mut streaming).0 == expected);
}

#[test]
fn a_file_written_to_just_now_is_streamed() {
    let directory = tempfile::tempdir().unwrap();
    let path = write(&directory, "now.pcap", &capture_of(&[1, 2], b"x"));
    let mut capture = Capture::open(&[path]).unwrap();
    assert!(capture.mapped().is_none());
    assert_eq!(read(&mut capture).0.len(), 2);
}

#[test]
fn compressed_data_that_breaks_off_or_is_damaged() {
    let directory = tempfile::tempdir().unwrap();
    let times: Vec<_> = (0..2000).collect();
    // Bytes that do not compress away.
    let noise: Vec<u8> = (0..500_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let plain = capture_of(&times, &noise);
    for (name, packed) in [
        ("cut.gz", gzip(&plain)),
        ("cut.zst", zstd::encode_all(&*plain, 1).unwrap()),
    ] {
        let path = write(&directory, name, &packed[..packed.len() - 20]);
        let (seen, summaries) = read(&mut Capture::open(&[path]).unwrap());
        let damage = summaries[0].truncated.as_ref().expect(name);
        assert!(
            matches!(damage.reason, Reason::Compressed { .. }),
            "{name}: {damage}"
        );
        assert_eq!(
            damage.after_frame.map(|frame| frame.0),
            seen.last().map(|last| last.0)
        );
        assert_eq!(damage.offset, 24 + seen.len() as u64 * 516);
    }
    // A wrong checksum at the very end: all frames are there, and the damage is told.
    let mut packed = gzip(&plain);
    let end = packed.len();
    packed[end - 6] ^= 1;
    let path = write(&directory, "checksum.gz", &packed);
    let (seen, summaries) = read(&mut Capture::open(&[path]).unwrap());
    assert_eq!(seen.len(), 2000);
    assert!(summaries[0].truncated.is_some());
}

#[test]
fn rotated_files_follow_each_other_by_time_and_numbers_go_on() {
    let directory = tempfile::tempdir().unwrap();
    let late = write(&directory, "a-late.pcap", &capture_of(&[30, 31], b"late"));
    let early = write(&directory, "b-early.pcap", &capture_of(&[10, 11], b"early"));
    let middle = write(
        &directory,
        "c.pcap.gz",
        &gzip(&capture_of(&[20], b"middle")),
    );
    settle(&late);
    let mut capture = Capture::open(&[late, early, middle]).unwrap();
    let (seen, summaries) = read(&mut capture);
    assert_eq!(
        numbers_and_times(&seen),
        [(1, 10), (2, 11), (3, 20), (4, 30), (5, 31)]
    );
    // Summaries stay in the order given; interfaces are numbered in the order read.
    let interfaces: Vec<_> = summaries
        .iter()
        .map(|file| file.interfaces[0].index)
        .collect();
    assert_eq!(interfaces, [2, 0, 1]);
    assert_eq!(seen[4].2, 2);
    let packets: Vec<_> = summaries.iter().map(|file| file.packets).collect();
    assert_eq!(packets, [2, 2, 1]);
    assert_eq!(read(&mut capture).0, seen);
}

#[test]
fn files_of_the_same_time_interleave_and_each_keeps_its_own_order() {
    let directory = tempfile::tempdir().unwrap();
    // A clock that stepped back is no reason to turn a file's own order round.
    let stepped = write(&directory, "a", &capture_of(&[10, 40, 20, 50], b"a"));
    let steady = write(&directory, "b", &capture_of(&[10, 30, 45], b"b"));
    for path in [&stepped, &steady] {
        settle(path);
    }
    let capture = Capture::open(&[stepped, steady]).unwrap();
    let seen: Vec<_> = capture
        .mapped()
        .unwrap()
        .map(|frame| (frame.time.unwrap().0 / 1_000_000_000, frame.data[0]))
        .collect();
    assert_eq!(
        seen,
        [
            (10, b'a'),
            (10, b'b'),
            (30, b'b'),
            (40, b'a'),
            (20, b'a'),
            (45, b'b'),
            (50, b'a')
        ]
    );
}

#[test]
fn frames_without_time_stay_behind_their_predecessors() {
    let directory = tempfile::tempdir().unwrap();
    let mut simple = Build::pcapng(Order::Little);
    simple.interface(1, 0, &[(9, &[0])]);
    simple
        .simple(1, b"s")
        .enhanced(0, 20, 1, b"e")
        .simple(1, b"t")
        .enhanced(0, 40, 1, b"f");
    let simple = write(&directory, "simple.pcapng", &simple.bytes);
    let other = write(&directory, "other.pcap", &capture_of(&[10, 30], b"o"));
    let (seen, _) = read(&mut Capture::open(&[other, simple]).unwrap());
    let order: Vec<_> = seen.iter().map(|(.., data)| data[0]).collect();
    assert_eq!(order, *b"soetof");
}

#[test]
fn breaking_off_stops_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = write(&directory, "a", &capture_of(&[1, 2, 3], b"a"));
    let mut capture = Capture::open(&[path]).unwrap();
    let mut calls = 0;
    let each = &mut |_: &crate::frame::Frame<'_>| {
        calls += 1;
        ControlFlow::Break(())
    };
    capture.for_each_frame(each).unwrap();
    assert_eq!(calls, 1);
    assert_eq!(capture.files()[0].packets, 1);
}

#[test]
fn damage_names_the_last_frame_by_its_number_in_the_whole_capture() {
    let directory = tempfile::tempdir().unwrap();
    let whole = write(&directory, "whole", &capture_of(&[1, 3, 5], b"w"));
    let mut cut = capture_of(&[2, 4, 6], b"c");
    cut.truncate(cut.len() - 1);
    let cut = write(&directory, "cut", &cut);
    let (seen, summaries) = read(&mut Capture::open(&[whole, cut]).unwrap());
    assert_eq!(seen.len(), 5);
    assert_eq!(summaries[0].truncated, None);
    let damage = summaries[1].truncated.as_ref().unwrap();
    assert_eq!(damage.after_frame.unwrap().0, 4);
    assert_eq!(
        damage.to_string(),
        "at byte 58, after frame 4: the file is cut short: 17 bytes belong here, 16 are left"
    );
}

#[test]
fn a_named_pipe_is_read_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pipe");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &path,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RWXU,
        0,
    )
    .unwrap();
    let other = write(&directory, "other", &capture_of(&[2], b"o"));
    let writer = std::thread::spawn({
        let path = path.clone();
        move || std::fs::write(path, gzip(&capture_of(&[1, 3], b"p"))).unwrap()
    });
    let mut capture = Capture::open(&[other, path]).unwrap();
    writer.join().unwrap();
    assert_eq!(capture.file_bytes(), None);
    let (seen, _) = read(&mut capture);
    assert_eq!(numbers_and_times(&seen), [(1, 1), (2, 2), (3, 3)]);
    let again = capture.for_each_frame(&mut |_| ControlFlow::Continue(()));
    assert!(matches!(again, Err(Error::AlreadyRead { .. })));
}

fn error(paths: &[PathBuf]) -> Error {
    match Capture::open(paths) {
        Ok(_) => panic!("opened"),
        Err(error) => error,
    }
}

#[test]
fn what_cannot_be_read_at_all_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing");
    assert!(matches!(error(&[missing]), Error::NotFound { .. }));
    let folder = directory.path().to_owned();
    assert!(matches!(error(&[folder]), Error::Directory { .. }));
    let empty = write(&directory, "empty", b"");
    assert!(matches!(error(&[empty]), Error::Empty { .. }));
    assert!(matches!(error(&[]), Error::NoFiles));
    let twice = ["-".into(), "-".into()];
    assert!(matches!(
        error(&twice),
        Error::StandardInputTwice { times: 2 }
    ));
}

#[test]
fn what_is_no_capture_is_told_by_its_first_bytes() {
    let directory = tempfile::tempdir().unwrap();
    for (bytes, words) in [
        (
            &b"\xff\xd8\xff\xe0\0\x10JFIF"[..],
            "first bytes ff d8 ff e0 00 10 4a 46: it looks like a JPEG",
        ),
        (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
        (b"No.,Time,Source,Destination\n", "it looks like text"),
        (
            b"\n\r\r\n and then a letter to nobody",
            "it looks like text",
        ),
        (b"\xfd7zXZ\0\0\x04", "unxz"),
        (b"\x01\x02\x03", "first bytes 01 02 03"),
        (&[0; 100], "nothing but zero bytes"),
        (
            &gzip(b"hello, this is text"),
            "within gzip: it looks like text",
        ),
        (&gzip(b""), "nothing within gzip"),
        (&gzip(&gzip(&capture_of(&[1], b"x"))), "gzip within gzip"),
        (b"\x1f\x8b\x08", "0 bytes within gzip, then"),
        (b"\x28\xb5\x2f\xfdgarbage", "0 bytes within zstd, then"),
    ] {
        let path = write(&directory, "file", bytes);
        let error = error(&[path]);
        assert!(matches!(error, Error::NotACapture { .. }));
        let text = error.to_string();
        assert!(text.contains(words), "{text}");
        assert!(text.contains("expected pcap or pcapng"), "{text}");
    }
}
