//! The files given with `--sent` and `--received`, and the ledgers.

use std::collections::{HashSet, VecDeque};
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};

use crate::cli::output::trouble;
use crate::digest::{DigestKind, Hasher};
use crate::picture::{self, SNIFF_BYTES, Sniff, Walker};
use crate::transfer::record::{self, Record};
use crate::verify::{Candidate, FileFacts, Wire, natural};

/// More files than this are a mistake.
const MOST: usize = 100_000;
/// A line of a ledger is not longer.
const LINE: u64 = 64 << 20;
/// Bytes at either end that tell whether a larger file is compared as a whole.
const END: usize = 1024;
/// Smaller ones are always.
const SMALL: u64 = 64 << 10;
/// Bytes read at once.
const BLOCK: usize = 64 << 10;

/// A file of one side.
#[derive(Debug, Clone)]
pub(in crate::cli) struct Found {
    pub(in crate::cli) path: PathBuf,
    pub(in crate::cli) facts: FileFacts,
    pub(in crate::cli) candidate: Candidate,
    /// It was named itself, not found in a folder.
    pub(in crate::cli) named: bool,
    /// Its bytes, where those were given and no file.
    memory: Option<Arc<[u8]>>,
    /// Its bytes are no more what they were when it was read: there are only the facts.
    pub(in crate::cli) gone: bool,
    /// Its first and last bytes, [`END`] at most each.
    head: Vec<u8>,
    tail: Vec<u8>,
}

impl Found {
    /// Whether it is plainly no picture: text, or a file that by its name is of a program or a capture.
    pub(super) fn is_no_picture(&self) -> bool {
        const OTHERS: [&str; 9] = [
            "pcap", "pcapng", "cap", "jsonl", "log", "py", "pyc", "db", "lock",
        ];
        let text = || {
            let head = match std::str::from_utf8(&self.head) {
                Ok(head) => head,
                // Cut within a letter.
                Err(error) if error.error_len().is_none() => {
                    let valid = self.head.get(..error.valid_up_to()).unwrap_or_default();
                    std::str::from_utf8(valid).unwrap_or_default()
                }
                Err(_) => return false,
            };
            !head.is_empty()
                && !head
                    .chars()
                    .any(|c| c.is_control() && !"\n\r\t\x0c".contains(c))
        };
        let extension = self.path.extension().and_then(|name| name.to_str());
        let other = extension.is_some_and(|name| OTHERS.contains(&name.to_lowercase().as_str()));
        self.candidate.format.is_none() && (other || text())
    }

    /// Whether it is worth reading to see how much it has in common with these bytes: small, or alike at either end.
    pub(super) fn is_promising(&self, wire: &Wire) -> bool {
        let Some(whole) = wire.whole() else {
            return true;
        };
        let starts = whole.get(..END).is_some_and(|head| self.head == head);
        let ends = whole.len().checked_sub(END);
        let ends = ends.and_then(|at| whole.get(at..));
        self.facts.bytes < SMALL || starts || ends.is_some_and(|tail| self.tail == tail)
    }
}

/// Reads a file and says what it is: its path, and whether it was itself named.
pub(in crate::cli) type Look<'l> = dyn FnMut(&Path, bool) -> anyhow::Result<Found> + 'l;

/// All files of one side, in natural order of each path given. Names that begin with a dot are left out of folders.
///
/// # Errors
/// A path that is not there or cannot be read.
pub(in crate::cli) fn find(
    given: &[PathBuf],
    option: &str,
    look: &mut Look<'_>,
) -> anyhow::Result<Vec<Found>> {
    let mut files: Vec<Found> = Vec::new();
    for path in given {
        let cannot = trouble(
            path,
            "cannot be read",
            "name a file or a folder that exists and that you may read",
        );
        let metadata = fs::metadata(path)
            .map_err(&cannot)
            .with_context(|| option.to_owned())?;
        if metadata.is_dir() {
            for path in walk(path)? {
                files.push(look(&path, false)?);
                if files.len() > MOST {
                    bail!(
                        "{option} {}: more than {MOST} files; name the folder with the pictures alone",
                        path_shown(given)
                    );
                }
            }
        } else if metadata.is_file() {
            files.push(look(path, true)?);
        } else {
            bail!(
                "{option} {}: is neither a file nor a folder",
                path.display()
            );
        }
    }
    Ok(files)
}

