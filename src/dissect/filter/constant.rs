//! Values that stand in a filter, read as the field beside them wants them.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::evaluate::by_length;
use super::lex::Token;
use crate::dissect::value::{Kind, Value, seconds};
use crate::units::Timestamp;

/// A value that stands in a filter.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Constant {
    /// A whole number.
    Number(i64),
    /// True or false.
    Bool(bool),
    /// Nanoseconds.
    Nanoseconds(i64),
    /// A moment.
    Time(Timestamp),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// An IPv4 address, or a network of so many leading bits.
    Ipv4(Ipv4Addr, u8),
    /// An IPv6 address, or a network of so many leading bits.
    Ipv6(Ipv6Addr, u8),
    /// A regular expression.
    Pattern(Pattern),
}

/// A regular expression that ignores case, as in Wireshark.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    text: String,
    regex: regex::bytes::Regex,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Pattern {
    /// Compiles it.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(super) fn new(text: &str) -> Result<Self, String> {
        let regex = regex::bytes::RegexBuilder::new(text)
            .case_insensitive(true)
            .unicode(false)
            .size_limit(1 << 20)
            .build()
            .map_err(|error| match error {
                regex::Error::CompiledTooBig(_) => "the expression is too large".to_owned(),
                other => {
                    let lines = other.to_string();
                    let last = lines.lines().last().unwrap_or_default();
                    format!(
                        "no regular expression: {}",
                        last.trim_start_matches("error: ")
                    )
                }
            })?;
        Ok(Self {
            text: text.to_owned(),
            regex,
        })
    }

    pub(super) fn is_match(&self, bytes: &[u8]) -> bool {
        self.regex.is_match(bytes)
    }
}

impl Constant {
    /// Reads a token as a field of this kind wants it; says what was expected where it cannot.
    pub(super) fn read(token: &Token, kind: Kind) -> Result<Self, String> {
        let wrong = |expected: &str| Err(format!("expected {expected}"));
        match (kind, token) {
            (Kind::Number | Kind::Hex, Token::Word(word)) => number(word)
                .map(Self::Number)
                .map_or_else(|| wrong("a whole number, such as 80 or 0x50"), Ok),
            (Kind::Number | Kind::Hex, Token::Character(byte)) => {
                Ok(Self::Number(i64::from(*byte)))
            }
            (Kind::Number | Kind::Hex, _) => wrong("a whole number, such as 80 or 0x50"),
            (Kind::Bool, Token::Word(word)) => match word.to_ascii_lowercase().as_str() {
                "1" | "true" => Ok(Self::Bool(true)),
                "0" | "false" => Ok(Self::Bool(false)),
                _ => wrong("1, 0, true or false"),
            },
            (Kind::Bool, _) => wrong("1, 0, true or false"),
            (Kind::Seconds, Token::Word(word)) => nanoseconds(word)
                .map(Self::Nanoseconds)
                .map_or_else(|| wrong("seconds, such as 0.25"), Ok),
            (Kind::Seconds, _) => wrong("seconds, such as 0.25"),
            (Kind::Time, token) => {
                let text = match token {
                    Token::Word(word) => Some(word.as_str()),
                    Token::Quoted(bytes) => std::str::from_utf8(bytes).ok(),
                    _ => None,
                };
                text.and_then(moment).map(Self::Time).map_or_else(
                    || wrong("date and time in quotes, such as \"2026-11-20 11:15:02.5\" (UTC)"),
                    Ok,
                )
            }
            (Kind::Text, Token::Word(word)) => Ok(Self::Text(word.clone())),
            (Kind::Text, Token::Quoted(bytes)) => String::from_utf8(bytes.clone())
                .map(Self::Text)
                .or_else(|_| wrong("text in UTF-8")),
            (Kind::Text, Token::Character(byte)) => Ok(Self::Text(char::from(*byte).to_string())),
            (Kind::Bytes | Kind::Label, Token::Word(word)) => bytes(word)
                .map(Self::Bytes)
                .map_or_else(|| wrong("bytes, such as ff:d8, or text in quotes"), Ok),
            (Kind::Bytes | Kind::Label, Token::Quoted(bytes)) => Ok(Self::Bytes(bytes.clone())),
            (Kind::Bytes | Kind::Label, Token::Character(byte)) => Ok(Self::Bytes(vec![*byte])),
            (Kind::Ether, Token::Word(word)) => match bytes(word) {
                Some(bytes) if bytes.len() == 6 => Ok(Self::Bytes(bytes)),
                _ => wrong("an Ethernet address, such as 02:00:00:00:00:01"),
            },
            (Kind::Ether, Token::Quoted(bytes)) if bytes.len() == 6 => {
                Ok(Self::Bytes(bytes.clone()))
            }
            (Kind::Ipv4, Token::Word(word)) => network(word, 32)
                .map(|(address, bits)| Self::Ipv4(address, bits))
                .map_or_else(
                    || wrong("an IPv4 address or network, such as 192.0.2.0/24"),
                    Ok,
                ),
            (Kind::Ipv6, Token::Word(word)) => network(word, 128)
                .map(|(address, bits)| Self::Ipv6(address, bits))
                .map_or_else(
                    || wrong("an IPv6 address or network, such as 2001:db8::/32"),
                    Ok,
                ),
            (Kind::Ether | Kind::Ipv4 | Kind::Ipv6, _) => wrong("an address"),
            (_, Token::Slice(_) | Token::Sign(_)) => wrong("a value"),
        }
    }

