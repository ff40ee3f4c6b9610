//! The decoder: frames in, one outcome each.

use std::borrow::Cow;
use std::net::SocketAddr;

use super::ip::Datagram;
use super::span::Span;
use super::transport::{self, Segment};
use super::{Notes, Outcome, Packet, Part, Parts, Skip, ip, link};
use crate::frame::Frame;

/// What the user may say about decoding.
#[derive(Debug, Clone)]
pub struct Options {
    /// Verify checksums of what was captured whole.
    pub checksums: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { checksums: true }
    }
}

/// Decodes the frames of one capture, in the order in which they were captured.
///
/// It keeps fragments and nothing else: a frame that is none is decoded without allocation and without
/// memory of the frames before.
#[derive(Debug, Default)]
pub struct Decoder {
    options: Options,
}

impl Decoder {
    /// A decoder with nothing seen yet.
    pub fn new(options: Options) -> Self {
        Self { options }
    }

    /// Decodes the next frame; never fails, every frame ends in exactly one outcome.
    #[inline]
    pub fn decode<'a>(&mut self, frame: &Frame<'a>) -> Outcome<'a> {
        self.outcome(frame).unwrap_or_else(Outcome::Skipped)
    }

    #[inline]
    fn outcome<'a>(&mut self, frame: &Frame<'a>) -> Result<Outcome<'a>, Skip> {
        let verify = self.options.checksums;
        let network = link::network(frame.link, Span::new(frame.data, frame.wire_len))?;
        let datagram = ip::datagram(&network, verify)?;
        if datagram.fragment.is_some() {
            return Err(Skip::BadFragment);
        }
        let segment = transport::segment(&datagram, datagram.protocol, datagram.payload, verify)?;
        let payload = segment.payload;
        let parts = Parts::Whole(Part {
            frame: frame.number,
            time: frame.time,
            wire_len: frame.wire_len,
            offset: 0,
            bytes: payload.wire_len(),
        });
        Ok(Outcome::Packet(packet(
            &datagram,
            &segment,
            Cow::Borrowed(payload.captured()),
            parts,
        )))
    }
}

#[inline]
fn packet<'a>(
    datagram: &Datagram<'_>,
    segment: &Segment<'_>,
    payload: Cow<'a, [u8]>,
    parts: Parts,
) -> Packet<'a> {
    Packet {
        source: SocketAddr::new(datagram.source, segment.source_port),
        destination: SocketAddr::new(datagram.destination, segment.destination_port),
        transport: segment.transport,
        payload_len: segment.payload.wire_len(),
        notes: Notes {
            ip_checksum: datagram.header_checksum,
            transport_checksum: segment.checksum,
            ip_length_zero: datagram.length_zero,
            ip_length_beyond_frame: datagram.beyond_frame,
            fragmented: matches!(parts, Parts::Fragments(_)),
        },
        payload,
        parts,
    }
}
