//! IPv6, ICMP, UDP and HTTP.

use std::borrow::Cow;
use std::net::IpAddr;

use super::link::{as_text, status};
use super::{Field, Show, bytes, fields, flag, label, number, protocol, whole};
use crate::decode::{self, Checksum, IpVersion, Parts, Transport, TransportLayer};
use crate::dissect::seen::Seen;
use crate::dissect::value::Value;

pub(super) const IP: &[Field] = fields! {
    "ipv6" Label "IPv6 header" => |seen, show| if let (Some(at), Some(network)) = (v6(seen), seen.layers().network) {
        // Its extension headers are its own, as in Wireshark.
        let whole = seen.frame.data.get(at..super::link::packet_end(seen)).unwrap_or_default();
        show(Value::Label(whole, (network.payload - at).clamp(40, whole.len().max(40))), Some(at..at + 40));
    };
    "ipv6.version" Number "Version" => |seen, show| if let Some(at) = v6(seen) { number(seen, at..at + 1, 0xf0, show) };
    "ipv6.tclass" Hex "Traffic class" => |seen, show| if let Some(at) = v6(seen) { number(seen, at..at + 4, 0x0ff0_0000, show) };
    "ipv6.tclass.dscp" Number "DSCP" => |seen, show| if let Some(at) = v6(seen) { number(seen, at..at + 4, 0x0fc0_0000, show) };
    "ipv6.tclass.ecn" Number "ECN" => |seen, show| if let Some(at) = v6(seen) { number(seen, at..at + 4, 0x0030_0000, show) };
    "ipv6.flow" Hex "Flow label" => |seen, show| if let Some(at) = v6(seen) { number(seen, at..at + 4, 0x000f_ffff, show) };
    "ipv6.plen" Number "Length behind this header in bytes" => |seen, show| if let Some(at) = v6(seen) { number(seen, at + 4..at + 6, u64::MAX, show) };
    "ipv6.nxt" Number "Next header: 6 TCP, 17 UDP, 58 ICMPv6" => |seen, show| if let Some(at) = v6(seen) { number(seen, at + 6..at + 7, 0xff, show) };
    "ipv6.hlim" Number "Hop limit" => |seen, show| if let Some(at) = v6(seen) { number(seen, at + 7..at + 8, 0xff, show) };
    "ipv6.src" Ipv6 "Sender" => |seen, show| if let Some(at) = v6(seen) { address(seen, at + 8, show) };
    "ipv6.dst" Ipv6 "Receiver" => |seen, show| if let Some(at) = v6(seen) { address(seen, at + 24, show) };
    "ipv6.addr" Ipv6 "Sender or receiver" => |seen, show| if let Some(at) = v6(seen) { address(seen, at + 8, show); address(seen, at + 24, show) };
    "ipv6.src_host" Text "Sender as text; no name is looked up" => |seen, show| if let Some(at) = v6(seen) { as_text(&mut |show| address(seen, at + 8, show), show) };
    "ipv6.dst_host" Text "Receiver as text; no name is looked up" => |seen, show| if let Some(at) = v6(seen) { as_text(&mut |show| address(seen, at + 24, show), show) };
    "ipv6.host" Text "Sender or receiver as text; no name is looked up" => |seen, show| if let Some(at) = v6(seen) { as_text(&mut |show| { address(seen, at + 8, show); address(seen, at + 24, show) }, show) };
    "ipv6.hopopts.nxt" Number "Hop-by-hop options: next header" => |seen, show| extension(seen, 0, &mut |at| number(seen, at..at + 1, u64::MAX, show));
    "ipv6.hopopts.len" Number "Hop-by-hop options: length in units of 8 bytes beyond the first" => |seen, show| extension(seen, 0, &mut |at| number(seen, at + 1..at + 2, u64::MAX, show));
    "ipv6.dstopts.nxt" Number "Destination options: next header" => |seen, show| extension(seen, 60, &mut |at| number(seen, at..at + 1, u64::MAX, show));
    "ipv6.dstopts.len" Number "Destination options: length in units of 8 bytes beyond the first" => |seen, show| extension(seen, 60, &mut |at| number(seen, at + 1..at + 2, u64::MAX, show));
    "ipv6.routing.nxt" Number "Routing header: next header" => |seen, show| extension(seen, 43, &mut |at| number(seen, at..at + 1, u64::MAX, show));
    "ipv6.routing.type" Number "Routing header: its type" => |seen, show| extension(seen, 43, &mut |at| number(seen, at + 2..at + 3, u64::MAX, show));
    "ipv6.routing.segleft" Number "Routing header: segments left" => |seen, show| extension(seen, 43, &mut |at| number(seen, at + 3..at + 4, u64::MAX, show));
    "ipv6.fraghdr.nxt" Number "Fragment header: next header" => |seen, show| extension(seen, 44, &mut |at| number(seen, at..at + 1, u64::MAX, show));
    "ipv6.fraghdr.offset" Number "Fragment header: offset in units of 8 bytes" => |seen, show| extension(seen, 44, &mut |at| number(seen, at + 2..at + 4, 0xfff8, show));
    "ipv6.fraghdr.more" Bool "Fragment header: more fragments" => |seen, show| extension(seen, 44, &mut |at| flag(seen, at + 2..at + 4, 1, show));
    "ipv6.fraghdr.ident" Hex "Fragment header: identification" => |seen, show| extension(seen, 44, &mut |at| number(seen, at + 4..at + 8, u64::MAX, show));
    "ipv6.fragment" Number "Frames of the fragments, where this one completes a datagram" => |seen, show| fragments(seen, IpVersion::V6, &mut |frame| show(whole(frame), None));
    "ipv6.fragment.count" Number "How many they are" => |seen, show| fragment_count(seen, IpVersion::V6, show);
    "ipv6.reassembled.length" Number "Bytes that were put together from them" => |seen, show| put_together(seen, IpVersion::V6, show);
    "icmp" Label "ICMP message" => |seen, show| icmp(seen, IpVersion::V4, show);
    "icmp.type" Number "Type of the ICMP message: 0 echo reply, 3 unreachable, 8 echo request, 11 time exceeded" => |seen, show| icmp_octet(seen, IpVersion::V4, 0, show);
    "icmp.code" Number "Code of the ICMP message" => |seen, show| icmp_octet(seen, IpVersion::V4, 1, show);
    "icmp.checksum" Hex "Checksum of the ICMP message" => |seen, show| icmp_part(seen, IpVersion::V4, &[], 2..4, show);
    "icmp.ident" Number "Identifier of an ICMP echo" => |seen, show| icmp_part(seen, IpVersion::V4, &[0, 8], 4..6, show);
    "icmp.seq" Number "Sequence number of an ICMP echo" => |seen, show| icmp_part(seen, IpVersion::V4, &[0, 8], 6..8, show);
    "igmp" Label "IGMP message" => |seen, show| if let Some(at) = igmp(seen) { label(seen, at..seen.frame.data.len(), show) };
    "igmp.type" Hex "Type of the IGMP message" => |seen, show| if let Some(at) = igmp(seen) { number(seen, at..at + 1, u64::MAX, show) };
    "icmpv6" Label "ICMPv6 message" => |seen, show| icmp(seen, IpVersion::V6, show);
    "icmpv6.type" Number "Type of the ICMPv6 message: 1 unreachable, 2 too big, 128 echo request, 129 echo reply" => |seen, show| icmp_octet(seen, IpVersion::V6, 0, show);
    "icmpv6.code" Number "Code of the ICMPv6 message" => |seen, show| icmp_octet(seen, IpVersion::V6, 1, show);
    "icmpv6.checksum" Hex "Checksum of the ICMPv6 message" => |seen, show| icmp_part(seen, IpVersion::V6, &[], 2..4, show);
    "icmpv6.echo.identifier" Hex "Identifier of an ICMPv6 echo" => |seen, show| icmp_part(seen, IpVersion::V6, &[128, 129], 4..6, show);
    "icmpv6.echo.sequence_number" Number "Sequence number of an ICMPv6 echo" => |seen, show| icmp_part(seen, IpVersion::V6, &[128, 129], 6..8, show);
};

