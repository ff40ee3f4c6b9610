//! Link types that are neither Ethernet nor a serial line: BSD loopback, FDDI, netfilter's log, IP over `InfiniBand`,
//! Endace's records.

use etherparse::{EtherType, ether_type};

use super::{Network, Version, ether, ethernet_within, found, raw, serial, snap, tagged, tags};
use crate::decode::Skip;
use crate::decode::span::Span;
use crate::decode::tunnel::Tunnel;

/// `LINKTYPE_NULL`: the family in the byte order of the capturing host, so either is taken; some systems wrote it in 16
/// bits, and some wrote an `EtherType` or a PPP header in its place, as Wireshark has it.
pub(super) fn null(frame: Span<'_>) -> Result<Network<'_>, Skip> {
    if let Ok([0xff, 0x03, ..]) = frame.peek::<4>() {
        return serial::ppp(frame, 0, Tunnel::NONE);
    }
    let (family, rest) = frame.take_array::<4>()?;
    let [a, b, c, d] = *family;
    let halves = match family {
        [_, _, 0, 0] => Some([a, b]),
        [0, 0, _, _] => Some([c, d]),
        _ => None,
    };
    let version = family_version(u32::from_le_bytes(*family))
        .or_else(|| family_version(u32::from_be_bytes(*family)))
        .or_else(|| halves.and_then(|half| family_or_ether_version(u16::from_be_bytes(half))))
        .or_else(|| halves.and_then(|half| family_or_ether_version(u16::from_le_bytes(half))))
        .ok_or(Skip::NotIp)?;
    Ok(found(version, rest, 0, Tunnel::NONE))
}

/// `LINKTYPE_LOOP`: the family in network byte order.
pub(super) fn loopback(frame: Span<'_>) -> Result<Network<'_>, Skip> {
    let (family, rest) = frame.take_array::<4>()?;
    let version = family_version(u32::from_be_bytes(*family)).ok_or(Skip::NotIp)?;
    Ok(found(version, rest, 0, Tunnel::NONE))
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

fn family_or_ether_version(value: u16) -> Option<Version> {
    match EtherType(value) {
        ether_type::IPV4 => Some(Version::V4),
        ether_type::IPV6 => Some(Version::V6),
        _ => family_version(u32::from(value)),
    }
}

/// `LINKTYPE_FDDI`: frame control, two addresses, LLC. Only LLC frames carry packets (frame control 01.1 0xxx).
pub(super) fn fddi(frame: Span<'_>) -> Result<Network<'_>, Skip> {
    let ([control, ..], llc) = frame.take_array::<13>()?;
    if control & 0x70 != 0x50 {
        return Err(Skip::NotIp);
    }
    let (kind, payload) = snap(llc)?;
    tagged(kind, payload, 0, Tunnel::NONE)
}

/// NFLOG: family, version, group, then attributes of length, type and value, the length in the capturing host's byte
/// order and padded to 4 bytes; the packet is of type 9.
pub(super) fn nflog(frame: Span<'_>) -> Result<Network<'_>, Skip> {
    const PAYLOAD: u16 = 9;
    let ([family, version, _, _], mut rest) = frame.take_array::<4>()?;
    if *version != 0 {
        return Err(Skip::Malformed);
    }
    let version = match family {
        2 => Version::V4,
        10 => Version::V6,
        _ => return Err(Skip::NotIp),
    };
    // Types are small, so the byte order shows itself.
    loop {
        let [l0, l1, t0, t1] = *rest.peek::<4>()?;
        let is_little = t1 == 0 || t0 != 0;
        let (length, kind) = if is_little {
            (u16::from_le_bytes([l0, l1]), u16::from_le_bytes([t0, t1]))
        } else {
            (u16::from_be_bytes([l0, l1]), u16::from_be_bytes([t0, t1]))
        };
        if length < 4 {
            return Err(Skip::Malformed);
        }
        if kind & 0x7fff == PAYLOAD {
            let (_, packet) = rest
                .limited(u32::from(length).min(rest.wire_len()))
                .take(4)?;
            return Ok(found(version, packet, 0, Tunnel::NONE));
        }
        let padded = usize::from(length).next_multiple_of(4);
        (_, rest) = rest.take(padded)?;
    }
}

/// `LINKTYPE_IPOIB`: 40 bytes of global routing header, then an `EtherType` and 2 reserved bytes (RFC 4391, section 6).
pub(super) fn ipoib(frame: Span<'_>) -> Result<Network<'_>, Skip> {
    let (_, rest) = frame.take(40)?;
    let ([high, low, _, _], packet) = rest.take_array::<4>()?;
    match u16::from_be_bytes([*high, *low]) {
        ..=tags::MAX_802_3_LENGTH => Err(Skip::NotIp),
        kind => ether(EtherType(kind), packet, 0, Tunnel::NONE),
    }
}

/// `LINKTYPE_ERF`: one of Endace's records, its 16 bytes of header first.
pub(super) fn erf(frame: Span<'_>) -> Result<Network<'_>, Skip> {
    let (header, mut rest) = frame.take_array::<16>()?;
    let [_, _, _, _, _, _, _, _, kind, ..] = *header;
    let mut more = kind & 0x80 != 0;
    while more {
        // Extension headers of 8 bytes, each of which says whether another follows.
        let ([first, ..], after) = rest.take_array::<8>()?;
        (more, rest) = (first & 0x80 != 0, after);
    }
    match kind & 0x7f {
        // HDLC, with a colour or without.
        1 | 10 | 12 | 15 => serial::ppp_or_hdlc(rest),
        // Ethernet, behind an offset and a byte of padding.
        2 | 11 | 16 | 20 => {
            let (_, ethernet) = rest.take(2)?;
            ethernet_within(ethernet, 0, Tunnel::NONE)
        }
        22 => Ok(found(Version::V4, rest, 0, Tunnel::NONE)),
        23 => Ok(found(Version::V6, rest, 0, Tunnel::NONE)),
        // Padding, provenance.
        27 | 48 => Err(Skip::NotIp),
        24 | 25 => raw(rest, 0, Tunnel::NONE),
        _ => Err(Skip::UnknownLinkType),
    }
}
