//! The committed pictures of `tests/fixtures/pictures`, for this room's tests.

use super::Format;

macro_rules! fixtures {
    ($($name:ident: $file:literal, $format:ident;)*) => {
        $(pub(crate) const $name: &[u8] = include_bytes!(concat!("../../tests/fixtures/pictures/", $file));)*

        /// All of them.
        pub(crate) fn all() -> Vec<(Format, Vec<u8>)> {
            vec![$((Format::$format, $name.to_vec()),)*]
        }
    };
}

fixtures! {
    PROGRESSIVE_JPG: "progressive.jpg", Jpeg;
    RESTART_JPG: "restart.jpg", Jpeg;
    GRAY_JPG: "gray.jpg", Jpeg;
    EXIF_THUMBNAIL_JPG: "exif-thumbnail.jpg", Jpeg;
    MULTI_SCAN_JPG: "multi-scan.jpg", Jpeg;
    PROGRESSIVE_RESTART_JPG: "progressive-restart.jpg", Jpeg;
    ARITHMETIC_JPG: "arithmetic.jpg", Jpeg;
    PALETTE_PNG: "palette.png", Png;
    ALPHA_PNG: "alpha.png", Png;
    ANIMATED_PNG: "animated.png", Png;
    ADAM7_PNG: "adam7.png", Png;
    STILL_GIF: "still.gif", Gif;
    ANIMATED_GIF: "animated.gif", Gif;
    LOSSY_WEBP: "lossy.webp", WebP;
    LOSSLESS_WEBP: "lossless.webp", WebP;
    ALPHA_WEBP: "alpha.webp", WebP;
    ANIMATED_WEBP: "animated.webp", WebP;
    RGB_BMP: "rgb.bmp", Bmp;
    PALETTE_BMP: "palette.bmp", Bmp;
    MONO_BMP: "mono.bmp", Bmp;
}
