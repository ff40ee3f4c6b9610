//! The columns that Wireshark's packet list has too: protocol and a summary in one line.

use std::fmt::Write as _;

use super::fields::{http, link, tcp as tcp_fields, upper};
use super::line::{Line, Short};
use super::seen::{Content, Seen};
use super::tcp::{Numbers, Remarks};
use crate::decode::{Skip, Tcp, Transport};
use crate::report::text;

/// The protocol of the highest layer that is known.
pub(crate) fn protocol(seen: &Seen<'_>) -> &'static str {
    match seen.content {
        Content::Packet(packet) => match packet.transport {
            Transport::Tcp(_) if is_http(seen) => "HTTP",
            Transport::Tcp(_) => "TCP",
            Transport::Udp => "UDP",
        },
        Content::Fragment => match upper::v6(seen) {
            Some(_) => "IPv6",
            None => "IPv4",
        },
        Content::Other(_) => other(seen),
    }
}

fn is_http(seen: &Seen<'_>) -> bool {
    // The first byte tells nearly always.
    seen.packet().is_some_and(|packet| {
        packet.payload.first().is_some_and(u8::is_ascii_uppercase) && http::head(seen).is_some()
    })
}

fn other(seen: &Seen<'_>) -> &'static str {
    match link::ether_type(seen) {
        Some(0x0806) => return "ARP",
        Some(0x88cc) => return "LLDP",
        _ => {}
    }
    let number = |at| seen.frame.data.get(at).copied();
    if let Some((at, _)) = link::v4(seen) {
        return match number(at + 9) {
            Some(1) => "ICMP",
            Some(2) => "IGMP",
            Some(6) => "TCP",
            Some(17) => "UDP",
            Some(47) => "GRE",
            _ => "IPv4",
        };
    }
    if let Some(at) = upper::v6(seen) {
        return match number(at + 6) {
            Some(58) => "ICMPv6",
            Some(6) => "TCP",
            Some(17) => "UDP",
            _ => "IPv6",
        };
    }
    if link::ethernet(seen) {
        "Ethernet"
    } else {
        "?"
    }
}

/// One line that says what the packet says.
pub(crate) fn write(seen: &Seen<'_>, out: &mut Line, unicode: bool) {
    match seen.content {
        Content::Packet(packet) => {
            let arrow = if unicode {
                const { Short::new(" → ") }
            } else {
                const { Short::new(" -> ") }
            };
            match packet.transport {
                Transport::Tcp(_) if is_http(seen) => first_line(seen, unicode, out),
                Transport::Tcp(tcp) => segment(seen, &tcp, arrow, out),
                Transport::Udp => {
                    ports(packet.source.port(), packet.destination.port(), arrow, out);
                    out.push_str(" Len=");
                    out.number(u64::from(packet.payload_len));
                }
            }
        }
        Content::Fragment => {
            let fragment = seen.layers().network.and_then(|network| network.fragment);
            let (offset, more) = fragment.unwrap_or_default();
            let _ = write!(
                out,
                "IP fragment at byte {offset}{}",
                if more { ", more follow" } else { ", the last" }
            );
        }
        Content::Other(skip) => out.push_str(reason(skip)),
    }
}

/// The first line of an HTTP head, as Wireshark's list has it. No control character of the network gets through.
fn first_line(seen: &Seen<'_>, unicode: bool, out: &mut Line) {
    let line = http::head(seen).unwrap_or_default();
    let line = line.split(|byte| matches!(byte, b'\r' | b'\n')).next();
    let line = String::from_utf8_lossy(line.unwrap_or_default());
    out.push_str(&text::plain(&line, unicode));
}

/// Why a frame is not decoded, in words.
pub(crate) fn reason(skip: Skip) -> &'static str {
    match skip {
        Skip::UnknownLinkType => "not decoded: link type unknown to imgnet",
        Skip::NotIp => "not IP",
        Skip::NotTcpOrUdp => "neither TCP nor UDP",
        Skip::HeadersCut => "headers cut off by the snap length",
        Skip::Malformed => "malformed: its own lengths contradict each other",
        Skip::Tunnel => "tunnel, not opened",
        Skip::Encrypted => "encrypted",
        Skip::LinkFragment => "a part of a packet that the link layer cut",
        Skip::BadFragment => "IP fragment that fits no datagram",
        Skip::FragmentCut => "IP fragment cut off by the snap length",
    }
}

fn segment(seen: &Seen<'_>, tcp: &Tcp, arrow: Short, out: &mut Line) {
    // Looked at where they lie: to copy them costs as much as to write them.
    let none = Numbers::default();
    let numbers = seen
        .place
        .as_ref()
        .and_then(|place| place.tcp.as_ref())
        .unwrap_or(&none);
    if !numbers.remarks.is_empty() {
        for word in numbers.remarks.words() {
            out.push_str("[");
            out.push_str(word);
            if word == "TCP Dup ACK" {
                let _ = write!(out, " {}#{}", numbers.duplicate_of, numbers.duplicate_ack);
            }
            out.push_str("] ");
        }
    }
    let Some(packet) = seen.packet() else { return };
    let line = out;
    line.number(u64::from(packet.source.port()));
    line.short(arrow);
    line.number(u64::from(packet.destination.port()));
    line.push_str(" [");
    flags(tcp, line);
    line.push_str("] Seq=");
    line.number(u64::from(tcp.seq.wrapping_sub(numbers.seq_base)));
    if let Some(ack) = tcp.ack {
        line.push_str(" Ack=");
        let base = numbers.ack_base.unwrap_or(0);
        line.number(u64::from(ack.wrapping_sub(base)));
    }
    line.push_str(" Win=");
    line.number(tcp_fields::window(tcp, numbers));
    line.push_str(" Len=");
    line.number(u64::from(packet.payload_len));
    if let Some(mss) = tcp.mss {
        line.push_str(" MSS=");
        line.number(u64::from(mss));
    }
    if let Some(shift) = tcp.window_scale {
        line.push_str(" WS=");
        line.number(1 << shift.min(14));
    }
    if tcp.sack_permitted {
        line.push_str(" SACK_PERM");
    }
    if let Some(clocks) = tcp.timestamps {
        line.push_str(" TSval=");
        line.number(u64::from(clocks.value));
        line.push_str(" TSecr=");
        line.number(u64::from(clocks.echo_reply));
    }
    if let Some(sack) = tcp.sack {
        let base = numbers.ack_base.unwrap_or(0);
        for (left, right) in sack.blocks() {
            line.push_str(" SLE=");
            line.number(u64::from(left.wrapping_sub(base)));
            line.push_str(" SRE=");
            line.number(u64::from(right.wrapping_sub(base)));
        }
    }
}

/// The flags by their names, as Wireshark's list has them.
pub(crate) fn flags(tcp: &Tcp, line: &mut Line) {
    let from = line.len();
    let names = const {
        [
            Short::new("FIN, "),
            Short::new("SYN, "),
            Short::new("RST, "),
            Short::new("PSH, "),
            Short::new("ACK, "),
            Short::new("URG, "),
            Short::new("ECE, "),
            Short::new("CWR, "),
        ]
    };
    let set = [
        tcp.fin,
        tcp.syn,
        tcp.rst,
        tcp.psh,
        tcp.ack.is_some(),
        tcp.urg,
        tcp.ece,
        tcp.cwr,
    ];
    for (name, set) in names.into_iter().zip(set) {
        if set {
            line.short(name);
        }
    }
    let end = line.len();
    if end == from {
        line.push_str("<None>");
    } else {
        line.truncate(end - 2);
    }
}

fn ports(source: u16, destination: u16, arrow: Short, out: &mut Line) {
    out.number(u64::from(source));
    out.short(arrow);
    out.number(u64::from(destination));
}

/// Whether Wireshark would colour the segment as trouble.
pub(crate) fn is_trouble(remarks: Remarks) -> bool {
    remarks.has(Remarks::RETRANSMISSION)
        || remarks.has(Remarks::FAST_RETRANSMISSION)
        || remarks.has(Remarks::SPURIOUS_RETRANSMISSION)
        || remarks.has(Remarks::OUT_OF_ORDER)
        || remarks.has(Remarks::LOST_SEGMENT)
        || remarks.has(Remarks::ACK_LOST_SEGMENT)
        || remarks.has(Remarks::ZERO_WINDOW)
}
