//! What header blocks of one direction say (HPACK, RFC 7541): the content-length of each stream.

use fluke_hpack::Decoder;

/// The header blocks of a direction, read in their order, as each may refer to fields of those before.
#[derive(Default)]
pub(super) struct Fields {
    decoder: Decoder<'static>,
    /// Blocks that were read, each behind its length: a copy begins with them.
    read: Vec<Vec<u8>>,
    bytes: usize,
    /// A block could not be read, or one is missing: nothing that follows is certain.
    lost: bool,
}

impl Fields {
    /// A copy reads again what was read so far; where that is more, it knows nothing.
    const MOST: usize = 256 << 10;
    /// Longer blocks are not read.
    pub(super) const LONGEST: usize = 64 << 10;

    /// Blocks follow that are not known.
    pub(super) fn lose(&mut self) {
        self.lost = true;
        self.read = Vec::new();
    }

    /// Reads a complete block; the content-length that it says, where it says one.
    pub(super) fn block(&mut self, block: Vec<u8>) -> Option<u64> {
        if self.lost {
            return None;
        }
        // The decoder panics at a change of its table's size that is cut short.
        if !is_well_formed(&block) {
            self.lose();
            return None;
        }
        let fields = self.decoder.decode(&block);
        self.bytes = self.bytes.saturating_add(block.len());
        if self.bytes <= Self::MOST {
            self.read.push(block);
        } else {
            self.read = Vec::new();
        }
        let Ok(fields) = fields else {
            self.lose();
            return None;
        };
        let (_, length) = fields
            .iter()
            .find(|(name, _)| name.as_slice() == b"content-length")?;
        std::str::from_utf8(length).ok()?.parse().ok()
    }
}

/// Whether a block is fields and changes of the table's size, each with whole numbers and texts (RFC 7541, section 6).
fn is_well_formed(block: &[u8]) -> bool {
    let mut rest = block;
    while let Some(&first) = rest.first() {
        let behind = match first {
            0x80.. => number(rest, 7).map(|(_, rest)| rest),
            0x40.. => literal(rest, 6),
            0x20.. => number(rest, 5).map(|(_, rest)| rest),
            _ => literal(rest, 4),
        };
        let Some(behind) = behind else {
            return false;
        };
        rest = behind;
    }
    true
}

/// What follows a field whose name has this number, or is a text where it is 0, and whose value is a text.
fn literal(bytes: &[u8], prefix: u32) -> Option<&[u8]> {
    let (name, rest) = number(bytes, prefix)?;
    text(if name == 0 { text(rest)? } else { rest })
}

/// What follows a text.
fn text(bytes: &[u8]) -> Option<&[u8]> {
    let (length, rest) = number(bytes, 7)?;
    rest.get(length..)
}

/// A number in the last bits of a byte and in those that follow it, at most four, and what stands behind it.
fn number(bytes: &[u8], prefix: u32) -> Option<(usize, &[u8])> {
    const MORE: usize = 4;
    let (&first, rest) = bytes.split_first()?;
    let mask = (1_usize << prefix) - 1;
    let mut value = usize::from(first) & mask;
    if value < mask {
        return Some((value, rest));
    }
    let last = rest.iter().take(MORE).position(|byte| byte & 0x80 == 0)?;
    let (digits, rest) = rest.split_at_checked(last + 1)?;
    for (place, digit) in digits.iter().enumerate() {
        value += usize::from(digit & 0x7f) << (7 * place);
    }
    Some((value, rest))
}

impl Clone for Fields {
    fn clone(&self) -> Self {
        let mut copy = Self::default();
        if self.lost || self.bytes > Self::MOST {
            copy.lost = true;
        } else {
            for block in &self.read {
                copy.block(block.clone());
            }
        }
        copy
    }
}

impl std::fmt::Debug for Fields {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Fields")
            .field("bytes", &self.bytes)
            .field("lost", &self.lost)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_that_are_cut_short_or_have_numbers_without_end_are_none() {
        // RFC 7541, appendix C.2.1 and C.4.1, and a change of the table's size before a field.
        let named = b"\x40\x0acustom-key\x0dcustom-header";
        let packed = b"\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff";
        let sized = b"\x3f\xe1\x1f\x82";
        let length = b"\x5c\x03123";
        for block in [&named[..], packed, sized, length, b""] {
            assert!(is_well_formed(block), "{block:?}");
            assert!(Fields::default().decoder.decode(block).is_ok(), "{block:?}");
        }
        assert_eq!(Fields::default().block(length.to_vec()), Some(123));
        for block in [
            &named[..named.len() - 1],
            &packed[..packed.len() - 1],
            b"\x3f",
            b"\x3f\xff\xff\xff\xff",
            b"\x3f\xff\xff\xff\xff\x01",
            b"\x40",
            b"\x40\x7f\xff\xff\xff\x7f",
            b"\x0f\xff",
        ] {
            assert!(!is_well_formed(block), "{block:?}");
            let mut fields = Fields::default();
            assert_eq!(fields.block(block.to_vec()), None);
            assert!(fields.lost, "{block:?}");
        }
        assert!(is_well_formed(b"\x3f\xff\xff\xff\x7f\x82"));
    }
}
