//! The map of a direction: what each of its bytes is.
//!
//! Law, asserted on every capture: the regions of a direction cover it from its first byte to its last, in order and
//! without overlap; `unique_bytes` = pictures + framing + answers + stray, `gap_bytes` = gaps.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::units::{FrameNumber, PictureId};

/// Most regions of one direction that are listed; those behind are in the sums only.
pub(crate) const MOST_REGIONS: usize = 4096;

/// Most of them that are gaps which the snap length made. It cuts every frame, and after so many of them that is known: a map with
/// two regions for each frame is as large as all else that is known of the direction.
pub(crate) const MOST_CUT: u8 = 16;

/// What a byte of a direction is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RegionKind {
    /// Of a picture.
    Picture,
    /// Of the wire format: a marker, a length, a header.
    Framing,
    /// What replies to a picture and is none.
    Answer,
    /// None of these.
    Stray,
    /// Not in the capture.
    Gap,
}

/// Consecutive bytes of a direction that are of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Region {
    /// What they are.
    pub kind: RegionKind,
    /// Stream offset of the first.
    pub offset: u64,
    /// How many there are, at least 1.
    pub length: u64,
    /// What they are in particular, for people: the part of the framing, what stray bytes look like, why bytes are
    /// missing; absent where the kind says it all.
    pub what: Option<Cow<'static, str>>,
    /// The picture they belong to or lie in; absent where they lie in none.
    pub image: Option<PictureId>,
    /// The frame that carried the first of them first; absent for gaps.
    pub first_packet: Option<FrameNumber>,
    /// The frame that carried the last of them first; absent for gaps.
    pub last_packet: Option<FrameNumber>,
}

impl Region {
    /// Stream offset after the last byte.
    pub fn end(&self) -> u64 {
        self.offset.saturating_add(self.length)
    }
}

/// How many bytes of a direction are of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    /// Of pictures.
    pub picture: u64,
    /// Of the wire format.
    pub framing: u64,
    /// Answers.
    pub answer: u64,
    /// None of these.
    pub stray: u64,
    /// Not in the capture.
    pub gap: u64,
}

impl Sums {
    /// The sum of a kind, to be changed.
    pub(crate) fn of(&mut self, kind: RegionKind) -> &mut u64 {
        match kind {
            RegionKind::Picture => &mut self.picture,
            RegionKind::Framing => &mut self.framing,
            RegionKind::Answer => &mut self.answer,
            RegionKind::Stray => &mut self.stray,
            RegionKind::Gap => &mut self.gap,
        }
    }
}
