//! `length=…`: a length field, then that many bytes of picture, repeated; length 0 means that no more follow.
//!
//! A field that cannot be a length (above [`MOST`], not digits, or above [`USUAL`] with no picture behind it where
//! another width or byte order has one) is a fault that names the width and byte order under
//! which it would be one, if what follows begins as a picture there. What comes after is carved, since nothing
//! tells where the next field is; so it is after bytes that are missing around a field.
//! A direction that sends no more than a few bytes which are no field and no picture, or text from its first byte on, is taken
//! for answers ("OK", "GOT IMAGE"): they are stray, and no fault.

mod padding;

use padding::Padding;

use super::framer::{Behind, Framer, Grammar, Next, Step, framing};
use super::infer::is_goodbye;
use super::layout::{self, Counts, Kind, Layout, Payload};
use super::{CannotEncode, Ending, Event, Fault, Framing, LengthField, Protocol, Sink, StreamEnd};
use crate::picture::{Format, SNIFF_BYTES, Sniff, sniff};

/// Whether compressed bytes are made to fill memory and time: `written` came out of `read`. Deflate can grow a thousandfold, a
/// picture of a single colour nearly as much; few pictures of more than 64 MiB are that.
pub(super) fn is_bomb(read: u64, written: u64) -> bool {
    const LARGE: u64 = 64 << 20;
    const TIMES: u64 = 256;
    written > MOST || (written > LARGE && written / TIMES > read)
}

/// What is said of such bytes.
pub(super) const BOMB: &str = "it grows to more than 64 MiB and 256 times, or to more than 1 GiB";

/// A length above this (1 GiB) is implausible.
pub(crate) const MOST: u64 = 1 << 30;

/// A length above this (64 MiB) is believed only if nothing speaks for another width or byte order.
pub(crate) const USUAL: u64 = 64 << 20;

/// A picture behind a recognised field has at least so many bytes.
const SHORTEST: u64 = SNIFF_BYTES as u64;

/// All formats of the family, in the order in which they are tried.
pub(crate) const FIELDS: [LengthField; 9] = [
    binary(4, true),
    binary(4, false),
    binary(8, true),
    binary(8, false),
    binary(2, true),
    binary(2, false),
    LengthField::Ascii(64),
    LengthField::Ascii(16),
    LengthField::Ascii(10),
];

/// So many bytes show any field of the family and the start of the picture behind it.
pub(crate) const HEAD_BYTES: usize = 64 + SNIFF_BYTES;

const fn binary(bytes: u8, big_endian: bool) -> LengthField {
    LengthField::Binary { bytes, big_endian }
}

impl LengthField {
    /// Bytes of the field.
    pub fn width(self) -> usize {
        match self {
            Self::Binary { bytes, .. } => usize::from(bytes.clamp(1, 8)),
            Self::Ascii(width) => usize::from(width.max(1)),
        }
    }

    /// The largest length that the field holds.
    pub fn most(self) -> u64 {
        match self {
            Self::Binary { .. } => {
                let bits = u32::try_from(self.width()).unwrap_or(8).saturating_mul(8);
                1_u64
                    .checked_shl(bits)
                    .map_or(u64::MAX, |next| next.saturating_sub(1))
            }
            Self::Ascii(_) => u32::try_from(self.width())
                .ok()
                .and_then(|digits| 10_u64.checked_pow(digits))
                .map_or(u64::MAX, |next| next.saturating_sub(1)),
        }
    }

    /// The field that declares `length` bytes.
    ///
    /// # Errors
    /// [`CannotEncode::TooLong`] when it cannot hold so much.
    pub fn encode(self, length: u64) -> Result<Vec<u8>, CannotEncode> {
        let most = self.most();
        if length > most {
            return Err(CannotEncode::TooLong {
                length,
                field: self,
                most,
            });
        }
        let width = self.width();
        Ok(match self {
            Self::Binary { big_endian, .. } => {
                let mut bytes: Vec<u8> = length.to_le_bytes().into_iter().take(width).collect();
                if big_endian {
                    bytes.reverse();
                }
                bytes
            }
            Self::Ascii(_) => format!("{length:<width$}").into_bytes(),
        })
    }

