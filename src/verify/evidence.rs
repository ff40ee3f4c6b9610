//! Where the files given lie in what was captured: passages of their bytes, as they are, converted or decoded.

use image::DynamicImage;

use super::wire::Run;
use crate::align::{
    Aligner, Datagrams, Index, Inflater, Origin, Placement, Recovered, Rewritten, Span, View,
    apart, characters, placements, recovered, rewritten, unmasked, viewed, with_repeats,
    with_short_piece,
};
use crate::ledger::{Carriers, Stream, TransportKind};
use crate::picture::{DecodeLimits, Format, SNIFF_BYTES, Sniff, Walker, decode, sniff};
use crate::units::ByteRange;

/// Conversions of more bytes than this are not looked for, however much memory there is.
const CONVERTED: u64 = 64 << 20;
/// From so many bytes on a direction is worth a second look.
const UNEXPLAINED: u64 = 256;
/// Equal bytes beyond a picture's header that are no accident.
const TELLING: u64 = 64;

/// The bytes of files: all files with the same ones are one text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text<'f> {
    /// The bytes.
    pub bytes: &'f [u8],
    /// Some file sent has them.
    pub sent: bool,
    /// Some file received has them.
    pub received: bool,
}

/// What was captured of one direction.
#[derive(Debug, Clone)]
pub(crate) struct Way<'w> {
    /// Its stream.
    pub stream: &'w Stream,
    /// Its place among the directions of the stream.
    pub side: usize,
    /// Bytes that are in the capture, at their stream offsets; ascending.
    pub runs: Vec<Run>,
    /// Ranges whose bytes are known already, ascending: nothing is looked for there.
    pub known: Vec<ByteRange>,
    /// Where its bytes come from, where they were had back from those of another way; absent where they are the stream's own.
    pub(crate) recovered: Option<Undone>,
}

/// A conversion that was undone.
#[derive(Debug, Clone)]
pub(crate) struct Undone {
    /// The way whose bytes it was.
    pub(super) way: usize,
    pub(super) view: View,
    origin: Origin,
}

impl Undone {
    /// The parts of the stream that it was made of, where other bytes stand between them; else none.
    pub(super) fn pieces(&self) -> Vec<ByteRange> {
        self.origin.pieces().to_vec()
    }
}

impl Way<'_> {
    /// The range of the stream that a range of its bytes is, or comes from.
    pub(super) fn place(&self, range: &ByteRange) -> ByteRange {
        match &self.recovered {
            Some(undone) => undone.origin.of(range),
            None => range.clone(),
        }
    }

    /// One past the last byte of the stream.
    pub(super) fn stream_end(&self) -> u64 {
        match &self.recovered {
            Some(undone) => undone.origin.end(),
            None => self.end(),
        }
    }

    /// The frames that carry the direction; absent where they were not kept.
    pub(super) fn carriers(&self) -> Option<&Carriers> {
        self.stream.directions.get(self.side)?.carriers.as_ref()
    }

    /// How many bytes of its datagram stand before a range, and how many behind it, fewer than none where it goes on into the next one.
    fn beside_in_datagram(&self, range: &ByteRange) -> Option<(i64, i64)> {
        let mut extents = self.carriers()?.0.overlapping(range.clone());
        let extent = extents.next()?;
        let apart = |from: u64, to: u64| {
            i64::try_from(to)
                .ok()?
                .checked_sub(i64::try_from(from).ok()?)
        };
        Some((
            apart(extent.offset, range.start)?,
            apart(range.end, extent.end())?,
        ))
    }

    /// Whether bytes are missing from the capture in this range.
    pub(super) fn has_gap(&self, range: &ByteRange) -> bool {
        let range = &self.place(range);
        let gaps = self
            .stream
            .directions
            .get(self.side)
            .map(|direction| direction.gaps.as_slice());
        gaps.unwrap_or_default().iter().any(|gap| {
            gap.offset < range.end.max(range.start.saturating_add(1))
                && gap.offset.saturating_add(gap.length) > range.start
        })
    }

    /// The bytes of a range, as far as they were captured in one run.
    pub(super) fn bytes(&self, range: &ByteRange) -> Option<&[u8]> {
        let run = self
            .runs
            .iter()
            .find(|run| run.offset <= range.start && run.range().end >= range.end)?;
        let place = |at: u64| usize::try_from(at - run.offset).ok();
        run.bytes.get(place(range.start)?..place(range.end)?)
    }

    /// One past the last byte that was captured.
    pub(super) fn end(&self) -> u64 {
        self.runs.last().map_or(0, |run| run.range().end)
    }
}

