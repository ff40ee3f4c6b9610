//! What of a direction's facts lives while its frames go by: little, and what is remarkable in a box.

use std::ops::Range;
use std::time::Duration;

use super::{CaptureFacts, Frames, Mark, Moment};
use crate::decode::{Checksum, Notes, Tcp};
use crate::reassembly::Conflict;
use crate::reassembly::tcp::{Segment, Verdict};
use crate::units::{FrameNumber, Time, Timestamp};

/// How many conflicts, stalls or zero windows of one direction are told one by one.
pub const TOLD: usize = 16;
/// How many frames back a second copy of a frame is looked for.
const BACK: usize = 8;
/// A frame without an IP identification is a second copy only so soon after the first, in nanoseconds.
const SOON: i64 = 200_000;
/// One with an identification may come later: from the other end of the path, or by another interface.
const LATER: i64 = 500_000_000;
/// Acknowledgments are delayed by so many nanoseconds at least (Linux 40 ms, others up to 200 ms) …
const DELAYED: i64 = 30_000_000;
/// … and at most (RFC 9293, section 3.8.6.3: below 0.5 s).
const DELAYED_MOST: i64 = 500_000_000;
/// A write that waited for an acknowledgment follows it within so many nanoseconds.
const RELEASED: i64 = 5_000_000;
/// So many duplicate acknowledgments announce a fast retransmission (three in RFC 5681, of which a capture may lack
/// one).
const FAST: u8 = 2;

/// What lives of a direction's facts while it is followed.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    /// Last frame that carried payload, or 0.
    last_data: FrameNumber,
    /// Its time.
    last_data_time: Time,
    /// Time of the last frame.
    last_time: Time,
    /// Time of the first FIN or RST.
    closing: Time,
    /// Fingerprints of the last frames.
    prints: [u32; BACK],
    /// Acknowledgment number last sent.
    last_ack: u32,
    /// Payload of the last frame that carried any.
    last_len: u32,
    /// Window last announced, as written.
    window: u16,
    /// Maximum segment size that this side announced; 0 where unknown.
    mss: u16,
    /// Duplicate acknowledgments since the last other one.
    duplicate_acks: u8,
    next_print: u8,
    /// An acknowledgment was sent.
    acknowledges: bool,
    /// A datagram or segment was seen.
    heard: bool,
    troubles: Option<Box<Troubles>>,
}

/// What is remarkable about a direction's frames.
#[derive(Debug, Clone, Default)]
pub struct Troubles {
    /// Frames that repeated bytes.
    pub retransmissions: Frames,
    /// Those of them that duplicate acknowledgments had asked for.
    pub fast: Frames,
    /// Those of them whose bytes had all been acknowledged.
    pub spurious: Frames,
    /// Frames that filled a hole.
    pub out_of_order: Frames,
    /// Acknowledgments sent again although data was on its way.
    pub duplicate_acks: Frames,
    /// Times at which this side announced that it has no room.
    pub zero_windows: Vec<ZeroWindow>,
    /// All frames that announced it.
    pub zero_window_frames: Frames,
    /// Silences inside a picture that went on afterwards.
    pub stalls: Vec<Stall>,
    /// Frames that waited for a delayed acknowledgment.
    pub small_writes: Frames,
    /// Nanoseconds that they waited together.
    pub small_writes_waited: i64,
    /// The acknowledgment that was delayed last: its time, and by how much.
    delayed: Option<(Timestamp, i64)>,
    /// Ranges sent twice with different bytes.
    pub conflicts: Vec<ConflictFact>,
    /// How many there were.
    pub conflict_count: u64,
    /// Frames whose end the snap length cut off.
    pub cut: Frames,
    /// Frames that carried an urgent byte.
    pub urgent: Frames,
    /// Frames that came in IP fragments.
    pub fragmented: Frames,
    /// Frames whose checksum does not fit, and that no offload explains.
    pub wrong_checksums: Frames,
    /// Datagrams that do not fit a packet of 1500 bytes, and were not fragmented here.
    pub oversized: Frames,
    /// Payload of the longest of them.
    pub largest: u32,
}

