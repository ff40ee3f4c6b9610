use std::io::Cursor;

use image::{DynamicImage, ImageFormat, RgbImage};
use proptest::prelude::*;

use super::*;

/// Length taken, status and info after the pieces were fed.
fn walk<'a>(format: Format, pieces: impl IntoIterator<Item = &'a [u8]>) -> (usize, Walker) {
    let mut walker = Walker::new(format);
    let mut taken = 0;
    for piece in pieces {
        let used = walker.update(piece);
        taken += used;
        assert!(used == piece.len() || walker.status() != Status::Walking);
    }
    assert_eq!(walker.position(), taken as u64);
    (taken, walker)
}

fn status(format: Format, bytes: &[u8]) -> Status {
    walk(format, [bytes]).1.status()
}

/// What [`status`] breaks with, as a person reads it.
fn broken(format: Format, bytes: &[u8]) -> (u64, String) {
    match status(format, bytes) {
        Status::Broken { at, reason } => (at, reason.to_string()),
        other => panic!("{other}"),
    }
}

fn pixels(width: u32, height: u32) -> DynamicImage {
    RgbImage::from_fn(width, height, |x, y| {
        let noise = x
            .wrapping_mul(2_654_435_761)
            .wrapping_add(y.wrapping_mul(40_503))
            >> 3;
        image::Rgb([x, y, noise].map(|value| (value & 0xff) as u8))
    })
    .into()
}

