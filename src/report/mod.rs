//! Reports: what an analysis found, as one object, and its renderings for people and programs.
//!
//! [`model`] is the JSON contract `imgnet/report/v1`, and each rendering is one file with a `render` that writes to an [`std::io::Write`]. A rendering is
//! pure: it is told the width and the colours in a [`Style`], it never looks at the terminal, never
//! opens a file, never computes a count of its own, and lets no control character of the network through.

pub(crate) mod annotations;
pub mod csv;
pub(crate) mod explain;
pub(crate) mod html;
pub mod json;
pub(crate) mod markdown;
pub(crate) mod members;
pub mod model;
pub(crate) mod plot;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod schema_tests;
pub mod table;
#[cfg(feature = "archive")]
pub(crate) mod tables;
pub(crate) mod text;

pub use model::Report;

use std::io::{self, Write};

/// What is printed for people, for programs and for spreadsheets: a report, or what was expected of it. Each writes to `out`, and fails
/// only as `out` does.
pub(crate) trait Print {
    /// For people, as `style` says.
    fn table(&self, style: &Style, out: &mut dyn Write) -> io::Result<()>;

    /// One JSON object, made by as many threads where it is long.
    fn json(&self, threads: usize, out: &mut dyn Write) -> io::Result<()>;

    /// Rows of `table`, headings first; what has one table only prints that.
    fn csv(&self, table: csv::Table, out: &mut dyn Write) -> io::Result<()>;
}

impl Print for Report {
    fn table(&self, style: &Style, mut out: &mut dyn Write) -> io::Result<()> {
        table::render(self, style, &mut out)
    }

    fn json(&self, threads: usize, out: &mut dyn Write) -> io::Result<()> {
        json::report(self, threads, out)
    }

    fn csv(&self, table: csv::Table, mut out: &mut dyn Write) -> io::Result<()> {
        csv::render(self, table, &mut out)
    }
}

/// How much a rendering for people tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Detail {
    /// The verdict and what went wrong (`-q`).
    Quiet,
    /// Pictures and findings; hundreds of pictures are summed up, notes are only named.
    #[default]
    Normal,
    /// Every picture, every finding, and the streams (`-v`).
    Streams,
    /// The chunks of every picture too (`-vv`).
    Chunks,
}

/// What a rendering for people has to know about where it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Columns that may be used.
    pub width: usize,
    /// Whether characters outside ASCII may be written.
    pub unicode: bool,
    /// Whether ANSI colours may be written.
    pub color: bool,
    /// How much to tell.
    pub detail: Detail,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            width: 120,
            unicode: true,
            color: false,
            detail: Detail::Normal,
        }
    }
}
