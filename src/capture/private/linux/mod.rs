//! Private networks of Linux: namespaces, and what is done in them.

mod bridge;
mod explain;
mod hosted;
mod loopback;
mod supervise;
mod unshare;

use std::io;
use std::process::{Command, Stdio};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{DumpableBehavior, getegid, geteuid, set_dumpable_behavior};
use rustix::thread::{CapabilitySet, UnshareFlags, capabilities};

use super::{Forbidden, Identity, Step, Way};

pub(in crate::capture::private) use bridge::make as make_hosts;
pub use hosted::Hosted;
pub use loopback::{set_mtu, without_ipv6};
pub use supervise::{Asker, Supervised, Surroundings, supervise};

/// Whether this system has private networks, allowed or not.
pub(crate) const POSSIBLE: bool = true;

/// A step that failed, before anybody asked why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Failure {
    step: Step,
    errno: Errno,
}

/// Moves this process into a private network. Call it before any thread is started.
///
/// # Errors
/// [`Forbidden`], with nothing changed: the process goes on in the network it had.
pub fn enter(identity: Identity) -> Result<Way, Forbidden> {
    if threads() > 1 {
        return Err(Forbidden::explain(Step::Threads, Errno::INVAL));
    }
    rehearse(identity)?;
    arrange(identity).map_err(|failure| Forbidden::explain(failure.step, failure.errno))
}

/// Whether [`enter`] would succeed, tried out in a forked child, which ends at once. Works with threads.
///
/// # Errors
/// [`Forbidden`], as [`enter`] would say it.
pub fn rehearse(identity: Identity) -> Result<Way, Forbidden> {
    in_a_child(move || arrange(identity))
}

/// Whether there could be [hosts](super::hosts) in a private network, tried out as [`rehearse`] does.
///
/// # Errors
/// [`Forbidden`].
pub fn rehearse_hosts() -> Result<Way, Forbidden> {
    in_a_child(|| {
        let way = arrange(Identity::Caller)?;
        bridge::try_out().map_err(|(step, errno)| Failure { step, errno })?;
        Ok(way)
    })
}

/// Does `act` in a forked child, where it may only make system calls, and says how it went.
fn in_a_child(
    act: impl Fn() -> Result<Way, Failure> + Send + Sync + 'static,
) -> Result<Way, Forbidden> {
    // Never executed: the hook ends the child by an error in every case, and the error says how it went.
    let mut command = Command::new("/proc/self/exe");
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    unshare::before_exec(&mut command, move || Err(encode(act())));
    match command.spawn() {
        Err(error) => {
            decode(&error).map_err(|failure| Forbidden::explain(failure.step, failure.errno))
        }
        Ok(mut child) => {
            // The hook cannot return success; were it to, the program must not go on.
            drop(child.kill());
            drop(child.wait());
            Err(Forbidden::explain(Step::Fork, Errno::IO))
        }
    }
}

/// Lets `command` run in a private network of its own, which ends with it. Works with threads.
///
/// Starting the command then fails with an error that [`why`] explains where that is forbidden.
pub fn enclose(command: &mut Command, identity: Identity) {
    unshare::before_exec(command, move || match arrange(identity) {
        Ok(_) => Ok(()),
        Err(failure) => Err(encode(Err(failure))),
    });
}

/// Explains why a command that was to be [enclosed](enclose) did not start; absent where the error has
/// another cause (no such program, …).
pub fn why(error: &io::Error) -> Option<Forbidden> {
    match decode(error) {
        Err(failure) if failure.step != Step::Fork => {
            Some(Forbidden::explain(failure.step, failure.errno))
        }
        _ => None,
    }
}

/// How many threads this process has; 1 where /proc does not say.
fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count)
}

