//! Frames gathered into large owned pieces, so that a queue hands over thousands of them at once.

use crate::frame::{Frame, LinkType};
use crate::units::{FrameNumber, Timestamp};

/// Consecutive frames of one interface, with their bytes in one buffer.
#[derive(Debug)]
pub struct Batch {
    link: LinkType,
    first: u64,
    bytes: Vec<u8>,
    records: Vec<Record>,
}

/// Where one frame ends in the buffer; it begins where the one before ended.
#[derive(Debug, Clone, Copy)]
struct Record {
    time: Option<Timestamp>,
    wire_len: u32,
    end: usize,
}

impl Batch {
    /// An empty batch with room for `bytes` bytes.
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self {
            link: LinkType::ETHERNET,
            first: 1,
            bytes: Vec::with_capacity(bytes),
            records: Vec::with_capacity(bytes / 512),
        }
    }

    /// Empties it, for frames of `link` from number `first` on.
    pub(super) fn restart(&mut self, link: LinkType, first: u64) {
        self.link = link;
        self.first = first;
        self.bytes.clear();
        self.records.clear();
    }

    pub(super) fn push(&mut self, time: Option<Timestamp>, wire_len: u32, data: &[u8]) {
        self.bytes.extend_from_slice(data);
        self.records.push(Record {
            time,
            wire_len,
            end: self.bytes.len(),
        });
    }

    /// How many frames it holds.
    pub fn len(&self) -> u64 {
        self.records.len() as u64
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Captured bytes of all its frames.
    pub fn captured_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Its frames in the order of capture, all of interface 0.
    pub fn frames(&self) -> impl Iterator<Item = Frame<'_>> {
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
                    link: self.link,
                    interface: 0,
                    wire_len: record.wire_len,
                    data,
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
            batch.restart(LinkType::RAW, 1 + round * 3);
            batch.push(Some(Timestamp(5)), 100, b"abc");
            batch.push(None, 0, b"");
            batch.push(Some(Timestamp(6)), 2, b"de");
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
    }
}
