//! What TCP shows twice, or shows and nobody took: a copy that the receiver must have dropped does not count, a conflict that
//! nothing decides is no verdict, and what nobody acknowledged is no fault of the receiver.

use imgnet::analysis::Options;
use imgnet::cli::verify::{MemoryFile, verified};
use imgnet::findings::Name;
use imgnet::ledger::Verdict;
use imgnet::ledger::comparison::Blamed;
use imgnet::report::Report;

use super::kept;
use super::scenario::{Client, Scenario, Server, Tcp};
use super::sweep::Kept;

fn picture() -> Vec<u8> {
    super::framings::pictures("png").swap_remove(0)
}

pub(super) fn file(bytes: &[u8]) -> Vec<MemoryFile> {
    vec![MemoryFile {
        path: "a.png".to_owned(),
        bytes: bytes.into(),
        named: false,
    }]
}

pub(super) fn judged(scenario: &Scenario, sent: &[u8], received: Option<&[u8]>) -> Report {
    let frames = kept(&scenario.frames);
    let received = received.map(file);
    verified(
        frames.iter().map(Kept::frame),
        Vec::new(),
        Some(&file(sent)),
        received.as_deref(),
        Options::default(),
    )
    .expect("all in memory")
}

/// A connection on which the second 500 bytes come twice, the first copy and the second one.
fn twice(picture: &[u8], copies: [&[u8]; 2], acknowledged: bool) -> Scenario {
    let mut scenario = Scenario::new();
    let mut tcp = scenario.connect(40_000, 7007);
    scenario.transfer(&mut tcp, Client, &picture[..500], 500);
    scenario.send(&mut tcp, Client, copies[0]);
    if acknowledged {
        scenario.ack(&mut tcp, Server);
    }
    scenario.wait(250);
    scenario.again(&tcp, Client, 500, copies[1]);
    scenario.ack(&mut tcp, Server);
    scenario.transfer(&mut tcp, Client, &picture[1000..], 500);
    scenario.close(&mut tcp, Client);
    scenario
}

fn damaged(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[7] ^= 1;
    bytes
}

/// Time to live of a frame, with the sum that goes with it.
fn set_hops(frame: &mut super::scenario::Captured, hops: u8) {
    let header = &mut frame.data[14..34];
    header[8] = hops;
    header[10..12].fill(0);
    let mut sum: u32 = header
        .chunks(2)
        .map(|two| u32::from(two[0]) << 8 | u32::from(two[1]))
        .sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    let sum = !u16::try_from(sum).expect("folded");
    header[10..12].copy_from_slice(&sum.to_be_bytes());
}

fn blamed(report: &Report) -> Vec<Blamed> {
    let compared = report.images.iter().filter_map(|one| one.compared.as_ref());
    compared
        .filter_map(|one| Some(one.blame.as_ref()?.who))
        .collect()
}

fn has(report: &Report, name: Name) -> bool {
    report.findings.iter().any(|one| one.name == name)
}

#[test]
fn a_conflict_that_nothing_decides_is_no_verdict() {
    let picture = picture();
    let (good, bad) = (&picture[500..1000], damaged(&picture[500..1000]));
    for copies in [[good, &bad], [&bad, good]] {
        let scenario = twice(&picture, copies, false);
        let report = judged(&scenario, &picture, None);
        assert_eq!(report.verdict, Some(Verdict::Inconclusive));
        assert_eq!(blamed(&report), [Blamed::Unknown]);
        assert!(has(&report, Name::ConflictingRetransmission));
        // The receiver's file tells which copy it took, where it is the one that was compared; it is never to blame.
        let report = judged(&scenario, &picture, Some(&picture));
        let right = if copies[0] == good {
            Verdict::Match
        } else {
            Verdict::Inconclusive
        };
        assert_eq!(report.verdict, Some(right));
        let mut other = picture.clone();
        other[507] ^= 1;
        let report = judged(&scenario, &picture, Some(&other));
        assert_eq!(report.verdict, Some(Verdict::Mismatch));
        assert_eq!(blamed(&report), [Blamed::Unknown], "{:?}", report.images);
    }
}

