//! The first lines: what was read, and what is missing from it.

use std::fmt::Write as _;
use std::io::{self, Write};

use crate::findings::Name;
use crate::ledger::TransportKind;
use crate::report::Style;
use crate::report::model::{CaptureFile, Report};
use crate::report::table::grid::Tone;
use crate::report::text::{self, count, counted};

/// `pipeline.pcap: 62 frames, 3 connections, 5 pictures, nothing missing from the capture`, and a line for each
/// thing that is not as it should be.
pub(super) fn render(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let mut say = |tone: Tone, line: &str| -> io::Result<()> {
        let line = text::plain(line, style.unicode);
        for line in text::wrap(&line, style.width, "", "  ") {
            writeln!(out, "{}", tone.paint(&line, style))?;
        }
        Ok(())
    };
    say(Tone::Strong, &first_line(report))?;
    if report.verification.is_none()
        && let Some(line) = when(report, style)
    {
        say(Tone::Dim, &line)?;
    }
    // Said here only where no finding says it in full.
    let told = |name: Name| report.findings.iter().any(|finding| finding.name == name);
    if !told(Name::FileCutShort) {
        for capture in report.captures.iter().filter(|capture| capture.truncated) {
            say(Tone::Doubt, &damage(capture))?;
        }
    }
    let skipped: u64 = report.packets.skipped.values().sum();
    if skipped > 0 {
        let reasons: Vec<String> = report
            .packets
            .skipped
            .iter()
            .filter(|(_, number)| **number > 0)
            .map(|(reason, number)| format!("{} {reason}", count(*number)))
            .collect();
        let line = format!(
            "{} not decoded: {}",
            counted(skipped, "frame", "frames"),
            reasons.join(", ")
        );
        say(Tone::Dim, &line)?;
    }
    Ok(())
}

/// Time of day of the first frame of a stream, how long it went on, and how fast bytes went by; absent where no stream has a time.
fn when(report: &Report, style: &Style) -> Option<String> {
    let started = report
        .streams
        .iter()
        .filter_map(|stream| stream.started)
        .min()?;
    let ended = report
        .streams
        .iter()
        .filter_map(|stream| stream.ended)
        .max()?;
    // Milliseconds are enough for people; the JSON has the rest.
    let moment: String = started.to_string().chars().take(23).collect();
    let mut line = format!("{} UTC", moment.trim_end_matches('Z').replace('T', " "));
    let took = ended.since(started);
    if took > 0 {
        let _ = write!(line, ", {}", text::duration(took, style.unicode));
        let bytes: u64 = report.captures.iter().map(|file| file.original_bytes).sum();
        // Bytes a second: 10^9 times as many as a nanosecond.
        let rate = u128::from(bytes) * 1_000_000_000 / u128::from(took.unsigned_abs());
        let (unit, name) = match rate {
            0..10_000 => (1, "B/s"),
            10_000..10_000_000 => (1000, "kB/s"),
            _ => (1_000_000, "MB/s"),
        };
        let rate = u64::try_from(rate / unit).unwrap_or(u64::MAX);
        let _ = write!(line, ", {} {name} on the wire", count(rate));
    }
    Some(line)
}

fn first_line(report: &Report) -> String {
    let files = text::files(report);
    let streams = |transport| {
        report
            .streams
            .iter()
            .filter(|stream| stream.transport == transport)
            .count() as u64
    };
    let mut parts = vec![counted(report.packets.read, "frame", "frames")];
    let (tcp, udp) = (streams(TransportKind::Tcp), streams(TransportKind::Udp));
    if tcp > 0 || udp == 0 {
        parts.push(counted(tcp, "connection", "connections"));
    }
    if udp > 0 {
        parts.push(counted(udp, "UDP stream", "UDP streams"));
    }
    parts.push(counted(report.images.len() as u64, "picture", "pictures"));
    parts.extend(missing(report));
    format!("{files}: {}", parts.join(", "))
}

/// What is missing, each kind in words of its own; a loss in the capture is no loss on the network.
pub(in crate::report) fn missing(report: &Report) -> Vec<String> {
    let coverage = &report.coverage;
    let mut parts = coverage.words();
    if coverage.unacknowledged_gaps > 0 {
        parts.push(format!(
            "{} never acknowledged ({})",
            counted(coverage.unacknowledged_bytes, "byte", "bytes"),
            counted(coverage.unacknowledged_gaps, "gap", "gaps")
        ));
    }
    if coverage.whole {
        parts.push("nothing missing from the capture".to_owned());
    }
    parts
}

fn damage(capture: &CaptureFile) -> String {
    let mut line = format!("{} is cut short or damaged", capture.path);
    if let Some(damage) = &capture.damage {
        let _ = write!(line, ": {}", damage.reason);
        match (damage.offset, damage.after_frame) {
            (Some(offset), Some(frame)) => {
                let _ = write!(line, " (at byte {}, after frame {frame})", count(offset));
            }
            (Some(offset), None) => {
                let _ = write!(line, " (at byte {})", count(offset));
            }
            (None, Some(frame)) => {
                let _ = write!(line, " (after frame {frame})");
            }
            (None, None) => {}
        }
    }
    line.push_str("; what comes before is shown");
    line
}
