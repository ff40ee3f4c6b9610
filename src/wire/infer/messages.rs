//! Whole pictures one behind the other: what stands before each, behind each, and once at the beginning.

use super::super::layout::{Counts, Field, Kind, Layout, Payload, Role, Size, padding};
use super::solve::{Sample, Solved, solve};
use super::stream::{first_picture, walk};
use super::{FARTHEST, Inferred, MESSAGES, Outcome, behind, closes, confidence, is_goodbye};
use crate::picture::{Info, Status};
use crate::wire::carve::KNOWN_MARKERS;

/// A picture, and where what stands before it begins.
struct Message {
    from: usize,
    start: usize,
    end: usize,
    info: Info,
}

/// How many bytes stand around pictures beside their headers.
#[derive(Default)]
struct Around {
    /// Once, before the first header.
    once: usize,
    /// Behind each picture.
    behind: usize,
    /// Blocks of so many bytes, the last one of each picture filled up with zeros.
    block: Option<u32>,
    /// Zeros fill each picture up to a multiple of so many bytes.
    pad: Option<u32>,
}

/// Whether the next picture may tell more: that zeros fill each up does not show where none has to be filled up, and a text is read
/// differently once another one stands beside it.
fn may_change(bytes: &[u8], seen: &[Message], found: &Inferred) -> bool {
    const FEW: usize = 4;
    let whole = |one: &Message| (one.end - one.start).is_multiple_of(4);
    let first = seen.first().map_or(0, |one| one.start);
    let header = bytes.get(..first).unwrap_or_default();
    let worded = header
        .windows(2)
        .any(|two| two.iter().all(u8::is_ascii_alphabetic));
    // What follows the last one is not there yet.
    let last = seen.len().saturating_sub(1).max(1);
    // The decoder of a length alone learns of padding by itself.
    let bare = found.layout.message.len() <= 2;
    !bare && found.messages < FEW && seen.iter().take(last).all(whole)
        || found.messages < 2 && worded
}

/// The framing of whole pictures, the first of which begins at a place, has a length, and tells this of itself.
pub(super) fn messages(
    bytes: &[u8],
    (start, length, info): (usize, u64, Info),
    ended: bool,
    full: bool,
) -> Outcome {
    let Some(mut seen) = seen(bytes, start, length, info) else {
        return Outcome::Nothing;
    };
    match around(bytes, &mut seen, ended) {
        Some(around) => {
            match described(bytes, &seen, &around).or_else(|| but_one(bytes, &seen, &around, full))
            {
                Some(found) if !full && may_change(bytes, &seen, &found) => Outcome::NeedMore,
                Some(found) => Outcome::Found(Box::new(found)),
                // One of two may be the one that is wrong, which a third shows.
                None if !full && seen.len() < SHOWING => Outcome::NeedMore,
                None => Outcome::Nothing,
            }
        }
        None => Outcome::NeedMore,
    }
}

/// The pictures that are whole.
fn seen(bytes: &[u8], start: usize, length: u64, info: Info) -> Option<Vec<Message>> {
    let mut seen = vec![Message {
        from: 0,
        start,
        end: start.checked_add(usize::try_from(length).ok()?)?,
        info,
    }];
    while seen.len() < MESSAGES {
        let from = seen.last()?.end;
        let rest = bytes.get(from..)?;
        let Ok(next) = first_picture(rest) else {
            break;
        };
        let at = from.checked_add(next)?;
        match walk(bytes.get(at..)?) {
            Some((Status::Whole { length }, info)) => seen.push(Message {
                from,
                start: at,
                end: at.checked_add(usize::try_from(length).ok()?)?,
                info,
            }),
            _ => break,
        }
    }
    Some(seen)
}

