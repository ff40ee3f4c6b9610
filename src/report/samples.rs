//! Hand-made reports for the tests of the renderings. Their counts add up as real ones do.

use std::borrow::Cow;
use std::net::SocketAddr;

use crate::findings::{Certainty, Finding, Name, Severity};
use crate::ledger::{
    Chunk, ChunkSizeSource, Chunks, Closed, Confidence, Direction, Gap, GapCause, Image, Problem,
    Stream, TransportKind, Verdict,
};
use crate::picture::Format;
use crate::report::model::{CaptureFile, Damage, Packets, Report};
use crate::units::{ChunkIndex, FrameNumber, PictureId, StreamId, Timestamp};
use crate::wire::Protocol;

const START: i64 = 1_795_173_289_590_743_001;

pub(crate) fn all() -> Vec<Report> {
    vec![
        healthy(),
        hang(),
        gaps(),
        no_pictures(),
        hundreds(),
        ipv6(),
        verified(),
    ]
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn time(after_ns: i64) -> Timestamp {
    Timestamp(START + after_ns)
}

fn capture(path: &str, packets: u64, bytes: u64) -> CaptureFile {
    CaptureFile {
        path: path.to_owned(),
        format: "pcap".to_owned(),
        link_types: vec!["ethernet".to_owned()],
        packets,
        captured_bytes: bytes,
        original_bytes: bytes,
        truncated: false,
        damage: None,
        kernel_drops: None,
        unwritten: None,
        away: None,
    }
}

/// A direction that sent `payload` bytes in `data` of its `packets` frames.
fn direction(from: &str, to: &str, packets: u64, data: u64, payload: u64) -> Direction {
    Direction {
        packets,
        wire_bytes: packets * 66 + payload,
        data_packets: data,
        payload_bytes: payload,
        unique_bytes: payload,
        picture_bytes: payload,
        start_seen: Some(true),
        acknowledged: Some(payload),
        closed: Some(Closed::Fin),
        sha256: Some("5e".repeat(32)),
        ..Direction::new(address(from), address(to))
    }
}

fn stream(id: u32, protocol: &str, frames: (u64, u64), directions: [Direction; 2]) -> Stream {
    Stream {
        id: StreamId(id),
        transport: TransportKind::Tcp,
        transport_stream: id,
        protocol: Some(protocol.parse().unwrap()),
        confidence: Some(Confidence::PortAndContent),
        initiator: Some(0),
        first_packet: FrameNumber(frames.0),
        last_packet: FrameNumber(frames.1),
        started: Some(time(0)),
        ended: Some(time(340_000_000)),
        request: None,
        evidence: Vec::new(),
        directions: directions.into(),
    }
}

/// A whole JPEG whose chunks came one to a frame.
fn image(id: u32, of: &Stream, direction: usize, bytes: u64, first: u64) -> Image {
    let size = match of.protocol.as_ref() {
        Some(Protocol::Marker(_)) => 2048,
        _ => 1024,
    };
    let count = bytes.div_ceil(size);
    let rows: Vec<Chunk> = (0..count)
        .map(|index| {
            let length = size.min(bytes - index * size);
            Chunk {
                index: ChunkIndex(index),
                offset: index * size,
                bytes: length,
                packets: 1,
                first_packet: Some(FrameNumber(first + index)),
                last_packet: Some(FrameNumber(first + index)),
                wire_bytes: 66 + length,
                unique_bytes: length,
                duplicate_bytes: 0,
                gap_bytes: 0,
                started: Some(time(index.cast_signed() * 34_000)),
                ended: Some(time(index.cast_signed() * 34_000)),
                folded: 1,
            }
        })
        .collect();
    let ends = &of.directions[direction];
    Image {
        id: PictureId(id),
        stream: of.id,
        from: ends.from,
        to: ends.to,
        protocol: of.protocol.clone().unwrap(),
        format: Some(Format::Jpeg),
        media_type: None,
        width: Some(320),
        height: Some(240),
        pixels: None,
        bytes,
        encoded_bytes: None,
        declared_bytes: None,
        complete: true,
        problem: None,
        sha256: Some("a1".repeat(32)),
        digest: None,
        offset: 0,
        packets: count,
        wire_bytes: count * 66 + bytes,
        payload_bytes: bytes,
        unique_bytes: bytes,
        duplicate_bytes: 0,
        retransmitted_packets: 0,
        datagrams: None,
        gap_bytes: 0,
        gaps: Vec::new(),
        first_packet: rows.first().and_then(|row| row.first_packet),
        last_packet: rows.last().and_then(|row| row.last_packet),
        started: Some(time(0)),
        ended: rows.last().and_then(|row| row.ended),
        chunk_size: Some(size),
        chunk_size_source: Some(ChunkSizeSource::Format),
        shared_packets: 0,
        chunks: Some(Chunks::from_rows(rows)),
        verdict: Verdict::Unverified,
        compared: None,
    }
}

fn packets(read: u64, skipped: &[(&'static str, u64)]) -> Packets {
    Packets {
        read,
        decoded: read - skipped.iter().map(|(_, n)| n).sum::<u64>(),
        skipped: skipped
            .iter()
            .map(|&(reason, n)| (Cow::Borrowed(reason), n))
            .collect(),
        incomplete_datagrams: 0,
    }
}

fn finding(name: Name, severity: Severity, certainty: Certainty, frames: &[u64]) -> Finding {
    Finding {
        name,
        severity,
        certainty,
        stream: None,
        image: None,
        packets: frames.iter().copied().map(FrameNumber).collect(),
        more_packets: 0,
        message: String::new(),
        fix: String::new(),
    }
}

/// The pipeline as it should be: five pictures over three connections.
pub(crate) fn healthy() -> Report {
    let (report, _) = pipeline();
    report
}

/// The healthy pipeline, compared with files: the first picture got the marker into the received file, of the second only
/// the received file is there, the last was wrong on both sides; and a file was left over.
pub(crate) fn verified() -> Report {
    use crate::ledger::comparison::{
        Blame, Blamed, Comparison, Given, Level, PairedBy, Side, UnpairedFile, Verification,
    };
    let mut report = healthy();
    let side = |path: &str, bytes: u64, equal: bool| Side {
        path: Some(path.to_owned()),
        bytes,
        sha256: "c3".repeat(32),
        pairing: if equal {
            PairedBy::Digest
        } else {
            PairedBy::Closest
        },
        equal: Some(equal),
        by: Level::Bytes,
        compared_bytes: bytes,
        pixels: None,
    };
    let matching = Comparison {
        level: Level::Bytes,
        sent: None,
        received: Some(side("out/s_image1.jpeg", 5_813, true)),
        sent_equals_received: None,
        mismatch: None,
        also: None,
        blame: None,
        converted: None,
        urgent: false,
    };
    let (mismatch, changed) = (marker_too_many(), bytes_changed());
    let comparisons = [
        Comparison {
            sent: Some(side("in/upload.jpg", 12_088, true)),
            received: Some(side("out/upload.bin", 12_105, false)),
            sent_equals_received: Some(false),
            mismatch: Some(mismatch.clone()),
            blame: Some(Blame {
                who: Blamed::Receiver,
                why: "the wire has the right bytes, its file does not".to_owned(),
            }),
            ..matching.clone()
        },
        matching.clone(),
        matching.clone(),
        matching.clone(),
        Comparison {
            sent: Some(side("in/edit2.jpg", 5_813, false)),
            received: Some(side("out/client2_edit.jpeg", 5_830, false)),
            sent_equals_received: Some(false),
            mismatch: Some(changed),
            also: Some(mismatch),
            blame: Some(Blame {
                who: Blamed::Sender,
                why: "the bytes were different when they came onto the wire".to_owned(),
            }),
            ..matching
        },
    ];
    for (image, comparison) in report.images.iter_mut().zip(comparisons) {
        image.verdict = if comparison.mismatch.is_some() {
            Verdict::Mismatch
        } else {
            Verdict::Match
        };
        image.compared = Some(Box::new(comparison));
    }
    report.verification = Some(Verification {
        level: Level::Bytes,
        sent: Some(Given {
            files: 2,
            unpaired: Vec::new(),
            ledger_lines: 0,
            ledger_unpaired: 0,
        }),
        received: Some(Given {
            files: 6,
            unpaired: vec![UnpairedFile {
                path: "out/m_image.jpeg".to_owned(),
                bytes: 32_573,
                sha256: "d4".repeat(32),
                named: false,
                aside: None,
                image: None,
            }],
            ledger_lines: 0,
            ledger_unpaired: 0,
        }),
        damage: None,
    });
    report.conclude();
    report
}

/// The marker behind the picture in the received file.
fn marker_too_many() -> crate::ledger::comparison::Mismatch {
    use crate::ledger::comparison::{Mismatch, SideOfMismatch};
    Mismatch {
        side: SideOfMismatch::WireToReceiver,
        first_difference: Some(12_088),
        differing_bytes: Some(0),
        expected_bytes: 12_088,
        actual_bytes: 12_105,
        damage:
            "17 bytes too many at the end, from byte 12088 on: the end marker %IMAGE_COMPLETED%"
                .to_owned(),
        chunks: vec![5],
        chunk_count: 1,
        packets: vec![FrameNumber(13)],
        packet_count: 1,
        context_offset: Some(12_080),
        expected_hex: Some("5b5917eca27fffd9".to_owned()),
        actual_hex: Some("5b5917eca27fffd925494d4147455f434f4d504c45544544".to_owned()),
        rows: None,
        painting: None,
    }
}

/// Three bytes wrong on the wire.
fn bytes_changed() -> crate::ledger::comparison::Mismatch {
    use crate::ledger::comparison::{Mismatch, Rows, RowsBy, SideOfMismatch};
    Mismatch {
        side: SideOfMismatch::SenderToWire,
        first_difference: Some(700),
        differing_bytes: Some(3),
        expected_bytes: 5_813,
        actual_bytes: 5_813,
        damage: "Different between bytes 700 and 4200".to_owned(),
        chunks: vec![0, 2],
        chunk_count: 2,
        packets: vec![FrameNumber(22), FrameNumber(24)],
        packet_count: 2,
        context_offset: Some(692),
        expected_hex: Some("000102030405060708090a0b0c0d0e0f1011121314151617".to_owned()),
        actual_hex: Some("0001020304050607ff090a0b0c0d0e0f1011121314151617".to_owned()),
        rows: Some(Rows {
            first: 24,
            of: 240,
            by: RowsBy::DecodedPrefix,
        }),
        painting: Some("stream-2-image-0004-sender-to-wire.png".to_owned()),
    }
}

fn pipeline() -> (Report, [Stream; 3]) {
    let server = "127.0.0.1:5050";
    let worker = |port: u32| format!("127.0.0.1:{port}");
    let streams = [
        stream(
            0,
            "marker",
            (1, 17),
            [
                direction("127.0.0.1:53516", server, 10, 7, 12_105),
                direction(server, "127.0.0.1:53516", 7, 0, 0),
            ],
        ),
        stream(
            1,
            "marker",
            (18, 38),
            [
                direction(&worker(53524), server, 11, 4, 5_620),
                direction(server, &worker(53524), 10, 4, 5_830),
            ],
        ),
        stream(
            2,
            "marker",
            (39, 62),
            [
                direction(&worker(53534), server, 12, 4, 5_900),
                direction(server, &worker(53534), 12, 4, 6_097),
            ],
        ),
    ];
    let halves = |mut image: Image| {
        image.width = Some(160);
        image
    };
    let images = vec![
        image(0, &streams[0], 0, 12_088, 4),
        halves(image(1, &streams[1], 1, 5_813, 21)),
        halves(image(2, &streams[1], 0, 5_603, 30)),
        halves(image(3, &streams[2], 1, 6_080, 44)),
        halves(image(4, &streams[2], 0, 5_883, 55)),
    ];
    let report = Report::new(
        vec![capture("pipeline.pcap", 62, 45_118)],
        packets(62, &[]),
        streams.to_vec(),
        images,
        Vec::new(),
    );
    (report, streams)
}

/// The pipeline in which worker 2 waits for ever (product.md's sketch).
pub(crate) fn hang() -> Report {
    let (mut report, _) = pipeline();
    report.captures[0].path = "pipeline-hang.pcap".to_owned();
    report.findings = vec![
        Finding {
            stream: Some(StreamId(2)),
            image: Some(PictureId(3)),
            message: "The server sent a whole picture (6,080 bytes) and the end marker (frame 50). The worker \
                      acknowledged both and then sent nothing for 2.55 s, until the server closed (frame 54). It waits \
                      for one recv() that returns exactly the 17 marker bytes; TCP keeps no such borders."
                .to_owned(),
            fix: "append what each recv() returns to a buffer, and stop when the buffer ends with the marker."
                .to_owned(),
            ..finding(Name::MarkerUnanswered, Severity::Error, Certainty::Proven, &[50, 51, 54])
        },
        Finding {
            message: "The TCP checksums of 62 frames are not finished: the network card, or nobody on loopback, \
                      does that after the capture."
                .to_owned(),
            fix: "nothing has to be fixed.".to_owned(),
            ..finding(Name::OffloadedChecksum, Severity::Note, Certainty::Proven, &[1, 2, 3, 62])
        },
    ];
    report.conclude();
    report
}

/// Everything that can be missing: a cut file, kernel drops, gaps, an early close, skipped frames, UDP.
pub(crate) fn gaps() -> Report {
    let from = "192.168.17.31:49822";
    let to = "192.168.17.2:65432";
    let mut lossy = stream(
        0,
        "eof",
        (2, 24),
        [
            direction(from, to, 14, 12, 11_264),
            direction(to, from, 9, 0, 0),
        ],
    );
    lossy.directions[0].retransmitted_packets = 1;
    lossy.directions[0].out_of_order_packets = 1;
    lossy.directions[0].duplicate_bytes = 1024;
    lossy.directions[0].unique_bytes = 10_240;
    lossy.directions[0].gap_bytes = 2048;
    lossy.directions[0].gaps = vec![Gap {
        offset: 4096,
        length: 2048,
        cause: GapCause::NotCaptured,
    }];
    lossy.directions[0].closed = None;
    let mut early = stream(
        1,
        "length=u32be",
        (25, 38),
        [
            direction("192.168.17.31:49830", "192.168.17.2:9000", 9, 6, 5_004),
            direction("192.168.17.2:9000", "192.168.17.31:49830", 5, 0, 0),
        ],
    );
    early.directions[1].closed = Some(Closed::Reset);
    let mut udp = stream(
        2,
        "udp",
        (39, 58),
        [
            direction("192.168.17.31:40000", "192.168.17.2:5005", 20, 19, 18_631),
            direction("192.168.17.2:5005", "192.168.17.31:40000", 0, 0, 0),
        ],
    );
    udp.transport = TransportKind::Udp;
    udp.transport_stream = 0;
    udp.confidence = Some(Confidence::Guess);
    for direction in &mut udp.directions {
        direction.closed = None;
    }

    let images = vec![holed(&lossy), cut(&early), datagrams(&udp)];
    Report::new(
        vec![damaged()],
        packets(61, &[("malformed", 1), ("not-ip", 2)]),
        vec![lossy, early, udp],
        images,
        mishaps(),
    )
}

/// A picture of which two chunks were not captured and one was sent twice.
fn holed(lossy: &Stream) -> Image {
    let mut holed = image(0, lossy, 0, 12_288, 5);
    holed.complete = false;
    holed.verdict = Verdict::Inconclusive;
    holed.problem = Some(Problem::Told(
        "bytes 4,096 to 6,143 were never captured".to_owned(),
    ));
    holed.sha256 = None;
    holed.gap_bytes = 2048;
    holed.gaps = lossy.directions[0].gaps.clone();
    holed.unique_bytes = 10_240;
    holed.duplicate_bytes = 1024;
    holed.payload_bytes = 11_264;
    holed.retransmitted_packets = 1;
    holed.packets = 11;
    let chunks = holed.chunks.take().unwrap();
    let rows = chunks.iter().map(|mut chunk| {
        match chunk.index.0 {
            4 | 5 => {
                chunk.gap_bytes = 1024;
                (chunk.packets, chunk.wire_bytes, chunk.unique_bytes) = (0, 0, 0);
                (chunk.first_packet, chunk.last_packet) = (None, None);
                (chunk.started, chunk.ended) = (None, None);
            }
            7 => {
                chunk.duplicate_bytes = 1024;
                chunk.packets = 2;
                chunk.wire_bytes *= 2;
                chunk.last_packet = Some(FrameNumber(18));
                chunk.ended = Some(time(212_000_000));
            }
            _ => {}
        }
        chunk
    });
    holed.chunks = Some(Chunks::from_rows(rows.collect()));
    holed.last_packet = Some(FrameNumber(18));
    holed.ended = Some(time(212_000_000));
    holed.wire_bytes = 11 * 1090;
    holed
}

/// A picture of which the sender sent less than it declared; the detail of its chunks is gone.
fn cut(early: &Stream) -> Image {
    let mut cut = image(1, early, 0, 5_000, 28);
    cut.declared_bytes = Some(18_631);
    cut.complete = false;
    cut.verdict = Verdict::Incomplete;
    cut.problem = Some(Problem::Told(
        "the sender closed after 5,000 of the 18,631 bytes it declared".to_owned(),
    ));
    cut.format = Some(Format::Png);
    cut.offset = 4;
    cut.chunks = None;
    cut.chunk_size_source = Some(ChunkSizeSource::Observed);
    cut
}

/// Something in datagrams, of which neither format nor chunk size is known.
fn datagrams(udp: &Stream) -> Image {
    let mut datagrams = image(2, udp, 0, 18_631, 39);
    datagrams.format = None;
    (datagrams.width, datagrams.height) = (None, None);
    (datagrams.chunk_size, datagrams.chunk_size_source) = (None, None);
    datagrams.chunks = Some(Chunks::from_rows(vec![Chunk {
        index: ChunkIndex(0),
        offset: 0,
        bytes: datagrams.bytes,
        packets: datagrams.packets,
        first_packet: datagrams.first_packet,
        last_packet: datagrams.last_packet,
        wire_bytes: datagrams.wire_bytes,
        unique_bytes: datagrams.unique_bytes,
        duplicate_bytes: 0,
        gap_bytes: 0,
        started: datagrams.started,
        ended: datagrams.ended,
        folded: 1,
    }]));
    datagrams
}

fn damaged() -> CaptureFile {
    let mut file = capture("lab/monday.pcapng.zst", 61, 51_200);
    file.format = "pcapng (zstd)".to_owned();
    file.link_types = vec!["ethernet".to_owned(), "linux-sll2".to_owned()];
    file.original_bytes = 53_248;
    file.truncated = true;
    file.damage = Some(Damage {
        offset: Some(53_991),
        after_frame: Some(FrameNumber(61)),
        reason: "the last packet block says 1,514 bytes and 812 are there".to_owned(),
    });
    file.kernel_drops = Some(12);
    file
}

fn mishaps() -> Vec<Finding> {
    vec![
        Finding {
            stream: Some(StreamId(0)),
            image: Some(PictureId(0)),
            message: "2,048 bytes were acknowledged by the receiver and are not in the capture: they arrived, but \
                      imgnet cannot see them."
                .to_owned(),
            fix: "capture again with a larger buffer, or with a filter for this port.".to_owned(),
            ..finding(Name::CaptureGap, Severity::Warning, Certainty::Proven, &[8, 9])
        },
        Finding {
            stream: Some(StreamId(1)),
            image: None,
            message: "The sender closed its side after 5,000 of the 18,631 bytes that the length field declared."
                .to_owned(),
            fix: "send until every byte is handed over (sendall), and close only then.".to_owned(),
            ..finding(Name::EarlyClose, Severity::Error, Certainty::Proven, &[26, 36])
        },
        Finding {
            message: "Frames are larger than 1500 bytes: the network card cuts them after the capture.".to_owned(),
            ..finding(Name::LargerThanMtu, Severity::Note, Certainty::Likely, &[])
        },
    ]
}

/// Traffic without a picture.
pub(crate) fn no_pictures() -> Report {
    let mut web = stream(
        0,
        "eof",
        (1, 30),
        [
            direction("10.0.0.7:50112", "10.0.0.1:443", 18, 9, 4_211),
            direction("10.0.0.1:443", "10.0.0.7:50112", 12, 8, 40_009),
        ],
    );
    web.protocol = None;
    web.confidence = None;
    Report::new(
        vec![capture("-", 31, 46_000)],
        packets(31, &[("not-tcp-or-udp", 1)]),
        vec![web],
        Vec::new(),
        Vec::new(),
    )
}

/// Three hundred and one uploads of which a few went wrong in the same way.
pub(crate) fn hundreds() -> Report {
    let mut streams = Vec::new();
    let mut images = Vec::new();
    let mut findings = Vec::new();
    let mut frame = 1;
    for id in 0..301_u32 {
        let from = format!("10.1.{}.{}:40{:03}", id / 50, id % 50 + 2, id);
        let to = "10.1.9.9:65432";
        let bytes = 10_000 + u64::from(id) * 37 % 5_000;
        let chunks = bytes.div_ceil(1024);
        let stream = stream(
            id,
            "eof",
            (frame, frame + chunks + 7),
            [
                direction(&from, to, chunks + 4, chunks, bytes),
                direction(to, &from, 4, 0, 0),
            ],
        );
        let mut image = image(id, &stream, 0, bytes, frame + 3);
        if id % 60 == 7 {
            image.complete = false;
            image.verdict = Verdict::Incomplete;
            image.problem = Some(Problem::Told(
                "the JPEG ends before its end-of-image marker".to_owned(),
            ));
            findings.push(Finding {
                stream: Some(stream.id),
                image: Some(image.id),
                message: format!(
                    "The sender closed after {bytes} bytes, inside the JPEG's last scan."
                ),
                fix: "send until every byte is handed over (sendall), and close only then."
                    .to_owned(),
                ..finding(
                    Name::EarlyClose,
                    Severity::Error,
                    Certainty::Proven,
                    &[frame + chunks + 4],
                )
            });
        }
        frame += chunks + 8;
        streams.push(stream);
        images.push(image);
    }
    let read = frame - 1;
    let files = [
        "day/ring_00001.pcap",
        "day/ring_00002.pcap",
        "day/ring_00003.pcap",
    ];
    Report::new(
        files
            .map(|path| capture(path, read / 3, 1_700_000))
            .to_vec(),
        packets(read, &[]),
        streams,
        images,
        findings,
    )
}

/// One picture that was asked for by a hostile text, between long addresses.
pub(crate) fn ipv6() -> Report {
    let client = "[2001:db8:85a3:8d3:1319:8a2e:370:7348]:65123";
    let server = "[2001:db8:85a3:8d3:1319:8a2e:370:1]:40674";
    let mut catalog = stream(
        0,
        "catalog",
        (1, 20),
        [
            direction(client, server, 9, 1, 9),
            direction(server, client, 11, 9, 8_800),
        ],
    );
    catalog.request = Some("3\x1b[2J\u{202e}gnp.".to_owned());
    let mut picture = image(0, &catalog, 1, 8_800, 6);
    (picture.chunk_size, picture.chunk_size_source) = (Some(1024), Some(ChunkSizeSource::Observed));
    Report::new(
        vec![capture("six.pcapng", 20, 11_000)],
        packets(20, &[]),
        vec![catalog],
        vec![picture],
        Vec::new(),
    )
}
