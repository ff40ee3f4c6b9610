//! What may stand behind an option: sizes, times and counts, read alike by all three programs.

use std::time::Duration;

use crate::report::text;

/// Bytes, with an optional unit: K, M or G (or KiB, MiB, GiB), powers of 1024.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    let expected = || format!("expected bytes, e.g. 2048, 8M or 1GiB, not {text:?}");
    let (digits, unit) = match text.find(|c: char| !c.is_ascii_digit()) {
        None => (text, ""),
        Some(at) => text.split_at(at),
    };
    let shift = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kib" => 10,
        "m" | "mib" => 20,
        "g" | "gib" => 30,
        _ => return Err(expected()),
    };
    let number: u64 = digits.parse().map_err(|_| expected())?;
    number
        .checked_mul(1 << shift)
        .ok_or_else(|| format!("{} is more than can be counted", text::plain(text, true)))
}

/// A [`size`] above 0.
pub(crate) fn size_above_zero(text: &str) -> Result<u64, String> {
    match size(text)? {
        0 => Err("must be at least 1".to_owned()),
        size => Ok(size),
    }
}

/// A [`size_above_zero`] of something held in memory.
pub(crate) fn limit(text: &str) -> Result<usize, String> {
    usize::try_from(size_above_zero(text)?).map_err(|error| error.to_string())
}

/// Bytes handed over at once: 1 byte to 16 MiB.
pub(crate) fn chunk_size(text: &str) -> Result<usize, String> {
    match size(text)? {
        bytes @ 1..=0x0100_0000 => usize::try_from(bytes).map_err(|error| error.to_string()),
        _ => Err("expected 1 byte to 16M".to_owned()),
    }
}

/// A whole number above 0.
pub(crate) fn at_least_one(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(number @ 1..) => Ok(number),
        _ => Err(format!("expected a whole number above 0, not {text:?}")),
    }
}

/// A time above 0: seconds, or a number with its unit, as in `500ms` or `1m30s`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let expected =
        || format!("expected a time above 0, e.g. 10, 2.5, 500ms or 1m30s, not {text:?}");
    let duration = match text.parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        Err(_) => with_unit(text),
    };
    duration
        .filter(|duration| !duration.is_zero())
        .ok_or_else(expected)
}

/// A pause of at most a minute: milliseconds, or a number with its unit.
pub(crate) fn pause(text: &str) -> Result<Duration, String> {
    const LONGEST: Duration = Duration::from_secs(60);
    let expected = || format!("expected a pause of 0 to 60000 ms, e.g. 5, 0.5 or 2s, not {text:?}");
    let duration = match text.parse::<f64>() {
        Ok(milliseconds) => Duration::try_from_secs_f64(milliseconds / 1000.0).ok(),
        Err(_) => with_unit(text),
    };
    duration
        .filter(|duration| *duration <= LONGEST)
        .ok_or_else(expected)
}

fn with_unit(text: &str) -> Option<Duration> {
    let duration: jiff::SignedDuration = text.parse().ok()?;
    Duration::try_from(duration).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_know_their_units() {
        assert_eq!(size("2048"), Ok(2048));
        assert_eq!(size("8M"), Ok(8 << 20));
        assert_eq!(size("8MiB"), Ok(8 << 20));
        assert_eq!(size("1gib"), Ok(1 << 30));
        assert_eq!(size("0"), Ok(0));
        for wrong in ["", "M", "8T", "-1", "1.5M", "99999999999G"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
        assert!(size_above_zero("0").is_err());
        assert_eq!(size_above_zero("1"), Ok(1));
    }

    #[test]
    fn times_are_above_zero_and_know_their_units() {
        assert_eq!(duration("0.5"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1m30s"), Ok(Duration::from_secs(90)));
        for wrong in ["0", "0s", "-1", "-1s", "NaN", "inf", "two", "1e400", ""] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn pauses_are_milliseconds_up_to_a_minute() {
        assert_eq!(pause("0"), Ok(Duration::ZERO));
        assert_eq!(pause("0.5"), Ok(Duration::from_micros(500)));
        assert_eq!(pause("60000"), pause("1m"));
        for wrong in ["-1", "nan", "60001", "61s", ""] {
            assert!(pause(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn chunks_and_counts_have_bounds() {
        assert_eq!(chunk_size("1400"), Ok(1400));
        assert_eq!(chunk_size("16M"), Ok(16 << 20));
        for wrong in ["0", "17M", "16777217"] {
            assert!(chunk_size(wrong).is_err(), "{wrong}");
        }
        assert_eq!(at_least_one("1"), Ok(1));
        for wrong in ["0", "-1", "1K", ""] {
            assert!(at_least_one(wrong).is_err(), "{wrong}");
        }
    }
}
