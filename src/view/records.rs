//! Every frame of a capture with its place in a stream, packed: a large capture has millions of them.
//!
//! The bytes are not kept, only where they lie in the mapped files; of a capture that is not mapped they are copied, and taken
//! away with it. Of a capture that goes on the same records are shown and added to: blocks that are full are shared, so that
//! a copy costs the last block and a little of each stream.

use std::collections::HashMap;
use std::sync::Arc;

use crate::dissect::tcp::{Numbers, Remarks};
use crate::dissect::{Index, Inspector, Place};
use crate::frame::{Frame, LinkType};
use crate::source::{Capture, Grown};
use crate::units::{FrameNumber, StreamId, Timestamp};

/// So many records are allocated at once: a list that is moved as it grows takes twice its memory.
const BLOCK: usize = 1 << 14;
/// Copied bytes are allocated in pieces of this size.
const PIECE: usize = 4 << 20;
/// No record, no stream.
const NONE: u32 = u32::MAX;
/// No time, no offset.
const NEVER: i64 = i64::MIN;
const NOWHERE: u64 = u64::MAX;

const AFTER_END: u8 = 1;
const TCP: u8 = 2;
const DIRECTION: u8 = 4;
const SECOND: u8 = 8;

/// One frame.
#[derive(Debug, Clone, Copy)]
struct Record {
    /// Where its bytes begin in `file`.
    data: u64,
    time: i64,
    offset: u64,
    acknowledges: u64,
    ack_rtt: i64,
    number: u32,
    captured: u32,
    wire_len: u32,
    stream: u32,
    /// The record before it in its stream.
    before: u32,
    /// Frame numbers, 0 for none.
    repeats: u32,
    /// The frame of a duplicate ACK, or the one that is sent again: no segment is both.
    duplicate_of: u32,
    acks_frame: u32,
    duplicate_ack: u32,
    in_flight: u32,
    pushed: u32,
    constants: u32,
    /// Which mapped file, or which piece of the copied bytes.
    file: u16,
    interface: u16,
    remarks: Remarks,
    flags: u8,
}

/// What many segments of a direction share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Constants {
    seq_base: u32,
    ack_base: Option<u32>,
    window_scale: Option<i8>,
    completeness: u8,
    facts: u8,
    initial_rtt: Option<i64>,
}

/// What all packets of a stream share.
#[derive(Debug, Clone, Copy)]
struct OfStream {
    of_transport: u32,
    started: Option<Timestamp>,
    /// Its last record.
    last: u32,
}

/// Where the bytes are.
enum Bytes {
    Mapped(Box<Capture>),
    /// In one file, as far as it had grown.
    Grown(Grown),
    Copied(Vec<Vec<u8>>),
}

/// The frames of a capture, in order.
pub(super) struct Records {
    bytes: Bytes,
    blocks: Vec<Arc<Vec<Record>>>,
    length: usize,
    copied: usize,
    interfaces: Vec<(LinkType, u32)>,
    streams: Vec<Option<OfStream>>,
    constants: Vec<Constants>,
    /// The constants last seen of a direction, while places are found.
    latest: HashMap<(u32, u32), u32>,
}

impl Default for Records {
    fn default() -> Self {
        Self::over(Bytes::Copied(Vec::new()))
    }
}

impl std::fmt::Debug for Records {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Records")
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}

