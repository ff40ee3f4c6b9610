//! The bytes of all pictures, kept until they can be compared: a little in memory, the rest in a temporary file.

use std::collections::BTreeMap;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};

use anyhow::Context as _;
use tempfile::SpooledTempFile;

use crate::analysis::Event;
use crate::digest::{DigestKind, Hasher};
use crate::units::PictureId;
use crate::verify::{Run, Wire};

/// Bytes kept in memory before a temporary file is made.
const MEMORY: usize = 16 << 20;
/// Bytes of one picture gathered before they are kept.
const BUFFER: usize = 32 << 10;
/// Bytes gathered of all pictures before all are kept.
const GATHERED: usize = 8 << 20;

/// Where the bytes of pictures are kept.
#[derive(Debug)]
pub(super) struct Spool {
    file: SpooledTempFile,
    /// Bytes in it.
    end: u64,
    gathered: usize,
    pictures: BTreeMap<PictureId, Kept>,
    failure: Option<anyhow::Error>,
}

/// A picture's place in the spool.
#[derive(Debug, Default)]
struct Kept {
    length: u64,
    pieces: Vec<Piece>,
    /// Bytes that follow the last piece, from `buffer_at` on.
    buffer: Vec<u8>,
    buffer_at: u64,
}

/// So many bytes of a picture from `offset` on stand at `at` of the spool.
#[derive(Debug, Clone, Copy)]
struct Piece {
    offset: u64,
    at: u64,
    bytes: u64,
}

impl Spool {
    pub(super) fn new() -> Self {
        Self {
            file: SpooledTempFile::new(MEMORY),
            end: 0,
            gathered: 0,
            pictures: BTreeMap::new(),
            failure: None,
        }
    }

    /// Makes the temporary file now, for a process that can make none later.
    pub(super) fn on_disk(&mut self) {
        // Where that fails, up to 16 MiB are kept in memory, and more is told then.
        let _ = self.file.roll();
    }

    /// Whether bytes could not be kept: nothing more is.
    pub(super) fn failed(&self) -> bool {
        self.failure.is_some()
    }

    /// One event of the analysis.
    pub(super) fn see(&mut self, event: &Event<'_>) {
        if self.failed() {
            return;
        }
        let outcome = match event {
            Event::PictureData { picture, bytes } => self.data(*picture, bytes),
            Event::PictureGap { picture, length } => {
                let outcome = self.keep(*picture);
                let kept = self.pictures.entry(*picture).or_default();
                kept.length = kept.length.saturating_add(*length);
                outcome
            }
            Event::PictureEnded(image) => self.keep(image.id),
            _ => Ok(()),
        };
        self.failure = outcome.err();
    }

    fn data(&mut self, picture: PictureId, bytes: &[u8]) -> anyhow::Result<()> {
        let kept = self.pictures.entry(picture).or_default();
        if kept.buffer.is_empty() {
            kept.buffer_at = kept.length;
        }
        kept.buffer.extend_from_slice(bytes);
        kept.length = kept.length.saturating_add(bytes.len() as u64);
        self.gathered = self.gathered.saturating_add(bytes.len());
        if kept.buffer.len() >= BUFFER {
            self.keep(picture)?;
        } else if self.gathered >= GATHERED {
            let all: Vec<PictureId> = self.pictures.keys().copied().collect();
            for picture in all {
                self.keep(picture)?;
            }
        }
        Ok(())
    }

    /// Writes what was gathered of a picture.
    fn keep(&mut self, picture: PictureId) -> anyhow::Result<()> {
        let Some(kept) = self.pictures.get_mut(&picture) else {
            return Ok(());
        };
        if kept.buffer.is_empty() {
            return Ok(());
        }
        let buffer = std::mem::take(&mut kept.buffer);
        let bytes = buffer.len() as u64;
        self.file
            .write_all(&buffer)
            .context("the pictures' bytes cannot be kept in a temporary file; see whether the disk is full, or set TMPDIR")?;
        let piece = Piece {
            offset: kept.buffer_at,
            at: self.end,
            bytes,
        };
        match kept.pieces.last_mut() {
            Some(last)
                if last.offset.saturating_add(last.bytes) == piece.offset
                    && last.at.saturating_add(last.bytes) == piece.at =>
            {
                last.bytes = last.bytes.saturating_add(bytes);
            }
            _ => kept.pieces.push(piece),
        }
        self.end = self.end.saturating_add(bytes);
        self.gathered = self.gathered.saturating_sub(buffer.len());
        Ok(())
    }

