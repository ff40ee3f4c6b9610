//! The first bytes of a direction whose framing is none of the known ones: they wait until it is worked out.
//!
//! Where each piece came from is kept with it, so that what is said of it later names the frames that carried it.

use crate::ledger::Confidence;
use crate::picture::{Status, Walker};
use crate::units::{FrameNumber, Timestamp};
use crate::wire::infer::{self, Inferred, Outcome};
use crate::wire::layout::{Counts, Field, Kind, Layout, Payload, PixelOrder, Role, Shape};
use crate::wire::{IndexHeader, LengthField, Number, Numbering, Protocol};

/// One delivery: a segment's bytes, or a datagram.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cut {
    /// Where it ends in what is held.
    pub(super) end: usize,
    /// The frame that carried it.
    pub(super) carrier: FrameNumber,
    /// The frame at hand when it was delivered.
    pub(super) frame: FrameNumber,
    pub(super) time: Option<Timestamp>,
}

/// Bytes that wait.
#[derive(Debug, Clone)]
pub(super) struct Held {
    datagrams: bool,
    pub(super) bytes: Vec<u8>,
    pub(super) cuts: Vec<Cut>,
    /// So many bytes are worth another look.
    next: usize,
    /// The first picture, and how much of what is held it was shown.
    walker: Option<(Walker, usize)>,
    /// What it is where nothing is worked out.
    pub(super) otherwise: Option<(Protocol, Confidence)>,
}

/// What came of looking.
#[derive(Debug, Clone)]
pub(super) enum Tried {
    Found(Box<Inferred>),
    NotYet,
    Nothing,
}

impl Held {
    pub(super) fn new(datagrams: bool, otherwise: Option<(Protocol, Confidence)>) -> Self {
        Self {
            datagrams,
            bytes: Vec::new(),
            cuts: Vec::new(),
            next: 1,
            walker: None,
            otherwise,
        }
    }

    pub(super) fn add(
        &mut self,
        bytes: &[u8],
        carrier: FrameNumber,
        (frame, time): (FrameNumber, Option<Timestamp>),
    ) {
        self.bytes.extend_from_slice(bytes);
        self.cuts.push(Cut {
            end: self.bytes.len(),
            carrier,
            frame,
            time,
        });
        if !self.datagrams {
            self.walk();
        }
    }

    /// Shows the first picture what came of it since; its end is worth a look.
    fn walk(&mut self) {
        if let Some((walker, shown)) = &mut self.walker {
            walker.update(self.bytes.get(*shown..).unwrap_or_default());
            *shown = self.bytes.len();
            if walker.status() != Status::Walking {
                self.next = 0;
            }
        }
    }

    /// Whether so much more came that another look is worth it.
    pub(super) fn is_due(&self) -> bool {
        if self.datagrams {
            self.cuts.len() <= 8
                || self.cuts.len().is_multiple_of(8)
                || self.cuts.len() >= infer::datagrams::MOST
        } else {
            self.bytes.len() >= self.next
        }
    }

    /// The datagrams, one by one.
    pub(super) fn parts(&self) -> impl Iterator<Item = &[u8]> {
        let mut from = 0;
        self.cuts.iter().map(move |cut| {
            let part = self.bytes.get(from..cut.end).unwrap_or_default();
            from = cut.end;
            part
        })
    }

    /// Looks at what came; `ended` where no more comes.
    pub(super) fn look(&mut self, ended: bool) -> Tried {
        let outcome = if self.datagrams {
            let datagrams: Vec<&[u8]> = self.parts().collect();
            infer::datagrams::infer(&datagrams, ended)
        } else {
            infer::stream::infer(&self.bytes, ended)
        };
        match outcome {
            Outcome::Found(found) => Tried::Found(found),
            Outcome::Nothing => Tried::Nothing,
            Outcome::NeedMore => {
                self.next = self.bytes.len().saturating_mul(2);
                if self.walker.is_none()
                    && !self.datagrams
                    && let Some((walker, shown)) = infer::stream::walker(&self.bytes)
                {
                    self.walker = Some((walker, shown));
                    self.walk();
                }
                Tried::NotYet
            }
        }
    }

    /// Whether a length was taken for one that has nothing to do with the picture behind it: that is whole long before, or goes on
    /// for long. A length that somebody computed wrongly is near.
    pub(super) fn contradicts(&self, protocol: &Protocol) -> bool {
        /// As far as a wrong length may be off.
        const NEAR: u64 = 4096;
        let Protocol::Length(field) = protocol else {
            return false;
        };
        let Some((mut walker, start)) = infer::stream::walker(&self.bytes) else {
            return false;
        };
        let (Some(declared), width) = (field.decode(&self.bytes), field.width()) else {
            return false;
        };
        walker.update(self.bytes.get(start..).unwrap_or_default());
        match walker.status() {
            Status::Whole { length } => start == width && declared.abs_diff(length) > NEAR,
            _ => false,
        }
    }

