//! Newtypes for the numbers that imgnet counts, so that a frame number is never taken for an offset.
//!
//! This room holds plain values only: it knows nothing of packets, files or pictures.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

/// Number of a captured frame, from 1, as Wireshark's `frame.number`; 0, the default, is that of none.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct FrameNumber(pub u64);

impl fmt::Display for FrameNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Ascending frames in words, neighbours joined by `to` where they are three or more, and whether it is one frame alone: `44–46,
/// 54`. Absent where there is none.
pub fn listed(frames: &[FrameNumber], to: &str) -> Option<(String, bool)> {
    use fmt::Write as _;
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for frame in frames {
        match runs.last_mut() {
            Some((_, end)) if frame.0 == *end || Some(frame.0) == end.checked_add(1) => {
                *end = frame.0;
            }
            _ => runs.push((frame.0, frame.0)),
        }
    }
    let mut text = String::new();
    for (index, (start, end)) in runs.iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        // Writing to a string does not fail.
        let _ = match end - start {
            0 => write!(text, "{comma}{start}"),
            1 => write!(text, "{comma}{start}, {end}"),
            _ => write!(text, "{comma}{start}{to}{end}"),
        };
    }
    let (first, last) = (runs.first()?, runs.last()?);
    Some((text, first.0 == last.1))
}

/// Offset in one direction's byte stream, in bytes from 0: 0 is the first byte after the SYN, or the
/// first byte captured where the SYN was not.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct StreamOffset(pub u64);

impl fmt::Display for StreamOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Index of a chunk within its picture, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChunkIndex(pub u64);

/// Number of a stream, from 0, in order of first frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StreamId(pub u32);

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Number of a picture, from 0, in order of first frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PictureId(pub u32);

/// A half-open range of bytes: of a stream, of a picture or of a file, as the owner says.
pub type ByteRange = Range<u64>;

/// A moment in nanoseconds since 1970-01-01T00:00:00 UTC; covers the years 1677 to 2262.
///
/// Rendered and serialised as RFC 3339 in UTC with nine decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

/// A time that may be absent, in the room of one: no frame is captured at the lowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Time(i64);

impl Default for Time {
    fn default() -> Self {
        Self(i64::MIN)
    }
}

impl Time {
    #[inline]
    pub(crate) fn of(time: Option<Timestamp>) -> Self {
        time.map_or_else(Self::default, |time| Self(time.0))
    }

    #[inline]
    pub(crate) fn get(self) -> Option<Timestamp> {
        (self != Self::default()).then_some(Timestamp(self.0))
    }
}

