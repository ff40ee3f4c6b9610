//! Raw pixels behind a header: no structure of their own says where they end, so the header has to agree with itself
//! and with how much was sent.

use super::super::layout::{
    Counts, Field, Fill, Kind, Layout, Payload, PixelOrder, Pixels, Role, Shape, Size,
};
use super::solve::Place;
use super::{HELD, Inferred, MESSAGES, Outcome, announced, arrays, rows};
use crate::wire::Confidence;

/// Fewer bytes are no picture.
pub(super) const LEAST: u64 = 1024;
pub(super) const MOST: u64 = 1 << 30;
/// Most bytes of a header.
const HEADER: usize = 64;
/// Rows of a picture differ by less on average, in thousandths.
const LIKE: u64 = 40_000;

/// Looks at the first bytes of a direction in which no picture file begins.
pub(super) fn infer(bytes: &[u8], ended: bool) -> Outcome {
    if let Some(found) = arrays::infer(bytes) {
        return Outcome::Found(Box::new(found));
    }
    let ways = [
        sized,
        pair,
        by_text,
        announced::by_length,
        announced::by_line,
        rows::infer,
    ];
    let mut more = false;
    for way in ways {
        match way(bytes, ended) {
            Outcome::Nothing => {}
            Outcome::NeedMore => more = true,
            found @ Outcome::Found(_) => return found,
        }
    }
    if more {
        Outcome::NeedMore
    } else {
        Outcome::Nothing
    }
}

/// Whether rows of this many bytes are alike, and more so than bytes a third of a row further on.
fn is_alike(bytes: &[u8], stride: usize) -> bool {
    const MOST: u64 = 30_000;
    let (Some(own), Some(other)) = (
        row_difference(bytes, stride),
        row_difference(bytes, stride + stride / 3),
    ) else {
        return false;
    };
    own <= MOST && own.saturating_mul(5) <= other.saturating_mul(4)
}

/// How far apart in a picture two rows are alike: the mean difference of bytes so far apart.
pub(crate) fn row_difference(bytes: &[u8], stride: usize) -> Option<u64> {
    let later = bytes.get(stride..)?;
    let count = later.len().min(1 << 16);
    if count < 256 {
        return None;
    }
    let sum: u64 = bytes
        .iter()
        .zip(later)
        .take(count)
        .map(|(one, two)| u64::from(one.abs_diff(*two)))
        .sum();
    Some(sum.saturating_mul(1000) / count as u64)
}

/// Three numbers in a row, or four, of which three are width, height and channels.
fn sized(bytes: &[u8], ended: bool) -> Outcome {
    let mut more = false;
    for width in [4_u8, 2, 8] {
        for big_endian in [true, false] {
            for at in (0..=HEADER).step_by(2) {
                match sized_at(bytes, ended, at, width, big_endian) {
                    Outcome::Found(found) => return Outcome::Found(found),
                    Outcome::NeedMore => more = true,
                    Outcome::Nothing => {}
                }
            }
        }
    }
    if more && !ended && bytes.len() < HELD {
        Outcome::NeedMore
    } else {
        Outcome::Nothing
    }
}

