//! Python pickles that hold pictures as bytes objects (protocols 2 to 5, PEP 3154 and PEP 574).
//!
//! The opcodes are walked and nothing is built or executed. A bytes object that begins as a picture is one, of the
//! length that the pickle declares. Python 3 writes bytes under protocol 2 as Latin-1 text in UTF-8; such a picture comes
//! as [`Event::PictureEncoded`]. Opcodes and small objects are [`Framing::Pickle`]; an object of more than
//! [`LARGE`] bytes that is no picture, an array of pixels perhaps, is stray. One pickle may follow another.

use super::framer::{Behind, Framer, Grammar, Next, Step, framing, unexpected};
use super::layout::PixelOrder;
use super::length::MOST;
use super::sequence::covered;
use super::{Ending, Event, Fault, Framing, PixelShape, Sink, StreamEnd};
use crate::picture::{SNIFF_BYTES, Sniff, sniff};
use crate::units::number;

/// An object of more bytes than this is told of where it is no picture.
pub(crate) const LARGE: u64 = 4096;

/// Decoder of a stream of pickles.
pub(crate) type PickleDecoder = Framer<Pickle>;

/// Its grammar.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pickle {
    at: At,
    /// Bytes of opcodes not yet told of.
    pending: u64,
    /// The opcode at hand.
    opcode: u8,
    /// The last three numbers, and how many came in a row.
    numbers: [u64; 3],
    row: u8,
    /// Height, width and channels, where a tuple of numbers can be an array's shape.
    shape: Option<PixelShape>,
}

/// What comes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum At {
    /// A pickle.
    #[default]
    Start,
    /// What is behind its first byte.
    Version,
    Opcode,
    /// The argument of an opcode, of so many bytes, and of which object it is the length.
    Argument(u8, Option<Object>),
    /// So many lines of text.
    Lines(u8),
    /// The first bytes of an object of so many.
    Head(u64, Object),
    Picture(Text),
    /// Another object.
    Other {
        large: bool,
    },
}

/// How a picture is written: as it is, or as Latin-1 in UTF-8, and then the first byte of a letter that is not complete.
type Text = Option<Letter>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Object {
    Bytes,
    Text,
    /// Never a picture.
    Number,
}

/// A letter of two bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Letter {
    None,
    First(u8),
}

/// What follows an opcode.
enum Follows {
    Nothing,
    /// So many bytes.
    Fixed(u8),
    Lines(u8),
    /// A length in so many bytes, and the object.
    Sized(u8, Object),
    Stop,
    Unknown,
}

/// The opcodes of `pickletools` (Python 3.14).
fn follows(opcode: u8) -> Follows {
    match opcode {
        b'.' => Follows::Stop,
        b'('
        | b'0'
        | b'1'
        | b'2'
        | b'N'
        | b'R'
        | b'Q'
        | b'b'
        | b'a'
        | b'd'
        | b'}'
        | b'e'
        | b'l'
        | b']'
        | b'o'
        | b's'
        | b't'
        | b')'
        | b'u'
        | 0x81
        | 0x85..=0x89
        | 0x8f..=0x94
        | 0x97
        | 0x98 => Follows::Nothing,
        b'F' | b'I' | b'L' | b'P' | b'S' | b'V' | b'g' | b'p' => Follows::Lines(1),
        b'c' | b'i' => Follows::Lines(2),
        b'K' | b'h' | b'q' | 0x80 | 0x82 => Follows::Fixed(1),
        b'M' | 0x83 => Follows::Fixed(2),
        b'J' | b'j' | b'r' | 0x84 => Follows::Fixed(4),
        b'G' | 0x95 => Follows::Fixed(8),
        b'U' | b'C' => Follows::Sized(1, Object::Bytes),
        b'T' | b'B' => Follows::Sized(4, Object::Bytes),
        0x8e | 0x96 => Follows::Sized(8, Object::Bytes),
        0x8c => Follows::Sized(1, Object::Text),
        b'X' => Follows::Sized(4, Object::Text),
        0x8d => Follows::Sized(8, Object::Text),
        0x8a => Follows::Sized(1, Object::Number),
        0x8b => Follows::Sized(4, Object::Number),
        _ => Follows::Unknown,
    }
}

