//! Strings the steps together: frames in, events out. Offline and live, report and check all observe the
//! same events, so they can never disagree. Opens nothing, prints nothing, reads no clock.

mod account;
mod channel;
mod lane;
mod stream;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use crate::decode::{self, Outcome, Packet};
pub use crate::digest::DigestKind;
use crate::findings::facts::CaptureFacts;
use crate::findings::rules::Servers;
use crate::findings::{Finding, rules};
use crate::flow::{FlowKey, Table};
use crate::frame::Frame;
use crate::ledger::{Image, Stream, TransportKind};
use crate::reassembly::assembler::{Keep, keep_borrowed, keep_copied};
use crate::units::{FrameNumber, PictureId, StreamId, Timestamp};
use crate::wire::Protocol;

/// What the user may say about an analysis.
#[derive(Debug, Clone)]
pub struct Options {
    /// Wire formats given by port (`--protocol PORT=FORMAT`): the port of either side.
    pub protocols: Vec<(u16, Protocol)>,
    /// Chunk size given by `--chunk`.
    pub chunk: Option<u64>,
    /// Digest of pictures.
    pub digest: DigestKind,
    /// Silence longer than this counts as idle.
    pub idle: Duration,
    /// Limits against hostile or huge input.
    pub limits: Limits,
}

/// Limits; hitting one is a finding, never a panic and never silent.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Streams followed at once; the longest idle one is finished early beyond it.
    pub streams: usize,
    /// Out-of-order bytes that wait in one direction.
    pub waiting_bytes_per_direction: usize,
    /// Out-of-order bytes that wait in all directions together.
    pub waiting_bytes: usize,
    /// Memory for the per-frame detail from which chunks are counted, in bytes.
    pub detail_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            streams: 200_000,
            waiting_bytes_per_direction: 8 << 20,
            waiting_bytes: 32 << 20,
            detail_bytes: 32 << 20,
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            protocols: Vec::new(),
            chunk: None,
            digest: DigestKind::default(),
            idle: Duration::from_secs(2),
            limits: Limits::default(),
        }
    }
}

/// What an analysis says while it goes.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The first frame of a stream.
    StreamOpened {
        /// Its number.
        stream: StreamId,
        /// TCP or UDP.
        transport: TransportKind,
        /// Sender of the first frame.
        from: SocketAddr,
        /// Receiver of the first frame.
        to: SocketAddr,
        /// Time of the first frame.
        time: Option<Timestamp>,
    },
    /// A picture begins.
    PictureStarted {
        /// Its number.
        picture: PictureId,
        /// Its stream.
        stream: StreamId,
        /// Sender.
        from: SocketAddr,
        /// Receiver.
        to: SocketAddr,
        /// Wire format.
        protocol: &'a Protocol,
        /// Declared length; absent where the format has none.
        length: Option<u64>,
        /// Frame that carried its first byte.
        frame: FrameNumber,
        /// That frame's time.
        time: Option<Timestamp>,
    },
    /// The next bytes of a picture, in order.
    PictureData {
        /// Its number.
        picture: PictureId,
        /// The bytes.
        bytes: &'a [u8],
    },
    /// A frame with bytes came while a picture moves, in its direction. For a look at what goes on: the exact counts come
    /// with the picture's account.
    PicturePacket {
        /// The picture's number.
        picture: PictureId,
        /// Whether it sends again what was captured before.
        repeat: bool,
    },
    /// Bytes of a picture that the capture lacks, in order.
    PictureGap {
        /// Its number.
        picture: PictureId,
        /// How many.
        length: u64,
    },
    /// A picture ended. Counts may still grow by repeats: the final ones come with `StreamClosed`, and with
    /// them the chunks, which are absent here.
    PictureEnded(&'a Image),
    /// A stream is over (closed and quiet, evicted, or the capture ended), with its pictures' final accounts.
    StreamClosed {
        /// The stream.
        stream: &'a Stream,
        /// Its pictures in order of start.
        images: &'a [Image],
    },
    /// Something worth saying.
    Finding(&'a Finding),
}

/// Receives the events of an analysis.
pub trait Observer {
    /// One event.
    fn event(&mut self, event: Event<'_>);
}

/// What became of the frames.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PacketCounts {
    /// Frames read. Equals `decoded` plus every reason in `skipped`.
    pub read: u64,
    /// Frames that were TCP segments, UDP datagrams or fragments of them.
    pub decoded: u64,
    /// Frames that were not, by the reason's stable name ([`decode::Skip::name`]).
    pub skipped: BTreeMap<&'static str, u64>,
}

/// After so many frames, streams that closed and fell silent are looked for.
const SWEEP_EVERY: u64 = 16_384;
/// A frame may be captured so many nanoseconds after a later one (several queues of one device) before the clock is
/// said to have gone back.
const CLOCK_STEP: i64 = 10_000_000;
/// A closed stream may still get frames for this long (Linux keeps TIME-WAIT for 60 s).
const LINGER: Duration = Duration::from_secs(60);

/// The analysis of one capture.
///
/// `'cap` is the life of the capture's bytes where they are mapped; with bytes that pass by it is any.
#[derive(Debug)]
pub struct Analysis<'cap> {
    options: Options,
    decoder: decode::Decoder,
    counts: PacketCounts,
    streams: Table<Box<stream::Stream<'cap>>>,
    next_stream: u32,
    next_of: [u32; 2],
    next_picture: u32,
    /// Latest capture time seen.
    now: Option<Timestamp>,
    limit_told: bool,
    /// What the findings about the whole capture rest on.
    facts: CaptureFacts,
    servers: Servers,
    /// Time of the frame before.
    last_time: Option<Timestamp>,
}

