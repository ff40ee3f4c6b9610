//! The first screen: the verdict in words, what to do about it, a card a picture.

use maud::{Markup, PreEscaped, html};

use super::words::{self, badge, kind, number, plain, rate, took};
use super::{Context, Thumbnail, base64, class};
use crate::expect::Outcome;
use crate::findings::{Finding, Severity};
use crate::ledger::{Image, TransportKind, Verdict};
use crate::report::plot::{Bar, timeline};
use crate::report::table;
use crate::report::text::{count, counted, duration};

/// Most bars of the time strip.
const BARS: usize = 1000;
/// Most rows of the table of pictures without a card.
const OTHERS: usize = 25_000;
/// Rows that are folded together.
const PART: usize = 1000;

/// The verdict in words, and what to do.
pub(super) fn verdict(context: &Context<'_>) -> Markup {
    let report = context.report();
    let tone = tone(context);
    html! {
        section #verdict .verdict.(tone) aria-label="Verdict" {
            h1 { (sentence(context)) }
            p.do { b { "What to do: " } (advice(context)) }
            ul.facts.small.soft {
                li { b { (number("/packets/read", report.packets.read)) } " frames" }
                @for (transport, one, many) in [(TransportKind::Tcp, "connection", "connections"), (TransportKind::Udp, "UDP stream", "UDP streams")] {
                    @let streams = report.streams.iter().filter(|s| s.transport == transport).count() as u64;
                    @if streams > 0 { li { b { (count(streams)) } " " (if streams == 1 { one } else { many }) } }
                }
                li { b { (number("/totals/images", report.totals.images)) } (if report.totals.images == 1 { " picture" } else { " pictures" }) }
                li { b { (number("/totals/image_bytes", report.totals.image_bytes)) } " bytes of pictures" }
                li { b { (number("/totals/wire_bytes", report.totals.wire_bytes)) } " bytes on the wire" }
                @if context.span > 0 { li { b { (duration(context.span, true)) } " from the first frame to the last" } }
                @for missing in table::missing(report) { li { (missing) } }
            }
        }
    }
}

