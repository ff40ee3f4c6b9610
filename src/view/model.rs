//! What the viewer shows and what its keys do. It draws nothing and reads no terminal, so that it is tested without one.

mod mouse;
mod moves;
mod places;
mod typing;

use std::collections::HashSet;
use std::ops::Range;

use super::data::Data;
use super::graphics::Placed;
use super::load::{Picture, Progress};
use crate::dissect::ladder::Rung;
use crate::dissect::tree::{Node, tree};
use crate::dissect::{Filter, hex};
use crate::ledger::Image;
use crate::units::{FrameNumber, PictureId, StreamId};

/// What fills the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Screen {
    /// Pictures, findings and the ladder of a stream.
    Overview,
    /// The packet list, one packet's tree and its bytes.
    Packets,
    /// Stream offset against time.
    Graph,
    /// The picture itself.
    Picture,
}

/// Which pane the keys go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Focus {
    Pictures,
    Findings,
    Ladder,
    List,
    Details,
    Bytes,
    Chunks,
    Whole,
}

/// A key, free of any terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Char(char),
    Control(char),
    Enter,
    Escape,
    Tab,
    BackTab,
    Backspace,
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    Home,
    End,
}

/// What the model asks of those who can do it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wish {
    Quit,
    /// Fetch a picture's bytes.
    Fetch(u32),
    /// Put text on the clipboard.
    Copy(String),
    /// Save a picture's bytes.
    Save(u32),
}

/// What is being typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Prompt {
    Filter(String),
    Goto(String),
}

/// A line of the tree as it is shown.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) depth: usize,
    pub(super) label: String,
    pub(super) bytes: Option<Range<usize>>,
    pub(super) layer: crate::dissect::tree::Layer,
    /// Where it stands in the tree, to know whether it is open.
    pub(super) path: Vec<usize>,
    pub(super) children: bool,
    pub(super) open: bool,
}

/// Where the panes lie, to be clicked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pane {
    pub(super) focus: Focus,
    pub(super) x: u16,
    pub(super) y: u16,
    pub(super) width: u16,
    pub(super) height: u16,
    /// Index of its first row.
    pub(super) top: usize,
}

pub(super) use places::{Drawn, Plotted, reached};

/// The viewer's state.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a state of its own that a key changes"
)]
pub(super) struct Model {
    pub(super) title: String,
    pub(super) data: Data,
    pub(super) loaded: bool,
    /// How far the rest of the capture was read; absent where nothing is read.
    pub(super) progress: Option<Progress>,
    pub(super) screen: Screen,
    pub(super) focus: Focus,
    pub(super) picture: usize,
    pub(super) finding: usize,
    pub(super) stream: u32,
    pub(super) rungs: Vec<Rung>,
    pub(super) rung: usize,
    /// More of the capture came since the ladder was drawn up, where it is not shown.
    behind: bool,
    pub(super) filter: Option<Filter>,
    /// Records that the filter chooses; absent without one.
    pub(super) chosen: Option<Vec<usize>>,
    /// Selected row of the list.
    pub(super) row: usize,
    /// So many characters of the list's long texts are passed over, where they are cut.
    pub(super) across: usize,
    pub(super) lines: Vec<Line>,
    nodes: Vec<Node>,
    pub(super) stretches: Vec<hex::Stretch>,
    pub(super) line: usize,
    opened: HashSet<Vec<usize>>,
    /// Selected byte of the frame.
    pub(super) byte: usize,
    pub(super) chunk: u64,
    pub(super) prompt: Option<Prompt>,
    pub(super) message: Option<String>,
    pub(super) help: bool,
    pub(super) explain: Option<String>,
    pub(super) scroll: u16,
    pub(super) fetched: Option<Box<Picture>>,
    pub(super) wanted: Option<u32>,
    pub(super) paused: bool,
    /// What came last while it was paused.
    held: Option<Box<Data>>,
    pub(super) live: bool,
    /// The capture has not ended.
    pub(super) goes_on: bool,
    /// A key was pressed: what is selected is somebody's choice.
    touched: bool,
    pub(super) panes: Vec<Pane>,
    /// Pictures to be shown as pixels.
    pub(super) placed: Vec<Placed>,
    /// Where the picture is drawn, and how many rows of pixels it has; absent where it is not.
    pub(super) drawn: Option<Drawn>,
    /// What the graph shows; absent where it is not drawn.
    pub(super) plot: Option<Plotted>,
    /// Rows of the pane that pages are turned in.
    pub(super) page: usize,
}

