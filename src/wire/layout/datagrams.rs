//! Decodes a layout whose sections are datagrams.
//!
//! A datagram is the section `end`, the message or a piece, in this order, if its fields are that to the last byte; a last piece
//! as short as a head is a piece where the head's numbers make it due. Pieces are put in order as [`Sequence`] does, by the index,
//! the countdown, the offset or the running number that the layout has; without any of them in the order in which they come.
//! A picture ends where count, last flag or length say it, else with its own structure, an empty datagram, silence or the
//! beginning of the next one.

use super::{Counts, Field, Kind, Layout, Payload, Role, Size, Value};
use crate::picture::{SNIFF_BYTES, Sniff, Status, Walker, sniff};
use crate::wire::framer::framing;
use crate::wire::length::MOST;
use crate::wire::sequence::{Order, Place, Sequence, covered, missing_bytes, repeated};
use crate::wire::udp_index::MOST_PIECES;
use crate::wire::{Decode, Ending, Event, Framing, Protocol, Sink, StreamEnd};

/// Decoder of one direction of a layout over datagrams.
#[derive(Debug, Clone)]
pub struct DatagramDecoder {
    layout: Box<Layout>,
    open: Option<Open>,
    /// What a head said of the picture that comes next.
    head: Option<Said>,
    /// The last picture, to recognise pieces that come again after its end.
    last: Option<Last>,
    /// The running number that the next picture begins with.
    base: Option<u64>,
    /// A picture began with the first bytes of a picture file.
    began: bool,
    /// The layout was worked out and not given: messages of other kinds may stand between pictures.
    learns: bool,
    /// This is the side that was written to first: what it says may be answers, as long as no picture begins in it.
    answers: bool,
}

/// What the fields of a datagram say.
#[derive(Debug, Clone, Default)]
pub(crate) struct Said {
    pub(crate) length: Option<u64>,
    pub(crate) total: Option<u64>,
    pub(crate) count: Option<u64>,
    pub(crate) index: Option<u64>,
    pub(crate) left: Option<u64>,
    pub(crate) number: Option<u64>,
    pub(crate) frame: Option<u64>,
    pub(crate) offset: Option<u64>,
    pub(crate) last: Option<bool>,
    name_length: Option<u64>,
    /// Bytes before the picture's or the piece's own.
    pub(crate) before: usize,
    /// How many those are.
    pub(crate) data: usize,
    name: Option<String>,
}

/// A picture that is over.
#[derive(Debug, Clone)]
struct Last {
    sequence: Sequence,
    count: Option<u64>,
    base: u64,
}

#[derive(Debug, Clone)]
struct Open {
    sequence: Sequence,
    /// One past the last key, once something says it.
    end: Option<u64>,
    count: Option<u64>,
    frame: Option<u64>,
    /// Running number of the first piece.
    base: u64,
    /// Pieces so far: the key where there is no number.
    arrived: u64,
    length: Option<u64>,
    given: u64,
    walker: Option<Walker>,
    /// The first piece has not come.
    headless: bool,
    /// The longest piece so far, and whether one was shorter: the last, then.
    longest: usize,
    short: bool,
    /// The number of the piece that came last, as long as each has a higher one than the one before.
    rising: Option<u64>,
}

/// Reads a datagram as these fields, to the last byte; nothing where it is none.
pub(crate) fn said(fields: &[Field], payload: &[u8]) -> Option<Said> {
    let mut said = Said::default();
    let mut at = 0_usize;
    let mut fields = fields.iter();
    while let Some(field) = fields.next() {
        let rest = payload.get(at..)?;
        if let Kind::Data(_) | Kind::Picture(_) = field.kind {
            // What follows it has a width of its own.
            let behind = fields.clone().try_fold(0_u64, |sum, field| {
                Some(sum.saturating_add(field.kind.width()?))
            })?;
            said.before = at;
            said.data = rest.len().checked_sub(usize::try_from(behind).ok()?)?;
            at = at.checked_add(said.data)?;
            continue;
        }
        let Size::Is(size) = field.kind.size(rest, said.name_length, true) else {
            return None;
        };
        let bytes = rest.get(..size)?;
        said.take(field, &field.kind.read(bytes)?)?;
        at = at.checked_add(size)?;
    }
    (at == payload.len()).then_some(said)
}

