//! The packet list: a row a frame, as a table, JSON, JSON Lines or CSV. Rows are written as frames come; nothing of them is
//! kept but the first few, by which a table's columns are measured.

use std::fmt::Write as _;
use std::io::{self, Write};

use anstyle::{AnsiColor, Color, Style as Paint};

use super::carried::{Carried, Role, push_count};
use super::fields::{self, Field, link};
use super::info;
use super::seen::Seen;
use super::value::seconds;
use crate::findings::Severity;
use crate::report::{Style, text};
use crate::units::Timestamp;

/// A table's columns are measured by so many rows.
const MEASURED: usize = 200;
/// What a column of free text needs at least, in characters.
const LEAST: usize = 16;

/// A column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Column {
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
pub const COLUMNS: [Column; 9] = [
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
    pub fn find(name: &str) -> Option<Self> {
        let name = name.trim();
        COLUMNS
            .into_iter()
            .find(|column| column.name() == name.to_ascii_lowercase())
            .or_else(|| fields::find(name).map(Self::Field))
    }

    /// As `--columns` takes it.
    pub fn name(self) -> &'static str {
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

    fn is_free_text(self) -> bool {
        matches!(self, Self::Info | Self::Carries | Self::Findings)
    }
}

/// What the time column shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// Seconds since the first frame of the capture.
    Relative,
    /// Seconds since the frame before.
    Delta,
    /// Date and time so many seconds east of UTC.
    Absolute(i32),
    /// Date and time in UTC.
    Utc,
}

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Table,
    /// One object.
    Json,
    /// An object a line.
    JsonLines,
    /// For spreadsheets.
    Csv,
}

/// Writes a list.
pub struct List<W> {
    out: W,
    format: Format,
    columns: Vec<Column>,
    clock: Clock,
    style: Style,
    /// Rows that wait for the columns to be measured.
    waiting: Option<Vec<(Paint, Vec<String>)>>,
    widths: Vec<usize>,
    rows: u64,
    cell: String,
    line: String,
}

