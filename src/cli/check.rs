//! `imgnet check`: is the run as it should be? For CI.

use std::env;
use std::fs;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;

use crate::analysis::Collector;
use crate::analysis::{Event, Observer};
use crate::cli::args::{AnalysisArgs, CapturePaths, Common, DigestArg, FormatArg, Rendering};
use crate::cli::exit::Exit;
use crate::cli::glue;
use crate::cli::inspect::{FilterArg, Narrowing};
use crate::cli::output::{Output, Sink, WriteError, is_descriptor, sink, trouble};
use crate::cli::page::{self, PageArgs, PageFile, Sight, Summary};
use crate::cli::plan::Plan;
use crate::cli::progress::Progress;
use crate::cli::reading::{Frames, Watch};
use crate::digest::DigestKind;
use crate::expect::render::junit;
use crate::expect::{self, Expectations, Mistakes, Origin, Outcome, render};
use crate::ledger::{Image, Stream};
use crate::report::model::Report;
use crate::report::text;
use crate::units::Timestamp;

/// Nobody writes more by hand, and a capture given by mistake is not read whole.
const MOST_BYTES: u64 = 16 << 20;

/// Hold captures against expectations, for CI; or record the expectations of a good run
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  \
                  imgnet check good.pcap --record expect.toml            write what a good run looks like\n  \
                  imgnet check run.pcap --expect expect.toml             is this run as good?\n  \
                  imgnet check run.pcap --expect expect.toml -v          and what holds?\n  \
                  imgnet check run.pcap --expect expect.toml --junit imgnet.xml\n  \
                  imgnet check run.pcap --expect expect.toml --report run.html   one page that shows what went wrong\n  \
                  imgnet check run.pcap --expect expect.toml --format json | jq .verdict\n\n\
                  A file of expectations, all of it optional:\n  \
                  [run]\n  \
                  pictures = 1\n  \
                  deny = [\"error\", \"retransmission\"]\n\n  \
                  [[picture]]\n  \
                  match = { port = 65432 }\n  \
                  bytes = 12_192\n  \
                  packets = \"1..=40\"\n\n\
                  Under GITHUB_ACTIONS=true what does not hold becomes an annotation at its line.\n\n\
                  Exit codes: 0 all hold; 1 one does not; 2 usage, a mistake in the file, an input that cannot be \
                  read, an output that cannot be written; 3 the capture lacks what would tell (cut short, bytes \
                  not captured), and none fails.",
    max_term_width = 100
)]
pub(crate) struct Check {
    #[command(flatten)]
    captures: CapturePaths,

    #[command(flatten)]
    filter: FilterArg,

    #[command(flatten)]
    expectations: ExpectArgs,

    #[command(flatten)]
    page: PageArgs,

    #[command(flatten)]
    common: Common,
}

/// What is expected.
#[derive(Debug, Args)]
#[command(next_help_heading = "Expectations")]
struct ExpectArgs {
    /// Hold the captures against the expectations in this TOML file
    #[arg(long, value_name = "FILE.toml", conflicts_with = "record")]
    expect: Option<PathBuf>,

    #[arg(
        long,
        value_name = "FILE",
        help = "Also write the outcome as JUnit XML, a test case for each expectation"
    )]
    junit: Option<PathBuf>,

    /// Write the expectations of this good run to a new TOML file, made to be edited (- is standard output)
    #[arg(long, value_name = "FILE.toml")]
    record: Option<PathBuf>,

    /// A known-good transfer on PORT has to be in the capture, whole; may be repeated
    ///
    /// It proves that the observer saw: without it, that nothing wrong was found is inconclusive (exit 3). What is
    /// expected is expected of the rest; the control is not counted.
    #[arg(long, value_name = "PORT", requires = "expect", value_parser = clap::value_parser!(u16).range(1..))]
    control: Vec<u16>,

    /// Record a run that is not good, and replace a file
    #[arg(long)]
    force: bool,
}

