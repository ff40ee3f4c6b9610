//! A frame with all that the frames before say of it: its stream, its place in it, its relative numbers.

use std::cell::{Cell, OnceCell};
use std::net::SocketAddr;

use super::fields::tcp::has_cookie;
use super::index::Index;
use super::tcp::{Connection, Numbers, Written};
use crate::analysis::{Dispatcher, Opening, Orders, Place as Slot};
use crate::decode::{self, Decoder, Layers, Outcome, Packet, Parts, Skip, Tcp, Transport};
use crate::findings::Finding;
use crate::findings::facts::CaptureEnd;
use crate::flow::{Pair, Side};
use crate::frame::Frame;
use crate::reassembly::{Extent, Log};
use crate::units::{StreamId, Timestamp};

/// So many stream bytes back the frame that carried a byte first is remembered.
const REMEMBERED: u64 = 1 << 20;

/// What a frame is.
#[derive(Debug, Clone, Copy)]
pub enum Content<'a> {
    /// A TCP segment or UDP datagram, or the frame that completed one.
    Packet(&'a Packet<'a>),
    /// A fragment that waits for others.
    Fragment,
    /// Not decoded, for this reason.
    Other(Skip),
}

/// Where a packet stands in its stream.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// The stream.
    pub stream: StreamId,
    /// Wireshark's number of it: `tcp.stream`, `udp.stream`.
    pub of_transport: u32,
    /// Index of its direction in the stream's account; absent where there is none.
    pub direction: Option<usize>,
    /// Time of the stream's first frame.
    pub started: Option<Timestamp>,
    /// Time of the frame before it in the stream.
    pub before: Option<Timestamp>,
    /// Stream offset of its first payload byte; absent where it lies before the first captured byte.
    pub offset: Option<u64>,
    /// Bytes of the other direction that it acknowledges, all before included.
    pub acknowledges: Option<u64>,
    /// The frame that carried its first byte before; absent where none did.
    pub repeats: Option<u64>,
    /// What TCP's headers before say of it.
    pub tcp: Option<Numbers>,
}

/// Times of frames that came before one.
#[derive(Debug, Clone, Copy, Default)]
pub struct Before {
    /// Of the capture's first frame.
    pub first: Option<Timestamp>,
    /// Of the frame before.
    pub last: Option<Timestamp>,
    /// Of the frame before that was shown: that a filter chose, where there is one.
    pub shown: Option<Timestamp>,
}

/// A frame and what is known of it.
#[derive(Debug)]
pub struct Seen<'a> {
    /// The frame.
    pub frame: Frame<'a>,
    /// What it is.
    pub content: Content<'a>,
    /// Its place in a stream; absent where it is no packet of one.
    pub place: Option<Place>,
    /// Times of frames before it.
    pub before: Before,
    /// The accounts of the capture.
    pub index: &'a Index,
    layers: OnceCell<Layers>,
    left_out: Cell<bool>,
}

impl<'a> Seen<'a> {
    /// A frame with what is known of it.
    pub fn new(
        frame: Frame<'a>,
        content: Content<'a>,
        place: Option<Place>,
        before: Before,
        index: &'a Index,
    ) -> Self {
        Self {
            frame,
            content,
            place,
            before,
            index,
            layers: OnceCell::new(),
            left_out: Cell::new(false),
        }
    }

    /// Notes that it is not shown.
    pub fn leave_out(&self) {
        self.left_out.set(true);
    }

    /// The packet; absent where the frame is none.
    pub fn packet(&self) -> Option<&'a Packet<'a>> {
        match self.content {
            Content::Packet(packet) => Some(packet),
            _ => None,
        }
    }

    /// Where its headers lie; no checksum is verified.
    pub fn layers(&self) -> &Layers {
        self.layers
            .get_or_init(|| decode::layers(&self.frame, false))
    }
}

/// A frame, and what the frames before say of it once [`Inspector::settle`] was asked: to be shown later.
#[derive(Debug)]
pub struct Gathered<'x> {
    frame: Frame<'x>,
    /// What it is, where its own bytes alone do not tell: to decode it again costs less than to keep it.
    outcome: Option<Box<Outcome<'x>>>,
    place: Option<Place>,
    before: Before,
}

impl<'x> Gathered<'x> {
    /// A frame of which nothing is known so far.
    #[inline]
    pub fn new(frame: Frame<'x>) -> Self {
        Self {
            frame,
            outcome: None,
            place: None,
            before: Before::default(),
        }
    }

    /// Its number.
    pub fn number(&self) -> u64 {
        self.frame.number.0
    }

