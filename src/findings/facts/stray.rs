//! What stray bytes look like.

use crate::picture::{SNIFF_BYTES, Sniff, sniff};

/// What stray bytes look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StrayKind {
    /// Nothing but zeros: a fixed buffer that was sent whole.
    Zeros,
    /// A line end, or several.
    LineEnd,
    /// Readable text.
    Text,
    /// They begin as a picture does.
    Header,
    /// The last bytes of the picture before them, once more.
    Repeat,
    /// None of these.
    Other,
}

impl StrayKind {
    /// What these bytes look like.
    pub fn of(bytes: &[u8]) -> Self {
        if bytes.iter().all(|&byte| byte == 0) {
            return Self::Zeros;
        }
        if bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n')) {
            return Self::LineEnd;
        }
        if let Sniff::Is(_) = sniff(bytes.get(..SNIFF_BYTES).unwrap_or(bytes)) {
            return Self::Header;
        }
        let text = |byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
        if bytes.iter().all(text) {
            return Self::Text;
        }
        Self::Other
    }

    /// What they look like together with others that follow.
    #[must_use]
    pub fn and(self, next: Self) -> Self {
        match (self, next) {
            (one, other) if one == other => one,
            (Self::Text | Self::LineEnd, Self::Text | Self::LineEnd) => Self::Text,
            (Self::Header | Self::Repeat, _) => self,
            _ => Self::Other,
        }
    }

    /// Whether people can read them.
    pub fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::LineEnd)
    }

    /// As the map has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Zeros => "zeros",
            Self::LineEnd => "line-end",
            Self::Text => "text",
            Self::Header => "picture-header",
            Self::Repeat => "repeat",
            Self::Other => "unknown",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_called_what_they_look_like_however_they_come() {
        let of = |bytes: &[u8]| {
            let whole = StrayKind::of(bytes);
            let (one, other) = bytes.split_at(bytes.len() / 2);
            if !one.is_empty() && whole != StrayKind::Header {
                assert_eq!(
                    StrayKind::of(one).and(StrayKind::of(other)),
                    whole,
                    "{bytes:?}"
                );
            }
            whole
        };
        assert_eq!(of(&[0, 0, 0]), StrayKind::Zeros);
        assert_eq!(of(b"\r\n"), StrayKind::LineEnd);
        assert_eq!(of(b"OK\r\n"), StrayKind::Text);
        assert_eq!(of(&[0, 1, 2]), StrayKind::Other);
        assert_eq!(of(b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR"), StrayKind::Header);
    }
}
