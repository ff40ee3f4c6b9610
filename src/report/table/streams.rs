//! The streams, a row for each direction (`-v`).

use std::io::{self, Write};

use crate::ledger::{Closed, Confidence, Direction, Stream};
use crate::report::Style;
use crate::report::model::Report;
use crate::report::table::grid::{self, Column, Row, Tone, facts, numbers, routes, words};
use crate::report::table::{stream_word, unknown};
use crate::report::text::{self, count};

pub(super) const COLUMNS: &[Column] = &[
    numbers("#", 0),
    words("stream", 8),
    routes("direction"),
    words("wire format", 3),
    numbers("packets", 0),
    numbers("with data", 9),
    numbers("wire bytes", 5),
    numbers("payload", 7),
    numbers("unique", 10),
    numbers("repeats", 1),
    numbers("out of order", 6),
    numbers("missing", 1),
    facts("closed", 4),
];

pub(super) fn render(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let rows = || {
        report.streams.iter().flat_map(|stream| {
            let row = move |(index, direction)| row(stream, index, direction, style);
            stream.directions.iter().enumerate().map(row)
        })
    };
    grid::draw(COLUMNS, rows, 0, style, out)?;
    for stream in &report.streams {
        if let Some(request) = &stream.request {
            let line = format!(
                "{} {}: asked for {request:?}",
                stream_word(stream.transport),
                stream.id
            );
            let line = text::plain(&line, style.unicode);
            for line in text::wrap(&line, style.width, "", "  ") {
                writeln!(out, "{line}")?;
            }
        }
    }
    Ok(())
}

fn row(stream: &Stream, index: usize, direction: &Direction, style: &Style) -> Row {
    let first = index == 0;
    // What belongs to the stream stands in its first row only.
    let once = |text: String| if first { text } else { String::new() };
    let transport = match stream.transport {
        crate::ledger::TransportKind::Tcp => "tcp.stream",
        crate::ledger::TransportKind::Udp => "udp.stream",
    };
    let protocol = match (&stream.protocol, stream.confidence) {
        (None, _) => unknown(style),
        (Some(protocol), Some(Confidence::Guess)) => format!("{protocol} (guess)"),
        (Some(protocol), _) => protocol.to_string(),
    };
    Row {
        cells: vec![
            once(stream.id.to_string()),
            once(format!("{transport} {}", stream.transport_stream)),
            text::route(direction.from, direction.to, style.unicode),
            once(text::plain(&protocol, style.unicode).into_owned()),
            count(direction.packets),
            count(direction.data_packets),
            count(direction.wire_bytes),
            count(direction.payload_bytes),
            count(direction.unique_bytes),
            count(direction.retransmitted_packets),
            count(direction.out_of_order_packets),
            count(direction.gap_bytes),
            match direction.closed {
                None => unknown(style),
                Some(Closed::Fin) => "FIN".to_owned(),
                Some(Closed::Reset) => "RST".to_owned(),
            },
        ],
        tone: match direction.closed {
            Some(Closed::Reset) => Tone::Bad,
            _ => Tone::Plain,
        },
    }
}
