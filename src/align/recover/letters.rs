//! Written as text in other ways than Base64 and hexadecimal digits: a string literal with escapes, percent encoding, quoted-printable,
//! uuencode, yEnc, Base32, Base85 and binary digits.

use super::{Gathered, Recovered};
use crate::align::View;
use crate::picture::{SNIFF_BYTES, Sniff, sniff};
use crate::units::hex_digit;

/// Fewer bytes are no picture.
const LEAST: usize = 64;
/// Fewer escapes are those of a plain text.
const ESCAPES: usize = 16;

/// A text that was read, and where in the bytes it ends.
type Read = (Gathered, usize);

/// What is written so in these bytes, from stream offset `start` on.
pub(super) fn recovered(bytes: &[u8], start: u64) -> Vec<Recovered> {
    let mut found = Vec::new();
    let mut take = |view: View, read: Read| {
        let (gathered, end) = read;
        found.push(gathered.finish(view, start + end as u64));
    };
    for read in literals(bytes, start) {
        take(View::Literal, read);
    }
    for read in runs(bytes, b'%', |at| percent(bytes, at, start)) {
        take(View::Percent, read);
    }
    for read in quoted_printable(bytes, start) {
        take(View::QuotedPrintable, read);
    }
    for read in lines_of(bytes, b"begin ", |at| uuencoded(bytes, at, start)) {
        take(View::UuEncoded, read);
    }
    for read in lines_of(bytes, b"=ybegin ", |at| y_encoded(bytes, at, start)) {
        take(View::YEnc, read);
    }
    for (view, read) in printed(bytes, start) {
        take(view, read);
    }
    found
}

/// A byte in two hexadecimal digits.
fn pair(high: u8, low: u8) -> Option<u8> {
    Some(hex_digit(high)? << 4 | hex_digit(low)?)
}

/// Strings in quotation marks or apostrophes, of printed characters, those of Latin-1 in UTF-8, and escapes, as JSON, Python, C,
/// JavaScript and SQL write them.
fn literals(bytes: &[u8], start: u64) -> Vec<Read> {
    let mut found = Vec::new();
    if memchr::memchr_iter(b'\\', bytes).take(ESCAPES).count() < ESCAPES {
        return found;
    }
    let mut at = 0;
    while let Some(open) =
        memchr::memchr2(b'"', b'\'', bytes.get(at..).unwrap_or_default()).map(|place| at + place)
    {
        let mut gathered = Gathered::default();
        let quote = bytes.get(open).copied();
        let (mut place, mut escapes) = (open + 1, 0_usize);
        while let Some((value, width)) = bytes.get(place..).and_then(|rest| character(rest, quote))
        {
            gathered.mark(start + place as u64);
            gathered.bytes.push(value);
            escapes += usize::from(bytes.get(place) == Some(&b'\\'));
            place += width;
        }
        // One that is cut ends with the bytes, perhaps within an escape.
        let cut = bytes.len() - place < 6 && bytes.get(place).is_none_or(|byte| *byte == b'\\');
        let closed = cut || bytes.get(place).copied() == quote;
        let tells = closed && escapes >= ESCAPES && gathered.bytes.len() >= LEAST;
        if tells {
            found.push((gathered, place));
        }
        // What closed one string may as well open the next, where the marks are not those of strings.
        at = if tells {
            place + 1
        } else {
            place.max(open + 1)
        };
    }
    found
}

/// One character of a string literal, and how many bytes it takes; absent where it ends.
fn character(rest: &[u8], quote: Option<u8>) -> Option<(u8, usize)> {
    Some(match *rest {
        [b'\\', b'x', high, low, ..] => (pair(high, low)?, 4),
        [b'\\', b'u', b'0', b'0', high, low, ..] => (pair(high, low)?, 6),
        [b'\\', first @ b'0'..=b'7', ref digits @ ..] => {
            let more = digits
                .iter()
                .take(2)
                .take_while(|byte| matches!(byte, b'0'..=b'7'));
            let (value, width) = more
                .fold((u32::from(first - b'0'), 2), |(value, width), digit| {
                    (value << 3 | u32::from(digit - b'0'), width + 1)
                });
            (u8::try_from(value).ok()?, width)
        }
        [b'\\', escape, ..] => {
            let value = match escape {
                b'a' => 0x07,
                b'b' => 0x08,
                b't' => b'\t',
                b'n' => b'\n',
                b'v' => 0x0b,
                b'f' => 0x0c,
                b'r' => b'\r',
                b'e' => 0x1b,
                b'Z' => 0x1a,
                b'\\' | b'\'' | b'"' | b'/' => escape,
                _ => return None,
            };
            (value, 2)
        }
        [byte, ..] if Some(byte) == quote || byte == b'\\' => return None,
        [byte @ b' '..=0x7f, ..] => (byte, 1),
        [0xc2, byte @ 0x80..=0xbf, ..] => (byte, 2),
        [0xc3, byte @ 0x80..=0xbf, ..] => (byte | 0x40, 2),
        _ => return None,
    })
}

