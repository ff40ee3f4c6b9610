//! From a byte of a picture file to the row of pixels that it begins to matter for.

use flate2::{Decompress, FlushDecompress, Status};

use super::bytes::index;
use crate::ledger::comparison::{Rows, RowsBy};
use crate::picture::{DecodeLimits, Format, SNIFF_BYTES, Sniff, Walker, decode, sniff};

/// Rows of BGR24.
pub(super) fn raw(offset: u64, width: u32, height: u32) -> Option<Rows> {
    let row = offset.checked_div(u64::from(width).saturating_mul(3))?;
    Some(Rows {
        first: u32::try_from(row).ok().filter(|row| *row < height)?,
        of: height,
        by: RowsBy::Computed,
    })
}

/// The first row that a byte of a whole picture file matters for; absent for headers, for what follows the pixels, and for
/// formats and kinds (WebP, GIF, interlaced PNG) where no row can be told.
pub(super) fn of(picture: &[u8], offset: u64) -> Option<Rows> {
    let Sniff::Is(format) = sniff(picture.get(..SNIFF_BYTES).unwrap_or(picture)) else {
        return None;
    };
    match format {
        Format::Bmp => bmp(picture, offset),
        Format::Png => png(picture, offset),
        Format::Jpeg => jpeg(picture, offset),
        Format::Gif | Format::WebP => None,
    }
}

fn u32_le(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(four.try_into().ok()?))
}

/// BITMAPFILEHEADER and BITMAPINFOHEADER, uncompressed: rows of a fixed length, the lowest first unless the height is
/// negative.
fn bmp(picture: &[u8], offset: u64) -> Option<Rows> {
    let pixels = u64::from(u32_le(picture, 10)?);
    let width = u64::from(u32_le(picture, 18)?);
    let height = u32_le(picture, 22)?.cast_signed();
    let bits = u64::from(u32_le(picture, 28)? & 0xffff);
    let compression = u32_le(picture, 30)?;
    if u32_le(picture, 14)? < 40 || !matches!(compression, 0 | 3) {
        return None;
    }
    let stride = width.checked_mul(bits)?.div_ceil(32).checked_mul(4)?;
    let stored = u32::try_from(offset.checked_sub(pixels)?.checked_div(stride)?).ok()?;
    let of = height.unsigned_abs();
    let first = if height < 0 {
        stored
    } else {
        of.checked_sub(1)?.checked_sub(stored)?
    };
    (first < of).then_some(Rows {
        first,
        of,
        by: RowsBy::Computed,
    })
}

/// Inflates the image data before the byte, and counts the rows that it makes.
fn png(picture: &[u8], offset: u64) -> Option<Rows> {
    let header = picture.get(16..29)?;
    let be = |at: usize| {
        let four = header.get(at..at.checked_add(4)?)?;
        Some(u32::from_be_bytes(four.try_into().ok()?))
    };
    let (width, height) = (be(0)?, be(4)?);
    let &[depth, colour, _, _, interlace] = header.get(8..13)? else {
        return None;
    };
    if interlace != 0 {
        return None;
    }
    let samples: u64 = match colour {
        0 | 3 => 1,
        2 => 3,
        4 => 2,
        6 => 4,
        _ => return None,
    };
    let row = u64::from(width)
        .checked_mul(samples)?
        .checked_mul(u64::from(depth))?
        .div_ceil(8)
        .checked_add(1)?;
    let all = row.checked_mul(u64::from(height))?;
    let offset = index(offset);
    let mut inflater = Decompress::new(true);
    let mut at: usize = 8;
    loop {
        let length = picture.get(at..at.checked_add(4)?)?;
        let length = index(u64::from(u32::from_be_bytes(length.try_into().ok()?)));
        let name = picture.get(at.checked_add(4)?..at.checked_add(8)?)?;
        let data = at.checked_add(8)?;
        let end = data.checked_add(length)?;
        if name == b"IDAT" {
            let upto = end.min(offset.max(data)).min(picture.len());
            inflate(&mut inflater, picture.get(data..upto)?, all)?;
        }
        if offset < end.saturating_add(4) {
            break;
        }
        at = end.checked_add(4)?;
    }
    let first = u32::try_from(inflater.total_out().checked_div(row)?).ok()?;
    (inflater.total_in() > 0 && first < height).then_some(Rows {
        first,
        of: height,
        by: RowsBy::Inflated,
    })
}

/// Inflates all of `data`, and no more than `all` bytes in sum.
fn inflate(inflater: &mut Decompress, mut data: &[u8], all: u64) -> Option<()> {
    let mut out = vec![0_u8; 64 << 10];
    while !data.is_empty() && inflater.total_out() <= all {
        let before = (inflater.total_in(), inflater.total_out());
        let status = inflater
            .decompress(data, &mut out, FlushDecompress::None)
            .ok()?;
        let taken = inflater.total_in().checked_sub(before.0)?;
        data = data.get(index(taken)..)?;
        let stuck = taken == 0 && inflater.total_out() == before.1;
        if status == Status::StreamEnd || stuck {
            break;
        }
    }
    Some(())
}

/// Levels by which two decoders of one JPEG may differ.
const LEVELS: u8 = 16;

/// Decodes the bytes before alone, and looks how far down they show the same picture.
fn jpeg(picture: &[u8], offset: u64) -> Option<Rows> {
    let mut walker = Walker::new(Format::Jpeg);
    walker.update(picture);
    let progressive = walker.info().progressive?;
    let limits = DecodeLimits::default();
    let whole = decode(picture, &limits).ok()?.into_rgb8();
    let mut prefix = picture.get(..index(offset))?.to_vec();
    prefix.extend_from_slice(&[0xff, 0xd9]);
    let part = decode(&prefix, &limits).ok()?.into_rgb8();
    if whole.dimensions() != part.dimensions() {
        return None;
    }
    let first = (0..whole.height())
        .zip(whole.rows().zip(part.rows()))
        .find(|(_, (whole, part))| {
            // A picture that is cut is decoded differently, by a few levels.
            whole.clone().zip(part.clone()).any(|(a, b)| {
                let levels = a.0.iter().zip(b.0);
                levels.into_iter().any(|(a, b)| a.abs_diff(b) > LEVELS)
            })
        })
        .map(|(row, _)| row)?;
    Some(Rows {
        first,
        of: whole.height(),
        by: if progressive {
            RowsBy::Coarse
        } else {
            RowsBy::DecodedPrefix
        },
    })
}
