//! Digests of pictures and streams, taken as the bytes go by.
//!
//! Hashes on well-kept crates; knows nothing of what it hashes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sha2::Digest as _;

/// BLAKE3 takes so many bytes at once with all lanes of the processor (16 chunks of 1 KiB), if they begin at a
/// multiple of it. Segments are shorter, and taken one by one they cost four times as much.
const GATHER: usize = 16 << 10;
/// So many digests gather at once; those beyond take their pieces as they come.
const GATHERING: usize = 128;

/// Which digest is taken of every picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DigestKind {
    /// SHA-256 (FIPS 180-4), of pictures and of each direction.
    #[default]
    Sha256,
    /// BLAKE3, of pictures.
    Blake3,
    /// CRC-32 (IEEE), of pictures: fast, no proof against intent.
    Crc32,
    /// None.
    None,
}

impl DigestKind {
    /// The name that `--digest` takes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Blake3 => "blake3",
            Self::Crc32 => "crc32",
            Self::None => "none",
        }
    }
}

/// A digest in the making.
#[derive(Debug, Clone)]
pub enum Hasher {
    /// SHA-256.
    Sha256(sha2::Sha256),
    /// BLAKE3; boxed, because its state takes 2 KB.
    Blake3(Box<Gathered>),
    /// CRC-32.
    Crc32(crc32fast::Hasher),
    /// Nothing is taken.
    None,
}

impl Hasher {
    /// A digest of no bytes yet.
    pub fn new(kind: DigestKind) -> Self {
        Self::within(kind, &Room::default())
    }

    /// A digest of no bytes yet that gathers small pieces as far as there is room.
    pub fn within(kind: DigestKind, room: &Room) -> Self {
        match kind {
            DigestKind::Sha256 => Self::Sha256(sha2::Sha256::new()),
            DigestKind::Blake3 => Self::Blake3(Box::new(Gathered {
                hasher: blake3::Hasher::new(),
                room: room.clone(),
                held: None,
            })),
            DigestKind::Crc32 => Self::Crc32(crc32fast::Hasher::new()),
            DigestKind::None => Self::None,
        }
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Blake3(gathered) => gathered.update(bytes),
            Self::Crc32(hasher) => hasher.update(bytes),
            Self::None => {}
        }
    }

    /// The digest in lowercase hex; absent where none is taken.
    pub fn finish(self) -> Option<String> {
        match self {
            Self::Sha256(hasher) => Some(hex(&hasher.finalize())),
            Self::Blake3(gathered) => Some(gathered.finish().to_hex().to_string()),
            Self::Crc32(hasher) => Some(format!("{:08x}", hasher.finalize())),
            Self::None => None,
        }
    }
}

/// Room in which BLAKE3 digests gather small pieces: as much for ten pictures on their way as for a million.
#[derive(Debug, Clone, Default)]
pub struct Room(Arc<AtomicUsize>);

impl Room {
    fn take(&self) -> Option<Held> {
        // Nothing but the count is shared, so no order among threads matters.
        let taken = self.0.fetch_add(1, Ordering::Relaxed);
        let held = Held {
            room: self.clone(),
            bytes: Vec::new(),
        };
        // Dropped where it is too many, which gives the place back.
        (taken < GATHERING).then_some(held)
    }
}

/// A place in the room, given back when it is dropped.
#[derive(Debug)]
struct Held {
    room: Room,
    /// Fewer than [`GATHER`] after every call.
    bytes: Vec<u8>,
}

impl Clone for Held {
    fn clone(&self) -> Self {
        self.room.0.fetch_add(1, Ordering::Relaxed);
        Self {
            room: self.room.clone(),
            bytes: self.bytes.clone(),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.room.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A BLAKE3 digest that takes small pieces together.
#[derive(Debug, Clone)]
pub struct Gathered {
    hasher: blake3::Hasher,
    room: Room,
    held: Option<Held>,
}

impl Gathered {
    fn update(&mut self, mut bytes: &[u8]) {
        if let Some(held) = &mut self.held
            && !held.bytes.is_empty()
        {
            let missing = GATHER.saturating_sub(held.bytes.len()).min(bytes.len());
            let (fits, rest) = bytes.split_at(missing);
            held.bytes.extend_from_slice(fits);
            if held.bytes.len() < GATHER {
                return;
            }
            self.hasher.update(&held.bytes);
            held.bytes.clear();
            bytes = rest;
        }
        let (whole, rest) = bytes.split_at(bytes.len() / GATHER * GATHER);
        if !whole.is_empty() {
            self.hasher.update(whole);
        }
        if rest.is_empty() {
            return;
        }
        if self.held.is_none() {
            self.held = self.room.take();
        }
        match &mut self.held {
            Some(held) => {
                held.bytes.reserve_exact(GATHER);
                held.bytes.extend_from_slice(rest);
            }
            None => {
                self.hasher.update(rest);
            }
        }
    }

    fn finish(mut self) -> blake3::Hash {
        if let Some(held) = self.held.take() {
            self.hasher.update(&held.bytes);
        }
        self.hasher.finalize()
    }
}

/// SHA-256 of `bytes` in lowercase hex.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&sha2::Sha256::digest(bytes))
}

/// Lowercase hex.
pub fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or_default();
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(digit(byte >> 4));
        text.push(digit(byte & 15));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_that_are_gathered_make_no_difference() {
        let bytes: Vec<u8> = (0..200_000_u32)
            .map(|index| (index.wrapping_mul(0x9e37_79b1) >> 24) as u8)
            .collect();
        let expected = blake3::hash(&bytes).to_hex().to_string();
        let room = Room::default();
        for length in [
            1_448,
            1,
            GATHER - 1,
            GATHER,
            GATHER + 1,
            65_483,
            bytes.len(),
        ] {
            let mut hasher = Hasher::within(DigestKind::Blake3, &room);
            for piece in bytes.chunks(length) {
                hasher.update(piece);
            }
            assert_eq!(hasher.finish().as_ref(), Some(&expected), "{length}");
        }
        assert_eq!(
            room.0.load(Ordering::Relaxed),
            0,
            "all places are given back"
        );
    }

    #[test]
    fn without_room_pieces_are_taken_as_they_come() {
        let room = Room::default();
        let mut hashers: Vec<_> = (0..GATHERING + 3)
            .map(|_| Hasher::within(DigestKind::Blake3, &room))
            .collect();
        for hasher in &mut hashers {
            hasher.update(&[7; 1_000]);
            hasher.update(&vec![7; 20_000]);
        }
        assert_eq!(room.0.load(Ordering::Relaxed), GATHERING);
        let expected = blake3::hash(&vec![7; 21_000]).to_hex().to_string();
        for hasher in hashers {
            assert_eq!(hasher.finish().as_ref(), Some(&expected));
        }
        assert_eq!(room.0.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn known_digests_in_pieces() {
        // FIPS 180-4 example, the BLAKE3 test vector for no input, and the CRC-32 check value.
        for (kind, input, expected) in [
            (
                DigestKind::Sha256,
                "abc",
                Some("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            ),
            (
                DigestKind::Blake3,
                "",
                Some("af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"),
            ),
            (DigestKind::Crc32, "123456789", Some("cbf43926")),
            (DigestKind::None, "abc", None),
        ] {
            let mut hasher = Hasher::new(kind);
            for byte in input.bytes() {
                hasher.update(&[byte]);
            }
            assert_eq!(hasher.finish().as_deref(), expected, "{}", kind.name());
        }
        assert_eq!(
            sha256(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
