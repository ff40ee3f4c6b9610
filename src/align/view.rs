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
    /// CR put before each LF.
    LfToCrlf,
    /// CR before LF taken away.
    CrlfToLf,
}

impl View {
    /// All but the bytes as they are.
    pub(crate) const CONVERSIONS: [Self; 8] = [
        Self::Base64,
        Self::Base64Url,
        Self::HexLower,
        Self::HexUpper,
        Self::Latin1ToUtf8,
        Self::LossyUtf8,
        Self::LfToCrlf,
        Self::CrlfToLf,
    ];

    /// Whether the file can be had back from it.
    pub(crate) fn is_lossless(self) -> bool {
        !matches!(self, Self::LossyUtf8 | Self::CrlfToLf)
    }

    /// Whether it is made by text functions, in place of the file's bytes.
    pub(crate) fn is_text_mode(self) -> bool {
        matches!(
            self,
            Self::Latin1ToUtf8 | Self::LossyUtf8 | Self::LfToCrlf | Self::CrlfToLf
        )
    }

    /// What is done, in plain words: "… to …".
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Bytes => "as it is",
            Self::Base64 => "as Base64",
            Self::Base64Url => "as Base64 for addresses",
            Self::HexLower | Self::HexUpper => "as hex digits",
            Self::Latin1ToUtf8 => {
                "read as Latin-1 text and written as UTF-8 (FF D8 becomes C3 BF C3 98)"
            }
            Self::LossyUtf8 => "decoded as UTF-8 text (each byte that is none became EF BF BD)",
            Self::LfToCrlf => "line ends translated: LF became CR LF",
            Self::CrlfToLf => "line ends translated: CR LF became LF",
        }
    }
}

/// What a conversion makes of these bytes; absent where it makes nothing else of them.
pub(crate) fn viewed(bytes: &[u8], view: View) -> Option<Vec<u8>> {
    const PLAIN: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const ADDRESS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let converted = match view {
        View::Bytes => return None,
        View::Base64 => base64(bytes, PLAIN),
        View::Base64Url => base64(bytes, ADDRESS),
        View::HexLower => hex(bytes, b"0123456789abcdef"),
        View::HexUpper => hex(bytes, b"0123456789ABCDEF"),
        View::Latin1ToUtf8 => latin1_to_utf8(bytes),
        View::LossyUtf8 => String::from_utf8_lossy(bytes).into_owned().into_bytes(),
        View::LfToCrlf => lf_to_crlf(bytes),
        View::CrlfToLf => crlf_to_lf(bytes),
    };
    (converted != bytes).then_some(converted)
}

fn base64(bytes: &[u8], digits: &[u8; 64]) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let mut three = [0; 3];
        for (place, &byte) in three.iter_mut().zip(group) {
            *place = byte;
        }
        let [a, b, c] = three.map(u32::from);
        let bits = (a << 16) | (b << 8) | c;
        for (place, shift) in [18_u32, 12, 6, 0].into_iter().enumerate() {
            let digit = usize::try_from((bits >> shift) & 63).unwrap_or(0);
            let digit = digits.get(digit).copied().unwrap_or(b'A');
            text.push(if place > group.len() { b'=' } else { digit });
        }
    }
    text
}

fn hex(bytes: &[u8], digits: &[u8; 16]) -> Vec<u8> {
    let digit = |half: u8| digits.get(usize::from(half)).copied().unwrap_or(b'0');
    bytes
        .iter()
        .flat_map(|&byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
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
