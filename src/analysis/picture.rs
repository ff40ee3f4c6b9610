//! One picture: what is kept of it while its bytes go by, and when they have.

use crate::digest::Hasher;
use crate::findings::facts::TextDamage;
use crate::picture::{self, Sniff, Walker};
use crate::reassembly::{Gap, GapCause};
use crate::units::{ByteRange, FrameNumber, PictureId, Timestamp};
use crate::wire::{Ending, Order, Protocol};

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
#[derive(Debug)]
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
    /// It ended within the first bytes by which pictures are known, and they may be those of one.
    pub(super) too_short_to_tell: bool,
    /// What its structure said; absent where it is no known picture.
    pub(super) structure: Option<(picture::Status, picture::Info)>,
    pub(super) ending: Ending,
    /// Missing ranges, as picture offsets.
    pub(super) gaps: Vec<Gap>,
    pub(super) digest: Option<String>,
    /// First bytes after its structural end, if it goes on.
    pub(super) trailing: Vec<u8>,
    /// Frame and time at which it ended.
    pub(super) ended: (FrameNumber, Option<Timestamp>),
}

impl Picture {
    /// Sum of the gaps.
    pub(super) fn gap_bytes(&self) -> u64 {
        self.gaps.iter().map(|gap| gap.length).sum()
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
#[derive(Debug)]
pub(super) enum Structure {
    /// Too few bytes yet.
    Unknown,
    Known(Walker),
    NotAPicture,
}

/// A picture on its way.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) id: PictureId,
    pub(super) start: u64,
    /// Bytes of the picture so far, gaps included.
    pub(super) length: u64,
    pub(super) lost: Option<Lost>,
    pub(super) tally: Option<Box<Tally>>,
    pub(super) chunk: Option<u64>,
    pub(super) doubt: Option<Doubt>,
    pub(super) declared: Option<u64>,
    /// First bytes, until they tell the file format.
    pub(super) head: Vec<u8>,
    pub(super) structure: Structure,
    pub(super) text_damage: Option<TextDamage>,
    pub(super) digest: Hasher,
    /// Some of its bytes are not those of the stream.
    pub(super) recoded: bool,
    pub(super) gaps: Vec<Gap>,
    pub(super) trailing: Vec<u8>,
}

impl Open {
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        if self.gaps.is_empty() && self.lost.is_none() {
            self.digest.update(bytes);
        }
        match &mut self.structure {
            Structure::Known(_) => self.walk(bytes),
            Structure::NotAPicture => {}
            Structure::Unknown => {
                if self.head.is_empty() && self.sniff(bytes) {
                    self.walk(bytes);
                } else if matches!(self.structure, Structure::Unknown) {
                    self.head.extend_from_slice(bytes);
                    let head = std::mem::take(&mut self.head);
                    if self.sniff(&head) {
                        self.walk(&head);
                    } else {
                        self.head = head;
                    }
                }
            }
        }
    }

    /// Whether the file format is known now.
    pub(super) fn sniff(&mut self, head: &[u8]) -> bool {
        match picture::sniff(head) {
            Sniff::Is(format) => {
                self.structure = Structure::Known(Walker::new(format));
                true
            }
            Sniff::NeedMore if head.len() < picture::SNIFF_BYTES => false,
            Sniff::NeedMore | Sniff::No => {
                self.structure = Structure::NotAPicture;
                self.text_damage = TextDamage::of(head);
                self.head = Vec::new();
                false
            }
        }
    }

    pub(super) fn walk(&mut self, bytes: &[u8]) {
        let Structure::Known(walker) = &mut self.structure else {
            return;
        };
        let taken = walker.update(bytes);
        if let Some(rest) = bytes.get(taken..) {
            let room = SAMPLE.saturating_sub(self.trailing.len());
            self.trailing.extend(rest.iter().take(room));
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
            (Structure::Known(_), None) => {}
            (structure, _) => *structure = Structure::NotAPicture,
        }
    }

    pub(super) fn gap(&mut self, position: u64, length: u64, cause: GapCause) {
        let offset = position - self.start;
        self.length += length;
        match self.gaps.last_mut() {
            Some(last) if last.cause == cause && last.offset + last.length == offset => {
                last.length += length;
            }
            _ => self.gaps.push(Gap {
                offset,
                length,
                cause,
            }),
        }
        match &mut self.structure {
            Structure::Known(walker) => {
                walker.gap(length);
            }
            structure => *structure = Structure::NotAPicture,
        }
    }
}
