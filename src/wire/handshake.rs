//! `size-handshake`: a size in text, an answer, the picture, an answer, a farewell; no field has a terminator.
//!
//! Two wordings, decoded alike: `SIZE n` → `GOT SIZE` → picture → `GOT IMAGE` → `BYE BYE`, and a bare `n` → `OK` → picture.
//! Both directions go through the same decoder: what they send tells who they are.
//! Digits are over when the other side answers ([`Decode::flush`]) or when a byte comes that is none; white space
//! behind them belongs to the field. A bare number declares a picture only if the bytes behind it begin as one, since
//! anything may be a number.

use super::carve::CarveDecoder;
use super::length::MOST;
use super::{Decode, Ending, Event, Fault, Framing, Protocol, Sink, StreamEnd};
use crate::picture::{SNIFF_BYTES, Sniff, sniff};

/// What a receiver answers to `SIZE n`.
pub(crate) const GOT_SIZE: &str = "GOT SIZE";
/// What a receiver answers to the picture behind `SIZE n`.
pub(crate) const GOT_IMAGE: &str = "GOT IMAGE";
/// What a sender sends last, after [`GOT_IMAGE`].
pub(crate) const BYE: &str = "BYE BYE";
/// What a receiver answers to a bare number, and to the picture behind it.
pub(crate) const OK: &str = "OK";

const SIZE: &[u8] = b"SIZE ";
/// These, and what programs say behind a picture in their own words.
const WORDS: [&str; 7] = [GOT_SIZE, GOT_IMAGE, BYE, OK, "END", "DONE", "EOF"];
/// Digits of the longest number that is read, and a few spaces.
const LONGEST: usize = 24;

/// Decoder of one direction of `size-handshake`.
#[derive(Debug, Clone)]
pub struct HandshakeDecoder {
    bare: bool,
    state: State,
}

#[derive(Debug, Clone)]
enum State {
    /// The beginning of a field or a word, undecided: at most [`LONGEST`] bytes.
    Between(Vec<u8>),
    /// Behind a bare number: the first bytes of what may be its picture.
    Doubt { length: u64, head: Vec<u8> },
    /// So many bytes of the picture are still to come.
    Picture(u64),
    /// Text of unknown wording: stray until the other side answers.
    Text,
    /// The framing is lost.
    Lost(Box<CarveDecoder>),
}

/// What some bytes between pictures are.
enum Token {
    /// The beginning of something.
    NeedMore,
    /// A word, so many bytes.
    Word(&'static str, usize),
    /// A number; `bytes` in all.
    Size {
        value: u64,
        bare: bool,
        bytes: usize,
    },
    /// None of these.
    Unknown,
}

/// Reads a token; with `over`, no more bytes belong to it.
fn token(bytes: &[u8], over: bool) -> Token {
    for word in WORDS {
        if bytes.starts_with(word.as_bytes()) {
            return Token::Word(word, word.len());
        }
        if word.as_bytes().starts_with(bytes) && !over {
            return Token::NeedMore;
        }
    }
    let (bare, text) = match bytes.strip_prefix(SIZE) {
        Some(text) => (false, text),
        None if SIZE.starts_with(bytes) && !over => return Token::NeedMore,
        None => (true, bytes),
    };
    let start = bytes.len().saturating_sub(text.len());
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let space = text
        .iter()
        .skip(digits)
        .take_while(|byte| byte.is_ascii_whitespace() || **byte == 0)
        .count();
    let end = digits.saturating_add(space);
    if end == text.len() && !over && bytes.len() < LONGEST && (digits > 0 || !bare) {
        return Token::NeedMore;
    }
    let value = text
        .get(..digits)
        .and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    match value {
        Some(value) => Token::Size {
            value,
            bare,
            bytes: start.saturating_add(end),
        },
        None => Token::Unknown,
    }
}

impl HandshakeDecoder {
    /// A decoder of either wording; `bare` only tells the name until the bytes do.
    pub fn new(bare: bool) -> Self {
        Self {
            bare,
            state: State::Between(Vec::new()),
        }
    }

    /// The wire format, in the wording that was seen last.
    pub fn protocol(&self) -> Protocol {
        Protocol::SizeHandshake { bare: self.bare }
    }

