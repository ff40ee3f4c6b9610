//! Reading a capture for the viewer: the first frames at once, all of them in the background; of one that goes on, what was
//! appended.

use std::io::Read as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender};
use std::thread;

use super::data::Data;
use super::records::Records;
use crate::analysis::{self, Analysis, Collector, DigestKind, Event, Observer, Options};
use crate::dissect::structure::{Part, Parts};
use crate::dissect::{Index, Inspector};
use crate::frame::Frame;
use crate::ledger::comparison::Side;
use crate::ledger::{Gap, Image};
use crate::picture::{self, DecodeLimits};
use crate::report::model::Packets;
use crate::source::{Capture, Growing};
use crate::units::PictureId;
use crate::verify::painting::{self, Area, Decoded};

/// So many frames make the first screen…
const FIRST: usize = 20_000;
/// …or so many bytes of them.
const FIRST_BYTES: usize = 64 << 20;
/// Memory for the list of frames, and for the bytes of a capture that is not mapped.
const MEMORY: usize = 224 << 20;
/// What a capture file says before each frame, at least.
const RECORD_HEADER: u64 = 16;
/// How far it has come is told after so many frames.
const TELL_EVERY: u64 = 1 << 14;
/// To find out how far a picture's first bytes reach no more bytes than these are decoded in all.
const REACHED: usize = 16 << 20;
/// Largest picture that is drawn.
const LARGEST: usize = 64 << 20;

/// What the loader says.
pub(super) enum News {
    /// A capture, or as much of it as there is so far.
    Data(Box<Data>),
    /// How far the reading has come.
    Progress(Progress),
    /// A picture that was asked for.
    Picture(Box<Picture>),
    /// What came of comparing with files.
    Compared(Box<Index>),
    /// It cannot go on.
    Failed(String),
}

/// How far the reading of a capture has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// Of a hundred.
    Percent(u64),
    /// So many frames of nobody knows how many.
    Frames(u64),
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
    /// How many rows of pixels the bytes up to some offsets hold: ascending.
    pub(super) reach: Vec<(u64, u32)>,
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

/// Reads the captures on a thread of its own; `first` so that there is something to be shown at once.
pub(super) fn load(paths: Vec<PathBuf>, options: Options, first: bool, to: Sender<News>) {
    let work = move || {
        if let Err(error) = read(&paths, &options, first, &to) {
            let _ = to.send(News::Failed(error.to_string()));
        }
    };
    // Where no thread is to be had, nothing is shown, and that is told by the silence of the channel.
    let _ = thread::Builder::new().name("load".to_owned()).spawn(work);
}

fn read(
    paths: &[PathBuf],
    options: &Options,
    first: bool,
    to: &Sender<News>,
) -> Result<(), crate::source::Error> {
    let mut complete = false;
    if first {
        let first = read_some(paths, options, Some(FIRST), &mut |_| {})?;
        complete = first.complete;
        let _ = to.send(News::Data(Box::new(first)));
    }
    if !complete {
        let all = read_some(paths, options, None, &mut |progress| {
            let _ = to.send(News::Progress(progress));
        })?;
        let _ = to.send(News::Data(Box::new(all)));
    }
    Ok(())
}

/// Reads a capture: all of it, or its first frames.
pub(super) fn read_some(
    paths: &[PathBuf],
    options: &Options,
    most: Option<usize>,
    tell: &mut dyn FnMut(Progress),
) -> Result<Data, crate::source::Error> {
    let options = Options {
        digest: DigestKind::None,
        ..options.clone()
    };
    let capture = Box::new(Capture::open(paths)?);
    match mapped(capture, &options, most, tell) {
        Ok(data) => Ok(data),
        Err(capture) => copied(*capture, &options, most, tell),
    }
}

/// Counts what is read, until it is enough for a first screen.
struct Limit {
    most: Option<usize>,
    frames: usize,
    bytes: usize,
}

impl Limit {
    fn new(most: Option<usize>) -> Self {
        Self {
            most,
            frames: 0,
            bytes: 0,
        }
    }

