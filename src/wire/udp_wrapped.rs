//! `pickled+udp` and `base64+udp`: datagrams, each of which is a Python pickle (`pickle.dumps((i, piece))`, a dictionary) or an
//! object of JSON with a piece of one picture, or the whole of it, among its members.
//!
//! The piece is the longest bytes object, or the longest value in Base64. What numbers stand beside it is the program's own, so that
//! pieces are taken in the order in which they came, as [`super::udp`] takes them. All else of such a datagram is
//! [`Framing::Pickle`] or text; a datagram that is none goes as it is.

use super::framer::framing;
use std::borrow::Cow;
use std::ops::Range;

use super::sequence::covered;
use super::udp::UdpDecoder;
use super::{Decode, Encoding, Event, Framing, Protocol, Sink, StreamEnd, encoded, pickle};
use crate::picture::Sniff;

/// Decoder of one direction of datagrams that wrap pieces.
#[derive(Debug, Clone)]
pub struct WrappedDatagramDecoder {
    /// Pickled, or Base64.
    encoding: Encoding,
    inner: UdpDecoder,
}

impl WrappedDatagramDecoder {
    /// A decoder of pieces wrapped so.
    pub(super) fn new(encoding: Encoding) -> Self {
        Self {
            encoding,
            inner: UdpDecoder::default(),
        }
    }

    /// The wire format.
    pub fn protocol(&self) -> Protocol {
        Protocol::Encoded(self.encoding, Box::new(Protocol::Udp))
    }

    /// Where in a datagram the piece lies, and what it is.
    fn piece<'p>(&self, payload: &'p [u8]) -> Option<(Range<usize>, Cow<'p, [u8]>)> {
        if self.encoding == Encoding::Pickled {
            let range = pickle::longest_object(payload)?;
            return Some((range.clone(), payload.get(range)?.into()));
        }
        let range = value(payload)?;
        let bytes = encoded::decoded(payload.get(range.clone())?);
        Some((range, bytes.into()))
    }

    /// What stands around a piece.
    fn around(&self, bytes: usize, sink: &mut Sink<'_>) {
        let what = if self.encoding == Encoding::Pickled {
            Framing::Pickle
        } else {
            Framing::Field("text")
        };
        framing(what, bytes as u64, sink);
    }
}

/// The longest value of an object of JSON that is whole groups of Base64.
fn value(datagram: &[u8]) -> Option<Range<usize>> {
    if datagram.first() != Some(&b'{') {
        return None;
    }
    let mut found: Option<Range<usize>> = None;
    let mut at = 0;
    while let Some(quote) = datagram
        .get(at..)
        .and_then(|rest| memchr::memchr(b'"', rest))
    {
        let start = at + quote + 1;
        let rest = datagram.get(start..)?;
        let letters = rest.iter().take_while(|byte| encoded::is_letter(**byte));
        let letters = letters.count();
        let padding = rest.get(letters..)?.iter().take(2);
        let padding = padding.take_while(|byte| **byte == b'=').count();
        let length = letters + padding;
        let before = datagram.get(..start - 1)?.trim_ascii_end();
        let is_value = before.ends_with(b":") && rest.get(length) == Some(&b'"');
        let longer = found.as_ref().is_none_or(|found| found.len() < length);
        if is_value && longer && length > 0 && length.is_multiple_of(4) {
            found = Some(start..start + length);
        }
        at = start + length;
    }
    found
}

/// Whether a datagram is an object of JSON in which a picture begins in Base64.
pub(super) fn begins_picture(datagram: &[u8]) -> bool {
    /// Members before it.
    const QUOTES: usize = 64;
    datagram.first() == Some(&b'{')
        && memchr::memchr_iter(b'"', datagram)
            .take(QUOTES)
            .any(|quote| {
                let rest = datagram.get(quote + 1..).unwrap_or_default();
                matches!(encoded::sniff_base64(rest), Sniff::Is(_))
            })
}

impl Decode for WrappedDatagramDecoder {
    fn update(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        if !bytes.is_empty() {
            self.datagram(bytes, sink);
        }
    }

