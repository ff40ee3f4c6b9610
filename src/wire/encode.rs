//! The sending half: one picture as the pieces that a program hands to its socket.

use std::borrow::Cow;

use super::{LengthField, Piece, PieceKind, Protocol};

/// A picture cannot be put into a wire format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CannotEncode {
    /// The length does not fit the length field.
    #[error(
        "a picture of {length} bytes does not fit length={field}, which holds at most {most}; choose a wider field"
    )]
    TooLong {
        /// Bytes of the picture.
        length: u64,
        /// The field.
        field: LengthField,
        /// The largest length that it holds.
        most: u64,
    },
}

/// The pieces of one picture, in order. Made by [`pieces`].
#[derive(Debug, Clone)]
pub struct Pieces<'a> {
    before: Option<Piece<'a>>,
    chunks: std::slice::Chunks<'a, u8>,
    after: Option<Piece<'a>>,
}

/// One picture as the pieces of `protocol`: a length field where there is one, chunks of `chunk` bytes (the
/// last may be shorter; 0 is taken as 1), then the end marker or the empty datagram.
///
/// `picture` is a whole picture file, for `raw-pixels` its rows. `carve`, which asks for no framing, and the
/// answers of `catalog` are sent as `eof`. A marker that occurs inside the picture is not escaped: the
/// observed programs have no way to.
///
/// # Errors
/// [`CannotEncode::TooLong`] when a length field cannot hold the picture's length.
pub fn pieces<'a>(
    protocol: &Protocol,
    picture: &'a [u8],
    chunk: usize,
) -> Result<Pieces<'a>, CannotEncode> {
    let before = match protocol {
        Protocol::Length(field) => Some(Piece {
            bytes: Cow::Owned(field.encode(picture.len() as u64)?),
            kind: PieceKind::Header,
        }),
        _ => None,
    };
    let after = match protocol {
        Protocol::Marker(marker) => Some(Piece {
            bytes: Cow::Owned(marker.to_vec()),
            kind: PieceKind::Marker,
        }),
        Protocol::Udp => Some(Piece {
            bytes: Cow::Borrowed(&[]),
            kind: PieceKind::EndDatagram,
        }),
        _ => None,
    };
    Ok(Pieces {
        before,
        chunks: picture.chunks(chunk.max(1)),
        after,
    })
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        self.before
            .take()
            .or_else(|| {
                self.chunks.next().map(|chunk| Piece {
                    bytes: Cow::Borrowed(chunk),
                    kind: PieceKind::Chunk,
                })
            })
            .or_else(|| self.after.take())
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
            "a picture of 65536 bytes does not fit length=u16le, which holds at most 65535; choose a wider field"
        );
    }
}
