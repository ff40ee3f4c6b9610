//! Decodes a layout in a stream.
//!
//! A header is gathered whole (at most [`LONGEST`](super::LONGEST) bytes) before anything of it is told, so that what turns out to be no
//! header is carved from its first byte on. A direction whose first bytes are no message but one of the layout's answers,
//! or fewer than a header has, is taken for answers.

mod fields;
mod lost;
mod picture;
mod pieces;

use super::message::Message;
use super::{Field, Kind, Layout, Payload};
use crate::picture::{SNIFF_BYTES, Sniff, Status, Walker, sniff};
use crate::wire::carve::CarveDecoder;
use crate::wire::framer::framing;
use crate::wire::length::USUAL;
use crate::wire::{Decode, Ending, Event, Framing, Protocol, Sink, StreamEnd};

/// Fields that were read, and how many bytes they have.
type Told = Vec<(Framing, u64)>;

/// Decoder of one direction of a layout over TCP.
#[derive(Debug, Clone)]
pub struct LayoutDecoder {
    layout: Box<Layout>,
    state: State,
    /// The fields that come next.
    section: Section,
    /// Index of the next field in it.
    next: usize,
    /// Bytes of the header so far.
    held: Vec<u8>,
    /// How many of them are of fields that were read.
    read: usize,
    /// What those fields are.
    told: Told,
    message: Message,
    /// A header that is not told of until a picture begins behind it: its bytes, and what they are.
    pending: Option<(Vec<u8>, Told)>,
    /// What the piece at hand has beyond the picture's length is nobody's.
    excess: bool,
    /// A message was read.
    any: bool,
    /// How many pictures began.
    pictures: u64,
    /// The layout was worked out and not given: what it takes for a picture has to begin as one.
    learns: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    Once,
    Message,
    Piece,
    End,
}

#[derive(Debug, Clone)]
enum State {
    /// A header's fields.
    Fields,
    /// So many bytes of the picture, or of a piece, are still to come.
    Limited(u64),
    /// The picture ends with the stream.
    ToEnd,
    /// The picture ends before a marker; of it so many bytes at the end of what came may be the first.
    Until(Box<[u8]>, Vec<u8>),
    /// The picture's structure ends it: its first bytes, until they tell what it is.
    Sniff(Vec<u8>),
    Walk(Box<Walker>),
    /// The first bytes of a picture of this length, until they tell whether it is one.
    Peek(Vec<u8>, u64),
    /// So many bytes that fill up the last piece are still to come, and so many came.
    Padding(u64, u64),
    /// No message, but answers; of one that is not complete these bytes came.
    Answers(Vec<u8>),
    /// The framing is lost.
    Lost(Box<CarveDecoder>),
}

impl LayoutDecoder {
    /// A decoder for this layout.
    pub fn new(layout: Layout) -> Self {
        Self {
            section: if layout.once.is_empty() {
                Section::Message
            } else {
                Section::Once
            },
            message: Message::of(&layout),
            layout: Box::new(layout),
            state: State::Fields,
            next: 0,
            held: Vec::new(),
            read: 0,
            told: Vec::new(),
            pending: None,
            excess: false,
            any: false,
            pictures: 0,
            learns: false,
        }
    }

    /// The wire format.
    pub fn protocol(&self) -> Protocol {
        Protocol::Layout(self.layout.clone())
    }

    fn fields(&self) -> &[Field] {
        match self.section {
            Section::Once => &self.layout.once,
            Section::Message => &self.layout.message,
            Section::Piece => &self.layout.piece,
            Section::End => &self.layout.end,
        }
    }

    /// What stands behind the pieces comes next.
    fn leave_pieces(&mut self) {
        self.section = Section::Message;
        self.next = self
            .layout
            .message
            .iter()
            .position(|field| matches!(field.kind, Kind::Picture(_)))
            .map_or(usize::MAX, |at| at.saturating_add(1));
    }

