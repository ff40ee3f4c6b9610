//! How the bytes of a file lie in its direction, and whether a picture that a wire format found is what lies there.

use crate::wire::Fixed;
use std::collections::{BTreeMap, BTreeSet};

use super::{SHARED, numbered, overlap, range};
use crate::align::{Span, View};
use crate::ledger::{Image, TransportKind};
use crate::units::ByteRange;
use crate::verify::evidence::{Form, Passage, Way};
use crate::wire::Protocol;

/// How the bytes of a picture lie in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lie {
    /// One after the other, or as a wire format has them.
    Plain,
    /// With as many other bytes before each piece: framing that repeats.
    Regular,
    /// With other bytes at some places that nothing explains.
    Irregular,
}

/// Whether a protocol itself says where its pictures begin and end, and puts framing between their bytes.
pub(super) fn delimits(protocol: &Protocol) -> bool {
    matches!(
        protocol,
        Protocol::Fixed(
            Fixed::Http
                | Fixed::Http2
                | Fixed::WebSocket
                | Fixed::JavaObjects
                | Fixed::Tftp
                | Fixed::RtpJpeg
        )
    )
}

/// Whether a picture that a wire format found is what the passage shows: from the same byte on, and its differences are its
/// own.
pub(super) fn fits(image: &Image, way: &Way<'_>, passage: &Passage, lie: Lie) -> bool {
    let place = way.place(&passage.placement.stream());
    let own = range(image);
    if way.recovered.is_some() {
        // The wire format undid the same conversion, to the end; a line end before it or behind is of neither.
        const LINE: u64 = 2;
        return image.encoded_bytes.is_some()
            && (place.start..=place.start.saturating_add(LINE)).contains(&own.start)
            && own.end.saturating_add(LINE) >= way.stream_end();
    }
    if delimits(&image.protocol) && image.encoded_bytes.is_some() {
        return own.start <= place.start && own.end >= place.end;
    }
    if image.encoded_bytes.is_some() {
        return false;
    }
    if matches!(passage.form, Form::Pixels(..)) {
        // Of two that were taken for one picture the first is not all of it.
        let all = !passage.placement.is_whole() || own.end <= place.end;
        return image.is_raw_pixels() && own.start == place.start && lie == Lie::Plain && all;
    }
    let Some(first) = passage.placement.spans.first() else {
        return false;
    };
    // Found by its structure, which broke where a byte was changed: the file goes on.
    if image.protocol == Protocol::Carve && own.start == place.start && own.end < place.end {
        return false;
    }
    let inside = overlap(&own, &place).saturating_mul(10)
        >= place.end.saturating_sub(place.start).saturating_mul(9);
    if !inside {
        return false;
    }
    match passage.form {
        Form::View(View::Bytes) => {
            let starts = first.stream.start.checked_sub(first.text);
            // Its beginning may lie in a gap of the capture.
            let same =
                starts == Some(own.start) || (first.text == 0 && first.stream.start == own.start);
            let late = first.text > 0 && own.start <= first.stream.start;
            match lie {
                Lie::Plain => same || (late && !passage.placement.is_whole()),
                Lie::Irregular => same,
                Lie::Regular => false,
            }
        }
        Form::View(view) => view.is_text_mode() && own.start == place.start,
        Form::Pixels(..) => false,
    }
}

/// Whether a wire format took a picture for broken where more of the file follows: a byte of its structure was changed. Where
/// it declared the length, that is where the picture ends.
pub(super) fn is_more(image: &Image, way: &Way<'_>, passage: &Passage) -> bool {
    let (_, behind) = edges(way, passage);
    image.problem.is_some()
        && image.declared_bytes.is_none()
        && passage.form == Form::BYTES
        && passage.placement.stream().end.saturating_add(behind) > range(image).end
}

