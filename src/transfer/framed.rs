//! `framed` over UDP: pictures that are asked for again until they are whole.
//!
//! The two ends without sockets are [`framed::Sender`] and [`framed::Receiver`]; here are the sockets and the clock.

use crate::wire::Fixed;
use std::borrow::Cow;
use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use super::datagrams::Crowd;
use super::incoming::{Intake, Route, hex_of};
use super::memory::{Memory, Share};
use super::outgoing::Outgoing;
use super::socket::is_timeout;
use super::store::Destination;
use super::strangers::{Heard, Strangers};
use super::{Error, Session, now};
use crate::ledger::TransportKind;
use crate::ledger::record::{Record, SCHEMA, Side};
use crate::picture::{SNIFF_BYTES, Sniff, sniff};
use crate::wire::Protocol;
use crate::wire::framed::{Datagram, Kind, Outcome, Received, Receiver, ReceiverLimits, Sender};

/// Bytes of the picture in a datagram, where nobody says otherwise: fits any path with a usual MTU.
pub(super) const PIECE: usize = 1200;

/// No datagram is larger.
const READ: usize = 64 << 10;

/// A socket is waited on so long at most, to look whether the program is to end.
const TICK: Duration = Duration::from_millis(50);

/// The shortest wait that a socket knows.
const SHORTEST: Duration = Duration::from_millis(1);

/// Sends a picture to the peer that the socket is connected to, until the peer has it or falls silent.
pub(super) fn send(
    socket: &UdpSocket,
    peer: SocketAddr,
    session: &Session<'_>,
    picture: &Outgoing<'_>,
) -> Result<Record, Error> {
    let failed = |source| Error::Connection { peer, source };
    let local = socket.local_addr().map_err(failed)?;
    let clock = Instant::now();
    let started = now();
    // The same picture may be sent twice: the time tells the two apart.
    let number = u64::try_from(started.0).unwrap_or(0);
    let mut sender = Sender::new(
        picture.bytes,
        picture.chunk,
        clock.elapsed(),
        session.limits.idle,
    )
    .numbered(number);
    let mut datagram = Vec::new();
    let mut buffer = vec![0; READ];
    let mut problem = None;
    // Nobody was bound there, at least once.
    let mut refused = false;
    let mut ended = started;
    while sender.outcome().is_none() {
        if session.must_end() {
            problem = Some(Error::Stopped.told());
            break;
        }
        datagram.clear();
        let wait = if sender.poll_transmit(clock.elapsed(), &mut datagram) {
            match socket.send(&datagram) {
                Ok(_) => ended = now(),
                // Nobody is bound there yet, or the queue is full: the receiver asks again for what is lost.
                Err(error) if is_passing(&error) => refused |= is_refusal(&error),
                Err(source) => return Err(failed(source)),
            }
            if let Some(pace) = picture.pace {
                thread::sleep(pace);
            }
            None
        } else {
            let until = sender.poll_timeout().unwrap_or_default();
            Some(until.saturating_sub(clock.elapsed()).clamp(SHORTEST, TICK))
        };
        // Whatever came is looked at before the next piece goes out.
        socket.set_nonblocking(wait.is_none()).map_err(failed)?;
        if wait.is_some() {
            socket.set_read_timeout(wait).map_err(failed)?;
        }
        match socket.recv(&mut buffer) {
            Ok(count) => {
                sender.handle_datagram(clock.elapsed(), buffer.get(..count).unwrap_or_default());
            }
            Err(error) if is_timeout(&error) || is_passing(&error) => {
                refused |= is_refusal(&error);
            }
            Err(source) => return Err(failed(source)),
        }
    }
    socket.set_nonblocking(false).map_err(failed)?;
    socket.set_read_timeout(Some(TICK)).map_err(failed)?;
    let (handed_over, repeated) = sender.counts();
    problem = match sender.outcome() {
        Some(Outcome::Delivered) => None,
        Some(Outcome::Differs { .. }) => {
            Some("the receiver has other bytes than were announced".to_owned())
        }
        Some(Outcome::Refused { why }) => Some(format!("{peer} refused it: {why}")),
        Some(Outcome::Silence) if refused && handed_over == 0 => {
            Some(Error::Unheard { peer }.told())
        }
        Some(Outcome::Silence) => {
            let limit = session.limits.idle;
            Some(Error::Idle { peer, limit }.told())
        }
        None => problem,
    };
    let size = |piece: &[u8]| u32::try_from(piece.len()).unwrap_or(u32::MAX);
    let head = picture.bytes.get(..SNIFF_BYTES).unwrap_or(picture.bytes);
    Ok(Record {
        schema: Cow::Borrowed(SCHEMA),
        side: Side::Sent,
        transport: TransportKind::Udp,
        from: local,
        to: peer,
        protocol: Protocol::Fixed(Fixed::Framed),
        request: None,
        format: match sniff(head) {
            Sniff::Is(format) => Some(format),
            _ => None,
        },
        bytes: picture.bytes.len() as u64,
        sha256: hex_of(&sender.header().sha256),
        started,
        ended,
        chunks: picture
            .bytes
            .chunks(picture.chunk.max(1))
            .map(size)
            .collect(),
        repeats: Some(repeated),
        lost: sender.lost(),
        file: picture.file.clone(),
        problem,
    })
}

