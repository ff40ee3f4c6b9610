//! All there is to see of one picture: the three sides of it, its drawings, its chunks, its exchange.

use maud::{Markup, PreEscaped, html};

use super::cards::{look, title, values};
use super::words::{self, badge, byte_range, frames, number, plain};
use super::{Context, findings, ladder};
use crate::ledger::chunks::Carried;
use crate::ledger::comparison::{Blamed, Comparison, Mismatch, PairedBy, Side, SideOfMismatch};
use crate::ledger::trace::Trace;
use crate::ledger::{Chunk, Chunks, Image, TransportKind};
use crate::report::plot::{
    Cell, CellState, Mark, Sequence, Throughput, sequence, strip, throughput,
};
use crate::report::text::{count, counted, duration};
use crate::units::Timestamp;

/// A pause before a chunk that is longer than this and than ten times what is usual makes it late, in nanoseconds.
const LATE: i64 = 20_000_000;

/// The section of the picture at `place` of the report.
pub(super) fn section(context: &Context<'_>, place: usize, image: &Image) -> Markup {
    let anchor = format!("picture-{}", image.id.0);
    let pointer = |member: &str| format!("/images/{place}/{member}");
    let chunks: Vec<Chunk> = image.chunks.iter().flatten().collect();
    let stream = context.report().stream(image.stream);
    let word = match stream.map(|stream| stream.transport) {
        Some(TransportKind::Udp) => "UDP stream",
        _ => "connection",
    };
    let compared = image.compared.as_deref();
    html! {
        section.picture id=(anchor) aria-labelledby={ (anchor) "-title" }
            data-from=(context.thousandth(image.started, 0)) data-to=(context.thousandth(image.ended, 1000))
            data-text=(super::cards::search_text(context, image)) {
            header {
                h3 id={ (anchor) "-title" } { (title(context, image)) }
                (badge(image.verdict))
                span.soft.small { (word) " " (image.stream) ", begins " (words::moment(context, image.started)) }
            }
            @if let Some(problem) = &image.problem { p.problem { (words::shown(problem)) } }
            (sides(context, place, image, compared))
            (values(image, &pointer))
            @if let Some(digest) = &image.sha256 { p.small.soft { "SHA-256 " code { (digest) } } }
            (drawings(context, image, &chunks))
            (ladder::section(context, image))
            (table(context, place, &anchor, image, &chunks))
            (findings::of_picture(context, image))
        }
    }
}

/// As sent, on the wire, as received; where they differ, with the damage and the first bytes of it.
fn sides(
    context: &Context<'_>,
    place: usize,
    image: &Image,
    compared: Option<&Comparison>,
) -> Markup {
    let Some(compared) = compared else {
        return html! {};
    };
    let pointer = |side: &str| format!("/images/{place}/compared/{side}");
    let apart = compared.mismatch.is_some();
    html! {
        @if apart {
            (three(context, place, image, compared))
        } @else {
            @for (what, member, side) in [("Sent", "sent", &compared.sent), ("Received", "received", &compared.received)] {
                @if let Some(side) = side { p { (caption(what, side, &pointer(member), false)) } }
            }
        }
        @for (member, mismatch) in [("mismatch", &compared.mismatch), ("also", &compared.also)] {
            @if let Some(mismatch) = mismatch { (difference(&pointer(member), mismatch)) }
        }
        @if let Some(blame) = &compared.blame {
            p { b { (match blame.who {
                Blamed::Sender => "The sender's side: ",
                Blamed::Network => "The network: ",
                Blamed::Capture => "The capture: ",
                Blamed::Receiver => "The receiver's side: ",
                Blamed::Nobody => "Nobody's: ",
                Blamed::Unknown => "Whose side it is cannot be told: ",
            }) } (plain(&blame.why)) "." }
        }
    }
}

