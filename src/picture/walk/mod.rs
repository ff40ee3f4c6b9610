//! Walks a picture's structure as its bytes come, to its exact end or to where it breaks.
//!
//! [`Walker`] drives one grammar a format. A grammar says what it wants next ([`Want`]): a small field, so many
//! bytes to pass unseen, or a JPEG's entropy-coded data up to the next marker. The walker gathers that from
//! whatever pieces come, so that no grammar ever sees how the bytes were split.

mod bmp;
mod fault;
mod gif;
mod jpeg;
mod png;
mod webp;

use crate::units::{count, counted};
use std::fmt;

use super::Format;

pub use fault::{Break, HeaderField, Name};

pub(super) use bmp::is_header_size as is_bmp_header_size;
pub(super) use jpeg::is_opening_marker as is_jpeg_opening_marker;

use fault::Fault;

/// Longest field that a grammar asks for at once (the rest of a BITMAPINFOHEADER).
const FIELD_BYTES: usize = 36;

/// Where a walk stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Neither end nor break so far. When no more bytes come, the picture is cut short: see [`Walker::awaited`].
    Walking,
    /// The structure ended: the picture is its first `length` bytes.
    Whole {
        /// Bytes of the picture, missing ones included.
        length: u64,
    },
    /// The structure is wrong.
    Broken {
        /// Offset in the picture of the element that is wrong, from 0.
        at: u64,
        /// What is wrong with it.
        reason: Break,
    },
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Walking => f.write_str("not at its end yet"),
            Self::Whole { length } => write!(f, "whole, {}", counted(*length, "byte", "bytes")),
            Self::Broken { at, reason } => write!(f, "broken at byte {}: {reason}", count(*at)),
        }
    }
}

/// What a walk learned of the picture so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Info {
    /// The format that is walked.
    pub format: Format,
    /// Pixels in a row; absent until its header came.
    pub width: Option<u32>,
    /// Rows; absent until its header came (a JPEG may tell it only after the first scan, by DNL).
    pub height: Option<u32>,
    /// JPEG: whether it is progressive; absent until the frame header came, and in other formats.
    pub progressive: Option<bool>,
    /// PNG (Adam7) and GIF (of the first image): whether it is interlaced; absent until known, and in other formats.
    pub interlaced: Option<bool>,
    /// Whether it was seen to be animated: PNG `acTL`, a second GIF image, the flag of WebP.
    pub animated: bool,
    /// Whether a thumbnail was seen: JPEG's EXIF IFD1 with a JPEG picture, or one in JFIF's APP0.
    pub thumbnail: bool,
    /// JPEG: scans begun.
    pub scans: u32,
    /// Images begun: 1 in still pictures, GIF images, PNG `fcTL` chunks, WebP `ANMF` chunks.
    pub frames: u32,
    /// Length that the file's own header declares (WebP; BMP's bfSize where not 0, right or wrong); absent elsewhere.
    pub declared: Option<u64>,
    /// Bytes that were missing so far ([`Walker::gap`]).
    pub missing: u64,
    /// Whether a gap swallowed structure, so that an end found after it is likely and not certain.
    pub uncertain: bool,
}

/// What a walk that did not end waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Awaited {
    /// The element in which it stands.
    pub element: Element,
    /// Bytes that are certainly still to come, at least.
    pub bytes: u64,
}

impl fmt::Display for Awaited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { element, bytes } = self;
        let bytes = counted(*bytes, "byte", "bytes");
        write!(f, "in {element}, at least {bytes} before the end")
    }
}

/// An element of a picture's structure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Element {
    /// The signature or the file's headers.
    Header,
    /// JPEG: between segments, or at the marker of one.
    Marker,
    /// JPEG: the segment of this marker (its second byte).
    Segment(u8),
    /// JPEG: the entropy-coded data of this scan, from 1; no end of image (EOI) so far.
    Scan(u32),
    /// PNG or WebP: this chunk.
    Chunk(Name),
    /// PNG or WebP: between chunks, or at the header of one.
    ChunkHeader,
    /// GIF: between blocks, or at the header of one; no trailer so far.
    Block,
    /// GIF: the colour table.
    ColourTable,
    /// GIF: data sub-blocks of an image or extension.
    SubBlocks,
    /// BMP: the pixels.
    Pixels,
    /// Structure was lost to a gap; the end cannot be told.
    Lost,
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header => f.write_str("the header"),
            Self::Marker => f.write_str("the segments, between two of them"),
            Self::Segment(marker) => write!(f, "the segment of marker ff{marker:02x}"),
            Self::Scan(number) => {
                write!(f, "the data of scan {number}, with no end of image (ffd9)")
            }
            Self::Chunk(name) => write!(f, "chunk {name}"),
            Self::ChunkHeader => f.write_str("a chunk's header"),
            Self::Block => f.write_str("the blocks, with no trailer (3b)"),
            Self::ColourTable => f.write_str("a colour table"),
            Self::SubBlocks => f.write_str("an image's or extension's data"),
            Self::Pixels => f.write_str("the pixels"),
            Self::Lost => f.write_str("what follows a gap"),
        }
    }
}

