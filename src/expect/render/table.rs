//! The rendering for people: what does not hold, with expected and actual; a healthy run takes one line.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style as Ansi};

use crate::expect::{Checked, Judged, Outcome};
use crate::report::model::Report;
use crate::report::text::{count, counted, plain, wrap};
use crate::report::{Detail, Style};

/// Lines of prose are not longer.
const PROSE: usize = 110;
/// What does not hold is listed up to here, unless more is asked for.
const MOST: usize = 40;

/// Writes the outcome; `file` is the file of expectations.
///
/// # Errors
/// Those of `out`.
pub fn table(
    checked: &Checked,
    report: &Report,
    file: &str,
    style: &Style,
    out: &mut impl Write,
) -> io::Result<()> {
    let told: Vec<&Judged> = checked
        .expectations
        .iter()
        .filter(|judged| match style.detail {
            Detail::Quiet => judged.outcome == checked.verdict && judged.outcome != Outcome::Pass,
            Detail::Normal => judged.outcome != Outcome::Pass,
            Detail::Streams | Detail::Chunks => true,
        })
        .collect();
    let all = style.detail >= Detail::Streams;
    let mut about: Option<Option<&str>> = None;
    let mut shown = 0_usize;
    let mut absent = None;
    for judged in &told {
        let subject = judged.picture.as_deref();
        // What else is expected of a picture that is not there needs no telling.
        if judged.name != "present" && absent == Some(subject) && !all {
            continue;
        }
        if !all && shown == MOST {
            break;
        }
        shown += 1;
        if about != Some(subject) {
            about = Some(subject);
            writeln!(out, "{}", heading(judged, report, style))?;
        }
        if judged.name == "present" && judged.outcome != Outcome::Pass {
            absent = Some(subject);
        }
        expectation(judged, file, style, out)?;
    }
    let untold = told.len() - shown;
    if untold > 0 && absent.is_none() {
        let more = counted(untold as u64, "other", "others");
        writeln!(out, "and {more}: -v tells them")?;
    }
    if !told.is_empty() {
        writeln!(out)?;
    }
    summary(checked, report, file, style, out)
}

fn heading(judged: &Judged, report: &Report, style: &Style) -> String {
    let Some(label) = &judged.picture else {
        return "run".to_owned();
    };
    let label = plain(label, style.unicode);
    let image = judged
        .image
        .and_then(|id| report.images.iter().find(|image| image.id == id));
    let Some(image) = image else {
        return label.into_owned();
    };
    let route = crate::report::text::route(image.from, image.to, style.unicode);
    let frames =
        crate::report::text::frame_range(image.first_packet, image.last_packet, style.unicode);
    let number = format!("picture {}", image.id.0);
    if label == number {
        format!("{number} ({route}, frames {frames})")
    } else {
        format!("{label} = {number} ({route}, frames {frames})")
    }
}

fn expectation(judged: &Judged, file: &str, style: &Style, out: &mut impl Write) -> io::Result<()> {
    let mark = mark(judged.outcome, style);
    let place = match judged.line {
        Some(line) => format!("  ({}:{line})", plain(file, style.unicode)),
        None => String::new(),
    };
    let name = plain(&judged.name, style.unicode);
    let expected = judged.expected.human(style.unicode);
    let unknown = || match judged.outcome {
        Outcome::Inconclusive => "cannot be told".to_owned(),
        _ => "unknown".to_owned(),
    };
    let actual = judged
        .actual
        .as_ref()
        .map_or_else(unknown, |actual| actual.human(style.unicode));
    if judged.outcome == Outcome::Pass {
        let line = format!("  {mark} {name}: {actual}");
        return writeln!(out, "{line}");
    }
    writeln!(out, "  {mark} {name}{place}")?;
    let width = style.width.min(PROSE);
    let mut say = |word: &str, text: &str| -> io::Result<()> {
        for line in wrap(text, width, &format!("      {word}"), "               ") {
            writeln!(out, "{line}")?;
        }
        Ok(())
    };
    say("expected ", &expected)?;
    let note = judged.note.as_ref().map(|note| plain(note, style.unicode));
    match note {
        // A difference belongs beside the number, a sentence below it.
        Some(note) if note.len() < 30 => say("actual   ", &format!("{actual}, {note}")),
        Some(note) => {
            say("actual   ", &actual)?;
            say("because  ", &note)
        }
        None => say("actual   ", &actual),
    }
}

fn mark(outcome: Outcome, style: &Style) -> String {
    let (color, unicode, ascii) = match outcome {
        Outcome::Pass => (AnsiColor::Green, "✔", "ok"),
        Outcome::Fail => (AnsiColor::Red, "✖", "FAIL"),
        Outcome::Inconclusive => (AnsiColor::Yellow, "?", "?"),
    };
    paint(if style.unicode { unicode } else { ascii }, color, style)
}

fn paint(text: &str, color: AnsiColor, style: &Style) -> String {
    if style.color {
        let ansi = Ansi::new().fg_color(Some(color.into()));
        format!("{ansi}{text}{ansi:#}")
    } else {
        text.to_owned()
    }
}

fn summary(
    checked: &Checked,
    report: &Report,
    file: &str,
    style: &Style,
    out: &mut impl Write,
) -> io::Result<()> {
    let hold = checked.count(Outcome::Pass);
    let fail = checked.count(Outcome::Fail);
    let open = checked.count(Outcome::Inconclusive);
    let of = checked.expectations.len() as u64;
    let files = match report.captures.as_slice() {
        [one] if one.path == "-" => "standard input".to_owned(),
        [one] => one.path.clone(),
        files => counted(files.len() as u64, "file", "files"),
    };
    let holds = if hold == 1 { "holds" } else { "hold" };
    let line = match checked.verdict {
        Outcome::Pass => format!(
            "{} {holds}: {files} is as {file} says",
            counted(of, "expectation", "expectations")
        ),
        Outcome::Fail => {
            let mut line = format!(
                "{} of {} {}",
                count(fail),
                counted(of, "expectation", "expectations"),
                if fail == 1 { "fails" } else { "fail" }
            );
            if open > 0 {
                line.push_str(&format!(", {} cannot be judged", count(open)));
            }
            line.push_str(&format!(
                ", {} {holds}: {files} is not as {file} says",
                count(hold)
            ));
            line
        }
        Outcome::Inconclusive => format!(
            "inconclusive: {} of {} cannot be judged, because {files} lacks something; {} {holds}",
            count(open),
            counted(of, "expectation", "expectations"),
            count(hold)
        ),
    };
    let color = match checked.verdict {
        Outcome::Pass => AnsiColor::Green,
        Outcome::Fail => AnsiColor::Red,
        Outcome::Inconclusive => AnsiColor::Yellow,
    };
    let plain_mark = mark(
        checked.verdict,
        &Style {
            color: false,
            ..*style
        },
    );
    let line = plain(&line, style.unicode);
    for line in wrap(
        &line,
        style.width.min(PROSE),
        &format!("{plain_mark} "),
        "  ",
    ) {
        writeln!(out, "{}", paint(&line, color, style))?;
    }
    Ok(())
}
