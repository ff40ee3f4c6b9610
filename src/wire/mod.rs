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
//! **Law (conservation):** every byte fed is covered by exactly one of `PictureData`, `PictureEncoded`, `Framing` and
//! `Stray`, in order, and every gap by exactly one of `PictureGap` and `StrayGap`; so offsets can be counted by summing.
//! `PictureEnd` comes before the framing that ended the picture, so that the sum at that moment is its end.
//!
//! Most formats put a picture's bytes on the wire as they are, one after the other. Those that do not (base64, a
//! compressed or chunked HTTP body, numbered datagrams in any order) say so in two ways: [`Event::PictureEncoded`] tells apart how
//! many bytes of the stream are covered and which bytes of the picture they gave, and `Framing` may come inside a
//! picture. Picture bytes always come in the order of the picture, stream bytes are always covered in the order of the
//! stream; a picture's place in the stream is from where it starts to where it ends, all that lies between included.

pub(crate) mod carve;
pub(crate) mod catalog;
mod confidence;
mod content;
pub(crate) mod decoder;
mod deflated;
pub(crate) mod detect;
pub(crate) mod digits;
pub mod encode;
pub(crate) mod encoded;
pub(crate) mod eof;
pub(crate) mod formats;
pub mod framed;
mod framer;
pub(crate) mod ftp;
pub(crate) mod handshake;
pub(crate) mod http;
pub(crate) mod http2;
pub(crate) mod infer;
pub(crate) mod inflated;
pub(crate) mod java;
pub mod layout;
pub(crate) mod length;
pub(crate) mod marker;
pub(crate) mod mqtt;
pub(crate) mod name_size;
pub(crate) mod pickle;
pub(crate) mod protocol;
pub(crate) mod raw_pixels;
pub(crate) mod rtp_jpeg;
pub(crate) mod sequence;
pub(crate) mod smtp;
pub(crate) mod tftp;
pub(crate) mod udp;
pub(crate) mod udp_count;
pub(crate) mod udp_index;
pub(crate) mod udp_jpeg;
pub(crate) mod udp_wrapped;
pub(crate) mod websocket;
pub(crate) mod zmtp;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use crate::flow::TransportKind;
use crate::picture::Walker;
use crate::units::count;

pub use confidence::Confidence;
pub use decoder::{Decoder, decoder};
pub use encode::{Around, CannotEncode, Pieces, around, numbered_pieces, pieces};
pub use formats::Fixed;
use formats::Probe;
pub use layout::Layout;
pub use protocol::{Encoding, LengthField, Protocol, UnknownProtocol};
pub use sequence::Order;
pub use udp_index::{IndexHeader, Number, Numbering};

/// The end marker of the parallel pipeline (P1).
pub const PIPELINE_MARKER: &[u8] = b"%IMAGE_COMPLETED%";

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
    /// The declared length was reached, or the last of so many pieces came.
    Length,
    /// The picture's own structure ended (`carve`, and `udp` without an end datagram).
    Structure,
    /// An empty datagram (`udp`, `udp-index`).
    EmptyDatagram,
    /// The stream ended, and in this format that is how pictures end (`eof`, `catalog`, `raw-pixels`).
    EndOfStream(StreamEnd),
    /// The stream ended before the format said that the picture does: it is not whole.
    Cut(StreamEnd),
    /// What followed cannot belong to the picture (`carve`: its structure broke).
    Broken,
    /// Only this part of it was asked for, and came (`http`, RFC 9110, 14).
    Range,
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
    /// A file name, as sent (lossy where not UTF-8), without its length field.
    Name(String),
    /// An answer or a farewell of a known wording (`GOT SIZE`, `OK`, `BYE BYE`).
    Answer(&'static str),
    /// The number in front of a piece, or the header of a datagram.
    PieceHeader,
    /// How many pieces follow (`udp-count`).
    PieceCount(u64),
    /// imgnet's own header, for a picture of so many bytes (`framed`).
    Header(framed::Header),
    /// A datagram of the receiver that asks for pieces, or confirms the picture (`framed` over UDP).
    Control,
    /// A datagram of the receiver that confirms a picture (`framed` over UDP).
    Confirmed {
        /// Number of the picture.
        picture: u64,
        /// How many data datagrams of it reached the receiver, copies left out; absent where it did not count.
        arrived: Option<u64>,
    },
    /// Opcodes of a pickle around the picture.
    Pickle,
    /// Start line and header fields of a request or a response, or of a part of a body; also the lines of chunks
    /// and boundaries.
    Http,
    /// A body, or a part of a message, that holds no picture.
    Body,
    /// A greeting, a command or the head of a frame (`zmtp`).
    Zmtp,
    /// A field of a layout that says something else: `number`, `time`, `width`, `constant`, `answer`, …
    Field(&'static str),
}

/// The number that a sender gives each datagram it hands over, also one that carries a piece again (`framed` over UDP).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Transmission {
    /// Number of the picture, as the sender chose it.
    pub picture: u64,
    /// From 0, in order of handing over.
    pub number: u32,
}

