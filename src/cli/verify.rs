//! `imgnet verify`: the sender's file = the wire = the receiver's file?

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{ArgGroup, Args, ValueEnum};

use crate::cli::args::{CapturePaths, Common, Rendering};
use crate::cli::exit::Exit;
use crate::cli::glue;
use crate::cli::inspect::{FilterArg, Narrowing};
use crate::cli::output::{Draft, Output, sink, trouble};
use crate::cli::page::{self, PageArgs, PageFile, Sight, Summary};
use crate::cli::plan::Plan;
use crate::cli::progress::Progress;
use crate::cli::values::size_above_zero;
use crate::expect::render::junit::Suite;
use crate::ledger::Verdict;
use crate::ledger::comparison::Level;
use crate::report::model::Report;
use crate::verify::Thresholds;

mod apart;
pub(super) mod compare;
pub(super) mod files;
pub(super) mod half;
mod junit;
mod knowledge;
mod library;
mod paint;
pub(super) mod spool;
pub(super) mod watched;

pub use library::{MemoryFile, verified};

use compare::{Named, Settings, Sides};
use spool::Spool;
use watched::{Watched, Watchers};

/// Compare the file sent, the wire and the file received, picture by picture
#[derive(Debug, Args)]
#[command(
    override_usage = "imgnet verify <CAPTURE>... --sent <PATH>... --received <PATH>...",
    after_help = "Examples:\n  \
                  imgnet verify run.pcap --sent sent --received received   all pictures of two folders\n  \
                  imgnet verify run.pcap --sent a.jpg                      did the file go out as it is?\n  \
                  imgnet verify run.pcap --received out --damage damage    and paint what is damaged\n  \
                  imgnet verify run.pcap --sent in --received out --report run.html   and one page that shows it all\n  \
                  imgnet verify run.pcap --ledger server.jsonl --ledger client.jsonl\n  \
                  imgnet verify run.pcap --sent photos --received out --level similar\n  \
                  imgnet verify run.pcap --sent sent --received out --junit imgnet.xml   for a CI server\n\n\
                  Exit codes: 0 all that could be compared is equal; 1 a picture differs, is incomplete, or nothing \
                  belongs to it; 2 usage, an input that cannot be read, an output that cannot be written; 3 the \
                  capture lacks bytes, so that no verdict would be honest.",
    max_term_width = 100
)]
pub struct Verify {
    #[command(flatten)]
    captures: CapturePaths,

    #[command(flatten)]
    filter: FilterArg,

    #[command(flatten)]
    compared: ComparedArgs,

    #[command(flatten)]
    page: PageArgs,

    #[command(flatten)]
    common: Common,
}

/// What is compared, and how.
#[derive(Debug, Args)]
#[command(
    next_help_heading = "Comparison",
    group = ArgGroup::new("files").args(["sent", "received", "ledger"]).required(true).multiple(true)
)]
struct ComparedArgs {
    /// Files that were sent, or folders of them; several, and several times
    #[arg(long, value_name = "PATH", num_args = 1..)]
    sent: Vec<PathBuf>,

    /// Files that were received, or folders of them
    #[arg(long, value_name = "PATH", num_args = 1..)]
    received: Vec<PathBuf>,

    /// Ledgers that imgnet-server and imgnet-client wrote: which file went over which connection
    #[arg(long, value_name = "FILE", num_args = 1..)]
    ledger: Vec<PathBuf>,

    /// How much has to be equal
    #[arg(long, value_enum, value_name = "LEVEL", default_value_t = LevelArg::Bytes)]
    level: LevelArg,

    /// Least PSNR of similar pictures, in dB
    #[arg(long, value_name = "DB", default_value_t = 30.0, value_parser = not_negative)]
    min_psnr: f64,

    /// Least SSIM of similar pictures, at most 1
    #[arg(long, value_name = "N", default_value_t = 0.9, value_parser = not_negative)]
    min_ssim: f64,

    #[arg(
        long,
        value_name = "FILE",
        help = "Also write the outcome as JUnit XML, a test case for each picture and one for the run"
    )]
    junit: Option<PathBuf>,

    /// Save a picture of each mismatch in DIR: expected beside found, the damage outlined
    #[arg(long, value_name = "DIR")]
    damage: Option<PathBuf>,

    /// Larger pictures and files are compared by digest alone [default: 256M]
    #[arg(long, value_name = "SIZE", value_parser = size_above_zero)]
    limit_compare: Option<u64>,
}

/// `--level`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LevelArg {
    /// Every byte (of raw-pixels: every pixel)
    Bytes,
    /// Every decoded pixel
    Pixels,
    /// Decoded pixels nearly, by PSNR and SSIM: for servers that encode afresh
    Similar,
}

impl ComparedArgs {
    /// All files and folders that are read besides the captures.
    fn given(&self) -> impl Iterator<Item = PathBuf> {
        [&self.sent, &self.received, &self.ledger]
            .into_iter()
            .flatten()
            .cloned()
    }

