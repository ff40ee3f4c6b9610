//! The decoder of one direction, whatever its wire format.

use super::encoded::EncodedDecoder;
use super::formats::FixedDecoder;
use super::handshake::HandshakeDecoder;
use super::udp_index::UdpIndexDecoder;
use super::{
    Decode, Encoding, Protocol, Role, Sink, StreamEnd, carve, catalog, eof, layout, length, marker,
    raw_pixels, udp, udp_wrapped,
};

/// The decoder of one direction, whatever its wire format: an enum, so that no call goes through a table.
///
/// Under 100 bytes, and little more on the heap, because a capture may hold a hundred thousand directions; the
/// larger ones are boxed.
#[derive(Debug, Clone)]
pub enum Decoder {
    /// [`Protocol::Marker`].
    Marker(marker::MarkerDecoder),
    /// [`Protocol::Eof`], [`Protocol::HalfClose`] and the answers of [`Protocol::Catalog`].
    Eof(eof::EofDecoder),
    /// The choices of [`Protocol::Catalog`].
    Choice(catalog::ChoiceDecoder),
    /// [`Protocol::RawPixels`].
    RawPixels(raw_pixels::RawPixelsDecoder),
    /// [`Protocol::Udp`].
    Udp(udp::UdpDecoder),
    /// [`Protocol::UdpIndex`].
    UdpIndex(Box<UdpIndexDecoder>),
    /// [`Protocol::Length`].
    Length(length::LengthDecoder),
    /// [`Protocol::SizeHandshake`].
    Handshake(HandshakeDecoder),
    /// [`Protocol::Encoded`].
    Encoded(Box<EncodedDecoder>),
    /// [`Protocol::Fixed`].
    Fixed(FixedDecoder),
    /// [`Protocol::Layout`] over TCP.
    Layout(Box<layout::stream::LayoutDecoder>),
    /// [`Protocol::Layout`] over datagrams.
    LayoutDatagrams(Box<layout::datagrams::DatagramDecoder>),
    /// [`Protocol::Encoded`]: a piece wrapped in each datagram.
    WrappedDatagrams(Box<udp_wrapped::WrappedDatagramDecoder>),
    /// [`Protocol::Carve`].
    Carve(carve::CarveDecoder),
}

/// The decoder for the bytes that the side `role` sends in the wire format `protocol`.
pub fn decoder(protocol: &Protocol, role: Role) -> Decoder {
    match protocol {
        Protocol::Marker(marker) => Decoder::Marker(marker::MarkerDecoder::new(marker)),
        Protocol::Eof => Decoder::Eof(eof::EofDecoder::new(eof::Kind::Eof)),
        Protocol::HalfClose => Decoder::Eof(eof::EofDecoder::new(match role {
            Role::Initiator => eof::Kind::HalfClose,
            Role::Acceptor => eof::Kind::Answer,
        })),
        Protocol::Catalog => match role {
            Role::Initiator => Decoder::Choice(catalog::ChoiceDecoder::default()),
            Role::Acceptor => Decoder::Eof(eof::EofDecoder::new(eof::Kind::Catalog)),
        },
        Protocol::RawPixels { width } => {
            Decoder::RawPixels(raw_pixels::RawPixelsDecoder::new(*width, role))
        }
        Protocol::Udp => Decoder::Udp(udp::UdpDecoder::default()),
        Protocol::UdpIndex(header) => Decoder::UdpIndex(Box::new(UdpIndexDecoder::new(*header))),
        Protocol::Length(field) => Decoder::Length(length::LengthDecoder::new(*field)),
        Protocol::SizeHandshake { bare } => Decoder::Handshake(HandshakeDecoder::new(*bare)),
        Protocol::Encoded(encoding @ (Encoding::Pickled | Encoding::Base64), outer)
            if **outer == Protocol::Udp =>
        {
            Decoder::WrappedDatagrams(Box::new(udp_wrapped::WrappedDatagramDecoder::new(
                *encoding,
            )))
        }
        Protocol::Encoded(encoding, outer) => {
            Decoder::Encoded(Box::new(EncodedDecoder::new(*encoding, outer, role)))
        }
        Protocol::Fixed(format) => Decoder::Fixed(format.decoder()),
        Protocol::Layout(layout) if layout.datagrams => {
            let mut decoder = layout::datagrams::DatagramDecoder::new(layout.as_ref().clone());
            if role == Role::Acceptor {
                decoder.answer();
            }
            Decoder::LayoutDatagrams(Box::new(decoder))
        }
        Protocol::Layout(layout) => Decoder::Layout(Box::new(layout::stream::LayoutDecoder::new(
            layout.as_ref().clone(),
        ))),
        Protocol::Carve => Decoder::Carve(carve::CarveDecoder::new()),
    }
}

