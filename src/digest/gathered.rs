//! BLAKE3 of bytes that come in small pieces, for as many pictures at once as there are connections.
//!
//! The hasher of the crate holds room for a tree of 2^54 chunks: 1.9 KiB for each picture on its way, of which nearly all have
//! a few chunks. Here the tree is kept as it grows, of the same crate's parts ([`blake3::hazmat`]): 32 bytes for each whole
//! subtree, and 112 for the chunk at hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use blake3::hazmat::{
    ChainingValue, HasherExt as _, Mode, max_subtree_len, merge_subtrees_non_root,
    merge_subtrees_root,
};
use chunk::Chunk;

/// BLAKE3 takes so many bytes at once with all lanes of the processor (16 chunks of 1 KiB), if they begin at a
/// multiple of it. Segments are shorter, and taken one by one they cost four times as much.
const GATHER: usize = 16 << 10;
/// So many digests gather at once; those beyond take a chunk at a time.
const GATHERING: usize = 128;
/// What a leaf of the tree is made of.
const CHUNK: usize = blake3::CHUNK_LEN;

/// Room in which BLAKE3 digests gather small pieces: as much for ten pictures on their way as for a million.
#[derive(Debug, Clone, Default)]
pub struct Room(Arc<AtomicUsize>);

impl Room {
    fn take(&self) -> Option<Place> {
        // Nothing but the count is shared, so no order among threads matters.
        let taken = self.0.fetch_add(1, Ordering::Relaxed);
        let place = Place(self.clone());
        // Dropped where it is too many, which gives the place back.
        (taken < GATHERING).then_some(place)
    }
}

/// A place in the room, given back when it is dropped.
#[derive(Debug)]
#[must_use]
struct Place(Room);

