//! `imgnet-server receive`: pictures that clients send, saved in a folder (P2, and every other format that sends one
//! way).

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};

use super::{Tally, tell_listening};
use crate::ledger::TransportKind;
use crate::transfer::incoming::{Intake, PAUSE, Route, half_close_answer, words};
use crate::transfer::patience::Patience;
use crate::transfer::reactor::{self, Dialogue, Next, Woken};
use crate::transfer::socket::{broken, is_timeout};
use crate::transfer::store::{Destination, Store};
use crate::transfer::{Error, Event, Session};
use crate::transfer::{datagrams, framed};
use crate::wire::{Decoder, Fixed, Protocol, Role, decoder};

/// Bytes that are taken from one client before others have their turn.
const TURN: usize = 8 << 20;

/// What to receive.
#[derive(Debug)]
pub(crate) struct Receive {
    /// Wire format; those of datagrams need [`run_udp`], and `framed` takes either.
    pub protocol: Protocol,
    /// Where pictures are saved.
    pub store: Store,
    /// End after so many pictures, whole or not.
    pub count: Option<u64>,
}

/// Receives over TCP.
///
/// # Errors
/// When nothing more can be accepted. What goes wrong with one client is told and does not end the server.
pub(crate) fn run(
    listener: &TcpListener,
    receive: &Receive,
    session: &Session<'_>,
) -> Result<(), Error> {
    let session = &session.within();
    let tally = Tally::new(session, receive.count);
    tell_listening(listener, session);
    reactor::serve(listener, session, |local, peer| {
        let route = Route {
            transport: TransportKind::Tcp,
            from: peer,
            to: local,
            protocol: &receive.protocol,
            request: None,
            destination: Destination::Folder(&receive.store),
        };
        Receiving {
            session,
            tally: &tally,
            decoder: decoder(&receive.protocol, Role::Initiator),
            intake: Intake::new(session, route),
            peer,
            patience: Patience::with(peer),
            held: false,
        }
    })
}

/// One client that sends pictures.
struct Receiving<'r> {
    session: &'r Session<'r>,
    tally: &'r Tally<'r>,
    decoder: Decoder,
    intake: Intake<'r>,
    peer: SocketAddr,
    patience: Patience,
    /// Bytes came that may be a field without an end.
    held: bool,
}

impl Receiving<'_> {
    /// Sends the answers that the format asks for; a few bytes, for which there is room in any socket that is read.
    fn answer(&mut self, mut stream: &TcpStream) -> Result<(), Error> {
        let answers = words(&self.intake.answers(), &self.decoder.protocol());
        if answers.is_empty() {
            return Ok(());
        }
        self.held = false;
        stream
            .write_all(&answers)
            .map_err(|source| broken(self.peer, source))
    }

    fn asks(&self) -> bool {
        self.held
            && !self.intake.is_busy()
            && matches!(self.decoder.protocol(), Protocol::SizeHandshake { .. })
    }

    fn failed(&mut self, error: Error) -> Next {
        let error = self.intake.broken(&mut self.decoder, error);
        self.concluded(&Err(error))
    }

    /// Where a picture was under way, its record tells what went wrong; where none was, one of its own does.
    fn concluded(&mut self, outcome: &Result<(), Error>) -> Next {
        self.intake.conclude_empty(outcome);
        self.tally.add(self.intake.done());
        Next::Close
    }
}

impl Dialogue for Receiving<'_> {
    fn go_on(&mut self, stream: &TcpStream, woken: Woken, scratch: &mut [u8]) -> Next {
        if woken == Woken::Ending {
            return self.failed(Error::Stopped);
        }
        let mut stream = stream;
        let mut taken = 0_usize;
        loop {
            match stream.read(scratch) {
                Ok(0) => {
                    let outcome = self.intake.closed(&mut self.decoder);
                    if self.decoder.protocol() == Protocol::HalfClose {
                        // Who does not wait for the answer does not get it.
                        let _ = stream.write_all(&half_close_answer(&outcome, self.intake.done()));
                    }
                    return self.concluded(&outcome);
                }
                Ok(count) => {
                    self.patience.moved();
                    let bytes = scratch.get(..count).unwrap_or_default();
                    if let Err(error) = self.intake.take(&mut self.decoder, bytes) {
                        return self.concluded(&Err(error));
                    }
                    self.held = true;
                    if let Err(error) = self.answer(stream) {
                        return self.failed(error);
                    }
                    taken = taken.saturating_add(count);
                    if let Some(error) = self.patience.too_long(&self.session.limits) {
                        return self.failed(error);
                    }
                    if taken >= TURN {
                        return Next::Yield;
                    }
                }
                Err(error) if is_timeout(&error) => {
                    if let Some(error) = self.patience.over(&self.session.limits) {
                        return self.failed(error);
                    }
                    let deadline = self.patience.deadline(&self.session.limits);
                    if !self.asks() {
                        return Next::Read(deadline);
                    }
                    let since = self.patience.since();
                    if since.elapsed() < PAUSE {
                        return Next::Read(deadline.min(since + PAUSE));
                    }
                    self.held = false;
                    self.intake.flush(&mut self.decoder);
                    if let Err(error) = self.answer(stream) {
                        return self.failed(error);
                    }
                    return Next::Read(deadline);
                }
                Err(source) => {
                    let error = broken(self.peer, source);
                    return self.failed(error);
                }
            }
        }
    }

    fn is_busy(&self) -> bool {
        self.intake.is_busy()
    }

    fn rest(&mut self) {
        self.intake.rest();
    }
}

/// Receives datagrams.
///
/// # Errors
/// When the socket fails or nothing can be saved.
pub(crate) fn run_udp(
    socket: &UdpSocket,
    receive: &Receive,
    session: &Session<'_>,
) -> Result<(), Error> {
    if let Ok(address) = socket.local_addr() {
        (session.observer)(Event::Listening(address));
    }
    let destination = Destination::Folder(&receive.store);
    if receive.protocol == Protocol::Fixed(Fixed::Framed) {
        framed::receive(socket, session, destination, receive.count, false)?;
    } else {
        let protocol = &receive.protocol;
        datagrams::receive(socket, protocol, session, destination, receive.count, false)?;
    }
    Ok(())
}
