//! Pictures as pixels, for terminals that can show them: kitty's protocol, iTerm2's, and sixel. Makes text only; the terminal is written
//! to elsewhere.
//!
//! <https://sw.kovidgoyal.net/kitty/graphics-protocol/>, <https://iterm2.com/documentation-images.html>, and the VT340's manual
//! (Digital, EK-VT3XX-TP, chapter 14) for sixel.

use std::fmt::Write as _;
use std::io::Cursor;

use image::RgbImage;
use ratatui_core::layout::Rect;

use super::load::Pixels;

/// How a terminal is told to show pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Graphics {
    /// kitty, Ghostty, Konsole.
    Kitty,
    /// iTerm2, `WezTerm`.
    Iterm2,
    /// foot, mlterm, xterm as VT340.
    Sixel,
}

/// A picture and the cells that it fills.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Placed {
    /// The cells.
    pub(super) area: Rect,
    /// Its pixels, as many as are to be shown.
    pub(super) pixels: RgbImage,
    /// Cells that it is to be scaled to, its proportions kept; absent where the terminal told how large a cell is, and it fits as it is.
    pub(super) scaled: Option<Scaled>,
}

/// The one side that the other follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scaled {
    /// To so many columns.
    Across(u16),
    /// To so many lines.
    Down(u16),
}

/// Most pixels a side that are sent: a terminal has no more.
const MOST: u32 = 2_000;
/// Pixels of a cell where the terminal does not tell.
const CELL: (u32, u32) = (10, 20);
/// Base64 characters in one command of kitty's.
const KITTY_CHUNK: usize = 4_096;
const HATCH: [[u8; 3]; 2] = [[138; 3], [88; 3]];
const OUTLINE: [u8; 3] = [255, 0, 0];

/// Lays pixels into an area, as large as they fit and no larger than they are, their proportions kept: hatched where nothing could
/// be decoded, and an outline around what differs. Absent where there is no room.
pub(super) fn placed(pixels: &Pixels, area: Rect, cell: Option<(u32, u32)>) -> Option<Placed> {
    let (wide, high) = cell.filter(|(x, y)| *x > 0 && *y > 0).unwrap_or(CELL);
    let room = (
        (u32::from(area.width) * wide).min(MOST),
        (u32::from(area.height) * high).min(MOST),
    );
    let (width, height) = (pixels.width, pixels.height);
    if width == 0 || height == 0 || room.0 == 0 || room.1 == 0 {
        return None;
    }
    let scaled = |side: u32, by: u32, of: u32| {
        u32::try_from(u64::from(side) * u64::from(by) / u64::from(of))
            .unwrap_or(1)
            .max(1)
    };
    let (mut to, mut down) = (width, height);
    if to > room.0 {
        (to, down) = (room.0, scaled(height, room.0, width));
    }
    if down > room.1 {
        (to, down) = (scaled(width, room.1, height), room.1);
    }
    let of = |x: u32, y: u32| (scaled_at(x, width, to), scaled_at(y, height, down));
    let thick = (width.max(height) / to.max(down)).max(1) * 2;
    let image = RgbImage::from_fn(to, down, |x, y| {
        let (x0, y0) = of(x, y);
        if let Some((left, top, right, bottom)) = pixels.damage
            && x0 + thick >= left
            && x0 < right.saturating_add(thick)
            && y0 + thick >= top
            && y0 < bottom.saturating_add(thick)
            && (x0 < left || x0 >= right || y0 < top || y0 >= bottom)
        {
            return image::Rgb(OUTLINE);
        }
        if y0 >= pixels.rows {
            let stripe = usize::from((x + y) / 4 % 2 == 0);
            return image::Rgb(HATCH.get(stripe).copied().unwrap_or_default());
        }
        let (x1, y1) = of(x + 1, y + 1);
        image::Rgb(mean(pixels, x0..x1.max(x0 + 1), y0..y1.max(y0 + 1)))
    });
    let cells = |pixels: u32, of: u32| u16::try_from(pixels.div_ceil(of)).unwrap_or(u16::MAX);
    let whole = |pixels: u32, of: u32| u16::try_from((pixels / of).max(1)).unwrap_or(u16::MAX);
    // The side of which the area has less to spare: no larger than that, and the other one fits.
    let across = u64::from(to) * u64::from(room.1) >= u64::from(down) * u64::from(room.0);
    let scaled = if across {
        Scaled::Across(whole(to, wide))
    } else {
        Scaled::Down(whole(down, high))
    };
    Some(Placed {
        area: Rect {
            width: cells(to, wide).min(area.width),
            height: cells(down, high).min(area.height),
            ..area
        },
        pixels: image,
        scaled: cell.is_none().then_some(scaled),
    })
}

