//! `zmtp`: pictures in the parts of `ZeroMQ` messages (ZMTP 3.0 and 3.1, RFC 23/ZMTP and 37/ZMTP, mechanism NULL).
//!
//! A greeting of 64 bytes, then frames: a byte of flags, the length in 1 or 8 bytes, the body. A part that begins as a
//! picture is one, of the length that the frame declares; all other parts, JSON headers and answers among them, are
//! [`Framing::Body`]. Of a mechanism that encrypts, the frames are followed and no picture is found.

use super::detect::Clues;
use super::formats::{Over, Probe, Row, WireFormat};
use super::framer::{Behind, Framer, Grammar, Next, Step, framing, unexpected};
use super::length::MOST;
use super::{Ending, Event, Framing, Sink, StreamEnd};
use crate::picture::{SNIFF_BYTES, Sniff, sniff};
use crate::units::number;

/// Bytes of a greeting.
pub(crate) const GREETING_BYTES: usize = 64;

const LONG: u8 = 2;
const COMMAND: u8 = 4;

/// Whether these bytes begin a greeting; absent while they may.
pub(super) fn is_greeting(head: &[u8]) -> Option<bool> {
    // Signature: FF, eight bytes of padding, 7F (37/ZMTP, 2.2); then the version.
    match (head.first(), head.get(1), head.get(9), head.get(10)) {
        (Some(0xff), Some(0 | 1), Some(0x7f), Some(3)) => Some(true),
        (None, ..)
        | (Some(0xff), None, ..)
        | (Some(0xff), Some(0 | 1), None, _)
        | (Some(0xff), Some(0 | 1), Some(0x7f), None) => None,
        _ => Some(false),
    }
}

/// Decoder of one direction of `zmtp`.
pub(crate) type ZmtpDecoder = Framer<Zmtp>;

/// What comes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Zmtp {
    /// The greeting.
    #[default]
    Greeting,
    /// The head of a frame.
    Head,
    /// A part of so many bytes.
    Part(u64),
    /// The rest of a part that is a picture.
    Picture,
    /// A command, of which so many bytes came and are not told of.
    Command(u64),
    /// A part that is no picture.
    Body(u64),
}

impl Zmtp {
    fn greeting(&mut self, held: &[u8], sink: &mut Sink<'_>) -> Step {
        if is_greeting(held) == Some(false) {
            return unexpected("a greeting of ZMTP 3", held, sink);
        }
        if held.len() < GREETING_BYTES {
            return Step::More;
        }
        framing(Framing::Zmtp, held.len() as u64, sink);
        *self = Self::Head;
        Step::Done(held.len(), Next::Field)
    }

    fn head(&mut self, held: &[u8], sink: &mut Sink<'_>) -> Step {
        let Some((&flags, length)) = held.split_first() else {
            return Step::More;
        };
        let width = if flags & LONG == 0 { 1 } else { 8 };
        let known = flags <= 7 && (flags & COMMAND == 0 || flags & 1 == 0);
        if length.len() < width && known {
            return Step::More;
        }
        let length = number(length, true);
        if !known || length > MOST {
            return unexpected("the flags and the length of a ZMTP frame", held, sink);
        }
        framing(Framing::Zmtp, held.len() as u64, sink);
        if flags & COMMAND == 0 {
            *self = Self::Part(length);
            Step::Done(held.len(), Next::Field)
        } else {
            *self = Self::Command(0);
            Step::Done(held.len(), Next::Content(length))
        }
    }

    /// The first bytes of a part of `length` bytes.
    fn part(&mut self, length: u64, held: &[u8], sink: &mut Sink<'_>) -> Step {
        let sniffed = sniff(held.get(..SNIFF_BYTES).unwrap_or(held));
        if sniffed == Sniff::NeedMore && (held.len() as u64) < length {
            return Step::More;
        }
        *self = if matches!(sniffed, Sniff::Is(_)) {
            sink(Event::PictureStart {
                length: Some(length),
            });
            Self::Picture
        } else {
            Self::Body(0)
        };
        Step::Done(0, Next::Content(length))
    }
}

