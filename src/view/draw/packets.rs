//! The packet list, the details of one packet, its bytes, and the chunks of its picture.

use ratatui_core::layout::{Constraint, Layout, Rect};
use ratatui_core::style::{Color, Modifier, Style};
use std::fmt::Write as _;

use ratatui_core::terminal::Frame;
use ratatui_core::text::{Line, Span};

use super::widgets::{self, Paragraph};
use super::{Look, fore, framed, of_ansi, pane, selected, shown, window};
use crate::dissect::Line as Text;
use crate::dissect::list::{Clock, Column, cell, paint};
use crate::dissect::{hex, info};
use crate::units::count;
use crate::view::model::{Focus, Model};

/// Columns where there is room for the addresses.
const WIDE: [Column; 8] = [
    Column::Number,
    Column::Time,
    Column::Source,
    Column::Destination,
    Column::Protocol,
    Column::Length,
    Column::Info,
    Column::Carries,
];
const NARROW: [Column; 6] = [
    Column::Number,
    Column::Time,
    Column::Protocol,
    Column::Length,
    Column::Info,
    Column::Carries,
];

/// On a screen that is lower, only the pane that has the keys is shown.
pub(super) const LOW: u16 = 15;
/// What a packet carries has so much room on a wide screen, in characters, before the summary is cut.
const CARRIES: usize = 46;

pub(super) fn draw(model: &mut Model, look: Look, frame: &mut Frame<'_>, area: Rect) {
    let [strip, rest] = Layout::vertical([Constraint::Length(3), Constraint::Min(6)]).areas(area);
    draw_chunks(model, look, frame, strip);
    if area.height < LOW {
        match model.focus {
            Focus::Details => draw_details(model, look, frame, rest),
            Focus::Bytes => draw_bytes(model, look, frame, rest),
            _ => draw_list(model, look, frame, rest),
        }
        return;
    }
    let wide = rest.width >= 150;
    if wide {
        let [list, below] =
            Layout::vertical([Constraint::Percentage(45), Constraint::Min(6)]).areas(rest);
        let [details, bytes] =
            Layout::horizontal([Constraint::Min(40), Constraint::Length(90)]).areas(below);
        draw_list(model, look, frame, list);
        draw_details(model, look, frame, details);
        draw_bytes(model, look, frame, bytes);
        return;
    }
    // The pane that has the keys gets the room.
    let shares: [u32; 3] = match model.focus {
        Focus::Details => [2, 4, 2],
        Focus::Bytes => [2, 2, 4],
        _ => [4, 2, 2],
    };
    let [list, details, bytes] =
        Layout::vertical(shares.map(|share| Constraint::Ratio(share, 8))).areas(rest);
    draw_list(model, look, frame, list);
    draw_details(model, look, frame, details);
    draw_bytes(model, look, frame, bytes);
}

fn draw_chunks(model: &mut Model, look: Look, frame: &mut Frame<'_>, area: Rect) {
    let Some(image) = model.image() else {
        let block = framed(" Chunks ", false, look);
        frame.render_widget(Paragraph::new("no picture").block(block), area);
        return;
    };
    let size = image.chunk_size.map_or_else(
        || "chunks not known".to_owned(),
        |size| format!("chunks of {}", count(size)),
    );
    let title = format!(
        " Picture {}: {} bytes, {size}, chunk {} ",
        image.id.0,
        count(image.bytes),
        count(model.chunk)
    );
    let chunks: Vec<_> = image
        .chunks
        .as_ref()
        .map(|chunks| chunks.iter().collect())
        .unwrap_or_default();
    let title = shown(&title, look);
    let block = framed(&title, model.focus == Focus::Chunks, look);
    let inner = widgets::inner(area);
    frame.render_widget(block, area);
    let at = usize::try_from(model.chunk).unwrap_or(0);
    let cells = window(at, chunks.len(), usize::from(inner.width));
    // A chunk that came more than twice as late as the median pause is late.
    let mut pauses: Vec<i64> = chunks
        .iter()
        .zip(chunks.iter().skip(1))
        .filter_map(|(a, b)| Some(b.started?.since(a.ended?)))
        .collect();
    pauses.sort_unstable();
    let median = pauses.get(pauses.len() / 2).copied().unwrap_or(0);
    let mut spans = Vec::new();
    for at in cells.clone() {
        let Some(chunk) = chunks.get(at) else { break };
        let pause = at
            .checked_sub(1)
            .and_then(|before| chunks.get(before))
            .and_then(|before| Some(chunk.started?.since(before.ended?)))
            .unwrap_or(0);
        let (mark, color) = if chunk.unique_bytes == 0 || chunk.gap_bytes > 0 {
            ('.', Color::Magenta)
        } else if chunk.duplicate_bytes > 0 {
            ('r', Color::Yellow)
        } else if pause > 20_000_000 && pause > median.saturating_mul(10) {
            ('~', Color::LightYellow)
        } else {
            let packets = u32::try_from(chunk.packets).unwrap_or(u32::MAX);
            let digit = char::from_digit(packets, 10).filter(|_| packets < 10);
            (digit.unwrap_or('+'), Color::Green)
        };
        let mut style = fore(color, look);
        if at as u64 == model.chunk {
            style = selected(style);
        }
        spans.push(Span::styled(mark.to_string(), style));
    }
    frame.render_widget(Paragraph::new(Line::from(spans)), inner);
    model.panes.push(pane(Focus::Chunks, inner, cells.start));
}

