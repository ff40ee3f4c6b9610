//! What a message's body holds: decompressed, taken apart where it is `multipart`, and looked at for pictures.

use std::collections::VecDeque;

use flate2::{FlushDecompress, Status};

use super::super::deflated::Inflater;
use super::super::encoded::Base64Decoder;
use super::super::length::{BOMB, MOST, is_bomb};
use super::super::marker::Pattern;
use super::super::{Decode, Ending, Event, Fault, Sink, StreamEnd};
use super::{LONGEST_HEAD, Out};
use crate::picture::{SNIFF_BYTES, Sniff, sniff};

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Identity,
    Gzip,
    Deflate,
}

/// A body.
#[derive(Debug, Clone)]
pub(super) struct Body {
    inflate: Option<Inflate>,
    media: Media,
}

/// A body that is decompressed.
#[derive(Debug, Clone)]
struct Inflate {
    gzip: bool,
    /// Absent before the first byte, and once it is over.
    stream: Option<Inflater>,
    over: bool,
    /// How much came out.
    total: u64,
}

#[derive(Debug, Clone)]
enum Media {
    One(One),
    Parts(Box<Parts>),
}

/// A body, or a part, that may be a picture.
#[derive(Debug, Clone)]
struct One {
    declared: Option<u64>,
    /// It is said to be a picture of this kind, which is not known by its bytes.
    media: Option<&'static str>,
    state: OneState,
}

#[derive(Debug, Clone)]
enum OneState {
    /// First bytes, which do not tell yet.
    Head(Vec<u8>),
    Picture,
    /// Text, which may hold pictures in base64.
    Text(Box<Base64Decoder>),
    Other,
}

/// Lets the text's decoder work: what is no picture in it is framing.
fn text(
    text: &mut Base64Decoder,
    out: &mut Out,
    sink: &mut Sink<'_>,
    work: impl FnOnce(&mut Base64Decoder, &mut Sink<'_>),
) {
    work(text, &mut |event| match event {
        Event::PictureStart { length } => out.start(length, sink),
        Event::PictureEncoded { wire, bytes } => {
            let wire = if out.coded { 0 } else { wire };
            out.flush(sink);
            sink(Event::PictureEncoded { wire, bytes });
        }
        Event::PictureEnd(ending) => out.end(ending, sink),
        Event::Framing { bytes, .. } => out.other(bytes),
        Event::Stray(bytes) => out.other(bytes.len() as u64),
        Event::PictureGap(length) | Event::StrayGap(length) => out.gap(length, sink),
        event => {
            out.flush(sink);
            sink(event);
        }
    });
}

fn is_text(head: &[u8]) -> bool {
    head.iter()
        .all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace())
}

impl One {
    fn new(declared: Option<u64>, media: Option<&'static str>) -> Self {
        Self {
            declared,
            media,
            state: OneState::Head(Vec::new()),
        }
    }

    fn update(&mut self, bytes: &[u8], out: &mut Out, sink: &mut Sink<'_>) {
        match &mut self.state {
            OneState::Picture => out.data(bytes, sink),
            OneState::Other => out.other(bytes.len() as u64),
            OneState::Head(held) => {
                held.extend_from_slice(bytes);
                match sniff(held.get(..SNIFF_BYTES).unwrap_or(held)) {
                    Sniff::NeedMore => {}
                    Sniff::Is(_) => {
                        let held = std::mem::take(held);
                        self.state = OneState::Picture;
                        out.start(self.declared, sink);
                        out.data(&held, sink);
                    }
                    Sniff::No
                        if self.media.is_none_or(is_walked)
                            && is_text(held.get(..SNIFF_BYTES).unwrap_or(held)) =>
                    {
                        let held = std::mem::take(held);
                        let mut decoder = Box::<Base64Decoder>::default();
                        text(&mut decoder, out, sink, |text, sink| {
                            text.update(&held, sink);
                        });
                        self.state = OneState::Text(decoder);
                    }
                    Sniff::No => self.unknown(out, sink),
                }
            }
            OneState::Text(decoder) => {
                text(decoder, out, sink, |text, sink| text.update(bytes, sink));
            }
        }
    }

