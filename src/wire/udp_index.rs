//! `udp-index`: datagrams with a number in front of a piece.
//!
//! Five ways of numbering are known ([`Numbering`]), as binary numbers or as text. All of them agree on a picture's first
//! datagram but for what it says of the total, so where nobody told which it is, the decoder begins with every way
//! that the first datagram allows and drops those that a later one contradicts; what is left first is the guess
//! ([`UdpIndexDecoder::protocol`]). A picture then starts only with a datagram that holds the beginning of one.
//!
//! Pieces are put in order as [`super::sequence`] does. A picture ends with its last piece where the numbers tell it, else
//! with its own structure, an empty datagram or silence; and when a number comes again with other bytes, for that is a piece
//! of the next picture. There is no picture number, so a piece of the last picture that comes after the first of the next
//! cannot be told apart, unless it repeats one.

use super::sequence::{Order, Place, Sequence, missing_bytes};
use super::{Decode, Ending, Event, Framing, LengthField, Protocol, Sink, StreamEnd};
use crate::picture::{SNIFF_BYTES, Sniff, Status, Walker, sniff};

/// More pieces than this in one picture are implausible.
pub(crate) const MOST_PIECES: u64 = 1 << 20;

/// What is in front of each piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct IndexHeader {
    /// What the numbers say.
    pub numbering: Numbering,
    /// How they are written.
    pub number: Number,
}

/// What the numbers in front of a piece say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Numbering {
    /// Two numbers: the index from 0, and how many pieces there are.
    Index,
    /// Two numbers: the index from 1, and how many pieces there are.
    IndexFrom1,
    /// One number: how many pieces come from here on; the last one has 1.
    Countdown,
    /// One number: how many pieces come after this one; the last one has 0.
    CountdownTo0,
    /// One number: the offset of the piece's first byte in the picture.
    Offset,
}

/// How a number is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Number {
    /// Binary, 1, 2 or 4 bytes.
    Binary {
        /// Width in bytes.
        bytes: u8,
        /// Most significant byte first; true for one byte.
        big_endian: bool,
    },
    /// Five decimal digits, zeros in front (Python `%05d`).
    Ascii5,
}

const fn binary(bytes: u8, big_endian: bool) -> Number {
    Number::Binary { bytes, big_endian }
}

/// All ways of writing, in the order in which they are tried.
const NUMBERS: [Number; 6] = [
    binary(2, true),
    binary(2, false),
    binary(4, true),
    binary(4, false),
    binary(1, true),
    Number::Ascii5,
];

const NUMBERINGS: [Numbering; 5] = [
    Numbering::Index,
    Numbering::IndexFrom1,
    Numbering::Countdown,
    Numbering::CountdownTo0,
    Numbering::Offset,
];

/// Index and total in two bytes each, the network's byte order: what imgnet sends where nobody chose.
impl Default for IndexHeader {
    fn default() -> Self {
        Self {
            numbering: Numbering::Index,
            number: binary(2, true),
        }
    }
}

impl Number {
    fn width(self) -> usize {
        match self {
            Self::Binary { bytes, .. } => usize::from(bytes),
            Self::Ascii5 => 5,
        }
    }

    /// The largest number that can be written.
    fn most(self) -> u64 {
        match self {
            Self::Binary { bytes, .. } => LengthField::Binary {
                bytes,
                big_endian: true,
            }
            .most(),
            Self::Ascii5 => 99_999,
        }
    }

    fn decode(self, bytes: &[u8]) -> Option<u64> {
        let bytes = bytes.get(..self.width())?;
        match self {
            Self::Binary {
                bytes: width,
                big_endian,
            } => LengthField::Binary {
                bytes: width,
                big_endian,
            }
            .decode(bytes),
            Self::Ascii5 => bytes.iter().try_fold(0_u64, |value, byte| {
                let digit = byte.checked_sub(b'0').filter(|digit| *digit <= 9)?;
                Some(value.saturating_mul(10).saturating_add(u64::from(digit)))
            }),
        }
    }

