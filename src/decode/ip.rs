//! IPv4 (RFC 791) and IPv6 (RFC 8200) with extension headers: from a packet to its transport payload.

use std::net::IpAddr;

use etherparse::{
    IpAuthHeaderSlice, Ipv4HeaderSlice, Ipv6FragmentHeaderSlice, Ipv6HeaderSlice,
    Ipv6RawExtHeaderSlice, ip_number,
};

use super::link::{Network, Version};
use super::span::Span;
use super::{Checksum, Skip, checksum, tunnel};

/// Mobility, host identity and shim6 headers have the layout of extension headers.
const MOBILITY: u8 = 135;
const HOST_IDENTITY: u8 = 139;
const SHIM6: u8 = 140;
/// IPv4 options that hold the final destination back (RFC 791, section 3.1).
const LOOSE_SOURCE_ROUTE: u8 = 131;
const STRICT_SOURCE_ROUTE: u8 = 137;
/// IPv6 hop-by-hop option: jumbo payload (RFC 2675, section 2).
const JUMBO_PAYLOAD: u8 = 0xc2;
/// IPv6 destination option: home address (RFC 6275, section 6.3).
const HOME_ADDRESS: u8 = 0xc9;

/// An IP packet, taken apart as far as its transport header or its fragment header.
#[derive(Debug, Clone, Copy)]
pub(super) struct Datagram<'a> {
    pub(super) addresses: Addresses<'a>,
    /// Protocol of `payload`: TCP, UDP or a tunnel's, unless it is a fragment.
    pub(super) protocol: u8,
    pub(super) payload: Span<'a>,
    pub(super) fragment: Option<Fragment>,
    pub(super) length_zero: bool,
    pub(super) beyond_frame: bool,
    pub(super) header_checksum: Checksum,
    /// IPv4 identification where it is not 0 (RFC 6864 leaves it to senders); IPv6 has none outside fragments.
    pub(super) id: Option<u16>,
    /// Hops that are left: time to live, or hop limit.
    pub(super) hops: u8,
    /// The pseudo-header has these addresses: no routing header or option holds others back.
    pub(super) addresses_final: bool,
}

/// Source and destination as they stand in the header. Borrowed, because copies of `IpAddr` (17 bytes) cost
/// more than all else that is done with a frame.
#[derive(Debug, Clone, Copy)]
pub(super) enum Addresses<'a> {
    V4(&'a [u8; 4], &'a [u8; 4]),
    V6(&'a [u8; 16], &'a [u8; 16]),
}

impl<'a> Addresses<'a> {
    /// Source, destination.
    #[inline]
    pub(super) fn pair(self) -> (IpAddr, IpAddr) {
        match self {
            Self::V4(source, destination) => (IpAddr::from(*source), IpAddr::from(*destination)),
            Self::V6(source, destination) => (IpAddr::from(*source), IpAddr::from(*destination)),
        }
    }

    /// Their bytes, as the pseudo-header has them.
    pub(super) fn bytes(self) -> [&'a [u8]; 2] {
        match self {
            Self::V4(source, destination) => [source, destination],
            Self::V6(source, destination) => [source, destination],
        }
    }
}

/// The `N` bytes of a header from `at` on.
#[inline]
fn chunk<const N: usize>(header: &[u8], at: usize) -> Result<&[u8; N], Skip> {
    header
        .get(at..)
        .and_then(<[u8]>::first_chunk)
        .ok_or(Skip::Malformed)
}

/// Which piece of a datagram this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fragment {
    pub(super) id: u32,
    /// Of the first byte, in bytes.
    pub(super) offset: u32,
    /// More fragments follow.
    pub(super) more: bool,
}

/// Takes the IP headers off.
#[inline]
pub(super) fn datagram<'a>(network: &Network<'a>, verify: bool) -> Result<Datagram<'a>, Skip> {
    match network.version {
        Version::V4 => v4(network.packet, verify),
        Version::V6 => v6(network.packet),
    }
}

