//! Each finding: a capture that shows it, and one that nearly does and must stay silent.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a helper of a test reads files, and may fail as the test may"
)]

#[path = "support/scenario.rs"]
mod scenario;
mod support;

use std::collections::BTreeSet;

use imgnet::analysis::Options;
use imgnet::findings::facts::{DirectionFacts, Frames, Numbering, StreamFacts};
use imgnet::findings::{Certainty, Finding, Severity, catalogue, rules};
use imgnet::units::FrameNumber;
use imgnet::wire::Protocol;
use scenario::{Captured, Client, Scenario, Server, findings, real, told};
use support::captures_folder;

const MARKER: &[u8] = b"%IMAGE_COMPLETED%";

fn file(path: &str) -> Vec<u8> {
    std::fs::read(captures_folder().join(path)).expect("a file of the captures")
}

/// 12,088 bytes: 5 chunks of 2,048 and 1,848 more.
fn jpeg() -> Vec<u8> {
    file("pipeline-hang/sent/upload.jpg")
}

fn png() -> Vec<u8> {
    file("eof-mtu1500/sent/a.png")[..].to_vec()
}

fn has(findings: &[Finding], name: &str) -> bool {
    findings.iter().any(|finding| finding.name == name)
}

fn one<'f>(findings: &'f [Finding], name: &str) -> &'f Finding {
    let named: Vec<&Finding> = findings.iter().filter(|f| f.name == name).collect();
    assert_eq!(named.len(), 1, "{name} once in {findings:#?}");
    named[0]
}

fn frames_of(finding: &Finding) -> Vec<u64> {
    finding.packets.iter().map(|frame| frame.0).collect()
}

/// A case: the finding, a capture that shows it, one that nearly does.
struct Case {
    name: &'static str,
    shows: fn() -> Vec<Finding>,
    nearly: fn() -> Vec<Finding>,
}

fn on(capture: &str) -> Vec<Finding> {
    findings(&real(capture))
}

fn with(protocol: (u16, &str), frames: &[Captured]) -> Vec<Finding> {
    let options = Options {
        protocols: vec![(protocol.0, protocol.1.parse().expect("a format"))],
        ..Options::default()
    };
    told(frames, options).findings
}

/// A whole picture over `eof`, with something done before the close.
fn eof(picture: &[u8], before_close: impl FnOnce(&mut Scenario, &mut scenario::Tcp)) -> Scenario {
    let mut scenario = Scenario::new();
    let mut tcp = scenario.connect(41000, 65432);
    scenario.transfer(&mut tcp, Client, picture, 1024);
    before_close(&mut scenario, &mut tcp);
    scenario
}

/// The server of the pipeline sends half a picture and the marker to a worker.
fn to_worker(
    after: impl FnOnce(&mut Scenario, &mut scenario::Tcp),
    acknowledged: bool,
) -> Vec<Finding> {
    let mut scenario = Scenario::new();
    let mut tcp = scenario.connect(41000, 5050);
    scenario.transfer(&mut tcp, Server, &jpeg(), 1400);
    scenario.send(&mut tcp, Server, MARKER);
    if acknowledged {
        scenario.ack(&mut tcp, Client);
    }
    after(&mut scenario, &mut tcp);
    scenario.other_traffic();
    scenario.findings()
}

/// An upload with a marker, then silence; a worker waits, and may get its half.
fn upload(worker: bool, served: bool) -> Vec<Finding> {
    let mut scenario = Scenario::new();
    let mut tcp = scenario.connect(41000, 5050);
    scenario.transfer(&mut tcp, Client, &jpeg(), 1400);
    scenario.send(&mut tcp, Client, MARKER);
    scenario.ack(&mut tcp, Server);
    if worker {
        let mut other = scenario.connect(41001, 5050);
        if served {
            scenario.transfer(&mut other, Server, &jpeg(), 1400);
        }
    }
    scenario.wait(5000).other_traffic();
    scenario.findings()
}

fn raw_pixels(bytes: usize) -> Vec<Captured> {
    let mut scenario = Scenario::new();
    let mut tcp = scenario.connect(41000, 9909);
    scenario.transfer(&mut tcp, Client, &vec![7; bytes], 600);
    scenario.close(&mut tcp, Client);
    scenario.frames
}

