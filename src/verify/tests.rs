//! Pairing, comparing and judging without any capture: accounts made by hand.

use std::net::SocketAddr;

use super::*;
use crate::findings::Name;
use crate::ledger::comparison::*;
use crate::ledger::{
    Chunks, Closed, Direction, Gap, GapCause, Image, Stream, TransportKind, Verdict,
};
use crate::picture::{Format, fixtures};
use crate::reassembly::{Extent, Log};
use crate::units::{FrameNumber, PictureId, StreamId};

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// A picture that was carried in frames from 10 on, `piece` bytes each.
fn image(bytes: u64, piece: u64) -> Image {
    let log: Log = (0..bytes.div_ceil(piece))
        .map(|index| Extent {
            offset: index * piece,
            bytes: u32::try_from(piece.min(bytes - index * piece)).unwrap(),
            frame: FrameNumber(10 + index),
            time: None,
            wire_len: 100,
            repeat: false,
        })
        .collect();
    Image {
        id: PictureId(0),
        stream: StreamId(0),
        from: address("192.0.2.1:1000"),
        to: address("192.0.2.2:5050"),
        protocol: "marker=<END>".parse().unwrap(),
        format: None,
        media_type: None,
        width: None,
        height: None,
        pixels: None,
        bytes,
        declared_bytes: None,
        encoded_bytes: None,
        complete: true,
        problem: None,
        sha256: None,
        digest: None,
        offset: 0,
        packets: 0,
        wire_bytes: 0,
        payload_bytes: bytes,
        unique_bytes: bytes,
        duplicate_bytes: 0,
        retransmitted_packets: 0,
        datagrams: None,
        gap_bytes: 0,
        gaps: Vec::new(),
        first_packet: None,
        last_packet: None,
        started: None,
        ended: None,
        chunk_size: Some(piece),
        chunk_size_source: None,
        shared_packets: 0,
        chunks: Some(Chunks::counted(log, 0..bytes, Vec::new(), piece)),
        verdict: Verdict::Unverified,
        compared: None,
    }
}

fn stream(transport: TransportKind, closed: [Option<Closed>; 2]) -> Stream {
    let ends = [address("192.0.2.1:1000"), address("192.0.2.2:5050")];
    let direction = |from: SocketAddr, to: SocketAddr, closed| Direction {
        closed,
        ..Direction::new(from, to)
    };
    Stream {
        id: StreamId(0),
        transport,
        transport_stream: 0,
        protocol: None,
        confidence: None,
        initiator: Some(0),
        first_packet: FrameNumber(1),
        last_packet: FrameNumber(99),
        started: None,
        ended: None,
        request: None,
        evidence: Vec::new(),
        directions: vec![
            direction(ends[0], ends[1], closed[0]),
            direction(ends[1], ends[0], closed[1]),
        ],
    }
}

fn digest(bytes: &[u8]) -> String {
    let mut hasher = crate::digest::Hasher::new(crate::digest::DigestKind::Sha256);
    hasher.update(bytes);
    hasher.finish().unwrap()
}

fn facts(bytes: &[u8]) -> FileFacts {
    FileFacts {
        path: Some("a.jpg".to_owned()),
        bytes: bytes.len() as u64,
        sha256: digest(bytes),
    }
}

