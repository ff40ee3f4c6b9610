//! IPv6, ICMP, UDP and HTTP.

use std::borrow::Cow;
use std::net::IpAddr;

use super::{Field, Show, bytes, fields, number, protocol, whole};
use crate::decode::{IpVersion, Transport, TransportLayer};
use crate::dissect::seen::Seen;
use crate::dissect::value::Value;

pub(super) const IP: &[Field] = fields! {
    "ipv6" Label "IPv6 header" => |seen, show| if let Some(at) = v6(seen) { protocol(seen, at..at + 40, super::link::packet_end(seen), show) };
    "ipv6.version" Number "Version" => |seen, show| if let Some(at) = v6(seen) { number(seen, at..at + 1, 0xf0, show) };
    "ipv6.tclass" Hex "Traffic class" => |seen, show| if let Some(at) = v6(seen) { number(seen, at..at + 4, 0x0ff0_0000, show) };
    "ipv6.flow" Hex "Flow label" => |seen, show| if let Some(at) = v6(seen) { number(seen, at..at + 4, 0x000f_ffff, show) };
    "ipv6.plen" Number "Length behind this header in bytes" => |seen, show| if let Some(at) = v6(seen) { number(seen, at + 4..at + 6, u64::MAX, show) };
    "ipv6.nxt" Number "Next header: 6 TCP, 17 UDP, 58 ICMPv6" => |seen, show| if let Some(at) = v6(seen) { number(seen, at + 6..at + 7, 0xff, show) };
    "ipv6.hlim" Number "Hop limit" => |seen, show| if let Some(at) = v6(seen) { number(seen, at + 7..at + 8, 0xff, show) };
    "ipv6.src" Ipv6 "Sender" => |seen, show| if let Some(at) = v6(seen) { address(seen, at + 8, show) };
    "ipv6.dst" Ipv6 "Receiver" => |seen, show| if let Some(at) = v6(seen) { address(seen, at + 24, show) };
    "ipv6.addr" Ipv6 "Sender or receiver" => |seen, show| if let Some(at) = v6(seen) { address(seen, at + 8, show); address(seen, at + 24, show) };
    "icmp" Label "ICMP message" => |seen, show| icmp(seen, IpVersion::V4, show);
    "icmp.type" Number "Type of the ICMP message: 0 echo reply, 3 unreachable, 8 echo request, 11 time exceeded" => |seen, show| icmp_octet(seen, IpVersion::V4, 0, show);
    "icmp.code" Number "Code of the ICMP message" => |seen, show| icmp_octet(seen, IpVersion::V4, 1, show);
    "icmpv6" Label "ICMPv6 message" => |seen, show| icmp(seen, IpVersion::V6, show);
    "icmpv6.type" Number "Type of the ICMPv6 message: 1 unreachable, 2 too big, 128 echo request, 129 echo reply" => |seen, show| icmp_octet(seen, IpVersion::V6, 0, show);
    "icmpv6.code" Number "Code of the ICMPv6 message" => |seen, show| icmp_octet(seen, IpVersion::V6, 1, show);
};

