//! The frame itself and its link header.

use std::net::IpAddr;

use super::{Field, bytes, fields, flag, label, number, protocol, whole};
use crate::dissect::seen::Seen;
use crate::dissect::value::Value;
use crate::frame::LinkType;

/// VLAN tags (IEEE 802.1Q, 802.1ad).
const TAGS: [u64; 3] = [0x8100, 0x88a8, 0x9100];

pub(super) const FIELDS: &[Field] = fields! {
    "frame" Label "All captured bytes of the frame" => |seen, show| label(seen, 0..seen.frame.data.len(), show);
    "frame.number" Number "Number of the frame, from 1" => |seen, show| show(whole(seen.frame.number.0), None);
    "frame.len" Number "Length on the wire in bytes" => |seen, show| show(whole(u64::from(seen.frame.wire_len)), None);
    "frame.cap_len" Number "Captured bytes" => |seen, show| show(whole(seen.frame.data.len() as u64), None);
    "frame.time_epoch" Seconds "Capture time, seconds since 1970-01-01 UTC" => |seen, show| {
        if let Some(time) = seen.frame.time {
            show(Value::Nanoseconds(time.0), None);
        }
    };
    "frame.time_relative" Seconds "Seconds since the first frame" => |seen, show| {
        if let (Some(time), Some(first)) = (seen.frame.time, seen.first) {
            show(Value::Nanoseconds(time.since(first)), None);
        }
    };
    "frame.time_delta" Seconds "Seconds since the frame before" => |seen, show| {
        if let Some(time) = seen.frame.time {
            show(Value::Nanoseconds(seen.before.map_or(0, |before| time.since(before))), None);
        }
    };
    "frame.interface_id" Number "Number of the interface, from 0" => |seen, show| show(whole(u64::from(seen.frame.interface)), None);
    "eth" Label "Ethernet header" => |seen, show| if ethernet(seen) { protocol(seen, 0..14, seen.frame.data.len(), show) };
    "eth.dst" Ether "Receiver" => |seen, show| if ethernet(seen) { ether(seen, 0, show) };
    "eth.src" Ether "Sender" => |seen, show| if ethernet(seen) { ether(seen, 6, show) };
    "eth.addr" Ether "Receiver or sender" => |seen, show| if ethernet(seen) { ether(seen, 0, show); ether(seen, 6, show) };
    "eth.type" Hex "EtherType of what follows" => |seen, show| if ethernet(seen) && !has_length(seen) { number(seen, 12..14, u64::MAX, show) };
    "eth.len" Number "IEEE 802.3 length" => |seen, show| if ethernet(seen) && has_length(seen) { number(seen, 12..14, u64::MAX, show) };
    "eth.padding" Bytes "Bytes behind the packet that fill the frame up" => |seen, show| {
        if ethernet(seen) && let Some(network) = seen.layers().network {
            bytes(seen, network.end..seen.frame.data.len(), show);
        }
    };
    "vlan" Label "VLAN tag" => |seen, show| tags(seen, &mut |at| label(seen, at..at + 4, show));
    "vlan.id" Number "VLAN identifier" => |seen, show| tags(seen, &mut |at| number(seen, at..at + 2, 0x0fff, show));
    "vlan.priority" Number "VLAN priority" => |seen, show| tags(seen, &mut |at| number(seen, at..at + 2, 0xe000, show));
    "sll" Label "Linux cooked header" => |seen, show| if let Some(end) = cooked(seen) { protocol(seen, 0..end, seen.frame.data.len(), show) };
    "sll.pkttype" Number "Linux cooked: 0 to us, 1 broadcast, 2 multicast, 3 to another, 4 sent by us" => |seen, show| match cooked(seen) {
        Some(16) => number(seen, 0..2, u64::MAX, show),
        Some(_) => number(seen, 10..11, u64::MAX, show),
        None => {}
    };
    "sll.etype" Hex "Linux cooked: EtherType of what follows" => |seen, show| match cooked(seen) {
        Some(16) => number(seen, 14..16, u64::MAX, show),
        Some(_) => number(seen, 0..2, u64::MAX, show),
        None => {}
    };
    "arp" Label "ARP" => |seen, show| if ether_type(seen) == Some(0x0806) { label(seen, seen.layers().link_end..seen.frame.data.len(), show) };
    "arp.opcode" Number "ARP: 1 request, 2 reply" => |seen, show| if ether_type(seen) == Some(0x0806) {
        let at = seen.layers().link_end;
        number(seen, at + 6..at + 8, u64::MAX, show);
    };
    "ip" Label "IPv4 header" => |seen, show| if let Some((at, end)) = v4(seen) { protocol(seen, at..end, packet_end(seen), show) };
    "ip.version" Number "Version: 4 or 6" => |seen, show| if let Some(network) = seen.layers().network { number(seen, network.at..network.at + 1, 0xf0, show) };
    "ip.hdr_len" Number "Header length in bytes" => |seen, show| if let Some((at, end)) = v4(seen) { show(whole((end - at) as u64), Some(at..at + 1)) };
    "ip.dsfield" Hex "Differentiated services" => |seen, show| if let Some((at, _)) = v4(seen) { number(seen, at + 1..at + 2, 0xff, show) };
    "ip.dsfield.dscp" Number "DSCP" => |seen, show| if let Some((at, _)) = v4(seen) { number(seen, at + 1..at + 2, 0xfc, show) };
    "ip.dsfield.ecn" Number "ECN" => |seen, show| if let Some((at, _)) = v4(seen) { number(seen, at + 1..at + 2, 0x03, show) };
    "ip.len" Number "Length of the packet in bytes; of one of length 0 (segmentation offload) what was captured" => |seen, show| {
        if let (Some((at, _)), Some(network)) = (v4(seen), seen.layers().network) {
            if network.length_zero {
                show(whole((network.end - network.at) as u64), Some(at + 2..at + 4));
            } else {
                number(seen, at + 2..at + 4, u64::MAX, show);
            }
        }
    };
    "ip.id" Hex "Identification" => |seen, show| if let Some((at, _)) = v4(seen) { number(seen, at + 4..at + 6, u64::MAX, show) };
    "ip.flags" Hex "Flags, three bits" => |seen, show| if let Some((at, _)) = v4(seen) { number(seen, at + 6..at + 7, 0xe0, show) };
    "ip.flags.rb" Bool "Reserved bit" => |seen, show| if let Some((at, _)) = v4(seen) { flag(seen, at + 6..at + 7, 0x80, show) };
    "ip.flags.df" Bool "Don't fragment" => |seen, show| if let Some((at, _)) = v4(seen) { flag(seen, at + 6..at + 7, 0x40, show) };
    "ip.flags.mf" Bool "More fragments" => |seen, show| if let Some((at, _)) = v4(seen) { flag(seen, at + 6..at + 7, 0x20, show) };
    "ip.frag_offset" Number "Offset of this fragment in units of 8 bytes" => |seen, show| {
        if let Some((at, _)) = v4(seen)
            && let Some(field) = super::be(seen.frame.data, at + 6..at + 8)
        {
            show(whole(field & 0x1fff), Some(at + 6..at + 8));
        }
    };
    "ip.ttl" Number "Time to live" => |seen, show| if let Some((at, _)) = v4(seen) { number(seen, at + 8..at + 9, 0xff, show) };
    "ip.proto" Number "Protocol of what follows: 6 TCP, 17 UDP, 1 ICMP" => |seen, show| if let Some((at, _)) = v4(seen) { number(seen, at + 9..at + 10, 0xff, show) };
    "ip.checksum" Hex "Header checksum" => |seen, show| if let Some((at, _)) = v4(seen) { number(seen, at + 10..at + 12, u64::MAX, show) };
    "ip.src" Ipv4 "Sender" => |seen, show| if let Some((at, _)) = v4(seen) { address(seen, at + 12, show) };
    "ip.dst" Ipv4 "Receiver" => |seen, show| if let Some((at, _)) = v4(seen) { address(seen, at + 16, show) };
    "ip.addr" Ipv4 "Sender or receiver" => |seen, show| if let Some((at, _)) = v4(seen) { address(seen, at + 12, show); address(seen, at + 16, show) };
};