    /// How a field's value compares to it; absent where they cannot be compared.
    pub(super) fn compare(&self, value: &Value<'_>) -> Option<Ordering> {
        Some(match (value, self) {
            (Value::Number(value), Self::Number(constant))
            | (Value::Nanoseconds(value), Self::Nanoseconds(constant)) => value.cmp(constant),
            (Value::Bool(value), Self::Bool(constant)) => value.cmp(constant),
            (Value::Time(value), Self::Time(constant)) => value.cmp(constant),
            (Value::Text(value), Self::Text(constant)) => value.as_ref().cmp(constant.as_str()),
            (Value::Ipv4(value), Self::Ipv4(constant, bits)) => {
                let mask = u32::MAX
                    .checked_shl(32 - u32::from(*bits).min(32))
                    .unwrap_or(0);
                (value.to_bits() & mask).cmp(&(constant.to_bits() & mask))
            }
            (Value::Ipv6(value), Self::Ipv6(constant, bits)) => {
                let mask = u128::MAX
                    .checked_shl(128 - u32::from(*bits).min(128))
                    .unwrap_or(0);
                (value.to_bits() & mask).cmp(&(constant.to_bits() & mask))
            }
            (value, Self::Bytes(constant)) => by_length(&value.bytes()?, constant),
            _ => return None,
        })
    }
}

impl Constant {
    /// As a value; absent for networks and patterns, which stand for many.
    pub(super) fn value(&self) -> Option<Value<'static>> {
        Some(match self {
            Self::Number(number) => Value::Number(*number),
            Self::Bool(flag) => Value::Bool(*flag),
            Self::Nanoseconds(time) => Value::Nanoseconds(*time),
            Self::Time(time) => Value::Time(*time),
            Self::Text(text) => Value::Text(Cow::Owned(text.clone())),
            Self::Bytes(bytes) => Value::Bytes(Cow::Owned(bytes.clone())),
            Self::Ipv4(address, 32) => Value::Ipv4(*address),
            Self::Ipv6(address, 128) => Value::Ipv6(*address),
            Self::Ipv4(..) | Self::Ipv6(..) | Self::Pattern(_) => return None,
        })
    }
}

/// A whole number: decimal, `0x…`, `0b…`, octal with a leading 0.
fn number(word: &str) -> Option<i64> {
    let (sign, digits) = match word.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, word),
    };
    let lower = digits.to_ascii_lowercase();
    let (digits, radix) = if let Some(digits) = lower.strip_prefix("0x") {
        (digits, 16)
    } else if let Some(digits) = lower.strip_prefix("0b") {
        (digits, 2)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (lower.as_str(), 8)
    } else {
        (lower.as_str(), 10)
    };
    if !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    i64::from_str_radix(digits, radix).ok()?.checked_mul(sign)
}

/// Seconds with up to nine decimals, exactly.
fn nanoseconds(word: &str) -> Option<i64> {
    let (sign, digits) = match word.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, word),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && part.is_empty()) || !plain(whole) || !plain(part) || part.len() > 9 {
        return None;
    }
    let whole: i64 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    let part: i64 = format!("{part:0<9}").parse().ok()?;
    whole
        .checked_mul(1_000_000_000)?
        .checked_add(part)?
        .checked_mul(sign)
}