/// Judges a picture by files of both sides.
fn judged(
    image: &Image,
    stream: &Stream,
    wire: &Wire,
    sent: Option<&[u8]>,
    received: Option<&[u8]>,
) -> Outcome {
    let (sent_facts, received_facts) = (sent.map(facts), received.map(facts));
    let subject = |facts: &'static FileFacts, bytes: &'static [u8]| Subject {
        facts,
        pairing: PairedBy::Closest,
        bytes: Some(bytes),
    };
    // Leaked: a test may.
    let leak = |facts: Option<FileFacts>, bytes: Option<&[u8]>| {
        let facts: &'static FileFacts = Box::leak(Box::new(facts?));
        let bytes: &'static [u8] = Box::leak(bytes?.to_vec().into_boxed_slice());
        Some(subject(facts, bytes))
    };
    let sha256 = wire.whole().map(digest);
    picture(&Work {
        knowledge: &Knowledge::default(),
        evidence: None,
        image,
        stream: Some(stream),
        sha256: sha256.as_deref(),
        wire: Some(wire),
        sent: leak(sent_facts, sent),
        received: leak(received_facts, received),
        asked: Asked {
            sent: sent.is_some(),
            received: received.is_some(),
        },
        level: Level::Bytes,
        thresholds: Thresholds::default(),
    })
}

fn noise(length: usize) -> Vec<u8> {
    let mut state = 7_u32;
    (0..length)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect()
}

fn fin() -> Stream {
    stream(TransportKind::Tcp, [Some(Closed::Fin), Some(Closed::Fin)])
}

#[test]
fn equal_on_all_three_matches_and_blames_nobody() {
    let bytes = noise(5000);
    let wire = Wire::of(bytes.clone());
    let outcome = judged(
        &image(5000, 1000),
        &fin(),
        &wire,
        Some(&bytes),
        Some(&bytes),
    );
    assert_eq!(outcome.verdict, Verdict::Match);
    let compared = outcome.comparison.unwrap();
    assert_eq!(compared.sent_equals_received, Some(true));
    assert_eq!((compared.mismatch, compared.blame), (None, None));
}

#[test]
fn the_marker_of_the_format_behind_the_picture_is_the_receivers() {
    let bytes = noise(5000);
    let mut received = bytes.clone();
    received.extend_from_slice(b"<END>");
    let wire = Wire::of(bytes.clone());
    let outcome = judged(
        &image(5000, 1000),
        &fin(),
        &wire,
        Some(&bytes),
        Some(&received),
    );
    assert_eq!(outcome.verdict, Verdict::Mismatch);
    assert_eq!(outcome.findings[0].name, Name::MarkerInFile);
    let compared = outcome.comparison.unwrap();
    let mismatch = compared.mismatch.unwrap();
    assert_eq!(mismatch.first_difference, Some(5000));
    assert_eq!(mismatch.packets, [FrameNumber(14)]);
    assert_eq!(compared.blame.unwrap().who, Blamed::Receiver);
    // Other bytes behind it are no marker.
    received.pop();
    let outcome = judged(&image(5000, 1000), &fin(), &wire, None, Some(&received));
    assert_eq!(outcome.verdict, Verdict::Mismatch);
    assert!(outcome.findings.is_empty());
}

#[test]
fn bytes_wrong_on_the_wire_are_the_senders_also_where_the_receiver_saved_them() {
    let sent = noise(5000);
    let mut other = sent.clone();
    other[1500] ^= 1;
    other[3999] ^= 1;
    let wire = Wire::of(other.clone());
    let outcome = judged(&image(5000, 1000), &fin(), &wire, Some(&sent), Some(&other));
    assert_eq!(outcome.verdict, Verdict::Mismatch);
    let compared = outcome.comparison.unwrap();
    let mismatch = compared.mismatch.unwrap();
    assert_eq!(mismatch.side, SideOfMismatch::SenderToWire);
    assert_eq!(mismatch.differing_bytes, Some(2));
    // The frame between them carried nothing that differs.
    assert_eq!(mismatch.chunks, [1, 3]);
    assert_eq!(mismatch.packets, [FrameNumber(11), FrameNumber(13)]);
    assert_eq!(compared.blame.unwrap().who, Blamed::Sender);
}

