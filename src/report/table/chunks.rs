//! The chunks of every picture (`-vv`).

use std::fmt::Write as _;
use std::io::{self, Write};

use crate::ledger::{Chunk, ChunkSizeSource, Image};
use crate::report::Style;
use crate::report::model::Report;
use crate::report::table::grid::{self, Column, Row, Tone, facts, numbers};
use crate::report::table::{kind, unknown};
use crate::report::text::{self, count, counted};

pub(super) const COLUMNS: &[Column] = &[
    numbers("chunk", 0),
    numbers("offset", 0),
    numbers("bytes", 0),
    numbers("packets", 1),
    facts("frames", 0),
    numbers("wire bytes", 4),
    numbers("repeated", 2),
    numbers("began", 5),
    numbers("took", 6),
    numbers("missing", 0),
];

pub(super) fn render(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    for image in &report.images {
        let line = text::plain(&heading(image, style), style.unicode).into_owned();
        for line in text::wrap(&line, style.width, "", "  ") {
            writeln!(out, "{}", Tone::Strong.paint(&line, style))?;
        }
        if let Some(chunks) = image.chunks.as_ref().filter(|chunks| !chunks.is_empty()) {
            let rows = || chunks.iter().map(|chunk| row(&chunk, image, style));
            grid::draw(COLUMNS, rows, 2, style, out)?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn heading(image: &Image, style: &Style) -> String {
    let mut line = format!("picture {} ({})", image.id.0, kind(image, style));
    let Some(chunks) = &image.chunks else {
        line.push_str(
            ": no detail of its chunks was kept, because a limit was reached (--max-memory)",
        );
        return line;
    };
    match (image.chunk_size, image.chunk_size_source) {
        (None, _) => line.push_str(": chunk size unknown, shown as one"),
        (Some(size), source) => {
            let source = match source {
                Some(ChunkSizeSource::Given) => " (given)",
                Some(ChunkSizeSource::Format) => " (what programs of this wire format use)",
                Some(ChunkSizeSource::Observed) => " (a guess from the packets' sizes)",
                None => "",
            };
            let _ = write!(
                line,
                ": {} of {}{source}",
                counted(chunks.len(), "chunk", "chunks"),
                counted(size, "byte", "bytes")
            );
        }
    }
    if image.shared_packets > 0 {
        let _ = write!(
            line,
            "; {} bytes of more than one chunk and counted in each",
            counted(image.shared_packets, "frame carries", "frames carry")
        );
    }
    line
}

fn row(chunk: &Chunk, image: &Image, style: &Style) -> Row {
    let span = |from: Option<crate::units::Timestamp>, to: Option<crate::units::Timestamp>| match (
        from, to,
    ) {
        (Some(from), Some(to)) => text::duration(to.since(from), style.unicode),
        _ => unknown(style),
    };
    Row {
        cells: vec![
            match chunk.folded {
                ..=1 => chunk.index.0.to_string(),
                more => format!(
                    "{}{}{}",
                    chunk.index.0,
                    if style.unicode { "–" } else { "-" },
                    chunk.index.0.saturating_add(more - 1)
                ),
            },
            count(chunk.offset),
            count(chunk.bytes),
            count(chunk.packets),
            text::frame_range(chunk.first_packet, chunk.last_packet, style.unicode),
            count(chunk.wire_bytes),
            count(chunk.duplicate_bytes),
            span(image.started, chunk.started),
            span(chunk.started, chunk.ended),
            count(chunk.gap_bytes),
        ],
        tone: if chunk.gap_bytes > 0 {
            Tone::Bad
        } else {
            Tone::Plain
        },
    }
}
