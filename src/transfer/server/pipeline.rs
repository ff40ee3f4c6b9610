//! `imgnet-server pipeline`: the parallel pipeline (P1). The order of accept gives the role: first the uploader, then
//! the workers, who get one strip of the picture each, from left to right, and send it back filtered.
//!
//! Everything that came and went is saved, so that a run can be verified: `round-0001-upload.jpg`,
//! `-strip-1.jpg` (sent to worker 1), `-result-1.jpg` (its answer), …, `-merged.jpg`.

use std::net::{SocketAddr, TcpListener};
use std::thread;

use image::DynamicImage;

use super::tell_listening;
use crate::imaging::{self, Filter};
use crate::ledger::TransportKind;
use crate::transfer::incoming::{Intake, Route};
use crate::transfer::outgoing::{self, Outgoing};
use crate::transfer::socket::{self, Connection};
use crate::transfer::store::{Destination, Store};
use crate::transfer::{Error, Session, pixels};
use crate::wire::{Protocol, Role, decoder};

/// The pipeline's chunk.
const CHUNK: usize = 2048;

/// How the pipeline works.
#[derive(Debug)]
pub(crate) struct Pipeline {
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
/// As [`run_with`].
pub(crate) fn run(
    listener: &TcpListener,
    pipeline: &Pipeline,
    session: &Session<'_>,
) -> Result<(), Error> {
    run_with(listener, pipeline, Filter::FindEdges, session)
}

/// Runs rounds until it is told to end, or all were run. The strip of a worker that dies, hangs or answers with something
/// else is done here, with this filter.
///
/// # Errors
/// When nothing more can be accepted or saved. A round that fails is told, and the next connection begins a new one.
pub(crate) fn run_with(
    listener: &TcpListener,
    pipeline: &Pipeline,
    filter: Filter,
    session: &Session<'_>,
) -> Result<(), Error> {
    tell_listening(listener, session);
    let mut rounds = 0_u64;
    while pipeline.rounds.is_none_or(|most| rounds < most) {
        rounds = rounds.saturating_add(1);
        match round(listener, pipeline, filter, session) {
            Ok(true) => {}
            Ok(false) | Err(Error::Stopped) => return Ok(()),
            Err(error @ (Error::Listen { .. } | Error::Write { .. })) => return Err(error),
            Err(error) => session.warn(format!(
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
    filter: Filter,
    session: &Session<'_>,
) -> Result<bool, Error> {
    let Some(mut uploader) = socket::accept(listener, session)? else {
        return Ok(false);
    };
    let round = format!("round-{:04}", pipeline.store.number());
    let upload = receive(&mut uploader, &format!("{round}-upload"), pipeline, session)
        .map_err(taken_for_uploader)?;
    let picture = pixels::decode(&upload, &format!("the upload from {}", uploader.peer))?;
    let strips = imaging::split(&picture, pipeline.workers)
        .map_err(|error| Error::picture("the upload cannot be split")(error.into()))?;
    let results = thread::scope(|scope| {
        let mut workers = Vec::new();
        for (number, strip) in (1_u32..).zip(&strips) {
            let jpeg = pixels::jpeg(strip)?;
            let file = pipeline
                .store
                .save(&format!("{round}-strip-{number}"), "jpg", &jpeg)?;
            let Some(worker) = socket::accept(listener, session)? else {
                return Err(Error::Stopped);
            };
            let file = file.to_string_lossy().into_owned();
            let result = format!("{round}-result-{number}");
            workers.push(scope.spawn(move || {
                let peer = worker.peer;
                let answer = work(worker, &jpeg, file, &result, pipeline, session)
                    .and_then(|answer| fitting(&answer, strip, peer));
                match answer {
                    Err(error @ (Error::Stopped | Error::Write { .. })) => Err(error),
                    Err(error) => {
                        session.warn(format!(
                            "worker {number} ({peer}) failed: {}; its strip is done here",
                            error.told()
                        ));
                        own_work(&jpeg, filter, &result, pipeline)
                    }
                    Ok(answer) => Ok(answer),
                }
            }));
        }
        // All are waited for, so that one that fails does not cut off the others.
        let results: Vec<_> = workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or(Err(Error::Stopped)))
            .collect();
        results.into_iter().collect::<Result<Vec<_>, Error>>()
    })?;
    let merged = imaging::merge(&results).map_err(|error| {
        Error::picture("the answers of the workers cannot be merged")(error.into())
    })?;
    let path = pipeline
        .store
        .save(&format!("{round}-merged"), "jpg", &pixels::jpeg(&merged)?)?;
    session.note(format!(
        "{} merged from {} strips",
        path.display(),
        results.len()
    ));
    Ok(true)
}

/// Silence of the first connection has a likely cause in the pipeline, which its user should hear.
fn taken_for_uploader(error: Error) -> Error {
    match error {
        Error::Idle { peer, limit } => Error::Unusable {
            peer,
            problem: format!(
                "nothing came for {} s; the first connection of a round is taken for the uploader, so start it before \
                 the workers",
                limit.as_secs_f64()
            ),
        },
        error => error,
    }
}

/// The picture that a worker answered, where it fits into the place of its strip.
fn fitting(answer: &[u8], strip: &DynamicImage, peer: SocketAddr) -> Result<DynamicImage, Error> {
    let picture = pixels::decode(answer, &format!("the answer of {peer}"))?;
    let (width, height) = (picture.width(), picture.height());
    if (width, height) == (strip.width(), strip.height()) {
        return Ok(picture);
    }
    Err(Error::Unusable {
        peer,
        problem: format!(
            "it is {width}×{height}, the strip was {}×{}",
            strip.width(),
            strip.height()
        ),
    })
}

/// Does a worker's strip, from the same bytes that the worker was sent.
fn own_work(
    strip: &[u8],
    filter: Filter,
    result: &str,
    pipeline: &Pipeline,
) -> Result<DynamicImage, Error> {
    let strip = pixels::decode(strip, "a strip")?;
    let answer = pixels::jpeg(&filter.apply(&strip))?;
    pipeline.store.save(result, "jpg", &answer)?;
    pixels::decode(&answer, "a strip")
}

/// Sends a worker its strip and receives its answer.
fn work(
    mut worker: Connection<'_>,
    strip: &[u8],
    file: String,
    result: &str,
    pipeline: &Pipeline,
    session: &Session<'_>,
) -> Result<Vec<u8>, Error> {
    let picture = Outgoing {
        bytes: strip,
        on_disk: None,
        protocol: &pipeline.protocol,
        chunk: CHUNK,
        pace: None,
        file: Some(file),
        request: None,
        number: 0,
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
    receive(&mut worker, result, pipeline, session)
}

/// Receives one picture and saves it as `name`.
fn receive(
    connection: &mut Connection<'_>,
    name: &str,
    pipeline: &Pipeline,
    session: &Session<'_>,
) -> Result<Vec<u8>, Error> {
    let route = Route {
        transport: TransportKind::Tcp,
        from: connection.peer,
        to: connection.local,
        protocol: &pipeline.protocol,
        request: None,
        destination: Destination::Named {
            store: &pipeline.store,
            name,
        },
    };
    Intake::new(session, route).receive_one(
        connection,
        &mut decoder(&pipeline.protocol, Role::Initiator),
    )
}
