//! The writing side of a capture: whole batches at a time, and a file that ends in a whole block whatever
//! happens.

use std::collections::VecDeque;
use std::fs::{File, Metadata};
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant, SystemTime};

use super::brake::Depth;
use super::notes::{self, Notes};
use super::{Batch, Counts, Item, Reason, Stop, give_back};
use crate::capture::pcapng::{self, Interface, Packet, Section, Statistics, Writer};
use crate::frame::{Frame, LinkType};
use crate::units::Timestamp;

/// How often what is kept back is looked at.
const LOOK: Duration = Duration::from_millis(10);
/// Longest time to wait for the consumer's notes.
const PATIENCE: Duration = Duration::from_secs(1);

/// When a new file is begun, and how many are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rotation {
    /// When.
    pub every: Every,
    /// Files of this capture that are kept, the latest; absent: all.
    pub keep: Option<usize>,
}

/// When a new file is begun: before the first frame after that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Every {
    /// So many bytes of file.
    Bytes(u64),
    /// So much time of frames.
    Time(Duration),
    /// So many pictures that ended.
    Pictures(u64),
}

/// A capture file that is being written, or a row of them.
pub(crate) struct Recorder {
    name: String,
    /// Absent once the file is finished or was given up.
    writer: Option<Writer<Box<dyn Write + Send>>>,
    /// The file again, to cut off half a block; absent where it is no regular file.
    regular: Option<File>,
    interfaces: Vec<Described>,
    /// What hosts are called.
    names: Vec<(IpAddr, String)>,
    started: Option<Timestamp>,
    /// Frames handed to the system.
    frames: u64,
    /// Frames that wait in the writer to be handed over.
    waiting: u64,
    /// Bytes handed to the system, all of them whole blocks: of this file, and of those before.
    bytes: u64,
    bytes_before: u64,
    /// Whether who reads the pipe has gone.
    closed: bool,
    row: Option<Row>,
}

/// A row of files.
struct Row {
    base: PathBuf,
    rotation: Rotation,
    /// Those that are there, the oldest first.
    files: VecDeque<PathBuf>,
    made: u64,
    /// Of the file that is written: when its first frame came, and how many pictures ended in it.
    first: Option<Timestamp>,
    pictures: u64,
}

/// An interface in the words of the file, to describe it again in the next one.
struct Described {
    name: Option<String>,
    description: Option<String>,
    filter: Option<String>,
    os: Option<String>,
    link: LinkType,
    snap_len: u32,
}

impl Described {
    fn of(interface: &Interface<'_>) -> Self {
        Self {
            name: interface.name.map(str::to_owned),
            description: interface.description.map(str::to_owned),
            filter: interface.filter.map(str::to_owned),
            os: Some(interface.os.map_or_else(os, str::to_owned)),
            link: interface.link,
            snap_len: interface.snap_len,
        }
    }

    fn as_interface(&self) -> Interface<'_> {
        Interface {
            name: self.name.as_deref(),
            description: self.description.as_deref(),
            filter: self.filter.as_deref(),
            os: self.os.as_deref(),
            link: self.link,
            snap_len: self.snap_len,
        }
    }
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    /// The file's name as the user gave it; `-` for standard output.
    pub name: String,
    /// Frames in it.
    pub frames: u64,
    /// Its length in bytes.
    pub bytes: u64,
    /// Files that there are, the oldest first, where it is a row of them; else empty.
    pub files: Vec<PathBuf>,
    /// How many files the row had, those that were removed again included.
    pub made: u64,
    /// Where the file is that was written last; absent where it is none of a disk.
    pub place: Option<Place>,
}

/// A file by what stays the same when it is renamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    device: u64,
    inode: u64,
    /// Under how many names it can be found.
    pub(crate) names: u64,
}

impl Place {
    fn of(file: &File) -> Option<Self> {
        let found = file.metadata().ok()?;
        Some(Self {
            device: found.dev(),
            inode: found.ino(),
            names: found.nlink(),
        })
    }

