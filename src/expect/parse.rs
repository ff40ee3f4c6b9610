//! TOML → [`Expectations`]. Goes over the parsed document itself rather than through serde, so that every value
//! knows its line and all mistakes of a file are told at once.

use std::ops::Range;

use serde::Deserialize as _;
use serde::de::IntoDeserializer as _;
use serde::de::value::StrDeserializer;
use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use super::pictures::{self, PICTURE_KEYS};
use super::place::{Mistakes, Source, suggestion};
use super::{At, Bounds, Expectations, FILE_SCHEMA, FindingPattern, RunExpectations};
use crate::ledger::Verdict;

pub(super) const TOP_KEYS: &[&str] = &["schema", "run", "picture"];
pub(super) const RUN_KEYS: &[&str] = &[
    "verdict",
    "pictures",
    "extra_pictures",
    "streams",
    "packets",
    "wire_bytes",
    "image_bytes",
    "payload_bytes",
    "framing_bytes",
    "answer_bytes",
    "stray_bytes",
    "max_duration",
    "deny",
    "require",
];
const VERDICTS: &str = "match, unverified, inconclusive, incomplete or mismatch";
/// More pictures than anybody describes.
const MOST_PICTURES: usize = 100_000;

/// Reads a file of expectations.
///
/// # Errors
/// [`Mistakes`]: all of them where the text is TOML, else the first.
pub fn parse(text: &str) -> Result<Expectations, Mistakes> {
    let mut source = Source::new(text);
    let document = match DeTable::parse(text) {
        Ok(document) => document,
        Err(error) => {
            let message = format!("not TOML: {}", error.message().trim().replace('\n', ", "));
            source.mistake(error.span().unwrap_or(0..0), message);
            return source.finish(Expectations::default());
        }
    };
    let mut expectations = Expectations::default();
    for (key, value) in document.get_ref() {
        match key.get_ref().as_ref() {
            "schema" => schema(&mut source, value),
            "run" => {
                if let Some(table) = table(&mut source, value, "[run]") {
                    run(&mut source, table, &mut expectations.run);
                }
            }
            "picture" => {
                let Some(tables) = value.get_ref().as_array() else {
                    let message = format!(
                        "`picture` is {}, where a list of tables is expected: write [[picture]], with two \
                         brackets, once for each",
                        kind(value.get_ref())
                    );
                    source.mistake(value.span(), message);
                    continue;
                };
                expectations.pictures =
                    pictures::read(&mut source, tables.iter().take(MOST_PICTURES));
            }
            name if (PICTURE_KEYS.contains(&name) || RUN_KEYS.contains(&name))
                && !value.get_ref().is_table() =>
            {
                let table = if RUN_KEYS.contains(&name) {
                    "[run]"
                } else {
                    "[[picture]]"
                };
                source.mistake(key.span(), format!("`{name}` belongs below {table}"));
            }
            _ => unknown(&mut source, key, "at the top", TOP_KEYS),
        }
    }
    if expectations == Expectations::default() && source.is_right() {
        let message = "nothing is expected: write [run] or [[picture]] with something in it, or let --record FILE \
                       write them";
        source.mistake(0..0, message.to_owned());
    }
    source.finish(expectations)
}

fn schema(source: &mut Source<'_>, value: &Spanned<DeValue<'_>>) {
    if value.get_ref().as_str() != Some(FILE_SCHEMA) {
        let message = format!("only schema = \"{FILE_SCHEMA}\" is known to this imgnet");
        source.mistake(value.span(), message);
    }
}

fn run(source: &mut Source<'_>, table: &DeTable<'_>, into: &mut RunExpectations) {
    for (key, value) in table {
        let line = source.line(key.span().start);
        match key.get_ref().as_ref() {
            "verdict" => into.verdict = verdicts(source, line, value),
            "pictures" => into.pictures = bounds(source, line, value),
            "extra_pictures" => into.extra_pictures = bounds(source, line, value),
            "streams" => into.streams = bounds(source, line, value),
            "packets" => into.packets = bounds(source, line, value),
            "wire_bytes" => into.wire_bytes = bounds(source, line, value),
            "image_bytes" => into.image_bytes = bounds(source, line, value),
            "payload_bytes" => into.payload_bytes = bounds(source, line, value),
            "framing_bytes" => into.framing_bytes = bounds(source, line, value),
            "answer_bytes" => into.answer_bytes = bounds(source, line, value),
            "stray_bytes" => into.stray_bytes = bounds(source, line, value),
            "max_duration" => into.max_duration = duration(source, line, value),
            "deny" => into.deny = findings(source, value),
            "require" => into.require = findings(source, value),
            name if PICTURE_KEYS.contains(&name) => {
                source.mistake(key.span(), format!("`{name}` belongs below [[picture]]"));
            }
            _ => unknown(source, key, "in [run]", RUN_KEYS),
        }
    }
    for both in &into.require {
        if into.deny.iter().any(|denied| denied.value == both.value) {
            let message = format!("`{}` is both required and denied", both.value);
            source.mistake(table_value_span(table, "require"), message);
        }
    }
}

