//! The command that a capture watches: started when the interface is open, and its end ends the capture.

use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use signal_hook::consts::signal::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};

use crate::capture::private::{Asker, Said, Supervised, Surroundings, supervise};
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
}

impl Signals {
    /// Catches them from now on.
    ///
    /// # Errors
    /// When the system refuses.
    pub(super) fn catch() -> io::Result<Self> {
        let signals = Self::default();
        for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2] {
            let number = usize::try_from(signal).unwrap_or_default();
            signal_hook::flag::register_usize(signal, Arc::clone(&signals.last), number)?;
        }
        Ok(signals)
    }

    fn take(&self) -> Option<i32> {
        let number = self.last.swap(0, Ordering::Relaxed);
        i32::try_from(number).ok().filter(|number| *number != 0)
    }
}

/// A command that was started.
pub(super) struct Started {
    name: String,
    keeper: Child,
    line: Supervised,
    /// Whether all it starts is enclosed with it.
    pub(super) enclosed: bool,
}

/// A command that runs.
pub(super) struct Running {
    name: String,
    keeper: Child,
    capture_over: Arc<AtomicBool>,
    listening: JoinHandle<Outcome>,
    passing: JoinHandle<bool>,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Outcome {
    /// Its status; absent where it was ended with all it had started.
    pub(super) status: Option<ExitStatus>,
    /// Whether what it left running had to be ended.
    pub(super) ended_the_rest: bool,
    /// Whether it ended because imgnet was told to end.
    pub(super) interrupted: bool,
}

impl Outcome {
    /// Its exit status as a shell would have it; absent where the command is not to blame for how it ended.
    pub(super) fn code(&self) -> Option<u8> {
        let status = self.status?;
        let code = status
            .code()
            .or_else(|| status.signal().map(|signal| 128_i32.saturating_add(signal)))?;
        u8::try_from(code).ok()
    }
}

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

/// Starts it in the network of this process. `stdout_taken`: standard output carries something for programs,
/// and what the command writes there goes to standard error.
pub(super) fn start(
    program: &OsStr,
    arguments: &[OsString],
    stdout_taken: bool,
) -> anyhow::Result<Started> {
    let name = program.to_string_lossy().into_owned();
    let mut command = Command::new(program);
    command.args(arguments);
    if stdout_taken {
        command.stdout(io::stderr());
    }
    let mut line = supervise(&mut command, Surroundings::default())
        .with_context(|| format!("{name}: cannot be supervised"))?;
    let keeper = command
        .spawn()
        .with_context(|| format!("{name}: cannot be started"))?;
    line.started();
    let enclosed = matches!(line.listen(), Said::Ready { enclosed: true });
    Ok(Started {
        name,
        keeper,
        line,
        enclosed,
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
            name, keeper, line, ..
        } = self;
        let asker = line.asker()?;
        let capture_over = Arc::new(AtomicBool::new(false));
        let over = Arc::new(AtomicBool::new(false));
        let told = Arc::new(AtomicBool::new(false));
        let listening = thread::spawn({
            let (stop, over, told) = (stop.clone(), Arc::clone(&over), Arc::clone(&told));
            move || {
                let outcome = listen(&line);
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
            name,
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
            anyhow::bail!("{}: cannot be waited for", self.name);
        };
        outcome.interrupted = interrupted;
        self.keeper
            .wait()
            .with_context(|| format!("{}: cannot be waited for", self.name))?;
        if quiet {
            return Ok(outcome);
        }
        let mut err = io::stderr().lock();
        match outcome.status {
            Some(status) if status.success() => {}
            Some(status) => writeln!(err, "imgnet: {} ended with {status}", self.name)?,
            None => writeln!(err, "imgnet: {} was ended", self.name)?,
        }
        if outcome.ended_the_rest {
            writeln!(
                err,
                "imgnet: what {} left running was ended after a second",
                self.name
            )?;
        }
        Ok(outcome)
    }
}

fn listen(line: &Supervised) -> Outcome {
    let mut outcome = Outcome::default();
    loop {
        match line.listen() {
            Said::Ready { .. } => {}
            Said::Ended(status) => outcome.status = Some(ExitStatus::from_raw(status)),
            Said::EndedTheRest => outcome.ended_the_rest = true,
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
        if let Some(signal) = signals.take() {
            let ends = !matches!(signal, SIGUSR1 | SIGUSR2);
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