pub(super) const FIELDS: &[Field] = fields! {
    "udp" Label "UDP header" => |seen, show| if is_udp(seen) {
        match udp(seen) {
            Some(layer) => protocol(seen, layer.at..layer.payload, layer.end, show),
            None => show(Value::Label(&[], 0), None),
        }
    };
    "udp.srcport" Number "Sender's port" => |seen, show| if is_udp(seen) { ports(seen, [true, false], show) };
    "udp.dstport" Number "Receiver's port" => |seen, show| if is_udp(seen) { ports(seen, [false, true], show) };
    "udp.port" Number "Sender's or receiver's port" => |seen, show| if is_udp(seen) { ports(seen, [true, true], show) };
    "udp.length" Number "Length with its header in bytes" => |seen, show| match udp(seen) {
        Some(layer) => number(seen, layer.at + 4..layer.at + 6, u64::MAX, show),
        None => if let (true, Some(packet)) = (is_udp(seen), seen.packet()) {
            show(whole(u64::from(packet.payload_len) + 8), None);
        },
    };
    "udp.checksum" Hex "Checksum" => |seen, show| if let Some(layer) = udp(seen) { number(seen, layer.at + 6..layer.at + 8, u64::MAX, show) };
    "udp.checksum.status" Number "Checksum: 1 right, 0 wrong, 2 not verified or unfinished by offload, 3 not present" => |seen, show| if let Some(layer) = udp(seen) {
        let is_there = super::be(seen.frame.data, layer.at + 6..layer.at + 8) != Some(0) || v6(seen).is_some();
        let checksum = decode::layers(&seen.frame, true).transport.map_or(Checksum::NotChecked, |layer| layer.checksum);
        show(if is_there { status(checksum) } else { Value::Number(3) }, None);
    };
    "udp.stream" Number "Number among the UDP conversations, from 0" => |seen, show| {
        if let (true, Some(place)) = (is_udp(seen), seen.place) {
            show(whole(u64::from(place.of_transport)), None);
        }
    };
    "udp.payload" Bytes "What it carries" => |seen, show| if is_udp(seen) { payload(seen, udp(seen), show) };
    "udp.time_relative" Seconds "Seconds since the conversation's first frame" => |seen, show| if is_udp(seen) { super::tcp::since_start(seen, show) };
    "udp.time_delta" Seconds "Seconds since the conversation's frame before" => |seen, show| if is_udp(seen) { super::tcp::since_before(seen, show) };
};