    /// Whether a length says what the first picture has by its structure.
    fn is_length(&self, protocol: &Protocol) -> bool {
        let Protocol::Length(field) = protocol else {
            return false;
        };
        let Some((mut walker, start)) = infer::stream::walker(&self.bytes) else {
            return false;
        };
        walker.update(self.bytes.get(start..).unwrap_or_default());
        match walker.status() {
            Status::Whole { length } => field.decode(&self.bytes) == Some(length),
            _ => false,
        }
    }

    /// The wire format that was found: a known one where it has a name, or where it explains as much.
    pub(super) fn name(&self, found: &Inferred) -> (Protocol, Confidence) {
        if let Some((protocol @ Protocol::Length(_), confidence)) = &self.otherwise
            && found.messages < 2
            && says_length_only(&found.layout)
            && self.is_length(protocol)
        {
            return (protocol.clone(), *confidence);
        }
        if let Some((protocol @ Protocol::SizeHandshake { .. }, confidence)) = &self.otherwise
            && is_bare(&found.layout)
        {
            return (protocol.clone(), *confidence);
        }
        match known(&found.layout) {
            Some(protocol @ Protocol::RawPixels { .. }) => (protocol, found.confidence),
            Some(protocol) => (protocol, Confidence::Content),
            None => (
                Protocol::Layout(Box::new(found.layout.clone())),
                found.confidence,
            ),
        }
    }
}

/// Whether a layout is digits and a picture right behind them.
fn is_bare(layout: &Layout) -> bool {
    match &layout.message[..] {
        [digits, picture] => {
            layout.once.is_empty()
                && digits.kind == Kind::Decimal(Shape::Bare)
                && picture.kind == Kind::Picture(Payload::File)
        }
        _ => false,
    }
}

/// Whether a layout has a plain length, and else nothing that is known.
fn says_length_only(layout: &Layout) -> bool {
    let plain = |field: &Field| {
        field.plus == 0
            && match field.kind {
                Kind::Int { .. } => {
                    matches!(field.role, Role::None | Role::Length(Counts::Picture))
                }
                Kind::Picture(Payload::File) => true,
                _ => false,
            }
    };
    layout.once.is_empty() && layout.piece.is_empty() && layout.message.iter().all(plain)
}

/// The known wire format that a layout is, if it is one.
fn known(layout: &Layout) -> Option<Protocol> {
    let int = |field: &Field| match field.kind {
        Kind::Int {
            bytes,
            big_endian,
            signed: false,
        } => Some((bytes, big_endian)),
        _ => None,
    };
    if !layout.datagrams {
        return match &layout.message[..] {
            // Rows to the end of the stream.
            [
                Field {
                    kind: Kind::Picture(Payload::Pixels(pixels)),
                    ..
                },
            ] if pixels.order == PixelOrder::Bgr && layout.once.is_empty() => match pixels.size {
                Some((width, 0)) => Some(Protocol::RawPixels { width: Some(width) }),
                _ => None,
            },
            [length, picture]
                if length.role == Role::Length(Counts::Picture)
                    && length.plus == 0
                    && picture.kind == Kind::Picture(Payload::File)
                    && layout.once.is_empty() =>
            {
                let (bytes @ (2 | 4 | 8), big_endian) = int(length)? else {
                    return None;
                };
                Some(Protocol::Length(LengthField::Binary { bytes, big_endian }))
            }
            _ => None,
        };
    }
    if !layout.message.is_empty() {
        return None;
    }
    let header = |numbering, field| {
        let (bytes @ (1 | 2 | 4), big_endian) = int(field)? else {
            return None;
        };
        Some(Protocol::UdpIndex(Some(IndexHeader {
            numbering,
            number: Number::Binary { bytes, big_endian },
        })))
    };
    match &layout.piece[..] {
        [index, count, _] if count.role == Role::Count && count.plus == 0 => {
            let numbering = match (index.role, index.plus) {
                (Role::Index, 0) => Numbering::Index,
                (Role::Index, 1) => Numbering::IndexFrom1,
                _ => return None,
            };
            (int(index) == int(count)).then(|| header(numbering, index))?
        }
        [one, _] => {
            let numbering = match (one.role, one.plus) {
                (Role::Left, 0) => Numbering::CountdownTo0,
                (Role::Left, 1) => Numbering::Countdown,
                (Role::Offset, 0) => Numbering::Offset,
                _ => return None,
            };
            header(numbering, one)
        }
        _ => None,
    }
}
