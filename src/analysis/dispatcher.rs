//! Says of every frame which stream it belongs to, and when streams open and are over: from headers alone, so that
//! those who follow the streams may do it elsewhere and later.

use super::PacketCounts;
use super::tenants::Tenants;
use crate::decode::{self, LostDatagram, Outcome, Packet};
use crate::findings::facts::{self, CaptureEnd, CaptureFacts};
use crate::findings::{Finding, rules};
use crate::flow::{FlowKey, Pair, Side, Table};
use crate::frame::Frame;
use crate::ledger::TransportKind;
use crate::reassembly::tcp::Beginning;
use crate::units::{FrameNumber, StreamId, Time, Timestamp};

/// After so many frames, streams that closed and fell silent are looked for.
const SWEEP_EVERY: u64 = 16_384;
/// A frame may be captured so many nanoseconds after a later one (several queues of one device) before the clock is
/// said to have gone back.
const CLOCK_STEP: i64 = 10_000_000;
/// A closed stream may still get frames for this long, in nanoseconds (Linux keeps TIME-WAIT for 60 s).
const LINGER: i64 = 60_000_000_000;
/// Of so many IP datagrams that were never whole each is told of.
const LOST_TOLD: u64 = 1000;

/// The place of a live stream: its own until it is closed.
pub(crate) type Place = usize;

/// A stream's numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Opening {
    pub(crate) id: StreamId,
    /// Among the streams of its transport.
    pub(crate) of_transport: u32,
    /// There was a stream between its endpoints before.
    pub(crate) reused: bool,
}

/// Takes what the dispatcher says, in order.
pub(crate) trait Orders<'x> {
    /// The next packet of the stream at `place`, the first one where it `opens` it.
    fn packet(
        &mut self,
        place: Place,
        opens: Option<Opening>,
        packet: &Packet<'x>,
        frame: &Frame<'x>,
    );
    /// The stream at `place` is over; the capture had come to `now`.
    fn close(&mut self, place: Place, now: CaptureEnd);
    /// Something about no stream that is followed.
    fn finding(&mut self, finding: Finding);
}

/// What headers tell of one direction.
#[derive(Debug, Clone, Copy, Default)]
struct Sent {
    beginning: Beginning,
    /// A packet was seen.
    seen: bool,
    /// A FIN was seen.
    fin: bool,
}

/// What headers tell of a live stream.
#[derive(Debug, Clone)]
struct Flow {
    id: StreamId,
    /// Whether the sender of its first frame is the lower end of its key.
    first_is_low: bool,
    /// A RST was seen.
    reset: bool,
    sides: Pair<Sent>,
    last: FrameNumber,
    last_time: Time,
}

impl Flow {
    fn new(id: StreamId, first_is_low: bool, frame: &Frame<'_>) -> Self {
        Self {
            id,
            first_is_low,
            reset: false,
            sides: Pair::default(),
            last: frame.number,
            last_time: Time::of(frame.time),
        }
    }

    fn side(&self, from_low: bool) -> Side {
        if from_low == self.first_is_low {
            Side::First
        } else {
            Side::Second
        }
    }

    /// Whether a segment opens another connection between the same endpoints.
    fn is_another(&self, packet: &Packet<'_>, from_low: bool, frame: &Frame<'_>) -> bool {
        match packet.transport {
            decode::Transport::Tcp(header) => {
                let side = self.side(from_low);
                let other = self.sides[side.other()].beginning;
                self.sides[side].beginning.is_another(&header, &other)
                    || (header.syn && self.is_over_before(frame, header.ack.is_some()))
            }
            decode::Transport::Udp => false,
        }
    }

    /// Whether the connection was made and ended before this frame, a SYN: one that has the same number as the first opens
    /// another. A second copy of the first comes with a time before the end (captures of both ends, read one after the other),
    /// and one that was refused is tried again with the same number. `answers`: it is the second SYN of a connection, which
    /// may be sent again after a reset.
    fn is_over_before(&self, frame: &Frame<'_>, answers: bool) -> bool {
        let made = self.sides.iter().all(|sent| sent.beginning.saw_syn());
        let ended = self.sides.iter().all(|sent| sent.fin) || (self.reset && !answers);
        let last_time = self.last_time.get();
        let later = last_time
            .zip(frame.time)
            .is_none_or(|(last, now)| now.since(last) > 0);
        made && ended && later
    }

