//! The sending half: one picture as the pieces that a program hands to its socket.

use std::borrow::Cow;

use super::handshake::{BYE, GOT_IMAGE, GOT_SIZE, OK};
use super::layout::encode::{Facts, TooSmall};
use super::udp_index::IndexHeader;
use super::{LengthField, Piece, PieceKind, Protocol};
use crate::picture::{SNIFF_BYTES, Sniff, Walker, sniff};
use crate::units::count;

/// A picture cannot be put into a wire format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CannotEncode {
    /// The length does not fit the length field.
    #[error(
        "a picture of {} bytes does not fit length={field}, which holds at most {}; choose a wider field",
        count(*length), count(*most)
    )]
    TooLong {
        /// Bytes of the picture.
        length: u64,
        /// The field.
        field: LengthField,
        /// The largest length that it holds.
        most: u64,
    },
    /// The numbers in front of the pieces cannot count so many.
    #[error(
        "{} pieces, {} bytes, are more than the numbers of udp-index={header} can count; choose wider numbers or larger pieces",
        count(*pieces), count(*length)
    )]
    TooManyPieces {
        /// How many pieces.
        pieces: u64,
        /// Bytes of the picture.
        length: u64,
        /// The header.
        header: IndexHeader,
    },
    /// `name-size-marker` puts the picture right behind the digits of its size.
    #[error(
        "it begins with a digit, which name-size-marker cannot tell from the size before it; no JPEG, PNG, GIF, WebP or BMP does"
    )]
    BeginsWithDigit,
    /// A field of a layout cannot hold what it should say.
    #[error(transparent)]
    FieldTooSmall(#[from] TooSmall),
    /// imgnet reads this format and does not send it.
    #[error("imgnet reads {protocol} and does not send it")]
    ReceiveOnly {
        /// The format.
        protocol: String,
    },
}

/// What goes before and behind the chunks of one picture. Made by [`around`].
#[derive(Debug, Clone, Default)]
pub struct Around {
    /// A header or a length field.
    pub before: Option<Piece<'static>>,
    /// The answer that the last chunk waits for.
    pub awaits: Option<&'static str>,
    /// The end marker, the empty datagram, the farewell.
    pub after: Option<Piece<'static>>,
}

/// The pieces of one picture, in order. Made by [`pieces`].
#[derive(Debug, Clone)]
pub struct Pieces<'a> {
    before: Option<Piece<'a>>,
    chunks: std::slice::Chunks<'a, u8>,
    numbers: Option<Numbers>,
    /// The answer that the last chunk waits for.
    awaits: Option<&'static str>,
    after: Option<Piece<'a>>,
    /// Those of a layout, all of them; the rest is empty then.
    ready: std::vec::IntoIter<Piece<'a>>,
}

/// The numbers in front of the pieces.
#[derive(Debug, Clone, Copy)]
struct Numbers {
    header: IndexHeader,
    index: u64,
    total: u64,
    offset: u64,
}

impl<'a> Piece<'a> {
    pub(super) fn new(kind: PieceKind, bytes: impl Into<Cow<'a, [u8]>>) -> Self {
        Self {
            bytes: bytes.into(),
            kind,
            header: 0,
            behind: 0,
            awaits: None,
        }
    }
}

/// What `protocol` puts around a picture of `length` bytes that begins with `head` (its first [`SNIFF_BYTES`], or all of it),
/// for who does not have all of it in memory. Absent where the format asks for all of it (`framed` promises a digest) or
/// numbers its pieces (those of datagrams): then [`pieces`] makes them.
///
/// # Errors
/// As [`pieces`].
pub fn around(
    protocol: &Protocol,
    head: &[u8],
    length: u64,
) -> Result<Option<Around>, CannotEncode> {
    let header = |bytes: Vec<u8>| Some(Piece::new(PieceKind::Header, bytes));
    let mut around = Around::default();
    match protocol {
        Protocol::Length(field) => around.before = header(field.encode(length)?),
        Protocol::SizeHandshake { bare } => {
            let (text, size, picture) = if *bare {
                (length.to_string(), OK, OK)
            } else {
                (format!("SIZE {length}"), GOT_SIZE, GOT_IMAGE)
            };
            around.before = header(text.into_bytes()).map(|piece| Piece {
                awaits: Some(size),
                ..piece
            });
            around.awaits = Some(picture);
            if !bare {
                around.after = Some(Piece::new(PieceKind::Trailer, BYE.as_bytes()));
            }
        }
        Protocol::Marker(marker) => {
            around.after = Some(Piece::new(PieceKind::Marker, marker.to_vec()));
        }
        Protocol::Fixed(format) => return format.around(head, length),
        Protocol::Encoded(..) => {
            return Err(CannotEncode::ReceiveOnly {
                protocol: protocol.to_string(),
            });
        }
        Protocol::Layout(_) => return Ok(None),
        datagrams if datagrams.is_datagrams() => return Ok(None),
        _ => {}
    }
    Ok(Some(around))
}

/// One picture as the pieces of `protocol`: a header where there is one, chunks of `chunk` bytes (the
/// last may be shorter; 0 is taken as 1), then the end marker or the empty datagram.
///
/// `picture` is a whole picture file, for `raw-pixels` its rows. `carve`, which asks for no framing, `half-close` and the
/// answers of `catalog` are sent as `eof`. A marker that occurs inside the picture is not escaped: the
/// observed programs have no way to. `udp-jpeg` is one piece whatever `chunk` says, `udp-index` without a header has
/// the default one, and its numbers are part of each chunk ([`Piece::picture`] is what is behind them). `framed` is what goes
/// over TCP; over UDP it takes [`super::framed::Sender`]. In `size-handshake` a piece may have to be answered before the next.
///
/// # Errors
/// [`CannotEncode::TooLong`] and [`CannotEncode::TooManyPieces`] where a field cannot hold the number,
/// [`CannotEncode::ReceiveOnly`] for application protocols and wrapped pictures.
pub fn pieces<'a>(
    protocol: &Protocol,
    picture: &'a [u8],
    chunk: usize,
) -> Result<Pieces<'a>, CannotEncode> {
    numbered_pieces(protocol, picture, chunk, 0, "")
}