impl Zmtp {
    /// What came of what is no picture.
    fn told(&mut self, sink: &mut Sink<'_>) {
        match self {
            Self::Command(came) => framing(Framing::Zmtp, std::mem::take(came), sink),
            Self::Body(came) => framing(Framing::Body, std::mem::take(came), sink),
            Self::Greeting | Self::Head | Self::Part(_) | Self::Picture => {}
        }
    }
}

impl Grammar for Zmtp {
    fn field(&mut self, held: &[u8], _behind: Behind, sink: &mut Sink<'_>) -> Step {
        match *self {
            Self::Greeting => self.greeting(held, sink),
            Self::Part(length) => self.part(length, held, sink),
            _ => self.head(held, sink),
        }
    }

    fn content(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        match self {
            Self::Command(came) | Self::Body(came) => {
                *came = came.saturating_add(bytes.len() as u64);
            }
            _ => sink(Event::PictureData(bytes)),
        }
    }

    fn content_gap(&mut self, length: u64, sink: &mut Sink<'_>) {
        if *self == Self::Picture {
            sink(Event::PictureGap(length));
        } else {
            self.told(sink);
            sink(Event::StrayGap(length));
        }
    }

    fn content_over(&mut self, sink: &mut Sink<'_>) -> Next {
        if *self == Self::Picture {
            sink(Event::PictureEnd(Ending::Length));
        }
        self.told(sink);
        *self = Self::Head;
        Next::Field
    }

    fn cut(&mut self, _left: u64, end: StreamEnd, sink: &mut Sink<'_>) {
        if *self == Self::Picture {
            sink(Event::PictureEnd(Ending::Cut(end)));
        }
        self.told(sink);
    }
}

impl WireFormat for ZmtpDecoder {
    const ROW: Row = Row {
        name: "zmtp",
        meaning: "ZeroMQ's protocol (ZMTP 3): pictures as parts of messages.",
        over: Over::Stream,
        names_itself: true,
    };

    fn probe(clues: &Clues<'_>) -> Probe {
        Probe::of(
            is_greeting(clues.head),
            "the stream begins with ZeroMQ's greeting",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::Decode as _;
    use super::super::testing::{Seen, picture, pictures, run};
    use super::*;

    /// 37/ZMTP, 2.2 and 2.3.1: greeting, READY, and a message of two parts.
    fn stream(jpeg: &[u8]) -> Vec<u8> {
        let mut stream = b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\x01NULL".to_vec();
        stream.resize(64, 0);
        stream.extend(b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03REQ");
        stream.extend(b"\x01\x0c{\"name\":\"a\"}");
        stream.push(2);
        stream.extend((jpeg.len() as u64).to_be_bytes());
        stream.extend(jpeg);
        stream
    }

    #[test]
    fn the_part_that_is_a_picture_is_found() {
        let jpeg = picture(image::ImageFormat::Jpeg, 20, 10);
        let mut decoder = ZmtpDecoder::default();
        let stream = stream(&jpeg);
        let seen = run(|sink| {
            decoder.update(&stream, sink);
            decoder.update(b"\0\x02OK", sink);
            decoder.finish(StreamEnd::Fin, sink);
        });
        assert_eq!(pictures(&seen), [(jpeg, Ending::Length)]);
        assert!(seen.contains(&Seen::Framing(Framing::Body, 12)));
        assert!(
            !seen
                .iter()
                .any(|event| matches!(event, Seen::Stray(_) | Seen::Fault(_)))
        );
    }

    #[test]
    fn wrong_flags_lose_the_framing() {
        let jpeg = picture(image::ImageFormat::Jpeg, 20, 10);
        let mut bytes = stream(&jpeg);
        bytes[64] = 9;
        let mut decoder = ZmtpDecoder::default();
        let seen = run(|sink| {
            decoder.update(&bytes, sink);
            decoder.finish(StreamEnd::Fin, sink);
        });
        assert!(seen.iter().any(|event| matches!(event, Seen::Fault(_))));
        assert_eq!(pictures(&seen), [(jpeg, Ending::Structure)]);
    }
}