fn encode(format: ImageFormat, width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    pixels(width, height).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// Pictures of every format, small enough to be walked many times.
fn pictures() -> Vec<(Format, Vec<u8>)> {
    let mut all = vec![
        (Format::Jpeg, encode(ImageFormat::Jpeg, 23, 17)),
        (Format::Png, encode(ImageFormat::Png, 23, 17)),
        (Format::Gif, encode(ImageFormat::Gif, 23, 17)),
        (Format::WebP, encode(ImageFormat::WebP, 23, 17)),
        (Format::Bmp, encode(ImageFormat::Bmp, 23, 17)),
        (Format::Jpeg, jpeg()),
        (Format::Gif, GIF.to_vec()),
        (Format::Bmp, bmp(40, 2, -2, 24, 0, 0)),
        (Format::WebP, webp(b"VP8 ", VP8_KEY_FRAME)),
        (
            Format::Png,
            png(&[(b"IHDR", IHDR_1X1), (b"IDAT", b"x"), (b"IEND", b"")]),
        ),
    ];
    all.extend(crate::picture::fixtures::all());
    all
}

#[test]
fn every_encoder_s_picture_ends_exactly_at_its_end() {
    for (format, picture) in pictures() {
        let whole = Status::Whole {
            length: picture.len() as u64,
        };
        assert_eq!(status(format, &picture), whole, "{format}");
        assert!(matches!(
            crate::picture::sniff(&picture),
            crate::picture::Sniff::Is(found) if found == format
        ));
        let mut followed = picture.clone();
        followed.extend_from_slice(&picture);
        followed.extend_from_slice(b"%IMAGE_COMPLETED%");
        let (taken, walker) = walk(format, [&followed[..]]);
        assert_eq!(walker.status(), whole, "{format} followed by itself");
        assert_eq!(taken, picture.len());
    }
}

#[test]
fn dimensions_are_the_encoder_s() {
    for (format, encoder) in [
        (Format::Jpeg, ImageFormat::Jpeg),
        (Format::Png, ImageFormat::Png),
        (Format::Gif, ImageFormat::Gif),
        (Format::WebP, ImageFormat::WebP),
        (Format::Bmp, ImageFormat::Bmp),
    ] {
        let info = walk(format, [&encode(encoder, 301, 7)[..]]).1.info();
        assert_eq!((info.width, info.height), (Some(301), Some(7)), "{format}");
        assert_eq!((info.format, info.frames, info.missing), (format, 1, 0));
        assert!(!info.uncertain && !info.animated && !info.thumbnail);
    }
}

#[test]
fn fixtures_tell_what_they_are() {
    use crate::picture::fixtures as f;
    let info = |format, bytes: &[u8]| walk(format, [bytes]).1.info();
    for (jpeg, progressive, scans, thumbnail) in [
        (f::PROGRESSIVE_JPG, true, 10, false),
        (f::RESTART_JPG, false, 1, false),
        (f::GRAY_JPG, false, 1, false),
        (f::EXIF_THUMBNAIL_JPG, false, 1, true),
        (f::MULTI_SCAN_JPG, false, 3, false),
        (f::PROGRESSIVE_RESTART_JPG, true, 6, false),
        (f::ARITHMETIC_JPG, false, 1, false),
    ] {
        let info = info(Format::Jpeg, jpeg);
        assert_eq!((info.width, info.height), (Some(50), Some(39)));
        assert_eq!((info.progressive, info.scans), (Some(progressive), scans));
        assert_eq!(info.thumbnail, thumbnail);
    }
    let adam7 = info(Format::Png, f::ADAM7_PNG);
    assert_eq!((adam7.width, adam7.interlaced), (Some(9), Some(true)));
    for (format, animation) in [
        (Format::Png, f::ANIMATED_PNG),
        (Format::Gif, f::ANIMATED_GIF),
        (Format::WebP, f::ANIMATED_WEBP),
    ] {
        let info = info(format, animation);
        assert_eq!((info.animated, info.frames), (true, 3), "{format}");
        assert_eq!((info.width, info.height), (Some(20), Some(15)), "{format}");
    }
    for webp in [f::LOSSY_WEBP, f::LOSSLESS_WEBP, f::ALPHA_WEBP] {
        let info = info(Format::WebP, webp);
        assert_eq!((info.width, info.height), (Some(50), Some(39)));
        assert_eq!((info.animated, info.frames), (false, 1));
    }
    for bmp in [f::RGB_BMP, f::PALETTE_BMP, f::MONO_BMP] {
        let info = info(Format::Bmp, bmp);
        assert_eq!((info.width, info.height), (Some(21), Some(9)));
        assert_eq!(info.declared, Some(bmp.len() as u64));
    }
}

#[test]
fn no_strict_prefix_is_whole_and_all_say_what_they_wait_for() {
    for (format, picture) in pictures() {
        let mut walker = Walker::new(format);
        for (index, byte) in picture.iter().enumerate() {
            assert_eq!(walker.status(), Status::Walking, "{format} at {index}");
            let awaited = walker.awaited().unwrap();
            let left = (picture.len() - index) as u64;
            assert!(
                (1..=left).contains(&awaited.bytes),
                "{format} at {index} of {}: {awaited}",
                picture.len()
            );
            assert_eq!(walker.update(std::slice::from_ref(byte)), 1);
        }
        assert!(walker.awaited().is_none());
        assert_eq!(walker.update(b"more"), 0);
    }
}

#[test]
fn one_changed_byte_never_panics_nor_depends_on_the_pieces() {
    for (format, picture) in pictures() {
        let step = (picture.len() / 300).max(1);
        for index in (0..picture.len()).step_by(step) {
            for flip in [0x01, 0x80, 0xff] {
                let mut picture = picture.clone();
                picture[index] ^= flip;
                let (taken, whole) = walk(format, [&picture[..]]);
                let (taken_single, single) = walk(format, picture.chunks(1));
                assert_eq!(taken, taken_single, "{format}, byte {index}");
                assert_eq!(whole.status(), single.status(), "{format}, byte {index}");
                assert_eq!(whole.info(), single.info(), "{format}, byte {index}");
                if let Status::Broken { at, .. } = whole.status() {
                    assert!(at <= taken as u64);
                }
            }
        }
    }
}

/// One way to feed a picture: bytes, or so many missing.
fn feed(walker: &mut Walker, mut bytes: &[u8], cuts: &[(u16, bool)]) -> u64 {
    let mut taken = 0;
    for &(length, missing) in cuts {
        let (piece, rest) = bytes.split_at(usize::from(length).min(bytes.len()));
        bytes = rest;
        taken += if missing {
            walker.gap(piece.len() as u64)
        } else {
            walker.update(piece) as u64
        };
    }
    taken + walker.update(bytes) as u64
}

proptest! {
    #[test]
    fn pieces_do_not_matter(
        which in 0usize..64,
        cuts in proptest::collection::vec((0u16..200, Just(false)), 0..40),
        tail in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let pictures = pictures();
        let (format, mut bytes) = pictures[which % pictures.len()].clone();
        bytes.extend(tail);
        let (taken, whole) = walk(format, [&bytes[..]]);
        let mut split = Walker::new(format);
        prop_assert_eq!(feed(&mut split, &bytes, &cuts), taken as u64);
        prop_assert_eq!(split.status(), whole.status());
        prop_assert_eq!(split.info(), whole.info());
    }

    /// A gap said in one or in two, and the bytes around it in any pieces: the same walk.
    #[test]
    fn gaps_do_not_depend_on_the_pieces(
        which in 0usize..64,
        before in 0u16..600,
        gap in 1u16..400,
        part in 0u16..400,
        piece in 1usize..50,
    ) {
        let pictures = pictures();
        let (format, bytes) = pictures[which % pictures.len()].clone();
        let part = part.min(gap);
        let mut once = Walker::new(format);
        let taken = feed(&mut once, &bytes, &[(before, false), (gap, true)]);
        let mut cuts: Vec<_> = bytes[..usize::from(before).min(bytes.len())]
            .chunks(piece)
            .map(|piece| (u16::try_from(piece.len()).unwrap(), false))
            .collect();
        cuts.extend([(part, true), (gap - part, true), (1, false), (3, false)]);
        let mut twice = Walker::new(format);
        prop_assert_eq!(feed(&mut twice, &bytes, &cuts), taken);
        prop_assert_eq!(once.status(), twice.status());
        prop_assert_eq!(once.info(), twice.info());
        prop_assert_eq!(once.position(), taken);
        if let Status::Whole { length } = once.status() {
            prop_assert!(once.info().uncertain || length == bytes.len() as u64);
        }
    }

    #[test]
    fn rubbish_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400), gap in any::<u64>()) {
        for format in [Format::Jpeg, Format::Png, Format::Gif, Format::WebP, Format::Bmp] {
            let head: &[u8] = match format {
                Format::Jpeg => b"\xff\xd8\xff",
                Format::Png => b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR",
                Format::Gif => b"GIF89a",
                Format::WebP => b"RIFF\xff\xff\xff\xffWEBPVP8X",
                Format::Bmp => b"BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0",
            };
            for head in [b"", head] {
                let mut walker = Walker::new(format);
                walker.update(head);
                walker.update(&bytes);
                walker.gap(gap);
                walker.update(&bytes);
                walker.gap(u64::MAX);
                walker.update(&bytes);
                let _ = (walker.status().to_string(), walker.info());
            }
        }
    }
}

