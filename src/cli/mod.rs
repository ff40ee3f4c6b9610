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
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::capture::repair;

pub(crate) mod analyze;
pub(crate) mod annotate;
pub(crate) mod archive;
pub(crate) mod args;
pub(crate) mod capture;
pub(crate) mod check;
pub mod client;
mod confined;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod exit;
pub(crate) mod explain;
mod extcap;
pub(crate) mod extract;
pub(crate) mod generate;
mod glue;
pub(crate) mod inspect;
pub(crate) mod layout;
mod memory;
pub(crate) mod output;
pub(crate) mod page;
mod plan;
mod progress;
pub(crate) mod query;
pub(crate) mod reading;
mod refused;
pub(crate) mod report;
pub mod server;
mod show;
pub(crate) mod terminal;
mod values;
pub mod verify;
mod version;
pub(crate) mod wireshark;

pub use exit::Exit;
pub use refused::Telling;

/// `imgnet`.
#[derive(Debug, Parser)]
#[command(
    name = "imgnet",
    version,
    about = "Did the picture I sent over a socket arrive, byte for byte?",
    long_about = "Did the picture I sent over a socket arrive, byte for byte? If not: which bytes, which chunk, which \
                  packet, why, and on whose side.",
    after_help = "Examples:\n  \
                  imgnet pipeline.pcap                         what is in this capture? (imgnet analyze)\n  \
                  imgnet analyze pipeline.pcap --extract out   and save its pictures\n  \
                  imgnet verify pipeline.pcap --sent sent --received received\n  \
                  imgnet explain marker-unanswered             what does this finding mean?\n  \
                  imgnet analyze --help                        all it can do\n\n\
                  Exit codes: 0 good, 1 not equal, 2 usage or unreadable input, 3 the capture lacks something, \
                  4 not allowed to capture.",
    arg_required_else_help = true,
    subcommand_required = true,
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
    Report(report::Report),
    Annotate(annotate::Annotate),
    Archive(Box<archive::Archive>),
    Query(query::Query),
    Wireshark(wireshark::Wireshark),
    Packets(inspect::packets::Packets),
    Packet(inspect::packet::Packet),
    Follow(inspect::follow::Command),
    View(inspect::view::ViewArgs),
    Fields(inspect::fields::Fields),
    Explain(explain::Explain),
    Layout(layout::ShowLayout),
    #[command(hide = true)]
    Generate(generate::Generate),
    /// What outlives a capture that is killed
    #[command(name = repair::REPAIR, hide = true)]
    Repair,
}

/// Runs `imgnet` with these arguments (the program's name first) and says how it went.
pub fn imgnet(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    if extcap::is_called(&arguments) {
        // Wireshark waits for the answer, and asks in options of its own.
        return extcap::run(&arguments);
    }
    let arguments = understood(arguments);
    let nothing_behind = arguments.last().is_some_and(|last| last == "--");
    let parsed = match version::told_by(Imgnet::command())
        .try_get_matches_from(&arguments)
        .and_then(|matches| Imgnet::from_arg_matches(&matches))
    {
        Ok(parsed) => parsed,
        Err(error) => {
            // A closed pipe under --help is no error either.
            let written = error.print().or_else(capture::ignore_closed_pipe);
            return match error.exit_code() {
                0 if written.is_ok() => Exit::Good.into(),
                _ => Exit::Usage.into(),
            };
        }
    };
    let outcome = match &parsed.command {
        Command::Analyze(command) => analyze::run(command),
        Command::Capture(command) if nothing_behind && command.runs_nothing() => {
            Err(anyhow::anyhow!(
                "nothing stands behind --: name the command to run, e.g. imgnet capture -- ./run-both.sh"
            ))
        }
        Command::Capture(command) => capture::run(command),
        Command::Demo(command) => demo::run(command),
        Command::Doctor(command) => doctor::run(command),
        Command::Check(command) => check::run(command),
        Command::Verify(command) => verify::run(command),
        Command::Report(command) => report::run(command),
        Command::Annotate(command) => annotate::run(command),
        Command::Archive(command) => archive::run(command),
        Command::Query(command) => query::run(command),
        Command::Wireshark(command) => wireshark::run(command),
        Command::Packets(command) => inspect::packets::run(command),
        Command::Packet(command) => inspect::packet::run(command),
        Command::Follow(command) => inspect::follow::run(command),
        Command::View(command) => inspect::view::run(command),
        Command::Fields(command) => inspect::fields::run(command),
        Command::Explain(command) => explain::run(command),
        Command::Layout(command) => layout::run(command),
        Command::Generate(command) => generate::run(command),
        Command::Repair => repair::repair().map(|()| Exit::Good).map_err(Into::into),
    };
    conclude(outcome).into()
}

/// `imgnet FILE` is `imgnet analyze FILE`: where the first argument is no command and no option, but is there, of whatever kind, or
/// is written as files are, so that what is said is that there is none.
fn understood(mut arguments: Vec<OsString>) -> Vec<OsString> {
    let is_file = |first: &OsString| {
        let known = Imgnet::command().get_subcommands().any(|command| {
            let mut names = command.get_name_and_visible_aliases().into_iter();
            names.any(|name| first == name)
        }) || first == "help";
        let path = Path::new(first);
        let text = first.as_encoded_bytes();
        let written_so =
            !text.starts_with(b"-") && text.iter().any(|byte| matches!(byte, b'/' | b'.'));
        !known && (first == "-" || written_so || path.exists() || path.is_symlink())
    };
    if arguments.get(1).is_some_and(is_file) {
        arguments.insert(1, "analyze".into());
    }
    arguments
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

/// Whether whoever reads the output has gone away: no error. Nothing else that `imgnet` writes to can be closed on it.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
    })
}

#[cfg(test)]
mod tests;
