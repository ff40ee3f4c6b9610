//! Pixels of a file and of the wire, decoded within limits.

use image::{DynamicImage, GenericImageView as _};

use super::evidence::Layout;
use super::wire::Wire;
use crate::ledger::comparison::Pixels;
use crate::picture::compare;
use crate::picture::{
    DecodeLimits, Format, SNIFF_BYTES, Sniff, decode, eight_bits, orientation, sniff,
};

/// The pixels of a picture; `raw_width` for rows of BGR24. Absent where it cannot be decoded.
pub(super) fn decoded(bytes: &[u8], raw_width: Option<u32>) -> Option<DynamicImage> {
    let limits = DecodeLimits::default();
    match raw_width {
        Some(width) => {
            let (image, _) = compare::bgr24(bytes, width, limits.bytes).ok()?;
            (image.height() > 0).then(|| image.into())
        }
        None => decode(bytes, &limits).ok(),
    }
}

/// A picture as its file says that it has to be turned to stand upright (EXIF), as many programs load it; absent where it stands.
pub(super) fn turned(file: &[u8], stored: &DynamicImage) -> Option<DynamicImage> {
    let how = orientation(file);
    (how.to_exif() != 1).then(|| {
        let mut picture = stored.clone();
        picture.apply_orientation(how);
        picture
    })
}

/// The pixels of a picture file that rows on the wire are held against: as it stores them, or turned upright where the rows are
/// nearer to that. Absent where it cannot be decoded.
pub(super) fn in_rows(file: &[u8], wire: &Wire) -> Option<DynamicImage> {
    let stored = decoded(file, None)?;
    let Some(turned) = turned(file, &stored) else {
        return Some(stored);
    };
    let alike = |picture: &DynamicImage| {
        let rows = rows_of(picture, wire);
        let whole = wire.whole().unwrap_or_default();
        let both = rows.iter().zip(whole);
        both.filter(|(a, b)| a.abs_diff(**b) <= NEAR).count()
    };
    Some(if alike(&turned) > alike(&stored) {
        turned
    } else {
        stored
    })
}

/// Levels that count as nearly the same: decoders of lossy pictures differ by a few.
const NEAR: u8 = 8;

/// A picture as the rows of BGR24 that `raw-pixels` sends.
pub(super) fn bgr24_rows(image: &DynamicImage) -> Vec<u8> {
    let mut bytes = eight_bits(image).into_rgb8().into_raw();
    for pixel in bytes.chunks_exact_mut(3) {
        pixel.reverse();
    }
    bytes
}

/// The rows of a picture in the order that the wire has them, where one fits; else BGR24.
pub(super) fn rows_of(picture: &DynamicImage, wire: &Wire) -> Vec<u8> {
    let bgr = bgr24_rows(picture);
    let Some(whole) = wire.whole().filter(|whole| *whole != bgr.as_slice()) else {
        return bgr;
    };
    let fits = |layout: &Layout| layout.pixels(picture) == whole;
    match [Layout::Rgb, Layout::Rgba, Layout::Bgra, Layout::Grey]
        .iter()
        .find(|layout| fits(layout))
    {
        Some(layout) => layout.pixels(picture),
        None => bgr,
    }
}

/// Whether a file's pixels are what a decoder makes of them: another may differ by a few levels.
pub(super) fn is_lossy(file: &[u8]) -> bool {
    let head = file.get(..SNIFF_BYTES).unwrap_or(file);
    matches!(sniff(head), Sniff::Is(Format::Jpeg | Format::WebP))
}

/// Whether raw pixels are a lossy picture's, within what its decoders differ by.
pub(super) fn nearly(wire: &Wire, picture: &DynamicImage) -> bool {
    /// Levels that one sample may differ by, and all on average (in tenths).
    const MOST: u8 = 32;
    const AVERAGE: u64 = 15;
    let Some(whole) = wire.whole().filter(|whole| !whole.is_empty()) else {
        return false;
    };
    [bgr24_rows(picture), picture.to_rgb8().into_raw()]
        .iter()
        .any(|rows| {
            if rows.len() != whole.len() {
                return false;
            }
            let mut sum = 0_u64;
            for (&a, &b) in rows.iter().zip(whole) {
                let differs = a.abs_diff(b);
                if differs > MOST {
                    return false;
                }
                sum += u64::from(differs);
            }
            sum.saturating_mul(10) <= AVERAGE.saturating_mul(whole.len() as u64)
        })
}

