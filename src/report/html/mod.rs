//! The page: one self-contained HTML file for those who would rather look than read.
//!
//! First what the reader asked (did it arrive?), what to do about it, and a card a picture, worst first; then each picture
//! with its drawings; then the run. Pure: thumbnails, packets and digests of the inputs are given. It computes nothing that
//! the JSON has: numbers carry a pointer into it (`data-p`), by which a test reads them back.
//!
//! **Law:** nothing from a capture becomes markup. All text goes through maud, which escapes it, and through
//! [`text::plain`](super::text::plain), which takes what would reorder or hide it; the policy in the page allows the one
//! style and the one script that are in it, by their digests, and no request to anywhere.

mod base64;
mod cards;
mod findings;
mod ladder;
mod picture;
mod run;
#[cfg(test)]
mod tests;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

pub(crate) use words::quoted;

use crate::expect::Checked;
use crate::findings::Severity;
use crate::ledger::trace::Traces;
use crate::ledger::{Image, Verdict};
use crate::report::model::Report;
use crate::report::plot::{self, Theme};
use crate::units::{PictureId, Timestamp};
pub(crate) use crate::verify::thumbnail::Thumbnail;

/// Most pictures that are shown with all there is to see of them.
pub(crate) const DETAILED: usize = 100;

/// What a page is made of.
#[derive(Debug)]
pub(crate) struct Page<'p> {
    /// What was found.
    pub report: &'p Report,
    /// What came of expectations; absent where there were none.
    pub checked: Option<&'p Checked>,
    /// What the pictures look like, as far as they are shown: those that [`detailed`] names.
    pub looks: BTreeMap<PictureId, Looks>,
    /// The packets of the streams.
    pub traces: &'p Traces,
    /// How it was made.
    pub made: &'p Made,
    /// Colours.
    pub theme: Theme,
}

/// How a picture looks, on its way and at both ends.
#[derive(Debug, Clone, Default)]
pub(crate) struct Looks {
    /// As it arrived on the wire; absent where it has no pixels to show.
    pub wire: Option<Thumbnail>,
    /// The file sent; absent unless it differs from another of the three.
    pub sent: Option<Thumbnail>,
    /// The file received; absent unless it differs from another of the three.
    pub received: Option<Thumbnail>,
}

/// How a report was made.
#[derive(Debug, Clone, Default)]
pub(crate) struct Made {
    /// The command, as it can be typed again.
    pub command: String,
    /// What was read, in order.
    pub inputs: Vec<Input>,
}

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Input {
    /// What it is to the command: `capture`, `--sent`, `--expect`.
    pub role: &'static str,
    /// Its path, as given.
    pub path: String,
    /// Its length; absent for a pipe.
    pub bytes: Option<u64>,
    /// Its SHA-256; absent for a pipe and for a folder.
    pub sha256: Option<String>,
}

/// The pictures that are shown with all there is to see of them, the worst first.
pub(crate) fn detailed(report: &Report) -> Vec<PictureId> {
    let mut order = ordered(report);
    order.truncate(DETAILED);
    order.into_iter().map(|(_, image)| image.id).collect()
}

/// All pictures with their place in the report, the worst first.
fn ordered(report: &Report) -> Vec<(usize, &Image)> {
    let troubled: BTreeSet<PictureId> = report
        .findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .filter_map(|finding| finding.image)
        .collect();
    let mut order: Vec<(usize, &Image)> = report.images.iter().enumerate().collect();
    order.sort_by_key(|(place, image)| {
        (
            std::cmp::Reverse(image.verdict),
            !troubled.contains(&image.id),
            *place,
        )
    });
    order
}

/// Side of a thumbnail in pixels at most, by how many pictures there are: the page has to stay small.
pub(crate) fn thumbnail_side(pictures: usize) -> u32 {
    Budget::of(pictures).thumbnail
}

/// How much is drawn of each picture.
#[derive(Debug, Clone, Copy)]
struct Budget {
    thumbnail: u32,
    /// Strokes of a time-sequence graph.
    marks: usize,
    /// Cells of a chunk strip.
    cells: usize,
    /// Rows of a chunk table.
    rows: usize,
    /// Steps of a ladder.
    steps: usize,
    /// Chunks that are told apart in a time-sequence graph.
    bands: u64,
}

impl Budget {
    fn of(pictures: usize) -> Self {
        match pictures {
            0..=4 => Self {
                thumbnail: 400,
                marks: 1500,
                cells: 1800,
                rows: 1000,
                steps: 160,
                bands: 60,
            },
            5..=20 => Self {
                thumbnail: 280,
                marks: 400,
                cells: 300,
                rows: 150,
                steps: 50,
                bands: 30,
            },
            _ => Self {
                thumbnail: 200,
                marks: 120,
                cells: 60,
                rows: 30,
                steps: 24,
                bands: 12,
            },
        }
    }
}

