//! What was found of the files, and what the wire formats made of the stream, brought together: a file that lies whole in a
//! direction is the picture, whatever a guessed format carved.

use std::collections::{BTreeMap, BTreeSet};

use super::evidence::{Form, Passage, Text, Way};
use super::wire::{Run, Wire};
use crate::align::View;
use crate::ledger::{Direction, Gap, Image, TransportKind, Verdict};
use crate::units::{ByteRange, PictureId};
use crate::wire::Protocol;

/// Bytes of two passages that may overlap: a header that both have.
const SHARED: u64 = 64;

/// How the bytes of a picture lie in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lie {
    /// One after the other, or as a wire format has them.
    Plain,
    /// With as many other bytes before each piece: framing that repeats.
    Regular,
    /// With other bytes at some places that nothing explains.
    Irregular,
}

/// What the evidence says of one picture.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// Text of the file sent that it is, in part at least.
    pub sent: Option<usize>,
    /// The same of a file received.
    pub received: Option<usize>,
    /// Conversion or pixels of the file sent that lie in the stream.
    pub(super) form: Form,
    /// Its bytes, where no wire format has them.
    pub wire: Option<Wire>,
    /// How they lie.
    pub lie: Lie,
    /// The received file is a piece of the stream, framing and all.
    pub(super) verbatim: bool,
    /// Bytes that are in the capture, between others that are the file's, are not: a difference that no missing frame explains.
    pub certain: bool,
}

impl Evidence {
    fn new() -> Self {
        Self {
            sent: None,
            received: None,
            form: Form::BYTES,
            wire: None,
            lie: Lie::Plain,
            verbatim: false,
            certain: false,
        }
    }
}

/// Pictures, and what the evidence says of them.
#[derive(Debug, Default)]
pub struct Reconciled {
    /// Pictures, with those that the evidence shows and without those that it refutes.
    pub images: Vec<Image>,
    /// What it says of each; absent where nothing.
    pub evidence: BTreeMap<PictureId, Evidence>,
    /// Those that it refutes.
    pub refuted: BTreeSet<PictureId>,
}

/// The place of a picture in its direction.
fn range(image: &Image) -> ByteRange {
    let length = image.encoded_bytes.unwrap_or(image.bytes);
    image.offset..image.offset.saturating_add(length)
}

fn overlap(left: &ByteRange, right: &ByteRange) -> u64 {
    let start = left.start.max(right.start);
    left.end.min(right.end).saturating_sub(start)
}

/// Brings pictures and passages together. `known` are the pictures that are a file by their digest, `saved` those that are a
/// received one.
pub(super) fn reconcile(
    images: Vec<Image>,
    known: &BTreeSet<PictureId>,
    saved: &BTreeSet<PictureId>,
    texts: &[Text<'_>],
    ways: &[Way<'_>],
    mut passages: Vec<Passage>,
) -> Reconciled {
    let mut work = Work {
        next: images
            .iter()
            .map(|image| image.id.0)
            .max()
            .map_or(0, |id| id + 1),
        result: Reconciled {
            images,
            ..Reconciled::default()
        },
        known,
        saved,
        texts,
        ways,
        taken: Vec::new(),
        starts: passages
            .iter()
            .filter(|passage| passage.placement.is_whole() && passage.form == Form::BYTES)
            .map(|passage| (passage.way, passage.placement.stream().start))
            .collect(),
    };
    passages.sort_by_key(|passage| {
        let whole = passage.placement.is_whole();
        let plain = passage.form == Form::BYTES;
        (
            // One piece explains more than many.
            !(whole && passage.placement.spans.len() == 1),
            !whole,
            std::cmp::Reverse(passage.telling),
            !plain,
            passage.way,
            passage.placement.stream().start,
        )
    });
    let text = |passage: &Passage| texts.get(passage.text).copied();
    for passage in &passages {
        if text(passage).is_some_and(|text| text.sent) {
            work.sent(passage);
        }
    }
    work.received(&passages);
    work.result
}

struct Work<'w, 'f> {
    next: u32,
    result: Reconciled,
    known: &'w BTreeSet<PictureId>,
    saved: &'w BTreeSet<PictureId>,
    texts: &'w [Text<'f>],
    ways: &'w [Way<'f>],
    /// Ranges of ways that are passages of files sent.
    taken: Vec<(usize, ByteRange)>,
    /// Where in ways whole files begin.
    starts: BTreeSet<(usize, u64)>,
}

