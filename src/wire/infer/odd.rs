//! The one header among several that keeps the others from showing their framing.

use super::super::layout::{Field, Kind, Layout, Shape, Size};
use super::solve::{Sample, Solved, fits, solve};

/// So many show a framing.
const SHOWING: usize = 8;
/// Longer headers are not looked into.
const LONGEST: usize = 256;

/// What stands before a picture, and what is known of that.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header<'b> {
    pub(crate) bytes: &'b [u8],
    pub(crate) length: u64,
    pub(crate) size: Option<(u32, u32)>,
}

/// A header that is not as the others are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Odd {
    /// Which one.
    pub(crate) at: usize,
    /// It is the first, and what follows so many bytes of it is as the others are.
    pub(crate) once: Option<usize>,
}

/// The header that is not of the framing that all others show; of two that show none together, the longer one. Absent where all show
/// one, where nothing does, and where all are texts, which are their programs' own. `known`: a wire format has them all as texts that
/// may differ, and one that has other bytes than letters where the others have none, or more of them, is odd; where it is a layout,
/// other bytes than letters in its texts.
pub(crate) fn odd_one(headers: &[Header<'_>], known: bool, layout: Option<&Layout>) -> Option<Odd> {
    let long = |header: &Header<'_>| header.bytes.is_empty() || header.bytes.len() > LONGEST;
    if headers.len() < 2 || headers.iter().any(long) {
        return None;
    }
    let odd = |at: usize| Some(Odd { at, once: None });
    let in_texts = layout.and_then(|layout| {
        let each = headers.iter().map(|one| in_texts(one.bytes, layout));
        each.collect::<Option<Vec<usize>>>()
    });
    let others =
        in_texts.unwrap_or_else(|| headers.iter().map(|one| other_bytes(one.bytes)).collect());
    if let Some(at) = unlike(&others).filter(|_| known || others.contains(&0)) {
        return odd(at);
    }
    if known || others.iter().all(|count| *count == 0) {
        return None;
    }
    let samples: Vec<Sample<'_>> = headers.iter().map(Header::sample).collect();
    let showing = samples
        .get(..SHOWING.min(samples.len()))
        .unwrap_or_default();
    if let Some(solved) = solved(showing) {
        let fits = |sample: &Sample<'_>| fits(std::slice::from_ref(sample), &solved);
        return odd(samples.iter().position(|sample| !fits(sample))?);
    }
    if let [one, other] = samples.as_slice() {
        let each = [one, other]
            .into_iter()
            .all(|sample| solved(std::slice::from_ref(sample)).is_some());
        let longer = usize::from(other.header.len() > one.header.len());
        return odd(longer).filter(|_| each && one.header.len() != other.header.len());
    }
    // The others may be of one length by chance: the framing that leaves the fewest bytes without a meaning is theirs.
    let left_out = (0..showing.len()).filter_map(|odd| {
        let mut others = showing.to_vec();
        others.remove(odd);
        Some((odd, solved(&others)?))
    });
    let (at, solved) = left_out.min_by_key(|(_, solved)| unknown(solved))?;
    let lengths = |sample: &Sample<'_>| sample.header.len();
    let other = samples.get(usize::from(at == 0)).map_or(0, lengths);
    let alike = samples
        .iter()
        .skip(1)
        .all(|sample| lengths(sample) == other);
    let once = samples
        .first()
        .filter(|_| at == 0 && alike)
        .and_then(|first| lengths(first).checked_sub(other))
        .filter(|once| {
            let behind = samples.first().and_then(|first| {
                Some(Sample {
                    header: first.header.get(*once..)?,
                    ..first.clone()
                })
            });
            behind.is_some_and(|behind| fits(&[behind], &solved))
        });
    Some(Odd { at, once })
}

/// Bytes of a header that have no meaning.
fn unknown(solved: &Solved) -> u32 {
    let of = |field: &Field| match field.kind {
        Kind::Bytes(count) => count,
        _ => 0,
    };
    solved.fields.iter().map(of).sum()
}

impl<'b> Header<'b> {
    fn sample(&self) -> Sample<'b> {
        Sample {
            header: self.bytes,
            length: self.length,
            width: self.size.map(|(width, _)| width),
            height: self.size.map(|(_, height)| height),
            picture: &[],
            behind: 0,
        }
    }
}

