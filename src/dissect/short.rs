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
    pub(super) fn digits(&mut self, number: u64, fewest: usize) {
        let some = number.checked_ilog10().map_or(0, |log| log as usize + 1);
        let end = self.length + some.max(fewest);
        let Some(place) = self.bytes.get_mut(self.length..end) else {
            return;
        };
        let mut left = number;
        for digit in place.iter_mut().rev() {
            *digit = b'0' + u8::try_from(left % 10).unwrap_or_default();
            left /= 10;
        }
        self.length = end;
    }

    /// Adds all of it to a text.
    #[inline]
    pub(super) fn end(&self, out: &mut String) {
        let written = self.bytes.get(..self.length).unwrap_or_default();
        out.push_str(std::str::from_utf8(written).unwrap_or_default());
    }
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
