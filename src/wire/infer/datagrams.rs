//! Works out the framing of datagrams: what stands in front of each piece, and what a datagram before them says.

mod numerals;

use super::super::layout::{Counts, Field, Kind, Layout, Role, Shape, Size};
use super::solve::Place;
use super::{Inferred, Outcome, confidence};
use crate::picture::{SNIFF_BYTES, Sniff, Status, Walker, sniff};

/// Longest header of a piece.
const HEADER: usize = 32;
/// So many pieces show more than chance does.
const LEAST: usize = 4;
/// A datagram of so many bytes may be a head.
const HEAD: usize = 64;
/// More datagrams are not waited for.
pub(crate) const MOST: usize = 256;
/// Nor more bytes.
pub(crate) const MOST_BYTES: usize = 1 << 20;

/// Where a picture begins in a datagram.
fn begins(datagram: &[u8]) -> Option<usize> {
    (0..=HEADER.min(datagram.len())).find(|at| {
        let rest = datagram.get(*at..).unwrap_or_default();
        matches!(sniff(rest.get(..SNIFF_BYTES).unwrap_or(rest)), Sniff::Is(_))
    })
}

/// Looks at the first datagrams of a direction; `ended` where no more come.
pub(crate) fn infer(datagrams: &[&[u8]], ended: bool) -> Outcome {
    let bytes: usize = datagrams.iter().map(|datagram| datagram.len()).sum();
    let full = ended || datagrams.len() >= MOST || bytes >= MOST_BYTES;
    let Some((start, header)) = datagrams
        .iter()
        .take(4)
        .enumerate()
        .find_map(|(at, datagram)| Some((at, begins(datagram)?)))
    else {
        return if datagrams.len() < 4 && !full && datagrams.iter().all(|one| one.len() <= HEAD) {
            Outcome::NeedMore
        } else {
            Outcome::Nothing
        };
    };
    let head = start
        .checked_sub(1)
        .and_then(|at| datagrams.get(at))
        .copied()
        .filter(|head| !head.is_empty() && head.len() <= HEAD);
    let pieces = datagrams.get(start..).unwrap_or_default();
    // Nothing around the pieces: the known formats of that kind know more.
    if header == 0 && head.is_none() {
        return Outcome::Nothing;
    }
    if let Some(found) = numerals::infer(pieces, header, full) {
        return found;
    }
    let Some(walked) = walk(pieces, header) else {
        return Outcome::Nothing;
    };
    let (count, whole) = match walked {
        Walked::Whole { pieces, length } => (pieces, Some(length)),
        Walked::Walking if !full => return Outcome::NeedMore,
        Walked::Walking | Walked::Broken if header > 0 => {
            // A piece was lost, or came out of turn. A later picture that is whole tells the same.
            return match later(pieces, header) {
                Some(found) => found,
                None if !full => Outcome::NeedMore,
                None => numbered(pieces, header, pieces.len(), None, head),
            };
        }
        Walked::Walking | Walked::Broken => (pieces.len(), None),
    };
    if header == 0 {
        let Some(head) = head else {
            return Outcome::Nothing;
        };
        return headed(head, pieces, count, whole, false);
    }
    numbered(pieces, header, count, whole, head)
}

/// What a later picture shows, the first one that is whole in the order in which its pieces came.
fn later(pieces: &[&[u8]], header: usize) -> Option<Outcome> {
    const TRIES: usize = 16;
    let starts = (1..pieces.len()).filter(|at| {
        let data = pieces.get(*at).and_then(|piece| piece.get(header..));
        data.is_some_and(|data| {
            matches!(sniff(data.get(..SNIFF_BYTES).unwrap_or(data)), Sniff::Is(_))
        })
    });
    starts.take(TRIES).find_map(|at| {
        let pieces = pieces.get(at..)?;
        match walk(pieces, header)? {
            Walked::Whole {
                pieces: count,
                length,
            } => match numbered(pieces, header, count, Some(length), None) {
                Outcome::Nothing => None,
                found => Some(found),
            },
            Walked::Walking | Walked::Broken => None,
        }
    })
}

