//! The machine of formats whose stream is fields and content in turn: lengths and pictures, heads and bodies.
//!
//! [`Framer`] drives one grammar a format, as [`crate::picture`]'s walker does for pictures. It gathers fields byte by byte,
//! counts content, and carves what is left where the framing is lost; a grammar says what a field means and what follows it. No
//! grammar sees how the bytes were split.

use super::carve::CarveDecoder;
use super::{Decode, Ending, Event, Fault, Framing, Sink, StreamEnd};

/// What follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// A field.
    Field,
    /// So many bytes of content; 0 is allowed.
    Content(u64),
    /// Nothing that could be told: all that comes is carved.
    Lost,
}

/// What a field is, as far as it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// More bytes tell.
    More,
    /// So many of its bytes are told of; those behind them are of what follows.
    Done(usize, Next),
}

/// What comes behind the bytes of a field that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behind {
    /// More of them.
    More,
    /// The other side answered ([`Decode::flush`]).
    Answer,
    /// A gap.
    Gap,
    /// Nothing: the stream ended.
    End,
}

/// Tells of so many bytes of the format, if any.
pub(super) fn framing(what: Framing, bytes: u64, sink: &mut Sink<'_>) {
    if bytes > 0 {
        sink(Event::Framing { what, bytes });
    }
}

/// A field that is none: what was expected is a fault, and the framing is lost.
pub(super) fn unexpected(expected: &'static str, found: &[u8], sink: &mut Sink<'_>) -> Step {
    sink(Event::Fault(Fault::BadField {
        expected,
        found: String::from_utf8_lossy(found).into_owned(),
        hint: None,
    }));
    Step::Done(0, Next::Lost)
}

/// One format's grammar.
pub trait Grammar {
    /// Another byte of a field came, or none of it will: tells of what is complete in `held`, which is empty only where no more comes.
    /// What is done takes bytes, or asks for something else than before.
    fn field(&mut self, held: &[u8], behind: Behind, sink: &mut Sink<'_>) -> Step;

    /// Bytes of the content.
    fn content(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        sink(Event::PictureData(bytes));
    }

    /// Bytes of the content that are missing.
    fn content_gap(&mut self, length: u64, sink: &mut Sink<'_>) {
        sink(Event::PictureGap(length));
    }

    /// Whether the framing goes on behind a gap of `length` bytes in content of which `left` are to come.
    fn bridges(&self, length: u64, left: u64) -> bool {
        let _ = (length, left);
        true
    }

    /// The other side answered inside the content: whether it is over with that, whatever was to come.
    fn answered(&mut self) -> bool {
        false
    }

    /// All of the content came, or went by.
    fn content_over(&mut self, sink: &mut Sink<'_>) -> Next {
        sink(Event::PictureEnd(Ending::Length));
        Next::Field
    }

    /// [`Decode::learn`].
    fn learn(&mut self) {}

    /// The framing is lost here, or the stream ends between two contents: tells of what waits to be told.
    fn lose(&mut self, sink: &mut Sink<'_>) {
        let _ = sink;
    }

    /// The stream ends inside the content, of which `left` bytes were to come.
    fn cut(&mut self, left: u64, end: StreamEnd, sink: &mut Sink<'_>) {
        let _ = left;
        sink(Event::PictureEnd(Ending::Cut(end)));
    }

    /// The stream ends behind these bytes of a field.
    fn end(&mut self, held: &[u8], end: StreamEnd, sink: &mut Sink<'_>) {
        let _ = end;
        self.lose(sink);
        if !held.is_empty() {
            sink(Event::Stray(held));
        }
    }
}

/// Decoder of one direction, by a grammar.
#[derive(Debug, Clone, Default)]
pub struct Framer<G> {
    pub(super) grammar: G,
    /// Bytes of a field that is not complete.
    held: Vec<u8>,
    at: At,
}

#[derive(Debug, Clone, Default)]
enum At {
    #[default]
    Field,
    /// So many bytes are to come.
    Content(u64),
    Lost(Box<CarveDecoder>),
}

impl<G: Grammar> Framer<G> {
    pub(super) fn by(grammar: G) -> Self {
        Self {
            grammar,
            held: Vec::new(),
            at: At::Field,
        }
    }

