//! Byte-stuffed: one value ends each frame, and where the data have it, two bytes stand for it.

use super::{Gathered, Recovered};
use crate::align::View;

/// Fewer bytes are no picture.
const LEAST: usize = 64;

/// How frames are set apart, and how what looks like their ends is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stuffing {
    /// C0 ends a frame; DB DC stands for C0, DB DD for DB (RFC 1055).
    Slip,
    /// 7E on both sides; 7D and the byte exclusive-or 20 stand for 7E and 7D (RFC 1662, section 4.2).
    Hdlc,
    /// 10 02 before, 10 03 behind; 10 10 stands for 10.
    Dle,
}

/// What is byte-stuffed in these bytes, a whole direction from stream offset `start` on: every byte has to be as the stuffing writes it.
pub(super) fn recovered(bytes: &[u8], start: u64) -> Option<Recovered> {
    let gathered = match *bytes {
        [.., 0xc0] => escaped(bytes, start, Stuffing::Slip),
        [0x7e, .., 0x7e] => escaped(bytes, start, Stuffing::Hdlc),
        [0x10, 0x02, .., 0x10, 0x03] => escaped(bytes, start, Stuffing::Dle),
        [first, .., 0] if first > 0 => cobs(bytes, start),
        _ => None,
    };
    let gathered = gathered.filter(|gathered| gathered.bytes.len() >= LEAST)?;
    Some(gathered.finish(View::Stuffed, start + bytes.len() as u64))
}

fn escaped(bytes: &[u8], start: u64, stuffing: Stuffing) -> Option<Gathered> {
    let mut gathered = Gathered::default();
    let mut escapes = 0_usize;
    let mut rest = bytes;
    while let &[byte, ref others @ ..] = rest {
        let next = others.first().copied();
        // What it stands for, and how many bytes it takes; no value for what only sets frames apart.
        let (value, width) = match (stuffing, byte, next) {
            (Stuffing::Slip, 0xc0, _) | (Stuffing::Hdlc, 0x7e, _) => (None, 1),
            (Stuffing::Slip, 0xdb, Some(0xdc)) => (Some(0xc0), 2),
            (Stuffing::Slip, 0xdb, Some(0xdd)) => (Some(0xdb), 2),
            (Stuffing::Hdlc, 0x7d, Some(next @ (0x5d | 0x5e | 0x20..=0x3f))) => {
                (Some(next ^ 0x20), 2)
            }
            (Stuffing::Dle, 0x10, Some(0x10)) => (Some(0x10), 2),
            (Stuffing::Dle, 0x10, Some(2 | 3)) => (None, 2),
            (Stuffing::Slip, 0xdb, _) | (Stuffing::Hdlc, 0x7d, _) | (Stuffing::Dle, 0x10, _) => {
                return None;
            }
            _ => (Some(byte), 1),
        };
        if let Some(value) = value {
            gathered.mark(start + (bytes.len() - rest.len()) as u64);
            gathered.bytes.push(value);
            escapes += usize::from(width == 2);
        }
        rest = rest.get(width..).unwrap_or_default();
    }
    (escapes > 0).then_some(gathered)
}

/// Consistent overhead byte stuffing: 00 ends a frame, and each block says where the next 00 of the data is.
fn cobs(bytes: &[u8], start: u64) -> Option<Gathered> {
    let mut gathered = Gathered::default();
    let mut at = 0;
    for frame in bytes.split(|byte| *byte == 0) {
        let mut rest = frame;
        while let Some((&code, others)) = rest.split_first() {
            let (block, later) = others.split_at_checked(usize::from(code - 1))?;
            gathered.mark(start + at as u64 + (frame.len() - rest.len()) as u64);
            gathered.bytes.extend_from_slice(block);
            if code < 0xff && !later.is_empty() {
                gathered.bytes.push(0);
            }
            rest = later;
        }
        at += frame.len() + 1;
    }
    Some(gathered)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture() -> Vec<u8> {
        (0..400_usize)
            .map(|at| u8::try_from(at * at % 251).unwrap())
            .chain([0, 0, 0x10, 0x7d, 0x7e, 0xc0, 0xdb, 0, 7])
            .collect()
    }

    fn stuffed(pairs: &[(u8, [u8; 2])], before: &[u8], behind: &[u8]) -> Vec<u8> {
        let data = picture();
        let inner = data.iter().flat_map(|byte| {
            let pair = pairs.iter().find(|(stuffed, _)| stuffed == byte);
            pair.map_or(vec![*byte], |(_, pair)| pair.to_vec())
        });
        before
            .iter()
            .copied()
            .chain(inner)
            .chain(behind.iter().copied())
            .collect()
    }

    fn consistent() -> Vec<u8> {
        let data = picture();
        let mut bytes = Vec::new();
        for run in data.split(|byte| *byte == 0) {
            for block in run.chunks(254) {
                bytes.push(u8::try_from(block.len() + 1).unwrap());
                bytes.extend_from_slice(block);
            }
            if run.is_empty() {
                bytes.push(1);
            }
        }
        bytes.push(0);
        bytes
    }

    #[test]
    fn each_stuffing_is_undone_and_one_byte_that_is_none_of_it_refuses_all() {
        let slip = [(0xc0, [0xdb, 0xdc]), (0xdb, [0xdb, 0xdd])];
        let hdlc = [(0x7e, [0x7d, 0x5e]), (0x7d, [0x7d, 0x5d])];
        let streams = [
            stuffed(&slip, &[0xc0], &[0xc0]),
            stuffed(&hdlc, &[0x7e], &[0x7e]),
            stuffed(&[(0x10, [0x10, 0x10])], &[0x10, 2], &[0x10, 3]),
            consistent(),
        ];
        for mut stream in streams {
            let found = recovered(&stream, 7).unwrap();
            assert_eq!(found.bytes, picture());
            assert_eq!(found.origin.end(), 7 + stream.len() as u64);
            stream.push(5);
            assert_eq!(recovered(&stream, 7), None);
        }
        assert_eq!(recovered(&picture(), 0), None);
    }
}
