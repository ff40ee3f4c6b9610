//! What stands behind pictures: whether it ends one, a piece, a message or all of them.

use std::collections::BTreeSet;

use super::{Beside, CHECKED, Lead, Lie, MOST, Placed, SHORT, tells_length};
use crate::units::{self, ByteRange};
use crate::wire::carve::KNOWN_MARKERS;
use crate::wire::infer::{closes, fills_up, is_goodbye, is_trailer};

/// Whether a tail is the length of the picture before it, in four or eight bytes.
pub(super) fn says_length(tail: &[u8], picture: &Placed) -> bool {
    matches!(tail.len(), 4 | 8)
        && units::numbers(tail)
            .iter()
            .any(|value| picture.lengths.contains(value))
}

/// Whether after each picture the same comes as after the last; `headed`: headers stand before them.
pub(super) fn comes_each_time<E>(
    beside: &Beside<'_>,
    tail: &[u8],
    headed: bool,
    bytes: &mut dyn FnMut(ByteRange) -> Result<Vec<u8>, E>,
) -> Result<bool, E> {
    let mut same = beside.pictures.len() > 1;
    let mut betweens: BTreeSet<Vec<u8>> = BTreeSet::new();
    for (before, after) in beside.pictures.iter().zip(beside.pictures.iter().skip(1)) {
        let (from, to) = (before.range.end, after.range.start);
        let between = if to.saturating_sub(from) > MOST || from > to {
            Vec::new()
        } else {
            bytes(from..to)?
        };
        same &= between.starts_with(tail);
        betweens.insert(between);
    }
    // Where it is all that comes, it comes whole.
    Ok(same && (betweens.len() != 1 || betweens.contains(tail) || headed))
}

/// Whether a text behind the last picture reads like what comes behind each of the others, with other letters and digits in it, or goes on
/// with a word for the end where they go on.
pub(super) fn stands_each_time<E>(
    beside: &Beside<'_>,
    tail: &[u8],
    bytes: &mut dyn FnMut(ByteRange) -> Result<Vec<u8>, E>,
) -> Result<bool, E> {
    let shape = |byte: &u8| {
        if byte.is_ascii_alphanumeric() {
            b'a'
        } else {
            *byte
        }
    };
    let open = tail.last().is_some_and(u8::is_ascii_alphanumeric);
    let (mut shaped, mut common) = (true, tail.len());
    for (before, after) in beside.pictures.iter().zip(beside.pictures.iter().skip(1)) {
        let (from, to) = (before.range.end, after.range.start);
        if from > to || to - from > MOST {
            return Ok(false);
        }
        let between = bytes(from..to)?;
        let next = between
            .get(tail.len())
            .is_some_and(u8::is_ascii_alphanumeric);
        let head = between.get(..tail.len()).unwrap_or_default();
        shaped &= head.iter().map(shape).eq(tail.iter().map(shape)) && !(open && next);
        let same = between.iter().zip(tail).take_while(|(a, b)| a == b).count();
        common = common.min(same);
    }
    let rest = tail.get(common..).unwrap_or_default();
    Ok(shaped || is_goodbye(rest))
}

