//! `imgnet-client get`: asks a catalogue for a picture (P3), reading until the server closes, as one has to.

use std::path::Path;

use crate::ledger::TransportKind;
use crate::transfer::incoming::{Intake, Route};
use crate::transfer::store::{Destination, writable};
use crate::transfer::{Error, Session, socket};
use crate::wire::{Protocol, Role, decoder};

/// Asks `peer` (HOST:PORT) for `choice` and saves the answer as `file`.
///
/// # Errors
/// When nobody answers or nothing came. A picture that came cut short is no error here: its record tells it.
pub fn run(peer: &str, choice: &str, file: &Path, session: &Session<'_>) -> Result<(), Error> {
    writable(file)?;
    let mut connection = socket::connect(peer, session)?;
    connection.write_all(choice.as_bytes())?;
    let route = Route {
        transport: TransportKind::Tcp,
        from: connection.peer,
        to: connection.local,
        protocol: &Protocol::Catalog,
        request: Some(choice.to_owned()),
        destination: Destination::File(file),
    };
    let mut intake = Intake::new(session, route);
    let mut decoder = decoder(&Protocol::Catalog, Role::Acceptor);
    let outcome = intake.receive(&mut connection, &mut decoder, None);
    intake.concluded(outcome, connection.peer)
}
