//! The pictures: a row each, or, where there are hundreds, a row for each kind and the exceptions.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::SocketAddr;

use crate::findings::Severity;
use crate::ledger::{ChunkSizeSource, Confidence, Image, Problem, Verdict};
use crate::report::model::Report;
use crate::report::table::compared;
use crate::report::table::grid::{self, Column, Row, Tone, facts, numbers, routes, words};
use crate::report::table::{PROSE, kind, mark, unknown};
use crate::report::text::{self, count, counted};
use crate::report::{Detail, Style};
use crate::units::StreamId;

/// More pictures than this are summed up.
const ROWS: usize = 40;
/// So many exceptions are shown beside the sums.
const EXCEPTIONS: usize = 20;
/// A picture's name in the table is no longer than this; the whole of it is in the JSON.
const NAME: usize = 32;

/// What leads into the capture, its frames, is the last to go.
pub(super) const COLUMNS: &[Column] = &[
    numbers("#", 0),
    words("picture", 4),
    routes("from → to"),
    words("wire format", 3),
    words("kind", 2),
    numbers("bytes", 0),
    numbers("chunks", 5),
    numbers("packets", 6),
    numbers("repeats", 7),
    facts("frames", 1),
    words("state", 0),
];
/// [`COLUMNS`] where no picture has a name.
pub(super) const NAMELESS: &[Column] = &[
    numbers("#", 0),
    routes("from → to"),
    words("wire format", 3),
    words("kind", 2),
    numbers("bytes", 0),
    numbers("chunks", 5),
    numbers("packets", 6),
    numbers("repeats", 7),
    facts("frames", 1),
    words("state", 0),
];
pub(super) const SUMS: &[Column] = &[
    numbers("pictures", 0),
    words("server", 0),
    words("wire format", 2),
    words("kind", 1),
    numbers("bytes", 0),
    numbers("chunks", 3),
    numbers("packets", 4),
    numbers("repeats", 5),
    words("state", 0),
];

pub(super) fn render(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    if report.images.len() <= ROWS || style.detail >= Detail::Streams {
        let all: Vec<&Image> = report.images.iter().collect();
        rows(report, &all, style, out)?;
        return remarks(report, &all, style, out);
    }
    sums(report, style, out)?;
    let odd = |image: &&Image| {
        matches!(
            image.verdict,
            Verdict::Mismatch | Verdict::Incomplete | Verdict::Inconclusive
        )
    };
    let total = report.images.iter().filter(odd).count();
    if total == 0 {
        return Ok(());
    }
    let shown: Vec<&Image> = report.images.iter().filter(odd).take(EXCEPTIONS).collect();
    writeln!(out)?;
    rows(report, &shown, style, out)?;
    if total > shown.len() {
        let more = (total - shown.len()) as u64;
        let line = format!("… and {} like these; -v shows all.", count(more));
        let line = text::plain(&line, style.unicode);
        writeln!(out, "{}", Tone::Dim.paint(&line, style))?;
    }
    remarks(report, &shown, style, out)
}

fn rows(report: &Report, images: &[&Image], style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let named = images.iter().any(|image| name(report, image).is_some());
    let columns = if named { COLUMNS } else { NAMELESS };
    let mut columns = ascii_titles(columns, style);
    let verified = report.verification.is_some();
    if verified {
        // Which file it is says more than what kind of picture.
        for column in &mut columns {
            match column.title {
                "picture" => column.rank = 2,
                "kind" => column.rank = 4,
                _ => {}
            }
        }
        let title = words(compared::title(style), 0);
        columns.insert(columns.len().saturating_sub(1), title);
    }
    let row = |image: &&Image| {
        let image = *image;
        let mut cells = vec![image.id.0.to_string()];
        if named {
            let name = name(report, image).unwrap_or_else(|| unknown(style));
            let name = text::plain(&name, style.unicode);
            let name = text::shortened(&name, NAME);
            cells.push(text::plain(&name, style.unicode).into_owned());
        }
        cells.extend([
            text::route(image.from, image.to, style.unicode),
            wire_format(report, image, style),
            kind(image, style),
            bytes(image),
            chunks(image, style),
            count(image.packets),
            count(repeats(image)),
            text::frame_range(image.first_packet, image.last_packet, style.unicode),
        ]);
        if verified {
            cells.push(compared::cell(image, style));
        }
        let (tone, state) = match image.verdict {
            Verdict::Unverified if verified && style.unicode => {
                (Tone::Doubt, "? unverified".to_owned())
            }
            Verdict::Unverified if verified => (Tone::Doubt, "unverified".to_owned()),
            _ => state(image, style),
        };
        cells.push(state);
        Row { cells, tone }
    };
    grid::draw(&columns, || images.iter().map(row), 0, style, out)
}

