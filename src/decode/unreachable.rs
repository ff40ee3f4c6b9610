//! ICMP messages that say that a packet did not arrive (RFC 792, RFC 4443), and of which packet.

use std::net::SocketAddr;

use etherparse::{Ipv4HeaderSlice, Ipv6HeaderSlice, ip_number};

use super::span::Span;
use super::{ip, link};
use crate::frame::{Frame, LinkType};

/// A packet that an ICMP message quotes, because it did not reach a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unreachable {
    /// The quoted packet was a UDP datagram, and no TCP segment.
    pub(crate) datagram: bool,
    /// Who sent it.
    pub(crate) source: SocketAddr,
    /// Whom it was sent to.
    pub(crate) destination: SocketAddr,
    /// What was not reached.
    pub(crate) what: Unreached,
}

/// What was not reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unreached {
    /// No program listens on the port.
    Port,
    /// The machine.
    Host,
    /// Its network.
    Network,
    /// A filter on the way, or of the machine, refuses it.
    Prohibited,
}

impl Unreached {
    /// In words: "…: no program receives on that port".
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Port => "no program receives on that port",
            Self::Host => "the machine is not reached",
            Self::Network => "no route leads to its network",
            Self::Prohibited => "a firewall refuses it",
        }
    }

    /// By type and code; absent where the message says something else.
    fn of(version: link::Version, kind: u8, code: u8) -> Option<Self> {
        match (version, kind, code) {
            (link::Version::V4, 3, 3) | (link::Version::V6, 1, 4) => Some(Self::Port),
            (link::Version::V4, 3, 1 | 7 | 12) | (link::Version::V6, 1, 3) => Some(Self::Host),
            (link::Version::V4, 3, 0 | 6 | 11) | (link::Version::V6, 1, 0) => Some(Self::Network),
            (link::Version::V4, 3, 9 | 10 | 13) | (link::Version::V6, 1, 1 | 5 | 6) => {
                Some(Self::Prohibited)
            }
            _ => None,
        }
    }
}

/// What a frame with an ICMP message says of another packet; absent where it says nothing of that kind, where too little was
/// captured, and inside tunnels.
pub(crate) fn unreachable(frame: &Frame<'_>) -> Option<Unreachable> {
    /// Bytes of an ICMP header before what it quotes.
    const HEADER: usize = 8;
    let network = link::network(frame.link, Span::new(frame.data, frame.wire_len)).ok()?;
    if !network.tunnel.is_none() {
        return None;
    }
    let bytes = message(network.version, network.packet.captured())?;
    let what = Unreached::of(network.version, *bytes.first()?, *bytes.get(1)?)?;
    // Of the quoted packet there may be no more than its first bytes.
    let quoted = Span::new(bytes.get(HEADER..)?, u32::from(u16::MAX));
    let quoted = ip::datagram(&link::network(LinkType::RAW, quoted).ok()?, false).ok()?;
    if quoted.fragment.is_some() || !ip::is_transport(quoted.protocol) {
        return None;
    }
    let [a, b, c, d] = *quoted.payload.captured().first_chunk::<4>()?;
    let (source, destination) = quoted.addresses.pair();
    Some(Unreachable {
        datagram: quoted.protocol == ip_number::UDP.0,
        source: SocketAddr::new(source, u16::from_be_bytes([a, b])),
        destination: SocketAddr::new(destination, u16::from_be_bytes([c, d])),
        what,
    })
}

/// The ICMP message in an IP packet that is no fragment; absent where it holds something else.
fn message(version: link::Version, packet: &[u8]) -> Option<&[u8]> {
    match version {
        link::Version::V4 => {
            let header = Ipv4HeaderSlice::from_slice(packet).ok()?;
            let whole = !header.is_fragmenting_payload() && header.protocol() == ip_number::ICMP;
            packet.get(header.slice().len()..).filter(|_| whole)
        }
        link::Version::V6 => {
            let header = Ipv6HeaderSlice::from_slice(packet).ok()?;
            let icmp = header.next_header() == ip_number::IPV6_ICMP;
            packet.get(header.slice().len()..).filter(|_| icmp)
        }
    }
}
