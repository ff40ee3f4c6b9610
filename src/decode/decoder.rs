//! The decoder: frames in, one outcome each.

use std::borrow::Cow;
use std::net::SocketAddr;

use super::fragments::{
    FragmentCounts, FragmentLimits, Fragments, Incoming, Key, LostDatagram, Whole,
};
use super::ip::{Datagram, Fragment};
use super::link::{Network, Version};
use super::plain::Plain;
use super::span::Span;
use super::transport::{self, Segment};
use super::{Notes, Outcome, Packet, Part, Parts, Skip, Transport, Tunnel, ip, link, tunnel};
use crate::frame::Frame;

/// What the user may say about decoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Verify checksums of what was captured whole.
    pub checksums: bool,
    /// Limits of what waits for missing fragments.
    pub fragments: FragmentLimits,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            checksums: true,
            fragments: FragmentLimits::default(),
        }
    }
}

/// Decodes the frames of one capture, in the order of their numbers.
///
/// It keeps fragments and nothing else: a frame that is none is decoded without allocation and without
/// memory of the frames before.
#[derive(Debug, Clone)]
pub struct Decoder {
    /// Verify the checksums of packets that came in one frame, and of those put together from fragments.
    checksums: bool,
    checksums_of_fragments: bool,
    fragments: Fragments,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new(Options::default())
    }
}

impl Decoder {
    /// A decoder with nothing seen yet.
    pub fn new(options: Options) -> Self {
        Self {
            checksums: options.checksums,
            checksums_of_fragments: options.checksums,
            fragments: Fragments::new(options.fragments),
        }
    }

    /// A decoder that leaves the checksum of a packet that came in one frame to whoever decodes that frame again.
    /// Fragments are here alone: what is put together from them is verified.
    pub(crate) fn of_headers(options: Options) -> Self {
        Self {
            checksums: false,
            ..Self::new(options)
        }
    }

