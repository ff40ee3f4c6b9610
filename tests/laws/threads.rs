//! On any number of threads the same comes out, to the last byte: of every capture in `captures/`, of all of them as
//! one, and of many connections at once.

#![expect(
    clippy::unwrap_used,
    reason = "a helper of a test may fail as the test may"
)]

use crate::make_capture;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::make_capture::Kind;
use imgnet::analysis::Collector;
use imgnet::analysis::{self, Analysis, DigestKind, Limits, Options, PacketCounts};
use imgnet::frame::{Frame, LinkType};
use imgnet::report::model::Packets;
use imgnet::report::{Style, json};
use imgnet::source::Capture;
use imgnet::units::{FrameNumber, Timestamp};

/// A frame with its bytes.
struct Captured {
    time: Option<Timestamp>,
    link: LinkType,
    interface: u32,
    wire_len: u32,
    data: Vec<u8>,
}

fn captured(path: &Path) -> Vec<Captured> {
    let mut frames = Vec::new();
    Capture::open(&[path.to_owned()])
        .unwrap()
        .for_each_frame(&mut |frame| {
            frames.push(Captured {
                time: frame.time,
                link: frame.link,
                interface: frame.interface,
                wire_len: frame.wire_len,
                data: frame.data.to_vec(),
            });
            ControlFlow::Continue(())
        })
        .unwrap();
    frames
}

fn frames(captured: &[Captured]) -> impl Iterator<Item = Frame<'_>> {
    (1..).zip(captured).map(|(number, frame)| Frame {
        number: FrameNumber(number),
        time: frame.time,
        link: frame.link,
        interface: frame.interface,
        wire_len: frame.wire_len,
        data: &frame.data,
        after_end: false,
    })
}

fn report(collector: Collector, counts: PacketCounts) -> String {
    let packets = Packets::from(counts);
    let report = collector.into_report(Vec::new(), packets);
    let mut out = Vec::new();
    json::render(&report, &Style::default(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn on_one(captured: &[Captured], options: &Options) -> String {
    let mut collector = Collector::new();
    let mut analysis = Analysis::new(options.clone());
    for frame in frames(captured) {
        analysis.mapped_frame(&frame, &mut collector);
    }
    let counts = analysis.finish(&mut collector);
    report(collector, counts)
}

fn on_several(captured: &[Captured], options: &Options, threads: usize) -> String {
    let mut read = 0;
    let each = |_: &Frame<'_>| {
        read += 1;
        ControlFlow::Continue(())
    };
    let told = analysis::analyse(options, threads, &mut frames(captured), each, |_| None);
    assert_eq!(read, captured.len());
    let mut collector = Collector::new();
    let counts = told.tell(&mut collector);
    report(collector, counts)
}

/// Panics with the first line that differs.
fn assert_same(captured: &[Captured], options: &Options, what: &str) {
    let expected = on_one(captured, options);
    for threads in [1, 2, 3, 8] {
        let found = on_several(captured, options, threads);
        let lines = expected.lines().zip(found.lines());
        for (line, (expected, found)) in (1..).zip(lines) {
            assert_eq!(found, expected, "{what} on {threads} threads, line {line}");
        }
        assert!(
            found == expected,
            "{what} on {threads} threads: one is longer"
        );
    }
}

fn captures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    let mut captures: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file() && path.to_string_lossy().contains(".pcap"))
        .collect();
    captures.sort();
    assert!(captures.len() > 10, "{captures:?}");
    captures
}

#[test]
fn every_capture_by_itself() {
    for path in captures() {
        let captured = captured(&path);
        let what = path.display().to_string();
        assert_same(&captured, &Options::default(), &what);
    }
}

