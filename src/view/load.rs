//! Reading a capture for the viewer: the first frames at once, all of them in the background.

use std::io::Read as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use std::thread;

use super::data::{Data, Record};
use crate::analysis::{self, Analysis, Collector, DigestKind, Event, Observer, Options};
use crate::dissect::structure::{Part, Parts};
use crate::dissect::{Index, Inspector};
use crate::frame::Frame;
use crate::ledger::comparison::Side;
use crate::ledger::{Gap, Image};
use crate::picture::{self, DecodeLimits};
use crate::report::model::Packets;
use crate::source::Capture;
use crate::units::PictureId;
use crate::verify::painting::{self, Area, Decoded};

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
    /// What came of comparing with files.
    Compared(Box<Index>),
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
    /// The file that was sent, and the one that was received, where they were given.
    pub(super) files: [Option<Twin>; 2],
}

/// Decoded pixels.
#[derive(Debug, Default)]
pub(super) struct Pixels {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) rgb: Vec<[u8; 3]>,
    /// Rows from the top that are the picture's; below them nothing could be decoded.
    pub(super) rows: u32,
    /// What differs from the picture before it: from the file sent on the wire, from the wire in the file received.
    pub(super) damage: Option<Area>,
}

impl Pixels {
    fn of(decoded: &Decoded) -> Self {
        let pixels = decoded.pixels();
        Self {
            width: pixels.width(),
            height: pixels.height(),
            rgb: pixels.pixels().map(|pixel| pixel.0).collect(),
            rows: decoded.rows(),
            damage: None,
        }
    }
}

/// A file that belongs to a picture.
#[derive(Debug)]
pub(super) struct Twin {
    /// Its name, without folders.
    pub(super) name: String,
    /// Whether it equals the wire; absent where that is unknown.
    pub(super) equal: Option<bool>,
    pub(super) pixels: Result<Pixels, String>,
}

/// What is known of a picture before its bytes are fetched.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    pub(super) gaps: Vec<Gap>,
    /// Pixels in a row, of rows of pixels.
    pub(super) raw_width: Option<u32>,
    /// The file that was sent, the one that was received, and whether each equals the wire.
    pub(super) files: [Option<(PathBuf, Option<bool>)>; 2],
}

impl Known {
    pub(super) fn of(image: &Image) -> Self {
        let file = |side: Option<&Side>| {
            let side = side?;
            Some((PathBuf::from(side.path.as_ref()?), side.equal))
        };
        let compared = image.compared.as_ref();
        Self {
            gaps: image.gaps.clone(),
            raw_width: image.width.filter(|_| image.is_raw_pixels()),
            files: [
                compared.and_then(|compared| file(compared.sent.as_ref())),
                compared.and_then(|compared| file(compared.received.as_ref())),
            ],
        }
    }
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

    fn stream_closed(&mut self, stream: crate::ledger::Stream, images: Vec<Image>) {
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
            // What comes behind a gap has no place in a picture that is decoded.
            Event::PictureData { picture, bytes, .. } if *picture == self.id && !self.gaps => {
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
    known: Known,
    to: Sender<News>,
) {
    let work = move || {
        let found = fetch(&paths, &options, id, known).unwrap_or_else(|error| Picture {
            id,
            bytes: Vec::new(),
            gaps: Vec::new(),
            parts: Vec::new(),
            pixels: Err(error.to_string()),
            files: [None, None],
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
    known: Known,
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
    let Gather { bytes, parts, .. } = gather;
    let whole = (decoded(&bytes, known.raw_width), known.raw_width);
    let (pixels, files) = beside(whole, &known.files);
    Ok(Picture {
        id,
        bytes,
        gaps: known.gaps,
        parts: parts.finish(),
        pixels,
        files,
    })
}

/// A picture between its files: what differs is an area of each.
fn beside(
    (wire, raw_width): (Result<Decoded, String>, Option<u32>),
    files: &[Option<(PathBuf, Option<bool>)>; 2],
) -> (Result<Pixels, String>, [Option<Twin>; 2]) {
    let read: [Option<Result<Decoded, String>>; 2] = [0, 1].map(|at| {
        let (path, _) = files.get(at)?.as_ref()?;
        Some(of_file(path, raw_width))
    });
    let differs = |at: usize| matches!(files.get(at), Some(Some((_, Some(false)))));
    let [sent, received] = &read;
    let on_wire = match sent {
        Some(Ok(sent)) if differs(0) => painting::area(sent, wire.as_ref().ok()),
        _ => None,
    };
    let in_file = match (&wire, received) {
        (Ok(wire), Some(received)) if differs(1) => painting::area(wire, received.as_ref().ok()),
        _ => None,
    };
    let pixels = |decoded: &Result<Decoded, String>, damage| match decoded {
        Ok(decoded) => Ok(Pixels {
            damage,
            ..Pixels::of(decoded)
        }),
        Err(reason) => Err(reason.clone()),
    };
    let twin = |at: usize, damage| {
        let (path, equal) = files.get(at)?.as_ref()?;
        Some(Twin {
            name: path.file_name()?.to_string_lossy().into_owned(),
            equal: *equal,
            pixels: pixels(read.get(at)?.as_ref()?, damage),
        })
    };
    (pixels(&wire, on_wire), [twin(0, None), twin(1, in_file)])
}

/// A file's pixels, as far as they can be decoded. Rows of pixels are in no file: it holds a picture, or those rows.
fn of_file(path: &Path, raw_width: Option<u32>) -> Result<Decoded, String> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(LARGEST as u64).read_to_end(&mut bytes))
        .map_err(|error| error.to_string())?;
    decoded(&bytes, None).or_else(|reason| match raw_width {
        Some(_) => decoded(&bytes, raw_width),
        None => Err(reason),
    })
}

/// Decodes a picture's bytes as far as that goes.
pub(super) fn decoded(bytes: &[u8], raw_width: Option<u32>) -> Result<Decoded, String> {
    painting::as_far_as_possible(bytes, raw_width).ok_or_else(|| {
        match picture::decode(bytes, &DecodeLimits::default()) {
            Ok(_) => "its pixels are of a kind that is not drawn".to_owned(),
            Err(error) => error.to_string(),
        }
    })
}

/// Where a file lies that grows while it is captured, and how long it is.
pub(super) fn length(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}
