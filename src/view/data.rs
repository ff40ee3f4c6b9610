//! What the viewer shows: every frame of a capture with its place, and what the analysis found.

use crate::decode::{Decoder, Outcome};
use crate::dissect::ladder::{Ladder, Rung};
use crate::dissect::{Carried, Content, Filter, Index, Place, Seen};
use crate::frame::Frame;
use crate::units::{PictureId, StreamId, Timestamp};

/// A frame whose bytes stay, and where it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record {
    pub(super) frame: Frame<'static>,
    pub(super) place: Option<Place>,
}

/// A capture as it is shown.
#[derive(Debug, Default)]
pub(super) struct Data {
    pub(super) records: Vec<Record>,
    pub(super) index: Index,
    /// Whether all frames of the capture were read and analysed.
    pub(super) complete: bool,
    /// Frames that are not listed because there are too many.
    pub(super) left_out: u64,
    /// Whether a file is cut short or damaged.
    pub(super) truncated: bool,
}

impl Data {
    /// Shows a record with all that is known of it.
    pub(super) fn with<R>(&self, at: usize, show: impl FnOnce(&Seen<'_>) -> R) -> Option<R> {
        let record = self.records.get(at)?;
        let before = at
            .checked_sub(1)
            .and_then(|before| self.records.get(before));
        let times = (
            self.records.first().and_then(|first| first.frame.time),
            before.and_then(|before| before.frame.time),
        );
        let mut decoder = Decoder::default();
        let outcome = decoder.decode(&record.frame);
        let content = match &outcome {
            Outcome::Packet(packet) => Content::Packet(packet),
            Outcome::FragmentHeld => Content::Fragment,
            Outcome::Skipped(skip) => Content::Other(*skip),
        };
        let seen = Seen::new(record.frame, content, record.place, times, &self.index);
        Some(show(&seen))
    }

    /// The place in `records` of a frame; of the next one where there is none of this number.
    pub(super) fn at(&self, frame: u64) -> usize {
        self.records
            .partition_point(|record| record.frame.number.0 < frame)
            .min(self.records.len().saturating_sub(1))
    }

    /// The records that a filter chooses.
    pub(super) fn chosen(&self, filter: &Filter) -> Vec<usize> {
        (0..self.records.len())
            .filter(|at| self.with(*at, |seen| filter.chooses(seen)) == Some(true))
            .collect()
    }

    /// The ladder of a stream.
    pub(super) fn ladder(&self, stream: StreamId) -> Vec<Rung> {
        let mut ladder = Ladder::of(stream);
        for (at, record) in self.records.iter().enumerate() {
            if record.place.is_some_and(|place| place.stream == stream) {
                self.with(at, |seen| ladder.frame(seen));
            }
        }
        let last = self.records.last();
        ladder.finish(
            last.and_then(|record| record.frame.time),
            last.map_or(0, |record| record.frame.number.0),
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
    pub(super) fn telling(&self, frames: &[crate::units::FrameNumber]) -> Option<u64> {
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
        self.records.first().and_then(|record| record.frame.time)
    }
}
