//! Spans that are one passage of a text through the stream.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::Span;
use crate::units::ByteRange;

/// One passage of a text: its pieces in order of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Placement {
    /// Ascending in the stream; in the text without overlap.
    pub(crate) spans: Vec<Span>,
    /// Length of the text.
    pub(crate) length: u64,
}

impl Placement {
    /// Bytes of the text that are there.
    pub(crate) fn covered(&self) -> u64 {
        self.spans.iter().map(Span::bytes).sum()
    }

    /// Whether all of the text is there.
    pub(crate) fn is_whole(&self) -> bool {
        self.covered() == self.length
    }

    /// From the first byte of the stream that belongs to it to the last.
    pub(crate) fn stream(&self) -> ByteRange {
        let start = self.spans.first().map_or(0, |span| span.stream.start);
        start..self.spans.last().map_or(start, |span| span.stream.end)
    }

    /// Where in the text its first piece begins.
    fn begin(&self) -> Option<u64> {
        self.spans.first().map(|span| span.text)
    }

    /// One past the last byte of the text that is there.
    fn end(&self) -> u64 {
        let ends = self.spans.iter().map(|span| span.in_text().end);
        ends.max().unwrap_or(0)
    }

    /// Ranges of the text that are there: where they begin, and where each ends.
    fn pieces(&self) -> BTreeMap<u64, u64> {
        let ranges = self.spans.iter().map(Span::in_text);
        ranges.map(|range| (range.start, range.end)).collect()
    }

    /// Whether its pieces stand in the stream as in the text.
    pub(crate) fn is_in_order(&self) -> bool {
        self.spans.is_sorted_by_key(|span| span.text)
    }

    /// Ranges of the text that are not there, ascending.
    pub(crate) fn missing(&self) -> Vec<ByteRange> {
        let mut there: Vec<ByteRange> = self.spans.iter().map(Span::in_text).collect();
        there.sort_by_key(|range| range.start);
        let mut missing = Vec::new();
        let mut at = 0;
        for range in there {
            if range.start > at {
                missing.push(at..range.start);
            }
            at = at.max(range.end);
        }
        if at < self.length {
            missing.push(at..self.length);
        }
        missing
    }
}

/// Puts spans of a text of this length together. A passage ends where the text begins again. `any_order`: its pieces are no datagrams, which
/// have borders of their own; they may come in any order, and one of them twice.
pub(crate) fn placements(spans: &[Span], length: u64, any_order: bool) -> Vec<Placement> {
    /// Pieces that go back in the text more often come in any order: it is no text that begins again here and there.
    const OFTEN: usize = 4;
    let spans = if any_order {
        on_grid(spans)
    } else {
        Cow::Borrowed(spans)
    };
    let mut found: Vec<Placement> = Vec::new();
    // Ranges of the text that the last placement has, by start, and how often it goes back in the text.
    let mut there: BTreeMap<u64, u64> = BTreeMap::new();
    let mut back = 0;
    for span in &*spans {
        let fitted = fitted(span, &there);
        let fits = fitted.is_some();
        let span = fitted.unwrap_or_else(|| span.clone());
        let range = span.in_text();
        // A piece that came twice among others that come in any order.
        if any_order
            && !fits
            && there.get(&range.start) == Some(&range.end)
            && back > OFTEN.max(there.len() / 8)
        {
            continue;
        }
        match found.last_mut() {
            Some(last) if fits => {
                let before = last.spans.last().map_or(0, |last| last.text);
                back += usize::from(span.text < before);
                last.spans.push(span);
            }
            _ => {
                there.clear();
                back = 0;
                found.push(Placement {
                    spans: vec![span],
                    length,
                });
            }
        }
        there.insert(range.start, range.end);
    }
    joined(&found)
}

