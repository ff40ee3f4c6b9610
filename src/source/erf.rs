//! Endace's extensible record format: records without a file header, each with a type of its own.

use crate::frame::LinkType;
use crate::source::damage::Reason;
use crate::source::parse::{Head, Step};
use crate::source::summary::{Interface, TimeResolution};
use crate::units::Timestamp;

/// Length of a record header: time, type, flags, record length, losses or colour, length on the wire.
const HEADER: usize = 16;
/// An extension header.
const EXTENSION: usize = 8;
/// Interfaces told apart: four of a card, each with a link type.
const MOST_INTERFACES: usize = 32;
/// No record is from before 1990: bytes that say so are something else.
const YEAR_1990: u32 = 631_152_000;

/// State of an ERF file.
#[derive(Debug, Default)]
pub(super) struct Erf {
    /// Card's interface and link type, in order of appearance.
    interfaces: Vec<(u8, LinkType)>,
    lost: Option<u64>,
}

/// What a record header says.
#[derive(Debug, Clone, Copy)]
struct Record {
    time: i64,
    kind: u8,
    extended: bool,
    flags: u8,
    length: usize,
    lost: u16,
    wire_len: u32,
}

impl Record {
    /// Absent where no record begins so.
    fn read(header: &[u8; HEADER]) -> Option<Self> {
        let [
            f0,
            f1,
            f2,
            f3,
            s0,
            s1,
            s2,
            s3,
            kind,
            flags,
            r0,
            r1,
            l0,
            l1,
            w0,
            w1,
        ] = *header;
        let seconds = u32::from_le_bytes([s0, s1, s2, s3]);
        // The fraction counts 2^-32 seconds; rounded as Wireshark does.
        let fraction = u64::from(u32::from_le_bytes([f0, f1, f2, f3])) * 1_000_000_000;
        let fraction = (fraction + ((fraction & 0x8000_0000) << 1)) >> 32;
        let length = usize::from(u16::from_be_bytes([r0, r1]));
        (length >= HEADER).then_some(Self {
            time: i64::from(seconds) * 1_000_000_000 + i64::try_from(fraction).unwrap_or(0),
            kind: kind & 0x7f,
            extended: kind & 0x80 != 0,
            flags,
            length,
            lost: u16::from_be_bytes([l0, l1]),
            wire_len: u32::from(u16::from_be_bytes([w0, w1])),
        })
    }

    /// Link type of what follows the headers, and the bytes before it that belong to the record.
    fn link(self) -> (LinkType, usize) {
        match self.kind {
            1 | 10 | 12 | 15 => (LinkType::PPP_HDLC, 0),
            2 | 11 | 16 | 20 => (LinkType::ETHERNET, 2),
            22 => (LinkType::IPV4, 0),
            23 => (LinkType::IPV6, 0),
            _ => (LinkType::ERF, 0),
        }
    }

    /// Whether the record holds no packet.
    fn is_no_packet(self) -> bool {
        // Padding; provenance.
        matches!(self.kind, 0 | 48)
    }

    /// Whether the field between the lengths counts losses: elsewhere it is a colour.
    fn counts_losses(self) -> bool {
        matches!(self.kind, 1 | 2 | 22 | 23)
    }
}

/// Whether a file that begins so may be one: there is no magic number.
pub(super) fn may_begin(first: &[u8]) -> bool {
    let Some(header) = first.first_chunk::<HEADER>() else {
        return false;
    };
    let printable = header
        .iter()
        .all(|byte| (b' '..=b'~').contains(byte) || *byte == b'\n');
    let Some(record) = Record::read(header) else {
        return false;
    };
    let known = matches!(
        record.kind,
        1 | 2 | 10 | 11 | 12 | 15 | 16 | 20 | 22 | 23 | 27
    );
    let seconds = record.time / 1_000_000_000;
    let fits = (1..=65_535).contains(&record.wire_len)
        && record.length <= record.wire_len as usize + HEADER + 64;
    // A record of provenance, which programs put before the first packet, may have no time.
    let has_time = seconds >= i64::from(YEAR_1990) || record.kind == 27 && record.time == 0;
    known && fits && !printable && record.flags & 0xc0 == 0 && has_time
}

impl Erf {
    pub(super) fn step(&mut self, unread: &[u8]) -> Step {
        let Some(header) = unread.first_chunk::<HEADER>() else {
            return Step::Need(HEADER);
        };
        let Some(record) = Record::read(header) else {
            let [.., r0, r1, _, _, _, _] = *header;
            return Step::Damaged(Reason::BlockLength {
                kind: 0,
                length: u32::from(u16::from_be_bytes([r0, r1])),
            });
        };
        if record.is_no_packet() {
            return Step::Pass {
                consumed: record.length,
                numbered: false,
            };
        }
        if unread.len() < record.length {
            return Step::Need(record.length);
        }
        let (link, pad) = record.link();
        let mut start = if link == LinkType::ERF { 0 } else { HEADER };
        let mut more = record.extended && start > 0;
        while more {
            let first = unread.get(start).copied().unwrap_or(0);
            more = first & 0x80 != 0;
            start += EXTENSION;
        }
        start += pad;
        let Some(room) = record.length.checked_sub(start) else {
            return Step::Damaged(Reason::PacketOutgrowsBlock {
                captured: record.wire_len,
                room: 0,
            });
        };
        if record.counts_losses() {
            *self.lost.get_or_insert(0) += u64::from(record.lost);
        }
        // Records are padded beyond what was on the wire.
        let len = room.min(record.wire_len as usize);
        Step::Frame {
            head: Head {
                time: Some(Timestamp(record.time)),
                link,
                interface: self.interface(record.flags & 3, link),
                wire_len: record.wire_len,
                start,
                len,
                after_end: false,
            },
            consumed: record.length,
        }
    }

    fn interface(&mut self, port: u8, link: LinkType) -> u32 {
        let known = self
            .interfaces
            .iter()
            .position(|known| *known == (port, link));
        let at = known.unwrap_or_else(|| {
            if self.interfaces.len() < MOST_INTERFACES {
                self.interfaces.push((port, link));
            }
            self.interfaces.len() - 1
        });
        u32::try_from(at).unwrap_or(0)
    }

    /// The interfaces seen so far.
    pub(super) fn interfaces(&self) -> Vec<Interface> {
        let describe = |(index, (port, link)): (u32, &(u8, LinkType))| Interface {
            index,
            name: Some(format!("port {port}")),
            description: None,
            link: *link,
            snap_len: None,
            resolution: Some(TimeResolution::Binary(32)),
            received: None,
            dropped: if index == 0 { self.lost } else { None },
            unwritten: None,
            away: None,
        };
        (0..).zip(&self.interfaces).map(describe).collect()
    }

    pub(super) fn interface_count(&self) -> usize {
        self.interfaces.len()
    }
}
