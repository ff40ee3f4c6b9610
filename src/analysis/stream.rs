//! One stream as it is followed: its two directions, their pictures, and the facts that findings rest on.

use std::borrow::Cow;
use std::net::SocketAddr;

use super::account;
use super::channel::{Channel, Context};
use super::{Event, Observer, Options};
use crate::decode::{Packet, Transport};
use crate::findings::facts::{DirectionFacts, StreamFacts};
use crate::ledger::{self, Confidence, TransportKind};
use crate::reassembly::assembler::Keep;
use crate::frame::Frame;
use crate::reassembly::assembler::keep_copied;
use crate::reassembly::tcp::{Half, Segment};
use crate::reassembly::{Delivery, Extent, Gap, GapCause, Log};
use crate::units::{FrameNumber, StreamId, Timestamp};
use crate::wire::{Protocol, Role, StreamEnd};

/// One direction of a UDP 5-tuple: datagrams in order of capture, nothing to put in order.
#[derive(Debug, Default)]
struct UdpHalf {
    log: Log,
    packets: u64,
    wire_bytes: u64,
    data_packets: u64,
    payload_bytes: u64,
    /// Stream offset of the next datagram.
    offset: u64,
    gaps: Vec<Gap>,
    last: Option<Timestamp>,
}

#[derive(Debug)]
enum Halves<'cap> {
    Tcp(Box<[Half<'cap>; 2]>),
    Udp(Box<[UdpHalf; 2]>),
}

/// What the analysis shares with every stream.
pub(super) struct Shared<'s> {
    pub(super) options: &'s Options,
    pub(super) observer: &'s mut dyn Observer,
    pub(super) next_picture: &'s mut u32,
}

/// A stream as it is followed.
#[derive(Debug)]
pub(super) struct Stream<'cap> {
    id: StreamId,
    transport_stream: u32,
    /// Sender and receiver of the first frame: directions 0 and 1.
    sides: [SocketAddr; 2],
    initiator: Option<usize>,
    format: Option<(Protocol, Confidence)>,
    first: (FrameNumber, Option<Timestamp>),
    last: (FrameNumber, Option<Timestamp>),
    halves: Halves<'cap>,
    channels: [Channel; 2],
    hashers: [Option<Box<sha2::Sha256>>; 2],
    facts: [DirectionFacts; 2],
    answered: [bool; 2],
    limited: bool,
}

/// What is left of a stream when it is over.
pub(super) struct Closed {
    pub(super) stream: ledger::Stream,
    pub(super) images: Vec<ledger::Image>,
    pub(super) facts: StreamFacts,
}

impl<'cap> Stream<'cap> {
    pub(super) fn new(
        id: StreamId,
        transport_stream: u32,
        packet: &Packet<'_>,
        frame: &Frame<'_>,
        options: &Options,
    ) -> Self {
        let sides = [packet.source, packet.destination];
        let (halves, initiator) = match packet.transport {
            Transport::Tcp(tcp) => {
                let halves = Halves::Tcp(Box::default());
                let initiator = match (tcp.syn, tcp.ack) {
                    (true, None) => Some(0),
                    (true, Some(_)) => Some(1),
                    (false, _) => None,
                };
                (halves, initiator)
            }
            Transport::Udp => (Halves::Udp(Box::default()), Some(0)),
        };
        let given = options
            .protocols
            .iter()
            .find(|(port, _)| sides.iter().any(|side| side.port() == *port))
            .map(|(_, protocol)| (protocol.clone(), Confidence::Given));
        let hasher = || match options.digest {
            super::DigestKind::Sha256 => Some(Box::default()),
            _ => None,
        };
        Self {
            id,
            transport_stream,
            sides,
            initiator,
            format: given,
            first: (frame.number, frame.time),
            last: (frame.number, frame.time),
            halves,
            channels: Default::default(),
            hashers: [hasher(), hasher()],
            facts: Default::default(),
            answered: [false; 2],
            limited: false,
        }
    }