fn path_shown(given: &[PathBuf]) -> String {
    given
        .first()
        .map(|path| path.display().to_string())
        .unwrap_or_default()
}

/// Regular files below a folder. Links to folders are not followed.
pub(in crate::cli) fn walk(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = VecDeque::from([folder.to_owned()]);
    while let Some(folder) = folders.pop_front() {
        let cannot = refused(&folder, "make it readable, or name the files themselves");
        for entry in fs::read_dir(&folder).map_err(&cannot)? {
            let entry = entry.map_err(&cannot)?;
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            let kind = entry.file_type().map_err(&cannot)?;
            let path = entry.path();
            if kind.is_dir() {
                folders.push_back(path);
            } else if kind.is_file()
                || (kind.is_symlink() && fs::metadata(&path).is_ok_and(|target| target.is_file()))
            {
                found.push(path);
            }
            if found.len().saturating_add(folders.len()) > MOST {
                bail!(
                    "{}: holds more than {MOST} files; name the folder with the pictures alone",
                    folder.display()
                );
            }
        }
    }
    found.sort_by(|a, b| natural(&a.to_string_lossy(), &b.to_string_lossy()));
    Ok(found)
}

/// Why a file cannot be read.
fn unreadable(path: &Path) -> impl Fn(io::Error) -> anyhow::Error {
    refused(path, "make it readable, or leave it out")
}

/// The same of a file or a folder, with this advice. A confined process may read only what was there when it began: where the
/// rights of a file are no reason to refuse it, it has come since.
fn refused(path: &Path, advice: &'static str) -> impl Fn(io::Error) -> anyhow::Error {
    move |error| {
        use rustix::fs::{Access, AtFlags, CWD, accessat};
        if error.kind() == io::ErrorKind::PermissionDenied
            && accessat(CWD, path, Access::READ_OK, AtFlags::empty()).is_ok()
        {
            return anyhow::anyhow!(
                "{}: was replaced after this command began; verify it once the programs are done",
                path.display()
            );
        }
        trouble(path, "cannot be read", advice)(error)
    }
}

/// Reads a file once: its length, digest, format and size.
///
/// # Errors
/// One that cannot be read.
pub(in crate::cli) fn look(path: &Path, named: bool) -> anyhow::Result<Found> {
    look_at(path, named, File::open(path).map_err(unreadable(path))?)
}

/// Files that are compared, as they were when they were looked at.
#[derive(Debug, Default)]
pub(in crate::cli) struct Unchanged(Vec<(PathBuf, Stamp)>);

/// By what a file that was replaced, or written to, is known: device, inode, length, time of the last change.
type Stamp = (u64, u64, u64, (i64, i64));

fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = fs::metadata(path).ok()?;
    let changed = (metadata.mtime(), metadata.mtime_nsec());
    Some((metadata.dev(), metadata.ino(), metadata.len(), changed))
}

impl Unchanged {
    /// As [`look`], and remembers what it looked at.
    ///
    /// # Errors
    /// One that cannot be read.
    pub(in crate::cli) fn look(&mut self, path: &Path, named: bool) -> anyhow::Result<Found> {
        let before = stamp(path);
        let found = look(path, named)?;
        if let Some(before) = before {
            self.0.push((path.to_owned(), before));
        }
        Ok(found)
    }

    /// Makes sure that all of them are still what was looked at, so that nobody is blamed for what changed meanwhile; and where not
    /// `all_well`, that none came that might have been what is missing, into the folders `given`.
    ///
    /// # Errors
    /// One is not, or one came.
    pub(in crate::cli) fn check(
        &self,
        given: [&[PathBuf]; 2],
        all_well: bool,
    ) -> anyhow::Result<()> {
        self.is_as_it_was()?;
        if all_well {
            return Ok(());
        }
        let looked: HashSet<&Path> = self.0.iter().map(|(path, _)| path.as_path()).collect();
        for folder in given.into_iter().flatten().filter(|path| path.is_dir()) {
            if let Some(new) = walk(folder)?
                .iter()
                .find(|path| !looked.contains(path.as_path()))
            {
                bail!(
                    "{}: came while the others were compared; verify them once the programs are done",
                    new.display()
                );
            }
        }
        Ok(())
    }