fn table_value_span(table: &DeTable<'_>, key: &str) -> Range<usize> {
    table.get(key).map_or(0..0, Spanned::span)
}

/// What kind of value it is, with its article.
fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a point",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// Says that a value is of the wrong kind.
pub(super) fn wrong(source: &mut Source<'_>, value: &Spanned<DeValue<'_>>, expected: &str) {
    let message = format!(
        "this is {}, where {expected} is expected",
        kind(value.get_ref())
    );
    source.mistake(value.span(), message);
}

/// Says that a key is not known there.
pub(super) fn unknown(
    source: &mut Source<'_>,
    key: &Spanned<std::borrow::Cow<'_, str>>,
    place: &str,
    known: &[&str],
) {
    let name = key.get_ref();
    let message = format!("unknown key `{name}` {place}; {}", suggestion(name, known));
    source.mistake(key.span(), message);
}

pub(super) fn table<'d, 't>(
    source: &mut Source<'_>,
    value: &'d Spanned<DeValue<'t>>,
    what: &str,
) -> Option<&'d DeTable<'t>> {
    let table = value.get_ref().as_table();
    if table.is_none() {
        wrong(source, value, &format!("the table {what}"));
    }
    table
}

pub(super) fn text<'d>(
    source: &mut Source<'_>,
    value: &'d Spanned<DeValue<'_>>,
    expected: &str,
) -> Option<&'d str> {
    let text = value.get_ref().as_str();
    if text.is_none() {
        wrong(source, value, expected);
    }
    text
}

pub(super) fn flag(
    source: &mut Source<'_>,
    line: usize,
    value: &Spanned<DeValue<'_>>,
) -> Option<At<bool>> {
    let Some(flag) = value.get_ref().as_bool() else {
        wrong(source, value, "true or false");
        return None;
    };
    Some(At { value: flag, line })
}