/// As [`pieces`], of a picture that is the `number`-th of its connection, from 0, and has this file name: layouts may say both.
///
/// # Errors
/// As [`pieces`].
pub fn numbered_pieces<'a>(
    protocol: &Protocol,
    picture: &'a [u8],
    chunk: usize,
    number: u64,
    name: &str,
) -> Result<Pieces<'a>, CannotEncode> {
    if let Protocol::Layout(layout) = protocol {
        let facts = Facts {
            number,
            name: name.to_owned(),
            ..facts(picture)
        };
        return Ok(Pieces {
            before: None,
            chunks: [].chunks(1),
            numbers: None,
            awaits: None,
            after: None,
            ready: layout.pieces(picture, chunk, &facts)?.into_iter(),
        });
    }
    let length = picture.len() as u64;
    let header = |bytes: Vec<u8>| Some(Piece::new(PieceKind::Header, bytes));
    let mut chunk = chunk.max(1);
    let mut numbers = None;
    let head = picture.get(..SNIFF_BYTES).unwrap_or(picture);
    let around = around(protocol, head, length)?.unwrap_or_default();
    let mut before = around.before;
    match protocol {
        Protocol::Fixed(format) => {
            let whole = format.whole(picture, chunk);
            before = before.or_else(|| header(whole.before?));
            if whole.undivided {
                chunk = picture.len().max(1);
            }
        }
        Protocol::UdpIndex(header) => {
            let header = header.unwrap_or_default();
            let total = picture.len().div_ceil(chunk) as u64;
            let too_many = CannotEncode::TooManyPieces {
                pieces: total,
                length,
                header,
            };
            let last = (total.saturating_sub(1)).saturating_mul(chunk as u64);
            // The first number is the largest of a countdown, the last one of all others.
            let edges = [(0, 0), (total.saturating_sub(1), last)];
            let fits = edges
                .iter()
                .all(|&(index, offset)| header.encode(index, total, offset).is_some());
            if total > 0 && !fits {
                return Err(too_many);
            }
            numbers = Some(Numbers {
                header,
                index: 0,
                total,
                offset: 0,
            });
        }
        _ => {}
    }
    let after = match protocol {
        Protocol::Udp => Some(Piece::new(PieceKind::EndDatagram, &[][..])),
        _ => around.after,
    };
    Ok(Pieces {
        before,
        chunks: picture.chunks(chunk),
        numbers,
        awaits: around.awaits,
        after,
        ready: Vec::new().into_iter(),
    })
}

/// What a picture's own structure says of it.
fn facts(picture: &[u8]) -> Facts {
    let Sniff::Is(format) = sniff(picture.get(..SNIFF_BYTES).unwrap_or(picture)) else {
        return Facts::default();
    };
    let mut walker = Walker::new(format);
    walker.update(picture);
    let info = walker.info();
    Facts {
        width: info.width.map_or(0, u64::from),
        height: info.height.map_or(0, u64::from),
        channels: 3,
        ..Facts::default()
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        if let Some(piece) = self.ready.next() {
            return Some(piece);
        }
        if let Some(before) = self.before.take() {
            return Some(before);
        }
        let Some(chunk) = self.chunks.next() else {
            return self.after.take();
        };
        let mut piece = Piece::new(PieceKind::Chunk, chunk);
        if self.chunks.len() == 0 {
            piece.awaits = self.awaits.take();
        }
        if let Some(numbers) = &mut self.numbers {
            // That all of them fit was found out before the first.
            let mut bytes = numbers
                .header
                .encode(numbers.index, numbers.total, numbers.offset)?;
            piece.header = bytes.len();
            bytes.extend_from_slice(chunk);
            piece.bytes = bytes.into();
            numbers.index = numbers.index.saturating_add(1);
            numbers.offset = numbers.offset.saturating_add(chunk.len() as u64);
        }
        Some(piece)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(protocol: &str, picture: &[u8], chunk: usize) -> Vec<(PieceKind, usize)> {
        pieces(&protocol.parse().unwrap(), picture, chunk)
            .unwrap()
            .map(|piece| (piece.kind, piece.bytes.len()))
            .collect()
    }

    #[test]
    fn each_format_hands_over_what_it_should() {
        use PieceKind::{Chunk, EndDatagram, Header, Marker};
        assert_eq!(
            kinds("marker", &[1; 5], 2),
            [(Chunk, 2), (Chunk, 2), (Chunk, 1), (Marker, 17)]
        );
        assert_eq!(kinds("eof", &[1; 2], 1024), [(Chunk, 2)]);
        assert_eq!(kinds("udp", &[1; 2], 2), [(Chunk, 2), (EndDatagram, 0)]);
        assert_eq!(
            kinds("length=u32be", &[1; 3], 0),
            [(Header, 4), (Chunk, 1), (Chunk, 1), (Chunk, 1)]
        );
    }

    #[test]
    fn picture_too_long_for_its_field_is_refused() {
        let picture = vec![0; 65_536];
        let error = pieces(&"length=u16le".parse().unwrap(), &picture, 1024).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a picture of 65,536 bytes does not fit length=u16le, which holds at most 65,535; choose a wider field"
        );
    }
}
