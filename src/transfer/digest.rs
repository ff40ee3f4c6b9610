//! The digest of a picture on its way in, taken by another thread where the picture comes fast.
//!
//! Hashing takes as long as receiving and writing together. A picture that keeps coming gets a thread of its own for it, as
//! long as there are cores; all others, and one that pauses, are hashed where they are.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{self, JoinHandle};

use sha2::{Digest as _, Sha256};

/// Bytes that are handed over at once.
const BLOCK: usize = 256 << 10;

/// Blocks that are with a thread at most.
const BLOCKS: usize = 4;

/// A picture that came so far without a pause is worth a thread.
const FAST: u64 = 4 << 20;

/// Threads that hash.
static HASHING: AtomicUsize = AtomicUsize::new(0);

/// SHA-256 in the making.
#[derive(Debug, Default)]
pub(super) struct Digest {
    /// Up to where it was taken here; nothing newer than that while a thread has it.
    own: Sha256,
    away: Option<Away>,
    /// Bytes since the last pause.
    run: u64,
}

/// A digest that a thread has.
#[derive(Debug)]
struct Away {
    /// Not handed over yet.
    block: Vec<u8>,
    to_hash: SyncSender<Vec<u8>>,
    free: Receiver<Vec<u8>>,
    made: usize,
    thread: JoinHandle<Sha256>,
}

/// The right to have a thread.
struct Permit;

impl Permit {
    fn try_new() -> Option<Self> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        HASHING
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |hashing| {
                (hashing < cores).then_some(hashing.saturating_add(1))
            })
            .ok()
            .map(|_| Self)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        HASHING.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Away {
    /// Gives the digest to a thread; none where all cores have one already, or there is no thread to be had.
    fn start(hasher: &Sha256) -> Option<Self> {
        let permit = Permit::try_new()?;
        let (to_hash, blocks) = sync_channel::<Vec<u8>>(BLOCKS);
        let (done, free) = channel();
        let hasher = hasher.clone();
        let thread = thread::Builder::new()
            .name("digest".to_owned())
            .spawn(move || {
                let hasher = taken(hasher, &blocks, &done);
                drop(permit);
                hasher
            })
            .ok()?;
        Some(Self {
            block: Vec::with_capacity(BLOCK),
            to_hash,
            free,
            made: 1,
            thread,
        })
    }

    fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = BLOCK.saturating_sub(self.block.len()).min(bytes.len());
            let (now, later) = bytes.split_at(room);
            self.block.extend_from_slice(now);
            bytes = later;
            if self.block.len() >= BLOCK {
                self.hand_over();
            }
        }
    }

    fn hand_over(&mut self) {
        let next = if self.made < BLOCKS {
            self.made = self.made.saturating_add(1);
            Vec::with_capacity(BLOCK)
        } else {
            // Only a thread that panicked gives none back; that is seen when it is joined.
            self.free.recv().unwrap_or_default()
        };
        let block = std::mem::replace(&mut self.block, next);
        let _ = self.to_hash.send(block);
    }

    fn end(mut self) -> Sha256 {
        if !self.block.is_empty() {
            let _ = self.to_hash.send(std::mem::take(&mut self.block));
        }
        drop(self.to_hash);
        self.thread
            .join()
            .unwrap_or_else(|panic| resume_unwind(panic))
    }
}

/// Hashes what comes until nothing comes any more.
fn taken(mut hasher: Sha256, blocks: &Receiver<Vec<u8>>, done: &Sender<Vec<u8>>) -> Sha256 {
    for mut block in blocks {
        hasher.update(&block);
        block.clear();
        // Nobody needs it any more at the end.
        let _ = done.send(block);
    }
    hasher
}

impl Digest {
    /// Takes the next bytes.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        if let Some(away) = &mut self.away {
            away.update(bytes);
            return;
        }
        self.own.update(bytes);
        self.run = self.run.saturating_add(bytes.len() as u64);
        if self.run >= FAST {
            self.run = 0;
            self.away = Away::start(&self.own);
        }
    }

    /// Nothing comes for a while: a thread is given back.
    pub(super) fn rest(&mut self) {
        self.run = 0;
        if let Some(away) = self.away.take() {
            self.own = away.end();
        }
    }

    /// The digest of all that was taken.
    pub(super) fn finish(mut self) -> [u8; 32] {
        self.rest();
        self.own.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_is_the_same_with_and_without_threads() {
        let bytes: Vec<u8> = (0..30_u32 << 20)
            .map(|number| number.wrapping_mul(2_654_435_761).to_be_bytes()[0])
            .collect();
        let want: [u8; 32] = Sha256::digest(&bytes).into();
        thread::scope(|scope| {
            // More than there are cores, so that some have no thread.
            for number in 0..12_usize {
                let (bytes, want) = (&bytes, &want);
                scope.spawn(move || {
                    let mut digest = Digest::default();
                    for (index, piece) in bytes.chunks(50_000 + 77_777 * number).enumerate() {
                        digest.update(piece);
                        if number % 3 == 0 && index % 50 == 49 {
                            digest.rest();
                        }
                    }
                    assert_eq!(digest.finish(), *want);
                });
            }
        });
    }

    #[test]
    fn small_pictures_take_no_thread_and_large_ones_give_it_back() {
        let mut small = Digest::default();
        small.update(&vec![7; 1 << 20]);
        assert!(small.away.is_none());
        let mut abandoned = Digest::default();
        abandoned.update(&vec![7; 5 << 20]);
        drop(abandoned);
        let mut large = Digest::default();
        large.update(&vec![7; 5 << 20]);
        large.update(&vec![8; 5 << 20]);
        large.rest();
        assert!(large.away.is_none());
        let mut whole = vec![7; 5 << 20];
        whole.resize(10 << 20, 8);
        assert_eq!(large.finish()[..], Sha256::digest(&whole)[..]);
    }
}
