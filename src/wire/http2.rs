//! `http2`: pictures in DATA frames of HTTP/2 in clear text (RFC 9113), with gRPC's messages in them or without.
//!
//! A frame is a length of 24 bits, a type, flags and the number of a stream; of header blocks (HPACK) the content-length is read, and
//! held against the content of its stream. Content of
//! one stream is looked through for pictures by their structure; while one is open, that of other streams is framing. Content
//! that begins as gRPC does (a flag, a length of 32 bits, a field of protobuf) is taken apart, so that a picture may go on in the
//! same field of later messages. Compressed messages are not looked into.

mod fields;

use std::collections::BTreeMap;

use fields::Fields;

use super::content::Scanner;
use super::detect::{Clues, begins_with};
use super::formats::{Over, Probe, Row, WireFormat};
use super::framer::{Behind, Framer, Grammar, Next, Step};
use super::{Ending, Event, Fault, Sink, StreamEnd};

/// What a client begins with (RFC 9113, section 3.4).
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Bytes of a frame's head.
const HEAD: usize = 9;
/// Most streams that are followed at once; of more, the oldest are forgotten.
const STREAMS: usize = 256;
/// So many bytes tell whether content is gRPC's.
const TELLING: usize = 6;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const PUSH_PROMISE: u8 = 5;
const SETTINGS: u8 = 4;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const PRIORITY: u8 = 32;

/// Decoder of one direction of `http2`.
pub(crate) type Http2Decoder = Framer<Http2>;

/// Its grammar.
#[derive(Debug, Clone)]
pub struct Http2 {
    at: At,
    scanner: Scanner,
    /// The stream whose picture is open, or whose content came last.
    current: u32,
    streams: BTreeMap<u32, Content>,
    fields: Fields,
    /// The header block that is not complete, and whose.
    block: (u32, Vec<u8>),
    /// What was declared of the content of each stream, and how much of it came.
    bodies: BTreeMap<u32, Body>,
}

/// Content of a stream, by its length.
#[derive(Debug, Clone, Copy)]
struct Body {
    declared: u64,
    came: u64,
    /// Some of it was not captured.
    gap: bool,
}

/// What comes.
#[derive(Debug, Clone)]
enum At {
    Preface,
    /// The head of a frame.
    Head,
    /// A frame without content that is wanted, or padding.
    Other,
    /// A frame with a header block: its head, and what came of it.
    Fields(Block, Vec<u8>),
    /// The length of the padding of a DATA frame of so many bytes.
    Pad(Frame, u64),
    Data(Frame),
}

/// A frame with a part of a header block.
#[derive(Debug, Clone, Copy)]
struct Block {
    stream: u32,
    kind: u8,
    flags: u8,
}

/// A DATA frame.
#[derive(Debug, Clone, Copy)]
struct Frame {
    stream: u32,
    /// Padding behind its content.
    padding: u64,
    last: bool,
}

/// The content of a stream.
#[derive(Debug, Clone)]
enum Content {
    /// Its first bytes.
    Begins(Vec<u8>),
    Plain,
    Grpc(Grpc),
}

/// Where in gRPC's messages a stream is.
#[derive(Debug, Clone, Default)]
struct Grpc {
    /// Bytes of the prefix, or of a number, that are not complete.
    number: Vec<u8>,
    part: Part,
    /// Bytes of the message still to come.
    message: u64,
    /// The field that a picture began in.
    field: Option<u64>,
}

#[derive(Debug, Default, Clone, Copy)]
enum Part {
    #[default]
    Prefix,
    Tag,
    Varint,
    /// The length of a field.
    Length(u64),
    /// So many bytes of a field of this number.
    Bytes(u64, u64),
    /// So many bytes of a number.
    Fixed(u64),
    /// Compressed, or no protobuf: to the end of the message.
    Opaque,
}

/// Whether a server's bytes begin as HTTP/2: with SETTINGS; absent while too few tell.
pub(super) fn is_settings(head: &[u8]) -> Option<bool> {
    let want = [
        Some(0),
        Some(0),
        None,
        Some(SETTINGS),
        Some(0),
        Some(0),
        Some(0),
        Some(0),
        Some(0),
    ];
    let fits = head
        .iter()
        .zip(want)
        .all(|(byte, want)| want.is_none_or(|want| *byte == want));
    let whole = head.get(2).is_none_or(|length| length.is_multiple_of(6));
    match fits && whole {
        true if head.len() < HEAD => None,
        fits => Some(fits),
    }
}

impl Default for Http2 {
    fn default() -> Self {
        Self {
            at: At::Preface,
            scanner: Scanner::new("HTTP/2 frame"),
            current: 0,
            streams: BTreeMap::new(),
            fields: Fields::default(),
            block: (0, Vec::new()),
            bodies: BTreeMap::new(),
        }
    }
}

