//! Formats whose picture is wrapped: base64 or a Python pickle around it, inside whatever ends it.
//!
//! The outer format's decoder finds what was wrapped; its bytes go through [`Base64Decoder`] or
//! [`super::pickle::PickleDecoder`], whose pictures are the ones that are told of.
//!
//! Base64 (RFC 4648, section 4) is read wherever a run of its letters begins as a picture, so that a data URL or a JSON text
//! around it is stray and does no harm; line breaks inside belong to it. Its bytes come as [`Event::PictureEncoded`].

use super::decoder::{Decoder, decoder};
use super::pickle::PickleDecoder;
use super::sequence::covered;
use super::{Decode, Encoding, Ending, Event, Fault, Protocol, Role, Sink, StreamEnd};
use crate::picture::{SNIFF_BYTES, Sniff, sniff};

/// So many letters hold the bytes that tell a picture.
const HEAD: usize = SNIFF_BYTES / 3 * 4;

/// Decoder of one direction of a wrapped format.
#[derive(Debug)]
pub struct EncodedDecoder {
    encoding: Encoding,
    outer: Decoder,
    inner: Option<Inner>,
}

#[derive(Debug)]
enum Inner {
    Base64(Base64Decoder),
    Pickled(PickleDecoder),
}

impl Inner {
    fn of(encoding: Encoding) -> Self {
        match encoding {
            Encoding::Base64 => Self::Base64(Base64Decoder::default()),
            Encoding::Pickled => Self::Pickled(PickleDecoder::default()),
        }
    }

    fn decode(&mut self) -> &mut dyn Decode {
        match self {
            Self::Base64(decoder) => decoder,
            Self::Pickled(decoder) => decoder,
        }
    }
}

impl EncodedDecoder {
    /// A decoder of pictures wrapped so, in this format, sent by the side `role`.
    pub fn new(encoding: Encoding, outer: &Protocol, role: Role) -> Self {
        Self {
            encoding,
            outer: decoder(outer, role),
            inner: None,
        }
    }

    /// The wire format.
    pub fn protocol(&self) -> Protocol {
        Protocol::Encoded(self.encoding, Box::new(self.outer.protocol()))
    }

    /// Lets the outer decoder work and passes on what it wraps.
    fn drive(&mut self, sink: &mut Sink<'_>, work: impl FnOnce(&mut Decoder, &mut Sink<'_>)) {
        let Self {
            encoding,
            outer,
            inner,
        } = self;
        work(outer, &mut |event| match event {
            Event::PictureStart { .. } => *inner = Some(Inner::of(*encoding)),
            Event::PictureData(bytes) => {
                if let Some(inner) = inner {
                    inner.decode().update(bytes, sink);
                }
            }
            Event::PictureGap(length) => {
                if let Some(inner) = inner {
                    inner.decode().gap(length, sink);
                }
            }
            Event::PictureEnd(outer) => {
                let Some(mut inner) = inner.take() else {
                    return;
                };
                let end = match outer {
                    Ending::Cut(end) | Ending::EndOfStream(end) => end,
                    _ => StreamEnd::Fin,
                };
                inner
                    .decode()
                    .finish(end, &mut |event| match (event, outer) {
                        // What wraps the picture says how it ended.
                        (Event::PictureEnd(Ending::EndOfStream(_)), outer) => {
                            sink(Event::PictureEnd(outer));
                        }
                        (
                            Event::PictureEnd(Ending::Cut(_)),
                            Ending::Marker | Ending::Length | Ending::Structure | Ending::Broken,
                        ) => sink(Event::PictureEnd(Ending::Broken)),
                        (event, _) => sink(event),
                    });
            }
            // Of what carries the picture, not of the picture.
            Event::Structure(_) => {}
            event => sink(event),
        });
    }
}

impl Decode for EncodedDecoder {
    fn update(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        self.drive(sink, |outer, sink| outer.update(bytes, sink));
    }

    fn datagram(&mut self, payload: &[u8], sink: &mut Sink<'_>) {
        self.drive(sink, |outer, sink| outer.datagram(payload, sink));
    }

    fn gap(&mut self, length: u64, sink: &mut Sink<'_>) {
        self.drive(sink, |outer, sink| outer.gap(length, sink));
    }

    fn flush(&mut self, sink: &mut Sink<'_>) {
        self.drive(sink, |outer, sink| outer.flush(sink));
    }

    fn finish(&mut self, end: StreamEnd, sink: &mut Sink<'_>) {
        self.drive(sink, |outer, sink| outer.finish(end, sink));
    }
}

/// What a letter stands for.
fn sextet(letter: u8) -> Option<u8> {
    Some(match letter {
        b'A'..=b'Z' => letter.saturating_sub(b'A'),
        b'a'..=b'z' => letter.saturating_sub(b'a').saturating_add(26),
        b'0'..=b'9' => letter.saturating_sub(b'0').saturating_add(52),
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    })
}

