//! `imgnet demo`: the main job on one screen.
//!
//! In a private network, or on the machine's loopback where there can be none: a sniffer, then servers and clients
//! of all five programs' wire formats. Each picture is then compared three ways, by the digest of what was handed to the
//! socket, of what was on the wire, and of what came out of the other socket.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;

use crate::analysis::Options;
use crate::capture::confine::{Needs, Network};
use crate::capture::private::{self, Forbidden, Identity, Way};
use crate::capture::session::{self, Reason, Recorder, Stop, Summary};
use crate::cli::args::OutputArgs;
use crate::cli::capture::{self, View, Watch};
use crate::cli::confined::confined;
use crate::cli::exit::Exit;
use crate::cli::output::{Output, apart};
use crate::cli::page::{self, PageArgs, PageFile, Sight, Summary as MarkdownSummary};
use crate::ledger::Verdict;
use crate::report::model::Report;
use crate::report::text::{self, counted};
use crate::report::{Detail, Style, json};
use crate::source::live;
use crate::transfer::{Event, Limits, Record, Session, Shutdown};

mod compare;
mod folder;
mod stage;

use folder::Folder;
use stage::Stage;

/// Longest time for all of it: a demo that takes longer has failed, and says so.
const PATIENCE: Duration = Duration::from_secs(60);
/// After the last picture: time for its connection to be closed on the wire.
const AFTER: Duration = Duration::from_millis(50);
/// Longest silence in a transfer.
const IDLE: Duration = Duration::from_secs(10);
/// The kernel's ring: much more than all the demo moves.
const RING_BYTES: u64 = 64 << 20;

/// Move pictures through every wire format, watch them on the wire, and compare: sent = wire = received
#[derive(Debug, Args)]
#[command(
    after_help = "Leaves in DIR: capture.pcapng, sent/, received/, report.json and report.html (or --report FILE.html).\n\n\
                  Exit codes: 0 every picture arrived byte for byte; 1 one did not; 2 DIR cannot be used; 3 frames were \
                  lost, so there is no honest verdict; 4 not allowed to capture (imgnet doctor says what to do).",
    max_term_width = 100
)]
pub(crate) struct Demo {
    /// Folder for what the demo leaves behind
    #[arg(value_name = "DIR", default_value = "imgnet-demo")]
    dir: PathBuf,

    /// Use DIR although there are other things in it
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    page: PageArgs,

    #[command(flatten)]
    output: OutputArgs,
}

