//! What a report tells of a capture, as far as it bears on verdicts.

use crate::ledger::{Closed, Direction, Image, RegionKind, Stream, TransportKind};
use crate::report::model::Report;
use crate::units::StreamId;
use crate::verify::{Arrival, Knowledge};
use crate::wire::Protocol;

/// What is known of a picture's transfer.
pub(super) fn of(report: &Report, image: &Image) -> Knowledge {
    let stream = report.stream(image.stream);
    Knowledge {
        lacks: stream.is_some_and(lacks_bytes),
        lacks_frames: report.coverage.lacks_frames(),
        arrival: stream.map_or(Arrival::Unknown, |stream| arrival(stream, image)),
        strays: stream.map_or(0, |stream| strays(report, stream, image)),
        ..Knowledge::default()
    }
}

/// Whether anything is missing from the capture that could be what is missed.
pub(super) fn lacks(report: &Report) -> bool {
    report.coverage.lacks_frames() || report.streams.iter().any(lacks_bytes)
}

/// Whether bytes of a stream may have gone by that the capture does not have.
fn lacks_bytes(stream: &Stream) -> bool {
    let tcp = stream.transport == TransportKind::Tcp;
    let seen = || stream.directions.iter().map(Direction::seen);
    // That the acknowledgments were not captured takes no byte away.
    seen().any(|seen| seen.missing > 0 || (tcp && seen.captured && !seen.start))
}

/// Whether a stream that carries pictures has a gap in which more of them, or other bytes, may lie.
pub(super) fn hides(report: &Report) -> bool {
    report.images.iter().any(|image| {
        report.stream(image.stream).is_some_and(|stream| {
            let mut ways = stream.directions.iter();
            ways.any(|way| way.from == image.from && way.uncaptured_bytes() > 0)
        })
    })
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
            if back.closed == Some(Closed::Reset) {
                Arrival::Reset
            } else {
                Arrival::Whole
            }
        }
        _ if reset => Arrival::Partly,
        _ => Arrival::Unknown,
    }
}

/// Whether a wire format explains all that comes before the last picture of a direction and between its pictures.
pub(super) fn is_understood(report: &Report, way: &Direction, stream: StreamId) -> bool {
    let last = report
        .images
        .iter()
        .filter(|image| image.stream == stream && image.from == way.from)
        .map(|image| image.offset)
        .max();
    way.map_omitted == 0
        && way
            .map
            .iter()
            .filter(|region| region.kind == RegionKind::Stray)
            .all(|region| last.is_some_and(|last| region.offset > last))
}

/// Bytes behind the last picture of a direction whose wire format is known, that are none of its framing.
fn strays(report: &Report, stream: &Stream, image: &Image) -> u64 {
    let Some(way) = stream.directions.iter().find(|way| way.from == image.from) else {
        return 0;
    };
    let last = report
        .images
        .iter()
        .filter(|other| other.stream == image.stream && other.from == image.from)
        .all(|other| other.offset <= image.offset);
    if image.protocol == Protocol::Carve
        || stream.transport == TransportKind::Udp
        || !last
        || !is_understood(report, way, stream.id)
    {
        return 0;
    }
    way.stray_bytes
}
