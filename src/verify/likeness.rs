//! Pixels of a file and of the wire, decoded within limits.

use image::DynamicImage;

use crate::ledger::comparison::Pixels;
use crate::picture::compare;
use crate::picture::{DecodeLimits, decode};

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

/// A picture as the rows of BGR24 that `raw-pixels` sends.
pub(super) fn bgr24_rows(image: &DynamicImage) -> Vec<u8> {
    let mut bytes = image.to_rgb8().into_raw();
    for pixel in bytes.chunks_exact_mut(3) {
        pixel.reverse();
    }
    bytes
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
