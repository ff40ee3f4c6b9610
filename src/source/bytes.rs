//! Numbers out of bytes in either byte order, never past the end.

/// Byte order of a capture file or of a pcapng section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// Least significant byte first.
    Little,
    /// Most significant byte first.
    Big,
}

impl Order {
    #[inline]
    pub(super) fn u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }
    }

    #[inline]
    pub(super) fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }

    #[inline]
    pub(super) fn u64(self, bytes: [u8; 8]) -> u64 {
        match self {
            Self::Little => u64::from_le_bytes(bytes),
            Self::Big => u64::from_be_bytes(bytes),
        }
    }

    /// The first `N` 32-bit words of `bytes`; absent where it is shorter.
    #[inline]
    pub(super) fn words<const N: usize>(self, bytes: &[u8]) -> Option<[u32; N]> {
        let (words, _) = bytes.as_chunks::<4>();
        let mut out = [0; N];
        for (out, word) in out.iter_mut().zip(words.get(..N)?) {
            *out = self.u32(*word);
        }
        Some(out)
    }

    /// The 32-bit word at `at`; absent past the end.
    #[inline]
    pub(super) fn word_at(self, bytes: &[u8], at: usize) -> Option<u32> {
        Some(self.u32(*bytes.get(at..)?.first_chunk()?))
    }
}

/// A 32-bit length from a file as an index.
#[inline]
pub(super) fn index(length: u32) -> usize {
    // Lossless: memory maps of captures need a 64-bit machine anyway, and on a 32-bit one it is equal.
    length as usize
}
