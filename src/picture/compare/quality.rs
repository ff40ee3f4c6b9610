//! How alike two pictures of one size look: PSNR and SSIM.

use std::collections::VecDeque;

use image::DynamicImage;

/// How alike two pictures look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Quality {
    /// Mean squared error of red, green and blue, in squares of 8-bit steps; 0 where they are equal.
    pub mean_squared_error: f64,
    /// Peak signal-to-noise ratio in dB for a peak of 255; absent where nothing differs: it is infinite then.
    pub psnr: Option<f64>,
    /// Mean structural similarity of luma, at most 1 (equal).
    pub ssim: f64,
}

/// Two pictures cannot be likened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum QualityError {
    /// Their sizes differ.
    #[error("pictures of {}×{} and {}×{} pixels cannot be likened", expected.0, expected.1, found.0, found.1)]
    Sizes {
        /// Width and height of one.
        expected: (u32, u32),
        /// Width and height of the other.
        found: (u32, u32),
    },
    /// There is no pixel.
    #[error("pictures without pixels cannot be likened")]
    NoPixels,
}

/// Likens two decoded pictures of one size, as 8-bit RGB (alpha left out).
///
/// SSIM is that of Wang, Bovik, Sheikh and Simoncelli, "Image Quality Assessment: From Error Visibility to Structural
/// Similarity" (2004): luma, Gaussian windows of 11×11 with σ = 1.5, K1 = 0.01, K2 = 0.03, L = 255, the mean over all
/// windows that lie inside the picture. In a picture narrower or lower than 11 the window shrinks to it.
///
/// # Errors
/// [`QualityError`] where the sizes differ or there are no pixels.
pub(crate) fn quality(
    expected: &DynamicImage,
    found: &DynamicImage,
) -> Result<Quality, QualityError> {
    let (expected, found) = (expected.to_rgb8(), found.to_rgb8());
    if expected.dimensions() != found.dimensions() {
        return Err(QualityError::Sizes {
            expected: expected.dimensions(),
            found: found.dimensions(),
        });
    }
    let (width, height) = expected.dimensions();
    if width == 0 || height == 0 {
        return Err(QualityError::NoPixels);
    }
    let mean_squared_error = mean_squared_error(expected.as_raw(), found.as_raw());
    let psnr =
        (mean_squared_error > 0.0).then(|| 10.0 * (255.0 * 255.0 / mean_squared_error).log10());
    Ok(Quality {
        mean_squared_error,
        psnr,
        ssim: ssim(expected.as_raw(), found.as_raw(), width, height),
    })
}

#[expect(
    clippy::cast_precision_loss,
    reason = "sums of pictures that fit in memory stay below 2^53"
)]
fn mean_squared_error(left: &[u8], right: &[u8]) -> f64 {
    let squares = left.iter().zip(right).map(|(&left, &right)| {
        let difference = u64::from(left.abs_diff(right));
        difference.wrapping_mul(difference)
    });
    squares.sum::<u64>() as f64 / left.len() as f64
}

const WINDOW: u32 = 11;
const SIGMA: f64 = 1.5;
const C1: f64 = (0.01 * 255.0) * (0.01 * 255.0);
const C2: f64 = (0.03 * 255.0) * (0.03 * 255.0);

/// Weighted sums in one window: of x, y, x², y² and xy.
type Moments = [f64; 5];

/// Rows are filtered along first and kept as long as a window needs them, so that memory grows with the width only.
#[expect(
    clippy::cast_precision_loss,
    reason = "a number of windows in memory is below 2^53"
)]
fn ssim(left: &[u8], right: &[u8], width: u32, height: u32) -> f64 {
    let across = gaussian(width.min(WINDOW));
    let down = gaussian(height.min(WINDOW));
    let row_bytes = (width as usize).saturating_mul(3).max(3);
    let rows = left
        .chunks_exact(row_bytes)
        .zip(right.chunks_exact(row_bytes));
    let mut waiting: VecDeque<Vec<Moments>> = VecDeque::new();
    let (mut sum, mut windows) = (0.0, 0u64);
    for (left, right) in rows {
        let mut row = if waiting.len() == down.len() {
            waiting.pop_front().unwrap_or_default()
        } else {
            Vec::new()
        };
        filter_row(left, right, &across, &mut row);
        waiting.push_back(row);
        if waiting.len() < down.len() {
            continue;
        }
        let columns = waiting.front().map_or(0, Vec::len);
        let mut totals = vec![Moments::default(); columns];
        for (weight, row) in down.iter().zip(&waiting) {
            for (total, moments) in totals.iter_mut().zip(row) {
                add(total, *weight, moments);
            }
        }
        sum += totals.iter().map(similarity).sum::<f64>();
        windows = windows.saturating_add(totals.len() as u64);
    }
    sum / windows as f64
}

