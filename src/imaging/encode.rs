//! Encodes pictures in the formats that [`crate::picture`] walks.

use std::io::Cursor;

use image::codecs::gif::GifEncoder;
use image::{DynamicImage, ImageError};

use super::jpeg;
use crate::picture::{Format, image_format};

/// JPEG quality where nobody asks for another: Pillow's own default.
pub const DEFAULT_QUALITY: u8 = 75;

/// How fast GIF colours are chosen, 1 (best) to 30: speed suffices for demonstrations.
const GIF_SPEED: i32 = 10;

/// A picture cannot be encoded in a format.
#[derive(Debug, thiserror::Error)]
#[error("a picture of {width}×{height} pixels cannot be encoded as {format}")]
pub struct EncodeError {
    /// The format.
    pub format: Format,
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// What the encoder says.
    #[source]
    pub source: ImageError,
}

/// Encodes a picture. `quality` (1 to 100, others are moved there) is that of JPEG; the other formats ignore it: PNG, BMP
/// and WebP (as VP8L) lose nothing, GIF has its 256 colours.
///
/// Alpha is dropped where the format has none (JPEG), and depth above 8 bits where it has not (all but PNG).
///
/// # Errors
/// [`EncodeError`] where the format cannot hold a picture of this size (0 pixels, or too many in a row).
pub fn encode(image: &DynamicImage, format: Format, quality: u8) -> Result<Vec<u8>, EncodeError> {
    let mut bytes = Cursor::new(Vec::new());
    write(image, format, quality, &mut bytes).map_err(|source| EncodeError {
        format,
        width: image.width(),
        height: image.height(),
        source,
    })?;
    Ok(bytes.into_inner())
}

fn write(
    image: &DynamicImage,
    format: Format,
    quality: u8,
    bytes: &mut Cursor<Vec<u8>>,
) -> Result<(), ImageError> {
    let eight_bits = |image: &DynamicImage| -> DynamicImage {
        match (image.color().has_color(), image.color().has_alpha()) {
            (_, true) => image.to_rgba8().into(),
            (true, false) => image.to_rgb8().into(),
            (false, false) => image.to_luma8().into(),
        }
    };
    match format {
        Format::Jpeg => {
            *bytes.get_mut() = jpeg::encode(image, quality)?;
            Ok(())
        }
        Format::Gif => {
            let (width, height) = (image.width(), image.height());
            let mut encoder = GifEncoder::new_with_speed(bytes, GIF_SPEED);
            encoder.encode(
                image.to_rgba8().as_raw(),
                width,
                height,
                image::ExtendedColorType::Rgba8,
            )
        }
        Format::Png => image.write_to(bytes, image_format(format)),
        Format::WebP | Format::Bmp => eight_bits(image).write_to(bytes, image_format(format)),
    }
}

#[cfg(test)]
mod tests {
    use image::{Rgba, RgbaImage};

    use super::*;
    use crate::picture::compare::{pixels, quality};
    use crate::picture::{DecodeLimits, Status, Walker, decode};

    fn picture() -> DynamicImage {
        RgbaImage::from_fn(33, 21, |x, y| {
            Rgba([x * 7, y * 11, x * y, 255].map(|value| (value & 0xff) as u8))
        })
        .into()
    }

    #[test]
    fn what_is_encoded_is_whole_and_decodes_alike() {
        let sources = [
            picture(),
            picture().to_rgb8().into(),
            picture().to_luma8().into(),
            picture().to_luma_alpha8().into(),
            picture().to_rgb16().into(),
            picture().to_rgba16().into(),
        ];
        for image in sources {
            for format in [
                Format::Jpeg,
                Format::Png,
                Format::Gif,
                Format::WebP,
                Format::Bmp,
            ] {
                let bytes = encode(&image, format, 90).unwrap();
                let mut walker = Walker::new(format);
                walker.update(&bytes);
                let length = bytes.len() as u64;
                assert_eq!(walker.status(), Status::Whole { length }, "{format}");
                let decoded = decode(&bytes, &DecodeLimits::default()).unwrap();
                match format {
                    Format::Jpeg | Format::Gif => {
                        let psnr = quality(&image, &decoded).unwrap().psnr;
                        assert!(psnr.is_none_or(|psnr| psnr > 20.0), "{format} {psnr:?}");
                    }
                    _ => assert!(pixels(&image, &decoded).equal(), "{format}"),
                }
            }
        }
    }

    #[test]
    fn quality_matters_and_is_moved_into_its_range() {
        let sizes =
            [0, 1, 50, 100, 255].map(|q| encode(&picture(), Format::Jpeg, q).unwrap().len());
        assert_eq!((sizes[0], sizes[3]), (sizes[1], sizes[4]));
        assert!(sizes[1] < sizes[2] && sizes[2] < sizes[3]);
    }

    #[test]
    fn what_a_format_cannot_hold_is_an_error() {
        for format in [Format::Jpeg, Format::Gif] {
            let error = encode(&DynamicImage::new_rgb8(70_000, 1), format, 75).unwrap_err();
            assert!(error.to_string().contains("70000×1"), "{error}");
        }
    }
}