impl Model {
    pub(super) fn new(title: String, live: bool) -> Self {
        Self {
            title,
            data: Data::default(),
            loaded: false,
            progress: None,
            screen: Screen::Overview,
            focus: Focus::Pictures,
            picture: 0,
            finding: 0,
            stream: 0,
            rungs: Vec::new(),
            rung: 0,
            behind: false,
            filter: None,
            chosen: None,
            row: 0,
            across: 0,
            lines: Vec::new(),
            nodes: Vec::new(),
            stretches: Vec::new(),
            line: 0,
            opened: [vec![], vec![3], vec![4], vec![5], vec![6]]
                .into_iter()
                .collect(),
            byte: 0,
            chunk: 0,
            prompt: None,
            message: None,
            help: false,
            explain: None,
            scroll: 0,
            fetched: None,
            wanted: None,
            paused: false,
            held: None,
            live,
            goes_on: false,
            touched: false,
            panes: Vec::new(),
            placed: Vec::new(),
            drawn: None,
            plot: None,
            page: 10,
        }
    }

    /// Takes a capture, or more of it. What was selected stays so; asks for a picture that is looked at and has grown.
    pub(super) fn take(&mut self, data: Data) -> Option<Wish> {
        if self.paused {
            self.held = Some(Box::new(data));
            return None;
        }
        let length =
            |data: &Data, id: u32| data.index.image(PictureId(id)).map(|image| image.bytes);
        if let Some(fetched) = &self.fetched
            && length(&self.data, fetched.id) != length(&data, fetched.id)
        {
            self.fetched = None;
        }
        let fresh = !self.loaded || !self.touched;
        let at_end = self.live && self.row + 1 >= self.rows();
        let selected = self
            .data
            .index
            .findings()
            .get(self.finding)
            .map(|finding| (finding.name, finding.packets.first().copied()));
        let (picture, stream, chunk) = (self.picture, self.stream, self.chunk);
        let (byte, line) = (self.byte, self.line);
        let known = self.data.records.len();
        self.data = data;
        self.loaded = true;
        self.progress = None;
        if let Some(filter) = &self.filter {
            // Of a capture that goes on a frame stays what it was; what imgnet says of it may change.
            let same = self.live && !filter.needs_capture();
            let mut chosen = self.chosen.take().filter(|_| same).unwrap_or_default();
            let first = if same { known } else { 0 };
            chosen.extend(self.data.chosen_from(filter, first));
            self.chosen = Some(chosen);
        }
        if fresh {
            self.begin();
        } else if at_end {
            self.row = self.rows().saturating_sub(1);
        }
        let mut findings = self.data.index.findings().iter();
        if let Some(selected) = selected.filter(|_| !fresh)
            && let Some(at) = findings
                .position(|finding| (finding.name, finding.packets.first().copied()) == selected)
        {
            self.finding = at;
        }
        self.finding = self
            .finding
            .min(self.data.index.findings().len().saturating_sub(1));
        self.row = self.row.min(self.rows().saturating_sub(1));
        self.open_packet();
        if !fresh {
            (self.picture, self.stream, self.chunk) = (picture, stream, chunk);
            if !at_end {
                self.byte = byte.min(self.frame_length().saturating_sub(1));
                self.line = line.min(self.lines.len().saturating_sub(1));
            }
        }
        self.picture = self
            .picture
            .min(self.data.index.images().len().saturating_sub(1));
        self.behind = self.screen != Screen::Overview;
        if !self.behind {
            self.climb();
        }
        (self.screen == Screen::Picture)
            .then(|| self.fetch())
            .flatten()
    }

    /// Takes what came of comparing with files. Who has pressed no key sees the worst finding of it.
    pub(super) fn compared(&mut self, index: crate::dissect::Index) -> Option<Wish> {
        self.data.index = index;
        if let Some(filter) = &self.filter {
            self.chosen = Some(self.data.chosen(filter));
        }
        let findings = self.data.index.findings().len();
        self.finding = self.finding.min(findings.saturating_sub(1));
        self.row = self.row.min(self.rows().saturating_sub(1));
        if !self.touched {
            self.begin();
        }
        self.open_packet();
        self.fetched = None;
        self.wanted = None;
        (self.screen == Screen::Picture)
            .then(|| self.fetch())
            .flatten()
    }