/// Whether bytes begin a pickle of a binary protocol; absent while they may.
pub(super) fn is_pickle(head: &[u8]) -> Option<bool> {
    match head {
        [] | [0x80] | [0x80, 2..=5] => None,
        [0x80, 4 | 5, 0x95, ..] => Some(true),
        [0x80, 2..=5, opcode, ..] => Some(matches!(
            opcode,
            b'c' | b'C' | b'B' | b'}' | b']' | b'(' | b'X' | b'U' | b'T' | 0x8e | 0x96
        )),
        _ => Some(false),
    }
}

/// Whether a pickle around an object that is a picture's pixels goes on behind it, and ends there.
pub(crate) fn is_rest(lead: &[u8], tail: &[u8]) -> bool {
    let begins = lead.windows(2).any(|two| matches!(*two, [0x80, 2..=5]));
    if !begins {
        return false;
    }
    let mut rest = tail;
    loop {
        let Some((&opcode, arguments)) = rest.split_first() else {
            return false;
        };
        let size = match follows(opcode) {
            Follows::Stop => return arguments.is_empty(),
            Follows::Nothing => 0,
            Follows::Fixed(bytes) => usize::from(bytes),
            // A key of a dictionary, or a name.
            Follows::Sized(1, _) => match arguments.first() {
                Some(length) => 1 + usize::from(*length),
                None => return false,
            },
            _ => return false,
        };
        match arguments.get(size..) {
            Some(later) => rest = later,
            None => return false,
        }
    }
}

/// The objects of the pickle that these bytes begin with, and whether it ends with them.
fn objects(bytes: &[u8]) -> (Vec<std::ops::Range<usize>>, bool) {
    /// More are no message of a picture's piece.
    const MOST_OPCODES: usize = 64;
    let mut found = Vec::new();
    if !matches!(bytes, [0x80, 2..=5, ..]) {
        return (found, false);
    }
    let mut at = 0_usize;
    for _ in 0..MOST_OPCODES {
        let Some(&opcode) = bytes.get(at) else {
            break;
        };
        at += 1;
        match follows(opcode) {
            Follows::Nothing => {}
            Follows::Fixed(count) => at += usize::from(count),
            Follows::Sized(width, object) => {
                let Some(length) = bytes.get(at..at + usize::from(width)) else {
                    break;
                };
                let length = number(length, false);
                at += usize::from(width);
                let end = usize::try_from(length)
                    .ok()
                    .and_then(|length| at.checked_add(length));
                let Some(end) = end else { break };
                if object == Object::Bytes {
                    found.push(at..end);
                }
                at = end;
            }
            Follows::Stop => return (found, at == bytes.len()),
            Follows::Lines(_) | Follows::Unknown => break,
        }
    }
    (found, false)
}

/// The longest bytes object of a datagram that is one pickle; absent where it is none, or holds none.
pub(super) fn longest_object(datagram: &[u8]) -> Option<std::ops::Range<usize>> {
    let (found, whole) = objects(datagram);
    found
        .into_iter()
        .filter(|_| whole)
        .max_by_key(ExactSizeIterator::len)
}

/// Whether bytes begin as a pickle in which a picture begins.
pub(super) fn begins_picture(bytes: &[u8]) -> bool {
    objects(bytes).0.into_iter().any(|range| {
        let end = range.end.min(range.start.saturating_add(SNIFF_BYTES));
        matches!(bytes.get(range.start..end).map(sniff), Some(Sniff::Is(_)))
    })
}

