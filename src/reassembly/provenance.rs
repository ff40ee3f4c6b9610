//! From stream offset to frames and back: which frame carried which bytes, repeats included.
//!
//! Kept as a compact log (about five bytes a frame in plain traffic), because a capture has millions of
//! frames and every one of them may be asked for.

use std::ops::Range;

use crate::units::{FrameNumber, Timestamp};

/// One frame's share of a direction's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Stream offset of the first byte carried.
    pub offset: u64,
    /// How many bytes were captured of it, at least 1.
    pub bytes: u32,
    /// The frame.
    pub frame: FrameNumber,
    /// The frame's length on the wire, link header included.
    pub wire_len: u32,
    /// The frame's capture time; absent where the file has none.
    pub time: Option<Timestamp>,
    /// A retransmission: at least one of the bytes had been seen before, and it is no keep-alive.
    pub repeat: bool,
}

impl Extent {
    /// Stream offset after the last byte carried.
    pub fn end(&self) -> u64 {
        self.offset + u64::from(self.bytes)
    }
}

/// Fewer blocks are not worth being forgotten.
const FEW: usize = 16;
/// How many extents share a block, within which the log is decoded from the start.
const BLOCK: usize = 64;

const SAME_OFFSET: u8 = 1;
const SAME_BYTES: u8 = 2;
const SAME_OVERHEAD: u8 = 4;
const HAS_TIME: u8 = 8;
const REPEAT: u8 = 16;
const NEXT_FRAME: u8 = 32;

/// Where a block starts, and what it covers.
#[derive(Debug, Clone, Copy)]
struct Block {
    at: usize,
    extents: usize,
    lowest: u64,
    /// Highest end in this block alone.
    top: u64,
    /// Highest end in this block and all before it: ascending, so that it can be searched.
    highest: u64,
}

impl Block {
    /// Whether it may hold bytes of a range, so that it is worth being read.
    fn reaches(&self, range: &Range<u64>) -> bool {
        self.lowest < range.end && self.top > range.start
    }
}

/// What the next extent is written relative to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Context {
    end: u64,
    bytes: u32,
    overhead: u32,
    frame: u64,
    time: i64,
}

/// The extents of one direction in order of capture.
///
/// Boxed, because half of the directions carry nothing.
#[derive(Debug, Clone, Default)]
pub struct Log(Option<Box<Written>>);

/// What a log holds.
///
/// Invariant: `blocks` partition `data`; each block decodes on its own from [`Context::default`].
#[derive(Debug, Clone, Default)]
struct Written {
    data: Vec<u8>,
    blocks: Vec<Block>,
    context: Context,
    /// Bytes of `data` that were discarded from its front.
    discarded: usize,
    /// An extent does not lie behind all that came before it.
    tangled: bool,
}

/// What one holds that nothing was added to.
static NOTHING: Written = Written {
    data: Vec::new(),
    blocks: Vec::new(),
    context: Context {
        end: 0,
        bytes: 0,
        overhead: 0,
        frame: 0,
        time: 0,
    },
    discarded: 0,
    tangled: false,
};

impl Log {
    #[inline]
    fn written(&self) -> &Written {
        self.0.as_deref().unwrap_or(&NOTHING)
    }

