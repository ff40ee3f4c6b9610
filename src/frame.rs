//! One captured frame as a source hands it over: bytes borrowed, nothing decoded.
//!
//! This is the only thing that `source` and `decode` share. It opens nothing and decodes nothing.

use crate::units::{FrameNumber, Timestamp};

/// Link-layer header type, as the numbers of <https://www.tcpdump.org/linktypes.html> (LINKTYPE_*).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkType(pub u16);

impl LinkType {
    /// BSD loopback: a 4-byte protocol family in the capturing host's byte order.
    pub const NULL: Self = Self(0);
    /// IEEE 802.3 Ethernet.
    pub const ETHERNET: Self = Self(1);
    /// PPP, with HDLC framing or without.
    pub const PPP: Self = Self(9);
    /// FDDI.
    pub const FDDI: Self = Self(10);
    /// PPP in HDLC-like framing, or Cisco HDLC.
    pub const PPP_HDLC: Self = Self(50);
    /// `PPPoE`.
    pub const PPP_ETHER: Self = Self(51);
    /// Cisco HDLC.
    pub const CISCO_HDLC: Self = Self(104);
    /// IEEE 802.11.
    pub const IEEE802_11: Self = Self(105);
    /// IEEE 802.11 behind a radiotap header.
    pub const IEEE802_11_RADIOTAP: Self = Self(127);
    /// IEEE 802.11 behind a Prism header.
    pub const PRISM: Self = Self(119);
    /// IEEE 802.11 behind an AVS header.
    pub const IEEE802_11_AVS: Self = Self(163);
    /// Per-packet information: another link type behind fields of its own.
    pub const PPI: Self = Self(192);
    /// Endace's extensible record format.
    pub const ERF: Self = Self(197);
    /// Linux netfilter's log.
    pub const NFLOG: Self = Self(239);
    /// IP over `InfiniBand`.
    pub const IPOIB: Self = Self(242);
    /// Token ring.
    pub const IEEE802_5: Self = Self(6);
    /// ARCNET, as BSD captures it.
    pub const ARCNET: Self = Self(7);
    /// ARCNET, as Linux captures it.
    pub const ARCNET_LINUX: Self = Self(129);
    /// ATM with LLC.
    pub const ATM_RFC1483: Self = Self(100);
    /// Frame Relay.
    pub const FRELAY: Self = Self(107);
    /// OpenBSD's view of what `IPsec` lets pass.
    pub const ENC: Self = Self(109);
    /// BSD's log of packet filters.
    pub const PFLOG: Self = Self(117);
    /// IP over Fibre Channel.
    pub const IP_OVER_FC: Self = Self(122);
    /// ATM as Solaris captures it.
    pub const SUNATM: Self = Self(123);
    /// IP over `FireWire`.
    pub const APPLE_IP_OVER_IEEE1394: Self = Self(138);
    /// PPP behind a byte of direction, as pppd writes it.
    pub const PPP_PPPD: Self = Self(166);
    /// Ethernet behind Juniper's header.
    pub const JUNIPER_ETHERNET: Self = Self(178);
    /// PPP behind Juniper's header.
    pub const JUNIPER_PPP: Self = Self(179);
    /// Frame Relay behind Juniper's header.
    pub const JUNIPER_FRELAY: Self = Self(180);
    /// Cisco HDLC behind Juniper's header.
    pub const JUNIPER_CHDLC: Self = Self(181);
    /// PPP behind a byte of direction.
    pub const PPP_WITH_DIR: Self = Self(204);
    /// Cisco HDLC behind a byte of direction.
    pub const C_HDLC_WITH_DIR: Self = Self(205);
    /// Frame Relay behind a byte of direction.
    pub const FRELAY_WITH_DIR: Self = Self(206);
    /// MPLS without a link layer.
    pub const MPLS: Self = Self(219);
    /// Solaris's IPNET.
    pub const IPNET: Self = Self(226);
    /// Ethernet as netANALYZER captures it.
    pub const NETANALYZER: Self = Self(240);
    /// macOS's PKTAP: another link type behind fields of its own.
    pub const PKTAP: Self = Self(258);
    /// Ethernet with its preamble (IEEE 802.3br).
    pub const ETHERNET_MPACKET: Self = Self(274);
    /// Raw IP, version from the first nibble.
    pub const RAW: Self = Self(101);
    /// OpenBSD loopback: as [`Self::NULL`], family big-endian.
    pub const LOOP: Self = Self(108);
    /// Linux cooked capture, version 1.
    pub const LINUX_SLL: Self = Self(113);
    /// Raw IPv4.
    pub const IPV4: Self = Self(228);
    /// Raw IPv6.
    pub const IPV6: Self = Self(229);
    /// Linux cooked capture, version 2.
    pub const LINUX_SLL2: Self = Self(276);

