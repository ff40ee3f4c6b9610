//! Urgent bytes of one direction. A receiver reads them apart from the stream, unless it asked for them in it (`SO_OOBINLINE`).

/// Urgent bytes that are told apart; of more the stream keeps those that follow.
const MOST: usize = 1 << 12;

/// Places of urgent bytes among the numbered ones, ascending.
#[derive(Debug, Clone, Default)]
pub(super) struct Urgent(Vec<u64>);

impl Urgent {
    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        self.0.len() as u64
    }

    /// Notes an urgent byte, unless later ones came before it: a stream whose highest byte is this one has counted them by then.
    pub(super) fn note(&mut self, at: u64, highest: u64) {
        let later = self.0.last().is_none_or(|last| at > *last);
        if later && at >= highest.saturating_add(self.count()) && self.0.len() < MOST {
            self.0.push(at);
        }
    }

    /// How many lie before a number.
    pub(super) fn before(&self, number: i64) -> i64 {
        let Ok(number) = u64::try_from(number) else {
            return 0;
        };
        let before = self.0.partition_point(|at| *at < number);
        i64::try_from(before).unwrap_or(i64::MAX)
    }

    /// A payload of this length, its captured bytes from the number `start` on, without the urgent bytes; and how many these are on
    /// the wire. Absent where there are none.
    pub(super) fn taken_from(
        &self,
        start: i64,
        payload: &[u8],
        length: u32,
    ) -> Option<(Vec<u8>, u32)> {
        let end = start.saturating_add(i64::from(length));
        let (from, to) = (self.before(start), self.before(end));
        let apart = u32::try_from(to.saturating_sub(from))
            .ok()
            .filter(|apart| *apart > 0)?;
        let inside = self
            .0
            .get(usize::try_from(from).ok()?..usize::try_from(to).ok()?)?;
        let mut rest = payload;
        let mut number = start;
        let mut bytes = Vec::with_capacity(payload.len());
        for at in inside {
            let at = i64::try_from(*at).unwrap_or(i64::MAX);
            let ordinary = usize::try_from(at.saturating_sub(number)).unwrap_or(usize::MAX);
            let (own, behind) = rest.split_at_checked(ordinary).unwrap_or((rest, &[]));
            bytes.extend_from_slice(own);
            rest = behind.get(1..).unwrap_or_default();
            number = at.saturating_add(1);
        }
        bytes.extend_from_slice(rest);
        Some((bytes, apart))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_ascend_whatever_comes_first() {
        let mut urgent = Urgent::default();
        // One far ahead, with no ordinary byte behind it.
        urgent.note(1000, 0);
        urgent.note(500, 0);
        urgent.note(1000, 0);
        urgent.note(1001, 1000);
        assert_eq!(urgent.0, [1000, 1001]);
        assert_eq!(
            [-1, 1000, 1001, 1002].map(|number| urgent.before(number)),
            [0, 0, 1, 2]
        );
    }

    #[test]
    fn what_is_taken_from_a_payload_is_what_lies_in_it() {
        let urgent = Urgent(vec![2, 5, 6, 9]);
        let taken = |start, payload: &[u8], length| {
            let taken = urgent.taken_from(start, payload, length);
            taken.map(|(bytes, apart)| (String::from_utf8(bytes).unwrap(), apart))
        };
        assert_eq!(taken(0, b"ab!cd!!ef!", 10), Some(("abcdef".to_owned(), 4)));
        assert_eq!(taken(5, b"!!ef", 4), Some(("ef".to_owned(), 2)));
        assert_eq!(taken(3, b"cd", 2), None);
        assert_eq!(taken(-2, b"xxab!", 5), Some(("xxab".to_owned(), 1)));
        // Cut by the snap length: the wire had more of them.
        assert_eq!(taken(0, b"ab!c", 10), Some(("abc".to_owned(), 4)));
        assert_eq!(taken(0, b"", 10), Some((String::new(), 4)));
    }
}
