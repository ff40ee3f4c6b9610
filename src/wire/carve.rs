//! `carve`: none of the known formats; pictures found by walking their own structure.
//!
//! A picture starts where [`sniff`] says so and ends where its [`Walker`] does; end bytes are never searched
//! for. What lies between is stray, except the end markers that programs are known to use: one right behind a
//! picture is framing, and tells the format ([`CarveDecoder::protocol`]). A stream that begins as a PDF is left
//! alone: the JPEGs in it are parts of a document that nobody sent as pictures.
//!
//! Where bytes are missing outside of a picture, or the beginning of the stream is not known, a JPEG may be the thumbnail
//! inside another picture whose beginning is missing. The first one is then walked and not told of; if another picture or an end
//! marker stands right behind it, it was none, and from there on all is certain again.
//!
//! Where a structure breaks, the picture ends as [`Ending::Broken`] at the element that is wrong, and the search
//! goes on from there, since that element may be the start of the next picture. To be able to go back,
//! [`HOLD`] bytes are held back.

use super::{Decode, Ending, Event, Framing, PIPELINE_MARKER, Protocol, Sink, StreamEnd};
use crate::picture::{Format, SNIFF_BYTES, Sniff, Status, Walker, begun, sniff};

/// End markers that programs are known to send behind a picture. None begins with another one.
pub(crate) const KNOWN_MARKERS: [&[u8]; 11] = [
    PIPELINE_MARKER,
    b"<END>",
    b"<END OF FILE>",
    b"DONE",
    b"<EOF>",
    b"EOF",
    b"END",
    b"<<END>>",
    b"<DONE>",
    b"<STOP>",
    b"--END--",
];

/// So many bytes behind the one picture of a stream are left over, and no framing of their own.
const MOST_LEFT_OVER: u8 = 4;

/// Most bytes held back: the longest field that a walker takes at once, and more than a start or a marker needs.
const HOLD: usize = 36;

const PDF: &[u8] = b"%PDF";

/// Decoder of one direction of unknown format.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a question of its own, and there may be a hundred thousand decoders"
)]
pub struct CarveDecoder {
    state: State,
    /// First `held` bytes: fed, but not emitted. While walking they are the picture's last bytes, already
    /// walked; otherwise they are undecided.
    hold: [u8; HOLD],
    held: u8,
    /// No byte of the stream was decided so far.
    fresh: bool,
    /// All that was emitted so far is one picture from the first byte on.
    alone: bool,
    /// What begins as a picture may lie inside another one.
    doubt: bool,
    /// A picture that may have been none ended right here.
    probed: bool,
    /// Programs on the port are known to speak `eof`, and the bytes say nothing else: what a broken structure goes on with is of
    /// the picture all the same.
    eof: bool,
    shown: Option<Shown>,
    /// Bytes that followed a picture that stood alone.
    left_over: u8,
    /// The last byte outside pictures, and the one before it.
    outside: [u8; 2],
}

#[derive(Debug, Clone)]
enum State {
    /// Looking for the start of a picture.
    Search,
    /// Inside a picture. Boxed: most directions are not, most of the time.
    Walk(Box<Walker>),
    /// Inside what may be a picture, or a part of one that began before.
    Probe(Box<Walker>),
    /// Behind a picture's own end, and it is not known yet what that means here.
    Ended,
    /// The picture goes on to the end of the stream.
    Rest,
    /// Right behind a picture or a marker: another marker may follow.
    Behind,
    /// A document: all is stray.
    Document,
}

/// The format that what followed the pictures showed.
#[derive(Debug, Clone, Copy)]
enum Shown {
    /// The one with this index of the known ones.
    Marker(u8),
    Eof,
}

/// What lies at the beginning of some bytes.
enum Start {
    /// Bytes that start nothing, so many.
    Nothing(usize),
    /// A picture, after so many bytes that start nothing.
    Picture(usize, Format),
}

impl Default for CarveDecoder {
    fn default() -> Self {
        Self::new()
    }
}

