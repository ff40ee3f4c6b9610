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
//! With several [hosts](crate::capture::private::hosts) the supervisor forks a command for each, which enters its host's network.
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

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd, RawFd};
use std::process::{Child, Command};

use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_bind, mount_change};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socketpair,
};
use rustix::process::{Signal, set_parent_process_death_signal};
use rustix::thread::UnshareFlags;

use super::hosted::{self, Hosted};
use super::unshare;
use crate::capture::private::Said;

/// What is asked of the supervisor; one byte each, and the signal's number after [`TELL`].
const HOLD: u8 = b'H';
const GO_ON: u8 = b'G';
const TELL: u8 = b'T';
const END: u8 = b'E';
/// What the supervisor says: its state, once it has set up; a command's wait status and number; that it ended what was
/// left.
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

/// What else the command's surroundings are to be.
#[derive(Debug, Default)]
pub struct Surroundings {
    /// A file to be seen in place of `/etc/hosts`.
    pub hosts: Option<CString>,
    /// Commands that are run in place of the one that is spawned, each on its host; at most 64.
    pub commands: Vec<Hosted>,
}

/// Lets `command` run under a supervisor once it is spawned. The child that spawning returns is the keeper.
///
/// # Errors
/// No socket pair.
pub fn supervise(command: &mut Command, mut surroundings: Surroundings) -> io::Result<Supervised> {
    let (line, theirs) = socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    )?;
    let fd = theirs.as_raw_fd();
    unshare::before_exec(command, move || {
        // SAFETY: this is a forked child with one thread, before exec; only system calls are made.
        unsafe { split(fd, &mut surroundings) }
    });
    Ok(Supervised {
        line,
        theirs: Some(theirs),
    })
}

impl Supervised {
    /// To be called with the keeper, once the command was spawned: the end of the line is noticed only after that.
    pub fn started(&mut self, _: &Child) {
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
            let mut message = [0; 12];
            match recv(&self.line, &mut message, RecvFlags::empty()) {
                Err(rustix::io::Errno::INTR) => {}
                Err(_) | Ok((0, _)) => return Said::Over,
                Ok(_) => match message {
                    [READY, enclosed, named, failed, a, b, c, d, ..] => {
                        let errno = i32::from_ne_bytes([a, b, c, d]);
                        return Said::Ready {
                            enclosed: enclosed != 0,
                            named: named != 0,
                            failed: (errno != 0).then_some((failed.into(), errno)),
                        };
                    }
                    [STATUS, a, b, c, d, number, ..] => {
                        return Said::Ended(number.into(), i32::from_ne_bytes([a, b, c, d]));
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
unsafe fn split(line: RawFd, surroundings: &mut Surroundings) -> io::Result<()> {
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
    let named = surround(enclosed, surroundings.hosts.as_deref());
    // SAFETY: both sets live on this stack; SIGCHLD is blocked here so that none is missed, and unblocked again in the
    // command, which std starts with an empty mask.
    let (children, set) = unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, libc::SIGCHLD);
        libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut());
        let children = libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK);
        if children < 0 {
            return Err(io::Error::last_os_error());
        }
        (children, set)
    };
    let mut commands = Commands::new(enclosed);
    if surroundings.commands.is_empty() {
        say(line, &[READY, enclosed.into(), named.into(), 0, 0, 0, 0, 0]);
        // SAFETY: as this function's; `set` outlives the call.
        unsafe {
            match libc::fork() {
                -1 => return Err(io::Error::last_os_error()),
                0 => {
                    libc::sigprocmask(libc::SIG_UNBLOCK, &raw const set, std::ptr::null_mut());
                    return Ok(());
                }
                pid => commands.add(pid, true),
            }
        }
    } else {
        // SAFETY: as this function's.
        let failed = unsafe {
            hosted::start(&surroundings.commands, &set, |pid, awaited| {
                commands.add(pid, awaited);
            })
        };
        let (number, errno) = failed.unwrap_or((0, 0));
        let [a, b, c, d] = errno.to_ne_bytes();
        let flags = [READY, enclosed.into(), named.into(), number, a, b, c, d];
        say(line, &flags);
        if errno != 0 {
            commands.signal(libc::SIGKILL);
            // SAFETY: ends this process, and with it the namespace.
            unsafe { libc::_exit(0) };
        }
    }
    // SAFETY: as this function's.
    unsafe { supervise_until_over(line, children, commands) }
}

/// The commands that a supervisor started.
struct Commands {
    /// Their process ids; 0 once they were waited for, and where there are no more.
    pids: [libc::pid_t; hosted::MOST],
    awaited: [bool; hosted::MOST],
    count: usize,
    /// Whether all that they start is in the namespace of this process.
    enclosed: bool,
}

impl Commands {
    fn new(enclosed: bool) -> Self {
        Self {
            pids: [0; hosted::MOST],
            awaited: [false; hosted::MOST],
            count: 0,
            enclosed,
        }
    }

