//! What TCP itself did: sent again, waited, held back.

use super::{View, capital, seconds};
use crate::findings::facts::{ConflictFact, Frames, Stall, StallKind, TOLD};
use crate::findings::{Certainty, Finding, Name, Severity};
use crate::units::{count, counted};

/// So many writes have to wait before it is a habit.
const HABIT: u64 = 3;
/// A full buffer is worth a warning from so many nanoseconds on; below, this is TCP's everyday work.
const LONG_FULL: i64 = 200_000_000;

pub(super) fn rules(view: &View<'_>, findings: &mut Vec<Finding>) {
    repeats(view, findings);
    order(view, findings);
    findings.extend(duplicate_acks(view));
    findings.extend(zero_window(view));
    findings.extend(stall(view));
    findings.extend(small_writes(view));
    findings.extend(urgent(view));
    findings.extend(fragmented(view));
    let conflicts = &view.facts.troubles.conflicts;
    findings.extend(conflicts.iter().map(|fact| conflict(view, fact)));
}

fn frames(frames: &Frames) -> String {
    counted(frames.count(), "frame", "frames")
}

fn repeats(view: &View<'_>, findings: &mut Vec<Finding>) {
    let troubles = &view.facts.troubles;
    let sent = &troubles.retransmissions;
    if sent.is_empty() {
        return;
    }
    let bytes = view
        .stream
        .directions
        .get(view.index)
        .map_or(0, |direction| direction.duplicate_bytes);
    findings.push(view.of_frames(Name::Retransmission,
        sent,
        format!(
            "{} sent bytes again that the capture had already seen: {}, {}.",
            capital(&view.sender()),
            frames(sent),
            counted(bytes, "byte", "bytes"),
        ),
        "TCP repaired it by itself; find out where segments are lost: on the path, or because the receiver is too slow.",
    ));
    if !troubles.fast.is_empty() {
        findings.push(view.of_frames(Name::FastRetransmission,
            &troubles.fast,
            format!(
                "{} of these came because duplicate acknowledgments had asked for the missing bytes, so little time was lost.",
                frames(&troubles.fast)
            ),
            "Nothing to fix in the programs.",
        ));
    }
    if !troubles.spurious.is_empty() {
        findings.push(view.of_frames(Name::SpuriousRetransmission,
            &troubles.spurious,
            format!(
                "{} of these held only bytes that {} had already acknowledged: nothing was lost, the acknowledgment was, or \
                 it came too late.",
                frames(&troubles.spurious),
                view.receiver()
            ),
            "Nothing to fix in the programs; look for loss or delay on the way back.",
        ));
    }
}

fn order(view: &View<'_>, findings: &mut Vec<Finding>) {
    let late = &view.facts.troubles.out_of_order;
    if late.is_empty() {
        return;
    }
    findings.push(view.of_frames(Name::OutOfOrder,
        late,
        format!(
            "{} from {} came after later bytes had come: reordered on the path, or sent again after a loss before the capture \
             point.",
            frames(late),
            view.sender()
        ),
        "Nothing to fix in the programs: TCP puts the bytes in order.",
    ));
}

fn duplicate_acks(view: &View<'_>) -> Option<Finding> {
    let again = &view.facts.troubles.duplicate_acks;
    (!again.is_empty()).then(|| {
        view.of_frames(Name::DuplicateAck,
            again,
            format!(
                "{} acknowledged the same byte again in {} while later bytes came: it missed some, or they came out of order.",
                capital(&view.sender()),
                frames(again)
            ),
            "Nothing to fix in the programs: this is how a receiver asks for what it misses.",
        )
    })
}

fn zero_window(view: &View<'_>) -> Option<Finding> {
    let troubles = &view.facts.troubles;
    let first = troubles.zero_windows.first()?;
    let mut waited = 0_i64;
    for zero in &troubles.zero_windows {
        let until = zero.until.and_then(|(_, time)| time).or(view.facts.closing);
        waited = waited.saturating_add(view.since(zero.from.1, until).unwrap_or(0).max(0));
    }
    let stuck = troubles.full().is_some();
    let outcome = if stuck {
        "and never made room again: its program does not read"
    } else {
        "in all: its program does not read as fast as bytes come"
    };
    // Until the capture's end, or until its own side was closed.
    let hangs = stuck && view.is_idle(waited);
    let mut named = troubles.zero_window_frames.clone();
    if let Some((frame, _)) = first.until {
        named.add(frame);
    }
    let severity = match waited {
        _ if hangs => Severity::Error,
        LONG_FULL.. => Severity::Warning,
        _ => Severity::Note,
    };
    Some(Finding {
        severity,
        // It may have gone on reading after a capture of which nobody says how long it went on.
        certainty: if hangs && view.facts.closing.is_none() && !view.all.end_known {
            Certainty::Likely
        } else {
            Certainty::Proven
        },
        ..view.of_frames(Name::ZeroWindow,
            &named,
            format!(
                "{} announced {} that its buffer is full (window 0, first in frame {}), for {} {outcome}.",
                capital(&view.sender()),
                match troubles.zero_windows.len() {
                    1 => "once".to_owned(),
                    times if times < TOLD => format!("{} times", count(times as u64)),
                    times => format!("at least {} times", count(times as u64)),
                },
                first.from.0,
                seconds(waited),
            ),
            "In the receiver: read first and work afterwards (or in another thread): decoding, filtering and saving between two \
         recv() calls stop the sender.",
        )
    })
}

