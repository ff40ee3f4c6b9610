//! What a capture lacks, in words, as far as it may change what came of an expectation.

use crate::findings::Name;
use crate::ledger::{Gap, GapCause, Image, Verdict};
use crate::report::model::Report;
use crate::report::text::{count, counted};

/// What the capture as a whole lacks; absent where it lacks nothing that is known of.
pub(super) fn of_run(report: &Report) -> Option<String> {
    let mut parts = Vec::new();
    for capture in report.captures.iter().filter(|capture| capture.truncated) {
        let frame = capture
            .damage
            .as_ref()
            .and_then(|damage| damage.after_frame);
        parts.push(match frame {
            Some(frame) => format!("{} is cut short after frame {frame}", capture.path),
            None => format!("{} is cut short", capture.path),
        });
    }
    let drops = report
        .captures
        .iter()
        .filter_map(|capture| capture.kernel_drops)
        .fold(0, u64::saturating_add);
    if drops > 0 {
        let frames = counted(drops, "frame", "frames");
        parts.push(format!("the kernel dropped {frames} while capturing"));
    }
    let directions = report.streams.iter().flat_map(|stream| &stream.directions);
    let missing = directions
        .flat_map(|direction| uncaptured(&direction.gaps))
        .fold(0, u64::saturating_add);
    if missing > 0 {
        parts.push(format!(
            "{} were not captured",
            counted(missing, "byte", "bytes")
        ));
    }
    if let Some(cut) = report
        .packets
        .skipped
        .get("headers-cut")
        .filter(|&&cut| cut > 0)
    {
        parts.push(format!(
            "the headers of {} are cut off",
            counted(*cut, "frame", "frames")
        ));
    }
    if report
        .findings
        .iter()
        .any(|finding| finding.name == Name::LimitReached)
    {
        parts.push("a limit of imgnet was reached".to_owned());
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// What the capture lacks of one picture; absent where nothing.
pub(super) fn of_image(image: &Image) -> Option<String> {
    let missing = uncaptured(&image.gaps).fold(0, u64::saturating_add);
    if missing > 0 {
        return Some(format!(
            "{} of the picture were not captured",
            counted(missing, "byte", "bytes")
        ));
    }
    (image.verdict == Verdict::Inconclusive).then(|| {
        image.problem.as_ref().map_or_else(
            || {
                format!(
                    "the capture shows {} bytes of it, and not its end",
                    count(image.bytes)
                )
            },
            ToString::to_string,
        )
    })
}

/// Gaps that are the capture's, not the network's.
fn uncaptured(gaps: &[Gap]) -> impl Iterator<Item = u64> {
    gaps.iter()
        .filter(|gap| gap.cause != GapCause::NeverAcknowledged)
        .map(|gap| gap.length)
}
