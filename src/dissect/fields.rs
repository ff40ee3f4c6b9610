//! The fields of a packet: their names, kinds and values. Wireshark's names where Wireshark has them, with its values;
//! `docs/inspect.md` lists where a definition differs.
//!
//! The one place where a header's bits become a value: filters, the tree and columns all ask here.

pub(super) mod http;
pub(super) mod imgnet;
pub(super) mod link;
mod protocols;
pub(super) mod tcp;
pub(super) mod upper;

use std::borrow::Cow;
use std::ops::Range;

use super::seen::Seen;
use super::value::{Kind, Value};

/// What is shown a field's values, and where in the frame each lies where it does lie there.
pub(crate) type Show<'s, 'a> = dyn FnMut(Value<'a>, Option<Range<usize>>) + 's;

/// A field.
#[derive(Clone, Copy)]
pub struct Field {
    /// Its name in filters.
    pub name: &'static str,
    /// What kind of values it has.
    pub kind: Kind,
    /// What it is.
    pub about: &'static str,
    read: for<'a> fn(&Seen<'a>, &mut Show<'_, 'a>),
}

impl std::fmt::Debug for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Field {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Field {
    /// Shows all values that a frame has of it, in order; none where it does not apply.
    pub fn values<'a>(&self, seen: &Seen<'a>, show: &mut Show<'_, 'a>) {
        (self.read)(seen, show);
    }

