//! Link layers: from a frame to the IP packet in it, as the link header names it. Never guessed from a nibble.

use etherparse::{EtherType, Ethernet2HeaderSlice, SingleVlanHeaderSlice, ether_type};

use super::Skip;
use super::span::Span;
use crate::frame::LinkType;

/// MPLS, unicast and multicast (RFC 3032, section 5).
const MPLS: [EtherType; 2] = [EtherType(0x8847), EtherType(0x8848)];
/// `PPPoE` session stage (RFC 2516, section 4).
const PPPOE_SESSION: EtherType = EtherType(0x8864);
/// Greatest value of an IEEE 802.3 length field; above 1535 it is an `EtherType`.
const MAX_802_3_LENGTH: u16 = 1500;
/// LLC with SNAP for `EtherType`s: DSAP, SSAP, control, organisation (RFC 1042).
const SNAP: [u8; 6] = [0xaa, 0xaa, 0x03, 0, 0, 0];
/// Linux cooked, protocol field: an LLC header follows (`LINUX_SLL_P_802_2`).
const SLL_802_2: u16 = 4;
/// Linux cooked, packet type: sent by this host.
const SLL_OUTGOING: u16 = 4;
/// Linux cooked: device types whose protocol field is no `EtherType`: netlink, radiotap, GRE and FRAD
/// (<https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL.html>).
const SLL_NO_ETHER_TYPE: [u16; 5] = [770, 778, 801, 803, 824];

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
    /// VLAN, device and direction as far as the link layer tells. Fragments belong together only where it
    /// is equal: a capture on `any` sees each of them once a device.
    pub(super) place: u64,
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
    } = other(link, frame)?;
    Ok(found(version, packet, place))
}

/// Every other link type. Not inlined, and its result taken apart by the caller, so that the plain case
/// stays in registers.
#[inline(never)]
fn other(link: LinkType, frame: Span<'_>) -> Result<Network<'_>, Skip> {
    match link {
        LinkType::LINUX_SLL => linux_sll(frame),
        LinkType::LINUX_SLL2 => linux_sll2(frame),
        LinkType::NULL => null(frame),
        LinkType::LOOP => loopback(frame),
        LinkType::RAW | LinkType(12 | 14) => raw(frame),
        LinkType::IPV4 => Ok(found(Version::V4, frame, 0)),
        LinkType::IPV6 => Ok(found(Version::V6, frame, 0)),
        _ => Err(Skip::UnknownLinkType),
    }
}

#[inline]
fn found(version: Version, packet: Span<'_>, place: u64) -> Network<'_> {
    Network {
        version,
        packet,
        place,
    }
}

#[inline]
fn ethernet(frame: Span<'_>) -> Result<Network<'_>, Skip> {
    let (header, rest) = frame.take(14)?;
    let header = Ethernet2HeaderSlice::from_slice(header).map_err(|_| Skip::Malformed)?;
    ether(header.ether_type(), rest, 0)
}

/// What follows an `EtherType` (or an 802.3 length).
#[inline]
fn ether(kind: EtherType, payload: Span<'_>, place: u64) -> Result<Network<'_>, Skip> {
    match kind {
        ether_type::IPV4 => Ok(found(Version::V4, payload, place)),
        ether_type::IPV6 => Ok(found(Version::V6, payload, place)),
        other => {
            let Network {
                version,
                packet,
                place,
            } = tagged(other, payload, place)?;
            Ok(found(version, packet, place))
        }
    }
}

/// VLAN tags (IEEE 802.1Q, 802.1ad, any stacking), then IP or something else.
#[inline(never)]
fn tagged(mut kind: EtherType, mut payload: Span<'_>, mut place: u64) -> Result<Network<'_>, Skip> {
    loop {
        match kind {
            ether_type::IPV4 => return Ok(found(Version::V4, payload, place)),
            ether_type::IPV6 => return Ok(found(Version::V6, payload, place)),
            ether_type::VLAN_TAGGED_FRAME
            | ether_type::PROVIDER_BRIDGING
            | ether_type::VLAN_DOUBLE_TAGGED_FRAME => {
                let (tag, rest) = payload.take(4)?;
                let tag = SingleVlanHeaderSlice::from_slice(tag).map_err(|_| Skip::Malformed)?;
                place = (place << 12) ^ u64::from(tag.vlan_identifier().value());
                (kind, payload) = (tag.ether_type(), rest);
            }
            PPPOE_SESSION => return Err(Skip::Tunnel),
            kind if MPLS.contains(&kind) => return Err(Skip::Tunnel),
            EtherType(length @ ..=MAX_802_3_LENGTH) => {
                // The length leaves the padding out.
                (kind, payload) = snap(payload.limited(u32::from(length)))?;
            }
            _ => return Err(Skip::NotIp),
        }
    }
}

/// LLC with SNAP (RFC 1042); every other LLC payload is no IP. The `EtherType` it gives is never a length:
/// so stacking ends.
fn snap(llc: Span<'_>) -> Result<(EtherType, Span<'_>), Skip> {
    let (header, rest) = match llc.take_array::<8>() {
        Ok(taken) => taken,
        // Other LLC frames may be shorter than a SNAP header.
        Err(Skip::Malformed) => return Err(Skip::NotIp),
        Err(cut) => return Err(cut),
    };
    let [organisation @ .., high, low] = header;
    let kind = u16::from_be_bytes([*high, *low]);
    if *organisation != SNAP || kind <= MAX_802_3_LENGTH {
        return Err(Skip::NotIp);
    }
    Ok((EtherType(kind), rest))
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
    if SLL_NO_ETHER_TYPE.contains(&device) {
        return Err(Skip::NotIp);
    }
    if protocol == SLL_802_2 {
        let (kind, payload) = snap(rest)?;
        return tagged(kind, payload, place);
    }
    if protocol <= MAX_802_3_LENGTH {
        return Err(Skip::NotIp);
    }
    ether(EtherType(protocol), rest, place)
}

/// `LINKTYPE_NULL`: the family in the byte order of the capturing host, so either is taken.
fn null(frame: Span<'_>) -> Result<Network<'_>, Skip> {
    let (family, rest) = frame.take_array::<4>()?;
    let version = family_version(u32::from_le_bytes(*family))
        .or_else(|| family_version(u32::from_be_bytes(*family)))
        .ok_or(Skip::NotIp)?;
    Ok(found(version, rest, 0))
}

/// `LINKTYPE_LOOP`: the family in network byte order.
fn loopback(frame: Span<'_>) -> Result<Network<'_>, Skip> {
    let (family, rest) = frame.take_array::<4>()?;
    let version = family_version(u32::from_be_bytes(*family)).ok_or(Skip::NotIp)?;
    Ok(found(version, rest, 0))
}

/// Protocol families: `AF_INET` is 2 everywhere; `AF_INET6` is 24 (NetBSD, OpenBSD), 28 (FreeBSD),
/// 30 (macOS) or 10 (Linux).
fn family_version(family: u32) -> Option<Version> {
    match family {
        2 => Some(Version::V4),
        24 | 28 | 30 | 10 => Some(Version::V6),
        _ => None,
    }
}

/// `LINKTYPE_RAW`: the one link type that is defined to be told by the first nibble.
fn raw(frame: Span<'_>) -> Result<Network<'_>, Skip> {
    let [first] = *frame.peek::<1>()?;
    match first >> 4 {
        4 => Ok(found(Version::V4, frame, 0)),
        6 => Ok(found(Version::V6, frame, 0)),
        _ => Err(Skip::NotIp),
    }
}
