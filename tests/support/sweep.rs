//! Captures with frames left out, and the law that holds for what is said of them: less is seen, so less is certain.
//!
//! **Law (monotonicity):** of a part of a capture no picture is said to be whole that the whole capture does not have,
//! none to be incomplete that is not so in it, none more than it has, and no error is proven that it does not show.

#![allow(
    dead_code,
    reason = "every test file is a crate of its own and uses a part of this"
)]
#![expect(clippy::expect_used, reason = "a test reads files, and may fail")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::path::Path;

use imgnet::analysis::Collector;
use imgnet::analysis::{Analysis, Options};
use imgnet::decode::{self, Decoder, Outcome};
use imgnet::findings::{Certainty, Finding, Severity};
use imgnet::frame::{Frame, LinkType};
use imgnet::ledger::{Image, TransportKind, Verdict};
use imgnet::report::Report;
use imgnet::report::model::Packets;
use imgnet::source::Capture;
use imgnet::units::{FrameNumber, Timestamp};
use imgnet::wire::{Fixed, Numbering, Protocol};

/// A frame that owns its bytes.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) number: u64,
    pub(crate) time: Option<Timestamp>,
    pub(crate) link: LinkType,
    pub(crate) interface: u32,
    pub(crate) wire_len: u32,
    pub(crate) data: Vec<u8>,
    /// Sender and receiver, where it is TCP or UDP.
    pub(crate) ends: Option<(SocketAddr, SocketAddr)>,
}

impl Kept {
    pub(crate) fn frame(&self) -> Frame<'_> {
        Frame {
            number: FrameNumber(self.number),
            time: self.time,
            link: self.link,
            interface: self.interface,
            wire_len: self.wire_len,
            data: &self.data,
            after_end: false,
        }
    }

    /// The same frame as a capture with this snap length has it.
    pub(crate) fn cut(&self, snap: usize) -> Self {
        let mut cut = self.clone();
        cut.data.truncate(snap);
        cut
    }
}

/// All frames of a capture file, as far as it can be read.
pub(crate) fn load(path: &Path) -> Vec<Kept> {
    let mut capture = Capture::open_streaming(&[path.to_owned()]).expect("a capture");
    let mut kept = Vec::new();
    let mut decoder = Decoder::new(decode::Options::default());
    let read = capture.for_each_frame(&mut |frame: &Frame<'_>| {
        let ends = match decoder.decode(frame) {
            Outcome::Packet(packet) => Some((packet.source, packet.destination)),
            _ => None,
        };
        kept.push(Kept {
            number: frame.number.0,
            time: frame.time,
            link: frame.link,
            interface: frame.interface,
            wire_len: frame.wire_len,
            data: frame.data.to_vec(),
            ends,
        });
        ControlFlow::Continue(())
    });
    read.expect("the file can be read");
    kept
}

/// The report on these frames.
pub(crate) fn analyse<'k>(frames: impl IntoIterator<Item = &'k Kept>, options: &Options) -> Report {
    let mut analysis = Analysis::new(options.clone());
    let mut collector = Collector::new();
    for kept in frames {
        analysis.frame(&kept.frame(), &mut collector);
    }
    let counts = analysis.finish(&mut collector);
    let packets = Packets::from(counts);
    collector.into_report(Vec::new(), packets)
}

type Ends = (SocketAddr, SocketAddr);

fn of(report: &Report, ends: Ends) -> impl Iterator<Item = &Image> {
    report
        .images
        .iter()
        .filter(move |image| (image.from, image.to) == ends)
}

/// The ports of the stream that a finding is about, whichever way round.
fn place(report: &Report, finding: &Finding) -> Option<[SocketAddr; 2]> {
    let stream = report.stream(finding.stream?)?;
    let mut ends = [
        stream.directions.first()?.from,
        stream.directions.first()?.to,
    ];
    ends.sort();
    Some(ends)
}

