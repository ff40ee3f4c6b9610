//! The rendering for the summary page of a CI job: the verdict, what does not hold, the worst pictures, the findings, as
//! Markdown that GitHub and GitLab show.
//!
//! Names may come from anywhere: what Markdown or HTML would obey is escaped.

use std::io::{self, Write};

use crate::expect::{Checked, Outcome};
use crate::findings::Severity;
use crate::ledger::{Image, Verdict};
use crate::report::model::Report;
use crate::report::table;
use crate::report::text::{self, count, counted, plain};

/// Most pictures, expectations and findings, each.
const MOST: usize = 20;

/// Writes the summary.
///
/// # Errors
/// Those of `out`.
pub(crate) fn render(
    report: &Report,
    checked: Option<&Checked>,
    out: &mut impl Write,
) -> io::Result<()> {
    if let Some(checked) = checked {
        let number = checked.expectations.len() as u64;
        let all = counted(number, "expectation", "expectations");
        let line = match checked.verdict {
            Outcome::Pass => format!("✔ all {all} hold"),
            Outcome::Fail => format!("✖ {} of {all} failed", count(checked.count(Outcome::Fail))),
            Outcome::Inconclusive => format!(
                "? {} of {all} cannot be judged: the capture lacks what would tell",
                count(checked.count(Outcome::Inconclusive))
            ),
        };
        writeln!(out, "## imgnet: {line}\n")?;
        expectations(checked, out)?;
    } else {
        writeln!(out, "## imgnet: {}\n", escaped(&table::sentence(report)))?;
    }
    let mut facts = vec![
        counted(report.packets.read, "frame", "frames"),
        counted(report.totals.images, "picture", "pictures"),
    ];
    facts.extend(table::missing(report));
    writeln!(out, "{}\n", escaped(&facts.join(", ")))?;
    pictures(report, out)?;
    findings(report, out)
}

fn expectations(checked: &Checked, out: &mut impl Write) -> io::Result<()> {
    let failed: Vec<_> = checked
        .expectations
        .iter()
        .filter(|judged| judged.outcome != Outcome::Pass)
        .collect();
    if failed.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "| of | expectation | expected | actual |\n|---|---|---|---|"
    )?;
    for judged in failed.iter().take(MOST) {
        let of = judged.picture.as_deref().unwrap_or("the run");
        let actual = judged
            .actual
            .as_ref()
            .map_or_else(|| "–".to_owned(), |actual| actual.human(true));
        writeln!(
            out,
            "| {} | {} | {} | {} |",
            escaped(of),
            escaped(&judged.name),
            escaped(&judged.expected.human(true)),
            escaped(&actual)
        )?;
    }
    more(failed.len(), out)
}

fn pictures(report: &Report, out: &mut impl Write) -> io::Result<()> {
    if report.images.is_empty() {
        return Ok(());
    }
    let mut worst: Vec<&Image> = report.images.iter().collect();
    worst.sort_by_key(|image| std::cmp::Reverse(image.verdict));
    writeln!(
        out,
        "| picture | verdict | bytes | packets | repeats | frames |\n|---|---|--:|--:|--:|---|"
    )?;
    for image in worst.iter().take(MOST) {
        let name = table::picture_name(report, image)
            .map(|name| format!(" {}", escaped(&name)))
            .unwrap_or_default();
        let sign = match image.verdict {
            Verdict::Match => "✔ match",
            Verdict::Unverified => "unverified",
            Verdict::Inconclusive => "? inconclusive",
            Verdict::Incomplete => "✖ incomplete",
            Verdict::Mismatch => "✖ mismatch",
        };
        writeln!(
            out,
            "| {}{name} | {sign} | {} | {} | {} | {} |",
            image.id.0,
            count(image.bytes),
            count(image.packets),
            count(image.retransmitted_packets),
            text::frame_range(image.first_packet, image.last_packet, true)
        )?;
    }
    more(worst.len(), out)
}

fn findings(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let told: Vec<_> = report
        .findings
        .iter()
        .filter(|finding| finding.severity > Severity::Note)
        .collect();
    for finding in told.iter().take(MOST) {
        let severity = match finding.severity {
            Severity::Error => "error",
            Severity::Warning | Severity::Note => "warning",
        };
        let frames = text::frames(&finding.packets, true)
            .map(|frames| format!(", {frames}"))
            .unwrap_or_default();
        writeln!(
            out,
            "- **{severity} {}**{frames}: {}",
            finding.name,
            escaped(&finding.message)
        )?;
        if !finding.fix.is_empty() {
            writeln!(out, "  Fix: {}", escaped(&finding.fix))?;
        }
        if let Some(filter) = finding.filter() {
            writeln!(out, "  Wireshark: `{filter}`")?;
        }
    }
    if !told.is_empty() {
        writeln!(out)?;
    }
    more(told.len(), out)
}

/// How many are left out.
fn more(all: usize, out: &mut impl Write) -> io::Result<()> {
    match all.saturating_sub(MOST) as u64 {
        0 => writeln!(out),
        left_out => writeln!(out, "\n… and {} more.\n", count(left_out)),
    }
}

/// Text in which nothing is markup.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in plain(text, true).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '!' | '@' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn a_summary_of_every_sample_has_its_pictures_and_no_markup_of_others() {
        for mut report in samples::all() {
            for finding in &mut report.findings {
                finding.message = "<img src=x> | [a](b) `c`".to_owned();
            }
            let mut out = Vec::new();
            render(&report, None, &mut out).unwrap();
            let text = String::from_utf8(out).unwrap();
            assert!(text.starts_with("## imgnet: "));
            assert!(!text.contains("<img") && !text.contains("[a](b)"), "{text}");
            let rows = text.lines().filter(|line| line.starts_with("| ")).count();
            let shown = report.images.len().min(MOST);
            assert_eq!(rows, if shown == 0 { 0 } else { shown + 1 });
        }
    }
}