    /// Whether one more frame is wanted; counts it where it is.
    fn takes(&mut self, frame: &Frame<'_>) -> bool {
        let enough = self
            .most
            .is_some_and(|most| self.frames >= most || self.bytes >= FIRST_BYTES);
        if !enough {
            self.frames += 1;
            self.bytes += frame.data.len();
        }
        !enough
    }
}

/// A capture that is read through a buffer: its bytes are copied.
fn copied(
    mut capture: Capture,
    options: &Options,
    most: Option<usize>,
    tell: &mut dyn FnMut(Progress),
) -> Result<Data, crate::source::Error> {
    let mut analysis = Analysis::new(options.clone());
    let mut collector = Accounts::default();
    let (mut records, mut left_out, mut complete) = (Records::default(), 0, true);
    let mut limit = Limit::new(most);
    let mut read = 0;
    capture.for_each_frame(&mut |frame| {
        if !limit.takes(frame) {
            complete = false;
            return ControlFlow::Break(());
        }
        read += 1;
        if read % TELL_EVERY == 0 {
            tell(Progress::Frames(read));
        }
        analysis.frame(frame, &mut collector);
        let room = records.memory() + frame.data.len() <= MEMORY;
        if !(room && records.add_copied(frame)) {
            left_out += 1;
        }
        ControlFlow::Continue(())
    })?;
    analysis.ended(crate::source::ended(capture.files()));
    analysis.finish(&mut collector);
    let truncated = capture.files().iter().any(|file| file.truncated.is_some());
    let drops = drops(capture.files());
    let index = collector.index();
    records.settle(&index, options.limits.streams, &mut |_| {});
    Ok(Data {
        records,
        index,
        complete,
        left_out,
        drops,
        truncated: truncated && complete,
    })
}

/// A capture that is mapped; given back where it is not.
fn mapped(
    capture: Box<Capture>,
    options: &Options,
    most: Option<usize>,
    tell: &mut dyn FnMut(Progress),
) -> Result<Data, Box<Capture>> {
    let Some(mut frames) = capture.mapped() else {
        return Err(capture);
    };
    let whole = capture.file_bytes().unwrap_or(0).max(1);
    let mut collector = Accounts::default();
    let (mut records, mut left_out) = (Records::default(), 0);
    let (mut read, mut bytes) = (0, 0);
    let mut list = |frame: &Frame<'_>| {
        let at = capture.place_of(frame).unwrap_or_default();
        if records.memory() > MEMORY || !records.add_mapped(frame, at) {
            left_out += 1;
        }
        read += 1;
        bytes += frame.data.len() as u64 + RECORD_HEADER;
        if read % TELL_EVERY == 0 {
            // To find the places of all frames afterwards takes about as long.
            tell(Progress::Percent((bytes * 50 / whole).min(50)));
        }
    };
    let mut complete = true;
    if most.is_some() {
        let mut limit = Limit::new(most);
        let mut analysis = Analysis::new(options.clone());
        for frame in frames.by_ref() {
            if !limit.takes(&frame) {
                complete = false;
                break;
            }
            list(&frame);
            analysis.mapped_frame(&frame, &mut collector);
        }
        analysis.finish(&mut collector);
    } else {
        let each = |frame: &Frame<'_>| {
            list(frame);
            ControlFlow::Continue(())
        };
        let told = analysis::analyse(options, options.threads, &mut frames, each, |frames| {
            crate::source::ended(&frames.files())
        });
        told.tell(&mut collector);
    }
    let files = frames.files();
    let truncated = files.iter().any(|file| file.truncated.is_some());
    let drops = drops(&files);
    drop(frames);
    records.keep(capture);
    let index = collector.index();
    let listed = records.len().max(1);
    records.settle(&index, options.limits.streams, &mut |at| {
        if at as u64 % TELL_EVERY == TELL_EVERY - 1 {
            tell(Progress::Percent(50 + (at * 50 / listed) as u64));
        }
    });
    Ok(Data {
        records,
        index,
        complete,
        left_out,
        drops,
        truncated: truncated && complete,
    })
}