/// Whether base64 is written with this letter.
pub(super) fn is_letter(byte: u8) -> bool {
    sextet(byte).is_some()
}

/// The bytes of a group of at most four letters.
fn group(letters: &[u8], out: &mut Vec<u8>) {
    let bits = letters
        .iter()
        .filter_map(|letter| sextet(*letter))
        .fold(0_u32, |bits, six| bits << 6 | u32::from(six));
    let missing = 4_usize.saturating_sub(letters.len());
    let [_, bytes @ ..] = (bits << missing.saturating_mul(6)).to_be_bytes();
    let whole = letters.len().saturating_mul(6) / 8;
    out.extend(bytes.iter().take(whole));
}

/// Whether letters begin as a picture; 24 letters always tell.
pub(super) fn sniff_base64(letters: &[u8]) -> Sniff {
    let mut head = Vec::with_capacity(SNIFF_BYTES);
    let letters = letters.get(..HEAD).unwrap_or(letters);
    let whole = letters.len() / 4 * 4;
    if letters.iter().any(|letter| sextet(*letter).is_none()) {
        return Sniff::No;
    }
    for letters in letters.get(..whole).unwrap_or_default().chunks(4) {
        group(letters, &mut head);
    }
    sniff(&head)
}

/// Finds and decodes pictures in base64 text.
#[derive(Debug)]
pub struct Base64Decoder {
    state: Text,
}

#[derive(Debug)]
enum Text {
    /// Outside a picture: the letters of a run that may begin one.
    Run(Vec<u8>),
    /// In a run that begins none.
    Skip,
    Picture {
        /// Letters of a group that is not complete.
        letters: [u8; 4],
        count: u8,
        /// So many letters to leave out, behind a gap, until a group begins.
        resync: u8,
        padded: bool,
    },
}

impl Default for Base64Decoder {
    fn default() -> Self {
        Self {
            state: Text::Run(Vec::new()),
        }
    }
}

/// What one call gives, gathered so that not every letter is an event.
#[derive(Default)]
struct Batch {
    stray: Vec<u8>,
    wire: u64,
    bytes: Vec<u8>,
}

impl Batch {
    fn flush(&mut self, sink: &mut Sink<'_>) {
        if !self.stray.is_empty() {
            sink(Event::Stray(&self.stray));
            self.stray.clear();
        }
        covered(std::mem::take(&mut self.wire), &self.bytes, sink);
        self.bytes.clear();
    }
}

impl Base64Decoder {
    fn letter(&mut self, byte: u8, batch: &mut Batch, sink: &mut Sink<'_>) {
        let known = sextet(byte).is_some();
        match &mut self.state {
            Text::Run(run) if known => {
                run.push(byte);
                if run.len() < HEAD {
                    return;
                }
                let run = std::mem::take(run);
                if !matches!(sniff_base64(&run), Sniff::Is(_)) {
                    batch.stray.extend(run);
                    self.state = Text::Skip;
                    return;
                }
                batch.flush(sink);
                sink(Event::PictureStart { length: None });
                self.state = Text::Picture {
                    letters: [0; 4],
                    count: 0,
                    resync: 0,
                    padded: false,
                };
                for byte in run {
                    self.letter(byte, batch, sink);
                }
            }
            Text::Run(run) => {
                batch.stray.append(run);
                batch.stray.push(byte);
            }
            Text::Skip => {
                batch.stray.push(byte);
                if !known {
                    self.state = Text::Run(Vec::new());
                }
            }
            Text::Picture { resync, .. } if known && *resync > 0 => {
                *resync = resync.saturating_sub(1);
                batch.wire = batch.wire.saturating_add(1);
            }
            Text::Picture {
                letters,
                count,
                padded: false,
                ..
            } if known => {
                batch.wire = batch.wire.saturating_add(1);
                if let Some(place) = letters.get_mut(usize::from(*count)) {
                    *place = byte;
                }
                *count = count.saturating_add(1);
                if *count == 4 {
                    group(letters, &mut batch.bytes);
                    *count = 0;
                }
            }
            Text::Picture { padded: false, .. } if matches!(byte, b'\r' | b'\n') => {
                batch.wire = batch.wire.saturating_add(1);
            }
            Text::Picture { padded, count, .. } if byte == b'=' && (*padded || *count > 1) => {
                batch.wire = batch.wire.saturating_add(1);
                *padded = true;
            }
            Text::Picture { .. } => {
                self.end(Ending::Structure, batch, sink);
                self.letter(byte, batch, sink);
            }
        }
    }