/// Whether it has a whole Ethernet header.
pub(in crate::dissect) fn ethernet(seen: &Seen<'_>) -> bool {
    seen.frame.link == LinkType::ETHERNET && seen.frame.data.len() >= 14
}

/// First byte behind the IP packet.
pub(super) fn packet_end(seen: &Seen<'_>) -> usize {
    let network = seen.layers().network;
    network.map_or(seen.frame.data.len(), |network| network.end)
}

fn has_length(seen: &Seen<'_>) -> bool {
    super::be(seen.frame.data, 12..14).is_some_and(|kind| kind <= 1500)
}

/// Length of a Linux cooked header; absent where there is none.
pub(in crate::dissect) fn cooked(seen: &Seen<'_>) -> Option<usize> {
    let length = match seen.frame.link {
        LinkType::LINUX_SLL => 16,
        LinkType::LINUX_SLL2 => 20,
        _ => return None,
    };
    (seen.frame.data.len() >= length).then_some(length)
}

/// The `EtherType` behind all tags; absent where the link type has none.
pub(in crate::dissect) fn ether_type(seen: &Seen<'_>) -> Option<u64> {
    if ethernet(seen) {
        let mut at = 12;
        tags(seen, &mut |tag| at = tag + 2);
        return super::be(seen.frame.data, at..at + 2);
    }
    match cooked(seen)? {
        16 => super::be(seen.frame.data, 14..16),
        _ => super::be(seen.frame.data, 0..2),
    }
}

/// Shows where the contents of each VLAN tag begin.
pub(in crate::dissect) fn tags(seen: &Seen<'_>, each: &mut dyn FnMut(usize)) {
    if !ethernet(seen) {
        return;
    }
    let mut at = 12;
    while super::be(seen.frame.data, at..at + 2).is_some_and(|kind| TAGS.contains(&kind))
        && seen.frame.data.len() >= at + 6
    {
        each(at + 2);
        at += 4;
    }
}

/// First byte of the IPv4 header and the one behind it.
pub(in crate::dissect) fn v4(seen: &Seen<'_>) -> Option<(usize, usize)> {
    let network = seen.layers().network?;
    let whole = network.header_end >= network.at + 20;
    (network.version == crate::decode::IpVersion::V4 && whole)
        .then_some((network.at, network.header_end))
}

fn ether(seen: &Seen<'_>, at: usize, show: &mut super::Show<'_, '_>) {
    if let Some(address) = seen.frame.data.get(at..).and_then(<[u8]>::first_chunk) {
        show(Value::Ether(*address), Some(at..at + 6));
    }
}

fn address(seen: &Seen<'_>, at: usize, show: &mut super::Show<'_, '_>) {
    if let Some(address) = seen.frame.data.get(at..).and_then(<[u8]>::first_chunk::<4>) {
        show(Value::from(IpAddr::from(*address)), Some(at..at + 4));
    }
}
