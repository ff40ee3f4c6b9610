//! What a packet carries: which bytes of which picture, framing, an answer, nothing.

use std::iter::{Chain, Flatten};
use std::slice;

use super::index::{Index, Region};
use super::line::{Line, Short};
use super::seen::Seen;
use crate::decode::Transport;
use crate::ledger::Image;
use crate::report::text;
use crate::units::PictureId;

/// What bytes are, or what a packet without bytes is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Of a picture.
    Picture,
    /// Of the wire format: a marker, a length, a header, a request.
    Framing,
    /// What replies to a picture.
    Answer,
    /// None of these.
    Stray,
    /// Not in the capture.
    Gap,
    /// Bytes of which nothing is known.
    Unknown,
    /// No bytes: opens the connection (SYN).
    Open,
    /// No bytes: acknowledges.
    Acknowledgment,
    /// No bytes: closes its direction (FIN).
    Close,
    /// Resets the connection (RST).
    Reset,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Picture,
        Self::Framing,
        Self::Answer,
        Self::Stray,
        Self::Gap,
        Self::Unknown,
        Self::Open,
        Self::Acknowledgment,
        Self::Close,
        Self::Reset,
    ];

    /// Stable name, as `imgnet.role` has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Picture => "picture",
            Self::Framing => "framing",
            Self::Answer => "answer",
            Self::Stray => "stray",
            Self::Gap => "gap",
            Self::Unknown => "unknown",
            Self::Open => "open",
            Self::Acknowledgment => "acknowledgment",
            Self::Close => "close",
            Self::Reset => "reset",
        }
    }
}

/// Consecutive payload bytes of one kind.
#[derive(Debug, Clone, Copy)]
pub struct Piece<'a> {
    /// First payload byte of it.
    pub at: u64,
    /// How many.
    pub length: u64,
    /// Stream offset of the first.
    pub offset: u64,
    /// What they are.
    pub role: Role,
    /// The picture they belong to; absent where they belong to none.
    pub image: Option<&'a Image>,
    /// What they are in particular.
    pub what: Option<&'a str>,
}

impl Piece<'_> {
    /// Offsets in the picture, first and one past the last; absent where it is of none.
    pub fn of_picture(&self) -> Option<(u64, u64)> {
        let image = self.image.filter(|_| self.role == Role::Picture)?;
        let first = self.offset.saturating_sub(image.offset);
        Some((first, first.saturating_add(self.length)))
    }

    /// First and last chunk; absent where it is of no picture, or the picture's chunks are not known.
    pub fn chunks(&self) -> Option<(u64, u64)> {
        let (first, end) = self.of_picture()?;
        let size = self.image?.chunk_size.filter(|size| *size > 0)?;
        Some((first / size, end.saturating_sub(1) / size))
    }
}

/// Pieces in order: nearly always one or two, which take no memory of their own.
#[derive(Debug, Clone, Default)]
pub struct Pieces<'a> {
    few: [Option<Piece<'a>>; 2],
    /// All of them, where there are more.
    many: Vec<Piece<'a>>,
}

impl<'a> Pieces<'a> {
    fn push(&mut self, piece: Piece<'a>) {
        if self.many.is_empty() {
            if let Some(free) = self.few.iter_mut().find(|place| place.is_none()) {
                *free = Some(piece);
                return;
            }
            self.many
                .extend(self.few.iter_mut().filter_map(Option::take));
        }
        self.many.push(piece);
    }

    /// All of them, in order.
    pub fn iter(&self) -> Each<'_, 'a> {
        self.few.iter().flatten().chain(&self.many)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}

/// Each of the pieces.
pub(crate) type Each<'p, 'a> =
    Chain<Flatten<slice::Iter<'p, Option<Piece<'a>>>>, slice::Iter<'p, Piece<'a>>>;

impl<'p, 'a> IntoIterator for &'p Pieces<'a> {
    type Item = &'p Piece<'a>;
    type IntoIter = Each<'p, 'a>;

    fn into_iter(self) -> Each<'p, 'a> {
        self.iter()
    }
}

/// What a packet carries.
#[derive(Debug, Clone)]
pub struct Carried<'a> {
    /// Its payload, piece by piece, in order; empty where it has none.
    pub pieces: Pieces<'a>,
    /// The frame that carried the same bytes before; absent where none did.
    pub repeats: Option<u64>,
    /// What it is for, where it has no payload.
    pub bare: Option<Role>,
    /// Picture and the number of its bytes that are acknowledged, where it has no payload.
    pub acknowledges: Option<(PictureId, u64)>,
}

impl<'a> Carried<'a> {
    /// What a packet carries; nothing for a frame that is no packet of a stream.
    pub fn of(seen: &Seen<'a>) -> Self {
        let mut carried = Self {
            pieces: Pieces::default(),
            repeats: None,
            bare: None,
            acknowledges: None,
        };
        let (Some(packet), Some(place)) = (seen.packet(), seen.place.as_ref()) else {
            return carried;
        };
        carried.repeats = place.repeats;
        let length = u64::from(packet.payload_len).max(packet.payload.len() as u64);
        if let Transport::Tcp(tcp) = packet.transport
            && (length == 0 || tcp.rst)
        {
            carried.bare = Some(if tcp.rst {
                Role::Reset
            } else if tcp.syn {
                Role::Open
            } else if tcp.fin {
                Role::Close
            } else {
                Role::Acknowledgment
            });
            if let (Some(acked), Some(other)) = (place.acknowledges, place.direction) {
                carried.acknowledges = acknowledged(seen.index, place, 1 - other.min(1), acked);
            }
            return carried;
        }
        let (Some(offset), Some(direction)) = (place.offset, place.direction) else {
            if length > 0 {
                carried.pieces.push(Piece {
                    at: 0,
                    length,
                    offset: 0,
                    role: Role::Unknown,
                    image: None,
                    what: None,
                });
            }
            return carried;
        };
        let regions = seen.index.regions(place.stream, direction);
        cut(regions, seen.index, offset, length, &mut carried.pieces);
        carried
    }

