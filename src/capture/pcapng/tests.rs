//! The writer against imgnet's own reader, tshark and capinfos.

use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;

use super::*;
use crate::source::{Capture, FileSummary, Reason};

const SECTION: Section<'_> = Section {
    hardware: Some("x86_64"),
    os: Some("Linux 6.18"),
    application: Some("imgnet"),
    comment: Some("a test — with more than ASCII"),
};
const LOOPBACK: Interface<'_> = Interface {
    name: Some("lo"),
    description: Some("loopback"),
    filter: Some("tcp port 65432"),
    os: Some("Linux 6.18 of this interface"),
    link: LinkType::ETHERNET,
    snap_len: 262_144,
};
const TIME: i64 = 1_795_173_289_590_743_001;

fn packet<'a>(number: i64, data: &'a [u8], comment: Option<&'a str>) -> Packet<'a> {
    Packet {
        interface: 0,
        time: Timestamp(TIME + number),
        wire_len: 70_000,
        data,
        comment,
    }
}

/// A file of two interfaces and five packets with statistics.
fn write<W: Write>(out: W) -> Result<W, Error> {
    let mut writer = Writer::new(out, &SECTION)?;
    assert_eq!(writer.interface(&LOOPBACK)?, 0);
    let raw = Interface {
        name: None,
        description: None,
        filter: None,
        os: None,
        link: LinkType::RAW,
        snap_len: 0,
    };
    assert_eq!(writer.interface(&raw)?, 1);
    for (number, length) in (0..).zip([60, 61, 62, 63]) {
        writer.packet(&packet(number, &vec![7; length], None))?;
    }
    writer.packet(&Packet {
        interface: 1,
        ..packet(4, b"E", Some("the marker"))
    })?;
    writer.statistics(
        0,
        Statistics {
            started: Some(Timestamp(TIME - 1_000_000_000)),
            ended: Some(Timestamp(TIME + 1_000_000_000)),
            received: Some(1 << 33),
            dropped: Some(3),
            unwritten: 4,
            away: Some(AWAY),
        },
    )?;
    writer.finish()
}

const AWAY: Away = Away {
    times: u64::MAX,
    nanoseconds: u64::MAX,
    from: Timestamp(i64::MIN),
    until: Timestamp(i64::MIN + 1),
    back: false,
};

/// Time in nanoseconds, interface, length on the wire, data.
type Seen = (i64, u32, u32, Vec<u8>);

fn read(path: &Path) -> (Vec<Seen>, FileSummary) {
    let mut frames = Vec::new();
    let mut capture = Capture::open(&[path.to_owned()]).unwrap();
    capture
        .for_each_frame(&mut |frame| {
            let time = frame.time.unwrap().0;
            frames.push((time, frame.interface, frame.wire_len, frame.data.to_vec()));
            ControlFlow::Continue(())
        })
        .unwrap();
    (frames, capture.files()[0].clone())
}

