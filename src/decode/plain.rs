//! The plain case, which nearly every frame is: Ethernet, IPv4 without options, TCP with no options or time stamps alone, neither
//! fragmented nor tunnelled. It is read here at fixed places, because to hand parts of a packet from layer to layer costs more than to
//! read them; whatever is not plain goes through the layers. A property test holds that both say the same.

use std::borrow::Cow;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use super::checksum::{self, PseudoHeader};
use super::ip::Addresses;
use super::{Checksum, Notes, Packet, Part, Parts, Tcp, Timestamps, Transport, Tunnel};
use crate::frame::{Frame, LinkType};

/// Lengths of the headers before the options of TCP: Ethernet, IPv4, TCP.
const LINK: usize = 14;
const NETWORK: usize = 20;
const TRANSPORT: usize = 20;
const HEADERS: usize = LINK + NETWORK + TRANSPORT;
/// Length of time stamps with what fills them up (RFC 7323, appendix A).
const CLOCKS: usize = 12;

/// A plain frame, read at fixed places.
#[derive(Clone, Copy)]
pub(super) struct Plain<'a> {
    headers: &'a [u8; HEADERS],
    clocks: Option<Timestamps>,
    /// As far as it was captured.
    payload: &'a [u8],
    payload_len: u32,
    ip_checksum: Checksum,
    transport_checksum: Checksum,
}

impl<'a> Plain<'a> {
    /// Reads a frame; absent where it is not plain, or not sound.
    #[inline]
    pub(super) fn read(frame: &Frame<'a>, verify: bool) -> Option<Self> {
        let headers: &[u8; HEADERS] = frame.data.first_chunk()?;
        let is_plain = frame.link == LinkType::ETHERNET
            // IPv4, five words of header, TCP, no fragment.
            && headers[12..15] == [0x08, 0x00, 0x45]
            && headers[23] == 6
            && headers[20] | 0xc0 == 0xc0
            && headers[21] == 0;
        let total = u16::from_be_bytes([headers[16], headers[17]]);
        let on_wire = frame.wire_len as usize;
        let header_len = usize::from(headers[46] >> 4) * 4;
        let length = usize::from(total).checked_sub(NETWORK + header_len)?;
        if !is_plain || header_len < TRANSPORT || LINK + usize::from(total) > on_wire {
            return None;
        }
        // What follows is padding.
        let segment = frame.data.get(LINK + NETWORK..)?;
        let segment = segment
            .get(..usize::from(total) - NETWORK)
            .unwrap_or(segment);
        let (header, payload) = segment.split_at_checked(header_len)?;
        let clocks = match header.get(TRANSPORT..)? {
            [] => None,
            [1, 1, 8, 10, clocks @ ..] if header_len == TRANSPORT + CLOCKS => {
                let (value, echo_reply) = clocks.split_first_chunk()?;
                Some(Timestamps {
                    value: u32::from_be_bytes(*value),
                    echo_reply: u32::from_be_bytes(*echo_reply.first_chunk()?),
                })
            }
            _ => return None,
        };
        let mut plain = Self {
            headers,
            clocks,
            payload,
            payload_len: u32::try_from(length).ok()?,
            ip_checksum: Checksum::NotChecked,
            transport_checksum: Checksum::NotChecked,
        };
        if verify {
            plain.verify(segment, payload.len() == length);
        }
        Some(plain)
    }

    #[inline]
    fn verify(&mut self, segment: &[u8], whole: bool) {
        let headers = self.headers;
        let found = u16::from_be_bytes([headers[24], headers[25]]);
        if let Some(network) = headers.get(LINK..).and_then(<[u8]>::first_chunk) {
            self.ip_checksum = checksum::plain_ipv4_header(network, found);
        }
        let ends = headers.get(26..30).and_then(<[u8]>::first_chunk);
        let ends = ends.zip(headers.get(30..34).and_then(<[u8]>::first_chunk));
        if let (Some((source, destination)), true) = (ends, whole) {
            let pseudo = PseudoHeader {
                addresses: Addresses::V4(source, destination),
                protocol: 6,
                length: u32::try_from(segment.len()).unwrap_or(u32::MAX),
            };
            let found = u16::from_be_bytes([headers[50], headers[51]]);
            self.transport_checksum = pseudo.verify(found, segment);
        }
    }

    /// Its packet.
    #[inline]
    pub(super) fn packet(self, frame: &Frame<'a>) -> Packet<'a> {
        let headers = self.headers;
        let two = |at: usize| match headers.get(at..at + 2) {
            Some(&[high, low]) => u16::from_be_bytes([high, low]),
            _ => 0,
        };
        let four = |at: usize| match headers.get(at..at + 4) {
            Some(&[a, b, c, d]) => u32::from_be_bytes([a, b, c, d]),
            _ => 0,
        };
        let end = |address: usize, port: usize| {
            SocketAddr::V4(SocketAddrV4::new(
                Ipv4Addr::from_bits(four(address)),
                two(port),
            ))
        };
        let flags = headers[47];
        let flag = |bit: u8| flags & bit != 0;
        Packet {
            source: end(26, 34),
            destination: end(30, 36),
            tunnel: Tunnel::NONE,
            transport: Transport::Tcp(Tcp {
                seq: four(38),
                ack: flag(0x10).then(|| four(42)),
                syn: flag(0x02),
                fin: flag(0x01),
                rst: flag(0x04),
                psh: flag(0x08),
                urg: flag(0x20),
                urgent_pointer: two(52),
                ece: flag(0x40),
                cwr: flag(0x80),
                window: two(48),
                window_scale: None,
                mss: None,
                sack_permitted: false,
                sack: None,
                timestamps: self.clocks,
                options_cut: false,
            }),
            payload_len: self.payload_len,
            notes: Notes {
                ip_checksum: self.ip_checksum,
                transport_checksum: self.transport_checksum,
                ip_length_zero: false,
                ip_length_beyond_frame: false,
                fragmented: false,
                ip_id: Some(two(18)).filter(|&id| id != 0),
                hops: headers[22],
                after_end: false,
            },
            payload: Cow::Borrowed(self.payload),
            parts: Parts::Whole(Part {
                frame: frame.number,
                time: frame.time,
                wire_len: frame.wire_len,
                offset: 0,
                bytes: self.payload_len,
            }),
        }
    }
}
