//! Differences that are taken back: nobody made them, or what the capture lacks may have.

use super::compared::Compared;
use super::{Work, is_all_that_came};
use crate::ledger::comparison::SideOfMismatch;
use crate::ledger::{Problem, Stream, TransportKind, Verdict};
use crate::verify::bytes::Kind;
use crate::verify::evidence::Form;
use crate::verify::mistakes::Mistake;
use crate::verify::reconcile::Lie;
use crate::verify::wire::Wire;
use crate::wire::Protocol;

/// What was undone is equal, and a receiver whose file is the sender's has lost nothing of what the wire has, whatever part of it
/// this picture is.
pub(super) fn cleared(
    work: &Work<'_>,
    sent: &mut Option<Compared>,
    received: &mut Option<Compared>,
) {
    if is_undone(work, sent.as_ref(), received.as_ref()) {
        for compared in [&mut *sent, &mut *received].into_iter().flatten() {
            compared.side.equal = Some(true);
            compared.difference = None;
        }
    }
    if let (Some(sent), Some(received)) = (sent, received)
        && sent.difference.is_none()
        && sent.side.sha256 == received.side.sha256
        && received.difference.take().is_some()
    {
        received.side.equal = sent.side.equal;
    }
}

/// What the receiver has is what was sent, and the wire what a text function makes of it: both programs know of the conversion.
fn is_undone(work: &Work<'_>, sent: Option<&Compared>, received: Option<&Compared>) -> bool {
    let kind = |compared: Option<&Compared>| {
        let (_, kind) = compared?.difference.as_ref()?;
        Some(matches!(
            kind,
            Kind::Mistake(Mistake::Text(view)) if view.is_lossless()
        ))
    };
    let text = matches!(
        work.evidence.map(|evidence| evidence.form),
        Some(Form::View(view)) if view.is_text_mode() && view.is_lossless()
    );
    let same = match (&work.sent, &work.received) {
        (Some(sent), Some(received)) => sent.facts.sha256 == received.facts.sha256,
        _ => false,
    };
    same && !work.knowledge.type_a && (kind(sent) == Some(true) || text) && received.is_some()
}

/// Takes back that a received file differs which equals a file sent: of a capture with gaps the nearest file may be another one, and
/// nobody damaged it. Whether there was that.
pub(super) fn is_of_another(work: &Work<'_>, received: &mut Option<Compared>) -> bool {
    let knowledge = work.knowledge;
    let Some(received) = received
        .as_mut()
        .filter(|_| knowledge.lacks && knowledge.received_is_sent)
    else {
        return false;
    };
    let taken = received.difference.take().is_some();
    if taken {
        received.side.equal = None;
    }
    taken
}

/// Takes differences back that missing frames may have made. Whether there were any, or whether the picture itself cannot be
/// told.
pub(super) fn unknown(
    work: &Work<'_>,
    sent: &mut Option<Compared>,
    received: &mut Option<Compared>,
) -> bool {
    let certain = work.evidence.is_some_and(|evidence| evidence.certain);
    let framed = work.stream.is_some_and(Stream::is_confirmed) && !work.image.is_raw_pixels();
    if work.knowledge.unsearched && !certain && !framed {
        for compared in [&mut *sent, &mut *received].into_iter().flatten() {
            if compared.side.equal == Some(false) {
                compared.side.equal = None;
                compared.side.compared_bytes = 0;
                compared.difference = None;
            }
        }
    }
    let udp = work
        .stream
        .is_some_and(|stream| stream.transport == TransportKind::Udp);
    let knowledge = work.knowledge;
    let same_files = match (&work.sent, &work.received) {
        (Some(sent), Some(received)) => sent.facts.sha256 == received.facts.sha256,
        _ => false,
    };
    let differs = |one: &Option<Compared>| {
        one.as_ref()
            .is_some_and(|one| one.side.equal == Some(false))
    };
    let fewer = |one: &Option<Compared>, side: SideOfMismatch| {
        one.as_ref().is_some_and(|one| match &one.difference {
            Some((mismatch, _)) if side == SideOfMismatch::SenderToWire => {
                mismatch.actual_bytes < mismatch.expected_bytes
            }
            Some((mismatch, _)) => mismatch.expected_bytes < mismatch.actual_bytes,
            None => false,
        })
    };
    let short = fewer(sent, SideOfMismatch::SenderToWire)
        || fewer(received, SideOfMismatch::WireToReceiver);
    let lacking = knowledge.lacks || (udp && knowledge.lacks_frames);
    // A datagram that the capture lacks leaves no trace, unless it was numbered.
    let less = fewer(sent, SideOfMismatch::SenderToWire);
    let unseen = udp && !certain && (same_files || (short && (less || work.sent.is_none())));
    // Nobody closed, and the picture is the last that was captured: more may have come.
    let prefix = sent.as_ref().is_some_and(|one| {
        let first = one
            .difference
            .as_ref()
            .and_then(|(mismatch, _)| mismatch.first_difference);
        first.is_some_and(|first| first >= work.image.bytes)
    });
    let pieces = work
        .evidence
        .is_some_and(|evidence| evidence.lie != Lie::Plain);
    let open = !udp && !certain && less && (prefix || pieces) && is_open(work);
    let holes = work.wire.is_some_and(|wire| wire.whole().is_none());
    let untold = |one: &Option<Compared>| one.as_ref().is_some_and(|one| one.side.equal.is_none());
    if holes && work.image.verdict != Verdict::Incomplete && (untold(sent) || untold(received)) {
        return true;
    }
    if certain || !(lacking || unseen || open) {
        return false;
    }
    if !(differs(sent) || differs(received)) {
        // What the receiver has of it was delivered.
        let delivered = unseen && same_files;
        return matches!(work.image.verdict, Verdict::Incomplete) && (knowledge.lacks || delivered);
    }
    for compared in [sent, received].into_iter().flatten() {
        if compared.side.equal == Some(false) {
            compared.side.equal = None;
            compared.difference = None;
        }
    }
    // Numbers say that pieces did not come by, and nothing says that they arrived.
    let numbered = unseen && !lacking && work.image.verdict == Verdict::Incomplete;
    same_files || !numbered
}

