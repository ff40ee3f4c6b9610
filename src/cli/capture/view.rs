//! What is shown while a capture goes on: rows in place on a terminal, lines elsewhere, or one JSON object a
//! line for programs.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::rows::{self, Change, Ended, Rows};
use crate::analysis::{Event, Wait};
use crate::capture::session::{Reason, Summary};
use crate::cli::args::{FormatArg, OutputArgs};
use crate::ledger::Image;
use crate::report::Style;
use crate::report::model::Report;
use crate::units::{StreamId, Timestamp};

/// How often a screen is drawn at most.
const FRAME: Duration = Duration::from_millis(40);
/// How often at least, while pictures move.
const STALE: Duration = Duration::from_secs(1);
/// A terminal that a command shares with the rows has to have so many lines.
const LINES_FOR_TWO: usize = 10;
/// Most waits of which lines are written.
const MOST_WAITS: usize = 1000;

/// The live view.
pub(in crate::cli) enum View {
    /// None.
    Silent,
    /// Rows that change in place.
    Screen(Box<Screen>),
    /// A line for each picture that ended.
    Lines(Lines),
    /// A JSON object a line for each event.
    Json(Json),
}

/// Chooses it. `stdout_taken`: the capture file goes to standard output. `beside_command`: a command writes to the
/// same terminal, so that the rows stand below what it writes.
pub(super) fn choose(output: &OutputArgs, stdout_taken: bool, beside_command: bool) -> View {
    let to_file = output.output.is_some();
    let stderr = stdout_taken || beside_command || to_file || output.format != FormatArg::Table;
    if output.format == FormatArg::Json && !to_file {
        return View::Json(Json::new(stdout_taken, output.verbose >= 2));
    }
    if output.quiet {
        return View::Silent;
    }
    let style = if stderr {
        super::stderr_style(output)
    } else {
        crate::cli::terminal::Environment::of_process(false).style(output)
    };
    let terminal = if stderr {
        io::stderr().is_terminal()
    } else {
        io::stdout().is_terminal()
    };
    // A dumb terminal cannot move its cursor.
    let dumb = std::env::var_os("TERM").is_none_or(|name| name.is_empty() || name == "dumb");
    if terminal && !dumb {
        let screen = Screen::new(style, stderr, beside_command);
        if !beside_command || screen.size().1 >= LINES_FOR_TWO {
            return View::Screen(Box::new(screen));
        }
    }
    View::Lines(Lines {
        rows: Rows::default(),
        style,
        stderr,
        told: BTreeSet::new(),
    })
}

impl View {
    /// Something happened.
    pub(super) fn event(&mut self, event: &Event<'_>) {
        match self {
            Self::Silent => {}
            Self::Screen(screen) => {
                screen.changed |= !matches!(screen.rows.event(event), Change::Nothing);
            }
            Self::Lines(lines) => lines.event(event),
            Self::Json(json) => json.event(event),
        }
    }

    /// Whether there is something to draw as soon as it may be.
    pub(super) fn is_restless(&self) -> bool {
        matches!(self, Self::Screen(screen) if screen.changed)
    }

    /// A picture ended, and its files are not known yet. Whether that is shown: programs are told at once, people
    /// rather a moment later, and all of it.
    pub(super) fn ended_early(&mut self, image: &Image) -> bool {
        match self {
            Self::Json(json) => {
                json.event(&Event::PictureEnded(image));
                true
            }
            _ => false,
        }
    }

    /// The files of a picture that was shown before are known.
    pub(super) fn judged(&mut self, image: &Image, was_whole: bool) {
        match self {
            Self::Silent => {}
            Self::Screen(screen) => {
                screen.rows.judged(image, was_whole);
                screen.changed = true;
            }
            Self::Lines(lines) => {
                let ended = lines.rows.judged(image, was_whole);
                lines.put(&ended);
            }
            Self::Json(json) => json.put(&json!({
                "event": "picture-compared",
                "image": {"id": image.id, "stream": image.stream, "verdict": image.verdict, "compared": image.compared},
            })),
        }
    }

