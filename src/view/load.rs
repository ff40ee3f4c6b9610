//! Reading a capture for the viewer: the first frames at once, all of them in the background.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use std::thread;

use super::data::{Data, Record};
use crate::analysis::{self, Analysis, Collector, DigestKind, Event, Observer, Options};
use crate::dissect::structure::{Part, Parts};
use crate::dissect::{Index, Inspector};
use crate::frame::Frame;
use crate::ledger::Gap;
use crate::picture::{self, DecodeLimits};
use crate::report::model::Packets;
use crate::source::Capture;
use crate::units::PictureId;

/// So many frames make the first screen.
const FIRST: usize = 20_000;
/// Memory for the list of frames.
const MEMORY: usize = 224 << 20;
/// Memory for the bytes of a capture that is not mapped.
const COPIED: usize = 256 << 20;
/// Largest picture that is drawn.
const LARGEST: usize = 64 << 20;

/// What the loader says.
pub(super) enum News {
    /// A capture, or as much of it as there is so far.
    Data(Box<Data>),
    /// A picture that was asked for.
    Picture(Box<Picture>),
    /// It cannot go on.
    Failed(String),
}

/// A picture as it was carried.
#[derive(Debug)]
pub(super) struct Picture {
    pub(super) id: u32,
    pub(super) bytes: Vec<u8>,
    pub(super) gaps: Vec<Gap>,
    pub(super) parts: Vec<Part>,
    /// Width, height and RGB of each pixel; why there are none otherwise.
    pub(super) pixels: Result<Pixels, String>,
}

/// Decoded pixels.
#[derive(Debug, Default)]
pub(super) struct Pixels {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) rgb: Vec<[u8; 3]>,
}

/// Reads the captures on a thread of its own.
pub(super) fn load(paths: Vec<PathBuf>, options: Options, to: Sender<News>) {
    let work = move || {
        if let Err(error) = read(&paths, &options, &to) {
            let _ = to.send(News::Failed(error.to_string()));
        }
    };
    // Where no thread is to be had, nothing is shown, and that is told by the silence of the channel.
    let _ = thread::Builder::new().name("load".to_owned()).spawn(work);
}

fn read(
    paths: &[PathBuf],
    options: &Options,
    to: &Sender<News>,
) -> Result<(), crate::source::Error> {
    let mut first = read_some(paths, options, Some(FIRST))?;
    let complete = first.complete;
    // The bytes of the first frames stay: the list goes on from them.
    let _ = to.send(News::Data(Box::new(std::mem::take(&mut first))));
    if !complete {
        let all = read_some(paths, options, None)?;
        let _ = to.send(News::Data(Box::new(all)));
    }
    Ok(())
}

/// Reads a capture: all of it, or its first frames.
pub(super) fn read_some(
    paths: &[PathBuf],
    options: &Options,
    most: Option<usize>,
) -> Result<Data, crate::source::Error> {
    let options = Options {
        digest: DigestKind::None,
        ..options.clone()
    };
    let capture: &'static mut Capture = Box::leak(Box::new(Capture::open(paths)?));
    if capture.mapped().is_some() {
        return Ok(mapped(capture, &options, most));
    }
    let mut analysis = Analysis::new(options.clone());
    let mut collector = Accounts::default();
    let mut frames: Vec<Frame<'static>> = Vec::new();
    let (mut copied, mut left_out, mut complete) = (0, 0, true);
    capture.for_each_frame(&mut |frame| {
        if most.is_some_and(|most| frames.len() >= most) {
            complete = false;
            return ControlFlow::Break(());
        }
        analysis.frame(frame, &mut collector);
        if copied + frame.data.len() > COPIED || frames.len() >= room() {
            left_out += 1;
            return ControlFlow::Continue(());
        }
        copied += frame.data.len();
        // The viewer's process ends with the viewer: the bytes stay until then.
        let data: &'static [u8] = Box::leak(frame.data.to_vec().into_boxed_slice());
        frames.push(Frame { data, ..*frame });
        ControlFlow::Continue(())
    })?;
    analysis.ended(crate::source::ended(capture.files()));
    analysis.finish(&mut collector);
    let truncated = capture.files().iter().any(|file| file.truncated.is_some());
    let index = collector.index();
    let records = placed(frames.into_iter(), &index, &options);
    Ok(Data {
        records,
        index,
        complete,
        left_out,
        truncated: truncated && complete,
    })
}

fn room() -> usize {
    MEMORY / size_of::<Record>()
}

