//! The decoder: frames in, one outcome each.

use std::borrow::Cow;
use std::net::SocketAddr;

use super::fragments::{
    FragmentCounts, FragmentLimits, Fragments, Incoming, Key, LostDatagram, Whole,
};
use super::ip::{Datagram, Fragment};
use super::link::{Network, Version};
use super::span::Span;
use super::transport::{self, Segment};
use super::{Notes, Outcome, Packet, Part, Parts, Skip, ip, link};
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
#[derive(Debug)]
pub struct Decoder {
    checksums: bool,
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
            fragments: Fragments::new(options.fragments),
        }
    }

    /// Decodes the next frame; never fails, every frame ends in exactly one outcome.
    #[inline]
    pub fn decode<'a>(&mut self, frame: &Frame<'a>) -> Outcome<'a> {
        self.fragments.expire(frame.time);
        // No `?`: the packet is large, and built where the caller wants it.
        let network = match link::network(frame.link, Span::new(frame.data, frame.wire_len)) {
            Ok(network) => network,
            Err(skip) => return Outcome::Skipped(skip),
        };
        let datagram = match ip::datagram(&network, self.checksums) {
            Ok(datagram) => datagram,
            Err(skip) => return Outcome::Skipped(skip),
        };
        if let Some(fragment) = datagram.fragment {
            return self
                .fragment(frame, &network, &datagram, fragment)
                .unwrap_or_else(Outcome::Skipped);
        }
        let (protocol, bytes) = (datagram.protocol, datagram.payload);
        let segment = match transport::segment(&datagram, protocol, bytes, self.checksums) {
            Ok(segment) => segment,
            Err(skip) => return Outcome::Skipped(skip),
        };
        let payload = segment.payload;
        let parts = Parts::Whole(Part {
            frame: frame.number,
            time: frame.time,
            wire_len: frame.wire_len,
            offset: 0,
            bytes: payload.wire_len(),
        });
        Outcome::Packet(packet(
            &datagram,
            &segment,
            Cow::Borrowed(payload.captured()),
            parts,
        ))
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
            Some(whole) => self.reassembled(network.version, *datagram, whole),
            None => Ok(Outcome::FragmentHeld),
        }
    }

    /// Decodes what fragments were put together to; `last` is the one that completed it.
    fn reassembled<'a>(
        &self,
        version: Version,
        last: Datagram<'_>,
        whole: Whole,
    ) -> Result<Outcome<'a>, Skip> {
        let Whole {
            protocol,
            mut payload,
            parts,
            addresses_final,
        } = whole;
        let bytes = Span::new(&payload, 0);
        let upper = ip::upper(version, protocol, bytes, false)?;
        if upper.fragment.is_some() {
            // A fragment of fragments: no host makes one.
            return Err(Skip::BadFragment);
        }
        let datagram = Datagram {
            addresses_final: addresses_final && upper.addresses_final,
            length_zero: false,
            ..last
        };
        let segment = transport::segment(&datagram, upper.protocol, upper.payload, self.checksums)?;
        let start = bytes.wire_len() - upper.payload.wire_len() + segment.header_len;
        let end = start + segment.payload.wire_len();
        let parts = parts
            .into_iter()
            .map(|part| share(part, start, end))
            .collect();
        let mut packet = packet(
            &datagram,
            &segment,
            Cow::Borrowed(&[]),
            Parts::Fragments(parts),
        );

        payload.truncate(end as usize);
        payload.drain(..start as usize);
        packet.payload = Cow::Owned(payload);
        Ok(Outcome::Packet(packet))
    }
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
    datagram: &Datagram<'_>,
    segment: &Segment<'_>,
    payload: Cow<'a, [u8]>,
    parts: Parts,
) -> Packet<'a> {
    let (source, destination) = datagram.addresses.pair();
    Packet {
        source: SocketAddr::new(source, segment.source_port),
        destination: SocketAddr::new(destination, segment.destination_port),
        transport: segment.transport,
        payload_len: segment.payload.wire_len(),
        notes: Notes {
            ip_checksum: datagram.header_checksum,
            transport_checksum: segment.checksum,
            ip_length_zero: datagram.length_zero,
            ip_length_beyond_frame: datagram.beyond_frame,
            fragmented: matches!(parts, Parts::Fragments(_)),
            ip_id: datagram.id,
        },
        payload,
        parts,
    }
}
