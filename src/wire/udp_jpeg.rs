//! `udp-jpeg`: one whole picture a datagram.
//!
//! A datagram that begins as a picture is one, to its last byte; whether its structure says the same is for the
//! walker of whoever listens. All other datagrams are stray.

use super::detect::Clues;
use super::encode::{Around, CannotEncode};
use super::formats::{Over, Probe, Row, Whole, WireFormat};
use super::sequence::missing_bytes;
use super::{Decode, Ending, Event, Sink, StreamEnd};
use crate::picture::{SNIFF_BYTES, Sniff, Status, Walker, sniff};

/// Decoder of one direction of `udp-jpeg`: it remembers nothing.
#[derive(Debug, Clone, Default)]
pub struct UdpJpegDecoder;

impl UdpJpegDecoder {
    fn one(payload: &[u8], missing: u64, sink: &mut Sink<'_>) {
        let head = payload.get(..SNIFF_BYTES).unwrap_or(payload);
        let Sniff::Is(format) = sniff(head) else {
            if !payload.is_empty() {
                sink(Event::Stray(payload));
            }
            missing_bytes(false, missing, sink);
            return;
        };
        let mut walker = Walker::new(format);
        walker.update(payload);
        sink(Event::PictureStart { length: None });
        sink(Event::PictureData(payload));
        if missing > 0 {
            walker.gap(missing);
            sink(Event::PictureGap(missing));
        }
        sink(Event::PictureEnd(match walker.status() {
            Status::Whole { .. } => Ending::Structure,
            _ => Ending::Broken,
        }));
    }
}

impl Decode for UdpJpegDecoder {
    fn update(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        Self::one(bytes, 0, sink);
    }

    fn cut_datagram(&mut self, payload: &[u8], missing: u64, sink: &mut Sink<'_>) {
        Self::one(payload, missing, sink);
    }

    fn gap(&mut self, length: u64, sink: &mut Sink<'_>) {
        if length > 0 {
            sink(Event::StrayGap(length));
        }
    }

    fn finish(&mut self, _end: StreamEnd, _sink: &mut Sink<'_>) {}
}

impl WireFormat for UdpJpegDecoder {
    const ROW: Row = Row {
        name: "udp-jpeg",
        meaning: "A whole picture in each datagram.",
        over: Over::Datagrams,
        names_itself: false,
    };

    fn probe(_clues: &Clues<'_>) -> Probe {
        Probe::No
    }

    fn around(_head: &[u8], _length: u64) -> Result<Option<Around>, CannotEncode> {
        Ok(None)
    }

    fn whole(_picture: &[u8], _chunk: usize) -> Whole {
        Whole {
            before: None,
            undivided: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Seen, picture, pictures, run};
    use super::*;

    #[test]
    fn each_datagram_is_a_picture_or_stray() {
        let jpeg = picture(image::ImageFormat::Jpeg, 20, 10);
        let cut = &jpeg[..jpeg.len() - 5];
        let mut decoder = UdpJpegDecoder;
        let seen = run(|sink| {
            decoder.datagram(b"hello", sink);
            decoder.datagram(&jpeg, sink);
            decoder.datagram(b"", sink);
            decoder.datagram(cut, sink);
            decoder.cut_datagram(cut, 5, sink);
            decoder.finish(StreamEnd::Idle, sink);
        });
        assert_eq!(seen[0], Seen::Stray(b"hello".to_vec()));
        assert_eq!(
            pictures(&seen)[..2],
            [
                (jpeg.clone(), Ending::Structure),
                (cut.to_vec(), Ending::Broken)
            ]
        );
        assert!(seen.contains(&Seen::Gap(5)));
    }
}
