//! Frames of one kind, counted and a few of them named.

use crate::units::FrameNumber;

/// How many frames a finding names: the first ones, and the last.
pub const NAMED: usize = 16;

/// Frames of one kind: how many there were, the first ones and the last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frames(Option<Box<Named>>);

/// Boxed, because most streams have nothing remarkable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Named {
    count: u64,
    frames: Vec<FrameNumber>,
}

impl Frames {
    /// One more.
    pub fn add(&mut self, frame: FrameNumber) {
        let named = self.0.get_or_insert_default();
        named.count += 1;
        if named.frames.len() > NAMED {
            named.frames.pop();
        }
        if named.frames.last() != Some(&frame) {
            named.frames.push(frame);
        }
    }

    /// Takes those that others counted, of other frames.
    pub fn merge(&mut self, other: Self) {
        let Some(other) = other.0 else { return };
        let named = self.0.get_or_insert_default();
        named.count += other.count;
        named.frames.extend(other.frames);
        named.frames.sort_unstable();
        if named.frames.len() > NAMED {
            let last = named.frames.pop();
            named.frames.truncate(NAMED);
            named.frames.extend(last);
        }
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.0.as_ref().map_or(0, |named| named.count)
    }

    /// Whether there was none.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// How many there were besides those that are named.
    pub fn more(&self) -> u64 {
        self.count().saturating_sub(self.named().len() as u64)
    }

    /// The first sixteen, and the last.
    pub fn named(&self) -> &[FrameNumber] {
        self.0.as_ref().map_or(&[], |named| &named.frames)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_name_the_first_ones_and_the_last() {
        let mut frames = Frames::default();
        assert!(frames.is_empty());
        for number in 1..=100 {
            frames.add(FrameNumber(number));
        }
        assert_eq!(frames.count(), 100);
        assert_eq!(frames.named().len(), NAMED + 1);
        assert_eq!(frames.named().first(), Some(&FrameNumber(1)));
        assert_eq!(frames.named().last(), Some(&FrameNumber(100)));
    }

    #[test]
    fn frames_counted_apart_are_those_counted_together() {
        for length in [0, 1, 15, 16, 17, 18, 40] {
            for parts in 1..5 {
                let mut together = Frames::default();
                let mut apart = vec![Frames::default(); parts];
                for number in 1..=length {
                    together.add(FrameNumber(number));
                    // Neither in turn nor evenly.
                    let part = usize::try_from(number * number / 3).unwrap() % parts;
                    apart[part].add(FrameNumber(number));
                }
                let merged = apart.into_iter().rev().reduce(|mut all, part| {
                    all.merge(part);
                    all
                });
                assert_eq!(merged, Some(together), "{length} in {parts}");
            }
        }
    }
}