impl Troubles {
    /// The time without room that goes on.
    pub(crate) fn full(&self) -> Option<&ZeroWindow> {
        self.zero_windows.last().filter(|zero| zero.until.is_none())
    }
}

/// A time without room at the receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZeroWindow {
    /// The frame that announced it.
    pub from: Moment,
    /// The frame that announced room again; absent where none did.
    pub until: Option<Moment>,
}

/// A silence inside a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stall {
    /// The last frame with data before it.
    pub from: FrameNumber,
    /// The first frame with data after it.
    pub until: FrameNumber,
    /// How long, in nanoseconds.
    pub nanoseconds: i64,
    /// What the sender waited for.
    pub kind: StallKind,
}

/// What a sender waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StallKind {
    /// The receiver had no room.
    NoRoom,
    /// What was sent was not acknowledged: it, or its acknowledgment, was lost.
    Unacknowledged,
    /// Nothing: everything was acknowledged and there was room.
    Sender,
}

/// Bytes that came twice and differ, with what tells which copy the receiver has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConflictFact {
    /// The range, both bytes, both frames.
    pub conflict: Conflict,
    /// The receiver had acknowledged the range before the second copy came.
    pub acknowledged_before: bool,
    /// The checksum of the first copy's frame does not fit.
    pub first_wrong: bool,
    /// The checksum of the second copy's frame does not fit.
    pub second_wrong: bool,
}

impl ConflictFact {
    /// Whether it is known which copy the receiver has.
    pub fn is_decided(&self) -> bool {
        self.acknowledged_before || self.first_wrong != self.second_wrong
    }
}

/// A segment as its own direction saw it.
#[derive(Debug, Clone, Copy)]
pub struct Ours<'s> {
    /// The segment.
    pub segment: &'s Segment<'s>,
    /// What the decoder found remarkable.
    pub notes: &'s Notes,
    /// What it was.
    pub verdict: &'s Verdict,
    /// One past the highest byte that the other side had acknowledged before.
    pub acknowledged: Option<u64>,
    /// One past the highest byte that had been sent before.
    pub highest: u64,
    /// A picture is on its way in this direction.
    pub in_picture: bool,
    /// Silence longer than this counts as idle.
    pub idle: Duration,
}

impl Watch {
    /// At least one frame of it was captured.
    pub fn heard(&self) -> bool {
        self.heard
    }

    /// Whether it acknowledged anything.
    pub fn acknowledged_any(&self) -> bool {
        self.acknowledges
    }

    /// Last frame that carried payload, with its time.
    pub fn last_data(&self) -> Option<Moment> {
        (self.last_data.0 > 0).then(|| (self.last_data, self.last_data_time.get()))
    }

    /// Time of the first FIN or RST.
    pub fn closing(&self) -> Option<Timestamp> {
        self.closing.get()
    }

    /// What was remarkable.
    pub fn into_troubles(self) -> Troubles {
        self.troubles
            .map_or_else(Troubles::default, |troubles| *troubles)
    }

    /// Ranges that came twice and differ, where nothing tells which copy the receiver has: all of the stream, where there are
    /// more than are told one by one.
    pub fn undecided(&self) -> Vec<Range<u64>> {
        let Some(troubles) = self.troubles.as_deref() else {
            return Vec::new();
        };
        if troubles.conflict_count > troubles.conflicts.len() as u64 {
            return std::iter::once(0..u64::MAX).collect();
        }
        let undecided = troubles.conflicts.iter().filter(|fact| !fact.is_decided());
        undecided.map(|fact| fact.conflict.range.clone()).collect()
    }

    /// Since when this side has announced that it has no room, and no room since; absent where it has room.
    pub fn full_since(&self) -> Option<Timestamp> {
        self.troubles.as_deref()?.full()?.from.1
    }

