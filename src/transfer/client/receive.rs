//! `imgnet-client receive`: one picture from a sender that connects (P4), that is connected to, or that sends
//! datagrams (P5).

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::Path;

use crate::ledger::TransportKind;
use crate::transfer::incoming::{Intake, Route};
use crate::transfer::socket::{self, Connection};
use crate::transfer::store::{Destination, writable};
use crate::transfer::{Error, Event, Session};
use crate::transfer::{datagrams, framed};
use crate::wire::{Fixed, Protocol, Role, decoder};

/// What a receiver says first where datagrams are waited for by the sender.
const GREETING: &[u8] = b"hello";

/// Waits for one connection, for as long as the idle limit, and receives what it sends into `file`.
///
/// # Errors
/// When nothing came. A picture that came cut short is no error here: its record tells it.
pub(crate) fn listen(
    listener: &TcpListener,
    protocol: &Protocol,
    file: &Path,
    session: &Session<'_>,
) -> Result<(), Error> {
    writable(file)?;
    if let Ok(address) = listener.local_addr() {
        (session.observer)(Event::Listening(address));
    }
    let wait = session.limits.idle;
    let Some(connection) = socket::accept_within(listener, wait, session)? else {
        return Err(Error::Stopped);
    };
    receive(connection, Role::Initiator, protocol, file, session)
}

/// Connects to a sender that listens (HOST:PORT) and receives into `file`.
///
/// # Errors
/// When nobody answers or nothing came.
pub(crate) fn connect(
    peer: &str,
    protocol: &Protocol,
    file: &Path,
    session: &Session<'_>,
) -> Result<(), Error> {
    writable(file)?;
    let connection = socket::connect(peer, session)?;
    receive(connection, Role::Acceptor, protocol, file, session)
}

fn receive(
    mut connection: Connection<'_>,
    sender: Role,
    protocol: &Protocol,
    file: &Path,
    session: &Session<'_>,
) -> Result<(), Error> {
    let route = Route {
        transport: TransportKind::Tcp,
        from: connection.peer,
        to: connection.local,
        protocol,
        request: None,
        destination: Destination::File(file),
    };
    let mut intake = Intake::new(session, route);
    let mut decoder = decoder(protocol, sender);
    let outcome = intake.receive(&mut connection, &mut decoder, None);
    intake.concluded(outcome, connection.peer)
}

/// Receives the datagrams of one picture into `file`.
///
/// # Errors
/// When none came within the idle limit.
pub(crate) fn listen_udp(
    socket: &UdpSocket,
    protocol: &Protocol,
    file: &Path,
    session: &Session<'_>,
) -> Result<(), Error> {
    writable(file)?;
    if let Ok(address) = socket.local_addr() {
        (session.observer)(Event::Listening(address));
    }
    if receive_datagrams(socket, protocol, file, session)? {
        return Ok(());
    }
    match socket.local_addr() {
        Ok(address) if !session.shutdown.requested() => Err(Error::Nobody {
            address,
            limit: session.limits.idle,
        }),
        _ => Err(Error::Stopped),
    }
}

/// Whether a picture came, whole or not.
fn receive_datagrams(
    socket: &UdpSocket,
    protocol: &Protocol,
    file: &Path,
    session: &Session<'_>,
) -> Result<bool, Error> {
    let destination = Destination::File(file);
    let done = match protocol {
        Protocol::Fixed(Fixed::Framed) => {
            framed::receive(socket, session, destination, Some(1), true)?
        }
        _ => datagrams::receive(socket, protocol, session, destination, Some(1), true)?,
    };
    Ok(done > 0)
}

/// Greets a sender of datagrams (HOST:PORT) that waits for receivers, and receives one picture into `file`.
///
/// # Errors
/// When the address is none, or no picture came within the idle limit.
pub(crate) fn greet_udp(
    peer: &str,
    protocol: &Protocol,
    file: &Path,
    session: &Session<'_>,
) -> Result<(), Error> {
    writable(file)?;
    let address = socket::resolve(peer)?
        .into_iter()
        .next()
        .ok_or(Error::Stopped)?;
    let any = match address {
        SocketAddr::V4(_) => SocketAddr::from(([0, 0, 0, 0], 0)),
        SocketAddr::V6(_) => SocketAddr::from(([0_u16; 8], 0)),
    };
    let socket = socket::bind_udp(any)?;
    let failed = |source| Error::Connection {
        peer: address,
        source,
    };
    // Connected, so that nobody else's datagrams come, and the socket knows its own address.
    socket.connect(address).map_err(failed)?;
    socket.send(GREETING).map_err(failed)?;
    if receive_datagrams(&socket, protocol, file, session)? {
        return Ok(());
    }
    if session.shutdown.requested() {
        return Err(Error::Stopped);
    }
    Err(Error::Silent {
        peer: address,
        limit: session.limits.idle,
    })
}