/// Pieces of one length that come in any order, where a header that begins as the text goes on, or ends as it does before the piece, was
/// taken for the text: each begins and ends where the pieces do.
fn on_grid(spans: &[Span]) -> Cow<'_, [Span]> {
    const FEW: u64 = 4;
    if spans.is_sorted_by_key(|span| span.text) {
        return Cow::Borrowed(spans);
    }
    let mut lengths: Vec<u64> = spans.iter().map(Span::bytes).collect();
    lengths.sort_unstable();
    let runs = lengths.chunk_by(|one, other| one == other);
    let most = runs.max_by_key(|run| run.len());
    let Some((length, count)) = most.and_then(|run| Some((*run.first()?, run.len()))) else {
        return Cow::Borrowed(spans);
    };
    if count < 4 || count * 2 < spans.len() || length <= 4 * FEW {
        return Cow::Borrowed(spans);
    }
    let mut starts: Vec<u64> = spans
        .iter()
        .filter(|span| span.bytes() == length)
        .map(|span| span.text % length)
        .collect();
    starts.sort_unstable();
    let runs = starts.chunk_by(|one, other| one == other);
    let Some(&start) = runs.max_by_key(|run| run.len()).and_then(|run| run.first()) else {
        return Cow::Borrowed(spans);
    };
    let beyond = |at: u64| (at + length - start) % length;
    let trimmed = spans.iter().map(|span| {
        let early = (length - beyond(span.text)) % length;
        let early = if early <= FEW { early } else { 0 };
        let late = beyond(span.in_text().end);
        let late = if late <= FEW { late } else { 0 };
        if early + late >= span.bytes() {
            return span.clone();
        }
        Span {
            stream: span.stream.start + early..span.stream.end - late,
            text: span.text + early,
        }
    });
    trimmed.collect()
}

/// A span as it stands beside those that are there; absent where it is a passage's that begins again.
fn fitted(span: &Span, there: &BTreeMap<u64, u64>) -> Option<Span> {
    /// Framing that happens to be the text's next byte makes pieces overlap by a few.
    const FEW: u64 = 16;
    let mut range = span.in_text();
    let is_short = |rest: u64, range: &ByteRange| rest < FEW && range.end > range.start + 2 * rest;
    // This one goes on into one that stands behind it in the text.
    if let Some((behind, _)) = there
        .range((range.start + 1).min(range.end)..range.end)
        .next()
    {
        let rest = range.end - behind;
        if !is_short(rest, &range) {
            return None;
        }
        range.end = *behind;
    }
    // One that stands before it in the text goes on into this one.
    if let Some((_, end)) = there.range(..=range.start).next_back() {
        let rest = end.saturating_sub(range.start);
        if rest > 0 && (there.contains_key(&range.start) || !is_short(rest, &range)) {
            return None;
        }
        range.start += rest;
    }
    let skipped = range.start - span.text;
    Some(Span {
        stream: span.stream.start + skipped..span.stream.start + (range.end - span.text),
        text: range.start,
    })
}

/// The same with the one piece that was too short to be found: where all others have as many bytes before them, it is what stands behind as
/// many in the only place that has room for it. `bytes` reads the stream, which ends at `end`.
pub(crate) fn with_short_piece<'b>(
    found: &Placement,
    text: &[u8],
    end: u64,
    bytes: &dyn Fn(&ByteRange) -> Option<&'b [u8]>,
) -> Option<Placement> {
    /// Longer ones are found.
    const SHORT: u64 = 64;
    if found.spans.len() < 4 || found.is_in_order() {
        return None;
    }
    let missing = found.missing();
    let [rest] = missing.as_slice() else {
        return None;
    };
    let length = rest.end - rest.start;
    if length >= SHORT {
        return None;
    }
    let starts = found.spans.iter().skip(1).map(|span| span.stream.start);
    let gaps = found.spans.iter().zip(starts.chain([end]));
    let gaps: Vec<ByteRange> = gaps.map(|(span, next)| span.stream.end..next).collect();
    let size = |gap: &ByteRange| gap.end.saturating_sub(gap.start);
    let mut sizes: Vec<u64> = gaps.iter().map(size).collect();
    sizes.sort_unstable();
    let header = *sizes.get(sizes.len() / 2)?;
    let mut wide = gaps.iter().filter(|gap| size(gap) >= header + length);
    let gap = wide
        .next()
        .filter(|_| header > 0 && wide.next().is_none())?;
    // Behind the last piece no other header follows.
    let behind = if gap.end == end { 0 } else { header };
    let place = gap.start + header..gap.end.checked_sub(behind)?;
    let at = |at: u64| usize::try_from(at).ok();
    let wanted = text.get(at(rest.start)?..at(rest.end)?)?;
    if place.end.checked_sub(place.start) != Some(length) || bytes(&place)? != wanted {
        return None;
    }
    let mut whole = found.clone();
    whole.spans.push(Span {
        stream: place,
        text: rest.start,
    });
    whole.spans.sort_by_key(|span| span.stream.start);
    Some(whole)
}

