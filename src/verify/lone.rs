//! The header of the only message of a stream in a framing that nothing confirms: whether each byte of it tells something.
//!
//! A second message shows what belongs to a framing. Of one it is only known what tells of the picture: a byte beside that is a type
//! as well as a byte too many.

use super::leads::grouped;
use super::strays::preamble;
use crate::units;

/// Longer headers are not looked into.
const MOST: usize = 1024;
/// Shorter runs of letters are no text.
const TEXT: usize = 3;

/// What is known of the picture behind a header.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject {
    /// Its length, as a header may tell it: of its own bytes, and of those that it takes.
    pub lengths: [u64; 2],
    /// Width and height.
    pub size: Option<(u32, u32)>,
}

/// How many bytes of a header tell nothing: they are of no field that tells of the picture, and of no text. Where such a field stands
/// as words of two bytes do, all words are fields. A header of text is its program's own.
pub(crate) fn untold(header: &[u8], subject: Subject) -> usize {
    let header = header.get(preamble(header)..).unwrap_or_default();
    if header.len() > MOST || header.iter().all(|byte| is_letter(*byte)) {
        return 0;
    }
    let bytes = fewest(header, subject, false).unwrap_or(header.len());
    // One byte alone is rather too many than half of a word.
    if bytes < 2 || !header.len().is_multiple_of(2) {
        return bytes;
    }
    let words = fewest(header, subject, true);
    words.map_or(bytes, |words| words.min(bytes))
}

/// The same of what comes once, before the first of several headers, and tells of no picture: words of text are its program's own.
pub(crate) fn untold_once(bytes: &[u8]) -> usize {
    if bytes.len() < TEXT {
        return bytes.len();
    }
    let nothing = Subject {
        lengths: [0; 2],
        size: None,
    };
    let untold = untold(bytes, nothing);
    if untold > 1 && bytes.len().is_multiple_of(2) {
        0
    } else {
        untold
    }
}

/// The fewest bytes that tell nothing. `words`: words of two bytes need not, in a header in which a field on their border tells of
/// the picture; absent where none does.
fn fewest(header: &[u8], subject: Subject, words: bool) -> Option<usize> {
    // From each place on: without a field that tells, and with one.
    let mut places = vec![[None, None]; header.len() + 1];
    if let Some(end) = places.last_mut() {
        *end = [Some(0), None];
    }
    for at in (0..header.len()).rev() {
        let behind = |length: usize| places.get(at + length).copied().unwrap_or([None, None]);
        let mut least = behind(1).map(|count: Option<usize>| count.map(|count| count + 1));
        let mut take = |found: [Option<usize>; 2]| {
            for (least, found) in least.iter_mut().zip(found) {
                *least = (*least).into_iter().chain(found).min();
            }
        };
        let rest = header.get(at..).unwrap_or_default();
        for length in telling(header, at, subject) {
            let [without, with] = behind(length);
            let either = without.into_iter().chain(with).min();
            take(if at.is_multiple_of(2) {
                [None, either]
            } else {
                [without, with]
            });
        }
        if words && at.is_multiple_of(2) && !cuts_text(header, at) {
            take(behind(2));
        }
        // The rest, where it is the length in groups of seven bits.
        let tells = grouped(rest).any(|value| subject.lengths.contains(&value));
        for length in text(rest)
            .chain(counted(rest))
            .chain(tells.then_some(rest.len()))
        {
            take(behind(length));
        }
        if let Some(place) = places.get_mut(at) {
            *place = least;
        }
    }
    let [without, with] = places.first().copied()?;
    if words {
        with
    } else {
        without.into_iter().chain(with).min()
    }
}

/// Whether the word at a place has the last letter of a text and a byte that ends none.
fn cuts_text(header: &[u8], at: usize) -> bool {
    let Some([letter, end]) = header.get(at..at + 2) else {
        return false;
    };
    let before = header.get(..=at).unwrap_or_default().iter().rev();
    let letters = before.take_while(|byte| is_letter(**byte)).count();
    is_letter(*letter) && !is_letter(*end) && *end != 0 && letters >= TEXT
}

fn is_letter(byte: u8) -> bool {
    matches!(byte, 0x20..0x7f | b'\t' | b'\r' | b'\n')
}

/// Lengths of the fields at a place that tell the length of the picture, its width or its height.
fn telling(header: &[u8], at: usize, subject: Subject) -> impl Iterator<Item = usize> {
    [2_usize, 4, 8].into_iter().filter(move |&width| {
        let Some(bytes) = header.get(at..at + width) else {
            return false;
        };
        let values: Vec<u64> = units::numbers(bytes)
            .into_iter()
            .chain(units::doubles(bytes))
            .collect();
        let whole = header.len() as u64;
        let behind = (header.len() - at - width) as u64;
        values.iter().any(|value| {
            let length = *value > 0
                && subject.lengths.iter().any(|length| {
                    [0, whole, behind]
                        .iter()
                        .any(|beside| length.checked_add(*beside) == Some(*value))
                });
            let side = subject
                .size
                .is_some_and(|(wide, high)| [u64::from(wide), u64::from(high)].contains(value));
            length || side
        })
    })
}

