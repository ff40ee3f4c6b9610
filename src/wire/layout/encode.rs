//! Writes a picture as a layout has it.

use super::check::Running;
use super::{Counts, Field, Kind, Layout, Payload, Pixels, Role};
use crate::wire::{Piece, PieceKind};

/// What is said of a picture besides its bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Pixels in a row.
    pub width: u64,
    /// Rows.
    pub height: u64,
    /// Bytes a pixel.
    pub channels: u64,
    /// File name.
    pub name: String,
    /// Its number among those of the connection, from 0.
    pub number: u64,
    /// Time, in milliseconds since some moment.
    pub time: u64,
    /// Running number of its first piece.
    pub first_piece: u64,
}

/// A picture cannot be put into a layout.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the field \"{field}\" cannot hold {value}; choose a wider one")]
pub struct TooSmall {
    /// The field.
    pub field: String,
    /// What it should say.
    pub value: String,
}

/// A section's bytes, and which fields are written when all else is known.
struct Written {
    bytes: Vec<u8>,
    /// Place of the picture's or the piece's bytes.
    hole: Option<usize>,
}

/// What a section says.
#[derive(Clone, Default)]
struct Says<'p> {
    facts: Facts,
    picture: &'p [u8],
    /// Bytes that the section's lengths are of.
    length: u64,
    count: u64,
    index: u64,
    offset: u64,
    last: bool,
}