    /// The bytes held back are those of no known picture.
    fn unknown(&mut self, out: &mut Out, sink: &mut Sink<'_>) {
        let OneState::Head(held) = std::mem::replace(&mut self.state, OneState::Other) else {
            return;
        };
        match self.media.filter(|_| !held.is_empty()) {
            Some(media) => {
                self.state = OneState::Picture;
                out.start(self.declared, sink);
                sink(Event::Media(media));
                out.data(&held, sink);
            }
            None => out.other(held.len() as u64),
        }
    }

    fn finish(&mut self, ending: Ending, out: &mut Out, sink: &mut Sink<'_>) {
        if matches!(self.state, OneState::Head(_)) {
            self.unknown(out, sink);
        }
        if let OneState::Text(mut decoder) = std::mem::replace(&mut self.state, OneState::Other) {
            let end = match ending {
                Ending::Cut(end) | Ending::EndOfStream(end) => end,
                _ => StreamEnd::Fin,
            };
            text(&mut decoder, out, sink, |text, sink| text.finish(end, sink));
        }
        out.end(ending, sink);
    }
}

/// Kinds of pictures that are known by their bytes: a body of such a type that does not begin as one is a broken picture.
const WALKED: [&str; 9] = [
    "image/jpeg",
    "image/jpg",
    "image/pjpeg",
    "image/png",
    "image/apng",
    "image/gif",
    "image/webp",
    "image/bmp",
    "image/x-ms-bmp",
];

fn is_walked(media: &str) -> bool {
    WALKED.contains(&media)
}

/// The kind of picture that a Content-Type names (IANA's registry of media types).
pub(super) fn media(content_type: &[u8]) -> Option<&'static str> {
    const OTHERS: [&str; 12] = [
        "image/x-icon",
        "image/vnd.microsoft.icon",
        "image/tiff",
        "image/svg+xml",
        "image/avif",
        "image/heic",
        "image/heif",
        "image/jxl",
        "image/jp2",
        "image/x-tga",
        "image/x-portable-pixmap",
        "image/qoi",
    ];
    let name = content_type.split(|byte| *byte == b';').next()?;
    let name = name.trim_ascii();
    WALKED
        .into_iter()
        .chain(OTHERS)
        .find(|kind| kind.as_bytes().eq_ignore_ascii_case(name))
}

/// The boundary of a `multipart` body, as its Content-Type says.
pub(super) fn boundary(content_type: &[u8]) -> Option<Vec<u8>> {
    let lower = content_type.to_ascii_lowercase();
    if !lower.starts_with(b"multipart/") {
        return None;
    }
    let at = memchr::memmem::find(&lower, b"boundary=")?;
    let value = content_type.get(at.saturating_add(9)..)?;
    let value = match value.strip_prefix(b"\"") {
        Some(quoted) => quoted.split(|byte| *byte == b'"').next()?,
        None => value.split(|byte| *byte == b';').next()?.trim_ascii(),
    };
    // RFC 2046, 5.1.1: at most 70 characters.
    (1..=200).contains(&value.len()).then(|| value.to_vec())
}

/// A `multipart` body.
#[derive(Debug, Clone)]
struct Parts {
    /// The line before a part: `--` and the boundary, which some servers write with its dashes already.
    delimiter: Pattern,
    /// The same behind a line break.
    behind: Pattern,
    /// The whole line where a part was seen before it, with the dashes that the first one had.
    next: Pattern,
    /// The delimiter was seen, with what is before it.
    dashes: Option<bool>,
    /// The bytes of the delimiter and two before it, while the first one is searched for.
    recent: VecDeque<u8>,
    /// So many bytes of what is searched for came.
    matched: usize,
    state: PartState,
    one: One,
}