/// Bytes of the stream right before a passage, and right behind it, that stand where the file's first and last few bytes would:
/// there is nothing else that they could be.
pub(super) fn edges(way: &Way<'_>, passage: &Passage) -> (u64, u64) {
    /// More are not a few.
    const FEW: u64 = 64;
    let spans = &passage.placement.spans;
    let (Some(first), Some(last)) = (spans.first(), spans.last()) else {
        return (0, 0);
    };
    if passage.form != Form::BYTES || !passage.placement.is_in_order() || way.recovered.is_some() {
        return (0, 0);
    }
    let before = first.stream.start;
    let wants = (1..=FEW).contains(&first.text) && before > 0;
    let before = if wants && before <= first.text.saturating_add(1) && !way.has_gap(&(0..before)) {
        before
    } else {
        0
    };
    let left = passage.placement.length.saturating_sub(last.in_text().end);
    let behind = way.end().saturating_sub(last.stream.end);
    let wants = (1..=FEW).contains(&left) && behind > 0;
    let gap = way.has_gap(&(last.stream.end..last.stream.end.saturating_add(behind)));
    let behind = if wants && behind <= left.saturating_add(1) && !gap {
        behind
    } else {
        0
    };
    (before, behind)
}

/// Whether a difference between file and stream is sure, whatever the capture lacks elsewhere: bytes that were captured, between
/// bytes that are the file's, are not.
pub(super) fn is_certain(way: &Way<'_>, passage: &Passage, lie: Lie, file: &[u8]) -> bool {
    if passage.form != Form::BYTES {
        return passage.placement.is_whole();
    }
    let spans = &passage.placement.spans;
    let pieces = Pieces::of(way, passage);
    let at_ends = pieces
        .as_ref()
        .is_some_and(|pieces| pieces.differ_at_ends(passage));
    if at_ends {
        return true;
    }
    !may_lie_plainly(way, passage, file)
        && spans
            .iter()
            .zip(spans.iter().skip(1))
            .any(|(before, after)| {
                let between = before.stream.end..after.stream.start;
                let in_text = before.in_text().end..after.text;
                if way.has_gap(&between) || in_text.start > in_text.end {
                    return false;
                }
                let (stream, text) = (between.end - between.start, in_text.end - in_text.start);
                let tcp = way.stream.transport == TransportKind::Tcp;
                if text == 0 {
                    // Of a part of it a header looks the same.
                    let all =
                        passage.placement.is_whole() && !way.has_gap(&passage.placement.stream());
                    return all
                        && stream > 0
                        && lie == Lie::Irregular
                        && (tcp || !at_border(way, &between));
                }
                // Left out: a datagram that is missing from the capture looks the same, unless it is within one. What stands there
                // instead may be the next one's header.
                if stream >= text || tcp {
                    return stream > 0 || tcp;
                }
                let whole = pieces
                    .as_ref()
                    .is_none_or(|pieces| pieces.may_be_whole(text));
                stream == 0 && (!whole || is_within(way, before.stream.end, &in_text, file))
            })
}

/// Whether the file lies in one piece somewhere, as far as it was captured: where its content repeats, the parts around a gap may be
/// taken for others of the same bytes.
fn may_lie_plainly(way: &Way<'_>, passage: &Passage, file: &[u8]) -> bool {
    /// Of more parts it is not asked.
    const MOST: usize = 16;
    let spans = passage.placement.spans.iter().rev().take(MOST);
    let (Ok(length), false) = (i64::try_from(file.len()), way.recovered.is_some()) else {
        return false;
    };
    let mut starts: Vec<i64> = spans
        .filter_map(|span| {
            let stream = i64::try_from(span.stream.start).ok()?;
            stream.checked_sub(i64::try_from(span.text).ok()?)
        })
        .collect();
    starts.sort_unstable();
    starts.dedup();
    let place = passage.placement.stream();
    let (Ok(first), Ok(last)) = (i64::try_from(place.start), i64::try_from(place.end)) else {
        return false;
    };
    starts.into_iter().any(|start| {
        let holds = start <= first && last <= start.saturating_add(length);
        let agrees = |run: &crate::verify::Run| {
            let (Ok(offset), Ok(bytes)) =
                (i64::try_from(run.offset), i64::try_from(run.bytes.len()))
            else {
                return false;
            };
            let from = offset.max(start);
            let to = offset
                .saturating_add(bytes)
                .min(start.saturating_add(length));
            if from >= to {
                return true;
            }
            let within =
                |from: i64, to: i64| Some(usize::try_from(from).ok()?..usize::try_from(to).ok()?);
            let ours = within(from - offset, to - offset).and_then(|range| run.bytes.get(range));
            let theirs = within(from - start, to - start).and_then(|range| file.get(range));
            ours.is_some() && ours == theirs
        };
        holds && way.runs.iter().all(agrees)
    })
}