/// The three beside each other.
fn three(context: &Context<'_>, place: usize, image: &Image, compared: &Comparison) -> Markup {
    let looks = context.page.looks.get(&image.id);
    let odd = |side: SideOfMismatch| {
        [&compared.mismatch, &compared.also]
            .into_iter()
            .flatten()
            .any(|mismatch| mismatch.side == side)
    };
    html! {
        div.sides {
            @if let Some(side) = &compared.sent {
                figure.odd[odd(SideOfMismatch::SenderToReceiver)] {
                    (look(looks.and_then(|looks| looks.sent.as_ref()), "the file sent"))
                    figcaption { (caption("Sent", side, &format!("/images/{place}/compared/sent"), true)) }
                }
            }
            figure.odd[odd(SideOfMismatch::SenderToWire)] {
                (look(looks.and_then(|looks| looks.wire.as_ref()), "the picture as it arrived on the wire"))
                figcaption { b { "On the wire" } ": " (number(&format!("/images/{place}/bytes"), image.bytes)) " bytes" }
            }
            @if let Some(side) = &compared.received {
                figure.odd[odd(SideOfMismatch::WireToReceiver) || odd(SideOfMismatch::SenderToReceiver)] {
                    (look(looks.and_then(|looks| looks.received.as_ref()), "the file received"))
                    figcaption { (caption("Received", side, &format!("/images/{place}/compared/received"), true)) }
                }
            }
        }
    }
}

fn caption(what: &str, side: &Side, pointer: &str, apart: bool) -> Markup {
    let path = side
        .path
        .as_deref()
        .map_or_else(|| "told by a ledger".into(), plain);
    let paired = match side.pairing {
        PairedBy::Digest => "the same SHA-256",
        PairedBy::Ledger => "named by a ledger",
        PairedBy::Closest => "the closest of the files",
        PairedBy::OrderAndSize => "by order and size",
        PairedBy::Name => "called as the file sent",
    };
    html! {
        b { (what) } ": " (path) ", " (number(&format!("{pointer}/bytes"), side.bytes)) " bytes "
        @match side.equal {
            Some(true) => { span.badge.match { "✔ equals the wire" } },
            Some(false) => { span.badge.mismatch { "✖ differs" } },
            None => { span.badge.inconclusive { "? cannot be told" } },
        }
        @if apart { span.soft { " (" (paired) ")" } }
    }
}

fn difference(pointer: &str, mismatch: &Mismatch) -> Markup {
    let between = match mismatch.side {
        SideOfMismatch::SenderToWire => "the file sent and the wire",
        SideOfMismatch::WireToReceiver => "the wire and the file received",
        SideOfMismatch::SenderToReceiver => "the file sent and the file received",
    };
    html! {
        p {
            b { "Difference between " (between) ": " } (words::shown(&mismatch.damage)) ". "
            "Expected " (number(&format!("{pointer}/expected_bytes"), mismatch.expected_bytes)) " bytes, found "
            (number(&format!("{pointer}/actual_bytes"), mismatch.actual_bytes)) "."
            @if let Some(first) = mismatch.first_difference { " The first byte that differs is at offset " (number(&format!("{pointer}/first_difference"), first)) "." }
            @if let Some(bytes) = mismatch.differing_bytes.filter(|bytes| *bytes > 0) { " " (number(&format!("{pointer}/differing_bytes"), bytes)) " bytes differ in place." }
            @if mismatch.chunk_count > 0 {
                " Chunks concerned: " (number(&format!("{pointer}/chunk_count"), mismatch.chunk_count))
                @if let Some(first) = mismatch.chunks.first() { ", from chunk " (count(*first)) " on" } "."
            }
            @if !mismatch.packets.is_empty() { " See " (frames(&format!("{pointer}/packets"), &mismatch.packets)) "." }
            @if let Some(rows) = &mismatch.rows { " From row " (count(rows.first.into())) " of " (count(rows.of.into())) " on." }
        }
        (hex(mismatch))
    }
}