/// Whether the picture's direction was not closed in the capture, and the picture is the last of it.
///
/// Not where it is known until when the capture went on, and that its sender had stopped.
fn is_open(work: &Work<'_>) -> bool {
    let image = work.image;
    if image.problem.as_ref().is_some_and(Problem::is_hang) {
        return false;
    }
    let end = image
        .offset
        .saturating_add(image.encoded_bytes.unwrap_or(image.bytes));
    work.stream.is_some_and(|stream| {
        let closed = stream.directions.iter().any(|one| one.closed.is_some());
        let way = stream.directions.iter().find(|one| one.from == image.from);
        let last = way.is_some_and(|way| {
            way.unique_bytes.saturating_add(way.gap_bytes) <= end.saturating_add(64)
        });
        !closed && last
    })
}

/// Whether bytes of the picture came twice and differ, and nothing tells which copy the receiver has: no capture does, and only
/// its file. A difference in them is none that anybody made.
pub(super) fn is_twofold(
    work: &Work<'_>,
    sent: &mut Option<Compared>,
    received: &mut Option<Compared>,
) -> bool {
    let image = work.image;
    let of_picture = image.offset
        ..image
            .offset
            .saturating_add(image.encoded_bytes.unwrap_or(image.bytes));
    let way = work
        .stream
        .and_then(|stream| stream.directions.iter().find(|one| one.from == image.from));
    let ranges = way.map_or(&[][..], |way| &way.undecided);
    let mut ranges = ranges
        .iter()
        .filter(|one| one.start < of_picture.end && of_picture.start < one.end)
        .peekable();
    if ranges.peek().is_none() {
        return false;
    }
    let ranges: Vec<_> = ranges.collect();
    for compared in [&mut *sent, &mut *received].into_iter().flatten() {
        let Some((mismatch, _)) = &compared.difference else {
            continue;
        };
        let first = mismatch
            .first_difference
            .filter(|_| image.encoded_bytes.is_none());
        let within = first.is_none_or(|first| {
            let at = image.offset.saturating_add(first);
            ranges.iter().any(|range| range.contains(&at))
        });
        if within {
            compared.side.equal = None;
            compared.difference = None;
        }
    }
    // The file shows that the receiver has the copy that was compared.
    received
        .as_ref()
        .is_none_or(|received| received.side.equal != Some(true))
        || sent.as_ref().is_some_and(|sent| sent.side.equal.is_none())
}

/// Whether a difference may be one between two ways to read the same segments: with urgent bytes in the stream, or without. Two
/// files that differ do so all the same.
pub(super) fn is_urgent(
    work: &Work<'_>,
    sent: &mut Option<Compared>,
    received: &mut Option<Compared>,
) -> bool {
    if !work.knowledge.urgent {
        return false;
    }
    let differs = |one: &Option<Compared>| {
        one.as_ref()
            .is_some_and(|one| one.side.equal == Some(false))
    };
    if !differs(sent) && !differs(received) {
        return false;
    }
    if let (Some(sent), Some(received)) = (&work.sent, &work.received)
        && sent.facts.sha256 != received.facts.sha256
    {
        return true;
    }
    for compared in [sent, received].into_iter().flatten() {
        if compared.side.equal == Some(false) {
            compared.side.equal = None;
            compared.difference = None;
        }
    }
    true
}

