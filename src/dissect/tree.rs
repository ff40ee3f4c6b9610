//! One frame as a tree, each node with its bytes: frame, link, IP, transport, wire format, picture, chunk, the picture's
//! own segment.

mod content;

use std::fmt::Write as _;
use std::ops::Range;

use serde_json::{Map, Value as Json};

use content::{findings, payload};

use super::carried::{Carried, Role};
use super::fields::{self, link, tcp as tcp_fields, upper};
use super::info;
use super::line::Line;
use super::seen::{Content, Seen};
use super::structure::Part;
use super::value::{Kind, Value};
use crate::decode::Checksum;
use crate::units::{PictureId, count, counted};

/// Which layer a node belongs to: its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Layer {
    /// The frame as a whole.
    Frame,
    /// The link header.
    Link,
    /// The IP header.
    Network,
    /// TCP or UDP.
    Transport,
    /// Bytes of this role.
    Carries(Role),
}

/// A node of the tree.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// What a person reads.
    pub label: String,
    /// The field's name, where filters know it.
    pub field: Option<&'static str>,
    /// Its value.
    pub value: Option<Value<'static>>,
    /// Its bytes in the frame; absent where it is worked out rather than read.
    pub bytes: Option<Range<usize>>,
    /// Its layer.
    pub layer: Layer,
    /// What is below it.
    pub children: Vec<Node>,
}

/// How the structure of a picture is asked for; empty where it is not known.
pub(crate) type Structure<'s> = dyn Fn(PictureId) -> Vec<Part> + 's;

/// The tree of a frame, outermost layer first.
pub(crate) fn tree(seen: &Seen<'_>, structure: &Structure<'_>) -> Vec<Node> {
    let mut layers = vec![frame(seen)];
    layers.extend(link_layer(seen));
    layers.extend(network(seen));
    layers.extend(transport(seen));
    layers.extend(stream(seen));
    layers.extend(payload(seen, structure));
    layers.extend(findings(seen));
    layers
}

impl Node {
    fn new(layer: Layer, label: impl Into<String>, bytes: Option<Range<usize>>) -> Self {
        Self {
            label: label.into(),
            field: None,
            value: None,
            bytes,
            layer,
            children: Vec::new(),
        }
    }

    /// The same as JSON: label, field, value, bytes as offset and length, children.
    pub(crate) fn json(&self) -> Json {
        let mut object = Map::new();
        object.insert("label".to_owned(), self.label.clone().into());
        object.insert(
            "field".to_owned(),
            self.field.map_or(Json::Null, Json::from),
        );
        let value = self.value.as_ref().map_or(Json::Null, Value::json);
        object.insert("value".to_owned(), value);
        let (offset, length) = match &self.bytes {
            Some(bytes) => (Json::from(bytes.start), Json::from(bytes.len())),
            None => (Json::Null, Json::Null),
        };
        object.insert("offset".to_owned(), offset);
        object.insert("length".to_owned(), length);
        let children = self.children.iter().map(Self::json).collect();
        object.insert("children".to_owned(), Json::Array(children));
        Json::Object(object)
    }
}

/// A field as a node; absent where the frame does not have it.
fn leaf(seen: &Seen<'_>, layer: Layer, title: &str, name: &'static str) -> Option<Node> {
    let field = fields::find(name)?;
    let (value, bytes) = field.first(seen)?;
    let shown = match (&value, field.kind) {
        (Value::Number(number), kind) => {
            let digits = field.digits(bytes.as_ref().map_or(2, ExactSizeIterator::len)) + 2;
            let shown = match kind {
                Kind::Hex => format!("{number:#0digits$x}"),
                _ => number.to_string(),
            };
            let mut names = field.names().iter();
            match names.find(|(_, named)| named == number) {
                Some((name, _)) => format!("{name} ({shown})"),
                None => shown,
            }
        }
        (Value::Bool(flag), _) => if *flag { "set" } else { "not set" }.to_owned(),
        (Value::Nanoseconds(_), _) => format!("{value} s"),
        (Value::Label(..), _) => String::new(),
        _ => value.to_string(),
    };
    let label = if shown.is_empty() {
        title.to_owned()
    } else {
        format!("{title}: {shown}")
    };
    Some(Node {
        label,
        field: Some(field.name),
        value: Some(value.into_owned()),
        bytes,
        layer,
        children: Vec::new(),
    })
}

