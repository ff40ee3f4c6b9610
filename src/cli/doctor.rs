//! `imgnet doctor`: can this user capture here? If not, the exact command that changes it.

use std::io::{self, IsTerminal as _, Write};

use serde::Serialize;

use crate::capture::confine::{Means, Needs, landlock_means, seccomp_means};
use crate::capture::private::{self, Identity, Way};
use crate::cli::capture::ignore_closed_pipe;
use crate::cli::confined::confined;
use crate::cli::exit::Exit;
use crate::cli::output::WriteError;
use crate::report::text;
use crate::source::live;

/// Say whether this user can capture here, and if not, which command changes it
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Exit codes: 0 capturing works here one way or another; 4 it does not.")]
pub(crate) struct Doctor {
    /// How to say it
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: Format,

    #[arg(
        long,
        conflicts_with = "format",
        help = "Print the AppArmor profile that lets this program make private networks, for /etc/apparmor.d/imgnet"
    )]
    apparmor: bool,
}

/// The profile as the Debian package has it.
const PROFILE: &str = include_str!("../../packaging/apparmor/imgnet");

/// The profile for this program, wherever it is installed.
fn profile() -> String {
    let own = std::env::current_exe().ok();
    PROFILE
        .lines()
        .map(|line| match (line.strip_prefix("profile imgnet "), &own) {
            (Some(_), Some(own)) => {
                format!(
                    "profile imgnet \"{}\" flags=(unconfined) {{\n",
                    own.display()
                )
            }
            _ => format!("{line}\n"),
        })
        .collect()
}

/// The renderings that `doctor` has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Lines for people.
    Table,
    /// One object.
    Json,
}

/// State of one condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    /// As it should be.
    Good,
    /// In the way of something that imgnet can do.
    Bad,
    /// Does without; nothing is lost.
    Without,
    /// Cannot be made out.
    Unknown,
}

/// One condition of capturing.
#[derive(Debug, Clone, Serialize)]
struct Condition {
    name: &'static str,
    state: State,
    /// How it stands, in a few words.
    detail: String,
    /// The command, or the step, that changes it; absent where nothing needs to change.
    command: Option<String>,
}

/// Everything `doctor` has to say.
#[derive(Debug, Clone, Serialize)]
struct Diagnosis {
    schema: &'static str,
    conditions: Vec<Condition>,
    /// Whether interfaces of this machine can be captured.
    captures: bool,
    /// Whether a private network can be made and captured.
    private: bool,
}

/// Whether capturing works here, one way or another.
///
/// # Errors
/// Those of standard output.
pub(super) fn run(doctor: &Doctor) -> anyhow::Result<Exit> {
    let written = |written: io::Result<()>| {
        written
            .or_else(ignore_closed_pipe)
            .map_err(|source| WriteError { to: None, source })
    };
    if doctor.apparmor {
        written(io::stdout().lock().write_all(profile().as_bytes()))?;
        return Ok(Exit::Good);
    }
    let diagnosis = examine();
    // All is tried out: what is left is to tell.
    confined(&Needs::default(), false)?;
    written(tell(&diagnosis, doctor.format))?;
    Ok(if diagnosis.captures || diagnosis.private {
        Exit::Good
    } else {
        Exit::NotAllowed
    })
}

fn tell(diagnosis: &Diagnosis, format: Format) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match format {
        Format::Table => {
            let terminal = io::stdout().is_terminal();
            let columns = rustix::termios::tcgetwinsize(io::stdout())
                .ok()
                .map(|size| usize::from(size.ws_col))
                .filter(|columns| *columns > 0);
            let mut out = anstream::AutoStream::auto(&mut out);
            render(diagnosis, terminal, columns, &mut out)?;
        }
        Format::Json => {
            serde_json::to_writer_pretty(&mut out, diagnosis)?;
            writeln!(out)?;
        }
    }
    out.flush()
}

fn examine() -> Diagnosis {
    let (right, captures) = right_to_capture();
    let (network, private) = private_network();
    Diagnosis {
        schema: "imgnet/doctor/v1",
        conditions: vec![
            libpcap(),
            right,
            network,
            hosts_on_a_bridge(private),
            ring_memory(),
            confinement("Landlock", landlock_means()),
            confinement("seccomp", seccomp_means()),
            terminal(),
        ],
        captures,
        private,
    }
}

