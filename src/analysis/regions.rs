//! The map of one direction while its bytes go by: what each of them is.
//!
//! Neighbours of one kind are one entry, so that a picture is one however many segments it came in; of more than
//! [`MOST_REGIONS`] entries the rest is only summed up.

use std::borrow::Cow;

use crate::findings::facts::StrayKind;
use crate::ledger::map::{MOST_CUT, MOST_REGIONS, Region, RegionKind, Sums};
use crate::reassembly::{GapCause, Log};
use crate::units::{FrameNumber, PictureId};
use crate::wire::Framing;

/// So many stray bytes are looked at to say what they look like.
const LOOKED_AT: u64 = 4096;

/// What the bytes of an entry are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Picture,
    Framing(&'static str),
    /// Sent before any picture that the other side sent.
    Request,
    Answer,
    Stray(StrayKind),
    Gap(GapCause),
}

/// Consecutive bytes of one kind.
#[derive(Debug, Clone, Copy)]
struct Entry {
    length: u64,
    what: What,
    image: Option<PictureId>,
    first: FrameNumber,
    last: FrameNumber,
}

/// The first and the last frame of each picture that the other side sent.
#[derive(Debug, Default)]
pub(super) struct Theirs {
    /// By first frame; beside it the highest last frame of this picture and all before it.
    frames: Vec<(FrameNumber, FrameNumber)>,
    /// There were more between these, of which nothing is known any more.
    more: bool,
}

impl Theirs {
    pub(super) fn new(mut frames: Vec<(FrameNumber, FrameNumber)>, more: bool) -> Self {
        frames.sort_unstable();
        let mut highest = FrameNumber(0);
        for (_, last) in &mut frames {
            highest = highest.max(*last);
            *last = highest;
        }
        Self { frames, more }
    }

    fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Whether one began before `begins` and ended after `before`.
    fn any_between(&self, before: Option<FrameNumber>, begins: FrameNumber) -> bool {
        let begun = self.frames.partition_point(|(first, _)| *first < begins);
        let Some((_, highest)) = begun.checked_sub(1).and_then(|last| self.frames.get(last)) else {
            return false;
        };
        self.more || before.is_none_or(|before| before < *highest)
    }

    /// Whether all began after this frame.
    fn all_behind(&self, begins: FrameNumber) -> bool {
        self.frames.first().is_none_or(|(first, _)| begins < *first)
    }
}

/// The map of one direction.
#[derive(Debug, Clone, Default)]
pub(super) struct Regions {
    entries: Vec<Entry>,
    /// What follows them and is only summed up; absent where all is listed.
    rest: Option<Box<Rest>>,
    /// How many of them are gaps that the snap length made.
    cut: u8,
    /// What follows is only summed up.
    full: bool,
}

/// What has no entry.
#[derive(Debug, Clone, Default)]
struct Rest {
    omitted: u64,
    sums: Sums,
}

impl What {
    fn kind(self) -> RegionKind {
        match self {
            Self::Picture => RegionKind::Picture,
            Self::Framing(_) | Self::Request => RegionKind::Framing,
            Self::Answer => RegionKind::Answer,
            Self::Stray(_) => RegionKind::Stray,
            Self::Gap(_) => RegionKind::Gap,
        }
    }

    fn words(self) -> Option<&'static str> {
        match self {
            Self::Picture | Self::Answer => None,
            Self::Framing(what) => Some(what),
            Self::Request => Some("request"),
            Self::Stray(kind) => Some(kind.name()),
            Self::Gap(cause) => Some(match cause {
                GapCause::NotCaptured => "not-captured",
                GapCause::NeverAcknowledged => "never-acknowledged",
                GapCause::SnapLength => "snap-length",
                GapCause::Limit => "limit",
                GapCause::Unknown => "unknown",
            }),
        }
    }
}

/// What a part of the framing is called in the map.
pub(super) fn of_framing(framing: &Framing) -> What {
    What::Framing(match framing {
        Framing::Marker => "marker",
        Framing::Length(_) => "length",
        Framing::Choice(_) => "choice",
        Framing::EndDatagram => "end",
        Framing::Name(_) => "name",
        Framing::Answer(_) | Framing::Field("answer") => return What::Answer,
        Framing::PieceHeader => "piece-header",
        Framing::PieceCount(_) => "piece-count",
        Framing::Header(_) => "header",
        Framing::Control | Framing::Confirmed { .. } => "control",
        Framing::Pickle => "pickle",
        Framing::Http => "http-header",
        Framing::Body => "body",
        Framing::Zmtp => "zmtp",
        Framing::Field(name) => name,
    })
}

