//! WebSocket frames (RFC 6455), after the upgrade that [`super::http`] sees, or without it: masked or not, fragmented or not.
//!
//! Messages that are compressed (permessage-deflate, RFC 7692: the first reserved bit) are decompressed, with the window of the
//! messages before; behind a gap of the capture that is not possible. A binary message that begins as a picture is one, and so is one that does behind a header of at most 64 bytes; its frames' heads lie inside it where it is
//! fragmented, and so do those of the messages that go on with it where its structure is not over with the first. Base64 in a text
//! message is read as [`super::encoded`] does. All other messages and control frames are framing.
//! What cannot be a frame (a reserved opcode or bit) loses the framing, and is carved.

use flate2::FlushDecompress;

use super::content::Pieces;
use super::deflated::Inflater;
use super::detect::Clues;
use super::encoded::Base64Decoder;
use super::formats::{Over, Probe, Row, WireFormat};
use super::framer::{Behind, Framer, Grammar, Next, Step, framing};
use super::sequence::covered;
use super::{Decode as _, Ending, Event, Fault, Framing, Sink, StreamEnd};
use crate::picture::{SNIFF_BYTES, Sniff, sniff};

/// Longest header of a program's own before the picture in a message.
const INSIDE: usize = 64;

/// Decoder of one direction behind the upgrade.
pub(crate) type WebSocketDecoder = Framer<WebSocket>;

/// Its grammar.
#[derive(Debug, Clone, Default)]
pub struct WebSocket {
    /// The frame at hand, or the one before.
    frame: Frame,
    message: Message,
    /// Bytes of framing that are not told of yet.
    pending: u64,
    /// A picture in a text is open.
    open: bool,
    /// The message at hand is compressed.
    compressed: bool,
    inflate: Inflate,
    /// The picture at hand of binary messages, and how long the header before it was.
    pieces: Pieces,
    header: u64,
}

/// What decompresses messages.
#[derive(Debug, Clone, Default)]
enum Inflate {
    /// None was compressed so far.
    #[default]
    New,
    Stream(Inflater),
    /// It broke off; whether that was told of, at the end of the message.
    Broken(bool),
}

/// What a sender leaves off at the end of each compressed message (RFC 7692, section 7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// A frame.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "flags of the frame's head")]
struct Frame {
    mask: [u8; 4],
    masked: bool,
    /// Place of the next byte in the mask.
    turn: u8,
    last: bool,
    control: bool,
    /// The first reserved bit.
    compressed: bool,
}

/// The message at hand.
#[derive(Debug, Clone, Default)]
enum Message {
    #[default]
    None,
    /// Its first bytes, which do not tell yet; its length, where its first frame is its last; and how many bytes of the stream
    /// they are.
    Sniff(Vec<u8>, Option<u64>, u64),
    Picture,
    Text(Box<Base64Decoder>),
    Other,
}

