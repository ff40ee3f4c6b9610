//! Which files are one capture: those that a capture program rotated, by name, interface and time.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use regex::Regex;

use super::error::Error;
use super::unit::{Outset, UNKNOWN, Unit, outset};
use crate::units::Timestamp;

/// How files are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grouping {
    /// Rotated files are one unit; where only times in their names tell them apart, if each begins within this time after
    /// the one before.
    Rotation(Duration),
    /// Each file is a unit.
    File,
    /// All files are one unit.
    All,
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The units, in order of folder and name.
    pub(crate) units: Vec<Unit>,
    /// Files in folders that are no captures.
    pub(crate) passed_over: u64,
    /// Files in folders that are called as captures are, and cannot be read as such.
    pub(crate) unreadable: Vec<Error>,
}

/// A file that is a capture.
struct Candidate {
    path: PathBuf,
    host: String,
    outset: Outset,
}

/// Finds the units among files and in folders. A folder directly below one that is given names the host, unless `host` does.
///
/// # Errors
/// A file that is named and cannot be read, a folder that cannot be listed.
pub(crate) fn units(
    paths: &[PathBuf],
    host: Option<&str>,
    grouping: Grouping,
) -> Result<Found, Error> {
    let mut found = Found::default();
    let mut candidates = Vec::new();
    for path in paths {
        if path.is_dir() {
            for file in walk(path)? {
                let beneath = file.strip_prefix(path).unwrap_or(&file);
                let mut parts = beneath.iter();
                let folder = parts.next().filter(|_| parts.next().is_some());
                let folder = folder.map(|folder| plain(&folder.to_string_lossy()));
                match outset(&file) {
                    Ok(outset) => candidates.push(Candidate {
                        host: host
                            .map(str::to_owned)
                            .or(folder)
                            .unwrap_or_else(|| UNKNOWN.to_owned()),
                        path: file,
                        outset,
                    }),
                    Err(error) if is_called_a_capture(&file) => found.unreadable.push(error),
                    Err(_) => found.passed_over += 1,
                }
            }
        } else {
            candidates.push(Candidate {
                outset: outset(path)?,
                host: host.unwrap_or(UNKNOWN).to_owned(),
                path: path.clone(),
            });
        }
    }
    found.units = match grouping {
        Grouping::File => candidates.into_iter().map(|one| unit(vec![one])).collect(),
        Grouping::All if candidates.is_empty() => Vec::new(),
        Grouping::All => vec![unit(by_time(candidates))],
        Grouping::Rotation(within) => rotated(candidates, within),
    };
    Ok(found)
}

fn by_time(mut files: Vec<Candidate>) -> Vec<Candidate> {
    files.sort_by(|a, b| (a.outset.time, &a.path).cmp(&(b.outset.time, &b.path)));
    files
}

fn unit(files: Vec<Candidate>) -> Unit {
    let first = files.first();
    let name = first.map(|first| Name::of(&first.path));
    Unit::of(
        name.map(|name| {
            if files.len() > 1 {
                name.base
            } else {
                name.whole
            }
        })
        .unwrap_or_default(),
        first.map_or_else(|| UNKNOWN.to_owned(), |first| first.host.clone()),
        first.and_then(|first| first.outset.interface.clone()),
        files.iter().filter_map(|file| file.outset.time).min(),
        files.into_iter().map(|file| file.path).collect(),
    )
}

/// All files below a folder, in order; links to folders are not followed, and tables are no captures.
fn walk(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let input = |source| Error::Input {
            path: folder.clone(),
            source,
        };
        for entry in std::fs::read_dir(&folder).map_err(input)? {
            let entry = entry.map_err(input)?;
            let name = entry.file_name();
            if name.to_string_lossy().starts_with("table=") {
                continue;
            }
            let path = entry.path();
            if entry.file_type().map_err(input)?.is_dir() {
                folders.push(path);
            } else if path.is_file() {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// A name of a folder as one of a host.
fn plain(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') {
                c
            } else {
                '_'
            }
        })
        .take(128)
        .collect();
    if super::unit::host(&plain).is_ok() {
        plain
    } else {
        UNKNOWN.to_owned()
    }
}

fn is_called_a_capture(path: &Path) -> bool {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().to_lowercase())
        .unwrap_or_default();
    [".pcap", ".pcapng", ".cap"]
        .iter()
        .any(|ending| name.contains(ending))
}

/// What a file's name says of rotation.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Name {
    /// Without what rotation adds, and without what tells of format and compression.
    base: String,
    /// The same, with what rotation adds.
    whole: String,
    /// What rotation added.
    rotation: Rotation,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rotation {
    /// Nothing.
    None,
    /// A number and a time (dumpcap, imgnet).
    Numbered(u64),
    /// A number behind the ending (tcpdump -C); the first file may have none.
    Counted(u64),
    /// A time (tcpdump -G).
    Timed,
}

