//! `imgnet-client send`: picture files to a server (P1's uploader, P2, the length family, P5).

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::picture::{SNIFF_BYTES, Sniff, sniff};
use crate::transfer::outgoing::{self, Outgoing};
use crate::transfer::server::stream;
use crate::transfer::{Error, Session, pixels, read_file, socket};
use crate::wire::{Protocol, pieces};

/// What to send.
#[derive(Debug, Clone)]
pub struct Send {
    /// HOST:PORT.
    pub peer: String,
    /// The pictures, in order.
    pub files: Vec<PathBuf>,
    /// Wire format.
    pub protocol: Protocol,
    /// Bytes handed over at once; absent: the format's habit, or 1024.
    pub chunk: Option<usize>,
    /// Pause after each; absent: none on TCP, 1 ms on UDP.
    pub pace: Option<Duration>,
    /// Markers: all pictures over one connection.
    pub one_connection: bool,
}

/// Sends all files: in the length family, and with markers where asked for, over one connection, else over a
/// connection each, as the observed programs do.
///
/// # Errors
/// When a file cannot be read or does not fit the format (before anything is sent), or nobody answers. A picture that
/// did not get through is no error here: its record tells it.
pub fn run(send: &Send, session: &Session<'_>) -> Result<(), Error> {
    match &send.protocol {
        datagrams if datagrams.is_datagrams() => return run_udp(send, session),
        Protocol::Catalog => {
            return Err(Error::Unsuitable {
                protocol: "catalog".to_owned(),
                why: "there the server sends; use imgnet-client get",
            });
        }
        _ => {}
    }
    let mut pictures = Vec::new();
    for file in &send.files {
        let (protocol, bytes) = loaded(&send.protocol, file, session)?;
        // Found out before the first byte goes out.
        pieces(&protocol, &bytes, 1)?;
        pictures.push((file.display().to_string(), protocol, bytes));
    }
    let together = match send.protocol {
        Protocol::Length(_) | Protocol::Framed => true,
        Protocol::Marker(_) => send.one_connection,
        _ => false,
    };
    let per_connection = if together { pictures.len().max(1) } else { 1 };
    for group in pictures.chunks(per_connection) {
        let mut connection = socket::connect(&send.peer, session)?;
        let mut records = Vec::new();
        for (name, protocol, bytes) in group {
            let habit = protocol
                .default_chunk()
                .and_then(|bytes| usize::try_from(bytes).ok());
            let picture = Outgoing {
                bytes,
                protocol,
                chunk: send.chunk.or(habit).unwrap_or(1024),
                pace: send.pace,
                file: Some(name.clone()),
                request: None,
            };
            let record = outgoing::send(&mut connection, session, &picture)?;
            let failed = record.problem.is_some();
            records.push(record);
            if failed {
                break;
            }
        }
        outgoing::close(connection, session, records);
    }
    Ok(())
}

/// Sends all files as datagrams: `framed`, and the formats that know nothing else.
///
/// # Errors
/// When a file cannot be read, or the address is none.
pub fn run_udp(send: &Send, session: &Session<'_>) -> Result<(), Error> {
    let pace = match send.protocol {
        // Its receiver says how fast.
        Protocol::Framed => Duration::ZERO,
        _ => Duration::from_millis(1),
    };
    let stream = stream::Stream {
        protocol: send.protocol.clone(),
        files: send.files.clone(),
        chunk: send.chunk,
        pace: send.pace.unwrap_or(pace),
    };
    stream::connect_udp(&send.peer, &stream, session)
}

/// A file as this format sends it: rows with their width for raw pixels, else the file's bytes. What looks wrong
/// with it is told.
pub(in crate::transfer) fn loaded(
    protocol: &Protocol,
    file: &Path,
    session: &Session<'_>,
) -> Result<(Protocol, Vec<u8>), Error> {
    let bytes = read_file(file, session.limits.picture_bytes)?;
    if let Protocol::RawPixels { .. } = protocol {
        let rows = pixels::rows(&bytes, file)?;
        let width = Some(rows.width);
        return Ok((Protocol::RawPixels { width }, rows.bytes));
    }
    let head = bytes.get(..SNIFF_BYTES).unwrap_or(&bytes);
    if !matches!(sniff(head), Sniff::Is(_)) {
        session.warn(format!(
            "{}: no JPEG, PNG, GIF, WebP or BMP by its first bytes; sent as it is",
            file.display()
        ));
    }
    if let Protocol::Marker(marker) = protocol
        && let Some(at) = memchr::memmem::find(&bytes, marker)
    {
        session.warn(format!(
            "{}: holds the end marker at byte {at}; every receiver will end the picture there",
            file.display()
        ));
    }
    Ok((protocol.clone(), bytes))
}