/// What a head says: the frame, how long its payload is, and its opcode.
fn read(head: &[u8]) -> Result<Option<(Frame, u64, u8)>, ()> {
    let &[first, second, ref rest @ ..] = head else {
        return Ok(None);
    };
    let opcode = first & 0x0f;
    let control = opcode >= 8;
    let compressed = first & 0x40 != 0;
    if first & 0x30 != 0
        || matches!(opcode, 3..=7 | 11..=15)
        || control && first & 0x80 == 0
        || compressed && !matches!(opcode, 1 | 2)
    {
        return Err(());
    }
    let masked = second & 0x80 != 0;
    let short = second & 0x7f;
    let wide = match short {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    if control && wide > 0 {
        return Err(());
    }
    let Some((length, rest)) = rest.split_at_checked(wide) else {
        return Ok(None);
    };
    let left = if wide == 0 {
        u64::from(short)
    } else {
        length
            .iter()
            .fold(0, |value, byte| value << 8 | u64::from(*byte))
    };
    if left > super::length::MOST {
        return Err(());
    }
    let mask = match (masked, rest) {
        (true, &[a, b, c, d, ..]) => [a, b, c, d],
        (true, _) => return Ok(None),
        (false, _) => [0; 4],
    };
    Ok(Some((
        Frame {
            mask,
            masked,
            turn: 0,
            last: first & 0x80 != 0,
            control,
            compressed,
        },
        left,
        opcode,
    )))
}

impl Frame {
    /// Takes the mask off.
    fn unmask(&mut self, bytes: &[u8]) -> Vec<u8> {
        bytes
            .iter()
            .map(|byte| {
                let key = self.mask.get(usize::from(self.turn)).copied().unwrap_or(0);
                self.turn = (self.turn + 1) % 4;
                byte ^ key
            })
            .collect()
    }
}

impl WebSocket {
    fn flush(&mut self, sink: &mut Sink<'_>) {
        frame(std::mem::take(&mut self.pending), sink);
    }

    fn head(&mut self, held: &[u8], sink: &mut Sink<'_>) -> Step {
        let (frame, left, opcode) = match read(held) {
            Ok(Some(found)) => found,
            Ok(None) => return Step::More,
            Err(()) => return Step::Done(0, Next::Lost),
        };
        if !frame.control && opcode != 0 {
            // The message before was left without its last fragment.
            self.settle(Ending::Broken, StreamEnd::Fin, sink);
            if opcode != 2 || frame.compressed {
                self.stop(sink);
            }
            self.compressed = frame.compressed;
            self.message = if opcode == 1 {
                Message::Text(Box::default())
            } else {
                let length = (frame.last && !frame.compressed).then_some(left);
                Message::Sniff(Vec::new(), length, 0)
            };
        }
        self.pending = self.pending.saturating_add(held.len() as u64);
        self.frame = frame;
        Step::Done(held.len(), Next::Content(left))
    }

    /// What waits for another message gets none.
    fn stop(&mut self, sink: &mut Sink<'_>) {
        if self.pieces.waits() {
            self.pieces.end(Ending::Length, sink);
        }
    }

    /// The message is over, or cut.
    fn settle(&mut self, ending: Ending, end: StreamEnd, sink: &mut Sink<'_>) {
        if let Inflate::Broken(told @ false) = &mut self.inflate {
            *told = true;
            self.flush(sink);
            sink(Event::Fault(Fault::BadEncoding {
                encoding: "permessage-deflate",
                reason: "its data are no deflate data".to_owned(),
            }));
        }
        match std::mem::take(&mut self.message) {
            Message::Picture => {
                self.flush(sink);
                let over = ending == Ending::Length && !self.compressed;
                if !(over && self.pieces.message_over()) {
                    self.pieces.end(ending, sink);
                }
            }
            Message::Text(mut text) => {
                self.text(&mut text, sink, |text, sink| text.finish(end, sink));
            }
            Message::Sniff(_, _, wire) => {
                self.pending = self.pending.saturating_add(wire);
            }
            Message::None | Message::Other => {}
        }
    }

    /// Lets the text's decoder work: what is no picture in it is framing. Where the message is compressed, its letters are no bytes
    /// of the stream.
    fn text(
        &mut self,
        text: &mut Base64Decoder,
        sink: &mut Sink<'_>,
        work: impl FnOnce(&mut Base64Decoder, &mut Sink<'_>),
    ) {
        let (pending, compressed) = (&mut self.pending, self.compressed);
        let counted = |bytes: u64| if compressed { 0 } else { bytes };
        let open = &mut self.open;
        work(text, &mut |event| match event {
            Event::Stray(bytes) => {
                *pending = pending.saturating_add(counted(bytes.len() as u64));
            }
            Event::Framing { bytes, .. } => *pending = pending.saturating_add(counted(bytes)),
            event => {
                frame(std::mem::take(pending), sink);
                match event {
                    Event::PictureStart { .. } => *open = true,
                    Event::PictureEnd(_) => *open = false,
                    _ => {}
                }
                // The end of the message is the end that was due.
                sink(match event {
                    Event::PictureEnd(Ending::EndOfStream(StreamEnd::Fin)) => {
                        Event::PictureEnd(Ending::Length)
                    }
                    Event::PictureEncoded { wire, bytes } => {
                        let wire = counted(wire);
                        if wire == 0 && bytes.is_empty() {
                            return;
                        }
                        Event::PictureEncoded { wire, bytes }
                    }
                    event => event,
                });
            }
        });
    }

    fn frame_over(&mut self, sink: &mut Sink<'_>) {
        let frame = self.frame;
        if frame.control {
            return;
        }
        if let Message::Sniff(_, _, wire) = &mut self.message
            && !frame.last
            && !self.compressed
        {
            // Too little to tell in the first fragment.
            self.pending = self.pending.saturating_add(*wire);
            self.message = Message::Other;
        }
        if frame.last {
            if self.compressed {
                self.inflated(0, &TAIL, sink);
            }
            self.settle(Ending::Length, StreamEnd::Fin, sink);
        }
    }

    /// Payload bytes.
    fn payload(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        let frame = &mut self.frame;
        let (masked, control) = (frame.masked, frame.control);
        let wire = bytes.len() as u64;
        let plain = if masked {
            std::borrow::Cow::Owned(frame.unmask(bytes))
        } else {
            std::borrow::Cow::Borrowed(bytes)
        };
        if control {
            self.pending = self.pending.saturating_add(wire);
        } else if self.compressed {
            // Byte by byte until a picture is open: which bytes are before it must not depend on how they came.
            let mut rest: &[u8] = &plain;
            while !rest.is_empty() {
                let size = if self.is_open() { rest.len() } else { 1 };
                let (now, later) = rest.split_at(size);
                self.inflated(size as u64, now, sink);
                rest = later;
            }
        } else {
            self.message(wire, &plain, masked, sink);
        }
    }

    /// Whether a picture is open.
    fn is_open(&self) -> bool {
        self.open || matches!(self.message, Message::Picture)
    }

    /// Bytes of a compressed message, which are `wire` bytes of the stream.
    fn inflated(&mut self, wire: u64, bytes: &[u8], sink: &mut Sink<'_>) {
        if matches!(self.inflate, Inflate::New) {
            self.inflate = Inflate::Stream(Inflater::new(false));
        }
        let (mut rest, mut wire) = (bytes, wire);
        let mut buffer = [0; 8192];
        while let Inflate::Stream(stream) = &mut self.inflate {
            let (read, written) = (stream.total_in(), stream.total_out());
            let status = stream.decompress(rest, &mut buffer, FlushDecompress::Sync);
            let read = usize::try_from(stream.total_in().saturating_sub(read)).unwrap_or(0);
            let count = usize::try_from(stream.total_out().saturating_sub(written)).unwrap_or(0);
            rest = rest.get(read..).unwrap_or_default();
            if status.is_err() || super::length::is_bomb(stream.total_in(), stream.total_out()) {
                self.inflate = Inflate::Broken(false);
                break;
            }
            let out = buffer.get(..count).unwrap_or_default();
            self.message(std::mem::take(&mut wire), out, true, sink);
            if count < buffer.len() && (rest.is_empty() || read == 0) {
                return;
            }
        }
        self.message(wire, &[], true, sink);
    }

    /// Bytes of the picture at hand.
    fn picture(&mut self, wire: u64, plain: &[u8], recoded: bool, sink: &mut Sink<'_>) {
        let (new, over) = plain.split_at(self.pieces.take(plain));
        if wire > 0 || !new.is_empty() {
            self.flush(sink);
            give(recoded, wire.saturating_sub(over.len() as u64), new, sink);
        }
        if self.pieces.is_joined() {
            self.pieces.end(Ending::Structure, sink);
            self.pending = self.pending.saturating_add(over.len() as u64);
            self.message = Message::Other;
        }
    }

    /// Bytes of a message without mask and compression, which are `wire` bytes of the stream; `recoded` where they are others.
    fn message(&mut self, wire: u64, plain: &[u8], recoded: bool, sink: &mut Sink<'_>) {
        match std::mem::take(&mut self.message) {
            Message::Picture => {
                self.message = Message::Picture;
                self.picture(wire, plain, recoded, sink);
            }
            Message::Sniff(mut held, length, before) => {
                held.extend_from_slice(plain);
                let wire = before.saturating_add(wire);
                // Of a compressed message it is not known which bytes of the stream a header is.
                let most = if self.compressed { 0 } else { INSIDE };
                match begins_within(&held, most) {
                    Within::NeedMore => self.message = Message::Sniff(held, length, wire),
                    Within::At(at) => {
                        let header = at as u64;
                        self.stop(sink);
                        self.header = header;
                        self.pending = self.pending.saturating_add(header);
                        self.flush(sink);
                        sink(Event::PictureStart {
                            length: length.map(|length| length.saturating_sub(header)),
                        });
                        let picture = held.get(at..).unwrap_or_default();
                        self.pieces.begin(picture, sink);
                        self.message = Message::Picture;
                        self.picture(wire.saturating_sub(header), picture, recoded, sink);
                    }
                    // As long a header as the first piece had stands before each.
                    Within::No if self.pieces.waits() && (held.len() as u64) < self.header => {
                        self.message = Message::Sniff(held, length, wire);
                    }
                    Within::No if self.pieces.waits() => {
                        let piece = usize::try_from(self.header).ok();
                        let piece = piece.and_then(|at| held.get(at..)).unwrap_or_default();
                        self.pending = self.pending.saturating_add(self.header);
                        self.flush(sink);
                        self.pieces.go_on(sink);
                        self.message = Message::Picture;
                        self.picture(wire.saturating_sub(self.header), piece, recoded, sink);
                    }
                    Within::No => {
                        self.pending = self.pending.saturating_add(wire);
                        self.message = Message::Other;
                    }
                }
            }
            Message::Text(mut text) => {
                self.text(&mut text, sink, |text, sink| text.update(plain, sink));
                if self.compressed {
                    if self.open {
                        self.flush(sink);
                        covered(wire, &[], sink);
                    } else {
                        self.pending = self.pending.saturating_add(wire);
                    }
                }
                self.message = Message::Text(text);
            }
            other => {
                self.pending = self.pending.saturating_add(wire);
                self.message = other;
            }
        }
    }
}

fn frame(bytes: u64, sink: &mut Sink<'_>) {
    framing(Framing::Field("WebSocket frame"), bytes, sink);
}

/// Where in a message a picture begins.
enum Within {
    At(usize),
    NeedMore,
    No,
}

fn begins_within(message: &[u8], most: usize) -> Within {
    for at in 0..=most {
        let rest = message.get(at..).unwrap_or_default();
        match sniff(rest.get(..SNIFF_BYTES).unwrap_or(rest)) {
            Sniff::Is(_) => return Within::At(at),
            Sniff::NeedMore => return Within::NeedMore,
            Sniff::No => {}
        }
    }
    Within::No
}

/// Bytes of the picture: as they are on the wire, or in another form.
fn give(recoded: bool, wire: u64, bytes: &[u8], sink: &mut Sink<'_>) {
    if recoded {
        covered(wire, bytes, sink);
    } else if !bytes.is_empty() {
        sink(Event::PictureData(bytes));
    }
}

/// Whether a stream begins with a frame of a message that is a picture, or with a masked one of text: without the upgrade, which was
/// before the capture, or was left out. Absent while too few bytes tell.
pub(super) fn begins(head: &[u8]) -> Option<bool> {
    let &[first, second, ..] = head else {
        return (!matches!(head, [] | [0x82 | 0x81 | 1 | 2])).then_some(false);
    };
    if !matches!(first, 0x82 | 0x81 | 1 | 2) {
        return Some(false);
    }
    let size = match second & 0x7f {
        126 => 4,
        127 => 10,
        _ => return Some(false),
    };
    let size = size + if second & 0x80 == 0 { 0 } else { 4 };
    let payload = head
        .get(size..)
        .filter(|payload| payload.len() >= SNIFF_BYTES)?;
    let Ok(Some((mut frame, left, opcode))) = read(head.get(..size)?) else {
        return Some(false);
    };
    // The shortest form of a length has to be used.
    let least = if size >= 10 { 1 << 16 } else { 126 };
    if left < least {
        return Some(false);
    }
    let plain = frame.unmask(payload);
    Some(match opcode {
        2 => matches!(sniff(plain.get(..SNIFF_BYTES)?), Sniff::Is(_)),
        _ => {
            frame.masked
                && plain
                    .iter()
                    .all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace())
        }
    })
}

impl Grammar for WebSocket {
    fn field(&mut self, held: &[u8], _behind: Behind, sink: &mut Sink<'_>) -> Step {
        self.head(held, sink)
    }

    fn content(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        self.payload(bytes, sink);
    }

    fn bridges(&self, length: u64, left: u64) -> bool {
        matches!(self.message, Message::Picture)
            && !self.compressed
            && !self.frame.control
            && length <= left
    }

    fn content_gap(&mut self, length: u64, sink: &mut Sink<'_>) {
        let turn = (u64::from(self.frame.turn) + length) % 4;
        self.frame.turn = u8::try_from(turn).unwrap_or(0);
        self.flush(sink);
        sink(Event::PictureGap(length));
        self.pieces.gap(length);
    }

    fn content_over(&mut self, sink: &mut Sink<'_>) -> Next {
        self.frame_over(sink);
        Next::Field
    }

    fn lose(&mut self, sink: &mut Sink<'_>) {
        self.settle(Ending::Broken, StreamEnd::Fin, sink);
        self.stop(sink);
        self.flush(sink);
    }

    fn cut(&mut self, left: u64, end: StreamEnd, sink: &mut Sink<'_>) {
        // Of a picture that is open it is said that it is cut.
        let open = self.open || matches!(self.message, Message::Picture | Message::Sniff(..));
        if !open && end == StreamEnd::Fin {
            self.flush(sink);
            sink(Event::Fault(Fault::ShortBody {
                what: "a WebSocket frame",
                head: "head",
                left,
            }));
        }
        self.end(&[], end, sink);
    }

    fn end(&mut self, held: &[u8], end: StreamEnd, sink: &mut Sink<'_>) {
        self.settle(Ending::Cut(end), end, sink);
        self.stop(sink);
        self.flush(sink);
        if !held.is_empty() {
            sink(Event::Stray(held));
        }
    }
}

impl WireFormat for WebSocketDecoder {
    const ROW: Row = Row {
        name: "websocket",
        meaning: "WebSocket frames without the HTTP upgrade before them: it was not captured, or left out.",
        over: Over::Stream,
        names_itself: false,
    };

    fn probe(clues: &Clues<'_>) -> Probe {
        Probe::of(
            begins(clues.head),
            "the stream begins with a frame of WebSocket that holds a picture or a masked text",
        )
    }
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "small numbers")]
mod tests {
    use super::super::testing::{Seen, fixtures, pictures, run};
    use super::*;

