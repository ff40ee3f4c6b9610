//! TCP: the header, its options, and what the segments before say (`tcp.analysis.*`).

use std::borrow::Cow;
use std::ops::Range;

use super::link::status;
use super::upper::{payload, ports};
use super::{Field, Show, bytes, fields, flag, label, number, whole};
use crate::decode::{self, Tcp, Transport, TransportLayer};
use crate::dissect::seen::Seen;
use crate::dissect::tcp::{CLOSES_SECOND, IGNORES_FAST_OPEN, NOTICED, Numbers, Remarks};
use crate::dissect::value::Value;

pub(super) const FIELDS: &[Field] = fields! {
    "tcp" Label "TCP header" => |seen, show| if tcp(seen).is_some() {
        match layer(seen) {
            // All of the segment is its own, as in Wireshark.
            Some(layer) => show(Value::Label(seen.frame.data.get(layer.at..layer.end).unwrap_or_default(), layer.end - layer.at), Some(layer.at..layer.payload)),
            None => show(Value::Label(&[], 0), None),
        }
    };
    "tcp.srcport" Number "Sender's port" => |seen, show| if tcp(seen).is_some() { ports(seen, [true, false], show) };
    "tcp.dstport" Number "Receiver's port" => |seen, show| if tcp(seen).is_some() { ports(seen, [false, true], show) };
    "tcp.port" Number "Sender's or receiver's port" => |seen, show| if tcp(seen).is_some() { ports(seen, [true, true], show) };
    "tcp.stream" Number "Number of the connection, from 0" => |seen, show| {
        if let (Some(_), Some(place)) = (tcp(seen), seen.place) {
            show(whole(u64::from(place.of_transport)), None);
        }
    };
    "tcp.len" Number "Payload bytes on the wire" => |seen, show| {
        if let (Some(_), Some(packet)) = (tcp(seen), seen.packet()) {
            show(whole(u64::from(packet.payload_len)), None);
        }
    };
    "tcp.seq" Number "Sequence number, relative to the first" => |seen, show| {
        if let Some((tcp, numbers)) = both(seen) {
            show(relative(tcp.seq, numbers.seq_base), at(seen, 4..8));
        }
    };
    "tcp.seq_raw" Number "Sequence number as written" => |seen, show| if let Some(tcp) = tcp(seen) { show(whole(u64::from(tcp.seq)), at(seen, 4..8)) };
    "tcp.nxtseq" Number "Relative sequence number of the byte behind the payload" => |seen, show| {
        if let (Some((tcp, numbers)), Some(packet)) = (both(seen), seen.packet()) {
            let end = tcp.seq.wrapping_add(packet.payload_len).wrapping_add(u32::from(tcp.syn)).wrapping_add(u32::from(tcp.fin));
            show(relative(end, numbers.seq_base), None);
        }
    };
    "tcp.ack" Number "Acknowledgment number, relative to the other direction's first" => |seen, show| {
        if let Some((tcp, numbers)) = both(seen) {
            let ack = match (tcp.ack, numbers.ack_base) {
                (Some(ack), Some(base)) => relative(ack, base),
                _ => raw_ack(seen, tcp),
            };
            show(ack, at(seen, 8..12));
        }
    };
    "tcp.ack_raw" Number "Acknowledgment number as written" => |seen, show| if let Some(tcp) = tcp(seen) { show(raw_ack(seen, tcp), at(seen, 8..12)) };
    "tcp.hdr_len" Number "Header length in bytes" => |seen, show| if let Some(layer) = layer(seen) { show(whole((layer.payload - layer.at) as u64), at(seen, 12..13)) };
    "tcp.flags" Hex "The twelve flag bits" => |seen, show| if let Some(layer) = layer(seen) { number(seen, layer.at + 12..layer.at + 14, 0x0fff, show) };
    "tcp.flags.res" Bool "Reserved bits" => |seen, show| bit(seen, 0x0e00, show);
    "tcp.flags.ae" Bool "Accurate ECN" => |seen, show| bit(seen, 0x0100, show);
    "tcp.flags.cwr" Bool "Congestion window reduced" => |seen, show| bit(seen, 0x0080, show);
    "tcp.flags.ece" Bool "ECN echo" => |seen, show| bit(seen, 0x0040, show);
    "tcp.flags.urg" Bool "Urgent" => |seen, show| bit(seen, 0x0020, show);
    "tcp.flags.ack" Bool "Acknowledgment" => |seen, show| bit(seen, 0x0010, show);
    "tcp.flags.push" Bool "Push" => |seen, show| bit(seen, 0x0008, show);
    "tcp.flags.reset" Bool "Reset" => |seen, show| bit(seen, 0x0004, show);
    "tcp.flags.syn" Bool "Synchronize: opens the connection" => |seen, show| bit(seen, 0x0002, show);
    "tcp.flags.fin" Bool "Finish: closes this direction" => |seen, show| bit(seen, 0x0001, show);
    "tcp.flags.str" Text "The twelve flags as letters, a dot for each that is not set" => |seen, show| if let Some(layer) = layer(seen) && let Some(flags) = super::be(seen.frame.data, layer.at + 12..layer.at + 14) {
        show(Value::Text(Cow::Owned(letters(flags))), Some(layer.at + 12..layer.at + 14));
    };
    "tcp.window_size_value" Number "Window as written" => |seen, show| if let Some(tcp) = tcp(seen) { show(whole(u64::from(tcp.window)), at(seen, 14..16)) };
    "tcp.window_size" Number "Window in bytes, scaled where the scale is known" => |seen, show| {
        if let Some((tcp, numbers)) = both(seen) {
            show(whole(window(tcp, &numbers)), at(seen, 14..16));
        }
    };
    "tcp.window_size_scalefactor" Number "Factor of the window: -1 unknown, -2 no scaling" => |seen, show| {
        if let Some((tcp, numbers)) = both(seen) && !tcp.syn {
            show(Value::Number(match numbers.window_scale {
                None => -1,
                Some(scale @ 0..) => 1 << scale,
                Some(none) => i64::from(none),
            }), at(seen, 14..16));
        }
    };
    "tcp.checksum" Hex "Checksum" => |seen, show| if let Some(layer) = layer(seen) { number(seen, layer.at + 16..layer.at + 18, u64::MAX, show) };
    "tcp.checksum.status" Number "Checksum: 1 right, 0 wrong, 2 not verified or unfinished by offload" => |seen, show| if layer(seen).is_some() && let Some(layer) = decode::layers(&seen.frame, true).transport { show(status(layer.checksum), None) };
    "tcp.urgent_pointer" Number "Urgent pointer" => |seen, show| if let Some(layer) = layer(seen) { number(seen, layer.at + 18..layer.at + 20, u64::MAX, show) };
    "tcp.options" Bytes "All options" => |seen, show| if let Some(layer) = layer(seen) { bytes(seen, layer.at + 20..layer.payload, show) };
    "tcp.option_kind" Number "Kind of each option" => |seen, show| options(seen, &mut |kind, range| show(Value::Number(i64::from(kind)), Some(range.start..range.start + 1)));
    "tcp.option_len" Number "Length of each option that has one" => |seen, show| options(seen, &mut |kind, range| if kind > 1 { number(seen, range.start + 1..range.start + 2, 0xff, show) });
    "tcp.options.mss_val" Number "Maximum segment size" => |seen, show| option(seen, 2, 4, &mut |at| number(seen, at + 2..at + 4, u64::MAX, show));
    "tcp.options.wscale.shift" Number "Window scale: bits to shift" => |seen, show| option(seen, 3, 3, &mut |at| number(seen, at + 2..at + 3, u64::MAX, show));
    "tcp.options.wscale.multiplier" Number "Window scale: factor" => |seen, show| option(seen, 3, 3, &mut |at| {
        if let Some(shift) = seen.frame.data.get(at + 2) {
            show(whole(1 << (*shift).min(14)), Some(at + 2..at + 3));
        }
    });
    "tcp.options.sack_perm" Label "Selective acknowledgments permitted" => |seen, show| option(seen, 4, 2, &mut |at| label(seen, at..at + 2, show));
    "tcp.options.sack_le" Number "Selective acknowledgment: relative left edge" => |seen, show| edges(seen, 0, show);
    "tcp.options.sack_re" Number "Selective acknowledgment: relative right edge" => |seen, show| edges(seen, 4, show);
    "tcp.options.sack.count" Number "Selective acknowledgment: blocks" => |seen, show| options(seen, &mut |kind, range| if kind == 5 { show(whole((range.len().saturating_sub(2) / 8) as u64), Some(range)) });
    "tcp.options.timestamp.tsval" Number "Timestamp: the sender's clock" => |seen, show| option(seen, 8, 10, &mut |at| number(seen, at + 2..at + 6, u64::MAX, show));
    "tcp.options.timestamp.tsecr" Number "Timestamp: the receiver's clock as last seen" => |seen, show| option(seen, 8, 10, &mut |at| number(seen, at + 6..at + 10, u64::MAX, show));
    "tcp.options.nop" Label "No operation" => |seen, show| options(seen, &mut |kind, range| if kind == 1 { label(seen, range, show) });
    "tcp.options.eol" Label "End of the options" => |seen, show| options(seen, &mut |kind, range| if kind == 0 { label(seen, range, show) });
    "tcp.options.mss" Label "Option of the maximum segment size" => |seen, show| options(seen, &mut |kind, range| if kind == 2 { label(seen, range, show) });
    "tcp.options.wscale" Label "Option of the window scale" => |seen, show| options(seen, &mut |kind, range| if kind == 3 { label(seen, range, show) });
    "tcp.options.sack" Label "Option of selective acknowledgments" => |seen, show| options(seen, &mut |kind, range| if kind == 5 { label(seen, range, show) });
    "tcp.options.timestamp" Label "Option of the timestamps" => |seen, show| options(seen, &mut |kind, range| if kind == 8 { label(seen, range, show) });
    "tcp.options.tfo" Label "Option of TCP Fast Open" => |seen, show| options(seen, &mut |kind, range| if kind == FAST_OPEN { label(seen, range, show) });
    "tcp.options.tfo.request" Label "TCP Fast Open: asks for a cookie" => |seen, show| fast_open(seen, &mut |cookie| if cookie.is_empty() { label(seen, cookie.start.saturating_sub(2)..cookie.start, show) });
    "tcp.options.tfo.cookie" Bytes "TCP Fast Open: the cookie" => |seen, show| fast_open(seen, &mut |cookie| bytes(seen, cookie, show));
    "tcp.ack.nonzero" Label "The acknowledgment number is not 0, though it does not count" => |seen, show| if let Some(Tcp { ack: None, .. }) = tcp(seen) && let Some(written) = at(seen, 8..12).and_then(|bytes| super::be(seen.frame.data, bytes)) && written != 0 { show(Value::Label(&[], 0), None) };
    "tcp.urgent_pointer.non_zero" Label "The urgent pointer is not 0, though it does not count" => |seen, show| if let Some(Tcp { urg: false, urgent_pointer: 1.., .. }) = tcp(seen) { show(Value::Label(&[], 0), None) };
    "tcp.reset_cause" Text "What a reset carries, as text" => |seen, show| if let (Some(Tcp { rst: true, .. }), Some(layer)) = (tcp(seen), layer(seen)) && let Some(cause) = seen.frame.data.get(layer.payload..layer.end) && !cause.is_empty() {
        show(Value::Text(String::from_utf8_lossy(cause)), Some(layer.payload..layer.end));
    };
    "tcp.payload" Bytes "What it carries" => |seen, show| if tcp(seen).is_some() { payload(seen, layer(seen), show) };
    "tcp.time_relative" Seconds "Seconds since the connection's first frame" => |seen, show| if tcp(seen).is_some() { since_start(seen, show) };
    "tcp.time_delta" Seconds "Seconds since the connection's frame before" => |seen, show| if tcp(seen).is_some() { since_before(seen, show) };
    "tcp.completeness" Number "What the connection has shown before this segment: 1 SYN, 2 SYN-ACK, 4 ACK, 8 data, 16 FIN, 32 RST" => |seen, show| if let Some((_, numbers)) = both(seen) { show(whole(u64::from(numbers.completeness)), None) };
    "tcp.connection.syn" Label "Asks for a connection" => |seen, show| if let Some(Tcp { syn: true, ack: None, .. }) = tcp(seen) { show(Value::Label(&[], 0), None) };
    "tcp.connection.synack" Label "Grants a connection" => |seen, show| if let Some(Tcp { syn: true, ack: Some(_), .. }) = tcp(seen) { show(Value::Label(&[], 0), None) };
    "tcp.connection.fin" Label "Closes a direction" => |seen, show| if let Some(Tcp { fin: true, .. }) = tcp(seen) { show(Value::Label(&[], 0), None) };
    "tcp.connection.fin_active" Label "Closes a direction, before the other one" => |seen, show| if let Some((Tcp { fin: true, .. }, numbers)) = both(seen) && numbers.facts & CLOSES_SECOND == 0 { show(Value::Label(&[], 0), None) };
    "tcp.connection.fin_passive" Label "Closes a direction, after the other one" => |seen, show| if let Some((Tcp { fin: true, .. }, numbers)) = both(seen) && numbers.facts & CLOSES_SECOND != 0 { show(Value::Label(&[], 0), None) };
    "tcp.connection.rst" Label "Resets the connection" => |seen, show| if let Some(Tcp { rst: true, .. }) = tcp(seen) { show(Value::Label(&[], 0), None) };
    "tcp.analysis" Label "Something is to be said of the segment" => |seen, show| {
        if let Some((_, numbers)) = both(seen)
            && is_analysed(&numbers)
        {
            show(Value::Label(&[], 0), None);
        }
    };
    "tcp.analysis.flags" Label "A remark on the segment" => |seen, show| if let Some((_, numbers)) = both(seen) && !numbers.remarks.is_empty() { show(Value::Label(&[], 0), None) };
    "tcp.analysis.retransmission" Label "Sent again, of any kind but out of order" => |seen, show| {
        remark(seen, Remarks::RETRANSMISSION, show);
        remark(seen, Remarks::FAST_RETRANSMISSION, show);
        remark(seen, Remarks::SPURIOUS_RETRANSMISSION, show);
    };
    "tcp.analysis.fast_retransmission" Label "Sent again because duplicate ACKs asked for it" => |seen, show| remark(seen, Remarks::FAST_RETRANSMISSION, show);
    "tcp.analysis.spurious_retransmission" Label "Sent again although acknowledged" => |seen, show| remark(seen, Remarks::SPURIOUS_RETRANSMISSION, show);
    "tcp.analysis.out_of_order" Label "Late" => |seen, show| remark(seen, Remarks::OUT_OF_ORDER, show);
    "tcp.analysis.lost_segment" Label "Something before it was not captured" => |seen, show| remark(seen, Remarks::LOST_SEGMENT, show);
    "tcp.analysis.ack_lost_segment" Label "Acknowledges what was not captured" => |seen, show| remark(seen, Remarks::ACK_LOST_SEGMENT, show);
    "tcp.analysis.duplicate_ack" Label "Repeats an acknowledgment: there twice, as in Wireshark" => |seen, show| {
        remark(seen, Remarks::DUPLICATE_ACK, show);
        remark(seen, Remarks::DUPLICATE_ACK, show);
    };
    "tcp.analysis.duplicate_ack_num" Number "Which duplicate it is, from 1" => |seen, show| duplicate(seen, |numbers| u64::from(numbers.duplicate_ack), show);
    "tcp.analysis.duplicate_ack_frame" Number "The frame that it repeats" => |seen, show| duplicate(seen, |numbers| numbers.duplicate_of, show);
    "tcp.analysis.zero_window" Label "No room left" => |seen, show| remark(seen, Remarks::ZERO_WINDOW, show);
    "tcp.analysis.zero_window_probe" Label "A byte into a closed window" => |seen, show| remark(seen, Remarks::ZERO_WINDOW_PROBE, show);
    "tcp.analysis.zero_window_probe_ack" Label "The answer to that" => |seen, show| remark(seen, Remarks::ZERO_WINDOW_PROBE_ACK, show);
    "tcp.analysis.window_update" Label "Only says that there is room" => |seen, show| remark(seen, Remarks::WINDOW_UPDATE, show);
    "tcp.analysis.window_full" Label "Fills the receiver's window" => |seen, show| remark(seen, Remarks::WINDOW_FULL, show);
    "tcp.analysis.keep_alive" Label "A keep-alive" => |seen, show| remark(seen, Remarks::KEEP_ALIVE, show);
    "tcp.analysis.keep_alive_ack" Label "The answer to that" => |seen, show| remark(seen, Remarks::KEEP_ALIVE_ACK, show);
    "tcp.analysis.acks_frame" Number "The frame whose last byte it acknowledges" => |seen, show| if let Some((_, numbers)) = both(seen) && numbers.acks_frame > 0 { show(whole(numbers.acks_frame), None) };
    "tcp.analysis.ack_rtt" Seconds "Seconds since that frame" => |seen, show| if let Some((_, numbers)) = both(seen) && numbers.acks_frame > 0 && numbers.ack_rtt != 0 { show(Value::Nanoseconds(numbers.ack_rtt), None) };
    "tcp.analysis.initial_rtt" Seconds "Seconds that the handshake took" => |seen, show| if let Some((_, numbers)) = both(seen) && is_analysed(&numbers) && let Some(rtt) = numbers.initial_rtt { show(Value::Nanoseconds(rtt), None) };
    "tcp.analysis.bytes_in_flight" Number "Bytes sent and not acknowledged yet" => |seen, show| if let Some((_, numbers)) = both(seen) && numbers.in_flight > 0 { show(whole(u64::from(numbers.in_flight)), None) };
    "tcp.analysis.push_bytes_sent" Number "Bytes sent since the last push, this one's included" => |seen, show| if let Some((_, numbers)) = both(seen) && numbers.in_flight > 0 { show(whole(u64::from(numbers.pushed)), None) };
    "tcp.analysis.rto" Seconds "Seconds since the frame that is sent again" => |seen, show| if let Some((_, numbers)) = both(seen) && numbers.rto_frame > 0 { show(Value::Nanoseconds(numbers.rto), None) };
    "tcp.analysis.rto_frame" Number "The frame that is sent again" => |seen, show| if let Some((_, numbers)) = both(seen) && numbers.rto_frame > 0 { show(whole(numbers.rto_frame), None) };
    "tcp.analysis.tfo_syn" Label "A SYN with a cookie of TCP Fast Open" => |seen, show| if let Some(Tcp { syn: true, ack: None, .. }) = tcp(seen) {
        fast_open(seen, &mut |cookie| if !cookie.is_empty() { show(Value::Label(&[], 0), None) });
    };
    "tcp.analysis.tfo_ack" Label "A SYN-ACK that acknowledges bytes that came with the SYN" => |seen, show| if accepts_fast_open(seen) == Some(true) { show(Value::Label(&[], 0), None) };
    "tcp.analysis.tfo_ignored" Label "A SYN-ACK that does not acknowledge them" => |seen, show| if accepts_fast_open(seen) == Some(false) { show(Value::Label(&[], 0), None) };
    "tcp.analysis.reused_ports" Label "A new connection between ports of one before" => |seen, show| remark(seen, Remarks::REUSED_PORTS, show);
};

