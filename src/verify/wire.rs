//! What was captured of a picture: runs of bytes at their offsets, with nothing between them.

use crate::units::ByteRange;

/// Bytes at an offset of a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    /// Offset of the first.
    pub offset: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl Run {
    /// Its place in the picture.
    pub(crate) fn range(&self) -> ByteRange {
        self.offset..self.offset.saturating_add(self.bytes.len() as u64)
    }
}

/// A picture's captured bytes. Runs are ascending, not empty, and do not touch each other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Wire {
    /// Length of the picture, gaps included.
    pub length: u64,
    /// What was captured.
    pub runs: Vec<Run>,
}

impl Wire {
    /// A picture of which nothing is missing.
    pub(crate) fn of(bytes: Vec<u8>) -> Self {
        Self {
            length: bytes.len() as u64,
            runs: if bytes.is_empty() {
                Vec::new()
            } else {
                vec![Run { offset: 0, bytes }]
            },
        }
    }

    /// All of it; absent where something is missing.
    pub(crate) fn whole(&self) -> Option<&[u8]> {
        match self.runs.as_slice() {
            [] if self.length == 0 => Some(&[]),
            [run] if run.range() == (0..self.length) => Some(&run.bytes),
            _ => None,
        }
    }

    /// How many bytes were captured.
    pub(crate) fn captured(&self) -> u64 {
        self.runs.iter().map(|run| run.bytes.len() as u64).sum()
    }
}
