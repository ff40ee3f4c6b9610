//! `imgnet-client get`: asks a catalogue for a picture (P3), reading until the server closes, as one has to.

use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::ledger::TransportKind;
use crate::transfer::incoming::{Intake, Route, hex};
use crate::transfer::server::catalog::listing::{self, Listed};
use crate::transfer::store::{Destination, writable};
use crate::transfer::{Error, Event, Session, pixels, socket};
use crate::wire::{Protocol, Role, decoder};

/// A list that is longer is none.
const LONGEST_LIST: usize = 64 << 20;

/// Asks `peer` (HOST:PORT) for `choice` and saves the answer as `file`.
///
/// # Errors
/// When nobody answers or nothing came. A picture that came cut short is no error here: its record tells it.
pub(crate) fn run(
    peer: &str,
    choice: &str,
    file: &Path,
    session: &Session<'_>,
) -> Result<(), Error> {
    ask(peer, choice, Destination::File(file), session)
}

/// The same, and what comes decides on the ending of the file's name: `stem` + `.png`.
///
/// # Errors
/// As [`run`].
pub(crate) fn run_stem(
    peer: &str,
    choice: &str,
    stem: &Path,
    session: &Session<'_>,
) -> Result<(), Error> {
    ask(peer, choice, Destination::Stem(stem), session)
}

fn ask(
    peer: &str,
    choice: &str,
    destination: Destination<'_>,
    session: &Session<'_>,
) -> Result<(), Error> {
    if let Destination::File(file) | Destination::Stem(file) = destination {
        writable(file)?;
    }
    let mut connection = socket::connect(peer, session)?;
    connection.write_all(choice.as_bytes())?;
    let route = Route {
        transport: TransportKind::Tcp,
        from: connection.peer,
        to: connection.local,
        protocol: &Protocol::Catalog,
        request: Some(choice.to_owned()),
        destination,
    };
    let watched = |event: Event| {
        if let Event::Transferred(record) = &event
            && record.problem.is_none()
            && is_not_found(&record.sha256)
        {
            session.warn(format!(
                "{peer} has no picture {choice:?}: what came is the picture with which imgnet-server says so; --list shows \
                 what there is"
            ));
        }
        (session.observer)(event);
    };
    let session = Session {
        observer: &watched,
        ..session.clone()
    };
    let mut intake = Intake::new(&session, route);
    let mut decoder = decoder(&Protocol::Catalog, Role::Acceptor);
    let outcome = intake.receive(&mut connection, &mut decoder, None);
    intake.concluded(outcome, connection.peer)
}

/// Whether these bytes are the not-found picture of this version.
fn is_not_found(sha256: &str) -> bool {
    pixels::not_found().is_ok_and(|bytes| hex(Sha256::new_with_prefix(bytes)) == sha256)
}

/// What `peer` has; absent where it does not know the question: the original program answers it with its not-found
/// picture, as any choice that there is not.
///
/// # Errors
/// When nobody answers, or the connection breaks.
pub(crate) fn list(peer: &str, session: &Session<'_>) -> Result<Option<Vec<Listed>>, Error> {
    let mut connection = socket::connect(peer, session)?;
    connection.write_all(listing::QUESTION.as_bytes())?;
    let mut answer = Vec::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        match connection.read(&mut buffer, true)? {
            0 => return Ok(listing::decode(&answer)),
            count if answer.len().saturating_add(count) > LONGEST_LIST => return Ok(None),
            count => answer.extend_from_slice(buffer.get(..count).unwrap_or_default()),
        }
    }
}
