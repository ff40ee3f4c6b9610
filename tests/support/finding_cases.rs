//! The cases of `tests/framings/findings.rs`: for each finding a capture that shows it and one that nearly does.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a helper of a test reads files, and may fail as the test may"
)]

use imgnet::findings::Finding;
use imgnet::findings::facts::Numbering;

use crate::scenario::{Client, Scenario, Server, findings, real};
use crate::scenes::*;

#[path = "finding_cases_network.rs"]
mod network;

/// A case: the finding, a capture that shows it, one that nearly does.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) shows: fn() -> Vec<Finding>,
    pub(crate) nearly: fn() -> Vec<Finding>,
}

pub(crate) fn cases() -> impl Iterator<Item = &'static Case> {
    PROGRAMS.iter().chain(network::CASES)
}

/// What programs do with their sockets, their framing and their pictures.
const PROGRAMS: &[Case] = &[
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
    // The worker that hangs is ended first: its close is no answer, unless it comes soon.
    Case {
        name: "marker-unanswered",
        shows: || {
            to_worker(
                |scenario, tcp| {
                    scenario.wait(6000);
                    scenario.close(tcp, Client);
                },
                true,
            )
        },
        nearly: || {
            to_worker(
                |scenario, tcp| {
                    scenario.wait(500);
                    scenario.close(tcp, Client);
                    scenario.wait(6000);
                },
                true,
            )
        },
    },
    // The server saw no marker: the client waits for the edited picture.
    Case {
        name: "marker-unanswered",
        shows: || {
            edited(false, |scenario, tcp| {
                scenario.wait(6000);
                scenario.close(tcp, Server);
            })
        },
        nearly: || {
            edited(false, |scenario, tcp| {
                scenario.close(tcp, Client);
                scenario.wait(6000);
            })
        },
    },
    // The client saw no marker in what it got back.
    Case {
        name: "marker-unanswered",
        shows: || {
            edited(true, |scenario, tcp| {
                scenario.wait(6000);
                scenario.close(tcp, Client);
            })
        },
        nearly: || {
            edited(true, |scenario, tcp| {
                scenario.close(tcp, Client);
                scenario.wait(6000);
            })
        },
    },
    // The server closed at once, the client takes no notice of that either.
    Case {
        name: "marker-unanswered",
        shows: || {
            edited(true, |scenario, tcp| {
                scenario.fin(tcp, Server);
                scenario.ack(tcp, Client);
                scenario.wait(6000);
                scenario.fin(tcp, Client);
            })
        },
        nearly: || {
            edited(true, |scenario, tcp| {
                scenario.fin(tcp, Server);
                scenario.fin(tcp, Client);
                scenario.wait(6000);
            })
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
                scenario.rst_bare(tcp, Client);
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
        name: "no-end-of-stream",
        shows: || eof(&jpeg(), |scenario, tcp| scenario.rst(tcp, Client)).findings(),
        // A reset behind the close.
        nearly: || {
            eof(&jpeg(), |scenario, tcp| {
                scenario.close(tcp, Client);
                scenario.rst(tcp, Client);
            })
            .findings()
        },
    },
    Case {
        name: "no-end-of-stream",
        shows: || left_open(b""),
        // What stands before the picture may say how long it is.
        nearly: || left_open(b"HTTP/1.1 200 OK\r\nContent-Length: 12088\r\n\r\n"),
    },
    Case {
        name: "stray-bytes",
        shows: || {
            let mut scenario = Scenario::new();
            let mut tcp = scenario.connect(41000, 7000);
            let bytes = [&jpeg()[..], b"x"].concat();
            scenario.transfer(&mut tcp, Client, &bytes, 1400);
            scenario.close(&mut tcp, Client);
            scenario.findings()
        },
        // Behind a marker that is known nothing is left over.
        nearly: || {
            let mut scenario = Scenario::new();
            let mut tcp = scenario.connect(41000, 7000);
            let bytes = [&jpeg()[..], b"<END>"].concat();
            scenario.transfer(&mut tcp, Client, &bytes, 1400);
            scenario.close(&mut tcp, Client);
            scenario.findings()
        },
    },
    Case {
        name: "unknown-framing",
        shows: || framed_by(&[9, 8, 7, 6, 5]),
        // A header that can be read.
        nearly: || {
            let length = u32::try_from(jpeg().len()).unwrap_or(0);
            framed_by(&[&[1][..], &length.to_be_bytes()].concat())
        },
    },
    Case {
        name: "wrong-byte-order",
        shows: || length_and_silence(false, 1),
        nearly: || length_and_silence(true, 1),
    },
    Case {
        name: "wrong-byte-order",
        shows: || length_and_silence(false, 1),
        // Whoever goes on after a silence waits for no answer.
        nearly: || length_and_silence(false, 2),
    },
    Case {
        name: "mixed-byte-order",
        shows: || sizes_and_lengths(false),
        nearly: || sizes_and_lengths(true),
    },
    Case {
        name: "connection-refused",
        shows: || asked(|scenario, tcp| scenario.rst(tcp, Server)),
        // Refused after it stood.
        nearly: || {
            let mut scenario = Scenario::new();
            let mut tcp = scenario.connect(41000, 7000);
            scenario.rst(&mut tcp, Server);
            scenario.findings()
        },
    },
    Case {
        name: "connection-refused",
        // As little as a router quotes.
        shows: || refused_datagrams([3, 3], 8),
        // Too large for the path, and so little that nothing tells of whom it speaks.
        nearly: || [refused_datagrams([3, 4], 8), refused_datagrams([3, 3], 2)].concat(),
    },
    Case {
        name: "connection-refused",
        // A firewall, all of it quoted.
        shows: || refused_datagrams([3, 13], 2000),
        // Time exceeded.
        nearly: || refused_datagrams([11, 0], 2000),
    },
    Case {
        name: "connection-timeout",
        shows: || {
            asked(|scenario, _| {
                scenario.wait(5000).other_traffic();
            })
        },
        // The capture ended before anybody could answer.
        nearly: || {
            asked(|scenario, _| {
                scenario.wait(500).other_traffic();
            })
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
            // Where the format is given, all bytes are of the picture.
            let bytes = [&jpeg()[..], b"\r\n"].concat();
            let scenario = eof(&bytes, |scenario, tcp| scenario.close(tcp, Client));
            with((65432, "eof"), &scenario.frames)
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
        shows: || waits_for(100, 5000),
        // The rest may be on its way.
        nearly: || waits_for(100, 500),
    },
    Case {
        name: "wrong-size-given",
        shows: || waits_for(33, 5000),
        nearly: || waits_for(33, 500),
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
        name: "sender-stopped",
        shows: || stops(jpeg().len() - 1, true, |_, _| {}),
        // The declared length, and all of it.
        nearly: || stops(jpeg().len(), true, |_, _| {}),
    },
    Case {
        name: "sender-stopped",
        shows: || stops(5000, true, |_, _| {}),
        // It closed: it was over, if too early.
        nearly: || stops(5000, true, |scenario, tcp| scenario.close(tcp, Client)),
    },
    Case {
        name: "sender-stopped",
        shows: || stops(100, true, |_, _| {}),
        // Nobody has it yet.
        nearly: || stops(5000, false, |_, _| {}),
    },
    Case {
        name: "no-answer",
        shows: || says(b"118115", |_, _| {}),
        nearly: || {
            says(b"118115", |scenario, tcp| {
                scenario.send(tcp, Server, b"ok\n");
                scenario.ack(tcp, Client);
            })
        },
    },
    Case {
        name: "no-answer",
        shows: || says(&[7; 4096], |_, _| {}),
        // More than a request: nothing of ours.
        nearly: || says(&[7; 4097], |_, _| {}),
    },
    Case {
        name: "no-answer",
        shows: || {
            says(b"SIZE 118115", |scenario, tcp| {
                scenario.send(tcp, Server, b"GOT SIZE");
                scenario.ack(tcp, Client);
            })
        },
        nearly: || says(b"SIZE 118115", |scenario, tcp| scenario.close(tcp, Client)),
    },
    // The first was answered after a second, and the second not within five.
    Case {
        name: "no-answer",
        shows: || answered(1000, &[true, false]),
        nearly: || answered(1000, &[true, true]),
    },
    Case {
        name: "no-answer",
        shows: || answered(1000, &[true, true, false]),
        // Who is as slow may be at it still.
        nearly: || answered(1500, &[true, true, false]),
    },
    Case {
        name: "no-answer",
        shows: || answered(0, &[true, true, true, false]),
        // One that answers some pictures answers the last one of them.
        nearly: || answered(0, &[true, false, true, false]),
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
        shows: || on("formats/udp-index-lost"),
        // Repeated and out of turn, but all of them came.
        nearly: || on("formats/udp-index"),
    },
    Case {
        name: "datagram-retransmission",
        shows: || framed_datagrams(&[(0, 0), (1, 1), (1, 2), (2, 3)]),
        // The very same datagram twice: doubled on its way.
        nearly: || framed_datagrams(&[(0, 0), (1, 1), (1, 1), (2, 2)]),
    },
    Case {
        name: "datagram-duplicated",
        shows: || on("formats/udp-index"),
        nearly: || on("formats/udp-index-lost"),
    },
    Case {
        name: "datagram-reordered",
        shows: || on("formats/udp-index"),
        nearly: || on("formats/udp-countdown"),
    },
    Case {
        name: "fields-glued",
        shows: || on("formats/name-size-marker"),
        // No terminator either, but the answer says where the digits end.
        nearly: || on("formats/size-handshake"),
    },
    Case {
        name: "wrong-size-given",
        shows: || sized(33),
        // Too many as well, and no number that says why.
        nearly: || sized(35),
    },
    Case {
        name: "wrong-digest",
        shows: || framed(true),
        nearly: || framed(false),
    },
    Case {
        name: "bad-encoding",
        shows: || {
            let mut frames = real("formats/base64");
            // A byte that base64 does not have, after one letter of a group of four: no byte can be made of one.
            let longest = frames.iter_mut().max_by_key(|frame| frame.data.len());
            let text = &mut longest.expect("a frame").data[66..];
            text[4001] = b'!';
            findings(&frames)
        },
        nearly: || on("formats/base64"),
    },
    Case {
        name: "bad-encoding",
        shows: || {
            let mut frames = real("formats/base64");
            // A byte that base64 does not have, where a group of four ends: what is before it decodes.
            let longest = frames.iter_mut().max_by_key(|frame| frame.data.len());
            let text = &mut longest.expect("a frame").data[66..];
            text[4000] = b'!';
            findings(&frames)
        },
        nearly: || {
            let mut frames = real("formats/base64");
            // Line breaks are part of the text, where its lines are short.
            let longest = frames.iter_mut().max_by_key(|frame| frame.data.len());
            let text = &mut longest.expect("a frame").data[66..];
            for at in (76..text.len()).step_by(77).take(4) {
                text[at] = b'\n';
            }
            findings(&frames)
        },
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
    // A word says the end as well as an empty datagram does.
    Case {
        name: "no-end-datagram",
        shows: || {
            let picture = jpeg();
            let pieces: Vec<&[u8]> = picture.chunks(1024).collect();
            let mut scenario = udp(&pieces, false);
            scenario.wait(3000).other_traffic();
            scenario.findings()
        },
        nearly: || {
            let picture = jpeg();
            let mut pieces: Vec<&[u8]> = picture.chunks(1024).collect();
            pieces.push(b"END");
            let mut scenario = udp(&pieces, false);
            scenario.wait(3000).other_traffic();
            scenario.findings()
        },
    },
];
