//! The command that a capture watches: started when the interface is open, and its end ends the capture.

use std::io::{self, IsTerminal as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use signal_hook::consts::signal::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};

use super::network::{self, Network, Task};
use super::told::Told;
use crate::capture::private::{Asker, Said, Supervised, supervise};
use crate::capture::session::{Hold, Reason, Stop};

/// After all is over: time for what the kernel still sends.
const AFTER_COMMAND: Duration = Duration::from_millis(50);
/// How often signals and the capture's end are looked for.
const LOOK: Duration = Duration::from_millis(10);
/// After a signal, or after the capture ended before it: how long it may take to end by itself.
const PATIENCE: Duration = Duration::from_secs(2);

/// Signals that are passed on to the command, as they come.
#[derive(Debug, Clone, Default)]
pub(super) struct Signals {
    /// The last one that came; 0 when it was taken.
    last: Arc<AtomicUsize>,
    told: Told,
}

impl Signals {
    /// Catches them from now on.
    ///
    /// # Errors
    /// When the system refuses.
    pub(super) fn catch() -> io::Result<Self> {
        let signals = Self {
            told: Told::by_signals(),
            ..Self::default()
        };
        for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2] {
            let number = usize::try_from(signal).unwrap_or_default();
            signal_hook::flag::register_usize(signal, Arc::clone(&signals.last), number)?;
            if !matches!(signal, SIGUSR1 | SIGUSR2) {
                signal_hook::flag::register(signal, Arc::clone(&signals.told.flag))?;
            }
        }
        Ok(signals)
    }

    /// Whether the programs were told to end.
    pub(super) fn told(&self) -> Told {
        self.told.clone()
    }

    fn take(&self) -> Option<i32> {
        let number = self.last.swap(0, Ordering::Relaxed);
        i32::try_from(number).ok().filter(|number| *number != 0)
    }
}

/// A command that was started, or several on hosts.
pub(super) struct Started {
    /// Of each, what it is called.
    names: Vec<String>,
    keeper: Child,
    line: Supervised,
    /// Whether all it starts is enclosed with it.
    pub(super) enclosed: bool,
    /// Whether hosts lack each other's names.
    pub(super) nameless: bool,
}

/// A command that runs.
pub(super) struct Running {
    names: Vec<String>,
    keeper: Child,
    capture_over: Arc<AtomicBool>,
    listening: JoinHandle<Outcome>,
    passing: JoinHandle<bool>,
}

/// How the commands ended.
#[derive(Debug, Clone, Default)]
pub(super) struct Outcome {
    /// Of each, its status; absent where it was ended with all it had started.
    pub(super) statuses: Vec<Option<ExitStatus>>,
    /// Whether what they left running had to be ended.
    pub(super) ended_the_rest: bool,
    /// Whether they ended because imgnet was told to end.
    pub(super) interrupted: bool,
}

impl Outcome {
    /// The exit status as a shell would have it, of several the highest; absent where no command is to blame for how it
    /// ended.
    pub(super) fn code(&self) -> Option<u8> {
        let code = |status: &ExitStatus| {
            let signal = || status.signal().map(|signal| 128_i32.saturating_add(signal));
            u8::try_from(status.code().or_else(signal)?).ok()
        };
        let unknown =
            !self.interrupted && !self.ended_the_rest && self.statuses.iter().any(Option::is_none);
        // Nobody says how it ended: somebody killed whoever waited for it, and with that the command.
        let killed = unknown.then_some(KILLED);
        self.statuses
            .iter()
            .flatten()
            .filter_map(code)
            .chain(killed)
            .max()
    }
}

/// The exit status of what a SIGKILL ended, as a shell has it.
const KILLED: u8 = 128 + 9;

/// Holds the command.
pub(super) struct Brake(Asker);

impl Hold for Brake {
    fn hold(&mut self) {
        self.0.hold();
    }

    fn go_on(&mut self) {
        self.0.go_on();
    }
}

