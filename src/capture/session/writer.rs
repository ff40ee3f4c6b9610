//! The writing side of a capture: whole batches at a time, and a file that ends in a whole block whatever
//! happens.

use std::fs::File;
use std::io::{self, Seek as _, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender};

use super::{Batch, Counts, Item, Reason, Stop, give_back};
use crate::frame::Frame;

/// Turns frames into the blocks of a capture file.
pub trait Blocks: Send {
    /// Appends what comes before the first frame.
    fn begin(&mut self, out: &mut Vec<u8>);
    /// Appends one frame.
    fn frame(&mut self, frame: &Frame<'_>, out: &mut Vec<u8>);
    /// Appends what comes last: what the kernel counted, and how many of the frames read are not in the
    /// file.
    fn end(&mut self, counts: &Counts, unwritten: u64, out: &mut Vec<u8>);
}

/// A capture file that is being written.
pub struct Recorder {
    name: String,
    sink: Sink,
    blocks: Box<dyn Blocks>,
    /// Whole blocks not handed to the system yet.
    buffer: Vec<u8>,
    /// Bytes handed to the system, all of them whole blocks.
    good: u64,
    frames: u64,
}

enum Sink {
    File(File),
    Pipe(Box<dyn Write + Send>),
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The file's name as the user gave it; `-` for standard output.
    pub name: String,
    /// Frames in it.
    pub frames: u64,
    /// Its length in bytes.
    pub bytes: u64,
}

/// A capture file cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteFailure {
    /// It cannot be made.
    #[error("cannot write {}: {source}", path.display())]
    Create {
        /// Its path.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Writing failed in the middle: a full disk, mostly.
    #[error(
        "{name}: writing stopped after {frames} frames ({source}); the file is whole up to there"
    )]
    Middle {
        /// Its name.
        name: String,
        /// Frames in the file.
        frames: u64,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl Recorder {
    /// Makes the file, or empties the one that is there, and writes its beginning.
    ///
    /// # Errors
    /// [`WriteFailure::Create`].
    pub fn create(path: PathBuf, blocks: Box<dyn Blocks>) -> Result<Self, WriteFailure> {
        let made = File::create(&path).and_then(|file| {
            let regular = file.metadata()?.is_file();
            let sink = if regular {
                Sink::File(file)
            } else {
                // A named pipe or a device: what was written cannot be taken back.
                Sink::Pipe(Box::new(file))
            };
            Self::begin(path.display().to_string(), sink, blocks)
        });
        made.map_err(|source| WriteFailure::Create { path, source })
    }

    /// Writes to standard output, or whatever pipe this is, under the name `-`.
    ///
    /// # Errors
    /// [`WriteFailure::Create`].
    pub fn pipe(
        pipe: Box<dyn Write + Send>,
        blocks: Box<dyn Blocks>,
    ) -> Result<Self, WriteFailure> {
        Self::begin("-".to_owned(), Sink::Pipe(pipe), blocks).map_err(|source| {
            WriteFailure::Create {
                path: "-".into(),
                source,
            }
        })
    }

    fn begin(name: String, sink: Sink, blocks: Box<dyn Blocks>) -> io::Result<Self> {
        let mut recorder = Self {
            name,
            sink,
            blocks,
            buffer: Vec::new(),
            good: 0,
            frames: 0,
        };
        recorder.blocks.begin(&mut recorder.buffer);
        recorder.commit()?;
        Ok(recorder)
    }

    fn batch(&mut self, batch: &Batch) -> io::Result<()> {
        for frame in batch.frames() {
            self.blocks.frame(&frame, &mut self.buffer);
        }
        self.commit()?;
        self.frames = self.frames.saturating_add(batch.len());
        Ok(())
    }

    fn end(&mut self, counts: &Counts) -> io::Result<()> {
        let unwritten = counts.frames.saturating_sub(self.frames);
        self.blocks.end(counts, unwritten, &mut self.buffer);
        self.commit()
    }

    /// Hands the buffer to the system; where that fails, cuts the file back to its last whole block.
    fn commit(&mut self) -> io::Result<()> {
        let result = match &mut self.sink {
            Sink::File(file) => file.write_all(&self.buffer),
            Sink::Pipe(pipe) => pipe.write_all(&self.buffer).and_then(|()| pipe.flush()),
        };
        match (&result, &mut self.sink) {
            (Ok(()), _) => self.good = self.good.saturating_add(self.buffer.len() as u64),
            (Err(_), Sink::File(file)) => {
                // Best effort: a reader takes a file that is cut within a block, too, and says so.
                drop(file.set_len(self.good));
                drop(file.seek(SeekFrom::Start(self.good)));
            }
            (Err(_), Sink::Pipe(_)) => {}
        }
        self.buffer.clear();
        result
    }

    fn written(&self) -> Written {
        Written {
            name: self.name.clone(),
            frames: self.frames,
            bytes: self.good,
        }
    }
}

/// The writer's thread: writes what comes through `queue` until it ends.
pub(super) fn write(
    mut recorder: Recorder,
    queue: &Receiver<Item>,
    spare: &Sender<Batch>,
    stop: &Stop,
) -> (Written, Option<WriteFailure>) {
    let mut failure = None;
    let mut closed = false;
    for item in queue {
        let result = match &item {
            // Goes on emptying the queue, so that the reader is never held back by a writer that gave up.
            Item::Batch(_) if failure.is_some() || closed => Ok(()),
            Item::Batch(batch) => recorder.batch(batch),
            Item::End(_) if closed => Ok(()),
            Item::End(counts) => recorder.end(counts),
        };
        match result {
            Ok(()) => {}
            Err(error)
                if error.kind() == io::ErrorKind::BrokenPipe
                    && matches!(recorder.sink, Sink::Pipe(_)) =>
            {
                closed = true;
                stop.request(Reason::OutputClosed);
            }
            Err(source) => {
                stop.request(Reason::Output);
                failure.get_or_insert(WriteFailure::Middle {
                    name: recorder.name.clone(),
                    frames: recorder.frames,
                    source,
                });
            }
        }
        if let Item::Batch(batch) = item {
            give_back(batch, spare);
        }
    }
    (recorder.written(), failure)
}
