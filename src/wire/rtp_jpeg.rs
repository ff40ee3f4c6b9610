//! `rtp-jpeg`: a JPEG a frame in RTP packets (RFC 3550; RFC 2435), without the headers that its decoder needs.
//!
//! A packet has RTP's header, an offset in the scan's data, a type, a quality, width and height in blocks of 8 pixels, and a piece
//! of the data; the last packet of a frame is marked. Headers and tables are made again from that, as the RFC's appendices show:
//! the picture is a JPEG file whose data are those of the wire, and whose headers need not be those of the file sent.

use super::detect::Clues;
use super::formats::{Over, Probe, Row, WireFormat};
use super::sequence::{Order, Place, Sequence, missing_bytes};
use super::{Decode, Ending, Event, Framing, Sink, StreamEnd};

/// Bytes of RTP's header, and of JPEG's behind it.
const RTP: usize = 12;
const JPEG: usize = 8;
/// The payload type of JPEG (RFC 3551, section 6).
const PAYLOAD: u8 = 26;

/// Quantisation for luminance and chrominance at quality 50, in the order of the file (RFC 2435, appendix A).
#[rustfmt::skip]
const LUMINANCE: [u8; 64] = [
    16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40,
    26, 24, 22, 22, 24, 49, 35, 37, 29, 40, 58, 51, 61, 60, 57, 51,
    56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87,
    95, 98, 103, 104, 103, 62, 77, 113, 121, 112, 100, 120, 92, 101, 103, 99,
];
#[rustfmt::skip]
const CHROMINANCE: [u8; 64] = [
    17, 18, 18, 24, 21, 24, 47, 26, 26, 47, 99, 66, 56, 66, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
];
/// Huffman tables (ITU-T T.81, annex K.3): lengths and values.
const DC: [[u8; 28]; 2] = [
    [
        0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
    ],
    [
        0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
    ],
];
const AC_LENGTHS: [[u8; 16]; 2] = [
    [0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 0x7d],
    [0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 0x77],
];
#[rustfmt::skip]
const AC: [[u8; 162]; 2] = [
    [
        0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61, 0x07, 0x22, 0x71,
        0x14, 0x32, 0x81, 0x91, 0xa1, 0x08, 0x23, 0x42, 0xb1, 0xc1, 0x15, 0x52, 0xd1, 0xf0, 0x24, 0x33, 0x62, 0x72,
        0x82, 0x09, 0x0a, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x34, 0x35, 0x36, 0x37,
        0x38, 0x39, 0x3a, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59,
        0x5a, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x83,
        0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0xa2, 0xa3,
        0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xc2, 0xc3,
        0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda, 0xe1, 0xe2,
        0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa,
    ],
    [
        0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07, 0x61, 0x71, 0x13, 0x22,
        0x32, 0x81, 0x08, 0x14, 0x42, 0x91, 0xa1, 0xb1, 0xc1, 0x09, 0x23, 0x33, 0x52, 0xf0, 0x15, 0x62, 0x72, 0xd1,
        0x0a, 0x16, 0x24, 0x34, 0xe1, 0x25, 0xf1, 0x17, 0x18, 0x19, 0x1a, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x35, 0x36,
        0x37, 0x38, 0x39, 0x3a, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58,
        0x59, 0x5a, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a,
        0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a,
        0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba,
        0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda,
        0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa,
    ],
];

/// Decoder of one direction.
#[derive(Debug, Clone, Default)]
pub struct RtpJpegDecoder {
    open: Option<Box<Open>>,
    /// The tables of qualities from 128 on that came last.
    tables: Vec<u8>,
    /// The frame that ended last: its packets may come again.
    last: Option<[u8; 8]>,
}

/// A frame on its way.
#[derive(Debug, Clone)]
struct Open {
    /// Time stamp and source.
    frame: [u8; 8],
    sequence: Sequence,
    /// The headers, until they are passed on.
    headers: Option<Vec<u8>>,
    /// Bytes of the data, once the marked packet came.
    length: Option<u64>,
    /// The marked packet ends with an end of image.
    ends: bool,
}

/// A packet, taken apart.
struct Packet<'p> {
    frame: [u8; 8],
    marked: bool,
    offset: u64,
    kind: u8,
    quality: u8,
    width: u16,
    height: u16,
    restart: u16,
    tables: &'p [u8],
    /// Bytes before the data.
    head: usize,
    data: &'p [u8],
}