#[test]
fn datagrams_left_out_anywhere_are_counted() {
    let bytes = noise(9500);
    let mut received = bytes[..2000].to_vec();
    received.extend_from_slice(&bytes[3000..7000]);
    received.extend_from_slice(&bytes[9000..]);
    let wire = Wire::of(bytes.clone());
    let udp = stream(TransportKind::Udp, [None, None]);
    let mut on_loopback = image(9500, 1000);
    on_loopback.from = address("127.0.0.1:1000");
    on_loopback.to = address("127.0.0.1:5050");
    let outcome = judged(&on_loopback, &udp, &wire, None, Some(&received));
    let mismatch = outcome.comparison.unwrap().mismatch.unwrap();
    assert_eq!(
        mismatch.damage,
        "3 of 10 datagrams missing: datagrams 2, 7–8, counted from 0"
    );
    assert_eq!(
        mismatch.packets,
        [FrameNumber(12), FrameNumber(17), FrameNumber(18)]
    );
    assert_eq!(outcome.findings[0].name, Name::ReceiverOverflow);
    assert_eq!(
        outcome.findings[0].certainty,
        crate::findings::Certainty::Proven
    );
    // Between two machines the wire proves less, and over TCP there are no datagrams.
    let outcome = judged(&image(9500, 1000), &udp, &wire, None, Some(&received));
    assert_eq!(
        outcome.findings[0].certainty,
        crate::findings::Certainty::Likely
    );
    let blame = outcome.comparison.unwrap().blame.unwrap();
    assert_eq!(blame.who, Blamed::Unknown);
    assert!(blame.why.contains("would tell"), "{}", blame.why);
    let outcome = judged(&image(9500, 1000), &fin(), &wire, None, Some(&received));
    assert!(outcome.findings.is_empty());
    // Half a datagram missing is no overflow.
    let outcome = judged(&image(9500, 1000), &udp, &wire, None, Some(&bytes[..1500]));
    assert_eq!(outcome.findings[0].name, Name::ReceiverStopped);
}

/// 5000 bytes of which 2000 to 2999 are missing.
fn gapped(bytes: &[u8], cause: GapCause, verdict: Verdict) -> (Image, Wire) {
    let mut image = image(5000, 1000);
    image.gaps = vec![Gap {
        offset: 2000,
        length: 1000,
        cause,
    }];
    image.gap_bytes = 1000;
    image.unique_bytes = 4000;
    image.complete = false;
    image.verdict = verdict;
    let wire = Wire {
        length: 5000,
        runs: vec![
            Run {
                offset: 0,
                bytes: bytes[..2000].to_vec(),
            },
            Run {
                offset: 3000,
                bytes: bytes[3000..].to_vec(),
            },
        ],
    };
    (image, wire)
}

#[test]
fn a_gap_is_never_a_mismatch() {
    let bytes = noise(5000);
    let (image, wire) = gapped(&bytes, GapCause::NotCaptured, Verdict::Inconclusive);
    for (sent, received) in [
        (Some(&bytes[..]), Some(&bytes[..])),
        (Some(&bytes[..]), None),
        (None, Some(&bytes[..])),
    ] {
        let outcome = judged(&image, &fin(), &wire, sent, received);
        assert_eq!(outcome.verdict, Verdict::Inconclusive);
        let compared = outcome.comparison.unwrap();
        assert_eq!(compared.mismatch, None);
        assert_eq!(compared.blame.unwrap().who, Blamed::Capture);
    }
    // A file that goes on where the picture ends: with bytes missing its end is not proven.
    let longer = [&bytes[..], b"more"].concat();
    let outcome = judged(&image, &fin(), &wire, Some(&longer), None);
    assert_eq!(outcome.verdict, Verdict::Inconclusive);
    // One that lacks bytes which were captured differs.
    let outcome = judged(&image, &fin(), &wire, None, Some(&bytes[..4000]));
    assert_eq!(outcome.verdict, Verdict::Mismatch);
    let mismatch = outcome.comparison.unwrap().mismatch.unwrap();
    assert_eq!(mismatch.first_difference, Some(4000));
    assert_eq!(mismatch.chunks, [4]);
}

