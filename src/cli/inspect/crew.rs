//! Rows put into words by as many threads as there are cores, and written in their order.
//!
//! One thread gathers what the rows are of, the others put it into words; where they cannot keep up, it helps. Whoever has the words
//! that come next writes them. No more batches are on their way than a few for each thread, however slow the reader is.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Write};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// So many rows are handed over at once.
pub(super) const BATCH: usize = 256;
/// So many batches wait for each thread.
const WAITING: usize = 2;

/// Gathers with `fill`, which adds at most a batch and says whether there is more, and writes the `words` of all of it, in order.
///
/// # Errors
/// Those of `out`.
pub(super) fn write<T: Send>(
    threads: usize,
    fill: &mut dyn FnMut(&mut Vec<T>) -> bool,
    words: &(dyn Fn(&[T], &mut String) + Sync),
    out: &mut (dyn Write + Send),
) -> io::Result<()> {
    let crew = Crew {
        desk: Mutex::default(),
        work: Condvar::new(),
        output: Mutex::new(Output {
            out,
            next: 0,
            finished: BTreeMap::new(),
            spare: Vec::new(),
            ended: None,
        }),
        written: Condvar::new(),
    };
    thread::scope(|scope| {
        // However this ends, the others do not wait for more.
        let closing = Closing(&crew);
        let mut others = 0;
        for _ in 1..threads {
            let work = || {
                let _closing = Closing(&crew);
                while let Some((number, batch)) = crew.next_batch() {
                    crew.put_into_words(number, batch, words);
                }
            };
            // Where no more threads are to be had, those that run do it all.
            if thread::Builder::new().spawn_scoped(scope, work).is_err() {
                break;
            }
            others += 1;
        }
        let mut number = 0;
        let mut more = true;
        while more && !crew.is_over() {
            let mut batch = lock(&crew.desk).emptied.pop().unwrap_or_default();
            more = fill(&mut batch);
            if let Some(batch) = crew.offer(number, batch, others * WAITING) {
                crew.put_into_words(number, batch, words);
            }
            number += 1;
            crew.wait_for(number, others);
        }
        lock(&crew.desk).closed = true;
        while let Some((number, batch)) = crew.next_batch() {
            crew.put_into_words(number, batch, words);
        }
        crew.wait_for(number, 0);
        drop(closing);
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
    desk: Mutex<Desk<T>>,
    /// There is work on the desk, or there will be no more.
    work: Condvar,
    output: Mutex<Output<'o>>,
    /// Words were written, or none will be any more.
    written: Condvar,
}

/// Batches that wait for somebody.
struct Desk<T> {
    batches: VecDeque<(u64, Vec<T>)>,
    /// For the next ones.
    emptied: Vec<Vec<T>>,
    /// Nothing comes any more.
    closed: bool,
}

impl<T> Default for Desk<T> {
    fn default() -> Self {
        Self {
            batches: VecDeque::new(),
            emptied: Vec::new(),
            closed: false,
        }
    }
}

struct Output<'o> {
    out: &'o mut (dyn Write + Send),
    /// The batch to be written next.
    next: u64,
    /// Words of later ones.
    finished: BTreeMap<u64, String>,
    spare: Vec<String>,
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
    fn is_over(&self) -> bool {
        lock(&self.output).ended.is_some()
    }

    /// Lays a batch on the desk; gives it back where there is no room.
    fn offer(&self, number: u64, batch: Vec<T>, room: usize) -> Option<Vec<T>> {
        let mut desk = lock(&self.desk);
        if desk.batches.len() >= room {
            return Some(batch);
        }
        desk.batches.push_back((number, batch));
        self.work.notify_one();
        None
    }

    /// The next batch from the desk; absent where no more comes.
    fn next_batch(&self) -> Option<(u64, Vec<T>)> {
        let mut desk = lock(&self.desk);
        loop {
            if let Some(batch) = desk.batches.pop_front() {
                return Some(batch);
            }
            if desk.closed {
                return None;
            }
            desk = self.work.wait(desk).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn put_into_words(
        &self,
        number: u64,
        mut batch: Vec<T>,
        words: &(dyn Fn(&[T], &mut String) + Sync),
    ) {
        let mut output = lock(&self.output);
        if output.ended.is_some() {
            return;
        }
        let mut text = output.spare.pop().unwrap_or_default();
        drop(output);
        words(&batch, &mut text);
        batch.clear();
        lock(&self.desk).emptied.push(batch);
        let mut output = lock(&self.output);
        output.finished.insert(number, text);
        output.write();
        self.written.notify_all();
    }

    /// Waits until no more than a few batches before this one are not written.
    fn wait_for(&self, number: u64, others: usize) {
        let most = 2 * (others * (WAITING + 1)) as u64;
        let mut output = lock(&self.output);
        while output.ended.is_none() && number.saturating_sub(output.next) > most {
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

/// Tells the others, when its thread ends, that nothing comes any more; and that all is over, where it came to harm.
struct Closing<'c, 'o, T>(&'c Crew<'o, T>);

impl<T> Drop for Closing<'_, '_, T> {
    fn drop(&mut self) {
        let crew = self.0;
        if thread::panicking() {
            lock(&crew.output).ended.get_or_insert(End::Panic);
        }
        lock(&crew.desk).closed = true;
        crew.work.notify_all();
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
        let written = write(
            threads,
            &mut |batch| {
                for _ in 0..7 {
                    if next < most {
                        batch.push(next);
                        next += 1;
                    }
                }
                next < most
            },
            &|batch, text| {
                for number in batch {
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