/// Runs the command.
///
/// # Errors
/// An input that cannot be read, an output that cannot be written: exit code 2.
pub(super) fn run(command: &Check) -> anyhow::Result<Exit> {
    let (task, plan) = command.plan()?;
    match task {
        Task::Check(file) => check(command, file, &plan),
        Task::Record(file) => record(command, file, &plan),
    }
}

/// Which of the two it does.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Task<'f> {
    /// Holds captures against the expectations of this file.
    Check(&'f Path),
    /// Writes the expectations of a good run to this file.
    Record(&'f Path),
}

impl Check {
    /// Which of its two tasks it does, and what with files.
    ///
    /// # Errors
    /// Options that contradict each other or belong to the other task, and neither task.
    pub(super) fn plan(&self) -> anyhow::Result<(Task<'_>, Plan)> {
        let wanted = &self.expectations;
        let output = &self.common.output;
        if wanted.force && wanted.record.is_none() {
            anyhow::bail!(
                "--force belongs to --record FILE.toml, which is not given; leave it out"
            );
        }
        let of_expect = [
            (
                self.filter.filter.is_some(),
                "-Y chooses what is held against",
            ),
            (wanted.junit.is_some(), "--junit tells the outcome of"),
            (self.page.report.is_some(), "--report shows the outcome of"),
        ];
        for (given, does) in of_expect {
            if given && wanted.expect.is_none() {
                anyhow::bail!("{does} --expect FILE.toml, which is not given");
            }
        }
        let plan = Plan::reading(&self.captures.captures)
            .also(self.common.analysis.files())
            .telling(output.verbose > 0);
        if let Some(file) = &wanted.expect {
            if output.csv.is_some() {
                anyhow::bail!(
                    "--csv names a table of `imgnet analyze`; check has one: leave --csv out and use --format csv"
                );
            }
            let plan = plan
                .also([file.clone()])
                .writing(output.output.as_deref())
                .writing(wanted.junit.as_deref())
                .writing(self.page.report.as_deref())
                .holding(self.page.summary_markdown.as_deref());
            return Ok((Task::Check(file), plan));
        }
        let Some(file) = &wanted.record else {
            anyhow::bail!(
                "nothing to hold the captures against: give --expect FILE.toml, or write one from a good run with \
                 --record FILE.toml"
            );
        };
        if output.output.is_some() || output.csv.is_some() || output.format != FormatArg::Table {
            anyhow::bail!("--record writes TOML to its own file; leave out -o, --format and --csv");
        }
        Ok((Task::Record(file), plan.writing(Some(file))))
    }
}

fn check(command: &Check, file: &Path, plan: &Plan) -> anyhow::Result<Exit> {
    let begun = Instant::now();
    let output_args = &command.common.output;
    let shown = file.display().to_string();
    let text = text_of(file)?;
    let on_github = env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true");
    let expectations = match expect::parse(&text) {
        Ok(expectations) => expectations,
        Err(mistakes) => return tell(&mistakes, &shown, on_github),
    };
    let frames = glue::open(&command.captures.captures)?;
    plan.apart()?;
    let inputs = plan.inputs();
    let output = Output::open(output_args, &inputs)?;
    let junit = match &command.expectations.junit {
        Some(path) => Some(sink(path, &inputs)?),
        None => None,
    };
    let digest = digest(&expectations, &command.common.analysis)?;
    let expectations_file = [file.to_owned()];
    let page = PageFile::wanted(
        &command.page,
        &[
            ("capture", &command.captures.captures),
            ("--expect", &expectations_file),
        ],
    )?;
    let sight = page.as_ref().map(|_| Sight::of_all());
    let markdown = Summary::wanted(&command.page)?;
    let narrowing = Narrowing::of(
        &command.filter,
        &command.captures.captures,
        &command.common.analysis,
    )?;
    // All is open: what reads the bytes of strangers opens nothing more.
    plan.confine()?;
    let (mut report, sight) = read(command, frames, digest, sight)?;
    if let Some(narrowing) = narrowing {
        narrowing.narrow(&mut report)?;
    }
    let checked = expect::judge_beside(&expectations, &report, &command.expectations.control);
    if let Some(junit) = junit {
        let suite = junit::Suite {
            name: &shown,
            timestamp: now(),
            took: begun.elapsed(),
        };
        junit.write(|mut out| junit::render(&checked, &suite, &mut out))?;
    }
    let rendering = output.rendering();
    let beside_table = rendering == Rendering::Table && output.is_stdout();
    // What a program reads from standard output is not mixed with what GitHub reads; that takes both channels.
    let annotate_stdout = !output.is_stdout() || rendering == Rendering::Table;
    let written = output.write(&render::Outcomes {
        checked: &checked,
        report: &report,
        file: &shown,
    });
    // Whoever went away has still to be told by the exit code.
    match written {
        Err(error) if !error.is_closed_pipe() => return Err(error.into()),
        _ => {}
    }
    if on_github {
        let annotated = if annotate_stdout {
            render::annotations(&checked, &shown, &mut io::stdout().lock())
        } else {
            render::annotations(&checked, &shown, &mut io::stderr().lock())
        };
        match annotated.map_err(|source| WriteError { to: None, source }) {
            Err(error) if !error.is_closed_pipe() => return Err(error.into()),
            _ => {}
        }
    }
    if let Some(markdown) = markdown {
        markdown.write(&report, Some(&checked))?;
    }
    if let (Some(page), Some(sight)) = (page, sight) {
        let path = page.path().to_owned();
        page.write_seen(&report, Some(&checked), sight)?;
        page::tell(&path, beside_table)?;
    }
    Ok(match checked.verdict {
        Outcome::Pass => Exit::Good,
        Outcome::Fail => Exit::NotEqual,
        Outcome::Inconclusive => Exit::Inconclusive,
    })
}

fn record(command: &Check, file: &Path, plan: &Plan) -> anyhow::Result<Exit> {
    let output = &command.common.output;
    let (shown, force) = (file.display(), command.expectations.force);
    let to_stdout = file == Path::new("-");
    // What is no file, and what the process has open, is written into and not replaced.
    let is_there = fs::symlink_metadata(file)
        .is_ok_and(|found| found.is_file() || found.is_symlink())
        && !is_descriptor(file);
    if !to_stdout && !force && is_there {
        anyhow::bail!("{shown}: is there already; name a new file, or replace it with --force");
    }
    let frames = glue::open(&command.captures.captures)?;
    let sink = if to_stdout {
        Sink::Stdout
    } else {
        sink(file, &plan.inputs())?
    };
    plan.confine()?;
    let digest = command.common.analysis.options().digest;
    let (report, _) = read(command, frames, digest, None)?;
    if let (false, Some(unfit)) = (force, expect::unfit(&report)) {
        anyhow::bail!("{unfit}; record a good run, or this one with --force");
    }
    let options = options(&command.common.analysis);
    let origin = Origin {
        options: &options,
        forced: force,
    };
    let recorded = expect::record(&report, &origin);
    sink.write(|out| out.write_all(recorded.as_bytes()))?;
    if !to_stdout && !output.quiet {
        let held = expect::parse(&recorded)
            .map(|expectations| expect::judge(&expectations, &report).expectations.len());
        let line = format!(
            "wrote {} to {shown}; edit what varies, then: imgnet check CAPTURE --expect {shown}",
            text::counted(held.unwrap_or(0) as u64, "expectation", "expectations")
        );
        writeln!(io::stdout().lock(), "{}", text::plain(&line, true))
            .map_err(|source| WriteError { to: None, source })?;
    }
    Ok(Exit::Good)
}

/// Reads the captures into a report; `sight` gathers what a page shows.
fn read(
    command: &Check,
    frames: Box<dyn Frames>,
    digest: DigestKind,
    sight: Option<Sight>,
) -> anyhow::Result<(Report, Option<Sight>)> {
    let captures = &command.captures.captures;
    let mut watcher = Watcher {
        collector: Collector::new(),
        sight,
        progress: Progress::of(captures, command.common.output.quiet),
    };
    let mut options = command.common.analysis.options();
    options.digest = digest;
    options.packets = watcher.sight.is_some();
    let reading = frames.analyse(options, &mut watcher)?;
    let report = watcher
        .collector
        .into_report(reading.captures, reading.packets);
    Ok((report, watcher.sight))
}

struct Watcher {
    collector: Collector,
    sight: Option<Sight>,
    progress: Progress,
}

impl Observer for Watcher {
    fn event(&mut self, event: Event<'_>) {
        if let Some(sight) = &mut self.sight {
            sight.see(&event);
        }
        self.collector.event(event);
    }

    fn stream_closed(&mut self, stream: Stream, images: Vec<Image>) {
        if let Some(sight) = &mut self.sight {
            sight.closed(stream.id, &images);
        }
        self.collector.stream_closed(stream, images);
    }

    fn accounts_only(&self) -> bool {
        self.sight.is_none()
    }
}

impl Watch for Watcher {
    fn frame(&mut self, captured: usize) -> ControlFlow<()> {
        self.progress.frame(captured);
        if self.sight.as_ref().is_some_and(Sight::failed) {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}

/// The text of a file of expectations.
pub(super) fn text_of(file: &Path) -> anyhow::Result<String> {
    use std::io::Read as _;
    let advice = "name a TOML file, or write one with --record";
    let trouble = trouble(file, "cannot be read", advice);
    let mut bytes = Vec::new();
    fs::File::open(file)
        .and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut bytes))
        .map_err(&trouble)?;
    let shown = file.display();
    if bytes.len() as u64 > MOST_BYTES {
        anyhow::bail!("{shown}: is larger than any file of expectations; {advice}");
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        anyhow::anyhow!("{shown}: is no text (byte {at} is not UTF-8); {advice}")
    })
}

