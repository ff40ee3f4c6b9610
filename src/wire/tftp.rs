//! `tftp`: a file in numbered blocks, each acknowledged (RFC 1350; options, RFC 2347 and 2348).
//!
//! A block is `00 03`, its number from 1 in 16 bits, and 512 bytes or what OACK agreed on; a shorter one is the last. Numbers go
//! on from 0 behind 65,535. A block that comes again was sent again because its acknowledgment was late or lost. In mode `netascii`
//! LF is sent as CR LF and CR as CR NUL; the bytes are passed on as they are on the wire.

use super::detect::Clues;
use super::formats::{Over, Probe, Row, WireFormat};
use super::sequence::{Order, Place, Sequence, missing_bytes};
use super::{Decode, Ending, Event, Framing, Sink, StreamEnd};

const READ: u8 = 1;
const WRITE: u8 = 2;
const DATA: u8 = 3;
const ACK: u8 = 4;
const ERROR: u8 = 5;
const OACK: u8 = 6;
/// Bytes of opcode and number.
const HEAD: usize = 4;

/// Decoder of one direction.
#[derive(Debug, Clone, Default)]
pub struct TftpDecoder {
    open: Option<Box<Open>>,
}

#[derive(Debug, Clone)]
struct Open {
    sequence: Sequence,
    /// Bytes of a full block.
    size: usize,
    /// Index from 0 one past the last block, once a shorter one came.
    blocks: Option<u64>,
}

/// Whether a datagram can be nothing else: a request with a mode, the first block of a picture, an answer with options.
pub(crate) fn is_one(payload: &[u8]) -> bool {
    match *payload {
        [0, READ | WRITE, ref rest @ ..] => {
            let mut fields = rest.split(|byte| *byte == 0);
            let name = fields.next().unwrap_or_default();
            let mode = fields.next().unwrap_or_default().to_ascii_lowercase();
            !name.is_empty() && matches!(&mode[..], b"octet" | b"netascii")
        }
        [0, DATA, 0, 1, ref data @ ..] => begins(data),
        [0, ACK, 0, 0] => true,
        [0, OACK, ref options @ ..] => {
            let known: [&[u8]; 3] = [b"blksize\0", b"tsize\0", b"timeout\0"];
            let options = options.to_ascii_lowercase();
            known.iter().any(|name| options.starts_with(name))
        }
        _ => false,
    }
}

/// Whether data begin as a picture, as they are or in netascii.
fn begins(data: &[u8]) -> bool {
    use crate::picture::{SNIFF_BYTES, Sniff, sniff};
    let mut plain = Vec::new();
    let mut before = 0;
    for &byte in data.iter().take(2 * SNIFF_BYTES) {
        match (before, byte) {
            (b'\r', b'\n') => {
                plain.pop();
                plain.push(b'\n');
            }
            (b'\r', 0) => {}
            _ => plain.push(byte),
        }
        before = byte;
    }
    let is = |bytes: &[u8]| {
        let head = bytes.get(..SNIFF_BYTES).unwrap_or(bytes);
        matches!(sniff(head), Sniff::Is(_))
    };
    is(data) || is(&plain)
}

impl TftpDecoder {
    fn block(&mut self, payload: &[u8], missing: u64, sink: &mut Sink<'_>) {
        let (head, data) = payload.split_at(HEAD.min(payload.len()));
        let number = match *head {
            [_, _, high, low] => u64::from(u16::from_be_bytes([high, low])),
            _ => return,
        };
        if self.open.is_none() {
            if number != 1 || !begins(data) {
                framing("TFTP block of no picture", payload.len() as u64, sink);
                gap(missing, sink);
                return;
            }
            framing("TFTP header", HEAD as u64, sink);
            sink(Event::PictureStart { length: None });
            self.open = Some(Box::new(Open {
                sequence: Sequence::new(false),
                size: data.len(),
                blocks: None,
            }));
        }
        let first = number == 1
            && self
                .open
                .as_ref()
                .is_some_and(|open| open.sequence.next() == 0);
        let Some(open) = &mut self.open else { return };
        // The number among all: the closest one to the one that is due.
        let due = open.sequence.next();
        let base = due.saturating_sub(0x7fff) & !0xffff;
        let near = |index: &u64| index.abs_diff(due);
        let index = (0..3)
            .filter_map(|turn| (base + (turn << 16) + number).checked_sub(1))
            .min_by_key(near)
            .unwrap_or(0);
        if !first {
            framing("TFTP header", HEAD as u64, sink);
        }
        let order = match open.sequence.place(index, data) {
            Place::Here(order) => order,
            // The same number with other bytes: whoever sends it knows which ones are right.
            Place::Elsewhere => Order::Repeat,
        };
        let last = data.len() < open.size && missing == 0;
        // One that comes again is what the protocol does where an acknowledgment is late.
        if order != Order::Repeat {
            sink(Event::Numbered {
                index,
                total: last.then(|| index.saturating_add(1)),
                order,
                transmission: None,
            });
        }
        if last {
            open.blocks = Some(index.saturating_add(1));
        }
        open.sequence.take(index, data, order, last, sink);
        missing_bytes(true, missing, sink);
        if open.blocks == Some(open.sequence.next()) && open.sequence.is_settled() {
            self.open = None;
            sink(Event::PictureEnd(Ending::Length));
        }
    }

