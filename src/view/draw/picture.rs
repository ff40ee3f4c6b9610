//! The picture itself in half blocks: two pixels a cell, one above the other.

use ratatui_core::buffer::Buffer;
use ratatui_core::layout::Rect;
use ratatui_core::style::{Color, Style};
use std::fmt::Write as _;

use ratatui_core::terminal::Frame;

use super::widgets::{self, Paragraph};
use super::{Look, fore, framed, pane, shown};
use crate::ledger::{Gap, Image};
use crate::units::count;
use crate::view::graphics::{self, Placed};
use crate::view::load::{Pixels, Twin};
use crate::view::model::{Drawn, Focus, Model};

/// Dark to light, where there are no colours.
const SHADES: &[u8; 10] = b" .:-=+*#%@";

/// What lies below the rows that could be decoded.
const HATCH: [Color; 2] = [Color::Indexed(245), Color::Indexed(240)];

/// Around what differs.
const OUTLINE: Color = Color::Indexed(196);

pub(super) fn draw(model: &mut Model, look: Look, frame: &mut Frame<'_>, area: Rect) {
    let Some(image) = model.image() else {
        frame.render_widget(Paragraph::new("no picture"), area);
        return;
    };
    let title = title(image);
    let title = shown(&title, look);
    let block = framed(&title, true, look);
    let inner = widgets::inner(area);
    frame.render_widget(block, area);
    let fetched = model
        .fetched
        .as_ref()
        .filter(|picture| picture.id == image.id.0);
    let Some(picture) = fetched else {
        frame.render_widget(Paragraph::new("Fetching its bytes…"), inner);
        return;
    };
    let [sent, received] = &picture.files;
    let mut placed = Vec::new();
    if sent.is_none() && received.is_none() {
        match &picture.pixels {
            Ok(pixels) => {
                let lines = paint(pixels, look, inner, frame.buffer_mut(), &mut placed);
                let drawn = Drawn {
                    top: inner.y,
                    lines,
                    rows: pixels.height,
                };
                mark_row(model, drawn, look, inner, frame.buffer_mut());
            }
            Err(reason) => not_drawn(reason, &picture.gaps, look, frame, inner),
        }
        model.placed = placed;
        return;
    }
    // Sent, on the wire, received: from the left to the right as the picture went.
    let mut panels: Vec<(String, &Result<Pixels, String>)> = Vec::new();
    let file = |side: &str, twin: &'_ Twin| {
        let sign = match (twin.equal, look.unicode) {
            (Some(true), true) => "✔ ",
            (Some(true), false) => "= ",
            (Some(false), true) => "✖ ",
            (Some(false), false) => "! ",
            (None, _) => "",
        };
        format!("{sign}{side}: {}", twin.name)
    };
    panels.extend(sent.iter().map(|twin| (file("sent", twin), &twin.pixels)));
    let wire = panels.len();
    panels.push(("on the wire".to_owned(), &picture.pixels));
    panels.extend(
        received
            .iter()
            .map(|twin| (file("received", twin), &twin.pixels)),
    );
    let number = u16::try_from(panels.len()).unwrap_or(1);
    let width = inner.width.saturating_sub(number - 1) / number.max(1);
    let mut of_wire = None;
    for (at, (words, pixels)) in (0..).zip(&panels) {
        let column = Rect {
            x: inner.x + at * (width + 1),
            width,
            height: inner.height.min(1),
            ..inner
        };
        let words = shown(words, look);
        frame.render_widget(Paragraph::new(words.as_str()), column);
        let below = Rect {
            y: inner.y + column.height,
            height: inner.height - column.height,
            ..column
        };
        match pixels {
            Ok(pixels) => {
                let lines = paint(pixels, look, below, frame.buffer_mut(), &mut placed);
                if usize::from(at) == wire {
                    let drawn = Drawn {
                        top: below.y,
                        lines,
                        rows: pixels.height,
                    };
                    of_wire = Some((drawn, below));
                }
            }
            Err(reason) => not_drawn(reason, &[], look, frame, below),
        }
    }
    if let Some((drawn, below)) = of_wire {
        mark_row(model, drawn, look, below, frame.buffer_mut());
    }
    model.placed = placed;
}

/// Marks beside the picture the row that the selected byte helps to draw, and takes clicks into it.
fn mark_row(model: &mut Model, drawn: Drawn, look: Look, area: Rect, buffer: &mut Buffer) {
    model.drawn = Some(drawn);
    let clicked = Rect {
        height: drawn.lines.min(area.height),
        ..area
    };
    model.panes.push(pane(Focus::Whole, clicked, 0));
    let (Some(row), Some(offset)) = (model.row_of_byte(), model.picture_offset()) else {
        return;
    };
    let line = u64::from(row) * u64::from(drawn.lines) / u64::from(drawn.rows.max(1));
    let y = area.y
        + u16::try_from(line)
            .unwrap_or(0)
            .min(drawn.lines.saturating_sub(1));
    if let Some(cell) = buffer.cell_mut((area.x.saturating_sub(1), y)) {
        cell.set_char(if look.unicode { '▶' } else { '>' });
        cell.set_style(fore(Color::Cyan, look));
    }
    let frame = model
        .record(model.row)
        .map_or(0, |record| model.data.records.number(record));
    let words = format!(
        " byte {} of the picture, in frame {frame}, chunk {}: row {} ",
        count(offset),
        count(model.chunk),
        count(u64::from(row))
    );
    let words = shown(&words, look);
    let room = usize::from(area.width);
    // In the frame below.
    buffer.set_stringn(area.x, area.bottom(), words, room, Style::new());
}

