//! `imgnet archive`: the tables of many captures, for SQL.

#[cfg(feature = "archive")]
mod run;

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args, ValueEnum};

use crate::cli::args::AnalysisArgs;
use crate::cli::exit::Exit;
use crate::cli::inspect::FilterArg;
use crate::cli::values::{duration, pause};

/// Put the tables of many captures into a lake: Parquet files, for SQL and data frames
#[derive(Debug, Args)]
#[command(
    override_usage = "imgnet archive [OPTIONS] <CAPTURE|DIR>... -o <LAKE>",
    group = ArgGroup::new("what").required(true).multiple(true).args(["captures", "unit", "compact", "prune", "follow"]),
    after_help = "Examples:\n  \
                  imgnet archive captures -o lake                  all captures in a folder and below\n  \
                  imgnet archive ring_*.pcapng.zst -o lake         rotated files are one unit: one capture\n  \
                  imgnet archive captures --list-units             which files belong together\n  \
                  imgnet archive captures --list-units | split -n r/4 --filter 'imgnet archive --unit - -o lake'\n  \
                  imgnet archive --follow captures -o lake         each rotated file once it is complete\n  \
                  imgnet archive a.pcap -o lake -Y tcp.port==5050  only what the filter chooses\n  \
                  imgnet archive --compact --prune -o lake         fewer files, and nothing that is left over\n  \
                  imgnet query lake 'SELECT verdict, count(*) FROM images GROUP BY 1'\n\n\
                  docs/lake.md describes tables and columns. A unit that is there is not read again: run it as often, on as \
                  many machines and as much at once as you like.\n\n\
                  Exit codes: 0 all units are in the lake; 2 usage, a capture that cannot be read, a lake that cannot be \
                  written; 3 a capture is cut short or damaged (what could be read of it is in the lake).",
    max_term_width = 100
)]
pub(crate) struct Archive {
    /// Capture files, and folders of them
    #[arg(value_name = "CAPTURE|DIR")]
    captures: Vec<PathBuf>,

    /// The lake: a folder, or the URL of an object store
    #[arg(
        short,
        long,
        value_name = "LAKE",
        required_unless_present = "list_units"
    )]
    output: Option<String>,

    /// Which.
    #[command(flatten)]
    units: UnitArgs,

    /// What is put there.
    #[command(flatten)]
    tables: TableArgs,

    /// What of it is put there.
    #[command(flatten)]
    filter: FilterArg,

    /// Upkeep.
    #[command(flatten)]
    upkeep: UpkeepArgs,

    /// How to analyse.
    #[command(flatten)]
    analysis: AnalysisArgs,

    /// Say nothing but errors
    #[arg(short, long)]
    quiet: bool,

    /// Say by what the process is confined
    #[arg(short, long, conflicts_with = "quiet")]
    verbose: bool,
}

impl Archive {
    /// Whether it reads captures, and makes a lake where there is none.
    #[cfg(feature = "archive")]
    fn reads(&self) -> bool {
        self.units.unit.is_some() || !self.captures.is_empty() || self.upkeep.follow.is_some()
    }
}

/// Which files belong together.
#[derive(Debug, Args)]
#[command(next_help_heading = "Units")]
struct UnitArgs {
    /// Print the units as JSON lines, and do nothing
    #[arg(long, requires = "captures", conflicts_with_all = ["compact", "prune", "follow", "unit"])]
    list_units: bool,

    /// Do the units that standard input lists, as --list-units prints them; each is answered with a line
    #[arg(long, value_name = "-", value_parser = ["-"], conflicts_with_all = ["captures", "follow"])]
    unit: Option<String>,

    /// Which files are one unit
    #[arg(long, value_name = "HOW", value_enum, default_value_t = GroupArg::Rotation)]
    group: GroupArg,

    /// Files that differ only by a time in their names (tcpdump -G) are one unit if each begins within this time after the
    /// one before
    #[arg(long, value_name = "SECONDS", value_parser = duration, default_value = "3600")]
    rotation: Duration,

    /// The machine where the captures were made; else the folder directly below DIR, or unknown
    #[arg(long, value_name = "NAME")]
    host: Option<String>,
}

/// What is put there.
#[derive(Debug, Args)]
#[command(next_help_heading = "Tables")]
struct TableArgs {
    /// A table of all frames too
    #[arg(long)]
    packets: bool,

    /// Analyse units again that are there, and replace their tables
    #[arg(long)]
    replace: bool,

    /// Compare the pictures with files that were sent, or folders of them
    #[arg(long, value_name = "PATH", num_args = 1..)]
    sent: Vec<PathBuf>,

    /// Compare the pictures with files that were received, or folders of them
    #[arg(long, value_name = "PATH", num_args = 1..)]
    received: Vec<PathBuf>,
}

/// Upkeep.
#[derive(Debug, Args)]
#[command(next_help_heading = "Upkeep")]
struct UpkeepArgs {
    /// Join the files below 16 MB of each day and host
    #[arg(long)]
    compact: bool,

    /// Remove what a killed run left over; with DIR, also the units whose captures were in it and are all gone
    #[arg(long)]
    prune: bool,

    /// Watch a folder, and take each rotated file once it is complete: until stopped, or with --once
    #[arg(long, value_name = "DIR", conflicts_with = "captures")]
    follow: Option<PathBuf>,

    /// With --follow: take what is complete now, and end
    #[arg(long, requires = "follow")]
    once: bool,

    /// With --follow: the newest file of a set is complete once nobody has written to it for so long
    #[arg(long, value_name = "SECONDS", value_parser = pause, default_value = "60", requires = "follow")]
    settled: Duration,
}

/// `--group`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum GroupArg {
    /// Files that were rotated, by name, interface and time; each other file alone
    Rotation,
    /// Each file alone
    File,
    /// All files together
    All,
}

/// Runs the command.
///
/// # Errors
/// A capture that cannot be read, a lake that cannot be written: exit code 2.
pub(super) fn run(command: &Archive) -> anyhow::Result<Exit> {
    #[cfg(feature = "archive")]
    {
        run::run(command)
    }
    #[cfg(not(feature = "archive"))]
    {
        let _ = command;
        anyhow::bail!(
            "this imgnet was built without tables in Parquet; build it with them: cargo build --release --features archive"
        )
    }
}