#[derive(Debug, Clone)]
enum PartState {
    /// Looking for a delimiter.
    Before,
    /// The rest of its line.
    Line(Vec<u8>),
    /// The fields of a part.
    Fields(Vec<u8>),
    /// A part that ends with a delimiter.
    Open,
    /// So many bytes of a part are still to come.
    Left(u64),
    /// Behind a part of known length: line breaks and the delimiter, and nothing else.
    Behind,
    /// Behind the last part.
    Epilogue,
}

impl Parts {
    fn new(boundary: &[u8]) -> Self {
        let line = if boundary.starts_with(b"--") {
            boundary.to_vec()
        } else {
            [b"--", boundary].concat()
        };
        Self {
            behind: Pattern::new(&[b"\r\n", &line[..]].concat()),
            dashes: (!boundary.starts_with(b"--")).then_some(false),
            next: Pattern::new(&line),
            delimiter: Pattern::new(&line),
            recent: VecDeque::new(),
            matched: 0,
            state: PartState::Before,
            one: One::new(None, None),
        }
    }

    fn update(&mut self, bytes: &[u8], out: &mut Out, sink: &mut Sink<'_>) {
        let mut rest = bytes;
        while let Some((&byte, later)) = rest.split_first() {
            match &mut self.state {
                PartState::Before => {
                    rest = later;
                    out.other(1);
                    let matched = self.delimiter.step(self.matched, byte);
                    if self.dashes.is_none() {
                        self.recent.push_back(byte);
                        if self.recent.len() > self.delimiter.marker().len().saturating_add(2) {
                            self.recent.pop_front();
                        }
                    }
                    self.matched = matched;
                    if matched == self.delimiter.marker().len() {
                        self.matched = 0;
                        self.delimited();
                    }
                }
                PartState::Line(line) => {
                    rest = later;
                    out.other(1);
                    line.push(byte);
                    if line.starts_with(b"--") {
                        self.state = PartState::Epilogue;
                    } else if byte == b'\n' || line.len() > LONGEST_HEAD {
                        self.state = PartState::Fields(Vec::new());
                    }
                }
                PartState::Fields(fields) => {
                    rest = later;
                    out.other(1);
                    fields.push(byte);
                    let blank = matches!(&fields[..], b"\n" | b"\r\n");
                    let over = blank || fields.ends_with(b"\n\r\n") || fields.ends_with(b"\n\n");
                    if over || fields.len() > LONGEST_HEAD {
                        let length = part_length(fields);
                        self.one = One::new(length, part_media(fields));
                        self.state = match length {
                            Some(0) => PartState::Before,
                            Some(length) => PartState::Left(length),
                            None => PartState::Open,
                        };
                    }
                }
                PartState::Left(left) => {
                    let take = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                    let (new, later) = rest.split_at(take);
                    rest = later;
                    *left = left.saturating_sub(take as u64);
                    let over = *left == 0;
                    self.one.update(new, out, sink);
                    if over {
                        self.one.finish(Ending::Length, out, sink);
                        self.state = PartState::Behind;
                    }
                }
                PartState::Behind => {
                    let taken = self.between(rest, out, sink);
                    rest = rest.get(taken..).unwrap_or_default();
                }
                PartState::Open => {
                    let taken = self.open(rest, out, sink);
                    rest = rest.get(taken..).unwrap_or_default();
                }
                PartState::Epilogue => {
                    out.other(rest.len() as u64);
                    return;
                }
            }
        }
    }

    /// A delimiter was found outside a part.
    fn delimited(&mut self) {
        if self.dashes.is_none() {
            let long = self.recent.len() > self.delimiter.marker().len().saturating_add(1);
            let dashes = long && self.recent.iter().take(2).all(|byte| *byte == b'-');
            self.dashes = Some(dashes);
            self.recent = VecDeque::new();
            if dashes {
                let line = [b"\r\n--", self.delimiter.marker()].concat();
                self.behind = Pattern::new(&line);
                self.next = Pattern::new(line.get(2..).unwrap_or_default());
            }
        }
        self.state = PartState::Line(Vec::new());
    }