    /// Shows it with the accounts of the capture.
    #[inline]
    pub fn show<R>(&self, index: &Index, show: impl FnOnce(&Seen<'_>) -> R) -> R {
        let again;
        let outcome = if let Some(outcome) = &self.outcome {
            outcome
        } else {
            again = decode::alone(&self.frame);
            &again
        };
        show(&Seen::new(
            self.frame,
            content(outcome),
            self.place,
            self.before,
            index,
        ))
    }
}

/// Whether a frame's own bytes tell all that was found of it.
fn is_alone(outcome: &Outcome<'_>) -> bool {
    match outcome {
        Outcome::Packet(packet) => {
            matches!(packet.parts, Parts::Whole(_)) && !packet.notes.after_end
        }
        Outcome::FragmentHeld | Outcome::Skipped(_) => false,
    }
}

fn content<'p>(outcome: &'p Outcome<'p>) -> Content<'p> {
    match outcome {
        Outcome::Packet(packet) => Content::Packet(packet),
        Outcome::FragmentHeld => Content::Fragment,
        Outcome::Skipped(skip) => Content::Other(*skip),
    }
}

/// One direction as its packets go by.
#[derive(Debug, Default)]
struct Direction {
    /// Sequence number of stream offset 0.
    base: Option<u32>,
    /// Stream offset after the highest byte.
    highest: u64,
    log: Log,
}

#[derive(Debug)]
struct Track {
    id: StreamId,
    of_transport: u32,
    first: SocketAddr,
    started: Option<Timestamp>,
    last: Option<Timestamp>,
    directions: Pair<Direction>,
    /// The account's index of each direction.
    accounts: Pair<Option<usize>>,
    tcp: Option<Box<Connection>>,
}

/// Decodes the frames of a capture, in order, for an [`Inspector`].
fn decoder() -> Decoder {
    // Nobody asks for the checksums here, and to add up all bytes is much of the work.
    Decoder::new(decode::Options {
        checksums: false,
        ..decode::Options::default()
    })
}

/// Goes through a capture's frames in order and says of each what is known of it.
#[derive(Debug)]
pub struct Inspector {
    decoder: Decoder,
    dispatcher: Dispatcher,
    tracks: Vec<Option<Track>>,
    before: Before,
}

impl Inspector {
    /// Before the first frame; follows as many `streams` at once as the analysis did.
    pub fn new(streams: usize) -> Self {
        Self {
            decoder: decoder(),
            dispatcher: Dispatcher::new(streams, decoder()),
            tracks: Vec::new(),
            before: Before::default(),
        }
    }

    /// Takes the next frame and shows it to `show`.
    pub fn frame(&mut self, frame: &Frame<'_>, index: &Index, show: &mut dyn FnMut(&Seen<'_>)) {
        let mut outcome = self.decoder.decode(frame);
        let mut place = None;
        let before = self.decoded(frame, &mut outcome, index, &mut place);
        let seen = Seen::new(*frame, content(&outcome), place, before, index);
        show(&seen);
        if !seen.left_out.get() {
            self.before.shown = frame.time.or(self.before.shown);
        }
    }

    /// Takes the next frame, and notes what is known of it.
    #[inline]
    pub fn settle(&mut self, gathered: &mut Gathered<'_>, index: &Index) {
        let mut outcome = self.decoder.decode(&gathered.frame);
        gathered.before = self.decoded(&gathered.frame, &mut outcome, index, &mut gathered.place);
        if !is_alone(&outcome) {
            gathered.outcome = Some(Box::new(outcome));
        }
    }

    /// Finds the place of a frame; returns the times of those before it.
    #[inline]
    fn decoded<'x>(
        &mut self,
        frame: &Frame<'x>,
        outcome: &mut Outcome<'x>,
        index: &Index,
        place: &mut Option<Place>,
    ) -> Before {
        if self.before.first.is_none() {
            self.before.first = frame.time;
        }
        let before = self.before;
        let mut here = Here {
            tracks: &mut self.tracks,
            index,
            place,
        };
        self.dispatcher.decoded(frame, outcome, &mut here);
        self.before.last = frame.time.or(self.before.last);
        before
    }
}

struct Here<'s> {
    tracks: &'s mut Vec<Option<Track>>,
    index: &'s Index,
    place: &'s mut Option<Place>,
}

