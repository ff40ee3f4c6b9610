//! The names of the wire formats, and what has to be known to decode them.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::PIPELINE_MARKER;
use super::formats::{Fixed, Over};
use super::layout::{BadLayout, Layout};
use super::udp_index::{IndexHeader, Number, Numbering};
use crate::units::hex_digit;

/// A wire format, with what has to be known to decode it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// P1 and its relatives: picture, then an end marker, repeated.
    Marker(Box<[u8]>),
    /// P2: one picture, the end of the stream ends it.
    Eof,
    /// One picture, the sender's FIN ends it, and then the other side answers.
    HalfClose,
    /// P3: a choice as ASCII digits one way; one picture until the end of the stream the other way.
    Catalog,
    /// P4: rows of BGR24 with no header; `width` in pixels where somebody told it.
    RawPixels {
        /// Pixels in a row; absent when unknown: nothing on the wire says it.
        width: Option<u32>,
    },
    /// P5: datagrams with pieces of one picture, unnumbered, ended by an empty one, by silence or by the
    /// picture's own end.
    Udp,
    /// Datagrams with a numbered piece each; how they are numbered, or nothing where the datagrams have to tell.
    UdpIndex(Option<IndexHeader>),
    /// A length field, then that many bytes of picture, repeated.
    Length(LengthField),
    /// A size in text, an answer, the picture, an answer. Both wordings are decoded alike; `bare` is how it is sent.
    SizeHandshake {
        /// `n` and `OK` rather than `SIZE n` and `GOT SIZE`.
        bare: bool,
    },
    /// A format whose picture is wrapped: base64 or a pickle around it.
    Encoded(Encoding, Box<Self>),
    /// One that needs nothing told: a row of the table.
    Fixed(Fixed),
    /// A framing that was described, or worked out.
    Layout(Box<Layout>),
    /// None of these: pictures found by walking their own structure.
    Carve,
}

impl Protocol {
    /// Whether its messages say themselves which format they are of, so that one is enough to know it.
    pub fn names_itself(&self) -> bool {
        match self {
            Self::Fixed(format) => format.row().names_itself,
            Self::SizeHandshake { bare } => !bare,
            _ => false,
        }
    }
}

/// What is wrapped around a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// RFC 4648, section 4.
    Base64,
    /// A Python pickle that holds the picture as a bytes object.
    Pickled,
    /// Compressed, RFC 1952.
    Gzip,
    /// Compressed, RFC 1950.
    Zlib,
    /// Compressed, RFC 1951.
    Deflate,
    /// Hexadecimal digits.
    Hex,
}

/// How the length family writes its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LengthField {
    /// Binary, `bytes` wide (2, 4 or 8).
    Binary {
        /// Width in bytes.
        bytes: u8,
        /// Most significant byte first.
        big_endian: bool,
    },
    /// Decimal text padded with spaces to so many bytes (64, 16 or 10).
    Ascii(u8),
}

/// The text does not name a wire format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", mistake.as_ref().map_or_else(|| format!("unknown wire format {given:?}; known: {}", Protocol::names().collect::<Vec<_>>().join(", ")), ToString::to_string))]
pub struct UnknownProtocol {
    /// What was given.
    pub given: String,
    /// What is wrong with it, where it is a layout.
    pub mistake: Option<BadLayout>,
}