    /// Takes bytes behind a part of known length up to the delimiter; returns how many. What is there besides line breaks is stray:
    /// the part said that it was over.
    fn between(&mut self, bytes: &[u8], out: &mut Out, sink: &mut Sink<'_>) -> usize {
        let mut strays = Vec::new();
        for (at, &byte) in bytes.iter().enumerate() {
            let matched = self.next.step(self.matched, byte);
            let held = self.next.marker().get(..self.matched).unwrap_or_default();
            // What is no longer matched equals the beginning of what was held, and the byte itself where nothing is matched.
            let passed = held.len().saturating_add(1).saturating_sub(matched);
            for &one in held.iter().chain([&byte]).take(passed) {
                if matches!(one, b'\r' | b'\n' | b' ' | b'\t') {
                    out.strays(&mut strays, sink);
                    out.other(1);
                } else {
                    strays.push(one);
                }
            }
            self.matched = matched;
            if matched == marker_length(&self.next) {
                out.strays(&mut strays, sink);
                out.other(matched as u64);
                self.matched = 0;
                self.state = PartState::Line(Vec::new());
                return at.saturating_add(1);
            }
        }
        out.strays(&mut strays, sink);
        bytes.len()
    }

    /// Takes bytes of a part that ends with a delimiter; returns how many.
    fn open(&mut self, bytes: &[u8], out: &mut Out, sink: &mut Sink<'_>) -> usize {
        let mut at = 0_usize;
        while let Some(&byte) = bytes.get(at) {
            if self.matched == 0 {
                let rest = bytes.get(at..).unwrap_or_default();
                let skip = memchr::memchr(b'\r', rest).unwrap_or(rest.len());
                if skip > 0 {
                    self.one
                        .update(rest.get(..skip).unwrap_or_default(), out, sink);
                    at = at.saturating_add(skip);
                    continue;
                }
            }
            let matched = self.behind.step(self.matched, byte);
            let marker = self.behind.marker();
            if matched == 0 {
                let held = marker.get(..self.matched).unwrap_or_default().to_vec();
                self.one.update(&held, out, sink);
                self.one.update(&[byte], out, sink);
            } else {
                // What is no longer matched equals the beginning of what is searched for.
                let count = self.matched.saturating_add(1).saturating_sub(matched);
                let held = marker.get(..count).unwrap_or_default().to_vec();
                self.one.update(&held, out, sink);
            }
            at = at.saturating_add(1);
            self.matched = matched;
            if matched == marker_length(&self.behind) {
                self.one.finish(Ending::Marker, out, sink);
                out.other(matched as u64);
                self.matched = 0;
                self.state = PartState::Line(Vec::new());
                return at;
            }
        }
        at
    }

    /// Lets go of what was held because it might have been a delimiter.
    fn release(&mut self, out: &mut Out, sink: &mut Sink<'_>) {
        let matched = std::mem::take(&mut self.matched);
        if matches!(self.state, PartState::Behind) {
            // The beginning of a delimiter.
            out.other(matched as u64);
        }
        if matches!(self.state, PartState::Open) {
            let held = self
                .behind
                .marker()
                .get(..matched)
                .unwrap_or_default()
                .to_vec();
            self.one.update(&held, out, sink);
        }
    }

    fn gap(&mut self, length: u64, out: &mut Out, sink: &mut Sink<'_>) {
        self.release(out, sink);
        match &mut self.state {
            PartState::Left(left) if length <= *left => {
                *left = left.saturating_sub(length);
                let over = *left == 0;
                self.one.gap(length, out, sink);
                if over {
                    self.one.finish(Ending::Length, out, sink);
                    self.state = PartState::Behind;
                }
            }
            PartState::Open => self.one.gap(length, out, sink),
            PartState::Epilogue => out.gap(length, sink),
            _ => {
                self.one.finish(Ending::Broken, out, sink);
                self.state = PartState::Before;
                out.gap(length, sink);
            }
        }
    }

