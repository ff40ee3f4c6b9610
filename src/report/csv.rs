//! The rendering for spreadsheets: one table as CSV (RFC 4180), LF at line ends, unknown values empty.
//!
//! Numbers are written bare. Text that may come from the network has its control characters escaped as in
//! Rust (`\n`, `\u{1b}`), and so has a first character that a spreadsheet would take for a formula.

use std::fmt::Display;
use std::io::{self, Write};

use crate::findings::Finding;
use crate::ledger::comparison::{Comparison, Given, Mismatch, Side, UnpairedFile, Verification};
use crate::ledger::{Chunk, Direction, Image, Region, Stream};
use crate::picture::Format;
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
    /// A row for each file that was compared.
    Files,
}

#[cfg(test)]
impl Table {
    pub(super) const ALL: [Self; 6] = [
        Self::Images,
        Self::Streams,
        Self::Map,
        Self::Chunks,
        Self::Findings,
        Self::Files,
    ];
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
        Table::Files => files(report, out),
    }
}

/// A column: its name, and what stands in it for one thing.
type Column<T> = (&'static str, fn(&T, &mut Line<'_>) -> io::Result<()>);

/// Writes the headings and then a row for each thing.
fn rows<T>(
    columns: &[Column<T>],
    things: impl IntoIterator<Item = T>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    writeln!(out, "{}", names.join(","))?;
    for thing in things {
        let mut line = Line {
            out: &mut *out,
            first: true,
        };
        for (_, write) in columns {
            write(&thing, &mut line)?;
        }
        out.write_all(b"\n")?;
    }
    Ok(())
}

fn images(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let columns: &[Column<&Image>] = &[
        ("id", |image, line| line.number(image.id.0)),
        ("stream", |image, line| line.number(image.stream)),
        ("from", |image, line| line.number(image.from)),
        ("to", |image, line| line.number(image.to)),
        ("protocol", |image, line| {
            line.text(Some(&image.protocol.to_string()))
        }),
        ("format", |image, line| {
            line.maybe(image.format.map(Format::name))
        }),
        ("width", |image, line| line.maybe(image.width)),
        ("height", |image, line| line.maybe(image.height)),
        ("bytes", |image, line| line.number(image.bytes)),
        ("declared_bytes", |image, line| {
            line.maybe(image.declared_bytes)
        }),
        ("complete", |image, line| line.number(image.complete)),
        ("verdict", |image, line| line.name(&image.verdict)),
        ("sha256", |image, line| line.text(image.sha256.as_deref())),
        ("digest_algorithm", |image, line| {
            line.text(
                image
                    .digest
                    .as_ref()
                    .map(|digest| digest.algorithm.as_str()),
            )
        }),
        ("digest", |image, line| {
            line.text(image.digest.as_ref().map(|digest| digest.value.as_str()))
        }),
        ("offset", |image, line| line.number(image.offset)),
        ("packets", |image, line| line.number(image.packets)),
        ("wire_bytes", |image, line| line.number(image.wire_bytes)),
        ("payload_bytes", |image, line| {
            line.number(image.payload_bytes)
        }),
        ("unique_bytes", |image, line| {
            line.number(image.unique_bytes)
        }),
        ("duplicate_bytes", |image, line| {
            line.number(image.duplicate_bytes)
        }),
        ("retransmitted_packets", |image, line| {
            line.number(image.retransmitted_packets)
        }),
        ("gap_bytes", |image, line| line.number(image.gap_bytes)),
        ("gaps", |image, line| line.number(image.gaps.len())),
        ("first_packet", |image, line| line.maybe(image.first_packet)),
        ("last_packet", |image, line| line.maybe(image.last_packet)),
        ("started", |image, line| line.maybe(image.started)),
        ("ended", |image, line| line.maybe(image.ended)),
        ("chunk_size", |image, line| line.maybe(image.chunk_size)),
        ("chunk_size_source", |image, line| {
            line.name(&image.chunk_size_source)
        }),
        ("chunks", |image, line| {
            line.maybe(image.chunks.as_ref().map(crate::ledger::Chunks::len))
        }),
        ("shared_packets", |image, line| {
            line.number(image.shared_packets)
        }),
        ("problem", |image, line| {
            line.text(image.problem.as_ref().map(ToString::to_string).as_deref())
        }),
    ];
    if report.verification.is_none() {
        return rows(columns, &report.images, out);
    }
    let more = compared();
    let all: Vec<Column<&Image>> = columns.iter().chain(&more).copied().collect();
    rows(&all, &report.images, out)
}

