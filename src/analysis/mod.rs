//! Strings the steps together: frames in, events out. Offline and live, report and check all observe the
//! same events, so they can never disagree. Opens nothing, prints nothing, reads no clock.

mod account;
mod budget;
mod channel;
mod collect;
mod dispatcher;
mod fold;
mod follower;
mod held;
mod lane;
mod parallel;
mod picture;
mod regions;
mod stream;
mod tenants;
mod wait;
mod whole;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

pub use self::budget::Budget;
pub use self::collect::Collector;
pub(crate) use self::dispatcher::{Dispatcher, Opening, Orders, Place};
use self::follower::Follower;
pub use self::parallel::{Told, analyse};
use crate::decode::{self, Decoder, FragmentLimits, Packet};
pub use crate::digest::DigestKind;
use crate::findings::facts::{CaptureEnd, CaptureFacts};
use crate::findings::rules::Servers;
use crate::findings::{Finding, rules};
use crate::frame::Frame;
use crate::ledger::trace::Point;
use crate::ledger::{Folded, Image, Stream, TransportKind};
use crate::reassembly::assembler::{Keep, keep_borrowed, keep_copied};
use crate::report::model::Packets;
use crate::units::{FrameNumber, PictureId, StreamId, Timestamp};
use crate::wire::Protocol;
pub use wait::{Awaited, Wait};

/// What the user may say about an analysis.
#[derive(Debug, Clone)]
pub struct Options {
    /// Memory for accounts, shared by all who keep them.
    pub memory: Budget,
    /// Out-of-order bytes that wait in all directions together.
    pub waiting: Budget,
    /// Wire formats given by port (`--protocol PORT=FORMAT`): the port of either side.
    pub protocols: Vec<(u16, Protocol)>,
    /// The framing of every stream of its transport that none of them names (`--layout FILE`).
    pub layout: Option<Protocol>,
    /// Chunk size given by `--chunk`.
    pub chunk: Option<u64>,
    /// Digest of pictures.
    pub digest: DigestKind,
    /// Tell of all bytes that are delivered ([`Event::Delivered`]), and keep which frames carried them
    /// ([`crate::ledger::Direction::carriers`]): for whoever looks for files in them.
    pub evidence: bool,
    /// Silence longer than this counts as idle.
    pub idle: Duration,
    /// Limits against hostile or huge input.
    pub limits: Limits,
    /// Threads on which streams are followed, where the bytes of the capture stay; what comes out is the same.
    pub threads: usize,
    /// Tell of every packet ([`Event::Packet`]).
    pub packets: bool,
}

/// Limits; hitting one is a finding, never a panic and never silent.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Streams followed at once; the longest idle one is finished early beyond it.
    pub streams: usize,
    /// Out-of-order bytes that wait in one direction.
    pub waiting_bytes_per_direction: usize,
    /// Bytes of IP fragments that wait for the others of their datagrams, with what is kept of each.
    pub fragments: usize,
}

