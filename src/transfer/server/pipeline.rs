//! `imgnet-server pipeline`: the parallel pipeline (P1). The order of accept gives the role: first the uploader, then
//! the workers, who get one strip of the picture each, from left to right, and send it back filtered.
//!
//! Everything that came and went is saved, so that a run can be verified: `round-0001-upload.jpg`,
//! `-strip-1.jpg` (sent to worker 1), `-result-1.jpg` (its answer), …, `-merged.jpg`.

use std::net::TcpListener;
use std::thread;

use super::tell_listening;
use crate::imaging;
use crate::ledger::TransportKind;
use crate::picture::{SNIFF_BYTES, Sniff, sniff};
use crate::transfer::incoming::{Intake, Route};
use crate::transfer::outgoing::{self, Outgoing};
use crate::transfer::socket::{self, Connection};
use crate::transfer::store::{self, Destination, Store};
use crate::transfer::{Error, Session, pixels};
use crate::wire::{Protocol, Role, decoder};

/// The pipeline's chunk.
const CHUNK: usize = 2048;

/// How the pipeline works.
#[derive(Debug)]
pub struct Pipeline {
    /// Where pictures are saved.
    pub store: Store,
    /// Workers, and so strips.
    pub workers: u32,
    /// End after so many rounds, finished or not.
    pub rounds: Option<u64>,
    /// `marker`, with the marker to use.
    pub protocol: Protocol,
}

/// Runs rounds until it is told to end, or all were run.
///
/// # Errors
/// When nothing more can be accepted or saved. A round that fails is told, and the next connection begins a new one.
pub fn run(
    listener: &TcpListener,
    pipeline: &Pipeline,
    session: &Session<'_>,
) -> Result<(), Error> {
    tell_listening(listener, session);
    let mut rounds = 0_u64;
    while pipeline.rounds.is_none_or(|most| rounds < most) {
        rounds = rounds.saturating_add(1);
        match round(listener, pipeline, session) {
            Ok(true) => {}
            Ok(false) | Err(Error::Stopped) => return Ok(()),
            Err(error @ (Error::Listen { .. } | Error::Write { .. })) => return Err(error),
            Err(error) => session.note(format!(
                "round {rounds} failed: {}; the next connection is taken for an uploader",
                error.told()
            )),
        }
    }
    Ok(())
}

/// One round; false when the program is to end.
fn round(
    listener: &TcpListener,
    pipeline: &Pipeline,
    session: &Session<'_>,
) -> Result<bool, Error> {
    let Some(mut uploader) = socket::accept(listener, session)? else {
        return Ok(false);
    };
    let upload = receive(&mut uploader, pipeline, session, Role::Initiator).map_err(|error| match error {
        Error::Idle { peer, limit } => Error::Unusable {
            peer,
            problem: format!(
                "nothing came for {} s; the first connection of a round is taken for the uploader: start it before the workers",
                limit.as_secs_f64()
            ),
        },
        error => error,
    })?;
    let name = format!("round-{:04}", pipeline.store.number());
    let save = |what: &str, bytes: &[u8]| {
        let format = match sniff(bytes.get(..SNIFF_BYTES).unwrap_or(bytes)) {
            Sniff::Is(format) => Some(format),
            _ => None,
        };
        pipeline
            .store
            .save(&format!("{name}-{what}"), store::extension(format), bytes)
    };
    save("upload", &upload)?;
    let picture = pixels::decode(&upload, &format!("the upload from {}", uploader.peer))?;
    let strips = imaging::split(&picture, pipeline.workers)
        .map_err(|error| Error::picture("the upload cannot be split")(error.into()))?;
    let results = thread::scope(|scope| {
        let mut workers = Vec::new();
        for (number, strip) in (1_u32..).zip(&strips) {
            let strip = pixels::jpeg(strip)?;
            let file = save(&format!("strip-{number}"), &strip)?;
            let Some(worker) = socket::accept(listener, session)? else {
                return Err(Error::Stopped);
            };
            let file = file.to_string_lossy().into_owned();
            workers.push(scope.spawn(move || work(worker, &strip, file, pipeline, session)));
        }
        // All are waited for, so that one that fails does not cut off the others.
        let results: Vec<_> = workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or(Err(Error::Stopped)))
            .collect();
        results.into_iter().collect::<Result<Vec<_>, Error>>()
    })?;
    let mut filtered = Vec::new();
    for (number, result) in (1_u32..).zip(&results) {
        save(&format!("result-{number}"), result)?;
        filtered.push(pixels::decode(
            result,
            &format!("the answer of worker {number}"),
        )?);
    }
    let merged = imaging::merge(&filtered).map_err(|error| {
        Error::picture("the answers of the workers cannot be merged")(error.into())
    })?;
    let path = save("merged", &pixels::jpeg(&merged)?)?;
    session.note(format!(
        "{} merged from {} strips",
        path.display(),
        filtered.len()
    ));
    Ok(true)
}

/// Sends a worker its strip and receives its answer.
fn work(
    mut worker: Connection<'_>,
    strip: &[u8],
    file: String,
    pipeline: &Pipeline,
    session: &Session<'_>,
) -> Result<Vec<u8>, Error> {
    let picture = Outgoing {
        bytes: strip,
        protocol: &pipeline.protocol,
        chunk: CHUNK,
        pace: None,
        file: Some(file),
        request: None,
    };
    let record = outgoing::send(&mut worker, session, &picture)?;
    let problem = record.problem.clone();
    session.transferred(record);
    if let Some(problem) = problem {
        return Err(Error::Unusable {
            peer: worker.peer,
            problem,
        });
    }
    receive(&mut worker, pipeline, session, Role::Initiator)
}

/// Receives one picture into memory.
fn receive(
    connection: &mut Connection<'_>,
    pipeline: &Pipeline,
    session: &Session<'_>,
    role: Role,
) -> Result<Vec<u8>, Error> {
    let peer = connection.peer;
    let route = Route {
        transport: TransportKind::Tcp,
        from: peer,
        to: connection.local,
        protocol: &pipeline.protocol,
        request: None,
        destination: Destination::Memory,
    };
    let mut intake = Intake::new(session, route);
    intake.receive_one(connection, &mut decoder(&pipeline.protocol, role))
}