impl Clone for Place {
    fn clone(&self) -> Self {
        self.0.0.fetch_add(1, Ordering::Relaxed);
        Self(self.0.clone())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A BLAKE3 digest that takes small pieces together.
///
/// Invariant: `tree` has a value for each bit that is set in the number of chunks before `rest`, the largest subtree first; `rest`
/// is empty only while nothing came, so that no subtree is the whole tree.
#[derive(Debug, Clone)]
pub struct Gathered {
    tree: Vec<ChainingValue>,
    /// Bytes that the tree stands for: a multiple of [`CHUNK`].
    before: u64,
    rest: Rest,
    room: Room,
}

/// The bytes behind the whole subtrees.
#[derive(Debug, Clone)]
enum Rest {
    /// At most one chunk, as far as it was taken.
    Chunk(Chunk),
    /// At most [`GATHER`] as they came.
    Held { held: Vec<u8>, _place: Place },
}

impl Gathered {
    /// A digest of no bytes yet that gathers small pieces as far as there is room.
    pub(super) fn within(room: &Room) -> Self {
        Self {
            tree: Vec::new(),
            before: 0,
            rest: Rest::Chunk(Chunk::new(0)),
            room: room.clone(),
        }
    }

    pub(super) fn update(&mut self, mut bytes: &[u8]) {
        if self.before == 0
            && matches!(&self.rest, Rest::Chunk(chunk) if chunk.len() == 0)
            && !bytes.is_empty()
            && let Some(place) = self.room.take()
        {
            self.rest = Rest::Held {
                held: Vec::new(),
                _place: place,
            };
        }
        if let Rest::Chunk(chunk) = &mut self.rest {
            let (fits, rest) = bytes.split_at((CHUNK - chunk.len()).min(bytes.len()));
            chunk.update(fits);
            if rest.is_empty() {
                return;
            }
            let value = chunk.value();
            self.push(value, CHUNK);
            bytes = rest;
            let Some(place) = self.room.take() else {
                // At least one byte is held back: the last subtree is merged in another way than the others.
                let (whole, rest) = bytes.split_at((bytes.len() - 1) / CHUNK * CHUNK);
                self.grow(whole);
                let mut chunk = Chunk::new(self.before);
                chunk.update(rest);
                self.rest = Rest::Chunk(chunk);
                return;
            };
            self.rest = Rest::Held {
                held: Vec::new(),
                _place: place,
            };
        }
        self.gather(bytes);
    }

    /// Takes bytes where it has a place.
    fn gather(&mut self, mut bytes: &[u8]) {
        let Rest::Held { held, .. } = &mut self.rest else {
            return;
        };
        let mut held = std::mem::take(held);
        if !held.is_empty() {
            let (fits, rest) = bytes.split_at(
                self.to_boundary()
                    .saturating_sub(held.len())
                    .min(bytes.len()),
            );
            held.extend_from_slice(fits);
            if !rest.is_empty() {
                self.grow(&held);
                held.clear();
            }
            bytes = rest;
        }
        if let Some(last) = bytes.len().checked_sub(1) {
            let whole = match last.checked_sub(self.to_boundary()) {
                Some(behind) => self.to_boundary() + behind / GATHER * GATHER,
                None => 0,
            };
            let (whole, rest) = bytes.split_at(whole);
            self.grow(whole);
            held.reserve_exact(GATHER);
            held.extend_from_slice(rest);
        }
        if let Rest::Held { held: empty, .. } = &mut self.rest {
            *empty = held;
        }
    }

    /// How far it is to where subtrees of 16 chunks begin.
    fn to_boundary(&self) -> usize {
        GATHER - usize::try_from(self.before % GATHER as u64).unwrap_or(0)
    }

    /// Takes whole chunks behind which more come.
    fn grow(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let largest = 1 << bytes.len().ilog2();
            let (subtree, rest) = bytes.split_at(self.longest().min(largest));
            let value = self.value(subtree);
            self.push(value, subtree.len());
            bytes = rest;
        }
    }

    /// Adds a whole subtree behind which more come.
    fn push(&mut self, value: ChainingValue, bytes: usize) {
        self.before += bytes as u64;
        let chunks = self.before / CHUNK as u64;
        let values = chunks.count_ones() as usize;
        let mut value = value;
        while self.tree.len() >= values
            && let Some(left) = self.tree.pop()
        {
            value = merge_subtrees_non_root(&left, &value, Mode::Hash);
        }
        self.tree.reserve_exact(1);
        self.tree.push(value);
    }

    /// How long a subtree may be that begins here.
    fn longest(&self) -> usize {
        let longest = max_subtree_len(self.before).and_then(|most| usize::try_from(most).ok());
        longest.unwrap_or(usize::MAX)
    }

    /// The value of the next subtree, which is not the whole tree.
    fn value(&self, subtree: &[u8]) -> ChainingValue {
        let mut hasher = blake3::Hasher::new();
        hasher.set_input_offset(self.before).update(subtree);
        hasher.finalize_non_root()
    }

    pub(super) fn finish(mut self) -> blake3::Hash {
        let rest = std::mem::replace(&mut self.rest, Rest::Chunk(Chunk::new(0)));
        let mut value = match &rest {
            Rest::Chunk(chunk) if self.before == 0 => return chunk.whole(),
            Rest::Held { held, .. } if self.before == 0 => return blake3::hash(held),
            Rest::Chunk(chunk) => chunk.value(),
            Rest::Held { held, .. } => {
                let mut last = held.as_slice();
                while let Some((subtree, rest)) = last.split_at_checked(self.longest())
                    && !rest.is_empty()
                {
                    self.grow(subtree);
                    last = rest;
                }
                self.value(last)
            }
        };
        while let Some(left) = self.tree.pop() {
            if self.tree.is_empty() {
                return merge_subtrees_root(&left, &value, Mode::Hash);
            }
            value = merge_subtrees_non_root(&left, &value, Mode::Hash);
        }
        // Where bytes lie before, the tree has a value of them.
        value.into()
    }
}

/// One chunk as its bytes come.
///
/// What took the place of `guts`, [`blake3::hazmat`], has a hasher of a whole tree only, of 1.9 KiB; this is 112 bytes of it.
#[expect(
    deprecated,
    reason = "the only way to hold a part of a chunk that is not its bytes"
)]
mod chunk {
    use blake3::guts::ChunkState;

    use super::{CHUNK, ChainingValue};

    #[derive(Debug, Clone)]
    pub(super) struct Chunk(ChunkState);

    impl Chunk {
        /// The chunk that begins at this offset, a multiple of [`CHUNK`].
        pub(super) fn new(offset: u64) -> Self {
            Self(ChunkState::new(offset / CHUNK as u64))
        }

