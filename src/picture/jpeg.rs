//! Decodes JPEGs to the pixels that libjpeg makes of them, as Pillow and OpenCV have them.
//!
//! ITU-T T.81 leaves the precision of the inverse transform and the way of enlarging the colour planes to the decoder. These are
//! those of libjpeg and libjpeg-turbo as they come: the accurate integer transform (`jidctint.c`), colour planes enlarged by
//! triangles (`jdsample.c`, "fancy upsampling"), fixed-point colours (`jdcolor.c`). Baseline and progressive, 8 bits, grey or YCbCr, colours
//! at full size, at half width, or at half of both. What is anything else, or breaks, is not decoded here.
#![expect(
    clippy::indexing_slicing,
    reason = "blocks are arrays of 64 whose indices come from loops over 8, from the zigzag table, or from numbers of 4 bits"
)]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "samples are held to a byte first, and coefficients to 16 bits"
)]

use image::{DynamicImage, GrayImage, RgbImage};

use super::DecodeLimits;

/// Place in a block of the coefficient that goes k-th.
#[rustfmt::skip]
const ZIGZAG: [usize; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5,
    12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
    35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
    58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// Most scans: a progressive picture has about ten.
const MOST_SCANS: u32 = 100;

type Block = [i16; 64];

struct Component {
    id: u8,
    /// Sampling factors.
    h: usize,
    v: usize,
    table: usize,
    /// Samples that count.
    width: usize,
    height: usize,
    /// Blocks in a row, those that fill the last minimum coded unit included.
    across: usize,
    blocks: Vec<Block>,
    dc: usize,
    ac: usize,
    before: i32,
}

#[derive(Clone)]
struct Huffman {
    /// Length and symbol by the next 8 bits; length 0 for longer codes.
    quick: [(u8, u8); 256],
    /// One past the last code of a length, shifted to 16 bits, and what to add to a code to have its symbol's place.
    ends: [(u32, i32); 17],
    symbols: Vec<u8>,
}

#[derive(Default)]
struct Tables {
    steps: [Option<[i32; 64]>; 4],
    dc: [Option<Huffman>; 4],
    ac: [Option<Huffman>; 4],
    restart: usize,
    jfif: bool,
    adobe: Option<u8>,
}

struct Frame {
    width: usize,
    height: usize,
    progressive: bool,
    components: Vec<Component>,
    /// Minimum coded units, and the largest sampling factors.
    across: usize,
    down: usize,
    h: usize,
    v: usize,
}

/// Spectral selection and successive approximation of a scan.
#[derive(Clone, Copy)]
struct Band {
    from: usize,
    to: usize,
    high: u8,
    low: u8,
}

/// The pixels; absent where it is none of the kinds that are decoded here, is larger than the limits, or breaks.
pub(super) fn decode(bytes: &[u8], limits: &DecodeLimits) -> Option<DynamicImage> {
    let mut at = bytes.strip_prefix(&[0xff, 0xd8])?;
    let mut tables = Tables::default();
    let mut frame: Option<Frame> = None;
    let mut scans = 0;
    loop {
        let marker;
        (marker, at) = next_marker(at)?;
        match marker {
            0xd9 => break,
            0x01 | 0xd0..=0xd7 => continue,
            _ => {}
        }
        let length = usize::from(u16::from_be_bytes([*at.first()?, *at.get(1)?]));
        let body = at.get(2..length)?;
        at = at.get(length..)?;
        match marker {
            0xc0..=0xc2 if frame.is_none() => frame = Some(start(marker, body, limits)?),
            0xc4 => tables.huffman(body)?,
            0xdb => tables.steps(body)?,
            0xdd => tables.restart = usize::from(u16::from_be_bytes(body.try_into().ok()?)),
            0xe0 if body.starts_with(b"JFIF\0") => tables.jfif = true,
            0xee if body.starts_with(b"Adobe") => tables.adobe = body.get(11).copied(),
            0xda => {
                scans += 1;
                if scans > MOST_SCANS {
                    return None;
                }
                at = scan(frame.as_mut()?, &tables, body, at)?;
            }
            0xc3 | 0xc5..=0xcf | 0xdc => return None,
            _ => {}
        }
    }
    pixels(&frame?, &tables)
}

/// Whether these bytes are a JPEG of four components: CMYK, or YCCK.
pub(crate) fn is_cmyk(bytes: &[u8]) -> bool {
    components(bytes) == Some(4)
}

/// Components of the first frame (ITU-T T.81, B.2.2).
fn components(bytes: &[u8]) -> Option<u8> {
    let mut at = bytes.strip_prefix(&[0xff, 0xd8])?;
    loop {
        let marker;
        (marker, at) = next_marker(at)?;
        let length = usize::from(u16::from_be_bytes([*at.first()?, *at.get(1)?]));
        match marker {
            0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => return at.get(7).copied(),
            0xd9 | 0xda => return None,
            _ => at = at.get(length.max(2)..)?,
        }
    }
}

/// The next marker, and what follows it.
fn next_marker(mut at: &[u8]) -> Option<(u8, &[u8])> {
    if at.first() != Some(&0xff) {
        return None;
    }
    loop {
        let (first, rest) = at.split_first()?;
        at = rest;
        if *first != 0xff {
            return Some((*first, at));
        }
    }
}

fn start(marker: u8, body: &[u8], limits: &DecodeLimits) -> Option<Frame> {
    let [8, high, low, wide, narrow, count @ (1 | 3), parts @ ..] = body else {
        return None;
    };
    let height = usize::from(u16::from_be_bytes([*high, *low]));
    let width = usize::from(u16::from_be_bytes([*wide, *narrow]));
    if width == 0 || height == 0 || parts.len() != usize::from(*count) * 3 {
        return None;
    }
    if width > limits.width as usize || height > limits.height as usize {
        return None;
    }
    // Coefficients, planes and pixels: about nine bytes a pixel.
    if (width as u64 * height as u64).saturating_mul(9) > limits.bytes {
        return None;
    }
    let factors: Vec<(usize, usize)> = parts
        .chunks_exact(3)
        .map(|part| (usize::from(part[1] >> 4), usize::from(part[1] & 15)))
        .collect();
    // One component alone has no other to be measured by.
    #[expect(clippy::match_same_arms, reason = "each has its own reason")]
    match factors.as_slice() {
        [(1..=4, 1..=4)] => {}
        [(1 | 2, 1) | (2, 2), (1, 1), (1, 1)] => {}
        _ => return None,
    }
    let (h, v) = match factors.as_slice() {
        [_] => (1, 1),
        [luminance, ..] => *luminance,
        [] => return None,
    };
    let (across, down) = (width.div_ceil(8 * h), height.div_ceil(8 * v));
    let components = parts
        .chunks_exact(3)
        .zip(&factors)
        .map(|(part, &factors)| {
            let (own_h, own_v) = if parts.len() == 3 { (1, 1) } else { factors };
            Component {
                id: part[0],
                h: own_h,
                v: own_v,
                table: usize::from(part[2] & 3),
                width: (width * own_h).div_ceil(h),
                height: (height * own_v).div_ceil(v),
                across: across * own_h,
                blocks: vec![[0; 64]; across * own_h * down * own_v],
                dc: 0,
                ac: 0,
                before: 0,
            }
        })
        .collect();
    Some(Frame {
        width,
        height,
        progressive: marker == 0xc2,
        components,
        across,
        down,
        h,
        v,
    })
}

impl Tables {
    fn steps(&mut self, mut body: &[u8]) -> Option<()> {
        while let Some((head, rest)) = body.split_first() {
            let wide = head >> 4 != 0;
            let (values, rest) = rest.split_at_checked(if wide { 128 } else { 64 })?;
            let mut table = [0; 64];
            for (k, place) in ZIGZAG.into_iter().enumerate() {
                table[place] = if wide {
                    i32::from(u16::from_be_bytes([values[2 * k], values[2 * k + 1]]))
                } else {
                    i32::from(values[k])
                };
            }
            *self.steps.get_mut(usize::from(head & 15))? = Some(table);
            body = rest;
        }
        Some(())
    }

    fn huffman(&mut self, mut body: &[u8]) -> Option<()> {
        while let Some((head, rest)) = body.split_first() {
            let (lengths, rest) = rest.split_at_checked(16)?;
            let count: usize = lengths.iter().map(|&count| usize::from(count)).sum();
            let (symbols, rest) = rest.split_at_checked(count)?;
            let table = Huffman::new(lengths, symbols)?;
            let tables = if head >> 4 == 0 {
                &mut self.dc
            } else {
                &mut self.ac
            };
            *tables.get_mut(usize::from(head & 15))? = Some(table);
            body = rest;
        }
        Some(())
    }
}

impl Huffman {
    fn new(lengths: &[u8], symbols: &[u8]) -> Option<Self> {
        let mut table = Self {
            quick: [(0, 0); 256],
            ends: [(0, 0); 17],
            symbols: symbols.to_vec(),
        };
        let (mut code, mut place) = (0_u32, 0_usize);
        for length in 1..=16_usize {
            let count = usize::from(lengths[length - 1]);
            // The place of a code's symbol is the code itself and this.
            let shift = place as i32 - code as i32;
            for _ in 0..count {
                if code >= 1 << length {
                    return None;
                }
                if length <= 8 {
                    let first = (code << (8 - length)) as usize;
                    for entry in &mut table.quick[first..first + (1 << (8 - length))] {
                        *entry = (length as u8, symbols[place]);
                    }
                }
                code += 1;
                place += 1;
            }
            table.ends[length] = (code << (16 - length), shift);
            code <<= 1;
        }
        Some(table)
    }
}

/// The entropy-coded bytes of a scan.
struct Bits<'b> {
    bytes: &'b [u8],
    held: u64,
    count: u32,
    /// Blocks of zeros that are still to come (progressive).
    run: u32,
}