impl<W: Write> List<W> {
    /// A list of no rows yet.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn new(
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
            format,
            columns,
            clock,
            style,
            waiting: Some(Vec::new()),
            widths: Vec::new(),
            rows: 0,
            cell: String::new(),
            line: String::new(),
        })
    }

    /// How many rows were written.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Writes a frame's row.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn row(&mut self, seen: &Seen<'_>) -> io::Result<()> {
        self.rows += 1;
        match self.format {
            Format::Table => self.table_row(seen),
            Format::Csv => {
                self.line.clear();
                for (index, column) in self.columns.iter().enumerate() {
                    if index > 0 {
                        self.line.push(',');
                    }
                    self.cell.clear();
                    cell(seen, *column, self.clock, true, &mut self.cell);
                    push_csv(&mut self.line, &self.cell);
                }
                self.line.push('\n');
                self.out.write_all(self.line.as_bytes())
            }
            Format::Json | Format::JsonLines => {
                self.line.clear();
                if self.format == Format::Json {
                    self.line.push_str(if self.rows > 1 { ",\n" } else { "\n" });
                }
                json(seen, &self.columns, &mut self.line);
                if self.format == Format::JsonLines {
                    self.line.push('\n');
                }
                self.out.write_all(self.line.as_bytes())
            }
        }
    }

    fn table_row(&mut self, seen: &Seen<'_>) -> io::Result<()> {
        let paint = if self.style.color {
            paint(seen)
        } else {
            Paint::new()
        };
        if let Some(waiting) = &mut self.waiting {
            let cells = self
                .columns
                .iter()
                .map(|column| {
                    let mut text = String::new();
                    cell(seen, *column, self.clock, self.style.unicode, &mut text);
                    text
                })
                .collect();
            waiting.push((paint, cells));
            return if waiting.len() >= MEASURED {
                self.measured()
            } else {
                Ok(())
            };
        }
        self.line.clear();
        for (index, column) in self.columns.iter().enumerate() {
            self.cell.clear();
            cell(
                seen,
                *column,
                self.clock,
                self.style.unicode,
                &mut self.cell,
            );
            let width = self.widths.get(index).copied().unwrap_or(0);
            let last = index + 1 == self.columns.len();
            push_cell(&mut self.line, &self.cell, width, *column, last, self.style);
        }
        finish_line(&mut self.line, paint);
        self.out.write_all(self.line.as_bytes())
    }

    /// The columns are measured: writes the rows that waited.
    fn measured(&mut self) -> io::Result<()> {
        let Some(mut waiting) = self.waiting.take() else {
            return Ok(());
        };
        // A column of which nothing is to be said is left out, unless it may come later.
        let findings = self
            .columns
            .iter()
            .position(|column| *column == Column::Findings);
        if let Some(at) = findings
            && waiting.len() < MEASURED
            && waiting
                .iter()
                .all(|(_, cells)| cells.get(at).is_none_or(String::is_empty))
        {
            self.columns.remove(at);
            for (_, cells) in &mut waiting {
                if at < cells.len() {
                    cells.remove(at);
                }
            }
        }
        let natural: Vec<usize> = self
            .columns
            .iter()
            .enumerate()
            .map(|(at, column)| {
                let cells = waiting.iter().filter_map(|(_, cells)| cells.get(at));
                let widest = cells.map(|cell| cell.chars().count()).max().unwrap_or(0);
                widest.max(column.title().chars().count())
            })
            .collect();
        self.widths = fitted(&natural, &self.columns, self.style.width);
        let mut head = String::new();
        for (index, column) in self.columns.iter().enumerate() {
            let width = self.widths.get(index).copied().unwrap_or(0);
            let last = index + 1 == self.columns.len();
            push_cell(&mut head, column.title(), width, *column, last, self.style);
        }
        let bold = if self.style.color {
            Paint::new().bold()
        } else {
            Paint::new()
        };
        finish_line(&mut head, bold);
        self.out.write_all(head.as_bytes())?;
        for (paint, cells) in waiting {
            self.line.clear();
            for (index, column) in self.columns.iter().enumerate() {
                let width = self.widths.get(index).copied().unwrap_or(0);
                let last = index + 1 == self.columns.len();
                let text = cells.get(index).map_or("", String::as_str);
                push_cell(&mut self.line, text, width, *column, last, self.style);
            }
            finish_line(&mut self.line, paint);
            self.out.write_all(self.line.as_bytes())?;
        }
        Ok(())
    }

    /// Ends the list; `next` is where a list of what follows begins, where there is more.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn finish(mut self, next: Option<u64>) -> io::Result<()> {
        match self.format {
            Format::Table => {
                self.measured()?;
                if let Some(next) = next {
                    writeln!(self.out, "More follow: --next {next}")?;
                }
            }
            Format::Json => {
                let next = next.map_or_else(|| "null".to_owned(), |next| format!("\"{next}\""));
                writeln!(self.out, "\n],\"next\":{next}}}")?;
            }
            Format::JsonLines => {
                if let Some(next) = next {
                    writeln!(self.out, "{{\"next\":\"{next}\"}}")?;
                }
            }
            Format::Csv => {}
        }
        self.out.flush()
    }
}

/// Widths that fit: the columns of free text share what the others leave.
fn fitted(natural: &[usize], columns: &[Column], width: usize) -> Vec<usize> {
    let gaps = columns.len().saturating_sub(1) * 2;
    let total: usize = natural.iter().sum::<usize>() + gaps;
    let mut widths = natural.to_vec();
    let mut over = total.saturating_sub(width);
    // First the summary, then what it carries, then the findings.
    for wanted in [Column::Info, Column::Carries, Column::Findings] {
        if let Some(at) = columns.iter().position(|column| *column == wanted)
            && let Some(width) = widths.get_mut(at)
        {
            let least = if wanted == Column::Carries {
                2 * LEAST
            } else {
                LEAST
            };
            let given = over.min(width.saturating_sub(least.min(*width)));
            *width -= given;
            over -= given;
        }
    }
    widths
}

fn push_cell(
    line: &mut String,
    text: &str,
    width: usize,
    column: Column,
    last: bool,
    style: Style,
) {
    let length = if text.is_ascii() {
        text.len()
    } else {
        text.chars().count()
    };
    if length > width && column.is_free_text() {
        let mark = if style.unicode { "…" } else { "~" };
        let kept = width.saturating_sub(1);
        let end = text
            .char_indices()
            .nth(kept)
            .map_or(text.len(), |(at, _)| at);
        line.push_str(text.get(..end).unwrap_or_default());
        line.push_str(mark);
    } else if column.is_right() {
        pad(line, width.saturating_sub(length));
        line.push_str(text);
    } else {
        line.push_str(text);
        if !last {
            pad(line, width.saturating_sub(length));
        }
    }
    if !last {
        line.push_str("  ");
    }
}

