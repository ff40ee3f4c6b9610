//! One picture on its way out.

use std::borrow::Cow;
use std::fs;
use std::io::{self, Read as _};
use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::mpsc::{channel, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};

use super::incoming::{TELL_EVERY, hex};
use super::rows::{PATIENCE, Rows};
use super::socket::{Connection, is_timeout};
use super::{Error, Event, Session, now, read_file};
use crate::ledger::TransportKind;
use crate::ledger::record::{Record, SCHEMA, Side};
use crate::picture::{SNIFF_BYTES, Sniff, sniff};
use crate::units::Timestamp;
use crate::wire::{Around, Piece, PieceKind, Protocol, around, numbered_pieces};

/// Bytes that are read of a file at once.
const BLOCK: usize = 256 << 10;

/// Blocks that are read, sent, and not hashed yet.
const BLOCKS: usize = 4;

/// A picture to send, and how.
#[derive(Debug, Clone)]
pub(super) struct Outgoing<'p> {
    /// The picture file, or rows of pixels; empty where it is on the disk.
    pub(super) bytes: &'p [u8],
    /// Instead: a file that is read while it is sent.
    pub(super) on_disk: Option<&'p OnDisk>,
    pub(super) protocol: &'p Protocol,
    /// Bytes handed over at once.
    pub(super) chunk: usize,
    /// Pause after each piece.
    pub(super) pace: Option<Duration>,
    /// Where the picture comes from.
    pub(super) file: Option<String>,
    pub(super) request: Option<String>,
    /// Its number among the pictures of the connection, from 0: layouts may say it.
    pub(super) number: u64,
}

/// A picture file that is too large to be held.
#[derive(Debug, Clone)]
pub(super) struct OnDisk {
    pub(super) path: PathBuf,
    /// Bytes, as they were when it was looked at: no more are sent, and fewer are a problem.
    pub(super) length: u64,
    /// The first [`SNIFF_BYTES`].
    pub(super) head: Vec<u8>,
}

impl Outgoing<'_> {
    fn head(&self) -> &[u8] {
        match self.on_disk {
            Some(file) => &file.head,
            None => self.bytes.get(..SNIFF_BYTES).unwrap_or(self.bytes),
        }
    }

    fn length(&self) -> u64 {
        match self.on_disk {
            Some(file) => file.length,
            None => self.bytes.len() as u64,
        }
    }
}

/// Sends a picture over a connection. The record tells how far it came, also when it did not come to its end.
pub(super) fn send(
    connection: &mut Connection<'_>,
    session: &Session<'_>,
    picture: &Outgoing<'_>,
) -> Result<Record, Error> {
    let ends = (TransportKind::Tcp, connection.local, connection.peer);
    let habit = picture.protocol.default_chunk();
    let by_rows = matches!(picture.protocol, Protocol::RawPixels { .. })
        && habit == Some(picture.chunk as u64);
    let mut rows = by_rows.then(Rows::default);
    hand_over(picture, session, ends, |piece| {
        if piece.kind == PieceKind::Marker {
            connection.drain()?;
            // A receiver that compares one recv() with the marker has to have taken all before it.
            if !connection.taken(PATIENCE)? {
                thread::sleep(session.limits.before_marker);
            }
        }
        if let Some(rows) = &mut rows {
            rows.before_next(connection)?;
        }
        connection.write_all(&piece.bytes)?;
        if let Some(rows) = &mut rows {
            rows.handed_over();
        }
        match piece.awaits {
            Some(answer) => connection.expect(answer),
            None => Ok(()),
        }
    })
}

/// Sends a picture as datagrams.
pub(super) fn send_udp(
    socket: &UdpSocket,
    peer: SocketAddr,
    session: &Session<'_>,
    picture: &Outgoing<'_>,
) -> Result<Record, Error> {
    let failed = |source| Error::Connection { peer, source };
    let local = socket.local_addr().map_err(failed)?;
    hand_over(
        picture,
        session,
        (TransportKind::Udp, local, peer),
        |piece| {
            loop {
                if session.must_end() {
                    return Err(Error::Stopped);
                }
                match socket.send(&piece.bytes) {
                    Ok(_) => return Ok(()),
                    Err(error) if is_timeout(&error) => {}
                    Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                        return Err(Error::Unheard { peer });
                    }
                    Err(source) => return Err(failed(source)),
                }
            }
        },
    )
}