/// Latin-1 out of UTF-8; `letter` carries over what is not complete. Other text gives nothing for the letters that
/// Latin-1 lacks.
fn latin(bytes: &[u8], letter: &mut Letter, out: &mut Vec<u8>) {
    for &byte in bytes {
        match (*letter, byte) {
            (_, 0..=0x7f) => {
                out.push(byte);
                *letter = Letter::None;
            }
            (Letter::First(first), 0x80..=0xbf) => {
                out.push((first & 3) << 6 | byte & 0x3f);
                *letter = Letter::None;
            }
            (_, 0xc2 | 0xc3) => *letter = Letter::First(byte),
            _ => *letter = Letter::None,
        }
    }
}

impl Pickle {
    fn flush_pending(&mut self, sink: &mut Sink<'_>) {
        framing(Framing::Pickle, std::mem::take(&mut self.pending), sink);
    }

    fn unexpected(&mut self, found: &[u8], sink: &mut Sink<'_>) -> Step {
        self.flush_pending(sink);
        unexpected("a Python pickle of protocol 2 to 5", found, sink)
    }

    /// So many bytes are of the pickle; what comes behind them.
    fn count(&mut self, bytes: usize, at: At) -> Step {
        self.pending = self.pending.saturating_add(bytes as u64);
        self.at = at;
        Step::Done(bytes, Next::Field)
    }

    /// Another opcode: a tuple of numbers may be a shape.
    fn note(&mut self, opcode: u8) {
        self.opcode = opcode;
        let [first, second, third] = self.numbers;
        let shape = match (opcode, self.row) {
            (0x87, 3..) => Some((first, second, third)),
            (0x86, 2..) => Some((second, third, 1)),
            _ => None,
        };
        if let Some((height, width, channels)) = shape {
            let order = match channels {
                1 => Some(PixelOrder::Grey),
                3 => Some(PixelOrder::Bgr),
                4 => Some(PixelOrder::Bgra),
                _ => None,
            };
            let sides = u32::try_from(width).ok().zip(u32::try_from(height).ok());
            if let (Some(order), Some((width, height))) = (order, sides) {
                self.shape = Some(PixelShape {
                    width,
                    height,
                    order,
                });
            }
        }
        if !matches!(opcode, b'K' | b'M' | b'J') {
            self.row = 0;
        }
    }

    /// The shape of an object of so many bytes, if it is an array of pixels.
    fn pixels(&mut self, bytes: u64) -> Option<PixelShape> {
        let shape = self.shape.take()?;
        let size = u64::from(shape.order.bytes()?);
        let product = u64::from(shape.width)
            .checked_mul(u64::from(shape.height))?
            .checked_mul(size)?;
        (product == bytes && bytes > LARGE).then_some(shape)
    }

    fn opcode(&mut self, byte: u8, sink: &mut Sink<'_>) -> Step {
        self.note(byte);
        let at = match follows(byte) {
            Follows::Unknown => return self.unexpected(&[byte], sink),
            Follows::Stop => At::Start,
            Follows::Nothing => At::Opcode,
            Follows::Fixed(bytes) => At::Argument(bytes, None),
            Follows::Sized(bytes, kind) => At::Argument(bytes, Some(kind)),
            Follows::Lines(lines) => At::Lines(lines),
        };
        let step = self.count(1, at);
        if at == At::Start {
            self.flush_pending(sink);
        }
        step
    }

    fn argument(&mut self, held: &[u8], object: Option<Object>, sink: &mut Sink<'_>) -> Step {
        let length = number(held.get(..8).unwrap_or(held), false);
        let step = self.count(held.len(), At::Opcode);
        match object {
            None => {
                if matches!(self.opcode, b'K' | b'M' | b'J') {
                    let [_, second, third] = self.numbers;
                    self.numbers = [second, third, length];
                    self.row = self.row.saturating_add(1);
                }
                step
            }
            Some(_) if length > MOST => {
                self.flush_pending(sink);
                sink(Event::Fault(Fault::ImplausibleLength {
                    value: length,
                    hint: None,
                }));
                Step::Done(held.len(), Next::Lost)
            }
            Some(Object::Number) => Step::Done(held.len(), self.other(length, sink)),
            Some(object) if length == 0 => {
                Step::Done(held.len(), self.object(0, &[], object, sink))
            }
            Some(object) => {
                self.at = At::Head(length, object);
                step
            }
        }
    }

