//! What happens in the cases of `tests/framings/findings.rs`: pictures sent well and badly, and what is found of it.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a helper of a test reads files, and may fail as the test may"
)]

use imgnet::analysis::Options;
use imgnet::findings::facts::{DirectionFacts, Numbering, StreamFacts};
use imgnet::findings::{Finding, Severity, rules};
use imgnet::wire::framed;

use crate::scenario::{self, Captured, Client, Scenario, Server, findings, real, told};
use crate::support::captures_folder;

pub(crate) const MARKER: &[u8] = b"%IMAGE_COMPLETED%";

pub(crate) fn file(path: &str) -> Vec<u8> {
    std::fs::read(captures_folder().join(path)).expect("a file of the captures")
}

/// 12,088 bytes: 5 chunks of 2,048 and 1,848 more.
pub(crate) fn jpeg() -> Vec<u8> {
    file("pipeline-hang/sent/upload.jpg")
}

pub(crate) fn png() -> Vec<u8> {
    file("eof-mtu1500/sent/a.png")[..].to_vec()
}

pub(crate) fn has(findings: &[Finding], name: &str) -> bool {
    findings.iter().any(|finding| finding.name.as_str() == name)
}

pub(crate) fn one<'f>(findings: &'f [Finding], name: &str) -> &'f Finding {
    let named: Vec<&Finding> = findings
        .iter()
        .filter(|f| f.name.as_str() == name)
        .collect();
    assert_eq!(named.len(), 1, "{name} once in {findings:#?}");
    named[0]
}

pub(crate) fn frames_of(finding: &Finding) -> Vec<u64> {
    finding.packets.iter().map(|frame| frame.0).collect()
}

pub(crate) fn on(capture: &str) -> Vec<Finding> {
    findings(&real(capture))
}

pub(crate) fn with(protocol: (u16, &str), frames: &[Captured]) -> Vec<Finding> {
    let options = Options {
        protocols: vec![(protocol.0, protocol.1.parse().expect("a format"))],
        ..Options::default()
    };
    told(frames, options).findings
}

/// A whole picture over `eof`, with something done before the close.
pub(crate) fn eof(
    picture: &[u8],
    before_close: impl FnOnce(&mut Scenario, &mut scenario::Tcp),
) -> Scenario {
    let mut scenario = Scenario::new();
    let mut tcp = scenario.connect(41000, 65432);
    scenario.transfer(&mut tcp, Client, picture, 1024);
    before_close(&mut scenario, &mut tcp);
    scenario
}

/// A picture on a port that says nothing, after some bytes, on a connection that stays open.
pub(crate) fn left_open(before: &[u8]) -> Vec<Finding> {
    let mut scenario = Scenario::new();
    let mut tcp = scenario.connect(41000, 7000);
    scenario.transfer(&mut tcp, Server, &[before, &jpeg()].concat(), 1400);
    scenario.wait(5000).other_traffic();
    scenario.findings()
}