/// Starts it in the network of this process, or on its hosts. `stdout_taken`: standard output carries something for
/// programs, and what the command writes there goes to standard error.
pub(super) fn start(task: &Task, network: &Network, stdout_taken: bool) -> anyhow::Result<Started> {
    let display = |program: &network::Program| program.0.to_string_lossy().into_owned();
    let (names, first, surroundings, file) = match (task, network) {
        (Task::One(program), _) => (vec![display(program)], program, None, None),
        (
            Task::OnHosts {
                names,
                programs,
                until,
            },
            Network::Bridge(hosts),
        ) => {
            let (surroundings, file) = network::surroundings(hosts, programs, *until)?;
            let first = programs.first().context("no command")?;
            (names.clone(), first, Some(surroundings), Some(file))
        }
        (Task::OnHosts { .. }, _) => anyhow::bail!("no hosts on a bridge"),
    };
    let (program, arguments) = first;
    let mut command = Command::new(program);
    command.args(arguments);
    if stdout_taken {
        command.stdout(io::stderr());
    }
    let mut line = supervise(&mut command, surroundings.unwrap_or_default())
        .with_context(|| format!("{}: cannot be supervised", display(first)))?;
    let mut keeper = command
        .spawn()
        .with_context(|| format!("{}: cannot be started", display(first)))?;
    line.started(&keeper);
    let (enclosed, nameless, failed) = match line.listen() {
        Said::Ready {
            enclosed,
            named,
            failed,
        } => (enclosed, file.is_some() && !named, failed),
        _ => (false, false, None),
    };
    if let Some((number, errno)) = failed {
        keeper.wait()?;
        let error = anyhow::Error::from(io::Error::from_raw_os_error(errno));
        let name = names.get(number).map_or("?", String::as_str);
        return Err(error.context(format!("{}: cannot be started on {name}", display(first))));
    }
    Ok(Started {
        names,
        keeper,
        line,
        enclosed,
        nameless,
    })
}

impl Started {
    /// What holds it.
    pub(super) fn brake(&self) -> anyhow::Result<Brake> {
        Ok(Brake(self.line.asker()?))
    }

    /// Watches it, on threads of their own: its end ends the capture, and signals reach it.
    pub(super) fn watch(self, signals: Signals, stop: &Stop) -> anyhow::Result<Running> {
        let Self {
            names,
            keeper,
            line,
            ..
        } = self;
        let count = names.len();
        let asker = line.asker()?;
        let capture_over = Arc::new(AtomicBool::new(false));
        let over = Arc::new(AtomicBool::new(false));
        let told = Arc::new(AtomicBool::new(false));
        let listening = thread::spawn({
            let (stop, over, told) = (stop.clone(), Arc::clone(&over), Arc::clone(&told));
            let rest = signals.told();
            move || {
                let outcome = listen(&line, count, &rest);
                over.store(true, Ordering::Relaxed);
                let reason = if told.load(Ordering::Relaxed) {
                    Reason::Signal
                } else {
                    Reason::Done
                };
                stop.request_after(reason, AFTER_COMMAND, Instant::now());
                outcome
            }
        });
        let passing = thread::spawn({
            let capture_over = Arc::clone(&capture_over);
            move || pass_on(&asker, &signals, &capture_over, &over, &told)
        });
        Ok(Running {
            names,
            keeper,
            capture_over,
            listening,
            passing,
        })
    }
}

impl Running {
    /// The capture is over: waits for the command, or ends it, and says how it ended where that was not well.
    pub(super) fn finish(mut self, quiet: bool) -> anyhow::Result<Outcome> {
        self.capture_over.store(true, Ordering::Relaxed);
        let (Ok(mut outcome), Ok(interrupted)) = (self.listening.join(), self.passing.join())
        else {
            anyhow::bail!("{}: cannot be waited for", self.names.join(", "));
        };
        outcome.interrupted = interrupted;
        self.keeper
            .wait()
            .with_context(|| format!("{}: cannot be waited for", self.names.join(", ")))?;
        if quiet {
            return Ok(outcome);
        }
        let mut err = io::stderr().lock();
        let told = outcome.ended_the_rest && self.names.len() > 1;
        for (name, status) in self.names.iter().zip(&outcome.statuses) {
            match status {
                Some(status) if status.success() => {}
                Some(status) => writeln!(err, "imgnet: {name} ended with {status}")?,
                None if told => writeln!(
                    err,
                    "imgnet: {name} was still running a second after the others, and was ended"
                )?,
                None => writeln!(err, "imgnet: {name} was ended")?,
            }
        }
        if outcome.ended_the_rest && outcome.statuses.iter().all(Option::is_some) {
            writeln!(
                err,
                "imgnet: what {} left running was ended after a second",
                self.names.join(", ")
            )?;
        }
        Ok(outcome)
    }
}