    /// The first value that a frame has of it, and where it lies.
    pub fn first<'a>(&self, seen: &Seen<'a>) -> Option<(Value<'a>, Option<Range<usize>>)> {
        let mut first = None;
        self.values(seen, &mut |value, bytes| {
            first.get_or_insert((value, bytes));
        });
        first
    }

    /// Names of its numbers, as Wireshark writes them; none where only numbers are known.
    pub(crate) fn names(&self) -> &'static [(&'static str, i64)] {
        match self.name {
            "ip.proto" | "ipv6.nxt" => &[
                ("ICMP", 1),
                ("IGMP", 2),
                ("IPv4", 4),
                ("TCP", 6),
                ("UDP", 17),
                ("IPv6", 41),
                ("GRE", 47),
                ("ICMPv6", 58),
                ("SCTP", 132),
            ],
            "eth.type" => &[("IPv4", 0x0800), ("ARP", 0x0806), ("IPv6", 0x86dd)],
            "arp.opcode" => &[("request", 1), ("reply", 2)],
            _ => &[],
        }
    }

    /// The greatest of its numbers that can be: more is a mistake.
    pub(crate) fn most(&self) -> i64 {
        match self.name {
            "tcp.port"
            | "tcp.srcport"
            | "tcp.dstport"
            | "udp.port"
            | "udp.srcport"
            | "udp.dstport"
            | "udp.length"
            | "ip.len"
            | "ip.id"
            | "ip.checksum"
            | "ipv6.plen"
            | "tcp.checksum"
            | "udp.checksum"
            | "tcp.window_size_value"
            | "tcp.urgent_pointer"
            | "tcp.options.mss_val"
            | "eth.type" => i64::from(u16::MAX),
            "ip.ttl" | "ip.proto" | "ip.version" | "ip.hdr_len" | "ip.dsfield" | "ipv6.hlim"
            | "ipv6.nxt" | "tcp.hdr_len" | "tcp.option_kind" | "tcp.option_len" | "icmp.type"
            | "icmp.code" | "icmpv6.type" | "icmpv6.code" => i64::from(u8::MAX),
            "frame.number" | "frame.len" | "frame.cap_len" | "tcp.len" | "tcp.seq"
            | "tcp.seq_raw" | "tcp.nxtseq" | "tcp.ack" | "tcp.ack_raw" | "tcp.window_size"
            | "tcp.stream" | "udp.stream" => i64::from(u32::MAX),
            _ => i64::MAX,
        }
    }

    /// How many bytes Wireshark keeps a value in, which is what `len()` says: none of what is no number. Absent for what has bytes of
    /// its own.
    pub(crate) fn width(&self) -> Option<i64> {
        match self.kind {
            Kind::Number | Kind::Hex => {}
            Kind::Bool | Kind::Seconds | Kind::Time => return Some(0),
            Kind::Label | Kind::Text | Kind::Bytes | Kind::Ether | Kind::Ipv4 | Kind::Ipv6 => {
                return None;
            }
        }
        Some(match self.name {
            "arp.hw.size"
            | "arp.proto.size"
            | "ip.version"
            | "ip.hdr_len"
            | "ip.dsfield"
            | "ip.dsfield.dscp"
            | "ip.dsfield.ecn"
            | "ip.flags"
            | "ip.ttl"
            | "ip.proto"
            | "ip.checksum.status"
            | "ip.opt.type"
            | "ip.opt.len"
            | "ipv6.version"
            | "ipv6.nxt"
            | "ipv6.hlim"
            | "ipv6.hopopts.nxt"
            | "ipv6.hopopts.len"
            | "ipv6.dstopts.nxt"
            | "ipv6.dstopts.len"
            | "ipv6.routing.nxt"
            | "ipv6.routing.type"
            | "ipv6.routing.segleft"
            | "ipv6.fraghdr.nxt"
            | "icmp.type"
            | "icmp.code"
            | "igmp.type"
            | "icmpv6.type"
            | "icmpv6.code"
            | "tcp.hdr_len"
            | "tcp.checksum.status"
            | "tcp.option_kind"
            | "tcp.option_len"
            | "tcp.options.wscale.shift"
            | "tcp.options.sack.count"
            | "tcp.completeness"
            | "udp.checksum.status" => 1,
            "frame.encap_type"
            | "eth.type"
            | "eth.len"
            | "vlan.id"
            | "vlan.priority"
            | "vlan.etype"
            | "sll.pkttype"
            | "sll.etype"
            | "arp.opcode"
            | "arp.hw.type"
            | "arp.proto.type"
            | "ip.len"
            | "ip.id"
            | "ip.frag_offset"
            | "ip.checksum"
            | "ipv6.plen"
            | "ipv6.fraghdr.offset"
            | "icmp.checksum"
            | "icmp.ident"
            | "icmp.seq"
            | "icmpv6.checksum"
            | "icmpv6.echo.identifier"
            | "icmpv6.echo.sequence_number"
            | "tcp.srcport"
            | "tcp.dstport"
            | "tcp.port"
            | "tcp.flags"
            | "tcp.window_size_value"
            | "tcp.checksum"
            | "tcp.urgent_pointer"
            | "tcp.options.mss_val"
            | "tcp.options.wscale.multiplier"
            | "udp.srcport"
            | "udp.dstport"
            | "udp.port"
            | "udp.length"
            | "udp.checksum"
            | "http.response.code" => 2,
            "eth.dst.oui" | "eth.src.oui" | "eth.addr.oui" | "ipv6.flow" => 3,
            "http.content_length" => 8,
            _ if self.is_of_capture() => 8,
            _ => 4,
        })
    }

    /// Whether one of its numbers may be below 0.
    pub(crate) fn is_signed(&self) -> bool {
        matches!(
            self.name,
            "frame.encap_type" | "tcp.window_size_scalefactor"
        )
    }

    /// Hexadecimal digits of its numbers, where they take so many bytes of the frame: of a part of them as many as its bits
    /// need.
    pub(crate) fn digits(&self, bytes: usize) -> usize {
        match self.name {
            "ip.flags" => 1,
            "tcp.flags" => 3,
            "ipv6.tclass" => 2,
            "ipv6.flow" => 5,
            _ => bytes * 2,
        }
    }

    /// Whether it depends on which frames before were shown.
    pub(crate) fn is_of_order(&self) -> bool {
        self.name == "frame.time_delta_displayed"
    }

    /// Whether it is found out by the analysis of the whole capture, rather than from the packet and those before it.
    pub fn is_of_capture(&self) -> bool {
        self.name.starts_with("imgnet.")
    }
}