/// Those of these fields that the frame has.
fn leaves(seen: &Seen<'_>, layer: Layer, wanted: &[(&str, &'static str)]) -> Vec<Node> {
    wanted
        .iter()
        .filter_map(|(title, name)| leaf(seen, layer, title, name))
        .collect()
}

fn frame(seen: &Seen<'_>) -> Node {
    let layer = Layer::Frame;
    let frame = &seen.frame;
    let mut label = format!(
        "Frame {}: {} on the wire",
        frame.number,
        counted(u64::from(frame.wire_len), "byte", "bytes")
    );
    if frame.data.len() < frame.wire_len as usize {
        let _ = write!(label, ", {} captured", count(frame.data.len() as u64));
    }
    let mut node = Node::new(layer, label, Some(0..frame.data.len()));
    if let Some(time) = frame.time {
        let mut arrival = Node::new(layer, format!("Captured at {time}"), None);
        arrival.field = Some("frame.time_epoch");
        arrival.value = Some(Value::Nanoseconds(time.0));
        node.children.push(arrival);
    }
    node.children.extend(leaves(
        seen,
        layer,
        &[
            ("Since the first frame", "frame.time_relative"),
            ("Since the frame before", "frame.time_delta"),
            ("Number", "frame.number"),
            ("Length on the wire", "frame.len"),
            ("Captured length", "frame.cap_len"),
            ("Interface", "frame.interface_id"),
        ],
    ));
    if let Content::Other(skip) = seen.content {
        let label = format!("Not analysed: {}", info::reason(skip));
        node.children.push(Node::new(layer, label, None));
    }
    node
}

fn link_layer(seen: &Seen<'_>) -> Option<Node> {
    let layer = Layer::Link;
    let end = seen.layers().link_end;
    let name = seen.frame.link.name().unwrap_or("unknown link type");
    if end == 0 {
        return None;
    }
    let mut node = Node::new(layer, format!("Link: {name}"), Some(0..end));
    if link::ethernet(seen) {
        node.bytes = Some(0..end.min(seen.frame.data.len()));
        node.field = Some("eth");
        node.children = leaves(
            seen,
            layer,
            &[
                ("Destination", "eth.dst"),
                ("Source", "eth.src"),
                ("Type", "eth.type"),
                ("Length", "eth.len"),
                ("VLAN", "vlan.id"),
                ("VLAN priority", "vlan.priority"),
            ],
        );
        let address = |name| {
            fields::find(name)?
                .first(seen)
                .map(|(value, _)| value.to_string())
        };
        if let (Some(source), Some(destination)) = (address("eth.src"), address("eth.dst")) {
            node.label = format!("Ethernet II, {source} → {destination}");
        }
        for (name, field) in [("Padding", "eth.padding"), ("Trailer", "eth.trailer")] {
            node.children
                .extend(leaf(seen, layer, name, field).map(|mut behind| {
                    let length = behind.bytes.as_ref().map_or(0, ExactSizeIterator::len);
                    behind.label = format!(
                        "{name}: {}, of no packet",
                        counted(length as u64, "byte", "bytes")
                    );
                    behind
                }));
        }
    } else if link::cooked(seen).is_some() {
        "Linux cooked capture".clone_into(&mut node.label);
        node.field = Some("sll");
        node.children = leaves(
            seen,
            layer,
            &[("Packet type", "sll.pkttype"), ("Protocol", "sll.etype")],
        );
    }
    Some(node)
}

