//! PNG (W3C Portable Network Graphics, third edition, sections 5 and 11): chunks by their lengths, each CRC checked.

use crc32fast::Hasher;

use super::{Break, Element, Facts, Fault, Grammar, HeaderField, Name, Scanned, Want, be, name};
use crate::picture::Format;

pub(super) const FIRST_FIELD: u8 = 8;

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
const IHDR: Name = Name(*b"IHDR");
const IDAT: Name = Name(*b"IDAT");
const IEND: Name = Name(*b"IEND");

/// Data of IHDR (section 11.2.1).
const IHDR_BYTES: u32 = 13;

/// The whole last chunk: it has no data, so it is always these bytes. Sought only behind a gap that swallowed a
/// chunk's header, where lengths lead no further.
const LAST_CHUNK: [u8; 12] = *b"\0\0\0\0IEND\xae\x42\x60\x82";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Signature,
    /// Length and name of a chunk.
    ChunkHeader,
    /// IHDR's data and CRC together, so that the CRC is judged before the fields are.
    ImageHeader,
    Data,
    Crc,
    /// The rest of a chunk whose CRC cannot be checked goes by.
    Unchecked,
    /// Looking for [`LAST_CHUNK`], of which so many bytes have come.
    Lost(u8),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum ImageData {
    #[default]
    Awaited,
    Running,
    Over,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Png {
    state: State,
    image_data: ImageData,
    /// Whether all bytes of the current chunk came.
    checkable: bool,
    chunk: Name,
    length: u32,
    /// CRC of the chunk so far.
    crc: u32,
    /// Offset of the chunk's length field.
    chunk_at: u64,
}

impl Default for Png {
    fn default() -> Self {
        Self {
            state: State::default(),
            image_data: ImageData::default(),
            checkable: true,
            chunk: IHDR,
            length: 0,
            crc: 0,
            chunk_at: 0,
        }
    }
}

impl Png {
    fn want(&mut self, state: State, bytes: u8) -> Want {
        self.state = state;
        Want::Field(bytes)
    }

    fn checksum(&mut self, bytes: &[u8]) {
        let mut hasher = Hasher::new_with_initial(self.crc);
        hasher.update(bytes);
        self.crc = hasher.finalize();
    }

    /// Section 5.3: length, name. Section 5.6: the order that chunks must have.
    fn chunk(&mut self, field: &[u8], at: u64, facts: &mut Facts) -> Result<Want, Fault> {
        let first = self.chunk_at == 0;
        let (length, chunk) = (be(field, 0, 4), name(field, 4));
        self.chunk_at = at;
        if !chunk.0.iter().all(u8::is_ascii_alphabetic) {
            return Err(Break::ChunkName { found: chunk }.at(at));
        }
        let right_length = match chunk {
            IHDR => length == IHDR_BYTES,
            IEND => length == 0,
            _ => length <= 0x7fff_ffff,
        };
        if !right_length {
            return Err(Break::ChunkLength { chunk, length }.at(at));
        }
        if self.image_data == ImageData::Running && chunk != IDAT {
            self.image_data = ImageData::Over;
        }
        let misplaced =
            first != (chunk == IHDR) || (chunk == IDAT && self.image_data == ImageData::Over);
        if misplaced {
            return Err(Break::ChunkMisplaced { chunk }.at(at));
        }
        if chunk == IEND && self.image_data == ImageData::Awaited {
            return Err(Break::Empty(Format::Png).at(at));
        }
        match &chunk.0 {
            b"IDAT" => {
                self.image_data = ImageData::Running;
                facts.frames = facts.frames.max(1);
            }
            b"acTL" => facts.animated = true,
            // The default image has an fcTL of its own only where it is a frame of the animation.
            b"fcTL" => facts.frames = facts.frames.saturating_add(1),
            _ => {}
        }
        self.chunk = chunk;
        self.length = length;
        self.checkable = true;
        self.crc = 0;
        self.checksum(&chunk.0);
        Ok(if chunk == IHDR {
            self.want(State::ImageHeader, 17)
        } else {
            self.state = State::Data;
            Want::Pass(u64::from(length))
        })
    }

    fn check(&mut self, stored: u32) -> Result<Want, Fault> {
        let (chunk, computed) = (self.chunk, self.crc);
        if self.checkable && stored != computed {
            return Err(Break::Crc {
                chunk,
                stored,
                computed,
            }
            .at(self.chunk_at));
        }
        Ok(self.next_chunk())
    }

    fn next_chunk(&mut self) -> Want {
        if self.chunk == IEND {
            Want::End
        } else {
            self.want(State::ChunkHeader, 8)
        }
    }

    /// Section 11.2.1.
    fn image_header(&mut self, field: &[u8], facts: &mut Facts) -> Result<Want, Fault> {
        self.checksum(field.get(..13).unwrap_or_default());
        let next = self.check(be(field, 13, 4))?;
        let at = self.chunk_at;
        let (width, height) = (be(field, 0, 4), be(field, 4, 4));
        if width == 0 || height == 0 {
            return Err(Break::NoPixels { width, height }.at(at));
        }
        let odd = |field, value| {
            let format = Format::Png;
            Err(Break::Field {
                format,
                field,
                value,
            }
            .at(at))
        };
        match (be(field, 8, 1), be(field, 9, 1)) {
            (1 | 2 | 4 | 8 | 16, 0) | (8 | 16, 2 | 4 | 6) | (1 | 2 | 4 | 8, 3) => {}
            (depth, colour) => return odd(HeaderField::DepthAndColour, depth << 8 | colour),
        }
        match (be(field, 10, 1), be(field, 11, 1), be(field, 12, 1)) {
            (0, 0, interlaced @ (0 | 1)) => facts.interlaced = Some(interlaced == 1),
            (0, 0, value) => return odd(HeaderField::Interlace, value),
            (0, value, _) => return odd(HeaderField::Filter, value),
            (value, _, _) => return odd(HeaderField::Compression, value),
        }
        facts.width = width;
        facts.height = height;
        Ok(next)
    }
}

impl Grammar for Png {
    fn step(&mut self, field: &[u8], at: u64, facts: &mut Facts) -> Result<Want, Fault> {
        match self.state {
            State::Signature if field == SIGNATURE => Ok(self.want(State::ChunkHeader, 8)),
            State::Signature => Err(Break::Signature(Format::Png).at(at)),
            State::ChunkHeader => self.chunk(field, at, facts),
            State::ImageHeader => self.image_header(field, facts),
            State::Data => Ok(self.want(State::Crc, 4)),
            State::Crc => self.check(be(field, 0, 4)),
            State::Unchecked => Ok(self.next_chunk()),
            State::Lost(_) => Ok(Want::Scan),
        }
    }

    fn pass(&mut self, bytes: &[u8]) {
        if self.state == State::Data && self.checkable {
            self.checksum(bytes);
        }
    }

    fn pass_gap(&mut self) {
        self.checkable = false;
    }

    fn lose(&mut self, at: u64, facts: &mut Facts) -> Want {
        match self.state {
            State::ImageHeader | State::Crc => {
                let end = self.chunk_at.saturating_add(12);
                let end = end.saturating_add(u64::from(self.length));
                self.state = State::Unchecked;
                Want::Pass(end.saturating_sub(at))
            }
            _ => {
                facts.uncertain = true;
                self.state = State::Lost(0);
                Want::Scan
            }
        }
    }

    fn scan(&mut self, bytes: &[u8], _at: u64, _facts: &mut Facts) -> Scanned {
        let State::Lost(mut matched) = self.state else {
            let used = bytes.len();
            return Scanned { used, found: None };
        };
        for (index, &byte) in bytes.iter().enumerate() {
            matched = match LAST_CHUNK.get(usize::from(matched)) {
                Some(&expected) if expected == byte => matched.saturating_add(1),
                // The pattern begins with four zeros and has none later, so only zeros can begin it anew.
                _ if byte != 0 => 0,
                _ if matched == 4 => 4,
                _ => 1,
            };
            if usize::from(matched) == LAST_CHUNK.len() {
                return Scanned {
                    used: index.saturating_add(1),
                    found: Some(Ok(Want::End)),
                };
            }
        }
        self.state = State::Lost(matched);
        let used = bytes.len();
        Scanned { used, found: None }
    }

    fn scan_gap(&mut self, _facts: &mut Facts) {
        self.state = State::Lost(0);
    }

    fn element(&self, _at: u64, _facts: &Facts) -> (Element, u64) {
        // The shortest picture still needs an IDAT (12 and its data) unless it had one, and IEND (12).
        let last = if self.chunk == IEND { 0 } else { 12 };
        match self.state {
            State::Signature => (Element::Header, 25 + 12 + 12),
            State::ChunkHeader => (Element::ChunkHeader, 4),
            State::Data => (Element::Chunk(self.chunk), 4 + last),
            State::ImageHeader | State::Crc | State::Unchecked => {
                (Element::Chunk(self.chunk), last)
            }
            State::Lost(_) => (Element::Lost, 0),
        }
    }
}
