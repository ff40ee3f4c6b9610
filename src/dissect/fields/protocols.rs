//! `frame.protocols`: what lies in what, from the outermost to the innermost.

use super::{http, link, tcp, upper};
use crate::decode::IpVersion;
use crate::dissect::seen::{Content, Seen};
use crate::dissect::tcp::Remarks;
use crate::frame::LinkType;

/// The protocols of a frame in Wireshark's names, with colons between: of a tunnel those of the innermost packet.
pub(super) fn of(seen: &Seen<'_>) -> String {
    let mut stack = Stack(String::new());
    stack.link(seen);
    stack.network(seen);
    stack.0
}

struct Stack(String);

impl Stack {
    fn push(&mut self, name: &str) {
        if !self.0.is_empty() {
            self.0.push(':');
        }
        self.0.push_str(name);
    }

    fn link(&mut self, seen: &Seen<'_>) {
        if link::ethernet(seen) {
            self.push("eth");
            if link::has_length(seen) {
                self.push("llc");
                return;
            }
            self.push("ethertype");
            link::tags(seen, &mut |_| self.push("vlan:ethertype"));
        } else if link::cooked(seen).is_some() {
            self.push("sll:ethertype");
        } else {
            match seen.frame.link {
                LinkType::NULL | LinkType::LOOP => self.push("null"),
                LinkType::RAW | LinkType::IPV4 | LinkType::IPV6 => self.push("raw"),
                LinkType::PPP | LinkType::PPP_HDLC | LinkType::PPP_PPPD => self.push("ppp"),
                LinkType::CISCO_HDLC => self.push("chdlc"),
                LinkType::NFLOG => self.push("nflog"),
                LinkType::IPOIB => self.push("ipoib"),
                LinkType::FDDI => self.push("fddi:llc"),
                _ => {}
            }
        }
        match link::ether_type(seen) {
            Some(0x0806) => self.push("arp"),
            Some(0x88cc) => self.push("lldp"),
            _ => {}
        }
    }

    fn network(&mut self, seen: &Seen<'_>) {
        let Some(network) = seen.layers().network else {
            return;
        };
        match network.version {
            IpVersion::V4 => self.push("ip"),
            IpVersion::V6 => {
                self.push("ipv6");
                upper::extensions(seen, &mut |kind, _| {
                    self.push(match kind {
                        0 => "ipv6.hopopts",
                        43 => "ipv6.routing",
                        44 => "ipv6.fraghdr",
                        _ => "ipv6.dstopts",
                    });
                });
            }
        }
        match seen.content {
            Content::Packet(packet) => {
                let is_http = self.transport(seen);
                // Wireshark does not look into what is sent again.
                let again =
                    tcp::both(seen).is_some_and(|(_, numbers)| numbers.remarks.has(Remarks::AGAIN));
                if is_http {
                    self.push("http");
                } else if !packet.payload.is_empty() && !again {
                    self.push("data");
                }
            }
            Content::Fragment => self.push("data"),
            Content::Other(_) => match network.protocol {
                Some(1) => self.push("icmp"),
                Some(2) => self.push("igmp"),
                Some(6) => self.push("tcp"),
                Some(17) => self.push("udp"),
                Some(58) => self.push("icmpv6"),
                _ => {}
            },
        }
    }

    /// Names what carries the payload; says whether the head of a message of HTTP begins in it.
    fn transport(&mut self, seen: &Seen<'_>) -> bool {
        if upper::is_udp(seen) {
            self.push("udp");
            return false;
        }
        self.push("tcp");
        http::head(seen).is_some()
    }
}
