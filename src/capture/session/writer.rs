//! The writing side of a capture: whole batches at a time, and a file that ends in a whole block whatever
//! happens.

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender};
use std::time::SystemTime;

use super::{Batch, Counts, Item, Reason, Stop, give_back};
use crate::capture::pcapng::{self, Interface, Packet, Section, Statistics, Writer};
use crate::frame::Frame;
use crate::units::Timestamp;

/// A capture file that is being written.
pub struct Recorder {
    name: String,
    /// Absent once the file is finished or was given up.
    writer: Option<Writer<Box<dyn Write + Send>>>,
    /// The file again, to cut off half a block; absent where it is no regular file.
    regular: Option<File>,
    interface: u32,
    started: Option<Timestamp>,
    /// Frames handed to the system.
    frames: u64,
    /// Frames that wait in the writer to be handed over.
    waiting: u64,
    /// Bytes handed to the system, all of them whole blocks.
    bytes: u64,
    /// Whether who reads the pipe has gone.
    closed: bool,
    /// What would be written at the end is kept apart, for a file whose writer gave up.
    epilogue: Epilogue,
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
    #[error("{}: cannot be written", path.display())]
    Create {
        /// Its path.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Writing failed in the middle: a full disk, mostly.
    #[error("{name}: writing stopped after {frames} frames, and the file is whole up to there")]
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
    /// Makes the file, or empties the one that is there, and describes the interface in it.
    ///
    /// # Errors
    /// [`WriteFailure::Create`].
    pub fn create(path: PathBuf, interface: &Interface<'_>) -> Result<Self, WriteFailure> {
        let made = File::create(&path).and_then(|file| {
            // What was written to a named pipe or a device cannot be taken back.
            let regular = file.metadata()?.is_file().then(|| file.try_clone());
            Self::begin(
                path.display().to_string(),
                Box::new(file),
                regular.transpose()?,
                interface,
            )
        });
        made.map_err(|source| WriteFailure::Create { path, source })
    }

    /// Writes to standard output, or whatever pipe this is, under the name `-`.
    ///
    /// # Errors
    /// [`WriteFailure::Create`].
    pub fn pipe(
        pipe: Box<dyn Write + Send>,
        interface: &Interface<'_>,
    ) -> Result<Self, WriteFailure> {
        Self::begin("-".to_owned(), pipe, None, interface).map_err(|source| WriteFailure::Create {
            path: "-".into(),
            source,
        })
    }

    fn begin(
        name: String,
        out: Box<dyn Write + Send>,
        regular: Option<File>,
        interface: &Interface<'_>,
    ) -> io::Result<Self> {
        let mut writer = Writer::new(out, &section()).map_err(system)?;
        let index = writer.interface(interface).map_err(system)?;
        Ok(Self {
            name,
            bytes: writer.written_bytes(),
            writer: Some(writer),
            regular,
            interface: index,
            started: now(),
            frames: 0,
            waiting: 0,
            closed: false,
            epilogue: Epilogue::of(interface),
        })
    }

    fn batch(&mut self, batch: &Batch) -> io::Result<()> {
        for frame in batch.frames() {
            self.frame(&frame)?;
        }
        let Some(writer) = &mut self.writer else {
            return Ok(());
        };
        let flushed = writer.flush();
        self.handed_over(flushed)
    }

    fn frame(&mut self, frame: &Frame<'_>) -> io::Result<()> {
        // A frame without a time does not come from a live interface; it counts as not written.
        let (Some(writer), Some(time)) = (&mut self.writer, frame.time) else {
            return Ok(());
        };
        let added = writer.packet(&Packet {
            interface: self.interface,
            time,
            wire_len: frame.wire_len,
            data: frame.data,
            comment: None,
        });
        match added {
            Err(error @ (pcapng::Error::Write { .. } | pcapng::Error::GivenUp)) => {
                self.handed_over(Err(error))
            }
            // A frame that the format cannot hold: counted as not written.
            Err(_) => Ok(()),
            Ok(()) => {
                self.waiting = self.waiting.saturating_add(1);
                if writer.written_bytes() > self.bytes {
                    self.handed_over(Ok(()))
                } else {
                    Ok(())
                }
            }
        }
    }

    /// Takes note of what the system took. Where it took no more, the file is cut back to its last whole
    /// block.
    fn handed_over(&mut self, result: Result<(), pcapng::Error>) -> io::Result<()> {
        if let Some(writer) = &self.writer {
            self.bytes = writer.written_bytes();
        }
        match result {
            Ok(()) => {
                self.frames = self.frames.saturating_add(self.waiting);
                self.waiting = 0;
                Ok(())
            }
            Err(error) => {
                self.writer = None;
                self.waiting = 0;
                if let Some(file) = &self.regular {
                    // Best effort: readers take a file that is cut within a block, too, and say so.
                    let _ = file.set_len(self.bytes);
                }
                Err(system(error))
            }
        }
    }

    /// Writes what the kernel counted, and finishes the file.
    fn end(&mut self, counts: &Counts) -> io::Result<()> {
        let unwritten = counts.frames.saturating_sub(self.frames);
        let statistics = Statistics {
            started: self.started,
            ended: now(),
            received: counts.received,
            // Where the kernel said nothing, only those of imgnet itself are known.
            dropped: match (counts.dropped, unwritten) {
                (None, 0) => None,
                (dropped, _) => Some(
                    dropped
                        .unwrap_or(0)
                        .saturating_add(counts.interface_dropped.unwrap_or(0))
                        .saturating_add(unwritten),
                ),
            },
        };
        if let Some(mut writer) = self.writer.take() {
            writer
                .statistics(self.interface, statistics)
                .map_err(system)?;
            let before = writer.written_bytes();
            let epilogue = self.epilogue.bytes(statistics).len() as u64;
            if let Err(error) = writer.finish() {
                if let Some(file) = &self.regular {
                    let _ = file.set_len(before);
                }
                return Err(system(error));
            }
            self.bytes = before.saturating_add(epilogue);
        } else if let Some(file) = &mut self.regular {
            // The half block that was cut off left room for this little one.
            use std::io::Seek as _;
            let epilogue = self.epilogue.bytes(statistics);
            let appended = file
                .seek(io::SeekFrom::Start(self.bytes))
                .and_then(|_| file.write_all(&epilogue));
            match appended {
                Ok(()) => self.bytes = self.bytes.saturating_add(epilogue.len() as u64),
                Err(_) => {
                    let _ = file.set_len(self.bytes);
                }
            }
        }
        Ok(())
    }

    fn written(&self) -> Written {
        Written {
            name: self.name.clone(),
            frames: self.frames,
            bytes: self.bytes,
        }
    }
}

/// The block that ends a file: its statistics.
struct Epilogue {
    link: crate::frame::LinkType,
}

impl Epilogue {
    fn of(interface: &Interface<'_>) -> Self {
        Self {
            link: interface.link,
        }
    }