/// Takes a difference back of a received file that is a piece of the stream, where only the structure of what is in it says which bytes
/// are a picture, and no file sent says it better.
pub(super) fn took_other(work: &Work<'_>, received: &mut Option<Compared>) {
    let slice = work.evidence.is_some_and(|evidence| evidence.slice);
    let (true, None, Some(received)) = (
        slice && work.image.protocol == Protocol::Carve,
        work.sent,
        received,
    ) else {
        return;
    };
    if matches!(
        received.difference,
        Some((_, Kind::Rewritten | Kind::Other))
    ) {
        received.difference = None;
        received.side.equal = None;
    }
}

/// Whether a difference is what fills the last datagram up. The format has no other way to end: no difference that anybody made.
pub(super) fn padded(sent: &mut Option<Compared>, received: &mut Option<Compared>) -> bool {
    let mut found = false;
    for compared in [sent, received].into_iter().flatten() {
        if let Some((_, Kind::Padded { .. })) = compared.difference {
            compared.difference = None;
            compared.side.equal = None;
            found = true;
        }
    }
    found
}

/// Takes back that a received file goes on beyond the picture, where it is all that was sent in a format that nothing confirms, and
/// the sender's file is not what is on the wire: where the picture ends in it is not known.
pub(super) fn took_all(work: &Work<'_>, sent: Option<&Compared>, received: &mut Option<Compared>) {
    let confirmed = work.stream.is_some_and(Stream::is_confirmed);
    let (false, Some(received)) = (confirmed, received) else {
        return;
    };
    let read_on = matches!(
        received.difference,
        Some((_, Kind::Mistake(Mistake::ReadOn { .. })))
    );
    let other = sent.is_some_and(|sent| sent.difference.is_some());
    if read_on && other && is_all_that_came(work) {
        received.difference = None;
        received.side.equal = None;
    }
}

/// Whether what lies there is less than half of a file that was received as it was sent, or the end of it: the rest went over the wire in
/// a form that is not known, or was there already.
pub(super) fn is_fragment(work: &Work<'_>) -> bool {
    /// Of less a few bytes were lost.
    const HEAD: u64 = 64;
    let (Some(sent), Some(received)) = (work.sent, work.received) else {
        return false;
    };
    let shown = work
        .evidence
        .is_some_and(|evidence| evidence.wire.is_some());
    // Datagrams that were not captured may be the rest, and so may what came before a late start or comes behind the end.
    let knowledge = work.knowledge;
    let all = !knowledge.lacks && !knowledge.lacks_frames && !knowledge.goes_on;
    let tcp = |stream: &Stream| stream.transport == TransportKind::Tcp;
    let shown = shown && all && work.stream.is_some_and(tcp);
    let less = work.wire.and_then(Wire::whole).is_some_and(|wire| {
        let bytes = wire.len() as u64;
        let end = sent.bytes.is_some_and(|file| file.ends_with(wire));
        bytes.saturating_mul(2) < sent.facts.bytes
            || end && sent.facts.bytes.saturating_sub(bytes) >= HEAD
    });
    shown && less && sent.facts.sha256 == received.facts.sha256
}

/// Takes differences back of what is a part of the file sent, where others carry the rest and the file was received. Whether it is.
pub(super) fn is_part(
    work: &Work<'_>,
    sent: &mut Option<Compared>,
    received: &mut Option<Compared>,
) -> bool {
    /// Of shorter parts chance makes some.
    const LEAST: usize = 64;
    let file = work.sent.or(work.received);
    let file = file.and_then(|subject| subject.bytes);
    let wire = work.wire.and_then(Wire::whole);
    let knowledge = work.knowledge;
    let may_be = knowledge.in_parts || knowledge.resumed || is_fragment(work);
    let (true, Some(file), Some(wire)) = (may_be, file, wire) else {
        return false;
    };
    let part = (LEAST..file.len()).contains(&wire.len())
        && (file.ends_with(wire)
            || !knowledge.resumed && memchr::memmem::find(file, wire).is_some());
    // A received file of its own may be damaged.
    let other = received
        .as_ref()
        .zip(sent.as_ref())
        .is_some_and(|(received, sent)| received.side.sha256 != sent.side.sha256);
    if !part || other {
        return false;
    }
    for compared in [sent, received].into_iter().flatten() {
        compared.side.equal = is_joined(work).then_some(true);
        compared.difference = None;
    }
    true
}

/// Whether a part of a file came with the rest of it over other connections, the file was received as it was sent, and nothing stands
/// beside the part that nothing explains.
pub(super) fn is_joined(work: &Work<'_>) -> bool {
    let knowledge = work.knowledge;
    (knowledge.in_parts || knowledge.resumed)
        && work.asked.sent
        && work.asked.received
        && knowledge.strays == 0
        && knowledge.unsure == 0
        && !knowledge.lacks
}
