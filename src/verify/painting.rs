//! The damage picture: what was expected beside what was found, the area that differs outlined in both.
//!
//! A damaged picture is decoded as far as its decoder goes; where it gives no pixels, the area is hatched, never filled
//! with something that looks like a picture.

use std::io::Cursor;

use image::{ColorType, ImageDecoder, ImageReader, Limits, Rgb, RgbImage};

use super::likeness;
use crate::picture::{DecodeLimits, SNIFF_BYTES, Sniff, Status, Walker, image_format, sniff};

/// Pixels between the two pictures, and around them.
const SPACE: u32 = 8;
const GROUND: Rgb<u8> = Rgb([48, 48, 52]);
pub(super) const HATCH: [Rgb<u8>; 2] = [Rgb([120, 120, 126]), Rgb([92, 92, 98])];
pub(super) const OUTLINE: Rgb<u8> = Rgb([230, 20, 40]);
/// What a decoder did not write is known by it.
const UNWRITTEN: u8 = 0x80;

/// Pixels as far as they could be decoded.
#[derive(Debug, Clone)]
pub(crate) struct Decoded {
    pub(super) pixels: RgbImage,
    /// Rows from the top that the decoder wrote.
    pub(super) rows: u32,
}

/// An area of pixels: left, top, right, bottom, the last two not of it.
pub(crate) type Area = (u32, u32, u32, u32);

impl Decoded {
    /// Pixels in a row.
    pub(crate) fn width(&self) -> u32 {
        self.pixels.width()
    }

    /// The pixels; those below [`Self::rows`] are none of the picture.
    pub(crate) fn pixels(&self) -> &RgbImage {
        &self.pixels
    }

    /// Rows from the top that could be decoded.
    pub(crate) fn rows(&self) -> u32 {
        self.rows
    }
}

/// Decodes as much as can be; `raw_width` for rows of BGR24. Absent where not even the size can be told.
pub(crate) fn as_far_as_possible(bytes: &[u8], raw_width: Option<u32>) -> Option<Decoded> {
    if raw_width.is_some() {
        let pixels = likeness::decoded(bytes, raw_width)?.into_rgb8();
        return Some(Decoded {
            rows: pixels.height(),
            pixels,
        });
    }
    let Sniff::Is(format) = sniff(bytes.get(..SNIFF_BYTES).unwrap_or(bytes)) else {
        return None;
    };
    let limits = DecodeLimits::default();
    let mut reader = ImageReader::with_format(Cursor::new(bytes), image_format(format));
    let mut allowed = Limits::default();
    allowed.max_alloc = Some(limits.bytes);
    reader.limits(allowed);
    let decoder = reader.into_decoder().ok()?;
    let (width, height) = decoder.dimensions();
    let (colour, total) = (decoder.color_type(), decoder.total_bytes());
    if width == 0 || width > limits.width || height > limits.height || total > limits.bytes {
        return None;
    }
    let mut samples = vec![UNWRITTEN; usize::try_from(total).ok()?];
    // What it wrote before it gave up is there all the same.
    let outcome = decoder.read_image(&mut samples);
    let pixels = RgbImage::from_raw(width, height, rgb(&samples, colour)?)?;
    let mut walker = Walker::new(format);
    walker.update(bytes);
    // Of a JPEG cut short the decoder makes the rest grey, which is that very value.
    let rows = match (outcome, walker.status()) {
        (Ok(()), Status::Whole { .. }) => height,
        _ => height.saturating_sub(unwritten_rows(&pixels)),
    };
    Some(Decoded { pixels, rows })
}

fn unwritten_rows(pixels: &RgbImage) -> u32 {
    let rows = pixels.rows().rev();
    let unwritten = rows.take_while(|row| {
        row.clone()
            .all(|pixel| pixel.0.iter().all(|&sample| sample == UNWRITTEN))
    });
    u32::try_from(unwritten.count()).unwrap_or(u32::MAX)
}

