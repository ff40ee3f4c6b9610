//! Follows the texts of an index through one direction's bytes.

use std::collections::BTreeMap;

use memchr::memmem;

use super::index::{Index, WINDOW, is_various};
use super::{Span, common_prefix, common_suffix};

/// Bytes of the stream that are looked at together.
const BLOCK: usize = 8 << 20;
/// Bytes of a block that the next one has again, so that nothing is lost at their border.
const AGAIN: usize = 4 << 10;
/// Bytes that have to be equal where a text goes on.
const SURE: usize = 16;
/// As far as changed bytes are passed over.
const CHANGED: usize = 64;
/// As far as a text is looked for behind a difference, at most.
const FAR: usize = 64 << 10;
/// The same, at once: further on another piece of the text may lie between.
const CLOSE: usize = 256;
/// The same, for the last few bytes of a text.
const NEAR: usize = 64;

/// What is known of one text in the direction.
#[derive(Debug, Default)]
struct Track {
    /// Ascending in the stream, without overlap.
    spans: Vec<Span>,
    /// At this stream offset the text goes on from this one of its own.
    goes_on: Option<(u64, u64)>,
    /// Bytes that were put in before the last span: programs cut regularly.
    put_in: usize,
    /// At this place of the block the text was lost, at this one of its own.
    lost: Option<(usize, usize)>,
}

impl Track {
    fn end(&self) -> u64 {
        self.spans.last().map_or(0, |span| span.stream.end)
    }

    fn push(&mut self, stream: u64, text: u64, bytes: u64) {
        if bytes == 0 {
            return;
        }
        if let Some(last) = self.spans.last_mut()
            && last.stream.end == stream
            && last.in_text().end == text
        {
            last.stream.end += bytes;
            return;
        }
        self.spans.push(Span {
            stream: stream..stream + bytes,
            text,
        });
    }
}

/// Finds the texts of an index in one direction's bytes, given in order.
#[derive(Debug)]
pub(crate) struct Aligner<'i, 't> {
    index: &'i Index<'t>,
    /// Of the texts that were found so far: most of many are in other directions.
    tracks: BTreeMap<usize, Track>,
    /// Bytes of the stream that were not looked at yet, and a few before them.
    block: Vec<u8>,
    /// Stream offset of the first of them.
    start: u64,
}

impl<'i, 't> Aligner<'i, 't> {
    /// One that begins at stream offset 0.
    pub(crate) fn new(index: &'i Index<'t>) -> Self {
        Self {
            index,
            tracks: BTreeMap::new(),
            block: Vec::new(),
            start: 0,
        }
    }

    /// The next bytes.
    pub(crate) fn bytes(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = (BLOCK + AGAIN).saturating_sub(self.block.len()).max(1);
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.block.extend_from_slice(now);
            bytes = later;
            if self.block.len() >= BLOCK + AGAIN {
                self.look();
                let gone = self.block.len() - AGAIN;
                self.block.drain(..gone);
                self.start += gone as u64;
            }
        }
    }

    /// So many bytes are missing.
    pub(crate) fn gap(&mut self, length: u64) {
        self.look();
        let end = self.start + self.block.len() as u64;
        self.block.clear();
        self.start = end + length;
        for track in self.tracks.values_mut() {
            if let Some((stream, text)) = track.goes_on
                && stream == end
            {
                track.goes_on = Some((stream + length, text + length));
            }
        }
    }

    /// No more comes: for each text that was found its number and its spans, in order of the stream.
    pub(crate) fn finish(mut self) -> Vec<(usize, Vec<Span>)> {
        self.look();
        let found = self.tracks.into_iter();
        found
            .map(|(number, track)| (number, track.spans))
            .filter(|(_, spans)| !spans.is_empty())
            .collect()
    }

    fn look(&mut self) {
        let block = std::mem::take(&mut self.block);
        let start = self.start;
        for (&number, track) in &mut self.tracks {
            let text = self.index.text(number);
            if let Some((stream, at)) = track.goes_on
                && let Some(place) = stream.checked_sub(start).and_then(size)
                && let Some(at) = size(at)
                && goes_on(&block, place, text, at)
            {
                follow(&block, start, place, self.index, number, at, track);
            }
        }
        let (index, tracks) = (self.index, &mut self.tracks);
        index.direct(&block, |number, place| {
            let track = tracks.entry(number).or_default();
            if start + place as u64 >= track.end() {
                track.push(start + place as u64, 0, index.text(number).len() as u64);
            }
        });
        index.sampled(&block, |place, hash| {
            let anchors = index.places(hash);
            for same in anchors.chunk_by(|a, b| a.text == b.text) {
                let Some(number) = same.first().and_then(|anchor| size(anchor.text)) else {
                    continue;
                };
                let track = tracks.entry(number).or_default();
                if start + place as u64 + (WINDOW as u64) <= track.end() {
                    continue;
                }
                let text = index.text(number);
                // What was lost may go on before this anchor.
                search(&block, start, place, index, number, track);
                if start + place as u64 + (WINDOW as u64) <= track.end() {
                    continue;
                }
                let from = track.end().saturating_sub(start);
                let from = size(from).unwrap_or(0);
                let best = same
                    .iter()
                    .filter_map(|anchor| around(&block, from, place, text, size(anchor.offset)?))
                    .max_by_key(|(length, _, at)| (*length, std::cmp::Reverse(*at)));
                if let Some((length, place, at)) = best
                    && length >= WINDOW
                {
                    for (place, at, length) in before(&block, from, place, text, at) {
                        track.push(start + place as u64, at as u64, length as u64);
                    }
                    follow(&block, start, place, index, number, at, track);
                }
            }
        });
        for (&number, track) in &mut self.tracks {
            search(&block, start, block.len(), index, number, track);
            track.lost = None;
        }
        self.block = block;
    }
}

