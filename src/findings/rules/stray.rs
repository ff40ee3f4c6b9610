//! Bytes beside pictures that are none of picture, framing and answer.

use std::collections::BTreeSet;

use super::{View, capital};
use crate::findings::{Certainty, Finding, Name, Severity};
use crate::ledger::{Confidence, Region, RegionKind, TransportKind};
use crate::picture::Status;
use crate::units::{count, counted};
use crate::wire::Protocol;
use crate::wire::infer::{fills_block, fills_up, is_goodbye, is_trailer};

/// Stray bytes in a direction that carries pictures.
pub(super) fn stray_bytes(view: &View<'_>) -> Option<Finding> {
    let direction = view.stream.directions.get(view.index)?;
    if direction.stray_bytes == 0 || view.facts.pictures.is_empty() || view.stream.lacks() {
        // Where the capture lacks bytes, it may be their framing.
        return None;
    }
    let stray = |region: &&Region| region.kind == RegionKind::Stray;
    if let Some(unknown) = unknown_framing(view) {
        return Some(unknown);
    }
    if are_messages(view) || ends_all(view) {
        return None;
    }
    let first = direction.map.iter().find(stray)?;
    let places = direction.map.iter().filter(stray).count() as u64;
    let before = direction
        .map
        .iter()
        .take_while(|region| region.offset < first.offset)
        .filter_map(|region| region.image)
        .last();
    let where_to = match before {
        Some(_) => "behind the picture",
        None => "before the first picture",
    };
    let at = match first.first_packet {
        Some(frame) => format!(" (frame {frame})"),
        None => String::new(),
    };
    let padded = padded(view);
    let looks = match first.what.as_deref() {
        Some("zeros") if padded => {
            "They are zeros that fill the last block up: padding, or a buffer of fixed size that was sent whole."
        }
        Some("zeros") => "They are zeros: a buffer of fixed size that was sent whole, perhaps.",
        Some("text") => "That is text.",
        Some("line-end") => "That is a line end.",
        Some("picture-header") => "They begin as a picture does.",
        Some("repeat") => "They repeat the last bytes of the picture.",
        _ => "Nothing tells what they are.",
    };
    let more = match places {
        1 => String::new(),
        places => format!(", in {} places", count(places)),
    };
    // Who takes the end of the stream for the end of the picture saves them with it.
    let saved = matches!(
        view.facts.pictures.last().map(|picture| &picture.protocol),
        Some(Protocol::Eof | Protocol::HalfClose | Protocol::Catalog)
    );
    Some(Finding {
        // In a format that is a guess, they may be framing that nobody knows.
        severity: if padded {
            Severity::Note
        } else if saved && view.stream.is_confirmed() {
            Severity::Error
        } else {
            Severity::Warning
        },
        certainty: match view.stream.confidence {
            Some(Confidence::Given) => Certainty::Proven,
            _ => Certainty::Likely,
        },
        image: before.or_else(|| view.only_picture()),
        ..view.finding(
            Name::StrayBytes,
            first.first_packet.into_iter().chain(first.last_packet),
            format!(
                "{} sent {} to no picture and to no framing{more}, the first at stream byte {}{at}, {where_to}. {looks}",
                capital(&view.sender()),
                counted(direction.stray_bytes, "byte that belongs", "bytes that belong"),
                count(first.offset),
            ),
            "In the sender: send exactly the bytes of the picture (buffer[:n] of what was read, len(data) and not a fixed size), and \
             what belongs to the format; in the receiver: stop where the format says that the picture ends.",
        )
    })
}

