//! TCP (RFC 9293) and UDP (RFC 768): from an IP payload to the transport payload.

use etherparse::{TcpHeaderSlice, UdpHeaderSlice, ip_number};

use super::checksum::PseudoHeader;
use super::ip::Datagram;
use super::span::Span;
use super::{Checksum, Sack, Skip, Tcp, Timestamps, Transport};

/// A TCP segment or UDP datagram.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment<'a> {
    pub(super) source_port: u16,
    pub(super) destination_port: u16,
    pub(super) transport: Transport,
    pub(super) header_len: u32,
    pub(super) payload: Span<'a>,
    pub(super) checksum: Checksum,
}

/// Takes the transport header off. `protocol` and `bytes` are the datagram's own, unless it was fragmented.
#[inline]
pub(super) fn segment<'a>(
    datagram: &Datagram<'_>,
    protocol: u8,
    bytes: Span<'a>,
    verify: bool,
) -> Result<Segment<'a>, Skip> {
    let verify = verify && datagram.addresses_final;
    if protocol == ip_number::TCP.0 {
        tcp(datagram, bytes, verify)
    } else {
        udp(datagram, bytes, verify)
    }
}

#[inline]
fn tcp<'a>(datagram: &Datagram<'_>, bytes: Span<'a>, verify: bool) -> Result<Segment<'a>, Skip> {
    let fixed = bytes.peek::<20>()?;
    let header_len = u32::from(fixed[12] >> 4) * 4;
    let (header, payload) = bytes.take(header_len as usize)?;
    // A data offset below 5 is refused here.
    let header = TcpHeaderSlice::from_slice(header).map_err(|_| Skip::Malformed)?;

    let mut tcp = Tcp {
        seq: header.sequence_number(),
        ack: header.ack().then(|| header.acknowledgment_number()),
        syn: header.syn(),
        fin: header.fin(),
        rst: header.rst(),
        psh: header.psh(),
        window: header.window_size(),
        ..Tcp::default()
    };
    options(header.options(), &mut tcp);
    let checksum = if verify && bytes.is_whole() {
        pseudo_header(datagram, ip_number::TCP.0, bytes.wire_len())
            .verify(header.checksum(), bytes.captured())
    } else {
        Checksum::NotChecked
    };
    Ok(Segment {
        source_port: header.source_port(),
        destination_port: header.destination_port(),
        transport: Transport::Tcp(tcp),
        header_len,
        payload,
        checksum,
    })
}

/// Reads the options imgnet uses (RFC 9293, section 3.2; RFC 7323; RFC 2018). Not by etherparse: it stops at
/// the first option it does not know. Options of a wrong length are passed over.
#[inline]
fn options(options: &[u8], tcp: &mut Tcp) {
    match options {
        [] => {}
        // How nearly every segment of a connection with time stamps looks (RFC 7323, appendix A).
        [1, 1, 8, 10, v0, v1, v2, v3, e0, e1, e2, e3] => {
            tcp.timestamps = Some(Timestamps {
                value: u32::from_be_bytes([*v0, *v1, *v2, *v3]),
                echo_reply: u32::from_be_bytes([*e0, *e1, *e2, *e3]),
            });
        }
        other => any_options(other, tcp),
    }
}

fn any_options(mut options: &[u8], tcp: &mut Tcp) {
    loop {
        match options {
            [1, rest @ ..] => options = rest,
            // End of list, or nothing that can be an option.
            [0, ..] | [] | [_] => return,
            [kind, length, ..] => {
                let Some((option, rest)) = options.split_at_checked(usize::from(*length).max(2))
                else {
                    return;
                };
                match (kind, option) {
                    (2, [_, 4, high, low]) => {
                        tcp.mss = Some(u16::from_be_bytes([*high, *low]));
                    }
                    (3, [_, 3, shift]) => tcp.window_scale = Some(*shift),
                    (4, [_, 2]) => tcp.sack_permitted = true,
                    (5, [_, _, blocks @ ..]) => tcp.sack = Sack::read(blocks),
                    (8, [_, 10, v0, v1, v2, v3, e0, e1, e2, e3]) => {
                        tcp.timestamps = Some(Timestamps {
                            value: u32::from_be_bytes([*v0, *v1, *v2, *v3]),
                            echo_reply: u32::from_be_bytes([*e0, *e1, *e2, *e3]),
                        });
                    }
                    _ => {}
                }
                options = rest;
            }
        }
    }
}

#[inline]
fn udp<'a>(datagram: &Datagram<'_>, bytes: Span<'a>, verify: bool) -> Result<Segment<'a>, Skip> {
    let (header, _) = bytes.take(8)?;
    let header = UdpHeaderSlice::from_slice(header).map_err(|_| Skip::Malformed)?;
    let length = match u32::from(header.length()) {
        // RFC 2675, section 4: too long for the field. Segmentation offload may leave 0 as well.
        0 if datagram.length_zero || bytes.wire_len() > u32::from(u16::MAX) => bytes.wire_len(),
        length => length,
    };
    if length < 8 || length > bytes.wire_len() {
        return Err(Skip::Malformed);
    }
    let bytes = bytes.limited(length);
    let (_, payload) = bytes.take(8)?;

    let found = header.checksum();
    let checksum = if !verify || !bytes.is_whole() {
        Checksum::NotChecked
    } else if found == 0 {
        if datagram.source.is_ipv4() {
            // None was sent (RFC 768).
            Checksum::NotChecked
        } else {
            // Receivers discard it (RFC 8200, section 8.1).
            Checksum::Wrong
        }
    } else {
        pseudo_header(datagram, ip_number::UDP.0, length).verify(found, bytes.captured())
    };
    Ok(Segment {
        source_port: header.source_port(),
        destination_port: header.destination_port(),
        transport: Transport::Udp,
        header_len: 8,
        payload,
        checksum,
    })
}

fn pseudo_header(datagram: &Datagram<'_>, protocol: u8, length: u32) -> PseudoHeader {
    PseudoHeader {
        source: datagram.source,
        destination: datagram.destination,
        protocol,
        length,
    }
}
