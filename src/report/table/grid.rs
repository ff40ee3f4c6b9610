//! A table that fits: rows come lazily and in pages, so that ten thousand chunks cost no memory, and
//! columns that do not fit are left out by rank and named, never cut.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style as Ansi};
use comfy_table::{
    Cell, CellAlignment, Column as TableColumn, ColumnConstraint, ContentArrangement, Table, Width,
    presets::NOTHING,
};

use crate::report::Style;
use crate::report::text;

/// Rows that are laid out at once.
const PAGE: usize = 512;
/// Columns of space between two columns.
const SPACE: u16 = 2;

/// A column.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    /// Its heading.
    pub(crate) title: &'static str,
    /// Numbers stand right.
    pub(crate) right: bool,
    /// The highest rank is left out first; rank 0 never is.
    pub(crate) rank: u8,
    /// Its cells may be broken before their arrow, rather than leave out a column of rank 1 or 2.
    pub(crate) folds: bool,
    /// The heading is needed to understand a cell that stands alone.
    pub(crate) named: bool,
}

/// A column of text.
pub(crate) const fn words(title: &'static str, rank: u8) -> Column {
    Column {
        title,
        right: false,
        rank,
        folds: false,
        named: false,
    }
}

/// A column of text that says little without its heading.
pub(super) const fn facts(title: &'static str, rank: u8) -> Column {
    Column {
        named: true,
        ..words(title, rank)
    }
}

/// A column of senders and receivers.
pub(crate) const fn routes(title: &'static str) -> Column {
    Column {
        folds: true,
        ..words(title, 0)
    }
}

/// A column of numbers.
pub(crate) const fn numbers(title: &'static str, rank: u8) -> Column {
    Column {
        title,
        right: true,
        named: true,
        ..words(title, rank)
    }
}

/// What colour the last cell of a row has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Tone {
    /// None.
    #[default]
    Plain,
    /// Green.
    Good,
    /// Yellow.
    Doubt,
    /// Red.
    Bad,
    /// Not important.
    Dim,
    /// A heading.
    Strong,
}

impl Tone {
    fn ansi(self) -> Ansi {
        match self {
            Self::Plain => Ansi::new(),
            Self::Good => AnsiColor::Green.on_default(),
            Self::Doubt => AnsiColor::Yellow.on_default(),
            Self::Bad => AnsiColor::Red.on_default().bold(),
            Self::Dim => Ansi::new().dimmed(),
            Self::Strong => Ansi::new().bold(),
        }
    }

    /// `text` in this colour, where the style has colours.
    pub(super) fn paint(self, text: &str, style: &Style) -> String {
        if style.color && self != Self::Plain && !text.is_empty() {
            let ansi = self.ansi();
            format!("{ansi}{text}{ansi:#}")
        } else {
            text.to_owned()
        }
    }
}

/// A row: as many cells as there are columns.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// The cells, already safe for a terminal.
    pub(crate) cells: Vec<String>,
    /// The colour of the last one.
    pub(crate) tone: Tone,
}

impl Row {
    /// A row without a colour.
    pub(crate) fn plain(cells: impl Into<Vec<String>>) -> Self {
        Self {
            cells: cells.into(),
            tone: Tone::Plain,
        }
    }
}

