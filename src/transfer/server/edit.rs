//! `imgnet-server edit`: receives a picture, filters it, and sends it back on the same connection, as often as the client
//! asks for it.
//!
//! What came and what went back are saved, so that a run can be verified: `image-0001-upload.jpg` and
//! `image-0001-edited.jpg`.

use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use image::DynamicImage;

use super::{Tally, tell_listening};
use crate::imaging::Filter;
use crate::ledger::TransportKind;
use crate::picture::{Format, SNIFF_BYTES, Sniff, sniff};
use crate::transfer::incoming::{Intake, Route};
use crate::transfer::outgoing::{self, Outgoing};
use crate::transfer::socket::{self, Connection};
use crate::transfer::store::{Destination, Store, extension};
use crate::transfer::{Error, Session, pixels};
use crate::wire::{Decoder, Protocol, Role, decoder};

/// Connections at once: each has a thread, and a decoded picture in memory.
const MOST: usize = 64;

/// How often is looked whether there is room for another one.
const TICK: Duration = Duration::from_millis(20);

/// How to edit.
#[derive(Debug)]
pub(crate) struct Edit {
    /// Where pictures are saved.
    pub store: Store,
    /// A format whose pictures have an end before the connection has: `marker`, the `length` family, `half-close`.
    pub protocol: Protocol,
    /// What is done to each picture.
    pub filter: Filter,
    /// End after so many pictures, whole or not.
    pub count: Option<u64>,
}

/// Whether a picture can be answered on its own connection in this format.
pub(crate) fn answers(protocol: &Protocol) -> bool {
    matches!(
        protocol,
        Protocol::Marker(_) | Protocol::Length(_) | Protocol::HalfClose
    )
}

/// Serves all who come until it is told to end, or `count` pictures came.
///
/// # Errors
/// When nothing more can be accepted. What goes wrong with one client is told and does not end the server.
pub(crate) fn run(listener: &TcpListener, edit: &Edit, session: &Session<'_>) -> Result<(), Error> {
    let session = &session.within();
    let tally = &Tally::new(session, edit.count);
    tell_listening(listener, session);
    let active = &AtomicUsize::new(0);
    thread::scope(|scope| {
        loop {
            while active.load(Ordering::Acquire) >= MOST && !session.shutdown.winding_down() {
                thread::sleep(TICK);
            }
            let Some(mut client) = socket::accept(listener, session)? else {
                return Ok(());
            };
            active.fetch_add(1, Ordering::AcqRel);
            scope.spawn(move || {
                let peer = client.peer;
                let mut decoder = decoder(&edit.protocol, Role::Initiator);
                let mut done = 0_u64;
                let outcome = loop {
                    match one(&mut client, &mut decoder, edit, session) {
                        Ok(answered) => {
                            done = done.saturating_add(1);
                            tally.add(1);
                            if !answered || edit.protocol == Protocol::HalfClose {
                                break Ok(());
                            }
                        }
                        // It closed behind the last one.
                        Err(Error::Nothing { .. }) if done > 0 => break Ok(()),
                        Err(error) => break Err(error),
                    }
                };
                match outcome {
                    Ok(()) | Err(Error::Stopped) => {}
                    Err(error) => {
                        session.warn(format!("{peer}: {}", error.told()));
                        tally.add(1);
                    }
                }
                active.fetch_sub(1, Ordering::AcqRel);
            });
        }
    })
}

fn filtered(bytes: &[u8], filter: Filter, peer: SocketAddr) -> Result<DynamicImage, Error> {
    let picture = pixels::decode(bytes, &format!("the picture from {peer}"))?;
    let filtered = filter.applied(bytes, &picture);
    filtered.map_err(|reason| Error::Unusable {
        peer,
        problem: reason.to_string(),
    })
}

/// Takes one picture and answers it; false where it cannot be answered, which is told.
fn one(
    client: &mut Connection<'_>,
    decoder: &mut Decoder,
    edit: &Edit,
    session: &Session<'_>,
) -> Result<bool, Error> {
    let name = format!("image-{:04}", edit.store.number());
    let upload = format!("{name}-upload");
    let route = Route {
        transport: TransportKind::Tcp,
        from: client.peer,
        to: client.local,
        protocol: &edit.protocol,
        request: None,
        destination: Destination::Named {
            store: &edit.store,
            name: &upload,
        },
    };
    let bytes = Intake::new(session, route).receive_one(client, decoder)?;
    let edited = match filtered(&bytes, edit.filter, client.peer) {
        Ok(edited) => edited,
        Err(error) => {
            session.unanswered(error.told());
            return Ok(false);
        }
    };
    // What loses nothing goes back as something that loses nothing.
    let format = match sniff(bytes.get(..SNIFF_BYTES).unwrap_or(&bytes)) {
        Sniff::Is(Format::Jpeg) => Format::Jpeg,
        _ => Format::Png,
    };
    let answer = pixels::encoded(&edited, format)?;
    let file = edit
        .store
        .save(&format!("{name}-edited"), extension(Some(format)), &answer)?;
    let chunk = edit.protocol.default_chunk();
    let record = outgoing::send(
        client,
        session,
        &Outgoing {
            bytes: &answer,
            on_disk: None,
            protocol: &edit.protocol,
            chunk: chunk
                .and_then(|chunk| usize::try_from(chunk).ok())
                .unwrap_or(1024),
            pace: None,
            file: Some(file.to_string_lossy().into_owned()),
            request: None,
            number: 0,
        },
    )?;
    let problem = record.problem.clone();
    session.transferred(record);
    match problem {
        Some(problem) => Err(Error::Unusable {
            peer: client.peer,
            problem,
        }),
        None => Ok(true),
    }
}