fn pad(line: &mut String, mut spaces: usize) {
    const SPACES: &str = "                                ";
    while spaces > 0 {
        let some = spaces.min(SPACES.len());
        line.push_str(SPACES.get(..some).unwrap_or_default());
        spaces -= some;
    }
}

fn finish_line(line: &mut String, paint: Paint) {
    let end = line.trim_end().len();
    line.truncate(end);
    if paint != Paint::new() {
        line.insert_str(0, &paint.render().to_string());
        let _ = write!(line, "{}", paint.render_reset());
    }
    line.push('\n');
}

/// The colour of a role, as the legend in the help has it.
pub fn color(role: Role) -> Option<AnsiColor> {
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
pub fn paint(seen: &Seen<'_>) -> Paint {
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
pub fn cell(seen: &Seen<'_>, column: Column, clock: Clock, unicode: bool, out: &mut String) {
    match column {
        Column::Number => info::push(out, seen.frame.number.0),
        Column::Time => time(seen, clock, out),
        Column::Source => address(seen, true, out),
        Column::Destination => address(seen, false, out),
        Column::Protocol => out.push_str(info::protocol(seen)),
        Column::Length => info::push(out, u64::from(seen.frame.wire_len)),
        Column::Info => info::write(seen, out, unicode),
        Column::Carries => {
            let from = out.len();
            Carried::of(seen).write(out, unicode);
            made_safe(out, from, unicode);
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
                    out.push(',');
                }
                let _ = write!(out, "{value}");
            });
            made_safe(out, from, unicode);
        }
    }
}

fn made_safe(out: &mut String, from: usize, unicode: bool) {
    let written = out.get(from..).unwrap_or_default();
    if let std::borrow::Cow::Owned(safe) = text::plain(written, unicode) {
        out.truncate(from);
        out.push_str(&safe);
    }
}

fn time(seen: &Seen<'_>, clock: Clock, out: &mut String) {
    let Some(now) = seen.frame.time else { return };
    let since = |then: Option<Timestamp>| then.map_or(0, |then| now.since(then));
    match clock {
        Clock::Relative => push_micros(out, since(seen.first)),
        Clock::Delta => push_micros(out, since(seen.before)),
        Clock::Utc => date(now, "Z", out),
        Clock::Absolute(east) => {
            let shifted = Timestamp(now.0.saturating_add(i64::from(east) * 1_000_000_000));
            date(shifted, "", out);
        }
    }
}

/// Date and time to the microsecond.
fn date(time: Timestamp, zone: &str, out: &mut String) {
    let written = time.to_string().replace('T', " ");
    out.push_str(written.get(..26).unwrap_or(&written));
    out.push_str(zone);
}

/// Seconds with six decimals, as Wireshark's list has them.
fn push_micros(out: &mut String, nanoseconds: i64) {
    if nanoseconds < 0 {
        out.push('-');
    }
    let whole = nanoseconds.unsigned_abs();
    info::push(out, whole / 1_000_000_000);
    out.push('.');
    let micros = whole % 1_000_000_000 / 1_000;
    let mut place = 100_000;
    while place > 1 && micros < place {
        out.push('0');
        place /= 10;
    }
    info::push(out, micros);
}

