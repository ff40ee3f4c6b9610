//! What `verify` says, as the test cases of a CI server: one for each picture, one for the run.

use crate::expect::{Checked, Judged, Outcome, Value};
use crate::ledger::{Image, Verdict};
use crate::report::model::Report;
use crate::report::text;

/// The cases of a report that was verified. They say `verdict`: expected `match`.
pub(super) fn cases(report: &Report) -> Checked {
    let mut cases: Vec<Judged> = report
        .images
        .iter()
        .map(|image| case(Some(image), Some(image.verdict), told_of(report, image)))
        .collect();
    let run = report
        .findings
        .iter()
        .filter(|finding| finding.image.is_none())
        .map(|finding| finding.message.as_str());
    let mut of_run = case(None, report.verdict, None);
    // What did not work is no success, be every picture whole: the exit code says the same.
    if of_run.outcome == Outcome::Pass && crate::cli::capture::has_errors(report) {
        of_run.outcome = Outcome::Fail;
        of_run.actual = Some(Value::Text("match, with an error".to_owned()));
    }
    if of_run.outcome != Outcome::Pass {
        of_run.note = first_of(run);
    }
    cases.push(of_run);
    Checked {
        verdict: cases
            .iter()
            .map(|case| case.outcome)
            .max()
            .unwrap_or(Outcome::Inconclusive),
        expectations: cases,
        totals: report.totals,
    }
}

fn case(image: Option<&Image>, verdict: Option<Verdict>, note: Option<String>) -> Judged {
    let outcome = match verdict {
        Some(Verdict::Match) => Outcome::Pass,
        Some(Verdict::Inconclusive) => Outcome::Inconclusive,
        Some(Verdict::Unverified | Verdict::Incomplete | Verdict::Mismatch) | None => Outcome::Fail,
    };
    let name = |verdict: Verdict| {
        serde_json::to_value(verdict)
            .ok()
            .and_then(|value| value.as_str().map(str::to_owned))
            .unwrap_or_default()
    };
    Judged {
        name: "verdict".to_owned(),
        picture: image
            .map(|image| format!("picture {} ({} to {})", image.id.0, image.from, image.to)),
        image: image.map(|image| image.id),
        expected: Value::Text(name(Verdict::Match)),
        actual: Some(Value::Text(
            verdict.map_or_else(|| "no picture".to_owned(), name),
        )),
        outcome,
        note: note.filter(|_| outcome != Outcome::Pass),
        lack: (outcome == Outcome::Inconclusive).then(|| "the capture lacks bytes".to_owned()),
        holds_so_far: outcome == Outcome::Inconclusive,
        line: None,
    }
}

/// What is said of a picture: the first finding about it, else what is wrong with it.
fn told_of(report: &Report, image: &Image) -> Option<String> {
    let findings = report
        .findings
        .iter()
        .filter(|finding| finding.image == Some(image.id))
        .map(|finding| finding.message.as_str());
    first_of(findings).or_else(|| image.problem.as_ref().map(ToString::to_string))
}

fn first_of<'f>(mut messages: impl Iterator<Item = &'f str>) -> Option<String> {
    messages
        .next()
        .map(|message| text::plain(message, true).into_owned())
}