/// The pieces in which datagrams carry a file: all of one length, but for the last.
struct Pieces {
    /// What all have.
    length: u64,
    /// There are too few to know: those that are missing may be longer.
    few: bool,
    /// What the last one has that was captured.
    last: u64,
    /// The only one, or the last, goes on behind the file's bytes.
    goes_on: bool,
}

/// Bytes by which borders move where framing is equal to what follows in the file.
const MOVED: u64 = 4;

impl Pieces {
    /// Absent where they are no datagrams, or have no common length.
    fn of(way: &Way<'_>, passage: &Passage) -> Option<Self> {
        let direction = way.stream.directions.get(way.side)?;
        let carriers = direction.carriers.as_ref()?;
        if way.stream.transport != TransportKind::Udp
            || way.recovered.is_some()
            || !passage.placement.is_in_order()
        {
            return None;
        }
        let mut end = 0;
        let mut carried: Vec<u64> = Vec::new();
        for extent in carriers.0.overlapping(passage.placement.stream()) {
            let of = |span: &Span| overlap(&span.stream, &(extent.offset..extent.end()));
            let bytes: u64 = passage.placement.spans.iter().map(of).sum();
            if bytes > 0 {
                carried.push(bytes);
                end = end.max(extent.end());
            }
        }
        let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
        for bytes in &carried {
            *counts.entry(*bytes).or_default() += 1;
        }
        let (&length, &most) = counts
            .iter()
            .max_by_key(|(bytes, count)| (**count, **bytes))?;
        // Of one or two datagrams the first is as long as any: only the last may be shorter.
        let few = carried.len() <= 2;
        (few || most.saturating_mul(2) > carried.len()).then(|| Self {
            length: if few {
                length.max(carried.first().copied().unwrap_or(0))
            } else {
                length
            },
            few,
            last: carried.last().copied().unwrap_or(0),
            goes_on: end > passage.placement.stream().end && carried.len() == 1,
        })
    }

    /// Whether so many bytes of the file may be whole datagrams.
    fn may_be_whole(&self, bytes: u64) -> bool {
        let rest = bytes.checked_rem(self.length).unwrap_or(0);
        bytes.saturating_add(MOVED) >= self.length
            && (self.few || rest <= MOVED || rest.saturating_add(MOVED) >= self.length)
    }

    /// Whether what is missing before the first piece or behind the last is no whole datagram that was not captured.
    fn differ_at_ends(&self, passage: &Passage) -> bool {
        let spans = &passage.placement.spans;
        let (Some(first), Some(last)) = (spans.first(), spans.last()) else {
            return false;
        };
        let before = first.text;
        let behind = passage.placement.length.saturating_sub(last.in_text().end);
        let is_full = self.last.saturating_add(MOVED) >= self.length;
        (before > 0 && !self.may_be_whole(before)) || (behind > 0 && (!is_full || self.goes_on))
    }
}

/// Whether a datagram begins in a range, or a few bytes from it.
pub(super) fn at_border(way: &Way<'_>, range: &ByteRange) -> bool {
    let carriers = way.carriers();
    let near = range.start.saturating_sub(8)..=range.end.saturating_add(8);
    carriers.is_none_or(|carriers| {
        carriers
            .0
            .iter()
            .any(|extent| near.contains(&extent.offset) || near.contains(&extent.end()))
    })
}