impl Http2 {
    /// A complete frame with a header block, or a part of one.
    fn block(&mut self, frame: Block, bytes: &[u8]) {
        let mut part = bytes;
        if frame.kind == HEADERS {
            let mut padding = 0;
            if frame.flags & PADDED != 0
                && let Some((&first, rest)) = part.split_first()
            {
                (padding, part) = (usize::from(first), rest);
            }
            if frame.flags & PRIORITY != 0 {
                part = part.get(5..).unwrap_or_default();
            }
            part = part
                .get(..part.len().saturating_sub(padding))
                .unwrap_or_default();
            self.block = (frame.stream, Vec::new());
        }
        let room = Fields::LONGEST.saturating_sub(self.block.1.len());
        if self.block.0 != frame.stream || part.len() > room {
            self.fields.lose();
            return;
        }
        self.block.1.extend_from_slice(part);
        if frame.flags & END_HEADERS == 0 {
            return;
        }
        let block = std::mem::take(&mut self.block.1);
        let declared = self.fields.block(block);
        if let Some(declared) = declared {
            if self.bodies.len() >= STREAMS {
                self.bodies.pop_first();
            }
            let body = Body {
                declared,
                came: 0,
                gap: false,
            };
            self.bodies.entry(frame.stream).or_insert(body);
        }
    }

    /// The content of a stream is over: whether it is as long as was declared. None at all is the answer to a HEAD.
    fn is_as_declared(&mut self, stream: u32, sink: &mut Sink<'_>) {
        let Some(body) = self.bodies.remove(&stream) else {
            return;
        };
        if !body.gap && body.came > 0 && body.came != body.declared {
            sink(Event::Fault(Fault::WrongBody {
                declared: body.declared,
                came: body.came,
            }));
        }
    }

    /// A complete head.
    fn head(&mut self, head: &[u8], sink: &mut Sink<'_>) -> Step {
        let (&[high, middle, low, kind, flags], Some(stream)) = (
            head.first_chunk::<5>().unwrap_or(&[0; 5]),
            head.last_chunk::<4>(),
        ) else {
            return Step::More;
        };
        let length = u64::from(u32::from_be_bytes([0, high, middle, low]));
        let stream = u32::from_be_bytes(*stream);
        // The types of the standard, and others only where they are small (RFC 9113, section 4.2).
        if stream >> 31 != 0 || (kind > 9 && length > 16 << 10) || (kind == DATA && stream == 0) {
            return Step::Done(0, Next::Lost);
        }
        self.scanner.framing(HEAD as u64);
        if kind == RST_STREAM {
            self.bodies.remove(&stream);
            if stream == self.current {
                self.scanner.end(Ending::Broken, sink);
            }
        }
        let is_block = matches!(kind, HEADERS | CONTINUATION);
        self.at = if is_block && length <= Fields::LONGEST as u64 {
            let block = Block {
                stream,
                kind,
                flags,
            };
            At::Fields(block, Vec::new())
        } else if kind == DATA {
            let frame = Frame {
                stream,
                padding: 0,
                last: flags & END_STREAM != 0,
            };
            if flags & PADDED != 0 && length > 0 {
                self.at = At::Pad(frame, length);
                return Step::Done(HEAD, Next::Field);
            }
            At::Data(frame)
        } else {
            if is_block || kind == PUSH_PROMISE {
                self.fields.lose();
            }
            At::Other
        };
        Step::Done(HEAD, Next::Content(length))
    }

    /// All of a DATA frame's content came.
    fn data_over(&mut self, frame: Frame, sink: &mut Sink<'_>) {
        if !frame.last {
            return;
        }
        if let Some(Content::Grpc(grpc)) = self.streams.remove(&frame.stream) {
            grpc.is_whole(sink);
        }
        if frame.stream == self.current {
            self.scanner.end(Ending::Broken, sink);
        }
        self.is_as_declared(frame.stream, sink);
    }

    /// Content of a stream.
    fn stream(&mut self, stream: u32, bytes: &[u8], sink: &mut Sink<'_>) {
        if let Some(body) = self.bodies.get_mut(&stream) {
            body.came = body.came.saturating_add(bytes.len() as u64);
        }
        if self.current != stream {
            if self.scanner.is_open() {
                self.scanner.framing(bytes.len() as u64);
                return;
            }
            self.current = stream;
        }
        if !self.streams.contains_key(&stream) && self.streams.len() >= STREAMS {
            self.streams.pop_first();
        }
        let content = self
            .streams
            .entry(stream)
            .or_insert_with(|| Content::Begins(Vec::new()));
        let mut rest = bytes;
        while let Content::Begins(held) = content {
            let Some((byte, later)) = rest.split_first() else {
                return;
            };
            rest = later;
            held.push(*byte);
            // Told of where it stands: the frames of other streams may come before it is known what it is.
            self.scanner.data(std::slice::from_ref(byte), sink);
            let grpc = is_grpc(held);
            if grpc == Some(false) || held.len() >= TELLING {
                let known = grpc == Some(true) && !self.scanner.is_open();
                *content = match Grpc::begun(held).filter(|_| known) {
                    Some(grpc) => {
                        self.scanner.forget();
                        Content::Grpc(grpc)
                    }
                    None => Content::Plain,
                };
            }
        }
        match content {
            Content::Grpc(grpc) => grpc.update(rest, &mut self.scanner, sink),
            _ => self.scanner.data(rest, sink),
        }
    }
}

