//! One stream as it is followed: its two directions and its life.

use std::borrow::Cow;
use std::net::{SocketAddr, SocketAddrV4};
use std::time::Duration;

use super::account::Quiet;
use super::channel::{Channel, Context};
use super::dispatcher::Opening;
use super::lane::{self, Datagrams, Lane, Transport};
use super::regions::Theirs;
use super::{Awaited, Event, Observer, Options, Wait};
use crate::decode::{self, Notes, Packet};
use crate::digest::Room;
use crate::findings::facts::{CaptureEnd, CaptureFacts, StreamFacts};
use crate::flow::{Pair, Side};
use crate::frame::Frame;
use crate::ledger::trace::{Flags, Point};
use crate::ledger::{self, Confidence, TransportKind};
use crate::reassembly::Log;
use crate::reassembly::assembler::{Keep, keep_copied};
use crate::reassembly::tcp::{Half, Other, Segment};
use crate::units::{FrameNumber, StreamId, Time, Timestamp};
use crate::wire::{Protocol, detect};

/// What the analysis shares with every stream.
pub(super) struct Shared<'s> {
    pub(super) options: &'s Options,
    pub(super) observer: &'s mut dyn Observer,
    pub(super) next_picture: &'s mut u32,
    pub(super) capture: &'s mut CaptureFacts,
    pub(super) room: &'s Room,
}

/// A stream as it is followed.
#[derive(Debug, Clone)]
pub(super) struct Stream<'cap> {
    head: Head,
    lanes: Pair<Lane<'cap>>,
    limited: bool,
}

/// What is known of a stream besides its bytes.
#[derive(Debug, Clone)]
struct Head {
    id: StreamId,
    transport: TransportKind,
    of_transport: u32,
    ends: Ends,
    initiator: Option<Side>,
    format: Option<(Protocol, Confidence)>,
    first: (FrameNumber, Time),
    last: (FrameNumber, Time),
    /// Time of the last frame that came before the programs were told to end.
    lived: Time,
}

/// Sender and receiver of the first frame: in the room that IPv4 needs, where they are of it.
#[derive(Debug, Clone)]
pub(super) enum Ends {
    V4([SocketAddrV4; 2]),
    V6(Box<[SocketAddr; 2]>),
}

impl Ends {
    fn new(source: SocketAddr, destination: SocketAddr) -> Self {
        match (source, destination) {
            (SocketAddr::V4(source), SocketAddr::V4(destination)) => {
                Self::V4([source, destination])
            }
            _ => Self::V6(Box::new([source, destination])),
        }
    }

    #[inline]
    pub(super) fn of(&self, side: Side) -> SocketAddr {
        let [first, second] = self.get();
        match side {
            Side::First => first,
            Side::Second => second,
        }
    }

    #[inline]
    fn get(&self) -> [SocketAddr; 2] {
        match self {
            Self::V4(ends) => ends.map(SocketAddr::V4),
            Self::V6(ends) => **ends,
        }
    }
}

/// What is left of a stream when it is over.
pub(super) struct Closed {
    pub(super) stream: ledger::Stream,
    pub(super) images: Vec<ledger::Image>,
    pub(super) facts: StreamFacts,
}

