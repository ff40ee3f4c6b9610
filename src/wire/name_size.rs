//! `name-size-marker`: file name, decimal size, picture and `<END>`, with nothing between them.
//!
//! Where the name ends and the size begins, nothing says: the name is read to the end of the extension of a picture file,
//! and the size is the digits behind it, up to the first byte that is none. That is right for `cat.jpg12345` and a guess for
//! a name whose extension is followed by digits (`cat.jpg2` and `345`), which cannot be told from it; so every such header
//! is a [`Fault::FieldsGlued`] that shows how it was read, and says whether it can be read otherwise.
//! A header that is none of this is stray, and what follows is carved.

use super::detect::Clues;
use super::encode::{Around, CannotEncode};
use super::formats::{Over, Probe, Row, WireFormat};
use super::framer::{Behind, Framer, Grammar, Next, Step};
use super::length::MOST;
use super::{Ending, Event, Fault, Framing, Piece, PieceKind, Sink};
use crate::picture::{Format, SNIFF_BYTES, Sniff, sniff};

/// The end marker.
pub(crate) const END: &[u8] = b"<END>";
/// Longest header: a file name of 255 bytes, and a size.
const LONGEST: usize = 255 + 20;

const EXTENSIONS: [&str; 6] = [".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp"];

/// Name and size as they are sent with a picture of `length` bytes that begins with `head`.
pub(super) fn fields(head: &[u8], length: u64) -> Vec<u8> {
    let extension = match sniff(head.get(..SNIFF_BYTES).unwrap_or(head)) {
        Sniff::Is(Format::Png) => "png",
        Sniff::Is(Format::Gif) => "gif",
        Sniff::Is(Format::WebP) => "webp",
        Sniff::Is(Format::Bmp) => "bmp",
        _ => "jpg",
    };
    format!("picture.{extension}{length}").into_bytes()
}

/// A header as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Header {
    name: String,
    size: u64,
    /// The digits may begin with some of the name's.
    ambiguous: bool,
}

/// Reads a header that is followed by a byte which is no digit.
fn read(header: &[u8]) -> Option<Header> {
    let text = std::str::from_utf8(header).ok()?;
    let name = text.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let digits = text.get(name.len()..)?;
    let lower = name.to_ascii_lowercase();
    let known = EXTENSIONS
        .iter()
        .any(|extension| lower.len() > extension.len() && lower.ends_with(extension));
    // A size never begins with a zero, so a digit before one would be the name's.
    let size = digits
        .parse()
        .ok()
        .filter(|size| (1..=MOST).contains(size))?;
    (known && !digits.starts_with('0')).then(|| Header {
        name: name.to_owned(),
        size,
        ambiguous: digits.bytes().skip(1).any(|digit| digit != b'0'),
    })
}

/// What some first bytes say.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Guess {
    Is,
    NeedMore,
    No,
}

/// Whether a direction begins as this format.
pub(super) fn guess(head: &[u8]) -> Guess {
    match header_end(head) {
        // Names of hundreds of bytes are rather text.
        None if head.len() < LONGEST && head.iter().all(|byte| is_name(*byte)) => Guess::NeedMore,
        None => Guess::No,
        Some(end) => {
            let (header, picture) = head.split_at_checked(end).unwrap_or((head, &[]));
            if read(header).is_none() {
                return Guess::No;
            }
            match sniff(picture.get(..SNIFF_BYTES).unwrap_or(picture)) {
                Sniff::Is(_) => Guess::Is,
                Sniff::NeedMore => Guess::NeedMore,
                Sniff::No => Guess::No,
            }
        }
    }
}

fn is_name(byte: u8) -> bool {
    byte >= 0x20 && byte != 0x7f && byte != 0xff
}

/// Where the digits behind an extension end; absent while they may go on.
fn header_end(head: &[u8]) -> Option<usize> {
    let mut digits = false;
    let mut extension = false;
    for (at, &byte) in head.iter().enumerate() {
        if byte.is_ascii_digit() {
            digits |= extension;
            continue;
        }
        if digits {
            return Some(at);
        }
        let so_far = head.get(..=at).unwrap_or_default();
        extension = EXTENSIONS.iter().any(|known| {
            let tail = so_far.len().saturating_sub(known.len());
            so_far
                .get(tail..)
                .is_some_and(|end| end.eq_ignore_ascii_case(known.as_bytes()))
        });
    }
    None
}

/// Decoder of one direction of `name-size-marker`.
pub(crate) type NameSizeDecoder = Framer<NameSize>;

/// What comes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum NameSize {
    /// A header, then its picture.
    #[default]
    Header,
    /// The marker.
    Marker,
}

