//! Commands on hosts: what they execute and where, prepared before the fork, for nothing may be allocated after it.
#![expect(
    unsafe_code,
    reason = "fork(2) and execvp(3) have no safe interface; all of it runs between fork and exec"
)]

use std::ffi::{CString, OsStr, OsString, c_char};
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;

use rustix::fs::{Mode, OFlags};
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space};

use super::unshare;
use crate::capture::private::hosts::{self, Host};

/// Commands that there can be.
pub(super) const MOST: usize = hosts::MOST;

/// A command on a host.
#[derive(Debug)]
pub struct Hosted {
    network: OwnedFd,
    name: CString,
    arguments: Strings,
    environment: Strings,
    /// Whether standard input is its own; otherwise it reads nothing.
    input: bool,
    awaited: bool,
}

impl Hosted {
    /// A program on a host, with the environment of this process and more. `awaited`: its end is waited for; the others
    /// are ended when all of those are over.
    ///
    /// # Errors
    /// A zero byte in a name or an argument; no descriptor left.
    pub fn new(
        host: &Host,
        program: &OsStr,
        arguments: &[OsString],
        environment: &[(&str, String)],
        input: bool,
        awaited: bool,
    ) -> io::Result<Self> {
        let text = |text: &OsStr| CString::new(text.as_bytes()).map_err(io::Error::from);
        let arguments = std::iter::once(program)
            .chain(arguments.iter().map(OsString::as_os_str))
            .map(text)
            .collect::<io::Result<Vec<_>>>()?;
        let variable = |name: &OsStr, value: &OsStr| text(&[name, value].join(OsStr::new("=")));
        let inherited = std::env::vars_os()
            .filter(|(name, _)| !environment.iter().any(|(more, _)| name == more))
            .map(|(name, value)| variable(&name, &value));
        let more = environment
            .iter()
            .map(|(name, value)| variable(name.as_ref(), value.as_ref()));
        Ok(Self {
            network: host.network()?,
            name: text(host.name.as_ref())?,
            arguments: Strings::new(arguments),
            environment: Strings::new(inherited.chain(more).collect::<io::Result<Vec<_>>>()?),
            input,
            awaited,
        })
    }

    /// Enters the host and becomes the command; returns only where that fails.
    fn become_it(&self) -> io::Error {
        match self.enter() {
            Ok(()) => {}
            Err(error) => return error.into(),
        }
        // SAFETY: both arrays end with a null pointer, their strings live as long as `self`, and the program's name is
        // the first of the arguments, of which there is one at least.
        unsafe {
            let arguments = self.arguments.pointers.as_ptr();
            libc::execvpe(*arguments, arguments, self.environment.pointers.as_ptr());
        }
        io::Error::last_os_error()
    }

    fn enter(&self) -> Result<(), rustix::io::Errno> {
        move_into_link_name_space(self.network.as_fd(), Some(LinkNameSpaceType::Network))?;
        // A host's own name is a comfort, no more.
        let _ = unshare::unshare(UnshareFlags::NEWUTS)
            .and_then(|()| rustix::system::sethostname(self.name.as_bytes()));
        if !self.input {
            let null = rustix::fs::open(c"/dev/null", OFlags::RDONLY, Mode::empty())?;
            rustix::stdio::dup2_stdin(&null)?;
        }
        Ok(())
    }
}

/// Strings as execve(2) wants them.
#[derive(Debug)]
struct Strings {
    #[expect(dead_code, reason = "keeps alive what is pointed to")]
    strings: Vec<CString>,
    /// One for each, and a null pointer.
    pointers: Vec<*const c_char>,
}

impl Strings {
    fn new(strings: Vec<CString>) -> Self {
        let pointers = strings
            .iter()
            .map(|text| text.as_ptr())
            .chain(std::iter::once(std::ptr::null()))
            .collect();
        Self { strings, pointers }
    }
}

// SAFETY: the pointers lead to the heap of the strings beside them, which nobody changes.
unsafe impl Send for Strings {}
// SAFETY: as above.
unsafe impl Sync for Strings {}

/// Starts the commands and tells their process ids and whether their ends are awaited; returns when all of them are
/// executed. Otherwise, the number of one that cannot be, and the error's.
///
/// # Safety
/// Only in a forked child with one thread. `blocked` are signals to be unblocked in the commands.
pub(super) unsafe fn start(
    commands: &[Hosted],
    blocked: &libc::sigset_t,
    mut started: impl FnMut(libc::pid_t, bool),
) -> Option<(u8, i32)> {
    // What is written to it is a failure; executing a command closes it.
    let Ok((read, write)) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC) else {
        return Some((0, libc::EMFILE));
    };
    for (number, command) in (0_u8..).zip(commands) {
        // SAFETY: as this function's.
        match unsafe { libc::fork() } {
            -1 => {
                let errno = io::Error::last_os_error().raw_os_error();
                return Some((number, errno.unwrap_or(libc::EAGAIN)));
            }
            0 => {
                let mut set = *blocked;
                // SAFETY: the set lives on this stack.
                unsafe { libc::sigprocmask(libc::SIG_UNBLOCK, &raw mut set, std::ptr::null_mut()) };
                let errno = command.become_it().raw_os_error().unwrap_or(libc::EIO);
                let [a, b, c, d] = errno.to_ne_bytes();
                let _ = rustix::io::write(&write, &[number, a, b, c, d]);
                // SAFETY: ends this process without running what belongs to its parent.
                unsafe { libc::_exit(127) }
            }
            pid => started(pid, command.awaited),
        }
    }
    drop(write);
    let mut failure = [0; 5];
    loop {
        return match rustix::io::read(&read, &mut failure) {
            Err(rustix::io::Errno::INTR) => continue,
            Ok(5) => {
                let [number, a, b, c, d] = failure;
                Some((number, i32::from_ne_bytes([a, b, c, d])))
            }
            _ => None,
        };
    }
}