    fn packet(&mut self, packet: &Packet<'_>, from_low: bool, frame: &Frame<'_>) {
        self.last = frame.number;
        // The latest: a second capture of the same frames may be read behind the first.
        self.last_time = Time::of(self.last_time.get().max(frame.time));
        let side = self.side(from_low);
        let sent = &mut self.sides[side];
        sent.seen = true;
        let decode::Transport::Tcp(header) = packet.transport else {
            return;
        };
        self.reset |= header.rst;
        sent.beginning.segment(&header, packet.payload_len);
        // What a RST carries is a message about it.
        sent.fin |= header.fin && !header.rst;
    }

    /// Whether a packet of another tunnel is of this stream: an answer by its own path, or a packet already seen
    /// outside of the tunnel.
    fn is_of(&self, packet: &Packet<'_>, from_low: bool, key: FlowKey, own: FlowKey) -> bool {
        let side = self.side(from_low);
        let (ours, theirs) = (&self.sides[side], &self.sides[side.other()]);
        let is_outside = packet.tunnel.is_none() || key == key.plain();
        match packet.transport {
            decode::Transport::Tcp(header) if header.syn => {
                let answers = header
                    .ack
                    .is_some_and(|ack| theirs.beginning.is_answered_by(ack));
                (answers && !ours.seen) || is_outside && ours.beginning.is_begun_by(header.seq)
            }
            decode::Transport::Tcp(_) | decode::Transport::Udp => {
                !ours.seen && key.is_in_network_of(own)
            }
        }
    }

    /// When the last frame came of a stream of which both sides closed or either reset; absent of one that may go on.
    fn closed(&self) -> Option<Timestamp> {
        let closed = self.reset || self.sides.iter().all(|sent| sent.fin);
        self.last_time.get().filter(|_| closed)
    }

    /// Whether it closed, and nothing came since for as long as something may.
    fn is_over(&self, now: Timestamp) -> bool {
        self.closed().is_some_and(|last| now.since(last) > LINGER)
    }
}

