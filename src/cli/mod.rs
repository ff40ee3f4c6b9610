//! The command line: arguments, one file for each command, exit codes, progress. The edge where files are
//! opened, the terminal is looked at and errors become words.
//!
//! Nothing is computed here that a report shows: commands read, let [`crate::analysis`] work, and render.
#![expect(
    clippy::disallowed_methods,
    reason = "the edge: the commands open files and read the environment"
)]

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::capture::mend;

pub mod analyze;
pub mod args;
pub mod capture;
pub mod check;
pub mod client;
mod confined;
pub mod demo;
pub mod doctor;
pub mod exit;
pub mod explain;
pub mod extract;
mod glue;
pub mod output;
mod progress;
pub mod reading;
pub mod server;
pub mod terminal;
pub mod verify;

pub use exit::Exit;

/// `imgnet`.
#[derive(Debug, Parser)]
#[command(
    name = "imgnet",
    version,
    about = "Did the picture I sent over a socket arrive, byte for byte?",
    long_about = "Did the picture I sent over a socket arrive, byte for byte? If not: which bytes, which chunk, which \
                  packet, why, and on whose side.",
    after_help = "Examples:\n  \
                  imgnet analyze pipeline.pcap                 what is in this capture?\n  \
                  imgnet analyze pipeline.pcap --extract out   and save its pictures\n  \
                  imgnet verify pipeline.pcap --sent sent --received received\n  \
                  imgnet explain marker-unanswered             what does this finding mean?\n  \
                  imgnet analyze --help                        all it can do\n\n\
                  Exit codes: 0 good, 1 not equal, 2 usage or unreadable input, 3 the capture lacks something, \
                  4 not allowed to capture.",
    arg_required_else_help = true,
    subcommand_required = true,
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub struct Imgnet {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Analyze(analyze::Analyze),
    Capture(Box<capture::Capture>),
    Demo(demo::Demo),
    Doctor(doctor::Doctor),
    Check(check::Check),
    Verify(verify::Verify),
    Explain(explain::Explain),
    /// What outlives a capture that is killed
    #[command(name = mend::MEND, hide = true)]
    Mend,
}

/// Runs `imgnet` with these arguments (the program's name first) and says how it went.
pub fn imgnet(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let parsed = match Imgnet::try_parse_from(arguments) {
        Ok(parsed) => parsed,
        Err(error) => {
            // A closed pipe under --help is no error either.
            let _ = error.print();
            return match error.exit_code() {
                0 => Exit::Good.into(),
                _ => Exit::Usage.into(),
            };
        }
    };
    let outcome = match &parsed.command {
        Command::Analyze(command) => analyze::run(command),
        Command::Capture(command) => capture::run(command),
        Command::Demo(command) => demo::run(command),
        Command::Doctor(command) => doctor::run(command),
        Command::Check(command) => check::run(command),
        Command::Verify(command) => verify::run(command),
        Command::Explain(command) => explain::run(command),
        Command::Mend => mend::mend().map(|()| Exit::Good).map_err(Into::into),
    };
    conclude(outcome).into()
}

/// Tells what went wrong, if anything did. Several causes are told in one line, the outermost first.
pub(crate) fn conclude(outcome: anyhow::Result<Exit>) -> Exit {
    match outcome {
        Ok(exit) => exit,
        Err(error) if is_closed_pipe(&error) => Exit::Good,
        Err(error) => {
            let message = format!("{error:#}");
            let message = crate::report::text::plain(&message, true);
            // Where even this cannot be written, the exit code has to do.
            let _ = writeln!(io::stderr().lock(), "imgnet: {message}");
            Exit::Usage
        }
    }
}

/// Whether whoever reads the output has gone away: no error.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<output::WriteError>()
        .is_some_and(output::WriteError::is_closed_pipe)
}

#[cfg(test)]
mod tests;
