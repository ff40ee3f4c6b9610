//! The picture that a passage of a file shows, and its bytes as the stream has them.

use std::collections::BTreeMap;

use super::lie::{Lie, edges, lie};
use crate::align::{Span, View};
use crate::ledger::{Direction, Gap, Image, Verdict};
use crate::units::{ByteRange, PictureId};
use crate::verify::evidence::{Form, Passage, Way};
use crate::verify::wire::{Run, Wire};
use crate::wire::Protocol;

/// The picture that a passage is, and its bytes.
pub(super) fn picture(
    id: PictureId,
    way: &Way<'_>,
    passage: &Passage,
    template: Option<&Image>,
) -> Option<(Image, Wire)> {
    let direction = way.stream.directions.get(way.side)?;
    let mut place = way.place(&passage.placement.stream());
    if way.recovered.is_some() && wire_ends(way, passage) {
        place.end = way.stream_end();
    }
    let (ahead, behind) = edges(way, passage);
    let place = place.start.saturating_sub(ahead)..place.end.saturating_add(behind);
    let whole = passage.placement.is_whole();
    let wire = match passage.form {
        Form::View(View::Bytes) => match put_in(way, passage) {
            Some(bytes) => Wire::of(bytes),
            None => bytes_of(way, passage),
        },
        // The file can be had back from all of it.
        Form::View(_) if way.recovered.is_some() => recovered(way, passage),
        Form::Pixels(..) if way.recovered.is_some() || lie(way, passage) == Lie::Regular => {
            bytes_of(way, passage)
        }
        Form::View(_) | Form::Pixels(..) => Wire::of(way.bytes(&place)?.to_vec()),
    };
    let head = wire.runs.first().map(|run| run.bytes.as_slice());
    let format = head.and_then(|head| {
        let head = head.get(..crate::picture::SNIFF_BYTES).unwrap_or(head);
        match crate::picture::sniff(head) {
            crate::picture::Sniff::Is(format) => Some(format),
            _ => None,
        }
    });
    let size = format.zip(wire.whole()).and_then(|(format, bytes)| {
        let mut walker = crate::picture::Walker::new(format);
        walker.update(bytes);
        let info = walker.info();
        info.width.zip(info.height)
    });
    let size = match passage.form {
        Form::Pixels(_, width, height) => Some((width, height)),
        Form::View(_) => size,
    };
    let gaps = gaps_within(direction, &place);
    let gap_bytes: u64 = gaps.iter().map(|gap| gap.length).sum();
    let log = direction
        .carriers
        .as_ref()
        .map(|carriers| carriers.0.part(place.clone()))?;
    let span = place.end.saturating_sub(place.start);
    let chunk_size = template
        .filter(|template| template.from == direction.from)
        .and_then(|template| template.chunk_size);
    let digest = wire.whole().map(crate::digest::sha256);
    let mut image = Image {
        id,
        stream: way.stream.id,
        from: direction.from,
        to: direction.to,
        protocol: protocol(passage.form),
        format,
        media_type: None,
        width: size.map(|(width, _)| width),
        height: size.map(|(_, height)| height),
        pixels: None,
        bytes: wire.length,
        encoded_bytes: (wire.length != span).then_some(span),
        declared_bytes: None,
        complete: whole && gap_bytes == 0,
        problem: None,
        sha256: digest,
        digest: None,
        offset: place.start,
        packets: 0,
        wire_bytes: 0,
        payload_bytes: 0,
        unique_bytes: span.saturating_sub(gap_bytes),
        duplicate_bytes: 0,
        retransmitted_packets: 0,
        datagrams: None,
        gap_bytes,
        gaps,
        first_packet: None,
        last_packet: None,
        started: None,
        ended: None,
        chunk_size,
        chunk_size_source: template
            .and_then(|template| template.chunk_size_source)
            .filter(|_| chunk_size.is_some()),
        shared_packets: 0,
        chunks: None,
        verdict: if gap_bytes > 0 {
            Verdict::Inconclusive
        } else {
            Verdict::Unverified
        },
        compared: None,
    };
    image.count(log, place);
    Some((image, wire))
}

/// The bytes of a whole file with a few put in at one place: no framing, which comes again, and is longer.
pub(super) fn put_in(way: &Way<'_>, passage: &Passage) -> Option<Vec<u8>> {
    /// Headers of pieces are longer.
    const FEW: u64 = 3;
    let spans = &passage.placement.spans;
    if way.recovered.is_some() || !passage.placement.is_in_order() {
        return None;
    }
    let between = |(before, after): (&Span, &Span)| before.stream.end..after.stream.start;
    let mut few = spans
        .iter()
        .zip(spans.iter().skip(1))
        .map(between)
        .filter(|range| range.start < range.end && range.end - range.start <= FEW);
    let (Some(put_in), None) = (few.next(), few.next()) else {
        return None;
    };
    if lie(way, passage) != Lie::Irregular || way.has_gap(&passage.placement.stream()) {
        return None;
    }
    let mut bytes = Vec::new();
    for span in spans {
        if span.stream.start == put_in.end {
            bytes.extend_from_slice(way.bytes(&put_in)?);
        }
        bytes.extend_from_slice(way.bytes(&span.stream)?);
    }
    Some(bytes)
}

/// Missing ranges within a range of a direction, by offset in it.
pub(super) fn gaps_within(direction: &Direction, place: &ByteRange) -> Vec<Gap> {
    direction
        .gaps
        .iter()
        .filter_map(|gap| {
            let start = gap.offset.max(place.start);
            let end = gap.offset.saturating_add(gap.length).min(place.end);
            (start < end).then(|| Gap {
                offset: start - place.start,
                length: end - start,
                cause: gap.cause,
            })
        })
        .collect()
}

