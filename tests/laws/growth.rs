//! Time and memory grow with the input and no faster: each kind of input is made ten times as large.
//!
//! Counted is the processor time of the program itself, which other programs do not change much; a tenfold input may take
//! thirty times as long, where a quadratic one takes a hundred.

#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test writes files and runs programs, and may fail"
)]

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

/// A capture file under construction.
struct Capture {
    bytes: Vec<u8>,
    frames: u32,
}

impl Capture {
    fn new() -> Self {
        let header = [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 262_144, 1];
        Self {
            bytes: header.map(u32::to_le_bytes).concat(),
            frames: 0,
        }
    }

    fn frame(&mut self, frame: &[u8]) {
        let length = u32::try_from(frame.len()).expect("short");
        let (seconds, micros) = (
            1_700_000_000 + self.frames / 1000,
            self.frames % 1000 * 1000,
        );
        for word in [seconds, micros, length, length] {
            self.bytes.extend(word.to_le_bytes());
        }
        self.bytes.extend(frame);
        self.frames += 1;
    }

    fn tcp(&mut self, client: u32, seq: u32, flags: &str, payload: &[u8]) {
        let address = [10, 0, u8::try_from(client >> 16 & 0xff).expect("a byte"), 1];
        let port = 1024 + u16::try_from(client & 0xffff).expect("16 bits") % 60_000;
        let mut builder = etherparse::PacketBuilder::ethernet2([2; 6], [4; 6])
            .ipv4(address, [10, 0, 0, 2], 64)
            .tcp(port, 7000, seq, 60_000);
        if flags.contains('S') {
            builder = builder.syn();
        } else {
            builder = builder.ack(1);
        }
        if flags.contains('F') {
            builder = builder.fin();
        }
        let mut frame = Vec::new();
        builder.write(&mut frame, payload).expect("it fits");
        self.frame(&frame);
    }

    /// What the server of connection 0 says.
    fn answer(&mut self, seq: u32, ack: u32, payload: &[u8]) {
        let mut frame = Vec::new();
        etherparse::PacketBuilder::ethernet2([4; 6], [2; 6])
            .ipv4([10, 0, 0, 2], [10, 0, 0, 1], 64)
            .tcp(7000, 1024, seq, 60_000)
            .ack(ack)
            .write(&mut frame, payload)
            .expect("it fits");
        self.frame(&frame);
    }

    fn write(&self, path: &Path) {
        std::fs::write(path, &self.bytes).expect("written");
    }
}

/// Connections that nobody answers.
fn half_open(count: u32) -> Capture {
    let mut capture = Capture::new();
    for client in 0..count {
        capture.tcp(client, 100, "S", &[]);
    }
    capture
}

/// The least GIF that a walker takes for whole.
const GIF: &[u8] = b"GIF89a\x01\0\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";

/// Pictures one behind the other on one connection, each with the pipeline's marker; or only their beginnings.
fn marked(count: u32, whole: bool) -> Capture {
    let picture = if whole { GIF } else { GIF.split_at(20).0 };
    let piece = [picture, b"%IMAGE_COMPLETED%"].concat();
    let mut capture = Capture::new();
    capture.tcp(0, 100, "S", &[]);
    let mut seq = 101;
    for _ in 0..count {
        capture.tcp(0, seq, "", &piece);
        seq += u32::try_from(piece.len()).expect("short");
    }
    capture.tcp(0, seq, "F", &[]);
    capture
}

/// Every other segment is missing; the receiver has them all.
fn holes(count: u32) -> Capture {
    let mut capture = Capture::new();
    capture.tcp(0, 100, "S", &[]);
    for index in 0..count {
        let piece = if index == 0 { GIF } else { &[7; 28] };
        let seq = 101 + index * 200;
        capture.tcp(0, seq, "", piece);
        if index % 50 == 49 {
            capture.answer(1, seq + 28, &[]);
        }
    }
    capture
}

/// Datagrams of many senders.
fn senders(count: u32) -> Capture {
    let mut capture = Capture::new();
    for sender in 0..count {
        let port = u16::try_from(1024 + sender % 60_000).expect("a port");
        let third = u8::try_from(sender / 60_000).expect("a byte");
        let mut frame = Vec::new();
        etherparse::PacketBuilder::ethernet2([2; 6], [4; 6])
            .ipv4([10, 0, third, 1], [10, 0, 0, 2], 64)
            .udp(port, 9000)
            .write(&mut frame, GIF)
            .expect("it fits");
        capture.frame(&frame);
    }
    capture
}