/// All that `read` finds at the places where its text may begin: before an escape, at the first byte that it takes.
fn runs(bytes: &[u8], escape: u8, read: impl Fn(usize) -> Option<Read>) -> Vec<Read> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(escape) =
        memchr::memchr(escape, bytes.get(at..).unwrap_or_default()).map(|place| at + place)
    {
        let before = bytes.get(at..escape).unwrap_or_default();
        let own = before.iter().rev().take_while(|byte| is_unreserved(**byte));
        let begin = escape - own.count();
        at = escape + 1;
        if let Some((gathered, end)) = read(begin) {
            at = end;
            found.push((gathered, end));
        }
    }
    found
}

/// What may stand for itself in an address or a form (RFC 3986, section 2.3), and what programs leave as it is.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'-' | b'.' | b'_' | b'~' | b'*' | b'!' | b'(' | b')' | b'\'' | b'/' | b'+'
        )
}

/// Percent encoding; a plus sign is a space, as in forms: where it stands for itself it is written as an escape.
fn percent(bytes: &[u8], begin: usize, start: u64) -> Option<Read> {
    let mut gathered = Gathered::default();
    let (mut at, mut escapes) = (begin, 0_usize);
    loop {
        let (value, width) = match *bytes.get(at..).unwrap_or_default() {
            [b'%', high, low, ..] if pair(high, low).is_some() => {
                escapes += 1;
                (pair(high, low)?, 3)
            }
            [b'+', ..] => (b' ', 1),
            [byte, ..] if is_unreserved(byte) => (byte, 1),
            _ => break,
        };
        gathered.mark(start + at as u64);
        gathered.bytes.push(value);
        at += width;
    }
    (escapes >= ESCAPES && gathered.bytes.len() >= LEAST).then_some((gathered, at))
}

/// Quoted-printable (RFC 2045, section 6.7), from the beginning or an empty line on.
fn quoted_printable(bytes: &[u8], start: u64) -> Vec<Read> {
    let begins = memchr::memmem::find_iter(bytes, b"\r\n\r\n").map(|place| place + 4);
    let mut found: Vec<Read> = Vec::new();
    for begin in std::iter::once(0).chain(begins) {
        if found.last().is_some_and(|(_, end)| *end > begin) {
            continue;
        }
        let mut gathered = Gathered::default();
        let (mut at, mut escapes) = (begin, 0_usize);
        loop {
            let (value, width) = match *bytes.get(at..).unwrap_or_default() {
                [b'=', b'\r', b'\n', ..] => (None, 3),
                [b'=', b'\n', ..] => (None, 2),
                [b'=', high, low, ..] if pair(high, low).is_some() => {
                    escapes += 1;
                    (pair(high, low), 3)
                }
                [byte @ (b' '..=b'<' | b'>'..=b'~' | b'\t' | b'\n'), ..] => (Some(byte), 1),
                // A line end of text, but for those that end it.
                [b'\r', b'\n', b'\r', ..]
                | [b'\r', b'\n', b'-', b'-', ..]
                | [b'\r', b'\n', b'.', b'\r', b'\n', ..] => break,
                [b'\r', b'\n', _, ..] => (Some(b'\n'), 2),
                _ => break,
            };
            if let Some(value) = value {
                gathered.mark(start + at as u64);
                gathered.bytes.push(value);
            }
            at += width;
        }
        if escapes >= ESCAPES && gathered.bytes.len() >= LEAST {
            found.push((gathered, at));
        }
    }
    found
}

/// All that `read` finds from lines on that begin so.
fn lines_of(bytes: &[u8], begin: &[u8], read: impl Fn(usize) -> Option<Read>) -> Vec<Read> {
    let mut found: Vec<Read> = Vec::new();
    for at in memchr::memmem::find_iter(bytes, begin) {
        let line = at == 0 || bytes.get(at - 1) == Some(&b'\n');
        if line && found.last().is_none_or(|(_, end)| *end <= at) {
            found.extend(read(at));
        }
    }
    found
}