    fn encode(self, value: u64, out: &mut Vec<u8>) {
        match self {
            Self::Binary { bytes, big_endian } => {
                let field = LengthField::Binary { bytes, big_endian };
                out.extend(field.encode(value).unwrap_or_default());
            }
            Self::Ascii5 => out.extend(format!("{value:05}").into_bytes()),
        }
    }
}

/// What a header says of a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    /// Piece `index` of `total`.
    Index { index: u64, total: u64 },
    /// So many pieces come after it.
    After(u64),
    /// Its first byte's place.
    Offset(u64),
}

impl IndexHeader {
    /// Bytes of the header.
    pub fn width(self) -> usize {
        match self.numbering {
            Numbering::Index | Numbering::IndexFrom1 => self.number.width().saturating_mul(2),
            _ => self.number.width(),
        }
    }

    /// The header of piece `index` of `total`, whose first byte is at `offset`; nothing where the numbers are too
    /// large for it.
    pub fn encode(self, index: u64, total: u64, offset: u64) -> Option<Vec<u8>> {
        let after = total.checked_sub(index)?.checked_sub(1)?;
        let (first, second) = match self.numbering {
            Numbering::Index => (index, Some(total)),
            Numbering::IndexFrom1 => (index.saturating_add(1), Some(total)),
            Numbering::Countdown => (after.saturating_add(1), None),
            Numbering::CountdownTo0 => (after, None),
            Numbering::Offset => (offset, None),
        };
        let most = self.number.most();
        if first > most || second.is_some_and(|second| second > most) {
            return None;
        }
        let mut header = Vec::with_capacity(self.width());
        self.number.encode(first, &mut header);
        if let Some(second) = second {
            self.number.encode(second, &mut header);
        }
        Some(header)
    }

    /// What the header of this datagram says; absent where it cannot be one.
    fn decode(self, datagram: &[u8]) -> Option<Says> {
        let first = self.number.decode(datagram)?;
        let second = |base: u64| {
            let total = self.number.decode(datagram.get(self.number.width()..)?)?;
            let index = first.checked_sub(base)?;
            (index < total && total <= MOST_PIECES).then_some(Says::Index { index, total })
        };
        match self.numbering {
            Numbering::Index => second(0),
            Numbering::IndexFrom1 => second(1),
            Numbering::Countdown => (1..=MOST_PIECES)
                .contains(&first)
                .then(|| Says::After(first.saturating_sub(1))),
            Numbering::CountdownTo0 => (first < MOST_PIECES).then_some(Says::After(first)),
            Numbering::Offset => (first <= super::length::MOST).then_some(Says::Offset(first)),
        }
    }

    /// Whether what would be a binary number of two bytes or more are letters, as `0:` is: as a number they would be thousands.
    fn is_text(self, datagram: &[u8]) -> bool {
        let Number::Binary { bytes: 2.., .. } = self.number else {
            return false;
        };
        let number = datagram.get(..self.number.width());
        number.is_some_and(|number| number.iter().all(u8::is_ascii_graphic))
    }

    /// Whether this can be the header of a picture's first piece, and the picture begins behind it.
    fn begins(self, datagram: &[u8]) -> bool {
        let first = match self.decode(datagram) {
            Some(Says::Index { index, .. }) => index == 0,
            Some(Says::After(_)) => true,
            Some(Says::Offset(offset)) => offset == 0,
            None => false,
        };
        let piece = datagram.get(self.width()..).unwrap_or_default();
        let head = piece.get(..SNIFF_BYTES).unwrap_or(piece);
        first && matches!(sniff(head), Sniff::Is(_))
    }
}

/// The headers under which a datagram begins a picture, the likelier ones first.
pub(super) fn candidates(datagram: &[u8]) -> Vec<IndexHeader> {
    let mut found = Vec::new();
    for numbering in NUMBERINGS {
        for number in NUMBERS {
            let header = IndexHeader { numbering, number };
            // A picture of one piece needs no number, unless it really is one.
            let alone = total(header.decode(datagram)) == Some(1) && !whole(header, datagram);
            if header.begins(datagram) && !alone && !header.is_text(datagram) {
                found.push(header);
            }
        }
    }
    // The wrong byte order moves small digits to high places, so the smaller number is the likelier.
    found.sort_by_key(|header| {
        let kind = NUMBERINGS
            .iter()
            .position(|known| *known == header.numbering);
        (kind, total(header.decode(datagram)))
    });
    found
}