    /// What a field declares; absent where the text is no decimal number, or `bytes` are too few.
    pub fn decode(self, bytes: &[u8]) -> Option<u64> {
        let bytes = bytes.get(..self.width())?;
        let shift_in = |value: u64, &byte: &u8| value << 8 | u64::from(byte);
        match self {
            Self::Binary {
                big_endian: true, ..
            } => Some(bytes.iter().fold(0, shift_in)),
            Self::Binary { .. } => Some(bytes.iter().rev().fold(0, shift_in)),
            Self::Ascii(_) => {
                let digits = bytes.trim_ascii();
                if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
                    return None;
                }
                std::str::from_utf8(digits).ok()?.parse().ok()
            }
        }
    }
}

/// What the first bytes of a direction say about the length family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Guess {
    /// A plausible length, and behind it the start of a picture.
    Is(Found),
    /// A plausible length, but not enough bytes behind it.
    NeedMore,
    No,
}

/// A length field, recognised by the picture behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) field: LengthField,
    pub(super) value: u64,
    pub(super) format: Format,
    /// The other byte order would give a usual length too, and nothing decides.
    pub(super) ambiguous: bool,
}

/// Looks for a length field at the beginning of `head` by what follows it.
pub(super) fn guess(head: &[u8]) -> Guess {
    let mut need_more = false;
    let mut best: Option<Found> = None;
    for field in FIELDS {
        let width = field.width();
        let Some(picture) = head.get(width..) else {
            need_more |= could_begin(field, head);
            continue;
        };
        // No picture is as short as what is needed to recognise it.
        let Some(value @ SHORTEST..=MOST) = field.decode(head) else {
            continue;
        };
        match sniff(picture.get(..SNIFF_BYTES).unwrap_or(picture)) {
            Sniff::No => {}
            Sniff::NeedMore => need_more = true,
            Sniff::Is(format) => {
                let found = Found {
                    field,
                    value,
                    format,
                    ambiguous: false,
                };
                if own_length(format, picture) == Some(value) {
                    return Guess::Is(found);
                }
                best = Some(match best {
                    Some(other) if other.field.width() == width => other.or(found),
                    Some(other) => other,
                    None => found,
                });
            }
        }
    }
    match best {
        Some(found) => Guess::Is(found),
        None if need_more => Guess::NeedMore,
        None => Guess::No,
    }
}

impl Found {
    /// The likelier of two byte orders: the one that gives the smaller length, since the wrong one moves small
    /// digits to high places. Two bytes are too few to tell so, and the network's order, tried first, wins.
    fn or(self, other: Self) -> Self {
        let narrow = self.field.width() <= 2;
        let both_usual = self.value.max(other.value) < 16 << 20;
        let likelier = if narrow || self.value <= other.value {
            self
        } else {
            other
        };
        Self {
            ambiguous: self.value != other.value && both_usual,
            ..likelier
        }
    }
}

/// Of a field and the same in the other byte order, the one that gives the smaller length.
pub(super) fn likelier(field: LengthField, head: &[u8]) -> LengthField {
    let LengthField::Binary { bytes, big_endian } = field else {
        return field;
    };
    let other = binary(bytes, !big_endian);
    match (field.decode(head), other.decode(head)) {
        (Some(ours), Some(theirs @ SHORTEST..)) if theirs < ours => other,
        _ => field,
    }
}

/// Whether so few bytes can be the beginning of the field.
fn could_begin(field: LengthField, head: &[u8]) -> bool {
    match field {
        LengthField::Binary { .. } => true,
        LengthField::Ascii(_) => {
            let digits = head.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let after = head.get(digits..).unwrap_or_default();
            digits > 0 && after.iter().all(|&byte| byte == b' ')
        }
    }
}

