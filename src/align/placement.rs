//! Spans that are one passage of a text through the stream.

use std::collections::BTreeSet;

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
    let mut there: std::collections::BTreeMap<u64, u64> = std::collections::BTreeMap::new();
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

/// Files in pieces that stand between each other's may begin alike: what looks as if a text began again is another one's, where the rest
/// of the text completes what came before.
fn joined(found: &[Placement]) -> Vec<Placement> {
    /// So many files may stand between each other.
    const MOST: usize = 16;
    let mut out: Vec<Placement> = Vec::new();
    let mut rest = found;
    while let Some((first, behind)) = rest.split_first() {
        let mut all = first.clone();
        let mut there: std::collections::BTreeMap<u64, u64> = first
            .spans
            .iter()
            .map(|span| (span.text, span.in_text().end))
            .collect();
        let mut used = 0;
        for (count, next) in (1..).zip(behind.iter().take(MOST)) {
            if first.is_whole() || next.is_whole() {
                break;
            }
            if next.spans.first().is_none_or(|span| span.text > 0) {
                break;
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
                used = count;
                break;
            }
        }
        out.push(if used > 0 { all } else { first.clone() });
        rest = behind.get(used..).unwrap_or_default();
    }
    out
}

/// Of datagrams: passages of a text that go on where the one before had been, as where pieces are sent again, and are all of it together,
/// as one. Pieces that came before are left out. `beside` tells how many other bytes stand before and behind a piece in its datagram: as
/// many in each, or one of them is no copy.
pub(crate) fn with_repeats(
    found: &[Placement],
    beside: &dyn Fn(&Span) -> Option<(i64, i64)>,
) -> Vec<Placement> {
    let mut out: Vec<Placement> = Vec::new();
    let mut rest = found;
    while let Some((first, behind)) = rest.split_first() {
        let mut all = first.clone();
        let mut end = first
            .spans
            .iter()
            .map(|span| span.in_text().end)
            .max()
            .unwrap_or(0);
        let mut used = 0;
        for (count, next) in (1..).zip(behind) {
            let begins = next.spans.first().map_or(0, |span| span.text);
            let alike = alike(&[first, next], beside);
            if all.is_whole() || next.is_whole() || begins == 0 || begins > end || !alike {
                break;
            }
            for span in &next.spans {
                if span.text >= end {
                    end = span.in_text().end;
                    all.spans.push(span.clone());
                }
            }
            if all.is_whole() {
                used = count;
                break;
            }
        }
        out.push(if used > 0 { all } else { first.clone() });
        rest = behind.get(used..).unwrap_or_default();
    }
    out
}

/// Whether as many other bytes stand before each piece in its datagram, and as many behind it.
fn alike(placements: &[&Placement], beside: &dyn Fn(&Span) -> Option<(i64, i64)>) -> bool {
    /// Framing that happens to be the text's next byte belongs to the piece before it, as far.
    const CHANCE: i64 = 8;
    let mut seen = BTreeSet::new();
    for placement in placements {
        let mut over = 0;
        for span in &placement.spans {
            let Some((header, behind)) = beside(span).filter(|(_, behind)| *behind >= -CHANCE)
            else {
                return false;
            };
            seen.insert((header.saturating_sub(over), behind.max(0)));
            over = behind.min(0).saturating_neg();
        }
    }
    seen.len() == 1
}