fn is_refusal(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::ConnectionRefused
}

fn is_passing(error: &std::io::Error) -> bool {
    use rustix::io::Errno;
    is_timeout(error)
        || Errno::from_io_error(error)
            .is_some_and(|errno| [Errno::CONNREFUSED, Errno::NOBUFS, Errno::PERM].contains(&errno))
}

/// Senders that are listened to at once: all are looked after at every datagram.
const MOST_PEERS: usize = 1024;

/// One sender.
struct Peer<'r> {
    receiver: Receiver,
    intake: Intake<'r>,
    heard: Instant,
    /// What its picture takes of the memory that all have in common.
    share: Share,
}

impl Peer<'_> {
    /// Takes a datagram; an announcement only of what fits into the memory that the others leave.
    fn take(&mut self, clock: Instant, bytes: &[u8], session: &Session<'_>) {
        let limits = &session.limits;
        let left = self.share.left(limits.memory).unwrap_or(u64::MAX);
        self.receiver.limit(limits.picture_bytes.min(left));
        self.receiver.handle_datagram(clock.elapsed(), bytes);
        self.share.hold(self.receiver.held());
    }

    /// Sends what there is to send now, and saves what came. Returns how many pictures did.
    fn answer(
        &mut self,
        clock: Instant,
        socket: &UdpSocket,
        address: SocketAddr,
        session: &Session<'_>,
    ) -> Result<u64, Error> {
        let mut datagram = Vec::new();
        while self.receiver.poll_transmit(clock.elapsed(), &mut datagram) {
            // What is lost here is asked for again.
            let _ = socket.send_to(&datagram, address);
        }
        let mut done = 0_u64;
        while let Some(received) = self.receiver.poll_received() {
            done = done.saturating_add(settle(&mut self.intake, received, session)?);
        }
        self.share.hold(self.receiver.held());
        Ok(done)
    }
}

impl Strangers {
    /// Whether a datagram shows that the unknown address that it came from is its sender's own; where it does not, asks
    /// for that.
    fn prove(&mut self, socket: &UdpSocket, from: SocketAddr, bytes: &[u8]) -> bool {
        match self.hear(from, bytes, Instant::now()) {
            Heard::Proven => return true,
            Heard::Nothing => {}
            Heard::Ask { picture, proof } => {
                let mut datagram = Vec::new();
                Datagram {
                    kind: Kind::Prove,
                    picture,
                    index: 0,
                    total: 0,
                    offset: proof,
                    transmission: 0,
                    payload: &[],
                }
                .encode(&mut datagram);
                // The next announcement is answered again.
                let _ = socket.send_to(&datagram, from);
            }
        }
        false
    }
}

