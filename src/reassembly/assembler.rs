//! Bytes in order from pieces in any order, keeping only what cannot be passed on yet.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

use super::gap::{Gap, GapCause, GapList};
use super::ranges::RangeSet;
use crate::units::FrameNumber;

/// How a piece's bytes are kept when they must outlive the call: borrowed from a mapped file, or copied.
pub type Keep<'x, 'cap> = fn(&'x [u8]) -> Cow<'cap, [u8]>;

/// Keeps by borrowing: for bytes that live as long as the capture.
pub fn keep_borrowed(bytes: &[u8]) -> Cow<'_, [u8]> {
    Cow::Borrowed(bytes)
}

/// Keeps by copying: for bytes that are gone after the call.
pub fn keep_copied<'cap>(bytes: &[u8]) -> Cow<'cap, [u8]> {
    Cow::Owned(bytes.to_vec())
}

/// What comes out, in order and without overlap.
#[derive(Debug, PartialEq, Eq)]
pub enum Delivery<'d> {
    /// The next bytes.
    Bytes {
        /// Stream offset of the first.
        offset: u64,
        /// The bytes, never empty.
        bytes: &'d [u8],
        /// The frame that brought them first.
        frame: FrameNumber,
    },
    /// Bytes that will never come.
    Gap(Gap),
}

/// The same range sent twice with different bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Stream offset of the first differing byte.
    pub offset: u64,
    /// Stream range over which the two copies were compared.
    pub range: Range<u64>,
    /// Frame that brought the first copy: the one that was passed on.
    pub first: FrameNumber,
    /// Frame that brought the other copy.
    pub second: FrameNumber,
    /// The first differing byte as first sent.
    pub first_byte: u8,
    /// The same byte as sent later.
    pub second_byte: u8,
}

/// What one piece brought.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Arrival {
    /// Bytes never seen before.
    pub new_bytes: u64,
    /// Bytes seen before.
    pub repeated_bytes: u64,
    /// Bytes that had already been declared missing: too late to be put in order. Counted as repeats.
    pub late_bytes: u64,
    /// Repeated bytes of which the first copy is no longer kept, so that they could not be compared.
    pub unchecked_bytes: u64,
    /// The first place where this piece differs from what was sent before.
    pub conflict: Option<Conflict>,
}

/// A piece that is kept.
#[derive(Debug, Clone)]
struct Held<'cap> {
    offset: u64,
    frame: FrameNumber,
    bytes: Cow<'cap, [u8]>,
}

impl Held<'_> {
    fn end(&self) -> u64 {
        self.offset + self.bytes.len() as u64
    }

    /// Memory that only this piece keeps alive.
    fn owned_bytes(&self) -> usize {
        match &self.bytes {
            Cow::Borrowed(_) => 0,
            Cow::Owned(bytes) => bytes.len(),
        }
    }
}

/// Pieces passed on that are kept for a while after they were acknowledged, to compare late repeats with.
const RECENT_AFTER_ACK: usize = 4;
/// Most pieces kept to compare repeats with.
const RECENT_PIECES: usize = 512;
/// Most copied bytes kept to compare repeats with, in one direction.
const RECENT_COPIED: usize = 256 << 10;

/// What a piece that waits takes at least, in bytes: one of a single byte has its place, too.
const LEAST: usize = 80;

/// Puts one direction's bytes in order.
///
/// Invariants: everything below `next` was delivered or declared missing; `waiting` holds disjoint pieces that all
/// start above `next`; `unique_bytes + gap_bytes + (holes between the waiting pieces) == highest`.
#[derive(Debug, Clone, Default)]
pub struct Assembler<'cap> {
    next: u64,
    highest: u64,
    /// Boxed, because half of the directions carry nothing.
    recent: Option<Box<Recent<'cap>>>,
    unique_bytes: u64,
    /// Boxed, because most directions never have a hole.
    holes: Option<Box<Holes<'cap>>>,
}

/// Pieces that were passed on, kept to compare repeats with.
#[derive(Debug, Clone, Default)]
struct Recent<'cap> {
    pieces: VecDeque<Held<'cap>>,
    copied: usize,
}

impl Recent<'_> {
    fn forget_oldest(&mut self) {
        if let Some(held) = self.pieces.pop_front() {
            self.copied -= held.owned_bytes();
        }
    }
}

/// Where bytes were missing, and what waits behind.
#[derive(Debug, Clone, Default)]
struct Holes<'cap> {
    waiting: BTreeMap<u64, Held<'cap>>,
    waiting_bytes: usize,
    cut: RangeSet,
    gaps: GapList,
    /// Whether the snap length made one of the gaps.
    cut_short: bool,
}

