//! Numbered pieces of one picture, put in order again within a limit.
//!
//! Pieces are keyed by their number or by their byte offset. One that comes in order is passed on and not kept; one
//! that comes ahead waits, at most [`MOST_WAITING`] bytes in all; when that is not enough, the pieces before it are
//! given up as lost. Of each piece its CRC-32 is remembered, so that a repeat can be told from a piece of
//! another picture; of at most [`MOST_SEEN`] pieces.

use std::collections::BTreeMap;

use super::{Event, Framing, Sink};

/// Most bytes that wait for a piece before them.
pub(crate) const MOST_WAITING: usize = 16 << 20;
/// Most pieces whose checksums are remembered: of more, the earliest are forgotten.
pub(crate) const MOST_SEEN: usize = 1 << 16;

/// The place of a numbered piece among those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Order {
    /// The one that was due.
    Next,
    /// Pieces before it have not come yet.
    Ahead,
    /// It fills a hole: pieces behind it came before it.
    Late,
    /// It fills a hole, and was handed over after those behind it: nothing overtook it.
    Again,
    /// It came before, with the same bytes.
    Repeat,
    /// The very same datagram came before: it was handed over once and doubled on its way.
    Copy,
    /// Its place had been given up.
    TooLate,
}

/// What a piece means for the picture that is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// It belongs to it.
    Here(Order),
    /// Its number came before with other bytes: it belongs to another picture.
    Elsewhere,
}

/// Tells of so many bytes that are missing, of a picture or between two.
pub(super) fn missing_bytes(in_picture: bool, length: u64, sink: &mut Sink<'_>) {
    if length > 0 {
        sink(if in_picture {
            Event::PictureGap(length)
        } else {
            Event::StrayGap(length)
        });
    }
}

/// The pieces of one picture.
#[derive(Debug, Clone, Default)]
pub(super) struct Sequence {
    /// Key of the next piece in order.
    next: u64,
    waiting: BTreeMap<u64, Box<[u8]>>,
    waiting_bytes: usize,
    seen: BTreeMap<u64, u32>,
    /// Keys count bytes, not pieces.
    by_offset: bool,
    /// Bytes of each piece but the last, while all agree; 0 until one is known.
    size: u64,
    uneven: bool,
}

impl Sequence {
    pub(super) fn new(by_offset: bool) -> Self {
        Self {
            by_offset,
            ..Self::default()
        }
    }

    /// One past the last key that is passed on or given up.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Whether no piece waits.
    pub(super) fn is_settled(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Where a piece belongs.
    pub(super) fn place(&self, key: u64, piece: &[u8]) -> Place {
        if let Some(&known) = self.seen.get(&key) {
            return if known == crc32fast::hash(piece) {
                Place::Here(Order::Repeat)
            } else {
                Place::Elsewhere
            };
        }
        Place::Here(if key < self.next {
            Order::TooLate
        } else if key > self.next {
            match self.waiting.last_key_value() {
                Some((&last, _)) if key < last => Order::Late,
                _ => Order::Ahead,
            }
        } else if self.waiting.is_empty() {
            Order::Next
        } else {
            Order::Late
        })
    }

    /// Takes a piece whose place is `order`. `last` where the format says that it is the picture's last one.
    pub(super) fn take(
        &mut self,
        key: u64,
        piece: &[u8],
        order: Order,
        last: bool,
        sink: &mut Sink<'_>,
    ) {
        if matches!(order, Order::Repeat | Order::TooLate) {
            covered(piece.len() as u64, &[], sink);
            return;
        }
        if self.seen.len() >= MOST_SEEN {
            self.seen.pop_first();
        }
        self.seen.insert(key, crc32fast::hash(piece));
        let length = piece.len() as u64;
        if !last {
            self.uneven |= self.size != 0 && self.size != length;
            self.size = length;
        }
        if key == self.next {
            if !piece.is_empty() {
                sink(Event::PictureData(piece));
            }
            self.advance(length);
            self.release(sink);
            return;
        }
        covered(length, &[], sink);
        self.waiting.insert(key, piece.into());
        self.waiting_bytes = self.waiting_bytes.saturating_add(piece.len());
        while self.waiting_bytes > MOST_WAITING || self.waiting.len() > MOST_SEEN {
            self.give_up(sink);
        }
    }

    fn advance(&mut self, length: u64) {
        let step = if self.by_offset { length } else { 1 };
        self.next = self.next.saturating_add(step);
    }

    /// Passes on what waited and is due now. Pieces by offset may overlap what was passed on already.
    fn release(&mut self, sink: &mut Sink<'_>) {
        while let Some(entry) = self.waiting.first_entry() {
            let key = *entry.key();
            if key > self.next {
                return;
            }
            let piece = entry.remove();
            self.waiting_bytes = self.waiting_bytes.saturating_sub(piece.len());
            let known = if self.by_offset {
                self.next.saturating_sub(key)
            } else {
                0
            };
            let known = usize::try_from(known).unwrap_or(usize::MAX);
            let new = piece.get(known..).unwrap_or_default();
            covered(0, new, sink);
            self.advance(new.len() as u64);
        }
    }

    /// Gives up the first hole.
    fn give_up(&mut self, sink: &mut Sink<'_>) {
        if let Some((&first, _)) = self.waiting.first_key_value() {
            self.lose_until(first, sink);
            self.release(sink);
        }
    }

    fn lose_until(&mut self, key: u64, sink: &mut Sink<'_>) {
        let lost = key.saturating_sub(self.next);
        if lost == 0 {
            return;
        }
        sink(if self.by_offset {
            Event::PictureLost {
                pieces: None,
                bytes: Some(lost),
            }
        } else {
            // The last piece may be shorter, so only what lies before another piece has a known size.
            let known = self.size != 0 && !self.uneven && !self.waiting.is_empty();
            Event::PictureLost {
                pieces: Some(lost),
                bytes: known.then(|| lost.saturating_mul(self.size)),
            }
        });
        self.next = key;
    }

    /// No more pieces come: all holes are given up, up to `end` where that is known.
    pub(super) fn settle(&mut self, end: Option<u64>, sink: &mut Sink<'_>) {
        while !self.waiting.is_empty() {
            self.give_up(sink);
        }
        if let Some(end) = end {
            self.lose_until(end, sink);
        }
    }
}

/// Stream bytes that give these bytes of the picture.
pub(super) fn covered(wire: u64, bytes: &[u8], sink: &mut Sink<'_>) {
    if wire > 0 || !bytes.is_empty() {
        sink(Event::PictureEncoded { wire, bytes });
    }
}

/// A datagram whose piece came before, behind the end of its picture.
pub(super) fn repeated(payload: &[u8]) -> Event<'_> {
    Event::Framing {
        what: Framing::Field("repeat"),
        bytes: payload.len() as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Seen, run};
    use super::Order::{Ahead, Late, Next, Repeat};
    use super::*;