/// Tells what is wrong in the file of expectations.
pub(super) fn tell(mistakes: &Mistakes, file: &str, on_github: bool) -> anyhow::Result<Exit> {
    const MOST: usize = 20;
    let mut err = io::stderr().lock();
    // Where even this cannot be written, the exit code has to do.
    for mistake in mistakes.0.iter().take(MOST) {
        let _ = write!(err, "{}", mistake.shown(file, true));
    }
    if mistakes.0.len() > MOST {
        let _ = writeln!(err, "and {} more", mistakes.0.len() - MOST);
    }
    let _ = writeln!(
        err,
        "imgnet: {}: {mistakes}; nothing was checked",
        text::plain(file, true)
    );
    if on_github {
        render::mistake_annotations(mistakes, file, &mut io::stdout().lock())
            .map_err(|source| WriteError { to: None, source })?;
    }
    Ok(Exit::Usage)
}

/// The digest that the expectations need.
fn digest(expectations: &Expectations, arguments: &AnalysisArgs) -> anyhow::Result<DigestKind> {
    let asked = arguments.options().digest;
    match expectations.digests().as_slice() {
        [] => Ok(asked),
        // The one that is taken unless another was asked for gives way.
        [one] if *one == asked || arguments.digest == DigestArg::Sha256 => Ok(*one),
        [one] => anyhow::bail!(
            "the expectations name a {}, and --digest {} was asked for; leave --digest out",
            one.name(),
            asked.name()
        ),
        [one, other, ..] => anyhow::bail!(
            "the expectations name digests of two kinds, {} and {}, and one is taken in a run; keep one kind",
            one.name(),
            other.name()
        ),
    }
}

/// The options that change what is found, as typed.
fn options(arguments: &AnalysisArgs) -> String {
    let mut words = Vec::new();
    for (port, protocol) in &arguments.protocols {
        let value = format!("{port}={protocol}");
        let plain = |c: char| c.is_ascii_alphanumeric() || "=-_.".contains(c);
        if value.chars().all(plain) {
            words.push(format!("--protocol {value}"));
        } else {
            words.push(format!("--protocol '{}'", value.replace('\'', r"'\''")));
        }
    }
    words.extend(arguments.chunk.map(|chunk| format!("--chunk {chunk}")));
    words.join(" ")
}

/// The time, for what says when it was made.
pub(super) fn now() -> Timestamp {
    // The clock of 2262 is not looked at.
    Timestamp(i64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX))
}
