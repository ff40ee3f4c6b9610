//! Tests of the capture file reader; here what they share: files built in memory, and reading them.

mod files;
mod mutations;
mod ng;
mod reality;
mod tcpdump;

use std::io::Read;

use crate::source::bytes::Order;
use crate::source::reader::Reader;
use crate::source::summary::{FileSummary, Format};
use crate::source::window::{Mapped, Stream, Window};
use crate::source::{Reason, sniff};
use crate::units::FrameNumber;

/// A frame with bytes of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Whole {
    number: u64,
    time: Option<i64>,
    link: u16,
    interface: u32,
    wire_len: u32,
    data: Vec<u8>,
}

/// Reads a file in memory, mapped and as streams that come in pieces of several sizes, and makes sure
/// that all are the same.
fn read(bytes: &[u8]) -> (Vec<Whole>, FileSummary) {
    let (format, parser) = sniff::parser(bytes).expect("not recognised as a capture");
    let mapped = drain(format, Reader::new(Mapped::new(bytes), parser));
    for piece in [1, 7, 64, 1 << 20] {
        let (_, parser) = sniff::parser(bytes).unwrap();
        let stream = || {
            let bytes = bytes.to_vec();
            Stream::new(
                Box::new(Pieces {
                    bytes,
                    at: 0,
                    piece,
                }),
                None,
            )
        };
        let streamed = drain(format, Reader::new(stream(), parser));
        assert_eq!(mapped, streamed, "in pieces of {piece}");
        if piece != 64 {
            continue;
        }
        let mut ahead = stream();
        ahead.read_ahead();
        let (_, parser) = sniff::parser(bytes).unwrap();
        let ahead = drain(format, Reader::new(ahead, parser));
        assert_eq!(mapped, ahead, "in pieces of {piece}, by a thread");
    }
    mapped
}

fn drain<W: Window>(format: Format, mut reader: Reader<W>) -> (Vec<Whole>, FileSummary) {
    let mut frames = Vec::new();
    let mut number = 0;
    while let Some(head) = reader.advance() {
        number += 1 + reader.take_numbers_passed();
        frames.push(Whole {
            number,
            time: head.time.map(|time| time.0),
            link: head.link.0,
            interface: head.interface,
            wire_len: head.wire_len,
            data: reader.data(&head).to_vec(),
        });
    }
    assert!(reader.advance().is_none(), "goes on after its end");
    let mut summary = FileSummary::new("in memory".into(), format, None, None);
    let last = frames.last().map(|frame| FrameNumber(frame.number));
    reader.account(&mut summary, last, &[]);
    assert_eq!(summary.packets, frames.len() as u64);
    let captured: usize = frames.iter().map(|frame| frame.data.len()).sum();
    assert_eq!(summary.captured_bytes, captured as u64);
    let original: u64 = frames.iter().map(|frame| u64::from(frame.wire_len)).sum();
    assert_eq!(summary.original_bytes, original);
    (frames, summary)
}

/// Why a file could not be read to its end, and where.
fn damage(summary: &FileSummary) -> (u64, Option<u64>, Reason) {
    let damage = summary.truncated.clone().expect("read to its end");
    (
        damage.offset,
        damage.after_frame.map(|frame| frame.0),
        damage.reason,
    )
}

/// A pipe that gives so many bytes at a time.
struct Pieces {
    bytes: Vec<u8>,
    at: usize,
    piece: usize,
}

impl Read for Pieces {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let rest = &self.bytes[self.at..];
        let count = self.piece.min(out.len()).min(rest.len());
        out[..count].copy_from_slice(&rest[..count]);
        self.at += count;
        Ok(count)
    }
}

/// A file under construction.
struct Build {
    order: Order,
    bytes: Vec<u8>,
}

impl Build {
    fn word(&mut self, word: u32) -> &mut Self {
        self.bytes.extend(put32(self.order, word));
        self
    }

    fn words(&mut self, words: &[u32]) -> &mut Self {
        for word in words {
            self.word(*word);
        }
        self
    }

    fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    // pcap

    fn pcap(order: Order, magic: u32, snap_len: u32, link: u32) -> Self {
        let mut file = Self {
            order,
            bytes: Vec::new(),
        };
        file.word(magic);
        file.raw(&put16(order, 2)).raw(&put16(order, 4));
        file.words(&[0, 0, snap_len, link]);
        file
    }

