//! The catalogue of findings for people at a terminal: a list, or one entry in full.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style as Ansi};

use super::Style;
use super::text::{plain, wrap};
use crate::findings::Severity;
use crate::findings::catalogue::{Entry, Group, all};
use crate::findings::glossary;

/// Prose is not broken later than this, however wide the terminal is.
const PROSE: usize = 100;

/// Every finding in one line.
///
/// # Errors
/// Where `out` cannot be written.
pub(crate) fn list(style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let widest = all()
        .map(|entry| entry.name.as_str().len())
        .max()
        .unwrap_or(0);
    for (index, group) in Group::ALL.into_iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        writeln!(out, "{}", paint(Ansi::new().bold(), group.title(), style))?;
        for entry in all().filter(|entry| entry.group == group) {
            let (word, colour) = severity(entry.severity);
            let name = format!("{:widest$}", entry.name);
            let word = format!("{word:7}");
            let indent = " ".repeat(widest + 13);
            let lines = wrap(
                entry.summary,
                style.width.max(widest + 40),
                &indent,
                &indent,
            );
            for (row, line) in lines.iter().enumerate() {
                let text = plain(line.get(indent.len()..).unwrap_or_default(), style.unicode);
                if row == 0 {
                    writeln!(out, "  {name}  {}  {text}", paint(colour, &word, style))?;
                } else {
                    writeln!(out, "{indent}{text}")?;
                }
            }
        }
    }
    writeln!(
        out,
        "\nimgnet explain NAME tells all about one. It knows every other word that imgnet prints, too:"
    )?;
    let mut kinds: Vec<&str> = glossary::all().map(|word| word.kind).collect();
    kinds.dedup();
    for kind in kinds {
        let names: Vec<&str> = glossary::all()
            .filter(|word| word.kind == kind)
            .map(|word| word.name)
            .collect();
        let line = format!("{kind}: {}", names.join(", "));
        for line in wrap(&line, style.width.min(PROSE), "  ", "    ") {
            writeln!(out, "{}", plain(&line, style.unicode))?;
        }
    }
    writeln!(
        out,
        "  and members of the JSON (unique_bytes, image.gaps), and fields of filters (imgnet.role)."
    )
}

/// A word of any kind in full.
///
/// # Errors
/// Where `out` cannot be written.
pub(crate) fn word(
    kind: &str,
    name: &str,
    meaning: &str,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let name = plain(name, style.unicode);
    writeln!(out, "{kind}  {}", paint(Ansi::new().bold(), &name, style))?;
    paragraph(meaning, "", style, out)
}

/// One finding in full.
///
/// # Errors
/// Where `out` cannot be written.
pub(crate) fn entry(entry: &Entry, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let (word, colour) = severity(entry.severity);
    writeln!(
        out,
        "{}  {}",
        paint(colour, word, style),
        paint(Ansi::new().bold(), entry.name.as_str(), style)
    )?;
    paragraph(entry.summary, "", style, out)?;
    for (title, text) in [
        ("What it means", entry.meaning),
        ("How it is proved", entry.proof),
        ("What it looks like in frames", entry.frames),
    ] {
        heading(title, style, out)?;
        paragraph(text, "  ", style, out)?;
    }
    if !entry.filter.is_empty() {
        // Not wrapped: it is to be copied.
        writeln!(
            out,
            "  Wireshark display filter: {}",
            paint(AnsiColor::Cyan.on_default(), entry.filter, style)
        )?;
    }
    heading("How to fix it", style, out)?;
    paragraph(entry.fix, "  ", style, out)?;
    for example in entry.examples {
        for (word, code, colour) in [
            ("wrong", example.wrong, AnsiColor::Red),
            ("right", example.right, AnsiColor::Green),
        ] {
            let title = format!("{}, {word}:", example.language.title());
            writeln!(out, "\n  {}", paint(colour.on_default(), &title, style))?;
            for line in code.lines() {
                let line = format!("      {}", plain(line, style.unicode));
                writeln!(out, "{}", line.trim_end())?;
            }
        }
    }
    Ok(())
}

fn heading(title: &str, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\n{}", paint(Ansi::new().bold(), title, style))
}

fn paragraph(text: &str, indent: &str, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let text = plain(text, style.unicode);
    for line in wrap(&text, style.width.min(PROSE), indent, indent) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn severity(severity: Severity) -> (&'static str, Ansi) {
    match severity {
        Severity::Error => ("error", AnsiColor::Red.on_default().bold()),
        Severity::Warning => ("warning", AnsiColor::Yellow.on_default()),
        Severity::Note => ("note", Ansi::new().dimmed()),
    }
}

fn paint(ansi: Ansi, text: &str, style: &Style) -> String {
    if style.color {
        format!("{}{text}{}", ansi.render(), ansi.render_reset())
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::catalogue::find;

    fn shown(style: &Style, name: &str) -> String {
        let mut out = Vec::new();
        entry(find(name).unwrap(), style, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn prose_fits_the_terminal_and_code_stays_as_it_is() {
        let narrow = Style {
            width: 60,
            ..Style::default()
        };
        let text = shown(&narrow, "marker-unanswered");
        let prose = text.split("Python, wrong").next().unwrap();
        for line in prose.lines().filter(|line| !line.contains("Wireshark")) {
            assert!(line.chars().count() <= 60, "{line}");
        }
        assert!(text.contains("      while not buffer.endswith(MARKER):\n"));
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn colour_only_where_it_is_wanted() {
        let colours = Style {
            color: true,
            ..Style::default()
        };
        assert!(shown(&colours, "early-close").contains("\u{1b}["));
    }

    #[test]
    fn the_list_has_a_line_for_each() {
        let mut out = Vec::new();
        list(&Style::default(), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        for entry in all() {
            assert!(
                text.contains(&format!("  {} ", entry.name)),
                "{}",
                entry.name
            );
        }
    }
}