/// A framing that tells the lengths and takes each header whole.
fn solved(samples: &[Sample<'_>]) -> Option<Solved> {
    let found = solve(samples)?;
    let texts = samples
        .iter()
        .all(|sample| are_texts(sample.header, &found));
    (found.length && texts && fits(samples, &found)).then_some(found)
}

/// Whether what fields take for text holds no other bytes.
fn are_texts(header: &[u8], solved: &Solved) -> bool {
    let mut at = 0;
    solved.fields.iter().all(|field| {
        let rest = header.get(at..).unwrap_or_default();
        let Size::Is(size) = field.kind.size(rest, None, true) else {
            return false;
        };
        at += size;
        let text = matches!(field.kind, Kind::Text(Shape::Until(_)));
        !text || rest.get(..size).is_some_and(|text| other_bytes(text) == 0)
    })
}

/// Other bytes than letters in a header's texts; absent where the layout does not take it whole.
fn in_texts(header: &[u8], layout: &Layout) -> Option<usize> {
    let mut at = 0;
    let mut others = 0;
    let before = layout
        .message
        .iter()
        .take_while(|field| !matches!(field.kind, Kind::Picture(_)));
    for field in before {
        let rest = header.get(at..)?;
        let Size::Is(size) = field.kind.size(rest, None, true) else {
            return None;
        };
        if matches!(field.kind, Kind::Text(_)) {
            others += other_bytes(rest.get(..size)?);
        }
        at += size;
    }
    (at == header.len()).then_some(others)
}

/// Bytes that are neither letters and marks nor what ends lines.
fn other_bytes(bytes: &[u8]) -> usize {
    let control = |letter: &char| letter.is_control() && !matches!(letter, '\r' | '\n' | '\t');
    let chunks = bytes.utf8_chunks().map(|chunk| {
        let controls = chunk.valid().chars().filter(control).count();
        controls + chunk.invalid().len()
    });
    chunks.sum()
}

/// The one count that is not as the others, which are three or more in all, or two of which one is 0.
fn unlike(counts: &[usize]) -> Option<usize> {
    if let [one, other] = counts {
        return match (one, other) {
            (0, 0) => None,
            (0, _) => Some(1),
            (_, 0) => Some(0),
            _ => None,
        };
    }
    let at = counts
        .iter()
        .position(|count| Some(count) != counts.first())?;
    // The first may be the odd one.
    let (first, rest) = (counts.first()?, counts.get(1..)?);
    let at = if at == 1 && rest.iter().all(|count| Some(count) == rest.first()) {
        0
    } else {
        at
    };
    let usual = if at == 0 { rest.first()? } else { first };
    let mut others = counts.iter().enumerate().filter(|(place, _)| *place != at);
    others.all(|(_, count)| count == usual).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTHS: [u32; 4] = [12_104, 12_598, 4_531, 70_003];

    type Framing = fn(u32, usize) -> Vec<u8>;

    const FRAMINGS: [Framing; 7] = [
        |length, _| length.to_be_bytes().to_vec(),
        |length, _| [&[7][..], &length.to_le_bytes()].concat(),
        |length, at| {
            [
                &b"IMGX\x01"[..],
                &[u8::try_from(at).unwrap()],
                &length.to_be_bytes(),
            ]
            .concat()
        },
        |length, at| {
            let name = format!("{}.jpg", "n".repeat(at + 1));
            let count = u8::try_from(name.len()).unwrap();
            [&[count][..], name.as_bytes(), &length.to_be_bytes()].concat()
        },
        |length, at| {
            format!(
                "{{\"name\": \"{}\", \"size\": {length}}}\n",
                "n".repeat(at + 1)
            )
            .into_bytes()
        },
        |length, _| format!("{length:010}").into_bytes(),
        |length, _| format!("SIZE {length}\n").into_bytes(),
    ];

    fn odd(headers: &[Vec<u8>]) -> Option<usize> {
        let headers: Vec<Header<'_>> = headers
            .iter()
            .zip(LENGTHS)
            .map(|(bytes, length)| Header {
                bytes,
                length: length.into(),
                size: Some((320, 240)),
            })
            .collect();
        odd_one(&headers, false, None).map(|odd| odd.at)
    }

    #[test]
    fn one_count_is_unlike_the_others() {
        assert_eq!(unlike(&[0, 0]), None);
        assert_eq!(unlike(&[0, 2]), Some(1));
        assert_eq!(unlike(&[2, 3]), None);
        assert_eq!(unlike(&[5, 4, 4]), Some(0));
        assert_eq!(unlike(&[4, 5, 4]), Some(1));
        assert_eq!(unlike(&[4, 4, 5]), Some(2));
        assert_eq!(unlike(&[4, 5, 6]), None);
        assert_eq!(unlike(&[4, 4, 4]), None);
    }

    #[test]
    fn headers_of_one_framing_have_no_odd_one() {
        for framing in FRAMINGS {
            for count in 2..=LENGTHS.len() {
                let headers: Vec<_> = (0..count).map(|at| framing(LENGTHS[at], at)).collect();
                assert_eq!(odd(&headers), None, "{headers:?}");
            }
        }
    }

    /// A length may be a letter, and says nothing of the texts behind it.
    #[test]
    fn only_the_texts_of_a_layout_are_held_to_be_texts() {
        let layout: Layout = "layout u32be, text(until \"}\"), picture".parse().unwrap();
        let bytes: Vec<Vec<u8>> = [
            (0x1f_u32, "{\"n\": 1}"),
            (0x2f, "{\"n\": 22}"),
            (0x1e, "{\"n\": 3}"),
        ]
        .map(|(length, text)| [&length.to_be_bytes()[..], text.as_bytes()].concat())
        .to_vec();
        let odd = |bytes: &[Vec<u8>], layout| {
            let header = |bytes| Header {
                bytes,
                length: 5000,
                size: None,
            };
            let headers: Vec<Header<'_>> = bytes.iter().map(|one| header(one)).collect();
            odd_one(&headers, true, layout).map(|odd| odd.at)
        };
        assert_eq!(odd(&bytes, Some(&layout)), None);
        for at in 0..3 {
            let mut changed = bytes.clone();
            changed[at][6] = 0x80;
            assert_eq!(odd(&changed, Some(&layout)), Some(at));
        }
        assert_eq!(odd(&bytes, None), Some(1));
    }

    #[test]
    fn a_byte_too_many_or_too_few_makes_one_odd() {
        for (number, framing) in FRAMINGS.into_iter().enumerate() {
            for count in 3..=LENGTHS.len() {
                for which in 0..count {
                    let headers: Vec<_> = (0..count).map(|at| framing(LENGTHS[at], at)).collect();
                    for at in 0..=headers[which].len() {
                        for byte in [0, 1, 0xff] {
                            let mut more = headers.clone();
                            more[which].insert(at, byte);
                            let found = odd(&more);
                            // Where names differ in length, two may be of one length with the byte.
                            let which = if number == 3 { found } else { Some(which) };
                            assert!(found.is_some() && found == which, "{more:?}");
                        }
                    }
                }
            }
        }
    }
}