/// First fragments whose datagrams never become whole.
fn fragments(count: u32) -> Capture {
    fragments_of(count, 64)
}

fn fragments_of(count: u32, bytes: usize) -> Capture {
    let mut capture = Capture::new();
    let payload = vec![7; bytes];
    for index in 0..count {
        let length = u16::try_from(payload.len()).expect("short");
        let udp = etherparse::IpNumber::UDP;
        let mut ip = etherparse::Ipv4Header::new(length, 64, udp, [10, 0, 0, 1], [10, 0, 0, 2])
            .expect("it fits");
        ip.identification = u16::try_from(index & 0xffff).expect("16 bits");
        ip.source[1] = u8::try_from(index >> 16).expect("a byte");
        ip.more_fragments = true;
        ip.header_checksum = ip.calc_header_checksum();
        let mut frame = [2_u8, 2, 2, 2, 2, 2, 4, 4, 4, 4, 4, 4, 8, 0].to_vec();
        ip.write_raw(&mut frame).expect("it fits");
        frame.extend(&payload);
        capture.frame(&frame);
    }
    capture
}

/// The same segment over and over.
fn repeats(count: u32) -> Capture {
    let mut capture = Capture::new();
    capture.tcp(0, 100, "S", &[]);
    for _ in 0..count {
        capture.tcp(0, 101, "", GIF);
    }
    capture
}

/// One connection with a byte in each segment.
fn single_bytes(count: u32) -> Capture {
    let mut capture = Capture::new();
    capture.tcp(0, 100, "S", &[]);
    for index in 0..count {
        let byte = GIF
            .get(usize::try_from(index).expect("small"))
            .unwrap_or(&7);
        capture.tcp(0, 101 + index, "", &[*byte]);
    }
    capture
}

/// A picture that goes on without end, a byte in each segment, every third of them twice.
fn goes_on(count: u32) -> Capture {
    const HEAD: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\
          \xff\xc0\0\x0b\x08\0\x10\0\x10\x01\x01\x11\0\xff\xda\0\x08\x01\x01\0\0\x3f\0";
    let mut capture = Capture::new();
    capture.tcp(0, 100, "S", &[]);
    capture.tcp(0, 101, "", HEAD);
    let seq = 101 + u32::try_from(HEAD.len()).expect("short");
    for index in 0..count {
        for _ in 0..=u32::from(index % 3 == 0) {
            capture.tcp(0, seq + index, "", &[7]);
        }
    }
    capture.tcp(0, seq + count, "F", &[]);
    capture
}

/// Segments from the last to the first.
fn backwards(count: u32) -> Capture {
    let mut capture = Capture::new();
    capture.tcp(0, 100, "S", &[]);
    for index in (0..count).rev() {
        capture.tcp(0, 101 + index * 28, "", &[7; 28]);
    }
    capture
}

/// Datagrams of one sender, a picture in each.
fn datagrams(count: u32) -> Capture {
    let mut capture = Capture::new();
    for _ in 0..count {
        let mut frame = Vec::new();
        etherparse::PacketBuilder::ethernet2([2; 6], [4; 6])
            .ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64)
            .udp(1024, 9000)
            .write(&mut frame, GIF)
            .expect("it fits");
        capture.frame(&frame);
    }
    capture
}

/// Pictures behind their lengths on one connection, each answered.
fn answered(count: u32) -> Capture {
    let length = u32::try_from(GIF.len()).expect("short");
    let piece = [&length.to_be_bytes(), GIF].concat();
    let mut capture = Capture::new();
    capture.tcp(0, 100, "S", &[]);
    let (mut seq, mut back) = (101, 1);
    for _ in 0..count {
        capture.tcp(0, seq, "", &piece);
        seq += length + 4;
        capture.answer(back, seq, b"OK");
        back += 2;
    }
    capture
}

