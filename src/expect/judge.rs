//! Holds expectations against a report.

use super::findings::is_of_the_capture;
use super::matching::{digest_of, matches};
use super::{
    At, Bounds, Checked, Expectations, FindingPattern, Judged, Outcome, PictureExpectations,
    RunExpectations, Value, Which, lack,
};
use crate::findings::{Finding, Severity};
use crate::ledger::{ChunkSizeSource, Direction, Image, Verdict};
use crate::report::model::Report;
use crate::report::text;
use crate::units::{PictureId, Timestamp};

/// What came of each expectation. The verdict is the worst outcome.
pub fn judge(expectations: &Expectations, report: &Report) -> Checked {
    let lacking = lack::of_run(report);
    let matches = matches(expectations, report);
    let mut judged = Vec::new();
    for (index, (picture, found)) in expectations.pictures.iter().zip(&matches).enumerate() {
        let image = match found {
            Ok(image) => report.images.get(*image).ok_or("no picture fits"),
            Err(reason) => Err(reason.as_str()),
        };
        Subject {
            picture: Some(expectations.label(index)),
            image: image.ok().map(|image| image.id),
            lack: match image {
                Ok(image) => lack::of_image(image),
                Err(_) => lacking.clone(),
            },
            judged: &mut judged,
        }
        .picture(picture, image, report);
    }
    Subject {
        picture: None,
        image: None,
        lack: lacking,
        judged: &mut judged,
    }
    .run(expectations, report, matches.iter().flatten().count());
    Checked {
        verdict: judged
            .iter()
            .map(|judged| judged.outcome)
            .max()
            .unwrap_or(Outcome::Pass),
        expectations: judged,
        totals: report.totals,
    }
}

/// The run or a picture, while its expectations are judged.
struct Subject<'j> {
    picture: Option<String>,
    image: Option<PictureId>,
    /// What the capture lacks of it.
    lack: Option<String>,
    judged: &'j mut Vec<Judged>,
}

/// How something is as expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fit {
    /// It is, whatever else was missed.
    Yes,
    /// It is, and more of what happened could spoil it.
    SoFar,
    /// It is not, and more of what happened could change it.
    NotYet,
    /// It is not, whatever else was missed.
    No,
    /// The capture cannot tell.
    Open,
}

/// What came, as far as it is known, and how it is as expected.
struct Came {
    actual: Option<Value>,
    fit: Fit,
    note: Option<String>,
}