/// Whether what was left out of a file there was left out within a datagram. Where bytes repeat, the place is not exact.
pub(super) fn is_within(way: &Way<'_>, place: u64, left_out: &ByteRange, file: &[u8]) -> bool {
    let Some(carriers) = way.carriers() else {
        return false;
    };
    let byte = |at: u64| usize::try_from(at).ok().and_then(|at| file.get(at));
    let same = |one: Option<u64>, other: Option<u64>| {
        one.zip(other)
            .is_some_and(|(one, other)| byte(one).is_some() && byte(one) == byte(other))
    };
    let back = (1..)
        .take_while(|&by| same(left_out.start.checked_sub(by), left_out.end.checked_sub(by)))
        .take(1 << 10)
        .count() as u64;
    let on = (0..)
        .take_while(|&by| same(left_out.start.checked_add(by), left_out.end.checked_add(by)))
        .take(1 << 10)
        .count() as u64;
    let places = place.saturating_sub(back)..=place.saturating_add(on);
    !carriers
        .0
        .iter()
        .any(|extent| places.contains(&extent.offset) || places.contains(&extent.end()))
}

/// How the pieces of a passage lie.
pub(super) fn lie(way: &Way<'_>, passage: &Passage) -> Lie {
    let spans = &passage.placement.spans;
    let mut put_in: Vec<ByteRange> = Vec::new();
    for (before, after) in spans.iter().zip(spans.iter().skip(1)) {
        let between = before.stream.end..after.stream.start;
        let goes_on = before.in_text().end == after.text;
        let udp = way.stream.transport == TransportKind::Udp;
        if between.start < between.end && !way.has_gap(&between) && (goes_on || udp) {
            put_in.push(between);
        }
    }
    if way.stream.transport == TransportKind::Tcp && !passage.placement.is_in_order() {
        return out_of_turn(way, spans);
    }
    let Some(first) = put_in.first() else {
        return Lie::Plain;
    };
    let length = first.end - first.start;
    let whole = spans.first().is_some_and(|span| span.text == 0);
    if whole && has_odd_header(way, &put_in, &passage.placement.stream()) {
        return Lie::Irregular;
    }
    if way.stream.transport == TransportKind::Udp
        && at_datagrams(way, &put_in, &passage.placement.stream())
    {
        return Lie::Regular;
    }
    let same = put_in.iter().all(|range| range.end - range.start == length);
    if !same {
        // Lines of text are as long as their numbers are.
        let told = put_in
            .iter()
            .enumerate()
            .all(|(at, range)| tells_length(way, spans, range, put_in.get(at + 1)));
        return if told || are_numbered(way, spans, &put_in) {
            Lie::Regular
        } else {
            Lie::Irregular
        };
    }
    // Cut where programs cut, whatever a changed byte splits off.
    let borders: Vec<(u64, u64)> = put_in
        .iter()
        .filter_map(|range| {
            let next = spans.iter().find(|span| span.stream.start == range.end)?;
            Some((next.text.saturating_sub(slack(way, range)), next.text))
        })
        .collect();
    let regular = put_in.len() >= 2 && borders.len() == put_in.len() && are_even(&borders);
    if regular || declares(way, passage, &put_in) {
        Lie::Regular
    } else {
        Lie::Irregular
    }
}

/// How pieces lie that came in another order than they stand in the file: each must have as many bytes before it. Where a header begins as
/// the file goes on, a few of its bytes were taken for the piece before it, and are missing where the file really goes on.
fn out_of_turn(way: &Way<'_>, spans: &[Span]) -> Lie {
    const FEW: u64 = 4;
    let borders = spans.iter().zip(spans.iter().skip(1));
    let mut lengths: Vec<u64> = borders
        .map(|(before, after)| before.stream.end..after.stream.start)
        .filter(|between| !way.has_gap(between))
        .map(|between| between.end.saturating_sub(between.start))
        .collect();
    lengths.sort_unstable();
    let Some(&header) = lengths.get(lengths.len() / 2) else {
        return Lie::Plain;
    };
    let near = lengths.iter().all(|length| length.abs_diff(header) <= FEW);
    let all: u64 = lengths.iter().sum();
    if near && all == header.saturating_mul(lengths.len() as u64) {
        Lie::Regular
    } else {
        Lie::Irregular
    }
}