    /// `memory` is for what the bytes of streams and files take.
    fn settings(&self, memory: u64) -> Settings {
        let defaults = Settings::default();
        Settings {
            level: match self.level {
                LevelArg::Bytes => Level::Bytes,
                LevelArg::Pixels => Level::Pixels,
                LevelArg::Similar => Level::Similar,
            },
            thresholds: Thresholds {
                psnr: self.min_psnr,
                ssim: self.min_ssim,
            },
            damage: self.damage.clone(),
            limit: self.limit_compare.unwrap_or(defaults.limit),
            memory,
        }
    }
}

fn not_negative(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|number: &f64| number.is_finite() && *number >= 0.0)
        .ok_or_else(|| format!("expected a number from 0 on, not {text:?}"))
}

impl Verify {
    /// What it does with files: it opens those that it compares once it is confined.
    pub(super) fn plan(&self) -> Plan {
        let (compared, output) = (&self.compared, &self.common.output);
        Plan::reading(&self.captures.captures)
            .also(self.common.analysis.files())
            .comparing(compared.given())
            .writing(output.output.as_deref())
            .writing(compared.junit.as_deref())
            .writing(self.page.report.as_deref())
            .holding(self.page.summary_markdown.as_deref())
            .filling(compared.damage.as_deref())
            .telling(output.verbose > 0)
    }
}

/// Runs the command.
///
/// # Errors
/// An input that cannot be read, an output that cannot be written: exit code 2.
pub(super) fn run(command: &Verify) -> anyhow::Result<Exit> {
    let plan = command.plan();
    let frames = glue::open(&command.captures.captures)?;
    let captures = &command.captures.captures;
    let compared = &command.compared;
    let begun = Instant::now();
    plan.apart()?;
    let inputs = plan.inputs();
    let output = Output::open(&command.common.output, &inputs)?;
    let junit = match &compared.junit {
        Some(path) => Some(sink(path, &inputs)?),
        None => None,
    };
    if let Some(folder) = &compared.damage {
        prepare(folder)?;
    }
    let page = PageFile::wanted(
        &command.page,
        &[
            ("capture", captures),
            ("--sent", &compared.sent),
            ("--received", &compared.received),
            ("--ledger", &compared.ledger),
        ],
    )?;
    let markdown = Summary::wanted(&command.page)?;
    let spool = Spool::new();
    let narrowing = Narrowing::of(&command.filter, captures, &command.common.analysis)?;
    plan.confine()?;
    // What is wrong with the files is told before a long capture is read.
    let named = Named {
        sent: &compared.sent,
        received: &compared.received,
        ledger: &compared.ledger,
    };
    let mut unchanged = files::Unchanged::default();
    let sides = Sides::find(&named, &mut |path, named| unchanged.look(path, named))?;
    let options = command.common.analysis.options();
    let settings = compared.settings(options.memory.limit());
    let Watched {
        mut report,
        mut spool,
        sight,
    } = Watchers::new(
        spool,
        page.as_ref().map(|_| Sight::of_packets()),
        Progress::of(captures, command.common.output.quiet),
    )
    .read(frames, options, Some(&sides), &settings)?;
    let all_well = report.verdict == Some(Verdict::Match);
    unchanged.check([&compared.sent, &compared.received], all_well)?;
    if let Some(narrowing) = narrowing {
        narrowing.narrow(&mut report)?;
        compare::concluded(&mut report);
    }
    if let Some(junit) = junit {
        let cases = junit::cases(&report);
        let suite = Suite {
            name: "imgnet verify",
            timestamp: super::check::now(),
            took: begun.elapsed(),
        };
        junit.write(|mut out| crate::expect::render::junit::render(&cases, &suite, &mut out))?;
    }
    let rendering = output.rendering();
    let beside_table = rendering == Rendering::Table && output.is_stdout();
    output.write(&report)?;
    if let Some(markdown) = markdown {
        markdown.write(&report, None)?;
    }
    if let (Some(page), Some(sight)) = (page, sight) {
        let path = page.path().to_owned();
        page.write(&report, None, &mut spool, &sight.traces)?;
        page::tell(&path, beside_table)?;
    }
    Ok(exit(&report))
}

/// The exit code of a report that was verified.
pub fn exit(report: &Report) -> Exit {
    match report.verdict {
        Some(Verdict::Match) if super::capture::has_errors(report) => Exit::NotEqual,
        Some(Verdict::Match) => Exit::Good,
        Some(Verdict::Inconclusive) => Exit::Inconclusive,
        None if report.truncated() => Exit::Inconclusive,
        _ => Exit::NotEqual,
    }
}

/// Makes the folder of `--damage`, or says now that it cannot be made.
fn prepare(folder: &Path) -> anyhow::Result<()> {
    let cannot = |what| trouble(folder, what, "choose another folder for --damage");
    fs::create_dir_all(folder).map_err(cannot("cannot be made a folder"))?;
    Draft::in_folder(folder).map_err(cannot("cannot be written"))?;
    Ok(())
}
