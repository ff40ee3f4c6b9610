//! The ledger: one line of JSON for each picture that was sent or received, written by those who did it.

use std::borrow::Cow;
use std::io::{self, Write};
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::TransportKind;
use crate::picture::Format;
use crate::units::Timestamp;
use crate::wire::Protocol;

/// Name of this version of the ledger, in every line.
pub const SCHEMA: &str = "imgnet/ledger/v1";

/// Who wrote the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The sender of the picture.
    Sent,
    /// Its receiver.
    Received,
}

/// One picture as one side of a transfer saw it: a line of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// [`SCHEMA`].
    pub schema: Cow<'static, str>,
    /// Who wrote it.
    pub side: Side,
    /// TCP or UDP.
    pub transport: TransportKind,
    /// Sender of the picture.
    pub from: SocketAddr,
    /// Receiver of the picture.
    pub to: SocketAddr,
    /// Wire format, as `--protocol` spells it.
    pub protocol: Protocol,
    /// What the client asked for (`catalog`); absent elsewhere.
    pub request: Option<String>,
    /// File format; absent for raw pixels and for what is no known picture.
    pub format: Option<Format>,
    /// Bytes of the picture that were handed over or received.
    pub bytes: u64,
    /// SHA-256 of those bytes, lowercase hex. For raw pixels of the rows, not of the file made of them.
    pub sha256: String,
    /// When the first byte was handed over or received.
    pub started: Timestamp,
    /// When the last one was.
    pub ended: Timestamp,
    /// Sent: the size of every chunk handed to the socket at once. Received: how many of its bytes each read gave.
    pub chunks: Vec<u32>,
    /// Datagrams that were sent or came again, where they are numbered and asked for again (`framed` over UDP).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeats: Option<u64>,
    /// Sent: how many of the datagrams did not reach the receiver before it had the picture, repeats among them, as it says
    /// itself; absent where it does not, and in all other formats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<u64>,
    /// The file that was sent or saved; absent where there is none.
    pub file: Option<String>,
    /// Why the picture is not what it should be; absent where nothing is wrong.
    pub problem: Option<String>,
}

impl Record {
    /// Writes the line of the ledger, its end of line included.
    ///
    /// # Errors
    /// What `to` says.
    pub fn write_line(&self, to: &mut impl Write) -> io::Result<()> {
        let mut line = serde_json::to_vec(self)?;
        line.push(b'\n');
        to.write_all(&line)
    }
}