    /// The picture comes next.
    fn payload(&mut self, payload: &Payload, sink: &mut Sink<'_>) {
        let behind: Option<u64> = self
            .layout
            .message
            .iter()
            .skip(self.next.saturating_add(1))
            .chain(&self.layout.end)
            .try_fold(0_u64, |sum, field| {
                Some(sum.saturating_add(field.kind.width()?))
            });
        let told = self.message.limit(behind, self.layout.pixels(), sink);
        self.any = true;
        if !matches!((told, payload), (Some(1..), Payload::File)) {
            self.tell_pending(sink);
        }
        match payload {
            Payload::Pieces => {
                self.message.length = told.or(self.message.length);
                if self.message.count == Some(0) || told == Some(0) {
                    self.next = self.next.saturating_add(1);
                } else {
                    self.section = Section::Piece;
                    self.next = 0;
                }
                return;
            }
            Payload::Until(end) => {
                self.state = State::Until(end.clone(), Vec::new());
                return;
            }
            Payload::File | Payload::Pixels(_) | Payload::ToEnd => {}
        }
        match (told, payload) {
            (Some(0), _) => self.next = self.next.saturating_add(1),
            (Some(length), Payload::File)
                if self.learns && (length >= SNIFF_BYTES as u64 || self.pending.is_some()) =>
            {
                self.message.declared = Some(length);
                self.state = State::Peek(Vec::new(), length);
            }
            (Some(length), _) => {
                self.message.declared = Some(length);
                // Without a header nothing says that another picture comes, but its first byte.
                if self.next > 0 {
                    self.start(Some(length), sink);
                }
                self.state = State::Limited(length);
            }
            (None, Payload::File) => self.state = State::Sniff(Vec::new()),
            (None, _) => self.state = State::ToEnd,
        }
    }

    fn start(&mut self, length: Option<u64>, sink: &mut Sink<'_>) {
        self.message.open = true;
        self.pictures = self.pictures.saturating_add(1);
        sink(Event::PictureStart { length });
        if let Some(shape) = self
            .layout
            .pixels()
            .and_then(|pixels| self.message.shape(pixels))
        {
            sink(Event::Pixels(shape));
        }
    }

    fn end(&mut self, ending: Ending, sink: &mut Sink<'_>) {
        let message = &mut self.message;
        if std::mem::take(&mut message.open) {
            if ending == Ending::Length || ending == Ending::Marker {
                for (check, promise) in std::mem::take(&mut message.promised) {
                    message.check(check, &promise, sink);
                }
            }
            sink(Event::PictureEnd(ending));
        }
    }

    fn given(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        if bytes.is_empty() {
            return;
        }
        if !self.message.open {
            self.start(self.message.declared, sink);
        }
        let walks = self.learns && self.section == Section::Piece;
        let message = &mut self.message;
        if walks && message.count.is_none() {
            message.structure.update(bytes);
        }
        message.given = message.given.saturating_add(bytes.len() as u64);
        message.at = message.at.saturating_add(bytes.len() as u64);
        for sum in &mut message.sums {
            sum.update(bytes);
        }
        sink(Event::PictureData(bytes));
    }
}

/// So many bytes fill up a piece.
fn padding(bytes: u64, sink: &mut Sink<'_>) {
    framing(Framing::Field("padding"), bytes, sink);
}

impl Decode for LayoutDecoder {
    fn update(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        if bytes.is_empty() {
            // A message that begins with the picture begins with its first byte.
            return;
        }
        let mut rest = bytes;
        loop {
            if let State::Fields = self.state {
                let missing = self.gather(false, sink);
                if let State::Fields = self.state {
                    if rest.is_empty() {
                        return;
                    }
                    let (new, later) = rest.split_at(missing.min(rest.len()));
                    self.held.extend_from_slice(new);
                    rest = later;
                    self.gather(false, sink);
                    continue;
                }
            }
            // What was held beyond the header is of what follows it.
            if !self.held.is_empty() && self.read == 0 {
                let held = std::mem::take(&mut self.held);
                let used = self.take(&held, sink);
                self.held = held.get(used..).unwrap_or_default().to_vec();
                continue;
            }
            if rest.is_empty() {
                return;
            }
            let used = self.take(rest, sink);
            rest = rest.get(used..).unwrap_or_default();
        }
    }