fn marked(bytes: &[u8]) -> Vec<Finding> {
    let mut scenario = Scenario::new();
    let mut tcp = scenario.connect(41000, 5050);
    scenario.transfer(&mut tcp, Client, bytes, 1400);
    scenario.close(&mut tcp, Client);
    scenario.findings()
}

fn declared(length: u32, picture: &[u8]) -> Vec<Finding> {
    let mut scenario = Scenario::new();
    let mut tcp = scenario.connect(41000, 7000);
    scenario.send(&mut tcp, Client, &length.to_be_bytes());
    scenario.transfer(&mut tcp, Client, picture, 1400);
    scenario.close(&mut tcp, Client);
    with((7000, "length=u32be"), &scenario.frames)
}

fn upto(picture: &[u8], most: usize) -> &[u8] {
    &picture[..most.min(picture.len())]
}

fn length(picture: &[u8]) -> u32 {
    u32::try_from(picture.len()).expect("small")
}

fn udp(pieces: &[&[u8]], end: bool) -> Scenario {
    let mut scenario = Scenario::new();
    for piece in pieces {
        scenario.datagram([41000, 6001], piece);
    }
    if end {
        scenario.datagram([41000, 6001], b"");
    }
    scenario
}

/// What the rules say of numbered datagrams; no format of the wire numbers them in these captures.
fn numbered(numbering: Numbering) -> Vec<Finding> {
    let picture = jpeg();
    let pieces: Vec<&[u8]> = picture.chunks(1024).collect();
    let told = told(&udp(&pieces, true).frames, Options::default());
    let direction = DirectionFacts {
        numbering: Some(Box::new(numbering)),
        ..DirectionFacts::default()
    };
    let facts = StreamFacts {
        directions: vec![direction, DirectionFacts::default()],
        ..StreamFacts::default()
    };
    rules::of_stream(&told.streams[0], &told.images, &facts)
}

fn some_frames() -> Frames {
    let mut frames = Frames::default();
    frames.add(FrameNumber(3));
    frames
}

/// A small piece every `pause` milliseconds, the acknowledgment late and the next piece right after it, or not.
fn small_pieces(right_after: bool) -> Vec<Finding> {
    eof(&[], |scenario, tcp| {
        for piece in jpeg().chunks(100).take(20) {
            scenario.send(tcp, Client, piece);
            scenario.wait(40);
            scenario.ack(tcp, Server);
            if !right_after {
                scenario.wait(20);
            }
        }
    })
    .findings()
}

fn zero_window(milliseconds: i64) -> Vec<Finding> {
    eof(&jpeg()[..4096], |scenario, tcp| {
        tcp.window[1] = 0;
        scenario.ack(tcp, Server);
        scenario.wait(milliseconds);
        tcp.window[1] = 60000;
        scenario.ack(tcp, Server);
        scenario.transfer(tcp, Client, &jpeg()[4096..], 1024);
        scenario.close(tcp, Client);
    })
    .findings()
}

fn warned(findings: Vec<Finding>) -> Vec<Finding> {
    findings
        .into_iter()
        .filter(|finding| finding.severity > Severity::Note)
        .collect()
}