/// A moment as Wireshark takes it, UTC where it names no offset: `2026-11-20 11:15:02.5`, with `T` for the blank or without its end,
/// `Z` or `+01:00` behind it; `Nov 20, 2026 11:15:02.5`; seconds since 1970.
fn moment(text: &str) -> Option<Timestamp> {
    /// What a date and time are written as; a fraction is cut off before.
    const FORMS: [&str; 8] = [
        "%Y-%m-%d %H:%M:%S",
        "%Y-%m-%d %H:%M",
        "%Y-%m-%d %H",
        "%Y-%m-%d",
        "%b %d, %Y %H:%M:%S",
        "%b %d, %Y %H:%M",
        "%b %d, %Y %H",
        "%b %d, %Y",
    ];
    if let Some(since) = nanoseconds(text) {
        return Some(Timestamp(since));
    }
    if let Ok(exactly) = text.trim().parse::<jiff::Timestamp>() {
        return Some(Timestamp(i64::try_from(exactly.as_nanosecond()).ok()?));
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = words.join(" ");
    let text = text.strip_suffix(" UTC").unwrap_or(&text);
    let text = text.strip_suffix('Z').unwrap_or(text).replacen('T', " ", 1);
    let (date, fraction) = text.rsplit_once('.').unwrap_or((&text, ""));
    let part = nanoseconds(&format!("0.{fraction}"))?;
    let civil = FORMS.iter().find_map(|form| {
        let parsed = jiff::fmt::strtime::parse(form, date).ok()?;
        parsed.to_datetime().ok().or_else(|| {
            let date = parsed.to_date().ok()?;
            Some(date.at(
                parsed.hour().unwrap_or(0),
                parsed.minute().unwrap_or(0),
                0,
                0,
            ))
        })
    })?;
    let seconds = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    let whole = i64::try_from(seconds.timestamp().as_nanosecond()).ok()?;
    whole.checked_add(part).map(Timestamp)
}

/// Bytes in hexadecimal: `ff:d8`, `ff-d8`, `ff.d8`, `ffd8`, `0xffd8`; one of them also as a single digit.
fn bytes(word: &str) -> Option<Vec<u8>> {
    let word = word.strip_prefix("0x").unwrap_or(word);
    let groups: Vec<&str> = word.split([':', '-', '.']).collect();
    let mut out = Vec::new();
    for group in &groups {
        let single = group.len() == 1;
        if group.is_empty() || !(single || group.len().is_multiple_of(2)) {
            return None;
        }
        let mut digits = group.chars().map(|c| c.to_digit(16));
        if single {
            out.push(u8::try_from(digits.next()??).ok()?);
            continue;
        }
        while let Some(high) = digits.next() {
            out.push(u8::try_from(high? * 16 + digits.next()??).ok()?);
        }
    }
    Some(out)
}

fn network<A: std::str::FromStr>(word: &str, most: u8) -> Option<(A, u8)> {
    let (address, bits) = match word.split_once('/') {
        Some((address, bits)) => (address, bits.parse().ok().filter(|bits| *bits <= most)?),
        None => (word, most),
    };
    Some((address.parse().ok()?, bits))
}

impl fmt::Display for Constant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            // As every version of Wireshark takes it.
            Self::Bool(flag) => u8::from(*flag).fmt(f),
            Self::Nanoseconds(time) => f.write_str(&seconds(*time)),
            Self::Time(time) => write!(f, "\"{time}\""),
            Self::Text(text) => quote(f, text.as_bytes()),
            Self::Pattern(pattern) => quote(f, pattern.text.as_bytes()),
            // One byte without colon could be read as a number; in quotes it cannot.
            Self::Bytes(bytes) => quote(f, bytes),
            Self::Ipv4(address, 32) => address.fmt(f),
            Self::Ipv6(address, 128) => address.fmt(f),
            Self::Ipv4(address, bits) => write!(f, "{address}/{bits}"),
            Self::Ipv6(address, bits) => write!(f, "{address}/{bits}"),
        }
    }
}

fn quote(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    f.write_str("\"")?;
    // UTF-8 stays readable; every other byte is escaped.
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                c if c.is_control() && c.is_ascii() => write!(f, "\\x{:02x}", u32::from(c))?,
                c => write!(f, "{c}")?,
            }
        }
        for byte in chunk.invalid() {
            write!(f, "\\x{byte:02x}")?;
        }
    }
    f.write_str("\"")
}
