//! `name-size-marker`: file name, decimal size, picture and `<END>`, with nothing between them.
//!
//! Where the name ends and the size begins, nothing says: the name is read to the end of the extension of a picture file,
//! and the size is the digits behind it, up to the first byte that is none. That is right for `cat.jpg12345` and a guess for
//! a name whose extension is followed by digits (`cat.jpg2` and `345`), which cannot be told from it; so every such header
//! is a [`Fault::FieldsGlued`] that shows how it was read, and says whether it can be read otherwise.
//! A header that is none of this is stray, and what follows is carved.

use super::carve::CarveDecoder;
use super::detect::Clues;
use super::encode::{Around, CannotEncode};
use super::formats::{Over, Probe, Row, WireFormat};
use super::length::MOST;
use super::{Decode, Ending, Event, Fault, Framing, Piece, PieceKind, Sink, StreamEnd};
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
#[derive(Debug, Clone, Default)]
pub struct NameSizeDecoder {
    state: State,
}

#[derive(Debug, Clone)]
enum State {
    /// A header that is not complete.
    Header(Vec<u8>),
    /// So many bytes of the picture are still to come.
    Picture(u64),
    /// So many bytes of the marker came.
    Marker(usize),
    /// The framing is lost.
    Lost(Box<CarveDecoder>),
}

impl Default for State {
    fn default() -> Self {
        Self::Header(Vec::new())
    }
}

impl NameSizeDecoder {
    fn lose(&mut self, held: &[u8], sink: &mut Sink<'_>) {
        let mut carve = Box::new(CarveDecoder::inside());
        carve.update(held, sink);
        self.state = State::Lost(carve);
    }

    /// Another byte of a header; true where it is the first of the picture, which is not taken.
    fn header(&mut self, byte: u8, sink: &mut Sink<'_>) -> bool {
        let State::Header(held) = &mut self.state else {
            return false;
        };
        held.push(byte);
        let end = header_end(held);
        if end.is_none() && held.len() < LONGEST && is_name(byte) {
            return false;
        }
        let mut held = std::mem::take(held);
        if end.is_none() {
            self.lose(&held, sink);
            return false;
        }
        held.pop();
        let Some(header) = read(&held) else {
            sink(Event::Fault(Fault::BadField {
                expected: "a picture's file name and its size",
                found: shortened(&held),
                hint: None,
            }));
            self.lose(&held, sink);
            return true;
        };
        sink(Event::Fault(Fault::FieldsGlued {
            glued: shortened(&held),
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
            bytes: (held.len() as u64).saturating_sub(name),
        });
        sink(Event::PictureStart {
            length: Some(header.size),
        });
        self.state = State::Picture(header.size);
        true
    }

    fn advance(&mut self, count: u64, sink: &mut Sink<'_>) {
        if let State::Picture(left) = &mut self.state {
            *left = left.saturating_sub(count);
            if *left == 0 {
                sink(Event::PictureEnd(Ending::Length));
                self.state = State::Marker(0);
            }
        }
    }
}

fn shortened(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.get(..64).unwrap_or(bytes)).into_owned()
}

impl Decode for NameSizeDecoder {
    fn update(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        let mut rest = bytes;
        while let Some((&byte, later)) = rest.split_first() {
            match &mut self.state {
                State::Header(_) => {
                    if !self.header(byte, sink) {
                        rest = later;
                    }
                }
                State::Picture(left) => {
                    let take = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                    let (new, later) = rest.split_at(take);
                    rest = later;
                    sink(Event::PictureData(new));
                    self.advance(take as u64, sink);
                }
                State::Marker(matched) => {
                    if END.get(*matched) == Some(&byte) {
                        rest = later;
                        *matched = matched.saturating_add(1);
                        if *matched == END.len() {
                            sink(Event::Framing {
                                what: Framing::Marker,
                                bytes: END.len() as u64,
                            });
                            self.state = State::default();
                        }
                    } else {
                        // No marker here: the size was read wrongly, or the marker is missing.
                        let held = END.get(..*matched).unwrap_or_default();
                        self.lose(held, sink);
                    }
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
        match &mut self.state {
            State::Picture(left) => {
                let gone = length.min(*left);
                sink(Event::PictureGap(gone));
                self.advance(gone, sink);
                self.gap(length.saturating_sub(gone), sink);
            }
            State::Header(held) => {
                let held = std::mem::take(held);
                self.lose(&held, sink);
                self.gap(length, sink);
            }
            State::Marker(matched) => {
                let held = END.get(..*matched).unwrap_or_default();
                self.lose(held, sink);
                self.gap(length, sink);
            }
            State::Lost(carve) => carve.gap(length, sink),
        }
    }

    fn finish(&mut self, end: StreamEnd, sink: &mut Sink<'_>) {
        match &mut self.state {
            State::Header(held) if !held.is_empty() => sink(Event::Stray(held)),
            State::Marker(matched @ 1..) => {
                sink(Event::Stray(END.get(..*matched).unwrap_or_default()));
            }
            State::Header(_) | State::Marker(_) => {}
            State::Picture(_) => sink(Event::PictureEnd(Ending::Cut(end))),
            State::Lost(carve) => carve.finish(end, sink),
        }
    }
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
