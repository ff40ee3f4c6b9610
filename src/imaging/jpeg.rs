//! A JPEG encoder that makes the bytes that libjpeg makes: those of Pillow's and OpenCV's `save`, of which a pipeline's
//! users have pictures to compare.
//!
//! Baseline, Huffman tables of ITU-T T.81 (Annex K.3), the colour planes at half size in both directions, the accurate
//! integer transform (libjpeg's `jfdctint.c`), quality as the Independent JPEG Group scales it.
#![expect(
    clippy::indexing_slicing,
    reason = "blocks are arrays of 64, and their indices come from loops over 8 or from the zigzag table"
)]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "samples fit a byte by construction, and codes fit their lengths"
)]

use image::error::{ParameterError, ParameterErrorKind};
use image::{DynamicImage, ImageError};

/// Largest side (ITU-T T.81, B.2.2).
const MOST: u32 = 65_500;

#[rustfmt::skip]
const LUMINANCE: [u16; 64] = [
    16, 11, 10, 16, 24, 40, 51, 61,
    12, 12, 14, 19, 26, 58, 60, 55,
    14, 13, 16, 24, 40, 57, 69, 56,
    14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77,
    24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101,
    72, 92, 95, 98, 112, 100, 103, 99,
];
#[rustfmt::skip]
const CHROMINANCE: [u16; 64] = [
    17, 18, 24, 47, 99, 99, 99, 99,
    18, 21, 26, 66, 99, 99, 99, 99,
    24, 26, 56, 99, 99, 99, 99, 99,
    47, 66, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
];
/// Place in a block of the coefficient that goes k-th.
#[rustfmt::skip]
const ZIGZAG: [usize; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5,
    12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
    35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
    58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// Codes of a length, from 1 to 16 bits, and their symbols in order.
struct Huffman {
    lengths: [u8; 16],
    symbols: &'static [u8],
}

const DC: [Huffman; 2] = [
    Huffman {
        lengths: [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0],
        symbols: &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
    },
    Huffman {
        lengths: [0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0],
        symbols: &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
    },
];
#[rustfmt::skip]
const AC: [Huffman; 2] = [
    Huffman {
        lengths: [0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 0x7d],
        symbols: &[
            0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61, 0x07,
            0x22, 0x71, 0x14, 0x32, 0x81, 0x91, 0xa1, 0x08, 0x23, 0x42, 0xb1, 0xc1, 0x15, 0x52, 0xd1, 0xf0,
            0x24, 0x33, 0x62, 0x72, 0x82, 0x09, 0x0a, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x25, 0x26, 0x27, 0x28,
            0x29, 0x2a, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49,
            0x4a, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69,
            0x6a, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89,
            0x8a, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7,
            0xa8, 0xa9, 0xaa, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xc2, 0xc3, 0xc4, 0xc5,
            0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda, 0xe1, 0xe2,
            0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8,
            0xf9, 0xfa,
        ],
    },
    Huffman {
        lengths: [0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 0x77],
        symbols: &[
            0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07, 0x61, 0x71,
            0x13, 0x22, 0x32, 0x81, 0x08, 0x14, 0x42, 0x91, 0xa1, 0xb1, 0xc1, 0x09, 0x23, 0x33, 0x52, 0xf0,
            0x15, 0x62, 0x72, 0xd1, 0x0a, 0x16, 0x24, 0x34, 0xe1, 0x25, 0xf1, 0x17, 0x18, 0x19, 0x1a, 0x26,
            0x27, 0x28, 0x29, 0x2a, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48,
            0x49, 0x4a, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68,
            0x69, 0x6a, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87,
            0x88, 0x89, 0x8a, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0xa2, 0xa3, 0xa4, 0xa5,
            0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xc2, 0xc3,
            0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda,
            0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8,
            0xf9, 0xfa,
        ],
    },
];

/// One plane of samples, at its own size.
struct Plane {
    width: usize,
    height: usize,
    samples: Vec<u8>,
    /// Blocks of a minimum coded unit, in both directions.
    blocks: usize,
    /// Which tables.
    table: usize,
}

/// Encodes a picture of 8 bits; without colour where it has none.
///
/// # Errors
/// A picture without pixels, or larger than the format allows.
pub(super) fn encode(image: &DynamicImage, quality: u8) -> Result<Vec<u8>, ImageError> {
    let (width, height) = (image.width(), image.height());
    if width == 0 || height == 0 || width > MOST || height > MOST {
        let kind = ParameterErrorKind::DimensionMismatch;
        return Err(ImageError::Parameter(ParameterError::from_kind(kind)));
    }
    let planes = planes(image);
    let quality = i32::from(quality.clamp(1, 100));
    let scale = if quality < 50 {
        5000 / quality
    } else {
        200 - quality * 2
    };
    let tables = [&LUMINANCE, &CHROMINANCE]
        .map(|table| table.map(|step| ((i32::from(step) * scale + 50) / 100).clamp(1, 255)));
    let mut writer = Writer::default();
    header(&mut writer.bytes, (width, height), &planes, &tables);
    scan(&mut writer, (width, height), &planes, &tables);
    writer.finish();
    Ok(writer.bytes)
}

/// The planes: luminance alone, or with both colours at half size.
fn planes(image: &DynamicImage) -> Vec<Plane> {
    let (width, height) = (image.width() as usize, image.height() as usize);
    if !image.color().has_color() {
        return vec![Plane {
            width,
            height,
            samples: image.to_luma8().into_raw(),
            blocks: 1,
            table: 0,
        }];
    }
    let rgb = image.to_rgb8().into_raw();
    let count = rgb.len() / 3;
    let mut full = [0; 3].map(|_: i32| Vec::with_capacity(count));
    for pixel in rgb.chunks_exact(3) {
        let [r, g, b] = [0, 1, 2].map(|index| i32::from(pixel[index]));
        full[0].push(((19_595 * r + 38_470 * g + 7471 * b + 32_768) >> 16) as u8);
        // 128, and half of the last place less a bit.
        let middle = (128 << 16) + 32_767;
        full[1].push(((middle - 11_059 * r - 21_709 * g + 32_768 * b) >> 16) as u8);
        full[2].push(((middle + 32_768 * r - 27_439 * g - 5329 * b) >> 16) as u8);
    }
    let [luminance, blue, red] = full;
    let half = |samples: &[u8]| halved(samples, width, height);
    let (blue, red) = (half(&blue), half(&red));
    let colour = |samples| Plane {
        width: width.div_ceil(16) * 8,
        height: height.div_ceil(2),
        samples,
        blocks: 1,
        table: 1,
    };
    vec![
        Plane {
            width,
            height,
            samples: luminance,
            blocks: 2,
            table: 0,
        },
        colour(blue),
        colour(red),
    ]
}

/// The mean of each square of four, rounded down and up by turns (`jcsample.c`, `h2v2_downsample`), for whole blocks across:
/// the last column is repeated before, not after.
fn halved(samples: &[u8], width: usize, height: usize) -> Vec<u8> {
    let (across, down) = (width.div_ceil(16) * 8, height.div_ceil(2));
    let mut out = Vec::with_capacity(across * down);
    for y in 0..down {
        let rows = [2 * y, (2 * y + 1).min(height - 1)].map(|row| row * width);
        for x in 0..across {
            let columns = [2 * x, 2 * x + 1].map(|column| column.min(width - 1));
            let sum: u16 = rows
                .iter()
                .flat_map(|row| columns.map(|column| u16::from(samples[row + column])))
                .sum();
            let bias = if x % 2 == 0 { 1 } else { 2 };
            out.push(((sum + bias) >> 2) as u8);
        }
    }
    out
}

fn header(
    out: &mut Vec<u8>,
    (width, height): (u32, u32),
    planes: &[Plane],
    tables: &[[i32; 64]; 2],
) {
    let mut segment = |marker: u8, body: &[u8]| {
        out.extend([0xff, marker]);
        out.extend(((body.len() + 2) as u16).to_be_bytes());
        out.extend(body);
    };
    let used = if planes.len() == 1 { 1 } else { 2 };
    // SOI has no body, so it goes before.
    segment(0xe0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0");
    for (number, table) in (0..).zip(tables.iter().take(used)) {
        let mut body = vec![number];
        body.extend(ZIGZAG.map(|place| table[place] as u8));
        segment(0xdb, &body);
    }
    let mut frame = vec![8];
    frame.extend((height as u16).to_be_bytes());
    frame.extend((width as u16).to_be_bytes());
    frame.push(planes.len() as u8);
    let mut components = vec![planes.len() as u8];
    for (number, plane) in (1..).zip(planes) {
        let sampling = (plane.blocks << 4 | plane.blocks) as u8;
        frame.extend([number, sampling, plane.table as u8]);
        components.extend([number, (plane.table << 4 | plane.table) as u8]);
    }
    segment(0xc0, &frame);
    for table in 0..used {
        for (class, huffman) in [(0, &DC[table]), (0x10, &AC[table])] {
            let mut body = vec![class | table as u8];
            body.extend(huffman.lengths);
            body.extend(huffman.symbols);
            segment(0xc4, &body);
        }
    }
    components.extend([0, 63, 0]);
    segment(0xda, &components);
    out.splice(0..0, [0xff, 0xd8]);
}

/// Code and length of each symbol.
type Codes = [(u32, u8); 256];

fn codes(huffman: &Huffman) -> Codes {
    let mut codes = [(0, 0); 256];
    let mut symbols = huffman.symbols.iter();
    let mut code = 0_u32;
    for (length, count) in (1_u8..).zip(huffman.lengths) {
        for symbol in symbols.by_ref().take(usize::from(count)) {
            codes[usize::from(*symbol)] = (code, length);
            code += 1;
        }
        code <<= 1;
    }
    codes
}

fn scan(
    writer: &mut Writer,
    (width, height): (u32, u32),
    planes: &[Plane],
    tables: &[[i32; 64]; 2],
) {
    let codes = [0, 1].map(|table| (codes(&DC[table]), codes(&AC[table])));
    let unit = if planes.len() == 1 { 8 } else { 16 };
    let across = (width as usize).div_ceil(unit);
    let down = (height as usize).div_ceil(unit);
    let mut before = [0_i32; 3];
    for y in 0..down {
        for x in 0..across {
            for (plane, before) in planes.iter().zip(&mut before) {
                let (dc, ac) = &codes[plane.table];
                for by in 0..plane.blocks {
                    for bx in 0..plane.blocks {
                        let place = (x * plane.blocks + bx, y * plane.blocks + by);
                        let block = coefficients(plane, place, &tables[plane.table])
                            .unwrap_or_else(|| {
                                // Outside the picture: as flat as the block before.
                                let mut flat = [0; 64];
                                flat[0] = *before;
                                flat
                            });
                        writer.block(&block, *before, dc, ac);
                        *before = block[0];
                    }
                }
            }
        }
    }
}

/// The coefficients of a block, quantised; absent where it lies outside the picture.
fn coefficients(plane: &Plane, (x, y): (usize, usize), table: &[i32; 64]) -> Option<[i32; 64]> {
    if x * 8 >= plane.width || y * 8 >= plane.height {
        return None;
    }
    let mut block = [0_i32; 64];
    for row in 0..8 {
        let from = (y * 8 + row).min(plane.height - 1) * plane.width;
        for column in 0..8 {
            let sample = plane.samples[from + (x * 8 + column).min(plane.width - 1)];
            block[row * 8 + column] = i32::from(sample) - 128;
        }
    }
    transform(&mut block);
    for (value, step) in block.iter_mut().zip(table) {
        let step = step << 3;
        let rounded = (value.abs() + (step >> 1)) / step;
        *value = if *value < 0 { -rounded } else { rounded };
    }
    Some(block)
}

/// `jpeg_fdct_islow`: the results are eight times the true ones.
fn transform(block: &mut [i32; 64]) {
    for row in 0..8 {
        let line: [i32; 8] = std::array::from_fn(|index| block[row * 8 + index]);
        let line = butterfly(line, true);
        block[row * 8..row * 8 + 8].copy_from_slice(&line);
    }
    for column in 0..8 {
        let line: [i32; 8] = std::array::from_fn(|index| block[index * 8 + column]);
        for (index, value) in butterfly(line, false).into_iter().enumerate() {
            block[index * 8 + column] = value;
        }
    }
}

/// One row (first) or column of the transform: Loeffler, Ligtenberg and Moschytz, constants of 13 bits, 2 more bits kept
/// between the passes.
fn butterfly(d: [i32; 8], first: bool) -> [i32; 8] {
    let shift = if first { 11 } else { 15 };
    let scaled = |value: i32| (value + (1 << (shift - 1))) >> shift;
    let even = |value: i32| {
        if first { value << 2 } else { (value + 2) >> 2 }
    };
    let [t0, t1, t2, t3] = [d[0] + d[7], d[1] + d[6], d[2] + d[5], d[3] + d[4]];
    let [t4, t5, t6, t7] = [d[3] - d[4], d[2] - d[5], d[1] - d[6], d[0] - d[7]];
    let (t10, t13, t11, t12) = (t0 + t3, t0 - t3, t1 + t2, t1 - t2);
    let z1 = (t12 + t13) * 4433;
    let (e2, e6) = (z1 + t13 * 6270, z1 - t12 * 15_137);
    let (z1, z2, z3, z4) = (t4 + t7, t5 + t6, t4 + t6, t5 + t7);
    let z5 = (z3 + z4) * 9633;
    let (z1, z2) = (-z1 * 7373, -z2 * 20_995);
    let (z3, z4) = (z5 - z3 * 16_069, z5 - z4 * 3196);
    [
        even(t10 + t11),
        scaled(t7 * 12_299 + z1 + z4),
        scaled(e2),
        scaled(t6 * 25_172 + z2 + z3),
        even(t10 - t11),
        scaled(t5 * 16_819 + z2 + z4),
        scaled(e6),
        scaled(t4 * 2446 + z1 + z3),
    ]
}

/// Bits on their way into bytes.
#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
    held: u64,
    count: u8,
}

impl Writer {
    fn bits(&mut self, value: u32, length: u8) {
        self.held = self.held << length | u64::from(value);
        self.count += length;
        while self.count >= 8 {
            self.count -= 8;
            let byte = (self.held >> self.count) as u8;
            self.bytes.push(byte);
            if byte == 0xff {
                self.bytes.push(0);
            }
        }
        self.held &= (1 << self.count) - 1;
    }

    /// The magnitude category of a value, and its bits (T.81, F.1.2.1).
    fn value(&mut self, value: i32, length: u8) {
        let bits = if value < 0 { value - 1 } else { value };
        self.bits(bits as u32 & ((1 << length) - 1), length);
    }

    fn block(&mut self, block: &[i32; 64], before: i32, dc: &Codes, ac: &Codes) {
        let size = |value: i32| (32 - value.unsigned_abs().leading_zeros()) as u8;
        let difference = block[0] - before;
        let length = size(difference);
        let (code, bits) = dc[usize::from(length)];
        self.bits(code, bits);
        self.value(difference, length);
        let mut zeros = 0_u8;
        for place in &ZIGZAG[1..] {
            let value = block[*place];
            if value == 0 {
                zeros += 1;
                continue;
            }
            while zeros > 15 {
                let (code, bits) = ac[0xf0];
                self.bits(code, bits);
                zeros -= 16;
            }
            let length = size(value);
            let (code, bits) = ac[usize::from(zeros << 4 | length)];
            self.bits(code, bits);
            self.value(value, length);
            zeros = 0;
        }
        if zeros > 0 {
            let (code, bits) = ac[0];
            self.bits(code, bits);
        }
    }

    /// The last byte is filled with ones; then the end.
    fn finish(&mut self) {
        if self.count > 0 {
            let left = 8 - self.count;
            self.bits((1 << left) - 1, left);
        }
        self.bytes.extend([0xff, 0xd9]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{DecodeLimits, decode};

    macro_rules! fixture {
        ($name:literal) => {
            include_bytes!(concat!("../../tests/fixtures/pictures/filters/", $name))
        };
    }

    /// Written by Pillow (`make-jpegs.py` beside them), at sizes that fill no block.
    #[test]
    fn the_bytes_are_those_that_pillow_writes() {
        let limits = DecodeLimits::default();
        for (source, expected) in [
            (&fixture!("scene.png")[..], &fixture!("scene-75.jpg")[..]),
            (fixture!("scene-grey.png"), fixture!("scene-grey-75.jpg")),
        ] {
            let picture = decode(source, &limits).unwrap();
            let bytes = encode(&picture, 75).unwrap();
            assert!(
                bytes == expected,
                "{} of {} bytes",
                bytes.len(),
                expected.len()
            );
        }
    }

    #[test]
    fn every_small_size_can_be_encoded_and_decoded() {
        for width in 1..34 {
            for height in [1, 2, 7, 8, 9, 16, 17] {
                let picture = crate::imaging::synth::paint(7, width, height).into();
                let bytes = encode(&picture, 75).unwrap();
                let back = decode(&bytes, &DecodeLimits::default()).unwrap();
                assert_eq!((back.width(), back.height()), (width, height));
            }
        }
    }
}
