//! What known conversions make of a file's bytes: each is looked for as a text of its own.

use serde::{Deserialize, Serialize};

/// A conversion that programs apply to a picture's bytes, on purpose or by mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum View {
    /// The bytes as they are.
    Bytes,
    /// Base64 (RFC 4648, section 4) without line ends.
    Base64,
    /// The same with the alphabet for addresses (section 5).
    Base64Url,
    /// Two hex digits a byte, lowercase.
    HexLower,
    /// Two hex digits a byte, uppercase.
    HexUpper,
    /// Each byte taken for a character of Latin-1 and written as UTF-8.
    Latin1ToUtf8,
    /// Read as UTF-8, what is none replaced by U+FFFD: EF BF BD.
    LossyUtf8,
    /// The same as Java does it: a surrogate's three bytes (ED A0 80 to ED BF BF) are replaced once.
    LossyUtf8Java,
    /// The same as Go does it: each byte is replaced by itself.
    LossyUtf8Go,
    /// CR put before each LF.
    LfToCrlf,
    /// CR before LF taken away.
    CrlfToLf,
    /// LF as CR LF and CR as CR NUL, as TFTP's netascii and Telnet have it.
    Netascii,
    /// A decimal number a byte, with commas between.
    Numbers,
    /// Compressed, in gzip's wrapping (RFC 1952).
    Gzip,
    /// Compressed, in zlib's wrapping (RFC 1950).
    Zlib,
    /// Compressed, without wrapping (RFC 1951).
    Deflate,
    /// Compressed, as a member of a ZIP archive (APPNOTE.TXT, section 4.4.5, method 8).
    Zip,
    /// Each byte exclusive-or one value.
    Xor,
    /// The same with two or four values in turn, as a WebSocket's client does.
    Mask,
    /// Byte-stuffed, so that one value ends frames alone: SLIP, HDLC, DLE or COBS.
    Stuffed,
    /// A string literal: `\n`, `\x89`, `\u0089` or `\211` where a byte is not printed.
    Literal,
    /// Percent encoding (RFC 3986, section 2.1), as forms write it.
    Percent,
    /// Quoted-printable (RFC 2045, section 6.7).
    QuotedPrintable,
    /// uuencode (POSIX).
    UuEncoded,
    /// yEnc.
    YEnc,
    /// Base32 (RFC 4648, section 6).
    Base32,
    /// Five characters for four bytes: Ascii85, RFC 1924 or Z85.
    Base85,
    /// Eight binary digits a byte, as text.
    BinaryDigits,
    /// Some bytes doubled, or another one put before them.
    Escaped,
    /// Each byte of some values left out.
    LeftOut,
    /// Taken for ASCII text: each byte above 7F became a question mark.
    AsciiQuestion,
    /// Taken for ASCII text: each byte above 7F became U+FFFD.
    AsciiReplaced,
    /// Taken for ASCII text: each byte above 7F is left out.
    AsciiIgnored,
    /// Taken for ASCII text: the highest bit of each byte is cleared.
    AsciiSevenBits,
    /// Read as UTF-8, what is none left out.
    Utf8Ignored,
    /// Each byte taken for a character of Windows-1252 and written as UTF-8.
    Cp1252ToUtf8,
    /// Each byte taken for a character and written as UTF-16, least significant byte first.
    Utf16Le,
    /// Python's `str(data)`: `b'…'` with escapes.
    PythonRepr,
    /// CR before LF taken away, and each other CR made an LF: text read with universal newlines, as Python does.
    Newlines,
    /// The same, and each byte taken for a character of Latin-1 and written as UTF-8.
    NewlinesLatin1,
    /// The same, and what is no UTF-8 replaced by EF BF BD.
    NewlinesLossy,
    /// The same, and what is no UTF-8 left out.
    NewlinesIgnored,
}

impl View {
    /// Those that are looked for as texts of their own; what all others made is undone, and the file looked for in that.
    pub(crate) const CONVERSIONS: [Self; 19] = [
        Self::Latin1ToUtf8,
        Self::LossyUtf8,
        Self::LossyUtf8Java,
        Self::LossyUtf8Go,
        Self::LfToCrlf,
        Self::CrlfToLf,
        Self::AsciiQuestion,
        Self::AsciiReplaced,
        Self::AsciiSevenBits,
        Self::AsciiIgnored,
        Self::Utf8Ignored,
        Self::Cp1252ToUtf8,
        Self::Utf16Le,
        Self::PythonRepr,
        Self::Netascii,
        Self::Newlines,
        Self::NewlinesLatin1,
        Self::NewlinesLossy,
        Self::NewlinesIgnored,
    ];