/// Whether what was had back begins with the file: then all of it is the picture.
pub(super) fn wire_ends(way: &Way<'_>, passage: &Passage) -> bool {
    let first = passage.placement.spans.first();
    way.recovered.is_some() && first.is_some_and(|span| span.stream.start == span.text)
}

/// The picture's bytes in what was had back: all of it, where it begins with the file.
pub(super) fn recovered(way: &Way<'_>, passage: &Passage) -> Wire {
    let mut wire = bytes_of(way, passage);
    if wire_ends(way, passage)
        && let [run] = way.runs.as_slice()
        && !way.has_gap(&(way.end()..way.end().saturating_add(1)))
    {
        wire = Wire::of(run.bytes.clone());
    }
    wire
}

pub(super) fn protocol(form: Form) -> Protocol {
    match form {
        Form::View(_) => Protocol::Carve,
        Form::Pixels(..) => Protocol::RawPixels { width: None },
    }
}

/// The file's bytes as the stream has them: what was put in is left out, what was changed is changed, what was left out is
/// missing; where the capture has a gap there is none.
pub(super) fn bytes_of(way: &Way<'_>, passage: &Passage) -> Wire {
    let mut spans = passage.placement.spans.clone();
    if !passage.placement.is_in_order() {
        spans.sort_by_key(|span| span.text);
    }
    let mut wire = Wire::default();
    let push = |wire: &mut Wire, bytes: &[u8]| {
        let offset = wire.length;
        wire.length = wire.length.saturating_add(bytes.len() as u64);
        match wire.runs.last_mut() {
            Some(last) if last.range().end == offset => last.bytes.extend_from_slice(bytes),
            _ => wire.runs.push(Run {
                offset,
                bytes: bytes.to_vec(),
            }),
        }
    };
    if let Some(first) = spans.first()
        && first.text > 0
        && way.has_gap(&(first.stream.start.saturating_sub(first.text)..first.stream.start))
    {
        wire.length = first.text;
    }
    let (ahead, behind) = edges(way, passage);
    if let Some(first) = spans.first()
        && ahead > 0
        && let Some(bytes) = way.bytes(&(first.stream.start - ahead..first.stream.start))
    {
        push(&mut wire, bytes);
    }
    // As long as the headers before the pieces are.
    let header = header_of(way, &spans);
    let mut before: Option<&Span> = None;
    for span in &spans {
        if let Some(before) = before
            && span.text > before.in_text().end
        {
            let missing = span.text - before.in_text().end;
            let between = before.stream.end..span.stream.start.max(before.stream.end);
            let there = between.end - between.start;
            if way.has_gap(&between) {
                wire.length = wire.length.saturating_add(missing);
            } else if there == missing || Some(there.saturating_sub(missing)) == header {
                let from = between.end.saturating_sub(missing).max(between.start);
                if let Some(bytes) = way.bytes(&(from..between.end)) {
                    push(&mut wire, bytes);
                }
            }
        }
        if let Some(bytes) = way.bytes(&span.stream) {
            push(&mut wire, bytes);
        } else {
            wire.length = wire.length.saturating_add(span.bytes());
        }
        before = Some(span);
    }
    if let Some(last) = spans.last()
        && behind > 0
        && let Some(bytes) = way.bytes(&(last.stream.end..last.stream.end.saturating_add(behind)))
    {
        push(&mut wire, bytes);
    }
    if let Some(last) = spans.last()
        && last.in_text().end < passage.placement.length
        && way.has_gap(&(last.stream.end..last.stream.end.saturating_add(1)))
    {
        wire.length = passage.placement.length.max(wire.length);
    }
    wire
}

/// Where in the stream the bytes of a picture are that a passage shows, ascending.
pub(super) fn spans(way: &Way<'_>, passage: &Passage, image: &Image) -> Vec<ByteRange> {
    let place = image.offset
        ..image
            .offset
            .saturating_add(image.encoded_bytes.unwrap_or(image.bytes));
    let pieces = match &way.recovered {
        Some(undone) => undone.pieces(),
        None if passage.placement.is_in_order() => {
            let mut pieces: Vec<ByteRange> = Vec::new();
            let mut text = 0;
            for span in &passage.placement.spans {
                // As many other bytes as are the file's there: changed ones.
                match pieces.last_mut() {
                    Some(last) if span.text - text == span.stream.start - last.end => {
                        last.end = span.stream.end;
                    }
                    _ => pieces.push(span.stream.clone()),
                }
                text = span.in_text().end;
            }
            pieces
        }
        None => passage
            .placement
            .spans
            .iter()
            .map(|span| span.stream.clone())
            .collect(),
    };
    let mut pieces = pieces;
    pieces.sort_by_key(|piece| piece.start);
    if pieces.len() < 2 {
        return vec![place];
    }
    if let Some(first) = pieces.first_mut() {
        first.start = place.start.min(first.start);
    }
    if let Some(last) = pieces.last_mut() {
        last.end = place.end.max(last.end);
    }
    pieces
}

/// How many bytes stand before most of the pieces of a file that was cut up; absent where it was not.
pub(super) fn header_of(way: &Way<'_>, spans: &[Span]) -> Option<u64> {
    let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
    let borders = spans.iter().zip(spans.iter().skip(1));
    let in_order = spans.is_sorted_by_key(|span| span.text);
    for (before, after) in borders {
        let between = before.stream.end..after.stream.start;
        if (before.in_text().end == after.text || !in_order)
            && between.start < between.end
            && !way.has_gap(&between)
        {
            *counts.entry(between.end - between.start).or_default() += 1;
        }
    }
    let (length, count) = counts.into_iter().max_by_key(|(_, count)| *count)?;
    (count >= 2).then_some(length)
}
