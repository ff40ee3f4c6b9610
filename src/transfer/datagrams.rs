//! Pictures on their way in as datagrams, from any number of senders at once.

use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::time::Instant;

use super::gate::{Admission, Gate, TOLD_EVERY};
use super::incoming::{Intake, Route};
use super::socket::is_timeout;
use super::store::Destination;
use super::{Error, Session};
use crate::ledger::TransportKind;
use crate::wire::{Decoder, Protocol, Role, StreamEnd, decoder};

/// No datagram is larger.
const READ: usize = 64 << 10;

/// One sender of datagrams.
struct Peer<'r> {
    decoder: Decoder,
    intake: Intake<'r>,
    last: Instant,
}

/// Who is listened to. Anyone can write any address on a datagram: what is remembered of senders is bounded, whoever they
/// say they are, and so is what is told of them.
pub(super) struct Crowd {
    gate: Gate,
    told: Option<Instant>,
}

impl Crowd {
    pub(super) fn new(session: &Session<'_>) -> Self {
        Self {
            gate: Gate::new(&session.limits.allow, session.limits.rate),
            told: None,
        }
    }

    /// Whether an address is in one of the networks that are allowed.
    pub(super) fn allows(&self, from: SocketAddr) -> bool {
        self.gate.allows(from.ip())
    }

    /// Whether a new sender is listened to, beside so many others.
    pub(super) fn admits(
        &mut self,
        from: SocketAddr,
        others: usize,
        session: &Session<'_>,
    ) -> bool {
        let now = Instant::now();
        if others >= session.limits.connections {
            if self.told.is_none_or(|told| now - told >= TOLD_EVERY) {
                self.told = Some(now);
                session.warn(format!(
                    "{from} is not listened to: {others} senders at once are the limit: --connections raises it"
                ));
            }
            return false;
        }
        match self.gate.admit(from.ip(), now) {
            Admission::Welcome => true,
            Admission::Refused(why) => {
                if let Some(why) = why {
                    session.warn(format!("{from} is not listened to: {why}"));
                }
                false
            }
        }
    }
}

/// Receives until `most` pictures came or the program is to end; with `give_up_when_idle` also when no datagram
/// came for the idle limit of connections. Returns how many pictures came, whole or not.
pub(super) fn receive(
    socket: &UdpSocket,
    protocol: &Protocol,
    session: &Session<'_>,
    destination: Destination<'_>,
    most: Option<u64>,
    give_up_when_idle: bool,
) -> Result<u64, Error> {
    let failed = |source| Error::Connection {
        peer: SocketAddr::from(([0, 0, 0, 0], 0)),
        source,
    };
    let local = socket.local_addr().map_err(failed)?;
    let mut peers: HashMap<SocketAddr, Peer<'_>> = HashMap::new();
    let mut buffer = vec![0; READ];
    let mut done = 0_u64;
    let mut last = Instant::now();
    let mut swept = last;
    let mut crowd = Crowd::new(session);
    while most.is_none_or(|most| done < most) && !session.shutdown.requested() {
        if session.shutdown.stopping() {
            let idle = peers.values().all(|peer| !peer.intake.is_busy());
            if idle || session.must_end() {
                break;
            }
        }
        match socket.recv_from(&mut buffer) {
            Ok((count, from)) => {
                last = Instant::now();
                if !peers.contains_key(&from) && !crowd.admits(from, peers.len(), session) {
                    continue;
                }
                let peer = peers.entry(from).or_insert_with(|| Peer {
                    decoder: decoder(protocol, Role::Initiator),
                    intake: Intake::new(
                        session,
                        Route {
                            transport: TransportKind::Udp,
                            from,
                            to: local,
                            protocol,
                            request: None,
                            destination,
                        },
                    ),
                    last,
                });
                peer.last = last;
                let datagram = buffer.get(..count).unwrap_or_default();
                match peer.intake.datagram(&mut peer.decoder, datagram) {
                    Ok(ended) => done = done.saturating_add(ended),
                    Err(error @ Error::Write { .. }) => return Err(error),
                    Err(error) => {
                        done = done.saturating_add(peer.intake.fail(&error));
                        peers.remove(&from);
                    }
                }
            }
            Err(error) if is_timeout(&error) => {}
            // A datagram sent earlier from this socket found nobody; those that come matter here.
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {}
            Err(source) => return Err(failed(source)),
        }
        if swept.elapsed() >= session.limits.idle_udp / 4 {
            swept = Instant::now();
            peers.retain(|_, peer| {
                let quiet = peer.last.elapsed() >= session.limits.idle_udp;
                if quiet {
                    let before = peer.intake.done();
                    peer.intake.finish(&mut peer.decoder, StreamEnd::Idle);
                    peer.intake.conclude_empty(&Ok(()));
                    done = done.saturating_add(peer.intake.done().saturating_sub(before));
                }
                !quiet
            });
            let nobody = peers.is_empty() && last.elapsed() >= session.limits.idle;
            if give_up_when_idle && nobody {
                break;
            }
        }
    }
    for peer in peers.values_mut() {
        let ended = peer.intake.finish(&mut peer.decoder, StreamEnd::Unfinished);
        done = done.saturating_add(ended);
    }
    Ok(done)
}
