//! `http`: pictures in the bodies of HTTP/1.x requests and responses (RFC 9112).
//!
//! Content-Length, chunked, until close; gzip and deflate; `multipart` with and without lengths of its parts (RFC 2046),
//! which covers MJPEG streams and uploaded forms; pipelined messages. A body, or a part of one, that begins as a
//! picture is one; all else is [`Framing::Http`], also lines of chunks and boundaries inside a picture.
//!
//! A direction does not see the other, so that a response answers a HEAD is a guess: where the next response begins in place
//! of the body. A body of which no byte comes is no picture.
//! What is no HTTP is carved, until the head of another response comes; behind a change of protocol, to the end.

mod body;
mod lost;

use super::detect::{Clues, is_text};
use super::formats::{Over, Probe, Row, WireFormat};
use super::websocket::WebSocketDecoder;
use super::{Decode, Ending, Event, Fault, Framing, Sink, StreamEnd};
use body::{Body, Coding};
use lost::{Found, Lost};

/// Longest head, and longest line of a chunk or a part.
pub(crate) const LONGEST_HEAD: usize = 64 << 10;
const MOST_FIELDS: usize = 128;

/// Decoder of one direction of `http`.
#[derive(Debug, Clone)]
pub struct HttpDecoder {
    state: State,
    out: Out,
    /// The body at hand is a range of a picture: where it ends in that, and how long that is, where it says so.
    current: Option<(u64, Option<u64>)>,
    /// A picture of which one range came, and the next one is still to come.
    ranges: Option<Ranges>,
    /// A request asked for another protocol: what follows need not be HTTP.
    asked: bool,
    chunk: Chunk,
}

/// What is looked at in a chunk beside its bytes: whether it ends where its size says.
#[derive(Debug, Clone, Copy, Default)]
struct Chunk {
    size: u64,
    /// The same digits read as a decimal number, where they are one.
    decimal: Option<u64>,
    passed: u64,
    /// Bytes of the line break that stand where it would end by that.
    breaks: u64,
}

impl Chunk {
    const BREAK: &[u8; 2] = b"\r\n";

    /// Whether these are the bytes of the line break before so many of its last ones.
    fn is_break(bytes: &[u8], left: u64) -> bool {
        let behind = usize::try_from(left).unwrap_or(usize::MAX);
        let end = Self::BREAK.len().saturating_sub(behind);
        Self::BREAK
            .get(..end)
            .is_some_and(|there| there.ends_with(bytes))
    }

    fn pass(&mut self, bytes: &[u8]) {
        let end = self.passed.saturating_add(bytes.len() as u64);
        for (at, expected) in (self
            .decimal
            .into_iter()
            .flat_map(|at| [at, at.saturating_add(1)]))
        .zip(Self::BREAK)
        {
            let there = at
                .checked_sub(self.passed)
                .and_then(|at| bytes.get(usize::try_from(at).ok()?));
            self.breaks += u64::from(there == Some(expected));
        }
        self.passed = end;
    }
}

/// A picture that comes in ranges.
#[derive(Debug, Clone)]
struct Ranges {
    next: u64,
    total: Option<u64>,
    body: Box<Body>,
}

/// What is told of, and what is not yet.
#[derive(Debug, Clone, Default)]
pub(super) struct Out {
    /// Bytes of framing not yet told of.
    pending: u64,
    /// A picture is open.
    open: bool,
    /// The bytes are decompressed: they cover none of the stream, which is counted where they are made.
    coded: bool,
    /// The framing that is not told of yet is the body of a part of something (RFC 9110, 14).
    part: bool,
}

impl Out {
    fn flush(&mut self, sink: &mut Sink<'_>) {
        let bytes = std::mem::take(&mut self.pending);
        if bytes > 0 {
            let what = if self.part {
                Framing::Field("range")
            } else {
                Framing::Http
            };
            sink(Event::Framing { what, bytes });
        }
    }

    /// Bytes of the stream that belong to no picture.
    fn framing(&mut self, bytes: u64) {
        self.pending = self.pending.saturating_add(bytes);
    }

    /// Bytes of a body that belong to no picture.
    fn other(&mut self, bytes: u64) {
        if !self.coded {
            self.framing(bytes);
        }
    }