pub(super) const FIELDS: &[Field] = fields! {
    "udp" Label "UDP header" => |seen, show| if is_udp(seen) {
        match udp(seen) {
            Some(layer) => protocol(seen, layer.at..layer.payload, layer.end, show),
            None => show(Value::Label(&[]), None),
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
    "udp.stream" Number "Number among the UDP conversations, from 0" => |seen, show| {
        if let (true, Some(place)) = (is_udp(seen), seen.place) {
            show(whole(u64::from(place.of_transport)), None);
        }
    };
    "udp.payload" Bytes "What it carries" => |seen, show| if is_udp(seen) { payload(seen, udp(seen), show) };
    "udp.time_relative" Seconds "Seconds since the conversation's first frame" => |seen, show| if is_udp(seen) { super::tcp::since_start(seen, show) };
    "udp.time_delta" Seconds "Seconds since the conversation's frame before" => |seen, show| if is_udp(seen) { super::tcp::since_before(seen, show) };
    "http" Label "The head of an HTTP message begins here" => |seen, show| if let Some(head) = head(seen) { show(Value::Label(&[]), range(seen, head)) };
    "http.request" Bool "It is a request" => |seen, show| if let Some(line) = first_line(seen) && !line.starts_with("HTTP/") { show(Value::Bool(true), None) };
    "http.response" Bool "It is a response" => |seen, show| if let Some(line) = first_line(seen) && line.starts_with("HTTP/") { show(Value::Bool(true), None) };
    "http.request.method" Text "Method of a request" => |seen, show| word(seen, true, 0, show);
    "http.request.uri" Text "Target of a request" => |seen, show| word(seen, true, 1, show);
    "http.request.version" Text "Version of a request" => |seen, show| word(seen, true, 2, show);
    "http.response.version" Text "Version of a response" => |seen, show| word(seen, false, 0, show);
    "http.response.code" Number "Status code of a response" => |seen, show| {
        if let Some(line) = first_line(seen)
            && line.starts_with("HTTP/")
            && let Some(code) = line.split(' ').nth(1).and_then(|code| code.parse().ok())
        {
            show(Value::Number(code), None);
        }
    };
    "http.host" Text "Header field Host" => |seen, show| header(seen, "host", show);
    "http.user_agent" Text "Header field User-Agent" => |seen, show| header(seen, "user-agent", show);
    "http.content_type" Text "Header field Content-Type" => |seen, show| header(seen, "content-type", show);
    "http.content_length_header" Text "Header field Content-Length" => |seen, show| header(seen, "content-length", show);
    "http.content_length" Number "Length of the body in bytes, as the header says" => |seen, show| header(seen, "content-length", &mut |value, bytes| {
        if let Value::Text(text) = &value && let Ok(length) = text.parse() {
            show(Value::Number(length), bytes);
        }
    });
    "http.server" Text "Header field Server" => |seen, show| header(seen, "server", show);
    "http.location" Text "Header field Location" => |seen, show| header(seen, "location", show);
    "http.referer" Text "Header field Referer" => |seen, show| header(seen, "referer", show);
    "http.cookie" Text "Header field Cookie" => |seen, show| header(seen, "cookie", show);
};

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

fn icmp(seen: &Seen<'_>, version: IpVersion, show: &mut Show<'_, '_>) {
    if let Some(at) = icmp_at(seen, version) {
        show(Value::Label(&[]), Some(at..seen.frame.data.len()));
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

/// The head of an HTTP message, where the payload begins with one.
pub(in crate::dissect) fn head<'a>(seen: &Seen<'a>) -> Option<&'a [u8]> {
    const METHODS: [&[u8]; 8] = [
        b"GET ",
        b"POST ",
        b"PUT ",
        b"HEAD ",
        b"DELETE ",
        b"OPTIONS ",
        b"PATCH ",
        b"CONNECT ",
    ];
    let packet = seen.packet()?;
    let payload: &'a [u8] = &packet.payload;
    let response = payload.starts_with(b"HTTP/1.");
    let asks = METHODS.iter().any(|method| payload.starts_with(method));
    if !(response || asks) || packet.transport == Transport::Udp {
        return None;
    }
    let line = memchr::memchr(b'\n', payload.get(..8192).unwrap_or(payload));
    let first = payload.get(..line?)?;
    if !response && memchr::memmem::find(first, b" HTTP/1.").is_none() {
        return None;
    }
    let end = memchr::memmem::find(payload, b"\r\n\r\n").map_or(payload.len(), |at| at + 4);
    payload.get(..end)
}

fn range(seen: &Seen<'_>, part: &[u8]) -> Option<std::ops::Range<usize>> {
    let layer = seen.layers().transport?;
    Some(layer.payload..layer.payload + part.len())
}

fn first_line<'a>(seen: &Seen<'a>) -> Option<&'a str> {
    let line = head(seen)?.split(|byte| *byte == b'\n').next()?;
    std::str::from_utf8(line.trim_ascii()).ok()
}

fn word<'a>(seen: &Seen<'a>, request: bool, nth: usize, show: &mut Show<'_, 'a>) {
    if let Some(line) = first_line(seen)
        && line.starts_with("HTTP/") != request
        && let Some(word) = line.split(' ').nth(nth)
    {
        show(Value::Text(Cow::Borrowed(word)), None);
    }
}

fn header<'a>(seen: &Seen<'a>, name: &str, show: &mut Show<'_, 'a>) {
    let Some(head) = head(seen) else { return };
    for line in head.split(|byte| *byte == b'\n').skip(1) {
        let Ok(line) = std::str::from_utf8(line) else {
            continue;
        };
        if let Some((field, value)) = line.split_once(':')
            && field.eq_ignore_ascii_case(name)
        {
            show(Value::Text(Cow::Borrowed(value.trim())), None);
        }
    }
}
