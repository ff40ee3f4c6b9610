//! IEEE 802.11, bare and behind what capturing programs put in front of it (radiotap <https://www.radiotap.org>, PPI, Prism,
//! AVS): data frames that are not encrypted.

use super::{Network, ethernet_within, snap, tagged};
use crate::decode::Skip;
use crate::decode::span::Span;
use crate::decode::tunnel::Tunnel;

/// Radiotap flags: the 802.11 header is padded to a multiple of 4 bytes.
const DATA_PAD: u8 = 0x20;

/// Radiotap: version, padding, length, and fields as the bits of the first present word say.
pub(super) fn radiotap(frame: Span<'_>, place: u64) -> Result<Network<'_>, Skip> {
    let ([version, _, l0, l1, p0, p1, p2, p3], _) = frame.take_array::<8>()?;
    let length = usize::from(u16::from_le_bytes([*l0, *l1]));
    if *version != 0 || length < 8 {
        return Err(Skip::Malformed);
    }
    let (header, rest) = frame.take(length)?;
    let present = u32::from_le_bytes([*p0, *p1, *p2, *p3]);
    let layout = if flags(header, present) & DATA_PAD == 0 {
        Layout::Plain
    } else {
        Layout::Padded
    };
    ieee802_11(rest, place, Tunnel::NONE, layout)
}

/// `LINKTYPE_PPI`: version, flags, length and link type, and fields of that length.
pub(super) fn ppi(frame: Span<'_>) -> Result<Network<'_>, Skip> {
    let ([_, _, l0, l1, t0, t1, t2, t3], _) = frame.take_array::<8>()?;
    let length = usize::from(u16::from_le_bytes([*l0, *l1]));
    if length < 8 {
        return Err(Skip::Malformed);
    }
    let (_, rest) = frame.take(length)?;
    match u32::from_le_bytes([*t0, *t1, *t2, *t3]) {
        1 => ethernet_within(rest, 0, Tunnel::NONE),
        105 => ieee802_11(rest, 0, Tunnel::NONE, Layout::Plain),
        127 => radiotap(rest, 0),
        _ => Err(Skip::UnknownLinkType),
    }
}

/// `LINKTYPE_IEEE802_11_PRISM`: a message's code and length in the capturing host's byte order, or an AVS header.
pub(super) fn prism(frame: Span<'_>) -> Result<Network<'_>, Skip> {
    let [code, _, _, _, l0, l1, l2, l3] = *frame.peek::<8>()?;
    if code == 0x80 {
        return avs(frame);
    }
    let length = u32::from_le_bytes([l0, l1, l2, l3]);
    let length = if length > u32::from(u16::MAX) {
        length.swap_bytes()
    } else {
        length
    };
    if length < 8 {
        return Err(Skip::Malformed);
    }
    let (_, rest) = frame.take(length as usize)?;
    ieee802_11(rest, 0, Tunnel::NONE, Layout::Plain)
}

/// `LINKTYPE_IEEE802_11_AVS`: a magic number with a version, and the header's length.
pub(super) fn avs(frame: Span<'_>) -> Result<Network<'_>, Skip> {
    let ([.., l0, l1, l2, l3], _) = frame.take_array::<8>()?;
    let length = u32::from_be_bytes([*l0, *l1, *l2, *l3]);
    if length < 8 {
        return Err(Skip::Malformed);
    }
    let (_, rest) = frame.take(length as usize)?;
    ieee802_11(rest, 0, Tunnel::NONE, Layout::Plain)
}

/// How a frame's header is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// As the standard has it.
    Plain,
    /// Padded to a multiple of 4 bytes.
    Padded,
    /// The two bytes of its frame control in the other order.
    Swapped,
}

/// The flags field; 0 where there is none. It comes second, after the 8 bytes of a time.
fn flags(header: &[u8], present: u32) -> u8 {
    if present & 0b10 == 0 {
        return 0;
    }
    // More present words follow while the highest bit is set.
    let words = header
        .get(4..)
        .unwrap_or_default()
        .chunks_exact(4)
        .position(|word| word.last().is_some_and(|last| last & 0x80 == 0));
    let Some(words) = words else { return 0 };
    let fields = 4 + (words + 1) * 4;
    let at = if present & 1 == 1 {
        fields.next_multiple_of(8) + 8
    } else {
        fields
    };
    header.get(at).copied().unwrap_or(0)
}

/// An 802.11 frame: frame control, duration, three addresses, sequence; a fourth address between bridges; `QoS`; HT.
pub(super) fn ieee802_11(
    frame: Span<'_>,
    place: u64,
    tunnel: Tunnel,
    layout: Layout,
) -> Result<Network<'_>, Skip> {
    let [mut control, mut bits] = *frame.peek::<2>()?;
    if layout == Layout::Swapped {
        (control, bits) = (bits, control);
    }
    let (kind, subtype) = (control >> 2 & 3, control >> 4);
    // Management and control frames, and data frames without data.
    if control & 3 != 0 || kind != 2 || subtype & 4 != 0 {
        return Err(Skip::NotIp);
    }
    let is_qos = subtype & 8 != 0;
    let mut length = 24_usize;
    if bits & 3 == 3 {
        length += 6;
    }
    let qos_at = length;
    if is_qos {
        length += 2;
        // The order bit of a QoS frame says that HT control follows.
        if bits & 0x80 != 0 {
            length += 4;
        }
    }
    if layout == Layout::Padded {
        length = length.next_multiple_of(4);
    }
    let (header, body) = frame.take(length)?;
    if bits & 0x40 != 0 {
        return Err(Skip::Encrypted);
    }
    // More fragments follow, or this is not the first.
    let number = header.get(22).map_or(0, |low| low & 0x0f);
    if bits & 0x04 != 0 || number != 0 {
        return Err(Skip::LinkFragment);
    }
    let aggregated = is_qos && header.get(qos_at).is_some_and(|qos| qos & 0x80 != 0);
    let body = if aggregated {
        only_subframe(body)?
    } else {
        body
    };
    let (kind, payload) = snap(body)?;
    tagged(kind, payload, place, tunnel)
}

/// The one frame of an aggregate; several are several packets in one frame, which imgnet does not take apart.
fn only_subframe(body: Span<'_>) -> Result<Span<'_>, Skip> {
    let ([.., l0, l1], rest) = body.take_array::<14>()?;
    let length = u32::from(u16::from_be_bytes([*l0, *l1]));
    // What is left may be padding and the frame's check sequence.
    if length.next_multiple_of(4) + 8 < rest.wire_len() {
        return Err(Skip::LinkFragment);
    }
    Ok(rest.limited(length.min(rest.wire_len())))
}
