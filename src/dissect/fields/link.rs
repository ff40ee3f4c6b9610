//! The frame itself and its link header.

use std::borrow::Cow;
use std::net::IpAddr;

use super::upper::{fragment_count, fragments, put_together};
use super::{Field, bytes, fields, flag, label, number, protocol, whole};
use crate::decode::{self, Checksum};
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
    "frame.time" Time "Capture time, as a date and a time of day, UTC" => |seen, show| if let Some(time) = seen.frame.time { show(Value::Time(time), None) };
    "frame.time_relative" Seconds "Seconds since the first frame" => |seen, show| {
        if let (Some(time), Some(first)) = (seen.frame.time, seen.before.first) {
            show(Value::Nanoseconds(time.since(first)), None);
        }
    };
    "frame.time_delta" Seconds "Seconds since the frame before" => |seen, show| {
        if let Some(time) = seen.frame.time {
            show(Value::Nanoseconds(seen.before.last.map_or(0, |before| time.since(before))), None);
        }
    };
    "frame.time_delta_displayed" Seconds "Seconds since the frame before that the filter chose" => |seen, show| {
        if let Some(time) = seen.frame.time {
            show(Value::Nanoseconds(seen.before.shown.map_or(0, |before| time.since(before))), None);
        }
    };
    "frame.protocols" Text "Protocols from the outermost to the innermost, with colons between" => |seen, show| show(Value::Text(Cow::Owned(super::protocols::of(seen))), None);
    "frame.interface_id" Number "Number of the interface, from 0" => |seen, show| show(whole(u64::from(seen.frame.interface)), None);
    "frame.encap_type" Number "Kind of link as Wireshark numbers it: 1 Ethernet, 7 raw IP, 25 Linux cooked" => |seen, show| if let Some(kind) = encapsulation(seen.frame.link) { show(whole(kind), None) };
    "frame.offset_shift" Seconds "Seconds by which the time was shifted: 0" => |seen, show| if seen.frame.time.is_some() { show(Value::Nanoseconds(0), None) };
    "frame.marked" Bool "Marked: never" => |_, show| show(Value::Bool(false), None);
    "frame.ignored" Bool "Ignored: never" => |_, show| show(Value::Bool(false), None);
    "eth" Label "Ethernet header" => |seen, show| if ethernet(seen) { protocol(seen, 0..14, seen.frame.data.len(), show) };
    "eth.dst" Ether "Receiver" => |seen, show| if ethernet(seen) { ether(seen, 0, show) };
    "eth.src" Ether "Sender" => |seen, show| if ethernet(seen) { ether(seen, 6, show) };
    "eth.addr" Ether "Receiver or sender" => |seen, show| if ethernet(seen) { ether(seen, 0, show); ether(seen, 6, show) };
    "eth.dst.oui" Number "Receiver: the three bytes of its maker" => |seen, show| if ethernet(seen) { number(seen, 0..3, u64::MAX, show) };
    "eth.src.oui" Number "Sender: the three bytes of its maker" => |seen, show| if ethernet(seen) { number(seen, 6..9, u64::MAX, show) };
    "eth.addr.oui" Number "The same of both" => |seen, show| if ethernet(seen) { number(seen, 0..3, u64::MAX, show); number(seen, 6..9, u64::MAX, show) };
    "eth.dst.lg" Bool "Receiver: administered locally" => |seen, show| if ethernet(seen) { flag(seen, 0..3, LOCAL, show) };
    "eth.src.lg" Bool "Sender: administered locally" => |seen, show| if ethernet(seen) { flag(seen, 6..9, LOCAL, show) };
    "eth.lg" Bool "The same of both" => |seen, show| if ethernet(seen) { flag(seen, 0..3, LOCAL, show); flag(seen, 6..9, LOCAL, show) };
    "eth.dst.ig" Bool "Receiver: a group" => |seen, show| if ethernet(seen) { flag(seen, 0..3, GROUP, show) };
    "eth.src.ig" Bool "Sender: a group" => |seen, show| if ethernet(seen) { flag(seen, 6..9, GROUP, show) };
    "eth.ig" Bool "The same of both" => |seen, show| if ethernet(seen) { flag(seen, 0..3, GROUP, show); flag(seen, 6..9, GROUP, show) };
    "eth.type" Hex "EtherType of what follows" => |seen, show| if ethernet(seen) && !has_length(seen) { number(seen, 12..14, u64::MAX, show) };
    "eth.len" Number "IEEE 802.3 length" => |seen, show| if ethernet(seen) && has_length(seen) { number(seen, 12..14, u64::MAX, show) };
    "eth.padding" Bytes "Zeros behind the packet that fill the frame up to 60 bytes" => |seen, show| if let Some((at, padding)) = behind(seen) { bytes(seen, at..at + padding, show) };
    "eth.trailer" Bytes "Other bytes behind the packet" => |seen, show| if let Some((at, padding)) = behind(seen) { bytes(seen, at + padding..seen.frame.data.len(), show) };
    "vlan" Label "VLAN tag" => |seen, show| tags(seen, &mut |at| label(seen, at..at + 4, show));
    "vlan.id" Number "VLAN identifier" => |seen, show| tags(seen, &mut |at| number(seen, at..at + 2, 0x0fff, show));
    "vlan.priority" Number "VLAN priority" => |seen, show| tags(seen, &mut |at| number(seen, at..at + 2, 0xe000, show));
    "vlan.dei" Bool "VLAN: may be dropped" => |seen, show| tags(seen, &mut |at| flag(seen, at..at + 2, 0x1000, show));
    "vlan.etype" Hex "EtherType behind the VLAN tag" => |seen, show| tags(seen, &mut |at| if super::be(seen.frame.data, at + 2..at + 4).is_some_and(|kind| kind > 1500) { number(seen, at + 2..at + 4, u64::MAX, show) });
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
    "arp" Label "ARP" => |seen, show| if let Some(at) = arp(seen) { label(seen, at..seen.frame.data.len(), show) };
    "arp.opcode" Number "ARP: 1 request, 2 reply" => |seen, show| if let Some(at) = arp(seen) {
        number(seen, at + 6..at + 8, u64::MAX, show);
    };
    "arp.hw.type" Number "ARP: kind of hardware, 1 Ethernet" => |seen, show| if let Some(at) = arp(seen) { number(seen, at..at + 2, u64::MAX, show) };
    "arp.proto.type" Hex "ARP: EtherType of the addresses asked for" => |seen, show| if let Some(at) = arp(seen) { number(seen, at + 2..at + 4, u64::MAX, show) };
    "arp.hw.size" Number "ARP: bytes of a hardware address" => |seen, show| if let Some(at) = arp(seen) { number(seen, at + 4..at + 5, u64::MAX, show) };
    "arp.proto.size" Number "ARP: bytes of a protocol address" => |seen, show| if let Some(at) = arp(seen) { number(seen, at + 5..at + 6, u64::MAX, show) };
    "arp.src.hw_mac" Ether "ARP: the sender's hardware address" => |seen, show| if let Some(at) = arp_of_ip(seen) { ether(seen, at + 8, show) };
    "arp.src.proto_ipv4" Ipv4 "ARP: the sender's IP address" => |seen, show| if let Some(at) = arp_of_ip(seen) { address(seen, at + 14, show) };
    "arp.dst.hw_mac" Ether "ARP: the hardware address that is asked for" => |seen, show| if let Some(at) = arp_of_ip(seen) { ether(seen, at + 18, show) };
    "arp.dst.proto_ipv4" Ipv4 "ARP: the IP address that is asked for" => |seen, show| if let Some(at) = arp_of_ip(seen) { address(seen, at + 24, show) };
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
    "ip.checksum.status" Number "Header checksum: 1 right, 0 wrong, 2 not verified or unfinished by offload" => |seen, show| if v4(seen).is_some() && let Some(layer) = decode::layers(&seen.frame, true).network { show(status(layer.checksum), None) };
    "ip.src" Ipv4 "Sender" => |seen, show| if let Some((at, _)) = v4(seen) { address(seen, at + 12, show) };
    "ip.dst" Ipv4 "Receiver" => |seen, show| if let Some((at, _)) = v4(seen) { address(seen, at + 16, show) };
    "ip.addr" Ipv4 "Sender or receiver" => |seen, show| if let Some((at, _)) = v4(seen) { address(seen, at + 12, show); address(seen, at + 16, show) };
    "ip.src_host" Text "Sender as text; no name is looked up" => |seen, show| if let Some((at, _)) = v4(seen) { as_text(&mut |show| address(seen, at + 12, show), show) };
    "ip.dst_host" Text "Receiver as text; no name is looked up" => |seen, show| if let Some((at, _)) = v4(seen) { as_text(&mut |show| address(seen, at + 16, show), show) };
    "ip.host" Text "Sender or receiver as text; no name is looked up" => |seen, show| if let Some((at, _)) = v4(seen) { as_text(&mut |show| { address(seen, at + 12, show); address(seen, at + 16, show) }, show) };
    "ip.fragment" Number "Frames of the fragments, where this one completes a datagram" => |seen, show| fragments(seen, decode::IpVersion::V4, &mut |frame| show(whole(frame), None));
    "ip.fragment.count" Number "How many they are" => |seen, show| fragment_count(seen, decode::IpVersion::V4, show);
    "ip.reassembled.length" Number "Bytes that were put together from them" => |seen, show| put_together(seen, decode::IpVersion::V4, show);
    "ip.opt.type" Number "Each IP option" => |seen, show| ip_options(seen, &mut |at, _| number(seen, at..at + 1, u64::MAX, show));
    "ip.opt.len" Number "Length of each IP option that has one" => |seen, show| ip_options(seen, &mut |at, length| if length > 1 { number(seen, at + 1..at + 2, u64::MAX, show) });
};