fn address(seen: &Seen<'_>, source: bool, out: &mut String) {
    if let Some(packet) = seen.packet() {
        let end = if source {
            packet.source
        } else {
            packet.destination
        };
        if let std::net::SocketAddr::V4(end) = end {
            for (index, octet) in end.ip().octets().into_iter().enumerate() {
                if index > 0 {
                    out.push('.');
                }
                info::push(out, u64::from(octet));
            }
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

fn push_csv(line: &mut String, cell: &str) {
    // A cell that begins as a formula would be one in a spreadsheet.
    let formula = cell.starts_with(['=', '+', '@', '\t']);
    if formula || cell.contains(['"', ',', '\n', '\r']) {
        line.push('"');
        if formula {
            line.push('\'');
        }
        for c in cell.chars() {
            if c == '"' {
                line.push('"');
            }
            line.push(c);
        }
        line.push('"');
    } else {
        line.push_str(cell);
    }
}

/// A frame as one JSON object; the fields among `columns` under their names.
pub fn json(seen: &Seen<'_>, columns: &[Column], out: &mut String) {
    let text_of = |column: Column| {
        let mut text = String::new();
        cell(seen, column, Clock::Relative, true, &mut text);
        text
    };
    let _ = write!(out, "{{\"number\":{}", seen.frame.number);
    match seen.frame.time {
        Some(time) => {
            let _ = write!(out, ",\"time\":\"{time}\"");
            let since = |then: Option<Timestamp>| seconds(then.map_or(0, |then| time.since(then)));
            let (relative, delta) = (since(seen.first), since(seen.before));
            let _ = write!(out, ",\"relative\":{relative},\"delta\":{delta}");
        }
        None => out.push_str(",\"time\":null,\"relative\":null,\"delta\":null"),
    }
    for column in [Column::Source, Column::Destination, Column::Protocol] {
        member(out, column.name(), &text_of(column));
    }
    let _ = write!(
        out,
        ",\"length\":{},\"captured\":{}",
        seen.frame.wire_len,
        seen.frame.data.len()
    );
    member(out, "info", &text_of(Column::Info));
    match seen.place {
        Some(place) => {
            let _ = write!(out, ",\"stream\":{}", place.stream.0);
            match place.offset {
                Some(offset) => {
                    let _ = write!(out, ",\"stream_offset\":{offset}");
                }
                None => out.push_str(",\"stream_offset\":null"),
            }
        }
        None => out.push_str(",\"stream\":null,\"stream_offset\":null"),
    }
    carried_json(seen, out);
    out.push_str(",\"findings\":[");
    for (index, finding) in seen.index.findings_of(seen.frame.number).enumerate() {
        if index > 0 {
            out.push(',');
        }
        let _ = write!(out, "{{\"name\":{}", quoted(finding.name.as_str()));
        let _ = write!(out, ",\"severity\":\"{}\"}}", finding.severity);
    }
    out.push(']');
    let mut first = true;
    for column in columns {
        if let Column::Field(field) = column {
            out.push_str(if std::mem::take(&mut first) {
                ",\"fields\":{"
            } else {
                ","
            });
            let _ = write!(out, "\"{}\":[", field.name);
            let mut value_first = true;
            field.values(seen, &mut |value, _| {
                if !std::mem::take(&mut value_first) {
                    out.push(',');
                }
                let _ = write!(out, "{}", value.json());
            });
            out.push(']');
        }
    }
    if !first {
        out.push('}');
    }
    out.push('}');
}

fn carried_json(seen: &Seen<'_>, out: &mut String) {
    let carried = Carried::of(seen);
    match carried.role() {
        Some(role) => {
            let _ = write!(out, ",\"role\":\"{}\"", role.name());
        }
        None => out.push_str(",\"role\":null"),
    }
    let mut words = String::new();
    carried.write(&mut words, true);
    member(out, "carries", &words);
    out.push_str(",\"pieces\":[");
    for (index, piece) in carried.pieces.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        let _ = write!(
            out,
            "{{\"role\":\"{}\",\"payload_offset\":{},\"bytes\":{},\"stream_offset\":{}",
            piece.role.name(),
            piece.at,
            piece.length,
            piece.offset
        );
        match piece.what {
            Some(what) => member(out, "what", what),
            None => out.push_str(",\"what\":null"),
        }
        match (piece.image, piece.of_picture()) {
            (Some(image), Some((first, _))) => {
                let _ = write!(
                    out,
                    ",\"picture\":{},\"picture_offset\":{first}",
                    image.id.0
                );
            }
            _ => out.push_str(",\"picture\":null,\"picture_offset\":null"),
        }
        match piece.chunks() {
            Some((first, last)) => {
                let _ = write!(out, ",\"first_chunk\":{first},\"last_chunk\":{last}}}");
            }
            None => out.push_str(",\"first_chunk\":null,\"last_chunk\":null}"),
        }
    }
    out.push(']');
    match carried.repeats {
        Some(frame) => {
            let _ = write!(out, ",\"repeats\":{frame}");
        }
        None => out.push_str(",\"repeats\":null"),
    }
    match carried.acknowledges {
        Some((picture, bytes)) => {
            let _ = write!(
                out,
                ",\"acknowledges\":{{\"picture\":{},\"bytes\":{bytes}}}",
                picture.0
            );
        }
        None => out.push_str(",\"acknowledges\":null"),
    }
}

fn member(out: &mut String, name: &str, value: &str) {
    let _ = write!(out, ",\"{name}\":{}", quoted(value));
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A count as people read it, for columns of the viewer.
pub fn counted(number: u64) -> String {
    let mut text = String::new();
    push_count(&mut text, number);
    text
}
