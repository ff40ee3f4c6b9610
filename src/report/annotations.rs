//! What is said of frames in a capture file: where pictures begin and end, which chunk a frame carries, which finding it shows.
//!
//! Each comment begins with `imgnet: ` and has its numbers without separators, so that a dissector takes it apart.

use std::collections::BTreeMap;

use crate::findings::{Certainty, Finding, Severity};
use crate::ledger::{Chunks, Image};
use crate::report::model::Report;
use crate::report::text::plain;
use crate::units::FrameNumber;

/// The comments on each frame, in the order in which they are to be read.
pub(crate) fn comments(report: &Report) -> BTreeMap<FrameNumber, Vec<String>> {
    let mut comments: BTreeMap<FrameNumber, Vec<String>> = BTreeMap::new();
    for finding in &report.findings {
        // A note is no trouble: it is told once, and does not cover all that it is about.
        let frames = match finding.severity {
            Severity::Note => 1,
            Severity::Warning | Severity::Error => finding.packets.len(),
        };
        for (at, frame) in finding.packets.iter().enumerate().take(frames) {
            let text = if at == 0 {
                whole(finding)
            } else {
                let first = finding.packets.first().map_or(0, |first| first.0);
                format!("imgnet: finding {}, told in frame {first}", finding.name)
            };
            comments.entry(*frame).or_default().push(text);
        }
    }
    for image in &report.images {
        picture(image, &mut comments);
    }
    comments
}

fn picture(image: &Image, comments: &mut BTreeMap<FrameNumber, Vec<String>>) {
    let mut add = |frame: FrameNumber, text: String| comments.entry(frame).or_default().push(text);
    let number = image.id.0;
    let (Some(first), Some(last)) = (image.first_packet, image.last_packet) else {
        return;
    };
    let kind = image
        .format
        .map_or_else(|| "no known format".to_owned(), |format| format.to_string());
    let size = match (image.width, image.height) {
        (Some(width), Some(height)) => format!(" {width}x{height}"),
        _ => String::new(),
    };
    add(
        first,
        plain(
            &format!(
                "imgnet: picture {number} begins, frames {first} to {last}: {kind}{size}, {} bytes, {}, {} to {}, {}",
                image.bytes,
                image.protocol,
                image.from,
                image.to,
                verdict(image)
            ),
            true,
        )
        .into_owned(),
    );
    for carried in image.chunks.iter().flat_map(Chunks::carried) {
        let bytes = carried.bytes.end.saturating_sub(carried.bytes.start);
        let again = if carried.repeat { ", sent again" } else { "" };
        let chunk = match image.chunk_size.filter(|size| *size > 0) {
            None => String::new(),
            Some(size) => {
                let first = carried.bytes.start / size;
                let last = carried.bytes.end.saturating_sub(1).max(carried.bytes.start) / size;
                if first == last {
                    format!(", chunk {first}")
                } else {
                    format!(", chunks {first} to {last}")
                }
            }
        };
        add(
            carried.frame,
            format!(
                "imgnet: picture {number}{chunk}, offset {}, {}{again}",
                carried.bytes.start,
                if bytes == 1 {
                    "1 byte".to_owned()
                } else {
                    format!("{bytes} bytes")
                }
            ),
        );
    }
    let problem = image
        .problem
        .as_ref()
        .map(|problem| format!(": {problem}"))
        .unwrap_or_default();
    add(
        last,
        plain(
            &format!(
                "imgnet: picture {number} ends, frames {first} to {last}: {}{problem}",
                verdict(image)
            ),
            true,
        )
        .into_owned(),
    );
}

fn verdict(image: &Image) -> &'static str {
    use crate::ledger::Verdict;
    match image.verdict {
        Verdict::Match => "match",
        Verdict::Unverified => "unverified",
        Verdict::Inconclusive => "inconclusive",
        Verdict::Incomplete => "incomplete",
        Verdict::Mismatch => "mismatch",
    }
}

/// A finding in full: what it is, what happened, how to fix it.
fn whole(finding: &Finding) -> String {
    let severity = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    let certainty = match finding.certainty {
        Certainty::Proven => "proven",
        Certainty::Likely => "likely",
        Certainty::Risk => "risk",
    };
    let fix = if finding.fix.is_empty() {
        String::new()
    } else {
        format!(" Fix: {}", finding.fix)
    };
    let text = format!(
        "imgnet: finding {}, {severity}, {certainty}: {}{fix}",
        finding.name, finding.message
    );
    plain(&text, true).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn the_frames_of_a_finding_are_told() {
        let report = samples::hang();
        let comments = comments(&report);
        for finding in &report.findings {
            let note = finding.severity == Severity::Note;
            for frame in finding.packets.iter().take(if note { 1 } else { 16 }) {
                let on = &comments[frame];
                let name = format!("imgnet: finding {}", finding.name);
                assert!(
                    on.iter().any(|text| text.starts_with(&name)),
                    "{frame}: {on:?}"
                );
            }
        }
        for image in &report.images {
            let first = &comments[&image.first_packet.unwrap()];
            let begins = format!("imgnet: picture {} begins", image.id.0);
            assert!(first.iter().any(|text| text.starts_with(&begins)));
        }
    }
}
