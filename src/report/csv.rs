//! The rendering for spreadsheets: one table as CSV (RFC 4180), LF at line ends, unknown values empty.
//!
//! Numbers are written bare. Text that may come from the network has its control characters escaped as in
//! Rust (`\n`, `\u{1b}`), and so has a first character that a spreadsheet would take for a formula.

use std::fmt::Display;
use std::io::{self, Write};

use crate::ledger::{Closed, Confidence, Image, Stream};
use crate::report::model::Report;
use crate::report::text;

/// Which table to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Table {
    /// A row for each picture.
    #[default]
    Images,
    /// A row for each direction of each stream.
    Streams,
    /// A row for each region of the map of each direction.
    Map,
    /// A row for each chunk of each picture whose detail was kept.
    Chunks,
    /// A row for each finding.
    Findings,
}

/// Writes one table of the report, headings first.
///
/// # Errors
/// Those of `out`.
pub fn render(report: &Report, table: Table, out: &mut impl Write) -> io::Result<()> {
    match table {
        Table::Images => images(report, out),
        Table::Streams => streams(report, out),
        Table::Map => map(report, out),
        Table::Chunks => chunks(report, out),
        Table::Findings => findings(report, out),
    }
}

const IMAGES: &[&str] = &[
    "id",
    "stream",
    "from",
    "to",
    "protocol",
    "format",
    "width",
    "height",
    "bytes",
    "declared_bytes",
    "complete",
    "verdict",
    "sha256",
    "digest_algorithm",
    "digest",
    "offset",
    "packets",
    "wire_bytes",
    "payload_bytes",
    "unique_bytes",
    "duplicate_bytes",
    "retransmitted_packets",
    "gap_bytes",
    "gaps",
    "first_packet",
    "last_packet",
    "started",
    "ended",
    "chunk_size",
    "chunk_size_source",
    "chunks",
    "shared_packets",
    "problem",
];

fn images(report: &Report, out: &mut impl Write) -> io::Result<()> {
    head(out, IMAGES)?;
    for image in &report.images {
        let mut row = Line::new(out);
        row.number(image.id.0)?;
        row.number(image.stream)?;
        row.number(image.from)?;
        row.number(image.to)?;
        row.text(Some(&image.protocol.to_string()))?;
        row.maybe(image.format)?;
        row.maybe(image.width)?;
        row.maybe(image.height)?;
        row.number(image.bytes)?;
        row.maybe(image.declared_bytes)?;
        row.number(image.complete)?;
        row.name(&image.verdict)?;
        row.text(image.sha256.as_deref())?;
        row.text(
            image
                .digest
                .as_ref()
                .map(|digest| digest.algorithm.as_str()),
        )?;
        row.text(image.digest.as_ref().map(|digest| digest.value.as_str()))?;
        row.number(image.offset)?;
        row.number(image.packets)?;
        row.number(image.wire_bytes)?;
        row.number(image.payload_bytes)?;
        row.number(image.unique_bytes)?;
        row.number(image.duplicate_bytes)?;
        row.number(image.retransmitted_packets)?;
        row.number(image.gap_bytes)?;
        row.number(image.gaps.len())?;
        row.maybe(image.first_packet)?;
        row.maybe(image.last_packet)?;
        row.maybe(image.started)?;
        row.maybe(image.ended)?;
        row.maybe(image.chunk_size)?;
        row.name(&image.chunk_size_source)?;
        row.maybe(image.chunks.as_ref().map(crate::ledger::Chunks::len))?;
        row.number(image.shared_packets)?;
        row.text(image.problem.as_ref().map(ToString::to_string).as_deref())?;
        row.end()?;
    }
    Ok(())
}

const STREAMS: &[&str] = &[
    "id",
    "transport",
    "transport_stream",
    "protocol",
    "confidence",
    "initiator",
    "from",
    "to",
    "packets",
    "wire_bytes",
    "data_packets",
    "payload_bytes",
    "unique_bytes",
    "duplicate_bytes",
    "retransmitted_packets",
    "out_of_order_packets",
    "gap_bytes",
    "gaps",
    "closed",
    "sha256",
    "first_packet",
    "last_packet",
    "started",
    "ended",
    "request",
    "picture_bytes",
    "framing_bytes",
    "answer_bytes",
    "stray_bytes",
    "start_seen",
    "acknowledged",
];

