//! One datagram that waits for fragments: what is there of it, and whether its fragments agree.

use std::ops::Range;

use super::{Incoming, Key, LossReason, LostDatagram};
use crate::decode::Part;
use crate::units::Timestamp;

/// Fragments of 8 bytes that fill a datagram, twice.
const MAX_PARTS: usize = 16_384;
/// Memory of a waiting datagram beside its bytes and parts, about.
const FIXED_COST: usize = 512;
const PART_COST: usize = size_of::<Part>() + size_of::<Print>();

/// What one fragment looked like: its range in the IP payload, CRC-32 of its bytes.
pub(super) type Print = (u32, u32, u32);

/// A datagram that waits for fragments.
#[derive(Debug, Clone)]
pub(super) struct Waiting {
    pub(super) arrival: u64,
    pub(super) started: Option<Timestamp>,
    /// From offset 0; what `ranges` does not cover is not there.
    pub(super) bytes: Vec<u8>,
    /// What is there: ascending, apart from each other.
    ranges: Vec<Range<u32>>,
    pub(super) parts: Vec<Part>,
    pub(super) prints: Vec<Print>,
    /// Known once the last fragment is there.
    length: Option<u32>,
    pub(super) protocol: u8,
    ports: Option<(u16, u16)>,
    pub(super) addresses_final: bool,
    /// Given up, and kept so that its other fragments are known for what they are.
    refused: Option<LossReason>,
    /// Prints of a datagram of the same key that was put together just before.
    earlier: Vec<Print>,
}

impl Waiting {
    /// With nothing in it; `earlier` as the field.
    pub(super) fn new(arrival: u64, first: &Incoming<'_>, earlier: Vec<Print>) -> Self {
        Self {
            arrival,
            started: first.time,
            bytes: Vec::new(),
            ranges: Vec::new(),
            parts: Vec::new(),
            prints: Vec::new(),
            length: None,
            protocol: first.protocol,
            ports: None,
            addresses_final: true,
            refused: None,
            earlier,
        }
    }

    /// Memory it holds, about, in bytes.
    pub(super) fn cost(&self) -> usize {
        FIXED_COST
            + self.bytes.capacity()
            + self.parts.len() * PART_COST
            + self.ranges.len() * size_of::<Range<u32>>()
            + self.earlier.len() * size_of::<Print>()
    }

    /// Adds a fragment; whether the datagram is now whole.
    pub(super) fn add(
        &mut self,
        incoming: &Incoming<'_>,
        range: Range<u32>,
    ) -> Result<bool, LossReason> {
        if self.parts.len() < MAX_PARTS {
            self.parts.push(Part {
                frame: incoming.frame,
                time: incoming.time,
                wire_len: incoming.wire_len,
                offset: range.start,
                bytes: range.end - range.start,
            });
        } else {
            self.refuse(LossReason::Limit);
        }
        if let Some(reason) = self.refused {
            return Err(reason);
        }
        self.addresses_final &= incoming.addresses_final;
        if range.start == 0 {
            self.protocol = incoming.protocol;
            self.ports = ports(incoming);
        }
        self.store(incoming, range).inspect_err(|reason| {
            self.refuse(*reason);
        })
    }

    fn store(&mut self, incoming: &Incoming<'_>, range: Range<u32>) -> Result<bool, LossReason> {
        if !incoming.bytes.is_whole() {
            return Err(LossReason::SnapLength);
        }
        self.check_length(&range, incoming.fragment.more)?;

        let bytes = incoming.bytes.captured();
        let print = (range.start, range.end, crc32fast::hash(bytes));
        if self.overlaps_badly(incoming, &range, print) {
            return Err(LossReason::Conflict);
        }
        self.prints.push(print);
        if self.bytes.len() < range.end as usize {
            self.bytes.resize(range.end as usize, 0);
        }
        if let Some(to) = self.bytes.get_mut(range.start as usize..range.end as usize) {
            to.copy_from_slice(bytes);
        }
        self.cover(range);
        Ok(match (self.length, self.ranges.as_slice()) {
            (Some(length), [only]) => *only == (0..length),
            _ => false,
        })
    }

