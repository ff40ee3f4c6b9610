//! One direction of a TCP connection: sequence numbers become stream offsets, repeats and news are told
//! apart, holes are declared once they can no longer fill.

mod beginning;
mod early;
mod urgent;

use super::assembler::{Arrival, Assembler, Conflict, Delivery, Keep, keep_copied};
use super::gap::GapCause;
use super::provenance::{Extent, Log};
use crate::decode::Tcp;
use crate::units::{FrameNumber, Timestamp};
pub(crate) use beginning::Beginning;
use early::{EARLY, EARLY_PATIENCE, Early};
use urgent::Urgent;

/// Frames of the connection after which a hole that the receiver acknowledged is taken to be one the
/// capture has, rather than frames captured out of turn.
const PATIENCE: u32 = 32;

/// How far beyond the highest byte seen an acknowledgment is believed: one damaged number would claim a gap of
/// up to 2 GiB.
const FAR: u64 = 64 << 20;

/// What the capture has of the other direction when it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Other {
    /// Nothing, so nothing can be said about acknowledgments.
    NotCaptured,
    /// Frames, and no FIN.
    Open,
    /// Its FIN.
    Closed,
}

/// A segment as it came.
#[derive(Debug, Clone, Copy)]
pub struct Segment<'x> {
    /// Its header.
    pub header: Tcp,
    /// Its payload as far as it was captured.
    pub payload: &'x [u8],
    /// Length of its payload on the wire.
    pub payload_len: u32,
    /// The frame (the one that completed it, if it was fragmented).
    pub frame: FrameNumber,
    /// The frame's time.
    pub time: Option<Timestamp>,
    /// The frame's length on the wire.
    pub wire_len: u32,
}

/// What a segment was.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that are independent of each other"
)]
pub struct Verdict {
    /// Stream offset of its first byte; absent where it lies before the first captured byte.
    pub offset: Option<u64>,
    /// What its bytes brought.
    pub arrival: Arrival,
    /// At least one byte had been seen before.
    pub retransmission: bool,
    /// It brought new bytes after later ones had come.
    pub out_of_order: bool,
    /// One byte or none just before what was already acknowledged (RFC 9293, section 3.8.4).
    pub keep_alive: bool,
    /// It carried or announced an urgent byte.
    pub urgent: bool,
}

/// One direction of a connection.
///
/// There is one for each direction that is followed, so it is small: what most directions never have lies in a box, and a
/// number that may be absent takes the room of a number.
#[derive(Debug, Clone, Default)]
pub(crate) struct Half<'cap> {
    /// Sequence number of stream offset 0; absent until the first segment.
    base: Option<u32>,
    /// The SYN was captured.
    syn: Option<u32>,
    /// Absent where there is nothing of it.
    rare: Option<Box<Rare<'cap>>>,
    /// One past the highest byte of which this side spoke as sent, in segments without payload.
    spoken: u64,
    /// The last frame that brought new bytes or the FIN; 0 until one did.
    news: FrameNumber,
    /// The last frame in which the other side acknowledged anything; 0 until it did.
    heard: FrameNumber,
    /// Bytes in order.
    pub assembler: Assembler<'cap>,
    /// Which frame carried what.
    pub log: Log,
    /// One past the stream offset after the last byte before the FIN; 0 until one was seen.
    fin: u64,
    /// Frame of the first FIN, or 0.
    fin_frame: FrameNumber,
    /// Frame of the first RST sent in this direction, or 0.
    reset_frame: FrameNumber,
    /// Two past the highest byte the other side acknowledged; 0 until it acknowledged any.
    acked: u64,
    acked_before: u64,
    settled: u64,
    frames_since: u32,
    /// Frames, those without payload included.
    pub packets: u64,
    /// Their lengths on the wire.
    pub wire_bytes: u64,
    /// Frames with payload.
    pub data_packets: u64,
    /// Captured payload, repeats included.
    pub payload_bytes: u64,
}

