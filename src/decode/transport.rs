//! TCP (RFC 9293) and UDP (RFC 768): from an IP payload to the transport payload.

use etherparse::{TcpHeaderSlice, UdpHeaderSlice, ip_number};

use super::checksum::PseudoHeader;
use super::ip::{Addresses, Datagram};
use super::span::Span;
use super::{Checksum, Sack, Skip, Tcp, Timestamps, Transport};

/// A TCP segment or UDP datagram.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment<'a> {
    pub(super) source_port: u16,
    pub(super) destination_port: u16,
    pub(super) transport: Transport,
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
    let (header, payload) = match bytes.take(header_len as usize) {
        Ok(taken) => taken,
        Err(Skip::HeadersCut) => return Ok(without_options(fixed, bytes, header_len)),
        Err(skip) => return Err(skip),
    };
    // A data offset below 5 is refused here.
    let header = TcpHeaderSlice::from_slice(header).map_err(|_| Skip::Malformed)?;

    let TcpOptions {
        mss,
        window_scale,
        sack_permitted,
        sack,
        timestamps,
    } = options(header.options());
    let tcp = Tcp {
        seq: header.sequence_number(),
        ack: header.ack().then(|| header.acknowledgment_number()),
        syn: header.syn(),
        fin: header.fin(),
        rst: header.rst(),
        psh: header.psh(),
        urg: header.urg(),
        urgent_pointer: header.urgent_pointer(),
        ece: header.ece(),
        cwr: header.cwr(),
        window: header.window_size(),
        window_scale,
        mss,
        sack_permitted,
        sack,
        timestamps,
        options_cut: false,
    };
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
        payload,
        checksum,
    })
}

/// A segment of whose header the snap length cut options off: numbers, flags and ports are there, and how long the payload was.
#[cold]
fn without_options<'a>(fixed: &[u8; 20], bytes: Span<'a>, header_len: u32) -> Segment<'a> {
    let two = |at: usize| match fixed.get(at..at + 2) {
        Some(&[high, low]) => u16::from_be_bytes([high, low]),
        _ => 0,
    };
    let four = |at: usize| u32::from(two(at)) << 16 | u32::from(two(at + 2));
    let flags = fixed[13];
    let flag = |bit: u8| flags & bit != 0;
    let TcpOptions {
        mss,
        window_scale,
        sack_permitted,
        sack,
        timestamps,
    } = options(bytes.captured().get(20..).unwrap_or_default());
    let tcp = Tcp {
        seq: four(4),
        ack: flag(0x10).then(|| four(8)),
        syn: flag(0x02),
        fin: flag(0x01),
        rst: flag(0x04),
        psh: flag(0x08),
        urg: flag(0x20),
        urgent_pointer: two(18),
        ece: flag(0x40),
        cwr: flag(0x80),
        window: two(14),
        window_scale,
        mss,
        sack_permitted,
        sack,
        timestamps,
        options_cut: true,
    };
    Segment {
        source_port: two(0),
        destination_port: two(2),
        transport: Transport::Tcp(tcp),
        payload: bytes.behind(header_len),
        checksum: Checksum::NotChecked,
    }
}

/// The options imgnet uses, as in [`Tcp`].
#[derive(Default)]
struct TcpOptions {
    mss: Option<u16>,
    window_scale: Option<u8>,
    sack_permitted: bool,
    sack: Option<Sack>,
    timestamps: Option<Timestamps>,
}

/// Reads options (RFC 9293, section 3.2; RFC 7323; RFC 2018). Not by etherparse: it stops at the first one it
/// does not know. Options of a wrong length are passed over.
#[inline]
fn options(options: &[u8]) -> TcpOptions {
    match options {
        [] => TcpOptions::default(),
        // How nearly every segment of a connection with time stamps looks (RFC 7323, appendix A).
        [1, 1, 8, 10, clocks @ ..] if clocks.len() == 8 => TcpOptions {
            timestamps: timestamps(clocks),
            ..TcpOptions::default()
        },
        other => any_options(other),
    }
}

#[inline(never)]
fn any_options(mut options: &[u8]) -> TcpOptions {
    let mut found = TcpOptions::default();
    loop {
        match options {
            [1, rest @ ..] => options = rest,
            // End of list, or nothing that can be an option.
            [0, ..] | [] | [_] => return found,
            [kind, length, ..] => {
                let Some((option, rest)) = options.split_at_checked(usize::from(*length).max(2))
                else {
                    return found;
                };
                match (kind, option) {
                    (2, [_, 4, high, low]) => found.mss = Some(u16::from_be_bytes([*high, *low])),
                    (3, [_, 3, shift]) => found.window_scale = Some(*shift),
                    (4, [_, 2]) => found.sack_permitted = true,
                    (5, [_, _, blocks @ ..]) => found.sack = Sack::read(blocks),
                    (8, [_, 10, clocks @ ..]) => found.timestamps = timestamps(clocks),
                    _ => {}
                }
                options = rest;
            }
        }
    }
}

#[inline]
fn timestamps(clocks: &[u8]) -> Option<Timestamps> {
    let (value, echo_reply) = clocks.split_first_chunk()?;
    Some(Timestamps {
        value: u32::from_be_bytes(*value),
        echo_reply: u32::from_be_bytes(*echo_reply.first_chunk()?),
    })
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
        if matches!(datagram.addresses, Addresses::V4(..)) {
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
        payload,
        checksum,
    })
}

fn pseudo_header<'a>(datagram: &Datagram<'a>, protocol: u8, length: u32) -> PseudoHeader<'a> {
    PseudoHeader {
        addresses: datagram.addresses,
        protocol,
        length,
    }
}
