//! What was found of the files, and what the wire formats made of the stream, brought together: a file that lies whole in a
//! direction is the picture, whatever a guessed format carved.

mod lie;
mod numbered;
mod shown;

use crate::wire::Fixed;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

pub(crate) use lie::Lie;
use lie::{are_headed, fits, is_certain, is_more, lie};
use shown::picture;

use super::evidence::{Form, Passage, Text, Way};
use super::wire::Wire;
use crate::ledger::{Image, TransportKind};
use crate::picture::is_whole;
use crate::units::{ByteRange, PictureId, StreamId};
use crate::wire::Protocol;

/// Bytes of two passages that may overlap: a header that both have.
const SHARED: u64 = 64;

/// What the evidence says of one picture.
#[derive(Debug, Clone)]
pub(crate) struct Evidence {
    /// Text of the file sent that it is, in part at least.
    pub sent: Option<usize>,
    /// The same of a file received.
    pub received: Option<usize>,
    /// Conversion or pixels of the file sent that lie in the stream.
    pub(super) form: Form,
    /// Its bytes, where no wire format has them.
    pub wire: Option<Wire>,
    /// Where in the stream they are, ascending; empty where a wire format has them.
    pub spans: Vec<ByteRange>,
    /// How they lie.
    pub lie: Lie,
    /// The length that stands before it, which a wire format read there, and which is less than it has.
    pub declared: Option<u64>,
    /// How many other bytes stand between most of its pieces; absent where it lies in one, or the capture lacks them.
    pub between: Option<u64>,
    /// The received file is a piece of the stream, framing and all.
    pub(super) verbatim: bool,
    /// The received file is one piece of the stream, whatever of the picture is in it.
    pub(super) slice: bool,
    /// Bytes that are in the capture, between others that are the file's, are not: a difference that no missing frame explains.
    pub certain: bool,
}

impl Evidence {
    /// Whether it is no plain copy of the file that lies in the stream.
    pub(crate) fn is_converted(&self) -> bool {
        self.form != Form::BYTES
    }

    /// Whether the file travels as text that a line may be.
    pub(crate) fn is_text(&self) -> bool {
        matches!(self.form, Form::View(view) if view.is_printed())
    }

    /// How many bytes most of its pieces have, and the last; absent where it lies in one.
    pub(crate) fn pieces(&self) -> Option<(u64, u64)> {
        let lengths = || self.spans.iter().map(|span| span.end - span.start);
        let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
        for length in lengths() {
            *counts.entry(length).or_default() += 1;
        }
        let (full, _) = counts
            .into_iter()
            .max_by_key(|(length, count)| (*count, *length))?;
        (self.spans.len() > 1).then_some((full, lengths().next_back()?))
    }

    /// How many bytes its first piece begins before the others: the end of a header that is as the file is before it.
    pub(crate) fn ahead(&self) -> u64 {
        const FEW: u64 = 4;
        let first = self.spans.first().map_or(0, |span| span.end - span.start);
        let full = self.pieces().map_or(first, |(full, _)| full);
        first
            .checked_sub(full)
            .filter(|ahead| *ahead <= FEW)
            .unwrap_or(0)
    }

    fn new() -> Self {
        Self {
            sent: None,
            received: None,
            form: Form::BYTES,
            wire: None,
            spans: Vec::new(),
            lie: Lie::Plain,
            declared: None,
            between: None,
            verbatim: false,
            slice: false,
            certain: false,
        }
    }
}