/// A whole number that is not negative; says what is wrong with it otherwise.
fn integer(integer: &DeInteger<'_>) -> Result<u64, &'static str> {
    let digits = integer.as_str();
    if digits.starts_with('-') && digits.bytes().any(|digit| matches!(digit, b'1'..=b'9')) {
        return Err("a number below 0 never comes");
    }
    let digits = digits.trim_start_matches(['+', '-']);
    u64::from_str_radix(digits, integer.radix()).map_err(|_| "this is more than can be counted")
}

pub(super) fn number(source: &mut Source<'_>, value: &Spanned<DeValue<'_>>) -> Option<u64> {
    let Some(digits) = value.get_ref().as_integer() else {
        wrong(source, value, "a whole number");
        return None;
    };
    match integer(digits) {
        Ok(number) => Some(number),
        Err(message) => {
            source.mistake(value.span(), message.to_owned());
            None
        }
    }
}

pub(super) fn bounds(
    source: &mut Source<'_>,
    line: usize,
    value: &Spanned<DeValue<'_>>,
) -> Option<At<Bounds>> {
    let read = match value.get_ref() {
        DeValue::Integer(digits) => integer(digits).map(Bounds::only).map_err(str::to_owned),
        DeValue::String(text) => text.parse().map_err(|error| format!("{error}")),
        DeValue::Table(table) => return least_and_most(source, line, value.span(), table),
        _ => {
            let expected = "a number, a range such as \"3..=7\", or { min = 3, max = 7 }";
            wrong(source, value, expected);
            return None;
        }
    };
    match read {
        Ok(value) => Some(At { value, line }),
        Err(message) => {
            source.mistake(value.span(), message);
            None
        }
    }
}

fn least_and_most(
    source: &mut Source<'_>,
    line: usize,
    span: Range<usize>,
    table: &DeTable<'_>,
) -> Option<At<Bounds>> {
    let (mut min, mut max) = (None, None);
    for (key, value) in table {
        match key.get_ref().as_ref() {
            "min" => min = Some(number(source, value)?),
            "max" => max = Some(number(source, value)?),
            _ => {
                unknown(source, key, "in a range", &["min", "max"]);
                return None;
            }
        }
    }
    if min.is_none() && max.is_none() {
        source.mistake(
            span,
            "an empty range; write { min = 3, max = 7 } or one of them".to_owned(),
        );
        return None;
    }
    match Bounds::between(min.unwrap_or(0), max) {
        Ok(value) => Some(At { value, line }),
        Err(error) => {
            source.mistake(span, error.to_string());
            None
        }
    }
}

/// Nanoseconds from `"250 ms"`, `"2s"`, `"1.5 min"`.
pub(super) fn duration(
    source: &mut Source<'_>,
    line: usize,
    value: &Spanned<DeValue<'_>>,
) -> Option<At<i64>> {
    let Some(text) = value.get_ref().as_str() else {
        wrong(
            source,
            value,
            "a time with its unit, such as \"250 ms\" or \"2 s\",",
        );
        return None;
    };
    let nanoseconds = nanoseconds(text);
    if nanoseconds.is_none() {
        let message = format!(
            "{text:?} is no time; write a number and its unit: \"250 ms\", \"2 s\", \"1.5 min\" (ns, us, ms, s, min, h)"
        );
        source.mistake(value.span(), message);
    }
    nanoseconds.map(|value| At { value, line })
}

fn nanoseconds(text: &str) -> Option<i64> {
    let text = text.trim();
    let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (digits, unit) = text.split_at_checked(unit_at)?;
    let unit: i64 = match unit.trim_start() {
        "ns" => 1,
        "us" | "µs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "min" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    // Whole numbers all the way: nothing is rounded that need not be.
    let whole = whole.parse::<i64>().ok()?.checked_mul(unit)?;
    if part.is_empty() || part.len() > 9 {
        return None;
    }
    let scale = 10_i64.checked_pow(u32::try_from(part.len()).ok()?)?;
    let part = i128::from(part.parse::<i64>().ok()?) * i128::from(unit) / i128::from(scale);
    whole.checked_add(i64::try_from(part).ok()?)
}

pub(super) fn verdicts(
    source: &mut Source<'_>,
    line: usize,
    value: &Spanned<DeValue<'_>>,
) -> Option<At<Vec<Verdict>>> {
    let mut verdicts = Vec::new();
    for value in one_or_many(value) {
        let text = text(source, value, &format!("a verdict ({VERDICTS})"))?;
        let read: StrDeserializer<'_, serde::de::value::Error> = text.into_deserializer();
        if let Ok(verdict) = Verdict::deserialize(read) {
            verdicts.push(verdict);
        } else {
            let message = format!("{text:?} is no verdict; write {VERDICTS}");
            source.mistake(value.span(), message);
        }
    }
    if one_or_many(value).is_empty() {
        source.mistake(
            value.span(),
            format!("no verdict is named; write {VERDICTS}"),
        );
        return None;
    }
    Some(At {
        value: verdicts,
        line,
    })
}

fn findings(source: &mut Source<'_>, value: &Spanned<DeValue<'_>>) -> Vec<At<FindingPattern>> {
    let mut patterns: Vec<At<FindingPattern>> = Vec::new();
    for value in one_or_many(value) {
        let expected =
            "the name of a finding such as \"retransmission\", or \"error\" or \"warning\",";
        let Some(name) = text(source, value, expected) else {
            continue;
        };
        match FindingPattern::read(name) {
            Ok(pattern) if patterns.iter().any(|known| known.value == pattern) => {
                source.mistake(value.span(), format!("{name:?} stands here twice"));
            }
            Ok(pattern) => patterns.push(At {
                value: pattern,
                line: source.line(value.span().start),
            }),
            Err(message) => source.mistake(value.span(), message),
        }
    }
    patterns
}

/// The members of a list, or the value itself where it is none.
fn one_or_many<'d, 't>(value: &'d Spanned<DeValue<'t>>) -> Vec<&'d Spanned<DeValue<'t>>> {
    match value.get_ref().as_array() {
        Some(many) => many.iter().collect(),
        None => vec![value],
    }
}
