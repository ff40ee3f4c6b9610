//! What moves a selection: within the pane that has the keys, to the next picture, to the next finding.

use super::{Focus, Key, Model, Screen, Wish};

/// The longest text of the list is passed over so far, at most.
const FARTHEST: usize = 400;

impl Model {
    pub(super) fn next_picture(&mut self, forward: bool) -> Option<Wish> {
        self.choose_picture(forward, 1);
        // On the overview no packet is shown, and a filter stays.
        if self.screen != Screen::Overview
            && let Some(frame) = self.image().and_then(|image| image.first_packet)
        {
            self.select_record(self.data.at(frame.0));
        }
        if self.screen == Screen::Picture {
            self.fetch()
        } else {
            None
        }
    }

    /// Moves on in the list of pictures, to the first chunk of another.
    fn choose_picture(&mut self, forward: bool, step: usize) {
        let before = self.picture;
        self.picture = moved(before, self.data.index.images().len(), forward, step);
        if self.picture != before {
            self.chunk = 0;
        }
        if let Some(stream) = self.image().map(|image| image.stream) {
            self.stream = stream.0;
            self.climb();
        }
    }

    /// The next frame that a finding names.
    pub(super) fn next_finding(&mut self, forward: bool) {
        let Some(record) = self.record(self.row) else {
            return;
        };
        let here = self.data.records.number(record);
        let frames = self
            .data
            .index
            .findings()
            .iter()
            .filter(|finding| finding.severity != crate::findings::Severity::Note)
            .flat_map(|finding| finding.packets.iter().map(|frame| frame.0));
        let next = if forward {
            frames.filter(|frame| *frame > here).min()
        } else {
            frames.filter(|frame| *frame < here).max()
        };
        match next {
            Some(frame) => self.go_to(frame),
            None => self.message = Some("no more frames that a finding names".to_owned()),
        }
    }

    /// Moves the selection of the pane that has the keys.
    pub(super) fn travel(&mut self, key: Key) {
        let page = self.page.max(1);
        let (forward, step) = match key {
            Key::Down | Key::Char('j') => (true, 1),
            Key::Up | Key::Char('k') => (false, 1),
            Key::PageDown | Key::Control('f') => (true, page),
            Key::PageUp | Key::Control('b') => (false, page),
            Key::Control('d') => (true, page / 2 + 1),
            Key::Control('u') => (false, page / 2 + 1),
            Key::Home | Key::Char('g') => (false, usize::MAX),
            Key::End | Key::Char('G') => (true, usize::MAX),
            Key::Left | Key::Right | Key::Char('h' | 'l' | ' ') => {
                self.sideways(key);
                return;
            }
            _ => return,
        };
        match self.focus {
            Focus::Findings => {
                self.finding = moved(
                    self.finding,
                    self.data.index.findings().len(),
                    forward,
                    step,
                );
                self.see_finding();
            }
            Focus::Pictures => self.choose_picture(forward, step),
            Focus::Ladder => self.rung = moved(self.rung, self.rungs.len(), forward, step),
            Focus::List => {
                self.row = moved(self.row, self.rows(), forward, step);
                self.open_packet();
            }
            Focus::Details => {
                self.line = moved(self.line, self.lines.len(), forward, step);
                self.byte_of_line();
            }
            Focus::Bytes => {
                let step = step.saturating_mul(self.in_line);
                self.byte = moved(self.byte, self.frame_length(), forward, step);
                self.line_of_byte();
                self.chunk_of_byte();
            }
            Focus::Chunks => self.next_chunk(forward, step),
            Focus::Whole => self.along(forward, step),
        }
    }

    fn next_chunk(&mut self, forward: bool, step: usize) {
        let chunks = self
            .image()
            .and_then(|image| image.chunks.as_ref())
            .map_or(0, |chunks| {
                usize::try_from(chunks.len()).unwrap_or(usize::MAX)
            });
        let chunk = usize::try_from(self.chunk).unwrap_or(0);
        self.chunk = moved(chunk, chunks, forward, step) as u64;
        self.go_to_chunk();
    }

    pub(super) fn frame_length(&self) -> usize {
        self.record(self.row)
            .map_or(0, |record| self.data.records.captured(record))
    }

    fn sideways(&mut self, key: Key) {
        let forward = matches!(key, Key::Right | Key::Char('l' | ' '));
        match self.focus {
            Focus::Details => {
                let Some(line) = self.lines.get(self.line) else {
                    return;
                };
                let path = line.path.clone();
                match (key, line.open) {
                    (Key::Char(' '), _) => self.fold(),
                    (_, open) if forward != open && line.children => self.fold(),
                    (_, false) if !forward => {
                        let parent = path.split_last().map(|(_, parent)| parent.to_vec());
                        let at = self
                            .lines
                            .iter()
                            .position(|line| Some(&line.path) == parent.as_ref());
                        self.line = at.unwrap_or(self.line);
                        self.byte_of_line();
                    }
                    _ => {}
                }
            }
            Focus::Bytes => {
                self.byte = moved(self.byte, self.frame_length(), forward, 1);
                self.line_of_byte();
                self.chunk_of_byte();
            }
            Focus::Chunks => self.next_chunk(forward, 1),
            Focus::List => self.across = moved(self.across, FARTHEST, forward, 8),
            Focus::Whole => self.along(forward, 1),
            Focus::Ladder => {
                let streams = self.data.index.streams().len();
                let stream = usize::try_from(self.stream).unwrap_or(0);
                self.stream = u32::try_from(moved(stream, streams, forward, 1)).unwrap_or(0);
                self.rung = 0;
                self.climb();
            }
            _ => {}
        }
    }
}

fn moved(at: usize, length: usize, forward: bool, step: usize) -> usize {
    let last = length.saturating_sub(1);
    if forward {
        at.saturating_add(step).min(last)
    } else {
        at.saturating_sub(step).min(last)
    }
}
