//! The terminal viewer: a stream as a ladder in plain words, its packets, one packet to the byte, the picture itself.
//!
//! The edge: it reads captures on a thread of its own, draws on the terminal and gives it back as it was after any end.
//! What is shown and what keys do is [`model`], which knows no terminal; dissection is [`crate::dissect`].
#![expect(
    clippy::disallowed_methods,
    reason = "an edge: it reads captures, draws on the terminal, saves pictures and starts threads"
)]

mod data;
mod draw;
mod graphics;
mod load;
mod model;
mod records;
mod screen;
mod terminal;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use crossterm::event::{
    self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEventKind,
};

use self::draw::Look;
pub(crate) use self::graphics::Graphics;
use self::load::{Known, News};
use self::model::{Key, Model, Wish};
use self::terminal::Terminal;
use crate::analysis::Options;
use crate::capture::confine::{Needs, confine};
use crate::dissect::{Filter, Index};
use crate::report::model::Report;

/// How long a key is waited for before the rest is looked after.
const BEAT: Duration = Duration::from_millis(40);
/// A capture that grows is read on after this time at the soonest.
const AGAIN: Duration = Duration::from_millis(300);

/// What is to be viewed.
#[derive(Debug)]
pub(crate) struct View {
    /// The captures; of a capture that goes on, the file that grows.
    pub paths: Vec<PathBuf>,
    /// What stands at the top.
    pub title: String,
    /// How to analyse.
    pub options: Options,
    /// Begin with this filter.
    pub filter: Option<Filter>,
    /// Compares the pictures with files, once all of the capture was read.
    pub compare: Option<Compare>,
    /// The capture goes on: the file is read on as it grows, for as long as this says so.
    pub live: Option<Box<dyn Going>>,
    /// Whether colours may be used.
    pub color: bool,
    /// Whether characters outside ASCII may be used.
    pub unicode: bool,
    /// Whether the terminal says that it has colours of 24 bits.
    pub true_color: bool,
    /// How the terminal is told to show pixels; absent where pictures are drawn in half blocks.
    pub graphics: Option<Graphics>,
}

/// Compares the pictures of a capture with files.
pub(crate) struct Compare {
    /// The files, and folders of them.
    pub files: Vec<PathBuf>,
    /// What it finds, or why it cannot.
    pub work: Box<dyn FnOnce() -> Result<Report, String> + Send>,
}