/// Whether the piece behind the header is a whole picture.
fn whole(header: IndexHeader, datagram: &[u8]) -> bool {
    let mut walker = None;
    walk(
        &mut walker,
        datagram.get(header.width()..).unwrap_or_default(),
    );
    walker.is_some_and(|walker| matches!(walker.status(), Status::Whole { .. }))
}

/// Decoder of one direction of `udp-index`.
#[derive(Debug, Clone)]
pub struct UdpIndexDecoder {
    /// What the header may be, the likeliest first; empty while nothing is known.
    headers: Vec<IndexHeader>,
    /// The user said which.
    given: bool,
    open: Option<Open>,
    /// The last picture, to recognise pieces that come again after its end.
    last: Option<(Sequence, Option<u64>)>,
}

#[derive(Debug, Clone)]
struct Open {
    sequence: Sequence,
    total: Option<u64>,
    /// Bytes passed on in order, as far as nothing was lost: tells the end where numbers do not.
    walker: Option<Walker>,
    /// Headers of the pieces so far, to see which ways of numbering they allow: the first one, and the last.
    first: Box<[u8]>,
    /// As long as each piece has a higher number than the one before: the last one's, and how many came.
    rising: Option<(u64, u64)>,
}

impl Open {
    fn came(&mut self, key: u64) {
        self.rising = match self.rising {
            Some((last, count)) if count == 0 || key > last => Some((key, count.saturating_add(1))),
            _ => None,
        };
    }

    /// Whether most of its pieces came in their order, and the last one: what begins a picture then begins the next.
    fn is_behind(&self) -> bool {
        /// Of fewer pieces chance makes an order.
        const LEAST: u64 = 8;
        self.total
            .zip(self.rising)
            .is_some_and(|(total, (last, count))| {
                total >= LEAST
                    && last.saturating_add(1) == total
                    && count.saturating_mul(4) >= total.saturating_mul(3)
            })
    }
}

/// Longest header.
const LONGEST: usize = 10;

impl UdpIndexDecoder {
    /// A decoder for pieces behind such headers; absent where the datagrams have to tell.
    pub fn new(header: Option<IndexHeader>) -> Self {
        Self {
            headers: header.into_iter().collect(),
            given: header.is_some(),
            open: None,
            last: None,
        }
    }

    /// The wire format, with the header as far as it is known.
    pub fn protocol(&self) -> Protocol {
        Protocol::UdpIndex(self.headers.first().copied())
    }

    /// Drops the ways of numbering that this datagram contradicts; false where none is left.
    fn narrow(&mut self, payload: &[u8]) -> bool {
        if self.given {
            return true;
        }
        let Some(open) = &self.open else {
            return false;
        };
        let left: Vec<IndexHeader> = self
            .headers
            .iter()
            .copied()
            .filter(|header| {
                let (before, now) = (header.decode(&open.first), header.decode(payload));
                match (before, now) {
                    (_, None) | (None, _) => false,
                    (
                        Some(Says::Index { total: before, .. }),
                        Some(Says::Index { index, total }),
                    ) => before == total && index > 0 || header.begins(payload),
                    (Some(Says::After(before)), Some(Says::After(now))) => {
                        now < before || header.begins(payload)
                    }
                    // A second piece lies behind the first one, and no further than a datagram is long for each.
                    (_, Some(Says::Offset(offset))) => offset > 0 || header.begins(payload),
                    _ => true,
                }
            })
            .collect();
        if left.is_empty() {
            return false;
        }
        let expected = open.sequence.next();
        let mut left = left;
        // Of the byte orders, the one under which this piece follows the last.
        left.sort_by_key(|header| match header.decode(payload) {
            Some(Says::Offset(offset)) => (offset != expected, offset),
            _ => (false, 0),
        });
        self.headers = left;
        if let (Some(open), Some(header)) = (&mut self.open, self.headers.first()) {
            // What the first piece said is read anew; its number is the same in every way.
            open.total = total(header.decode(&open.first));
        }
        true
    }

