//! Runs a command under a supervisor in a namespace of process ids, so that all it starts can be held, told and
//! ended together, and nothing of it outlives it.
//!
//! ```text
//! imgnet ── fork ─► keeper            waits; stays outside the namespace, because whoever asks for one stays out
//!   │                 └─ fork ─► supervisor      process 1 of the namespace: when it ends, all in it end
//!   │                              └─ fork ─► COMMAND
//!   └──────── socket ───────────┘ hold, go on, signal; how it ended
//! ```
//!
//! The hold is one call: `kill(-1, SIGSTOP)` by process 1 reaches every process of its namespace and nobody
//! else, with no list to walk and no process that forks away meanwhile. A cgroup freezer would hide the stop even from
//! a parent that waits for stopped children, but a user without rights seldom owns a cgroup.
//!
//! The terminal's Ctrl-C reaches COMMAND by itself, for all are of one process group; keeper and supervisor ignore it. Where
//! imgnet is killed, the kernel kills the keeper, then the supervisor, then the namespace.
#![expect(
    unsafe_code,
    reason = "fork(2), signal(2) and signalfd(2) have no safe interface; all of it runs between fork and exec"
)]

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd, RawFd};
use std::process::Command;

use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_bind, mount_change};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socketpair,
};
use rustix::process::{Signal, set_parent_process_death_signal};
use rustix::thread::UnshareFlags;

use super::unshare;

/// What is asked of the supervisor; one byte each, and the signal's number after [`TELL`].
const HOLD: u8 = b'H';
const GO_ON: u8 = b'G';
const TELL: u8 = b'T';
const END: u8 = b'E';
/// What the supervisor says: its state, once it has set up; COMMAND's wait status; that it ended what was left.
const READY: u8 = b'r';
const STATUS: u8 = b's';
const LEFT: u8 = b'l';

/// After COMMAND's end, what it left running may end by itself for so long, and has as long again after
/// SIGTERM.
const GRACE_MS: i32 = 1000;
/// How often it is looked at meanwhile.
const LOOK_MS: i32 = 10;

/// The line to a command's supervisor.
#[derive(Debug)]
pub struct Supervised {
    line: OwnedFd,
    theirs: Option<OwnedFd>,
}

/// What a supervisor says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// It is about to start the command; whether all that the command starts is in a namespace of its own, and so can be
    /// held and ended.
    Ready {
        /// Whether there is such a namespace.
        enclosed: bool,
    },
    /// The command ended, with this wait status (waitpid(2)).
    Ended(i32),
    /// What the command left running did not end by itself and was ended.
    EndedTheRest,
    /// Everything is over.
    Over,
}

/// What else the command's surroundings are to be.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// A file to be seen in place of `/etc/hosts`.
    pub hosts: Option<CString>,
}

/// Lets `command` run under a supervisor once it is spawned. The child that spawning returns is the keeper.
///
/// # Errors
/// No socket pair.
pub fn supervise(command: &mut Command, surroundings: Surroundings) -> io::Result<Supervised> {
    let (line, theirs) = socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    )?;
    let fd = theirs.as_raw_fd();
    unshare::before_exec(command, move || {
        // SAFETY: this is a forked child with one thread, before exec; only system calls are made.
        unsafe { split(fd, &surroundings) }
    });
    Ok(Supervised {
        line,
        theirs: Some(theirs),
    })
}

impl Supervised {
    /// To be called once the command was spawned: the end of the line is noticed only after that.
    pub fn started(&mut self) {
        self.theirs = None;
    }

    /// A second handle on the line, to ask while another thread listens.
    ///
    /// # Errors
    /// No descriptor left.
    pub fn asker(&self) -> io::Result<Asker> {
        self.line.try_clone().map(Asker)
    }

    /// Waits for the next thing that the supervisor says.
    pub fn listen(&self) -> Said {
        loop {
            let mut message = [0; 8];
            match recv(&self.line, &mut message, RecvFlags::empty()) {
                Err(rustix::io::Errno::INTR) => {}
                Err(_) | Ok((0, _)) => return Said::Over,
                Ok(_) => match message {
                    [READY, enclosed, ..] => {
                        return Said::Ready {
                            enclosed: enclosed != 0,
                        };
                    }
                    [STATUS, a, b, c, d, ..] => {
                        return Said::Ended(i32::from_ne_bytes([a, b, c, d]));
                    }
                    [LEFT, ..] => return Said::EndedTheRest,
                    _ => {}
                },
            }
        }
    }
}

