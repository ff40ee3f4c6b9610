//! Python pickles that hold pictures as bytes objects (protocols 2 to 5, PEP 3154 and PEP 574).
//!
//! The opcodes are walked and nothing is built or executed. A bytes object that begins as a picture is one, of the
//! length that the pickle declares. Python 3 writes bytes under protocol 2 as Latin-1 text in UTF-8; such a picture comes
//! as [`Event::PictureEncoded`]. Opcodes and small objects are [`Framing::Pickle`]; an object of more than
//! [`LARGE`] bytes that is no picture, an array of pixels perhaps, is stray. One pickle may follow another.

use super::carve::CarveDecoder;
use super::layout::PixelOrder;
use super::length::MOST;
use super::sequence::covered;
use super::{Decode, Ending, Event, Fault, Framing, PixelShape, Sink, StreamEnd};
use crate::picture::{SNIFF_BYTES, Sniff, sniff};
use crate::units::number;

/// An object of more bytes than this is told of where it is no picture.
pub(crate) const LARGE: u64 = 4096;

/// Decoder of a stream of pickles.
#[derive(Debug, Clone, Default)]
pub(crate) struct PickleDecoder {
    state: State,
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

#[derive(Debug, Clone, Default)]
enum State {
    /// Before a pickle.
    #[default]
    Start,
    /// Behind its first byte.
    Version,
    Opcode,
    /// The argument of an opcode: `left` more bytes; `length` so far, where it is that of an object.
    Argument {
        left: u8,
        at: u8,
        length: u64,
        object: Option<Object>,
    },
    /// So many lines of text.
    Lines(u8),
    /// An object whose first bytes do not tell yet what it is.
    Head {
        held: Vec<u8>,
        left: u64,
        object: Object,
    },
    Picture {
        left: u64,
        /// Latin-1 in UTF-8: the first byte of a letter that is not complete.
        text: Option<Letter>,
    },
    /// Another object.
    Other {
        left: u64,
        large: bool,
    },
    /// Not a pickle.
    Lost(Box<CarveDecoder>),
}

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

impl PickleDecoder {
    fn flush_pending(&mut self, sink: &mut Sink<'_>) {
        let bytes = std::mem::take(&mut self.pending);
        if bytes > 0 {
            sink(Event::Framing {
                what: Framing::Pickle,
                bytes,
            });
        }
    }

    fn lose(&mut self, found: &[u8], sink: &mut Sink<'_>) {
        self.flush_pending(sink);
        sink(Event::Fault(Fault::BadField {
            expected: "a Python pickle of protocol 2 to 5",
            found: String::from_utf8_lossy(found).into_owned(),
            hint: None,
        }));
        let mut carve = Box::new(CarveDecoder::inside());
        carve.update(found, sink);
        self.state = State::Lost(carve);
    }

