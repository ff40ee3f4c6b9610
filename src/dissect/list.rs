//! The packet list: a row a frame, as a table, JSON, JSON Lines or CSV. Rows are written as frames come; nothing of them is
//! kept but the first few, by which a table's columns are measured.

mod json;

use std::fmt::Write as _;
use std::io::{self, Write};

use anstyle::{AnsiColor, Color, Style as Paint};

pub(crate) use json::json;

use super::carried::{Carried, Role};
use super::fields::{self, Field, link};
use super::info;
use super::line::Line;
use super::seen::Seen;
use crate::findings::Severity;
use crate::report::{Style, text};
use crate::units::{self, Timestamp};

/// A table's columns are measured by so many rows.
const MEASURED: usize = 200;
/// What a column of free text needs at least, in characters; where there is no room, three quarters of it.
const LEAST: usize = 16;
/// What gives way where there is no room for all columns, in this order.
const GIVEN: [&[Column]; 4] = [
    &[Column::Source, Column::Destination],
    &[Column::Length],
    &[Column::Protocol],
    &[Column::Info],
];
/// Quarters of what a column of free text needs: so much is left to it…
const LEFT: [usize; 2] = [4, 3];
/// …and where nothing more gives way, so much.
const LITTLE: [usize; 4] = [4, 3, 2, 1];

/// A column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Column {
    /// Frame number.
    Number,
    /// Time, as [`Clock`] says.
    Time,
    /// Sender's address.
    Source,
    /// Receiver's address.
    Destination,
    /// Protocol of the highest layer.
    Protocol,
    /// Length on the wire.
    Length,
    /// Summary in one line.
    Info,
    /// What it carries.
    Carries,
    /// Findings of which it is a proof.
    Findings,
    /// A field.
    Field(&'static Field),
}

/// Those of a list that asks for no others.
pub(crate) const COLUMNS: [Column; 9] = [
    Column::Number,
    Column::Time,
    Column::Source,
    Column::Destination,
    Column::Protocol,
    Column::Length,
    Column::Info,
    Column::Carries,
    Column::Findings,
];

impl Column {
    /// The column of this name, or of the field of this name.
    pub(crate) fn find(name: &str) -> Option<Self> {
        let name = name.trim();
        COLUMNS
            .into_iter()
            .find(|column| column.name() == name.to_ascii_lowercase())
            .or_else(|| fields::find(name).map(Self::Field))
    }

    /// The name nearest to one that there is not.
    pub(crate) fn nearest(name: &str) -> Option<&'static str> {
        let wanted = name.trim().to_ascii_lowercase();
        let of_list = COLUMNS.into_iter().map(Self::name);
        of_list
            .map(|known| (strsim::damerau_levenshtein(&wanted, known), known))
            .min()
            .filter(|(distance, known)| *distance <= 2 && *distance < known.len())
            .map(|(_, known)| known)
            .or_else(|| fields::nearest(name))
    }

    /// As `--columns` takes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Time => "time",
            Self::Source => "source",
            Self::Destination => "destination",
            Self::Protocol => "protocol",
            Self::Length => "length",
            Self::Info => "info",
            Self::Carries => "carries",
            Self::Findings => "findings",
            Self::Field(field) => field.name,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Number => "No.",
            Self::Time => "Time",
            Self::Source => "Source",
            Self::Destination => "Destination",
            Self::Protocol => "Protocol",
            Self::Length => "Length",
            Self::Info => "Info",
            Self::Carries => "Carries",
            Self::Findings => "Findings",
            Self::Field(field) => field.name,
        }
    }

    fn is_right(self) -> bool {
        use super::value::Kind;
        match self {
            Self::Number | Self::Time | Self::Length => true,
            Self::Field(field) => matches!(field.kind, Kind::Number | Kind::Seconds),
            _ => false,
        }
    }

    /// Whether there is never another character in it.
    fn is_ascii(self) -> bool {
        matches!(
            self,
            Self::Number
                | Self::Time
                | Self::Source
                | Self::Destination
                | Self::Protocol
                | Self::Length
        )
    }

    /// Whether what it says depends on which rows came before.
    pub(crate) fn is_of_order(self) -> bool {
        matches!(self, Self::Field(field) if field.is_of_order())
    }

    fn is_free_text(self) -> bool {
        matches!(self, Self::Info | Self::Carries | Self::Findings)
    }
}