impl<'b> Bits<'b> {
    fn new(bytes: &'b [u8]) -> Self {
        Self {
            bytes,
            held: 0,
            count: 0,
            run: 0,
        }
    }

    /// At least 16 bits, zeros behind the end of the scan as libjpeg has them; false where only such are left.
    fn fill(&mut self) {
        while self.count <= 48 {
            let byte = match self.bytes {
                [0xff, 0, rest @ ..] => {
                    self.bytes = rest;
                    0xff
                }
                // A marker ends the scan; the bits that are missing of the last code are taken as zeros.
                [0xff, ..] | [] => return,
                [byte, rest @ ..] => {
                    self.bytes = rest;
                    *byte
                }
            };
            self.held = self.held << 8 | u64::from(byte);
            self.count += 8;
        }
    }

    fn take(&mut self, length: u8) -> Option<u32> {
        let length = u32::from(length);
        if self.count < length {
            self.fill();
        }
        self.count = self.count.checked_sub(length)?;
        Some((self.held >> self.count) as u32 & ((1 << length) - 1))
    }

    fn bit(&mut self) -> Option<bool> {
        Some(self.take(1)? == 1)
    }

    fn symbol(&mut self, table: &Huffman) -> Option<u8> {
        if self.count < 16 {
            self.fill();
        }
        let next = if self.count >= 16 {
            (self.held >> (self.count - 16)) as u32 & 0xffff
        } else {
            ((self.held << (16 - self.count)) as u32) & 0xffff
        };
        let (length, symbol) = table.quick[(next >> 8) as usize];
        if length > 0 {
            self.count = self.count.checked_sub(u32::from(length))?;
            return Some(symbol);
        }
        for length in 9..=16_usize {
            let (end, shift) = table.ends[length];
            if next < end {
                self.count = self.count.checked_sub(length as u32)?;
                let place = (next >> (16 - length)) as i32 + shift;
                return table.symbols.get(usize::try_from(place).ok()?).copied();
            }
        }
        None
    }

