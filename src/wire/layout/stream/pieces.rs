//! A picture in pieces.

use super::{LayoutDecoder, Section, State};
use crate::wire::{Ending, Sink};

impl LayoutDecoder {
    /// A piece's bytes come next.
    pub(super) fn data(&mut self, fixed: Option<u32>, sink: &mut Sink<'_>) {
        let left = self
            .message
            .length
            .map(|length| length.saturating_sub(self.message.given));
        let said = self.message.piece.take().or(fixed.map(u64::from));
        let take = match (said, left) {
            (Some(said), Some(left)) => said.min(left),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => {
                self.flush(sink);
                self.state = State::ToEnd;
                return;
            }
        };
        self.message.pieces = self.message.pieces.saturating_add(1);
        // The last buffer of a fixed size may be sent whole; a last piece that is longer than what is left, and as long as no other, is
        // longer than announced.
        let size = said.unwrap_or(take);
        let usual = *self.message.piece_size.get_or_insert(size);
        self.excess = self.learns && fixed.is_none() && size > take && size != usual;
        let empty = said == Some(0) && fixed.is_none();
        if empty {
            // What ended the picture comes behind its end.
            self.end(Ending::Length, sink);
            self.message.over = true;
        }
        self.flush(sink);
        if take > 0 && !self.message.open {
            let length = self.message.length;
            self.start(length, sink);
        }
        self.message.piece = Some(said.unwrap_or(take).saturating_sub(take));
        self.state = State::Limited(take);
        if take == 0 {
            self.limited_done(sink);
        }
    }

    /// The picture's bytes, or a piece's, came.
    pub(super) fn limited_done(&mut self, sink: &mut Sink<'_>) {
        self.state = State::Fields;
        self.next = self.next.saturating_add(1);
        if self.section != Section::Piece {
            self.end(Ending::Length, sink);
            return;
        }
        let message = &mut self.message;
        let padding = message.piece.take().unwrap_or(0);
        let last = std::mem::take(&mut message.last);
        // Nothing but the picture's own structure says which piece is the last.
        let whole = message.length.is_none() && message.structure.is_whole(message.given);
        message.over |= last
            || whole
            || message.length == Some(message.given)
            || message.count.is_some_and(|count| message.pieces >= count);
        if message.over {
            self.end(Ending::Length, sink);
        }
        if padding > 0 {
            self.state = State::Padding(padding, 0);
        }
    }
}
