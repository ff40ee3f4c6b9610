//! Bytes that are read, and decompressed, on a thread of their own, while those before them are worked off.

use std::io::{Error, ErrorKind, Read, Result};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// What is handed over at once, as far as the input has it.
const BLOCK: usize = 256 << 10;
/// Free bytes before it, for the record that began in the block before.
pub(super) const FRONT: usize = 64 << 10;
/// So many blocks wait to be worked off.
const WAITING: usize = 4;
/// So many inputs are read ahead at once: where more are open, the rest is read when its bytes are asked for.
const INPUTS: usize = 8;

/// How many are being read ahead.
static READING: AtomicUsize = AtomicUsize::new(0);

/// An input, and whoever reads it.
#[derive(Debug)]
pub(super) struct Ahead {
    filled: Receiver<Part>,
    emptied: Sender<Vec<u8>>,
    waiting: Arc<AtomicUsize>,
}

/// What comes from the thread.
enum Part {
    /// Bytes from [`FRONT`] to there.
    Bytes(Vec<u8>, usize),
    End(Result<()>),
}

/// A place among those that read ahead, given back when it is dropped.
struct Place;

impl Place {
    fn take() -> Option<Self> {
        // Nothing but the count is shared.
        let place = Self;
        let before = READING.fetch_add(1, Ordering::Relaxed);
        // Dropped where it is one too many, which gives it back.
        (before < INPUTS).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        READING.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Ahead {
    /// Reads on from here on a thread; gives the input back where there is none to be had.
    pub(super) fn of(
        input: Box<dyn Read + Send>,
    ) -> std::result::Result<Self, Box<dyn Read + Send>> {
        let Some(place) = Place::take() else {
            return Err(input);
        };
        let (outbox, filled) = sync_channel(WAITING);
        let (emptied, empty) = channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&waiting);
        // A thread that cannot be started takes with it what it was given.
        let shared = Arc::new(Mutex::new(Some(input)));
        let given = Arc::clone(&shared);
        let take = |shared: &Mutex<Option<_>>| {
            let mut input = shared.lock().unwrap_or_else(PoisonError::into_inner);
            input.take()
        };
        let work = move || {
            if let Some(mut input) = take(&given) {
                let end = read(&mut *input, &outbox, &empty, &count);
                // Nobody is there any more who wants it.
                let _ = outbox.send(Part::End(end));
            }
            drop(place);
        };
        match thread::Builder::new().name("read".to_owned()).spawn(work) {
            Ok(_) => Ok(Self {
                filled,
                emptied,
                waiting,
            }),
            Err(_) => Err(take(&shared).unwrap_or_else(|| Box::new(std::io::empty()))),
        }
    }

    /// The next bytes, from [`FRONT`] to the index beside them; absent at the end.
    ///
    /// # Errors
    /// What reading failed with.
    pub(super) fn next(&mut self) -> Result<Option<(Vec<u8>, usize)>> {
        match self.filled.recv() {
            Ok(Part::Bytes(bytes, end)) => {
                self.waiting.fetch_sub(1, Ordering::Relaxed);
                Ok(Some((bytes, end)))
            }
            Ok(Part::End(end)) => end.map(|()| None),
            Err(_) => Err(Error::other("the thread that reads it failed")),
        }
    }

    /// Takes a block that was worked off.
    pub(super) fn give_back(&self, block: Vec<u8>) {
        if block.len() == FRONT + BLOCK {
            let _ = self.emptied.send(block);
        }
    }
}

/// Reads until the input ends, or nobody wants more.
fn read(
    input: &mut dyn Read,
    outbox: &SyncSender<Part>,
    emptied: &Receiver<Vec<u8>>,
    waiting: &AtomicUsize,
) -> Result<()> {
    loop {
        let mut block = emptied.try_recv().unwrap_or_default();
        block.resize(FRONT + BLOCK, 0);
        let mut end = FRONT;
        let ended = loop {
            let free = block.get_mut(end..).unwrap_or_default();
            match input.read(free) {
                Ok(0) => break Some(Ok(())),
                Ok(count) => end += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => break Some(Err(error)),
            }
            // As soon as somebody waits for it, whatever there is.
            if end >= block.len() || waiting.load(Ordering::Relaxed) == 0 && end > FRONT {
                break None;
            }
        };
        if end > FRONT {
            waiting.fetch_add(1, Ordering::Relaxed);
            if outbox.send(Part::Bytes(block, end)).is_err() {
                return Ok(());
            }
        }
        if let Some(ended) = ended {
            return ended;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes in pieces of other lengths than the blocks, and then an error or the end.
    struct Pieces {
        left: usize,
        next: u8,
        fails: bool,
    }

    impl Read for Pieces {
        fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
            let count = self.left.min(buffer.len()).min(70_001);
            for byte in &mut buffer[..count] {
                *byte = self.next;
                self.next = self.next.wrapping_mul(5).wrapping_add(1);
            }
            self.left -= count;
            if count == 0 && self.fails {
                return Err(Error::other("it is broken"));
            }
            Ok(count)
        }
    }

    fn pieces(left: usize, fails: bool) -> Box<dyn Read + Send> {
        Box::new(Pieces {
            left,
            next: 0,
            fails,
        })
    }

    #[test]
    fn bytes_come_in_order_and_an_error_behind_them() {
        let mut expected = Vec::new();
        pieces(3_000_000, false).read_to_end(&mut expected).unwrap();
        for fails in [false, true] {
            // Other tests may have all places for a moment.
            let mut ahead = loop {
                match Ahead::of(pieces(3_000_000, fails)) {
                    Ok(ahead) => break ahead,
                    Err(_) => thread::yield_now(),
                }
            };
            let mut bytes = Vec::new();
            let ended = loop {
                match ahead.next() {
                    Ok(Some((block, end))) => {
                        bytes.extend_from_slice(&block[FRONT..end]);
                        ahead.give_back(block);
                    }
                    Ok(None) => break Ok(()),
                    Err(error) => break Err(error.to_string()),
                }
            };
            assert_eq!(bytes, expected);
            assert_eq!(ended.is_err(), fails, "{ended:?}");
        }
    }
}