impl Decoder {
    /// The wire format that is decoded. For `carve` the one that the bytes after the pictures showed
    /// (`marker=…` once an end marker followed a picture, `eof` once the stream ended with its only one); for `udp`
    /// and `udp-index` what the datagrams told since.
    pub fn protocol(&self) -> Protocol {
        match self {
            Self::Marker(decoder) => decoder.protocol(),
            Self::Eof(decoder) => decoder.protocol(),
            Self::Choice(_) => Protocol::Catalog,
            Self::RawPixels(decoder) => decoder.protocol(),
            Self::Udp(decoder) => decoder.protocol(),
            Self::UdpIndex(decoder) => decoder.protocol(),
            Self::Length(decoder) => decoder.protocol(),
            Self::Handshake(decoder) => decoder.protocol(),
            Self::Encoded(decoder) => decoder.protocol(),
            Self::Fixed(decoder) => Protocol::Fixed(decoder.format()),
            Self::Layout(decoder) => decoder.protocol(),
            Self::LayoutDatagrams(decoder) => decoder.protocol(),
            Self::WrappedDatagrams(decoder) => decoder.protocol(),
            Self::Carve(decoder) => decoder.protocol(),
        }
    }
}

/// Calls a method of whichever decoder there is.
macro_rules! each {
    ($self:ident, $decoder:ident => $call:expr) => {
        match $self {
            Decoder::Marker($decoder) => $call,
            Decoder::Eof($decoder) => $call,
            Decoder::Choice($decoder) => $call,
            Decoder::RawPixels($decoder) => $call,
            Decoder::Udp($decoder) => $call,
            Decoder::UdpIndex($decoder) => $call,
            Decoder::Length($decoder) => $call,
            Decoder::Handshake($decoder) => $call,
            Decoder::Encoded($decoder) => $call,
            Decoder::Fixed($decoder) => $call,
            Decoder::Layout($decoder) => $call,
            Decoder::LayoutDatagrams($decoder) => $call,
            Decoder::WrappedDatagrams($decoder) => $call,
            Decoder::Carve($decoder) => $call,
        }
    };
}

impl Decode for Decoder {
    fn update(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        each!(self, decoder => decoder.update(bytes, sink));
    }

    fn datagram(&mut self, payload: &[u8], sink: &mut Sink<'_>) {
        each!(self, decoder => decoder.datagram(payload, sink));
    }

    fn cut_datagram(&mut self, payload: &[u8], missing: u64, sink: &mut Sink<'_>) {
        each!(self, decoder => decoder.cut_datagram(payload, missing, sink));
    }

    fn gap(&mut self, length: u64, sink: &mut Sink<'_>) {
        each!(self, decoder => decoder.gap(length, sink));
    }

    fn flush(&mut self, sink: &mut Sink<'_>) {
        each!(self, decoder => decoder.flush(sink));
    }

    fn doubt(&mut self) {
        each!(self, decoder => decoder.doubt());
    }

    fn learn(&mut self) {
        each!(self, decoder => decoder.learn());
    }

    fn finish(&mut self, end: StreamEnd, sink: &mut Sink<'_>) {
        each!(self, decoder => decoder.finish(end, sink));
    }
}
