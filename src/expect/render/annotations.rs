//! GitHub's workflow commands: each line becomes an annotation at a line of the file of expectations.
//! <https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands>

use std::io::{self, Write};

use crate::expect::{Checked, Mistakes, Outcome};
use crate::report::text;

/// Writes an `::error` command for each expectation that does not hold or cannot be judged.
///
/// # Errors
/// Those of `out`.
pub(crate) fn annotations(checked: &Checked, file: &str, out: &mut impl Write) -> io::Result<()> {
    for judged in &checked.expectations {
        let what = match judged.outcome {
            Outcome::Pass => continue,
            Outcome::Fail => "expectation failed",
            Outcome::Inconclusive => "cannot be judged",
        };
        let subject = judged.picture.as_deref().unwrap_or("run");
        let title = format!("{subject}: {} {what}", judged.name);
        let actual = match &judged.actual {
            Some(actual) => actual.human(true),
            None => "unknown".to_owned(),
        };
        let mut message = format!("expected {}\nactual {actual}", judged.expected.human(true));
        for more in judged.note.iter().chain(&judged.lack) {
            message.push('\n');
            message.push_str(&text::plain(more, true));
        }
        command(file, judged.line, None, &title, &message, out)?;
    }
    Ok(())
}

/// Writes an `::error` command for each mistake in the file of expectations.
///
/// # Errors
/// Those of `out`.
pub(crate) fn mistakes(mistakes: &Mistakes, file: &str, out: &mut impl Write) -> io::Result<()> {
    for mistake in &mistakes.0 {
        let message = text::plain(&mistake.message, true);
        let place = (Some(mistake.line), Some(mistake.column));
        command(
            file,
            place.0,
            place.1,
            "mistake in the expectations",
            &message,
            out,
        )?;
    }
    Ok(())
}

fn command(
    file: &str,
    line: Option<usize>,
    column: Option<usize>,
    title: &str,
    message: &str,
    out: &mut impl Write,
) -> io::Result<()> {
    write!(out, "::error file={}", property(file))?;
    if let Some(line) = line {
        write!(out, ",line={line}")?;
    }
    if let Some(column) = column {
        write!(out, ",col={column}")?;
    }
    writeln!(out, ",title={}::{}", property(title), data(message))
}

/// The message of a command: `%`, CR and LF escaped.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// A property of a command: `:` and `,` too.
fn property(text: &str) -> String {
    data(&text::plain(text, true))
        .replace(':', "%3A")
        .replace(',', "%2C")
}