    /// Nothing more comes.
    ///
    /// # Errors
    /// Bytes that could not be kept.
    pub(super) fn finish(&mut self) -> anyhow::Result<()> {
        match self.failure.take() {
            Some(failure) => Err(failure),
            None => Ok(()),
        }
    }

    /// A picture's captured bytes; absent where there are more than `limit`.
    ///
    /// # Errors
    /// A temporary file that cannot be read.
    pub(super) fn wire(&mut self, picture: PictureId, limit: u64) -> anyhow::Result<Option<Wire>> {
        self.keep(picture)?;
        let Some(kept) = self.pictures.get(&picture) else {
            return Ok(Some(Wire::default()));
        };
        let all: u64 = kept.pieces.iter().map(|piece| piece.bytes).sum();
        if all > limit {
            return Ok(None);
        }
        let mut wire = Wire {
            length: kept.length,
            runs: Vec::new(),
        };
        for piece in kept.pieces.clone() {
            let bytes = Self::piece(&mut self.file, piece)?;
            match wire.runs.last_mut() {
                Some(last) if last.range().end == piece.offset => {
                    last.bytes.extend_from_slice(&bytes);
                }
                _ => wire.runs.push(Run {
                    offset: piece.offset,
                    bytes,
                }),
            }
        }
        self.file.seek(SeekFrom::Start(self.end))?;
        Ok(Some(wire))
    }

    /// SHA-256 of a picture; absent where bytes are missing.
    ///
    /// # Errors
    /// A temporary file that cannot be read.
    pub(super) fn sha256(&mut self, picture: PictureId) -> anyhow::Result<Option<String>> {
        self.keep(picture)?;
        let Some(kept) = self.pictures.get(&picture) else {
            return Ok(None);
        };
        let all: u64 = kept.pieces.iter().map(|piece| piece.bytes).sum();
        if all != kept.length {
            return Ok(None);
        }
        let mut hasher = Hasher::new(DigestKind::Sha256);
        for piece in kept.pieces.clone() {
            let mut at = 0;
            while at < piece.bytes {
                let bytes = (piece.bytes - at).min(1 << 20);
                let part = Piece {
                    offset: piece.offset.saturating_add(at),
                    at: piece.at.saturating_add(at),
                    bytes,
                };
                hasher.update(&Self::piece(&mut self.file, part)?);
                at = at.saturating_add(bytes);
            }
        }
        self.file.seek(SeekFrom::Start(self.end))?;
        Ok(hasher.finish())
    }

    fn piece(file: &mut SpooledTempFile, piece: Piece) -> anyhow::Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(piece.bytes)?];
        file.seek(SeekFrom::Start(piece.at))
            .and_then(|_| file.read_exact(&mut bytes))
            .context("the temporary file with the pictures' bytes cannot be read back")?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(spool: &mut Spool, picture: u32, bytes: &[u8]) {
        spool.see(&Event::PictureData {
            picture: PictureId(picture),
            bytes,
        });
    }

    #[test]
    fn interleaved_pictures_come_back_with_their_gaps() {
        let mut spool = Spool::new();
        let (mut first, mut second) = (Vec::new(), Vec::new());
        for index in 0..3000_u32 {
            let piece = index.to_be_bytes().repeat(16);
            data(&mut spool, 0, &piece);
            first.extend_from_slice(&piece);
            let piece = index.to_le_bytes().repeat(5);
            data(&mut spool, 1, &piece);
            second.extend_from_slice(&piece);
        }
        spool.see(&Event::PictureGap {
            picture: PictureId(1),
            length: 1000,
        });
        data(&mut spool, 1, b"end");
        spool.finish().unwrap();
        let wire = spool.wire(PictureId(0), u64::MAX).unwrap().unwrap();
        assert_eq!(wire.whole(), Some(first.as_slice()));
        let wire = spool.wire(PictureId(1), u64::MAX).unwrap().unwrap();
        assert_eq!(wire.length, second.len() as u64 + 1003);
        assert_eq!(wire.runs.len(), 2);
        assert_eq!(wire.runs[0].bytes, second);
        assert_eq!(wire.runs[1].offset, second.len() as u64 + 1000);
        assert_eq!(wire.runs[1].bytes, b"end");
        assert_eq!(wire.whole(), None);
        assert!(spool.wire(PictureId(0), 10).unwrap().is_none());
        assert!(spool.sha256(PictureId(1)).unwrap().is_none());
        let mut hasher = Hasher::new(DigestKind::Sha256);
        hasher.update(&first);
        assert_eq!(spool.sha256(PictureId(0)).unwrap(), hasher.finish());
    }
}