/// Runs the command.
///
/// # Errors
/// A folder that cannot be used, an output that cannot be written: exit code 2.
pub(super) fn run(demo: &Demo) -> anyhow::Result<Exit> {
    // Before any thread: the kernel moves no process with threads to another network.
    let network = private::enter(Identity::Caller);
    let page = &demo.page;
    apart(
        &[
            demo.output.output.as_deref(),
            page.report.as_deref(),
            page.summary_markdown.as_deref(),
        ],
        &[],
    )?;
    let output = Output::open(&demo.output, &[])?;
    let folder = Folder::prepare(&demo.dir, demo.force)?;
    let stage = Stage::build(&folder, network.is_ok())?;
    let ports = if network.is_ok() {
        Vec::new()
    } else {
        stage.ports()
    };
    let mut device = match capture::open(live::LOOPBACK, &ports, None, RING_BYTES) {
        Ok(device) => device.described(network.as_ref().ok().map(|_| private::LOOPBACK)),
        Err(live::Error::NotAllowed { message, .. }) => {
            capture::not_allowed(live::LOOPBACK, &message, network.as_ref().err(), false)?;
            return Ok(Exit::NotAllowed);
        }
        Err(other) => return Err(other.into()),
    };
    if demo.output.detail() > Detail::Quiet {
        announce(&network)?;
    }
    let filter = capture::filter(&ports, None);
    let recorder = Recorder::create(
        folder.capture(),
        &[capture::describe(&device, filter.as_deref())],
        None,
    )?;

    let shutdown = Shutdown::default();
    let stop = Stop::default();
    for signal in [
        signal_hook::consts::SIGINT,
        signal_hook::consts::SIGTERM,
        signal_hook::consts::SIGHUP,
    ] {
        signal_hook::flag::register_conditional_default(signal, shutdown.flag())
            .and_then(|_| signal_hook::flag::register(signal, shutdown.flag()))
            .context("cannot be told to end by Ctrl-C")?;
    }
    let page = PageFile::open(
        Some(&demo.page.report.clone().unwrap_or_else(|| folder.page())),
        &[],
    )?;
    let markdown = MarkdownSummary::wanted(&demo.page)?;
    let sight = Sight::live().context("no temporary file can be made")?;
    // Its servers and clients are threads of this process, and save in the folder alone.
    let mut folders = vec![folder.path().to_owned()];
    folders.extend(Needs::beside(demo.page.report.as_deref()).folders);
    let needs = Needs {
        folders,
        network: Network::All,
        ..Needs::default()
    };
    confined(&needs, demo.output.verbose > 0)?;
    let options = Options {
        protocols: stage.protocols(),
        packets: true,
        ..Options::default()
    };
    let mut watch = Watch::new(options, View::Silent);
    watch.look(sight);
    // The device is open, so that nothing of what follows escapes it.
    let (performance, (summary, mut watch)) = thread::scope(|scope| {
        let sniffer = scope.spawn(|| {
            session::run(
                &mut device,
                Some(recorder),
                watch,
                &stop,
                session::Options::default(),
                None,
            )
        });
        let performance = perform(&stage, &shutdown);
        stop.request_after(Reason::Done, AFTER, Instant::now());
        match sniffer.join() {
            Ok(captured) => Ok((performance, captured)),
            Err(_) => anyhow::bail!("the sniffer failed (a defect: please report it)"),
        }
    })?;
    let mut file = capture::capture_file("lo", &summary);
    file.path = folder.capture().display().to_string();
    let sight = watch.seen().unwrap_or_default();
    let report = watch.into_report(file, &summary.counts);
    conclude(
        demo,
        &folder,
        output,
        report,
        (page, sight, markdown),
        summary,
        performance,
    )
}

/// What happened on the stage.
#[derive(Debug, Default)]
struct Performance {
    /// Every picture as each side saw it.
    records: Vec<Record>,
    /// What went wrong.
    trouble: Vec<String>,
}

/// Plays all scenarios, one after the other.
fn perform(stage: &Stage, shutdown: &Shutdown) -> Performance {
    let performance = Mutex::new(Performance::default());
    let observer = |event: Event| {
        let mut performance = performance.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Transferred(record) => performance.records.push(*record),
            Event::Warning(warning) => performance.trouble.push(warning),
            _ => {}
        }
    };
    let deadline = Instant::now() + PATIENCE;
    for scenario in Stage::scenarios() {
        let ended = || shutdown.requested() || Instant::now() >= deadline;
        if ended() {
            observer(Event::Warning(format!(
                "{}: not played, the demo was ended before",
                scenario.name
            )));
            continue;
        }
        // Each scenario has an end of its own, so that a server whose client failed does not wait for ever.
        let session = Session {
            limits: Limits {
                idle: IDLE,
                ..Limits::default()
            },
            shutdown: Shutdown::default(),
            observer: &observer,
        };
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Acquire) {
                    if ended() {
                        session.shutdown.request();
                    }
                    thread::sleep(Duration::from_millis(10));
                }
            });
            if let Err(error) = (scenario.play)(stage, &session) {
                observer(Event::Warning(format!(
                    "{}: {}",
                    scenario.name,
                    error.told()
                )));
            }
            over.store(true, Ordering::Release);
        });
    }
    performance
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner)
}