impl Said {
    /// Nothing where a number cannot be what it should say.
    fn take(&mut self, field: &Field, value: &Value) -> Option<()> {
        let count = value.count(field.plus);
        let most = |most: u64| count.filter(|count| *count <= most).map(Some);
        match field.role {
            Role::Length(Counts::Bits) => self.length = most(MOST * 8)?.map(|bits| bits / 8),
            Role::Length(_) => self.length = most(MOST)?,
            Role::Total => self.total = most(MOST)?,
            Role::Count => self.count = most(MOST_PIECES)?,
            Role::Index => self.index = most(MOST_PIECES)?,
            Role::Left => self.left = most(MOST_PIECES)?,
            Role::Number => self.number = Some(count?),
            Role::Frame => self.frame = Some(count?),
            Role::Offset => self.offset = most(MOST)?,
            Role::Last => self.last = Some(count? != 0),
            Role::More => self.last = Some(count? == 0),
            Role::NameLength => self.name_length = Some(count?),
            Role::Name => {
                if let Value::Text(name) = value {
                    self.name = Some(String::from_utf8_lossy(name).into_owned());
                }
            }
            _ => {}
        }
        Some(())
    }
}

impl Said {
    /// The place of a piece in a picture of so many, whose first one has the running number `base`; absent where no number says it.
    fn key(&self, by_offset: bool, count: Option<u64>, base: u64) -> Option<u64> {
        if by_offset {
            return self.offset;
        }
        let left = self.left.zip(count);
        let left = left.map(|(left, count)| count.saturating_sub(1).saturating_sub(left));
        let number = || self.number.map(|number| number.saturating_sub(base));
        self.index.or(left).or_else(number)
    }
}

impl Layout {
    /// Whether pieces are numbered, so that lost ones show.
    pub(crate) fn numbered(&self) -> bool {
        self.piece.iter().any(|field| {
            matches!(
                field.role,
                Role::Index | Role::Left | Role::Offset | Role::Number
            )
        })
    }
}

impl DatagramDecoder {
    /// A decoder for this layout.
    pub fn new(layout: Layout) -> Self {
        Self {
            layout: Box::new(layout),
            open: None,
            head: None,
            last: None,
            base: None,
            began: false,
            learns: false,
            answers: false,
        }
    }

    /// The side that was written to first sends these: short datagrams that begin no picture are answers.
    pub(crate) fn answer(&mut self) {
        self.answers = true;
    }

    /// Whether a datagram answers pictures of the other side, where none began here.
    fn is_answer(&mut self, payload: &[u8]) -> bool {
        /// Answers are not longer.
        const SHORT: usize = 64;
        let begins = |fields: &[Field]| {
            said(fields, payload).is_some_and(|said| {
                let data = payload.get(said.before..).unwrap_or_default();
                matches!(sniff(data.get(..SNIFF_BYTES).unwrap_or(data)), Sniff::Is(_))
            })
        };
        let head = !self.layout.message.is_empty() && said(&self.layout.message, payload).is_some();
        self.answers &= payload.len() <= SHORT && !head && !begins(&self.layout.piece);
        self.answers
    }

    /// Whether a datagram outside of pictures is no piece of one: a text, or a number that no piece has there.
    fn is_message(&self, said: &Said, payload: &[u8], begins: bool) -> bool {
        /// So many pieces at the beginning of a picture may be lost.
        const LOST: u64 = 64;
        /// Texts are not longer.
        const TEXT: usize = 256;
        if !self.learns || begins || self.open.is_some() || self.head.is_some() {
            return false;
        }
        let text = |byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
        if payload.len() <= TEXT && payload.iter().all(text) {
            return true;
        }
        let goes_on = self.last.as_ref().is_some_and(|last| {
            said.index
                .is_some_and(|index| index > 0 && index == last.sequence.next())
        });
        goes_on || said.index.is_some_and(|index| index > LOST)
    }

