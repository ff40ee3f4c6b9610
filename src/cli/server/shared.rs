//! What `imgnet-server` and `imgnet-client` share: limits, the ledger, what is told while it goes and at the end.

use crate::wire::Fixed;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Parser, ValueEnum};

use super::guard::Guard;
use super::machine;
use super::moving::Moving;
use crate::cli::Exit;
use crate::cli::args::ColorArg;
use crate::cli::output::not_the_same;
use crate::cli::show::{Opener, draw_file, write_lines};
use crate::cli::terminal::{Canvas, Environment};
use crate::cli::values::{duration, size_above_zero};
use crate::imaging::half_blocks::Painter;
use crate::report::table::grid::{self, Column, draw, numbers, routes, words};
use crate::report::{Detail, Style, text};
use crate::transfer::{Error, Event, Limits, Record, Session, Shutdown, Side};
use crate::wire::Protocol;
use crate::wire::detect::{CATALOG_PORT, EOF_PORT, PIPELINE_PORT, RAW_PIXELS_PORT, UDP_PORTS};

/// Rows of the table at the end; more transfers than this are only counted.
const MOST_ROWS: usize = 1000;

/// Options of every command of both programs.
#[derive(Debug, Args)]
#[command(next_help_heading = "Common options")]
pub(crate) struct Common {
    /// Append a line of JSON for each picture: addresses, wire format, bytes, SHA-256, times, chunk sizes
    #[arg(long, value_name = "FILE")]
    ledger: Option<PathBuf>,

    /// Give up a connection on which nothing moved for so long
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = duration)]
    idle: Duration,

    /// Largest picture
    #[arg(long, value_name = "SIZE", default_value = "256M", value_parser = size_above_zero)]
    max_bytes: u64,

    /// Largest picture in pixels, width × height
    #[arg(long, value_name = "PIXELS", default_value = "256M", value_parser = size_above_zero)]
    max_pixels: u64,

    /// Table for people, or for programs a line of JSON for each thing that happens
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Telling::Table)]
    format: Telling,

    /// The same as --format json
    #[arg(long, hide = true, conflicts_with = "format")]
    json: bool,

    /// Colours.
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = ColorArg::Auto,
          help = "Colours: auto means on a terminal, unless NO_COLOR is set or TERM is dumb")]
    color: ColorArg,

    /// ASCII characters only
    #[arg(long)]
    ascii: bool,

    /// Only what went wrong
    #[arg(short, long)]
    quiet: bool,
}

/// `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Telling {
    /// For people
    Table,
    /// For programs
    Json,
}

impl Common {
    /// The limits of these options.
    pub(super) fn limits(&self) -> Limits {
        Limits {
            idle: self.idle,
            picture_bytes: self.max_bytes,
            pixels: self.max_pixels,
            ..Limits::default()
        }
    }

    /// What happens is told to a program.
    pub(crate) fn is_json(&self) -> bool {
        self.json || self.format == Telling::Json
    }

    /// How standard output looks.
    pub(crate) fn style(&self) -> Style {
        Environment::of_process(false).look(self.color, self.ascii, Detail::Normal)
    }
}

/// What is done with pictures that came.
#[derive(Debug, Args)]
#[command(next_help_heading = "Showing")]
pub(crate) struct Showing {
    /// Draw each picture in the terminal; rows of pixels as they come
    #[arg(long, conflicts_with_all = ["json", "quiet"])]
    show: bool,

    /// Hand each picture to the desktop's viewer (xdg-open)
    #[arg(long)]
    open: bool,
}

/// The same, at work.
struct Shown {
    /// Where pictures are drawn; absent where they are only opened.
    canvas: Option<Canvas>,
    opener: Option<Opener>,
    /// The rows of the picture that is under way.
    painter: Option<Painter>,
}

impl Shown {
    fn new(showing: &Showing, common: &Common) -> anyhow::Result<Self> {
        if showing.show && common.is_json() {
            return Err(usage(
                "--show draws for people; leave --format json out, or use --open",
            ));
        }
        Ok(Self {
            canvas: showing
                .show
                .then(|| Environment::of_process(false).canvas(common.color, common.ascii)),
            opener: showing.open.then(Opener::start).transpose()?,
            painter: None,
        })
    }