/// What the table cannot say in a cell: why a picture is not whole, and which numbers rest on a guess.
fn remarks(
    report: &Report,
    images: &[&Image],
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let explained = |image: &Image| {
        report.findings.iter().any(|f| {
            let about =
                f.image == Some(image.id) || (f.image.is_none() && f.stream == Some(image.stream));
            about && f.severity > Severity::Note
        })
    };
    let unexplained: Vec<(&Image, &Problem)> = images
        .iter()
        .filter_map(|image| Some((*image, image.problem.as_ref()?)))
        .filter(|(image, _)| !explained(image) && image.verdict != Verdict::Mismatch)
        .collect();
    for (image, problem) in &unexplained {
        let line = format!("picture {}: {problem}", image.id.0);
        let line = text::plain(&line, style.unicode);
        for line in text::wrap(&line, style.width.min(PROSE), "", "  ") {
            writeln!(out, "{line}")?;
        }
    }
    if images
        .iter()
        .any(|image| image.chunk_size_source == Some(ChunkSizeSource::Observed))
    {
        let line = "~ the chunk size is a guess from the packets' sizes; --chunk BYTES says it.";
        for line in text::wrap(line, style.width, "", "  ") {
            writeln!(out, "{}", Tone::Dim.paint(&line, style))?;
        }
    }
    Ok(())
}

/// What a sum is taken over, worst first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    verdict: std::cmp::Reverse<Verdict>,
    server: SocketAddr,
    sends: bool,
    protocol: String,
}

#[derive(Default)]
struct Sum {
    pictures: u64,
    bytes: u64,
    chunks: Option<u64>,
    packets: u64,
    repeats: u64,
    kinds: Vec<String>,
}

fn sums(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let mut sums: BTreeMap<Key, Sum> = BTreeMap::new();
    for image in &report.images {
        let (server, sends) = server(report, image);
        let key = Key {
            verdict: std::cmp::Reverse(image.verdict),
            server,
            sends,
            protocol: wire_format(report, image, style),
        };
        let sum = sums.entry(key).or_insert_with(|| Sum {
            chunks: Some(0),
            ..Sum::default()
        });
        sum.pictures += 1;
        sum.bytes = sum.bytes.saturating_add(image.bytes);
        // One unknown number makes the sum unknown.
        sum.chunks = sum
            .chunks
            .zip(chunk_count(image))
            .map(|(a, b)| a.saturating_add(b));
        sum.packets = sum.packets.saturating_add(image.packets);
        sum.repeats = sum.repeats.saturating_add(repeats(image));
        // One more than is shown, to know that there is more.
        let kind = kind(image, style);
        if sum.kinds.len() <= 2 && !sum.kinds.contains(&kind) {
            sum.kinds.push(kind);
        }
    }
    let row = |(key, sum): (&Key, &Sum)| {
        let (tone, state) = state_of(key.verdict.0, false, style);
        let arrow = if style.unicode { "→" } else { "->" };
        Row {
            cells: vec![
                count(sum.pictures),
                if key.sends {
                    format!("{} {arrow}", key.server)
                } else {
                    format!("{arrow} {}", key.server)
                },
                key.protocol.clone(),
                match sum.kinds.as_slice() {
                    kinds @ ([] | [_] | [_, _]) => kinds.join(", "),
                    _ => "various".to_owned(),
                },
                count(sum.bytes),
                sum.chunks.map_or_else(|| unknown(style), count),
                count(sum.packets),
                count(sum.repeats),
                state,
            ],
            tone,
        }
    };
    grid::draw(SUMS, || sums.iter().take(ROWS).map(row), 0, style, out)?;
    if sums.len() > ROWS {
        let more: u64 = sums.values().skip(ROWS).map(|sum| sum.pictures).sum();
        let line = format!(
            "… and {} more of other servers",
            counted(more, "picture", "pictures")
        );
        let line = text::plain(&line, style.unicode);
        writeln!(out, "{}", Tone::Dim.paint(&line, style))?;
    }
    let line = format!(
        "{} summed up; -v shows each.",
        counted(report.images.len() as u64, "picture", "pictures")
    );
    writeln!(out, "{}", Tone::Dim.paint(&line, style))
}

