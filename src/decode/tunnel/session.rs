//! Tunnels with sessions that their two ends agreed upon: L2TP (RFC 2661, RFC 3931) and CAPWAP (RFC 5415).
//!
//! What the ends agreed upon is not in the packets: how long L2TP's cookies are, and what its sessions carry. So what fits
//! decides, and where nothing does, what is in it is unknown.

use super::super::Skip;
use super::super::ip::Addresses;
use super::super::link::{self, Network};
use super::super::span::Span;
use super::{Layer, Tunnel};

/// L2TP over UDP: version 2 carries PPP (RFC 2661, section 3.1), version 3 anything (RFC 3931, section 4.1.2). Absent
/// where it is no data message.
pub(super) fn l2tp<'a>(
    outer: &Network<'_>,
    ends: Addresses<'_>,
    payload: Span<'a>,
) -> Option<Result<Network<'a>, Skip>> {
    let ([flags, version], rest) = payload.take_array::<2>().ok()?;
    match version {
        // No control message; the bits without a meaning are 0.
        2 if flags & 0xb4 == 0 => l2tp_2(outer, ends, payload, rest, *flags),
        3 if *flags == 0 => {
            let ([0, 0, session @ ..], rest) = rest.take_array::<6>().ok()? else {
                return None;
            };
            let session = u32::from_be_bytes(*session);
            let tunnel = l2tp_session(outer, ends, [0, session]);
            (session != 0).then(|| pseudowire(rest, outer.place, tunnel))
        }
        _ => None,
    }
}

/// Tunnel and session are the receiver's: another one each way.
fn l2tp_session(outer: &Network<'_>, ends: Addresses<'_>, ids: [u32; 2]) -> Tunnel {
    let tunnel = outer.tunnel.between(Layer::L2tp, ends, 0);
    let [id, session] = ids;
    tunnel
        .labelled_same(Layer::L2tp, id)
        .labelled_same(Layer::L2tp, session)
}

fn l2tp_2<'a>(
    outer: &Network<'_>,
    ends: Addresses<'_>,
    payload: Span<'a>,
    mut rest: Span<'a>,
    flags: u8,
) -> Option<Result<Network<'a>, Skip>> {
    let has = |bit: u8| flags & bit != 0;
    if has(0x40) {
        let (length, after) = rest.take_array::<2>().ok()?;
        if u32::from(u16::from_be_bytes(*length)) != payload.wire_len() {
            return None;
        }
        rest = after;
    }
    let ([t0, t1, s0, s1], mut rest) = rest.take_array::<4>().ok()?;
    let ids = [[*t0, *t1], [*s0, *s1]].map(|id| u32::from(u16::from_be_bytes(id)));
    if ids.contains(&0) {
        return None;
    }
    if has(0x08) {
        (_, rest) = rest.take(4).ok()?;
    }
    if has(0x02) {
        let (offset, after) = rest.take_array::<2>().ok()?;
        (_, rest) = after.take(usize::from(u16::from_be_bytes(*offset))).ok()?;
    }
    let tunnel = l2tp_session(outer, ends, ids);
    match link::ppp(rest, outer.place, tunnel) {
        Ok(network) => network.is_filled().then_some(Ok(network)),
        // That it is L2TP must be sure where no packet shows it.
        Err(skip) => (has(0x40) || rest.peek() == Ok(&[0xff, 0x03])).then_some(Err(skip)),
    }
}

/// L2TP version 3 without UDP: a session, 0 for control messages (RFC 3931, section 4.1.1).
///
/// # Errors
///
/// The reason for which no IP packet is found in it.
pub(super) fn l2tp_over_ip<'a>(
    outer: &Network<'_>,
    ends: Addresses<'_>,
    payload: Span<'a>,
) -> Result<Network<'a>, Skip> {
    let (session, rest) = payload.take_array::<4>()?;
    let session = u32::from_be_bytes(*session);
    if session == 0 {
        return Err(Skip::NotTcpOrUdp);
    }
    pseudowire(rest, outer.place, l2tp_session(outer, ends, [0, session]))
}