enum Walked {
    Whole { pieces: usize, length: u64 },
    Walking,
    Broken,
}

/// Walks the pieces in the order in which they came.
fn walk(pieces: &[&[u8]], header: usize) -> Option<Walked> {
    let first = pieces.first()?.get(header..)?;
    let Sniff::Is(format) = sniff(first.get(..SNIFF_BYTES).unwrap_or(first)) else {
        return None;
    };
    let mut walker = Walker::new(format);
    for (at, piece) in pieces.iter().enumerate() {
        walker.update(piece.get(header..).unwrap_or_default());
        match walker.status() {
            Status::Walking => {}
            Status::Whole { length } => {
                return Some(Walked::Whole {
                    pieces: at + 1,
                    length,
                });
            }
            Status::Broken { .. } => return Some(Walked::Broken),
        }
    }
    Some(Walked::Walking)
}

/// A head in a datagram of its own, then pieces with nothing in front; with their numbers where it is `numbered`.
fn headed(
    head: &[u8],
    pieces: &[&[u8]],
    count: usize,
    whole: Option<u64>,
    numbered: bool,
) -> Outcome {
    if whole.is_none() && !numbered {
        return Outcome::Nothing;
    }
    let of_picture = pieces.get(..count).unwrap_or_default();
    let size = of_picture.first().map_or(0, |piece| piece.len());
    let sent: u64 = of_picture.iter().map(|piece| piece.len() as u64).sum();
    let padded = count > 1
        && whole.is_some_and(|length| sent > length)
        && of_picture.iter().all(|piece| piece.len() == size);
    let data = if padded {
        u32::try_from(size).ok()
    } else {
        None
    };
    let says = |value: u64| {
        if Some(value) == whole {
            Some((Role::Length(Counts::Picture), "the picture's length"))
        } else if value == count as u64 && (padded || (numbered && count >= LEAST)) {
            Some((Role::Count, "the number of datagrams that follow"))
        } else {
            None
        }
    };
    let layout = |message: Vec<Field>, what: &str| {
        let mut evidence = vec![format!("a datagram of {} bytes says {what}", head.len())];
        if padded {
            evidence.push(format!(
                "each of {count} datagrams has {size} bytes, and the picture ends inside the last"
            ));
        }
        Outcome::Found(Box::new(Inferred {
            layout: Layout {
                datagrams: true,
                message,
                piece: vec![Field::plain(Kind::Data(data))],
                ..Layout::default()
            },
            confidence: confidence(1),
            evidence,
            messages: 1,
        }))
    };
    let text = head.trim_ascii();
    if !text.is_empty() && text.iter().all(u8::is_ascii_digit) {
        let value = std::str::from_utf8(text)
            .ok()
            .and_then(|text| text.parse().ok());
        if let Some((role, what)) = value.and_then(says) {
            let shape = if text.len() == head.len() {
                Shape::Bare
            } else if head.ends_with(b"\n") && text.len() + 1 == head.len() {
                Shape::Until(b"\n".as_slice().into())
            } else {
                let width = u32::try_from(head.len()).unwrap_or(1);
                Shape::Fixed(width, super::super::layout::Fill::SpacesBehind)
            };
            return layout(vec![Field::says(Kind::Decimal(shape), role)], what);
        }
        return Outcome::Nothing;
    }
    for bytes in [4_u8, 8, 2, 1] {
        for at in 0..head.len() {
            for big_endian in [false, true] {
                let place = Place {
                    at,
                    bytes,
                    big_endian,
                };
                // One byte says a count only alone.
                if bytes == 1 && head.len() > 1 {
                    continue;
                }
                let Some((role, what)) = place.read(head).and_then(says) else {
                    continue;
                };
                let mut fields = Vec::new();
                let plain = |bytes: usize, fields: &mut Vec<Field>| {
                    if let Ok(count @ 1..) = u32::try_from(bytes) {
                        fields.push(Field::plain(Kind::Bytes(count)));
                    }
                };
                plain(at, &mut fields);
                fields.push(Field::says(place.kind(), role));
                plain(head.len() - at - usize::from(bytes), &mut fields);
                return layout(fields, what);
            }
        }
    }
    Outcome::Nothing
}

