//! Sets of byte ranges, without bytes.

use std::collections::BTreeMap;
use std::ops::Range;

/// A set of byte positions as disjoint ranges.
///
/// Invariant: ranges are not empty, do not overlap and do not touch; keyed by start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RangeSet {
    ends: BTreeMap<u64, u64>,
}

impl RangeSet {
    /// Adds `range`; returns how many of its positions are new.
    pub fn insert(&mut self, range: Range<u64>) -> u64 {
        if range.is_empty() {
            return 0;
        }
        let (mut start, mut end) = (range.start, range.end);
        let mut known = 0;
        // Every stored range that overlaps or touches the new one is swallowed by it.
        while let Some((&at, &until)) = self.ends.range(..=end).next_back() {
            if until < start {
                break;
            }
            known += until.min(range.end).saturating_sub(at.max(range.start));
            start = start.min(at);
            end = end.max(until);
            self.ends.remove(&at);
        }
        self.ends.insert(start, end);
        (range.end - range.start) - known
    }

    /// Takes out the first range, as far as it lies below `position`; absent where nothing does.
    pub fn take_first_before(&mut self, position: u64) -> Option<Range<u64>> {
        let first = self.ends.first_entry()?;
        let start = *first.key();
        if start >= position {
            return None;
        }
        let end = first.remove();
        if end > position {
            self.ends.insert(position, end);
        }
        Some(start..end.min(position))
    }

    /// Forgets everything below `position`.
    pub fn discard_before(&mut self, position: u64) {
        while let Some((&start, &end)) = self.ends.first_key_value() {
            if start >= position {
                break;
            }
            self.ends.remove(&start);
            if end > position {
                self.ends.insert(position, end);
                break;
            }
        }
    }

    /// The parts of `range` that are in the set, ascending.
    pub fn within(&self, range: Range<u64>) -> impl Iterator<Item = Range<u64>> + '_ {
        let first = self
            .ends
            .range(..=range.start)
            .next_back()
            .map_or(range.start, |(&start, _)| start);
        self.ends
            .range(first..range.end.max(first))
            .map(move |(&start, &end)| start.max(range.start)..end.min(range.end))
            .filter(|part| !part.is_empty())
    }

    /// How many positions of `range` are in the set.
    pub fn covered(&self, range: Range<u64>) -> u64 {
        self.within(range).map(|part| part.end - part.start).sum()
    }

    /// The ranges, ascending.
    pub fn iter(&self) -> impl Iterator<Item = Range<u64>> + '_ {
        self.ends.iter().map(|(&start, &end)| start..end)
    }

    /// Whether the set has no position.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_below_a_position_is_forgotten() {
        let mut set = RangeSet::default();
        assert!(set.is_empty());
        set.insert(3..6);
        set.insert(8..9);
        assert!(!set.is_empty());
        set.discard_before(3);
        assert_eq!(set.iter().collect::<Vec<_>>(), [3..6, 8..9]);
        set.discard_before(5);
        assert_eq!(set.iter().collect::<Vec<_>>(), [5..6, 8..9]);
        set.discard_before(6);
        assert_eq!((set.covered(0..6), set.covered(0..9)), (0, 1));
        set.discard_before(9);
        assert!(set.is_empty());
    }
    use proptest::prelude::*;

    #[test]
    fn touching_ranges_become_one() {
        let mut set = RangeSet::default();
        assert_eq!(set.insert(0..4), 4);
        assert_eq!(set.insert(8..12), 4);
        assert_eq!(set.insert(4..8), 4);
        assert_eq!(set.iter().collect::<Vec<_>>(), vec![0..12]);
    }

    fn index(at: u64) -> usize {
        usize::try_from(at).unwrap()
    }

    proptest! {
        #[test]
        fn agrees_with_a_bitmap(
            operations in prop::collection::vec((0_u64..64, 0_u64..16, any::<bool>()), 0..40),
            query in (0_u64..64, 0_u64..64),
        ) {
            let mut set = RangeSet::default();
            let mut bitmap = [false; 128];
            for (start, length, discard) in operations {
                if discard && length == 4 {
                    let found = set.take_first_before(start);
                    let first = bitmap.iter().position(|bit| *bit).filter(|at| (*at as u64) < start);
                    let expected = first.map(|first| {
                        let behind = bitmap[first..].iter().position(|bit| !*bit);
                        first as u64..((first + behind.unwrap()) as u64).min(start)
                    });
                    prop_assert_eq!(found.clone(), expected);
                    if let Some(range) = found {
                        bitmap[index(range.start)..index(range.end)].fill(false);
                    }
                    continue;
                }
                if discard && length == 3 {
                    set.discard_before(start);
                    bitmap[..index(start)].fill(false);
                    continue;
                }
                let mut news = 0;
                for at in start..start + length {
                    let bit = &mut bitmap[index(at)];
                    news += u64::from(!*bit);
                    *bit = true;
                }
                prop_assert_eq!(set.insert(start..start + length), news);
            }
            let (a, b) = query;
            let expected = (a..b.max(a)).filter(|&at| bitmap[index(at)]).count() as u64;
            prop_assert_eq!(set.covered(a..b.max(a)), expected);
            let mut last_end = None;
            for range in set.iter() {
                prop_assert!(range.start < range.end);
                prop_assert!(last_end.is_none_or(|end| end < range.start));
                prop_assert!(range.clone().all(|at| bitmap[index(at)]));
                last_end = Some(range.end);
            }
            let total: u64 = set.iter().map(|r| r.end - r.start).sum();
            prop_assert_eq!(total, bitmap.iter().filter(|&&bit| bit).count() as u64);
        }
    }
}