    fn gap(&mut self, length: u64, sink: &mut Sink<'_>) {
        if length == 0 {
            return;
        }
        match &mut self.state {
            State::Fields => {
                self.told.clear();
                let held = std::mem::take(&mut self.held);
                self.read = 0;
                let mut carve = Box::new(CarveDecoder::inside());
                if self.message.open {
                    // What was there of the next piece's header stands before the gap.
                    if !held.is_empty() {
                        sink(Event::Framing {
                            what: Framing::PieceHeader,
                            bytes: held.len() as u64,
                        });
                    }
                    sink(Event::PictureGap(length));
                    self.message.open = false;
                    sink(Event::PictureEnd(Ending::Broken));
                } else {
                    carve.update(&held, sink);
                    carve.gap(length, sink);
                }
                self.state = State::Lost(carve);
            }
            State::Limited(left) => {
                let gone = length.min(*left);
                *left = left.saturating_sub(gone);
                let over = *left == 0;
                self.missing(gone, sink);
                if over {
                    self.limited_done(sink);
                    self.gap(length.saturating_sub(gone), sink);
                }
            }
            State::ToEnd => self.missing(length, sink),
            State::Until(_, tail) => {
                let tail = std::mem::take(tail);
                self.given(&tail, sink);
                self.missing(length, sink);
            }
            State::Sniff(head) => {
                let head = std::mem::take(head);
                self.start(None, sink);
                self.given(&head, sink);
                self.missing(length, sink);
                self.state = State::ToEnd;
            }
            State::Peek(held, whole) => {
                let (held, whole) = (std::mem::take(held), *whole);
                self.peeked(&held, whole, sink);
                self.gap(length, sink);
            }
            State::Walk(walker) => {
                let gone = walker.gap(length).min(length);
                let status = walker.status();
                self.missing(gone, sink);
                match status {
                    Status::Walking => {}
                    Status::Whole { .. } => {
                        self.end(Ending::Structure, sink);
                        self.state = State::Fields;
                        self.next = self.next.saturating_add(1);
                        self.gap(length.saturating_sub(gone), sink);
                    }
                    Status::Broken { .. } => {
                        self.end(Ending::Broken, sink);
                        self.state = State::Lost(Box::new(CarveDecoder::inside()));
                        self.gap(length.saturating_sub(gone), sink);
                    }
                }
            }
            State::Padding(left, seen) => {
                padding(std::mem::take(seen), sink);
                let gone = length.min(*left);
                *left = left.saturating_sub(gone);
                let over = *left == 0;
                sink(if self.message.open {
                    Event::PictureGap(gone)
                } else {
                    Event::StrayGap(gone)
                });
                if over {
                    self.state = State::Fields;
                    self.gap(length.saturating_sub(gone), sink);
                }
            }
            State::Answers(held) => {
                let held = std::mem::take(held);
                if !held.is_empty() {
                    sink(Event::Stray(&held));
                }
                sink(Event::StrayGap(length));
            }
            State::Lost(carve) => carve.gap(length, sink),
        }
    }

    // The layout was worked out: where no picture file begins in its place, the framing is lost.
    fn learn(&mut self) {
        self.learns = true;
    }