    fn feed(sequence: &mut Sequence, pieces: &[(u64, &[u8])], sink: &mut Sink<'_>) -> Vec<Place> {
        pieces
            .iter()
            .map(|&(key, piece)| {
                let place = sequence.place(key, piece);
                if let Place::Here(order) = place {
                    sequence.take(key, piece, order, false, sink);
                }
                place
            })
            .collect()
    }

    #[test]
    fn order_of_each_piece_and_bytes_in_order() {
        let mut sequence = Sequence::new(false);
        let mut places = Vec::new();
        let seen = run(|sink| {
            places = feed(
                &mut sequence,
                &[
                    (0, b"aa"),
                    (2, b"cc"),
                    (4, b"ee"),
                    (3, b"dd"),
                    (2, b"cc"),
                    (1, b"bb"),
                    (1, b"xx"),
                ],
                sink,
            );
            sequence.settle(Some(7), sink);
        });
        let here = [Next, Ahead, Ahead, Late, Repeat, Late].map(Place::Here);
        assert_eq!(places[..6], here);
        assert_eq!(places[6], Place::Elsewhere);
        assert_eq!(
            seen,
            [
                Seen::Data(b"aa".to_vec()),
                Seen::Encoded(8, vec![]),
                Seen::Data(b"bb".to_vec()),
                Seen::Encoded(0, b"ccddee".to_vec()),
                Seen::Lost(Some(2), None),
            ]
        );
    }

    #[test]
    fn holes_are_given_up_with_their_size() {
        let mut sequence = Sequence::new(false);
        let seen = run(|sink| {
            feed(&mut sequence, &[(0, b"aa"), (3, b"dd")], sink);
            sequence.settle(None, sink);
            assert_eq!(sequence.place(1, b"bb"), Place::Here(Order::TooLate));
        });
        assert_eq!(seen[2], Seen::Lost(Some(2), Some(4)));
        assert_eq!(seen[3], Seen::Encoded(0, b"dd".to_vec()));

        let mut sequence = Sequence::new(true);
        let seen = run(|sink| {
            feed(&mut sequence, &[(0, b"aa"), (5, b"dd")], sink);
            sequence.settle(None, sink);
        });
        assert_eq!(seen[2], Seen::Lost(None, Some(3)));
    }

    #[test]
    fn waiting_is_bounded() {
        let mut sequence = Sequence::new(false);
        let piece = vec![7; 1 << 20];
        let seen = run(|sink| {
            for key in 1..20 {
                let Place::Here(order) = sequence.place(key, &piece) else {
                    panic!()
                };
                sequence.take(key, &piece, order, false, sink);
                assert!(sequence.waiting_bytes <= MOST_WAITING);
            }
        });
        assert!(
            seen.iter()
                .any(|event| matches!(event, Seen::Lost(Some(1), Some(_))))
        );
    }
}