/// What a grammar wants next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Want {
    /// So many bytes at once, 1 to [`FIELD_BYTES`].
    Field(u8),
    /// So many bytes to go by; 0 is allowed.
    Pass(u64),
    /// [`Grammar::scan`] is to look for what follows.
    Scan,
    /// All that comes: the end cannot be found any more.
    Rest,
    /// Nothing: the picture ended here.
    End,
}

/// What a grammar's search came to.
struct Scanned {
    /// Bytes looked at, and done with.
    used: usize,
    /// What is wanted next; absent while the search goes on (then all bytes were used).
    found: Option<Result<Want, Fault>>,
}

/// The facts that grammars gather for [`Info`], packed: 0 stands for unknown in `width`, `height` and `declared`,
/// where no format allows it to be known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Facts {
    declared: u64,
    width: u32,
    height: u32,
    scans: u32,
    frames: u32,
    progressive: Option<bool>,
    interlaced: Option<bool>,
    animated: bool,
    thumbnail: bool,
    uncertain: bool,
}

/// One format's grammar. `at` is the picture offset of the first byte of `field`, or of the next byte where there is none.
trait Grammar {
    /// The field that was wanted came, or the bytes to pass have gone by (`field` is empty).
    fn step(&mut self, field: &[u8], at: u64, facts: &mut Facts) -> Result<Want, Fault>;
    /// These bytes go by.
    fn pass(&mut self, _bytes: &[u8]) {}
    /// Bytes that should go by are missing.
    fn pass_gap(&mut self) {}
    /// A field is missing from `at` on, wholly or in its last part: where can the walk go on?
    fn lose(&mut self, at: u64, facts: &mut Facts) -> Want;
    /// Looks for the end of what has no length, from `at` on.
    fn scan(&mut self, bytes: &[u8], _at: u64, _facts: &mut Facts) -> Scanned {
        Scanned {
            used: bytes.len(),
            found: None,
        }
    }
    /// Bytes are missing from what has no length.
    fn scan_gap(&mut self, _facts: &mut Facts) {}
    /// The element in which the walk stands, and bytes that must come after what is wanted now, which ends at `at`.
    fn element(&self, at: u64, facts: &Facts) -> (Element, u64);
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum AnyGrammar {
    Jpeg(jpeg::Jpeg),
    Png(png::Png),
    Gif(gif::Gif),
    WebP(webp::WebP),
    Bmp(bmp::Bmp),
}

impl AnyGrammar {
    fn as_dyn(&mut self) -> &mut dyn Grammar {
        match self {
            Self::Jpeg(grammar) => grammar,
            Self::Png(grammar) => grammar,
            Self::Gif(grammar) => grammar,
            Self::WebP(grammar) => grammar,
            Self::Bmp(grammar) => grammar,
        }
    }
}

/// Walks one picture's structure as its bytes come, in any pieces.
///
/// Keeps no bytes: it has a fixed size below 200 bytes and owns no memory beyond it.
///
/// Invariants: `filled` is less than the wanted field's length; `position` counts all bytes taken, those in `field`
/// included, and moves no more once `status` is not [`Status::Walking`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walker {
    status: Status,
    position: u64,
    missing: u64,
    want: Want,
    facts: Facts,
    grammar: AnyGrammar,
    filled: u8,
    field: [u8; FIELD_BYTES],
}

const _: () = assert!(size_of::<Walker>() <= 200);