impl Name {
    fn of(path: &Path) -> Self {
        static NUMBERED: LazyLock<Option<Regex>> =
            LazyLock::new(|| Regex::new(r"^(.+)_([0-9]{5,9})_[0-9]{14}$").ok());
        static NUMBERED_LAST: LazyLock<Option<Regex>> =
            LazyLock::new(|| Regex::new(r"^(.+)_[0-9]{14}_([0-9]{5,9})$").ok());
        static COUNTED: LazyLock<Option<Regex>> =
            LazyLock::new(|| Regex::new(r"^(.+)\.(?:pcapng|pcap|cap|dump)([0-9]{1,9})$").ok());
        static TIMED: LazyLock<Option<Regex>> = LazyLock::new(|| {
            Regex::new(r"[0-9]{4}[-_.]?[0-9]{2}[-_.]?[0-9]{2}[T_.\- ]?[0-9]{2}[-_.:]?[0-9]{2}(?:[-_.:]?[0-9]{2})?|(?:^|[^0-9])1[0-9]{9}(?:[^0-9]|$)").ok()
        });
        let file = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let mut name = file.as_str();
        for ending in [".gz", ".zst", ".zstd"] {
            name = name.strip_suffix(ending).unwrap_or(name);
        }
        let counted = LazyLock::force(&COUNTED)
            .as_ref()
            .and_then(|counted| counted.captures(name));
        if let Some((base, number)) = counted.as_ref().and_then(number) {
            return Self {
                base,
                whole: name.to_owned(),
                rotation: Rotation::Counted(number),
            };
        }
        for ending in [".pcapng", ".pcap", ".cap", ".dump"] {
            name = name.strip_suffix(ending).unwrap_or(name);
        }
        let whole = name.to_owned();
        for pattern in [&NUMBERED, &NUMBERED_LAST] {
            let numbered = LazyLock::force(pattern)
                .as_ref()
                .and_then(|pattern| pattern.captures(name));
            if let Some((base, number)) = numbered.as_ref().and_then(number) {
                return Self {
                    base,
                    whole,
                    rotation: Rotation::Numbered(number),
                };
            }
        }
        match LazyLock::force(&TIMED).as_ref() {
            Some(timed) if timed.is_match(name) => {
                let base = timed.replace(name, "*");
                let trimmed = base.replace('*', "");
                let trimmed = trimmed.trim_matches(|c: char| !c.is_alphanumeric());
                let base = if trimmed.is_empty() {
                    "capture".to_owned()
                } else {
                    trimmed.to_owned()
                };
                Self {
                    base,
                    whole,
                    rotation: Rotation::Timed,
                }
            }
            _ => Self {
                base: whole.clone(),
                whole,
                rotation: Rotation::None,
            },
        }
    }
}

fn number(captures: &regex::Captures<'_>) -> Option<(String, u64)> {
    Some((
        captures.get(1)?.as_str().to_owned(),
        captures.get(2)?.as_str().parse().ok()?,
    ))
}

/// What files of one unit have in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Common {
    folder: PathBuf,
    host: String,
    base: String,
    link: Option<u16>,
    interface: Option<String>,
}

fn rotated(candidates: Vec<Candidate>, within: Duration) -> Vec<Unit> {
    let mut groups: BTreeMap<Common, Vec<(Rotation, Candidate)>> = BTreeMap::new();
    for candidate in candidates {
        let name = Name::of(&candidate.path);
        let common = Common {
            folder: candidate.path.parent().unwrap_or(Path::new("")).to_owned(),
            host: candidate.host.clone(),
            base: name.base,
            // A file without a frame says nothing of them, and belongs to no other then.
            link: candidate.outset.link,
            interface: candidate.outset.interface.clone(),
        };
        groups
            .entry(common)
            .or_default()
            .push((name.rotation, candidate));
    }
    let mut units = Vec::new();
    for mut files in groups.into_values() {
        // What has no rotation in its name is the first file of tcpdump -C, where numbered ones are beside it.
        let counted = files
            .iter()
            .any(|(rotation, _)| matches!(rotation, Rotation::Counted(_)));
        for (rotation, _) in &mut files {
            if counted && *rotation == Rotation::None {
                *rotation = Rotation::Counted(0);
            }
        }
        files.sort_by(|(_, a), (_, b)| (a.outset.time, &a.path).cmp(&(b.outset.time, &b.path)));
        let mut sets: Vec<Vec<(Rotation, Candidate)>> = Vec::new();
        for (rotation, candidate) in files {
            let time = candidate.outset.time;
            let last = sets.iter_mut().find(|set| {
                set.last().is_some_and(|(before, last)| {
                    follows(*before, rotation, last.outset.time, time, within)
                })
            });
            match last {
                Some(set) => set.push((rotation, candidate)),
                None => sets.push(vec![(rotation, candidate)]),
            }
        }
        units.extend(
            sets.into_iter()
                .map(|set| unit(set.into_iter().map(|(_, file)| file).collect())),
        );
    }
    units
}

/// Whether a file goes on where another one, that begins no later, was rotated.
fn follows(
    before: Rotation,
    next: Rotation,
    then: Option<Timestamp>,
    now: Option<Timestamp>,
    within: Duration,
) -> bool {
    match (before, next) {
        // A number that begins anew is another capture.
        (Rotation::Numbered(before), Rotation::Numbered(next)) => next > before,
        // A ring of tcpdump -W begins anew with its oldest file.
        (Rotation::Counted(before), Rotation::Counted(next)) => next != before,
        (Rotation::Timed, Rotation::Timed) => match (then, now) {
            (Some(then), Some(now)) => {
                u128::from(now.since(then).max(0).unsigned_abs()) <= within.as_nanos()
            }
            _ => false,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests;
