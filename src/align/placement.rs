//! Spans that are one passage of a text through the stream.

use std::collections::{BTreeMap, BTreeSet};

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
    #[cfg(test)]
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

/// Puts spans of a text of this length together. A passage ends where the text begins again.
pub(crate) fn placements(spans: &[Span], length: u64) -> Vec<Placement> {
    let mut found: Vec<Placement> = Vec::new();
    // Ranges of the text that the last placement has, by start.
    let mut there: BTreeMap<u64, u64> = BTreeMap::new();
    for span in spans {
        let range = span.in_text();
        let before = there.range(..range.end).next_back();
        let overlaps = before.is_some_and(|(_, end)| *end > range.start);
        match found.last_mut() {
            Some(last) if !overlaps => last.spans.push(span.clone()),
            _ => {
                // Framing that happens to be the text's next byte makes pieces overlap by a few.
                let rest = before.map_or(0, |(_, end)| end.saturating_sub(range.start));
                if let Some(last) = found.last_mut()
                    && rest > 0
                    && rest < 16
                    && range.end > range.start + 2 * rest
                    && before.is_some_and(|(start, _)| *start < range.start)
                {
                    let cut = Span {
                        stream: span.stream.start + rest..span.stream.end,
                        text: span.text + rest,
                    };
                    there.insert(cut.text, range.end);
                    last.spans.push(cut);
                    continue;
                }
                there.clear();
                found.push(Placement {
                    spans: vec![span.clone()],
                    length,
                });
            }
        }
        there.insert(range.start, range.end);
    }
    joined(&found)
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

/// Of datagrams: passages of a text that go on where the one before had been, as where pieces are sent again, and are all of it together,
/// as one. Pieces that came before are left out: they are whole copies. `beside` tells how many other bytes stand before and behind a
/// piece in its datagram: as many in each, or one of them is no copy.
pub(crate) fn with_repeats(
    found: &[Placement],
    beside: &dyn Fn(&Span) -> Option<(i64, i64)>,
) -> Vec<Placement> {
    folded(found, |first, behind| {
        // Only one that begins the text can be all of it.
        if first.is_whole() || first.begin() != Some(0) {
            return None;
        }
        let mut all = first.clone();
        let mut there = all.pieces();
        let (mut end, mut covered) = (all.end(), all.covered());
        let mut seen = BTreeSet::new();
        note_beside(first, beside, &mut seen)?;
        for (count, next) in (1..).zip(behind) {
            note_beside(next, beside, &mut seen)?;
            let goes_on = next.begin().is_some_and(|begin| begin > 0 && begin <= end);
            if next.is_whole() || !goes_on || seen.len() > 1 {
                return None;
            }
            for span in &next.spans {
                let range = span.in_text();
                if range.start >= end {
                    end = range.end;
                    covered += span.bytes();
                    there.insert(range.start, range.end);
                    all.spans.push(span.clone());
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

/// Notes how many other bytes stand before each piece in its datagram, and behind it; absent where one is in none.
fn note_beside(
    placement: &Placement,
    beside: &dyn Fn(&Span) -> Option<(i64, i64)>,
    seen: &mut BTreeSet<(i64, i64)>,
) -> Option<()> {
    /// Framing that happens to be the text's next byte belongs to the piece before it, as far.
    const CHANCE: i64 = 8;
    let mut over = 0;
    for span in &placement.spans {
        let (header, behind) = beside(span).filter(|(_, behind)| *behind >= -CHANCE)?;
        seen.insert((header.saturating_sub(over), behind.max(0)));
        over = behind.min(0).saturating_neg();
    }
    Some(())
}