fn network(seen: &Seen<'_>) -> Option<Node> {
    let layer = Layer::Network;
    let network = seen.layers().network?;
    let header = network.at..network.payload.max(network.header_end);
    if upper::v6(seen).is_some() {
        let mut node = leaf(seen, layer, "Internet Protocol Version 6", "ipv6")?;
        node.bytes = Some(header);
        node.children = leaves(
            seen,
            layer,
            &[
                ("Version", "ipv6.version"),
                ("Traffic class", "ipv6.tclass"),
                ("Flow label", "ipv6.flow"),
                ("Payload length", "ipv6.plen"),
                ("Next header", "ipv6.nxt"),
                ("Hop limit", "ipv6.hlim"),
                ("Source", "ipv6.src"),
                ("Destination", "ipv6.dst"),
            ],
        );
        addresses(seen, &mut node, ["ipv6.src", "ipv6.dst"]);
        if network.payload > network.header_end {
            let bytes = network.header_end..network.payload;
            node.children
                .push(Node::new(layer, "Extension headers", Some(bytes)));
        }
        return Some(node);
    }
    let Some((_, header_end)) = link::v4(seen) else {
        return Some(Node::new(layer, "IP header, cut off", Some(header)));
    };
    let mut node = leaf(seen, layer, "Internet Protocol Version 4", "ip")?;
    node.bytes = Some(header);
    node.children = leaves(
        seen,
        layer,
        &[
            ("Version", "ip.version"),
            ("Header length", "ip.hdr_len"),
            ("Differentiated services", "ip.dsfield"),
            ("Total length", "ip.len"),
            ("Identification", "ip.id"),
        ],
    );
    if network.length_zero {
        let offload =
            "The length field is 0 (segmentation offload): the packet runs to the end of the frame";
        node.children.push(Node::new(layer, offload, None));
    }
    if let Some(mut flags) = leaf(seen, layer, "Flags", "ip.flags") {
        for (name, words) in [
            ("ip.flags.df", "don't fragment"),
            ("ip.flags.mf", "more fragments"),
        ] {
            let value = fields::find(name).and_then(|field| field.first(seen));
            if matches!(value, Some((Value::Bool(true), _))) {
                let _ = write!(flags.label, " ({words})");
            }
        }
        flags.children = leaves(
            seen,
            layer,
            &[
                ("Reserved", "ip.flags.rb"),
                ("Don't fragment", "ip.flags.df"),
                ("More fragments", "ip.flags.mf"),
            ],
        );
        node.children.push(flags);
    }
    node.children.extend(leaves(
        seen,
        layer,
        &[
            ("Fragment offset", "ip.frag_offset"),
            ("Time to live", "ip.ttl"),
            ("Protocol", "ip.proto"),
        ],
    ));
    node.children.extend(checksum(
        seen,
        layer,
        "Header checksum",
        "ip.checksum",
        checked(seen)
            .network
            .map_or(Checksum::NotChecked, |layer| layer.checksum),
    ));
    node.children.extend(leaves(
        seen,
        layer,
        &[("Source", "ip.src"), ("Destination", "ip.dst")],
    ));
    if header_end > network.at + 20 {
        let bytes = network.at + 20..header_end;
        node.children.push(Node::new(layer, "Options", Some(bytes)));
    }
    addresses(seen, &mut node, ["ip.src", "ip.dst"]);
    Some(node)
}

fn addresses(seen: &Seen<'_>, node: &mut Node, names: [&str; 2]) {
    let [source, destination] = names.map(|name| {
        let (value, _) = fields::find(name)?.first(seen)?;
        Some(value.to_string())
    });
    if let (Some(source), Some(destination)) = (source, destination) {
        let _ = write!(node.label, ", {source} → {destination}");
    }
}

/// The layers with their checksums, which only the tree asks for.
fn checked(seen: &Seen<'_>) -> crate::decode::Layers {
    crate::decode::layers(&seen.frame, true)
}

fn of_transport(seen: &Seen<'_>) -> Checksum {
    checked(seen)
        .transport
        .map_or(Checksum::NotChecked, |layer| layer.checksum)
}

fn checksum(
    seen: &Seen<'_>,
    layer: Layer,
    title: &str,
    name: &'static str,
    found: Checksum,
) -> Option<Node> {
    let mut node = leaf(seen, layer, title, name)?;
    node.label.push_str(match found {
        Checksum::NotChecked => " (not checked: none was sent, or not all it covers was captured)",
        Checksum::Good => " (right)",
        Checksum::Unfinished => " (unfinished: left to the network card by offload)",
        Checksum::Wrong => " (WRONG: the receiver drops the packet)",
    });
    Some(node)
}

