//! Several files as one capture: frames in order of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::source::parse::Head;
use crate::source::reader::Key;
use crate::units::FrameNumber;

/// What is merged: gives heads in the order of its file.
pub(super) trait Heads {
    /// The next frame; absent at the end.
    fn advance(&mut self) -> Option<Head>;
    /// Numbers to leave out before the frame that [`Self::advance`] returned last.
    fn take_numbers_passed(&mut self) -> u64;
    /// How many interfaces are known so far.
    fn interface_count(&self) -> usize;
}

/// A merge of files: always the file whose next frame is earliest is read on.
///
/// One file keeps its own order whatever its times; a frame without a time counts as simultaneous with
/// the frame before it. Among equals the file given first comes first.
pub(super) struct Merge<R> {
    files: Vec<Merged<R>>,
    /// The file being read; its key is not in `waiting`.
    active: Option<usize>,
    waiting: BinaryHeap<Reverse<(Key, usize)>>,
    /// Number of the last frame given out.
    number: u64,
    /// Interfaces given an index so far, of all files.
    interfaces: u32,
}

/// A file in a merge.
pub(super) struct Merged<R> {
    pub(super) heads: R,
    /// The next frame where it was read already.
    next: Option<Head>,
    key: Key,
    /// The last frame given out.
    pub(super) last: Option<FrameNumber>,
    /// Index over the whole capture of each of the file's interfaces.
    pub(super) indices: Vec<u32>,
}

/// A frame in its place among all frames.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placed {
    /// Index of the file.
    pub(super) file: usize,
    pub(super) number: FrameNumber,
    /// Index of the interface over the whole capture.
    pub(super) interface: u32,
    pub(super) head: Head,
}

impl<R: Heads> Merge<R> {
    /// Of files, each with the time of its first frame, and that frame where it was read already.
    pub(super) fn new(files: impl IntoIterator<Item = (R, Key, Option<Head>)>) -> Self {
        let files: Vec<_> = files
            .into_iter()
            .map(|(heads, key, next)| Merged {
                heads,
                next,
                key,
                last: None,
                indices: Vec::new(),
            })
            .collect();
        let mut waiting: BinaryHeap<_> = files
            .iter()
            .enumerate()
            .map(|(index, file)| Reverse((file.key, index)))
            .collect();
        let active = waiting.pop().map(|Reverse((_, index))| index);
        Self {
            files,
            active,
            waiting,
            number: 0,
            interfaces: 0,
        }
    }

    pub(super) fn files(&self) -> &[Merged<R>] {
        &self.files
    }

    /// The file a placed frame came from.
    #[inline]
    pub(super) fn file(&self, placed: &Placed) -> Option<&Merged<R>> {
        self.files.get(placed.file)
    }

    /// The next frame of all; absent at the end of all files.
    #[inline]
    pub(super) fn advance(&mut self) -> Option<Placed> {
        loop {
            let active = self.active?;
            let file = self.files.get_mut(active)?;
            let next = file.next.take().or_else(|| file.heads.advance());
            let count = file.heads.interface_count();
            if count > file.indices.len() {
                let more = count - file.indices.len();
                let first = self.interfaces;
                file.indices.extend((first..).take(more));
                self.interfaces = first.saturating_add(u32::try_from(more).unwrap_or(u32::MAX));
            }
            let Some(head) = next else {
                self.active = self.waiting.pop().map(|Reverse((_, index))| index);
                continue;
            };
            file.key = head.time.or(file.key);
            if let Some(mut earliest) = self.waiting.peek_mut()
                && earliest.0 < (file.key, active)
            {
                file.next = Some(head);
                self.active = Some(earliest.0.1);
                *earliest = Reverse((file.key, active));
                continue;
            }
            // Numbers passed over before a frame that waited are taken with it.
            self.number += 1 + file.heads.take_numbers_passed();
            let number = FrameNumber(self.number);
            file.last = Some(number);
            return Some(Placed {
                file: active,
                number,
                interface: file
                    .indices
                    .get(head.interface as usize)
                    .copied()
                    .unwrap_or(head.interface),
                head,
            });
        }
    }
}