/// Pictures in messages of WebSocket.
fn messages(count: u32) -> Capture {
    let length = u8::try_from(GIF.len()).expect("short");
    let piece = [&[0x82, length], GIF].concat();
    let mut capture = Capture::new();
    capture.tcp(0, 100, "S", &[]);
    let mut seq = 101;
    for _ in 0..count {
        capture.tcp(0, seq, "", &piece);
        seq += u32::from(length) + 2;
    }
    capture
}

/// Processor time that `imgnet analyze` takes, in seconds.
fn measured(path: &Path) -> f64 {
    timed(&format!("analyze {} --format json", path.display()))
}

/// Processor time that a command of `imgnet` takes, in seconds.
fn timed(command: &str) -> f64 {
    let script = format!(
        "{} {command} >/dev/null 2>&1; times",
        env!("CARGO_BIN_EXE_imgnet"),
    );
    let output = Command::new("bash")
        .args(["-c", &script])
        .stdin(Stdio::null())
        .output()
        .expect("bash");
    // The second line is of the children: user and system.
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().nth(1).expect("two lines");
    line.split_whitespace()
        .map(|time| {
            let (minutes, seconds) = time.trim_end_matches('s').split_once('m').expect("0m0.1s");
            minutes.parse::<f64>().expect("minutes") * 60.0
                + seconds.replace(',', ".").parse::<f64>().expect("seconds")
        })
        .sum()
}

/// What grows, how it is made of so many, and how many there are at first.
type Kind = (&'static str, fn(u32) -> Capture, u32);

#[test]
fn time_grows_with_the_input_and_no_faster() {
    let folder = tempfile::tempdir().expect("a folder");
    let kinds: [Kind; 12] = [
        ("half-open connections", half_open, 3000),
        (
            "whole pictures with markers",
            |count| marked(count, true),
            2000,
        ),
        (
            "cut pictures with markers",
            |count| marked(count, false),
            2000,
        ),
        ("holes", holes, 6000),
        ("senders of datagrams", senders, 2000),
        ("fragments", fragments, 3000),
        ("repeats of a segment", repeats, 3000),
        ("segments of one byte", single_bytes, 3000),
        ("segments backwards", backwards, 3000),
        ("pictures in datagrams of one sender", datagrams, 1000),
        ("pictures with lengths and answers", answered, 700),
        ("pictures in messages of WebSocket", messages, 1000),
    ];
    for (name, make, small) in kinds {
        let times = [small, small * 10].map(|count| {
            let path = folder.path().join("growth.pcap");
            make(count).write(&path);
            let [first, second] = [0; 2].map(|_| measured(&path));
            first.min(second)
        });
        assert_linear(name, small, times);
    }
}

/// A small PNG of noise, which is no other one.
fn noisy(seed: u32) -> Vec<u8> {
    let mut state = u64::from(seed) << 8 | 1;
    let picture = image::RgbImage::from_fn(8, 8, |_, _| {
        image::Rgb([0; 3].map(|_: u8| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32).to_le_bytes()[0]
        }))
    });
    let mut file = std::io::Cursor::new(Vec::new());
    picture
        .write_to(&mut file, image::ImageFormat::Png)
        .expect("it is encoded");
    file.into_inner()
}

/// Pieces one behind the other on one connection, in segments of 1,400 bytes.
fn row(count: u32, piece: &[u8]) -> Capture {
    let bytes = piece.repeat(count as usize);
    let mut capture = Capture::new();
    capture.tcp(0, 100, "S", &[]);
    let mut seq = 101;
    for part in bytes.chunks(1400) {
        capture.tcp(0, seq, "", part);
        seq += u32::try_from(part.len()).expect("short");
    }
    capture.tcp(0, seq, "F", &[]);
    capture
}