impl Beside<'_> {
    /// Whether the same bytes stand behind each of several pictures, and nothing else is open.
    pub(super) fn ends_each<E>(
        &self,
        bytes: &mut dyn FnMut(ByteRange) -> Result<Vec<u8>, E>,
    ) -> Result<bool, E> {
        let ends = self.open.iter().map(|range| range.end - range.start);
        let lengths: BTreeSet<u64> = ends.collect();
        let one = lengths.len() == 1 && lengths.iter().all(|length| *length <= MOST);
        let behind = self.open.len() == self.pictures.len()
            && self
                .open
                .iter()
                .zip(self.pictures)
                .all(|(range, placed)| range.start >= placed.range.end);
        if self.certain || self.pictures.len() < 2 || self.open.is_empty() {
            return Ok(false);
        }
        let mut seen = BTreeSet::new();
        if self.fills_up() {
            for range in self.open {
                seen.extend(bytes(range.clone())?);
            }
            return Ok(seen.into_iter().eq([0]));
        }
        let mut seen = BTreeSet::new();
        if one && behind {
            for range in self.open {
                seen.insert(bytes(range.clone())?);
            }
        }
        Ok(seen.len() == 1)
    }

    /// Whether what is open fills each picture up to a multiple of a few bytes.
    pub(super) fn fills_up(&self) -> bool {
        let behind = |end: u64| {
            let range = self.open.iter().find(|range| range.start == end);
            range.map_or(0, |range| range.end - range.start)
        };
        [4, 8, 16, 2].into_iter().any(|unit: u64| {
            let mut filled = 0;
            let all = self.pictures.iter().all(|placed| {
                let tail = behind(placed.range.end);
                filled += usize::from(tail > 0);
                tail < unit && (placed.range.end - placed.range.start + tail).is_multiple_of(unit)
            });
            // One byte of zero, once, is as well one too many.
            let more = unit > 2 || filled > 1;
            all && more && filled == self.open.len()
        })
    }

    /// Whether a range is the last of the direction and says that no more comes, or fills the only message up.
    pub(super) fn ends_all(&self, range: &ByteRange, tail: &[u8]) -> bool {
        let last = [self.open, self.beyond]
            .into_iter()
            .filter_map(<[ByteRange]>::last)
            .max_by_key(|range| range.end);
        let behind = self
            .pictures
            .iter()
            .all(|placed| placed.range.end <= range.start);
        if self.given || !behind || last.is_none_or(|last| last.end > range.end) {
            return false;
        }
        let fills = match self.pictures {
            [only] => fills_up(
                only.range.end,
                only.range.end - only.range.start,
                tail.len() as u64,
            ),
            _ => false,
        };
        is_goodbye(tail) || fills && tail.iter().all(|byte| *byte == 0)
    }

    /// Whether a range is the last part of what says that no more comes, and its wire format knows the first part.
    pub(super) fn ends_word<E>(
        &self,
        range: &ByteRange,
        bytes: &mut dyn FnMut(ByteRange) -> Result<Vec<u8>, E>,
    ) -> Result<bool, E> {
        let end = self.pictures.last().map_or(0, |placed| placed.range.end);
        let word = end..range.end;
        if end >= range.start || range.end - end > SHORT as u64 {
            return Ok(false);
        }
        let word = bytes(word)?;
        Ok(self.ends_all(range, &word))
    }

    /// Whether what stands in a range, right behind a picture, closes the message that its header opened.
    pub(super) fn is_closed<E>(
        &self,
        range: &ByteRange,
        tail: &[u8],
        bytes: &mut dyn FnMut(ByteRange) -> Result<Vec<u8>, E>,
    ) -> Result<bool, E> {
        let Some(at) = self
            .pictures
            .iter()
            .position(|placed| placed.range.end == range.start)
        else {
            return Ok(false);
        };
        let before = at.checked_sub(1).and_then(|at| self.pictures.get(at));
        let from = before.map_or(0, |placed| placed.range.end);
        let Some(own) = self.pictures.get(at).map(|placed| placed.range.clone()) else {
            return Ok(false);
        };
        if own.start < from || own.start - from > MOST || own.end - own.start > CHECKED {
            return Ok(false);
        }
        let (header, picture) = (bytes(from..own.start)?, bytes(own)?);
        Ok(closes(&header, &picture, tail)
            || (self.pictures.len() == 1 && self.understood && self.is_end_word(tail)))
    }

    /// Whether a range behind the only picture, whose header tells its length, may be the fields of a trailer.
    pub(super) fn is_trailer<E>(
        &self,
        range: &ByteRange,
        tail: &[u8],
        bytes: &mut dyn FnMut(ByteRange) -> Result<Vec<u8>, E>,
    ) -> Result<bool, E> {
        let [only] = self.pictures else {
            return Ok(false);
        };
        let own = only.range.clone();
        let last = self.open.last().is_none_or(|last| last.end <= range.end);
        if self.given
            || self.certain
            || !self.datagrams.is_empty()
            || only.lie != Lie::Plain
            || range.start != own.end
            || !last
            || !(1..=MOST).contains(&own.start)
            || !is_trailer(tail)
        {
            return Ok(false);
        }
        let lead = Lead {
            bytes: bytes(0..own.start)?,
            placed: only,
            message: false,
            begins_datagram: false,
        };
        Ok(tells_length(&lead))
    }

    /// Whether what stands between the pieces of pictures is what ends one and what begins the next: as many bytes as stand before the
    /// first piece and behind the last. What fills the last piece up may come before it, and ASCII's EOT behind, as in XMODEM.
    pub(super) fn ends_piece<E>(
        &self,
        tail: &ByteRange,
        bytes: &mut dyn FnMut(ByteRange) -> Result<Vec<u8>, E>,
    ) -> Result<bool, E> {
        const EOT: u8 = 4;
        let (Some(first), Some(last)) = (self.pictures.first(), self.pictures.last()) else {
            return Ok(false);
        };
        let in_pieces = |one: &Placed| one.lie == Lie::Regular && one.between == first.between;
        // What stands before the first piece: of datagrams each begins anew.
        let start = self.datagrams.range(..=first.range.start).next_back();
        let header = first.range.start - start.copied().unwrap_or(0);
        let ends = first
            .between
            .and_then(|between| between.checked_sub(header));
        let end = match self.datagrams.range(last.range.end..).next() {
            Some(border) => *border,
            None => self.end,
        };
        let (Some(ends @ 1..), Some((full, own))) = (ends, last.pieces) else {
            return Ok(false);
        };
        if !self.pictures.iter().all(in_pieces)
            || header == 0
            || tail.start != last.range.end
            || tail.end != end
        {
            return Ok(false);
        }
        let length = tail.end - tail.start;
        if length == ends {
            return Ok(true);
        }
        let Some(more) = full
            .checked_sub(own)
            .and_then(|fill| length.checked_sub(fill + ends))
        else {
            return Ok(false);
        };
        let count = usize::try_from(full - own).unwrap_or(usize::MAX);
        let tail = bytes(tail.clone())?;
        let same = tail
            .get(..count)
            .is_some_and(|bytes| bytes.windows(2).all(|two| two.first() == two.last()));
        Ok(same && (more == 0 || more == 1 && tail.last() == Some(&EOT)))
    }

    /// Whether a tail makes the last block as long as the others, or is a block of no bytes.
    pub(super) fn is_filled_up<E>(
        &self,
        first: &Placed,
        tail: &ByteRange,
        bytes: &mut dyn FnMut(ByteRange) -> Result<Vec<u8>, E>,
    ) -> Result<bool, E> {
        let of = |at: u64| {
            let start = self.datagrams.range(..=at).next_back()?;
            let end = self.datagrams.range(at.saturating_add(1)..).next()?;
            Some(end - start)
        };
        if self.datagrams.is_empty() {
            let length = tail.end - tail.start;
            let fills = first
                .pieces
                .is_some_and(|(full, last)| last + length == full);
            return Ok(fills || is_header_of_none(first, tail, bytes)?);
        }
        Ok(self.are_datagrams(tail) || of(first.range.start) == of(tail.end.saturating_sub(1)))
    }

    /// Whether a text behind the only picture ends its message, which comes once: that it was answered speaks for it, and nothing
    /// else does.
    pub(super) fn is_end_word(&self, tail: &[u8]) -> bool {
        self.answered && is_word(tail)
    }
}

