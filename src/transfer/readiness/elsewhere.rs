//! Waits where the system is not Linux: as the `polling` crate does there (kqueue on macOS).
#![expect(
    unsafe_code,
    reason = "a socket may not be closed while it is waited for without being taken out first"
)]

use std::io;
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, AsRawFd as _};
use std::time::Duration;

use polling::{Event, PollMode, Poller};

use super::For;

impl For {
    fn event(self, number: u64) -> Event {
        let key = usize::try_from(number).unwrap_or(usize::MAX - 1);
        match self {
            Self::Reading => Event::readable(key),
            Self::Writing => Event::writable(key),
            Self::Nothing => Event::none(key),
        }
    }
}

/// The sockets, each with a number. One that is closed is forgotten.
#[derive(Debug)]
pub(in crate::transfer) struct Readiness(Poller);

impl Readiness {
    /// Without any yet.
    ///
    /// # Errors
    /// What the system says.
    pub(in crate::transfer) fn new() -> io::Result<Self> {
        Poller::new().map(Self)
    }

    /// Waits for a listener's connections from now on, time and again.
    ///
    /// # Errors
    /// What the system says.
    pub(in crate::transfer) fn listen(&self, listener: impl AsFd, number: u64) -> io::Result<()> {
        let (socket, event) = (listener.as_fd().as_raw_fd(), For::Reading.event(number));
        // SAFETY: kqueue forgets a descriptor that is closed, and this crate keeps no table of them for it.
        unsafe { self.0.add_with_mode(socket, event, PollMode::Level) }
    }

    /// Goes on to wait for a listener's connections, or leaves them where they are.
    ///
    /// # Errors
    /// What the system says.
    pub(in crate::transfer) fn listen_on(
        &self,
        listener: impl AsFd,
        number: u64,
        on: bool,
    ) -> io::Result<()> {
        let what = if on { For::Reading } else { For::Nothing };
        self.0
            .modify_with_mode(listener.as_fd(), what.event(number), PollMode::Level)
    }

    /// Waits for a socket until it is ready once; `known`: it was waited for before.
    ///
    /// # Errors
    /// What the system says.
    pub(in crate::transfer) fn once(
        &self,
        socket: impl AsFd,
        number: u64,
        what: For,
        known: bool,
    ) -> io::Result<()> {
        let (socket, event) = (socket.as_fd(), what.event(number));
        if known {
            return self.0.modify(socket, event);
        }
        // SAFETY: as above.
        unsafe { self.0.add(socket.as_raw_fd(), event) }
    }

    /// Waits for a socket no longer.
    pub(in crate::transfer) fn forget(&self, socket: impl AsFd) {
        let _ = self.0.delete(socket.as_fd());
    }

    /// Waits until one is ready or the time is over: the numbers of those that are.
    pub(in crate::transfer) fn wait(
        &self,
        events: &mut Events,
        timeout: Duration,
    ) -> impl Iterator<Item = u64> {
        events.0.clear();
        // Interrupted or not: those who are there are served, then whoever waits looks at its flags again.
        let _ = self.0.wait(&mut events.0, Some(timeout));
        events.0.iter().map(|event| event.key as u64)
    }
}

/// Room for those that are ready at once.
pub(in crate::transfer) struct Events(polling::Events);

impl Events {
    /// For so many, one or more.
    pub(in crate::transfer) fn with_room(count: usize) -> Self {
        let count = NonZeroUsize::new(count).unwrap_or(NonZeroUsize::MIN);
        Self(polling::Events::with_capacity(count))
    }
}