    /// Whether this is what is there.
    pub(crate) fn is(&self, found: &Metadata) -> bool {
        (self.device, self.inode) == (found.dev(), found.ino())
    }
}

/// A capture file cannot be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteFailure {
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
    /// Makes the file, or empties the one that is there, and describes the interfaces in it. With a rotation, the first
    /// of a row of files, `NAME_00001_TIME.EXTENSION`; none of them replaces a file that is there.
    ///
    /// # Errors
    /// [`WriteFailure::Create`].
    pub(crate) fn create(
        path: PathBuf,
        interfaces: &[Interface<'_>],
        rotation: Option<Rotation>,
    ) -> Result<Self, WriteFailure> {
        let mut row = rotation.map(|rotation| Row {
            base: path.clone(),
            rotation,
            files: VecDeque::new(),
            made: 0,
            first: None,
            pictures: 0,
        });
        let made = match &mut row {
            Some(row) => row.next(),
            // To be read by who repairs it; where that is not allowed, it is not repaired.
            None => File::options()
                .read(true)
                .write(true)
                .create(true)
                .truncate(true)
                .open(&path)
                .or_else(|_| File::create(&path)),
        };
        let made = made.and_then(|file| {
            // What was written to a named pipe or a device cannot be taken back.
            let regular = file.metadata()?.is_file().then(|| file.try_clone());
            Self::begin(
                path.display().to_string(),
                Box::new(file),
                regular.transpose()?,
                interfaces,
            )
        });
        match made {
            Ok(recorder) => Ok(Self { row, ..recorder }),
            Err(source) => Err(WriteFailure::Create { path, source }),
        }
    }

    /// The regular file that is written; absent where it is none, or a row of them.
    pub(crate) fn file(&self) -> Option<&File> {
        self.regular.as_ref().filter(|_| self.row.is_none())
    }

    /// Writes to standard output, or whatever pipe this is, under the name `-`.
    ///
    /// # Errors
    /// [`WriteFailure::Create`].
    pub(crate) fn pipe(
        pipe: Box<dyn Write + Send>,
        interfaces: &[Interface<'_>],
    ) -> Result<Self, WriteFailure> {
        Self::begin("-".to_owned(), pipe, None, interfaces).map_err(|source| WriteFailure::Create {
            path: "-".into(),
            source,
        })
    }

    fn begin(
        name: String,
        out: Box<dyn Write + Send>,
        regular: Option<File>,
        interfaces: &[Interface<'_>],
    ) -> io::Result<Self> {
        let interfaces: Vec<Described> = interfaces.iter().map(Described::of).collect();
        let writer = opened(out, &interfaces)?;
        Ok(Self {
            name,
            bytes: writer.written_bytes(),
            bytes_before: 0,
            writer: Some(writer),
            regular,
            interfaces,
            names: Vec::new(),
            started: now(),
            frames: 0,
            waiting: 0,
            closed: false,
            row: None,
        })
    }

    /// Says in the file, and in those that follow it, what hosts are called.
    ///
    /// # Errors
    /// [`WriteFailure::Middle`].
    pub(crate) fn named(mut self, names: Vec<(IpAddr, String)>) -> Result<Self, WriteFailure> {
        if let Some(writer) = &mut self.writer {
            let written = writer.names(&names).map_err(system);
            self.bytes = writer.written_bytes();
            written.map_err(|source| WriteFailure::Middle {
                name: self.name.clone(),
                frames: 0,
                source,
            })?;
        }
        self.names = names;
        Ok(self)
    }

    /// Begins the next file of the row, and takes the oldest away where there are too many.
    fn rotate(&mut self) -> io::Result<()> {
        let Some(row) = &mut self.row else {
            return Ok(());
        };
        // The kernel's counts are of the whole capture: they stand in its last file.
        if let Some(writer) = self.writer.take() {
            writer.finish().map_err(system)?;
        }
        let file = row.next()?;
        self.bytes_before = self.bytes_before.saturating_add(self.bytes);
        self.bytes = 0;
        self.regular = Some(file.try_clone()?);
        let mut writer = opened(Box::new(file), &self.interfaces)?;
        writer.names(&self.names).map_err(system)?;
        self.bytes = writer.written_bytes();
        self.writer = Some(writer);
        Ok(())
    }

    fn batch(&mut self, batch: &Batch, notes: &Notes) -> io::Result<()> {
        let mut texts = notes.up_to(batch.last());
        for frame in batch.frames() {
            let number = frame.number.0;
            let due = self
                .row
                .as_ref()
                .is_some_and(|row| row.due(self.bytes.saturating_add(self.gathered()), &frame));
            if due {
                if let Some(writer) = &mut self.writer {
                    let flushed = writer.flush();
                    self.handed_over(flushed)?;
                }
                self.rotate()?;
            }
            let mut comment = None;
            while let Some(entry) = texts.first_entry().filter(|entry| *entry.key() <= number) {
                let text = entry.remove();
                match &mut comment {
                    None => comment = Some(text),
                    Some(comment) => {
                        comment.push('\n');
                        comment.push_str(&text);
                    }
                }
            }
            self.frame(&frame, comment.as_deref())?;
            if let Some(row) = &mut self.row {
                row.first = row.first.or(frame.time);
                row.pictures = row.pictures.saturating_add(notes.ended(number));
            }
        }
        let Some(writer) = &mut self.writer else {
            return Ok(());
        };
        let flushed = writer.flush();
        self.handed_over(flushed)
    }

    /// Bytes that wait in the writer.
    fn gathered(&self) -> u64 {
        self.writer
            .as_ref()
            .map_or(0, |writer| writer.gathered_bytes() as u64)
    }

    fn frame(&mut self, frame: &Frame<'_>, comment: Option<&str>) -> io::Result<()> {
        // A frame without a time does not come from a live interface; it counts as not written.
        let (Some(writer), Some(time)) = (&mut self.writer, frame.time) else {
            return Ok(());
        };
        let added = writer.packet(&Packet {
            interface: frame.interface,
            time,
            wire_len: frame.wire_len,
            data: frame.data,
            comment,
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
                let waiting = std::mem::take(&mut self.waiting);
                if let Some(file) = &self.regular {
                    // What fitted of the frames that were written at once stays.
                    if let Some((end, frames)) = fitted(file, self.bytes) {
                        self.bytes = end;
                        self.frames = self.frames.saturating_add(frames.min(waiting));
                    }
                    // Best effort: readers take a file that is cut within a block, too, and say so.
                    let _ = file.set_len(self.bytes);
                }
                Err(system(error))
            }
        }
    }

    /// Writes what the kernel counted, and finishes the file.
    fn end(&mut self, counts: &Counts, interfaces: &[Option<super::Statistics>]) -> io::Result<()> {
        let mut unwritten = counts.frames.saturating_sub(self.frames);
        let ended = counts.ended;
        let statistics: Vec<Statistics> = (0..self.interfaces.len())
            .map(|index| {
                let known = interfaces.get(index).copied().flatten();
                // Which interface had those that were not written is not known: they are told once.
                let more = std::mem::take(&mut unwritten);
                Statistics {
                    started: self.started,
                    ended,
                    received: known.map(|known| known.received),
                    away: known.and_then(|known| known.away),
                    dropped: known.map(|known| {
                        known
                            .dropped
                            .saturating_add(known.interface_dropped.unwrap_or(0))
                    }),
                    unwritten: more,
                }
            })
            .collect();
        if let Some(mut writer) = self.writer.take() {
            for (interface, statistics) in (0..).zip(&statistics) {
                writer.statistics(interface, *statistics).map_err(system)?;
            }
            let before = writer.written_bytes();
            let epilogue = self.epilogue(&statistics).len() as u64;
            if let Err(error) = writer.finish() {
                if let Some(file) = &self.regular {
                    let _ = file.set_len(before);
                }
                return Err(system(error));
            }
            self.bytes = before.saturating_add(epilogue);
        } else if self.regular.is_some() {
            // The half block that was cut off left room for this little one.
            use std::io::Seek as _;
            let epilogue = self.epilogue(&statistics);
            let Some(file) = &mut self.regular else {
                return Ok(());
            };
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

    /// The blocks that end a file: those by which one with statistics is longer than one without.
    fn epilogue(&self, statistics: &[Statistics]) -> Vec<u8> {
        let file = |statistics: &[Statistics]| {
            let mut writer = Writer::new(Vec::new(), &Section::default())?;
            for interface in &self.interfaces {
                writer.interface(&interface.as_interface())?;
            }
            for (interface, statistics) in (0..).zip(statistics) {
                writer.statistics(interface, *statistics)?;
            }
            writer.finish()
        };
        match (file(&[]), file(statistics)) {
            (Ok(without), Ok(with)) => with.get(without.len()..).unwrap_or_default().to_vec(),
            // Writing to memory does not fail.
            _ => Vec::new(),
        }
    }

    fn written(&self) -> Written {
        Written {
            name: self.name.clone(),
            frames: self.frames,
            bytes: self.bytes.saturating_add(self.bytes_before),
            files: self
                .row
                .as_ref()
                .map(|row| row.files.iter().cloned().collect())
                .unwrap_or_default(),
            made: self.row.as_ref().map_or(0, |row| row.made),
            place: self.regular.as_ref().and_then(Place::of),
        }
    }
}

impl Row {
    /// Whether the next file is to begin before this frame.
    fn due(&self, bytes: u64, frame: &Frame<'_>) -> bool {
        if self.first.is_none() {
            // No file without a frame.
            return false;
        }
        match self.rotation.every {
            Every::Bytes(most) => bytes.saturating_add(frame.data.len() as u64) > most,
            Every::Time(time) => match (self.first, frame.time) {
                // A clock that was set back does not hold the next file back until it has caught up.
                (Some(first), Some(now)) => {
                    u128::from(now.since(first).unsigned_abs()) >= time.as_nanos()
                }
                _ => false,
            },
            Every::Pictures(most) => self.pictures >= most,
        }
    }

    /// Makes the next file.
    fn next(&mut self) -> io::Result<File> {
        self.made = self.made.saturating_add(1);
        self.first = None;
        self.pictures = 0;
        let stem = self.base.file_stem().unwrap_or_default().to_string_lossy();
        let extension = self
            .base
            .extension()
            .map_or_else(|| "pcapng".into(), |extension| extension.to_string_lossy());
        let time = jiff::Timestamp::now().strftime("%Y%m%d%H%M%S");
        let path = self
            .base
            .with_file_name(format!("{stem}_{:05}_{time}.{extension}", self.made));
        let file = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)?;
        self.files.push_back(path);
        while self
            .rotation
            .keep
            .is_some_and(|keep| self.files.len() > keep.max(1))
        {
            if let Some(oldest) = self.files.pop_front() {
                // One that is gone already, or cannot be taken away, is no reason to end the capture.
                let _ = std::fs::remove_file(oldest);
            }
        }
        Ok(file)
    }
}

/// Where the last block ends that fitted on a disk that is full now, and how many packets lie between `begins` and there. A
/// little is left free, for the block that says what is missing.
fn fitted(file: &File, begins: u64) -> Option<(u64, u64)> {
    /// As long as that block is at most.
    const EPILOGUE: u64 = 512;
    let length = file.metadata().ok()?.len().checked_sub(EPILOGUE)?;
    crate::capture::repair::whole_from(file, begins, length).ok()?
}

fn opened(
    out: Box<dyn Write + Send>,
    interfaces: &[Described],
) -> io::Result<Writer<Box<dyn Write + Send>>> {
    let system_name = rustix::system::uname();
    let section = Section {
        hardware: Some(&system_name.machine().to_string_lossy()),
        os: Some(&os()),
        application: Some(concat!("imgnet ", env!("CARGO_PKG_VERSION"))),
        comment: None,
    };
    let mut writer = Writer::new(out, &section).map_err(system)?;
    for interface in interfaces {
        writer
            .interface(&interface.as_interface())
            .map_err(system)?;
    }
    Ok(writer)
}

/// The operating system that this runs on.
fn os() -> String {
    let name = rustix::system::uname();
    format!(
        "{} {}",
        name.sysname().to_string_lossy(),
        name.release().to_string_lossy()
    )
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
    recorder: Recorder,
    queue: &Receiver<Item>,
    spare: &Sender<Batch>,
    stop: &Stop,
    notes: &Notes,
    depth: &Depth,
) -> (Written, Option<WriteFailure>) {
    let mut thread = Thread {
        recorder,
        stop,
        notes,
        failure: None,
    };
    let mut back: VecDeque<(Arc<Batch>, Instant)> = VecDeque::new();
    let mut back_bytes = 0_usize;
    loop {
        let item = if back.is_empty() {
            queue.recv().ok()
        } else {
            match queue.recv_timeout(LOOK) {
                Ok(item) => Some(item),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break,
            }
        };
        let mut end = None;
        match item {
            Some(Item::Batch(batch)) => {
                depth.writer.fetch_sub(1, Ordering::Relaxed);
                back_bytes = back_bytes.saturating_add(batch.captured_bytes());
                back.push_back((batch, Instant::now()));
            }
            Some(Item::End(counts, interfaces)) => {
                // The consumer has its last words to say, and says them soon.
                let patience = Instant::now() + PATIENCE;
                while !notes.known(u64::MAX) && Instant::now() < patience {
                    std::thread::sleep(LOOK);
                }
                end = Some((counts, interfaces));
            }
            // A queue without an end, and nothing kept back: the reader ended by a panic.
            None if back.is_empty() => break,
            None => {}
        }
        while let Some((batch, came)) = back.front() {
            let age = came.elapsed();
            let ripe = (age >= notes::BACK && notes.known(batch.last())) || age >= PATIENCE;
            if end.is_none() && !ripe && back_bytes <= notes::BACK_BYTES {
                break;
            }
            let result = thread.recorder.batch(batch, thread.notes);
            thread.note(result);
            if let Some((batch, _)) = back.pop_front() {
                back_bytes = back_bytes.saturating_sub(batch.captured_bytes());
                give_back(batch, spare);
            }
        }
        if let Some((counts, interfaces)) = end {
            let result = thread.recorder.end(&counts, &interfaces);
            thread.note(result);
            break;
        }
    }
    (thread.recorder.written(), thread.failure)
}

/// The writer's thread and how it fares.
struct Thread<'t> {
    recorder: Recorder,
    stop: &'t Stop,
    notes: &'t Notes,
    failure: Option<WriteFailure>,
}

impl Thread<'_> {
    /// After a failure the queue goes on being emptied, so that the reader is never held back by a writer that gave up.
    fn note(&mut self, result: io::Result<()>) {
        let Err(source) = result else { return };
        if source.kind() == io::ErrorKind::BrokenPipe && self.recorder.regular.is_none() {
            self.recorder.closed = true;
            self.stop.request(Reason::OutputClosed);
        } else if self.failure.is_none() && !self.recorder.closed {
            self.stop.request(Reason::Output);
            self.failure = Some(WriteFailure::Middle {
                name: self.recorder.name.clone(),
                frames: self.recorder.frames,
                source,
            });
        }
    }
}