    fn finish(&mut self, ending: Ending, out: &mut Out, sink: &mut Sink<'_>) {
        // Cameras end each part with a line break, and the stream whenever they like.
        let breaks = match (&self.state, &ending) {
            (PartState::Open, Ending::EndOfStream(_)) if self.matched == 2 => {
                std::mem::take(&mut self.matched)
            }
            _ => 0,
        };
        self.release(out, sink);
        let cut = match ending {
            // The delimiter behind the last part is missing.
            Ending::EndOfStream(end) => Ending::Cut(end),
            other => other,
        };
        self.one.finish(cut, out, sink);
        out.other(breaks as u64);
        self.state = PartState::Epilogue;
    }
}

fn marker_length(pattern: &Pattern) -> usize {
    pattern.marker().len()
}

/// A field of a part.
fn part_field(fields: &[u8], name: &str) -> Option<Vec<u8>> {
    let mut found = [httparse::EMPTY_HEADER; 32];
    let Ok(httparse::Status::Complete((_, found))) = httparse::parse_headers(fields, &mut found)
    else {
        return None;
    };
    let field = found
        .iter()
        .find(|field| field.name.eq_ignore_ascii_case(name))?;
    Some(field.value.trim_ascii().to_vec())
}

/// Content-Length among the fields of a part.
fn part_length(fields: &[u8]) -> Option<u64> {
    let value = part_field(fields, "content-length")?;
    let length = std::str::from_utf8(&value).ok()?.parse().ok()?;
    (length <= MOST).then_some(length)
}

/// The kind of picture that Content-Type among the fields of a part names.
fn part_media(fields: &[u8]) -> Option<&'static str> {
    media(&part_field(fields, "content-type")?)
}

impl One {
    fn gap(&mut self, length: u64, out: &mut Out, sink: &mut Sink<'_>) {
        if matches!(self.state, OneState::Head(_)) {
            self.unknown(out, sink);
        }
        if let OneState::Text(decoder) = &mut self.state {
            text(decoder, out, sink, |text, sink| text.gap(length, sink));
            return;
        }
        out.gap(length, sink);
    }
}

impl Body {
    pub(super) fn new(
        coding: Coding,
        declared: Option<u64>,
        boundary: Option<Vec<u8>>,
        media: Option<&'static str>,
    ) -> Self {
        Self {
            inflate: (coding != Coding::Identity).then(|| Inflate {
                gzip: coding == Coding::Gzip,
                stream: None,
                over: false,
                total: 0,
            }),
            media: match boundary {
                Some(boundary) => Media::Parts(Box::new(Parts::new(&boundary))),
                None => Media::One(One::new(declared, media)),
            },
        }
    }

    /// A part of something, which is not looked at.
    pub(super) fn part() -> Self {
        Self {
            inflate: None,
            media: Media::One(One {
                declared: None,
                media: None,
                state: OneState::Other,
            }),
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8], out: &mut Out, sink: &mut Sink<'_>) {
        let Self { inflate, media } = self;
        let Some(inflate) = inflate else {
            media.update(bytes, out, sink);
            return;
        };
        let mut rest = bytes;
        while !rest.is_empty() {
            // Byte by byte until a picture is open: which bytes are before it must not depend on how they came.
            let whole = out.open && matches!(media, Media::One(_));
            let (part, later) = rest.split_at(if whole { rest.len() } else { 1 });
            rest = later;
            inflate.update(part, media, out, sink);
            let wire = part.len() as u64;
            if out.open {
                out.flush(sink);
                sink(Event::PictureEncoded { wire, bytes: &[] });
            } else {
                out.framing(wire);
            }
        }
    }

