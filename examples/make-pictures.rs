//! Makes the small pictures that `captures/make` sends: `photo.jpg`, `chart.png` and `thumbnail.jpg`, a JPEG with
//! EXIF data that hold a smaller JPEG. The same program makes the same bytes.
//!
//! ```text
//! cargo run --example make-pictures -- DIR
//! ```

#![expect(clippy::disallowed_methods, reason = "a program that writes files")]

use std::io;
use std::path::PathBuf;

use clap::Parser;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder, ImageError, Rgb, RgbImage};

#[derive(Parser)]
#[command(about = "Makes the small pictures that captures/make sends")]
struct Arguments {
    /// Where to write them.
    folder: PathBuf,
}

fn main() -> Result<(), ImageError> {
    let folder = Arguments::parse().folder;
    let photo = jpeg(&landscape(240, 180), 85)?;
    std::fs::write(folder.join("photo.jpg"), &photo)?;
    std::fs::write(folder.join("chart.png"), png(&landscape(150, 110))?)?;
    let small = jpeg(&landscape(48, 36), 70)?;
    let with_thumbnail = insert_thumbnail(&photo, &small)?;
    std::fs::write(folder.join("thumbnail.jpg"), with_thumbnail)?;
    Ok(())
}

/// Something like a photograph: a sky that gets lighter, hills, and grain that keeps encoders honest.
fn landscape(width: u32, height: u32) -> RgbImage {
    let mut state = 0x2545_F491_u32;
    RgbImage::from_fn(width, height, |x, y| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        let grain = state % 24;
        let across = x * 255 / width;
        let down = y * 255 / height;
        let hill = 110 + (across * (255 - across)) / 220 + (across / 16 % 2) * 8;
        let colour = if down < hill {
            [60 + down / 2, 110 + down / 2, 190 + down / 8]
        } else {
            [40 + across / 4, 90 + (255 - down) / 3, 30 + grain]
        };
        Rgb(colour.map(|value| u8::try_from(value + grain).unwrap_or(u8::MAX)))
    })
}

fn jpeg(picture: &RgbImage, quality: u8) -> Result<Vec<u8>, ImageError> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(picture)?;
    Ok(bytes)
}

fn png(picture: &RgbImage) -> Result<Vec<u8>, ImageError> {
    let mut bytes = Vec::new();
    PngEncoder::new(&mut bytes).write_image(
        picture,
        picture.width(),
        picture.height(),
        ExtendedColorType::Rgb8,
    )?;
    Ok(bytes)
}

/// Puts EXIF data with a thumbnail right after SOI (Exif 2.32, 4.5.4 and 4.6: IFD0 without entries, IFD1 with
/// compression, offset and length of the thumbnail).
fn insert_thumbnail(picture: &[u8], thumbnail: &[u8]) -> io::Result<Vec<u8>> {
    let too_long = |_| io::Error::other("the thumbnail does not fit an APP1 segment");
    let thumbnail_length = u32::try_from(thumbnail.len()).map_err(too_long)?;
    let mut tiff = b"MM\0*\0\0\0\x08".to_vec();
    tiff.extend(0_u16.to_be_bytes()); // IFD0: no entries,
    tiff.extend(14_u32.to_be_bytes()); // IFD1 follows
    tiff.extend(3_u16.to_be_bytes());
    for (tag, kind, value) in [
        (0x0103_u16, 3_u16, 6_u32 << 16), // Compression, SHORT: JPEG
        (0x0201, 4, 56),                  // JPEGInterchangeFormat, LONG: offset
        (0x0202, 4, thumbnail_length),    // JPEGInterchangeFormatLength, LONG
    ] {
        tiff.extend(tag.to_be_bytes());
        tiff.extend(kind.to_be_bytes());
        tiff.extend(1_u32.to_be_bytes());
        tiff.extend(value.to_be_bytes());
    }
    tiff.extend(0_u32.to_be_bytes()); // no IFD2; 56 bytes so far
    tiff.extend(thumbnail);

    let (start, rest) = picture
        .split_at_checked(2)
        .ok_or_else(|| io::Error::other("a JPEG has more than two bytes"))?;
    let mut whole = start.to_vec();
    whole.extend([0xFF, 0xE1]); // APP1
    let length = u16::try_from(tiff.len() + 8)
        .map_err(|_| io::Error::other("the thumbnail does not fit an APP1 segment"))?;
    whole.extend(length.to_be_bytes());
    whole.extend(b"Exif\0\0");
    whole.extend(tiff);
    whole.extend(rest);
    Ok(whole)
}
