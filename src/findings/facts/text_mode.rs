//! The PNG signature was made to show what a text conversion does (W3C PNG, section 5.2): here it is read so. A JPEG begins
//! with bytes above 7F, which show it, too, where they were taken for text.

use std::fmt;

/// What a text conversion did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextDamage {
    /// Every LF (0A) became CR LF (0D 0A).
    LfToCrLf,
    /// Every CR LF became LF.
    CrLfToLf,
    /// The highest bit of every byte was taken away.
    SevenBits,
    /// Bytes that are no UTF-8 were replaced by U+FFFD (EF BF BD).
    Utf8,
    /// Each byte above 7F was read as a letter of latin-1 and written as UTF-8, in two bytes.
    Latin1,
}

impl TextDamage {
    /// What the first bytes of something say; absent where they are not those of a damaged PNG.
    pub fn of(head: &[u8]) -> Option<Self> {
        const KNOWN: [(&[u8], TextDamage); 8] = [
            (b"\x89PNG\r\r", TextDamage::LfToCrLf),
            (b"\x89PNG\n", TextDamage::CrLfToLf),
            (b"\x09PNG\r\n", TextDamage::SevenBits),
            (b"\xef\xbf\xbdPNG\r\n", TextDamage::Utf8),
            (b"\xc2\x89PNG\r\n\x1a\n", TextDamage::Latin1),
            (b"\xc2\x89PNG\n\x1a\n", TextDamage::Latin1),
            // FF D8 FF, and what follows in every JPEG.
            (b"\xc3\xbf\xc3\x98\xc3\xbf\xc3", TextDamage::Latin1),
            (
                b"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\0\x10JFIF",
                TextDamage::Utf8,
            ),
        ];
        KNOWN
            .iter()
            .find(|(damaged, _)| head.starts_with(damaged))
            .map(|(_, damage)| *damage)
    }
}

impl fmt::Display for TextDamage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LfToCrLf => "a line feed (0a) was turned into CR LF (0d 0a)",
            Self::CrLfToLf => "CR LF (0d 0a) was turned into a line feed (0a)",
            Self::SevenBits => "the highest bit of the first byte is gone (89 became 09)",
            Self::Utf8 => {
                "bytes above 7f were replaced by the sign for \"not UTF-8\" (ef bf bd)"
            }
            Self::Latin1 => {
                "each byte above 7f was read as a letter of latin-1 and written as UTF-8, in two bytes"
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_conversion_shows_and_a_sound_signature_is_none() {
        assert_eq!(TextDamage::of(b"\x89PNG\r\n\x1a\n\0\0"), None);
        assert_eq!(TextDamage::of(b"\x89PNG"), None);
        assert_eq!(
            TextDamage::of(b"\x89PNG\r\r\n\x1a\r\n"),
            Some(TextDamage::LfToCrLf)
        );
        assert_eq!(
            TextDamage::of(b"\x89PNG\n\x1a\n"),
            Some(TextDamage::CrLfToLf)
        );
        assert_eq!(
            TextDamage::of(b"\tPNG\r\n\x1a\n"),
            Some(TextDamage::SevenBits)
        );
        assert_eq!(
            TextDamage::of("\u{fffd}PNG\r\n".as_bytes()),
            Some(TextDamage::Utf8)
        );
        let jpeg = "\u{ff}\u{d8}\u{ff}\u{e0}\0\u{10}JFIF";
        assert_eq!(TextDamage::of(jpeg.as_bytes()), Some(TextDamage::Latin1));
        let lossy = String::from_utf8_lossy(b"\xff\xd8\xff\xe0\0\x10JFIF\0").into_owned();
        assert_eq!(TextDamage::of(lossy.as_bytes()), Some(TextDamage::Utf8));
        assert_eq!(TextDamage::of(b"\xff\xd8\xff\xe0\0\x10JFIF\0"), None);
    }
}
