//! The bytes of all directions, kept until they can be compared: a little in memory, the rest in a temporary file. A picture's
//! bytes are those of its direction; where that has them encoded, the decoded ones are kept too.
//!
//! Offline all are kept to the end. Live, a picture is let go as soon as its digest is that of a file ([`Spool::is_file`]): its
//! bytes can be read there. The room that it took is used again, so that a capture of any length takes little.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tempfile::SpooledTempFile;

use crate::analysis::Event;
use crate::digest::{DigestKind, Hasher, sha256};
use crate::units::{ByteRange, PictureId, StreamId};
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
    /// Each direction's bytes, and those of pictures that no direction has as they are.
    pictures: BTreeMap<Key, Kept>,
    /// Where the bytes of pictures stand in their directions.
    places: BTreeMap<PictureId, Places>,
    /// Of each direction the pictures whose bytes were let go because they stand in files, by where they begin. No two share
    /// bytes.
    filed: BTreeMap<Way, BTreeMap<u64, PictureId>>,
    spare: Vec<Vec<u8>>,
    most_of_one: usize,
    most_gathered: usize,
    most_in_file: u64,
    failure: Option<anyhow::Error>,
}

/// Whose bytes are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Way(Way),
    Picture(PictureId),
}

/// A direction: its stream and its sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::cli) struct Way {
    pub(in crate::cli) stream: StreamId,
    pub(in crate::cli) from: SocketAddr,
}

/// Where the bytes of a picture stand in its direction.
#[derive(Debug)]
struct Places {
    way: Way,
    /// Length of the picture so far, gaps included.
    length: u64,
    /// Offset in the picture, offset in the stream, bytes.
    pieces: Vec<(u64, u64, u64)>,
    ended: bool,
    elsewhere: Option<Elsewhere>,
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

    /// One that keeps all to the end, in memory as long as that is little.
    pub(in crate::cli) fn in_memory() -> Self {
        let file = SpooledTempFile::new(MEMORY);
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
            places: BTreeMap::new(),
            filed: BTreeMap::new(),
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
            Event::Delivered {
                stream,
                from,
                offset,
                bytes,
            } => {
                let way = Way {
                    stream: *stream,
                    from: *from,
                };
                self.delivered(way, *offset, bytes)
            }
            Event::PictureStarted {
                picture,
                stream,
                from,
                ..
            } => {
                let way = Way {
                    stream: *stream,
                    from: *from,
                };
                // Only where its direction is kept.
                self.places.insert(
                    *picture,
                    Places {
                        way,
                        length: 0,
                        pieces: Vec::new(),
                        ended: false,
                        elsewhere: None,
                    },
                );
                Ok(())
            }
            Event::PictureData { picture, at, bytes } => {
                let there = at.filter(|_| !self.pictures.contains_key(&Key::Picture(*picture)));
                match (there, self.places.get_mut(picture)) {
                    (Some(at), Some(places)) => {
                        places.add(at, bytes.len() as u64);
                        Ok(())
                    }
                    // Encoded: from here on they are kept decoded, and what came before too.
                    _ => self.decoded(*picture, bytes),
                }
            }
            Event::PictureGap { picture, length } => {
                let key = Key::Picture(*picture);
                match self.places.get_mut(picture) {
                    Some(places) if !self.pictures.contains_key(&key) => {
                        places.length = places.length.saturating_add(*length);
                        Ok(())
                    }
                    _ => {
                        let outcome = self.keep(key);
                        let kept = self.pictures.entry(key).or_default();
                        kept.length = kept.length.saturating_add(*length);
                        outcome
                    }
                }
            }
            Event::PictureEnded(image) => {
                let key = Key::Picture(image.id);
                if let Some(places) = self.places.get_mut(&image.id) {
                    places.ended = true;
                }
                match self.pictures.get_mut(&key) {
                    Some(kept) => {
                        kept.ended = true;
                        if self.most_of_one < usize::MAX {
                            self.keep(key)
                        } else {
                            Ok(())
                        }
                    }
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        };
        self.failure = outcome.err();
    }

    /// Bytes of a direction, in order.
    fn delivered(&mut self, way: Way, offset: u64, bytes: &[u8]) -> anyhow::Result<()> {
        let key = Key::Way(way);
        if self
            .pictures
            .get(&key)
            .is_some_and(|kept| kept.length != offset)
        {
            self.keep(key)?;
        }
        self.pictures.entry(key).or_default().length = offset;
        self.data(key, bytes)
    }

    /// Bytes of a picture that its direction has encoded.
    fn decoded(&mut self, picture: PictureId, bytes: &[u8]) -> anyhow::Result<()> {
        let key = Key::Picture(picture);
        if !self.pictures.contains_key(&key)
            && let Some(places) = self.places.get(&picture)
            && places.length > 0
        {
            let (way, length, pieces) = (places.way, places.length, places.pieces.clone());
            for (offset, at, count) in pieces {
                for run in self.way(way, at..at.saturating_add(count))? {
                    self.keep(key)?;
                    self.pictures.entry(key).or_default().length =
                        offset.saturating_add(run.offset.saturating_sub(at));
                    self.data(key, &run.bytes)?;
                }
            }
            self.keep(key)?;
            self.pictures.entry(key).or_default().length = length;
        }
        self.data(key, bytes)
    }

    fn data(&mut self, picture: Key, bytes: &[u8]) -> anyhow::Result<()> {
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
            let all: Vec<Key> = self.pictures.keys().copied().collect();
            for picture in all {
                self.keep(picture)?;
            }
        }
        Ok(())
    }

