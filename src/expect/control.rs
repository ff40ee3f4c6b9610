//! The control: a known-good transfer in the very same capture. Where it was seen whole, "nothing found" is not "nothing
//! captured"; where it was not, nothing that is not there can be relied on.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use super::{Checked, Expectations, Judged, Outcome, Value, judge};
use crate::ledger::Image;
use crate::report::model::Report;
use crate::report::text::counted;
use crate::units::StreamId;

/// Judges as [`judge`] does, by what is beside the control transfers on `ports`, each of which has to be there whole.
pub fn judge_beside(expectations: &Expectations, report: &Report, ports: &[u16]) -> Checked {
    if ports.is_empty() {
        return judge(expectations, report);
    }
    let on = |port: u16, image: &Image| [image.from, image.to].iter().any(|end| end.port() == port);
    let mut beside = report.clone();
    let is_control = |ends: [SocketAddr; 2]| ends.iter().any(|end| ports.contains(&end.port()));
    let controls: BTreeSet<StreamId> = report
        .streams
        .iter()
        .filter(|stream| stream.directions.iter().any(|d| is_control([d.from, d.to])))
        .map(|stream| stream.id)
        .collect();
    beside
        .streams
        .retain(|stream| !controls.contains(&stream.id));
    beside
        .images
        .retain(|image| !controls.contains(&image.stream));
    beside.findings.retain(|finding| {
        finding
            .stream
            .is_none_or(|stream| !controls.contains(&stream))
    });
    beside.conclude();
    let mut checked = judge(expectations, &beside);
    for port in ports {
        let of_port: Vec<&Image> = report
            .images
            .iter()
            .filter(|image| on(*port, image))
            .collect();
        let whole: Vec<&&Image> = of_port
            .iter()
            .filter(|image| image.complete && image.gap_bytes == 0)
            .collect();
        let seen = !whole.is_empty();
        let number = |number: usize| counted(number as u64, "picture", "pictures");
        checked.expectations.push(Judged {
            name: format!("control {port}"),
            picture: None,
            image: whole.first().map(|image| image.id),
            expected: Value::Text(format!("a whole picture on port {port}")),
            actual: Some(Value::Text(format!(
                "{}, {} whole",
                number(of_port.len()),
                whole.len()
            ))),
            outcome: if seen {
                Outcome::Pass
            } else {
                Outcome::Inconclusive
            },
            note: None,
            lack: (!seen).then(|| {
                "the known-good transfer, so that what is not in the capture may have happened unseen".to_owned()
            }),
            holds_so_far: false,
            line: None,
        });
        if !seen {
            checked.verdict = checked.verdict.max(Outcome::Inconclusive);
        }
    }
    checked
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn a_control_that_was_seen_changes_nothing_and_is_not_counted() {
        let report = samples::healthy();
        let port = report.images[0].to.port().min(report.images[0].from.port());
        let expectations = super::super::parse("[run]\npictures = 0\n").unwrap();
        let checked = judge_beside(&expectations, &report, &[port]);
        let control = checked.expectations.last().unwrap();
        assert_eq!(
            (control.name.clone(), control.outcome),
            (format!("control {port}"), Outcome::Pass)
        );
        let left = report
            .images
            .iter()
            .filter(|image| image.from.port() != port && image.to.port() != port);
        let expected = if left.count() == 0 {
            Outcome::Pass
        } else {
            Outcome::Fail
        };
        assert_eq!(checked.verdict, expected);
    }

    #[test]
    fn without_the_control_what_holds_is_inconclusive() {
        let report = samples::healthy();
        let expectations = super::super::parse("[run]\nstreams = \"0..=1000\"\n").unwrap();
        assert_eq!(judge(&expectations, &report).verdict, Outcome::Pass);
        let checked = judge_beside(&expectations, &report, &[9]);
        assert_eq!(checked.verdict, Outcome::Inconclusive);
        assert!(checked.expectations.last().unwrap().lack.is_some());
    }
}
