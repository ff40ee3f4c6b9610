//! The unit: the files of one capture, and what it is called in a lake.

use std::fs::File;
use std::io::{BufReader, Read as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::Error;
use crate::source::Capture;
use crate::units::Timestamp;

/// The value of [`Unit::schema`].
const SCHEMA: &str = "imgnet/unit/v1";
/// Where a host or a date is not known.
pub(super) const UNKNOWN: &str = "unknown";

/// The files of one capture: what is analysed and put into a lake at once. As a line of JSON it can go to another machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unit {
    /// [`SCHEMA`].
    #[serde(default = "schema")]
    pub(crate) schema: String,
    /// What the files are called, without what rotation adds.
    #[serde(default)]
    pub(crate) name: String,
    /// The machine on which they were captured, as far as known.
    #[serde(default = "unknown")]
    pub(crate) host: String,
    /// The interface, where the files name one.
    #[serde(default)]
    pub(crate) interface: Option<String>,
    /// Time of the first frame.
    #[serde(default)]
    pub(crate) started: Option<Timestamp>,
    /// The files, by the time of their first frames.
    pub(crate) files: Vec<PathBuf>,
    /// Their size together.
    #[serde(default)]
    pub(crate) bytes: u64,
    /// Files that were sent, to compare the pictures with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) sent: Vec<PathBuf>,
    /// Files that were received.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) received: Vec<PathBuf>,
}

fn schema() -> String {
    SCHEMA.to_owned()
}

fn unknown() -> String {
    UNKNOWN.to_owned()
}

/// Under which name a unit stands in a lake.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Identity {
    /// Day of the first frame in UTC, or `unknown`.
    pub(crate) date: String,
    /// Host, or `unknown`.
    pub(crate) host: String,
    /// Digest of its files.
    pub(crate) unit: String,
}

/// What the files were when their digest was taken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Print(Vec<(u64, Option<std::time::SystemTime>)>);

/// A unit whose files were read once.
#[derive(Debug)]
pub(crate) struct Identified {
    /// Where it stands in a lake.
    pub(crate) identity: Identity,
    /// Time of its first frame.
    pub(crate) started: Option<Timestamp>,
    /// BLAKE3 of each file, in hexadecimal, in the order of the unit.
    pub(crate) digests: Vec<String>,
    /// What the files were then.
    pub(crate) print: Print,
}

/// What the beginning of a capture file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outset {
    /// Time of the first frame.
    pub(super) time: Option<Timestamp>,
    /// Link type of the first frame.
    pub(super) link: Option<u16>,
    /// Names of the interfaces described so far.
    pub(super) interface: Option<String>,
}

/// Reads the beginning of a capture file.
pub(super) fn outset(path: &Path) -> Result<Outset, Error> {
    let mut capture = Capture::open_streaming(&[path.to_owned()])?;
    let mut outset = Outset {
        time: None,
        link: None,
        interface: None,
    };
    capture.for_each_frame(&mut |frame| {
        outset.time = frame.time;
        outset.link = Some(frame.link.0);
        ControlFlow::Break(())
    })?;
    let names: Vec<String> = capture
        .files()
        .iter()
        .flat_map(|file| {
            file.interfaces
                .iter()
                .filter_map(|interface| interface.name.clone())
        })
        .collect();
    outset.interface = (!names.is_empty()).then(|| names.join(", "));
    Ok(outset)
}

impl Unit {
    /// A unit of these files.
    pub(super) fn of(
        name: String,
        host: String,
        interface: Option<String>,
        started: Option<Timestamp>,
        files: Vec<PathBuf>,
    ) -> Self {
        let bytes = files
            .iter()
            .filter_map(|file| file.metadata().ok())
            .map(|metadata| metadata.len())
            .sum();
        Self {
            schema: schema(),
            name,
            host,
            interface,
            started,
            files,
            bytes,
            sent: Vec::new(),
            received: Vec::new(),
        }
    }

