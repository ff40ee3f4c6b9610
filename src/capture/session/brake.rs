//! When to hold whoever makes the traffic, and when to let it go on.
//!
//! How full the kernel's ring is cannot be asked. It is estimated: the age of a frame as it is read, times the rate
//! at which frames came lately, is what waits behind it. It is looked at with every mebibyte, so that at 3 GB/s a ring of
//! 256 MiB is looked at some hundred times before it is full.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::{Batch, Hold, Reading, writer};
use crate::units::Timestamp;

/// Batches by which the rate is measured.
const WINDOW: usize = 16;
/// Of the ring, the part that may wait before the hold begins: what comes until it is in force has to fit into the rest.
const PART: u64 = 8;
/// Bytes that tell a rate.
const TELLING: u64 = 512 << 10;
/// A read that brings fewer frames found no more: [`crate::source::live::Live::poll`] hands out that many.
const FULL_READ: u64 = 1024;
/// Batches that wait for the writer or the consumer, at which the hold begins, and at which it ends: so many that neither
/// runs out of work before the first frames come again.
const DEEP: usize = 48;
const SHALLOW: usize = 24;
/// The ring's size where it is not known.
const RING: u64 = 64 << 20;

/// How many batches wait for whom.
#[derive(Debug, Default)]
pub(super) struct Depth {
    pub(super) writer: AtomicUsize,
    pub(super) consumer: AtomicUsize,
}

impl Depth {
    fn most(&self) -> usize {
        self.writer
            .load(Ordering::Relaxed)
            .max(self.consumer.load(Ordering::Relaxed))
    }
}

/// The brake. Holds and lets go in turn, never twice the same.
pub(super) struct Brake<'h> {
    hold: &'h mut dyn Hold,
    ring_bytes: u64,
    since: Option<Instant>,
    /// Of the last batches: time of the first frame, captured bytes.
    lately: VecDeque<(Timestamp, u64)>,
    pub(super) holds: u64,
    pub(super) held: Duration,
}

impl<'h> Brake<'h> {
    pub(super) fn new(hold: &'h mut dyn Hold, ring_bytes: Option<u64>) -> Self {
        Self {
            hold,
            ring_bytes: ring_bytes.unwrap_or(RING),
            since: None,
            lately: VecDeque::with_capacity(WINDOW + 1),
            holds: 0,
            held: Duration::ZERO,
        }
    }

    /// Whether it is held.
    pub(super) fn holds_now(&self) -> bool {
        self.since.is_some()
    }

    /// A batch is about to be handed on.
    pub(super) fn batch(&mut self, batch: &Batch, depth: &Depth) {
        let waiting = match (batch.times(), writer::now()) {
            (Some((first, last)), Some(now)) => {
                self.lately
                    .push_back((first, batch.captured_bytes() as u64));
                if self.lately.len() > WINDOW {
                    self.lately.pop_front();
                }
                waiting(&self.lately, last, now)
            }
            _ => 0,
        };
        if depth.most() >= DEEP || waiting > self.ring_bytes / PART {
            self.hold();
        }
    }

    /// Something was read, or nothing.
    pub(super) fn read(&mut self, reading: &Reading, depth: &Depth) {
        if reading.frames < FULL_READ && depth.most() <= SHALLOW {
            self.go_on();
        }
    }

    fn hold(&mut self) {
        if self.since.is_none() {
            self.hold.hold();
            self.since = Some(Instant::now());
            self.holds = self.holds.saturating_add(1);
        }
    }

    pub(super) fn go_on(&mut self) {
        if let Some(since) = self.since.take() {
            self.hold.go_on();
            self.held = self.held.saturating_add(since.elapsed());
        }
    }
}

/// Bytes that wait in the ring behind a frame of the time `last`, read at `now`, in the room that they take there.
///
/// The rate is the highest of those over the last 1, 4 and 16 batches: a burst is believed at once. A quiet
/// interface's frames are old, too, because a block is handed over only when it is full or some milliseconds have
/// passed, but few bytes wait behind them at its rate.
fn waiting(lately: &VecDeque<(Timestamp, u64)>, last: Timestamp, now: Timestamp) -> u64 {
    let age = u128::from(now.since(last).max(0).unsigned_abs());
    let most = [1, 4, WINDOW].into_iter().filter_map(|batches| {
        let mut window = lately.iter().skip(lately.len().saturating_sub(batches));
        let bytes: u64 = window.clone().map(|(_, bytes)| *bytes).sum();
        let since = window.next().map_or(0, |(first, _)| last.since(*first));
        // A few frames that came at once say nothing of a rate.
        (bytes >= TELLING)
            .then(|| u128::from(bytes) * age / u128::from(since.max(1).unsigned_abs()))
    });
    // A block of 256 KiB holds three of loopback's longest frames.
    let room = most.max().unwrap_or(0).saturating_mul(4) / 3;
    u64::try_from(room).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_rate_times_age() {
        // 16 MiB in 16 ms: 1 MiB a millisecond.
        let lately: VecDeque<_> = (0..16)
            .map(|ms| (Timestamp(ms * 1_000_000), 1 << 20))
            .collect();
        let last = Timestamp(16_000_000);
        let at = |age_ms: i64| waiting(&lately, last, Timestamp(last.0 + age_ms * 1_000_000));
        assert_eq!(at(0), 0);
        assert_eq!(at(60), 80 << 20);
        // A burst after silence is believed at once: 2 MiB in 1 ms.
        let mut burst = lately.clone();
        burst.push_back((Timestamp(10_000_000_000), 2 << 20));
        let last = Timestamp(10_001_000_000);
        let waits = waiting(&burst, last, Timestamp(last.0 + 3_000_000));
        assert_eq!(waits, 8 << 20);
        // A clock that was set back says nothing.
        assert_eq!(at(-60_000), 0);
    }

    #[derive(Default)]
    struct Told(Vec<bool>);

    impl Hold for Told {
        fn hold(&mut self) {
            self.0.push(true);
        }
        fn go_on(&mut self) {
            self.0.push(false);
        }
    }

    #[test]
    fn a_deep_queue_holds_once_and_lets_go_once_it_is_shallow_and_the_ring_empty() {
        let mut told = Told::default();
        let mut brake = Brake::new(&mut told, None);
        let depth = Depth::default();
        let batch = Batch::with_capacity(0);
        let few = Reading {
            frames: 3,
            last: None,
        };
        let many = Reading {
            frames: FULL_READ,
            last: None,
        };
        brake.batch(&batch, &depth);
        brake.read(&few, &depth);
        depth.consumer.store(DEEP, Ordering::Relaxed);
        brake.batch(&batch, &depth);
        brake.batch(&batch, &depth);
        brake.read(&few, &depth);
        depth.consumer.store(SHALLOW, Ordering::Relaxed);
        brake.read(&many, &depth);
        assert!(brake.since.is_some());
        brake.read(&few, &depth);
        brake.read(&few, &depth);
        assert_eq!(brake.holds, 1);
        assert_eq!(told.0, [true, false]);
    }
}
