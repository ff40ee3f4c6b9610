//! Windows and OS/2 bitmaps (BITMAPFILEHEADER, then a DIB header of one of many sizes): the headers tell the length.

use super::{Break, Element, Facts, Fault, Grammar, HeaderField, Want, le};
use crate::picture::Format;

pub(super) const FIRST_FIELD: u8 = 18;

/// Bytes of BITMAPFILEHEADER.
const FILE_HEADER: u32 = 14;
/// BITMAPCOREHEADER (OS/2 1): 16-bit dimensions.
const CORE_HEADER: u32 = 12;
/// The shortest OS/2 2 header: 32-bit dimensions, no compression field.
const SHORT_OS2_HEADER: u32 = 16;

/// Whether a DIB header of this size exists: core 12, OS/2 2 16 to 64 (in steps of 2 bytes or more), info 40, with masks 52 and 56,
/// V4 108, V5 124.
pub(in crate::picture) fn is_header_size(size: u32) -> bool {
    matches!(
        size,
        CORE_HEADER | SHORT_OS2_HEADER | 40 | 42 | 46 | 48 | 52 | 56 | 60 | 64 | 108 | 124
    )
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    /// BITMAPFILEHEADER and the size of the DIB header.
    #[default]
    FileHeader,
    /// The DIB header as far as it is needed: 8, 12 or 36 bytes.
    DibHeader,
    /// All up to the end goes by.
    Pixels,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Bmp {
    state: State,
    header: u32,
    /// bfOffBits.
    offset: u32,
    /// Offset behind the file; 0 until known.
    end: u64,
}

fn unknown(field: HeaderField, value: u32, at: u64) -> Result<Want, Fault> {
    let format = Format::Bmp;
    Err(Break::Field {
        format,
        field,
        value,
    }
    .at(at))
}

impl Bmp {
    fn file_header(&mut self, field: &[u8], at: u64, facts: &mut Facts) -> Result<Want, Fault> {
        if !field.starts_with(b"BM") {
            return Err(Break::Signature(Format::Bmp).at(at));
        }
        facts.declared = u64::from(le(field, 2, 4));
        self.offset = le(field, 10, 4);
        self.header = le(field, 14, 4);
        if !is_header_size(self.header) {
            return unknown(HeaderField::HeaderSize, self.header, at);
        }
        let headers = self.header.saturating_add(FILE_HEADER);
        let offset = self.offset;
        if offset < headers {
            return Err(Break::PixelOffset { offset, headers }.at(at));
        }
        self.state = State::DibHeader;
        Ok(Want::Field(match self.header {
            CORE_HEADER => 8,
            SHORT_OS2_HEADER => 12,
            _ => 36,
        }))
    }

    fn dib_header(&mut self, field: &[u8], at: u64, facts: &mut Facts) -> Result<Want, Fault> {
        // Width, height (negative: rows from the top down), planes, bits a pixel.
        let (width, height, rest) = if self.header == CORE_HEADER {
            (le(field, 0, 2), le(field, 2, 2), 4)
        } else {
            let height = le(field, 4, 4).cast_signed().unsigned_abs();
            (le(field, 0, 4), height, 8)
        };
        let (planes, bits) = (le(field, rest, 2), le(field, rest + 2, 2));
        // Absent, and so 0, in the two short headers.
        let (compression, image_bytes) = (le(field, rest + 4, 4), le(field, rest + 8, 4));
        if width == 0 || width > i32::MAX.unsigned_abs() || height == 0 {
            return Err(Break::NoPixels { width, height }.at(at));
        }
        if planes != 1 {
            return unknown(HeaderField::Planes, planes, at);
        }
        // BI_RGB, BI_BITFIELDS and BI_ALPHABITFIELDS have rows of whole 4 bytes; the others say how many bytes
        // they take (BI_RLE8, BI_RLE4; Huffman and RLE24 of OS/2; BI_JPEG, BI_PNG).
        let plain = match compression {
            0 | 6 => true,
            3 if bits != 1 => true,
            1..=5 => false,
            other => return unknown(HeaderField::Compression, other, at),
        };
        if !(matches!(bits, 1 | 2 | 4 | 8 | 16 | 24 | 32) || (bits == 0 && !plain)) {
            return unknown(HeaderField::BitsPerPixel, bits, at);
        }
        let pixels = if plain {
            let row = u64::from(width)
                .saturating_mul(u64::from(bits))
                .div_ceil(32);
            row.saturating_mul(4).saturating_mul(u64::from(height))
        } else {
            u64::from(image_bytes)
        };
        let computed = u64::from(self.offset).saturating_add(pixels);
        // bfSize is wrong in many files, and then too small (0, or without the headers). Where it is larger, something
        // follows the pixels: padding, or a colour profile.
        self.end = computed.max(facts.declared);
        if pixels == 0 && facts.declared <= u64::from(self.offset) {
            return Err(Break::NoLength.at(at));
        }
        facts.width = width;
        facts.height = height;
        facts.frames = 1;
        let taken = at.saturating_add(field.len() as u64);
        self.state = State::Pixels;
        Ok(Want::Pass(self.end.saturating_sub(taken)))
    }
}

impl Grammar for Bmp {
    fn step(&mut self, field: &[u8], at: u64, facts: &mut Facts) -> Result<Want, Fault> {
        match self.state {
            State::FileHeader => self.file_header(field, at, facts),
            State::DibHeader => self.dib_header(field, at, facts),
            State::Pixels => Ok(Want::End),
        }
    }

    fn lose(&mut self, at: u64, facts: &mut Facts) -> Want {
        facts.uncertain = true;
        // bfSize is all that is known now, if it came and can be right.
        match self.state {
            State::DibHeader if facts.declared > u64::from(self.offset) => {
                self.state = State::Pixels;
                Want::Pass(facts.declared.saturating_sub(at))
            }
            _ => Want::Rest,
        }
    }

    fn element(&self, at: u64, _facts: &Facts) -> (Element, u64) {
        match self.state {
            State::FileHeader => (Element::Header, 8),
            State::DibHeader => (Element::Header, u64::from(self.offset).saturating_sub(at)),
            State::Pixels => (Element::Pixels, 0),
        }
    }
}