    /// Adds an extent. Frames come in ascending order, offsets in any.
    pub fn push(&mut self, extent: &Extent) {
        let written = &mut **self.0.get_or_insert_default();
        let fresh = written
            .blocks
            .last()
            .is_none_or(|block| block.extents >= BLOCK);
        if fresh {
            written.context = Context::default();
            if written.blocks.is_empty() {
                // Most directions are short: one block, or none.
                written.blocks.reserve_exact(1);
                // Three extents or so: not to grow it byte by byte.
                written.data.reserve_exact(24);
            }
            written.blocks.push(Block {
                at: written.discarded + written.data.len(),
                extents: 0,
                lowest: u64::MAX,
                top: 0,
                highest: written.blocks.last().map_or(0, |block| block.highest),
            });
        }
        if let Some(block) = written.blocks.last() {
            written.tangled |= extent.offset < block.highest;
        }
        let context = written.context;
        let overhead = extent.wire_len.wrapping_sub(extent.bytes);
        let mut tag = 0;
        let mut flag = |set: bool, bit: u8| {
            if set {
                tag |= bit;
            }
            set
        };
        let same_offset = flag(extent.offset == context.end, SAME_OFFSET);
        let same_bytes = flag(extent.bytes == context.bytes, SAME_BYTES);
        let same_overhead = flag(overhead == context.overhead, SAME_OVERHEAD);
        let timed = flag(extent.time.is_some(), HAS_TIME);
        flag(extent.repeat, REPEAT);
        let next_frame = flag(extent.frame.0 == context.frame.wrapping_add(1), NEXT_FRAME);
        written.data.push(tag);
        if !same_offset {
            write_signed(
                &mut written.data,
                extent.offset.wrapping_sub(context.end).cast_signed(),
            );
        }
        if !same_bytes {
            write_unsigned(&mut written.data, u64::from(extent.bytes));
        }
        if !same_overhead {
            write_unsigned(&mut written.data, u64::from(overhead));
        }
        if !next_frame {
            write_signed(
                &mut written.data,
                extent.frame.0.wrapping_sub(context.frame).cast_signed(),
            );
        }
        let mut time = context.time;
        if let (true, Some(Timestamp(now))) = (timed, extent.time) {
            write_signed(&mut written.data, now.wrapping_sub(time));
            time = now;
        }
        written.context = Context {
            end: extent.end(),
            bytes: extent.bytes,
            overhead,
            frame: extent.frame.0,
            time,
        };
        if let Some(block) = written.blocks.last_mut() {
            block.extents += 1;
            block.lowest = block.lowest.min(extent.offset);
            block.top = block.top.max(extent.end());
            block.highest = block.highest.max(extent.end());
        }
    }