/// What stands around them; absent where more bytes would tell.
fn around(bytes: &[u8], seen: &mut Vec<Message>, ended: bool) -> Option<Around> {
    let before = |seen: &Message| seen.start - seen.from;
    let first = seen.first().map_or(0, before);
    // Something once at the beginning, or something behind each picture.
    let between: Vec<usize> = seen.iter().skip(1).map(before).collect();
    let alike = between.iter().all(|size| Some(size) == between.first());
    let block = filled(bytes, seen, first);
    let pad = padded(bytes, seen, first, ended);
    let mut found = match between.first() {
        _ if pad.is_some() => Around {
            pad,
            ..Around::default()
        },
        _ if block.is_some() => Around {
            block,
            ..Around::default()
        },
        Some(&size) if alike && size < first && is_banner(bytes, first - size, seen.len()) => {
            Around {
                once: first - size,
                ..Around::default()
            }
        }
        Some(&size) if alike && size > first => Around {
            behind: size - first,
            ..Around::default()
        },
        _ => Around::default(),
    };
    let end = seen.last().map_or(0, |seen| seen.end);
    let rest = bytes.get(end..).unwrap_or_default();
    if found.behind > 0 && rest.len() < found.behind {
        if !ended {
            return None;
        }
        // Nothing stands behind the last one: what stands behind the others is no part of a message.
        seen.truncate(1);
        found.behind = 0;
    } else if between.is_empty() && ended && is_of_message(bytes, seen, rest) {
        found.behind = rest.len();
    } else if between.is_empty()
        && ended
        && let Some(line) = [&b"\r\n"[..], b"\n"]
            .into_iter()
            .find(|line| rest.strip_prefix(*line).is_some_and(is_goodbye))
    {
        // A line end behind the only one, and then a word that no more come.
        found.behind = line.len();
    }
    Some(found)
}

/// To a multiple of how many bytes zeros fill each picture up, where all headers are as long as the first.
fn padded(bytes: &[u8], seen: &[Message], header: usize, ended: bool) -> Option<u32> {
    const UNITS: [u32; 6] = [4, 8, 16, 32, 64, 2];
    UNITS.into_iter().find(|&unit| {
        let of = |one: &Message| padding((one.end - one.start) as u64, unit);
        let zeros = |one: &Message| {
            let rest = bytes.get(one.end..).unwrap_or_default();
            let fill = rest.get(..of(one)).unwrap_or(rest);
            fill.iter().all(|byte| *byte == 0) && (fill.len() == of(one) || !ended)
        };
        let mut pairs = seen.iter().zip(seen.iter().skip(1));
        seen.iter().rev().skip(1).any(|one| of(one) > 0)
            && seen.iter().all(zeros)
            && pairs.all(|(one, next)| next.start - one.end == header + of(one))
    })
}

/// Whether the first bytes of a stream are said once: as many as tell something, a word, or how many pictures come. One byte that
/// tells nothing is a byte too many.
fn is_banner(bytes: &[u8], size: usize, pictures: usize) -> bool {
    const FEW: usize = 4;
    let Some(banner) = bytes.get(..size) else {
        return false;
    };
    let join = |all: u64, byte: &u8| all << 8 | u64::from(*byte);
    let counts = [
        banner.iter().fold(0, join),
        banner.iter().rev().fold(0, join),
    ];
    let word = size > 2 && banner.iter().all(u8::is_ascii_graphic);
    size >= FEW || word || counts.contains(&(pictures as u64))
}

/// Whether what stands behind the only picture is of its message.
fn is_of_message(bytes: &[u8], seen: &[Message], rest: &[u8]) -> bool {
    let [only] = seen else { return false };
    if rest.is_empty() || rest.len() > FARTHEST {
        return false;
    }
    let (header, picture) = (bytes.get(..only.start), bytes.get(only.start..only.end));
    let (Some(header), Some(picture)) = (header, picture) else {
        return false;
    };
    // A length counts it.
    let whole = |field: &Field| matches!(field.role, Role::Length(Counts::Rest | Counts::All));
    let around = Around {
        behind: rest.len(),
        ..Around::default()
    };
    behind::checksum(&[(rest, picture)]).is_some()
        || behind::is_object(header, rest)
        || behind::is_counted(header, picture.len() as u64, rest.len())
        || closes(header, picture, rest)
        || KNOWN_MARKERS.contains(&rest.trim_ascii_end())
        || rest.len() <= 4 && rest.iter().all(u8::is_ascii_whitespace)
        || solve(&samples(bytes, seen, &around))
            .is_some_and(|solved| solved.fields.iter().any(whole))
}

/// So many messages show which one of them is wrong.
const SHOWING: usize = 3;