    /// Whether a program of the other side can have the file back from it.
    pub(crate) fn is_lossless(self) -> bool {
        !matches!(
            self,
            Self::LossyUtf8
                | Self::LossyUtf8Java
                | Self::LossyUtf8Go
                | Self::CrlfToLf
                | Self::AsciiQuestion
                | Self::AsciiReplaced
                | Self::AsciiSevenBits
                | Self::AsciiIgnored
                | Self::Utf8Ignored
                | Self::Newlines
                | Self::NewlinesLatin1
                | Self::NewlinesLossy
                | Self::NewlinesIgnored
                | Self::LeftOut
        )
    }

    /// Whether it is made by text functions, in place of the file's bytes.
    pub(crate) fn is_text_mode(self) -> bool {
        self == Self::LeftOut || Self::CONVERSIONS.contains(&self)
    }

    /// Whether it is written in printed characters.
    pub(crate) fn is_printed(self) -> bool {
        matches!(
            self,
            Self::Base64
                | Self::Base64Url
                | Self::HexLower
                | Self::HexUpper
                | Self::Numbers
                | Self::PythonRepr
                | Self::Literal
                | Self::Percent
                | Self::QuotedPrintable
                | Self::Base32
                | Self::Base85
                | Self::BinaryDigits
        )
    }

    /// Whether what it makes is longer than the file.
    pub(crate) fn is_longer(self) -> bool {
        matches!(
            self,
            Self::Latin1ToUtf8
                | Self::LossyUtf8
                | Self::LossyUtf8Java
                | Self::LossyUtf8Go
                | Self::LfToCrlf
                | Self::Netascii
                | Self::AsciiReplaced
                | Self::Cp1252ToUtf8
                | Self::Utf16Le
                | Self::PythonRepr
                | Self::NewlinesLatin1
                | Self::NewlinesLossy
        )
    }

    /// What is done, in plain words: "… to …".
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Bytes => "as it is",
            Self::Base64 => "as Base64",
            Self::Base64Url => "as Base64 for addresses",
            Self::HexLower | Self::HexUpper => "as hex digits",
            Self::Numbers => "as a list of decimal numbers",
            Self::Gzip => "compressed (gzip)",
            Self::Zlib => "compressed (zlib)",
            Self::Deflate => "compressed (deflate without a header)",
            Self::Zip => "compressed, in a ZIP archive",
            Self::Xor => "with each byte exclusive-or one value",
            Self::Mask => "under a mask of four bytes that repeats",
            Self::Stuffed => "byte-stuffed (SLIP, HDLC, DLE or COBS)",
            Self::Literal => "as a string literal with escapes such as \\n, \\xFF or \\u00FF",
            Self::Percent => "percent-encoded (FF became %FF)",
            Self::QuotedPrintable => "as quoted-printable text (FF became =FF)",
            Self::UuEncoded => "as uuencoded text",
            Self::YEnc => "as yEnc text",
            Self::Base32 => "as Base32",
            Self::Base85 => "as Base85",
            Self::BinaryDigits => "as binary digits",
            Self::Escaped => "with another byte put before each byte of some values",
            Self::LeftOut => "with each byte of some values left out",
            Self::Latin1ToUtf8 => {
                "read as Latin-1 text and written as UTF-8 (FF D8 becomes C3 BF C3 98)"
            }
            Self::LossyUtf8 => "decoded as UTF-8 text (each byte that is none became EF BF BD)",
            Self::LossyUtf8Java => {
                "decoded as UTF-8 text, as Java does it (each byte that is none became EF BF BD)"
            }
            Self::LossyUtf8Go => {
                "decoded as UTF-8 text, as Go does it (each byte that is none became EF BF BD)"
            }
            Self::LfToCrlf => "line ends translated: LF became CR LF",
            Self::CrlfToLf => "line ends translated: CR LF became LF",
            Self::AsciiQuestion => {
                "taken for ASCII text (each byte above 7F became a question mark, 3F)"
            }
            Self::AsciiIgnored => "decoded as ASCII text (each byte above 7F is left out)",
            Self::AsciiSevenBits => {
                "taken for ASCII text (the highest bit of each byte is cleared: FF D8 becomes 7F 58)"
            }
            Self::AsciiReplaced => "decoded as ASCII text (each byte above 7F became EF BF BD)",
            Self::Utf8Ignored => "decoded as UTF-8 text (bytes that are none are left out)",
            Self::Cp1252ToUtf8 => {
                "read as Windows-1252 text and written as UTF-8 (80 becomes E2 82 AC)"
            }
            Self::Utf16Le => "written as UTF-16 text (each byte followed by 00)",
            Self::PythonRepr => {
                "written as Python shows bytes: str(data), b'…' with escapes such as \\x89"
            }
            Self::Netascii => "in netascii: LF became CR LF, and CR became CR NUL",
            Self::Newlines => "line ends translated: CR LF and CR became LF",
            Self::NewlinesLatin1 => {
                "read as Latin-1 text with its line ends translated (CR LF and CR became LF), and written as UTF-8"
            }
            Self::NewlinesLossy => {
                "decoded as UTF-8 text with its line ends translated (CR LF and CR became LF; each byte that is no text became \
                 EF BF BD)"
            }
            Self::NewlinesIgnored => {
                "decoded as UTF-8 text with its line ends translated (CR LF and CR became LF; bytes that are no text are left out)"
            }
        }
    }
}

