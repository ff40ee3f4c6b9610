//! Why something cannot be put into a lake, or be read from it.

use std::io;
use std::path::PathBuf;

use crate::source;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A capture cannot be read.
    #[error(transparent)]
    Capture(#[from] source::Error),
    /// A file or folder of captures cannot be read.
    #[error("{}: {source}", path.display())]
    Input {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Somebody wrote to a capture while it was read.
    #[error("{}: it changed while it was read; archive it again once it is complete", path.display())]
    Changed {
        /// Which.
        path: PathBuf,
    },
    /// No capture file was found.
    #[error("{}: no capture file in it", path.display())]
    Nothing {
        /// Where.
        path: PathBuf,
    },
    /// A line of `--unit -`.
    #[error("line {line} of standard input is no unit: {reason}")]
    Line {
        /// From 1.
        line: usize,
        /// Why.
        reason: String,
    },
    /// The name of a host cannot be the name of a folder.
    #[error(
        "the host {host:?} cannot name a folder: letters, digits, dots, hyphens and underscores, not more than 128"
    )]
    Host {
        /// As given.
        host: String,
    },
    /// The lake itself.
    #[error("{lake}: {reason}")]
    NoLake {
        /// Which.
        lake: String,
        /// Why not.
        reason: String,
    },
    /// Reading or writing the lake.
    #[error("{lake}: {source}")]
    Store {
        /// Which.
        lake: String,
        /// Why.
        #[source]
        source: object_store::Error,
    },
    /// Making or reading a Parquet file.
    #[error("{name}: {source}")]
    Table {
        /// Of which table or file.
        name: String,
        /// Why.
        #[source]
        source: parquet::errors::ParquetError,
    },
    /// The temporary file in which a table is made.
    #[error("a temporary file: {0}")]
    Spool(#[source] io::Error),
}