    fn troubles(&mut self) -> &mut Troubles {
        self.troubles.get_or_insert_default()
    }

    /// Notes what the decoder found remarkable.
    pub fn notes(&mut self, notes: &Notes, frame: FrameNumber, capture: &mut CaptureFacts) {
        let checksums = [notes.ip_checksum, notes.transport_checksum];
        if checksums.contains(&Checksum::Wrong) {
            self.troubles().wrong_checksums.add(frame);
        }
        if checksums.contains(&Checksum::Unfinished) {
            capture.unfinished_checksums.add(frame);
        }
        if notes.fragmented {
            self.troubles().fragmented.add(frame);
        }
        if notes.ip_length_zero {
            capture.larger_than_mtu.add(frame);
        }
    }

    /// Takes a TCP segment that this direction's sender sent. `theirs` is the other direction. Returns whether it is a
    /// second copy of a frame that was captured before.
    pub fn segment(
        &mut self,
        seen: &Ours<'_>,
        theirs: &mut Self,
        capture: &mut CaptureFacts,
    ) -> bool {
        let segment = seen.segment;
        let (header, frame, time) = (&segment.header, segment.frame, segment.time);
        self.heard = true;
        let closes = (header.fin || header.rst) && !seen.notes.after_end;
        if closes && self.closing == Time::default() {
            self.closing = Time::of(time);
        }
        if self.is_copy(segment, seen.notes, verdict_equal(seen)) {
            capture.twice.add(frame);
            self.last_time = Time::of(time);
            return true;
        }
        if header.syn {
            self.mss = header.mss.unwrap_or(0);
        } else if !header.rst && !header.fin && !seen.notes.after_end {
            self.room(header, (frame, time));
        }
        if segment.payload_len > 0 {
            self.data(seen, theirs, capture);
        }
        self.last_time = Time::of(time);
        false
    }

    /// Takes what came twice and differs in segments that waited until it was known where the direction begins: what was acknowledged
    /// between them nobody can tell.
    pub fn waited(&mut self, conflicts: Vec<Conflict>) {
        for conflict in conflicts {
            let wrong = self.troubles().wrong_checksums.named();
            let second_wrong = wrong.contains(&conflict.second);
            self.conflict(conflict, false, second_wrong);
        }
    }

    fn conflict(&mut self, conflict: Conflict, acknowledged_before: bool, second_wrong: bool) {
        let troubles = self.troubles();
        troubles.conflict_count += 1;
        if troubles.conflicts.len() < TOLD {
            let first_wrong = troubles.wrong_checksums.named().contains(&conflict.first);
            troubles.conflicts.push(ConflictFact {
                conflict,
                acknowledged_before,
                first_wrong,
                second_wrong,
            });
        }
    }

    fn data(&mut self, seen: &Ours<'_>, theirs: &Self, capture: &mut CaptureFacts) {
        let (segment, verdict, frame) = (seen.segment, seen.verdict, seen.segment.frame);
        let length = segment.payload_len;
        if usize::try_from(length).is_ok_and(|length| length > segment.payload.len()) {
            self.troubles().cut.add(frame);
        }
        if theirs.mss > 0 && length > u32::from(theirs.mss) && !seen.notes.ip_length_zero {
            capture.larger_than_mtu.add(frame);
        }
        self.silence(seen, theirs);
        self.written_small(seen, theirs);
        let offset = verdict.offset.unwrap_or(0);
        if verdict.retransmission {
            let acknowledged = seen.acknowledged.unwrap_or(0);
            let troubles = self.troubles();
            troubles.retransmissions.add(frame);
            if offset + u64::from(length) <= acknowledged {
                troubles.spurious.add(frame);
            } else if theirs.duplicate_acks >= FAST && offset <= acknowledged {
                troubles.fast.add(frame);
            }
        }
        if verdict.urgent {
            self.troubles().urgent.add(frame);
        }
        if verdict.out_of_order {
            self.troubles().out_of_order.add(frame);
        }
        if let Some(conflict) = &verdict.arrival.conflict {
            let acknowledged = seen.acknowledged.unwrap_or(0) >= conflict.range.end;
            let second_wrong = seen.notes.transport_checksum == Checksum::Wrong;
            self.conflict(conflict.clone(), acknowledged, second_wrong);
        }
        if !seen.notes.after_end {
            (self.last_data, self.last_data_time) = (frame, Time::of(segment.time));
        }
        self.last_len = length;
    }

