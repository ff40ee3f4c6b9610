//! `imgnet capture`: watch pictures as they move, live.

use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;

use crate::capture::private::{self, Forbidden, Identity};
use crate::capture::session::{self, Reason, Recorder, Stop, Summary};
use crate::cli::args::{Common, FormatArg};
use crate::cli::exit::Exit;
use crate::cli::output::Output;
use crate::cli::terminal::Environment;
use crate::ledger::Verdict;
use crate::report::model::{CaptureFile, Report};
use crate::report::text::{self, count, counted};
use crate::source::live;

mod command;
mod device;
mod rows;
mod view;
mod watch;

pub(super) use device::{describe, filter, how_to_get_the_right, open};
pub(super) use view::View;
pub(super) use watch::Watch;

/// Bytes of the kernel's ring unless `--buffer` says otherwise: where loopback moves 20 Gbit/s, less loses
/// frames.
pub(super) const RING_BYTES: u64 = 256 << 20;
/// After the last picture asked for: time for its connection to be closed on the wire.
const AFTER_IMAGES: Duration = Duration::from_millis(250);

/// Watch pictures on an interface as they move, and write the frames to a file
#[derive(Debug, Args)]
#[command(
    mut_arg("protocols", |arg| arg.short(None)),
    after_help = "Examples:\n  \
                  imgnet capture -p 5050 -w pipeline.pcapng       watch port 5050 on loopback, keep the frames\n  \
                  imgnet capture --images 5                       until five pictures have ended\n  \
                  imgnet capture -i eth0 -f 'host 10.0.0.7'       another interface, another filter\n  \
                  imgnet capture -w run.pcapng -- ./run-both.sh   without root: the command gets a private network\n  \
                  imgnet capture -w - | tshark -r -               pcapng to standard output, tables to standard error\n\n\
                  Exit codes: 0 every picture is whole; 1 one is not; 2 usage, no such interface, a filter that is \
                  wrong, a file that cannot be written; 3 frames were lost, so there is no honest verdict; 4 not allowed \
                  to capture (imgnet doctor says what to do).",
    max_term_width = 100
)]
pub struct Capture {
    /// Interface to capture on [default: lo]
    #[arg(short, long, value_name = "IFACE")]
    interface: Option<String>,

    /// Only packets from or to this port; may be repeated
    #[arg(short, long = "port", value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    ports: Vec<u16>,

    /// Only packets that match this filter, as tcpdump takes it
    #[arg(short, long, value_name = "BPF")]
    filter: Option<String>,

    /// Write the frames to FILE as pcapng; - is standard output
    #[arg(short, long, value_name = "FILE")]
    write: Option<PathBuf>,

    /// End after N pictures have ended
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    images: Option<u64>,

    /// End after this time, e.g. 10, 2.5 or 1m30s
    #[arg(long, value_name = "T", value_parser = duration)]
    duration: Option<Duration>,

    /// Memory for the kernel's ring of frames, in MiB [default: 256]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..=2047))]
    buffer: Option<u64>,

    /// Run this command in a private network of its own, and capture all of it
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,

    #[command(flatten)]
    common: Common,
}

/// Runs the command.
///
/// # Errors
/// An interface or a filter that is wrong, a file that cannot be written: exit code 2.
pub(super) fn run(capture: &Capture) -> anyhow::Result<Exit> {
    let stdout_taken = capture.write.as_deref() == Some(Path::new("-"));
    if stdout_taken && io::stdout().is_terminal() {
        anyhow::bail!(
            "-w - writes a capture file to standard output, which is the terminal; name a file, or pipe it"
        );
    }
    // Before any thread: the kernel moves no process with threads to another network.
    let private = match capture.command.as_slice() {
        [] => None,
        _ => Some(private::enter(Identity::Caller)),
    };
    let interface = match (&private, &capture.interface) {
        (Some(Ok(_)), Some(other)) if other != "lo" => anyhow::bail!(
            "-i {other}: a command that imgnet runs has a private network, whose only interface is lo; leave -i out"
        ),
        (_, given) => given.as_deref().unwrap_or("lo"),
    };
    let filter = filter(&capture.ports, capture.filter.as_deref());
    let ring = capture
        .buffer
        .map_or(RING_BYTES, |mebibytes| mebibytes << 20);
    let opened = open(interface, &capture.ports, capture.filter.as_deref(), ring);
    let mut device = match opened {
        Ok(device) => device,
        Err(live::Error::NotAllowed {
            message: reason, ..
        }) => {
            not_allowed(
                interface,
                &reason,
                private.as_ref().and_then(|p| p.as_ref().err()),
                private.is_none(),
            )?;
            return Ok(Exit::NotAllowed);
        }
        Err(other) => return Err(other.into()),
    };
    let output = if stdout_taken {
        None
    } else {
        let files: Vec<PathBuf> = capture.write.iter().cloned().collect();
        Some(Output::open(&capture.common.output, &files)?)
    };
    let recorder = match &capture.write {
        None => None,
        Some(_) if stdout_taken => Some(Recorder::pipe(
            Box::new(io::stdout()),
            &describe(&device, filter.as_deref()),
        )?),
        Some(path) => Some(Recorder::create(
            path.clone(),
            &describe(&device, filter.as_deref()),
        )?),
    };

    let stop = Stop::default();
    stop.on_signals()
        .context("cannot be told to end by Ctrl-C")?;
    let quiet = capture.common.output.quiet;
    if !quiet {
        announce(capture, interface, filter.as_deref(), private.as_ref())?;
    }
    let view = view::choose(
        &capture.common.output,
        stdout_taken,
        !capture.command.is_empty(),
    );
    let mut watch = Watch::new(capture.common.analysis.options(), view);
    if let Some(images) = capture.images {
        watch.end_after(images, AFTER_IMAGES, stop.clone());
    }
    let running = match capture.command.split_first() {
        None => None,
        Some((program, arguments)) => {
            let taken = stdout_taken || capture.common.output.format != FormatArg::Table;
            Some(command::start(program, arguments, taken, &stop)?)
        }
    };
    let options = session::Options {
        duration: capture.duration,
        ..session::Options::default()
    };
    let (summary, watch) = session::run(&mut device, recorder, watch, &stop, options);
    if let Some(running) = running {
        running.finish(quiet)?;
    }
    conclude(capture, interface, summary, watch, output)
}

