//! The bytes of a picture: ended by a marker or by its own structure, looked at before it is one, missing.

use super::{LayoutDecoder, State};
use crate::picture::{Sniff, Status, sniff};
use crate::wire::carve::CarveDecoder;
use crate::wire::{Decode, Ending, Event, Fault, Framing, Sink};

impl LayoutDecoder {
    /// Bytes of a picture that a marker ends.
    pub(super) fn until(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> usize {
        let State::Until(end, tail) = &mut self.state else {
            return 0;
        };
        let before = tail.len();
        // A marker is short, so little is joined: what may be its first bytes, and so many new ones.
        let room = bytes.len().min(end.len().max(64 << 10));
        let mut joined = std::mem::take(tail);
        joined.extend_from_slice(bytes.get(..room).unwrap_or_default());
        let end = end.clone();
        if let Some(at) = memchr::memmem::find(&joined, &end) {
            self.given(joined.get(..at).unwrap_or_default(), sink);
            self.end(Ending::Marker, sink);
            sink(Event::Framing {
                what: Framing::Marker,
                bytes: end.len() as u64,
            });
            self.state = State::Fields;
            self.next = self.next.saturating_add(1);
            return at.saturating_add(end.len()).saturating_sub(before);
        }
        let most = end.len().saturating_sub(1).min(joined.len());
        let keep = (1..=most)
            .rev()
            .find(|keep| joined.get(joined.len() - keep..) == end.get(..*keep))
            .unwrap_or(0);
        let kept = joined.split_off(joined.len() - keep);
        self.given(&joined, sink);
        self.state = State::Until(end, kept);
        room
    }

    /// Bytes of a picture that its structure ends.
    pub(super) fn walk(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> usize {
        let State::Walk(walker) = &mut self.state else {
            return 0;
        };
        let taken = walker.update(bytes);
        let status = walker.status();
        self.given(bytes.get(..taken).unwrap_or_default(), sink);
        match status {
            Status::Walking => {}
            Status::Whole { .. } => {
                self.end(Ending::Structure, sink);
                self.state = State::Fields;
                self.next = self.next.saturating_add(1);
            }
            Status::Broken { .. } => {
                self.end(Ending::Broken, sink);
                self.state = State::Lost(Box::new(CarveDecoder::inside()));
            }
        }
        taken
    }

    /// A picture begins with these bytes, as far as they tell.
    pub(super) fn peeked(&mut self, held: &[u8], length: u64, sink: &mut Sink<'_>) {
        self.tell_pending(sink);
        self.start(Some(length), sink);
        self.state = State::Limited(length);
        if !held.is_empty() {
            self.take(held, sink);
        }
    }

    /// A message of fewer bytes than any picture has: one of another kind, or behind the only picture bytes that are none.
    pub(super) fn short(&mut self, held: &[u8], sink: &mut Sink<'_>) {
        if self.pictures < 2 {
            self.carve(held, sink);
            return;
        }
        if self.is_inside(held) {
            self.no_picture(held, sink);
            return;
        }
        self.tell_pending(sink);
        sink(Event::Framing {
            what: Framing::Field("message"),
            bytes: held.len() as u64,
        });
        self.state = State::Fields;
        self.next = self.next.saturating_add(1);
    }

    /// Whether a picture begins within what was read as a header and a message of so few bytes: the length before it was wrong.
    fn is_inside(&self, held: &[u8]) -> bool {
        const BEGINS: usize = 3;
        let header = self.pending.as_ref().map_or(&[][..], |(header, _)| header);
        let read = [header, held].concat();
        read.windows(BEGINS)
            .enumerate()
            .filter(|(_, three)| matches!(three, [0xff, 0xd8, 0xff] | [0x89, b'P', b'N']))
            .any(|(at, _)| sniff(read.get(at..).unwrap_or_default()) != Sniff::No)
    }

    /// Where a picture should begin, none does.
    pub(super) fn no_picture(&mut self, held: &[u8], sink: &mut Sink<'_>) {
        sink(Event::Fault(Fault::NotTheLayout {
            field: "picture".to_owned(),
            found: held.escape_ascii().to_string(),
        }));
        self.carve(held, sink);
    }

    fn carve(&mut self, held: &[u8], sink: &mut Sink<'_>) {
        let mut carve = Box::new(CarveDecoder::inside());
        if let Some((header, _)) = self.pending.take() {
            carve.update(&header, sink);
        }
        carve.update(held, sink);
        self.state = State::Lost(carve);
    }

    /// A picture begins behind the header that waited for it.
    pub(super) fn tell_pending(&mut self, sink: &mut Sink<'_>) {
        for (what, bytes) in self.pending.take().into_iter().flat_map(|(_, told)| told) {
            sink(Event::Framing { what, bytes });
        }
    }

    pub(super) fn missing(&mut self, length: u64, sink: &mut Sink<'_>) {
        if length > 0 {
            self.message.given = self.message.given.saturating_add(length);
            self.message.at = self.message.at.saturating_add(length);
            // A checksum of what is not there says nothing.
            self.message.sums.clear();
            if !self.message.open {
                self.start(self.message.declared, sink);
            }
            sink(Event::PictureGap(length));
        }
    }
}