    fn datagram(&mut self, payload: &[u8], sink: &mut Sink<'_>) {
        let Some((range, piece)) = self.piece(payload) else {
            self.inner.datagram(payload, sink);
            return;
        };
        if piece.is_empty() {
            self.around(payload.len(), sink);
            return;
        }
        // The picture before ends first, and its end lies before this datagram.
        let mut before = Some(range.start);
        let mut wire = Some(range.len());
        let mut inner = std::mem::take(&mut self.inner);
        inner.datagram(&piece, &mut |event| {
            if !matches!(event, Event::PictureEnd(_)) {
                self.around(before.take().unwrap_or(0), sink);
            }
            match event {
                // An object that is no picture's.
                Event::Stray(bytes) if self.encoding == Encoding::Pickled => {
                    self.around(bytes.len(), sink);
                }
                Event::Stray(_) => self.around(wire.take().unwrap_or(0), sink),
                Event::PictureData(bytes) if self.encoding != Encoding::Pickled => {
                    covered(wire.take().unwrap_or(0) as u64, bytes, sink);
                }
                event => sink(event),
            }
        });
        self.around(before.unwrap_or(0), sink);
        inner.settle_whole(sink);
        self.inner = inner;
        self.around(payload.len().saturating_sub(range.end), sink);
    }

    fn gap(&mut self, length: u64, sink: &mut Sink<'_>) {
        self.inner.gap(length, sink);
    }

    fn finish(&mut self, end: StreamEnd, sink: &mut Sink<'_>) {
        self.inner.finish(end, sink);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Ending;
    use super::super::testing::{Seen, base64, fixtures, pictures, run};
    use super::*;

    /// `pickle.dumps((index, piece), 4)`.
    fn pickled(index: u8, piece: &[u8]) -> Vec<u8> {
        let length = u32::try_from(piece.len()).unwrap();
        let head = match u8::try_from(piece.len()) {
            Ok(length) => vec![b'C', length],
            Err(_) => [&b"B"[..], &length.to_le_bytes()].concat(),
        };
        let body = [&[b'K', index][..], &head, piece, b"\x94\x86\x94."].concat();
        let frame = (body.len() as u64).to_le_bytes();
        [&b"\x80\x04\x95"[..], &frame, &body].concat()
    }

    #[test]
    fn pieces_of_two_pictures_and_what_is_no_pickle() {
        let (one, two) = (&fixtures()[0], &fixtures()[2]);
        let mut decoder = WrappedDatagramDecoder::new(Encoding::Pickled);
        let seen = run(|sink| {
            for picture in [one, two] {
                for (index, piece) in (0..).zip(picture.chunks(300)) {
                    decoder.datagram(&pickled(index, piece), sink);
                }
            }
            decoder.datagram(b"end", sink);
            decoder.finish(StreamEnd::Fin, sink);
        });
        assert_eq!(
            pictures(&seen),
            [
                (one.clone(), Ending::Structure),
                (two.clone(), Ending::Structure)
            ]
        );
        let stray = |event: &&Seen| matches!(event, Seen::Stray(_));
        assert_eq!(
            seen.iter().filter(stray).collect::<Vec<_>>(),
            [&Seen::Stray(b"end".to_vec())]
        );
    }

    #[test]
    fn pieces_in_objects_of_json() {
        let picture = &fixtures()[0];
        let mut decoder = WrappedDatagramDecoder::new(Encoding::Base64);
        let seen = run(|sink| {
            for (index, piece) in (0..).zip(picture.chunks(100)) {
                let text = String::from_utf8(base64(piece)).unwrap();
                let object =
                    format!("{{\"data\": \"{text}\", \"id\": {index}, \"kind\": \"jpeg\"}}");
                if index == 0 {
                    assert!(begins_picture(object.as_bytes()));
                }
                decoder.datagram(object.as_bytes(), sink);
            }
            decoder.finish(StreamEnd::Fin, sink);
        });
        assert_eq!(pictures(&seen), [(picture.clone(), Ending::Structure)]);
        assert!(!seen.iter().any(|event| matches!(event, Seen::Stray(_))));
    }
}