/// The bit of an Ethernet address that is administered locally, among its first three bytes.
const LOCAL: u64 = 0x02_0000;
/// The bit of an Ethernet address that is a group's.
const GROUP: u64 = 0x01_0000;

/// Wireshark's number of a link type (`WTAP_ENCAP_…`); absent of those that are rare.
fn encapsulation(link: LinkType) -> Option<u64> {
    Some(match link {
        LinkType::ETHERNET => 1,
        LinkType::PPP => 4,
        LinkType::RAW => 7,
        LinkType::IPV4 => 129,
        LinkType::IPV6 => 130,
        LinkType::NULL => 15,
        LinkType::LINUX_SLL => 25,
        LinkType::LINUX_SLL2 => 210,
        _ => return None,
    })
}

/// A checksum's state as Wireshark numbers it.
pub(super) fn status(checksum: Checksum) -> Value<'static> {
    Value::Number(match checksum {
        Checksum::Wrong => 0,
        Checksum::Good => 1,
        Checksum::NotChecked | Checksum::Unfinished => 2,
    })
}

/// Shows values as the text that they are written as.
pub(super) fn as_text<'a>(
    values: &mut dyn FnMut(&mut super::Show<'_, 'a>),
    show: &mut super::Show<'_, 'a>,
) {
    values(&mut |value, bytes| show(Value::Text(Cow::Owned(value.to_string())), bytes));
}