fn libpcap() -> Condition {
    // The library says its version only through a pointer; the name of the mapped file holds it too.
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let library = maps
        .lines()
        .filter_map(|line| line.split_ascii_whitespace().nth(5))
        .find(|path| path.contains("/libpcap.so"));
    let (state, detail) = match library {
        Some(path) => {
            let real = std::fs::canonicalize(path).unwrap_or_else(|_| path.into());
            let real = real.display().to_string();
            match real.split_once("libpcap.so.") {
                Some((_, version)) => (State::Good, format!("{version} ({real})")),
                None => (State::Good, real),
            }
        }
        None => (
            State::Good,
            "built into this program; its version is not known".to_owned(),
        ),
    };
    Condition {
        name: "libpcap",
        state,
        detail,
        command: None,
    }
}

/// Whether a capture may be opened.
fn right_to_capture() -> (Condition, bool) {
    let (state, detail, command) = match live::may_capture() {
        Ok(()) => {
            let by = if rustix::process::geteuid().is_root() {
                "as root".to_owned()
            } else {
                format!("by {}", live::RIGHT)
            };
            (State::Good, format!("allowed, {by}"), None)
        }
        Err(error) => (
            State::Bad,
            format!("not allowed ({error})"),
            Some(super::capture::how_to_get_the_right()),
        ),
    };
    let allowed = state == State::Good;
    (
        Condition {
            name: "capture on lo",
            state,
            detail,
            command,
        },
        allowed,
    )
}

fn private_network() -> (Condition, bool) {
    let (state, detail, command) = match private::rehearse(Identity::Caller) {
        Ok(Way::Unprivileged) => (
            State::Good,
            "allowed, without root: `imgnet demo` and `imgnet capture -- COMMAND` use one"
                .to_owned(),
            None,
        ),
        Ok(Way::Privileged) => (
            State::Good,
            "allowed: `imgnet demo` and `imgnet capture -- COMMAND` use one".to_owned(),
            None,
        ),
        Err(forbidden) => (
            State::Bad,
            format!("not allowed: {}", forbidden.reason()),
            Some(forbidden.command().to_owned()),
        ),
    };
    let allowed = state == State::Good;
    (
        Condition {
            name: "private network",
            state,
            detail,
            command,
        },
        allowed,
    )
}

/// For `capture --host`.
fn hosts_on_a_bridge(private: bool) -> Condition {
    let (state, detail, command) = match private::rehearse_hosts() {
        Ok(_) => (
            State::Good,
            "allowed: `imgnet capture --host NAME=LINE …` uses one".to_owned(),
            None,
        ),
        Err(_) if !private => (State::Without, "needs a private network".to_owned(), None),
        Err(forbidden) => (
            State::Without,
            forbidden.reason(),
            Some(forbidden.command().to_owned()),
        ),
    };
    Condition {
        name: "bridge for hosts",
        state,
        detail,
        command,
    }
}

/// Memory for the kernel's ring: it is not swapped, so it has to be free.
fn ring_memory() -> Condition {
    let ring = super::memory::ring_bytes();
    let free = super::memory::free_memory();
    let mebibytes = |bytes: u64| bytes >> 20;
    let (state, detail, command) = match free {
        None => (
            State::Unknown,
            format!(
                "{} MiB wanted; the system does not say how much is free",
                mebibytes(ring)
            ),
            None,
        ),
        Some(free) if free >= ring.saturating_mul(2) => (
            State::Good,
            format!(
                "{} MiB wanted, {} MiB free",
                mebibytes(ring),
                mebibytes(free)
            ),
            None,
        ),
        Some(free) => (
            State::Bad,
            format!(
                "{} MiB wanted, {} MiB free",
                mebibytes(ring),
                mebibytes(free)
            ),
            Some(format!(
                "imgnet capture --buffer {}",
                (mebibytes(free) / 4).max(2)
            )),
        ),
    };
    Condition {
        name: "ring memory",
        state,
        detail,
        command,
    }
}

/// A means of confinement; imgnet works without, too.
fn confinement(name: &'static str, means: Means) -> Condition {
    Condition {
        name,
        state: if means.present {
            State::Good
        } else {
            State::Without
        },
        detail: means.detail,
        command: means.advice.map(str::to_owned),
    }
}