impl<'cap> Assembler<'cap> {
    /// The offset up to which everything was delivered or declared missing.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// One past the highest byte known to have been sent.
    pub fn highest(&self) -> u64 {
        self.highest
    }

    /// Offset of the first byte that waits for earlier ones; absent where none waits.
    pub fn first_waiting(&self) -> Option<u64> {
        let (&start, _) = self.holes.as_ref()?.waiting.first_key_value()?;
        Some(start)
    }

    /// Bytes that wait for earlier ones, as the memory that they take: a small piece counts for more than it holds.
    pub fn waiting_bytes(&self) -> usize {
        self.holes.as_ref().map_or(0, |holes| holes.waiting_bytes)
    }

    /// Bytes seen at least once, except those that came too late.
    pub fn unique_bytes(&self) -> u64 {
        self.unique_bytes
    }

    /// Ranges declared missing, ascending; where memory ran out, the last of cause `Limit` stands for those that found no room.
    pub fn gaps(&self) -> &[Gap] {
        self.holes.as_ref().map_or(&[], |holes| holes.gaps.listed())
    }

    /// Bytes declared missing.
    pub fn gap_bytes(&self) -> u64 {
        self.holes.as_ref().map_or(0, |holes| holes.gaps.bytes())
    }

    /// Memory that [`Self::gaps`] take, in bytes.
    pub(crate) fn gap_memory(&self) -> usize {
        self.holes.as_ref().map_or(0, |holes| holes.gaps.memory())
    }

    /// Lists no more of them.
    pub(crate) fn fill_gaps(&mut self) {
        if let Some(holes) = &mut self.holes {
            holes.gaps.fill();
        }
    }

    /// Whether some of them are not listed.
    pub(crate) fn lists_all_gaps(&self) -> bool {
        self.holes
            .as_ref()
            .is_none_or(|holes| !holes.gaps.is_full())
    }

    /// Ranges of which the frame was captured but its end cut off, and that nothing filled yet.
    pub fn was_cut(&self) -> bool {
        self.holes
            .as_ref()
            .is_some_and(|holes| holes.cut_short || !holes.cut.is_empty())
    }

    /// The gaps that share bytes with a range.
    fn gaps_within(&self, range: &Range<u64>) -> &[Gap] {
        // Between those that found no room lies what was captured.
        let gaps = self
            .holes
            .as_ref()
            .map_or(&[][..], |holes| holes.gaps.exact());
        let first = gaps.partition_point(|gap| gap.offset + gap.length <= range.start);
        let behind = gaps.partition_point(|gap| gap.offset < range.end);
        gaps.get(first..behind).unwrap_or_default()
    }

    /// How many bytes of a range were in frames before, whether their bytes were captured or cut off.
    pub fn sent_before(&self, range: Range<u64>) -> u64 {
        if range.start >= self.highest {
            return 0;
        }
        let old = range.start..range.end.min(self.next);
        let mut seen = old.end.saturating_sub(old.start);
        for gap in self.gaps_within(&old) {
            let missing = gap.offset..gap.offset + gap.length;
            if gap.cause != GapCause::SnapLength {
                seen -= overlap(&missing, &old);
            }
        }
        let new = range.start.max(self.next)..range.end;
        if let (false, Some(holes)) = (new.is_empty(), &self.holes) {
            seen += holes.cut.covered(new.clone());
            let first = holes.waiting.range(..=new.start).next_back();
            let first = first.map_or(new.start, |(&start, _)| start);
            for held in holes.waiting.range(first..new.end).map(|(_, held)| held) {
                seen += overlap(&(held.offset..held.end()), &new);
            }
        }
        seen
    }

    /// Takes a piece: `bytes` at `offset`, of which the wire had `length` (more than was captured where the snap
    /// length cut it).
    pub fn push<'x>(
        &mut self,
        offset: u64,
        bytes: &'x [u8],
        length: u64,
        frame: FrameNumber,
        keep: Keep<'x, 'cap>,
        sink: &mut dyn FnMut(Delivery<'_>),
    ) -> Arrival {
        let end = offset.saturating_add(bytes.len() as u64);
        let wire_end = offset.saturating_add(length.max(bytes.len() as u64));
        if wire_end > end {
            let holes = self.holes.get_or_insert_default();
            holes.cut.insert(end..wire_end);
        }
        let mut arrival = Arrival::default();
        // The plain case: the next bytes, nothing waiting.
        if offset == self.next && self.first_waiting().is_none() {
            self.highest = self.highest.max(wire_end);
            if !bytes.is_empty() {
                arrival.new_bytes = bytes.len() as u64;
                self.unique_bytes += arrival.new_bytes;
                self.deliver(offset, bytes, frame, keep, sink);
            }
            return arrival;
        }
        if offset >= self.highest && offset > self.next {
            // Behind all that was seen, and behind a hole: it waits.
            self.highest = wire_end;
            arrival.new_bytes = bytes.len() as u64;
            self.unique_bytes += arrival.new_bytes;
            self.wait(offset, bytes, frame, keep);
            return arrival;
        }
        self.highest = self.highest.max(wire_end);
        self.take_old(offset, bytes, frame, &mut arrival);
        self.take_new(offset, bytes, frame, keep, &mut arrival, sink);
        arrival
    }