/// Asks a supervisor. Where the command is over already, nobody listens, and nothing happens.
#[derive(Debug)]
pub struct Asker(OwnedFd);

impl Asker {
    /// Stops every process of the command.
    pub fn hold(&self) {
        self.ask(&[HOLD]);
    }

    /// Lets them go on.
    pub fn go_on(&self) {
        self.ask(&[GO_ON]);
    }

    /// Passes a signal to the command.
    pub fn tell(&self, signal: i32) {
        self.ask(&[TELL, u8::try_from(signal).unwrap_or(0)]);
    }

    /// Ends every process of the command at once.
    pub fn end(&self) {
        self.ask(&[END]);
    }

    fn ask(&self, message: &[u8]) {
        // An error means that it is over.
        let _ = send(&self.0, message, SendFlags::NOSIGNAL);
    }
}

/// Divides the forked child into keeper, supervisor and command; only the command returns.
///
/// # Safety
/// Only in a forked child with one thread.
unsafe fn split(line: RawFd, surroundings: &Surroundings) -> io::Result<()> {
    let enclosed = unshare::unshare(UnshareFlags::NEWPID).is_ok();
    // SAFETY: as this function's.
    match unsafe { libc::fork() } {
        -1 => return Err(io::Error::last_os_error()),
        0 => {}
        // SAFETY: as this function's.
        supervisor => unsafe { keep(supervisor) },
    }
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    // SAFETY: getpid(2) has no conditions.
    let enclosed = enclosed && unsafe { libc::getpid() } == 1;
    if enclosed || surroundings.hosts.is_some() {
        surround(enclosed, surroundings)?;
    }
    // SAFETY: both sets live on this stack; SIGCHLD is blocked here so that none is missed, and unblocked again in the
    // command, which std starts with an empty mask.
    let children = unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, libc::SIGCHLD);
        libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut());
        let children = libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK);
        if children < 0 {
            return Err(io::Error::last_os_error());
        }
        say(line, &[READY, u8::from(enclosed)]);
        match libc::fork() {
            -1 => return Err(io::Error::last_os_error()),
            0 => {
                libc::sigprocmask(libc::SIG_UNBLOCK, &raw const set, std::ptr::null_mut());
                return Ok(());
            }
            command => (children, command),
        }
    };
    // SAFETY: as this function's.
    unsafe { supervise_until_over(line, children.0, children.1, enclosed) }
}

/// A view of the processes as the namespace has them, and the names of the hosts. What cannot be had of the former is
/// done without.
fn surround(enclosed: bool, surroundings: &Surroundings) -> io::Result<()> {
    let mounts = unshare::unshare(UnshareFlags::NEWNS).and_then(|()| {
        mount_change(
            c"/",
            MountPropagationFlags::REC | MountPropagationFlags::PRIVATE,
        )
    });
    if enclosed && mounts.is_ok() {
        let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
        let _ = mount(c"proc", c"/proc", c"proc", flags, None);
    }
    if let Some(hosts) = &surroundings.hosts {
        mounts.and_then(|()| mount_bind(hosts.as_c_str(), c"/etc/hosts"))?;
    }
    Ok(())
}

/// The keeper: waits for the supervisor, and ends.
///
/// # Safety
/// Only in a forked child with one thread.
unsafe fn keep(supervisor: libc::pid_t) -> ! {
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    ignore_endings();
    // SAFETY: descriptors of this process alone; nothing here uses them after. Among them is the one by
    // which std learns that the command was executed, and its wait must not last until the command ends.
    unsafe { libc::close_range(0, u32::MAX, 0) };
    loop {
        let mut status = 0;
        // SAFETY: `status` outlives the call.
        let waited = unsafe { libc::waitpid(supervisor, &raw mut status, 0) };
        let interrupted =
            waited < 0 && io::Error::last_os_error().kind() == io::ErrorKind::Interrupted;
        if !interrupted {
            // SAFETY: ends this process without running what belongs to its parent.
            unsafe { libc::_exit(0) };
        }
    }
}