impl Work<'_, '_> {
    /// Pictures that a range of a way overlaps.
    fn overlapping(&self, way: &Way<'_>, place: &ByteRange) -> Vec<usize> {
        let from = way.stream.directions.get(way.side).map(|one| one.from);
        let pictures = self.result.images.iter().enumerate();
        pictures
            .filter(|(_, image)| {
                image.stream == way.stream.id
                    && Some(image.from) == from
                    && overlap(&range(image), place) > 0
            })
            .map(|(index, _)| index)
            .collect()
    }

    fn evidence(&mut self, picture: PictureId) -> &mut Evidence {
        self.result
            .evidence
            .entry(picture)
            .or_insert_with(Evidence::new)
    }

    /// A passage of a file sent.
    #[expect(
        clippy::too_many_lines,
        reason = "one passage, from what it overlaps to the picture that it is, in order"
    )]
    fn sent(&mut self, passage: &Passage) {
        let Some(way) = self.ways.get(passage.way) else {
            return;
        };
        let place = way.place(&passage.placement.stream());
        let origin = way
            .recovered
            .as_ref()
            .map_or(passage.way, |undone| undone.way);
        let taken = self
            .taken
            .iter()
            .any(|(number, range)| *number == origin && overlap(range, &place) > SHARED);
        let pictures = self.overlapping(way, &place);
        let known = pictures.iter().any(|&index| {
            self.result.images.get(index).is_some_and(|image| {
                self.known.contains(&image.id) && overlap(&range(image), &place) > SHARED
            })
        });
        let exact = pictures.iter().any(|&index| {
            let image = self.result.images.get(index);
            passage.placement.spans.len() == 1 && image.is_some_and(|image| range(image) == place)
        });
        if taken || known || !(passage.tells() || exact) {
            return;
        }
        self.taken.push((origin, place.clone()));
        let lie = lie(way, passage);
        let text = self.texts.get(passage.text).map(|text| text.bytes);
        let certain = is_certain(way, passage, lie, text.unwrap_or_default());
        // What the receiver saved is the file, which is not on the wire as it is.
        let both = matches!(passage.form, Form::View(view) if view.is_text_mode())
            && self
                .texts
                .get(passage.text)
                .is_some_and(|text| text.received);
        let kept = match pictures.as_slice() {
            several if let Some(saved) = self.saved(several, &place, passage) => Some(saved),
            &[one] => self
                .result
                .images
                .get(one)
                .filter(|image| fits(image, way, passage, lie))
                .filter(|image| !self.is_less(image, passage))
                .filter(|image| !is_more(image, way, passage))
                .map(|image| image.id),
            several => self.main(several, &place, way, passage, lie),
        };
        if let Some(picture) = kept {
            let evidence = self.evidence(picture);
            if evidence.sent.is_none() {
                evidence.sent = Some(passage.text);
                evidence.form = passage.form;
                evidence.certain = certain;
                if both {
                    evidence.received = Some(passage.text);
                }
            }
            return;
        }
        // Blocks that came again look as if the file began anew.
        let numbered = pictures.iter().any(|&index| {
            let image = self.result.images.get(index);
            image.is_some_and(|image| {
                matches!(image.protocol, Protocol::Tftp | Protocol::RtpJpeg)
                    && image.encoded_bytes.is_some()
            })
        });
        if numbered {
            return;
        }
        // Refuted: those that it mostly covers.
        let known = self.known;
        let mut template = None;
        let mut refuted = BTreeSet::new();
        for &index in &pictures {
            if let Some(image) = self.result.images.get(index)
                && !known.contains(&image.id)
                && overlap(&range(image), &place).saturating_mul(2)
                    >= image.encoded_bytes.unwrap_or(image.bytes)
            {
                template.get_or_insert_with(|| image.clone());
                refuted.insert(image.id);
            }
        }
        let template = template.or_else(|| self.result.images.first().cloned());
        let id = PictureId(self.next);
        let Some((image, wire)) = picture(id, way, passage, template.as_ref()) else {
            return;
        };
        self.next += 1;
        self.result
            .images
            .retain(|image| !refuted.contains(&image.id));
        for picture in &refuted {
            self.result.evidence.remove(picture);
        }
        self.result.refuted.append(&mut refuted);
        self.result.images.push(image);
        let evidence = self.evidence(id);
        evidence.sent = Some(passage.text);
        evidence.form = passage.form;
        if both {
            evidence.received = Some(passage.text);
        }
        evidence.wire = Some(wire);
        evidence.lie = lie;
        evidence.certain = certain;
    }

    /// Whether a whole file is there, and a wire format that was guessed took bytes behind it for the picture's: the receiver
    /// kept the file alone, or they are the header of the next file.
    fn is_less(&self, image: &Image, passage: &Passage) -> bool {
        let place = passage.placement.stream();
        let own = range(image);
        if passage.form != Form::BYTES
            || !passage.placement.is_whole()
            || passage.placement.spans.len() != 1
            || own.end <= place.end
        {
            return false;
        }
        let received = self
            .texts
            .get(passage.text)
            .is_some_and(|text| text.received);
        let next = self.starts.contains(&(passage.way, own.end));
        received || (next && own.end - place.end == place.start)
    }

    /// The picture that a passage lies in, whole by its own structure, of which the receiver has every byte, or of which the file
    /// lacks the beginning: whatever of a file sent lies there, this is what went over the wire.
    fn saved(&self, pictures: &[usize], place: &ByteRange, passage: &Passage) -> Option<PictureId> {
        let text = self.texts.get(passage.text).map(|text| text.bytes);
        let head = text.and_then(|text| text.get(..crate::picture::SNIFF_BYTES).or(Some(text)));
        let begins = head.is_some_and(|head| {
            matches!(crate::picture::sniff(head), crate::picture::Sniff::Is(_))
        });
        if passage.form != Form::BYTES {
            return None;
        }
        let images = pictures
            .iter()
            .filter_map(|&index| self.result.images.get(index));
        let most = place.end.saturating_sub(place.start).saturating_mul(9);
        images
            .filter(|image| image.complete && image.format.is_some())
            .filter(|image| !begins || self.saved.contains(&image.id))
            .find(|image| overlap(&range(image), place).saturating_mul(10) >= most)
            .map(|image| image.id)
    }

    /// Of several pictures that a passage overlaps the one that it is of; none where they are its pieces.
    fn main(
        &self,
        pictures: &[usize],
        place: &ByteRange,
        way: &Way<'_>,
        passage: &Passage,
        lie: Lie,
    ) -> Option<PictureId> {
        if passage.placement.is_whole() || lie == Lie::Regular {
            return None;
        }
        let best = pictures
            .iter()
            .filter_map(|&index| self.result.images.get(index))
            .max_by_key(|image| overlap(&range(image), place))?;
        let most = overlap(&range(best), place).saturating_mul(10)
            >= place.end.saturating_sub(place.start).saturating_mul(9);
        (most && fits(best, way, passage, lie)).then_some(best.id)
    }

    /// For each picture without a received file of its digest the received file of which most lies there.
    fn received(&mut self, passages: &[Passage]) {
        let mut close: Vec<(u64, PictureId, usize)> = Vec::new();
        let mut verbatim: BTreeSet<(PictureId, usize)> = BTreeSet::new();
        let mut alone: Vec<&Passage> = Vec::new();
        for passage in passages {
            let received = self
                .texts
                .get(passage.text)
                .is_some_and(|text| text.received);
            let Some(way) = self.ways.get(passage.way).filter(|_| received) else {
                continue;
            };
            let own = passage.form == Form::BYTES || way.recovered.is_some();
            if !own || !passage.tells() {
                continue;
            }
            let pictures = self.overlapping(way, &way.place(&passage.placement.stream()));
            if pictures.is_empty()
                && passage.placement.is_whole()
                && passage.placement.length >= SHARED
            {
                alone.push(passage);
            }
            for index in pictures {
                let Some(image) = self.result.images.get(index) else {
                    continue;
                };
                let place = range(image);
                let common: u64 = passage
                    .placement
                    .spans
                    .iter()
                    .map(|span| overlap(&way.place(&span.stream), &place))
                    .sum();
                if common > 0 {
                    close.push((common, image.id, passage.text));
                    let through = passage.placement.is_whole()
                        && passage.placement.spans.len() == 1
                        && image.encoded_bytes.is_some_and(|encoded| common >= encoded);
                    if through {
                        verbatim.insert((image.id, passage.text));
                    }
                }
            }
        }
        close.sort_by_key(|(common, picture, text)| (std::cmp::Reverse(*common), *picture, *text));
        let mut used = BTreeSet::new();
        for (_, picture, text) in close {
            let free = self
                .result
                .evidence
                .get(&picture)
                .is_none_or(|evidence| evidence.received.is_none());
            if free && used.insert(text) {
                let evidence = self.evidence(picture);
                evidence.received = Some(text);
                evidence.verbatim = verbatim.contains(&(picture, text));
            }
        }
        for passage in alone {
            let Some(way) = self.ways.get(passage.way) else {
                continue;
            };
            if self.texts.get(passage.text).is_none_or(|text| text.sent) {
                continue;
            }
            if !self
                .overlapping(way, &way.place(&passage.placement.stream()))
                .is_empty()
            {
                continue;
            }
            let id = PictureId(self.next);
            let template = self.result.images.first().cloned();
            if let Some((image, wire)) = picture(id, way, passage, template.as_ref()) {
                self.next += 1;
                self.result.images.push(image);
                let lie = lie(way, passage);
                let evidence = self.evidence(id);
                evidence.form = passage.form;
                evidence.received = Some(passage.text);
                evidence.wire = Some(wire);
                evidence.lie = lie;
            }
        }
    }
}

