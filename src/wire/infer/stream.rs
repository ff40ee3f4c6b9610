//! Works out the framing of a direction of TCP from its first bytes.

use super::super::layout::{Counts, Field, Kind, Layout, Payload, Role, Shape};
use super::messages::messages;
use super::solve::{Place, Sample, places, solve};
use super::{FARTHEST, HELD, Inferred, Outcome, confidence, raw};
use crate::picture::{Info, SNIFF_BYTES, Sniff, Status, Walker, sniff};

/// Where a picture begins in `bytes`; without one, whether more bytes could still show one.
pub(crate) fn first_picture(bytes: &[u8]) -> Result<usize, bool> {
    let end = bytes.len().min(FARTHEST);
    for at in 0..end {
        let rest = bytes.get(at..).unwrap_or_default();
        if !matches!(rest, [0xff | 0x89 | b'G' | b'R' | b'B', ..]) {
            continue;
        }
        match sniff(rest.get(..SNIFF_BYTES).unwrap_or(rest)) {
            Sniff::Is(_) => return Ok(at),
            Sniff::NeedMore => return Err(true),
            Sniff::No => {}
        }
    }
    Err(bytes.len() < FARTHEST)
}

/// A walker for the first picture in `bytes`, and where it begins; nothing where none does.
pub(crate) fn walker(bytes: &[u8]) -> Option<(Walker, usize)> {
    let start = first_picture(bytes).ok()?;
    let rest = bytes.get(start..)?;
    match sniff(rest.get(..SNIFF_BYTES).unwrap_or(rest)) {
        Sniff::Is(format) => Some((Walker::new(format), start)),
        _ => None,
    }
}

/// Walks the picture at the beginning of `bytes`.
pub(super) fn walk(bytes: &[u8]) -> Option<(Status, Info)> {
    let Sniff::Is(format) = sniff(bytes.get(..SNIFF_BYTES).unwrap_or(bytes)) else {
        return None;
    };
    let mut walker = Walker::new(format);
    walker.update(bytes);
    Some((walker.status(), walker.info()))
}

/// Looks at the first bytes of a direction; `ended` where no more come.
pub(crate) fn infer(bytes: &[u8], ended: bool) -> Outcome {
    let full = ended || bytes.len() >= HELD;
    let start = match first_picture(bytes) {
        Ok(0) => return Outcome::Nothing,
        Ok(start) => start,
        Err(more) => {
            return match raw::infer(bytes, ended) {
                Outcome::Nothing if more && !full => Outcome::NeedMore,
                other => other,
            };
        }
    };
    // An archive has a directory of its own.
    let head = bytes.get(..start).unwrap_or_default();
    if memchr::memmem::find(head, b"PK\x03\x04").is_some()
        || memchr::memmem::find(head, b"ustar").is_some()
    {
        return Outcome::Nothing;
    }
    let Some((status, info)) = walk(bytes.get(start..).unwrap_or_default()) else {
        return Outcome::Nothing;
    };
    // Records of another kind came before it: no layout has two kinds.
    if let Status::Whole { length } = status
        && start >= 8
        && others_first(bytes, start, length)
    {
        return Outcome::Nothing;
    }
    // Pieces first: a picture with headers inside may look whole where only its entropy-coded data is cut up.
    match pieces(bytes, start, full) {
        Outcome::Found(found) => return Outcome::Found(found),
        Outcome::NeedMore if !full => return Outcome::NeedMore,
        _ => {}
    }
    match status {
        Status::Whole { length } => {
            if !full && is_open(bytes, start, length) {
                return Outcome::NeedMore;
            }
            match messages(bytes, (start, length, info), ended, full) {
                Outcome::NeedMore if full => Outcome::Nothing,
                // The next message tells whether that comes once.
                Outcome::Found(found) if !full && found.messages == 1 && has_banner(&found) => {
                    Outcome::NeedMore
                }
                other => other,
            }
        }
        Status::Walking if !full => Outcome::NeedMore,
        _ => Outcome::Nothing,
    }
}