fn scaled_at(at: u32, side: u32, of: u32) -> u32 {
    u32::try_from(u64::from(at) * u64::from(side) / u64::from(of.max(1))).unwrap_or(u32::MAX)
}

fn mean(pixels: &Pixels, across: std::ops::Range<u32>, down: std::ops::Range<u32>) -> [u8; 3] {
    let mut sums = [0_u32; 3];
    let mut seen = 0;
    // A few of many are enough.
    let step = |range: &std::ops::Range<u32>| (range.len() / 4).max(1);
    for y in down.clone().step_by(step(&down)) {
        for x in across.clone().step_by(step(&across)) {
            let at = u64::from(y) * u64::from(pixels.width) + u64::from(x);
            if let Some(pixel) = usize::try_from(at).ok().and_then(|at| pixels.rgb.get(at)) {
                for (sum, part) in sums.iter_mut().zip(pixel) {
                    *sum += u32::from(*part);
                }
                seen += 1;
            }
        }
    }
    sums.map(|sum| u8::try_from(sum / seen.max(1)).unwrap_or(u8::MAX))
}

impl Graphics {
    /// What the terminal is told to show a picture.
    pub(super) fn show(self, placed: &Placed) -> String {
        let Rect { x, y, .. } = placed.area;
        let mut out = format!("\x1b[{};{}H", y + 1, x + 1);
        match self {
            Self::Kitty => kitty(placed, &mut out),
            Self::Iterm2 => iterm2(placed, &mut out),
            Self::Sixel => sixel(&placed.pixels, &mut out),
        }
        out
    }

    /// What the terminal is told to take all pictures away, and to forget their pixels; those of iTerm2 and sixel go with the cells.
    pub(super) fn clear(self) -> &'static str {
        match self {
            Self::Kitty => "\x1b_Ga=d,d=A,q=2\x1b\\",
            Self::Iterm2 | Self::Sixel => "",
        }
    }
}

fn kitty(placed: &Placed, out: &mut String) {
    let (width, height) = placed.pixels.dimensions();
    let coded = base64(placed.pixels.as_raw());
    let mut first = true;
    let mut rest = coded.as_str();
    while first || !rest.is_empty() {
        let (now, later) = rest.split_at(rest.len().min(KITTY_CHUNK));
        rest = later;
        let more = u8::from(!rest.is_empty());
        out.push_str("\x1b_G");
        if std::mem::take(&mut first) {
            // Straight RGB, no answers, the cursor stays. With columns and lines both given it would be stretched to fill them.
            let _ = write!(out, "a=T,f=24,s={width},v={height},");
            let _ = match placed.scaled {
                Some(Scaled::Across(columns)) => write!(out, "c={columns},"),
                Some(Scaled::Down(lines)) => write!(out, "r={lines},"),
                None => Ok(()),
            };
            out.push_str("C=1,q=2,");
        }
        let _ = write!(out, "m={more};{now}\x1b\\");
    }
}

fn iterm2(placed: &Placed, out: &mut String) {
    let mut png = Vec::new();
    if placed
        .pixels
        .write_to(&mut Cursor::new(&mut png), image::ImageFormat::Png)
        .is_ok()
    {
        let _ = write!(
            out,
            "\x1b]1337;File=inline=1;size={};width={};height={};preserveAspectRatio=1;doNotMoveCursor=1:{}\x07",
            png.len(),
            placed.area.width,
            placed.area.height,
            base64(&png)
        );
    }
}

