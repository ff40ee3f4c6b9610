//! One picture: what is kept of it while its bytes go by, and when they have.

use super::budget::Budget;
use crate::digest::Hasher;
use crate::findings::facts::TextDamage;
use crate::picture::{self, Sniff, Status, Walker};
use crate::reassembly::gap::GapList;
use crate::reassembly::{Extent, Gap, GapCause};
use crate::units::{ByteRange, FrameNumber, PictureId, Timestamp};
use crate::wire::{Ending, Order, PixelShape, Protocol};

/// Memory that is not counted.
pub(super) const LITTLE: u64 = 16 << 10;

/// How many bytes behind its end are kept to say what they are.
const SAMPLE: usize = 64;

/// Why the place of something in a stream is not certain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubt {
    /// The stream began before the capture.
    StartedLate,
    /// Bytes before it are missing from the capture.
    Gap,
}

/// A picture whose bytes have all gone by.
#[derive(Debug, Clone)]
pub(super) struct Picture {
    pub(super) id: PictureId,
    pub(super) protocol: Protocol,
    /// Its place in the stream, gaps and whatever else lies between its first and its last byte included.
    pub(super) range: ByteRange,
    /// How long the picture itself is, gaps included, where that is not the length of `range`: its bytes are
    /// encoded, or framing lies between them.
    pub(super) decoded: Option<u64>,
    /// Numbered pieces of it never came.
    pub(super) lost: Option<Lost>,
    /// The piece with the last number came.
    pub(super) last_came: bool,
    /// Its datagrams, where their sender numbers them.
    pub(super) tally: Option<Box<Tally>>,
    /// Stream bytes that the sender hands over at once, where the format says so.
    pub(super) chunk: Option<u64>,
    pub(super) declared: Option<u64>,
    /// Why it is not certain that it begins where it seems to; absent where it is.
    pub(super) doubt: Option<Doubt>,
    /// Its first bytes are those of a picture that a text conversion damaged.
    pub(super) text_damage: Option<TextDamage>,
    /// What the format says it is, where its bytes do not.
    pub(super) media: Option<&'static str>,
    /// It ended within the first bytes by which pictures are known, and they may be those of one.
    pub(super) too_short_to_tell: bool,
    /// What its structure said; absent where it is no known picture.
    pub(super) structure: Option<(Status, picture::Info)>,
    /// Raw pixels, as their framing says.
    pub(super) shape: Option<PixelShape>,
    pub(super) ending: Ending,
    /// Missing ranges, as picture offsets.
    pub(super) gaps: GapList,
    /// What its frames came to of which no detail was kept; absent where it was of all.
    pub(super) shed: Option<Box<Shed>>,
    pub(super) digest: Option<String>,
    /// First bytes after its structural end, if it goes on.
    pub(super) trailing: Vec<u8>,
    /// Frame and time at which it ended.
    pub(super) ended: (FrameNumber, Option<Timestamp>),
}

impl Picture {
    /// Sum of the gaps.
    pub(super) fn gap_bytes(&self) -> u64 {
        self.gaps.bytes()
    }

    /// Takes a frame that carried a byte of it and of which nothing else is kept.
    pub(super) fn shed(&mut self, extent: &Extent) {
        let range = self.range.clone();
        self.shed.get_or_insert_default().add(extent, &range);
    }
}

/// Frames of a picture of which only the sums are kept, because memory ran out.
#[derive(Debug, Clone, Default)]
pub(super) struct Shed {
    pub(super) packets: u64,
    pub(super) wire_bytes: u64,
    /// Bytes of the picture, repeats included.
    pub(super) payload_bytes: u64,
    pub(super) retransmitted_packets: u64,
    pub(super) first: Option<(FrameNumber, Option<Timestamp>)>,
    pub(super) last: Option<(FrameNumber, Option<Timestamp>)>,
}

