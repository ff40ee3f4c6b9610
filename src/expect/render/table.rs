//! The rendering for people: what does not hold, with expected and actual; a healthy run takes one line.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style as Ansi};

use crate::expect::record::carriers;
use crate::expect::{Checked, Judged, Outcome, Value};
use crate::report::model::Report;
use crate::report::text::{count, counted, plain, route, wrap};
use crate::report::{Detail, Style};

/// Lines of prose are not longer.
const PROSE: usize = 110;
/// What does not hold is listed up to here, unless more is asked for.
const MOST: usize = 40;
/// A note that is not longer stands beside the number it is about.
const SHORT: usize = 30;

/// Writes the outcome; `file` is the file of expectations.
///
/// # Errors
/// Those of `out`.
pub(super) fn table(
    checked: &Checked,
    report: &Report,
    file: &str,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut room = if style.detail >= Detail::Streams {
        usize::MAX
    } else {
        MOST
    };
    let mut told = false;
    let mut untold = 0;
    let same = |a: &Judged, b: &Judged| a.picture == b.picture;
    for subject in checked.expectations.chunk_by(same) {
        let (shown, so_far) = choose(subject, checked.verdict, style.detail);
        if shown.is_empty() && so_far.is_empty() {
            continue;
        }
        if room == 0 {
            untold += shown.len();
            continue;
        }
        told = true;
        let page = shown.len().min(room);
        untold += shown.len() - page;
        room -= page;
        let subject = Subject {
            judged: subject,
            file,
            style,
        };
        subject.head(report, out)?;
        for judged in shown.iter().take(page) {
            subject.expectation(judged, out)?;
        }
        subject.so_far(&so_far, out)?;
    }
    if untold > 0 {
        let more = counted(untold as u64, "other", "others");
        writeln!(out, "and {more}: -v tells them")?;
    }
    if told {
        writeln!(out)?;
    }
    summary(checked, report, file, style, out)
}

/// What to tell in full, and what only to name: that which holds as far as the capture goes.
fn choose(subject: &[Judged], verdict: Outcome, detail: Detail) -> (Vec<&Judged>, Vec<&Judged>) {
    let absent = subject
        .first()
        .is_some_and(|first| first.name == "present" && first.outcome != Outcome::Pass);
    match detail {
        Detail::Streams | Detail::Chunks => (subject.iter().collect(), Vec::new()),
        // What else is expected of a picture that is not there needs no telling.
        _ if absent => (subject.iter().take(1).collect(), Vec::new()),
        Detail::Quiet | Detail::Normal => subject
            .iter()
            .filter(|judged| judged.outcome != Outcome::Pass)
            .filter(|judged| detail == Detail::Normal || judged.outcome == verdict)
            .partition(|judged| !judged.holds_so_far),
    }
}

/// The run or a picture.
struct Subject<'s> {
    judged: &'s [Judged],
    file: &'s str,
    style: &'s Style,
}

