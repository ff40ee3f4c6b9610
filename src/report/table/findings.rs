//! The findings: what happened, which frames show it, and how to fix it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use crate::findings::{Certainty, Finding, Name, Severity};
use crate::ledger::TransportKind;
use crate::report::model::Report;
use crate::report::table::grid::Tone;
use crate::report::table::{PROSE, stream_word};
use crate::report::text::{self, count, counted};
use crate::report::{Detail, Style};

/// So many findings of one name are shown; the cure is said once.
const EACH: u64 = 3;

pub(super) fn render(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let least = match style.detail {
        Detail::Quiet => Severity::Error,
        Detail::Normal => Severity::Warning,
        Detail::Streams | Detail::Chunks => Severity::Note,
    };
    let most = if style.detail >= Detail::Streams {
        u64::MAX
    } else {
        EACH
    };
    let mut seen: BTreeMap<Name, u64> = BTreeMap::new();
    for finding in report.findings.iter().filter(|f| f.severity >= least) {
        let times = seen.entry(finding.name).or_default();
        *times += 1;
        if *times <= most {
            writeln!(out)?;
            one(report, finding, *times == 1, style, out)?;
        }
    }
    let hidden: Vec<String> = seen
        .iter()
        .filter(|(_, times)| **times > most)
        .map(|(name, times)| format!("{} more {name}", count(times.saturating_sub(most))))
        .collect();
    if !hidden.is_empty() {
        writeln!(out)?;
        let line = format!("… and {}; -v shows all.", hidden.join(", "));
        let line = text::plain(&line, style.unicode);
        for line in text::wrap(&line, style.width.min(PROSE), "", "  ") {
            writeln!(out, "{}", Tone::Dim.paint(&line, style))?;
        }
    }
    if style.detail > Detail::Quiet {
        tally(report, least, style, out)?;
    }
    Ok(())
}

/// One finding. The cure is left out where it was just said for another of the same name.
fn one(
    report: &Report,
    finding: &Finding,
    cure: bool,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let (tone, severity) = match finding.severity {
        Severity::Error => (Tone::Bad, "error"),
        Severity::Warning => (Tone::Doubt, "warning"),
        Severity::Note => (Tone::Dim, "note"),
    };
    let certainty = match finding.certainty {
        Certainty::Proven => "proven",
        Certainty::Likely => "likely",
        Certainty::Risk => "risk",
    };
    let name = finding.name.as_str();
    // The colour goes round the first word only, so it is put on after the line was broken.
    let head = format!("{severity}  {name}  ({certainty})");
    let place = place(report, finding, style);
    let width = style.width.min(PROSE);
    let painted = format!(
        "{}  {}  ({certainty})",
        tone.paint(severity, style),
        Tone::Strong.paint(name, style)
    );
    if head.chars().count() + 3 + place.chars().count() <= style.width {
        writeln!(out, "{painted}   {place}")?;
    } else {
        writeln!(out, "{painted}")?;
        for line in text::wrap(&place, width, "  ", "  ") {
            writeln!(out, "{line}")?;
        }
    }
    let mut paragraph = |label: &str, words: &str| -> io::Result<()> {
        let words = text::plain(words, style.unicode);
        for line in text::wrap(&words, width, &format!("  {label}"), "  ") {
            writeln!(out, "{line}")?;
        }
        Ok(())
    };
    paragraph("", &finding.message)?;
    if cure && !finding.fix.is_empty() {
        paragraph("Fix: ", &finding.fix)?;
    }
    if let Some(filter) = finding.filter() {
        // Not wrapped: it is to be copied.
        writeln!(out, "  Wireshark: {filter}")?;
    }
    if cure {
        writeln!(out, "  More: imgnet explain {}", finding.name)?;
    }
    Ok(())
}

/// `connection 2, picture 4, frames 44–54`: where to look.
fn place(report: &Report, finding: &Finding, style: &Style) -> String {
    let mut parts = Vec::new();
    if let Some(id) = finding.stream {
        let stream = report.stream(id);
        let word = stream_word(stream.map_or(TransportKind::Tcp, |stream| stream.transport));
        parts.push(format!("{word} {id}"));
    }
    if let Some(image) = finding.image {
        parts.push(format!("picture {}", image.0));
    }
    let frames = text::frames(&finding.packets, style.unicode);
    parts.extend(match finding.more_packets {
        0 => frames,
        more => frames.map(|frames| {
            let listed = finding.packets.len() as u64;
            format!(
                "{frames} ({} of {})",
                count(listed),
                count(listed.saturating_add(more))
            )
        }),
    });
    if parts.is_empty() {
        parts.push("the whole capture".to_owned());
    }
    parts.join(", ")
}

/// The last line: how much of what was found. Absent where nothing was found.
fn tally(report: &Report, least: Severity, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let number = |severity| {
        report
            .findings
            .iter()
            .filter(|finding| finding.severity == severity)
            .count() as u64
    };
    let mut parts = Vec::new();
    let mut add = |number: u64, one: &str, many: &str| {
        if number > 0 {
            parts.push(counted(number, one, many));
        }
    };
    add(number(Severity::Error), "error", "errors");
    add(number(Severity::Warning), "warning", "warnings");
    add(number(Severity::Note), "note", "notes");
    if parts.is_empty() {
        return Ok(());
    }
    let mut line = parts.join(", ");
    if least > Severity::Note && number(Severity::Note) > 0 {
        let mut names: Vec<&str> = report
            .findings
            .iter()
            .filter(|finding| finding.severity == Severity::Note)
            .map(|finding| finding.name.as_str())
            .collect();
        names.sort_unstable();
        names.dedup();
        let _ = write!(line, " ({}; -v shows notes)", names.join(", "));
    }
    writeln!(out)?;
    let line = text::plain(&line, style.unicode);
    for line in text::wrap(&line, style.width.min(PROSE), "", "  ") {
        writeln!(out, "{line}")?;
    }
    Ok(())
}
