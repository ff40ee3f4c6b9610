//! What the segments before say of a TCP segment, in Wireshark's terms (`tcp.analysis.*`).
//!
//! The definitions are those of Wireshark's manual, "TCP Analysis". They judge by headers alone, so they can differ from
//! what imgnet proves from the bytes: `docs/inspect.md` says where.

use crate::decode::Tcp;
use crate::flow::{Pair, Side};
use crate::units::{FrameNumber, Timestamp};

/// Most segments of one direction that wait for an acknowledgment; with more, which frame is acknowledged and how many
/// bytes are in flight is not known.
const MOST_UNACKED: usize = 1_000;
/// A fast retransmission comes at most so long after the duplicate ACK, in nanoseconds.
const FAST: i64 = 20_000_000;
/// Out of order rather than sent again, where the round-trip time is not known: within so many nanoseconds.
const OUT_OF_ORDER: i64 = 3_000_000;
/// So many blocks of an option of selective acknowledgments count.
const MOST_SACKED: usize = 3;
/// More bytes in flight than this are a mistake of counting.
const MOST_IN_FLIGHT: u32 = 2_000_000_000;

/// Remarks on a segment, a bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Remarks(u16);

impl Remarks {
    /// Sent again.
    pub const RETRANSMISSION: Self = Self(1);
    /// Sent again after duplicate ACKs asked for it.
    pub const FAST_RETRANSMISSION: Self = Self(1 << 1);
    /// Sent again although it was acknowledged.
    pub const SPURIOUS_RETRANSMISSION: Self = Self(1 << 2);
    /// Late, but not sent again.
    pub const OUT_OF_ORDER: Self = Self(1 << 3);
    /// Something before it was not captured.
    pub const LOST_SEGMENT: Self = Self(1 << 4);
    /// It acknowledges what was not captured.
    pub const ACK_LOST_SEGMENT: Self = Self(1 << 5);
    /// It repeats an acknowledgment.
    pub const DUPLICATE_ACK: Self = Self(1 << 6);
    /// Its sender has no room left.
    pub const ZERO_WINDOW: Self = Self(1 << 7);
    /// One byte into a window that is closed.
    pub const ZERO_WINDOW_PROBE: Self = Self(1 << 8);
    /// The answer to that.
    pub const ZERO_WINDOW_PROBE_ACK: Self = Self(1 << 9);
    /// It only says that there is room again.
    pub const WINDOW_UPDATE: Self = Self(1 << 10);
    /// It fills the receiver's window to the last byte.
    pub const WINDOW_FULL: Self = Self(1 << 11);
    /// A keep-alive.
    pub const KEEP_ALIVE: Self = Self(1 << 12);
    /// The answer to that.
    pub const KEEP_ALIVE_ACK: Self = Self(1 << 13);
    /// A connection between ports that had another one.
    pub const REUSED_PORTS: Self = Self(1 << 14);

    /// Sent before, or out of order.
    pub(crate) const AGAIN: Self = Self(
        Self::RETRANSMISSION.0
            | Self::FAST_RETRANSMISSION.0
            | Self::SPURIOUS_RETRANSMISSION.0
            | Self::OUT_OF_ORDER.0,
    );

    /// Whether one of `these` applies.
    pub fn has(self, these: Self) -> bool {
        self.0 & these.0 != 0
    }

    /// Whether none applies.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    fn add(&mut self, these: Self) {
        self.0 |= these.0;
    }

    /// Wireshark's words for those that apply.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        WORDS
            .iter()
            .filter(move |(remark, _)| self.has(*remark))
            .map(|(_, word)| *word)
    }
}

