//! Layouts: a framing described in one line, and one decoder and one encoder for all of them.
//!
//! A [`Layout`] is sections of fields: what comes once before the first message, what is around a picture, what is in front of
//! each piece of it, and what the other side answers. `docs/layouts.md` has the grammar and examples; [`std::str::FromStr`]
//! and [`std::fmt::Display`] are its two directions. Over datagrams (`udp`) a section is a datagram.
//!
//! A layout says what bytes mean and never what a picture is made of; only a picture whose end nothing else tells is walked.

pub(crate) mod check;
pub(crate) mod datagrams;
pub mod encode;
mod message;
pub(crate) mod stream;
mod text;
mod value;

#[cfg(test)]
mod tests;

pub use text::BadLayout;
pub(crate) use value::{Size, Value};

/// Longest field, and longest header of a message, in bytes.
pub const LONGEST: usize = 4096;

/// Most fields of a layout.
pub const MOST_FIELDS: usize = 64;

/// A framing, described.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Layout {
    /// Each section is a datagram; else they follow each other in a stream.
    pub datagrams: bool,
    /// Before the first message of a direction.
    pub once: Vec<Field>,
    /// Around a picture; over datagrams the one before its pieces.
    pub message: Vec<Field>,
    /// Around each piece of a picture; empty where it is not cut up.
    pub piece: Vec<Field>,
    /// Behind the pieces of a picture.
    pub end: Vec<Field>,
    /// What the other side says to a picture.
    pub answer: Vec<Field>,
}

/// One field: how it is written, and what it says.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Field {
    /// How it is written.
    pub kind: Kind,
    /// What it says.
    pub role: Role,
    /// What its number is beyond what it says: 4 for a length that counts itself in four bytes, 1 for an index from 1.
    pub plus: i64,
}

/// How a field is written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A binary whole number.
    Int {
        /// Width in bytes, 1 to 8.
        bytes: u8,
        /// Most significant byte first; true for one byte.
        big_endian: bool,
        /// Two's complement.
        signed: bool,
    },
    /// A number as of IEEE 754.
    Float {
        /// Width in bytes, 4 or 8.
        bytes: u8,
        /// Most significant byte first.
        big_endian: bool,
    },
    /// Seven bits a byte, the lowest first, the eighth says that more follow (LEB128; C# calls it a 7-bit encoded integer).
    Varint,
    /// Decimal text.
    Decimal(Shape),
    /// Hexadecimal text.
    Hex(Shape),
    /// Text.
    Text(Shape),
    /// These bytes.
    Fixed(Box<[u8]>),
    /// So many bytes that say nothing known.
    Bytes(u32),
    /// As many zeros as fill the picture up to a multiple of so many bytes.
    Pad(u32),
    /// The picture, or where it stands in pieces.
    Picture(Payload),
    /// A piece's bytes of the picture; always so many where the last piece is filled up.
    Data(Option<u32>),
}

/// Where a text ends.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Shape {
    /// Where no more digits come; for text, where the datagram ends.
    Bare,
    /// After so many bytes, filled up so.
    Fixed(u32, Fill),
    /// Before these bytes.
    Until(Box<[u8]>),
    /// After so many bytes as the number before it says.
    Prefixed(Box<Kind>),
    /// After so many bytes as an earlier field with [`Role::NameLength`] says.
    NameLength,
}

/// How a text of fixed width is filled up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fill {
    /// Spaces behind it.
    SpacesBehind,
    /// Spaces before it.
    SpacesBefore,
    /// Zeros (the digit) before it.
    Zeros,
    /// NUL bytes behind it.
    Nul,
}

/// What the picture's own bytes are, and where they end.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Payload {
    /// A picture file: ends by a length, or by its own structure where there is none.
    File,
    /// A picture file, or whatever it is: ends with the stream.
    ToEnd,
    /// Ends before these bytes.
    Until(Box<[u8]>),
    /// In pieces, each as the section `piece` says.
    Pieces,
    /// Raw pixels; their number is told by a length or by width and height.
    Pixels(Pixels),
}

/// What raw pixels are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pixels {
    /// Order of the channels.
    pub order: PixelOrder,
    /// Width and height, where no field says them.
    pub size: Option<(u32, u32)>,
}

