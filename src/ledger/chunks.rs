//! Chunk rows counted from frames: which frames carried each chunk, how often, and what is missing.

use std::ops::Range;

use serde::{Serialize, Serializer};

use super::Chunk;
use crate::reassembly::{Extent, Gap, Log};
use crate::units::{ChunkIndex, FrameNumber, Timestamp};

/// What a frame carried of a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    /// The frame.
    pub frame: FrameNumber,
    /// When it was captured; absent where the file has no times.
    pub time: Option<Timestamp>,
    /// Bytes of the picture.
    pub bytes: Range<u64>,
    /// At least one of them had been seen before.
    pub repeat: bool,
}

/// A picture's chunks, counted from its frames when asked for rather than stored row by row.
#[derive(Debug, Clone)]
pub struct Chunks {
    // Boxed: a report holds many pictures, and few are asked for their chunks.
    source: Box<Source>,
}

#[derive(Debug, Clone)]
enum Source {
    Rows(Vec<Chunk>),
    Frames {
        /// Who carried what, in stream offsets.
        log: Log,
        /// The picture's place in the stream.
        range: Range<u64>,
        /// Its missing ranges, in picture offsets, ascending.
        gaps: Vec<Gap>,
        /// Bytes a chunk, at least 1.
        size: u64,
    },
}

impl Chunks {
    /// The rows as they are (tests, and readers of stored reports).
    pub fn from_rows(rows: Vec<Chunk>) -> Self {
        Self {
            source: Box::new(Source::Rows(rows)),
        }
    }

    /// Counts the chunks of the picture at `range` of a stream from the frames in `log`. `gaps` are in picture
    /// offsets; a `size` of 0 is taken as the whole picture.
    pub fn counted(log: Log, range: Range<u64>, gaps: Vec<Gap>, size: u64) -> Self {
        let size = match size {
            0 => (range.end - range.start).max(1),
            size => size,
        };
        Self {
            source: Box::new(Source::Frames {
                log,
                range,
                gaps,
                size,
            }),
        }
    }

    /// How many chunks there are.
    pub fn len(&self) -> u64 {
        match &*self.source {
            Source::Rows(rows) => rows.len() as u64,
            Source::Frames { range, size, .. } => (range.end - range.start).div_ceil(*size),
        }
    }

    /// Whether there is none: a picture of no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Memory it takes, in bytes; of one of very many frames, while its rows are counted.
    pub fn memory(&self) -> usize {
        /// Of fewer frames it is not worth counting: pictures are counted one after the other.
        const MANY: usize = 1 << 16;
        match &*self.source {
            Source::Rows(rows) => rows.capacity() * size_of::<Chunk>(),
            Source::Frames { log, gaps, .. } => {
                let extents = Some(log.len()).filter(|extents| *extents >= MANY);
                // They are sorted, in as much room again.
                let swept = extents.unwrap_or(0) * size_of::<Extent>() * 2;
                log.memory() + gaps.capacity() * size_of::<Gap>() + swept
            }
        }
    }

    /// The chunks, ascending.
    pub fn iter(&self) -> Box<dyn Iterator<Item = Chunk> + '_> {
        match &*self.source {
            Source::Rows(rows) => Box::new(rows.iter().copied()),
            Source::Frames {
                log,
                range,
                gaps,
                size,
            } => Box::new(Sweep::new(log, range.clone(), gaps, *size)),
        }
    }

    /// The frames that carried bytes of a range of the picture (in picture offsets), each with the bytes of the picture
    /// that it carried, by offset. Empty where only rows are known.
    pub fn carriers(&self, range: Range<u64>) -> Vec<(FrameNumber, Range<u64>)> {
        let Source::Frames {
            log, range: place, ..
        } = &*self.source
        else {
            return Vec::new();
        };
        let start = place.start.saturating_add(range.start).min(place.end);
        let end = place.start.saturating_add(range.end).min(place.end);
        let mut carriers: Vec<_> = log
            .overlapping(start..end)
            .filter(|extent| extent.offset < end && extent.end() > start)
            .map(|extent| {
                let from = extent.offset.max(place.start) - place.start;
                let to = extent.end().min(place.end) - place.start;
                (extent.frame, from..to)
            })
            .collect();
        carriers.sort_by_key(|(frame, range)| (range.start, *frame));
        carriers
    }

    /// What each frame carried of the picture, in order of capture; repeats included. Empty where only rows are known.
    pub fn carried(&self) -> Vec<Carried> {
        let Source::Frames {
            log, range: place, ..
        } = &*self.source
        else {
            return Vec::new();
        };
        log.overlapping(place.clone())
            .map(|extent| Carried {
                frame: extent.frame,
                time: extent.time,
                bytes: extent.offset.max(place.start) - place.start
                    ..extent.end().min(place.end) - place.start,
                repeat: extent.repeat,
            })
            .collect()
    }

    /// How many frames carry bytes of more than one chunk.
    pub fn shared_packets(&self) -> u64 {
        match &*self.source {
            Source::Rows(_) => 0,
            Source::Frames {
                log, range, size, ..
            } => log
                .overlapping(range.clone())
                .filter(|extent| {
                    let first = extent.offset.max(range.start) - range.start;
                    let last = extent.end().min(range.end) - 1 - range.start;
                    first / size != last / size
                })
                .count() as u64,
        }
    }
}

