//! What a capture lacks, in words, as far as it may change what came of an expectation.

use crate::findings::Name;
use crate::ledger::{Gap, GapCause, Image, Verdict};
use crate::report::model::Report;
use crate::report::text::counted;

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
    let frames = counted;
    let coverage = &report.coverage;
    let drops = coverage.kernel_drops.unwrap_or(0);
    if drops > 0 {
        let dropped = frames(drops, "frame", "frames");
        parts.push(format!("the kernel dropped {dropped} while capturing"));
    }
    if coverage.unwritten > 0 {
        let lost = frames(coverage.unwritten, "frame", "frames");
        parts.push(format!("the capture file had no room for {lost}"));
    }
    if coverage.interface_away > 0 {
        let times = frames(coverage.interface_away, "time", "times");
        parts.push(format!("the captured interface was gone {times}"));
    }
    if coverage.gap_bytes > 0 {
        let bytes = counted(coverage.gap_bytes, "byte", "bytes");
        parts.push(format!("{bytes} were not captured"));
    }
    if let Some(cut) = coverage.undecoded.get("headers-cut") {
        let frames = frames(*cut, "frame", "frames");
        parts.push(format!("the headers of {frames} are cut off"));
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
                    "the capture shows {} of it, and not its end",
                    counted(image.bytes, "byte", "bytes")
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
