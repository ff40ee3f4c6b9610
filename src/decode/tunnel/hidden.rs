//! Where an IP packet lies in bytes whose header is not known: nobody may say then that they carry nothing that is missed.

use etherparse::ip_number;

use super::super::link::Version;
use super::super::span::Span;
use super::super::{Checksum, checksum};

/// Headers before a packet are not longer.
const FAR: usize = 64;

/// Whether an IPv4 packet lies there: its checksum is right, and it is no longer than what there is.
#[cold]
pub(in crate::decode) fn holds_ip(payload: Span<'_>) -> bool {
    let bytes = payload.captured();
    (0..FAR).any(|at| {
        let rest = bytes.get(at..).unwrap_or_default();
        let room = (payload.wire_len() as usize).saturating_sub(at);
        header(rest).is_some_and(|length| length <= room)
    })
}

/// Where a packet with a TCP segment or a UDP datagram lies that ends where `payload` ends: its version and how far before it
/// is. By chance that happens once in 2^32 times; IPv6, whose header has no checksum, is looked for only where `v6` says so, or
/// where nothing stands in front.
#[inline]
pub(in crate::decode) fn found_at(payload: Span<'_>, v6: bool) -> Option<(Version, usize)> {
    let bytes = payload.captured();
    let near = bytes.get(..=FAR).unwrap_or(bytes);
    let ends = |version, at: usize| {
        let rest = bytes.get(at..).unwrap_or_default();
        ends_there(payload, rest, version, at).then_some((version, at))
    };
    let four = memchr::memchr_iter(0x45, near).find_map(|at| ends(Version::V4, at));
    let six = || match near.first()? >> 4 {
        6 => ends(Version::V6, 0),
        _ if v6 => (0..near.len()).find_map(|at| ends(Version::V6, at)),
        _ => None,
    };
    four.or_else(six)
}

fn ends_there(payload: Span<'_>, rest: &[u8], version: Version, at: usize) -> bool {
    let room = (payload.wire_len() as usize).saturating_sub(at);
    let carries = |protocol: u8| protocol == ip_number::TCP.0 || protocol == ip_number::UDP.0;
    match (version, rest) {
        (Version::V4, [_, _, _, _, _, _, _, _, _, protocol, ..]) => {
            carries(*protocol) && header(rest) == Some(room)
        }
        (Version::V6, [0x60..=0x6f, _, _, _, l0, l1, next, hops, ..]) => {
            let length = usize::from(u16::from_be_bytes([*l0, *l1])) + 40;
            carries(*next) && *hops > 0 && length == room
        }
        _ => false,
    }
}

/// How long the IPv4 packet is that begins here; absent where none does.
fn header(rest: &[u8]) -> Option<usize> {
    let [first @ 0x45..=0x4f, _, l0, l1, _, _, _, _, _, _, c0, c1, ..] = *rest else {
        return None;
    };
    let header = rest.get(..usize::from(first & 0x0f) * 4)?;
    let length = usize::from(u16::from_be_bytes([l0, l1]));
    let sum = u16::from_be_bytes([c0, c1]);
    (length >= header.len() && checksum::ipv4_header(header, sum) == Checksum::Good)
        .then_some(length)
}