    fn is_as_it_was(&self) -> anyhow::Result<()> {
        for (path, before) in &self.0 {
            let what = match stamp(path) {
                Some(now) if now == *before => continue,
                Some(_) => "was changed or replaced",
                None => "was removed",
            };
            bail!(
                "{}: {what} while it was compared; verify it once the programs are done",
                path.display()
            );
        }
        Ok(())
    }
}

/// The same of bytes that are no file, under this name.
///
/// # Errors
/// None but those of [`look`].
pub(super) fn of_memory(path: &Path, named: bool, bytes: &Arc<[u8]>) -> anyhow::Result<Found> {
    let mut found = look_at(path, named, bytes.as_ref())?;
    found.memory = Some(Arc::clone(bytes));
    Ok(found)
}

fn look_at(path: &Path, named: bool, mut file: impl io::Read) -> anyhow::Result<Found> {
    let cannot = unreadable(path);
    let mut hasher = Hasher::new(DigestKind::Sha256);
    let mut block = vec![0_u8; BLOCK];
    let mut bytes = 0_u64;
    let mut walker = None;
    let (mut head, mut tail): (Vec<u8>, Vec<u8>) = (Vec::new(), Vec::new());
    loop {
        let read = match file.read(&mut block) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(cannot(error)),
        };
        let piece = block.get(..read).unwrap_or_default();
        if bytes == 0
            && let Sniff::Is(format) = picture::sniff(piece.get(..SNIFF_BYTES).unwrap_or(piece))
        {
            walker = Some(Walker::new(format));
        }
        if let Some(walker) = &mut walker {
            walker.update(piece);
        }
        hasher.update(piece);
        let room = END.saturating_sub(head.len());
        head.extend(piece.iter().take(room));
        let last = piece.len().saturating_sub(END);
        tail.extend(piece.iter().skip(last));
        tail.drain(..tail.len().saturating_sub(END));
        bytes = bytes.saturating_add(read as u64);
    }
    let info = walker.as_ref().map(Walker::info);
    let shown = path.to_string_lossy().into_owned();
    let sha256 = hasher.finish().unwrap_or_default();
    Ok(Found {
        facts: FileFacts {
            path: Some(shown.clone()),
            bytes,
            sha256: sha256.clone(),
        },
        candidate: Candidate {
            path: shown,
            bytes,
            sha256,
            format: info.as_ref().map(|info| info.format),
            size: info.and_then(|info| info.width.zip(info.height)),
        },
        path: path.to_owned(),
        named,
        memory: None,
        gone: false,
        head,
        tail,
    })
}

/// A file's bytes; absent where it is larger than `limit`.
pub(in crate::cli) fn read(found: &Found, limit: u64) -> anyhow::Result<Option<Vec<u8>>> {
    let cannot = unreadable(&found.path);
    if found.facts.bytes > limit || found.gone {
        return Ok(None);
    }
    if let Some(bytes) = &found.memory {
        return Ok(Some(bytes.to_vec()));
    }
    let file = File::open(&found.path).map_err(&cannot)?;
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(&cannot)?;
    if bytes.len() as u64 != found.facts.bytes {
        bail!(
            "{}: changed while it was read; verify it once the programs are done",
            found.path.display()
        );
    }
    Ok(Some(bytes))
}

/// The lines of all ledgers, in order.
///
/// # Errors
/// A ledger that cannot be read, a line that is none.
pub(in crate::cli) fn ledgers(paths: &[PathBuf]) -> anyhow::Result<Vec<Record>> {
    let mut records = Vec::new();
    for path in paths {
        let shown = path.display();
        let cannot = trouble(
            path,
            "the ledger cannot be read",
            "name a file that --ledger wrote",
        );
        let mut reader = BufReader::new(File::open(path).map_err(&cannot)?);
        for number in 1_u64.. {
            let mut line = Vec::new();
            let read = (&mut reader)
                .take(LINE)
                .read_until(b'\n', &mut line)
                .map_err(&cannot)?;
            if read == 0 {
                break;
            }
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let record: Record = serde_json::from_slice(&line).map_err(|error| {
                anyhow::anyhow!(
                    "{shown}: line {number} is no line of a ledger: {error}; expected JSON as imgnet-server and \
                     imgnet-client write with --ledger"
                )
            })?;
            if record.schema != record::SCHEMA {
                bail!(
                    "{shown}: line {number}: schema {:?}, expected {:?}",
                    record.schema,
                    record::SCHEMA
                );
            }
            records.push(record);
        }
    }
    Ok(records)
}
