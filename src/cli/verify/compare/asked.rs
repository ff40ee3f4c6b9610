//! What is asked about a direction: its pictures, and what no wire format explains beside them.

use std::collections::BTreeSet;

use super::gathered::Gathered;
use crate::ledger::{Confidence, Direction, Image, RegionKind, Stream, TransportKind};
use crate::picture::Format;
use crate::units::ByteRange;
use crate::verify;
use crate::wire::Protocol;

/// What is asked about a direction.
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that are independent of each other"
)]
pub(super) struct Asked {
    pub(super) pictures: Vec<verify::Placed>,
    pub(super) open: Vec<ByteRange>,
    pub(super) understood: bool,
    pub(super) certain: bool,
    pub(super) confirmed: bool,
    pub(super) end: u64,
    pub(super) answered: bool,
    pub(super) given: bool,
    pub(super) lost: bool,
    pub(super) beyond: Vec<ByteRange>,
    pub(super) datagrams: BTreeSet<u64>,
}

impl Asked {
    /// Absent where it carries no picture.
    pub(super) fn of(
        pictures: &[&Image],
        stream: &Stream,
        direction: &Direction,
        gathered: &Gathered,
    ) -> Option<Self> {
        let mut images: Vec<&Image> = pictures
            .iter()
            .copied()
            .filter(|image| image.from == direction.from)
            .collect();
        // What stands around a picture that travels converted is judged with the conversion.
        let converted = |image: &&Image| {
            let evidence = gathered.evidence.get(&image.id);
            image.encoded_bytes.is_some()
                && evidence
                    .is_some_and(|evidence| evidence.wire.is_some() && evidence.is_converted())
        };
        if images.is_empty() {
            return None;
        }
        let converted = images.iter().any(converted);
        images.sort_by_key(|image| image.offset);
        // Those that a wire format found, and nothing put in their place.
        let understood = direction.map_omitted == 0
            && !images.iter().any(|image| {
                let evidence = gathered.evidence.get(&image.id);
                image.protocol == Protocol::Carve
                    || evidence.is_some_and(|evidence| evidence.wire.is_some())
            });
        let pictures: Vec<verify::Placed> = images
            .iter()
            .map(|image| {
                let length = image.encoded_bytes.unwrap_or(image.bytes);
                let evidence = gathered.evidence.get(&image.id);
                verify::Placed {
                    picture: image.id,
                    range: image.offset..image.offset.saturating_add(length),
                    lie: evidence.map_or(verify::Lie::Plain, |evidence| evidence.lie),
                    between: evidence.and_then(|evidence| evidence.between),
                    pieces: evidence.and_then(verify::Evidence::pieces),
                    ahead: evidence.map_or(0, verify::Evidence::ahead),
                    is_carved: image.protocol == Protocol::Carve,
                    is_cut: image
                        .problem
                        .as_ref()
                        .is_some_and(|problem| problem.stop().is_some()),
                    is_png: image.format == Some(Format::Png),
                    is_text: evidence.is_some_and(verify::Evidence::is_text),
                    lengths: [image.bytes, length],
                    declared: evidence.and_then(|evidence| evidence.declared),
                    size: image.width.zip(image.height),
                }
            })
            .collect();
        let carved = |image: &&&Image| image.protocol == Protocol::Carve;
        let lost = stream.is_confirmed()
            && (1..images.len()).contains(&images.iter().filter(carved).count());
        let end = direction.unique_bytes.saturating_add(direction.gap_bytes);
        let mut open: Vec<ByteRange> = if converted {
            Vec::new()
        } else if understood {
            direction
                .map
                .iter()
                .filter(|region| region.kind == RegionKind::Stray)
                .map(|region| region.offset..region.end())
                .collect()
        } else {
            between(&pictures, end)
        };
        if stream.transport == TransportKind::Tcp && direction.closed.is_none() {
            // More may have come, of which it is the beginning.
            open.retain(|range| range.end < end);
        }
        let mut beyond = beyond(stream, direction, &pictures);
        if stream.transport == TransportKind::Tcp && direction.closed.is_none() {
            beyond.retain(|range| range.end < end);
        }
        let mut datagrams = BTreeSet::new();
        if stream.transport == TransportKind::Udp
            && let Some(carriers) = &direction.carriers
        {
            for extent in carriers.0.iter() {
                datagrams.extend([extent.offset, extent.end()]);
            }
        }
        at_border(&mut open, &pictures, &datagrams);
        Some(Self {
            pictures,
            open,
            understood,
            certain: stream.is_confirmed() && !is_worked_out(stream),
            confirmed: stream.is_confirmed(),
            end,
            answered: stream
                .directions
                .iter()
                .any(|way| way.from == direction.to && way.answer_bytes > 0),
            given: stream.confidence == Some(Confidence::Given),
            lost,
            beyond,
            datagrams,
        })
    }