impl Head {
    /// The surroundings of one direction while something happens in it.
    #[inline]
    fn context<'c>(&'c mut self, side: Side, shared: &'c mut Shared<'_>) -> Context<'c> {
        Context {
            options: shared.options,
            observer: shared.observer,
            next_picture: shared.next_picture,
            capture: shared.capture,
            room: shared.room,
            stream: self.id,
            transport: self.transport,
            ends: &self.ends,
            side,
            initiator: self.initiator,
            format: &mut self.format,
            frame: self.last.0,
            time: self.last.1.get(),
        }
    }

    /// Tells of a segment, for those who draw packets.
    fn tell(
        &self,
        side: Side,
        segment: &Segment<'_>,
        taken: lane::Taken,
        acked: Option<u64>,
        shared: &mut Shared<'_>,
    ) {
        let header = &segment.header;
        let [first, second] = self.ends.get();
        shared.observer.event(Event::Packet {
            stream: self.id,
            from: match side {
                Side::First => first,
                Side::Second => second,
            },
            point: Point {
                frame: segment.frame,
                time: segment.time,
                wire_len: segment.wire_len,
                payload: segment.payload_len,
                offset: taken.offset,
                acked: acked.filter(|_| header.ack.is_some()),
                window: Some(header.window),
                window_scale: header.window_scale,
                options_cut: header.options_cut,
                flags: Flags {
                    syn: header.syn,
                    fin: header.fin,
                    rst: header.rst,
                    ack: header.ack.is_some(),
                    repeat: taken.repeat,
                },
            },
        });
    }

    /// Tells of a datagram that begins at `offset`.
    fn tell_datagram(
        &self,
        packet: &Packet<'_>,
        frame: &Frame<'_>,
        offset: Option<u64>,
        shared: &mut Shared<'_>,
    ) {
        shared.observer.event(Event::Packet {
            stream: self.id,
            from: packet.source,
            point: Point {
                frame: frame.number,
                time: frame.time,
                wire_len: frame.wire_len,
                payload: packet.payload_len,
                offset: offset.filter(|_| packet.payload_len > 0),
                acked: None,
                window: None,
                window_scale: None,
                options_cut: false,
                flags: Flags::default(),
            },
        });
    }

    /// The wire format given for the stream's ports, or that programs on them are known to speak.
    fn expected(&self, options: &Options) -> Option<Protocol> {
        let by_port = |port| match port {
            detect::CATALOG_PORT => Some(Protocol::Catalog),
            detect::PIPELINE_PORT => Some(Protocol::pipeline()),
            detect::EOF_PORT => Some(Protocol::Eof),
            _ => None,
        };
        let ends = self.ends.get();
        given(ends, self.transport, options)
            .cloned()
            .or_else(|| ends.iter().find_map(|end| by_port(end.port())))
    }
}

/// The wire format given for a stream's ports.
fn given(ends: [SocketAddr; 2], transport: TransportKind, options: &Options) -> Option<&Protocol> {
    options
        .protocols
        .iter()
        .find(|(port, _)| ends.iter().any(|end| end.port() == *port))
        .map(|(_, protocol)| protocol)
        .or_else(|| {
            let by_udp = transport == TransportKind::Udp;
            let layout = options.layout.as_ref();
            layout.filter(|layout| layout.is_datagrams() == by_udp)
        })
}

/// Of each picture of one direction, whether the other side sent bytes after its last frame and before the first of the next one.
fn answered(images: &[ledger::Image], theirs: &Log) -> Vec<bool> {
    let mut frames = theirs.iter().map(|extent| extent.frame).peekable();
    let begins = images.iter().skip(1).map(|next| next.first_packet);
    let begins = begins.chain([Some(FrameNumber(u64::MAX))]);
    let mut answered = Vec::with_capacity(images.len());
    for (image, next) in images.iter().zip(begins) {
        answered.push(image.last_packet.zip(next).is_some_and(|(last, next)| {
            while frames.next_if(|frame| *frame <= last).is_some() {}
            frames.peek().is_some_and(|frame| *frame < next)
        }));
    }
    answered
}