    /// A value of so many bits, whose first says its sign (T.81, F.2.2.1).
    fn value(&mut self, length: u8) -> Option<i32> {
        if length == 0 {
            return Some(0);
        }
        if length > 15 {
            return None;
        }
        let bits = self.take(length)? as i32;
        Some(if bits < 1 << (length - 1) {
            bits - (1 << length) + 1
        } else {
            bits
        })
    }

    /// Behind a restart marker all begins anew.
    fn restart(&mut self) -> Option<()> {
        let [0xff, 0xd0..=0xd7, rest @ ..] = self.bytes else {
            return None;
        };
        *self = Self::new(rest);
        Some(())
    }
}

/// Decodes a scan; returns what follows it.
fn scan<'b>(frame: &mut Frame, tables: &Tables, head: &[u8], bytes: &'b [u8]) -> Option<&'b [u8]> {
    let (count, rest) = head.split_first()?;
    let (parts, rest) = rest.split_at_checked(usize::from(*count) * 2)?;
    let [from, to, approximation] = *rest else {
        return None;
    };
    let band = Band {
        from: usize::from(from),
        to: usize::from(to),
        high: approximation >> 4,
        low: approximation & 15,
    };
    if band.to > 63 || band.from > band.to || band.low > 13 {
        return None;
    }
    if frame.progressive && band.from == 0 && band.to != 0 {
        return None;
    }
    if frame.progressive && band.from > 0 && *count != 1 {
        return None;
    }
    let mut chosen = Vec::new();
    for part in parts.chunks_exact(2) {
        let index = frame
            .components
            .iter()
            .position(|component| component.id == part[0])?;
        let component = &mut frame.components[index];
        component.dc = usize::from(part[1] >> 4) & 3;
        component.ac = usize::from(part[1] & 15) & 3;
        component.before = 0;
        chosen.push(index);
    }
    let progressive = frame.progressive;
    let mut bits = Bits::new(bytes);
    // One component alone goes block by block, without those that only fill a unit.
    let alone = chosen.len() == 1;
    let (across, down) = match chosen.as_slice() {
        [] => return None,
        [index] => {
            let component = &frame.components[*index];
            (component.width.div_ceil(8), component.height.div_ceil(8))
        }
        _ => (frame.across, frame.down),
    };
    let units = across * down;
    for unit in 0..units {
        if tables.restart > 0 && unit > 0 && unit % tables.restart == 0 {
            bits.fill();
            bits.restart()?;
            for index in &chosen {
                frame.components[*index].before = 0;
            }
        }
        let (x, y) = (unit % across, unit / across);
        for index in &chosen {
            let component = &mut frame.components[*index];
            let (h, v) = if alone {
                (1, 1)
            } else {
                (component.h, component.v)
            };
            for by in 0..v {
                for bx in 0..h {
                    let place = (y * v + by) * component.across + x * h + bx;
                    let block = component.blocks.get_mut(place)?;
                    let dc = tables.dc[component.dc].as_ref();
                    let ac = tables.ac[component.ac].as_ref();
                    if !progressive {
                        sequential(&mut bits, block, &mut component.before, dc?, ac?)?;
                    } else if band.from == 0 {
                        dc_scan(&mut bits, block, &mut component.before, dc, band)?;
                    } else if band.high == 0 {
                        ac_first(&mut bits, block, ac?, band)?;
                    } else {
                        ac_again(&mut bits, block, ac?, band)?;
                    }
                }
            }
        }
    }
    bits.fill();
    let mut rest = bits.bytes;
    // What is left of the scan is filling.
    while !matches!(rest, [0xff, 1..=255, ..]) {
        rest = rest.get(1..)?;
    }
    Some(rest)
}