/// What the time column shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clock {
    /// Seconds since the first frame of the capture.
    Relative,
    /// Seconds since the frame before.
    Delta,
    /// Date and time in this zone, as its clocks went then.
    Absolute(&'static jiff::tz::TimeZone),
    /// Date and time in UTC.
    Utc,
}

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// One object.
    Json,
    /// An object a line.
    JsonLines,
    /// For spreadsheets.
    Csv,
}

/// Puts rows into words. Knows nothing of the rows before, so that several threads may put rows into words at once.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    format: Format,
    columns: Vec<Column>,
    clock: Clock,
    style: Style,
    /// Of a table's columns; none while they are not measured.
    widths: Vec<usize>,
}

impl Rows {
    /// Adds a frame's row to `out`: any but the first.
    pub(crate) fn add(&self, seen: &Seen<'_>, out: &mut Line) {
        match self.format {
            Format::Table => self.table(seen, out),
            Format::Csv => self.csv(seen, out),
            Format::Json => {
                out.push_str(",\n");
                json(seen, &self.columns, out);
            }
            Format::JsonLines => {
                json(seen, &self.columns, out);
                out.push_str("\n");
            }
        }
    }

    fn csv(&self, seen: &Seen<'_>, out: &mut Line) {
        for (index, column) in self.columns.iter().enumerate() {
            if index > 0 {
                out.push_str(",");
            }
            let from = out.len();
            cell(seen, *column, self.clock, true, out);
            quote_csv(out, from);
        }
        out.push_str("\n");
    }

    fn table(&self, seen: &Seen<'_>, out: &mut Line) {
        let start = out.len();
        let paint = self.paint(seen);
        begin_line(out, paint);
        for (index, column) in self.columns.iter().enumerate() {
            let number = match column {
                Column::Number => Some(seen.frame.number.0),
                Column::Length => Some(u64::from(seen.frame.wire_len)),
                _ => None,
            };
            if let Some(number) = number {
                out.number_within(number, self.widths.get(index).copied().unwrap_or(0));
                if index + 1 < self.columns.len() {
                    out.push_str("  ");
                }
            } else {
                let from = out.len();
                cell(seen, *column, self.clock, self.style.unicode, out);
                self.fit(out, from, index, *column);
            }
        }
        end_line(out, start, paint);
    }

    fn paint(&self, seen: &Seen<'_>) -> Paint {
        if self.style.color {
            paint(seen)
        } else {
            Paint::new()
        }
    }

    /// A row of cells that are there already.
    fn cells<'c>(&self, paint: Paint, cells: impl Iterator<Item = &'c str>, out: &mut Line) {
        let start = out.len();
        begin_line(out, paint);
        for (index, (column, text)) in self.columns.iter().zip(cells).enumerate() {
            let from = out.len();
            out.push_str(text);
            self.fit(out, from, index, *column);
        }
        end_line(out, start, paint);
    }

    /// Makes what stands in `line` behind `from` as wide as its column.
    fn fit(&self, line: &mut Line, from: usize, index: usize, column: Column) {
        let width = self.widths.get(index).copied().unwrap_or(0);
        let last = index + 1 == self.columns.len();
        // Nothing is shortened for a program.
        let shortens = self.style.width < usize::MAX && column.is_free_text();
        if last && !shortens && !column.is_right() {
            return;
        }
        let length = if column.is_ascii() {
            line.len() - from
        } else {
            line.characters_since(from)
        };
        if length > width && shortens {
            let kept = width.saturating_sub(1);
            let text = line.text_since(from);
            let end = text.char_indices().nth(kept).map(|(at, _)| from + at);
            line.truncate(end.unwrap_or(line.len()));
            line.push_str(if self.style.unicode { "…" } else { "~" });
        } else if column.is_right() {
            line.pad_before(from, width.saturating_sub(length));
        } else if !last {
            line.pad(width.saturating_sub(length));
        }
        if !last {
            line.push_str("  ");
        }
    }
}

/// Writes a list.
pub(crate) struct List<W> {
    out: W,
    words: Rows,
    /// Rows that wait for the columns to be measured; absent once they are, and where there are none to be measured.
    waiting: Option<Vec<(Paint, Vec<String>)>>,
    rows: u64,
    line: Line,
}

