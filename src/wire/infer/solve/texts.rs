//! Headers with text in them: numbers in digits, names, lines.

use super::{Place, Sample, Solved, counted};
use crate::wire::layout::{Counts, Field, Fill, Kind, Role, Shape};

/// A text with the length somewhere in it: JSON, a command line. What stands around the digits may differ from message to
/// message.
pub(super) fn by_digits(samples: &[Sample<'_>]) -> Option<Solved> {
    [Digits::Decimal, Digits::Lower, Digits::Upper]
        .into_iter()
        .find_map(|digits| in_digits(samples, digits))
}

/// How a number is written in digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Digits {
    Decimal,
    /// Hexadecimal, with small letters.
    Lower,
    /// Hexadecimal, with capital letters.
    Upper,
}

impl Digits {
    /// The number; of few hexadecimal digits none, since those stand anywhere by chance.
    fn write(self, number: u64) -> Option<String> {
        const FEW: usize = 3;
        match self {
            Self::Decimal => Some(number.to_string()),
            Self::Lower => Some(format!("{number:x}")).filter(|text| text.len() >= FEW),
            Self::Upper => Some(format!("{number:X}")).filter(|text| text.len() >= FEW),
        }
    }

    /// Whether a byte beside the number makes it another one.
    fn goes_on(self, byte: u8) -> bool {
        match self {
            Self::Decimal => byte.is_ascii_digit(),
            Self::Lower | Self::Upper => byte.is_ascii_alphanumeric(),
        }
    }

    fn kind(self, shape: Shape) -> Kind {
        match self {
            Self::Decimal => Kind::Decimal(shape),
            Self::Lower | Self::Upper => Kind::Hex(shape),
        }
    }
}

fn in_digits(samples: &[Sample<'_>], written: Digits) -> Option<Solved> {
    /// Keys, and what ends a text, are not shorter.
    const KEY: usize = 2;
    let mut before: Vec<&[u8]> = Vec::new();
    let mut after: Vec<&[u8]> = Vec::new();
    for sample in samples {
        let digits = written.write(sample.length)?;
        let mut from = 0;
        let at = loop {
            let rest = sample.header.get(from..)?;
            let at = from + memchr::memmem::find(rest, digits.as_bytes())?;
            let near = |place: Option<usize>| {
                place
                    .and_then(|place| sample.header.get(place))
                    .is_some_and(|byte| written.goes_on(*byte))
            };
            if !near(at.checked_sub(1)) && !near(Some(at + digits.len())) {
                break at;
            }
            from = at + 1;
        };
        before.push(sample.header.get(..at)?);
        after.push(sample.header.get(at + digits.len()..)?);
    }
    let same = |parts: &[&[u8]]| parts.iter().all(|part| Some(part) == parts.first());
    let mut solved = Solved {
        length: true,
        ..Solved::default()
    };
    let lead = *before.first()?;
    if same(&before) && samples.len() > 1 {
        if !lead.is_empty() {
            solved.fields.push(Field::plain(Kind::Fixed(lead.into())));
        }
    } else {
        // Of the text before the digits so much as all have, and as stands nowhere before it.
        let common = before
            .iter()
            .map(|part| {
                let pairs = part.iter().rev().zip(lead.iter().rev());
                pairs.take_while(|(a, b)| a == b).count()
            })
            .min()?;
        let ends = |length: usize| {
            let key = lead.get(lead.len() - length..)?;
            let only = before
                .iter()
                .all(|part| memchr::memmem::find(part, key) == part.len().checked_sub(key.len()));
            only.then_some(key)
        };
        let printable = |key: &&[u8]| key.iter().all(|byte| (b' '..0x7f).contains(byte));
        let key = (KEY..=common.min(24)).filter_map(ends).find(printable)?;
        let until = Shape::Until(key.into());
        solved.fields.push(Field::plain(Kind::Text(until)));
    }
    let tail = *after.first()?;
    let digits = |shape| Field::says(written.kind(shape), Role::Length(Counts::Picture));
    let worded = tail.iter().any(u8::is_ascii_alphanumeric);
    if samples.len() == 1
        && worded
        && let Some((open, close)) = edges(tail)
    {
        // What stands between may be another one next time.
        solved.fields.push(digits(Shape::Bare));
        if !open.is_empty() {
            solved.fields.push(Field::plain(Kind::Fixed(open.into())));
        }
        let until = Shape::Until(close.into());
        solved.fields.push(Field::plain(Kind::Text(until)));
    } else if same(&after) {
        let shape = match tail {
            [] => Shape::Bare,
            tail => Shape::Until(tail.into()),
        };
        solved.fields.push(digits(shape));
    } else {
        let common = after
            .iter()
            .map(|part| {
                let pairs = part.iter().rev().zip(tail.iter().rev());
                pairs.take_while(|(a, b)| a == b).count()
            })
            .min()
            .filter(|common| *common > 0)?;
        let end = (1..=common.min(24)).find_map(|length| {
            let key = tail.get(tail.len() - length..)?;
            let only = after
                .iter()
                .all(|part| memchr::memmem::find(part, key) == part.len().checked_sub(key.len()));
            only.then_some(key)
        })?;
        solved.fields.push(digits(Shape::Bare));
        let until = Shape::Until(end.into());
        solved.fields.push(Field::plain(Kind::Text(until)));
    }
    let n = samples.len();
    solved.evidence.push(format!(
        "digits in the text before the picture = the picture's length, in {n} of {n} message{}",
        if n == 1 { "" } else { "s" }
    ));
    Some(solved)
}

/// What a text behind digits begins with and ends with that is neither letter nor digit, where it has no such end elsewhere.
fn edges(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let first = text.iter().position(u8::is_ascii_alphanumeric)?;
    let last = text.iter().rposition(u8::is_ascii_alphanumeric)?;
    let (open, rest) = text.split_at_checked(first)?;
    let close = text.get(last + 1..).filter(|close| !close.is_empty())?;
    let only = memchr::memmem::find(rest, close) == rest.len().checked_sub(close.len());
    only.then_some((open, close))
}

/// Decimal texts in a header that say this length: from where to where, and how they are written.
pub(super) fn decimals(header: &[u8], length: u64) -> Vec<(usize, usize, Kind)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < header.len() {
        let digits = header
            .get(at..)
            .unwrap_or_default()
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if digits == 0 {
            at += 1;
            continue;
        }
        let text = header.get(at..at + digits).unwrap_or_default();
        let end = at + digits;
        let value = std::str::from_utf8(text)
            .ok()
            .and_then(|text| text.parse::<u64>().ok());
        // A picture's length may stand behind another digit that belongs to something else (IEEE 488.2).
        let mut from = at;
        let mut says = value == Some(length);
        if !says {
            let own = length.to_string();
            if let Some(start) = text
                .len()
                .checked_sub(own.len())
                .filter(|start| text.get(*start..) == Some(own.as_bytes()))
            {
                let zeros = text
                    .get(..start)
                    .unwrap_or_default()
                    .iter()
                    .rev()
                    .take_while(|byte| **byte == b'0')
                    .count();
                from = at + start - zeros;
                says = true;
            }
        }
        if says {
            found.push(shape(header, from, end));
        }
        at = end;
    }
    found.extend(hexadecimals(header, length));
    found
}