/// Whether a tail is what stands between two pieces, with zeros for some of its bytes: the header of a piece of no bytes, and before it
/// perhaps what ends the last piece.
pub(super) fn is_header_of_none<E>(
    placed: &Placed,
    tail: &ByteRange,
    bytes: &mut dyn FnMut(ByteRange) -> Result<Vec<u8>, E>,
) -> Result<bool, E> {
    let (Some(between), Some((piece, _))) = (placed.between, placed.pieces) else {
        return Ok(false);
    };
    let start = placed.range.start.saturating_add(piece);
    if tail.end - tail.start != between || between > MOST {
        return Ok(false);
    }
    let (header, tail) = (bytes(start..start + between)?, bytes(tail.clone())?);
    let ends = usize::try_from(between.saturating_sub(placed.range.start)).unwrap_or(0);
    let like = |(at, (one, other)): (usize, (&u8, &u8))| at < ends || *one == 0 || one == other;
    Ok(header.len() == tail.len()
        && header != tail
        && tail.iter().zip(&header).enumerate().all(like))
}

/// Whether bytes are what programs end a message with: a line end, or a short word in capitals or brackets.
pub(super) fn is_terminator(tail: &[u8]) -> bool {
    matches!(tail, b"\n" | b"\r\n")
        || (tail.len() >= 3
            && tail.len() <= 64
            && tail
                .iter()
                .all(|&byte| byte.is_ascii_graphic() || matches!(byte, b'\r' | b'\n')))
}

/// Whether bytes are a word that programs end messages with, and none of those that are known with a byte too many.
pub(super) fn is_word(tail: &[u8]) -> bool {
    is_terminator(tail) && tail.len() > 2 && !KNOWN_MARKERS.iter().any(|known| is_near(known, tail))
}

/// Whether one byte was put in, left out or changed.
pub(super) fn is_near(known: &[u8], other: &[u8]) -> bool {
    let (short, long) = if known.len() < other.len() {
        (known, other)
    } else {
        (other, known)
    };
    let same = short.iter().zip(long).take_while(|(a, b)| a == b).count();
    let (rest, other) = (short.get(same..), long.get(same + 1..));
    match long.len() - short.len() {
        0 => rest.and_then(|rest| rest.get(1..)) == other,
        1 => rest == other,
        _ => false,
    }
}

/// A WebSocket's close frame, and nothing behind it (RFC 6455, section 5.5).
pub(super) fn is_close(tail: &[u8]) -> bool {
    let &[0x88, length, ..] = tail else {
        return false;
    };
    let mask = if length & 0x80 == 0 { 0 } else { 4 };
    tail.len() == 2 + mask + usize::from(length & 0x7f)
}
