//! Why a picture is not whole on the wire.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::picture::Break;
use crate::units::{count, counted};

/// Where and why a picture is not whole. Its `Display` is the sentence that reports show; the JSON is that sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// Bytes went out that nobody acknowledged.
    NeverArrived {
        /// How many.
        missing: u64,
        /// Of so many.
        of: u64,
    },
    /// The capture lacks bytes.
    NotCaptured {
        /// How many.
        missing: u64,
        /// Of so many.
        of: u64,
    },
    /// Numbered datagrams that never came.
    PiecesMissing {
        /// How many; 0 where only bytes are known.
        pieces: u64,
        /// Bytes that were in them; 0 where unknown.
        bytes: u64,
    },
    /// It ended before the length that was declared.
    Short {
        /// Why nothing more came.
        stop: Stop,
        /// Bytes that came.
        bytes: u64,
        /// Bytes that were declared.
        declared: u64,
    },
    /// Its own structure is wrong.
    Broken {
        /// Offset of the element that is wrong.
        at: u64,
        /// What is wrong with it.
        reason: Break,
    },
    /// It ended before its own structure did.
    Unfinished {
        /// Why nothing more came.
        stop: Stop,
        /// Bytes that came.
        bytes: u64,
    },
    /// It ended before the format's end of a picture.
    NoEnd {
        /// Why nothing more came.
        stop: Stop,
    },
    /// The stream broke off, in a format whose pictures end with the stream.
    BrokeOff {
        /// Why nothing more came.
        stop: Stop,
        /// Bytes that came.
        bytes: u64,
    },
    /// The capture began after the connection did: what came before it is unknown.
    StartedLate,
    /// Bytes are missing from the capture before it, so that where it begins and ends is not certain.
    BehindGap,
    /// Only a range of it was asked for, and came.
    Range {
        /// Bytes that came.
        bytes: u64,
        /// Bytes that all of it has; absent where nobody said.
        of: Option<u64>,
    },
    /// Numbered datagrams that begin with no picture: one may be missing before them.
    NoBeginning,
    /// So few bytes came that nothing tells what they are.
    TooShort {
        /// Why nothing more came.
        stop: Stop,
        /// Bytes that came.
        bytes: u64,
    },
    /// In words: what a sender or a receiver told, or a report that was read again.
    Told(String),
}

/// Why nothing more came of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The sender's FIN.
    Closed,
    /// A RST.
    Reset,
    /// A long silence.
    Silence,
    /// A long silence, up to an end of the capture that is known, with all acknowledged that had been sent, and room for more.
    Hang,
    /// The same, with no room for more in the receiver's buffer.
    NoRoom,
    /// The end of the capture.
    CaptureEnded,
    /// The format's own end.
    Format,
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "the sender closed",
            Self::Reset => "the connection was reset",
            Self::Silence => "nothing more came",
            Self::Hang => "the sender stopped",
            Self::NoRoom => "the receiver stopped reading",
            Self::CaptureEnded => "the capture ended",
            Self::Format => "the format says that it ends",
        })
    }
}

impl Problem {
    /// Why nothing more came; absent where that is not what is wrong.
    pub fn stop(&self) -> Option<Stop> {
        match self {
            Self::Short { stop, .. }
            | Self::Unfinished { stop, .. }
            | Self::NoEnd { stop }
            | Self::BrokeOff { stop, .. }
            | Self::TooShort { stop, .. } => Some(*stop),
            _ => None,
        }
    }

    /// Whether the capture ended before the picture did: then it need not have been sent whole.
    pub fn is_capture_end(&self) -> bool {
        self.stop() == Some(Stop::CaptureEnded)
    }

    /// Whether it is known that the capture went on, and nothing more was sent.
    pub fn is_hang(&self) -> bool {
        matches!(self.stop(), Some(Stop::Hang | Stop::NoRoom))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeverArrived { missing, of } => {
                write!(f, "{} never reached the receiver", of_bytes(*missing, *of))
            }
            Self::NotCaptured { missing, of } => {
                write!(
                    f,
                    "{} {} missing from the capture",
                    of_bytes(*missing, *of),
                    are(*missing)
                )
            }
            Self::PiecesMissing { pieces: 0, bytes } => {
                write!(
                    f,
                    "{} never came, by the numbers of the datagrams",
                    counted(*bytes, "byte", "bytes")
                )
            }
            Self::PiecesMissing { pieces, bytes: 0 } => {
                write!(
                    f,
                    "{} of its datagrams never came, by their numbers",
                    count(*pieces)
                )
            }
            Self::PiecesMissing { pieces, bytes } => {
                write!(
                    f,
                    "{} of its datagrams never came, by their numbers: {}",
                    count(*pieces),
                    counted(*bytes, "byte", "bytes")
                )
            }
            Self::Short {
                stop,
                bytes,
                declared,
            } => write!(
                f,
                "{stop} after {} of {} declared bytes",
                count(*bytes),
                count(*declared)
            ),
            Self::Broken { at, reason } => {
                write!(f, "its structure breaks at byte {}: {reason}", count(*at))
            }
            Self::Unfinished { stop, bytes } => {
                write!(
                    f,
                    "{stop} after {}, before the picture's structure ended",
                    counted(*bytes, "byte", "bytes")
                )
            }
            Self::NoEnd { stop } => write!(f, "{stop} before the format's end of the picture"),
            Self::BrokeOff { stop, bytes } => {
                write!(f, "{stop} after {}", counted(*bytes, "byte", "bytes"))
            }
            Self::StartedLate => f.write_str(
                "the capture began after the connection did, and what came before is unknown",
            ),
            Self::BehindGap => f.write_str(
                "bytes are missing from the capture before it, so that where it begins is not certain",
            ),
            Self::Range { bytes, of } => {
                write!(f, "only its first {}", counted(*bytes, "byte", "bytes"))?;
                if let Some(of) = of {
                    write!(f, ", of {},", count(*of))?;
                }
                f.write_str(" were asked for, and they came")
            }
            Self::NoBeginning => f.write_str(
                "it begins as no picture does, so a datagram may be missing before it",
            ),
            Self::TooShort { stop, bytes } => {
                let noun = if *bytes == 1 { "byte" } else { "bytes" };
                write!(
                    f,
                    "{stop} after {bytes} {noun}, too few to tell what they are"
                )
            }
            Self::Told(words) => f.write_str(words),
        }
    }
}

/// `1 of 12,088 bytes`.
fn of_bytes(part: u64, of: u64) -> String {
    format!("{} of {}", count(part), counted(of, "byte", "bytes"))
}

fn are(number: u64) -> &'static str {
    if number == 1 { "is" } else { "are" }
}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Problem {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::Told)
    }
}