impl Layout {
    /// One picture as the pieces that are handed over one by one: over TCP a header, chunks of `chunk` bytes and what is behind
    /// them, over datagrams one datagram each.
    ///
    /// # Errors
    /// [`TooSmall`] where a field cannot hold what it should say.
    pub fn pieces<'p>(
        &self,
        picture: &'p [u8],
        chunk: usize,
        facts: &Facts,
    ) -> Result<Vec<Piece<'p>>, TooSmall> {
        let chunk = chunk.max(1);
        let size = self
            .piece
            .iter()
            .find_map(|field| match field.kind {
                Kind::Data(fixed) => Some(fixed),
                _ => None,
            })
            .flatten()
            .map_or(chunk, |fixed| {
                usize::try_from(fixed).unwrap_or(chunk).max(1)
            });
        let mut facts = facts.clone();
        if let Some(Pixels { order, size }) = self.pixels() {
            facts.channels = order.bytes().map_or(facts.channels, u64::from);
            if let Some((width, height)) = size {
                facts.width = u64::from(width);
                facts.height = u64::from(height);
            }
        }
        let says = Says {
            picture,
            length: picture.len() as u64,
            count: picture.len().div_ceil(size) as u64,
            last: true,
            facts,
            ..Says::default()
        };
        let mut out = Vec::new();
        if says.facts.number == 0 && !self.once.is_empty() {
            out.push(piece(PieceKind::Header, says.section(&self.once)?.bytes, 0));
        }
        if self.datagrams {
            self.as_datagrams(&says, size, &mut out)?;
        } else {
            self.as_stream(&says, chunk, size, &mut out)?;
        }
        Ok(out)
    }

    /// What a receiver says to a picture that came whole: the section `answer`, with 1 (or true) in numbers that say nothing else.
    #[must_use]
    pub fn answer(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for field in &self.answer {
            match &field.kind {
                Kind::Fixed(bytes) => out.extend_from_slice(bytes),
                Kind::Int {
                    bytes, big_endian, ..
                } => {
                    let mut number = vec![0; usize::from(*bytes)];
                    let place = if *big_endian {
                        number.last_mut()
                    } else {
                        number.first_mut()
                    };
                    if let Some(place) = place {
                        *place = 1;
                    }
                    out.append(&mut number);
                }
                kind => {
                    let width = kind.width().and_then(|width| usize::try_from(width).ok());
                    out.resize(out.len().saturating_add(width.unwrap_or(0)), 0);
                }
            }
        }
        out
    }

    fn as_stream<'p>(
        &self,
        says: &Says<'p>,
        chunk: usize,
        size: usize,
        out: &mut Vec<Piece<'p>>,
    ) -> Result<(), TooSmall> {
        let written = says.section(&self.message)?;
        let hole = written.hole.unwrap_or(written.bytes.len());
        let (before, behind) = written.bytes.split_at_checked(hole).unwrap_or_default();
        if !before.is_empty() {
            out.push(piece(PieceKind::Header, before.to_vec(), 0));
        }
        if let Some(Payload::Pieces) = self.payload() {
            self.cut(says, size, PieceKind::Chunk, out)?;
            let told = self
                .message
                .iter()
                .any(|field| matches!(field.role, Role::Length(_) | Role::Total | Role::Count))
                || self.has(|role| matches!(role, Role::Last | Role::More | Role::Left));
            if !told {
                // A piece of no bytes ends it.
                let none = Says {
                    length: 0,
                    index: says.count,
                    offset: says.length,
                    ..says.clone()
                };
                let written = none.section(&self.piece)?;
                out.push(piece(PieceKind::Trailer, written.bytes, 0));
            }
        } else {
            for part in says.picture.chunks(chunk) {
                out.push(Piece {
                    bytes: part.into(),
                    kind: PieceKind::Chunk,
                    header: 0,
                    behind: 0,
                    awaits: None,
                });
            }
        }
        if let Some(Payload::Until(end)) = self.payload() {
            out.push(piece(PieceKind::Marker, end.to_vec(), 0));
        }
        if !behind.is_empty() {
            out.push(piece(PieceKind::Trailer, behind.to_vec(), 0));
        }
        if !self.end.is_empty() {
            let written = says.section(&self.end)?;
            out.push(piece(PieceKind::Trailer, written.bytes, 0));
        }
        Ok(())
    }

    fn as_datagrams<'p>(
        &self,
        says: &Says<'p>,
        size: usize,
        out: &mut Vec<Piece<'p>>,
    ) -> Result<(), TooSmall> {
        if !self.message.is_empty() {
            let written = says.section(&self.message)?;
            match written.hole {
                None => out.push(piece(PieceKind::Header, written.bytes, 0)),
                Some(hole) => {
                    let mut bytes = written.bytes;
                    let behind = bytes.split_off(hole.min(bytes.len()));
                    bytes.extend_from_slice(says.picture);
                    let behind_it = behind.len();
                    bytes.extend(behind);
                    out.push(Piece {
                        behind: behind_it,
                        ..piece(PieceKind::Chunk, bytes, hole)
                    });
                }
            }
        }
        if !self.piece.is_empty() {
            self.cut(says, size, PieceKind::Chunk, out)?;
            if !self.end.is_empty() {
                let written = says.section(&self.end)?;
                out.push(piece(PieceKind::EndDatagram, written.bytes, 0));
            }
        }
        Ok(())
    }

    /// The pieces of a picture, each with what is around it.
    fn cut<'p>(
        &self,
        says: &Says<'p>,
        size: usize,
        kind: PieceKind,
        out: &mut Vec<Piece<'p>>,
    ) -> Result<(), TooSmall> {
        let fixed = self
            .piece
            .iter()
            .any(|field| matches!(field.kind, Kind::Data(Some(_))));
        let mut offset = 0_u64;
        for (index, part) in (0_u64..).zip(says.picture.chunks(size)) {
            let one = Says {
                length: part.len() as u64,
                index,
                offset,
                last: index.saturating_add(1) == says.count,
                ..says.clone()
            };
            offset = offset.saturating_add(part.len() as u64);
            let mut bytes = Vec::new();
            let mut hole = 0;
            for field in &self.piece {
                if let Kind::Data(_) = field.kind {
                    hole = bytes.len();
                    bytes.extend_from_slice(part);
                    if fixed {
                        bytes.resize(hole.saturating_add(size), 0);
                    }
                } else {
                    one.field(field, 0, 0, true, &mut bytes)?;
                }
            }
            let behind = bytes.len().saturating_sub(hole).saturating_sub(part.len());
            out.push(Piece {
                behind,
                ..piece(kind, bytes, hole)
            });
        }
        Ok(())
    }
}

fn piece(kind: PieceKind, bytes: Vec<u8>, header: usize) -> Piece<'static> {
    Piece {
        bytes: bytes.into(),
        kind,
        header,
        behind: 0,
        awaits: None,
    }
}

