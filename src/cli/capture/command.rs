//! The command that a capture watches: started when the interface is open, and its end ends the capture.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write as _};
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::capture::session::{Reason, Stop};

/// After the command has ended: time for what its children still send.
const AFTER_COMMAND: Duration = Duration::from_millis(100);
/// How often its end is looked for.
const LOOK: Duration = Duration::from_millis(5);
/// After the capture ended before it: how long it may take to end by itself (a terminal's Ctrl-C reaches it too).
const PATIENCE: Duration = Duration::from_secs(2);

/// A command that runs.
pub(super) struct Running {
    name: String,
    capture_over: Sender<()>,
    thread: JoinHandle<io::Result<ExitStatus>>,
}

/// Starts it in the network of this process. `stdout_taken`: standard output carries something for programs,
/// and what the command writes there goes to standard error.
pub(super) fn start(
    program: &OsStr,
    arguments: &[OsString],
    stdout_taken: bool,
    stop: &Stop,
) -> anyhow::Result<Running> {
    let name = program.to_string_lossy().into_owned();
    let mut command = Command::new(program);
    command.args(arguments);
    if stdout_taken {
        command.stdout(io::stderr());
    }
    let child = command
        .spawn()
        .with_context(|| format!("{name}: cannot be started"))?;
    let stop = stop.clone();
    let (capture_over, over) = mpsc::channel();
    let thread = thread::spawn(move || {
        let status = wait(child, &over);
        stop.request_after(Reason::Done, AFTER_COMMAND, Instant::now());
        status
    });
    Ok(Running {
        name,
        capture_over,
        thread,
    })
}

impl Running {
    /// The capture is over: waits for the command, or ends it, and says how it ended where that was not well.
    pub(super) fn finish(self, quiet: bool) -> anyhow::Result<()> {
        let _ = self.capture_over.send(());
        let status = match self.thread.join() {
            Ok(status) => status.with_context(|| format!("{}: cannot be waited for", self.name))?,
            Err(_) => anyhow::bail!("{}: cannot be waited for", self.name),
        };
        if !status.success() && !quiet {
            writeln!(
                io::stderr().lock(),
                "imgnet: {} ended with {status}",
                self.name
            )?;
        }
        Ok(())
    }
}

fn wait(mut child: Child, over: &Receiver<()>) -> io::Result<ExitStatus> {
    let mut deadline = None;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if over.try_recv().is_ok() {
            deadline = Some(Instant::now() + PATIENCE);
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            child.kill()?;
            return child.wait();
        }
        thread::sleep(LOOK);
    }
}
