//! `digits-newline`: the length in decimal digits and a newline, the picture, repeated.
//!
//! What programs write that send `f"{len(data)}\n"` first. It is the layout [`LINE`], and decoded as one; digits that are no
//! number, or a number that is not the picture's, are faults of it.

use super::detect::{Clues, sniff_at};
use super::encode::{Around, CannotEncode};
use super::formats::{Over, Probe, Row, WireFormat};
use super::layout::stream::LayoutDecoder;
use super::{Decode, Piece, PieceKind, Sink, StreamEnd, length};
use crate::picture::Sniff;

/// The framing, as a layout.
pub const LINE: &str = "layout dec(until \"\\n\") length, picture";

/// Most digits of a length.
const LONGEST: usize = 10;

/// Decoder of one direction of `digits-newline`.
#[derive(Debug)]
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

    fn probe(clues: &Clues<'_>) -> Probe {
        let digits = clues
            .head
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        // Fewer than three are rather a choice, and no picture is as small.
        if !(3..=LONGEST).contains(&digits) {
            return Probe::No;
        }
        let (number, rest) = clues
            .head
            .split_at_checked(digits)
            .unwrap_or((clues.head, &[]));
        let number = std::str::from_utf8(number).ok();
        let Some(value @ 18..=length::MOST) = number.and_then(|number| number.parse().ok()) else {
            return Probe::No;
        };
        match rest {
            [] => Probe::Unsure,
            [b'\n', ..] => match sniff_at(rest, 1) {
                Sniff::Is(format) => Probe::of(
                    Some(true),
                    &format!(
                        "the number {value} in a line of its own, and a {format} begins behind it"
                    ),
                ),
                Sniff::NeedMore => Probe::Unsure,
                Sniff::No => Probe::No,
            },
            _ => Probe::No,
        }
    }

    fn around(_head: &[u8], length: u64) -> Result<Option<Around>, CannotEncode> {
        let line = format!("{length}\n").into_bytes();
        Ok(Some(Around {
            before: Some(Piece::new(PieceKind::Header, line)),
            ..Around::default()
        }))
    }
}
