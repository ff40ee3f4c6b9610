//! Tunnels over IP and UDP: from an outer packet to the one it carries.
//!
//! Here is which tunnels a packet came through; [`ip`] opens those that are an IP protocol, [`udp`] those over UDP, and
//! [`hidden`] says where a packet is in what none of them opens.

mod hidden;
mod ip;
mod session;
mod udp;

use etherparse::ip_number;

pub(super) use hidden::{found_at, holds_ip};
pub(super) use ip::over_ip;
pub(super) use udp::{may_be_over_udp, over_udp};

use super::Skip;
use super::ip::Addresses;
use super::span::Span;

/// Tunnels within tunnels that are opened; one more is [`Skip::Tunnel`].
pub(super) const MAX_DEPTH: usize = 8;

/// IP protocol numbers of tunnels that are opened, beside IP itself and GRE.
const IP_IN_IP: u8 = 94;
const ETHER_IP: u8 = 97;
const L2TP: u8 = 115;
const MPLS_IN_IP: u8 = 137;
/// A frame behind a segment routing header (RFC 8986, section 4.4).
const ETHERNET: u8 = 143;
const NSH: u8 = 145;
/// Encapsulating Security Payload.
const ESP: u8 = 50;
/// Minimal encapsulation (RFC 2004), RFC 1241, compression (RFC 3173, RFC 5858), aggregation (RFC 9347).
const UNOPENED: [u8; 5] = [55, 98, 108, 142, 144];

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
    L2tp,
    Lisp,
    IpInUdp,
    Gue,
    Capwap,
    Nsh,
    Trill,
}

impl Layer {
    const ALL: [Self; 20] = [
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
        Self::L2tp,
        Self::Lisp,
        Self::IpInUdp,
        Self::Gue,
        Self::Capwap,
        Self::Nsh,
        Self::Trill,
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
            Self::L2tp => "l2tp",
            Self::Lisp => "lisp",
            Self::IpInUdp => "ip-in-udp",
            Self::Gue => "gue",
            Self::Capwap => "capwap",
            Self::Nsh => "nsh",
            Self::Trill => "trill",
        }
    }
}

/// Bits of [`Tunnel::kinds`] that one layer takes.
const KIND_BITS: u32 = 5;

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
    /// The kinds of header, innermost in the lowest bits; outer ones beyond six are left out.
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

    /// [`Self::labelled`] of a layer already named.
    #[must_use]
    fn labelled_same(self, layer: Layer, id: u32) -> Self {
        Self {
            path: mix(self.path, layer, u64::from(id)),
            id: if id == 0 { self.id } else { id },
            ..self
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
                let kind = self.kinds >> (place * KIND_BITS) & ((1 << KIND_BITS) - 1);
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
        IP_IN_IP,
        ETHER_IP,
        L2TP,
        MPLS_IN_IP,
        ETHERNET,
        NSH,
    ]
    .contains(&protocol)
}

/// Under which name a protocol that is neither transport nor an opened tunnel is skipped.
pub(super) fn unopened(protocol: u8, payload: Span<'_>) -> Skip {
    match protocol {
        ESP => Skip::Encrypted,
        other if UNOPENED.contains(&other) => Skip::Tunnel,
        // Errors quote the packet that they are about.
        other if other == ip_number::ICMP.0 || other == ip_number::IPV6_ICMP.0 => Skip::NotTcpOrUdp,
        _ if holds_ip(payload) => Skip::Tunnel,
        _ => Skip::NotTcpOrUdp,
    }
}