impl<'cap> Analysis<'cap> {
    /// An analysis of no frames yet.
    pub fn new(options: Options) -> Self {
        Self {
            decoder: decode::Decoder::new(decode::Options::default()),
            options,
            counts: PacketCounts::default(),
            streams: Table::default(),
            next_stream: 0,
            next_of: [0; 2],
            next_picture: 0,
            now: None,
            limit_told: false,
            facts: CaptureFacts::default(),
            servers: Servers::default(),
            last_time: None,
        }
    }

    /// What became of the frames so far.
    pub fn counts(&self) -> &PacketCounts {
        &self.counts
    }

    /// How many streams are being followed.
    pub fn live_streams(&self) -> usize {
        self.streams.len()
    }

    /// Takes the next frame, whose bytes pass by: what has to be kept of them is copied.
    pub fn frame(&mut self, frame: &Frame<'_>, observer: &mut dyn Observer) {
        if let Some(packet) = self.decode(frame, observer) {
            self.packet(&packet, frame, keep_copied, observer);
        }
    }

    /// Takes the next frame, whose bytes live as long as the capture: nothing is copied.
    pub fn mapped_frame(&mut self, frame: &Frame<'cap>, observer: &mut dyn Observer) {
        if let Some(packet) = self.decode(frame, observer) {
            self.packet(&packet, frame, keep_borrowed, observer);
        }
    }