    pub(super) fn opened(&self, observer: &mut dyn Observer) {
        observer.event(Event::StreamOpened {
            stream: self.id,
            transport: self.transport(),
            from: self.sides[0],
            to: self.sides[1],
            time: self.first.1,
        });
    }

    pub(super) fn id(&self) -> StreamId {
        self.id
    }

    pub(super) fn last_frame(&self) -> FrameNumber {
        self.last.0
    }

    pub(super) fn last_time(&self) -> Option<Timestamp> {
        self.last.1
    }

    fn transport(&self) -> TransportKind {
        match self.halves {
            Halves::Tcp(_) => TransportKind::Tcp,
            Halves::Udp(_) => TransportKind::Udp,
        }
    }

    /// Whether both sides closed, or either reset.
    pub(super) fn is_closed(&self) -> bool {
        match &self.halves {
            Halves::Tcp(halves) => {
                halves.iter().any(|half| half.reset_frame.is_some())
                    || halves.iter().all(Half::reached_fin)
            }
            Halves::Udp(_) => false,
        }
    }

    /// Whether a segment opens another connection between the same endpoints.
    pub(super) fn is_another(&self, packet: &Packet<'_>) -> bool {
        match (&self.halves, packet.transport) {
            (Halves::Tcp(halves), Transport::Tcp(tcp)) => {
                halves[self.direction(packet)].is_another(&tcp)
            }
            _ => false,
        }
    }

    fn direction(&self, packet: &Packet<'_>) -> usize {
        usize::from(packet.source != self.sides[0])
    }

