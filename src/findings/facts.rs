//! What the rules look at: facts of one stream, gathered while its frames went by.
//!
//! Filled by `analysis`, read by the rules; small whatever the stream's length.

use crate::decode::{Checksum, Notes};
use crate::ledger::Closed;
use crate::picture::{Info, Status};
use crate::reassembly::tcp::{Segment, Verdict};
use crate::reassembly::{Conflict, Gap};
use crate::units::{ByteRange, FrameNumber, PictureId, Timestamp};
use crate::wire::{Ending, Fault, Order, Protocol};

/// How many frames a finding names: the first ones, and the last.
const NAMED: usize = 16;
/// How many conflicts of one direction are told one by one.
const CONFLICTS: usize = 16;

/// Frames of one kind: how many there were, the first ones and the last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frames(Option<Box<Named>>);

/// Boxed, because most streams have nothing remarkable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Named {
    count: u64,
    frames: Vec<FrameNumber>,
}

impl Frames {
    /// One more.
    pub fn add(&mut self, frame: FrameNumber) {
        let named = self.0.get_or_insert_default();
        named.count += 1;
        if named.frames.len() > NAMED {
            named.frames.pop();
        }
        if named.frames.last() != Some(&frame) {
            named.frames.push(frame);
        }
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.0.as_ref().map_or(0, |named| named.count)
    }

    /// The first sixteen, and the last.
    pub fn named(&self) -> &[FrameNumber] {
        self.0.as_ref().map_or(&[], |named| &named.frames)
    }
}

/// Facts of one stream.
#[derive(Debug, Default)]
pub struct StreamFacts {
    /// Both directions, in the order of the stream's account.
    pub directions: Vec<DirectionFacts>,
    /// The capture went on for longer than the idle limit after the stream's last frame.
    pub idle_at_end: bool,
    /// A limit on waiting bytes was hit.
    pub limited: bool,
}

/// Facts of one direction.
#[derive(Debug, Default)]
pub struct DirectionFacts {
    /// At least one frame of it was captured.
    pub heard: bool,
    /// It was captured from its SYN on.
    pub saw_syn: bool,
    /// First RST sent in it.
    pub reset: Option<FrameNumber>,
    /// First FIN sent in it.
    pub fin: Option<FrameNumber>,
    /// The other side acknowledged the FIN.
    pub fin_acknowledged: bool,
    /// One past the highest byte acknowledged; absent where nothing was.
    pub acknowledged: Option<u64>,
    /// One past the highest byte sent.
    pub span: u64,
    /// Repeated bytes that could not be compared with their first copy.
    pub unchecked_bytes: u64,
    /// Bytes that came after they had been given up as missing.
    pub late_bytes: u64,
    /// Frames that repeated bytes.
    pub retransmissions: Frames,
    /// Frames that filled a hole.
    pub out_of_order: Frames,
    /// Ranges sent twice with different bytes.
    pub conflicts: Vec<Conflict>,
    /// How many there were.
    pub conflict_count: u64,
    /// Frames whose end the snap length cut off.
    pub cut: Frames,
    /// Frames that came in IP fragments.
    pub fragmented: Frames,
    /// Frames whose checksum does not fit, and that no offload explains.
    pub wrong_checksums: Frames,
    /// Frames whose checksum offload left unfinished.
    pub unfinished_checksums: u64,
    /// Last frame that carried payload, with its time.
    pub last_data: Option<(FrameNumber, Option<Timestamp>)>,
    /// Last frame of the direction, with its time.
    pub last_frame: Option<(FrameNumber, Option<Timestamp>)>,
    /// Bytes outside any picture and any framing.
    pub strays: u64,
    /// Stream offset of the first of them.
    pub first_stray: Option<u64>,
    /// The first few of them.
    pub stray_sample: Vec<u8>,
    /// What was wrong with the framing, with stream offsets.
    pub faults: Vec<(u64, Fault)>,
    /// End markers seen.
    pub markers: u64,
    /// Numbered pieces that came out of turn.
    pub numbering: Numbering,
    /// Its pictures.
    pub pictures: Vec<PictureFacts>,
}