    /// An object that is no picture.
    fn other(&mut self, length: u64, sink: &mut Sink<'_>) -> Next {
        let large = length > LARGE;
        if large {
            self.flush_pending(sink);
        }
        self.at = At::Other { large };
        Next::Content(length)
    }

    /// What an object of so many bytes is that begins with these.
    fn object(&mut self, length: u64, first: &[u8], object: Object, sink: &mut Sink<'_>) -> Next {
        let shape = (object == Object::Bytes)
            .then(|| self.pixels(length))
            .flatten();
        if shape.is_none() && !matches!(sniffed(first, object), Sniff::Is(_)) {
            return self.other(length, sink);
        }
        let text = object == Object::Text;
        self.flush_pending(sink);
        sink(Event::PictureStart {
            length: (!text).then_some(length),
        });
        if let Some(shape) = shape {
            sink(Event::Pixels(shape));
        }
        self.at = At::Picture(text.then_some(Letter::None));
        Next::Content(length)
    }
}

/// What the first bytes of an object begin as.
fn sniffed(first: &[u8], object: Object) -> Sniff {
    let mut text = Vec::new();
    let head = if object == Object::Text {
        latin(first, &mut Letter::None, &mut text);
        &text
    } else {
        first
    };
    sniff(head.get(..SNIFF_BYTES).unwrap_or(head))
}

impl Grammar for Pickle {
    fn field(&mut self, held: &[u8], behind: Behind, sink: &mut Sink<'_>) -> Step {
        let cut = matches!(behind, Behind::Gap | Behind::End);
        match (self.at, held) {
            (At::Head(length, _), _) if behind == Behind::Gap => {
                // What it is cannot be told any more; how long it is can.
                self.flush_pending(sink);
                self.at = At::Other { large: true };
                Step::Done(0, Next::Content(length))
            }
            (_, []) => Step::More,
            (At::Start, [0x80, ..]) => self.count(1, At::Version),
            (At::Version, [2..=5, ..]) | (At::Lines(1), [b'\n', ..]) => self.count(1, At::Opcode),
            (At::Start | At::Version, _) => self.unexpected(held, sink),
            (At::Argument(width, object), _) => {
                if held.len() >= usize::from(width) {
                    self.argument(held, object, sink)
                } else if cut {
                    self.count(held.len(), self.at)
                } else {
                    Step::More
                }
            }
            (At::Lines(lines), [b'\n', ..]) => self.count(1, At::Lines(lines.saturating_sub(1))),
            (At::Lines(_), _) => self.count(1, self.at),
            (At::Head(length, object), _) => {
                let enough = held.len() >= 2 * SNIFF_BYTES || held.len() as u64 >= length;
                if !enough && sniffed(held, object) == Sniff::NeedMore {
                    return Step::More;
                }
                Step::Done(0, self.object(length, held, object, sink))
            }
            (_, &[byte, ..]) => self.opcode(byte, sink),
        }
    }

    fn content(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        match &mut self.at {
            At::Picture(Some(letter)) => {
                let mut out = Vec::with_capacity(bytes.len());
                latin(bytes, letter, &mut out);
                covered(bytes.len() as u64, &out, sink);
            }
            At::Picture(None) => sink(Event::PictureData(bytes)),
            At::Other { large: true } => sink(Event::Stray(bytes)),
            _ => self.pending = self.pending.saturating_add(bytes.len() as u64),
        }
    }