/// Whether a protocol itself says where its pictures begin and end, and puts framing between their bytes.
fn delimits(protocol: &Protocol) -> bool {
    matches!(
        protocol,
        Protocol::Http
            | Protocol::Http2
            | Protocol::WebSocket
            | Protocol::JavaObjects
            | Protocol::Tftp
            | Protocol::RtpJpeg
    )
}

/// Whether a picture that a wire format found is what the passage shows: from the same byte on, and its differences are its
/// own.
fn fits(image: &Image, way: &Way<'_>, passage: &Passage, lie: Lie) -> bool {
    let place = way.place(&passage.placement.stream());
    let own = range(image);
    if way.recovered.is_some() {
        // The wire format undid the same conversion, to the end.
        return image.encoded_bytes.is_some()
            && own.start == place.start
            && own.end >= way.stream_end();
    }
    if delimits(&image.protocol) && image.encoded_bytes.is_some() {
        return own.start <= place.start && own.end >= place.end;
    }
    if image.encoded_bytes.is_some() {
        return false;
    }
    if matches!(passage.form, Form::Pixels(..)) {
        // Of two that were taken for one picture the first is not all of it.
        let all = !passage.placement.is_whole() || own.end <= place.end;
        return image.is_raw_pixels() && own.start == place.start && lie == Lie::Plain && all;
    }
    let Some(first) = passage.placement.spans.first() else {
        return false;
    };
    // Found by its structure, which broke where a byte was changed: the file goes on.
    if image.protocol == Protocol::Carve && own.start == place.start && own.end < place.end {
        return false;
    }
    let inside = overlap(&own, &place).saturating_mul(10)
        >= place.end.saturating_sub(place.start).saturating_mul(9);
    if !inside {
        return false;
    }
    match passage.form {
        Form::View(View::Bytes) => {
            let starts = first.stream.start.checked_sub(first.text);
            // Its beginning may lie in a gap of the capture.
            let same =
                starts == Some(own.start) || (first.text == 0 && first.stream.start == own.start);
            let late = first.text > 0 && own.start <= first.stream.start;
            match lie {
                Lie::Plain => same || (late && !passage.placement.is_whole()),
                Lie::Irregular => same,
                Lie::Regular => false,
            }
        }
        Form::View(view) => view.is_text_mode() && own.start == place.start,
        Form::Pixels(..) => false,
    }
}

