//! `imgnet-client work`: a worker of the pipeline (P1). It says nothing first; the server sends its strip.

use crate::imaging::Filter;
use crate::ledger::TransportKind;
use crate::transfer::incoming::{Intake, Route};
use crate::transfer::outgoing::{self, Outgoing};
use crate::transfer::store::Destination;
use crate::transfer::{Error, Session, pixels, socket};
use crate::wire::{Protocol, Role, decoder};

/// The pipeline's chunk.
const CHUNK: usize = 2048;

/// How to work.
#[derive(Debug, Clone)]
pub(crate) struct Work {
    /// HOST:PORT.
    pub peer: String,
    /// What to do with a strip.
    pub filter: Filter,
    /// Strips to work on, one connection each.
    pub rounds: u64,
    /// `marker`, with the marker to use.
    pub protocol: Protocol,
}

/// Works on strips.
///
/// # Errors
/// When nobody answers, or the strip does not come whole.
pub(crate) fn run(work: &Work, session: &Session<'_>) -> Result<(), Error> {
    for _ in 0..work.rounds {
        let mut connection = socket::connect(&work.peer, session)?;
        let peer = connection.peer;
        let route = Route {
            transport: TransportKind::Tcp,
            from: peer,
            to: connection.local,
            protocol: &work.protocol,
            request: None,
            destination: Destination::Memory,
        };
        let mut intake = Intake::new(session, route);
        let strip = intake.receive_one(
            &mut connection,
            &mut decoder(&work.protocol, Role::Acceptor),
        )?;
        let picture = pixels::decode(&strip, &format!("the strip from {peer}"))?;
        let filtered = work.filter.applied(&strip, &picture);
        let filtered = filtered.map_err(|reason| Error::Unusable {
            peer,
            problem: reason.to_string(),
        })?;
        let answer = pixels::jpeg(&filtered)?;
        let picture = Outgoing {
            bytes: &answer,
            on_disk: None,
            protocol: &work.protocol,
            chunk: CHUNK,
            pace: None,
            file: None,
            request: None,
            number: 0,
        };
        let record = outgoing::send(&mut connection, session, &picture)?;
        outgoing::close(connection, session, vec![record]);
    }
    Ok(())
}