/// The line at a place without its end, and where the next one begins.
fn line(bytes: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let rest = bytes.get(at..)?;
    let length = memchr::memchr(b'\n', rest)?;
    let line = rest.get(..length)?;
    Some((line.strip_suffix(b"\r").unwrap_or(line), at + length + 1))
}

/// uuencode (POSIX): lines with their number of bytes before them, from `begin` to `end`.
fn uuencoded(bytes: &[u8], begin: usize, start: u64) -> Option<Read> {
    let mut gathered = Gathered::default();
    let (_, mut at) = line(bytes, begin)?;
    loop {
        let (text, next) = line(bytes, at)?;
        let six = |letter: u8| matches!(letter, b' '..=b'`').then(|| (letter - b' ') & 0x3f);
        let (&first, letters) = text.split_first()?;
        let count = usize::from(six(first)?);
        if count == 0 {
            at = next;
            break;
        }
        gathered.mark(start + at as u64);
        let mut left = count;
        for group in letters.chunks(4) {
            // Spaces at the end of a line are lost easily.
            let mut bits = 0_u32;
            for place in 0..4 {
                let value = group.get(place).map_or(Some(0), |letter| six(*letter))?;
                bits = bits << 6 | u32::from(value);
            }
            let [_, three @ ..] = bits.to_be_bytes();
            gathered.bytes.extend(three.iter().take(left));
            left = left.saturating_sub(3);
        }
        if left > 0 {
            return None;
        }
        at = next;
    }
    let end = match line(bytes, at) {
        Some((b"end", next)) => next,
        _ if bytes.get(at..) == Some(b"end") => bytes.len(),
        _ => return None,
    };
    (gathered.bytes.len() >= LEAST).then_some((gathered, end))
}

/// yEnc: each byte and 42, what ends lines or texts escaped, from `=ybegin` to `=yend`.
fn y_encoded(bytes: &[u8], begin: usize, start: u64) -> Option<Read> {
    let mut gathered = Gathered::default();
    let (_, mut at) = line(bytes, begin)?;
    if bytes.get(at..)?.starts_with(b"=ypart ") {
        (_, at) = line(bytes, at)?;
    }
    loop {
        let (value, width) = match *bytes.get(at..)? {
            [b'\r' | b'\n', ..] => {
                at += 1;
                continue;
            }
            [b'=', b'y', b'e', b'n', b'd', ..] => break,
            [b'=', escaped, ..] => (escaped.wrapping_sub(64 + 42), 2),
            [byte, ..] => (byte.wrapping_sub(42), 1),
            [] => return None,
        };
        gathered.mark(start + at as u64);
        gathered.bytes.push(value);
        at += width;
    }
    let end = line(bytes, at).map_or(bytes.len(), |(_, next)| next);
    (gathered.bytes.len() >= LEAST).then_some((gathered, end))
}

/// What is written in an alphabet of printed characters, in groups that begin with a picture's first bytes.
fn printed(bytes: &[u8], start: u64) -> Vec<(View, Read)> {
    /// A picture begins behind no more characters of something else, as the name of a field is.
    const BEFORE: usize = 64;
    /// What stands before a value.
    const SIGNS: &[u8] = b"\"'`=:,;>|(";
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let rest = bytes.get(at..).unwrap_or_default();
        let run = |space: bool| {
            let own = |byte: &&u8| matches!(byte, b'!'..=b'~') || space && **byte == b' ';
            rest.iter().take_while(own).count()
        };
        let digits = rest.iter().take(9).eq(rest
            .iter()
            .take(8)
            .filter(|byte| matches!(byte, b'0' | b'1'))
            .chain([&b' ']));
        let length = run(digits);
        if length < LEAST {
            at += length.max(1);
            continue;
        }
        let near = (at..at + BEFORE.min(length))
            .filter(|begin| {
                *begin == at
                    || bytes
                        .get(begin - 1)
                        .is_some_and(|byte| SIGNS.contains(byte))
            })
            .find_map(|begin| in_groups(bytes, begin, start));
        at += length;
        if let Some((view, read)) = near {
            at = at.max(read.1);
            found.push((view, read));
        }
    }
    found
}