impl Subject<'_> {
    fn add(&mut self, name: &str, line: Option<usize>, expected: Value, came: Came) {
        let outcome = match (came.fit, &self.lack) {
            (Fit::Yes, _) | (Fit::SoFar, None) => Outcome::Pass,
            (Fit::No, _) | (Fit::NotYet, None) => Outcome::Fail,
            (Fit::SoFar | Fit::NotYet, Some(_)) | (Fit::Open, _) => Outcome::Inconclusive,
        };
        let inconclusive = outcome == Outcome::Inconclusive;
        self.judged.push(Judged {
            name: name.to_owned(),
            picture: self.picture.clone(),
            image: self.image,
            expected,
            actual: came.actual,
            outcome,
            note: came.note,
            lack: self.lack.clone().filter(|_| inconclusive),
            holds_so_far: inconclusive && came.fit == Fit::SoFar,
            line,
        });
    }

    /// A number that can only grow by what the capture lacks.
    fn bounded(&mut self, name: &str, expected: Option<&At<Bounds>>, actual: Option<u64>) {
        let Some(At {
            value: bounds,
            line,
        }) = expected
        else {
            return;
        };
        let (fit, note) = match (actual, bounds.max) {
            (None, _) => (Fit::NotYet, None),
            (Some(actual), Some(max)) if actual > max => (
                Fit::No,
                Some(format!("{} too many", text::count(actual - max))),
            ),
            (Some(actual), _) if actual < bounds.min => {
                let few = format!("{} too few", text::count(bounds.min - actual));
                (Fit::NotYet, Some(few))
            }
            (Some(_), Some(_)) => (Fit::SoFar, None),
            (Some(_), None) => (Fit::Yes, None),
        };
        let came = Came {
            actual: actual.map(Value::Count),
            fit,
            note,
        };
        self.add(name, Some(*line), Value::Within(*bounds), came);
    }

    /// A number that does not depend on how much was captured, once it is known.
    fn fixed(&mut self, name: &str, expected: Option<&At<Bounds>>, actual: Option<u64>) {
        let Some(At {
            value: bounds,
            line,
        }) = expected
        else {
            return;
        };
        let within =
            |actual: u64| bounds.min <= actual && bounds.max.is_none_or(|max| actual <= max);
        let came = Came {
            actual: actual.map(Value::Count),
            fit: match actual {
                Some(actual) if within(actual) => Fit::Yes,
                Some(_) => Fit::No,
                None => Fit::NotYet,
            },
            note: None,
        };
        self.add(name, Some(*line), Value::Within(*bounds), came);
    }

    fn at_most(
        &mut self,
        expected: Option<&At<i64>>,
        from: Option<Timestamp>,
        to: Option<Timestamp>,
    ) {
        let Some(At { value: most, line }) = expected else {
            return;
        };
        let took = from.zip(to).map(|(from, to)| to.since(from));
        let came = match took {
            Some(took) if took > *most => Came {
                actual: Some(Value::Time(took)),
                fit: Fit::No,
                note: Some(format!("{} too long", text::duration(took - most, true))),
            },
            Some(took) => Came {
                actual: Some(Value::Time(took)),
                fit: Fit::SoFar,
                note: None,
            },
            None => Came {
                actual: None,
                fit: Fit::Open,
                note: Some("the capture has no times for it".to_owned()),
            },
        };
        self.add("max_duration", Some(*line), Value::AtMost(*most), came);
    }

    fn verdict(&mut self, expected: Option<&At<Vec<Verdict>>>, actual: Option<Verdict>) {
        let Some(At { value, line }) = expected else {
            return;
        };
        let expected = value
            .iter()
            .map(|verdict| verdict.as_str())
            .collect::<Vec<_>>();
        let fit = match actual {
            Some(actual) if value.contains(&actual) => Fit::SoFar,
            Some(Verdict::Inconclusive) => Fit::Open,
            Some(Verdict::Incomplete | Verdict::Mismatch) => Fit::No,
            Some(_) | None => Fit::NotYet,
        };
        // That it cannot be judged was what was expected.
        let fit = match actual {
            Some(Verdict::Inconclusive) if value.contains(&Verdict::Inconclusive) => Fit::Yes,
            _ => fit,
        };
        let came = Came {
            actual: actual.map(|verdict| Value::Text(verdict.to_string())),
            fit,
            note: None,
        };
        self.add(
            "verdict",
            Some(*line),
            Value::Text(expected.join(" or ")),
            came,
        );
    }

    fn picture(
        &mut self,
        expected: &PictureExpectations,
        image: Result<&Image, &str>,
        report: &Report,
    ) {
        let line = Some(expected.line);
        let meant = Value::Text(described(&expected.which));
        let came = match image {
            Ok(image) => Came {
                actual: Some(Value::Text(format!(
                    "picture {}, {}",
                    image.id.0,
                    text::route(image.from, image.to, true)
                ))),
                fit: Fit::Yes,
                note: None,
            },
            Err(reason) => Came {
                actual: Some(Value::Text(reason.to_owned())),
                fit: Fit::NotYet,
                note: None,
            },
        };
        self.add("present", line, meant, came);
        let image = image.ok();
        let number = |of: fn(&Image) -> u64| image.map(of);
        self.bounded(
            "bytes",
            expected.bytes.as_ref(),
            number(|image| image.bytes),
        );
        self.digests(expected, image);
        self.format(expected, image);
        let size = |of: fn(&Image) -> Option<u32>| image.and_then(of).map(u64::from);
        self.fixed("width", expected.width.as_ref(), size(|image| image.width));
        self.fixed(
            "height",
            expected.height.as_ref(),
            size(|image| image.height),
        );
        self.complete(expected, image);
        self.protocol(expected, image);
        self.verdict(expected.verdict.as_ref(), image.map(|image| image.verdict));
        self.chunk_size(expected, image);
        let chunks = image.and_then(|image| Some(image.chunks.as_ref()?.len()));
        self.bounded("chunks", expected.chunks.as_ref(), chunks);
        self.bounded(
            "packets",
            expected.packets.as_ref(),
            number(|image| image.packets),
        );
        self.bounded(
            "wire_bytes",
            expected.wire_bytes.as_ref(),
            number(|image| image.wire_bytes),
        );
        self.bounded(
            "duplicate_bytes",
            expected.duplicate_bytes.as_ref(),
            number(|image| image.duplicate_bytes),
        );
        self.bounded(
            "retransmitted_packets",
            expected.retransmitted_packets.as_ref(),
            number(|image| image.retransmitted_packets),
        );
        self.gap_bytes(expected, image);
        self.directions(expected, image, report);
        self.at_most(
            expected.max_duration.as_ref(),
            image.and_then(|image| image.started),
            image.and_then(|image| image.ended),
        );
    }

    fn digests(&mut self, expected: &PictureExpectations, image: Option<&Image>) {
        for At { value, line } in &expected.digests {
            let actual = image.and_then(|image| digest_of(image, value.kind));
            let came = Came {
                actual: actual.map(|digest| Value::Text(digest.to_owned())),
                fit: if actual == Some(&value.hex) {
                    Fit::Yes
                } else {
                    Fit::NotYet
                },
                note: None,
            };
            let expected = Value::Text(value.hex.clone());
            self.add(value.kind.name(), Some(*line), expected, came);
        }
    }

    fn format(&mut self, expected: &PictureExpectations, image: Option<&Image>) {
        let Some(At { value, line }) = &expected.format else {
            return;
        };
        let actual = image.and_then(|image| image.format);
        let came = Came {
            actual: match (image, actual) {
                (_, Some(format)) => Some(Value::Text(format.name().to_owned())),
                (Some(_), None) => Some(Value::Text("no known file format".to_owned())),
                (None, None) => None,
            },
            fit: match actual {
                Some(actual) if actual == *value => Fit::Yes,
                Some(_) => Fit::No,
                None => Fit::NotYet,
            },
            note: None,
        };
        self.add(
            "format",
            Some(*line),
            Value::Text(value.name().to_owned()),
            came,
        );
    }

    fn complete(&mut self, expected: &PictureExpectations, image: Option<&Image>) {
        let Some(At { value, line }) = expected.complete else {
            return;
        };
        let came = Came {
            actual: image.map(|image| Value::Flag(image.complete)),
            fit: match image.map(|image| image.complete) {
                Some(true) if value => Fit::Yes,
                Some(true) => Fit::No,
                Some(false) if !value => Fit::SoFar,
                Some(false) | None => Fit::NotYet,
            },
            note: match image {
                Some(image) if value && self.lack.is_none() => {
                    image.problem.as_ref().map(ToString::to_string)
                }
                _ => None,
            },
        };
        self.add("complete", Some(line), Value::Flag(value), came);
    }

    fn protocol(&mut self, expected: &PictureExpectations, image: Option<&Image>) {
        let Some(At { value, line }) = &expected.protocol else {
            return;
        };
        let actual = image.map(|image| &image.protocol);
        let came = Came {
            actual: actual.map(|protocol| Value::Text(protocol.to_string())),
            fit: if actual == Some(value) {
                Fit::Yes
            } else {
                // Without its first bytes the format of a stream cannot be told.
                Fit::NotYet
            },
            note: None,
        };
        self.add(
            "protocol",
            Some(*line),
            Value::Text(value.to_string()),
            came,
        );
    }

    fn chunk_size(&mut self, expected: &PictureExpectations, image: Option<&Image>) {
        let size = image.and_then(|image| image.chunk_size);
        self.fixed("chunk_size", expected.chunk_size.as_ref(), size);
        let guessed =
            image.and_then(|image| image.chunk_size_source) == Some(ChunkSizeSource::Observed);
        if let Some(last) = self.judged.last_mut()
            && last.name == "chunk_size"
            && last.outcome != Outcome::Pass
            && guessed
        {
            last.note = Some("guessed from the packets' sizes; --chunk BYTES says it".to_owned());
        }
    }

    fn gap_bytes(&mut self, expected: &PictureExpectations, image: Option<&Image>) {
        let Some(At {
            value: bounds,
            line,
        }) = &expected.gap_bytes
        else {
            return;
        };
        let actual = image.map(|image| image.gap_bytes);
        let fits = |gaps: u64| bounds.min <= gaps && bounds.max.is_none_or(|max| gaps <= max);
        let came = Came {
            actual: actual.map(Value::Count),
            // Gaps are what the capture lacks: too many of them are no fault of the transfer.
            fit: match actual {
                Some(gaps) if fits(gaps) => Fit::Yes,
                _ => Fit::NotYet,
            },
            note: None,
        };
        self.add("gap_bytes", Some(*line), Value::Within(*bounds), came);
    }

    /// What moved beside the picture, in its direction and in the other one.
    fn directions(
        &mut self,
        expected: &PictureExpectations,
        image: Option<&Image>,
        report: &Report,
    ) {
        let directions = image
            .and_then(|image| report.stream(image.stream))
            .map_or(&[][..], |stream| &stream.directions);
        let from = image.map(|image| image.from);
        let ours = directions.iter().find(|one| Some(one.from) == from);
        let theirs = directions.iter().find(|one| Some(one.to) == from);
        for (name, bounds, actual) in [
            (
                "payload_bytes",
                &expected.payload_bytes,
                ours.map(|one| one.unique_bytes),
            ),
            (
                "framing_bytes",
                &expected.framing_bytes,
                ours.map(|one| one.framing_bytes),
            ),
            (
                "answer_bytes",
                &expected.answer_bytes,
                theirs.map(|one| one.answer_bytes),
            ),
            (
                "stray_bytes",
                &expected.stray_bytes,
                ours.map(|one| one.stray_bytes),
            ),
        ] {
            self.bounded(name, bounds.as_ref(), actual);
        }
    }

    fn run(&mut self, expectations: &Expectations, report: &Report, matched: usize) {
        let run = &expectations.run;
        let totals = &report.totals;
        self.verdict(run.verdict.as_ref(), report.verdict);
        self.bounded("pictures", run.pictures.as_ref(), Some(totals.images));
        self.extra_pictures(expectations, totals.images.saturating_sub(matched as u64));
        self.bounded("streams", run.streams.as_ref(), Some(totals.streams));
        self.bounded("packets", run.packets.as_ref(), Some(totals.packets));
        self.bounded(
            "wire_bytes",
            run.wire_bytes.as_ref(),
            Some(totals.wire_bytes),
        );
        self.bounded(
            "image_bytes",
            run.image_bytes.as_ref(),
            Some(totals.image_bytes),
        );
        let sum = |of: fn(&Direction) -> u64| {
            let directions = report.streams.iter().flat_map(|stream| &stream.directions);
            Some(directions.map(of).fold(0, u64::saturating_add))
        };
        for (name, bounds, actual) in [
            (
                "payload_bytes",
                &run.payload_bytes,
                sum(|one| one.unique_bytes),
            ),
            (
                "framing_bytes",
                &run.framing_bytes,
                sum(|one| one.framing_bytes),
            ),
            (
                "answer_bytes",
                &run.answer_bytes,
                sum(|one| one.answer_bytes),
            ),
            ("stray_bytes", &run.stray_bytes, sum(|one| one.stray_bytes)),
        ] {
            self.bounded(name, bounds.as_ref(), actual);
        }
        self.at_most(
            run.max_duration.as_ref(),
            report
                .streams
                .iter()
                .filter_map(|stream| stream.started)
                .min(),
            report
                .streams
                .iter()
                .filter_map(|stream| stream.ended)
                .max(),
        );
        for pattern in &run.deny {
            self.deny(pattern, report);
        }
        for pattern in &run.require {
            self.require(pattern, report);
        }
        self.some_packet(run, report);
        self.no_error(run, report);
    }

    fn extra_pictures(&mut self, expectations: &Expectations, extra: u64) {
        // Whoever describes pictures means these and no other, unless he says so.
        let (bounds, line) = match &expectations.run.extra_pictures {
            Some(said) => (said.value, Some(said.line)),
            None if expectations.pictures.is_empty() => return,
            None => (Bounds::only(0), None),
        };
        let said = At {
            value: bounds,
            line: 0,
        };
        self.bounded("extra_pictures", Some(&said), Some(extra));
        if let Some(last) = self.judged.last_mut() {
            last.line = line;
        }
    }

    fn deny(&mut self, At { value, line }: &At<FindingPattern>, report: &Report) {
        let found: Vec<&Finding> = report.findings.iter().filter(|f| value.fits(f)).collect();
        // Who denies errors means those of the traffic; who denies `capture-gap` by name means that.
        let only_capture = matches!(value, FindingPattern::Severity(_))
            && found.iter().all(|finding| is_of_the_capture(finding));
        let came = Came {
            actual: Some(match found.as_slice() {
                [] => Value::Text("none".to_owned()),
                found => Value::Text(occurrences(found)),
            }),
            fit: match found.as_slice() {
                [] => Fit::SoFar,
                _ if only_capture => Fit::Open,
                _ => Fit::No,
            },
            note: found
                .iter()
                .find(|finding| {
                    only_capture
                        || !is_of_the_capture(finding)
                        || !matches!(value, FindingPattern::Severity(_))
                })
                .map(|finding| finding.message.clone()),
        };
        self.add(
            &format!("deny {value}"),
            Some(*line),
            Value::Text("none".to_owned()),
            came,
        );
    }

    /// Without being told: that there was something to judge.
    fn some_packet(&mut self, run: &RunExpectations, report: &Report) {
        if !report.is_of_nothing() || run.packets.is_some() {
            return;
        }
        let came = Came {
            actual: Some(Value::Count(0)),
            fit: Fit::No,
            note: Some(
                "The capture has no packet, so nothing can be said of any transfer.".to_owned(),
            ),
        };
        self.add("packets", None, Value::Text("at least 1".to_owned()), came);
    }

    /// Without being told: that nothing went wrong of which the file says nothing.
    fn no_error(&mut self, run: &RunExpectations, report: &Report) {
        let told = |finding: &Finding| {
            let patterns = run.deny.iter().chain(&run.require);
            patterns.into_iter().any(|at| at.value.fits(finding))
        };
        let errors: Vec<&Finding> = report
            .findings
            .iter()
            .filter(|finding| finding.severity == Severity::Error && !told(finding))
            .collect();
        if let [first, ..] = errors.as_slice() {
            let came = Came {
                actual: Some(Value::Text(occurrences(&errors))),
                fit: Fit::No,
                note: Some(first.message.clone()),
            };
            self.add("no error", None, Value::Text("none".to_owned()), came);
        }
    }

    fn require(&mut self, At { value, line }: &At<FindingPattern>, report: &Report) {
        let found: Vec<&Finding> = report.findings.iter().filter(|f| value.fits(f)).collect();
        let came = Came {
            actual: Some(match found.as_slice() {
                [] => Value::Text("none".to_owned()),
                found => Value::Text(occurrences(found)),
            }),
            fit: match found.as_slice() {
                [] => Fit::NotYet,
                _ => Fit::Yes,
            },
            note: None,
        };
        let expected = Value::Text("at least one".to_owned());
        self.add(&format!("require {value}"), Some(*line), expected, came);
    }
}

