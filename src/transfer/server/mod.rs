//! The servers: each runs on a socket that the caller opened, until it is told to end or has done what was asked.

pub mod catalog;
pub(crate) mod edit;
pub(crate) mod pipeline;
pub(crate) mod receive;
pub(crate) mod stream;

use std::net::TcpListener;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Event, Session};

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