    /// Takes an acknowledgment that this direction's sender sent for the other direction, of which everything up to
    /// `highest` was sent and `acknowledged` was acknowledged before, `now` with it.
    pub fn acknowledges(
        &mut self,
        segment: &Segment<'_>,
        theirs: &mut Self,
        (highest, acknowledged, now): (u64, Option<u64>, Option<u64>),
    ) {
        let header = &segment.header;
        let Some(ack) = header.ack else { return };
        let bare = segment.payload_len == 0 && !header.syn && !header.fin && !header.rst;
        let on_its_way = highest > acknowledged.unwrap_or(0);
        let same = self.acknowledges && self.last_ack == ack;
        // RFC 5681, section 2: nothing in it, nothing changed, and data is on its way. A second copy of the frame
        // was taken out before.
        if bare && same && on_its_way && self.last_window() == header.window && header.window > 0 {
            self.duplicate_acks = self.duplicate_acks.saturating_add(1);
            self.troubles().duplicate_acks.add(segment.frame);
        } else if !same {
            self.duplicate_acks = 0;
        }
        self.acknowledges |= !header.rst;
        self.last_ack = ack;
        self.window = header.window;
        if bare
            && now > acknowledged
            && now >= Some(highest)
            && let (Some(sent), Some(time)) = (theirs.last_data_time.get(), segment.time)
            && (DELAYED..=DELAYED_MOST).contains(&time.since(sent))
            && theirs.last_len < u32::from(self.mss.max(536))
        {
            let delay = time.since(sent);
            theirs.troubles().delayed = Some((time, delay));
        }
    }

    fn last_window(&self) -> u16 {
        self.window
    }

    /// The room that this side announces.
    fn room(&mut self, header: &Tcp, moment: Moment) {
        if header.ack.is_none() {
            return;
        }
        if header.window == 0 {
            let troubles = self.troubles();
            troubles.zero_window_frames.add(moment.0);
            if troubles.full().is_none() && troubles.zero_windows.len() < TOLD {
                troubles.zero_windows.push(ZeroWindow {
                    from: moment,
                    until: None,
                });
            }
        } else if let Some(zero) = self
            .troubles
            .as_mut()
            .and_then(|troubles| troubles.zero_windows.last_mut())
        {
            zero.until.get_or_insert(moment);
        }
    }

    /// A silence inside a picture that this segment ends.
    fn silence(&mut self, seen: &Ours<'_>, theirs: &Self) {
        let (Some((from, Some(before))), Some(now)) = (self.last_data(), seen.segment.time) else {
            return;
        };
        let nanoseconds = now.since(before);
        let idle = u128::from(nanoseconds.max(0).unsigned_abs()) > seen.idle.as_nanos();
        if !idle || !seen.in_picture {
            return;
        }
        let no_room = theirs.troubles.as_ref().is_some_and(|troubles| {
            troubles.zero_windows.last().is_some_and(|zero| {
                zero.from.0 > from || zero.until.is_none_or(|until| until.0 > from)
            })
        });
        let kind = if no_room {
            StallKind::NoRoom
        } else if seen.highest > seen.acknowledged.unwrap_or(0) {
            StallKind::Unacknowledged
        } else {
            StallKind::Sender
        };
        let troubles = self.troubles();
        if troubles.stalls.len() < TOLD {
            troubles.stalls.push(Stall {
                from,
                until: seen.segment.frame,
                nanoseconds,
                kind,
            });
        }
    }

