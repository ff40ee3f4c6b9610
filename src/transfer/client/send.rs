//! `imgnet-client send`: picture files to a server (P1's uploader, P2, the length family, P5).

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use memchr::memmem;

use crate::ledger::TransportKind;
use crate::picture::{SNIFF_BYTES, Sniff, sniff};
use crate::transfer::incoming::{Intake, Route};
use crate::transfer::outgoing::{self, OnDisk, Outgoing};
use crate::transfer::server::stream;
use crate::transfer::socket::Connection;
use crate::transfer::store::Destination;
use crate::transfer::{Error, Session, pixels, read_file, socket};
use crate::wire::{Fixed, Protocol, Role, around, decoder, pieces};

/// What to send.
#[derive(Debug, Clone)]
pub(crate) struct Send {
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
    /// Each picture comes back edited on its own connection: the folder where that is saved, under the name of the file that
    /// was sent, with the ending of what came.
    pub back: Option<PathBuf>,
}

/// Sends all files: in the length family, and with markers where asked for, over one connection, else over a
/// connection each, as the observed programs do.
///
/// # Errors
/// When a file cannot be read or does not fit the format (before anything is sent), or nobody answers. A picture that
/// did not get through is no error here: its record tells it.
pub(crate) fn run(send: &Send, session: &Session<'_>) -> Result<(), Error> {
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
        let (protocol, loaded) = loaded(&send.protocol, file, session)?;
        // Found out before the first byte goes out.
        match &loaded {
            Loaded::Memory(bytes) => pieces(&protocol, bytes, 1).map(|_| ())?,
            Loaded::File(file) => around(&protocol, &file.head, file.length).map(|_| ())?,
        }
        pictures.push((file.display().to_string(), protocol, loaded));
    }
    let together = match send.protocol {
        Protocol::Length(_) | Protocol::Fixed(Fixed::Framed) | Protocol::Layout(_) => true,
        Protocol::Marker(_) => send.one_connection,
        _ => false,
    };
    let per_connection = if together { pictures.len().max(1) } else { 1 };
    for group in pictures.chunks(per_connection) {
        let mut connection = socket::connect(&send.peer, session)?;
        let mut records = Vec::new();
        for (number, (name, protocol, loaded)) in (0..).zip(group) {
            let habit = protocol
                .default_chunk()
                .and_then(|bytes| usize::try_from(bytes).ok());
            let picture = Outgoing {
                bytes: loaded.bytes(),
                on_disk: loaded.on_disk(),
                protocol,
                chunk: send.chunk.or(habit).unwrap_or(1024),
                pace: send.pace,
                file: Some(name.clone()),
                request: None,
                number,
            };
            let record = outgoing::send(&mut connection, session, &picture)?;
            let failed = record.problem.is_some();
            records.push(record);
            if failed {
                break;
            }
            if let Some(folder) = &send.back {
                let file = Path::new(name);
                let stem = folder.join(file.file_stem().unwrap_or(file.as_os_str()));
                came_back(&mut connection, protocol, &stem, session)?;
            }
        }
        if send.back.is_some() && send.protocol == Protocol::HalfClose {
            // Its side is closed already.
            for record in records {
                session.transferred(record);
            }
        } else {
            outgoing::close(connection, session, records);
        }
    }
    Ok(())
}

/// Receives the picture that comes back.
fn came_back(
    connection: &mut Connection<'_>,
    protocol: &Protocol,
    stem: &Path,
    session: &Session<'_>,
) -> Result<(), Error> {
    if *protocol == Protocol::HalfClose {
        connection.finish_sending()?;
    }
    let route = Route {
        transport: TransportKind::Tcp,
        from: connection.peer,
        to: connection.local,
        protocol,
        request: None,
        destination: Destination::Stem(stem),
    };
    let mut intake = Intake::new(session, route);
    let mut decoder = decoder(protocol, Role::Acceptor);
    let outcome = intake.receive(connection, &mut decoder, Some(1));
    intake.concluded(outcome, connection.peer)
}

/// Sends all files as datagrams: `framed`, and the formats that know nothing else.
///
/// # Errors
/// When a file cannot be read, or the address is none.
pub(crate) fn run_udp(send: &Send, session: &Session<'_>) -> Result<(), Error> {
    let pace = match send.protocol {
        // Its receiver says how fast.
        Protocol::Fixed(Fixed::Framed) => Duration::ZERO,
        _ => Duration::from_millis(1),
    };
    let stream = stream::Stream {
        protocol: send.protocol.clone(),
        files: send.files.clone(),
        chunk: send.chunk,
        pace: send.pace.unwrap_or(pace),
    };
    stream::connect_udp(&send.peer, &stream, stream::Frames::default(), session)
}

/// Larger files are not held in memory, where the format can do without.
const LARGE: u64 = 1 << 20;

/// A picture that is ready to be sent.
#[derive(Debug)]
pub(in crate::transfer) enum Loaded {
    /// The picture file, or rows of pixels.
    Memory(Vec<u8>),
    /// A picture file that is read while it is sent.
    File(OnDisk),
}

