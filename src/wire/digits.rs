//! `digits-newline`: the length in decimal digits and a newline, the picture, repeated.
//!
//! What programs write that send `f"{len(data)}\n"` first. It is the layout [`LINE`], and decoded as one; digits that are no
//! number, or a number that is not the picture's, are faults of it.

use super::detect::Clues;
use super::encode::{Around, CannotEncode};
use super::formats::{Over, Probe, Row, WireFormat};
use super::layout::stream::LayoutDecoder;
use super::{Decode, Piece, PieceKind, Sink, StreamEnd};

/// The framing, as a layout.
pub(crate) const LINE: &str = "layout dec(until \"\\n\") length, picture";

/// Decoder of one direction of `digits-newline`.
#[derive(Debug, Clone)]
pub struct DigitsDecoder(LayoutDecoder);

impl Default for DigitsDecoder {
    #[expect(clippy::expect_used, reason = "a constant, parsed in tests")]
    fn default() -> Self {
        Self(LayoutDecoder::new(LINE.parse().expect("a layout")))
    }
}

impl Decode for DigitsDecoder {
    fn update(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        self.0.update(bytes, sink);
    }

    fn gap(&mut self, length: u64, sink: &mut Sink<'_>) {
        self.0.gap(length, sink);
    }

    fn flush(&mut self, sink: &mut Sink<'_>) {
        self.0.flush(sink);
    }

    fn doubt(&mut self) {
        self.0.doubt();
    }

    fn finish(&mut self, end: StreamEnd, sink: &mut Sink<'_>) {
        self.0.finish(end, sink);
    }
}

impl WireFormat for DigitsDecoder {
    const ROW: Row = Row {
        name: "digits-newline",
        meaning: "The length in decimal digits and a newline, then the picture, repeated.",
        over: Over::Stream,
        names_itself: false,
    };

    /// Never: many framings begin so, and have more between the pictures. What is worked out from the bytes tells them apart.
    fn probe(_clues: &Clues<'_>) -> Probe {
        Probe::No
    }

    fn around(_head: &[u8], length: u64) -> Result<Option<Around>, CannotEncode> {
        let line = format!("{length}\n").into_bytes();
        Ok(Some(Around {
            before: Some(Piece::new(PieceKind::Header, line)),
            ..Around::default()
        }))
    }
}