    /// Writes what was gathered of a picture.
    fn keep(&mut self, picture: Key) -> anyhow::Result<()> {
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
            let oldest = self.pictures.iter().find(|(key, kept)| {
                (kept.ended || matches!(key, Key::Way(_))) && !kept.pieces.is_empty()
            });
            let oldest = oldest.map(|(picture, _)| *picture)?;
            self.let_go(oldest, Elsewhere::GivenUp);
        }
    }

    /// The picture's bytes are those of this file, whose SHA-256 this is: they are not kept any longer.
    pub(in crate::cli) fn is_file(&mut self, picture: PictureId, path: &Path, sha256: &str) {
        let elsewhere = Elsewhere::File {
            path: path.to_owned(),
            sha256: sha256.to_owned(),
        };
        if self.pictures.contains_key(&Key::Picture(picture)) {
            self.let_go(Key::Picture(picture), elsewhere);
            return;
        }
        let Some(places) = self.places.get_mut(&picture) else {
            return;
        };
        places.elsewhere = Some(elsewhere);
        let (way, pieces) = (places.way, places.pieces.clone());
        if let Some(&(_, begins, _)) = pieces.first() {
            let filed = self.filed.entry(way).or_default();
            filed.insert(begins, picture);
        }
        for (_, at, bytes) in pieces {
            self.cut(Key::Way(way), at..at.saturating_add(bytes));
        }
    }

    /// A range of a direction is not kept any longer.
    fn cut(&mut self, key: Key, range: ByteRange) {
        let Some(kept) = self.pictures.get_mut(&key) else {
            return;
        };
        let mut freed = Vec::new();
        let mut left = Vec::with_capacity(kept.pieces.len());
        for piece in std::mem::take(&mut kept.pieces) {
            let end = piece.offset.saturating_add(piece.bytes);
            let (from, to) = (range.start.max(piece.offset), range.end.min(end));
            if from >= to {
                left.push(piece);
                continue;
            }
            if from > piece.offset {
                left.push(Piece {
                    bytes: from - piece.offset,
                    ..piece
                });
            }
            freed.push((piece.at + (from - piece.offset), to - from));
            if to < end {
                left.push(Piece {
                    offset: to,
                    at: piece.at + (to - piece.offset),
                    bytes: end - to,
                });
            }
        }
        kept.pieces = left;
        let end = kept.buffer_at.saturating_add(kept.buffer.len() as u64);
        let (from, to) = (range.start.max(kept.buffer_at), range.end.min(end));
        if from < to {
            let place = |at: u64| usize::try_from(at - kept.buffer_at).unwrap_or(usize::MAX);
            let rest = kept.buffer.split_off(place(to).min(kept.buffer.len()));
            kept.buffer.truncate(place(from));
            let gone = usize::try_from(to - from).unwrap_or(usize::MAX);
            self.gathered = self.gathered.saturating_sub(gone);
            // What stands before it is framing: little, and written.
            if let Err(failure) = self.keep(key) {
                self.failure = Some(failure);
            }
            if let Some(kept) = self.pictures.get_mut(&key) {
                kept.buffer_at = to;
                kept.buffer = rest;
            }
        }
        for (at, bytes) in freed {
            self.give_free(at, bytes);
        }
    }

    fn let_go(&mut self, picture: Key, elsewhere: Elsewhere) {
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

    /// Bytes of a direction, as far as they are kept: runs at their stream offsets.
    ///
    /// # Errors
    /// A temporary file that cannot be read.
    pub(in crate::cli) fn way(&mut self, way: Way, range: ByteRange) -> anyhow::Result<Vec<Run>> {
        let Some(kept) = self.pictures.get(&Key::Way(way)) else {
            return Ok(Vec::new());
        };
        let mut runs: Vec<Run> = Vec::new();
        // They are in order.
        let ends = |piece: &Piece| piece.offset.saturating_add(piece.bytes);
        let first = kept
            .pieces
            .partition_point(|piece| ends(piece) <= range.start);
        let within = kept.pieces.iter().skip(first);
        for piece in within.take_while(|piece| piece.offset < range.end) {
            let end = ends(piece);
            let (from, to) = (range.start.max(piece.offset), range.end.min(end));
            if from < to {
                let part = Piece {
                    offset: from,
                    at: piece.at.saturating_add(from - piece.offset),
                    bytes: to - from,
                };
                add(&mut runs, from, Self::piece(&mut *self.file, part)?);
            }
        }
        let end = kept.buffer_at.saturating_add(kept.buffer.len() as u64);
        let (from, to) = (range.start.max(kept.buffer_at), range.end.min(end));
        if from < to {
            let place = |at: u64| usize::try_from(at - kept.buffer_at).unwrap_or(usize::MAX);
            let bytes = kept.buffer.get(place(from)..place(to)).unwrap_or_default();
            add(&mut runs, from, bytes.to_vec());
        }
        // What was let go stands in files.
        let filed = self.filed.get(&way).into_iter();
        let filed = filed.flat_map(|filed| filed.range(..range.end).rev());
        let filed = filed.filter_map(|(_, picture)| self.places.get(picture));
        let reaches = |places: &&Places| {
            let last = places.pieces.last();
            last.is_some_and(|(_, at, bytes)| at.saturating_add(*bytes) > range.start)
        };
        for places in filed.take_while(reaches) {
            let Some(elsewhere @ Elsewhere::File { .. }) = &places.elsewhere else {
                continue;
            };
            let wanted =
                |at: u64, bytes: u64| at < range.end && at.saturating_add(bytes) > range.start;
            if !places
                .pieces
                .iter()
                .any(|(_, at, bytes)| wanted(*at, *bytes))
            {
                continue;
            }
            let Some(wire) = from_elsewhere(elsewhere, places.length, u64::MAX) else {
                continue;
            };
            let Some(file) = wire.whole() else {
                continue;
            };
            for &(offset, at, bytes) in &places.pieces {
                let (from, to) = (range.start.max(at), range.end.min(at.saturating_add(bytes)));
                if from < to {
                    let place = |stream: u64| {
                        usize::try_from(offset.saturating_add(stream - at)).unwrap_or(usize::MAX)
                    };
                    let part = file.get(place(from)..place(to)).unwrap_or_default();
                    runs.push(Run {
                        offset: from,
                        bytes: part.to_vec(),
                    });
                }
            }
        }
        runs.sort_by_key(|run| run.offset);
        let mut joined: Vec<Run> = Vec::new();
        for run in runs {
            add(&mut joined, run.offset, run.bytes);
        }
        Ok(joined)
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
        let key = Key::Picture(picture);
        if let Some(kept) = self.pictures.get(&key) {
            let (length, whole) = (kept.length, 0..kept.length);
            if let Some(elsewhere) = &kept.elsewhere {
                return Ok(from_elsewhere(elsewhere, length, limit));
            }
            let all: u64 = kept.pieces.iter().map(|piece| piece.bytes).sum();
            if all.saturating_add(kept.buffer.len() as u64) > limit {
                return Ok(None);
            }
            let mut wire = Wire {
                length,
                runs: Vec::new(),
            };
            let buffer = (kept.buffer_at, kept.buffer.clone());
            for piece in kept.pieces.clone() {
                let bytes = Self::piece(&mut *self.file, piece)?;
                add(&mut wire.runs, piece.offset, bytes);
            }
            if buffer.0 < whole.end {
                add(&mut wire.runs, buffer.0, buffer.1);
            }
            return Ok(Some(wire));
        }
        let Some(places) = self.places.get(&picture) else {
            return Ok(Some(Wire::default()));
        };
        if let Some(elsewhere) = &places.elsewhere {
            return Ok(from_elsewhere(elsewhere, places.length, limit));
        }
        let (way, length, pieces) = (places.way, places.length, places.pieces.clone());
        let kept = self.pictures.get(&Key::Way(way));
        if kept.is_some_and(|kept| kept.elsewhere.is_some()) {
            return Ok(None);
        }
        let all: u64 = pieces.iter().map(|(_, _, bytes)| bytes).sum();
        if all > limit {
            return Ok(None);
        }
        let mut wire = Wire {
            length,
            runs: Vec::new(),
        };
        for (offset, at, bytes) in pieces {
            for run in self.way(way, at..at.saturating_add(bytes))? {
                let offset = offset.saturating_add(run.offset.saturating_sub(at));
                add(&mut wire.runs, offset, run.bytes);
            }
        }
        Ok(Some(wire))
    }

    /// SHA-256 of a picture; absent where bytes are missing.
    ///
    /// # Errors
    /// A temporary file that cannot be read.
    pub(in crate::cli) fn sha256(&mut self, picture: PictureId) -> anyhow::Result<Option<String>> {
        /// Bytes read at once.
        const STEP: u64 = 1 << 20;
        let known = self
            .pictures
            .get(&Key::Picture(picture))
            .map(|kept| &kept.elsewhere)
            .or_else(|| self.places.get(&picture).map(|places| &places.elsewhere));
        match known {
            Some(Some(Elsewhere::File { sha256, .. })) => return Ok(Some(sha256.clone())),
            Some(Some(Elsewhere::GivenUp)) | None => return Ok(None),
            Some(None) => {}
        }
        if self.pictures.contains_key(&Key::Picture(picture)) {
            let wire = self.wire(picture, u64::MAX)?;
            return Ok(wire.and_then(|wire| wire.whole().map(sha256)));
        }
        let Some(places) = self.places.get(&picture) else {
            return Ok(None);
        };
        let (way, length, pieces) = (places.way, places.length, places.pieces.clone());
        let mut hasher = Hasher::new(DigestKind::Sha256);
        let mut taken = 0_u64;
        for (_, at, bytes) in pieces {
            let end = at.saturating_add(bytes);
            let mut from = at;
            while from < end {
                let to = end.min(from.saturating_add(STEP));
                for run in self.way(way, from..to)? {
                    taken = taken.saturating_add(run.bytes.len() as u64);
                    hasher.update(&run.bytes);
                }
                from = to;
            }
        }
        Ok(if taken == length {
            hasher.finish()
        } else {
            None
        })
    }

    fn piece(file: &mut dyn Backing, piece: Piece) -> anyhow::Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(piece.bytes)?];
        file.seek(SeekFrom::Start(piece.at))
            .and_then(|_| file.read_exact(&mut bytes))
            .context("the temporary file with the pictures' bytes cannot be read back")?;
        Ok(bytes)
    }
}

impl Places {
    fn add(&mut self, at: u64, bytes: u64) {
        match self.pieces.last_mut() {
            Some((offset, start, count))
                if offset.saturating_add(*count) == self.length
                    && start.saturating_add(*count) == at =>
            {
                *count = count.saturating_add(bytes);
            }
            _ => self.pieces.push((self.length, at, bytes)),
        }
        self.length = self.length.saturating_add(bytes);
    }
}

/// Adds bytes to ascending runs.
fn add(runs: &mut Vec<Run>, offset: u64, bytes: Vec<u8>) {
    match runs.last_mut() {
        Some(last) if last.range().end == offset => last.bytes.extend_from_slice(&bytes),
        _ if bytes.is_empty() => {}
        _ => runs.push(Run { offset, bytes }),
    }
}

/// A picture whose bytes are those of a file; absent where that is not so any more, or where they are gone.
fn from_elsewhere(elsewhere: &Elsewhere, length: u64, limit: u64) -> Option<Wire> {
    match elsewhere {
        // The file may have been changed since.
        Elsewhere::File { path, sha256: same } if length <= limit => {
            let bytes = std::fs::read(path).ok();
            bytes.filter(|bytes| sha256(bytes) == *same).map(Wire::of)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