#[test]
fn a_conflict_with_what_was_acknowledged_is_decided() {
    let picture = picture();
    let (good, bad) = (&picture[500..1000], damaged(&picture[500..1000]));
    let report = judged(&twice(&picture, [good, &bad], true), &picture, None);
    assert_eq!(report.verdict, Some(Verdict::Match));
    let report = judged(&twice(&picture, [&bad, good], true), &picture, None);
    assert_eq!(report.verdict, Some(Verdict::Mismatch));
    assert_eq!(blamed(&report), [Blamed::Sender]);
}

#[test]
fn a_copy_that_no_router_passes_on_does_not_count() {
    let picture = picture();
    let (good, bad) = (&picture[500..1000], damaged(&picture[500..1000]));
    for (copies, right) in [
        ([&bad[..], good], Verdict::Match),
        ([good, &bad], Verdict::Mismatch),
    ] {
        let mut scenario = twice(&picture, copies, false);
        let first = scenario
            .frames
            .iter()
            .position(|frame| frame.data.ends_with(copies[0]))
            .expect("the first copy");
        set_hops(&mut scenario.frames[first], 1);
        let report = judged(&scenario, &picture, None);
        assert_eq!(report.verdict, Some(right));
        assert!(!has(&report, Name::ConflictingRetransmission));
    }
}

#[test]
fn what_nobody_acknowledged_is_no_fault_of_the_receiver() {
    let picture = picture();
    let split = 1_500;
    let mut scenario = Scenario::new();
    let mut tcp: Tcp = scenario.connect(40_000, 7007);
    scenario.transfer(&mut tcp, Client, &picture[..split], 500);
    let rest = &picture[split..];
    scenario.send(&mut tcp, Client, rest);
    scenario.fin(&mut tcp, Client);
    for seconds in [1, 2] {
        scenario.wait(seconds * 1000);
        let back = u32::try_from(rest.len() + 1).expect("small");
        scenario.again(&tcp, Client, back, rest);
    }
    let report = judged(&scenario, &picture, Some(&picture[..split]));
    assert_eq!(report.verdict, Some(Verdict::Mismatch));
    assert_eq!(blamed(&report), [Blamed::Network]);
    assert!(!has(&report, Name::ReceiverStopped));
    // What was acknowledged is.
    let report = judged(&scenario, &picture, Some(&picture[..split - 400]));
    assert_eq!(blamed(&report), [Blamed::Receiver]);
    assert!(has(&report, Name::ReceiverStopped));
}

/// Files with these names and bytes, as those of a folder.
fn files(all: &[(&str, &[u8])]) -> Vec<MemoryFile> {
    let file = |(path, bytes): &(&str, &[u8])| MemoryFile {
        path: (*path).to_owned(),
        bytes: (*bytes).into(),
        named: false,
    };
    all.iter().map(file).collect()
}

pub(super) fn judged_of(
    frames: &[Kept],
    sent: &[MemoryFile],
    received: Option<&[MemoryFile]>,
) -> Report {
    verified(
        frames.iter().map(Kept::frame),
        Vec::new(),
        Some(sent),
        received,
        Options::default(),
    )
    .expect("all in memory")
}

