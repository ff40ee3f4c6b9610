//! Encodings that say themselves where each of their values ends: `MessagePack`, CBOR, BSON, Protocol Buffers, Go's gob, and lines of text
//! that announce the bytes behind them, as Redis, memcached, NATS and STOMP do. A direction that is such values to its last byte, with
//! each picture a string of bytes among them, has no byte too many.

use crate::units::{self, ByteRange};

/// A picture: where it lies, and how many bytes it has, fewer where others stand between its pieces, and takes, where it is converted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) range: ByteRange,
    pub(super) lengths: [u64; 2],
}

/// Most values that are followed.
const VALUES: usize = 1 << 16;
/// Deepest nesting that is followed.
const DEPTH: usize = 16;
/// Most bytes of a line or a key that are read.
const LINE: u64 = 4096;

/// Whether one of the encodings accounts for all `end` bytes.
pub(super) fn accounts_for<E>(
    pictures: &[Held],
    end: u64,
    read: &mut dyn FnMut(ByteRange) -> Result<Vec<u8>, E>,
) -> Result<bool, E> {
    let head = read(0..end.min(8))?;
    // The length of all that comes may stand before it.
    let leads = [0_u64, 4, 8].into_iter().filter(|&lead| {
        let bytes = usize::try_from(lead).ok().and_then(|lead| head.get(..lead));
        bytes.is_some_and(|bytes| {
            lead == 0 || units::numbers(bytes).contains(&end.saturating_sub(lead))
        })
    });
    for lead in leads {
        for encoding in Encoding::ALL {
            let mut values = Values {
                pictures,
                at: lead,
                end,
                left: VALUES,
                found: Vec::new(),
                window: (0, Vec::new()),
                read,
            };
            let walked = match encoding {
                Encoding::MessagePack => values.message_pack()?,
                Encoding::Cbor => values.cbor()?,
                Encoding::Bson => values.bson()?,
                Encoding::ProtocolBuffers => values.message(end, 0)?,
                Encoding::DelimitedProtocolBuffers => values.delimited()?,
                Encoding::Gob => values.gob()?,
                Encoding::Lines => values.lines()?,
            };
            if walked.is_some() && values.at == end && values.holds() {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

#[derive(Debug, Clone, Copy)]
enum Encoding {
    MessagePack,
    Cbor,
    Bson,
    /// One message, without its length, that takes all.
    ProtocolBuffers,
    /// Messages, each behind its length.
    DelimitedProtocolBuffers,
    Gob,
    Lines,
}

impl Encoding {
    const ALL: [Self; 7] = [
        Self::MessagePack,
        Self::Cbor,
        Self::Bson,
        Self::ProtocolBuffers,
        Self::DelimitedProtocolBuffers,
        Self::Gob,
        Self::Lines,
    ];
}

/// Absent where the bytes are no such values.
type Walk<E> = Result<Option<()>, E>;

struct Values<'r, E> {
    pictures: &'r [Held],
    at: u64,
    end: u64,
    /// So many values may still come.
    left: usize,
    /// Strings of bytes, ascending.
    found: Vec<ByteRange>,
    /// Bytes that were read ahead, and where they begin.
    window: (u64, Vec<u8>),
    read: &'r mut dyn FnMut(ByteRange) -> Result<Vec<u8>, E>,
}

/// What absent bytes end.
macro_rules! some {
    ($value:expr) => {
        match $value {
            Some(value) => value,
            None => return Ok(None),
        }
    };
}

impl<E> Values<'_, E> {
    /// Whether each picture is one of the strings of bytes, or consists of several.
    fn holds(&self) -> bool {
        self.pictures.iter().all(|picture| {
            let within = self
                .found
                .iter()
                .filter(|one| picture.range.start <= one.start && one.end <= picture.range.end);
            let mut bytes = 0;
            let mut ends = (u64::MAX, 0);
            for one in within {
                bytes += one.end - one.start;
                ends = (ends.0.min(one.start), one.end);
            }
            picture.lengths.contains(&bytes) && ends == (picture.range.start, picture.range.end)
        })
    }

    /// The next bytes, which are not taken.
    fn peek(&mut self, count: u64) -> Result<Option<&[u8]>, E> {
        /// So many are read at once.
        const AHEAD: u64 = 256;
        let Some(to) = self.at.checked_add(count).filter(|to| *to <= self.end) else {
            return Ok(None);
        };
        let (from, window) = &self.window;
        if self.at < *from || to > from.saturating_add(window.len() as u64) {
            let ahead = to.max(self.at.saturating_add(AHEAD)).min(self.end);
            self.window = (self.at, (self.read)(self.at..ahead)?);
        }
        let start = usize::try_from(self.at - self.window.0).unwrap_or(usize::MAX);
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        Ok(self.window.1.get(start..start.saturating_add(count)))
    }

    fn byte(&mut self) -> Result<Option<u8>, E> {
        let byte = self.peek(1)?.and_then(<[u8]>::first).copied();
        self.at += u64::from(byte.is_some());
        Ok(byte)
    }

    /// A number of so many bytes, the most significant first.
    fn number(&mut self, width: u64) -> Result<Option<u64>, E> {
        let Some(bytes) = self.peek(width)? else {
            return Ok(None);
        };
        let value = bytes
            .iter()
            .fold(0, |value, byte| value << 8 | u64::from(*byte));
        self.at += width;
        Ok(Some(value))
    }

    /// A number in groups of seven bits, the lowest first.
    fn varint(&mut self) -> Result<Option<u64>, E> {
        let mut value = 0_u64;
        for group in 0..10_u32 {
            let byte = some!(self.byte()?);
            value |= u64::from(byte & 0x7f).checked_shl(7 * group).unwrap_or(0);
            if byte & 0x80 == 0 {
                // The shortest form, as programs write it.
                return Ok((group == 0 || byte != 0).then_some(value));
            }
        }
        Ok(None)
    }

    fn skip(&mut self, count: u64) -> Option<()> {
        self.at = self.at.checked_add(count).filter(|at| *at <= self.end)?;
        Some(())
    }

    /// A string of so many bytes.
    fn string(&mut self, count: u64) -> Option<()> {
        let from = self.at;
        self.skip(count)?;
        self.found.push(from..self.at);
        Some(())
    }

    /// One value more.
    fn count(&mut self) -> Option<()> {
        self.left = self.left.checked_sub(1)?;
        Some(())
    }

    /// `MessagePack`: maps and arrays, one behind the other.
    fn message_pack(&mut self) -> Walk<E> {
        while self.at < self.end {
            let head = self.peek(1)?.and_then(<[u8]>::first).copied();
            if !matches!(head, Some(0x81..=0x8f | 0x91..=0x9f | 0xdc..=0xdf)) {
                return Ok(None);
            }
            some!(self.packed(0)?);
        }
        Ok(Some(()))
    }

    fn packed(&mut self, depth: usize) -> Walk<E> {
        some!(self.count());
        if depth > DEPTH {
            return Ok(None);
        }
        let head = some!(self.byte()?);
        let members = match head {
            0x00..=0x7f | 0xc0 | 0xc2 | 0xc3 | 0xe0..=0xff => return Ok(Some(())),
            0x80..=0x8f => u64::from(head & 15) * 2,
            0x90..=0x9f => u64::from(head & 15),
            0xa0..=0xbf => return Ok(self.string(u64::from(head & 31))),
            0xc1 => return Ok(None),
            // Strings, and what has a type of its own before its bytes.
            0xc4..=0xc9 | 0xd9..=0xdb => {
                let width = 1 << ((head - if head < 0xd9 { 0xc4 } else { 0xd9 }) % 3);
                let length = some!(self.number(width)?);
                let kind = u64::from((0xc7..=0xc9).contains(&head));
                some!(self.skip(kind));
                return Ok(self.string(length));
            }
            0xca | 0xce | 0xd2 => return Ok(self.skip(4)),
            0xcb | 0xcf | 0xd3 => return Ok(self.skip(8)),
            0xcc | 0xd0 => return Ok(self.skip(1)),
            0xcd | 0xd1 => return Ok(self.skip(2)),
            0xd4..=0xd8 => return Ok(self.skip(1 + (1 << (head - 0xd4)))),
            0xdc => some!(self.number(2)?),
            0xdd => some!(self.number(4)?),
            0xde => some!(self.number(2)?) * 2,
            0xdf => some!(self.number(4)?) * 2,
        };
        for _ in 0..members {
            some!(self.packed(depth + 1)?);
        }
        Ok(Some(()))
    }

    /// CBOR (RFC 8949): maps and arrays, one behind the other.
    fn cbor(&mut self) -> Walk<E> {
        while self.at < self.end {
            let head = self.peek(1)?.and_then(<[u8]>::first).copied();
            if !matches!(head, Some(0x81..=0x9b | 0x9f | 0xa1..=0xbb | 0xbf)) {
                return Ok(None);
            }
            some!(self.item(0)?);
        }
        Ok(Some(()))
    }

    fn item(&mut self, depth: usize) -> Walk<E> {
        const INDEFINITE: u8 = 31;
        const BREAK: u8 = 0xff;
        some!(self.count());
        if depth > DEPTH {
            return Ok(None);
        }
        let head = some!(self.byte()?);
        let (major, low) = (head >> 5, head & 31);
        if low == INDEFINITE && (2..=5).contains(&major) {
            loop {
                let next = some!(self.peek(1)?.and_then(<[u8]>::first).copied());
                if next == BREAK {
                    return Ok(self.skip(1));
                }
                // Pieces of a string are strings of its kind, of a length that is known.
                if matches!(major, 2 | 3) && (next >> 5 != major || next & 31 == INDEFINITE) {
                    return Ok(None);
                }
                some!(self.item(depth + 1)?);
            }
        }
        let value = match low {
            0..24 => u64::from(low),
            24..=27 => some!(self.number(1 << (low - 24))?),
            _ => return Ok(None),
        };
        let members = match major {
            2 | 3 => return Ok(self.string(value)),
            4 => value,
            5 => some!(value.checked_mul(2)),
            6 => 1,
            _ => return Ok(Some(())),
        };
        for _ in 0..members {
            some!(self.item(depth + 1)?);
        }
        Ok(Some(()))
    }

    /// BSON: documents, one behind the other.
    fn bson(&mut self) -> Walk<E> {
        while self.at < self.end {
            some!(self.document(0)?);
        }
        Ok(Some(()))
    }

    /// A number of four bytes, the least significant first.
    fn little(&mut self) -> Result<Option<u64>, E> {
        let value = some!(self.number(4)?);
        Ok(u32::try_from(value)
            .ok()
            .map(|value| u64::from(value.swap_bytes())))
    }

    /// A text that a zero ends.
    fn name(&mut self) -> Walk<E> {
        let start = self.at;
        while self.at - start < LINE {
            if some!(self.byte()?) == 0 {
                return Ok(Some(()));
            }
        }
        Ok(None)
    }

    fn document(&mut self, depth: usize) -> Walk<E> {
        const LEAST: u64 = 5;
        let start = self.at;
        let length = some!(self.little()?);
        let end = some!(start.checked_add(length).filter(|to| *to <= self.end));
        if length < LEAST || depth > DEPTH {
            return Ok(None);
        }
        loop {
            some!(self.count());
            let kind = some!(self.byte()?);
            if kind == 0 {
                return Ok((self.at == end).then_some(()));
            }
            some!(self.name()?);
            match kind {
                0x01 | 0x09 | 0x11 | 0x12 => some!(self.skip(8)),
                0x02 | 0x0d | 0x0e => {
                    let length = some!(self.little()?);
                    some!(self.skip(length));
                }
                0x03 | 0x04 => some!(self.document(depth + 1)?),
                0x05 => {
                    let length = some!(self.little()?);
                    some!(self.skip(1));
                    some!(self.string(length));
                }
                0x06 | 0x0a | 0x7f | 0xff => {}
                0x07 => some!(self.skip(12)),
                0x08 => some!(self.skip(1)),
                0x0b => {
                    some!(self.name()?);
                    some!(self.name()?);
                }
                0x10 => some!(self.skip(4)),
                0x13 => some!(self.skip(16)),
                _ => return Ok(None),
            }
        }
    }

    /// Go's gob: messages, each behind its length; at least one that says the type of the values comes first.
    fn gob(&mut self) -> Walk<E> {
        let mut messages = 0;
        while self.at < self.end {
            some!(self.count());
            let length = some!(self.gob_number()?.filter(|length| *length > 0));
            let end = some!(self.at.checked_add(length).filter(|to| *to <= self.end));
            // The number of a type of one's own, from 65 on, negative where it is said what that is.
            let kind = self.peek(2)?;
            let own = kind.is_some_and(|kind| matches!(kind, [0xff, 0x81..=0xff]));
            let says = kind.is_some_and(|kind| kind.last().is_some_and(|last| last & 1 == 1));
            if !own || (messages == 0 && !says) {
                return Ok(None);
            }
            for picture in self.pictures {
                let range = picture.range.clone();
                if self.at <= range.start && range.end <= end {
                    let announced = some!(self.gob_before(range.start)?);
                    if announced != range.end - range.start {
                        return Ok(None);
                    }
                    self.found.push(range);
                }
            }
            messages += 1;
            self.at = end;
        }
        Ok((messages > 1).then_some(()))
    }

    /// A byte below 128 is itself; else it is how many bytes the number has, negated, and they follow.
    fn gob_number(&mut self) -> Result<Option<u64>, E> {
        let byte = some!(self.byte()?);
        match byte {
            0..0x80 => Ok(Some(u64::from(byte))),
            // The shortest form, as programs write it.
            0xf8.. => {
                let width = u32::from(byte.wrapping_neg());
                let value = self.number(u64::from(width))?;
                let least = 1_u64.checked_shl(8 * (width - 1)).unwrap_or(0).max(0x80);
                Ok(value.filter(|value| *value >= least))
            }
            _ => Ok(None),
        }
    }

    /// Such a number that ends there.
    fn gob_before(&mut self, end: u64) -> Result<Option<u64>, E> {
        let at = self.at;
        for width in [1_u64, 2, 3, 4, 5] {
            let Some(start) = end.checked_sub(width).filter(|start| *start >= at) else {
                break;
            };
            self.at = start;
            let number = self.gob_number()?;
            let ends = self.at == end;
            self.at = at;
            if let Some(number) =
                number.filter(|_| ends && (width > 1) == number.is_some_and(|one| one > 127))
            {
                return Ok(Some(number));
            }
        }
        Ok(None)
    }

    /// Protocol Buffers: messages, each behind its length as a varint.
    fn delimited(&mut self) -> Walk<E> {
        while self.at < self.end {
            // An empty one may be a zero of anything.
            let length = some!(self.varint()?.filter(|length| *length > 0));
            let end = some!(self.at.checked_add(length).filter(|to| *to <= self.end));
            some!(self.message(end, 0)?);
        }
        Ok(Some(()))
    }

    /// Protocol Buffers: the fields of a message that ends there.
    fn message(&mut self, end: u64, depth: usize) -> Walk<E> {
        /// Programs number their fields from 1 on.
        const MOST: u64 = 64;
        let mut last = 0;
        if depth > DEPTH {
            return Ok(None);
        }
        while self.at < end {
            some!(self.count());
            let tag = some!(self.varint()?);
            let field = tag >> 3;
            // Written in their order.
            if !(last.max(1)..=MOST).contains(&field) {
                return Ok(None);
            }
            last = field;
            match tag & 7 {
                0 => {
                    some!(self.varint()?);
                }
                1 => some!(self.skip(8)),
                2 => {
                    let length = some!(self.varint()?);
                    let to = some!(self.at.checked_add(length).filter(|to| *to <= end));
                    let here = self.at..to;
                    let inner = self.pictures.iter().any(|picture| {
                        here.start <= picture.range.start
                            && picture.range.end <= here.end
                            && picture.range != here
                    });
                    if inner {
                        some!(self.message(to, depth + 1)?);
                    } else {
                        some!(self.string(length));
                    }
                }
                5 => some!(self.skip(4)),
                _ => return Ok(None),
            }
        }
        Ok((self.at == end).then_some(()))
    }

    /// Lines that end with CR LF; the number of bytes that follow stands in the line before them, and CR LF ends those, too. Or frames of
    /// STOMP: a command, lines of headers that end with LF, an empty one, and after the bytes a NUL.
    fn lines(&mut self) -> Walk<E> {
        const COMMANDS: [&[u8]; 5] = [
            b"SEND\n",
            b"CONNECT\n",
            b"STOMP\n",
            b"MESSAGE\n",
            b"CONNECTE",
        ];
        let stomp = self
            .peek(8)?
            .is_some_and(|head| COMMANDS.iter().any(|command| head.starts_with(command)));
        let ends: &[u8] = if stomp { b"\0" } else { b"\r\n" };
        let mut announced: Vec<u64> = Vec::new();
        let mut open = false;
        while self.at < self.end {
            some!(self.count());
            if let Some(length) = pictures_at(self.pictures, self.at) {
                if !announced.contains(&length) {
                    return Ok(None);
                }
                some!(self.string(length));
                if self.peek(ends.len() as u64)? != Some(ends) {
                    return Ok(None);
                }
                some!(self.skip(ends.len() as u64));
                announced.clear();
                open = false;
                continue;
            }
            let line = some!(self.line(stomp)?);
            if !stomp {
                announced.clear();
                if let Some(length) = literal(&line) {
                    some!(self.literal(length)?);
                    continue;
                }
            }
            announced.extend(numbers(&line));
            // Behind the empty line comes a picture, or nothing.
            if open && line.is_empty() && pictures_at(self.pictures, self.at).is_none() {
                if self.byte()? != Some(0) {
                    return Ok(None);
                }
                announced.clear();
                open = false;
                continue;
            }
            open = stomp;
        }
        Ok((!open).then_some(()))
    }

    /// So many bytes that a line announced in braces, as IMAP has them (RFC 9051, section 4.3): a picture, perhaps with a line end
    /// behind it. The line goes on behind them.
    fn literal(&mut self, length: u64) -> Walk<E> {
        let to = some!(self.at.checked_add(length));
        let Some(own) = pictures_at(self.pictures, self.at) else {
            return Ok(self.skip(length));
        };
        some!(self.string(own));
        let rest = some!(to.checked_sub(self.at).filter(|rest| *rest <= 2));
        let end = some!(self.peek(rest)?);
        Ok(matches!(end, b"" | b"\r\n" | b"\n")
            .then(|| self.skip(rest))
            .flatten())
    }

    /// The next line, without its end.
    fn line(&mut self, stomp: bool) -> Result<Option<Vec<u8>>, E> {
        let mut line = Vec::new();
        loop {
            let byte = some!(self.byte()?);
            match byte {
                b'\n' if stomp => return Ok(Some(line)),
                b'\r' if !stomp => {
                    return Ok((self.byte()? == Some(b'\n')).then_some(line));
                }
                b' '..=b'~' | b'\t' => line.push(byte),
                _ => return Ok(None),
            }
            if line.len() as u64 > LINE {
                return Ok(None);
            }
        }
    }
}

/// The number of bytes in braces at the end of a line.
fn literal(line: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(line).ok()?;
    let (_, number) = text.strip_suffix('}')?.rsplit_once('{')?;
    number.trim_end_matches('+').parse().ok()
}

/// How many bytes the picture has that begins there.
fn pictures_at(pictures: &[Held], at: u64) -> Option<u64> {
    let picture = pictures.iter().find(|one| one.range.start == at)?;
    let length = picture.range.end - at;
    picture.lengths.contains(&length).then_some(length)
}

/// The decimal numbers of a line.
fn numbers(line: &[u8]) -> impl Iterator<Item = u64> {
    line.split(|byte| !byte.is_ascii_digit())
        .filter_map(|run| std::str::from_utf8(run).ok()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PICTURE: &[u8] = b"PICTURE";

    fn judged(stream: &[u8], picture: ByteRange) -> bool {
        let held = Held {
            range: picture,
            lengths: [PICTURE.len() as u64; 2],
        };
        accounts_for(
            std::slice::from_ref(&held),
            stream.len() as u64,
            &mut |range| {
                let place = |at: u64| usize::try_from(at).unwrap();
                Ok::<_, ()>(stream[place(range.start)..place(range.end)].to_vec())
            },
        )
        .unwrap()
    }

    #[test]
    fn a_stream_of_values_has_no_byte_too_many_and_one_more_is_one() {
        let streams: [&[u8]; 18] = [
            b"\x83\xa4name\xa5a.jpg\xa4size\xce\0\0\0\x07\xa4data\xc4\x07PICTURE",
            b"\x92\xcb@\x09!\xfbTD-\x18\xc5\0\x07PICTURE",
            b"\x81\xa1d\xc8\0\x07\x2aPICTURE",
            b"\x81\xa1d\xd9\x07PICTURE\x91\x01",
            b"\xa2dnameea.jpgddataGPICTURE",
            b"\xa1ddata\x58\x07PICTURE",
            b"\x9f\x01\x82\xf5\x5a\0\0\0\x07PICTURE\xff",
            b"\x0a\x05a.jpg\x10\x07\x1a\x07PICTURE\x20\x01",
            b"\x0a\x0d\x0a\x02ab\x12\x07PICTURE\x15\0\0\0\0",
            b"\x0b\x0a\x07PICTURE\x20\x01\x02\x08\x03",
            b"\x17\0\0\0\x05data\0\x07\0\0\0\0PICTURE\0",
            b"\0\0\0\x0c\x81\xa1d\xc4\x07PICTURE",
            b"\x04\xff\x81\x03\x01\x0c\xff\x82\x01\x07PICTURE\0",
            b"*3\r\n$3\r\nSET\r\n$5\r\nphoto\r\n$7\r\nPICTURE\r\n",
            b"$7\r\nPICTURE\r\n",
            b"PING\r\nPUB images 7\r\nPICTURE\r\nPING\r\n",
            b"VALUE photo 0 7\r\nPICTURE\r\nEND\r\n",
            b"SEND\ndestination:/q/img\ncontent-length:7\n\nPICTURE\0",
        ];
        for stream in streams {
            let at = memchr::memmem::find(stream, PICTURE).unwrap() as u64;
            let picture = at..at + 7;
            assert!(judged(stream, picture.clone()), "{stream:?}");
            let place = usize::try_from(at).unwrap();
            for byte in [0_u8, 1, b'\n', b'x', 0xc0, 0xff] {
                let behind = [stream, &[byte]].concat();
                assert!(!judged(&behind, picture.clone()), "{behind:?}");
                let before = [&[byte], stream].concat();
                let moved = at + 1..at + 8;
                // A line of text may be of any letters.
                let text = byte == b'x' && stream[..4].is_ascii();
                assert!(text || !judged(&before, moved.clone()), "{before:?}");
                let within = [&stream[..place], &[byte], &stream[place..]].concat();
                assert!(!judged(&within, moved), "{within:?}");
            }
            let less = &stream[..stream.len() - 1];
            assert!(!judged(less, picture.clone()), "{less:?}");
            assert!(!judged(stream, at + 1..at + 8), "{stream:?}");
        }
    }

    #[test]
    fn a_string_in_pieces_is_one_picture() {
        let stream = b"\xa1ddata\x5f\x44PICT\x43URE\xff";
        assert!(judged(stream, 8..16));
        assert!(!judged(stream, 8..15));
        let other = b"\xa1ddata\x5f\x44PICT\x43URE\xfe";
        assert!(!judged(other, 8..16));
    }

    #[test]
    fn values_without_end_are_given_up() {
        let deep = vec![0x91; 64];
        assert!(!judged(&deep, 10..17));
        let many = b"\xdd\xff\xff\xff\xff".repeat(3);
        assert!(!judged(&many, 8..15));
    }
}
