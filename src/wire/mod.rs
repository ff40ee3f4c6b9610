//! Wire formats: how programs put pictures on a socket. One codec each, used by the receivers in
//! `transfer` and by the sniffer alike.
//!
//! A decoder is fed one direction's bytes in order, in any pieces, and emits [`Event`]s. It walks framing
//! only: what a picture is made of is `picture`'s business (`carve` alone asks it where a picture ends).
//! An encoder turns one picture into the [`Piece`]s that a program hands to its socket.
//! This room never opens a socket, never waits and never looks at a packet.
//!
//! **Law (split-independence):** a decoder fed whole, byte by byte or in any pieces emits the same events,
//! once neighbouring [`Event::PictureData`] and [`Event::Stray`] are joined.
//! **Law (conservation):** every byte fed is covered by exactly one of `PictureData`, `Framing` and `Stray`, in
//! order, and every gap by exactly one of `PictureGap` and `StrayGap`; so offsets can be counted by summing.
//! `PictureEnd` comes before the framing that ended the picture, so that the sum at that moment is its end.

pub mod carve;
pub mod catalog;
pub mod detect;
pub mod encode;
pub mod eof;
pub mod length;
pub mod marker;
pub mod raw_pixels;
pub mod udp;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

pub use encode::{CannotEncode, Pieces, pieces};

/// The end marker of the parallel pipeline (P1).
pub const PIPELINE_MARKER: &[u8] = b"%IMAGE_COMPLETED%";

/// A wire format, with what has to be known to decode it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// P1 and its relatives: picture, then an end marker, repeated.
    Marker(Box<[u8]>),
    /// P2: one picture, the end of the stream ends it.
    Eof,
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
    /// A length field, then that many bytes of picture, repeated.
    Length(LengthField),
    /// None of these: pictures found by walking their own structure.
    Carve,
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

/// Which end of the connection sends the bytes of a direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The side that connects (sent the SYN, or the first datagram).
    Initiator,
    /// The side that listens.
    Acceptor,
}

/// How a direction's bytes came to an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StreamEnd {
    /// FIN: the sender closed, and all its bytes have been passed on.
    Fin,
    /// RST from either side.
    Reset,
    /// The capture ended, or the stream was given up, before the direction was closed.
    Unfinished,
    /// UDP only: no datagram for longer than the idle limit.
    Idle,
}

/// What ended a picture, as far as the framing tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ending {
    /// The end marker followed.
    Marker,
    /// The declared length was reached.
    Length,
    /// The picture's own structure ended (`carve`, and `udp` without an end datagram).
    Structure,
    /// An empty datagram (`udp`).
    EmptyDatagram,
    /// The stream ended, and in this format that is how pictures end (`eof`, `catalog`, `raw-pixels`).
    EndOfStream(StreamEnd),
    /// The stream ended before the format said that the picture does: it is not whole.
    Cut(StreamEnd),
    /// What followed cannot belong to the picture (`carve`: its structure broke).
    Broken,
}

/// Bytes that belong to the format and to no picture.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Framing {
    /// An end marker.
    Marker,
    /// A length field and what it declares, in bytes.
    Length(u64),
    /// A catalogue choice, as text exactly as sent (lossy where not UTF-8).
    Choice(String),
    /// The empty datagram that ends a picture (0 bytes long).
    EndDatagram,
}

/// What is wrong with the framing; in the same words for receiver and sniffer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Fault {
    /// A length field that cannot be one.
    #[error("the length field holds {value}, which is no picture's length{}", hint.as_ref().map(|h| format!("; read as {h} it would be one")).unwrap_or_default())]
    ImplausibleLength {
        /// What the field says.
        value: u64,
        /// The format under which the same bytes would be a length, where there is one.
        hint: Option<String>,
    },
    /// A text field that is not what the format asks for.
    #[error("expected {expected}, found {found:?}{}", hint.as_ref().map(|h| format!("; read as {h} it would be right")).unwrap_or_default())]
    BadField {
        /// What the format asks for.
        expected: &'static str,
        /// What came, shortened to 64 bytes, lossy.
        found: String,
        /// The format under which the same bytes would be right, where there is one.
        hint: Option<String>,
    },
    /// Raw pixels: the total is not a whole number of rows.
    #[error("{total} bytes are not a whole number of rows of {row} bytes: {left} are left over")]
    PartialRow {
        /// Bytes of the picture.
        total: u64,
        /// Bytes a row.
        row: u64,
        /// Bytes over.
        left: u64,
    },
}

