//! Why a capture file cannot be read at all.

use std::io;
use std::path::PathBuf;

/// Why a capture file cannot be read at all. A file that breaks off or is damaged further on is no
/// error: see [`super::Damage`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No file was given.
    #[error("no capture file was given")]
    NoFiles,
    /// Standard input was given more than once.
    #[error("standard input (-) was given {times} times; it can be read once")]
    StandardInputTwice {
        /// How often.
        times: usize,
    },
    /// There is no such file.
    #[error("{}: there is no such file", path.display())]
    NotFound {
        /// As given.
        path: PathBuf,
    },
    /// This user may not read it.
    #[error("{}: this user may not read it; change its owner or mode", path.display())]
    NotPermitted {
        /// As given.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It is a directory.
    #[error("{}: is a directory; give the capture files in it", path.display())]
    Directory {
        /// As given.
        path: PathBuf,
    },
    /// It cannot be opened or read for another reason.
    #[error("{}: cannot be read", path.display())]
    Unreadable {
        /// As given.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It holds no byte.
    #[error(
        "{}: is empty (0 bytes): not even the header of a capture file was written; a capture program that was killed early leaves such files",
        path.display()
    )]
    Empty {
        /// As given.
        path: PathBuf,
    },
    /// Its first bytes are those of no capture file.
    #[error(
        "{}: is no capture file: expected pcap or pcapng, plain or in gzip or zstd; found {found}{}",
        path.display(),
        looks_like.map(|what| format!(": it looks like {what}")).unwrap_or_default()
    )]
    NotACapture {
        /// As given.
        path: PathBuf,
        /// The first bytes, in words.
        found: String,
        /// What it seems to be; absent where nothing is recognised.
        looks_like: Option<&'static str>,
    },
    /// A pipe was read before, and cannot be read again.
    #[error("{}: is a pipe and was read already", path.display())]
    AlreadyRead {
        /// As given.
        path: PathBuf,
    },
}

impl Error {
    /// The error that opening or reading `path` gave, in its own variant where it has one.
    pub(super) fn from_io(path: PathBuf, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::NotFound => Self::NotFound { path },
            io::ErrorKind::PermissionDenied => Self::NotPermitted { path, source },
            io::ErrorKind::IsADirectory => Self::Directory { path },
            _ => Self::Unreadable { path, source },
        }
    }
}