fn side(image: &Image, which: fn(&Comparison) -> Option<&Side>) -> Option<&Side> {
    which(image.compared.as_deref()?)
}

fn sent(image: &Image) -> Option<&Side> {
    side(image, |compared| compared.sent.as_ref())
}

fn received(image: &Image) -> Option<&Side> {
    side(image, |compared| compared.received.as_ref())
}

fn mismatch(image: &Image) -> Option<&Mismatch> {
    image.compared.as_ref()?.mismatch.as_ref()
}

/// The columns of a picture that was compared.
fn compared<'r>() -> [Column<&'r Image>; 18] {
    [
        ("level", |image, line| {
            line.names(image.compared.as_ref().map(|compared| compared.level))
        }),
        ("sent_path", |image, line| {
            line.text(sent(image).and_then(|file| file.path.as_deref()))
        }),
        ("sent_bytes", |image, line| {
            line.maybe(sent(image).map(|file| file.bytes))
        }),
        ("sent_sha256", |image, line| {
            line.text(sent(image).map(|file| file.sha256.as_str()))
        }),
        ("sent_pairing", |image, line| {
            line.names(sent(image).map(|file| file.pairing))
        }),
        ("sent_equal", |image, line| {
            line.maybe(sent(image).and_then(|file| file.equal))
        }),
        ("received_path", |image, line| {
            line.text(received(image).and_then(|file| file.path.as_deref()))
        }),
        ("received_bytes", |image, line| {
            line.maybe(received(image).map(|file| file.bytes))
        }),
        ("received_sha256", |image, line| {
            line.text(received(image).map(|file| file.sha256.as_str()))
        }),
        ("received_pairing", |image, line| {
            line.names(received(image).map(|file| file.pairing))
        }),
        ("received_equal", |image, line| {
            line.maybe(received(image).and_then(|file| file.equal))
        }),
        ("sent_equals_received", |image, line| {
            line.maybe(
                image
                    .compared
                    .as_ref()
                    .and_then(|compared| compared.sent_equals_received),
            )
        }),
        ("side", |image, line| {
            line.names(mismatch(image).map(|found| found.side))
        }),
        ("first_difference", |image, line| {
            line.maybe(mismatch(image).and_then(|found| found.first_difference))
        }),
        ("differing_bytes", |image, line| {
            line.maybe(mismatch(image).and_then(|found| found.differing_bytes))
        }),
        ("damage", |image, line| {
            line.text(mismatch(image).map(|found| found.damage.as_str()))
        }),
        ("who", |image, line| {
            line.names(
                image
                    .compared
                    .as_ref()
                    .and_then(|compared| compared.blame.as_ref())
                    .map(|blame| blame.who),
            )
        }),
        ("why", |image, line| {
            line.text(
                image
                    .compared
                    .as_ref()
                    .and_then(|compared| compared.blame.as_ref())
                    .map(|blame| blame.why.as_str()),
            )
        }),
    ]
}

/// A file that was compared.
enum Compared<'r> {
    /// With a picture.
    Paired(&'r Image, &'r Side),
    /// It belongs to none.
    Unpaired(&'r UnpairedFile),
}

/// It, and whose it is.
type OneFile<'r> = (&'static str, Compared<'r>);

/// The files of a side, those of pictures first.
fn files_of<'r>(
    report: &'r Report,
    of: &'static str,
    paired: fn(&Image) -> Option<&Side>,
    given: fn(&Verification) -> Option<&Given>,
) -> impl Iterator<Item = OneFile<'r>> {
    let pictures = report.images.iter();
    let unpaired = report.verification.as_ref().and_then(given);
    pictures
        .filter_map(move |image| Some((of, Compared::Paired(image, paired(image)?))))
        .chain(
            unpaired
                .into_iter()
                .flat_map(|given| &given.unpaired)
                .map(move |file| (of, Compared::Unpaired(file))),
        )
}