// JPEG: ITU-T T.81, annex B. Segments of one component, 8×8 pixels; the entropy-coded bytes are none of a real
// picture, since a walker does not look at them.
const SOF: &[u8] = b"\xff\xc0\0\x0b\x08\0\x08\0\x08\x01\x01\x11\0";
const SOS: &[u8] = b"\xff\xda\0\x08\x01\x01\0\0\x3f\0";
/// DRI with an interval of 1 (B.2.4.4).
const DRI: &[u8] = b"\xff\xdd\0\x04\0\x01";

/// SOI, APP1 that holds another JPEG's SOI and EOI, fill bytes (B.1.1.2), a frame, restart markers, stuffed bytes, two scans, EOI.
fn jpeg() -> Vec<u8> {
    [
        b"\xff\xd8",
        &b"\xff\xe1\0\x0a\xff\xd8\xff\xd9\xff\xd8\xff\xd9"[..],
        b"\xff\xff\xff\xfe\0\x04hi",
        SOF,
        DRI,
        SOS,
        b"ab\xff\0\xff\xd0cd\xff\xd1\xff\xff\xd2e\xff\0\xff\0",
        SOS,
        b"\xff\xd0f\xff\xff\xd9",
    ]
    .concat()
}

#[test]
fn jpeg_scans_restarts_and_fill_bytes() {
    let info = walk(Format::Jpeg, [&jpeg()[..]]).1.info();
    assert_eq!((info.width, info.height), (Some(8), Some(8)));
    assert_eq!((info.scans, info.progressive), (2, Some(false)));
    assert!(!info.thumbnail, "the APP1 segment is not EXIF");
}

