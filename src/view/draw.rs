//! The screens, drawn from the model. Draws only: what it shows is worked out elsewhere.

mod graph;
mod overview;
mod packets;
mod picture;
mod widgets;

use std::fmt::Write as _;

use anstyle::{AnsiColor, Color as Ansi};
use ratatui_core::layout::{Constraint, Layout, Rect};
use ratatui_core::style::{Color, Modifier, Style};
use ratatui_core::terminal::Frame;
use ratatui_core::text::{Line, Span, Text};

use self::widgets::{Block, Clear, Paragraph};
use super::graphics::Graphics;
use super::load::Progress;
use super::model::{Focus, Model, Pane, Prompt, Screen};
use crate::dissect::Role;
use crate::findings::Severity;
use crate::report::text;
use crate::units::{count, counted};

/// What the terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Look {
    /// Colours.
    pub(super) color: bool,
    /// Colours of 24 bits.
    pub(super) true_color: bool,
    /// Characters outside ASCII.
    pub(super) unicode: bool,
    /// Pixels.
    pub(super) graphics: Option<Graphics>,
    /// Pixels of a cell across and down; absent where that is not known.
    pub(super) cell: Option<(u32, u32)>,
}

const HELP: &str = "\
1 2 3 4        overview, packets, time-sequence graph, the picture
Tab Shift-Tab  next pane, the one before
Enter          open: a finding's proof, a picture's first frame, a step
               of the ladder, a packet's details; there fold, unfold
Esc            back
Up Down k j    move
Left Right h l another stream, frames of the graph, along cut texts
Home End g G   to the first, to the last
PgUp PgDn      a page up, down
Ctrl-b Ctrl-f  the same
Ctrl-u Ctrl-d  half a page up, down
Space          fold, unfold
b              the bytes of the packet
/              filter in Wireshark's syntax (empty: all frames)
:              go to a frame
n N            next and previous frame that a finding names
[ ]            previous and next picture
+ -            the graph larger, smaller, around the selected frame
e              explain the finding
y              copy a Wireshark filter for what is selected
s              save the picture
p              pause (live)
?              this help
q Ctrl-c       quit

Colours: green picture bytes, cyan framing, blue answers, magenta stray
bytes, yellow sent again or out of order, red resets and errors, dim
acknowledgments. In the chunk strip a cell is a chunk: its frames (1-9, +
for more), r where bytes were sent again, . where bytes are missing, ~
where it came late. A click selects: a byte, a chunk, a picture's row.";

/// Lines at the bottom, at most.
const MOST_SAID: usize = 4;
/// Characters that are left of the name of what is viewed, at least.
const SHORTEST: usize = 24;

/// Draws the whole screen.
pub(super) fn draw(model: &mut Model, look: Look, frame: &mut Frame<'_>) {
    let area = frame.area();
    model.panes.clear();
    model.placed.clear();
    model.drawn = None;
    model.plot = None;
    if area.width < 40 || area.height < 10 {
        let said = "The terminal is too small: 40 x 10 at least. q quits.";
        let lines = text::wrap(said, usize::from(area.width), "", "");
        let lines: Vec<Line<'_>> = lines.into_iter().map(Line::raw).collect();
        frame.render_widget(Paragraph::new(lines), area);
        return;
    }
    let said = footer(model, look, area.width);
    let [head, body, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Min(3),
        Constraint::Length(u16::try_from(said.len()).unwrap_or(1)),
    ])
    .areas(area);
    header(model, look, frame, head);
    if model.loaded {
        match model.screen {
            Screen::Overview => overview::draw(model, look, frame, body),
            Screen::Packets => packets::draw(model, look, frame, body),
            Screen::Graph => graph::draw(model, look, frame, body),
            Screen::Picture => picture::draw(model, look, frame, body),
        }
    } else {
        frame.render_widget(Paragraph::new("Reading the capture…"), body);
    }
    let style = Style::new().add_modifier(Modifier::REVERSED);
    frame.render_widget(Paragraph::new(Text::from(said)).style(style), foot);
    if model.help || model.explain.is_some() {
        // Pixels lie over every cell.
        model.placed.clear();
    }
    if model.help {
        model.scroll = over(frame, look, " Keys ", HELP, model.scroll);
    } else if let Some(explained) = model.explain.clone() {
        model.scroll = over(frame, look, " Explained ", &explained, model.scroll);
    }
}