/// Samples of any colour type as RGB of 8 bits.
fn rgb(samples: &[u8], colour: ColorType) -> Option<Vec<u8>> {
    let deep: Vec<u8>;
    let (samples, channels) = match colour {
        ColorType::L8 | ColorType::La8 | ColorType::Rgb8 | ColorType::Rgba8 => {
            (samples, usize::from(colour.channel_count()))
        }
        ColorType::L16 | ColorType::La16 | ColorType::Rgb16 | ColorType::Rgba16 => {
            deep = samples
                .chunks_exact(2)
                .filter_map(|two| <[u8; 2]>::try_from(two).ok())
                .filter_map(|two| u8::try_from(u16::from_ne_bytes(two) >> 8).ok())
                .collect();
            (deep.as_slice(), usize::from(colour.channel_count()))
        }
        _ => return None,
    };
    let mut rgb = Vec::with_capacity(samples.len());
    for pixel in samples.chunks_exact(channels.max(1)) {
        match pixel {
            [r, g, b] | [r, g, b, _] => rgb.extend_from_slice(&[*r, *g, *b]),
            [l] | [l, _] => rgb.extend_from_slice(&[*l, *l, *l]),
            _ => return None,
        }
    }
    Some(rgb)
}

/// The area in which they differ. None where they do not.
pub(crate) fn area(expected: &Decoded, found: Option<&Decoded>) -> Option<Area> {
    let (width, height) = expected.pixels.dimensions();
    let Some(found) = found else {
        return Some((0, 0, width, height));
    };
    let mut area: Option<Area> = None;
    let mut add = |x: u32, y: u32| {
        let (right, bottom) = (x.saturating_add(1), y.saturating_add(1));
        area = Some(match area {
            None => (x, y, right, bottom),
            Some((l, t, r, b)) => (l.min(x), t.min(y), r.max(right), b.max(bottom)),
        });
    };
    for (x, y, pixel) in expected.pixels.enumerate_pixels() {
        let there = (y < found.rows)
            .then(|| found.pixels.get_pixel_checked(x, y))
            .flatten();
        if there != Some(pixel) {
            add(x, y);
        }
    }
    area
}

/// Paints the expected picture on the left, the found one on the right, and outlines what differs.
///
/// Returns the painting, and the first and the last row that differ; absent where every pixel is equal.
pub(crate) fn paint(expected: &Decoded, found: Option<&Decoded>) -> (RgbImage, Option<(u32, u32)>) {
    let (width, height) = expected.pixels.dimensions();
    let (found_width, found_height) =
        found.map_or((width, height), |found| found.pixels.dimensions());
    let right_width = width.max(found_width);
    let tall = height.max(found_height);
    let total = width
        .saturating_add(right_width)
        .saturating_add(SPACE.saturating_mul(3));
    let mut canvas =
        RgbImage::from_pixel(total, tall.saturating_add(SPACE.saturating_mul(2)), GROUND);
    let right = width.saturating_add(SPACE.saturating_mul(2));
    put(&mut canvas, expected, SPACE);
    hatch(&mut canvas, right, right_width, tall);
    if let Some(found) = found {
        put(&mut canvas, found, right);
    }
    let area = area(expected, found);
    if let Some(area) = area {
        outline(&mut canvas, area, SPACE);
        outline(&mut canvas, area, right);
    }
    (
        canvas,
        area.map(|(_, top, _, bottom)| (top, bottom.saturating_sub(1))),
    )
}

fn put(canvas: &mut RgbImage, picture: &Decoded, left: u32) {
    for (x, y, pixel) in picture.pixels.enumerate_pixels() {
        if y < picture.rows
            && let Some(place) =
                canvas.get_pixel_mut_checked(left.saturating_add(x), SPACE.saturating_add(y))
        {
            *place = *pixel;
        }
    }
}

fn hatch(canvas: &mut RgbImage, left: u32, width: u32, height: u32) {
    for y in 0..height {
        for x in 0..width {
            let [light, dark] = HATCH;
            let stripe = if (x.wrapping_add(y) / 6).is_multiple_of(2) {
                light
            } else {
                dark
            };
            let (x, y) = (left.saturating_add(x), SPACE.saturating_add(y));
            if let Some(place) = canvas.get_pixel_mut_checked(x, y) {
                *place = stripe;
            }
        }
    }
}

/// A frame of two pixels around an area, within the ground.
fn outline(canvas: &mut RgbImage, (left, top, right, bottom): Area, at: u32) {
    let (left, right) = (
        left.saturating_add(at).saturating_sub(2),
        right.saturating_add(at).saturating_add(1),
    );
    let (top, bottom) = (
        top.saturating_add(SPACE).saturating_sub(2),
        bottom.saturating_add(SPACE).saturating_add(1),
    );
    for y in top..=bottom {
        for x in left..=right {
            let edge = x < left.saturating_add(2)
                || x.saturating_add(2) > right
                || y < top.saturating_add(2)
                || y.saturating_add(2) > bottom;
            if edge && let Some(place) = canvas.get_pixel_mut_checked(x, y) {
                *place = OUTLINE;
            }
        }
    }
}