/// `2 times: retransmission (connection 0, frames 15, 48), …`
fn occurrences(found: &[&Finding]) -> String {
    const MOST: usize = 3;
    let mut parts: Vec<String> = found
        .iter()
        .take(MOST)
        .map(|finding| {
            let stream = finding.stream.map(|stream| format!("stream {stream}"));
            let frames = text::frames(&finding.packets, true);
            let place: Vec<String> = stream.into_iter().chain(frames).collect();
            match place.as_slice() {
                [] => finding.name.to_string(),
                place => format!("{} ({})", finding.name, place.join(", ")),
            }
        })
        .collect();
    if found.len() > MOST {
        parts.push(format!("{} more", found.len() - MOST));
    }
    parts.join("; ")
}

/// Which picture is meant, in words.
fn described(which: &Which) -> String {
    let mut words = vec!["a picture".to_owned()];
    words.extend(which.port.map(|port| format!("on port {port}")));
    words.extend(which.name.as_ref().map(|name| format!("called {name:?}")));
    words.extend(which.digest.as_ref().map(|digest| {
        let hex = text::shortened(&digest.hex, 12);
        format!("with {} {hex}", digest.kind.name())
    }));
    words.extend(which.order.map(|order| format!("in place {order}")));
    words.join(" ")
}