/// Of what picture, and how it came.
fn title(image: &Image) -> String {
    let mut title = format!(
        " Picture {}: {} bytes, {}",
        image.id.0,
        count(image.bytes),
        image.verdict
    );
    if image.gap_bytes > 0 {
        let _ = write!(title, ", {} bytes missing", count(image.gap_bytes));
    }
    let mismatch = image
        .compared
        .as_ref()
        .and_then(|compared| compared.mismatch.as_ref());
    if let Some(first) = mismatch.and_then(|mismatch| mismatch.first_difference) {
        let _ = write!(title, " from byte {} on", count(first));
    }
    title.push_str(" · s saves it · [ ] others ");
    title
}

/// Why there is nothing to be seen.
fn not_drawn(reason: &str, gaps: &[Gap], look: Look, frame: &mut Frame<'_>, area: Rect) {
    let mut text = format!("It cannot be drawn: {reason}.");
    for gap in gaps {
        let _ = write!(
            text,
            "\nmissing: bytes {}–{}",
            count(gap.offset),
            count((gap.offset + gap.length).saturating_sub(1))
        );
    }
    let width = usize::from(area.width).max(1);
    let lines: Vec<_> = text
        .lines()
        .flat_map(|line| crate::report::text::wrap(&shown(line, look), width, "", ""))
        .map(ratatui_core::text::Line::raw)
        .collect();
    frame.render_widget(Paragraph::new(lines), area);
}

/// Draws pixels as large as they fit, their proportions kept: hatched where nothing could be decoded, and an outline around what
/// differs.
///
/// Returns how many lines it takes. As pixels, where the terminal shows those: then they are `placed`, and no cell is drawn.
fn paint(
    pixels: &Pixels,
    look: Look,
    area: Rect,
    buffer: &mut Buffer,
    placed: &mut Vec<Placed>,
) -> u16 {
    let (width, height) = (u64::from(pixels.width), u64::from(pixels.height));
    if width == 0 || height == 0 || area.width == 0 || area.height == 0 {
        return 0;
    }
    if look.graphics.is_some() {
        let found = graphics::placed(pixels, area, look.cell);
        let lines = found.as_ref().map_or(0, |placed| placed.area.height);
        placed.extend(found);
        return lines;
    }
    let (columns, rows) = fitting(width, height, area);
    let frame = pixels.damage.map(|(left, top, right, bottom)| {
        let [left, top, right, bottom] = [left, top, right, bottom].map(u64::from);
        let cells = |from: u64, to: u64, places: u64, all: u64| {
            (from * places / all, (to * places).div_ceil(all).max(1) - 1)
        };
        let (x, y) = (
            cells(left, right, columns, width),
            cells(top, bottom, rows, height),
        );
        (x, (y.0 / 2, y.1 / 2))
    });
    let line = |column: u64, row: u64| {
        let ((left, right), (top, bottom)) = frame?;
        let across = (left..=right).contains(&column);
        let down = (top..=bottom).contains(&row);
        let (level, upright) = (
            across && (row == top || row == bottom),
            down && (column == left || column == right),
        );
        Some(match (level, upright, look.unicode) {
            (true, true, false) => '+',
            (true, false, false) => '-',
            (false, true, false) => '|',
            (true, true, true) => match (row == top, column == left) {
                (true, true) => '╔',
                (true, false) => '╗',
                (false, true) => '╚',
                (false, false) => '╝',
            },
            (true, false, true) => '═',
            (false, true, true) => '║',
            (false, false, _) => return None,
        })
    };
    for row in 0..rows.div_ceil(2) {
        for column in 0..columns {
            let x = area.x + u16::try_from(column).unwrap_or(0);
            let y = area.y + u16::try_from(row).unwrap_or(0);
            let Some(cell) = buffer.cell_mut((x, y)) else {
                continue;
            };
            let hatched = row * 2 * height / rows >= u64::from(pixels.rows);
            let upper = average(pixels, column, row * 2, columns, rows);
            let lower =
                (row * 2 + 1 < rows).then(|| average(pixels, column, row * 2 + 1, columns, rows));
            if let Some(line) = line(column, row) {
                cell.set_char(line);
                if look.color {
                    cell.set_fg(OUTLINE);
                    cell.set_bg(if hatched {
                        HATCH[1]
                    } else {
                        color(upper, look)
                    });
                }
                continue;
            }
            if hatched {
                cell.set_char(if look.unicode { '╱' } else { '/' });
                if look.color {
                    cell.set_fg(HATCH[0]);
                    cell.set_bg(HATCH[1]);
                }
                continue;
            }
            if look.color && look.unicode {
                cell.set_symbol("▀");
                cell.set_fg(color(upper, look));
                // A last row of its own has the terminal's ground below it.
                if let Some(lower) = lower {
                    cell.set_bg(color(lower, look));
                }
            } else {
                let light: u32 = upper
                    .iter()
                    .chain(&lower.unwrap_or(upper))
                    .map(|part| u32::from(*part))
                    .sum();
                let shade = usize::try_from(light * 9 / (6 * 255)).unwrap_or(0);
                let c = SHADES.get(shade).copied().unwrap_or(b' ');
                cell.set_char(char::from(c));
            }
        }
    }
    u16::try_from(rows.div_ceil(2)).unwrap_or(u16::MAX)
}

/// Columns, and half lines: as large as it fits, its proportions kept.
fn fitting(width: u64, height: u64, area: Rect) -> (u64, u64) {
    let (columns, rows) = (u64::from(area.width), u64::from(area.height) * 2);
    // Never larger than it is.
    if width * rows <= height * columns {
        let rows = rows.min(height);
        ((width * rows / height).max(1), rows)
    } else {
        let columns = columns.min(width);
        (columns, (height * columns / width).max(1))
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