fn sequential(
    bits: &mut Bits<'_>,
    block: &mut Block,
    before: &mut i32,
    dc: &Huffman,
    ac: &Huffman,
) -> Option<()> {
    let length = bits.symbol(dc)?;
    *before += bits.value(length)?;
    block[0] = *before as i16;
    let mut k = 1;
    while k < 64 {
        let symbol = bits.symbol(ac)?;
        let (zeros, length) = (usize::from(symbol >> 4), symbol & 15);
        if length == 0 {
            if zeros < 15 {
                break;
            }
            k += 16;
            continue;
        }
        k += zeros;
        let value = bits.value(length)?;
        block[*ZIGZAG.get(k)?] = value as i16;
        k += 1;
    }
    Some(())
}

fn dc_scan(
    bits: &mut Bits<'_>,
    block: &mut Block,
    before: &mut i32,
    dc: Option<&Huffman>,
    band: Band,
) -> Option<()> {
    if band.high == 0 {
        let length = bits.symbol(dc?)?;
        *before += bits.value(length)?;
        block[0] = (*before << band.low) as i16;
    } else if bits.bit()? {
        block[0] |= 1 << band.low;
    }
    Some(())
}

/// How many blocks end with this one.
fn run(bits: &mut Bits<'_>, length: u8) -> Option<u32> {
    Some((1 << length) + if length > 0 { bits.take(length)? } else { 0 })
}

