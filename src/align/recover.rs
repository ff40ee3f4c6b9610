//! Undoes known conversions: the bytes that a stream carries compressed, as text or under a mask, and where each came from.
//!
//! What is compressed or written as text shows that itself. A mask does not: it is found by the file that it hides. The exclusive
//! or of bytes four apart is the same with and without a mask of one, two or four bytes, so the file's lie in the stream's.

mod inflate;
mod letters;
mod mask;
mod stuffed;
mod text;

use super::View;
use crate::units::ByteRange;

pub(crate) use inflate::Inflater;
pub(crate) use mask::{apart, unmasked};

/// Bytes had back from a part of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recovered {
    /// How they were converted.
    pub(crate) view: View,
    /// What they were before.
    pub(crate) bytes: Vec<u8>,
    /// Where they came from.
    pub(crate) origin: Origin,
}

/// Stream offsets of bytes that were had back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Origin {
    /// Offset of a byte that was had back, and of the first byte of the stream that it came from; ascending, the first one is 0.
    marks: Vec<(u64, u64)>,
    /// How many bytes were had back.
    length: u64,
    /// One past the last byte of the stream.
    end: u64,
    /// Its parts, ascending, where bytes of something else stand between them; else empty.
    pieces: Vec<ByteRange>,
}

impl Origin {
    /// The parts of the stream that they came from, ascending, where bytes of something else stand between them; else none.
    pub(crate) fn pieces(&self) -> &[ByteRange] {
        &self.pieces
    }

    /// The part of the stream that a range of the bytes had back came from; to the byte where each is converted by itself, to
    /// about 4 KiB where it is compressed.
    pub(crate) fn of(&self, range: &ByteRange) -> ByteRange {
        let start = self.at(range.start);
        let end = if range.end >= self.length {
            self.end.saturating_add(range.end - self.length)
        } else {
            self.at(range.end)
        };
        start..end.max(start)
    }

    /// One past the last byte of the stream.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// Of bytes had back from others that were had back themselves: where in the stream they came from.
    fn within(&self, outer: &Self) -> Self {
        let marks = self.marks.iter();
        Self {
            marks: marks.map(|(offset, at)| (*offset, outer.at(*at))).collect(),
            length: self.length,
            end: outer.at(self.end),
            pieces: self
                .pieces
                .iter()
                .map(|one| outer.at(one.start)..outer.at(one.end))
                .collect(),
        }
    }

    fn at(&self, offset: u64) -> u64 {
        if offset >= self.length {
            return self.end;
        }
        let next = self.marks.partition_point(|(mark, _)| *mark <= offset);
        let Some(&(from, stream)) = next.checked_sub(1).and_then(|at| self.marks.get(at)) else {
            return self.end;
        };
        let &(to, there) = self.marks.get(next).unwrap_or(&(self.length, self.end));
        let (bytes, wire) = (to - from, there.saturating_sub(stream));
        let share = u128::from(offset - from) * u128::from(wire) / u128::from(bytes.max(1));
        stream + u64::try_from(share).unwrap_or(0)
    }
}

impl Recovered {
    /// The same as a part of the stream, where it was had back from bytes that were had back.
    pub(crate) fn within(self, outer: &Self) -> Self {
        Self {
            origin: self.origin.within(&outer.origin),
            ..self
        }
    }
}

/// Gathers bytes that are had back, with marks.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) bytes: Vec<u8>,
    marks: Vec<(u64, u64)>,
}

impl Gathered {
    /// So far apart are marks.
    const STEP: u64 = 4096;

    /// What comes next came from this place of the stream.
    pub(super) fn mark(&mut self, stream: u64) {
        let offset = self.bytes.len() as u64;
        if self
            .marks
            .last()
            .is_none_or(|(last, _)| offset >= last + Self::STEP)
        {
            self.marks.push((offset, stream));
        }
    }

    pub(super) fn finish(mut self, view: View, end: u64) -> Recovered {
        let length = self.bytes.len() as u64;
        self.bytes.shrink_to_fit();
        Recovered {
            view,
            bytes: self.bytes,
            origin: Origin {
                marks: self.marks,
                length,
                end,
                pieces: Vec::new(),
            },
        }
    }
}

/// All that these bytes of a stream, from offset `start` on, carry compressed, as text or byte-stuffed; at most `room` bytes.
pub(crate) fn recovered(
    inflater: &mut Inflater,
    bytes: &[u8],
    start: u64,
    room: usize,
) -> Vec<Recovered> {
    let mut found = text::recovered(bytes, start);
    found.extend(joined(&found, bytes, start));
    found.extend(letters::recovered(bytes, start));
    let taken: usize = found.iter().map(|one| one.bytes.len()).sum();
    let left = room.saturating_sub(taken);
    found.extend(inflate::recovered(inflater, bytes, start, left));
    if bytes.len() <= room {
        found.extend(stuffed::recovered(bytes, start));
    }
    found
}