#[inline]
fn v4(packet: Span<'_>, verify: bool) -> Result<Datagram<'_>, Skip> {
    // Its length is asked for first, so that a cut header is told from a wrong one.
    let [first, ..] = *packet.peek::<20>()?;
    let (header, rest) = packet.take(usize::from(first & 0x0f) * 4)?;
    let header = Ipv4HeaderSlice::from_slice(header).map_err(|_| Skip::Malformed)?;

    let addresses = Addresses::V4(chunk(header.slice(), 12)?, chunk(header.slice(), 16)?);
    let total = u32::from(header.total_len());
    let length_zero = total == 0;
    let payload = if length_zero {
        rest
    } else {
        let header_len = u32::from(header.ihl()) * 4;
        rest.limited(total.checked_sub(header_len).ok_or(Skip::Malformed)?)
    };
    let header_checksum = if verify {
        checksum::ipv4_header(header.slice(), header.header_checksum())
    } else {
        Checksum::NotChecked
    };

    let mut datagram = Datagram {
        addresses,
        protocol: header.protocol().0,
        payload,
        fragment: None,
        length_zero,
        beyond_frame: payload.wire_len() > rest.wire_len(),
        header_checksum,
        id: Some(header.identification()).filter(|&id| id != 0),
        hops: header.ttl(),
        addresses_final: header.options().is_empty() || !is_source_routed(header.options()),
    };
    let offset = header.fragments_offset().value();
    if offset != 0 || header.more_fragments() {
        datagram.fragment = Some(Fragment {
            id: u32::from(header.identification()),
            offset: u32::from(offset) * 8,
            more: header.more_fragments(),
        });
        may_be_reached(Version::V4, datagram.protocol, payload)?;
    } else if !is_transport(datagram.protocol) {
        let upper = upper(Version::V4, datagram.protocol, payload, true)?;
        datagram.protocol = upper.protocol;
        datagram.payload = upper.payload;
    }
    Ok(datagram)
}

#[inline]
fn v6(packet: Span<'_>) -> Result<Datagram<'_>, Skip> {
    let (header, rest) = packet.take(40)?;
    let header = Ipv6HeaderSlice::from_slice(header).map_err(|_| Skip::Malformed)?;
    let addresses = Addresses::V6(chunk(header.slice(), 8)?, chunk(header.slice(), 24)?);
    let next = header.next_header().0;

    let (payload, length_zero) = match header.payload_length() {
        0 => match jumbo_length(next, rest)? {
            Some(length) => (rest.limited(length), false),
            None => (rest, true),
        },
        length => (rest.limited(u32::from(length)), false),
    };
    let mut datagram = Datagram {
        addresses,
        protocol: next,
        payload,
        fragment: None,
        length_zero,
        beyond_frame: payload.wire_len() > rest.wire_len(),
        header_checksum: Checksum::NotChecked,
        id: None,
        hops: header.hop_limit(),
        addresses_final: true,
    };
    if !is_transport(next) {
        let upper = upper(Version::V6, next, payload, true)?;
        datagram.protocol = upper.protocol;
        datagram.payload = upper.payload;
        datagram.fragment = upper.fragment;
        datagram.addresses_final = upper.addresses_final;
    }
    Ok(datagram)
}

/// What stands above the extension headers.
pub(super) struct Upper<'a> {
    pub(super) protocol: u8,
    pub(super) payload: Span<'a>,
    pub(super) fragment: Option<Fragment>,
    pub(super) addresses_final: bool,
}

/// Walks extension headers up to the transport header or a tunnel's, or to the fragment header of a real fragment.
/// `at_start`: directly behind the IP header, where alone a hop-by-hop header may stand (RFC 8200, section 4.1).
#[inline(never)]
pub(super) fn upper(
    version: Version,
    mut protocol: u8,
    mut payload: Span<'_>,
    mut at_start: bool,
) -> Result<Upper<'_>, Skip> {
    use ip_number as ip;

    let mut addresses_final = true;
    loop {
        may_be_reached(version, protocol, payload)?;
        if is_transport(protocol) || tunnel::is_tunnel(protocol) {
            return Ok(Upper {
                protocol,
                payload,
                fragment: None,
                addresses_final,
            });
        }
        if protocol == ip::AUTHENTICATION_HEADER.0 {
            // The length counts 4-byte units, less 2 (RFC 4302, section 2.2).
            let [_, units] = *payload.peek::<2>()?;
            let (header, rest) = payload.take((usize::from(units) + 2) * 4)?;
            let header = IpAuthHeaderSlice::from_slice(header).map_err(|_| Skip::Malformed)?;
            (protocol, payload) = (header.next_header().0, rest);
        } else if protocol == ip::IPV6_FRAGMENTATION_HEADER.0 {
            let (header, rest) = payload.take(8)?;
            let header =
                Ipv6FragmentHeaderSlice::from_slice(header).map_err(|_| Skip::Malformed)?;
            (protocol, payload) = (header.next_header().0, rest);
            // One that is the whole datagram is taken for itself (RFC 6946, section 4).
            if header.is_fragmenting_payload() {
                may_be_reached(version, protocol, payload)?;
                return Ok(Upper {
                    protocol,
                    payload,
                    fragment: Some(Fragment {
                        id: header.identification(),
                        offset: u32::from(header.fragment_offset().value()) * 8,
                        more: header.more_fragments(),
                    }),
                    addresses_final,
                });
            }
        } else {
            if protocol == ip::IPV6_HEADER_HOP_BY_HOP.0 && !at_start {
                return Err(Skip::Malformed);
            }
            // The length counts 8-byte units, less 1 (RFC 8200, section 4.3).
            let [_, units] = *payload.peek::<2>()?;
            let (header, rest) = payload.take((usize::from(units) + 1) * 8)?;
            let header = Ipv6RawExtHeaderSlice::from_slice(header).map_err(|_| Skip::Malformed)?;
            let elsewhere = if protocol == ip::IPV6_ROUTE_HEADER.0 {
                // Type, then segments left (RFC 8200, section 4.4).
                header.payload().get(1).is_some_and(|&left| left != 0)
            } else {
                protocol == ip::IPV6_DESTINATION_OPTIONS.0
                    && option(header.payload(), HOME_ADDRESS).is_some()
            };
            addresses_final &= !elsewhere;
            (protocol, payload) = (header.next_header().0, rest);
        }
        at_start = false;
    }
}