impl std::fmt::Debug for Compare {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compare")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

/// A capture that goes on beside the viewer.
pub(crate) trait Going: std::fmt::Debug {
    /// Whether it still goes on.
    fn goes_on(&mut self) -> bool;
    /// Ends it.
    fn end(&mut self);
    /// What it said where it could not begin.
    fn said(&mut self) -> Option<String>;
    /// The number of its process.
    fn program(&self) -> u32;
}

/// The viewer cannot go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The terminal cannot be used.
    #[error("the terminal cannot be used for a full screen: {0}")]
    Terminal(#[from] std::io::Error),
    /// A capture cannot be read.
    #[error("{0}")]
    Capture(String),
}

/// Views until the user has enough.
///
/// # Errors
/// The terminal cannot be used, or the capture cannot be read at all.
pub(crate) fn run(mut view: View) -> Result<(), Error> {
    let look = Look {
        color: view.color,
        true_color: view.true_color,
        unicode: view.unicode,
        graphics: view.graphics,
        cell: None,
    };
    let (to, news) = channel();
    let mut model = Model::new(view.title.clone(), view.live.is_some());
    model.goes_on = view.live.is_some();
    // A picture is saved where the viewer was started.
    let needs = Needs {
        folders: vec![PathBuf::from(".")],
        ..Needs::default()
    };
    let files = view.compare.iter().flat_map(|compare| &compare.files);
    let mut needs = needs.reading(view.paths.iter().chain(files).map(PathBuf::as_path));
    // The capture is ended with the viewer.
    needs.ends = view.live.as_ref().map(|going| going.program());
    // Before the first thread: that of the terminal, which waits for signals.
    let _ = confine(&needs.on_terminal());
    let mut terminal = Terminal::open()?;
    if view.live.is_none() {
        load::load(view.paths.clone(), view.options.clone(), true, to.clone());
    }
    let outcome = watch(&mut view, &mut model, look, &mut terminal, &to, &news);
    drop(terminal);
    if let Some(going) = &mut view.live {
        going.end();
    }
    outcome
}

fn watch(
    view: &mut View,
    model: &mut Model,
    look: Look,
    terminal: &mut Terminal,
    to: &Sender<News>,
    news: &Receiver<News>,
) -> Result<(), Error> {
    let mut stale = true;
    let mut growth = Growth::default();
    let (ask, asked) = channel();
    if view.live.is_some()
        && let Some(path) = view.paths.first()
    {
        load::follow(path.clone(), view.options.clone(), asked, to.clone());
    }
    while !terminal.is_to_end()? {
        while let Ok(new) = news.try_recv() {
            stale = true;
            match new {
                News::Data(data) => {
                    let first = !model.loaded;
                    let complete = data.complete;
                    if let Some(Wish::Fetch(id)) = model.take(*data) {
                        fetch(view, model, id, to);
                    }
                    if complete && let Some(compare) = view.compare.take() {
                        compared(compare, to.clone());
                    }
                    if first && let Some(filter) = view.filter.take() {
                        model.set_filter(&filter.to_string());
                    }
                    // To show it takes time too.
                    growth.read(!model.paused);
                }
                News::Progress(progress) => model.progress = Some(progress),
                News::Picture(picture) => model.fetched(picture),
                News::Compared(index) => {
                    if let Some(Wish::Fetch(id)) = model.compared(*index) {
                        fetch(view, model, id, to);
                    }
                }
                // A file that has only just begun cannot be read yet.
                News::Failed(_) if view.live.is_some() && !model.loaded => growth.read(true),
                News::Failed(message) if model.loaded => model.message = Some(message),
                News::Failed(message) => return Err(Error::Capture(message)),
            }
        }
        if let Some(going) = &mut view.live {
            let goes_on = going.goes_on();
            let over = model.goes_on && !goes_on;
            model.goes_on = goes_on;
            if !goes_on
                && !model.loaded
                && let Some(said) = going.said()
            {
                return Err(Error::Capture(said));
            }
            if over && model.data.records.len() == 0 {
                // Why nothing came stands there, where a command could not be started above all.
                model.message = going.said();
                stale = true;
            }
            if growth.is_due(&view.paths, model.paused) {
                let _ = ask.send(());
            }
        }
        if stale {
            show(model, look, terminal)?;
            stale = false;
        }
        if !event::poll(BEAT)? {
            continue;
        }
        stale = true;
        let wish = match event::read()? {
            Event::Key(key) if key.kind != KeyEventKind::Release => {
                key_of(key).and_then(|key| model.key(key))
            }
            Event::Mouse(mouse) => match mouse.kind {
                MouseEventKind::Down(MouseButton::Left) => model.click(mouse.column, mouse.row),
                MouseEventKind::ScrollDown => {
                    model.wheel(mouse.column, mouse.row, true);
                    None
                }
                MouseEventKind::ScrollUp => {
                    model.wheel(mouse.column, mouse.row, false);
                    None
                }
                _ => None,
            },
            _ => None,
        };
        match wish {
            None => {}
            Some(Wish::Quit) => return Ok(()),
            Some(Wish::Fetch(id)) => fetch(view, model, id, to),
            Some(Wish::Copy(text)) => terminal::copy(&text)?,
            Some(Wish::Save(id)) => model.message = Some(save(view, model, id)),
        }
    }
    Ok(())
}

fn show(model: &mut Model, mut look: Look, terminal: &mut Terminal) -> Result<(), Error> {
    look.cell = look.graphics.and_then(|_| terminal::cell());
    terminal.draw(|frame| draw::draw(model, look, frame))?;
    if let Some(graphics) = look.graphics {
        let placed = std::mem::take(&mut model.placed);
        if terminal.take_away(graphics, &placed)? {
            terminal.draw(|frame| draw::draw(model, look, frame))?;
        }
        terminal.show(graphics, &placed)?;
    }
    Ok(())
}

/// When a file that grows is to be read on: after a pause four times as long as the last time took, so that the viewer takes no
/// more than a fifth of a processor from those who send, receive and capture.
#[derive(Debug, Default)]
struct Growth {
    length: u64,
    begun: Option<Instant>,
    ended: Option<(Instant, Duration)>,
}

impl Growth {
    fn is_due(&mut self, paths: &[PathBuf], paused: bool) -> bool {
        let rests = |(ended, took): (Instant, Duration)| ended.elapsed() < AGAIN.max(took * 4);
        if paused || self.begun.is_some() || self.ended.is_some_and(rests) {
            return false;
        }
        let length = paths.first().map_or(0, |path| load::length(path));
        if length == self.length {
            return false;
        }
        self.length = length;
        self.begun = Some(Instant::now());
        true
    }

