//! What can keep a transfer from working.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::units::count;
use crate::wire::CannotEncode;

/// Why a server or a client cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {}", advice::listen(source))]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The name of the other side means no address.
    #[error("{peer:?} is no address: expected HOST:PORT, e.g. 127.0.0.1:65432 or [::1]:5050")]
    Address {
        /// What was given.
        peer: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Nobody answers there.
    #[error("cannot connect to {peer}: is the server running, and is it that port?")]
    Connect {
        /// What was given.
        peer: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The connection broke.
    #[error("connection with {peer} failed")]
    Connection {
        /// The other side.
        peer: SocketAddr,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The other side reset the connection.
    #[error(
        "{peer} reset the connection: it closed without reading all that was sent, or was ended"
    )]
    Reset {
        /// The other side.
        peer: SocketAddr,
    },
    /// Nothing moved for too long.
    #[error("nothing moved for {} s with {peer}: --idle sets the limit", .limit.as_secs_f64())]
    Idle {
        /// The other side.
        peer: SocketAddr,
        /// The limit.
        limit: Duration,
    },
    /// The connection lasted too long.
    #[error("not done with {peer} after {} s: --total sets the limit", .limit.as_secs_f64())]
    TooLong {
        /// The other side.
        peer: SocketAddr,
        /// The limit.
        limit: Duration,
    },
    /// The other side said something else than the wire format has it say.
    #[error("expected {peer} to answer {expected:?}, it said {found:?}")]
    Unexpected {
        /// The other side.
        peer: SocketAddr,
        /// What the format has it say.
        expected: &'static str,
        /// What it said, until then; empty where it closed.
        found: String,
    },
    /// Nobody came.
    #[error("nobody came to {address} within {} s: --idle sets the limit", .limit.as_secs_f64())]
    Nobody {
        /// Where somebody was waited for.
        address: SocketAddr,
        /// The limit.
        limit: Duration,
    },
    /// Nobody is bound where datagrams were sent to.
    #[error(
        "nobody takes datagrams on {peer}: is the receiver running, and is it that port? What was sent to it is lost"
    )]
    Unheard {
        /// The other side.
        peer: SocketAddr,
    },
    /// A sender that was asked for a picture sent none.
    #[error(
        "no picture came from {peer} within {} s: is the sender running, and is it that port? --idle sets the limit",
        .limit.as_secs_f64()
    )]
    Silent {
        /// The other side.
        peer: SocketAddr,
        /// The limit.
        limit: Duration,
    },
    /// The other side closed without a picture.
    #[error("{peer} sent no picture")]
    Nothing {
        /// The other side.
        peer: SocketAddr,
    },
    /// The picture that the next step needs did not arrive as it should.
    #[error("the picture from {peer} cannot be used: {problem}")]
    Unusable {
        /// The other side.
        peer: SocketAddr,
        /// What is wrong with it.
        problem: String,
    },
    /// The program is to end.
    #[error("stopped before it was done")]
    Stopped,
    /// The end marker, or what the format needs, cannot be made for this picture.
    #[error(transparent)]
    Encode(#[from] CannotEncode),
    /// A wire format that this program does not send or receive in this role.
    #[error("{protocol} cannot be used for this: {why}")]
    Unsuitable {
        /// The format, as `--protocol` spells it.
        protocol: String,
        /// Why, and what to do.
        why: &'static str,
    },
    /// A file cannot be read.
    #[error("{}: cannot be read; {}", path.display(), advice::read(path, source))]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A file lost its end while it was sent.
    #[error(
        "{}: only {} of {} bytes are left of it: it was changed while it was sent; send a copy that nobody writes to",
        path.display(), count(*bytes), count(*before)
    )]
    Shortened {
        /// The file.
        path: PathBuf,
        /// Bytes that were read.
        bytes: u64,
        /// Bytes that it had.
        before: u64,
    },
    /// A file holds no picture that can be decoded, and its pixels are needed.
    #[error("{}: cannot be turned into pixels", path.display())]
    Undecodable {
        /// The file.
        path: PathBuf,
        /// What the decoder says.
        #[source]
        source: crate::imaging::DecodeError,
    },
    /// A file is no picture that a catalogue takes.
    #[error("{}: not taken: {problem}", path.display())]
    NotAPicture {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The catalogue's file cannot be used.
    #[error("{}: the catalogue cannot be used; {}", path.display(), what_helps(source))]
    Database {
        /// The file.
        path: PathBuf,
        /// What the database says.
        #[source]
        source: rusqlite::Error,
    },
    /// A database that is something else.
    #[error("{}: no catalogue of this version; choose another --db", path.display())]
    NotACatalog {
        /// The file.
        path: PathBuf,
    },
    /// A file cannot be written.
    #[error("{}: cannot be written; {}", path.display(), advice::write(source))]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A folder without pictures.
    #[error("{}: holds no picture (JPEG, PNG, GIF, WebP or BMP)", path.display())]
    NoPictures {
        /// The folder.
        path: PathBuf,
    },
    /// All connections together hold too much in memory.
    #[error(
        "given up: rows of pixels are held until the last one came, and with those of {peer} all connections together \
         would hold more than {} bytes: --max-memory raises it, --connections lets fewer in at once", count(*limit)
    )]
    Memory {
        /// The other side.
        peer: SocketAddr,
        /// The limit.
        limit: u64,
    },
    /// A file that is larger than the limit.
    #[error("{what}: {} bytes are more than the limit of {}: --max-bytes raises it", count(*bytes), count(*limit))]
    TooLarge {
        /// The file or the peer.
        what: String,
        /// Its size, as far as it is known.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// A picture cannot be decoded, split or encoded.
    #[error("{what}")]
    Picture {
        /// The file or the peer, and what could not be done.
        what: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    pub(super) fn picture(
        what: impl Into<String>,
    ) -> impl FnOnce(Box<dyn std::error::Error + Send + Sync>) -> Self {
        let what = what.into();
        |source| Self::Picture { what, source }
    }

    /// Whether the transfer never began because of what the user gave, not because of the other side.
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::Listen { .. }
                | Self::Address { .. }
                | Self::Encode(_)
                | Self::Unsuitable { .. }
                | Self::Read { .. }
                | Self::Undecodable { .. }
                | Self::Write { .. }
                | Self::NotAPicture { .. }
                | Self::Database { .. }
                | Self::NotACatalog { .. }
                | Self::NoPictures { .. }
                | Self::TooLarge { .. }
        )
    }

    /// The message with its causes, in one line.
    pub fn told(&self) -> String {
        let mut told = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(source) = cause {
            told.push_str(": ");
            told.push_str(&source.to_string());
            cause = source.source();
        }
        told
    }
}

