//! Where the system is not Linux: there are no private networks, and a command that is watched runs in the machine's, under
//! nobody but this process. What it leaves running goes on, and so does the command where imgnet is killed.

use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU8, Ordering};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

use super::hosts::{self, Host};
use super::{Forbidden, Identity, Said, Step, Way};

/// Whether this system has private networks.
pub(crate) const POSSIBLE: bool = false;

fn forbidden() -> Forbidden {
    Forbidden {
        what: "making a private network",
        step: Step::Namespaces,
        errno: Errno::NOSYS,
        setting: Some("only Linux has them".to_owned()),
        advice: "run it on Linux, in a virtual machine or a container".to_owned(),
    }
}

/// Enters nothing.
///
/// # Errors
/// Always [`Forbidden`].
pub fn enter(_: Identity) -> Result<Way, Forbidden> {
    Err(forbidden())
}

/// Says what [`enter`] says.
///
/// # Errors
/// Always [`Forbidden`].
pub fn rehearse(_: Identity) -> Result<Way, Forbidden> {
    Err(forbidden())
}

/// Says what [`enter`] says.
///
/// # Errors
/// Always [`Forbidden`].
pub fn rehearse_hosts() -> Result<Way, Forbidden> {
    Err(forbidden())
}

/// Makes no hosts.
pub(super) fn make_hosts(_: &[String], _: Option<u32>, _: bool) -> Result<Vec<Host>, hosts::Error> {
    Err(hosts::Error::Refused {
        what: "making a private network".to_owned(),
        source: Errno::NOSYS,
    })
}

/// Sets nothing: the network is not imgnet's.
///
/// # Errors
/// Always.
pub fn set_mtu(_: u32) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Sets nothing: the network is not imgnet's.
///
/// # Errors
/// Always.
pub fn without_ipv6() -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// A command on a host: there are none.
#[derive(Debug)]
pub enum Hosted {}

impl Hosted {
    /// None can be had.
    ///
    /// # Errors
    /// Always.
    pub fn new(
        _: &Host,
        _: &OsStr,
        _: &[OsString],
        _: &[(&str, String)],
        _: bool,
        _: bool,
    ) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// What else the command's surroundings are to be.
#[derive(Debug, Default)]
pub struct Surroundings {
    /// A file to be seen in place of `/etc/hosts`.
    pub hosts: Option<CString>,
    /// Commands that are run in place of the one that is spawned.
    pub commands: Vec<Hosted>,
}

/// Lets `command` be watched once it is spawned.
///
/// # Errors
/// Surroundings other than none.
#[expect(
    clippy::needless_pass_by_value,
    reason = "on Linux the command takes them with it"
)]
pub fn supervise(_: &mut Command, surroundings: Surroundings) -> io::Result<Supervised> {
    if surroundings.hosts.is_some() || !surroundings.commands.is_empty() {
        return Err(io::ErrorKind::Unsupported.into());
    }
    Ok(Supervised {
        command: None,
        said: AtomicU8::new(0),
    })
}

/// A command that is watched.
#[derive(Debug)]
pub struct Supervised {
    command: Option<Pid>,
    /// How much was said of it.
    said: AtomicU8,
}

impl Supervised {
    /// To be called with what was spawned.
    pub fn started(&mut self, command: &Child) {
        self.command = Some(Pid::from_child(command));
    }

    /// A handle to ask while another thread listens. Nobody may use it once what was spawned is waited for.
    ///
    /// # Errors
    /// Nothing was spawned.
    pub fn asker(&self) -> io::Result<Asker> {
        let command = self.command.ok_or(io::ErrorKind::NotFound)?;
        Ok(Asker(command))
    }

    /// Waits for the next thing that there is to say. Whoever was spawned is still to be waited for.
    pub fn listen(&self) -> Said {
        match (self.said.fetch_add(1, Ordering::Relaxed), self.command) {
            (0, _) => Said::Ready {
                enclosed: false,
                named: false,
                failed: None,
            },
            (1, Some(command)) => end_of(command).map_or(Said::Over, |end| Said::Ended(0, end)),
            _ => Said::Over,
        }
    }
}