    /// Whether bytes stand before its picture, the only one, that a guess took for a header.
    pub(super) fn is_headed(&self) -> bool {
        matches!(self.pictures.as_slice(), [only] if only.range.start > 0) && !self.confirmed
    }

    pub(super) fn is_open(&self) -> bool {
        !self.open.is_empty() || !self.beyond.is_empty()
    }

    pub(super) fn beside(&self) -> verify::Beside<'_> {
        verify::Beside {
            pictures: &self.pictures,
            open: &self.open,
            understood: self.understood,
            certain: self.certain,
            end: self.end,
            answered: self.answered,
            given: self.given,
            lost: self.lost,
            beyond: &self.beyond,
            datagrams: &self.datagrams,
        }
    }
}

/// Whether the framing was worked out of datagrams, or of nothing.
fn is_worked_out(stream: &Stream) -> bool {
    let worked_out = match stream.protocol {
        None | Some(Protocol::Carve) => true,
        Some(Protocol::Layout(_)) => stream.transport == TransportKind::Udp,
        Some(_) => false,
    };
    worked_out && stream.confidence != Some(Confidence::Given)
}

/// What a wire format that is no guess does not account for: bytes that are none of its framing, and bytes that it has in its pictures
/// and that no picture has.
fn beyond(stream: &Stream, direction: &Direction, pictures: &[verify::Placed]) -> Vec<ByteRange> {
    // What was worked out of datagrams may be a part of the framing: others may be messages of another kind.
    let known = stream.is_confirmed() && !is_worked_out(stream);
    if !known || direction.map_omitted > 0 {
        return Vec::new();
    }
    // A format that was given and did not find them leaves all else unaccounted for.
    let missed = pictures.iter().find(|placed| placed.is_carved);
    if stream.confidence == Some(Confidence::Given)
        && let Some(placed) = missed
    {
        let start = placed.range.start;
        return std::iter::once(start..start.saturating_add(1)).collect();
    }
    // Pieces with headers of their own lie otherwise.
    let plain = |placed: &verify::Placed| placed.lie == verify::Lie::Plain;
    if !pictures.iter().all(plain) {
        return Vec::new();
    }
    let mut beyond = Vec::new();
    for region in &direction.map {
        if !matches!(region.kind, RegionKind::Stray | RegionKind::Picture) {
            continue;
        }
        let mut from = region.offset;
        for placed in pictures {
            if placed.range.start < region.end() && from < placed.range.end {
                beyond.push(from..placed.range.start.max(from));
                from = from.max(placed.range.end);
            }
        }
        beyond.push(from..region.end().max(from));
    }
    beyond.retain(|range| range.start < range.end);
    beyond
}

/// What lies before, between and behind pictures.
fn between(pictures: &[verify::Placed], end: u64) -> Vec<ByteRange> {
    let mut open = Vec::new();
    let mut from = 0;
    for placed in pictures {
        if from < placed.range.start {
            open.push(from..placed.range.start);
        }
        from = from.max(placed.range.end);
    }
    if from < end {
        open.push(from..end);
    }
    open
}

/// Parts what is open behind the last picture where its datagram ends: the next one is a message of its own.
fn at_border(open: &mut Vec<ByteRange>, pictures: &[verify::Placed], datagrams: &BTreeSet<u64>) {
    let Some(last) = pictures.last() else {
        return;
    };
    let Some(at) = open.iter().position(|range| range.start == last.range.end) else {
        return;
    };
    let within = open.get_mut(at).and_then(|range| {
        let border = *datagrams.range(range.start..range.end).next()?;
        (border > range.start).then(|| {
            let behind = border..range.end;
            range.end = border;
            behind
        })
    });
    if let Some(behind) = within {
        open.insert(at + 1, behind);
    }
}