impl Protocol {
    /// The names that `--protocol` takes.
    pub fn names() -> impl Iterator<Item = &'static str> {
        let fixed = Fixed::ALL.iter().map(|format| format.row().name);
        Self::TOLD
            .iter()
            .copied()
            .chain(fixed)
            .chain(Self::LAST.iter().copied())
    }

    /// Those of the formats that are told something, or depend on who sends.
    const TOLD: &'static [&'static str] = &[
        "marker",
        "marker=TEXT",
        "eof",
        "half-close",
        "catalog",
        "raw-pixels",
        "raw-pixels=WIDTH",
        "udp",
        "udp-index",
        "udp-index=HEADER",
        "length=u16be",
        "length=u16le",
        "length=u32be",
        "length=u32le",
        "length=u64be",
        "length=u64le",
        "length=ascii64",
        "length=ascii16",
        "length=ascii10",
        "size-handshake",
        "size-handshake=bare",
        "pickled",
        "base64",
        "gzip",
        "zlib",
        "deflate",
        "hex",
        "pickled+FORMAT",
        "base64+FORMAT",
        "gzip+FORMAT",
        "zlib+FORMAT",
        "deflate+FORMAT",
        "hex+FORMAT",
    ];

    /// Whatever else there is.
    const LAST: &'static [&'static str] = &["carve", "layout FIELDS"];

    /// P1 with the marker of the pipeline.
    pub fn pipeline() -> Self {
        Self::Marker(PIPELINE_MARKER.into())
    }

    /// The size in bytes that the observed programs hand over at once; absent where a program of this
    /// format has no habit. The marker pipeline uses 2048, `eof` 1024, `raw-pixels` a row of 3 × width.
    pub fn default_chunk(&self) -> Option<u64> {
        match self {
            Self::Marker(marker) if **marker == *PIPELINE_MARKER => Some(2048),
            Self::Eof => Some(1024),
            Self::RawPixels { width } => width.map(|w| u64::from(w) * 3),
            _ => None,
        }
    }

    /// Whether a silence between datagrams may be the end of a picture. Not where they carry the picture's number and may
    /// be asked for again, at any time: such a picture ends when it is whole, or when another one begins.
    pub fn ends_by_silence(&self) -> bool {
        *self != Self::Fixed(Fixed::Framed)
    }

    /// Whether the format is made of datagrams and of nothing else.
    pub fn is_datagrams(&self) -> bool {
        match self {
            Self::Udp | Self::UdpIndex(_) => true,
            Self::Fixed(format) => format.row().over == Over::Datagrams,
            Self::Layout(layout) => layout.datagrams,
            Self::Encoded(_, outer) => **outer == Self::Udp,
            _ => false,
        }
    }

    /// Whether all of a picture has to be at hand before the first byte is sent: its pieces are numbered, or a digest of it
    /// goes first.
    pub fn needs_whole_picture(&self) -> bool {
        self.is_datagrams() || matches!(self, Self::Fixed(Fixed::Framed) | Self::Layout(_))
    }
}

impl fmt::Display for LengthField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Binary { bytes, big_endian } => {
                write!(
                    f,
                    "u{}{}",
                    u32::from(*bytes) * 8,
                    if *big_endian { "be" } else { "le" }
                )
            }
            Self::Ascii(width) => write!(f, "ascii{width}"),
        }
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Base64 => "base64",
            Self::Pickled => "pickled",
            Self::Gzip => "gzip",
            Self::Zlib => "zlib",
            Self::Deflate => "deflate",
            Self::Hex => "hex",
        })
    }
}

impl fmt::Display for IndexHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.numbering {
            Numbering::Index => "",
            Numbering::IndexFrom1 => "from1-",
            Numbering::Countdown => "countdown-",
            Numbering::CountdownTo0 => "countdown0-",
            Numbering::Offset => "offset-",
        })?;
        match self.number {
            Number::Binary { bytes: 1, .. } => f.write_str("u8"),
            Number::Binary { bytes, big_endian } => {
                LengthField::Binary { bytes, big_endian }.fmt(f)
            }
            Number::Ascii5 => f.write_str("ascii5"),
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Marker(marker) if **marker == *PIPELINE_MARKER => "marker",
            Self::Marker(marker) => return write!(f, "marker={}", marker.escape_ascii()),
            Self::Eof => "eof",
            Self::HalfClose => "half-close",
            Self::Catalog => "catalog",
            Self::RawPixels { width: None } => "raw-pixels",
            Self::RawPixels { width: Some(width) } => return write!(f, "raw-pixels={width}"),
            Self::Udp => "udp",
            Self::UdpIndex(None) => "udp-index",
            Self::UdpIndex(Some(header)) => return write!(f, "udp-index={header}"),
            Self::Length(field) => return write!(f, "length={field}"),
            Self::SizeHandshake { bare: false } => "size-handshake",
            Self::SizeHandshake { bare: true } => "size-handshake=bare",
            Self::Encoded(encoding, outer) if **outer == Self::Eof => return encoding.fmt(f),
            Self::Encoded(encoding, outer) => return write!(f, "{encoding}+{outer}"),
            Self::Fixed(format) => format.row().name,
            Self::Layout(layout) => return layout.fmt(f),
            Self::Carve => "carve",
        })
    }
}

impl FromStr for Number {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let binary = |bytes, big_endian| Self::Binary { bytes, big_endian };
        Ok(match text {
            "u8" => binary(1, true),
            "u16be" => binary(2, true),
            "u16le" => binary(2, false),
            "u32be" => binary(4, true),
            "u32le" => binary(4, false),
            "ascii5" => Self::Ascii5,
            _ => return Err(()),
        })
    }
}

impl FromStr for IndexHeader {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (numbering, number) = match text.split_once('-') {
            None => (Numbering::Index, text),
            Some(("from1", number)) => (Numbering::IndexFrom1, number),
            Some(("countdown", number)) => (Numbering::Countdown, number),
            Some(("countdown0", number)) => (Numbering::CountdownTo0, number),
            Some(("offset", number)) => (Numbering::Offset, number),
            Some(_) => return Err(()),
        };
        Ok(Self {
            numbering,
            number: number.parse()?,
        })
    }
}

