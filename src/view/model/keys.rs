//! What keys do: each on its screen and its pane.

use super::{Focus, Key, Model, Prompt, Screen, Wish};
use crate::units::FrameNumber;

/// The graph is made twice as large so often at most: then a second is a thousandth of a microsecond wide.
const MOST_ZOOM: u32 = 30;

impl Model {
    /// Whether a box lies over the screen: the keys, or an explanation.
    pub(super) fn is_covered(&self) -> bool {
        self.help || self.explain.is_some()
    }

    /// Moves within the box that lies over the screen, or takes it away. How far it goes is known when it is drawn.
    fn read_on(&mut self, key: Key) {
        let scroll = self.scroll;
        self.scroll = match key {
            Key::Down | Key::Char('j') => scroll.saturating_add(1),
            Key::Up | Key::Char('k') => scroll.saturating_sub(1),
            Key::PageDown | Key::Char(' ') | Key::Control('f' | 'd') => scroll.saturating_add(10),
            Key::PageUp | Key::Control('b' | 'u') => scroll.saturating_sub(10),
            Key::Home | Key::Char('g') => 0,
            Key::End | Key::Char('G') => u16::MAX,
            _ => {
                self.uncover();
                0
            }
        };
    }

    /// Takes the box away that lies over the screen.
    pub(super) fn uncover(&mut self) {
        self.help = false;
        self.explain = None;
        self.scroll = 0;
    }

    /// Takes a key; says what is to be done that a model cannot do.
    pub(in crate::view) fn key(&mut self, key: Key) -> Option<Wish> {
        self.touched = true;
        self.message = None;
        if self.prompt.is_some() {
            self.type_in(key);
            return None;
        }
        if self.is_covered() {
            self.read_on(key);
            return None;
        }
        match key {
            Key::Char('q') | Key::Control('c') => return Some(Wish::Quit),
            Key::Char('?') => self.help = true,
            Key::Char('/') => {
                let before = self
                    .filter
                    .as_ref()
                    .map(ToString::to_string)
                    .unwrap_or_default();
                self.prompt = Some(Prompt::Filter(before));
            }
            Key::Char(':') => self.prompt = Some(Prompt::Goto(String::new())),
            Key::Char('1') => self.show(Screen::Overview, Focus::Ladder),
            Key::Char('2') => {
                if self.goes_on && !self.listed && self.row == 0 {
                    // Whoever comes to look at a capture that goes on wants to see what comes.
                    self.row = self.rows().saturating_sub(1);
                    self.open_packet();
                }
                self.show(Screen::Packets, Focus::List);
            }
            Key::Char('3') => self.show(Screen::Graph, Focus::Whole),
            Key::Char('4') => {
                self.show(Screen::Picture, Focus::Whole);
                return self.fetch();
            }
            Key::Char('+' | '=') if self.screen == Screen::Graph => {
                self.zoom = (self.zoom + 1).min(MOST_ZOOM);
            }
            Key::Char('-' | '_') if self.screen == Screen::Graph => {
                self.zoom = self.zoom.saturating_sub(1);
            }
            Key::Char('e') => self.explain_selected(),
            Key::Char('y') => return self.copy(),
            Key::Char('s') => return self.image().map(|image| Wish::Save(image.id.0)),
            Key::Char('p') if self.live => {
                self.paused = !self.paused;
                if let (false, Some(data)) = (self.paused, self.held.take()) {
                    return self.take(*data);
                }
            }
            Key::Char('b') => self.show(Screen::Packets, Focus::Bytes),
            Key::Char('[') => return self.next_picture(false),
            Key::Char(']') => return self.next_picture(true),
            Key::Char('n') => self.next_finding(true),
            Key::Char('N') => self.next_finding(false),
            Key::Tab => self.turn(true),
            Key::BackTab => self.turn(false),
            Key::Escape => self.back(),
            Key::Enter => return self.enter(),
            key => self.travel(key),
        }
        self.fetch_structure()
    }

    pub(super) fn show(&mut self, screen: Screen, focus: Focus) {
        self.screen = screen;
        self.focus = focus;
        self.listed |= screen == Screen::Packets;
        if screen == Screen::Overview && self.behind {
            self.climb();
        }
    }

    /// Asks for the selected picture where it is not here.
    pub(super) fn fetch(&mut self) -> Option<Wish> {
        let id = self.image()?.id.0;
        let here = self
            .fetched
            .as_ref()
            .is_some_and(|picture| picture.id == id);
        if here || self.wanted == Some(id) {
            return None;
        }
        self.wanted = Some(id);
        Some(Wish::Fetch(id))
    }

    /// The details name the picture's own segments: for that its bytes are needed.
    pub(super) fn fetch_structure(&mut self) -> Option<Wish> {
        let reading =
            self.screen == Screen::Packets && matches!(self.focus, Focus::Details | Focus::Bytes);
        let carries = self
            .stretches
            .iter()
            .any(|stretch| stretch.picture_offset.is_some());
        if reading && carries {
            self.fetch()
        } else {
            None
        }
    }

    pub(super) fn back(&mut self) {
        match self.focus {
            Focus::Bytes | Focus::Details => self.focus = Focus::List,
            _ if self.screen != Screen::Overview => {
                let focus = if self.data.index.findings().is_empty() {
                    Focus::Ladder
                } else {
                    Focus::Findings
                };
                self.show(Screen::Overview, focus);
            }
            _ => {}
        }
    }