impl<'cap> Stream<'cap> {
    pub(super) fn new(
        opening: Opening,
        packet: &Packet<'_>,
        frame: &Frame<'_>,
        options: &Options,
    ) -> Self {
        let ends = [packet.source, packet.destination];
        let (transport, initiator) = match packet.transport {
            decode::Transport::Tcp(tcp) => (
                TransportKind::Tcp,
                match (tcp.syn, tcp.ack) {
                    (true, None) => Some(Side::First),
                    (true, Some(_)) => Some(Side::Second),
                    (false, _) => None,
                },
            ),
            decode::Transport::Udp => (TransportKind::Udp, Some(Side::First)),
        };
        let lane = || {
            let half = match transport {
                TransportKind::Tcp => Transport::Tcp(Box::default()),
                TransportKind::Udp => Transport::Udp(Box::<Datagrams>::default()),
            };
            Lane::new(half)
        };
        let given =
            given(ends, transport, options).map(|protocol| (protocol.clone(), Confidence::Given));
        Self {
            head: Head {
                id: opening.id,
                transport,
                of_transport: opening.of_transport,
                ends: Ends::new(packet.source, packet.destination),
                initiator,
                format: given,
                first: (frame.number, Time::of(frame.time)),
                last: (frame.number, Time::of(frame.time)),
                lived: Time::of(frame.time),
            },
            lanes: Pair::new(lane(), lane()),
            limited: false,
        }
    }

    pub(super) fn opened(&self, observer: &mut dyn Observer) {
        let [from, to] = self.head.ends.get();
        observer.event(Event::StreamOpened {
            stream: self.head.id,
            transport: self.head.transport,
            from,
            to,
            time: self.head.first.1.get(),
        });
    }