/// By how many bytes framing may as well lie further ahead: where it begins with the bytes that the next piece begins with, they were
/// taken for the file's.
fn slack(way: &Way<'_>, range: &ByteRange) -> u64 {
    const MOST: u64 = 16;
    let byte = |end: u64, back: u64| {
        let at = end.checked_sub(back)?;
        way.bytes(&(at..at + 1))
    };
    (1..=MOST)
        .take_while(|&back| {
            let before = byte(range.start, back);
            before.is_some() && before == byte(range.end, back)
        })
        .count() as u64
}

/// Whether borders, each anywhere in its range, can be as far from each other.
fn are_even(borders: &[(u64, u64)]) -> bool {
    let (Some(&first), Some(&second)) = (borders.first(), borders.get(1)) else {
        return false;
    };
    (first.0..=first.1).any(|from| {
        (second.0..=second.1).any(|next| {
            let Some(step) = next.checked_sub(from).filter(|step| *step > 0) else {
                return false;
            };
            (0..).zip(borders).all(|(number, (earliest, latest))| {
                let at = from.saturating_add(step.saturating_mul(number));
                (*earliest..=*latest).contains(&at)
            })
        })
    })
}

/// Whether what stands before a piece is a text that has the piece's length in digits; `next` is what stands before the next one.
fn tells_length(
    way: &Way<'_>,
    spans: &[Span],
    range: &ByteRange,
    next: Option<&ByteRange>,
) -> bool {
    let from = spans.iter().find(|span| span.stream.start == range.end);
    let to = next.and_then(|next| spans.iter().find(|span| span.stream.start == next.end));
    let last = spans.last().map(|span| span.in_text().end);
    let (Some(from), Some(to)) = (
        from.map(|span| span.text),
        to.map(|span| span.text).or(last),
    ) else {
        return false;
    };
    let ahead = next.map_or(0, |next| slack(way, next));
    (0..=slack(way, range)).any(|back| {
        let header = range.start.saturating_sub(back)..range.end.saturating_sub(back);
        way.bytes(&header).is_some_and(|text| {
            (0..=ahead).any(|ahead| {
                let piece = (to - ahead.min(to)).checked_sub(from.saturating_sub(back));
                piece.is_some_and(|piece| says_length(text, piece))
            })
        })
    })
}

/// Whether what stands before each piece but the first is a text of one wording whose numbers tell the pieces.
fn are_numbered(way: &Way<'_>, spans: &[Span], put_in: &[ByteRange]) -> bool {
    let begins = put_in.iter().map(|range| {
        let span = spans.iter().find(|span| span.stream.start == range.end)?;
        let text = way.bytes(range)?;
        Some((span.text, text))
    });
    let Some(begins) = begins.collect::<Option<Vec<(u64, &[u8])>>>() else {
        return false;
    };
    let end = spans.last().map_or(0, |span| span.in_text().end);
    let ends = begins.iter().skip(1).map(|(start, _)| *start).chain([end]);
    let pieces: Vec<ByteRange> = begins
        .iter()
        .zip(ends)
        .map(|((start, _), end)| *start..end)
        .collect();
    let texts: Vec<&[u8]> = begins.iter().map(|(_, text)| *text).collect();
    // What stands before the first piece ends as what stands before the others.
    let start = spans.first().map_or(0, |span| span.stream.start);
    let longest = texts
        .iter()
        .map(|text| text.len() as u64)
        .max()
        .unwrap_or(0);
    let first = way.bytes(&(start.saturating_sub(longest)..start));
    first.is_some_and(|first| numbered::end_alike(first, &texts))
        && numbered::number_pieces(&texts, &pieces)
}