/// The flags from the highest to the lowest, as Wireshark writes them.
fn letters(flags: u64) -> String {
    "RRRACEUAPRSF"
        .chars()
        .enumerate()
        .map(|(at, letter)| {
            if flags >> (11 - at) & 1 == 1 {
                letter
            } else {
                '·'
            }
        })
        .collect()
}

/// The TCP header as it was decoded.
pub(in crate::dissect) fn tcp<'a>(seen: &Seen<'a>) -> Option<&'a Tcp> {
    match &seen.packet()?.transport {
        Transport::Tcp(tcp) => Some(tcp),
        Transport::Udp => None,
    }
}

/// The TCP header in the frame itself.
pub(in crate::dissect) fn layer(seen: &Seen<'_>) -> Option<TransportLayer> {
    seen.layers().transport.filter(|layer| layer.protocol == 6)
}

/// The header and what the segments before say.
pub(in crate::dissect) fn both<'a>(seen: &Seen<'a>) -> Option<(&'a Tcp, Numbers)> {
    Some((tcp(seen)?, seen.place?.tcp?))
}

/// Whether Wireshark would say something of the segment under "SEQ/ACK analysis".
fn is_analysed(numbers: &Numbers) -> bool {
    !numbers.remarks.is_empty()
        || numbers.acks_frame > 0
        || numbers.pushed > 0
        || numbers.facts & NOTICED != 0
}

