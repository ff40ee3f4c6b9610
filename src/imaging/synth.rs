//! Photo-like pictures made up from a seed: the same seed and size give the same picture on every machine.
//!
//! A sky with clouds over hills, a sun, houses with windows and a sign with something like writing, under a little grain.
//! All of it is integer arithmetic.

use image::{DynamicImage, Rgb, RgbImage};

use super::encode::{EncodeError, encode};
use crate::picture::Format;

/// JPEG quality of made-up pictures, a camera's rather than an encoder's default.
const QUALITY: u8 = 85;
const THUMBNAIL_QUALITY: u8 = 60;
/// Longer side of a thumbnail in pixels, as cameras have it.
const THUMBNAIL_SIDE: u32 = 160;

/// Makes up a picture and encodes it.
///
/// # Errors
/// [`EncodeError`] where the format cannot hold a picture of this size.
pub fn picture(seed: u64, width: u32, height: u32, format: Format) -> Result<Vec<u8>, EncodeError> {
    encode(&paint(seed, width, height).into(), format, QUALITY)
}

/// Makes up a JPEG as a camera writes it: an EXIF APP1 segment right behind SOI, whose IFD1 holds a thumbnail that is a JPEG
/// with its own SOI and EOI (EXIF 2.32, 4.5.2 and 4.5.8).
///
/// # Errors
/// [`EncodeError`] where a JPEG cannot hold a picture of this size.
pub fn jpeg_with_thumbnail(seed: u64, width: u32, height: u32) -> Result<Vec<u8>, EncodeError> {
    let image = DynamicImage::from(paint(seed, width, height));
    let picture = encode(&image, Format::Jpeg, QUALITY)?;
    let small = image.thumbnail(THUMBNAIL_SIDE, THUMBNAIL_SIDE);
    let thumbnail = encode(&small, Format::Jpeg, THUMBNAIL_QUALITY)?;
    let (soi, rest) = picture.split_at(picture.len().min(2));
    Ok([soi, &exif(&thumbnail), rest].concat())
}

/// APP1 with IFD0 (orientation) and IFD1 (a thumbnail in JPEG). A thumbnail of 160×160 pixels fits into its 64 KiB; empty were it not so.
fn exif(thumbnail: &[u8]) -> Vec<u8> {
    const SHORT: u16 = 3;
    const LONG: u16 = 4;
    const IFD1: u32 = 8 + 2 + 12 + 4;
    const THUMBNAIL: u32 = IFD1 + 2 + 3 * 12 + 4;
    let entry = |tag: u16, kind: u16, value: u32| {
        let one = 1u32.to_le_bytes();
        [
            &tag.to_le_bytes()[..],
            &kind.to_le_bytes(),
            &one,
            &value.to_le_bytes(),
        ]
        .concat()
    };
    let Ok(length) = u32::try_from(thumbnail.len()) else {
        return Vec::new();
    };
    let body = [
        &b"Exif\0\0II\x2a\0\x08\0\0\0"[..],
        &1u16.to_le_bytes(),
        &entry(0x0112, SHORT, 1),
        &IFD1.to_le_bytes(),
        &3u16.to_le_bytes(),
        &entry(0x0103, SHORT, 6),
        &entry(0x0201, LONG, THUMBNAIL),
        &entry(0x0202, LONG, length),
        &0u32.to_le_bytes(),
        thumbnail,
    ]
    .concat();
    match u16::try_from(body.len().saturating_add(2)) {
        Ok(length) => [&[0xff, 0xe1][..], &length.to_be_bytes(), &body].concat(),
        Err(_) => Vec::new(),
    }
}

/// Makes up a picture, meant for up to 2^16 pixels a side.
pub fn paint(seed: u64, width: u32, height: u32) -> RgbImage {
    let scene = Scene::new(seed, width, height);
    RgbImage::from_fn(width, height, |x, y| Rgb(scene.colour(x, y)))
}

type Colour = [u8; 3];

struct Scene {
    noise: Noise,
    width: u32,
    height: u32,
    sky: [Colour; 2],
    ground: [Colour; 2],
    sun: (u32, u32, u32),
    houses: Vec<House>,
    sign: Area,
}

struct House {
    walls: Area,
    colour: Colour,
    /// Pixels from window to window.
    window: u32,
}

#[derive(Clone, Copy)]
struct Area {
    left: u32,
    top: u32,
    width: u32,
    height: u32,
}

impl Area {
    /// Where a pixel is inside it; absent outside.
    fn inside(&self, x: u32, y: u32) -> Option<(u32, u32)> {
        let (x, y) = (x.checked_sub(self.left)?, y.checked_sub(self.top)?);
        (x < self.width && y < self.height).then_some((x, y))
    }
}