#[test]
fn a_connection_that_is_opened_again_is_another_one() {
    let pictures = super::framings::pictures("png");
    let (first, second) = (&pictures[0], &pictures[1]);
    for reset in [false, true] {
        let mut scenario = Scenario::new();
        let mut tcp = scenario.connect(40_000, 7007);
        scenario.transfer(&mut tcp, Client, first, 500);
        scenario.fin(&mut tcp, Client);
        if reset {
            scenario.rst(&mut tcp, Server);
        } else {
            scenario.fin(&mut tcp, Server);
            scenario.ack(&mut tcp, Client);
        }
        scenario.wait(1_000);
        // The same ports, and the same initial sequence numbers.
        let mut tcp = scenario.connect(40_000, 7007);
        scenario.transfer(&mut tcp, Client, second, 500);
        scenario.close(&mut tcp, Client);
        let sent = files(&[("a.png", first), ("b.png", second)]);
        let report = judged_of(&kept(&scenario.frames), &sent, Some(&sent));
        assert_eq!(report.streams.len(), 2, "reset: {reset}");
        assert_eq!(report.images.len(), 2, "reset: {reset}");
        assert_eq!(report.verdict, Some(Verdict::Match), "reset: {reset}");
        assert!(!has(&report, Name::Retransmission));
        // Only the second picture is on the wire twice: one copy of the first is missing then.
        let report = judged_of(&kept(&scenario.frames), &files(&[("b.png", second)]), None);
        assert_ne!(report.verdict, Some(Verdict::Match));
    }
}

#[test]
fn a_syn_that_comes_again_opens_the_same_connection() {
    let picture = picture();
    let mut scenario = Scenario::new();
    // Nobody listened yet: the client's kernel asks again with the same number.
    let mut asked = scenario.ask(40_000, 7007);
    scenario.rst(&mut asked, Server);
    scenario.wait(500);
    let mut tcp = scenario.connect(40_000, 7007);
    scenario.transfer(&mut tcp, Client, &picture, 500);
    scenario.close(&mut tcp, Client);
    let report = judged(&scenario, &picture, None);
    assert_eq!(report.streams.len(), 1);
    // A second capture of the same frames, read behind the first.
    let mut frames = kept(&scenario.frames);
    frames.extend(frames.clone());
    for (number, frame) in (1..).zip(&mut frames) {
        frame.number = number;
    }
    let report = judged_of(&frames, &file(&picture), None);
    assert_eq!(report.streams.len(), 1);
}

#[test]
fn options_that_the_snap_length_cut_off_take_no_segment_away() {
    let picture = picture();
    let mut scenario = Scenario::new();
    let mut tcp = scenario.connect(40_000, 7007);
    scenario.transfer(&mut tcp, Client, &picture, 500);
    let last = picture.chunks(500).next_back().expect("a segment");
    let back = u32::try_from(last.len()).expect("small");
    scenario.again(&tcp, Client, back, last);
    scenario.close(&mut tcp, Client);
    let whole = judged(&scenario, &picture, None);
    let segments: u64 = whole.streams[0]
        .directions
        .iter()
        .map(|way| way.packets)
        .sum();
    for snap in 54..90 {
        let cut: Vec<Kept> = kept(&scenario.frames)
            .iter()
            .map(|frame| with_time_stamps(frame).cut(snap))
            .collect();
        let report = judged_of(&cut, &file(&picture), None);
        assert!(!has(&report, Name::StartedLate), "snap length {snap}");
        let stream = &report.streams[0];
        let found: u64 = stream.directions.iter().map(|way| way.packets).sum();
        assert_eq!(found, segments, "snap length {snap}");
        assert_eq!(stream.directions[0].retransmitted_packets, 1, "{snap}");
        assert_eq!(report.verdict, Some(Verdict::Inconclusive), "{snap}");
    }
    // Where not even the numbers were captured the SYN may be there: nothing is proven of it.
    let frames: Vec<Kept> = kept(&scenario.frames);
    let cut: Vec<Kept> = frames
        .iter()
        .map(|frame| frame.cut(if frame.number <= 2 { 40 } else { 9000 }))
        .collect();
    let report = judged_of(&cut, &file(&picture), None);
    let late = report
        .findings
        .iter()
        .find(|one| one.name == Name::StartedLate);
    assert_eq!(
        late.map(|one| one.certainty),
        Some(imgnet::findings::Certainty::Likely)
    );
}

