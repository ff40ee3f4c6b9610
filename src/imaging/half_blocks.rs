//! A picture as lines of text for a terminal: the upper half of a cell is one pixel, the lower half the one below it.
//!
//! Pure: what the terminal can show is told, and lines come back.

use std::fmt::Write as _;

use image::{DynamicImage, RgbaImage, imageops};

/// What a terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Palette {
    /// Any colour (24 bits).
    TrueColour,
    /// The 6×6×6 colours and 24 greys of 256.
    Colours256,
    /// No colour: shades of blocks.
    Shades,
    /// No colour, and no letters beyond ASCII.
    Ascii,
}

/// Dark to light.
const SHADES: [char; 5] = [' ', '░', '▒', '▓', '█'];
const LETTERS: [char; 10] = [' ', '.', ':', '-', '=', '+', '*', '#', '%', '@'];

/// What alpha is laid over: the backgrounds of terminals differ, a middle grey suits both.
const BEHIND: u32 = 128;

/// The picture in at most so many columns, as wide as it is where it fits; a line for every two of its rows. Transparent
/// pixels are laid over grey.
pub(crate) fn half_blocks(picture: &DynamicImage, columns: u32, palette: Palette) -> Vec<String> {
    let (width, height) = (picture.width(), picture.height());
    if width == 0 || height == 0 || columns == 0 {
        return Vec::new();
    }
    let across = width.min(columns);
    // Cells are about twice as high as they are wide, so half a cell is about a square.
    let down = u64::from(height) * u64::from(across) / u64::from(width);
    let down = u32::try_from(down).unwrap_or(u32::MAX).max(1);
    let pixels = picture.to_rgba8();
    let small = if (across, down) == (width, height) {
        pixels
    } else {
        imageops::thumbnail(&pixels, across, down)
    };
    lines(&small, palette)
}

/// Rows of pixels that come one after the other, drawn as soon as there are enough of them for a line.
#[derive(Debug)]
pub(crate) struct Painter {
    width: u32,
    columns: u32,
    palette: Palette,
    /// Rows of BGR24 that wait for the rest of their line.
    held: Vec<u8>,
}

impl Painter {
    /// Of rows of `width` pixels, in at most so many columns.
    pub(crate) fn new(width: u32, columns: u32, palette: Palette) -> Self {
        Self {
            width,
            columns,
            palette,
            held: Vec::new(),
        }
    }

    /// Takes bytes of the rows, BGR24, in any pieces; returns the lines that they fill.
    pub(crate) fn rows(&mut self, bytes: &[u8]) -> Vec<String> {
        self.held.extend_from_slice(bytes);
        let Some(line) = self.line_bytes() else {
            return Vec::new();
        };
        let whole = self.held.len() / line * line;
        let rest = self.held.split_off(whole);
        let ready = std::mem::replace(&mut self.held, rest);
        ready
            .chunks(line)
            .flat_map(|rows| self.drawn(rows))
            .collect()
    }

    /// The rows of a last line that is not full.
    pub(crate) fn finish(mut self) -> Vec<String> {
        let held = std::mem::take(&mut self.held);
        self.drawn(&held)
    }

    /// Bytes of the rows of a line; absent where that is none.
    fn line_bytes(&self) -> Option<usize> {
        let scale = self.width.div_ceil(self.columns.max(1)).max(1);
        let bytes = u64::from(self.width) * 3 * u64::from(scale) * 2;
        usize::try_from(bytes).ok().filter(|bytes| *bytes > 0)
    }

    fn drawn(&self, rows: &[u8]) -> Vec<String> {
        match crate::picture::compare::bgr24(rows, self.width, u64::MAX) {
            Ok((pixels, _)) => half_blocks(&pixels.into(), self.columns, self.palette),
            Err(_) => Vec::new(),
        }
    }
}

fn lines(pixels: &RgbaImage, palette: Palette) -> Vec<String> {
    let colour = |x: u32, y: u32| -> Option<[u8; 3]> {
        let pixel = pixels.get_pixel_checked(x, y)?;
        let [red, green, blue, alpha] = pixel.0.map(u32::from);
        let over = |sample: u32| {
            let mixed = (sample * alpha + BEHIND * (255 - alpha)) / 255;
            u8::try_from(mixed).unwrap_or(u8::MAX)
        };
        Some([over(red), over(green), over(blue)])
    };
    (0..pixels.height())
        .step_by(2)
        .map(|y| {
            let cells = (0..pixels.width()).map(|x| (colour(x, y), colour(x, y + 1)));
            match palette {
                Palette::TrueColour => coloured(cells, |[r, g, b]| format!("2;{r};{g};{b}")),
                Palette::Colours256 => coloured(cells, |colour| format!("5;{}", of_256(colour))),
                Palette::Shades => shaded(cells, &SHADES),
                Palette::Ascii => shaded(cells, &LETTERS),
            }
        })
        .collect()
}

type Cell = (Option<[u8; 3]>, Option<[u8; 3]>);