/// The order in which decoded pixels are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red.
    Bgr,
    /// With alpha.
    Rgba,
    /// With alpha.
    Bgra,
    /// One byte a pixel.
    Grey,
    /// All red, then all green, then all blue.
    Planar,
    /// Blue, green, red, from the bottom row up.
    BgrUpward,
    /// Red, green, blue, from the bottom row up.
    RgbUpward,
    /// With alpha, from the bottom row up.
    RgbaUpward,
    /// With alpha, from the bottom row up.
    BgraUpward,
}

impl Layout {
    const ALL: [Self; 10] = [
        Self::Bgr,
        Self::Rgb,
        Self::Rgba,
        Self::Bgra,
        Self::Grey,
        Self::Planar,
        Self::BgrUpward,
        Self::RgbUpward,
        Self::RgbaUpward,
        Self::BgraUpward,
    ];

    /// What it is taken for by mistake, in words.
    pub(super) fn misreadings(self) -> &'static [(Self, &'static str)] {
        const SWAPPED: &str =
            "The same pixels with red and blue swapped: BGR was taken for RGB, or RGB for BGR";
        const TURNED: &str = "The same pixels upside down: the rows come from the other end";
        match self {
            Self::Rgb => &[(Self::Bgr, SWAPPED), (Self::RgbUpward, TURNED)],
            Self::Bgr => &[(Self::Rgb, SWAPPED), (Self::BgrUpward, TURNED)],
            Self::RgbUpward => &[(Self::BgrUpward, SWAPPED), (Self::Rgb, TURNED)],
            Self::BgrUpward => &[(Self::RgbUpward, SWAPPED), (Self::Bgr, TURNED)],
            Self::Rgba => &[(Self::Bgra, SWAPPED), (Self::RgbaUpward, TURNED)],
            Self::Bgra => &[(Self::Rgba, SWAPPED), (Self::BgraUpward, TURNED)],
            Self::RgbaUpward => &[(Self::BgraUpward, SWAPPED), (Self::Rgba, TURNED)],
            Self::BgraUpward => &[(Self::RgbaUpward, SWAPPED), (Self::Bgra, TURNED)],
            Self::Grey | Self::Planar => &[],
        }
    }

    /// A picture's pixels in this order.
    pub(super) fn pixels(self, picture: &DynamicImage) -> Vec<u8> {
        match self {
            Self::Rgb => picture.to_rgb8().into_raw(),
            Self::Bgr => super::likeness::bgr24_rows(picture),
            Self::Rgba => picture.to_rgba8().into_raw(),
            Self::Bgra => bgra(picture),
            Self::RgbaUpward => picture.flipv().to_rgba8().into_raw(),
            Self::BgraUpward => bgra(&picture.flipv()),
            Self::Grey => picture.to_luma8().into_raw(),
            Self::BgrUpward => super::likeness::bgr24_rows(&picture.flipv()),
            Self::RgbUpward => picture.flipv().to_rgb8().into_raw(),
            Self::Planar => {
                let bytes = picture.to_rgb8().into_raw();
                let plane = |channel: usize| bytes.iter().skip(channel).step_by(3).copied();
                plane(0).chain(plane(1)).chain(plane(2)).collect()
            }
        }
    }
}

fn bgra(picture: &DynamicImage) -> Vec<u8> {
    let mut bytes = picture.to_rgba8().into_raw();
    for pixel in bytes.chunks_exact_mut(4) {
        pixel.swap(0, 2);
    }
    bytes
}

/// What of a file lies in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Its bytes, as they are or converted.
    View(View),
    /// Its decoded pixels, of this width and height.
    Pixels(Layout, u32, u32),
}

impl Form {
    pub(super) const BYTES: Self = Self::View(View::Bytes);
}

/// A file's bytes in a direction.
#[derive(Debug, Clone)]
pub(super) struct Passage {
    /// Which text.
    pub(super) text: usize,
    /// Which direction.
    pub(super) way: usize,
    pub(super) form: Form,
    pub(super) placement: Placement,
    /// Bytes of it that are no mere header.
    pub(super) telling: u64,
}

impl Passage {
    /// Whether all of the file lies there in one piece.
    pub(super) fn is_clean(&self) -> bool {
        self.placement.is_whole() && self.placement.spans.len() == 1
    }