/// Draws the rows under their headings, each line after `indent` spaces. `rows` is asked for its rows twice.
pub(crate) fn draw<I>(
    columns: &[Column],
    rows: impl Fn() -> I,
    indent: usize,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()>
where
    I: Iterator<Item = Row>,
{
    let room = style.width.saturating_sub(indent);
    let flat = measure(columns, rows());
    let (shown, measured, folded) = if let Some(shown) = choose(columns, &flat, room, 3) {
        (shown, flat, false)
    } else {
        let folded = measure(columns, rows().map(|row| fold(columns, row)));
        match choose(columns, &folded, room, 1) {
            Some(shown) => (shown, folded, true),
            None => return stack(columns, rows(), indent, style, out),
        }
    };
    let margin = " ".repeat(indent);
    let pages = Pages {
        rows: rows().map(|row| if folded { fold(columns, row) } else { row }),
    };
    for (index, page) in pages.enumerate() {
        let mut table = blank();
        if index == 0 {
            table.set_header(shown.iter().filter_map(|&c| {
                let column = columns.get(c)?;
                Some(aligned(column.title, column.right))
            }));
        }
        for row in &page {
            table.add_row(
                shown
                    .iter()
                    .filter_map(|&c| Some(aligned(row.cells.get(c)?, columns.get(c)?.right))),
            );
        }
        fix_widths(&mut table, &shown, &measured);
        let mut lines = table.lines();
        if index == 0 {
            for line in lines.by_ref().take(1) {
                let line = Tone::Dim.paint(line.trim_end(), style);
                writeln!(out, "{margin}{line}")?;
            }
        }
        for row in &page {
            for (nth, line) in lines.by_ref().take(height(row, &shown)).enumerate() {
                let line = line.trim_end();
                if nth == 0 {
                    writeln!(out, "{margin}{}", paint_end(line, row, &shown, style))?;
                } else {
                    writeln!(out, "{margin}{line}")?;
                }
            }
        }
    }
    let left_out = |zero: bool| {
        let titles: Vec<&str> = columns
            .iter()
            .enumerate()
            .filter(|(index, _)| !shown.contains(index) && measured.is_zero(*index) == zero)
            .map(|(_, column)| column.title)
            .collect();
        titles.join(", ")
    };
    let mut notes = Vec::new();
    if !left_out(false).is_empty() {
        notes.push(left_out(false));
    }
    if !left_out(true).is_empty() {
        notes.push(format!("{} (all 0)", left_out(true)));
    }
    if !notes.is_empty() {
        let more = if left_out(false).is_empty() {
            ""
        } else {
            " A wider terminal, or --format json, has all."
        };
        let note = format!("Left out at this width: {}.{more}", notes.join(", "));
        for line in text::wrap(&note, style.width, &margin, &margin) {
            writeln!(out, "{}", Tone::Dim.paint(&line, style))?;
        }
    }
    Ok(())
}

/// Widths of the columns, headings included, and which hold nothing but 0.
struct Measured {
    widths: Vec<u16>,
    zero: Vec<bool>,
}

impl Measured {
    fn width(&self, column: usize) -> u16 {
        self.widths.get(column).copied().unwrap_or_default()
    }

    fn is_zero(&self, column: usize) -> bool {
        self.zero.get(column).copied().unwrap_or_default()
    }
}

fn measure(columns: &[Column], rows: impl Iterator<Item = Row>) -> Measured {
    let mut header = blank();
    header.set_header(columns.iter().map(|column| column.title));
    let mut measured = Measured {
        widths: header.column_max_content_widths(),
        zero: columns.iter().map(|column| column.right).collect(),
    };
    for page in (Pages { rows }) {
        let mut table = blank();
        for row in page {
            for (zero, cell) in measured.zero.iter_mut().zip(&row.cells) {
                *zero &= cell == "0";
            }
            table.add_row(row.cells);
        }
        let widths = table.column_max_content_widths();
        for (widest, width) in measured.widths.iter_mut().zip(widths) {
            *widest = (*widest).max(width);
        }
    }
    measured
}

/// The columns that fit into `room`, in order, when those of `least` rank and more may be left out; `None`
/// where those that must stay do not fit.
fn choose(columns: &[Column], measured: &Measured, room: usize, least: u8) -> Option<Vec<usize>> {
    let mut shown: Vec<usize> = (0..columns.len()).collect();
    loop {
        let needed: usize = shown
            .iter()
            .map(|&index| usize::from(measured.width(index)) + usize::from(SPACE))
            .sum();
        if needed.saturating_sub(usize::from(SPACE)) <= room {
            return Some(shown);
        }
        let rank = |index: usize| columns.get(index).map_or(0, |column| column.rank);
        // Columns of zeros go first: they say the least.
        let (place, _) = shown
            .iter()
            .enumerate()
            .filter(|&(_, &index)| rank(index) >= least)
            .max_by_key(|&(_, &index)| (measured.is_zero(index), rank(index)))?;
        shown.remove(place);
    }
}

/// Where the terminal is too narrow for a table: one paragraph a row, headings before their values.
fn stack(
    columns: &[Column],
    rows: impl Iterator<Item = Row>,
    indent: usize,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let first = " ".repeat(indent);
    let rest = " ".repeat(indent.saturating_add(2));
    for row in rows {
        let mut facts = Vec::with_capacity(columns.len());
        for (index, (column, cell)) in columns.iter().zip(&row.cells).enumerate() {
            facts.push(if column.named || index == 0 {
                format!("{} {cell}", column.title)
            } else {
                cell.clone()
            });
        }
        for line in text::wrap(&facts.join(", "), style.width, &first, &rest) {
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}

/// The row with its routes on two lines.
fn fold(columns: &[Column], mut row: Row) -> Row {
    for (column, cell) in columns.iter().zip(&mut row.cells) {
        if column.folds {
            *cell = cell.replace(" → ", "\n→ ").replace(" -> ", "\n-> ");
        }
    }
    row
}

/// How many lines a row takes.
fn height(row: &Row, shown: &[usize]) -> usize {
    let cells = shown.iter().filter_map(|&index| row.cells.get(index));
    cells
        .map(|cell| cell.split('\n').count())
        .max()
        .unwrap_or(1)
}

/// The line with its last cell in the row's colour.
fn paint_end(line: &str, row: &Row, shown: &[usize], style: &Style) -> String {
    let last = shown
        .last()
        .and_then(|&index| row.cells.get(index))
        .map(|cell| cell.trim_end());
    match last.and_then(|cell| Some((line.strip_suffix(cell)?, cell))) {
        Some((start, cell)) => format!("{start}{}", row.tone.paint(cell, style)),
        None => line.to_owned(),
    }
}

fn blank() -> Table {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        // Colours are put on afterwards, so the layout never looks at the environment.
        .force_no_tty();
    table
}

fn aligned(text: &str, right: bool) -> Cell {
    Cell::new(text).set_alignment(if right {
        CellAlignment::Right
    } else {
        CellAlignment::Left
    })
}

fn fix_widths(table: &mut Table, shown: &[usize], measured: &Measured) {
    let last = shown.len().saturating_sub(1);
    let fix = |(place, column): (usize, &mut TableColumn)| {
        let Some(&index) = shown.get(place) else {
            return;
        };
        let space = if place == last { 0 } else { SPACE };
        column.set_padding((0, space));
        let width = measured.width(index).saturating_add(space);
        column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(width)));
    };
    table.column_iter_mut().enumerate().for_each(fix);
}

/// Rows by the page.
struct Pages<I> {
    rows: I,
}

impl<I: Iterator<Item = Row>> Iterator for Pages<I> {
    type Item = Vec<Row>;

    fn next(&mut self) -> Option<Vec<Row>> {
        let page: Vec<Row> = self.rows.by_ref().take(PAGE).collect();
        (!page.is_empty()).then_some(page)
    }
}