/// Says what was found and how the capture went.
fn conclude(
    capture: &Capture,
    interface: &str,
    summary: Summary,
    watch: Watch,
    output: Option<Output>,
) -> anyhow::Result<Exit> {
    let mut report = watch.into_report(capture_file(interface, &summary));
    let verdict = verdict(&report, &summary);
    report.verdict = verdict;
    let arguments = &capture.common.output;
    let style = output
        .as_ref()
        .map_or_else(|| stderr_style(arguments), |output| *output.style());
    let json_lines = arguments.format == FormatArg::Json && arguments.output.is_none();
    if json_lines {
        let line = view::summary_line(interface, &summary, &report);
        if output.is_some() {
            writeln!(io::stdout().lock(), "{line}").or_else(ignore_closed_pipe)?;
        } else {
            writeln!(io::stderr().lock(), "{line}")?;
        }
    } else if let Some(output) = output {
        output.write(&report)?;
    } else {
        crate::report::table::render(&report, &style, &mut io::stderr().lock())?;
    }
    if !arguments.quiet && !json_lines {
        let mut lines: Vec<String> = summary_lines(interface, &summary)
            .iter()
            .flat_map(|line| {
                let line = text::plain(line, style.unicode);
                text::wrap(&line, style.width, "", "  ")
            })
            .collect();
        if arguments.format == FormatArg::Table
            && arguments.output.is_none()
            && capture.write.as_deref() != Some(Path::new("-"))
        {
            lines.insert(0, String::new());
            writeln!(io::stdout().lock(), "{}", lines.join("\n")).or_else(ignore_closed_pipe)?;
        } else {
            writeln!(io::stderr().lock(), "{}", lines.join("\n"))?;
        }
    }
    failed(summary)?;
    Ok(exit(verdict))
}

/// What ended the capture early, if anything did.
///
/// # Errors
/// That.
pub(super) fn failed(summary: Summary) -> anyhow::Result<()> {
    if let Some(failure) = summary.write_failure {
        return Err(failure.into());
    }
    if let Some(failure) = summary.device_failure {
        return Err(failure.into());
    }
    if summary.broken {
        anyhow::bail!(
            "a part of imgnet failed (a defect: please report it); what was captured is in the file, the counts above may be short"
        );
    }
    Ok(())
}

/// The run's verdict: that of its worst picture, and no better than inconclusive where frames were lost.
fn verdict(report: &Report, summary: &Summary) -> Option<Verdict> {
    let lost = (summary.counts.lost() > 0).then_some(Verdict::Inconclusive);
    report.verdict.max(lost)
}

/// The exit code of a verdict, as `capture` and `demo` have it.
pub(super) fn exit(verdict: Option<Verdict>) -> Exit {
    match verdict {
        None | Some(Verdict::Match | Verdict::Unverified) => Exit::Good,
        Some(Verdict::Inconclusive) => Exit::Inconclusive,
        Some(Verdict::Incomplete | Verdict::Mismatch) => Exit::NotEqual,
    }
}

/// What the report says of a live capture.
pub(super) fn capture_file(interface: &str, summary: &Summary) -> CaptureFile {
    let counts = &summary.counts;
    CaptureFile {
        path: match &summary.written {
            Some(written) if written.name != "-" => written.name.clone(),
            _ => interface.to_owned(),
        },
        format: if summary.written.is_some() {
            "pcapng"
        } else {
            "live"
        }
        .to_owned(),
        link_types: vec![
            summary
                .link
                .name()
                .map_or_else(|| format!("link type {}", summary.link.0), str::to_owned),
        ],
        packets: counts.frames,
        captured_bytes: counts.bytes,
        original_bytes: counts.wire_bytes,
        truncated: false,
        damage: None,
        kernel_drops: counts.dropped,
    }
}

