//! Short text that is put together of constants and numbers, byte by byte, before it becomes text: a row of the packet list has some
//! forty such parts, and each of them costs more to add to a `String` than to write here.

/// The text so far. So many bytes fit; what does not is left out.
pub(super) struct Short<const ROOM: usize> {
    bytes: [u8; ROOM],
    length: usize,
}

impl<const ROOM: usize> Short<ROOM> {
    #[inline]
    pub(super) fn new() -> Self {
        Self {
            bytes: [0; ROOM],
            length: 0,
        }
    }

    /// Adds text: a constant nearly always, whose length is known where this is put in its place.
    #[expect(
        clippy::inline_always,
        reason = "a copy of two bytes costs less than a call"
    )]
    #[inline(always)]
    pub(super) fn text(&mut self, text: &str) {
        let end = self.length + text.len();
        if let Some(place) = self.bytes.get_mut(self.length..end) {
            place.copy_from_slice(text.as_bytes());
            self.length = end;
        }
    }

    /// Adds the decimal digits of a number.
    #[inline]
    pub(super) fn number(&mut self, number: u64) {
        self.digits(number, 1);
    }

    /// Adds the decimal digits of a number with thousands separators.
    pub(super) fn count(&mut self, number: u64) {
        if number < 1_000 {
            self.number(number);
        } else {
            self.count(number / 1_000);
            self.text(",");
            self.digits(number % 1_000, 3);
        }
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
        let written = (digits >> (8 * zeros)).to_le_bytes();
        let end = self.length + 8 - zeros;
        let room = self.bytes.get_mut(self.length..).unwrap_or_default();
        if let Some(place) = room.first_chunk_mut() {
            *place = written;
        } else if let (Some(place), Some(digits)) =
            (room.get_mut(..8 - zeros), written.get(..8 - zeros))
        {
            place.copy_from_slice(digits);
        } else {
            return;
        }
        self.length = end;
    }

    #[inline(never)]
    fn many(&mut self, number: u64, fewest: usize) {
        let some = number.checked_ilog10().map_or(0, |log| log as usize + 1);
        if self.length + some.max(fewest) <= ROOM {
            self.digits(number / EIGHT_DIGITS, fewest.saturating_sub(8));
            let rest = u32::try_from(number % EIGHT_DIGITS).unwrap_or_default();
            self.few(rest, 8);
        }
    }

    /// Adds all of it to a text.
    #[inline]
    pub(super) fn end(&self, out: &mut String) {
        let written = self.bytes.get(..self.length).unwrap_or_default();
        out.push_str(std::str::from_utf8(written).unwrap_or_default());
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
            let mut short = Short::<128>::new();
            short.number(number);
            short.text(" → ");
            short.digits(number, 6);
            short.text(" ");
            short.count(number);
            let mut out = String::from("|");
            short.end(&mut out);
            let counted = crate::units::count(number);
            assert_eq!(out, format!("|{number} → {number:06} {counted}"));
        }
    }

    #[test]
    fn a_number_that_does_not_fit_is_left_out_whole() {
        for number in [7, 12_345_678, 123_456_789, 12_345_678_901_234_567] {
            for before in 0..24 {
                let mut short = Short::<24>::new();
                short.text(&"x".repeat(before));
                short.number(number);
                let mut out = String::new();
                short.end(&mut out);
                let digits = number.to_string();
                let fits = before + digits.len() <= 24;
                let expected = if fits { digits } else { String::new() };
                assert_eq!(out, "x".repeat(before) + &expected, "{number}");
            }
        }
    }

    #[test]
    fn what_has_no_room_is_left_out() {
        let mut short = Short::<21>::new();
        for _ in 0..50 {
            short.text("ab");
        }
        let mut out = String::new();
        short.end(&mut out);
        assert_eq!(out, "ab".repeat(10));
    }
}