/// The window in bytes.
pub(in crate::dissect) fn window(tcp: &Tcp, numbers: &Numbers) -> u64 {
    let shift = match numbers.window_scale {
        Some(scale @ 1..) if !tcp.syn => scale.unsigned_abs(),
        _ => 0,
    };
    u64::from(tcp.window) << shift
}

fn relative(number: u32, base: u32) -> Value<'static> {
    whole(u64::from(number.wrapping_sub(base)))
}

/// As written, also where the ACK bit is not set.
fn raw_ack(seen: &Seen<'_>, tcp: &Tcp) -> Value<'static> {
    let written = at(seen, 8..12).and_then(|bytes| super::be(seen.frame.data, bytes));
    whole(written.unwrap_or_else(|| u64::from(tcp.ack.unwrap_or(0))))
}

/// Bytes of the header as bytes of the frame.
fn at(seen: &Seen<'_>, bytes: Range<usize>) -> Option<Range<usize>> {
    layer(seen).map(|layer| layer.at + bytes.start..layer.at + bytes.end)
}

fn bit(seen: &Seen<'_>, mask: u64, show: &mut Show<'_, '_>) {
    if let Some(bytes) = at(seen, 12..14) {
        flag(seen, bytes, mask, show);
    }
}

fn remark(seen: &Seen<'_>, remark: Remarks, show: &mut Show<'_, '_>) {
    if let Some((_, numbers)) = both(seen)
        && numbers.remarks.has(remark)
    {
        show(Value::Label(&[], 0), None);
    }
}

fn duplicate(seen: &Seen<'_>, number: fn(&Numbers) -> u64, show: &mut Show<'_, '_>) {
    if let Some((_, numbers)) = both(seen)
        && numbers.duplicate_ack > 0
    {
        show(whole(number(&numbers)), None);
    }
}

pub(super) fn since_start(seen: &Seen<'_>, show: &mut Show<'_, '_>) {
    if let (Some(now), Some(start)) = (seen.frame.time, seen.place.and_then(|place| place.started))
    {
        show(Value::Nanoseconds(now.since(start)), None);
    }
}

pub(super) fn since_before(seen: &Seen<'_>, show: &mut Show<'_, '_>) {
    if let (Some(now), Some(place)) = (seen.frame.time, seen.place) {
        show(
            Value::Nanoseconds(place.before.map_or(0, |before| now.since(before))),
            None,
        );
    }
}

/// Shows kind and place of each option.
pub(in crate::dissect) fn options(seen: &Seen<'_>, each: &mut dyn FnMut(u8, Range<usize>)) {
    if let Some(layer) = layer(seen) {
        options_of(seen.frame.data, layer, each);
    }
}

fn options_of(data: &[u8], layer: TransportLayer, each: &mut dyn FnMut(u8, Range<usize>)) {
    let (mut at, end) = (layer.at + 20, layer.payload);
    while at < end {
        let Some(&kind) = data.get(at) else {
            return;
        };
        let length = match kind {
            0 | 1 => 1,
            _ => match data.get(at + 1) {
                Some(&length @ 2..) => usize::from(length),
                _ => return,
            },
        };
        if at + length > end {
            return;
        }
        each(kind, at..at + length);
        if kind == 0 {
            return;
        }
        at += length;
    }
}

/// Kind of the option of TCP Fast Open (RFC 7413, section 4.1.1).
const FAST_OPEN: u8 = 34;
/// The same among experimental options (RFC 6994).
const EXPERIMENTAL: [u8; 2] = [253, 254];
const FAST_OPEN_MAGIC: [u8; 2] = [0xf9, 0x89];

/// Shows where the cookie of each option of TCP Fast Open lies: nothing where it asks for one.
fn fast_open(seen: &Seen<'_>, each: &mut dyn FnMut(Range<usize>)) {
    if let Some(layer) = layer(seen) {
        fast_open_of(seen.frame.data, layer, each);
    }
}

/// Whether a segment has a cookie of TCP Fast Open.
pub(in crate::dissect) fn has_cookie(data: &[u8], layer: TransportLayer) -> bool {
    let mut has = false;
    fast_open_of(data, layer, &mut |cookie| has |= !cookie.is_empty());
    has
}

fn fast_open_of(data: &[u8], layer: TransportLayer, each: &mut dyn FnMut(Range<usize>)) {
    options_of(data, layer, &mut |kind, range| {
        let magic = data.get(range.start + 2..range.start + 4);
        if kind == FAST_OPEN {
            each(range.start + 2..range.end);
        } else if EXPERIMENTAL.contains(&kind) && magic == Some(&FAST_OPEN_MAGIC[..]) {
            each(range.start + 4..range.end);
        }
    });
}

/// Whether a SYN-ACK acknowledges the bytes that came with the SYN; absent of all other segments, and where there were none.
fn accepts_fast_open(seen: &Seen<'_>) -> Option<bool> {
    let (tcp, numbers) = both(seen)?;
    let ack = tcp.ack.filter(|_| tcp.syn)?;
    if ack.wrapping_sub(numbers.ack_base?) > 1 {
        return Some(true);
    }
    (numbers.facts & IGNORES_FAST_OPEN != 0).then_some(false)
}

/// Shows where an option of this kind and length begins.
fn option(seen: &Seen<'_>, wanted: u8, length: usize, each: &mut dyn FnMut(usize)) {
    options(seen, &mut |kind, range| {
        if kind == wanted && range.len() == length {
            each(range.start);
        }
    });
}

fn edges(seen: &Seen<'_>, side: usize, show: &mut Show<'_, '_>) {
    let Some((_, numbers)) = both(seen) else {
        return;
    };
    let base = numbers.ack_base.unwrap_or(0);
    options(seen, &mut |kind, range| {
        if kind != 5 {
            return;
        }
        for block in (range.start + 2..range.end).step_by(8) {
            let bytes = block + side..block + side + 4;
            if let Some(edge) = super::be(seen.frame.data, bytes.clone())
                && let Ok(edge) = u32::try_from(edge)
                && bytes.end <= range.end
            {
                show(relative(edge, base), Some(bytes));
            }
        }
    });
}