/// Whether a text has a length in decimal or hexadecimal digits.
fn says_length(text: &[u8], piece: u64) -> bool {
    const LONGEST: usize = 1024;
    let is_text = text
        .iter()
        .all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace());
    let says = |radix: u32, digits: &[u8]| {
        let digits = std::str::from_utf8(digits).ok();
        digits.and_then(|digits| u64::from_str_radix(digits, radix).ok()) == Some(piece)
    };
    text.len() <= LONGEST
        && is_text
        && text
            .split(|byte| !byte.is_ascii_hexdigit())
            .any(|run| says(10, run) || says(16, run))
}

/// Whether what was put in begins or ends at the beginning of datagrams.
pub(super) fn at_datagrams(way: &Way<'_>, put_in: &[ByteRange], place: &ByteRange) -> bool {
    let Some(carriers) = way.carriers() else {
        return false;
    };
    let mut starts: BTreeSet<u64> = carriers.0.iter().map(|extent| extent.offset).collect();
    starts.insert(way.end());
    // Headers stand in each datagram; a few bytes in one of many are none. What is whole datagrams came twice, or out of turn.
    let (Some(first), Some(last)) = (put_in.first(), put_in.last()) else {
        return false;
    };
    let whole = |range: &ByteRange| range.end - range.start >= SHARED;
    let datagrams = starts.range(first.start..=last.end).count();
    let all = starts.range(place.clone()).count();
    if !put_in.iter().any(whole) && put_in.len().saturating_mul(2) < datagrams.max(all.min(4)) {
        return false;
    }
    put_in.iter().all(|range| {
        // Framing may be equal to the next byte of the file by chance, so that the border moves by a few.
        starts
            .range(range.start.saturating_sub(8)..=range.end)
            .next()
            .is_some()
    })
}

/// Whether one of the headers of datagrams has another length than all the others, the one before the first piece among them: it
/// is no header any more.
pub(super) fn has_odd_header(way: &Way<'_>, put_in: &[ByteRange], place: &ByteRange) -> bool {
    let carriers = way
        .carriers()
        .filter(|_| way.stream.transport == TransportKind::Udp);
    let Some(carriers) = carriers else {
        return false;
    };
    let starts: BTreeSet<u64> = carriers.0.iter().map(|extent| extent.offset).collect();
    let ahead = starts
        .range(..=place.start)
        .next_back()
        .map(|start| place.start - start);
    // Where datagrams have a header, one that begins with the file's bytes has lost its own.
    let bare = starts
        .range(place.start.saturating_add(1)..place.end)
        .filter(|start| {
            let near = |range: &ByteRange| {
                range.start <= start.saturating_add(8) && range.end.saturating_add(8) >= **start
            };
            !put_in.iter().any(near)
        })
        .map(|_| 0);
    // What ends a datagram stands before the next one's header.
    let mut trailers: BTreeMap<u64, usize> = BTreeMap::new();
    for range in put_in {
        let border = starts.range(range.start..=range.end).next();
        *trailers
            .entry(border.map_or(0, |border| border - range.start))
            .or_default() += 1;
    }
    let most = trailers.into_iter().max_by_key(|(_, count)| *count);
    let trailer = most.map_or(0, |(length, _)| length);
    let ahead = ahead.map(|header| header.saturating_add(trailer));
    let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
    let lengths = put_in.iter().map(|range| range.end - range.start);
    for length in lengths.chain(ahead).chain(bare) {
        if length >= SHARED {
            // Whole datagrams that came twice or out of turn.
            return false;
        }
        *counts.entry(length).or_default() += 1;
    }
    let all: usize = counts.values().sum();
    (all >= 4 && counts.values().max() == Some(&(all - 1))) || is_out_of_turn(way, put_in)
}