impl CarveDecoder {
    /// A decoder at the first byte of a stream.
    pub fn new() -> Self {
        Self {
            state: State::Search,
            hold: [0; HOLD],
            held: 0,
            fresh: true,
            alone: false,
            doubt: false,
            probed: false,
            eof: false,
            shown: None,
            left_over: 0,
            outside: [0; 2],
        }
    }

    /// A decoder at the first byte of a stream that begins with a picture, on a port whose programs speak `eof`.
    pub fn on_eof_port() -> Self {
        Self {
            eof: true,
            ..Self::new()
        }
    }

    /// A decoder somewhere inside a stream whose format was lost.
    pub(super) fn inside() -> Self {
        Self {
            fresh: false,
            ..Self::new()
        }
    }

    /// What follows is framed again: a picture that is not over never will be.
    pub(super) fn give_up(&mut self, sink: &mut Sink<'_>) {
        if let State::Walk(walker) = &self.state {
            sink(Event::Structure(Some(walker)));
        }
        match &self.state {
            State::Walk(_) | State::Rest => {
                self.release(sink);
                sink(Event::PictureEnd(Ending::Broken));
            }
            State::Ended => {
                sink(Event::PictureEnd(Ending::Structure));
                self.settle(sink);
            }
            _ => self.settle(sink),
        }
        self.state = State::Search;
    }

    /// The format that followed the pictures, once it showed: `marker=…` or `eof`; until then `carve`.
    pub fn protocol(&self) -> Protocol {
        match self.shown {
            Some(Shown::Marker(index)) => {
                let marker = KNOWN_MARKERS.get(usize::from(index)).copied();
                Protocol::Marker(marker.unwrap_or_default().into())
            }
            Some(Shown::Eof) => Protocol::Eof,
            None if self.eof => Protocol::Eof,
            None => Protocol::Carve,
        }
    }

    fn stray(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        if !bytes.is_empty() {
            if self.alone || self.left_over > 0 {
                let more = u8::try_from(bytes.len()).unwrap_or(u8::MAX);
                self.left_over = self.left_over.saturating_add(more);
            }
            self.fresh = false;
            self.alone = false;
            self.outside = match *bytes {
                [.., before, last] => [before, last],
                [last] => [self.outside[1], last],
                [] => self.outside,
            };
            sink(Event::Stray(bytes));
        }
    }

    /// Whether the stream ends with what set the picture apart from what came before it: what looks cut is byte-stuffed
    /// (RFC 1055, RFC 1662), and broke the picture's structure.
    fn is_stuffed(&self) -> bool {
        let held = self.hold.get(..usize::from(self.held)).unwrap_or_default();
        matches!(
            (self.outside, held),
            ([_, 0xc0], [.., 0xc0]) | ([_, 0x7e], [.., 0x7e]) | ([0x10, 0x02], [.., 0x10, 0x03])
        )
    }