/// Receives until `most` pictures came or the program is to end; with `give_up_when_idle` also when nobody came for the
/// idle limit. Returns how many pictures came, whole or not.
pub(super) fn receive(
    socket: &UdpSocket,
    session: &Session<'_>,
    destination: Destination<'_>,
    most: Option<u64>,
    give_up_when_idle: bool,
) -> Result<u64, Error> {
    let nobody = SocketAddr::from(([0, 0, 0, 0], 0));
    let failed = |source| Error::Connection {
        peer: nobody,
        source,
    };
    let local = socket.local_addr().map_err(failed)?;
    let clock = Instant::now();
    let mut peers: HashMap<SocketAddr, Peer<'_>> = HashMap::new();
    let mut buffer = vec![0; READ];
    let mut crowd = Crowd::new(session);
    let mut strangers = Strangers::new(clock);
    let memory = Memory::default();
    let mut done = 0_u64;
    let mut last = Instant::now();
    // The last answer may be lost: who asks again is told again, for a moment.
    let mut enough: Option<Instant> = None;
    loop {
        let over = most.is_some_and(|most| done >= most) || session.shutdown.winding_down();
        // What was only announced is not waited for.
        let under_way = peers.values().any(|peer| peer.receiver.has_pieces());
        if session.must_end() || (session.shutdown.winding_down() && !under_way) {
            break;
        }
        if over {
            let since = *enough.get_or_insert_with(Instant::now);
            let told = peers
                .values()
                .all(|peer| peer.receiver.poll_timeout().is_none());
            let quiet = since.elapsed().min(last.elapsed());
            if told && quiet >= session.limits.linger {
                break;
            }
        }
        let now = clock.elapsed();
        let next = peers
            .values()
            .filter_map(|peer| peer.receiver.poll_timeout())
            .min();
        let wait = next.map_or(TICK, |next| next.saturating_sub(now).clamp(SHORTEST, TICK));
        socket.set_read_timeout(Some(wait)).map_err(failed)?;
        match socket.recv_from(&mut buffer) {
            Ok((count, from)) => {
                last = Instant::now();
                let known = peers.contains_key(&from);
                let full = peers.len() >= MOST_PEERS;
                let bytes = buffer.get(..count).unwrap_or_default();
                if !known && (over || full) {
                    continue;
                }
                // Who is in no allowed network is turned away below, and told of.
                if !known && crowd.allows(from) && !strangers.prove(socket, from, bytes) {
                    continue;
                }
                if !known && !crowd.admits(from, peers.len(), session) {
                    continue;
                }
                let peer = peers.entry(from).or_insert_with(|| Peer {
                    receiver: Receiver::new(ReceiverLimits {
                        picture_bytes: session.limits.picture_bytes,
                        patience: session.limits.idle,
                    }),
                    intake: Intake::new(
                        session,
                        Route {
                            transport: TransportKind::Udp,
                            from,
                            to: local,
                            protocol: &Protocol::Fixed(Fixed::Framed),
                            request: None,
                            destination,
                        },
                    ),
                    heard: last,
                    share: memory.share(),
                });
                peer.heard = last;
                peer.take(clock, bytes, session);
            }
            Err(error) if is_passing(&error) => {}
            Err(source) => return Err(failed(source)),
        }
        for (address, peer) in &mut peers {
            done = done.saturating_add(peer.answer(clock, socket, *address, session)?);
        }
        peers.retain(|_, peer| {
            peer.receiver.is_receiving() || peer.heard.elapsed() < session.limits.idle
        });
        if give_up_when_idle && peers.is_empty() && last.elapsed() >= session.limits.idle {
            break;
        }
    }
    for peer in peers
        .values_mut()
        .filter(|peer| peer.receiver.is_receiving())
    {
        let what = "a picture was under way when the program ended";
        session.warn(format!("{}: {what}", peer.intake.from()));
    }
    Ok(done)
}

/// Hands what came to the intake, as if it had just come: it checks, hashes and saves.
fn settle(
    intake: &mut Intake<'_>,
    received: Received,
    session: &Session<'_>,
) -> Result<u64, Error> {
    let (header, bytes, repeats, problem) = match received {
        Received::Whole {
            header,
            bytes,
            repeats,
        } => (header, bytes, repeats, None),
        Received::Differs { header, bytes } => {
            let problem = "its digest is not the one that was announced";
            (header, bytes, 0, Some(problem.to_owned()))
        }
        Received::Incomplete {
            header,
            mut bytes,
            missing,
        } => {
            let gone: u64 = missing
                .iter()
                .map(|range| range.end.saturating_sub(range.start))
                .sum();
            // What is behind the first missing piece is not saved: nothing would show where it belongs.
            let whole = missing.first().map_or(header.length, |range| range.start);
            bytes.truncate(usize::try_from(whole).unwrap_or(usize::MAX));
            let problem = format!(
                "{gone} of {} bytes never came, though they were asked for again",
                header.length
            );
            (header, bytes, 0, Some(problem))
        }
        Received::Refused { why, .. } => {
            session.warn(format!("{}: refused: {why}", intake.from()));
            return Ok(0);
        }
    };
    let piece = usize::try_from(header.chunk).unwrap_or(PIECE).max(1);
    intake.whole(header.length, bytes.chunks(piece), repeats, problem)
}