/// Whether zeros behind the last picture fill whole blocks up, in a format that was not given.
pub(super) fn padded(view: &View<'_>) -> bool {
    let direction = view.stream.directions.get(view.index);
    let (Some(direction), Some((last, before))) = (direction, view.facts.pictures.split_last())
    else {
        return false;
    };
    if view.stream.confidence == Some(Confidence::Given) || direction.map_omitted > 0 {
        return false;
    }
    let zeros = |region: &Region| match region.kind {
        RegionKind::Stray => region.what.as_deref() == Some("zeros"),
        // Of no bytes: there is no picture behind it.
        RegionKind::Framing => region.what.as_deref() == Some("length"),
        _ => false,
    };
    let mut behind = direction
        .map
        .iter()
        .filter(|region| region.offset >= last.range.end);
    let mut stray = direction
        .map
        .iter()
        .filter(|region| region.kind == RegionKind::Stray);
    let all = behind.all(zeros) && stray.all(|region| region.offset >= last.range.end);
    let message = before.last().map_or(0, |one| one.range.end);
    let fill = view.facts.span.saturating_sub(last.range.end);
    all && fills_block([0, message, last.range.start], view.facts.span, fill).is_some()
}

/// Whether nothing is stray but what stands behind the only picture, which has the length that its header says, and looks as the fields of
/// a trailer do.
pub(super) fn trails_one(view: &View<'_>) -> bool {
    let Some(direction) = view.stream.directions.get(view.index) else {
        return false;
    };
    let [only] = view.facts.pictures.as_slice() else {
        return false;
    };
    let mut strays = direction
        .map
        .iter()
        .filter(|region| region.kind == RegionKind::Stray);
    let (Some(region), None) = (strays.next(), strays.next()) else {
        return false;
    };
    let own = only.range.end.saturating_sub(only.range.start);
    let sample = &view.facts.stray_sample;
    view.stream.transport == TransportKind::Tcp
        && matches!(
            view.stream.confidence,
            Some(Confidence::Content | Confidence::Guess | Confidence::Likely)
        )
        && only.declared == Some(own)
        && matches!(only.structure, Some((Status::Whole { length }, _)) if length == own)
        && region.offset == only.range.end
        && direction.map.last().map(Region::end) == Some(region.end())
        && sample.len() as u64 == region.length
        && region.what.as_deref() != Some("repeat")
        && is_trailer(sample)
}

/// Whether nothing is stray but the last bytes of a direction whose framing was not given, and they say that no more comes, or fill the
/// only message up.
pub(super) fn ends_all(view: &View<'_>) -> bool {
    let Some(direction) = view.stream.directions.get(view.index) else {
        return false;
    };
    let mut strays = direction
        .map
        .iter()
        .filter(|region| region.kind == RegionKind::Stray);
    let (Some(first), None) = (strays.next(), strays.next()) else {
        return false;
    };
    let last = direction.map.last().map(Region::end);
    let sample = &view.facts.stray_sample;
    if view.stream.confidence == Some(Confidence::Given)
        || direction.map_omitted > 0
        || last != Some(first.end())
        || sample.len() as u64 != first.length
    {
        return false;
    }
    let fills = match view.facts.pictures.as_slice() {
        [only] if only.range.end == first.offset => fills_up(
            only.range.end,
            only.range.end.saturating_sub(only.range.start),
            first.length,
        ),
        _ => false,
    };
    // A line end behind the word that ends it.
    let before = direction
        .map
        .iter()
        .rev()
        .nth(1)
        .filter(|region| region.end() == first.offset);
    let worded = before.is_some_and(|region| {
        region.kind == RegionKind::Answer || region.what.as_deref() == Some("marker")
    });
    worded && matches!(sample.as_slice(), b" " | b"\n" | b"\r\n")
        || is_goodbye(sample)
        || fills && sample.iter().all(|byte| *byte == 0)
}

/// Whether the framing was worked out, and these bytes are short datagrams of their own: a name, a size, a word that ends.
fn are_messages(view: &View<'_>) -> bool {
    /// Of one or two of them.
    const SHORT: u64 = 128;
    let Some(direction) = view.stream.directions.get(view.index) else {
        return false;
    };
    if view.stream.transport != TransportKind::Udp
        || view.stream.confidence == Some(Confidence::Given)
        || direction.map_omitted > 0
    {
        return false;
    }
    let (stray, others): (Vec<_>, Vec<_>) = direction
        .map
        .iter()
        .partition(|region| region.kind == RegionKind::Stray);
    let shared: BTreeSet<_> = others
        .iter()
        .flat_map(|region| [region.first_packet, region.last_packet])
        .collect();
    stray.iter().all(|region| {
        let ends = [region.first_packet, region.last_packet];
        region.length <= SHORT
            && ends
                .iter()
                .all(|frame| frame.is_some() && !shared.contains(frame))
    })
}