impl<'c> IntoIterator for &'c Chunks {
    type Item = Chunk;
    type IntoIter = Box<dyn Iterator<Item = Chunk> + 'c>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Serialize for Chunks {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

/// Goes once over the picture's extents in order of offset, chunk by chunk: linear in both.
struct Sweep<'c> {
    /// Extents that overlap the picture, by offset.
    extents: std::iter::Peekable<std::vec::IntoIter<Extent>>,
    /// Those that reach into the current chunk.
    active: Vec<Extent>,
    gaps: std::iter::Peekable<std::slice::Iter<'c, Gap>>,
    range: Range<u64>,
    size: u64,
    index: u64,
}

impl<'c> Sweep<'c> {
    fn new(log: &Log, range: Range<u64>, gaps: &'c [Gap], size: u64) -> Self {
        let mut extents: Vec<Extent> = log.overlapping(range.clone()).collect();
        extents.sort_by_key(|extent| extent.offset);
        Self {
            extents: extents.into_iter().peekable(),
            active: Vec::new(),
            gaps: gaps.iter().peekable(),
            range,
            size,
            index: 0,
        }
    }

    /// Missing bytes of a range of the picture; ranges are asked for in ascending order.
    fn missing(&mut self, chunk: &Range<u64>) -> u64 {
        let mut missing = 0;
        while let Some(gap) = self.gaps.peek() {
            let end = gap.offset + gap.length;
            missing += end
                .min(chunk.end)
                .saturating_sub(gap.offset.max(chunk.start));
            if end > chunk.end {
                break;
            }
            self.gaps.next();
        }
        missing
    }
}

/// Runs of chunks without a frame are one row from this length on: a gap is as long as two numbers in a packet say,
/// and what is told must not be.
const FOLD_FROM: u64 = 32;

impl Sweep<'_> {
    /// How many chunks from the current one on no frame carried a byte of, where the current one is such: up to where
    /// the next frame's bytes begin.
    fn empty_run(&mut self, length: u64) -> u64 {
        let next = self.extents.peek().map(|extent| extent.offset);
        let end = next.map_or(length, |next| {
            next.saturating_sub(self.range.start).min(length)
        });
        let whole = if end == length {
            length.div_ceil(self.size)
        } else {
            end / self.size
        };
        whole.saturating_sub(self.index)
    }
}