/// Pieces of Base64 that were converted one by one, each in a text of its own, one behind the other: what stands between two is
/// how what stands behind the last begins, and how what stands before the first ends. Else a byte too many would make two pieces of one text.
fn joined(found: &[Recovered], bytes: &[u8], start: u64) -> Option<Recovered> {
    let pieces: Vec<&Recovered> = found
        .iter()
        .filter(|one| matches!(one.view, View::Base64 | View::Base64Url))
        .collect();
    let (first, last) = (pieces.first()?, pieces.last()?);
    if pieces.len() < 2 {
        return None;
    }
    let part = |from: u64, to: u64| {
        let place = |at: u64| usize::try_from(at.checked_sub(start)?).ok();
        bytes.get(place(from)?..place(to)?)
    };
    let begin = |piece: &Recovered| piece.origin.marks.first().map(|(_, at)| *at);
    let lead = part(start, begin(first)?)?;
    let tail = part(last.origin.end, start.saturating_add(bytes.len() as u64))?;
    for pair in pieces.windows(2) {
        let [before, behind] = pair else { continue };
        if !stands_around(part(before.origin.end, begin(behind)?)?, lead, tail) {
            return None;
        }
    }
    let mut bytes = Vec::new();
    let mut marks = Vec::new();
    let mut parts = Vec::new();
    for piece in &pieces {
        parts.extend(begin(piece).map(|start| start..piece.origin.end));
        let from = bytes.len() as u64;
        let own = piece.origin.marks.iter();
        marks.extend(own.map(|(offset, at)| (from + offset, *at)));
        bytes.extend_from_slice(&piece.bytes);
    }
    Some(Recovered {
        view: first.view,
        origin: Origin {
            marks,
            length: bytes.len() as u64,
            end: last.origin.end,
            pieces: parts,
        },
        bytes,
    })
}

/// Whether bytes between two pieces are of one kind with those before the first and behind the last: texts that differ in their numbers
/// only, with more of them before and behind, or of one length.
fn stands_around(between: &[u8], lead: &[u8], tail: &[u8]) -> bool {
    /// A message of its own before them or behind is no shorter; a byte too many is none.
    const MESSAGE: usize = 16;
    let skeleton = |text: &[u8]| {
        let printed = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n');
        let mut kept: Vec<u8> = text
            .iter()
            .map(|byte| if byte.is_ascii_digit() { b'0' } else { *byte })
            .collect();
        kept.dedup_by(|a, b| *a == b'0' && *b == b'0');
        text.iter().all(printed).then_some(kept)
    };
    if let (Some(between), Some(lead), Some(tail)) =
        (skeleton(between), skeleton(lead), skeleton(tail))
    {
        let common = |pairs: &mut dyn Iterator<Item = (&u8, &u8)>| {
            pairs.take_while(|(one, other)| one == other).count()
        };
        let begins = common(&mut between.iter().zip(&tail));
        let ends = common(&mut between.iter().rev().zip(lead.iter().rev()));
        let more = (lead.len() + tail.len()).saturating_sub(between.len());
        return begins + ends >= between.len() && (more == 0 || more >= MESSAGE);
    }
    let all = lead.len() + tail.len();
    let same = || tail.iter().chain(lead).eq(between);
    between.len() == all && (all > 2 || same())
}

/// Bytes that a part of a stream, from offset `start` on, carries as characters of Latin-1 in UTF-8.
pub(crate) fn characters(bytes: &[u8], start: u64) -> Vec<Recovered> {
    /// Shorter ones are no array.
    const LEAST: usize = 1024;
    /// Less is plain text.
    const DOUBLE: usize = 64;
    let mut found = Vec::new();
    let mut gathered = Gathered::default();
    let mut double = 0_usize;
    let mut at = 0;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let (byte, width) = match *rest {
            [byte @ 0..0x80, ..] => (byte, 1),
            [0xc2, byte @ 0x80..=0xbf, ..] => (byte, 2),
            [0xc3, byte @ 0x80..=0xbf, ..] => (byte | 0x40, 2),
            _ => {
                let run = std::mem::take(&mut gathered);
                if run.bytes.len() >= LEAST && double >= DOUBLE {
                    found.push(run.finish(View::Latin1ToUtf8, start + at as u64));
                }
                double = 0;
                if rest.is_empty() {
                    return found;
                }
                at += 1;
                continue;
            }
        };
        gathered.mark(start + at as u64);
        gathered.bytes.push(byte);
        double += usize::from(width == 2);
        at += width;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_pieces_stands_around_them() {
        let around = |between: &str, lead: &str, tail: &str| {
            stands_around(between.as_bytes(), lead.as_bytes(), tail.as_bytes())
        };
        assert!(around(
            "\"}{\"n\": 12, \"d\": \"",
            "{\"n\": 1, \"d\": \"",
            "\"}"
        ));
        assert!(!around(
            "\"}{\"n\": 12, \"d\": \"",
            "x{\"n\": 1, \"d\": \"",
            "\"}"
        ));
        assert!(!around(
            "\"}{\"n\": 12, \"d\": \"",
            "{\"n\": 1, \"d\": \"",
            "\"}x"
        ));
        assert!(!around(
            "\"}x{\"n\": 12, \"d\": \"",
            "{\"n\": 1, \"d\": \"",
            "\"}"
        ));
        // A message of its own before them, and one behind.
        let (open, close) = ("<open size='4096'/>", "<close with='all'/>");
        let lead = format!("{open}<data seq='0'>");
        assert!(around("</data><data seq='1'>", &lead, "</data>"));
        let tail = format!("</data>{close}");
        assert!(around("</data><data seq='1'>", &lead, &tail));
        assert!(!around("</data>x<data seq='1'>", &lead, &tail));
        assert!(!around(
            "</data><data seq='1'>",
            "<open/><data seq='0'>",
            "</data>"
        ));
        // No text.
        assert!(stands_around(b"\0\x01\xff", b"\x01\xff", b"\0"));
        assert!(stands_around(b"\0\x02\xff", b"\x01\xff", b"\0"));
        assert!(!stands_around(b"\0\x01\xff\0", b"\x01\xff", b"\0"));
        assert!(!stands_around(b"\0\x02", b"\x01", b"\0"));
    }
}
