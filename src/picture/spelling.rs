//! How long a picture is in the texts that programs make of it: the length of a text before the bytes themselves is a mistake that people make.

/// A text of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// Base64, in one line or with a line end behind every 76 letters.
    Base64,
    /// Two digits for each byte.
    Hexadecimal,
    /// Each byte a letter of Latin-1, in UTF-8.
    Utf8,
    /// As Python prints bytes.
    Printed,
}

impl Spelling {
    /// Which text of these bytes is so long.
    pub(crate) fn of(bytes: &[u8], length: u64) -> Option<Self> {
        let [utf8, printed] = lengths(bytes);
        match Self::of_any(bytes.len() as u64, length) {
            None if length == utf8 => Some(Self::Utf8),
            None if length == printed => Some(Self::Printed),
            found => found,
        }
    }

    /// Which text of so many bytes is so long, whatever they are.
    pub(crate) fn of_any(bytes: u64, length: u64) -> Option<Self> {
        let base64 = bytes.div_ceil(3).checked_mul(4)?;
        let lines = base64.checked_add(base64.div_ceil(76))?;
        if [base64, lines].contains(&length) {
            Some(Self::Base64)
        } else {
            (length.checked_div(2) == Some(bytes) && length.is_multiple_of(2))
                .then_some(Self::Hexadecimal)
        }
    }

    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Base64 => "its Base64 text",
            Self::Hexadecimal => "its hexadecimal digits",
            Self::Utf8 => "its bytes as letters in UTF-8",
            Self::Printed => "its bytes as Python prints them (str(data))",
        }
    }
}

/// In UTF-8, and as Python prints them.
fn lengths(bytes: &[u8]) -> [u64; 2] {
    let length = bytes.len() as u64;
    let high = bytes.iter().filter(|byte| !byte.is_ascii()).count() as u64;
    let quotes = if bytes.contains(&b'\'') && !bytes.contains(&b'"') {
        0
    } else {
        memchr::memchr_iter(b'\'', bytes).count() as u64
    };
    let printed = bytes.iter().map(|byte| match byte {
        b'\\' | b'\n' | b'\r' | b'\t' => 2,
        0x20..0x7f => 1,
        _ => 4,
    });
    [length + high, 3 + printed.sum::<u64>() + quotes]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_those_of_the_texts() {
        // What Python says: b64encode, encodebytes, hex, decode('latin-1').encode(), repr.
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(lengths(&all), [384, 738]);
        assert_eq!(lengths(b"it's \xff\n"), [8, 14]);
        assert_eq!(lengths(b"'\""), [2, 6]);
        assert_eq!(Spelling::of(&all, 344), Some(Spelling::Base64));
        assert_eq!(Spelling::of(&all, 349), Some(Spelling::Base64));
        assert_eq!(Spelling::of(&all, 512), Some(Spelling::Hexadecimal));
        assert_eq!(Spelling::of(&all, 384), Some(Spelling::Utf8));
        assert_eq!(Spelling::of(&all, 738), Some(Spelling::Printed));
        assert_eq!(Spelling::of(&all, 343), None);
        assert_eq!(Spelling::of(&all, 513), None);
        assert_eq!(Spelling::of_any(0, 0), Some(Spelling::Base64));
        assert_eq!(Spelling::of_any(u64::MAX, 3), None);
    }
}