#[test]
fn all_captures_as_one_however_few_streams_are_allowed() {
    let files: Vec<_> = captures().iter().map(|path| captured(path)).collect();
    // Frame by frame in turn, so that streams interleave and clocks go back.
    let longest = files.iter().map(Vec::len).max().unwrap();
    let mut files: Vec<_> = files.into_iter().map(Vec::into_iter).collect();
    let mut all = Vec::new();
    for _ in 0..longest {
        all.extend(files.iter_mut().filter_map(Iterator::next));
    }
    for streams in [200_000, 20, 3, 1] {
        for digest in [DigestKind::Sha256, DigestKind::Blake3, DigestKind::None] {
            let options = Options {
                digest,
                limits: Limits {
                    streams,
                    ..Limits::default()
                },
                ..Options::default()
            };
            assert_same(
                &all,
                &options,
                &format!("{streams} streams, {}", digest.name()),
            );
        }
    }
}

#[test]
fn many_connections_at_once() {
    let file = tempfile::NamedTempFile::new().unwrap();
    make_capture::write(Kind::Connections, 0.03, file.as_file(), |_| Ok(())).unwrap();
    let all = captured(file.path());
    // More frames than between two looks for streams that are over.
    assert!(all.len() > 20_000);
    assert_same(&all, &Options::default(), "connections");
}

/// As `tcpdump -s 96` has them: each stream was cut, which is said of a few, and of the rest in one sentence with a count.
#[test]
fn many_connections_of_which_only_headers_were_kept() {
    let file = tempfile::NamedTempFile::new().unwrap();
    make_capture::write(Kind::Connections, 0.005, file.as_file(), |_| Ok(())).unwrap();
    let mut all = captured(file.path());
    for frame in &mut all {
        frame.data.truncate(96);
    }
    assert_same(&all, &Options::default(), "headers of connections");
    let report = on_one(&all, &Options::default());
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let of_cut: Vec<_> = crate::support::list(&report, "findings")
        .iter()
        .filter(|finding| finding["name"] == "snaplen-cut")
        .collect();
    assert_eq!(of_cut.len(), 8 + 1, "{of_cut:?}");
    let (summed, single): (Vec<_>, Vec<_>) = of_cut
        .iter()
        .copied()
        .partition(|finding| finding["stream"].is_null());
    let [summed] = summed[..] else {
        panic!("{summed:?}");
    };
    // All that is missing is in one of them, or in the sum.
    let number = |text: &str| text.replace(',', "").parse::<u64>().unwrap();
    let said = |finding: &serde_json::Value| {
        let message = finding["message"].as_str().unwrap();
        let words: Vec<&str> = message.split(' ').collect();
        let at = |word: &str| words.iter().position(|one| *one == word).unwrap();
        let places = words
            .iter()
            .position(|one| one.starts_with("place"))
            .unwrap();
        (number(words[at("cut") + 1]), number(words[places - 1]))
    };
    let told = single.into_iter().chain([summed]).map(said);
    let (bytes, places) = told.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    let ways = crate::support::list(&report, "streams")
        .iter()
        .flat_map(|stream| crate::support::list(stream, "directions"));
    let gaps: Vec<_> = ways
        .flat_map(|way| crate::support::list(way, "gaps"))
        .collect();
    assert_eq!(places, gaps.len() as u64);
    let missing: u64 = gaps.iter().map(|gap| gap["length"].as_u64().unwrap()).sum();
    assert_eq!(bytes, missing);
    assert!(
        summed["message"]
            .as_str()
            .unwrap()
            .contains(" 92 more streams"),
        "{summed}"
    );
}

#[test]
fn who_looks_at_the_frames_can_end_it() {
    let path = captures().into_iter().next().unwrap();
    let captured = captured(&path);
    for threads in [1, 2] {
        let each = |frame: &Frame<'_>| {
            if frame.number == FrameNumber(2) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        let options = Options::default();
        let told = analysis::analyse(&options, threads, &mut frames(&captured), each, |_| None);
        assert_eq!(told.tell(&mut Collector::new()).read, 2);
    }
}
