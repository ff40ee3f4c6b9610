//! Digests of pictures and streams, taken as the bytes go by.
//!
//! Hashes on well-kept crates; knows nothing of what it hashes.

mod gathered;

use sha2::Digest as _;

pub use gathered::{Gathered, Room};

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
    /// SHA-256; boxed as the next one: where there is none, no room is kept for it.
    Sha256(Box<sha2::Sha256>),
    /// BLAKE3.
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
            DigestKind::Sha256 => Self::Sha256(Box::default()),
            DigestKind::Blake3 => Self::Blake3(Box::new(Gathered::within(room))),
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
