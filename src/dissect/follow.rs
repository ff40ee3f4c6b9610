//! Both directions of a stream in order, cut into blocks of one kind; what the capture lacks is a block of its own.

use std::collections::BTreeMap;
use std::ops::Range;

use super::carried::{Pieces, Role, cut};
use super::fields::imgnet::cause;
use super::index::Index;
use super::seen::Seen;
use crate::flow::Pair;
use crate::flow::Side;
use crate::ledger::Gap;
use crate::units::StreamId;

/// Most bytes of one direction that wait for earlier ones.
const MOST_WAITING: usize = 32 << 20;
/// What a segment that waits takes at least.
const LEAST: usize = 128;

/// Consecutive bytes of one direction that are of one kind.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block<'b> {
    /// Index of the direction in the stream's account.
    pub direction: usize,
    /// What they are.
    pub role: Role,
    /// In particular; of a gap its cause.
    pub what: Option<&'b str>,
    /// The picture they belong to.
    pub picture: Option<u32>,
    /// Picture offset of the first.
    pub picture_offset: Option<u64>,
    /// Stream offset of the first.
    pub offset: u64,
    /// How many.
    pub length: u64,
    /// The frame that carried them first; 0 for a gap.
    pub frame: u64,
    /// The bytes; none of a gap.
    pub bytes: &'b [u8],
}

#[derive(Debug, Default)]
struct Direction {
    next: u64,
    waiting: BTreeMap<u64, Waiting>,
    held: usize,
}

/// What came before its turn.
#[derive(Debug)]
struct Waiting {
    frame: u64,
    wanted: bool,
    bytes: Vec<u8>,
}

/// Follows one stream.
#[derive(Debug)]
pub(crate) struct Follow {
    stream: StreamId,
    /// Only this direction.
    only: Option<usize>,
    /// Only these stream offsets.
    range: Range<u64>,
    directions: Pair<Direction>,
}

type Show<'s> = dyn FnMut(&Block<'_>) + 's;

impl Follow {
    /// Follows a stream: one direction or both, these stream offsets of each.
    pub(crate) fn new(stream: StreamId, only: Option<usize>, range: Range<u64>) -> Self {
        Self {
            stream,
            only,
            range,
            directions: Pair::default(),
        }
    }

    /// The stream.
    pub(crate) fn stream(&self) -> StreamId {
        self.stream
    }

    /// Takes the next frame of the capture and shows what is in order now; what a frame carries that is not `wanted` is passed over.
    pub(crate) fn frame(&mut self, seen: &Seen<'_>, wanted: bool, show: &mut Show<'_>) {
        let (Some(place), Some(packet)) = (seen.place, seen.packet()) else {
            return;
        };
        if place.stream != self.stream || packet.payload.is_empty() {
            return;
        }
        let (Some(offset), Some(at)) = (place.offset, place.direction) else {
            return;
        };
        let direction = &mut self.directions[side(at)];
        let end = offset.saturating_add(packet.payload.len() as u64);
        if end <= direction.next {
            return;
        }
        let frame = seen.frame.number.0;
        if offset <= direction.next {
            let skip = usize::try_from(direction.next - offset).unwrap_or(usize::MAX);
            let bytes = packet.payload.get(skip..).unwrap_or_default();
            direction.next = end;
            let from = end - bytes.len() as u64;
            if wanted {
                blocks(
                    self.only,
                    &self.range,
                    at,
                    seen.index,
                    (from, frame, bytes),
                    self.stream,
                    show,
                );
            }
        } else {
            // What is there already is a repeat.
            let held = &mut direction.held;
            direction.waiting.entry(offset).or_insert_with(|| {
                *held += packet.payload.len().max(LEAST);
                Waiting {
                    frame,
                    wanted,
                    bytes: packet.payload.to_vec(),
                }
            });
        }
        self.drain(at, seen.index, show);
    }