fn mapped(capture: &'static Capture, options: &Options, most: Option<usize>) -> Data {
    let mut collector = Accounts::default();
    let Some(mut frames) = capture.mapped() else {
        return Data::default();
    };
    let complete = if let Some(most) = most {
        let mut analysis = Analysis::new(options.clone());
        for frame in frames.by_ref().take(most) {
            analysis.mapped_frame(&frame, &mut collector);
        }
        analysis.finish(&mut collector);
        frames.next().is_none()
    } else {
        let each = |_: &Frame<'static>| ControlFlow::Continue(());
        let told = analysis::analyse(options, options.threads, &mut frames, each, |frames| {
            crate::source::ended(&frames.files())
        });
        told.tell(&mut collector);
        true
    };
    let truncated = frames.files().iter().any(|file| file.truncated.is_some());
    let index = collector.index();
    let (mut records, mut left_out) = (Vec::new(), 0);
    if let Some(frames) = capture.mapped() {
        let listed = most.unwrap_or(usize::MAX).min(room());
        let mut frames = frames.take(most.unwrap_or(usize::MAX));
        records = placed(frames.by_ref().take(listed), &index, options);
        left_out = frames.count() as u64;
    }
    Data {
        records,
        index,
        complete,
        left_out,
        truncated: truncated && complete,
    }
}

/// Frames with their places.
fn placed(
    frames: impl Iterator<Item = Frame<'static>>,
    index: &Index,
    options: &Options,
) -> Vec<Record> {
    let mut inspector = Inspector::new(options.limits.streams);
    let mut records = Vec::new();
    for frame in frames {
        let mut place = None;
        inspector.frame(&frame, index, &mut |seen| place = seen.place);
        records.push(Record { frame, place });
    }
    records
}

#[derive(Default)]
struct Accounts {
    collector: Collector,
}

impl Accounts {
    fn index(self) -> Index {
        let report = self.collector.into_report(Vec::new(), Packets::default());
        Index::new(report.streams, report.images, report.findings)
    }
}

impl Observer for Accounts {
    fn event(&mut self, event: Event<'_>) {
        self.collector.event(event);
    }

    fn stream_closed(&mut self, stream: crate::ledger::Stream, images: Vec<crate::ledger::Image>) {
        self.collector.stream_closed(stream, images);
    }

    fn accounts_only(&self) -> bool {
        true
    }
}

/// Gathers one picture's bytes and structure.
struct Gather {
    id: PictureId,
    bytes: Vec<u8>,
    gaps: bool,
    parts: Parts,
}

impl Observer for Gather {
    fn event(&mut self, event: Event<'_>) {
        match &event {
            Event::PictureData { picture, bytes, .. } if *picture == self.id => {
                let room = LARGEST.saturating_sub(self.bytes.len());
                self.bytes.extend(bytes.iter().take(room));
            }
            Event::PictureGap { picture, .. } if *picture == self.id => self.gaps = true,
            _ => {}
        }
        self.parts.event(event);
    }
}

/// Fetches a picture's bytes on a thread of its own.
pub(super) fn picture(
    paths: Vec<PathBuf>,
    options: Options,
    id: u32,
    gaps: Vec<Gap>,
    to: Sender<News>,
) {
    let work = move || {
        let found = fetch(&paths, &options, id, gaps).unwrap_or_else(|error| Picture {
            id,
            bytes: Vec::new(),
            gaps: Vec::new(),
            parts: Vec::new(),
            pixels: Err(error.to_string()),
        });
        let _ = to.send(News::Picture(Box::new(found)));
    };
    let _ = thread::Builder::new()
        .name("picture".to_owned())
        .spawn(work);
}

pub(super) fn fetch(
    paths: &[PathBuf],
    options: &Options,
    id: u32,
    gaps: Vec<Gap>,
) -> Result<Picture, crate::source::Error> {
    let mut gather = Gather {
        id: PictureId(id),
        bytes: Vec::new(),
        gaps: false,
        parts: Parts::of(PictureId(id)),
    };
    let mut capture = Capture::open(paths)?;
    let mut analysis = Analysis::new(Options {
        digest: DigestKind::None,
        ..options.clone()
    });
    capture.for_each_frame(&mut |frame| {
        analysis.frame(frame, &mut gather);
        ControlFlow::Continue(())
    })?;
    analysis.ended(crate::source::ended(capture.files()));
    analysis.finish(&mut gather);
    let Gather {
        bytes,
        gaps: lacks,
        parts,
        ..
    } = gather;
    let pixels = if lacks {
        Err(
            "bytes are missing from the capture: what came is not decoded as if it were whole"
                .to_owned(),
        )
    } else {
        decoded(&bytes)
    };
    Ok(Picture {
        id,
        bytes,
        gaps,
        parts: parts.finish(),
        pixels,
    })
}

/// Decodes a picture's bytes.
pub(super) fn decoded(bytes: &[u8]) -> Result<Pixels, String> {
    let image = picture::decode(bytes, &DecodeLimits::default())
        .map_err(|error| error.to_string())?
        .to_rgb8();
    Ok(Pixels {
        width: image.width(),
        height: image.height(),
        rgb: image.pixels().map(|pixel| pixel.0).collect(),
    })
}

/// Where a file lies that grows while it is captured, and how long it is.
pub(super) fn length(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}
