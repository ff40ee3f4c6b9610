//! Words and numbers of the page.

use std::borrow::Cow;

use maud::{Markup, html};

use super::Context;
use crate::expect::Outcome;
use crate::ledger::{Image, Verdict};
use crate::picture::Format;
use crate::report::model::Report;
use crate::report::table;
use crate::report::text::{self, count, duration};
use crate::units::{FrameNumber, Timestamp};

/// Anything that has a name, as [`plain`] text.
pub(super) fn shown(thing: &dyn std::fmt::Display) -> String {
    plain(&thing.to_string()).into_owned()
}

/// Text that may come from a network or a file name, with what would reorder or hide it escaped.
pub(super) fn plain(text: &str) -> Cow<'_, str> {
    text::plain(text, true)
}

/// A number of the JSON, found there by `pointer` (RFC 6901).
pub(super) fn number(pointer: &str, number: u64) -> Markup {
    html! { data value=(number) data-p=(pointer) { (count(number)) } }
}

/// The verdict's name, as in the JSON.
pub(super) fn name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Match => "match",
        Verdict::Unverified => "unverified",
        Verdict::Inconclusive => "inconclusive",
        Verdict::Incomplete => "incomplete",
        Verdict::Mismatch => "mismatch",
    }
}

/// A verdict as a coloured word with a sign, for those who see no colours.
pub(super) fn badge(verdict: Verdict) -> Markup {
    let sign = match verdict {
        Verdict::Match => "✔",
        Verdict::Unverified => "–",
        Verdict::Inconclusive => "?",
        Verdict::Incomplete | Verdict::Mismatch => "✖",
    };
    html! { span.badge.(name(verdict)) { (sign) " " (name(verdict)) } }
}

/// The run's verdict in one word.
pub(super) fn verdict_word(context: &Context<'_>) -> &'static str {
    match context.page.checked.map(|checked| checked.verdict) {
        Some(Outcome::Pass) => "all expectations hold",
        Some(Outcome::Fail) => "expectations do not hold",
        Some(Outcome::Inconclusive) => "expectations inconclusive",
        None => context.report().verdict.map_or("no picture", name),
    }
}

/// The captures, in few words.
pub(super) fn files(report: &Report) -> String {
    plain(&text::files(report)).into_owned()
}

/// The capture as an argument of a command.
pub(super) fn capture_arguments(report: &Report) -> String {
    let paths: Vec<String> = report.captures.iter().map(|c| quoted(&c.path)).collect();
    plain(&paths.join(" ")).into_owned()
}

/// A word as a shell takes it for one.
pub(crate) fn quoted(word: &str) -> String {
    let harmless = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
    if !word.is_empty() && word.chars().all(harmless) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// What a person calls a picture: its file, or what was asked for; absent where it has no name.
pub(super) fn picture_name(report: &Report, image: &Image) -> Option<String> {
    table::picture_name(report, image).map(|name| plain(&name).into_owned())
}

/// What a picture is: `JPEG 320×240`.
pub(super) fn kind(image: &Image) -> String {
    let mut kind = match image.format {
        Some(Format::WebP) => "WebP".to_owned(),
        Some(format) => format.to_string(),
        None if image.is_raw_pixels() => "raw pixels".to_owned(),
        None => "no known picture format".to_owned(),
    };
    if let (Some(width), Some(height)) = (image.width, image.height) {
        kind.extend([format!(" {width}×{height}")]);
    }
    kind
}

/// How long a picture took, in nanoseconds.
pub(super) fn took(image: &Image) -> Option<i64> {
    Some(image.ended?.since(image.started?))
}

/// How long, as text with the exact number beside it.
pub(super) fn time(nanoseconds: Option<i64>) -> Markup {
    html! {
        @if let Some(ns) = nanoseconds {
            span title={ (count(ns.unsigned_abs())) " ns" } { (duration(ns, true)) }
        } @else {
            span title="unknown" { "–" }
        }
    }
}

/// A moment since the first frame, with the time of day beside it.
pub(super) fn moment(context: &Context<'_>, time: Option<Timestamp>) -> Markup {
    html! {
        @if let (Some(since), Some(time)) = (context.since_start(time), time) {
            span title=(time) { (offset_time(since)) }
        } @else {
            span title="unknown" { "–" }
        }
    }
}

/// Seconds since something, to the microsecond.
pub(super) fn offset_time(nanoseconds: i64) -> String {
    let sign = if nanoseconds < 0 { "−" } else { "" };
    let micro = nanoseconds.unsigned_abs() / 1000;
    format!("{sign}{}.{:06} s", micro / 1_000_000, micro % 1_000_000)
}

/// Bytes in a second; absent where the time is unknown, or none.
pub(super) fn rate(bytes: u64, nanoseconds: Option<i64>) -> Option<String> {
    let ns = u128::try_from(nanoseconds?).ok().filter(|ns| *ns > 0)?;
    let rate = u128::from(bytes) * 1_000_000_000 / ns;
    Some(crate::report::plot::speed(u64::try_from(rate).ok()?))
}

/// Frames as a person reads them, which a test finds again by `pointer`.
pub(super) fn frames(pointer: &str, frames: &[FrameNumber]) -> Markup {
    html! { @if let Some(words) = text::frames(frames, true) { span data-frames=(pointer) { (words) } } }
}

/// Bytes from and to, in picture or stream offsets: `1,024–2,047`.
pub(super) fn byte_range(from: u64, to: u64) -> String {
    if to.saturating_sub(from) <= 1 {
        count(from)
    } else {
        format!("{}–{}", count(from), count(to - 1))
    }
}
