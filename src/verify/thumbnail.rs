//! A small picture of what arrived, encoded afresh from pixels: what the network brought is not handed on as it is.

use image::codecs::jpeg::JpegEncoder;
use image::imageops;
use image::{Rgb, RgbImage};

use super::painting::{Area, Decoded, HATCH, OUTLINE};

/// Quality of the JPEG, of 100.
const QUALITY: u8 = 82;

/// A small picture, encoded afresh from pixels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Thumbnail {
    /// Its bytes: a JPEG.
    pub jpeg: Vec<u8>,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Rows of the whole picture that could be decoded, and how many it has, where that is not all of them.
    pub rows: Option<(u32, u32)>,
}

/// Makes one of at most `side` pixels each way: rows that could not be decoded are hatched, `damage` is outlined. Absent
/// where there are no pixels.
pub(crate) fn thumbnail(picture: &Decoded, damage: Option<Area>, side: u32) -> Option<Thumbnail> {
    let (width, height) = picture.pixels.dimensions();
    let longest = width.max(height);
    if width == 0 || height == 0 || side == 0 {
        return None;
    }
    let scaled = |length: u32| -> u32 {
        if longest <= side {
            return length;
        }
        let scaled = u64::from(length) * u64::from(side) / u64::from(longest);
        u32::try_from(scaled).unwrap_or(side)
    };
    let (small_width, small_height) = (scaled(width).max(1), scaled(height).max(1));
    let mut small = if longest <= side {
        picture.pixels.clone()
    } else {
        imageops::thumbnail(&picture.pixels, small_width, small_height)
    };
    let written = scaled(picture.rows);
    hatch(&mut small, written);
    if let Some((left, top, right, bottom)) = damage {
        let area = (scaled(left), scaled(top), scaled(right), scaled(bottom));
        outline(&mut small, area);
    }
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, QUALITY)
        .encode_image(&small)
        .ok()?;
    Some(Thumbnail {
        jpeg,
        width: small_width,
        height: small_height,
        rows: (picture.rows < height).then_some((picture.rows, height)),
    })
}

/// Hatches all rows from `first` on.
fn hatch(picture: &mut RgbImage, first: u32) {
    let [light, dark] = HATCH;
    for (x, y, pixel) in picture.enumerate_pixels_mut() {
        if y >= first {
            *pixel = if (x.wrapping_add(y) / 6).is_multiple_of(2) {
                light
            } else {
                dark
            };
        }
    }
}

/// Two pixels of red on a pixel of white around an area, as far as they lie within the picture.
fn outline(picture: &mut RgbImage, (left, top, right, bottom): Area) {
    let (width, height) = picture.dimensions();
    let (right, bottom) = (
        right.max(left.saturating_add(1)),
        bottom.max(top.saturating_add(1)),
    );
    for (inset, colour) in [(0_u32, OUTLINE), (1, OUTLINE), (2, Rgb([255, 255, 255]))] {
        let left = left.saturating_add(inset).min(width.saturating_sub(1));
        let top = top.saturating_add(inset).min(height.saturating_sub(1));
        let right = right
            .min(width)
            .saturating_sub(1)
            .saturating_sub(inset)
            .max(left);
        let bottom = bottom
            .min(height)
            .saturating_sub(1)
            .saturating_sub(inset)
            .max(top);
        let mut put = |x: u32, y: u32| {
            if let Some(pixel) = picture.get_pixel_mut_checked(x, y) {
                *pixel = colour;
            }
        };
        for x in left..=right {
            put(x, top);
            put(x, bottom);
        }
        for y in top..=bottom {
            put(left, y);
            put(right, y);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::painting::as_far_as_possible;

    fn picture(width: u32, height: u32) -> Vec<u8> {
        let image = RgbImage::from_fn(width, height, |x, y| {
            Rgb([x.to_le_bytes()[0], y.to_le_bytes()[0], 9])
        });
        let mut png = std::io::Cursor::new(Vec::new());
        image.write_to(&mut png, image::ImageFormat::Png).unwrap();
        png.into_inner()
    }

    #[test]
    fn fits_and_is_the_same_every_time() {
        let decoded = as_far_as_possible(&picture(800, 300), None).unwrap();
        let small = thumbnail(&decoded, None, 200).unwrap();
        assert_eq!((small.width, small.height, small.rows), (200, 75, None));
        assert_eq!(small, thumbnail(&decoded, None, 200).unwrap());
        let tiny = as_far_as_possible(&picture(3, 2), None).unwrap();
        let small = thumbnail(&tiny, Some((0, 0, 3, 2)), 200).unwrap();
        assert_eq!((small.width, small.height), (3, 2));
    }

    #[test]
    fn what_could_not_be_decoded_is_said() {
        let mut bytes = picture(64, 600);
        bytes.truncate(bytes.len() / 2);
        let decoded = as_far_as_possible(&bytes, None).unwrap();
        let small = thumbnail(&decoded, None, 100).unwrap();
        assert!(
            small.rows.is_some_and(|(rows, of)| rows < of && of == 600),
            "{:?}",
            small.rows
        );
    }
}
