//! What the viewer shows: every frame of a capture with its place, and what the analysis found.

use super::records::Records;
use crate::decode::{Decoder, Outcome};
use crate::dissect::ladder::{Ladder, Rung};
use crate::dissect::{Before, Carried, Content, Filter, Index, Seen};
use crate::units::{FrameNumber, PictureId, StreamId, Timestamp};

/// So many records before the one that completes a fragmented packet its other fragments are looked for.
const FRAGMENTS: usize = 1_000;

/// A capture as it is shown.
#[derive(Debug, Default)]
pub(super) struct Data {
    pub(super) records: Records,
    pub(super) index: Index,
    /// Whether all frames of the capture were read and analysed.
    pub(super) complete: bool,
    /// Frames that are not listed because there are too many.
    pub(super) left_out: u64,
    /// Frames that the kernel dropped while it captured, as far as the files say.
    /// Absent where none of them says it.
    pub(super) drops: Option<u64>,
    /// Whether a file is cut short or damaged.
    pub(super) truncated: bool,
}

impl Data {
    /// Shows a record with all that is known of it.
    pub(super) fn with<R>(&self, at: usize, show: impl FnOnce(&Seen<'_>) -> R) -> Option<R> {
        let before = at.checked_sub(1);
        self.with_shown(
            at,
            before.and_then(|before| self.records.time(before)),
            show,
        )
    }

    /// The same where the frame before that is shown came at this time.
    fn with_shown<R>(
        &self,
        at: usize,
        shown: Option<Timestamp>,
        show: impl FnOnce(&Seen<'_>) -> R,
    ) -> Option<R> {
        let frame = self.records.frame(at)?;
        let place = self.records.place(at);
        let before = at.checked_sub(1);
        let before = Before {
            first: self.start(),
            last: before.and_then(|before| self.records.time(before)),
            shown,
        };
        let mut decoder = Decoder::default();
        let mut outcome = decoder.decode(&frame);
        if place.is_some() && matches!(outcome, Outcome::FragmentHeld) {
            // It completes a packet: the fragments before it come first.
            decoder = Decoder::default();
            for earlier in at.saturating_sub(FRAGMENTS)..at {
                if let Some(earlier) = self.records.frame(earlier) {
                    decoder.decode(&earlier);
                }
            }
            outcome = decoder.decode(&frame);
        }
        let content = match &outcome {
            Outcome::Packet(packet) => Content::Packet(packet),
            Outcome::FragmentHeld => Content::Fragment,
            Outcome::Skipped(skip) => Content::Other(*skip),
        };
        let seen = Seen::new(frame, content, place, before, &self.index);
        Some(show(&seen))
    }

    /// The place in `records` of a frame; of the next one where there is none of this number.
    pub(super) fn at(&self, frame: u64) -> usize {
        self.records.at(frame)
    }

    /// The records that a filter chooses.
    pub(super) fn chosen(&self, filter: &Filter) -> Vec<usize> {
        self.chosen_from(filter, 0)
    }

    /// The records from `first` on that a filter chooses.
    pub(super) fn chosen_from(&self, filter: &Filter, first: usize) -> Vec<usize> {
        let mut shown = None;
        (first..self.records.len())
            .filter(|at| {
                let chosen = self.with_shown(*at, shown, |seen| filter.chooses(seen)) == Some(true);
                if chosen {
                    shown = self.records.time(*at);
                }
                chosen
            })
            .collect()
    }

    /// The ladder of a stream.
    pub(super) fn ladder(&self, stream: StreamId) -> Vec<Rung> {
        let mut ladder = Ladder::of(stream);
        for at in self.records.of_stream(stream) {
            self.with(at, |seen| ladder.frame(seen));
        }
        let last = self.records.len().checked_sub(1);
        ladder.finish(
            last.and_then(|last| self.records.time(last)),
            last.map_or(0, |last| self.records.number(last)),
        )
    }

    /// The picture of which a frame carries bytes.
    pub(super) fn picture_of(&self, at: usize) -> Option<PictureId> {
        self.with(at, |seen| {
            let carried = Carried::of(seen);
            carried
                .pieces
                .iter()
                .find_map(|piece| piece.image.map(|image| image.id))
        })?
    }

    /// The frame of a proof that tells most: the first that carries framing, else the first that carries bytes.
    pub(super) fn telling(&self, frames: &[FrameNumber]) -> Option<u64> {
        use crate::dissect::Role;
        let role = |frame: u64| {
            self.with(self.at(frame), |seen| Carried::of(seen).role())
                .flatten()
        };
        let find = |wanted: &dyn Fn(Role) -> bool| {
            let mut all = frames.iter().map(|frame| frame.0);
            all.find(|frame| role(*frame).is_some_and(wanted))
        };
        find(&|role| role == Role::Framing)
            .or_else(|| find(&|role| matches!(role, Role::Picture | Role::Answer | Role::Stray)))
            .or_else(|| frames.first().map(|frame| frame.0))
    }

    /// When the first frame was captured.
    pub(super) fn start(&self) -> Option<Timestamp> {
        self.records.time(0)
    }
}