/// The listening side, and whether it sends this picture. Where the capture does not show who connected,
/// the lower port is taken for it.
fn server(report: &Report, image: &Image) -> (SocketAddr, bool) {
    let acceptor = report.stream(image.stream).and_then(|stream| {
        let initiator = stream.directions.get(stream.initiator?)?;
        Some(initiator.to)
    });
    let server = acceptor.unwrap_or(if image.from.port() < image.to.port() {
        image.from
    } else {
        image.to
    });
    (server, server == image.from)
}

/// What a person knows the picture by: its file where one was compared, else what was asked for.
pub(in crate::report) fn name(report: &Report, image: &Image) -> Option<String> {
    let path = image.compared.as_ref().and_then(|compared| {
        [&compared.sent, &compared.received]
            .into_iter()
            .find_map(|side| side.as_ref()?.path.as_deref())
    });
    if let Some(path) = path {
        return path.rsplit(['/', '\\']).next().map(str::to_owned);
    }
    let stream = report.stream(image.stream)?;
    let request = stream.request.as_ref()?;
    Some(format!("choice {request}"))
}

fn wire_format(report: &Report, image: &Image, style: &Style) -> String {
    let protocol = image.protocol.to_string();
    let protocol = text::plain(&protocol, style.unicode);
    if confidence(report, image.stream) == Some(Confidence::Guess) {
        format!("{protocol} (guess)")
    } else {
        protocol.into_owned()
    }
}

fn confidence(report: &Report, stream: StreamId) -> Option<Confidence> {
    report.stream(stream)?.confidence
}

fn bytes(image: &Image) -> String {
    match image.declared_bytes {
        Some(declared) if declared != image.bytes => {
            format!("{} of {}", count(image.bytes), count(declared))
        }
        _ => count(image.bytes),
    }
}

/// How many chunks there are; absent where their size is unknown.
fn chunk_count(image: &Image) -> Option<u64> {
    let size = image.chunk_size.filter(|&size| size > 0)?;
    Some(image.encoded_bytes.unwrap_or(image.bytes).div_ceil(size))
}

/// Packets that bring bytes of the picture again, or datagrams whose sender says that they do.
fn repeats(image: &Image) -> u64 {
    let again = image.datagrams.map_or(0, |datagrams| {
        datagrams
            .repeats
            .unwrap_or(0)
            .saturating_add(datagrams.copies)
    });
    image.retransmitted_packets.saturating_add(again)
}

fn chunks(image: &Image, style: &Style) -> String {
    match (chunk_count(image), image.chunk_size_source) {
        (None, _) => unknown(style),
        (Some(number), Some(ChunkSizeSource::Observed)) => format!("~{}", count(number)),
        (Some(number), _) => count(number),
    }
}

fn state(image: &Image, style: &Style) -> (Tone, String) {
    if image.is_range() && image.verdict == Verdict::Unverified {
        let sign = if style.unicode { "–" } else { "-" };
        return (Tone::Plain, format!("{sign} a range of it"));
    }
    if image.is_not_over() {
        let sign = if style.unicode { "? " } else { "" };
        return (Tone::Doubt, format!("{sign}not over"));
    }
    if image.is_urgent() {
        let sign = if style.unicode { "? " } else { "" };
        return (Tone::Doubt, format!("{sign}urgent bytes"));
    }
    state_of(image.verdict, image.is_undecided(), style)
}

fn state_of(verdict: Verdict, undecided: bool, style: &Style) -> (Tone, String) {
    let words = match verdict {
        Verdict::Inconclusive if undecided => "came twice, and differs",
        Verdict::Match => "match",
        Verdict::Unverified => "whole",
        Verdict::Inconclusive => "not all captured",
        Verdict::Incomplete => "incomplete",
        Verdict::Mismatch => "mismatch",
    };
    let (tone, glyph) = mark(verdict, false);
    let text = match glyph {
        Some(glyph) if style.unicode => format!("{glyph} {words}"),
        _ => words.to_owned(),
    };
    (tone, text)
}

fn ascii_titles(columns: &[Column], style: &Style) -> Vec<Column> {
    let mut columns = columns.to_vec();
    if !style.unicode {
        for column in &mut columns {
            if column.title == "from → to" {
                column.title = "from -> to";
            }
        }
    }
    columns
}