    /// The wire format.
    pub fn protocol(&self) -> Protocol {
        Protocol::Layout(self.layout.clone())
    }

    fn by_offset(&self) -> bool {
        self.layout
            .piece
            .iter()
            .any(|field| field.role == Role::Offset)
    }

    fn end(&mut self, ending: Ending, sink: &mut Sink<'_>) {
        if let Some(mut open) = self.open.take() {
            open.sequence.settle(open.end, sink);
            if !self.layout.numbered()
                && let Some(count @ 1..) =
                    open.count.map(|count| count.saturating_sub(open.arrived))
            {
                sink(Event::PictureLost {
                    pieces: Some(count),
                    bytes: None,
                });
            }
            sink(Event::PictureEnd(ending));
            self.base = Some(open.base.saturating_add(open.arrived));
            self.last = Some(Last {
                sequence: open.sequence,
                count: open.count,
                base: open.base,
            });
        }
    }

    /// Whether this is the piece that is due: the last one, or one as long as those before, whose number comes next.
    fn piece_is_due(&self, payload: &[u8]) -> bool {
        self.open.as_ref().is_some_and(|open| {
            let ends_with = |data: usize| {
                let left = open.length.map(|whole| whole.saturating_sub(open.given));
                left == Some(data as u64)
            };
            if self.layout.numbered() {
                let said = said(&self.layout.piece, payload);
                return said.is_some_and(|said| {
                    let key = open.key(&said, self.by_offset());
                    let step = if self.by_offset() {
                        said.data as u64
                    } else {
                        1
                    };
                    let place = open.sequence.place(key, payload);
                    let next = matches!(place, Place::Here(Order::Next));
                    let last = open.end == Some(key.saturating_add(step))
                        && matches!(place, Place::Here(Order::Next | Order::Ahead | Order::Late));
                    let fits = said.data == open.longest || ends_with(said.data);
                    last || (next && said.data > 0 && fits)
                });
            }
            let by_count = open
                .count
                .is_some_and(|count| count == open.arrived.saturating_add(1));
            let ends = open.walker.clone().is_none_or(|mut walker| {
                walker.update(payload);
                matches!(walker.status(), Status::Whole { .. })
            });
            ends_with(payload.len()) || by_count && ends
        })
    }

    /// Takes a head; false where the datagram is none.
    fn head(&mut self, payload: &[u8], sink: &mut Sink<'_>) -> bool {
        if self.layout.message.is_empty() || self.layout.payload().is_some() {
            return false;
        }
        let Some(said) = said(&self.layout.message, payload) else {
            return false;
        };
        let empty = said.count == Some(0) && said.length.is_none();
        if empty || self.piece_is_due(payload) {
            return false;
        }
        self.end(Ending::Cut(StreamEnd::Unfinished), sink);
        let what = match (&said.name, said.count, said.length) {
            (_, Some(count), _) => Framing::PieceCount(count),
            (_, None, Some(length)) => Framing::Length(length),
            (Some(name), None, None) => Framing::Name(name.clone()),
            (None, None, None) => Framing::Field("head"),
        };
        sink(Event::Framing {
            what,
            bytes: payload.len() as u64,
        });
        self.head = Some(said);
        true
    }

