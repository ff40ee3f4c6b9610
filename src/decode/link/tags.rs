//! What may stand between an Ethernet header and an IP packet: tags, labels, and other Ethernet headers.
//!
//! VLAN tags (IEEE 802.1Q, 802.1ad, any stacking), 802.1ah, MPLS (RFC 3032, pseudowires RFC 4448), `PPPoE` (RFC 2516),
//! Cisco `FabricPath` and metadata, HSR and PRP (IEC 62439-3), LLC with SNAP (RFC 1042).

use etherparse::{EtherType, SingleVlanHeaderSlice, ether_type};

use super::{Network, Version, found, serial};
use crate::decode::Skip;
use crate::decode::span::Span;
use crate::decode::tunnel::{Layer, Tunnel, holds_ip};

/// MPLS (RFC 3032, section 5): one, and of many receivers.
pub(in crate::decode) const MPLS_UNICAST: EtherType = EtherType(0x8847);
const MPLS_MULTICAST: EtherType = EtherType(0x8848);
/// `PPPoE` session stage (RFC 2516, section 4).
const PPPOE_SESSION: EtherType = EtherType(0x8864);
/// Backbone service instance tag (IEEE 802.1ah).
const BACKBONE_SERVICE: EtherType = EtherType(0x88e7);
/// Cisco `FabricPath`: a tag, then the Ethernet frame it carries.
const FABRIC_PATH: EtherType = EtherType(0x8903);
/// VLAN tags before 802.1ad had a number.
const OLD_VLAN: [EtherType; 2] = [EtherType(0x9200), EtherType(0x9300)];
/// IEEE 802.1AE: encrypted, or at least not to be read without knowing.
const MACSEC: EtherType = EtherType(0x88e5);
/// IEC 62439-3: a path, a length and a number, then what the frame carries.
const REDUNDANCY: EtherType = EtherType(0x892f);
/// ARP and its reverse, LLDP, link aggregation, 802.1X, and what finds a `PPPoE` server: none of them carries a packet.
const CARRIES_NONE: [EtherType; 6] = [
    ether_type::ARP,
    EtherType(0x8035),
    EtherType(0x88cc),
    EtherType(0x8809),
    EtherType(0x888e),
    EtherType(0x8863),
];
/// Cisco's metadata: a security group, then what the frame carries.
const METADATA: EtherType = EtherType(0x8909);
/// TRILL (RFC 6325, section 3): where a frame goes, and the frame.
const TRILL: EtherType = EtherType(0x22f3);
/// Network service header (RFC 8300, section 2).
pub(in crate::decode) const NSH: EtherType = EtherType(0x894f);
/// Greatest value of an IEEE 802.3 length field; above 1535 it is an `EtherType`.
pub(super) const MAX_802_3_LENGTH: u16 = 1500;
/// LLC with SNAP for `EtherType`s: DSAP, SSAP, control, organisation (RFC 1042).
const SNAP: [u8; 6] = [0xaa, 0xaa, 0x03, 0, 0, 0];
/// Labels below this have a meaning of their own (RFC 3032, section 2.1).
const FIRST_LABEL: u32 = 16;

/// Whether [`tagged`] goes on behind this `EtherType`.
pub(in crate::decode) fn is_tagging(kind: EtherType) -> bool {
    is_vlan(kind)
        || [
            MPLS_UNICAST,
            MPLS_MULTICAST,
            PPPOE_SESSION,
            BACKBONE_SERVICE,
            FABRIC_PATH,
            REDUNDANCY,
            METADATA,
            TRILL,
            NSH,
        ]
        .contains(&kind)
}

fn is_vlan(kind: EtherType) -> bool {
    kind == ether_type::VLAN_TAGGED_FRAME
        || kind == ether_type::PROVIDER_BRIDGING
        || kind == ether_type::VLAN_DOUBLE_TAGGED_FRAME
        || OLD_VLAN.contains(&kind)
}