/// Whether what is said of a part of the frames is no more than what is said of all; else what is more.
pub(crate) fn no_more_certain(whole: &Report, part: &Report) -> Result<(), String> {
    let mut counts: BTreeMap<Ends, usize> = BTreeMap::new();
    for image in &part.images {
        let ends = (image.from, image.to);
        *counts.entry(ends).or_default() += 1;
        let what = || {
            format!(
                "picture {} {} → {}, {} bytes at {}, {:?} ({}, {:?})",
                image.id.0,
                image.from,
                image.to,
                image.bytes,
                image.offset,
                image.verdict,
                image.protocol,
                image.problem
            )
        };
        match image.verdict {
            Verdict::Match | Verdict::Unverified => {
                let same = of(whole, ends).any(|full| {
                    full.sha256 == image.sha256
                        && matches!(full.verdict, Verdict::Match | Verdict::Unverified)
                });
                // Without numbers nobody can know whether a datagram is missing, and the report says so (`undetectable-loss`).
                let unnumbered = matches!(
                    image.protocol,
                    Protocol::Udp | Protocol::Fixed(Fixed::UdpJpeg)
                );
                if !same && !unnumbered {
                    return Err(format!(
                        "whole, and no such picture in the whole capture: {}",
                        what()
                    ));
                }
            }
            Verdict::Incomplete => {
                // Numbers in datagrams say that pieces did not come by, whoever lost them.
                let numbered = part
                    .stream(image.stream)
                    .is_some_and(|stream| stream.transport == TransportKind::Udp);
                let same = of(whole, ends).any(|full| full.verdict == Verdict::Incomplete);
                if !same && !numbered {
                    return Err(format!("incomplete only without the frame: {}", what()));
                }
            }
            Verdict::Mismatch => return Err(format!("nothing was compared: {}", what())),
            Verdict::Inconclusive => {}
        }
    }
    // Numbers that count down do not tell where a picture began whose first ones are missing.
    let counts_down = |image: &Image| {
        matches!(&image.protocol, Protocol::UdpIndex(Some(header))
            if matches!(header.numbering, Numbering::Countdown | Numbering::CountdownTo0))
    };
    for (ends, count) in counts {
        if of(part, ends).any(counts_down) {
            continue;
        }
        let full = of(whole, ends).count();
        if count > full {
            let list: Vec<_> = of(part, ends)
                .map(|image| {
                    (
                        image.offset,
                        image.bytes,
                        image.protocol.clone(),
                        image.verdict,
                    )
                })
                .collect();
            return Err(format!(
                "{count} pictures {} → {} where the whole capture has {full}: {list:?}",
                ends.0, ends.1
            ));
        }
    }
    for finding in &part.findings {
        if (finding.severity, finding.certainty) != (Severity::Error, Certainty::Proven) {
            continue;
        }
        let known = whole
            .findings
            .iter()
            .any(|full| full.name == finding.name && place(whole, full) == place(part, finding));
        if !known {
            return Err(format!(
                "proven only without the frame: {}: {}",
                finding.name, finding.message
            ));
        }
    }
    Ok(())
}

/// A source of numbers that are the same in every run.
#[derive(Debug)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// A number below `most`.
    pub(crate) fn below(&mut self, most: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % most.max(1)
    }
}

/// Snap lengths that cut headers, the first payload bytes, and nothing.
pub(crate) const SNAP_LENGTHS: [usize; 18] = [
    14, 34, 54, 60, 66, 68, 74, 80, 96, 100, 128, 150, 200, 256, 512, 1000, 1514, 9000,
];

/// Calls `run` with each way of leaving frames out, and a name for it.
pub(crate) fn parts(frames: &[Kept], run: &mut dyn FnMut(&str, Vec<&Kept>)) {
    parts_of(frames, 400, 200, run);
}

/// The same of at most so many frames, and of so many pairs.
pub(crate) fn parts_of(
    frames: &[Kept],
    singles: usize,
    pairs: usize,
    run: &mut dyn FnMut(&str, Vec<&Kept>),
) {
    let most = frames.len();
    let keep = |kept: &dyn Fn(usize, &Kept) -> bool| -> Vec<&Kept> {
        frames
            .iter()
            .enumerate()
            .filter(|(at, frame)| kept(*at, frame))
            .map(|(_, frame)| frame)
            .collect()
    };
    let step = most.div_ceil(singles).max(1);
    for (out, left) in frames.iter().enumerate().step_by(step) {
        run(
            &format!("without frame {}", left.number),
            keep(&|at, _| at != out),
        );
        run(
            &format!("from frame {} on", left.number),
            keep(&|at, _| at >= out),
        );
        run(
            &format!("up to frame {}", left.number),
            keep(&|at, _| at <= out),
        );
    }
    let mut directions: Vec<Ends> = frames.iter().filter_map(|frame| frame.ends).collect();
    directions.sort();
    directions.dedup();
    for ends in directions {
        run(
            &format!("without {} → {}", ends.0, ends.1),
            keep(&|_, frame| frame.ends != Some(ends)),
        );
    }
    let mut dice = Dice(most as u64);
    for _ in 0..pairs {
        let (one, other) = (dice.below(most), dice.below(most));
        run(
            &format!("without frames at {} and {}", one + 1, other + 1),
            keep(&|at, _| at != one && at != other),
        );
        let length = 2 + dice.below(12);
        run(
            &format!("without {length} frames from {}", one + 1),
            keep(&|at, _| at < one || at >= one + length),
        );
    }
}