/// The segment with 12 bytes of options more: time stamps (RFC 7323), as nearly every connection has them.
fn with_time_stamps(frame: &Kept) -> Kept {
    const OPTIONS: [u8; 12] = [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2];
    let mut with = frame.clone();
    let at = 14 + 20;
    let end = at + 4 * usize::from(with.data[at + 12] >> 4);
    with.data.splice(end..end, OPTIONS);
    with.data[at + 12] += 3 << 4;
    let length = u16::from_be_bytes([with.data[16], with.data[17]]) + 12;
    with.data[16..18].copy_from_slice(&length.to_be_bytes());
    with.wire_len += 12;
    // Zero where nobody looks at it: the sums are not verified of what is cut, and of what is whole they are made anew.
    with.data[24..26].fill(0);
    let sum = sum(&with.data[14..34], 0);
    with.data[24..26].copy_from_slice(&sum.to_be_bytes());
    with.data[at + 16..at + 18].fill(0);
    let segment = with.data.len() - at;
    let pseudo: u32 = with.data[26..34]
        .chunks(2)
        .map(|two| u32::from(two[0]) << 8 | u32::from(two[1]))
        .sum::<u32>()
        + 6
        + u32::try_from(segment).expect("small");
    let tcp = self::sum(&with.data[at..], pseudo);
    with.data[at + 16..at + 18].copy_from_slice(&tcp.to_be_bytes());
    with
}

/// The Internet checksum of these bytes (RFC 1071).
fn sum(bytes: &[u8], start: u32) -> u16 {
    let mut sum = bytes.chunks(2).fold(start, |sum, two| {
        sum + (u32::from(two[0]) << 8 | u32::from(two.get(1).copied().unwrap_or(0)))
    });
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).expect("folded")
}

/// Ranges of a file, each asked for and answered on one connection.
fn ranges(bytes: &[u8], ranges: &[(usize, usize)], total: &str) -> Scenario {
    let of_it: Vec<_> = ranges.iter().map(|&range| (bytes, range)).collect();
    ranges_of(&of_it, total)
}

/// The same, each range from a file of its own.
fn ranges_of(ranges: &[(&[u8], (usize, usize))], total: &str) -> Scenario {
    let mut scenario = Scenario::new();
    let mut tcp = scenario.connect(40_000, 8080);
    for (bytes, (from, to)) in ranges {
        let last = to - 1;
        let request =
            format!("GET /a.png HTTP/1.1\r\nHost: x\r\nRange: bytes={from}-{last}\r\n\r\n");
        scenario.transfer(&mut tcp, Client, request.as_bytes(), 1_000);
        let part = &bytes[*from..*to];
        let head = format!(
            "HTTP/1.1 206 Partial Content\r\nContent-Type: image/png\r\nContent-Range: bytes {from}-{last}/{total}\r\n\
             Content-Length: {}\r\n\r\n",
            part.len()
        );
        let answer = [head.as_bytes(), part].concat();
        scenario.transfer(&mut tcp, Server, &answer, 1_000);
    }
    scenario.close(&mut tcp, Client);
    scenario
}