    pub(super) fn turn(&mut self, forward: bool) {
        let order: &[Focus] = match self.screen {
            Screen::Overview => &[Focus::Findings, Focus::Pictures, Focus::Ladder],
            Screen::Packets => &[Focus::List, Focus::Details, Focus::Bytes, Focus::Chunks],
            Screen::Graph | Screen::Picture => &[Focus::Whole],
        };
        let at = order
            .iter()
            .position(|focus| *focus == self.focus)
            .unwrap_or(0);
        let step = if forward { 1 } else { order.len() - 1 };
        if let Some(focus) = order.get((at + step) % order.len()) {
            self.focus = *focus;
        }
    }

    pub(super) fn enter(&mut self) -> Option<Wish> {
        match self.focus {
            Focus::Findings => {
                let proof = self
                    .data
                    .index
                    .findings()
                    .get(self.finding)
                    .and_then(|finding| self.data.telling(&finding.packets));
                match proof {
                    Some(frame) => self.go_to(frame),
                    None => self.message = Some("this finding names no frame".to_owned()),
                }
            }
            Focus::Pictures => {
                let first = self.image().and_then(|image| image.first_packet);
                match first {
                    Some(FrameNumber(frame)) => self.go_to(frame),
                    None => {
                        self.message = Some("no frame carries a byte of this picture".to_owned());
                    }
                }
            }
            Focus::Ladder => {
                if let Some(frame) = self.rungs.get(self.rung).map(|rung| rung.first) {
                    self.go_to(frame);
                }
            }
            Focus::List | Focus::Bytes => self.focus = Focus::Details,
            Focus::Details => self.fold(),
            Focus::Chunks => self.go_to_chunk(),
            Focus::Whole => self.show(Screen::Packets, Focus::List),
        }
        self.fetch_structure()
    }

    pub(super) fn fold(&mut self) {
        let Some(line) = self.lines.get(self.line) else {
            return;
        };
        let path = line.path.clone();
        if line.children && !self.opened.remove(&path) {
            self.opened.insert(path);
        }
        self.lay_out();
    }

    pub(super) fn go_to_chunk(&mut self) {
        let chunk = self.image().and_then(|image| {
            let chunks = image.chunks.as_ref()?;
            chunks.iter().nth(usize::try_from(self.chunk).ok()?)
        });
        if let Some(FrameNumber(frame)) = chunk.and_then(|chunk| chunk.first_packet) {
            let chunk = self.chunk;
            self.go_to(frame);
            self.chunk = chunk;
            self.byte_of_chunk();
            self.focus = Focus::Chunks;
        }
    }

    /// Selects the first byte of the selected chunk in the frame, where it is there.
    pub(super) fn byte_of_chunk(&mut self) {
        let Some(size) = self.image().and_then(|image| image.chunk_size) else {
            return;
        };
        let start = self.chunk * size;
        let found = self.stretches.iter().find_map(|stretch| {
            let first = stretch.picture_offset?;
            let end = first + stretch.bytes.len() as u64;
            let wanted = start.max(first);
            (wanted < end && wanted < start + size)
                .then(|| stretch.bytes.start + usize::try_from(wanted - first).unwrap_or(0))
        });
        if let Some(byte) = found {
            self.byte = byte;
            self.line_of_byte();
        }
    }

    pub(super) fn explain_selected(&mut self) {
        let on_frame = self
            .record(self.row)
            .filter(|_| self.screen == Screen::Packets)
            .and_then(|record| {
                let number = FrameNumber(self.data.records.number(record));
                self.data.index.findings_of(number).next()
            });
        let finding = on_frame.or_else(|| self.data.index.findings().get(self.finding));
        let Some(finding) = finding else {
            self.message = Some("there is no finding to explain".to_owned());
            return;
        };
        let entry = finding.name.entry();
        self.scroll = 0;
        self.explain = Some(format!(
            "{}\n\n{}\n\nFix: {}\n\nWhat it means\n{}\n\nHow it is proved\n{}",
            finding.name.as_str(),
            finding.message,
            finding.fix,
            entry.meaning,
            entry.proof
        ));
    }

    pub(super) fn copy(&mut self) -> Option<Wish> {
        let text = match self.focus {
            Focus::Findings => {
                let finding = self.data.index.findings().get(self.finding)?;
                let frames: Vec<String> = finding.packets.iter().map(ToString::to_string).collect();
                format!("frame.number in {{{}}}", frames.join(", "))
            }
            Focus::Pictures => {
                let image = self.image()?;
                let stream = self.data.index.stream(image.stream)?;
                let transport = match stream.transport {
                    crate::ledger::TransportKind::Tcp => "tcp",
                    crate::ledger::TransportKind::Udp => "udp",
                };
                format!("{transport}.stream == {}", stream.transport_stream)
            }
            Focus::Ladder => {
                let rung = self.rungs.get(self.rung)?;
                format!(
                    "frame.number >= {} && frame.number <= {}",
                    rung.first, rung.last
                )
            }
            _ => {
                let record = self.record(self.row)?;
                let frame = self.data.records.number(record);
                format!("frame.number == {frame}")
            }
        };
        self.message = Some(format!("copied: {text}"));
        Some(Wish::Copy(text))
    }
}
