//! Where unread bytes come from: a memory map, or a stream through a buffer.

use std::io::Read;

use crate::source::ahead::{Ahead, FRONT};
use crate::source::damage::Reason;
use crate::source::map::fetch_ahead;
use crate::source::summary::Compression;

/// The unread bytes of a file, as many as are at hand.
pub(super) trait Window {
    /// The unread bytes at hand.
    fn unread(&self) -> &[u8];
    /// Index of the first unread byte in [`Self::stored`].
    fn position(&self) -> usize;
    /// All bytes at hand, those of the last frame included until the next `fill` or `pass`.
    fn stored(&self) -> &[u8];
    /// Tries to get at least `need` unread bytes to hand.
    fn fill(&mut self, need: usize) -> Filled;
    /// Moves on by `count` bytes, beyond those at hand if need be.
    fn pass(&mut self, count: usize) -> Filled;
}

/// What became of a [`Window::fill`] or a [`Window::pass`].
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Filled {
    /// The bytes are there.
    Enough,
    /// The file ends before; so many unread bytes were left.
    Ended { available: usize },
    /// The file cannot be read so far.
    Failed(Reason),
}

/// All of a file in memory.
#[derive(Debug, Clone)]
pub(super) struct Mapped<'m> {
    bytes: &'m [u8],
    at: usize,
}

impl<'m> Mapped<'m> {
    pub(super) fn new(bytes: &'m [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The bytes of a file that was read up to `at`.
    pub(super) fn from(bytes: &'m [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    /// The bytes of the file, for as long as the map lives.
    pub(super) fn bytes(&self) -> &'m [u8] {
        self.bytes
    }
}

impl Window for Mapped<'_> {
    #[inline]
    fn unread(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    #[inline]
    fn position(&self) -> usize {
        self.at
    }

    #[inline]
    fn stored(&self) -> &[u8] {
        self.bytes
    }

    #[inline]
    fn fill(&mut self, need: usize) -> Filled {
        let available = self.unread().len();
        if need <= available {
            Filled::Enough
        } else {
            Filled::Ended { available }
        }
    }

    #[inline]
    fn pass(&mut self, count: usize) -> Filled {
        let filled = self.fill(count);
        if filled == Filled::Enough {
            self.at += count;
            fetch_ahead(self.unread());
        }
        filled
    }
}

/// A file read piece by piece; one that is compressed by a thread of its own from [`Stream::AHEAD`] on.
///
/// Invariant: `start <= end <= buffer.len()`; `buffer[start..end]` is unread. The buffer grows beyond
/// [`Stream::BUFFER`] only for a record that is longer, and only as its bytes arrive, so that a record
/// that merely claims to be long costs nothing.
pub(super) struct Stream {
    input: Input,
    compression: Option<Compression>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Bytes that were read here.
    read: usize,
    /// How the input ended, once it has.
    over: Option<Result<(), Reason>>,
}

/// Who reads it.
enum Input {
    Here(Box<dyn Read + Send>),
    Ahead(Ahead),
}

impl Stream {
    /// What is read at once, as far as the input has it.
    const BUFFER: usize = 256 << 10;
    /// So many bytes are read here: a small file is not worth a thread.
    const AHEAD: usize = 1 << 20;

    pub(super) fn new(input: Box<dyn Read + Send>, compression: Option<Compression>) -> Self {
        Self {
            input: Input::Here(input),
            compression,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            read: 0,
            over: None,
        }
    }

    /// Lets go of input and buffer: a file that is read to its end costs nothing more.
    pub(super) fn close(&mut self) {
        self.input = Input::Here(Box::new(std::io::empty()));
        self.buffer = Vec::new();
        self.start = 0;
        self.end = 0;
        self.over = Some(Ok(()));
    }

