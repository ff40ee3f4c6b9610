//! Waits as Linux does: epoll.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

use super::For;

impl For {
    fn flags(self) -> EventFlags {
        match self {
            Self::Reading => EventFlags::IN | EventFlags::RDHUP,
            Self::Writing => EventFlags::OUT,
            Self::Nothing => EventFlags::empty(),
        }
    }
}

/// The sockets, each with a number. One that is closed is forgotten.
#[derive(Debug)]
pub(in crate::transfer) struct Readiness(OwnedFd);

impl Readiness {
    /// Without any yet.
    ///
    /// # Errors
    /// What the system says.
    pub(in crate::transfer) fn new() -> io::Result<Self> {
        Ok(Self(epoll::create(CreateFlags::CLOEXEC)?))
    }

    /// Waits for a listener's connections from now on, time and again.
    ///
    /// # Errors
    /// What the system says.
    pub(in crate::transfer) fn listen(&self, listener: impl AsFd, number: u64) -> io::Result<()> {
        let data = EventData::new_u64(number);
        Ok(epoll::add(&self.0, listener, data, EventFlags::IN)?)
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
        let flags = if on {
            EventFlags::IN
        } else {
            EventFlags::empty()
        };
        let data = EventData::new_u64(number);
        Ok(epoll::modify(&self.0, listener, data, flags)?)
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
        let (data, flags) = (
            EventData::new_u64(number),
            what.flags() | EventFlags::ONESHOT,
        );
        let asked = if known {
            epoll::modify(&self.0, socket, data, flags)
        } else {
            epoll::add(&self.0, socket, data, flags)
        };
        Ok(asked?)
    }

    /// Waits for a socket no longer.
    pub(in crate::transfer) fn forget(&self, socket: impl AsFd) {
        let _ = epoll::delete(&self.0, socket);
    }

    /// Waits until one is ready or the time is over: the numbers of those that are.
    pub(in crate::transfer) fn wait(
        &self,
        events: &mut Events,
        timeout: Duration,
    ) -> impl Iterator<Item = u64> {
        let timeout = Timespec::try_from(timeout).ok();
        events.0.clear();
        // Interrupted or not: those who are there are served, then whoever waits looks at its flags again.
        let _ = epoll::wait(
            &self.0,
            rustix::buffer::spare_capacity(&mut events.0),
            timeout.as_ref(),
        );
        events.0.iter().map(|event| event.data.u64())
    }
}

/// Room for those that are ready at once.
pub(in crate::transfer) struct Events(Vec<epoll::Event>);

impl Events {
    /// For so many, one or more.
    pub(in crate::transfer) fn with_room(count: usize) -> Self {
        Self(Vec::with_capacity(count))
    }
}