/// Where a number stands in a header.
#[derive(Debug, Clone, Copy)]
enum Where {
    Bytes(Place),
    /// The so manieth that is written as text, from 0.
    Text(usize),
}

impl std::fmt::Display for Where {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Place {
            at,
            bytes,
            big_endian,
        } = match self {
            Self::Bytes(place) => *place,
            Self::Text(at) => return write!(f, "number {} of the header", at + 1),
        };
        let last = at + usize::from(bytes) - 1;
        match (bytes, big_endian) {
            (1, _) => write!(f, "byte {at}"),
            (_, true) => write!(f, "bytes {at}–{last} big-endian"),
            (_, false) => write!(f, "bytes {at}–{last} little-endian"),
        }
    }
}

/// A field in front of each piece, as its numbers run over the datagrams.
struct Column {
    written: Where,
    /// It has room for more than 255.
    wide: bool,
    numbers: Vec<u64>,
    /// It begins again somewhere near with the next picture, as far as that can be seen.
    again: bool,
    /// It begins again with its first number.
    restart: bool,
}

/// Pieces with a header each.
#[expect(
    clippy::too_many_lines,
    reason = "columns, then the fields between them, in order"
)]
fn numbered(
    pieces: &[&[u8]],
    header: usize,
    count: usize,
    whole: Option<u64>,
    head: Option<&[u8]>,
) -> Outcome {
    let sizes: Vec<u64> = pieces
        .iter()
        .map(|piece| (piece.len().saturating_sub(header)) as u64)
        .collect();
    // What comes after the first picture tells numbers of pictures from constants; not the messages between pictures.
    let of_picture = count;
    let begins = |piece: &&&[u8]| {
        let data = piece.get(header..).unwrap_or_default();
        matches!(sniff(data.get(..SNIFF_BYTES).unwrap_or(data)), Sniff::Is(_))
    };
    let next_picture = pieces.iter().skip(of_picture).find(begins);
    let mut taken: Vec<(Place, Role, i64, String)> = Vec::new();
    let mut order = false;
    for bytes in [4_u8, 2, 1] {
        for at in 0..(header + 1).saturating_sub(usize::from(bytes)) {
            for big_endian in [true, false] {
                let place = Place {
                    at,
                    bytes,
                    big_endian,
                };
                let free = taken.iter().all(|(other, ..)| {
                    let end = |place: &Place| place.at + usize::from(place.bytes);
                    end(&place) <= other.at || place.at >= end(other)
                });
                if !free {
                    continue;
                }
                let numbers: Option<Vec<u64>> = pieces
                    .iter()
                    .take(of_picture)
                    .map(|piece| place.read(piece))
                    .collect();
                let Some(numbers) = numbers else {
                    return Outcome::Nothing;
                };
                // The next picture begins again; where none is there, four bytes that need only two may be two fields.
                let next = next_picture.and_then(|piece| place.read(piece));
                let restart = match (next, numbers.first()) {
                    (Some(next), Some(first)) => next >= *first && next - first <= 2,
                    _ => true,
                };
                let again = match next {
                    Some(next) => numbers
                        .first()
                        .is_some_and(|first| next.abs_diff(*first) < 1 << 16),
                    None => bytes < 4 || numbers.iter().any(|number| *number >= 1 << 16),
                };
                let column = Column {
                    written: Where::Bytes(place),
                    wide: bytes > 1,
                    numbers,
                    again,
                    restart,
                };
                if let Some((role, plus, what)) = column.says(&sizes, whole, header) {
                    order |= matches!(role, Role::Index | Role::Left | Role::Offset);
                    taken.push((place, role, plus, what));
                }
            }
        }
    }
    if !order && let Some((place, what)) = running(pieces, header, &taken) {
        order = true;
        taken.push((place, Role::Number, 0, what));
    }
    let lengths = taken
        .iter()
        .any(|(_, role, ..)| matches!(role, Role::Length(_)));
    // A flag, where the picture is whole, says where it ends.
    let mut flags = Vec::new();
    if !order && !lengths && count > 2 && whole.is_some() {
        let mut why = Vec::new();
        rest(pieces, of_picture, true, 0, header, &mut flags, &mut why);
    }
    let flagged = flags
        .iter()
        .any(|field| matches!(field.role, Role::Last | Role::More));
    // Headers that tell nothing, of a picture that is whole without them.
    let plain = whole.is_some() && count >= LEAST && !varies(pieces, header);
    if !order && !lengths && !flagged && !plain || pieces.len() < 2 {
        return alone(pieces, header, whole);
    }
    taken.sort_by_key(|(place, ..)| place.at);
    // Of pieces that are numbered the last number tells how many there are, whichever of them were lost.
    let index = taken.iter().find(|(_, role, ..)| *role == Role::Index);
    let total = index.and_then(|(place, _, plus, _)| {
        let of_picture = pieces.iter().take(of_picture);
        let last = of_picture.filter_map(|piece| place.read(piece)).max()?;
        usize::try_from(last)
            .ok()?
            .checked_add(usize::from(*plus == 0))
    });
    let mut fields = Vec::new();
    let mut evidence = Vec::new();
    let mut at = 0;
    for (place, role, plus, what) in taken {
        rest(
            pieces,
            of_picture,
            whole.is_some(),
            at,
            place.at,
            &mut fields,
            &mut evidence,
        );
        let mut field = Field::says(place.kind(), role);
        field.plus = plus;
        fields.push(field);
        evidence.push(what);
        at = place.at + usize::from(place.bytes);
    }
    rest(
        pieces,
        of_picture,
        whole.is_some(),
        at,
        header,
        &mut fields,
        &mut evidence,
    );
    fields.push(Field::plain(Kind::Data(None)));
    let mut message = Vec::new();
    if let Some(head) = head {
        // A head before numbered pieces: only where it says the length or the count.
        if let Outcome::Found(found) = headed(head, &[], total.unwrap_or(0), whole, true) {
            message = found.layout.message;
            evidence.extend(found.evidence);
        }
    }
    Outcome::Found(Box::new(Inferred {
        layout: Layout {
            datagrams: true,
            message,
            piece: fields,
            ..Layout::default()
        },
        confidence: confidence(count),
        evidence,
        messages: count,
    }))
}

