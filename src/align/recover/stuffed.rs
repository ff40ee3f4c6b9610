//! Byte-stuffed: one value ends each frame, and where the data have it, two bytes stand for it.

use super::{Gathered, Recovered};
use crate::align::View;
use crate::picture::{SNIFF_BYTES, Sniff, sniff};
use crate::wire::layout::Check;
use crate::wire::layout::check::Running;

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

/// The bytes of a frame, and one past the last byte of the stream that it took.
#[derive(Debug, Default)]
struct Frame {
    gathered: Gathered,
    end: usize,
}

/// What is byte-stuffed in these bytes, a whole direction from stream offset `start` on: every byte has to be as the stuffing writes it.
/// A frame in which a picture begins begins a new one, and those behind it are its pieces.
pub(super) fn recovered(bytes: &[u8], start: u64) -> Vec<Recovered> {
    let frames = match *bytes {
        [.., 0xc0] => escaped(bytes, start, Stuffing::Slip),
        [0x7e, .., 0x7e] => escaped(bytes, start, Stuffing::Hdlc),
        [0x10, 0x02, .., 0x10, 0x03] => escaped(bytes, start, Stuffing::Dle),
        [first, .., 0] if first > 0 => cobs(bytes, start),
        _ => None,
    };
    let mut found: Vec<Recovered> = Vec::new();
    let mut open: Option<Frame> = None;
    let close = |open: Option<Frame>| {
        let whole = open.filter(|frame| frame.gathered.bytes.len() >= LEAST)?;
        let end = start + whole.end as u64;
        Some(whole.gathered.finish(View::Stuffed, end))
    };
    let frames = frames.unwrap_or_default();
    let check = check_of(&frames);
    for frame in frames {
        let all = &frame.gathered.bytes;
        let body = all
            .get(..all.len().saturating_sub(check))
            .unwrap_or_default();
        let (from, own) = match picture_within(body) {
            Some(from) => {
                found.extend(close(open.take()));
                (from, open.insert(Frame::default()))
            }
            None => match &mut open {
                Some(own) => (0, own),
                // What comes before the first picture.
                None => continue,
            },
        };
        let before = own.gathered.bytes.len() as u64;
        for &(offset, at) in &frame.gathered.marks {
            let offset = offset.saturating_sub(from as u64);
            own.gathered
                .marks
                .push((before + offset, at + u64::from(offset == 0) * from as u64));
        }
        let data = body.get(from..).unwrap_or_default();
        own.gathered.bytes.extend_from_slice(data);
        own.end = frame.end;
    }
    found.extend(close(open));
    found
}

/// Where in a frame a picture begins: behind a header of few bytes.
fn picture_within(frame: &[u8]) -> Option<usize> {
    /// Longer headers are none.
    const HEADER: usize = 64;
    (0..frame.len().min(HEADER)).find(|at| {
        let rest = frame.get(*at..).unwrap_or_default();
        let head = rest.get(..SNIFF_BYTES).unwrap_or(rest);
        matches!(sniff(head), Sniff::Is(_))
    })
}

/// How many bytes the checksum at the end of every frame has; none where not every frame has one.
fn check_of(frames: &[Frame]) -> usize {
    let long = |bytes: &[u8]| {
        let (body, check) = bytes.split_last_chunk::<4>()?;
        let sum = crc32fast::hash(body);
        Some(sum.to_be_bytes() == *check || sum.to_le_bytes() == *check)
    };
    let short = |bytes: &[u8]| {
        let (body, check) = bytes.split_last_chunk::<2>()?;
        let ccitt = |kind| {
            let mut sum = Running::new(kind);
            sum.update(body);
            sum.finish()
        };
        let sums = [
            ccitt(Check::Crc16),
            ccitt(Check::Crc16Ccitt),
            x25(body).to_be_bytes().to_vec(),
        ];
        let is = |sum: &Vec<u8>| sum.iter().eq(check) || sum.iter().rev().eq(check);
        Some(sums.iter().any(is))
    };
    let all = |fits: &dyn Fn(&[u8]) -> Option<bool>| {
        frames
            .iter()
            .all(|frame| fits(&frame.gathered.bytes) == Some(true))
    };
    if all(&long) {
        4
    } else if all(&short) {
        2
    } else {
        0
    }
}

/// The frame check sequence of HDLC (RFC 1662, appendix C.2).
fn x25(bytes: &[u8]) -> u16 {
    !bytes.iter().fold(0xffff, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| {
            crc >> 1 ^ if crc & 1 == 0 { 0 } else { 0x8408 }
        })
    })
}

fn escaped(bytes: &[u8], start: u64, stuffing: Stuffing) -> Option<Vec<Frame>> {
    let mut frames = Vec::new();
    let mut frame = Frame::default();
    let mut escapes = 0_usize;
    let mut rest = bytes;
    while let &[byte, ref others @ ..] = rest {
        let next = others.first().copied();
        let at = bytes.len() - rest.len();
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
            frame.gathered.mark(start + at as u64);
            frame.gathered.bytes.push(value);
            escapes += usize::from(width == 2);
        } else if !frame.gathered.bytes.is_empty() {
            frame.end = at + width;
            frames.push(std::mem::take(&mut frame));
        }
        rest = rest.get(width..).unwrap_or_default();
    }
    (escapes > 0).then_some(frames)
}

/// Consistent overhead byte stuffing: 00 ends a frame, and each block says where the next 00 of the data is.
fn cobs(bytes: &[u8], start: u64) -> Option<Vec<Frame>> {
    let mut frames = Vec::new();
    let mut at = 0;
    for stuffed in bytes.split(|byte| *byte == 0) {
        let mut frame = Frame::default();
        let mut rest = stuffed;
        while let Some((&code, others)) = rest.split_first() {
            let (block, later) = others.split_at_checked(usize::from(code - 1))?;
            let place = at + stuffed.len() - rest.len();
            frame.gathered.mark(start + place as u64);
            frame.gathered.bytes.extend_from_slice(block);
            if code < 0xff && !later.is_empty() {
                frame.gathered.bytes.push(0);
            }
            rest = later;
        }
        at += stuffed.len() + 1;
        frame.end = at.min(bytes.len());
        if !stuffed.is_empty() {
            frames.push(frame);
        }
    }
    Some(frames)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture() -> Vec<u8> {
        let head = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x10\0\0\0\x10\x08\x02\0\0\0";
        let rest = (0..400_usize).map(|at| u8::try_from(at * at % 251).unwrap());
        head.iter()
            .copied()
            .chain(rest)
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
    fn pieces_are_put_together_without_their_checksums() {
        let data = picture();
        let mut stream = Vec::new();
        for piece in data.chunks(100) {
            let framed = [piece, &x25(piece).to_le_bytes()].concat();
            stream.push(0x7e);
            for byte in framed {
                match byte {
                    0x7d | 0x7e => stream.extend([0x7d, byte ^ 0x20]),
                    _ => stream.push(byte),
                }
            }
        }
        stream.push(0x7e);
        let found = recovered(&stream, 0);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].bytes, data);
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
            let two = [&stream[..], &stream].concat();
            let found = recovered(&two, 7);
            assert_eq!(found.len(), 2);
            assert!(found.iter().all(|one| one.bytes == picture()));
            assert_eq!(found[0].origin.end(), 7 + stream.len() as u64);
            assert_eq!(found[1].origin.end(), 7 + two.len() as u64);
            stream.push(5);
            assert!(recovered(&stream, 7).is_empty());
        }
        assert!(recovered(&picture(), 0).is_empty());
    }
}
