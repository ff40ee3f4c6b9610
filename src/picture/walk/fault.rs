//! Why a picture's structure breaks, in plain words.

use std::fmt;

use crate::picture::Format;
use crate::units::count;

/// A four-character name of a chunk, shown with what is no printable ASCII escaped.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Name(pub [u8; 4]);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

/// Why a picture's structure breaks. Where it does stands beside it, in [`super::Status::Broken`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Break {
    /// The first bytes are not those of the format.
    #[error("it does not begin as a {0} file does")]
    Signature(Format),
    /// Width or height is 0 where the format forbids it.
    #[error("the header says {width}×{height} pixels, and neither may be 0")]
    NoPixels {
        /// Pixels in a row.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// A header field holds what the format does not know.
    #[error("the {field} is {value}, which {format} does not know")]
    Field {
        /// The format.
        format: Format,
        /// The field.
        field: HeaderField,
        /// What it holds.
        value: u32,
    },

    /// JPEG: a marker has to stand here (T.81, B.1.1.2).
    #[error(
        "expected a marker (ff), found {found:02x}: bytes are missing, added or changed before here"
    )]
    MarkerExpected {
        /// What stands here.
        found: u8,
    },
    /// JPEG: this marker must not stand here (T.81, B.2.1).
    #[error(
        "marker ff{marker:02x} must not stand here: bytes are missing, added or changed before it"
    )]
    MarkerMisplaced {
        /// Its second byte.
        marker: u8,
    },
    /// JPEG: another picture begins inside this one.
    #[error(
        "a start of image (ffd8) stands inside the picture: its end is missing, another one begins"
    )]
    StartInside,
    /// JPEG: the restart markers are not in the order 0 to 7 (T.81, F.1.2.3).
    #[error(
        "restart marker {found} where {expected} is due: bytes are missing, added or changed before it"
    )]
    RestartOrder {
        /// The number due.
        expected: u8,
        /// The number found.
        found: u8,
    },
    /// JPEG: the segment's length cannot be right for its marker.
    #[error(
        "the segment of marker ff{marker:02x} says that it is {} bytes long, which it cannot be", count(u64::from(*length))
    )]
    SegmentLength {
        /// The marker's second byte.
        marker: u8,
        /// What its length field says.
        length: u16,
    },

    /// PNG: a chunk's stored and computed CRC differ.
    #[error(
        "the CRC of chunk {chunk} is {stored:08x} in the file and {computed:08x} over its bytes"
    )]
    Crc {
        /// The chunk's name.
        chunk: Name,
        /// The CRC that the file holds.
        stored: u32,
        /// The CRC of the bytes that came.
        computed: u32,
    },
    /// PNG or WebP: a chunk's name is not made of the characters that names are made of.
    #[error(
        "expected a chunk's name, found \"{found}\": bytes are missing, added or changed before here"
    )]
    ChunkName {
        /// What stands there.
        found: Name,
    },
    /// PNG or WebP: a chunk must not stand here.
    #[error("chunk {chunk} must not stand here")]
    ChunkMisplaced {
        /// Its name.
        chunk: Name,
    },
    /// PNG or WebP: a chunk's length cannot be right.
    #[error("chunk {chunk} says that it is {} bytes long, which it cannot be", count(u64::from(*length)))]
    ChunkLength {
        /// Its name.
        chunk: Name,
        /// What its length field says.
        length: u32,
    },
    /// The end comes before any picture data did.
    #[error("the {0} ends before any picture data")]
    Empty(Format),

    /// GIF: a block begins with a byte that no block begins with.
    #[error(
        "expected a block (21, 2c or 3b), found {found:02x}: bytes are missing, added or changed before here"
    )]
    Block {
        /// What stands there.
        found: u8,
    },
    /// BMP: offsets and sizes of the headers do not fit together.
    #[error("pixels cannot begin at byte {}: the headers take {headers} bytes", count(u64::from(*offset)))]
    PixelOffset {
        /// bfOffBits.
        offset: u32,
        /// Bytes of both headers.
        headers: u32,
    },
    /// BMP: nothing in the headers tells where the file ends.
    #[error("the headers do not tell how long the file is")]
    NoLength,
}

/// A header field that [`Break::Field`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HeaderField {
    /// PNG: bits and colour type together, as `depth × 256 + colour type`.
    DepthAndColour,
    /// PNG or BMP: compression method.
    Compression,
    /// PNG: filter method.
    Filter,
    /// PNG: interlace method.
    Interlace,
    /// GIF: LZW minimum code size.
    CodeSize,
    /// WebP: what begins the VP8 or VP8L bit stream.
    BitStream,
    /// BMP: size of the DIB header.
    HeaderSize,
    /// BMP: planes.
    Planes,
    /// BMP: bits a pixel.
    BitsPerPixel,
}

impl fmt::Display for HeaderField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DepthAndColour => "bit depth and colour type",
            Self::Compression => "compression",
            Self::Filter => "filter method",
            Self::Interlace => "interlace method",
            Self::CodeSize => "LZW code size",
            Self::BitStream => "start of the bit stream",
            Self::HeaderSize => "header size",
            Self::Planes => "number of planes",
            Self::BitsPerPixel => "number of bits a pixel",
        })
    }
}

/// A [`Break`] and where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) at: u64,
    pub(super) reason: Break,
}

impl Break {
    pub(super) fn at(self, at: u64) -> Fault {
        Fault { at, reason: self }
    }
}
