//! The files of one side, as they come into being: each is read once for as long as it does not change.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use anyhow::bail;

use crate::analysis::DigestKind;
use crate::cli::verify::compare::{Named, Sides};
use crate::cli::verify::files::{self, Found};
use crate::digest::Hasher;
use crate::ledger::Image;

/// A file that was changed more recently may be changed again without its times showing it: the kernel's clock for them
/// goes in steps of up to 10 ms.
const SETTLED: Duration = Duration::from_millis(12);

/// Larger files are read only where a picture has as many bytes.
const LARGE: u64 = 256 << 20;

/// What tells whether a file was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    changed: (i64, i64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            bytes: metadata.len(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Whether a later change would show.
    fn settled(&self) -> bool {
        let (seconds, nanoseconds) = self.changed;
        let changed = u64::try_from(seconds)
            .ok()
            .zip(u32::try_from(nanoseconds).ok())
            .map(|(seconds, nanoseconds)| {
                SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds)
            });
        changed.is_some_and(|changed| changed.elapsed().is_ok_and(|age| age >= SETTLED))
    }
}

/// A file that was read.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) found: Found,
    /// Its digest of the kind that pictures have; absent where they have none that could stand for their bytes.
    pub(super) key: Option<String>,
}

/// The digest by which a picture is looked for among files: SHA-256 or BLAKE3.
pub(super) fn key_of(image: &Image) -> Option<&str> {
    image.sha256.as_deref().or_else(|| {
        let digest = image.digest.as_ref()?;
        (digest.algorithm == DigestKind::Blake3.name()).then_some(digest.value.as_str())
    })
}

/// A file that is there.
#[derive(Debug)]
struct Entry {
    stamp: Stamp,
    named: bool,
    /// When it was first seen as it is.
    since: Instant,
    reading: Option<Arc<Reading>>,
}

/// The files of one side.
#[derive(Debug, Default)]
pub(super) struct Folder {
    given: Vec<PathBuf>,
    entries: BTreeMap<PathBuf, Entry>,
    /// Grows whenever a file came or changed.
    pub(super) generation: u64,
}

impl Folder {
    pub(super) fn new(given: Vec<PathBuf>) -> Self {
        Self {
            given,
            ..Self::default()
        }
    }

    /// Whether anything was given.
    pub(super) fn is_given(&self) -> bool {
        !self.given.is_empty()
    }

    /// Looks which files there are. What cannot be read now is told at the end, if it still cannot.
    pub(super) fn scan(&mut self) {
        let mut there: Vec<(PathBuf, bool)> = Vec::new();
        for path in &self.given {
            if path.is_dir() {
                let files = files::walk(path).unwrap_or_default();
                there.extend(files.into_iter().map(|path| (path, false)));
            } else {
                there.push((path.clone(), true));
            }
        }
        let mut before = std::mem::take(&mut self.entries);
        for (path, named) in there {
            let Ok(metadata) = fs::metadata(&path) else {
                continue;
            };
            let stamp = Stamp::of(&metadata);
            let entry = match before.remove(&path) {
                Some(entry) if entry.stamp == stamp => entry,
                _ => {
                    self.generation = self.generation.wrapping_add(1);
                    Entry {
                        stamp,
                        named,
                        since: Instant::now(),
                        reading: None,
                    }
                }
            };
            self.entries.insert(path, entry);
        }
    }

    /// Reads the files of these lengths that were not read yet; of all lengths where none is given.
    /// Those that change meanwhile are left for later.
    pub(super) fn read(
        &mut self,
        wanted: Option<&[u64]>,
        kind: DigestKind,
        mut each: impl FnMut(&Arc<Reading>),
    ) {
        for (path, entry) in &mut self.entries {
            let bytes = entry.stamp.bytes;
            // One that is larger cannot be compared byte by byte: the capture file itself, maybe.
            let of_length = wanted.map_or(bytes <= LARGE, |wanted| wanted.contains(&bytes));
            if entry.reading.is_none() && of_length && entry.stamp.settled() {
                entry.reading = reading(path, entry.named, entry.stamp, kind).map(Arc::new);
                if let Some(reading) = &entry.reading {
                    self.generation = self.generation.wrapping_add(1);
                    each(reading);
                }
            }
        }
    }

    /// The files that were read, and for how long each has been as it is.
    pub(super) fn readings(&self) -> impl Iterator<Item = (&Arc<Reading>, Duration)> {
        self.entries.values().filter_map(|entry| {
            let reading = entry.reading.as_ref()?;
            Some((reading, entry.since.elapsed()))
        })
    }

    /// What [`files::look`] would say of a file, without reading again what has not changed.
    fn look(&self, path: &Path, named: bool) -> anyhow::Result<Found> {
        let stamp = fs::metadata(path).ok().map(|metadata| Stamp::of(&metadata));
        let known = self
            .entries
            .get(path)
            .filter(|entry| Some(entry.stamp) == stamp);
        match known.and_then(|entry| entry.reading.as_ref()) {
            Some(reading) => {
                let mut found = reading.found.clone();
                found.named = named;
                Ok(found)
            }
            None => files::look(path, named),
        }
    }
}

fn reading(path: &Path, named: bool, stamp: Stamp, kind: DigestKind) -> Option<Reading> {
    let found = files::look(path, named).ok()?;
    let key = match kind {
        DigestKind::Sha256 => Some(found.facts.sha256.clone()),
        DigestKind::Blake3 => Some(digest(path, kind)?),
        DigestKind::Crc32 | DigestKind::None => None,
    };
    let unchanged = Stamp::of(&fs::metadata(path).ok()?) == stamp;
    unchanged.then_some(Reading { found, key })
}

fn digest(path: &Path, kind: DigestKind) -> Option<String> {
    let mut file = File::open(path).ok()?;
    let mut hasher = Hasher::new(kind);
    let mut block = vec![0; 64 << 10];
    loop {
        let read = file.read(&mut block).ok()?;
        if read == 0 {
            return hasher.finish();
        }
        hasher.update(block.get(..read)?);
    }
}

/// The files of both sides, as far as they were read.
#[derive(Debug, Default)]
pub(super) struct Readings {
    pub(super) folders: [Folder; 2],
}

impl Readings {
    /// All files and ledgers as they are now. Those that are not there are added to `missing`, in words.
    ///
    /// # Errors
    /// One that cannot be read, a line of a ledger that is none.
    pub(super) fn sides(
        &self,
        named: &Named<'_>,
        missing: &mut Vec<String>,
    ) -> anyhow::Result<Sides> {
        let mut there = |option: &str, paths: &[PathBuf]| -> Vec<PathBuf> {
            let (there, not): (Vec<_>, Vec<_>) =
                paths.iter().cloned().partition(|path| path.exists());
            missing.extend(
                not.iter()
                    .map(|path| format!("{option} {}: is not there", path.display())),
            );
            there
        };
        let sent = there("--sent", named.sent);
        let received = there("--received", named.received);
        let ledger = there("--ledger", named.ledger);
        let [sent_folder, received_folder] = &self.folders;
        let sent = files::find(&sent, "--sent", &mut |path, named| {
            sent_folder.look(path, named)
        })?;
        let received = files::find(&received, "--received", &mut |path, named| {
            received_folder.look(path, named)
        })?;
        if sent.is_empty() && received.is_empty() && ledger.is_empty() && missing.is_empty() {
            bail!("there is no file to compare the pictures with");
        }
        Sides::of(sent, received, files::ledgers(&ledger)?, named)
    }
}
