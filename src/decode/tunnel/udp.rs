//! Tunnels over UDP: VXLAN (RFC 7348) and VXLAN-GPE, GENEVE (RFC 8926), GTP-U (3GPP TS 29.281), Teredo (RFC 4380), L2TP
//! (RFC 2661, RFC 3931), LISP (RFC 9300), GUE and IP right behind UDP's header (Linux's foo over UDP), GRE (RFC 8086), MPLS
//! (RFC 7510), CAPWAP (RFC 5415).
//!
//! They are opened only where port and header both say so: anybody may send a picture to any port. What hides a packet without
//! being one of them is [`Skip::Tunnel`], whatever its port.

use etherparse::{EtherType, ether_type, ip_number};

use super::super::Skip;
use super::super::ip::Addresses;
use super::super::link::{self, Network, Version};
use super::super::span::Span;
use super::super::transport::Segment;
use super::ip::{self, TRANSPARENT_ETHERNET};
use super::{Layer, found_at, session};

/// UDP ports of tunnels.
const VXLAN: [u16; 2] = [4789, 8472];
const VXLAN_GPE: u16 = 4790;
const GENEVE: u16 = 6081;
const GTP_U: u16 = 2152;
const TEREDO: u16 = 3544;
const L2TP: u16 = 1701;
const LISP: u16 = 4341;
const GUE: u16 = 6080;
const GRE: u16 = 4754;
const MPLS: u16 = 6635;
/// The two before within DTLS.
const OVER_DTLS: [u16; 2] = [4755, 6636];
const CAPWAP_DATA: u16 = 5247;
/// ESP where addresses are translated on the way (RFC 3948).
const ESP: u16 = 4500;
const WIRE_GUARD: u16 = 51_820;

/// Whether a UDP datagram between these ports may be a tunnel's.
#[inline]
fn is_port_of_one(source: u16, destination: u16) -> bool {
    matches!(
        destination,
        4754 | 4755 | 4789 | 4790 | 6080 | 6081 | 6635 | 6636 | 8472 | 4341
    ) || [source, destination]
        .iter()
        .any(|port| matches!(port, 1701 | 2152 | 3544 | 4500 | 5247 | 51_820))
}

/// Whether a UDP datagram may be a tunnel's.
#[inline]
pub(in crate::decode) fn may_be_over_udp(segment: &Segment<'_>) -> bool {
    is_port_of_one(segment.source_port, segment.destination_port)
        || found_at(segment.payload, false).is_some()
}

/// What a UDP datagram carries that is a tunnel's; absent where it is none and the datagram stands for itself.
pub(in crate::decode) fn over_udp<'a>(
    outer: &Network<'_>,
    ends: Addresses<'_>,
    segment: &Segment<'a>,
) -> Option<Result<Network<'a>, Skip>> {
    let payload = segment.payload;
    match by_port(outer, ends, segment) {
        Some(Ok(network)) if network.is_plausible() => return Some(Ok(network)),
        // So short, or so strange: a datagram that begins as a tunnel's does by chance, or another version's.
        Some(Ok(_) | Err(Skip::Malformed)) | None => {}
        Some(Err(skip)) => return Some(Err(skip)),
    }
    let v6 = is_port_of_one(segment.source_port, segment.destination_port);
    match found_at(payload, v6)? {
        (version, 0) => Some(Ok(Network {
            version,
            packet: payload,
            place: outer.place,
            tunnel: outer.tunnel.between(Layer::IpInUdp, ends, 0),
        })),
        _ => Some(Err(Skip::Tunnel)),
    }
}

