//! Saves pictures: under a temporary name first, synced, inside one folder only, never over a file that is there.
//!
//! A picture has its name only when all of it is on the disk. What a killed program left behind has a name that begins
//! with `.imgnet-` and ends with `.part`; the next one that opens the folder deletes it, unless another one that still
//! runs may be writing it.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use rustix::fs::{FlockOperation, flock};
use tempfile::TempPath;

use super::Error;
use super::memory::{Memory, Share};
use crate::picture::Format;

/// Temporary names begin so,
const PREFIX: &str = ".imgnet-";
/// and end so.
const SUFFIX: &str = ".part";

/// So much of a picture waits in memory before it is written.
const PENDING: usize = 32 << 10;

/// All drafts together keep so much waiting; beyond it they are written at once.
const MOST_PENDING: usize = 192 << 20;

/// Drafts whose files are kept open while nothing comes; more are closed and opened again.
const MOST_OPEN: usize = 1024;

/// Drafts whose files are open.
static OPEN: AtomicUsize = AtomicUsize::new(0);

/// Bytes of memory in which drafts wait.
static WAITING: AtomicUsize = AtomicUsize::new(0);

/// The folder of a server. Names in it are made up here: nothing that comes from a peer is part of one.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    /// The number last given to a picture.
    last: AtomicU64,
    /// Rows of pixels that wait for the last of them.
    rows: Memory,
    /// Held shared by everyone who writes here, so that nobody deletes what another is writing. Absent where the
    /// file system has no locks.
    _lock: Option<File>,
}

impl Store {
    /// The folder `folder`, made if it is not there. What a killed program left in it is deleted.
    ///
    /// # Errors
    /// [`Error::Write`] when it cannot be made, or nothing can be written in it.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let write = |source| Error::Write {
            path: folder.to_owned(),
            source,
        };
        fs::create_dir_all(folder).map_err(write)?;
        let lock = File::open(folder).ok().filter(|lock| {
            if flock(lock, FlockOperation::NonBlockingLockExclusive).is_ok() {
                delete_leftovers(folder);
            }
            flock(lock, FlockOperation::NonBlockingLockShared).is_ok()
        });
        temporary(folder).map_err(write)?;
        Ok(Self {
            folder: folder.to_owned(),
            last: AtomicU64::new(0),
            rows: Memory::default(),
            _lock: lock,
        })
    }

    pub(super) fn rows(&self) -> Share {
        self.rows.share()
    }

    /// Bytes of rows that are held.
    #[cfg(test)]
    pub(super) fn rows_held(&self) -> u64 {
        self.rows.held()
    }

    pub(super) fn number(&self) -> u64 {
        self.last.fetch_add(1, Ordering::Relaxed).saturating_add(1)
    }

    /// Saves these bytes as `NAME.EXTENSION`, or with a number where that name is taken.
    pub(super) fn save(&self, name: &str, extension: &str, bytes: &[u8]) -> Result<PathBuf, Error> {
        let mut draft = Draft::new(&Destination::Folder(self));
        draft.write(bytes)?;
        draft.keep_as(&|attempt| match attempt {
            0 => self.folder.join(format!("{name}.{extension}")),
            _ => self.folder.join(format!("{name}-{attempt}.{extension}")),
        })
    }
}

