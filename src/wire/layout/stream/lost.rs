//! What is no message of the layout: its answers, or bytes whose framing is lost and that are carved.

use super::{LayoutDecoder, Section, State};
use crate::wire::carve::CarveDecoder;
use crate::wire::layout::{Field, Size};
use crate::wire::{Decode, Ending, Event, Fault, Framing, Sink, StreamEnd};

impl LayoutDecoder {
    /// What is held is no header: it, and what follows, is carved. Whether the layout goes on all the same.
    pub(super) fn lose(&mut self, field: &Field, sink: &mut Sink<'_>) -> bool {
        self.told.clear();
        if self.learns
            && self.section == Section::Piece
            && self.message.open
            && self.message.structure.is_whole(self.message.given)
        {
            // No piece any more: the picture is over, whatever its length said.
            self.end(Ending::Broken, sink);
            self.message.over = true;
            self.read = 0;
            self.leave_pieces();
            return true;
        }
        let gone = std::mem::take(&mut self.held);
        let from = std::mem::take(&mut self.read);
        if self.message.open {
            self.message.open = false;
            sink(Event::PictureEnd(Ending::Broken));
        }
        if !self.any && !self.layout.answer.is_empty() {
            self.state = State::Answers(Vec::new());
            self.answers(&gone, false, sink);
            return false;
        }
        if self.any {
            let start = gone.get(from..).unwrap_or_default();
            // As many bytes as show it, however many came.
            let shows = |count: &usize| {
                let shown = start.get(..*count).unwrap_or(start);
                let size = field.kind.size(shown, self.message.name_length, false);
                size == Size::Wrong || size == Size::Is(*count)
            };
            let count = (1..=start.len()).find(shows).unwrap_or(start.len());
            let found = start.get(..count.min(32)).unwrap_or_default();
            sink(Event::Fault(Fault::NotTheLayout {
                field: field.to_string(),
                found: found.escape_ascii().to_string(),
            }));
        }
        let mut carve = Box::new(CarveDecoder::inside());
        if !gone.is_empty() {
            carve.update(&gone, sink);
        }
        self.state = State::Lost(carve);
        false
    }

    /// Takes more bytes of a direction that answers; what is no answer is carved. With `ended` no more come.
    pub(super) fn answers(&mut self, bytes: &[u8], ended: bool, sink: &mut Sink<'_>) {
        let State::Answers(held) = &mut self.state else {
            return;
        };
        let mut held = std::mem::take(held);
        held.extend_from_slice(bytes);
        let mut from = 0_usize;
        loop {
            let mut at = from;
            let mut whole = !self.layout.answer.is_empty();
            for field in &self.layout.answer {
                let rest = held.get(at..).unwrap_or_default();
                match field.kind.size(rest, None, ended) {
                    Size::Is(size) => at = at.saturating_add(size),
                    Size::Needs(_) => {
                        whole = false;
                        break;
                    }
                    Size::Wrong => {
                        let mut carve = Box::new(CarveDecoder::inside());
                        let rest = held.get(from..).unwrap_or_default();
                        if !rest.is_empty() {
                            carve.update(rest, sink);
                        }
                        if ended {
                            carve.finish(StreamEnd::Fin, sink);
                        }
                        self.state = State::Lost(carve);
                        return;
                    }
                }
            }
            if !whole || at == from {
                break;
            }
            sink(Event::Framing {
                what: Framing::Field("answer"),
                bytes: at.saturating_sub(from) as u64,
            });
            from = at;
            if from == held.len() {
                break;
            }
        }
        held.drain(..from);
        if ended && !held.is_empty() {
            sink(Event::Stray(&held));
            held.clear();
        }
        self.state = State::Answers(held);
    }
}