#[test]
fn bytes_that_nobody_acknowledged_are_the_networks() {
    let bytes = noise(5000);
    let (image, wire) = gapped(&bytes, GapCause::NeverAcknowledged, Verdict::Incomplete);
    let outcome = judged(&image, &fin(), &wire, Some(&bytes), None);
    assert_eq!(outcome.verdict, Verdict::Incomplete);
    let blame = outcome.comparison.unwrap().blame.unwrap();
    assert_eq!(blame.who, Blamed::Network);
}

#[test]
fn a_capture_that_ends_too_early_judges_nothing_it_did_not_see() {
    let bytes = noise(5000);
    let mut cut = image(3000, 1000);
    cut.complete = false;
    cut.verdict = Verdict::Inconclusive;
    let wire = Wire::of(bytes[..3000].to_vec());
    let open = stream(TransportKind::Tcp, [None, None]);
    let outcome = judged(&cut, &open, &wire, Some(&bytes), Some(&bytes));
    assert_eq!(outcome.verdict, Verdict::Inconclusive);
    // Not even where a file ends just where the capture does.
    let outcome = judged(&cut, &open, &wire, Some(&bytes[..3000]), None);
    assert_eq!(outcome.verdict, Verdict::Inconclusive);
    let mut wrong = bytes.clone();
    wrong[2999] ^= 1;
    let outcome = judged(&cut, &open, &wire, Some(&wrong), None);
    assert_eq!(outcome.verdict, Verdict::Mismatch);
}

#[test]
fn who_ended_a_picture_too_early_is_to_blame() {
    let bytes = noise(5000);
    let mut cut = image(3000, 1000);
    cut.complete = false;
    cut.verdict = Verdict::Incomplete;
    let wire = Wire::of(bytes[..3000].to_vec());
    for (closed, who) in [
        ([Some(Closed::Fin), None], Blamed::Sender),
        ([Some(Closed::Reset), None], Blamed::Sender),
        ([None, Some(Closed::Reset)], Blamed::Receiver),
        ([Some(Closed::Fin), Some(Closed::Reset)], Blamed::Receiver),
        ([None, None], Blamed::Unknown),
    ] {
        let stream = stream(TransportKind::Tcp, closed);
        for sent in [None, Some(&bytes[..])] {
            let outcome = judged(&cut, &stream, &wire, sent, Some(&bytes[..3000]));
            let expected = match sent {
                Some(_) => Verdict::Mismatch,
                None => Verdict::Incomplete,
            };
            assert_eq!(outcome.verdict, expected, "{closed:?}");
            let blame = outcome.comparison.unwrap().blame.unwrap();
            assert_eq!(blame.who, who, "{closed:?}");
        }
    }
    // A file that is itself cut short, and was sent and carried as it is.
    let outcome = judged(&cut, &fin(), &wire, Some(&bytes[..3000]), None);
    assert_eq!(outcome.verdict, Verdict::Match);
}

#[test]
fn a_digest_alone_tells_that_but_not_where() {
    let (wire, other) = (noise(5000), facts(b"other"));
    let sha256 = digest(&wire);
    let image = image(5000, 1000);
    let outcome = picture(&Work {
        knowledge: &Knowledge::default(),
        evidence: None,
        image: &image,
        stream: None,
        sha256: Some(&sha256),
        wire: None,
        sent: Some(Subject {
            facts: &other,
            pairing: PairedBy::Ledger,
            bytes: None,
        }),
        received: None,
        asked: Asked::default(),
        level: Level::Bytes,
        thresholds: Thresholds::default(),
    });
    assert_eq!(outcome.verdict, Verdict::Mismatch);
    let mismatch = outcome.comparison.unwrap().mismatch.unwrap();
    assert_eq!(mismatch.first_difference, None);
    assert_eq!((mismatch.expected_bytes, mismatch.actual_bytes), (5, 5000));
}