fn header(model: &Model, look: Look, frame: &mut Frame<'_>, area: Rect) {
    let data = &model.data;
    let errors = data
        .index
        .findings()
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .count();
    let warnings = data
        .index
        .findings()
        .iter()
        .filter(|finding| finding.severity == Severity::Warning)
        .count();
    let frames = data.records.len() as u64 + data.left_out;
    let mut line = format!(
        "  {}{} · {} · {}",
        counted(frames, "frame", "frames"),
        match (data.complete, model.progress) {
            (true, _) => String::new(),
            (false, None) => " so far".to_owned(),
            (false, Some(Progress::Percent(percent))) => format!(" so far, {percent} % read"),
            (false, Some(Progress::Frames(frames))) => format!(" so far, {} read", count(frames)),
        },
        counted(data.index.streams().len() as u64, "stream", "streams"),
        counted(data.index.images().len() as u64, "picture", "pictures"),
    );
    if data.left_out > 0 {
        let _ = write!(line, " ({} not listed)", count(data.left_out));
    }
    match data.drops {
        Some(0) if model.live => line.push_str(" · 0 dropped"),
        Some(drops) if drops > 0 => {
            let _ = write!(line, " · {} dropped by the kernel", count(drops));
        }
        _ => {}
    }
    // What is being written ends anywhere.
    if data.truncated && !model.goes_on {
        line.push_str(" · file cut short");
    }
    if model.paused {
        line.push_str(" · paused");
    } else if model.live {
        line.push_str(if model.goes_on {
            " · live"
        } else {
            " · ended"
        });
    }
    let line = shown(&line, look);
    let mut spans = vec![Span::raw(line)];
    if errors > 0 {
        let words = format!(
            "  {} {}",
            sign(Severity::Error, look),
            counted(errors as u64, "error", "errors")
        );
        spans.push(Span::styled(words, fore(Color::Red, look)));
    }
    if warnings > 0 {
        let words = format!("  ! {}", counted(warnings as u64, "warning", "warnings"));
        spans.push(Span::styled(words, fore(Color::Yellow, look)));
    }
    // What is viewed may have a long name: the numbers stay.
    let numbers: usize = spans.iter().map(Span::width).sum();
    let room = usize::from(area.width).saturating_sub(numbers + 1);
    let title = text::shortened(&model.title, room.max(SHORTEST));
    spans.insert(0, Span::raw(shown(&title, look)));
    let style = Style::new().add_modifier(Modifier::BOLD);
    frame.render_widget(Paragraph::new(Line::from(spans)).style(style), area);
}

/// The lines at the bottom: one, unless there is more to be said.
fn footer<'t>(model: &Model, look: Look, width: u16) -> Vec<Line<'t>> {
    let width = usize::from(width);
    let text = match &model.prompt {
        Some(Prompt::Filter(text)) => match &model.message {
            Some(message) => format!("/{text}_   {message}"),
            None => format!("/{text}_"),
        },
        Some(Prompt::Goto(text)) => format!(":{text}_   frame number"),
        None => model.message.clone().unwrap_or_else(|| {
            let screen = match model.screen {
                Screen::Overview => "1 overview",
                Screen::Packets => "2 packets",
                Screen::Graph => "3 graph",
                Screen::Picture => "4 picture",
            };
            fitting(screen, model.goes_on, width)
        }),
    };
    let text = shown(&text, look);
    let lines = if text.chars().count() <= width {
        vec![text]
    } else {
        text::wrap(&text, width, "", "")
    };
    let most = MOST_SAID.min(lines.len());
    lines
        .into_iter()
        .take(most)
        .map(|line| Line::raw(format!("{line:width$}")))
        .collect()
}

/// What keys do, as far as there is room: those that lead on come first.
fn fitting(screen: &str, goes_on: bool, width: usize) -> String {
    let mut text = screen.to_owned();
    for key in [
        "? keys",
        "q quit",
        if goes_on { "p pause" } else { "" },
        "Enter open",
        "Tab pane",
        "/ filter",
        ": frame",
        "e explain",
        "b bytes",
    ] {
        // The dot between two of them takes three columns.
        if !key.is_empty() && text.chars().count() + 3 + key.len() <= width {
            text.push_str(" · ");
            text.push_str(key);
        }
    }
    text
}

/// A box over everything, as high as what it says; returns the line with which it begins, which is not beyond the last page.
fn over(frame: &mut Frame<'_>, look: Look, title: &str, content: &str, scroll: u16) -> u16 {
    let area = frame.area();
    let width = area.width.saturating_sub(4).min(82);
    let room = usize::from(width.saturating_sub(3)).max(1);
    let lines: Vec<Line<'_>> = content
        .lines()
        .flat_map(|line| {
            let line = shown(line, look);
            // Columns stay as they are; sentences are wrapped.
            if line.chars().count() <= room {
                vec![line]
            } else {
                text::wrap(&line, room, "", "")
            }
        })
        .map(Line::raw)
        .collect();
    let height = u16::try_from(lines.len() + 2)
        .unwrap_or(u16::MAX)
        .min(area.height.saturating_sub(2));
    let rect = Rect {
        x: (area.width - width) / 2,
        y: (area.height - height) / 2,
        width,
        height,
    };
    let most = u16::try_from(lines.len())
        .unwrap_or(u16::MAX)
        .saturating_sub(height.saturating_sub(2));
    let scroll = scroll.min(most);
    frame.render_widget(Clear, rect);
    let block = Block {
        bottom: match (scroll > 0, scroll < most) {
            (_, true) => " more: Down, Space ",
            (true, false) => " before: Up ",
            (false, false) => "",
        },
        ..framed(title, true, look)
    };
    let inner = Paragraph::new(Text::from(lines)).from(scroll).block(block);
    frame.render_widget(inner, rect);
    scroll
}