    /// A whole stream that is the signature of a picture and little more is one that was cut.
    fn settle_begun(&mut self, end: StreamEnd, sink: &mut Sink<'_>) {
        let held = self.hold.get(..usize::from(self.held)).unwrap_or_default();
        if !(self.fresh
            && !self.doubt
            && end == StreamEnd::Fin
            && matches!(self.state, State::Search))
        {
            return;
        }
        if let Some(format) = begun(held) {
            let mut walker = Walker::new(format);
            walker.update(held);
            sink(Event::PictureStart { length: None });
            sink(Event::Structure(None));
            self.state = State::Walk(Box::new(walker));
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        for (place, &byte) in self.hold.iter_mut().zip(bytes) {
            *place = byte;
        }
        self.held = u8::try_from(bytes.len().min(HOLD)).unwrap_or(0);
    }

    /// Takes out what is held: a copy of all places, and how many count.
    fn take_held(&mut self) -> ([u8; HOLD], usize) {
        (self.hold, usize::from(std::mem::take(&mut self.held)))
    }

    /// Takes bytes in the present state, nothing undecided being held; returns how many are done with, at least
    /// one unless the state changed.
    fn process(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> usize {
        match &mut self.state {
            State::Search => self.search(bytes, sink),
            State::Walk(_) => self.walk(bytes, sink),
            State::Probe(_) => self.probe(bytes, sink),
            State::Ended => self.ended(bytes, sink),
            State::Rest => {
                data(bytes, sink);
                bytes.len()
            }
            State::Behind => self.behind(bytes, sink),
            State::Document => {
                self.stray(bytes, sink);
                bytes.len()
            }
        }
    }

    fn search(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> usize {
        if self.fresh {
            if bytes.starts_with(PDF) {
                self.state = State::Document;
                return 0;
            }
            if PDF.starts_with(bytes) {
                self.keep(bytes);
                return bytes.len();
            }
        }
        let start = next_start(bytes);
        if self.probed {
            match start {
                Start::Picture(0, _) => self.doubt = false,
                // Too few bytes to tell.
                Start::Nothing(0) => {}
                _ => self.probed = false,
            }
        }
        match start {
            Start::Nothing(before) => {
                let (stray, undecided) = bytes.split_at_checked(before).unwrap_or((bytes, &[]));
                self.stray(stray, sink);
                self.keep(undecided);
                bytes.len()
            }
            Start::Picture(before, format) => {
                self.stray(bytes.get(..before).unwrap_or_default(), sink);
                if !self.fresh {
                    // Another picture: what stood before it was framing.
                    self.left_over = u8::MAX;
                }
                self.alone = self.fresh && !self.doubt;
                self.fresh = false;
                self.probed = false;
                if self.doubt && format == Format::Jpeg {
                    self.state = State::Probe(Box::new(Walker::new(format)));
                    return before;
                }
                self.state = State::Walk(Box::new(Walker::new(format)));
                sink(Event::PictureStart { length: None });
                sink(Event::Structure(None));
                before
            }
        }
    }

    fn walk(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> usize {
        let State::Walk(walker) = &mut self.state else {
            return 0;
        };
        let taken = walker.update(bytes);
        let position = walker.position();
        if walker.status() != Status::Walking {
            sink(Event::Structure(Some(walker)));
        }
        match walker.status() {
            Status::Walking => {
                self.pass_on(bytes, sink);
                bytes.len()
            }
            Status::Whole { .. } => {
                self.release(sink);
                data(bytes.get(..taken).unwrap_or_default(), sink);
                if self.eof && self.alone {
                    self.state = State::Ended;
                } else {
                    sink(Event::PictureEnd(Ending::Structure));
                    self.state = State::Behind;
                }
                taken
            }
            Status::Broken { .. } if self.eof && self.alone => {
                self.release(sink);
                self.state = State::Rest;
                0
            }
            Status::Broken { at, .. } => {
                // At least the first byte stays with the broken picture, or the search would find it again.
                let again = position.saturating_sub(at.max(1));
                let again = usize::try_from(again).unwrap_or(usize::MAX).min(HOLD);
                self.state = State::Search;
                let done = if let Some(done) = taken.checked_sub(again) {
                    self.release(sink);
                    data(bytes.get(..done).unwrap_or_default(), sink);
                    done
                } else {
                    let (hold, count) = self.take_held();
                    let keep = again.saturating_sub(taken).min(count);
                    let (hold, _) = hold.split_at_checked(count).unwrap_or_default();
                    let (out, kept) = hold
                        .split_at_checked(count.saturating_sub(keep))
                        .unwrap_or_default();
                    data(out, sink);
                    self.keep(kept);
                    0
                };
                sink(Event::PictureEnd(Ending::Broken));
                self.alone = false;
                done
            }
        }
    }

    /// Walks what may be a part of another picture, and tells of nothing.
    fn probe(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> usize {
        let State::Probe(walker) = &mut self.state else {
            return 0;
        };
        let taken = walker.update(bytes);
        match walker.status() {
            Status::Walking => {
                self.stray(bytes, sink);
                bytes.len()
            }
            Status::Whole { .. } => {
                self.stray(bytes.get(..taken).unwrap_or_default(), sink);
                self.probed = true;
                self.state = State::Behind;
                taken
            }
            Status::Broken { .. } => {
                // At least one byte, or the search would find it again.
                let taken = taken.max(1).min(bytes.len());
                self.stray(bytes.get(..taken).unwrap_or_default(), sink);
                self.state = State::Search;
                taken
            }
        }
    }

    /// Behind the own end of the first picture, on a port whose programs are known.
    fn ended(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> usize {
        for (index, marker) in (0..).zip(KNOWN_MARKERS) {
            if bytes.starts_with(marker) {
                sink(Event::PictureEnd(Ending::Marker));
                sink(Event::Framing {
                    what: Framing::Marker,
                    bytes: marker.len() as u64,
                });
                // The bytes speak against the port.
                self.eof = false;
                self.alone = false;
                self.shown = Some(Shown::Marker(index));
                self.state = State::Behind;
                return marker.len();
            }
            if marker.starts_with(bytes) {
                self.keep(bytes);
                return bytes.len();
            }
        }
        // What follows is no part of it.
        sink(Event::PictureEnd(Ending::Structure));
        self.state = State::Behind;
        0
    }

    fn behind(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> usize {
        for (index, marker) in (0..).zip(KNOWN_MARKERS) {
            if bytes.starts_with(marker) {
                self.shown = Some(Shown::Marker(index));
                self.alone = false;
                self.doubt = false;
                self.probed = false;
                sink(Event::Framing {
                    what: Framing::Marker,
                    bytes: marker.len() as u64,
                });
                return marker.len();
            }
            if marker.starts_with(bytes) {
                self.keep(bytes);
                return bytes.len();
            }
        }
        self.state = State::Search;
        0
    }

    /// Emits picture data up to the last [`HOLD`] bytes, which are held back.
    fn pass_on(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        let over = bytes.len().saturating_sub(HOLD);
        if over > 0 {
            self.release(sink);
            let (out, kept) = bytes.split_at_checked(over).unwrap_or_default();
            data(out, sink);
            self.keep(kept);
            return;
        }
        let held = usize::from(self.held);
        let out = held.saturating_add(bytes.len()).saturating_sub(HOLD);
        data(self.hold.get(..out).unwrap_or_default(), sink);
        self.hold.copy_within(out.min(held)..held, 0);
        let left = held.saturating_sub(out);
        for (place, &byte) in self.hold.iter_mut().skip(left).zip(bytes) {
            *place = byte;
        }
        self.held = u8::try_from(left.saturating_add(bytes.len())).unwrap_or(0);
    }

    /// Emits as picture data what is held back of the picture.
    fn release(&mut self, sink: &mut Sink<'_>) {
        let (hold, count) = self.take_held();
        data(hold.get(..count).unwrap_or_default(), sink);
    }

    /// Gives up what is undecided: nothing follows it.
    fn settle(&mut self, sink: &mut Sink<'_>) {
        let (hold, count) = self.take_held();
        self.stray(hold.get(..count).unwrap_or_default(), sink);
    }
}

fn data(bytes: &[u8], sink: &mut Sink<'_>) {
    if !bytes.is_empty() {
        sink(Event::PictureData(bytes));
    }
}

/// The first picture start in `bytes`; without one, how many bytes certainly start nothing.
fn next_start(bytes: &[u8]) -> Start {
    let mut at = 0_usize;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let candidate = |byte: &u8| matches!(byte, 0xff | 0x89 | b'G' | b'R' | b'B');
        let Some(skip) = rest.iter().position(candidate) else {
            return Start::Nothing(bytes.len());
        };
        at = at.saturating_add(skip);
        let rest = rest.get(skip..).unwrap_or_default();
        match sniff(rest.get(..SNIFF_BYTES).unwrap_or(rest)) {
            Sniff::Is(format) => return Start::Picture(at, format),
            Sniff::NeedMore => return Start::Nothing(at),
            Sniff::No => at = at.saturating_add(1),
        }
    }
}

impl Decode for CarveDecoder {
    fn update(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let alone = matches!(self.state, State::Walk(_) | State::Probe(_) | State::Rest);
            if self.held == 0 || alone {
                let done = self.process(rest, sink);
                rest = rest.get(done..).unwrap_or_default();
                continue;
            }
            // Undecided bytes are joined with so many new ones that they can be decided.
            let (hold, count) = self.take_held();
            let mut window = [0; 2 * HOLD];
            let (new, later) = rest.split_at(rest.len().min(HOLD));
            let joined = hold.iter().take(count).chain(new);
            for (place, &byte) in window.iter_mut().zip(joined) {
                *place = byte;
            }
            let mut part = window
                .get(..count.saturating_add(new.len()))
                .unwrap_or_default();
            // A picture that begins inside the window has all its bytes there, so no walk in it has to go back
            // to held bytes: `process` never leaves any undecided before its end.
            while !part.is_empty() {
                let done = self.process(part, sink);
                part = part.get(done..).unwrap_or_default();
            }
            rest = later;
        }
    }

    fn gap(&mut self, length: u64, sink: &mut Sink<'_>) {
        if length == 0 {
            return;
        }
        if matches!(self.state, State::Ended) {
            // Whatever is held is of what ends the picture, or of what follows.
            sink(Event::PictureEnd(Ending::Structure));
            self.state = State::Behind;
        }
        if matches!(self.state, State::Rest) {
            sink(Event::PictureGap(length));
            return;
        }
        let mut left = length;
        if let State::Walk(walker) = &mut self.state {
            let gone = walker.gap(length).min(length);
            let status = walker.status();
            if status != Status::Walking {
                sink(Event::Structure(Some(walker)));
            }
            self.release(sink);
            if gone > 0 {
                sink(Event::PictureGap(gone));
            }
            left = length.saturating_sub(gone);
            match status {
                Status::Walking => {}
                Status::Whole { .. } => {
                    sink(Event::PictureEnd(Ending::Structure));
                    self.state = State::Behind;
                }
                Status::Broken { .. } if self.eof && self.alone => {
                    self.state = State::Rest;
                }
                Status::Broken { .. } => {
                    sink(Event::PictureEnd(Ending::Broken));
                    self.alone = false;
                    self.doubt = true;
                    self.state = State::Search;
                }
            }
        } else {
            self.settle(sink);
            if matches!(self.state, State::Probe(_)) {
                self.state = State::Search;
            }
        }
        if left > 0 {
            self.doubt = true;
            self.probed = false;
            self.fresh = false;
            self.alone = false;
            self.left_over = u8::MAX;
            if matches!(self.state, State::Behind) {
                self.state = State::Search;
            }
            sink(Event::StrayGap(left));
        }
    }

    fn doubt(&mut self) {
        self.doubt = true;
    }

    fn finish(&mut self, end: StreamEnd, sink: &mut Sink<'_>) {
        let ends = if self.eof {
            Ending::EndOfStream(end)
        } else if self.is_stuffed() {
            Ending::Broken
        } else {
            Ending::Cut(end)
        };
        self.settle_begun(end, sink);
        if let State::Walk(walker) = &self.state {
            sink(Event::Structure(Some(walker)));
        }
        match &mut self.state {
            State::Walk(_) | State::Rest => {
                self.release(sink);
                sink(Event::PictureEnd(ends));
            }
            State::Ended => {
                sink(Event::PictureEnd(ends));
                self.settle(sink);
            }
            State::Behind if self.alone && self.held == 0 && end == StreamEnd::Fin => {
                self.shown = Some(Shown::Eof);
            }
            State::Behind | State::Search => {
                self.settle(sink);
                let few = (1..=MOST_LEFT_OVER).contains(&self.left_over);
                if few && self.shown.is_none() && end == StreamEnd::Fin {
                    // A byte too many makes no other format of it.
                    self.shown = Some(Shown::Eof);
                }
            }
            _ => self.settle(sink),
        }
        self.state = State::Search;
    }
}

#[cfg(test)]
mod tests;