fn ac_first(bits: &mut Bits<'_>, block: &mut Block, ac: &Huffman, band: Band) -> Option<()> {
    if bits.run > 0 {
        bits.run -= 1;
        return Some(());
    }
    let mut k = band.from;
    while k <= band.to {
        let symbol = bits.symbol(ac)?;
        let (zeros, length) = (symbol >> 4, symbol & 15);
        if length == 0 {
            if zeros < 15 {
                bits.run = run(bits, zeros)? - 1;
                break;
            }
            k += 16;
            continue;
        }
        k += usize::from(zeros);
        let value = bits.value(length)?;
        block[*ZIGZAG.get(k)?] = (value << band.low) as i16;
        k += 1;
    }
    Some(())
}

/// One more bit of a coefficient that is not zero.
fn refine(bits: &mut Bits<'_>, value: &mut i16, bit: i16) -> Option<()> {
    if bits.bit()? && *value & bit == 0 {
        *value = value.wrapping_add(if *value >= 0 { bit } else { -bit });
    }
    Some(())
}

fn ac_again(bits: &mut Bits<'_>, block: &mut Block, ac: &Huffman, band: Band) -> Option<()> {
    let bit = 1_i16 << band.low;
    let mut k = band.from;
    if bits.run == 0 {
        while k <= band.to {
            let symbol = bits.symbol(ac)?;
            let (mut zeros, length) = (symbol >> 4, symbol & 15);
            let mut new = 0;
            match length {
                0 if zeros < 15 => {
                    bits.run = run(bits, zeros)?;
                    break;
                }
                0 => {}
                1 => new = if bits.bit()? { bit } else { -bit },
                _ => return None,
            }
            while k <= band.to {
                let value = &mut block[ZIGZAG[k]];
                if *value != 0 {
                    refine(bits, value, bit)?;
                } else if zeros == 0 {
                    if new != 0 {
                        *value = new;
                    }
                    break;
                } else {
                    zeros -= 1;
                }
                k += 1;
            }
            k += 1;
        }
    }
    if bits.run > 0 {
        while k <= band.to {
            let value = &mut block[ZIGZAG[k]];
            if *value != 0 {
                refine(bits, value, bit)?;
            }
            k += 1;
        }
        bits.run -= 1;
    }
    Some(())
}

/// A plane of samples, whole blocks wide.
struct Plane {
    stride: usize,
    samples: Vec<u8>,
}

