//! Names the damage that made one byte string of another, where the bytes prove it.

use std::fmt;

use memchr::memmem;

use super::bytes::{common_prefix, common_suffix};
use crate::units::{ByteRange, count, counted};

/// Bytes that have to agree before a shift is believed.
const WINDOW: usize = 32;

/// What happened to the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub(crate) enum Damage {
    /// Nothing: they are equal.
    Identical,
    /// The end is missing: `found` is the first `at` bytes.
    CutShort {
        /// Length found.
        at: u64,
        /// Bytes missing.
        missing: u64,
    },
    /// Everything, and then `extra` bytes too many.
    TrailingBytes {
        /// Length expected.
        at: u64,
        /// Bytes too many.
        extra: u64,
    },
    /// A run of bytes is missing, what follows has moved up.
    Missing {
        /// Offset of the first missing byte (where the bytes around leave a choice, the last possible).
        at: u64,
        /// How many.
        bytes: u64,
    },
    /// A run of bytes was put in, what follows has moved down.
    Inserted {
        /// Offset of the first byte too many (where there is a choice, the last possible).
        at: u64,
        /// How many.
        bytes: u64,
    },
    /// Every difference is a 0 where there should be something else, as tools write into holes.
    ZeroFilled {
        /// From the first such byte to behind the last; all of it is 0 where `holes` is 1.
        range: ByteRange,
        /// Runs of zeros in it.
        holes: u64,
        /// Bytes that differ.
        differing: u64,
    },
    /// Line ends were translated: the transfer was in text mode.
    LineEndings {
        /// How.
        how: LineEndings,
        /// How many were.
        lines: u64,
    },
    /// From some byte on all is as expected but moved; the end is cut or has more.
    Shifted {
        /// Offset in `found` from which on it is so.
        at: u64,
        /// By how many bytes: negative where bytes are missing before, positive where too many are.
        by: i64,
    },
    /// Bytes differ between these offsets, and no simpler thing explains it.
    Changed {
        /// From the first difference to behind the last, in `found`.
        range: ByteRange,
    },
}

/// A translation of line ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineEndings {
    /// Every LF became CR LF.
    LfToCrLf,
    /// Every CR LF became LF.
    CrLfToLf,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes_of = |bytes: u64| counted(bytes, "byte", "bytes");
        match self {
            Self::Identical => f.write_str("identical"),
            Self::CutShort { at, missing } => {
                write!(
                    f,
                    "cut short at byte {}: the last {} missing",
                    count(*at),
                    bytes_of(*missing)
                )
            }
            Self::TrailingBytes { at, extra } => {
                write!(
                    f,
                    "{} too many at the end, from byte {} on",
                    bytes_of(*extra),
                    count(*at)
                )
            }
            Self::Missing { at, bytes } => {
                write!(f, "{} missing at byte {}", bytes_of(*bytes), count(*at))
            }
            Self::Inserted { at, bytes } => {
                write!(f, "{} too many at byte {}", bytes_of(*bytes), count(*at))
            }
            Self::ZeroFilled {
                range,
                holes,
                differing,
            } => {
                write!(
                    f,
                    "filled with zeros between bytes {} and {}",
                    count(range.start),
                    count(range.end)
                )?;
                if *holes > 1 {
                    write!(f, ", in {} places", count(*holes))?;
                }
                write!(f, " ({} differ)", bytes_of(*differing))
            }
            Self::LineEndings {
                how: LineEndings::LfToCrLf,
                lines,
            } => {
                write!(
                    f,
                    "text mode: {} × LF (0a) became CR LF (0d 0a)",
                    count(*lines)
                )
            }
            Self::LineEndings {
                how: LineEndings::CrLfToLf,
                lines,
            } => {
                write!(
                    f,
                    "text mode: {} × CR LF (0d 0a) became LF (0a)",
                    count(*lines)
                )
            }
            Self::Shifted { at, by } => {
                let way = if *by < 0 { "missing" } else { "too many" };
                let bytes = bytes_of(by.unsigned_abs());
                write!(
                    f,
                    "shifted from byte {} on: {bytes} {way} before it, and the end differs too",
                    count(*at)
                )
            }
            Self::Changed { range } => {
                write!(
                    f,
                    "different between bytes {} and {}",
                    count(range.start),
                    count(range.end)
                )
            }
        }
    }
}