impl<W: Write> List<W> {
    /// A list of no rows yet.
    ///
    /// # Errors
    /// Those of `out`.
    pub(crate) fn new(
        mut out: W,
        format: Format,
        columns: Vec<Column>,
        clock: Clock,
        style: Style,
    ) -> io::Result<Self> {
        match format {
            Format::Json => write!(out, "{{\"schema\":\"imgnet/packets/v1\",\"packets\":[")?,
            Format::Csv => {
                let titles: Vec<&str> = columns.iter().map(|column| column.name()).collect();
                writeln!(out, "{}", titles.join(","))?;
            }
            Format::Table | Format::JsonLines => {}
        }
        Ok(Self {
            out,
            words: Rows {
                format,
                columns,
                clock,
                style,
                widths: Vec::new(),
            },
            waiting: (format == Format::Table).then(Vec::new),
            rows: 0,
            line: Line::default(),
        })
    }

    /// How many rows were written with [`Self::row`].
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// By what all further rows may be put into words, and where they are to be written; absent before the first row is
    /// written.
    pub(crate) fn further(&mut self) -> Option<(Rows, &mut W)> {
        let begun = self.rows > 0 && self.waiting.is_none();
        begun.then(|| (self.words.clone(), &mut self.out))
    }

    /// Writes a frame's row.
    ///
    /// # Errors
    /// Those of `out`.
    pub(crate) fn row(&mut self, seen: &Seen<'_>) -> io::Result<()> {
        self.rows += 1;
        if let Some(waiting) = &mut self.waiting {
            let words = &self.words;
            let cells = words.columns.iter().map(|column| {
                let mut text = Line::default();
                cell(seen, *column, words.clock, words.style.unicode, &mut text);
                text.into_string()
            });
            waiting.push((words.paint(seen), cells.collect()));
            return if waiting.len() >= MEASURED {
                self.measured()
            } else {
                Ok(())
            };
        }
        self.line.clear();
        if self.words.format == Format::Json && self.rows == 1 {
            self.line.push_str("\n");
            json(seen, &self.words.columns, &mut self.line);
        } else {
            self.words.add(seen, &mut self.line);
        }
        self.out.write_all(self.line.as_bytes())
    }

    /// The columns are measured: writes the rows that waited.
    fn measured(&mut self) -> io::Result<()> {
        let Some(mut waiting) = self.waiting.take() else {
            return Ok(());
        };
        let columns = &mut self.words.columns;
        // A column of which nothing is to be said is left out, unless it may come later.
        let findings = columns
            .iter()
            .position(|column| *column == Column::Findings);
        if let Some(at) = findings
            && waiting.len() < MEASURED
            && waiting
                .iter()
                .all(|(_, cells)| cells.get(at).is_none_or(String::is_empty))
        {
            columns.remove(at);
            for (_, cells) in &mut waiting {
                if at < cells.len() {
                    cells.remove(at);
                }
            }
        }
        let natural: Vec<usize> = columns
            .iter()
            .enumerate()
            .map(|(at, column)| {
                let cells = waiting.iter().filter_map(|(_, cells)| cells.get(at));
                let widest = cells.map(|cell| cell.chars().count()).max().unwrap_or(0);
                widest.max(column.title().chars().count())
            })
            .collect();
        let mut natural = natural;
        let usual = columns.len() + 1 >= COLUMNS.len()
            && columns.iter().all(|column| COLUMNS.contains(column));
        // On a narrow terminal what the others tell, or the packet does, gives way before lines are broken.
        for given in GIVEN {
            let fits = width_of(&fitted(&natural, columns, self.words.style.width, &LEFT));
            if !usual || fits <= self.words.style.width {
                break;
            }
            while let Some(at) = columns.iter().position(|column| given.contains(column)) {
                columns.remove(at);
                natural.remove(at);
                for (_, cells) in &mut waiting {
                    cells.remove(at);
                }
            }
        }
        self.words.widths = fitted(&natural, columns, self.words.style.width, &LITTLE);
        let bold = if self.words.style.color {
            Paint::new().bold()
        } else {
            Paint::new()
        };
        self.line.clear();
        let titles = self.words.columns.iter().map(|column| column.title());
        self.words.cells(bold, titles, &mut self.line);
        for (paint, cells) in waiting {
            let cells = cells.iter().map(String::as_str);
            self.words.cells(paint, cells, &mut self.line);
        }
        self.out.write_all(self.line.as_bytes())
    }