/// What is told of a capture, in bytes for each byte of the file: `docs/reliability.md` says the most.
#[test]
fn what_is_told_is_bounded_by_what_was_captured() {
    /// A GIF without a picture: the least that a walker takes for whole.
    const EMPTY: &[u8] = b"GIF89a\x01\0\x01\0\0\0\0;";
    let folder = tempfile::tempdir().expect("a folder");
    let kinds: [(&str, Capture); 7] = [
        ("the least pictures", row(2000, EMPTY)),
        (
            "the least pictures behind lengths",
            row(2000, &[b"\0\0\0\x0e", EMPTY].concat()),
        ),
        (
            "beginnings of pictures before markers",
            row(2000, b"\xff\xd8\xff%IMAGE_COMPLETED%"),
        ),
        ("beginnings of JPEG", row(2000, b"\xff\xd8\xff\xe0")),
        ("half-open connections", half_open(500)),
        ("senders of datagrams", senders(500)),
        ("holes", holes(500)),
    ];
    for (name, capture) in kinds {
        let path = folder.path().join("told.pcap");
        capture.write(&path);
        let read = capture.bytes.len();
        let page = folder.path().join("page.html");
        let comments = folder.path().join("comments.pcapng");
        for (command, to, most) in [
            ("analyze --format json", None, 75),
            ("analyze -v", None, 20),
            ("analyze --csv chunks", None, 20),
            ("packets --format json", None, 25),
            ("report -o", Some(&page), 50),
            ("annotate -o", Some(&comments), 20),
        ] {
            let output = Command::new(env!("CARGO_BIN_EXE_imgnet"))
                .args(command.split(' '))
                .args(to)
                .arg(&path)
                .stdin(Stdio::null())
                .output()
                .expect("it runs");
            assert!(output.status.success(), "{name}, {command}");
            let told = match to {
                Some(file) => std::fs::read(file).expect("it was written"),
                None => output.stdout,
            };
            // The page has its own looks and explanations, whatever the capture.
            let told = told
                .len()
                .saturating_sub(60_000 * usize::from(to == Some(&page)));
            assert!(
                told <= read * most,
                "{name}, {command}: {told} bytes of {read}"
            );
        }
    }
}

/// What starting the program takes is in both, and what is too short to be measured says nothing.
fn assert_linear(name: &str, small: u32, [few, many]: [f64; 2]) {
    assert!(
        many < few.max(0.02) * 30.0,
        "{name}: {few} s for {small}, {many} s for ten times as many"
    );
}

#[test]
fn time_grows_with_what_is_compared_and_no_faster() {
    let folder = tempfile::tempdir().expect("a folder");
    let attack = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/cases/attack");
    let place = |name: &str| folder.path().join(name);
    let capture = attack.join("base.pcap").display().to_string();
    let line = std::fs::read_to_string(attack.join("rl.jsonl")).expect("a ledger");
    // Lines of a ledger about one connection.
    let ledgers = [500, 5000].map(|count| {
        let ledger = place("ledger.jsonl");
        std::fs::write(&ledger, line.trim_end().to_owned() + "\n").expect("written");
        let lines = format!("{}\n", line.trim_end()).repeat(count);
        std::fs::write(&ledger, lines).expect("written");
        let sent = attack.join("a.png");
        timed(&format!(
            "verify {capture} --sent {} --ledger {}",
            sent.display(),
            ledger.display()
        ))
    });
    assert_linear("lines of a ledger", 500, ledgers);
    // Files of which one was sent.
    let files = [100_u32, 1000].map(|count| {
        let sent = place(&format!("sent-{count}"));
        std::fs::create_dir(&sent).expect("made");
        std::fs::copy(attack.join("a.png"), sent.join("a.png")).expect("copied");
        for index in 0..count {
            let mut picture = GIF.to_vec();
            picture.extend(index.to_le_bytes());
            std::fs::write(sent.join(format!("{index}.gif")), picture).expect("written");
        }
        timed(&format!("verify {capture} --sent {}", sent.display()))
    });
    assert_linear("files", 100, files);
    // Pictures on one connection, none of which is the file.
    let pictures = [1000, 10_000].map(|count| {
        marked(count, false).write(&place("pictures.pcap"));
        let (path, sent) = (place("pictures.pcap"), attack.join("a.png"));
        timed(&format!(
            "verify {} --sent {}",
            path.display(),
            sent.display()
        ))
    });
    assert_linear("pictures that are compared", 1000, pictures);
    // As many pictures as files, none of which is any of them: each may be a conversion of each.
    let unequal = [60_u32, 600].map(|count| {
        let (path, sent) = (place("unequal.pcap"), place(&format!("unequal-{count}")));
        std::fs::create_dir(&sent).expect("made");
        let mut stream = Vec::new();
        for index in 0..count {
            let picture = noisy(index);
            stream.extend(u32::try_from(picture.len()).expect("short").to_be_bytes());
            stream.extend(picture);
            let other = noisy(index + 1_000_000);
            std::fs::write(sent.join(format!("{index}.png")), other).expect("written");
        }
        row(1, &stream).write(&path);
        timed(&format!(
            "verify {} --sent {}",
            path.display(),
            sent.display()
        ))
    });
    assert_linear("pictures and files that are none of them", 60, unequal);
    // Frames that a filter looks at.
    let filtered = [3000, 30_000].map(|count| {
        repeats(count).write(&place("filtered.pcap"));
        let path = place("filtered.pcap").display().to_string();
        timed(&format!(
            "packets {path} -Y 'tcp.analysis.retransmission and imgnet.picture == 0'"
        ))
    });
    assert_linear("frames under a filter", 3000, filtered);
    // Expectations.
    let expectations = [100, 1000].map(|count| {
        marked(count, true).write(&place("many.pcap"));
        let (path, file) = (place("many.pcap"), place(&format!("expect-{count}.toml")));
        let (path, file) = (path.display(), file.display());
        timed(&format!("check {path} --record {file}"));
        timed(&format!("check {path} --expect {file}"))
    });
    assert_linear("expectations", 100, expectations);
}