fn draw_list(model: &mut Model, look: Look, frame: &mut Frame<'_>, area: Rect) {
    let rows_in_all = model.rows();
    let title = match &model.filter {
        Some(filter) => format!(" Packets: {filter} ({}) ", count(rows_in_all as u64)),
        None => " Packets ".to_owned(),
    };
    let title = shown(&title, look);
    let inner = widgets::inner(area);
    let height = usize::from(inner.height).saturating_sub(1).max(1);
    model.page = height;
    if rows_in_all == 0 {
        frame.render_widget(framed(&title, model.focus == Focus::List, look), area);
        frame.render_widget(Paragraph::new("no frame is chosen"), inner);
        return;
    }
    let rows = window(model.row, rows_in_all, height);
    // Addresses need the room of both only where there is some.
    let columns: &[Column] = if inner.width >= 110 { &WIDE } else { &NARROW };
    let cells = cells_of(model, rows.clone(), columns, usize::from(inner.width), look);
    let widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(at, column)| {
            let title = heading(*column).len();
            let widest = cells
                .iter()
                .filter_map(|(texts, _, _)| texts.get(at))
                .map(|text| text.chars().count())
                .max()
                .unwrap_or(0);
            title.max(widest)
        })
        .collect();
    // What a packet carries is what one comes here for: the summary gives way, but not to what only some rows need.
    let is_wide = inner.width >= 110;
    let needed = columns.iter().zip(&widths).map(|(column, width)| {
        let most = match column {
            Column::Carries if is_wide => CARRIES,
            _ => usize::MAX,
        };
        (*width).min(most)
    });
    let fixed: usize = needed.sum::<usize>() + widths.len() + 1;
    let over = fixed.saturating_sub(usize::from(inner.width));
    let info_at = columns.iter().position(|column| *column == Column::Info);
    let beneath = beneath(model, (over > 0, usize::from(inner.width)), look);
    let mut block = framed(&title, model.focus == Focus::List, look);
    block.bottom = &beneath;
    frame.render_widget(block, area);
    let line = |texts: &[String], mark: &str| {
        let mut out = format!("{mark} ");
        for (at, (text, column)) in texts.iter().zip(columns).enumerate() {
            let mut width = widths.get(at).copied().unwrap_or(0);
            if Some(at) == info_at {
                width = width.saturating_sub(over).max(12);
            }
            if *column == Column::Carries {
                // It stands at the end, and goes as far as the screen.
                let room = usize::from(inner.width).saturating_sub(out.chars().count());
                width = width.min(room);
            }
            let clipped = part(text, width, model.across, look);
            let right = matches!(column, Column::Number | Column::Time | Column::Length);
            if right {
                let _ = write!(out, "{clipped:>width$} ");
            } else {
                let _ = write!(out, "{clipped:<width$} ");
            }
        }
        out
    };
    let titles: Vec<String> = columns
        .iter()
        .map(|column| heading(*column).to_owned())
        .collect();
    let mut lines = vec![Line::styled(
        line(&titles, " "),
        Style::new().add_modifier(Modifier::BOLD),
    )];
    for ((texts, style, mark), row) in cells.iter().zip(rows.clone()) {
        let style = if row == model.row {
            selected(*style)
        } else {
            *style
        };
        lines.push(Line::styled(line(texts, mark), style));
    }
    frame.render_widget(Paragraph::new(lines), inner);
    let below = Rect {
        y: inner.y + 1,
        height: inner.height.saturating_sub(1),
        ..inner
    };
    model.panes.push(pane(Focus::List, below, rows.start));
}

