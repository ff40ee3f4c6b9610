//! Two byte strings side by side.

use super::damage::{Damage, damage};

/// How two byte strings differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ByteComparison {
    /// Length of what was expected.
    pub expected: u64,
    /// Length of what was found.
    pub found: u64,
    /// First offset at which they differ, or at which the shorter ends; absent where they are equal.
    pub first_difference: Option<u64>,
    /// Offsets below both lengths at which they differ.
    pub differing: u64,
    /// Equal bytes from the beginning.
    pub common_prefix: u64,
    /// Equal bytes from the end backwards, whatever the lengths; may overlap the prefix.
    pub common_suffix: u64,
    /// What happened to them, where that has a name.
    pub damage: Damage,
}

/// Compares two byte strings, in time linear in their lengths.
pub(crate) fn bytes(expected: &[u8], found: &[u8]) -> ByteComparison {
    let prefix = common_prefix(expected, found);
    let equal = expected.len() == found.len() && prefix == found.len();
    ByteComparison {
        expected: expected.len() as u64,
        found: found.len() as u64,
        first_difference: (!equal).then_some(prefix as u64),
        differing: differing(expected, found),
        common_prefix: prefix as u64,
        common_suffix: common_suffix(expected, found) as u64,
        damage: damage(expected, found),
    }
}

/// Bytes compared at once where they are equal: long enough for the machine's own comparison, short enough to go
/// over again.
const BLOCK: usize = 512;

pub(super) fn common_prefix(left: &[u8], right: &[u8]) -> usize {
    let blocks = left.chunks_exact(BLOCK).zip(right.chunks_exact(BLOCK));
    let equal = blocks.take_while(|(left, right)| left == right).count();
    let from = equal.saturating_mul(BLOCK);
    let rest = left.iter().skip(from).zip(right.iter().skip(from));
    from.saturating_add(rest.take_while(|(left, right)| left == right).count())
}

pub(super) fn common_suffix(left: &[u8], right: &[u8]) -> usize {
    let blocks = left.rchunks_exact(BLOCK).zip(right.rchunks_exact(BLOCK));
    let equal = blocks.take_while(|(left, right)| left == right).count();
    let from = equal.saturating_mul(BLOCK);
    let rest = left
        .iter()
        .rev()
        .skip(from)
        .zip(right.iter().rev().skip(from));
    from.saturating_add(rest.take_while(|(left, right)| left == right).count())
}

fn differing(left: &[u8], right: &[u8]) -> u64 {
    let pairs = left.iter().zip(right);
    pairs.map(|(left, right)| u64::from(left != right)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_places() {
        let compared = bytes(b"abcdefgh", b"abXdeYgh");
        assert_eq!(compared.first_difference, Some(2));
        assert_eq!(
            (
                compared.differing,
                compared.common_prefix,
                compared.common_suffix
            ),
            (2, 2, 2)
        );
        let compared = bytes(b"abcd", b"abc");
        assert_eq!(
            (compared.first_difference, compared.differing),
            (Some(3), 0)
        );
        assert_eq!((compared.expected, compared.found), (4, 3));
        let compared = bytes(b"", b"");
        assert!(compared.first_difference.is_none());
    }

    #[test]
    fn prefixes_and_suffixes_across_blocks() {
        for length in [0, 1, 511, 512, 513, 1500] {
            for change in [0, 1, 510, 511, 512, 1024, 1499] {
                let left = vec![7; length];
                let mut right = left.clone();
                let expected = if change < length {
                    right[change] = 8;
                    (change, length - change - 1)
                } else {
                    (length, length)
                };
                let found = (common_prefix(&left, &right), common_suffix(&left, &right));
                assert_eq!(found, expected, "{length} {change}");
            }
        }
    }
}
