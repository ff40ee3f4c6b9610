//! Written as text: Base64 with its line breaks and escapes, hexadecimal digits, a list of decimal numbers.

use super::{Gathered, Recovered};
use crate::align::View;

/// Shorter texts are no picture: letters, digits or numbers.
const LETTERS: usize = 88;
const DIGITS: usize = 128;
/// Most letters of a line where a text has several: MIME has 76.
const LINE: usize = 256;
const NUMBERS: usize = 64;

/// How picture files begin in Base64: JPEG, PNG, GIF, WebP, BMP.
const PICTURES: [&[u8]; 5] = [b"/9j/", b"iVBOR", b"R0lGO", b"UklGR", b"Qk"];

/// Where near the beginning of a text a picture begins: behind the letters of something else.
fn picture_within(text: &[u8]) -> Option<usize> {
    const NEAR: usize = 64;
    let head = text.get(..NEAR).unwrap_or(text);
    let long = PICTURES.iter().filter(|start| start.len() > 2);
    long.filter_map(|start| memchr::memmem::find(head, start))
        .min()
}

/// Whether letters are whole groups of four, up to the padding or to what is no letter: another piece, and no word.
fn is_piece(text: &[u8]) -> bool {
    const LONG: usize = 16;
    let end = text
        .iter()
        .position(|byte| letter(*byte).is_none())
        .unwrap_or(text.len());
    let padding = text.get(end..).unwrap_or_default();
    let padding = padding.iter().take_while(|byte| **byte == b'=').count();
    end >= LONG || padding > 0 && (end + padding).is_multiple_of(4)
}

/// What is written as text in these bytes, from stream offset `start` on.
pub(super) fn recovered(bytes: &[u8], start: u64) -> Vec<Recovered> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let end = rest
            .iter()
            .position(|byte| letter(*byte).is_none() && !matches!(byte, b'%' | b'\\'))
            .unwrap_or(rest.len());
        if end < 2 && !rest.first().is_some_and(u8::is_ascii_digit) {
            at += 1;
            continue;
        }
        if let Some(before @ 1..) = picture_within(rest)
            && before < end
        {
            at += before;
            continue;
        }
        let stream = start + at as u64;
        let one = numbers(rest, stream)
            .or_else(|| hexadecimal(rest, stream))
            .or_else(|| base64(rest, stream));
        match one {
            Some((one, used)) => {
                found.push(one);
                at += used;
            }
            None => at += end.max(1),
        }
    }
    found
}

fn letter(byte: u8) -> Option<u8> {
    Some(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    })
}

/// A letter, written by itself or escaped; or what breaks lines and ends. With the bytes that it takes.
enum Written {
    Letter(u8),
    Break,
    Padding,
}

fn written(rest: &[u8]) -> Option<(Written, usize)> {
    Some(match *rest {
        [b'\\', b'/', ..] => (Written::Letter(63), 2),
        [b'\\', b'n' | b'r', ..] => (Written::Break, 2),
        [b'%', high, low, ..] => match (high, low.to_ascii_uppercase()) {
            (b'2', b'B') => (Written::Letter(62), 3),
            (b'2', b'F') => (Written::Letter(63), 3),
            (b'3', b'D') => (Written::Padding, 3),
            (b'0', b'A' | b'D') => (Written::Break, 3),
            _ => return None,
        },
        [b'\r' | b'\n', ..] => (Written::Break, 1),
        [b'=', ..] => (Written::Padding, 1),
        [byte, ..] => (Written::Letter(letter(byte)?), 1),
        [] => return None,
    })
}