    /// What is waited for at `now` on streams that fell silent.
    pub(super) fn waits(&mut self, waits: &[Wait], now: Timestamp) {
        match self {
            Self::Silent => {}
            Self::Screen(screen) => screen.changed |= screen.rows.waits(waits, now),
            Self::Lines(lines) => lines.waits(waits, now),
            Self::Json(json) => json.waits(waits, now),
        }
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, now: Instant) {
        match self {
            Self::Screen(screen) => screen.draw(now),
            Self::Json(json) => json.flush(),
            Self::Silent | Self::Lines(_) => {}
        }
    }

    /// Nothing more happens. Rows in place are taken away: the report follows, which has them all.
    pub(super) fn finish(&mut self) {
        match self {
            Self::Screen(screen) => screen.clear(),
            Self::Json(json) => json.flush(),
            Self::Silent | Self::Lines(_) => {}
        }
    }
}

/// Rows in place.
///
/// The cursor rests at the start of the line below them, so that what the terminal itself writes there
/// (`^C`) is wiped out with the next drawing.
pub(in crate::cli) struct Screen {
    rows: Rows,
    style: Style,
    stderr: bool,
    /// Characters of each line that stands on the terminal.
    standing: Vec<usize>,
    drawn: Option<Instant>,
    changed: bool,
    /// Where a command writes to the terminal, too: the lines at its bottom that are kept from it.
    bottom: Option<Bottom>,
}

/// The lines at the bottom of a terminal that scroll no more, so that whatever else is written to it stays above them.
#[derive(Debug, Default)]
struct Bottom {
    height: usize,
    /// Lines of the terminal when they were set apart.
    of: usize,
}

impl Bottom {
    /// Shows these lines. One write, so that nobody gets between.
    fn put(&mut self, all: usize, lines: &[String]) -> String {
        let mut text = String::new();
        if self.of != all && self.height > 0 {
            text.push_str("\x1b7\x1b[r\x1b8");
            self.height = 0;
        }
        // It never shrinks: the terminal would jump.
        let height = lines.len().max(self.height);
        let more = height.saturating_sub(self.height);
        if more > 0 {
            // Make room: move what stands there up, and the cursor with it.
            for _ in 0..more {
                text.push_str("\x1bD");
            }
            let above = all.saturating_sub(height).max(1);
            let _ = write!(text, "\x1b[{more}A\x1b7\x1b[1;{above}r\x1b8");
        }
        self.height = height;
        self.of = all;
        text.push_str("\x1b7");
        let blank = height.saturating_sub(lines.len());
        let rows = std::iter::repeat_n("", blank).chain(lines.iter().map(String::as_str));
        for (row, line) in (all.saturating_sub(height)..).zip(rows) {
            let _ = write!(text, "\x1b[{};1H\x1b[2K{line}", row.saturating_add(1));
        }
        text.push_str("\x1b8");
        text
    }

    /// Takes them away, and lets the whole terminal scroll again.
    fn take_away(&mut self) -> String {
        if self.height == 0 {
            return String::new();
        }
        let mut text = "\x1b7\x1b[r".to_owned();
        for row in self.of.saturating_sub(self.height)..self.of {
            let _ = write!(text, "\x1b[{};1H\x1b[2K", row.saturating_add(1));
        }
        text.push_str("\x1b8");
        self.height = 0;
        text
    }
}

impl Screen {
    fn new(style: Style, stderr: bool, beside_command: bool) -> Self {
        Self {
            bottom: beside_command.then(Bottom::default),
            rows: Rows::default(),
            style,
            stderr,
            standing: Vec::new(),
            drawn: None,
            changed: true,
        }
    }