#[test]
fn a_part_that_was_asked_for_accuses_nobody() {
    let picture = picture();
    let all = picture.len();
    let total = all.to_string();
    let half = all / 2;
    let parts: [&[(usize, usize)]; 5] = [
        &[(0, half)],
        &[(half, all)],
        &[(300, half)],
        &[(0, 400), (half, all)],
        &[(0, half + 300), (half, all)],
    ];
    for asked in parts {
        for total in [total.as_str(), "*"] {
            let what = format!("{asked:?} of {total}");
            let scenario = ranges(&picture, asked, total);
            let report = judged(&scenario, &picture, None);
            assert_eq!(report.verdict, Some(Verdict::Unverified), "{what}");
            let errors: Vec<_> = report
                .findings
                .iter()
                .filter(|one| one.severity > imgnet::findings::Severity::Note)
                .collect();
            assert!(errors.is_empty(), "{what}: {errors:?}");
            let guilty = [Blamed::Sender, Blamed::Receiver, Blamed::Network];
            assert!(
                blamed(&report).iter().all(|who| !guilty.contains(who)),
                "{what}: {:?}",
                blamed(&report)
            );
        }
    }
    // All of them, in order, are the picture.
    let scenario = ranges(&picture, &[(0, 400), (400, half), (half, all)], &total);
    assert_eq!(
        judged(&scenario, &picture, None).verdict,
        Some(Verdict::Match)
    );
    // Where they overlap nobody knows which of two copies the client kept, and it has the file: it has lost nothing.
    let asked = [(0, half + 300), (half, all)];
    for wrong in [None, Some(0), Some(1)] {
        let mut other = picture.clone();
        other[half + 100] ^= 1;
        let mut parts = asked.map(|range| (picture.as_slice(), range));
        if let Some(wrong) = wrong {
            parts[wrong].0 = &other;
        }
        let report = judged(&ranges_of(&parts, &total), &picture, Some(&picture));
        let (shown, blamed) = (super::shown(&report), blamed(&report));
        let guilty = [Blamed::Receiver, Blamed::Network];
        assert!(
            blamed.iter().all(|who| !guilty.contains(who)),
            "{wrong:?}: {shown}"
        );
        if wrong.is_none() {
            assert_ne!(report.verdict, Some(Verdict::Mismatch), "{shown}");
            assert!(!blamed.contains(&Blamed::Sender), "{shown}");
        } else {
            assert_ne!(report.verdict, Some(Verdict::Match), "{wrong:?}: {shown}");
        }
    }
    // What came is not what the file has there.
    for asked in [(0, half), (300, half)] {
        let mut other = picture.clone();
        other[half - 100] ^= 1;
        let report = judged(&ranges(&other, &[asked], &total), &picture, None);
        assert_eq!(report.verdict, Some(Verdict::Mismatch), "{asked:?}");
        let compared = report.images[0].compared.as_ref().expect("compared");
        let mismatch = compared.mismatch.as_ref().expect("a difference");
        assert_eq!(mismatch.first_difference, Some(half as u64 - 100));
        assert_eq!(blamed(&report), [Blamed::Sender]);
    }
}

#[test]
fn a_text_that_quotes_a_signature_is_no_picture() {
    let texts: [&[u8]; 8] = [
        b"A picture begins with \xff\xd8\xff\xe0 as everybody knows.\n",
        b"\xff\xd8\xff\xe0, that is how it begins; and so on, and on, and on.",
        b"A \xff\xd8\xff\xe0\0\x10JFIF is what it looks like in a text\n",
        b"\"GIF89a\" is how a GIF begins, and then some more words follow here.\n",
        b"RIFF1234WEBP is how it begins, and more text follows here, you see.\n",
        b"\x89PNG\r\n\x1a\n is the signature of PNG, and more text follows here.\n",
        b"BM is the start of a bitmap. More text follows, and so it goes on.\n",
        b"{\"magic\":\"GIF89a\",\"other\":\"BM\",\"riff\":\"RIFF....WEBPVP8 \",\"n\":12}\n",
    ];
    for text in texts {
        for port in [7007, 5050, 65_432] {
            let what = format!("{:?} on {port}", String::from_utf8_lossy(text));
            let mut scenario = Scenario::new();
            let mut tcp = scenario.connect(40_000, port);
            scenario.transfer(&mut tcp, Client, text, 1_000);
            scenario.close(&mut tcp, Client);
            let report = super::sweep::analyse(&kept(&scenario.frames), &Options::default());
            assert!(report.images.is_empty(), "{what}: {:?}", report.images);
            // As the answer to a picture it takes nothing away from that.
            let picture = picture();
            let mut scenario = Scenario::new();
            let mut tcp = scenario.connect(40_000, 7007);
            scenario.transfer(&mut tcp, Client, &picture, 1_000);
            scenario.transfer(&mut tcp, Server, text, 1_000);
            scenario.close(&mut tcp, Client);
            let report = judged(&scenario, &picture, None);
            assert_eq!(report.verdict, Some(Verdict::Match), "{what}");
            assert_eq!(report.images.len(), 1, "{what}");
        }
    }
}