/// The layout that all have but one of three or more, or one of two where no more come: the header of that is as long and says nearly
/// its picture's length, or says it in the other byte order, or a few bytes stand before it that are none of it. It is wrong there,
/// and the layout shows it.
fn but_one(bytes: &[u8], seen: &[Message], around: &Around, full: bool) -> Option<Inferred> {
    let all = samples(bytes, seen, around);
    let least = if full { 2 } else { SHOWING };
    if all.len() < least || all.iter().any(|sample| sample.header.is_empty()) {
        return None;
    }
    // Of two the one that fits is the first, from which a reader goes on.
    let first = usize::from(all.len() < SHOWING);
    (first..all.len()).find_map(|odd| {
        let mut others = all.clone();
        let one = others.remove(odd);
        let size = others.first()?.header.len();
        if others.iter().any(|sample| sample.header.len() != size) {
            return None;
        }
        let found = describe(bytes, seen, around, &others)?;
        let wrong = if one.header.len() == size {
            says_nearly(&found.layout, &one)
        } else {
            odd > 0 && has_more(&found.layout, &one, &others)
        };
        wrong.then_some(found)
    })
}

/// Whether a header is the layout's behind a few bytes more: it says its picture's length there, and has each byte that all others have.
fn has_more(layout: &Layout, sample: &Sample<'_>, others: &[Sample<'_>]) -> bool {
    const FEW: usize = 8;
    let Some(usual) = others.first().map(|other| other.header) else {
        return false;
    };
    let more = sample.header.len().checked_sub(usual.len());
    let Some(header) = more
        .filter(|more| (1..=FEW).contains(more))
        .and_then(|more| sample.header.get(more..))
    else {
        return false;
    };
    let constant = |at: usize| {
        others
            .iter()
            .all(|other| other.header.get(at) == usual.get(at))
    };
    // A longer name in front of the rest.
    let before = sample.header.get(sample.header.len() - usual.len() - 1);
    let letters = [before, header.first()];
    if !constant(0) && letters.iter().flatten().all(|byte| byte.is_ascii_graphic()) {
        return false;
    }
    let same = (0..usual.len()).all(|at| !constant(at) || header.get(at) == usual.get(at));
    let behind = Sample {
        header,
        ..sample.clone()
    };
    same && off(layout, &behind).is_some_and(|off| off.contains(&0))
}

/// Whether a header has the layout's fields, and its length is not its picture's but near, or is in the other byte order:
/// `sys.getsizeof` counts 33 more, headers are as long.
fn says_nearly(layout: &Layout, sample: &Sample<'_>) -> bool {
    const NEAR: u64 = 64;
    off(layout, sample).is_some_and(|off| off.iter().any(|off| *off <= NEAR))
}

/// By how much each length of a header is off, read as the layout has it and, where that is right, in the other byte order; absent where
/// the header is not the layout's.
fn off(layout: &Layout, sample: &Sample<'_>) -> Option<Vec<u64>> {
    let mut at = 0;
    let mut found = Vec::new();
    for field in &layout.message {
        if let Kind::Picture(_) = field.kind {
            break;
        }
        let rest = sample.header.get(at..)?;
        let Size::Is(size) = field.kind.size(rest, None, true) else {
            return None;
        };
        let bytes = rest.get(..size)?;
        at += size;
        let behind = (sample.header.len().saturating_sub(at) + sample.behind) as u64;
        let whole = (sample.header.len() + sample.behind) as u64;
        let beside = match field.role {
            Role::Length(Counts::Picture) => 0,
            Role::Length(Counts::Rest) => behind,
            Role::Length(Counts::All) => whole,
            _ => continue,
        };
        let length = sample.length.saturating_add(beside);
        let says = |kind: &Kind| kind.read(bytes)?.count(field.plus);
        found.extend(says(&field.kind).map(|says| says.abs_diff(length)));
        let other = field.kind.other_order().and_then(|kind| says(&kind));
        found.extend(other.filter(|says| *says == length).map(|_| 0));
    }
    (at == sample.header.len()).then_some(found)
}

/// The layout that they have.
fn described(bytes: &[u8], seen: &[Message], around: &Around) -> Option<Inferred> {
    describe(bytes, seen, around, &samples(bytes, seen, around))
}