    fn draw(&mut self, now: Instant) {
        let since = self.drawn.map(|drawn| now.duration_since(drawn));
        // A picture of which nothing comes grows quiet.
        let stale = self.rows.any_moves() && since.is_none_or(|since| since >= STALE);
        if !(self.changed || stale) || since.is_some_and(|since| since < FRAME) {
            return;
        }
        self.drawn = Some(now);
        self.changed = false;
        let (columns, all) = self.size();
        let most = match self.bottom {
            None => all.saturating_sub(3).clamp(1, 30),
            // Most of the terminal is the command's.
            Some(_) => (all / 3).clamp(1, 12),
        };
        let lines = self
            .rows
            .screen(most, columns.saturating_sub(1), self.style.unicode);
        self.put(columns, &lines);
    }

    fn clear(&mut self) {
        if let Some(bottom) = &mut self.bottom {
            let text = bottom.take_away();
            self.write(&text);
            return;
        }
        let (columns, _) = self.size();
        self.put(columns, &[]);
    }

    // Who looks may have gone away; the capture goes on, and its report says how it went.
    fn write(&self, text: &str) {
        let _ = if self.stderr {
            io::stderr().lock().write_all(text.as_bytes())
        } else {
            let mut out = io::stdout().lock();
            out.write_all(text.as_bytes()).and_then(|()| out.flush())
        };
    }

    /// Columns and lines. Asked anew each time: terminals change their size.
    fn size(&self) -> (usize, usize) {
        let size = if self.stderr {
            rustix::termios::tcgetwinsize(io::stderr())
        } else {
            rustix::termios::tcgetwinsize(io::stdout())
        };
        match size {
            Ok(size) if size.ws_col > 0 && size.ws_row > 0 => {
                (usize::from(size.ws_col).max(20), usize::from(size.ws_row))
            }
            _ => (80, 24),
        }
    }

    /// Puts these lines where the last ones stand.
    fn put(&mut self, columns: usize, lines: &[String]) {
        if self.bottom.is_some() {
            let (_, all) = self.size();
            if let Some(bottom) = &mut self.bottom {
                let text = bottom.put(all, lines);
                self.write(&text);
            }
            return;
        }
        // In a terminal that became narrower, the lines that stand take more than one each.
        let up: usize = self
            .standing
            .iter()
            .map(|length| length.div_ceil(columns).max(1))
            .sum();
        let mut text = String::new();
        if up > 0 {
            let _ = write!(text, "\x1b[{up}A\r");
        }
        for line in lines {
            text.push_str(line);
            text.push_str("\x1b[K\n");
        }
        text.push_str("\x1b[J");
        self.standing = lines.iter().map(|line| line.chars().count()).collect();
        self.write(&text);
    }
}

/// A line for each picture that ended.
pub(in crate::cli) struct Lines {
    rows: Rows,
    style: Style,
    stderr: bool,
    /// Streams of which it was told that somebody waits, and for what.
    told: BTreeSet<(StreamId, &'static str)>,
}

impl Lines {
    fn waits(&mut self, waits: &[Wait], now: Timestamp) {
        for wait in waits {
            if self.told.len() < MOST_WAITS && self.told.insert((wait.stream, wait.what.name())) {
                self.write(&rows::waiting(wait, now));
            }
        }
    }

    fn event(&mut self, event: &Event<'_>) {
        if let Change::Ended(ended) = self.rows.event(event) {
            self.put(&ended);
        }
    }

    fn put(&self, ended: &Ended) {
        self.write(&ended.line(self.style.unicode));
    }

    fn write(&self, line: &str) {
        // Who reads the lines may go away; the capture goes on, and its report says how it went.
        let _ = if self.stderr {
            writeln!(io::stderr().lock(), "{line}")
        } else {
            let mut out = io::stdout().lock();
            writeln!(out, "{line}").and_then(|()| out.flush())
        };
    }
}

/// A JSON object a line for each event.
pub(in crate::cli) struct Json {
    out: Box<dyn Write + Send>,
    /// Whether the chunks of pictures are told, which may be hundreds of thousands.
    chunks: bool,
    /// As [`Lines::told`].
    told: BTreeSet<(StreamId, &'static str)>,
}

impl Json {
    fn new(stderr: bool, chunks: bool) -> Self {
        Self {
            chunks,
            told: BTreeSet::new(),
            out: if stderr {
                Box::new(io::stderr())
            } else {
                Box::new(io::stdout())
            },
        }
    }

