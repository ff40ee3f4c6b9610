//! The outcome of expectations, told to people, to programs, and to GitHub.

mod annotations;
mod csv;
pub(crate) mod junit;
mod table;

use std::io::{self, Write};

use serde::Serialize;

pub(crate) use annotations::{annotations, mistakes as mistake_annotations};

use super::Checked;
use crate::ledger::Verdict;
use crate::report::csv::Table;
use crate::report::model::{CaptureFile, Report};
use crate::report::{Print, Style, json};

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

/// What was expected of a report, and what came of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outcomes<'o> {
    pub(crate) checked: &'o Checked,
    pub(crate) report: &'o Report,
    /// The file of expectations.
    pub(crate) file: &'o str,
}

impl Print for Outcomes<'_> {
    fn table(&self, style: &Style, out: &mut dyn Write) -> io::Result<()> {
        table::table(self.checked, self.report, self.file, style, out)
    }

    fn json(&self, _threads: usize, mut out: &mut dyn Write) -> io::Result<()> {
        let document = Document {
            schema: SCHEMA,
            expect: self.file,
            captures: &self.report.captures,
            run_verdict: self.report.verdict,
            checked: self.checked,
        };
        json::write(&document, &mut out)
    }

    fn csv(&self, _table: Table, out: &mut dyn Write) -> io::Result<()> {
        csv::csv(self.checked, out)
    }
}