/// Whether a wire format took a picture for broken where more of the file follows: a byte of its structure was changed. Where
/// it declared the length, that is where the picture ends.
fn is_more(image: &Image, way: &Way<'_>, passage: &Passage) -> bool {
    let (_, behind) = edges(way, passage);
    image.problem.is_some()
        && image.declared_bytes.is_none()
        && passage.form == Form::BYTES
        && passage.placement.stream().end.saturating_add(behind) > range(image).end
}

/// Bytes of the stream right before a passage, and right behind it, that stand where the file's first and last few bytes would:
/// there is nothing else that they could be.
fn edges(way: &Way<'_>, passage: &Passage) -> (u64, u64) {
    /// More are not a few.
    const FEW: u64 = 64;
    let spans = &passage.placement.spans;
    let (Some(first), Some(last)) = (spans.first(), spans.last()) else {
        return (0, 0);
    };
    if passage.form != Form::BYTES || !passage.placement.is_in_order() || way.recovered.is_some() {
        return (0, 0);
    }
    let before = first.stream.start;
    let wants = (1..=FEW).contains(&first.text) && before > 0;
    let before = if wants && before <= first.text.saturating_add(1) && !way.has_gap(&(0..before)) {
        before
    } else {
        0
    };
    let left = passage.placement.length.saturating_sub(last.in_text().end);
    let behind = way.end().saturating_sub(last.stream.end);
    let wants = (1..=FEW).contains(&left) && behind > 0;
    let gap = way.has_gap(&(last.stream.end..last.stream.end.saturating_add(behind)));
    let behind = if wants && behind <= left.saturating_add(1) && !gap {
        behind
    } else {
        0
    };
    (before, behind)
}

