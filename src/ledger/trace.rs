//! The packets of streams one by one, for those who draw them: what each carried, acknowledged and offered.
//!
//! Kept only where somebody asks for it, and bounded: what does not fit is counted, never silently left out.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::units::{FrameNumber, StreamId, Timestamp};

/// One packet of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// Its frame.
    pub frame: FrameNumber,
    /// When it was captured; absent where the file has no times.
    pub time: Option<Timestamp>,
    /// Length on the wire, link header included.
    pub wire_len: u32,
    /// Payload bytes on the wire.
    pub payload: u32,
    /// Stream offset of the first payload byte; absent where it lies before the first captured byte, and where there is
    /// no payload.
    pub offset: Option<u64>,
    /// One past the highest byte of the other direction that has been acknowledged so far; absent for UDP.
    pub acked: Option<u64>,
    /// Window as written, not scaled; absent for UDP.
    pub window: Option<u16>,
    /// Window scale option (RFC 7323).
    pub window_scale: Option<u8>,
    /// Options were cut off by the snap length: whether there was such a one is not known.
    pub options_cut: bool,
    /// What it says beside its bytes.
    pub flags: Flags,
}

/// What a packet says beside its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "control bits, one field each as RFC 9293 names them"
)]
pub struct Flags {
    /// SYN bit.
    pub syn: bool,
    /// FIN bit.
    pub fin: bool,
    /// RST bit.
    pub rst: bool,
    /// ACK bit.
    pub ack: bool,
    /// At least one of its bytes had been seen before.
    pub repeat: bool,
}

/// The packets of one stream, in order of capture.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trace {
    /// Sender of the first packet.
    first: Option<SocketAddr>,
    points: Vec<(bool, Point)>,
    /// Window scale of the first sender and of the other one; absent where no SYN was captured.
    scales: [Option<Scale>; 2],
    /// Packets that did not fit.
    left_out: u64,
}

/// What a SYN said of the windows to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scale {
    /// It had no such option.
    None,
    By(u8),
}

impl Trace {
    /// The packets, each with whether it is from `from`.
    pub(crate) fn points(&self, from: SocketAddr) -> impl Iterator<Item = (bool, &Point)> {
        let first = self.first == Some(from);
        self.points
            .iter()
            .map(move |(of_first, point)| (*of_first == first, point))
    }

    /// How many packets there were no room for, all of them after the last one kept.
    pub(crate) fn left_out(&self) -> u64 {
        self.left_out
    }

    /// The window in bytes that a packet offers; absent where the capture does not show how it is scaled.
    pub(crate) fn window(&self, point: &Point) -> Option<u64> {
        let window = u64::from(point.window?);
        // The window of a SYN is never scaled (RFC 7323, section 2.2), and none is unless both sides said so.
        let own = self
            .points
            .binary_search_by_key(&point.frame, |(_, point)| point.frame)
            .ok()
            .and_then(|index| self.points.get(index))
            .map(|(of_first, _)| usize::from(!*of_first))?;
        match (self.scales, point.flags.syn) {
            (_, true) | ([Some(Scale::None), _] | [_, Some(Scale::None)], _) => Some(window),
            (scales @ [Some(_), Some(_)], false) => match scales.get(own).copied().flatten() {
                Some(Scale::By(shift)) => Some(window << shift.min(14)),
                _ => None,
            },
            _ => None,
        }
    }
}

/// The packets of all streams.
#[derive(Debug, Default)]
pub(crate) struct Traces {
    streams: BTreeMap<StreamId, Trace>,
    kept: usize,
}

impl Traces {
    /// Most packets kept of one stream.
    const MOST_OF_STREAM: usize = 200_000;
    /// Most packets kept in all.
    const MOST: usize = 1_000_000;

    /// Takes a packet of a stream.
    pub(crate) fn push(&mut self, stream: StreamId, from: SocketAddr, point: Point) {
        let trace = self.streams.entry(stream).or_default();
        let of_first = *trace.first.get_or_insert(from) == from;
        if point.flags.syn
            && (point.window_scale.is_some() || !point.options_cut)
            && let Some(scale) = trace.scales.get_mut(usize::from(!of_first))
        {
            scale.get_or_insert(point.window_scale.map_or(Scale::None, Scale::By));
        }
        if trace.points.len() < Self::MOST_OF_STREAM && self.kept < Self::MOST {
            trace.points.push((of_first, point));
            self.kept += 1;
        } else {
            trace.left_out += 1;
        }
    }

    /// Forgets a stream of which nothing is to be drawn.
    pub(crate) fn forget(&mut self, stream: StreamId) {
        if let Some(trace) = self.streams.remove(&stream) {
            self.kept -= trace.points.len();
        }
    }

    /// The packets of a stream; absent where none were told of.
    pub(crate) fn of(&self, stream: StreamId) -> Option<&Trace> {
        self.streams.get(&stream)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(frame: u64, window: u16, syn: bool, scale: Option<u8>) -> Point {
        Point {
            frame: FrameNumber(frame),
            time: None,
            wire_len: 66,
            payload: 0,
            offset: None,
            acked: None,
            window: Some(window),
            window_scale: scale,
            options_cut: false,
            flags: Flags {
                syn,
                ..Flags::default()
            },
        }
    }

    #[test]
    fn windows_are_scaled_as_both_syns_said() {
        let (a, b) = ("1.1.1.1:1".parse().unwrap(), "2.2.2.2:2".parse().unwrap());
        for (scales, expected) in [
            ([Some(7), Some(2)], [Some(100 << 7), Some(100 << 2)]),
            ([Some(7), None], [Some(100), Some(100)]),
        ] {
            let mut traces = Traces::default();
            traces.push(StreamId(0), a, point(1, 100, true, scales[0]));
            traces.push(StreamId(0), b, point(2, 100, true, scales[1]));
            traces.push(StreamId(0), a, point(3, 100, false, None));
            traces.push(StreamId(0), b, point(4, 100, false, None));
            let trace = traces.of(StreamId(0)).unwrap();
            let windows: Vec<_> = trace.points(a).map(|(_, p)| trace.window(p)).collect();
            assert_eq!(windows[..2], [Some(100), Some(100)]);
            assert_eq!(windows[2..], expected);
            let own: Vec<bool> = trace.points(b).map(|(own, _)| own).collect();
            assert_eq!(own, [false, true, false, true]);
        }
    }

    #[test]
    fn without_a_syn_the_window_is_unknown() {
        let a = "1.1.1.1:1".parse().unwrap();
        let mut traces = Traces::default();
        traces.push(StreamId(3), a, point(9, 100, false, None));
        let trace = traces.of(StreamId(3)).unwrap();
        assert_eq!(
            trace.points(a).map(|(_, p)| trace.window(p)).next(),
            Some(None)
        );
        traces.forget(StreamId(3));
        assert!(traces.of(StreamId(3)).is_none());
    }
}