/// Whether what stands before a picture is its header, and before that records that have such headers.
fn others_first(bytes: &[u8], start: usize, length: u64) -> bool {
    let picture = start as u64..(start as u64).saturating_add(length);
    let end = picture.end;
    let read = &mut |range: crate::units::ByteRange| {
        let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
        let bytes = bytes.get(place(range.start)..place(range.end));
        bytes.map(<[u8]>::to_vec).ok_or(())
    };
    // Zeros before a length of more bytes read as records of none.
    let followed = super::Followed {
        empty: false,
        pieces: false,
        messages: false,
        between: None,
        length,
    };
    super::are_records(&[picture], end, followed, read).unwrap_or(false)
}

/// Whether so many bytes that say nothing stand before the first field that does that a banner may be among them.
fn has_banner(found: &Inferred) -> bool {
    const BANNER: u64 = 8;
    let fields = found.layout.message.iter();
    let silent = fields
        .take_while(|field| field.role == Role::None && !matches!(field.kind, Kind::Fixed(_)))
        .map_while(|field| field.kind.width());
    silent.sum::<u64>() >= BANNER
}

/// Whether what follows the first picture may be more than the header of the next one: something behind each picture, perhaps.
fn is_open(bytes: &[u8], start: usize, length: u64) -> bool {
    let end = usize::try_from(length)
        .ok()
        .and_then(|length| start.checked_add(length));
    let Some(rest) = end.and_then(|end| bytes.get(end..)) else {
        return false;
    };
    if rest.is_empty() {
        return false;
    }
    match first_picture(rest) {
        Ok(at) => at != start,
        Err(more) => more,
    }
}

/// A picture with something in front of each piece of it.
fn pieces(bytes: &[u8], start: usize, full: bool) -> Outcome {
    let mut more = false;
    let walked = walked(bytes, start);
    for place in places(start).filter(|place| place.bytes != 3) {
        if !has_first_piece(bytes, start, place, walked) {
            continue;
        }
        // What stands before the first piece's own header comes once.
        for outer in 0..=place.at {
            match by_lengths(bytes, start, outer, place, full) {
                Outcome::Found(found) => return Outcome::Found(found),
                Outcome::NeedMore => more = true,
                Outcome::Nothing => {}
            }
            if outer > 32 {
                break;
            }
        }
    }
    match by_text_lengths(bytes, start) {
        Outcome::Found(found) => return Outcome::Found(found),
        Outcome::NeedMore if !full => more = true,
        _ => {}
    }
    match by_numbers(bytes, start) {
        Outcome::Nothing if more => Outcome::NeedMore,
        other => other,
    }
}

/// How many bytes from the first picture's beginning on its structure takes, where it ends or breaks in them.
fn walked(bytes: &[u8], start: usize) -> Option<usize> {
    let rest = bytes.get(start..)?;
    let Sniff::Is(format) = sniff(rest.get(..SNIFF_BYTES)?) else {
        return None;
    };
    let mut walker = Walker::new(format);
    let taken = walker.update(rest);
    (walker.status() != Status::Walking).then_some(taken)
}

/// Whether the length at a place may be that of the first of several pieces: so much is there, the picture goes on behind it, and
/// another length that is no greater may follow.
fn has_first_piece(bytes: &[u8], start: usize, place: Place, walked: Option<usize>) -> bool {
    let size = place
        .read(bytes)
        .filter(|size| (16..1 << 20).contains(size));
    let Some(size) = size.and_then(|size| usize::try_from(size).ok()) else {
        return false;
    };
    start.saturating_add(size) <= bytes.len() && walked.is_none_or(|taken| size < taken)
}