/// Pictures, and what the evidence says of them.
#[derive(Debug, Default)]
pub(crate) struct Reconciled {
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
    let next = images
        .iter()
        .map(|image| image.id.0)
        .max()
        .map_or(0, |id| id + 1);
    let mut work = Work {
        next,
        first: PictureId(next),
        result: Reconciled {
            images,
            ..Reconciled::default()
        },
        known,
        saved,
        texts,
        ways,
        of_stream: BTreeMap::new(),
        taken: BTreeMap::new(),
        ended: BTreeMap::new(),
        starts: passages
            .iter()
            .filter(|passage| passage.placement.is_whole() && passage.form == Form::BYTES)
            .map(|passage| (passage.way, passage.placement.stream().start))
            .collect(),
        own: passages
            .iter()
            .filter(|passage| passage.form == Form::BYTES && passage.tells())
            .map(|passage| (passage.text, passage.way))
            .collect(),
    };
    for (index, image) in work.result.images.iter().enumerate() {
        work.of_stream.entry(image.stream).or_default().push(index);
    }
    passages.sort_by_key(|passage| {
        let whole = passage.placement.is_whole();
        let plain = passage.form == Form::BYTES;
        (
            // One piece explains more than many.
            !(whole && passage.placement.spans.len() == 1),
            !whole,
            Reverse(passage.telling),
            // Where as much of the file is found, in fewer pieces.
            passage.placement.spans.len(),
            !plain,
            passage.way,
            passage.placement.stream().start,
        )
    });
    let text = |passage: &Passage| texts.get(passage.text).copied();
    // Where nobody gave what was sent: a whole picture in pieces that was received can have come from nowhere else.
    let alone = texts.iter().all(|text| !text.sent);
    let shared = if alone {
        over_connections(texts, ways, &passages)
    } else {
        BTreeSet::new()
    };
    for passage in &passages {
        let Some(text) = text(passage) else { continue };
        let odd = passage.form != Form::BYTES || passage.placement.spans.len() > 1;
        let whole = || {
            odd && passage.placement.is_whole()
                && is_whole(text.bytes)
                && !leaves_out(text.bytes, passage, ways)
        };
        let all = || alone && work.is_all_that_came(passage);
        if text.sent || (alone && whole()) || all() || shared.contains(&passage.text) {
            work.sent(passage, text.sent);
        }
    }
    work.interleaved(&passages);
    work.received(&passages);
    let Reconciled {
        images, refuted, ..
    } = &mut work.result;
    images.retain(|image| !refuted.contains(&image.id));
    work.result
}