/// In the 216 colours of a cube: six rows of pixels at a time, of each colour its pixels.
fn sixel(pixels: &RgbImage, out: &mut String) {
    let level = |part: u8| (u16::from(part) * 5 + 127) / 255;
    let colour = |pixel: &image::Rgb<u8>| {
        let [red, green, blue] = pixel.0.map(level);
        red * 36 + green * 6 + blue
    };
    let (width, height) = pixels.dimensions();
    let _ = write!(out, "\x1bP0;1q\"1;1;{width};{height}");
    for number in 0..216_u16 {
        let [red, green, blue] = [number / 36, number / 6 % 6, number % 6].map(|level| level * 20);
        let _ = write!(out, "#{number};2;{red};{green};{blue}");
    }
    let mut top = 0;
    while top < height {
        let rows = 6.min(height - top);
        // Of each colour that occurs, six bits a column.
        let mut bands: std::collections::BTreeMap<u16, Vec<u8>> = std::collections::BTreeMap::new();
        for row in 0..rows {
            for x in 0..width {
                let band = bands
                    .entry(colour(pixels.get_pixel(x, top + row)))
                    .or_insert_with(|| vec![0; usize::try_from(width).unwrap_or(0)]);
                if let Some(bits) = usize::try_from(x).ok().and_then(|x| band.get_mut(x)) {
                    *bits |= 1 << row;
                }
            }
        }
        for (index, (number, bits)) in bands.iter().enumerate() {
            if index > 0 {
                out.push('$');
            }
            let _ = write!(out, "#{number}");
            run_lengths(bits, out);
        }
        top += rows;
        // No new line behind the last: the cursor would be moved once more.
        if top < height {
            out.push('-');
        }
    }
    out.push_str("\x1b\\");
}

fn run_lengths(bits: &[u8], out: &mut String) {
    for run in bits.chunk_by(|a, b| a == b) {
        let Some(first) = run.first() else { continue };
        let sixel = char::from(first + 63);
        if run.len() > 3 {
            let _ = write!(out, "!{}{sixel}", run.len());
        } else {
            out.extend(std::iter::repeat_n(sixel, run.len()));
        }
    }
}