/// Pieces whose own lengths are at `place` of the first header, which begins at `outer`.
fn by_lengths(bytes: &[u8], start: usize, outer: usize, place: Place, full: bool) -> Outcome {
    let header = start - outer;
    let inner = Place {
        at: place.at - outer,
        ..place
    };
    let Some(first) = place
        .read(bytes)
        .filter(|size| (16..1 << 20).contains(size))
    else {
        return Outcome::Nothing;
    };
    // The second header tells of most whether they are lengths, before anything is walked.
    let second = usize::try_from(first)
        .ok()
        .and_then(|first| start.checked_add(first));
    let second = second.and_then(|at| bytes.get(at..at.checked_add(header)?));
    if second.is_some_and(|head| {
        inner
            .read(head)
            .is_none_or(|size| size > first || size == 0)
    }) {
        return Outcome::Nothing;
    }
    let Sniff::Is(format) = sniff(bytes.get(start..start + SNIFF_BYTES).unwrap_or_default()) else {
        return Outcome::Nothing;
    };
    let mut walker = Walker::new(format);
    let mut at = outer;
    let mut count = 0_usize;
    let mut short = false;
    let mut heads: Vec<&[u8]> = Vec::new();
    while let Some(head) = bytes.get(at..at + header) {
        let Some(size) = inner.read(head) else {
            return Outcome::Nothing;
        };
        if size == 0 && count > 1 {
            break;
        }
        if heads.len() < 4096 {
            heads.push(head);
        }
        // All pieces but the last are of one size: other sizes would fit any bytes.
        if short || size == 0 || size > first {
            return Outcome::Nothing;
        }
        short = size < first;
        let Ok(size) = usize::try_from(size) else {
            return Outcome::Nothing;
        };
        let from = at + header;
        let data = bytes.get(from..from + size);
        let taken = walker.update(data.unwrap_or_else(|| bytes.get(from..).unwrap_or_default()));
        let Some(data) = data else { break };
        count += 1;
        at = from + size;
        match walker.status() {
            Status::Walking => {}
            Status::Whole { length } if taken == data.len() && count > 1 => {
                return lengths_found(bytes, outer, &heads, inner, count, length);
            }
            _ => return Outcome::Nothing,
        }
    }
    if count >= 3 && !short {
        lengths_found(bytes, outer, &heads, inner, count, 0)
    } else if full || count == 0 {
        Outcome::Nothing
    } else {
        Outcome::NeedMore
    }
}

fn lengths_found(
    bytes: &[u8],
    outer: usize,
    heads: &[&[u8]],
    inner: Place,
    count: usize,
    length: u64,
) -> Outcome {
    let header = heads.first().map_or(0, |head| head.len());
    let mut piece = Vec::new();
    counters(heads, 0, inner.at, length > 0, &mut piece);
    piece.push(Field::says(inner.kind(), Role::Length(Counts::Picture)));
    let behind = inner.at + usize::from(inner.bytes);
    counters(heads, behind, header, length > 0, &mut piece);
    piece.push(Field::plain(Kind::Data(None)));
    let (mut message, mut evidence) = outer_fields(bytes, outer, length);
    message.push(Field::plain(Kind::Picture(Payload::Pieces)));
    evidence.push(format!(
        "{} bytes in front of each of {count} pieces = its length, and the pieces together are a picture",
        inner.bytes
    ));
    in_pieces(message, piece, count, evidence)
}