/// Text made safe, and ASCII where it must be.
fn shown(content: &str, look: Look) -> String {
    text::plain(content, look.unicode).into_owned()
}

fn fore(color: Color, look: Look) -> Style {
    if look.color {
        Style::new().fg(color)
    } else {
        Style::new()
    }
}

fn sign(severity: Severity, look: Look) -> &'static str {
    match (severity, look.unicode) {
        (Severity::Error, true) => "✖",
        (Severity::Error, false) => "x",
        (Severity::Warning, _) => "!",
        (Severity::Note, true) => "·",
        (Severity::Note, false) => "-",
    }
}

/// A pane's frame; the one that has the keys stands out.
fn framed(title: &str, focused: bool, look: Look) -> Block<'_> {
    let style = if focused {
        fore(Color::Cyan, look).add_modifier(Modifier::BOLD)
    } else if look.color {
        Style::new().fg(Color::DarkGray)
    } else {
        Style::new()
    };
    let set = match (look.unicode, focused) {
        (true, true) => ratatui_core::symbols::border::THICK,
        (true, false) => ratatui_core::symbols::border::PLAIN,
        (false, focused) => ratatui_core::symbols::border::Set {
            top_left: "+",
            top_right: "+",
            bottom_left: "+",
            bottom_right: "+",
            vertical_left: "|",
            vertical_right: "|",
            horizontal_top: if focused { "=" } else { "-" },
            horizontal_bottom: if focused { "=" } else { "-" },
        },
    };
    Block {
        title,
        bottom: "",
        set,
        style,
    }
}

/// The rows of a pane that are seen, so that the selected one is among them.
fn window(selected: usize, length: usize, height: usize) -> std::ops::Range<usize> {
    let height = height.max(1);
    let top = selected
        .saturating_sub(height / 2)
        .min(length.saturating_sub(height));
    top..(top + height).min(length)
}

/// Where a pane lies, for the mouse.
fn pane(focus: Focus, inner: Rect, top: usize) -> Pane {
    Pane {
        focus,
        x: inner.x,
        y: inner.y,
        width: inner.width,
        height: inner.height,
        top,
    }
}

/// A style of the list and the dump as one of the terminal.
fn of_ansi(style: anstyle::Style, look: Look) -> Style {
    let mut out = Style::new();
    let effects = style.get_effects();
    if effects.contains(anstyle::Effects::BOLD) {
        out = out.add_modifier(Modifier::BOLD);
    }
    if effects.contains(anstyle::Effects::DIMMED) {
        out = out.add_modifier(Modifier::DIM);
    }
    if let (Some(Ansi::Ansi(color)), true) = (style.get_fg_color(), look.color) {
        out = out.fg(color_of(color));
    }
    out
}

fn color_of(color: AnsiColor) -> Color {
    match color {
        AnsiColor::Black => Color::Black,
        AnsiColor::Red => Color::Red,
        AnsiColor::Green => Color::Green,
        AnsiColor::Yellow => Color::Yellow,
        AnsiColor::Blue => Color::Blue,
        AnsiColor::Magenta => Color::Magenta,
        AnsiColor::Cyan => Color::Cyan,
        AnsiColor::White => Color::Gray,
        AnsiColor::BrightBlack => Color::DarkGray,
        AnsiColor::BrightRed => Color::LightRed,
        AnsiColor::BrightGreen => Color::LightGreen,
        AnsiColor::BrightYellow => Color::LightYellow,
        AnsiColor::BrightBlue => Color::LightBlue,
        AnsiColor::BrightMagenta => Color::LightMagenta,
        AnsiColor::BrightCyan => Color::LightCyan,
        AnsiColor::BrightWhite => Color::White,
    }
}

fn of_role(role: Role, look: Look) -> Style {
    crate::dissect::list::color(role).map_or(Style::new(), |color| fore(color_of(color), look))
}

/// The selected row.
fn selected(style: Style) -> Style {
    style.add_modifier(Modifier::REVERSED)
}