fn by_port<'a>(
    outer: &Network<'_>,
    ends: Addresses<'_>,
    segment: &Segment<'a>,
) -> Option<Result<Network<'a>, Skip>> {
    let payload = segment.payload;
    let (from, to) = (segment.source_port, segment.destination_port);
    let either = |port: u16| from == port || to == port;
    if VXLAN.contains(&to) {
        vxlan(outer, payload)
    } else if to == VXLAN_GPE {
        vxlan_gpe(outer, payload)
    } else if to == GENEVE {
        geneve(outer, payload)
    } else if either(GTP_U) {
        gtp_u(outer, ends, payload)
    } else if either(TEREDO) {
        teredo(outer, ends, payload)
    } else if either(L2TP) {
        session::l2tp(outer, ends, payload)
    } else if to == LISP {
        lisp(outer, payload)
    } else if to == GUE {
        gue(outer, ends, payload)
    } else if to == GRE {
        gre(outer, ends, payload)
    } else if to == MPLS {
        let opened = link::ether(link::MPLS_UNICAST, payload, outer.place, outer.tunnel);
        opened.ok().filter(Network::is_filled).map(Ok)
    } else if OVER_DTLS.contains(&to) {
        session::is_dtls(payload).then_some(Err(Skip::Encrypted))
    } else if either(CAPWAP_DATA) {
        session::capwap(outer, ends, payload)
    } else if either(ESP) {
        is_esp(payload, from == to).then_some(Err(Skip::Encrypted))
    } else if either(WIRE_GUARD) {
        is_wire_guard(payload).then_some(Err(Skip::Encrypted))
    } else {
        None
    }
}

/// VXLAN: flags, reserved or a policy group, 24 bits of network, reserved; then Ethernet (RFC 7348, section 5).
fn vxlan<'a>(outer: &Network<'_>, payload: Span<'a>) -> Option<Result<Network<'a>, Skip>> {
    let ([flags, .., v0, v1, v2, reserved], frame) = payload.take_array::<8>().ok()?;
    // The first bit says that a policy group is there. What has other bits set is another protocol's.
    if flags & 0x7f != 0x08 || *reserved != 0 {
        return None;
    }
    let vni = u64::from(u32::from_be_bytes([0, *v0, *v1, *v2]));
    let tunnel = outer.tunnel.within(Layer::Vxlan, vni);
    Some(link::ethernet_within(frame, outer.place, tunnel))
}

/// VXLAN with a protocol field (draft-ietf-nvo3-vxlan-gpe).
fn vxlan_gpe<'a>(outer: &Network<'_>, payload: Span<'a>) -> Option<Result<Network<'a>, Skip>> {
    let ([flags, _, _, next, v0, v1, v2, _], rest) = payload.take_array::<8>().ok()?;
    // Without a protocol it is VXLAN.
    if *flags == 0x08 {
        return vxlan(outer, payload);
    }
    // Version 0; the network and the protocol are there.
    if flags & 0xfc != 0x0c || !matches!(next, 1..=5) {
        return None;
    }
    let vni = u64::from(u32::from_be_bytes([0, *v0, *v1, *v2]));
    let tunnel = outer.tunnel.within(Layer::Vxlan, vni);
    let place = outer.place;
    Some(match next {
        1 => link::ether(ether_type::IPV4, rest, place, tunnel),
        2 => link::ether(ether_type::IPV6, rest, place, tunnel),
        3 => link::ethernet_within(rest, place, tunnel),
        4 => link::ether(link::NSH, rest, place, tunnel),
        5 => link::ether(link::MPLS_UNICAST, rest, place, tunnel),
        _ => Err(Skip::Tunnel),
    })
}

/// GENEVE: version and length of the options, flags, protocol, 24 bits of network, reserved (RFC 8926, section 3.4).
fn geneve<'a>(outer: &Network<'_>, payload: Span<'a>) -> Option<Result<Network<'a>, Skip>> {
    let ([first, flags, p0, p1, v0, v1, v2, reserved], rest) = payload.take_array::<8>().ok()?;
    let kind = u16::from_be_bytes([*p0, *p1]);
    if first >> 6 != 0 || flags & 0x3f != 0 || *reserved != 0 || kind < 0x0600 {
        return None;
    }
    let rest = match rest.take(usize::from(first & 0x3f) * 4) {
        Ok((_, rest)) => rest,
        Err(skip) => return Some(Err(skip)),
    };
    let vni = u64::from(u32::from_be_bytes([0, *v0, *v1, *v2]));
    let tunnel = outer.tunnel.within(Layer::Geneve, vni);
    Some(match kind {
        TRANSPARENT_ETHERNET => link::ethernet_within(rest, outer.place, tunnel),
        kind => link::ether(EtherType(kind), rest, outer.place, tunnel),
    })
}