fn on_disk(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

#[test]
fn what_is_written_is_read_back() {
    let file = on_disk(&write(Vec::new()).unwrap());
    let (frames, summary) = read(file.path());
    assert_eq!(summary.truncated, None);
    assert_eq!(
        (summary.kernel_drops, summary.unwritten),
        (Some(3), Some(4))
    );
    let [loopback, raw] = &*summary.interfaces else {
        panic!("{:?}", summary.interfaces);
    };
    assert_eq!(loopback.name.as_deref(), Some("lo"));
    assert_eq!(loopback.description.as_deref(), Some("loopback"));
    assert_eq!(loopback.link, LinkType::ETHERNET);
    assert_eq!(loopback.snap_len, Some(262_144));
    assert_eq!(loopback.received, Some(1 << 33));
    assert_eq!(loopback.away, Some(AWAY));
    assert_eq!(summary.away, Some(AWAY));
    assert_eq!(
        (raw.link, raw.dropped, raw.away),
        (LinkType::RAW, None, None)
    );
    assert_eq!(frames.len(), 5);
    for (number, length) in (0..4).zip([60, 61, 62, 63]) {
        let index = usize::try_from(number).unwrap();
        assert_eq!(frames[index], (TIME + number, 0, 70_000, vec![7; length]));
    }
    assert_eq!(frames[4], (TIME + 4, 1, 70_000, b"E".to_vec()));
}

#[test]
fn every_write_ends_with_a_whole_block() {
    /// Remembers how long the file was after every write.
    #[derive(Default)]
    struct Writes(Vec<u8>, Vec<usize>);
    impl Write for Writes {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.extend_from_slice(bytes);
            self.1.push(self.0.len());
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut writer = Writer::new(Writes::default(), &Section::default()).unwrap();
    writer.interface(&LOOPBACK).unwrap();
    for number in 0..100 {
        writer
            .packet(&packet(number, &vec![1; 65_001], None))
            .unwrap();
    }
    let Writes(bytes, ends) = writer.finish().unwrap();
    assert!(ends.len() > 6);
    for end in ends {
        let file = on_disk(&bytes[..end]);
        assert_eq!(read(file.path()).1.truncated, None);
    }
    // And where the system took only a part of a write, all before is there.
    let file = on_disk(&bytes[..3_000_000]);
    let (frames, summary) = read(file.path());
    assert_eq!(frames.len(), 3_000_000 / 65_036);
    let reason = summary.truncated.unwrap().reason;
    assert!(matches!(reason, Reason::CutShort { .. }));
}

#[test]
fn a_writer_that_is_dropped_hands_over_what_it_has() {
    let mut bytes = Vec::new();
    let mut writer = Writer::new(&mut bytes, &SECTION).unwrap();
    writer.interface(&LOOPBACK).unwrap();
    writer.packet(&packet(0, b"last", None)).unwrap();
    drop(writer);
    let (frames, summary) = read(on_disk(&bytes).path());
    assert_eq!((frames.len(), summary.truncated), (1, None));
}

#[test]
fn a_full_disk_is_an_error_once_and_given_up_after() {
    let mut room = [0; 400];
    let mut writer = Writer::new(&mut room[..], &SECTION).unwrap();
    writer.interface(&LOOPBACK).unwrap();
    writer.packet(&packet(0, &[1; 300], None)).unwrap();
    let whole = writer.written_bytes();
    let error = writer.flush().unwrap_err();
    assert!(matches!(error, Error::Write { written_bytes, .. } if written_bytes == whole));
    assert!(matches!(writer.flush(), Err(Error::GivenUp)));
    drop(writer);
    let whole = usize::try_from(whole).unwrap();
    assert_eq!(read(on_disk(&room[..whole]).path()).1.truncated, None);
}

#[test]
fn what_the_format_cannot_say_is_refused_and_the_file_goes_on() {
    let mut writer = Writer::new(Vec::new(), &Section::default()).unwrap();
    let unknown = writer.packet(&packet(0, b"x", None)).unwrap_err();
    assert!(matches!(
        unknown,
        Error::UnknownInterface {
            interface: 0,
            described: 0
        }
    ));
    writer.interface(&LOOPBACK).unwrap();
    let early = Packet {
        time: Timestamp(-1),
        ..packet(0, b"x", None)
    };
    let early = writer.packet(&early).unwrap_err();
    assert!(matches!(early, Error::BeforeEpoch { .. }));
    assert!(writer.statistics(1, Statistics::default()).is_err());
    let short = Packet {
        wire_len: 1,
        ..packet(0, b"four", None)
    };
    writer.packet(&short).unwrap();
    let long = "é".repeat(40_000);
    let commented = Packet {
        comment: Some(&long),
        ..packet(1, b"x", None)
    };
    writer.packet(&commented).unwrap();
    let (frames, summary) = read(on_disk(&writer.finish().unwrap()).path());
    assert_eq!(summary.truncated, None);
    assert_eq!(frames.len(), 2);
    assert_eq!(frames[0].2, 4);
}

/// What a program prints about a file; absent, aloud, where it is not installed.
fn output(program: &str, arguments: &[&str], path: &Path) -> Option<String> {
    match Command::new(program).args(arguments).arg(path).output() {
        Ok(output) => {
            assert!(output.status.success(), "{output:?}");
            Some(String::from_utf8(output.stdout).unwrap())
        }
        Err(error) => {
            eprintln!("SKIPPED: {program} cannot be run: {error}");
            None
        }
    }
}

#[test]
fn tshark_takes_the_names_of_hosts() {
    let mut writer = Writer::new(Vec::new(), &SECTION).unwrap();
    writer.interface(&LOOPBACK).unwrap();
    let names = [
        (IpAddr::from([10, 0, 0, 1]), "receiver".to_owned()),
        (
            IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, 2]),
            "sender\0".to_owned(),
        ),
    ];
    writer.names(&names).unwrap();
    // Ethernet and IPv4 from 10.0.0.2 to 10.0.0.1, without more.
    let mut frame = vec![0; 12];
    frame.extend([
        8, 0, 0x45, 0, 0, 20, 0, 0, 0, 0, 64, 253, 0, 0, 10, 0, 0, 2, 10, 0, 0, 1,
    ]);
    writer.packet(&packet(0, &frame, None)).unwrap();
    let file = on_disk(&writer.finish().unwrap());
    let fields = [
        "-N",
        "n",
        "-T",
        "fields",
        "-e",
        "ip.dst_host",
        "-e",
        "ip.src_host",
        "-r",
    ];
    if let Some(text) = output("tshark", &fields, file.path()) {
        assert_eq!(text.trim(), "receiver\t10.0.0.2");
    }
    // Readers that want none of it pass over it.
    let mut capture = Capture::open(&[file.path().to_owned()]).unwrap();
    let mut frames = 0;
    capture
        .for_each_frame(&mut |_| {
            frames += 1;
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(frames, 1);
}

#[test]
fn tshark_and_capinfos_read_the_same() {
    let file = on_disk(&write(Vec::new()).unwrap());
    let fields = "-n -T fields -e frame.number -e frame.len -e frame.cap_len -e frame.time_epoch \
                  -e frame.interface_name -e frame.comment -e pkt_comment -r";
    let fields: Vec<_> = fields.split_whitespace().collect();
    if let Some(text) = output("tshark", &fields, file.path()) {
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 5, "{text}");
        assert!(lines[0].starts_with("1\t70000\t60\t1795173289.590743001\tlo"));
        assert!(lines[4].starts_with("5\t70000\t1\t1795173289.590743005"));
        assert!(lines[4].contains("the marker"), "{text}");
    }
    if let Some(text) = output("capinfos", &["-M"], file.path()) {
        for words in [
            "pcapng",
            "x86_64",
            "Linux 6.18",
            "a test — with more than ASCII",
            "Capture application: imgnet",
            "Name = lo",
            "Description = loopback",
            "Operating system = Linux 6.18 of this interface",
            "Filter string = tcp port 65432",
            "Time precision = nanoseconds (9)",
            "Number of stat entries = 1",
        ] {
            assert!(text.contains(words), "{words} is not in {text}");
        }
    }
}