impl NameSize {
    /// A header, up to the byte behind it.
    fn header(held: &[u8], sink: &mut Sink<'_>) -> Step {
        let Some(end) = header_end(held) else {
            let goes_on = held.len() < LONGEST && held.last().is_some_and(|byte| is_name(*byte));
            return if goes_on || held.is_empty() {
                Step::More
            } else {
                Step::Done(0, Next::Lost)
            };
        };
        let bytes = held.get(..end).unwrap_or(held);
        let Some(header) = read(bytes) else {
            sink(Event::Fault(Fault::BadField {
                expected: "a picture's file name and its size",
                found: shortened(bytes),
                hint: None,
            }));
            return Step::Done(0, Next::Lost);
        };
        sink(Event::Fault(Fault::FieldsGlued {
            glued: shortened(bytes),
            name: header.name.clone(),
            size: header.size,
            ambiguous: header.ambiguous,
        }));
        let name = header.name.len() as u64;
        sink(Event::Framing {
            what: Framing::Name(header.name),
            bytes: name,
        });
        sink(Event::Framing {
            what: Framing::Length(header.size),
            bytes: (end as u64).saturating_sub(name),
        });
        sink(Event::PictureStart {
            length: Some(header.size),
        });
        Step::Done(end, Next::Content(header.size))
    }

    fn marker(&mut self, held: &[u8], sink: &mut Sink<'_>) -> Step {
        if held == END {
            sink(Event::Framing {
                what: Framing::Marker,
                bytes: END.len() as u64,
            });
            *self = Self::Header;
            Step::Done(END.len(), Next::Field)
        } else if END.starts_with(held) {
            Step::More
        } else {
            // No marker here: the size was read wrongly, or the marker is missing.
            Step::Done(0, Next::Lost)
        }
    }
}

impl Grammar for NameSize {
    fn field(&mut self, held: &[u8], _behind: Behind, sink: &mut Sink<'_>) -> Step {
        match self {
            Self::Header => Self::header(held, sink),
            Self::Marker => self.marker(held, sink),
        }
    }

    fn content_over(&mut self, sink: &mut Sink<'_>) -> Next {
        sink(Event::PictureEnd(Ending::Length));
        *self = Self::Marker;
        Next::Field
    }
}

fn shortened(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.get(..64).unwrap_or(bytes)).into_owned()
}

impl WireFormat for NameSizeDecoder {
    const ROW: Row = Row {
        name: "name-size-marker",
        meaning: "Name, size and picture one after the other, then <END>: fields that nothing keeps apart.",
        over: Over::Stream,
        names_itself: false,
    };

    fn probe(_clues: &Clues<'_>) -> Probe {
        Probe::No
    }

    fn probe_last(clues: &Clues<'_>) -> Probe {
        Probe::of(
            Some(guess(clues.head) == Guess::Is),
            "a file name, a size and a picture, with nothing between them",
        )
    }

    fn around(head: &[u8], length: u64) -> Result<Option<Around>, CannotEncode> {
        if head.first().is_some_and(u8::is_ascii_digit) {
            return Err(CannotEncode::BeginsWithDigit);
        }
        Ok(Some(Around {
            before: Some(Piece::new(PieceKind::Header, fields(head, length))),
            after: Some(Piece::new(PieceKind::Marker, END)),
            ..Around::default()
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Seen, picture, run};
    use super::super::{Decode as _, StreamEnd};
    use super::*;

    #[test]
    fn name_size_picture_and_marker() {
        let jpeg = picture(image::ImageFormat::Jpeg, 20, 10);
        let size = jpeg.len() as u64;
        let stream = [format!("my cat 2.jpg{size}").as_bytes(), &jpeg, END].concat();
        let mut decoder = NameSizeDecoder::default();
        let seen = run(|sink| {
            decoder.update(&stream, sink);
            decoder.finish(StreamEnd::Fin, sink);
        });
        assert!(
            matches!(&seen[0], Seen::Fault(Fault::FieldsGlued { name, size: read, ambiguous: true, .. })
                if name == "my cat 2.jpg" && *read == size)
        );
        assert_eq!(
            seen[1..],
            [
                Seen::Framing(Framing::Name("my cat 2.jpg".into()), 12),
                Seen::Framing(Framing::Length(size), 3),
                Seen::Start(Some(size)),
                Seen::Data(jpeg.clone()),
                Seen::End(Ending::Length),
                Seen::Framing(Framing::Marker, 5),
            ]
        );
        assert_eq!(guess(&stream[..40]), Guess::Is);
        assert_eq!(guess(&stream[..8]), Guess::NeedMore);
        assert_eq!(guess(b"hello, this is text\x00\x01"), Guess::No);
    }

    #[test]
    fn size_with_one_reading_is_not_ambiguous() {
        assert_eq!(
            read(b"a.png5000").map(|header| header.ambiguous),
            Some(false)
        );
        assert_eq!(
            read(b"a.png5001").map(|header| header.ambiguous),
            Some(true)
        );
        assert_eq!(read(b"a.png"), None);
        assert_eq!(read(b"notes.txt12"), None);
    }

    #[test]
    fn wrong_size_loses_the_framing_and_no_bytes() {
        let mut decoder = NameSizeDecoder::default();
        let seen = run(|sink| {
            decoder.update(b"a.jpg3abcdef<END>", sink);
            decoder.finish(StreamEnd::Fin, sink);
        });
        assert_eq!(seen.last(), Some(&Seen::Stray(b"def<END>".to_vec())));
    }
}
