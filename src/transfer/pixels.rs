//! Pixels: rows of BGR24 for the wire, and the picture files that they come from and become.

use std::path::Path;

use image::{DynamicImage, RgbImage};

use super::Error;
use super::memory::Share;
use crate::imaging::{DEFAULT_QUALITY, DecodeLimits, encode};
use crate::picture::{Format, eight_bits};

/// Rows of BGR24, top row first.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) width: u32,
    pub(super) bytes: Vec<u8>,
}

/// Rows that come in, and wait for the last of them: what they become has to be made of all.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) bytes: Vec<u8>,
    /// Its part of what a server may hold; absent in a client, which has one picture.
    share: Option<Share>,
}

impl Held {
    /// None yet.
    pub(super) fn new(share: Option<Share>) -> Self {
        Self {
            bytes: Vec::new(),
            share,
        }
    }

    /// Counts so many more bytes as held; false where all connections together hold too many then.
    pub(super) fn hold(&mut self, bytes: usize, limit: u64) -> bool {
        self.share
            .as_mut()
            .is_none_or(|share| share.grow(bytes as u64, limit))
    }

    /// Takes more rows; false, and none of them, where all connections together hold too many then.
    pub(super) fn extend(&mut self, bytes: &[u8], limit: u64) -> bool {
        let before = self.bytes.capacity();
        let length = self.bytes.len().saturating_add(bytes.len());
        if length > before {
            let wanted = length.saturating_add(before / 2);
            if !self.hold(wanted.saturating_sub(before), limit) {
                return false;
            }
            self.bytes
                .reserve_exact(wanted.saturating_sub(self.bytes.len()));
        }
        self.bytes.extend_from_slice(bytes);
        true
    }
}

/// Decodes a picture file; `what` names it in the error.
pub(super) fn decode(bytes: &[u8], what: &str) -> Result<DynamicImage, Error> {
    crate::imaging::decode(bytes, &DecodeLimits::default())
        .map_err(|error| Error::picture(what)(error.into()))
}

/// The picture file at `path`, whose bytes these are, as rows of BGR24.
pub(super) fn rows(bytes: &[u8], path: &Path) -> Result<Rows, Error> {
    let picture = crate::imaging::decode(bytes, &DecodeLimits::default()).map_err(|source| {
        Error::Undecodable {
            path: path.to_owned(),
            source,
        }
    })?;
    let pixels = eight_bits(&picture).into_rgb8();
    let width = pixels.width();
    let mut bytes = pixels.into_raw();
    swap_red_and_blue(&mut bytes);
    Ok(Rows { width, bytes })
}

/// A PNG of the whole rows in `bytes`; none where there is not one row.
pub(super) fn png_of_rows(width: u32, mut bytes: Vec<u8>) -> Result<Option<Vec<u8>>, Error> {
    let row = usize::try_from(width)
        .unwrap_or(usize::MAX)
        .saturating_mul(3);
    let rows = bytes.len().checked_div(row).unwrap_or(0);
    let Ok(height @ 1..) = u32::try_from(rows) else {
        return Ok(None);
    };
    bytes.truncate(row.saturating_mul(rows));
    swap_red_and_blue(&mut bytes);
    match RgbImage::from_raw(width, height, bytes) {
        Some(pixels) => encoded(&pixels.into(), Format::Png).map(Some),
        None => Ok(None),
    }
}

/// A JPEG of a picture.
pub(super) fn jpeg(picture: &DynamicImage) -> Result<Vec<u8>, Error> {
    encoded(picture, Format::Jpeg)
}

/// A picture file of it.
pub(super) fn encoded(picture: &DynamicImage, format: Format) -> Result<Vec<u8>, Error> {
    encode(picture, format, DEFAULT_QUALITY)
        .map_err(|error| Error::picture("the picture that was made")(error.into()))
}

fn swap_red_and_blue(bytes: &mut [u8]) {
    for pixel in bytes.chunks_exact_mut(3) {
        pixel.reverse();
    }
}

/// The picture that a catalogue answers with when there is none: a red cross on grey.
pub(super) fn not_found() -> Result<Vec<u8>, Error> {
    let (width, height) = (320_u32, 240_u32);
    let picture = RgbImage::from_fn(width, height, |x, y| {
        let across = |y: u32| y.saturating_mul(width) / height;
        let falling = x.abs_diff(across(y));
        let rising = x.abs_diff(across(height.saturating_sub(y)));
        if falling.min(rising) < 9 {
            image::Rgb([190, 30, 30])
        } else {
            image::Rgb([222, 222, 222])
        }
    });
    jpeg(&picture.into())
}
