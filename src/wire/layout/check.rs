//! Checksums and digests that a layout promises.

use super::{Check, Kind, Value};

/// A checksum on the way.
#[derive(Debug, Clone)]
pub(crate) enum Running {
    Crc32(crc32fast::Hasher),
    Crc16(Check, u16),
    Adler(u32, u32),
    Sum(u64),
    Md5(md5::Md5),
    Sha1(sha1::Sha1),
    Sha256(sha2::Sha256),
}

impl Running {
    pub(crate) fn new(check: Check) -> Self {
        match check {
            Check::Crc32 => Self::Crc32(crc32fast::Hasher::new()),
            Check::Crc16 => Self::Crc16(check, 0),
            Check::Crc16Ccitt => Self::Crc16(check, 0xffff),
            Check::Adler32 => Self::Adler(1, 0),
            Check::Sum => Self::Sum(0),
            Check::Md5 => Self::Md5(md5::Digest::new()),
            Check::Sha1 => Self::Sha1(sha1::Digest::new()),
            Check::Sha256 => Self::Sha256(sha2::Digest::new()),
        }
    }

    pub(super) fn check(&self) -> Check {
        match self {
            Self::Crc32(_) => Check::Crc32,
            Self::Crc16(check, _) => *check,
            Self::Adler(..) => Check::Adler32,
            Self::Sum(_) => Check::Sum,
            Self::Md5(_) => Check::Md5,
            Self::Sha1(_) => Check::Sha1,
            Self::Sha256(_) => Check::Sha256,
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Crc32(hasher) => hasher.update(bytes),
            Self::Crc16(_, value) => {
                for byte in bytes {
                    *value ^= u16::from(*byte) << 8;
                    for _ in 0..8 {
                        let high = *value & 0x8000 != 0;
                        *value = *value << 1 ^ if high { 0x1021 } else { 0 };
                    }
                }
            }
            Self::Adler(one, two) => {
                // The most bytes after which neither sum overflows 32 bits.
                for part in bytes.chunks(5552) {
                    for byte in part {
                        *one += u32::from(*byte);
                        *two += *one;
                    }
                    *one %= 65_521;
                    *two %= 65_521;
                }
            }
            Self::Sum(sum) => {
                for byte in bytes {
                    *sum = sum.wrapping_add(u64::from(*byte));
                }
            }
            Self::Md5(digest) => md5::Digest::update(digest, bytes),
            Self::Sha1(digest) => sha1::Digest::update(digest, bytes),
            Self::Sha256(digest) => sha2::Digest::update(digest, bytes),
        }
    }

    /// The value, most significant byte first.
    pub(crate) fn finish(self) -> Vec<u8> {
        match self {
            Self::Crc32(hasher) => hasher.finalize().to_be_bytes().to_vec(),
            Self::Crc16(_, value) => value.to_be_bytes().to_vec(),
            Self::Adler(one, two) => (two << 16 | one).to_be_bytes().to_vec(),
            Self::Sum(sum) => sum.to_be_bytes().to_vec(),
            Self::Md5(digest) => md5::Digest::finalize(digest).to_vec(),
            Self::Sha1(digest) => sha1::Digest::finalize(digest).to_vec(),
            Self::Sha256(digest) => sha2::Digest::finalize(digest).to_vec(),
        }
    }
}

/// Whether bytes are nothing but a checksum, or digest, of a file: binary in either byte order, or in hexadecimal digits with a line
/// break. One of two bytes may be right by chance and is none.
///
/// # Errors
/// As reading the file, which happens only where the bytes are as many as some checksum has.
pub(crate) fn is_of<E>(bytes: &[u8], file: impl FnOnce() -> Result<Vec<u8>, E>) -> Result<bool, E> {
    let text = bytes.trim_ascii();
    let digits: Option<Vec<u8>> = text
        .chunks(2)
        .map(|pair| match pair {
            [_, _] if pair.iter().all(u8::is_ascii_hexdigit) => {
                u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()
            }
            _ => None,
        })
        .collect();
    let turned: Vec<u8> = bytes.iter().rev().copied().collect();
    let candidates = [Some(bytes.to_vec()), Some(turned), digits];
    let all = [
        (Check::Crc32, 4),
        (Check::Adler32, 4),
        (Check::Sum, 4),
        (Check::Sum, 8),
        (Check::Md5, 16),
        (Check::Sha1, 20),
        (Check::Sha256, 32),
    ];
    let candidates: Vec<&Vec<u8>> = candidates
        .iter()
        .flatten()
        .filter(|one| all.iter().any(|(_, width)| one.len() == *width))
        .collect();
    if candidates.is_empty() {
        return Ok(false);
    }
    let file = file()?;
    Ok(all.into_iter().any(|(check, width)| {
        let mut fitting = candidates
            .iter()
            .filter(|one| one.len() == width)
            .peekable();
        if fitting.peek().is_none() {
            return false;
        }
        let mut running = Running::new(check);
        running.update(&file);
        let value = running.finish();
        fitting.any(|one| value.ends_with(one))
    }))
}

/// What a checksum's field holds, most significant byte first.
pub(crate) fn promised(kind: &Kind, bytes: &[u8]) -> Option<Vec<u8>> {
    match kind {
        Kind::Bytes(_) => Some(bytes.to_vec()),
        Kind::Text(_) => match kind.read(bytes)? {
            Value::Text(text) if text.len().is_multiple_of(2) => text
                .chunks(2)
                .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
                .collect(),
            _ => None,
        },
        Kind::Int { bytes: width, .. } => {
            let number = kind.read(bytes)?.count(0)?;
            let all = number.to_be_bytes();
            Some(
                all.get(all.len().checked_sub(usize::from(*width))?..)?
                    .to_vec(),
            )
        }
        _ => kind
            .read(bytes)?
            .count(0)
            .map(|number| number.to_be_bytes().to_vec()),
    }
}

/// Whether a checksum is the promised one; of the two the shorter says how many of the last bytes count.
pub(crate) fn agrees(promised: &[u8], actual: &[u8]) -> bool {
    let width = promised.len().min(actual.len());
    let tail = |bytes: &[u8]| {
        bytes
            .get(bytes.len() - width..)
            .unwrap_or_default()
            .to_vec()
    };
    let rest = |bytes: &[u8]| {
        bytes
            .iter()
            .take(bytes.len() - width)
            .all(|byte| *byte == 0)
    };
    tail(promised) == tail(actual) && rest(promised)
}