/// What to do about an error of the system.
mod advice {
    use std::io::{Error, ErrorKind};
    use std::path::Path;

    pub(super) fn listen(source: &Error) -> &'static str {
        match source.kind() {
            ErrorKind::AddrInUse => {
                "another program uses that port; choose another port, or end that program (ss -lnptu shows it)"
            }
            ErrorKind::AddrNotAvailable => {
                "this machine does not have that address; choose one that it has (ip addr shows them)"
            }
            ErrorKind::PermissionDenied => "ports below 1024 are for root; choose another port",
            _ => "choose another port or another address",
        }
    }

    pub(super) fn read(path: &Path, source: &Error) -> String {
        match source.kind() {
            ErrorKind::NotFound => "check its name, and the folder that you are in".to_owned(),
            ErrorKind::IsADirectory => format!(
                "it is a folder, and files are expected, e.g. {}",
                path.join("*.jpg").display()
            ),
            ErrorKind::NotADirectory => "a folder is expected".to_owned(),
            _ => "check that you may read it".to_owned(),
        }
    }

    pub(super) fn write(source: &Error) -> &'static str {
        match source.kind() {
            ErrorKind::NotFound => "there is no such folder; make it first, or choose another",
            ErrorKind::IsADirectory => "it is a folder, and the name of a file is expected",
            ErrorKind::AlreadyExists | ErrorKind::NotADirectory => {
                "a folder is expected, and that is a file; choose another"
            }
            ErrorKind::StorageFull => "the disk is full; choose another folder",
            _ => "choose a folder that you may write to",
        }
    }
}
/// What helps against what the database says.
fn what_helps(source: &rusqlite::Error) -> &'static str {
    match source.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => {
            "end the program that has it open, or choose another --db"
        }
        Some(rusqlite::ErrorCode::DiskFull) => "make room on its disk, or choose another --db",
        _ => "choose another --db, in a folder that you may write to",
    }
}
