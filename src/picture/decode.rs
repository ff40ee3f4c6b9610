//! Turns a whole picture into pixels, within limits that its headers are held to before anything is allocated.

use crate::units::count;
use std::io::Cursor;

use image::metadata::Orientation;
use image::{DynamicImage, ImageBuffer, ImageDecoder, ImageFormat, ImageReader, Limits, Pixel};

use super::{Format, SNIFF_BYTES, Sniff, jpeg, sniff};

/// How large a picture may be to be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeLimits {
    /// Pixels in a row, at most.
    pub width: u32,
    /// Rows, at most.
    pub height: u32,
    /// Bytes of the decoded pixels, at most, and of what the decoder allocates beside them.
    pub bytes: u64,
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self {
            width: 32_768,
            height: 32_768,
            bytes: 256 << 20,
        }
    }
}

/// Why a picture was not decoded.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// No format known here begins so.
    #[error("not a JPEG, PNG, GIF, WebP or BMP picture by its first bytes")]
    Unknown,
    /// Its headers ask for more than the limits allow.
    #[error(
        "{format} of {width}×{height} pixels takes {} bytes decoded; the limits are {}×{} pixels and {} bytes",
        count(*bytes), limits.width, limits.height, count(limits.bytes)
    )]
    TooLarge {
        /// The format.
        format: Format,
        /// Pixels in a row.
        width: u32,
        /// Rows.
        height: u32,
        /// Bytes decoded.
        bytes: u64,
        /// The limits in force.
        limits: DecodeLimits,
    },
    /// The decoder gave it up.
    #[error("{format} cannot be decoded")]
    Broken {
        /// The format.
        format: Format,
        /// What the decoder says.
        #[source]
        source: image::ImageError,
    },
}

/// Decodes a picture (of an animation the first image), by the format that its first bytes tell.
///
/// The pixels of most JPEGs are exactly those that libjpeg makes of them (Pillow, OpenCV); of those in unusual forms (CMYK, colours at
/// odd sizes, cut short) they may differ from them by a few levels.
///
/// That a picture decodes does not prove it whole: a JPEG cut short decodes to grey rows. Whether it is whole is for
/// [`super::Walker`] to say.
///
/// # Errors
/// [`DecodeError`]: unknown format, larger than the limits, or refused by the decoder.
pub fn decode(bytes: &[u8], limits: &DecodeLimits) -> Result<DynamicImage, DecodeError> {
    let head = bytes.get(..SNIFF_BYTES).unwrap_or(bytes);
    let Sniff::Is(format) = sniff(head) else {
        return Err(DecodeError::Unknown);
    };
    if format == Format::Jpeg
        && let Some(image) = jpeg::decode(bytes, limits)
    {
        return Ok(image);
    }
    let broken = |source| DecodeError::Broken { format, source };
    let mut reader = ImageReader::with_format(Cursor::new(bytes), image_format(format));
    let mut allowed = Limits::default();
    allowed.max_alloc = Some(limits.bytes);
    reader.limits(allowed);
    let decoder = reader.into_decoder().map_err(broken)?;
    let (width, height) = decoder.dimensions();
    let total = decoder.total_bytes();
    if width > limits.width || height > limits.height || total > limits.bytes {
        return Err(DecodeError::TooLarge {
            format,
            width,
            height,
            bytes: total,
            limits: *limits,
        });
    }
    DynamicImage::from_decoder(decoder).map_err(broken)
}

/// A picture in 8 bits a sample: of 16 the upper ones, as Pillow and OpenCV read such files.
pub fn eight_bits(image: &DynamicImage) -> DynamicImage {
    /// The upper byte of each sample.
    fn upper<P, Q>(pixels: &ImageBuffer<P, Vec<u16>>) -> Option<ImageBuffer<Q, Vec<u8>>>
    where
        P: Pixel<Subpixel = u16>,
        Q: Pixel<Subpixel = u8>,
    {
        let samples = pixels.as_raw().iter();
        let samples = samples
            .map(|sample| sample.to_be_bytes())
            .map(|[high, _]| high);
        ImageBuffer::from_raw(pixels.width(), pixels.height(), samples.collect())
    }
    let made = match image {
        DynamicImage::ImageLuma16(pixels) => upper(pixels).map(DynamicImage::ImageLuma8),
        DynamicImage::ImageLumaA16(pixels) => upper(pixels).map(DynamicImage::ImageLumaA8),
        DynamicImage::ImageRgb16(pixels) => upper(pixels).map(DynamicImage::ImageRgb8),
        DynamicImage::ImageRgba16(pixels) => upper(pixels).map(DynamicImage::ImageRgba8),
        _ => None,
    };
    made.unwrap_or_else(|| {
        let color = image.color();
        match (color.has_color(), color.has_alpha()) {
            (true, true) => image.to_rgba8().into(),
            (true, false) => image.to_rgb8().into(),
            (false, true) => image.to_luma_alpha8().into(),
            (false, false) => image.to_luma8().into(),
        }
    })
}