impl Shed {
    /// Adds a frame with bytes of the picture at `range` of the stream.
    pub(super) fn add(&mut self, extent: &Extent, range: &ByteRange) {
        let bytes = extent.end().min(range.end);
        self.packets += 1;
        self.wire_bytes += u64::from(extent.wire_len);
        self.payload_bytes += bytes.saturating_sub(extent.offset.max(range.start));
        self.retransmitted_packets += u64::from(extent.repeat);
        let frame = (extent.frame, extent.time);
        if self.first.is_none_or(|(first, _)| extent.frame < first) {
            self.first = Some(frame);
        }
        if self.last.is_none_or(|(last, _)| extent.frame > last) {
            self.last = Some(frame);
        }
    }
}

/// What never came of a picture, by the numbers of the pieces that did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Lost {
    /// How many pieces, as far as they are numbered one by one.
    pub(super) pieces: u64,
    /// How many bytes, as far as it is known.
    pub(super) bytes: u64,
}

/// The datagrams of a picture whose sender numbers each one that it hands over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tally {
    /// Number of the picture.
    pub(super) picture: u64,
    /// How many pieces it has; absent where nothing says.
    pub(super) pieces: Option<u64>,
    /// One past the highest number.
    pub(super) sent: u64,
    /// How many of them came, copies left out.
    pub(super) captured: u64,
    pub(super) copies: u64,
}

impl Tally {
    pub(super) fn new(picture: u64) -> Self {
        Self {
            picture,
            pieces: None,
            sent: 0,
            captured: 0,
            copies: 0,
        }
    }

    pub(super) fn add(&mut self, number: u32, pieces: Option<u64>, order: Order) {
        self.pieces = pieces;
        self.sent = self.sent.max(u64::from(number) + 1);
        if order == Order::Copy {
            self.copies += 1;
        } else {
            self.captured += 1;
        }
    }
}

/// What is known of the structure of a picture on its way.
#[derive(Debug, Clone)]
pub(super) enum Structure {
    /// Too few bytes yet.
    Unknown,
    /// Boxed: most often the decoder walks it.
    Known(Box<Walker>),
    /// The decoder walks it and has not told yet what it found.
    WithDecoder,
    NotAPicture,
}

/// A picture on its way.
#[derive(Debug, Clone)]
pub(super) struct Open {
    pub(super) id: PictureId,
    pub(super) start: u64,
    /// Bytes of the picture so far, gaps included.
    pub(super) length: u64,
    pub(super) lost: Option<Box<Lost>>,
    pub(super) doubt: Option<Doubt>,
    pub(super) declared: Option<u64>,
    pub(super) structure: Structure,
    /// First bytes, whoever walks the structure.
    pub(super) first: [u8; picture::SNIFF_BYTES],
    pub(super) text_damage: Option<TextDamage>,
    pub(super) digest: Hasher,
    /// Some of its bytes are not those of the stream.
    pub(super) recoded: bool,
    pub(super) gaps: GapList,
    /// Memory that the gaps hold of that for accounts.
    pub(super) held: u64,
    /// Absent where there is nothing of it.
    pub(super) more: Option<Box<More>>,
}

/// What most pictures on their way have nothing of; each as the picture's own.
#[derive(Debug, Clone, Default)]
pub(super) struct More {
    pub(super) tally: Option<Box<Tally>>,
    pub(super) chunk: Option<u64>,
    pub(super) shape: Option<PixelShape>,
    pub(super) media: Option<&'static str>,
    pub(super) shed: Option<Box<Shed>>,
    pub(super) trailing: Vec<u8>,
}

impl Open {
    pub(super) fn more(&mut self) -> &mut More {
        self.more.get_or_insert_default()
    }