    fn count(&mut self) {
        self.pending = self.pending.saturating_add(1);
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

    fn opcode(&mut self, byte: u8, sink: &mut Sink<'_>) {
        self.note(byte);
        let object = |left, object| State::Argument {
            left,
            at: 0,
            length: 0,
            object,
        };
        self.state = match follows(byte) {
            Follows::Unknown => {
                self.lose(&[byte], sink);
                return;
            }
            Follows::Stop => {
                self.count();
                self.flush_pending(sink);
                self.state = State::Start;
                return;
            }
            Follows::Nothing => State::Opcode,
            Follows::Fixed(bytes) => object(bytes, None),
            Follows::Sized(bytes, kind) => object(bytes, Some(kind)),
            Follows::Lines(lines) => State::Lines(lines),
        };
        self.count();
    }

    fn argument(&mut self, byte: u8, sink: &mut Sink<'_>) {
        self.count();
        let State::Argument {
            left,
            at,
            length,
            object,
        } = &mut self.state
        else {
            return;
        };
        *length |= u64::from(byte) << u32::from(*at).saturating_mul(8).min(56);
        *at = at.saturating_add(1);
        *left = left.saturating_sub(1);
        if *left > 0 {
            return;
        }
        let (length, object) = (*length, *object);
        match object {
            None => {
                if matches!(self.opcode, b'K' | b'M' | b'J') {
                    let [_, second, third] = self.numbers;
                    self.numbers = [second, third, length];
                    self.row = self.row.saturating_add(1);
                }
                self.state = State::Opcode;
            }
            Some(_) if length > MOST => {
                self.flush_pending(sink);
                sink(Event::Fault(Fault::ImplausibleLength {
                    value: length,
                    hint: None,
                }));
                self.state = State::Lost(Box::new(CarveDecoder::inside()));
            }
            Some(Object::Number) => self.other(length, sink),
            Some(object) => {
                self.state = State::Head {
                    held: Vec::new(),
                    left: length,
                    object,
                };
                self.settle(sink);
            }
        }
    }

    fn other(&mut self, left: u64, sink: &mut Sink<'_>) {
        let large = left > LARGE;
        if large {
            self.flush_pending(sink);
        }
        self.state = State::Other { left, large };
        self.settle(sink);
    }

    /// Goes on where an object is over, or where enough of it came to tell what it is.
    fn settle(&mut self, sink: &mut Sink<'_>) {
        match &mut self.state {
            State::Head { held, left, object } => {
                let mut text = Vec::new();
                let mut letter = Letter::None;
                let head = if *object == Object::Text {
                    latin(held, &mut letter, &mut text);
                    &text
                } else {
                    &*held
                };
                let sniffed = sniff(head.get(..SNIFF_BYTES).unwrap_or(head));
                let enough = held.len() >= 2 * SNIFF_BYTES;
                if sniffed == Sniff::NeedMore && *left > 0 && !enough {
                    return;
                }
                let (object, rest) = (*object, *left);
                let first = std::mem::take(held);
                let total = rest.saturating_add(first.len() as u64);
                let shape = (object == Object::Bytes)
                    .then(|| self.pixels(total))
                    .flatten();
                if let Some(shape) = shape {
                    self.flush_pending(sink);
                    sink(Event::PictureStart {
                        length: Some(total),
                    });
                    sink(Event::Pixels(shape));
                    self.state = State::Picture {
                        left: total,
                        text: None,
                    };
                    self.update(&first, sink);
                    return;
                }
                if !matches!(sniffed, Sniff::Is(_)) {
                    // What was held is told of with the rest.
                    self.other(total, sink);
                    self.update(&first, sink);
                    return;
                }
                self.flush_pending(sink);
                let is_text = object == Object::Text;
                sink(Event::PictureStart {
                    length: (!is_text).then_some(total),
                });
                self.state = State::Picture {
                    left: total,
                    text: is_text.then_some(Letter::None),
                };
                self.update(&first, sink);
            }
            State::Picture { left: 0, .. } => {
                sink(Event::PictureEnd(Ending::Length));
                self.state = State::Opcode;
            }
            State::Other { left: 0, .. } => self.state = State::Opcode,
            _ => {}
        }
    }
}

impl Decode for PickleDecoder {
    fn update(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        let mut rest = bytes;
        while let Some((&byte, later)) = rest.split_first() {
            match &mut self.state {
                State::Start => {
                    rest = later;
                    if byte == 0x80 {
                        self.count();
                        self.state = State::Version;
                    } else {
                        self.lose(&[byte], sink);
                    }
                }
                State::Version => {
                    rest = later;
                    if (2..=5).contains(&byte) {
                        self.count();
                        self.state = State::Opcode;
                    } else {
                        self.lose(&[byte], sink);
                    }
                }
                State::Opcode => {
                    rest = later;
                    self.opcode(byte, sink);
                }
                State::Argument { .. } => {
                    rest = later;
                    self.argument(byte, sink);
                }
                State::Lines(lines) => {
                    rest = later;
                    if byte == b'\n' {
                        *lines = lines.saturating_sub(1);
                        if *lines == 0 {
                            self.state = State::Opcode;
                        }
                    }
                    self.count();
                }
                State::Head { held, left, .. } => {
                    rest = later;
                    held.push(byte);
                    *left = left.saturating_sub(1);
                    self.settle(sink);
                }
                State::Picture { left, text } => {
                    let take = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                    let (new, later) = rest.split_at(take);
                    rest = later;
                    *left = left.saturating_sub(take as u64);
                    match text {
                        None => sink(Event::PictureData(new)),
                        Some(letter) => {
                            let mut out = Vec::with_capacity(new.len());
                            latin(new, letter, &mut out);
                            covered(new.len() as u64, &out, sink);
                        }
                    }
                    self.settle(sink);
                }
                State::Other { left, large } => {
                    let take = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                    let (new, later) = rest.split_at(take);
                    rest = later;
                    *left = left.saturating_sub(take as u64);
                    if *large {
                        sink(Event::Stray(new));
                    } else {
                        self.pending = self.pending.saturating_add(take as u64);
                    }
                    self.settle(sink);
                }
                State::Lost(carve) => {
                    carve.update(rest, sink);
                    return;
                }
            }
        }
    }

    fn gap(&mut self, length: u64, sink: &mut Sink<'_>) {
        if length == 0 {
            return;
        }
        self.flush_pending(sink);
        if let State::Head { held, left, .. } = &mut self.state {
            let (held, left) = (std::mem::take(held), *left);
            sink_stray(&held, sink);
            self.state = State::Other { left, large: true };
        }
        match &mut self.state {
            State::Picture { left, .. } => {
                let gone = length.min(*left);
                *left = left.saturating_sub(gone);
                sink(Event::PictureGap(gone));
                self.settle(sink);
                self.gap(length.saturating_sub(gone), sink);
            }
            State::Other { left, .. } if length <= *left => {
                *left = left.saturating_sub(length);
                sink(Event::StrayGap(length));
                self.settle(sink);
            }
            State::Lost(carve) => carve.gap(length, sink),
            _ => {
                let mut carve = Box::new(CarveDecoder::inside());
                carve.gap(length, sink);
                self.state = State::Lost(carve);
            }
        }
    }

    fn finish(&mut self, end: StreamEnd, sink: &mut Sink<'_>) {
        self.flush_pending(sink);
        match &mut self.state {
            State::Picture { .. } => sink(Event::PictureEnd(Ending::Cut(end))),
            State::Head { held, .. } => sink_stray(held, sink),
            State::Lost(carve) => carve.finish(end, sink),
            _ => {}
        }
    }
}

fn sink_stray(bytes: &[u8], sink: &mut Sink<'_>) {
    if !bytes.is_empty() {
        sink(Event::Stray(bytes));
    }
}

#[cfg(test)]
mod tests {
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