const CASES: &[Case] = &[
    Case {
        name: "marker-unanswered",
        shows: || on("pipeline-hang"),
        // Slow, and answered in the end.
        nearly: || {
            to_worker(
                |scenario, tcp| {
                    scenario.wait(5000);
                    scenario.transfer(tcp, Client, &jpeg(), 1400);
                    scenario.send(tcp, Client, MARKER);
                    scenario.close(tcp, Client);
                },
                true,
            )
        },
    },
    Case {
        name: "marker-unanswered",
        shows: || upload(true, false),
        nearly: || upload(true, true),
    },
    Case {
        name: "marker-unanswered",
        shows: || {
            to_worker(
                |scenario, _| {
                    scenario.wait(3000);
                },
                true,
            )
        },
        // Never acknowledged: nothing is known of the program.
        nearly: || {
            to_worker(
                |scenario, _| {
                    scenario.wait(3000);
                },
                false,
            )
        },
    },
    Case {
        name: "marker-risk",
        shows: || on("pipeline"),
        nearly: || {
            let mut picture = jpeg();
            // A comment makes it a whole number of chunks.
            let more = 2048 - picture.len() % 2048;
            let comment = u16::try_from(more - 2).expect("small").to_be_bytes();
            let mut segment = vec![0xff, 0xfe, comment[0], comment[1]];
            segment.resize(more, b' ');
            picture.splice(2..2, segment);
            assert_eq!(picture.len() % 2048, 0);
            marked(&[&picture, MARKER].concat())
        },
    },
    Case {
        name: "marker-inside-image",
        shows: || {
            let mut bytes = jpeg();
            bytes.splice(6000..6000, MARKER.iter().copied());
            bytes.extend(MARKER);
            marked(&bytes)
        },
        nearly: || on("marker-split"),
    },
    Case {
        name: "marker-missing",
        shows: || {
            let mut scenario = Scenario::new();
            let mut tcp = scenario.connect(41000, 5050);
            scenario.transfer(&mut tcp, Client, &jpeg(), 1400);
            scenario.close(&mut tcp, Client);
            with((5050, "marker"), &scenario.frames)
        },
        nearly: || on("marker-in-file"),
    },
    Case {
        name: "early-close",
        shows: || on("eof-early-close"),
        nearly: || on("eof"),
    },
    Case {
        name: "early-close",
        shows: || on("length-ascii64-early-close"),
        nearly: || on("length-u32be"),
    },
    Case {
        name: "reset-mid-transfer",
        shows: || on("raw-pixels-reset"),
        nearly: || on("raw-pixels"),
    },
    Case {
        name: "reset-mid-transfer",
        shows: || {
            eof(&jpeg()[..5000], |scenario, tcp| {
                scenario.rst_bare(tcp, Client)
            })
            .findings()
        },
        nearly: || eof(&jpeg(), |scenario, tcp| scenario.close(tcp, Client)).findings(),
    },
    Case {
        name: "unread-data-reset",
        shows: || on("catalog-one-recv-mtu1500"),
        nearly: || on("catalog"),
    },
    Case {
        name: "unread-data-reset",
        shows: || {
            eof(&jpeg(), |scenario, tcp| {
                scenario.fin(tcp, Client);
                scenario.rst(tcp, Server);
            })
            .findings()
        },
        // The sender gives up: nothing is said of the receiver.
        nearly: || eof(&jpeg()[..5000], |scenario, tcp| scenario.rst(tcp, Client)).findings(),
    },
    Case {
        name: "no-end-of-stream",
        shows: || {
            eof(&jpeg(), |scenario, _| {
                scenario.wait(3000).other_traffic();
            })
            .findings()
        },
        nearly: || {
            eof(&jpeg(), |scenario, tcp| {
                scenario.wait(3000);
                scenario.close(tcp, Client);
            })
            .findings()
        },
    },
    Case {
        name: "never-closed",
        shows: || {
            eof(&jpeg(), |scenario, tcp| {
                scenario.fin(tcp, Client);
                scenario.ack(tcp, Server);
                scenario.wait(3000).other_traffic();
            })
            .findings()
        },
        nearly: || {
            eof(&jpeg(), |scenario, tcp| {
                scenario.fin(tcp, Client);
                scenario.ack(tcp, Server);
                scenario.wait(1000).other_traffic();
            })
            .findings()
        },
    },
    Case {
        name: "trailing-bytes",
        shows: || {
            let bytes = [&jpeg()[..], b"\r\n"].concat();
            eof(&bytes, |scenario, tcp| scenario.close(tcp, Client)).findings()
        },
        nearly: || on("eof"),
    },
    Case {
        name: "length-mismatch",
        shows: || declared(length(&jpeg()) + 100, &jpeg()),
        nearly: || declared(length(&jpeg()), &jpeg()),
    },
    Case {
        name: "length-mismatch",
        shows: || declared(9000, &jpeg()),
        nearly: || on("length-u32be"),
    },
    Case {
        name: "implausible-length",
        shows: || {
            let mut scenario = Scenario::new();
            let mut tcp = scenario.connect(41000, 7000);
            scenario.send(&mut tcp, Client, &length(&jpeg()).to_le_bytes());
            scenario.transfer(&mut tcp, Client, &jpeg(), 1400);
            scenario.close(&mut tcp, Client);
            with((7000, "length=u32be"), &scenario.frames)
        },
        nearly: || declared(length(&jpeg()), &jpeg()),
    },
    Case {
        name: "text-mode",
        shows: || {
            let mut picture = png();
            picture.remove(4);
            eof(upto(&picture, 9000), |scenario, tcp| {
                scenario.close(tcp, Client);
            })
            .findings()
        },
        nearly: || on("eof-mtu1500"),
    },
    Case {
        name: "missing-inside",
        shows: || {
            let mut picture = png();
            picture.drain(40_000..41_024);
            eof(&picture, |scenario, tcp| scenario.close(tcp, Client)).findings()
        },
        // Missing from the capture, not from the stream.
        nearly: || {
            let mut frames = real("eof-mtu1500");
            frames.remove(60);
            findings(&frames)
        },
    },
    Case {
        name: "empty-request",
        shows: || on("catalog-empty-request"),
        nearly: || {
            let mut scenario = Scenario::new();
            let mut tcp = scenario.connect(41000, 40674);
            scenario.wait(500);
            scenario.close(&mut tcp, Client);
            scenario.findings()
        },
    },
    Case {
        name: "rows-not-segments",
        shows: || with((9909, "raw-pixels=200"), &raw_pixels(6100)),
        nearly: || with((9909, "raw-pixels=200"), &raw_pixels(6000)),
    },
    Case {
        name: "width-unknown",
        shows: || on("raw-pixels"),
        nearly: || with((9909, "raw-pixels=200"), &real("raw-pixels")),
    },
    Case {
        name: "undetectable-loss",
        shows: || on("udp"),
        nearly: || numbered(Numbering::default()),
    },
    Case {
        name: "datagram-lost",
        shows: || {
            numbered(Numbering {
                total: Some(12),
                lost: vec![3..4, 7..9],
                ..Numbering::default()
            })
        },
        nearly: || numbered(Numbering::default()),
    },
    Case {
        name: "datagram-duplicated",
        shows: || {
            numbered(Numbering {
                duplicated: some_frames(),
                ..Numbering::default()
            })
        },
        nearly: || numbered(Numbering::default()),
    },
    Case {
        name: "datagram-reordered",
        shows: || {
            numbered(Numbering {
                reordered: some_frames(),
                ..Numbering::default()
            })
        },
        nearly: || numbered(Numbering::default()),
    },
    Case {
        name: "no-end-datagram",
        shows: || {
            let picture = jpeg();
            let pieces: Vec<&[u8]> = picture.chunks(1024).take(5).collect();
            let mut scenario = udp(&pieces, false);
            scenario.wait(3000).other_traffic();
            scenario.findings()
        },
        nearly: || on("udp"),
    },
    Case {
        name: "ip-fragmented",
        shows: || on("udp-fragments"),
        nearly: || on("udp"),
    },
    Case {
        name: "fragment-lost",
        shows: || {
            let mut scenario = Scenario::new();
            scenario.fragments([41000, 6001], &[1; 3000], &[0, 1, 3]);
            scenario.wait(40_000).other_traffic();
            scenario.findings()
        },
        nearly: || {
            let mut scenario = Scenario::new();
            scenario.fragments([41000, 6001], &[1; 3000], &[0, 3, 1, 2]);
            scenario.wait(40_000).other_traffic();
            scenario.findings()
        },
    },
    Case {
        name: "oversized-datagram",
        shows: || udp(&[&jpeg()[..1473]], true).findings(),
        nearly: || udp(&[&jpeg()[..1472]], true).findings(),
    },
    Case {
        name: "retransmission",
        shows: || on("eof-lossy"),
        nearly: || on("eof-mtu1500"),
    },
    Case {
        name: "fast-retransmission",
        shows: || {
            eof(&[], |scenario, tcp| {
                let picture = jpeg();
                scenario.send(tcp, Client, &picture[..1000]);
                scenario.send(tcp, Client, &picture[1000..2000]);
                scenario.ack_again(tcp, Server);
                scenario.ack_again(tcp, Server);
                scenario.ack_again(tcp, Server);
                scenario.again(tcp, Client, 2000, &picture[..1000]);
                scenario.ack(tcp, Server);
                scenario.transfer(tcp, Client, &picture[2000..], 1000);
                scenario.close(tcp, Client);
            })
            .findings()
        },
        // After the timer, without a word from the receiver.
        nearly: || {
            eof(&[], |scenario, tcp| {
                let picture = jpeg();
                scenario.send(tcp, Client, &picture[..1000]);
                scenario.wait(300);
                scenario.again(tcp, Client, 1000, &picture[..1000]);
                scenario.ack(tcp, Server);
                scenario.transfer(tcp, Client, &picture[1000..], 1000);
                scenario.close(tcp, Client);
            })
            .findings()
        },
    },
    Case {
        name: "spurious-retransmission",
        shows: || {
            eof(&jpeg(), |scenario, tcp| {
                scenario.again(tcp, Client, 100, &jpeg()[11_988..]);
                scenario.close(tcp, Client);
            })
            .findings()
        },
        nearly: || on("eof-lossy"),
    },
    Case {
        name: "out-of-order",
        shows: || {
            let mut frames = real("eof-mtu1500");
            frames.swap(60, 61);
            frames.swap(61, 62);
            findings(&frames)
        },
        nearly: || on("eof-mtu1500"),
    },
    Case {
        name: "duplicate-ack",
        shows: || on("eof-lossy"),
        // Nothing is on its way: a keep-alive's answer, a window update.
        nearly: || {
            eof(&jpeg(), |scenario, tcp| {
                scenario.ack_again(tcp, Server);
                tcp.window[1] = 50000;
                scenario.ack_again(tcp, Server);
                scenario.close(tcp, Client);
            })
            .findings()
        },
    },
    Case {
        name: "zero-window",
        shows: || warned(zero_window(900)),
        nearly: || warned(zero_window(1)),
    },
    Case {
        name: "stall",
        shows: || {
            eof(&jpeg()[..5000], |scenario, tcp| {
                scenario.wait(4000);
                scenario.transfer(tcp, Client, &jpeg()[5000..], 1024);
                scenario.close(tcp, Client);
            })
            .findings()
        },
        // Between two pictures everybody may take his time.
        nearly: || {
            let mut scenario = Scenario::new();
            let mut tcp = scenario.connect(41000, 5050);
            for _ in 0..2 {
                scenario.transfer(&mut tcp, Client, &jpeg(), 1400);
                scenario.send(&mut tcp, Client, MARKER);
                scenario.ack(&mut tcp, Server);
                scenario.wait(4000);
            }
            scenario.close(&mut tcp, Client);
            scenario.findings()
        },
    },
    Case {
        name: "conflicting-retransmission",
        shows: || {
            eof(&jpeg(), |scenario, tcp| {
                let mut again = jpeg()[11_988..].to_vec();
                again[50] ^= 1;
                scenario.again(tcp, Client, 100, &again);
                scenario.close(tcp, Client);
            })
            .findings()
        },
        nearly: || on("eof-lossy"),
    },
    Case {
        name: "small-writes",
        shows: || small_pieces(true),
        nearly: || small_pieces(false),
    },
    Case {
        name: "wrong-checksum",
        shows: || {
            let mut scenario = eof(&jpeg(), |scenario, tcp| scenario.close(tcp, Client));
            scenario.frames[9].data[100] ^= 1;
            scenario.findings()
        },
        nearly: || {
            let mut scenario = eof(&jpeg(), |scenario, tcp| scenario.close(tcp, Client));
            // Cut by the snap length: nothing can be checked.
            scenario.frames[9].data.truncate(200);
            scenario.findings()
        },
    },
    Case {
        name: "capture-gap",
        shows: || {
            let mut frames = real("eof-mtu1500");
            frames.remove(60);
            findings(&frames)
        },
        // Lost before the capture point, and sent again.
        nearly: || {
            eof(&[], |scenario, tcp| {
                let picture = jpeg();
                scenario.lose(tcp, Client, 1000);
                scenario.send(tcp, Client, &picture[1000..2000]);
                scenario.ack_again(tcp, Server);
                scenario.again(tcp, Client, 2000, &picture[..1000]);
                scenario.ack(tcp, Server);
                scenario.transfer(tcp, Client, &picture[2000..], 1000);
                scenario.close(tcp, Client);
            })
            .findings()
        },
    },
    Case {
        name: "kernel-drops",
        shows: || vec![rules::kernel_drops("run.pcapng", 12_000)],
        nearly: || on("eof"),
    },
    Case {
        name: "snaplen-cut",
        shows: || {
            let mut frames = real("eof");
            for frame in &mut frames {
                frame.data.truncate(96);
            }
            findings(&frames)
        },
        nearly: || on("eof"),
    },
    Case {
        name: "file-cut-short",
        shows: || {
            vec![rules::file_cut_short(
                "run.pcap",
                Some(24_000),
                Some(FrameNumber(17)),
                "a frame of 1,514 bytes ends after 20",
            )]
        },
        nearly: || on("eof"),
    },
    Case {
        name: "started-late",
        shows: || findings(&real("eof")[8..]),
        nearly: || findings(&real("eof")[..8]),
    },
    Case {
        name: "frames-twice",
        shows: || {
            let mut frames = Vec::new();
            for frame in real("eof") {
                let mut copy = frame.clone();
                copy.interface = 1;
                frames.extend([frame, copy]);
            }
            findings(&frames)
        },
        // Sent again, which is not the same as captured again.
        nearly: || on("eof-lossy"),
    },
    Case {
        name: "offloaded-checksum",
        shows: || on("eof"),
        nearly: || eof(&jpeg(), |scenario, tcp| scenario.close(tcp, Client)).findings(),
    },
    Case {
        name: "larger-than-mtu",
        shows: || {
            eof(&[], |scenario, tcp| {
                scenario.transfer(tcp, Client, &jpeg(), 5000);
                scenario.close(tcp, Client);
            })
            .findings()
        },
        // Loopback announces segments of 65,495 bytes.
        nearly: || on("pipeline"),
    },
    Case {
        name: "clock-step",
        shows: || {
            let mut frames = real("eof");
            for frame in &mut frames[10..] {
                frame.time -= 3_600_000_000_000;
            }
            findings(&frames)
        },
        nearly: || {
            let mut frames = real("eof");
            frames[10].time -= 1_000_000;
            findings(&frames)
        },
    },
    Case {
        name: "limit-reached",
        shows: || {
            let mut options = Options::default();
            options.limits.streams = 4;
            told(&many_streams(), options).findings
        },
        nearly: || findings(&many_streams()),
    },
];

