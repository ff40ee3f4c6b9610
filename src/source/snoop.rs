//! The snoop format of Solaris and of others (RFC 1761): big-endian, microseconds, drops counted in every record.

use crate::frame::LinkType;
use crate::source::bytes::{Order, index};
use crate::source::damage::Reason;
use crate::source::parse::{Head, Step, frame_limit};
use crate::source::summary::{Interface, TimeResolution};
use crate::units::Timestamp;

/// How a file begins.
pub(super) const MAGIC: [u8; 8] = *b"snoop\0\0\0";
/// Length of the file header: magic, version, datalink type.
const FILE_HEADER: usize = 16;
/// Length of a record header: original and included length, record length, drops so far, seconds, microseconds.
const RECORD_HEADER: usize = 24;

/// State of a snoop file.
#[derive(Debug, Default)]
pub(super) struct Snoop {
    /// Absent until the file header was read.
    link: Option<LinkType>,
    /// As the last record says.
    drops: u32,
}

impl Snoop {
    pub(super) fn step(&mut self, unread: &[u8]) -> Step {
        let Some(link) = self.link else {
            return self.file_header(unread);
        };
        let Some([original, included, record, drops, seconds, fraction]) = Order::Big.words(unread)
        else {
            return Step::Need(RECORD_HEADER);
        };
        let limit = frame_limit(link);
        if included > limit {
            return Step::Damaged(Reason::PacketTooLong {
                captured: included,
                limit,
            });
        }
        let consumed = index(record);
        // Padding is a few bytes; a record that claims more is none.
        let fits = consumed
            .checked_sub(RECORD_HEADER)
            .is_some_and(|room| (index(included)..=index(limit)).contains(&room));
        if !fits {
            return Step::Damaged(Reason::PacketOutgrowsBlock {
                captured: included,
                room: record.saturating_sub(24),
            });
        }
        if unread.len() < consumed {
            return Step::Need(consumed);
        }
        self.drops = drops;
        Step::Frame {
            head: Head {
                time: Some(Timestamp(
                    i64::from(seconds) * 1_000_000_000 + i64::from(fraction) * 1000,
                )),
                link,
                interface: 0,
                wire_len: original.max(included),
                start: RECORD_HEADER,
                len: index(included),
                after_end: false,
            },
            consumed,
        }
    }

    fn file_header(&mut self, unread: &[u8]) -> Step {
        let Some([_, _, version, link]) = Order::Big.words(unread) else {
            return Step::Need(FILE_HEADER);
        };
        // Version 1 was never written; later ones have the same records.
        if !(2..=5).contains(&version) {
            return Step::Damaged(Reason::Version {
                major: u16::try_from(version).unwrap_or(u16::MAX),
                minor: 0,
            });
        }
        self.link = Some(match link {
            // IEEE 802.3 and Ethernet look alike on the wire.
            0 | 4 => LinkType::ETHERNET,
            8 => LinkType::FDDI,
            // Token ring, X.25, …: not decoded.
            _ => LinkType(u16::MAX),
        });
        Step::Pass {
            consumed: FILE_HEADER,
            numbered: false,
        }
    }

    /// Whether the file header was read: between records a file may end anywhere.
    pub(super) fn may_end(&self) -> bool {
        self.link.is_some()
    }

    /// The one interface of the file; absent until the file header was read.
    pub(super) fn interface(&self) -> Option<Interface> {
        Some(Interface {
            index: 0,
            name: None,
            description: None,
            link: self.link?,
            snap_len: None,
            resolution: Some(TimeResolution::Decimal(6)),
            received: None,
            dropped: Some(u64::from(self.drops)),
            unwritten: None,
            away: None,
        })
    }
}
