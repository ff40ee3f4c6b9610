//! `imgnet layout`: which framing do the bytes show?

use std::collections::HashSet;
use std::io::{self, BufWriter, Write};
use std::ops::ControlFlow;

use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::analysis::{Collector, Event, Observer, Options};
use crate::capture::confine::Needs;
use crate::cli::args::CapturePaths;
use crate::cli::confined::confined;
use crate::cli::exit::Exit;
use crate::cli::glue;
use crate::cli::inspect::{FilterArg, Narrowing, damage, tell_damaged};
use crate::cli::output::WriteError;
use crate::cli::reading::Watch;
use crate::ledger::{Confidence, Image, Stream};
use crate::wire::Protocol;

/// Show the framing of each stream with pictures as a line that --protocol takes, and what speaks for it
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  \
                  imgnet layout trace.pcapng                      what is in front of the pictures?\n  \
                  imgnet layout trace.pcapng -Y 'tcp.port == 5050'  only of these streams\n  \
                  imgnet layout trace.pcapng --format json | jq '.[].protocol'\n\n\
                  docs/layouts.md explains the lines. Exit codes: 0 a framing was found, 1 none was, 2 usage or an \
                  input that cannot be read.",
    max_term_width = 100
)]
pub(crate) struct ShowLayout {
    #[command(flatten)]
    captures: CapturePaths,

    #[command(flatten)]
    filter: FilterArg,

    /// How to tell
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Telling::Text)]
    format: Telling,
}

/// `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Telling {
    /// For people
    Text,
    /// An array of objects
    Json,
}

/// One stream's framing.
#[derive(Debug, Serialize)]
struct Shown {
    stream: u32,
    from: String,
    to: String,
    port: u16,
    pictures: usize,
    protocol: Protocol,
    confidence: Option<Confidence>,
    evidence: Vec<String>,
}

/// Keeps the streams in which a framing was found.
#[derive(Debug, Default)]
struct Seen {
    shown: Vec<Shown>,
    /// All that was found, for a filter to choose of.
    collector: Option<Collector>,
}

impl Observer for Seen {
    fn event(&mut self, event: Event<'_>) {
        if let Event::StreamClosed { stream, images } = event {
            self.see(stream, images);
        }
        if let Some(collector) = &mut self.collector {
            collector.event(event);
        }
    }

    fn stream_closed(&mut self, stream: Stream, images: Vec<Image>) {
        self.see(&stream, &images);
        if let Some(collector) = &mut self.collector {
            collector.stream_closed(stream, images);
        }
    }

    fn accounts_only(&self) -> bool {
        true
    }
}

impl Watch for Seen {
    fn frame(&mut self, _captured: usize) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

impl Seen {
    fn see(&mut self, stream: &Stream, images: &[Image]) {
        let (Some(protocol), Some(image)) = (&stream.protocol, images.first()) else {
            return;
        };
        let listens = stream.initiator.map_or(1, |initiator| 1 - initiator.min(1));
        let port = stream
            .directions
            .get(listens)
            .map_or(0, |direction| direction.from.port());
        self.shown.push(Shown {
            stream: stream.id.0,
            from: image.from.to_string(),
            to: image.to.to_string(),
            port,
            pictures: images.len(),
            protocol: protocol.clone(),
            confidence: stream.confidence,
            evidence: stream.evidence.clone(),
        });
    }
}

/// Runs the command.
///
/// # Errors
/// An input that cannot be read, an output that cannot be written: exit code 2.
pub(super) fn run(command: &ShowLayout) -> anyhow::Result<Exit> {
    let captures = &command.captures.captures;
    let frames = glue::open(captures)?;
    let options = Options::default();
    let narrowing = Narrowing::with(&command.filter, captures, options.limits.streams)?;
    confined(&Needs::default(), false)?;
    let mut seen = Seen {
        collector: narrowing.is_some().then(Collector::new),
        ..Seen::default()
    };
    let reading = frames.analyse(options, &mut seen)?;
    let damaged = damage(&reading.captures);
    let Seen {
        mut shown,
        collector,
    } = seen;
    if let (Some(narrowing), Some(collector)) = (narrowing, collector) {
        let mut report = collector.into_report(reading.captures, reading.packets);
        narrowing.narrow(&mut report)?;
        let chosen: HashSet<u32> = report.streams.iter().map(|stream| stream.id.0).collect();
        shown.retain(|one| chosen.contains(&one.stream));
    }
    shown.sort_by_key(|shown| shown.stream);
    let mut out = BufWriter::new(io::stdout().lock());
    let none = if command.filter.filter.is_some() {
        "the filter chooses no stream in which a picture was found"
    } else {
        "no picture was found, so no framing shows"
    };
    tell(&shown, none, command.format, &mut out)
        .and_then(|()| out.flush())
        .map_err(|source| WriteError { to: None, source })?;
    let whole = tell_damaged(&damaged)?;
    Ok(if shown.is_empty() {
        Exit::NotEqual
    } else {
        whole
    })
}

fn tell(shown: &[Shown], none: &str, format: Telling, out: &mut impl Write) -> io::Result<()> {
    if format == Telling::Json {
        serde_json::to_writer_pretty(&mut *out, shown)?;
        return writeln!(out);
    }
    if shown.is_empty() {
        return writeln!(out, "{none}");
    }
    for one in shown {
        let sure = match one.confidence {
            Some(Confidence::Guess) => "a guess",
            Some(Confidence::Likely) => "likely: seen in one message",
            Some(Confidence::Confirmed) => "confirmed: two messages or more agree",
            _ => "a known format",
        };
        let pictures = if one.pictures == 1 {
            "picture"
        } else {
            "pictures"
        };
        writeln!(
            out,
            "stream {}  {} → {}  {} {pictures}  {sure}",
            one.stream, one.from, one.to, one.pictures
        )?;
        writeln!(out, "  {}", one.protocol)?;
        for line in &one.evidence {
            writeln!(out, "    {line}")?;
        }
        let text = one.protocol.to_string();
        if text.contains(' ') {
            writeln!(
                out,
                "  --protocol '{}={}'",
                one.port,
                text.replace('\'', "'\\''")
            )?;
        } else {
            writeln!(out, "  --protocol {}={text}", one.port)?;
        }
    }
    Ok(())
}