    /// All extents in order of capture.
    pub fn iter(&self) -> impl Iterator<Item = Extent> + '_ {
        self.written()
            .blocks
            .iter()
            .flat_map(|block| self.decode(*block))
    }

    /// The extents that carry at least one byte of `range`, in order of capture.
    ///
    /// Looks at all blocks from the first that can hold one to the end of the log: to ask for many ranges, use
    /// [`Self::indexed`].
    pub fn overlapping(&self, range: Range<u64>) -> impl Iterator<Item = Extent> + '_ {
        let reaching = range.clone();
        self.blocks_from(range.start)
            .iter()
            .filter(move |block| block.reaches(&reaching))
            .flat_map(|block| self.decode(*block))
            .filter(move |extent| extent.offset < range.end && extent.end() > range.start)
    }

    /// A log of its own with the extents that carry at least one byte of `range`.
    #[must_use]
    pub fn part(&self, range: Range<u64>) -> Self {
        let lowest = self.written().blocks.iter().map(|block| block.lowest).min();
        if self.all_within(lowest, &range) {
            return self.clone();
        }
        self.overlapping(range).collect()
    }

    /// Whether `range` holds all extents, the lowest of which begins at `lowest`: then they need not be read.
    fn all_within(&self, lowest: Option<u64>, range: &Range<u64>) -> bool {
        let highest = self.written().blocks.last().map(|block| block.highest);
        lowest.is_some_and(|lowest| lowest >= range.start)
            && highest.is_some_and(|highest| highest <= range.end)
    }

    /// An index for asking for many ranges, each in time that depends on what it finds only.
    pub fn indexed(&self) -> Indexed<'_> {
        let mut lowest_from: Vec<u64> = self
            .written()
            .blocks
            .iter()
            .map(|block| block.lowest)
            .collect();
        let mut lowest = u64::MAX;
        for value in lowest_from.iter_mut().rev() {
            lowest = lowest.min(*value);
            *value = lowest;
        }
        Indexed {
            log: self,
            lowest_from,
        }
    }

    fn blocks_from(&self, start: u64) -> &[Block] {
        let first = self
            .written()
            .blocks
            .partition_point(|block| block.highest <= start);
        self.written().blocks.get(first..).unwrap_or_default()
    }

    /// The stream range that a frame carried; absent where the frame carried none of this direction.
    pub fn carried_by(&self, frame: FrameNumber) -> Option<Range<u64>> {
        self.iter()
            .find(|extent| extent.frame == frame)
            .map(|extent| extent.offset..extent.end())
    }

    /// How many blocks at the front hold nothing at or above `offset`. The last block is being written to: it is none of them.
    fn blocks_before(&self, offset: u64) -> usize {
        self.written()
            .blocks
            .iter()
            .take(self.written().blocks.len().saturating_sub(1))
            .take_while(|block| block.highest <= offset)
            .count()
    }

    /// Forgets blocks at the front that hold nothing at or above `offset`.
    pub fn discard_before(&mut self, offset: u64) {
        let keep_from = self.blocks_before(offset);
        if keep_from < FEW {
            return;
        }
        let Some(written) = &mut self.0 else { return };
        let at = written
            .blocks
            .get(keep_from)
            .map_or(written.discarded, |block| block.at);
        written.blocks.drain(..keep_from);
        written.data.drain(..at - written.discarded);
        written.discarded = at;
    }

    /// Gives `told` what is in the blocks at the front that hold nothing at or above `offset`, and forgets them. Returns
    /// whether there were any: a few are left alone.
    pub(crate) fn shed(&mut self, offset: u64, mut told: impl FnMut(&Extent)) -> bool {
        let blocks = self.blocks_before(offset);
        if blocks < FEW {
            return false;
        }
        for block in self.written().blocks.iter().take(blocks) {
            self.decode(*block).for_each(|extent| told(&extent));
        }
        self.discard_before(offset);
        self.shrink();
        true
    }

    /// Gives back what it has room for and does not use.
    pub fn shrink(&mut self) {
        if let Some(written) = &mut self.0 {
            written.data.shrink_to_fit();
            written.blocks.shrink_to_fit();
        }
    }

    /// Memory it takes, in bytes.
    pub fn memory(&self) -> usize {
        let written = self.written();
        written.data.capacity() + written.blocks.capacity() * size_of::<Block>()
    }

    /// How many extents it holds.
    pub fn len(&self) -> usize {
        self.written()
            .blocks
            .iter()
            .map(|block| block.extents)
            .sum()
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.written().blocks.is_empty()
    }

    fn decode(&self, block: Block) -> impl Iterator<Item = Extent> + '_ {
        let written = self.written();
        let mut data = written
            .data
            .get(block.at - written.discarded..)
            .unwrap_or_default();
        let mut context = Context::default();
        (0..block.extents).map_while(move |_| read_extent(&mut data, &mut context))
    }
}

/// A log with what is needed to find the extents of a range without reading the rest.
#[derive(Debug, Clone)]
pub struct Indexed<'l> {
    log: &'l Log,
    /// Lowest offset in each block and all after it.
    lowest_from: Vec<u64>,
}

