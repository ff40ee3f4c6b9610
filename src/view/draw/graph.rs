//! Stream offset against time: data, what was sent again, gaps, and how far was acknowledged.

use ratatui_core::buffer::Buffer;
use ratatui_core::layout::Rect;
use ratatui_core::style::{Color, Modifier};
use ratatui_core::terminal::Frame;

use super::widgets::{self, Paragraph};
use super::{Look, framed, pane, shown};
use crate::units::{StreamId, Timestamp, count, duration};
use crate::view::model::{Focus, Model, Plotted, reached};

/// What a dot stands for; of several in a cell the greatest is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Mark {
    Acknowledged,
    Gap,
    Data,
    Again,
}

/// Dots of a plot: two across and four up in a cell.
struct Plot {
    width: usize,
    height: usize,
    /// Bits of the Braille pattern, and what is seen.
    cells: Vec<(u8, Option<Mark>)>,
    low: i64,
    span: i64,
    top: u64,
}

impl Plot {
    fn column(&self, time: i64) -> usize {
        let dots = i128::try_from(self.width * 2 - 1).unwrap_or(1);
        let at = i128::from(time - self.low) * dots / i128::from(self.span.max(1));
        usize::try_from(at).unwrap_or(0).min(self.width * 2 - 1)
    }

    fn row(&self, offset: u64) -> usize {
        let dots = self.height * 4 - 1;
        let at = u128::from(offset) * dots as u128 / u128::from(self.top.max(1));
        dots - usize::try_from(at).unwrap_or(0).min(dots)
    }

    fn dot(&mut self, column: usize, row: usize, mark: Mark) {
        let cell = (row / 4) * self.width + column / 2;
        let bit = match (column % 2, row % 4) {
            (0, 3) => 0x40,
            (1, 3) => 0x80,
            (0, row) => 1 << row,
            (_, row) => 8 << row,
        };
        if let Some((bits, seen)) = self.cells.get_mut(cell) {
            *bits |= bit;
            *seen = (*seen).max(Some(mark));
        }
    }
}

pub(super) fn draw(model: &mut Model, look: Look, frame: &mut Frame<'_>, area: Rect) {
    let Some(image) = model.image() else {
        frame.render_widget(
            Paragraph::new("no picture, and so no direction to draw"),
            area,
        );
        return;
    };
    let (stream, id) = (image.stream, image.id.0);
    let direction = model.data.index.direction(stream, image.from);
    let records = &model.data.records;
    let of_stream = records.of_stream(stream);
    let account = model.data.index.stream(stream);
    let account = account.and_then(|stream| stream.directions.get(direction?));
    let bytes = account.map_or(0, |account| account.unique_bytes + account.gap_bytes);
    let (mut low, mut high, mut top) = (i64::MAX, i64::MIN, 1);
    for at in &of_stream {
        let (Some(Timestamp(time)), Some(place)) = (records.time(*at), records.place(*at)) else {
            continue;
        };
        (low, high) = (low.min(time), high.max(time));
        top = top.max(reached(&place, direction).unwrap_or(0));
    }
    if bytes > 0 {
        // An acknowledgment of the FIN is one more.
        top = bytes;
    }
    if low > high {
        frame.render_widget(Paragraph::new("the capture has no times"), area);
        return;
    }
    let since = model.data.start().map_or(0, |start| low - start.0);
    let title = format!(
        " Stream {}, direction of picture {id}: {} bytes up, {} across, from {} on ",
        stream.0,
        count(top),
        duration(high - low, look.unicode),
        duration(since, look.unicode)
    );
    let title = shown(&title, look);
    let mut block = framed(&title, true, look);
    block.bottom = if look.color && look.unicode {
        " green data · yellow sent again · grey acknowledged · magenta gap "
    } else {
        " . data   r sent again   - acknowledged   = gap "
    };
    let inner = widgets::inner(area);
    frame.render_widget(block, area);
    if inner.width == 0 || inner.height == 0 {
        return;
    }
    model.plot = Some(Plotted {
        x: inner.x,
        y: inner.y,
        width: inner.width,
        height: inner.height,
        stream,
        direction,
        low,
        span: high - low,
        top,
    });
    model.panes.push(pane(Focus::Whole, inner, 0));
    let plot = plotted(
        model,
        &Shown {
            stream,
            direction,
            low,
            high,
            top,
        },
        inner,
    );
    paint(&plot, look, inner, frame.buffer_mut());
    mark_selected(model, &plot, direction, inner, frame.buffer_mut());
}

