//! `udp-count`: a datagram with the number of pieces, then so many datagrams with a piece each, unnumbered.
//!
//! The number is decimal text, or binary in 1, 2, 4 or 8 bytes in the byte order that gives the smaller number. So a count is
//! recognised by its length, and a last piece of 8 bytes or less is still a piece. Fewer pieces than promised
//! show when the next count comes or silence falls: how many were lost is known then, and never which.

use super::detect::{Clues, sniff_at};
use super::encode::{Around, CannotEncode};
use super::formats::{Over, Probe, Row, Whole, WireFormat};
use super::sequence::missing_bytes;
use super::udp_index::MOST_PIECES;
use super::{Confidence, Decode, Ending, Event, Framing, LengthField, Sink, StreamEnd};
use crate::picture::Sniff;

/// Most digits of a count.
const LONGEST: usize = 10;

/// The count that a datagram holds; absent where it can be none.
pub(super) fn count(payload: &[u8]) -> Option<u64> {
    let text = payload.trim_ascii();
    let value =
        if !text.is_empty() && payload.len() <= LONGEST && text.iter().all(u8::is_ascii_digit) {
            std::str::from_utf8(text).ok()?.parse().ok()?
        } else {
            let bytes @ (1 | 2 | 4 | 8) = u8::try_from(payload.len()).ok()? else {
                return None;
            };
            [true, false]
                .into_iter()
                .filter_map(|big_endian| LengthField::Binary { bytes, big_endian }.decode(payload))
                .min()?
        };
    (1..=MOST_PIECES).contains(&value).then_some(value)
}

/// Decoder of one direction of `udp-count`.
#[derive(Debug, Clone, Default)]
pub struct UdpCountDecoder {
    /// Pieces that are still to come, and whether the picture began.
    due: Option<(u64, bool)>,
}

impl UdpCountDecoder {
    fn end(&mut self, ending: Ending, sink: &mut Sink<'_>) {
        if let Some((left, true)) = self.due.take() {
            if left > 0 {
                sink(Event::PictureLost {
                    pieces: Some(left),
                    bytes: None,
                });
            }
            sink(Event::PictureEnd(ending));
        }
    }
}

/// Whether a datagram behind a picture is a word that says so: "END".
fn is_word(payload: &[u8]) -> bool {
    (3..=16).contains(&payload.len()) && payload.iter().all(u8::is_ascii_alphabetic)
}

impl Decode for UdpCountDecoder {
    fn update(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        if !bytes.is_empty() {
            self.datagram(bytes, sink);
        }
    }

    fn datagram(&mut self, payload: &[u8], sink: &mut Sink<'_>) {
        self.cut_datagram(payload, 0, sink);
    }

    fn cut_datagram(&mut self, payload: &[u8], missing: u64, sink: &mut Sink<'_>) {
        let announced = count(payload).filter(|_| missing == 0);
        match (announced, self.due) {
            // The last piece may be short.
            (Some(count), None | Some((2.., true) | (_, false))) => {
                self.end(Ending::Cut(StreamEnd::Unfinished), sink);
                sink(Event::Framing {
                    what: Framing::PieceCount(count),
                    bytes: payload.len() as u64,
                });
                self.due = Some((count, false));
            }
            (_, Some((left, begun))) if !payload.is_empty() || missing > 0 => {
                if !begun {
                    sink(Event::PictureStart { length: None });
                }
                if !payload.is_empty() {
                    sink(Event::PictureData(payload));
                }
                let left = left.saturating_sub(1);
                self.due = Some((left, true));
                self.gap(missing, sink);
                if left == 0 {
                    self.end(Ending::Length, sink);
                }
            }
            (_, Some(_)) => {
                // An empty datagram is no piece, and ends what there is.
                self.end(Ending::EmptyDatagram, sink);
            }
            (_, None) => {
                if is_word(payload) {
                    sink(Event::Framing {
                        what: Framing::EndDatagram,
                        bytes: payload.len() as u64,
                    });
                } else if !payload.is_empty() {
                    sink(Event::Stray(payload));
                }
                self.gap(missing, sink);
            }
        }
    }

    fn gap(&mut self, length: u64, sink: &mut Sink<'_>) {
        missing_bytes(matches!(self.due, Some((_, true))), length, sink);
    }

    fn finish(&mut self, end: StreamEnd, sink: &mut Sink<'_>) {
        self.end(Ending::Cut(end), sink);
    }
}

impl WireFormat for UdpCountDecoder {
    const ROW: Row = Row {
        name: "udp-count",
        meaning: "The number of datagrams in text, then so many datagrams.",
        over: Over::Datagrams,
        names_itself: false,
    };

    fn probe(_clues: &Clues<'_>) -> Probe {
        Probe::No
    }

    /// A number alone in a datagram, and a picture begins in the next one.
    fn probe_last(clues: &Clues<'_>) -> Probe {
        let &[size, _, ..] = clues.sizes else {
            return Probe::No;
        };
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let Some((first, second)) = clues.head.split_at_checked(size) else {
            return Probe::No;
        };
        let Some(count) = count(first) else {
            return Probe::No;
        };
        if !matches!(sniff_at(second, 0), Sniff::Is(_)) {
            return Probe::No;
        }
        let confidence = if first.iter().all(u8::is_ascii_digit) {
            Confidence::Content
        } else {
            Confidence::Guess
        };
        Probe::Certain(
            confidence,
            format!("a datagram says {count}, and a picture begins in the next one").into(),
        )
    }

    fn around(_head: &[u8], _length: u64) -> Result<Option<Around>, CannotEncode> {
        Ok(None)
    }

    fn whole(picture: &[u8], chunk: usize) -> Whole {
        let count = picture.len().div_ceil(chunk);
        Whole {
            before: Some(count.to_string().into_bytes()),
            undivided: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Seen, picture, pictures, run};
    use super::*;

    #[test]
    fn counts_in_text_and_binary() {
        for (payload, value) in [
            (&b"12"[..], Some(12)),
            (b"7", Some(7)),
            (b"\x07", Some(7)),
            (b"\0\x13", Some(19)),
            (b"\x13\0\0\0", Some(19)),
            (b"\0\0\0\0\0\0\0\x13", Some(19)),
            (b"0", None),
            (b"\0\0", None),
            (b"hello", None),
            (b"", None),
            (b"\xff\xd8\xff\xe0", None),
        ] {
            assert_eq!(count(payload), value, "{payload:?}");
        }
    }

    #[test]
    fn pieces_are_counted_and_missing_ones_told() {
        let jpeg = picture(image::ImageFormat::Jpeg, 60, 40);
        let mut decoder = UdpCountDecoder::default();
        let count = jpeg.chunks(300).count().to_string();
        let seen = run(|sink| {
            decoder.datagram(b"hello", sink);
            for drop in [0, 1] {
                decoder.datagram(count.as_bytes(), sink);
                for piece in jpeg.chunks(300).skip(drop) {
                    decoder.datagram(piece, sink);
                }
            }
            decoder.finish(StreamEnd::Idle, sink);
        });
        assert_eq!(
            pictures(&seen),
            [
                (jpeg.clone(), Ending::Length),
                (jpeg[300..].to_vec(), Ending::Cut(StreamEnd::Idle))
            ]
        );
        assert!(seen.contains(&Seen::Lost(Some(1), None)));
    }
}
