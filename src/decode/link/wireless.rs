//! IEEE 802.11, bare and behind a radiotap header (<https://www.radiotap.org>): data frames that are not encrypted.

use super::{Network, snap, tagged};
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
    ieee802_11(rest, place, flags(header, present) & DATA_PAD != 0)
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
pub(super) fn ieee802_11(frame: Span<'_>, place: u64, padded: bool) -> Result<Network<'_>, Skip> {
    let [control, bits] = *frame.peek::<2>()?;
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
    if padded {
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
    tagged(kind, payload, place, Tunnel::NONE)
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