fn streams(report: &Report, out: &mut impl Write) -> io::Result<()> {
    head(out, STREAMS)?;
    for stream in &report.streams {
        for (index, direction) in stream.directions.iter().enumerate() {
            let Stream { initiator, .. } = stream;
            let mut row = Line::new(out);
            row.number(stream.id)?;
            row.name(&stream.transport)?;
            row.number(stream.transport_stream)?;
            row.text(stream.protocol.as_ref().map(ToString::to_string).as_deref())?;
            row.name::<Option<Confidence>>(&stream.confidence)?;
            row.maybe(initiator.map(|initiator| initiator == index))?;
            row.number(direction.from)?;
            row.number(direction.to)?;
            row.number(direction.packets)?;
            row.number(direction.wire_bytes)?;
            row.number(direction.data_packets)?;
            row.number(direction.payload_bytes)?;
            row.number(direction.unique_bytes)?;
            row.number(direction.duplicate_bytes)?;
            row.number(direction.retransmitted_packets)?;
            row.number(direction.out_of_order_packets)?;
            row.number(direction.gap_bytes)?;
            row.number(direction.gaps.len())?;
            row.name::<Option<Closed>>(&direction.closed)?;
            row.text(direction.sha256.as_deref())?;
            row.number(stream.first_packet)?;
            row.number(stream.last_packet)?;
            row.maybe(stream.started)?;
            row.maybe(stream.ended)?;
            row.text(stream.request.as_deref())?;
            row.number(direction.picture_bytes)?;
            row.number(direction.framing_bytes)?;
            row.number(direction.answer_bytes)?;
            row.number(direction.stray_bytes)?;
            row.maybe(direction.start_seen)?;
            row.maybe(direction.acknowledged)?;
            row.end()?;
        }
    }
    Ok(())
}

const MAP: &[&str] = &[
    "stream",
    "from",
    "to",
    "kind",
    "what",
    "offset",
    "length",
    "image",
    "first_packet",
    "last_packet",
];

fn map(report: &Report, out: &mut impl Write) -> io::Result<()> {
    head(out, MAP)?;
    for stream in &report.streams {
        for direction in &stream.directions {
            for region in &direction.map {
                let mut row = Line::new(out);
                row.number(stream.id)?;
                row.number(direction.from)?;
                row.number(direction.to)?;
                row.name(&region.kind)?;
                row.text(region.what.as_deref())?;
                row.number(region.offset)?;
                row.number(region.length)?;
                row.maybe(region.image.map(|id| id.0))?;
                row.maybe(region.first_packet)?;
                row.maybe(region.last_packet)?;
                row.end()?;
            }
        }
    }
    Ok(())
}

const CHUNKS: &[&str] = &[
    "image",
    "index",
    "offset",
    "bytes",
    "packets",
    "first_packet",
    "last_packet",
    "wire_bytes",
    "unique_bytes",
    "duplicate_bytes",
    "gap_bytes",
    "started",
    "ended",
    "chunks",
];

fn chunks(report: &Report, out: &mut impl Write) -> io::Result<()> {
    head(out, CHUNKS)?;
    let rows = |image: &Image, out: &mut _| -> io::Result<()> {
        let Some(chunks) = &image.chunks else {
            return Ok(());
        };
        for chunk in chunks {
            let mut row = Line::new(&mut *out);
            row.number(image.id.0)?;
            row.number(chunk.index.0)?;
            row.number(chunk.offset)?;
            row.number(chunk.bytes)?;
            row.number(chunk.packets)?;
            row.maybe(chunk.first_packet)?;
            row.maybe(chunk.last_packet)?;
            row.number(chunk.wire_bytes)?;
            row.number(chunk.unique_bytes)?;
            row.number(chunk.duplicate_bytes)?;
            row.number(chunk.gap_bytes)?;
            row.maybe(chunk.started)?;
            row.maybe(chunk.ended)?;
            row.number(chunk.folded)?;
            row.end()?;
        }
        Ok(())
    };
    report.images.iter().try_for_each(|image| rows(image, out))
}

const FINDINGS: &[&str] = &[
    "name",
    "severity",
    "certainty",
    "stream",
    "image",
    "packets",
    "message",
    "fix",
];