    /// Takes what is held apart, as far as it can be.
    fn between(&mut self, over: bool, sink: &mut Sink<'_>) {
        let State::Between(held) = &mut self.state else {
            return;
        };
        let held = std::mem::take(held);
        if held.is_empty() {
            return;
        }
        let rest = match token(&held, over) {
            Token::NeedMore => {
                self.state = State::Between(held);
                return;
            }
            Token::Word(word, bytes) => {
                sink(Event::Framing {
                    what: Framing::Answer(word),
                    bytes: bytes as u64,
                });
                self.state = State::Between(Vec::new());
                held.get(bytes..).unwrap_or_default()
            }
            Token::Size { value, bare, bytes } => {
                self.bare = bare;
                self.size(value, bare, held.get(..bytes).unwrap_or_default(), sink);
                held.get(bytes..).unwrap_or_default()
            }
            Token::Unknown => {
                self.state = State::Text;
                &held
            }
        };
        self.update(rest, sink);
        if over {
            self.between(true, sink);
        }
    }

    fn size(&mut self, value: u64, bare: bool, field: &[u8], sink: &mut Sink<'_>) {
        if value > MOST {
            sink(Event::Fault(Fault::ImplausibleLength { value, hint: None }));
            let mut carve = Box::new(CarveDecoder::inside());
            carve.update(field, sink);
            self.state = State::Lost(carve);
            return;
        }
        sink(Event::Framing {
            what: Framing::Length(value),
            bytes: field.len() as u64,
        });
        self.state = match (value, bare) {
            (0, _) => State::Between(Vec::new()),
            (length, true) => State::Doubt {
                length,
                head: Vec::new(),
            },
            (length, false) => {
                sink(Event::PictureStart {
                    length: Some(length),
                });
                State::Picture(length)
            }
        };
    }

    /// Decides whether a bare number was a picture's size; with `over`, no more bytes come.
    fn decide(&mut self, over: bool, sink: &mut Sink<'_>) {
        let State::Doubt { length, head } = &mut self.state else {
            return;
        };
        let length = *length;
        let sniffed = sniff(head.get(..SNIFF_BYTES).unwrap_or(head));
        if sniffed == Sniff::NeedMore && !over {
            return;
        }
        let head = std::mem::take(head);
        if matches!(sniffed, Sniff::Is(_)) {
            sink(Event::PictureStart {
                length: Some(length),
            });
            self.state = State::Picture(length);
        } else {
            // It may be the next word or number.
            self.state = State::Between(Vec::new());
        }
        self.update(&head, sink);
    }