/// Order of the channels of raw pixels, one byte each unless said otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PixelOrder {
    /// Blue, green, red (as `OpenCV` has it).
    Bgr,
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red, opacity.
    Bgra,
    /// Red, green, blue, opacity.
    Rgba,
    /// One channel.
    Grey,
    /// Sixteen bits a pixel.
    Rgb565,
    /// A field says how many channels.
    Any,
}

/// What a field says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Nothing known.
    None,
    /// A length in bytes.
    Length(Counts),
    /// How many pieces the picture has.
    Count,
    /// The piece's place, from 0.
    Index,
    /// How many pieces come after this one.
    Left,
    /// A number that grows by 1 with each message, or with each piece.
    Number,
    /// The number of the picture that a piece belongs to.
    Frame,
    /// The offset of the piece's first byte in the picture.
    Offset,
    /// Bytes of the whole picture, told in each piece.
    Total,
    /// Not 0 for the last piece.
    Last,
    /// Not 0 for all pieces but the last.
    More,
    /// Pixels in a row.
    Width,
    /// Rows.
    Height,
    /// Bytes a pixel.
    Channels,
    /// A pixel type.
    PixelType,
    /// A time.
    Time,
    /// A file name.
    Name,
    /// How long the name is that follows later.
    NameLength,
    /// A checksum or digest of the picture.
    Check(Check),
}

/// What a length counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Counts {
    /// The picture, or the piece.
    Picture,
    /// The picture, in bits.
    Bits,
    /// All that follows the field in the message.
    Rest,
    /// The whole message, this field included.
    All,
}

/// A checksum or digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Check {
    /// CRC-32 (ISO-HDLC, zlib's).
    Crc32,
    /// CRC-16 (XMODEM: polynomial 1021, from 0).
    Crc16,
    /// CRC-16 (CCITT-FALSE: polynomial 1021, from FFFF).
    Crc16Ccitt,
    /// Adler-32.
    Adler32,
    /// The sum of all bytes, as much of it as the field holds.
    Sum,
    /// MD5.
    Md5,
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
}

/// How many zeros fill so many bytes up to a multiple of `unit`.
pub(crate) fn padding(bytes: u64, unit: u32) -> usize {
    let unit = u64::from(unit.max(1));
    let over = bytes.checked_rem(unit).unwrap_or(0);
    usize::try_from(unit.saturating_sub(over) % unit).unwrap_or(0)
}

impl Field {
    /// A field that says nothing.
    pub fn plain(kind: Kind) -> Self {
        Self {
            kind,
            role: Role::None,
            plus: 0,
        }
    }

    /// A field that says this.
    pub fn says(kind: Kind, role: Role) -> Self {
        Self {
            kind,
            role,
            plus: 0,
        }
    }
}

impl Layout {
    /// Whether a text of any letters stands around a picture, up to bytes that end it.
    pub(crate) fn has_free_text(&self) -> bool {
        let free = |field: &Field| matches!(field.kind, Kind::Text(Shape::Until(_)));
        self.message.iter().any(free)
    }

    /// The payload of a message, where it has one.
    pub fn payload(&self) -> Option<&Payload> {
        self.message.iter().find_map(|field| match &field.kind {
            Kind::Picture(payload) => Some(payload),
            _ => None,
        })
    }

    /// Raw pixels rather than a picture file.
    pub fn pixels(&self) -> Option<Pixels> {
        match self.payload() {
            Some(Payload::Pixels(pixels)) => Some(*pixels),
            _ => None,
        }
    }

    /// Whether a message says how long its picture is.
    pub(crate) fn says_length(&self) -> bool {
        let says = |field: &Field| matches!(field.role, Role::Length(_) | Role::Total);
        self.message.iter().any(says)
    }

    /// Whether some field says so.
    pub(crate) fn has(&self, wanted: impl Fn(Role) -> bool) -> bool {
        self.message
            .iter()
            .chain(&self.piece)
            .any(|field| wanted(field.role))
    }

    /// Whether a datagram may be the last of a picture only because no other follows.
    pub fn ends_by_silence(&self) -> bool {
        self.datagrams
    }
}

impl PixelOrder {
    /// Bytes a pixel; absent where a field says it.
    pub fn bytes(self) -> Option<u32> {
        match self {
            Self::Bgr | Self::Rgb => Some(3),
            Self::Bgra | Self::Rgba => Some(4),
            Self::Grey => Some(1),
            Self::Rgb565 => Some(2),
            Self::Any => None,
        }
    }
}