    /// Takes a packet of this stream.
    pub(super) fn packet<'x>(
        &mut self,
        packet: &Packet<'x>,
        frame: &Frame<'x>,
        keep: Keep<'x, 'cap>,
        shared: &mut Shared<'_>,
    ) {
        let direction = self.direction(packet);
        self.last = (frame.number, frame.time);
        self.facts[direction].notes(&packet.notes, frame.number);
        let plain = |header| Segment {
            header,
            payload: &[],
            payload_len: packet.payload_len,
            frame: frame.number,
            time: frame.time,
            wire_len: frame.wire_len,
        };
        match (packet.transport, &packet.payload) {
            (Transport::Tcp(header), &Cow::Borrowed(payload)) => {
                let segment = Segment { payload, ..plain(header) };
                self.segment(direction, &segment, keep, shared);
            }
            (Transport::Tcp(header), Cow::Owned(payload)) => {
                // Put together from fragments: the bytes are gone after the call.
                let segment = Segment { payload, ..plain(header) };
                self.segment(direction, &segment, keep_copied, shared);
            }
            (Transport::Udp, _) => self.datagram(direction, packet, frame, shared),
        }
    }

    fn segment<'x>(
        &mut self,
        direction: usize,
        segment: &Segment<'x>,
        keep: Keep<'x, 'cap>,
        shared: &mut Shared<'_>,
    ) {
        let role = self.role(direction);
        let other_role = self.role(1 - direction);
        let Halves::Tcp(halves) = &mut self.halves else {
            return;
        };
        let [from, to] = ends(self.sides, direction);
        let [ours, others] = &mut **halves;
        let (half, peer) = match direction {
            0 => (ours, others),
            _ => (others, ours),
        };
        let [a, b] = &mut self.channels;
        let (channel, peer_channel) = match direction {
            0 => (a, b),
            _ => (b, a),
        };
        let [a, b] = &mut self.hashers;
        let (hasher, peer_hasher) = match direction {
            0 => (a, b),
            _ => (b, a),
        };
        let mut context = Context {
            options: shared.options,
            observer: shared.observer,
            next_picture: shared.next_picture,
            stream: self.id,
            transport: TransportKind::Tcp,
            from,
            to,
            role,
            format: &mut self.format,
            frame: segment.frame,
            time: segment.time,
            late: !half.saw_syn() && !segment.header.syn,
        };
        if !segment.payload.is_empty() && !self.answered[1 - direction] {
            self.answered[1 - direction] = true;
            peer_channel.answered(&mut Context {
                from: to,
                to: from,
                role: other_role,
                ..context.again()
            });
        }
        let verdict = half.segment(segment, keep, &mut |delivery| {
            pass_on(delivery, channel, hasher, &mut context);
        });
        let facts = &mut self.facts[direction];
        facts.segment(segment, &verdict);
        let limit = shared.options.limits.waiting_bytes_per_direction;
        self.limited |= half.settle(limit, &mut |delivery| {
            pass_on(delivery, channel, hasher, &mut context);
        });
        if half.reached_fin() {
            channel.finish(StreamEnd::Fin, &mut context);
        }
        if !channel.needs_detail() {
            half.log.discard_before(half.assembler.next());
        }
        // The other direction: what this segment acknowledges, and its holes that can no longer fill.
        if let Some(ack) = segment.header.ack {
            peer.acknowledge(ack);
        }
        let mut context = Context {
            from: to,
            to: from,
            role: other_role,
            ..context
        };
        self.limited |= peer.settle(limit, &mut |delivery| {
            pass_on(delivery, peer_channel, peer_hasher, &mut context);
        });
        if peer.reached_fin() {
            peer_channel.finish(StreamEnd::Fin, &mut context);
        }
        if segment.header.rst {
            for half in [half, peer] {
                half.assembler.forget_recent();
            }
        }
    }

    fn datagram(
        &mut self,
        direction: usize,
        packet: &Packet<'_>,
        frame: &Frame<'_>,
        shared: &mut Shared<'_>,
    ) {
        let (wire_len, time, frame) = (frame.wire_len, frame.time, frame.number);
        let role = self.role(direction);
        let [from, to] = ends(self.sides, direction);
        let Halves::Udp(halves) = &mut self.halves else {
            return;
        };
        let half = &mut halves[direction];
        let channel = &mut self.channels[direction];
        let mut context = Context {
            options: shared.options,
            observer: shared.observer,
            next_picture: shared.next_picture,
            stream: self.id,
            transport: TransportKind::Udp,
            from,
            to,
            role,
            format: &mut self.format,
            frame,
            time,
            late: false,
        };
        if let (Some(now), Some(last)) = (time, half.last)
            && u128::from(now.since(last).max(0).unsigned_abs()) > shared.options.idle.as_nanos()
        {
            channel.idle(&mut context);
        }
        half.last = time;
        half.packets += 1;
        // Wireshark's conversation counts a fragmented datagram by the frame that completes it.
        half.wire_bytes += u64::from(wire_len);
        let payload: &[u8] = &packet.payload;
        let length = u64::from(packet.payload_len);
        half.payload_bytes += payload.len() as u64;
        half.data_packets += u64::from(!payload.is_empty());
        for part in packet.parts.as_slice() {
            let captured = u32::try_from(payload.len()).unwrap_or(u32::MAX);
            let bytes = part.bytes.min(captured.saturating_sub(part.offset));
            if bytes > 0 {
                half.log.push(&Extent {
                    offset: half.offset + u64::from(part.offset),
                    bytes,
                    frame: part.frame,
                    wire_len: part.wire_len,
                    time: part.time,
                    repeat: false,
                });
            }
        }
        let cut = length > payload.len() as u64;
        self.facts[direction].datagram(frame, time, packet.payload_len, cut);
        if let Some(hasher) = &mut self.hashers[direction] {
            sha2::Digest::update(hasher.as_mut(), payload);
        }
        let missing = length.saturating_sub(payload.len() as u64);
        if missing > 0 {
            half.gaps.push(Gap {
                offset: half.offset + payload.len() as u64,
                length: missing,
                cause: GapCause::SnapLength,
            });
        }
        half.offset += length.max(payload.len() as u64);
        channel.datagram(payload, missing, &mut context);
        if !channel.needs_detail() {
            half.log.discard_before(half.offset);
        }
    }

    /// No more frames of this stream come, or it is given up: draws up its accounts.
    pub(super) fn close(mut self, capture_end: Option<Timestamp>, shared: &mut Shared<'_>) -> Closed {
        let reset = match &self.halves {
            Halves::Tcp(halves) => halves.iter().any(|half| half.reset_frame.is_some()),
            Halves::Udp(_) => false,
        };
        for direction in [0, 1] {
            let role = self.role(direction);
            let [from, to] = ends(self.sides, direction);
            let mut context = Context {
                options: shared.options,
                observer: shared.observer,
                next_picture: shared.next_picture,
                stream: self.id,
                transport: self.transport(),
                from,
                to,
                role,
                format: &mut self.format,
                frame: self.last.0,
                time: self.last.1,
                late: false,
            };
            let channel = &mut self.channels[direction];
            let end = match &mut self.halves {
                Halves::Tcp(halves) => {
                    let heard_other = halves[1 - direction].is_open();
                    let half = &mut halves[direction];
                    context.late = !half.saw_syn();
                    let hasher = &mut self.hashers[direction];
                    half.finish(heard_other, &mut |delivery| {
                        pass_on(delivery, channel, hasher, &mut context);
                    });
                    match (half.fin.is_some(), reset) {
                        (true, _) => StreamEnd::Fin,
                        (false, true) => StreamEnd::Reset,
                        (false, false) => StreamEnd::Unfinished,
                    }
                }
                Halves::Udp(halves) => {
                    let quiet = capture_end
                        .zip(halves[direction].last)
                        .is_some_and(|(end, last)| {
                            u128::from(end.since(last).max(0).unsigned_abs())
                                > shared.options.idle.as_nanos()
                        });
                    if quiet { StreamEnd::Idle } else { StreamEnd::Unfinished }
                }
            };
            channel.finish(end, &mut context);
        }
        self.accounts(capture_end, shared.options)
    }

    fn accounts(self, capture_end: Option<Timestamp>, options: &Options) -> Closed {
        let idle_at_end = capture_end.zip(self.last.1).is_some_and(|(end, last)| {
            u128::from(end.since(last).max(0).unsigned_abs()) > options.idle.as_nanos()
        });
        let transport = self.transport();
        let mut images = Vec::new();
        for direction in [0, 1] {
            let log = match &self.halves {
                Halves::Tcp(halves) => &halves[direction].log,
                Halves::Udp(halves) => &halves[direction].log,
            };
            let log = log.indexed();
            let [from, to] = ends(self.sides, direction);
            let place = account::Place {
                stream: self.id,
                transport,
                from,
                to,
                idle_at_end,
                end: self.channels[direction].end,
            };
            for picture in &self.channels[direction].pictures {
                images.push(account::image(picture, &log, &place, options));
            }
        }
        images.sort_by_key(|image| image.id);
        let digests = self.hashers.map(|hasher| {
            hasher.map(|hasher| crate::digest::hex(&sha2::Digest::finalize(*hasher)))
        });
        let [first_digest, second_digest] = digests;
        let mut directions = Vec::with_capacity(2);
        for (direction, digest) in [(0, first_digest), (1, second_digest)] {
            let [from, to] = ends(self.sides, direction);
            directions.push(match &self.halves {
                Halves::Tcp(halves) => account::tcp_direction(&halves[direction], from, to, digest),
                Halves::Udp(halves) => {
                    let half = &halves[direction];
                    ledger::Direction {
                        from,
                        to,
                        packets: half.packets,
                        wire_bytes: half.wire_bytes,
                        data_packets: half.data_packets,
                        payload_bytes: half.payload_bytes,
                        unique_bytes: half.payload_bytes,
                        duplicate_bytes: 0,
                        retransmitted_packets: 0,
                        out_of_order_packets: 0,
                        gap_bytes: half.gaps.iter().map(|gap| gap.length).sum(),
                        gaps: half.gaps.clone(),
                        closed: None,
                        sha256: digest,
                    }
                }
            });
        }
        let mut initiator = self.initiator;
        if initiator == Some(1) {
            directions.reverse();
            initiator = Some(0);
        }
        let choice = self.channels.iter().find_map(|channel| channel.choice.clone());
        let found = self.channels.iter().any(|channel| !channel.pictures.is_empty());
        // A format that was only guessed, and in which no picture came, is not worth a name.
        let format = self.format.clone().filter(|(protocol, _)| found || *protocol != Protocol::Carve);
        let stream = ledger::Stream {
            id: self.id,
            transport,
            transport_stream: self.transport_stream,
            protocol: format.as_ref().map(|(protocol, _)| protocol.to_string()),
            confidence: format.map(|(_, confidence)| confidence),
            initiator,
            first_packet: self.first.0,
            last_packet: self.last.0,
            started: self.first.1,
            ended: self.last.1,
            request: choice,
            directions,
        };
        let facts = self.facts(idle_at_end, initiator != self.initiator);
        Closed {
            stream,
            images,
            facts,
        }
    }

    /// The facts that findings rest on, in the order of the account's directions.
    fn facts(self, idle_at_end: bool, reversed: bool) -> StreamFacts {
        let mut directions = Vec::with_capacity(2);
        let tcp = match self.halves {
            Halves::Tcp(halves) => Some(*halves),
            Halves::Udp(_) => None,
        };
        for ((mut facts, channel), direction) in
            self.facts.into_iter().zip(self.channels).zip([0, 1])
        {
            if let Some(half) = tcp.as_ref().map(|halves| &halves[direction]) {
                facts.heard = half.packets > 0;
                facts.saw_syn = half.saw_syn();
                facts.reset = half.reset_frame;
                facts.fin = half.fin_frame;
                facts.fin_acknowledged = half.fin_acked();
                facts.acknowledged = half.acked();
                facts.span = half.assembler.highest();
                facts.unchecked_bytes = half.unchecked_bytes;
                facts.late_bytes = half.late_bytes;
            }
            facts.strays = channel.strays.bytes;
            facts.first_stray = channel.strays.first;
            facts.stray_sample = channel.strays.sample;
            facts.faults = channel.faults;
            facts.markers = channel.markers;
            facts.pictures = channel
                .pictures
                .into_iter()
                .map(account::picture_facts)
                .collect();
            directions.push(facts);
        }
        if reversed {
            directions.reverse();
        }
        StreamFacts {
            directions,
            idle_at_end,
            limited: self.limited,
        }
    }

    /// Who sends in a direction; a guess by port where the capture does not show who connected: the lower
    /// port listens.
    fn role(&self, direction: usize) -> Option<Role> {
        let initiator = self
            .initiator
            .unwrap_or_else(|| usize::from(self.sides[0].port() < self.sides[1].port()));
        Some(match direction == initiator {
            true => Role::Initiator,
            false => Role::Acceptor,
        })
    }
}

fn ends(sides: [SocketAddr; 2], direction: usize) -> [SocketAddr; 2] {
    match direction {
        0 => sides,
        _ => [sides[1], sides[0]],
    }
}

fn pass_on(
    delivery: Delivery<'_>,
    channel: &mut Channel,
    hasher: &mut Option<Box<sha2::Sha256>>,
    context: &mut Context<'_>,
) {
    match delivery {
        Delivery::Bytes { bytes, .. } => {
            if let Some(hasher) = hasher {
                sha2::Digest::update(hasher.as_mut(), bytes);
            }
            channel.bytes(bytes, context);
        }
        Delivery::Gap(gap) => channel.gap(gap, context),
    }
}