/// Perhaps a cookie of 4 or 8 bytes, perhaps a sublayer of 4, then Ethernet, PPP, Cisco HDLC or IP.
fn pseudowire(rest: Span<'_>, place: u64, tunnel: Tunnel) -> Result<Network<'_>, Skip> {
    if rest.wire_len() == 0 {
        return Err(Skip::NotIp);
    }
    let mut without = false;
    for before in [0, 4, 8, 12] {
        let Ok((_, frame)) = rest.take(before) else {
            break;
        };
        let serial = match frame.peek() {
            Ok([0xff, 0x03]) => Some(link::ppp(frame, place, tunnel)),
            Ok([0x0f | 0x8f, 0x00]) => Some(link::cisco_hdlc(frame, place, tunnel)),
            _ => None,
        };
        let opened = [
            Some(link::ethernet_within(frame, place, tunnel)),
            serial,
            Some(link::raw(frame, place, tunnel)),
        ];
        for network in opened.into_iter().flatten().flatten() {
            if network.is_filled() {
                return Ok(network);
            }
        }
        without |= is_without_ip(frame.captured());
    }
    if !rest.is_whole() {
        return Err(Skip::HeadersCut);
    }
    Err(if without { Skip::NotIp } else { Skip::Tunnel })
}

/// Whether it is an Ethernet frame of ARP, LLDP or the spanning tree, or PPP's or Cisco HDLC's own.
fn is_without_ip(frame: &[u8]) -> bool {
    let address = frame.get(..2).unwrap_or_default();
    let kind = frame.get(12..).unwrap_or_default();
    matches!(kind, [0x08, 0x06, 0, 1, 8, 0, 6, 4, ..])
        || matches!(kind, [0x88, 0xcc, 0x02, ..])
        || matches!(kind, [0, _, 0x42, 0x42, 0x03, ..])
        || address == [0xff, 0x03] && frame.get(2).is_some_and(|high| high & 0x80 != 0)
        || matches!(frame, [0x8f, 0x00, 0x80, 0x35, ..])
}

/// CAPWAP's data channel (RFC 5415, section 4): 8 bytes, perhaps a radio's address and what it measured, then a frame of
/// Ethernet or of the access point's own kind. Absent where it is none.
pub(super) fn capwap<'a>(
    outer: &Network<'_>,
    ends: Addresses<'_>,
    payload: Span<'a>,
) -> Option<Result<Network<'a>, Skip>> {
    let [preamble, b1, b2, b3, f0, f1, o0, o1] = *payload.peek::<8>().ok()?;
    if preamble == 1 {
        let (_, record) = payload.take(4).ok()?;
        return ([b1, b2, b3] == [0; 3] && is_dtls(record)).then_some(Err(Skip::Encrypted));
    }
    let has = |bit: u8| b3 & bit != 0;
    let length = usize::from(b1 >> 3) * 4;
    let (header, frame) = payload.take(length).ok()?;
    if preamble != 0 || length != capwap_length(header, has(0x10), has(0x20))? || b3 & 7 != 0 {
        return None;
    }
    // A sign of life.
    if has(0x08) || o1 & 7 != 0 {
        return None;
    }
    if has(0x80) {
        return Some(Err(Skip::LinkFragment));
    }
    let tunnel = outer.tunnel.between(Layer::Capwap, ends, 0);
    let opened = match (b2 & 1, b2 >> 1 & 0x1f) {
        (0, _) => link::ethernet_within(frame, outer.place, tunnel),
        (_, 1) => link::wireless_within(frame, outer.place, tunnel),
        _ => Err(Skip::Tunnel),
    };
    match opened {
        Ok(network) => network.is_plausible().then_some(Ok(network)),
        // That it is CAPWAP must be sure where no packet shows it.
        Err(skip) => ([f0, f1, o0, o1] == [0; 4]).then_some(Err(skip)),
    }
}

/// How long a header with these parts is: each has a length and is filled up to 4 bytes.
fn capwap_length(header: &[u8], radio: bool, information: bool) -> Option<usize> {
    let mut at = 8;
    for part in [radio, information] {
        if part {
            at += (1 + usize::from(*header.get(at)?)).next_multiple_of(4);
        }
    }
    Some(at)
}

/// Whether it begins with a record of DTLS (RFC 6347, section 4.1; RFC 9146).
pub(super) fn is_dtls(record: Span<'_>) -> bool {
    matches!(
        record.captured(),
        [20..=26, 0xfe, 0xfd | 0xff, ..] | [20..=26, 0x01, 0x00, ..]
    )
}