fn hand_over(
    picture: &Outgoing<'_>,
    session: &Session<'_>,
    (transport, from, to): (TransportKind, SocketAddr, SocketAddr),
    give: impl FnMut(&Piece<'_>) -> Result<(), Error>,
) -> Result<Record, Error> {
    let started = now();
    let mut account = Account {
        give,
        picture,
        session,
        bytes: 0,
        chunks: Vec::new(),
        ended: started,
        told: Instant::now(),
    };
    let (hasher, outcome) = match picture.on_disk {
        None => account.memory(picture.bytes)?,
        Some(file) => account.file(file)?,
    };
    let raw = matches!(picture.protocol, Protocol::RawPixels { .. });
    Ok(Record {
        schema: Cow::Borrowed(SCHEMA),
        side: Side::Sent,
        transport,
        from,
        to,
        protocol: picture.protocol.clone(),
        request: picture.request.clone(),
        format: match sniff(picture.head()) {
            Sniff::Is(format) if !raw => Some(format),
            _ => None,
        },
        bytes: account.bytes,
        sha256: hex(hasher),
        started,
        ended: account.ended,
        chunks: account.chunks,
        repeats: None,
        lost: None,
        file: picture.file.clone(),
        problem: outcome.err().map(|error| error.told()),
    })
}

/// What was handed over so far.
struct Account<'a, G> {
    give: G,
    picture: &'a Outgoing<'a>,
    session: &'a Session<'a>,
    bytes: u64,
    chunks: Vec<u32>,
    ended: Timestamp,
    told: Instant,
}

/// A digest of all that was handed over, and why that was not all.
type Handed = (Sha256, Result<(), Error>);