/// What most directions have nothing of.
#[derive(Debug, Clone, Default)]
struct Rare<'cap> {
    /// Sequence number of stream offset 0 by a second SYN with another number, of which it is not known yet whether it
    /// is the one that counts.
    other_base: Option<u32>,
    /// Segments that came first, of a direction whose beginning was not captured: earlier ones may have been captured later.
    early: Vec<Early<'cap>>,
    /// Frames of the connection since the first of them; their wait is over with [`EARLY_PATIENCE`].
    early_since: u32,
    /// What was acknowledged while they wait.
    early_ack: Option<u32>,
    /// What came twice and differs in segments that waited.
    conflicts: Vec<Conflict>,
    /// A SYN that carried bytes (RFC 7413), until it is known whether they were accepted.
    opening: Option<Early<'cap>>,
    /// They were.
    opened: bool,
    /// A segment so far ahead that the next one has to confirm it: one damaged number would make a gap of up to 2 GiB.
    ahead: Option<Early<'cap>>,
    /// Urgent bytes: no offset counts them.
    urgent: Urgent,
    repeats: Repeats,
}

/// What a direction sent again, or out of turn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Repeats {
    /// Repeated bytes, late ones included.
    pub(crate) duplicate_bytes: u64,
    /// Bytes that came after they were given up as missing.
    pub(crate) late_bytes: u64,
    /// Repeated bytes that could not be compared with their first copy.
    pub(crate) unchecked_bytes: u64,
    /// Frames that repeated at least one byte.
    pub(crate) retransmitted_packets: u64,
    /// Frames that filled a hole.
    pub(crate) out_of_order_packets: u64,
}

impl<'cap> Half<'cap> {
    /// Whether this direction was captured from its first byte.
    pub(crate) fn saw_syn(&self) -> bool {
        self.syn.is_some()
    }

    /// The sequence number of its SYN; absent where that was not captured.
    pub(crate) fn initial_sequence(&self) -> Option<u32> {
        self.syn
    }

    /// Whether a segment was seen.
    pub(crate) fn is_open(&self) -> bool {
        self.base.is_some() || self.is_early()
    }

