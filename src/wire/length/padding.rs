//! Zeros that fill each picture up to a multiple of a few bytes before the next length, as XDR and structs in memory have them.

use super::{At, Length, LengthField, SHORTEST, USUAL};
use crate::picture::{SNIFF_BYTES, Sniff, sniff};
use crate::wire::framer::{Behind, Next, Step, framing};
use crate::wire::layout::{self, Counts, Field, Kind, Layout, Payload, Role};
use crate::wire::{Framing, Sink};

/// Whether zeros fill pictures up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Padding {
    /// No picture showed it yet, and none showed that these are not filled up: bits of [`UNITS`].
    Unknown(u8),
    /// None do.
    Never,
    /// To a multiple of so many bytes.
    To(u32),
}

/// To a multiple of how many bytes programs fill up.
const UNITS: [u32; 3] = [4, 8, 16];

/// All of them.
pub(super) const ANY_UNIT: u8 = (1 << UNITS.len()) - 1;

/// Most zeros that fill a picture up.
const MOST_ZEROS: usize = 15;

impl Padding {
    /// What a picture of this length leaves open that was not filled up: it would have been to some multiples, and to others need not be.
    fn without(self, length: u64) -> Self {
        let Self::Unknown(open) = self else {
            return self;
        };
        let left = (0_u8..)
            .zip(UNITS)
            .filter(|(bit, unit)| open & 1 << bit != 0 && layout::padding(length, *unit) == 0)
            .fold(0, |left, (bit, _)| left | 1 << bit);
        if left == 0 {
            Self::Never
        } else {
            Self::Unknown(left)
        }
    }
}

/// The multiples that are open.
fn units(open: u8) -> impl Iterator<Item = u32> {
    (0_u8..)
        .zip(UNITS)
        .filter(move |(bit, _)| open & 1 << bit != 0)
        .map(|(_, unit)| unit)
}

impl Length {
    /// Whether zeros may fill up the picture that just ended.
    pub(super) fn may_be_filled(&self) -> bool {
        let filled = |unit: u32| layout::padding(self.last, unit) > 0;
        match self.padding {
            Padding::Unknown(open) => self.learns && !self.split && units(open).any(filled),
            Padding::Never => false,
            Padding::To(unit) => filled(unit),
        }
    }

    /// Bytes behind a picture, once they tell whether they fill it up.
    pub(super) fn behind(&mut self, held: &[u8], behind: Behind, sink: &mut Sink<'_>) -> Step {
        let wants = match self.padding {
            Padding::To(unit) => layout::padding(self.last, unit),
            Padding::Unknown(_) | Padding::Never => MOST_ZEROS + self.field.width() + SNIFF_BYTES,
        };
        // Most lengths do not begin with a zero.
        let told = held.len() >= wants || held.first().is_some_and(|byte| *byte != 0);
        let count = match behind {
            Behind::More if told => self.zeros(held),
            Behind::More | Behind::Answer => return Step::More,
            Behind::End => self.last_zeros(held),
            Behind::Gap => return Step::Done(0, Next::Lost),
        };
        framing(Framing::Field("padding"), count as u64, sink);
        self.at = At::Field;
        Step::Done(count, Next::Field)
    }

    /// How many of the bytes behind a picture fill it up.
    fn zeros(&mut self, held: &[u8]) -> usize {
        let zeros = |unit: u32| {
            let count = layout::padding(self.last, unit);
            let fill = held.get(..count).filter(|_| count > 0)?;
            fill.iter().all(|byte| *byte == 0).then_some(count)
        };
        let begins = |from: usize| {
            let message = held.get(from..).unwrap_or_default();
            let length = self.field.decode(message);
            let picture = message.get(self.field.width()..).unwrap_or_default();
            let sniffed = sniff(picture.get(..SNIFF_BYTES).unwrap_or(picture));
            length.is_some_and(|length| (SHORTEST..=USUAL).contains(&length))
                && matches!(sniffed, Sniff::Is(_))
        };
        let unit = match self.padding {
            Padding::To(unit) => Some(unit).filter(|unit| zeros(*unit).is_some()),
            Padding::Unknown(open) => units(open)
                .filter(|_| !begins(0))
                .find(|unit| zeros(*unit).is_some_and(begins)),
            Padding::Never => None,
        };
        let count = unit.and_then(zeros).unwrap_or(0);
        self.padding = match unit {
            Some(unit) => Padding::To(unit),
            None => self.padding.without(self.last),
        };
        count
    }

    /// No more bytes come: two zeros or more may fill the last picture up, and one is as likely a byte too many.
    fn last_zeros(&self, held: &[u8]) -> usize {
        let fits = |unit: u32| held.len() == layout::padding(self.last, unit);
        let fills = match self.padding {
            Padding::To(unit) => fits(unit),
            Padding::Unknown(open) => held.len() > 1 && units(open).any(fits),
            Padding::Never => false,
        };
        if fills && held.iter().all(|byte| *byte == 0) {
            held.len()
        } else {
            0
        }
    }

    /// The layout that it is, where zeros fill pictures up.
    pub(super) fn padded_layout(&self) -> Option<Layout> {
        let (Padding::To(unit), LengthField::Binary { bytes, big_endian }) =
            (self.padding, self.field)
        else {
            return None;
        };
        let kind = Kind::Int {
            bytes,
            big_endian,
            signed: false,
        };
        Some(Layout {
            message: vec![
                Field::says(kind, Role::Length(Counts::Picture)),
                Field::plain(Kind::Picture(Payload::File)),
                Field::plain(Kind::Pad(unit)),
            ],
            ..Layout::default()
        })
    }
}