#[test]
fn without_a_packet_nothing_is_judged_and_nothing_is_said_to_be_whole() {
    let picture = picture();
    let report = judged_of(&[], &file(&picture), Some(&file(&picture)));
    assert_eq!(report.verdict, Some(Verdict::Unverified));
    assert!(!report.coverage.whole);
}

#[test]
fn a_received_file_that_is_nearly_the_picture_is_not_passed_over() {
    let picture = picture();
    let mut scenario = Scenario::new();
    let mut tcp = scenario.connect(40_000, 7007);
    scenario.transfer(&mut tcp, Client, &picture, 500);
    scenario.close(&mut tcp, Client);
    let frames = kept(&scenario.frames);
    let judged = |other: &[u8]| {
        let received = files(&[("new.png", other), ("old.png", &picture)]);
        judged_of(&frames, &file(&picture), Some(&received)).verdict
    };
    // What this run saved is damaged, or cut; the good copy beside it is of another one.
    let mut damaged = picture.clone();
    damaged[picture.len() / 2] ^= 1;
    assert_eq!(judged(&damaged), Some(Verdict::Unverified));
    assert_eq!(
        judged(&picture[..picture.len() - 1]),
        Some(Verdict::Unverified)
    );
    // Another picture, and the same one saved twice.
    assert_eq!(
        judged(&super::framings::pictures("png")[1]),
        Some(Verdict::Match)
    );
    assert_eq!(judged(&picture), Some(Verdict::Match));
}

#[test]
fn what_the_file_explains_is_no_fault_of_the_sender() {
    let picture = picture();
    let sent = |bytes: &[u8]| {
        let mut scenario = Scenario::new();
        let mut tcp = scenario.connect(40_000, 7007);
        scenario.transfer(&mut tcp, Client, bytes, 500);
        scenario.close(&mut tcp, Client);
        scenario
    };
    // The file itself is cut: the sender closed when it had sent all of it.
    let cut = &picture[..picture.len() / 2];
    let report = judged(&sent(cut), cut, None);
    assert_eq!(report.verdict, Some(Verdict::Match));
    assert!(!has(&report, Name::EarlyClose));
    let report = judged(&sent(cut), &picture, None);
    assert!(has(&report, Name::EarlyClose));
    // One byte is another one: none was skipped.
    let mut other = picture.clone();
    other[picture.len() / 2] ^= 1;
    let report = judged(&sent(&other), &picture, None);
    assert_eq!(report.verdict, Some(Verdict::Mismatch));
    assert!(!has(&report, Name::MissingInside));
}

#[test]
fn what_never_came_is_proven_only_where_every_frame_could_be_read() {
    let frames = super::scenario::real("pipeline-hang");
    let mut frames = kept(&frames);
    let certainty = |frames: &[Kept]| {
        let report = super::sweep::analyse(frames, &Options::default());
        let found = report.findings.into_iter();
        let mut found = found.filter(|one| one.name == Name::MarkerUnanswered);
        found.next().map(|one| one.certainty)
    };
    let proven = imgnet::findings::Certainty::Proven;
    assert_eq!(certainty(&frames), Some(proven));
    // A frame that nobody can read may have been the answer.
    let last = frames.last().expect("frames").clone();
    frames.push(Kept {
        number: last.number + 1,
        link: imgnet::frame::LinkType(9_999),
        ..last
    });
    let doubted = imgnet::findings::Certainty::Likely;
    assert_eq!(certainty(&frames), Some(doubted));
}

/// A connection on which this many bytes of the picture come before a byte that is urgent, and that is none of it or is.
fn with_urgent(picture: &[u8], before: usize, own: bool) -> Scenario {
    let mut scenario = Scenario::new();
    let mut tcp = scenario.connect(40_000, 7007);
    let length = u32::try_from(picture.len()).expect("small");
    scenario.send(&mut tcp, Client, &length.to_be_bytes());
    scenario.transfer(&mut tcp, Client, &picture[..before], 500);
    let urgent = if own { &picture[before..=before] } else { b"!" };
    scenario.urgent(&mut tcp, Client, urgent);
    scenario.ack(&mut tcp, Server);
    scenario.transfer(&mut tcp, Client, &picture[before + usize::from(own)..], 500);
    scenario.close(&mut tcp, Client);
    scenario
}

