//! Splits a picture into vertical strips and puts strips side by side again.

use image::{ColorType, DynamicImage};

/// Why a picture cannot be split or strips cannot be merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StripError {
    /// More strips than columns, or none.
    #[error("a picture {width} pixels wide cannot be split into {strips} strips")]
    Count {
        /// Pixels in a row.
        width: u32,
        /// Strips asked for.
        strips: u32,
    },
    /// Nothing to merge.
    #[error("there is no strip to merge")]
    Nothing,
    /// Strips of different heights.
    #[error("strip {index} is {found} rows high, the first is {expected}")]
    Heights {
        /// Which, from 0.
        index: usize,
        /// Rows of the first.
        expected: u32,
        /// Rows of this one.
        found: u32,
    },
    /// The strips together are wider than a picture can be.
    #[error("the strips together are too wide for a picture")]
    TooWide,
}

/// Splits a picture into `strips` vertical strips, from left to right.
///
/// No column is lost at any width: strip *k* of *n* holds columns ⌊k·width/n⌋ up to ⌊(k+1)·width/n⌋, so an odd width
/// gives the right one of two halves one more, as the pipeline's own program does.
///
/// # Errors
/// [`StripError::Count`] where there would be a strip of no columns.
pub fn split(image: &DynamicImage, strips: u32) -> Result<Vec<DynamicImage>, StripError> {
    let width = image.width();
    if strips == 0 || strips > width {
        return Err(StripError::Count { width, strips });
    }
    let border = |index: u32| {
        let column = u64::from(index) * u64::from(width) / u64::from(strips);
        u32::try_from(column).unwrap_or(width)
    };
    Ok((0..strips)
        .map(|index| {
            let (left, right) = (border(index), border(index.saturating_add(1)));
            image.crop_imm(left, 0, right.saturating_sub(left), image.height())
        })
        .collect())
}

/// Puts strips side by side, the first leftmost. Their colour type is kept where they share one of 8 bits; else the
/// result is RGB, or RGBA where one of them has alpha.
///
/// # Errors
/// [`StripError`] where there are none, their heights differ, or they are too wide together.
pub fn merge(strips: &[DynamicImage]) -> Result<DynamicImage, StripError> {
    let first = strips.first().ok_or(StripError::Nothing)?;
    let (expected, color) = (first.height(), first.color());
    for (index, strip) in strips.iter().enumerate() {
        let found = strip.height();
        if found != expected {
            return Err(StripError::Heights {
                index,
                expected,
                found,
            });
        }
    }
    let width = strips
        .iter()
        .try_fold(0u32, |width, strip| width.checked_add(strip.width()))
        .ok_or(StripError::TooWide)?;
    let same = strips.iter().all(|strip| strip.color() == color);
    let color = match color {
        ColorType::L8 | ColorType::La8 | ColorType::Rgb8 | ColorType::Rgba8 if same => color,
        _ if strips.iter().any(|strip| strip.color().has_alpha()) => ColorType::Rgba8,
        _ => ColorType::Rgb8,
    };
    let mut samples = Vec::new();
    let strips: Vec<(Vec<u8>, usize)> = strips
        .iter()
        .map(|strip| {
            let row = (strip.width() as usize).saturating_mul(usize::from(color.bytes_per_pixel()));
            (samples_of(strip, color), row)
        })
        .collect();
    for y in 0..expected as usize {
        for (strip, row) in &strips {
            let start = y.saturating_mul(*row);
            let end = start.saturating_add(*row);
            samples.extend_from_slice(strip.get(start..end).unwrap_or_default());
        }
    }
    from_samples(width, expected, samples, color).ok_or(StripError::TooWide)
}

fn samples_of(image: &DynamicImage, color: ColorType) -> Vec<u8> {
    match color {
        ColorType::L8 => image.to_luma8().into_raw(),
        ColorType::La8 => image.to_luma_alpha8().into_raw(),
        ColorType::Rgba8 => image.to_rgba8().into_raw(),
        _ => image.to_rgb8().into_raw(),
    }
}

/// A picture of 8-bit samples; absent where there are too few.
pub(super) fn from_samples(
    width: u32,
    height: u32,
    samples: Vec<u8>,
    color: ColorType,
) -> Option<DynamicImage> {
    Some(match color {
        ColorType::L8 => image::GrayImage::from_raw(width, height, samples)?.into(),
        ColorType::La8 => image::GrayAlphaImage::from_raw(width, height, samples)?.into(),
        ColorType::Rgba8 => image::RgbaImage::from_raw(width, height, samples)?.into(),
        _ => image::RgbImage::from_raw(width, height, samples)?.into(),
    })
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage};

    use super::*;
    use crate::picture::compare::pixels;

    fn picture(width: u32) -> DynamicImage {
        RgbImage::from_fn(width, 3, |x, y| {
            Rgb([x, y, 7].map(|value| (value & 0xff) as u8))
        })
        .into()
    }

    #[test]
    fn no_column_is_lost_at_any_width() {
        for width in 1..40 {
            for strips in 1..=width {
                let parts = split(&picture(width), strips).unwrap();
                assert_eq!(parts.len(), strips as usize);
                assert!(pixels(&merge(&parts).unwrap(), &picture(width)).equal());
            }
        }
        // The pipeline's own program: 257 columns became 128 and 129.
        let halves = split(&picture(257), 2).unwrap();
        assert_eq!((halves[0].width(), halves[1].width()), (128, 129));
    }

    #[test]
    fn colour_types_survive_or_meet() {
        for image in [
            DynamicImage::new_luma8(5, 4),
            DynamicImage::new_luma_a8(5, 4),
            DynamicImage::new_rgb8(5, 4),
            DynamicImage::new_rgba8(5, 4),
        ] {
            let merged = merge(&split(&image, 2).unwrap()).unwrap();
            assert_eq!(merged.color(), image.color());
        }
        let mixed = [DynamicImage::new_luma8(5, 4), DynamicImage::new_rgb16(2, 4)];
        let merged = merge(&mixed).unwrap();
        assert_eq!((merged.color(), merged.width()), (ColorType::Rgb8, 7));
        let mixed = [DynamicImage::new_luma8(5, 4), DynamicImage::new_rgba8(2, 4)];
        assert_eq!(merge(&mixed).unwrap().color(), ColorType::Rgba8);
    }

    #[test]
    fn what_cannot_be_done_says_why() {
        assert_eq!(
            split(&picture(2), 3).unwrap_err(),
            StripError::Count {
                width: 2,
                strips: 3
            }
        );
        assert_eq!(
            split(&picture(2), 0).unwrap_err(),
            StripError::Count {
                width: 2,
                strips: 0
            }
        );
        assert_eq!(merge(&[]).unwrap_err(), StripError::Nothing);
        let uneven = [DynamicImage::new_luma8(1, 4), DynamicImage::new_luma8(1, 5)];
        assert_eq!(
            merge(&uneven).unwrap_err().to_string(),
            "strip 1 is 5 rows high, the first is 4"
        );
    }
}