fn transport(seen: &Seen<'_>) -> Option<Node> {
    if upper::is_udp(seen) {
        return udp(seen);
    }
    let layer = Layer::Transport;
    let tcp = tcp_fields::tcp(seen)?;
    let mut node = ports(seen, "Transmission Control Protocol", "tcp")?;
    node.children = leaves(
        seen,
        layer,
        &[
            ("Source port", "tcp.srcport"),
            ("Destination port", "tcp.dstport"),
            ("Connection", "tcp.stream"),
            ("Payload length", "tcp.len"),
            ("Sequence number (relative)", "tcp.seq"),
            ("Sequence number (raw)", "tcp.seq_raw"),
            ("Next sequence number (relative)", "tcp.nxtseq"),
            ("Acknowledgment number (relative)", "tcp.ack"),
            ("Acknowledgment number (raw)", "tcp.ack_raw"),
            ("Header length", "tcp.hdr_len"),
        ],
    );
    if let Some(mut flags) = leaf(seen, layer, "Flags", "tcp.flags") {
        let mut names = Line::default();
        info::flags(tcp, &mut names);
        let _ = write!(flags.label, " ({})", names.into_string());
        flags.children = leaves(
            seen,
            layer,
            &[
                ("Reserved", "tcp.flags.res"),
                ("Accurate ECN", "tcp.flags.ae"),
                ("Congestion window reduced", "tcp.flags.cwr"),
                ("ECN echo", "tcp.flags.ece"),
                ("Urgent", "tcp.flags.urg"),
                ("Acknowledgment", "tcp.flags.ack"),
                ("Push", "tcp.flags.push"),
                ("Reset", "tcp.flags.reset"),
                ("Syn", "tcp.flags.syn"),
                ("Fin", "tcp.flags.fin"),
            ],
        );
        node.children.push(flags);
    }
    node.children.extend(leaves(
        seen,
        layer,
        &[
            ("Window (raw)", "tcp.window_size_value"),
            ("Window (scaled)", "tcp.window_size"),
            ("Window scale factor", "tcp.window_size_scalefactor"),
        ],
    ));
    let found = of_transport(seen);
    node.children
        .extend(checksum(seen, layer, "Checksum", "tcp.checksum", found));
    node.children
        .extend(leaf(seen, layer, "Urgent pointer", "tcp.urgent_pointer"));
    node.children.extend(options(seen));
    node.children.extend(leaves(
        seen,
        layer,
        &[
            ("Since the connection's first frame", "tcp.time_relative"),
            ("Since the connection's frame before", "tcp.time_delta"),
        ],
    ));
    node.children.extend(judged(seen));
    Some(node)
}

fn options(seen: &Seen<'_>) -> Option<Node> {
    let layer = Layer::Transport;
    let mut node = leaf(seen, layer, "Options", "tcp.options")?;
    let length = node.bytes.as_ref().map_or(0, ExactSizeIterator::len);
    node.label = format!("Options: {}", counted(length as u64, "byte", "bytes"));
    tcp_fields::options(seen, &mut |kind, bytes| {
        let value = |name: &str| {
            fields::find(name)
                .and_then(|field| field.first(seen))
                .map_or_else(|| "?".to_owned(), |(value, _)| value.to_string())
        };
        let label = match kind {
            0 => "End of options".to_owned(),
            1 => "No operation".to_owned(),
            2 => format!("Maximum segment size: {}", value("tcp.options.mss_val")),
            3 => format!(
                "Window scale: {} (factor {})",
                value("tcp.options.wscale.shift"),
                value("tcp.options.wscale.multiplier")
            ),
            4 => "Selective acknowledgments permitted".to_owned(),
            5 => {
                let mut label = "Selective acknowledgment:".to_owned();
                let edges = |name: &str| {
                    let mut all = Vec::new();
                    if let Some(field) = fields::find(name) {
                        field.values(seen, &mut |value, _| all.push(value.to_string()));
                    }
                    all
                };
                for (left, right) in edges("tcp.options.sack_le")
                    .iter()
                    .zip(edges("tcp.options.sack_re"))
                {
                    let _ = write!(label, " {left}–{right}");
                }
                label
            }
            8 => format!(
                "Timestamps: value {}, echo reply {}",
                value("tcp.options.timestamp.tsval"),
                value("tcp.options.timestamp.tsecr")
            ),
            other => format!(
                "Option {other}: {}",
                counted(bytes.len() as u64, "byte", "bytes")
            ),
        };
        node.children.push(Node::new(layer, label, Some(bytes)));
    });
    Some(node)
}