/// One thing that a decoder recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event<'a> {
    /// A picture begins with the next picture byte; `length` where the format declares it.
    PictureStart {
        /// Declared length in bytes; absent where the format has none.
        length: Option<u64>,
    },
    /// Consecutive bytes of the current picture.
    PictureData(&'a [u8]),
    /// So many bytes of the current picture are missing from the capture.
    PictureGap(u64),
    /// The current picture is over.
    PictureEnd(Ending),
    /// Bytes of the format itself. Emitted once, whole, however they were split.
    Framing {
        /// What they are.
        what: Framing,
        /// How many bytes they take.
        bytes: u64,
    },
    /// Bytes that belong neither to a picture nor to the format.
    Stray(&'a [u8]),
    /// So many bytes outside any picture are missing from the capture.
    StrayGap(u64),
    /// The framing is wrong here; what follows is decoded as well as it can be.
    Fault(Fault),
}

/// What is fed with the events of a decoder.
pub type Sink<'s> = dyn FnMut(Event<'_>) + 's;

/// An incremental decoder of one direction (law: split-independent, see the module).
pub trait Decode {
    /// Feeds the next bytes of the stream. Never called with a datagram.
    fn update(&mut self, bytes: &[u8], sink: &mut Sink<'_>);
    /// Feeds one whole datagram; for stream formats the same as [`Self::update`].
    fn datagram(&mut self, payload: &[u8], sink: &mut Sink<'_>) {
        self.update(payload, sink);
    }
    /// So many bytes are missing here and will never come.
    fn gap(&mut self, length: u64, sink: &mut Sink<'_>);
    /// The other side began to answer: what is held back as a request with no end of its own is complete.
    /// Only `catalog` holds such; calling it elsewhere does nothing.
    fn flush(&mut self, sink: &mut Sink<'_>) {
        let _ = sink;
    }
    /// No more bytes come. Ends a picture that is still open. Called at most once, last.
    fn finish(&mut self, end: StreamEnd, sink: &mut Sink<'_>);
}

/// One piece that a sending program hands to its socket in one call (one datagram on UDP).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece<'a> {
    /// The bytes; empty only for an end datagram.
    pub bytes: std::borrow::Cow<'a, [u8]>,
    /// What they are.
    pub kind: PieceKind,
}

/// What a [`Piece`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PieceKind {
    /// A header or length field before the picture.
    Header,
    /// A chunk of the picture.
    Chunk,
    /// An end marker: handed over alone, after the send queue drained, to be kind to naive receivers.
    Marker,
    /// An empty datagram.
    EndDatagram,
}

/// The text does not name a wire format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown wire format {given:?}; known: {}", Protocol::NAMES.join(", "))]
pub struct UnknownProtocol {
    /// What was given.
    pub given: String,
}

impl Protocol {
    /// The names that `--protocol` takes.
    pub const NAMES: &'static [&'static str] = &[
        "marker",
        "marker=TEXT",
        "eof",
        "catalog",
        "raw-pixels",
        "raw-pixels=WIDTH",
        "udp",
        "length=u16be",
        "length=u16le",
        "length=u32be",
        "length=u32le",
        "length=u64be",
        "length=u64le",
        "length=ascii64",
        "length=ascii16",
        "length=ascii10",
        "carve",
    ];

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

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Marker(marker) if **marker == *PIPELINE_MARKER => f.write_str("marker"),
            Self::Marker(marker) => write!(f, "marker={}", marker.escape_ascii()),
            Self::Eof => f.write_str("eof"),
            Self::Catalog => f.write_str("catalog"),
            Self::RawPixels { width: None } => f.write_str("raw-pixels"),
            Self::RawPixels { width: Some(width) } => write!(f, "raw-pixels={width}"),
            Self::Udp => f.write_str("udp"),
            Self::Length(field) => write!(f, "length={field}"),
            Self::Carve => f.write_str("carve"),
        }
    }
}

impl FromStr for Protocol {
    type Err = UnknownProtocol;