fn many_streams() -> Vec<Captured> {
    let mut scenario = Scenario::new();
    for port in 0..40 {
        scenario.connect(41000 + port, 65432);
    }
    scenario.frames
}

/// These need the file that was sent or received, or what the decoders do not say yet.
const ELSEWHERE: [&str; 4] = [
    "marker-in-file",
    "receiver-overflow",
    "re-encoded",
    "fields-glued",
];

#[test]
fn each_finding_is_shown_by_one_capture_and_not_by_another_that_nearly_does() {
    let mut wrong = Vec::new();
    for (index, case) in CASES.iter().enumerate() {
        let name = case.name;
        let shown = (case.shows)();
        if !has(&shown, name) {
            let names: Vec<_> = shown.iter().map(|f| f.name.clone()).collect();
            wrong.push(format!("case {index}: {name} is missing, only {names:?}"));
        }
        let nearly = (case.nearly)();
        if let Some(found) = nearly.iter().find(|finding| finding.name == name) {
            wrong.push(format!("case {index}: {name} too much: {}", found.message));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_catalogue_and_the_cases_hold_the_same_names() {
    let tested: BTreeSet<&str> = CASES
        .iter()
        .map(|case| case.name)
        .chain(ELSEWHERE)
        .collect();
    let told: BTreeSet<&str> = catalogue::all().map(|entry| entry.name).collect();
    assert_eq!(tested, told);
}

#[test]
fn whatever_is_found_is_in_the_catalogue_and_reads_well() {
    for case in CASES {
        for finding in (case.shows)().into_iter().chain((case.nearly)()) {
            let name = finding.name.as_ref();
            assert!(catalogue::find(name).is_some(), "{name}");
            let (message, fix) = (&finding.message, &finding.fix);
            assert!(message.ends_with('.'), "{name}: {message}");
            assert!(fix.ends_with('.'), "{name}: {fix}");
            assert!(!message.contains("  "), "{name}: {message}");
            let first = message.chars().next().expect("a letter");
            assert!(
                !first.is_lowercase() || name.contains("file"),
                "{name}: {message}"
            );
            assert!(finding.packets.is_sorted(), "{name}");
            if name != "limit-reached" && name != "kernel-drops" {
                assert!(
                    !finding.packets.is_empty(),
                    "{name} without frames: {message}"
                );
            }
            if finding.certainty == Certainty::Risk {
                assert_eq!(finding.severity, Severity::Note, "{name}");
            }
        }
    }
}

#[test]
fn healthy_captures_have_no_errors_and_no_warnings() {
    for capture in [
        "eof",
        "eof-mtu1500",
        "pipeline",
        "marker-split",
        "catalog",
        "raw-pixels",
        "udp",
        "length-u32be",
    ] {
        let bad = warned(on(capture));
        assert!(bad.is_empty(), "{capture}: {bad:#?}");
    }
}

#[test]
fn the_hang_is_explained_and_what_follows_from_it_is_a_note() {
    let findings = on("pipeline-hang");
    let hang = one(&findings, "marker-unanswered");
    assert_eq!(hang.severity, Severity::Error);
    assert_eq!(hang.certainty, Certainty::Proven);
    assert_eq!(hang.stream.map(|id| id.0), Some(2));
    assert_eq!(frames_of(hang), [44, 48, 50, 51, 54]);
    for part in [
        "6,080 bytes",
        "2.52 s",
        "1,984",
        "recv(2048)",
        "two segments",
    ] {
        assert!(hang.message.contains(part), "{part}: {}", hang.message);
    }
    assert_eq!(
        one(&findings, "reset-mid-transfer").severity,
        Severity::Note
    );
    assert_eq!(warned(findings).len(), 1);
}

#[test]
fn unknown_markers_and_uploads_are_likely_only() {
    let findings = upload(true, false);
    assert_eq!(
        one(&findings, "marker-unanswered").certainty,
        Certainty::Likely
    );
    // Nobody waits: the server may be waiting for workers.
    assert!(!has(&upload(false, false), "marker-unanswered"));
}

#[test]
fn the_side_that_reset_is_named() {
    let findings = on("raw-pixels-reset");
    let reset = one(&findings, "reset-mid-transfer");
    assert!(
        reset
            .message
            .starts_with("The server 127.0.0.1:9909, the receiver"),
        "{}",
        reset.message
    );
    assert_eq!(frames_of(reset), [233, 234]);
    let findings = eof(&jpeg()[..5000], |scenario, tcp| {
        scenario.rst_bare(tcp, Client)
    })
    .findings();
    let reset = one(&findings, "reset-mid-transfer");
    assert!(
        reset
            .message
            .starts_with("The client 10.0.0.1:41000, the sender"),
        "{}",
        reset.message
    );
}

#[test]
fn conflict_names_both_bytes_both_frames_and_the_copy_that_was_kept() {
    let changed = |before_ack: bool, bad_checksum: bool| {
        let scenario = eof(&[], |scenario, tcp| {
            let picture = jpeg();
            scenario.send(tcp, Client, &picture[..1000]);
            if before_ack {
                scenario.ack(tcp, Server);
            }
            let mut again = picture[..1000].to_vec();
            again[500] ^= 0xff;
            scenario.again(tcp, Client, 1000, &again);
            if bad_checksum {
                let frame = scenario.frames.last_mut().expect("a frame");
                frame.data[50] ^= 1;
            }
            scenario.ack(tcp, Server);
            scenario.transfer(tcp, Client, &picture[1000..], 1000);
            scenario.close(tcp, Client);
        });
        let findings = scenario.findings();
        one(&findings, "conflicting-retransmission").clone()
    };
    let finding = changed(true, false);
    let byte = jpeg()[500];
    assert!(finding.message.contains(&format!(
        "byte 500 is {byte:#04x} in frame 4 and {:#04x} in frame 6",
        byte ^ 0xff
    )));
    assert!(finding.message.contains("the receiver has the first copy"));
    assert_eq!(frames_of(&finding), [4, 6]);
    assert!(changed(false, false).message.contains("cannot be told"));
    let finding = changed(false, true);
    assert!(
        finding.message.contains("checksum of frame 5"),
        "{}",
        finding.message
    );
}

#[test]
fn stall_names_who_waited() {
    let of = |prepare: fn(&mut Scenario, &mut scenario::Tcp)| {
        let scenario = eof(&jpeg()[..5000], |scenario, tcp| {
            prepare(scenario, tcp);
            scenario.wait(4000);
            tcp.window[1] = 60000;
            scenario.ack(tcp, Server);
            scenario.transfer(tcp, Client, &jpeg()[5000..], 1024);
            scenario.close(tcp, Client);
        });
        let findings = scenario.findings();
        one(&findings, "stall").message.clone()
    };
    let message = of(|_, _| {});
    assert!(message.contains("the program itself paused"), "{message}");
    let message = of(|scenario, tcp| {
        tcp.window[1] = 0;
        scenario.ack(tcp, Server);
    });
    assert!(message.contains("no room"), "{message}");
}

#[test]
fn rows_of_raw_pixels_are_suggested_with_the_flag_to_give() {
    let findings = on("raw-pixels");
    let width = one(&findings, "width-unknown");
    assert!(
        width.message.contains("200 × 150 pixels"),
        "{}",
        width.message
    );
    assert!(
        width.fix.contains("--protocol 9909=raw-pixels=200"),
        "{}",
        width.fix
    );
}

#[test]
fn frames_captured_twice_are_not_called_sent_twice() {
    let mut frames = Vec::new();
    for frame in real("eof") {
        let mut copy = frame.clone();
        copy.interface = 1;
        frames.extend([frame, copy]);
    }
    let findings = findings(&frames);
    assert!(!has(&findings, "retransmission"), "{findings:#?}");
    assert!(!has(&findings, "duplicate-ack"), "{findings:#?}");
    assert!(warned(findings).is_empty());
}

#[test]
fn a_format_given_for_a_port_is_what_an_empty_connection_is_judged_by() {
    let mut scenario = Scenario::new();
    let mut tcp = scenario.connect(41000, 7777);
    scenario.wait(5000);
    scenario.close(&mut tcp, Client);
    let findings = scenario.findings();
    assert_eq!(one(&findings, "empty-request").severity, Severity::Warning);
    let findings = with((7777, "catalog"), &scenario.frames);
    assert_eq!(one(&findings, "empty-request").severity, Severity::Error);
    // Workers of the pipeline wait until the server speaks.
    let findings = with((7777, &Protocol::pipeline().to_string()), &scenario.frames);
    assert!(!has(&findings, "empty-request"));
}

#[test]
fn the_document_is_generated_from_the_catalogue() {
    let path = captures_folder().join("../docs/findings.md");
    let document = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        document == catalogue::document(),
        "docs/findings.md is not what the catalogue says; write it again: \
         cargo run -- explain --format markdown > docs/findings.md"
    );
}

#[test]
fn explain_answers_and_suggests() {
    let output = support::imgnet(&["explain", "marker-unanswered"]);
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8_lossy(&output.stdout);
    for part in [
        "Python, wrong",
        "Rust, right",
        "Wireshark display filter",
        "recv()",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let output = support::imgnet(&["explain", "marker-unansered"]);
    assert_eq!(output.status.code(), Some(2));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        errors.contains("did you mean marker-unanswered"),
        "{errors}"
    );
}