/// What a conversion makes of these bytes; absent where it makes nothing else of them, or where it can be undone and is.
pub(crate) fn viewed(bytes: &[u8], view: View) -> Option<Vec<u8>> {
    let converted = match view {
        // What these make has no one form.
        View::Bytes
        | View::Base64
        | View::Base64Url
        | View::HexLower
        | View::HexUpper
        | View::Numbers
        | View::Gzip
        | View::Zlib
        | View::Deflate
        | View::Zip
        | View::Xor
        | View::Mask
        | View::Stuffed
        | View::Literal
        | View::Percent
        | View::QuotedPrintable
        | View::UuEncoded
        | View::YEnc
        | View::Base32
        | View::Base85
        | View::BinaryDigits
        | View::Escaped
        | View::LeftOut => return None,
        View::Latin1ToUtf8 => latin1_to_utf8(bytes),
        View::LossyUtf8 => String::from_utf8_lossy(bytes).into_owned().into_bytes(),
        View::LossyUtf8Java | View::LossyUtf8Go => {
            let text = lossy(bytes, view == View::LossyUtf8Java);
            // Where they do as all others do, that is it.
            return (text != String::from_utf8_lossy(bytes).as_bytes()).then_some(text);
        }
        View::LfToCrlf => lf_to_crlf(bytes),
        View::CrlfToLf => crlf_to_lf(bytes),
        View::AsciiQuestion => bytes
            .iter()
            .map(|&byte| if byte.is_ascii() { byte } else { b'?' })
            .collect(),
        View::AsciiReplaced => ascii_replaced(bytes),
        View::AsciiIgnored => bytes.iter().copied().filter(u8::is_ascii).collect(),
        View::AsciiSevenBits => bytes.iter().map(|byte| byte & 0x7f).collect(),
        View::Utf8Ignored => utf8_ignored(bytes),
        View::Cp1252ToUtf8 => cp1252_to_utf8(bytes),
        View::Utf16Le => bytes.iter().flat_map(|&byte| [byte, 0]).collect(),
        View::PythonRepr => python_repr(bytes),
        View::Netascii => netascii(bytes),
        View::Newlines => newlines(bytes),
        // Bytes are made text first.
        View::NewlinesLatin1 => newlines(&latin1_to_utf8(bytes)),
        View::NewlinesLossy => newlines(String::from_utf8_lossy(bytes).as_bytes()),
        View::NewlinesIgnored => newlines(&utf8_ignored(bytes)),
    };
    (converted != bytes).then_some(converted)
}

fn latin1_to_utf8(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len() * 3 / 2);
    for &byte in bytes {
        if byte < 0x80 {
            text.push(byte);
        } else {
            text.extend([0xc0 | (byte >> 6), 0x80 | (byte & 0x3f)]);
        }
    }
    text
}

