//! Tunnels over IP and UDP: from an outer packet to the one it carries.
//!
//! GRE (RFC 2784, RFC 2890), PPTP's GRE (RFC 2637), NVGRE (RFC 7637), ERSPAN I to III, IP in IP (RFC 2003, RFC 4213),
//! `EtherIP` (RFC 3378), MPLS in IP (RFC 4023), VXLAN (RFC 7348) and VXLAN-GPE, GENEVE (RFC 8926), GTP-U (3GPP TS 29.281)
//! and Teredo (RFC 4380). What travels over UDP is opened only where port and header both say so: anybody may send a
//! picture to any port.

use etherparse::{EtherType, ether_type, ip_number};

use super::Skip;
use super::ip::Addresses;
use super::link::{self, Network, Version};
use super::span::Span;
use super::transport::Segment;

/// Tunnels within tunnels that are opened; one more is [`Skip::Tunnel`].
pub(super) const MAX_DEPTH: usize = 8;

/// IP protocol numbers of tunnels that are opened.
const ETHER_IP: u8 = 97;
const MPLS_IN_IP: u8 = 137;
/// Encapsulating Security Payload.
const ESP: u8 = 50;
/// L2TP over IP.
const L2TP: u8 = 115;

/// GRE protocol types that are no `EtherType`.
const TRANSPARENT_ETHERNET: u16 = 0x6558;
const ERSPAN: u16 = 0x88be;
const ERSPAN_III: u16 = 0x22eb;
const GRE_PPP: u16 = 0x880b;

/// A header around a packet that is no IP of its own network: what makes two streams of the same addresses two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Layer {
    Vlan = 1,
    BackboneService,
    FabricPath,
    Mpls,
    PppoE,
    Gre,
    Erspan,
    IpInIp,
    EtherIp,
    Vxlan,
    Geneve,
    GtpU,
    Teredo,
}

impl Layer {
    const ALL: [Self; 13] = [
        Self::Vlan,
        Self::BackboneService,
        Self::FabricPath,
        Self::Mpls,
        Self::PppoE,
        Self::Gre,
        Self::Erspan,
        Self::IpInIp,
        Self::EtherIp,
        Self::Vxlan,
        Self::Geneve,
        Self::GtpU,
        Self::Teredo,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Vlan => "vlan",
            Self::BackboneService => "802.1ah",
            Self::FabricPath => "fabricpath",
            Self::Mpls => "mpls",
            Self::PppoE => "pppoe",
            Self::Gre => "gre",
            Self::Erspan => "erspan",
            Self::IpInIp => "ip-in-ip",
            Self::EtherIp => "etherip",
            Self::Vxlan => "vxlan",
            Self::Geneve => "geneve",
            Self::GtpU => "gtp-u",
            Self::Teredo => "teredo",
        }
    }
}

/// Bits of [`Tunnel::kinds`] that one layer takes.
const KIND_BITS: u32 = 4;

/// The networks that a packet was found in, VLANs included: part of a stream's identity, because two tenants may use
/// the same addresses.
///
/// Kept as digests: a packet is decoded without allocation. Two different ones with the same digests are possible
/// and harmless, unless their packets have the same addresses and ports too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Tunnel {
    /// Of what both directions share: VLAN, VNI, session, key, the tunnel's two ends in no order.
    network: u32,
    /// Of what each direction has its own of: MPLS label, tunnel endpoint identifier.
    path: u32,
    /// The kinds of header, innermost in the lowest bits; outer ones beyond eight are left out.
    kinds: u32,
    /// The innermost identifier there was; 0 for none.
    id: u32,
}

impl Tunnel {
    /// No header around: the packet's own network.
    pub const NONE: Self = Self {
        network: 0,
        path: 0,
        kinds: 0,
        id: 0,
    };

    /// What both directions of a conversation share, 0 for nothing.
    pub fn network(self) -> u32 {
        self.network
    }

    /// What one direction has of its own, 0 for nothing.
    pub fn path(self) -> u32 {
        self.path
    }

    /// Whether it is no tunnel and no VLAN.
    pub fn is_none(self) -> bool {
        self.kinds == 0
    }

    /// Within a header whose identifier both directions share.
    #[must_use]
    pub(super) fn within(self, layer: Layer, id: u64) -> Self {
        Self {
            network: mix(self.network, layer, id),
            ..self.layer(layer, id)
        }
    }

    /// Within a header whose identifier is that of one direction.
    #[must_use]
    pub(super) fn labelled(self, layer: Layer, id: u32) -> Self {
        Self {
            path: mix(self.path, layer, u64::from(id)),
            ..self.layer(layer, u64::from(id))
        }
    }

