//! Tunnels that are an IP protocol of their own: IP in IP (RFC 2003, RFC 4213), GRE (RFC 2784, RFC 2890), PPTP's GRE
//! (RFC 2637), NVGRE (RFC 7637), ERSPAN I to III, `EtherIP` (RFC 3378), MPLS in IP (RFC 4023), L2TP version 3 (RFC 3931),
//! Ethernet and NSH.

use etherparse::{EtherType, ether_type, ip_number};

use super::super::Skip;
use super::super::ip::Addresses;
use super::super::link::{self, Network, Version};
use super::super::span::Span;
use super::{ETHER_IP, ETHERNET, IP_IN_IP, L2TP, Layer, MPLS_IN_IP, NSH, session};

/// GRE protocol types that are no `EtherType`.
pub(super) const TRANSPARENT_ETHERNET: u16 = 0x6558;
const ERSPAN: u16 = 0x88be;
const ERSPAN_III: u16 = 0x22eb;
const GRE_PPP: u16 = 0x880b;

/// What an IP packet carries that is a tunnel ([`is_tunnel`]).
///
/// # Errors
///
/// The reason for which what is in it is no IP packet.
pub(in crate::decode) fn over_ip<'a>(
    outer: &Network<'_>,
    ends: Addresses<'_>,
    protocol: u8,
    payload: Span<'a>,
) -> Result<Network<'a>, Skip> {
    let place = outer.place;
    let inside = |layer| outer.tunnel.between(layer, ends, 0);
    match protocol {
        number if number == ip_number::IPV4.0 || number == IP_IN_IP => Ok(Network {
            version: Version::V4,
            packet: payload,
            place,
            tunnel: inside(Layer::IpInIp),
        }),
        number if number == ip_number::IPV6.0 => Ok(Network {
            version: Version::V6,
            packet: payload,
            place,
            tunnel: inside(Layer::IpInIp),
        }),
        number if number == ip_number::GRE.0 => gre(outer, ends, payload),
        ETHER_IP => {
            // Version 3, 12 reserved bits (RFC 3378, section 3).
            let ([version, _], rest) = payload.take_array::<2>()?;
            if version >> 4 != 3 {
                return Err(Skip::Tunnel);
            }
            link::ethernet_within(rest, place, inside(Layer::EtherIp))
        }
        L2TP => session::l2tp_over_ip(outer, ends, payload),
        // What is in it is told from other frames by no header of its own.
        ETHERNET => link::ethernet_within(payload, place, inside(Layer::IpInIp)),
        NSH => link::ether(link::NSH, payload, place, outer.tunnel),
        MPLS_IN_IP => link::ether(link::MPLS_UNICAST, payload, place, outer.tunnel),
        _ => Err(Skip::Tunnel),
    }
}

/// GRE: flags, protocol type, then checksum, key and sequence number where the flags say so.
pub(super) fn gre<'a>(
    outer: &Network<'_>,
    ends: Addresses<'_>,
    payload: Span<'a>,
) -> Result<Network<'a>, Skip> {
    let ([f0, f1, p0, p1], mut rest) = payload.take_array::<4>()?;
    let protocol = u16::from_be_bytes([*p0, *p1]);
    let has = |bit: u8| f0 & bit != 0;
    // Source routing (RFC 1701), which nobody uses, and versions nobody has defined.
    if has(0x40) || !matches!(f1 & 0x07, 0 | 1) {
        return Err(Skip::Tunnel);
    }
    if has(0x80) {
        (_, rest) = rest.take(4)?;
    }
    let mut key = 0;
    if has(0x20) {
        let (bytes, after) = rest.take_array::<4>()?;
        (key, rest) = (u32::from_be_bytes(*bytes), after);
    }
    if has(0x10) {
        (_, rest) = rest.take(4)?;
    }
    let place = outer.place;
    if f1 & 0x07 == 1 {
        if protocol != GRE_PPP {
            return Err(Skip::Tunnel);
        }
        // PPTP: the key holds a length and the call, which is another one each way (RFC 2637, section 4.1).
        if f1 & 0x80 != 0 {
            (_, rest) = rest.take(4)?;
        }
        let tunnel = outer.tunnel.between(Layer::Gre, ends, 0);
        if rest.wire_len() == 0 {
            // An acknowledgment alone.
            return Err(Skip::NotIp);
        }
        return link::ppp(rest, place, tunnel);
    }
    match protocol {
        ERSPAN if !has(0x10) => {
            // Type I has no header of its own.
            link::ethernet_within(rest, place, outer.tunnel.between(Layer::Erspan, ends, 0))
        }
        ERSPAN | ERSPAN_III => erspan(outer, ends, rest),
        TRANSPARENT_ETHERNET => {
            // NVGRE: 24 bits of network, then 8 that may change with the flow and its direction. Elsewhere all is key.
            let tunnel = outer.tunnel.between(Layer::Gre, ends, key >> 8);
            let tunnel = tunnel.labelled_same(Layer::Gre, key);
            link::ethernet_within(rest, place, tunnel)
        }
        GRE_PPP => link::ppp(rest, place, outer.tunnel.between(Layer::Gre, ends, key)),
        kind if EtherType(kind) == ether_type::IPV4
            || EtherType(kind) == ether_type::IPV6
            || link::is_tagging(EtherType(kind)) =>
        {
            let tunnel = outer.tunnel.between(Layer::Gre, ends, key);
            link::ether(EtherType(kind), rest, place, tunnel)
        }
        // Control protocols (keep-alives, NHRP, CDP …) and what imgnet does not know.
        0 | 0x2000 | 0x2001 => Err(Skip::NotIp),
        _ => Err(Skip::Tunnel),
    }
}

/// ERSPAN II (8 bytes) and III (12 bytes, and 8 more of the platform's where the last bit says so):
/// version, VLAN, session, … (draft-foschiano-erspan-03).
fn erspan<'a>(
    outer: &Network<'_>,
    ends: Addresses<'_>,
    payload: Span<'a>,
) -> Result<Network<'a>, Skip> {
    let ([v0, v1, s0, s1], _) = payload.take_array::<4>()?;
    let session = u32::from(u16::from_be_bytes([*s0, *s1]) & 0x3ff);
    let vlan = u16::from_be_bytes([*v0 & 0x0f, *v1]);
    let mut tunnel = outer.tunnel.between(Layer::Erspan, ends, 0);
    // A mirror may have one session each way.
    tunnel = tunnel.labelled_same(Layer::Erspan, session);
    if vlan != 0 {
        tunnel = tunnel.within(Layer::Vlan, u64::from(vlan));
    }
    // The mirror cut it: what is not there was on the wire.
    let whole = |frame: Span<'a>| {
        if s0 & 0x04 == 0 {
            frame
        } else {
            frame.limited(u32::from(u16::MAX).max(frame.wire_len()))
        }
    };
    match v0 >> 4 {
        0 | 1 => {
            let (_, frame) = payload.take(8)?;
            let frame = whole(frame);
            link::ethernet_within(frame, outer.place, tunnel)
        }
        2 => {
            let (header, mut rest) = payload.take_array::<12>()?;
            let [.., kind, last] = *header;
            if last & 1 != 0 {
                (_, rest) = rest.take(8)?;
            }
            let rest = whole(rest);
            // P, then the frame's type in 5 bits: 0 Ethernet, 2 IP.
            match kind >> 2 & 0x1f {
                0 => link::ethernet_within(rest, outer.place, tunnel),
                2 => link::raw(rest, outer.place, tunnel),
                _ => Err(Skip::Tunnel),
            }
        }
        _ => Err(Skip::Tunnel),
    }
}
