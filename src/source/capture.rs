//! One capture made of one or more files.

use std::fs::File;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::frame::Frame;
use crate::source::damage::{Damage, Reason};
use crate::source::error::Error;
use crate::source::input::{Files, Input, Reading, mapped_reader, rewound};
use crate::source::merge::{Heads, Merge};
use crate::source::parse::Head;
use crate::source::reader::{Reader, frame};
use crate::source::summary::FileSummary;
use crate::source::window::Mapped;

/// Small files are copied into memory, all together no more than this.
const COPIED: u64 = 32 << 20;

/// A capture: one or more files read as one, frames numbered on through all of them.
///
/// **Order.** One file is read in its own order, whatever its times. Several are merged: the next frame
/// is always the earliest of those that come next in each file. So files that a capture program rotated
/// follow each other by the time of their first frames, however they were named, and files captured at
/// the same time interleave; numbers are those that Wireshark shows for the files put together with
/// `mergecap`. A frame without a time stays behind its predecessor. Among frames of equal time, that of
/// the file given first comes first.
///
/// **Numbers.** As in Wireshark, pcapng's custom, journal and system call blocks take a frame number,
/// although they are no frames and are not handed out: there the numbers skip one.
///
/// **Memory.** A small plain file is copied, a larger one mapped; frames borrow from there. A mapped file that is cut
/// meanwhile reads as zeros from there on: [`Self::was_cut`] says so, and what was made of it is to be thrown away and read
/// again after [`Self::unmap`]. A file that is compressed, a pipe, or
/// written to within the last two seconds is read through a buffer of 256 KiB, more only while a longer
/// record arrives. Buffers of several files exist only from a file's first frame to its last, but all files
/// are opened at once, so that the process may give up the right to open any.
pub struct Capture {
    inputs: Vec<Input>,
    summaries: Vec<FileSummary>,
}

impl Capture {
    /// Opens all files; `-` is standard input. Reads no further than their first bytes, or, where there
    /// are several, their first frames.
    ///
    /// # Errors
    /// Where one cannot be read at all: it does not exist, may not be read, is empty or no capture file.
    pub fn open(paths: &[PathBuf]) -> Result<Self, Error> {
        Self::of_files(Files::open(paths)?, true)
    }

    /// Of files that were opened before.
    ///
    /// # Errors
    /// Where one cannot be read at all, is empty or no capture file.
    pub fn of(files: Files) -> Result<Self, Error> {
        Self::of_files(files, true)
    }

    /// As [`Self::open`], but maps no file: for files that may shrink while they are read.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_streaming(paths: &[PathBuf]) -> Result<Self, Error> {
        Self::of_files(Files::open(paths)?, false)
    }

    fn of_files(files: Files, mapped: bool) -> Result<Self, Error> {
        let mut inputs = files.inputs(mapped, COPIED)?;
        match inputs.as_mut_slice() {
            [_] => {}
            several => several.iter_mut().for_each(Input::look_up_first),
        }
        let summaries = inputs.iter().map(|input| input.summary.clone()).collect();
        Ok(Self { inputs, summaries })
    }

    /// Calls `each` for every frame in order, until it returns [`ControlFlow::Break`]. A frame's bytes are
    /// there until `each` returns. May be called again, unless one of the files is a pipe.
    ///
    /// A file that is cut short or damaged is no error: its frames up to there are given, and its
    /// [`FileSummary::truncated`] says where and why.
    ///
    /// # Errors
    /// [`Error::AlreadyRead`], where a pipe was read before.
    pub fn for_each_frame(
        &mut self,
        each: &mut dyn FnMut(&Frame<'_>) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let mut files = Vec::with_capacity(self.inputs.len());
        for input in &mut self.inputs {
            let first = input.first;
            let (reading, next) = input.begin()?;
            files.push((Turn::new(reading), first, next));
        }
        let mut merge = Merge::new(files);
        while let Some(placed) = merge.advance() {
            let Some(file) = merge.file(&placed) else {
                break;
            };
            let data = file.heads.data(&placed.head);
            if each(&frame(placed.number, placed.interface, &placed.head, data)).is_break() {
                break;
            }
        }
        let mut lasts = Vec::new();
        for (merged, summary) in merge.files().iter().zip(&mut self.summaries) {
            lasts.push(merged.last);
            match &merged.heads.reading {
                Reading::Mapped(reader) => reader.account(summary, merged.last, &merged.indices),
                Reading::Stream(reader) => reader.account(summary, merged.last, &merged.indices),
                Reading::Later { .. } => {}
            }
            if let Some(reason) = &merged.heads.unreadable {
                summary.truncated = Some(Damage {
                    offset: 0,
                    after_frame: None,
                    reason: reason.clone(),
                });
            }
        }
        drop(merge);
        // Cut between two records, a file ends as if it were whole.
        for ((input, summary), last) in self.inputs.iter().zip(&mut self.summaries).zip(lasts) {
            if let (None, Some((was, now))) = (&summary.truncated, input.cut_to()) {
                summary.truncated = Some(Damage {
                    offset: now,
                    after_frame: last,
                    reason: Reason::Shrunk { was, now },
                });
            }
        }
        Ok(())
    }

    /// All frames in order, their bytes borrowed for as long as the capture lives, so that they can be
    /// handed to other threads; absent unless every file is mapped. Its accounts are its own:
    /// [`MappedFrames::files`].
    pub fn mapped(&self) -> Option<MappedFrames<'_>> {
        let files = self.inputs.iter().map(|input| {
            let reader = mapped_reader(input.bytes()?)?;
            Some((reader, input.first, None))
        });
        Some(MappedFrames {
            merge: Merge::new(files.collect::<Option<Vec<_>>>()?),
            summaries: &self.summaries,
        })
    }

    /// The bytes of one of the files, in the order given; absent where it is not mapped.
    pub fn mapped_bytes(&self, file: usize) -> Option<&[u8]> {
        self.inputs.get(file)?.bytes()
    }

    /// In which of the mapped files a frame's bytes lie, and where in it; absent where they lie in none.
    pub fn place_of(&self, frame: &Frame<'_>) -> Option<(usize, usize)> {
        let at = frame.data.as_ptr().addr();
        self.inputs.iter().enumerate().find_map(|(file, input)| {
            let bytes = input.bytes()?;
            let offset = at.checked_sub(bytes.as_ptr().addr())?;
            (offset + frame.data.len() <= bytes.len()).then_some((file, offset))
        })
    }

    /// Whether a mapped file was cut since it was opened, so that zeros may have been read in the place of what it
    /// had.
    pub fn was_cut(&self) -> bool {
        self.inputs.iter().any(Input::was_cut)
    }

    /// Whether zeros are being read by now: going on is of no use. Cheap.
    #[inline]
    pub fn reads_zeros(&self) -> bool {
        self.inputs.iter().any(Input::reads_zeros)
    }

    /// Maps nothing any more: what was mapped is read through a buffer from now on.
    pub fn unmap(&mut self) {
        self.inputs.iter_mut().for_each(Input::unmap);
    }

    /// The files, in the order given, with their accounts as far as [`Self::for_each_frame`] last read
    /// them.
    pub fn files(&self) -> &[FileSummary] {
        &self.summaries
    }

    /// Size of all files together in bytes, compressed as they are; absent where one is a pipe.
    pub fn file_bytes(&self) -> Option<u64> {
        self.summaries.iter().map(|file| file.file_bytes).sum()
    }
}