/// The colour of all.
fn tone(context: &Context<'_>) -> &'static str {
    let report = context.report();
    if let Some(checked) = context.page.checked {
        return match checked.verdict {
            Outcome::Pass => "match",
            Outcome::Inconclusive => "inconclusive",
            Outcome::Fail => "mismatch",
        };
    }
    let errors = report
        .findings
        .iter()
        .any(|f| f.severity == Severity::Error);
    match report.verdict {
        Some(Verdict::Match | Verdict::Unverified) | None if errors => "error",
        Some(verdict) => class(verdict),
        None => "none",
    }
}

fn sentence(context: &Context<'_>) -> String {
    let report = context.report();
    let Some(checked) = context.page.checked else {
        return plain(&table::sentence(report)).into_owned();
    };
    let all = counted(
        checked.expectations.len() as u64,
        "expectation",
        "expectations",
    );
    let (failed, unsure) = (
        checked.count(Outcome::Fail),
        checked.count(Outcome::Inconclusive),
    );
    match checked.verdict {
        Outcome::Pass => format!("✔ all {all} hold"),
        Outcome::Fail if failed == 1 => format!("✖ 1 of {all} does not hold"),
        Outcome::Fail => format!("✖ {} of {all} do not hold", count(failed)),
        Outcome::Inconclusive => format!(
            "? {} of {all} cannot be judged: the capture lacks what would tell",
            count(unsure)
        ),
    }
}

/// What to do about it: the cure of the worst finding, or what would tell more.
fn advice(context: &Context<'_>) -> Markup {
    let report = context.report();
    let worst: Option<(usize, &Finding)> = report
        .findings
        .iter()
        .enumerate()
        .find(|(_, finding)| finding.severity == Severity::Error)
        .or_else(|| {
            let bad = !matches!(report.verdict, Some(Verdict::Match | Verdict::Unverified));
            let warnings = report.findings.iter().enumerate();
            warnings
                .filter(|_| bad)
                .find(|(_, f)| f.severity == Severity::Warning)
        });
    if let Some((place, finding)) = worst.filter(|(_, finding)| !finding.fix.is_empty()) {
        return html! { (plain(&finding.fix)) " " a href={ "#finding-" (place) } { "See " (finding.name) } };
    }
    let blame = context.detailed.first().filter(|(_, image)| {
        matches!(
            image.verdict,
            Verdict::Mismatch | Verdict::Incomplete | Verdict::Inconclusive
        )
    });
    if let Some((_, image)) = blame {
        let blame = image
            .compared
            .as_ref()
            .and_then(|compared| compared.blame.as_ref());
        let why = blame.map(|blame| blame.why.clone());
        let why = why.or_else(|| image.problem.as_ref().map(ToString::to_string));
        return html! {
            "Look at " a href={ "#picture-" (image.id.0) } { "picture " (image.id.0) }
            @if let Some(why) = why { ": " (plain(&why)) "." } @else { "." }
        };
    }
    let capture = words::capture_arguments(report);
    let text = match report.verdict {
        Some(Verdict::Match) => "nothing. Every byte that could be compared is equal.".to_owned(),
        Some(Verdict::Unverified) if report.verification.is_some() => {
            "give the files that are missing with --sent and --received, so that every picture has something to be compared with.".to_owned()
        }
        Some(_) => format!(
            "to know whether they arrived as they were sent: imgnet verify {capture} --sent PATH --received PATH"
        ),
        None => format!(
            "if you know what a port speaks, say it: imgnet analyze {capture} --protocol PORT=FORMAT. If nothing was captured: imgnet doctor"
        ),
    };
    html! { (plain(&text)) }
}

/// When each picture moved, what narrows the page down, and the cards.
pub(super) fn cards(context: &Context<'_>) -> Markup {
    let all = context.report().images.len();
    html! {
        h2 #pictures { "Pictures" @if all > 1 { ", worst first" } }
        @if all == 0 { p.soft { "No picture was found in this capture." } }
        @if all > 1 && context.span > 0 { (time_strip(context)) }
        @if all > 1 { (controls()) }
        ul.cards {
            @for (place, image) in &context.detailed { (card(context, *place, image)) }
        }
    }
}

/// When each picture moved, as a drawing.
pub(super) fn timeline_of(context: &Context<'_>) -> String {
    let report = context.report();
    let bars: Vec<Bar> = report
        .images
        .iter()
        .take(BARS)
        .filter_map(|image| {
            Some(Bar {
                target: if context.is_detailed(image.id) {
                    format!("picture-{}", image.id.0)
                } else {
                    format!("row-{}", image.id.0)
                },
                from: context.since_start(image.started)?,
                to: context.since_start(image.ended)?,
                class: class(image.verdict),
                title: format!(
                    "picture {}: {}, {}",
                    image.id.0,
                    words::name(image.verdict),
                    duration(took(image).unwrap_or(0), true)
                ),
            })
        })
        .collect();
    timeline(context.span, &bars)
}

fn time_strip(context: &Context<'_>) -> Markup {
    let report = context.report();
    let more = report.images.len().saturating_sub(BARS) as u64;
    html! {
        div.figure { div.wide { (PreEscaped(timeline_of(context))) } }
        @if more > 0 { p.small.soft { "The time strip shows the first " (count(BARS as u64)) " pictures; " (count(more)) " more are left out." } }
    }
}

fn controls() -> Markup {
    html! {
        div.controls.js role="group" aria-label="Show only some" {
            label { "Filter " input #filter type="search" placeholder="mismatch, png, 5050, …" autocomplete="off"; }
            label { "from " input #time-from type="range" min="0" max="1000" value="0" aria-label="Earliest time, in thousandths of the capture"; }
            label { "to " input #time-to type="range" min="0" max="1000" value="1000" aria-label="Latest time, in thousandths of the capture"; }
            button #reset type="button" { "Show all" }
            span #shown .soft.small role="status" {}
        }
    }
}

fn card(context: &Context<'_>, place: usize, image: &Image) -> Markup {
    let pointer = |member: &str| format!("/images/{place}/{member}");
    let title = title(context, image);
    let from = context.thousandth(image.started, 0);
    let to = context.thousandth(image.ended, 1000);
    html! {
        li.card.(class(image.verdict)) data-from=(from) data-to=(to) data-text=(search_text(context, image)) {
            header {
                h3 { a href={ "#picture-" (image.id.0) } { (title) } }
                (badge(image.verdict))
            }
            (look(context.page.looks.get(&image.id).and_then(|looks| looks.wire.as_ref()), &format!("{title} as it arrived on the wire")))
            @if let Some(problem) = &image.problem { p.problem { (words::shown(problem)) } }
            (values(image, &pointer))
        }
    }
}

/// What counts of a picture.
pub(super) fn values(image: &Image, pointer: &dyn Fn(&str) -> String) -> Markup {
    let took = took(image);
    let pair = |name: &str, value: Markup| html! { div { dt { (name) } dd { (value) } } };
    html! {
        dl.values {
            (pair("kind", html! { (kind(image)) }))
            (pair("way", html! { (image.from) " → " (image.to) }))
            (pair("wire format", html! { (words::shown(&image.protocol)) }))
            (pair("bytes", html! {
                (number(&pointer("bytes"), image.bytes))
                @if let Some(declared) = image.declared_bytes {
                    @if declared != image.bytes { " of " (number(&pointer("declared_bytes"), declared)) " declared" }
                }
                @if image.gap_bytes > 0 { ", " (number(&pointer("gap_bytes"), image.gap_bytes)) " missing" }
            }))
            (pair("chunks", html! {
                @match &image.chunks {
                    Some(chunks) => { data value=(chunks.len()) data-length=(pointer("chunks")) { (count(chunks.len())) } },
                    None => { "–" },
                }
                @if let Some(size) = image.chunk_size { " of " (number(&pointer("chunk_size"), size)) " bytes" }
            }))
            (pair("packets", html! {
                (number(&pointer("packets"), image.packets))
                @match (image.first_packet, image.last_packet) {
                    (Some(first), Some(last)) if first == last => { ", frame " (number(&pointer("first_packet"), first.0)) },
                    (Some(first), Some(last)) => { ", frames " (number(&pointer("first_packet"), first.0)) "–" (number(&pointer("last_packet"), last.0)) },
                    _ => {},
                }
            }))
            (pair("repeats", html! {
                (number(&pointer("retransmitted_packets"), image.retransmitted_packets))
                @if image.duplicate_bytes > 0 { " (" (number(&pointer("duplicate_bytes"), image.duplicate_bytes)) " bytes)" }
            }))
            (pair("time", html! {
                @if image.packets == 1 { "one packet" } @else { (words::time(took)) }
                @if let Some(rate) = rate(image.bytes.saturating_sub(image.gap_bytes), took) { ", " (rate) }
            }))
        }
    }
}

/// `picture 3 · upload.jpg`.
pub(super) fn title(context: &Context<'_>, image: &Image) -> String {
    match words::picture_name(context.report(), image) {
        Some(name) => format!("picture {} · {name}", image.id.0),
        None => format!("picture {}", image.id.0),
    }
}

/// What the filter looks through.
pub(super) fn search_text(context: &Context<'_>, image: &Image) -> String {
    format!(
        "{} {} {} {} {} {}",
        title(context, image),
        words::name(image.verdict),
        kind(image),
        words::shown(&image.protocol),
        image.from,
        image.to
    )
}

/// A thumbnail, or that there is none.
pub(super) fn look(thumbnail: Option<&Thumbnail>, what: &str) -> Markup {
    html! {
        div.thumb {
            @match thumbnail {
                Some(thumbnail) => {
                    @let alt = match thumbnail.rows {
                        Some((rows, of)) => format!("{what}: {} of {} rows could be decoded", count(rows.into()), count(of.into())),
                        None => what.to_owned(),
                    };
                    img src={ "data:image/jpeg;base64," (base64::encode(&thumbnail.jpeg)) } width=(thumbnail.width) height=(thumbnail.height) alt=(alt);
                },
                None => { span.nothing { "no pixels to show" } },
            }
        }
    }
}

/// A table of the pictures that have no card.
pub(super) fn others(context: &Context<'_>) -> Markup {
    if context.others.is_empty() {
        return html! {};
    }
    let left_out = context.others.len().saturating_sub(OTHERS) as u64;
    html! {
        h2 #others { "The other pictures" }
        p.left-out {
            "The page shows " (count(context.detailed.len() as u64)) " pictures with thumbnail, drawings and chunks: the worst. The other "
            (count(context.others.len() as u64)) " have a row here. All of them, with every chunk: "
            code { "imgnet analyze " (words::capture_arguments(context.report())) " --csv chunks" }
            @if left_out > 0 { ". " (count(left_out)) " have no row, either." }
        }
        // Folded in parts: a browser lays out what is open only, and the page opens at once.
        @for (part, images) in (0_u64..).zip(context.others.get(..context.others.len().min(OTHERS)).unwrap_or_default().chunks(PART)) {
            @let first = part * PART as u64 + 1;
            details {
                summary { (count(first)) " to " (count(first + images.len() as u64 - 1)) " of " (count(context.others.len() as u64)) }
                (rows(context, images))
            }
        }
    }
}

/// A part of the table of pictures that have no card.
fn rows(context: &Context<'_>, images: &[(usize, &Image)]) -> Markup {
    let columns = [
        ("id", "#"),
        ("", "verdict"),
        ("", "kind"),
        ("bytes", "bytes"),
        ("packets", "packets"),
        ("retransmitted_packets", "repeats"),
        ("gap_bytes", "missing"),
        ("first_packet", "first frame"),
        ("last_packet", "last frame"),
    ];
    html! {
        div.scroll.tall tabindex="0" role="region" aria-label="The other pictures" {
            table {
                thead { tr {
                    @for (key, title) in columns {
                        th.n[!key.is_empty()] data-k=[(!key.is_empty()).then_some(key)] scope="col" { (title) }
                    }
                } }
                tbody {
                    @for (place, image) in images {
                        tr id={ "row-" (image.id.0) } data-p={ "/images/" (place) } data-from=(context.thousandth(image.started, 0)) data-to=(context.thousandth(image.ended, 1000)) data-text={ (words::name(image.verdict)) " " (kind(image)) } {
                            td.n { (image.id.0) }
                            td { (words::name(image.verdict)) }
                            td { (kind(image)) }
                            td.n { (count(image.bytes)) }
                            td.n { (count(image.packets)) }
                            td.n { (count(image.retransmitted_packets)) }
                            td.n { (count(image.gap_bytes)) }
                            td.n { @if let Some(frame) = image.first_packet { (count(frame.0)) } @else { "–" } }
                            td.n { @if let Some(frame) = image.last_packet { (count(frame.0)) } @else { "–" } }
                        }
                    }
                }
            }
        }
    }
}
