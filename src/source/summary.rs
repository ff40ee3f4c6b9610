//! What a capture file turned out to be, after it was read.

use std::fmt;
use std::path::PathBuf;

use crate::frame::{Away, LinkType};
use crate::source::damage::Damage;
use crate::units::Timestamp;

/// Format of a capture file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// pcap (draft-ietf-opsawg-pcap).
    Pcap,
    /// pcapng (draft-ietf-opsawg-pcapng).
    Pcapng,
    /// snoop (RFC 1761).
    Snoop,
    /// Endace's extensible record format.
    Erf,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pcap => "pcap",
            Self::Pcapng => "pcapng",
            Self::Snoop => "snoop",
            Self::Erf => "erf",
        })
    }
}

/// Compression around a capture file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compression {
    /// gzip (RFC 1952), one member or several.
    Gzip,
    /// Zstandard (RFC 8878), one frame or several.
    Zstd,
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        })
    }
}

/// One file of a capture. Counts are of what was read so far: of all that can be used, once the frames
/// were read to their end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSummary {
    /// As given; `-` is standard input.
    pub path: PathBuf,
    /// Format.
    pub format: Format,
    /// Compression; absent where there is none.
    pub compression: Option<Compression>,
    /// Size of the file itself in bytes; absent for a pipe.
    pub file_bytes: Option<u64>,
    /// Link types of its interfaces, each once, in order of description.
    pub link_types: Vec<LinkType>,
    /// Frames.
    pub packets: u64,
    /// Sum of their captured lengths.
    pub captured_bytes: u64,
    /// Sum of their lengths on the wire.
    pub original_bytes: u64,
    /// Where reading had to stop; absent where the file was read to its end (or is not read yet).
    pub truncated: Option<Damage>,
    /// Frames that the capturing system dropped, of all interfaces; absent where the file does not say.
    pub kernel_drops: Option<u64>,
    /// Frames for which the file had no room, as the capture that wrote it says; absent where it does not.
    pub unwritten: Option<u64>,
    /// How long interfaces were gone while it was captured; absent where the file does not say so.
    pub away: Option<Away>,
    /// Its interfaces in order of description.
    pub interfaces: Vec<Interface>,
    /// When capturing ended; absent where the file does not say so, or lacks frames that had been written into it.
    pub ended: Option<Timestamp>,
}

/// When a capture of these files ended; absent where one of them does not say so.
pub fn ended(files: &[FileSummary]) -> Option<Timestamp> {
    let mut latest = None;
    for file in files {
        latest = latest.max(Some(file.ended?));
    }
    latest
}

impl FileSummary {
    pub(super) fn new(
        path: PathBuf,
        format: Format,
        compression: Option<Compression>,
        file_bytes: Option<u64>,
    ) -> Self {
        Self {
            path,
            format,
            compression,
            file_bytes,
            link_types: Vec::new(),
            packets: 0,
            captured_bytes: 0,
            original_bytes: 0,
            truncated: None,
            kernel_drops: None,
            unwritten: None,
            away: None,
            interfaces: Vec::new(),
            ended: None,
        }
    }

    /// Takes over the interfaces, and what is summed up from them.
    pub(super) fn set_interfaces(&mut self, interfaces: Vec<Interface>) {
        self.link_types.clear();
        for interface in &interfaces {
            if !self.link_types.contains(&interface.link) {
                self.link_types.push(interface.link);
            }
        }
        self.kernel_drops = interfaces
            .iter()
            .filter_map(|interface| interface.dropped)
            .reduce(u64::saturating_add);
        self.unwritten = interfaces
            .iter()
            .filter_map(|interface| interface.unwritten)
            .reduce(u64::saturating_add);
        self.away = interfaces
            .iter()
            .filter_map(|interface| interface.away)
            .reduce(Away::and);
        self.interfaces = interfaces;
    }
}

/// An interface as a capture file describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Index over the whole capture, from 0: [`crate::frame::Frame::interface`].
    pub index: u32,
    /// Name, shortened to 256 bytes, lossy where not UTF-8; absent where the file has none (pcap).
    pub name: Option<String>,
    /// Description, as [`Self::name`].
    pub description: Option<String>,
    /// Link-layer header type.
    pub link: LinkType,
    /// Most bytes captured of a frame; absent where the file sets no limit.
    pub snap_len: Option<u32>,
    /// Resolution of its times; absent where the file's option for it is malformed: then its frames have
    /// no time.
    pub resolution: Option<TimeResolution>,
    /// Frames that the interface received, as the last statistics say; absent where there are none.
    pub received: Option<u64>,
    /// Frames that were dropped by the system or the interface: what the last statistics say, else the
    /// sum of the drops noted beside packets; absent where neither is in the file.
    pub dropped: Option<u64>,
    /// Frames for which the file had no room; absent where its statistics do not say so. They are not among `dropped`.
    pub unwritten: Option<u64>,
    /// How long it was gone while it was captured; absent where its statistics do not say so.
    pub away: Option<Away>,
}

/// Unit of a file's times in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimeResolution {
    /// 10 to the power of minus this.
    Decimal(u8),
    /// 2 to the power of minus this.
    Binary(u8),
}

impl fmt::Display for TimeResolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decimal(0) | Self::Binary(0) => f.write_str("1 s"),
            Self::Decimal(3) => f.write_str("1 ms"),
            Self::Decimal(6) => f.write_str("1 µs"),
            Self::Decimal(9) => f.write_str("1 ns"),
            Self::Decimal(power) => write!(f, "10^-{power} s"),
            Self::Binary(power) => write!(f, "2^-{power} s"),
        }
    }
}