    /// Bytes of a body that belong to nothing; none are left.
    fn strays(&mut self, bytes: &mut Vec<u8>, sink: &mut Sink<'_>) {
        if !self.coded && !bytes.is_empty() {
            self.flush(sink);
            sink(Event::Stray(bytes));
        }
        bytes.clear();
    }

    fn start(&mut self, length: Option<u64>, sink: &mut Sink<'_>) {
        self.flush(sink);
        self.open = true;
        sink(Event::PictureStart { length });
    }

    fn data(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        if bytes.is_empty() {
            return;
        }
        self.flush(sink);
        if self.coded {
            sink(Event::PictureEncoded { wire: 0, bytes });
        } else {
            sink(Event::PictureData(bytes));
        }
    }

    fn end(&mut self, ending: Ending, sink: &mut Sink<'_>) {
        if std::mem::take(&mut self.open) {
            self.flush(sink);
            sink(Event::PictureEnd(ending));
        }
    }

    fn gap(&mut self, length: u64, sink: &mut Sink<'_>) {
        self.flush(sink);
        sink(if self.open {
            Event::PictureGap(length)
        } else {
            Event::StrayGap(length)
        });
    }
}

#[derive(Debug, Clone)]
enum State {
    /// A head that is not complete.
    Head(Vec<u8>),
    /// Behind a response's head: the bytes so far are those that begin another response.
    Peek(usize, Length, Box<Body>),
    Body(Length, Box<Body>),
    /// Only blank or trailing lines are left of a chunked body.
    Trailer(Vec<u8>),
    /// The connection was upgraded, or a request asked for it and what follows decides.
    Upgraded(Box<WebSocketDecoder>, bool),
    /// The framing is lost, or is another one now.
    Lost(Box<Lost>),
}

/// How long a body is.
#[derive(Debug, Clone)]
enum Length {
    /// So many bytes are still to come.
    Left(u64),
    UntilClose,
    /// The line of a chunk that is not complete.
    ChunkLine(Vec<u8>),
    /// So many bytes of a chunk, and the line break behind it, are still to come.
    Chunk(u64),
}

const STATUS: &[u8] = b"HTTP/1.";

/// What a head says.
#[expect(
    clippy::struct_excessive_bools,
    reason = "what a head says is a list of yes and no"
)]
struct Head {
    response: bool,
    length: Option<Length>,
    content_length: Option<u64>,
    coding: Coding,
    boundary: Option<Vec<u8>>,
    /// The picture that it says the body is, of a kind that is not known by its bytes.
    media: Option<&'static str>,
    /// The body is a part.
    range: Option<Part>,
    /// It holds several parts of one thing (RFC 9110, 14.6).
    parts: bool,
    /// It asks for WebSocket, or agrees.
    upgrade: bool,
    /// It asks for another protocol.
    asks: bool,
    /// It agrees to another protocol: what follows is none of HTTP (RFC 9110, 7.8 and 9.3.6).
    changes: bool,
}

fn read(bytes: &[u8]) -> Option<Head> {
    let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
    let response = bytes.starts_with(STATUS);
    let (fields, status, tunnel) = if response {
        let mut head = httparse::Response::new(&mut fields);
        let config = httparse::ParserConfig::default();
        config.parse_response(&mut head, bytes).ok()?;
        let tunnel = head
            .reason
            .is_some_and(|reason| reason.eq_ignore_ascii_case("connection established"));
        (head.headers, head.code, tunnel)
    } else {
        let mut head = httparse::Request::new(&mut fields);
        head.parse(bytes).ok()?;
        let tunnel = head.method == Some("CONNECT");
        (head.headers, None, tunnel)
    };
    let field = |name: &str| {
        fields
            .iter()
            .rev()
            .find(|field| field.name.eq_ignore_ascii_case(name))
            .map(|field| field.value.trim_ascii())
    };
    let has = |name, word: &[u8]| {
        field(name).is_some_and(|value| {
            let value = value.to_ascii_lowercase();
            memchr::memmem::find(&value, word).is_some()
        })
    };
    let content_length = field("content-length")
        .and_then(|value| std::str::from_utf8(value).ok()?.parse::<u64>().ok());
    let no_body = matches!(status, Some(100..=199 | 204 | 304));
    let length = if no_body {
        None
    } else if has("transfer-encoding", b"chunked") {
        Some(Length::ChunkLine(Vec::new()))
    } else {
        match content_length {
            Some(0) => None,
            Some(length) => Some(Length::Left(length)),
            None if response && !tunnel => Some(Length::UntilClose),
            None => None,
        }
    };
    let coding = if has("content-encoding", b"gzip") || has("transfer-encoding", b"gzip") {
        Coding::Gzip
    } else if has("content-encoding", b"deflate") || has("transfer-encoding", b"deflate") {
        Coding::Deflate
    } else {
        Coding::Identity
    };
    let upgrade = has("upgrade", b"websocket") && matches!(status, None | Some(101));
    Some(Head {
        response,
        upgrade,
        asks: tunnel || has("upgrade", b""),
        changes: !upgrade && length.is_none() && (status == Some(101) || (response && tunnel)),
        length,
        content_length,
        coding,
        boundary: field("content-type").and_then(body::boundary),
        media: field("content-type").and_then(body::media),
        // A request may bring a part, too (RFC 9110, 14.5).
        range: field("content-range")
            .filter(|_| !response || status == Some(206))
            .and_then(content_range),
        parts: status == Some(206) && has("content-type", b"multipart/byteranges"),
    })
}