/// In the order in which they are said.
const WORDS: [(Remarks, &str); 15] = [
    (Remarks::REUSED_PORTS, "TCP Port numbers reused"),
    (Remarks::RETRANSMISSION, "TCP Retransmission"),
    (Remarks::FAST_RETRANSMISSION, "TCP Fast Retransmission"),
    (
        Remarks::SPURIOUS_RETRANSMISSION,
        "TCP Spurious Retransmission",
    ),
    (Remarks::OUT_OF_ORDER, "TCP Out-Of-Order"),
    (Remarks::LOST_SEGMENT, "TCP Previous segment not captured"),
    (Remarks::ACK_LOST_SEGMENT, "TCP ACKed unseen segment"),
    (Remarks::WINDOW_UPDATE, "TCP Window Update"),
    (Remarks::WINDOW_FULL, "TCP Window Full"),
    (Remarks::KEEP_ALIVE, "TCP Keep-Alive"),
    (Remarks::KEEP_ALIVE_ACK, "TCP Keep-Alive ACK"),
    (Remarks::DUPLICATE_ACK, "TCP Dup ACK"),
    (Remarks::ZERO_WINDOW_PROBE, "TCP ZeroWindowProbe"),
    (Remarks::ZERO_WINDOW, "TCP ZeroWindow"),
    (Remarks::ZERO_WINDOW_PROBE_ACK, "TCP ZeroWindowProbeAck"),
];

/// Something is to be said of the segment, though no remark, acknowledged frame or count.
pub(crate) const NOTICED: u8 = 1;
/// A FIN that comes after one of the other side.
pub(crate) const CLOSES_SECOND: u8 = 1 << 1;
/// A SYN-ACK that does not acknowledge the bytes that came with the SYN (RFC 7413).
pub(crate) const IGNORES_FAST_OPEN: u8 = 1 << 2;

/// What the segments before say of one segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Numbers {
    /// Sequence number from which relative ones are counted.
    pub seq_base: u32,
    /// The same of the other direction; absent where it is not known.
    pub ack_base: Option<u32>,
    /// Remarks.
    pub remarks: Remarks,
    /// Which duplicate ACK it is, from 1.
    pub duplicate_ack: u32,
    /// The frame that it repeats.
    pub duplicate_of: u64,
    /// The frame whose last byte it acknowledges; 0 where it is none.
    pub acks_frame: u64,
    /// Nanoseconds since that frame.
    pub ack_rtt: i64,
    /// Bytes sent and not acknowledged after this segment, neither cumulatively nor selectively; 0 where not known.
    pub in_flight: u32,
    /// How far the window is shifted: absent while nothing is known of it, -2 where both sides do not scale.
    pub window_scale: Option<i8>,
    /// Round-trip time of the handshake in nanoseconds, once it is over.
    pub initial_rtt: Option<i64>,
    /// What the connection had shown before: 1 SYN, 2 SYN-ACK, 4 ACK, 8 data, 16 FIN, 32 RST.
    pub completeness: u8,
    /// Bytes sent since the last push, this segment's included; 0 where it has none.
    pub pushed: u32,
    /// What else is to be said of it: [`NOTICED`] and the like.
    pub facts: u8,
    /// The frame that is sent again; 0 where none is, or that is not known.
    pub rto_frame: u64,
    /// Nanoseconds since that frame.
    pub rto: i64,
}

#[derive(Debug, Clone, Copy)]
struct Unacked {
    seq: u32,
    next: u32,
    frame: u64,
    time: i64,
}

#[derive(Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own that a segment showed"
)]
struct Half {
    base: Option<u32>,
    /// Highest sequence number to come next; absent until a segment was seen.
    next: Option<u32>,
    next_time: i64,
    /// The frame that brought the highest sequence number.
    next_frame: u64,
    /// Bytes sent since the last push.
    pushed: u32,
    /// The segment before was pushed.
    push_ended: bool,
    most_to_be_acked: Option<u32>,
    last_ack: u32,
    last_ack_time: i64,
    last_plain_ack: u64,
    /// -1 where an acknowledgment of what was not captured was told of, and is not to be told of again.
    duplicate_acks: i32,
    window: u32,
    /// The window above is of the handshake: not scaled so far.
    unscaled: bool,
    scale: Option<i8>,
    last_remarks: Remarks,
    /// Bytes that its last segment acknowledged selectively.
    sacked: u32,
    /// It closed first.
    closed_first: bool,
    /// The bytes in flight cannot be counted before the other side acknowledges something.
    uncountable: bool,
    unacked: Vec<Unacked>,
    /// Lowest start and highest end of `unacked`; absent where it is empty.
    span: Option<(u32, u32)>,
}