#[test]
fn an_urgent_byte_accuses_nobody() {
    let picture = picture();
    let with = |at: usize, byte: u8| [&picture[..at], &[byte], &picture[at..]].concat();
    let without = |at: usize| [&picture[..at], &picture[at + 1..]].concat();
    for at in [1, 700, picture.len() - 1] {
        let beside = with_urgent(&picture, at, false);
        let of_it = with_urgent(&picture, at, true);
        for (scenario, received, right) in [
            // Read apart, as programs do that ask for nothing else; nobody saw that it arrived.
            (&beside, Some(picture.clone()), Verdict::Match),
            (&beside, None, Verdict::Unverified),
            // Read in the stream.
            (&beside, Some(with(at, b'!')), Verdict::Mismatch),
            (&of_it, Some(picture.clone()), Verdict::Inconclusive),
            (&of_it, None, Verdict::Inconclusive),
            (&of_it, Some(without(at)), Verdict::Mismatch),
        ] {
            let report = judged(scenario, &picture, received.as_deref());
            assert_eq!(
                report.verdict,
                Some(right),
                "{at}: {}",
                super::shown(&report)
            );
            let accused = blamed(&report)
                .into_iter()
                .any(|who| !matches!(who, Blamed::Unknown | Blamed::Nobody));
            assert!(!accused, "{at}: {}", super::shown(&report));
            assert!(has(&report, Name::UrgentData));
            let errors = report
                .findings
                .iter()
                .any(|one| one.severity == imgnet::findings::Severity::Error);
            assert!(!errors, "{at}: {}", super::shown(&report));
        }
    }
}

#[test]
fn a_text_behind_the_only_picture_is_its_end_where_it_is_answered() {
    let picture = picture();
    for (tail, answer, right) in [
        (&b"NARF"[..], Some(&b"OK"[..]), Verdict::Match),
        (b"NARF", None, Verdict::Unverified),
        // Words that programs end with need no answer.
        (b"FIN", None, Verdict::Match),
        (b"FIxN", None, Verdict::Unverified),
        (b"---END---", None, Verdict::Match),
        (b"---END--", None, Verdict::Unverified),
    ] {
        let mut scenario = Scenario::new();
        let mut tcp = scenario.connect(40_000, 7007);
        scenario.transfer(&mut tcp, Client, &picture, 500);
        scenario.transfer(&mut tcp, Client, tail, 500);
        if let Some(answer) = answer {
            scenario.transfer(&mut tcp, Server, answer, 500);
        }
        scenario.close(&mut tcp, Client);
        let report = judged(&scenario, &picture, Some(&picture));
        assert_eq!(
            report.verdict,
            Some(right),
            "{tail:?}: {}",
            super::shown(&report)
        );
        assert_eq!(has(&report, Name::StrayBytes), right != Verdict::Match);
    }
}

#[test]
fn a_byte_behind_the_last_marker_is_no_picture() {
    let picture = picture();
    for port in [5050, 7007] {
        let mut scenario = Scenario::new();
        let mut tcp = scenario.connect(40_000, port);
        let stream = [&picture, &b"%IMAGE_COMPLETED%"[..], b"k"].concat();
        scenario.transfer(&mut tcp, Client, &stream, 500);
        scenario.close(&mut tcp, Client);
        let report = judged(&scenario, &picture, Some(&picture));
        assert_eq!(report.images.len(), 1, "{port}: {}", super::shown(&report));
        assert_eq!(report.verdict, Some(Verdict::Unverified), "{port}");
        assert!(has(&report, Name::StrayBytes), "{port}");
    }
}

