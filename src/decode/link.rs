//! Link layers: from a frame to the IP packet in it, as the link header names it. Never guessed from a nibble, where
//! the layer's own specification does not say so (raw IP, MPLS).

mod rare;
mod serial;
mod tags;
mod various;
mod wireless;

use etherparse::{EtherType, Ethernet2HeaderSlice, ether_type};

use super::Skip;
use super::span::Span;
use super::tunnel::Tunnel;
use crate::frame::LinkType;
pub(super) use serial::{cisco_hdlc, ppp};
pub(super) use tags::{MPLS_UNICAST, NSH, is_tagging};
use tags::{snap, tagged};
use wireless::Layout;

/// Linux cooked, protocol field: an LLC header follows (`LINUX_SLL_P_802_2`).
const SLL_802_2: u16 = 4;
/// Linux cooked, packet type: sent by this host.
const SLL_OUTGOING: u16 = 4;
/// Linux cooked: device types whose protocol field is no `EtherType`: FRAD, 802.11 and netlink
/// (<https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL.html>).
const SLL_NO_ETHER_TYPE: [u16; 3] = [770, 801, 824];
/// Linux cooked, device type: radiotap follows, whatever the protocol field says.
const SLL_RADIOTAP: u16 = 803;

/// IP version, as the link layer says; for raw IP alone as the packet says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Version {
    V4,
    V6,
}

/// An IP packet and where it was seen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Network<'a> {
    pub(super) version: Version,
    pub(super) packet: Span<'a>,
    /// Device and direction as far as the link layer tells. Fragments belong together only where it
    /// is equal: a capture on `any` sees each of them once a device.
    pub(super) place: u64,
    /// VLANs and tunnels around it. Fragments belong together only where it is equal.
    pub(super) tunnel: Tunnel,
}

impl Network<'_> {
    /// Whether the packet begins as one of its version does and is not longer than what holds it.
    pub(super) fn is_plausible(&self) -> bool {
        let room = self.packet.wire_len();
        match (self.version, self.packet.captured()) {
            (Version::V4, [first, _, l0, l1, ..]) => {
                let length = u32::from(u16::from_be_bytes([*l0, *l1]));
                (0x45..=0x4f).contains(first) && (length == 0 || (20..=room).contains(&length))
            }
            (Version::V6, [first, _, _, _, l0, l1, ..]) => {
                let length = u32::from(u16::from_be_bytes([*l0, *l1]));
                first >> 4 == 6 && length.saturating_add(40) <= room
            }
            _ => false,
        }
    }

    /// Whether the packet is all that holds it, but for an Ethernet frame's padding: what a header is that is told from
    /// chance by its packet alone.
    pub(super) fn is_filled(&self) -> bool {
        /// An Ethernet frame has no fewer bytes behind its header.
        const PADDED: u32 = 46;
        let room = self.packet.wire_len();
        let length = match (self.version, self.packet.captured()) {
            (Version::V4, [_, _, l0, l1, ..]) => u32::from(u16::from_be_bytes([*l0, *l1])),
            (Version::V6, [_, _, _, _, l0, l1, ..]) => {
                u32::from(u16::from_be_bytes([*l0, *l1])).saturating_add(40)
            }
            _ => return false,
        };
        self.is_plausible() && (length == room || length > 0 && room <= PADDED)
    }
}

