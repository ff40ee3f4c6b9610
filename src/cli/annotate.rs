//! `imgnet annotate`: comments on frames that Wireshark shows.

use std::collections::BTreeMap;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use crate::analysis::Collector;
use crate::analysis::{Event, Observer};
use crate::capture::annotate::{self, Copied};
use crate::cli::args::AnalysisArgs;
use crate::cli::exit::Exit;
use crate::cli::glue;
use crate::cli::inspect::{FilterArg, Narrowing};
use crate::cli::output::sink;
use crate::cli::plan::Plan;
use crate::cli::progress::Progress;
use crate::cli::reading::Watch;
use crate::dissect::Index;
use crate::ledger::{Image, Stream};
use crate::report::annotations;
use crate::report::text::{self, counted};
use crate::source;

/// Copy a capture with comments on its frames: pictures, chunks, findings, as Wireshark shows them
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  \
                  imgnet annotate run.pcap -o annotated.pcapng\n  \
                  wireshark annotated.pcapng -Y 'frame.comment contains \"imgnet: finding\"'\n  \
                  imgnet annotate run.pcap -Y 'imgnet.finding' -o annotated.pcapng   only on frames that this filter chooses\n  \
                  imgnet annotate run.pcapng.zst --protocol 5050=marker -o annotated.pcapng\n\n\
                  Frames, times, interfaces, options, comments that are there, and blocks of unknown kinds stay as they are; a \
                  pcap file becomes pcapng. With wireshark/imgnet.lua the comments are fields: imgnet.picture, imgnet.chunk.\n\n\
                  Exit codes: 0 the input was read to its end; 2 usage, an input that cannot be read, an output that cannot be \
                  written; 3 the input is cut short or damaged (what could be read is in the copy).",
    max_term_width = 100
)]
pub(crate) struct Annotate {
    /// Capture file: pcap or pcapng, also gzip or zstd
    #[arg(value_name = "CAPTURE")]
    capture: PathBuf,

    /// Write the annotated capture there; replaced only once all is written
    #[arg(short, long, value_name = "OUT.pcapng")]
    output: PathBuf,

    #[command(flatten)]
    filter: FilterArg,

    /// Say nothing but errors
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,

    /// Say by what the process is confined
    #[arg(short, long)]
    verbose: bool,

    #[command(flatten)]
    analysis: AnalysisArgs,
}

impl Annotate {
    /// What it does with files.
    ///
    /// # Errors
    /// A capture that can be read only once.
    pub(super) fn plan(&self) -> anyhow::Result<Plan> {
        if self.capture == Path::new("-") {
            anyhow::bail!(
                "-: a capture is read twice to be annotated, and standard input can be read once; name a file"
            );
        }
        Ok(Plan::reading(std::slice::from_ref(&self.capture))
            .also(self.analysis.files())
            .writing(Some(&self.output))
            .telling(self.verbose))
    }
}

/// Runs the command.
///
/// # Errors
/// An input that cannot be read, an output that cannot be written: exit code 2.
pub(super) fn run(command: &Annotate) -> anyhow::Result<Exit> {
    let plan = command.plan()?;
    let captures = [command.capture.clone()];
    let frames = glue::open(&captures)?;
    let again = source::Files::open(&captures)?;
    let narrowing = Narrowing::of(&command.filter, &captures, &command.analysis)?;
    let out = sink(&command.output, &plan.inputs())?;
    // All is open: what reads the bytes of strangers opens nothing more.
    plan.confine()?;
    let mut watcher = Watcher {
        collector: Collector::new(),
        progress: Progress::of(&captures, command.quiet),
    };
    let reading = frames.analyse(command.analysis.options(), &mut watcher)?;
    let report = watcher
        .collector
        .into_report(reading.captures, reading.packets);
    let truncated = report.truncated();
    let mut comments = annotations::comments(&report);
    if let Some(narrowing) = narrowing {
        let index = Index::new(report.streams, report.images, report.findings);
        let mut kept = BTreeMap::new();
        narrowing.each_chosen(&index, &mut |seen| {
            let number = seen.frame.number;
            kept.extend(comments.remove(&number).map(|comments| (number, comments)));
        })?;
        comments = kept;
    }
    let mut bytes = again.unpacked()?;
    let mut outcome: Result<Copied, annotate::Error> = Ok(Copied::default());
    let wrote = out.write(|out| {
        let mut say = |frame| {
            comments
                .remove(&crate::units::FrameNumber(frame))
                .unwrap_or_default()
        };
        outcome = annotate::annotate(&mut bytes, out, &mut say);
        match &outcome {
            Ok(_) => Ok(()),
            Err(annotate::Error::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            // Nothing half done takes the place of what was there.
            Err(error) => Err(io::Error::other(error.to_string())),
        }
    });
    let copied = match outcome {
        // Of the capture, which may have been cut since it was read the first time, and not of the output.
        Err(error) if !matches!(error, annotate::Error::Write(_)) => {
            return Err(error).with_context(|| command.capture.display().to_string());
        }
        outcome => {
            wrote?;
            outcome?
        }
    };
    // Standard output has the capture.
    if !command.quiet && command.output != Path::new("-") {
        tell(command, &copied)?;
    }
    Ok(if copied.cut || truncated {
        Exit::Inconclusive
    } else {
        Exit::Good
    })
}

fn tell(command: &Annotate, copied: &Copied) -> io::Result<()> {
    use std::io::Write as _;
    let mut line = format!(
        "Wrote {} with {} to {}",
        counted(copied.frames, "frame", "frames"),
        counted(copied.comments, "comment", "comments"),
        command.output.display()
    );
    if copied.without_room > 0 {
        line.extend([format!(
            "; {} left out, for their frames' blocks can have none",
            counted(copied.without_room, "comment is", "comments are")
        )]);
    }
    if copied.cut {
        line.push_str("; the input is cut short or damaged, and so is the copy");
    }
    writeln!(io::stdout().lock(), "{}", text::plain(&line, true))
        .or_else(super::capture::ignore_closed_pipe)
}

struct Watcher {
    collector: Collector,
    progress: Progress,
}

impl Observer for Watcher {
    fn event(&mut self, event: Event<'_>) {
        self.collector.event(event);
    }

    fn stream_closed(&mut self, stream: Stream, images: Vec<Image>) {
        self.collector.stream_closed(stream, images);
    }

    fn accounts_only(&self) -> bool {
        true
    }
}

impl Watch for Watcher {
    fn frame(&mut self, captured: usize) -> ControlFlow<()> {
        self.progress.frame(captured);
        ControlFlow::Continue(())
    }
}