    /// Lists no more gaps where the memory for accounts has no room for them.
    pub(super) fn hold(&mut self, budget: &Budget) {
        let memory = self.gaps.memory() as u64;
        if memory <= self.held || memory < LITTLE || self.gaps.is_full() {
            return;
        }
        if budget.hold(memory - self.held) {
            self.held = memory;
        } else {
            self.gaps.fill();
        }
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        if self.gaps.is_empty() && self.lost.is_none() {
            self.digest.update(bytes);
        }
        let before = usize::try_from(self.length.saturating_sub(bytes.len() as u64));
        let room = self.first.iter_mut();
        let room = room.skip(before.unwrap_or(usize::MAX));
        for (place, &byte) in room.zip(bytes) {
            *place = byte;
        }
        match &mut self.structure {
            Structure::Known(_) => self.walk(bytes),
            Structure::NotAPicture | Structure::WithDecoder => {}
            Structure::Unknown => {
                // While it is not known, all that came lies in `first`.
                let before = before.ok().and_then(|before| self.first.get(..before));
                match before {
                    Some(before) if !before.is_empty() => {
                        let head = [before, bytes].concat();
                        if self.sniff(&head) {
                            self.walk(&head);
                        }
                    }
                    _ => {
                        if self.sniff(bytes) {
                            self.walk(bytes);
                        }
                    }
                }
            }
        }
    }

    /// Whether the file format is known now.
    pub(super) fn sniff(&mut self, head: &[u8]) -> bool {
        match picture::sniff(head) {
            Sniff::Is(format) => {
                self.structure = Structure::Known(Box::new(Walker::new(format)));
                true
            }
            Sniff::NeedMore if head.len() < picture::SNIFF_BYTES => false,
            Sniff::NeedMore | Sniff::No => {
                self.structure = Structure::NotAPicture;
                self.text_damage = TextDamage::of(head);
                false
            }
        }
    }

    /// The decoder walks the structure: what it has to say, once it does.
    pub(super) fn walked(&mut self, walk: Option<&Walker>) {
        self.structure = match walk {
            Some(walker) => Structure::Known(Box::new(walker.clone())),
            None => Structure::WithDecoder,
        };
    }

    /// What the structure came to; absent where it is no known picture.
    pub(super) fn told(&self) -> Option<(Status, picture::Info)> {
        let Structure::Known(walker) = &self.structure else {
            return None;
        };
        let status = match walker.status() {
            // The bytes that show it are no part of it: what is broken may be what follows. What is left may be too little to tell.
            Status::Broken { .. } if walker.position() > self.length => {
                let length = usize::try_from(self.length).unwrap_or(usize::MAX);
                let first = self.first.get(..length).unwrap_or(&self.first);
                if self.gaps.is_empty() && !matches!(picture::sniff(first), Sniff::Is(_)) {
                    return None;
                }
                Status::Walking
            }
            status => status,
        };
        Some((status, walker.info()))
    }

    pub(super) fn walk(&mut self, bytes: &[u8]) {
        // Bytes of it that the decoder walked before it told.
        let before = self.length.saturating_sub(bytes.len() as u64);
        let Structure::Known(walker) = &mut self.structure else {
            return;
        };
        let done = walker.position().saturating_sub(before);
        let done = usize::try_from(done).unwrap_or(usize::MAX).min(bytes.len());
        let rest = bytes.get(done..).unwrap_or_default();
        let taken = done.saturating_add(walker.update(rest));
        if let Some(rest) = bytes.get(taken..).filter(|rest| !rest.is_empty()) {
            let trailing = &mut self.more().trailing;
            let room = SAMPLE.saturating_sub(trailing.len());
            trailing.extend(rest.iter().take(room));
        }
    }

    /// Pieces never came: nothing of the stream is missing, but the picture is not whole.
    pub(super) fn lost(&mut self, pieces: Option<u64>, bytes: Option<u64>) {
        let lost = self.lost.get_or_insert_default();
        lost.pieces += pieces.unwrap_or(0);
        lost.bytes += bytes.unwrap_or(0);
        match (&mut self.structure, bytes) {
            (Structure::Known(walker), Some(bytes)) => {
                walker.gap(bytes);
            }
            (Structure::Known(_), None) | (Structure::WithDecoder, _) => {}
            (structure, _) => *structure = Structure::NotAPicture,
        }
    }