    /// What was read is here, and shown. Where it is not shown it is to be asked for again.
    fn read(&mut self, shown: bool) {
        self.ended = self
            .begun
            .take()
            .map(|begun| (Instant::now(), begun.elapsed()));
        if !shown {
            self.length = 0;
        }
    }
}

fn key_of(key: KeyEvent) -> Option<Key> {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    Some(match key.code {
        KeyCode::Char(c) if control => Key::Control(c),
        KeyCode::Char(c) => Key::Char(c),
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Escape,
        KeyCode::Tab => Key::Tab,
        KeyCode::BackTab => Key::BackTab,
        KeyCode::Backspace => Key::Backspace,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        _ => return None,
    })
}

fn fetch(view: &View, model: &Model, id: u32, to: &Sender<News>) {
    let known = model
        .data
        .index
        .image(crate::units::PictureId(id))
        .map(Known::of)
        .unwrap_or_default();
    load::picture(
        view.paths.clone(),
        view.options.clone(),
        id,
        known,
        to.clone(),
    );
}

/// Compares on a thread of its own.
fn compared(Compare { work, .. }: Compare, to: Sender<News>) {
    let work = move || {
        let news = match work() {
            Ok(report) => News::Compared(Box::new(Index::new(
                report.streams,
                report.images,
                report.findings,
            ))),
            Err(reason) => News::Failed(reason),
        };
        let _ = to.send(news);
    };
    let _ = std::thread::Builder::new()
        .name("compare".to_owned())
        .spawn(work);
}

/// Saves a picture's bytes as they came, never over another file; says what was done.
fn save(view: &View, model: &Model, id: u32) -> String {
    let Some(image) = model.data.index.image(crate::units::PictureId(id)) else {
        return "there is no picture to save".to_owned();
    };
    let bytes = match &model.fetched {
        Some(picture) if picture.id == id => picture.bytes.clone(),
        _ => match load::fetch(&view.paths, &view.options, id, Known::default()) {
            Ok(picture) => picture.bytes,
            Err(error) => return error.to_string(),
        },
    };
    let part = if image.complete { "" } else { ".partial" };
    let raw = if image.is_raw_pixels() { "bgr" } else { "bin" };
    let ending = image.format.map_or(raw, crate::picture::Format::extension);
    let name = format!("stream-{}-image-{id:04}{part}.{ending}", image.stream.0);
    let path = Path::new(&name);
    let written = std::fs::File::options()
        .write(true)
        .create_new(true)
        .open(path)
        .and_then(|mut file| file.write_all(&bytes));
    match written {
        Ok(()) => format!(
            "saved {name}, {}",
            crate::units::counted(bytes.len() as u64, "byte", "bytes")
        ),
        Err(error) => format!("{name} cannot be written: {error}"),
    }
}

#[cfg(test)]
mod tests;