/// Whether a difference between file and stream is sure, whatever the capture lacks elsewhere: bytes that were captured, between
/// bytes that are the file's, are not.
fn is_certain(way: &Way<'_>, passage: &Passage, lie: Lie, file: &[u8]) -> bool {
    if passage.form != Form::BYTES {
        return passage.placement.is_whole();
    }
    let spans = &passage.placement.spans;
    spans
        .iter()
        .zip(spans.iter().skip(1))
        .any(|(before, after)| {
            let between = before.stream.end..after.stream.start;
            let in_text = before.in_text().end..after.text;
            if way.has_gap(&between) || in_text.start > in_text.end {
                return false;
            }
            let (stream, text) = (between.end - between.start, in_text.end - in_text.start);
            let tcp = way.stream.transport == TransportKind::Tcp;
            if text == 0 {
                // Of a part of it a header looks the same.
                let all = passage.placement.is_whole() && !way.has_gap(&passage.placement.stream());
                return all
                    && stream > 0
                    && lie == Lie::Irregular
                    && (tcp || !at_border(way, &between));
            }
            // Left out: a datagram that is missing from the capture looks the same, unless it is within one. What stands there
            // instead may be the next one's header.
            if stream >= text || tcp {
                return stream > 0 || tcp;
            }
            stream == 0 && is_within(way, before.stream.end, &in_text, file)
        })
}

/// Whether a datagram begins in a range, or a few bytes from it.
fn at_border(way: &Way<'_>, range: &ByteRange) -> bool {
    let carriers = way
        .stream
        .directions
        .get(way.side)
        .and_then(|direction| direction.carriers.as_ref());
    let near = range.start.saturating_sub(8)..=range.end.saturating_add(8);
    carriers.is_none_or(|carriers| {
        carriers
            .0
            .iter()
            .any(|extent| near.contains(&extent.offset) || near.contains(&extent.end()))
    })
}

/// Whether what was left out of a file there was left out within a datagram. Where bytes repeat, the place is not exact.
fn is_within(way: &Way<'_>, place: u64, left_out: &ByteRange, file: &[u8]) -> bool {
    let carriers = way
        .stream
        .directions
        .get(way.side)
        .and_then(|direction| direction.carriers.as_ref());
    let Some(carriers) = carriers else {
        return false;
    };
    let byte = |at: u64| usize::try_from(at).ok().and_then(|at| file.get(at));
    let same = |one: Option<u64>, other: Option<u64>| {
        one.zip(other)
            .is_some_and(|(one, other)| byte(one).is_some() && byte(one) == byte(other))
    };
    let back = (1..)
        .take_while(|&by| same(left_out.start.checked_sub(by), left_out.end.checked_sub(by)))
        .take(1 << 10)
        .count() as u64;
    let on = (0..)
        .take_while(|&by| same(left_out.start.checked_add(by), left_out.end.checked_add(by)))
        .take(1 << 10)
        .count() as u64;
    let places = place.saturating_sub(back)..=place.saturating_add(on);
    !carriers
        .0
        .iter()
        .any(|extent| places.contains(&extent.offset) || places.contains(&extent.end()))
}