impl<G: FnMut(&Piece<'_>) -> Result<(), Error>> Account<'_, G> {
    fn memory(&mut self, bytes: &[u8]) -> Result<Handed, Error> {
        let mut hasher = Sha256::new();
        let picture = self.picture;
        let name = picture.file.as_deref().unwrap_or_default();
        let name = name.rsplit('/').next().unwrap_or_default();
        let pieces = numbered_pieces(picture.protocol, bytes, picture.chunk, picture.number, name)?;
        for piece in pieces {
            if let Err(error) = self.piece(&piece) {
                return Ok((hasher, Err(error)));
            }
            hasher.update(piece.picture());
        }
        Ok((hasher, Ok(())))
    }

    /// While a block is sent, the one before it is hashed by another thread.
    fn file(&mut self, file: &OnDisk) -> Result<Handed, Error> {
        let Some(around) = around(self.picture.protocol, &file.head, file.length)? else {
            // Who loaded it knows that the format needs all of it.
            return self.memory(&read_file(&file.path, file.length)?);
        };
        Ok(thread::scope(|scope| {
            let (sent, to_hash) = sync_channel::<Block>(BLOCKS);
            let (returned, free) = channel::<Block>();
            let hashing = thread::Builder::new()
                .name("digest".to_owned())
                .spawn_scoped(scope, move || {
                    let mut hasher = Sha256::new();
                    for block in to_hash {
                        hasher.update(block.filled());
                        // Nobody needs it any more at the end.
                        let _ = returned.send(block);
                    }
                    hasher
                });
            let mut own = hashing.is_err().then(Sha256::new);
            let mut made = 0_usize;
            let outcome = self.blocks(file, &around, |used| {
                if let (Some(own), Some(block)) = (&mut own, &used) {
                    own.update(block.filled());
                    return used;
                }
                if let Some(block) = used {
                    // Only a digest that panicked takes no more; that is seen when it is joined.
                    let _ = sent.send(block);
                }
                if made < BLOCKS {
                    made = made.saturating_add(1);
                    return None;
                }
                free.recv().ok()
            });
            drop(sent);
            let hasher = match hashing {
                Ok(hashing) => hashing
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
                Err(_) => own.unwrap_or_default(),
            };
            (hasher, outcome)
        }))
    }

    /// Sends a file block by block. `exchange` takes one that was handed over, and gives back one to fill, where it has
    /// one.
    fn blocks(
        &mut self,
        file: &OnDisk,
        around: &Around,
        mut exchange: impl FnMut(Option<Block>) -> Option<Block>,
    ) -> Result<(), Error> {
        let failed = |source| Error::Read {
            path: file.path.clone(),
            source,
        };
        let chunk = self.picture.chunk.max(1);
        let size = chunk.max(BLOCK / chunk * chunk);
        let mut source = fs::File::open(&file.path).map_err(failed)?;
        if let Some(before) = &around.before {
            self.piece(before)?;
        }
        let mut used = None;
        let mut left = file.length;
        while left > 0 {
            let mut block = exchange(used.take()).unwrap_or_else(|| Block::new(size));
            let wanted = usize::try_from(left).unwrap_or(usize::MAX);
            block.fill(&mut source, wanted).map_err(failed)?;
            if block.filled == 0 {
                return Err(Error::Shortened {
                    path: file.path.clone(),
                    bytes: file.length.saturating_sub(left),
                    before: file.length,
                });
            }
            let mut handed = 0_usize;
            let mut outcome = Ok(());
            for bytes in block.filled().chunks(chunk) {
                left = left.saturating_sub(bytes.len() as u64);
                outcome = self.piece(&Piece {
                    bytes: bytes.into(),
                    kind: PieceKind::Chunk,
                    header: 0,
                    behind: 0,
                    awaits: around.awaits.filter(|_| left == 0),
                });
                if outcome.is_err() {
                    break;
                }
                handed = handed.saturating_add(bytes.len());
            }
            // The digest is of what was handed over, not of what was read.
            block.filled = handed;
            used = Some(block);
            if outcome.is_err() {
                exchange(used);
                return outcome;
            }
        }
        exchange(used);
        match &around.after {
            Some(after) => self.piece(after),
            None => Ok(()),
        }
    }

    fn piece(&mut self, piece: &Piece<'_>) -> Result<(), Error> {
        if self.session.must_end() {
            return Err(Error::Stopped);
        }
        (self.give)(piece)?;
        if piece.kind == PieceKind::Chunk {
            let count = piece.picture().len();
            self.bytes = self.bytes.saturating_add(count as u64);
            self.chunks.push(u32::try_from(count).unwrap_or(u32::MAX));
            self.ended = now();
            if self.told.elapsed() >= TELL_EVERY {
                self.told = Instant::now();
                (self.session.observer)(Event::Moving {
                    bytes: self.bytes,
                    total: Some(self.picture.length()),
                });
            }
        }
        if let Some(pace) = self.picture.pace {
            thread::sleep(pace);
        }
        Ok(())
    }
}

/// Bytes of a file, in memory that is used again.
struct Block {
    memory: Vec<u8>,
    filled: usize,
}

impl Block {
    fn new(size: usize) -> Self {
        Self {
            memory: vec![0; size],
            filled: 0,
        }
    }

    fn filled(&self) -> &[u8] {
        self.memory.get(..self.filled).unwrap_or_default()
    }

    /// Reads as much as fits, `most` at most; less only at the end of the file.
    fn fill(&mut self, file: &mut fs::File, most: usize) -> io::Result<()> {
        self.filled = 0;
        let most = most.min(self.memory.len());
        while let Some(room @ [_, ..]) = self.memory.get_mut(self.filled..most) {
            match file.read(room) {
                Ok(0) => break,
                Ok(count) => self.filled = self.filled.saturating_add(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Closes a connection over which pictures were sent, and tells of what was sent; a connection that does not close
/// well is a problem of the last one.
pub(super) fn close(connection: Connection<'_>, session: &Session<'_>, mut sent: Vec<Record>) {
    let intact = sent.last().is_none_or(|record| record.problem.is_none());
    let half_close = sent
        .last()
        .is_some_and(|record| record.protocol == Protocol::HalfClose);
    let closed = match (intact, half_close) {
        (false, _) => Ok(()),
        (true, false) => connection.close(),
        (true, true) => connection.answered().map(|answer| {
            session.note(format!("answered {:?}", String::from_utf8_lossy(&answer)));
        }),
    };
    if let Err(error) = closed
        && let Some(last) = sent.last_mut()
    {
        last.problem = Some(error.told());
    }
    for record in sent {
        session.transferred(record);
    }
}