fn stall(view: &View<'_>) -> Option<Finding> {
    let stalls = &view.facts.troubles.stalls;
    let longest: &Stall = stalls.iter().max_by_key(|stall| stall.nanoseconds)?;
    let why = match longest.kind {
        StallKind::NoRoom => format!(
            "{} had announced that it has no room (window 0)",
            view.receiver()
        ),
        StallKind::Unacknowledged => {
            "what was sent before had not been acknowledged: it, or its acknowledgment, was lost".to_owned()
        }
        StallKind::Sender => "everything sent before was acknowledged and there was room, so the program itself paused".to_owned(),
    };
    let more = match stalls.len() {
        1 => String::new(),
        times => format!(" ({} such pauses in all)", count(times as u64)),
    };
    let frames = stalls.iter().flat_map(|stall| [stall.from, stall.until]);
    let (from, until) = (longest.from, longest.until);
    let image = view
        .facts
        .pictures
        .iter()
        .filter_map(|own| view.image(own.id))
        .find(|image| image.first_packet <= Some(from) && image.last_packet >= Some(until))
        .map(|image| image.id);
    Some(Finding {
        image,
        certainty: match longest.kind {
            StallKind::Unacknowledged => Certainty::Likely,
            _ => Certainty::Proven,
        },
        ..view.finding(
            Name::Stall,
            frames,
            format!(
                "In the middle of a picture {} sent nothing for {} (between frames {from} and {until}): {why}{more}.",
                view.sender(),
                seconds(longest.nanoseconds),
            ),
            "Look at the side that is named: a receiver that does not read, a path that loses packets, or a sender that waits \
             for something else before it goes on.",
        )
    })
}

fn small_writes(view: &View<'_>) -> Option<Finding> {
    let troubles = &view.facts.troubles;
    let times = troubles.small_writes.count();
    (times >= HABIT).then(|| Finding {
        certainty: Certainty::Likely,
        ..view.of_frames(Name::SmallWrites,
            &troubles.small_writes,
            format!(
                "{} times {} sent the next small piece only when the last one was acknowledged, and each acknowledgment took its \
                 time: {} in all. Nagle's algorithm on one side and delayed acknowledgments on the other wait for each other.",
                count(times),
                view.sender(),
                seconds(troubles.small_writes_waited)
            ),
            "In the sender: hand over larger pieces (sendall of the whole picture), or set TCP_NODELAY.",
        )
    })
}

fn urgent(view: &View<'_>) -> Option<Finding> {
    let frames = &view.facts.troubles.urgent;
    (!frames.is_empty()).then(|| {
        view.of_frames(Name::UrgentData,
            frames,
            format!(
                "{} marked a byte as urgent (MSG_OOB) in {}. {} reads it apart from the stream, unless it set SO_OOBINLINE: no \
                 offset here counts it.",
                capital(&view.sender()),
                counted(frames.count(), "segment", "segments"),
                capital(&view.receiver())
            ),
            "In the sender: leave MSG_OOB off, so that every byte comes in the stream.",
        )
    })
}

fn fragmented(view: &View<'_>) -> Option<Finding> {
    let pieces = &view.facts.troubles.fragmented;
    (!pieces.is_empty()).then(|| {
        view.of_frames(Name::IpFragmented,
            pieces,
            format!(
                "{} from {} came in IP fragments.",
                counted(pieces.count(), "TCP segment", "TCP segments"),
                view.sender()
            ),
            "A path that cuts TCP segments up has a wrong MTU somewhere: let path MTU discovery work (do not drop ICMP).",
        )
    })
}

fn conflict(view: &View<'_>, fact: &ConflictFact) -> Finding {
    let conflict = &fact.conflict;
    let kept = match (fact.first_wrong, fact.second_wrong, fact.acknowledged_before) {
        (true, false, _) => format!(
            "The checksum of frame {} does not fit, so the receiver dropped that copy and has the second one; imgnet's digest is \
             of the first.",
            conflict.first
        ),
        (false, true, _) => format!(
            "The checksum of frame {} does not fit, so the receiver dropped that copy and has the first one, of which the digest \
             is.",
            conflict.second
        ),
        (_, _, true) => format!(
            "The range had been acknowledged before frame {} came, so the receiver has the first copy, of which the digest is.",
            conflict.second
        ),
        _ => "Which one the receiver has cannot be told: the range had not been acknowledged when the second copy came. The \
              digest is of the first copy."
            .to_owned(),
    };
    let usual = Name::ConflictingRetransmission.severity();
    Finding {
        image: view.image_at(conflict.offset),
        // Where it is known which copy the receiver has, the stream is.
        severity: if fact.acknowledged_before || fact.second_wrong {
            usual.min(Severity::Warning)
        } else {
            usual
        },
        ..view.finding(
            Name::ConflictingRetransmission,
            [conflict.first, conflict.second],
            format!(
                "{} sent stream bytes {}–{} twice with different contents: byte {} is {:#04x} in frame {} and {:#04x} in frame {}. \
                 {kept}",
                capital(&view.sender()),
                count(conflict.range.start),
                count(conflict.range.end.saturating_sub(1)),
                count(conflict.offset),
                conflict.first_byte,
                conflict.first,
                conflict.second_byte,
                conflict.second,
            ),
            "A sender's TCP never does this: look for a faulty device or a middlebox on the path, or an altered capture.",
        )
    }
}