impl Regions {
    /// The next `length` bytes are `what`; `frame` carried the last of them.
    #[inline]
    pub(super) fn add(
        &mut self,
        what: What,
        length: u64,
        image: Option<PictureId>,
        frame: FrameNumber,
    ) {
        if length == 0 {
            return;
        }
        if let Some(last) = self.entries.last_mut()
            && self.rest.is_none()
            && last.image == image
            && let Some(both) = join(last.what, what)
        {
            last.what = both;
            last.length += length;
            last.last = frame;
            return;
        }
        self.push(Entry {
            length,
            what,
            image,
            first: frame,
            last: frame,
        });
    }

    #[cold]
    fn push(&mut self, entry: Entry) {
        let cut = entry.what == What::Gap(GapCause::SnapLength);
        if self.entries.len() >= MOST_REGIONS || (cut && self.cut >= MOST_CUT) {
            self.full = true;
        }
        if self.full {
            let rest = self.rest.get_or_insert_default();
            rest.omitted += 1;
            *rest.sums.of(entry.what.kind()) += entry.length;
            return;
        }
        self.cut += u8::from(cut);
        if self.entries.is_empty() {
            // Most directions carry one thing.
            self.entries.reserve_exact(1);
        }
        self.entries.push(entry);
    }

    /// The next stray bytes.
    pub(super) fn stray(&mut self, bytes: &[u8], image: Option<PictureId>, frame: FrameNumber) {
        let looked_at = match self.entries.last() {
            Some(Entry {
                what: What::Stray(_),
                length,
                ..
            }) => *length,
            _ => 0,
        };
        let kind = match self.entries.last().map(|last| last.what) {
            // Enough was seen.
            Some(What::Stray(kind)) if looked_at >= LOOKED_AT || kind == StrayKind::Other => kind,
            _ => StrayKind::of(bytes),
        };
        self.add(What::Stray(kind), bytes.len() as u64, image, frame);
    }

    /// Stream offset up to which it goes.
    #[cfg(test)]
    pub(super) fn end(&self) -> u64 {
        let sums = self.sums();
        sums.picture + sums.framing + sums.answer + sums.stray + sums.gap
    }

    /// All of it by kind.
    pub(super) fn sums(&self) -> Sums {
        let mut sums = self
            .rest
            .as_ref()
            .map_or_else(Sums::default, |rest| rest.sums);
        for entry in &self.entries {
            *sums.of(entry.what.kind()) += entry.length;
        }
        sums
    }

    /// How many have no entry.
    pub(super) fn omitted(&self) -> u64 {
        self.rest.as_ref().map_or(0, |rest| rest.omitted)
    }

    /// What lies between pictures of the other side is an answer to them, and what lies before them a request, where
    /// it is no part of a picture's own surroundings.
    pub(super) fn answers(&mut self, theirs: &Theirs) {
        if theirs.is_empty() {
            return;
        }
        let mut before: Option<FrameNumber> = None;
        let mut picture_before = false;
        for entry in &mut self.entries {
            if matches!(entry.what, What::Stray(_)) {
                let what = if theirs.any_between(before, entry.first) {
                    Some(What::Answer)
                } else if !picture_before && theirs.all_behind(entry.first) {
                    Some(What::Request)
                } else {
                    None
                };
                entry.what = what.unwrap_or(entry.what);
            }
            picture_before |= entry.what == What::Picture;
            before = Some(entry.last);
        }
    }

    /// Stray bytes that are left: how many, where the first lie, and in which frame.
    #[cfg(test)]
    pub(super) fn first_stray(&self) -> Option<(u64, u64, StrayKind, FrameNumber)> {
        let mut offset = 0;
        for entry in &self.entries {
            if let What::Stray(kind) = entry.what {
                return Some((offset, entry.length, kind, entry.first));
            }
            offset += entry.length;
        }
        None
    }

    /// The map as it is told, with the frames that the log has for it.
    pub(super) fn into_map(self, log: &Log) -> Vec<Region> {
        let mut carriers = log.carriers();
        let mut offset = 0;
        self.entries
            .into_iter()
            .map(|entry| {
                let gap = entry.what.kind() == RegionKind::Gap;
                let mut frame = |at: u64, noted: FrameNumber| {
                    (!gap).then(|| carriers.frame_at(at).unwrap_or(noted))
                };
                let region = Region {
                    kind: entry.what.kind(),
                    offset,
                    length: entry.length,
                    what: entry.what.words().map(Cow::Borrowed),
                    image: entry.image,
                    first_packet: frame(offset, entry.first),
                    last_packet: frame(offset + entry.length - 1, entry.last),
                };
                offset += entry.length;
                region
            })
            .collect()
    }
}

