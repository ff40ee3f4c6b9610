//! Frames gathered into large owned pieces, so that a queue hands over thousands of them at once.

use crate::frame::{Frame, LinkType};
use crate::units::{FrameNumber, Timestamp};

/// Consecutive frames, with their bytes in one buffer.
#[derive(Debug)]
pub(crate) struct Batch {
    first: u64,
    bytes: Vec<u8>,
    records: Vec<Record>,
}

/// Where one frame ends in the buffer; it begins where the one before ended.
#[derive(Debug, Clone, Copy)]
struct Record {
    time: Option<Timestamp>,
    wire_len: u32,
    interface: u32,
    link: LinkType,
    end: usize,
}

impl Batch {
    /// An empty batch with room for `bytes` bytes.
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self {
            first: 1,
            bytes: Vec::with_capacity(bytes),
            records: Vec::with_capacity(bytes / 512),
        }
    }

    /// Empties it, for frames from number `first` on.
    pub(super) fn restart(&mut self, first: u64) {
        self.first = first;
        self.bytes.clear();
        self.records.clear();
    }

    /// Takes a frame in, whose own number is of no interest.
    pub(super) fn push(&mut self, frame: &Frame<'_>) {
        self.bytes.extend_from_slice(frame.data);
        self.records.push(Record {
            time: frame.time,
            wire_len: frame.wire_len,
            interface: frame.interface,
            link: frame.link,
            end: self.bytes.len(),
        });
    }

    /// How many frames it holds.
    pub(crate) fn len(&self) -> u64 {
        self.records.len() as u64
    }

    /// Captured bytes of all its frames.
    pub(crate) fn captured_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Number of its last frame; of the one before its first where it is empty.
    pub(crate) fn last(&self) -> u64 {
        self.first.saturating_add(self.len()).saturating_sub(1)
    }

    /// The times of its first and its last frame.
    pub(super) fn times(&self) -> Option<(Timestamp, Timestamp)> {
        Some((self.records.first()?.time?, self.records.last()?.time?))
    }

    /// Its frames in the order of capture.
    pub(crate) fn frames(&self) -> impl Iterator<Item = Frame<'_>> {
        let mut start = 0;
        self.records
            .iter()
            .zip(self.first..)
            .map(move |(record, number)| {
                let data = self.bytes.get(start..record.end).unwrap_or_default();
                start = record.end;
                Frame {
                    number: FrameNumber(number),
                    time: record.time,
                    link: record.link,
                    interface: record.interface,
                    wire_len: record.wire_len,
                    data,
                    after_end: false,
                }
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_out_as_they_went_in() {
        let mut batch = Batch::with_capacity(16);
        for round in 0..2_u64 {
            batch.restart(1 + round * 3);
            let mut push = |time: Option<i64>, wire_len, data| {
                batch.push(&Frame {
                    number: FrameNumber(77),
                    time: time.map(Timestamp),
                    link: LinkType::RAW,
                    interface: 1,
                    wire_len,
                    data,
                    after_end: false,
                });
            };
            push(Some(5), 100, b"abc".as_slice());
            push(None, 0, b"");
            push(Some(6), 2, b"de");
            let seen: Vec<_> = batch
                .frames()
                .map(|f| (f.number.0, f.time, f.wire_len, f.data.to_vec()))
                .collect();
            assert_eq!(
                seen,
                [
                    (1 + round * 3, Some(Timestamp(5)), 100, b"abc".to_vec()),
                    (2 + round * 3, None, 0, vec![]),
                    (3 + round * 3, Some(Timestamp(6)), 2, b"de".to_vec()),
                ]
            );
        }
        assert_eq!((batch.len(), batch.captured_bytes()), (3, 5));
        assert_eq!(batch.last(), 6);
        assert_eq!(batch.times(), Some((Timestamp(5), Timestamp(6))));
        assert!(
            batch
                .frames()
                .all(|f| (f.interface, f.link) == (1, LinkType::RAW))
        );
    }
}