    fn go(&mut self, next: Next, sink: &mut Sink<'_>) {
        let mut next = next;
        while next == Next::Content(0) {
            next = self.grammar.content_over(sink);
        }
        self.at = match next {
            Next::Field => At::Field,
            Next::Content(left) => At::Content(left),
            Next::Lost => {
                self.grammar.lose(sink);
                At::Lost(Box::new(CarveDecoder::inside()))
            }
        };
    }

    /// The field that these bytes begin with: how many of them are told of, and what follows; absent where it is not complete.
    fn whole(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Option<(usize, Next)> {
        (1..=bytes.len()).find_map(|end| {
            let field = bytes.get(..end).unwrap_or(bytes);
            match self.grammar.field(field, Behind::More, sink) {
                Step::More => None,
                Step::Done(used, next) => Some((used, next)),
            }
        })
    }

    /// Takes apart what is held.
    fn step(&mut self, behind: Behind, sink: &mut Sink<'_>) {
        while matches!(self.at, At::Field) {
            let Step::Done(used, next) = self.grammar.field(&self.held, behind, sink) else {
                return;
            };
            let held = std::mem::take(&mut self.held);
            self.go(next, sink);
            self.update(held.get(used..).unwrap_or_default(), sink);
            if behind == Behind::More {
                return;
            }
        }
    }
}

impl<G: Grammar> Decode for Framer<G> {
    fn update(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        let mut rest = bytes;
        while let Some((&byte, later)) = rest.split_first() {
            match &mut self.at {
                // Most fields come whole: they are read where they are.
                At::Field if self.held.is_empty() => {
                    let Some((used, next)) = self.whole(rest, sink) else {
                        self.held.extend_from_slice(rest);
                        return;
                    };
                    rest = rest.get(used..).unwrap_or_default();
                    self.go(next, sink);
                }
                At::Field => {
                    rest = later;
                    self.held.push(byte);
                    self.step(Behind::More, sink);
                }
                At::Content(left) => {
                    let take = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                    let (new, later) = rest.split_at(take);
                    rest = later;
                    *left = left.saturating_sub(take as u64);
                    let over = *left == 0;
                    self.grammar.content(new, sink);
                    if over {
                        self.go(Next::Content(0), sink);
                    }
                }
                At::Lost(carve) => {
                    carve.update(rest, sink);
                    return;
                }
            }
        }
    }

    fn gap(&mut self, length: u64, sink: &mut Sink<'_>) {
        let mut length = length;
        while length > 0 {
            self.step(Behind::Gap, sink);
            match &mut self.at {
                At::Content(left) if self.grammar.bridges(length, *left) => {
                    let gone = length.min(*left);
                    *left = left.saturating_sub(gone);
                    length = length.saturating_sub(gone);
                    let over = *left == 0;
                    self.grammar.content_gap(gone, sink);
                    if over {
                        self.go(Next::Content(0), sink);
                    }
                }
                // Nothing tells where the next field is.
                At::Field | At::Content(_) => {
                    let held = std::mem::take(&mut self.held);
                    self.go(Next::Lost, sink);
                    self.update(&held, sink);
                }
                At::Lost(carve) => {
                    carve.gap(length, sink);
                    return;
                }
            }
        }
    }

    fn flush(&mut self, sink: &mut Sink<'_>) {
        self.step(Behind::Answer, sink);
        if matches!(self.at, At::Content(_)) && self.grammar.answered() {
            self.at = At::Field;
        }
    }

    fn learn(&mut self) {
        self.grammar.learn();
    }

    fn finish(&mut self, end: StreamEnd, sink: &mut Sink<'_>) {
        self.step(Behind::End, sink);
        match &mut self.at {
            At::Field => self.grammar.end(&self.held, end, sink),
            At::Content(left) => self.grammar.cut(*left, end, sink),
            At::Lost(carve) => carve.finish(end, sink),
        }
    }
}