    /// Accounts for the part of a piece that lies below `next`.
    fn take_old(&mut self, offset: u64, bytes: &[u8], frame: FrameNumber, arrival: &mut Arrival) {
        let old = offset..(offset + bytes.len() as u64).min(self.next);
        if old.is_empty() {
            return;
        }
        let late: u64 = self
            .gaps_within(&old)
            .iter()
            .map(|gap| overlap(&(gap.offset..gap.offset + gap.length), &old))
            .sum();
        let length = old.end - old.start;
        arrival.late_bytes += late;
        arrival.repeated_bytes += length;
        let mut checked = 0;
        let recent = self
            .recent
            .iter()
            .flat_map(|recent| recent.pieces.iter().rev());
        for held in recent {
            checked += compare(held, offset, bytes, frame, &mut arrival.conflict);
        }
        arrival.unchecked_bytes += (length - late).saturating_sub(checked);
    }

    /// Delivers or keeps the part of a piece that lies above `next`.
    fn take_new<'x>(
        &mut self,
        offset: u64,
        bytes: &'x [u8],
        frame: FrameNumber,
        keep: Keep<'x, 'cap>,
        arrival: &mut Arrival,
        sink: &mut dyn FnMut(Delivery<'_>),
    ) {
        let end = offset + bytes.len() as u64;
        let mut cursor = offset.max(self.next);
        if cursor >= end {
            return;
        }
        // Pieces that wait and overlap this one, found before anything is changed.
        let mut known: Vec<Range<u64>> = Vec::new();
        let waiting = self.holes.iter().flat_map(|holes| {
            let before = holes.waiting.range(..=cursor).next_back();
            let first = before.map_or(cursor, |(&start, _)| start);
            holes.waiting.range(first..end)
        });
        for (_, held) in waiting {
            if held.end() > cursor {
                known.push(held.offset..held.end());
                arrival.repeated_bytes +=
                    compare(held, offset, bytes, frame, &mut arrival.conflict);
            }
        }
        for hole_end in known
            .iter()
            .map(|range| range.start)
            .chain(std::iter::once(end))
            .zip(
                known
                    .iter()
                    .map(|range| range.end)
                    .chain(std::iter::once(end)),
            )
        {
            let (until, resume) = (hole_end.0.min(end), hole_end.1);
            if until > cursor
                && let Some(part) = slice(bytes, cursor - offset, until - offset)
            {
                arrival.new_bytes += part.len() as u64;
                self.unique_bytes += part.len() as u64;
                if cursor == self.next {
                    self.deliver(cursor, part, frame, keep, sink);
                } else {
                    self.wait(cursor, part, frame, keep);
                }
            }
            cursor = cursor.max(resume);
        }
        self.drain(sink);
    }

