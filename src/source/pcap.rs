//! The pcap format (draft-ietf-opsawg-pcap), both byte orders, microseconds and nanoseconds, and the
//! "modified" variant with its longer record header.

use crate::frame::LinkType;
use crate::source::bytes::{Order, index};
use crate::source::damage::Reason;
use crate::source::parse::{Head, Step, frame_limit};
use crate::source::summary::{Interface, TimeResolution};
use crate::units::Timestamp;

/// Length of the file header.
const FILE_HEADER: usize = 24;

/// State of a pcap file.
#[derive(Debug)]
pub(super) struct Pcap {
    order: Order,
    /// Nanoseconds in a unit of the record header's fraction field: 1000 or 1.
    fraction_ns: i64,
    /// Length of a record header: 16, or 24 in the modified variant.
    record_header: usize,
    /// Absent until the file header was read.
    file: Option<FileHeader>,
}

#[derive(Debug, Clone, Copy)]
struct FileHeader {
    link: LinkType,
    snap_len: u32,
    limit: u32,
    lengths: Lengths,
}

/// Which of a record's two lengths comes first: files of version 2.3 and before were written both ways
/// (libpcap, `sf-pcap.c`).
#[derive(Debug, Clone, Copy)]
enum Lengths {
    CapturedFirst,
    OriginalFirst,
    SmallerIsCaptured,
}

impl Pcap {
    /// The state for a file that begins with `magic`; absent where that is no magic of this format.
    pub(super) fn new(magic: [u8; 4]) -> Option<Self> {
        let (order, fraction_ns, record_header) = match magic {
            [0xa1, 0xb2, 0xc3, 0xd4] => (Order::Big, 1000, 16),
            [0xd4, 0xc3, 0xb2, 0xa1] => (Order::Little, 1000, 16),
            [0xa1, 0xb2, 0x3c, 0x4d] => (Order::Big, 1, 16),
            [0x4d, 0x3c, 0xb2, 0xa1] => (Order::Little, 1, 16),
            // Kuznetzov's patched tcpdump: interface index, protocol and packet type after the lengths.
            [0xa1, 0xb2, 0xcd, 0x34] => (Order::Big, 1000, 24),
            [0x34, 0xcd, 0xb2, 0xa1] => (Order::Little, 1000, 24),
            _ => return None,
        };
        Some(Self {
            order,
            fraction_ns,
            record_header,
            file: None,
        })
    }

    #[inline]
    pub(super) fn step(&mut self, unread: &[u8]) -> Step {
        let Some(file) = self.file else {
            return self.file_header(unread);
        };
        if unread.len() < self.record_header {
            return Step::Need(self.record_header);
        }
        let Some([seconds, fraction, first, second]) = self.order.words(unread) else {
            return Step::Need(self.record_header);
        };
        let (captured, original) = match file.lengths {
            Lengths::CapturedFirst => (first, second),
            Lengths::OriginalFirst => (second, first),
            Lengths::SmallerIsCaptured => (first.min(second), first.max(second)),
        };
        if captured > file.limit {
            return Step::Damaged(Reason::PacketTooLong {
                captured,
                limit: file.limit,
            });
        }
        let consumed = self.record_header + index(captured);
        if unread.len() < consumed {
            return Step::Need(consumed);
        }
        // Neither product nor sum can overflow: 2^32 · 10^9 + 2^32 · 10^3 < 2^63.
        let time = i64::from(seconds) * 1_000_000_000 + i64::from(fraction) * self.fraction_ns;
        Step::Frame {
            head: Head {
                time: Some(Timestamp(time)),
                link: file.link,
                interface: 0,
                wire_len: original.max(captured),
                start: self.record_header,
                len: index(captured),
                after_end: false,
            },
            consumed,
        }
    }

    fn file_header(&mut self, unread: &[u8]) -> Step {
        let Some([_magic, version, _zone, _accuracy, snap_len, link]) = self.order.words(unread)
        else {
            return Step::Need(FILE_HEADER);
        };
        // Two 16-bit fields: the first is the word's high half in big-endian files, its low half in others.
        let halves = (low_half(version >> 16), low_half(version));
        let (major, minor) = match self.order {
            Order::Big => halves,
            Order::Little => (halves.1, halves.0),
        };
        let lengths = match (major, minor) {
            (2, 4..) => Lengths::CapturedFirst,
            (2, 3) => Lengths::SmallerIsCaptured,
            // 543.0 was written by a tcpdump of DG/UX.
            (2, _) | (543, 0) => Lengths::OriginalFirst,
            _ => return Step::Damaged(Reason::Version { major, minor }),
        };
        // The upper bits hold the length of the frame check sequence and reserved bits.
        let link = LinkType(low_half(link));
        self.file = Some(FileHeader {
            link,
            snap_len,
            limit: frame_limit(link),
            lengths,
        });
        Step::Pass {
            consumed: FILE_HEADER,
            numbered: false,
        }
    }

    /// Whether the file header was read: between records a file may end anywhere.
    pub(super) fn may_end(&self) -> bool {
        self.file.is_some()
    }

    /// The one interface of the file; absent until the file header was read.
    pub(super) fn interface(&self) -> Option<Interface> {
        let file = self.file?;
        Some(Interface {
            index: 0,
            name: None,
            description: None,
            link: file.link,
            snap_len: (file.snap_len > 0).then_some(file.snap_len),
            resolution: Some(TimeResolution::Decimal(if self.fraction_ns == 1 {
                9
            } else {
                6
            })),
            received: None,
            dropped: None,
            unwritten: None,
            away: None,
        })
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "takes the low half on purpose"
)]
fn low_half(word: u32) -> u16 {
    word as u16
}
