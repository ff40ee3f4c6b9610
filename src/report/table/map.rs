//! What each byte of a direction is: wherever some are none of picture, framing or answer, and everywhere with `-v`.

use std::io::{self, Write};

use crate::ledger::{Direction, Region, RegionKind, Stream};
use crate::report::model::Report;
use crate::report::table::grid::{self, Column, Row, Tone, facts, numbers, words};
use crate::report::table::stream_word;
use crate::report::text::{self, count, counted};
use crate::report::{Detail, Style};

pub(super) const COLUMNS: &[Column] = &[
    numbers("offset", 0),
    numbers("bytes", 0),
    words("kind", 0),
    words("what", 1),
    numbers("picture", 2),
    facts("frames", 0),
];

/// So many regions of a direction are shown without `-v`.
const SHOWN: usize = 24;

pub(super) fn render(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let all = style.detail >= Detail::Streams;
    let mut omitted = 0_u64;
    for stream in &report.streams {
        for direction in &stream.directions {
            let carries = direction.picture_bytes > 0
                || stream.directions.iter().any(|one| one.picture_bytes > 0);
            let shown =
                !direction.map.is_empty() && (all || (direction.stray_bytes > 0 && carries));
            if shown {
                one(stream, direction, style, out)?;
                omitted += direction.map_omitted;
            }
        }
    }
    if omitted > 0 {
        let line = format!(
            "{} only in the sums: a limit of imgnet",
            counted(omitted, "region more is", "regions more are")
        );
        writeln!(out, "{}", Tone::Dim.paint(&line, style))?;
        writeln!(out)?;
    }
    Ok(())
}

fn one(
    stream: &Stream,
    direction: &Direction,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let line = text::plain(&heading(stream, direction, style), style.unicode).into_owned();
    for line in text::wrap(&line, style.width, "", "  ") {
        writeln!(out, "{}", Tone::Strong.paint(&line, style))?;
    }
    let shown = if style.detail >= Detail::Streams {
        direction.map.len()
    } else {
        // The stray ones must be among them.
        let stray = direction
            .map
            .iter()
            .position(|region| region.kind == RegionKind::Stray);
        SHOWN
            .max(stray.map_or(0, |at| at + 2))
            .min(direction.map.len())
    };
    let skipped = if style.detail >= Detail::Streams {
        0
    } else {
        shown.saturating_sub(SHOWN)
    };
    let rows = || {
        let shown = direction.map.iter().take(shown).skip(skipped);
        shown.map(|region| row(region, style))
    };
    grid::draw(COLUMNS, rows, 2, style, out)?;
    let more = direction.map.len().saturating_sub(shown) + skipped;
    if more > 0 {
        let line = format!(
            "  {} more with -v",
            counted(more as u64, "region", "regions")
        );
        writeln!(out, "{}", Tone::Dim.paint(&line, style))?;
    }
    writeln!(out)
}

fn heading(stream: &Stream, direction: &Direction, style: &Style) -> String {
    let mut parts = Vec::new();
    for (bytes, what) in [
        (direction.picture_bytes, "of pictures"),
        (direction.framing_bytes, "of the wire format"),
        (direction.answer_bytes, "of answers"),
        (direction.stray_bytes, "stray"),
        (direction.gap_bytes, "missing from the capture"),
    ] {
        if bytes > 0 {
            parts.push(format!("{} {what}", count(bytes)));
        }
    }
    format!(
        "{} {}, {}, in bytes: {}",
        stream_word(stream.transport),
        stream.id,
        text::route(direction.from, direction.to, style.unicode),
        parts.join(", ")
    )
}

fn row(region: &Region, style: &Style) -> Row {
    let kind = match region.kind {
        RegionKind::Picture => "picture",
        RegionKind::Framing => "framing",
        RegionKind::Answer => "answer",
        RegionKind::Stray => "stray",
        RegionKind::Gap => "gap",
    };
    let what = region.what.as_deref().unwrap_or_default();
    Row {
        cells: vec![
            count(region.offset),
            count(region.length),
            kind.to_owned(),
            text::plain(what, style.unicode).into_owned(),
            region.image.map_or_else(String::new, |id| id.0.to_string()),
            match region.kind {
                RegionKind::Gap => String::new(),
                _ => text::frame_range(region.first_packet, region.last_packet, style.unicode),
            },
        ],
        tone: match region.kind {
            RegionKind::Stray | RegionKind::Gap => Tone::Bad,
            _ => Tone::Plain,
        },
    }
}