fn filter_row(left: &[u8], right: &[u8], weights: &[f64], row: &mut Vec<Moments>) {
    let moments: Vec<Moments> = left
        .chunks_exact(3)
        .zip(right.chunks_exact(3))
        .map(|(left, right)| {
            let (x, y) = (luma(left), luma(right));
            [x, y, x * x, y * y, x * y]
        })
        .collect();
    row.clear();
    row.extend(moments.windows(weights.len().max(1)).map(|window| {
        let mut total = Moments::default();
        for (weight, moments) in weights.iter().zip(window) {
            add(&mut total, *weight, moments);
        }
        total
    }));
}

fn add(total: &mut Moments, weight: f64, moments: &Moments) {
    for (total, moment) in total.iter_mut().zip(moments) {
        *total += weight * moment;
    }
}

/// ITU-R BT.601.
fn luma(pixel: &[u8]) -> f64 {
    let weights = [0.299, 0.587, 0.114];
    let weighted = pixel.iter().zip(weights);
    weighted
        .map(|(&sample, weight)| f64::from(sample) * weight)
        .sum()
}

fn similarity(&[x, y, xx, yy, xy]: &Moments) -> f64 {
    let (variance_x, variance_y, covariance) = (xx - x * x, yy - y * y, xy - x * y);
    ((2.0 * x * y + C1) * (2.0 * covariance + C2))
        / ((x * x + y * y + C1) * (variance_x + variance_y + C2))
}

/// `size` weights that add up to 1.
fn gaussian(size: u32) -> Vec<f64> {
    let middle = f64::from(size.saturating_sub(1)) / 2.0;
    let weight = |at: u32| (-(f64::from(at) - middle).powi(2) / (2.0 * SIGMA * SIGMA)).exp();
    let sum: f64 = (0..size).map(weight).sum();
    (0..size).map(|at| weight(at) / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{DecodeLimits, decode, fixtures};

    fn fixture(bytes: &[u8]) -> DynamicImage {
        decode(bytes, &DecodeLimits::default()).unwrap()
    }

    #[test]
    fn equal_pictures_are_1_and_infinite() {
        let image = fixture(fixtures::PROGRESSIVE_JPG);
        let quality = quality(&image, &image).unwrap();
        assert_eq!((quality.mean_squared_error, quality.psnr), (0.0, None));
        assert!((quality.ssim - 1.0).abs() < 1e-12);
    }

    #[test]
    fn agrees_with_scikit_image() {
        // scikit-image: structural_similarity of BT.601 luma as floats with gaussian_weights=True, sigma=1.5,
        // use_sample_covariance=False, data_range=255; peak_signal_noise_ratio of RGB.
        let (left, right) = (
            fixture(fixtures::LOSSLESS_WEBP),
            fixture(fixtures::PALETTE_PNG),
        );
        let quality = quality(&left, &right).unwrap();
        assert!(
            (quality.psnr.unwrap() - 17.399_060_140_470_553).abs() < 1e-9,
            "{quality:?}"
        );
        assert!(
            (quality.ssim - 0.806_748_763_377_277_5).abs() < 1e-9,
            "{quality:?}"
        );
    }

    #[test]
    fn sizes_have_to_agree() {
        let (left, right) = (fixture(fixtures::LOSSY_WEBP), fixture(fixtures::RGB_BMP));
        assert_eq!(
            quality(&left, &right).unwrap_err().to_string(),
            "pictures of 50×39 and 21×9 pixels cannot be likened"
        );
    }

    #[test]
    fn small_pictures_have_a_smaller_window() {
        let image =
            |value| DynamicImage::from(image::GrayImage::from_pixel(3, 2, image::Luma([value])));
        let quality = quality(&image(100), &image(110)).unwrap();
        assert!((quality.mean_squared_error - 100.0).abs() < 1e-9);
        assert!((quality.psnr.unwrap() - 28.130_803_608_679_1).abs() < 1e-9);
        // Without variance only the means count: (2·100·110 + C1) / (100² + 110² + C1).
        assert!((quality.ssim - 22_006.502_5 / 22_106.502_5).abs() < 1e-9);
    }
}
