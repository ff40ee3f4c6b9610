//! `size-handshake`: a size in text, an answer, the picture, an answer, a farewell; no field has a terminator.
//!
//! Two wordings, decoded alike: `SIZE n` → `GOT SIZE` → picture → `GOT IMAGE` → `BYE BYE`, and a bare `n` → `OK` → picture.
//! Both directions go through the same decoder: what they send tells who they are.
//! Digits are over when the other side answers ([`flush`](super::Decode::flush)) or when a byte comes that is none; white space
//! behind them belongs to the field. A bare number declares a picture only if the bytes behind it begin as one, since
//! anything may be a number.

use super::framer::{Behind, Framer, Grammar, Next, Step, framing};
use super::length::MOST;
use super::{Ending, Event, Fault, Framing, Protocol, Sink, StreamEnd};
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
pub(crate) type HandshakeDecoder = Framer<Handshake>;

/// Its grammar.
#[derive(Debug, Clone)]
pub struct Handshake {
    bare: bool,
    at: At,
}

/// What comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// A field or a word: at most [`LONGEST`] bytes; or a picture.
    Between,
    /// Behind a bare number: the first bytes of what may be a picture of so many bytes.
    Doubt(u64),
    /// Text of unknown wording: stray until the other side answers.
    Text,
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
    pub(crate) fn new(bare: bool) -> Self {
        Self::by(Handshake {
            bare,
            at: At::Between,
        })
    }

    /// The wire format, in the wording that was seen last.
    pub(crate) fn protocol(&self) -> Protocol {
        Protocol::SizeHandshake {
            bare: self.grammar.bare,
        }
    }
}

impl Handshake {
    /// Takes apart what stands between pictures; with `over`, no more bytes belong to it.
    fn between(&mut self, held: &[u8], over: bool, sink: &mut Sink<'_>) -> Step {
        if held.is_empty() {
            return Step::More;
        }
        match token(held, over) {
            Token::NeedMore => Step::More,
            Token::Word(word, bytes) => {
                framing(Framing::Answer(word), bytes as u64, sink);
                Step::Done(bytes, Next::Field)
            }
            Token::Size { value, bare, bytes } => {
                self.bare = bare;
                if value > MOST {
                    sink(Event::Fault(Fault::ImplausibleLength { value, hint: None }));
                    return Step::Done(0, Next::Lost);
                }
                framing(Framing::Length(value), bytes as u64, sink);
                if value > 0 && bare {
                    self.at = At::Doubt(value);
                } else if value > 0 {
                    return Step::Done(bytes, Self::picture(value, sink));
                }
                Step::Done(bytes, Next::Field)
            }
            Token::Unknown => {
                self.at = At::Text;
                Step::Done(0, Next::Content(u64::MAX))
            }
        }
    }

    /// Decides whether a bare number was a picture's size; with `over`, no more bytes come.
    fn decide(&mut self, length: u64, head: &[u8], over: bool, sink: &mut Sink<'_>) -> Step {
        let sniffed = sniff(head.get(..SNIFF_BYTES).unwrap_or(head));
        if sniffed == Sniff::NeedMore && !over {
            return Step::More;
        }
        self.at = At::Between;
        if matches!(sniffed, Sniff::Is(_)) {
            Step::Done(0, Self::picture(length, sink))
        } else {
            // It may be the next word or number.
            Step::Done(0, Next::Field)
        }
    }

    fn picture(length: u64, sink: &mut Sink<'_>) -> Next {
        sink(Event::PictureStart {
            length: Some(length),
        });
        Next::Content(length)
    }
}

impl Grammar for Handshake {
    // Byte by byte: what a word is must not depend on what came with it.
    fn field(&mut self, held: &[u8], behind: Behind, sink: &mut Sink<'_>) -> Step {
        match self.at {
            At::Doubt(length) => {
                let over = matches!(behind, Behind::Gap | Behind::End);
                self.decide(length, held, over, sink)
            }
            At::Between | At::Text => self.between(held, behind != Behind::More, sink),
        }
    }

    fn content(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        sink(if self.at == At::Text {
            Event::Stray(bytes)
        } else {
            Event::PictureData(bytes)
        });
    }

    fn bridges(&self, _length: u64, _left: u64) -> bool {
        self.at != At::Text
    }

    fn answered(&mut self) -> bool {
        let over = self.at == At::Text;
        if over {
            self.at = At::Between;
        }
        over
    }

    fn cut(&mut self, _left: u64, end: StreamEnd, sink: &mut Sink<'_>) {
        if self.at != At::Text {
            sink(Event::PictureEnd(Ending::Cut(end)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Decode as _;
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