/// The supervisor: does as it is asked until the command and all it left running are over.
///
/// # Safety
/// Only in a forked child with one thread.
unsafe fn supervise_until_over(
    line: RawFd,
    children: RawFd,
    command: libc::pid_t,
    enclosed: bool,
) -> ! {
    ignore_endings();
    // SAFETY: both are open and of this process alone; all others are closed, so that no pipe of the command is kept
    // open from here.
    let (line, children) = unsafe {
        let (high_line, high_children) = (
            libc::fcntl(line, libc::F_DUPFD, 100),
            libc::fcntl(children, libc::F_DUPFD, 100),
        );
        libc::dup2(high_line, 0);
        libc::dup2(high_children, 1);
        libc::close_range(2, u32::MAX, 0);
        (0, 1)
    };
    let everyone = if enclosed { -1 } else { command };
    let mut alive = true;
    let mut told = false;
    let mut left_ms = GRACE_MS;
    loop {
        let mut fds = [line, children].map(|fd| libc::pollfd {
            fd,
            events: libc::POLLIN,
            revents: 0,
        });
        let timeout = if alive { -1 } else { LOOK_MS };
        // SAFETY: two descriptors in one array.
        unsafe { libc::poll(fds.as_mut_ptr(), 2, timeout) };
        let [asked, child] = &fds;
        if child.revents != 0 {
            let mut info = [0_u8; 128];
            // SAFETY: the buffer is as long as said.
            while unsafe { libc::read(children, info.as_mut_ptr().cast(), 128) } > 0 {}
        }
        // SAFETY: `status` outlives each call.
        let nobody = unsafe {
            loop {
                let mut status = 0;
                match libc::waitpid(-1, &raw mut status, libc::WNOHANG) {
                    0 => break false,
                    pid if pid < 0 => break true,
                    pid if pid == command => {
                        alive = false;
                        let [a, b, c, d] = status.to_ne_bytes();
                        say(line, &[STATUS, a, b, c, d]);
                    }
                    _ => {}
                }
            }
        };
        if !alive && (nobody || !enclosed) {
            // SAFETY: ends this process, and with it the namespace, which is empty.
            unsafe { libc::_exit(0) };
        }
        let mut message = [0_u8; 8];
        let length = if asked_something(asked.revents) {
            // SAFETY: the buffer is as long as said.
            unsafe { libc::recv(line, message.as_mut_ptr().cast(), 8, libc::MSG_DONTWAIT) }
        } else {
            -1
        };
        // SAFETY: signals to processes of the namespace, which are the command's, or to the command, which was not
        // waited for yet while it is alive.
        unsafe {
            match (length, message) {
                (0, _) | (1.., [END, ..]) => {
                    if alive || enclosed {
                        libc::kill(everyone, libc::SIGKILL);
                    }
                    libc::_exit(0);
                }
                (1.., [HOLD, ..]) if alive => {
                    libc::kill(everyone, libc::SIGSTOP);
                }
                (1.., [GO_ON, ..]) if alive || enclosed => {
                    libc::kill(everyone, libc::SIGCONT);
                }
                (1.., [TELL, signal, ..]) if alive => {
                    libc::kill(command, i32::from(signal));
                    libc::kill(everyone, libc::SIGCONT);
                }
                _ => {}
            }
        }
        if !alive {
            left_ms -= LOOK_MS;
            if left_ms <= 0 {
                if told {
                    // SAFETY: ends this process, and with it all others of the namespace.
                    unsafe { libc::_exit(0) };
                }
                told = true;
                left_ms = GRACE_MS;
                say(line, &[LEFT]);
                // SAFETY: as above; only reached in a namespace of its own.
                unsafe {
                    libc::kill(-1, libc::SIGTERM);
                    libc::kill(-1, libc::SIGCONT);
                }
            }
        }
    }
}

fn asked_something(revents: libc::c_short) -> bool {
    revents & (libc::POLLIN | libc::POLLHUP | libc::POLLERR) != 0
}

/// Sends without waiting; where nobody listens any more, that is told by the next look at the line.
fn say(line: RawFd, message: &[u8]) {
    // SAFETY: the message is as long as said.
    unsafe {
        libc::send(
            line,
            message.as_ptr().cast(),
            message.len(),
            libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL,
        )
    };
}

/// The signals by which a terminal or a person ends the command: it gets them itself, or from imgnet.
fn ignore_endings() {
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT] {
        // SAFETY: ignoring a signal installs no code.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
}