/// Waits for a command's end and leaves it to be waited for: its wait status (waitpid(2)); absent where there is none.
fn end_of(command: Pid) -> Option<i32> {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    loop {
        match waitid(WaitId::Pid(command), options) {
            Err(Errno::INTR) => {}
            Err(_) => return None,
            Ok(ended) => {
                let ended = ended?;
                let code = ended.exit_status().map(|code| code << 8);
                return code.or(ended.terminating_signal());
            }
        }
    }
}

/// Asks a command. Where it is over already, nothing happens.
#[derive(Debug)]
pub struct Asker(Pid);

impl Asker {
    /// Stops the command.
    pub fn hold(&self) {
        self.send(Signal::STOP);
    }

    /// Lets it go on.
    pub fn go_on(&self) {
        self.send(Signal::CONT);
    }

    /// Passes a signal to the command.
    pub fn tell(&self, signal: i32) {
        if let Some(signal) = Signal::from_named_raw(signal) {
            self.send(signal);
            self.go_on();
        }
    }

    /// Ends the command at once.
    pub fn end(&self) {
        self.send(Signal::KILL);
    }

    fn send(&self, signal: Signal) {
        // An error means that it is over.
        let _ = kill_process(self.0, signal);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::ExitStatus;

    use super::*;

    fn watched(line: &str) -> (Child, Supervised) {
        let mut command = Command::new("sh");
        command.args(["-c", line]);
        let mut watched = supervise(&mut command, Surroundings::default()).unwrap();
        let child = command.spawn().unwrap();
        watched.started(&child);
        assert!(matches!(
            watched.listen(),
            Said::Ready {
                enclosed: false,
                ..
            }
        ));
        (child, watched)
    }

    #[test]
    fn how_a_command_ends_is_told_before_it_is_waited_for() {
        let (mut child, watched) = watched("exit 7");
        assert_eq!(watched.listen(), Said::Ended(0, 7 << 8));
        // Nobody else can have its number yet.
        watched.asker().unwrap().end();
        assert_eq!(watched.listen(), Said::Over);
        assert_eq!(child.wait().unwrap().code(), Some(7));
    }

    #[test]
    fn a_command_is_held_told_and_ended() {
        let (mut child, watched) = watched("trap 'exit 5' USR1; while :; do sleep 0.01; done");
        let asker = watched.asker().unwrap();
        let command = watched.command.unwrap();
        asker.hold();
        let stopped = waitid(
            WaitId::Pid(command),
            WaitIdOptions::STOPPED | WaitIdOptions::NOWAIT,
        );
        assert!(stopped.unwrap().unwrap().stopped());
        asker.end();
        let Said::Ended(0, status) = watched.listen() else {
            panic!("its end is told");
        };
        assert_eq!(ExitStatus::from_raw(status).signal(), Some(9));
        assert_eq!(child.wait().unwrap().signal(), Some(9));

        let (mut child, watched) = watched_until_ready();
        watched.asker().unwrap().tell(10);
        assert_eq!(watched.listen(), Said::Ended(0, 5 << 8));
        assert_eq!(child.wait().unwrap().code(), Some(5));
    }

    /// A command that has set its trap.
    fn watched_until_ready() -> (Child, Supervised) {
        use std::io::Read as _;
        let mut command = Command::new("sh");
        command
            .args([
                "-c",
                "trap 'exit 5' USR1; echo ready; while :; do sleep 0.01; done",
            ])
            .stdout(std::process::Stdio::piped());
        let mut watched = supervise(&mut command, Surroundings::default()).unwrap();
        let mut child = command.spawn().unwrap();
        watched.started(&child);
        child
            .stdout
            .take()
            .unwrap()
            .read_exact(&mut [0; 6])
            .unwrap();
        assert!(matches!(watched.listen(), Said::Ready { .. }));
        (child, watched)
    }

    #[test]
    fn there_are_no_private_networks() {
        let said = enter(Identity::Caller).unwrap_err().to_string();
        assert_eq!(
            said,
            "no private network: making a private network failed: only Linux has them; run it on Linux, in a virtual \
             machine or a container"
        );
    }
}