/// The frames of mapped files, living as long as the [`Capture`].
pub struct MappedFrames<'m> {
    merge: Merge<Reader<Mapped<'m>>>,
    summaries: &'m [FileSummary],
}

impl MappedFrames<'_> {
    /// The files, in the order given, with their accounts as far as they were read.
    pub fn files(&self) -> Vec<FileSummary> {
        let mut summaries = self.summaries.to_vec();
        for (merged, summary) in self.merge.files().iter().zip(&mut summaries) {
            merged.heads.account(summary, merged.last, &merged.indices);
        }
        summaries
    }
}

impl<'m> Iterator for MappedFrames<'m> {
    type Item = Frame<'m>;

    #[inline]
    fn next(&mut self) -> Option<Frame<'m>> {
        let placed = self.merge.advance()?;
        let data = self.merge.file(&placed)?.heads.mapped_data(&placed.head);
        Some(frame(placed.number, placed.interface, &placed.head, data))
    }
}

impl Heads for Reader<Mapped<'_>> {
    #[inline]
    fn advance(&mut self) -> Option<Head> {
        Reader::advance(self)
    }

    #[inline]
    fn take_numbers_passed(&mut self) -> u64 {
        Reader::take_numbers_passed(self)
    }

    #[inline]
    fn interface_count(&self) -> usize {
        Reader::interface_count(self)
    }
}

/// A file's reading, begun when its turn comes.
struct Turn<'m> {
    reading: Reading<'m>,
    /// Why the turn could not begin.
    unreadable: Option<Reason>,
}

impl<'m> Turn<'m> {
    fn new(reading: Reading<'m>) -> Self {
        Self {
            reading,
            unreadable: None,
        }
    }

    /// The bytes of the frame that `advance` returned last.
    #[inline]
    fn data(&self, head: &Head) -> &[u8] {
        match &self.reading {
            Reading::Mapped(reader) => reader.mapped_data(head),
            Reading::Stream(reader) => reader.data(head),
            Reading::Later { .. } => &[],
        }
    }

    #[cold]
    fn begin(&mut self, file: &'m File) -> Option<Head> {
        if self.unreadable.is_some() {
            return None;
        }
        match rewound(Path::new(""), file) {
            Ok(reader) => {
                self.reading = Reading::Stream(reader);
                self.advance()
            }
            // It could be read when it was opened: somebody changed it since.
            Err(error) => {
                self.unreadable = Some(Reason::Read {
                    message: format!("it changed since it was opened{error}"),
                });
                None
            }
        }
    }
}

impl Heads for Turn<'_> {
    #[inline]
    fn advance(&mut self) -> Option<Head> {
        match &mut self.reading {
            Reading::Mapped(reader) => reader.advance(),
            Reading::Stream(reader) => {
                let head = reader.advance();
                if head.is_none() {
                    reader.close_if_over();
                }
                head
            }
            Reading::Later { file } => {
                let file = *file;
                self.begin(file)
            }
        }
    }

    #[inline]
    fn take_numbers_passed(&mut self) -> u64 {
        match &mut self.reading {
            Reading::Mapped(reader) => reader.take_numbers_passed(),
            Reading::Stream(reader) => reader.take_numbers_passed(),
            Reading::Later { .. } => 0,
        }
    }

    #[inline]
    fn interface_count(&self) -> usize {
        match &self.reading {
            Reading::Mapped(reader) => reader.interface_count(),
            Reading::Stream(reader) => reader.interface_count(),
            Reading::Later { .. } => 0,
        }
    }
}
