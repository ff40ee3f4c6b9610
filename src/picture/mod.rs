//! Pictures: their structure walked byte by byte, their dimensions, and how two of them compare.
//!
//! A [`Walker`] is fed a picture's bytes in any pieces and finds its exact end, or where and why its
//! structure breaks. It never searches for end bytes, never decodes pixels, never keeps the bytes. [`decode`] does
//! turn a whole picture into pixels, within limits, and [`compare`] tells how two of them differ.
//! This room opens no file and knows no socket, no packet and no wire format.
//!
//! **Law (split-independence):** a walker fed whole, byte by byte or in any pieces ends in the same state.

pub(crate) mod compare;
mod decode;

/// Whether bytes are a picture with its end, and nothing behind.
pub(crate) fn is_whole(bytes: &[u8]) -> bool {
    Walker::of(bytes).is_some_and(|walker| {
        matches!(walker.status(), Status::Whole { length } if length == bytes.len() as u64)
    })
}

#[cfg(test)]
pub(crate) mod fixtures;
mod jpeg;
mod sniff;
mod spelling;
mod walk;

use std::fmt;

use serde::{Deserialize, Serialize};

pub(crate) use decode::image_format;
pub use decode::{DecodeError, DecodeLimits, decode, eight_bits, orientation};
pub(crate) use jpeg::is_cmyk;
pub(crate) use sniff::begun;
pub use sniff::sniff;
pub(crate) use spelling::Spelling;
pub use walk::{Awaited, Break, Element, HeaderField, Info, Name, Status, Walker};

/// A picture file format, as its own first bytes tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Format {
    /// JPEG (ITU-T T.81), baseline or progressive.
    Jpeg,
    /// PNG (W3C PNG, third edition).
    Png,
    /// `GIF87a` or `GIF89a`.
    Gif,
    /// WebP (RFC 9649).
    WebP,
    /// Windows bitmap.
    Bmp,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::Gif => "GIF",
            Self::WebP => "WebP",
            Self::Bmp => "BMP",
        })
    }
}

impl Format {
    /// Its name in the JSON and in files of expectations; `Display` is for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "jpeg",
            Self::Png => "png",
            Self::Gif => "gif",
            Self::WebP => "webp",
            Self::Bmp => "bmp",
        }
    }

    /// The usual ending of a file's name.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            other => other.name(),
        }
    }
}

/// What the first bytes of something say of its format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sniff {
    /// It begins as a picture of this format.
    Is(Format),
    /// Too few bytes to tell, and what there is fits at least one format.
    NeedMore,
    /// No picture format known here begins so.
    No,
}

/// Most bytes that [`sniff`] needs to decide.
pub const SNIFF_BYTES: usize = 18;
