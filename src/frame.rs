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