impl Loaded {
    /// What is in memory: nothing of a file that is read later.
    pub(in crate::transfer) fn bytes(&self) -> &[u8] {
        match self {
            Self::Memory(bytes) => bytes,
            Self::File(_) => &[],
        }
    }

    pub(in crate::transfer) fn on_disk(&self) -> Option<&OnDisk> {
        match self {
            Self::Memory(_) => None,
            Self::File(file) => Some(file),
        }
    }

    fn head(&self) -> &[u8] {
        match self {
            Self::Memory(bytes) => bytes.get(..SNIFF_BYTES).unwrap_or(bytes),
            Self::File(file) => &file.head,
        }
    }
}

/// A file as this format sends it: rows with their width for raw pixels, else the file's bytes. What looks wrong
/// with it is told.
pub(in crate::transfer) fn loaded(
    protocol: &Protocol,
    file: &Path,
    session: &Session<'_>,
) -> Result<(Protocol, Loaded), Error> {
    let limit = session.limits.picture_bytes;
    if let Protocol::RawPixels { .. } = protocol {
        let bytes = read_file(file, limit)?;
        let orientation = crate::picture::orientation(&bytes);
        if orientation.to_exif() != 1 {
            session.warn(format!(
                "{}: stored turned (EXIF orientation {}); its rows go out as they are stored, not turned",
                file.display(),
                orientation.to_exif()
            ));
        }
        let rows = pixels::rows(&bytes, file)?;
        let width = Some(rows.width);
        return Ok((Protocol::RawPixels { width }, Loaded::Memory(rows.bytes)));
    }
    let (loaded, marked) = if let Some((file, marked)) = large(protocol, file, limit)? {
        (Loaded::File(file), marked)
    } else {
        let bytes = read_file(file, limit)?;
        let marked = match protocol {
            Protocol::Marker(marker) => memmem::find(&bytes, marker).map(|at| at as u64),
            _ => None,
        };
        (Loaded::Memory(bytes), marked)
    };
    if !matches!(sniff(loaded.head()), Sniff::Is(_)) {
        session.warn(format!(
            "{}: no JPEG, PNG, GIF, WebP or BMP by its first bytes; sent as it is",
            file.display()
        ));
    }
    if let Some(at) = marked {
        session.warn(format!(
            "{}: holds the end marker at byte {at}; every receiver will end the picture there",
            file.display()
        ));
    }
    Ok((protocol.clone(), loaded))
}

/// A large file on a disk, and where in it the end marker is; nothing where it is better held in memory.
fn large(
    protocol: &Protocol,
    path: &Path,
    limit: u64,
) -> Result<Option<(OnDisk, Option<u64>)>, Error> {
    let failed = |source| Error::Read {
        path: path.to_owned(),
        source,
    };
    let metadata = fs::metadata(path).map_err(failed)?;
    let length = metadata.len();
    // Datagrams are sent again, and a digest that goes first needs all of it.
    let whole = protocol.needs_whole_picture();
    if whole || !metadata.is_file() || length < LARGE || length > limit {
        return Ok(None);
    }
    let mut file = fs::File::open(path).map_err(failed)?;
    let mut head = Vec::new();
    file.by_ref()
        .take(SNIFF_BYTES as u64)
        .read_to_end(&mut head)
        .map_err(failed)?;
    let marked = match protocol {
        Protocol::Marker(marker) => position(&mut file, &head, marker).map_err(failed)?,
        _ => None,
    };
    let on_disk = OnDisk {
        path: path.to_owned(),
        length,
        head,
    };
    Ok(Some((on_disk, marked)))
}

/// Where `what` is in a file of which `head` was read already.
fn position(file: &mut fs::File, head: &[u8], what: &[u8]) -> io::Result<Option<u64>> {
    let mut window = head.to_vec();
    let mut before = 0_u64;
    loop {
        if let Some(at) = memmem::find(&window, what) {
            return Ok(Some(before.saturating_add(at as u64)));
        }
        // What was found of it at the end may go on.
        let done = window.len().saturating_sub(what.len().saturating_sub(1));
        window.drain(..done);
        before = before.saturating_add(done as u64);
        if file.by_ref().take(LARGE).read_to_end(&mut window)? == 0 {
            return Ok(None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marker_is_found_across_the_borders_of_what_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        for at in [0_usize, 5, 70, (1 << 20) + 60, 3 << 20] {
            let mut bytes = vec![b'<'; (3 << 20) + 5];
            bytes[at..at + 5].copy_from_slice(b"<END>");
            fs::write(&path, &bytes).unwrap();
            for head in [0, 1, 64, 100] {
                let mut file = fs::File::open(&path).unwrap();
                let mut first = vec![0; head];
                file.read_exact(&mut first).unwrap();
                let found = position(&mut file, &first, b"<END>").unwrap();
                assert_eq!(found, Some(at as u64));
            }
        }
        fs::write(&path, b"<EN").unwrap();
        let mut file = fs::File::open(&path).unwrap();
        assert_eq!(position(&mut file, b"", b"<END>").unwrap(), None);
    }
}
