//! Two decoded pictures pixel by pixel, and raw pixels as they go over the wire.

use crate::units::count;
use image::{DynamicImage, RgbImage};

/// How two decoded pictures differ. Where their sizes do, the area that both have (from the top left) is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PixelComparison {
    /// Width and height expected.
    pub expected: (u32, u32),
    /// Width and height found.
    pub found: (u32, u32),
    /// Pixels compared: those of the common area.
    pub compared: u64,
    /// How many of these differ in any channel.
    pub differing: u64,
    /// Column and row of the first that differs, row by row from the top; absent where none does.
    pub first_difference: Option<(u32, u32)>,
}

impl PixelComparison {
    /// Whether sizes and all pixels are equal.
    pub(crate) fn equal(&self) -> bool {
        self.expected == self.found && self.differing == 0
    }
}

/// Compares two decoded pictures exactly, whatever their colour types: grey equals red = green = blue, no alpha equals opaque.
///
/// Both are turned to RGBA of 8 bits, or of 16 where one of them has more than 8.
pub(crate) fn pixels(expected: &DynamicImage, found: &DynamicImage) -> PixelComparison {
    let deep = |image: &DynamicImage| {
        let color = image.color();
        color.bytes_per_pixel() > color.channel_count()
    };
    let (expected_size, found_size) = (size(expected), size(found));
    let (differing, first_difference) = if deep(expected) || deep(found) {
        let (left, right) = (expected.to_rgba16(), found.to_rgba16());
        differences(left.as_raw(), expected_size, right.as_raw(), found_size)
    } else {
        let (left, right) = (expected.to_rgba8(), found.to_rgba8());
        differences(left.as_raw(), expected_size, right.as_raw(), found_size)
    };
    let (width, height) = common(expected_size, found_size);
    PixelComparison {
        expected: expected_size,
        found: found_size,
        compared: u64::from(width).saturating_mul(u64::from(height)),
        differing,
        first_difference,
    }
}

fn size(image: &DynamicImage) -> (u32, u32) {
    (image.width(), image.height())
}

fn common(left: (u32, u32), right: (u32, u32)) -> (u32, u32) {
    (left.0.min(right.0), left.1.min(right.1))
}

/// Counts the differing pixels of the common area, four samples each, and finds the first.
fn differences<T: PartialEq>(
    left: &[T],
    left_size: (u32, u32),
    right: &[T],
    right_size: (u32, u32),
) -> (u64, Option<(u32, u32)>) {
    let (width, _) = common(left_size, right_size);
    let samples = |width: u32| (width as usize).saturating_mul(4).max(4);
    let rows = left
        .chunks_exact(samples(left_size.0))
        .zip(right.chunks_exact(samples(right_size.0)));
    let mut differing = 0u64;
    let mut first = None;
    for (y, (left, right)) in (0u32..).zip(rows) {
        if left == right {
            continue;
        }
        let pixels = left.chunks_exact(4).zip(right.chunks_exact(4));
        for (x, (left, right)) in (0..width).zip(pixels) {
            if left != right {
                differing = differing.saturating_add(1);
                first.get_or_insert((x, y));
            }
        }
    }
    (differing, first)
}

/// Why bytes are no rows of raw pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RawPixelsError {
    /// A row of no pixels.
    #[error("a row has to have at least 1 pixel; tell the width")]
    NoWidth,
    /// Too large to be held.
    #[error("{} bytes of raw pixels are more than the limit of {}", count(*bytes), count(*limit))]
    TooLarge {
        /// Bytes there are.
        bytes: u64,
        /// Bytes allowed.
        limit: u64,
    },
}

