//! Missing ranges and why they are missing.

use serde::{Deserialize, Serialize};

/// Why stream bytes are missing from the capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GapCause {
    /// The receiver acknowledged them: delivered, but not captured.
    NotCaptured,
    /// Nobody acknowledged them: lost on the way, or the capture ended before.
    NeverAcknowledged,
    /// The frame was captured, its end cut off by the snap length.
    SnapLength,
    /// Given up because a limit of imgnet was reached.
    Limit,
    /// Cannot be told: the other direction, with its acknowledgments, was not captured.
    Unknown,
}

/// A range of stream bytes that the capture lacks. Never filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// First missing byte: stream offset in a direction, picture offset in a picture.
    pub offset: u64,
    /// How many bytes are missing.
    pub length: u64,
    /// Why.
    pub cause: GapCause,
}