impl Limits {
    /// The decoder's.
    fn of_decoder(self) -> decode::Options {
        decode::Options {
            fragments: FragmentLimits {
                bytes: self.fragments,
                ..FragmentLimits::default()
            },
            ..decode::Options::default()
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            streams: 200_000,
            waiting_bytes_per_direction: 8 << 20,
            fragments: FragmentLimits::default().bytes,
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            memory: Budget::default(),
            waiting: Budget::default(),
            protocols: Vec::new(),
            layout: None,
            chunk: None,
            digest: DigestKind::default(),
            evidence: false,
            idle: Duration::from_secs(2),
            limits: Limits::default(),
            threads: 1,
            packets: false,
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
    /// The next bytes of a direction, in order of the stream; a datagram at once. Told where [`Options::evidence`] is asked
    /// for, before whatever the decoder makes of them.
    Delivered {
        /// The stream.
        stream: StreamId,
        /// Sender.
        from: SocketAddr,
        /// Stream offset of the first.
        offset: u64,
        /// The bytes.
        bytes: &'a [u8],
    },
    /// The next bytes of a picture, in order.
    PictureData {
        /// Its number.
        picture: PictureId,
        /// Their offset in the stream; absent where the stream has them encoded.
        at: Option<u64>,
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
    /// A packet of a stream went by; told only where [`Options::packets`] asks for it.
    Packet {
        /// Its stream.
        stream: StreamId,
        /// Its sender.
        from: SocketAddr,
        /// The packet.
        point: Point,
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
    /// Streams that were only summed up, once the capture is over.
    Folded(&'a Folded),
    /// Something worth saying.
    Finding(&'a Finding),
}

/// Receives the events of an analysis.
pub trait Observer {
    /// One event.
    fn event(&mut self, event: Event<'_>);

    /// A stream is over: the same as [`Event::StreamClosed`], for those who keep the accounts.
    fn stream_closed(&mut self, stream: Stream, images: Vec<Image>) {
        self.event(Event::StreamClosed {
            stream: &stream,
            images: &images,
        });
    }

    /// Whether only accounts ([`Event::StreamClosed`]) and findings are of use, so that the rest need not be told.
    fn accounts_only(&self) -> bool {
        false
    }
}

/// What became of the frames.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PacketCounts {
    /// Frames read. Equals `decoded` plus every reason in `skipped`.
    pub read: u64,
    /// Frames that were TCP segments, UDP datagrams or fragments of them.
    pub decoded: u64,
    /// Frames that were not, by the reason's stable name ([`crate::decode::Skip::name`]).
    pub skipped: BTreeMap<&'static str, u64>,
    /// IP datagrams of which not all fragments came.
    pub incomplete_datagrams: u64,
}

impl From<PacketCounts> for Packets {
    fn from(counts: PacketCounts) -> Self {
        Self {
            read: counts.read,
            decoded: counts.decoded,
            skipped: counts
                .skipped
                .into_iter()
                .map(|(reason, count)| (reason.into(), count))
                .collect(),
            incomplete_datagrams: counts.incomplete_datagrams,
        }
    }
}

/// The analysis of one capture.
///
/// `'cap` is the life of the capture's bytes where they are mapped; with bytes that pass by it is any.
#[derive(Debug, Clone)]
pub struct Analysis<'cap> {
    dispatcher: Dispatcher,
    follower: Follower<'cap>,
    servers: Servers,
}

impl<'cap> Analysis<'cap> {
    /// An analysis of no frames yet.
    pub fn new(options: Options) -> Self {
        Self {
            dispatcher: Dispatcher::new(
                options.limits.streams,
                Decoder::new(options.limits.of_decoder()),
            ),
            follower: Follower::new(options),
            servers: Servers::default(),
        }
    }

    /// What became of the frames so far.
    pub fn counts(&self) -> &PacketCounts {
        &self.dispatcher.counts
    }

    /// How many streams are being followed.
    pub fn live_streams(&self) -> usize {
        self.dispatcher.live_streams()
    }

    /// Takes the next frame, whose bytes pass by: what has to be kept of them is copied.
    pub fn frame(&mut self, frame: &Frame<'_>, observer: &mut dyn Observer) {
        let (dispatcher, mut here) = self.parts(keep_copied, observer);
        dispatcher.frame(frame, &mut here);
    }

    /// Takes the next frame, whose bytes live as long as the capture: nothing is copied.
    pub fn mapped_frame(&mut self, frame: &Frame<'cap>, observer: &mut dyn Observer) {
        let (dispatcher, mut here) = self.parts(keep_borrowed, observer);
        dispatcher.frame(frame, &mut here);
    }

    /// What is waited for at `now` on streams that are silent for longer than the idle limit, the longest first; of many, a
    /// few.
    pub fn waits(&self, now: Timestamp) -> Vec<Wait> {
        self.follower.waits(now)
    }

    /// The capture went on up to here, frames or none, where that is known. To be told before [`Self::finish`].
    pub fn ended(&mut self, time: Option<Timestamp>) {
        self.dispatcher.ended(time);
    }

    /// Tells the analysis what time it is: closed streams that fell silent are finished.
    pub fn advance(&mut self, now: Timestamp, observer: &mut dyn Observer) {
        let (dispatcher, mut here) = self.parts(keep_copied, observer);
        dispatcher.advance(now, &mut here);
    }

    /// Tells what [`Self::finish`] would tell if the capture were over here, and goes on as if nobody had asked. `ended` as for
    /// [`Self::ended`]. What was told before, of streams that are over, is not told again. Costs the state of the streams that
    /// are followed, and none of the bytes that went by.
    pub fn so_far(&self, ended: Option<Timestamp>, observer: &mut dyn Observer) -> PacketCounts {
        let mut copy = self.clone();
        copy.follower.part();
        copy.ended(ended);
        copy.finish(observer)
    }

    /// The capture is over: finishes every stream, in order of its number.
    pub fn finish(mut self, observer: &mut dyn Observer) -> PacketCounts {
        let (dispatcher, mut here) = self.parts(keep_copied, observer);
        dispatcher.finish(&mut here);
        let Dispatcher {
            counts, mut facts, ..
        } = self.dispatcher;
        facts.merge(self.follower.facts);
        conclude(&self.servers, &facts, observer);
        counts
    }

    fn parts<'s, 'x>(
        &'s mut self,
        keep: Keep<'x, 'cap>,
        observer: &'s mut dyn Observer,
    ) -> (&'s mut Dispatcher, Here<'s, 'x, 'cap>) {
        let here = Here {
            follower: &mut self.follower,
            servers: &mut self.servers,
            observer,
            keep,
        };
        (&mut self.dispatcher, here)
    }
}

/// The findings that only the whole capture shows.
fn conclude(servers: &Servers, facts: &CaptureFacts, observer: &mut dyn Observer) {
    for finding in servers.findings() {
        observer.event(Event::Finding(&finding));
    }
    for finding in rules::of_capture(facts) {
        observer.event(Event::Finding(&finding));
    }
    if !facts.folded.is_empty() {
        observer.event(Event::Folded(&facts.folded));
        let finding = rules::memory_limit(&facts.folded);
        observer.event(Event::Finding(&finding));
    }
}

/// What the dispatcher says is done here and now.
struct Here<'s, 'x, 'cap> {
    follower: &'s mut Follower<'cap>,
    servers: &'s mut Servers,
    observer: &'s mut dyn Observer,
    keep: Keep<'x, 'cap>,
}

impl<'x> Orders<'x> for Here<'_, 'x, '_> {
    #[inline]
    fn packet(
        &mut self,
        place: Place,
        opens: Option<Opening>,
        packet: &Packet<'x>,
        frame: &Frame<'x>,
    ) {
        self.follower
            .packet(place, opens, packet, frame, self.keep, self.observer);
    }

    fn close(&mut self, place: Place, now: CaptureEnd) {
        let Some(mut account) = self.follower.close(place, now, self.observer) else {
            return;
        };
        if let Some(ended) = account.ended.take() {
            self.servers.closed(ended);
        }
        account.tell(self.observer);
    }

    fn finding(&mut self, finding: Finding) {
        self.observer.event(Event::Finding(&finding));
    }
}