/// How the pieces of a passage lie.
fn lie(way: &Way<'_>, passage: &Passage) -> Lie {
    let spans = &passage.placement.spans;
    let mut put_in: Vec<ByteRange> = Vec::new();
    for (before, after) in spans.iter().zip(spans.iter().skip(1)) {
        let between = before.stream.end..after.stream.start;
        let goes_on = before.in_text().end == after.text;
        let udp = way.stream.transport == TransportKind::Udp;
        if between.start < between.end && !way.has_gap(&between) && (goes_on || udp) {
            put_in.push(between);
        }
    }
    let Some(first) = put_in.first() else {
        return Lie::Plain;
    };
    let length = first.end - first.start;
    let whole = spans.first().is_some_and(|span| span.text == 0);
    if whole && has_odd_header(way, &put_in, &passage.placement.stream()) {
        return Lie::Irregular;
    }
    if way.stream.transport == TransportKind::Udp
        && at_datagrams(way, &put_in, &passage.placement.stream())
    {
        return Lie::Regular;
    }
    let same = put_in.iter().all(|range| range.end - range.start == length);
    if !same {
        return Lie::Irregular;
    }
    let pieces: Vec<u64> = spans.iter().map(super::super::align::Span::bytes).collect();
    let regular = put_in.len() >= 2
        && pieces
            .iter()
            .skip(1)
            .take(pieces.len().saturating_sub(2))
            .all(|piece| {
                // Cut where programs cut, whatever a changed byte splits off.
                Some(piece) == pieces.get(1)
            });
    if regular || declares(way, passage, &put_in) {
        Lie::Regular
    } else {
        Lie::Irregular
    }
}

/// Whether what was put in begins or ends at the beginning of datagrams.
fn at_datagrams(way: &Way<'_>, put_in: &[ByteRange], place: &ByteRange) -> bool {
    let carriers = way
        .stream
        .directions
        .get(way.side)
        .and_then(|direction| direction.carriers.as_ref());
    let Some(carriers) = carriers else {
        return false;
    };
    let mut starts: BTreeSet<u64> = carriers.0.iter().map(|extent| extent.offset).collect();
    starts.insert(way.end());
    // Headers stand in each datagram; a few bytes in one of many are none. What is whole datagrams came twice, or out of turn.
    let (Some(first), Some(last)) = (put_in.first(), put_in.last()) else {
        return false;
    };
    let whole = |range: &ByteRange| range.end - range.start >= SHARED;
    let datagrams = starts.range(first.start..=last.end).count();
    let all = starts.range(place.clone()).count();
    if !put_in.iter().any(whole) && put_in.len().saturating_mul(2) < datagrams.max(all.min(4)) {
        return false;
    }
    put_in.iter().all(|range| {
        // Framing may be equal to the next byte of the file by chance, so that the border moves by a few.
        starts
            .range(range.start.saturating_sub(8)..=range.end)
            .next()
            .is_some()
    })
}

/// Whether one of the headers of datagrams has another length than all the others, the one before the first piece among them: it
/// is no header any more.
fn has_odd_header(way: &Way<'_>, put_in: &[ByteRange], place: &ByteRange) -> bool {
    let carriers = way
        .stream
        .directions
        .get(way.side)
        .and_then(|direction| direction.carriers.as_ref())
        .filter(|_| way.stream.transport == TransportKind::Udp);
    let Some(carriers) = carriers else {
        return false;
    };
    let starts: BTreeSet<u64> = carriers.0.iter().map(|extent| extent.offset).collect();
    let ahead = starts
        .range(..=place.start)
        .next_back()
        .map(|start| place.start - start);
    let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
    let lengths = put_in.iter().map(|range| range.end - range.start);
    for length in lengths.chain(ahead) {
        if length >= SHARED {
            // Whole datagrams that came twice or out of turn.
            return false;
        }
        *counts.entry(length).or_default() += 1;
    }
    let all: usize = counts.values().sum();
    all >= 4 && counts.values().max() == Some(&(all - 1))
}