/// What two neighbours are together; absent where they are two things.
fn join(one: What, other: What) -> Option<What> {
    match (one, other) {
        (What::Stray(one), What::Stray(other)) => Some(What::Stray(one.and(other))),
        _ => (one == other).then_some(one),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All bytes that are in the capture.
    fn captured(sums: Sums) -> u64 {
        sums.picture + sums.framing + sums.answer + sums.stray
    }

    const ONE: Option<PictureId> = Some(PictureId(1));

    fn frame(number: u64) -> FrameNumber {
        FrameNumber(number)
    }

    fn kinds(regions: Regions) -> Vec<(RegionKind, u64, u64)> {
        regions
            .into_map(&Log::default())
            .into_iter()
            .map(|region| (region.kind, region.offset, region.length))
            .collect()
    }

    #[test]
    fn neighbours_of_one_kind_are_one_and_cover_everything() {
        let mut regions = Regions::default();
        regions.add(What::Framing("length"), 4, None, frame(4));
        regions.add(What::Picture, 10, ONE, frame(5));
        regions.add(What::Picture, 0, ONE, frame(5));
        regions.add(What::Picture, 20, ONE, frame(6));
        regions.add(What::Gap(GapCause::NotCaptured), 6, ONE, frame(7));
        regions.stray(b"\0\0", None, frame(7));
        regions.stray(b"a", None, frame(8));
        assert_eq!(regions.end(), 43);
        let sums = regions.sums();
        assert_eq!((captured(sums), sums.gap), (37, 6));
        assert_eq!(
            regions.first_stray(),
            Some((40, 3, StrayKind::Other, frame(7)))
        );
        assert_eq!(
            kinds(regions),
            [
                (RegionKind::Framing, 0, 4),
                (RegionKind::Picture, 4, 30),
                (RegionKind::Gap, 34, 6),
                (RegionKind::Stray, 40, 3),
            ]
        );
    }

    #[test]
    fn text_behind_the_other_sides_picture_is_an_answer_and_before_it_a_request() {
        let theirs = Theirs::new(vec![(frame(10), frame(20))], false);
        let of = |begins: u64| {
            let mut regions = Regions::default();
            regions.stray(b"OK", None, frame(begins));
            regions.answers(&theirs);
            assert_eq!(captured(regions.sums()), 2);
            kinds(regions)[0].0
        };
        assert_eq!(of(5), RegionKind::Framing);
        assert_eq!(of(21), RegionKind::Answer);
        let mut regions = Regions::default();
        regions.add(What::Picture, 10, ONE, frame(30));
        regions.stray(b"X", None, frame(31));
        regions.answers(&theirs);
        assert_eq!(
            kinds(regions)[1].0,
            RegionKind::Stray,
            "behind its own picture"
        );
    }

    #[test]
    fn an_answer_follows_a_picture_that_ended_after_what_was_said_before() {
        let theirs = |more| {
            let frames = [(30, 40), (10, 20)].map(|(first, last)| (frame(first), frame(last)));
            Theirs::new(frames.to_vec(), more)
        };
        let known = theirs(false);
        assert!(known.any_between(None, frame(21)));
        assert!(!known.any_between(Some(frame(22)), frame(25)));
        assert!(known.any_between(Some(frame(22)), frame(41)));
        assert!(!known.any_between(None, frame(9)) && known.all_behind(frame(9)));
        assert!(!known.all_behind(frame(21)));
        // Between those that are known there may have been others.
        assert!(theirs(true).any_between(Some(frame(22)), frame(25)));
        assert!(!theirs(true).any_between(None, frame(9)));
    }

    #[test]
    fn a_map_of_cut_frames_ends_after_a_few_and_is_summed_up() {
        let mut regions = Regions::default();
        for number in 0..20 {
            regions.add(What::Picture, 30, ONE, frame(number));
            regions.add(What::Gap(GapCause::SnapLength), 70, ONE, frame(number));
        }
        regions.add(What::Picture, 30, ONE, frame(20));
        regions.add(What::Picture, 30, ONE, frame(21));
        let listed = usize::from(MOST_CUT) * 2 + 1;
        assert_eq!(regions.omitted(), 42 - listed as u64);
        assert_eq!((regions.sums().picture, regions.sums().gap), (660, 1400));
        let kinds = kinds(regions);
        assert_eq!(kinds.len(), listed);
        let (_, offset, length) = kinds[listed - 1];
        assert_eq!((offset, length), (1600, 30));
    }

    #[test]
    fn more_regions_than_are_listed_are_counted_and_summed() {
        let mut regions = Regions::default();
        for number in 0..MOST_REGIONS as u64 + 5 {
            regions.add(
                What::Picture,
                2,
                Some(PictureId(u32::try_from(number).unwrap())),
                frame(number),
            );
            regions.add(What::Framing("marker"), 1, None, frame(number));
        }
        assert_eq!(regions.omitted(), MOST_REGIONS as u64 + 10);
        assert_eq!(captured(regions.sums()), regions.end());
        assert_eq!(regions.into_map(&Log::default()).len(), MOST_REGIONS);
    }
}
