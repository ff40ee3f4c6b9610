//! One picture on its way out.

use std::borrow::Cow;
use std::net::{SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};

use super::incoming::{TELL_EVERY, hex};
use super::socket::{Connection, is_timeout};
use super::{Error, Event, Session, now};
use crate::ledger::TransportKind;
use crate::ledger::record::{Record, SCHEMA, Side};
use crate::picture::{SNIFF_BYTES, Sniff, sniff};
use crate::wire::{Piece, PieceKind, Protocol, pieces};

/// A picture to send, and how.
#[derive(Debug, Clone)]
pub(super) struct Outgoing<'p> {
    /// The picture file, or rows of pixels.
    pub(super) bytes: &'p [u8],
    pub(super) protocol: &'p Protocol,
    /// Bytes handed over at once.
    pub(super) chunk: usize,
    /// Pause after each piece.
    pub(super) pace: Option<Duration>,
    /// Where the picture comes from.
    pub(super) file: Option<String>,
    pub(super) request: Option<String>,
}

/// Sends a picture over a connection. The record tells how far it came, also when it did not come to its end.
pub(super) fn send(
    connection: &mut Connection<'_>,
    session: &Session<'_>,
    picture: &Outgoing<'_>,
) -> Result<Record, Error> {
    let ends = (TransportKind::Tcp, connection.local, connection.peer);
    hand_over(picture, session, ends, |piece| {
        if piece.kind == PieceKind::Marker {
            connection.drain()?;
            thread::sleep(session.limits.before_marker);
        }
        connection.write_all(&piece.bytes)?;
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
                if session.shutdown.requested() {
                    return Err(Error::Stopped);
                }
                match socket.send(&piece.bytes) {
                    Ok(_) => return Ok(()),
                    Err(error) if is_timeout(&error) => {}
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
    mut give: impl FnMut(&Piece<'_>) -> Result<(), Error>,
) -> Result<Record, Error> {
    let started = now();
    let mut hasher = Sha256::new();
    let mut chunks = Vec::new();
    let mut bytes = 0_u64;
    let mut problem = None;
    let mut ended = started;
    let mut told = Instant::now();
    for piece in pieces(picture.protocol, picture.bytes, picture.chunk)? {
        if let Err(error) = give(&piece) {
            problem = Some(error.told());
            break;
        }
        if piece.kind == PieceKind::Chunk {
            let part = piece.picture();
            hasher.update(part);
            bytes = bytes.saturating_add(part.len() as u64);
            chunks.push(u32::try_from(part.len()).unwrap_or(u32::MAX));
            ended = now();
            if told.elapsed() >= TELL_EVERY {
                told = Instant::now();
                (session.observer)(Event::Moving {
                    bytes,
                    total: Some(picture.bytes.len() as u64),
                });
            }
        }
        if let Some(pace) = picture.pace {
            thread::sleep(pace);
        }
    }
    let head = picture.bytes.get(..SNIFF_BYTES).unwrap_or(picture.bytes);
    let raw = matches!(picture.protocol, Protocol::RawPixels { .. });
    Ok(Record {
        schema: Cow::Borrowed(SCHEMA),
        side: Side::Sent,
        transport,
        from,
        to,
        protocol: picture.protocol.to_string(),
        request: picture.request.clone(),
        format: match sniff(head) {
            Sniff::Is(format) if !raw => Some(format),
            _ => None,
        },
        bytes,
        sha256: hex(hasher),
        started,
        ended,
        chunks,
        repeats: None,
        lost: None,
        file: picture.file.clone(),
        problem,
    })
}

/// Closes a connection over which pictures were sent, and tells of what was sent; a connection that does not close
/// well is a problem of the last one.
pub(super) fn close(connection: Connection<'_>, session: &Session<'_>, mut sent: Vec<Record>) {
    let intact = sent.last().is_none_or(|record| record.problem.is_none());
    let half_close = sent
        .last()
        .is_some_and(|record| record.protocol == Protocol::HalfClose.to_string());
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