/// GTP-U: flags, type, length, tunnel endpoint (the receiver's, so another one each way), then what the flags say
/// (3GPP TS 29.281, section 5).
fn gtp_u<'a>(
    outer: &Network<'_>,
    ends: Addresses<'_>,
    payload: Span<'a>,
) -> Option<Result<Network<'a>, Skip>> {
    let ([flags, kind, l0, l1, t0, t1, t2, t3], rest) = payload.take_array::<8>().ok()?;
    let length = u32::from(u16::from_be_bytes([*l0, *l1]));
    // Version 1, GTP and not GTP', a user's packet, and a length that is the datagram's.
    if flags & 0xf0 != 0x30 || *kind != 0xff || length != rest.wire_len() {
        return None;
    }
    let teid = u32::from_be_bytes([*t0, *t1, *t2, *t3]);
    let open = || {
        let mut rest = rest;
        if flags & 0x07 != 0 {
            let ([.., next], after) = rest.take_array::<4>()?;
            let (mut next, mut after) = (*next, after);
            while flags & 0x04 != 0 && next != 0 {
                // Extension headers: length in units of 4 bytes, contents, next.
                let [units] = *after.peek::<1>()?;
                let (header, rest) = after.take(usize::from(units).max(1) * 4)?;
                (next, after) = (header.last().copied().unwrap_or(0), rest);
            }
            rest = after;
        }
        let tunnel = outer.tunnel.between(Layer::GtpU, ends, 0);
        let tunnel = tunnel.labelled_same(Layer::GtpU, teid);
        // A session may carry Ethernet, too, or what it likes; nothing in the header says so.
        match link::raw(rest, outer.place, tunnel) {
            Ok(network) if network.is_plausible() => Ok(network),
            Err(Skip::HeadersCut) => Err(Skip::HeadersCut),
            _ => match link::ethernet_within(rest, outer.place, tunnel) {
                Ok(network) if network.is_plausible() => Ok(network),
                _ => Err(Skip::Tunnel),
            },
        }
    };
    Some(open())
}

/// Teredo: perhaps authentication, perhaps an origin indication, then an IPv6 packet (RFC 4380, section 5.1.1).
fn teredo<'a>(
    outer: &Network<'_>,
    ends: Addresses<'_>,
    payload: Span<'a>,
) -> Option<Result<Network<'a>, Skip>> {
    let mut rest = payload;
    if let Ok([0, 1, client, value]) = rest.peek::<4>() {
        let length = 4 + usize::from(*client) + usize::from(*value) + 9;
        (_, rest) = rest.take(length).ok()?;
    }
    if let Ok([0, 0]) = rest.peek::<2>() {
        (_, rest) = rest.take(8).ok()?;
    }
    let [first, _, _, _, l0, l1] = *rest.peek::<6>().ok()?;
    let length = u32::from(u16::from_be_bytes([l0, l1])) + 40;
    if first >> 4 != 6 || length > rest.wire_len() {
        return None;
    }
    // Trailers: type, length, contents (RFC 6081, section 4).
    if let Ok((_, mut trailers)) = rest.take(length as usize) {
        while trailers.wire_len() > 0 {
            let [_, length] = *trailers.peek::<2>().ok()?;
            (_, trailers) = trailers.take(2 + usize::from(length)).ok()?;
        }
    }
    let tunnel = outer.tunnel.between(Layer::Teredo, ends, 0);
    Some(link::raw(rest, outer.place, tunnel))
}