/// Whether bytes of one length and kind stand behind each of several pictures whose framing was not given, or fill it up.
fn ends_each_message(view: &View<'_>) -> bool {
    let Some(direction) = view.stream.directions.get(view.index) else {
        return false;
    };
    let mut strays = direction
        .map
        .iter()
        .filter(|region| region.kind == RegionKind::Stray)
        .map(|region| (region.length, region.what.as_deref()))
        .collect::<Vec<_>>();
    let count = strays.len();
    strays.dedup();
    let same = count == view.facts.pictures.len() && strays.len() == 1;
    // Zeros that fill each picture up to a multiple of four bytes.
    let filled = direction
        .map
        .iter()
        .zip(direction.map.iter().skip(1))
        .filter(|(_, region)| region.kind == RegionKind::Stray)
        .all(|(before, region)| {
            before.kind == RegionKind::Picture
                && region.what.as_deref() == Some("zeros")
                && region.length < 4
                && (before.length + region.length).is_multiple_of(4)
        });
    let several = view.facts.pictures.len() > 1;
    view.stream.confidence != Some(Confidence::Given) && several && count > 0 && (same || filled)
}

/// Bytes around the pictures of a direction whose framing is none that imgnet knows: something stands before the first picture, or
/// a text behind it.
fn unknown_framing(view: &View<'_>) -> Option<Finding> {
    /// A word, and no line end alone.
    const WORD: u64 = 3;
    let direction = view.stream.directions.get(view.index)?;
    let guessed = view.stream.confidence != Some(Confidence::Given)
        && view.facts.pictures.iter().all(|picture| {
            matches!(
                picture.protocol,
                Protocol::Carve | Protocol::Encoded(..) | Protocol::Udp | Protocol::Marker(_)
            )
        });
    let trailer = trails_one(view);
    if direction.map_omitted > 0 || !(guessed || ends_each_message(view) || trailer) {
        return None;
    }
    let stray = |region: &&Region| region.kind == RegionKind::Stray;
    let last = direction
        .map
        .iter()
        .rposition(|region| region.image.is_some())?;
    let headed = direction.map.iter().take(last).any(|region| stray(&region));
    let words = direction
        .map
        .iter()
        .filter(stray)
        .all(|region| region.length >= WORD && region.what.as_deref() == Some("text"));
    if !headed && !words && !trailer {
        return None;
    }
    // A known marker is a framing: what stands around it are words, or bytes too many.
    let marked = view
        .facts
        .pictures
        .iter()
        .any(|picture| matches!(picture.protocol, Protocol::Marker(_)));
    if marked && !words {
        return None;
    }
    let first = direction.map.iter().find(stray)?;
    if trailer && !headed {
        return Some(view.finding(
            Name::UnknownFraming,
            first.first_packet.into_iter().chain(first.last_packet),
            format!(
                "{} behind the picture are no framing that imgnet knows: a trailer of the program's own, perhaps, or bytes too many. The \
                 header before the picture says its length, and nothing says theirs.",
                counted(direction.stray_bytes, "byte", "bytes"),
            ),
            "Where you know the framing, describe it in a line: --protocol PORT='layout …' (docs/layouts.md).",
        ));
    }
    Some(view.finding(
        Name::UnknownFraming,
        first.first_packet.into_iter().chain(first.last_packet),
        format!(
            "{} around the pictures {} no framing that imgnet knows, the first at stream byte {}: a header of the program's own, \
             perhaps. The pictures were found by their own structure.",
            counted(direction.stray_bytes, "byte", "bytes"),
            if direction.stray_bytes == 1 { "is" } else { "are" },
            count(first.offset),
        ),
        "Nothing is wrong for that. Where you know the framing, describe it in a line: --protocol PORT='layout …' \
         (docs/layouts.md).",
    ))
}
