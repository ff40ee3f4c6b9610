//! Where the bytes of files lie in a stream, whatever the wire format: evidence first, format second.
//!
//! An [`Index`] of content anchors is made of all texts that are looked for: the bytes of files, or what a known
//! conversion makes of them ([`View`]). An [`Aligner`] is then given one direction's bytes in order, in any pieces and with
//! gaps, and yields for each text the [`Span`]s in which stream and text are equal. [`placements`] puts those together that
//! are one passage of the text: contiguous, or in pieces with other bytes between them.
//!
//! Anchors are sampled by content, so that they lie at the same places in the text and in the stream however the text was
//! cut up; what lies around one is compared. After a difference the text is looked for again close by: further on in the
//! stream (something was put in), further on in the text (something is missing), or behind a few changed bytes.
//!
//! This room knows no packets, no pictures and no wire formats. Memory is the index and one block of the stream; time is linear
//! in both.

mod aligner;
mod heads;
mod index;
mod placement;
mod recover;
mod rewritten;
#[cfg(test)]
mod tests;
mod view;

pub(crate) use aligner::Aligner;
pub(crate) use index::Index;
pub(crate) use placement::{Datagrams, Placement, placements, with_repeats, with_short_piece};
pub(crate) use recover::{Inflater, Origin, Recovered, apart, characters, recovered, unmasked};
pub(crate) use rewritten::{Rewritten, rewritten, rewritten_as};
pub(crate) use view::{View, viewed};

use crate::units::ByteRange;

/// Equal bytes: a range of the stream and as long a range of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    /// Stream offsets.
    pub(crate) stream: ByteRange,
    /// Offset in the text of the first byte.
    pub(crate) text: u64,
}

impl Span {
    /// How many bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.stream.end.saturating_sub(self.stream.start)
    }

    /// Its place in the text.
    pub(crate) fn in_text(&self) -> ByteRange {
        self.text..self.text.saturating_add(self.bytes())
    }
}

/// How many of the first bytes are equal.
pub(crate) fn common_prefix(left: &[u8], right: &[u8]) -> usize {
    const STEP: usize = 64;
    let mut same = 0;
    for (a, b) in left.chunks_exact(STEP).zip(right.chunks_exact(STEP)) {
        if a != b {
            break;
        }
        same += STEP;
    }
    let (left, right) = (left.get(same..), right.get(same..));
    let rest = left
        .unwrap_or_default()
        .iter()
        .zip(right.unwrap_or_default());
    same + rest.take_while(|(a, b)| a == b).count()
}

/// How many of the last bytes are equal.
pub(crate) fn common_suffix(left: &[u8], right: &[u8]) -> usize {
    const STEP: usize = 64;
    let mut same = 0;
    for (a, b) in left.rchunks_exact(STEP).zip(right.rchunks_exact(STEP)) {
        if a != b {
            break;
        }
        same += STEP;
    }
    let left = left.get(..left.len() - same).unwrap_or_default();
    let right = right.get(..right.len() - same).unwrap_or_default();
    let rest = left.iter().rev().zip(right.iter().rev());
    same + rest.take_while(|(a, b)| a == b).count()
}