    fn frame(opcode: u8, last: bool, mask: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![opcode | if last { 0x80 } else { 0 }];
        let flag = if mask.is_some() { 0x80 } else { 0 };
        if payload.len() < 126 {
            bytes.push(flag | payload.len() as u8);
        } else {
            bytes.push(flag | 0x7e);
            bytes.extend((payload.len() as u16).to_be_bytes());
        }
        bytes.extend(mask.into_iter().flatten());
        let key = mask.unwrap_or_default();
        bytes.extend(
            payload
                .iter()
                .enumerate()
                .map(|(at, byte)| byte ^ key[at % 4]),
        );
        bytes
    }

    fn decode(stream: &[u8], cut: usize) -> Vec<Seen> {
        let mut decoder = WebSocketDecoder::default();
        run(|sink| {
            stream
                .chunks(cut)
                .for_each(|part| decoder.update(part, sink));
            decoder.finish(StreamEnd::Fin, sink);
        })
    }

    #[test]
    fn masked_fragmented_and_plain_messages() {
        let (one, two) = (&fixtures()[0], &fixtures()[2]);
        for mask in [None, Some([1, 2, 3, 250])] {
            let stream = [
                frame(1, true, mask, b"hello"),
                frame(2, true, mask, one),
                frame(2, false, mask, &two[..100]),
                frame(9, true, mask, b"ping"),
                frame(0, false, mask, &two[100..300]),
                frame(0, true, mask, &two[300..]),
                frame(8, true, mask, b""),
            ]
            .concat();
            let whole = decode(&stream, usize::MAX);
            assert_eq!(
                pictures(&whole),
                [(one.clone(), Ending::Length), (two.clone(), Ending::Length)]
            );
            assert!(!whole.iter().any(|event| matches!(event, Seen::Stray(_))));
            for cut in [1, 3, 64] {
                assert_eq!(decode(&stream, cut), whole);
            }
        }
    }

    #[test]
    fn short_message_is_cut_and_no_frame_is_carved() {
        let picture = &fixtures()[0];
        let stream = frame(2, true, None, picture);
        let seen = decode(&stream[..stream.len() - 5], 7);
        assert_eq!(pictures(&seen)[0].1, Ending::Cut(StreamEnd::Fin));
        let stream = [b"\x72\x05".to_vec(), picture.clone()].concat();
        assert_eq!(
            pictures(&decode(&stream, 5)),
            [(picture.clone(), Ending::Structure)]
        );
    }
}