/// The selected frame stands out, where it is of this stream.
fn mark_selected(
    model: &Model,
    plot: &Plot,
    direction: Option<usize>,
    area: Rect,
    buffer: &mut Buffer,
) {
    let records = &model.data.records;
    let selected = model.record(model.row).and_then(|at| {
        let place = records.place(at)?;
        let stream = model.image()?.stream;
        let offset = reached(&place, direction).filter(|_| place.stream == stream)?;
        Some((records.time(at)?.0, offset))
    });
    let Some((time, offset)) = selected else {
        return;
    };
    let (column, row) = (plot.column(time) / 2, plot.row(offset) / 4);
    let place = u16::try_from(column)
        .ok()
        .zip(u16::try_from(row).ok())
        .and_then(|(column, row)| buffer.cell_mut((area.x + column, area.y + row)));
    if let Some(cell) = place {
        cell.modifier |= Modifier::REVERSED | Modifier::BOLD;
    }
}

/// Which direction is plotted, and between which ends.
struct Shown {
    stream: StreamId,
    direction: Option<usize>,
    low: i64,
    high: i64,
    top: u64,
}

fn plotted(model: &Model, shown: &Shown, area: Rect) -> Plot {
    let Shown {
        stream,
        direction,
        low,
        high,
        top,
    } = *shown;
    let (width, height) = (usize::from(area.width), usize::from(area.height));
    let mut plot = Plot {
        width,
        height,
        cells: vec![(0, None); width * height],
        low,
        span: high - low,
        top,
    };
    let gaps = model
        .data
        .index
        .stream(stream)
        .and_then(|stream| stream.directions.get(direction?))
        .map(|direction| direction.gaps.clone())
        .unwrap_or_default();
    for gap in gaps {
        let (from, to) = (plot.row(gap.offset + gap.length), plot.row(gap.offset));
        for row in from..=to {
            for column in 0..width * 2 {
                plot.dot(column, row, Mark::Gap);
            }
        }
    }
    let mut acked: Option<(usize, usize)> = None;
    let records = &model.data.records;
    for at in records.of_stream(stream) {
        let (Some(Timestamp(time)), Some(place)) = (records.time(at), records.place(at)) else {
            continue;
        };
        let column = plot.column(time);
        if place.direction == direction {
            if let Some(offset) = place.offset {
                let mark = if place.repeats.is_some() {
                    Mark::Again
                } else {
                    Mark::Data
                };
                let row = plot.row(offset);
                plot.dot(column, row, mark);
            }
        } else if let Some(offset) = place.acknowledges {
            let row = plot.row(offset);
            if let Some((from, level)) = acked {
                for column in from..=column {
                    plot.dot(column, level, Mark::Acknowledged);
                }
            }
            acked = Some((column, row));
        }
    }
    plot
}

fn paint(plot: &Plot, look: Look, area: Rect, buffer: &mut Buffer) {
    for (row, y) in (area.y..area.bottom()).enumerate() {
        for (column, x) in (area.x..area.right()).enumerate() {
            let Some((bits, Some(mark))) = plot.cells.get(row * plot.width + column).copied()
            else {
                continue;
            };
            let Some(cell) = buffer.cell_mut((x, y)) else {
                continue;
            };
            if look.unicode && look.color {
                cell.set_char(char::from_u32(0x2800 + u32::from(bits)).unwrap_or('.'));
                cell.set_fg(match mark {
                    Mark::Data => Color::Green,
                    Mark::Again => Color::Yellow,
                    Mark::Acknowledged => Color::DarkGray,
                    Mark::Gap => Color::Magenta,
                });
            } else {
                cell.set_char(match mark {
                    Mark::Data => '.',
                    Mark::Again => 'r',
                    Mark::Acknowledged => '-',
                    Mark::Gap => '=',
                });
            }
        }
    }
}