    /// Keeps bytes that no other piece has, until those before them came.
    fn wait<'x>(&mut self, offset: u64, bytes: &'x [u8], frame: FrameNumber, keep: Keep<'x, 'cap>) {
        if bytes.is_empty() {
            return;
        }
        let holes = self.holes.get_or_insert_default();
        holes.waiting_bytes += bytes.len().max(LEAST);
        let held = Held {
            offset,
            frame,
            bytes: keep(bytes),
        };
        holes.waiting.insert(offset, held);
    }

    fn deliver<'x>(
        &mut self,
        offset: u64,
        bytes: &'x [u8],
        frame: FrameNumber,
        keep: Keep<'x, 'cap>,
        sink: &mut dyn FnMut(Delivery<'_>),
    ) {
        sink(Delivery::Bytes {
            offset,
            bytes,
            frame,
        });
        self.next = offset + bytes.len() as u64;
        self.remember(Held {
            offset,
            frame,
            bytes: keep(bytes),
        });
    }

    /// Passes on what waits at `next`.
    fn drain(&mut self, sink: &mut dyn FnMut(Delivery<'_>)) {
        while let Some(holes) = &mut self.holes {
            let Some(entry) = holes.waiting.first_entry() else {
                break;
            };
            if *entry.key() > self.next {
                break;
            }
            let held = entry.remove();
            holes.waiting_bytes -= held.bytes.len().max(LEAST);
            sink(Delivery::Bytes {
                offset: held.offset,
                bytes: &held.bytes,
                frame: held.frame,
            });
            self.next = held.end();
            self.remember(held);
        }
    }

    fn remember(&mut self, held: Held<'cap>) {
        let recent = self.recent.get_or_insert_default();
        if recent.pieces.capacity() == 0 {
            // Requests and answers are one piece.
            recent.pieces.reserve_exact(1);
        }
        recent.copied += held.owned_bytes();
        recent.pieces.push_back(held);
        while recent.pieces.len() > RECENT_PIECES || recent.copied > RECENT_COPIED {
            recent.forget_oldest();
        }
    }

    /// The receiver has everything below `offset`: little of it has to be kept for comparing.
    pub fn acknowledged(&mut self, offset: u64) {
        let Some(recent) = &mut self.recent else {
            return;
        };
        while recent.pieces.len() > RECENT_AFTER_ACK
            && recent
                .pieces
                .front()
                .is_some_and(|held| held.end() <= offset)
        {
            recent.forget_oldest();
        }
    }

    /// Forgets what was kept for comparing: the stream is closed.
    pub fn forget_recent(&mut self) {
        self.recent = None;
    }

    /// Declares every hole below `until` missing, with the cause that `cause` gives for a range that the snap
    /// length did not cut, and delivers what waited behind.
    pub fn declare_missing(
        &mut self,
        until: u64,
        cause: GapCause,
        sink: &mut dyn FnMut(Delivery<'_>),
    ) {
        self.highest = self.highest.max(until);
        while self.next < until {
            let hole = self.next..self.first_waiting().map_or(until, |start| start.min(until));
            let mut at = hole.start;
            while let Some(cut) = self.next_cut(&hole) {
                let start = cut.start.max(at);
                self.lose(at..start, cause, sink);
                self.lose(start..cut.end, GapCause::SnapLength, sink);
                at = at.max(cut.end);
            }
            self.lose(at..hole.end, cause, sink);
            self.next = hole.end;
            self.drain(sink);
        }
    }

    /// Takes out the first range below the end of a hole of which the end of a frame was cut off.
    fn next_cut(&mut self, hole: &Range<u64>) -> Option<Range<u64>> {
        let cut = self.holes.as_mut()?.cut.take_first_before(hole.end)?;
        Some(cut.start.max(hole.start)..cut.end.max(hole.start))
    }

    fn lose(&mut self, range: Range<u64>, cause: GapCause, sink: &mut dyn FnMut(Delivery<'_>)) {
        if range.is_empty() {
            return;
        }
        let gap = Gap {
            offset: range.start,
            length: range.end - range.start,
            cause,
        };
        let holes = self.holes.get_or_insert_default();
        holes.cut_short |= cause == GapCause::SnapLength;
        holes.gaps.push(gap);
        sink(Delivery::Gap(gap));
    }
}

fn overlap(a: &Range<u64>, b: &Range<u64>) -> u64 {
    a.end.min(b.end).saturating_sub(a.start.max(b.start))
}

fn slice(bytes: &[u8], from: u64, to: u64) -> Option<&[u8]> {
    bytes.get(usize::try_from(from).ok()?..usize::try_from(to).ok()?)
}

/// Compares a kept piece with a repeated one where they overlap; returns over how many bytes.
fn compare(
    held: &Held<'_>,
    offset: u64,
    bytes: &[u8],
    frame: FrameNumber,
    conflict: &mut Option<Conflict>,
) -> u64 {
    let both = held.offset.max(offset)..held.end().min(offset + bytes.len() as u64);
    if both.is_empty() {
        return 0;
    }
    let old = slice(
        &held.bytes,
        both.start - held.offset,
        both.end - held.offset,
    );
    let new = slice(bytes, both.start - offset, both.end - offset);
    if let (Some(old), Some(new)) = (old, new)
        && old != new
        && let Some((at, (&first_byte, &second_byte))) =
            old.iter().zip(new).enumerate().find(|(_, (a, b))| a != b)
    {
        let found = Conflict {
            offset: both.start + at as u64,
            range: both.clone(),
            first: held.frame,
            second: frame,
            first_byte,
            second_byte,
        };
        if conflict
            .as_ref()
            .is_none_or(|known| known.offset > found.offset)
        {
            *conflict = Some(found);
        }
    }
    both.end - both.start
}

#[cfg(test)]
#[path = "assembler_tests.rs"]
mod tests;
