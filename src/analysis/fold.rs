//! Sums up pictures of one direction while it goes on, where the memory for accounts is taken.
//!
//! One direction may carry a million of them, so that it does not do to wait for its end. Kept whatever they cost are the last
//! one, of which more may become known, and one of each kind: whatever becomes of the stream, no verdict that one of them gets is
//! missing from the report, and no sort of finding.

use super::account::{self, Place};
use super::budget::Budget;
use super::picture::Picture;
use crate::ledger::{Folded, Image, TransportKind, Verdict};
use crate::picture::Status;
use crate::units::StreamId;
use crate::wire::StreamEnd;

/// Memory that the account of a picture takes beside itself, about: digests, and its share of the report.
const BESIDE: usize = 512;

/// What of a direction's pictures was looked at.
#[derive(Debug, Clone, Default)]
pub(super) struct Fold {
    /// So many of the pictures that are left were weighed.
    weighed: usize,
    /// What they weigh.
    held: u64,
    /// How many were summed up.
    folded: u64,
    kinds: Vec<Kind>,
}

/// What the verdict of a picture, and what is found of it, can depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "what a verdict depends on is a list of yes and no, among others"
)]
struct Kind {
    /// Whatever becomes of the stream.
    verdicts: Vec<Verdict>,
    structure: Option<std::mem::Discriminant<Status>>,
    ending: std::mem::Discriminant<crate::wire::Ending>,
    goes_on: bool,
    is_text: bool,
    lacks: bool,
    fits: bool,
    media: bool,
}

impl Fold {
    /// How many pictures were summed up.
    pub(super) fn folded(&self) -> u64 {
        self.folded
    }

    /// Sums up what there is no room for of the pictures that ended since.
    pub(super) fn fold(&mut self, pictures: &mut Vec<Picture>, budget: &Budget, sums: &mut Folded) {
        if budget.limit() == u64::MAX || pictures.len() <= self.weighed + 1 {
            return;
        }
        let mut recent = pictures.split_off(self.weighed);
        let last = recent.pop();
        for picture in recent {
            let weight = weight(&picture);
            if budget.hold(weight) {
                self.held = self.held.saturating_add(weight);
                pictures.push(picture);
                continue;
            }
            let kind = Kind::of(&picture);
            if self.kinds.contains(&kind) {
                let range = picture.range.end - picture.range.start;
                self.folded += 1;
                sums.images += 1;
                let bytes = picture.decoded.unwrap_or(range);
                sums.image_bytes = sums.image_bytes.saturating_add(bytes);
            } else {
                self.kinds.push(kind);
                pictures.push(picture);
            }
        }
        self.weighed = pictures.len();
        pictures.extend(last);
    }

    /// The direction is over: whoever keeps its account weighs that.
    pub(super) fn over(&mut self, budget: &Budget) {
        budget.give_back(std::mem::take(&mut self.held));
    }
}

impl Kind {
    fn of(picture: &Picture) -> Self {
        let length = picture.range.end - picture.range.start;
        Self {
            verdicts: verdicts(picture),
            structure: picture
                .structure
                .map(|(status, _)| std::mem::discriminant(&status)),
            ending: std::mem::discriminant(&picture.ending),
            goes_on: !picture.trailing.is_empty(),
            is_text: picture.text_damage.is_some(),
            lacks: picture.lost.is_some() || !picture.gaps.is_empty(),
            fits: picture
                .declared
                .is_none_or(|declared| declared == picture.decoded.unwrap_or(length)),
            media: picture.media.is_some(),
        }
    }
}

/// The verdicts that a picture gets, by all that may become of its stream.
fn verdicts(picture: &Picture) -> Vec<Verdict> {
    let ends = [
        None,
        Some(StreamEnd::Fin),
        Some(StreamEnd::Reset),
        Some(StreamEnd::Unfinished),
        Some(StreamEnd::Idle),
    ];
    let nowhere = std::net::SocketAddr::from(([0, 0, 0, 0], 0));
    let mut verdicts = Vec::with_capacity(ends.len() * 32);
    for end in ends {
        for bits in 0..32_u8 {
            let is = |bit: u8| bits & (1 << bit) != 0;
            let place = Place {
                stream: StreamId(0),
                transport: if is(4) {
                    TransportKind::Udp
                } else {
                    TransportKind::Tcp
                },
                from: nowhere,
                to: nowhere,
                quiet: if is(0) {
                    account::Quiet::Silent
                } else {
                    account::Quiet::No
                },
                end,
                over: is(1),
                all_seen: is(2),
                end_unsure: is(3),
            };
            verdicts.push(account::verdict(picture, &place));
        }
    }
    verdicts
}

fn weight(picture: &Picture) -> u64 {
    let all = size_of::<Picture>()
        + size_of::<Image>()
        + picture.gaps.memory() * 2
        + picture.trailing.len()
        + BESIDE;
    all as u64
}