    fn rows(&mut self, width: u32, bytes: &[u8]) -> Vec<String> {
        let Some(canvas) = self.canvas else {
            return Vec::new();
        };
        self.painter
            .get_or_insert_with(|| Painter::new(width, canvas.columns, canvas.palette))
            .rows(bytes)
    }

    fn picture(&mut self, record: &Record, out: &mut impl Write) -> io::Result<()> {
        let painter = self.painter.take();
        let Some(file) = record
            .file
            .as_deref()
            .filter(|_| record.side == Side::Received)
        else {
            return Ok(());
        };
        let file = Path::new(file);
        if let Some(opener) = &mut self.opener {
            opener.open(file);
        }
        match (self.canvas, painter) {
            (_, Some(painter)) => write_lines(&painter.finish(), out),
            (Some(canvas), None) => draw_file(file, canvas, out),
            (None, None) => Ok(()),
        }
    }
}

/// `--udp` chooses for `framed` alone, which knows both ways.
pub(crate) fn only_framed(udp: bool, protocol: &Protocol) -> anyhow::Result<()> {
    if udp && *protocol != Protocol::Fixed(Fixed::Framed) && !protocol.is_datagrams() {
        return Err(usage(format!(
            "--udp goes with --protocol framed; {protocol} goes over TCP"
        )));
    }
    Ok(())
}

/// Wrong usage that the parser of arguments cannot see.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Usage(String);

/// An error of usage.
pub(crate) fn usage(message: impl Into<String>) -> anyhow::Error {
    Usage(message.into()).into()
}

/// Parses arguments; help, version and errors are told here.
pub(crate) fn parsed<P: Parser>(arguments: impl IntoIterator<Item = OsString>) -> Result<P, Exit> {
    P::try_parse_from(arguments).map_err(|error| {
        // A closed pipe under --help is no error either.
        let written = error
            .print()
            .or_else(crate::cli::capture::ignore_closed_pipe);
        match error.exit_code() {
            0 if written.is_ok() => Exit::Good,
            _ => Exit::Usage,
        }
    })
}

/// Runs a command: sets limits, signals and the ledger up, tells what happens, and makes the exit code of it.
/// `files` are those that the command itself reads and writes: the ledger is none of them. With a `guard` it is a server: each picture is told as it is done, and being told to end lets what is under way end.
pub(crate) fn run(
    program: &str,
    common: &Common,
    guard: Option<&Guard>,
    files: &[&Path],
    command: impl FnOnce(&Session<'_>) -> anyhow::Result<()>,
) -> Exit {
    run_showing(program, common, guard, None, files, command)
}

/// The same, of a command that shows what comes.
pub(crate) fn run_showing(
    program: &str,
    common: &Common,
    guard: Option<&Guard>,
    showing: Option<&Showing>,
    files: &[&Path],
    command: impl FnOnce(&Session<'_>) -> anyhow::Result<()>,
) -> Exit {
    let teller = match Teller::new(program, common, guard.is_some(), showing, files) {
        Ok(teller) => teller,
        Err(error) => {
            tell(program, &format!("{error:#}"));
            return Exit::Usage;
        }
    };
    let shutdown = Shutdown::default();
    let ended = || {
        if guard.is_some() {
            shutdown.stop_flag()
        } else {
            shutdown.flag()
        }
    };
    for signal in [
        signal_hook::consts::SIGINT,
        signal_hook::consts::SIGTERM,
        signal_hook::consts::SIGHUP,
        signal_hook::consts::SIGQUIT,
    ] {
        // The second signal ends the program at once, the first lets it end well.
        let armed = signal_hook::flag::register_conditional_shutdown(signal, 130, ended())
            .and_then(|_| signal_hook::flag::register(signal, ended()));
        if let Err(error) = armed {
            tell(program, &format!("signals cannot be caught: {error}"));
        }
    }
    let observer = |event| teller.event(event);
    let mut limits = common.limits();
    // Of several senders at once rows would come mixed: a server draws whole pictures.
    limits.tell_rows = guard.is_none() && showing.is_some_and(|showing| showing.show);
    let session = Session {
        limits: match guard {
            Some(guard) => guard.limits(&limits),
            None => limits,
        },
        shutdown: shutdown.clone(),
        observer: &observer,
    };
    let outcome = command(&session);
    teller.conclude(
        outcome,
        shutdown.requested() || shutdown.stopping(),
        &common.style(),
        &mut io::stdout().lock(),
    )
}

/// Tells what happens, and writes the ledger.
struct Teller<'c> {
    program: &'c str,
    quiet: bool,
    live: bool,
    json: bool,
    told: Mutex<Told>,
    shown: Mutex<Option<Shown>>,
}

#[derive(Default)]
struct Told {
    moving: Option<Moving>,
    ledger: Option<File>,
    ledger_error: Option<String>,
    rows: Vec<Row>,
    transfers: u64,
    failed: u64,
    bytes: u64,
}

/// A transfer, as the table shows it.
struct Row {
    cells: [String; 8],
}

/// Makes sure that the ledger is appended to no file of another kind: a picture named by mistake would be spoiled.
fn is_a_ledger(path: &Path) -> anyhow::Result<()> {
    let Ok(metadata) = fs::metadata(path) else {
        return Ok(());
    };
    if !metadata.is_file() || metadata.len() == 0 {
        return Ok(());
    }
    let mut first = [0];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut first));
    if read.is_ok() && first != [b'{'] {
        anyhow::bail!(
            "{}: is there and is no ledger; name another file for --ledger",
            path.display()
        );
    }
    Ok(())
}