#[test]
fn a_limit_of_memory_is_obeyed_and_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("many.pcap");
    senders(20_000).write(&path);
    let report = |arguments: &[&str]| -> Value {
        let output = Command::new(env!("CARGO_BIN_EXE_imgnet"))
            .args(["analyze", path.to_str().expect("UTF-8"), "--format", "json"])
            .args(arguments)
            .output()
            .expect("imgnet starts");
        serde_json::from_slice(&output.stdout).expect("JSON")
    };
    let whole = report(&["--max-memory", "4G"]);
    let bounded = report(&["--max-memory", "8M"]);
    assert!(whole["folded"].is_null(), "{}", whole["folded"]);
    assert!(
        bounded["folded"]["streams"].as_u64() > Some(1000),
        "{}",
        bounded["folded"]
    );
    // Sums are those of all, lists are not, and it is said.
    assert_eq!(whole["totals"], bounded["totals"]);
    let listed = |report: &Value| report["streams"].as_array().map_or(0, Vec::len);
    assert_eq!(listed(&whole), 20_000);
    assert!(listed(&bounded) < 20_000);
    let said = bounded["findings"].as_array().expect("findings");
    assert!(
        said.iter()
            .any(|finding| finding["name"] == "limit-reached")
    );
    // A verdict never gets better by it.
    let order = [
        "match",
        "unverified",
        "inconclusive",
        "incomplete",
        "mismatch",
    ];
    let place = |report: &Value| order.iter().position(|name| report["verdict"] == *name);
    assert!(place(&bounded) >= place(&whole));
    assert!(place(&bounded) >= Some(2));
}

/// The most memory that `imgnet analyze` was seen to take in kB, and what it wrote.
fn peaked(path: &Path, limit: &str) -> (u64, Value) {
    let written = path.with_extension("json");
    let mut child = Command::new(env!("CARGO_BIN_EXE_imgnet"))
        // Not as a file: how much of it is in memory is the system's affair.
        .args(["analyze", "-", "--format", "json"])
        .args(["--max-memory", limit])
        .stdin(std::fs::File::open(path).expect("a capture"))
        .stdout(std::fs::File::create(&written).expect("a file"))
        .stderr(Stdio::null())
        .spawn()
        .expect("imgnet starts");
    let mut peak = 0;
    while child.try_wait().expect("a child").is_none() {
        // What has ended has no memory any more.
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id()));
        let status = status.unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let line = line.and_then(|line| line.trim().strip_suffix(" kB"));
        peak = line.map_or(peak, |line| line.trim().parse().expect("a number"));
        std::thread::sleep(std::time::Duration::from_micros(200));
    }
    let report = std::fs::read(&written).expect("JSON");
    (peak, serde_json::from_slice(&report).expect("JSON"))
}