/// The length that a picture's own header declares, where its format has one at the beginning.
fn own_length(format: Format, picture: &[u8]) -> Option<u64> {
    let le32 = |at: usize| {
        let bytes = picture.get(at..at.checked_add(4)?)?;
        binary(4, false).decode(bytes)
    };
    match format {
        Format::Bmp => le32(2),
        Format::WebP => le32(4)?.checked_add(8),
        _ => None,
    }
}

/// Messages of other kinds are not longer.
const SHORT: u64 = 4096;

/// Decoder of one direction of the length family.
pub(crate) type LengthDecoder = Framer<Length>;

/// Its grammar.
#[derive(Debug, Clone)]
pub struct Length {
    field: LengthField,
    /// A field was read in this direction.
    any: bool,
    /// The format was found out: eight bytes may turn out to be a number and a length of four bytes each.
    learns: bool,
    /// They did.
    split: bool,
    /// Whether zeros fill pictures up.
    padding: Padding,
    /// Bytes of the last picture.
    last: u64,
    at: At,
}

/// What comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// Bytes behind a picture, until they tell whether zeros fill it up.
    Behind,
    /// A field.
    Field,
    /// A field that declares so many bytes, and the first of what may be a message of another kind.
    Peek(u64),
    /// A field that is none, or an unusual one, and what follows, at most [`HEAD_BYTES`] in all: they tell what it is.
    Doubt,
    /// A picture.
    Picture,
    /// A message that is no picture, of which so many bytes came.
    Message(u64),
}

impl LengthDecoder {
    /// A decoder for pictures behind such length fields.
    pub fn new(field: LengthField) -> Self {
        Self::by(Length {
            field,
            any: false,
            learns: false,
            split: false,
            padding: Padding::Unknown(padding::ANY_UNIT),
            last: 0,
            at: At::Field,
        })
    }

    /// The wire format, with its field.
    pub fn protocol(&self) -> Protocol {
        self.grammar.protocol()
    }
}

impl Length {
    fn protocol(&self) -> Protocol {
        if self.split {
            return Protocol::Layout(Box::new(self.as_layout()));
        }
        if let Some(layout) = self.padded_layout() {
            return Protocol::Layout(Box::new(layout));
        }
        Protocol::Length(self.field)
    }

    /// A number and a length of four bytes each.
    fn as_layout(&self) -> Layout {
        let LengthField::Binary { big_endian, .. } = self.field else {
            return Layout::default();
        };
        let kind = Kind::Int {
            bytes: 4,
            big_endian,
            signed: false,
        };
        let length = layout::Field::says(kind.clone(), layout::Role::Length(Counts::Picture));
        let number = layout::Field::says(kind, layout::Role::Number);
        let mut message = if big_endian {
            vec![number, length]
        } else {
            vec![length, number]
        };
        message.push(layout::Field::plain(Kind::Picture(Payload::File)));
        Layout {
            message,
            ..Layout::default()
        }
    }

    /// The length in the four bytes that are the lower ones of eight, where the others turn out to be a number.
    fn lower_half(&self, bytes: &[u8]) -> Option<u64> {
        let LengthField::Binary {
            bytes: 8,
            big_endian,
        } = self.field
        else {
            return None;
        };
        let (first, second) = bytes.split_at_checked(4)?;
        let (length, number) = if big_endian {
            (second, first)
        } else {
            (first, second)
        };
        let half = binary(4, big_endian);
        let plausible = half.decode(number)? < 1 << 24;
        half.decode(length)
            .filter(|length| (SHORTEST..=USUAL).contains(length) && plausible)
    }