/// The server of the pipeline sends half a picture and the marker to a worker.
pub(crate) fn to_worker(
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

/// A length, so many bytes of its picture, and silence.
pub(crate) fn stops(
    bytes: usize,
    acknowledged: bool,
    after: impl FnOnce(&mut Scenario, &mut scenario::Tcp),
) -> Vec<Finding> {
    let picture = jpeg();
    let length = u32::try_from(picture.len()).expect("a small picture");
    let message = [&length.to_be_bytes()[..], &picture[..bytes]].concat();
    let mut scenario = Scenario::new();
    let mut tcp = scenario.connect(41000, 7000);
    scenario.transfer(&mut tcp, Client, &message, 1400);
    if !acknowledged {
        scenario.send(&mut tcp, Client, &picture[bytes..bytes + 100]);
    }
    after(&mut scenario, &mut tcp);
    scenario.wait(5000).other_traffic();
    scenario.findings()
}

/// A client says something, something follows, and then nothing.
pub(crate) fn says(
    what: &[u8],
    after: impl FnOnce(&mut Scenario, &mut scenario::Tcp),
) -> Vec<Finding> {
    let mut scenario = Scenario::new();
    let mut tcp = scenario.connect(41000, 7000);
    scenario.transfer(&mut tcp, Client, what, 1400);
    after(&mut scenario, &mut tcp);
    scenario.wait(5000).other_traffic();
    scenario.findings()
}

/// Pictures behind their lengths, each answered after so many milliseconds or not; then five seconds of silence.
pub(crate) fn answered(milliseconds: i64, answers: &[bool]) -> Vec<Finding> {
    let picture = jpeg();
    let length = u32::try_from(picture.len()).expect("a small picture");
    let message = [&length.to_be_bytes()[..], &picture].concat();
    let mut scenario = Scenario::new();
    let mut tcp = scenario.connect(41000, 7000);
    for answer in answers {
        scenario.transfer(&mut tcp, Client, &message, 1400);
        if *answer {
            scenario.wait(milliseconds);
            scenario.send(&mut tcp, Server, b"OK");
            scenario.ack(&mut tcp, Client);
        }
    }
    scenario.wait(5000).other_traffic();
    scenario.findings()
}

/// An upload with a marker, then silence; a worker waits, and may get its half.
pub(crate) fn upload(worker: bool, served: bool) -> Vec<Finding> {
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

/// A picture and the marker to a server and, where it answers, another one back, all on one connection.
pub(crate) fn edited(
    answers: bool,
    after: impl FnOnce(&mut Scenario, &mut scenario::Tcp),
) -> Vec<Finding> {
    let mut scenario = Scenario::new();
    let mut tcp = scenario.connect(41000, 5050);
    scenario.transfer(&mut tcp, Client, &jpeg(), 1400);
    scenario.send(&mut tcp, Client, MARKER);
    scenario.ack(&mut tcp, Server);
    if answers {
        scenario.transfer(&mut tcp, Server, &jpeg(), 1400);
        scenario.send(&mut tcp, Server, MARKER);
        scenario.ack(&mut tcp, Client);
    }
    after(&mut scenario, &mut tcp);
    scenario.other_traffic();
    scenario.findings()
}

pub(crate) fn raw_pixels(bytes: usize) -> Vec<Captured> {
    let mut scenario = Scenario::new();
    let mut tcp = scenario.connect(41000, 9909);
    scenario.transfer(&mut tcp, Client, &vec![7; bytes], 600);
    scenario.close(&mut tcp, Client);
    scenario.frames
}

pub(crate) fn marked(bytes: &[u8]) -> Vec<Finding> {
    let mut scenario = Scenario::new();
    let mut tcp = scenario.connect(41000, 5050);
    scenario.transfer(&mut tcp, Client, bytes, 1400);
    scenario.close(&mut tcp, Client);
    scenario.findings()
}

pub(crate) fn declared(length: u32, picture: &[u8]) -> Vec<Finding> {
    let mut scenario = Scenario::new();
    let mut tcp = scenario.connect(41000, 7000);
    scenario.send(&mut tcp, Client, &length.to_be_bytes());
    scenario.transfer(&mut tcp, Client, picture, 1400);
    scenario.close(&mut tcp, Client);
    with((7000, "length=u32be"), &scenario.frames)
}

pub(crate) fn upto(picture: &[u8], most: usize) -> &[u8] {
    &picture[..most.min(picture.len())]
}

pub(crate) fn length(picture: &[u8]) -> u32 {
    u32::try_from(picture.len()).expect("small")
}

pub(crate) fn udp(pieces: &[&[u8]], end: bool) -> Scenario {
    let mut scenario = Scenario::new();
    for piece in pieces {
        scenario.datagram([41000, 6001], piece);
    }
    if end {
        scenario.datagram([41000, 6001], b"");
    }
    scenario
}

/// A picture in three datagrams of imgnet's own format: index and transmission of each.
pub(crate) fn framed_datagrams(order: &[(u32, u32)]) -> Vec<Finding> {
    framed_scenario(order, 0).findings()
}

/// As [`framed_datagrams`], so many milliseconds between each.
pub(crate) fn framed_scenario(order: &[(u32, u32)], pause: i64) -> Scenario {
    let picture = jpeg();
    let size = picture.len().div_ceil(3);
    let mut scenario = Scenario::new();
    for &(index, transmission) in order {
        let place = usize::try_from(index).expect("a small number");
        let datagram = framed::Datagram {
            kind: framed::Kind::Data,
            picture: 7,
            index,
            total: 3,
            offset: (place * size) as u64,
            transmission,
            payload: picture.chunks(size).nth(place).expect("a piece"),
        };
        let mut bytes = Vec::new();
        datagram.encode(&mut bytes);
        scenario.wait(pause).datagram([41000, 6001], &bytes);
    }
    scenario
}

/// What the rules say of numbered datagrams; no format of the wire numbers them in these captures.
/// A picture in imgnet's own format, one byte of it changed on the way or none.
pub(crate) fn framed(changed: bool) -> Vec<Finding> {
    let picture = jpeg();
    let protocol = "framed".parse().expect("a format");
    let pieces = imgnet::wire::pieces(&protocol, &picture, 2048).expect("it can be sent");
    let mut bytes: Vec<u8> = pieces.flat_map(|piece| piece.bytes.into_owned()).collect();
    if changed {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x10;
    }
    eof(&bytes, |scenario, tcp| scenario.close(tcp, Client)).findings()
}

pub(crate) fn numbered(numbering: Numbering) -> Vec<Finding> {
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

/// A small piece every `pause` milliseconds, the acknowledgment late and the next piece right after it, or not.
pub(crate) fn small_pieces(right_after: bool) -> Vec<Finding> {
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

pub(crate) fn zero_window(milliseconds: i64) -> Vec<Finding> {
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

pub(crate) fn warned(findings: Vec<Finding>) -> Vec<Finding> {
    findings
        .into_iter()
        .filter(|finding| finding.severity > Severity::Note)
        .collect()
}

pub(crate) fn many_streams() -> Vec<Captured> {
    let mut scenario = Scenario::new();
    for port in 0..40 {
        scenario.connect(41000 + port, 65432);
    }
    scenario.frames
}

/// A SYN, and what becomes of it.
pub(crate) fn asked(after: impl FnOnce(&mut Scenario, &mut scenario::Tcp)) -> Vec<Finding> {
    let mut scenario = Scenario::new();
    let mut tcp = scenario.ask(41000, 7000);
    after(&mut scenario, &mut tcp);
    scenario.findings()
}

/// A length, its picture, and a receiver that answers, or waits.
pub(crate) fn length_and_silence(answers: bool, pictures: usize) -> Vec<Finding> {
    let mut scenario = Scenario::new();
    let mut tcp = scenario.connect(41000, 7000);
    let picture = jpeg();
    let length = u32::try_from(picture.len()).expect("small").to_be_bytes();
    let message = [&length[..], &picture].concat();
    for _ in 0..pictures {
        scenario.transfer(&mut tcp, Client, &message, 1400);
        if answers {
            scenario.send(&mut tcp, Server, b"OK");
        }
        scenario.wait(5000).other_traffic();
    }
    scenario.findings()
}

/// A picture behind a length that is too large by so much, and nothing yet behind it.
fn announced(more: usize) -> (Scenario, scenario::Tcp) {
    let mut scenario = Scenario::new();
    let mut tcp = scenario.connect(50_000, 7_777);
    let picture = jpeg();
    let length = u32::try_from(picture.len() + more).expect("a small picture");
    let message = [&length.to_be_bytes()[..], &picture].concat();
    scenario.transfer(&mut tcp, Client, &message, 1400);
    (scenario, tcp)
}

/// A picture behind a length that is too large by so much, and then the end.
pub(crate) fn sized(more: usize) -> Vec<Finding> {
    let (mut scenario, mut tcp) = announced(more);
    scenario.close(&mut tcp, Client);
    scenario.findings()
}

/// Datagrams, each answered by an ICMP message of this type and code that quotes so many bytes of it.
pub(crate) fn refused_datagrams(icmp: [u8; 2], quoted: usize) -> Vec<Finding> {
    let mut scenario = Scenario::new();
    for piece in jpeg().chunks(1024) {
        scenario.datagram([41_000, 7_000], piece);
        scenario.icmp(icmp, quoted);
    }
    scenario.findings()
}

/// A picture behind a length that is too large by so much, and so many milliseconds in which nothing more comes.
pub(crate) fn waits_for(more: usize, silence: i64) -> Vec<Finding> {
    let (mut scenario, _) = announced(more);
    scenario.wait(silence).other_traffic();
    scenario.findings()
}

/// Three pictures, each behind its width, its height and its length, which is in their byte order or in the other.
pub(crate) fn sizes_and_lengths(alike: bool) -> Vec<Finding> {
    let mut scenario = Scenario::new();
    let mut tcp = scenario.connect(50_000, 7_777);
    let picture = jpeg();
    let size = image::load_from_memory(&picture).expect("a picture");
    let length = length(&picture);
    let length = if alike {
        length.to_be_bytes()
    } else {
        length.to_le_bytes()
    };
    let sides = [size.width(), size.height()].map(u32::to_be_bytes);
    let message = [&sides.concat()[..], &length, &picture].concat();
    for _ in 0..3 {
        scenario.transfer(&mut tcp, Client, &message, 1400);
    }
    scenario.close(&mut tcp, Client);
    scenario.findings()
}

/// A picture behind these bytes.
pub(crate) fn framed_by(header: &[u8]) -> Vec<Finding> {
    let mut scenario = Scenario::new();
    let mut tcp = scenario.connect(41000, 7000);
    scenario.transfer(&mut tcp, Client, &[header, &jpeg()].concat(), 1400);
    scenario.close(&mut tcp, Client);
    scenario.findings()
}