#[test]
fn fragments_that_wait_obey_the_limit() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("fragments.pcap");
    fragments_of(6000, 1400).write(&path);
    let (much, whole) = peaked(&path, "4G");
    let (little, bounded) = peaked(&path, "1M");
    assert!(little + 5000 < much, "{little} kB of {much} kB");
    // All are lost, whoever gave them up.
    assert_eq!(whole["totals"], bounded["totals"]);
    let lost = |report: &Value| {
        let findings = report["findings"].as_array().expect("findings").iter();
        findings
            .filter(|finding| finding["name"] == "fragment-lost")
            .count()
    };
    assert!(lost(&whole) > 0, "{}", whole["findings"]);
    assert_eq!(lost(&whole), lost(&bounded));
}

#[test]
fn gaps_and_frames_of_a_direction_that_goes_on_obey_the_limit() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("one.pcap");
    for (name, capture, saved) in [
        ("holes", holes(100_000), 2000),
        ("frames of one picture", goes_on(100_000), 3000),
        ("repeats of one picture", repeats(100_000), 5000),
    ] {
        capture.write(&path);
        let (much, whole) = peaked(&path, "4G");
        let (little, bounded) = peaked(&path, "1M");
        assert!(whole["folded"].is_null(), "{name}");
        assert!(!bounded["folded"].is_null(), "{name}");
        // All sums are those of all; of one picture only the detail is missing, and that is said.
        assert_eq!(whole["totals"], bounded["totals"], "{name}");
        for field in [
            "bytes",
            "packets",
            "wire_bytes",
            "payload_bytes",
            "unique_bytes",
            "duplicate_bytes",
            "retransmitted_packets",
            "gap_bytes",
            "first_packet",
            "last_packet",
            "started",
            "ended",
            "verdict",
            "problem",
        ] {
            let of = |report: &Value| report["images"][0][field].clone();
            assert_eq!(of(&whole), of(&bounded), "{name}: {field}");
        }
        for field in ["unique_bytes", "duplicate_bytes", "gap_bytes", "sha256"] {
            let of = |report: &Value| report["streams"][0]["directions"][0][field].clone();
            assert_eq!(of(&whole), of(&bounded), "{name}: {field}");
        }
        for field in ["gap_bytes", "unacknowledged_bytes", "whole"] {
            let of = |report: &Value| report["coverage"][field].clone();
            assert_eq!(of(&whole), of(&bounded), "{name}: {field}");
        }
        let said = bounded["findings"].as_array().expect("findings").iter();
        let said = said.filter(|finding| finding["name"] == "limit-reached");
        assert_eq!(said.count(), 1, "{name}");
        assert!(bounded["images"][0]["chunks"].is_null(), "{name}");
        assert!(little + saved < much, "{name}: {little} kB of {much} kB");
        // What one range stands for reaches over all that is missing there.
        let gaps = |report: &Value| {
            let gaps = report["streams"][0]["directions"][0]["gaps"].clone();
            gaps.as_array().expect("gaps").clone()
        };
        let (all, some) = (gaps(&whole), gaps(&bounded));
        let number = |gap: &Value, field: &str| gap[field].as_u64().expect("a number");
        let end = |gap: &Value| number(gap, "offset") + number(gap, "length");
        let mut at = 0;
        for gap in &all {
            while some.get(at).is_some_and(|wide| end(wide) < end(gap)) {
                at += 1;
            }
            let wide = some.get(at).expect("it is covered");
            assert!(number(wide, "offset") <= number(gap, "offset"), "{name}");
        }
    }
}

#[test]
fn pictures_of_one_stream_obey_the_limit_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("many.pcap");
    let report = |limit: &str| peaked(&path, limit);
    let name_of = |report: &Value| {
        let findings = report["findings"].as_array().expect("findings").iter();
        findings
            .map(|finding| finding["name"].as_str().expect("a name").to_owned())
            .collect::<std::collections::BTreeSet<_>>()
    };
    for (name, capture, verdict) in [
        ("whole", marked(5000, true), "inconclusive"),
        ("cut", marked(5000, false), "incomplete"),
        ("in datagrams", datagrams(5000), "inconclusive"),
        ("answered", answered(5000), "inconclusive"),
    ] {
        capture.write(&path);
        let (much, whole) = report("4G");
        let (little, bounded) = report("2M");
        assert!(whole["folded"].is_null(), "{name}: {}", whole["folded"]);
        let summed_up = bounded["folded"]["images"].as_u64();
        let listed = bounded["images"].as_array().map_or(0, Vec::len) as u64;
        assert!(summed_up > Some(3000), "{name}: {summed_up:?}");
        assert_eq!(summed_up, Some(5000 - listed), "{name}");
        assert_eq!(whole["totals"], bounded["totals"], "{name}");
        assert_eq!(bounded["verdict"], verdict, "{name}");
        // Nothing is found that the whole has not, and nothing of a kind is lost.
        let mut expected = name_of(&whole);
        expected.insert("limit-reached".to_owned());
        assert_eq!(name_of(&bounded), expected, "{name}");
        assert!(little + 3000 < much, "{name}: {little} kB of {much} kB");
    }
}