/// Shows the frames whose fragments make up the datagram that this frame completes.
pub(super) fn fragments(seen: &Seen<'_>, version: IpVersion, each: &mut dyn FnMut(u64)) {
    let is_of = seen
        .layers()
        .network
        .is_some_and(|network| network.version == version);
    if let (true, Some(Parts::Fragments(parts))) =
        (is_of, seen.packet().map(|packet| &packet.parts))
    {
        for part in parts {
            each(part.frame.0);
        }
    }
}

/// Shows how many fragments make up the datagram that this frame completes.
pub(super) fn fragment_count(seen: &Seen<'_>, version: IpVersion, show: &mut Show<'_, '_>) {
    let mut count = 0;
    fragments(seen, version, &mut |_| count += 1);
    if count > 0 {
        show(whole(count), None);
    }
}

/// Shows how many bytes of the network layer's payload were put together.
pub(super) fn put_together(seen: &Seen<'_>, version: IpVersion, show: &mut Show<'_, '_>) {
    let mut any = false;
    fragments(seen, version, &mut |_| any = true);
    if let (true, Some(packet)) = (any, seen.packet())
        && packet.transport == Transport::Udp
    {
        show(whole(u64::from(packet.payload_len) + 8), None);
    }
}

/// First byte of a whole IPv6 header.
pub(in crate::dissect) fn v6(seen: &Seen<'_>) -> Option<usize> {
    let network = seen.layers().network?;
    let whole = network.header_end >= network.at + 40;
    (network.version == IpVersion::V6 && whole).then_some(network.at)
}

fn address(seen: &Seen<'_>, at: usize, show: &mut Show<'_, '_>) {
    if let Some(address) = seen
        .frame
        .data
        .get(at..)
        .and_then(<[u8]>::first_chunk::<16>)
    {
        show(Value::from(IpAddr::from(*address)), Some(at..at + 16));
    }
}

fn icmp<'a>(seen: &Seen<'a>, version: IpVersion, show: &mut Show<'_, 'a>) {
    if let Some(at) = icmp_at(seen, version) {
        label(seen, at..seen.frame.data.len(), show);
    }
}

