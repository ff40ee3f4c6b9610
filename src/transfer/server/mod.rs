//! The servers: each runs on a socket that the caller opened, until it is told to end or has done what was asked.

pub mod catalog;
pub mod pipeline;
pub mod receive;
pub mod stream;

use std::net::TcpListener;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::socket::{self, Connection};
use super::{Error, Event, Session};

/// Counts what is done, and winds the server down when it is enough.
#[derive(Debug)]
struct Tally<'s> {
    session: &'s Session<'s>,
    most: Option<u64>,
    done: AtomicU64,
}

impl<'s> Tally<'s> {
    fn new(session: &'s Session<'_>, most: Option<u64>) -> Self {
        Self {
            session,
            most,
            done: AtomicU64::new(0),
        }
    }

    fn add(&self, count: u64) {
        let before = self.done.fetch_add(count, Ordering::AcqRel);
        if self
            .most
            .is_some_and(|most| before.saturating_add(count) >= most)
        {
            self.session.shutdown.wind_down();
        }
    }
}

/// Tells that the server listens.
fn tell_listening(listener: &TcpListener, session: &Session<'_>) {
    if let Ok(address) = listener.local_addr() {
        (session.observer)(Event::Listening(address));
    }
}

/// Serves each connection on a thread of its own, within the limit on connections, until the program is to end.
fn serve_each<'s>(
    listener: &TcpListener,
    session: &'s Session<'s>,
    serve: impl Fn(Connection<'s>) + Sync,
) -> Result<(), Error> {
    tell_listening(listener, session);
    let active = AtomicUsize::new(0);
    thread::scope(|scope| {
        loop {
            while active.load(Ordering::Acquire) >= session.limits.connections {
                if session.shutdown.winding_down() {
                    return Ok(());
                }
                thread::sleep(Duration::from_millis(2));
            }
            let Some(connection) = socket::accept(listener, session)? else {
                return Ok(());
            };
            active.fetch_add(1, Ordering::AcqRel);
            let (serve, active) = (&serve, &active);
            let spawned =
                thread::Builder::new()
                    .stack_size(512 << 10)
                    .spawn_scoped(scope, move || {
                        let peer = connection.peer;
                        let served = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                            serve(connection);
                        }));
                        active.fetch_sub(1, Ordering::AcqRel);
                        if served.is_err() {
                            session
                                .warn(format!("{peer}: a fault of imgnet ended this connection"));
                        }
                    });
            if let Err(error) = spawned {
                active.fetch_sub(1, Ordering::AcqRel);
                session.warn(format!("a connection could not be served: {error}"));
            }
        }
    })
}