#[test]
fn jpeg_height_by_dnl() {
    // T.81, B.2.5: DNL follows the first scan, and the frame header says 0 lines.
    let frame = b"\xff\xc0\0\x0b\x08\0\0\0\x08\x01\x01\x11\0";
    let head = [b"\xff\xd8", &frame[..], SOS, b"data"].concat();
    let whole = [&head[..], b"\xff\xdc\0\x04\0\x30\xff\xd9"].concat();
    let (taken, walker) = walk(Format::Jpeg, [&whole[..]]);
    assert_eq!(taken, whole.len());
    assert_eq!(walker.info().height, Some(48));
    let (at, why) = broken(Format::Jpeg, &[&head[..], b"\xff\xd9"].concat());
    assert_eq!(at, head.len() as u64);
    assert_eq!(why, "the header says 8×0 pixels, and neither may be 0");
}

#[test]
fn jpeg_breaks_say_where_and_why() {
    let start = [b"\xff\xd8", SOF, SOS].concat();
    let restarts = [b"\xff\xd8", SOF, DRI, SOS].concat();
    for (bytes, at, why) in [
        (&b"\xff\xd7"[..], 0, "it does not begin as a JPEG file does"),
        (
            b"\xff\xd8\xff\xe0\0\x01",
            2,
            "segment of marker ffe0 says that it is 1 bytes long",
        ),
        (
            b"\xff\xd8\xff\xe0\0\x03xy",
            7,
            "expected a marker (ff), found 79",
        ),
        (b"\xff\xd8\xff\xd9", 2, "ends before any picture data"),
        (b"\xff\xd8\xff\xda", 2, "marker ffda must not stand here"),
        (
            b"\xff\xd8\xff\xc0\0\x0b\x08\0\x08\0\0\x01\x01\x11\0",
            2,
            "8 pixels, and neither may be 0",
        ),
        (
            b"\xff\xd8\xff\xc0\0\x0c\x08\0\x08\0\x08\x01\x01\x11\0",
            2,
            "12 bytes long",
        ),
        (
            &[&start[..], b"ab\xff\xd8"].concat(),
            27,
            "another one begins",
        ),
        (
            &[&start[..], b"ab\xff\xd0"].concat(),
            27,
            "marker ffd0 must not stand here",
        ),
        (
            &[&start[..], b"ab\xff\x4f"].concat(),
            27,
            "marker ff4f must not stand here",
        ),
        (
            &[&restarts[..], b"\xff\xd0a\xff\xd2"].concat(),
            34,
            "restart marker 2 where 1 is due",
        ),
    ] {
        let (found_at, found) = broken(Format::Jpeg, bytes);
        assert_eq!(found_at, at, "{found}");
        assert!(found.contains(why), "{found}");
    }
}

#[test]
fn jpeg_gaps() {
    let picture = jpeg();
    // In a segment: its length covers the gap, though EOI and SOI are in it.
    let mut walker = Walker::new(Format::Jpeg);
    assert_eq!(
        feed(&mut walker, &picture, &[(8, false), (6, true)]),
        picture.len() as u64
    );
    assert!(matches!(walker.status(), Status::Whole { .. }));
    assert_eq!((walker.info().uncertain, walker.info().missing), (false, 6));
    // In picture data: restart markers may be missing, and the end is likely only.
    let data = picture.windows(2).position(|pair| pair == b"ab").unwrap();
    let mut walker = Walker::new(Format::Jpeg);
    let cuts = [(u16::try_from(data).unwrap(), false), (7, true)];
    assert_eq!(feed(&mut walker, &picture, &cuts), picture.len() as u64);
    assert!(matches!(walker.status(), Status::Whole { .. }));
    assert!(walker.info().uncertain);
    // The gap swallows the end, and another picture follows: it is told from this one.
    let mut walker = Walker::new(Format::Jpeg);
    walker.update(&picture[..data + 3]);
    walker.gap(100);
    walker.update(&picture);
    let at = data as u64 + 103;
    let reason = Break::StartInside;
    assert_eq!(walker.status(), Status::Broken { at, reason });
}

