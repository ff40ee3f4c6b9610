//! The two things that screens are made of: lines of text, and a frame around them.

use ratatui_core::buffer::Buffer;
use ratatui_core::layout::Rect;
use ratatui_core::style::Style;
use ratatui_core::symbols::border::Set;
use ratatui_core::text::{Line, Text};
use ratatui_core::widgets::Widget;

/// A frame with a title.
#[derive(Debug, Clone)]
pub(super) struct Block<'t> {
    pub(super) title: &'t str,
    pub(super) bottom: &'t str,
    pub(super) set: Set<'static>,
    pub(super) style: Style,
}

/// What is left within a frame around an area.
pub(super) fn inner(area: Rect) -> Rect {
    Rect {
        x: area.x.saturating_add(1),
        y: area.y.saturating_add(1),
        width: area.width.saturating_sub(2),
        height: area.height.saturating_sub(2),
    }
}

impl Widget for Block<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        if area.width < 2 || area.height < 2 {
            return;
        }
        let (right, bottom) = (area.right() - 1, area.bottom() - 1);
        let mut put = |x: u16, y: u16, symbol: &str| {
            if let Some(cell) = buffer.cell_mut((x, y)) {
                cell.set_symbol(symbol).set_style(self.style);
            }
        };
        for x in area.x + 1..right {
            put(x, area.y, self.set.horizontal_top);
            put(x, bottom, self.set.horizontal_bottom);
        }
        for y in area.y + 1..bottom {
            put(area.x, y, self.set.vertical_left);
            put(right, y, self.set.vertical_right);
        }
        put(area.x, area.y, self.set.top_left);
        put(right, area.y, self.set.top_right);
        put(area.x, bottom, self.set.bottom_left);
        put(right, bottom, self.set.bottom_right);
        let room = usize::from(area.width.saturating_sub(2));
        buffer.set_stringn(area.x + 1, area.y, self.title, room, self.style);
        buffer.set_stringn(area.x + 1, bottom, self.bottom, room, self.style);
    }
}

/// Lines of text; what is too long is cut.
#[derive(Debug, Clone)]
pub(super) struct Paragraph<'t> {
    text: Text<'t>,
    style: Style,
    block: Option<Block<'t>>,
    top: u16,
}

impl<'t> Paragraph<'t> {
    pub(super) fn new(text: impl Into<Text<'t>>) -> Self {
        Self {
            text: text.into(),
            style: Style::new(),
            block: None,
            top: 0,
        }
    }

    pub(super) fn style(self, style: Style) -> Self {
        Self { style, ..self }
    }

    pub(super) fn block(self, block: Block<'t>) -> Self {
        Self {
            block: Some(block),
            ..self
        }
    }

    /// Begins at this line.
    pub(super) fn from(self, top: u16) -> Self {
        Self { top, ..self }
    }
}

impl Widget for Paragraph<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let mut within = area;
        if let Some(block) = self.block {
            within = inner(area);
            block.render(area, buffer);
        }
        buffer.set_style(within, self.style);
        let lines = self.text.lines.into_iter().skip(usize::from(self.top));
        for (line, y) in lines.zip(within.y..within.bottom()) {
            let line: Line<'_> = line;
            buffer.set_line(within.x, y, &line, within.width);
        }
    }
}

/// Empties an area.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clear;

impl Widget for Clear {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        for y in area.y..area.bottom() {
            for x in area.x..area.right() {
                if let Some(cell) = buffer.cell_mut((x, y)) {
                    cell.reset();
                }
            }
        }
    }
}