    /// The first view: of the worst finding, else of the first stream.
    fn begin(&mut self) {
        let findings = self.data.index.findings();
        let worst = findings
            .iter()
            .position(|finding| finding.severity == crate::findings::Severity::Error)
            .or_else(|| {
                findings
                    .iter()
                    .position(|finding| finding.severity == crate::findings::Severity::Warning)
            });
        match worst {
            Some(at) => {
                self.finding = at;
                self.focus = Focus::Findings;
                self.see_finding();
            }
            None => self.focus = Focus::Ladder,
        }
    }

    /// Rows of the packet list.
    pub(super) fn rows(&self) -> usize {
        self.chosen
            .as_ref()
            .map_or_else(|| self.data.records.len(), Vec::len)
    }

    /// The record of a row.
    pub(super) fn record(&self, row: usize) -> Option<usize> {
        match &self.chosen {
            Some(chosen) => chosen.get(row).copied(),
            None => Some(row).filter(|row| *row < self.data.records.len()),
        }
    }

    /// The selected picture.
    pub(super) fn image(&self) -> Option<&Image> {
        self.data.index.images().get(self.picture)
    }

    fn see_finding(&mut self) {
        let Some(finding) = self.data.index.findings().get(self.finding) else {
            return;
        };
        let (stream, image) = (finding.stream, finding.image);
        if let Some(StreamId(stream)) = stream {
            self.stream = stream;
        }
        if let Some(image) = image {
            self.see_picture(image);
        }
        self.climb();
    }

    fn see_picture(&mut self, id: PictureId) {
        let images = self.data.index.images();
        if let Some(at) = images.iter().position(|image| image.id == id) {
            self.picture = at;
        }
    }

    /// Draws up the ladder of the selected stream.
    fn climb(&mut self) {
        self.behind = false;
        self.rungs = self.data.ladder(StreamId(self.stream));
        self.rung = self.rung.min(self.rungs.len().saturating_sub(1));
    }

    /// Shows the tree and the bytes of the selected packet.
    fn open_packet(&mut self) {
        let Some(record) = self.record(self.row) else {
            self.lines.clear();
            self.nodes.clear();
            self.stretches.clear();
            return;
        };
        let fetched = self.fetched.as_ref();
        let structure = |id: PictureId| {
            fetched
                .filter(|picture| picture.id == id.0)
                .map(|picture| picture.parts.clone())
                .unwrap_or_default()
        };
        let found = self.data.with(record, |seen| {
            (tree(seen, &structure), hex::stretches(seen))
        });
        if let Some((nodes, stretches)) = found {
            self.nodes = nodes;
            self.stretches = stretches;
        }
        if let Some(id) = self.data.picture_of(record) {
            self.see_picture(id);
        }
        self.byte = self
            .stretches
            .iter()
            .find(|stretch| matches!(stretch.layer, crate::dissect::tree::Layer::Carries(_)))
            .map_or(0, |stretch| stretch.bytes.start);
        self.lay_out();
        self.line_of_byte();
        self.chunk_of_byte();
    }

    /// The lines of the tree that are not folded away.
    fn lay_out(&mut self) {
        fn add(
            nodes: &[Node],
            path: &[usize],
            opened: &HashSet<Vec<usize>>,
            lines: &mut Vec<Line>,
        ) {
            for (at, node) in nodes.iter().enumerate() {
                let mut path = path.to_vec();
                path.push(at);
                let open = opened.contains(&path);
                lines.push(Line {
                    depth: path.len() - 1,
                    label: node.label.clone(),
                    bytes: node.bytes.clone(),
                    layer: node.layer,
                    path: path.clone(),
                    children: !node.children.is_empty(),
                    open,
                });
                if open {
                    add(&node.children, &path, opened, lines);
                }
            }
        }
        self.lines.clear();
        add(&self.nodes, &[], &self.opened, &mut self.lines);
        self.line = self.line.min(self.lines.len().saturating_sub(1));
    }

    /// The smallest node that holds the selected byte is selected.
    fn line_of_byte(&mut self) {
        let byte = self.byte;
        let best = self
            .lines
            .iter()
            .enumerate()
            .filter_map(|(at, line)| {
                let bytes = line.bytes.as_ref()?;
                bytes
                    .contains(&byte)
                    .then_some((bytes.len(), usize::MAX - line.depth, at))
            })
            .min();
        if let Some((_, _, at)) = best {
            self.line = at;
        }
    }

    fn byte_of_line(&mut self) {
        if let Some(bytes) = self
            .lines
            .get(self.line)
            .and_then(|line| line.bytes.clone())
            && !bytes.is_empty()
        {
            self.byte = bytes.start;
            self.chunk_of_byte();
        }
    }

