//! What the file formats have in common: a parser is shown the unread bytes and says what is next.
//!
//! A parser does no I/O and keeps no bytes, so that a memory map and a stream are read by the same code,
//! and both give the same frames.

use crate::frame::LinkType;
use crate::source::damage::Reason;
use crate::source::erf::Erf;
use crate::source::pcap::Pcap;
use crate::source::pcapng::Pcapng;
use crate::source::snoop::Snoop;
use crate::source::summary::Interface;
use crate::units::Timestamp;

/// A frame before it has a number: where its bytes lie, and what its record says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) time: Option<Timestamp>,
    pub(super) link: LinkType,
    /// Index of the interface within the file, over all its sections.
    pub(super) interface: u32,
    pub(super) wire_len: u32,
    /// Index of the first captured byte: as a parser returns it, from the start of what it was shown.
    pub(super) start: usize,
    pub(super) len: usize,
    /// The record says that the programs had been told to end.
    pub(super) after_end: bool,
}

/// What a parser finds at the start of the unread bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A frame, in the first `consumed` bytes, all of which were shown.
    Frame { head: Head, consumed: usize },
    /// Something that is no frame, `consumed` bytes long: possibly more than were shown. `numbered` where
    /// Wireshark gives it a frame number all the same.
    Pass { consumed: usize, numbered: bool },
    /// More bytes must be shown, at least so many in all, to say anything.
    Need(usize),
    /// Nothing from here on can be used.
    Damaged(Reason),
}

/// Captured bytes that are believed of one frame: `MAXIMUM_SNAPLEN` of libpcap and Wireshark alike.
const STANDARD_LIMIT: u32 = 262_144;
/// The same for the link types whose packets are whole transfers of a bus, as libpcap has it.
const BUS_LIMIT: u32 = 128 << 20;

/// The most captured bytes that are believed of one frame of this link type.
pub(super) fn frame_limit(link: LinkType) -> u32 {
    match link.0 {
        // LINKTYPE_USB_LINUX_MMAPPED, LINKTYPE_DBUS, LINKTYPE_USBPCAP.
        220 | 231 | 249 => BUS_LIMIT,
        _ => STANDARD_LIMIT,
    }
}

/// A parser of one of the formats.
#[derive(Debug)]
pub(super) enum Parser {
    Pcap(Pcap),
    Pcapng(Pcapng),
    Snoop(Snoop),
    Erf(Erf),
}

impl Parser {
    /// What comes first in `unread`, the bytes from the current place on, as far as they are at hand.
    #[inline]
    pub(super) fn step(&mut self, unread: &[u8]) -> Step {
        match self {
            Self::Pcap(pcap) => pcap.step(unread),
            Self::Pcapng(pcapng) => pcapng.step(unread),
            Self::Snoop(snoop) => snoop.step(unread),
            Self::Erf(erf) => erf.step(unread),
        }
    }

    /// Whether a file that ends here ends where a file may end.
    pub(super) fn may_end(&self) -> bool {
        match self {
            Self::Pcap(pcap) => pcap.may_end(),
            Self::Pcapng(pcapng) => pcapng.may_end(),
            Self::Snoop(snoop) => snoop.may_end(),
            Self::Erf(_) => true,
        }
    }

    /// Bytes of the block before the unread ones: it was passed over and only its end is awaited.
    pub(super) fn begun(&self) -> usize {
        match self {
            Self::Pcap(_) | Self::Snoop(_) | Self::Erf(_) => 0,
            Self::Pcapng(pcapng) => pcapng.begun(),
        }
    }

    /// The interfaces described so far.
    pub(super) fn interfaces(&self) -> Vec<Interface> {
        match self {
            Self::Pcap(pcap) => pcap.interface().into_iter().collect(),
            Self::Pcapng(pcapng) => pcapng.interfaces(),
            Self::Snoop(snoop) => snoop.interface().into_iter().collect(),
            Self::Erf(erf) => erf.interfaces(),
        }
    }

    /// When capturing ended, where that is known.
    pub(super) fn ended(&self) -> Option<Timestamp> {
        match self {
            Self::Pcapng(pcapng) => pcapng.ended(),
            Self::Pcap(_) | Self::Snoop(_) | Self::Erf(_) => None,
        }
    }

    /// How many interfaces are described so far.
    pub(super) fn interface_count(&self) -> usize {
        match self {
            Self::Pcap(pcap) => usize::from(pcap.may_end()),
            Self::Pcapng(pcapng) => pcapng.interface_count(),
            Self::Snoop(snoop) => usize::from(snoop.may_end()),
            Self::Erf(erf) => erf.interface_count(),
        }
    }
}