    fn decode<'x>(&mut self, frame: &Frame<'x>, observer: &mut dyn Observer) -> Option<Packet<'x>> {
        self.counts.read += 1;
        self.clock(frame);
        let packet = match self.decoder.decode(frame) {
            Outcome::Packet(packet) => {
                self.counts.decoded += 1;
                Some(packet)
            }
            Outcome::FragmentHeld => {
                self.counts.decoded += 1;
                None
            }
            Outcome::Skipped(skip) => {
                *self.counts.skipped.entry(skip.name()).or_default() += 1;
                None
            }
        };
        if self.counts.read.is_multiple_of(SWEEP_EVERY) {
            self.sweep(observer);
        }
        packet
    }

    fn clock(&mut self, frame: &Frame<'_>) {
        if let (Some(before), Some(now)) = (self.last_time, frame.time)
            && before.since(now) > CLOCK_STEP
        {
            self.facts.clock_steps.add(frame.number);
            self.facts.largest_step = self.facts.largest_step.max(before.since(now));
        }
        self.last_time = frame.time.or(self.last_time);
        self.now = self.now.max(frame.time);
    }

    fn packet<'x>(
        &mut self,
        packet: &Packet<'x>,
        frame: &Frame<'x>,
        keep: Keep<'x, 'cap>,
        observer: &mut dyn Observer,
    ) {
        let transport = match packet.transport {
            decode::Transport::Tcp(_) => TransportKind::Tcp,
            decode::Transport::Udp => TransportKind::Udp,
        };
        let key = FlowKey::new(transport, packet.source, packet.destination);
        let known = match self.streams.find(key) {
            Some(stream) => !stream.is_another(packet),
            None => false,
        };
        if !known {
            self.open(key, transport, packet, frame, observer);
        }
        let Some(stream) = self.streams.find(key) else {
            return;
        };
        let mut shared = stream::Shared {
            options: &self.options,
            observer,
            next_picture: &mut self.next_picture,
            capture: &mut self.facts,
        };
        stream.packet(packet, frame, keep, &mut shared);
    }

    /// A stream's first frame.
    fn open(
        &mut self,
        key: FlowKey,
        transport: TransportKind,
        packet: &Packet<'_>,
        frame: &Frame<'_>,
        observer: &mut dyn Observer,
    ) {
        if self.streams.len() >= self.options.limits.streams {
            self.evict(observer);
        }
        let [tcp, udp] = &mut self.next_of;
        let of_transport = match transport {
            TransportKind::Tcp => tcp,
            TransportKind::Udp => udp,
        };
        let stream = Box::new(stream::Stream::new(
            StreamId(self.next_stream),
            *of_transport,
            packet,
            frame,
            &self.options,
        ));
        *of_transport += 1;
        self.next_stream += 1;
        stream.opened(observer);
        // The same endpoints again: the connection before is over.
        if let Some(former) = self.streams.insert(key, stream) {
            self.close(former, observer);
        }
    }

    /// Tells the analysis what time it is: closed streams that fell silent are finished.
    pub fn advance(&mut self, now: Timestamp, observer: &mut dyn Observer) {
        self.now = self.now.max(Some(now));
        self.sweep(observer);
    }

    fn sweep(&mut self, observer: &mut dyn Observer) {
        for lost in self.decoder.take_lost() {
            observer.event(Event::Finding(&rules::fragment_lost(&lost)));
        }
        let Some(now) = self.now else { return };
        let quiet = |stream: &stream::Stream<'_>| {
            stream.last_time().is_some_and(|last| {
                u128::from(now.since(last).max(0).unsigned_abs()) > LINGER.as_nanos()
            })
        };
        let mut over = self
            .streams
            .drain_where(|stream| stream.is_closed() && quiet(stream));
        over.sort_by_key(|stream| stream.id());
        for stream in over {
            self.close(stream, observer);
        }
    }

    /// Too many streams: finishes the sixteenth of them that was silent for longest.
    fn evict(&mut self, observer: &mut dyn Observer) {
        let mut last: Vec<FrameNumber> = self
            .streams
            .iter()
            .map(|stream| stream.last_frame())
            .collect();
        let nth = last.len() / 16;
        if nth >= last.len() {
            return;
        }
        let (_, &mut oldest, _) = last.select_nth_unstable(nth);
        let mut over = self
            .streams
            .drain_where(|stream| stream.last_frame() <= oldest);
        over.sort_by_key(|stream| stream.id());
        if !self.limit_told {
            self.limit_told = true;
            let finding = rules::stream_limit(self.options.limits.streams, oldest);
            observer.event(Event::Finding(&finding));
        }
        for stream in over {
            self.close(stream, observer);
        }
    }

    fn close(&mut self, stream: Box<stream::Stream<'cap>>, observer: &mut dyn Observer) {
        let closed = stream.close(
            self.now,
            &mut stream::Shared {
                options: &self.options,
                observer,
                next_picture: &mut self.next_picture,
                capture: &mut self.facts,
            },
        );
        self.servers
            .closed(&closed.stream, &closed.facts, &closed.images);
        for finding in rules::of_stream(&closed.stream, &closed.images, &closed.facts) {
            observer.event(Event::Finding(&finding));
        }
        observer.event(Event::StreamClosed {
            stream: &closed.stream,
            images: &closed.images,
        });
    }

    /// The capture is over: finishes every stream, in order of its number.
    pub fn finish(mut self, observer: &mut dyn Observer) -> PacketCounts {
        for lost in self.decoder.finish() {
            observer.event(Event::Finding(&rules::fragment_lost(&lost)));
        }
        let mut over = self.streams.drain_where(|_| true);
        over.sort_by_key(|stream| stream.id());
        for stream in over {
            self.close(stream, observer);
        }
        for finding in self.servers.findings() {
            observer.event(Event::Finding(&finding));
        }
        for finding in rules::of_capture(&self.facts) {
            observer.event(Event::Finding(&finding));
        }
        self.counts
    }
}