#[expect(
    clippy::too_many_lines,
    reason = "one candidate, from its numbers to its evidence, in order"
)]
fn sized_at(bytes: &[u8], ended: bool, at: usize, width: u8, big_endian: bool) -> Outcome {
    let place = |index: usize| Place {
        at: at + index * usize::from(width),
        bytes: width,
        big_endian,
    };
    let read = |index: usize| place(index).read(bytes);
    let (Some(one), Some(two), Some(three)) = (read(0), read(1), read(2)) else {
        return Outcome::Nothing;
    };
    let numbers = [one, two, three];
    let side = |value: &u64| (8..=16_384).contains(value);
    let channels: Vec<usize> = (0..3)
        .filter(|at| matches!(numbers.get(*at), Some(1 | 3 | 4)))
        .collect();
    let [channel] = channels[..] else {
        return Outcome::Nothing;
    };
    let sides: Vec<usize> = (0..3).filter(|at| *at != channel).collect();
    if !sides.iter().all(|at| numbers.get(*at).is_some_and(side)) {
        return Outcome::Nothing;
    }
    let product = one.saturating_mul(two).saturating_mul(three);
    if !(LEAST..=MOST).contains(&product) {
        return Outcome::Nothing;
    }
    let length = read(3) == Some(product);
    let header = place(if length { 4 } else { 3 }).at;
    // Messages as far as the bytes reach: each with the same numbers where the first has them.
    let Ok(step) = usize::try_from(product) else {
        return Outcome::Nothing;
    };
    let stride = step.saturating_add(header);
    let mut count = 0_usize;
    let mut from = 0_usize;
    let exact = loop {
        let Some(rest) = bytes.get(from..).filter(|rest| !rest.is_empty()) else {
            break true;
        };
        let numbers_here = (0..3).all(|index| {
            let here = Place {
                at: place(index).at,
                ..place(index)
            };
            here.read(rest) == numbers.get(index).copied()
        });
        if !numbers_here || count >= MESSAGES {
            break count >= MESSAGES;
        }
        if rest.len() < stride {
            break false;
        }
        count += 1;
        from += stride;
    };
    let sure = if exact && ended && count >= 1 || count >= 2 {
        count
    } else if !ended && bytes.len() < HELD {
        return Outcome::NeedMore;
    } else if (product > HELD as u64 || !ended)
        && (length || width > 2 && alike(bytes, header, numbers, channel))
    {
        // Four numbers of which one is the product of the others, or rows that are alike.
        1
    } else {
        return Outcome::Nothing;
    };
    let pixels = bytes.get(header..).unwrap_or_default();
    let pixels = pixels.get(..step).unwrap_or(pixels);
    let [first, second] = sides[..] else {
        return Outcome::Nothing;
    };
    let stride_of = |at: usize| {
        let side = numbers.get(at).copied().unwrap_or(0);
        let channels = numbers.get(channel).copied().unwrap_or(0);
        usize::try_from(side.saturating_mul(channels)).ok()
    };
    let by_rows = |at: usize| stride_of(at).and_then(|stride| row_difference(pixels, stride));
    // The side by which rows are alike is the width.
    let (wide, runner_up) = match (by_rows(first), by_rows(second)) {
        (Some(one), Some(two)) if two < one => (second, one),
        (_, two) => (first, two.unwrap_or(0)),
    };
    let mut fields = Vec::new();
    let mut evidence = Vec::new();
    front(at, width, big_endian, &mut fields);
    for index in 0..3 {
        let role = if index == channel {
            Role::Channels
        } else if index == wide {
            Role::Width
        } else {
            Role::Height
        };
        fields.push(Field::says(place(index).kind(), role));
    }
    evidence.push(format!(
        "{one} × {two} × {three} = {product} bytes{}",
        if length {
            ", which the field behind them says too"
        } else {
            ", as many as follow"
        }
    ));
    evidence.push(format!(
        "rows of {} bytes are the most alike (mean difference {}, the other way {})",
        stride_of(wide).unwrap_or(0),
        by_rows(wide).unwrap_or(0) / 1000,
        runner_up / 1000
    ));
    if length {
        fields.push(Field::says(place(3).kind(), Role::Length(Counts::Picture)));
    }
    fields.push(Field::plain(Kind::Picture(Payload::Pixels(Pixels {
        order: PixelOrder::Any,
        size: None,
    }))));
    found(fields, evidence, sure)
}

/// Whether rows are alike by one of the two sides.
fn alike(bytes: &[u8], header: usize, numbers: [u64; 3], channel: usize) -> bool {
    let pixels = bytes.get(header..).unwrap_or_default();
    let channels = numbers.get(channel).copied().unwrap_or(1);
    let mut sides = numbers.iter().enumerate().filter(|(at, _)| *at != channel);
    sides.any(|(_, side)| {
        usize::try_from(side.saturating_mul(channels)).is_ok_and(|stride| is_alike(pixels, stride))
    })
}

/// Two numbers in a row that are width and height; how many channels, how much follows tells, or a length beside them.
fn pair(bytes: &[u8], ended: bool) -> Outcome {
    let mut more = false;
    for width in [4_u8, 2, 8] {
        for big_endian in [true, false] {
            for at in (0..=HEADER).step_by(2) {
                for channels in [3, 4, 1] {
                    match pair_at(
                        bytes,
                        ended,
                        Place {
                            at,
                            bytes: width,
                            big_endian,
                        },
                        channels,
                    ) {
                        Outcome::Nothing => {}
                        Outcome::NeedMore => more = true,
                        found @ Outcome::Found(_) => return found,
                    }
                }
            }
        }
    }
    if more && !ended && bytes.len() < HELD {
        Outcome::NeedMore
    } else {
        Outcome::Nothing
    }
}