    /// No more frames come: shows what still waits, with what is missing before it.
    pub(crate) fn finish(&mut self, index: &Index, show: &mut Show<'_>) {
        for at in 0..2 {
            self.drain(at, index, show);
            while let Some(offset) = self.directions[side(at)].waiting.keys().next().copied() {
                self.miss(at, offset, "unknown", show);
                self.drain(at, index, show);
            }
        }
    }

    /// Shows what has come into order, and the gaps that the analysis found on the way.
    fn drain(&mut self, at: usize, index: &Index, show: &mut Show<'_>) {
        loop {
            let direction = &mut self.directions[side(at)];
            let next = direction.next;
            if let Some(entry) = direction.waiting.first_entry()
                && *entry.key() <= next
            {
                let (offset, waiting) = entry.remove_entry();
                let Waiting {
                    frame,
                    wanted,
                    bytes,
                } = waiting;
                direction.held = direction.held.saturating_sub(bytes.len().max(LEAST));
                let skip = usize::try_from(next - offset).unwrap_or(usize::MAX);
                let rest = bytes.get(skip..).unwrap_or_default();
                if !rest.is_empty() {
                    direction.next = next + rest.len() as u64;
                    if wanted {
                        blocks(
                            self.only,
                            &self.range,
                            at,
                            index,
                            (next, frame, rest),
                            self.stream,
                            show,
                        );
                    }
                }
                continue;
            }
            if let Some(gap) = gap_at(index, self.stream, at, next) {
                self.miss(
                    at,
                    gap.offset.saturating_add(gap.length),
                    cause(gap.cause),
                    show,
                );
                continue;
            }
            let direction = &self.directions[side(at)];
            if direction.held > MOST_WAITING
                && let Some(first) = direction.waiting.keys().next().copied()
            {
                self.miss(at, first, "limit", show);
                continue;
            }
            return;
        }
    }

    /// Bytes up to `end` are missing.
    fn miss(&mut self, at: usize, end: u64, cause: &'static str, show: &mut Show<'_>) {
        let direction = &mut self.directions[side(at)];
        let start = std::mem::replace(&mut direction.next, end);
        let (from, to) = (start.max(self.range.start), end.min(self.range.end));
        if from < to && self.only.is_none_or(|only| only == at) {
            show(&Block {
                direction: at,
                role: Role::Gap,
                what: Some(cause),
                picture: None,
                picture_offset: None,
                offset: from,
                length: to - from,
                frame: 0,
                bytes: &[],
            });
        }
    }
}

fn side(at: usize) -> Side {
    if at == 0 { Side::First } else { Side::Second }
}

fn gap_at(index: &Index, stream: StreamId, direction: usize, next: u64) -> Option<Gap> {
    let gaps = &index.stream(stream)?.directions.get(direction)?.gaps;
    let at = gaps.partition_point(|gap| gap.offset.saturating_add(gap.length) <= next);
    gaps.get(at).filter(|gap| gap.offset <= next).copied()
}

/// Shows bytes that are in order, cut by what they are.
fn blocks(
    only: Option<usize>,
    range: &Range<u64>,
    at: usize,
    index: &Index,
    (offset, frame, bytes): (u64, u64, &[u8]),
    stream: StreamId,
    show: &mut Show<'_>,
) {
    let end = offset.saturating_add(bytes.len() as u64);
    let (from, to) = (offset.max(range.start), end.min(range.end));
    if from >= to || only.is_some_and(|only| only != at) {
        return;
    }
    let mut pieces = Pieces::default();
    cut(
        index.regions(stream, at),
        index,
        from,
        to - from,
        &mut pieces,
    );
    for piece in &pieces {
        let start = usize::try_from(piece.offset - offset).unwrap_or(usize::MAX);
        let length = usize::try_from(piece.length).unwrap_or(usize::MAX);
        let Some(shown) = bytes.get(start..start.saturating_add(length)) else {
            return;
        };
        show(&Block {
            direction: at,
            role: piece.role,
            what: piece.what,
            picture: piece.image.map(|image| image.id.0),
            picture_offset: piece.of_picture().map(|(first, _)| first),
            offset: piece.offset,
            length: piece.length,
            frame,
            bytes: shown,
        });
    }
}