/// Looks further on, not beyond `to`, for the bytes at which a text was lost.
fn search(
    block: &[u8],
    start: u64,
    to: usize,
    index: &Index<'_>,
    number: usize,
    track: &mut Track,
) {
    let Some((place, at)) = track.lost.take() else {
        return;
    };
    let Some(needle) = index.text(number).get(at..at + SURE) else {
        return;
    };
    let to = to.min(place + FAR);
    let window = block.get(place..to).unwrap_or_default();
    if let Some(found) = memmem::find(window, needle) {
        follow(block, start, place + found, index, number, at, track);
    }
}

fn size(value: impl TryInto<usize>) -> Option<usize> {
    value.try_into().ok()
}

/// Whether the text goes on there: with so many bytes that it is no accident, or with all that are left.
fn goes_on(block: &[u8], place: usize, text: &[u8], at: usize) -> bool {
    let here = block.get(place..).unwrap_or_default();
    let there = text.get(at..).unwrap_or_default();
    let need = SURE.min(there.len()).min(here.len());
    need > 0 && here.get(..need) == there.get(..need)
}

/// The length, the place in the block and the place in the text of what is equal around an anchor, not before `from`.
fn around(
    block: &[u8],
    from: usize,
    place: usize,
    text: &[u8],
    at: usize,
) -> Option<(usize, usize, usize)> {
    let from = from.min(place);
    let back = common_suffix(block.get(from..place)?, text.get(..at)?);
    let forward = common_prefix(block.get(place..)?, text.get(at..)?);
    (forward >= WINDOW).then(|| (back + forward, place - back, at - back))
}

/// What of a text lies before a place where it is, not before `from`: over what was put in or changed. Places in the block and
/// in the text, and lengths, ascending.
fn before(
    block: &[u8],
    from: usize,
    mut place: usize,
    text: &[u8],
    mut at: usize,
) -> Vec<(usize, usize, usize)> {
    let mut found = Vec::new();
    while at > 0 && place > from {
        let Some((end, then)) = recover_before(block, from, place, text, at) else {
            break;
        };
        let here = block.get(from..end).unwrap_or_default();
        let length = common_suffix(here, text.get(..then).unwrap_or_default());
        if length == 0 {
            break;
        }
        (place, at) = (end - length, then - length);
        found.push((place, at, length));
    }
    found.reverse();
    found
}

/// Where a text ends before a difference: place in the block and in the text.
fn recover_before(
    block: &[u8],
    from: usize,
    place: usize,
    text: &[u8],
    at: usize,
) -> Option<(usize, usize)> {
    for passed in 1..=CHANGED.min(place - from).min(at) {
        let here = block.get(from..place - passed).unwrap_or_default();
        let there = text.get(..at - passed).unwrap_or_default();
        let same = common_suffix(here, there);
        let tail = there.get(there.len() - same..).unwrap_or_default();
        // In a run of one value any place fits.
        if same > 0 && (same == there.len() || (same >= SURE / 2 && is_various(tail))) {
            return Some((place - passed, at - passed));
        }
    }
    // Something was left out.
    if let Some(needle) = block.get(from.max(place.saturating_sub(SURE))..place)
        && needle.len() == SURE
        && is_various(needle)
    {
        let window = text
            .get(at.saturating_sub(CLOSE + SURE)..at)
            .unwrap_or_default();
        if let Some(found) = memmem::rfind(window, needle) {
            return Some((place, at - window.len() + found + SURE));
        }
    }
    // Something was put in.
    let need = SURE.min(at);
    if need < SURE / 4 {
        return None;
    }
    let needle = text.get(at - need..at)?;
    let window = block.get(from.max(place.saturating_sub(CLOSE + need))..place)?;
    let found = memmem::rfind(window, needle)?;
    Some((place - window.len() + found + need, at))
}