    /// Ends the list; `next` is where a list of what follows begins, where there is more; `analysed` how many frames the rows
    /// rest on, where these are not all of the capture.
    ///
    /// # Errors
    /// Those of `out`.
    pub(crate) fn finish(mut self, next: Option<u64>, analysed: Option<u64>) -> io::Result<()> {
        let token = next.map_or_else(|| "null".to_owned(), |next| format!("\"{next}\""));
        let frames = analysed.map_or_else(|| "null".to_owned(), |frames| frames.to_string());
        match self.words.format {
            Format::Table => {
                self.measured()?;
                if let Some(next) = next {
                    writeln!(self.out, "More follow: --next {next}")?;
                }
                if let Some(frames) = analysed {
                    writeln!(
                        self.out,
                        "Only the first {} were analysed: what later ones show is not marked (--whole analyses all first)",
                        units::counted(frames, "frame", "frames")
                    )?;
                }
            }
            Format::Json => {
                writeln!(self.out, "\n],\"next\":{token},\"analysed\":{frames}}}")?;
            }
            Format::JsonLines => {
                if next.is_some() || analysed.is_some() {
                    writeln!(self.out, "{{\"next\":{token},\"analysed\":{frames}}}")?;
                }
            }
            Format::Csv => {}
        }
        self.out.flush()
    }
}

/// Widths that fit: the columns of free text share what the others leave.
fn fitted(natural: &[usize], columns: &[Column], width: usize, left: &[usize]) -> Vec<usize> {
    let mut widths = natural.to_vec();
    let mut over = width_of(natural).saturating_sub(width);
    for quarters in left {
        // First the summary, then what it carries, then the findings.
        for wanted in [Column::Info, Column::Carries, Column::Findings] {
            if let Some(at) = columns.iter().position(|column| *column == wanted)
                && let Some(width) = widths.get_mut(at)
            {
                let least = match wanted {
                    Column::Carries => 2 * LEAST,
                    _ => LEAST,
                };
                let least = least * quarters / 4;
                let given = over.min(width.saturating_sub(least.min(*width)));
                *width -= given;
                over -= given;
            }
        }
    }
    widths
}

/// Characters of a line of such columns.
fn width_of(widths: &[usize]) -> usize {
    widths.iter().sum::<usize>() + widths.len().saturating_sub(1) * 2
}

fn begin_line(line: &mut Line, paint: Paint) {
    if paint != Paint::new() {
        let _ = write!(line, "{}", paint.render());
    }
}

fn end_line(line: &mut Line, start: usize, paint: Paint) {
    line.trim_end(start);
    if paint != Paint::new() {
        let _ = write!(line, "{}", paint.render_reset());
    }
    line.push_str("\n");
}

/// The colour of a role, as the legend in the help has it.
pub(crate) fn color(role: Role) -> Option<AnsiColor> {
    Some(match role {
        Role::Picture => AnsiColor::Green,
        Role::Framing => AnsiColor::Cyan,
        Role::Answer => AnsiColor::Blue,
        Role::Stray | Role::Gap => AnsiColor::Magenta,
        Role::Reset => AnsiColor::Red,
        Role::Unknown | Role::Open | Role::Acknowledgment | Role::Close => return None,
    })
}

/// How a frame's row looks.
pub(crate) fn paint(seen: &Seen<'_>) -> Paint {
    let fore = |color: AnsiColor| Paint::new().fg_color(Some(Color::Ansi(color)));
    match seen.index.worst_of(seen.frame.number) {
        Some(Severity::Error) => return fore(AnsiColor::Red).bold(),
        Some(Severity::Warning) => return fore(AnsiColor::Yellow).bold(),
        _ => {}
    }
    let trouble = seen
        .place
        .and_then(|place| place.tcp)
        .is_some_and(|numbers| info::is_trouble(numbers.remarks));
    if trouble || seen.place.is_some_and(|place| place.repeats.is_some()) {
        return fore(AnsiColor::Yellow);
    }
    match Carried::of(seen).role() {
        Some(Role::Acknowledgment) | None => Paint::new().dimmed(),
        Some(role) => color(role).map_or(Paint::new(), fore),
    }
}

