//! Where each header of a frame lies: for those who show a frame, with the functions that decode it.

use super::decoder::{self, Reached};
use super::ip::{self, Datagram};
use super::link::{self, Network, Version};
use super::span::Span;
use super::{Checksum, Skip};
use crate::frame::Frame;

/// The layers of one frame, as offsets in its captured bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layers {
    /// First byte behind the link header, tags and tunnels included; the whole frame where it holds no IP packet.
    pub link_end: usize,
    /// The IP packet; absent where there is none.
    pub network: Option<NetworkLayer>,
    /// The TCP segment or UDP datagram; absent where there is none, or where this is a piece of one.
    pub transport: Option<TransportLayer>,
    /// Why there is no transport header here; absent where there is one, and for a fragment.
    pub skip: Option<Skip>,
}

/// Version of the Internet Protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IpVersion {
    /// RFC 791.
    V4,
    /// RFC 8200.
    V6,
}

/// An IP packet in a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetworkLayer {
    /// Version, as the link layer says.
    pub version: IpVersion,
    /// Its first byte.
    pub at: usize,
    /// First byte behind its header with options; extension headers of IPv6 follow there.
    pub header_end: usize,
    /// First byte of what it carries.
    pub payload: usize,
    /// First byte behind it, as its length field says, as far as it was captured.
    pub end: usize,
    /// Protocol of what it carries, behind extension headers; absent where that could not be told.
    pub protocol: Option<u8>,
    /// Its header's checksum; IPv6 has none.
    pub checksum: Checksum,
    /// Byte offset of this piece and whether more follow, where it is a fragment.
    pub fragment: Option<(u32, bool)>,
    /// Its length field is 0: segmentation offload.
    pub length_zero: bool,
}

/// A TCP segment or UDP datagram in a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransportLayer {
    /// 6 or 17.
    pub protocol: u8,
    /// Its first byte.
    pub at: usize,
    /// First payload byte.
    pub payload: usize,
    /// First byte behind its payload, as far as it was captured.
    pub end: usize,
    /// Its checksum.
    pub checksum: Checksum,
}

/// Finds the layers of a frame, and whether its checksums fit where `checksums` asks for that. Never fails: what is not there
/// is absent, and the reason is named.
pub fn layers(frame: &Frame<'_>, checksums: bool) -> Layers {
    let data = frame.data;
    // Every part is cut out of `data`: its place is the distance of the two.
    let place = |part: &[u8]| {
        (part.as_ptr().addr())
            .saturating_sub(data.as_ptr().addr())
            .min(data.len())
    };
    let mut found = Layers {
        link_end: data.len(),
        network: None,
        transport: None,
        skip: None,
    };
    let network = match link::network(frame.link, Span::new(data, frame.wire_len)) {
        Ok(network) => network,
        Err(skip) => {
            found.skip = Some(skip);
            return found;
        }
    };
    let bytes = network.packet.captured();
    let at = place(bytes);
    found.link_end = at;
    let Some(mut layer) = bare(&network, at, data.len()) else {
        found.skip = Some(Skip::HeadersCut);
        return found;
    };
    match decoder::reach(network, checksums) {
        Ok(Reached::Segment(network, datagram, segment)) => {
            layer = inner(&mut found, &network, &datagram, data.len(), &place).unwrap_or(layer);
            let payload = place(segment.payload.captured());
            found.transport = Some(TransportLayer {
                protocol: datagram.protocol,
                at: layer.payload,
                payload,
                end: payload + segment.payload.captured().len(),
                checksum: segment.checksum,
            });
        }
        Ok(Reached::Fragment(network, datagram, _)) => {
            layer = inner(&mut found, &network, &datagram, data.len(), &place).unwrap_or(layer);
        }
        Err(skip) => {
            // What there is of the outermost packet.
            if let Ok(datagram) = ip::datagram(&network, checksums) {
                fill(&mut layer, &datagram, &place);
            }
            found.skip = Some(skip);
        }
    }
    found.network = Some(layer);
    found
}

/// The innermost packet: what wraps it counts as the link.
fn inner(
    found: &mut Layers,
    network: &Network<'_>,
    datagram: &Datagram<'_>,
    end: usize,
    place: &impl Fn(&[u8]) -> usize,
) -> Option<NetworkLayer> {
    let at = place(network.packet.captured());
    let mut layer = bare(network, at, end)?;
    fill(&mut layer, datagram, place);
    found.link_end = at;
    Some(layer)
}

/// What the first byte of the IP header alone tells; absent where not even that is there.
fn bare(network: &Network<'_>, at: usize, end: usize) -> Option<NetworkLayer> {
    let first = *network.packet.captured().first()?;
    let (version, header) = match network.version {
        Version::V4 => (IpVersion::V4, usize::from(first & 0x0f) * 4),
        Version::V6 => (IpVersion::V6, 40),
    };
    let header_end = (at + header).min(end);
    Some(NetworkLayer {
        version,
        at,
        header_end,
        payload: header_end,
        end,
        protocol: None,
        checksum: Checksum::NotChecked,
        fragment: None,
        length_zero: false,
    })
}

fn fill(layer: &mut NetworkLayer, datagram: &Datagram<'_>, place: &impl Fn(&[u8]) -> usize) {
    let payload = datagram.payload.captured();
    layer.payload = place(payload);
    layer.end = layer.payload + payload.len();
    layer.protocol = Some(datagram.protocol);
    layer.checksum = datagram.header_checksum;
    layer.length_zero = datagram.length_zero;
    layer.fragment = datagram
        .fragment
        .map(|fragment| (fragment.offset, fragment.more));
}
