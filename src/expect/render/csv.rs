//! The rendering for spreadsheets: a row for each expectation (RFC 4180).

use std::borrow::Cow;
use std::io::{self, Write};

use crate::expect::{Checked, Outcome, Value};
use crate::report::text;

/// Writes a row for each expectation, headings first; what is unknown is empty.
///
/// # Errors
/// Those of `out`.
pub(super) fn csv(checked: &Checked, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "name,picture,image,expected,actual,outcome,note,lack,line"
    )?;
    for judged in &checked.expectations {
        let outcome = match judged.outcome {
            Outcome::Pass => "pass",
            Outcome::Fail => "fail",
            Outcome::Inconclusive => "inconclusive",
        };
        writeln!(
            out,
            "{},{},{},{},{},{outcome},{},{},{}",
            field(&judged.name),
            judged.picture.as_deref().map(field).unwrap_or_default(),
            judged
                .image
                .map(|image| image.0.to_string())
                .unwrap_or_default(),
            value(&judged.expected),
            judged.actual.as_ref().map(value).unwrap_or_default(),
            judged.note.as_deref().map(field).unwrap_or_default(),
            judged.lack.as_deref().map(field).unwrap_or_default(),
            judged.line.map(|line| line.to_string()).unwrap_or_default(),
        )?;
    }
    Ok(())
}

fn value(value: &Value) -> String {
    match value {
        Value::Count(number) => number.to_string(),
        Value::Within(bounds) => bounds.to_string(),
        other => field(&other.human(true)).into_owned(),
    }
}

/// Quoted where it must be; what a spreadsheet would take for a formula begins with a space.
fn field(raw: &str) -> Cow<'_, str> {
    let text = text::plain(raw, true);
    let formula = text.starts_with(['=', '+', '-', '@']);
    if !formula && !text.contains([',', '"']) {
        return text;
    }
    let space = if formula { " " } else { "" };
    Cow::Owned(format!("\"{space}{}\"", text.replace('"', "\"\"")))
}