impl Indexed<'_> {
    /// The extents that carry at least one byte of `range`, in order of capture.
    pub fn overlapping(&self, range: Range<u64>) -> impl Iterator<Item = Extent> + '_ {
        let blocks = self.log.blocks_from(range.start);
        let skipped = self.log.written().blocks.len() - blocks.len();
        let reaching = range.clone();
        blocks
            .iter()
            .zip(self.lowest_from.get(skipped..).unwrap_or_default())
            .take_while(move |(_, lowest)| **lowest < range.end)
            .filter(move |(block, _)| block.reaches(&reaching))
            .flat_map(|(block, _)| self.log.decode(*block))
            .filter(move |extent| extent.offset < range.end && extent.end() > range.start)
    }

    /// The frame that carried the byte at `offset` first; absent where none did.
    pub fn frame_at(&self, offset: u64) -> Option<FrameNumber> {
        let last = self.log.written().context;
        let in_last = offset < last.end && offset >= last.end.saturating_sub(last.bytes.into());
        if in_last && !self.log.written().tangled {
            return Some(FrameNumber(last.frame));
        }
        let mut carriers = self.overlapping(offset..offset.saturating_add(1));
        carriers.next().map(|extent| extent.frame)
    }

    /// A log of its own with the extents that carry at least one byte of `range`.
    #[must_use]
    pub fn part(&self, range: Range<u64>) -> Log {
        if self
            .log
            .all_within(self.lowest_from.first().copied(), &range)
        {
            return self.log.clone();
        }
        self.overlapping(range).collect()
    }
}

/// Says which frame carried a byte first, of bytes that are asked for in ascending order: the log is read once for all of them,
/// where it lies in order.
pub struct Carriers<'l> {
    log: &'l Log,
    /// What is left of a log in order, once the first byte was asked for.
    ordered: Option<Box<dyn Iterator<Item = Extent> + 'l>>,
    /// The extent reached.
    at: Option<Extent>,
    /// Of one that does not lie in order.
    index: Option<Indexed<'l>>,
}

impl Log {
    /// The frames that carried bytes first, for bytes in ascending order.
    pub fn carriers(&self) -> Carriers<'_> {
        Carriers {
            log: self,
            ordered: None,
            at: None,
            index: None,
        }
    }
}

impl Carriers<'_> {
    /// The frame that carried the byte at `offset` first; absent where none did. No lower one may be asked for afterwards.
    pub fn frame_at(&mut self, offset: u64) -> Option<FrameNumber> {
        let log = self.log;
        if log.is_empty() {
            return None;
        }
        if log.written().tangled {
            let index = self.index.get_or_insert_with(|| log.indexed());
            return index.frame_at(offset);
        }
        let last = log.written().context;
        if offset >= last.end.saturating_sub(last.bytes.into()) {
            return (offset < last.end).then_some(FrameNumber(last.frame));
        }
        let extents = self.ordered.get_or_insert_with(|| Box::new(log.iter()));
        while self.at.is_none_or(|extent| extent.end() <= offset) {
            self.at = Some(extents.next()?);
        }
        let found = self.at.filter(|extent| extent.offset <= offset);
        found.map(|extent| extent.frame)
    }
}

impl FromIterator<Extent> for Log {
    fn from_iter<I: IntoIterator<Item = Extent>>(extents: I) -> Self {
        let mut log = Self::default();
        for extent in extents {
            log.push(&extent);
        }
        log.shrink();
        log
    }
}

fn read_extent(data: &mut &[u8], context: &mut Context) -> Option<Extent> {
    let (&tag, rest) = data.split_first()?;
    *data = rest;
    let offset = match tag & SAME_OFFSET {
        0 => context.end.wrapping_add_signed(read_signed(data)?),
        _ => context.end,
    };
    let bytes = match tag & SAME_BYTES {
        0 => u32::try_from(read_unsigned(data)?).ok()?,
        _ => context.bytes,
    };
    let overhead = match tag & SAME_OVERHEAD {
        0 => u32::try_from(read_unsigned(data)?).ok()?,
        _ => context.overhead,
    };
    let frame = match tag & NEXT_FRAME {
        0 => context.frame.wrapping_add_signed(read_signed(data)?),
        _ => context.frame.wrapping_add(1),
    };
    let time = match tag & HAS_TIME {
        0 => None,
        _ => Some(context.time.wrapping_add(read_signed(data)?)),
    };
    let extent = Extent {
        offset,
        bytes,
        frame: FrameNumber(frame),
        wire_len: bytes.wrapping_add(overhead),
        time: time.map(Timestamp),
        repeat: tag & REPEAT != 0,
    };
    *context = Context {
        end: extent.end(),
        bytes,
        overhead,
        frame,
        time: time.unwrap_or(context.time),
    };
    Some(extent)
}