    /// From now on a thread reads it.
    pub(super) fn read_ahead(&mut self) {
        if let Input::Here(input) = &mut self.input {
            let input = std::mem::replace(input, Box::new(std::io::empty()));
            self.input = match Ahead::of(input) {
                Ok(ahead) => Input::Ahead(ahead),
                Err(input) => Input::Here(input),
            };
            // Where there is none to be had it is asked for again after as many bytes.
            self.read = 0;
        }
    }

    /// Gets more bytes to hand, once.
    fn more(&mut self) {
        // Whoever writes into a pipe is a program of its own: a thread that reads it only takes the processor from both.
        if self.compression.is_some() && self.read >= Self::AHEAD {
            self.read_ahead();
        }
        let got = match &mut self.input {
            Input::Here(_) => self.more_here(),
            Input::Ahead(ahead) => ahead.next().map(|block| {
                let any = block.is_some();
                if let Some((block, end)) = block {
                    self.take(block, end);
                }
                any
            }),
        };
        match got {
            Ok(true) => {}
            Ok(false) => self.over = Some(Ok(())),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => {
                let message = error.to_string();
                self.over = Some(Err(match self.compression {
                    Some(_) => Reason::Compressed { message },
                    None => Reason::Read { message },
                }));
            }
        }
    }

    /// Reads once into the free end of the buffer.
    fn more_here(&mut self) -> std::io::Result<bool> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.buffer.len() {
            let longer = (self.buffer.len() * 2).max(Self::BUFFER);
            self.buffer.resize(longer, 0);
        }
        let Input::Here(input) = &mut self.input else {
            return Ok(true);
        };
        let free = self.buffer.get_mut(self.end..).unwrap_or_default();
        let count = input.read(free)?;
        self.end = self.end.saturating_add(count).min(self.buffer.len());
        self.read = self.read.saturating_add(count);
        Ok(count > 0)
    }

    /// Goes on with a block whose bytes begin at [`FRONT`]: what is unread of the one before is copied before them.
    fn take(&mut self, mut block: Vec<u8>, end: usize) {
        let unread = self.end - self.start;
        let front = FRONT
            .checked_sub(unread)
            .and_then(|start| block.get_mut(start..FRONT));
        let old =
            if let (Some(front), Some(unread)) = (front, self.buffer.get(self.start..self.end)) {
                front.copy_from_slice(unread);
                self.start = FRONT - unread.len();
                self.end = end;
                std::mem::replace(&mut self.buffer, block)
            } else {
                // A long record.
                self.buffer.copy_within(self.start..self.end, 0);
                self.buffer.truncate(unread);
                self.buffer
                    .extend_from_slice(block.get(FRONT..end).unwrap_or_default());
                self.start = 0;
                self.end = self.buffer.len();
                block
            };
        if let Input::Ahead(ahead) = &self.input {
            ahead.give_back(old);
        }
    }

    fn ended(&self) -> Option<Filled> {
        Some(match self.over.as_ref()? {
            Ok(()) => Filled::Ended {
                available: self.end - self.start,
            },
            Err(reason) => Filled::Failed(reason.clone()),
        })
    }
}

impl Window for Stream {
    #[inline]
    fn unread(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    #[inline]
    fn position(&self) -> usize {
        self.start
    }

    #[inline]
    fn stored(&self) -> &[u8] {
        &self.buffer
    }

    fn fill(&mut self, need: usize) -> Filled {
        loop {
            if need <= self.end - self.start {
                return Filled::Enough;
            }
            if let Some(ended) = self.ended() {
                return ended;
            }
            self.more();
        }
    }

    #[inline]
    fn pass(&mut self, count: usize) -> Filled {
        let mut left = count;
        loop {
            let here = left.min(self.end - self.start);
            self.start += here;
            left -= here;
            if left == 0 {
                return Filled::Enough;
            }
            match self.ended() {
                Some(Filled::Ended { .. }) => {
                    return Filled::Ended {
                        available: count - left,
                    };
                }
                Some(ended) => return ended,
                None => {}
            }
            self.start = 0;
            self.end = 0;
            self.more();
        }
    }
}