    /// Decodes the next frame; never fails, every frame ends in exactly one outcome.
    #[inline]
    pub fn decode<'a>(&mut self, frame: &Frame<'a>) -> Outcome<'a> {
        self.fragments.expire(frame.time);
        match Plain::read(frame, self.checksums) {
            Some(plain) => Outcome::Packet(plain.packet(frame)),
            None => self.layered(frame),
        }
    }

    /// Takes off one layer after the other.
    #[inline(never)]
    pub(super) fn layered<'a>(&mut self, frame: &Frame<'a>) -> Outcome<'a> {
        // No `?`: the packet is large, and built where the caller wants it.
        let network = match link::network(frame.link, Span::new(frame.data, frame.wire_len)) {
            Ok(network) => network,
            Err(skip) => return Outcome::Skipped(skip),
        };
        let datagram = match ip::datagram(&network, self.checksums) {
            Ok(datagram) => datagram,
            Err(skip) => return Outcome::Skipped(skip),
        };
        if datagram.fragment.is_some() || !ip::is_transport(datagram.protocol) {
            return self.within(frame, network);
        }
        let (protocol, bytes) = (datagram.protocol, datagram.payload);
        let segment = match transport::segment(&datagram, protocol, bytes, self.checksums) {
            Ok(segment) => segment,
            Err(skip) => return Outcome::Skipped(skip),
        };
        if may_be_tunnel(&segment) {
            return self.within(frame, network);
        }
        Outcome::Packet(whole_packet(frame, network.tunnel, &datagram, &segment))
    }

    /// A frame with fragments or tunnels in it.
    #[cold]
    fn within<'a>(&mut self, frame: &Frame<'a>, network: Network<'a>) -> Outcome<'a> {
        let outcome =
            match reach(network, self.checksums_of_fragments) {
                Ok(Reached::Segment(network, datagram, segment)) => Ok(Outcome::Packet(
                    whole_packet(frame, network.tunnel, &datagram, &segment),
                )),
                Ok(Reached::Fragment(network, datagram, fragment)) => {
                    self.fragment(frame, &network, &datagram, fragment)
                }
                Err(skip) => Err(skip),
            };
        outcome.unwrap_or_else(Outcome::Skipped)
    }

    /// What became of the fragments so far.
    pub fn fragments(&self) -> &FragmentCounts {
        self.fragments.counts()
    }

    /// Fragmented datagrams given up since the last call, in that order. To be called now and then: the list
    /// is bounded, and what it cannot take is counted in [`FragmentCounts::unlisted`].
    pub fn take_lost(&mut self) -> Vec<LostDatagram> {
        self.fragments.take_lost()
    }

    /// The capture ended: gives up what still waits for fragments, and returns that with all that
    /// [`Self::take_lost`] would.
    pub fn finish(&mut self) -> Vec<LostDatagram> {
        self.fragments.finish()
    }

    #[cold]
    fn fragment<'a>(
        &mut self,
        frame: &Frame<'a>,
        network: &Network<'a>,
        datagram: &Datagram<'a>,
        fragment: Fragment,
    ) -> Result<Outcome<'a>, Skip> {
        let (source, destination) = datagram.addresses.pair();
        let incoming = Incoming {
            key: Key {
                source,
                destination,
                id: fragment.id,
                protocol: (network.version == Version::V4).then_some(datagram.protocol),
                interface: frame.interface,
                place: network.place,
                tunnel: network.tunnel,
            },
            fragment,
            protocol: datagram.protocol,
            bytes: datagram.payload,
            beyond_frame: datagram.beyond_frame,
            addresses_final: datagram.addresses_final,
            frame: frame.number,
            time: frame.time,
            wire_len: frame.wire_len,
        };
        match self.fragments.insert(&incoming)? {
            Some(whole) => self.reassembled(network, *datagram, whole),
            None => Ok(Outcome::FragmentHeld),
        }
    }

    /// Decodes what fragments were put together to; `last` is the one that completed it.
    fn reassembled<'a>(
        &self,
        outer: &Network<'_>,
        last: Datagram<'_>,
        whole: Whole,
    ) -> Result<Outcome<'a>, Skip> {
        let Whole {
            protocol,
            mut payload,
            parts,
            addresses_final,
        } = whole;
        let upper = ip::upper(outer.version, protocol, Span::new(&payload, 0), false)?;
        if upper.fragment.is_some() {
            // A fragment of fragments: no host makes one.
            return Err(Skip::BadFragment);
        }
        let datagram = Datagram {
            protocol: upper.protocol,
            payload: upper.payload,
            fragment: None,
            addresses_final: addresses_final && upper.addresses_final,
            length_zero: false,
            addresses: last.addresses,
            beyond_frame: last.beyond_frame,
            header_checksum: last.header_checksum,
            id: last.id,
            hops: last.hops,
        };
        let (network, datagram, segment) =
            match transport_or_tunnel(outer, &datagram, self.checksums_of_fragments)? {
                Next::Segment(segment) => (*outer, datagram, segment),
                Next::Within(inner) => match reach(inner, self.checksums_of_fragments)? {
                    Reached::Segment(network, datagram, segment) => (network, datagram, segment),
                    // Its parts would be parts of parts.
                    Reached::Fragment(..) => return Err(Skip::Tunnel),
                },
            };
        let captured = segment.payload.captured();
        let start = captured
            .as_ptr()
            .addr()
            .saturating_sub(payload.as_ptr().addr());
        let start = u32::try_from(start).unwrap_or(u32::MAX);
        let end = start.saturating_add(u32::try_from(captured.len()).unwrap_or(u32::MAX));
        let parts = parts
            .into_iter()
            .map(|part| share(part, start, end))
            .collect();
        let mut packet = packet(
            network.tunnel,
            &datagram,
            &segment,
            Cow::Borrowed(&[]),
            Parts::Fragments(parts),
        );

        payload.truncate(end as usize);
        payload.drain(..(start as usize).min(payload.len()));
        packet.payload = Cow::Owned(payload);
        Ok(Outcome::Packet(packet))
    }
}

/// What a frame is by its own bytes alone, its checksums left out: for a packet that came in one frame what a [`Decoder`] says.
#[inline]
pub(crate) fn alone<'a>(frame: &Frame<'a>) -> Outcome<'a> {
    match Plain::read(frame, false) {
        Some(plain) => Outcome::Packet(plain.packet(frame)),
        None => Decoder::new(Options {
            checksums: false,
            ..Options::default()
        })
        .layered(frame),
    }
}