/// Whether content begins as gRPC's messages do; absent while too few bytes tell.
fn is_grpc(held: &[u8]) -> Option<bool> {
    match *held {
        [flag, ..] if flag > 1 => Some(false),
        [_, a, b, c, d, tag, ..] => {
            let length = u32::from_be_bytes([a, b, c, d]);
            let field = tag >> 3 > 0 && matches!(tag & 7, 0 | 1 | 2 | 5);
            Some(length > 0 && u64::from(length) <= super::length::MOST && field)
        }
        _ => None,
    }
}

impl Grpc {
    /// No more comes: of a message that is not over, its prefix says more than there is.
    fn is_whole(&self, sink: &mut Sink<'_>) {
        if self.message > 0 {
            sink(Event::Fault(Fault::ShortBody {
                what: "gRPC's message",
                head: "prefix",
                left: self.message,
            }));
        }
    }

    /// Behind the first bytes of the first message, all of which [`is_grpc`] asks for, and which are told of.
    fn begun(held: &[u8]) -> Option<Self> {
        let &[flag, a, b, c, d, tag] = held else {
            return None;
        };
        let mut grpc = Self {
            message: u64::from(u32::from_be_bytes([a, b, c, d])).saturating_sub(1),
            ..Self::default()
        };
        if flag == 0 {
            grpc.part = Part::Tag;
            grpc.digit(tag);
        } else {
            grpc.part = Part::Opaque;
        }
        grpc.over();
        Some(grpc)
    }

    /// The message may be over.
    fn over(&mut self) {
        if self.message == 0 && !matches!(self.part, Part::Prefix) {
            self.part = Part::Prefix;
            self.number.clear();
        }
    }

    /// A byte of a number of protobuf.
    fn digit(&mut self, byte: u8) {
        self.number.push(byte);
        if byte & 0x80 == 0 || self.number.len() >= 10 || self.message == 0 {
            self.varint();
        }
    }

    fn update(&mut self, bytes: &[u8], scanner: &mut Scanner, sink: &mut Sink<'_>) {
        let mut rest = bytes;
        while let Some((&byte, later)) = rest.split_first() {
            let most = |left: u64| usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
            match self.part {
                Part::Bytes(field, left) => {
                    let take = most(left.min(self.message));
                    let (new, later) = rest.split_at(take);
                    if !scanner.is_open() {
                        self.field = Some(field);
                    }
                    if self.field == Some(field) {
                        scanner.data(new, sink);
                    } else {
                        scanner.framing(take as u64);
                    }
                    rest = later;
                    self.message -= take as u64;
                    self.part = match left - take as u64 {
                        0 => Part::Tag,
                        left => Part::Bytes(field, left),
                    };
                }
                Part::Fixed(left) => {
                    let take = most(left.min(self.message));
                    scanner.framing(take as u64);
                    rest = rest.get(take..).unwrap_or_default();
                    self.message -= take as u64;
                    self.part = match left - take as u64 {
                        0 => Part::Tag,
                        left => Part::Fixed(left),
                    };
                }
                Part::Opaque => {
                    let take = most(self.message);
                    let (new, later) = rest.split_at(take);
                    scanner.data(new, sink);
                    rest = later;
                    self.message -= take as u64;
                }
                Part::Prefix => {
                    rest = later;
                    self.number.push(byte);
                    scanner.framing(1);
                    if let &[flag, a, b, c, d] = self.number.as_slice() {
                        self.number.clear();
                        self.message = u64::from(u32::from_be_bytes([a, b, c, d]));
                        self.part = if flag == 0 { Part::Tag } else { Part::Opaque };
                    }
                }
                Part::Tag | Part::Varint | Part::Length(_) => {
                    rest = later;
                    self.message -= 1;
                    scanner.framing(1);
                    self.digit(byte);
                }
            }
            self.over();
        }
    }

