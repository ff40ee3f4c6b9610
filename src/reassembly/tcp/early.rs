//! Segments of one direction that wait: for the beginning of the direction, for what tells whether the bytes of a SYN were accepted,
//! and for another that confirms a number far ahead.

use std::borrow::Cow;

use super::{FAR, Half, Segment, Verdict};
use crate::decode::Tcp;
use crate::reassembly::assembler::{Conflict, Delivery, Keep, keep_borrowed, keep_copied};
use crate::units::{FrameNumber, Timestamp};

/// Where the beginning of a direction was not captured, so many segments wait for earlier ones that were captured later,
pub(super) const EARLY: usize = 4;
/// for so many frames of the connection.
pub(super) const EARLY_PATIENCE: u32 = 8;

/// A segment that waits until it is known where the direction begins.
#[derive(Debug, Clone)]
pub(super) struct Early<'cap> {
    pub(super) header: Tcp,
    pub(super) payload: Cow<'cap, [u8]>,
    pub(super) payload_len: u32,
    pub(super) frame: FrameNumber,
    pub(super) time: Option<Timestamp>,
    pub(super) wire_len: u32,
}

impl<'cap> Early<'cap> {
    pub(super) fn of<'x>(segment: &Segment<'x>, keep: Keep<'x, 'cap>) -> Self {
        Self {
            header: segment.header,
            payload: keep(segment.payload),
            payload_len: segment.payload_len,
            frame: segment.frame,
            time: segment.time,
            wire_len: segment.wire_len,
        }
    }
}

impl<'cap> Half<'cap> {
    /// Whether segments wait until it is known where the direction begins.
    pub(super) fn is_early(&self) -> bool {
        self.rare
            .as_ref()
            .is_some_and(|rare| !rare.early.is_empty())
    }

    /// Takes a SYN that carries bytes: they are of the stream if the other side acknowledges them, or its sender goes on behind
    /// them. Else they were dropped, and come again (RFC 9293, section 3.10.7.2; RFC 7413, section 4.2.2).
    pub(super) fn opening<'x>(
        &mut self,
        segment: &Segment<'x>,
        keep: Keep<'x, 'cap>,
        sink: &mut dyn FnMut(Delivery<'_>),
    ) -> Verdict {
        let rare = self.rare();
        if rare.opening.is_none() && !rare.opened {
            rare.opening = Some(Early::of(segment, keep));
        }
        let bare = Segment {
            payload: &[],
            payload_len: 0,
            ..*segment
        };
        self.place(&bare, keep, sink)
    }

