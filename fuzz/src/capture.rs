//! Capture files: read mapped and streamed, and analysed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::os::fd::AsRawFd;
use std::path::PathBuf;

use imgnet::analysis::Collector;
use imgnet::analysis::{Analysis, Event, Observer, Options};
use imgnet::frame::Frame;
use imgnet::ledger::Image;
use imgnet::reassembly::Gap;
use imgnet::report::csv::Table;
use imgnet::report::model::Packets;
use imgnet::report::{Detail, Report, Style, csv, json, table};
use imgnet::source::{Capture, FileSummary};
use imgnet::units::PictureId;
use rustix::fs::{MemfdFlags, Timespec, Timestamps, futimens, memfd_create};

/// A file in memory that can be opened by path; gone with the value.
pub(super) struct MemoryFile {
    file: File,
}

impl MemoryFile {
    pub(super) fn new(bytes: &[u8]) -> Self {
        let descriptor = memfd_create("capture", MemfdFlags::CLOEXEC).expect("a file in memory");
        let mut file = File::from(descriptor);
        file.write_all(bytes).expect("memory");
        // Old enough to be mapped: a file written to just now may still grow.
        let long_ago = Timespec {
            tv_sec: 1_000_000_000,
            tv_nsec: 0,
        };
        futimens(
            &file,
            &Timestamps {
                last_access: long_ago,
                last_modification: long_ago,
            },
        )
        .expect("its times can be set");
        Self { file }
    }

    pub(super) fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.file.as_raw_fd()))
    }
}

/// A frame that owns its bytes.
#[derive(Debug, PartialEq)]
struct Kept {
    number: u64,
    time: Option<i64>,
    link: u16,
    interface: u32,
    wire_len: u32,
    data: Vec<u8>,
}

/// The bytes are a capture file. Mapped and streamed, it gives the same frames and the same account.
pub fn capture_file(data: &[u8]) {
    let file = MemoryFile::new(data);
    let paths = [file.path()];
    let mapped = Capture::open(&paths).map(|capture| frames(capture, data.len()));
    let streamed = Capture::open_streaming(&paths).map(|capture| frames(capture, data.len()));
    match (mapped, streamed) {
        (Ok(mapped), Ok(streamed)) => assert_eq!(mapped, streamed, "mapped and streamed"),
        (Err(_), Err(_)) => {}
        (Ok(_), Err(error)) | (Err(error), Ok(_)) => {
            panic!("only one way it is no capture: {error}")
        }
    }
}

fn frames(mut capture: Capture, file_bytes: usize) -> (Vec<Kept>, Vec<FileSummary>) {
    let mut kept = Vec::new();
    let mut last = 0;
    let mut bytes = 0;
    let mut count = 0;
    capture
        .for_each_frame(&mut |frame: &Frame<'_>| {
            assert!(frame.number.0 > last, "numbers ascend");
            last = frame.number.0;
            assert!(
                frame.data.len() <= frame.wire_len as usize,
                "no more is captured than was on the wire"
            );
            count += 1;
            bytes += frame.data.len();
            // A bomb of compressed frames is counted, not kept.
            if bytes <= 1 << 20 && kept.len() < 10_000 {
                kept.push(Kept {
                    number: frame.number.0,
                    time: frame.time.map(|time| time.0),
                    link: frame.link.0,
                    interface: frame.interface,
                    wire_len: frame.wire_len,
                    data: frame.data.to_vec(),
                });
            }
            ControlFlow::Continue(())
        })
        .expect("a file can be read");
    let files = capture.files().to_vec();
    assert_eq!(
        files.iter().map(|file| file.packets).sum::<u64>(),
        count,
        "the account is of the frames"
    );
    if files.iter().all(|file| file.compression.is_none()) {
        assert!(bytes <= file_bytes, "no more frames than the file holds");
    }
    (kept, files)
}

/// The bytes are a capture file, which is analysed whole and rendered in every way. Mapped and streamed, it gives the
/// same report; the report's counts add up.
pub fn analyze(data: &[u8]) {
    let file = MemoryFile::new(data);
    let paths = [file.path()];
    let streamed = Capture::open_streaming(&paths).ok().map(|mut capture| {
        let mut analysis = Analysis::new(Options::default());
        let mut watch = Watch::default();
        capture
            .for_each_frame(&mut |frame| {
                analysis.frame(frame, &mut watch);
                ControlFlow::Continue(())
            })
            .expect("a file can be read");
        conclude(watch, analysis)
    });
    let mapped = Capture::open(&paths).ok().and_then(|capture| {
        let mut frames = capture.mapped()?;
        let mut analysis = Analysis::new(Options::default());
        let mut watch = Watch::default();
        for frame in &mut frames {
            analysis.mapped_frame(&frame, &mut watch);
        }
        Some(conclude(watch, analysis))
    });
    if mapped.is_some() {
        assert_eq!(mapped, streamed, "mapped and streamed");
    }
}

/// Chunks that are not worth looking at one by one.
const MANY: u64 = 20_000;