/// A row's cells, how they look, and its mark.
type Row = (Vec<String>, Style, &'static str);

fn cells_of(
    model: &Model,
    rows: std::ops::Range<usize>,
    columns: &[Column],
    width: usize,
    look: Look,
) -> Vec<Row> {
    let mut cells = Vec::new();
    for row in rows {
        let Some(record) = model.record(row) else {
            break;
        };
        let row = model.data.with(record, |seen| {
            let texts = columns
                .iter()
                .map(|column| {
                    let mut text = Text::default();
                    if *column == Column::Info && width < 110 && model.across == 0 {
                        short_info(seen, look.unicode, &mut text);
                    } else {
                        cell(seen, *column, Clock::Relative, look.unicode, &mut text);
                    }
                    text.into_string()
                })
                .collect();
            let worst = seen.index.worst_of(seen.frame.number);
            let mark = worst.map_or(" ", |severity| super::sign(severity, look));
            (texts, of_ansi(paint(seen), look), mark)
        });
        cells.extend(row);
    }
    cells
}

/// So many characters of a text, from as far on as was asked for and there is more of it; what is left out on either side is marked.
fn part(text: &str, room: usize, across: usize, look: Look) -> String {
    let length = text.chars().count();
    if length <= room {
        return text.to_owned();
    }
    let mark = if look.unicode { '…' } else { '~' };
    let start = across.min(length - room);
    let last = room.saturating_sub(1);
    text.chars()
        .skip(start)
        .take(room)
        .enumerate()
        .map(|(at, c)| {
            let left_out = at == 0 && start > 0 || at == last && start + room < length;
            if left_out { mark } else { c }
        })
        .collect()
}

/// What stands beneath the list where its summaries are shortened: all of the selected packet's.
fn beneath(model: &Model, (shortened, width): (bool, usize), look: Look) -> String {
    if !shortened && width >= 110 {
        return String::new();
    }
    let info = model.record(model.row).and_then(|record| {
        model.data.with(record, |seen| {
            let mut text = Text::default();
            info::write(seen, &mut text, look.unicode);
            text.into_string()
        })
    });
    match info {
        Some(info) => {
            let room = width.saturating_sub(2);
            format!(" {} ", part(&shown(&info, look), room, model.across, look))
        }
        None => String::new(),
    }
}

fn heading(column: Column) -> &'static str {
    match column {
        Column::Number => "No.",
        Column::Time => "Time",
        Column::Source => "Source",
        Column::Destination => "Destination",
        Column::Protocol => "Prot",
        Column::Length => "Len",
        Column::Carries => "Carries",
        _ => "Info",
    }
}

/// Ports and flags: what there is room for on a narrow screen.
fn short_info(seen: &crate::dissect::Seen<'_>, unicode: bool, out: &mut Text) {
    let mut whole = Text::default();
    info::write(seen, &mut whole, unicode);
    let whole = whole.into_string();
    match whole.split_once("] Seq=") {
        Some((start, _)) => {
            out.push_str(start);
            out.push_str("]");
        }
        None => out.push_str(&whole),
    }
}