    fn rare(&mut self) -> &mut Rare<'cap> {
        self.rare.get_or_insert_default()
    }

    /// What it sent again, or out of turn.
    pub(crate) fn repeats(&self) -> Repeats {
        self.rare
            .as_ref()
            .map_or_else(Repeats::default, |rare| rare.repeats)
    }

    /// Stream offset after the last byte before the FIN; absent until one was seen.
    pub(crate) fn fin(&self) -> Option<u64> {
        self.fin.checked_sub(1)
    }

    /// Frame of the first FIN; absent, too, where the program had been told to end: then it says nothing of what it did.
    pub(crate) fn fin_frame(&self) -> Option<FrameNumber> {
        some(self.fin_frame)
    }

    /// The FIN says nothing of what its program did.
    pub(crate) fn forget_fin_frame(&mut self) {
        self.fin_frame = FrameNumber(0);
    }

    /// Frame of the first RST sent in this direction.
    pub(crate) fn reset_frame(&self) -> Option<FrameNumber> {
        some(self.reset_frame)
    }

    /// One past the highest byte the other side acknowledged, as far as bytes go (not the FIN).
    pub(crate) fn acked(&self) -> Option<u64> {
        self.acked.checked_sub(1)
    }

    /// Whether the other side acknowledged the FIN.
    pub(crate) fn fin_acked(&self) -> bool {
        matches!((self.fin(), self.acked()), (Some(fin), Some(acked)) if acked > fin)
    }

    /// Whether more was sent than the capture has, and nothing tells how much: no end was captured, but one was
    /// acknowledged, or spoken of.
    pub(crate) fn end_unsure(&self) -> bool {
        let highest = self.assembler.highest();
        self.fin().is_none()
            && (self.acked().is_some_and(|acked| acked > highest) || self.spoken > highest)
    }

    /// The other side acknowledged something in this frame.
    pub(crate) fn heard(&mut self, frame: FrameNumber) {
        self.heard = frame;
    }

    /// Takes a segment sent in this direction.
    pub(crate) fn segment<'x>(
        &mut self,
        segment: &Segment<'x>,
        keep: Keep<'x, 'cap>,
        sink: &mut dyn FnMut(Delivery<'_>),
    ) -> Verdict {
        let header = &segment.header;
        self.packets += 1;
        self.wire_bytes += u64::from(segment.wire_len);
        let data_seq = if header.syn {
            header.seq.wrapping_add(1)
        } else {
            header.seq
        };
        if header.syn && self.syn.is_none() && self.base.is_none() {
            self.syn = Some(header.seq);
        }
        if header.rst {
            // What a RST carries is a message about it, not stream data (RFC 9293, section 3.5.3).
            if self.reset_frame().is_none() {
                self.reset_frame = segment.frame;
            }
            self.speaks(data_seq);
            return Verdict::default();
        }
        if self.base.is_none() && self.syn.is_none() {
            if !segment.payload.is_empty() && !header.fin {
                self.rare().early.push(Early::of(segment, keep));
                return Verdict::default();
            }
            if self.is_early() {
                if !header.fin && segment.payload_len == 0 {
                    return Verdict::default();
                }
                self.begin(sink);
            }
        } else if self.is_early() {
            // The SYN came after what it opened.
            self.base = Some(data_seq);
            self.begin(sink);
        }
        if header.syn && segment.payload_len > 0 && self.assembler.highest() == 0 {
            return self.opening(segment, keep, sink);
        }
        self.opened_by(segment, sink);
        if self.is_ahead(segment, keep, sink) {
            return Verdict::default();
        }
        self.place(segment, keep, sink)
    }

    /// This side says, without payload, that everything before this number was sent.
    fn speaks(&mut self, seq: u32) {
        let Some(base) = self.base else { return };
        if let Ok(position) = u64::try_from(self.offset_of(base, seq))
            && position <= self.assembler.highest().saturating_add(FAR)
        {
            self.spoken = self.spoken.max(position);
        }
    }

    /// Takes a segment whose place is known, without the urgent bytes in it.
    fn place<'x>(
        &mut self,
        segment: &Segment<'x>,
        keep: Keep<'x, 'cap>,
        sink: &mut dyn FnMut(Delivery<'_>),
    ) -> Verdict {
        let urgent = segment.header.urg && self.marks_urgent(segment);
        let mut verdict = match self.without_urgent(segment) {
            None => self.place_bytes(segment, keep, sink),
            Some((payload, apart)) => {
                let captured = (segment.payload.len() - payload.len()) as u64;
                self.payload_bytes += captured;
                self.rare().repeats.duplicate_bytes += captured;
                self.data_packets += u64::from(payload.is_empty() && captured > 0);
                let rest = Segment {
                    payload: &payload,
                    payload_len: segment.payload_len.saturating_sub(apart),
                    ..*segment
                };
                self.place_bytes(&rest, keep_copied, sink)
            }
        };
        verdict.urgent = urgent;
        verdict
    }

    /// Notes the urgent byte that a segment carries, where all before it came already; returns whether it carries one.
    ///
    /// It is the one before that to which the pointer points: what RFC 6093 found all systems to do.
    fn marks_urgent(&mut self, segment: &Segment<'_>) -> bool {
        let header = &segment.header;
        let pointer = u32::from(header.urgent_pointer);
        if header.syn || pointer == 0 || pointer > segment.payload_len {
            return false;
        }
        let Some(at) = self.base.and_then(|base| {
            let at = self.number_of(base, header.seq);
            u64::try_from(at.saturating_add(i64::from(pointer) - 1)).ok()
        }) else {
            return true;
        };
        let highest = self.assembler.highest();
        self.rare().urgent.note(at, highest);
        true
    }

    /// The payload without the urgent bytes in it, and how many these are; absent where there are none.
    fn without_urgent(&self, segment: &Segment<'_>) -> Option<(Vec<u8>, u32)> {
        let urgent = &self.rare.as_ref()?.urgent;
        let base = self.base.filter(|_| urgent.count() > 0)?;
        let start = self.number_of(base, segment.header.seq);
        urgent.taken_from(start, segment.payload, segment.payload_len)
    }

    /// Takes a segment whose place is known.
    fn place_bytes<'x>(
        &mut self,
        segment: &Segment<'x>,
        keep: Keep<'x, 'cap>,
        sink: &mut dyn FnMut(Delivery<'_>),
    ) -> Verdict {
        let header = &segment.header;
        let data_seq = header.seq.wrapping_add(u32::from(header.syn));
        if self.assembler.highest() == 0 {
            match (self.base, self.other_base()) {
                // Two SYNs with different numbers: the first byte tells which of them counts.
                (Some(base), _) if header.syn && data_seq != base => {
                    self.rare().other_base = Some(data_seq);
                    return Verdict::default();
                }
                (Some(base), Some(other))
                    if segment.payload_len > 0 && data_seq != base && data_seq == other =>
                {
                    self.base = Some(other);
                    self.syn = Some(other.wrapping_sub(1));
                }
                _ => {}
            }
        }
        if header.syn && self.syn.is_none() && self.base == Some(data_seq) {
            self.syn = Some(header.seq);
        }
        if segment.payload_len == 0 && !header.fin && !header.syn {
            self.speaks(data_seq);
        }
        let base = *self.base.get_or_insert(data_seq);
        let position = self.offset_of(base, data_seq);
        let mut verdict = Verdict {
            offset: u64::try_from(position).ok(),
            ..Verdict::default()
        };
        let length = u64::from(segment.payload_len);
        if !segment.payload.is_empty() {
            self.data(segment, position, keep, &mut verdict, sink);
        } else if let (Some(offset), true) = (verdict.offset, length > 0) {
            let seen = self
                .assembler
                .sent_before(offset..offset.saturating_add(length));
            // One byte before what comes next is a keep-alive (RFC 9293, section 3.8.4).
            verdict.keep_alive = length == 1 && offset + 1 == self.assembler.highest();
            verdict.retransmission = seen > 0 && !verdict.keep_alive;
            if verdict.retransmission {
                self.rare().repeats.retransmitted_packets += 1;
            }
            if seen < length {
                self.news = segment.frame;
            }
            // All of the payload was cut off: a hole that the snap length made.
            self.assembler
                .push(offset, &[], length, segment.frame, keep, sink);
        }
        if header.fin {
            let end = position.saturating_add_unsigned(length);
            if let Ok(end) = u64::try_from(end) {
                // RFC 9293: the FIN comes after the segment's data, whatever its length.
                if self.fin == 0 {
                    self.fin = end.saturating_add(1);
                }
                if self.fin_frame().is_none() {
                    self.fin_frame = segment.frame;
                }
                self.news = segment.frame;
            }
        }
        verdict
    }

    fn data<'x>(
        &mut self,
        segment: &Segment<'x>,
        position: i64,
        keep: Keep<'x, 'cap>,
        verdict: &mut Verdict,
        sink: &mut dyn FnMut(Delivery<'_>),
    ) {
        self.data_packets += 1;
        self.payload_bytes += segment.payload.len() as u64;
        // What lies before the first captured byte has no place in the stream any more: sent before the capture began, and seen
        // once.
        let before = usize::try_from(position.min(0).unsigned_abs())
            .unwrap_or(usize::MAX)
            .min(segment.payload.len());
        let payload = segment.payload.get(before..).unwrap_or_default();
        let offset = u64::try_from(position).unwrap_or(0);
        let highest = self.assembler.highest();
        let mut arrival = Arrival::default();
        let length = u64::from(segment.payload_len).saturating_sub(before as u64);
        // What the snap length cut off was sent all the same: the numbers tell.
        let end = offset.saturating_add(length);
        let (mut sent, mut sent_all) = (0, false);
        if self.assembler.was_cut() {
            sent = self.assembler.sent_before(offset..end);
            let earlier = offset..offset.saturating_add(payload.len() as u64).min(highest);
            sent_all = self.assembler.sent_before(earlier.clone())
                == earlier.end.saturating_sub(earlier.start);
        }
        if !payload.is_empty() {
            arrival = self
                .assembler
                .push(offset, payload, length, segment.frame, keep, sink);
        }
        if arrival.new_bytes > 0 {
            self.news = segment.frame;
        }
        arrival.repeated_bytes += before as u64;
        arrival.unchecked_bytes += before as u64;
        if self.syn.is_none() {
            arrival.late_bytes += before as u64;
        }
        let repeated = arrival.repeated_bytes - arrival.late_bytes;
        verdict.keep_alive = segment.payload_len == 1
            && (repeated == 1 || sent == 1)
            && offset + 1 == self.assembler.next()
            && !segment.header.syn
            && !segment.header.fin;
        if verdict.keep_alive {
            // The byte of a keep-alive may be garbage (RFC 9293, section 3.8.4): nothing to compare.
            arrival.conflict = None;
        }
        verdict.retransmission = (repeated > 0 || sent > 0) && !verdict.keep_alive;
        // What goes beyond all that was seen came after nothing later.
        let end = offset.saturating_add(payload.len() as u64);
        let beyond = end.saturating_sub(highest.max(offset));
        verdict.out_of_order = arrival.new_bytes > beyond && !sent_all;
        if arrival.repeated_bytes > 0 || verdict.retransmission || verdict.out_of_order {
            let repeats = &mut self.rare().repeats;
            repeats.duplicate_bytes += arrival.repeated_bytes;
            repeats.late_bytes += arrival.late_bytes;
            repeats.unchecked_bytes += arrival.unchecked_bytes;
            repeats.retransmitted_packets += u64::from(verdict.retransmission);
            repeats.out_of_order_packets += u64::from(verdict.out_of_order);
        }
        if let (Ok(bytes @ 1..), true) = (u32::try_from(payload.len()), !payload.is_empty()) {
            self.log.push(&Extent {
                offset,
                bytes,
                frame: segment.frame,
                wire_len: segment.wire_len,
                time: segment.time,
                repeat: verdict.retransmission,
            });
        }
        verdict.arrival = arrival;
    }

    /// Takes the acknowledgment number of a segment that the other side sent.
    pub(crate) fn acknowledge(&mut self, ack: u32) {
        let Some(base) = self.base else {
            if let Some(rare) = &mut self.rare {
                rare.early_ack = Some(ack).filter(|_| !rare.early.is_empty());
            }
            return;
        };
        if self.other_base() == Some(ack) && self.assembler.highest() == 0 {
            // Of two SYNs the one that was acknowledged counts.
            self.base = self.rare().other_base.take();
            self.syn = Some(ack.wrapping_sub(1));
            self.acked = 1;
            return;
        }
        let Ok(position) = u64::try_from(self.offset_of(base, ack)) else {
            return;
        };
        if position > self.assembler.highest().saturating_add(FAR) {
            // Of so much at least one later segment would be here: wait for it before believing the number.
            return;
        }
        if self.is_opening() {
            let rare = self.rare();
            if position > 0 {
                rare.opened = true;
            } else {
                // The SYN was accepted, and its bytes were not.
                rare.opening = None;
            }
        }
        if self.acked().is_none_or(|acked| acked < position) {
            self.acked = position.saturating_add(1);
            self.assembler.acknowledged(position);
        }
    }

    /// One more frame of the connection went by, in either direction: declares holes that can no longer fill.
    pub(crate) fn settle(&mut self, limit: usize, sink: &mut dyn FnMut(Delivery<'_>)) -> bool {
        if self.is_early() {
            let rare = self.rare();
            rare.early_since += 1;
            if rare.early_since > EARLY_PATIENCE || rare.early.len() >= EARLY {
                self.begin(sink);
            }
        }
        self.open(sink);
        self.frames_since += 1;
        if self.frames_since >= PATIENCE {
            self.frames_since = 0;
            self.settled = self.acked_before;
            self.acked_before = self.acked_bytes();
        }
        if self.assembler.next() < self.settled {
            self.assembler
                .declare_missing(self.settled, GapCause::NotCaptured, sink);
        }
        let mut limited = false;
        while self.assembler.waiting_bytes() > limit {
            limited = true;
            self.give_up_hole(sink);
        }
        limited
    }

    /// Declares the first hole missing although it might still fill.
    pub(crate) fn give_up_hole(&mut self, sink: &mut dyn FnMut(Delivery<'_>)) {
        let acked = self.acked_bytes();
        let next = self.assembler.next();
        let until = self.assembler.first_waiting().unwrap_or(acked);
        let cause = if acked >= until {
            GapCause::NotCaptured
        } else {
            GapCause::Limit
        };
        self.assembler.declare_missing(until.max(next), cause, sink);
    }

    /// No more frames come: declares everything that is still missing. `other` is what the capture
    /// has of the other direction.
    pub(crate) fn finish(&mut self, other: Other, sink: &mut dyn FnMut(Delivery<'_>)) {
        self.begin(sink);
        // Nobody says whether they were accepted.
        if let Some(rare) = &mut self.rare {
            rare.opened = true;
        }
        self.open(sink);
        let ahead = self.rare.as_ref().is_some_and(|rare| rare.ahead.is_some());
        if ahead && self.fin().is_none() {
            // That it is none of the stream is not sure.
            self.spoken = self.spoken.max(self.assembler.highest() + 1);
        }
        self.forget_ahead();
        let mut acked = self.acked_bytes();
        if other == Other::Closed && self.fin().is_none() && acked > self.assembler.highest() {
            // The other side closed as well, so the last number it acknowledged is that of a FIN, and no byte.
            acked -= 1;
        }
        self.assembler
            .declare_missing(acked, GapCause::NotCaptured, sink);
        let end = self.assembler.highest().max(self.fin().unwrap_or(0));
        let cause = match other {
            // Whoever heard of what came after them and did not acknowledge them did not get them.
            Other::Open | Other::Closed if self.heard > self.news => GapCause::NeverAcknowledged,
            _ => GapCause::Unknown,
        };
        self.assembler.declare_missing(end, cause, sink);
        self.assembler.forget_recent();
    }

    /// Whether the FIN was reached: all bytes before it were delivered or declared missing.
    pub(crate) fn reached_fin(&self) -> bool {
        self.fin_frame().is_some() && self.fin().is_some_and(|fin| self.assembler.next() >= fin)
    }

    /// One past the highest *byte* acknowledged: an acknowledged FIN takes a number but is no byte.
    fn acked_bytes(&self) -> u64 {
        let Some(acked) = self.acked() else { return 0 };
        let highest = self.assembler.highest();
        match self.fin() {
            Some(fin) => acked.min(fin.max(highest)),
            // A single number beyond all bytes seen is a FIN that was not captured, as far as can be told.
            None if acked == highest + 1 => highest,
            None => acked,
        }
    }

    /// Whether a segment of this sequence number and length reaches beyond what was delivered.
    pub(crate) fn is_new(&self, seq: u32, length: u32) -> bool {
        self.base.is_none_or(|base| {
            let end = self.offset_of(base, seq).saturating_add(i64::from(length));
            u64::try_from(end).is_ok_and(|end| end > self.assembler.next())
        })
    }

    /// How many urgent bytes came apart from the stream.
    pub(crate) fn urgent_bytes(&self) -> u64 {
        self.rare.as_ref().map_or(0, |rare| rare.urgent.count())
    }

    fn other_base(&self) -> Option<u32> {
        self.rare.as_ref()?.other_base
    }

    /// Stream offset of a sequence number: bytes before it that are no urgent ones. Negative: before the first captured byte.
    fn offset_of(&self, base: u32, seq: u32) -> i64 {
        let number = self.number_of(base, seq);
        let urgent = self
            .rare
            .as_ref()
            .map_or(0, |rare| rare.urgent.before(number));
        number.saturating_sub(urgent)
    }

    /// Place of a sequence number among all numbered bytes: the one nearest to what comes next, so that the numbers may
    /// wrap any number of times (RFC 9293, section 3.4). Negative: before the first captured byte.
    fn number_of(&self, base: u32, seq: u32) -> i64 {
        let next = self.assembler.next() + self.urgent_bytes();
        let low = u32::try_from(next & u64::from(u32::MAX)).unwrap_or_default();
        let expected = base.wrapping_add(low);
        let distance = i64::from(seq.wrapping_sub(expected).cast_signed());
        i64::try_from(next)
            .unwrap_or(i64::MAX)
            .saturating_add(distance)
    }
}

/// Frames are numbered from 1.
fn some(frame: FrameNumber) -> Option<FrameNumber> {
    (frame.0 > 0).then_some(frame)
}

#[cfg(test)]
#[path = "tcp_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "tcp_bounds_tests.rs"]
mod bounds;