    fn end(&mut self, ending: Ending, sink: &mut Sink<'_>) {
        if let Some(mut open) = self.open.take() {
            open.sequence.settle(open.total, sink);
            sink(Event::PictureEnd(ending));
            self.last = Some((open.sequence, open.total));
        }
    }

    fn start(&mut self, payload: &[u8], total: Option<u64>, sink: &mut Sink<'_>) {
        let by_offset = self
            .headers
            .first()
            .is_some_and(|header| header.numbering == Numbering::Offset);
        sink(Event::PictureStart { length: None });
        self.last = None;
        self.open = Some(Open {
            sequence: Sequence::new(by_offset),
            total,
            walker: None,
            first: payload.get(..LONGEST).unwrap_or(payload).into(),
            rising: Some((0, 0)),
        });
    }

    /// Takes a datagram; tells whether the picture is complete with it.
    #[expect(
        clippy::too_many_lines,
        reason = "the cases of one datagram, in the order in which they are told apart"
    )]
    fn piece(&mut self, payload: &[u8], sink: &mut Sink<'_>) -> Option<Ending> {
        if self.open.is_none() && !self.given {
            let headers = candidates(payload);
            // What was learnt before stays first.
            let known = self.headers.first().copied();
            if !headers.is_empty() && !known.is_some_and(|known| headers.contains(&known)) {
                self.headers = headers;
            }
        } else if !self.narrow(payload) {
            let headers = candidates(payload);
            if headers.is_empty() {
                Self::outside(payload, sink);
                return None;
            }
            self.end(Ending::Broken, sink);
            self.headers = headers;
        }
        let Some((header, says)) = self
            .headers
            .first()
            .and_then(|header| Some((*header, header.decode(payload)?)))
        else {
            Self::outside(payload, sink);
            return None;
        };
        let (before, piece) = payload.split_at_checked(header.width())?;
        let (key, index, total) = match (says, &self.open) {
            (Says::Index { index, total }, _) => (index, index, Some(total)),
            (Says::After(after), Some(open)) => match open.total {
                Some(total) if after < total => {
                    let index = total.saturating_sub(1).saturating_sub(after);
                    (index, index, Some(total))
                }
                _ => (0, 0, Some(after.saturating_add(1))),
            },
            (Says::After(after), None) => (0, 0, Some(after.saturating_add(1))),
            (Says::Offset(offset), _) => (offset, offset, None),
        };
        let place = match &self.open {
            // Behind the last piece the next picture begins, though it may begin as this one did, which lacks another piece.
            Some(open) if open.is_behind() && key == 0 && header.begins(payload) => {
                Place::Elsewhere
            }
            Some(open) if open.total == total => open.sequence.place(key, piece),
            Some(_) => Place::Elsewhere,
            None => match &self.last {
                // A piece that comes again, or a new picture that begins with the same bytes: believe in the new one.
                Some((last, known)) => {
                    let key = match (says, *known) {
                        (Says::After(after), Some(known)) => {
                            known.saturating_sub(1).saturating_sub(after)
                        }
                        _ if *known == total => key,
                        _ => 0,
                    };
                    if key > 0 && last.place(key, piece) == Place::Here(Order::Repeat) {
                        sink(Event::Numbered {
                            index: key,
                            total: *known,
                            order: Order::Repeat,
                            transmission: None,
                        });
                        sink(super::sequence::repeated(payload));
                        return None;
                    }
                    Place::Elsewhere
                }
                None => Place::Elsewhere,
            },
        };
        if place == Place::Elsewhere {
            self.end(Ending::Broken, sink);
            // A number alone is an end or an answer, unless it says that the picture has one piece.
            let alone = piece.is_empty() && total != Some(1);
            let begins = self.given || header.begins(payload) || self.last.is_some();
            if alone || !begins {
                Self::outside(payload, sink);
                return None;
            }
            self.start(payload, total, sink);
        }
        let open = self.open.as_mut()?;
        let order = match place {
            Place::Here(order) => order,
            Place::Elsewhere if key == 0 => Order::Next,
            Place::Elsewhere => Order::Ahead,
        };
        sink(Event::Numbered {
            index,
            total,
            order,
            transmission: None,
        });
        sink(Event::Framing {
            what: Framing::PieceHeader,
            bytes: before.len() as u64,
        });
        let last = total.is_some_and(|total| index.saturating_add(1) == total);
        open.came(key);
        let walks = total.is_none() || !self.given;
        let walker = &mut open.walker;
        open.sequence
            .take(key, piece, order, last, &mut |event| match event {
                Event::PictureData(bytes) | Event::PictureEncoded { bytes, .. } => {
                    if walks {
                        walk(walker, bytes);
                    }
                    sink(event);
                }
                _ => sink(event),
            });
        let walking = open
            .walker
            .as_ref()
            .is_some_and(|walker| matches!(walker.status(), Status::Walking));
        let whole = open
            .walker
            .as_ref()
            .is_some_and(|walker| matches!(walker.status(), Status::Whole { .. }));
        let ended = total.is_some_and(|total| open.sequence.next() >= total);
        if ended && walking && header.numbering == Numbering::Countdown {
            // The last piece has 0, not 1, where that is still possible.
            let others = self
                .headers
                .iter()
                .filter(|other| other.numbering == Numbering::CountdownTo0);
            let others: Vec<IndexHeader> = others.copied().collect();
            if !others.is_empty() {
                self.headers = others;
                open.total = total.map(|total| total.saturating_add(1));
                return None;
            }
        }
        if ended {
            Some(Ending::Length)
        } else if total.is_none() && open.sequence.is_settled() && whole {
            Some(Ending::Structure)
        } else {
            None
        }
    }

    fn outside(payload: &[u8], sink: &mut Sink<'_>) {
        if !payload.is_empty() {
            sink(Event::Stray(payload));
        }
    }
}