    /// The short name that Wireshark and tcpdump use, e.g. `EN10MB` is given as `ethernet`;
    /// absent for a type imgnet does not decode.
    pub fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::NULL => "null",
            Self::ETHERNET => "ethernet",
            // 12 and 14 are the DLT_RAW values some systems wrote into files.
            Self::RAW | Self(12 | 14) => "raw",
            Self::LOOP => "loop",
            Self::LINUX_SLL => "linux-sll",
            Self::IPV4 => "ipv4",
            Self::IPV6 => "ipv6",
            Self::LINUX_SLL2 => "linux-sll2",
            Self::PPP => "ppp",
            Self::FDDI => "fddi",
            Self::PPP_HDLC => "ppp-hdlc",
            Self::PPP_ETHER => "pppoe",
            Self::CISCO_HDLC => "chdlc",
            Self::IEEE802_11 => "ieee-802-11",
            Self::IEEE802_11_RADIOTAP => "ieee-802-11-radiotap",
            Self::PRISM => "ieee-802-11-prism",
            Self::IEEE802_11_AVS => "ieee-802-11-avs",
            Self::PPI => "ppi",
            Self::ERF => "erf",
            Self::NFLOG => "nflog",
            Self::IPOIB => "ip-over-infiniband",
            Self::IEEE802_5 => "ieee-802-5",
            Self::ARCNET => "arcnet",
            Self::ARCNET_LINUX => "arcnet-linux",
            Self::ATM_RFC1483 => "atm-rfc1483",
            Self::FRELAY => "frame-relay",
            Self::ENC => "enc",
            Self::PFLOG => "pflog",
            Self::IP_OVER_FC => "ip-over-fc",
            Self::SUNATM => "sunatm",
            Self::APPLE_IP_OVER_IEEE1394 => "ip-over-1394",
            Self::PPP_PPPD => "ppp-pppd",
            Self::JUNIPER_ETHERNET => "juniper-ether",
            Self::JUNIPER_PPP => "juniper-ppp",
            Self::JUNIPER_FRELAY => "juniper-frelay",
            Self::JUNIPER_CHDLC => "juniper-chdlc",
            Self::PPP_WITH_DIR => "ppp-with-direction",
            Self::C_HDLC_WITH_DIR => "chdlc-with-direction",
            Self::FRELAY_WITH_DIR => "frelay-with-direction",
            Self::MPLS => "mpls",
            Self::IPNET => "ipnet",
            Self::NETANALYZER => "netanalyzer",
            Self::PKTAP => "pktap",
            Self::ETHERNET_MPACKET => "ether-mpacket",
            _ => return None,
        })
    }
}

/// One captured frame, its bytes borrowed from the source.
///
/// Invariant: `data.len() <= wire_len` as far as the source could make sure of it; a source that finds
/// a record which says otherwise reports `wire_len = data.len()`.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// Number from 1 over all files of the capture, in the order in which they are read.
    pub number: FrameNumber,
    /// Capture time; absent where the file has none (pcapng Simple Packet Block).
    pub time: Option<Timestamp>,
    /// Link-layer header type of the interface the frame came from.
    pub link: LinkType,
    /// Index of the interface over the whole capture, from 0.
    pub interface: u32,
    /// Length on the wire in bytes, link header included (Wireshark's `frame.len`).
    pub wire_len: u32,
    /// The bytes that were captured (Wireshark's `frame.cap_len` many).
    pub data: &'a [u8],
    /// It came after whoever watches had told the programs to end ([`ENDED`]): how connections end from here on is not
    /// what the programs did.
    pub after_end: bool,
}

/// How the comment begins that a capture of imgnet carries on frames that came after the programs were told to end.
pub const ENDED: &str = "imgnet: the programs had been told to end";

/// How the comment begins that a capture of imgnet carries in its statistics where its disk was full.
const UNWRITTEN: &str = "imgnet: frames that found no room in the file";

/// The comment that says of how many frames a capture file had no room.
pub fn unwritten_comment(frames: u64) -> String {
    format!("{UNWRITTEN}: {frames}")
}

/// What such a comment says; absent where it is another one.
pub fn unwritten_of_comment(comment: &str) -> Option<u64> {
    let mut lines = comment.lines();
    lines.find_map(|line| {
        line.strip_prefix(UNWRITTEN)?
            .strip_prefix(": ")?
            .parse()
            .ok()
    })
}

/// How long an interface was gone while it was captured: taken down, or removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Away {
    /// How often.
    pub times: u64,
    /// For how long in all, in nanoseconds.
    pub nanoseconds: u64,
    /// When it first went.
    pub from: Timestamp,
    /// When it last came back, or the capture ended.
    pub until: Timestamp,
    /// Whether it came back the last time.
    pub back: bool,
}

/// How the comment begins that a capture of imgnet carries in the statistics of such an interface.
const AWAY: &str = "imgnet: the interface was gone";

impl Away {
    /// What is known of two interfaces, or of two files, together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            times: self.times.saturating_add(other.times),
            nanoseconds: self.nanoseconds.saturating_add(other.nanoseconds),
            from: self.from.min(other.from),
            until: self.until.max(other.until),
            back: self.back && other.back,
        }
    }

    /// The comment that says so in a capture file.
    pub fn comment(&self) -> String {
        let Self {
            times,
            nanoseconds,
            from,
            until,
            back,
        } = self;
        format!(
            "{AWAY}: times={times} nanoseconds={nanoseconds} from={} until={} back={back}",
            from.0, until.0
        )
    }

    /// What such a comment says; absent where it is another one.
    pub fn of_comment(comment: &str) -> Option<Self> {
        let line = comment.lines().find(|line| line.starts_with(AWAY))?;
        let field = |name: &str| {
            line.split_whitespace()
                .find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
        };
        let time = |name| field(name)?.parse().ok().map(Timestamp);
        Some(Self {
            times: field("times")?.parse().ok().filter(|times| *times > 0)?,
            nanoseconds: field("nanoseconds")?.parse().ok()?,
            from: time("from")?,
            until: time("until")?,
            back: field("back")?.parse().ok()?,
        })
    }
}