    /// Within another packet: its addresses in no order, because the answer comes the other way, and a key.
    #[must_use]
    fn between(self, layer: Layer, ends: Addresses<'_>, key: u32) -> Self {
        let [source, destination] = ends.bytes();
        let [source, destination] = [source, destination].map(|end| {
            end.iter().fold(0xcbf2_9ce4_8422_2325, |digest: u64, byte| {
                (digest ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
            })
        });
        let ends = source.wrapping_add(destination) ^ (source ^ destination).rotate_left(29);
        Self {
            network: mix(self.network, layer, ends ^ u64::from(key)),
            ..self.layer(layer, u64::from(key))
        }
    }

    fn layer(self, layer: Layer, id: u64) -> Self {
        let id = u32::try_from(id).unwrap_or(0);
        Self {
            kinds: self.kinds << KIND_BITS | u32::from(layer as u8),
            id: if id == 0 { self.id } else { id },
            ..self
        }
    }

    /// The headers from the outermost on, e.g. `vlan/vxlan 42`: the innermost identifier stands last.
    /// Absent where there are none.
    pub fn describe(self) -> Option<String> {
        if self.is_none() {
            return None;
        }
        let kinds = (0..u32::BITS / KIND_BITS)
            .rev()
            .filter_map(|place| {
                let kind = self.kinds >> (place * KIND_BITS) & 0xf;
                Layer::ALL
                    .iter()
                    .find(|layer| u32::from(**layer as u8) == kind)
            })
            .map(|layer| layer.name());
        let kinds: Vec<_> = kinds.collect();
        let kinds = kinds.join("/");
        Some(if self.id == 0 {
            kinds
        } else {
            format!("{kinds} {}", self.id)
        })
    }
}

/// One more layer in a digest; never 0.
fn mix(before: u32, layer: Layer, id: u64) -> u32 {
    let mut word = id ^ u64::from(before) << 32 ^ u64::from(layer as u8) << 56;
    // The finisher of SplitMix64.
    word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^= word >> 31;
    u32::try_from(word >> 32).unwrap_or(u32::MAX) | 1
}

/// Whether this IP protocol leads into another packet, which [`over_ip`] opens.
pub(super) fn is_tunnel(protocol: u8) -> bool {
    [
        ip_number::IPV4.0,
        ip_number::IPV6.0,
        ip_number::GRE.0,
        ETHER_IP,
        MPLS_IN_IP,
    ]
    .contains(&protocol)
}

/// Under which name a protocol that is neither transport nor an opened tunnel is skipped.
pub(super) fn unopened(protocol: u8) -> Skip {
    match protocol {
        ESP => Skip::Encrypted,
        L2TP => Skip::Tunnel,
        _ => Skip::NotTcpOrUdp,
    }
}

/// What an IP packet carries that is a tunnel ([`is_tunnel`]).
///
/// # Errors
///
/// The reason for which what is in it is no IP packet.
pub(super) fn over_ip<'a>(
    outer: &Network<'_>,
    ends: Addresses<'_>,
    protocol: u8,
    payload: Span<'a>,
) -> Result<Network<'a>, Skip> {
    let place = outer.place;
    let inside = |layer| outer.tunnel.between(layer, ends, 0);
    match protocol {
        number if number == ip_number::IPV4.0 => Ok(Network {
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
        MPLS_IN_IP => link::ether(link::MPLS_UNICAST, payload, place, outer.tunnel),
        _ => Err(Skip::Tunnel),
    }
}

/// GRE: flags, protocol type, then checksum, key and sequence number where the flags say so.
fn gre<'a>(
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
    match v0 >> 4 {
        0 | 1 => {
            let (_, frame) = payload.take(8)?;
            link::ethernet_within(frame, outer.place, tunnel)
        }
        2 => {
            let (header, mut rest) = payload.take_array::<12>()?;
            let [.., kind, last] = *header;
            if last & 1 != 0 {
                (_, rest) = rest.take(8)?;
            }
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

impl Tunnel {
    /// [`Self::labelled`] of a layer already named.
    #[must_use]
    fn labelled_same(self, layer: Layer, id: u32) -> Self {
        Self {
            path: mix(self.path, layer, u64::from(id)),
            id: if id == 0 { self.id } else { id },
            ..self
        }
    }
}

/// UDP ports of tunnels.
const VXLAN: [u16; 2] = [4789, 8472];
const VXLAN_GPE: u16 = 4790;
const GENEVE: u16 = 6081;
const GTP_U: u16 = 2152;
const TEREDO: u16 = 3544;

/// Whether a UDP datagram between these ports may be a tunnel's.
#[inline]
pub(super) fn may_be_over_udp(source: u16, destination: u16) -> bool {
    matches!(destination, 4789 | 8472 | 4790 | 6081 | 2152 | 3544) || matches!(source, 2152 | 3544)
}

/// What a UDP datagram carries that is a tunnel's; absent where it is none and the datagram stands for itself.
pub(super) fn over_udp<'a>(
    outer: &Network<'_>,
    ends: Addresses<'_>,
    segment: &Segment<'a>,
) -> Option<Result<Network<'a>, Skip>> {
    let payload = segment.payload;
    let (from, to) = (segment.source_port, segment.destination_port);
    let inner = if VXLAN.contains(&to) {
        vxlan(outer, payload)
    } else if to == VXLAN_GPE {
        vxlan_gpe(outer, payload)
    } else if to == GENEVE {
        geneve(outer, payload)
    } else if to == GTP_U || from == GTP_U {
        gtp_u(outer, ends, payload)
    } else if to == TEREDO || from == TEREDO {
        teredo(outer, ends, payload)
    } else {
        None
    }?;
    match inner {
        Ok(network) => network.is_plausible().then_some(Ok(network)),
        // So short, or so strange: a datagram that begins as a tunnel's does by chance.
        Err(Skip::Malformed) => None,
        Err(skip) => Some(Err(skip)),
    }
}

/// VXLAN: flags, reserved or a policy group, 24 bits of network, reserved; then Ethernet (RFC 7348, section 5).
fn vxlan<'a>(outer: &Network<'_>, payload: Span<'a>) -> Option<Result<Network<'a>, Skip>> {
    let ([flags, .., v0, v1, v2, reserved], frame) = payload.take_array::<8>().ok()?;
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
        link::raw(rest, outer.place, tunnel.labelled_same(Layer::GtpU, teid))
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
    if first >> 4 != 6 || length != rest.wire_len() {
        return None;
    }
    let tunnel = outer.tunnel.between(Layer::Teredo, ends, 0);
    Some(link::raw(rest, outer.place, tunnel))
}