    /// A number of protobuf is complete.
    fn varint(&mut self) {
        let number = std::mem::take(&mut self.number);
        let value = number
            .iter()
            .take(9)
            .rev()
            .fold(0_u64, |value, byte| value << 7 | u64::from(byte & 0x7f));
        self.part = match (self.part, value & 7) {
            (Part::Tag, 0) => Part::Varint,
            (Part::Tag, 1) => Part::Fixed(8),
            (Part::Tag, 2) => Part::Length(value >> 3),
            (Part::Tag, 5) => Part::Fixed(4),
            (Part::Tag, _) => Part::Opaque,
            (Part::Length(field), _) if value > 0 => Part::Bytes(field, value),
            _ => Part::Tag,
        };
    }
}

impl Grammar for Http2 {
    fn field(&mut self, held: &[u8], _behind: Behind, sink: &mut Sink<'_>) -> Step {
        match self.at {
            At::Preface if held == PREFACE => {
                self.scanner.framing(PREFACE.len() as u64);
                self.at = At::Head;
                Step::Done(PREFACE.len(), Next::Field)
            }
            At::Preface if PREFACE.starts_with(held) => Step::More,
            At::Preface => {
                // The side that listens has none.
                self.at = At::Head;
                Step::Done(0, Next::Field)
            }
            At::Pad(mut frame, left) => {
                let Some(&padding) = held.first() else {
                    return Step::More;
                };
                let left = left.saturating_sub(1);
                frame.padding = u64::from(padding).min(left);
                self.scanner.framing(1);
                self.at = At::Data(frame);
                Step::Done(1, Next::Content(left.saturating_sub(frame.padding)))
            }
            _ if held.len() < HEAD => Step::More,
            _ => self.head(held, sink),
        }
    }

    fn content(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        match &mut self.at {
            At::Data(frame) => {
                let stream = frame.stream;
                self.stream(stream, bytes, sink);
                return;
            }
            At::Fields(_, held) => held.extend_from_slice(bytes),
            _ => {}
        }
        self.scanner.framing(bytes.len() as u64);
    }

    /// Where gRPC's messages end cannot be told any more behind a gap, but within one of their fields.
    fn bridges(&self, length: u64, left: u64) -> bool {
        let At::Data(frame) = self.at else {
            return false;
        };
        let inside = match self.streams.get(&frame.stream) {
            Some(Content::Plain) => true,
            Some(Content::Grpc(grpc)) => {
                matches!(grpc.part, Part::Bytes(_, left) if length <= left.min(grpc.message))
            }
            _ => false,
        };
        inside && length <= left
    }

    fn content_gap(&mut self, length: u64, sink: &mut Sink<'_>) {
        for body in self.bodies.values_mut() {
            body.gap = true;
        }
        if let At::Data(frame) = self.at
            && let Some(Content::Grpc(grpc)) = self.streams.get_mut(&frame.stream)
            && let Part::Bytes(field, left) = grpc.part
        {
            grpc.message = grpc.message.saturating_sub(length);
            grpc.part = match (left.saturating_sub(length), grpc.message) {
                (_, 0) => Part::Prefix,
                (0, _) => Part::Tag,
                (left, _) => Part::Bytes(field, left),
            };
        }
        self.scanner.gap(length, sink);
    }

    fn content_over(&mut self, sink: &mut Sink<'_>) -> Next {
        match std::mem::replace(&mut self.at, At::Head) {
            At::Data(frame) => {
                self.data_over(frame, sink);
                if frame.padding > 0 {
                    self.at = At::Other;
                    return Next::Content(frame.padding);
                }
            }
            At::Fields(block, held) => self.block(block, &held),
            _ => {}
        }
        Next::Field
    }

    fn lose(&mut self, sink: &mut Sink<'_>) {
        self.scanner.end(Ending::Broken, sink);
        self.scanner.finish(StreamEnd::Fin, sink);
    }

    fn cut(&mut self, _left: u64, end: StreamEnd, sink: &mut Sink<'_>) {
        self.end(&[], end, sink);
    }

    fn end(&mut self, held: &[u8], end: StreamEnd, sink: &mut Sink<'_>) {
        // What is not complete is framing all the same.
        self.scanner.end(Ending::Cut(end), sink);
        if end == StreamEnd::Fin {
            let streams: Vec<u32> = self.bodies.keys().copied().collect();
            for stream in streams {
                self.is_as_declared(stream, sink);
            }
        }
        self.scanner.framing(held.len() as u64);
        self.scanner.finish(end, sink);
    }
}

impl WireFormat for Http2Decoder {
    const ROW: Row = Row {
        name: "http2",
        meaning: "HTTP/2 in clear text, with gRPC's messages in its DATA frames or without.",
        over: Over::Stream,
        names_itself: false,
    };

    fn probe(clues: &Clues<'_>) -> Probe {
        let preface = begins_with(clues.head, PREFACE);
        if preface == Some(false) {
            Probe::of(
                is_settings(clues.head),
                "the stream begins with SETTINGS of HTTP/2",
            )
        } else {
            Probe::of(preface, "the stream begins with the preface of HTTP/2")
        }
    }
}
