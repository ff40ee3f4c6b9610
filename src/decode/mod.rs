//! From a captured frame to a TCP segment or UDP datagram, on etherparse.
//!
//! Link layers: Ethernet with tags and labels, Linux cooked (SLL, SLL2), BSD null and loop, raw IP, PPP, Cisco HDLC,
//! 802.11, FDDI, NFLOG, IP over `InfiniBand`, ERF. Network: IPv4 and IPv6 with extension headers, fragments put
//! together again, and tunnels opened: what makes a stream is the innermost packet and the tunnels around it
//! ([`Tunnel`]). Every frame ends in exactly one [`Outcome`]; nothing is dropped without a name. The link type says what a frame is, and the IP length what
//! belongs to a packet: padding is no payload. This room keeps no streams and knows no wire format.

mod checksum;
mod decoder;
mod fragments;
mod ip;
mod layers;
mod link;
mod plain;
mod span;
mod transport;
mod tunnel;
mod unreachable;

use std::borrow::Cow;
use std::net::SocketAddr;

pub(crate) use decoder::alone;
pub use decoder::{Decoder, Options};
pub use fragments::{FragmentCounts, FragmentLimits, LossReason, LostDatagram};
pub use layers::{IpVersion, Layers, NetworkLayer, TransportLayer, layers};
pub use tunnel::Tunnel;
pub(crate) use unreachable::unreachable;

use crate::units::{FrameNumber, Timestamp};

/// What became of one frame.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every outcome is a packet, and a box would be an allocation a frame"
)]
pub enum Outcome<'a> {
    /// A whole TCP segment or UDP datagram; for a fragmented one, the frame that completed it.
    Packet(Packet<'a>),
    /// A fragment that waits for the others. Counted as decoded; where they never come, its frame is named by
    /// a [`LostDatagram`].
    FragmentHeld,
    /// Not decoded, for this reason.
    Skipped(Skip),
}

/// Why a frame was not decoded. Serialised by [`Skip::name`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Skip {
    /// The interface's link type is not one imgnet decodes.
    UnknownLinkType,
    /// Neither IPv4 nor IPv6 (ARP, LLDP, …).
    NotIp,
    /// IP, but neither TCP nor UDP (ICMP, …).
    NotTcpOrUdp,
    /// So little was captured that the headers are not whole (snap length).
    HeadersCut,
    /// Headers whose own lengths contradict each other.
    Malformed,
    /// Inside another network's header, which imgnet does not open: PPP multilink, a GRE protocol or a header over UDP that it
    /// does not know, or more tunnels within tunnels than it follows.
    Tunnel,
    /// Encrypted below IP's payload, or a tunnel's: ESP, `MACsec`, `WireGuard`, protected 802.11.
    Encrypted,
    /// A part of a packet that the link layer cut, or several packets in one frame (802.11).
    LinkFragment,
    /// A fragment that cannot be one, or one of a datagram whose fragments contradict each other or which is
    /// past the limits ([`LossReason`]).
    BadFragment,
    /// A fragment whose datagram cannot be put together, because the snap length cut this or another one of it.
    FragmentCut,
}

impl Skip {
    /// Every reason.
    pub const ALL: [Self; 10] = [
        Self::UnknownLinkType,
        Self::NotIp,
        Self::NotTcpOrUdp,
        Self::HeadersCut,
        Self::Malformed,
        Self::Tunnel,
        Self::Encrypted,
        Self::LinkFragment,
        Self::BadFragment,
        Self::FragmentCut,
    ];

    /// Stable kebab-case name, the key of `packets.skipped` in the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::UnknownLinkType => "unknown-link-type",
            Self::NotIp => "not-ip",
            Self::NotTcpOrUdp => "not-tcp-or-udp",
            Self::HeadersCut => "headers-cut",
            Self::Malformed => "malformed",
            Self::Tunnel => "tunnel",
            Self::Encrypted => "encrypted",
            Self::LinkFragment => "link-fragment",
            Self::BadFragment => "bad-fragment",
            Self::FragmentCut => "fragment-cut",
        }
    }
}

/// A decoded transport packet.
#[derive(Debug, Clone)]
pub struct Packet<'a> {
    /// Who sent it.
    pub source: SocketAddr,
    /// Who is to receive it.
    pub destination: SocketAddr,
    /// The tunnels and VLANs it came through, which belong to the stream's identity.
    pub tunnel: Tunnel,
    /// The transport header.
    pub transport: Transport,
    /// Transport payload as far as it was captured: Ethernet padding left out.
    pub payload: Cow<'a, [u8]>,
    /// Length of the payload on the wire; more than `payload.len()` where the snap length cut it.
    pub payload_len: u32,
    /// The frames it came in, in order of frame number; one, unless it was fragmented.
    pub parts: Parts,
    /// What is remarkable and no error.
    pub notes: Notes,
}

/// The transport header's fields that imgnet uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// TCP (RFC 9293).
    Tcp(Tcp),
    /// UDP (RFC 768).
    Udp,
}