/// Whether some pixel is not fully opaque.
pub(super) fn hides_pixels(picture: &DynamicImage) -> bool {
    picture.color().has_alpha()
        && picture
            .to_rgba8()
            .pixels()
            .any(|pixel| pixel.0[3] != u8::MAX)
}

/// How the pixels of two pictures compare.
pub(super) fn pixels(expected: &DynamicImage, found: &DynamicImage) -> Pixels {
    let compared = compare::pixels(expected, found);
    let quality = compare::quality(expected, found).ok();
    Pixels {
        equal: compared.equal(),
        differing: compared.differing,
        first_difference: compared.first_difference,
        psnr: quality.and_then(|quality| quality.psnr),
        ssim: quality.map(|quality| quality.ssim),
    }
}

/// Whether a few pixels of two pictures of one size differ so much on average that nobody takes one for the other.
fn are_strangers(one: &DynamicImage, other: &DynamicImage) -> bool {
    /// Of so many rows, and as many places in each.
    const PLACES: u32 = 24;
    /// The mean of squared differences at 22 dB is 410 (PSNR); a few pixels may show more of it than all.
    const MOST: u64 = 4 * 410;
    let (width, height) = (one.width(), one.height());
    let (mut sum, mut count) = (0_u64, 0_u64);
    let steps = |side: u32| (0..PLACES.min(side)).map(move |at| at * (side / PLACES.min(side)));
    for y in steps(height) {
        for x in steps(width) {
            let samples = one
                .get_pixel(x, y)
                .0
                .into_iter()
                .zip(other.get_pixel(x, y).0);
            for (a, b) in samples.take(3) {
                sum += u64::from(a.abs_diff(b)).pow(2);
                count += 1;
            }
        }
    }
    count > 0 && sum > MOST.saturating_mul(count)
}

/// Bytes at the beginning that are equal by no accident, headers included.
const PREFIX: usize = 1024;

/// Equal bytes that are no accident.
const TELLING: u64 = 1024;

/// How much a picture on the wire and a file are one picture although their bytes are not those of each other: 0 where they are
/// not, at most 1. `sent`: the file is the sender's.
pub(crate) fn kinship(wire: &Wire, file: &[u8], raw: bool, sent: bool) -> f64 {
    let Some(whole) = wire.whole().filter(|whole| !whole.is_empty()) else {
        return 0.0;
    };
    let (expected, found) = if sent { (file, whole) } else { (whole, file) };
    if super::mistakes::converted(expected, found).is_some() {
        return 1.0;
    }
    // A few bytes are left of it, and they are exactly what a mistake leaves.
    if (4..64).contains(&found.len()) && super::mistakes::leaves(expected, found) {
        return 0.3;
    }
    // A receiver that stopped, or went on beyond the end.
    let shorter = whole.len().min(file.len());
    if shorter >= PREFIX && whole.get(..shorter) == file.get(..shorter) {
        return 0.9;
    }
    // Most bytes are the same, at either end: the stream may have them encoded, where no passage shows it.
    let close = super::pairing::closeness(wire, file);
    if !raw && close.of > 0 && close.common.saturating_mul(2) >= close.of && close.common >= TELLING
    {
        #[expect(clippy::cast_precision_loss, reason = "a share of a picture's bytes")]
        return 0.96 + 0.03 * (close.common as f64 / close.of as f64);
    }
    let picture = if raw {
        in_rows(file, wire)
    } else {
        decoded(file, None)
    };
    let Some(picture) = picture else {
        return 0.0;
    };
    if raw {
        let rows = rows_of(&picture, wire);
        if rows.len() != whole.len() {
            return 0.0;
        }
        if rows == whole {
            return 1.0;
        }
        // Near levels count nearly as much.
        let same = rows
            .iter()
            .zip(whole)
            .filter(|(a, b)| a.abs_diff(**b) <= NEAR)
            .count();
        #[expect(clippy::cast_precision_loss, reason = "a share of a picture's bytes")]
        return same as f64 / whole.len() as f64 * 0.9;
    }
    let Some(other) = decoded(whole, None) else {
        return 0.0;
    };
    if (other.width(), other.height()) == (picture.width(), picture.height())
        && !are_strangers(&other, &picture)
    {
        let compared = pixels(&picture, &other);
        let near = compared.psnr.is_some_and(|psnr| psnr >= 22.0)
            && compared.ssim.is_some_and(|ssim| ssim >= 0.7);
        return match (compared.equal, near) {
            (true, _) => 0.95,
            (false, true) => compared.ssim.unwrap_or(0.0) * 0.8,
            (false, false) => 0.0,
        };
    }
    0.0
}