/// Shows a number in an ICMP message of one of these types, or of any where none is given.
fn icmp_part(
    seen: &Seen<'_>,
    version: IpVersion,
    types: &[u8],
    bytes: std::ops::Range<usize>,
    show: &mut Show<'_, '_>,
) {
    if let Some(at) = icmp_at(seen, version)
        && let Some(kind) = seen.frame.data.get(at)
        && (types.is_empty() || types.contains(kind))
    {
        number(seen, at + bytes.start..at + bytes.end, u64::MAX, show);
    }
}

/// First byte of an IGMP message.
fn igmp(seen: &Seen<'_>) -> Option<usize> {
    let (at, end) = super::link::v4(seen)?;
    let is_one = seen.frame.data.get(at + 9) == Some(&2);
    is_one.then_some(end)
}

/// Shows where each extension header of a kind begins, of those that RFC 8200 names.
fn extension(seen: &Seen<'_>, wanted: u8, each: &mut dyn FnMut(usize)) {
    extensions(seen, &mut |kind, at| {
        if kind == wanted {
            each(at);
        }
    });
}

/// Shows kind and place of each extension header.
pub(super) fn extensions(seen: &Seen<'_>, each: &mut dyn FnMut(u8, usize)) {
    let Some(mut at) = v6(seen) else { return };
    let data = seen.frame.data;
    let Some(&(mut kind)) = data.get(at + 6) else {
        return;
    };
    at += 40;
    while matches!(kind, 0 | 43 | 44 | 60) {
        let Some([next, length, offset, low]) = data.get(at..).and_then(<[u8]>::first_chunk) else {
            return;
        };
        each(kind, at);
        // Behind the header of a fragment that is not the first one lies no header.
        if kind == 44 && (*offset != 0 || low & 0xf8 != 0) {
            return;
        }
        at += if kind == 44 {
            8
        } else {
            usize::from(*length) * 8 + 8
        };
        kind = *next;
    }
}

fn icmp_octet(seen: &Seen<'_>, version: IpVersion, nth: usize, show: &mut Show<'_, '_>) {
    if let Some(at) = icmp_at(seen, version) {
        number(seen, at + nth..at + nth + 1, 0xff, show);
    }
}

/// First byte of an ICMP message.
fn icmp_at(seen: &Seen<'_>, version: IpVersion) -> Option<usize> {
    let data = seen.frame.data;
    let network = seen.layers().network.filter(|it| it.version == version)?;
    let (field, wanted) = match version {
        IpVersion::V4 => (network.at + 9, 1),
        IpVersion::V6 => (network.at + 6, 58),
    };
    let is_one = data.get(field) == Some(&wanted) && network.fragment.is_none();
    is_one.then_some(network.header_end)
}

/// Whether it is a UDP datagram, or completes one.
pub(in crate::dissect) fn is_udp(seen: &Seen<'_>) -> bool {
    seen.packet()
        .is_some_and(|packet| packet.transport == Transport::Udp)
}

/// The UDP header in the frame itself.
pub(in crate::dissect) fn udp(seen: &Seen<'_>) -> Option<TransportLayer> {
    seen.layers()
        .transport
        .filter(|layer| layer.protocol == 17 && is_udp(seen))
}

/// Shows the ports: source, destination.
pub(super) fn ports(seen: &Seen<'_>, which: [bool; 2], show: &mut Show<'_, '_>) {
    let Some(packet) = seen.packet() else { return };
    let at = seen.layers().transport.map(|layer| layer.at);
    let [source, destination] = which;
    if source {
        let bytes = at.map(|at| at..at + 2);
        show(whole(u64::from(packet.source.port())), bytes);
    }
    if destination {
        let bytes = at.map(|at| at + 2..at + 4);
        show(whole(u64::from(packet.destination.port())), bytes);
    }
}

/// Shows the payload: of the frame, or as fragments were put together.
pub(super) fn payload<'a>(seen: &Seen<'a>, layer: Option<TransportLayer>, show: &mut Show<'_, 'a>) {
    match (layer, seen.packet()) {
        (Some(layer), _) => bytes(seen, layer.payload..layer.end, show),
        (None, Some(packet)) if !packet.payload.is_empty() => {
            show(Value::Bytes(Cow::Borrowed(&packet.payload)), None);
        }
        _ => {}
    }
}