fn listen(line: &Supervised, count: usize, rest: &Told) -> Outcome {
    let mut outcome = Outcome {
        statuses: vec![None; count],
        ..Outcome::default()
    };
    loop {
        match line.listen() {
            Said::Ready { .. } => {}
            // Whoever ends because it is ended is not asked how.
            Said::Ended(..) if outcome.ended_the_rest => {}
            Said::Ended(number, status) => {
                if let Some(slot) = outcome.statuses.get_mut(number) {
                    *slot = Some(ExitStatus::from_raw(status));
                }
            }
            Said::EndedTheRest => {
                rest.now();
                outcome.ended_the_rest = true;
            }
            Said::Over => return outcome,
        }
    }
}

/// Passes signals to the command until it is over; ends it where it goes on for too long after it was told to end,
/// or after the capture's end. Says whether it was told to end.
fn pass_on(
    asker: &Asker,
    signals: &Signals,
    capture_over: &AtomicBool,
    over: &AtomicBool,
    told: &AtomicBool,
) -> bool {
    let mut deadline: Option<Instant> = None;
    let mut ended_by_capture = false;
    while !over.load(Ordering::Relaxed) {
        signals.told.look();
        if let Some(signal) = signals.take() {
            let ends = !matches!(signal, SIGUSR1 | SIGUSR2);
            let _ = signals.told.since();
            if ends && told.load(Ordering::Relaxed) {
                // The second time is for those who do not want to wait.
                asker.end();
            }
            if ends {
                told.store(true, Ordering::Relaxed);
                deadline = deadline.or(Some(Instant::now() + PATIENCE));
            }
            if !(matches!(signal, SIGINT | SIGQUIT) && came_from_terminal()) {
                asker.tell(signal);
            }
        }
        if capture_over.load(Ordering::Relaxed) && !ended_by_capture {
            ended_by_capture = true;
            if !told.load(Ordering::Relaxed) {
                asker.tell(SIGTERM);
            }
            deadline = deadline.or(Some(Instant::now() + PATIENCE));
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            asker.end();
        }
        thread::sleep(LOOK);
    }
    told.load(Ordering::Relaxed) || ended_by_capture
}

/// Whether Ctrl-C reached the command, too: it does where this process is in the terminal's foreground.
fn came_from_terminal() -> bool {
    let in_front = |group: Result<rustix::process::Pid, rustix::io::Errno>| {
        group.is_ok_and(|group| group == rustix::process::getpgrp())
    };
    (io::stdin().is_terminal() && in_front(rustix::termios::tcgetpgrp(io::stdin())))
        || (io::stderr().is_terminal() && in_front(rustix::termios::tcgetpgrp(io::stderr())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_of_which_nobody_says_how_it_ended_did_not_end_well() {
        let good = Some(ExitStatus::from_raw(0));
        let outcome = |statuses: &[Option<ExitStatus>], interrupted, ended_the_rest| Outcome {
            statuses: statuses.to_vec(),
            ended_the_rest,
            interrupted,
        };
        assert_eq!(outcome(&[good], false, false).code(), Some(0));
        assert_eq!(outcome(&[None], false, false).code(), Some(137));
        assert_eq!(outcome(&[good, None], false, false).code(), Some(137));
        // It was imgnet that ended them.
        assert_eq!(outcome(&[good, None], false, true).code(), Some(0));
        assert_eq!(outcome(&[None], true, false).code(), None);
    }
}