/// Whether datagrams between the pieces of a received file, or the most of them, are not in it: its receiver may have lost them.
fn leaves_out(file: &[u8], passage: &Passage, ways: &[Way<'_>]) -> bool {
    /// What came twice came before or behind as near in the file.
    const NEAR: u64 = 64 << 10;
    let udp = |way: &&Way<'_>| way.stream.transport == TransportKind::Udp;
    let way = ways.get(passage.way).filter(udp);
    let Some(way) = way.filter(|_| passage.form == Form::BYTES) else {
        return false;
    };
    let spans = &passage.placement.spans;
    spans
        .iter()
        .zip(spans.iter().skip(1))
        .any(|(before, after)| {
            let between = before.stream.end..after.stream.start;
            if between.start >= between.end || between.end - between.start < SHARED {
                return false;
            }
            let from = before.in_text().end.min(after.text).saturating_sub(NEAR);
            let to = before.in_text().end.max(after.text).saturating_add(NEAR);
            let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(file.len());
            let near = file.get(place(from)..place(to)).unwrap_or_default();
            // The next header may stand at the end.
            let end = between.end.saturating_sub(SHARED / 2);
            let last = way.bytes(&(end.saturating_sub(SHARED / 4)..end));
            last.is_none_or(|last| memchr::memmem::find(near, last).is_none())
        })
}

/// Whole pictures that several connections carry together, each a part, one after the other to the last byte.
fn over_connections(texts: &[Text<'_>], ways: &[Way<'_>], passages: &[Passage]) -> BTreeSet<usize> {
    let mut parts: BTreeMap<usize, Vec<(ByteRange, StreamId)>> = BTreeMap::new();
    for passage in passages {
        let Some(way) = ways.get(passage.way) else {
            continue;
        };
        if passage.form == Form::BYTES
            && passage.tells()
            && let [span] = passage.placement.spans.as_slice()
        {
            let part = (span.in_text(), way.stream.id);
            parts.entry(passage.text).or_default().push(part);
        }
    }
    let whole = |(text, parts): &mut (usize, Vec<(ByteRange, StreamId)>)| {
        parts.sort_by_key(|(part, _)| part.start);
        let streams: BTreeSet<StreamId> = parts.iter().map(|(_, stream)| *stream).collect();
        let mut end = 0;
        let joined = parts.iter().all(|(part, _)| {
            let next = part.start == end;
            end = part.end;
            next
        });
        let bytes = texts.get(*text).map(|text| text.bytes).unwrap_or_default();
        joined
            && parts.len() > 1
            && streams.len() == parts.len()
            && end == bytes.len() as u64
            && is_whole(bytes)
    };
    let mut parts: Vec<_> = parts.into_iter().collect();
    parts.retain_mut(whole);
    parts.into_iter().map(|(text, _)| text).collect()
}

struct Work<'w, 'f> {
    next: u32,
    /// The first picture that the evidence showed.
    first: PictureId,
    result: Reconciled,
    known: &'w BTreeSet<PictureId>,
    saved: &'w BTreeSet<PictureId>,
    texts: &'w [Text<'f>],
    ways: &'w [Way<'f>],
    /// Pictures of each stream, by their place in the list.
    of_stream: BTreeMap<StreamId, Vec<usize>>,
    /// Ranges of ways that are passages of files sent.
    taken: BTreeMap<usize, Vec<ByteRange>>,
    /// Where in ways whole files end, and which.
    ended: BTreeMap<(usize, u64), usize>,
    /// Where in ways whole files begin.
    starts: BTreeSet<(usize, u64)>,
    /// Texts, and ways that have bytes of theirs as they are.
    own: BTreeSet<(usize, usize)>,
}

impl Work<'_, '_> {
    /// Pictures that a range of a way overlaps.
    fn overlapping(&self, way: &Way<'_>, place: &ByteRange) -> Vec<usize> {
        let from = way.stream.directions.get(way.side).map(|one| one.from);
        let of_stream = self.of_stream.get(&way.stream.id);
        let pictures = of_stream.into_iter().flatten().copied();
        pictures
            .filter(|&index| {
                self.result.images.get(index).is_some_and(|image| {
                    Some(image.from) == from
                        && overlap(&range(image), place) > 0
                        && !self.result.refuted.contains(&image.id)
                })
            })
            .collect()
    }

    /// One more picture, which the evidence shows.
    fn add(&mut self, image: Image) {
        let index = self.result.images.len();
        self.of_stream.entry(image.stream).or_default().push(index);
        self.result.images.push(image);
        self.next += 1;
    }

    fn evidence(&mut self, picture: PictureId) -> &mut Evidence {
        self.result
            .evidence
            .entry(picture)
            .or_insert_with(Evidence::new)
    }