/// How many pieces there are, by the first of them.
fn total(first: Option<Says>) -> Option<u64> {
    match first? {
        Says::Index { total, .. } => Some(total),
        Says::After(after) => Some(after.saturating_add(1)),
        Says::Offset(_) => None,
    }
}

/// The structure of the bytes in order, as long as they are those of a picture.
fn walk(walker: &mut Option<Walker>, bytes: &[u8]) {
    if bytes.is_empty() {
        return;
    }
    if walker.is_none()
        && let Sniff::Is(format) = sniff(bytes.get(..SNIFF_BYTES).unwrap_or(bytes))
    {
        *walker = Some(Walker::new(format));
    }
    if let Some(walker) = walker {
        walker.update(bytes);
    }
}

impl Decode for UdpIndexDecoder {
    fn update(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        if !bytes.is_empty() {
            self.datagram(bytes, sink);
        }
    }

    fn datagram(&mut self, payload: &[u8], sink: &mut Sink<'_>) {
        self.cut_datagram(payload, 0, sink);
    }

    fn cut_datagram(&mut self, payload: &[u8], missing: u64, sink: &mut Sink<'_>) {
        if payload.is_empty() && missing == 0 {
            self.end(Ending::EmptyDatagram, sink);
            sink(Event::Framing {
                what: Framing::EndDatagram,
                bytes: 0,
            });
            return;
        }
        let complete = self.piece(payload, sink);
        self.gap(missing, sink);
        if let Some(ending) = complete {
            self.end(ending, sink);
        }
    }

    fn gap(&mut self, length: u64, sink: &mut Sink<'_>) {
        missing_bytes(self.open.is_some(), length, sink);
    }

    fn finish(&mut self, end: StreamEnd, sink: &mut Sink<'_>) {
        let whole = self.open.as_ref().is_some_and(|open| {
            let walked = open.walker.as_ref().map(Walker::status);
            matches!(walked, Some(Status::Whole { .. })) && open.total.is_none()
        });
        self.end(
            if whole {
                Ending::Structure
            } else {
                Ending::Cut(end)
            },
            sink,
        );
    }
}

#[cfg(test)]
mod tests;