/// Passages of which `join` puts the first one together with some of those behind it, and says with how many.
fn folded(
    found: &[Placement],
    join: impl Fn(&Placement, &[Placement]) -> Option<(Placement, usize)>,
) -> Vec<Placement> {
    let mut out: Vec<Placement> = Vec::new();
    let mut rest = found;
    while let Some((first, behind)) = rest.split_first() {
        let (one, used) = join(first, behind).unwrap_or_else(|| (first.clone(), 0));
        out.push(one);
        rest = behind.get(used..).unwrap_or_default();
    }
    out
}

/// Files in pieces that stand between each other's may begin alike: what looks as if a text began again is another one's, where the rest
/// of the text completes what came before.
fn joined(found: &[Placement]) -> Vec<Placement> {
    /// So many files may stand between each other.
    const MOST: usize = 16;
    folded(found, |first, behind| {
        let mut all = first.clone();
        let mut there = all.pieces();
        for (count, next) in (1..).zip(behind.iter().take(MOST)) {
            if first.is_whole() || next.is_whole() {
                return None;
            }
            if next.begin() != Some(0) {
                return None;
            }
            for span in &next.spans {
                let range = span.in_text();
                let before = there.range(..range.end).next_back();
                if before.is_none_or(|(_, end)| *end <= range.start) {
                    there.insert(range.start, range.end);
                    all.spans.push(span.clone());
                }
            }
            if all.is_whole() {
                return Some((all, count));
            }
        }
        None
    })
}

/// What is known of the datagrams that carry a passage.
pub(crate) struct Datagrams<'d> {
    /// How many other bytes stand before a piece in its datagram, and how many behind it, fewer than none where it goes on into the next.
    pub(crate) beside: &'d dyn Fn(&Span) -> Option<(i64, i64)>,
    /// Whether so many bytes before a piece are those of the text in the stream, too.
    pub(crate) reaches: &'d dyn Fn(&Span, u64) -> bool,
}

/// Of datagrams: passages of a text that go on where the one before had been, as where pieces are sent again, and are all of it together,
/// as one. Pieces that came before are left out: they are whole copies, with as many other bytes beside each in its datagram.
pub(crate) fn with_repeats(found: &[Placement], datagrams: &Datagrams<'_>) -> Vec<Placement> {
    folded(found, |first, behind| {
        // Only one that begins the text can be all of it.
        if first.is_whole() || first.begin() != Some(0) {
            return None;
        }
        let mut all = datagrams.evened(first, None)?;
        let beside = (datagrams.beside)(all.spans.first()?)?;
        let even = |one: &Placement| {
            let mut spans = one.spans.iter();
            spans.all(|span| (datagrams.beside)(span) == Some(beside))
        };
        let mut there = all.pieces();
        let (mut end, mut covered) = (all.end(), all.covered());
        let even_first = even(&all);
        for (count, next) in (1..).zip(behind) {
            let next = datagrams.evened(next, Some(beside.0))?;
            let goes_on = next.begin().is_some_and(|begin| begin > 0 && begin <= end);
            if next.is_whole() || !goes_on || !even_first || !even(&next) {
                return None;
            }
            for span in next.spans {
                let range = span.in_text();
                if range.start >= end {
                    end = range.end;
                    covered += span.bytes();
                    there.insert(range.start, range.end);
                    all.spans.push(span);
                } else if there.get(&range.start) != Some(&range.end) {
                    return None;
                }
            }
            if covered == all.length {
                return Some((all, count));
            }
        }
        None
    })
}

impl Datagrams<'_> {
    /// The same passage with its pieces in one datagram each: framing that happens to be the text's next byte, or, before the first piece,
    /// the one before, is none of it. `header` is how long headers are, where that is known. Absent where its pieces do not lie so.
    fn evened(&self, placement: &Placement, header: Option<i64>) -> Option<Placement> {
        /// Chance takes no more.
        const CHANCE: u64 = 8;
        let mut placement = placement.clone();
        let mut over = 0;
        for (at, span) in placement.spans.iter_mut().enumerate() {
            let (before, behind) = (self.beside)(span)?;
            let early = header
                .filter(|_| at == 0)
                .map_or(0, |header| header - before);
            if over > 0 {
                if !(self.reaches)(span, over) {
                    return None;
                }
                span.stream.start -= over;
                span.text -= over;
            } else if let Ok(early @ 1..=CHANCE) = u64::try_from(early) {
                span.stream.start = span.stream.start.saturating_add(early);
                span.text = span.text.saturating_add(early);
            }
            over = u64::try_from(behind.min(0).saturating_neg()).ok()?;
            if over > CHANCE {
                return None;
            }
            span.stream.end -= over;
        }
        (over == 0).then_some(placement)
    }
}