    /// A write that waited for an acknowledgment (RFC 896), which itself was delayed (RFC 1122, section 4.2.3.2).
    fn written_small(&mut self, seen: &Ours<'_>, theirs: &Self) {
        let Some(troubles) = &mut self.troubles else {
            return;
        };
        let (Some((acknowledged, delay)), Some(now)) = (troubles.delayed.take(), seen.segment.time)
        else {
            return;
        };
        let soon = (0..=RELEASED).contains(&now.since(acknowledged));
        let small = seen.segment.payload_len < u32::from(theirs.mss.max(536));
        if soon && small && !seen.verdict.retransmission {
            troubles.small_writes.add(seen.segment.frame);
            troubles.small_writes_waited = troubles.small_writes_waited.saturating_add(delay);
        }
    }

    /// Takes a UDP datagram. `most` is the longest payload that fits a packet of 1500 bytes.
    pub fn datagram(
        &mut self,
        (frame, time): Moment,
        length: u32,
        cut: bool,
        notes: &Notes,
        most: u32,
    ) {
        self.heard = true;
        if length > 0 && !notes.after_end {
            (self.last_data, self.last_data_time) = (frame, Time::of(time));
        }
        if cut {
            self.troubles().cut.add(frame);
        }
        if length > most && !notes.fragmented {
            let troubles = self.troubles();
            troubles.oversized.add(frame);
            troubles.largest = troubles.largest.max(length);
        }
    }

    /// Whether this very frame was captured before: on another interface, or on the other end of the path. A segment
    /// that is *sent* again has another IP identification.
    fn is_copy(&mut self, segment: &Segment<'_>, notes: &Notes, equal: bool) -> bool {
        let header = &segment.header;
        let timestamps = header.timestamps.map_or(0, |stamps| stamps.value);
        let flags = u32::from(header.syn)
            | u32::from(header.fin) << 1
            | u32::from(header.rst) << 2
            | u32::from(header.ack.is_some()) << 3;
        let id = notes.ip_id.unwrap_or(0);
        let print = [
            header.seq,
            header.ack.unwrap_or(0),
            segment.payload_len,
            u32::from(header.window) << 16 | u32::from(id),
            timestamps,
            flags,
        ]
        .into_iter()
        .fold(0x811c_9dc5_u32, |sum, word| {
            (sum ^ word).wrapping_mul(0x9e37_79b1).rotate_left(13)
        })
        // 0 stands for no frame.
        .max(1);
        let known = self.prints.contains(&print);
        if !known {
            if let Some(place) = self.prints.get_mut(usize::from(self.next_print)) {
                *place = print;
            }
            self.next_print = (self.next_print + 1) % 8;
            return false;
        }
        let carries = segment.payload_len > 0 || header.syn || header.fin;
        let within = |most: i64| {
            self.last_time
                .get()
                .zip(segment.time)
                .is_none_or(|(last, now)| (-most..=most).contains(&now.since(last)))
        };
        // Without an identification (IPv6, or 0 as RFC 6864 allows) only what comes at once is a copy; and what carries other
        // bytes than the first is none.
        equal && ((id != 0 && within(LATER)) || (carries && within(SOON)))
    }
}

/// Whether all of the segment's bytes were there before and are the same as then; a segment without any carries the same.
fn verdict_equal(seen: &Ours<'_>) -> bool {
    let arrival = &seen.verdict.arrival;
    let captured = seen.segment.payload.len() as u64;
    captured == 0
        || (arrival.new_bytes == 0 && arrival.unchecked_bytes == 0 && arrival.conflict.is_none())
}

impl Mark {
    /// The other side sent something: data, FIN or RST.
    pub fn answer(&mut self, moment: Moment) {
        if self.acknowledged.is_some() {
            self.answered.get_or_insert(moment);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lives_of_a_healthy_direction_is_small() {
        assert!(
            size_of::<Watch>() <= 96,
            "{} bytes for every direction that is followed",
            size_of::<Watch>()
        );
        assert!(Watch::default().troubles.is_none());
    }
}