impl Records {
    fn over(bytes: Bytes) -> Self {
        Self {
            bytes,
            blocks: Vec::new(),
            length: 0,
            copied: 0,
            interfaces: Vec::new(),
            streams: Vec::new(),
            constants: Vec::new(),
            latest: HashMap::new(),
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.length
    }

    /// Memory that they take, in bytes.
    pub(super) fn memory(&self) -> usize {
        self.blocks.len() * BLOCK * size_of::<Record>()
            + self.copied
            + self.streams.capacity() * size_of::<Option<OfStream>>()
            + self.constants.capacity() * size_of::<Constants>()
    }

    /// Adds a frame whose bytes lie there in the mapped files; false where it cannot be listed.
    pub(super) fn add_mapped(&mut self, frame: &Frame<'_>, (file, at): (usize, usize)) -> bool {
        let file = u16::try_from(file).ok();
        file.is_some_and(|file| self.add(frame, file, at as u64))
    }

    /// Adds a frame and copies its bytes; false where it cannot be listed.
    pub(super) fn add_copied(&mut self, frame: &Frame<'_>) -> bool {
        let Bytes::Copied(pieces) = &mut self.bytes else {
            return false;
        };
        let data = frame.data;
        let room = |piece: &Vec<u8>| piece.capacity() - piece.len() >= data.len();
        if !pieces.last().is_some_and(room) {
            pieces.push(Vec::with_capacity(PIECE.max(data.len())));
        }
        let Some(piece) = u16::try_from(pieces.len() - 1).ok() else {
            return false;
        };
        let Some(into) = pieces.last_mut() else {
            return false;
        };
        let at = into.len() as u64;
        into.extend_from_slice(data);
        self.copied += data.len();
        self.add(frame, piece, at)
    }

    /// From now on the bytes are those of this capture's mapped files.
    pub(super) fn keep(&mut self, capture: Box<Capture>) {
        self.bytes = Bytes::Mapped(capture);
    }

    /// From now on the bytes are those of a file as far as it has grown.
    pub(super) fn keep_grown(&mut self, grown: Grown) {
        self.bytes = Bytes::Grown(grown);
    }

    /// The same records once more, to be shown while these are added to; without bytes unless they are those of a file that
    /// grows.
    pub(super) fn shown(&self) -> Self {
        Self {
            bytes: match &self.bytes {
                Bytes::Grown(grown) => Bytes::Grown(grown.clone()),
                Bytes::Mapped(_) | Bytes::Copied(_) => Bytes::Copied(Vec::new()),
            },
            blocks: self.blocks.clone(),
            length: self.length,
            copied: 0,
            interfaces: self.interfaces.clone(),
            streams: self.streams.clone(),
            constants: self.constants.clone(),
            latest: HashMap::new(),
        }
    }

    fn add(&mut self, frame: &Frame<'_>, file: u16, data: u64) -> bool {
        let Ok(number) = u32::try_from(frame.number.0) else {
            return false;
        };
        let Some(interface) = self.interface(frame.link, frame.interface) else {
            return false;
        };
        let record = Record {
            data,
            time: frame.time.map_or(NEVER, |time| time.0),
            offset: NOWHERE,
            acknowledges: NOWHERE,
            ack_rtt: 0,
            number,
            captured: u32::try_from(frame.data.len()).unwrap_or(u32::MAX),
            wire_len: frame.wire_len,
            stream: NONE,
            before: NONE,
            repeats: 0,
            duplicate_of: 0,
            acks_frame: 0,
            duplicate_ack: 0,
            in_flight: 0,
            pushed: 0,
            constants: 0,
            file,
            interface,
            remarks: Remarks::default(),
            flags: if frame.after_end { AFTER_END } else { 0 },
        };
        let full = self.blocks.last().is_none_or(|block| block.len() >= BLOCK);
        if full {
            // Most captures are small.
            self.blocks.push(Arc::new(if self.blocks.is_empty() {
                Vec::new()
            } else {
                Vec::with_capacity(BLOCK)
            }));
        }
        if let Some(block) = self.blocks.last_mut() {
            Arc::make_mut(block).push(record);
            self.length += 1;
        }
        true
    }

    /// Finds the place of every frame in its stream; calls `tell` with the number of each.
    pub(super) fn settle(&mut self, index: &Index, streams: usize, tell: &mut dyn FnMut(usize)) {
        let mut inspector = Inspector::new(streams);
        self.settle_from(0, &mut inspector, index, tell);
        self.latest = HashMap::new();
    }

    /// The same of the frames from `first` on, where the inspector has seen those before.
    pub(super) fn settle_from(
        &mut self,
        first: usize,
        inspector: &mut Inspector,
        index: &Index,
        tell: &mut dyn FnMut(usize),
    ) {
        for at in first..self.length {
            tell(at);
            let mut place = None;
            if let Some(frame) = self.frame(at) {
                inspector.frame(&frame, index, &mut |seen| place = seen.place);
            }
            if let (Some(place), Some(mut record)) = (place, self.record(at).copied()) {
                self.place_in(&mut record, at, &place);
                let block = self.blocks.get_mut(at / BLOCK);
                let slot = block.and_then(|block| Arc::make_mut(block).get_mut(at % BLOCK));
                if let Some(slot) = slot {
                    *slot = record;
                }
            }
        }
    }

    fn interface(&mut self, link: LinkType, number: u32) -> Option<u16> {
        let known = self
            .interfaces
            .iter()
            .rposition(|known| *known == (link, number));
        let at = known.unwrap_or_else(|| {
            self.interfaces.push((link, number));
            self.interfaces.len() - 1
        });
        u16::try_from(at).ok()
    }

    fn place_in(&mut self, record: &mut Record, now: usize, place: &Place) {
        let Ok(at) = usize::try_from(place.stream.0) else {
            return;
        };
        record.stream = place.stream.0;
        record.offset = place.offset.unwrap_or(NOWHERE);
        record.acknowledges = place.acknowledges.unwrap_or(NOWHERE);
        let frame_number = |number: u64| u32::try_from(number).unwrap_or(0);
        record.repeats = place.repeats.map_or(0, frame_number);
        if let Some(direction) = place.direction {
            record.flags |= DIRECTION | if direction == 0 { 0 } else { SECOND };
        }
        if let Some(numbers) = &place.tcp {
            record.flags |= TCP;
            record.remarks = numbers.remarks;
            record.duplicate_ack = numbers.duplicate_ack;
            record.duplicate_of = frame_number(match numbers.duplicate_ack {
                0 => numbers.rto_frame,
                _ => numbers.duplicate_of,
            });
            record.acks_frame = frame_number(numbers.acks_frame);
            record.ack_rtt = numbers.ack_rtt;
            record.in_flight = numbers.in_flight;
            record.pushed = numbers.pushed;
            record.constants = self.constants_of(place.stream, numbers);
        }
        if self.streams.len() <= at {
            self.streams.resize(at + 1, None);
        }
        let now = u32::try_from(now).unwrap_or(NONE);
        if let Some(stream) = self.streams.get_mut(at) {
            let stream = stream.get_or_insert(OfStream {
                of_transport: place.of_transport,
                started: place.started,
                last: NONE,
            });
            record.before = std::mem::replace(&mut stream.last, now);
        }
    }

    fn constants_of(&mut self, stream: StreamId, numbers: &Numbers) -> u32 {
        let constants = Constants {
            seq_base: numbers.seq_base,
            ack_base: numbers.ack_base,
            window_scale: numbers.window_scale,
            completeness: numbers.completeness,
            facts: numbers.facts,
            initial_rtt: numbers.initial_rtt,
        };
        let key = (stream.0, numbers.seq_base);
        if let Some(at) = self.latest.get(&key)
            && self.constants.get(*at as usize) == Some(&constants)
        {
            return *at;
        }
        let at = u32::try_from(self.constants.len()).unwrap_or(NONE);
        self.constants.push(constants);
        self.latest.insert(key, at);
        at
    }

    fn record(&self, at: usize) -> Option<&Record> {
        self.blocks.get(at / BLOCK)?.get(at % BLOCK)
    }

    /// The frame of a record.
    pub(super) fn frame(&self, at: usize) -> Option<Frame<'_>> {
        let record = self.record(at)?;
        let (link, interface) = *self.interfaces.get(usize::from(record.interface))?;
        Some(Frame {
            number: FrameNumber(u64::from(record.number)),
            time: time(record.time),
            link,
            interface,
            wire_len: record.wire_len,
            data: self.data(record).unwrap_or_default(),
            after_end: record.flags & AFTER_END != 0,
        })
    }