    /// Whether it is no accident: headers of two pictures of one program agree for hundreds of bytes.
    pub(super) fn tells(&self) -> bool {
        self.placement.is_whole() || self.telling >= TELLING
    }
}

/// Where a picture's own data begin, as far as its first bytes tell.
pub(super) fn header_end(bytes: &[u8]) -> u64 {
    let four = |at: usize| {
        let four = bytes.get(at..at + 4)?;
        Some(u32::from_le_bytes(four.try_into().ok()?))
    };
    let end = match sniff(bytes.get(..SNIFF_BYTES).unwrap_or(bytes)) {
        // The last of the scan headers that come before the data: FF DA.
        Sniff::Is(Format::Jpeg) => {
            let head = bytes.get(..bytes.len().min(64 << 10)).unwrap_or_default();
            let found = jpeg_scan(head);
            found.map_or(0, |at| at as u64)
        }
        Sniff::Is(Format::Png) => 49,
        Sniff::Is(Format::Bmp) => four(10).map_or(54, u64::from),
        Sniff::Is(Format::Gif) => {
            let packed = bytes.get(10).copied().unwrap_or(0);
            if packed & 0x80 == 0 {
                13
            } else {
                13 + (3 << ((packed & 7) + 1))
            }
        }
        Sniff::Is(Format::WebP) => 30,
        _ => 0,
    };
    end.min(bytes.len() as u64)
}

/// Behind the first scan's header, by the lengths of the segments.
pub(super) fn jpeg_scan(bytes: &[u8]) -> Option<usize> {
    let mut at = 2;
    loop {
        let &[0xff, marker, high, low] = bytes.get(at..at + 4)? else {
            return None;
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        at += 2 + length;
        if marker == 0xda {
            return Some(at);
        }
    }
}

/// All passages of the texts in the ways, not each tells something; and ways more, that were had back from those. Conversions take
/// at most `room` bytes.
pub(super) fn passages<'w>(
    texts: &[Text<'_>],
    ways: &[Way<'w>],
    room: u64,
) -> (Vec<Passage>, Vec<Way<'w>>) {
    let plain: Vec<&[u8]> = texts.iter().map(|text| text.bytes).collect();
    let numbers: Vec<(usize, Form)> = (0..texts.len()).map(|text| (text, Form::BYTES)).collect();
    let mut found = looked_for(texts, &plain, &numbers, ways.iter().enumerate());
    let any_sent = texts.iter().any(|text| text.sent);
    // Converted or decoded only where much of a direction is no file as it is.
    let open: Vec<usize> = (0..ways.len())
        .filter(|number| {
            // A file that the receiver saved may be the conversion of one that was sent.
            let counts = |passage: &&Passage| {
                let sent = !any_sent || texts.get(passage.text).is_some_and(|text| text.sent);
                passage.way == *number && passage.is_clean() && sent
            };
            let clean: u64 = found
                .iter()
                .filter(counts)
                .map(|passage| passage.placement.covered())
                .sum();
            let all: u64 = ways.get(*number).map_or(0, |way| {
                way.runs.iter().map(|run| run.bytes.len() as u64).sum()
            });
            let rest = all.saturating_sub(clean);
            rest >= UNEXPLAINED && rest.saturating_mul(4) >= all
        })
        .collect();
    if open.is_empty() {
        return (found, Vec::new());
    }
    let mut room = usize::try_from(room.min(CONVERTED)).unwrap_or(usize::MAX);
    let mut undone = had_back(ways, &open, &mut room);
    undone.extend(uncovered(texts, &found, ways, &open, &mut room));
    let (escaped, left_out) = learned(texts, &found, ways, &open, &mut room);
    undone.extend(escaped);
    found.extend(in_recovered(texts, &plain, &numbers, &undone, ways.len()));
    undone.extend(had_back_characters(ways, &open));
    found.extend(converted(texts, ways, &open, left_out, &undone, room));
    (found, undone)
}

/// Bytes that open ways carry as characters in UTF-8, as ways of their own: pickles of Python's protocol 2 hold arrays so. Only
/// pixels are looked for in them: a file as such characters is a mistake, and looked for as that.
fn had_back_characters<'w>(ways: &[Way<'w>], open: &[usize]) -> Vec<Way<'w>> {
    let mut undone = Vec::new();
    for &number in open {
        let Some(way) = ways.get(number) else {
            continue;
        };
        for run in &way.runs {
            let found = characters(&run.bytes, run.offset);
            undone.extend(found.into_iter().map(|one| way_of(one, number, way)));
        }
    }
    undone
}

