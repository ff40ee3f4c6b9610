//! The rendering for archives: the report as tables of typed columns, `imgnet/lake/v1`.
//!
//! Which columns there are follows from `docs/report.schema.json`: each member of the report that has a value is one
//! column of one table, under the report's name, and nothing else is, but for the keys that tell one unit from others. An object
//! is laid flat (`digest.value` is `digest_value`), a list stays a list, and an endpoint also stands as address, port
//! and bytes. So a member that is added to the report is in the tables as soon as the schema describes it.
//!
//! Pure: values in, cells out. What a table is stored in is no matter of this room.

mod rows;
mod shape;

pub(crate) use rows::{Key, rows};
pub(crate) use shape::{Column, Kind, Part, columns};

/// The name and version of these tables.
pub(crate) const SCHEMA: &str = "imgnet/lake/v1";

/// A table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Table {
    /// A row for each direction of each stream.
    Streams,
    /// A row for each picture.
    Images,
    /// A row for each chunk of each picture whose detail was kept.
    Chunks,
    /// A row for each finding.
    Findings,
    /// A row for each frame; only where asked for.
    Packets,
    /// One row for the whole capture: what the report says of the run. Stored last: where it is, the others are.
    Captures,
}

impl Table {
    /// All of them, in the order in which they are stored.
    pub(crate) const ALL: [Self; 6] = [
        Self::Streams,
        Self::Images,
        Self::Chunks,
        Self::Findings,
        Self::Packets,
        Self::Captures,
    ];

    /// Its name, as in `table=images`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Streams => "streams",
            Self::Images => "images",
            Self::Chunks => "chunks",
            Self::Findings => "findings",
            Self::Packets => "packets",
            Self::Captures => "captures",
        }
    }

    /// What a row of it is.
    pub(crate) fn row(self) -> &'static str {
        match self {
            Self::Streams => "a direction of a stream",
            Self::Images => "a picture",
            Self::Chunks => "a chunk of a picture",
            Self::Findings => "a finding",
            Self::Packets => "a frame (only with --packets)",
            Self::Captures => "a unit: one capture, of one file or of rotated ones",
        }
    }

    /// The columns by which its rows are sorted within a unit.
    pub(crate) fn order(self) -> &'static [&'static str] {
        match self {
            Self::Streams => &["id", "direction"],
            Self::Images => &["id"],
            Self::Chunks => &["image", "index"],
            Self::Findings | Self::Packets => &["number"],
            Self::Captures => &["unit"],
        }
    }
}

#[cfg(test)]
mod tests;