    /// Takes a datagram that holds a whole picture; false where it is none.
    fn whole(&mut self, payload: &[u8], missing: u64, sink: &mut Sink<'_>) -> bool {
        let whole = matches!(
            self.layout.payload(),
            Some(Payload::File | Payload::ToEnd | Payload::Pixels(_))
        );
        let Some(said) = said(&self.layout.message, payload).filter(|_| whole) else {
            return false;
        };
        let header = |bytes: usize, sink: &mut Sink<'_>| {
            framing(Framing::Field("header"), bytes as u64, sink);
        };
        header(said.before, sink);
        let data = payload.get(said.before..).unwrap_or_default();
        let (data, behind) = data.split_at_checked(said.data).unwrap_or((data, &[]));
        let length = said.length.or(said.total);
        let here = length.map_or(data.len(), |length| {
            usize::try_from(length)
                .unwrap_or(usize::MAX)
                .min(data.len())
        });
        let (data, more) = data.split_at_checked(here).unwrap_or((data, &[]));
        if !data.is_empty() || missing > 0 {
            sink(Event::PictureStart { length });
            if !data.is_empty() {
                sink(Event::PictureData(data));
            }
            missing_bytes(true, missing, sink);
            let short = length.is_some_and(|length| length > here as u64) && missing == 0;
            sink(Event::PictureEnd(if short {
                Ending::Cut(StreamEnd::Unfinished)
            } else {
                Ending::Length
            }));
        }
        if !more.is_empty() {
            sink(Event::Stray(more));
        }
        header(behind.len(), sink);
        true
    }

    /// Takes a piece; false where the datagram is none.
    fn piece(&mut self, payload: &[u8], sink: &mut Sink<'_>) -> bool {
        let Some(said) = said(&self.layout.piece, payload) else {
            return false;
        };
        let data = payload
            .get(said.before..said.before.saturating_add(said.data))
            .unwrap_or_default();
        // A length in a piece says how much of the datagram counts.
        let counts = said
            .length
            .and_then(|length| usize::try_from(length).ok())
            .map_or(data.len(), |length| length.min(data.len()));
        let piece = data.get(..counts).unwrap_or_default();
        let begins = matches!(
            sniff(piece.get(..SNIFF_BYTES).unwrap_or(piece)),
            Sniff::Is(_)
        );
        let again =
            self.open.is_none() && matches!(self.place(&said, piece, begins), Some(Place::Here(_)));
        if !again && self.is_message(&said, payload, begins) {
            return false;
        }
        if self.open.is_none() && self.head.is_none() && !self.layout.numbered() {
            // Only the beginning of a picture says that one begins.
            let alone = self.layout.message.is_empty() && begins;
            if !alone {
                return false;
            }
        }
        let place = self.place(&said, piece, begins);
        if let Some(Place::Here(order)) = place
            && self.open.is_none()
        {
            // Of the picture before, which is whole.
            sink(Event::Numbered {
                index: said.index.or(said.offset).unwrap_or(0),
                total: said.count,
                order,
                transmission: None,
            });
            sink(repeated(payload));
            return true;
        }
        let order = if let Some(Place::Here(order)) = place {
            order
        } else {
            self.end(Ending::Broken, sink);
            self.start(&said, begins, sink);
            let open = self.open.as_ref();
            match open.map(|open| open.key(&said, self.by_offset())) {
                Some(0) | None => Order::Next,
                Some(_) => Order::Ahead,
            }
        };
        self.take(&said, payload, piece, order, sink);
        true
    }

    /// A picture begins; `begins`: with its first bytes.
    fn start(&mut self, said: &Said, begins: bool, sink: &mut Sink<'_>) {
        let head = self.head.take().unwrap_or_default();
        let length = head.length.or(head.total).or(said.total);
        sink(Event::PictureStart { length });
        let base = match (said.number, self.base) {
            (Some(number), _) if begins => number,
            // A number that goes on from the last picture, or begins again.
            (Some(number), Some(base)) if number >= base && number - base < MOST_PIECES => base,
            (Some(number), _) => number,
            (None, _) => 0,
        };
        self.last = None;
        let count = head.count.or(said.count).or_else(|| {
            let after = said.left?;
            // Other pictures begin as pictures do: what comes before this piece was lost, one piece at least.
            let lost = u64::from(self.began && !begins);
            Some(after.saturating_add(1).saturating_add(lost))
        });
        self.began |= begins;
        self.open = Some(Open {
            sequence: Sequence::new(self.by_offset()),
            end: if self.by_offset() { length } else { count },
            count,
            frame: said.frame,
            base,
            arrived: 0,
            length,
            given: 0,
            walker: None,
            headless: true,
            longest: 0,
            short: false,
            rising: Some(0),
        });
    }

    /// Where a piece belongs; nothing where a picture begins with it.
    fn place(&self, said: &Said, piece: &[u8], begins: bool) -> Option<Place> {
        if !self.layout.numbered() {
            return self.open.as_ref().map(|_| Place::Here(Order::Next));
        }
        let by_offset = self.by_offset();
        let Some(open) = &self.open else {
            let last = self.last.as_ref()?;
            let key = said.key(by_offset, last.count, last.base)?;
            if begins || key == 0 || said.count.is_some() && said.count != last.count {
                return None;
            }
            return match last.sequence.place(key, piece) {
                here @ Place::Here(Order::Repeat) => Some(here),
                _ => None,
            };
        };
        let other = said.frame.is_some() && said.frame != open.frame
            || said.count.is_some() && open.count.is_some() && said.count != open.count
            || said.total.is_some() && open.length.is_some() && said.total != open.length;
        if other {
            return Some(Place::Elsewhere);
        }
        let key = open.key(said, by_offset);
        // A number that runs on through all pictures.
        let runs = !by_offset && said.index.is_none() && said.left.is_none();
        let next = open.end.is_some_and(|end| key >= end) || begins && !open.headless && key > 0;
        if runs && next {
            return Some(Place::Elsewhere);
        }
        // Of fewer pieces chance makes an order.
        let in_order = open.rising.is_some() && open.arrived >= 8;
        if key == 0 && begins && open.short && (open.headless || in_order) {
            // The last piece of that picture came, and another one was lost: this one is of the next, though pictures of one
            // program may begin alike.
            return Some(Place::Elsewhere);
        }
        Some(open.sequence.place(key, piece))
    }

    #[expect(
        clippy::too_many_lines,
        reason = "one datagram, from its number to what it ends, in order"
    )]
    fn take(
        &mut self,
        said: &Said,
        payload: &[u8],
        piece: &[u8],
        order: Order,
        sink: &mut Sink<'_>,
    ) {
        let by_offset = self.by_offset();
        let numbered = self.layout.numbered();
        let fixed = self
            .layout
            .piece
            .iter()
            .any(|field| matches!(field.kind, Kind::Data(Some(_))));
        let Some(open) = &mut self.open else { return };
        let key = open.key(said, by_offset);
        if numbered {
            sink(Event::Numbered {
                index: key,
                total: open.count,
                order,
                transmission: None,
            });
        }
        framing(Framing::PieceHeader, said.before as u64, sink);
        if said.last == Some(true) {
            let step = if by_offset { piece.len() as u64 } else { 1 };
            open.end.get_or_insert(key.saturating_add(step));
        }
        let last = open
            .count
            .is_some_and(|count| key.saturating_add(1) == count)
            && !by_offset;
        open.rising = open
            .rising
            .filter(|last| open.arrived == 0 || key > *last)
            .map(|_| key);
        let repeat = matches!(order, Order::Repeat | Order::Copy);
        if !repeat {
            open.arrived = open.arrived.saturating_add(1);
            open.headless &= key != 0;
            open.short |= piece.len() < open.longest;
            open.longest = open.longest.max(piece.len());
        }
        let walks = open.length.is_none() && (open.end.is_none() || fixed || !numbered);
        let Open {
            sequence,
            walker,
            length,
            given,
            ..
        } = open;
        sequence.take(key, piece, order, last, &mut |event| {
            let (wire, bytes) = match event {
                Event::PictureData(bytes) => (bytes.len() as u64, bytes),
                Event::PictureEncoded { wire, bytes } => (wire, bytes),
                Event::PictureLost {
                    bytes: Some(gone), ..
                } => {
                    *given = given.saturating_add(gone);
                    if let Some(walker) = walker {
                        walker.gap(gone);
                    }
                    sink(event);
                    return;
                }
                _ => {
                    sink(event);
                    return;
                }
            };
            // What fills up the last piece is not of the picture.
            let room = length.map_or(u64::MAX, |length| length.saturating_sub(*given));
            let mut here = usize::try_from(room).unwrap_or(usize::MAX).min(bytes.len());
            if walks {
                here = here.min(walk(walker, bytes, fixed));
            }
            *given = given.saturating_add(here as u64);
            let own = bytes.get(..here).unwrap_or_default();
            if wire == bytes.len() as u64 && !own.is_empty() {
                sink(Event::PictureData(own));
                covered(wire.saturating_sub(here as u64), &[], sink);
            } else {
                covered(wire, own, sink);
            }
        });
        let behind = payload
            .len()
            .saturating_sub(said.before)
            .saturating_sub(piece.len());
        framing(Framing::PieceHeader, behind as u64, sink);
        let whole = open
            .walker
            .as_ref()
            .is_some_and(|walker| matches!(walker.status(), Status::Whole { .. }));
        let settled = open.sequence.is_settled();
        let by_number = numbered && open.end.is_some_and(|end| open.sequence.next() >= end);
        let by_flag = !numbered && said.last == Some(true);
        let by_count = (!numbered || by_offset && settled)
            && open.count.is_some_and(|count| open.arrived >= count);
        let by_length = open.length.is_some_and(|length| open.given >= length);
        if by_number || by_flag || by_count || by_length && settled {
            self.end(Ending::Length, sink);
        } else if open.end.is_none()
            && (open.count.is_none() || by_offset)
            && open.length.is_none()
            && settled
            && whole
        {
            self.end(Ending::Structure, sink);
        }
    }
}