/// What pieces' headers hold beside their lengths: the piece's number, and how many there are; bytes else. `whole`: these are the
/// headers of all pieces of a picture.
fn counters(heads: &[&[u8]], from: usize, to: usize, whole: bool, fields: &mut Vec<Field>) {
    let mut at = from;
    while at < to {
        let numbered = fields.iter().any(|field| field.role == Role::Index);
        let found = [4_u8, 2, 1].into_iter().find_map(|bytes| {
            [true, false].into_iter().find_map(|big_endian| {
                let place = Place {
                    at,
                    bytes,
                    big_endian,
                };
                if at + usize::from(bytes) > to {
                    return None;
                }
                let numbers: Option<Vec<u64>> = heads.iter().map(|head| place.read(head)).collect();
                let numbers = numbers.filter(|numbers| numbers.len() > 2)?;
                let first = *numbers.first()?;
                let rises = (first..).zip(&numbers).all(|(want, is)| want == *is);
                let pieces = numbers.len() as u64;
                let same = numbers.iter().all(|number| *number == first);
                let counts = if whole {
                    first == pieces
                } else {
                    // More are to come; that each has a number, too, makes it no accident.
                    numbered && (pieces..=pieces + 4096).contains(&first)
                };
                let says = if first <= 1 && rises {
                    let mut field = Field::says(place.kind(), Role::Index);
                    field.plus = i64::from(first == 1);
                    field
                } else if same && counts {
                    Field::says(place.kind(), Role::Count)
                } else {
                    return None;
                };
                Some((says, usize::from(bytes)))
            })
        });
        match (found, fields.last_mut()) {
            (Some((field, bytes)), _) => {
                fields.push(field);
                at += bytes;
            }
            (
                None,
                Some(Field {
                    kind: Kind::Bytes(count),
                    ..
                }),
            ) => {
                *count += 1;
                at += 1;
            }
            (None, _) => {
                fields.push(Field::plain(Kind::Bytes(1)));
                at += 1;
            }
        }
    }
}

/// Pieces whose lengths are lines of decimal or hexadecimal digits in front of them, a word before the digits or none.
fn by_text_lengths(bytes: &[u8], start: usize) -> Outcome {
    const WORD: usize = 16;
    let head = bytes.get(..start).unwrap_or_default();
    let (text, line) = match head {
        [text @ .., b'\r', b'\n'] => (text, &b"\r\n"[..]),
        [text @ .., b'\n'] => (text, &b"\n"[..]),
        _ => return Outcome::Nothing,
    };
    // What stands on lines before comes once, before the first piece.
    let outer = memchr::memrchr(b'\n', text).map_or(0, |at| at + 1);
    let own = text.get(outer..).unwrap_or_default();
    let digits = own.iter().rev().take_while(|byte| byte.is_ascii_digit());
    let worded = own.len() - digits.count();
    let word = match own.get(..worded) {
        _ if is_number(own) => &b""[..],
        Some(word)
            if worded <= WORD
                && worded > 1
                && word.first().is_some_and(u8::is_ascii_alphabetic)
                && word
                    .iter()
                    .all(|byte| byte.is_ascii_graphic() || *byte == b' ') =>
        {
            word
        }
        _ => return Outcome::Nothing,
    };
    if !is_number(own.get(word.len()..).unwrap_or_default()) {
        return Outcome::Nothing;
    }
    let pieces = bytes.get(outer..).unwrap_or_default();
    let mut more = false;
    for radix in [10, 16] {
        for trailer in [&b""[..], &b"\r\n"[..], &b"\n"[..]] {
            let seen = text_lengths(pieces, start - outer, (word, line), radix, trailer);
            more |= seen == Seen::More;
            let Seen::Whole {
                count,
                length,
                rest,
            } = seen
            else {
                continue;
            };
            let until = Shape::Until(line.into());
            let kind = if radix == 10 {
                Kind::Decimal(until)
            } else {
                Kind::Hex(until)
            };
            let mut piece = Vec::new();
            if !word.is_empty() {
                piece.push(Field::plain(Kind::Fixed(word.into())));
            }
            piece.push(Field::says(kind, Role::Length(Counts::Picture)));
            piece.push(Field::plain(Kind::Data(None)));
            if !trailer.is_empty() {
                piece.push(Field::plain(Kind::Fixed(trailer.into())));
            }
            let (mut message, mut evidence) = outer_fields(bytes, outer, length);
            message.push(Field::plain(Kind::Picture(Payload::Pieces)));
            evidence.push(format!(
                "a line with digits in front of each of {count} pieces = its length, and the pieces together are a picture"
            ));
            // A line with a word ends each picture.
            let end = memchr::memchr(b'\n', rest.get(..WORD.min(rest.len())).unwrap_or_default());
            let last = end.and_then(|end| rest.get(..=end));
            if let Some(last) = last.filter(|last| !word.is_empty() && super::is_goodbye(last)) {
                message.push(Field::plain(Kind::Fixed(last.into())));
            }
            return in_pieces(message, piece, count, evidence);
        }
    }
    if more {
        Outcome::NeedMore
    } else {
        Outcome::Nothing
    }
}