    /// A field, once it is complete.
    fn length(&mut self, held: &[u8], behind: Behind, sink: &mut Sink<'_>) -> Step {
        if held.len() < self.field.width() {
            return Step::More;
        }
        if self.learns
            && self.any
            && let Some(length) = self.lower_half(held)
            && self.field.decode(held) != Some(length)
        {
            self.split = true;
            return self.accept(length, held, behind, sink);
        }
        if let Some(value @ ..=USUAL) = self.field.decode(held) {
            return self.accept(value, held, behind, sink);
        }
        self.at = At::Doubt;
        Step::More
    }

    /// The field that `held` begins with declares so many bytes.
    fn accept(&mut self, value: u64, held: &[u8], behind: Behind, sink: &mut Sink<'_>) -> Step {
        let first = !std::mem::replace(&mut self.any, true);
        if self.learns && value > 0 && (!first || value <= SHORT) {
            self.at = At::Peek(value);
            return self.peek(value, held, behind, sink);
        }
        self.tell_length(value, sink);
        let next = if value == 0 {
            self.at = At::Field;
            Next::Field
        } else {
            self.picture(value, sink)
        };
        Step::Done(self.field.width(), next)
    }

    fn picture(&mut self, length: u64, sink: &mut Sink<'_>) -> Next {
        sink(Event::PictureStart {
            length: Some(length),
        });
        self.last = length;
        self.at = At::Picture;
        Next::Content(length)
    }

    fn tell_length(&self, value: u64, sink: &mut Sink<'_>) {
        framing(Framing::Length(value), self.field.width() as u64, sink);
    }

    /// A field that is none and what follows it, where a picture begins a few bytes too late: so many are too many, and the field is
    /// behind them. Or where one begins inside the field: the length before it was wrong, and from here on pictures are carved.
    fn shifted(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Option<Step> {
        const FEW: usize = 8;
        let width = self.field.width();
        if !self.learns || !self.any {
            return None;
        }
        let begins = |at: usize| {
            let rest = bytes.get(at..).unwrap_or_default();
            matches!(sniff(rest.get(..SNIFF_BYTES).unwrap_or(rest)), Sniff::Is(_))
        };
        let at = (0..=width.saturating_add(FEW)).find(|at| begins(*at))?;
        let Some(more) = at.checked_sub(width) else {
            return Some(Step::Done(0, Next::Lost));
        };
        let (stray, rest) = bytes.split_at_checked(more).unwrap_or_default();
        let length = self.field.decode(rest);
        if more == 0 || !length.is_some_and(|length| (SHORTEST..=USUAL).contains(&length)) {
            return None;
        }
        sink(Event::Stray(stray));
        self.at = At::Field;
        Some(Step::Done(more, Next::Field))
    }

    /// Decides what a message is, once enough of it came: programs that frame their pictures so frame what they answer, too.
    fn peek(&mut self, length: u64, held: &[u8], behind: Behind, sink: &mut Sink<'_>) -> Step {
        let (_, first) = held
            .split_at_checked(self.field.width())
            .unwrap_or((held, &[]));
        let most = usize::try_from(length).map_or(SNIFF_BYTES, |most| most.min(SNIFF_BYTES));
        let few = first.len() < most;
        if few && behind == Behind::More {
            return Step::More;
        }
        let first = first.get(..most).unwrap_or(first);
        if sniff(first) == Sniff::No {
            if behind == Behind::End && few && length > SHORT && !first.is_empty() {
                // The stream ends with what may be a length and bytes that no picture begins with: it is none, and no picture was cut short.
                self.at = At::Field;
                sink(Event::Stray(held));
                return Step::Done(held.len(), Next::Field);
            }
            if let Some(step) = self.shifted(held, sink) {
                return step;
            }
        }
        self.tell_length(length, sink);
        let text = length <= SHORT
            && first
                .iter()
                .all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace());
        let next = if text || length < SNIFF_BYTES as u64 {
            self.at = At::Message(0);
            Next::Content(length)
        } else {
            self.picture(length, sink)
        };
        Step::Done(self.field.width(), next)
    }