impl Scene {
    fn new(seed: u64, width: u32, height: u32) -> Self {
        let mut random = Random::new(seed);
        let mut colour = |low: [u32; 3], spread: u32| {
            low.map(|low| byte(low.saturating_add(random.below(spread))))
        };
        let sky = [colour([30, 70, 130], 50), colour([170, 180, 190], 60)];
        let ground = [colour([40, 60, 20], 50), colour([120, 130, 60], 60)];
        let colours: Vec<Colour> = (0..5).map(|_| colour([90, 60, 50], 140)).collect();
        let sun = (
            random.below(width),
            random.below(height / 3 + 1),
            width.min(height) / 14 + 1,
        );
        let houses = colours
            .into_iter()
            .map(|colour| {
                let (wide, high) = (
                    width / 12 + random.below(width / 10 + 1),
                    height / 8 + random.below(height / 5 + 1),
                );
                House {
                    walls: Area {
                        left: random.below(width),
                        top: (height - height / 3 + random.below(height / 8 + 1))
                            .saturating_sub(high),
                        width: wide,
                        height: high,
                    },
                    colour,
                    window: (wide / (3 + random.below(4))).max(3),
                }
            })
            .collect();
        let sign = Area {
            left: random.below(width / 2 + 1),
            top: height - height / 4 + random.below(height / 20 + 1),
            width: width / 3,
            height: height / 6,
        };
        Self {
            noise: Noise(random.next()),
            width,
            height,
            sky,
            ground,
            sun,
            houses,
            sign,
        }
    }

    fn colour(&self, x: u32, y: u32) -> Colour {
        let painted = self
            .sign(x, y)
            .or_else(|| self.house(x, y))
            .unwrap_or_else(|| self.landscape(x, y));
        let grain = self.noise.at(x, y) % 9;
        painted.map(|sample| byte((u32::from(sample) + grain).saturating_sub(4)))
    }

    fn landscape(&self, x: u32, y: u32) -> Colour {
        let height = self.height.max(1);
        let hills = self.noise.smooth(x, 0, self.width / 5 + 2)
            + self.noise.smooth(x, 1000, self.width / 17 + 2) / 4;
        let horizon = height / 2 + hills * (height / 4) / 320;
        if y >= horizon {
            let texture = self.noise.fractal(x, y, height / 12 + 2);
            let mottled = mix(self.ground, texture);
            return mix([mottled, self.ground[0]], (y - horizon) * 160 / height);
        }
        let sky = mix(self.sky, y * 255 / horizon.max(1));
        let (sun_x, sun_y, radius) = self.sun;
        let distance = x
            .abs_diff(sun_x)
            .saturating_pow(2)
            .saturating_add(y.abs_diff(sun_y).saturating_pow(2));
        if distance < radius.saturating_pow(2) {
            return [255, 240, 190];
        }
        let clouds = self.noise.fractal(x, y.saturating_mul(2), height / 4 + 2);
        mix([sky, [240, 240, 245]], clouds.saturating_sub(110) * 2)
    }

    fn house(&self, x: u32, y: u32) -> Option<Colour> {
        let (house, (x, y)) = self
            .houses
            .iter()
            .rev()
            .find_map(|house| Some((house, house.walls.inside(x, y)?)))?;
        let (across, down) = (x % house.window, y % house.window);
        let frame = house.window / 3;
        Some(if across > frame && down > frame {
            let lit = self
                .noise
                .at(x / house.window, y / house.window)
                .is_multiple_of(5);
            if lit { [250, 220, 120] } else { [40, 50, 70] }
        } else {
            mix(
                [house.colour, [30, 25, 20]],
                y * 90 / house.walls.height.max(1),
            )
        })
    }

    /// A white board with rows of strokes, sharp as writing is.
    fn sign(&self, x: u32, y: u32) -> Option<Colour> {
        let (x, y) = self.sign.inside(x, y)?;
        let (letter, row) = (x / 6, y / 10);
        let strokes = self.noise.at(letter, row + 7000);
        let blank = strokes.is_multiple_of(6) || y % 10 > 6 || x % 6 > 4;
        let ink = match (x % 6, y % 10) {
            (0, _) => strokes & 0x100 != 0,
            (4, _) => strokes & 0x200 != 0,
            (_, 0) => strokes & 0x400 != 0,
            (_, 3) => strokes & 0x800 != 0,
            (_, 6) => strokes & 0x1000 != 0,
            (2, _) => strokes & 0x2000 != 0,
            _ => false,
        };
        Some(if ink && !blank {
            [20, 20, 25]
        } else {
            [235, 232, 225]
        })
    }
}

/// From the first colour (0) to the second (255).
fn mix([from, to]: [Colour; 2], share: u32) -> Colour {
    let share = share.min(255);
    let mut mixed = from;
    for (from, to) in mixed.iter_mut().zip(to) {
        let sum = u32::from(*from) * (255 - share) + u32::from(to) * share;
        *from = byte(sum / 255);
    }
    mixed
}

fn byte(value: u32) -> u8 {
    u8::try_from(value).unwrap_or(u8::MAX)
}