impl<'c> Teller<'c> {
    fn new(
        program: &'c str,
        common: &Common,
        live: bool,
        showing: Option<&Showing>,
        files: &[&Path],
    ) -> anyhow::Result<Self> {
        let shown = showing.filter(|showing| showing.show || showing.open);
        let shown = shown
            .map(|showing| Shown::new(showing, common))
            .transpose()?;
        if let Some(path) = &common.ledger {
            for file in files {
                not_the_same(&[Some(path), Some(file)])?;
            }
            is_a_ledger(path)?;
        }
        let ledger = match &common.ledger {
            None => None,
            Some(path) => Some(
                File::options()
                    .create(true)
                    .append(true)
                    .open(path)
                    .with_context(|| format!("{}: the ledger cannot be written", path.display()))?,
            ),
        };
        Ok(Self {
            program,
            quiet: common.quiet,
            live,
            json: common.is_json(),
            told: Mutex::new(Told {
                moving: (!live && !common.quiet && !common.is_json()).then(Moving::new),
                ledger,
                ..Told::default()
            }),
            shown: Mutex::new(shown),
        })
    }

    fn event(&self, event: Event) {
        if self.json
            && let Some(line) = machine::event(&event)
        {
            // A closed pipe is no error.
            let _ = writeln!(io::stdout().lock(), "{line}");
        }
        if matches!(event, Event::Unanswered(_)) {
            let mut told = self.told();
            told.failed = told.failed.saturating_add(1);
        }
        match event {
            Event::Moving { bytes, total } => self.moving(bytes, total),
            // In JSON they are told already.
            Event::Listening(_) | Event::Note(_) | Event::Warning(_) | Event::Unanswered(_)
                if self.json => {}
            Event::Listening(address) if !self.quiet => {
                tell(
                    self.program,
                    &format!("listening on {address}; Ctrl-C ends it"),
                );
            }
            Event::Note(note) if !self.quiet => self.aside(|| tell(self.program, &note)),
            Event::Listening(_) | Event::Note(_) => {}
            Event::Warning(text) | Event::Unanswered(text) => {
                self.aside(|| tell(self.program, &text));
            }
            Event::Transferred(record) => {
                self.transferred(&record);
                if let Some(shown) = &mut *self.shown() {
                    // A closed pipe is no error.
                    let _ = shown.picture(&record, &mut io::stdout().lock());
                }
            }
            Event::Rows { width, bytes } => {
                if let Some(shown) = &mut *self.shown() {
                    let lines = shown.rows(width, &bytes);
                    if !lines.is_empty() {
                        self.aside(|| {
                            let _ = write_lines(&lines, &mut io::stdout().lock());
                        });
                    }
                }
            }
        }
    }

