//! From a captured frame to a TCP segment or UDP datagram, on etherparse.
//!
//! Link layers: Ethernet with VLAN tags, Linux cooked (SLL, SLL2), BSD null and loop, raw IP. Network:
//! IPv4 and IPv6 with extension headers, fragments put together again. Every frame ends in exactly one
//! [`Outcome`]; nothing is dropped without a name. This room keeps no streams and knows no wire format.

use std::borrow::Cow;
use std::net::SocketAddr;

use crate::units::{FrameNumber, Timestamp};

/// What became of one frame.
#[derive(Debug)]
pub enum Outcome<'a> {
    /// A whole TCP segment or UDP datagram; for a fragmented one, the frame that completed it.
    Packet(Packet<'a>),
    /// A fragment that waits for the others. Counted as decoded.
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
    /// A fragment that overlaps another with different bytes, or is past the limits.
    BadFragment,
}

impl Skip {
    /// Stable kebab-case name, the key of `packets.skipped` in the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::UnknownLinkType => "unknown-link-type",
            Self::NotIp => "not-ip",
            Self::NotTcpOrUdp => "not-tcp-or-udp",
            Self::HeadersCut => "headers-cut",
            Self::Malformed => "malformed",
            Self::BadFragment => "bad-fragment",
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
    /// Window as written, not scaled.
    pub window: u16,
    /// Window scale option (RFC 7323) where present.
    pub window_scale: Option<u8>,
    /// Maximum segment size option where present.
    pub mss: Option<u16>,
}

/// The frames a packet came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parts {
    /// Not fragmented: the frame itself.
    Whole(Part),
    /// Fragments, each with the payload bytes it carries, in order of frame number.
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
    /// How many transport payload bytes it carries.
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
pub struct Notes {
    /// The IP or transport checksum does not fit: offload left it unfinished, or the bytes were damaged.
    /// Absent where it was not checked (part of the packet was not captured).
    pub checksum_wrong: Option<bool>,
    /// IP total length 0: segmentation offload; the payload runs to the end of the frame.
    pub ip_length_zero: bool,
    /// It came in IP fragments.
    pub fragmented: bool,
}

// Written in this room's own files:
//
// `pub struct Decoder` (options: checksum checking on or off, limits of the fragment store) with
//   `pub fn decode<'a>(&mut self, frame: &Frame<'a>) -> Outcome<'a>` and
//   `pub fn fragments(&self) -> FragmentCounts` (datagrams put together, still missing pieces, given up).