    /// A line of `--list-units`.
    ///
    /// # Errors
    /// What is no unit.
    pub(crate) fn parse(text: &str, line: usize) -> Result<Self, Error> {
        let wrong = |reason: String| Error::Line { line, reason };
        let unit: Self = serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
        if unit.schema != SCHEMA {
            return Err(wrong(format!(
                "its schema is {:?}, not {SCHEMA:?}",
                unit.schema
            )));
        }
        if unit.files.is_empty() {
            return Err(wrong("it has no files".to_owned()));
        }
        host(&unit.host)?;
        Ok(unit)
    }

    /// Reads all files for their digest. Where they stand in the lake follows from their bytes and the host alone: not from
    /// their names, nor from the machine that reads them.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub(crate) fn identify(&self) -> Result<Identified, Error> {
        let print = self.print()?;
        let mut digests = Vec::new();
        let mut first: Option<Timestamp> = None;
        for path in &self.files {
            let input = |source| Error::Input {
                path: path.clone(),
                source,
            };
            if let Some(time) = outset(path)?.time {
                first = Some(first.map_or(time, |first| first.min(time)));
            }
            let mut hasher = blake3::Hasher::new();
            let mut reader = BufReader::with_capacity(0, File::open(path).map_err(input)?);
            let mut block = vec![0; 256 << 10];
            loop {
                let read = reader.read(&mut block).map_err(input)?;
                match block.get(..read) {
                    None | Some([]) => break,
                    Some(bytes) => hasher.update(bytes),
                };
            }
            digests.push(hasher.finalize());
        }
        let digests: Vec<String> = digests
            .iter()
            .map(|digest| digest.to_hex().to_string())
            .collect();
        let date = first.map_or_else(
            || UNKNOWN.to_owned(),
            |first| first.to_string().chars().take(10).collect(),
        );
        let identity = Identity {
            date,
            host: self.host.clone(),
            unit: together(&digests),
        };
        Ok(Identified {
            identity,
            started: first,
            digests,
            print,
        })
    }

    /// The unit without some of its files.
    pub(crate) fn without(&self, files: &[bool]) -> Self {
        let kept = self
            .files
            .iter()
            .zip(files)
            .filter(|(_, out)| !**out)
            .map(|(file, _)| file.clone());
        let mut unit = Self::of(
            self.name.clone(),
            self.host.clone(),
            self.interface.clone(),
            None,
            kept.collect(),
        );
        unit.sent.clone_from(&self.sent);
        unit.received.clone_from(&self.received);
        unit.started = unit
            .files
            .iter()
            .filter_map(|file| outset(file).ok()?.time)
            .min();
        unit
    }

    /// What the files are now, without reading them.
    ///
    /// # Errors
    /// One that is gone.
    pub(crate) fn print(&self) -> Result<Print, Error> {
        let each = self.files.iter().map(|path| {
            let metadata = path.metadata().map_err(|source| Error::Input {
                path: path.clone(),
                source,
            })?;
            Ok((metadata.len(), metadata.modified().ok()))
        });
        Ok(Print(each.collect::<Result<_, Error>>()?))
    }

    /// Fails where a file is no more what it was.
    ///
    /// # Errors
    /// A file that was written to, or is gone.
    pub(crate) fn unchanged(&self, since: &Print) -> Result<(), Error> {
        let now = self.print()?;
        let changed = self
            .files
            .iter()
            .zip(now.0.iter().zip(&since.0))
            .find(|(_, (now, then))| now != then);
        match changed {
            Some((path, _)) => Err(Error::Changed { path: path.clone() }),
            None => Ok(()),
        }
    }
}

/// The digest of several: the same files in any order are the same capture.
pub(super) fn together(digests: &[String]) -> String {
    let mut sorted: Vec<&String> = digests.iter().collect();
    sorted.sort();
    let mut whole = blake3::Hasher::new();
    for digest in sorted {
        whole.update(digest.as_bytes());
    }
    whole
        .finalize()
        .to_hex()
        .as_str()
        .chars()
        .take(32)
        .collect()
}

/// A host that can name a folder.
///
/// # Errors
/// One that cannot.
pub(crate) fn host(host: &str) -> Result<(), Error> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let good = !host.is_empty()
        && host.len() <= 128
        && host.chars().all(plain)
        && host.chars().any(|c| c != '.');
    if good {
        Ok(())
    } else {
        Err(Error::Host {
            host: host.to_owned(),
        })
    }
}
