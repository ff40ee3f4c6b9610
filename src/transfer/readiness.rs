//! Waits for many sockets at once.

#[cfg_attr(target_os = "linux", path = "readiness/linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "readiness/elsewhere.rs")]
mod own;

pub(super) use own::{Events, Readiness};

/// What a socket is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum For {
    /// Bytes, a connection, or the peer's end.
    Reading,
    /// Room for more.
    Writing,
    /// Nothing but that it fails.
    Nothing,
}
