//! Serial links: PPP (RFC 1661, RFC 1662), `PPPoE` (RFC 2516), Cisco HDLC (RFC 1547, section 4.3.1).

use etherparse::EtherType;

use super::{Network, Version, ether, ethernet_within, found, tags};
use crate::decode::Skip;
use crate::decode::span::Span;
use crate::decode::tunnel::{Layer, Tunnel};

/// PPP protocol numbers.
const PPP_IPV4: u16 = 0x0021;
const PPP_IPV6: u16 = 0x0057;
const PPP_MPLS: [u16; 2] = [0x0281, 0x0283];
/// OSI, XNS, `DECnet`, `AppleTalk`, IPX, spanning trees and what finds neighbours: no IP in them. Every other protocol below
/// those that control the link carries packets that imgnet does not put together: multilink and compressed ones.
const PPP_NOT_IP: [u16; 10] = [
    0x0023, 0x0025, 0x0027, 0x0029, 0x002b, 0x0035, 0x0201, 0x0203, 0x0205, 0x0207,
];
/// Frames of other links, bridged (RFC 3518).
const PPP_BRIDGED: u16 = 0x0031;
/// The first protocol that controls the link.
const PPP_CONTROL: u16 = 0x8000;
/// A flag of RFC 1662: bytes of a line, of which some are written as two.
const FLAG: u8 = 0x7e;
/// Encrypted (RFC 1968).
const PPP_ENCRYPTED: [u16; 2] = [0x0053, 0x0055];
/// Cisco HDLC, address: one receiver, all.
const CISCO_ADDRESSES: [u8; 2] = [0x0f, 0x8f];

/// PPP, with HDLC's address and control bytes or without.
pub(in crate::decode) fn ppp(
    frame: Span<'_>,
    place: u64,
    tunnel: Tunnel,
) -> Result<Network<'_>, Skip> {
    let frame = match frame.peek::<2>() {
        Ok([0xff, 0x03]) => frame.take(2)?.1,
        _ => frame,
    };
    // Protocol numbers are odd, their first byte is even; a compressed one has lost its first byte (RFC 1661, 6.5).
    let [first] = *frame.peek::<1>()?;
    if first == FLAG {
        return Err(Skip::Tunnel);
    }
    let (protocol, packet) = if first & 1 == 1 {
        let (_, rest) = frame.take(1)?;
        (u16::from(first), rest)
    } else {
        let (protocol, rest) = frame.take_array::<2>()?;
        (u16::from_be_bytes(*protocol), rest)
    };
    match protocol {
        PPP_IPV4 => Ok(found(Version::V4, packet, place, tunnel)),
        PPP_IPV6 => Ok(found(Version::V6, packet, place, tunnel)),
        labels if PPP_MPLS.contains(&labels) => ether(tags::MPLS_UNICAST, packet, place, tunnel),
        PPP_BRIDGED => bridged(packet, place, tunnel),
        other if PPP_ENCRYPTED.contains(&other) => Err(Skip::Encrypted),
        other if other >= PPP_CONTROL || PPP_NOT_IP.contains(&other) => Err(Skip::NotIp),
        _ => Err(Skip::Tunnel),
    }
}

/// A bridged frame: flags, the kind of link, the frame, perhaps its checksum (RFC 3518, section 4.2).
fn bridged(packet: Span<'_>, place: u64, tunnel: Tunnel) -> Result<Network<'_>, Skip> {
    let ([_, kind], rest) = packet.take_array::<2>()?;
    match kind {
        // Spanning trees.
        0 => Err(Skip::NotIp),
        1 => ethernet_within(rest, place, tunnel),
        _ => Err(Skip::Tunnel),
    }
}

/// `LINKTYPE_PPP_HDLC`: PPP, or Cisco HDLC where its address says so.
pub(super) fn ppp_or_hdlc(frame: Span<'_>) -> Result<Network<'_>, Skip> {
    let [address] = *frame.peek::<1>()?;
    if CISCO_ADDRESSES.contains(&address) {
        return cisco_hdlc(frame, 0, Tunnel::NONE);
    }
    ppp(frame, 0, Tunnel::NONE)
}

/// Address, control, and an `EtherType`.
pub(in crate::decode) fn cisco_hdlc(
    frame: Span<'_>,
    place: u64,
    tunnel: Tunnel,
) -> Result<Network<'_>, Skip> {
    let ([_, _, high, low], rest) = frame.take_array::<4>()?;
    match u16::from_be_bytes([*high, *low]) {
        // Keep-alives and the like have numbers of their own, which are no EtherTypes of IP.
        ..=tags::MAX_802_3_LENGTH => Err(Skip::NotIp),
        kind => ether(EtherType(kind), rest, place, tunnel),
    }
}

/// A `PPPoE` session's packet: version and type, code 0, session, length (which leaves the padding out), PPP.
pub(super) fn pppoe(payload: Span<'_>, place: u64, tunnel: Tunnel) -> Result<Network<'_>, Skip> {
    let ([version, code, s0, s1, l0, l1], rest) = payload.take_array::<6>()?;
    if *version != 0x11 {
        return Err(Skip::Malformed);
    }
    if *code != 0 {
        // Discovery.
        return Err(Skip::NotIp);
    }
    let session = u16::from_be_bytes([*s0, *s1]);
    let length = u32::from(u16::from_be_bytes([*l0, *l1]));
    let tunnel = tunnel.within(Layer::PppoE, u64::from(session));
    // Segmentation offload leaves a length that is none.
    let rest = if length < 2 {
        rest
    } else {
        rest.limited(length.min(rest.wire_len()))
    };
    ppp(rest, place, tunnel)
}