/// What every part of the page needs.
struct Context<'p> {
    page: &'p Page<'p>,
    budget: Budget,
    /// When the first frame was captured, and how long all of it took in nanoseconds.
    start: Option<Timestamp>,
    span: i64,
    /// Pictures with a section of their own.
    detailed: Vec<(usize, &'p Image)>,
    /// The other pictures, the worst first.
    others: Vec<(usize, &'p Image)>,
}

impl<'p> Context<'p> {
    fn new(page: &'p Page<'p>) -> Self {
        let report = page.report;
        let start = report.streams.iter().filter_map(|s| s.started).min();
        let end = report.streams.iter().filter_map(|s| s.ended).max();
        let mut detailed = ordered(report);
        let others = detailed.split_off(detailed.len().min(DETAILED));
        Self {
            page,
            budget: Budget::of(detailed.len()),
            start,
            span: start
                .zip(end)
                .map_or(0, |(start, end)| end.since(start).max(0)),
            detailed,
            others,
        }
    }

    fn report(&self) -> &'p Report {
        self.page.report
    }

    /// A moment in nanoseconds since the first frame.
    fn since_start(&self, time: Option<Timestamp>) -> Option<i64> {
        Some(time?.since(self.start?))
    }

    /// A time in thousandths of the run, for the filter.
    fn thousandth(&self, time: Option<Timestamp>, absent: i64) -> i64 {
        match self.since_start(time) {
            Some(since) if self.span > 0 => {
                let part = i128::from(since) * 1000 / i128::from(self.span);
                i64::try_from(part.clamp(0, 1000)).unwrap_or(absent)
            }
            _ => absent,
        }
    }

    fn is_detailed(&self, id: PictureId) -> bool {
        self.detailed.iter().any(|(_, image)| image.id == id)
    }
}

const CSS: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// Writes the page.
///
/// # Errors
/// Those of `out`.
pub(crate) fn render(page: &Page<'_>, out: &mut impl Write) -> io::Result<()> {
    let context = Context::new(page);
    out.write_all(document(&context).into_string().as_bytes())
}

/// A drawing as a file of its own.
#[derive(Debug)]
pub(crate) struct Drawing {
    /// What its files are called, without an ending.
    pub name: String,
    theme: Theme,
    svg: String,
}

impl Drawing {
    /// As SVG, with its colours.
    pub(crate) fn svg(&self) -> String {
        plot::alone(&self.svg, self.theme)
    }

    /// As PNG, twice as large; light where the theme is the reader's.
    pub(crate) fn png(&self) -> Option<Vec<u8>> {
        plot::png(&self.svg, self.theme)
    }
}

/// The drawings as files of their own. Of the pictures that [`detailed`] names, with more strokes and cells than the page has room
/// for.
pub(crate) fn plots(page: &Page<'_>) -> Vec<Drawing> {
    let mut context = Context::new(page);
    context.budget = Budget::of(1);
    let mut files = Vec::new();
    let mut add = |name: String, svg: Option<String>| {
        files.extend(svg.map(|svg| Drawing {
            name,
            theme: page.theme,
            svg,
        }));
    };
    if context.span > 0 && !page.report.images.is_empty() {
        add("pictures".to_owned(), Some(cards::timeline_of(&context)));
    }
    for (_, image) in &context.detailed {
        let [sequence, chunks, throughput] = picture::plots(&context, image);
        let name = |what| format!("picture-{}-{what}", image.id.0);
        add(name("sequence"), sequence);
        add(name("chunks"), chunks);
        add(name("throughput"), throughput);
    }
    files
}

fn style(theme: Theme) -> String {
    let (light, dark) = (plot::LIGHT, plot::DARK);
    let colours = match theme {
        Theme::Light => format!(":root{{color-scheme:light;{light}}}"),
        Theme::Dark => format!(":root{{color-scheme:dark;{dark}}}"),
        Theme::Auto => format!(
            ":root{{color-scheme:light dark;{light}}}@media(prefers-color-scheme:dark){{:root{{{dark}}}}}"
        ),
    };
    // Paper is light, whatever the screen is.
    format!(
        "{colours}@media print{{:root{{color-scheme:light;{light}}}}}{}{CSS}",
        plot::STYLE
    )
}

/// What the browser may do with the page: apply this style, run this script, show pictures that are in the page.
fn policy(style: &str) -> String {
    let digest = |text: &str| base64::encode(&Sha256::digest(text.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; img-src data:; base-uri 'none'; form-action 'none'",
        digest(style),
        digest(SCRIPT)
    )
}

fn document(context: &Context<'_>) -> Markup {
    let style = style(context.page.theme);
    let files = words::files(context.report());
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy(&style));
                meta name="viewport" content="width=device-width,initial-scale=1";
                meta name="referrer" content="no-referrer";
                meta name="generator" content={ "imgnet " (env!("CARGO_PKG_VERSION")) };
                title { (words::verdict_word(context)) " · " (files) " · imgnet" }
                style { (PreEscaped(style)) }
            }
            body {
                a.skip href="#pictures" { "Skip to the pictures" }
                nav.bar aria-label="Page" {
                    div.top {
                        b { "imgnet" }
                        a href="#verdict" { "Verdict" }
                        a href="#pictures" { "Pictures" }
                        @if !context.report().findings.is_empty() { a href="#findings" { "Findings" } }
                        @if context.page.checked.is_some() { a href="#expectations" { "Expectations" } }
                        a href="#run" { "The run" }
                        span.files title=(files) { (files) }
                    }
                }
                main.many[context.detailed.len() > 20] {
                    (cards::verdict(context))
                    (cards::cards(context))
                    @for (place, image) in &context.detailed {
                        (picture::section(context, *place, image))
                    }
                    (cards::others(context))
                    (findings::section(context))
                    (run::expectations(context))
                    (run::section(context))
                }
                footer { (run::made(context)) }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
}

/// The class that gives a verdict its colour.
fn class(verdict: Verdict) -> &'static str {
    words::name(verdict)
}