    /// A passage of a file sent; `sent` is false where it is one received, and none sent was given.
    #[expect(
        clippy::too_many_lines,
        reason = "one passage, from what it overlaps to the picture that it is, in order"
    )]
    fn sent(&mut self, passage: &Passage, sent: bool) {
        let Some(way) = self.ways.get(passage.way) else {
            return;
        };
        let place = way.place(&passage.placement.stream());
        let origin = way
            .recovered
            .as_ref()
            .map_or(passage.way, |undone| undone.way);
        if passage.placement.is_whole() {
            self.ended.insert((origin, place.end), passage.text);
        }
        // What a buffer still held of the file that went out right before.
        let left = self.ended.get(&(origin, place.start)) == Some(&passage.text);
        let begins = passage.placement.spans.first();
        if left && !passage.placement.is_whole() && begins.is_some_and(|span| span.text > 0) {
            return;
        }
        // Rows of pixels may be alike: a few of them in the middle of others show nothing.
        if matches!(passage.form, Form::Pixels(..))
            && !passage.placement.is_whole()
            && begins.is_some_and(|span| span.text > 0)
            && passage.placement.covered().saturating_mul(2) < passage.placement.length
        {
            return;
        }
        // Files in pieces may stand between each other.
        let own: Vec<ByteRange> = match (&way.recovered, passage.placement.spans.as_slice()) {
            (None, spans @ [_, _, ..]) if passage.placement.is_whole() => {
                spans.iter().map(|span| way.place(&span.stream)).collect()
            }
            _ => vec![place.clone()],
        };
        let taken = self.taken.get(&origin).is_some_and(|taken| {
            let shared =
                |range: &ByteRange| -> u64 { own.iter().map(|one| overlap(range, one)).sum() };
            // Pieces of another file may begin with the same bytes.
            if own.len() > 1 {
                let all: u64 = taken.iter().map(shared).sum();
                return all.saturating_mul(2) > passage.placement.covered();
            }
            taken.iter().any(|range| shared(range) > SHARED)
        });
        let pictures = self.overlapping(way, &place);
        if self.is_stored(passage, origin, &place, &pictures) {
            return;
        }
        let known = pictures.iter().any(|&index| {
            self.result.images.get(index).is_some_and(|image| {
                self.known.contains(&image.id) && overlap(&range(image), &place) > SHARED
            })
        });
        let exact = pictures.iter().any(|&index| {
            let image = self.result.images.get(index);
            passage.placement.spans.len() == 1 && image.is_some_and(|image| range(image) == place)
        });
        // A few letters of its header, read as a text.
        let few = passage.form != Form::BYTES
            && !passage.placement.is_whole()
            && place.end - place.start <= SHARED
            && pictures.iter().any(|&index| {
                let image = self.result.images.get(index).map(range);
                image.is_some_and(|image| overlap(&image, &place) == place.end - place.start)
            });
        if taken || known || few || !(passage.tells() || exact) {
            return;
        }
        self.taken.entry(origin).or_default().extend(own);
        let lie = lie(way, passage);
        let text = self.texts.get(passage.text).map(|text| text.bytes);
        let certain = is_certain(way, passage, lie, text.unwrap_or_default());
        // What the receiver saved is the file, which is not on the wire as it is.
        let form = match passage.form {
            Form::View(view) => view.is_text_mode(),
            Form::Pixels(..) => passage.placement.is_whole(),
        };
        let received = self
            .texts
            .get(passage.text)
            .is_some_and(|text| text.received);
        let both = (form || !sent) && received;
        let kept = match pictures.as_slice() {
            several if let Some(saved) = self.saved(several, &place, passage) => Some(saved),
            &[one] => self
                .result
                .images
                .get(one)
                .filter(|image| fits(image, way, passage, lie))
                .filter(|image| !self.is_less(image, passage))
                .filter(|_| !self.is_scattered(passage, lie))
                .filter(|image| !is_more(image, way, passage))
                .filter(|image| !self.goes_on(image, passage))
                .map(|image| image.id),
            several => self.main(several, &place, way, passage, lie),
        };
        if let Some(picture) = kept {
            let evidence = self.evidence(picture);
            if evidence.sent.is_none() && evidence.received.is_none() {
                evidence.sent = Some(passage.text).filter(|_| sent);
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
                matches!(
                    image.protocol,
                    Protocol::Fixed(Fixed::Tftp | Fixed::RtpJpeg)
                ) && image.encoded_bytes.is_some()
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
                // Another file in pieces, between which these stand.
                && image.id < self.first
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
        let spans = shown::spans(way, passage, &image);
        let declared = template
            .as_ref()
            .filter(|template| refuted.contains(&template.id) && self.goes_on(template, passage))
            .and_then(|template| template.declared_bytes);
        for picture in &refuted {
            self.result.evidence.remove(picture);
        }
        self.result.refuted.append(&mut refuted);
        self.add(image);
        let between = shown::header_of(way, &passage.placement.spans);
        let evidence = self.evidence(id);
        evidence.sent = Some(passage.text).filter(|_| sent);
        evidence.form = passage.form;
        if both {
            evidence.received = Some(passage.text);
        }
        evidence.wire = Some(wire);
        evidence.spans = spans;
        evidence.lie = lie;
        evidence.between = between;
        evidence.declared = declared;
        evidence.certain = certain;
    }

    /// Files that came in pieces, one between the other: what stands between all of them is headers of one length, each with the length
    /// of its piece.
    fn interleaved(&mut self, passages: &[Passage]) {
        // The whole ones of each direction, and the direction in which a file came first in pieces.
        let mut whole: BTreeMap<usize, Vec<&Passage>> = BTreeMap::new();
        let mut in_pieces: BTreeMap<usize, usize> = BTreeMap::new();
        for passage in passages {
            if passage.form == Form::BYTES && passage.placement.is_whole() {
                whole.entry(passage.way).or_default().push(passage);
                if passage.placement.spans.len() > 1 {
                    in_pieces.entry(passage.text).or_insert(passage.way);
                }
            }
        }
        let mut shown: BTreeMap<usize, Vec<PictureId>> = BTreeMap::new();
        for (picture, evidence) in self.result.evidence.range(self.first..) {
            let way = evidence.sent.and_then(|text| in_pieces.get(&text));
            if let (Lie::Irregular, Some(way)) = (evidence.lie, way) {
                shown.entry(*way).or_default().push(*picture);
            }
        }
        for (index, pictures) in shown {
            let (Some(way), Some(all)) = (self.ways.get(index), whole.get(&index)) else {
                continue;
            };
            let mut all = all.iter().copied();
            let Some(mut joined) = all.next().cloned() else {
                continue;
            };
            for passage in all {
                joined
                    .placement
                    .spans
                    .extend(passage.placement.spans.iter().cloned());
            }
            joined.placement.spans.sort_by_key(|span| span.stream.start);
            if are_headed(way, &joined) {
                for picture in pictures {
                    self.evidence(picture).lie = Lie::Regular;
                }
            }
        }
    }

    /// Whether pixels are the data of a picture file that came, stored or compressed: they do not stand for it, since its headers and
    /// checksums count, too.
    fn is_stored(
        &self,
        passage: &Passage,
        origin: usize,
        place: &ByteRange,
        pictures: &[usize],
    ) -> bool {
        let mut around = pictures
            .iter()
            .filter_map(|&index| self.result.images.get(index));
        matches!(passage.form, Form::Pixels(..))
            && (self.own.contains(&(passage.text, origin))
                || around.any(|image| {
                    let own = range(image);
                    image.format.is_some() && own.start < place.start && place.end <= own.end
                }))
    }

    /// Whether a file that the receiver has as it was sent is all there, with other bytes at several places that nothing explains: a
    /// framing that is not understood, and no file that differs.
    fn is_scattered(&self, passage: &Passage, lie: Lie) -> bool {
        let spans = &passage.placement.spans;
        let mut between = spans
            .iter()
            .zip(spans.iter().skip(1))
            .map(|(before, after)| after.stream.start.saturating_sub(before.stream.end));
        lie == Lie::Irregular
            && passage.form == Form::BYTES
            && passage.placement.is_whole()
            && spans.len() > 2
            && between.all(|bytes| bytes > 1)
            && self
                .texts
                .get(passage.text)
                .is_some_and(|text| text.received)
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

    /// Whether a file that the receiver has as it was sent goes on where the length before it says that it ends: the length is wrong,
    /// and nothing else is.
    fn goes_on(&self, image: &Image, passage: &Passage) -> bool {
        let text = self.texts.get(passage.text);
        image.declared_bytes.is_some()
            && passage.form == Form::BYTES
            && passage.is_clean()
            && text.is_some_and(|text| text.sent && text.received)
            && passage.placement.stream().end > range(image).end
    }

    /// The picture that a passage lies in, whole by its own structure, of which the receiver has every byte, or of which the file
    /// lacks the beginning: whatever of a file sent lies there, this is what went over the wire.
    fn saved(&self, pictures: &[usize], place: &ByteRange, passage: &Passage) -> Option<PictureId> {
        let text = self.texts.get(passage.text).map(|text| text.bytes);
        let head = text.and_then(|text| text.get(..crate::picture::SNIFF_BYTES).or(Some(text)));
        let begins = head.is_some_and(|head| {
            matches!(crate::picture::sniff(head), crate::picture::Sniff::Is(_))
        });
        let plain = passage.form == Form::BYTES;
        let images = pictures
            .iter()
            .filter_map(|&index| self.result.images.get(index));
        let most = place.end.saturating_sub(place.start).saturating_mul(9);
        images
            .filter(|image| image.complete && image.format.is_some())
            .filter(|image| (plain && !begins) || self.saved.contains(&image.id))
            .filter(|image| plain || (!begins && image.encoded_bytes.is_some()))
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

    /// Whether the file is all that came from the beginning of the only picture on, which nothing but its structure found, and that broke
    /// before the end.
    fn is_all_that_came(&self, passage: &Passage) -> bool {
        /// A few bytes around it may be framing.
        const FEW: u64 = 64;
        let Some(way) = self.ways.get(passage.way) else {
            return false;
        };
        let place = passage.placement.stream();
        let pictures = self.overlapping(way, &place);
        let [index] = pictures.as_slice() else {
            return false;
        };
        let broken = self.result.images.get(*index).is_some_and(|image| {
            let own = range(image);
            image.protocol == Protocol::Carve
                && image.problem.is_some()
                && place.start <= own.start
                && own.start - place.start <= FEW
                && own.end < place.end
        });
        let left = way.end().saturating_sub(place.end);
        broken && passage.form == Form::BYTES && passage.is_clean() && left <= FEW
    }

    /// For each picture without a received file of its digest the received file of which most lies there.
    fn received(&mut self, passages: &[Passage]) {
        // Of several in which as much lies, the one that is as long.
        let mut close: Vec<(Reverse<u64>, u64, PictureId, usize)> = Vec::new();
        let mut verbatim: BTreeSet<(PictureId, usize)> = BTreeSet::new();
        let mut slices: BTreeSet<usize> = BTreeSet::new();
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
                    let apart = image.bytes.abs_diff(passage.placement.length);
                    close.push((Reverse(common), apart, image.id, passage.text));
                    let slice = passage.placement.is_whole() && passage.placement.spans.len() == 1;
                    if slice {
                        slices.insert(passage.text);
                    }
                    let through =
                        slice && image.encoded_bytes.is_some_and(|encoded| common >= encoded);
                    if through {
                        verbatim.insert((image.id, passage.text));
                    }
                }
            }
        }
        close.sort_unstable();
        let mut used = BTreeSet::new();
        for (_, _, picture, text) in close {
            let free = self
                .result
                .evidence
                .get(&picture)
                .is_none_or(|evidence| evidence.received.is_none());
            if free && used.insert(text) {
                let evidence = self.evidence(picture);
                evidence.received = Some(text);
                evidence.verbatim = verbatim.contains(&(picture, text));
                evidence.slice = slices.contains(&text);
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
                let spans = shown::spans(way, passage, &image);
                self.add(image);
                let lie = lie(way, passage);
                let evidence = self.evidence(id);
                evidence.spans = spans;
                evidence.form = passage.form;
                evidence.received = Some(passage.text);
                evidence.wire = Some(wire);
                evidence.lie = lie;
            }
        }
    }
}