        pub(super) fn len(&self) -> usize {
            self.0.len()
        }

        pub(super) fn update(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }

        /// Its value, of a chunk that is not the whole tree.
        pub(super) fn value(&self) -> ChainingValue {
            self.0.finalize(false).into()
        }

        /// Its digest, of one that is.
        pub(super) fn whole(&self) -> blake3::Hash {
            self.0.finalize(true)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn noise(length: usize) -> Vec<u8> {
        (0..length)
            .map(|index| {
                let index = u32::try_from(index).unwrap();
                (index.wrapping_mul(0x9e37_79b1) >> 24).to_le_bytes()[0]
            })
            .collect()
    }

    fn digest(bytes: &[u8], piece: usize, room: &Room) -> blake3::Hash {
        let mut gathered = Gathered::within(room);
        for piece in bytes.chunks(piece) {
            gathered.update(piece);
        }
        gathered.finish()
    }

    /// A room of which all places are taken, and who has them.
    fn full() -> (Room, Vec<Place>) {
        let room = Room::default();
        let taken = (0..GATHERING).map(|_| room.take().unwrap()).collect();
        (room, taken)
    }

    #[test]
    fn pieces_that_are_gathered_make_no_difference() {
        let bytes = noise(200_000);
        let expected = blake3::hash(&bytes);
        let room = Room::default();
        let (none, _taken) = full();
        let lengths = [1_448, 1, 65_483, bytes.len()];
        let around = |length: usize| [length - 1, length, length + 1];
        let lengths = lengths.into_iter().chain(around(GATHER));
        for length in lengths.chain(around(CHUNK)) {
            assert_eq!(digest(&bytes, length, &room), expected, "{length}");
            assert_eq!(digest(&bytes, length, &none), expected, "{length}");
        }
        assert_eq!(
            room.0.load(Ordering::Relaxed),
            0,
            "all places are given back"
        );
    }

    #[test]
    fn every_length_around_a_chunk_or_a_subtree_has_its_digest() {
        let bytes = noise(9 * GATHER);
        let room = Room::default();
        let (none, _taken) = full();
        for chunks in 0..=144 {
            for length in [
                chunks * CHUNK,
                chunks * CHUNK + 1,
                (chunks * CHUNK).max(1) - 1,
            ] {
                let bytes = &bytes[..length.min(bytes.len())];
                for piece in [1_000, 5_000, 40_000] {
                    let expected = blake3::hash(bytes);
                    assert_eq!(digest(bytes, piece, &room), expected, "{length} in {piece}");
                    assert_eq!(digest(bytes, piece, &none), expected, "{length} in {piece}");
                }
            }
        }
    }

    #[test]
    fn without_room_a_chunk_at_a_time_is_taken_and_little_is_held() {
        let (room, taken) = full();
        let mut gathered = Gathered::within(&room);
        gathered.update(&[7; 1_000]);
        gathered.update(&vec![7; 20_000]);
        assert!(matches!(gathered.rest, Rest::Chunk(_)));
        assert!(gathered.tree.capacity() <= 4, "20 chunks are two subtrees");
        assert_eq!(room.0.load(Ordering::Relaxed), GATHERING);
        // From here on there is room.
        drop(taken);
        gathered.update(&vec![7; 50_000]);
        assert_eq!(room.0.load(Ordering::Relaxed), 1);
        assert_eq!(gathered.finish(), blake3::hash(&vec![7; 71_000]));
        assert_eq!(room.0.load(Ordering::Relaxed), 0);
    }

    proptest! {
        #[test]
        fn room_that_comes_and_goes_makes_no_difference(
            pieces in prop::collection::vec((0_usize..40_000, any::<bool>()), 0..12),
        ) {
            let all: usize = pieces.iter().map(|(length, _)| length).sum();
            let bytes = noise(all);
            let mut rest = bytes.as_slice();
            let (room, mut taken) = full();
            let mut gathered = Gathered::within(&room);
            for (length, free) in pieces {
                if free {
                    taken.clear();
                }
                let (piece, more) = rest.split_at(length);
                gathered.update(piece);
                rest = more;
            }
            prop_assert_eq!(gathered.clone().finish(), blake3::hash(&bytes));
            prop_assert_eq!(gathered.finish(), blake3::hash(&bytes));
        }
    }
}