fn read(payload: &[u8]) -> Option<Packet<'_>> {
    let &[first, second, _, _, ref frame @ ..] = payload.get(..RTP)? else {
        return None;
    };
    // Version 2 without padding; payload type and marker.
    if first & 0xe0 != 0x80 || second & 0x7f != PAYLOAD {
        return None;
    }
    let mut at = RTP + 4 * usize::from(first & 0x0f);
    if first & 0x10 != 0 {
        let &[_, _, high, low] = payload.get(at..at + 4)? else {
            return None;
        };
        at += 4 + 4 * usize::from(u16::from_be_bytes([high, low]));
    }
    let jpeg = payload.get(at..at + JPEG)?;
    let &[_, a, b, c, kind, quality, width, height] = jpeg else {
        return None;
    };
    at += JPEG;
    if !is_header(jpeg) {
        return None;
    }
    let mut restart = 0;
    if kind >= 64 {
        let &[high, low, _, _] = payload.get(at..at + 4)? else {
            return None;
        };
        restart = u16::from_be_bytes([high, low]);
        at += 4;
    }
    let offset = u64::from(u32::from_be_bytes([0, a, b, c]));
    let mut tables: &[u8] = &[];
    if quality >= 128 && offset == 0 {
        let &[_, _, high, low] = payload.get(at..at + 4)? else {
            return None;
        };
        at += 4;
        let length = usize::from(u16::from_be_bytes([high, low]));
        tables = payload.get(at..at + length)?;
        at += length;
    }
    Some(Packet {
        frame: frame.try_into().ok()?,
        marked: second & 0x80 != 0,
        offset,
        kind: kind & 0x3f,
        quality,
        width: u16::from(width) * 8,
        height: u16::from(height) * 8,
        restart,
        tables,
        head: at,
        data: payload.get(at..)?,
    })
}

/// Whether a datagram, of which these are the first bytes, is a packet of this format.
pub(crate) fn is_one(payload: &[u8]) -> bool {
    let &[first, second, ref rest @ ..] = payload else {
        return false;
    };
    // The tables may lie beyond what is shown.
    let plain = first == 0x80 && second & 0x7f == PAYLOAD;
    let jpeg = rest.get(RTP - 2..RTP - 2 + JPEG);
    plain && payload.len() > RTP + JPEG && jpeg.is_some_and(is_header)
}

fn is_header(jpeg: &[u8]) -> bool {
    matches!(
        *jpeg,
        [
            _,
            _,
            _,
            _,
            0 | 1 | 64 | 65,
            1..=99 | 128..=255,
            1..=255,
            1..=255,
        ]
    )
}

/// The tables of a quality below 100 (RFC 2435, appendix A).
fn scaled(quality: u8) -> Vec<u8> {
    let quality = u32::from(quality.clamp(1, 99));
    let factor = if quality < 50 {
        5000 / quality
    } else {
        200 - quality * 2
    };
    LUMINANCE
        .iter()
        .chain(&CHROMINANCE)
        .map(|value| {
            let value = (u32::from(*value) * factor + 50) / 100;
            u8::try_from(value.clamp(1, 255)).unwrap_or(255)
        })
        .collect()
}

/// What stands before the data in a file (RFC 2435, appendix B). `tables`: one for both kinds of component, or two.
fn headers(packet: &Packet<'_>, tables: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0xff, 0xd8];
    let mut segment = |marker: u8, parts: &[&[u8]]| {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        bytes.extend([0xff, marker]);
        bytes.extend(u16::try_from(length + 2).unwrap_or(2).to_be_bytes());
        for part in parts {
            bytes.extend_from_slice(part);
        }
    };
    let size = if tables.len() >= 256 { 128 } else { 64 };
    let precision = if size == 128 { 0x10 } else { 0 };
    let first = tables.get(..size).unwrap_or(tables);
    let second = tables.get(size..2 * size).unwrap_or(first);
    segment(0xdb, &[&[precision], first]);
    segment(0xdb, &[&[precision | 1], second]);
    if packet.restart > 0 {
        segment(0xdd, &[&packet.restart.to_be_bytes()]);
    }
    let sampling = if packet.kind == 0 { 0x21 } else { 0x22 };
    segment(
        0xc0,
        &[
            &[8],
            &packet.height.to_be_bytes(),
            &packet.width.to_be_bytes(),
            &[3, 1, sampling, 0, 2, 0x11, 1, 3, 0x11, 1],
        ],
    );
    for (number, ((dc, lengths), values)) in (0_u8..).zip(DC.iter().zip(&AC_LENGTHS).zip(&AC)) {
        segment(0xc4, &[&[number], dc]);
        segment(0xc4, &[&[0x10 | number], lengths, values]);
    }
    segment(0xda, &[&[3, 1, 0, 2, 0x11, 3, 0x11, 0, 63, 0]]);
    bytes
}

