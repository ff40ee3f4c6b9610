//! What the viewer shows and what its keys do. It draws nothing and reads no terminal, so that it is tested without one.

mod keys;
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
use crate::units::{PictureId, StreamId};

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
    /// How often the graph was made twice as large.
    pub(super) zoom: u32,
    /// The packet list was looked at.
    listed: bool,
    /// Rows of the pane that pages are turned in.
    pub(super) page: usize,
    /// Bytes in a line of the dump, as it was drawn.
    pub(super) in_line: usize,
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
            zoom: 0,
            listed: false,
            page: 10,
            in_line: hex::LINE,
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
            let same = self.live && !filter.needs_capture() && !filter.needs_order();
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
}
