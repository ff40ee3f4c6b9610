//! Text that is put together of constants and numbers, byte by byte: a row of the packet list has some forty such parts, and each of
//! them costs more to add to a `String` than to write here. Nothing but whole characters is ever written, so that nobody has to look
//! whether it is text.

use std::fmt;
use std::net::Ipv4Addr;

/// The text so far. Grows as it has to.
#[derive(Debug, Default)]
pub(crate) struct Line {
    /// The text, and room for more.
    bytes: Vec<u8>,
    length: usize,
}

impl Line {
    /// Length in bytes.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// All of it.
    #[inline]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.since(0)
    }

    /// What was written since its length was `from`.
    #[inline]
    pub(super) fn since(&self, from: usize) -> &[u8] {
        self.bytes.get(from..self.length).unwrap_or_default()
    }

    /// The same as text.
    pub(super) fn text_since(&self, from: usize) -> &str {
        std::str::from_utf8(self.since(from)).unwrap_or_default()
    }

    /// Characters that were written since its length was `from`.
    #[inline]
    pub(super) fn characters_since(&self, from: usize) -> usize {
        let text = self.since(from);
        let (words, rest) = text.as_chunks::<8>();
        let mut further = 0_usize;
        // So many at once that a byte can count them: eight are looked at together, each in a byte of its own.
        for some in words.chunks(255) {
            let bytes: u64 = some
                .iter()
                .map(|word| {
                    let word = u64::from_ne_bytes(*word);
                    // Of a byte that goes on with a character the highest bit is set and the next is not.
                    (word >> 7) & !(word >> 6) & 0x0101_0101_0101_0101
                })
                .fold(0, u64::wrapping_add);
            let pairs = (bytes & 0x00ff_00ff_00ff_00ff) + ((bytes >> 8) & 0x00ff_00ff_00ff_00ff);
            further +=
                usize::try_from(pairs.wrapping_mul(0x0001_0001_0001_0001) >> 48).unwrap_or(0);
        }
        further += rest.iter().filter(|byte| byte.cast_signed() < -64).count();
        text.len() - further
    }

    /// Takes back what was written since its length was `length`, which was the end of a character.
    pub(super) fn truncate(&mut self, length: usize) {
        self.length = self.length.min(length);
    }

    /// Takes all of it back, and keeps the room.
    pub(crate) fn clear(&mut self) {
        self.length = 0;
    }

    /// As text of its own.
    pub(crate) fn into_string(mut self) -> String {
        self.bytes.truncate(self.length);
        String::from_utf8(self.bytes).unwrap_or_default()
    }

    #[cold]
    fn grow(&mut self, more: usize) {
        let least = self.length.saturating_add(more).max(128);
        self.bytes.resize(least.saturating_mul(2), 0);
    }

    /// Adds text: a constant nearly always, whose length is known where this is put in its place.
    #[expect(
        clippy::inline_always,
        reason = "a copy of two bytes costs less than a call"
    )]
    #[inline(always)]
    pub(crate) fn push_str(&mut self, text: &str) {
        let end = self.length + text.len();
        if end > self.bytes.len() {
            self.grow(text.len());
        }
        if let Some(place) = self.bytes.get_mut(self.length..end) {
            place.copy_from_slice(text.as_bytes());
            self.length = end;
        }
    }

    /// Adds so many of these eight bytes of text.
    #[inline]
    fn some(&mut self, text: [u8; 8], many: usize) {
        if self.length + 8 > self.bytes.len() {
            self.grow(8);
        }
        if let Some(place) = self
            .bytes
            .get_mut(self.length..)
            .and_then(<[u8]>::first_chunk_mut)
        {
            *place = text;
            self.length += many.min(8);
        }
    }

    /// Adds text that is one of a few short ones.
    #[inline]
    pub(super) fn short(&mut self, text: Short) {
        self.some(text.bytes, text.length);
    }

    /// Adds the decimal digits of a number.
    #[inline]
    pub(super) fn number(&mut self, number: u64) {
        self.digits(number, 1);
    }

    /// Adds the decimal digits of a number, with spaces before it where it has fewer.
    #[inline]
    pub(super) fn number_within(&mut self, number: u64, width: usize) {
        let digits = match u32::try_from(number) {
            Ok(few) => few.checked_ilog10(),
            Err(_) => number.checked_ilog10(),
        };
        let digits = digits.map_or(1, |log| log as usize + 1);
        self.pad(width.saturating_sub(digits));
        self.number(number);
    }

    /// Adds the decimal digits of a number with thousands separators.
    #[inline]
    pub(super) fn count(&mut self, number: u64) {
        if number < 1_000 {
            self.number(number);
        } else {
            self.thousands(number);
        }
    }

    fn thousands(&mut self, number: u64) {
        self.count(number / 1_000);
        // The separator and the three digits behind it at once.
        let digits = eight(u32::try_from(number % 1_000).unwrap_or_default()) >> 32;
        let separated = (digits & !0xff) | u64::from(b',');
        self.some(separated.to_le_bytes(), 4);
    }

    /// Adds the decimal digits of a number, with zeros before it where it has fewer.
    #[inline]
    pub(super) fn digits(&mut self, number: u64, fewest: usize) {
        match u32::try_from(number) {
            Ok(few) if number < EIGHT_DIGITS && fewest <= 8 => self.few(few, fewest),
            _ => self.many(number, fewest),
        }
    }

    /// Up to eight digits: written at once, and what stands behind them is written over.
    #[inline]
    fn few(&mut self, number: u32, fewest: usize) {
        let digits = eight(number);
        // Zeros lie in the lowest bytes, and the last digit stays even so.
        let zeros = ((digits & 0x0f0f_0f0f_0f0f_0f0f) | (1 << 63)).trailing_zeros() as usize / 8;
        let zeros = zeros.min(8_usize.saturating_sub(fewest));
        self.some((digits >> (8 * zeros)).to_le_bytes(), 8 - zeros);
    }

    #[inline(never)]
    fn many(&mut self, number: u64, fewest: usize) {
        self.digits(number / EIGHT_DIGITS, fewest.saturating_sub(8));
        let rest = u32::try_from(number % EIGHT_DIGITS).unwrap_or_default();
        self.few(rest, 8);
    }

    /// Adds an address.
    #[inline]
    pub(super) fn address(&mut self, address: Ipv4Addr) {
        for octet in address.octets() {
            let [a, b, c, length] = OCTETS
                .get(usize::from(octet))
                .copied()
                .unwrap_or([b'?', b'.', 0, 2]);
            self.some([a, b, c, b'.', 0, 0, 0, 0], usize::from(length));
        }
        // The point behind the last one.
        self.truncate(self.length.saturating_sub(1));
    }

    /// Adds spaces.
    #[inline]
    pub(super) fn pad(&mut self, mut spaces: usize) {
        while spaces > 0 {
            self.some([b' '; 8], spaces);
            spaces = spaces.saturating_sub(8);
        }
    }

    /// Adds spaces before what was written since its length was `from`.
    #[inline]
    pub(super) fn pad_before(&mut self, from: usize, spaces: usize) {
        if spaces == 0 {
            return;
        }
        let end = self.length;
        self.pad(spaces);
        if from <= end
            && let Some(part) = self.bytes.get_mut(from..self.length)
        {
            let text = end - from;
            part.copy_within(..text, part.len() - text);
            let before = part.len() - text;
            part.iter_mut().take(before).for_each(|byte| *byte = b' ');
        }
    }

    /// Takes spaces back from the end, as far as to where its length was `from`.
    #[inline]
    pub(super) fn trim_end(&mut self, from: usize) {
        let text = self.since(from);
        let spaces = text.iter().rev().take_while(|byte| **byte == b' ').count();
        self.truncate(from + text.len() - spaces);
    }
}