    fn event(&mut self, event: &Event<'_>) {
        if let Some(value) = json_of(event, self.chunks) {
            self.put(&value);
        }
    }

    fn waits(&mut self, waits: &[Wait], now: Timestamp) {
        for wait in waits {
            if self.told.len() < MOST_WAITS && self.told.insert((wait.stream, wait.what.name())) {
                self.put(&json!({"event": "waiting", "stream": wait.stream, "who": wait.who.to_string(),
                    "for": wait.what.name(), "since": wait.since, "message": rows::waiting(wait, now)}));
            }
        }
        self.flush();
    }

    /// Who reads may have gone away; the capture goes on.
    fn put(&mut self, value: &Value) {
        let _ = writeln!(self.out, "{value}");
    }

    fn flush(&mut self) {
        let _ = self.out.flush();
    }
}

/// One event as an object; absent for those that only carry bytes.
fn json_of(event: &Event<'_>, chunks: bool) -> Option<Value> {
    Some(match event {
        Event::StreamOpened {
            stream,
            transport,
            from,
            to,
            time,
        } => {
            json!({"event": "stream-opened", "stream": stream, "transport": transport, "from": from, "to": to, "time": time})
        }
        Event::PictureStarted {
            picture,
            stream,
            from,
            to,
            protocol,
            length,
            frame,
            time,
        } => {
            json!({"event": "picture-started", "image": picture, "stream": stream, "from": from, "to": to,
            "protocol": protocol.to_string(), "declared_bytes": length, "first_packet": frame, "time": time})
        }
        Event::PictureEnded(image) => json!({"event": "picture-ended", "image": image}),
        Event::StreamClosed { stream, images } if chunks => {
            json!({"event": "stream-closed", "stream": stream, "images": images})
        }
        Event::StreamClosed { stream, images } => {
            // What may have grown since the picture ended.
            let images: Vec<Value> = images
                .iter()
                .map(|image| {
                    json!({"id": image.id, "packets": image.packets, "wire_bytes": image.wire_bytes,
                    "payload_bytes": image.payload_bytes, "duplicate_bytes": image.duplicate_bytes,
                    "retransmitted_packets": image.retransmitted_packets, "last_packet": image.last_packet,
                    "ended": image.ended, "verdict": image.verdict})
                })
                .collect();
            json!({"event": "stream-closed", "stream": stream, "images": images})
        }
        Event::Finding(finding) => json!({"event": "finding", "finding": finding}),
        _ => return None,
    })
}

/// The last line of `--format json`.
pub(super) fn summary_line(interface: &str, summary: &Summary, report: &Report) -> Value {
    let counts = &summary.counts;
    json!({
        "event": "summary",
        "interface": interface,
        "ended": match summary.ended {
            Reason::Signal => "signal",
            Reason::Images => "images",
            Reason::Duration => "duration",
            Reason::Frames => "packets",
            Reason::Bytes => "size",
            Reason::Silence => "silence",
            Reason::Done => "command",
            Reason::Output => "output-failed",
            Reason::OutputClosed => "output-closed",
            Reason::Device => "interface-failed",
        },
        "frames": counts.frames,
        "captured_bytes": counts.bytes,
        "original_bytes": counts.wire_bytes,
        "received": counts.received,
        "dropped": counts.dropped,
        "interface_dropped": counts.interface_dropped,
        "queue_dropped": counts.queue_dropped,
        "holds": counts.holds,
        "held_seconds": counts.held.as_secs_f64(),
        "written": summary.written.as_ref().map(|written| json!({
            "path": written.name, "packets": written.frames, "bytes": written.bytes,
            "files": written.files.iter().map(|path| path.display().to_string()).collect::<Vec<_>>(),
        })),
        "images": report.images.iter().map(|image| {
            json!({"id": image.id, "verdict": image.verdict, "compared": image.compared})
        }).collect::<Vec<_>>(),
        "verification": report.verification,
        "packets": report.packets,
        "totals": report.totals,
        "verdict": report.verdict,
    })
}
