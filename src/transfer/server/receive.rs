//! `imgnet-server receive`: pictures that clients send, saved in a folder (P2, and every other format that sends one
//! way).

use std::net::{TcpListener, UdpSocket};

use super::{Tally, serve_each};
use crate::ledger::TransportKind;
use crate::transfer::datagrams;
use crate::transfer::incoming::{Intake, Route};
use crate::transfer::socket::Connection;
use crate::transfer::store::{Destination, Store};
use crate::transfer::{Error, Event, Session};
use crate::wire::{Protocol, Role, decoder};

/// What to receive.
#[derive(Debug)]
pub struct Receive {
    /// Wire format; `udp` needs [`run_udp`].
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
pub fn run(listener: &TcpListener, receive: &Receive, session: &Session<'_>) -> Result<(), Error> {
    let session = &session.within();
    let tally = Tally::new(session, receive.count);
    serve_each(listener, session, |connection| {
        serve(connection, receive, session, &tally);
    })
}

fn serve(
    mut connection: Connection<'_>,
    receive: &Receive,
    session: &Session<'_>,
    tally: &Tally<'_>,
) {
    let route = Route {
        transport: TransportKind::Tcp,
        from: connection.peer,
        to: connection.local,
        protocol: &receive.protocol,
        request: None,
        destination: Destination::Folder(&receive.store),
    };
    let mut decoder = decoder(&receive.protocol, Role::Initiator);
    let mut intake = Intake::new(session, route);
    let outcome = intake.receive(&mut connection, &mut decoder, None);
    // Where a picture was under way, its record tells what went wrong.
    if intake.done() == 0 {
        match outcome {
            Err(Error::Stopped) => {}
            Err(error) => session.warn(error.told()),
            Ok(()) => session.warn(
                Error::Nothing {
                    peer: connection.peer,
                }
                .told(),
            ),
        }
    }
    tally.add(intake.done());
}

/// Receives datagrams.
///
/// # Errors
/// When the socket fails or nothing can be saved.
pub fn run_udp(socket: &UdpSocket, receive: &Receive, session: &Session<'_>) -> Result<(), Error> {
    if let Ok(address) = socket.local_addr() {
        (session.observer)(Event::Listening(address));
    }
    let destination = Destination::Folder(&receive.store);
    datagrams::receive(socket, session, destination, receive.count, false)?;
    Ok(())
}