impl RtpJpegDecoder {
    fn packet(&mut self, packet: &Packet<'_>, missing: u64, sink: &mut Sink<'_>) {
        if self
            .open
            .as_ref()
            .is_some_and(|open| open.frame != packet.frame)
        {
            self.end(Ending::Broken, sink);
        }
        if self.open.is_none() && self.last == Some(packet.frame) {
            sink(Event::Framing {
                what: Framing::PieceHeader,
                bytes: (packet.head + packet.data.len()) as u64,
            });
            missing_bytes(false, missing, sink);
            return;
        }
        if !packet.tables.is_empty() {
            self.tables = packet.tables.to_vec();
        }
        let open = self.open.get_or_insert_with(|| {
            sink(Event::PictureStart { length: None });
            Box::new(Open {
                frame: packet.frame,
                sequence: Sequence::new(true),
                headers: None,
                length: None,
                ends: false,
            })
        });
        if open.sequence.next() == 0 && (open.headers.is_none() || packet.offset == 0) {
            let tables = if packet.quality < 128 {
                scaled(packet.quality)
            } else if self.tables.is_empty() {
                scaled(75)
            } else {
                self.tables.clone()
            };
            open.headers = Some(headers(packet, &tables));
        }
        sink(Event::Framing {
            what: Framing::PieceHeader,
            bytes: packet.head as u64,
        });
        let order = match open.sequence.place(packet.offset, packet.data) {
            Place::Here(order) => order,
            Place::Elsewhere => Order::Repeat,
        };
        sink(Event::Numbered {
            index: packet.offset,
            total: None,
            order,
            transmission: None,
        });
        if packet.offset == 0
            && let Some(headers) = open.headers.take()
        {
            super::sequence::covered(0, &headers, sink);
        }
        if packet.marked {
            open.length = Some(packet.offset.saturating_add(packet.data.len() as u64));
            open.ends = packet.data.ends_with(&[0xff, 0xd9]);
        }
        open.sequence
            .take(packet.offset, packet.data, order, packet.marked, sink);
        missing_bytes(true, missing, sink);
        if open.length == Some(open.sequence.next()) && open.sequence.is_settled() {
            self.end(Ending::Length, sink);
        }
    }

    fn end(&mut self, ending: Ending, sink: &mut Sink<'_>) {
        let Some(mut open) = self.open.take() else {
            return;
        };
        self.last = Some(open.frame);
        if let Some(headers) = open.headers.take() {
            super::sequence::covered(0, &headers, sink);
        }
        open.sequence.settle(open.length, sink);
        if open.length.is_some() && !open.ends {
            super::sequence::covered(0, &[0xff, 0xd9], sink);
        }
        sink(Event::PictureEnd(ending));
    }
}

impl Decode for RtpJpegDecoder {
    fn update(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        self.cut_datagram(bytes, 0, sink);
    }

    fn cut_datagram(&mut self, payload: &[u8], missing: u64, sink: &mut Sink<'_>) {
        if let Some(packet) = read(payload) {
            self.packet(&packet, missing, sink);
            return;
        }
        if !payload.is_empty() {
            sink(Event::Stray(payload));
        }
        missing_bytes(false, missing, sink);
    }

    fn gap(&mut self, length: u64, sink: &mut Sink<'_>) {
        missing_bytes(self.open.is_some(), length, sink);
    }

    fn finish(&mut self, end: StreamEnd, sink: &mut Sink<'_>) {
        self.end(Ending::Cut(end), sink);
    }
}

impl WireFormat for RtpJpegDecoder {
    const ROW: Row = Row {
        name: "rtp-jpeg",
        meaning: "JPEG frames in RTP packets (RFC 2435): the file's headers and tables are not sent, and made again.",
        over: Over::Datagrams,
        names_itself: false,
    };

    fn probe(clues: &Clues<'_>) -> Probe {
        Probe::of(
            Some(is_one(clues.head)),
            "a packet of RTP with a piece of a JPEG frame",
        )
    }
}
