//! Link types that a capture of today's machines seldom has: those of macOS and BSD for what passes a firewall or `IPsec`, Juniper's
//! routers, Frame Relay, token ring, ATM, Fibre Channel, `FireWire`, and the kinds with a direction in front.

use etherparse::EtherType;

use super::serial::{cisco_hdlc, ppp};
use super::{
    Network, Version, ether, ethernet, ethernet_within, found, network, raw, snap, tagged, tags,
};
use crate::decode::Skip;
use crate::decode::span::Span;
use crate::decode::tunnel::Tunnel;
use crate::frame::LinkType;

/// Takes the link header of one of these off.
pub(super) fn rare(link: LinkType, frame: Span<'_>) -> Result<Network<'_>, Skip> {
    match link {
        LinkType::IEEE802_5 => token_ring(frame),
        LinkType::ATM_RFC1483 => llc(frame),
        LinkType::SUNATM => sun_atm(frame),
        LinkType::FRELAY => frame_relay(frame),
        LinkType::ENC => enc(frame),
        LinkType::PFLOG => pflog(frame),
        // Two names, eight bytes each (RFC 2625, section 3).
        LinkType::IP_OVER_FC => llc(frame.take(16)?.1),
        LinkType::APPLE_IP_OVER_IEEE1394 => {
            let ([.., high, low], rest) = frame.take_array::<18>()?;
            ether_or_none(u16::from_be_bytes([*high, *low]), rest)
        }
        // One byte says whether the host sent it.
        LinkType::PPP_PPPD | LinkType::PPP_WITH_DIR => ppp(frame.take(1)?.1, 0, Tunnel::NONE),
        LinkType::C_HDLC_WITH_DIR => cisco_hdlc(frame.take(1)?.1, 0, Tunnel::NONE),
        LinkType::FRELAY_WITH_DIR => frame_relay(frame.take(1)?.1),
        LinkType::MPLS => ether(tags::MPLS_UNICAST, frame, 0, Tunnel::NONE),
        LinkType::IPNET => ipnet(frame),
        LinkType::NETANALYZER => ethernet(frame.take(4)?.1),
        LinkType::PKTAP => pktap(frame),
        // The number for whatever a user likes under which macOS writes it, too.
        LinkType(149) => pktap(frame).map_err(|_| Skip::UnknownLinkType),
        LinkType::ARCNET => arcnet(frame.take(2)?.1),
        LinkType::ARCNET_LINUX => arcnet(frame.take(4)?.1),
        LinkType::ETHERNET_MPACKET => mpacket(frame),
        LinkType::JUNIPER_ETHERNET
        | LinkType::JUNIPER_PPP
        | LinkType::JUNIPER_FRELAY
        | LinkType::JUNIPER_CHDLC => juniper(link, frame),
        _ => Err(Skip::UnknownLinkType),
    }
}

/// LLC, and what it names.
fn llc(frame: Span<'_>) -> Result<Network<'_>, Skip> {
    let (kind, payload) = snap(frame)?;
    tagged(kind, payload, 0, Tunnel::NONE)
}

fn ether_or_none(kind: u16, payload: Span<'_>) -> Result<Network<'_>, Skip> {
    if kind <= tags::MAX_802_3_LENGTH {
        return Err(Skip::NotIp);
    }
    ether(EtherType(kind), payload, 0, Tunnel::NONE)
}

/// IEEE 802.5: access and frame control, two addresses, the route where the first bit of the sender's says so, LLC.
fn token_ring(frame: Span<'_>) -> Result<Network<'_>, Skip> {
    let (header, mut rest) = frame.take_array::<14>()?;
    let [_, control, _, _, _, _, _, _, sender, ..] = *header;
    // Frames of the ring's own have no LLC.
    if control & 0xc0 != 0x40 {
        return Err(Skip::NotIp);
    }
    if sender & 0x80 != 0 {
        let [first] = *rest.peek::<1>()?;
        let length = usize::from(first & 0x1f);
        if length < 2 || !length.is_multiple_of(2) {
            return Err(Skip::Malformed);
        }
        (_, rest) = rest.take(length)?;
    }
    llc(rest)
}

/// ARCNET behind its addresses: the protocol, by RFC 1051 or by RFC 1201, which says of each frame whether it is a part.
fn arcnet(frame: Span<'_>) -> Result<Network<'_>, Skip> {
    let ([protocol], rest) = frame.take_array::<1>()?;
    let version = match protocol {
        240 => return Ok(found(Version::V4, rest, 0, Tunnel::NONE)),
        212 => Version::V4,
        196 => Version::V6,
        _ => return Err(Skip::NotIp),
    };
    let mut rest = rest;
    if let Ok([0xff]) = rest.peek::<1>() {
        // Filled up, because it would have a length that no frame has.
        (_, rest) = rest.take(4)?;
    }
    let ([split, ..], packet) = rest.take_array::<3>()?;
    match split {
        0 => Ok(found(version, packet, 0, Tunnel::NONE)),
        _ => Err(Skip::LinkFragment),
    }
}

/// Direction and kind, path, channel; kind 2 is LLC, and 1 emulates an Ethernet behind two bytes.
fn sun_atm(frame: Span<'_>) -> Result<Network<'_>, Skip> {
    let ([kind, ..], rest) = frame.take_array::<4>()?;
    match kind & 0x0f {
        1 => ethernet(rest.take(2)?.1),
        2 => llc(rest),
        _ => Err(Skip::NotIp),
    }
}

/// Frame Relay: an address, the last byte of which has its lowest bit set (Q.922); then a control byte and what network
/// layer it is (RFC 2427), or, as Cisco has it, an `EtherType`.
fn frame_relay(frame: Span<'_>) -> Result<Network<'_>, Skip> {
    let mut rest = frame;
    for place in 0.. {
        let ([address], after) = rest.take_array::<1>()?;
        rest = after;
        if address & 1 != 0 {
            // One of a single byte is none.
            if place == 0 {
                return Err(Skip::Malformed);
            }
            break;
        }
        if place == 3 {
            return Err(Skip::Malformed);
        }
    }
    let [control] = *rest.peek::<1>()?;
    // Not numbered information: all others control the link.
    if control != 0x03 {
        let ([high, low], payload) = rest.take_array::<2>()?;
        return ether_or_none(u16::from_be_bytes([*high, *low]), payload);
    }
    (_, rest) = rest.take(1)?;
    // Padding, so that what follows lies at an even place.
    while let Ok([0]) = rest.peek::<1>() {
        (_, rest) = rest.take(1)?;
    }
    let ([layer], payload) = rest.take_array::<1>()?;
    match layer {
        0xcc => Ok(found(Version::V4, payload, 0, Tunnel::NONE)),
        0x8e => Ok(found(Version::V6, payload, 0, Tunnel::NONE)),
        0x80 => {
            let ([o0, o1, o2, high, low], payload) = payload.take_array::<5>()?;
            match ([*o0, *o1, *o2], u16::from_be_bytes([*high, *low])) {
                ([0, 0, 0], kind) => ether_or_none(kind, payload),
                // Bridged Ethernet, with a checksum at its end or without (RFC 2427, section 4.2).
                ([0, 0x80, 0xc2], 1 | 7) => ethernet(payload),
                _ => Err(Skip::NotIp),
            }
        }
        // Compressed, in pieces, or multilink.
        0xb0 | 0xb1 => Err(Skip::Tunnel),
        _ => Err(Skip::NotIp),
    }
}

/// OpenBSD's view of what `IPsec` lets pass: a family in the capturing host's byte order, an index, flags, the packet.
fn enc(frame: Span<'_>) -> Result<Network<'_>, Skip> {
    let ([f0, f1, f2, f3, ..], packet) = frame.take_array::<12>()?;
    let family = [*f0, *f1, *f2, *f3];
    match of_family(u32::from_le_bytes(family)).or_else(|| of_family(u32::from_be_bytes(family))) {
        Some(version) => Ok(found(version, packet, 0, Tunnel::NONE)),
        None => Err(Skip::NotIp),
    }
}

/// `AF_INET`, and `AF_INET6` of NetBSD, OpenBSD, FreeBSD, macOS and Solaris.
fn of_family(family: u32) -> Option<Version> {
    match family {
        2 => Some(Version::V4),
        24 | 26 | 28 | 30 => Some(Version::V6),
        _ => None,
    }
}

/// BSD's log of packet filters: the length of its header, which is padded to words of 4 bytes, the family, and what was decided.
fn pflog(frame: Span<'_>) -> Result<Network<'_>, Skip> {
    let [length, family] = *frame.peek::<2>()?;
    if length < 2 {
        return Err(Skip::Malformed);
    }
    let (_, packet) = frame.take(usize::from(length).next_multiple_of(4))?;
    match of_family(u32::from(family)) {
        Some(version) => Ok(found(version, packet, 0, Tunnel::NONE)),
        None => Err(Skip::NotIp),
    }
}

/// Solaris's IPNET: version 1, family, hook, length, interfaces and zones.
fn ipnet(frame: Span<'_>) -> Result<Network<'_>, Skip> {
    let ([version, family, ..], packet) = frame.take_array::<24>()?;
    if *version != 1 {
        return Err(Skip::Malformed);
    }
    match of_family(u32::from(*family)) {
        Some(version) => Ok(found(version, packet, 0, Tunnel::NONE)),
        None => Err(Skip::NotIp),
    }
}

/// macOS's PKTAP: the length of its header, whether a packet follows, and of which link type, all of them little-endian.
fn pktap(frame: Span<'_>) -> Result<Network<'_>, Skip> {
    let [l0, l1, l2, l3, kind, _, _, _, t0, t1, t2, t3] = *frame.peek::<12>()?;
    let length = u32::from_le_bytes([l0, l1, l2, l3]);
    let link = u32::from_le_bytes([t0, t1, t2, t3]);
    let length = usize::try_from(length).map_err(|_| Skip::Malformed)?;
    if length < 12 {
        return Err(Skip::Malformed);
    }
    // A header alone tells of a process.
    if kind != 1 {
        return Err(Skip::NotIp);
    }
    let (_, rest) = frame.take(length)?;
    match u16::try_from(link).map(LinkType) {
        // It would go on for ever.
        Ok(LinkType::PKTAP) | Err(_) => Err(Skip::UnknownLinkType),
        Ok(link) => network(link, rest),
    }
}

/// IEEE 802.3br: a preamble, the last byte of which says whether the frame is a whole one.
fn mpacket(frame: Span<'_>) -> Result<Network<'_>, Skip> {
    let ([.., last], rest) = frame.take_array::<8>()?;
    match last {
        0xd5 => ethernet(rest),
        // Verifies the link.
        0x07 | 0x19 => Err(Skip::NotIp),
        // Begins or goes on with a frame that others may interrupt.
        _ => Err(Skip::LinkFragment),
    }
}

/// Juniper's header: "MGC", flags (0x80 extensions, 0x02 no link layer), extensions behind their length.
fn juniper(link: LinkType, frame: Span<'_>) -> Result<Network<'_>, Skip> {
    let ([magic @ .., flags], mut rest) = frame.take_array::<4>()?;
    if magic != b"MGC" {
        return Err(Skip::Malformed);
    }
    if flags & 0x80 != 0 {
        let ([high, low], after) = rest.take_array::<2>()?;
        let length = u16::from_be_bytes([*high, *low]);
        (_, rest) = after.take(usize::from(length))?;
    }
    if flags & 0x02 != 0 {
        return raw(rest.take(4)?.1, 0, Tunnel::NONE);
    }
    match link {
        LinkType::JUNIPER_PPP => ppp(rest, 0, Tunnel::NONE),
        LinkType::JUNIPER_FRELAY => frame_relay(rest),
        LinkType::JUNIPER_CHDLC => cisco_hdlc(rest, 0, Tunnel::NONE),
        _ => ethernet_within(rest, 0, Tunnel::NONE),
    }
}