/// Hexadecimal texts that say it, with zeros before them or a line end behind: what stands alone in four digits or more.
fn hexadecimals(header: &[u8], length: u64) -> Vec<(usize, usize, Kind)> {
    let mut found = Vec::new();
    let mut at = 0;
    for run in header.split(|byte| !byte.is_ascii_alphanumeric()) {
        let (from, end) = (at, at + run.len());
        at = end + 1;
        let text = std::str::from_utf8(run).unwrap_or_default();
        let says = u64::from_str_radix(text, 16).is_ok_and(|value| value == length);
        if !says || !(4..=16).contains(&run.len()) {
            continue;
        }
        let rest = header.get(end..).unwrap_or_default();
        let ends = [&b"\r\n"[..], b"\n"]
            .into_iter()
            .find(|end| rest.starts_with(end));
        if let Some(line) = ends {
            found.push((from, end + line.len(), Kind::Hex(Shape::Until(line.into()))));
        } else if let (Some(b'0'), Ok(width)) = (run.first(), u32::try_from(run.len())) {
            found.push((from, end, Kind::Hex(Shape::Fixed(width, Fill::Zeros))));
        }
    }
    found
}

/// How digits at `from..end` are written.
pub(super) fn shape(header: &[u8], from: usize, end: usize) -> (usize, usize, Kind) {
    let width = |from: usize, to: usize| u32::try_from(to - from).unwrap_or(1);
    let run = |byte: u8, places: &mut dyn Iterator<Item = u8>| {
        places.take_while(|other| *other == byte).count()
    };
    let rest = header.get(end..).unwrap_or_default();
    let before = header.get(..from).unwrap_or_default();
    let zeros = end - from > 1 && header.get(from) == Some(&b'0');
    if zeros {
        return (
            from,
            end,
            Kind::Decimal(Shape::Fixed(width(from, end), Fill::Zeros)),
        );
    }
    let spaces = run(b' ', &mut rest.iter().copied());
    if spaces > 1 || spaces == 1 && rest.len() == 1 {
        let to = end + spaces;
        return (
            from,
            to,
            Kind::Decimal(Shape::Fixed(width(from, to), Fill::SpacesBehind)),
        );
    }
    let nuls = run(0, &mut rest.iter().copied());
    if nuls > 1 && nuls == rest.len() {
        let to = end + nuls;
        return (
            from,
            to,
            Kind::Decimal(Shape::Fixed(width(from, to), Fill::Nul)),
        );
    }
    let spaces = run(b' ', &mut before.iter().rev().copied());
    if spaces > 1 {
        let at = from - spaces;
        return (
            at,
            end,
            Kind::Decimal(Shape::Fixed(width(at, end), Fill::SpacesBefore)),
        );
    }
    // What is between the digits and the next letter or digit ends them.
    let stop = rest
        .iter()
        .position(u8::is_ascii_alphanumeric)
        .unwrap_or(rest.len())
        .min(8);
    if stop == 0 {
        return (from, end, Kind::Decimal(Shape::Bare));
    }
    let until = rest.get(..stop).unwrap_or_default();
    (from, end + stop, Kind::Decimal(Shape::Until(until.into())))
}

