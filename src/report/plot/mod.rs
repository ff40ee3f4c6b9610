//! Plots as SVG: the one place that knows how a picture's transfer is drawn, for the page and for files alike.
//!
//! Pure: it is given numbers, and returns markup that holds nothing but numbers and escaped text. Colours are classes, so
//! that the page's theme decides them; a plot that stands alone brings its own style.

mod axis;
mod png;
mod sequence;
mod strip;
mod svg;
mod throughput;
mod timeline;

pub(crate) use png::png;
pub(crate) use sequence::{Mark, Sequence, sequence};
pub(crate) use strip::{Cell, CellState, strip};
pub(crate) use throughput::{Throughput, speed, throughput};
pub(crate) use timeline::{Bar, timeline};

use svg::Svg;

/// Which colours a plot or a page has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Theme {
    /// As the reader's system has it.
    #[default]
    Auto,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

/// Colours of the plots, as custom properties of CSS: light and dark.
pub(crate) const LIGHT: &str = "--paper:#fff;--panel:#f6f7f9;--ink:#1b1f24;--soft:#57606a;--line:#d5dae1;--band:#eef1f5;\
    --accent:#0b5cad;--good:#166b31;--bad:#c1121f;--doubt:#8a5a00;--wait:#7a3db8;--data:#0b5cad;--repeat:#c1121f;--gap:#b42318;\
    --ack:#166b31;--window:#9a6700;--good-back:#e6f4ea;--bad-back:#fdeaea;--doubt-back:#fff4db;--wait-back:#f3eafc;--cell1:#9cc3ec;\
    --cell2:#5a98d8;--cell3:#1f66ad";
pub(crate) const DARK: &str = "--paper:#0f1318;--panel:#171c23;--ink:#e6eaf0;--soft:#a3adba;--line:#303945;--band:#1a212a;\
    --accent:#79b8ff;--good:#5bd07f;--bad:#ff8f8a;--doubt:#f0c25a;--wait:#cfa8ff;--data:#79b8ff;--repeat:#ff7b72;--gap:#ff8f8a;\
    --ack:#5bd07f;--window:#e3b341;--good-back:#12291a;--bad-back:#35171a;--doubt-back:#2f2610;--wait-back:#271a38;--cell1:#2b5079;\
    --cell2:#4580bd;--cell3:#8cc2fa";

/// Style of everything that plots are made of.
pub(crate) const STYLE: &str = ".plot{display:block;width:100%;height:auto;font:11px system-ui,sans-serif;overflow:visible}\
    .plot text{fill:var(--soft)}.plot .title{fill:var(--ink);font-weight:600}\
    .plot .frame{fill:var(--paper);stroke:var(--line)}.plot .grid{stroke:var(--line);stroke-dasharray:2 3;fill:none}\
    .plot .band{fill:var(--band)}.plot .clear{fill:var(--paper);fill-opacity:0}\
    .plot a:hover .band,.plot a:focus .band,.plot a:hover .clear,.plot a:focus .clear{fill:var(--accent);fill-opacity:.22}\
    .plot .data{stroke:var(--data);stroke-width:2;fill:none}.plot .again{stroke:var(--repeat);stroke-width:2.4;fill:none}\
    .plot .ack{stroke:var(--ack);stroke-width:1.2;fill:none}.plot .window{stroke:var(--window);stroke-width:1.2;fill:none;stroke-dasharray:5 3}\
    .plot .hatch{stroke:var(--gap);stroke-width:1.4}.plot .gap{stroke:var(--gap);stroke-width:.8}\
    .plot .bar{fill:var(--data)}.plot .bar2{fill:var(--repeat)}\
    .plot .c0{fill:var(--cell1)}.plot .c1{fill:var(--cell2)}.plot .c2{fill:var(--cell3)}.plot .late{fill:var(--window)}\
    .plot .repeated{fill:var(--repeat)}.plot .none{fill:var(--paper);stroke:var(--gap)}\
    .plot .match{fill:var(--good)}.plot .unverified{fill:var(--accent)}.plot .mismatch,.plot .incomplete{fill:var(--bad)}\
    .plot .inconclusive{fill:var(--doubt)}\
    .plot a{outline:none}.plot a:focus-visible rect{stroke:var(--ink);stroke-width:2}";

/// A plot as a file of its own, with its colours.
pub(crate) fn alone(svg: &str, theme: Theme) -> String {
    let colours = match theme {
        Theme::Light => format!("svg{{{LIGHT}}}"),
        Theme::Dark => format!("svg{{{DARK}}}"),
        Theme::Auto => format!("svg{{{LIGHT}}}@media(prefers-color-scheme:dark){{svg{{{DARK}}}}}"),
    };
    let ground = ".plot{background:var(--paper)}";
    svg.replacen(
        '>',
        &format!(" xmlns=\"http://www.w3.org/2000/svg\"><style>{colours}{STYLE}{ground}</style>"),
        1,
    )
}

/// A count as a number to draw with: a plot has no use for more than 52 bits.
#[expect(
    clippy::cast_precision_loss,
    reason = "a place in a drawing, at most some thousand wide"
)]
fn real(number: u64) -> f64 {
    number as f64
}

/// A time in nanoseconds as a number to draw with.
#[expect(
    clippy::cast_precision_loss,
    reason = "a place in a drawing, at most some thousand wide"
)]
fn real_time(nanoseconds: i64) -> f64 {
    nanoseconds as f64
}