/// Text of eight bytes at most, to be added as often as one likes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Short {
    bytes: [u8; 8],
    length: usize,
}

impl Short {
    /// Of longer text the first eight bytes.
    pub(super) const fn new(text: &str) -> Self {
        let mut bytes = [0; 8];
        let (from, _) = bytes.split_at_mut(if text.len() < 8 { text.len() } else { 8 });
        from.copy_from_slice(text.as_bytes().split_at(from.len()).0);
        Self {
            length: from.len(),
            bytes,
        }
    }
}

impl fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push_str(text);
        Ok(())
    }
}

/// The digits of an octet with a point behind them, and how many bytes these are.
const OCTETS: [[u8; 4]; 256] = octets();

#[expect(
    clippy::indexing_slicing,
    reason = "computed by the compiler; an octet is below 256"
)]
const fn octets() -> [[u8; 4]; 256] {
    let mut all = [[0; 4]; 256];
    let mut octet = 0_u8;
    loop {
        let (hundreds, tens, ones) = (octet / 100, octet / 10 % 10, octet % 10);
        all[octet as usize] = match octet {
            0..10 => [b'0' + ones, b'.', 0, 2],
            10..100 => [b'0' + tens, b'0' + ones, b'.', 3],
            100.. => [b'0' + hundreds, b'0' + tens, b'0' + ones, 4],
        };
        if octet == u8::MAX {
            return all;
        }
        octet += 1;
    }
}

