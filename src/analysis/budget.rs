//! The memory that accounts may take, all together, and what is done once it is taken.
//!
//! First the detail goes from which chunks are counted; then streams are only summed up. Never a verdict gets better by
//! it: of each verdict that a picture has, one such picture is kept whatever it costs, and the run is inconclusive at best.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::follower::Account;
use crate::ledger::{Folded, Image, Verdict};

/// A limit that all who keep accounts share.
#[derive(Debug, Clone)]
pub struct Budget(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limit: u64,
    used: AtomicU64,
}

/// What there is room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// All of it.
    Whole,
    /// All but the detail.
    Sums,
    /// Nothing.
    Full,
}

impl Budget {
    /// So many bytes, estimated.
    pub fn new(limit: u64) -> Self {
        Self(Arc::new(Inner {
            limit,
            used: AtomicU64::new(0),
        }))
    }

    /// The same limit with as much taken, for a copy of those who keep accounts: what it takes and gives back is its own.
    pub(super) fn apart(&self) -> Self {
        Self(Arc::new(Inner {
            limit: self.0.limit,
            used: AtomicU64::new(self.0.used.load(Ordering::Relaxed)),
        }))
    }

    /// The limit in bytes.
    pub fn limit(&self) -> u64 {
        self.0.limit
    }

    fn take(&self, bytes: u64) -> Room {
        let used = self
            .0
            .used
            .fetch_add(bytes, Ordering::Relaxed)
            .saturating_add(bytes);
        if used > self.0.limit {
            Room::Full
        } else if used > self.0.limit / 4 * 3 {
            Room::Sums
        } else {
            Room::Whole
        }
    }

    /// Notes that a holder has `now` bytes instead of `before`; returns by how much the limit is exceeded then.
    pub(super) fn weigh(&self, before: u64, now: u64) -> u64 {
        let used = if now >= before {
            let more = now - before;
            self.0
                .used
                .fetch_add(more, Ordering::Relaxed)
                .saturating_add(more)
        } else {
            let less = before - now;
            self.0
                .used
                .fetch_sub(less, Ordering::Relaxed)
                .saturating_sub(less)
        };
        used.saturating_sub(self.0.limit)
    }

    /// Takes so many bytes where there is room for them; returns whether there was.
    pub(super) fn hold(&self, bytes: u64) -> bool {
        let room = self.take(bytes) != Room::Full;
        if !room {
            self.give_back(bytes);
        }
        room
    }

    pub(super) fn give_back(&self, bytes: u64) {
        self.0.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Default for Budget {
    /// Without a limit.
    fn default() -> Self {
        Self::new(u64::MAX)
    }
}

/// Equal where the limits are: what is taken belongs to a run.
impl PartialEq for Budget {
    fn eq(&self, other: &Self) -> bool {
        self.limit() == other.limit()
    }
}

impl Eq for Budget {}

/// What one follower kept so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Kept {
    verdicts: Vec<Verdict>,
}

impl Kept {
    /// Keeps an account, without its detail where memory runs out, or adds it to the sums.
    pub(super) fn keep(
        &mut self,
        mut account: Account,
        budget: &Budget,
        folded: &mut Folded,
    ) -> Option<Account> {
        if budget.limit() == u64::MAX {
            return Some(account);
        }
        let unlisted = account.stream.directions.iter().filter(|way| way.unlisted);
        folded.unlisted += unlisted.count() as u64;
        let weight = weight(&account);
        let room = budget.take(weight);
        if room != Room::Whole {
            let detail = account
                .images
                .iter_mut()
                .filter_map(|image| image.chunks.take());
            let freed: usize = detail.map(|chunks| chunks.memory()).sum();
            folded.without_chunks += account.images.len() as u64;
            budget.give_back((freed as u64).min(weight));
        }
        if room == Room::Whole {
            let without = account.images.iter().filter(|image| image.chunks.is_none());
            folded.without_chunks += without.count() as u64;
        }
        let new = |image: &Image| !self.verdicts.contains(&image.verdict);
        if room == Room::Full && !account.images.iter().any(new) {
            budget.give_back(self::weight(&account));
            folded.add(&account.stream, &account.images);
            return None;
        }
        for image in &account.images {
            if !self.verdicts.contains(&image.verdict) {
                self.verdicts.push(image.verdict);
            }
        }
        Some(account)
    }
}

/// Memory that an account takes, nearly.
fn weight(account: &Account) -> u64 {
    let directions = account
        .stream
        .directions
        .iter()
        .map(|direction| size_of_val(direction) + size_of_val(direction.gaps.as_slice()) + 128);
    let images = account.images.iter().map(|image| {
        let chunks = image
            .chunks
            .as_ref()
            .map_or(0, crate::ledger::Chunks::memory);
        size_of::<Image>() + size_of_val(image.gaps.as_slice()) + chunks + 128
    });
    let findings = account.findings.iter().map(|finding| {
        size_of_val(finding) + finding.message.len() + finding.fix.len() + finding.packets.len() * 8
    });
    let all: usize = directions.chain(images).chain(findings).sum();
    (all + size_of::<Account>()) as u64
}