/// LEB128.
fn write_unsigned(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

/// LEB128 of the zigzag value.
fn write_signed(out: &mut Vec<u8>, value: i64) {
    write_unsigned(
        out,
        (value.cast_unsigned() << 1) ^ (value >> 63).cast_unsigned(),
    );
}

fn read_unsigned(data: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = data.split_first()?;
        *data = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn read_signed(data: &mut &[u8]) -> Option<i64> {
    let value = read_unsigned(data)?;
    Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn extent() -> impl Strategy<Value = Extent> {
        (
            any::<u32>(),
            1_u32..70_000,
            1_u64..5,
            0_u32..200,
            any::<Option<i64>>(),
            any::<bool>(),
        )
            .prop_map(|(offset, bytes, frame, overhead, time, repeat)| Extent {
                offset: u64::from(offset),
                bytes,
                frame: FrameNumber(frame),
                wire_len: bytes + overhead,
                time: time.map(Timestamp),
                repeat,
            })
    }

    proptest! {
        #[test]
        fn every_extent_comes_back(mut extents in prop::collection::vec(extent(), 0..300), query in any::<(u32, u16)>()) {
            let mut frame = 0;
            let mut log = Log::default();
            for extent in &mut extents {
                frame += extent.frame.0;
                extent.frame = FrameNumber(frame);
                log.push(extent);
            }
            prop_assert_eq!(log.iter().collect::<Vec<_>>(), extents.clone());
            let range = u64::from(query.0)..u64::from(query.0) + u64::from(query.1);
            let expected: Vec<_> = extents.iter().copied()
                .filter(|e| e.offset < range.end && e.end() > range.start).collect();
            prop_assert_eq!(log.overlapping(range.clone()).collect::<Vec<_>>(), expected.clone());
            prop_assert_eq!(log.indexed().overlapping(range.clone()).collect::<Vec<_>>(), expected.clone());
            prop_assert_eq!(log.indexed().part(range).iter().collect::<Vec<_>>(), expected);
            let all = 0..u64::MAX;
            prop_assert_eq!(log.part(all.clone()).iter().collect::<Vec<_>>(), extents.clone());
            prop_assert_eq!(log.indexed().part(all).iter().collect::<Vec<_>>(), extents.clone());
            if let Some(some) = extents.last() {
                prop_assert_eq!(log.carried_by(some.frame), Some(some.offset..some.end()));
            }
        }
    }

    /// So many extents of a byte each, one behind the other.
    fn in_order(count: u64) -> Log {
        (0..count)
            .map(|at| Extent {
                offset: at,
                bytes: 1,
                frame: FrameNumber(at + 1),
                wire_len: 55,
                time: None,
                repeat: false,
            })
            .collect()
    }

    #[test]
    fn what_is_shed_is_told_of_and_forgotten_from_so_many_blocks_on() {
        let block = BLOCK as u64;
        // The last block is never forgotten.
        let enough = (FEW as u64 + 1) * block;
        let mut few = in_order(enough - block);
        assert!(!few.shed(u64::MAX, |_| panic!("a few are left alone")));
        for more in [1, block] {
            let mut log = in_order(enough - block + more);
            assert_eq!(log.len() as u64, enough - block + more);
            let full = log.memory();
            let mut told = 0;
            assert!(log.shed(u64::MAX, |extent| {
                assert_eq!(extent.offset, told);
                told += 1;
            }));
            assert_eq!(told, enough - block);
            assert_eq!(log.len() as u64, more);
            assert_eq!(log.iter().next().map(|extent| extent.offset), Some(told));
            assert!(
                log.memory() < full / 8 && log.memory() >= size_of::<Block>() + 2,
                "{} of {full} bytes",
                log.memory()
            );
            // What comes later stands behind what is left, and may be forgotten, too.
            log.push(&Extent {
                offset: enough,
                bytes: 1,
                frame: FrameNumber(enough),
                wire_len: 55,
                time: None,
                repeat: false,
            });
            assert_eq!(log.iter().count() as u64, more + 1);
        }
        // Not what lies at the offset or above it.
        let mut log = in_order(enough + block);
        assert!(log.shed(enough - block, |_| {}));
        assert_eq!(log.len() as u64, 2 * block);
        let mut log = in_order(enough + block);
        assert!(!log.shed(enough - block - 1, |_| {}));
    }

    #[test]
    fn a_log_forgets_again_and_again() {
        let mut log = Log::default();
        assert!(log.is_empty() && log.memory() == 0);
        let many = 10 * FEW * BLOCK;
        for (at, extent) in in_order(many as u64).iter().enumerate() {
            log.push(&extent);
            log.discard_before(at as u64);
        }
        assert!(!log.is_empty());
        assert!(log.len() <= (FEW + 1) * BLOCK, "{}", log.len());
        let last = log.iter().last().map(|extent| extent.offset);
        assert_eq!(last, Some(many as u64 - 1));
        assert_eq!(log.iter().count(), log.len());
    }

    /// In order, with a byte again, or one left out: the ways around reading the log say what reading it says.
    #[test]
    fn the_first_carrier_and_the_part_of_a_range_are_those_of_the_log() {
        let extent = |frame: u64, offset: u64, bytes: u32| Extent {
            offset,
            bytes,
            frame: FrameNumber(frame),
            wire_len: bytes + 66,
            time: None,
            repeat: false,
        };
        let plain: Vec<_> = (0..150)
            .map(|index| extent(index, index * 10, 10))
            .collect();
        let behind = |offset, bytes| [&plain[..], &[extent(150, offset, bytes)]].concat();
        for extents in [
            plain[..1].to_vec(),
            plain.clone(),
            behind(1_490, 10),
            behind(1_495, 10),
            behind(1_501, 10),
            behind(0, 10),
            behind(0, 1_600),
        ] {
            let log: Log = extents.iter().copied().collect();
            let index = log.indexed();
            let mut carriers = log.carriers();
            for offset in 0..1_620 {
                let first = extents
                    .iter()
                    .find(|e| (e.offset..e.end()).contains(&offset));
                let first = first.map(|e| e.frame);
                assert_eq!(index.frame_at(offset), first, "{offset}");
                assert_eq!(carriers.frame_at(offset), first, "{offset}");
                for end in [offset + 1, 1_500, 1_501, 1_511] {
                    let range = offset..end;
                    let carriers: Vec<_> = log.overlapping(range.clone()).collect();
                    assert_eq!(log.part(range.clone()).iter().collect::<Vec<_>>(), carriers);
                    assert_eq!(index.part(range).iter().collect::<Vec<_>>(), carriers);
                }
            }
        }
    }

    #[test]
    fn plain_traffic_takes_few_bytes_a_frame() {
        let mut log = Log::default();
        for index in 0_u64..10_000 {
            log.push(&Extent {
                offset: index * 1448,
                bytes: 1448,
                frame: FrameNumber(1 + index * 2),
                wire_len: 1514,
                time: Some(Timestamp(
                    1_795_173_289_000_000_000 + i64::try_from(index).unwrap() * 7_000,
                )),
                repeat: false,
            });
        }
        assert!(log.memory() < 10_000 * 12, "{} bytes", log.memory());
        log.discard_before(1448 * 9_000);
        assert_eq!(log.overlapping(1448 * 9_500..1448 * 9_501).count(), 1);
        assert!(log.iter().count() < 2_000);
    }
}