    fn record(&mut self, seconds: u32, fraction: u32, original: u32, data: &[u8]) -> &mut Self {
        let captured = u32::try_from(data.len()).unwrap();
        self.words(&[seconds, fraction, captured, original])
            .raw(data)
    }

    // pcapng

    fn pcapng(order: Order) -> Self {
        let mut file = Self {
            order,
            bytes: Vec::new(),
        };
        file.section(order);
        file
    }

    /// A block whose lengths are right.
    fn block(&mut self, kind: u32, body: &[u8]) -> &mut Self {
        let padded = body.len().next_multiple_of(4);
        let length = u32::try_from(padded + 12).unwrap();
        self.words(&[kind, length]).raw(body);
        self.raw(&[0; 3][..padded - body.len()]).word(length)
    }

    fn section(&mut self, order: Order) -> &mut Self {
        self.order = order;
        let mut body = Vec::new();
        body.extend(put32(order, 0x1a2b_3c4d));
        body.extend(put16(order, 1));
        body.extend(put16(order, 0));
        body.extend([0xff; 8]);
        self.block(0x0a0d_0d0a, &body)
    }

    /// An interface with options, each a code and a value.
    fn interface(&mut self, link: u16, snap_len: u32, options: &[(u16, &[u8])]) -> &mut Self {
        let mut body = Vec::new();
        body.extend(put16(self.order, link));
        body.extend([0, 0]);
        body.extend(put32(self.order, snap_len));
        body.extend(self.options(options));
        self.block(1, &body)
    }

    fn enhanced(&mut self, interface: u32, ticks: u64, original: u32, data: &[u8]) -> &mut Self {
        self.enhanced_with(interface, ticks, original, data, &[])
    }

    fn enhanced_with(
        &mut self,
        interface: u32,
        ticks: u64,
        original: u32,
        data: &[u8],
        options: &[(u16, &[u8])],
    ) -> &mut Self {
        let mut body = Vec::new();
        let captured = u32::try_from(data.len()).unwrap();
        let (high, low) = halves(ticks);
        for word in [interface, high, low, captured, original] {
            body.extend(put32(self.order, word));
        }
        body.extend(data);
        body.resize(body.len().next_multiple_of(4), 0);
        body.extend(self.options(options));
        self.block(6, &body)
    }

    fn simple(&mut self, original: u32, data: &[u8]) -> &mut Self {
        let mut body = put32(self.order, original).to_vec();
        body.extend(data);
        self.block(3, &body)
    }

    fn statistics(&mut self, interface: u32, options: &[(u16, &[u8])]) -> &mut Self {
        let mut body = Vec::new();
        for word in [interface, 0, 0] {
            body.extend(put32(self.order, word));
        }
        body.extend(self.options(options));
        self.block(5, &body)
    }

    fn options(&self, options: &[(u16, &[u8])]) -> Vec<u8> {
        let mut out = Vec::new();
        for (code, value) in options {
            out.extend(put16(self.order, *code));
            out.extend(put16(self.order, u16::try_from(value.len()).unwrap()));
            out.extend(*value);
            out.resize(out.len().next_multiple_of(4), 0);
        }
        if !options.is_empty() {
            out.extend([0; 4]);
        }
        out
    }

    fn count(&self, count: u64) -> [u8; 8] {
        match self.order {
            Order::Little => count.to_le_bytes(),
            Order::Big => count.to_be_bytes(),
        }
    }
}

fn put16(order: Order, value: u16) -> [u8; 2] {
    match order {
        Order::Little => value.to_le_bytes(),
        Order::Big => value.to_be_bytes(),
    }
}

fn put32(order: Order, value: u32) -> [u8; 4] {
    match order {
        Order::Little => value.to_le_bytes(),
        Order::Big => value.to_be_bytes(),
    }
}

fn halves(ticks: u64) -> (u32, u32) {
    (
        u32::try_from(ticks >> 32).unwrap(),
        u32::try_from(ticks & 0xffff_ffff).unwrap(),
    )
}

const BOTH: [Order; 2] = [Order::Little, Order::Big];