/// The steps themselves. Allocates nothing and takes no lock, for it also runs in a forked child.
fn arrange(identity: Identity) -> Result<Way, Failure> {
    let failure = |step| move |errno| Failure { step, errno };
    let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
    let privileged = capabilities(None).is_ok_and(|sets| {
        sets.effective
            .contains(CapabilitySet::SYS_ADMIN | CapabilitySet::NET_ADMIN)
    });
    // What a command does to the host's name or to shared memory is not to outlive it or to reach others; where the
    // kernel has no such namespaces there is nothing of the kind either. (That of mounts comes with the supervisor.)
    let apart = UnshareFlags::NEWUTS | UnshareFlags::NEWIPC;
    if privileged && unshare::unshare(UnshareFlags::NEWNET).is_ok() {
        let _ = unshare::unshare(apart);
        loopback::up().map_err(failure(Step::Loopback))?;
        return Ok(Way::Privileged);
    }
    unshare::unshare(UnshareFlags::NEWUSER | UnshareFlags::NEWNET)
        .map_err(failure(Step::Namespaces))?;
    let _ = unshare::unshare(apart);
    // A program with file capabilities does not own its own /proc entries until it says that it may be
    // looked at; inside the namespace it holds nothing any more that the calling user may not see.
    set_dumpable_behavior(DumpableBehavior::Dumpable).map_err(failure(Step::Map))?;
    // Without this the kernel lets nobody unprivileged map groups (user_namespaces(7)).
    put(c"/proc/self/setgroups", b"deny").map_err(failure(Step::Map))?;
    let inside = |id| match identity {
        Identity::Caller => id,
        Identity::Root => 0,
    };
    put(
        c"/proc/self/uid_map",
        MapLine::new(inside(uid), uid).as_bytes(),
    )
    .map_err(failure(Step::Map))?;
    put(
        c"/proc/self/gid_map",
        MapLine::new(inside(gid), gid).as_bytes(),
    )
    .map_err(failure(Step::Map))?;
    loopback::up().map_err(failure(Step::Loopback))?;
    Ok(Way::Unprivileged)
}

/// Writes `bytes` to the kernel's file at `path` in one go.
fn put(path: &std::ffi::CStr, bytes: &[u8]) -> Result<(), Errno> {
    let file = rustix::fs::open(path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    let written = rustix::io::write(&file, bytes)?;
    if written == bytes.len() {
        Ok(())
    } else {
        Err(Errno::IO)
    }
}

/// `INSIDE OUTSIDE 1`, put together without the heap.
struct MapLine {
    bytes: [u8; 32],
    len: usize,
}

impl MapLine {
    fn new(inside: u32, outside: u32) -> Self {
        use io::Write as _;
        let mut bytes = [0; 32];
        let mut rest = bytes.as_mut_slice();
        // Two numbers of at most ten digits and five more characters fit.
        let left = match writeln!(rest, "{inside} {outside} 1") {
            Ok(()) => rest.len(),
            Err(_) => 32,
        };
        Self {
            len: 32_usize.saturating_sub(left),
            bytes,
        }
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// Errors of a forked child reach its parent as one number: the step above the errno. Numbers below
/// `SCALE` are plain errors of starting a program.
const SCALE: i32 = 1 << 16;

fn encode(outcome: Result<Way, Failure>) -> io::Error {
    let (code, errno) = match outcome {
        Ok(Way::Privileged) => (1, 0),
        Ok(Way::Unprivileged) => (2, 0),
        Err(Failure { step, errno }) => (step.code(), errno.raw_os_error()),
    };
    io::Error::from_raw_os_error(code * SCALE + errno)
}

fn decode(error: &io::Error) -> Result<Way, Failure> {
    let raw = error.raw_os_error().unwrap_or(0);
    match raw / SCALE {
        1 => Ok(Way::Privileged),
        2 => Ok(Way::Unprivileged),
        code => Err(Failure {
            step: Step::from_code(code).unwrap_or(Step::Fork),
            errno: Errno::from_raw_os_error(raw % SCALE),
        }),
    }
}

#[cfg(test)]
mod tests;