/// What of something a body is: first byte, end, and length of the whole, where it says that.
type Part = (u64, u64, Option<u64>);

/// `bytes 0-1999/4908`, or `bytes 0-1999/*` (RFC 9110, 14.4).
fn content_range(value: &[u8]) -> Option<Part> {
    let value = std::str::from_utf8(value).ok()?;
    let (range, total) = value.strip_prefix("bytes")?.trim().split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let total: Option<u64> = match total.trim() {
        "*" => None,
        total => Some(total.parse().ok()?),
    };
    let (first, last): (u64, u64) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    let end = total.unwrap_or(super::length::MOST);
    (first <= last && last < end && end <= super::length::MOST).then_some((first, last + 1, total))
}

impl Default for HttpDecoder {
    fn default() -> Self {
        Self {
            state: State::Head(Vec::new()),
            out: Out::default(),
            current: None,
            ranges: None,
            asked: false,
            chunk: Chunk::default(),
        }
    }
}

impl HttpDecoder {
    /// What comes from here on is none of HTTP.
    fn lose(&mut self, found: &[u8], fault: bool, sink: &mut Sink<'_>) {
        (self.current, self.ranges, self.out.part) = (None, None, false);
        self.out.end(Ending::Broken, sink);
        self.out.flush(sink);
        self.out.coded = false;
        if fault {
            let shown = found.get(..64).unwrap_or(found);
            sink(Event::Fault(Fault::BadField {
                expected: "an HTTP/1 message",
                found: String::from_utf8_lossy(shown).into_owned(),
                hint: None,
            }));
        }
        self.state = State::Lost(Box::default());
        // It may hold the next head.
        self.update(found, sink);
    }

    /// Another byte of a head.
    fn head(&mut self, byte: u8, sink: &mut Sink<'_>) {
        let State::Head(held) = &mut self.state else {
            return;
        };
        if held.is_empty() && matches!(byte, b'\r' | b'\n') {
            // Before a request line such are to be left out (RFC 9112, 2.2).
            self.out.framing(1);
            return;
        }
        held.push(byte);
        let complete = byte == b'\n' && (held.ends_with(b"\n\r\n") || held.ends_with(b"\n\n"));
        if !complete && held.len() < LONGEST_HEAD {
            return;
        }
        let held = std::mem::take(held);
        let Some(message) = read(&held).filter(|_| complete) else {
            self.lose(&held, !self.asked, sink);
            return;
        };
        self.out.framing(held.len() as u64);
        self.asked = !message.response && message.asks;
        if message.changes {
            self.no_more_ranges(sink);
            self.out.flush(sink);
            self.state = State::Lost(Box::new(Lost::for_good()));
            return;
        }
        let plain = matches!(message.coding, Coding::Identity);
        let declared = match &message.length {
            Some(Length::Left(_)) if plain => message.content_length,
            _ => None,
        };
        match message.length {
            None if message.upgrade => {
                self.out.flush(sink);
                self.state = State::Upgraded(Box::default(), false);
            }
            None => {
                self.no_more_ranges(sink);
                self.out.flush(sink);
            }
            Some(length) => {
                let range = message
                    .range
                    .filter(|_| plain && message.boundary.is_none());
                let body = if let Some(range) = range {
                    self.ranged(range, sink)
                } else if message.parts || message.range.is_some() {
                    self.part(sink)
                } else {
                    self.no_more_ranges(sink);
                    Body::new(message.coding, declared, message.boundary, message.media)
                };
                let body = Box::new(body);
                self.out.coded = !plain;
                self.state = if message.response {
                    State::Peek(0, length, body)
                } else {
                    State::Body(length, body)
                };
            }
        }
    }

