//! The run: streams, counts that add up, how good the capture is, what was expected, how the report was made.

use maud::{Markup, html};

use super::Context;
use super::words::{self, number, plain};
use crate::expect::Outcome;
use crate::ledger::{Closed, TransportKind};
use crate::report::text::count;

/// Most streams that have rows.
const STREAMS: usize = 2000;
/// Most expectations that have rows.
const EXPECTATIONS: usize = 2000;

/// The run.
pub(super) fn section(context: &Context<'_>) -> Markup {
    html! {
        h2 #run { "The run" }
        (captures(context))
        (packets(context))
        (streams(context))
    }
}

fn captures(context: &Context<'_>) -> Markup {
    let report = context.report();
    html! {
        h3 { "Capture" }
        div.scroll tabindex="0" role="region" aria-label="Capture files" { table {
            thead { tr {
                th scope="col" { "file" } th scope="col" { "format" } th scope="col" { "link" }
                @for (key, title) in [("packets", "frames"), ("captured_bytes", "bytes captured"), ("original_bytes", "bytes on the wire"), ("kernel_drops", "dropped by the kernel")] {
                    th.n scope="col" data-k=(key) { (title) }
                }
                th scope="col" { "end" }
            } }
            tbody {
                @for (place, file) in report.captures.iter().enumerate() {
                    tr data-p={ "/captures/" (place) } {
                        td { (plain(&file.path)) } td { (plain(&file.format)) } td { (plain(&file.link_types.join(", "))) }
                        td.n { (count(file.packets)) }
                        td.n { (count(file.captured_bytes)) }
                        td.n.bad[file.captured_bytes < file.original_bytes] { (count(file.original_bytes)) }
                        td.n.bad[file.kernel_drops.is_some_and(|drops| drops > 0)] { @match file.kernel_drops { Some(drops) => (count(drops)), None => "–" } }
                        td.bad[file.truncated] {
                            @match (&file.damage, file.truncated) {
                                (Some(damage), _) => { "cut short or damaged: " (plain(&damage.reason)) @if let Some(frame) = damage.after_frame { " (after frame " (frame) ")" } },
                                (None, true) => { "cut short or damaged" },
                                (None, false) => { "read to its end" },
                            }
                        }
                    }
                }
            }
        } }
        @if report.captures.iter().any(|file| file.captured_bytes < file.original_bytes) {
            p.small { "Frames were cut while capturing (snap length): what was cut off is a gap, and never called lost." }
        }
    }
}

fn packets(context: &Context<'_>) -> Markup {
    let packets = &context.report().packets;
    html! {
        p {
            (number("/packets/read", packets.read)) " frames read = "
            (number("/packets/decoded", packets.decoded)) " decoded"
            @for (reason, frames) in &packets.skipped {
                " + " (number(&format!("/packets/skipped/{}", reason.replace('~', "~0").replace('/', "~1")), *frames)) " " (plain(reason))
            }
            @if packets.skipped.is_empty() { " + 0 skipped" }
        }
    }
}

