//! What header blocks of one direction say (HPACK, RFC 7541): the content-length of each stream.

use fluke_hpack::Decoder;

/// The header blocks of a direction, read in their order, as each may refer to fields of those before.
#[derive(Default)]
pub(super) struct Fields {
    decoder: Decoder<'static>,
    /// Blocks that were read, each behind its length: a copy begins with them.
    read: Vec<Vec<u8>>,
    bytes: usize,
    /// A block could not be read, or one is missing: nothing that follows is certain.
    lost: bool,
}

impl Fields {
    /// A copy reads again what was read so far; where that is more, it knows nothing.
    const MOST: usize = 256 << 10;
    /// Longer blocks are not read.
    pub(super) const LONGEST: usize = 64 << 10;

    /// Blocks follow that are not known.
    pub(super) fn lose(&mut self) {
        self.lost = true;
        self.read = Vec::new();
    }

    /// Reads a complete block; the content-length that it says, where it says one.
    pub(super) fn block(&mut self, block: Vec<u8>) -> Option<u64> {
        if self.lost {
            return None;
        }
        let fields = self.decoder.decode(&block);
        self.bytes = self.bytes.saturating_add(block.len());
        if self.bytes <= Self::MOST {
            self.read.push(block);
        } else {
            self.read = Vec::new();
        }
        let Ok(fields) = fields else {
            self.lose();
            return None;
        };
        let (_, length) = fields
            .iter()
            .find(|(name, _)| name.as_slice() == b"content-length")?;
        std::str::from_utf8(length).ok()?.parse().ok()
    }
}

impl Clone for Fields {
    fn clone(&self) -> Self {
        let mut copy = Self::default();
        if self.lost || self.bytes > Self::MOST {
            copy.lost = true;
        } else {
            for block in &self.read {
                copy.block(block.clone());
            }
        }
        copy
    }
}

impl std::fmt::Debug for Fields {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Fields")
            .field("bytes", &self.bytes)
            .field("lost", &self.lost)
            .finish_non_exhaustive()
    }
}