    pub(super) fn gap(&mut self, position: u64, length: u64, cause: GapCause) {
        let offset = position - self.start;
        self.length += length;
        self.gaps.push(Gap {
            offset,
            length,
            cause,
        });
        match &mut self.structure {
            Structure::Known(walker) => {
                walker.gap(length);
            }
            Structure::WithDecoder => {}
            structure => *structure = Structure::NotAPicture,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::DigestKind;
    use crate::units::PictureId;
    use crate::wire::carve::CarveDecoder;
    use crate::wire::{Decode, Event, StreamEnd};

    fn open() -> Open {
        Open {
            id: PictureId(0),
            start: 0,
            length: 0,
            lost: None,
            doubt: None,
            declared: None,
            structure: Structure::Unknown,
            first: [0; picture::SNIFF_BYTES],
            text_damage: None,
            digest: Hasher::new(DigestKind::None),
            recoded: false,
            gaps: GapList::default(),
            held: 0,
            more: None,
        }
    }

    /// What the structure of a picture came to, and the first bytes behind it.
    type Known = (Option<(Status, picture::Info)>, Vec<u8>);

    /// What is known of each picture in `bytes`: by its own walk, or by the decoder's.
    fn known(bytes: &[u8], piece: usize, gap: Option<usize>, eof: bool, told: bool) -> Vec<Known> {
        let mut decoder = if eof {
            CarveDecoder::on_eof_port()
        } else {
            CarveDecoder::new()
        };
        let (mut now, mut all) = (None, Vec::new());
        let mut sink = |event: Event<'_>| match (event, &mut now) {
            (Event::PictureStart { .. }, now) => *now = Some(open()),
            (Event::Structure(walk), Some(open)) if told => open.walked(walk),
            (Event::PictureData(bytes), Some(open)) => open.bytes(bytes),
            (Event::PictureGap(length), Some(open)) => {
                open.gap(open.length, length, GapCause::NotCaptured);
            }
            (Event::PictureEnd(_), now) => {
                let open = now.take().unwrap();
                let more = open.more.as_deref().cloned().unwrap_or_default();
                all.push((open.told(), more.trailing));
            }
            _ => {}
        };
        for (index, part) in bytes.chunks(piece).enumerate() {
            if gap == Some(index) {
                decoder.gap(part.len() as u64, &mut sink);
            } else {
                decoder.update(part, &mut sink);
            }
        }
        decoder.finish(StreamEnd::Fin, &mut sink);
        all
    }

    #[test]
    fn the_decoders_walk_says_what_a_walk_of_ones_own_says() {
        let pixels = image::RgbImage::from_fn(9, 7, |x, y| {
            let byte = |value: u32| u8::try_from(value % 256).unwrap();
            image::Rgb([byte(x * 31 + y), byte(y * 17), byte(x * y * 7)])
        });
        let mut runs = 0;
        for format in ["png", "jpeg", "gif", "bmp", "webp"] {
            let mut whole = std::io::Cursor::new(Vec::new());
            let kind = image::ImageFormat::from_extension(format).unwrap();
            pixels.write_to(&mut whole, kind).unwrap();
            let whole = whole.into_inner();
            let mut streams = vec![whole.clone(), whole[..whole.len() / 2].to_vec()];
            streams.push(
                [
                    &whole[..],
                    b"something else behind it, longer than what is held",
                ]
                .concat(),
            );
            streams.push([&whole[..], &whole[..]].concat());
            for at in (0..whole.len()).step_by(7) {
                let mut changed = whole.clone();
                changed[at] ^= 0x5a;
                changed.extend_from_slice(b"more");
                streams.push(changed);
            }
            for stream in &streams {
                for (piece, gap) in [
                    (1, None),
                    (13, None),
                    (100, None),
                    (9000, None),
                    (13, Some(3)),
                    (64, Some(1)),
                ] {
                    for eof in [false, true] {
                        assert_eq!(
                            known(stream, piece, gap, eof, true),
                            known(stream, piece, gap, eof, false),
                            "{format}, {} bytes in pieces of {piece}, gap {gap:?}, eof {eof}",
                            stream.len()
                        );
                        runs += 1;
                    }
                }
            }
        }
        assert!(runs > 1_000, "{runs}");
    }
}