fn streams(context: &Context<'_>) -> Markup {
    let streams = &context.report().streams;
    if streams.is_empty() {
        return html! {};
    }
    let keys = [
        ("packets", "frames"),
        ("wire_bytes", "on the wire"),
        ("payload_bytes", "payload"),
        ("unique_bytes", "came"),
        ("duplicate_bytes", "again"),
        ("gap_bytes", "missing"),
        ("retransmitted_packets", "repeats"),
    ];
    html! {
        h3 { "Streams" }
        p.small.soft { "In each direction: payload = came + again." }
        div.scroll.tall tabindex="0" role="region" aria-label="Streams" { table {
            thead { tr {
                th scope="col" { "stream" } th scope="col" { "wire format" } th scope="col" { "from → to" }
                @for (key, title) in keys { th.n scope="col" data-k=(key) { (title) } }
                th scope="col" { "closed" }
            } }
            tbody {
                @for (place, stream) in streams.iter().enumerate().take(STREAMS) {
                    @for (index, direction) in stream.directions.iter().enumerate() {
                        tr data-p={ "/streams/" (place) "/directions/" (index) } {
                            td.w { @if index == 0 { (match stream.transport { TransportKind::Tcp => "TCP ", TransportKind::Udp => "UDP " }) (stream.id) } }
                            td.w { @if index == 0 { @match &stream.protocol { Some(protocol) => (words::shown(protocol)), None => "–" } } }
                            td.w { (direction.from) " → " (direction.to) }
                            td.n { (count(direction.packets)) }
                            td.n { (count(direction.wire_bytes)) }
                            td.n { (count(direction.payload_bytes)) }
                            td.n { (count(direction.unique_bytes)) }
                            td.n { (count(direction.duplicate_bytes)) }
                            td.n.bad[direction.gap_bytes > 0] { (count(direction.gap_bytes)) }
                            td.n { (count(direction.retransmitted_packets)) }
                            td.w { (match direction.closed { Some(Closed::Fin) => "FIN", Some(Closed::Reset) => "RST", None => "–" }) }
                        }
                    }
                }
            }
        } }
        @if streams.len() > STREAMS { p.small.soft { (count((streams.len() - STREAMS) as u64)) " more streams are left out; " code { "imgnet analyze " (words::capture_arguments(context.report())) " --csv streams" } " lists all." } }
    }
}

/// What was expected, and what came.
pub(super) fn expectations(context: &Context<'_>) -> Markup {
    let Some(checked) = context.page.checked else {
        return html! {};
    };
    let mut order: Vec<_> = checked.expectations.iter().collect();
    order.sort_by_key(|judged| std::cmp::Reverse(judged.outcome));
    html! {
        h2 #expectations { "Expectations" }
        div.scroll.tall tabindex="0" role="region" aria-label="Expectations" { table {
            thead { tr { th scope="col" { "outcome" } th scope="col" { "of" } th scope="col" { "expectation" } th scope="col" { "expected" } th scope="col" { "actual" } th scope="col" { "note" } th.n scope="col" { "line" } } }
            tbody {
                @for judged in order.iter().take(EXPECTATIONS) {
                    @let (badge, sign) = match judged.outcome {
                        Outcome::Pass => ("match", "✔ holds"),
                        Outcome::Inconclusive => ("inconclusive", "? cannot be told"),
                        Outcome::Fail => ("mismatch", "✖ does not hold"),
                    };
                    tr {
                        td { span.badge.(badge) { (sign) } }
                        td { @match (&judged.picture, judged.image) {
                            (Some(label), Some(image)) => { a href={ "#picture-" (image.0) } { (plain(label)) } },
                            (Some(label), None) => { (plain(label)) },
                            (None, _) => { "the run" },
                        } }
                        td { (plain(&judged.name)) }
                        td { (judged.expected.human(true)) }
                        td { @match &judged.actual { Some(actual) => (actual.human(true)), None => "–" } }
                        td { @for note in [&judged.note, &judged.lack].into_iter().flatten() { (plain(note)) " " } }
                        td.n { @if let Some(line) = judged.line { (line) } }
                    }
                }
            }
        } }
        @if checked.expectations.len() > EXPECTATIONS { p.small.soft { "The " (count((checked.expectations.len() - EXPECTATIONS) as u64)) " best of them are left out." } }
    }
}

/// How the report was made.
pub(super) fn made(context: &Context<'_>) -> Markup {
    let made = context.page.made;
    html! {
        p { "Made by imgnet " (env!("CARGO_PKG_VERSION")) " with" }
        p { code { (plain(&made.command)) } }
        @if !made.inputs.is_empty() {
            ul {
                @for input in &made.inputs {
                    li { (input.role) " " (plain(&input.path))
                        @if let Some(bytes) = input.bytes { ", " (count(bytes)) " bytes" }
                        @if let Some(sha256) = &input.sha256 { ", SHA-256 " code { (sha256) } }
                    }
                }
            }
        }
        p { "The same inputs give the same page. Numbers are those of imgnet/report/v1; frames are numbered as in Wireshark; times are seconds since the first frame." }
    }
}