/// What open ways carry compressed or as text, as ways of their own.
fn had_back<'w>(ways: &[Way<'w>], open: &[usize], room: &mut usize) -> Vec<Way<'w>> {
    let mut undone = Vec::new();
    let mut inflater = Inflater::default();
    for &number in open {
        let Some(way) = ways.get(number) else {
            continue;
        };
        for run in &way.runs {
            for one in recovered(&mut inflater, &run.bytes, run.offset, *room) {
                *room = room.saturating_sub(one.bytes.len());
                // What was written as text may have been compressed before.
                for inner in recovered(&mut inflater, &one.bytes, 0, *room) {
                    *room = room.saturating_sub(inner.bytes.len());
                    undone.push(way_of(inner.within(&one), number, way));
                }
                undone.push(way_of(one, number, way));
            }
        }
    }
    undone
}

fn way_of<'w>(one: Recovered, number: usize, way: &Way<'w>) -> Way<'w> {
    Way {
        stream: way.stream,
        side: way.side,
        runs: vec![Run {
            offset: 0,
            bytes: one.bytes,
        }],
        known: Vec::new(),
        recovered: Some(Undone {
            way: number,
            view: one.view,
            origin: one.origin,
        }),
    }
}

/// The texts' bytes in what was had back.
fn in_recovered(
    texts: &[Text<'_>],
    plain: &[&[u8]],
    numbers: &[(usize, Form)],
    undone: &[Way<'_>],
    first: usize,
) -> Vec<Passage> {
    /// What was had back begins with the file; a few bytes of it may be changed.
    const BEGINS: u64 = 64;
    if undone.is_empty() {
        return Vec::new();
    }
    let mut found = looked_for(texts, plain, numbers, undone.iter().enumerate());
    found.retain(|passage| {
        let start = passage.placement.spans.first();
        start.is_some_and(|span| span.text < BEGINS)
    });
    for passage in &mut found {
        if let Some(undone) = undone
            .get(passage.way)
            .and_then(|way| way.recovered.as_ref())
        {
            passage.form = Form::View(undone.view);
        }
        passage.way += first;
    }
    found
}

/// What lies under a mask in open ways, as ways of their own.
fn uncovered<'w>(
    texts: &[Text<'_>],
    found: &[Passage],
    ways: &[Way<'w>],
    open: &[usize],
    room: &mut usize,
) -> Vec<Way<'w>> {
    /// Equal differences that are no accident.
    const TELLING: u64 = 256;
    let mut undone = Vec::new();
    let mut wanted: Vec<(usize, Vec<u8>)> = Vec::new();
    for (number, text) in texts.iter().enumerate() {
        let there = found
            .iter()
            .any(|passage| passage.text == number && passage.tells());
        if text.sent && !there && text.bytes.len() <= *room {
            *room -= text.bytes.len();
            wanted.push((number, apart(text.bytes)));
        }
    }
    if wanted.is_empty() {
        return undone;
    }
    let index = Index::new(wanted.iter().map(|(_, apart)| apart.as_slice()).collect());
    for &number in open {
        let Some(way) = ways.get(number) else {
            continue;
        };
        for run in &way.runs {
            let mut aligner = Aligner::new(&index);
            aligner.bytes(&apart(&run.bytes));
            for (place, spans) in aligner.finish() {
                let Some((text, apart)) = wanted.get(place) else {
                    continue;
                };
                let Some(bytes) = texts.get(*text).map(|text| text.bytes) else {
                    continue;
                };
                for placement in placements(&spans, apart.len() as u64, false) {
                    if placement.covered() < TELLING.min(placement.length) {
                        continue;
                    }
                    if let Some(one) = unmasked(&run.bytes, run.offset, bytes, &placement.spans) {
                        undone.push(way_of(one, number, way));
                    }
                }
            }
        }
    }
    undone
}

/// Passages of what text functions make of the files sent, and of their pixels.
fn converted(
    texts: &[Text<'_>],
    ways: &[Way<'_>],
    open: &[usize],
    left_out: Vec<(usize, Vec<u8>)>,
    undone: &[Way<'_>],
    mut room: usize,
) -> Vec<Passage> {
    let longest = open
        .iter()
        .filter_map(|number| ways.get(*number))
        .map(|way| way.runs.iter().map(|run| run.bytes.len() as u64).sum())
        .max()
        .unwrap_or(0);
    let mut converted: Vec<Vec<u8>> = Vec::new();
    let mut numbers: Vec<(usize, Form)> = Vec::new();
    for (text, bytes) in texts
        .iter()
        .enumerate()
        .filter(|(_, text)| text.sent && !text.bytes.is_empty())
        .map(|(number, text)| (number, text.bytes))
    {
        if bytes.len().saturating_mul(16) > room {
            continue;
        }
        for view in View::CONVERSIONS {
            if let Some(made) = viewed(bytes, view) {
                room = room.saturating_sub(made.len());
                converted.push(made);
                numbers.push((text, Form::View(view)));
            }
        }
        if may_be_pixels(bytes, longest)
            && let Ok(picture) = decode(bytes, &DecodeLimits::default())
            && (picture.as_bytes().len()).saturating_mul(16) <= room
        {
            let turned = super::likeness::turned(bytes, &picture);
            let upright = turned
                .iter()
                .flat_map(|turned| [(turned, Layout::Bgr), (turned, Layout::Rgb)]);
            let stored = Layout::ALL.map(|layout| (&picture, layout));
            for (picture, layout) in stored.into_iter().chain(upright) {
                let made = layout.pixels(picture);
                room = room.saturating_sub(made.len());
                converted.push(made);
                numbers.push((
                    text,
                    Form::Pixels(layout, picture.width(), picture.height()),
                ));
            }
        }
    }
    for (text, made) in left_out {
        converted.push(made);
        numbers.push((text, Form::View(View::LeftOut)));
    }
    if converted.is_empty() {
        return Vec::new();
    }
    let plain: Vec<&[u8]> = converted.iter().map(Vec::as_slice).collect();
    let open = open
        .iter()
        .filter_map(|&number| Some((number, ways.get(number)?)));
    // To make it takes longer than to look.
    let index = Index::new(plain.clone());
    let mut found = in_index(&index, texts, &plain, &numbers, open);
    // Pixels are compressed, and put into texts, as files are.
    let undone = undone.iter().enumerate();
    let mut inside = in_index(&index, texts, &plain, &numbers, undone);
    inside
        .retain(|passage| matches!(passage.form, Form::Pixels(..)) && passage.placement.is_whole());
    for passage in &mut inside {
        passage.way += ways.len();
    }
    found.extend(inside);
    found
}

/// What the passages of files in open ways show where some bytes were always rewritten: ways of their own of what was escaped, and what a
/// text is without the bytes that are left out.
fn learned<'w>(
    texts: &[Text<'_>],
    found: &[Passage],
    ways: &[Way<'w>],
    open: &[usize],
    room: &mut usize,
) -> (Vec<Way<'w>>, Vec<(usize, Vec<u8>)>) {
    /// Of fewer pieces nothing is learned.
    const PIECES: usize = 4;
    /// Among so many the longest is looked for.
    const LOOKED: usize = 32;
    let (mut escaped, mut left_out) = (Vec::new(), Vec::new());
    for passage in found {
        let spans = &passage.placement.spans;
        let (Some(text), Some(way)) = (texts.get(passage.text), ways.get(passage.way)) else {
            continue;
        };
        let shows =
            open.contains(&passage.way) && spans.len() >= PIECES && text.bytes.len() <= *room;
        // Where an escape stands before a piece, its first byte may be the second of two that are alike.
        let longest = spans.iter().take(LOOKED).max_by_key(|span| span.bytes());
        let (Some(longest), true) = (longest, shows) else {
            continue;
        };
        let at = longest.stream.start.saturating_add(1);
        let Some(run) = way.runs.iter().find(|run| run.range().contains(&at)) else {
            continue;
        };
        let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
        let from = place(longest.text.saturating_add(1));
        match rewritten(
            text.bytes,
            from,
            &run.bytes,
            place(at - run.offset),
            run.offset,
        ) {
            Some(Rewritten::Escaped(one)) => {
                *room = room.saturating_sub(one.bytes.len());
                escaped.push(way_of(one, passage.way, way));
            }
            Some(Rewritten::LeftOut(made)) if text.sent => {
                *room = room.saturating_sub(made.len());
                left_out.push((passage.text, made));
            }
            _ => {}
        }
    }
    (escaped, left_out)
}

/// Whether so long a stream may carry the pixels of a file, or a part of them that tells something.
fn may_be_pixels(file: &[u8], stream: u64) -> bool {
    /// Of fewer nobody asks what they are.
    const PART: u64 = 4;
    let Some(walker) = Walker::of(file) else {
        return true;
    };
    let info = walker.info();
    let size = info.width.zip(info.height);
    size.is_none_or(|(width, height)| {
        u64::from(width).saturating_mul(u64::from(height)) <= stream.saturating_mul(PART)
    })
}

fn looked_for<'w, 's: 'w>(
    texts: &[Text<'_>],
    looked: &[&[u8]],
    numbers: &[(usize, Form)],
    ways: impl Iterator<Item = (usize, &'w Way<'s>)>,
) -> Vec<Passage> {
    in_index(&Index::new(looked.to_vec()), texts, looked, numbers, ways)
}

/// The same with an index of the texts that are looked for.
fn in_index<'w, 's: 'w>(
    index: &Index<'_>,
    texts: &[Text<'_>],
    looked: &[&[u8]],
    numbers: &[(usize, Form)],
    ways: impl Iterator<Item = (usize, &'w Way<'s>)>,
) -> Vec<Passage> {
    let mut found = Vec::new();
    for (number, way) in ways {
        let mut aligner = Aligner::new(index);
        let mut at = 0;
        for run in &way.runs {
            feed(&mut aligner, &mut at, run, &way.known);
        }
        for (one, spans) in aligner.finish() {
            let (Some(bytes), Some((text, form))) = (looked.get(one), numbers.get(one)) else {
                continue;
            };
            let header = match form {
                Form::View(View::Bytes) => header_end(bytes),
                // A conversion of the header is about as long as it.
                Form::View(_) => texts
                    .get(*text)
                    .map_or(0, |text| header_end(text.bytes).saturating_mul(2)),
                Form::Pixels(..) => 0,
            };
            let datagrams = way.stream.transport == TransportKind::Udp;
            let mut placements = placements(&spans, bytes.len() as u64, !datagrams);
            if datagrams {
                placements = with_what_came_again(&placements, way, bytes);
            }
            let stream = |range: &ByteRange| way.bytes(range);
            for placement in placements {
                let whole = with_short_piece(&placement, bytes, way.end(), &stream);
                let placement = whole.unwrap_or(placement);
                let telling = placement
                    .spans
                    .iter()
                    .map(|span| {
                        let range = span.in_text();
                        range.end.saturating_sub(range.start.max(header))
                    })
                    .sum();
                let passage = Passage {
                    text: *text,
                    way: number,
                    form: *form,
                    placement,
                    telling,
                };
                found.push(passage);
            }
        }
    }
    found
}

/// Passages of a text in datagrams, of which some may have come again.
fn with_what_came_again(found: &[Placement], way: &Way<'_>, text: &[u8]) -> Vec<Placement> {
    let beside = |span: &Span| way.beside_in_datagram(&span.stream);
    let reaches = |span: &Span, bytes: u64| {
        let before = |at: u64| at.checked_sub(bytes).map(|from| from..at);
        let place = |at: u64| usize::try_from(at).ok();
        let stream = before(span.stream.start).and_then(|range| way.bytes(&range));
        let text =
            before(span.text).and_then(|range| text.get(place(range.start)?..place(range.end)?));
        text.is_some() && stream == text
    };
    let datagrams = Datagrams {
        beside: &beside,
        reaches: &reaches,
    };
    with_repeats(found, &datagrams)
}

/// Passes a run on, without what is known.
fn feed(aligner: &mut Aligner<'_, '_>, at: &mut u64, run: &Run, known: &[ByteRange]) {
    let range = run.range();
    let mut from = range.start;
    let first = known.partition_point(|known| known.end <= range.start);
    let rest = known.get(first..).unwrap_or_default();
    let end = range.end..range.end;
    for known in rest
        .iter()
        .take_while(|known| known.start < range.end)
        .chain(std::iter::once(&end))
    {
        let to = known.start.min(range.end);
        if from < to {
            if from > *at {
                aligner.gap(from - *at);
            }
            let place = |at: u64| usize::try_from(at - range.start).unwrap_or(usize::MAX);
            aligner.bytes(run.bytes.get(place(from)..place(to)).unwrap_or_default());
            *at = to;
        }
        from = from.max(known.end);
    }
}
