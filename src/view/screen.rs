//! What ratatui draws on: a terminal that is spoken to through crossterm.

use std::io::{self, BufWriter, Stdout, Write};

use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::style::{
    Attribute, Color as To, Print, ResetColor, SetAttribute, SetBackgroundColor, SetForegroundColor,
};
use crossterm::terminal::{Clear, ClearType as Type, size};
use crossterm::{execute, queue};
use ratatui_core::backend::{Backend, ClearType, WindowSize};
use ratatui_core::buffer::Cell;
use ratatui_core::layout::{Position, Size};
use ratatui_core::style::{Color, Modifier};

/// Standard output as a screen of cells.
pub(super) struct Screen {
    out: BufWriter<Stdout>,
}

impl Screen {
    pub(super) fn new() -> Self {
        Self {
            out: BufWriter::with_capacity(64 << 10, io::stdout()),
        }
    }
}

impl Backend for Screen {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let mut next = None;
        let mut last: Option<(Color, Color, Modifier)> = None;
        for (x, y, cell) in content {
            if next != Some((x, y)) {
                queue!(self.out, MoveTo(x, y))?;
            }
            next = Some((x.saturating_add(1), y));
            let look = (cell.fg, cell.bg, cell.modifier);
            if last != Some(look) {
                queue!(self.out, SetAttribute(Attribute::Reset), ResetColor)?;
                for (modifier, attribute) in [
                    (Modifier::BOLD, Attribute::Bold),
                    (Modifier::DIM, Attribute::Dim),
                    (Modifier::ITALIC, Attribute::Italic),
                    (Modifier::UNDERLINED, Attribute::Underlined),
                    (Modifier::REVERSED, Attribute::Reverse),
                ] {
                    if cell.modifier.contains(modifier) {
                        queue!(self.out, SetAttribute(attribute))?;
                    }
                }
                if let Some(color) = color(cell.fg) {
                    queue!(self.out, SetForegroundColor(color))?;
                }
                if let Some(color) = color(cell.bg) {
                    queue!(self.out, SetBackgroundColor(color))?;
                }
                last = Some(look);
            }
            queue!(self.out, Print(cell.symbol()))?;
        }
        queue!(self.out, SetAttribute(Attribute::Reset), ResetColor)
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        execute!(self.out, Hide)
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        execute!(self.out, Show)
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        // Nobody here asks the terminal: the answer would have to be read from the keys.
        Ok(Position::ORIGIN)
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        let Position { x, y } = position.into();
        execute!(self.out, MoveTo(x, y))
    }

    fn clear(&mut self) -> io::Result<()> {
        execute!(self.out, Clear(Type::All))
    }

    fn clear_region(&mut self, kind: ClearType) -> io::Result<()> {
        let kind = match kind {
            ClearType::All => Type::All,
            ClearType::AfterCursor => Type::FromCursorDown,
            ClearType::BeforeCursor => Type::FromCursorUp,
            ClearType::CurrentLine => Type::CurrentLine,
            ClearType::UntilNewLine => Type::UntilNewLine,
        };
        execute!(self.out, Clear(kind))
    }

    fn size(&self) -> io::Result<Size> {
        let (width, height) = size()?;
        Ok(Size { width, height })
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        Ok(WindowSize {
            columns_rows: self.size()?,
            pixels: Size::ZERO,
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// A colour; absent for the terminal's own.
fn color(color: Color) -> Option<To> {
    Some(match color {
        Color::Reset => return None,
        Color::Black => To::Black,
        Color::Red => To::DarkRed,
        Color::Green => To::DarkGreen,
        Color::Yellow => To::DarkYellow,
        Color::Blue => To::DarkBlue,
        Color::Magenta => To::DarkMagenta,
        Color::Cyan => To::DarkCyan,
        Color::Gray => To::Grey,
        Color::DarkGray => To::DarkGrey,
        Color::LightRed => To::Red,
        Color::LightGreen => To::Green,
        Color::LightYellow => To::Yellow,
        Color::LightBlue => To::Blue,
        Color::LightMagenta => To::Magenta,
        Color::LightCyan => To::Cyan,
        Color::White => To::White,
        Color::Rgb(r, g, b) => To::Rgb { r, g, b },
        Color::Indexed(index) => To::AnsiValue(index),
    })
}