/// What the segments before say.
fn judged(seen: &Seen<'_>) -> Option<Node> {
    let layer = Layer::Transport;
    let (_, numbers) = tcp_fields::both(seen)?;
    let mut node = leaf(seen, layer, "What the segments before say", "tcp.analysis")?;
    for word in numbers.remarks.words() {
        node.children.push(Node::new(layer, word.to_owned(), None));
    }
    node.children.extend(leaves(
        seen,
        layer,
        &[
            ("Duplicate ACK number", "tcp.analysis.duplicate_ack_num"),
            (
                "Duplicate of the ACK in frame",
                "tcp.analysis.duplicate_ack_frame",
            ),
            ("Acknowledges frame", "tcp.analysis.acks_frame"),
            ("Round-trip time", "tcp.analysis.ack_rtt"),
            (
                "Round-trip time of the handshake",
                "tcp.analysis.initial_rtt",
            ),
            ("Bytes in flight", "tcp.analysis.bytes_in_flight"),
        ],
    ));
    Some(node)
}

/// The node of a transport header, with its ports and how much it carries.
fn ports(seen: &Seen<'_>, label: &'static str, field: &'static str) -> Option<Node> {
    let packet = seen.packet()?;
    let mut node = leaf(seen, Layer::Transport, label, field)?;
    let _ = write!(
        node.label,
        ", {} → {}, {}",
        packet.source.port(),
        packet.destination.port(),
        counted(
            u64::from(packet.payload_len),
            "payload byte",
            "payload bytes"
        )
    );
    Some(node)
}

fn udp(seen: &Seen<'_>) -> Option<Node> {
    let layer = Layer::Transport;
    let packet = seen.packet()?;
    let mut node = ports(seen, "User Datagram Protocol", "udp")?;
    node.children = leaves(
        seen,
        layer,
        &[
            ("Source port", "udp.srcport"),
            ("Destination port", "udp.dstport"),
            ("Length", "udp.length"),
        ],
    );
    let found = of_transport(seen);
    node.children
        .extend(checksum(seen, layer, "Checksum", "udp.checksum", found));
    node.children.extend(leaves(
        seen,
        layer,
        &[
            ("Conversation", "udp.stream"),
            ("Since the conversation's first frame", "udp.time_relative"),
            ("Since the conversation's frame before", "udp.time_delta"),
        ],
    ));
    if packet.notes.fragmented {
        let mut label = "Put together from the fragments in frames".to_owned();
        for part in packet.parts.as_slice() {
            let _ = write!(label, " {}", part.frame);
        }
        node.children.push(Node::new(layer, label, None));
    }
    Some(node)
}

/// Where the packet stands in its stream, and what its stream is.
fn stream(seen: &Seen<'_>) -> Option<Node> {
    let layer = Layer::Frame;
    let place = seen.place?;
    let mut node = leaf(seen, layer, "Stream", "imgnet.stream")?;
    if let Some(offset) = place.offset {
        let length = seen
            .packet()
            .map_or(0, |packet| u64::from(packet.payload_len));
        if length > 0 {
            let _ = write!(
                node.label,
                ", bytes {}–{} of this direction",
                count(offset),
                count(offset + length - 1)
            );
        }
    }
    node.children = leaves(
        seen,
        layer,
        &[
            ("Wire format", "imgnet.protocol"),
            ("Stream offset", "imgnet.stream_offset"),
            ("Repeats frame", "imgnet.repeats"),
            ("Next to a gap", "imgnet.gap"),
        ],
    );
    if let Some(confidence) = seen
        .index
        .stream(place.stream)
        .and_then(|stream| stream.confidence)
        && let Some(format) = node
            .children
            .iter_mut()
            .find(|child| child.field == Some("imgnet.protocol"))
    {
        use crate::ledger::Confidence;
        format.label.push_str(match confidence {
            Confidence::Guess => " (a guess)",
            Confidence::Likely => " (likely: worked out from one message)",
            Confidence::Content => " (by its bytes)",
            Confidence::PortAndContent => " (by port and bytes)",
            Confidence::Confirmed => " (worked out from messages that agree)",
            Confidence::Given => " (as given)",
        });
    }
    if let Some((picture, bytes)) = Carried::of(seen).acknowledges {
        let label = format!(
            "Acknowledges picture {} up to byte {}",
            picture.0,
            count(bytes)
        );
        node.children.push(Node::new(layer, label, None));
    }
    Some(node)
}