/// Collects a report and checks each picture's bytes against its account.
#[derive(Default)]
struct Watch {
    collector: Collector,
    /// Bytes and missing bytes of pictures that are open.
    open: BTreeMap<PictureId, u64>,
}

impl Observer for Watch {
    fn event(&mut self, event: Event<'_>) {
        match &event {
            Event::PictureStarted { picture, .. } => {
                let before = self.open.insert(*picture, 0);
                assert_eq!(before, None, "a picture starts once");
            }
            Event::PictureData { picture, bytes, .. } => {
                *self.open.get_mut(picture).expect("an open picture") += bytes.len() as u64;
            }
            Event::PictureGap { picture, length } => {
                *self.open.get_mut(picture).expect("an open picture") += length;
            }
            Event::PictureEnded(image) => {
                let bytes = self.open.remove(&image.id);
                assert_eq!(
                    bytes,
                    Some(image.bytes),
                    "an account of all that was passed on"
                );
            }
            _ => {}
        }
        self.collector.event(event);
    }
}

/// Ends the analysis, checks the laws of the counts, and renders the report.
fn conclude(mut watch: Watch, analysis: Analysis<'_>) -> String {
    let counts = analysis.finish(&mut watch);
    assert!(watch.open.is_empty(), "every picture ends");
    let packets = Packets::from(counts);
    let report = watch.collector.into_report(Vec::new(), packets);
    adds_up(&report);

    let huge = |image: &Image| image.chunks.as_ref().is_some_and(|all| all.len() >= MANY);
    let style = Style {
        detail: if report.images.iter().any(huge) {
            Detail::Streams
        } else {
            Detail::Chunks
        },
        ..Style::default()
    };
    written(|out| table::render(&report, &style, out));
    for what in [
        Table::Streams,
        Table::Images,
        Table::Chunks,
        Table::Findings,
    ] {
        written(|out| csv::render(&report, what, out));
    }
    written(|out| json::render(&report, &style, out))
}

/// What is written, up to a limit: one bit that is wrong in an acknowledgment can claim a gigabyte, which is as many
/// chunks as lines. A writer that fails at the limit is passed on as such.
fn written(render: impl FnOnce(&mut Capped) -> io::Result<()>) -> String {
    let mut out = Capped(Vec::new());
    let outcome = render(&mut out);
    let Capped(bytes) = out;
    if let Err(error) = outcome {
        assert_eq!(
            error.kind(),
            io::ErrorKind::FileTooLarge,
            "only the limit fails"
        );
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A writer that takes so much and no more.
struct Capped(Vec<u8>);

impl Capped {
    const MOST: usize = 1 << 20;
}

impl Write for Capped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > Self::MOST {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
/// The laws of the counts, on a report.
fn adds_up(report: &Report) {
    let packets = &report.packets;
    assert_eq!(
        packets.read,
        packets.decoded + packets.skipped.values().sum::<u64>(),
        "packets read = decoded + skipped"
    );
    for direction in report.streams.iter().flat_map(|stream| &stream.directions) {
        assert_eq!(
            direction.payload_bytes,
            direction.unique_bytes + direction.duplicate_bytes,
            "payload = unique + duplicate: {direction:?}"
        );
        assert_eq!(direction.gap_bytes, sum(&direction.gaps), "{direction:?}");
    }
    for image in &report.images {
        assert_eq!(
            image.encoded_bytes.unwrap_or(image.bytes),
            image.unique_bytes + image.gap_bytes,
            "length = unique + gaps: {image:?}"
        );
        assert_eq!(image.gap_bytes, sum(&image.gaps), "{image:?}");
        if let Some(chunks) = &image.chunks
            && chunks.len() < MANY
        {
            let mut end = 0;
            let (mut unique, mut duplicate, mut gaps) = (0, 0, 0);
            for chunk in chunks.iter() {
                assert_eq!(chunk.offset, end, "chunks follow each other: {image:?}");
                assert_eq!(
                    chunk.bytes,
                    chunk.unique_bytes + chunk.gap_bytes,
                    "{image:?}"
                );
                end += chunk.bytes;
                unique += chunk.unique_bytes;
                duplicate += chunk.duplicate_bytes;
                gaps += chunk.gap_bytes;
            }
            assert_eq!(
                end,
                image.encoded_bytes.unwrap_or(image.bytes),
                "chunks cover the picture: {image:?}"
            );
            assert_eq!(unique, image.unique_bytes, "{image:?}");
            assert_eq!(duplicate, image.duplicate_bytes, "{image:?}");
            assert_eq!(gaps, image.gap_bytes, "{image:?}");
        }
    }
}

/// The sum of ranges that are ascending and apart.
fn sum(gaps: &[Gap]) -> u64 {
    let mut end = 0;
    for gap in gaps {
        assert!(gap.length > 0 && gap.offset >= end, "{gaps:?}");
        end = gap.offset + gap.length;
    }
    gaps.iter().map(|gap| gap.length).sum()
}
