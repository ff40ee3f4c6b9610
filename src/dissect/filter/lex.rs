//! A filter's text in words and signs.

use std::ops::Range;

use super::Mistake;

/// A piece of a filter's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A name, a number, an address, bytes.
    Word(String),
    /// Text in quotes, escapes resolved.
    Quoted(Vec<u8>),
    /// A character in single quotes.
    Character(u8),
    /// Between square brackets.
    Slice(String),
    /// `==`, `(`, `&&`, …
    Sign(&'static str),
}

/// The longest come first.
const SIGNS: [&str; 28] = [
    "===", "!==", "==", "!=", "~=", ">=", "<=", "&&", "||", "^^", "..", ">", "<", "!", "&", "(",
    ")", "{", "}", ",", "~", "[", "]", "+", "*", "%", "#", "@",
];

pub(super) fn lex(text: &str) -> Result<Vec<(Token, Range<usize>)>, Mistake> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let Some(first) = rest.chars().next() else {
            break;
        };
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let (token, length) = one(text, at, rest, first)?;
        tokens.push((token, at..at + length));
        at += length;
    }
    Ok(tokens)
}

fn one(text: &str, at: usize, rest: &str, first: char) -> Result<(Token, usize), Mistake> {
    let mistake = |length: usize, message: &str| Mistake {
        text: text.to_owned(),
        at: at..at + length,
        message: message.to_owned(),
    };
    match first {
        '"' => quoted(rest, 1, true)
            .ok_or_else(|| mistake(1, "the quote is not closed, or holds an unknown escape")),
        'r' if rest.starts_with("r\"") => {
            quoted(rest, 2, false).ok_or_else(|| mistake(2, "the quote is not closed"))
        }
        '\'' => {
            let inner = rest.get(1..).and_then(|inner| inner.split('\'').next());
            match inner.map(|inner| (inner, escaped(inner.as_bytes()))) {
                Some((inner, Some(bytes)))
                    if bytes.len() == 1 && rest.as_bytes().get(1 + inner.len()) == Some(&b'\'') =>
                {
                    let byte = bytes.first().copied().unwrap_or_default();
                    Ok((Token::Character(byte), inner.len() + 2))
                }
                _ => Err(mistake(1, "expected one character between single quotes")),
            }
        }
        '[' => {
            let end = rest
                .find(']')
                .ok_or_else(|| mistake(1, "the bracket is not closed"))?;
            let inner = rest.get(1..end).unwrap_or_default();
            Ok((Token::Slice(inner.to_owned()), end + 1))
        }
        _ if (is_word(first) && !rest.starts_with("..")) || first == '-' => {
            let mut length = first.len_utf8();
            let bytes = rest.as_bytes();
            while let Some(byte) = bytes.get(length) {
                let next = bytes.get(length + 1);
                // Between the ends of a range.
                if *byte == b'.' && next == Some(&b'.') {
                    break;
                }
                let inside = *byte == b'-'
                    && next.is_some_and(u8::is_ascii_hexdigit)
                    && bytes.get(length - 1).is_some_and(u8::is_ascii_hexdigit);
                if is_word(char::from(*byte)) || inside {
                    length += 1;
                } else {
                    break;
                }
            }
            let word = rest.get(..length).unwrap_or_default();
            Ok((Token::Word(word.to_owned()), length))
        }
        _ => SIGNS
            .iter()
            .find(|sign| rest.starts_with(**sign))
            .map(|sign| (Token::Sign(sign), sign.len()))
            .ok_or_else(|| {
                let message = match first {
                    '=' => "this sign means nothing in a filter; to compare, write ==",
                    '^' => "this sign means nothing in a filter; for one of two and not both, write ^^ or xor",
                    '$' => {
                        "macros, ${name}, are kept in Wireshark's own settings, which imgnet does not read; write out what it stands for"
                    }
                    _ => "this sign means nothing in a filter",
                };
                mistake(first.len_utf8(), message)
            }),
    }
}

/// ASCII only: what is not is no part of any name.
fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ':' | '/')
}

/// A text in double quotes, `opening` bytes of which open it.
fn quoted(rest: &str, opening: usize, escapes: bool) -> Option<(Token, usize)> {
    let bytes = rest.as_bytes();
    let mut end = opening;
    loop {
        match bytes.get(end)? {
            b'"' => break,
            b'\\' if bytes.get(end + 1).is_some() => end += 2,
            _ => end += 1,
        }
    }
    let inner = bytes.get(opening..end)?;
    let content = if escapes {
        escaped(inner)?
    } else {
        inner.to_vec()
    };
    Some((Token::Quoted(content), end + 1))
}

/// Resolves escapes; absent where one is unknown.
fn escaped(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'\\' {
            out.push(*first);
            continue;
        }
        let [kind, after @ ..] = rest else {
            return None;
        };
        rest = after;
        match kind {
            b'\\' | b'"' | b'\'' => out.push(*kind),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'a' => out.push(7),
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'v' => out.push(11),
            b'x' => {
                let [high, low, after @ ..] = rest else {
                    return None;
                };
                let digit = |byte: &u8| char::from(*byte).to_digit(16);
                out.push(u8::try_from(digit(high)? * 16 + digit(low)?).ok()?);
                rest = after;
            }
            b'0'..=b'7' => {
                let mut value = u32::from(kind - b'0');
                let mut digits = 1;
                while let [digit @ b'0'..=b'7', after @ ..] = rest {
                    if digits == 3 {
                        break;
                    }
                    value = value * 8 + u32::from(digit - b'0');
                    rest = after;
                    digits += 1;
                }
                out.push(u8::try_from(value).ok()?);
            }
            _ => return None,
        }
    }
    Some(out)
}