    fn shown(&self) -> MutexGuard<'_, Option<Shown>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn moving(&self, bytes: u64, total: Option<u64>) {
        let mut told = self.told();
        if let Some(moving) = &mut told.moving
            && let Some(line) = moving.moved(bytes, total)
        {
            tell(self.program, &line);
        }
    }

    fn aside(&self, write: impl FnOnce()) {
        match &self.told().moving {
            Some(moving) => moving.aside(write),
            None => write(),
        }
    }

    fn transferred(&self, record: &Record) {
        let mut told = self.told();
        if let Some(moving) = &mut told.moving {
            moving.over();
        }
        if let Some(ledger) = &mut told.ledger
            && let Err(error) = record.write_line(ledger)
        {
            told.ledger = None;
            let message = format!("the ledger cannot be written any more: {error}");
            tell(self.program, &message);
            told.ledger_error = Some(message);
        }
        told.transfers = told.transfers.saturating_add(1);
        told.bytes = told.bytes.saturating_add(record.bytes);
        if record.problem.is_some() {
            told.failed = told.failed.saturating_add(1);
        }
        if self.json {
            return;
        }
        if let Some(problem) = &record.problem {
            let verb = verb(record.side);
            tell(
                self.program,
                &format!(
                    "{verb} {}, {} to {}: {problem}",
                    text::counted(record.bytes, "byte", "bytes"),
                    record.from,
                    record.to
                ),
            );
        } else if self.live && !self.quiet {
            let row = Row::new(told.transfers, record);
            let [_, verb, file, _, kind, bytes, ..] = &row.cells;
            tell(
                self.program,
                &format!(
                    "{verb} {file}: {kind}, {bytes} {}, {} to {}",
                    if bytes == "1" { "byte" } else { "bytes" },
                    record.from,
                    record.to
                ),
            );
        }
        if told.rows.len() < MOST_ROWS {
            let row = Row::new(told.transfers, record);
            told.rows.push(row);
        }
    }

    /// The exit code, after the table of all transfers was written to `out`, which looks so.
    fn conclude(
        self,
        outcome: anyhow::Result<()>,
        stopped: bool,
        style: &Style,
        out: &mut impl Write,
    ) -> Exit {
        let told = self
            .told
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        // A client that moved nothing and did not fail was asked for a list, and told it.
        let listed = !self.live && told.transfers == 0 && outcome.is_ok();
        let printed = if listed {
            Ok(())
        } else if self.json {
            let error = outcome.as_ref().err().map(|error| format!("{error:#}"));
            let line = machine::summary(told.transfers, told.failed, told.bytes, error.as_deref());
            writeln!(out, "{line}")
        } else if self.quiet || (outcome.is_err() && told.transfers == 0) {
            Ok(())
        } else {
            summary(&told, style, out)
        };
        let mut exit = if told.failed > 0 {
            Exit::NotEqual
        } else {
            Exit::Good
        };
        if let Err(error) = outcome {
            let cause = error.downcast_ref::<Error>();
            // A server that is stopped did what it was asked for; what that cut off is in the records. A client did not.
            let asked_for = self.live && stopped && matches!(cause, Some(Error::Stopped));
            if !asked_for {
                tell(self.program, &format!("{error:#}"));
                exit = match cause {
                    Some(error) if !error.is_usage() => Exit::NotEqual,
                    _ => Exit::Usage,
                };
            }
        }
        if told.ledger_error.is_some() {
            exit = Exit::Usage;
        }
        if let Err(error) = printed
            && error.kind() != io::ErrorKind::BrokenPipe
        {
            tell(
                self.program,
                &format!("standard output cannot be written: {error}"),
            );
            exit = Exit::Usage;
        }
        exit
    }
}

fn verb(side: Side) -> &'static str {
    match side {
        Side::Sent => "sent",
        Side::Received => "received",
    }
}

impl Row {
    fn new(number: u64, record: &Record) -> Self {
        let kind = match (record.format, &record.protocol) {
            (_, Protocol::RawPixels { .. }) => "raw pixels".to_owned(),
            (Some(format), _) => format.to_string(),
            (None, _) => "unknown".to_owned(),
        };
        let file = match (&record.file, &record.request) {
            (Some(file), _) => file.clone(),
            (None, Some(request)) => format!("choice {request}"),
            (None, None) => "-".to_owned(),
        };
        Self {
            cells: [
                number.to_string(),
                verb(record.side).to_owned(),
                text::plain(&file, true).into_owned(),
                format!("{} → {}", record.from, record.to),
                kind,
                text::count(record.bytes),
                text::count(record.chunks.len() as u64),
                if record.problem.is_some() {
                    "failed".to_owned()
                } else {
                    text::duration(record.ended.since(record.started), true)
                },
            ],
        }
    }
}