    fn picture(&mut self, missing: u64, sink: &mut Sink<'_>) {
        if let State::Picture(left) = &mut self.state {
            *left = left.saturating_sub(missing);
            if *left == 0 {
                sink(Event::PictureEnd(Ending::Length));
                self.state = State::Between(Vec::new());
            }
        }
    }
}

impl Decode for HandshakeDecoder {
    fn update(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        let mut rest = bytes;
        while !rest.is_empty() {
            match &mut self.state {
                // Byte by byte: what a word is must not depend on what came with it.
                State::Between(held) => {
                    let (byte, later) = rest.split_at(1);
                    rest = later;
                    held.extend_from_slice(byte);
                    self.between(false, sink);
                }
                State::Doubt { head, .. } => {
                    let (byte, later) = rest.split_at(1);
                    rest = later;
                    head.extend_from_slice(byte);
                    self.decide(false, sink);
                }
                State::Picture(left) => {
                    let take = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                    let (new, later) = rest.split_at(take);
                    rest = later;
                    sink(Event::PictureData(new));
                    self.picture(take as u64, sink);
                }
                State::Text => {
                    sink(Event::Stray(rest));
                    return;
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
        self.decide(true, sink);
        self.between(true, sink);
        match &mut self.state {
            State::Picture(left) => {
                let gone = length.min(*left);
                sink(Event::PictureGap(gone));
                self.picture(gone, sink);
                self.gap(length.saturating_sub(gone), sink);
            }
            State::Lost(carve) => carve.gap(length, sink),
            _ => {
                // Nothing tells where the next field is.
                let mut carve = Box::new(CarveDecoder::inside());
                carve.gap(length, sink);
                self.state = State::Lost(carve);
            }
        }
    }

    fn flush(&mut self, sink: &mut Sink<'_>) {
        self.between(true, sink);
        if matches!(self.state, State::Text) {
            self.state = State::Between(Vec::new());
        }
    }

    fn finish(&mut self, end: StreamEnd, sink: &mut Sink<'_>) {
        self.decide(true, sink);
        self.between(true, sink);
        self.decide(true, sink);
        match &mut self.state {
            State::Picture(_) => sink(Event::PictureEnd(Ending::Cut(end))),
            State::Lost(carve) => carve.finish(end, sink),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Seen, picture, run};
    use super::*;

    fn answer(word: &'static str) -> Seen {
        Seen::Framing(Framing::Answer(word), word.len() as u64)
    }

    #[test]
    fn both_sides_of_the_wordy_handshake() {
        let jpeg = picture(image::ImageFormat::Jpeg, 20, 10);
        let mut decoder = HandshakeDecoder::new(false);
        let seen = run(|sink| {
            decoder.update(format!("SIZE {}", jpeg.len()).as_bytes(), sink);
            decoder.flush(sink);
            decoder.update(&jpeg, sink);
            decoder.update(b"BYE BYE", sink);
            decoder.finish(StreamEnd::Fin, sink);
        });
        let length = jpeg.len() as u64;
        assert_eq!(
            seen,
            [
                Seen::Framing(Framing::Length(length), 8),
                Seen::Start(Some(length)),
                Seen::Data(jpeg),
                Seen::End(Ending::Length),
                answer(BYE),
            ]
        );
        let mut decoder = HandshakeDecoder::new(false);
        let seen = run(|sink| {
            decoder.update(b"GOT SIZEGOT IM", sink);
            decoder.update(b"AGE", sink);
            decoder.finish(StreamEnd::Fin, sink);
        });
        assert_eq!(seen, [answer(GOT_SIZE), answer(GOT_IMAGE)]);
        assert_eq!(decoder.protocol(), Protocol::SizeHandshake { bare: false });
    }

    #[test]
    fn bare_number_needs_a_picture_behind_it() {
        let png = picture(image::ImageFormat::Png, 5, 5);
        let mut decoder = HandshakeDecoder::new(false);
        let seen = run(|sink| {
            decoder.update(png.len().to_string().as_bytes(), sink);
            decoder.flush(sink);
            decoder.update(&png, sink);
            decoder.finish(StreamEnd::Fin, sink);
        });
        assert_eq!(seen.len(), 4, "{seen:?}");
        assert_eq!(decoder.protocol(), Protocol::SizeHandshake { bare: true });

        let mut decoder = HandshakeDecoder::new(true);
        let seen = run(|sink| {
            decoder.update(b"42", sink);
            decoder.flush(sink);
            decoder.update(b"hello", sink);
            decoder.finish(StreamEnd::Fin, sink);
        });
        assert_eq!(
            seen,
            [
                Seen::Framing(Framing::Length(42), 2),
                Seen::Stray(b"hello".to_vec())
            ]
        );
    }

    #[test]
    fn digits_end_where_the_picture_begins_when_nobody_saw_the_answer() {
        let jpeg = picture(image::ImageFormat::Jpeg, 20, 10);
        for gap in ["", " ", "\n", "\r\n"] {
            let stream = [format!("SIZE {}{gap}", jpeg.len()).as_bytes(), &jpeg].concat();
            let mut decoder = HandshakeDecoder::new(false);
            let seen = run(|sink| {
                decoder.update(&stream, sink);
                decoder.finish(StreamEnd::Fin, sink);
            });
            assert!(seen.contains(&Seen::Data(jpeg.clone())), "{gap:?}");
        }
    }

    #[test]
    fn early_close_and_impossible_size() {
        let mut decoder = HandshakeDecoder::new(false);
        let seen = run(|sink| {
            decoder.update(b"SIZE 100", sink);
            decoder.flush(sink);
            decoder.update(b"abc", sink);
            decoder.finish(StreamEnd::Fin, sink);
        });
        assert_eq!(seen.last(), Some(&Seen::End(Ending::Cut(StreamEnd::Fin))));
        let mut decoder = HandshakeDecoder::new(false);
        let seen = run(|sink| {
            decoder.update(b"SIZE 99999999999", sink);
            decoder.finish(StreamEnd::Fin, sink);
        });
        assert!(matches!(
            seen[0],
            Seen::Fault(Fault::ImplausibleLength { .. })
        ));
    }
}
