//! What a capture says of itself: what it captures on, why it may not, and how it went.

use std::io::{self, Write as _};

use super::network::{Network, Task};
use super::{Capture, Switch, how_to_get_the_right};
use crate::capture::private::Forbidden;
use crate::capture::session::{Reason, Summary};
use crate::report::text::{count, counted};

/// The capture in numbers, a line each.
pub(in crate::cli) fn summary_lines(interface: &str, summary: &Summary) -> Vec<String> {
    let counts = &summary.counts;
    let mut lines = Vec::new();
    let mut first = format!(
        "Captured {} ({} bytes) on {interface}",
        counted(counts.frames, "frame", "frames"),
        count(counts.bytes)
    );
    match counts.dropped {
        None => first.push_str("; how many were dropped is unknown"),
        Some(_) if counts.lost() > 0 => {}
        Some(_) if counts.interface_dropped.is_none() => first
            .push_str(", none dropped by the kernel; how many the interface dropped is unknown"),
        Some(_) => first.push_str(", none dropped"),
    }
    first.push_str(match summary.ended {
        Reason::Signal => "; ended by a signal.",
        Reason::Images => "; the pictures asked for have ended.",
        Reason::Duration => "; the time is over.",
        Reason::Frames => "; the frames asked for are captured.",
        Reason::Bytes => "; the bytes asked for are captured.",
        Reason::Silence => "; no frame came for the time asked for.",
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
    if counts.holds > 0 {
        lines.push(format!(
            "The command was held {}, {:.1} s in all, so that nothing was lost (--lossless off lets it run)",
            counted(counts.holds, "time", "times"),
            counts.held.as_secs_f64()
        ));
    }
    if let Some(written) = &summary.written {
        let frames = counted(written.frames, "frame", "frames");
        let bytes = count(written.bytes);
        if let (Some(oldest), Some(newest)) = (written.files.first(), written.files.last()) {
            let files = written.files.len() as u64;
            let removed = match written.made.saturating_sub(files) {
                0 => String::new(),
                1 => "; an older one was removed (--keep)".to_owned(),
                older => format!("; {} older ones were removed (--keep)", count(older)),
            };
            let (oldest, newest) = (oldest.display(), newest.display());
            lines.push(if files == 1 {
                format!("Files: 1, {oldest}{removed}")
            } else {
                format!("Files: {}, {oldest} to {newest}{removed}", count(files))
            });
            lines.push(format!("Written: {frames}, {bytes} bytes in all"));
        } else if written.name == "-" {
            lines.push(format!("Written: standard output, {frames}, {bytes} bytes"));
        } else {
            lines.push(format!(
                "Written: {}, {frames}, {bytes} bytes",
                written.name
            ));
        }
    }
    lines
}

/// Says on standard error what is being captured.
pub(super) fn announce(
    capture: &Capture,
    interface: &str,
    filter: Option<&str>,
    network: &Network,
    task: Option<&Task>,
) -> io::Result<()> {
    let mut err = io::stderr().lock();
    if let Some(forbidden) = network.forbidden() {
        writeln!(
            err,
            "imgnet: no private network: {}\nimgnet: to allow it: {}\nimgnet: the command runs in the machine's own network \
             instead, and {interface} is captured",
            forbidden.reason(),
            forbidden.command()
        )?;
        if capture.run.mtu.is_some() || capture.run.ipv6 == Switch::Off {
            writeln!(
                err,
                "imgnet: --mtu and --ipv6 are not in force there, for that network is not imgnet's"
            )?;
        }
    }
    let network = network.announced();
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
    let end = match task {
        None => "; Ctrl-C ends it".to_owned(),
        Some(task) => task
            .ending()
            .map(|ending| format!("\nimgnet: {ending}"))
            .unwrap_or_default(),
    };
    writeln!(
        err,
        "imgnet: capturing on {interface}{network}{filter}{end}"
    )
}

/// Says why capturing is not allowed, and every way to change that.
pub(in crate::cli) fn not_allowed(
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
        writeln!(err, "imgnet: no private network: {}", forbidden.reason())?;
        writeln!(err, "For a private network:  {}", forbidden.command())?;
        writeln!(err, "For the machine's own:  {}", how_to_get_the_right())?;
        return writeln!(err, "More about it:          imgnet doctor");
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