// PNG (third edition), section 5.3.
const IHDR_1X1: &[u8] = b"\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0";

fn png(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    for (name, data) in chunks {
        bytes.extend(u32::try_from(data.len()).unwrap().to_be_bytes());
        let start = bytes.len();
        bytes.extend_from_slice(*name);
        bytes.extend_from_slice(data);
        bytes.extend(crc32fast::hash(&bytes[start..]).to_be_bytes());
    }
    bytes
}

#[test]
fn png_by_hand_is_whole() {
    // The CRC of the last chunk is that of section 5.3's table of real files: ae 42 60 82.
    let bytes = png(&[(b"IHDR", IHDR_1X1), (b"IDAT", b"x"), (b"IEND", b"")]);
    assert_eq!(bytes[bytes.len() - 12..], *b"\0\0\0\0IEND\xae\x42\x60\x82");
    let info = walk(Format::Png, [&bytes[..]]).1.info();
    assert_eq!((info.width, info.interlaced), (Some(1), Some(false)));
}

#[test]
fn png_breaks_say_where_and_why() {
    let ihdr = (b"IHDR", IHDR_1X1);
    let idat: (&[u8; 4], &[u8]) = (b"IDAT", b"x");
    let mut bad = png(&[ihdr, (b"IDAT", b"abcdefgh"), (b"IEND", b"")]);
    bad[45] ^= 1;
    let (at, why) = broken(Format::Png, &bad);
    assert_eq!(at, 33);
    assert!(why.starts_with("the CRC of chunk IDAT is "), "{why}");
    let mut bad = png(&[ihdr]);
    bad[19] ^= 1;
    let (at, why) = broken(Format::Png, &bad);
    assert_eq!(at, 8);
    assert!(why.starts_with("the CRC of chunk IHDR is "), "{why}");
    for (bytes, at, why) in [
        (
            b"\x89PNG\n\x1a\n\0".to_vec(),
            0,
            "does not begin as a PNG file does",
        ),
        (png(&[idat]), 8, "chunk IDAT must not stand here"),
        (png(&[ihdr, ihdr]), 33, "chunk IHDR must not stand here"),
        (
            png(&[ihdr, (b"IEND", b"")]),
            33,
            "ends before any picture data",
        ),
        (
            png(&[ihdr, idat, (b"tEXt", b""), idat]),
            58,
            "chunk IDAT must not stand here",
        ),
        (
            png(&[ihdr, idat, (b"IEND", b"x")]),
            46,
            "chunk IEND says that it is 1 bytes long",
        ),
        (png(&[ihdr, (b"ID\0T", b"x")]), 33, "found \"ID\\x00T\""),
        (
            png(&[(b"IHDR", b"\0\0\0\0\0\0\0\x01\x08\x02\0\0\0")]),
            8,
            "0×1 pixels",
        ),
        (
            png(&[(b"IHDR", b"\0\0\0\x01\0\0\0\x01\x03\x02\0\0\0")]),
            8,
            "bit depth and colour type is 770",
        ),
        (
            png(&[(b"IHDR", b"\0\0\0\x01\0\0\0\x01\x08\x02\0\0\x02")]),
            8,
            "interlace method is 2",
        ),
    ] {
        let (found_at, found) = broken(Format::Png, &bytes);
        assert_eq!(found_at, at, "{found}");
        assert!(found.contains(why), "{found}");
    }
}