fn wanted(bytes: &[u8]) -> Wanted {
    Wanted {
        sha256: Some(digest(bytes)),
        bytes: bytes.len() as u64,
        from: address("192.0.2.1:1000"),
        to: address("192.0.2.2:5050"),
        format: Some(Format::Jpeg),
        size: None,
        raw: false,
    }
}

fn candidate(path: &str, bytes: &[u8]) -> Candidate {
    Candidate {
        path: path.to_owned(),
        bytes: bytes.len() as u64,
        sha256: digest(bytes),
        format: Some(Format::Jpeg),
        size: None,
    }
}

/// Pairs by the bytes themselves.
fn paired(
    pictures: &[&[u8]],
    files: &[(&str, &[u8])],
    ledger: &[LedgerLine],
    shared: bool,
) -> Vec<Option<(usize, PairedBy)>> {
    let wanted: Vec<Wanted> = pictures.iter().map(|bytes| wanted(bytes)).collect();
    let candidates: Vec<Candidate> = files
        .iter()
        .map(|(path, bytes)| candidate(path, bytes))
        .collect();
    let pairs = pair(
        &wanted,
        &candidates,
        ledger,
        shared,
        &mut |picture, file| {
            let wire = Wire::of(pictures[picture].to_vec());
            Ok::<_, ()>(Some(closeness(&wire, files[file].1)))
        },
    );
    pairs.unwrap().files
}

#[test]
fn digests_pair_whatever_the_order_and_a_file_received_stands_for_one_picture() {
    let (a, b) = (noise(3000), noise(4000));
    let files = [("1", &b[..]), ("2", &a[..])];
    assert_eq!(
        paired(&[&a, &b], &files, &[], false),
        [Some((1, PairedBy::Digest)), Some((0, PairedBy::Digest))]
    );
    // The same picture twice: two files are two, one sent stands for both, one received does not.
    let twice = [("1", &a[..]), ("2", &a[..])];
    assert_eq!(
        paired(&[&a, &a], &twice, &[], false),
        [Some((0, PairedBy::Digest)), Some((1, PairedBy::Digest))]
    );
    let once = &twice[..1];
    assert_eq!(
        paired(&[&a, &a], once, &[], true),
        [Some((0, PairedBy::Digest)), Some((0, PairedBy::Digest))]
    );
    assert_eq!(
        paired(&[&a, &a], once, &[], false),
        [Some((0, PairedBy::Digest)), None]
    );
}

#[test]
fn a_ledger_names_the_file_where_bytes_do_not() {
    let (a, b) = (noise(3000), noise(4000));
    let (x, y) = (vec![1; 50], vec![2; 60]);
    let line = |bytes: &[u8], file: &str| LedgerLine {
        from: address("192.0.2.1:1000"),
        to: address("192.0.2.2:5050"),
        sha256: digest(bytes),
        file: Some(file.to_owned()),
    };
    let ledger = [line(&b, "elsewhere/y.jpg"), line(&a, "elsewhere/x.jpg")];
    let files = [("here/x.jpg", &x[..]), ("here/y.jpg", &y[..])];
    assert_eq!(
        paired(&[&a, &b], &files, &ledger, false),
        [Some((0, PairedBy::Ledger)), Some((1, PairedBy::Ledger))]
    );
    // A file sent may go twice, one received may not come twice.
    let twice = [line(&a, "x.jpg"), line(&b, "x.jpg")];
    let file = [("here/x.jpg", &x[..])];
    let ledger_pair = Some((0, PairedBy::Ledger));
    assert_eq!(
        paired(&[&a, &b], &file, &twice, true),
        [ledger_pair, ledger_pair]
    );
    assert_eq!(paired(&[&a, &b], &file, &twice, false), [ledger_pair, None]);
    // Two files of that name: which of them cannot be told.
    let files = [("1/x.jpg", &x[..]), ("2/x.jpg", &y[..]), ("3", &[][..])];
    assert_eq!(paired(&[&a], &files, &ledger[1..], false), [None]);
}

