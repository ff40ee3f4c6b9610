//! What the mouse does.

use super::{Focus, Key, Model, Wish};
use crate::dissect::hex;

impl Model {
    /// A click, or a turn of the wheel, at a place of the screen.
    pub(in crate::view) fn click(&mut self, column: u16, line: u16) -> Option<Wish> {
        if self.is_covered() {
            self.uncover();
            return None;
        }
        let pane = self.panes.iter().copied().find(|pane| {
            (pane.x..pane.x + pane.width).contains(&column)
                && (pane.y..pane.y + pane.height).contains(&line)
        })?;
        let at = pane.top + usize::from(line - pane.y);
        let again = self.focus == pane.focus;
        self.focus = pane.focus;
        match pane.focus {
            Focus::Findings => {
                let same = again && self.finding == at;
                self.finding = at.min(self.data.index.findings().len().saturating_sub(1));
                self.see_finding();
                if same {
                    return self.enter();
                }
            }
            Focus::Pictures => {
                let same = again && self.picture == at;
                self.picture = at.min(self.data.index.images().len().saturating_sub(1));
                if let Some(stream) = self.image().map(|image| image.stream) {
                    self.stream = stream.0;
                    self.climb();
                }
                if same {
                    return self.enter();
                }
            }
            Focus::Ladder => {
                let same = again && self.rung == at;
                self.rung = at.min(self.rungs.len().saturating_sub(1));
                if same {
                    return self.enter();
                }
            }
            Focus::List => {
                self.row = at.min(self.rows().saturating_sub(1));
                self.open_packet();
            }
            Focus::Details => {
                let same = again && self.line == at;
                self.line = at.min(self.lines.len().saturating_sub(1));
                self.byte_of_line();
                if same {
                    self.fold();
                }
            }
            Focus::Bytes => self.click_byte(column - pane.x, at),
            Focus::Chunks => {
                let chunk = u64::from(column - pane.x) + pane.top as u64;
                self.chunk = chunk;
                self.go_to_chunk();
            }
            Focus::Whole => self.click_whole(column, line),
        }
        self.fetch_structure()
    }

    fn click_byte(&mut self, column: u16, line: usize) {
        // Offset, two blanks, three columns a byte, one more in the middle of a whole line; then the characters.
        let column = usize::from(column);
        let whole = self.in_line == hex::LINE;
        let in_line = match column {
            6..=29 => Some((column - 6) / 3),
            31..=38 if !whole => Some(column - 31),
            31..=54 if whole => Some((column - 31) / 3 + 8),
            56..=71 if whole => Some(column - 56),
            _ => None,
        };
        if let Some(at) = in_line {
            self.byte = (line * self.in_line + at).min(self.frame_length().saturating_sub(1));
            self.line_of_byte();
            self.chunk_of_byte();
        }
    }

    /// The wheel turned over a place.
    pub(in crate::view) fn wheel(&mut self, column: u16, line: u16, down: bool) {
        if self.is_covered() {
            let scroll = self.scroll;
            self.scroll = if down {
                scroll.saturating_add(3)
            } else {
                scroll.saturating_sub(3)
            };
            return;
        }
        let pane = self.panes.iter().copied().find(|pane| {
            (pane.x..pane.x + pane.width).contains(&column)
                && (pane.y..pane.y + pane.height).contains(&line)
        });
        if let Some(pane) = pane {
            let focus = std::mem::replace(&mut self.focus, pane.focus);
            for _ in 0..3 {
                self.travel(if down { Key::Down } else { Key::Up });
            }
            if pane.focus != Focus::Chunks {
                self.focus = focus;
            }
        }
    }
}