    fn halves(&self) -> impl Iterator<Item = &Half<'cap>> {
        self.lanes.iter().filter_map(|lane| match &lane.transport {
            Transport::Tcp(half) => Some(half.as_ref()),
            Transport::Udp(_) => None,
        })
    }

    fn is_reset(&self) -> bool {
        self.halves().any(|half| half.reset_frame().is_some())
    }

    fn side(&self, packet: &Packet<'_>) -> Side {
        let [first, _] = self.head.ends.get();
        if packet.source == first {
            Side::First
        } else {
            Side::Second
        }
    }

    /// Takes a packet of this stream.
    pub(super) fn packet<'x>(
        &mut self,
        packet: &Packet<'x>,
        frame: &Frame<'x>,
        keep: Keep<'x, 'cap>,
        shared: &mut Shared<'_>,
    ) {
        let side = self.side(packet);
        self.head.last = (frame.number, Time::of(frame.time));
        if !packet.notes.after_end {
            self.head.lived = Time::of(frame.time);
        }
        self.lanes[side].notes(packet, frame, shared.capture);
        let header = match packet.transport {
            decode::Transport::Tcp(header) => header,
            decode::Transport::Udp => {
                if shared.options.packets {
                    let offset = self.lanes[side].next_datagram();
                    self.head.tell_datagram(packet, frame, offset, shared);
                }
                let mut context = self.head.context(side, shared);
                self.lanes[side].datagram(packet, frame, &mut context);
                return;
            }
        };
        let bare = Segment {
            header,
            payload: &[],
            payload_len: packet.payload_len,
            frame: frame.number,
            time: frame.time,
            wire_len: frame.wire_len,
        };
        match &packet.payload {
            &Cow::Borrowed(payload) => {
                self.segment(
                    side,
                    &Segment { payload, ..bare },
                    &packet.notes,
                    keep,
                    shared,
                );
            }
            // Put together from fragments: the bytes are gone after the call.
            Cow::Owned(payload) => {
                let segment = Segment { payload, ..bare };
                self.segment(side, &segment, &packet.notes, keep_copied, shared);
            }
        }
    }

    fn segment<'x>(
        &mut self,
        side: Side,
        segment: &Segment<'x>,
        notes: &Notes,
        keep: Keep<'x, 'cap>,
        shared: &mut Shared<'_>,
    ) {
        let (ours, theirs) = self.lanes.ours_and_theirs(side);
        if !segment.payload.is_empty() {
            theirs.answered(&mut self.head.context(side.other(), shared));
        }
        let taken = ours.segment(
            segment,
            notes,
            keep,
            theirs.watch_mut(),
            &mut self.head.context(side, shared),
        );
        self.limited |= taken.limited;
        // The other direction: what this segment acknowledges, and its holes that can no longer fill.
        theirs.heard(segment, taken, ours.watch_mut());
        if shared.options.packets {
            self.head.tell(side, segment, taken, theirs.acked(), shared);
        }
        self.limited |= theirs.settle(&mut self.head.context(side.other(), shared));
        if segment.header.rst {
            for lane in [ours, theirs] {
                if let Transport::Tcp(half) = &mut lane.transport {
                    half.assembler.forget_recent();
                }
            }
        }
    }

    /// What is waited for, where nothing moved for longer than `idle`.
    pub(super) fn wait(&self, now: Timestamp, idle: Duration) -> Option<Wait> {
        let long =
            |since: Timestamp| u128::from(now.since(since).max(0).unsigned_abs()) > idle.as_nanos();
        let over = self
            .halves()
            .any(|half| half.fin().is_some() || half.reset_frame().is_some());
        if over || self.head.transport != TransportKind::Tcp {
            return None;
        }
        let [first, second] = self.head.ends.get();
        // Probes go to and fro while somebody has no room.
        let full = Side::BOTH.into_iter().find_map(|side| {
            let since = self.lanes[side].full_since()?;
            let who = match side {
                Side::First => first,
                Side::Second => second,
            };
            Some((who, since))
        });
        if let Some((who, since)) = full {
            return long(since).then_some(Wait {
                stream: self.head.id,
                who,
                what: Awaited::Room,
                since,
            });
        }
        let since = self.head.lived.get().filter(|since| long(*since))?;
        let awaited = Side::BOTH.into_iter().find_map(|side| {
            let what = self.lanes[side].awaited(&self.lanes[side.other()])?;
            let to = match side {
                Side::First => second,
                Side::Second => first,
            };
            Some((to, what))
        });
        let (who, what) = awaited.or_else(|| {
            let listens = match self.head.initiator? {
                Side::First => second,
                Side::Second => first,
            };
            let nothing = self
                .halves()
                .all(|half| half.assembler.highest() == 0 && (half.saw_syn() || !half.is_open()));
            let answered = self.halves().all(Half::is_open);
            nothing.then_some((
                listens,
                if answered {
                    Awaited::FirstByte
                } else {
                    Awaited::Connection
                },
            ))
        })?;
        Some(Wait {
            stream: self.head.id,
            who,
            what,
            since,
        })
    }

    /// What a silence at the end of the capture is on one side; `known`: whoever captured says when that was.
    fn quiet(&self, side: Side, silent: bool, known: bool) -> Quiet {
        let (lane, other) = (&self.lanes[side], &self.lanes[side.other()]);
        if !silent {
            return Quiet::No;
        }
        let Transport::Tcp(half) = &lane.transport else {
            return Quiet::Silent;
        };
        if !known || lane.acked() < Some(half.assembler.highest()) {
            Quiet::Silent
        } else if other.full_since().is_some() {
            Quiet::NoRoom
        } else {
            Quiet::Hangs
        }
    }

    /// No more frames of this stream come: ends both directions, and draws up the accounts of their pictures.
    fn finish(
        &mut self,
        silent: bool,
        known: bool,
        shared: &mut Shared<'_>,
    ) -> [Vec<ledger::Image>; 2] {
        let reset = self.is_reset();
        let [first, second] = Side::BOTH.map(|side| self.quiet(side, silent, known));
        let quiet = Pair::new(first, second);
        for side in Side::BOTH {
            let other = match &self.lanes[side.other()].transport {
                Transport::Tcp(half) if !half.is_open() => Other::NotCaptured,
                Transport::Tcp(half) if half.fin().is_some() => Other::Closed,
                Transport::Tcp(_) | Transport::Udp(_) => Other::Open,
            };
            let mut context = self.head.context(side, shared);
            self.lanes[side].finish(other, reset, quiet[side], &mut context);
        }
        Side::BOTH.map(|side| {
            let context = self.head.context(side, shared);
            let confirmed = self.lanes[side.other()]
                .channel()
                .and_then(Channel::confirmed);
            let (closed, seen) = match &self.lanes[side.other()].transport {
                Transport::Tcp(half) => (half.fin_frame().is_some(), half.is_open()),
                Transport::Udp(_) => (false, true),
            };
            let quiet = quiet[side];
            self.lanes[side].images(&context, quiet, reset || closed, seen, confirmed)
        })
    }

    /// No more frames of this stream come, or it is given up: draws up its accounts.
    pub(super) fn close(mut self, end: CaptureEnd, shared: &mut Shared<'_>) -> Closed {
        let silent = lane::silent(self.head.lived.get(), end.time, shared.options);
        let [first, second] = self.finish(silent, end.known, shared);
        let answered = silent.then(|| {
            let (to_first, to_second) = (&self.lanes[Side::Second], &self.lanes[Side::First]);
            [
                answered(&first, to_first.log()),
                answered(&second, to_second.log()),
            ]
        });
        let theirs = |images: &[ledger::Image], side: Side| {
            let frames = images
                .iter()
                .filter_map(|image| image.first_packet.zip(image.last_packet));
            Theirs::new(frames.collect(), self.lanes[side].is_folded())
        };
        let of_first = theirs(&first, Side::First);
        let of_second = theirs(&second, Side::Second);
        let mut images = first;
        // Nearly always one: room for four would be kept for as long as the report.
        images.reserve_exact(second.len());
        images.extend(second);
        let directions = Side::BOTH.map(|side| {
            let theirs = match side {
                Side::First => &of_second,
                Side::Second => &of_first,
            };
            let context = self.head.context(side, shared);
            self.lanes[side].account(&context, theirs)
        });
        let mut directions = Vec::from(directions);
        images.sort_by_key(|image| image.id);
        let expected = self.head.expected(shared.options);
        // A format that was only fallen back on, and in which no picture came, is not worth a name.
        let found = !images.is_empty();
        let format = self
            .head
            .format
            .filter(|(protocol, _)| found || *protocol != Protocol::Carve);
        let evidence = self
            .lanes
            .iter()
            .find_map(|lane| {
                let rare = lane.channel()?.rare.as_ref()?;
                (!rare.evidence.is_empty()).then(|| rare.evidence.clone())
            })
            .unwrap_or_default();
        let request = self
            .lanes
            .iter()
            .find_map(|lane| lane.channel()?.rare.as_ref()?.choice.clone());
        let mut facts = StreamFacts {
            directions: self
                .lanes
                .into_both()
                .into_iter()
                .map(Lane::into_facts)
                .collect(),
            idle_at_end: silent,
            limited: self.limited,
            capture_end: end.time,
            end_known: end.known,
            idle: shared.options.idle,
            expected,
        };
        let pictures = facts.directions.iter_mut().map(|way| &mut way.pictures);
        for (pictures, answered) in pictures.zip(answered.into_iter().flatten()) {
            for (picture, answered) in pictures.iter_mut().zip(answered) {
                picture.answered = answered;
            }
        }
        if self.head.initiator == Some(Side::Second) {
            directions.reverse();
            facts.directions.reverse();
        }
        let stream = ledger::Stream {
            id: self.head.id,
            transport: self.head.transport,
            transport_stream: self.head.of_transport,
            protocol: format.as_ref().map(|(protocol, _)| protocol.clone()),
            confidence: format.map(|(_, confidence)| confidence),
            initiator: self.head.initiator.map(|_| 0),
            first_packet: self.head.first.0,
            last_packet: self.head.last.0,
            started: self.head.first.1.get(),
            ended: self.head.last.1.get(),
            request,
            evidence,
            directions,
        };
        Closed {
            stream,
            images,
            facts,
        }
    }
}
