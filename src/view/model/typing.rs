//! What is typed at the foot of the screen: a filter, a frame number.

use super::{Focus, Key, Model, Prompt, Screen};
use crate::dissect::Filter;

impl Model {
    pub(super) fn type_in(&mut self, key: Key) {
        let Some(prompt) = &mut self.prompt else {
            return;
        };
        let (Prompt::Filter(text) | Prompt::Goto(text)) = prompt;
        match key {
            Key::Char(c) => text.push(c),
            Key::Backspace => {
                text.pop();
            }
            Key::Control('u') => text.clear(),
            Key::Escape | Key::Control('c') => self.prompt = None,
            Key::Enter => match self.prompt.take() {
                Some(Prompt::Filter(text)) => self.set_filter(&text),
                Some(Prompt::Goto(text)) => match text.trim().parse() {
                    Ok(frame) => self.go_to(frame),
                    Err(_) => self.message = Some(format!("{text:?} is no frame number")),
                },
                None => {}
            },
            _ => {}
        }
    }

    pub(in crate::view) fn set_filter(&mut self, text: &str) {
        if text.trim().is_empty() {
            self.filter = None;
            self.chosen = None;
        } else {
            match Filter::parse(text) {
                Ok(filter) => {
                    let frame = self.record(self.row);
                    let chosen = self.data.chosen(&filter);
                    self.message = Some(format!(
                        "{} chosen",
                        crate::units::counted(chosen.len() as u64, "frame", "frames")
                    ));
                    self.row = frame.map_or(0, |frame| chosen.partition_point(|at| *at < frame));
                    self.chosen = Some(chosen);
                    self.filter = Some(filter);
                }
                Err(mistake) => {
                    let at = mistake.at.start;
                    self.message = Some(format!("{} (at character {})", mistake.message, at + 1));
                    self.prompt = Some(Prompt::Filter(text.to_owned()));
                    return;
                }
            }
        }
        self.screen = Screen::Packets;
        self.focus = Focus::List;
        self.row = self.row.min(self.rows().saturating_sub(1));
        self.open_packet();
    }
}