/// Numbers fixed by place and seed.
struct Noise(u64);

impl Noise {
    /// A number from 0 to 2^16 − 1.
    fn at(&self, x: u32, y: u32) -> u32 {
        let place = u64::from(x) << 32 | u64::from(y);
        let mut bits = (place ^ self.0).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        bits = (bits ^ bits >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        u32::try_from(bits >> 48).unwrap_or(0)
    }

    /// From 0 to 255, smooth between the corners of cells `cell` pixels wide and high.
    fn smooth(&self, x: u32, y: u32, cell: u32) -> u32 {
        let cell = cell.max(1);
        let (column, row) = (x / cell, y / cell);
        let ease = |part: u32| {
            let t = part * 256 / cell;
            t * t / 256 * (768 - 2 * t) / 256
        };
        let (right, down) = (ease(x % cell), ease(y % cell));
        let corner = |dx, dy| self.at(column.wrapping_add(dx), row.wrapping_add(dy)) >> 8;
        let between = |from: u32, to: u32, share: u32| (from * (256 - share) + to * share) / 256;
        let upper = between(corner(0, 0), corner(1, 0), right);
        let lower = between(corner(0, 1), corner(1, 1), right);
        between(upper, lower, down).min(255)
    }

    /// From 0 to 255: cells, and finer ones in them.
    fn fractal(&self, x: u32, y: u32, cell: u32) -> u32 {
        let octaves = [(cell, 4), (cell / 2, 2), (cell / 5, 1), (2, 1)];
        let sum: u32 = octaves
            .iter()
            .map(|&(cell, weight)| self.smooth(x, y, cell) * weight)
            .sum();
        sum / 8
    }
}

/// xorshift64 (Marsaglia 2003).
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `end`; 0 where `end` is 0.
    fn below(&mut self, end: u32) -> u32 {
        let number = self.next() >> 32;
        u32::try_from(number % u64::from(end.max(1))).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{Sniff, Status, Walker, decode, sniff};

    const FORMATS: [Format; 5] = [
        Format::Jpeg,
        Format::Png,
        Format::Gif,
        Format::WebP,
        Format::Bmp,
    ];

    fn whole(format: Format, bytes: &[u8]) -> Walker {
        assert_eq!(sniff(bytes), Sniff::Is(format));
        let mut walker = Walker::new(format);
        walker.update(bytes);
        let length = bytes.len() as u64;
        assert_eq!(walker.status(), Status::Whole { length }, "{format}");
        walker
    }

    #[test]
    fn every_format_is_whole_and_of_the_size_asked_for() {
        for (index, format) in FORMATS.into_iter().enumerate() {
            let bytes = picture(index as u64, 97, 61, format).unwrap();
            let info = whole(format, &bytes).info();
            assert_eq!((info.width, info.height), (Some(97), Some(61)));
        }
    }

    #[test]
    fn any_size_can_be_painted() {
        for width in [0, 1, 2, 3, 16, 300] {
            for height in [0, 1, 2, 5, 40] {
                assert_eq!(paint(3, width, height).dimensions(), (width, height));
            }
        }
    }

    /// CRC-32 of the pixels of seed 1, 64×48.
    const PAINTED: u32 = 129_361_630;

    #[test]
    fn the_same_seed_gives_the_same_picture_for_ever() {
        let digest = |seed| crc32fast::hash(paint(seed, 64, 48).as_raw());
        assert_eq!(digest(1), digest(1));
        assert_ne!(digest(1), digest(2));
        assert_eq!(digest(1), PAINTED, "captures and demonstrations rely on it");
    }

    #[test]
    fn a_jpeg_of_640_by_480_has_a_photograph_s_size() {
        for seed in 0..4 {
            let bytes = picture(seed, 640, 480, Format::Jpeg).unwrap();
            assert!(
                (60_000..150_000).contains(&bytes.len()),
                "seed {seed}: {}",
                bytes.len()
            );
        }
    }

    #[test]
    fn a_thumbnail_has_its_own_start_and_end() {
        let bytes = jpeg_with_thumbnail(5, 300, 220).unwrap();
        let info = whole(Format::Jpeg, &bytes).info();
        assert!(info.thumbnail);
        assert_eq!((info.width, info.height), (Some(300), Some(220)));
        let plain = picture(5, 300, 220, Format::Jpeg).unwrap();
        assert!(bytes.ends_with(&plain[2..]));
        // SOI, APP1 marker and length, Exif, TIFF, IFD0, IFD1, then the thumbnail up to the segment's end.
        let start = 2 + 4 + 6 + 8 + 18 + 42;
        let end = 4 + usize::from(u16::from_be_bytes([bytes[4], bytes[5]]));
        let thumbnail = &bytes[start..end];
        let info = whole(Format::Jpeg, thumbnail).info();
        assert_eq!((info.width, info.height), (Some(160), Some(117)));
        decode(&bytes, &crate::picture::DecodeLimits::default()).unwrap();
    }
}