/// Whether a byte of the header has more values than a flag, or a bit that alternates: it may number pieces, and some may be lost.
fn varies(pieces: &[&[u8]], header: usize) -> bool {
    (0..header).any(|at| {
        let values = pieces.iter().filter_map(|piece| piece.get(at));
        values.collect::<std::collections::BTreeSet<_>>().len() > 2
    })
}

/// A number that grows by 1 with each datagram, whatever picture it is of.
fn running(
    pieces: &[&[u8]],
    header: usize,
    taken: &[(Place, Role, i64, String)],
) -> Option<(Place, String)> {
    if pieces.len() < LEAST {
        return None;
    }
    let end = |place: &Place| place.at + usize::from(place.bytes);
    let places = [2_u8, 4].into_iter().flat_map(|bytes| {
        (0..(header + 1).saturating_sub(usize::from(bytes))).flat_map(move |at| {
            [true, false].map(|big_endian| Place {
                at,
                bytes,
                big_endian,
            })
        })
    });
    let free = places.filter(|place| {
        taken
            .iter()
            .all(|(other, ..)| end(place) <= other.at || place.at >= end(other))
    });
    let steps = free.filter_map(|place| {
        let numbers: Option<Vec<u64>> = pieces.iter().map(|piece| place.read(piece)).collect();
        let numbers = numbers?;
        let steps = numbers
            .iter()
            .zip(numbers.iter().skip(1))
            .filter(|(one, two)| one.checked_add(1) == Some(**two))
            .count();
        (steps * 10 >= (numbers.len() - 1) * 9).then_some((steps, place))
    });
    let (_, place) = steps.max_by_key(|(steps, _)| *steps)?;
    let what = format!(
        "bytes {}–{} grow by 1 with each of {} datagrams",
        place.at,
        end(&place) - 1,
        pieces.len()
    );
    Some((place, what))
}

