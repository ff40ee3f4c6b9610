//! Pieces behind numbers that are written as text: `17:`, `3/116|`, `00017`.
//!
//! Such headers grow with their numbers, so they are taken off before the pieces are put together.

use super::super::super::layout::{Field, Fill, Kind, Layout, Role, Shape};
use super::super::{Inferred, Outcome, confidence};
use super::{Column, LEAST, Walked, Where, walk};

/// Most numbers of a header.
const NUMBERS: usize = 4;
/// Longest text between two numbers.
const BETWEEN: usize = 4;
/// Most digits of a number.
const DIGITS: usize = 10;

/// What stands before each number's end: text behind it; nothing where the number has so many digits.
#[derive(Debug, Clone, PartialEq, Eq)]
enum End {
    Text(Vec<u8>),
    Digits(usize),
}

/// The framing of pieces whose headers are text; nothing where the first one is not.
pub(super) fn infer(pieces: &[&[u8]], header: usize, full: bool) -> Option<Outcome> {
    let ends = shape(pieces.first()?.get(..header)?)?;
    let read: Vec<(Vec<u64>, &[u8])> = pieces
        .iter()
        .map_while(|piece| numbers(piece, &ends))
        .collect();
    if read.len() < 2 {
        return None;
    }
    let data: Vec<&[u8]> = read.iter().map(|(_, data)| *data).collect();
    let (count, whole) = match walk(&data, 0)? {
        Walked::Whole { pieces, length } => (pieces, Some(length)),
        Walked::Walking if !full => return Some(Outcome::NeedMore),
        Walked::Walking | Walked::Broken => (read.len(), None),
    };
    if count < LEAST {
        return None;
    }
    let sizes: Vec<u64> = data.iter().map(|data| data.len() as u64).collect();
    let next = pieces_of_next(&data, count);
    let (mut fields, mut evidence, mut order) = (Vec::new(), Vec::new(), false);
    for (at, end) in ends.iter().enumerate() {
        let column = |(numbers, _): &(Vec<u64>, &[u8])| numbers.get(at).copied();
        let values: Vec<u64> = read.iter().take(count).filter_map(column).collect();
        let first = values.first().copied();
        let again = next.and_then(|next| read.get(next)).and_then(column);
        let column = Column {
            written: Where::Text(at),
            wide: true,
            restart: again.is_none() || again == first,
            again: true,
            numbers: values,
        };
        let shape = match end {
            End::Text(text) => Shape::Until(text.as_slice().into()),
            End::Digits(digits) => Shape::Fixed(u32::try_from(*digits).ok()?, Fill::Zeros),
        };
        let kind = Kind::Decimal(shape);
        match column.says(sizes.get(..count)?, whole, 0) {
            Some((role, plus, what)) => {
                order |= matches!(role, Role::Index | Role::Left | Role::Offset);
                let mut field = Field::says(kind, role);
                field.plus = plus;
                fields.push(field);
                evidence.push(what);
            }
            None => fields.push(Field::plain(kind)),
        }
    }
    fields.push(Field::plain(Kind::Data(None)));
    order.then(|| {
        Outcome::Found(Box::new(Inferred {
            layout: Layout {
                datagrams: true,
                piece: fields,
                ..Layout::default()
            },
            confidence: confidence(count),
            evidence,
            messages: count,
        }))
    })
}

/// The first piece behind a whole picture that begins one.
fn pieces_of_next(data: &[&[u8]], count: usize) -> Option<usize> {
    use crate::picture::{SNIFF_BYTES, Sniff, sniff};
    (count..data.len()).find(|at| {
        let data = data.get(*at).copied().unwrap_or_default();
        matches!(sniff(data.get(..SNIFF_BYTES).unwrap_or(data)), Sniff::Is(_))
    })
}

/// What ends each number of a header that is digits, and text between them, and nothing else.
fn shape(header: &[u8]) -> Option<Vec<End>> {
    let mut ends = Vec::new();
    let mut rest = header;
    while !rest.is_empty() {
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let behind = rest.get(digits..)?;
        let text = behind
            .iter()
            .take_while(|byte| !byte.is_ascii_digit())
            .count();
        let text = behind.get(..text)?;
        let is_text = |byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
        if !(1..=DIGITS).contains(&digits) || text.len() > BETWEEN || !text.iter().all(is_text) {
            return None;
        }
        // One digit alone is as well a byte, and may grow.
        ends.push(match text {
            [] if digits > 1 => End::Digits(digits),
            [] => return None,
            text => End::Text(text.to_vec()),
        });
        rest = behind.get(text.len()..)?;
    }
    (1..=NUMBERS).contains(&ends.len()).then_some(ends)
}

/// The numbers before a piece, and the piece.
fn numbers<'p>(piece: &'p [u8], ends: &[End]) -> Option<(Vec<u64>, &'p [u8])> {
    let mut found = Vec::new();
    let mut rest = piece;
    for end in ends {
        let most = match end {
            End::Text(_) => DIGITS,
            End::Digits(digits) => *digits,
        };
        let digits = rest
            .iter()
            .take(most)
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let text = std::str::from_utf8(rest.get(..digits)?).ok()?;
        found.push(text.parse().ok()?);
        rest = rest.get(digits..)?;
        match end {
            End::Text(text) => rest = rest.strip_prefix(text.as_slice())?,
            End::Digits(all) if digits == *all => {}
            End::Digits(_) => return None,
        }
    }
    Some((found, rest))
}
