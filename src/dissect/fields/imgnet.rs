//! What imgnet knows of a packet and nobody else does.

use std::borrow::Cow;

use super::{Field, Show, fields, whole};
use crate::dissect::carried::{Carried, Piece};
use crate::dissect::seen::Seen;
use crate::dissect::value::Value;
use crate::ledger::GapCause;

/// Most chunks of one packet that are named one by one.
const MOST_CHUNKS: u64 = 4096;

pub(super) const FIELDS: &[Field] = fields! {
    "imgnet.stream" Number "Number of the stream in imgnet's reports, TCP and UDP together" => |seen, show| if let Some(place) = seen.place { show(whole(u64::from(place.stream.0)), None) };
    "imgnet.stream_offset" Number "Stream offset of the first payload byte, from 0" => |seen, show| if let Some(offset) = seen.place.and_then(|place| place.offset) { show(whole(offset), None) };
    "imgnet.protocol" Text "Wire format of the stream, as --protocol spells it" => |seen, show| {
        if let Some(protocol) = seen.place.and_then(|place| seen.index.stream(place.stream)?.protocol.as_ref()) {
            show(Value::Text(Cow::Owned(protocol.to_string())), None);
        }
    };
    "imgnet.role" Text "What it carries: picture, framing, answer, stray or unknown; of a packet without bytes open, acknowledgment, close or reset" => |seen, show| {
        let carried = Carried::of(seen);
        if let Some(bare) = carried.bare {
            show(Value::Text(Cow::Borrowed(bare.name())), None);
        }
        for piece in &carried.pieces {
            show(Value::Text(Cow::Borrowed(piece.role.name())), within(seen, piece));
        }
    };
    "imgnet.what" Text "What its framing, answer or stray bytes are in particular" => |seen, show| pieces(seen, &mut |piece| {
        if let Some(what) = piece.what {
            show(Value::Text(Cow::Borrowed(what)), within(seen, piece));
        }
    });
    "imgnet.picture" Number "Number of the picture of which it carries bytes" => |seen, show| of_pictures(seen, &mut |piece| {
        if let Some(image) = piece.image {
            show(whole(u64::from(image.id.0)), within(seen, piece));
        }
    });
    "imgnet.chunk" Number "Each chunk of which it carries bytes" => |seen, show| of_pictures(seen, &mut |piece| {
        if let Some((first, last)) = piece.chunks() {
            for chunk in (first..=last).take(usize::try_from(MOST_CHUNKS).unwrap_or(usize::MAX)) {
                show(whole(chunk), None);
            }
        }
    });
    "imgnet.offset" Number "Picture offset of the first byte that it carries" => |seen, show| of_pictures(seen, &mut |piece| {
        if let Some((first, _)) = piece.of_picture() {
            show(whole(first), within(seen, piece));
        }
    });
    "imgnet.last" Number "Picture offset of the last byte that it carries" => |seen, show| of_pictures(seen, &mut |piece| {
        if let Some((_, end)) = piece.of_picture() {
            show(whole(end.saturating_sub(1)), within(seen, piece));
        }
    });
    "imgnet.repeats" Number "The frame that carried the same bytes before" => |seen, show| if let Some(frame) = seen.place.and_then(|place| place.repeats) { show(whole(frame), None) };
    "imgnet.acknowledges" Number "Stream offset of the other direction up to which it acknowledges" => |seen, show| if let Some(offset) = seen.place.and_then(|place| place.acknowledges) { show(whole(offset), None) };
    "imgnet.format" Text "Format of the picture: jpeg, png, gif, webp, bmp, …" => |seen, show| of_pictures(seen, &mut |piece| {
        if let Some(format) = piece.image.and_then(|image| image.format) {
            show(Value::Text(Cow::Owned(format.to_string())), None);
        }
    });
    "imgnet.verdict" Text "Verdict on the picture: match, unverified, mismatch, incomplete or inconclusive" => |seen, show| of_pictures(seen, &mut |piece| {
        if let Some(image) = piece.image {
            show(Value::Text(Cow::Borrowed(image.verdict.as_str())), None);
        }
    });
    "imgnet.finding" Text "Name of each finding of which the frame is a proof" => |seen, show| {
        for finding in seen.index.findings_of(seen.frame.number) {
            show(Value::Text(Cow::Borrowed(finding.name.as_str())), None);
        }
    };
    "imgnet.severity" Text "Severity of each such finding: error, warning or note" => |seen, show| {
        for finding in seen.index.findings_of(seen.frame.number) {
            show(Value::Text(Cow::Borrowed(finding.severity.as_str())), None);
        }
    };
    "imgnet.gap" Text "Cause of a gap right before or behind its bytes: not-captured, never-acknowledged, snap-length, limit or unknown" => gaps;
};

/// A gap's cause by name.
pub(in crate::dissect) fn cause(cause: GapCause) -> &'static str {
    match cause {
        GapCause::NotCaptured => "not-captured",
        GapCause::NeverAcknowledged => "never-acknowledged",
        GapCause::SnapLength => "snap-length",
        GapCause::Limit => "limit",
        GapCause::Unknown => "unknown",
    }
}

fn pieces<'a>(seen: &Seen<'a>, each: &mut dyn FnMut(&Piece<'a>)) {
    Carried::of(seen).pieces.iter().for_each(each);
}

fn of_pictures<'a>(seen: &Seen<'a>, each: &mut dyn FnMut(&Piece<'a>)) {
    pieces(seen, &mut |piece| {
        if piece.of_picture().is_some() {
            each(piece);
        }
    });
}

/// Where a piece lies in the frame.
fn within(seen: &Seen<'_>, piece: &Piece<'_>) -> Option<std::ops::Range<usize>> {
    let layer = seen.layers().transport?;
    let start = layer.payload.checked_add(usize::try_from(piece.at).ok()?)?;
    let end = start.checked_add(usize::try_from(piece.length).ok()?)?;
    Some(start.min(layer.end)..end.min(layer.end))
}

fn gaps<'a>(seen: &Seen<'a>, show: &mut Show<'_, 'a>) {
    let Some(place) = seen.place else { return };
    let (Some(offset), Some(direction), Some(packet)) =
        (place.offset, place.direction, seen.packet())
    else {
        return;
    };
    let Some(account) = seen
        .index
        .stream(place.stream)
        .and_then(|stream| stream.directions.get(direction))
    else {
        return;
    };
    let length = packet.payload.len() as u64;
    let cut = u64::from(packet.payload_len);
    if length == 0 && cut == 0 {
        return;
    }
    let first = account
        .gaps
        .partition_point(|gap| gap.offset.saturating_add(gap.length) < offset);
    for gap in account.gaps.get(first..).unwrap_or_default() {
        if gap.offset > offset.saturating_add(length) {
            break;
        }
        show(Value::Text(Cow::Borrowed(cause(gap.cause))), None);
    }
}