/// The columns of the table of transfers.
const COLUMNS: [Column; 8] = [
    numbers("#", 0),
    words("", 0),
    words("picture", 0),
    routes("from → to"),
    words("kind", 0),
    numbers("bytes", 0),
    numbers("pieces", 0),
    numbers("took", 0),
];

/// The table of transfers and one line that sums them up.
fn summary(told: &Told, style: &Style, out: &mut impl Write) -> io::Result<()> {
    if told.transfers == 0 {
        return writeln!(out, "no picture was moved");
    }
    let mut table = Vec::new();
    let rows = || {
        told.rows
            .iter()
            .map(|row| grid::Row::plain(row.cells.clone()))
    };
    draw(&COLUMNS, rows, 0, style, &mut table)?;
    for line in String::from_utf8_lossy(&table).lines() {
        writeln!(out, "{}", text::plain(line, style.unicode))?;
    }
    let shown = told.rows.len() as u64;
    if told.transfers > shown {
        writeln!(
            out,
            "... and {} more",
            text::count(told.transfers.saturating_sub(shown))
        )?;
    }
    let failed = match told.failed {
        0 => "all whole".to_owned(),
        failed => format!("{} failed", text::count(failed)),
    };
    writeln!(
        out,
        "{}, {}, {failed}",
        text::counted(told.transfers, "picture", "pictures"),
        text::counted(told.bytes, "byte", "bytes")
    )
}

pub(super) fn tell(program: &str, message: &str) {
    let message = text::plain(message, true);
    // Where even this cannot be written, the exit code has to do.
    let _ = writeln!(io::stderr().lock(), "{program}: {message}");
}

/// The port that programs of this format use.
pub(crate) fn default_port(protocol: &Protocol, otherwise: u16) -> u16 {
    match protocol {
        Protocol::Marker(_) => PIPELINE_PORT,
        Protocol::Eof | Protocol::HalfClose => EOF_PORT,
        Protocol::Catalog => CATALOG_PORT,
        Protocol::RawPixels { .. } => RAW_PIXELS_PORT,
        Protocol::Udp => UDP_PORTS.last().copied().unwrap_or(otherwise),
        _ => otherwise,
    }
}

/// Raw pixels need a width, from `--width` or `raw-pixels=WIDTH`.
pub(crate) fn pixels_width(protocol: &Protocol, width: Option<u32>) -> anyhow::Result<Protocol> {
    match (protocol, width) {
        (Protocol::RawPixels { width: None }, None) => Err(usage(
            "raw-pixels says nothing about the picture's width: give it with --width, e.g. --width 640",
        )),
        (Protocol::RawPixels { width: None }, Some(width)) => {
            Ok(Protocol::RawPixels { width: Some(width) })
        }
        (
            Protocol::RawPixels {
                width: Some(inside),
            },
            Some(width),
        ) if *inside != width => Err(usage(format!(
            "the width is given twice and differently: {inside} in --protocol and {width} in --width"
        ))),
        (Protocol::RawPixels { .. }, _) | (_, None) => Ok(protocol.clone()),
        (_, Some(_)) => Err(usage(format!(
            "--width is for raw-pixels only; {protocol} carries picture files that tell their width"
        ))),
    }
}

/// A format that sends pictures one way.
pub(crate) fn one_way(text: &str) -> Result<Protocol, String> {
    match text.parse().map_err(|error| format!("{error}"))? {
        Protocol::Catalog => Err(
            "catalog asks for pictures by number: use imgnet-server catalog and imgnet-client get"
                .to_owned(),
        ),
        protocol => Ok(protocol),
    }
}

/// `marker` or `marker=TEXT`.
pub(crate) fn marker(text: &str) -> Result<Protocol, String> {
    match text.parse() {
        Ok(protocol @ Protocol::Marker(_)) => Ok(protocol),
        _ => Err("expected marker, or marker=TEXT for another end marker".to_owned()),
    }
}

#[cfg(test)]
mod tests;