/// Follows a text from a place where it is, over what was put in, left out or changed, until it is lost.
fn follow(
    block: &[u8],
    start: u64,
    mut place: usize,
    index: &Index<'_>,
    number: usize,
    mut at: usize,
    track: &mut Track,
) {
    let text = index.text(number);
    loop {
        let here = block.get(place..).unwrap_or_default();
        let there = text.get(at..).unwrap_or_default();
        let same = common_prefix(here, there);
        track.push(start + place as u64, at as u64, same as u64);
        place += same;
        at += same;
        if place >= block.len() || at >= text.len() {
            track.goes_on = (at < text.len()).then_some((start + place as u64, at as u64));
            return;
        }
        // The search costs no more than what was found.
        let far = FAR.min(256 + same.saturating_mul(16));
        let Some((next, then)) = recover(block, place, text, at, far, track.put_in) else {
            track.goes_on = None;
            track.lost = Some((place, at));
            return;
        };
        if then == at {
            track.put_in = next - place;
            for (place, at, length) in within(block, place, next, index, number) {
                track.push(start + place as u64, at as u64, length as u64);
            }
        }
        (place, at) = (next, then);
    }
}

/// Other pieces of a text within what was put in between two of its pieces: places in the block and in the text, and lengths, ascending.
fn within(
    block: &[u8],
    from: usize,
    to: usize,
    index: &Index<'_>,
    number: usize,
) -> Vec<(usize, usize, usize)> {
    let mut found: Vec<(usize, usize, usize)> = Vec::new();
    let block = block.get(..to).unwrap_or_default();
    let text = index.text(number);
    index.sampled(block.get(from..).unwrap_or_default(), |place, hash| {
        let place = from + place;
        let free = found
            .last()
            .map_or(from, |(place, _, length)| place + length);
        if place < free {
            return;
        }
        let anchors = index.places(hash).iter();
        let own = anchors.filter(|anchor| size(anchor.text) == Some(number));
        let best = own
            .filter_map(|anchor| around(block, free, place, text, size(anchor.offset)?))
            .max_by_key(|(length, _, at)| (*length, std::cmp::Reverse(*at)));
        found.extend(best.map(|(length, place, at)| (place, at, length)));
    });
    found
}

/// Where a text goes on behind a difference: place in the block and in the text.
fn recover(
    block: &[u8],
    place: usize,
    text: &[u8],
    at: usize,
    far: usize,
    put_in: usize,
) -> Option<(usize, usize)> {
    let left = text.len() - at;
    if put_in > 0 && goes_on(block, place + put_in, text, at) {
        return Some((place + put_in, at));
    }
    let mut best: Option<(usize, usize, usize)> = None;
    let mut offer = |cost: usize, place: usize, at: usize| {
        if best.is_none_or(|(known, ..)| cost < known) {
            best = Some((cost, place, at));
        }
    };
    // A few changed bytes.
    for passed in 1..=CHANGED {
        let here = block.get(place + passed..).unwrap_or_default();
        let there = text.get(at + passed..).unwrap_or_default();
        let need = WINDOW.min(here.len()).min(there.len());
        // At the very end of both a few bytes will do.
        let ends = need > 0 && here.len() == there.len();
        let enough =
            ends || (need >= SURE / 2 && is_various(there.get(..need).unwrap_or_default()));
        if enough && here.get(..need) == there.get(..need) {
            offer(passed, place + passed, at + passed);
            break;
        }
    }
    // Something was put in.
    let needle = text.get(at..at + SURE.min(left)).unwrap_or_default();
    if needle.len() >= SURE / 4 {
        let far = if needle.len() < SURE {
            NEAR.min(far)
        } else {
            CLOSE.min(far)
        };
        let end = block.len().min(place + 1 + far + needle.len());
        let window = block.get(place + 1..end).unwrap_or_default();
        if let Some(found) = memmem::find(window, needle) {
            offer(found + 1, place + 1 + found, at);
        }
    }
    // Something was left out.
    if let Some(needle) = block.get(place..place + SURE) {
        let end = text.len().min(at + 1 + far + SURE);
        let window = text.get(at + 1..end).unwrap_or_default();
        if let Some(found) = memmem::find(window, needle) {
            offer(found + 1, place, at + 1 + found);
        }
    }
    best.map(|(_, place, at)| (place, at))
}