/// What is no UTF-8 replaced by U+FFFD: as often as it has bytes, or, with `java`, once for what might have been one character
/// (Unicode 15, section 3.9, table 3-8) or for a surrogate.
fn lossy(bytes: &[u8], java: bool) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len() * 2);
    let mut rest = bytes;
    while let Some(chunk) = rest.utf8_chunks().next() {
        text.extend_from_slice(chunk.valid().as_bytes());
        let (good, bad) = (chunk.valid().len(), chunk.invalid().len());
        let invalid = rest.get(good..).unwrap_or_default();
        let (taken, times) = match *invalid {
            [0xed, 0xa0..=0xbf, 0x80..=0xbf, ..] if java => (3, 1),
            // One that is broken off.
            [0xed, 0xa0..=0xbf, ..] if java => (2, 1),
            _ if java => (bad, bad.min(1)),
            _ => (bad, bad),
        };
        for _ in 0..times {
            text.extend([0xef, 0xbf, 0xbd]);
        }
        rest = invalid.get(taken..).unwrap_or_default();
    }
    text
}

fn lf_to_crlf(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len() + bytes.len() / 128);
    for &byte in bytes {
        if byte == b'\n' {
            text.push(b'\r');
        }
        text.push(byte);
    }
    text
}

fn netascii(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len() + bytes.len() / 64);
    for &byte in bytes {
        match byte {
            b'\n' => text.extend(b"\r\n"),
            b'\r' => text.extend(b"\r\0"),
            _ => text.push(byte),
        }
    }
    text
}

fn crlf_to_lf(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len());
    for &byte in bytes {
        if byte == b'\n' && text.last() == Some(&b'\r') {
            text.pop();
        }
        text.push(byte);
    }
    text
}

fn newlines(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len());
    let mut before = 0;
    for &byte in bytes {
        match byte {
            b'\r' => text.push(b'\n'),
            b'\n' if before == b'\r' => {}
            _ => text.push(byte),
        }
        before = byte;
    }
    text
}

fn ascii_replaced(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len() * 2);
    for &byte in bytes {
        if byte.is_ascii() {
            text.push(byte);
        } else {
            text.extend([0xef, 0xbf, 0xbd]);
        }
    }
    text
}

fn utf8_ignored(bytes: &[u8]) -> Vec<u8> {
    bytes
        .utf8_chunks()
        .flat_map(|chunk| chunk.valid().bytes())
        .collect()
}

/// Windows-1252 has other characters than Latin-1 at 80 to 9F, and none at five of those places.
fn cp1252_to_utf8(bytes: &[u8]) -> Vec<u8> {
    const OTHERS: [char; 32] = [
        '\u{20ac}', '\u{81}', '\u{201a}', '\u{192}', '\u{201e}', '\u{2026}', '\u{2020}',
        '\u{2021}', '\u{2c6}', '\u{2030}', '\u{160}', '\u{2039}', '\u{152}', '\u{8d}', '\u{17d}',
        '\u{8f}', '\u{90}', '\u{2018}', '\u{2019}', '\u{201c}', '\u{201d}', '\u{2022}', '\u{2013}',
        '\u{2014}', '\u{2dc}', '\u{2122}', '\u{161}', '\u{203a}', '\u{153}', '\u{9d}', '\u{17e}',
        '\u{178}',
    ];
    let mut text = Vec::with_capacity(bytes.len() * 2);
    let mut room = [0; 4];
    for &byte in bytes {
        let other = byte
            .checked_sub(0x80)
            .and_then(|place| OTHERS.get(usize::from(place)));
        let character = other.copied().unwrap_or(char::from(byte));
        text.extend_from_slice(character.encode_utf8(&mut room).as_bytes());
    }
    text
}

/// As Python's `repr` writes bytes: in apostrophes, unless the bytes have some and no quotation mark.
fn python_repr(bytes: &[u8]) -> Vec<u8> {
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') {
        b'"'
    } else {
        b'\''
    };
    let mut text = Vec::with_capacity(bytes.len() * 3);
    text.extend([b'b', quote]);
    for &byte in bytes {
        match byte {
            b'\t' => text.extend(b"\\t"),
            b'\n' => text.extend(b"\\n"),
            b'\r' => text.extend(b"\\r"),
            b'\\' => text.extend(b"\\\\"),
            _ if byte == quote => text.extend([b'\\', byte]),
            b' '..=b'~' => text.push(byte),
            _ => {
                text.extend(b"\\x");
                text.extend([byte >> 4, byte & 15].map(|half| match half {
                    0..=9 => b'0' + half,
                    _ => b'a' - 10 + half,
                }));
            }
        }
    }
    text.push(quote);
    text
}
