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
    bottom: u64,
    top: u64,
}

impl Plot {
    /// Whether there is room for this time.
    fn shows(&self, time: i64) -> bool {
        (self.low..=self.low.saturating_add(self.span)).contains(&time)
    }

    fn column(&self, time: i64) -> usize {
        let dots = i128::try_from(self.width * 2 - 1).unwrap_or(1);
        let at = i128::from(time - self.low).max(0) * dots / i128::from(self.span.max(1));
        usize::try_from(at).unwrap_or(0).min(self.width * 2 - 1)
    }

    fn row(&self, offset: u64) -> usize {
        let dots = self.height * 4 - 1;
        let above = u128::from(offset.saturating_sub(self.bottom));
        let at = above * dots as u128 / u128::from((self.top - self.bottom).max(1));
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
    let mut bottom = 0;
    if model.zoom > 0 {
        (low, high) = zoomed(low, high, model.zoom, selected_time(model, stream));
        (bottom, top) = between(model, stream, direction, low, high).unwrap_or((0, top));
    }
    let since = model.data.start().map_or(0, |start| low - start.0);
    let title = format!(
        " Stream {}, direction of picture {id}: {} bytes up, {} across, from {} on ",
        stream.0,
        count(top - bottom),
        duration(high - low, look.unicode),
        duration(since, look.unicode)
    );
    let title = shown(&title, look);
    let mut block = framed(&title, true, look);
    block.bottom = if look.color && look.unicode {
        " green data · yellow sent again · grey acknowledged · magenta gap · + - zoom "
    } else {
        " . data   r sent again   - acknowledged   = gap   + - zoom "
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
        bottom,
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
            bottom,
            top,
        },
        inner,
    );
    paint(&plot, look, inner, frame.buffer_mut());
    mark_selected(model, &plot, direction, inner, frame.buffer_mut());
}

/// A part of the time from `low` to `high`, half as long for each step, around a moment; at the end where there is none.
fn zoomed(low: i64, high: i64, steps: u32, around: Option<i64>) -> (i64, i64) {
    let span = ((high - low) >> steps.min(62)).max(1);
    let middle = around.unwrap_or(low).clamp(low, high);
    let from = (middle - span / 2).min(high - span).max(low);
    (from, from + span)
}

/// When the selected frame was captured, where it is of this stream.
fn selected_time(model: &Model, stream: StreamId) -> Option<i64> {
    let at = model.record(model.row)?;
    let place = model.data.records.place(at)?;
    (place.stream == stream).then(|| model.data.records.time(at).map(|time| time.0))?
}

/// Lowest and highest stream offset between two moments.
fn between(
    model: &Model,
    stream: StreamId,
    direction: Option<usize>,
    low: i64,
    high: i64,
) -> Option<(u64, u64)> {
    let records = &model.data.records;
    let offsets = records.of_stream(stream).into_iter().filter_map(|at| {
        let time = records.time(at)?.0;
        let offset = reached(&records.place(at)?, direction)?;
        (low..=high).contains(&time).then_some(offset)
    });
    let (lowest, highest) = offsets.fold((u64::MAX, 0), |(lowest, highest), offset| {
        (offset.min(lowest), offset.max(highest))
    });
    (lowest <= highest).then(|| (lowest, highest.max(lowest + 1)))
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
        Some((records.time(at)?.0, offset)).filter(|(time, _)| plot.shows(*time))
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
    bottom: u64,
    top: u64,
}

fn plotted(model: &Model, shown: &Shown, area: Rect) -> Plot {
    let Shown {
        stream,
        direction,
        low,
        high,
        bottom,
        top,
    } = *shown;
    let (width, height) = (usize::from(area.width), usize::from(area.height));
    let mut plot = Plot {
        width,
        height,
        cells: vec![(0, None); width * height],
        low,
        span: high - low,
        bottom,
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
        if gap.offset >= top || gap.offset + gap.length <= bottom {
            continue;
        }
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
            if let Some(offset) = place.offset.filter(|_| plot.shows(time)) {
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
            if let Some((from, level)) = acked.filter(|_| time >= low) {
                for column in from..=column {
                    plot.dot(column, level, Mark::Acknowledged);
                }
            }
            if time > high {
                break;
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