    /// The body of a part: it goes on with the picture of the part before it, or begins one, or is only a part.
    fn ranged(&mut self, (first, end, total): Part, sink: &mut Sink<'_>) -> Body {
        let follows = self
            .ranges
            .as_ref()
            .is_some_and(|ranges| ranges.next == first && ranges.total == total);
        if follows && let Some(ranges) = self.ranges.take() {
            self.current = Some((end, total));
            return *ranges.body;
        }
        self.no_more_ranges(sink);
        if first == 0 {
            self.current = Some((end, total));
            return Body::new(Coding::Identity, total, None, None);
        }
        self.part(sink)
    }

    /// The body of a part whose place is not next to another's.
    fn part(&mut self, sink: &mut Sink<'_>) -> Body {
        self.no_more_ranges(sink);
        self.out.flush(sink);
        self.out.part = true;
        Body::part()
    }

    /// What was to follow of a picture in ranges was not asked for.
    fn no_more_ranges(&mut self, sink: &mut Sink<'_>) {
        if self.ranges.take().is_some() {
            self.out.end(Ending::Range, sink);
        }
    }

    /// Takes bytes of a body; returns how many, at least one.
    fn body(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> usize {
        let State::Body(length, body) = &mut self.state else {
            return bytes.len();
        };
        let most = |left: u64| usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        match length {
            Length::UntilClose => {
                body.update(bytes, &mut self.out, sink);
                bytes.len()
            }
            Length::Left(left) => {
                let take = most(*left);
                *left = left.saturating_sub(take as u64);
                let over = *left == 0;
                body.update(bytes.get(..take).unwrap_or_default(), &mut self.out, sink);
                if over {
                    let open = body.is_open_form();
                    self.over(Ending::Length, sink);
                    if open {
                        sink(Event::Fault(Fault::OpenForm));
                    }
                }
                take
            }
            Length::Chunk(left) => {
                // The last two are the line break.
                let data = left.saturating_sub(2);
                let take = if data > 0 { most(data) } else { most(*left) };
                *left = left.saturating_sub(take as u64);
                let over = *left == 0;
                let part = bytes.get(..take).unwrap_or_default();
                if data > 0 {
                    self.chunk.pass(part);
                    body.update(part, &mut self.out, sink);
                } else if !Chunk::is_break(part, *left) {
                    let part = part.to_vec();
                    self.out.flush(sink);
                    sink(Event::Fault(Fault::ChunkSize {
                        size: self.chunk.size,
                        decimal: self.chunk.breaks == 2,
                    }));
                    self.lose(&part, false, sink);
                    return take;
                } else {
                    self.out.framing(take as u64);
                }
                if over {
                    *length = Length::ChunkLine(Vec::new());
                }
                take
            }
            Length::ChunkLine(line) => {
                let byte = bytes.first().copied().unwrap_or_default();
                line.push(byte);
                if byte != b'\n' && line.len() < 1024 {
                    return 1;
                }
                let line = std::mem::take(line);
                let text = line.trim_ascii();
                let digits = text
                    .iter()
                    .take_while(|byte| byte.is_ascii_hexdigit())
                    .count();
                let size = text
                    .get(..digits)
                    .and_then(|digits| std::str::from_utf8(digits).ok())
                    .and_then(|digits| u64::from_str_radix(digits, 16).ok());
                match size.filter(|size| byte == b'\n' && *size <= super::length::MOST) {
                    None => self.lose(&line, true, sink),
                    Some(size) => {
                        self.out.framing(line.len() as u64);
                        if size == 0 {
                            self.over(Ending::Length, sink);
                            self.state = State::Trailer(Vec::new());
                        } else {
                            *length = Length::Chunk(size.saturating_add(2));
                            let decimal = std::str::from_utf8(text)
                                .ok()
                                .and_then(|digits| digits.parse().ok());
                            self.chunk = Chunk {
                                size,
                                decimal: decimal.filter(|decimal| *decimal != size),
                                ..Chunk::default()
                            };
                        }
                    }
                }
                1
            }
        }
    }

    /// The body is over.
    fn over(&mut self, ending: Ending, sink: &mut Sink<'_>) {
        let state = std::mem::replace(&mut self.state, State::Head(Vec::new()));
        if let State::Body(_, mut body) = state {
            match self.current.take() {
                Some((next, total)) if total.is_none_or(|total| next < total) && self.out.open => {
                    self.ranges = Some(Ranges { next, total, body });
                }
                _ => body.finish(ending, &mut self.out, sink),
            }
        }
        self.out.coded = false;
        self.out.flush(sink);
        self.out.part = false;
    }

    /// The response's body begins after all, with so many bytes of what might have been another response.
    fn unpeek(&mut self, sink: &mut Sink<'_>) {
        let state = std::mem::replace(&mut self.state, State::Head(Vec::new()));
        if let State::Peek(matched, length, body) = state {
            self.state = State::Body(length, body);
            self.update(STATUS.get(..matched).unwrap_or_default(), sink);
        } else {
            self.state = state;
        }
    }
}

impl Decode for HttpDecoder {
    fn update(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        let mut rest = bytes;
        while let Some((&byte, later)) = rest.split_first() {
            match &mut self.state {
                State::Head(_) => {
                    rest = later;
                    self.head(byte, sink);
                }
                State::Peek(matched, ..) if STATUS.get(*matched) == Some(&byte) => {
                    rest = later;
                    *matched = matched.saturating_add(1);
                    if *matched == STATUS.len() {
                        // No body came: the request was a HEAD.
                        self.out.coded = false;
                        self.out.flush(sink);
                        self.state = State::Head(STATUS.to_vec());
                    }
                }
                State::Peek(..) => self.unpeek(sink),
                State::Body(..) => {
                    let taken = self.body(rest, sink);
                    rest = rest.get(taken..).unwrap_or_default();
                }
                State::Trailer(line) => {
                    rest = later;
                    line.push(byte);
                    if byte == b'\n' || line.len() >= LONGEST_HEAD {
                        let line = std::mem::take(line);
                        self.out.framing(line.len() as u64);
                        if line.trim_ascii().is_empty() {
                            self.out.flush(sink);
                            self.state = State::Head(Vec::new());
                        }
                    }
                }
                // Another request: the upgrade was refused. No method begins with the two letters that are heads of compressed frames.
                State::Upgraded(_, false)
                    if byte.is_ascii_uppercase() && !matches!(byte, 0x41 | 0x42) =>
                {
                    self.state = State::Head(Vec::new());
                }
                State::Upgraded(socket, begun) => {
                    *begun = true;
                    socket.update(rest, sink);
                    return;
                }
                State::Lost(lost) => match lost.update(rest, sink) {
                    Found::Nothing => return,
                    Found::Head(head, taken) => {
                        rest = rest.get(taken..).unwrap_or_default();
                        self.state = State::Head(Vec::new());
                        self.update(&head, sink);
                    }
                },
            }
        }
    }

