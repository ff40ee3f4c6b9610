//! What Wireshark's table of conversations shows, and what went: packets and bytes of each direction, the form of them, and
//! whether it is right.

use std::io::{self, Write};

use super::{conclusion, grid, head, kind, mark};
use crate::ledger::{Direction, Image, Stream};
use crate::report::Style;
use crate::report::model::Report;
use crate::report::table::grid::{Column, Row, Tone, facts, numbers, routes, words};
use crate::report::text::{self, count, counted};
use crate::wire::Protocol;

pub(super) const COLUMNS: &[Column] = &[
    numbers("#", 0),
    routes("direction"),
    numbers("packets", 0),
    numbers("bytes", 0),
    words("what went", 0),
    facts("right", 0),
];

/// Pictures of a direction that are named one by one.
const NAMED: usize = 2;

/// Writes a row for each direction, and the one line that answers the question.
///
/// # Errors
/// Those of `out`.
pub fn conversations(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    head::render(report, style, out)?;
    writeln!(out)?;
    if !report.streams.is_empty() {
        let rows = || {
            report.streams.iter().flat_map(|stream| {
                let row = move |(index, direction)| row(report, stream, index, direction, style);
                stream.directions.iter().enumerate().map(row)
            })
        };
        grid::draw(COLUMNS, rows, 0, style, out)?;
        writeln!(out)?;
    }
    let (tone, line) = conclusion(report, style);
    let line = text::plain(&line, style.unicode);
    for line in text::wrap(&line, style.width, "", "  ") {
        writeln!(out, "{}", tone.paint(&line, style))?;
    }
    Ok(())
}

fn row(
    report: &Report,
    stream: &Stream,
    index: usize,
    direction: &Direction,
    style: &Style,
) -> Row {
    let images: Vec<&Image> = report
        .images
        .iter()
        .filter(|image| image.stream == stream.id && image.from == direction.from)
        .collect();
    let worst = images.iter().map(|image| image.verdict).max();
    let (tone, right) = match worst {
        None => (Tone::Plain, String::new()),
        Some(verdict) => {
            let (tone, glyph) = mark(verdict, false);
            let problem = images.iter().find_map(|image| image.problem.as_ref());
            let words = match problem {
                Some(problem) => problem.to_string(),
                None => match verdict {
                    crate::ledger::Verdict::Unverified => "whole".to_owned(),
                    other => other.to_string(),
                },
            };
            let glyph = glyph.filter(|_| style.unicode);
            let glyph = glyph.map(|glyph| format!("{glyph} ")).unwrap_or_default();
            (tone, format!("{glyph}{words}"))
        }
    };
    Row {
        cells: vec![
            if index == 0 {
                stream.id.to_string()
            } else {
                String::new()
            },
            text::route(direction.from, direction.to, style.unicode),
            count(direction.packets),
            count(direction.wire_bytes),
            text::plain(
                &went(stream, index, direction, &images, style),
                style.unicode,
            )
            .into_owned(),
            text::plain(&right, style.unicode).into_owned(),
        ],
        tone,
    }
}

/// The pictures, and what went beside them.
fn went(
    stream: &Stream,
    index: usize,
    direction: &Direction,
    images: &[&Image],
    style: &Style,
) -> String {
    let mut parts: Vec<String> = Vec::new();
    if images.len() <= NAMED {
        parts.extend(images.iter().map(|image| {
            let form = match (image.is_raw_pixels(), image.height) {
                (true, Some(height)) => {
                    format!(
                        "{}, {}",
                        kind(image, style),
                        counted(height.into(), "row", "rows")
                    )
                }
                _ => kind(image, style),
            };
            format!("{form}, {}", counted(image.bytes, "byte", "bytes"))
        }));
    } else {
        let sum = images.iter().map(|image| image.bytes).sum();
        let pictures = counted(images.len() as u64, "picture", "pictures");
        parts.push(format!("{pictures}, {} bytes", count(sum)));
    }
    let asks = stream.initiator == Some(index);
    let framing = match (&stream.protocol, &stream.request) {
        (Some(Protocol::Catalog), Some(choice)) if asks => format!("choice {choice:?}"),
        (Some(Protocol::Marker(_)), _) => "marker".to_owned(),
        (Some(Protocol::Length(_)), _) => "length".to_owned(),
        _ => "framing".to_owned(),
    };
    for (what, bytes) in [
        (framing.as_str(), direction.framing_bytes),
        ("answer", direction.answer_bytes),
        ("stray", direction.stray_bytes),
        ("missing from the capture", direction.gap_bytes),
    ] {
        if bytes > 0 {
            parts.push(format!("{what}, {}", counted(bytes, "byte", "bytes")));
        }
    }
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn every_direction_has_its_packets_and_bytes() {
        let mut report = samples::hang();
        for stream in &mut report.streams {
            stream.directions[0].framing_bytes = 17;
        }
        let mut out = Vec::new();
        conversations(&report, &Style::default(), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        for stream in &report.streams {
            for direction in &stream.directions {
                let line = format!("{}  ", text::route(direction.from, direction.to, true));
                let row = text.lines().find(|row| row.contains(line.trim_end()));
                let row = row.unwrap_or_else(|| panic!("{line} is missing:\n{text}"));
                assert!(row.contains(&count(direction.packets)), "{row}");
                assert!(row.contains(&count(direction.wire_bytes)), "{row}");
            }
        }
        assert!(
            text.contains("JPEG") && text.contains("marker, 17 bytes"),
            "{text}"
        );
    }
}