/// Both directions of a connection.
#[derive(Debug, Default)]
pub(super) struct Connection {
    halves: Pair<Half>,
    syn_time: Option<i64>,
    completeness: u8,
    /// A segment was seen.
    begun: bool,
    /// There was another one between its ports.
    reused: bool,
    /// Its SYN carried bytes, and the cookie that allows it to.
    fast_open: bool,
    initial_rtt: Option<i64>,
}

/// What a header says that [`Tcp`] does not.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Written {
    /// The acknowledgment number as it stands there, whether it counts or not.
    pub(super) ack: u32,
    /// A cookie of TCP Fast Open (RFC 7413).
    pub(super) cookie: bool,
}

fn before(a: u32, b: u32) -> bool {
    a.wrapping_sub(b).cast_signed() < 0
}

fn after(a: u32, b: u32) -> bool {
    before(b, a)
}

impl Connection {
    /// A connection, of which another one had the ports where they are `reused`.
    pub(super) fn new(reused: bool) -> Self {
        Self {
            reused,
            ..Self::default()
        }
    }

    /// What this segment shows of the connection.
    fn completed_by(&self, tcp: &Tcp, length: u32) -> u8 {
        if !self.begun {
            // Only a SYN tells how much of a new connection there is.
            let opens = tcp.syn && tcp.ack.is_none();
            return u8::from(opens) | u8::from(opens && length > 0) << 3;
        }
        let acknowledges = tcp.ack.is_some() && !tcp.syn;
        u8::from(tcp.syn && tcp.ack.is_some()) << 1
            | u8::from(acknowledges && length == 0) << 2
            | u8::from(acknowledges && length > 0) << 3
            | u8::from(tcp.fin && tcp.ack.is_some()) << 4
            | u8::from(tcp.rst) << 5
    }

    /// Takes the next segment, with `length` payload bytes on the wire.
    pub(super) fn segment(
        &mut self,
        side: Side,
        (tcp, written): (&Tcp, Written),
        length: u32,
        frame: FrameNumber,
        time: Option<Timestamp>,
    ) -> Numbers {
        let time = time.map_or(0, |time| time.0);
        let opens = tcp.syn && tcp.ack.is_none();
        let reused = opens && std::mem::take(&mut self.reused);
        if reused {
            self.completeness = 1;
            self.begun = true;
        }
        let completed = self.completed_by(tcp, length);
        let (ours, theirs) = self.halves.ours_and_theirs(side);
        let mut facts = 0;
        let mut renumbered = false;
        if let Some(base) = ours.base.filter(|_| tcp.syn) {
            if opens && base == tcp.seq {
                // What came after it before is sent again.
                ours.next = ours.most_to_be_acked;
                facts |= NOTICED;
            } else if !opens && base != tcp.seq {
                ours.base = Some(tcp.seq);
                renumbered = true;
            }
        }
        let seq_base = *ours.base.get_or_insert(if tcp.syn {
            tcp.seq
        } else {
            tcp.seq.wrapping_sub(1)
        });
        if let (None, Some(ack)) = (theirs.base, tcp.ack) {
            theirs.base = Some(ack.wrapping_sub(1));
        }
        let mut numbers = Numbers {
            seq_base,
            ack_base: theirs.base,
            completeness: self.completeness,
            facts,
            ..Numbers::default()
        };
        ours.sacked = 0;
        let segment = Segment {
            tcp,
            length,
            handshake: tcp.syn || tcp.fin || tcp.rst,
            frame: frame.0,
            time,
            ack: written.ack,
            out_of_order: self.initial_rtt.unwrap_or(OUT_OF_ORDER),
        };
        segment.judge(ours, theirs, &mut numbers);
        if renumbered || reused {
            numbers.remarks.add(Remarks::REUSED_PORTS);
        }
        if opens {
            self.syn_time = Some(time);
            self.fast_open |= written.cookie && length > 0;
        } else if tcp.syn && self.fast_open {
            numbers.facts |= IGNORES_FAST_OPEN;
        }
        if tcp.fin {
            if theirs.closed_first {
                numbers.facts |= CLOSES_SECOND;
            } else {
                ours.closed_first = true;
            }
        }
        if tcp.syn {
            ours.unscaled = true;
        } else if tcp.ack.is_some() {
            ours.unscaled = false;
            if self.initial_rtt.is_none()
                && let Some(syn) = self.syn_time
            {
                self.initial_rtt = Some(time - syn).filter(|rtt| *rtt != 0);
            }
        }
        numbers.initial_rtt = self.initial_rtt;
        self.completeness |= completed;
        self.begun = true;
        ours.sacked = tcp.sack.map_or(0, |sack| {
            let blocks = sack.blocks().iter().take(MOST_SACKED);
            blocks.fold(0, |sum: u32, (left, right)| {
                sum.wrapping_add(right.wrapping_sub(*left))
            })
        });
        numbers.window_scale = ours.scale;
        if tcp.syn {
            scaling(ours, theirs, tcp);
        }
        numbers
    }
}