    fn gap(&mut self, length: u64, sink: &mut Sink<'_>) {
        if length == 0 {
            return;
        }
        self.unpeek(sink);
        match &mut self.state {
            State::Lost(lost) => {
                lost.gap(length, sink);
                return;
            }
            State::Upgraded(socket, begun) => {
                *begun = true;
                socket.gap(length, sink);
                return;
            }
            State::Body(Length::UntilClose, body) => {
                body.gap(length, &mut self.out, sink);
                return;
            }
            State::Body(Length::Left(left), body) if length <= *left => {
                *left = left.saturating_sub(length);
                let over = *left == 0;
                body.gap(length, &mut self.out, sink);
                if over {
                    self.over(Ending::Length, sink);
                }
                return;
            }
            State::Body(Length::Chunk(left), body) if length <= left.saturating_sub(2) => {
                self.chunk.decimal = None;
                *left = left.saturating_sub(length);
                body.gap(length, &mut self.out, sink);
                return;
            }
            State::Body(Length::Left(left), body) => {
                // What was declared is known, and what comes behind it is not.
                let of_body = *left;
                body.gap(of_body, &mut self.out, sink);
                self.over(Ending::Length, sink);
                self.lose(&[], false, sink);
                self.gap(length.saturating_sub(of_body), sink);
                return;
            }
            State::Body(Length::Chunk(left), body) if *left > 2 => {
                // So does the rest of the chunk.
                self.chunk.decimal = None;
                let of_chunk = left.saturating_sub(2);
                *left = 2;
                body.gap(of_chunk, &mut self.out, sink);
                self.gap(length.saturating_sub(of_chunk), sink);
                return;
            }
            State::Body(_, body) => {
                // Nothing tells where the next field is; what the body held back goes first.
                body.finish(Ending::Broken, &mut self.out, sink);
            }
            _ => {}
        }
        let held = match &mut self.state {
            State::Head(held) | State::Trailer(held) => std::mem::take(held),
            State::Body(Length::ChunkLine(line), _) => std::mem::take(line),
            _ => Vec::new(),
        };
        self.lose(&held, false, sink);
        self.gap(length, sink);
    }