/// Names what made `found` of `expected`: the simplest explanation that fits every byte.
pub(super) fn damage(expected: &[u8], found: &[u8]) -> Damage {
    let prefix = common_prefix(expected, found);
    let at = prefix as u64;
    let (expected_left, found_left) = (
        expected.len().saturating_sub(prefix) as u64,
        found.len().saturating_sub(prefix) as u64,
    );
    match (expected_left, found_left) {
        (0, 0) => return Damage::Identical,
        (missing, 0) => return Damage::CutShort { at, missing },
        (0, extra) => return Damage::TrailingBytes { at, extra },
        _ => {}
    }
    if let Some(lines) = translated(expected, found) {
        let how = LineEndings::LfToCrLf;
        return Damage::LineEndings { how, lines };
    }
    if let Some(lines) = translated(found, expected) {
        let how = LineEndings::CrLfToLf;
        return Damage::LineEndings { how, lines };
    }
    let suffix = common_suffix(expected, found);
    let shorter = expected.len().min(found.len());
    if expected.len() != found.len() && prefix.saturating_add(suffix) >= shorter {
        return match expected_left.cmp(&found_left) {
            std::cmp::Ordering::Greater => Damage::Missing {
                at,
                bytes: expected_left.saturating_sub(found_left),
            },
            _ => Damage::Inserted {
                at,
                bytes: found_left.saturating_sub(expected_left),
            },
        };
    }
    if expected.len() == found.len()
        && let Some(filled) = zero_filled(expected, found)
    {
        return filled;
    }
    if let Some(shifted) = shifted(expected, found, prefix) {
        return shifted;
    }
    let common = if expected.len() == found.len() {
        suffix
    } else {
        0
    };
    let end = found.len().saturating_sub(common) as u64;
    Damage::Changed { range: at..end }
}

/// How many LF there are in `plain`, if putting a CR before each makes `translated` of it.
fn translated(plain: &[u8], translated: &[u8]) -> Option<u64> {
    let added = translated.len().checked_sub(plain.len())?;
    let lines = memchr::memchr_iter(b'\n', plain).count();
    if lines != added || lines == 0 {
        return None;
    }
    let mut rest = translated;
    for line in plain.split_inclusive(|&byte| byte == b'\n') {
        match line.strip_suffix(b"\n") {
            Some(text) => rest = rest.strip_prefix(text)?.strip_prefix(b"\r\n")?,
            None => rest = rest.strip_prefix(line)?,
        }
    }
    rest.is_empty().then_some(lines as u64)
}

/// Equal lengths: whether every byte that differs is 0 in `found`. A hole ends at the first byte that is not 0.
fn zero_filled(expected: &[u8], found: &[u8]) -> Option<Damage> {
    let (mut first, mut end, mut holes, mut differing) = (None, 0u64, 0u64, 0u64);
    let mut in_hole = false;
    for (offset, (expected, found)) in (0u64..).zip(expected.iter().zip(found)) {
        if *found != 0 {
            in_hole = false;
            if expected != found {
                return None;
            }
        } else if expected != found {
            first.get_or_insert(offset);
            end = offset.saturating_add(1);
            holes = holes.saturating_add(u64::from(!in_hole));
            differing = differing.saturating_add(1);
            in_hole = true;
        }
    }
    // A single changed byte that happens to be 0 is no hole.
    let range = first.filter(|_| differing > 1)?..end;
    Some(Damage::ZeroFilled {
        range,
        holes,
        differing,
    })
}