    /// The chunk that holds the selected byte is selected.
    fn chunk_of_byte(&mut self) {
        let size = self.image().and_then(|image| image.chunk_size).unwrap_or(0);
        if let Some(offset) = self.picture_offset()
            && size > 0
        {
            self.chunk = offset / size;
        }
    }

    /// Picture offset of the selected byte.
    pub(super) fn picture_offset(&self) -> Option<u64> {
        let stretch = self
            .stretches
            .iter()
            .find(|stretch| stretch.bytes.contains(&self.byte))?;
        Some(stretch.picture_offset? + (self.byte - stretch.bytes.start) as u64)
    }

    /// The bytes that are selected: those of the selected line, else the one byte.
    pub(super) fn marked(&self) -> Range<usize> {
        let line = self
            .lines
            .get(self.line)
            .and_then(|line| line.bytes.clone());
        match (self.focus, line) {
            (Focus::Bytes, _) | (_, None) => self.byte..self.byte + 1,
            (_, Some(bytes)) => bytes,
        }
    }

    /// Goes to a record's row; takes the filter off where it leaves the record out, and says whether it did.
    pub(super) fn go_to_record(&mut self, at: usize) -> bool {
        let row = match &self.chosen {
            Some(chosen) => chosen.binary_search(&at).ok(),
            None => Some(at),
        };
        self.row = row.unwrap_or(at);
        if row.is_none() {
            self.filter = None;
            self.chosen = None;
        }
        row.is_none()
    }

    /// Goes to a frame in the packet list; takes the filter off where it leaves the frame out.
    pub(super) fn go_to(&mut self, frame: u64) {
        let at = self.data.at(frame);
        if self.go_to_record(at) {
            self.message = Some("the filter left that frame out: it is off now".to_owned());
        }
        let records = &self.data.records;
        let last = records.number(records.len().saturating_sub(1));
        if frame > last && self.data.complete {
            self.message = Some(format!("there is no frame {frame}: the last one is {last}"));
        }
        self.screen = Screen::Packets;
        self.focus = Focus::List;
        self.open_packet();
    }

    /// A picture came.
    pub(super) fn fetched(&mut self, picture: Box<Picture>) {
        self.wanted = None;
        self.fetched = Some(picture);
        let byte = self.byte;
        self.open_packet();
        self.byte = byte;
        self.line_of_byte();
    }

    /// Takes a key; says what is to be done that a model cannot do.
    pub(super) fn key(&mut self, key: Key) -> Option<Wish> {
        self.touched = true;
        self.message = None;
        if self.prompt.is_some() {
            self.type_in(key);
            return None;
        }
        if self.help || self.explain.is_some() {
            match key {
                Key::Down | Key::Char('j') => self.scroll = self.scroll.saturating_add(1),
                Key::Up | Key::Char('k') => self.scroll = self.scroll.saturating_sub(1),
                Key::PageDown | Key::Char(' ') => self.scroll = self.scroll.saturating_add(10),
                Key::PageUp => self.scroll = self.scroll.saturating_sub(10),
                _ => {
                    self.help = false;
                    self.explain = None;
                    self.scroll = 0;
                }
            }
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
            Key::Char('2') => self.show(Screen::Packets, Focus::List),
            Key::Char('3') => self.show(Screen::Graph, Focus::Whole),
            Key::Char('4') => {
                self.show(Screen::Picture, Focus::Whole);
                return self.fetch();
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

    fn show(&mut self, screen: Screen, focus: Focus) {
        self.screen = screen;
        self.focus = focus;
        if screen == Screen::Overview && self.behind {
            self.climb();
        }
    }

    /// Asks for the selected picture where it is not here.
    fn fetch(&mut self) -> Option<Wish> {
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
    fn fetch_structure(&mut self) -> Option<Wish> {
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

    fn back(&mut self) {
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

    fn turn(&mut self, forward: bool) {
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

    fn enter(&mut self) -> Option<Wish> {
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

    fn fold(&mut self) {
        let Some(line) = self.lines.get(self.line) else {
            return;
        };
        let path = line.path.clone();
        if line.children && !self.opened.remove(&path) {
            self.opened.insert(path);
        }
        self.lay_out();
    }

    fn go_to_chunk(&mut self) {
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
    fn byte_of_chunk(&mut self) {
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

    fn explain_selected(&mut self) {
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

    fn copy(&mut self) -> Option<Wish> {
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