    /// The role that stands for the whole packet: that of a picture where it carries one, else that of its first piece.
    pub fn role(&self) -> Option<Role> {
        self.bare.or_else(|| {
            self.pieces
                .iter()
                .map(|piece| piece.role)
                .min_by_key(|role| (*role != Role::Picture, *role))
        })
    }

    /// Whether some of it belongs to this picture.
    pub fn is_of(&self, picture: PictureId) -> bool {
        self.pieces
            .iter()
            .any(|piece| piece.image.is_some_and(|image| image.id == picture))
    }

    /// In words, as the packet list has it.
    pub(crate) fn write(&self, out: &mut Line, unicode: bool) {
        let (dot, dash) = if unicode {
            const { (Short::new(" · "), Short::new("–")) }
        } else {
            const { (Short::new(", "), Short::new("-")) }
        };
        let mut first = true;
        for piece in &self.pieces {
            if !std::mem::take(&mut first) {
                out.push_str("; ");
            }
            piece.write(out, dot, dash, unicode);
        }
        if let Some(frame) = self.repeats {
            out.push_str(if first {
                "repeat of frame "
            } else {
                "; repeat of frame "
            });
            out.count(frame);
        }
        match self.bare {
            Some(Role::Open) => out.push_str("opens the connection"),
            Some(Role::Close) => out.push_str("closes this direction"),
            Some(Role::Reset) => out.push_str("resets the connection"),
            Some(Role::Acknowledgment) if self.acknowledges.is_none() => out.push_str("ACK"),
            _ => {}
        }
        if let Some((picture, bytes)) = self.acknowledges {
            out.push_str(match self.bare {
                Some(Role::Acknowledgment) => "ACK to byte ",
                _ => ", ACK to byte ",
            });
            out.count(bytes);
            out.push_str(" of picture ");
            out.count(u64::from(picture.0));
        }
    }
}

impl Piece<'_> {
    fn write(&self, out: &mut Line, dot: Short, dash: Short, unicode: bool) {
        let Some((first, end)) = self.of_picture() else {
            let what = self.what.unwrap_or(self.role.name());
            // It may come from the network: no control character of it gets through.
            out.push_str(&text::plain(what, unicode));
            if matches!(self.role, Role::Stray | Role::Unknown | Role::Answer)
                || self.what.is_none()
            {
                out.short(dot);
                out.count(self.length);
                out.push_str(if self.length == 1 { " byte" } else { " bytes" });
            }
            return;
        };
        let line = out;
        line.push_str("picture ");
        if let Some(image) = self.image {
            line.count(u64::from(image.id.0));
        }
        let range = |line: &mut Line, what: Short, first: u64, last: u64| {
            line.short(what);
            line.count(first);
            if last != first {
                line.short(dash);
                line.count(last);
            }
        };
        if let Some((first, last)) = self.chunks() {
            line.short(dot);
            range(line, const { Short::new("chunk ") }, first, last);
        }
        line.short(dot);
        let coded = self
            .image
            .is_some_and(|image| image.encoded_bytes.is_some());
        if coded {
            line.push_str("coded ");
        }
        let last = end.saturating_sub(1);
        range(line, const { Short::new("bytes ") }, first, last);
    }
}

/// Cuts `length` stream bytes from `offset` on into pieces.
pub(super) fn cut<'a>(
    regions: &'a [Region],
    index: &'a Index,
    offset: u64,
    length: u64,
    pieces: &mut Pieces<'a>,
) {
    let end = offset.saturating_add(length);
    let mut at = offset;
    let mut next = regions.partition_point(|region| region.end <= offset);
    while at < end {
        let region = regions.get(next).filter(|region| region.offset < end);
        let (stop, role, picture, what) = match region {
            Some(region) if region.offset <= at => {
                next += 1;
                (
                    region.end.min(end),
                    region.role,
                    region.picture,
                    region.what.as_deref(),
                )
            }
            Some(region) => (region.offset, Role::Unknown, None, None),
            None => (end, Role::Unknown, None, None),
        };
        if stop <= at {
            continue;
        }
        pieces.push(Piece {
            at: at - offset,
            length: stop - at,
            offset: at,
            role,
            image: picture.and_then(|picture| index.image(picture)),
            what,
        });
        at = stop;
    }
}

/// The picture whose bytes an acknowledgment reaches into, and how many of them it covers.
fn acknowledged(
    index: &Index,
    place: &super::Place,
    direction: usize,
    acked: u64,
) -> Option<(PictureId, u64)> {
    let regions = index.regions(place.stream, direction);
    let before = regions.partition_point(|region| region.offset < acked);
    let region = regions
        .get(..before)?
        .iter()
        .rev()
        // What the capture lacks of a picture was acknowledged as well.
        .find(|region| {
            region.role == Role::Picture || region.role == Role::Gap && region.picture.is_some()
        })?;
    let image = index.image(region.picture?)?;
    Some((image.id, acked.min(region.end).saturating_sub(image.offset)))
}