#[test]
fn png_gaps() {
    let bytes = png(&[(b"IHDR", IHDR_1X1), (b"IDAT", &[7; 50]), (b"IEND", b"")]);
    // Inside the data, over its CRC, inside IHDR, inside the last CRC: the lengths still lead to the end.
    for (before, gap) in [(45, 20), (80, 15), (20, 10), (bytes.len() - 2, 2)] {
        let mut walker = Walker::new(Format::Png);
        let cuts = [(u16::try_from(before).unwrap(), false), (gap, true)];
        assert_eq!(feed(&mut walker, &bytes, &cuts), bytes.len() as u64);
        assert!(matches!(walker.status(), Status::Whole { .. }), "{before}");
        assert!(!walker.info().uncertain, "{before}");
        assert_eq!(walker.info().missing, u64::from(gap));
    }
    // A chunk's header is lost: the last chunk, known byte by byte, ends it, likely.
    let mut walker = Walker::new(Format::Png);
    let cuts = [(30, false), (20, true)];
    assert_eq!(feed(&mut walker, &bytes, &cuts), bytes.len() as u64);
    assert!(matches!(walker.status(), Status::Whole { .. }));
    assert!(walker.info().uncertain);
}

/// `GIF89a`: 10×10, a global table of 4 colours, a graphic control extension, one image.
const GIF: &[u8] = b"GIF89a\x0a\0\x0a\0\x91\0\0\xff\xff\xff\xff\0\0\0\0\xff\0\0\0\
\x21\xf9\x04\0\0\0\0\0\x2c\0\0\0\0\x0a\0\x0a\0\0\x02\x16\x8c\x2d\x99\x87\x2a\x1c\xdc\x33\xa0\x02\x75\xec\x95\xfa\xa8\
\xde\x60\x8c\x04\x91\x4c\x01\0\x3b";

#[test]
fn gif_animation_tables_and_breaks() {
    let table_and_image = b"\x2c\0\0\0\0\x01\0\x01\0\xc0abcdef\x02\x01x\0";
    let bytes = [
        b"GIF87a\x01\0\x01\0\0\0\0",
        &table_and_image[..],
        table_and_image,
        b";",
    ]
    .concat();
    let (taken, walker) = walk(Format::Gif, [&bytes[..]]);
    assert_eq!(taken, bytes.len());
    let info = walker.info();
    assert_eq!(
        (info.animated, info.frames, info.interlaced),
        (true, 2, Some(true))
    );
    assert_eq!(
        broken(Format::Gif, b"GIF88a").1,
        "it does not begin as a GIF file does"
    );
    let (at, why) = broken(Format::Gif, b"GIF87a\x01\0\x01\0\0\0\0\x2e");
    assert_eq!((at, why.contains("found 2e")), (13, true), "{why}");
    let (at, why) = broken(
        Format::Gif,
        b"GIF87a\x01\0\x01\0\0\0\0\x2c\0\0\0\0\x01\0\x01\0\0\x0d",
    );
    assert_eq!(
        (at, why.contains("LZW code size is 13")),
        (23, true),
        "{why}"
    );
}

#[test]
fn gif_gap_in_a_sub_block_is_covered_and_elsewhere_loses_the_end() {
    let mut walker = Walker::new(Format::Gif);
    assert_eq!(
        feed(&mut walker, GIF, &[(48, false), (10, true)]),
        GIF.len() as u64
    );
    assert!(matches!(walker.status(), Status::Whole { .. }));
    assert!(!walker.info().uncertain);
    let mut walker = Walker::new(Format::Gif);
    feed(&mut walker, GIF, &[(30, false), (10, true)]);
    assert_eq!(walker.status(), Status::Walking);
    assert_eq!(walker.awaited().unwrap().element, Element::Lost);
    assert!(walker.info().uncertain);
}

/// RFC 6386, section 9.1: a key frame's tag, start code, 5×3 pixels (scales in the two highest bits); then one byte.
const VP8_KEY_FRAME: &[u8] = b"\x30\x01\0\x9d\x01\x2a\x05\x40\x03\x80z";

fn webp(name: &[u8], payload: &[u8]) -> Vec<u8> {
    let size = u32::try_from(payload.len()).unwrap();
    let padding = &[0][..payload.len() % 2];
    let riff = (12 + size + size % 2).to_le_bytes();
    [
        b"RIFF",
        &riff[..],
        b"WEBP",
        name,
        &size.to_le_bytes(),
        payload,
        padding,
    ]
    .concat()
}

