//! Pictures found by their own structure in content that lies in pieces between framing.

use super::framer::framing;
use super::{Ending, Event, Framing, Sink, StreamEnd};
use crate::picture::{SNIFF_BYTES, Sniff, Status, Walker, sniff};

/// The picture at hand of a format whose messages may each hold a piece of it: a message that ends before the picture's own
/// structure does leaves it open, and the next one goes on with it, unless it begins a picture of its own.
#[derive(Debug, Clone, Default)]
pub(super) struct Pieces {
    walker: Option<Box<Walker>>,
    /// Its message is over.
    waits: bool,
    /// A second message went on with it.
    joined: bool,
}

impl Pieces {
    /// A picture begins with these bytes.
    pub(super) fn begin(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        if let Sniff::Is(format) = sniff(bytes.get(..SNIFF_BYTES).unwrap_or(bytes)) {
            sink(Event::Structure(None));
            *self = Self {
                walker: Some(Box::new(Walker::new(format))),
                ..Self::default()
            };
        }
    }

    /// How many of these bytes are of the picture: of one that a second message went on with, up to its end.
    pub(super) fn take(&mut self, bytes: &[u8]) -> usize {
        let Some(walker) = &mut self.walker else {
            return bytes.len();
        };
        let taken = match walker.status() {
            Status::Walking => walker.update(bytes).min(bytes.len()),
            _ => 0,
        };
        match walker.status() {
            Status::Whole { .. } if self.joined => taken,
            _ => bytes.len(),
        }
    }

    /// So many bytes of it are missing.
    pub(super) fn gap(&mut self, length: u64) {
        if let Some(walker) = &mut self.walker
            && walker.status() == Status::Walking
        {
            walker.gap(length);
        }
    }

    /// Its message is over; whether the picture is not, as far as its structure tells.
    pub(super) fn message_over(&mut self) -> bool {
        let walker = self.walker.as_ref();
        self.waits = walker.is_some_and(|walker| walker.status() == Status::Walking);
        self.waits
    }

    /// Whether a picture waits for the next message.
    pub(super) fn waits(&self) -> bool {
        self.waits
    }

    /// The next message goes on with it.
    pub(super) fn go_on(&mut self, sink: &mut Sink<'_>) {
        self.waits = false;
        if !std::mem::replace(&mut self.joined, true) {
            sink(Event::GoesOn);
        }
    }

    /// Whether it is whole, of several messages.
    pub(super) fn is_joined(&self) -> bool {
        let walker = self.walker.as_ref().filter(|_| self.joined);
        walker.is_some_and(|walker| matches!(walker.status(), Status::Whole { .. }))
    }

    /// The picture is over.
    pub(super) fn end(&mut self, ending: Ending, sink: &mut Sink<'_>) {
        if let Some(walker) = &self.walker {
            sink(Event::Structure(Some(walker)));
        }
        sink(Event::PictureEnd(ending));
        *self = Self::default();
    }
}

/// Looks for pictures in the content of a format, whose own bytes lie between the pieces.
#[derive(Debug, Clone)]
pub(super) struct Scanner {
    /// What bytes of the format are called.
    name: &'static str,
    /// Bytes outside pictures that are not told of yet; those that are held, and what lies between them, among them.
    pending: u64,
    /// Content that may begin a picture.
    held: Vec<u8>,
    /// Bytes of framing between those.
    between: u64,
    /// The picture that is open.
    walker: Option<Box<Walker>>,
}

impl Scanner {
    pub(super) fn new(name: &'static str) -> Self {
        Self {
            name,
            pending: 0,
            held: Vec::new(),
            between: 0,
            walker: None,
        }
    }

    /// Whether a picture is open.
    pub(super) fn is_open(&self) -> bool {
        self.walker.is_some()
    }

    /// Bytes of the format.
    pub(super) fn framing(&mut self, bytes: u64) {
        // Told of with the next byte of a picture, whole however it came.
        self.pending = self.pending.saturating_add(bytes);
        if !self.held.is_empty() {
            self.between = self.between.saturating_add(bytes);
        }
    }

    /// Bytes of the content.
    pub(super) fn data(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        let mut rest = bytes;
        while let Some((&byte, later)) = rest.split_first() {
            let Some(walker) = &mut self.walker else {
                self.search(byte, sink);
                rest = later;
                continue;
            };
            let taken = match walker.status() {
                Status::Walking => walker.update(rest).min(rest.len()),
                _ => 0,
            };
            // Where its structure is wrong, all that comes is of the picture.
            let taken = match walker.status() {
                Status::Walking | Status::Broken { .. } => rest.len(),
                Status::Whole { .. } => taken,
            };
            let whole = matches!(walker.status(), Status::Whole { .. });
            let (new, later) = rest.split_at(taken);
            if !new.is_empty() {
                self.flush(sink);
                sink(Event::PictureData(new));
            }
            rest = later;
            if whole {
                self.end(Ending::Structure, sink);
            }
        }
    }

    fn search(&mut self, byte: u8, sink: &mut Sink<'_>) {
        self.pending = self.pending.saturating_add(1);
        if self.held.is_empty() && !matches!(byte, 0xff | 0x89 | b'G' | b'R' | b'B') {
            return;
        }
        self.held.push(byte);
        loop {
            match sniff(&self.held) {
                Sniff::NeedMore if self.held.len() < SNIFF_BYTES => return,
                Sniff::Is(format) => {
                    let held = std::mem::take(&mut self.held);
                    let between = std::mem::take(&mut self.between);
                    let wire = (held.len() as u64).saturating_add(between);
                    self.pending = self.pending.saturating_sub(wire);
                    self.flush(sink);
                    sink(Event::PictureStart { length: None });
                    if between == 0 {
                        sink(Event::PictureData(&held));
                    } else {
                        super::sequence::covered(wire, &held, sink);
                    }
                    let mut walker = Box::new(Walker::new(format));
                    walker.update(&held);
                    self.walker = Some(walker);
                    return;
                }
                Sniff::NeedMore | Sniff::No => {
                    self.held.remove(0);
                    if self.held.is_empty() {
                        self.between = 0;
                        return;
                    }
                }
            }
        }
    }

    fn flush(&mut self, sink: &mut Sink<'_>) {
        let bytes = std::mem::take(&mut self.pending);
        framing(Framing::Field(self.name), bytes, sink);
    }

    /// What is open ends.
    pub(super) fn end(&mut self, ending: Ending, sink: &mut Sink<'_>) {
        self.held.clear();
        self.between = 0;
        if self.walker.take().is_some() {
            sink(Event::PictureEnd(ending));
        }
    }

    /// What was held begins no picture.
    pub(super) fn forget(&mut self) {
        self.held.clear();
        self.between = 0;
    }

    /// So much of the content is missing.
    pub(super) fn gap(&mut self, length: u64, sink: &mut Sink<'_>) {
        self.flush(sink);
        if let Some(walker) = &mut self.walker {
            walker.gap(length);
            sink(Event::PictureGap(length));
            return;
        }
        self.held.clear();
        self.between = 0;
        sink(Event::StrayGap(length));
    }

    /// No more comes.
    pub(super) fn finish(&mut self, end: StreamEnd, sink: &mut Sink<'_>) {
        self.end(Ending::Cut(end), sink);
        self.flush(sink);
    }
}