    /// The block's bytes: those by which a file with statistics is longer than one without.
    fn bytes(&self, statistics: Statistics) -> Vec<u8> {
        let file = |statistics: Option<Statistics>| {
            let mut writer = Writer::new(Vec::new(), &Section::default())?;
            let interface = writer.interface(&Interface {
                name: None,
                description: None,
                filter: None,
                link: self.link,
                snap_len: 0,
            })?;
            if let Some(statistics) = statistics {
                writer.statistics(interface, statistics)?;
            }
            writer.finish()
        };
        match (file(None), file(Some(statistics))) {
            (Ok(without), Ok(with)) => with.get(without.len()..).unwrap_or_default().to_vec(),
            // Writing to memory does not fail.
            _ => Vec::new(),
        }
    }
}

/// What is said of the whole file.
fn section() -> Section<'static> {
    Section {
        application: Some(concat!("imgnet ", env!("CARGO_PKG_VERSION"))),
        ..Section::default()
    }
}

/// The system's own error, where it is one.
fn system(error: pcapng::Error) -> io::Error {
    match error {
        pcapng::Error::Write { source, .. } => source,
        other => io::Error::other(other),
    }
}

pub(super) fn now() -> Option<Timestamp> {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_nanos()).ok())
        .map(Timestamp)
}

/// The writer's thread: writes what comes through `queue` until it ends.
pub(super) fn write(
    mut recorder: Recorder,
    queue: &Receiver<Item>,
    spare: &Sender<Batch>,
    stop: &Stop,
) -> (Written, Option<WriteFailure>) {
    let mut failure = None;
    for item in queue {
        // After a failure the queue goes on being emptied, so that the reader is never held back by a writer
        // that gave up.
        let result = match &item {
            Item::Batch(batch) => recorder.batch(batch),
            Item::End(counts) => recorder.end(counts),
        };
        match result {
            Err(error)
                if error.kind() == io::ErrorKind::BrokenPipe && recorder.regular.is_none() =>
            {
                recorder.closed = true;
                stop.request(Reason::OutputClosed);
            }
            Err(source) if failure.is_none() && !recorder.closed => {
                stop.request(Reason::Output);
                failure = Some(WriteFailure::Middle {
                    name: recorder.name.clone(),
                    frames: recorder.frames,
                    source,
                });
            }
            Ok(()) | Err(_) => {}
        }
        if let Item::Batch(batch) = item {
            give_back(batch, spare);
        }
    }
    (recorder.written(), failure)
}