/// Makes a picture of BGR24 rows as `raw-pixels` sends them: rows of `width` × 3 bytes from the top, blue first.
///
/// Returns it with the bytes left over behind the last whole row (0 for a transfer that ended as it should).
///
/// # Errors
/// [`RawPixelsError`] where `width` is 0 or there are more than `limit` bytes.
pub(crate) fn bgr24(
    bytes: &[u8],
    width: u32,
    limit: u64,
) -> Result<(RgbImage, u64), RawPixelsError> {
    if width == 0 {
        return Err(RawPixelsError::NoWidth);
    }
    let too_large = RawPixelsError::TooLarge {
        bytes: bytes.len() as u64,
        limit,
    };
    if bytes.len() as u64 > limit {
        return Err(too_large);
    }
    let row = u64::from(width).saturating_mul(3);
    let (height, left) = (bytes.len() as u64 / row, bytes.len() as u64 % row);
    let height = u32::try_from(height).map_err(|_| too_large)?;
    let whole = bytes
        .len()
        .saturating_sub(usize::try_from(left).unwrap_or(0));
    let mut samples = bytes.get(..whole).unwrap_or_default().to_vec();
    for pixel in samples.chunks_exact_mut(3) {
        pixel.reverse();
    }
    let image = RgbImage::from_raw(width, height, samples).ok_or(too_large)?;
    Ok((image, left))
}

#[cfg(test)]
mod tests {
    use image::{GrayImage, Luma, Rgb, Rgba};

    use super::*;

    fn picture() -> RgbImage {
        RgbImage::from_fn(7, 5, |x, y| {
            Rgb([x, y, x * y].map(|value| (value & 0xff) as u8))
        })
    }

    #[test]
    fn counts_differing_pixels_and_names_the_first() {
        let left = DynamicImage::from(picture());
        assert!(pixels(&left, &left).equal());
        let mut changed = picture();
        changed.put_pixel(6, 2, Rgb([9, 9, 9]));
        changed.put_pixel(1, 3, Rgb([9, 9, 9]));
        let compared = pixels(&left, &changed.into());
        assert!(!compared.equal());
        assert_eq!((compared.differing, compared.compared), (2, 35));
        assert_eq!(compared.first_difference, Some((6, 2)));
    }

    #[test]
    fn colour_types_do_not_matter_but_depth_does() {
        let grey = GrayImage::from_fn(4, 4, |x, y| Luma([((x * 16 + y) & 0xff) as u8]));
        let left = DynamicImage::from(grey.clone());
        let right = DynamicImage::from(left.to_rgba8());
        assert!(pixels(&left, &right).equal());
        let mut deep = left.to_rgba16();
        assert!(pixels(&left, &deep.clone().into()).equal());
        let Rgba([red, ..]) = deep.get_pixel_mut(3, 3);
        *red += 1;
        let compared = pixels(&left, &deep.into());
        assert_eq!(
            (compared.differing, compared.first_difference),
            (1, Some((3, 3)))
        );
    }

    #[test]
    fn raw_rows_are_compared_as_far_as_they_came() {
        let sent = picture();
        let mut raw: Vec<u8> = sent
            .pixels()
            .flat_map(|&Rgb([r, g, b])| [b, g, r])
            .collect();
        let (image, left) = bgr24(&raw, 7, 1000).unwrap();
        assert_eq!(left, 0);
        assert!(pixels(&sent.clone().into(), &image.into()).equal());
        raw.truncate(7 * 3 * 3 + 5);
        let (image, left) = bgr24(&raw, 7, 1000).unwrap();
        assert_eq!(left, 5);
        let compared = pixels(&sent.into(), &image.into());
        assert!(!compared.equal());
        assert_eq!((compared.found, compared.compared), ((7, 3), 21));
        assert_eq!(compared.differing, 0);
        assert_eq!(bgr24(&raw, 0, 1000), Err(RawPixelsError::NoWidth));
        assert_eq!(
            bgr24(&raw, 7, 10),
            Err(RawPixelsError::TooLarge {
                bytes: 68,
                limit: 10
            })
        );
    }

    #[test]
    fn pictures_of_no_pixels_compare() {
        let (empty, left) = bgr24(b"", 7, 10).unwrap();
        assert_eq!((empty.height(), left), (0, 0));
        let compared = pixels(&picture().into(), &empty.into());
        assert_eq!((compared.compared, compared.equal()), (0, false));
    }
}