/// A run of letters, and the zeros, two or more, that fill its place up to a multiple of four bytes. One zero may be too many.
fn text(rest: &[u8]) -> impl Iterator<Item = usize> {
    let letters = rest.iter().take_while(|byte| is_letter(**byte)).count();
    let zeros = rest
        .iter()
        .skip(letters)
        .take_while(|byte| **byte == 0)
        .count();
    let is_text = letters >= TEXT;
    let filled = (letters + 2..=letters + zeros).filter(|length| length.is_multiple_of(4));
    std::iter::once(letters)
        .chain(filled)
        .filter(move |_| is_text)
}

/// A text with its length before it, in one, two or four bytes.
fn counted(rest: &[u8]) -> impl Iterator<Item = usize> {
    [1_usize, 2, 4].into_iter().filter_map(|width| {
        let bytes = rest.get(..width)?;
        let fold = |value: usize, byte: &u8| value << 8 | usize::from(*byte);
        let [most, least] = [bytes.iter().fold(0, fold), bytes.iter().rev().fold(0, fold)];
        // In one byte also with the sign in the lowest bit.
        let signed = (width == 1 && most & 1 == 0).then_some(most >> 1);
        [most, least].into_iter().chain(signed).find_map(|length| {
            let text = rest.get(width..width.checked_add(length)?)?;
            (length >= TEXT && text.iter().all(|byte| is_letter(*byte))).then_some(width + length)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUBJECT: Subject = Subject {
        lengths: [12_104, 12_104],
        size: Some((320, 240)),
    };

    fn healthy() -> Vec<Vec<u8>> {
        let be = 12_104_u32.to_be_bytes();
        let le = 12_104_u32.to_le_bytes();
        let side = |side: u32| side.to_be_bytes();
        vec![
            be.to_vec(),
            12_104_u64.to_be_bytes().to_vec(),
            12_108_u32.to_le_bytes().to_vec(),
            [&b"IMG0"[..], &le].concat(),
            [&b"a.jpg\0\0\0"[..], &le].concat(),
            [side(320), side(240), side(3), be].concat(),
            [&[0xaa, 0x55][..], &le].concat(),
            b"\x0aa.jpg\x90\xbd\x01".to_vec(),
        ]
    }

    #[test]
    fn each_byte_of_a_header_tells_and_one_more_or_less_does_not() {
        for header in healthy() {
            assert_eq!(untold(&header, SUBJECT), 0, "{header:?}");
            let text = |at: usize| {
                let around = [at.wrapping_sub(1), at].into_iter();
                around
                    .filter_map(|at| header.get(at))
                    .any(|byte| is_letter(*byte))
            };
            for at in 0..=header.len() {
                for byte in [0, 1, 0x0a, b'1', b'X', 0x80, 0xff] {
                    let mut more = header.clone();
                    more.insert(at, byte);
                    let free = is_letter(byte) && text(at);
                    assert!(free || untold(&more, SUBJECT) > 0, "{more:?}");
                }
            }
            for at in 0..header.len() {
                let mut less = header.clone();
                let gone = less.remove(at);
                assert!(is_letter(gone) || untold(&less, SUBJECT) > 0, "{less:?}");
            }
        }
    }

    #[test]
    fn a_byte_of_unknown_meaning_tells_nothing() {
        let be = 12_104_u32.to_be_bytes();
        assert_eq!(untold(&[&[1][..], &be].concat(), SUBJECT), 1);
        assert_eq!(untold(&[&be[..], &[0]].concat(), SUBJECT), 1);
        assert_eq!(untold(b"SIZE 12104\n", SUBJECT), 0);
        // Names with their length in one byte, and in two.
        assert_eq!(untold(b"\x05a.jpg\0\0\x2f\x48", SUBJECT), 0);
        assert_eq!(untold(b"\0\x05a.jpg\0\0\x2f\x48", SUBJECT), 0);
        assert_eq!(untold(b"\x05a.jpg\xff\0\0\x2f\x48", SUBJECT), 1);
        assert_eq!(untold(b"", SUBJECT), 0);
        // Words stand where a field on their border tells.
        assert_eq!(untold(b"\0\x05a.jpg\0\0\x2f\x48\xff", SUBJECT), 1);
        // But not where they cut a text.
        assert_eq!(untold(b"\x01\x40\0\xf00001\x072104", SUBJECT), 1);
        assert_eq!(untold(b"\x01\x40\0\xf0a.jpg\0\0\0\x2f\x48", SUBJECT), 0);
        assert_eq!(untold(b"\xff{\"size\": 12104}", SUBJECT), 1);
        assert_eq!(untold(b"\xffSIZE 12104\n", SUBJECT), 1);
        assert_eq!(untold(&[1, 2, 3, 4], SUBJECT), 4);
        // What comes once.
        assert_eq!(untold_once(b"HELLO\n"), 0);
        assert_eq!(untold_once(b"\0\0\0\x03"), 0);
        assert_eq!(untold_once(b"\xff"), 1);
        assert_eq!(untold_once(b"I"), 1);
        assert_eq!(untold_once(b"\0HELLO\n"), 1);
        assert_eq!(untold_once(b"\0HELLO"), 1);
    }
}