    fn finish(&mut self, end: StreamEnd, sink: &mut Sink<'_>) {
        if let State::Fields = self.state {
            self.gather(true, sink);
        }
        match std::mem::replace(&mut self.state, State::Fields) {
            State::Fields => {
                self.told.clear();
                let held = std::mem::take(&mut self.held);
                self.read = 0;
                self.end(Ending::Cut(end), sink);
                if !self.any {
                    self.state = State::Answers(Vec::new());
                    self.answers(&held, true, sink);
                } else if !held.is_empty() {
                    sink(Event::Stray(&held));
                }
            }
            State::Answers(held) => {
                self.state = State::Answers(Vec::new());
                self.answers(&held, true, sink);
            }
            State::ToEnd => self.end(Ending::EndOfStream(end), sink),
            State::Until(_, tail) => {
                self.given(&tail, sink);
                self.end(Ending::Cut(end), sink);
            }
            State::Sniff(head) => {
                if !head.is_empty() {
                    self.start(None, sink);
                    self.given(&head, sink);
                    self.end(Ending::EndOfStream(end), sink);
                }
            }
            State::Limited(_) | State::Walk(_) => self.end(Ending::Cut(end), sink),
            State::Peek(held, whole)
                if self.pending.is_some()
                    && (sniff(&held) == Sniff::No || held.is_empty() && whole > USUAL) =>
            {
                // The stream ends with what may be a header and bytes that no picture begins with.
                let (mut bytes, _) = self.pending.take().unwrap_or_default();
                bytes.extend_from_slice(&held);
                sink(Event::Stray(&bytes));
            }
            State::Peek(held, whole) => {
                self.peeked(&held, whole, sink);
                self.end(Ending::Cut(end), sink);
            }
            State::Padding(_, seen) => {
                padding(seen, sink);
                self.end(Ending::Cut(end), sink);
            }
            State::Lost(mut carve) => carve.finish(end, sink),
        }
    }
}

impl LayoutDecoder {
    /// Takes bytes that are of no header; returns how many, at least one unless the state changed.
    fn take(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> usize {
        match &mut self.state {
            State::Fields => 0,
            State::Limited(left) => {
                let take = usize::try_from(*left)
                    .unwrap_or(usize::MAX)
                    .min(bytes.len());
                *left = left.saturating_sub(take as u64);
                let over = *left == 0;
                self.given(bytes.get(..take).unwrap_or_default(), sink);
                if over {
                    self.limited_done(sink);
                }
                take
            }
            State::ToEnd => {
                self.given(bytes, sink);
                bytes.len()
            }
            State::Answers(_) => {
                self.answers(bytes, false, sink);
                bytes.len()
            }
            State::Until(..) => self.until(bytes, sink),
            State::Sniff(head) => {
                let missing = SNIFF_BYTES.saturating_sub(head.len()).min(bytes.len());
                let (new, _) = bytes.split_at(missing);
                head.extend_from_slice(new);
                let head = head.clone();
                match sniff(&head) {
                    Sniff::NeedMore => return missing,
                    Sniff::No => {
                        self.start(None, sink);
                        self.given(&head, sink);
                        self.state = State::ToEnd;
                    }
                    Sniff::Is(format) => {
                        self.start(None, sink);
                        self.state = State::Walk(Box::new(Walker::new(format)));
                        self.walk(&head, sink);
                    }
                }
                missing
            }
            State::Walk(_) => self.walk(bytes, sink),
            State::Peek(held, length) => {
                let most =
                    usize::try_from(*length).map_or(SNIFF_BYTES, |most| most.min(SNIFF_BYTES));
                let missing = most.saturating_sub(held.len()).min(bytes.len());
                held.extend_from_slice(bytes.get(..missing).unwrap_or_default());
                if held.len() < most {
                    return missing;
                }
                let (held, length) = (std::mem::take(held), *length);
                if length < SNIFF_BYTES as u64 {
                    self.short(&held, sink);
                } else if let Sniff::No = sniff(&held) {
                    self.no_picture(&held, sink);
                } else {
                    self.peeked(&held, length, sink);
                }
                missing
            }
            State::Padding(left, seen) => {
                let take = usize::try_from(*left)
                    .unwrap_or(usize::MAX)
                    .min(bytes.len());
                *left = left.saturating_sub(take as u64);
                if self.excess {
                    sink(Event::Stray(bytes.get(..take).unwrap_or_default()));
                } else {
                    *seen = seen.saturating_add(take as u64);
                }
                if *left == 0 {
                    padding(*seen, sink);
                    self.state = State::Fields;
                }
                take
            }
            State::Lost(carve) => {
                carve.update(bytes, sink);
                bytes.len()
            }
        }
    }
}