fn files(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let all = files_of(report, "sent", sent, |all| all.sent.as_ref()).chain(files_of(
        report,
        "received",
        received,
        |all| all.received.as_ref(),
    ));
    let columns: &[Column<OneFile<'_>>] = &[
        ("of", |(of, _), line| line.text(Some(of))),
        ("path", |(_, file), line| match file {
            Compared::Paired(_, file) => line.text(file.path.as_deref()),
            Compared::Unpaired(file) => line.text(Some(&file.path)),
        }),
        ("bytes", |(_, file), line| match file {
            Compared::Paired(_, file) => line.number(file.bytes),
            Compared::Unpaired(file) => line.number(file.bytes),
        }),
        ("sha256", |(_, file), line| match file {
            Compared::Paired(_, file) => line.text(Some(&file.sha256)),
            Compared::Unpaired(file) => line.text(Some(&file.sha256)),
        }),
        ("image", |(_, file), line| match file {
            Compared::Paired(image, _) => line.number(image.id.0),
            Compared::Unpaired(_) => line.number(""),
        }),
        ("pairing", |(_, file), line| match file {
            Compared::Paired(_, file) => line.name(&file.pairing),
            Compared::Unpaired(_) => line.number(""),
        }),
        ("equal", |(_, file), line| match file {
            Compared::Paired(_, file) => line.maybe(file.equal),
            Compared::Unpaired(_) => line.number(""),
        }),
        ("aside", |(_, file), line| match file {
            Compared::Paired(..) => line.number(""),
            Compared::Unpaired(file) => line.names(file.aside),
        }),
    ];
    rows(columns, all, out)
}

/// One direction, with its stream.
#[derive(Clone, Copy)]
struct OneWay<'r> {
    stream: &'r Stream,
    index: usize,
    direction: &'r Direction,
}

fn directions(report: &Report) -> impl Iterator<Item = OneWay<'_>> {
    report.streams.iter().flat_map(|stream| {
        let ways = stream.directions.iter().enumerate();
        ways.map(move |(index, direction)| OneWay {
            stream,
            index,
            direction,
        })
    })
}

fn streams(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let columns: &[Column<OneWay<'_>>] = &[
        ("id", |way, line| line.number(way.stream.id)),
        ("transport", |way, line| line.name(&way.stream.transport)),
        ("transport_stream", |way, line| {
            line.number(way.stream.transport_stream)
        }),
        ("protocol", |way, line| {
            line.text(
                way.stream
                    .protocol
                    .as_ref()
                    .map(ToString::to_string)
                    .as_deref(),
            )
        }),
        ("confidence", |way, line| line.name(&way.stream.confidence)),
        ("initiator", |way, line| {
            line.maybe(way.stream.initiator.map(|initiator| initiator == way.index))
        }),
        ("from", |way, line| line.number(way.direction.from)),
        ("to", |way, line| line.number(way.direction.to)),
        ("packets", |way, line| line.number(way.direction.packets)),
        ("wire_bytes", |way, line| {
            line.number(way.direction.wire_bytes)
        }),
        ("data_packets", |way, line| {
            line.number(way.direction.data_packets)
        }),
        ("payload_bytes", |way, line| {
            line.number(way.direction.payload_bytes)
        }),
        ("unique_bytes", |way, line| {
            line.number(way.direction.unique_bytes)
        }),
        ("duplicate_bytes", |way, line| {
            line.number(way.direction.duplicate_bytes)
        }),
        ("retransmitted_packets", |way, line| {
            line.number(way.direction.retransmitted_packets)
        }),
        ("out_of_order_packets", |way, line| {
            line.number(way.direction.out_of_order_packets)
        }),
        ("gap_bytes", |way, line| {
            line.number(way.direction.gap_bytes)
        }),
        ("gaps", |way, line| line.number(way.direction.gaps.len())),
        ("closed", |way, line| line.name(&way.direction.closed)),
        ("sha256", |way, line| {
            line.text(way.direction.sha256.as_deref())
        }),
        ("first_packet", |way, line| {
            line.number(way.stream.first_packet)
        }),
        ("last_packet", |way, line| {
            line.number(way.stream.last_packet)
        }),
        ("started", |way, line| line.maybe(way.stream.started)),
        ("ended", |way, line| line.maybe(way.stream.ended)),
        ("request", |way, line| {
            line.text(way.stream.request.as_deref())
        }),
        ("picture_bytes", |way, line| {
            line.number(way.direction.picture_bytes)
        }),
        ("framing_bytes", |way, line| {
            line.number(way.direction.framing_bytes)
        }),
        ("answer_bytes", |way, line| {
            line.number(way.direction.answer_bytes)
        }),
        ("stray_bytes", |way, line| {
            line.number(way.direction.stray_bytes)
        }),
        ("start_seen", |way, line| {
            line.maybe(way.direction.start_seen)
        }),
        ("acknowledged", |way, line| {
            line.maybe(way.direction.acknowledged)
        }),
    ];
    rows(columns, directions(report), out)
}