    fn from_str(text: &str) -> Result<Self, UnknownProtocol> {
        let unknown = || UnknownProtocol {
            given: text.to_owned(),
        };
        let binary = |bytes, big_endian| Self::Length(LengthField::Binary { bytes, big_endian });
        Ok(match text.split_once('=') {
            None => match text {
                "marker" => Self::pipeline(),
                "eof" => Self::Eof,
                "catalog" => Self::Catalog,
                "raw-pixels" => Self::RawPixels { width: None },
                "udp" => Self::Udp,
                "carve" => Self::Carve,
                _ => return Err(unknown()),
            },
            Some(("marker", marker)) if !marker.is_empty() => {
                Self::Marker(marker.as_bytes().into())
            }
            Some(("raw-pixels", width)) => match width.parse() {
                Ok(width) if width > 0 => Self::RawPixels { width: Some(width) },
                _ => return Err(unknown()),
            },
            Some(("length", field)) => match field {
                "u16be" => binary(2, true),
                "u16le" => binary(2, false),
                "u32be" => binary(4, true),
                "u32le" => binary(4, false),
                "u64be" => binary(8, true),
                "u64le" => binary(8, false),
                "ascii64" => Self::Length(LengthField::Ascii(64)),
                "ascii16" => Self::Length(LengthField::Ascii(16)),
                "ascii10" => Self::Length(LengthField::Ascii(10)),
                _ => return Err(unknown()),
            },
            Some(_) => return Err(unknown()),
        })
    }
}

/// The decoder of one direction, whatever its wire format: an enum, so that no call goes through a table.
///
/// Under 100 bytes, and little more on the heap, because a capture may hold a hundred thousand directions.
#[derive(Debug)]
pub enum Decoder {
    /// [`Protocol::Marker`].
    Marker(marker::MarkerDecoder),
    /// [`Protocol::Eof`], and the answers of [`Protocol::Catalog`].
    Eof(eof::EofDecoder),
    /// The choices of [`Protocol::Catalog`].
    Choice(catalog::ChoiceDecoder),
    /// [`Protocol::RawPixels`].
    RawPixels(raw_pixels::RawPixelsDecoder),
    /// [`Protocol::Udp`].
    Udp(udp::UdpDecoder),
    /// [`Protocol::Length`].
    Length(length::LengthDecoder),
    /// [`Protocol::Carve`].
    Carve(carve::CarveDecoder),
}

/// The decoder for the bytes that the side `role` sends in the wire format `protocol`.
pub fn decoder(protocol: &Protocol, role: Role) -> Decoder {
    match protocol {
        Protocol::Marker(marker) => Decoder::Marker(marker::MarkerDecoder::new(marker)),
        Protocol::Eof => Decoder::Eof(eof::EofDecoder::new(false)),
        Protocol::Catalog => match role {
            Role::Initiator => Decoder::Choice(catalog::ChoiceDecoder::default()),
            Role::Acceptor => Decoder::Eof(eof::EofDecoder::new(true)),
        },
        Protocol::RawPixels { width } => {
            Decoder::RawPixels(raw_pixels::RawPixelsDecoder::new(*width, role))
        }
        Protocol::Udp => Decoder::Udp(udp::UdpDecoder::default()),
        Protocol::Length(field) => Decoder::Length(length::LengthDecoder::new(*field)),
        Protocol::Carve => Decoder::Carve(carve::CarveDecoder::new()),
    }
}

impl Decoder {
    /// The wire format that is decoded. For `carve` the one that the bytes after the pictures showed
    /// (`marker=…` once an end marker followed a picture, `eof` once the stream ended with its only one).
    pub fn protocol(&self) -> Protocol {
        match self {
            Self::Marker(decoder) => decoder.protocol(),
            Self::Eof(decoder) => decoder.protocol(),
            Self::Choice(_) => Protocol::Catalog,
            Self::RawPixels(decoder) => decoder.protocol(),
            Self::Udp(_) => Protocol::Udp,
            Self::Length(decoder) => decoder.protocol(),
            Self::Carve(decoder) => decoder.protocol(),
        }
    }
}

/// Calls a method of whichever decoder there is.
macro_rules! each {
    ($self:ident, $decoder:ident => $call:expr) => {
        match $self {
            Decoder::Marker($decoder) => $call,
            Decoder::Eof($decoder) => $call,
            Decoder::Choice($decoder) => $call,
            Decoder::RawPixels($decoder) => $call,
            Decoder::Udp($decoder) => $call,
            Decoder::Length($decoder) => $call,
            Decoder::Carve($decoder) => $call,
        }
    };
}

impl Decode for Decoder {
    fn update(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        each!(self, decoder => decoder.update(bytes, sink));
    }

    fn datagram(&mut self, payload: &[u8], sink: &mut Sink<'_>) {
        each!(self, decoder => decoder.datagram(payload, sink));
    }

    fn gap(&mut self, length: u64, sink: &mut Sink<'_>) {
        each!(self, decoder => decoder.gap(length, sink));
    }

    fn flush(&mut self, sink: &mut Sink<'_>) {
        each!(self, decoder => decoder.flush(sink));
    }

    fn finish(&mut self, end: StreamEnd, sink: &mut Sink<'_>) {
        each!(self, decoder => decoder.finish(end, sink));
    }
}
