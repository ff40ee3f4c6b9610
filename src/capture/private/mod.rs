//! A private network: a network namespace of one's own with its loopback up, unprivileged where the
//! kernel allows.
//!
//! Who enters it holds every right over it, that to capture included, and none beyond: its loopback is
//! another one than the machine's, so nothing of anybody else is seen and every port is free.
//!
//! How the process is arranged: [`enter`] moves the calling process itself, before it has a second
//! thread (the kernel refuses later), so that the sniffer, the servers and the clients of a demo are
//! threads of one process, and a command that is watched is its child. There is no second program to find
//! and start, no hidden argument, and signals reach who they were meant for. What cannot be undone is
//! rehearsed first, in a forked child ([`rehearse`]): on some systems (`AppArmor`) a namespace may be made
//! and then grants no rights, and a process that has gone so far has lost what it could do before.
//!
//! This process has no namespace of process ids: after asking for one, a process can start no thread of its own.
//! A command that is watched gets one, and with it a supervisor ([`supervise`]).
//!
//! All of it is Linux's. On another system nobody enters anything, which [`Forbidden`] says, and a command that is watched
//! runs in the machine's network.

mod forbidden;
pub(crate) mod hosts;
#[cfg_attr(target_os = "linux", path = "linux/mod.rs")]
#[cfg_attr(not(target_os = "linux"), path = "elsewhere.rs")]
mod system;

pub use forbidden::{Forbidden, Step};
pub(crate) use system::POSSIBLE;
pub use system::{
    Asker, Hosted, Supervised, Surroundings, enter, rehearse, rehearse_hosts, set_mtu, supervise,
    without_ipv6,
};
#[cfg(target_os = "linux")]
pub use system::{enclose, why};

/// What its loopback is, for people who read a capture of it.
pub const LOOPBACK: &str = "Loopback of a private network";

/// As whom a process goes on inside its private network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    /// As the calling user: files belong to the same user inside and outside. Programs that it starts
    /// hold no rights over the network.
    Caller,
    /// As user 0 of the namespace, which is the calling user outside: programs that it starts keep the
    /// rights over the network, and may capture too.
    Root,
}

/// How the private network was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// A network namespace alone, with the rights this process has already.
    Privileged,
    /// A user namespace and a network namespace in it: no right was needed.
    Unprivileged,
}

/// What a supervisor says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// It is about to start the command; whether all that the command starts is in a namespace of its own, and so can be
    /// held and ended.
    Ready {
        /// Whether there is such a namespace.
        enclosed: bool,
        /// Whether the names of the hosts are in `/etc/hosts`, where they were to be.
        named: bool,
        /// Of several commands, the number of the first one that cannot be started, and why; then none of them is.
        failed: Option<(usize, i32)>,
    },
    /// A command ended, the one of this number, with this wait status (waitpid(2)).
    Ended(usize, i32),
    /// What the command left running did not end by itself and was ended.
    EndedTheRest,
    /// Everything is over.
    Over,
}

/// What other systems have is tried out on Linux, too.
#[cfg(all(test, target_os = "linux"))]
#[path = "elsewhere.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    reason = "its command is what can be tried out here"
)]
mod elsewhere;