#[test]
fn damaged_files_go_to_the_picture_they_have_most_in_common_with() {
    let (mut a, mut b) = (noise(4000), noise(5000));
    // As of one encoder: the first 600 bytes agree.
    b[600..].reverse();
    a[0] = 0xff;
    b[0] = 0xff;
    let mut flipped = b.clone();
    flipped[30] ^= 1;
    let cut = &a[..1500];
    let files = [("1", &flipped[..]), ("2", cut)];
    assert_eq!(
        paired(&[&a, &b], &files, &[], false),
        [Some((1, PairedBy::Closest)), Some((0, PairedBy::Closest))]
    );
    // A picture that has only its headers in common is not taken for a damaged one.
    let extra = [&a[..600], &[9; 3000]].concat();
    let mut other = candidate("m_image.jpeg", &extra);
    other.size = Some((640, 480));
    let mut picture = wanted(&a);
    picture.size = Some((320, 480));
    let pairs = pair(&[picture], &[other], &[], false, &mut |_, _| {
        Ok::<_, ()>(Some(closeness(&Wire::of(a.clone()), &extra)))
    });
    assert_eq!(pairs.unwrap().files, [None]);
}

#[test]
fn a_file_that_is_sent_many_times_stands_for_the_copy_that_was_changed_too() {
    let a = noise(4000);
    let mut changed = a.clone();
    changed[3000] ^= 1;
    let other = noise(9000)[5000..].to_vec();
    let files = [("1", &a[..])];
    assert_eq!(
        paired(&[&a, &changed, &other, &a], &files, &[], true),
        [
            Some((0, PairedBy::Digest)),
            Some((0, PairedBy::Closest)),
            None,
            Some((0, PairedBy::Digest))
        ]
    );
    // One that was received is there once.
    assert_eq!(
        paired(&[&a, &changed], &files, &[], false),
        [Some((0, PairedBy::Digest)), None]
    );
}

#[test]
fn rows_are_found_where_they_can_be() {
    let bmp = fixtures::RGB_BMP;
    let height = u32::from_le_bytes(bmp[22..26].try_into().unwrap());
    let last = rows::of(bmp, 54).unwrap();
    assert_eq!((last.first, last.of), (height - 1, height), "from below");
    let first = rows::of(bmp, bmp.len() as u64 - 1).unwrap();
    assert_eq!(first.first, 0);
    assert_eq!(rows::of(bmp, 20), None, "headers are no rows");
    assert_eq!(rows::raw(1199, 200, 2).unwrap().first, 1);
    assert_eq!(rows::raw(1200, 200, 2), None);
    assert_eq!(rows::raw(0, 0, 2), None);
    let png = fixtures::PALETTE_PNG;
    let middle = rows::of(png, png.len() as u64 / 2);
    if let Some(middle) = middle {
        assert_eq!(middle.by, RowsBy::Inflated);
        assert!(middle.first < middle.of);
    }
    let jpeg = fixtures::PROGRESSIVE_JPG;
    let coarse = rows::of(jpeg, jpeg.len() as u64 * 9 / 10);
    assert!(coarse.is_none_or(|rows| rows.by == RowsBy::Coarse));
}

#[test]
fn nothing_made_up_panics() {
    for (_, picture) in fixtures::all() {
        for at in (0..picture.len()).step_by(11) {
            let mut changed = picture.clone();
            changed[at] ^= 0xff;
            let _ = rows::of(&changed, at as u64);
            let _ = rows::of(&picture[..at], u64::MAX);
            let whole = painting::as_far_as_possible(&picture, None);
            for bytes in [&changed[..], &picture[..at]] {
                let damaged = painting::as_far_as_possible(bytes, None);
                if let Some(whole) = &whole {
                    painting::paint(whole, damaged.as_ref());
                }
            }
            if at > 400 {
                break;
            }
        }
    }
}
