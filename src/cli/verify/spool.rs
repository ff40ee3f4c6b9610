//! The bytes of all pictures, kept until they can be compared: a little in memory, the rest in a temporary file.
//!
//! Offline all are kept to the end. Live, a picture is let go as soon as its digest is that of a file ([`Spool::is_file`]): its
//! bytes can be read there. The room that it took is used again, so that a capture of any length takes little.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tempfile::SpooledTempFile;

use crate::analysis::Event;
use crate::digest::{DigestKind, Hasher, sha256};
use crate::units::PictureId;
use crate::verify::{Run, Wire};

/// Bytes kept in memory before a temporary file is made.
const MEMORY: usize = 16 << 20;
/// Bytes of one picture gathered before they are kept.
const BUFFER: usize = 32 << 10;
/// Bytes gathered of all pictures before all are kept.
const GATHERED: usize = 8 << 20;
/// The same, live: pictures that equal a file never leave memory.
const GATHERED_LIVE: usize = 64 << 20;
/// Live: most bytes in the temporary file.
const FILE_LIVE: u64 = 2 << 30;
/// Live: most bytes of buffers that wait to be used again.
const SPARE: usize = 32 << 20;

/// Something to keep bytes in.
trait Backing: Read + Write + Seek + Send + Debug {}
impl<T: Read + Write + Seek + Send + Debug> Backing for T {}

/// Where the bytes of pictures are kept.
#[derive(Debug)]
pub(in crate::cli) struct Spool {
    file: Box<dyn Backing>,
    /// Where nothing has been written yet.
    end: u64,
    /// Room below `end` that is free: its place and its length. Neighbours are one.
    free: BTreeMap<u64, u64>,
    gathered: usize,
    pictures: BTreeMap<PictureId, Kept>,
    spare: Vec<Vec<u8>>,
    most_of_one: usize,
    most_gathered: usize,
    most_in_file: u64,
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
    ended: bool,
    elsewhere: Option<Elsewhere>,
}

/// Why a picture's bytes are not in the spool any more.
#[derive(Debug)]
enum Elsewhere {
    /// They are those of this file.
    File { path: PathBuf, sha256: String },
    /// There was no room for them.
    GivenUp,
}

/// So many bytes of a picture from `offset` on stand at `at` of the spool.
#[derive(Debug, Clone, Copy)]
struct Piece {
    offset: u64,
    at: u64,
    bytes: u64,
}

impl Spool {
    /// One that keeps all to the end. Its temporary file is made now: a process that is confined can make none later.
    pub(in crate::cli) fn new() -> Self {
        let mut file = SpooledTempFile::new(MEMORY);
        // Where that fails, up to 16 MiB are kept in memory, and more is told then.
        let _ = file.roll();
        Self::with(Box::new(file), BUFFER, GATHERED, u64::MAX)
    }

    /// One that holds nothing, for those who kept nothing.
    pub(in crate::cli) fn empty() -> Self {
        Self::with(Box::new(SpooledTempFile::new(MEMORY)), BUFFER, GATHERED, 0)
    }

    /// One for a live capture: `file` takes what memory cannot, and when it holds 2 GiB, the oldest pictures are
    /// given up: they are compared by digest alone.
    pub(in crate::cli) fn live(file: File) -> Self {
        Self::with(Box::new(file), usize::MAX, GATHERED_LIVE, FILE_LIVE)
    }

    fn with(
        file: Box<dyn Backing>,
        most_of_one: usize,
        most_gathered: usize,
        most_in_file: u64,
    ) -> Self {
        Self {
            file,
            end: 0,
            free: BTreeMap::new(),
            gathered: 0,
            pictures: BTreeMap::new(),
            spare: Vec::new(),
            most_of_one,
            most_gathered,
            most_in_file,
            failure: None,
        }
    }

    /// Whether bytes could not be kept: nothing more is.
    pub(in crate::cli) fn failed(&self) -> bool {
        self.failure.is_some()
    }