impl Says<'_> {
    /// Writes a section. A length that counts what follows it, or the whole, is known only when all is written: such fields
    /// are written in a second round, when the length of the first is known.
    fn section(&self, fields: &[Field]) -> Result<Written, TooSmall> {
        let mut whole = 0_usize;
        // A varint may take more bytes in the second round, and then once more.
        for _ in 0..4 {
            let mut bytes = Vec::new();
            let mut hole = None;
            for field in fields {
                if let Kind::Picture(_) | Kind::Data(_) = field.kind {
                    hole = Some(bytes.len());
                    continue;
                }
                let at = bytes.len();
                self.field(field, at, whole, false, &mut bytes)?;
            }
            if bytes.len() == whole {
                return Ok(Written { bytes, hole });
            }
            whole = bytes.len();
        }
        Err(TooSmall {
            field: fields.first().map(ToString::to_string).unwrap_or_default(),
            value: "a length that its own width changes".to_owned(),
        })
    }

    /// Writes a field at `at` of a section whose fields take `whole` bytes.
    fn field(
        &self,
        field: &Field,
        at: usize,
        whole: usize,
        piece: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), TooSmall> {
        if let Kind::Pad(unit) = field.kind {
            let zeros = super::padding(self.length, unit);
            out.resize(out.len().saturating_add(zeros), 0);
            return Ok(());
        }
        let all = (whole as u64).saturating_add(self.length);
        let number = match field.role {
            Role::Length(Counts::Picture) => self.length,
            Role::Length(Counts::Bits) => self.length.saturating_mul(8),
            Role::Length(Counts::All) => all,
            Role::Length(Counts::Rest) => {
                let mut own = Vec::new();
                // Its own width does not depend much on what it says: a guess is set right in the next round.
                let guess = all.saturating_sub(at as u64);
                let _ = field.kind.write_number(i128::from(guess), &mut own);
                guess.saturating_sub(own.len() as u64)
            }
            Role::Count => self.count,
            Role::Index => self.index,
            Role::Left => self.count.saturating_sub(1).saturating_sub(self.index),
            Role::Number if piece => self.facts.first_piece.saturating_add(self.index),
            Role::Number | Role::Frame => self.facts.number,
            Role::Offset => self.offset,
            Role::Total => self.picture.len() as u64,
            Role::Last => u64::from(self.last),
            Role::More => u64::from(!self.last),
            Role::Width => self.facts.width,
            Role::Height => self.facts.height,
            Role::Channels => self.facts.channels,
            Role::Time => self.facts.time,
            Role::NameLength => self.facts.name.len() as u64,
            Role::Check(check) => {
                let mut sum = Running::new(check);
                sum.update(self.picture);
                return Self::check(field, &sum.finish(), out);
            }
            Role::None | Role::PixelType | Role::Name => 0,
        };
        let before = out.len();
        let number = i128::from(number).saturating_add(i128::from(field.plus));
        let written = match (&field.kind, field.role) {
            (Kind::Fixed(bytes), _) => {
                out.extend_from_slice(bytes);
                Some(())
            }
            (Kind::Bytes(count), _) => {
                let count = usize::try_from(*count).unwrap_or(0);
                out.extend(std::iter::repeat_n(0, count));
                Some(())
            }
            (Kind::Text(_), Role::Name) => field.kind.write_text(self.facts.name.as_bytes(), out),
            (Kind::Text(_), _) => field.kind.write_text(b"", out),
            // Only so much of a number as the field holds, where it says nothing that counts.
            (kind, Role::Number | Role::Time | Role::Frame) => {
                let most = kind.width().map_or(64, |width| (width * 8).min(64));
                let bits = if let Kind::Int { signed: true, .. } = kind {
                    most - 1
                } else {
                    most
                };
                let fits = if let Kind::Int { .. } = kind {
                    number & ((1_i128 << bits) - 1)
                } else {
                    number
                };
                kind.write_number(fits, out)
            }
            (kind, _) => kind.write_number(number, out),
        };
        written.ok_or_else(|| {
            out.truncate(before);
            TooSmall {
                field: field.to_string(),
                value: if matches!(field.kind, Kind::Text(_)) {
                    format!("{:?}", self.facts.name)
                } else {
                    number.to_string()
                },
            }
        })
    }

    /// Writes a checksum.
    fn check(field: &Field, value: &[u8], out: &mut Vec<u8>) -> Result<(), TooSmall> {
        let hex = crate::digest::hex(value);
        let width = |width: usize| {
            let mut bytes = vec![0; width.saturating_sub(value.len())];
            let skip = value.len().saturating_sub(width);
            bytes.extend(value.iter().skip(skip));
            bytes
        };
        let written = match &field.kind {
            Kind::Bytes(count) => {
                out.extend(width(usize::try_from(*count).unwrap_or(0)));
                Some(())
            }
            Kind::Text(_) => field.kind.write_text(hex.as_bytes(), out),
            Kind::Int {
                bytes, big_endian, ..
            } => {
                let mut bytes = width(usize::from(*bytes));
                if !big_endian {
                    bytes.reverse();
                }
                out.extend(bytes);
                Some(())
            }
            kind => {
                let number = width(8)
                    .iter()
                    .fold(0_i128, |number, byte| number << 8 | i128::from(*byte));
                kind.write_number(number, out)
            }
        };
        written.ok_or_else(|| TooSmall {
            field: field.to_string(),
            value: hex,
        })
    }
}