/// Whether the headers count, and one of them does not.
fn is_out_of_turn(way: &Way<'_>, put_in: &[ByteRange]) -> bool {
    const WIDEST: u64 = 8;
    let mut values: Vec<u64> = Vec::new();
    for range in put_in {
        let bytes = way.bytes(range).unwrap_or_default();
        if bytes.is_empty() || bytes.len() as u64 > WIDEST {
            return false;
        }
        let join = |all: u64, byte: &u8| all << 8 | u64::from(*byte);
        values.push(bytes.iter().fold(0, join));
    }
    let steps: Vec<u64> = values
        .iter()
        .zip(values.iter().skip(1))
        .map(|(one, next)| next.wrapping_sub(*one))
        .collect();
    let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
    for step in &steps {
        *counts.entry(*step).or_default() += 1;
    }
    let Some((usual, most)) = counts.into_iter().max_by_key(|(_, count)| *count) else {
        return false;
    };
    let odd: Vec<usize> = (0..steps.len())
        .filter(|&at| steps.get(at) != Some(&usual))
        .collect();
    // Two steps beside each other that make up for each other: what stands between them is another number.
    let &[one, other] = odd.as_slice() else {
        return false;
    };
    let step = |at: usize| steps.get(at).copied().unwrap_or_default();
    most >= 4 && other == one + 1 && step(one).wrapping_add(step(other)) == usual.wrapping_mul(2)
}

/// Whether between the pieces of all files of a way stand headers of one length that say how long their pieces are.
pub(super) fn are_headed(way: &Way<'_>, joined: &Passage) -> bool {
    let spans = &joined.placement.spans;
    let pairs = spans.iter().zip(spans.iter().skip(1));
    if way.recovered.is_some()
        || pairs
            .clone()
            .any(|(before, after)| before.stream.end > after.stream.start)
    {
        return false;
    }
    let put_in: Vec<ByteRange> = pairs
        .map(|(before, after)| before.stream.end..after.stream.start)
        .filter(|range| range.start < range.end)
        .collect();
    let Some(length) = put_in.first().map(|range| range.end - range.start) else {
        return false;
    };
    put_in.len() > 2
        && put_in
            .iter()
            .all(|range| range.end - range.start == length && !way.has_gap(range))
        && declares(way, joined, &put_in)
}

/// Whether each range that was put in, and the bytes before the first piece, hold the length of the piece that follows.
pub(super) fn declares(way: &Way<'_>, passage: &Passage, put_in: &[ByteRange]) -> bool {
    let spans = &passage.placement.spans;
    let Some(length) = put_in.first().map(|range| range.end - range.start) else {
        return false;
    };
    if !(1..=64).contains(&length) {
        return false;
    }
    let mut pieces: Vec<(u64, u64)> = Vec::new();
    for span in spans {
        match pieces.last_mut() {
            Some((start, bytes)) if !put_in.iter().any(|range| range.end == span.stream.start) => {
                *bytes = span.stream.end.saturating_sub(*start);
            }
            _ => pieces.push((span.stream.start, span.bytes())),
        }
    }
    let slack_before = |start: u64| {
        let range = put_in.iter().find(|range| range.end == start);
        range.map_or(0, |range| slack(way, range))
    };
    pieces.iter().enumerate().all(|(at, &(start, bytes))| {
        let ahead = pieces.get(at + 1).map_or(0, |next| slack_before(next.0));
        (0..=slack_before(start)).any(|back| {
            let end = start.saturating_sub(back);
            let header = end
                .checked_sub(length)
                .and_then(|from| way.bytes(&(from..end)));
            header.is_some_and(|header| {
                (0..=ahead).any(|ahead| holds(header, (bytes + back).saturating_sub(ahead)))
            })
        })
    })
}

/// Whether a number somewhere in a header is this one.
fn holds(header: &[u8], number: u64) -> bool {
    let join = |all: u64, byte: &u8| all << 8 | u64::from(*byte);
    [1, 2, 4, 8].into_iter().any(|width| {
        header.windows(width).any(|field| {
            let big = field.iter().fold(0, join);
            let little = field.iter().rev().fold(0, join);
            big == number || little == number
        })
    })
}