/// How a picture file says that its pixels have to be turned to stand upright (EXIF 2.32, tag 0x0112); nothing is turned
/// where it says nothing.
pub fn orientation(bytes: &[u8]) -> Orientation {
    let head = bytes.get(..SNIFF_BYTES).unwrap_or(bytes);
    let Sniff::Is(format) = sniff(head) else {
        return Orientation::NoTransforms;
    };
    let reader = ImageReader::with_format(Cursor::new(bytes), image_format(format));
    reader
        .into_decoder()
        .and_then(|mut decoder| decoder.orientation())
        .unwrap_or(Orientation::NoTransforms)
}

/// The `image` crate's name of a format.
pub(crate) fn image_format(format: Format) -> ImageFormat {
    match format {
        Format::Jpeg => ImageFormat::Jpeg,
        Format::Png => ImageFormat::Png,
        Format::Gif => ImageFormat::Gif,
        Format::WebP => ImageFormat::WebP,
        Format::Bmp => ImageFormat::Bmp,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::fixtures;

    #[test]
    fn every_fixture_decodes_to_its_dimensions() {
        for (format, bytes) in fixtures::all() {
            if bytes == fixtures::ARITHMETIC_JPG {
                continue; // Arithmetic coding: walked, not decoded.
            }
            let mut walker = crate::picture::Walker::new(format);
            walker.update(&bytes);
            let info = walker.info();
            let image = decode(&bytes, &DecodeLimits::default()).unwrap();
            assert_eq!(
                (info.width, info.height),
                (Some(image.width()), Some(image.height()))
            );
        }
    }

    #[test]
    fn the_orientation_is_that_of_the_exif_segment() {
        let upright = crate::imaging::synth::jpeg_with_thumbnail(1, 40, 30).unwrap();
        assert_eq!(orientation(&upright), Orientation::NoTransforms);
        let mut turned = upright;
        let entry = [0x12, 0x01, 3, 0, 1, 0, 0, 0, 1, 0];
        let at = memchr::memmem::find(&turned, &entry).unwrap();
        turned[at + 8] = 6;
        assert_eq!(orientation(&turned), Orientation::Rotate90);
        assert_eq!(orientation(b"no picture"), Orientation::NoTransforms);
    }

    #[test]
    fn of_16_bits_the_upper_8_are_taken() {
        let deep = ImageBuffer::from_fn(2, 1, |x, _| {
            image::Rgb([0xff00, 0x80ff, u16::try_from(x).unwrap()])
        });
        let flat = eight_bits(&DynamicImage::ImageRgb16(deep));
        assert_eq!(flat.as_bytes(), [255, 128, 0, 255, 128, 0]);
    }

    #[test]
    fn changed_and_cut_pictures_never_panic_nor_pass_the_limits() {
        let limits = DecodeLimits {
            bytes: 1 << 20,
            ..DecodeLimits::default()
        };
        for (_, picture) in fixtures::all() {
            for index in (0..picture.len()).step_by(7) {
                let mut changed = picture.clone();
                changed[index] ^= 0xff;
                for bytes in [&changed[..], &picture[..index]] {
                    if let Ok(image) = decode(bytes, &limits) {
                        assert!(image.as_bytes().len() as u64 <= limits.bytes);
                    }
                }
            }
        }
    }

    #[test]
    fn headers_that_ask_for_too_much_are_refused_before_anything_is_allocated() {
        for (index, limits) in [
            DecodeLimits {
                width: 49,
                ..DecodeLimits::default()
            },
            DecodeLimits {
                height: 38,
                ..DecodeLimits::default()
            },
            DecodeLimits {
                bytes: 50 * 39 * 3 - 1,
                ..DecodeLimits::default()
            },
        ]
        .into_iter()
        .enumerate()
        {
            let error = decode(fixtures::PROGRESSIVE_JPG, &limits).unwrap_err();
            assert!(
                matches!(error, DecodeError::TooLarge { width: 50, .. }),
                "{index}: {error}"
            );
        }
        // A bitmap of 2^31 − 1 pixels a row, in 54 bytes.
        let mut huge = fixtures::RGB_BMP[..54].to_vec();
        huge[18..22].copy_from_slice(&i32::MAX.to_le_bytes());
        decode(&huge, &DecodeLimits::default()).unwrap_err();
        assert!(matches!(
            decode(b"%IMAGE_COMPLETED%", &DecodeLimits::default()),
            Err(DecodeError::Unknown)
        ));
    }
}