impl Iterator for Sweep<'_> {
    type Item = Chunk;

    fn next(&mut self) -> Option<Chunk> {
        let length = self.range.end - self.range.start;
        let start = self
            .index
            .checked_mul(self.size)
            .filter(|&at| at < length)?;
        let mut chunk = start..length.min(start.saturating_add(self.size));
        let stream = self.range.start + chunk.start..self.range.start + chunk.end;
        self.active.retain(|extent| extent.end() > stream.start);
        while let Some(extent) = self.extents.next_if(|extent| extent.offset < stream.end) {
            if extent.end() > stream.start {
                self.active.push(extent);
            }
        }
        let mut folded = 1;
        if self.active.is_empty() {
            let run = self.empty_run(length);
            if run >= FOLD_FROM {
                folded = run;
                chunk.end = length.min(start.saturating_add(run.saturating_mul(self.size)));
            }
        }
        let mut carried = 0;
        let mut row = Chunk {
            index: ChunkIndex(self.index),
            offset: chunk.start,
            bytes: chunk.end - chunk.start,
            packets: 0,
            first_packet: None,
            last_packet: None,
            wire_bytes: 0,
            unique_bytes: 0,
            duplicate_bytes: 0,
            gap_bytes: self.missing(&chunk),
            started: None,
            ended: None,
            folded,
        };
        for extent in &self.active {
            carried += extent.end().min(stream.end) - extent.offset.max(stream.start);
            row.packets += 1;
            row.wire_bytes += u64::from(extent.wire_len);
            if row.first_packet.is_none_or(|frame| extent.frame < frame) {
                row.first_packet = Some(extent.frame);
                row.started = extent.time;
            }
            if row.last_packet.is_none_or(|frame| extent.frame > frame) {
                row.last_packet = Some(extent.frame);
                row.ended = extent.time;
            }
        }
        row.unique_bytes = row.bytes - row.gap_bytes;
        row.duplicate_bytes = carried.saturating_sub(row.unique_bytes);
        self.index += folded;
        Some(row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reassembly::GapCause;
    use crate::units::{FrameNumber, Timestamp};

    fn log(extents: &[(u64, u32)]) -> Log {
        let mut log = Log::default();
        for (number, &(offset, bytes)) in (1_u64..).zip(extents) {
            log.push(&Extent {
                offset,
                bytes,
                frame: FrameNumber(number),
                wire_len: bytes + 66,
                time: Some(Timestamp(i64::try_from(number).unwrap() * 10)),
                repeat: false,
            });
        }
        log
    }

    #[test]
    fn a_frame_that_two_chunks_share_counts_in_both() {
        // Picture at 4..24, chunks of 8; the first frame carries a 4-byte header too.
        let chunks = Chunks::counted(log(&[(0, 14), (14, 10)]), 4..24, Vec::new(), 8);
        let rows: Vec<_> = chunks.iter().collect();
        let counted: Vec<_> = rows
            .iter()
            .map(|row| (row.offset, row.bytes, row.packets, row.wire_bytes))
            .collect();
        assert_eq!(counted, [(0, 8, 1, 80), (8, 8, 2, 80 + 76), (16, 4, 1, 76)]);
        assert_eq!(chunks.len(), 3);
        assert_eq!(chunks.shared_packets(), 2);
        assert_eq!(rows[1].first_packet, Some(FrameNumber(1)));
        assert_eq!(rows[1].last_packet, Some(FrameNumber(2)));
        assert_eq!(rows[2].started, Some(Timestamp(20)));
    }

    #[test]
    fn repeats_and_gaps_belong_to_their_chunks_and_add_up() {
        let gaps = vec![Gap {
            offset: 6,
            length: 4,
            cause: GapCause::NotCaptured,
        }];
        // Bytes 0..6 and 10..20 once, 10..14 twice.
        let chunks = Chunks::counted(log(&[(0, 6), (10, 10), (10, 4)]), 0..20, gaps, 8);
        let rows: Vec<_> = chunks.iter().collect();
        let counted: Vec<_> = rows
            .iter()
            .map(|row| {
                (
                    row.unique_bytes,
                    row.duplicate_bytes,
                    row.gap_bytes,
                    row.packets,
                )
            })
            .collect();
        assert_eq!(counted, [(6, 0, 2, 1), (6, 4, 2, 2), (4, 0, 0, 1)]);
        let sum: u64 = rows
            .iter()
            .map(|row| row.unique_bytes + row.gap_bytes)
            .sum();
        assert_eq!(sum, 20);
    }

    #[test]
    fn a_chunk_nothing_carried_has_no_frames() {
        let gaps = vec![Gap {
            offset: 0,
            length: 8,
            cause: GapCause::NotCaptured,
        }];
        let rows: Vec<_> = Chunks::counted(log(&[(8, 4)]), 0..12, gaps, 8)
            .iter()
            .collect();
        assert_eq!(rows[0].first_packet, None);
        assert_eq!(rows[0].started, None);
        assert_eq!(rows[0].gap_bytes, 8);
    }

    #[test]
    fn a_long_run_of_missing_chunks_is_one_row() {
        let gap = |offset, length| Gap {
            offset,
            length,
            cause: GapCause::NotCaptured,
        };
        // 8 bytes, then 2^40 missing, 8 bytes in the middle of a chunk, 100 missing, 4 bytes.
        let far = 1_u64 << 40;
        let extents = log(&[(0, 8), (far + 12, 8), (far + 120, 4)]);
        let gaps = vec![gap(8, far + 4), gap(far + 20, 100)];
        let end = far + 124;
        let chunks = Chunks::counted(extents, 0..end, gaps, 8);
        let rows: Vec<_> = chunks.iter().collect();
        assert!(rows.len() < 20, "{}", rows.len());
        assert_eq!(rows[1].folded, far / 8);
        assert_eq!(
            (rows[1].offset, rows[1].bytes, rows[1].gap_bytes),
            (8, far, far)
        );
        assert_eq!(rows[2].index, ChunkIndex(far / 8 + 1));
        assert_eq!((rows[2].unique_bytes, rows[2].gap_bytes), (4, 4));
        // The 12 chunks that the second gap empties stand for themselves.
        assert!(rows.iter().skip(2).all(|row| row.folded == 1));
        let mut at = 0;
        for row in &rows {
            assert_eq!(row.offset, at);
            assert_eq!(row.unique_bytes + row.gap_bytes, row.bytes);
            at += row.bytes;
        }
        assert_eq!(at, end);
        assert_eq!(chunks.len(), rows.iter().map(|row| row.folded).sum::<u64>());
        // To the very end.
        let tail = Chunks::counted(log(&[(0, 8)]), 0..far, vec![gap(8, far - 8)], 8);
        assert_eq!(tail.iter().count(), 2);
    }

    #[test]
    fn without_a_chunk_size_the_picture_is_one_chunk() {
        let chunks = Chunks::counted(log(&[(0, 6), (6, 6)]), 0..12, Vec::new(), 0);
        assert_eq!(
            chunks.iter().map(|row| row.packets).collect::<Vec<_>>(),
            [2]
        );
        assert!(Chunks::counted(Log::default(), 5..5, Vec::new(), 4).is_empty());
    }
}