/// The layout that these samples of them have.
fn describe(
    bytes: &[u8],
    seen: &[Message],
    around: &Around,
    samples: &[Sample<'_>],
) -> Option<Inferred> {
    let Solved {
        fields,
        mut evidence,
        ..
    } = solve(samples).filter(|solved| solved.length)?;
    let mut layout = Layout {
        message: fields,
        ..Layout::default()
    };
    let payload = if let Some(block) = around.block {
        evidence.push(format!(
            "zeros fill the last of each picture's blocks of {block} bytes"
        ));
        layout.piece = vec![Field::plain(Kind::Data(Some(block)))];
        Payload::Pieces
    } else {
        Payload::File
    };
    layout.message.push(Field::plain(Kind::Picture(payload)));
    if let Some(unit) = around.pad {
        evidence.push(format!(
            "zeros fill each picture up to a multiple of {unit} bytes"
        ));
        layout.message.push(Field::plain(Kind::Pad(unit)));
    }
    if around.once > 0 {
        let count = u32::try_from(around.once).ok()?;
        layout.once = vec![Field::plain(Kind::Bytes(count))];
    }
    let tails: Vec<(&[u8], &[u8])> = seen
        .iter()
        .filter_map(|seen| {
            let tail = bytes.get(seen.end..seen.end.checked_add(around.behind)?)?;
            Some((tail, bytes.get(seen.start..seen.end)?))
        })
        .collect();
    let (trailer, why) = behind::fields(&tails);
    layout.message.extend(trailer);
    evidence.extend(why);
    let messages = samples.len();
    reread(&layout, samples).then(|| Inferred {
        confidence: confidence(messages),
        layout,
        evidence,
        messages,
    })
}

/// Blocks whose last one is filled up with zeros, where all headers are as long as the first.
fn filled(bytes: &[u8], seen: &[Message], header: usize) -> Option<u32> {
    let ends = seen
        .iter()
        .skip(1)
        .map(|next| next.start.checked_sub(header));
    let tails: Option<Vec<(u64, &[u8])>> = seen
        .iter()
        .zip(ends.chain(std::iter::once(Some(bytes.len()))))
        .map(|(one, end)| Some(((one.end - one.start) as u64, bytes.get(one.end..end?)?)))
        .collect();
    behind::blocks(&tails?)
}

/// The headers of pictures.
fn samples<'b>(bytes: &'b [u8], seen_all: &[Message], around: &Around) -> Vec<Sample<'b>> {
    let first = seen_all.first().map_or(0, |seen| seen.start);
    seen_all
        .iter()
        .enumerate()
        .map(|(at, seen)| {
            let before = at.checked_sub(1).and_then(|at| seen_all.get(at));
            let skip = match (at, around.block) {
                (0, _) => around.once,
                _ if around.pad.is_some() => before
                    .zip(around.pad)
                    .map_or(0, |(one, unit)| padding((one.end - one.start) as u64, unit)),
                (_, None) => around.behind,
                // All headers are as long as the first.
                (_, Some(_)) => (seen.start - seen.from).saturating_sub(first),
            };
            Sample {
                header: bytes.get(seen.from + skip..seen.start).unwrap_or_default(),
                length: (seen.end - seen.start) as u64,
                width: seen.info.width,
                height: seen.info.height,
                picture: bytes.get(seen.start..seen.end).unwrap_or_default(),
                behind: around.behind,
            }
        })
        .collect()
}

/// Whether the layout's own fields take exactly each header.
fn reread(layout: &Layout, samples: &[Sample<'_>]) -> bool {
    samples.iter().all(|sample| {
        let mut at = 0;
        for field in &layout.message {
            if let Kind::Picture(_) = field.kind {
                break;
            }
            let rest = sample.header.get(at..).unwrap_or_default();
            let Size::Is(size) = field.kind.size(rest, None, true) else {
                return false;
            };
            let value = rest.get(..size).and_then(|bytes| field.kind.read(bytes));
            if field.role == Role::Length(Counts::Picture)
                && value.and_then(|value| value.count(field.plus)) != Some(sample.length)
            {
                return false;
            }
            at += size;
        }
        at == sample.header.len()
    })
}