fn drops(files: &[crate::source::FileSummary]) -> Option<u64> {
    files
        .iter()
        .filter_map(|file| file.kernel_drops)
        .reduce(|sum, drops| sum + drops)
}

/// Reads a file that grows, each time it is asked to, on a thread of its own: what was appended since, and nothing twice.
pub(super) fn follow(path: PathBuf, options: Options, asked: Receiver<()>, to: Sender<News>) {
    let work = move || {
        let mut follow = None;
        while let Ok(()) = asked.recv() {
            let read = match &mut follow {
                Some(follow) => Ok(follow),
                None => Follow::open(&path, &options).map(|new| follow.insert(new)),
            };
            let news = match read.and_then(Follow::read_on) {
                Ok(data) => News::Data(Box::new(data)),
                Err(error) => News::Failed(error.to_string()),
            };
            if to.send(news).is_err() {
                break;
            }
        }
    };
    let _ = thread::Builder::new().name("follow".to_owned()).spawn(work);
}

/// A capture that goes on, as far as it was read.
pub(super) struct Follow {
    file: Growing,
    analysis: Analysis<'static>,
    /// What was told of streams that are over.
    told: Accounts,
    inspector: Inspector,
    records: Records,
    left_out: u64,
}

impl Follow {
    /// Of this file, from its start.
    pub(super) fn open(path: &Path, options: &Options) -> Result<Self, crate::source::Error> {
        let options = Options {
            digest: DigestKind::None,
            ..options.clone()
        };
        Ok(Self {
            file: Growing::open(path)?,
            inspector: Inspector::new(options.limits.streams),
            analysis: Analysis::new(options),
            told: Accounts::default(),
            records: Records::default(),
            left_out: 0,
        })
    }

    /// Reads what was appended; what is said of all of it is what a reading from the start would say.
    pub(super) fn read_on(&mut self) -> Result<Data, crate::source::Error> {
        let known = self.records.len();
        let Self {
            file,
            analysis,
            told,
            records,
            left_out,
            ..
        } = self;
        file.read_on(&mut |frame, at| {
            analysis.frame(frame, told);
            if records.memory() > MEMORY || !records.add_mapped(frame, (0, at)) {
                *left_out += 1;
            }
        })?;
        records.keep_grown(file.grown());
        let files = std::slice::from_ref(file.summary());
        let mut accounts = told.clone();
        analysis.so_far(crate::source::ended(files), &mut accounts);
        let index = accounts.index();
        records.settle_from(known, &mut self.inspector, &index, &mut |_| {});
        Ok(Data {
            records: records.shown(),
            index,
            complete: true,
            left_out: *left_out,
            drops: drops(files),
            truncated: file.summary().truncated.is_some(),
        })
    }
}

#[derive(Clone, Default)]
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
            reach: Vec::new(),
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
    let reach = reach(&bytes, known.raw_width);
    let whole = (decoded(&bytes, known.raw_width), known.raw_width);
    let (pixels, files) = beside(whole, &known.files);
    Ok(Picture {
        id,
        bytes,
        gaps: known.gaps,
        parts: parts.finish(),
        pixels,
        files,
        reach,
    })
}

/// How far the first bytes of a picture reach down: decoded again and again, a large one fewer times.
fn reach(bytes: &[u8], raw_width: Option<u32>) -> Vec<(u64, u32)> {
    let steps = (REACHED / bytes.len().max(1)).clamp(2, 48);
    let mut found: Vec<(u64, u32)> = Vec::new();
    for step in 1..=steps {
        let end = bytes.len() * step / steps;
        let part = bytes.get(..end).unwrap_or_default();
        if let Some(decoded) = painting::as_far_as_possible(part, raw_width) {
            let rows = found.last().map_or(0, |(_, rows)| *rows);
            found.push((end as u64, decoded.rows().max(rows)));
        }
    }
    found
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