    /// What a later segment tells of the bytes of a SYN.
    pub(super) fn opened_by(&mut self, segment: &Segment<'_>, sink: &mut dyn FnMut(Delivery<'_>)) {
        let (Some(base), true) = (self.base, self.is_opening()) else {
            return;
        };
        let header = &segment.header;
        let goes_on = segment.payload_len > 0 || header.fin;
        if goes_on && !header.syn {
            let opened = self.offset_of(base, header.seq) > 0;
            let rare = self.rare();
            rare.opened = opened;
            if !opened {
                // They come again.
                rare.opening = None;
            }
        }
        self.open(sink);
    }

    /// Whether a SYN carried bytes of which it is not known yet whether they were accepted.
    pub(super) fn is_opening(&self) -> bool {
        self.rare
            .as_ref()
            .is_some_and(|rare| rare.opening.is_some())
    }

    /// Puts the accepted bytes of a SYN into the stream.
    pub(super) fn open(&mut self, sink: &mut dyn FnMut(Delivery<'_>)) {
        if let Some(rare) = &mut self.rare
            && rare.opened
            && let Some(opening) = rare.opening.take()
        {
            self.place_early(opening, sink);
        }
    }

    /// Whether a segment lies so far ahead that its number is not believed yet. The one that waits is confirmed by another near
    /// it, and was none of this stream where the next one goes on as before.
    pub(super) fn is_ahead<'x>(
        &mut self,
        segment: &Segment<'x>,
        keep: Keep<'x, 'cap>,
        sink: &mut dyn FnMut(Delivery<'_>),
    ) -> bool {
        let Some(base) = self.base else { return false };
        let header = &segment.header;
        let far = |half: &Self, seq: u32| {
            let highest = half.assembler.highest().max(half.acked().unwrap_or(0));
            u64::try_from(half.offset_of(base, seq))
                .is_ok_and(|at| at > highest.saturating_add(FAR))
        };
        if segment.payload_len == 0 && !header.fin {
            return false;
        }
        if !far(self, header.seq) {
            self.forget_ahead();
            return false;
        }
        if let Some(ahead) = self.rare().ahead.take() {
            let apart = header.seq.wrapping_sub(ahead.header.seq).cast_signed();
            if u64::from(apart.unsigned_abs()) <= FAR {
                self.place_early(ahead, sink);
                return false;
            }
            self.rare().ahead = Some(ahead);
            self.forget_ahead();
        }
        self.rare().ahead = Some(Early::of(segment, keep));
        true
    }

    /// What waited far ahead is no part of the stream: nobody can have taken it.
    pub(super) fn forget_ahead(&mut self) {
        if let Some(rare) = &mut self.rare
            && let Some(ahead) = rare.ahead.take()
        {
            let bytes = ahead.payload.len() as u64;
            rare.repeats.duplicate_bytes += bytes;
            rare.repeats.unchecked_bytes += bytes;
            self.data_packets += u64::from(bytes > 0);
            self.payload_bytes += bytes;
        }
    }

    /// Takes a segment that waited.
    pub(super) fn place_early(&mut self, early: Early<'cap>, sink: &mut dyn FnMut(Delivery<'_>)) {
        let bare = Segment {
            header: early.header,
            payload: &[],
            payload_len: early.payload_len,
            frame: early.frame,
            time: early.time,
            wire_len: early.wire_len,
        };
        match early.payload {
            Cow::Borrowed(payload) => {
                let verdict = self.place(&Segment { payload, ..bare }, keep_borrowed, sink);
                self.clash(verdict.arrival.conflict);
            }
            Cow::Owned(payload) => {
                let payload = payload.as_slice();
                let verdict = self.place(&Segment { payload, ..bare }, keep_copied, sink);
                self.clash(verdict.arrival.conflict);
            }
        }
    }

    fn clash(&mut self, conflict: Option<Conflict>) {
        if let Some(conflict) = conflict {
            self.rare().conflicts.push(conflict);
        }
    }

    /// Whether [`Self::take_conflicts`] has any.
    #[inline]
    pub(crate) fn has_conflicts(&self) -> bool {
        let rare = self.rare.as_ref();
        rare.is_some_and(|rare| !rare.conflicts.is_empty())
    }

    /// What came twice and differs in segments that waited for the beginning of the direction, since it was last asked for.
    pub(crate) fn take_conflicts(&mut self) -> Vec<Conflict> {
        let rare = self.rare.as_mut();
        rare.map_or_else(Vec::new, |rare| std::mem::take(&mut rare.conflicts))
    }

    /// It is known now where the direction begins, or nothing more is waited for.
    pub(super) fn begin(&mut self, sink: &mut dyn FnMut(Delivery<'_>)) {
        let Some(rare) = &mut self.rare else { return };
        let early = std::mem::take(&mut rare.early);
        let Some(first) = early.first().map(|early| early.header.seq) else {
            return;
        };
        if self.base.is_none() {
            let before = early
                .iter()
                .map(|early| early.header.seq.wrapping_sub(first).cast_signed())
                .min()
                .unwrap_or(0);
            self.base = Some(first.wrapping_add_signed(before));
        }
        for early in early {
            self.place_early(early, sink);
        }
        if let Some(ack) = self.rare().early_ack.take() {
            self.acknowledge(ack);
        }
    }
}