#[test]
fn webp_dimensions_in_all_three_forms() {
    // RFC 9649: section 2.5 (VP8), 2.6 and 3.4 (VP8L), 2.7 (VP8X, here with its animation flag and one frame).
    let lossy = webp(b"VP8 ", VP8_KEY_FRAME);
    let lossless = webp(
        b"VP8L",
        &[&[0x2f][..], &(4u32 | 2 << 14).to_le_bytes(), b"z"].concat(),
    );
    let extended = webp(
        b"VP8X",
        &[&b"\x02\0\0\0\x04\0\0\x02\0\0ANMF\x10\0\0\0"[..], &[0; 16]].concat(),
    );
    let mut extended = extended;
    extended[16..20].copy_from_slice(&10u32.to_le_bytes());
    for (bytes, animated) in [(lossy, false), (lossless, false), (extended, true)] {
        let (taken, walker) = walk(Format::WebP, [&bytes[..]]);
        let length = bytes.len() as u64;
        assert_eq!(
            (taken, walker.status()),
            (bytes.len(), Status::Whole { length })
        );
        let info = walker.info();
        assert_eq!((info.width, info.height), (Some(5), Some(3)));
        assert_eq!((info.animated, info.declared), (animated, Some(length)));
    }
}

#[test]
fn webp_odd_length_is_padded_and_gaps_are_covered() {
    let mut odd = webp(b"VP8 ", VP8_KEY_FRAME);
    odd[4] -= 1;
    let (taken, walker) = walk(Format::WebP, [&odd[..]]);
    assert_eq!(
        (taken, walker.info().declared),
        (odd.len(), Some(odd.len() as u64 - 1))
    );
    assert!(matches!(walker.status(), Status::Whole { .. }));
    for (before, gap) in [(13, 4), (22, 5), (31, 200)] {
        let mut walker = Walker::new(Format::WebP);
        walker.update(&odd[..before]);
        let missing = walker.gap(gap);
        walker.update(&odd[before + usize::try_from(missing).unwrap()..]);
        assert_eq!(
            walker.status(),
            Status::Whole {
                length: odd.len() as u64
            }
        );
        assert!(!walker.info().uncertain);
    }
}

#[test]
fn webp_breaks_say_where_and_why() {
    for (bytes, at, why) in [
        (
            b"RIFF\x20\0\0\0WAVE".to_vec(),
            0,
            "does not begin as a WebP file does",
        ),
        (
            webp(b"ALPH", b"0123456789"),
            12,
            "chunk ALPH must not stand here",
        ),
        (
            webp(b"VP8 ", b"12345678"),
            12,
            "chunk VP8  says that it is 8 bytes long",
        ),
        (
            webp(b"VP8 ", b"\x30\x01\0\x9d\x01\x2b\x05\0\x03\0"),
            20,
            "bit stream",
        ),
        (
            webp(b"VP8 ", b"\x30\x01\0\x9d\x01\x2a\0\0\x03\0"),
            20,
            "0×3 pixels",
        ),
        (
            webp(b"VP8X", b"\0\0\0\0\x04\0\0\x02\0\0"),
            30,
            "ends before any picture data",
        ),
    ] {
        let (found_at, found) = broken(Format::WebP, &bytes);
        assert_eq!(found_at, at, "{found}");
        assert!(found.contains(why), "{found}");
    }
    let mut long = webp(b"VP8 ", VP8_KEY_FRAME);
    long[16] = 13;
    let (at, why) = broken(Format::WebP, &long);
    assert_eq!((at, why.contains("13 bytes long")), (12, true), "{why}");
}

