//! `imgnet report`: one page that shows what is in these captures.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::args::{AnalysisArgs, CapturePaths};
use crate::cli::exit::Exit;
use crate::cli::glue;
use crate::cli::inspect::{FilterArg, Narrowing};
use crate::cli::page::{self, PageFile, Sight, ThemeArg};
use crate::cli::plan::Plan;
use crate::cli::progress::Progress;
use crate::cli::verify::compare::{self, Named, Settings, Sides};
use crate::cli::verify::files;
use crate::cli::verify::spool::Spool;
use crate::cli::verify::watched::{Watched, Watchers};
use crate::ledger::Verdict;

/// Write one HTML page that shows it all: verdict, pictures, drawings, chunks, findings
#[derive(Debug, Args)]
#[command(
    override_usage = "imgnet report <CAPTURE>... -o <FILE.html>",
    after_help = "Examples:\n  \
                  imgnet report run.pcapng -o report.html\n  \
                  imgnet report run.pcapng --sent sent --received received -o report.html\n  \
                  imgnet report ring_*.pcapng.zst --theme dark -o report.html   rotated files are one capture\n  \
                  imgnet report run.pcapng -Y 'tcp.stream == 2' -o report.html     only what this filter chooses\n  \
                  imgnet report run.pcapng --plots drawings --theme light          each drawing as SVG and PNG\n\n\
                  The page is one file: it opens from the disk, asks the network for nothing, prints, and can be read without \
                  a mouse. It only describes: imgnet verify and check are for verdicts in exit codes, and have --report.\n\n\
                  Exit codes: 0 the input was read to its end, whatever it shows; 2 usage, an input that cannot be read, a \
                  page that cannot be written; 3 the input is cut short or damaged (what could be read is shown).",
    max_term_width = 100
)]
pub(crate) struct Report {
    #[command(flatten)]
    captures: CapturePaths,

    #[command(flatten)]
    filter: FilterArg,

    #[command(flatten)]
    page: ReportArgs,

    #[command(flatten)]
    compared: FileArgs,

    #[command(flatten)]
    analysis: AnalysisArgs,
}

/// The page.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
struct ReportArgs {
    /// Write the page there; replaced only once all is written
    #[arg(
        short,
        long,
        value_name = "FILE.html",
        required_unless_present = "plots"
    )]
    output: Option<PathBuf>,

    /// Write each drawing as an SVG and a PNG file in DIR, for documents
    #[arg(long, value_name = "DIR")]
    plots: Option<PathBuf>,

    /// Colours: as the reader's system has them, or always the same
    #[arg(long, value_name = "THEME", value_enum, default_value_t = ThemeArg::Auto)]
    theme: ThemeArg,

    /// Say nothing but errors
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,

    /// Say by what the process is confined
    #[arg(short, long)]
    verbose: bool,
}

/// What the pictures are compared with.
#[derive(Debug, Args)]
#[command(next_help_heading = "Comparison")]
struct FileArgs {
    /// Files that were sent, or folders of them; several, and several times
    #[arg(long, value_name = "PATH", num_args = 1..)]
    sent: Vec<PathBuf>,

    /// Files that were received, or folders of them
    #[arg(long, value_name = "PATH", num_args = 1..)]
    received: Vec<PathBuf>,

    /// Ledgers that imgnet-server and imgnet-client wrote: which file went over which connection
    #[arg(long, value_name = "FILE", num_args = 1..)]
    ledger: Vec<PathBuf>,
}

impl Report {
    /// What it does with files: it opens those that it compares once it is confined.
    pub(super) fn plan(&self) -> Plan {
        let compared = &self.compared;
        let files = [&compared.sent, &compared.received, &compared.ledger];
        Plan::reading(&self.captures.captures)
            .also(self.analysis.files())
            .comparing(files.into_iter().flatten().cloned())
            .writing(self.page.output.as_deref())
            .filling(self.page.plots.as_deref())
            .telling(self.page.verbose)
    }
}

/// Runs the command.
///
/// # Errors
/// An input that cannot be read, a page that cannot be written: exit code 2.
pub(super) fn run(command: &Report) -> anyhow::Result<Exit> {
    let captures = &command.captures.captures;
    let compared = &command.compared;
    let frames = glue::open(captures)?;
    let plan = command.plan();
    plan.apart()?;
    if let Some(folder) = &command.page.plots {
        page::prepare_plots(folder)?;
    }
    let file = PageFile::open(
        command.page.output.as_deref(),
        &[
            ("capture", captures),
            ("--sent", &compared.sent),
            ("--received", &compared.received),
            ("--ledger", &compared.ledger),
        ],
    )?
    .with_theme(command.page.theme.into());
    let spool = Spool::new();
    let narrowing = Narrowing::of(&command.filter, captures, &command.analysis)?;
    plan.confine()?;
    let named = Named {
        sent: &compared.sent,
        received: &compared.received,
        ledger: &compared.ledger,
    };
    let given = [named.sent, named.received, named.ledger]
        .iter()
        .any(|paths| !paths.is_empty());
    let mut unchanged = files::Unchanged::default();
    let sides = given
        .then(|| Sides::find(&named, &mut |path, named| unchanged.look(path, named)))
        .transpose()?;
    let Watched {
        mut report,
        mut spool,
        sight,
    } = Watchers::new(
        spool,
        Some(Sight::of_packets()),
        Progress::of(captures, command.page.quiet),
    )
    .read(
        frames,
        command.analysis.options(),
        sides.as_ref(),
        &Settings::default(),
    )?;
    let all_well = report.verdict == Some(Verdict::Match);
    unchanged.check([&compared.sent, &compared.received], all_well)?;
    if let Some(narrowing) = narrowing {
        narrowing.narrow(&mut report)?;
        compare::concluded(&mut report);
    }
    let traces = sight.map(|sight| sight.traces).unwrap_or_default();
    if let Some(folder) = &command.page.plots {
        let plots = file.plots(&report, &traces);
        page::write_plots(folder, &plots)?;
        if !command.page.quiet {
            page::tell_plots(folder, plots.len())?;
        }
    }
    let path = command.page.output.clone();
    file.write(&report, None, &mut spool, &traces)?;
    // Standard output has the page itself.
    let told = |path: &PathBuf| !command.page.quiet && path.as_path() != Path::new("-");
    if let Some(path) = path.filter(told) {
        page::tell(&path, true)?;
    }
    Ok(if report.truncated() {
        Exit::Inconclusive
    } else {
        Exit::Good
    })
}