    /// One event of the analysis.
    pub(in crate::cli) fn see(&mut self, event: &Event<'_>) {
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
            Event::PictureEnded(image) => {
                if let Some(kept) = self.pictures.get_mut(&image.id) {
                    kept.ended = true;
                }
                if self.most_of_one < usize::MAX {
                    self.keep(image.id)
                } else {
                    Ok(())
                }
            }
            _ => Ok(()),
        };
        self.failure = outcome.err();
    }

    fn data(&mut self, picture: PictureId, bytes: &[u8]) -> anyhow::Result<()> {
        let kept = self.pictures.entry(picture).or_default();
        let at = kept.length;
        kept.length = kept.length.saturating_add(bytes.len() as u64);
        if kept.elsewhere.is_some() {
            return Ok(());
        }
        if kept.buffer.is_empty() {
            kept.buffer_at = at;
            if kept.buffer.capacity() == 0
                && let Some(spare) = self.spare.pop()
            {
                kept.buffer = spare;
            }
        }
        kept.buffer.extend_from_slice(bytes);
        self.gathered = self.gathered.saturating_add(bytes.len());
        if kept.buffer.len() >= self.most_of_one {
            self.keep(picture)?;
        } else if self.gathered >= self.most_gathered {
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
        let mut buffer = std::mem::take(&mut kept.buffer);
        let offset = kept.buffer_at;
        self.gathered = self.gathered.saturating_sub(buffer.len());
        let mut written = 0;
        while written < buffer.len() {
            let rest = buffer.get(written..).unwrap_or_default();
            let Some((at, room)) = self.room(rest.len() as u64) else {
                self.let_go(picture, Elsewhere::GivenUp);
                break;
            };
            // Those that ended may have been given up for it, this one among them.
            if self
                .pictures
                .get(&picture)
                .is_none_or(|kept| kept.elsewhere.is_some())
            {
                self.give_free(at, room);
                break;
            }
            let part = rest
                .get(..usize::try_from(room).unwrap_or(usize::MAX))
                .unwrap_or(rest);
            self.file
                .seek(SeekFrom::Start(at))
                .and_then(|_| self.file.write_all(part))
                .context("the pictures' bytes cannot be kept in a temporary file; see whether the disk is full, or set TMPDIR")?;
            let piece = Piece {
                offset: offset.saturating_add(written as u64),
                at,
                bytes: part.len() as u64,
            };
            written = written.saturating_add(part.len());
            let Some(kept) = self.pictures.get_mut(&picture) else {
                break;
            };
            match kept.pieces.last_mut() {
                Some(last)
                    if last.offset.saturating_add(last.bytes) == piece.offset
                        && last.at.saturating_add(last.bytes) == piece.at =>
                {
                    last.bytes = last.bytes.saturating_add(piece.bytes);
                }
                _ => kept.pieces.push(piece),
            }
        }
        buffer.clear();
        self.use_again(buffer);
        Ok(())
    }

    /// Room for at most `bytes` bytes: its place and its length. Absent where there is none, even after all pictures that
    /// ended were given up.
    fn room(&mut self, bytes: u64) -> Option<(u64, u64)> {
        loop {
            if let Some((at, room)) = self.free.pop_first() {
                if room > bytes {
                    self.free.insert(at.saturating_add(bytes), room - bytes);
                }
                return Some((at, room.min(bytes)));
            }
            let room = self.most_in_file.saturating_sub(self.end).min(bytes);
            if room > 0 {
                let at = self.end;
                self.end = self.end.saturating_add(room);
                return Some((at, room));
            }
            let oldest = self
                .pictures
                .iter()
                .find(|(_, kept)| kept.ended && !kept.pieces.is_empty());
            let oldest = oldest.map(|(picture, _)| *picture)?;
            self.let_go(oldest, Elsewhere::GivenUp);
        }
    }

    /// The picture's bytes are those of this file, whose SHA-256 this is: they are not kept any longer.
    pub(in crate::cli) fn is_file(&mut self, picture: PictureId, path: &Path, sha256: &str) {
        self.let_go(
            picture,
            Elsewhere::File {
                path: path.to_owned(),
                sha256: sha256.to_owned(),
            },
        );
    }

    fn let_go(&mut self, picture: PictureId, elsewhere: Elsewhere) {
        let Some(kept) = self.pictures.get_mut(&picture) else {
            return;
        };
        kept.elsewhere = Some(elsewhere);
        let pieces = std::mem::take(&mut kept.pieces);
        let mut buffer = std::mem::take(&mut kept.buffer);
        self.gathered = self.gathered.saturating_sub(buffer.len());
        buffer.clear();
        self.use_again(buffer);
        for piece in pieces {
            self.give_free(piece.at, piece.bytes);
        }
    }

    fn give_free(&mut self, at: u64, bytes: u64) {
        let (mut at, mut bytes) = (at, bytes);
        if let Some((&before, &length)) = self.free.range(..at).next_back()
            && before.saturating_add(length) == at
        {
            self.free.remove(&before);
            at = before;
            bytes = bytes.saturating_add(length);
        }
        if let Some(length) = self.free.remove(&at.saturating_add(bytes)) {
            bytes = bytes.saturating_add(length);
        }
        self.free.insert(at, bytes);
    }

    /// An empty buffer, for the next picture.
    fn use_again(&mut self, buffer: Vec<u8>) {
        let waiting: usize = self.spare.iter().map(Vec::capacity).sum();
        if self.most_of_one == usize::MAX && waiting.saturating_add(buffer.capacity()) <= SPARE {
            self.spare.push(buffer);
        }
    }

    /// Nothing more comes.
    ///
    /// # Errors
    /// Bytes that could not be kept.
    pub(in crate::cli) fn finish(&mut self) -> anyhow::Result<()> {
        match self.failure.take() {
            Some(failure) => Err(failure),
            None => Ok(()),
        }
    }

    /// A picture's captured bytes; absent where there are more than `limit`, or where they are gone.
    ///
    /// # Errors
    /// A temporary file that cannot be read.
    pub(in crate::cli) fn wire(
        &mut self,
        picture: PictureId,
        limit: u64,
    ) -> anyhow::Result<Option<Wire>> {
        let Some(kept) = self.pictures.get(&picture) else {
            return Ok(Some(Wire::default()));
        };
        match &kept.elsewhere {
            Some(Elsewhere::File { .. }) if kept.length > limit => return Ok(None),
            // The file may have been changed since.
            Some(Elsewhere::File { path, sha256: same }) => {
                let bytes = std::fs::read(path).ok();
                return Ok(bytes.filter(|bytes| sha256(bytes) == *same).map(Wire::of));
            }
            Some(Elsewhere::GivenUp) => return Ok(None),
            None => {}
        }
        let all: u64 = kept.pieces.iter().map(|piece| piece.bytes).sum();
        if all.saturating_add(kept.buffer.len() as u64) > limit {
            return Ok(None);
        }
        let mut wire = Wire {
            length: kept.length,
            runs: Vec::new(),
        };
        let mut add = |offset: u64, bytes: Vec<u8>| match wire.runs.last_mut() {
            Some(last) if last.range().end == offset => last.bytes.extend_from_slice(&bytes),
            _ if bytes.is_empty() => {}
            _ => wire.runs.push(Run { offset, bytes }),
        };
        for piece in &kept.pieces {
            add(piece.offset, Self::piece(&mut *self.file, *piece)?);
        }
        add(kept.buffer_at, kept.buffer.clone());
        Ok(Some(wire))
    }

    /// SHA-256 of a picture; absent where bytes are missing.
    ///
    /// # Errors
    /// A temporary file that cannot be read.
    pub(in crate::cli) fn sha256(&mut self, picture: PictureId) -> anyhow::Result<Option<String>> {
        let Some(kept) = self.pictures.get(&picture) else {
            return Ok(None);
        };
        match &kept.elsewhere {
            Some(Elsewhere::File { sha256, .. }) => return Ok(Some(sha256.clone())),
            Some(Elsewhere::GivenUp) => return Ok(None),
            None => {}
        }
        let all: u64 = kept.pieces.iter().map(|piece| piece.bytes).sum();
        if all.saturating_add(kept.buffer.len() as u64) != kept.length {
            return Ok(None);
        }
        let mut hasher = Hasher::new(DigestKind::Sha256);
        for piece in &kept.pieces {
            let mut at = 0;
            while at < piece.bytes {
                let bytes = (piece.bytes - at).min(1 << 20);
                let part = Piece {
                    offset: piece.offset.saturating_add(at),
                    at: piece.at.saturating_add(at),
                    bytes,
                };
                hasher.update(&Self::piece(&mut *self.file, part)?);
                at = at.saturating_add(bytes);
            }
        }
        hasher.update(&kept.buffer);
        Ok(hasher.finish())
    }

    fn piece(file: &mut dyn Backing, piece: Piece) -> anyhow::Result<Vec<u8>> {
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

    #[test]
    fn room_of_pictures_that_are_files_is_used_again() {
        let mut spool = Spool::with(
            Box::new(SpooledTempFile::new(MEMORY)),
            usize::MAX,
            1000,
            5000,
        );
        let mut folder = tempfile::NamedTempFile::new().unwrap();
        let same = b"0123456789".repeat(200);
        folder.write_all(&same).unwrap();
        for picture in 0..100 {
            for piece in same.chunks(300) {
                data(&mut spool, picture, piece);
            }
            spool.is_file(PictureId(picture), folder.path(), &sha256(&same));
        }
        assert!(spool.end <= 2000, "{}", spool.end);
        let wire = spool.wire(PictureId(7), u64::MAX).unwrap().unwrap();
        assert_eq!(wire.whole(), Some(same.as_slice()));
        assert_eq!(spool.sha256(PictureId(7)).unwrap(), Some(sha256(&same)));
        // Two that interleave, in the room that is free and beyond.
        let other = b"abcdefghij".repeat(200);
        for (left, right) in same.chunks(300).zip(other.chunks(300)) {
            data(&mut spool, 100, left);
            data(&mut spool, 101, right);
        }
        spool.finish().unwrap();
        for (picture, bytes) in [(100, &same), (101, &other)] {
            let wire = spool.wire(PictureId(picture), u64::MAX).unwrap().unwrap();
            assert_eq!(wire.whole(), Some(bytes.as_slice()));
            assert_eq!(
                spool.sha256(PictureId(picture)).unwrap(),
                Some(sha256(bytes))
            );
        }
        // A file that was changed is not what was on the wire.
        folder.write_all(b"more").unwrap();
        assert!(spool.wire(PictureId(7), u64::MAX).unwrap().is_none());
    }

    #[test]
    fn without_room_the_oldest_that_ended_are_given_up() {
        let mut spool = Spool::with(
            Box::new(SpooledTempFile::new(MEMORY)),
            usize::MAX,
            1000,
            5000,
        );
        for picture in 0..4 {
            for _ in 0..20 {
                data(&mut spool, picture, &[picture.to_le_bytes()[0]; 100]);
            }
            if let Some(kept) = spool.pictures.get_mut(&PictureId(picture)) {
                kept.ended = true;
            }
        }
        spool.finish().unwrap();
        let kept: Vec<bool> = (0..4)
            .map(|id| spool.wire(PictureId(id), u64::MAX).unwrap().is_some())
            .collect();
        assert_eq!(kept, [false, false, true, true]);
        assert!(spool.sha256(PictureId(0)).unwrap().is_none());
        assert!(spool.end <= 5000);
        // One that is larger than all the room is given up itself.
        data(&mut spool, 9, &[9; 6000]);
        assert!(spool.wire(PictureId(9), u64::MAX).unwrap().is_none());
    }
}