/// Upper half blocks in the colour of the upper pixel on a background of the lower one; a change only where there is one.
fn coloured(cells: impl Iterator<Item = Cell>, name: impl Fn([u8; 3]) -> String) -> String {
    let mut line = String::new();
    let mut before: Option<Cell> = None;
    for (upper, lower) in cells {
        if before.map(|(upper, _)| upper) != Some(upper)
            && let Some(colour) = upper
        {
            let _ = write!(line, "\x1b[38;{}m", name(colour));
        }
        if before.map(|(_, lower)| lower) != Some(lower)
            && let Some(colour) = lower
        {
            let _ = write!(line, "\x1b[48;{}m", name(colour));
        }
        line.push('▀');
        before = Some((upper, lower));
    }
    line.push_str("\x1b[0m");
    line
}

/// One of as many signs for both pixels together.
fn shaded(cells: impl Iterator<Item = Cell>, signs: &[char]) -> String {
    let line: String = cells
        .map(|(upper, lower)| {
            let both = [upper, lower.or(upper)];
            let sum: usize = both.into_iter().flatten().map(brightness).sum();
            let index = sum * signs.len() / 512;
            signs.get(index).copied().unwrap_or(' ')
        })
        .collect();
    line.trim_end().to_owned()
}

/// ITU-R BT.601, 0 to 255.
fn brightness([red, green, blue]: [u8; 3]) -> usize {
    (usize::from(red) * 299 + usize::from(green) * 587 + usize::from(blue) * 114) / 1000
}

/// The nearest of xterm's colours 16 to 255.
fn of_256(colour: [u8; 3]) -> u8 {
    const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let [red, green, blue] = colour;
    let distance = |other: [u8; 3]| -> u32 {
        colour
            .iter()
            .zip(other)
            .map(|(sample, other)| u32::from(sample.abs_diff(other)).pow(2))
            .sum()
    };
    let nearest = |sample: u8| {
        (0_u8..)
            .zip(STEPS)
            .min_by_key(|(_, step)| sample.abs_diff(*step))
            .unwrap_or((0, 0))
    };
    let [(r, red_step), (g, green_step), (b, blue_step)] = [red, green, blue].map(nearest);
    let grey = u8::try_from(brightness(colour).saturating_sub(3) / 10)
        .unwrap_or(0)
        .min(23);
    let level = 8 + grey * 10;
    if distance([level; 3]) < distance([red_step, green_step, blue_step]) {
        232 + grey
    } else {
        16 + 36 * r + 6 * g + b
    }
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage};

    use super::*;

    fn picture() -> DynamicImage {
        let mut pixels = RgbImage::new(2, 3);
        pixels.put_pixel(0, 0, Rgb([255, 0, 0]));
        pixels.put_pixel(1, 0, Rgb([255, 0, 0]));
        pixels.put_pixel(0, 1, Rgb([0, 0, 255]));
        pixels.put_pixel(1, 2, Rgb([255, 255, 255]));
        pixels.into()
    }

    #[test]
    fn two_rows_make_a_line_and_colours_are_said_once() {
        let lines = half_blocks(&picture(), 80, Palette::TrueColour);
        assert_eq!(
            lines,
            [
                "\x1b[38;2;255;0;0m\x1b[48;2;0;0;255m▀\x1b[48;2;0;0;0m▀\x1b[0m",
                "\x1b[38;2;0;0;0m▀\x1b[38;2;255;255;255m▀\x1b[0m",
            ]
        );
        assert_eq!(half_blocks(&picture(), 80, Palette::Ascii)[1], " @");
        assert_eq!(half_blocks(&picture(), 80, Palette::Shades)[1], " █");
    }

    #[test]
    fn wide_pictures_are_made_narrow_and_keep_their_shape() {
        let wide = DynamicImage::new_rgb8(400, 200);
        let lines = half_blocks(&wide, 80, Palette::Shades);
        assert_eq!(lines.len(), 20);
        let lines = half_blocks(&wide, 80, Palette::TrueColour);
        assert_eq!(lines[0].matches('▀').count(), 80);
        assert!(half_blocks(&DynamicImage::new_rgb8(0, 0), 80, Palette::Shades).is_empty());
        assert_eq!(
            half_blocks(&DynamicImage::new_rgb8(9000, 1), 80, Palette::Shades).len(),
            1
        );
    }

    #[test]
    fn the_nearest_of_256_colours_is_taken() {
        assert_eq!(of_256([255, 0, 0]), 196);
        assert_eq!(of_256([0, 0, 0]), 16);
        assert_eq!(of_256([128, 128, 128]), 244);
        assert_eq!(of_256([255, 255, 255]), 231);
    }

    #[test]
    fn rows_are_drawn_as_they_come_in_any_pieces() {
        let image = picture().into_rgb8();
        let bgr: Vec<u8> = image
            .pixels()
            .flat_map(|&Rgb([r, g, b])| [b, g, r])
            .collect();
        let whole = half_blocks(&image.into(), 80, Palette::TrueColour);
        for piece in [1, 5, 6, 100] {
            let mut painter = Painter::new(2, 80, Palette::TrueColour);
            let mut lines: Vec<String> = bgr
                .chunks(piece)
                .flat_map(|bytes| painter.rows(bytes))
                .collect();
            lines.extend(painter.finish());
            assert_eq!(lines, whole, "{piece}");
        }
    }
}