    /// Decides on the gathered bytes: takes the field for a length after all, or says what is wrong with it and
    /// carves.
    fn decide(&mut self, head: &[u8], behind: Behind, sink: &mut Sink<'_>) -> Step {
        if head.len() < HEAD_BYTES && behind == Behind::More {
            return Step::More;
        }
        if let Some(step) = self.shifted(head, sink) {
            return step;
        }
        let (field, follows) = head
            .split_at_checked(self.field.width())
            .unwrap_or((head, &[]));
        let hint = match guess(head) {
            Guess::Is(found) => Some(found.field),
            Guess::NeedMore | Guess::No => None,
        };
        let more_than_an_answer = self.any || head.len() >= HEAD_BYTES;
        let value = self.field.decode(field);
        if self.learns && self.any && is_goodbye(head) {
            return Step::Done(0, Next::Lost);
        }
        if let Some(value @ ..=MOST) = value {
            let believed = match hint {
                Some(field) => field == self.field,
                None => {
                    more_than_an_answer
                        || sniff(follows.get(..SNIFF_BYTES).unwrap_or(follows)) != Sniff::No
                }
            };
            if believed {
                return self.accept(value, head, behind, sink);
            }
        }
        // However often "OK" is said, it is no length.
        let answers = !self.any && is_text(head);
        if hint.is_some() || (more_than_an_answer && !answers) {
            let hint = hint.map(|field| format!("length={field}"));
            sink(Event::Fault(match value {
                Some(value) => Fault::ImplausibleLength { value, hint },
                None => Fault::BadField {
                    expected: "a decimal length padded with spaces",
                    found: String::from_utf8_lossy(field).into_owned(),
                    hint,
                },
            }));
        }
        Step::Done(0, Next::Lost)
    }
}

/// Whether bytes are those of text: printable, or ends of lines.
fn is_text(bytes: &[u8]) -> bool {
    bytes
        .iter()
        .all(|byte| matches!(byte, b'\t' | b'\r' | b'\n' | b' '..=b'~'))
}

impl Length {
    /// What came of a message that is no picture.
    fn told(&mut self, sink: &mut Sink<'_>) {
        if let At::Message(came) = &mut self.at {
            framing(Framing::Field("message"), std::mem::take(came), sink);
        }
    }
}

impl Grammar for Length {
    fn field(&mut self, held: &[u8], behind: Behind, sink: &mut Sink<'_>) -> Step {
        if behind == Behind::Answer {
            return Step::More;
        }
        match self.at {
            At::Behind => self.behind(held, behind, sink),
            At::Peek(length) => self.peek(length, held, behind, sink),
            At::Doubt => self.decide(held, behind, sink),
            At::Field | At::Picture | At::Message(_) => self.length(held, behind, sink),
        }
    }

    fn content(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        match &mut self.at {
            At::Message(came) => *came = came.saturating_add(bytes.len() as u64),
            _ => sink(Event::PictureData(bytes)),
        }
    }

    fn content_gap(&mut self, length: u64, sink: &mut Sink<'_>) {
        if let At::Message(_) = self.at {
            self.told(sink);
            sink(Event::StrayGap(length));
        } else {
            sink(Event::PictureGap(length));
        }
    }

    fn content_over(&mut self, sink: &mut Sink<'_>) -> Next {
        if let At::Message(_) = self.at {
            self.told(sink);
            self.at = At::Field;
        } else {
            sink(Event::PictureEnd(Ending::Length));
            self.at = if self.may_be_filled() {
                At::Behind
            } else {
                At::Field
            };
        }
        Next::Field
    }

    fn learn(&mut self) {
        self.learns = true;
    }

    fn cut(&mut self, _left: u64, end: StreamEnd, sink: &mut Sink<'_>) {
        if let At::Message(_) = self.at {
            self.told(sink);
        } else {
            sink(Event::PictureEnd(Ending::Cut(end)));
        }
    }
}

#[cfg(test)]
mod tests;