/// Whether each range that was put in, and the bytes before the first piece, hold the length of the piece that follows.
fn declares(way: &Way<'_>, passage: &Passage, put_in: &[ByteRange]) -> bool {
    let spans = &passage.placement.spans;
    let Some(length) = put_in.first().map(|range| range.end - range.start) else {
        return false;
    };
    if !(1..=64).contains(&length) {
        return false;
    }
    let mut pieces: Vec<(u64, u64)> = Vec::new();
    for span in spans {
        match pieces.last_mut() {
            Some((start, bytes)) if !put_in.iter().any(|range| range.end == span.stream.start) => {
                *bytes = span.stream.end.saturating_sub(*start);
            }
            _ => pieces.push((span.stream.start, span.bytes())),
        }
    }
    pieces.iter().all(|&(start, bytes)| {
        let Some(from) = start.checked_sub(length) else {
            return false;
        };
        let Some(header) = way.bytes(&(from..start)) else {
            return false;
        };
        [1, 2, 4, 8].into_iter().any(|width| {
            header.windows(width).any(|field| {
                let big = field
                    .iter()
                    .fold(0_u64, |n, &byte| (n << 8) | u64::from(byte));
                let little = field
                    .iter()
                    .rev()
                    .fold(0_u64, |n, &byte| (n << 8) | u64::from(byte));
                big == bytes || little == bytes
            })
        })
    })
}

/// The picture that a passage is, and its bytes.
fn picture(
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

/// The bytes of a whole file with a few put in at one place: no framing, which comes again.
fn put_in(way: &Way<'_>, passage: &Passage) -> Option<Vec<u8>> {
    /// Headers of pieces are longer.
    const FEW: u64 = 3;
    let [before, after] = passage.placement.spans.as_slice() else {
        return None;
    };
    let few = after.stream.start.saturating_sub(before.stream.end);
    if way.recovered.is_some() || lie(way, passage) != Lie::Irregular || !(1..=FEW).contains(&few) {
        return None;
    }
    way.bytes(&(before.stream.start..after.stream.end))
        .map(<[u8]>::to_vec)
}

/// Missing ranges within a range of a direction, by offset in it.
fn gaps_within(direction: &Direction, place: &ByteRange) -> Vec<Gap> {
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
fn wire_ends(way: &Way<'_>, passage: &Passage) -> bool {
    let first = passage.placement.spans.first();
    way.recovered.is_some() && first.is_some_and(|span| span.stream.start == span.text)
}

/// The picture's bytes in what was had back: all of it, where it begins with the file.
fn recovered(way: &Way<'_>, passage: &Passage) -> Wire {
    let mut wire = bytes_of(way, passage);
    if wire_ends(way, passage)
        && let [run] = way.runs.as_slice()
        && !way.has_gap(&(way.end()..way.end().saturating_add(1)))
    {
        wire = Wire::of(run.bytes.clone());
    }
    wire
}

fn protocol(form: Form) -> Protocol {
    match form {
        Form::View(_) => Protocol::Carve,
        Form::Pixels(..) => Protocol::RawPixels { width: None },
    }
}

/// The file's bytes as the stream has them: what was put in is left out, what was changed is changed, what was left out is
/// missing; where the capture has a gap there is none.
fn bytes_of(way: &Way<'_>, passage: &Passage) -> Wire {
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
    let mut before: Option<&crate::align::Span> = None;
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

/// How many bytes stand before most of the pieces of a file that was cut up; absent where it was not.
fn header_of(way: &Way<'_>, spans: &[crate::align::Span]) -> Option<u64> {
    let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
    let borders = spans.iter().zip(spans.iter().skip(1));
    for (before, after) in borders {
        let between = before.stream.end..after.stream.start;
        if before.in_text().end == after.text
            && between.start < between.end
            && !way.has_gap(&between)
        {
            *counts.entry(between.end - between.start).or_default() += 1;
        }
    }
    let (length, count) = counts.into_iter().max_by_key(|(_, count)| *count)?;
    (count >= 2).then_some(length)
}