/// Deletes temporary files; nobody else is using the folder.
fn delete_leftovers(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if is_file && name.starts_with(PREFIX) && name.ends_with(SUFFIX) {
            // One that cannot be deleted is in nobody's way.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Where a received picture goes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Destination<'d> {
    /// Into a folder, under a number.
    Folder(&'d Store),
    /// Into this file, replacing it.
    File(&'d Path),
    /// Into this file, replacing it, with the ending of its format added.
    Stem(&'d Path),
    /// Nowhere: it is kept in memory.
    Memory,
    /// Kept in memory, and saved in the folder under this name (without extension).
    Named { store: &'d Store, name: &'d str },
}

/// Finds out whether a picture can be saved there before anything is asked for.
pub(super) fn writable(file: &Path) -> Result<(), Error> {
    if file.is_dir() {
        return Err(Error::Write {
            path: file.to_owned(),
            source: io::ErrorKind::IsADirectory.into(),
        });
    }
    let folder = folder_of(file);
    match temporary(&folder) {
        Ok(_) => Ok(()),
        Err(source) => Err(Error::Write {
            path: folder,
            source,
        }),
    }
}

fn folder_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(folder) if folder != Path::new("") => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// A file that does not have its name yet; it is deleted unless it is kept.
#[derive(Debug)]
pub(super) struct Draft {
    folder: PathBuf,
    /// What is not written yet.
    pending: Pending,
    /// Absent as long as all of it is pending.
    part: Option<Part>,
}

/// The temporary file of a draft.
#[derive(Debug)]
struct Part {
    path: TempPath,
    /// Absent while nothing comes and many others are open.
    file: Option<Counted>,
}

/// An open file that is counted in [`OPEN`].
#[derive(Debug)]
struct Counted(File);

impl Counted {
    fn new(file: File) -> Self {
        OPEN.fetch_add(1, Ordering::Relaxed);
        Self(file)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        OPEN.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Part {
    fn new(folder: &Path) -> io::Result<Self> {
        let (file, path) = temporary(folder)?;
        Ok(Self {
            path,
            file: Some(Counted::new(file)),
        })
    }

    fn file(&mut self) -> io::Result<&mut File> {
        let counted = match &mut self.file {
            Some(counted) => counted,
            closed => {
                let file = File::options().append(true).open(&self.path)?;
                closed.insert(Counted::new(file))
            }
        };
        Ok(&mut counted.0)
    }
}

/// What waits to be written; its memory is counted in [`WAITING`].
#[derive(Debug, Default)]
struct Pending(Vec<u8>);

impl Pending {
    /// Takes these bytes too, unless that is too much for one, or for all.
    fn takes(&mut self, bytes: &[u8]) -> bool {
        let before = self.0.capacity();
        let length = self.0.len().saturating_add(bytes.len());
        let waiting = WAITING.load(Ordering::Relaxed);
        if length > PENDING || (length > before && waiting > MOST_PENDING) {
            return false;
        }
        if length > before {
            // Half as much again, so that many small pieces are not moved for every one of them.
            let wanted = length.saturating_add(before / 2).min(PENDING);
            self.0.reserve_exact(wanted.saturating_sub(self.0.len()));
            let grown = self.0.capacity().saturating_sub(before);
            WAITING.fetch_add(grown, Ordering::Relaxed);
        }
        self.0.extend_from_slice(bytes);
        true
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        WAITING.fetch_sub(self.0.capacity(), Ordering::Relaxed);
    }
}

impl Draft {
    /// A draft in the folder where `destination` is; memory has none.
    pub(super) fn new(destination: &Destination<'_>) -> Self {
        let folder = match destination {
            Destination::Folder(store) | Destination::Named { store, .. } => store.folder.clone(),
            Destination::File(path) | Destination::Stem(path) => folder_of(path),
            Destination::Memory => std::env::temp_dir(),
        };
        Self {
            folder,
            pending: Pending::default(),
            part: None,
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if self.pending.takes(bytes) {
            return Ok(());
        }
        self.write_out(bytes).map_err(|source| Error::Write {
            path: self.folder.clone(),
            source,
        })
    }

    /// Writes what is pending, and these.
    fn write_out(&mut self, bytes: &[u8]) -> io::Result<()> {
        let part = match &mut self.part {
            Some(part) => part,
            none => none.insert(Part::new(&self.folder)?),
        };
        let file = part.file()?;
        if !self.pending.0.is_empty() {
            file.write_all(&self.pending.0)?;
            self.pending = Pending::default();
        }
        file.write_all(bytes)
    }

    /// Nothing comes for a while: gives the descriptor back where many are in use.
    pub(super) fn rest(&mut self) {
        if let Some(part) = &mut self.part
            && OPEN.load(Ordering::Relaxed) > MOST_OPEN
        {
            part.file = None;
        }
    }

    /// Gives the draft its name at the destination and returns it.
    pub(super) fn keep(
        self,
        destination: &Destination<'_>,
        format: Option<Format>,
        whole: bool,
    ) -> Result<PathBuf, Error> {
        let part = if whole { "" } else { ".incomplete" };
        match destination {
            Destination::Folder(store) => {
                let extension = extension(format);
                self.keep_as(&|_| {
                    let number = store.number();
                    store
                        .folder
                        .join(format!("image-{number:04}{part}.{extension}"))
                })
            }
            Destination::File(path) | Destination::Stem(path) => {
                let mut path = (*path).to_owned();
                if matches!(destination, Destination::Stem(_)) {
                    path.as_mut_os_string()
                        .push(format!(".{}", extension(format)));
                }
                if !whole {
                    let mut name = path.file_stem().unwrap_or_default().to_owned();
                    name.push(part);
                    if let Some(extension) = path.extension() {
                        name.push(".");
                        name.push(extension);
                    }
                    path.set_file_name(name);
                }
                let folder = self.folder.clone();
                let part = self.synced()?;
                match part.persist(&path) {
                    Ok(()) => {
                        sync_folder(&folder);
                        Ok(path)
                    }
                    Err(error) => Err(Error::Write {
                        path,
                        source: error.error,
                    }),
                }
            }
            // These are not drafted: they are saved once they are whole in memory.
            Destination::Memory | Destination::Named { .. } => Ok(PathBuf::new()),
        }
    }

    /// Gives the draft the first of these names that is free.
    fn keep_as(self, name: &dyn Fn(u64) -> PathBuf) -> Result<PathBuf, Error> {
        let folder = self.folder.clone();
        let mut part = self.synced()?;
        let mut attempt = 0_u64;
        loop {
            let path = name(attempt);
            match part.persist_noclobber(&path) {
                Ok(()) => {
                    sync_folder(&folder);
                    return Ok(path);
                }
                Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
                    part = error.path;
                    attempt = attempt.saturating_add(1);
                }
                Err(error) => {
                    return Err(Error::Write {
                        path,
                        source: error.error,
                    });
                }
            }
        }
    }

    /// All of it, on the disk, under its temporary name.
    fn synced(mut self) -> Result<TempPath, Error> {
        let synced = self.write_out(&[]).and_then(|()| match &mut self.part {
            Some(part) => part.file().and_then(|file| file.sync_data()),
            None => Ok(()),
        });
        let failed = |source| Error::Write {
            path: self.folder.clone(),
            source,
        };
        synced.map_err(failed)?;
        match self.part.take() {
            Some(part) => Ok(part.path),
            None => Err(failed(io::ErrorKind::NotFound.into())),
        }
    }
}

/// Makes a new name in the folder outlast a power cut, where the file system can.
fn sync_folder(folder: &Path) {
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
}

/// The usual ending of a file's name; `bgr` for raw pixels.
pub(super) fn extension(format: Option<Format>) -> &'static str {
    format.map_or("bgr", Format::extension)
}

fn temporary(folder: &Path) -> io::Result<(File, TempPath)> {
    let file = tempfile::Builder::new()
        .prefix(PREFIX)
        .suffix(SUFFIX)
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)
        .map_err(without_name)?;
    Ok(file.into_parts())
}

/// What the system said: the made-up name that is put behind it says nothing to who reads it.
fn without_name(error: io::Error) -> io::Error {
    let told = error.to_string();
    match told.split_once(" at path ") {
        Some((system, _)) => io::Error::new(error.kind(), system),
        None => error,
    }
}