/// Numbered pieces (`udp-index`, `framed` over UDP) that came out of turn, and the frames that carried them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Numbering {
    /// Pieces that came although one before them had not, and may never.
    pub ahead: Frames,
    /// Pieces that came after one behind them.
    pub late: Frames,
    /// Pieces that came again.
    pub repeats: Frames,
}

impl Numbering {
    /// A piece came, in this place among the others.
    pub fn add(&mut self, frame: FrameNumber, order: Order) {
        match order {
            Order::Next => {}
            Order::Ahead => self.ahead.add(frame),
            Order::Late | Order::TooLate => self.late.add(frame),
            Order::Repeat => self.repeats.add(frame),
        }
    }
}

/// Facts of one picture.
#[derive(Debug)]
pub struct PictureFacts {
    /// Numbered pieces that never came, and their bytes as far as they are known; absent where none is missing.
    pub lost: Option<(u64, u64)>,
    /// Its number.
    pub id: PictureId,
    /// Its wire format.
    pub protocol: Protocol,
    /// Its place in the stream.
    pub range: ByteRange,
    /// What the format declared.
    pub declared: Option<u64>,
    /// What ended it.
    pub ending: Ending,
    /// What its structure says; absent where it is no known picture.
    pub structure: Option<(Status, Info)>,
    /// Missing ranges, as picture offsets.
    pub gaps: Vec<Gap>,
    /// First bytes after its structural end.
    pub trailing: Vec<u8>,
    /// The frame that was at hand when it ended.
    pub ended: FrameNumber,
}

impl DirectionFacts {
    /// Notes what the decoder found remarkable.
    pub fn notes(&mut self, notes: &Notes, frame: FrameNumber) {
        let checksums = [notes.ip_checksum, notes.transport_checksum];
        if checksums.contains(&Checksum::Wrong) {
            self.wrong_checksums.add(frame);
        }
        if checksums.contains(&Checksum::Unfinished) {
            self.unfinished_checksums += 1;
        }
        if notes.fragmented {
            self.fragmented.add(frame);
        }
    }

    /// Takes a TCP segment and what it was.
    pub fn segment(&mut self, segment: &Segment<'_>, verdict: &Verdict) {
        let frame = segment.frame;
        self.heard = true;
        self.last_frame = Some((frame, segment.time));
        if segment.payload_len > 0 {
            self.last_data = self.last_frame;
        }
        if usize::try_from(segment.payload_len).is_ok_and(|length| length > segment.payload.len()) {
            self.cut.add(frame);
        }
        if verdict.retransmission {
            self.retransmissions.add(frame);
        }
        if verdict.out_of_order {
            self.out_of_order.add(frame);
        }
        if let Some(conflict) = &verdict.arrival.conflict {
            self.conflict_count += 1;
            if self.conflicts.len() < CONFLICTS {
                self.conflicts.push(conflict.clone());
            }
        }
    }

    /// Takes a UDP datagram.
    pub fn datagram(
        &mut self,
        frame: FrameNumber,
        time: Option<Timestamp>,
        length: u32,
        cut: bool,
    ) {
        self.heard = true;
        self.last_frame = Some((frame, time));
        if length > 0 {
            self.last_data = self.last_frame;
        }
        if cut {
            self.cut.add(frame);
        }
    }

    /// How the direction was closed; absent where the capture does not show it.
    pub fn closed(&self) -> Option<Closed> {
        match (self.reset, self.fin) {
            (Some(_), _) => Some(Closed::Reset),
            (None, Some(_)) => Some(Closed::Fin),
            (None, None) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_name_the_first_ones_and_the_last() {
        let mut frames = Frames::default();
        for number in 1..=100 {
            frames.add(FrameNumber(number));
        }
        assert_eq!(frames.count(), 100);
        assert_eq!(frames.named().len(), NAMED + 1);
        assert_eq!(frames.named().first(), Some(&FrameNumber(1)));
        assert_eq!(frames.named().last(), Some(&FrameNumber(100)));
    }
}