    fn content_gap(&mut self, length: u64, sink: &mut Sink<'_>) {
        self.flush_pending(sink);
        sink(match self.at {
            At::Picture(_) => Event::PictureGap(length),
            _ => Event::StrayGap(length),
        });
    }

    fn content_over(&mut self, sink: &mut Sink<'_>) -> Next {
        if let At::Picture(_) = self.at {
            sink(Event::PictureEnd(Ending::Length));
        }
        self.at = At::Opcode;
        Next::Field
    }

    fn lose(&mut self, sink: &mut Sink<'_>) {
        self.flush_pending(sink);
    }

    fn cut(&mut self, _left: u64, end: StreamEnd, sink: &mut Sink<'_>) {
        self.flush_pending(sink);
        if let At::Picture(_) = self.at {
            sink(Event::PictureEnd(Ending::Cut(end)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Decode as _;
    use super::super::testing::{Seen, picture, pictures, run};
    use super::*;

    fn decode(stream: &[u8], size: usize) -> Vec<Seen> {
        let mut decoder = PickleDecoder::default();
        run(|sink| {
            stream
                .chunks(size)
                .for_each(|part| decoder.update(part, sink));
            decoder.finish(StreamEnd::Fin, sink);
        })
    }

    /// What `pickle.dumps(picture, protocol)` writes.
    fn pickled(picture: &[u8], protocol: u8) -> Vec<u8> {
        let long = u32::try_from(picture.len()).unwrap().to_le_bytes();
        match protocol {
            2 => {
                let text: String = picture.iter().map(|byte| char::from(*byte)).collect();
                let length = u32::try_from(text.len()).unwrap().to_le_bytes();
                [
                    b"\x80\x02c_codecs\nencode\nq\x00X",
                    &length[..],
                    text.as_bytes(),
                    b"q\x01X\x06\0\0\0latin1q\x02\x86q\x03Rq\x04.",
                ]
                .concat()
            }
            3 => [b"\x80\x03B", &long[..], picture, b"q\x00."].concat(),
            _ => {
                let frame = (picture.len() as u64 + 7).to_le_bytes();
                let start = [&[0x80, protocol, 0x95][..], &frame].concat();
                [&start, &b"B"[..], &long, picture, b"\x94."].concat()
            }
        }
    }

    #[test]
    fn a_picture_under_each_protocol() {
        let jpeg = picture(image::ImageFormat::Jpeg, 40, 30);
        for protocol in 2..=5 {
            let one = pickled(&jpeg, protocol);
            let stream = [&one[..], &one].concat();
            for size in [1, 5, stream.len()] {
                let seen = decode(&stream, size);
                let want = (jpeg.clone(), Ending::Length);
                assert_eq!(pictures(&seen), [want.clone(), want], "protocol {protocol}");
                assert!(
                    !seen
                        .iter()
                        .any(|event| matches!(event, Seen::Stray(_) | Seen::Fault(_)))
                );
            }
            assert_eq!(is_pickle(&one), Some(true), "protocol {protocol}");
        }
    }

    #[test]
    fn objects_that_are_no_pictures() {
        // pickle.dumps({"a": b"x" * 5000}, 4), shortened by hand.
        let big = [7; 5000];
        let stream = [b"\x80\x04}\x8c\x01aB\x88\x13\0\0", &big[..], b"\x94s."].concat();
        assert_eq!(
            decode(&stream, 3),
            [
                Seen::Framing(Framing::Pickle, 11),
                Seen::Stray(big.to_vec()),
                Seen::Framing(Framing::Pickle, 3)
            ]
        );
    }

    #[test]
    fn what_is_no_pickle_is_carved() {
        let jpeg = picture(image::ImageFormat::Jpeg, 40, 30);
        let seen = decode(&[&b"\x80\x04\xff\xff"[..], &jpeg].concat(), 9);
        assert!(seen.iter().any(|event| matches!(event, Seen::Fault(_))));
        assert_eq!(pictures(&seen).last().unwrap().0, jpeg);
    }
}
