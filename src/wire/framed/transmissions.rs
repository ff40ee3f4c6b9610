//! Which data datagrams of a picture came: each that is handed over has a number of its own, also when it carries a
//! piece again. So a datagram that the network doubled can be told from a piece that was sent again, and one that
//! overtook another from one that filled a hole.

/// Most datagrams of one picture that are told apart: so many bits are kept at most.
const MOST: u32 = 1 << 23;

/// The numbers that came.
#[derive(Debug, Clone, Default)]
pub(super) struct Transmissions {
    /// A bit each.
    came: Vec<u64>,
    count: u64,
    /// One past the highest.
    end: u32,
    /// Some were beyond what is kept.
    uncounted: bool,
}

/// What a number says of its datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    /// Higher than all before.
    Newest,
    /// Below the highest so far, and new.
    Overtaken,
    /// It came before.
    Copy,
}

impl Transmissions {
    /// Takes a number.
    pub(super) fn take(&mut self, number: u32) -> Arrival {
        let newest = number >= self.end;
        self.end = self.end.max(number.saturating_add(1));
        if number >= MOST {
            self.uncounted = true;
        } else {
            let (word, bit) = (usize::try_from(number / 64).unwrap_or(0), number % 64);
            if word >= self.came.len() {
                self.came.resize(word.saturating_add(1), 0);
            }
            if let Some(word) = self.came.get_mut(word) {
                if *word >> bit & 1 == 1 {
                    return Arrival::Copy;
                }
                *word |= 1 << bit;
                self.count = self.count.saturating_add(1);
            }
        }
        if newest {
            Arrival::Newest
        } else {
            Arrival::Overtaken
        }
    }

    /// How many came, copies left out; absent where there were too many to tell copies.
    pub(super) fn count(&self) -> Option<u64> {
        (!self.uncounted).then_some(self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_and_overtaken_ones_are_told_apart() {
        let mut came = Transmissions::default();
        let arrivals = [0, 1, 70, 70, 2, 1, 71].map(|number| came.take(number));
        assert_eq!(
            arrivals,
            [
                Arrival::Newest,
                Arrival::Newest,
                Arrival::Newest,
                Arrival::Copy,
                Arrival::Overtaken,
                Arrival::Copy,
                Arrival::Newest
            ]
        );
        assert_eq!(came.count(), Some(5));
    }

    #[test]
    fn numbers_beyond_what_is_kept_are_no_count() {
        let mut came = Transmissions::default();
        assert_eq!(came.take(u32::MAX), Arrival::Newest);
        assert_eq!(came.take(3), Arrival::Overtaken);
        assert_eq!(came.count(), None);
        assert!(came.came.len() <= 1);
    }
}