impl Walker {
    /// A walker that has taken these bytes; absent where they begin as no picture.
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        let head = bytes.get(..super::SNIFF_BYTES).unwrap_or(bytes);
        let super::Sniff::Is(format) = super::sniff(head) else {
            return None;
        };
        let mut walker = Self::new(format);
        walker.update(bytes);
        Some(walker)
    }

    /// A walker at the first byte of a picture of this format.
    pub fn new(format: Format) -> Self {
        let (grammar, first) = match format {
            Format::Jpeg => (AnyGrammar::Jpeg(jpeg::Jpeg::default()), jpeg::FIRST_FIELD),
            Format::Png => (AnyGrammar::Png(png::Png::default()), png::FIRST_FIELD),
            Format::Gif => (AnyGrammar::Gif(gif::Gif::default()), gif::FIRST_FIELD),
            Format::WebP => (AnyGrammar::WebP(webp::WebP::default()), webp::FIRST_FIELD),
            Format::Bmp => (AnyGrammar::Bmp(bmp::Bmp::default()), bmp::FIRST_FIELD),
        };
        Self {
            status: Status::Walking,
            position: 0,
            missing: 0,
            want: Want::Field(first),
            facts: Facts::default(),
            grammar,
            filled: 0,
            field: [0; FIELD_BYTES],
        }
    }

    /// Takes the next bytes, up to the picture's end, and returns how many it took: fewer than came only when
    /// the end was found or the structure broke.
    ///
    /// When it breaks, what was taken reaches up to the byte that shows it, which may lie behind
    /// the offset in [`Status::Broken`].
    pub fn update(&mut self, bytes: &[u8]) -> usize {
        let mut used = 0;
        while self.status == Status::Walking {
            let rest = bytes.get(used..).unwrap_or_default();
            let (taken, more) = self.advance(rest);
            used = used.saturating_add(taken);
            if !more {
                break;
            }
        }
        used
    }

    /// Notes that the next `length` bytes are missing, and returns how many of them are the picture's: fewer than
    /// all only when a known length ends it inside the gap.
    ///
    /// Where a length covers the gap (a segment, a chunk, a block, a whole BMP or WebP) the walk goes on behind it as
    /// if nothing were missing; else it goes on as well as it can and [`Info::uncertain`] is set.
    pub fn gap(&mut self, length: u64) -> u64 {
        let mut left = length;
        while self.status == Status::Walking {
            match self.want {
                Want::Pass(pass) => {
                    let gone = pass.min(left);
                    if gone > 0 {
                        self.grammar.as_dyn().pass_gap();
                        self.miss(gone);
                        left = left.saturating_sub(gone);
                        self.want = Want::Pass(pass.saturating_sub(gone));
                    }
                    if gone < pass {
                        break;
                    }
                    let at = self.position;
                    let next = self.grammar.as_dyn().step(&[], at, &mut self.facts);
                    self.go_on(next);
                }
                _ if left == 0 => break,
                Want::Field(_) => {
                    self.filled = 0;
                    let at = self.position;
                    self.want = self.grammar.as_dyn().lose(at, &mut self.facts);
                }
                Want::Scan => {
                    self.grammar.as_dyn().scan_gap(&mut self.facts);
                    self.miss(left);
                    left = 0;
                }
                Want::Rest | Want::End => {
                    self.miss(left);
                    left = 0;
                }
            }
        }
        length.saturating_sub(left)
    }

    /// Where the walk stands.
    pub fn status(&self) -> Status {
        self.status
    }

    /// Bytes taken so far, missing ones included: the picture offset of the next byte.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// What the walk learned of the picture so far.
    pub fn info(&self) -> Info {
        let known = |pixels: u32| (pixels != 0).then_some(pixels);
        let Facts {
            declared,
            width,
            height,
            scans,
            frames,
            progressive,
            interlaced,
            animated,
            thumbnail,
            uncertain,
        } = self.facts;
        Info {
            format: self.format(),
            width: known(width),
            height: known(height),
            progressive,
            interlaced,
            animated,
            thumbnail,
            scans,
            frames,
            declared: (declared != 0).then_some(declared),
            missing: self.missing,
            uncertain,
        }
    }

    /// The format that is walked.
    pub fn format(&self) -> Format {
        match self.grammar {
            AnyGrammar::Jpeg(_) => Format::Jpeg,
            AnyGrammar::Png(_) => Format::Png,
            AnyGrammar::Gif(_) => Format::Gif,
            AnyGrammar::WebP(_) => Format::WebP,
            AnyGrammar::Bmp(_) => Format::Bmp,
        }
    }

    /// What is still to come while [`Status::Walking`]: says of a picture that was cut short where it was. Absent
    /// once it ended or broke.
    pub fn awaited(&self) -> Option<Awaited> {
        if self.status != Status::Walking {
            return None;
        }
        let grammar: &dyn Grammar = match &self.grammar {
            AnyGrammar::Jpeg(grammar) => grammar,
            AnyGrammar::Png(grammar) => grammar,
            AnyGrammar::Gif(grammar) => grammar,
            AnyGrammar::WebP(grammar) => grammar,
            AnyGrammar::Bmp(grammar) => grammar,
        };
        let now = match self.want {
            Want::Field(length) => u64::from(length.saturating_sub(self.filled)),
            Want::Pass(left) => left,
            Want::Scan | Want::Rest | Want::End => 0,
        };
        let (element, after) = grammar.element(self.position.saturating_add(now), &self.facts);
        Some(match self.want {
            Want::Rest | Want::End => Awaited {
                element: Element::Lost,
                bytes: 0,
            },
            _ => Awaited {
                element,
                bytes: now.saturating_add(after),
            },
        })
    }

    /// Gives what is wanted as far as `rest` reaches; says how much was taken and whether there is more to do.
    fn advance(&mut self, rest: &[u8]) -> (usize, bool) {
        match self.want {
            Want::Field(length) => {
                let length = usize::from(length);
                let filled = usize::from(self.filled);
                let taken = rest.len().min(length.saturating_sub(filled));
                for (slot, byte) in self
                    .field
                    .iter_mut()
                    .skip(filled)
                    .zip(rest.iter().take(taken))
                {
                    *slot = *byte;
                }
                self.position = self.position.saturating_add(taken as u64);
                if filled.saturating_add(taken) < length {
                    #[expect(clippy::cast_possible_truncation, reason = "less than FIELD_BYTES")]
                    {
                        self.filled = filled.saturating_add(taken) as u8;
                    }
                    return (taken, false);
                }
                self.filled = 0;
                let field = self.field;
                let field = field.get(..length).unwrap_or_default();
                let at = self.position.saturating_sub(length as u64);
                let next = self.grammar.as_dyn().step(field, at, &mut self.facts);
                self.go_on(next);
                (taken, true)
            }
            Want::Pass(left) => {
                let taken = usize::try_from(left).map_or(rest.len(), |left| left.min(rest.len()));
                self.grammar
                    .as_dyn()
                    .pass(rest.get(..taken).unwrap_or_default());
                self.position = self.position.saturating_add(taken as u64);
                let left = left.saturating_sub(taken as u64);
                self.want = Want::Pass(left);
                if left > 0 {
                    return (taken, false);
                }
                let at = self.position;
                let next = self.grammar.as_dyn().step(&[], at, &mut self.facts);
                self.go_on(next);
                (taken, true)
            }
            Want::Scan => {
                let at = self.position;
                let Scanned { used, found } = self.grammar.as_dyn().scan(rest, at, &mut self.facts);
                self.position = self.position.saturating_add(used as u64);
                match found {
                    None => (used, false),
                    Some(next) => {
                        self.go_on(next);
                        (used, true)
                    }
                }
            }
            Want::Rest | Want::End => {
                self.position = self.position.saturating_add(rest.len() as u64);
                (rest.len(), false)
            }
        }
    }

    fn go_on(&mut self, next: Result<Want, Fault>) {
        match next {
            Ok(Want::End) => {
                self.status = Status::Whole {
                    length: self.position,
                };
            }
            Ok(want) => self.want = want,
            Err(Fault { at, reason }) => self.status = Status::Broken { at, reason },
        }
    }

    fn miss(&mut self, bytes: u64) {
        self.position = self.position.saturating_add(bytes);
        self.missing = self.missing.saturating_add(bytes);
    }
}

/// The unsigned number of `width` bytes at `from`, most significant first; the caller knows that they are there.
fn be(bytes: &[u8], from: usize, width: usize) -> u32 {
    let field = bytes.iter().skip(from).take(width);
    field.fold(0, |value, &byte| value << 8 | u32::from(byte))
}

/// The unsigned number of `width` bytes at `from`, least significant first; the caller knows that they are there.
pub(super) fn le(bytes: &[u8], from: usize, width: usize) -> u32 {
    let field = bytes.iter().skip(from).take(width);
    field
        .rev()
        .fold(0, |value, &byte| value << 8 | u32::from(byte))
}

/// The four-character code at `from`; the caller knows that it is there.
fn name(bytes: &[u8], from: usize) -> Name {
    Name(be(bytes, from, 4).to_be_bytes())
}

#[cfg(test)]
mod tests;
