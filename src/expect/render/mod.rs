//! The outcome of expectations, told to people, to programs, and to GitHub.

mod annotations;
mod csv;
pub(crate) mod junit;
mod table;

use std::io::{self, Write};

use serde::Serialize;

pub(crate) use annotations::{annotations, mistakes as mistake_annotations};
pub(crate) use csv::csv;
pub(crate) use table::table;

use super::Checked;
use crate::ledger::Verdict;
use crate::report::json;
use crate::report::model::{CaptureFile, Report};

/// The value of `schema` in the JSON.
pub(crate) const SCHEMA: &str = "imgnet/check/v1";

#[derive(Serialize)]
struct Document<'d> {
    schema: &'static str,
    expect: &'d str,
    captures: &'d [CaptureFile],
    run_verdict: Option<Verdict>,
    #[serde(flatten)]
    checked: &'d Checked,
}

/// Writes one JSON object, [`SCHEMA`]; `file` is the file of expectations.
///
/// # Errors
/// Those of `out`.
pub(crate) fn json(
    checked: &Checked,
    report: &Report,
    file: &str,
    out: &mut impl Write,
) -> io::Result<()> {
    let document = Document {
        schema: SCHEMA,
        expect: file,
        captures: &report.captures,
        run_verdict: report.verdict,
        checked,
    };
    json::write(&document, out)
}