    /// The last fragment fixes the length; none may go beyond, and no other last one may differ.
    fn check_length(&mut self, range: &Range<u32>, more: bool) -> Result<(), LossReason> {
        let highest = self.ranges.last().map_or(0, |last| last.end);
        let fits = match self.length {
            Some(length) if more => range.end <= length,
            Some(length) => range.end == length,
            None if more => true,
            None => highest <= range.end,
        };
        if !fits {
            return Err(LossReason::Conflict);
        }
        if !more {
            self.length = Some(range.end);
        }
        Ok(())
    }

    /// Whether the fragment overlaps what is there in a way on which hosts do not agree.
    fn overlaps_badly(&self, incoming: &Incoming<'_>, range: &Range<u32>, print: Print) -> bool {
        let from = self
            .ranges
            .partition_point(|there| there.end <= range.start);
        let mut overlaps = self
            .ranges
            .iter()
            .skip(from)
            .take_while(|there| there.start < range.end)
            .peekable();
        if overlaps.peek().is_none() {
            return false;
        }
        if incoming.key.source.is_ipv6() && !self.prints.contains(&print) {
            // RFC 5722, section 4; RFC 8200, section 4.5, lets exact duplicates pass.
            return true;
        }
        overlaps.any(|there| {
            let start = there.start.max(range.start);
            let end = there.end.min(range.end);
            let old = self.bytes.get(start as usize..end as usize);
            let new = incoming
                .bytes
                .captured()
                .get((start - range.start) as usize..(end - range.start) as usize);
            old != new
        })
    }

    /// Adds to `ranges`, joining what touches.
    fn cover(&mut self, mut range: Range<u32>) {
        let from = self.ranges.partition_point(|there| there.end < range.start);
        let to = self
            .ranges
            .partition_point(|there| there.start <= range.end);
        for there in self.ranges.drain(from..to.max(from)) {
            range.start = range.start.min(there.start);
            range.end = range.end.max(there.end);
        }
        self.ranges.insert(from, range);
    }

    /// Keeps the frames, lets the bytes go.
    fn refuse(&mut self, reason: LossReason) {
        self.refused.get_or_insert(reason);
        self.bytes = Vec::new();
    }

    /// Whether all it has was part of the datagram of the same key that came before.
    pub(super) fn is_repeat(&self) -> bool {
        self.refused.is_none() && self.prints.iter().all(|print| self.earlier.contains(print))
    }

    pub(super) fn lost(self, key: &Key, reason: LossReason) -> LostDatagram {
        let reason = self.refused.unwrap_or(reason);
        let missing = if self.refused.is_none() {
            self.missing()
        } else {
            Vec::new()
        };
        LostDatagram {
            source: key.source,
            destination: key.destination,
            ports: self.ports,
            protocol: self.protocol,
            id: key.id,
            frames: self
                .parts
                .iter()
                .take(LostDatagram::MAX_FRAMES)
                .map(|part| part.frame)
                .collect(),
            frame_count: self.parts.len() as u64,
            started: self.started,
            length: self.length,
            missing,
            reason,
        }
    }

    fn missing(&self) -> Vec<Range<u32>> {
        let mut missing = Vec::new();
        let mut at = 0;
        for there in &self.ranges {
            if there.start > at {
                missing.push(at..there.start);
            }
            at = there.end;
        }
        if let Some(length) = self.length
            && at < length
        {
            missing.push(at..length);
        }
        missing
    }
}

/// Both transport headers begin with the ports; behind an extension header they are not looked for.
fn ports(incoming: &Incoming<'_>) -> Option<(u16, u16)> {
    match incoming.bytes.captured() {
        [s0, s1, d0, d1, ..] if matches!(incoming.protocol, 6 | 17) => Some((
            u16::from_be_bytes([*s0, *s1]),
            u16::from_be_bytes([*d0, *d1]),
        )),
        _ => None,
    }
}
