//! Missing ranges and why they are missing.

use serde::{Deserialize, Serialize};

/// Why stream bytes are missing from the capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GapCause {
    /// The receiver acknowledged them: delivered, but not captured.
    NotCaptured,
    /// Nobody acknowledged them: lost on the way, or the capture ended before.
    NeverAcknowledged,
    /// The frame was captured, its end cut off by the snap length.
    SnapLength,
    /// Given up because a limit of imgnet was reached.
    Limit,
    /// Cannot be told: the other direction, with its acknowledgments, was not captured.
    Unknown,
}

/// A range of stream bytes that the capture lacks. Never filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// First missing byte: stream offset in a direction, picture offset in a picture.
    pub offset: u64,
    /// How many bytes are missing.
    pub length: u64,
    /// Why.
    pub cause: GapCause,
}

/// Missing ranges, of which only so many are listed as there is memory for.
///
/// From the first that finds no room on, one range of cause [`GapCause::Limit`] stands for the rest: it reaches to the end of the
/// last one, so that nobody takes what lies between them for captured. The first of each other cause is listed whatever it costs:
/// a verdict may rest on it.
#[derive(Debug, Clone, Default)]
pub(crate) struct GapList {
    /// Boxed, because most directions and pictures have none.
    known: Option<Box<Known>>,
}

#[derive(Debug, Clone, Default)]
struct Known {
    /// Ascending.
    listed: Vec<Gap>,
    /// What is missing, all ranges together.
    bytes: u64,
    full: bool,
    /// The last of those listed stands for the rest.
    ends_with_rest: bool,
    /// Causes that are listed, a bit each.
    causes: u8,
}

impl GapList {
    /// Adds a range behind all others.
    pub(crate) fn push(&mut self, gap: Gap) {
        self.known.get_or_insert_default().push(gap);
    }

    /// No more are listed.
    pub(crate) fn fill(&mut self) {
        self.known.get_or_insert_default().full = true;
    }

    /// Whether some are not listed.
    pub(crate) fn is_full(&self) -> bool {
        self.known.as_ref().is_some_and(|known| known.full)
    }

    /// Those that are listed, ascending.
    pub(crate) fn listed(&self) -> &[Gap] {
        self.known.as_ref().map_or(&[], |known| &known.listed)
    }

    /// Those that are missing from end to end: without the one that stands for the rest, as long as that is the last.
    pub(crate) fn exact(&self) -> &[Gap] {
        let rest = self
            .known
            .as_ref()
            .is_some_and(|known| known.ends_with_rest);
        match self.listed().split_last() {
            Some((_, exact)) if rest => exact,
            _ => self.listed(),
        }
    }

    /// Sum of all, listed or not.
    pub(crate) fn bytes(&self) -> u64 {
        self.known.as_ref().map_or(0, |known| known.bytes)
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.listed().is_empty()
    }

    /// Memory it takes, in bytes.
    pub(crate) fn memory(&self) -> usize {
        let known = self.known.as_ref();
        known.map_or(0, |known| known.listed.capacity() * size_of::<Gap>())
    }

    /// Those that are listed.
    pub(crate) fn into_listed(self) -> Vec<Gap> {
        self.known.map(|known| known.listed).unwrap_or_default()
    }
}

impl Known {
    fn push(&mut self, gap: Gap) {
        self.bytes = self.bytes.saturating_add(gap.length);
        let is_new = self.causes & (1 << gap.cause as u8) == 0;
        if let Some(last) = self.listed.last_mut() {
            let end = last.offset.saturating_add(last.length);
            if self.ends_with_rest && !is_new {
                last.length = gap.offset.saturating_add(gap.length) - last.offset;
                return;
            }
            if !self.ends_with_rest && last.cause == gap.cause && end == gap.offset {
                last.length += gap.length;
                return;
            }
        }
        self.ends_with_rest = self.full && !is_new;
        let cause = if self.ends_with_rest {
            GapCause::Limit
        } else {
            gap.cause
        };
        self.causes |= 1 << cause as u8;
        self.listed.push(Gap { cause, ..gap });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gap(offset: u64, length: u64, cause: GapCause) -> Gap {
        Gap {
            offset,
            length,
            cause,
        }
    }

    #[test]
    fn what_finds_no_room_is_one_range_and_the_first_of_each_cause_is_listed() {
        use GapCause::{Limit, NeverAcknowledged, NotCaptured, SnapLength};
        let mut gaps = GapList::default();
        gaps.push(gap(0, 2, NotCaptured));
        gaps.push(gap(2, 3, NotCaptured));
        gaps.push(gap(10, 1, NotCaptured));
        assert_eq!(
            gaps.listed(),
            [gap(0, 5, NotCaptured), gap(10, 1, NotCaptured)]
        );
        gaps.fill();
        gaps.push(gap(20, 1, NotCaptured));
        gaps.push(gap(30, 1, NotCaptured));
        assert_eq!(gaps.listed().last(), Some(&gap(20, 11, Limit)));
        assert_eq!(gaps.exact().len(), 2);
        gaps.push(gap(40, 1, SnapLength));
        gaps.push(gap(50, 1, SnapLength));
        gaps.push(gap(60, 1, NeverAcknowledged));
        gaps.push(gap(61, 1, NeverAcknowledged));
        assert_eq!(
            gaps.listed()[2..],
            [
                gap(20, 11, Limit),
                gap(40, 1, SnapLength),
                gap(50, 1, Limit),
                gap(60, 2, NeverAcknowledged),
            ]
        );
        assert_eq!(gaps.bytes(), 5 + 1 + 1 + 1 + 1 + 1 + 1 + 1);
    }
}