fn in_groups(bytes: &[u8], begin: usize, start: u64) -> Option<(View, Read)> {
    let rest = bytes.get(begin..)?;
    let head = rest.get(..8 * SNIFF_BYTES).unwrap_or(rest);
    let alphabets = [
        Alphabet::Binary,
        Alphabet::Base32,
        Alphabet::Ascii85,
        Alphabet::Rfc1924,
        Alphabet::Z85,
    ];
    alphabets.into_iter().find_map(|alphabet| {
        let (first, _) = alphabet.read(head, 0, 0);
        let first = first.bytes.get(..SNIFF_BYTES).unwrap_or(&first.bytes);
        // Of two letters a short text may consist by chance.
        if !matches!(sniff(first), Sniff::Is(_))
            || first.starts_with(b"BM") && alphabet != Alphabet::Binary
        {
            return None;
        }
        let (gathered, end) = alphabet.read(bytes, begin, start);
        (gathered.bytes.len() >= LEAST).then_some((alphabet.view(), (gathered, end)))
    })
}

/// Characters that stand for digits of a larger base.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Alphabet {
    /// Eight binary digits a byte.
    Binary,
    /// RFC 4648, section 6.
    Base32,
    /// Adobe's Ascii85.
    Ascii85,
    /// Python's `b85encode`, git: RFC 1924.
    Rfc1924,
    /// `ZeroMQ`'s (rfc.zeromq.org/spec/32).
    Z85,
}

impl Alphabet {
    fn view(self) -> View {
        match self {
            Self::Binary => View::BinaryDigits,
            Self::Base32 => View::Base32,
            _ => View::Base85,
        }
    }

    /// The value of a character, and how many characters make how many bytes.
    fn digit(self, byte: u8) -> Option<u32> {
        const RFC1924: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";
        const Z85: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
        let of = |alphabet: &[u8]| u32::try_from(memchr::memchr(byte, alphabet)?).ok();
        match self {
            Self::Binary => matches!(byte, b'0' | b'1').then(|| u32::from(byte - b'0')),
            Self::Base32 => match byte {
                b'A'..=b'Z' => Some(u32::from(byte - b'A')),
                b'2'..=b'7' => Some(u32::from(byte - b'2') + 26),
                _ => None,
            },
            Self::Ascii85 => matches!(byte, b'!'..=b'u').then(|| u32::from(byte - b'!')),
            Self::Rfc1924 => of(RFC1924),
            Self::Z85 => of(Z85),
        }
    }

    /// Base, characters of a group, bytes of a group.
    fn groups(self) -> (u64, usize, usize) {
        match self {
            Self::Binary => (2, 8, 1),
            Self::Base32 => (32, 8, 5),
            _ => (85, 5, 4),
        }
    }

    /// Reads groups as long as there are any, with line ends between them, and where they end.
    fn read(self, bytes: &[u8], begin: usize, start: u64) -> Read {
        let (base, characters, width) = self.groups();
        let mut gathered = Gathered::default();
        let (mut at, mut end) = (begin, begin);
        let (mut value, mut count) = (0_u64, 0_usize);
        while let Some(&byte) = bytes.get(at) {
            if self == Self::Ascii85 && byte == b'z' && count == 0 {
                gathered.mark(start + at as u64);
                gathered.bytes.extend([0; 4]);
                at += 1;
                end = at;
                continue;
            }
            let Some(digit) = self.digit(byte) else {
                let breaks = match byte {
                    b'\r' | b'\n' => true,
                    b' ' => self == Self::Binary && count == 0,
                    _ => false,
                };
                if breaks {
                    at += 1;
                    continue;
                }
                break;
            };
            if count == 0 {
                gathered.mark(start + at as u64);
            }
            value = value * base + u64::from(digit);
            count += 1;
            at += 1;
            if count == characters {
                let whole = value.to_be_bytes();
                if value >> (8 * width) > 0 {
                    break;
                }
                gathered.bytes.extend(whole.iter().skip(8 - width));
                end = at;
                (value, count) = (0, 0);
            }
        }
        // The last group may be shorter.
        let short = match self {
            Self::Binary => 0,
            Self::Base32 => count * 5 / 8,
            _ => count.saturating_sub(1),
        };
        if count > 0 && count < characters && short > 0 {
            for _ in count..characters {
                value = value * base + if base == 85 { base - 1 } else { 0 };
            }
            let whole = value.to_be_bytes();
            gathered
                .bytes
                .extend(whole.iter().skip(8 - width).take(short));
            end = at;
        }
        if self == Self::Base32 {
            let padding = bytes.get(end..).unwrap_or_default();
            end += padding
                .iter()
                .take(6)
                .take_while(|byte| **byte == b'=')
                .count();
        }
        (gathered, end)
    }
}

#[cfg(test)]
mod tests;
