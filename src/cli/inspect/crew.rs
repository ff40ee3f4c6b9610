//! Rows put into words by as many threads as there are cores, and written in their order.
//!
//! Each thread takes a batch through all of its way, so that what one step read the next finds in the same core's cache: it gathers
//! the batch, settles it when its turn comes, puts it into words, and writes it where it comes next. Only gathering and settling
//! are done by one thread at a time. No more batches are on their way than a few for each thread, however slow the reader is.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::dissect::Line;

/// So many rows are taken at once: enough that threads seldom wake each other, few enough to stay in a core's cache.
pub(super) const BATCH: usize = 512;

/// Gathers with `gather`, which adds at most a batch and says whether there is more, settles with `settle`, both in order, and writes
/// the `words` of all of it in order.
///
/// # Errors
/// Those of `out`.
pub(super) fn write<T: Send>(
    threads: usize,
    gather: &mut (dyn FnMut(&mut Vec<T>) -> bool + Send),
    settle: &mut (dyn FnMut(&mut [T]) + Send),
    words: &(dyn Fn(&[T], &mut Line) + Sync),
    out: &mut (dyn Write + Send),
) -> io::Result<()> {
    let crew = Crew {
        source: Mutex::new(Source {
            gather,
            next: 0,
            more: true,
        }),
        settling: Mutex::new(Settling {
            settle,
            next: 0,
            ended: false,
        }),
        settled: Condvar::new(),
        output: Mutex::new(Output {
            out,
            next: 0,
            finished: BTreeMap::new(),
            spare: Vec::new(),
            ended: None,
        }),
        written: Condvar::new(),
        words,
        ahead: 2 * threads.max(1) as u64,
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            // Where no more threads are to be had, those that run do it all.
            if thread::Builder::new()
                .spawn_scoped(scope, || crew.work())
                .is_err()
            {
                break;
            }
        }
        crew.work();
    });
    let output = crew
        .output
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    match output.ended {
        Some(End::Error(error)) => Err(error),
        Some(End::Panic) | None => Ok(()),
    }
}

struct Crew<'o, T> {
    source: Mutex<Source<'o, T>>,
    settling: Mutex<Settling<'o, T>>,
    /// A batch was settled, or none will be any more.
    settled: Condvar,
    output: Mutex<Output<'o>>,
    /// Words were written, or none will be any more.
    written: Condvar,
    words: &'o (dyn Fn(&[T], &mut Line) + Sync),
    /// So many batches before the first that is not written are on their way.
    ahead: u64,
}

struct Source<'o, T> {
    gather: &'o mut (dyn FnMut(&mut Vec<T>) -> bool + Send),
    /// The number of the next batch.
    next: u64,
    more: bool,
}

struct Settling<'o, T> {
    settle: &'o mut (dyn FnMut(&mut [T]) + Send),
    /// The batch whose turn it is.
    next: u64,
    /// A thread came to harm: its batch is never settled.
    ended: bool,
}

struct Output<'o> {
    out: &'o mut (dyn Write + Send),
    /// The batch to be written next.
    next: u64,
    /// Words of later ones.
    finished: BTreeMap<u64, Line>,
    spare: Vec<Line>,
    /// Nothing is to be written any more.
    ended: Option<End>,
}

/// Why nothing is written any more.
enum End {
    Error(io::Error),
    /// A thread came to harm, which is told by whoever waits for it.
    Panic,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T> Crew<'_, T> {
    /// The life of one thread.
    fn work(&self) {
        // However this ends, the others do not wait for it.
        let _closing = Closing(self);
        let mut batch = Vec::with_capacity(BATCH);
        while let Some(mut text) = self.room() {
            let Some(number) = self.gather(&mut batch) else {
                return;
            };
            if !self.settle(number, &mut batch) {
                return;
            }
            (self.words)(&batch, &mut text);
            batch.clear();
            self.put(number, text);
        }
    }

    /// Where the words of a batch are to be put; absent where no more are written.
    fn room(&self) -> Option<Line> {
        let mut output = lock(&self.output);
        match output.ended {
            Some(_) => None,
            None => Some(output.spare.pop().unwrap_or_default()),
        }
    }