/// RFC 4648, section 4.
pub(super) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let mut number = 0_u32;
        for at in 0..3 {
            number = number << 8 | group.get(at).map_or(0, |byte| u32::from(*byte));
        }
        for at in 0..4 {
            let digit = usize::try_from(number >> (18 - 6 * at) & 63).unwrap_or(0);
            let c = DIGITS.get(digit).copied().unwrap_or(b'=');
            out.push(if at <= group.len() {
                char::from(c)
            } else {
                '='
            });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixels() -> Pixels {
        let mut pixels = Pixels {
            width: 30,
            height: 13,
            rgb: Vec::new(),
            rows: 13,
            damage: None,
        };
        for at in 0..30 * 13_u32 {
            let part = |by: u32| u8::try_from(at * by % 256).unwrap();
            pixels.rgb.push([part(3), part(7), part(11)]);
        }
        pixels
    }

    fn room(width: u16, height: u16) -> Rect {
        Rect::new(4, 2, width, height)
    }

    #[test]
    fn base64_is_that_of_rfc_4648() {
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }

    fn of_base64(text: &str) -> Vec<u8> {
        let digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut bits = Vec::new();
        for c in text.trim_end_matches('=').chars() {
            let digit = digits.find(c).unwrap();
            bits.extend((0..6).rev().map(|bit| digit >> bit & 1));
        }
        bits.chunks_exact(8)
            .map(|byte| {
                byte.iter()
                    .fold(0, |value, bit| value << 1 | u8::try_from(*bit).unwrap())
            })
            .collect()
    }

    #[test]
    fn it_is_never_larger_than_it_is_and_fits() {
        let placed = placed(&pixels(), room(80, 20), Some((10, 20))).unwrap();
        assert_eq!(placed.pixels.dimensions(), (30, 13));
        assert_eq!((placed.area.width, placed.area.height), (3, 1));
        let small = super::placed(&pixels(), room(1, 20), Some((10, 20))).unwrap();
        assert_eq!(small.pixels.dimensions(), (10, 4));
        assert_eq!(super::placed(&pixels(), room(0, 20), None), None);
    }

    /// Two pixels across and one down: red, blue.
    fn two() -> Placed {
        Placed {
            area: room(1, 1),
            pixels: RgbImage::from_raw(2, 1, vec![255, 0, 0, 0, 0, 255]).unwrap(),
            scaled: None,
        }
    }

    #[test]
    fn two_pixels_byte_for_byte() {
        // Where the cursor is to stand, then one command: pixels of 24 bits, their number, the Base64 of FF0000 0000FF.
        assert_eq!(
            Graphics::Kitty.show(&two()),
            "\x1b[3;5H\x1b_Ga=T,f=24,s=2,v=1,C=1,q=2,m=0;/wAAAAD/\x1b\\"
        );
        // Placements and pixels: a lower-case letter would leave the pixels in the terminal's memory.
        assert_eq!(Graphics::Kitty.clear(), "\x1b_Ga=d,d=A,q=2\x1b\\");
        let told = Graphics::Iterm2.show(&two());
        let (head, coded) = told.split_once(':').unwrap();
        let coded = coded.strip_suffix('\x07').unwrap();
        assert_eq!(
            head,
            format!(
                "\x1b[3;5H\x1b]1337;File=inline=1;size={};width=1;height=1;preserveAspectRatio=1;doNotMoveCursor=1",
                of_base64(coded).len()
            )
        );
        let told = Graphics::Sixel.show(&two());
        let (head, rest) = told.split_once('#').unwrap();
        // DCS, no aspect of its own, what is not drawn stays as it is; raster attributes: 1 to 1, 2 across, 1 down.
        assert_eq!(head, "\x1b[3;5H\x1bP0;1q\"1;1;2;1");
        // The colours of the cube in percent, of which these two are used.
        assert!(rest.contains("#180;2;100;0;0#"), "{rest}");
        assert!(rest.contains("#5;2;0;0;100#"), "{rest}");
        // Blue in the second column, back, red in the first: the upper pixel of six is 63 + 1, none is 63.
        let (_, drawn) = rest.split_once("#215;2;100;100;100").unwrap();
        assert_eq!(drawn, "#5?@$#180@?\x1b\\");
    }

    #[test]
    fn kitty_keeps_the_proportions() {
        let told = |of: &Pixels, area: Rect, cell| {
            let told = Graphics::Kitty.show(&placed(of, area, cell).unwrap());
            let (control, _) = told
                .split_once(';')
                .map_or(("", ""), |(_, rest)| rest.split_once(';').unwrap());
            control.split_once(",v=").unwrap().1.to_owned()
        };
        // The terminal told: the pixels are shown as they are.
        assert_eq!(
            told(&pixels(), room(80, 20), Some((10, 20))),
            "13,C=1,q=2,m=0"
        );
        // It did not: by the side that has less room, as many whole cells as there would be.
        assert_eq!(told(&pixels(), room(80, 20), None), "13,c=3,C=1,q=2,m=0");
        let high = Pixels {
            width: 13,
            height: 30,
            rows: 30,
            ..pixels()
        };
        assert_eq!(told(&high, room(80, 20), None), "30,r=1,C=1,q=2,m=0");
    }

    #[test]
    fn kitty_gets_every_pixel_in_chunks() {
        let placed = placed(&pixels(), room(80, 20), None).unwrap();
        let told = Graphics::Kitty.show(&placed);
        assert!(
            told.starts_with("\x1b[3;5H\x1b_Ga=T,f=24,s=30,v=13,"),
            "{told:?}"
        );
        let mut data = String::new();
        let commands: Vec<&str> = told.split("\x1b_G").skip(1).collect();
        for (at, command) in commands.iter().enumerate() {
            let (control, payload) = command
                .strip_suffix("\x1b\\")
                .unwrap()
                .split_once(';')
                .unwrap();
            let more = if at + 1 < commands.len() {
                "m=1"
            } else {
                "m=0"
            };
            assert!(control.ends_with(more), "{control}");
            assert!(payload.len() <= KITTY_CHUNK);
            data.push_str(payload);
        }
        assert_eq!(of_base64(&data), *placed.pixels.as_raw());
    }

    #[test]
    fn iterm2_gets_a_png_of_it() {
        let placed = placed(&pixels(), room(80, 20), None).unwrap();
        let told = Graphics::Iterm2.show(&placed);
        let (_, png) = told.strip_suffix('\x07').unwrap().rsplit_once(':').unwrap();
        let decoded = image::load_from_memory(&of_base64(png)).unwrap();
        assert_eq!(decoded.into_rgb8(), placed.pixels);
    }

    #[test]
    fn sixels_are_the_pixels_in_the_nearest_colours() {
        let placed = placed(&pixels(), room(80, 20), None).unwrap();
        let told = Graphics::Sixel.show(&placed);
        let body = told.strip_suffix("\x1b\\").unwrap();
        let mut drawn = RgbImage::new(30, 18);
        let mut palette = std::collections::HashMap::new();
        let (mut x, mut top, mut colour, mut repeat) = (0, 0, 0, 1);
        let start = body.find(";13#").unwrap() + 3;
        let mut rest = body[start..].chars().peekable();
        let number = |rest: &mut std::iter::Peekable<std::str::Chars<'_>>| {
            let mut value = 0;
            while let Some(digit) = rest.peek().and_then(|c| c.to_digit(10)) {
                value = value * 10 + digit;
                rest.next();
            }
            value
        };
        while let Some(c) = rest.next() {
            match c {
                '#' => {
                    colour = number(&mut rest);
                    if rest.peek() == Some(&';') {
                        let parts: Vec<u32> = (0..4)
                            .map(|_| {
                                rest.next();
                                number(&mut rest)
                            })
                            .collect();
                        let part = |at: usize| u8::try_from(parts[at] * 255 / 100).unwrap();
                        palette.insert(colour, [part(1), part(2), part(3)]);
                    }
                }
                '!' => repeat = number(&mut rest),
                '$' => x = 0,
                '-' => (x, top) = (0, top + 6),
                c => {
                    let bits = u32::from(c) - 63;
                    for _ in 0..std::mem::replace(&mut repeat, 1) {
                        for row in (0..6).filter(|row| bits >> row & 1 == 1) {
                            drawn.put_pixel(x, top + row, image::Rgb(palette[&colour]));
                        }
                        x += 1;
                    }
                }
            }
        }
        for (x, y, pixel) in placed.pixels.enumerate_pixels() {
            for (was, is) in pixel.0.iter().zip(drawn.get_pixel(x, y).0) {
                assert!(was.abs_diff(is) <= 26, "{x} {y}: {was} {is}");
            }
        }
    }

    #[test]
    fn what_differs_is_outlined_and_what_did_not_come_is_hatched() {
        let mut pixels = pixels();
        pixels.rgb.fill([0, 0, 200]);
        pixels.rows = 8;
        pixels.damage = Some((10, 2, 20, 6));
        let placed = placed(&pixels, room(80, 20), None).unwrap();
        assert_eq!(placed.pixels.get_pixel(9, 3).0, OUTLINE);
        assert_eq!(placed.pixels.get_pixel(12, 4).0, [0, 0, 200]);
        assert_eq!(placed.pixels.get_pixel(2, 3).0, [0, 0, 200]);
        assert!(HATCH.contains(&placed.pixels.get_pixel(2, 10).0));
    }
}