impl Subject<'_> {
    fn width(&self) -> usize {
        self.style.width.min(PROSE)
    }

    /// What it is about, and what the capture lacks of it.
    fn head(&self, report: &Report, out: &mut dyn Write) -> io::Result<()> {
        let style = self.style;
        let first = self.judged.first();
        let image = first
            .and_then(|judged| judged.image)
            .and_then(|id| report.images.iter().find(|image| image.id == id));
        let label = match first.and_then(|judged| judged.picture.as_deref()) {
            None => "run".to_owned(),
            Some(label) => plain(label, style.unicode).into_owned(),
        };
        let line = match image {
            None => label,
            Some(image) => {
                let number = format!("picture {}", image.id.0);
                let name = if label == number {
                    label
                } else {
                    format!("{label} = {number}")
                };
                format!(
                    "{name} ({}, {})",
                    route(image.from, image.to, style.unicode),
                    carriers(image, style.unicode)
                )
            }
        };
        writeln!(out, "{line}")?;
        let Some(lack) = self.judged.iter().find_map(|judged| judged.lack.as_ref()) else {
            return Ok(());
        };
        let lack = plain(lack, style.unicode);
        for line in wrap(&lack, self.width(), "  cannot be judged: ", "    ") {
            writeln!(out, "{}", paint(&line, AnsiColor::Yellow, style))?;
        }
        Ok(())
    }

    fn expectation(&self, judged: &Judged, out: &mut dyn Write) -> io::Result<()> {
        let style = self.style;
        let mark = mark(judged.outcome, style);
        let name = plain(&judged.name, style.unicode);
        let actual = self.actual(judged);
        if judged.outcome == Outcome::Pass {
            return writeln!(out, "  {mark} {name}: {actual}");
        }
        match judged.line {
            Some(line) => {
                writeln!(
                    out,
                    "  {mark} {name}  ({}:{line})",
                    plain(self.file, style.unicode)
                )?;
            }
            None => writeln!(out, "  {mark} {name}")?,
        }
        let width = self.width();
        let mut say = |word: &str, text: &str| -> io::Result<()> {
            for line in wrap(text, width, &format!("      {word}"), "               ") {
                writeln!(out, "{line}")?;
            }
            Ok(())
        };
        say("expected ", &judged.expected.human(style.unicode))?;
        match judged.note.as_ref().map(|note| plain(note, style.unicode)) {
            // A difference belongs beside the number, a sentence below it.
            Some(note) if note.len() < SHORT => say("actual   ", &format!("{actual}, {note}"))?,
            Some(note) => {
                say("actual   ", &actual)?;
                say("because  ", &note)?;
            }
            None => say("actual   ", &actual)?,
        }
        let others = self.judged.len() - 1;
        if judged.name == "present" && others > 0 && style.detail < Detail::Streams {
            let others = counted(others as u64, "other expectation", "other expectations");
            say("", &format!("and so for its {others}"))?;
        }
        Ok(())
    }

    fn actual(&self, judged: &Judged) -> String {
        let Some(actual) = &judged.actual else {
            return match judged.outcome {
                Outcome::Inconclusive => "cannot be told".to_owned(),
                Outcome::Pass | Outcome::Fail => "unknown".to_owned(),
            };
        };
        let text = actual.human(self.style.unicode);
        match actual {
            // A digest of what was captured is not the picture's.
            Value::Count(_) if judged.lack.is_some() => format!("{text} so far"),
            Value::Text(_) if judged.lack.is_some() && is_digest(&judged.name) => {
                format!("{text} so far")
            }
            _ => text,
        }
    }

    fn so_far(&self, judged: &[&Judged], out: &mut dyn Write) -> io::Result<()> {
        if judged.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = judged.iter().map(|judged| judged.name.as_str()).collect();
        let line = format!("as expected so far: {}", names.join(", "));
        let first = format!(
            "  {} ",
            mark(Outcome::Inconclusive, &plain_style(self.style))
        );
        for line in wrap(&line, self.width(), &first, "    ") {
            writeln!(out, "{line}")?;
        }
        Ok(())
    }
}

fn is_digest(name: &str) -> bool {
    matches!(name, "sha256" | "blake3" | "crc32")
}

fn plain_style(style: &Style) -> Style {
    Style {
        color: false,
        ..*style
    }
}

fn color(outcome: Outcome) -> AnsiColor {
    match outcome {
        Outcome::Pass => AnsiColor::Green,
        Outcome::Fail => AnsiColor::Red,
        Outcome::Inconclusive => AnsiColor::Yellow,
    }
}

fn mark(outcome: Outcome, style: &Style) -> String {
    let (unicode, ascii) = match outcome {
        Outcome::Pass => ("✔", "ok"),
        Outcome::Fail => ("✖", "FAIL"),
        Outcome::Inconclusive => ("?", "?"),
    };
    let mark = if style.unicode { unicode } else { ascii };
    paint(mark, color(outcome), style)
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
    out: &mut dyn Write,
) -> io::Result<()> {
    let hold = checked.count(Outcome::Pass);
    let fail = checked.count(Outcome::Fail);
    let open = checked.count(Outcome::Inconclusive);
    let of = checked.expectations.len() as u64;
    let many = report.captures.len() > 1;
    let captures = match report.captures.as_slice() {
        [one] if one.path == "-" => "standard input".to_owned(),
        [one] => one.path.clone(),
        files => format!("these {}", counted(files.len() as u64, "file", "files")),
    };
    let (is, lacks) = if many {
        ("are", "lack")
    } else {
        ("is", "lacks")
    };
    let holds = if hold == 1 { "holds" } else { "hold" };
    let fails = if fail == 1 { "fails" } else { "fail" };
    let (fail, of_all, hold) = (count(fail), count(of), count(hold));
    let line = match checked.verdict {
        Outcome::Pass => {
            let all = counted(of, "expectation", "expectations");
            format!("{all} {holds}: {captures} {is} as {file} says")
        }
        Outcome::Fail => {
            let open = match open {
                0 => String::new(),
                open => format!(", {} cannot be judged", count(open)),
            };
            format!(
                "{fail} of {of_all} expectations {fails}{open}, {hold} {holds}: {captures} {is} not as {file} says"
            )
        }
        Outcome::Inconclusive => format!(
            "inconclusive: {} of {of_all} expectations cannot be judged, because {captures} {lacks} something; \
             {hold} {holds}",
            count(open)
        ),
    };
    let first = format!("{} ", mark(checked.verdict, &plain_style(style)));
    let line = plain(&line, style.unicode);
    for line in wrap(&line, style.width.min(PROSE), &first, "  ") {
        writeln!(out, "{}", paint(&line, color(checked.verdict), style))?;
    }
    Ok(())
}