/// Whether it is TCP or UDP.
#[inline]
pub(super) fn is_transport(protocol: u8) -> bool {
    protocol == ip_number::TCP.0 || protocol == ip_number::UDP.0
}

/// Refuses what can lead neither to TCP or UDP nor into a tunnel, under the name it deserves.
fn may_be_reached(version: Version, protocol: u8, payload: Span<'_>) -> Result<(), Skip> {
    use ip_number as ip;

    let extension = [
        ip::IPV6_HEADER_HOP_BY_HOP.0,
        ip::IPV6_ROUTE_HEADER.0,
        ip::IPV6_FRAGMENTATION_HEADER.0,
        ip::IPV6_DESTINATION_OPTIONS.0,
        MOBILITY,
        HOST_IDENTITY,
        SHIM6,
    ];
    if is_transport(protocol)
        || tunnel::is_tunnel(protocol)
        || protocol == ip::AUTHENTICATION_HEADER.0
        || version == Version::V6 && extension.contains(&protocol)
    {
        Ok(())
    } else {
        Err(tunnel::unopened(protocol, payload))
    }
}

/// The jumbo payload length (RFC 2675, section 2), asked for where the payload length is 0; absent where there is none.
fn jumbo_length(next: u8, payload: Span<'_>) -> Result<Option<u32>, Skip> {
    if next != ip_number::IPV6_HEADER_HOP_BY_HOP.0 {
        return Ok(None);
    }
    let [_, units] = *payload.peek::<2>()?;
    let (header, _) = payload.take((usize::from(units) + 1) * 8)?;
    let Some(length) = option(header.get(2..).unwrap_or_default(), JUMBO_PAYLOAD) else {
        return Ok(None);
    };
    let length = u32::from_be_bytes(*length.first_chunk().ok_or(Skip::Malformed)?);
    // A shorter one has to use the payload length field.
    if u16::try_from(length).is_ok() {
        return Err(Skip::Malformed);
    }
    Ok(Some(length))
}

/// The data of the first IPv6 option of this type (RFC 8200, section 4.2).
fn option(mut options: &[u8], wanted: u8) -> Option<&[u8]> {
    loop {
        match options {
            // Pad1 has no length.
            [0, rest @ ..] => options = rest,
            [kind, length, rest @ ..] => {
                let (data, rest) = rest.split_at_checked(usize::from(*length))?;
                if *kind == wanted {
                    return Some(data);
                }
                options = rest;
            }
            _ => return None,
        }
    }
}

/// Whether IPv4 options route the packet by way of others (RFC 791, section 3.1).
fn is_source_routed(mut options: &[u8]) -> bool {
    loop {
        match options {
            // No operation.
            [1, rest @ ..] => options = rest,
            // End of list, or nothing left.
            [0, ..] | [] | [_] => return false,
            [LOOSE_SOURCE_ROUTE | STRICT_SOURCE_ROUTE, ..] => return true,
            [_, length, ..] => match options.get(usize::from(*length).max(2)..) {
                Some(rest) => options = rest,
                None => return false,
            },
        }
    }
}