#[test]
fn bytes_between_two_messages_are_no_header_of_the_second() {
    let pictures = super::framings::pictures("png");
    let file = |number: usize| MemoryFile {
        path: format!("{number}.png"),
        bytes: pictures[number].clone().into(),
        named: false,
    };
    let files = [file(0), file(1)];
    for (between, right) in [
        (&b""[..], Verdict::Match),
        (b"k", Verdict::Unverified),
        (b"\0\x17\x80\xff\x01\x02\x03\x04", Verdict::Unverified),
    ] {
        let mut stream = Vec::new();
        for picture in &pictures[..2] {
            if !stream.is_empty() {
                stream.extend_from_slice(between);
            }
            stream.extend(u32::try_from(picture.len()).expect("small").to_be_bytes());
            stream.extend_from_slice(picture);
        }
        let mut scenario = Scenario::new();
        let mut tcp = scenario.connect(40_000, 7007);
        scenario.transfer(&mut tcp, Client, &stream, 1000);
        scenario.close(&mut tcp, Client);
        let frames = kept(&scenario.frames);
        let report = verified(
            frames.iter().map(Kept::frame),
            Vec::new(),
            Some(&files),
            Some(&files),
            Options::default(),
        )
        .expect("all in memory");
        assert_eq!(report.verdict, Some(right), "{}", super::shown(&report));
    }
}

#[test]
fn who_saved_all_that_came_is_not_accused_of_where_an_unknown_conversion_ends() {
    let picture = super::framings::pictures("jpeg").swap_remove(0);
    // A text function that imgnet does not know: no zero byte is left, and no line end.
    let wire: Vec<u8> = picture
        .iter()
        .map(|byte| if byte.is_ascii() { *byte } else { b'?' })
        .filter(|byte| !matches!(byte, 0 | b'\r'))
        .collect();
    let mut scenario = Scenario::new();
    let mut tcp = scenario.connect(40_000, 7007);
    scenario.transfer(&mut tcp, Client, &wire, 500);
    scenario.close(&mut tcp, Client);
    let report = judged(&scenario, &picture, Some(&wire));
    assert_ne!(report.verdict, Some(Verdict::Match));
    for image in &report.images {
        let blame = image.compared.as_deref().and_then(|one| one.blame.as_ref());
        assert_ne!(
            blame.map(|one| one.who),
            Some(Blamed::Receiver),
            "{report:#?}"
        );
    }
    assert!(!has(&report, Name::ReadPastEnd));
}

/// A picture in two connections, each with a byte before its half, and the file that was received.
fn halves(picture: &[u8], cut: usize, received: &[u8]) -> Report {
    let mut scenario = Scenario::new();
    for (number, half) in [&picture[..cut], &picture[cut..]].into_iter().enumerate() {
        let port = 40_000 + u16::try_from(number).expect("small");
        let mut tcp = scenario.connect(port, 7007);
        let head = [u8::try_from(number).expect("small")];
        scenario.transfer(&mut tcp, Client, &[&head[..], half].concat(), 500);
        scenario.close(&mut tcp, Client);
    }
    judged(&scenario, picture, Some(received))
}

#[test]
fn the_parts_of_a_file_that_arrived_are_nobodys_fault() {
    let picture = include_bytes!("../../transfers/a.jpg");
    for part in 3..18 {
        let report = halves(picture, picture.len() * part / 20, picture);
        assert_ne!(report.verdict, Some(Verdict::Match), "{part}");
        assert_ne!(
            report.verdict,
            Some(Verdict::Mismatch),
            "{part}: {report:#?}"
        );
        assert!(!has(&report, Name::EarlyClose), "{part}");
        for image in &report.images {
            let blame = image.compared.as_deref().and_then(|one| one.blame.as_ref());
            let who = blame.map(|one| one.who);
            assert!(
                !matches!(who, Some(Blamed::Sender | Blamed::Receiver)),
                "{part}: {blame:?}"
            );
        }
        // What did not arrive is somebody's fault.
        let mut damaged = picture.to_vec();
        damaged[picture.len() / 2] ^= 1;
        let report = halves(picture, picture.len() * part / 20, &damaged);
        assert!(
            report.verdict > Some(Verdict::Unverified),
            "{part}: {:?}",
            report.verdict
        );
    }
}