/// First byte of an ARP packet.
fn arp(seen: &Seen<'_>) -> Option<usize> {
    (ether_type(seen) == Some(0x0806)).then(|| seen.layers().link_end)
}

/// The same of one about IPv4 over Ethernet.
fn arp_of_ip(seen: &Seen<'_>) -> Option<usize> {
    let at = arp(seen)?;
    let sizes = super::be(seen.frame.data, at..at + 6)? >> 16;
    let kind = super::be(seen.frame.data, at..at + 4)?;
    (kind == 0x0001_0800 && sizes & 0xffff_ffff == 0x0800_0604).then_some(at)
}

/// Shows where each IPv4 option begins, and its length.
fn ip_options(seen: &Seen<'_>, each: &mut dyn FnMut(usize, usize)) {
    let Some((at, end)) = v4(seen) else { return };
    let mut at = at + 20;
    while at < end {
        let Some(&kind) = seen.frame.data.get(at) else {
            return;
        };
        let length = match kind {
            0 | 1 => 1,
            _ => match seen.frame.data.get(at + 1) {
                Some(&length @ 2..) if at + usize::from(length) <= end => usize::from(length),
                _ => return,
            },
        };
        each(at, length);
        if kind == 0 {
            return;
        }
        at += length;
    }
}

/// Whether it has a whole Ethernet header.
pub(in crate::dissect) fn ethernet(seen: &Seen<'_>) -> bool {
    seen.frame.link == LinkType::ETHERNET && seen.frame.data.len() >= 14
}

/// First byte behind the IP packet.
pub(super) fn packet_end(seen: &Seen<'_>) -> usize {
    let network = seen.layers().network;
    network.map_or(seen.frame.data.len(), |network| network.end)
}

/// Bytes of an Ethernet frame that is not filled up, without its checksum.
const SHORTEST: usize = 60;

/// First byte behind the packet of an Ethernet frame, and how many zeros fill the frame up from there.
fn behind(seen: &Seen<'_>) -> Option<(usize, usize)> {
    if !ethernet(seen) {
        return None;
    }
    let end = match seen.layers().network {
        Some(network) => network.end,
        // An ARP packet about IPv4.
        None => arp_of_ip(seen)? + 28,
    };
    let filled = seen.frame.data.get(end..SHORTEST);
    let zeros = filled.is_some_and(|filled| filled.iter().all(|byte| *byte == 0));
    Some((
        end,
        if zeros {
            SHORTEST.saturating_sub(end)
        } else {
            0
        },
    ))
}

/// Whether the Ethernet header says how long what follows is, rather than what it is.
pub(super) fn has_length(seen: &Seen<'_>) -> bool {
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
    (network.version == decode::IpVersion::V4 && whole).then_some((network.at, network.header_end))
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
