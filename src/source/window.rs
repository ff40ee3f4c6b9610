//! Where unread bytes come from: a memory map, or a stream through a buffer.

use std::io::Read;

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

/// A file read piece by piece.
///
/// Invariant: `start <= end <= buffer.len()`; `buffer[start..end]` is unread. The buffer grows beyond
/// [`Stream::BUFFER`] only for a record that is longer, and only as its bytes arrive, so that a record
/// that merely claims to be long costs nothing.
pub(super) struct Stream<'m> {
    input: Box<dyn Read + Send + 'm>,
    compression: Option<Compression>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// How the input ended, once it has.
    over: Option<Result<(), Reason>>,
}

impl<'m> Stream<'m> {
    /// What is read at once, as far as the input has it.
    const BUFFER: usize = 256 << 10;

    pub(super) fn new(input: Box<dyn Read + Send + 'm>, compression: Option<Compression>) -> Self {
        Self {
            input,
            compression,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            over: None,
        }
    }

    /// Lets go of input and buffer: a file that is read to its end costs nothing more.
    pub(super) fn close(&mut self) {
        self.input = Box::new(std::io::empty());
        self.buffer = Vec::new();
        self.start = 0;
        self.end = 0;
        self.over = Some(Ok(()));
    }

    /// Reads once into the free end of the buffer.
    fn read(&mut self) {
        let free = self.buffer.get_mut(self.end..).unwrap_or_default();
        match self.input.read(free) {
            Ok(0) => self.over = Some(Ok(())),
            Ok(count) => self.end = self.end.saturating_add(count).min(self.buffer.len()),
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

    fn ended(&self) -> Option<Filled> {
        Some(match self.over.as_ref()? {
            Ok(()) => Filled::Ended {
                available: self.end - self.start,
            },
            Err(reason) => Filled::Failed(reason.clone()),
        })
    }
}

impl Window for Stream<'_> {
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
            if self.start > 0 {
                self.buffer.copy_within(self.start..self.end, 0);
                self.end -= self.start;
                self.start = 0;
            }
            if self.end == self.buffer.len() {
                let longer = (self.buffer.len() * 2).max(Self::BUFFER);
                self.buffer.resize(longer, 0);
            }
            self.read();
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
            if self.buffer.is_empty() {
                self.buffer.resize(Self::BUFFER, 0);
            }
            self.read();
        }
    }
}