impl Timestamp {
    /// Nanoseconds from `earlier` to `self`; negative where the clock stepped back.
    pub fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl Timestamp {
    /// RFC 3339 in UTC with nine decimals. Written by hand: a report has two moments in each of a million rows.
    fn rfc_3339(self) -> [u8; 30] {
        let nanoseconds = self.0.rem_euclid(1_000_000_000);
        let seconds = self.0.div_euclid(1_000_000_000);
        let (day, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        // Days since 0000-03-01 of the proleptic Gregorian calendar, in eras of 400 years: a year begins in
        // March, so that the leap day is its last. No moment that fits lies before 1677.
        let day = day + 719_468;
        let (era, day) = (day / 146_097, day % 146_097);
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let day = day - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        let year = era * 400 + year + i64::from(month <= 2);

        let mut text = *b"0000-00-00T00:00:00.000000000Z";
        let [
            y0,
            y1,
            y2,
            y3,
            _,
            m0,
            m1,
            _,
            d0,
            d1,
            _,
            h0,
            h1,
            _,
            i0,
            i1,
            _,
            s0,
            s1,
            _,
            decimals @ ..,
            _,
        ] = &mut text;
        digits([y0, y1, y2, y3], year);
        digits([m0, m1], month);
        digits([d0, d1], day);
        digits([h0, h1], second / 3_600);
        digits([i0, i1], second / 60 % 60);
        digits([s0, s1], second % 60);
        digits(decimals.each_mut(), nanoseconds);
        text
    }
}

/// Writes a number's last decimal digits.
fn digits<const N: usize>(places: [&mut u8; N], number: i64) {
    let mut number = u32::try_from(number).unwrap_or_default();
    for place in places.into_iter().rev() {
        *place = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.rfc_3339()).unwrap_or_default())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(std::str::from_utf8(&self.rfc_3339()).unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time: jiff::Timestamp = text.parse().map_err(serde::de::Error::custom)?;
        i64::try_from(time.as_nanosecond())
            .map(Self)
            .map_err(serde::de::Error::custom)
    }
}

/// A number with thousands separators: `12,088`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number and its noun: `1 frame`, `62 frames`.
pub fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// Nanoseconds as a person says them: `340 µs`, `2.55 s`; negative where a clock stepped back.
pub fn duration(nanoseconds: i64, unicode: bool) -> String {
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let ns = nanoseconds.unsigned_abs();
    // Three significant digits, in integers: `value` hundredths of the unit.
    let hundredths = |unit: u64| {
        let (whole, part) = (ns / unit, ns % unit * 100 / unit);
        match whole {
            0..10 => format!("{whole}.{part:02}"),
            10..100 => format!("{whole}.{}", part / 10),
            _ => count(whole),
        }
    };
    let micro = if unicode { "µs" } else { "us" };
    match ns {
        0..1_000 => format!("{sign}{ns} ns"),
        1_000..1_000_000 => format!("{sign}{} {micro}", hundredths(1_000)),
        1_000_000..1_000_000_000 => format!("{sign}{} ms", hundredths(1_000_000)),
        _ => format!("{sign}{} s", hundredths(1_000_000_000)),
    }
}

/// The number that bytes are, the most significant first or last; of more than eight the last eight that are read count.
pub(crate) fn number(bytes: &[u8], big_endian: bool) -> u64 {
    let [big, little] = numbers(bytes);
    if big_endian { big } else { little }
}

/// The numbers that bytes are in either order: the most significant first, and last.
pub(crate) fn numbers(bytes: &[u8]) -> [u64; 2] {
    let fold = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
    [bytes.iter().fold(0, fold), bytes.iter().rev().fold(0, fold)]
}

/// The whole numbers that eight bytes are as a double (IEEE 754), in either order.
pub(crate) fn doubles(bytes: &[u8]) -> impl Iterator<Item = u64> {
    /// Every whole number up to it is a double of its own.
    const MOST: f64 = 9_007_199_254_740_992.0;
    let of = |value: f64| {
        let whole = value.fract() == 0.0 && (1.0..=MOST).contains(&value);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "whole, and within what was just compared"
        )]
        whole.then_some(value as u64)
    };
    let both = bytes
        .try_into()
        .ok()
        .map(|bytes| [f64::from_be_bytes(bytes), f64::from_le_bytes(bytes)]);
    both.into_iter().flatten().filter_map(of)
}

/// Whether a byte is of plain text: a letter, a sign, or white space.
pub(crate) fn is_of_text(byte: u8) -> bool {
    byte.is_ascii_graphic() || byte.is_ascii_whitespace()
}

/// The value of a hexadecimal digit, in either case; absent where it is none.
pub(crate) fn hex_digit(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_are_whole_numbers_in_either_order() {
        let numbers = |bytes: [u8; 8]| doubles(&bytes).collect::<Vec<u64>>();
        assert_eq!(numbers(12_104_f64.to_be_bytes()), [12_104]);
        assert_eq!(numbers(12_104_f64.to_le_bytes()), [12_104]);
        assert_eq!(numbers(1_f64.to_be_bytes()), [1]);
        for none in [0.0, -5.0, 0.5, 1e16, f64::NAN, f64::INFINITY] {
            assert!(numbers(none.to_be_bytes()).is_empty(), "{none}");
        }
        assert_eq!(doubles(&[0; 7]).count(), 0);
    }

    #[test]
    fn timestamp_reads_as_rfc_3339_with_nanoseconds() {
        assert_eq!(Timestamp(0).to_string(), "1970-01-01T00:00:00.000000000Z");
        assert_eq!(
            Timestamp(1_795_173_289_590_743_001).to_string(),
            "2026-11-20T11:14:49.590743001Z"
        );
        assert_eq!(Timestamp(-1).to_string(), "1969-12-31T23:59:59.999999999Z");
    }

    proptest::proptest! {
        #[test]
        fn timestamp_reads_as_the_calendar_has_it(moment: i64) {
            let expected = jiff::Timestamp::from_nanosecond(i128::from(moment)).unwrap();
            proptest::prop_assert_eq!(Timestamp(moment).to_string(), format!("{expected:.9}"));
        }
    }

    #[test]
    fn timestamp_knows_leap_days_and_the_ends_of_its_range() {
        for moment in [
            i64::MIN,
            i64::MAX,
            951_782_400_000_000_000,
            951_868_799_999_999_999,
        ] {
            let expected = jiff::Timestamp::from_nanosecond(i128::from(moment)).unwrap();
            assert_eq!(Timestamp(moment).to_string(), format!("{expected:.9}"));
        }
    }

    #[test]
    fn timestamp_survives_json() {
        let time = Timestamp(1_795_173_289_590_743_001);
        let text = serde_json::to_string(&time).unwrap();
        assert_eq!(serde_json::from_str::<Timestamp>(&text).unwrap(), time);
    }
}