#[expect(
    clippy::too_many_lines,
    reason = "one candidate, from its numbers to its evidence, in order"
)]
fn pair_at(bytes: &[u8], ended: bool, first: Place, channels: u64) -> Outcome {
    let size = usize::from(first.bytes);
    let second = Place {
        at: first.at + size,
        ..first
    };
    let fits = |value: &u64| (8..=16_384).contains(value);
    let (Some(one), Some(two)) = (
        first.read(bytes).filter(fits),
        second.read(bytes).filter(fits),
    ) else {
        return Outcome::Nothing;
    };
    let product = one.saturating_mul(two).saturating_mul(channels);
    let Some(step) = usize::try_from(product)
        .ok()
        .filter(|_| (LEAST..=MOST).contains(&product))
    else {
        return Outcome::Nothing;
    };
    let third = Place {
        at: second.at + size,
        ..first
    };
    let before = first.at.checked_sub(size).map(|at| Place { at, ..first });
    let says = |place: Place| place.read(bytes) == Some(product);
    let length = if says(third) {
        Some(third)
    } else {
        before.filter(|place| says(*place))
    };
    let least = length.map_or(third.at, |place| (place.at + size).max(third.at));
    // Without a length the header is what is too many, or ends with the numbers.
    let rest = bytes
        .len()
        .checked_sub(step)
        .filter(|rest| ended && length.is_none() && *rest <= HEADER);
    let header = rest.filter(|rest| *rest >= least).unwrap_or(least);
    let pixels = bytes.get(header..).unwrap_or_default();
    let pixels = pixels.get(..step).unwrap_or(pixels);
    let difference = |side: u64| {
        let stride = usize::try_from(side.saturating_mul(channels)).ok()?;
        row_difference(pixels, stride)
    };
    let (by_one, by_two) = (difference(one), difference(two));
    let (Some(best), Some(other)) = (
        [by_one, by_two].into_iter().flatten().min(),
        [by_one, by_two].into_iter().flatten().max(),
    ) else {
        return if ended {
            Outcome::Nothing
        } else {
            Outcome::NeedMore
        };
    };
    let (mut count, mut from, mut exact) = (0, 0, true);
    while let Some(rest) = bytes.get(from..).filter(|rest| !rest.is_empty()) {
        let same = first.read(rest) == Some(one) && second.read(rest) == Some(two);
        if !same || rest.len() < header + step || count >= MESSAGES {
            exact = count >= MESSAGES;
            break;
        }
        count += 1;
        from += header + step;
    }
    let full = ended || bytes.len() >= HELD;
    let wide = if by_two < by_one { two } else { one };
    let stride = usize::try_from(wide.saturating_mul(channels)).unwrap_or(usize::MAX);
    let sure = if best <= LIKE && (exact && ended && count >= 1 || count >= 2) {
        count
    } else if !full {
        return Outcome::NeedMore;
    } else if (product > HELD as u64 || !ended)
        // All that there will ever be is less than that: nothing but a length says that it should be more.
        && (length.is_some() || !ended || bytes.len() >= HELD)
        && first.bytes > 2
        && (length.is_some() && best <= LIKE || is_alike(pixels, stride))
    {
        1
    } else {
        return Outcome::Nothing;
    };
    let roles = if wide == one && by_one <= by_two {
        [Role::Width, Role::Height]
    } else {
        [Role::Height, Role::Width]
    };
    let mut fields = Vec::new();
    let numbers = match length {
        Some(place) if place.at < first.at => {
            front(place.at, first.bytes, first.big_endian, &mut fields);
            fields.push(Field::says(place.kind(), Role::Length(Counts::Picture)));
            header
        }
        _ => {
            front(first.at, first.bytes, first.big_endian, &mut fields);
            header
        }
    };
    for role in roles {
        fields.push(Field::says(first.kind(), role));
    }
    if length.is_some_and(|place| place.at > first.at) {
        fields.push(Field::says(first.kind(), Role::Length(Counts::Picture)));
    }
    let left = numbers.saturating_sub(least);
    if left > 0 {
        fields.push(Field::plain(Kind::Bytes(u32::try_from(left).unwrap_or(1))));
    }
    fields.push(Field::plain(Kind::Picture(Payload::Pixels(Pixels {
        order: match channels {
            3 => PixelOrder::Bgr,
            4 => PixelOrder::Bgra,
            _ => PixelOrder::Grey,
        },
        size: None,
    }))));
    let evidence = vec![
        format!(
            "{one} × {two} × {channels} = {product} bytes{}",
            if length.is_some() {
                ", which a field beside them says too"
            } else {
                ", as many as follow"
            }
        ),
        format!(
            "rows of {stride} bytes are the most alike (mean difference {}, the other way {})",
            best / 1000,
            other / 1000
        ),
    ];
    found(fields, evidence, sure)
}

