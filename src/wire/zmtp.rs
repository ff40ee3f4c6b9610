//! `zmtp`: pictures in the parts of `ZeroMQ` messages (ZMTP 3.0 and 3.1, RFC 23/ZMTP and 37/ZMTP, mechanism NULL).
//!
//! A greeting of 64 bytes, then frames: a byte of flags, the length in 1 or 8 bytes, the body. A part that begins as a
//! picture is one, of the length that the frame declares; all other parts, JSON headers and answers among them, are
//! [`Framing::Body`]. Of a mechanism that encrypts, the frames are followed and no picture is found.

use super::carve::CarveDecoder;
use super::detect::Clues;
use super::formats::{Over, Probe, Row, WireFormat};
use super::length::MOST;
use super::{Decode, Ending, Event, Fault, Framing, Sink, StreamEnd};
use crate::picture::{SNIFF_BYTES, Sniff, sniff};

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
#[derive(Debug, Clone, Default)]
pub struct ZmtpDecoder {
    state: State,
}

#[derive(Debug, Clone)]
enum State {
    Greeting(Vec<u8>),
    /// The head of a frame that is not complete.
    Head(Vec<u8>),
    /// First bytes of a part: `left` more bytes of it are to come.
    Part {
        held: Vec<u8>,
        left: u64,
    },
    Picture {
        left: u64,
    },
    /// A part that is no picture: so many bytes, of which so many are to come.
    Body {
        bytes: u64,
        left: u64,
        command: bool,
    },
    /// The framing is lost.
    Lost(Box<CarveDecoder>),
}

impl Default for State {
    fn default() -> Self {
        Self::Greeting(Vec::new())
    }
}

impl ZmtpDecoder {
    fn lose(&mut self, held: &[u8], sink: &mut Sink<'_>) {
        let mut carve = Box::new(CarveDecoder::inside());
        carve.update(held, sink);
        self.state = State::Lost(carve);
    }

    fn greeting(&mut self, byte: u8, sink: &mut Sink<'_>) {
        let State::Greeting(held) = &mut self.state else {
            return;
        };
        held.push(byte);
        let known = is_greeting(held);
        if known == Some(false) {
            let held = std::mem::take(held);
            sink(Event::Fault(Fault::BadField {
                expected: "a greeting of ZMTP 3",
                found: String::from_utf8_lossy(&held).into_owned(),
                hint: None,
            }));
            self.lose(&held, sink);
        } else if held.len() >= GREETING_BYTES {
            sink(Event::Framing {
                what: Framing::Zmtp,
                bytes: GREETING_BYTES as u64,
            });
            self.state = State::Head(Vec::new());
        }
    }

    fn head(&mut self, byte: u8, sink: &mut Sink<'_>) {
        let State::Head(held) = &mut self.state else {
            return;
        };
        held.push(byte);
        let Some((&flags, length)) = held.split_first() else {
            return;
        };
        let width = if flags & LONG == 0 { 1 } else { 8 };
        let known = flags <= 7 && (flags & COMMAND == 0 || flags & 1 == 0);
        if length.len() < width && known {
            return;
        }
        let shift_in = |value: u64, &byte: &u8| value << 8 | u64::from(byte);
        let length = length.iter().fold(0, shift_in);
        if !known || length > MOST {
            let held = std::mem::take(held);
            sink(Event::Fault(Fault::BadField {
                expected: "the flags and the length of a ZMTP frame",
                found: String::from_utf8_lossy(&held).into_owned(),
                hint: None,
            }));
            self.lose(&held, sink);
            return;
        }
        sink(Event::Framing {
            what: Framing::Zmtp,
            bytes: held.len() as u64,
        });
        self.state = if flags & COMMAND == 0 {
            State::Part {
                held: Vec::new(),
                left: length,
            }
        } else {
            State::Body {
                bytes: length,
                left: length,
                command: true,
            }
        };
        self.settle(sink);
    }

    /// Goes on where nothing more is to come, or where enough came to decide.
    fn settle(&mut self, sink: &mut Sink<'_>) {
        if let State::Part { held, left } = &mut self.state {
            let sniffed = sniff(held.get(..SNIFF_BYTES).unwrap_or(held));
            if sniffed == Sniff::NeedMore && *left > 0 {
                return;
            }
            let total = left.saturating_add(held.len() as u64);
            let (held, left) = (std::mem::take(held), *left);
            if matches!(sniffed, Sniff::Is(_)) {
                sink(Event::PictureStart {
                    length: Some(total),
                });
                sink(Event::PictureData(&held));
                self.state = State::Picture { left };
            } else {
                self.state = State::Body {
                    bytes: total,
                    left,
                    command: false,
                };
            }
        }
        match self.state {
            State::Picture { left: 0 } => sink(Event::PictureEnd(Ending::Length)),
            State::Body {
                bytes,
                left: 0,
                command,
            } => {
                if bytes > 0 {
                    sink(Event::Framing {
                        what: if command {
                            Framing::Zmtp
                        } else {
                            Framing::Body
                        },
                        bytes,
                    });
                }
            }
            _ => return,
        }
        self.state = State::Head(Vec::new());
    }

    /// What went by of a body that is not complete.
    fn settle_cut(&mut self, sink: &mut Sink<'_>) {
        match &mut self.state {
            State::Part { held, .. } | State::Greeting(held) | State::Head(held) => {
                let held = std::mem::take(held);
                if !held.is_empty() {
                    sink(Event::Stray(&held));
                }
            }
            State::Body {
                bytes,
                left,
                command,
            } => {
                let gone = bytes.saturating_sub(*left);
                *bytes = *left;
                if gone > 0 {
                    sink(Event::Framing {
                        what: if *command {
                            Framing::Zmtp
                        } else {
                            Framing::Body
                        },
                        bytes: gone,
                    });
                }
            }
            State::Picture { .. } | State::Lost(_) => {}
        }
    }
}

impl Decode for ZmtpDecoder {
    fn update(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        let mut rest = bytes;
        while let Some((&byte, later)) = rest.split_first() {
            match &mut self.state {
                State::Greeting(_) => {
                    rest = later;
                    self.greeting(byte, sink);
                }
                State::Head(_) => {
                    rest = later;
                    self.head(byte, sink);
                }
                State::Part { held, left } => {
                    rest = later;
                    held.push(byte);
                    *left = left.saturating_sub(1);
                    self.settle(sink);
                }
                State::Picture { left } | State::Body { left, .. } => {
                    let take = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                    let (new, later) = rest.split_at(take);
                    rest = later;
                    *left = left.saturating_sub(take as u64);
                    if matches!(self.state, State::Picture { .. }) {
                        sink(Event::PictureData(new));
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
        self.settle_cut(sink);
        match &mut self.state {
            State::Picture { left } => {
                let gone = length.min(*left);
                *left = left.saturating_sub(gone);
                sink(Event::PictureGap(gone));
                self.settle(sink);
                self.gap(length.saturating_sub(gone), sink);
            }
            State::Body { bytes, left, .. } if length <= *left => {
                *left = left.saturating_sub(length);
                *bytes = *left;
                sink(Event::StrayGap(length));
                self.settle(sink);
            }
            State::Lost(carve) => carve.gap(length, sink),
            _ => {
                self.lose(&[], sink);
                self.gap(length, sink);
            }
        }
    }

    fn finish(&mut self, end: StreamEnd, sink: &mut Sink<'_>) {
        self.settle_cut(sink);
        match &mut self.state {
            State::Picture { .. } => sink(Event::PictureEnd(Ending::Cut(end))),
            State::Lost(carve) => carve.finish(end, sink),
            _ => {}
        }
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
