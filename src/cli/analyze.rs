//! `imgnet analyze`: what is in these captures?

use std::ops::ControlFlow;
use std::path::PathBuf;

use anyhow::bail;
use clap::Args;

use crate::analysis::Collector;
use crate::analysis::{Event, Observer};
use crate::cli::args::{CapturePaths, Common, FormatArg};
use crate::cli::exit::Exit;
use crate::cli::extract::Extract;
use crate::cli::glue;
use crate::cli::inspect::{FilterArg, Narrowing};
use crate::cli::output::Output;
use crate::cli::plan::Plan;
use crate::cli::progress::Progress;
use crate::cli::reading::{Frames, Watch};
use crate::cli::show::Show;
use crate::ledger::{Image, Stream};
use crate::report::table::conversations;

/// Show the streams, pictures, chunks and findings of captures, and save the pictures
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  \
                  imgnet analyze pipeline.pcap\n  \
                  imgnet analyze pipeline.pcap --conversations          as Wireshark counts\n  \
                  imgnet analyze pipeline.pcap -vv                      with streams and chunks\n  \
                  imgnet analyze ring_*.pcapng.zst --extract pictures   rotated files are one capture\n  \
                  imgnet analyze p4.pcap --protocol 9909=raw-pixels=200   say what nothing on the wire says\n  \
                  imgnet analyze big.pcap --format json | jq .images\n  \
                  imgnet analyze big.pcap --csv chunks -o chunks.csv\n  \
                  ssh lab tcpdump -w - port 5050 | imgnet analyze -\n\n\
                  Exit codes: 0 the input was read to its end, whatever it shows; 2 usage, an input that cannot be \
                  read, an output that cannot be written; 3 the input is cut short or damaged (what could be read \
                  is shown).",
    max_term_width = 100
)]
pub(crate) struct Analyze {
    #[command(flatten)]
    captures: CapturePaths,

    #[command(flatten)]
    filter: FilterArg,

    #[command(flatten)]
    extract: ExtractArgs,

    /// Only a row for each direction: packets and bytes as Wireshark counts them, and what went
    #[arg(long, conflicts_with_all = ["csv", "verbose"])]
    conversations: bool,

    #[command(flatten)]
    common: Common,
}

/// Saving the pictures.
#[derive(Debug, Args)]
#[command(next_help_heading = "Pictures")]
struct ExtractArgs {
    /// Save every picture in DIR
    ///
    /// Files are called stream-3-image-0007.jpg: numbers, never a name from the network. One that is not
    /// whole is called stream-3-image-0007.partial.jpg. What is missing from it is left out, never filled:
    /// stream-3-image-0007.partial.gaps.json says where. A file appears under its name once it is written.
    #[arg(long, value_name = "DIR")]
    extract: Option<PathBuf>,

    /// Replace pictures that an earlier --extract left in DIR
    #[arg(long, requires = "extract")]
    force: bool,

    /// Draw the pictures in the terminal, below the table
    ///
    /// Half blocks, as wide as the picture where it fits, in colours where the terminal says that it has them, else in greys.
    #[arg(long, conflicts_with_all = ["csv", "output"])]
    show: bool,
}

impl Analyze {
    /// What it does with files.
    ///
    /// # Errors
    /// Options that contradict each other.
    pub(super) fn plan(&self) -> anyhow::Result<Plan> {
        let output = &self.common.output;
        if output.format != FormatArg::Table {
            if self.extract.show {
                bail!("--show draws below the table; leave --format out");
            }
            if self.conversations {
                bail!("--conversations is a table; --format json has the same under streams");
            }
        }
        output.rendering()?;
        Ok(Plan::reading(&self.captures.captures)
            .also(self.common.analysis.files())
            .writing(output.output.as_deref())
            .saving(self.extract.extract.as_deref())
            .telling(output.verbose > 0))
    }
}

/// Runs the command.
///
/// # Errors
/// An input that cannot be read, an output that cannot be written: exit code 2.
pub(super) fn run(command: &Analyze) -> anyhow::Result<Exit> {
    let frames = glue::open(&command.captures.captures)?;
    analyze_as(command, frames, true)
}

/// The command, given something to read, in a process that is not to be confined.
#[cfg(test)]
pub(super) fn analyze(command: &Analyze, frames: Box<dyn Frames>) -> anyhow::Result<Exit> {
    analyze_as(command, frames, false)
}

fn analyze_as(command: &Analyze, frames: Box<dyn Frames>, confined: bool) -> anyhow::Result<Exit> {
    let plan = command.plan()?;
    let captures = &command.captures.captures;
    let output = Output::open(&command.common.output, &plan.inputs())?;
    let extract = match &command.extract.extract {
        Some(folder) => Some(Extract::into_folder(folder, command.extract.force)?),
        None => None,
    };
    let narrowing = Narrowing::of(&command.filter, captures, &command.common.analysis)?;
    let progress = Progress::of(captures, command.common.output.quiet);
    // All is open: what reads the bytes of strangers opens nothing more. Pictures are new files in their folder.
    if confined {
        plan.confine()?;
    }
    if let Some(extract) = &extract {
        extract.watch();
    }
    let mut watchers = Watchers {
        collector: Collector::new(),
        extract,
        show: command
            .extract
            .show
            .then(|| Show::new(&command.common.output)),
        progress,
    };
    let reading = frames.analyse(command.common.analysis.options(), &mut watchers)?;
    let Watchers {
        collector,
        extract,
        show,
        ..
    } = watchers;
    let extracted = extract.map(Extract::finish).transpose()?;
    let mut report = collector.into_report(reading.captures, reading.packets);
    report.extracted = extracted;
    if let Some(narrowing) = narrowing {
        narrowing.narrow(&mut report)?;
    }
    if command.conversations {
        let style = *output.style();
        output.write_with(|out| conversations(&report, &style, out))?;
    } else {
        output.write(&report)?;
    }
    if let Some(show) = show {
        // A closed pipe is no error: what was asked for went out.
        let _ = show.write(&mut std::io::stdout().lock());
    }
    let truncated = report.truncated();
    // The process ends: to give back a million small pieces one by one would only take time.
    std::mem::forget(report);
    Ok(if truncated {
        Exit::Inconclusive
    } else {
        Exit::Good
    })
}

/// All who watch the analysis.
struct Watchers {
    collector: Collector,
    extract: Option<Extract>,
    show: Option<Show>,
    progress: Progress,
}

impl Observer for Watchers {
    fn event(&mut self, event: Event<'_>) {
        if let Some(extract) = &mut self.extract {
            extract.see(&event);
        }
        if let Some(show) = &mut self.show {
            show.see(&event);
        }
        self.collector.event(event);
    }

    fn stream_closed(&mut self, stream: Stream, images: Vec<Image>) {
        if let Some(extract) = &mut self.extract {
            extract.see(&Event::StreamClosed {
                stream: &stream,
                images: &images,
            });
        }
        self.collector.stream_closed(stream, images);
    }

    fn accounts_only(&self) -> bool {
        self.extract.is_none() && self.show.is_none()
    }
}

impl Watch for Watchers {
    fn frame(&mut self, captured: usize) -> ControlFlow<()> {
        self.progress.frame(captured);
        if self.extract.as_ref().is_some_and(Extract::failed) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}