/// Tags, then IP or something else. Every turn of the loop takes bytes off, so it ends.
#[inline(never)]
pub(super) fn tagged(
    mut kind: EtherType,
    mut payload: Span<'_>,
    place: u64,
    mut tunnel: Tunnel,
) -> Result<Network<'_>, Skip> {
    loop {
        match kind {
            ether_type::IPV4 => return Ok(found(Version::V4, payload, place, tunnel)),
            ether_type::IPV6 => return Ok(found(Version::V6, payload, place, tunnel)),
            kind_of_tag if is_vlan(kind_of_tag) => {
                let (tag, rest) = payload.take(4)?;
                let tag = SingleVlanHeaderSlice::from_slice(tag).map_err(|_| Skip::Malformed)?;
                let id = tag.vlan_identifier().value();
                // 0 is a priority and no VLAN.
                if id != 0 {
                    tunnel = tunnel.within(Layer::Vlan, u64::from(id));
                }
                (kind, payload) = (tag.ether_type(), rest);
            }
            BACKBONE_SERVICE => {
                let ([_, i0, i1, i2], rest) = payload.take_array::<4>()?;
                let service = u32::from_be_bytes([0, *i0, *i1, *i2]);
                tunnel = tunnel.within(Layer::BackboneService, u64::from(service));
                (kind, payload) = inner_ethernet(rest)?;
            }
            FABRIC_PATH => {
                // A forwarding tag, which is a path and no network, and a time to live.
                let (_, rest) = payload.take(2)?;
                tunnel = tunnel.within(Layer::FabricPath, 0);
                (kind, payload) = inner_ethernet(rest)?;
            }
            MPLS_UNICAST | MPLS_MULTICAST => {
                let (label, rest) = bottom_label(payload)?;
                tunnel = match label {
                    Some(label) => tunnel.labelled(Layer::Mpls, label),
                    None => tunnel.within(Layer::Mpls, 0),
                };
                (kind, payload) = labelled(rest)?;
            }
            PPPOE_SESSION => return serial::pppoe(payload, place, tunnel),
            EtherType(length @ ..=MAX_802_3_LENGTH) => {
                // The length leaves the padding out.
                (kind, payload) = snap(payload.limited(u32::from(length)))?;
            }
            REDUNDANCY => {
                let ([.., high, low], rest) = payload.take_array::<6>()?;
                (kind, payload) = (EtherType(u16::from_be_bytes([*high, *low])), rest);
            }
            METADATA => {
                // Of another version or with more options than one it is not known where it ends.
                let ([1, 1, _, _, _, _, high, low], rest) = payload.take_array::<8>()? else {
                    return Err(Skip::Tunnel);
                };
                (kind, payload) = (EtherType(u16::from_be_bytes([*high, *low])), rest);
            }
            MACSEC => return Err(Skip::Encrypted),
            TRILL => {
                // Version 0 and a length of options in words of 4 bytes, hops, two names.
                let ([first, second, ..], rest) = payload.take_array::<6>()?;
                if first >> 6 != 0 {
                    return Err(Skip::Tunnel);
                }
                let options = usize::from(first & 0x07) << 2 | usize::from(second >> 6);
                let (_, rest) = rest.take(options * 4)?;
                tunnel = tunnel.within(Layer::Trill, 0);
                (kind, payload) = inner_ethernet(rest)?;
            }
            NSH => {
                let [first, second, _, next] = *payload.peek::<4>()?;
                // Version 0, no operations packet; the length counts words of 4 bytes. The path is another one each way.
                if first & 0xe0 != 0 {
                    return Err(Skip::Tunnel);
                }
                let length = usize::from(second & 0x3f).max(2) * 4;
                let (_, rest) = payload.take(length)?;
                tunnel = tunnel.within(Layer::Nsh, 0);
                (kind, payload) = match next {
                    1 => (ether_type::IPV4, rest),
                    2 => (ether_type::IPV6, rest),
                    3 => inner_ethernet(rest)?,
                    4 => (NSH, rest),
                    5 => (MPLS_UNICAST, rest),
                    _ => return Err(Skip::Tunnel),
                };
            }
            kind if !CARRIES_NONE.contains(&kind) && holds_ip(payload) => return Err(Skip::Tunnel),
            _ => return Err(Skip::NotIp),
        }
    }
}

/// The Ethernet header of a frame within a frame.
fn inner_ethernet(frame: Span<'_>) -> Result<(EtherType, Span<'_>), Skip> {
    let ([.., high, low], rest) = frame.take_array::<14>()?;
    Ok((EtherType(u16::from_be_bytes([*high, *low])), rest))
}

/// Takes the label stack off: the last label, which names the service, unless it is one with a meaning of its own.
fn bottom_label(mut stack: Span<'_>) -> Result<(Option<u32>, Span<'_>), Skip> {
    loop {
        let (entry, rest) = stack.take_array::<4>()?;
        let entry = u32::from_be_bytes(*entry);
        stack = rest;
        if entry & 0x100 != 0 {
            let label = entry >> 12;
            return Ok(((label >= FIRST_LABEL).then_some(label), stack));
        }
    }
}

/// What lies below the labels, which do not say: IP, or a pseudowire's Ethernet frame with its control word or without.
fn labelled(payload: Span<'_>) -> Result<(EtherType, Span<'_>), Skip> {
    let [first] = *payload.peek::<1>()?;
    let ip = match first >> 4 {
        4 => Some((ether_type::IPV4, Version::V4)),
        6 => Some((ether_type::IPV6, Version::V6)),
        _ => None,
    };
    // RFC 4928: 4 and 6 are IP. A pseudowire without a control word may still carry a frame to such an address.
    if let Some((kind, version)) = ip
        && found(version, payload, 0, Tunnel::NONE).is_plausible()
    {
        return Ok((kind, payload));
    }
    // A control word begins with 0, and so do many hardware addresses: what fits an Ethernet frame with IP decides.
    let behind_control = payload.take(4).ok().map(|(_, rest)| rest);
    let frames = match first >> 4 {
        0 => [behind_control, Some(payload)],
        // The associated channel (RFC 5586).
        1 => return Err(Skip::NotIp),
        _ => [Some(payload), None],
    };
    let mut other = None;
    for frame in frames.into_iter().flatten() {
        let (kind, inner) = inner_ethernet(frame)?;
        if kind == ether_type::IPV4 || kind == ether_type::IPV6 || is_tagging(kind) {
            return Ok((kind, inner));
        }
        // ARP and the like.
        if kind.0 >= 0x0600 {
            other = other.or(Some((kind, inner)));
        }
    }
    match ip {
        Some((kind, _)) => Ok((kind, payload)),
        // Or something that is not Ethernet.
        None => other.ok_or(Skip::Tunnel),
    }
}

/// LLC with SNAP (RFC 1042), or IP's own service access point; every other LLC payload is no IP. The `EtherType` it
/// gives is never a length: so stacking ends.
pub(super) fn snap(llc: Span<'_>) -> Result<(EtherType, Span<'_>), Skip> {
    if let Ok([0x06, 0x06, 0x03]) = llc.peek::<3>() {
        let (_, rest) = llc.take(3)?;
        return Ok((ether_type::IPV4, rest));
    }
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