/// Whether from the first difference on the one holds what the other holds further on, to the end of the shorter.
fn shifted(expected: &[u8], found: &[u8], prefix: usize) -> Option<Damage> {
    let (expected_rest, found_rest) = (expected.get(prefix..)?, found.get(prefix..)?);
    let agree = |left: &[u8], right: &[u8]| {
        let length = left.len().min(right.len());
        length >= WINDOW && left.get(..length) == right.get(..length)
    };
    if let Some(window) = found_rest.get(..WINDOW)
        && let Some(moved) = memmem::find(expected_rest, window)
        && agree(expected_rest.get(moved..)?, found_rest)
    {
        let by = i64::try_from(moved).ok()?.checked_neg()?;
        let at = prefix as u64;
        return Some(Damage::Shifted { at, by });
    }
    if let Some(window) = expected_rest.get(..WINDOW)
        && let Some(moved) = memmem::find(found_rest, window)
        && agree(found_rest.get(moved..)?, expected_rest)
    {
        let by = i64::try_from(moved).ok()?;
        let at = prefix.saturating_add(moved) as u64;
        return Some(Damage::Shifted { at, by });
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Bytes without a repeat of a few bytes, so that every damage has one place only, and with LF in it.
    fn sent() -> Vec<u8> {
        (0u32..2000)
            .flat_map(|value| value.wrapping_mul(2_654_435_761).to_be_bytes())
            .map(|byte| if byte == 0 { 1 } else { byte })
            .collect()
    }

    fn translate(bytes: &[u8]) -> Vec<u8> {
        bytes
            .iter()
            .flat_map(|&byte| {
                if byte == b'\n' {
                    vec![b'\r', b'\n']
                } else {
                    vec![byte]
                }
            })
            .collect()
    }

    #[test]
    fn names_each_kind() {
        let sent = sent();
        let says = |found: &[u8]| damage(&sent, found).to_string();
        assert_eq!(says(&sent), "identical");
        assert_eq!(
            says(&sent[..7990]),
            "cut short at byte 7,990: the last 10 bytes missing"
        );
        assert_eq!(
            says(&[&sent[..], b"%IMAGE_COMPLETED%"].concat()),
            "17 bytes too many at the end, from byte 8,000 on"
        );
        assert_eq!(
            says(&[&sent[..100], &sent[1124..]].concat()),
            "1,024 bytes missing at byte 100"
        );
        assert_eq!(
            says(&[&sent[..5], &sent[6..]].concat()),
            "1 byte missing at byte 5"
        );
        assert_eq!(
            says(&[&sent[..100], b"\x05\x06", &sent[100..]].concat()),
            "2 bytes too many at byte 100"
        );
        let mut filled = sent.clone();
        filled[10..20].fill(0);
        assert_eq!(
            says(&filled),
            "filled with zeros between bytes 10 and 20 (10 bytes differ)"
        );
        filled[30] = 0;
        assert_eq!(
            says(&filled),
            "filled with zeros between bytes 10 and 31, in 2 places (11 bytes differ)"
        );
        let lines = memchr::memchr_iter(b'\n', &sent).count();
        assert!(lines > 3);
        assert_eq!(
            says(&translate(&sent)),
            format!(
                "text mode: {} × LF (0a) became CR LF (0d 0a)",
                count(lines as u64)
            )
        );
        assert_eq!(
            damage(&translate(&sent), &sent),
            Damage::LineEndings {
                how: LineEndings::CrLfToLf,
                lines: lines as u64
            }
        );
        assert_eq!(
            says(&[&sent[..100], &sent[1124..5000]].concat()),
            "shifted from byte 100 on: 1,024 bytes missing before it, and the end differs too"
        );
        assert_eq!(
            damage(
                &sent,
                &[&sent[..100], b"\x05\x06", &sent[100..5000]].concat()
            ),
            Damage::Shifted { at: 102, by: 2 }
        );
        let mut changed = sent.clone();
        changed[50] ^= 1;
        changed[70] ^= 1;
        assert_eq!(says(&changed), "different between bytes 50 and 71");
    }

    #[test]
    fn near_misses_are_not_named() {
        let sent = sent();
        let mut almost = translate(&sent);
        let last = almost.len() - 1;
        almost[last] ^= 1;
        assert!(!matches!(
            damage(&sent, &almost),
            Damage::LineEndings { .. }
        ));
        let mut almost = sent.clone();
        almost[10..20].fill(0);
        almost[40] ^= 1;
        assert_eq!(damage(&sent, &almost), Damage::Changed { range: 10..41 });
        let mut one = sent.clone();
        one[10] = 0;
        assert_eq!(damage(&sent, &one), Damage::Changed { range: 10..11 });
    }

    proptest! {
        #[test]
        fn what_was_taken_out_is_found_or_explained_alike(at in 0usize..7000, length in 1usize..900) {
            let sent = sent();
            let found = [&sent[..at], &sent[at + length..]].concat();
            // Where the bytes around allow several places the last is named; the same bytes go missing.
            let Damage::Missing { at: named, bytes } = damage(&sent, &found) else {
                return Err(TestCaseError::fail(damage(&sent, &found).to_string()));
            };
            prop_assert_eq!(bytes, length as u64);
            let named = usize::try_from(named).unwrap();
            prop_assert_eq!([&sent[..named], &sent[named + length..]].concat(), found);
        }

        #[test]
        fn any_two_strings_compare(
            left in proptest::collection::vec(0u8..3, 0..90),
            right in proptest::collection::vec(0u8..3, 0..90),
        ) {
            let compared = super::super::bytes(&left, &right);
            prop_assert_eq!(compared.first_difference.is_none(), left == right);
            prop_assert_eq!(compared.damage == Damage::Identical, left == right);
        }
    }
}
