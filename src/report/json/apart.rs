//! Pictures put into words by several threads, each some of them, and written in order.
//!
//! The rows of a million chunks are 250 MB of text: to make it takes longer than the analysis.

use std::io::{self, Write};
use std::ops::Range;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

use serde::Serialize as _;

use super::serializer::Serializer;
use crate::ledger::Image;

/// Pictures with so many chunks are handed over at once: some 250 KB of text.
const CHUNKS: u64 = 1024;
/// A picture without its chunks is as long as so many of them.
const PICTURE: u64 = 4;
/// Fewer are put into words before a thread has begun.
const FEW: u64 = 16 << 10;
/// So many texts of one thread wait to be written.
const WAITING: usize = 2;

/// A report's pictures, and how many threads may put them into words.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pictures<'r> {
    pub(super) images: &'r [Image],
    pub(super) threads: usize,
}

/// Who puts every so manieth part into words.
struct Desk {
    texts: Receiver<io::Result<Vec<u8>>>,
    written: Sender<Vec<u8>>,
}

impl Pictures<'_> {
    /// Ranges of pictures that are handed over at once; absent where that is of no use.
    pub(super) fn parts(self) -> Option<Vec<Range<usize>>> {
        if self.threads < 2 {
            return None;
        }
        let mut parts = Vec::new();
        let (mut from, mut weight, mut all) = (0, 0_u64, 0_u64);
        for (index, image) in self.images.iter().enumerate() {
            let chunks = image.chunks.as_ref().map_or(0, crate::ledger::Chunks::len);
            weight = weight.saturating_add(chunks + PICTURE);
            if weight >= CHUNKS {
                parts.push(from..index + 1);
                (from, all, weight) = (index + 1, all.saturating_add(weight), 0);
            }
        }
        if from < self.images.len() {
            parts.push(from..self.images.len());
        }
        (all >= FEW && parts.len() > 1).then_some(parts)
    }

    /// Writes them, a line each, as members of a list that is open.
    ///
    /// # Errors
    /// Those of `out`.
    pub(super) fn write(self, parts: &[Range<usize>], out: &mut dyn Write) -> io::Result<()> {
        thread::scope(|scope| {
            let mut desks = Vec::new();
            let threads = self.threads.min(parts.len());
            for first in 0..threads {
                let (outbox, texts) = sync_channel(WAITING);
                let (written, empty) = channel();
                let mine = parts.iter().skip(first).step_by(threads);
                let work = move || self.work(mine, &outbox, &empty);
                let started = thread::Builder::new().spawn_scoped(scope, work);
                // What no thread does is done here.
                desks.push(started.ok().map(|_| Desk { texts, written }));
            }
            for (part, desk) in parts.iter().zip((0..threads).cycle()) {
                let Some(Some(desk)) = desks.get(desk) else {
                    out.write_all(&self.text(part, Vec::new())?)?;
                    continue;
                };
                let text = desk.texts.recv().map_err(io::Error::other)??;
                out.write_all(&text)?;
                // It may have no more to do.
                let _ = desk.written.send(text);
            }
            Ok(())
        })
    }

    fn work<'p>(
        self,
        parts: impl Iterator<Item = &'p Range<usize>>,
        outbox: &SyncSender<io::Result<Vec<u8>>>,
        empty: &Receiver<Vec<u8>>,
    ) {
        for part in parts {
            let text = self.text(part, empty.try_recv().unwrap_or_default());
            // Nobody reads it where writing failed.
            if outbox.send(text).is_err() {
                return;
            }
        }
    }

    fn text(self, part: &Range<usize>, buffer: Vec<u8>) -> io::Result<Vec<u8>> {
        let mut nowhere = io::sink();
        let mut serializer = Serializer::within_list(&mut nowhere, buffer, part.start > 0);
        for image in self.images.get(part.clone()).unwrap_or_default() {
            serializer.next();
            image.serialize(&mut serializer)?;
        }
        Ok(serializer.into_text())
    }
}