impl<'x> Orders<'x> for Here<'_> {
    fn packet(
        &mut self,
        slot: Slot,
        opens: Option<Opening>,
        packet: &Packet<'x>,
        frame: &Frame<'x>,
    ) {
        if let Some(opening) = opens {
            if self.tracks.len() <= slot {
                self.tracks.resize_with(slot + 1, || None);
            }
            if let Some(track) = self.tracks.get_mut(slot) {
                *track = Some(Track::new(opening, packet, frame, self.index));
            }
        }
        if let Some(Some(track)) = self.tracks.get_mut(slot) {
            *self.place = Some(track.packet(packet, frame));
        }
    }

    fn close(&mut self, slot: Slot, _now: CaptureEnd) {
        if let Some(track) = self.tracks.get_mut(slot) {
            *track = None;
        }
    }

    fn finding(&mut self, _finding: Finding) {}
}

impl Track {
    fn new(opening: Opening, packet: &Packet<'_>, frame: &Frame<'_>, index: &Index) -> Self {
        let tcp = match packet.transport {
            Transport::Tcp(_) => Some(Box::new(Connection::new(opening.reused))),
            Transport::Udp => None,
        };
        let known = index.direction(opening.id, packet.source);
        Self {
            id: opening.id,
            of_transport: opening.of_transport,
            first: packet.source,
            started: frame.time,
            last: None,
            directions: Pair::default(),
            accounts: Pair::new(known, known.map(|known| 1 - known.min(1))),
            tcp,
        }
    }

    fn packet(&mut self, packet: &Packet<'_>, frame: &Frame<'_>) -> Place {
        let side = if packet.source == self.first {
            Side::First
        } else {
            Side::Second
        };
        let before = std::mem::replace(&mut self.last, frame.time);
        let mut place = Place {
            stream: self.id,
            of_transport: self.of_transport,
            direction: self.accounts[side],
            started: self.started,
            before,
            offset: None,
            acknowledges: None,
            repeats: None,
            tcp: None,
        };
        let length = packet.payload_len;
        let (ours, theirs) = self.directions.ours_and_theirs(side);
        let (Transport::Tcp(tcp), Some(connection)) = (packet.transport, &mut self.tcp) else {
            let length = u64::from(length).max(packet.payload.len() as u64);
            place.offset = Some(ours.highest);
            ours.highest = ours.highest.saturating_add(length);
            return place;
        };
        let written = written(&tcp, length, frame);
        place.tcp =
            Some(connection.segment(side, (&tcp, written), length, frame.number, frame.time));
        place.acknowledges = tcp.ack.and_then(|ack| theirs.position(ack));
        if tcp.rst {
            return place;
        }
        let seq = tcp.seq.wrapping_add(u32::from(tcp.syn));
        ours.base.get_or_insert(seq);
        place.offset = ours.position(seq);
        if let Some(offset) = place.offset {
            place.repeats = ours.take(offset, packet, frame);
        }
        place
    }
}

/// What its header says beside what was decoded; looked at only where that can matter.
fn written(tcp: &Tcp, length: u32, frame: &Frame<'_>) -> Written {
    let Some(ack) = tcp.ack else {
        let Some(layer) = decode::layers(frame, false).transport else {
            return Written::default();
        };
        let ack = frame.data.get(layer.at + 8..).and_then(<[u8]>::first_chunk);
        return Written {
            ack: ack.map_or(0, |ack| u32::from_be_bytes(*ack)),
            cookie: tcp.syn && length > 0 && has_cookie(frame.data, layer),
        };
    };
    Written { ack, cookie: false }
}

impl Direction {
    /// Stream offset of a sequence number, the one nearest to the highest byte; absent before the first byte.
    fn position(&self, seq: u32) -> Option<u64> {
        let low = u32::try_from(self.highest & u64::from(u32::MAX)).unwrap_or_default();
        let expected = self.base?.wrapping_add(low);
        let distance = i64::from(seq.wrapping_sub(expected).cast_signed());
        self.highest.checked_add_signed(distance)
    }

    /// Notes which bytes came; returns the frame that had carried the first of them before.
    fn take(&mut self, offset: u64, packet: &Packet<'_>, frame: &Frame<'_>) -> Option<u64> {
        let bytes = u32::try_from(packet.payload.len()).unwrap_or(u32::MAX);
        let end = offset.saturating_add(u64::from(packet.payload_len.max(bytes)));
        let repeats = if bytes > 0 && offset < self.highest {
            self.log
                .overlapping(offset..offset + u64::from(bytes))
                .next()
                .map(|extent| extent.frame.0)
        } else {
            None
        };
        self.highest = self.highest.max(end);
        if bytes > 0 {
            self.log.push(&Extent {
                offset,
                bytes,
                frame: frame.number,
                wire_len: frame.wire_len,
                time: None,
                repeat: repeats.is_some(),
            });
            self.log
                .discard_before(self.highest.saturating_sub(REMEMBERED));
        }
        repeats
    }
}