/// The first bytes that differ, above each other.
fn hex(mismatch: &Mismatch) -> Markup {
    let (Some(offset), Some(expected), Some(actual)) = (
        mismatch.context_offset,
        &mismatch.expected_hex,
        &mismatch.actual_hex,
    ) else {
        return html! {};
    };
    let bytes = |text: &str| -> Vec<String> {
        let digits: Vec<char> = text.chars().filter(char::is_ascii_hexdigit).collect();
        digits.chunks(2).map(|two| two.iter().collect()).collect()
    };
    let (expected, actual) = (bytes(expected), bytes(actual));
    let columns = expected.len().max(actual.len());
    let differs = |at: usize| expected.get(at) != actual.get(at);
    html! {
        div.hexes tabindex="0" role="region" aria-label="First bytes that differ" {
            table.hex {
                thead { tr { th scope="row" { "offset " (count(offset)) }
                    @for at in 0..columns { th { @if at % 8 == 0 { "+" (at) } } }
                } }
                tbody {
                    @for (what, row) in [("expected", &expected), ("found", &actual)] {
                        tr { th scope="row" { (what) }
                            @for at in 0..columns {
                                td.diff[differs(at)] { @match row.get(at) { Some(byte) => (byte), None => "··" } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What a chunk is said of.
fn describe(image: &Image, chunk: &Chunk) -> String {
    let mut text = format!(
        "chunk {}: bytes {}",
        count(chunk.index.0),
        byte_range(chunk.offset, chunk.offset.saturating_add(chunk.bytes))
    );
    match (chunk.first_packet, chunk.last_packet) {
        (Some(first), Some(last)) if first == last => text.extend([format!(", frame {first}")]),
        (Some(first), Some(last)) => text.extend([format!(", frames {first}–{last}")]),
        _ => {}
    }
    if let (Some(start), Some(end)) = (image.started, chunk.ended) {
        text.extend([format!(", after {}", duration(end.since(start), true))]);
    }
    if chunk.duplicate_bytes > 0 {
        text.extend([format!(
            ", {} sent again",
            counted(chunk.duplicate_bytes, "byte", "bytes")
        )]);
    }
    if chunk.gap_bytes > 0 {
        text.extend([format!(
            ", {} missing",
            counted(chunk.gap_bytes, "byte", "bytes")
        )]);
    }
    text
}

/// The time-sequence graph, the chunk strip and the throughput, as far as there is something to draw.
pub(super) fn plots(context: &Context<'_>, image: &Image) -> [Option<String>; 3] {
    let anchor = format!("picture-{}", image.id.0);
    let chunks: Vec<Chunk> = image.chunks.iter().flatten().collect();
    let carried: Vec<Carried> = image
        .chunks
        .as_ref()
        .map(Chunks::carried)
        .unwrap_or_default();
    let (cells, left_out) = cells(context, image, &chunks);
    [
        graph(context, &anchor, image, &chunks, &carried),
        (!cells.is_empty()).then(|| strip(&anchor, &cells, left_out)),
        rates(image, &carried),
    ]
}

fn rates(image: &Image, carried: &[Carried]) -> Option<String> {
    let start = image.started?;
    let packets = carried.iter().filter_map(|one| {
        let bytes = one.bytes.end.saturating_sub(one.bytes.start);
        Some((one.time?.since(start), bytes, one.repeat))
    });
    throughput(&Throughput {
        span: words::took(image)?,
        packets: packets.collect(),
    })
}

/// The drawings of a picture.
fn drawings(context: &Context<'_>, image: &Image, chunks: &[Chunk]) -> Markup {
    let [graph, strip, rates] = plots(context, image);
    let left_out = chunks.len().saturating_sub(context.budget.cells) as u64;
    html! {
        @if let Some(graph) = graph {
            h4 { "Time and sequence" }
            div.figure data-zoom {
                div.tools.js { button type="button" data-do="in" aria-label="Zoom in" { "+" } button type="button" data-do="out" aria-label="Zoom out" { "−" } button type="button" data-do="whole" { "whole" } }
                div.wide { (PreEscaped(graph)) }
            }
        }
        @if let Some(strip) = strip {
            h4 { "Chunks" }
            div.figure {
                div.cells { (PreEscaped(strip)) }
                ul.key {
                    li { i.k0 {} "1 packet" } li { i.k1 {} "2 or 3 packets" } li { i.k2 {} "more" }
                    li { i.kl {} "late" } li { i.kr {} "sent again" } li { i.kg {} "missing" }
                }
                @if left_out > 0 { p.small.soft { (count(left_out)) " more chunks are left out of the strip." } }
            }
        }
        @if let Some(rates) = rates {
            h4 { "Throughput" }
            div.figure { div.wide { (PreEscaped(rates)) } }
        }
    }
}

fn graph(
    context: &Context<'_>,
    anchor: &str,
    image: &Image,
    chunks: &[Chunk],
    carried: &[Carried],
) -> Option<String> {
    let trace = context.page.traces.of(image.stream);
    let plot = plotted(image, carried, trace)?;
    let banded = chunks.len() as u64 <= context.budget.bands;
    let bands = chunks.iter().filter(|_| banded).map(|chunk| {
        let end = chunk.offset.saturating_add(chunk.bytes);
        (chunk.index.0, (chunk.offset, end), describe(image, chunk))
    });
    Some(sequence(&Sequence {
        anchor: anchor.to_owned(),
        chunks: bands.collect(),
        most: context.budget.marks,
        ..plot
    }))
}

/// What a picture's time-sequence graph is drawn from; absent without times.
fn plotted(image: &Image, carried: &[Carried], trace: Option<&Trace>) -> Option<Sequence> {
    let start = image.started?;
    let length = image.encoded_bytes.unwrap_or(image.bytes);
    let first = |time: Option<Timestamp>| Some(time?.since(start));
    let marks: Vec<Mark> = carried
        .iter()
        .filter_map(|one| {
            Some(Mark {
                time: first(one.time)?,
                bytes: (one.bytes.start, one.bytes.end),
                repeat: one.repeat,
            })
        })
        .collect();
    let mut span = marks.iter().map(|mark| mark.time).max()?;
    let end = image.offset.saturating_add(length);
    let (mut acks, mut windows) = (Vec::new(), Vec::new());
    for (own, point) in trace.iter().flat_map(|trace| trace.points(image.from)) {
        let (false, Some(acked), Some(time)) = (own, point.acked, first(point.time)) else {
            continue;
        };
        if time < 0 {
            continue;
        }
        let within = acked.saturating_sub(image.offset);
        // What comes after the last byte was acknowledged is another picture's.
        let done = acked >= end;
        let window = trace.and_then(|trace| trace.window(point));
        if time < 0 {
            // How things stood when the picture began.
            (acks, windows) = (vec![(0, within.min(length))], Vec::new());
            windows.extend(window.map(|window| (0, within.saturating_add(window))));
            continue;
        }
        acks.push((time, within.min(length)));
        windows.extend(window.map(|window| (time, within.saturating_add(window))));
        if done {
            // An acknowledgment long after the last byte would squeeze the rest together.
            if time <= span.saturating_mul(2).max(span.saturating_add(1_000_000)) {
                span = span.max(time);
            }
            break;
        }
    }
    // All in one moment: there is nothing to draw.
    if span <= 0 {
        return None;
    }
    Some(Sequence {
        length,
        span,
        marks,
        gaps: image
            .gaps
            .iter()
            .map(|gap| (gap.offset, gap.length))
            .collect(),
        chunks: Vec::new(),
        acks,
        windows,
        most: 2000,
        anchor: String::new(),
    })
}

/// The cells of the chunk strip, and how many chunks are left out.
fn cells(context: &Context<'_>, image: &Image, chunks: &[Chunk]) -> (Vec<Cell>, u64) {
    let states = states(chunks);
    let cells: Vec<Cell> = chunks
        .iter()
        .zip(states)
        .take(context.budget.cells)
        .map(|(chunk, state)| Cell {
            index: chunk.index.0,
            state,
            title: describe(image, chunk),
        })
        .collect();
    let left_out = (chunks.len() as u64).saturating_sub(cells.len() as u64);
    (cells, left_out)
}

/// What happened to each chunk; the worst of all that did.
fn states(chunks: &[Chunk]) -> Vec<CellState> {
    let pauses: Vec<i64> = chunks
        .windows(2)
        .filter_map(|two| match two {
            [before, chunk] => Some(chunk.started?.since(before.ended?)),
            _ => None,
        })
        .collect();
    let mut sorted = pauses.clone();
    sorted.sort_unstable();
    let usual = sorted.get(sorted.len() / 2).copied().unwrap_or(0);
    let late = usual.saturating_mul(10).max(LATE);
    let mut previous: Option<&Chunk> = None;
    chunks
        .iter()
        .map(|chunk| {
            let pause = previous.and_then(|before| Some(chunk.started?.since(before.ended?)));
            previous = Some(chunk);
            if chunk.gap_bytes > 0 {
                CellState::Missing
            } else if chunk.duplicate_bytes > 0 {
                CellState::Repeated
            } else if pause.is_some_and(|pause| pause > late) {
                CellState::Late
            } else {
                CellState::Came(chunk.packets)
            }
        })
        .collect()
}

/// The chunk table.
fn table(
    context: &Context<'_>,
    place: usize,
    anchor: &str,
    image: &Image,
    chunks: &[Chunk],
) -> Markup {
    if chunks.is_empty() {
        return html! {};
    }
    let most = context.budget.rows;
    // The remarkable first, then from the beginning; shown in order.
    let odd = |chunk: &Chunk| chunk.gap_bytes > 0 || chunk.duplicate_bytes > 0;
    let mut chosen: Vec<usize> = if chunks.len() <= most {
        (0..chunks.len()).collect()
    } else {
        let (odd, plain): (Vec<usize>, Vec<usize>) =
            (0..chunks.len()).partition(|at| chunks.get(*at).is_some_and(odd));
        odd.into_iter().chain(plain).take(most).collect()
    };
    chosen.sort_unstable();
    let left_out = chunks.len().saturating_sub(chosen.len()) as u64;
    html! {
        details open[chunks.len() <= 40 && context.detailed.len() <= 20] {
            summary { "All chunks (" (count(chunks.len() as u64)) ")" }
            div.scroll.tall tabindex="0" role="region" aria-label="Chunks" {
                table {
                    thead { tr {
                        @for (key, title) in [("index", "chunk"), ("offset", "offset"), ("bytes", "bytes"), ("packets", "packets"), ("first_packet", "first frame"), ("last_packet", "last frame"), ("wire_bytes", "on the wire"), ("unique_bytes", "came"), ("duplicate_bytes", "again"), ("gap_bytes", "missing")] {
                            th.n scope="col" data-k=(key) { (title) }
                        }
                        th.n scope="col" { "after" }
                    } }
                    tbody {
                        @for at in chosen { @if let Some(chunk) = chunks.get(at) {
                            tr id={ (anchor) "/chunk-" (chunk.index.0) } data-p={ "/images/" (place) "/chunks/" (at) } {
                                td.n { (count(chunk.index.0)) }
                                td.n { (count(chunk.offset)) }
                                td.n { (count(chunk.bytes)) }
                                td.n { (count(chunk.packets)) }
                                td.n { @if let Some(frame) = chunk.first_packet { (count(frame.0)) } @else { "–" } }
                                td.n { @if let Some(frame) = chunk.last_packet { (count(frame.0)) } @else { "–" } }
                                td.n { (count(chunk.wire_bytes)) }
                                td.n { (count(chunk.unique_bytes)) }
                                td.n.bad[chunk.duplicate_bytes > 0] { (count(chunk.duplicate_bytes)) }
                                td.n.bad[chunk.gap_bytes > 0] { (count(chunk.gap_bytes)) }
                                td.n { @if let (Some(start), Some(end)) = (image.started, chunk.ended) { (duration(end.since(start), true)) } @else { "–" } }
                            }
                        } }
                    }
                }
            }
            @if left_out > 0 {
                p.small.soft { (counted(left_out, "ordinary chunk is", "ordinary chunks are")) " left out. All of them: "
                    code { "imgnet analyze " (words::capture_arguments(context.report())) " --csv chunks" } }
            }
        }
    }
}