/// What a frame leads to.
pub(super) enum Reached<'a> {
    Segment(Network<'a>, Datagram<'a>, Segment<'a>),
    Fragment(Network<'a>, Datagram<'a>, Fragment),
}

/// Opens one tunnel after another, up to a transport header that stands for itself, or to a fragment.
pub(super) fn reach(mut network: Network<'_>, checksums: bool) -> Result<Reached<'_>, Skip> {
    for _ in 0..=tunnel::MAX_DEPTH {
        let datagram = ip::datagram(&network, checksums)?;
        if let Some(fragment) = datagram.fragment {
            return Ok(Reached::Fragment(network, datagram, fragment));
        }
        match transport_or_tunnel(&network, &datagram, checksums)? {
            Next::Segment(segment) => return Ok(Reached::Segment(network, datagram, segment)),
            Next::Within(inner) => network = inner,
        }
    }
    Err(Skip::Tunnel)
}

/// What an IP packet carries.
enum Next<'a> {
    Segment(Segment<'a>),
    Within(Network<'a>),
}

fn transport_or_tunnel<'a>(
    network: &Network<'_>,
    datagram: &Datagram<'a>,
    checksums: bool,
) -> Result<Next<'a>, Skip> {
    let (protocol, bytes) = (datagram.protocol, datagram.payload);
    if !ip::is_transport(protocol) {
        let inner = tunnel::over_ip(network, datagram.addresses, protocol, bytes)?;
        return Ok(Next::Within(inner));
    }
    let segment = transport::segment(datagram, protocol, bytes, checksums)?;
    if may_be_tunnel(&segment)
        && let Some(inner) = tunnel::over_udp(network, datagram.addresses, &segment)
    {
        return Ok(Next::Within(inner?));
    }
    Ok(Next::Segment(segment))
}

#[inline]
fn may_be_tunnel(segment: &Segment<'_>) -> bool {
    matches!(segment.transport, Transport::Udp) && tunnel::may_be_over_udp(segment)
}

/// A packet that came in one frame.
#[inline]
fn whole_packet<'a>(
    frame: &Frame<'a>,
    tunnel: Tunnel,
    datagram: &Datagram<'_>,
    segment: &Segment<'a>,
) -> Packet<'a> {
    let payload = segment.payload;
    let parts = Parts::Whole(Part {
        frame: frame.number,
        time: frame.time,
        wire_len: frame.wire_len,
        offset: 0,
        bytes: payload.wire_len(),
    });
    packet(
        tunnel,
        datagram,
        segment,
        Cow::Borrowed(payload.captured()),
        parts,
    )
}

/// A fragment's share of the transport payload, which lies at `start..end` of the IP payload.
fn share(part: Part, start: u32, end: u32) -> Part {
    let from = part.offset.clamp(start, end);
    let to = (part.offset.saturating_add(part.bytes)).clamp(start, end);
    Part {
        offset: from - start,
        bytes: to - from,
        ..part
    }
}

#[inline]
fn packet<'a>(
    tunnel: Tunnel,
    datagram: &Datagram<'_>,
    segment: &Segment<'_>,
    payload: Cow<'a, [u8]>,
    parts: Parts,
) -> Packet<'a> {
    let (source, destination) = datagram.addresses.pair();
    Packet {
        source: SocketAddr::new(source, segment.source_port),
        destination: SocketAddr::new(destination, segment.destination_port),
        tunnel,
        transport: segment.transport,
        payload_len: segment.payload.wire_len(),
        notes: Notes {
            ip_checksum: datagram.header_checksum,
            transport_checksum: segment.checksum,
            ip_length_zero: datagram.length_zero,
            ip_length_beyond_frame: datagram.beyond_frame,
            fragmented: matches!(parts, Parts::Fragments(_)),
            ip_id: datagram.id,
            hops: datagram.hops,
            after_end: false,
        },
        payload,
        parts,
    }
}