fn is_number(digits: &[u8]) -> bool {
    (1..=8).contains(&digits.len()) && digits.iter().all(u8::is_ascii_hexdigit)
}

/// What pieces behind lines of digits came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen<'b> {
    /// So many pieces are a picture of this length, and this follows.
    Whole {
        count: usize,
        length: u64,
        rest: &'b [u8],
    },
    /// As far as the bytes go they fit.
    More,
    Nothing,
}

/// The layout of messages in so many pieces.
fn in_pieces(
    message: Vec<Field>,
    piece: Vec<Field>,
    count: usize,
    evidence: Vec<String>,
) -> Outcome {
    Outcome::Found(Box::new(Inferred {
        layout: Layout {
            message,
            piece,
            ..Layout::default()
        },
        confidence: confidence(count),
        evidence,
        messages: count,
    }))
}

fn text_lengths<'b>(
    bytes: &'b [u8],
    start: usize,
    (word, line): (&[u8], &[u8]),
    radix: u32,
    trailer: &[u8],
) -> Seen<'b> {
    let first = bytes.get(start..start.saturating_add(SNIFF_BYTES));
    let Some(Sniff::Is(format)) = first.map(sniff) else {
        return Seen::Nothing;
    };
    let mut walker = Walker::new(format);
    let mut rest = bytes;
    let mut count = 0;
    loop {
        let Some(behind) = rest.strip_prefix(word) else {
            let fits = word.starts_with(rest);
            return if fits { Seen::More } else { Seen::Nothing };
        };
        let head = behind.get(..behind.len().min(16)).unwrap_or_default();
        let Some(end) = memchr::memmem::find(head, line) else {
            let fits = head.len() < 16 && head.iter().all(u8::is_ascii_hexdigit);
            return if fits { Seen::More } else { Seen::Nothing };
        };
        rest = behind;
        let digits = head.get(..end).unwrap_or_default();
        let text = std::str::from_utf8(digits).unwrap_or_default();
        let size = u32::from_str_radix(text, radix)
            .ok()
            .filter(|size| *size > 0 && is_number(digits));
        let Some(size) = size.and_then(|size| usize::try_from(size).ok()) else {
            return Seen::Nothing;
        };
        let from = end.saturating_add(line.len());
        let Some(data) = rest.get(from..from.saturating_add(size)) else {
            // A length of the whole picture is no piece's.
            walker.update(rest.get(from..).unwrap_or_default());
            let walking = walker.status() == Status::Walking;
            return if walking { Seen::More } else { Seen::Nothing };
        };
        walker.update(data);
        count += 1;
        rest = rest.get(from.saturating_add(size)..).unwrap_or_default();
        match walker.status() {
            Status::Walking => {}
            Status::Whole { length } if count > 1 => {
                let rest = rest.strip_prefix(trailer).unwrap_or(rest);
                return Seen::Whole {
                    count,
                    length,
                    rest,
                };
            }
            Status::Whole { .. } | Status::Broken { .. } => return Seen::Nothing,
        }
        match rest.strip_prefix(trailer) {
            Some(behind) => rest = behind,
            None if rest.len() < trailer.len() => return Seen::More,
            None => return Seen::Nothing,
        }
    }
}

