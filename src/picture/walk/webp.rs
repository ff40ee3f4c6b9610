//! WebP (RFC 9649, section 2): one RIFF whose length counts, and the chunks in it.

use super::{Break, Element, Facts, Fault, Grammar, HeaderField, Name, Want, be, le, name};
use crate::picture::Format;

pub(super) const FIRST_FIELD: u8 = 12;

const VP8: Name = Name(*b"VP8 ");
const VP8L: Name = Name(*b"VP8L");
const VP8X: Name = Name(*b"VP8X");
const ANMF: Name = Name(*b"ANMF");

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    /// RIFF, size, WEBP (section 2.4).
    #[default]
    Signature,
    ChunkHeader,
    /// What begins the first chunk: dimensions.
    Image,
    /// The rest of a chunk goes by.
    Data,
    /// All up to the end goes by: a byte of padding, or what a gap made unreadable.
    Unread,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WebP {
    state: State,
    chunk: Name,
    /// Whether an image came: VP8, VP8L or ANMF.
    image: bool,
    /// Offset behind the file.
    end: u64,
    chunk_end: u64,
}

impl Default for WebP {
    fn default() -> Self {
        Self {
            state: State::default(),
            chunk: Name(*b"RIFF"),
            image: false,
            end: 0,
            chunk_end: 0,
        }
    }
}

impl WebP {
    /// Section 2.4: the size counts from byte 8 on and should be even; where it is odd, RIFF pads.
    fn riff(&mut self, field: &[u8], at: u64, facts: &mut Facts) -> Result<Want, Fault> {
        if !field.starts_with(b"RIFF") || field.get(8..) != Some(b"WEBP") {
            return Err(Break::Signature(Format::WebP).at(at));
        }
        let length = le(field, 4, 4);
        facts.declared = u64::from(length).saturating_add(8);
        self.end = facts.declared.saturating_add(u64::from(length & 1));
        // WEBP and one chunk's header at least.
        if length < 12 {
            let chunk = self.chunk;
            return Err(Break::ChunkLength { chunk, length }.at(at));
        }
        self.state = State::ChunkHeader;
        Ok(Want::Field(8))
    }

    /// Section 2.3: name, size, payload, and a byte of padding where the size is odd.
    fn chunk(&mut self, field: &[u8], at: u64, facts: &mut Facts) -> Result<Want, Fault> {
        let (chunk, length) = (name(field, 0), le(field, 4, 4));
        let first = self.chunk_end == 0;
        if !chunk.0.iter().all(|byte| matches!(byte, 0x20..=0x7e)) {
            return Err(Break::ChunkName { found: chunk }.at(at));
        }
        let payload = at.saturating_add(8);
        let padded = u64::from(length).saturating_add(u64::from(length & 1));
        self.chunk_end = payload.saturating_add(padded);
        self.chunk = chunk;
        let least = match chunk {
            VP8 | VP8X => 10,
            VP8L => 5,
            _ => 0,
        };
        if self.chunk_end > self.end || length < least {
            return Err(Break::ChunkLength { chunk, length }.at(at));
        }
        if first != matches!(chunk, VP8 | VP8L | VP8X) && (first || chunk == VP8X) {
            return Err(Break::ChunkMisplaced { chunk }.at(at));
        }
        match chunk {
            VP8 | VP8L => {
                self.image = true;
                facts.frames = facts.frames.max(1);
            }
            ANMF => {
                self.image = true;
                facts.frames = facts.frames.saturating_add(1);
            }
            _ => {}
        }
        Ok(if first {
            self.state = State::Image;
            Want::Field(if chunk == VP8L { 5 } else { 10 })
        } else {
            self.rest(payload)
        })
    }

    fn image(&mut self, field: &[u8], at: u64, facts: &mut Facts) -> Result<Want, Fault> {
        let odd = |value| {
            let (format, field) = (Format::WebP, HeaderField::BitStream);
            Err(Break::Field {
                format,
                field,
                value,
            }
            .at(at))
        };
        let (width, height) = match self.chunk {
            // RFC 6386, section 9.1: a key frame's tag (lowest bit 0), start code, 14 bits of width and of height.
            VP8 => {
                if be(field, 3, 3) != 0x9d_012a || be(field, 0, 1) & 1 != 0 {
                    return odd(be(field, 0, 4));
                }
                (le(field, 6, 2) & 0x3fff, le(field, 8, 2) & 0x3fff)
            }
            // RFC 9649, section 3.4: 0x2f, 14 bits of width − 1, 14 of height − 1, alpha, three bits of version 0.
            VP8L => {
                let bits = le(field, 1, 4);
                if be(field, 0, 1) != 0x2f || bits >> 29 != 0 {
                    return odd(be(field, 0, 4));
                }
                ((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1)
            }
            // Section 2.7: flags, three reserved bytes, 24 bits of width − 1, 24 of height − 1.
            _ => {
                facts.animated = be(field, 0, 1) & 0x02 != 0;
                (le(field, 4, 3) + 1, le(field, 7, 3) + 1)
            }
        };
        if width == 0 || height == 0 {
            return Err(Break::NoPixels { width, height }.at(at));
        }
        facts.width = width;
        facts.height = height;
        Ok(self.rest(at.saturating_add(field.len() as u64)))
    }

    fn rest(&mut self, at: u64) -> Want {
        self.state = State::Data;
        Want::Pass(self.chunk_end.saturating_sub(at))
    }

    fn next_chunk(&mut self, at: u64) -> Result<Want, Fault> {
        match self.end.saturating_sub(at) {
            0 if self.image => Ok(Want::End),
            0 => Err(Break::Empty(Format::WebP).at(at)),
            1 if self.image => {
                self.state = State::Unread;
                Ok(Want::Pass(1))
            }
            left @ 1..=7 => {
                let length = u32::try_from(left).unwrap_or(u32::MAX);
                let chunk = Name(*b"RIFF");
                Err(Break::ChunkLength { chunk, length }.at(at))
            }
            _ => {
                self.state = State::ChunkHeader;
                Ok(Want::Field(8))
            }
        }
    }
}

impl Grammar for WebP {
    fn step(&mut self, field: &[u8], at: u64, facts: &mut Facts) -> Result<Want, Fault> {
        match self.state {
            State::Signature => self.riff(field, at, facts),
            State::ChunkHeader => self.chunk(field, at, facts),
            State::Image => self.image(field, at, facts),
            State::Data => self.next_chunk(at),
            State::Unread => Ok(Want::End),
        }
    }

    fn lose(&mut self, at: u64, facts: &mut Facts) -> Want {
        match self.state {
            State::Signature => {
                facts.uncertain = true;
                Want::Rest
            }
            State::Image => self.rest(at),
            _ => {
                self.state = State::Unread;
                Want::Pass(self.end.saturating_sub(at))
            }
        }
    }

    fn element(&self, at: u64, _facts: &Facts) -> (Element, u64) {
        let left = self.end.saturating_sub(at);
        match self.state {
            State::Signature => (Element::Header, 8 + 5),
            State::ChunkHeader => (Element::ChunkHeader, left),
            State::Image | State::Data => (Element::Chunk(self.chunk), left),
            State::Unread => (Element::Lost, left),
        }
    }
}