/// Lines of a header without end, each with what may be Base64.
fn header_lines(count: u32) -> Capture {
    let mut capture = Capture::new();
    capture.tcp(0, 100, "S", &[]);
    let mut seq = 101;
    for index in 0..count {
        let line = format!("X-{index:06}: {}\r\n", "a".repeat(200));
        capture.tcp(0, seq, "", line.as_bytes());
        seq += u32::try_from(line.len()).expect("short");
    }
    capture
}

#[test]
fn looking_for_files_takes_little_memory() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("lines.pcap");
    header_lines(4000).write(&path);
    let sent = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/cases/attack/a.png");
    // The most memory that it took, in kB: the shell's `ulimit` refuses more.
    let enough = |kilobytes: u32| {
        let script = format!(
            "ulimit -d {kilobytes}; exec \"$0\" verify {} --sent {} --max-memory 1G -q",
            path.display(),
            sent.display()
        );
        let output = Command::new("sh")
            .args(["-c", &script, env!("CARGO_BIN_EXE_imgnet")])
            .output()
            .expect("a shell");
        output.status.code()
    };
    // It was 100 MB for this capture of 1.1 MB.
    assert_eq!(enough(60_000), Some(3));
}

/// Connections that each wait for 28 bytes, with 1,000 behind them: all at once, or one after the other, each filled.
fn waiting(count: u32, filled: bool) -> Capture {
    let mut capture = Capture::new();
    for client in 0..count {
        capture.tcp(client, 100, "S", &[]);
        capture.tcp(client, 129, "", &[7; 1000]);
        if filled {
            capture.tcp(client, 101, "", GIF.split_at(28).0);
        }
    }
    capture
}

#[test]
fn bytes_that_wait_in_all_directions_have_a_limit() {
    let folder = tempfile::tempdir().expect("a folder");
    let given_up = |capture: &Capture, arguments: &[&str]| -> usize {
        let path = folder.path().join("waiting.pcap");
        capture.write(&path);
        let output = Command::new(env!("CARGO_BIN_EXE_imgnet"))
            .args(["analyze", path.to_str().expect("UTF-8"), "--format", "json"])
            .args(arguments)
            .output()
            .expect("imgnet starts");
        let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let streams = report["streams"].as_array().expect("streams").iter();
        let gaps = streams
            .flat_map(|stream| stream["directions"].as_array().expect("directions"))
            .flat_map(|direction| direction["gaps"].as_array().expect("gaps"))
            .filter(|gap| gap["cause"] == "limit")
            .count();
        let said = report["findings"].as_array().expect("findings").iter();
        let said = said.filter(|finding| finding["name"] == "limit-reached");
        assert_eq!(said.count(), gaps);
        gaps
    };
    let open = waiting(100, false);
    assert_eq!(given_up(&open, &[]), 0);
    assert_eq!(given_up(&open, &["--limit-waiting", "100000"]), 0);
    assert_eq!(given_up(&open, &["--limit-waiting", "99999"]), 1);
    assert_eq!(given_up(&open, &["--limit-waiting", "40000"]), 60);
    // Room comes back with the bytes that were waited for.
    let filled = waiting(100, true);
    assert_eq!(given_up(&filled, &["--limit-waiting", "1000"]), 0);
    assert_eq!(given_up(&filled, &["--limit-waiting", "999"]), 100);
    // For one direction.
    assert_eq!(given_up(&open, &["--limit-waiting-direction", "1000"]), 0);
    assert_eq!(given_up(&open, &["--limit-waiting-direction", "999"]), 100);
}
