//! The picture itself in half blocks: two pixels a cell, one above the other.

use ratatui_core::buffer::Buffer;
use ratatui_core::layout::Rect;
use ratatui_core::style::Color;
use std::fmt::Write as _;

use ratatui_core::terminal::Frame;

use super::widgets::{self, Paragraph};
use super::{Look, framed, shown};
use crate::units::count;
use crate::view::load::Pixels;
use crate::view::model::Model;

/// Dark to light, where there are no colours.
const SHADES: &[u8; 10] = b" .:-=+*#%@";

pub(super) fn draw(model: &mut Model, look: Look, frame: &mut Frame<'_>, area: Rect) {
    let Some(image) = model.image() else {
        frame.render_widget(Paragraph::new("no picture"), area);
        return;
    };
    let mut title = format!(
        " Picture {}: {} bytes, {}",
        image.id.0,
        count(image.bytes),
        image.verdict
    );
    if image.gap_bytes > 0 {
        let _ = write!(title, ", {} bytes missing", count(image.gap_bytes));
    }
    title.push_str(" · s saves it · [ ] others ");
    let title = shown(&title, look);
    let block = framed(&title, true, look);
    let inner = widgets::inner(area);
    frame.render_widget(block, area);
    let fetched = model
        .fetched
        .as_ref()
        .filter(|picture| picture.id == image.id.0);
    match fetched.map(|picture| &picture.pixels) {
        None => frame.render_widget(Paragraph::new("Fetching its bytes…"), inner),
        Some(Err(reason)) => {
            let mut text = format!("It cannot be drawn: {reason}.");
            if let Some(picture) = fetched {
                for gap in &picture.gaps {
                    let _ = write!(
                        text,
                        "\nmissing: bytes {}–{}",
                        count(gap.offset),
                        count((gap.offset + gap.length).saturating_sub(1))
                    );
                }
            }
            let width = usize::from(inner.width).max(1);
            let lines: Vec<_> = text
                .lines()
                .flat_map(|line| crate::report::text::wrap(&shown(line, look), width, "", ""))
                .map(ratatui_core::text::Line::raw)
                .collect();
            frame.render_widget(Paragraph::new(lines), inner);
        }
        Some(Ok(pixels)) => paint(pixels, look, inner, frame.buffer_mut()),
    }
}

/// Draws pixels as large as they fit, their proportions kept.
fn paint(pixels: &Pixels, look: Look, area: Rect, buffer: &mut Buffer) {
    let (width, height) = (u64::from(pixels.width), u64::from(pixels.height));
    if width == 0 || height == 0 || area.width == 0 || area.height == 0 {
        return;
    }
    let (columns, rows) = (u64::from(area.width), u64::from(area.height) * 2);
    // Never larger than it is.
    let (columns, rows) = if width * rows <= height * columns {
        let rows = rows.min(height);
        ((width * rows / height).max(1), rows)
    } else {
        let columns = columns.min(width);
        (columns, (height * columns / width).max(1))
    };
    for row in 0..rows.div_ceil(2) {
        for column in 0..columns {
            let upper = average(pixels, column, row * 2, columns, rows);
            let lower = if row * 2 + 1 < rows {
                average(pixels, column, row * 2 + 1, columns, rows)
            } else {
                [0; 3]
            };
            let x = area.x + u16::try_from(column).unwrap_or(0);
            let y = area.y + u16::try_from(row).unwrap_or(0);
            let Some(cell) = buffer.cell_mut((x, y)) else {
                continue;
            };
            if look.color && look.unicode {
                cell.set_symbol("▀");
                cell.set_fg(color(upper, look));
                cell.set_bg(color(lower, look));
            } else {
                let light: u32 = upper
                    .iter()
                    .chain(&lower)
                    .map(|part| u32::from(*part))
                    .sum();
                let shade = usize::try_from(light * 9 / (6 * 255)).unwrap_or(0);
                let c = SHADES.get(shade).copied().unwrap_or(b' ');
                cell.set_char(char::from(c));
            }
        }
    }
}

/// The mean of the pixels that share a place of the screen.
fn average(pixels: &Pixels, column: u64, row: u64, columns: u64, rows: u64) -> [u8; 3] {
    let (width, height) = (u64::from(pixels.width), u64::from(pixels.height));
    let (x0, x1) = (
        column * width / columns,
        ((column + 1) * width).div_ceil(columns),
    );
    let (y0, y1) = (row * height / rows, ((row + 1) * height).div_ceil(rows));
    let mut sums = [0_u64; 3];
    let mut seen = 0;
    // A few of many are enough.
    let (step_x, step_y) = (((x1 - x0) / 4).max(1), ((y1 - y0) / 4).max(1));
    let mut y = y0;
    while y < y1 {
        let mut x = x0;
        while x < x1 {
            let at = usize::try_from(y * width + x).unwrap_or(usize::MAX);
            if let Some(pixel) = pixels.rgb.get(at) {
                for (sum, part) in sums.iter_mut().zip(pixel) {
                    *sum += u64::from(*part);
                }
                seen += 1;
            }
            x += step_x;
        }
        y += step_y;
    }
    sums.map(|sum| u8::try_from(sum / u64::max(seen, 1)).unwrap_or(u8::MAX))
}

/// In 24 bits, or the nearest of the 216 colours that nearly every terminal has.
fn color([red, green, blue]: [u8; 3], look: Look) -> Color {
    if look.true_color {
        return Color::Rgb(red, green, blue);
    }
    let level = |part: u8| u8::try_from((u16::from(part) * 5 + 127) / 255).unwrap_or(5);
    Color::Indexed(16 + 36 * level(red) + 6 * level(green) + level(blue))
}