/// A text behind its own length: how the length is written, and where the text ends.
pub(super) fn prefixed(header: &[u8], at: usize) -> Option<(Kind, usize)> {
    let kinds = [
        Place {
            at,
            bytes: 4,
            big_endian: false,
        },
        Place {
            at,
            bytes: 4,
            big_endian: true,
        },
        Place {
            at,
            bytes: 2,
            big_endian: true,
        },
        Place {
            at,
            bytes: 2,
            big_endian: false,
        },
        Place {
            at,
            bytes: 1,
            big_endian: true,
        },
    ];
    kinds.into_iter().find_map(|place| {
        let length = usize::try_from(place.read(header)?).ok()?;
        let text = header.get(place.end()..place.end().checked_add(length)?)?;
        let plain = text
            .iter()
            .all(|byte| byte.is_ascii_graphic() || *byte == b' ');
        ((3..=255).contains(&length) && plain).then_some((place.kind(), place.end() + length))
    })
}

/// A header with texts in it: behind their lengths, or with separators.
pub(super) fn by_texts(samples: &[Sample<'_>]) -> Option<Solved> {
    let first = samples.first()?;
    let header = first.header;
    let mut solved = Solved::default();
    let mut at = 0;
    let numbers = |at: usize| {
        let ranks = [(8, true), (8, false), (4, true), (4, false)];
        ranks.into_iter().find_map(|(bytes, big_endian)| {
            let place = Place {
                at,
                bytes,
                big_endian,
            };
            let (counts, plus) = counted(place, first)?;
            (plus == 0).then_some((place, counts))
        })
    };
    while at < header.len() {
        if let Some((place, counts)) = numbers(at) {
            solved.length = true;
            solved
                .fields
                .push(Field::says(place.kind(), Role::Length(counts)));
            solved.evidence.push(format!(
                "{} bytes at byte {at} of the header = the length",
                place.bytes
            ));
            at = place.end();
        } else if let Some((kind, end)) = prefixed(header, at) {
            let text = header.get(end.saturating_sub(5)..end).unwrap_or_default();
            let name = text.contains(&b'.');
            let role = if name { Role::Name } else { Role::None };
            solved.evidence.push(format!(
                "a text behind its own length at byte {at}: \"{}\"",
                header.get(at..end).unwrap_or_default().escape_ascii()
            ));
            solved.fields.push(Field::says(
                Kind::Text(Shape::Prefixed(Box::new(kind))),
                role,
            ));
            at = end;
        } else if let Some((from, end, kind)) = decimals(header, first.length)
            .into_iter()
            .find(|(from, _, _)| *from >= at)
        {
            before_digits(header, at, from, &mut solved);
            solved.length = true;
            solved
                .evidence
                .push(format!("the digits at byte {from} = the picture's length"));
            solved
                .fields
                .push(Field::says(kind, Role::Length(Counts::Picture)));
            at = end;
        } else {
            let left = header.len() - at;
            let width = [4_usize, 2, 1]
                .into_iter()
                .find(|width| left >= *width)
                .unwrap_or(1);
            let big_endian = solved.fields.iter().any(|field| {
                matches!(&field.kind, Kind::Text(Shape::Prefixed(kind)) if matches!(**kind, Kind::Int { big_endian: true, bytes: 2.., .. }))
            });
            solved.fields.push(Field::plain(Kind::Int {
                bytes: u8::try_from(width).unwrap_or(1),
                big_endian: big_endian || width == 1,
                signed: false,
            }));
            at += width;
        }
    }
    solved.length.then_some(solved)
}

/// A text before the digits of a length: a name and a separator, or a constant.
pub(super) fn before_digits(header: &[u8], from: usize, to: usize, solved: &mut Solved) {
    let text = header.get(from..to).unwrap_or_default();
    if text.is_empty() {
        return;
    }
    let of_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-/\\ ".contains(byte);
    let name = text.iter().take_while(|byte| of_name(byte)).count();
    let dot = text.iter().take(name).any(|byte| *byte == b'.');
    let separator = text.get(name..).unwrap_or_default();
    if name > 2 && dot && !separator.is_empty() {
        solved
            .evidence
            .push(format!("a name, then \"{}\"", separator.escape_ascii()));
        solved.fields.push(Field::says(
            Kind::Text(Shape::Until(separator.into())),
            Role::Name,
        ));
    } else {
        solved.fields.push(Field::plain(Kind::Fixed(text.into())));
    }
}