/// Numbers below have eight digits at most.
const EIGHT_DIGITS: u64 = 100_000_000;

/// The eight last digits of a number, zeros before it included, the first in the lowest byte: computed all at once, in lanes of which
/// none has a carry.
fn eight(number: u32) -> u64 {
    let number = u64::from(number) % EIGHT_DIGITS;
    // Two lanes of four digits, four of two, eight of one: by the reciprocals of 100 and of 10.
    let four = (number / 10_000) | ((number % 10_000) << 32);
    let hundreds = ((four * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let two = hundreds | ((four - 100 * hundreds) << 16);
    let tens = ((two * 103) >> 10) & 0x000f_000f_000f_000f;
    let one = tens | ((two - 10 * tens) << 8);
    one | 0x3030_3030_3030_3030
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_that_display_writes() {
        let mut numbers = vec![0, 1, 9, 10, 99, 100, 101, 12_088, u64::MAX];
        numbers.extend((0..20).map(|power| 10_u64.pow(power)));
        for number in numbers {
            let mut line = Line::default();
            line.push_str("|");
            line.number(number);
            line.push_str(" → ");
            line.digits(number, 6);
            line.push_str(" ");
            line.count(number);
            line.push_str(" ");
            line.digits(number, 9);
            line.push_str(" ");
            line.number_within(number, 12);
            let counted = crate::units::count(number);
            let expected = format!("|{number} → {number:06} {counted} {number:09} {number:12}");
            assert_eq!(line.characters_since(0), expected.chars().count());
            assert_eq!(line.into_string(), expected);
        }
    }

    #[test]
    fn characters_are_those_that_chars_counts() {
        let text = "a → b · ü × 🖼 – 1,024 · chunk 5–6 →→→→ ".repeat(130);
        for (end, _) in text.char_indices() {
            let mut line = Line::default();
            line.push_str(&text[..end]);
            assert_eq!(line.characters_since(0), text[..end].chars().count());
        }
        let mut line = Line::default();
        for text in ["", "·", " → ", "12345678"] {
            line.short(Short::new(text));
        }
        assert_eq!(line.into_string(), "· → 12345678");
    }

    #[test]
    fn addresses_are_those_that_display_writes() {
        for octet in 0..=u8::MAX {
            let address = Ipv4Addr::new(octet, 255 - octet, octet / 2, octet);
            let mut line = Line::default();
            line.address(address);
            assert_eq!(line.into_string(), address.to_string());
        }
    }

    #[test]
    fn spaces_go_before_and_behind_and_away() {
        for spaces in [0, 1, 7, 8, 9, 40] {
            for text in ["", "x", "123456789 · 123456789"] {
                let mut line = Line::default();
                line.push_str("<");
                line.push_str(text);
                line.pad_before(1, spaces);
                let padded = format!("<{}{text}", " ".repeat(spaces));
                assert_eq!(line.text_since(0), padded);
                line.pad(spaces);
                let behind = format!("{padded}{}", " ".repeat(spaces));
                assert_eq!(line.text_since(0), behind);
                line.trim_end(1);
                assert_eq!(line.text_since(0), padded.trim_end_matches(' '));
                assert!(line.len() >= 1);
            }
        }
    }
}