    fn finish(&mut self, end: StreamEnd, sink: &mut Sink<'_>) {
        self.unpeek(sink);
        self.no_more_ranges(sink);
        let held = match &mut self.state {
            State::Head(held) | State::Trailer(held) => std::mem::take(held),
            State::Body(length, body) => {
                let ending = match length {
                    Length::UntilClose => Ending::EndOfStream(end),
                    _ => Ending::Cut(end),
                };
                let short = match (&*length, end) {
                    (Length::Left(left), StreamEnd::Fin | StreamEnd::Reset) => {
                        Some(*left).filter(|left| body.is_short(*left))
                    }
                    _ => None,
                };
                let unended = end == StreamEnd::Fin
                    && matches!(length, Length::ChunkLine(line) if line.is_empty())
                    && body.is_picture();
                body.finish(ending, &mut self.out, sink);
                if unended {
                    self.out.flush(sink);
                    sink(Event::Fault(Fault::NoLastChunk));
                }
                if let Some(left) = short {
                    self.out.flush(sink);
                    sink(Event::Fault(Fault::ShortBody {
                        what: "the form",
                        head: "Content-Length",
                        left,
                    }));
                }
                match length {
                    Length::ChunkLine(line) => std::mem::take(line),
                    _ => Vec::new(),
                }
            }
            State::Lost(lost) => {
                lost.finish(end, sink);
                return;
            }
            State::Upgraded(socket, _) => {
                socket.finish(end, sink);
                return;
            }
            State::Peek(..) => Vec::new(),
        };
        self.out.flush(sink);
        if !held.is_empty() {
            sink(Event::Stray(&held));
        }
    }
}

impl WireFormat for HttpDecoder {
    const ROW: Row = Row {
        name: "http",
        meaning: "HTTP/1.1: bodies that are pictures, in responses and uploads, chunked and compressed ones too.",
        over: Over::Stream,
        names_itself: true,
    };

    fn probe(clues: &Clues<'_>) -> Probe {
        Probe::of(is_http(clues.head), "the stream begins as HTTP/1")
    }
}

/// Whether bytes begin as HTTP/1; absent where more bytes tell.
fn is_http(head: &[u8]) -> Option<bool> {
    const STARTS: [&[u8]; 10] = [
        b"GET ",
        b"POST ",
        b"PUT ",
        b"HEAD ",
        b"OPTIONS ",
        b"DELETE ",
        b"PATCH ",
        b"CONNECT ",
        b"TRACE ",
        b"HTTP/1.",
    ];
    let mut need_more = false;
    for start in STARTS {
        match head.strip_prefix(start) {
            Some(_) if start.starts_with(b"HTTP") => return Some(true),
            // Other programs give such commands, too: "GET a.jpg".
            Some(rest) => return is_target(rest),
            None => need_more |= start.starts_with(head),
        }
    }
    if need_more { None } else { Some(false) }
}

/// Whether what follows a method is the target of a request of HTTP, or names its version (RFC 9112, section 3); absent where
/// more bytes tell.
fn is_target(rest: &[u8]) -> Option<bool> {
    match rest {
        [] => None,
        [b'/' | b'*', ..] => Some(true),
        _ => {
            let line = memchr::memchr(b'\n', rest);
            let version = line.and_then(|end| memchr::memmem::find(rest.get(..end)?, b" HTTP/"));
            match (line, version) {
                (_, Some(_)) => Some(true),
                (None, None) if is_text(rest) => None,
                (_, None) => Some(false),
            }
        }
    }
}

#[cfg(test)]
mod tests;