    fn add(&mut self, pid: libc::pid_t, awaited: bool) {
        let slots = self.pids.get_mut(self.count);
        if let (Some(slot), Some(waits)) = (slots, self.awaited.get_mut(self.count)) {
            (*slot, *waits) = (pid, awaited);
            self.count += 1;
        }
    }

    /// Whether one whose end is waited for is still there.
    fn alive(&self) -> bool {
        let mut all = self.pids.iter().zip(&self.awaited);
        all.any(|(pid, awaited)| *pid != 0 && *awaited)
    }

    /// Whether all of them were waited for.
    fn none(&self) -> bool {
        self.pids.iter().all(|pid| *pid == 0)
    }

    /// The number of a process that was waited for; absent where it is none of them.
    fn ended(&mut self, pid: libc::pid_t) -> Option<u8> {
        let number = self.pids.iter().position(|known| *known == pid)?;
        *self.pids.get_mut(number)? = 0;
        u8::try_from(number).ok()
    }

    /// Sends a signal to everything that they started, or to them alone where that is all that can be reached.
    fn signal(&self, signal: libc::c_int) {
        if self.enclosed {
            // SAFETY: reaches all processes of the namespace but this one, and nobody else.
            unsafe { libc::kill(-1, signal) };
        } else {
            self.tell(signal);
        }
    }

    /// Sends a signal to them.
    fn tell(&self, signal: libc::c_int) {
        for pid in self.pids.iter().filter(|pid| **pid > 0) {
            // SAFETY: a child that was not waited for yet.
            unsafe { libc::kill(*pid, signal) };
        }
    }
}

/// A view of the processes as the namespace has them, and the names of the hosts; says whether there are names. What
/// cannot be had is done without.
fn surround(enclosed: bool, hosts: Option<&CStr>) -> bool {
    if !enclosed && hosts.is_none() {
        return false;
    }
    let mounts = unshare::unshare(UnshareFlags::NEWNS).and_then(|()| {
        mount_change(
            c"/",
            MountPropagationFlags::REC | MountPropagationFlags::PRIVATE,
        )
    });
    if mounts.is_err() {
        return false;
    }
    if enclosed {
        let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
        let _ = mount(c"proc", c"/proc", c"proc", flags, None);
    }
    hosts.is_some_and(|hosts| mount_bind(hosts, c"/etc/hosts").is_ok())
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
unsafe fn supervise_until_over(line: RawFd, children: RawFd, mut commands: Commands) -> ! {
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
    let enclosed = commands.enclosed;
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
                    pid => {
                        if let Some(number) = commands.ended(pid) {
                            let [a, b, c, d] = status.to_ne_bytes();
                            say(line, &[STATUS, a, b, c, d, number]);
                        }
                    }
                }
            }
        };
        alive = alive && commands.alive();
        // Without a namespace, what the commands left running is out of reach, but not they themselves.
        if !alive && (nobody || (!enclosed && commands.none())) {
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
        match (length, message) {
            (0, _) | (1.., [END, ..]) => {
                commands.signal(libc::SIGKILL);
                // SAFETY: ends this process, and with it the namespace.
                unsafe { libc::_exit(0) };
            }
            (1.., [HOLD, ..]) if alive => commands.signal(libc::SIGSTOP),
            (1.., [GO_ON, ..]) => commands.signal(libc::SIGCONT),
            (1.., [TELL, signal, ..]) if alive => {
                commands.tell(signal.into());
                commands.signal(libc::SIGCONT);
            }
            _ => {}
        }
        if !alive {
            left_ms -= LOOK_MS;
            if left_ms <= 0 {
                if told {
                    commands.signal(libc::SIGKILL);
                    // SAFETY: ends this process, and with it all others of the namespace.
                    unsafe { libc::_exit(0) };
                }
                told = true;
                left_ms = GRACE_MS;
                say(line, &[LEFT]);
                commands.signal(libc::SIGTERM);
                commands.signal(libc::SIGCONT);
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