    pub(super) fn gap(&mut self, length: u64, out: &mut Out, sink: &mut Sink<'_>) {
        match &mut self.inflate {
            None => match &mut self.media {
                Media::One(one) => one.gap(length, out, sink),
                Media::Parts(parts) => parts.gap(length, out, sink),
            },
            Some(inflate) => {
                // Nothing behind it can be decompressed.
                inflate.over = true;
                out.gap(length, sink);
            }
        }
    }

    /// Whether its parts are over, or all but over, and its length says that so many bytes are still to come. A stream of pictures
    /// may say any length.
    pub(super) fn is_short(&self, left: u64) -> bool {
        /// The last line is not longer.
        const LINE: u64 = 72;
        let Media::Parts(parts) = &self.media else {
            return false;
        };
        match parts.state {
            PartState::Epilogue => left > 0,
            PartState::Line(_) | PartState::Behind => (1..=LINE).contains(&left),
            _ => false,
        }
    }

    /// Whether all of it is one picture, of which bytes came.
    pub(super) fn is_picture(&self) -> bool {
        matches!(&self.media, Media::One(one) if matches!(one.state, OneState::Picture))
    }

    /// Whether parts of a form began, and the line that ends the last one did not come.
    pub(super) fn is_open_form(&self) -> bool {
        let Media::Parts(parts) = &self.media else {
            return false;
        };
        match &parts.state {
            // The line itself may be without the dashes of the last one.
            PartState::Epilogue | PartState::Before | PartState::Line(_) => false,
            PartState::Fields(_) | PartState::Open | PartState::Left(_) | PartState::Behind => true,
        }
    }

    pub(super) fn finish(&mut self, ending: Ending, out: &mut Out, sink: &mut Sink<'_>) {
        match &mut self.media {
            Media::One(one) => one.finish(ending, out, sink),
            Media::Parts(parts) => parts.finish(ending, out, sink),
        }
    }
}

impl Media {
    fn update(&mut self, bytes: &[u8], out: &mut Out, sink: &mut Sink<'_>) {
        match self {
            Self::One(one) => one.update(bytes, out, sink),
            Self::Parts(parts) => parts.update(bytes, out, sink),
        }
    }
}

impl Inflate {
    fn update(&mut self, bytes: &[u8], media: &mut Media, out: &mut Out, sink: &mut Sink<'_>) {
        let Some(&first) = bytes.first() else {
            return;
        };
        if self.over {
            return;
        }
        let gzip = self.gzip;
        let stream = self.stream.get_or_insert_with(|| {
            if gzip {
                Inflater::gzip()
            } else {
                // RFC 9110, 8.4.1.2: deflate is the zlib format; some send the bare one. CMF has 8 below.
                Inflater::new(first & 0x0f == 8 && first >> 4 <= 7)
            }
        });
        let mut rest = bytes;
        let mut buffer = [0; 8192];
        loop {
            let (read, written) = (stream.total_in(), stream.total_out());
            let status = stream.decompress(rest, &mut buffer, FlushDecompress::None);
            let read = usize::try_from(stream.total_in().saturating_sub(read)).unwrap_or(0);
            let written = stream.total_out().saturating_sub(written);
            self.total = self.total.saturating_add(written);
            let count = usize::try_from(written).unwrap_or(0);
            media.update(buffer.get(..count).unwrap_or_default(), out, sink);
            rest = rest.get(read..).unwrap_or_default();
            let reason = match status {
                Ok(Status::StreamEnd) => {
                    self.end();
                    return;
                }
                _ if is_bomb(stream.total_in(), self.total) => BOMB.to_owned(),
                Ok(Status::Ok | Status::BufError) => {
                    // A full buffer may hide more.
                    if count < buffer.len() && (rest.is_empty() || read == 0) {
                        return;
                    }
                    continue;
                }
                Err(error) => error.to_string(),
            };
            self.end();
            out.flush(sink);
            sink(Event::Fault(Fault::BadEncoding {
                encoding: if self.gzip { "gzip" } else { "deflate" },
                reason,
            }));
            return;
        }
    }

    fn end(&mut self) {
        self.over = true;
        self.stream = None;
    }
}