/// What is wrong with the framing; in the same words for receiver and sniffer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Fault {
    /// A length field that cannot be one.
    #[error("the length field holds {}, which is no picture's length{}", count(*value), hint.as_ref().map(|h| format!("; read as {h} it would be one")).unwrap_or_default())]
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
    /// Something ended, and its own head says that more of it was to come.
    #[error("{what} ended, {} before its {head} says", super::units::counted(*left, "byte", "bytes"))]
    ShortBody {
        /// What ended.
        what: &'static str,
        /// What of it says how long it is.
        head: &'static str,
        /// Bytes that did not come.
        left: u64,
    },
    /// A chunk of HTTP does not end where its size says.
    #[error("a chunk says that it has {} (hexadecimal {size:x}), and no line break follows them{}", super::units::counted(*size, "byte", "bytes"), if *decimal { format!("; read as a decimal number, {size:x} is right") } else { String::new() })]
    ChunkSize {
        /// What it says.
        size: u64,
        /// As a decimal number it would be right.
        decimal: bool,
    },
    /// A form is over by its Content-Length before the line that ends its last part.
    #[error(
        "the form is over by its Content-Length, and the boundary line that ends its last part has not come"
    )]
    OpenForm,
    /// A body in chunks ends without the chunk of size 0 that ends it.
    #[error(
        "the connection was closed, and the last chunk (of size 0) that ends the body has not come"
    )]
    NoLastChunk,
    /// The content is not as long as its own head says.
    #[error("the content-length is {}, and {} came", super::units::counted(*declared, "byte", "bytes"), super::units::counted(*came, "byte", "bytes"))]
    WrongBody {
        /// What was declared.
        declared: u64,
        /// Bytes of it that came.
        came: u64,
    },
    /// Raw pixels: the total is not a whole number of rows.
    #[error("{} bytes are not a whole number of rows of {} bytes: {} are left over", count(*total), count(*row), count(*left))]
    PartialRow {
        /// Bytes of the picture.
        total: u64,
        /// Bytes a row.
        row: u64,
        /// Bytes over.
        left: u64,
    },
    /// Text fields with nothing between them: where one ends is a guess.
    #[error("{glued:?} has no separator between file name and size; read as {name:?} and {size}, as the picture behind it allows{}", if *.ambiguous { ", but other readings are possible" } else { "" })]
    FieldsGlued {
        /// Name and size as sent, shortened to 64 bytes, lossy.
        glued: String,
        /// The name as it was read.
        name: String,
        /// The size as it was read.
        size: u64,
        /// Digits may belong to either field.
        ambiguous: bool,
    },
    /// The picture is not the one that its header promised (`framed`).
    #[error(
        "the header promises a picture with SHA-256 {declared}, the bytes that came have {actual}"
    )]
    WrongDigest {
        /// Digest in the header, hexadecimal.
        declared: String,
        /// Digest of what came.
        actual: String,
    },
    /// A datagram whose checksum does not fit (`framed` over UDP): it is left out.
    #[error(
        "the checksum of a datagram is {found:08x}, computed {expected:08x}: it was changed on the way"
    )]
    WrongChecksum {
        /// What the datagram says.
        found: u32,
        /// What its bytes give.
        expected: u32,
    },
    /// What comes in place of a field of a layout is none.
    #[error("expected the field \"{field}\" here, found \"{found}\"")]
    NotTheLayout {
        /// The field.
        field: String,
        /// What came, shortened, escaped.
        found: String,
    },
    /// Two lengths of one header say different things.
    #[error("one length of the header means {one} bytes of picture, another one {other}")]
    LengthsDisagree {
        /// What the first says.
        one: u64,
        /// What the other says.
        other: u64,
    },
    /// The picture is not the one that a checksum in its header or behind it promises.
    #[error("the {check} in the framing is {declared}, that of the bytes that came is {actual}")]
    WrongCheck {
        /// Which checksum.
        check: &'static str,
        /// What the framing says, hexadecimal.
        declared: String,
        /// What the bytes give.
        actual: String,
    },
    /// An encoded body that cannot be decoded any further.
    #[error("the {encoding} body cannot be decoded: {reason}")]
    BadEncoding {
        /// Which encoding.
        encoding: &'static str,
        /// What is wrong.
        reason: String,
    },
}

/// The shape of raw pixels, as their framing says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PixelShape {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// What a pixel is; a guess where only the number of channels is told.
    pub order: layout::PixelOrder,
}