/// Base64 (RFC 4648, sections 4 and 5), as MIME, JSON and forms write it.
fn base64(bytes: &[u8], start: u64) -> Option<(Recovered, usize)> {
    let mut gathered = Gathered::default();
    let (mut bits, mut count, mut letters, mut padding) = (0_u32, 0_u32, 0_usize, 0_u32);
    let (mut at, mut end, mut address) = (0, 0, false);
    // Letters of the first line and of the last, and whether a line ended.
    let (mut first, mut line, mut broken) = (None::<usize>, 0, false);
    while let Some((what, size)) = bytes.get(at..).and_then(written) {
        // Each piece was converted by itself: padding ends it, and another one follows.
        if matches!(what, Written::Letter(_)) && count + padding == 4 && padding > 0 {
            let next = bytes.get(at..).unwrap_or_default();
            if picture_within(next).is_some() || !is_piece(next) {
                break;
            }
            let [_, three @ ..] = (bits << (6 * padding)).to_be_bytes();
            let whole = usize::try_from(count * 6 / 8).unwrap_or(0);
            gathered.bytes.extend(three.iter().take(whole));
            (bits, count, padding) = (0, 0, 0);
            (first, line, broken) = (None, 0, false);
        }
        match what {
            Written::Letter(value) if padding == 0 => {
                if broken {
                    // All lines but the last are of one length.
                    let length = *first.get_or_insert(line);
                    let next = bytes.get(at..).unwrap_or_default();
                    let long = length <= LINE
                        || length.is_multiple_of(4)
                            && !PICTURES.iter().any(|one| next.starts_with(one));
                    if line != length || !long {
                        break;
                    }
                    (line, broken) = (0, false);
                }
                line += 1;
                if first.is_some_and(|length| line > length) {
                    break;
                }
                address |= matches!(bytes.get(at), Some(b'-' | b'_'));
                if count == 0 {
                    gathered.mark(start + at as u64);
                }
                bits = bits << 6 | u32::from(value);
                count += 1;
                letters += 1;
                if count == 4 {
                    let [_, three @ ..] = bits.to_be_bytes();
                    gathered.bytes.extend(three);
                    (bits, count) = (0, 0);
                }
            }
            Written::Padding if padding < 2 && (padding > 0 || count > 1) => padding += 1,
            Written::Letter(_) | Written::Padding => break,
            Written::Break if letters == 0 => return None,
            Written::Break => {
                broken = true;
                at += size;
                continue;
            }
        }
        at += size;
        end = at;
    }
    if letters < LETTERS {
        return None;
    }
    let [_, three @ ..] = (bits << (6 * (4 - count))).to_be_bytes();
    let whole = usize::try_from(count * 6 / 8).unwrap_or(0);
    if count > 0 {
        gathered.bytes.extend(three.iter().take(whole));
    }
    let view = if address {
        View::Base64Url
    } else {
        View::Base64
    };
    Some((gathered.finish(view, start + end as u64), end))
}

/// Two digits a byte; a space, a colon, a comma or a line end may come between bytes, and `0x` or `\x` before each.
fn hexadecimal(bytes: &[u8], start: u64) -> Option<(Recovered, usize)> {
    let digit = |at: usize| match bytes.get(at)? {
        byte @ b'0'..=b'9' => Some(byte - b'0'),
        byte @ b'a'..=b'f' => Some(byte - b'a' + 10),
        byte @ b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    };
    let mut gathered = Gathered::default();
    let (mut at, mut end, mut upper) = (0, 0, false);
    loop {
        if matches!(bytes.get(at..at + 2), Some(b"0x" | b"\\x")) && digit(at + 2).is_some() {
            at += 2;
        }
        let (Some(high), Some(low)) = (digit(at), digit(at + 1)) else {
            break;
        };
        let pair = bytes.get(at..at + 2).unwrap_or_default();
        upper |= pair.iter().any(u8::is_ascii_uppercase);
        gathered.mark(start + at as u64);
        gathered.bytes.push(high << 4 | low);
        at += 2;
        end = at;
        let between = bytes.get(at..).unwrap_or_default();
        at += between
            .iter()
            .take(3)
            .take_while(|byte| matches!(byte, b' ' | b':' | b',' | b'\r' | b'\n'))
            .count();
    }
    let view = if upper {
        View::HexUpper
    } else {
        View::HexLower
    };
    (gathered.bytes.len() * 2 >= DIGITS).then(|| (gathered.finish(view, start + end as u64), end))
}

/// Decimal numbers below 256 with commas between: an array of bytes in JSON.
fn numbers(bytes: &[u8], start: u64) -> Option<(Recovered, usize)> {
    let mut gathered = Gathered::default();
    let (mut at, mut end) = (0, 0);
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let digits = rest
            .iter()
            .take(4)
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let value = rest.get(..digits).unwrap_or_default();
        let value = value
            .iter()
            .fold(0_u16, |value, byte| value * 10 + u16::from(byte - b'0'));
        let Some(byte) = u8::try_from(value)
            .ok()
            .filter(|_| (1..4).contains(&digits))
        else {
            break;
        };
        gathered.mark(start + at as u64);
        gathered.bytes.push(byte);
        at += digits;
        end = at;
        let between = bytes.get(at..).unwrap_or_default();
        let between = between
            .iter()
            .take(4)
            .take_while(|byte| matches!(byte, b',' | b' ' | b'\r' | b'\n'))
            .count();
        if between == 0 {
            break;
        }
        at += between;
    }
    (gathered.bytes.len() >= NUMBERS)
        .then(|| (gathered.finish(View::Numbers, start + end as u64), end))
}