impl Open {
    fn key(&self, said: &Said, by_offset: bool) -> u64 {
        said.key(by_offset, self.count, self.base)
            .unwrap_or(if by_offset { 0 } else { self.arrived })
    }
}

/// The structure of the bytes in order, as long as they are those of a picture; how many of them are of it: all, unless
/// `fixed` says that what is behind its end fills up a piece.
fn walk(walker: &mut Option<Walker>, bytes: &[u8], fixed: bool) -> usize {
    if walker.is_none()
        && let Sniff::Is(format) = sniff(bytes.get(..SNIFF_BYTES).unwrap_or(bytes))
    {
        *walker = Some(Walker::new(format));
    }
    let Some(walker) = walker else {
        return bytes.len();
    };
    let before = walker.status();
    let taken = walker.update(bytes);
    match walker.status() {
        Status::Whole { .. } if fixed && before == walker.status() => 0,
        Status::Whole { .. } if fixed => taken,
        _ => bytes.len(),
    }
}

impl Decode for DatagramDecoder {
    fn update(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        if !bytes.is_empty() {
            self.datagram(bytes, sink);
        }
    }

    fn datagram(&mut self, payload: &[u8], sink: &mut Sink<'_>) {
        self.cut_datagram(payload, 0, sink);
    }

    fn cut_datagram(&mut self, payload: &[u8], missing: u64, sink: &mut Sink<'_>) {
        let ends = if payload.is_empty() {
            missing == 0
        } else {
            !self.layout.end.is_empty() && said(&self.layout.end, payload).is_some()
        };
        if ends {
            self.end(Ending::EmptyDatagram, sink);
            sink(Event::Framing {
                what: Framing::EndDatagram,
                bytes: payload.len() as u64,
            });
            return;
        }
        if self.answers && !payload.is_empty() && self.is_answer(payload) {
            sink(Event::Stray(payload));
            self.gap(missing, sink);
            return;
        }
        if self.whole(payload, missing, sink) || missing == 0 && self.head(payload, sink) {
            return;
        }
        if missing > 0 && self.open.is_some() {
            // Of a cut one nobody knows what it was: inside a picture it covers bytes and gives none.
            covered(payload.len() as u64, &[], sink);
        } else if (missing > 0 || !self.piece(payload, sink)) && !payload.is_empty() {
            sink(Event::Stray(payload));
        }
        self.gap(missing, sink);
    }

    fn gap(&mut self, length: u64, sink: &mut Sink<'_>) {
        missing_bytes(self.open.is_some(), length, sink);
    }

    // The layout was worked out: a datagram between pictures that does not number a piece of one is a message of another kind.
    fn learn(&mut self) {
        self.learns = true;
    }

    fn finish(&mut self, end: StreamEnd, sink: &mut Sink<'_>) {
        let whole = self.open.as_ref().is_some_and(|open| {
            let walked = open.walker.as_ref().map(Walker::status);
            matches!(walked, Some(Status::Whole { .. })) && open.end.is_none()
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