/// Compares, writes the report, and says how it went.
fn conclude(
    demo: &Demo,
    folder: &Folder,
    output: Output,
    mut report: Report,
    (page, sight, markdown): (PageFile, Sight, Option<MarkdownSummary>),
    summary: Summary,
    performance: Performance,
) -> anyhow::Result<Exit> {
    let mut trouble = performance.trouble;
    trouble.extend(compare::three_ways(&mut report, &performance.records));
    report.conclude();
    if summary.counts.lost() > 0 {
        report.verdict = report.verdict.max(Some(Verdict::Inconclusive));
    }
    let path = folder.report();
    let write = || -> io::Result<()> {
        let mut out = io::BufWriter::new(std::fs::File::create(&path)?);
        json::render(&report, output.style(), &mut out)?;
        out.flush()
    };
    write().with_context(|| format!("{}: cannot be written", path.display()))?;
    let style = *output.style();
    output.write(&report)?;
    let mut exit = capture::exit(report.verdict);
    let bad = !trouble.is_empty() || report.images.is_empty() || capture::has_errors(&report);
    if bad && exit == Exit::Good {
        exit = Exit::NotEqual;
    }
    tell(demo, folder, &report, &summary, &trouble, &style)?;
    let path = page.path().to_owned();
    if let Some(markdown) = markdown {
        markdown.write(&report, None)?;
    }
    page.write_seen(&report, None, sight)?;
    if style.detail > Detail::Quiet {
        page::tell(&path, told_on_stdout(demo))?;
    }
    capture::failed(summary)?;
    Ok(exit)
}

/// The lines after the table.
fn tell(
    demo: &Demo,
    folder: &Folder,
    report: &Report,
    summary: &Summary,
    trouble: &[String],
    style: &Style,
) -> io::Result<()> {
    let mut lines: Vec<String> = trouble
        .iter()
        .map(|trouble| format!("trouble: {trouble}"))
        .collect();
    if style.detail > Detail::Quiet {
        let matching = report
            .images
            .iter()
            .filter(|image| image.verdict == Verdict::Match)
            .count() as u64;
        lines.push(format!(
            "{}: the SHA-256 of what was sent, what was on the wire and what was received is the same.",
            counted(matching, "picture", "pictures")
        ));
        lines.extend(capture::summary_lines("lo", summary).into_iter().skip(1));
        let dir = folder.path().display();
        lines.push(format!(
            "In {dir}: sent/, received/, capture.pcapng, report.json, report.html"
        ));
        lines.push(format!("Next: imgnet analyze {dir}/capture.pcapng -v"));
    }
    if lines.is_empty() {
        return Ok(());
    }
    let text: Vec<String> = lines
        .iter()
        .flat_map(|line| text::wrap(&text::plain(line, style.unicode), style.width, "", "  "))
        .collect();
    let text = text.join("\n");
    let written = if told_on_stdout(demo) {
        writeln!(io::stdout().lock(), "{text}")
    } else {
        writeln!(io::stderr().lock(), "{text}")
    };
    written.or_else(capture::ignore_closed_pipe)
}

/// Whether lines go to standard output: beside JSON or CSV they would be in the way.
fn told_on_stdout(demo: &Demo) -> bool {
    demo.output.format == crate::cli::args::FormatArg::Table
        && demo.output.csv.is_none()
        && demo.output.output.is_none()
}

/// Says where the demo is played, and why there.
fn announce(network: &Result<Way, Forbidden>) -> io::Result<()> {
    let mut err = io::stderr().lock();
    match network {
        Ok(Way::Unprivileged) => writeln!(
            err,
            "imgnet: in a private network of its own, without root; nobody else's traffic is seen"
        ),
        Ok(Way::Privileged) => writeln!(
            err,
            "imgnet: in a private network of its own; nobody else's traffic is seen"
        ),
        Err(forbidden) => writeln!(
            err,
            "imgnet: {forbidden}\nimgnet: on the machine's own loopback instead"
        ),
    }
}