impl Column {
    /// What the numbers say, if anything.
    fn says(
        &self,
        sizes: &[u64],
        whole: Option<u64>,
        header: usize,
    ) -> Option<(Role, i64, String)> {
        let first = *self.numbers.first()?;
        let n = self.numbers.len();
        let name = &self.written;
        if n < 2 {
            return None;
        }
        let pairs = || self.numbers.iter().zip(self.numbers.iter().skip(1));
        // Lost datagrams leave holes, and few come out of turn; none runs the other way.
        let up = pairs()
            .filter(|(one, two)| one.checked_add(1) == Some(**two))
            .count();
        let down = pairs()
            .filter(|(one, two)| two.checked_add(1) == Some(**one))
            .count();
        let mostly = |count: usize| count * 10 >= (n - 1) * 7 && count > 0;
        let spread = |most: u64| self.numbers.iter().all(|number| *number < most);
        let places = n as u64 * 4 + 8;
        if first <= 1 && mostly(up) && spread(places) && self.again && self.restart {
            let plus = i64::from(first == 1);
            return Some((
                Role::Index,
                plus,
                format!("{name} = the piece's number, from {first}, in {n} datagrams"),
            ));
        }
        if mostly(down) && first >= 1 && spread(places) && self.again {
            let end = *self.numbers.iter().min()?;
            if end <= 1 && whole.is_some() {
                let plus = i64::from(end == 1);
                return Some((
                    Role::Left,
                    plus,
                    format!("{name} = how many pieces are left, down to {end}, in {n} datagrams"),
                ));
            }
        }
        // Offsets: each is the one before and its piece, in most.
        let steps = pairs()
            .zip(sizes)
            .filter(|((one, two), size)| one.checked_add(**size) == Some(**two))
            .count();
        if first == 0 && mostly(steps) && self.wide {
            return Some((
                Role::Offset,
                0,
                format!("{name} = the piece's offset, in {n} datagrams"),
            ));
        }
        let lengths = |plus: u64| {
            self.numbers
                .iter()
                .zip(sizes)
                .all(|(number, size)| size.checked_add(plus) == Some(*number))
        };
        if lengths(0) {
            return Some((
                Role::Length(Counts::Picture),
                0,
                format!("{name} = the piece's length, in {n} datagrams"),
            ));
        }
        let header = header as u64;
        if lengths(header) {
            let plus = i64::try_from(header).ok()?;
            return Some((
                Role::Length(Counts::Picture),
                plus,
                format!("{name} = the datagram's length, in {n} datagrams"),
            ));
        }
        let constant = self.numbers.iter().all(|number| *number == first);
        if constant {
            if whole == Some(first) && first >= 64 {
                return Some((
                    Role::Total,
                    0,
                    format!("{name} = the picture's length, in {n} datagrams"),
                ));
            }
            // A lost piece shows as one more.
            let seen = n as u64;
            if first >= seen && first <= seen + seen / 4 + 1 && whole.is_some() {
                return Some((
                    Role::Count,
                    0,
                    format!("{name} = the number of pieces, in {n} datagrams"),
                ));
            }
        }
        None
    }
}