fn draw_details(model: &mut Model, look: Look, frame: &mut Frame<'_>, area: Rect) {
    let block = framed(" Details ", model.focus == Focus::Details, look);
    let inner = widgets::inner(area);
    frame.render_widget(block, area);
    let rows = window(model.line, model.lines.len(), usize::from(inner.height));
    let mut lines = Vec::new();
    for at in rows.clone() {
        let Some(line) = model.lines.get(at) else {
            break;
        };
        let fold = match (line.children, line.open, look.unicode) {
            (false, _, _) => "  ",
            (true, true, true) => "▾ ",
            (true, false, true) => "▸ ",
            (true, true, false) => "v ",
            (true, false, false) => "> ",
        };
        let indent = line.depth * 2;
        let left = format!("{:indent$}{fold}{}", "", line.label);
        let range = line
            .bytes
            .as_ref()
            .filter(|bytes| !bytes.is_empty())
            .map(|bytes| format!("{:04x}-{:04x}", bytes.start, bytes.end - 1))
            .unwrap_or_default();
        let gap = usize::from(inner.width).saturating_sub(left.chars().count() + range.len());
        let text = if gap >= 2 {
            format!("{left}{:gap$}{range}", "")
        } else {
            left
        };
        let mut style = of_ansi(hex::paint(line.layer), look);
        if line.depth == 0 {
            style = style.add_modifier(Modifier::BOLD);
        }
        if at == model.line {
            style = selected(style);
        }
        lines.push(Line::styled(shown(&text, look), style));
    }
    frame.render_widget(Paragraph::new(lines), inner);
    model.panes.push(pane(Focus::Details, inner, rows.start));
}

fn draw_bytes(model: &mut Model, look: Look, frame: &mut Frame<'_>, area: Rect) {
    let mut title = format!(" Bytes: {} ", model.byte);
    if let (Some(offset), Some(image)) = (model.picture_offset(), model.image()) {
        title = format!(
            " Bytes: {} · picture {} byte {} · chunk {} ",
            model.byte,
            image.id.0,
            count(offset),
            count(model.chunk)
        );
    }
    let title = shown(&title, look);
    let block = framed(&title, model.focus == Focus::Bytes, look);
    let inner = widgets::inner(area);
    frame.render_widget(block, area);
    let Some(shown_frame) = model
        .record(model.row)
        .and_then(|record| model.data.records.frame(record))
    else {
        return;
    };
    let data = shown_frame.data;
    let marked = model.marked();
    let height = usize::from(inner.height);
    let many = hex::in_line(usize::from(inner.width));
    let rows = window(model.byte / many, data.len().div_ceil(many), height);
    let mut lines = Vec::new();
    for row in rows.clone() {
        let start = row * many;
        let bytes = data
            .get(start..(start + many).min(data.len()))
            .unwrap_or_default();
        let style_of = |at: usize| {
            let stretch = model.stretches.iter().find(|it| it.bytes.contains(&at));
            let style = stretch.map_or(Style::new(), |it| of_ansi(hex::paint(it.layer), look));
            if at == model.byte {
                selected(style).add_modifier(Modifier::BOLD | Modifier::UNDERLINED)
            } else if marked.contains(&at) {
                selected(style)
            } else {
                style
            }
        };
        let mut spans = vec![Span::raw(format!("{start:04x}  "))];
        for at in 0..many {
            if at == hex::LINE / 2 {
                spans.push(Span::raw(" "));
            }
            match bytes.get(at) {
                Some(byte) => {
                    spans.push(Span::styled(format!("{byte:02x}"), style_of(start + at)));
                    spans.push(Span::raw(" "));
                }
                None => spans.push(Span::raw("   ")),
            }
        }
        spans.push(Span::raw(" "));
        for (at, byte) in bytes.iter().enumerate() {
            let plain = (0x20..0x7f).contains(byte);
            let c = if plain { char::from(*byte) } else { '.' };
            spans.push(Span::styled(c.to_string(), style_of(start + at)));
        }
        let notes: Vec<&str> = model
            .stretches
            .iter()
            .filter(|it| (start..start + many).contains(&it.bytes.start))
            .map(|it| it.note.as_str())
            .collect();
        if !notes.is_empty() {
            let gap = many - bytes.len() + 2;
            spans.push(Span::raw(format!(
                "{:gap$}{}",
                "",
                shown(&notes.join(", "), look)
            )));
        }
        lines.push(Line::from(spans));
    }
    frame.render_widget(Paragraph::new(lines), inner);
    model.in_line = many;
    model.panes.push(pane(Focus::Bytes, inner, rows.start));
}
