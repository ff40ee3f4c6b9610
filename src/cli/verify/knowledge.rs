//! What a report tells of a capture, as far as it bears on verdicts.

use crate::findings::{Certainty, Name, Severity};
use crate::ledger::{Closed, Direction, Image, RegionKind, Stream, TransportKind, Verdict};
use crate::report::model::Report;
use crate::verify::{Arrival, Knowledge, Stray};
use crate::wire::{Fixed, Protocol};

/// What is known of a picture's transfer.
pub(super) fn of(report: &Report, image: &Image) -> Knowledge {
    let stream = report.stream(image.stream);
    let way = stream.and_then(|stream| stream.directions.iter().find(|way| way.from == image.from));
    Knowledge {
        goes_on: way.is_some_and(|way| way.closed.is_none()),
        urgent: way.is_some_and(|way| way.urgent_bytes > 0),
        lacks: stream.is_some_and(lacks_bytes),
        lacks_frames: report.coverage.lacks_frames(),
        arrival: stream.map_or(Arrival::Unknown, |stream| arrival(stream, image)),
        acknowledged: stream.and_then(|stream| acknowledged(stream, image)),
        ..Knowledge::default()
    }
}

/// Adds what lies beside a picture: what belongs to nothing, and what may be framing as well.
pub(super) fn beside(
    knowledge: &mut Knowledge,
    stream: Option<&Stream>,
    stray: Option<Stray>,
    unsure: Option<Stray>,
) {
    let strays = stray.map_or(0, |stray| stray.bytes);
    if knowledge.lacks {
        // What surrounds them is not all there.
        knowledge.hidden = strays > 0 && stream.is_some_and(Stream::is_confirmed);
    } else {
        knowledge.strays = strays;
        knowledge.trailer = stray.is_some_and(|stray| stray.trailer);
    }
    if knowledge.strays == 0 {
        knowledge.unsure = unsure.map_or(0, |unsure| unsure.bytes);
    }
}

/// Whether a wire format that names itself lost its way inside a picture, which only the file shows whole: what it says of lengths is not
/// what was sent.
pub(super) fn is_lost_inside(report: &Report, image: &Image) -> bool {
    let Some(stream) = report.stream(image.stream) else {
        return false;
    };
    let named = stream.protocol.as_ref().is_some_and(Protocol::names_itself);
    let way = stream.directions.iter().find(|way| way.from == image.from);
    let (true, true, Some(way)) = (named, image.protocol == Protocol::Carve, way) else {
        return false;
    };
    let bytes = image.encoded_bytes.unwrap_or(image.bytes);
    let end = image.offset.saturating_add(bytes);
    let overlaps = |kind: RegionKind| {
        let mut regions = way.map.iter();
        regions
            .any(|region| region.kind == kind && region.offset < end && image.offset < region.end())
    };
    overlaps(RegionKind::Picture) && overlaps(RegionKind::Stray)
}

/// Whether the bytes around a picture are not what their encoding has.
pub(super) fn is_garbled(report: &Report, image: &Image) -> bool {
    let java = image.protocol == Protocol::Fixed(Fixed::JavaObjects);
    report.findings.iter().any(|finding| {
        (finding.name == Name::BadEncoding || java && finding.name == Name::ImplausibleLength)
            && finding.stream == Some(image.stream)
            && finding.image.is_none_or(|picture| picture == image.id)
    })
}

/// Whether the message that has a picture says lengths that are not those of what is in it: the decoder said so of the message.
pub(super) fn is_misframed(report: &Report, image: &Image) -> bool {
    let http = report
        .stream(image.stream)
        .is_some_and(|stream| stream.protocol == Some(Protocol::Fixed(Fixed::Http)));
    http && report.findings.iter().any(|finding| {
        finding.name == Name::LengthMismatch
            && finding.stream == Some(image.stream)
            && finding.image.is_none()
    })
}

/// Whether anything is missing from the capture that could be what is missed.
pub(super) fn lacks(report: &Report) -> bool {
    report.coverage.lacks_frames() || report.streams.iter().any(lacks_bytes)
}

/// Whether the capture ended, or began, where a connection with bytes went on: what was to be seen may lie beyond. Not where a
/// finding says what it waited for, or where what went out is another file.
pub(super) fn is_open(report: &Report) -> bool {
    let open = |stream: &Stream| match stream.transport {
        TransportKind::Tcp => stream.directions.iter().all(|way| way.closed.is_none()),
        // Datagrams have neither beginning nor end.
        TransportKind::Udp => stream.directions.iter().any(|way| way.unique_bytes > 0),
    };
    !is_explained(report) && !is_stranger(report) && report.streams.iter().any(open)
}

/// Whether a proven error says what became of a transfer.
pub(super) fn is_explained(report: &Report) -> bool {
    report
        .findings
        .iter()
        .any(|one| (one.severity, one.certainty) == (Severity::Error, Certainty::Proven))
}

/// Whether a picture went out that is none of the files that were to be sent.
fn is_stranger(report: &Report) -> bool {
    report.images.iter().any(|image| {
        image.complete
            && image.verdict == Verdict::Unverified
            && image
                .compared
                .as_ref()
                .is_none_or(|compared| compared.sent.is_none())
    })
}

/// Whether bytes of a stream may have gone by that the capture does not have.
fn lacks_bytes(stream: &Stream) -> bool {
    let tcp = stream.transport == TransportKind::Tcp;
    let seen = || stream.directions.iter().map(Direction::seen);
    // That the acknowledgments were not captured takes no byte away.
    seen().any(|seen| seen.missing > 0 || (tcp && seen.captured && !seen.start))
}

/// Bytes of a picture that were acknowledged; absent where all were, where they stand encoded on the wire, and where no
/// acknowledgments were captured.
fn acknowledged(stream: &Stream, image: &Image) -> Option<u64> {
    let way = stream
        .directions
        .iter()
        .find(|way| way.from == image.from)?;
    let back = stream
        .directions
        .iter()
        .find(|way| way.from != image.from)?;
    // A receiver that closed or reset gave up the rest by itself.
    if back.closed.is_some() || image.is_raw_pixels() {
        return None;
    }
    let bytes = way.acknowledged?.saturating_sub(image.offset);
    (image.encoded_bytes.is_none() && bytes < image.bytes).then_some(bytes)
}

/// What of a picture reached the receiver's machine.
fn arrival(stream: &Stream, image: &Image) -> Arrival {
    if stream.transport == TransportKind::Udp {
        return match image.datagrams {
            Some(datagrams) if datagrams.arrived.is_some() => Arrival::Whole,
            _ => Arrival::Unknown,
        };
    }
    let way = stream.directions.iter().find(|way| way.from == image.from);
    let back = stream.directions.iter().find(|way| way.from != image.from);
    let (Some(way), Some(back)) = (way, back) else {
        return Arrival::Unknown;
    };
    if back.packets == 0 {
        return Arrival::Unknown;
    }
    let end = image
        .offset
        .saturating_add(image.encoded_bytes.unwrap_or(image.bytes));
    let reset = back.closed == Some(Closed::Reset) || way.closed == Some(Closed::Reset);
    match way.acknowledged {
        Some(acknowledged) if acknowledged >= end => {
            if way.urgent_bytes > 0 {
                // Nor whether its program read them with the rest.
                Arrival::Unknown
            } else if back.closed == Some(Closed::Reset) {
                Arrival::Reset
            } else {
                Arrival::Whole
            }
        }
        _ if reset => Arrival::Partly,
        _ => Arrival::Unknown,
    }
}