/// Fields that are no number of the piece: a flag, the picture's number, bytes.
fn rest(
    pieces: &[&[u8]],
    count: usize,
    whole: bool,
    from: usize,
    to: usize,
    fields: &mut Vec<Field>,
    evidence: &mut Vec<String>,
) {
    let mut at = from;
    while at < to {
        let of = |piece: &&[u8]| piece.get(at).copied();
        let values: Vec<Option<u8>> = pieces.iter().take(count).map(of).collect();
        let (last, before) = match values.split_last() {
            Some((last, before)) if !before.is_empty() && whole => (*last, before),
            _ => (None, &[][..]),
        };
        let all = |value: u8| before.iter().all(|other| *other == Some(value));
        let flag = match last {
            Some(1..) if !before.is_empty() && all(0) => {
                Some((Role::Last, "is 0 in all pieces but the last"))
            }
            Some(0)
                if !before.is_empty()
                    && before.iter().all(|other| {
                        other.is_some_and(|other| {
                            other != 0 && Some(other) == before.first().copied().flatten()
                        })
                    }) =>
            {
                Some((Role::More, "is 0 in the last piece only"))
            }
            _ => None,
        };
        let byte = Kind::Int {
            bytes: 1,
            big_endian: true,
            signed: false,
        };
        if let Some((role, what)) = flag {
            fields.push(Field::says(byte, role));
            evidence.push(format!("byte {at} {what}"));
            at += 1;
            continue;
        }
        let left = to - at;
        let width = [4_usize, 2, 1]
            .into_iter()
            .find(|width| left >= *width && left.is_multiple_of(*width))
            .unwrap_or(1);
        // The picture's number: one value in this picture, the next in the next.
        let frame = [true, false].into_iter().find(|big_endian| {
            let place = Place {
                at,
                bytes: u8::try_from(width).unwrap_or(1),
                big_endian: *big_endian,
            };
            let first = pieces.first().and_then(|piece| place.read(piece));
            let next = pieces.get(count).and_then(|piece| place.read(piece));
            let same = pieces
                .iter()
                .take(count)
                .all(|piece| place.read(piece) == first);
            same && first.is_some() && next == first.and_then(|first| first.checked_add(1))
        });
        let kind = Kind::Int {
            bytes: u8::try_from(width).unwrap_or(1),
            big_endian: frame.unwrap_or(true) || width == 1,
            signed: false,
        };
        if frame.is_some() {
            evidence.push(format!("byte {at} on = the picture's number"));
        }
        fields.push(Field::says(
            kind,
            if frame.is_some() {
                Role::Frame
            } else {
                Role::None
            },
        ));
        at += width;
    }
}

/// One picture a datagram, behind a header.
fn alone(pieces: &[&[u8]], header: usize, whole: Option<u64>) -> Outcome {
    use super::super::layout::Payload;
    use super::solve::{Sample, solve};
    let Some(length) = whole else {
        return Outcome::Nothing;
    };
    let first = pieces.first().copied().unwrap_or_default();
    if header as u64 + length != first.len() as u64 {
        return Outcome::Nothing;
    }
    let samples: Vec<Sample<'_>> = pieces
        .iter()
        .take(super::MESSAGES)
        .map_while(|datagram| {
            let picture = datagram.get(header..)?;
            let Sniff::Is(format) = sniff(picture.get(..SNIFF_BYTES).unwrap_or(picture)) else {
                return None;
            };
            let mut walker = Walker::new(format);
            walker.update(picture);
            let Status::Whole { length } = walker.status() else {
                return None;
            };
            let info = walker.info();
            (length == picture.len() as u64).then(|| Sample {
                header: datagram.get(..header).unwrap_or_default(),
                length,
                width: info.width,
                height: info.height,
                picture,
                behind: 0,
            })
        })
        .collect();
    let Some(solved) = solve(&samples) else {
        return Outcome::Nothing;
    };
    let mut message = solved.fields;
    message.push(Field::plain(Kind::Picture(Payload::File)));
    // Datagrams end by themselves: fields that vary are refused by their sizes only.
    let fits = samples.iter().all(|sample| {
        let mut at = 0;
        message
            .iter()
            .take_while(|field| !matches!(field.kind, Kind::Picture(_)))
            .all(|field| {
                let rest = sample.header.get(at..).unwrap_or_default();
                match field.kind.size(rest, None, true) {
                    Size::Is(size) => {
                        at += size;
                        true
                    }
                    _ => false,
                }
            })
    });
    if !fits {
        return Outcome::Nothing;
    }
    Outcome::Found(Box::new(Inferred {
        layout: Layout {
            datagrams: true,
            message,
            ..Layout::default()
        },
        confidence: confidence(samples.len()),
        evidence: solved.evidence,
        messages: samples.len(),
    }))
}
