//! Numbers that may vary: `7`, `"3..=7"`, `"3.."`, `"..=7"`, `">=3"`, `"<=7"`.

use std::fmt;
use std::str::FromStr;

use crate::report::text::count;

/// A number, or a range of numbers with both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The smallest that is good.
    pub min: u64,
    /// The largest that is good; absent where there is none.
    pub max: Option<u64>,
}

/// The text is no range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoBounds(String);

impl Bounds {
    /// Exactly this number.
    pub fn only(number: u64) -> Self {
        Self {
            min: number,
            max: Some(number),
        }
    }

    /// The number, where only one is good.
    pub fn exactly(self) -> Option<u64> {
        self.max.filter(|&max| max == self.min)
    }

    /// From the smallest to the largest, both good.
    ///
    /// # Errors
    /// No number lies between.
    pub fn between(min: u64, max: Option<u64>) -> Result<Self, NoBounds> {
        match max {
            Some(max) if max < min => Err(NoBounds(format!(
                "no number is at least {min} and at most {max}; write the smaller one first"
            ))),
            _ => Ok(Self { min, max }),
        }
    }

    /// For people: `12,192`, `3 to 7`, `at least 3`.
    pub fn human(self) -> String {
        match (self.min, self.max) {
            (min, Some(max)) if min == max => count(min),
            (0, Some(max)) => format!("at most {}", count(max)),
            (min, Some(max)) => format!("{} to {}", count(min), count(max)),
            (0, None) => "any number".to_owned(),
            (min, None) => format!("at least {}", count(min)),
        }
    }
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.min, self.max) {
            (min, Some(max)) if min == max => write!(f, "{min}"),
            (0, Some(max)) => write!(f, "..={max}"),
            (min, Some(max)) => write!(f, "{min}..={max}"),
            (min, None) => write!(f, "{min}.."),
        }
    }
}

impl FromStr for Bounds {
    type Err = NoBounds;

    fn from_str(text: &str) -> Result<Self, NoBounds> {
        let number = |digits: &str| -> Result<u64, NoBounds> {
            let plain: String = digits.trim().chars().filter(|&c| c != '_').collect();
            if plain.is_empty() || !plain.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(NoBounds(format!(
                    "{text:?} is no number and no range; write 7, \"3..=7\", \"3..\", \"..=7\" or {{ min = 3, max = 7 }}"
                )));
            }
            plain
                .parse()
                .map_err(|_| NoBounds(format!("{text:?} is more than can be counted")))
        };
        let trimmed = text.trim();
        if let Some(min) = trimmed.strip_prefix(">=") {
            return Self::between(number(min)?, None);
        }
        if let Some(max) = trimmed.strip_prefix("<=") {
            return Self::between(0, Some(number(max)?));
        }
        let Some((min, max)) = trimmed.split_once("..") else {
            return number(trimmed).map(Self::only);
        };
        let least = |min: &str| match min.trim() {
            "" => Ok(0),
            min => number(min),
        };
        if let Some(max) = max.strip_prefix('=') {
            return Self::between(least(min)?, Some(number(max)?));
        }
        if max.trim().is_empty() {
            return Self::between(number(min)?, None);
        }
        // Whether 7 belongs to 3..7 depends on whom one asks.
        let (min, max) = (least(min)?, number(max)?);
        Err(NoBounds(format!(
            "{text:?} does not say whether {max} is still good; write \"{}\" where it is",
            Self {
                min,
                max: Some(max)
            }
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_as_people_write_them() {
        for (text, min, max) in [
            ("7", 7, Some(7)),
            ("12_192", 12_192, Some(12_192)),
            ("3..=7", 3, Some(7)),
            (" 3 ..= 7 ", 3, Some(7)),
            ("3..", 3, None),
            ("..=7", 0, Some(7)),
            (">= 3", 3, None),
            ("<=7", 0, Some(7)),
            ("7..=7", 7, Some(7)),
        ] {
            assert_eq!(text.parse(), Ok(Bounds { min, max }), "{text}");
        }
    }

    #[test]
    fn what_is_no_range_says_how_to_write_one() {
        for (text, part) in [
            ("3..7", "write \"3..=7\""),
            ("7..=3", "the smaller one first"),
            ("seven", "is no number and no range"),
            ("-1", "is no number"),
            ("+1", "is no number"),
            ("1.5", "is no number"),
            ("..", "is no number"),
            ("", "is no number"),
            ("99999999999999999999", "more than can be counted"),
        ] {
            let error = text.parse::<Bounds>().unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn shown_as_it_is_read() {
        for text in ["7", "3..=7", "3..", "..=7"] {
            assert_eq!(text.parse::<Bounds>().unwrap().to_string(), text);
        }
        assert_eq!(Bounds::only(12_192).human(), "12,192");
        assert_eq!("3..=7".parse::<Bounds>().unwrap().human(), "3 to 7");
    }
}