/// LISP: flags, a nonce or a version of the map, an instance, locators (RFC 9300, section 5.3); with a protocol field
/// (RFC 9305), or encrypted (RFC 8061).
fn lisp<'a>(outer: &Network<'_>, payload: Span<'a>) -> Option<Result<Network<'a>, Skip>> {
    let ([flags, n0, n1, n2, i0, i1, i2, locators], rest) = payload.take_array::<8>().ok()?;
    let has = |bit: u8| flags & bit != 0;
    let [nonce, locator, echo, version, instance, next] =
        [0x80, 0x40, 0x20, 0x10, 0x08, 0x04].map(has);
    // Nonce and version share a field, and an echo asks for a nonce.
    if nonce && version || echo && !nonce {
        return None;
    }
    // What has no meaning is 0.
    let low = if next { 0 } else { *n2 };
    let unused = [
        (!nonce && !version, u32::from_be_bytes([0, *n0, *n1, low])),
        (
            !instance && !locator,
            u32::from_be_bytes([*i0, *i1, *i2, *locators]),
        ),
        (!locator, u32::from(*locators)),
    ];
    if unused
        .iter()
        .any(|(is_unused, bits)| *is_unused && *bits != 0)
    {
        return None;
    }
    let id = if instance {
        u32::from_be_bytes([0, *i0, *i1, *i2])
    } else {
        0
    };
    if flags & 0x03 != 0 {
        // Nothing that follows can be looked at: what is rare is taken for chance.
        let usual = *i0 == 0 && (instance || [*i1, *i2] == [0; 2]);
        return usual.then_some(Err(Skip::Encrypted));
    }
    let tunnel = outer.tunnel.within(Layer::Lisp, u64::from(id));
    let place = outer.place;
    let opened = match n2 {
        3 if next => link::ethernet_within(rest, place, tunnel),
        4 if next => link::ether(link::NSH, rest, place, tunnel),
        _ => link::raw(rest, place, tunnel),
    };
    opened.ok().filter(Network::is_filled).map(Ok)
}

/// GUE: version 1 is IP right behind UDP's header, version 0 has a length, an IP protocol number, flags, and what the flags
/// say (draft-ietf-intarea-gue-09).
fn gue<'a>(
    outer: &Network<'_>,
    ends: Addresses<'_>,
    payload: Span<'a>,
) -> Option<Result<Network<'a>, Skip>> {
    let ([first, protocol, f0, f1], rest) = payload.take_array::<4>().ok()?;
    // Version 0, and no control message; another version is looked through as whatever is not known.
    if first & 0xe0 != 0 {
        return None;
    }
    let (_, rest) = rest.take(usize::from(first & 0x1f) * 4).ok()?;
    let tunnel = outer.tunnel.between(Layer::Gue, ends, 0);
    let within = |version| Network {
        version,
        packet: rest,
        place: outer.place,
        tunnel,
    };
    let opened = match *protocol {
        number if number == ip_number::IPV4.0 => Ok(within(Version::V4)),
        number if number == ip_number::IPV6.0 => Ok(within(Version::V6)),
        number if super::is_tunnel(number) => {
            let outer = Network { tunnel, ..*outer };
            super::over_ip(&outer, ends, number, rest)
        }
        _ => return None,
    };
    match opened {
        Ok(network) if network.is_filled() => Some(Ok(network)),
        // A part of a packet, or one that is encrypted, as a flag says; the header is as long as it says.
        _ if [*f0, *f1] != [0; 2] && first & 0x1f != 0 => Some(Err(Skip::Tunnel)),
        _ => None,
    }
}

/// GRE in UDP (RFC 8086): without routing, version 0.
fn gre<'a>(
    outer: &Network<'_>,
    ends: Addresses<'_>,
    payload: Span<'a>,
) -> Option<Result<Network<'a>, Skip>> {
    let [flags, version] = *payload.peek::<2>().ok()?;
    if flags & 0x4f != 0 || version != 0 {
        return None;
    }
    let opened = ip::gre(outer, ends, payload);
    opened.ok().filter(Network::is_filled).map(Ok)
}

/// ESP within UDP: an index of 256 or more, a number, and what is encrypted, in words of 4 bytes (RFC 3948, section 2.1;
/// RFC 4303, section 2.1). 0 for an index is a message of IKE. Where a translation may have changed one of the ports, the
/// number must be small as well.
fn is_esp(payload: Span<'_>, both: bool) -> bool {
    let Ok([s0, s1, s2, _, high, ..]) = payload.peek::<8>() else {
        return false;
    };
    let most = if both { 0x7f } else { 0 };
    let length = payload.wire_len();
    [*s0, *s1, *s2] != [0; 3] && *high <= most && length >= 24 && length.is_multiple_of(4)
}

/// `WireGuard`'s message of data: type 4, receiver, counter, and what is encrypted, in words of 16 bytes.
fn is_wire_guard(payload: Span<'_>) -> bool {
    let length = payload.wire_len();
    matches!(payload.peek::<16>(), Ok([4, 0, 0, 0, .., 0, 0]))
        && length >= 32
        && length.is_multiple_of(16)
}