/// The fields before the first piece.
fn outer_fields(bytes: &[u8], outer: usize, length: u64) -> (Vec<Field>, Vec<String>) {
    if outer == 0 {
        return (Vec::new(), Vec::new());
    }
    let sample = Sample {
        header: bytes.get(..outer).unwrap_or_default(),
        length,
        width: None,
        height: None,
        picture: &[],
        behind: 0,
    };
    match solve(&[sample]) {
        Some(solved) => (solved.fields, solved.evidence),
        None => (
            vec![Field::plain(Kind::Bytes(
                u32::try_from(outer).unwrap_or(u32::MAX),
            ))],
            Vec::new(),
        ),
    }
}

/// Pieces of one size with a running number in front of each.
fn by_numbers(bytes: &[u8], start: usize) -> Outcome {
    let Sniff::Is(format) = sniff(bytes.get(start..start + SNIFF_BYTES).unwrap_or_default()) else {
        return Outcome::Nothing;
    };
    for (width, big_endian) in [(4_u8, true), (4, false), (2, true), (2, false)] {
        let size = usize::from(width);
        let Some(at) = start.checked_sub(size) else {
            continue;
        };
        let number = |at: usize| {
            let place = Place {
                at,
                bytes: width,
                big_endian,
            };
            place.read(bytes)
        };
        let Some(first @ 0..=1) = number(at) else {
            continue;
        };
        // As far as three numbers show, which must not be by chance.
        let most = bytes.len().saturating_sub(start) / 2;
        for data in 16..most.min(16 << 10) {
            let stride = data + size;
            let fits = (1..=3_u64).all(|step| {
                let place = usize::try_from(step)
                    .ok()
                    .and_then(|step| step.checked_mul(stride))
                    .and_then(|step| step.checked_add(at));
                match place.and_then(number) {
                    Some(found) => found == first + step,
                    None => step > 2,
                }
            });
            if !fits {
                continue;
            }
            let mut walker = Walker::new(format);
            let mut from = start;
            let mut count = 0_usize;
            while let Some(part) = bytes.get(from..(from + data).min(bytes.len())) {
                if part.is_empty() {
                    break;
                }
                walker.update(part);
                count += 1;
                from += stride;
                if walker.status() != Status::Walking {
                    break;
                }
            }
            let length = match walker.status() {
                // A picture in one piece shows no pieces.
                Status::Whole { .. } if count < 2 => continue,
                Status::Whole { length } => length,
                Status::Walking => 0,
                Status::Broken { .. } => continue,
            };
            // The last block is not filled up: the next picture's first number stands right behind the picture, and no layout
            // says where that is.
            let rest = usize::try_from(length).unwrap_or(0) % data;
            let end = from.saturating_sub(stride).saturating_add(rest);
            let block_end = from.saturating_sub(size);
            let filled_up = bytes
                .get(end..block_end.min(bytes.len()))
                .is_some_and(|fill| fill.iter().all(|&byte| byte == 0));
            if rest > 0
                && !filled_up
                && number(end) == Some(first)
                && number(block_end) != Some(first)
            {
                return Outcome::Nothing;
            }
            let (mut message, mut evidence) = outer_fields(bytes, at, length);
            message.push(Field::plain(Kind::Picture(Payload::Pieces)));
            evidence.push(format!(
                "a number that grows by 1 in front of each of {count} blocks of {data} bytes, which together are a picture"
            ));
            let kind = Kind::Int {
                bytes: width,
                big_endian,
                signed: false,
            };
            let mut index = Field::says(kind, Role::Index);
            index.plus = i64::try_from(first).unwrap_or(0);
            let layout = Layout {
                message,
                piece: vec![index, Field::plain(Kind::Data(u32::try_from(data).ok()))],
                ..Layout::default()
            };
            return Outcome::Found(Box::new(Inferred {
                layout,
                confidence: confidence(count),
                evidence,
                messages: count,
            }));
        }
    }
    Outcome::Nothing
}