    fn gather(&self, batch: &mut Vec<T>) -> Option<u64> {
        let mut source = lock(&self.source);
        if !source.more {
            return None;
        }
        // Should it panic, there is no more.
        source.more = false;
        source.more = (source.gather)(batch);
        let number = source.next;
        source.next += 1;
        Some(number)
    }

    /// Settles a batch when its turn comes; false where it never does.
    fn settle(&self, number: u64, batch: &mut [T]) -> bool {
        let mut settling = lock(&self.settling);
        while settling.next != number && !settling.ended {
            settling = self
                .settled
                .wait(settling)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if settling.ended {
            return false;
        }
        (settling.settle)(batch);
        settling.next += 1;
        self.settled.notify_all();
        true
    }

    /// Writes the words of a batch if they come next, else leaves them to whoever writes those; waits while there are too many.
    fn put(&self, number: u64, text: Line) {
        let mut output = lock(&self.output);
        output.finished.insert(number, text);
        output.write();
        self.written.notify_all();
        while output.ended.is_none() && number.saturating_sub(output.next) > self.ahead {
            output = self
                .written
                .wait(output)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Output<'_> {
    /// Writes what comes next, as far as it is there.
    fn write(&mut self) {
        while self.ended.is_none()
            && let Some(mut text) = self.finished.remove(&self.next)
        {
            if let Err(error) = self.out.write_all(text.as_bytes()) {
                self.ended = Some(End::Error(error));
            }
            self.next += 1;
            text.clear();
            self.spare.push(text);
        }
    }
}

/// Tells the others, where its thread came to harm, that all is over.
struct Closing<'c, 'o, T>(&'c Crew<'o, T>);

impl<T> Drop for Closing<'_, '_, T> {
    fn drop(&mut self) {
        if !thread::panicking() {
            return;
        }
        let crew = self.0;
        lock(&crew.settling).ended = true;
        lock(&crew.output).ended.get_or_insert(End::Panic);
        crew.settled.notify_all();
        crew.written.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    /// The numbers up to `most`, a few at a time, written by so many threads.
    fn numbers(threads: usize, most: u32, out: &mut (dyn Write + Send)) -> (u32, io::Result<()>) {
        let mut next = 0;
        let mut before = 0;
        let written = write(
            threads,
            &mut |batch| {
                for _ in 0..7 {
                    if next < most {
                        batch.push((next, 0));
                        next += 1;
                    }
                }
                next < most
            },
            // What is settled in another order is another number.
            &mut |batch| {
                for (number, settled) in batch {
                    assert_eq!(*number, before);
                    before += 1;
                    *settled = before;
                }
            },
            &|batch, text| {
                for (number, settled) in batch {
                    assert_eq!(*settled, number + 1);
                    // Some are slower than others.
                    if number % 97 == 0 {
                        thread::yield_now();
                    }
                    let _ = writeln!(text, "{number}");
                }
            },
            out,
        );
        (next, written)
    }

    #[test]
    fn all_is_written_in_order_by_any_number_of_threads() {
        let mut expected = String::new();
        for number in 0..5_000 {
            let _ = writeln!(expected, "{number}");
        }
        for threads in [1, 2, 3, 8] {
            let mut out = Vec::new();
            let (_, written) = numbers(threads, 5_000, &mut out);
            assert!(written.is_ok());
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{threads}");
        }
    }

    /// Takes so many bytes, and is gone.
    struct Gone(usize);

    impl Write for Gone {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            match self.0.checked_sub(bytes.len()) {
                Some(left) => self.0 = left,
                None => return Err(io::ErrorKind::BrokenPipe.into()),
            }
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn where_nobody_reads_on_no_more_is_gathered() {
        for threads in [1, 2, 8] {
            let (gathered, written) = numbers(threads, 1_000_000, &mut Gone(1_000));
            assert_eq!(written.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
            assert!(gathered < 10_000, "{threads}: {gathered}");
        }
    }
}
