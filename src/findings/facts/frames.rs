//! Frames of one kind, counted and a few of them named.

use crate::units::FrameNumber;

/// How many frames a finding names: the first ones, and the last.
const NAMED: usize = 16;

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

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.0.as_ref().map_or(0, |named| named.count)
    }

    /// Whether there was none.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
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
}
