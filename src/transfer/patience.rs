//! How long one connection to a server may take, and how long it may be silent.

use std::net::SocketAddr;
use std::time::Instant;

use super::{Error, Limits};

/// When a connection began, and when something moved on it last.
#[derive(Debug)]
pub(super) struct Patience {
    peer: SocketAddr,
    began: Instant,
    moved: Instant,
}

impl Patience {
    /// With a connection that begins now.
    pub(super) fn with(peer: SocketAddr) -> Self {
        let now = Instant::now();
        Self {
            peer,
            began: now,
            moved: now,
        }
    }

    /// Something moved now.
    pub(super) fn moved(&mut self) {
        self.moved = Instant::now();
    }

    /// When something moved last.
    pub(super) fn since(&self) -> Instant {
        self.moved
    }

    /// When it is over, unless something moves before.
    pub(super) fn deadline(&self, limits: &Limits) -> Instant {
        let total = self.began.checked_add(limits.total);
        let idle = self.moved.checked_add(limits.idle);
        match (idle, total) {
            (Some(idle), Some(total)) => idle.min(total),
            (one, other) => one.or(other).unwrap_or(self.moved),
        }
    }

    /// Nothing moved for too long, or all takes too long; nothing where neither is so.
    pub(super) fn over(&self, limits: &Limits) -> Option<Error> {
        let (peer, limit) = (self.peer, limits.idle);
        if self.moved.elapsed() >= limit {
            return Some(Error::Idle { peer, limit });
        }
        self.too_long(limits)
    }

    /// All takes too long, whatever moves.
    pub(super) fn too_long(&self, limits: &Limits) -> Option<Error> {
        let (peer, limit) = (self.peer, limits.total);
        (self.began.elapsed() >= limit).then_some(Error::TooLong { peer, limit })
    }
}