/// Takes the link header off.
///
/// # Errors
///
/// The reason for which the frame holds no IP packet.
#[inline]
pub(super) fn network(link: LinkType, frame: Span<'_>) -> Result<Network<'_>, Skip> {
    if link == LinkType::ETHERNET {
        return ethernet(frame);
    }
    let Network {
        version,
        packet,
        place,
        tunnel,
    } = other(link, frame)?;
    Ok(found(version, packet, place, tunnel))
}

/// Every other link type. Not inlined, and its result taken apart by the caller, so that the plain case
/// stays in registers.
#[inline(never)]
fn other(link: LinkType, frame: Span<'_>) -> Result<Network<'_>, Skip> {
    match link {
        LinkType::LINUX_SLL => linux_sll(frame),
        LinkType::LINUX_SLL2 => linux_sll2(frame),
        LinkType::NULL => various::null(frame),
        LinkType::LOOP => various::loopback(frame),
        LinkType::RAW | LinkType(12 | 14) => raw(frame, 0, Tunnel::NONE),
        LinkType::IPV4 => Ok(found(Version::V4, frame, 0, Tunnel::NONE)),
        LinkType::IPV6 => Ok(found(Version::V6, frame, 0, Tunnel::NONE)),
        LinkType::PPP => ppp(frame, 0, Tunnel::NONE),
        LinkType::PPP_HDLC => serial::ppp_or_hdlc(frame),
        LinkType::PPP_ETHER => serial::pppoe(frame, 0, Tunnel::NONE),
        LinkType::CISCO_HDLC => cisco_hdlc(frame, 0, Tunnel::NONE),
        LinkType::FDDI => various::fddi(frame),
        LinkType::IEEE802_11 => wireless::ieee802_11(frame, 0, Tunnel::NONE, Layout::Plain),
        LinkType::PPI => wireless::ppi(frame),
        LinkType::PRISM => wireless::prism(frame),
        LinkType::IEEE802_11_AVS => wireless::avs(frame),
        LinkType::IEEE802_11_RADIOTAP => wireless::radiotap(frame, 0),
        LinkType::NFLOG => various::nflog(frame),
        LinkType::IPOIB => various::ipoib(frame),
        LinkType::ERF => various::erf(frame),
        other => rare::rare(other, frame),
    }
}

#[inline]
fn found(version: Version, packet: Span<'_>, place: u64, tunnel: Tunnel) -> Network<'_> {
    Network {
        version,
        packet,
        place,
        tunnel,
    }
}

#[inline]
fn ethernet(frame: Span<'_>) -> Result<Network<'_>, Skip> {
    let (header, rest) = frame.take(14)?;
    let header = Ethernet2HeaderSlice::from_slice(header).map_err(|_| Skip::Malformed)?;
    ether(header.ether_type(), rest, 0, Tunnel::NONE)
}

/// An Ethernet frame within another header.
pub(super) fn ethernet_within(
    frame: Span<'_>,
    place: u64,
    tunnel: Tunnel,
) -> Result<Network<'_>, Skip> {
    let (header, rest) = frame.take(14)?;
    let header = Ethernet2HeaderSlice::from_slice(header).map_err(|_| Skip::Malformed)?;
    ether(header.ether_type(), rest, place, tunnel)
}

/// An 802.11 frame within another header; the two bytes of its frame control may be swapped there.
pub(super) fn wireless_within(
    frame: Span<'_>,
    place: u64,
    tunnel: Tunnel,
) -> Result<Network<'_>, Skip> {
    match wireless::ieee802_11(frame, place, tunnel, Layout::Plain) {
        Ok(network) if network.is_plausible() => Ok(network),
        plain => match wireless::ieee802_11(frame, place, tunnel, Layout::Swapped) {
            Ok(network) if network.is_plausible() => Ok(network),
            Err(skip @ (Skip::Encrypted | Skip::LinkFragment)) if plain.is_err() => Err(skip),
            _ => plain,
        },
    }
}

/// What follows an `EtherType` (or an 802.3 length).
#[inline]
pub(super) fn ether(
    kind: EtherType,
    payload: Span<'_>,
    place: u64,
    tunnel: Tunnel,
) -> Result<Network<'_>, Skip> {
    match kind {
        ether_type::IPV4 => Ok(found(Version::V4, payload, place, tunnel)),
        ether_type::IPV6 => Ok(found(Version::V6, payload, place, tunnel)),
        other => {
            let Network {
                version,
                packet,
                place,
                tunnel,
            } = tagged(other, payload, place, tunnel)?;
            Ok(found(version, packet, place, tunnel))
        }
    }
}

/// `LINKTYPE_LINUX_SLL`. Not by etherparse: it refuses device types it does not know.
fn linux_sll(frame: Span<'_>) -> Result<Network<'_>, Skip> {
    let (header, rest) = frame.take_array::<16>()?;
    let [t0, t1, d0, d1, .., p0, p1] = *header;
    let outgoing = u16::from_be_bytes([t0, t1]) == SLL_OUTGOING;
    cooked(
        u16::from_be_bytes([d0, d1]),
        u16::from_be_bytes([p0, p1]),
        rest,
        u64::from(outgoing),
    )
}

/// `LINKTYPE_LINUX_SLL2`: 20 bytes, protocol first, then the device's index.
fn linux_sll2(frame: Span<'_>) -> Result<Network<'_>, Skip> {
    let (header, rest) = frame.take_array::<20>()?;
    let [p0, p1, _, _, i0, i1, i2, i3, d0, d1, kind, ..] = *header;
    let device = u64::from(u32::from_be_bytes([i0, i1, i2, i3]));
    let outgoing = u64::from(u16::from(kind) == SLL_OUTGOING);
    cooked(
        u16::from_be_bytes([d0, d1]),
        u16::from_be_bytes([p0, p1]),
        rest,
        device << 1 | outgoing,
    )
}

fn cooked(device: u16, protocol: u16, rest: Span<'_>, place: u64) -> Result<Network<'_>, Skip> {
    if device == SLL_RADIOTAP {
        return wireless::radiotap(rest, place);
    }
    if SLL_NO_ETHER_TYPE.contains(&device) {
        return Err(Skip::NotIp);
    }
    if protocol == SLL_802_2 {
        let (kind, payload) = snap(rest)?;
        return tagged(kind, payload, place, Tunnel::NONE);
    }
    if protocol <= tags::MAX_802_3_LENGTH {
        return Err(Skip::NotIp);
    }
    ether(EtherType(protocol), rest, place, Tunnel::NONE)
}

/// Raw IP: the one layer that is defined to be told by the first nibble.
pub(super) fn raw(packet: Span<'_>, place: u64, tunnel: Tunnel) -> Result<Network<'_>, Skip> {
    let [first] = *packet.peek::<1>()?;
    match first >> 4 {
        4 => Ok(found(Version::V4, packet, place, tunnel)),
        6 => Ok(found(Version::V6, packet, place, tunnel)),
        _ => Err(Skip::NotIp),
    }
}