impl FromStr for LengthField {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let binary = |bytes, big_endian| Self::Binary { bytes, big_endian };
        Ok(match text {
            "u16be" => binary(2, true),
            "u16le" => binary(2, false),
            "u32be" => binary(4, true),
            "u32le" => binary(4, false),
            "u64be" => binary(8, true),
            "u64le" => binary(8, false),
            "ascii64" => Self::Ascii(64),
            "ascii16" => Self::Ascii(16),
            "ascii10" => Self::Ascii(10),
            _ => return Err(()),
        })
    }
}

/// A format that may be wrapped in an encoding: a stream of pictures, not wrapped already.
fn wrapped(encoding: Encoding, outer: &str) -> Option<Result<Protocol, UnknownProtocol>> {
    let outer: Protocol = match outer.parse() {
        Ok(outer) => outer,
        Err(UnknownProtocol { mistake: None, .. }) => return None,
        Err(mistaken) => return Some(Err(mistaken)),
    };
    (matches!(
        outer,
        Protocol::Marker(_)
            | Protocol::Eof
            | Protocol::HalfClose
            | Protocol::Length(_)
            | Protocol::SizeHandshake { .. }
            | Protocol::Fixed(Fixed::NameSizeMarker | Fixed::UdpJpeg)
            | Protocol::Layout(_)
    ) || matches!(encoding, Encoding::Pickled | Encoding::Base64) && outer == Protocol::Udp)
        .then(|| Ok(Protocol::Encoded(encoding, Box::new(outer))))
}

impl FromStr for Protocol {
    type Err = UnknownProtocol;

    fn from_str(text: &str) -> Result<Self, UnknownProtocol> {
        let unknown = || UnknownProtocol {
            given: text.to_owned(),
            mistake: None,
        };
        if text == "layout" || text.starts_with("layout ") {
            return match text.parse() {
                Ok(layout) => Ok(Self::Layout(Box::new(layout))),
                Err(mistake) => Err(UnknownProtocol {
                    mistake: Some(mistake),
                    ..unknown()
                }),
            };
        }
        let encoding = |name| match name {
            "base64" => Some(Encoding::Base64),
            "pickled" => Some(Encoding::Pickled),
            "gzip" => Some(Encoding::Gzip),
            "zlib" => Some(Encoding::Zlib),
            "deflate" => Some(Encoding::Deflate),
            "hex" => Some(Encoding::Hex),
            _ => None,
        };
        if let Some(encoding) = encoding(text) {
            return Ok(Self::Encoded(encoding, Box::new(Self::Eof)));
        }
        if let Some((name, outer)) = text.split_once('+')
            && let Some(encoding) = encoding(name)
        {
            return wrapped(encoding, outer).unwrap_or_else(|| Err(unknown()));
        }
        Ok(match text.split_once('=') {
            None => match text {
                "marker" => Self::pipeline(),
                "eof" => Self::Eof,
                "half-close" => Self::HalfClose,
                "catalog" => Self::Catalog,
                "raw-pixels" => Self::RawPixels { width: None },
                "udp" => Self::Udp,
                "udp-index" => Self::UdpIndex(None),
                "size-handshake" => Self::SizeHandshake { bare: false },
                "carve" => Self::Carve,
                name => Self::Fixed(Fixed::named(name).ok_or_else(unknown)?),
            },
            Some(("marker", marker)) if !marker.is_empty() => {
                Self::Marker(unescaped(marker).into())
            }
            Some(("raw-pixels", width)) => match width.parse() {
                Ok(width) if width > 0 => Self::RawPixels { width: Some(width) },
                _ => return Err(unknown()),
            },
            Some(("length", field)) => Self::Length(field.parse().map_err(|()| unknown())?),
            Some(("udp-index", header)) => {
                Self::UdpIndex(Some(header.parse().map_err(|()| unknown())?))
            }
            Some(("size-handshake", "bare")) => Self::SizeHandshake { bare: true },
            Some(_) => return Err(unknown()),
        })
    }
}

/// What [`Protocol`]'s `Display` escaped; a backslash that escapes nothing stands for itself.
fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    loop {
        let (byte, length) = match rest {
            [] => return bytes,
            [b'\\', b'n', ..] => (b'\n', 2),
            [b'\\', b'r', ..] => (b'\r', 2),
            [b'\\', b't', ..] => (b'\t', 2),
            [b'\\', byte @ (b'\\' | b'\'' | b'"'), ..] => (*byte, 2),
            [b'\\', b'x', high, low, ..] => match (hex_digit(*high), hex_digit(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, 4),
                _ => (b'\\', 1),
            },
            [byte, ..] => (*byte, 1),
        };
        bytes.push(byte);
        rest = rest.get(length..).unwrap_or_default();
    }
}

// In reports and ledgers a wire format is what `--protocol` takes.
impl Serialize for Protocol {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Protocol {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