/// The capture in numbers, a line each.
pub(super) fn summary_lines(interface: &str, summary: &Summary) -> Vec<String> {
    let counts = &summary.counts;
    let mut lines = Vec::new();
    let mut first = format!(
        "Captured {} ({} bytes) on {interface}",
        counted(counts.frames, "frame", "frames"),
        count(counts.bytes)
    );
    match counts.dropped {
        None => first.push_str("; how many were dropped is unknown"),
        Some(_) if counts.lost() == 0 => first.push_str(", none dropped"),
        Some(_) => {}
    }
    first.push_str(match summary.ended {
        Reason::Signal => "; ended by a signal.",
        Reason::Images => "; the pictures asked for have ended.",
        Reason::Duration => "; the time is over.",
        Reason::Done => "; the command has ended.",
        Reason::Output => "; ended because the file cannot be written.",
        Reason::OutputClosed => "; ended because the reader of standard output has gone.",
        Reason::Device => "; ended because the interface failed.",
    });
    lines.push(first);
    let mut lost = |number: Option<u64>, what: &str| {
        if let Some(number) = number.filter(|number| *number > 0) {
            lines.push(format!("{} {what}", counted(number, "frame", "frames")));
        }
    };
    lost(
        counts.dropped,
        "dropped by the kernel, whose ring was full: a larger --buffer, or a narrower filter, helps",
    );
    lost(counts.interface_dropped, "dropped by the interface");
    lost(
        Some(counts.queue_dropped),
        "not analysed, because the analysis could not keep up; they are in the file: imgnet analyze reads it all",
    );
    if let Some(written) = &summary.written {
        lines.push(format!(
            "Written: {}, {}, {} bytes",
            if written.name == "-" {
                "standard output"
            } else {
                &written.name
            },
            counted(written.frames, "frame", "frames"),
            count(written.bytes)
        ));
    }
    lines
}

/// Says on standard error what is being captured.
fn announce(
    capture: &Capture,
    interface: &str,
    filter: Option<&str>,
    private: Option<&Result<private::Way, Forbidden>>,
) -> io::Result<()> {
    let mut err = io::stderr().lock();
    if let Some(Err(forbidden)) = private {
        writeln!(
            err,
            "imgnet: {forbidden}\nimgnet: the command runs in the machine's own network instead, and {interface} is captured"
        )?;
    }
    let network = if matches!(private, Some(Ok(_))) {
        " of a private network"
    } else {
        ""
    };
    let filter = match (filter, capture.common.output.verbose) {
        (None, _) => String::new(),
        (Some(filter), 1..) => format!(", filter: {filter}"),
        (Some(_), 0) => {
            let ports: Vec<String> = capture.ports.iter().map(u16::to_string).collect();
            let ports = (!ports.is_empty()).then(|| format!(", port {}", ports.join(", ")));
            let filter = capture
                .filter
                .as_ref()
                .map(|filter| format!(", filter {filter:?}"));
            format!(
                "{}{}",
                ports.unwrap_or_default(),
                filter.unwrap_or_default()
            )
        }
    };
    let end = if capture.command.is_empty() {
        "; Ctrl-C ends it"
    } else {
        ""
    };
    writeln!(
        err,
        "imgnet: capturing on {interface}{network}{filter}{end}"
    )
}

/// Says why capturing is not allowed, and every way to change that.
pub(super) fn not_allowed(
    interface: &str,
    reason: &str,
    private: Option<&Forbidden>,
    command_helps: bool,
) -> io::Result<()> {
    let mut err = io::stderr().lock();
    writeln!(
        err,
        "imgnet: not allowed to capture on {interface}: {reason}"
    )?;
    if let Some(forbidden) = private {
        writeln!(err, "imgnet: {forbidden}")?;
    }
    writeln!(err, "To allow it:      {}", how_to_get_the_right())?;
    if command_helps {
        writeln!(
            err,
            "Without root:     imgnet capture -- COMMAND   runs COMMAND in a private network and captures that"
        )?;
    }
    writeln!(err, "More about it:    imgnet doctor")
}

/// How a rendering for people looks on standard error.
fn stderr_style(arguments: &crate::cli::args::OutputArgs) -> crate::report::Style {
    let mut environment = Environment::of_process(true);
    environment.terminal = io::stderr().is_terminal();
    environment.columns = rustix::termios::tcgetwinsize(io::stderr())
        .ok()
        .map(|size| usize::from(size.ws_col));
    environment.style(arguments)
}

/// A reader that went away is no error.
pub(super) fn ignore_closed_pipe(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::BrokenPipe {
        Ok(())
    } else {
        Err(error)
    }
}

/// Seconds, or a duration with units as in `1m30s`.
fn duration(text: &str) -> Result<Duration, String> {
    let expected =
        || format!("expected a time above 0, e.g. 10, 2.5, 500ms or 1m30s, not {text:?}");
    let duration = match text.parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        Err(_) => text
            .parse::<jiff::SignedDuration>()
            .ok()
            .and_then(|duration| Duration::try_from(duration).ok()),
    };
    duration
        .filter(|duration| !duration.is_zero())
        .ok_or_else(expected)
}

#[cfg(test)]
mod tests;