/// One thing that a decoder recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event<'a> {
    /// A picture begins with the next picture byte; `length` where the format declares it.
    PictureStart {
        /// Declared length in bytes; absent where the format has none.
        length: Option<u64>,
    },
    /// The length that the start of the picture declared was that of its first message: it goes on in the next. Covers no bytes.
    GoesOn,
    /// What kind of picture the format says the current one is, where imgnet does not know that kind by its bytes: a media type
    /// (RFC 6838), right after its start. Covers no bytes.
    Media(&'static str),
    /// The picture that started is raw pixels of this shape; covers no bytes.
    Pixels(PixelShape),
    /// Consecutive bytes of the current picture.
    PictureData(&'a [u8]),
    /// Bytes of the stream that carry the current picture in another form or in another order.
    ///
    /// Neighbours are joined by adding `wire` and joining `bytes`. Either may be nothing: a piece that waits for one
    /// before it covers stream bytes and gives none yet; when it is let go, it covers none.
    PictureEncoded {
        /// How many bytes of the stream are covered.
        wire: u64,
        /// The next bytes of the picture.
        bytes: &'a [u8],
    },
    /// So many bytes of the current picture are missing from the capture.
    PictureGap(u64),
    /// Numbered pieces of the current picture never came, here; no bytes of the stream belong to this.
    PictureLost {
        /// How many pieces; absent where they are numbered by offset.
        pieces: Option<u64>,
        /// How many bytes; absent where nothing tells.
        bytes: Option<u64>,
    },
    /// A piece with a number came; tells of its place among the others and covers no bytes itself.
    Numbered {
        /// From 0, or the byte offset where pieces are numbered so.
        index: u64,
        /// How many pieces the picture has; absent where the format does not say.
        total: Option<u64>,
        /// Its place among those before it.
        order: Order,
        /// The number of its handing over; absent where the format has none.
        transmission: Option<Transmission>,
    },
    /// The decoder itself walks the structure of the current picture, so that nobody else need do it again. Told right
    /// behind `PictureStart`, without the walk; and again, with it, once the walk ended or no more bytes of the picture
    /// come for it. Covers no bytes.
    Structure(Option<&'a Walker>),
    /// The current picture is over.
    PictureEnd(Ending),
    /// Bytes of the format itself. Emitted once, whole, however they were split.
    Framing {
        /// What they are.
        what: Framing,
        /// How many bytes they take.
        bytes: u64,
    },
    /// Bytes that belong neither to a picture nor to the format: outside any picture, or a datagram that is no piece among those that are.
    Stray(&'a [u8]),
    /// So many bytes outside any picture are missing from the capture.
    StrayGap(u64),
    /// The framing is wrong here; what follows is decoded as well as it can be.
    Fault(Fault),
}

/// Whether a datagram is of a format whose datagrams say so themselves: nothing has to be worked out.
pub(crate) fn is_known_datagram(payload: &[u8]) -> bool {
    let clues = detect::Clues {
        transport: TransportKind::Udp,
        from_port: 0,
        to_port: 0,
        role: None,
        head: payload,
        ended: false,
        sizes: &[],
    };
    Fixed::over(true).any(|format| matches!(format.probe(&clues), Probe::Certain(..)))
        || pickle::begins_picture(payload)
        || udp_wrapped::begins_picture(payload)
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
    /// Feeds a datagram whose last `missing` bytes were not captured.
    fn cut_datagram(&mut self, payload: &[u8], missing: u64, sink: &mut Sink<'_>) {
        self.datagram(payload, sink);
        self.gap(missing, sink);
    }
    /// So many bytes are missing here and will never come.
    fn gap(&mut self, length: u64, sink: &mut Sink<'_>);
    /// The other side began to answer: what is held back as a request with no end of its own is complete.
    /// Only `catalog` and `size-handshake` hold such; calling it elsewhere does nothing.
    fn flush(&mut self, sink: &mut Sink<'_>) {
        let _ = sink;
    }
    /// It is not known that the first bytes are those with which the stream begins: what could be a part of something
    /// larger is not taken for the whole. Called before the first bytes, if at all.
    fn doubt(&mut self) {}
    /// The format was found out and not given: later bytes may show that it is another. Called before the first bytes, if at all.
    fn learn(&mut self) {}
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
    /// How many of the first bytes are a number and not of the picture (`udp-index`); else 0.
    pub header: usize,
    /// How many of the last bytes are not of the picture: what fills up a piece of a layout, and what stands behind it.
    pub behind: usize,
    /// The answer that has to come before the next piece is handed over (`size-handshake`).
    pub awaits: Option<&'static str>,
}

impl Piece<'_> {
    /// The bytes of the picture in it: none unless it is a chunk.
    pub fn picture(&self) -> &[u8] {
        match self.kind {
            PieceKind::Chunk => {
                let end = self.bytes.len().saturating_sub(self.behind);
                self.bytes.get(self.header..end).unwrap_or_default()
            }
            _ => &[],
        }
    }
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
    /// Text behind the picture (`BYE BYE`).
    Trailer,
}