/// All fields, in the order of the layers.
pub(crate) fn all() -> impl Iterator<Item = &'static Field> {
    [
        link::FIELDS,
        upper::IP,
        tcp::FIELDS,
        upper::FIELDS,
        http::FIELDS,
        imgnet::FIELDS,
    ]
    .into_iter()
    .flatten()
}

/// The field of this name.
pub(crate) fn find(name: &str) -> Option<&'static Field> {
    all().find(|field| field.name == name)
}

/// The names nearest to one that there is not.
pub(crate) fn nearest(name: &str) -> Option<&'static str> {
    /// Of names that are as near, those of these are meant first.
    const FIRST: [&str; 7] = ["tcp", "udp", "ip", "http", "frame", "imgnet", "eth"];
    let rank = |name: &str| {
        let protocol = name.split('.').next().unwrap_or_default();
        let place = FIRST.iter().position(|first| *first == protocol);
        place.unwrap_or(FIRST.len())
    };
    let wanted = name.to_ascii_lowercase();
    all()
        .map(|field| (strsim::damerau_levenshtein(&wanted, field.name), field.name))
        .chain(
            // A forgotten or wrong prefix: `seq` for `tcp.seq`.
            all().filter_map(|field| {
                let (_, last) = field.name.split_once('.')?;
                (last == wanted).then_some((1, field.name))
            }),
        )
        .min_by_key(|(distance, name)| (*distance, rank(name), *name))
        .filter(|(distance, _)| *distance <= wanted.len() / 3 + 1)
        .map(|(_, name)| name)
}

macro_rules! fields {
    ($($name:literal $kind:ident $about:literal => $read:expr;)*) => {
        &[$(super::Field {
            name: $name,
            kind: crate::dissect::value::Kind::$kind,
            about: $about,
            read: $read,
        }),*]
    };
}
use fields;

/// An unsigned number of up to 8 bytes, most significant first; absent where it was not captured.
fn be(data: &[u8], bytes: Range<usize>) -> Option<u64> {
    let field = data.get(bytes)?;
    Some(
        field
            .iter()
            .fold(0, |value, byte| value << 8 | u64::from(*byte)),
    )
}

/// Shows the number in these bytes of the frame, cut out by a mask and shifted down.
fn number(seen: &Seen<'_>, bytes: Range<usize>, mask: u64, show: &mut Show<'_, '_>) {
    if let Some(value) = be(seen.frame.data, bytes.clone()) {
        let value = (value & mask) >> mask.trailing_zeros().min(63);
        show(whole(value), Some(bytes));
    }
}

/// Shows whether one of the bits of a mask is set.
fn flag(seen: &Seen<'_>, bytes: Range<usize>, mask: u64, show: &mut Show<'_, '_>) {
    if let Some(value) = be(seen.frame.data, bytes.clone()) {
        show(Value::Bool(value & mask != 0), Some(bytes));
    }
}

fn whole(value: u64) -> Value<'static> {
    Value::Number(i64::try_from(value).unwrap_or(i64::MAX))
}

/// Shows these bytes of the frame; nothing where there are none.
fn bytes<'a>(seen: &Seen<'a>, range: Range<usize>, show: &mut Show<'_, 'a>) {
    if let Some(bytes) = seen.frame.data.get(range.clone())
        && !bytes.is_empty()
    {
        show(Value::Bytes(Cow::Borrowed(bytes)), Some(range));
    }
}

/// Shows a label that stands for these bytes.
fn label<'a>(seen: &Seen<'a>, range: Range<usize>, show: &mut Show<'_, 'a>) {
    let end = range.end;
    protocol(seen, range, end, show);
}

/// Shows a protocol: a header, with all that the protocol carries up to `end`.
fn protocol<'a>(seen: &Seen<'a>, header: Range<usize>, end: usize, show: &mut Show<'_, 'a>) {
    let bytes = seen.frame.data.get(header.start..end).unwrap_or_default();
    show(
        Value::Label(bytes, header.len().min(bytes.len())),
        Some(header),
    );
}