/// BITMAPFILEHEADER, a DIB header of `header` bytes, rows of zeros. A `declared` of 0 is replaced by the true length.
fn bmp(header: u32, width: i32, height: i32, bits: u16, compression: u32, image: u32) -> Vec<u8> {
    let mut dib = header.to_le_bytes().to_vec();
    if header == 12 {
        dib.extend(u16::try_from(width).unwrap().to_le_bytes());
        dib.extend(u16::try_from(height).unwrap().to_le_bytes());
    } else {
        dib.extend(width.to_le_bytes());
        dib.extend(height.to_le_bytes());
    }
    dib.extend(1u16.to_le_bytes());
    dib.extend(bits.to_le_bytes());
    if header > 16 {
        dib.extend(compression.to_le_bytes());
        dib.extend(image.to_le_bytes());
    }
    dib.resize(usize::try_from(header).unwrap(), 0);
    let row = (u32::try_from(width).unwrap() * u32::from(bits)).div_ceil(32) * 4;
    let pixels = if image > 0 {
        image
    } else {
        row * height.unsigned_abs()
    };
    let offset = 14 + header;
    let mut bytes = b"BM".to_vec();
    bytes.extend((offset + pixels).to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend(offset.to_le_bytes());
    bytes.extend(dib);
    bytes.resize(usize::try_from(offset + pixels).unwrap(), 0);
    bytes
}

#[test]
fn bmp_of_every_header_size_whatever_its_file_size_says() {
    for header in [12, 16, 40, 42, 46, 48, 52, 56, 60, 64, 108, 124] {
        for (bits, height) in [(1, 3), (4, 3), (8, 3), (24, 3), (24, -3), (32, -3)] {
            if header == 12 && height < 0 {
                continue;
            }
            let whole = bmp(header, 5, height, bits, 0, 0);
            let length = u32::try_from(whole.len()).unwrap();
            for declared in [length, 0, 14, length - 14] {
                let mut bytes = whole.clone();
                bytes[2..6].copy_from_slice(&declared.to_le_bytes());
                bytes.extend_from_slice(b"junk");
                let (taken, walker) = walk(Format::Bmp, [&bytes[..]]);
                assert_eq!(
                    taken,
                    whole.len(),
                    "header {header}, {bits} bits, bfSize {declared}"
                );
                let info = walker.info();
                assert_eq!((info.width, info.height), (Some(5), Some(3)));
                assert_eq!(
                    info.declared,
                    (declared != 0).then_some(u64::from(declared))
                );
            }
        }
    }
}

#[test]
fn bmp_longer_than_its_pixels_and_compressed() {
    let mut profiled = bmp(124, 5, 3, 24, 0, 0);
    let length = u32::try_from(profiled.len()).unwrap() + 7;
    profiled[2..6].copy_from_slice(&length.to_le_bytes());
    profiled.extend_from_slice(b"profile and junk");
    assert_eq!(
        status(Format::Bmp, &profiled),
        Status::Whole {
            length: u64::from(length)
        }
    );
    let rle = bmp(40, 5, 3, 8, 1, 77);
    assert_eq!(
        status(Format::Bmp, &rle),
        Status::Whole {
            length: rle.len() as u64
        }
    );
}

#[test]
fn bmp_breaks_say_where_and_why() {
    let change = |index: usize, value: &[u8]| {
        let mut bytes = bmp(40, 5, 3, 24, 0, 0);
        bytes[index..index + value.len()].copy_from_slice(value);
        bytes
    };
    for (bytes, at, why) in [
        (
            b"MB0123456789012345".to_vec(),
            0,
            "does not begin as a BMP file does",
        ),
        (change(14, b"\x29"), 0, "header size is 41"),
        (change(10, b"\x35"), 0, "pixels cannot begin at byte 53"),
        (change(18, b"\0\0\0\0"), 18, "0×3 pixels"),
        (change(18, b"\xfb\xff\xff\xff"), 18, "pixels"),
        (change(22, b"\0\0\0\0"), 18, "5×0 pixels"),
        (change(26, b"\x02"), 18, "number of planes is 2"),
        (change(28, b"\x03"), 18, "bits a pixel is 3"),
        (change(30, b"\x0d"), 18, "compression is 13"),
    ] {
        let (found_at, found) = broken(Format::Bmp, &bytes);
        assert_eq!(found_at, at, "{found}");
        assert!(found.contains(why), "{found}");
    }
    let mut unknown = bmp(40, 5, 3, 8, 1, 0);
    unknown[2..6].fill(0);
    assert_eq!(
        broken(Format::Bmp, &unknown).1,
        "the headers do not tell how long the file is"
    );
}