    /// Ends the open picture, letters of an incomplete group included.
    fn end(&mut self, ending: Ending, batch: &mut Batch, sink: &mut Sink<'_>) {
        let Text::Picture { letters, count, .. } = self.state else {
            return;
        };
        group(
            letters.get(..usize::from(count)).unwrap_or_default(),
            &mut batch.bytes,
        );
        batch.flush(sink);
        if count == 1 {
            sink(Event::Fault(Fault::BadEncoding {
                encoding: "base64",
                reason: "its last group has one letter".to_owned(),
            }));
        }
        sink(Event::PictureEnd(ending));
        self.state = Text::Run(Vec::new());
    }
}

impl Decode for Base64Decoder {
    fn update(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        let mut batch = Batch::default();
        for part in bytes.chunks(16 << 10) {
            for &byte in part {
                self.letter(byte, &mut batch, sink);
            }
            batch.flush(sink);
        }
    }

    fn gap(&mut self, length: u64, sink: &mut Sink<'_>) {
        if length == 0 {
            return;
        }
        match &mut self.state {
            Text::Picture { count, resync, .. } => {
                // As if no line breaks were among what is missing.
                let gone = length
                    .wrapping_add(u64::from(*count))
                    .wrapping_sub(u64::from(*resync))
                    % 4;
                *count = 0;
                *resync = u8::try_from(4_u64.saturating_sub(gone) % 4).unwrap_or(0);
                sink(Event::PictureGap(length));
            }
            Text::Run(run) => {
                if !run.is_empty() {
                    sink(Event::Stray(run));
                }
                sink(Event::StrayGap(length));
                self.state = Text::Skip;
            }
            Text::Skip => sink(Event::StrayGap(length)),
        }
    }

    fn finish(&mut self, end: StreamEnd, sink: &mut Sink<'_>) {
        let mut batch = Batch::default();
        if let Text::Run(run) = &mut self.state {
            batch.stray.append(run);
        }
        self.end(Ending::EndOfStream(end), &mut batch, sink);
        batch.flush(sink);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Seen, fixtures, pictures, run};
    use super::*;

    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    fn encode(bytes: &[u8], line: usize) -> Vec<u8> {
        let mut text = Vec::new();
        for group in bytes.chunks(3) {
            let bits = (0..3).fold(0_usize, |bits, at| {
                bits << 8 | usize::from(group.get(at).copied().unwrap_or(0))
            });
            for at in 0..4 {
                text.push(if at <= group.len() {
                    LETTERS[bits >> (18 - 6 * at) & 63]
                } else {
                    b'='
                });
            }
        }
        text.chunks(line).collect::<Vec<_>>().join(&b"\r\n"[..])
    }

    #[test]
    fn pictures_in_text_with_and_without_line_breaks() {
        for picture in fixtures() {
            for line in [76, usize::MAX] {
                let text = [
                    b"{\"image\": \"data:image/jpeg;base64,",
                    &encode(picture, line)[..],
                    b"\"}",
                ]
                .concat();
                for size in [1, 7, text.len()] {
                    let mut decoder = Base64Decoder::default();
                    let seen = run(|sink| {
                        text.chunks(size)
                            .for_each(|part| decoder.update(part, sink));
                        decoder.finish(StreamEnd::Fin, sink);
                    });
                    assert_eq!(pictures(&seen), [(picture.clone(), Ending::Structure)]);
                    assert_eq!(seen.last(), Some(&Seen::Stray(b"\"}".to_vec())));
                }
            }
        }
    }

    #[test]
    fn what_wraps_it_says_how_it_ended() {
        let picture = &fixtures()[2];
        let text = encode(picture, usize::MAX);
        let mut stream = u32::try_from(text.len()).unwrap().to_be_bytes().to_vec();
        stream.extend(&text);
        let outer = "length=u32be".parse().unwrap();
        let mut decoder = EncodedDecoder::new(Encoding::Base64, &outer, Role::Initiator);
        let seen = run(|sink| {
            decoder.update(&stream, sink);
            decoder.finish(StreamEnd::Fin, sink);
        });
        assert_eq!(pictures(&seen), [(picture.clone(), Ending::Length)]);
        assert!(seen.contains(&Seen::Encoded(text.len() as u64, picture.clone())));
        assert_eq!(decoder.protocol().to_string(), "base64+length=u32be");
    }

    #[test]
    fn behind_a_gap_groups_are_found_again() {
        let picture = &fixtures()[0];
        let text = encode(picture, usize::MAX);
        let mut decoder = Base64Decoder::default();
        let seen = run(|sink| {
            decoder.update(&text[..102], sink);
            decoder.gap(101, sink);
            decoder.update(&text[203..], sink);
            decoder.finish(StreamEnd::Fin, sink);
        });
        let (bytes, _) = &pictures(&seen)[0];
        assert_eq!(bytes[..75], picture[..75]);
        assert!(picture.ends_with(&bytes[75..]));
        assert!(bytes.len() > 150);
    }
}