fn findings(report: &Report, out: &mut impl Write) -> io::Result<()> {
    head(out, FINDINGS)?;
    for finding in &report.findings {
        let packets: Vec<String> = finding.packets.iter().map(ToString::to_string).collect();
        let mut row = Line::new(out);
        row.text(Some(finding.name.as_str()))?;
        row.name(&finding.severity)?;
        row.name(&finding.certainty)?;
        row.maybe(finding.stream)?;
        row.maybe(finding.image.map(|image| image.0))?;
        row.number(packets.join(" "))?;
        row.text(Some(&finding.message))?;
        row.text(Some(&finding.fix))?;
        row.end()?;
    }
    Ok(())
}

fn head(out: &mut impl Write, names: &[&str]) -> io::Result<()> {
    writeln!(out, "{}", names.join(","))
}

/// One line in the making.
struct Line<'w, W> {
    out: &'w mut W,
    first: bool,
}

impl<'w, W: Write> Line<'w, W> {
    fn new(out: &'w mut W) -> Self {
        Self { out, first: true }
    }

    /// What needs neither quotes nor escapes: numbers, times, addresses, digests.
    fn number(&mut self, value: impl Display) -> io::Result<()> {
        if !std::mem::take(&mut self.first) {
            self.out.write_all(b",")?;
        }
        write!(self.out, "{value}")
    }

    fn maybe(&mut self, value: Option<impl Display>) -> io::Result<()> {
        match value {
            Some(value) => self.number(value),
            None => self.number(""),
        }
    }

    /// A value of one of the model's enums, by the name it has in JSON.
    fn name<T: serde::Serialize>(&mut self, value: &T) -> io::Result<()> {
        let value = serde_json::to_value(value)?;
        self.number(value.as_str().unwrap_or_default())
    }

    fn text(&mut self, value: Option<&str>) -> io::Result<()> {
        let value = text::plain(value.unwrap_or_default(), true);
        let mut characters = value.chars();
        let value = match characters.next() {
            Some(c @ ('=' | '+' | '-' | '@')) => {
                format!("{}{}", c.escape_unicode(), characters.as_str()).into()
            }
            _ => value,
        };
        if value.contains(['"', ',']) {
            self.number(format_args!("\"{}\"", value.replace('"', "\"\"")))
        } else {
            self.number(value)
        }
    }

    fn end(self) -> io::Result<()> {
        self.out.write_all(b"\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    fn text(report: &Report, table: Table) -> String {
        let mut out = Vec::new();
        render(report, table, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn reads_well() {
        let report = samples::gaps();
        insta::assert_snapshot!("images", text(&report, Table::Images));
        insta::assert_snapshot!("streams", text(&report, Table::Streams));
        insta::assert_snapshot!("chunks", text(&report, Table::Chunks));
        insta::assert_snapshot!("findings", text(&report, Table::Findings));
    }

    #[test]
    fn every_row_has_every_column() {
        for report in samples::all() {
            for table in [
                Table::Images,
                Table::Streams,
                Table::Chunks,
                Table::Findings,
            ] {
                let text = text(&report, table);
                let mut widths = text.lines().map(columns);
                let head = widths.next().unwrap();
                assert!(widths.all(|width| width == head), "{table:?}:\n{text}");
            }
        }
    }

    /// Fields of a line, those in quotes counted as one.
    fn columns(line: &str) -> usize {
        let mut quoted = false;
        let commas = line.chars().filter(|&c| {
            quoted ^= c == '"';
            c == ',' && !quoted
        });
        commas.count() + 1
    }

    #[test]
    fn a_hostile_request_is_no_formula_and_no_escape_sequence() {
        let mut report = samples::healthy();
        report.streams[0].request = Some("=HYPERLINK(\"x\",1)\x1b[2J\n".to_owned());
        let text = text(&report, Table::Streams);
        assert!(
            text.contains(r#","\u{3d}HYPERLINK(""x"",1)\u{1b}[2J\n""#),
            "{text}"
        );
        assert_eq!(text.lines().count(), 1 + 2 * report.streams.len());
    }

    #[test]
    fn no_pictures_leave_the_headings() {
        assert_eq!(
            text(&samples::no_pictures(), Table::Images).lines().count(),
            1
        );
    }
}