fn map(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let columns: &[Column<(OneWay<'_>, &Region)>] = &[
        ("stream", |(way, _), line| line.number(way.stream.id)),
        ("from", |(way, _), line| line.number(way.direction.from)),
        ("to", |(way, _), line| line.number(way.direction.to)),
        ("kind", |(_, region), line| line.name(&region.kind)),
        ("what", |(_, region), line| {
            line.text(region.what.as_deref())
        }),
        ("offset", |(_, region), line| line.number(region.offset)),
        ("length", |(_, region), line| line.number(region.length)),
        ("image", |(_, region), line| {
            line.maybe(region.image.map(|id| id.0))
        }),
        ("first_packet", |(_, region), line| {
            line.maybe(region.first_packet)
        }),
        ("last_packet", |(_, region), line| {
            line.maybe(region.last_packet)
        }),
    ];
    let regions = directions(report)
        .flat_map(|way| way.direction.map.iter().map(move |region| (way, region)));
    rows(columns, regions, out)
}

fn chunks(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let columns: &[Column<(&Image, Chunk)>] = &[
        ("image", |(image, _), line| line.number(image.id.0)),
        ("index", |(_, chunk), line| line.number(chunk.index.0)),
        ("offset", |(_, chunk), line| line.number(chunk.offset)),
        ("bytes", |(_, chunk), line| line.number(chunk.bytes)),
        ("packets", |(_, chunk), line| line.number(chunk.packets)),
        ("first_packet", |(_, chunk), line| {
            line.maybe(chunk.first_packet)
        }),
        ("last_packet", |(_, chunk), line| {
            line.maybe(chunk.last_packet)
        }),
        ("wire_bytes", |(_, chunk), line| {
            line.number(chunk.wire_bytes)
        }),
        ("unique_bytes", |(_, chunk), line| {
            line.number(chunk.unique_bytes)
        }),
        ("duplicate_bytes", |(_, chunk), line| {
            line.number(chunk.duplicate_bytes)
        }),
        ("gap_bytes", |(_, chunk), line| line.number(chunk.gap_bytes)),
        ("started", |(_, chunk), line| line.maybe(chunk.started)),
        ("ended", |(_, chunk), line| line.maybe(chunk.ended)),
        ("chunks", |(_, chunk), line| line.number(chunk.folded)),
    ];
    let chunks = report.images.iter().flat_map(|image| {
        let chunks = image.chunks.iter().flatten();
        chunks.map(move |chunk| (image, chunk))
    });
    rows(columns, chunks, out)
}

fn findings(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let columns: &[Column<&Finding>] = &[
        ("name", |finding, line| {
            line.text(Some(finding.name.as_str()))
        }),
        ("severity", |finding, line| line.name(&finding.severity)),
        ("certainty", |finding, line| line.name(&finding.certainty)),
        ("stream", |finding, line| line.maybe(finding.stream)),
        ("image", |finding, line| {
            line.maybe(finding.image.map(|image| image.0))
        }),
        ("packets", |finding, line| line.number(packets(finding))),
        ("message", |finding, line| line.text(Some(&finding.message))),
        ("fix", |finding, line| line.text(Some(&finding.fix))),
        ("filter", |finding, line| {
            line.text(finding.filter().as_deref())
        }),
    ];
    rows(columns, &report.findings, out)
}

fn packets(finding: &Finding) -> String {
    let frames: Vec<String> = finding.packets.iter().map(ToString::to_string).collect();
    frames.join(" ")
}

/// One line in the making.
struct Line<'w> {
    out: &'w mut dyn Write,
    first: bool,
}

impl Line<'_> {
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

    /// The name of one, empty where there is none.
    fn names<T: serde::Serialize>(&mut self, value: Option<T>) -> io::Result<()> {
        match value {
            Some(value) => self.name(&value),
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
        let report = samples::verified();
        insta::assert_snapshot!("compared", text(&report, Table::Images));
        insta::assert_snapshot!("files", text(&report, Table::Files));
    }

    #[test]
    fn every_row_has_every_column() {
        for report in samples::all() {
            for table in Table::ALL {
                let text = text(&report, table);
                let mut widths = text.lines().map(columns);
                let head = widths.next().unwrap();
                assert!(widths.all(|width| width == head), "{table:?}:\n{text}");
            }
        }
    }

    #[test]
    fn every_column_is_explained() {
        use crate::findings::glossary;
        use crate::report::members;
        let report = samples::verified();
        for table in Table::ALL {
            let text = text(&report, table);
            for column in text.lines().next().unwrap().split(',') {
                let known = glossary::find(column).len() + members::find(column).len();
                assert!(known > 0, "{table:?}: {column}");
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