/// The earlier one of those that are there.
fn earlier(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// Which frame belongs to which stream.
#[derive(Debug, Clone)]
pub(crate) struct Dispatcher {
    /// Streams followed at once.
    limit: usize,
    decoder: decode::Decoder,
    pub(super) counts: PacketCounts,
    flows: Table<Flow>,
    next_stream: u32,
    next_of: [u32; 2],
    /// Latest capture time seen since the clock was last set back.
    now: Option<Timestamp>,
    limit_told: bool,
    /// The programs were told to end by whoever watches them.
    after_end: bool,
    /// Somebody said when the capture ended.
    end_known: bool,
    tenants: Tenants,
    /// No stream that closed did so, or fell silent since, before this; absent where none closed.
    closed_since: Option<Timestamp>,
    /// Of the capture's clock.
    pub(super) facts: CaptureFacts,
    /// Time of the frame before.
    last_time: Option<Timestamp>,
}

impl Dispatcher {
    pub(crate) fn new(limit: usize, decoder: decode::Decoder) -> Self {
        Self {
            limit,
            decoder,
            counts: PacketCounts::default(),
            flows: Table::default(),
            next_stream: 0,
            next_of: [0; 2],
            now: None,
            limit_told: false,
            after_end: false,
            end_known: false,
            tenants: Tenants::default(),
            closed_since: None,
            facts: CaptureFacts::default(),
            last_time: None,
        }
    }

    pub(super) fn live_streams(&self) -> usize {
        self.flows.len()
    }

    /// Takes the next frame.
    #[inline]
    pub(crate) fn frame<'x>(&mut self, frame: &Frame<'x>, orders: &mut impl Orders<'x>) {
        // Looked at where it lies: it is large.
        let mut outcome = self.decoder.decode(frame);
        self.decoded(frame, &mut outcome, orders);
    }

    /// Takes the next frame, which was decoded elsewhere.
    #[inline]
    pub(crate) fn decoded<'x>(
        &mut self,
        frame: &Frame<'x>,
        outcome: &mut Outcome<'x>,
        orders: &mut impl Orders<'x>,
    ) {
        self.counts.read += 1;
        self.clock(frame);
        self.after_end |= frame.after_end;
        if let (true, Outcome::Packet(packet)) = (self.after_end, &mut *outcome) {
            packet.notes.after_end = true;
            if let decode::Transport::Tcp(header) = &mut packet.transport {
                // The FIN takes a number of the stream: who follows it has to know.
                header.rst = false;
            }
        }
        match &*outcome {
            Outcome::Packet(_) | Outcome::FragmentHeld => self.counts.decoded += 1,
            Outcome::Skipped(skip) => {
                *self.counts.skipped.entry(skip.name()).or_default() += 1;
                if *skip == decode::Skip::NotTcpOrUdp {
                    self.unreachable(frame);
                }
            }
        }
        if self.counts.read.is_multiple_of(SWEEP_EVERY) {
            self.sweep(orders);
        }
        if let Outcome::Packet(packet) = &*outcome {
            if !self.facts.unreached.is_empty()
                && let Some(unreached) = self.facts.unreached.get_mut(&packet.source)
            {
                unreached.answered.get_or_insert(frame.number);
            }
            self.packet(packet, frame, orders);
        }
    }

    /// What an ICMP message says of a packet of a stream that is known.
    #[cold]
    fn unreachable(&mut self, frame: &Frame<'_>) {
        let Some(about) = decode::unreachable(frame) else {
            return;
        };
        let transport = if about.datagram {
            TransportKind::Udp
        } else {
            TransportKind::Tcp
        };
        let key = FlowKey::new(transport, about.source, about.destination);
        let Some((_, flow)) = self.flows.find(key) else {
            return;
        };
        let stream = flow.id;
        let known = &mut self.facts.unreached;
        if known.len() >= facts::UNREACHED && !known.contains_key(&about.destination) {
            return;
        }
        let unreached = known
            .entry(about.destination)
            .or_insert_with(|| facts::Unreached {
                stream,
                client: about.source,
                frames: facts::Frames::default(),
                what: about.what.words(),
                datagrams: about.datagram,
                answered: None,
            });
        unreached.frames.add(frame.number);
    }

    fn clock(&mut self, frame: &Frame<'_>) {
        if let (Some(before), Some(now)) = (self.last_time, frame.time)
            && before.since(now) > CLOCK_STEP
        {
            self.facts.clock_steps.add(frame.number);
            self.facts.largest_step = self.facts.largest_step.max(before.since(now));
            // It is another clock from here on: by what the one before said, every stream would have been silent for so long.
            if !self.after_end {
                self.now = frame.time;
            }
        }
        self.last_time = frame.time.or(self.last_time);
        self.passed(frame.time);
    }

    fn so_far(&self) -> CaptureEnd {
        CaptureEnd {
            time: self.now,
            known: self.end_known || self.after_end,
        }
    }

    /// The capture went on up to here, and was ended.
    pub(super) fn ended(&mut self, time: Option<Timestamp>) {
        self.end_known |= time.is_some();
        self.passed(time);
    }

    /// What comes after the programs were told to end is not waited for.
    fn passed(&mut self, time: Option<Timestamp>) {
        if !self.after_end {
            self.now = self.now.max(time);
        }
    }

    fn packet<'x>(&mut self, packet: &Packet<'x>, frame: &Frame<'x>, orders: &mut impl Orders<'x>) {
        let transport = match packet.transport {
            decode::Transport::Tcp(_) => TransportKind::Tcp,
            decode::Transport::Udp => TransportKind::Udp,
        };
        let (mut key, from_low) = FlowKey::directed(transport, packet.source, packet.destination);
        let tunnelled = !packet.tunnel.is_none() || !self.tenants.is_empty();
        if tunnelled {
            key = self.key_within(key.within(packet.tunnel), packet, from_low);
        }
        let another = match self.flows.find(key) {
            Some((place, flow)) if !flow.is_another(packet, from_low, frame) => {
                flow.packet(packet, from_low, frame);
                self.closed_since = earlier(self.closed_since, flow.closed());
                orders.packet(place, None, packet, frame);
                return;
            }
            known => known.is_some(),
        };
        // The same endpoints again: the connection before is over.
        if another && let Some((place, _)) = self.flows.remove(key) {
            orders.close(place, self.so_far());
        }
        if self.flows.len() >= self.limit {
            self.evict(orders);
        }
        let [tcp, udp] = &mut self.next_of;
        let of_transport = match transport {
            TransportKind::Tcp => tcp,
            TransportKind::Udp => udp,
        };
        let opening = Opening {
            id: StreamId(self.next_stream),
            of_transport: *of_transport,
            reused: another,
        };
        *of_transport += 1;
        self.next_stream += 1;
        let mut flow = Flow::new(opening.id, from_low, frame);
        flow.packet(packet, from_low, frame);
        self.closed_since = earlier(self.closed_since, flow.closed());
        let place = self.flows.insert(key, flow);
        if tunnelled {
            self.tenants.opened(key);
        }
        orders.packet(place, Some(opening), packet, frame);
    }

    /// The key of the stream that a packet belongs to, `own` where it is the first one.
    #[cold]
    fn key_within(&mut self, own: FlowKey, packet: &Packet<'_>, from_low: bool) -> FlowKey {
        if self.flows.find(own).is_some() {
            return own;
        }
        if let Some(key) = self.tenants.alias(own)
            && self.flows.find(key).is_some()
        {
            return key;
        }
        let Self { flows, tenants, .. } = self;
        let found = tenants.with_ends_of(own).find(|&key| {
            flows
                .find(key)
                .is_some_and(|(_, flow)| flow.is_of(packet, from_low, key, own))
        });
        let Some(key) = found else { return own };
        self.tenants.lead(own, key, self.limit);
        key
    }

    /// Tells what time it is: closed streams that fell silent are finished.
    pub(super) fn advance<'x>(&mut self, now: Timestamp, orders: &mut impl Orders<'x>) {
        self.passed(Some(now));
        self.sweep(orders);
    }

    fn sweep<'x>(&mut self, orders: &mut impl Orders<'x>) {
        for lost in self.decoder.take_lost() {
            self.lost(&lost, orders);
        }
        let Self { flows, tenants, .. } = self;
        if !tenants.is_empty() {
            tenants.retain(|key| flows.find(key).is_some());
        }
        let Some(now) = self.now else { return };
        // To look at all of them takes time where they are many.
        if self
            .closed_since
            .is_none_or(|since| now.since(since) <= LINGER)
        {
            return;
        }
        let over = self.flows.drain_where(|flow| flow.is_over(now));
        self.closed_since = self.flows.iter().filter_map(Flow::closed).min();
        self.close(over, orders);
    }

    /// An IP datagram was never whole. Of so many each is told of, and of the rest how many there were.
    fn lost<'x>(&mut self, lost: &LostDatagram, orders: &mut impl Orders<'x>) {
        self.counts.incomplete_datagrams += 1;
        if self.counts.incomplete_datagrams <= LOST_TOLD {
            orders.finding(rules::fragment_lost(lost));
        }
    }

    /// Too many streams: finishes the sixteenth of them that was silent for longest.
    fn evict<'x>(&mut self, orders: &mut impl Orders<'x>) {
        let mut last: Vec<FrameNumber> = self.flows.iter().map(|flow| flow.last).collect();
        let nth = last.len() / 16;
        if nth >= last.len() {
            return;
        }
        let (_, &mut oldest, _) = last.select_nth_unstable(nth);
        let over = self.flows.drain_where(|flow| flow.last <= oldest);
        if !self.limit_told {
            self.limit_told = true;
            orders.finding(rules::stream_limit(self.limit, oldest));
        }
        self.close(over, orders);
    }

    /// In order of their numbers, whatever their places.
    fn close<'x>(&self, mut over: Vec<(Place, Flow)>, orders: &mut impl Orders<'x>) {
        over.sort_by_key(|(_, flow)| flow.id);
        for (place, _) in over {
            orders.close(place, self.so_far());
        }
    }

    /// The capture is over: finishes every stream.
    pub(crate) fn finish<'x>(&mut self, orders: &mut impl Orders<'x>) {
        for lost in self.decoder.finish() {
            self.lost(&lost, orders);
        }
        let more = self.counts.incomplete_datagrams.saturating_sub(LOST_TOLD);
        if more > 0 {
            orders.finding(rules::fragments_lost(more));
        }
        let over = self.flows.drain_where(|_| true);
        self.close(over, orders);
    }
}