fn terminal() -> Condition {
    let dumb = std::env::var_os("TERM").is_none_or(|name| name.is_empty() || name == "dumb");
    let detail = if io::stdout().is_terminal() && dumb {
        "dumb: plain lines, no colour".to_owned()
    } else if io::stdout().is_terminal() {
        let width = rustix::termios::tcgetwinsize(io::stdout()).map_or(0, |size| size.ws_col);
        let width = if width == 0 {
            "of unknown width".to_owned()
        } else {
            format!("of {width} columns")
        };
        format!("{width}: rows are updated in place")
    } else {
        "none: plain lines, no colour".to_owned()
    };
    Condition {
        name: "terminal",
        state: State::Good,
        detail,
        command: None,
    }
}

/// `columns`: those of the terminal; absent where lines may have any length.
fn render(
    diagnosis: &Diagnosis,
    color: bool,
    columns: Option<usize>,
    out: &mut impl Write,
) -> io::Result<()> {
    use anstyle::{AnsiColor, Style};
    let width = diagnosis
        .conditions
        .iter()
        .map(|condition| condition.name.len())
        .max()
        .unwrap_or(0);
    for condition in &diagnosis.conditions {
        let (mark, tone) = match condition.state {
            State::Good => ("✔", AnsiColor::Green),
            State::Bad => ("✖", AnsiColor::Red),
            State::Without => ("–", AnsiColor::Yellow),
            State::Unknown => ("?", AnsiColor::Yellow),
        };
        let tone = if color {
            Style::new().fg_color(Some(tone.into()))
        } else {
            Style::new()
        };
        let room = columns.map_or(usize::MAX, |columns| {
            columns.saturating_sub(width + 4).max(20)
        });
        let mut detail = text::wrap(&condition.detail, room, "", "").into_iter();
        writeln!(
            out,
            "{tone}{mark}{tone:#} {:width$}  {}",
            condition.name,
            detail.next().unwrap_or_default()
        )?;
        for line in detail {
            writeln!(out, "  {:width$}  {line}", "")?;
        }
        if let Some(command) = &condition.command {
            writeln!(out, "  {:width$}  → {command}", "")?;
        }
    }
    writeln!(out)?;
    let conclusion = match (diagnosis.captures, diagnosis.private) {
        (true, true) => "Capturing works here, on every interface and on private networks.",
        (true, false) => "Capturing works here, on every interface, but not on private networks.",
        (false, true) => {
            "Capturing works here without root on private networks: `imgnet demo`, `imgnet capture -- COMMAND`.\n\
             Interfaces of the machine need the right named above."
        }
        (false, false) => {
            "Capturing does not work here yet. Any one of the commands above changes that."
        }
    };
    writeln!(out, "{conclusion}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diagnosis(captures: bool, private: bool) -> Diagnosis {
        Diagnosis {
            schema: "imgnet/doctor/v1",
            conditions: vec![Condition {
                name: "capture on lo",
                state: if captures { State::Good } else { State::Bad },
                detail: "as it is".to_owned(),
                command: (!captures).then(|| "sudo something".to_owned()),
            }],
            captures,
            private,
        }
    }

    fn rendered(diagnosis: &Diagnosis) -> String {
        let mut out = Vec::new();
        render(diagnosis, false, None, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_is_missing_is_followed_by_its_command() {
        let text = rendered(&diagnosis(false, true));
        assert!(text.starts_with("✖ capture on lo  as it is\n"), "{text}");
        assert!(text.contains("→ sudo something"), "{text}");
        assert!(text.contains("without root on private networks"), "{text}");
        let text = rendered(&diagnosis(true, true));
        assert!(!text.contains('→'), "{text}");
    }

    #[test]
    fn every_condition_is_examined_and_serialises() {
        let found = examine();
        let names: Vec<_> = found.conditions.iter().map(|c| c.name).collect();
        assert_eq!(
            names,
            [
                "libpcap",
                "capture on lo",
                "private network",
                "bridge for hosts",
                "ring memory",
                "Landlock",
                "seccomp",
                "terminal"
            ]
        );
        let json = serde_json::to_value(&found).unwrap();
        assert_eq!(json["captures"], found.captures);
        assert!(json["conditions"][0]["command"].is_null());
    }
}
