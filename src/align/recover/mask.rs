//! Under a mask of one, two or four bytes that repeats.

use super::{Gathered, Recovered};
use crate::align::{Span, View};

/// Bytes of the longest mask.
const PERIOD: usize = 4;

/// The exclusive or of bytes as far apart as the mask is long: what no mask changes.
pub(crate) fn apart(bytes: &[u8]) -> Vec<u8> {
    let later = bytes.iter().skip(PERIOD);
    bytes.iter().zip(later).map(|(a, b)| a ^ b).collect()
}

/// What lies under the mask: `bytes` is a part of a stream from offset `start` on, `spans` are those in which the differences of
/// a text of it are, at offsets of `bytes`. Absent where no mask was put on.
pub(crate) fn unmasked(bytes: &[u8], start: u64, text: &[u8], spans: &[Span]) -> Option<Recovered> {
    let longest = spans.iter().max_by_key(|span| span.bytes())?;
    let first = spans
        .first()
        .filter(|span| span.text < 64)
        .unwrap_or(longest);
    let place = usize::try_from(longest.stream.start).ok()?;
    let at = usize::try_from(longest.text).ok()?;
    // The mask by its place in the stream, from offset 0 of `bytes` on.
    let mut mask = [0_u8; PERIOD];
    for step in 0..PERIOD {
        let key = bytes.get(place + step)? ^ text.get(at + step)?;
        *mask.get_mut((place + step) % PERIOD)? = key;
    }
    if mask == [0; PERIOD] {
        return None;
    }
    let from = usize::try_from(first.stream.start.checked_sub(first.text)?).ok()?;
    // What was left out or put in moves the end.
    let last = spans.last()?;
    let rest = (text.len() as u64).saturating_sub(last.text);
    let to = usize::try_from(last.stream.start.saturating_add(rest)).ok()?;
    let part = bytes.get(from..to.min(bytes.len()))?;
    let mut gathered = Gathered::default();
    gathered.mark(start + from as u64);
    gathered.bytes = part
        .iter()
        .enumerate()
        .map(|(index, byte)| byte ^ mask.get((from + index) % PERIOD).copied().unwrap_or(0))
        .collect();
    let one = mask.iter().all(|key| Some(key) == mask.first());
    let view = if one { View::Xor } else { View::Mask };
    let end = start + (from + part.len()) as u64;
    Some(gathered.finish(view, end))
}
