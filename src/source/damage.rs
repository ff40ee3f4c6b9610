//! Where and why a capture file could not be read to its end.

use std::fmt;

use crate::units::{FrameNumber, count};

/// The place at which reading a file had to stop; all frames before it were used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Where the record or block begins that cannot be used, in bytes from 0 in the file, counted after
    /// decompression where the file is compressed.
    pub offset: u64,
    /// The last good frame of this file; absent where there was none.
    pub after_frame: Option<FrameNumber>,
    /// What is wrong there.
    pub reason: Reason,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte {}", self.offset)?;
        match self.after_frame {
            Some(frame) => write!(f, ", after frame {frame}")?,
            None => write!(f, ", before the first frame")?,
        }
        write!(f, ": {}", self.reason)
    }
}

/// What is wrong with a record or block.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The file ends inside a header, record or block.
    CutShort {
        /// Bytes that the header, record or block needs.
        needed: u64,
        /// Bytes that are left of the file.
        available: u64,
    },
    /// A packet says it is longer than any capture program writes.
    PacketTooLong {
        /// Captured length as written.
        captured: u32,
        /// The most that is believed for this link type.
        limit: u32,
    },
    /// A packet says it is longer than the block that holds it.
    PacketOutgrowsBlock {
        /// Captured length as written.
        captured: u32,
        /// Bytes the block has for it.
        room: u32,
    },
    /// A pcapng block's total length cannot be one: too short for its kind, not a multiple of 4, or
    /// above 256 MiB.
    BlockLength {
        /// Block type as written.
        kind: u32,
        /// Total length as written.
        length: u32,
    },
    /// A pcapng block's two total lengths differ.
    TrailingLength {
        /// Before the body.
        leading: u32,
        /// After the body.
        trailing: u32,
    },
    /// A packet of an interface that no Interface Description Block of the section describes.
    UnknownInterface {
        /// The interface as written.
        interface: u32,
        /// How many the section has described so far.
        described: usize,
    },
    /// More interfaces than imgnet keeps in mind.
    TooManyInterfaces {
        /// The limit.
        limit: usize,
    },
    /// A Section Header Block without the byte-order magic.
    ByteOrderMagic {
        /// The four bytes found in its place.
        found: [u8; 4],
    },
    /// A version of the format that imgnet does not know.
    Version {
        /// Major version.
        major: u16,
        /// Minor version.
        minor: u16,
    },
    /// The compressed data around the capture is cut short or damaged.
    Compressed {
        /// What the decompressor said.
        message: String,
    },
    /// The file became shorter while it was read.
    Shrunk {
        /// Its size when it was opened.
        was: u64,
        /// Its size now.
        now: u64,
    },
    /// The system could not read further.
    Read {
        /// What the system said.
        message: String,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CutShort { needed, available } => write!(
                f,
                "the file is cut short: {} bytes belong here, {} are left",
                count(*needed),
                count(*available)
            ),
            Self::PacketTooLong { captured, limit } => write!(
                f,
                "a packet claims {captured} captured bytes, more than the {limit} that capture programs write"
            ),
            Self::PacketOutgrowsBlock { captured, room } => write!(
                f,
                "a packet claims {captured} captured bytes, its block has room for {room}"
            ),
            Self::BlockLength { kind, length } => write!(
                f,
                "a block of type {kind:#010x} claims a total length of {length}, which is too short for it, no multiple of 4, or above 256 MiB"
            ),
            Self::TrailingLength { leading, trailing } => write!(
                f,
                "a block's total lengths differ: {leading} before its body, {trailing} after it"
            ),
            Self::UnknownInterface {
                interface,
                described,
            } => write!(
                f,
                "a packet names interface {interface}, but the section describes {described}"
            ),
            Self::TooManyInterfaces { limit } => {
                write!(f, "the file describes more than {limit} interfaces")
            }
            Self::ByteOrderMagic { found } => write!(
                f,
                "a section begins without byte-order magic: found {:08x}",
                u32::from_be_bytes(*found)
            ),
            Self::Version { major, minor } => {
                write!(f, "version {major}.{minor} of the format is not known here")
            }
            Self::Compressed { message } => {
                write!(f, "the compressed data is cut short or damaged: {message}")
            }
            Self::Shrunk { was, now } => write!(
                f,
                "the file was cut while it was read: {was} bytes when it was opened, {now} now"
            ),
            Self::Read { message } => write!(f, "the system could not read on: {message}"),
        }
    }
}