/// A TCP header (RFC 9293, section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are the header's control bits, one field each as RFC 9293 names them"
)]
pub struct Tcp {
    /// Sequence number of the first payload byte (of the SYN where it is set).
    pub seq: u32,
    /// Acknowledgment number; absent unless the ACK bit is set.
    pub ack: Option<u32>,
    /// SYN bit.
    pub syn: bool,
    /// FIN bit.
    pub fin: bool,
    /// RST bit.
    pub rst: bool,
    /// PSH bit.
    pub psh: bool,
    /// URG bit.
    pub urg: bool,
    /// How far behind the first payload byte the urgent data end (RFC 9293, section 3.8.5); means nothing without the URG bit.
    pub urgent_pointer: u16,
    /// ECE bit (RFC 3168, section 6.1).
    pub ece: bool,
    /// CWR bit (RFC 3168, section 6.1).
    pub cwr: bool,
    /// Window as written, not scaled.
    pub window: u16,
    /// Window scale option (RFC 7323) where present.
    pub window_scale: Option<u8>,
    /// Maximum segment size option where present.
    pub mss: Option<u16>,
    /// SACK-permitted option (RFC 2018, section 2); sent with SYN only.
    pub sack_permitted: bool,
    /// SACK option (RFC 2018, section 3) where present.
    pub sack: Option<Sack>,
    /// Timestamps option (RFC 7323, section 3) where present.
    pub timestamps: Option<Timestamps>,
    /// The snap length cut options off: those that are not there may have been.
    pub options_cut: bool,
}

/// The blocks of a SACK option: what the receiver holds beyond the acknowledgment number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sack {
    blocks: [(u32, u32); 4],
    len: u8,
}

impl Sack {
    /// Reads the option's data; absent where that is not 1 to 4 whole blocks.
    fn read(data: &[u8]) -> Option<Self> {
        let (edges, rest) = data.as_chunks::<8>();
        let mut blocks = [(0, 0); 4];
        if edges.is_empty() || edges.len() > blocks.len() || !rest.is_empty() {
            return None;
        }
        for (block, [l0, l1, l2, l3, r0, r1, r2, r3]) in blocks.iter_mut().zip(edges) {
            *block = (
                u32::from_be_bytes([*l0, *l1, *l2, *l3]),
                u32::from_be_bytes([*r0, *r1, *r2, *r3]),
            );
        }
        let len = u8::try_from(edges.len()).ok()?;
        Some(Self { blocks, len })
    }

    /// The blocks as written, 1 to 4: sequence number of the first byte, and of the byte after the last.
    pub fn blocks(&self) -> &[(u32, u32)] {
        self.blocks
            .get(..usize::from(self.len))
            .unwrap_or(&self.blocks)
    }
}

/// A timestamps option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timestamps {
    /// The sender's clock (`TSval`).
    pub value: u32,
    /// The peer's clock as last seen (`TSecr`); means something only with the ACK bit.
    pub echo_reply: u32,
}

/// The frames a packet came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parts {
    /// Not fragmented: the frame itself.
    Whole(Part),
    /// Fragments, each with the payload bytes it carries, in order of frame number. Together they carry the
    /// whole payload, bytes that came twice twice.
    Fragments(Vec<Part>),
}

/// One frame's share of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// The frame.
    pub frame: FrameNumber,
    /// Its capture time.
    pub time: Option<Timestamp>,
    /// Its length on the wire, link header included.
    pub wire_len: u32,
    /// First transport payload byte that it carries, from 0.
    pub offset: u32,
    /// How many transport payload bytes it carries on the wire; 0 for a fragment that holds headers only.
    pub bytes: u32,
}

impl Parts {
    /// All parts, one or more.
    pub fn as_slice(&self) -> &[Part] {
        match self {
            Self::Whole(part) => std::slice::from_ref(part),
            Self::Fragments(parts) => parts,
        }
    }
}

/// What is remarkable about a packet and no error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "notes are a list of yes and no"
)]
pub struct Notes {
    /// The IPv4 header's checksum; of the completing frame for a fragmented packet. IPv6 has none.
    pub ip_checksum: Checksum,
    /// The TCP or UDP checksum.
    pub transport_checksum: Checksum,
    /// IP length 0: segmentation offload; the payload runs to the end of the frame.
    pub ip_length_zero: bool,
    /// The IP length says more than the frame had on the wire: what is missing of the payload was not cut by
    /// the snap length. Hosts drop such a packet.
    pub ip_length_beyond_frame: bool,
    /// It came in IP fragments.
    pub fragmented: bool,
    /// IPv4 identification where it is not 0 (RFC 6864), of the completing frame for a fragmented packet. IPv6 has none.
    pub ip_id: Option<u16>,
    /// Hops that are left: IPv4's time to live, IPv6's hop limit.
    pub hops: u8,
    /// It came after whoever watches had told the programs to end.
    pub after_end: bool,
}

/// What a checksum says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Checksum {
    /// Not verified: not asked for, not all bytes captured, none sent (UDP over IPv4), or a routing header
    /// or option keeps the final address back.
    #[default]
    NotChecked,
    /// It fits the bytes.
    Good,
    /// It is what offload leaves for the device to finish: the sum of the pseudo-header, or 0. Normal in a
    /// capture on the sending host.
    Unfinished,
    /// It does not fit: damaged, and the receiver drops the packet. Also an absent UDP checksum over IPv6
    /// (RFC 8200, section 8.1).
    Wrong,
}

#[cfg(test)]
mod tests;