/// Writes a column's text for a frame. No control character of the network gets through.
pub(crate) fn cell(seen: &Seen<'_>, column: Column, clock: Clock, unicode: bool, out: &mut Line) {
    match column {
        Column::Number => out.number(seen.frame.number.0),
        Column::Time => time(seen, clock, out),
        Column::Source => address(seen, true, out),
        Column::Destination => address(seen, false, out),
        Column::Protocol => out.push_str(info::protocol(seen)),
        Column::Length => out.number(u64::from(seen.frame.wire_len)),
        Column::Info => info::write(seen, out, unicode),
        Column::Carries => {
            Carried::of(seen).write(out, unicode);
        }
        Column::Findings => {
            for (index, finding) in seen.index.findings_of(seen.frame.number).enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                out.push_str(match (finding.severity, unicode) {
                    (Severity::Error, true) => "✖ ",
                    (Severity::Error, false) => "x ",
                    (Severity::Warning, _) => "! ",
                    (Severity::Note, true) => "· ",
                    (Severity::Note, false) => "- ",
                });
                out.push_str(finding.name.as_str());
            }
        }
        Column::Field(field) => {
            let from = out.len();
            let mut first = true;
            field.values(seen, &mut |value, _| {
                if !std::mem::take(&mut first) {
                    out.push_str(",");
                }
                let _ = write!(out, "{value}");
            });
            made_safe(out, from, unicode);
        }
    }
}

fn made_safe(out: &mut Line, from: usize, unicode: bool) {
    if let std::borrow::Cow::Owned(safe) = text::plain(out.text_since(from), unicode) {
        out.truncate(from);
        out.push_str(&safe);
    }
}

fn time(seen: &Seen<'_>, clock: Clock, out: &mut Line) {
    let Some(now) = seen.frame.time else { return };
    let since = |then: Option<Timestamp>| then.map_or(0, |then| now.since(then));
    match clock {
        Clock::Relative => push_micros(out, since(seen.before.first)),
        Clock::Delta => push_micros(out, since(seen.before.last)),
        Clock::Utc => date(now, "Z", out),
        Clock::Absolute(zone) => {
            let then = jiff::Timestamp::from_nanosecond(i128::from(now.0)).unwrap_or_default();
            let east = i64::from(zone.to_offset(then).seconds());
            let shifted = Timestamp(now.0.saturating_add(east * 1_000_000_000));
            date(shifted, "", out);
        }
    }
}

/// Date and time to the microsecond.
fn date(time: Timestamp, zone: &str, out: &mut Line) {
    let from = out.len();
    let _ = write!(out, "{time}");
    let text = out.text_since(from);
    let (day, second) = (text.get(..10), text.get(11..26));
    let text = format!("{} {}", day.unwrap_or_default(), second.unwrap_or_default());
    out.truncate(from);
    out.push_str(&text);
    out.push_str(zone);
}

/// Seconds with six decimals, as Wireshark's list has them.
fn push_micros(out: &mut Line, nanoseconds: i64) {
    push_seconds(out, nanoseconds, 6);
}

fn push_seconds(out: &mut Line, nanoseconds: i64, decimals: usize) {
    if nanoseconds < 0 {
        out.push_str("-");
    }
    let whole = nanoseconds.unsigned_abs();
    out.number(whole / 1_000_000_000);
    out.push_str(".");
    let fraction = whole % 1_000_000_000;
    out.digits(
        if decimals == 9 {
            fraction
        } else {
            fraction / 1_000
        },
        decimals,
    );
}

fn address(seen: &Seen<'_>, source: bool, out: &mut Line) {
    if let Some(packet) = seen.packet() {
        let end = if source {
            packet.source
        } else {
            packet.destination
        };
        if let std::net::SocketAddr::V4(end) = end {
            out.address(*end.ip());
        } else {
            let _ = write!(out, "{}", end.ip());
        }
        return;
    }
    let names: [&str; 3] = if source {
        ["ip.src", "ipv6.src", "eth.src"]
    } else {
        ["ip.dst", "ipv6.dst", "eth.dst"]
    };
    let found = names
        .into_iter()
        .filter(|name| *name != "eth.src" && *name != "eth.dst" || link::ethernet(seen))
        .find_map(|name| fields::find(name)?.first(seen));
    if let Some((value, _)) = found {
        let _ = write!(out, "{value}");
    }
}

/// Quotes what stands in `line` behind `from`, where CSV asks for that.
fn quote_csv(line: &mut Line, from: usize) {
    let cell = line.since(from);
    // A cell that begins as a formula would be one in a spreadsheet.
    let formula = matches!(cell.first(), Some(b'=' | b'+' | b'@' | b'\t'));
    if formula
        || memchr::memchr3(b'"', b',', b'\n', cell).is_some()
        || memchr::memchr(b'\r', cell).is_some()
    {
        let cell = line.text_since(from);
        let quoted = cell.replace('"', "\"\"");
        line.truncate(from);
        line.push_str(if formula { "\"'" } else { "\"" });
        line.push_str(&quoted);
        line.push_str("\"");
    }
}