fn pixels(frame: &Frame, tables: &Tables) -> Option<DynamicImage> {
    let (width, height) = (frame.width, frame.height);
    let mut planes = Vec::new();
    for component in &frame.components {
        planes.push(plane(component, tables.steps[component.table].as_ref()?));
    }
    let size = (width as u32, height as u32);
    let [luminance, blue, red] = planes.as_slice() else {
        let plane = planes.first()?;
        let rows = plane.samples.chunks_exact(plane.stride);
        let samples = rows.take(height).flat_map(|row| row[..width].to_vec());
        return GrayImage::from_raw(size.0, size.1, samples.collect()).map(DynamicImage::from);
    };
    let ids: Vec<u8> = frame
        .components
        .iter()
        .map(|component| component.id)
        .collect();
    let is_rgb = match (tables.jfif, tables.adobe) {
        (true, _) => false,
        (false, Some(transform)) => transform == 0,
        (false, None) => ids == *b"RGB",
    };
    if is_rgb {
        return None;
    }
    let colour = &frame.components[1];
    let mut out = Vec::with_capacity(width * height * 3);
    for y in 0..height {
        let row = &luminance.samples[y * luminance.stride..][..width];
        let [blue, red] = [blue, red].map(|plane| enlarged(plane, colour, y, (frame.h, frame.v)));
        for ((&luminance, &blue), &red) in row.iter().zip(&blue).zip(&red) {
            let luminance = i32::from(luminance);
            let (blue, red) = (i32::from(blue) - 128, i32::from(red) - 128);
            let samples = [
                luminance + ((91_881 * red + 32_768) >> 16),
                luminance + ((-22_554 * blue - 46_802 * red + 32_768) >> 16),
                luminance + ((116_130 * blue + 32_768) >> 16),
            ];
            out.extend(samples.map(|sample| sample.clamp(0, 255) as u8));
        }
    }
    RgbImage::from_raw(size.0, size.1, out).map(DynamicImage::from)
}

/// The samples of row `y` of the picture, of a colour plane that is smaller by these factors.
fn enlarged(plane: &Plane, colour: &Component, y: usize, (h, v): (usize, usize)) -> Vec<u8> {
    let row = |index: usize| &plane.samples[index * plane.stride..][..colour.width];
    if h == 1 {
        return row(y).to_vec();
    }
    let width = colour.width;
    let nearest = row(y / v);
    if width <= 2 {
        return nearest.iter().flat_map(|&sample| [sample; 2]).collect();
    }
    // Three quarters of the nearer row and a quarter of the other; the first and the last row are their own neighbours.
    let mut out = Vec::with_capacity(width * 2);
    let (sums, round, shift): (Vec<i32>, [i32; 2], u8) = if v == 1 {
        let sums = nearest.iter().map(|&sample| i32::from(sample)).collect();
        (sums, [1, 2], 2)
    } else {
        let other = if y.is_multiple_of(2) {
            (y / 2).saturating_sub(1)
        } else {
            (y / 2 + 1).min(colour.height - 1)
        };
        let pairs = nearest.iter().zip(row(other));
        let sums = pairs.map(|(&near, &far)| i32::from(near) * 3 + i32::from(far));
        (sums.collect(), [8, 7], 4)
    };
    for x in 0..width {
        let this = sums[x];
        let (left, right) = (x.checked_sub(1).map(|x| sums[x]), sums.get(x + 1).copied());
        for (other, round) in [(left, round[0]), (right, round[1])] {
            let value = match other {
                Some(other) => (this * 3 + other + round) >> shift,
                // The outermost column: itself.
                None if v == 1 => this,
                None => (this * 4 + round) >> shift,
            };
            out.push(value as u8);
        }
    }
    out
}

fn plane(component: &Component, steps: &[i32; 64]) -> Plane {
    let stride = component.across * 8;
    let down = component.blocks.len() / component.across.max(1);
    let mut samples = vec![0; stride * down * 8];
    for (index, block) in component.blocks.iter().enumerate() {
        let (x, y) = (index % component.across, index / component.across);
        let values = transform(block, steps);
        for (row, values) in values.chunks_exact(8).enumerate() {
            let start = (y * 8 + row) * stride + x * 8;
            samples[start..start + 8].copy_from_slice(values);
        }
    }
    Plane { stride, samples }
}

/// `jpeg_idct_islow`.
fn transform(block: &Block, steps: &[i32; 64]) -> [u8; 64] {
    let mut work = [0_i32; 64];
    for column in 0..8 {
        let line: [i32; 8] = std::array::from_fn(|row| {
            let place = row * 8 + column;
            i32::from(block[place]).wrapping_mul(steps[place])
        });
        for (row, value) in butterfly(line, 11).into_iter().enumerate() {
            work[row * 8 + column] = value;
        }
    }
    let mut out = [0; 64];
    for row in 0..8 {
        let line: [i32; 8] = std::array::from_fn(|column| work[row * 8 + column]);
        for (column, value) in butterfly(line, 18).into_iter().enumerate() {
            out[row * 8 + column] = value.wrapping_add(128).clamp(0, 255) as u8;
        }
    }
    out
}