pub(super) fn found(message: Vec<Field>, evidence: Vec<String>, messages: usize) -> Outcome {
    Outcome::Found(Box::new(Inferred {
        layout: Layout {
            message,
            ..Layout::default()
        },
        confidence: if messages >= 2 {
            Confidence::Confirmed
        } else {
            Confidence::Likely
        },
        evidence,
        messages,
    }))
}

/// What stands before the numbers: of the same width, else bytes.
fn front(at: usize, width: u8, big_endian: bool, fields: &mut Vec<Field>) {
    let size = usize::from(width);
    if at > 0 && at.is_multiple_of(size) && at / size <= 4 {
        for _ in 0..at / size {
            fields.push(Field::plain(Kind::Int {
                bytes: width,
                big_endian,
                signed: false,
            }));
        }
    } else if at > 0 {
        fields.push(Field::plain(Kind::Bytes(u32::try_from(at).unwrap_or(1))));
    }
}

/// A length in text at the very beginning, and so many bytes that are no text.
#[expect(
    clippy::too_many_lines,
    reason = "one candidate, from its digits to its evidence, in order"
)]
fn by_text(bytes: &[u8], ended: bool) -> Outcome {
    let digits = bytes
        .iter()
        .take(20)
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    if digits < 3 || digits == bytes.len() {
        return if digits == bytes.len() && !ended && digits < 20 {
            Outcome::NeedMore
        } else {
            Outcome::Nothing
        };
    }
    let rest = bytes.get(digits..).unwrap_or_default();
    let spaces = rest
        .iter()
        .take(128)
        .take_while(|byte| **byte == b' ')
        .count();
    let kind = if spaces > 1 || spaces == 1 && bytes.len() == digits + 1 {
        if rest.len() <= spaces && !ended {
            return Outcome::NeedMore;
        }
        let width = u32::try_from(digits + spaces).unwrap_or(20);
        Kind::Decimal(Shape::Fixed(width, Fill::SpacesBehind))
    } else if rest.starts_with(b"\r\n") {
        Kind::Decimal(Shape::Until(b"\r\n".as_slice().into()))
    } else if rest.starts_with(b"\n") {
        Kind::Decimal(Shape::Until(b"\n".as_slice().into()))
    } else {
        return Outcome::Nothing;
    };
    let mut from = 0;
    let mut count = 0;
    let exact = loop {
        let Some(rest) = bytes.get(from..).filter(|rest| !rest.is_empty()) else {
            break true;
        };
        let Size::Is(size) = kind.size(rest, None, true) else {
            break false;
        };
        let value = rest
            .get(..size)
            .and_then(|head| kind.read(head)?.count(0))
            .filter(|value| (LEAST..=MOST).contains(value));
        let Some(end) = value
            .and_then(|value| usize::try_from(value).ok())
            .and_then(|value| value.checked_add(size))
        else {
            break false;
        };
        let body = rest.get(size..end.min(rest.len())).unwrap_or_default();
        let text = |byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
        if body.iter().take(256).all(text) && !body.is_empty() {
            return Outcome::Nothing;
        }
        if rest.len() < end {
            break false;
        }
        count += 1;
        from += end;
        if count >= MESSAGES {
            break true;
        }
    };
    if (exact && ended || count >= 2) && count > 0 {
        let evidence = vec![format!(
            "the digits at the beginning = the number of bytes that follow, in {count} of {count} messages"
        )];
        let fields = vec![
            Field::says(kind, Role::Length(Counts::Picture)),
            Field::plain(Kind::Picture(Payload::Pixels(Pixels {
                order: PixelOrder::Any,
                size: None,
            }))),
        ];
        return found(fields, evidence, count);
    }
    // Cut short, or larger than what is looked at: only a text that is filled up says enough.
    let filled = matches!(kind, Kind::Decimal(Shape::Fixed(..)));
    if filled && count == 0 && (ended || bytes.len() >= HELD) {
        let fields = vec![
            Field::says(kind, Role::Length(Counts::Picture)),
            Field::plain(Kind::Picture(Payload::Pixels(Pixels {
                order: PixelOrder::Any,
                size: None,
            }))),
        ];
        let evidence = vec![
            "digits filled up with spaces at the beginning, and bytes that are no text".to_owned(),
        ];
        return Outcome::Found(Box::new(Inferred {
            layout: Layout {
                message: fields,
                ..Layout::default()
            },
            confidence: Confidence::Guess,
            evidence,
            messages: 0,
        }));
    }
    if !ended && bytes.len() < HELD {
        Outcome::NeedMore
    } else {
        Outcome::Nothing
    }
}