/// Whether and how far windows are scaled, as SYN and SYN-ACK agree (RFC 7323, section 2.2).
fn scaling(ours: &mut Half, theirs: &mut Half, tcp: &Tcp) {
    ours.scale = match tcp.window_scale {
        Some(shift) => Some(i8::try_from(shift.min(14)).unwrap_or(14)),
        None if tcp.options_cut => None,
        None => {
            // A SYN that offers none ends it for the other side too, whether that answers or not.
            if tcp.ack.is_none() {
                theirs.scale = Some(-2);
            }
            Some(-2)
        }
    };
    if tcp.ack.is_some() && (ours.scale == Some(-2) || theirs.scale == Some(-2)) {
        ours.scale = Some(-2);
        theirs.scale = Some(-2);
    }
}

struct Segment<'t> {
    tcp: &'t Tcp,
    length: u32,
    /// SYN, FIN or RST.
    handshake: bool,
    frame: u64,
    time: i64,
    ack: u32,
    /// Later than this it is sent again rather than out of order.
    out_of_order: i64,
}

impl Segment<'_> {
    fn judge(&self, ours: &mut Half, theirs: &mut Half, numbers: &mut Numbers) {
        if self.tcp.ack.is_some() {
            theirs.uncountable = false;
        }
        let remarks = &mut numbers.remarks;
        self.window_and_acks(ours, theirs, remarks);
        if remarks.has(Remarks::DUPLICATE_ACK) {
            ours.duplicate_acks = ours.duplicate_acks.max(0).saturating_add(1);
            numbers.duplicate_ack = ours.duplicate_acks.unsigned_abs();
            numbers.duplicate_of = ours.last_plain_ack;
        }
        if self.ack != ours.last_ack {
            ours.last_plain_ack = self.frame;
            ours.duplicate_acks = 0;
        }
        if let (Some(most), true) = (theirs.most_to_be_acked, self.tcp.ack.is_some())
            && after(self.ack, most)
        {
            numbers.facts |= NOTICED;
            if theirs.next.is_some_and(|next| before(most, next)) {
                theirs.most_to_be_acked = theirs.next;
                remarks.add(Remarks::ACK_LOST_SEGMENT);
            } else {
                if theirs.duplicate_acks == 0 {
                    remarks.add(Remarks::ACK_LOST_SEGMENT);
                }
                theirs.duplicate_acks = -1;
            }
        }
        let numbered = self.length > 0 || self.tcp.syn || self.tcp.fin;
        if numbered && !remarks.has(Remarks::KEEP_ALIVE) {
            self.again(ours, theirs, remarks);
        }
        if remarks.has(Remarks::RETRANSMISSION) {
            // The eldest that waits for an acknowledgment is the likeliest to be sent again.
            let (frame, time) = ours
                .unacked
                .first()
                .map_or((ours.next_frame, ours.next_time), |eldest| {
                    (eldest.frame, eldest.time)
                });
            if self.time != time {
                numbers.rto_frame = frame;
                numbers.rto = self.time - time;
            }
        }
        self.remember(ours, *remarks, numbered);
        self.acknowledge(theirs, numbers);
        if self.length > 0
            && !ours.uncountable
            && let Some((first, last)) = ours.span
        {
            let in_flight = last.wrapping_sub(first).wrapping_sub(theirs.sacked);
            if in_flight < MOST_IN_FLIGHT {
                // SYN and FIN have a number, and are no byte.
                let number = u32::from(self.tcp.syn || self.tcp.fin);
                numbers.in_flight = in_flight.saturating_sub(number);
            }
            // Wireshark counts these where it counts those.
            let before = if ours.push_ended { 0 } else { ours.pushed };
            ours.pushed = before.saturating_add(self.length);
            ours.push_ended = self.tcp.psh;
            numbers.pushed = ours.pushed;
        }
    }

    /// What windows and acknowledgment numbers show.
    fn window_and_acks(&self, ours: &mut Half, theirs: &Half, remarks: &mut Remarks) {
        let window = u32::from(self.tcp.window);
        let next = ours.next;
        let at_next = next == Some(self.tcp.seq);
        if self.length == 1 && at_next && theirs.window == 0 && theirs.next.is_some() {
            remarks.add(Remarks::ZERO_WINDOW_PROBE);
            return;
        }
        if window == 0 && !self.handshake {
            remarks.add(Remarks::ZERO_WINDOW);
        }
        if let Some(next) = next {
            if after(self.tcp.seq, next) && !self.tcp.rst {
                remarks.add(Remarks::LOST_SEGMENT);
                ours.uncountable = true;
            }
            if self.length <= 1 && self.tcp.seq == next.wrapping_sub(1) && !self.handshake {
                remarks.add(Remarks::KEEP_ALIVE);
            }
        }
        let repeats = self.length == 0 && at_next && self.ack == ours.last_ack && !self.handshake;
        if repeats && window != 0 && window != ours.window {
            remarks.add(Remarks::WINDOW_UPDATE);
        }
        if let Some(scale) = theirs.scale
            && self.length > 0
            && !self.handshake
        {
            let shift = if theirs.unscaled { 0 } else { scale.max(0) };
            let edge = theirs
                .last_ack
                .wrapping_add(theirs.window << u32::from(shift.unsigned_abs()));
            if self.tcp.seq.wrapping_add(self.length) == edge {
                remarks.add(Remarks::WINDOW_FULL);
            }
        }
        if !repeats || window != ours.window {
            return;
        }
        if window != 0 && theirs.last_remarks.has(Remarks::KEEP_ALIVE) {
            remarks.add(Remarks::KEEP_ALIVE_ACK);
        } else if window == 0 && theirs.last_remarks.has(Remarks::ZERO_WINDOW_PROBE) {
            remarks.add(Remarks::ZERO_WINDOW_PROBE_ACK);
        } else if window != 0 {
            remarks.add(Remarks::DUPLICATE_ACK);
        }
    }

    /// Whether it was sent again, and how.
    fn again(&self, ours: &Half, theirs: &Half, remarks: &mut Remarks) {
        let seq = self.tcp.seq;
        let end = seq.wrapping_add(self.length);
        if self.length > 0 && theirs.last_ack != 0 && !after(end, theirs.last_ack) {
            remarks.add(Remarks::SPURIOUS_RETRANSMISSION);
            return;
        }
        let Some(next) = ours.next else { return };
        // A probe of a closed window may have carried the first byte.
        let probed = self.length > 1 && next.wrapping_sub(1) == seq;
        if !before(seq, next) || probed {
            return;
        }
        let end = end.wrapping_add(u32::from(self.tcp.syn || self.tcp.fin));
        // Where the clock went back nothing is known to be late, as in Wireshark.
        let late = (0..self.out_of_order).contains(&(self.time - ours.next_time));
        remarks.add(
            if theirs.duplicate_acks >= 2
                && theirs.last_ack == seq
                && (0..FAST).contains(&(self.time - theirs.last_ack_time))
            {
                Remarks::FAST_RETRANSMISSION
            } else if late && next != end {
                Remarks::OUT_OF_ORDER
            } else {
                Remarks::RETRANSMISSION
            },
        );
    }

    fn remember(&self, ours: &mut Half, remarks: Remarks, numbered: bool) {
        let seq = self.tcp.seq;
        let mut next = seq.wrapping_add(self.length);
        if numbered && ours.unacked.len() < MOST_UNACKED {
            if self.tcp.syn || self.tcp.fin {
                next = next.wrapping_add(1);
            }
            ours.unacked.push(Unacked {
                seq,
                next,
                frame: self.frame,
                time: self.time,
            });
            ours.span = Some(widened(ours.span, ours.base, seq, next));
        } else if numbered && (self.tcp.syn || self.tcp.fin) {
            next = next.wrapping_add(1);
        }
        let probe = remarks.has(Remarks::ZERO_WINDOW_PROBE);
        if !probe && ours.next.is_none_or(|known| after(next, known)) {
            ours.next = Some(next);
            ours.next_time = self.time;
            ours.next_frame = self.frame;
        }
        if !probe && ours.most_to_be_acked.is_none_or(|most| most == seq) {
            ours.most_to_be_acked = ours.next;
        }
        ours.window = u32::from(self.tcp.window);
        ours.last_ack = self.ack;
        ours.last_ack_time = self.time;
        ours.last_remarks = remarks;
    }

    /// What it acknowledges of the other direction.
    fn acknowledge(&self, theirs: &mut Half, numbers: &mut Numbers) {
        let ack = self.ack;
        // Nothing that waits begins before this: known of numbers that are near enough to be in order.
        let in_order = |first: u32, last: u32| last.wrapping_sub(first) < 1 << 31;
        if (theirs.span).is_none_or(|(first, last)| !after(ack, first) && in_order(first, last)) {
            return;
        }
        let base = theirs.base;
        let mut span = None;
        // The first of several that end there counts: Wireshark goes through all of them, from the newest to the oldest, and keeps the last.
        let mut found = None;
        theirs.unacked.retain_mut(|waiting| {
            if ack == waiting.next {
                found.get_or_insert(*waiting);
                return false;
            }
            if after(ack, waiting.seq) && !after(ack, waiting.next) {
                waiting.seq = ack;
            } else if !after(waiting.next, ack) {
                return false;
            }
            span = Some(widened(span, base, waiting.seq, waiting.next));
            true
        });
        theirs.span = span;
        if let Some(found) = found {
            numbers.acks_frame = found.frame;
            numbers.ack_rtt = self.time - found.time;
        }
    }
}

/// Lowest start and highest end, counted from the direction's first number.
fn widened(span: Option<(u32, u32)>, base: Option<u32>, seq: u32, next: u32) -> (u32, u32) {
    let from_base = |number: u32| number.wrapping_sub(base.unwrap_or(0));
    match span {
        None => (seq, next),
        Some((first, last)) => (
            if from_base(seq) < from_base(first) {
                seq
            } else {
                first
            },
            if from_base(next) > from_base(last) {
                next
            } else {
                last
            },
        ),
    }
}