/// One column or row of the inverse transform, constants of 13 bits. Hostile coefficients may wrap, as they do in C.
fn butterfly(d: [i32; 8], shift: u8) -> [i32; 8] {
    use std::num::Wrapping as W;
    let [d0, d1, d2, d3, d4, d5, d6, d7] = d.map(W);
    let k = |constant: i32| W(constant);
    let z1 = (d2 + d6) * k(4433);
    let (t2, t3) = (z1 - d6 * k(15_137), z1 + d2 * k(6270));
    let (t0, t1) = ((d0 + d4) << 13, (d0 - d4) << 13);
    let (t10, t13, t11, t12) = (t0 + t3, t0 - t3, t1 + t2, t1 - t2);
    let (z1, z2, z3, z4) = (d7 + d1, d5 + d3, d7 + d3, d5 + d1);
    let z5 = (z3 + z4) * k(9633);
    let (z1, z2) = (-z1 * k(7373), -z2 * k(20_995));
    let (z3, z4) = (z5 - z3 * k(16_069), z5 - z4 * k(3196));
    let t0 = d7 * k(2446) + z1 + z3;
    let t1 = d5 * k(16_819) + z2 + z4;
    let t2 = d3 * k(25_172) + z2 + z3;
    let t3 = d1 * k(12_299) + z1 + z4;
    let half = W(1 << (shift - 1));
    [
        t10 + t3,
        t11 + t2,
        t12 + t1,
        t13 + t0,
        t13 - t0,
        t12 - t1,
        t11 - t2,
        t10 - t3,
    ]
    .map(|value| (value + half).0 >> shift)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::compare::pixels;
    use crate::picture::fixtures;

    macro_rules! fixture {
        ($name:literal) => {
            include_bytes!(concat!("../../tests/fixtures/pictures/filters/", $name))
        };
    }

    /// Decoded by Pillow (`make-jpegs.py` beside them).
    #[test]
    fn the_pixels_are_those_that_pillow_decodes() {
        let limits = DecodeLimits::default();
        for (name, jpeg, expected) in [
            (
                "420",
                &fixture!("decoded-420.jpg")[..],
                &fixture!("decoded-420.png")[..],
            ),
            (
                "422",
                fixture!("decoded-422.jpg"),
                fixture!("decoded-422.png"),
            ),
            (
                "444",
                fixture!("decoded-444.jpg"),
                fixture!("decoded-444.png"),
            ),
            (
                "progressive",
                fixture!("decoded-progressive.jpg"),
                fixture!("decoded-progressive.png"),
            ),
            (
                "restart",
                fixture!("decoded-restart.jpg"),
                fixture!("decoded-restart.png"),
            ),
        ] {
            let found = decode(jpeg, &limits).unwrap();
            let expected = crate::picture::decode(expected, &limits).unwrap();
            let compared = pixels(&expected, &found);
            assert!(compared.equal(), "{name}: {compared:?}");
        }
    }

    #[test]
    fn what_breaks_or_is_cut_short_is_not_decoded_and_never_panics() {
        let limits = DecodeLimits::default();
        let whole = fixture!("decoded-420.jpg");
        assert!(decode(&whole[..whole.len() / 2], &limits).is_none());
        for (_, picture) in fixtures::all() {
            for index in 0..picture.len() {
                let mut changed = picture.clone();
                changed[index] ^= 0x55;
                let _ = decode(&changed, &limits);
                changed[index] = 0xff;
                let _ = decode(&changed, &limits);
            }
        }
        let small = DecodeLimits {
            width: 10,
            ..limits
        };
        assert!(decode(whole, &small).is_none());
    }
}