    fn end(&mut self, ending: Ending, sink: &mut Sink<'_>) {
        if let Some(mut open) = self.open.take() {
            open.sequence.settle(open.blocks, sink);
            sink(Event::PictureEnd(ending));
        }
    }
}

fn framing(name: &'static str, bytes: u64, sink: &mut Sink<'_>) {
    sink(Event::Framing {
        what: Framing::Field(name),
        bytes,
    });
}

fn gap(missing: u64, sink: &mut Sink<'_>) {
    missing_bytes(false, missing, sink);
}

impl Decode for TftpDecoder {
    fn update(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        self.cut_datagram(bytes, 0, sink);
    }

    fn cut_datagram(&mut self, payload: &[u8], missing: u64, sink: &mut Sink<'_>) {
        let bytes = payload.len() as u64;
        match *payload {
            [0, DATA, _, _, ..] => self.block(payload, missing, sink),
            [0, READ | WRITE, ..] => {
                framing("TFTP request", bytes, sink);
                gap(missing, sink);
            }
            [0, ACK, _, _] | [0, OACK, ..] => {
                framing("answer", bytes, sink);
                gap(missing, sink);
            }
            [0, ERROR, _, _, ..] => {
                self.end(Ending::Broken, sink);
                framing("answer", bytes, sink);
                gap(missing, sink);
            }
            [] => gap(missing, sink),
            _ if self.open.is_some() => {
                // No part of it.
                framing("no TFTP", bytes, sink);
                missing_bytes(true, missing, sink);
            }
            _ => {
                sink(Event::Stray(payload));
                gap(missing, sink);
            }
        }
    }

    fn gap(&mut self, length: u64, sink: &mut Sink<'_>) {
        missing_bytes(self.open.is_some(), length, sink);
    }

    fn finish(&mut self, end: StreamEnd, sink: &mut Sink<'_>) {
        self.end(Ending::Cut(end), sink);
    }
}

impl WireFormat for TftpDecoder {
    const ROW: Row = Row {
        name: "tftp",
        meaning: "A file in numbered blocks over UDP, each acknowledged.",
        over: Over::Datagrams,
        names_itself: false,
    };

    fn probe(clues: &Clues<'_>) -> Probe {
        Probe::of(Some(is_one(clues.head)), "a datagram of TFTP")
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Seen, fixtures, pictures, run};
    use super::*;

    fn block(number: u16, data: &[u8]) -> Vec<u8> {
        [&[0, DATA][..], &number.to_be_bytes(), data].concat()
    }

    fn decode(datagrams: &[Vec<u8>]) -> Vec<Seen> {
        let mut decoder = TftpDecoder::default();
        run(|sink| {
            for datagram in datagrams {
                decoder.datagram(datagram, sink);
            }
            decoder.finish(StreamEnd::Idle, sink);
        })
    }

    fn blocks(picture: &[u8], size: usize) -> Vec<Vec<u8>> {
        let mut blocks: Vec<_> = (1_u16..)
            .zip(picture.chunks(size))
            .map(|(number, data)| block(number, data))
            .collect();
        if picture.len().is_multiple_of(size) {
            let next = u16::try_from(blocks.len() + 1).unwrap();
            blocks.push(block(next, b""));
        }
        blocks
    }

    #[test]
    fn blocks_of_any_size_repeated_and_lost() {
        let picture = &fixtures()[2];
        for size in [40, picture.len() / 4, 512] {
            let whole = blocks(picture, size);
            assert_eq!(
                pictures(&decode(&whole)),
                [(picture.clone(), Ending::Length)]
            );
            let twice: Vec<_> = whole
                .iter()
                .flat_map(|one| [one.clone(), one.clone()])
                .collect();
            assert_eq!(pictures(&decode(&twice[..twice.len() - 1]))[0].0, *picture);
        }
        let mut lost = blocks(picture, 40);
        lost.remove(1);
        let seen = decode(&lost);
        assert!(seen.contains(&Seen::Lost(Some(1), Some(40))));
    }

    #[test]
    fn numbers_go_on_behind_65_535() {
        let head = &fixtures()[0][..16];
        let mut sent: Vec<Vec<u8>> = vec![block(1, head)];
        sent.extend(
            (2..=70_000_u32).map(|index| block(u16::try_from(index % 65_536).unwrap(), &[7; 16])),
        );
        sent.push(block(u16::try_from(70_001 % 65_536).unwrap(), b"end"));
        let seen = decode(&sent);
        let (bytes, ending) = &pictures(&seen)[0];
        assert_eq!((bytes.len(), *ending), (70_000 * 16 + 3, Ending::Length));
    }

    #[test]
    fn what_is_one() {
        assert!(is_one(b"\0\x01a.jpg\0octet\0"));
        assert!(is_one(b"\0\x02a.jpg\0NETASCII\0blksize\x001428\0"));
        assert!(is_one(&block(1, &fixtures()[2])));
        assert!(is_one(b"\0\x06blksize\x001428\0"));
        assert!(!is_one(&block(1, b"hello hello hello hello")));
        assert!(!is_one(b"\0\x01hello"));
        assert!(!is_one(b""));
    }
}