    fn data(&self, record: &Record) -> Option<&[u8]> {
        let file = usize::from(record.file);
        let bytes = match &self.bytes {
            Bytes::Mapped(capture) => capture.mapped_bytes(file)?,
            Bytes::Grown(grown) => grown.bytes(),
            Bytes::Copied(pieces) => pieces.get(file)?,
        };
        let start = usize::try_from(record.data).ok()?;
        bytes.get(start..start.checked_add(usize::try_from(record.captured).ok()?)?)
    }

    /// Its number; 0 where there is none.
    pub(super) fn number(&self, at: usize) -> u64 {
        self.record(at).map_or(0, |record| u64::from(record.number))
    }

    /// When it was captured.
    pub(super) fn time(&self, at: usize) -> Option<Timestamp> {
        time(self.record(at)?.time)
    }

    /// How many of its bytes were captured.
    pub(super) fn captured(&self, at: usize) -> usize {
        self.record(at)
            .and_then(|record| usize::try_from(record.captured).ok())
            .unwrap_or(0)
    }

    /// Nanoseconds from a frame, by its number, to this time.
    fn since(&self, now: i64, number: u64) -> i64 {
        let (mut low, mut high) = (0, self.length);
        while low < high {
            let middle = low.midpoint(high);
            if self.number(middle) < number {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        now.saturating_sub(self.time(low).map_or(0, |time| time.0))
    }

    /// Its place in a stream.
    pub(super) fn place(&self, at: usize) -> Option<Place> {
        let record = self.record(at)?;
        let stream = *self.streams.get(usize::try_from(record.stream).ok()?)?;
        let OfStream {
            of_transport,
            started,
            ..
        } = stream?;
        let known = |offset: u64| (offset != NOWHERE).then_some(offset);
        let constants = self.constants.get(usize::try_from(record.constants).ok()?);
        let tcp = constants
            .filter(|_| record.flags & TCP != 0)
            .map(|constants| {
                let other = u64::from(record.duplicate_of);
                let again = record.duplicate_ack == 0 && other > 0;
                Numbers {
                    seq_base: constants.seq_base,
                    ack_base: constants.ack_base,
                    remarks: record.remarks,
                    duplicate_ack: record.duplicate_ack,
                    duplicate_of: if again { 0 } else { other },
                    acks_frame: u64::from(record.acks_frame),
                    ack_rtt: record.ack_rtt,
                    in_flight: record.in_flight,
                    window_scale: constants.window_scale,
                    initial_rtt: constants.initial_rtt,
                    completeness: constants.completeness,
                    facts: constants.facts,
                    pushed: record.pushed,
                    rto_frame: if again { other } else { 0 },
                    rto: if again {
                        self.since(record.time, other)
                    } else {
                        0
                    },
                }
            });
        Some(Place {
            stream: StreamId(record.stream),
            of_transport,
            direction: (record.flags & DIRECTION != 0)
                .then_some(usize::from(record.flags & SECOND != 0)),
            started,
            before: usize::try_from(record.before)
                .ok()
                .and_then(|before| self.time(before)),
            offset: known(record.offset),
            acknowledges: known(record.acknowledges),
            repeats: Some(u64::from(record.repeats)).filter(|frame| *frame > 0),
            tcp,
        })
    }

    /// The records of a stream, in order.
    pub(super) fn of_stream(&self, stream: StreamId) -> Vec<usize> {
        let mut found = Vec::new();
        let stream = usize::try_from(stream.0).unwrap_or(usize::MAX);
        let mut next = self
            .streams
            .get(stream)
            .and_then(Option::as_ref)
            .map_or(NONE, |stream| stream.last);
        while next != NONE
            && let Ok(at) = usize::try_from(next)
            && let Some(record) = self.record(at)
        {
            found.push(at);
            next = record.before;
        }
        found.reverse();
        found
    }

    /// The record of the frame of this number; of the next one where there is none.
    pub(super) fn at(&self, number: u64) -> usize {
        let (mut low, mut high) = (0, self.length);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.number(middle) < number {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low.min(self.length.saturating_sub(1))
    }
}

fn time(nanoseconds: i64) -> Option<Timestamp> {
    (nanoseconds != NEVER).then_some(Timestamp(nanoseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_takes_no_more_than_ninety_six_bytes() {
        assert!(size_of::<Record>() <= 96, "{}", size_of::<Record>());
    }
}
