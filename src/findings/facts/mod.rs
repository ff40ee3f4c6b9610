//! What the rules look at: facts of one stream, gathered while its frames went by.
//!
//! Filled by `analysis`, read by the rules; small whatever the stream's length. What lives as long as a stream is
//! followed is a [`Watch`] a direction; the rest is drawn up when the stream is closed.

mod frames;
mod stray;
mod text_mode;
mod watch;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

pub use frames::{Frames, NAMED};
pub use stray::StrayKind;
pub use text_mode::TextDamage;
pub use watch::{ConflictFact, Ours, Stall, StallKind, TOLD, Troubles, Watch, ZeroWindow};

use super::{Finding, Name};
use crate::ledger::{Closed, Folded, Stream};
use crate::picture::{Info, Status};
use crate::reassembly::{Gap, GapCause};
use crate::units::{ByteRange, FrameNumber, PictureId, StreamId, Timestamp};
use crate::wire::{Ending, Fault, Order, Protocol};

/// How far a capture went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CaptureEnd {
    /// Time of the last frame before it, or until which nothing more came; absent where frames have no time.
    pub time: Option<Timestamp>,
    /// The capture went on up to here for sure: whoever captured says so, and no frame was taken out since.
    pub known: bool,
}

/// A frame and its time.
pub type Moment = (FrameNumber, Option<Timestamp>);

/// Facts of one stream.
#[derive(Debug, Default)]
pub struct StreamFacts {
    /// Both directions, in the order of the stream's account.
    pub directions: Vec<DirectionFacts>,
    /// The capture went on for longer than the idle limit after the stream's last frame.
    pub idle_at_end: bool,
    /// A limit on waiting bytes was hit.
    pub limited: bool,
    /// Time of the last frame captured before the stream was closed; absent where frames have no time.
    pub capture_end: Option<Timestamp>,
    /// The capture went on up to that time for sure.
    pub end_known: bool,
    /// Silence longer than this counts as idle.
    pub idle: Duration,
    /// The wire format that the user gave for this stream's ports, or that programs on them are known to speak.
    pub expected: Option<Protocol>,
}

/// Facts of one direction.
#[derive(Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts are a list of yes and no, among others"
)]
pub struct DirectionFacts {
    /// At least one frame of it was captured.
    pub heard: bool,
    /// It was captured from its SYN on.
    pub saw_syn: bool,
    /// It acknowledged something that the other side sent, be it only its SYN.
    pub acknowledges: bool,
    /// First RST sent in it.
    pub reset: Option<FrameNumber>,
    /// First FIN sent in it.
    pub fin: Option<FrameNumber>,
    /// Time of the first FIN or RST sent in it.
    pub closing: Option<Timestamp>,
    /// The other side acknowledged the FIN.
    pub fin_acknowledged: bool,
    /// One past the highest byte acknowledged; absent where nothing was.
    pub acknowledged: Option<u64>,
    /// One past the highest byte sent.
    pub span: u64,
    /// Repeated bytes that could not be compared with their first copy.
    pub unchecked_bytes: u64,
    /// Bytes that came after they had been given up as missing.
    pub late_bytes: u64,
    /// What was remarkable about its frames.
    pub troubles: Troubles,
    /// Last frame that carried payload, with its time.
    pub last_data: Option<Moment>,
    /// Stream offset of the first byte outside any picture and any framing.
    pub first_stray: Option<u64>,
    /// The first few of such bytes.
    pub stray_sample: Vec<u8>,
    /// What was wrong with the framing, with stream offsets.
    pub faults: Vec<(u64, Fault)>,
    /// End markers seen.
    pub markers: u64,
    /// The last end marker, if no picture follows it.
    pub last_marker: Option<Box<Mark>>,
    /// What a format that numbers its datagrams says; absent in all others.
    pub numbering: Option<Box<Numbering>>,
    /// Its pictures.
    pub pictures: Vec<PictureFacts>,
}

/// An end marker, and what came after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Stream offset after the marker.
    pub end: u64,
    /// Its length in bytes.
    pub bytes: u64,
    /// The frame that brought its last byte.
    pub frame: FrameNumber,
    /// The picture before it.
    pub picture: Option<PictureId>,
    /// The first frame that acknowledged it whole.
    pub acknowledged: Option<Moment>,
    /// The first frame after the acknowledgment by which the other side sent data, FIN or RST.
    pub answered: Option<Moment>,
}

/// What the numbers in datagrams tell (`udp-index`, `framed` over UDP).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Numbering {
    /// How many numbers the last picture has; absent where unknown.
    pub total: Option<u64>,
    /// Pieces that never came, as far as they can be counted.
    pub lost: u64,
    /// Pieces never came of which nothing tells how many they were.
    pub lost_uncounted: bool,
    /// Frames with a number that had come before; where the sender numbers what it hands over, only copies.
    pub duplicated: Frames,
    /// Frames that carry a piece again because the receiver asked for it.
    pub sent_again: Frames,
    /// Frames with a number below the highest so far.
    pub reordered: Frames,
}

impl Numbering {
    /// A piece came, in this place among the others.
    ///
    /// `asked`: the format asks for what is missing, so a repeat is the sender's own.
    pub fn add(&mut self, frame: FrameNumber, total: Option<u64>, order: Order, asked: bool) {
        self.total = total;
        match order {
            Order::Next | Order::Ahead => {}
            Order::Late | Order::TooLate => self.reordered.add(frame),
            Order::Again => self.sent_again.add(frame),
            Order::Repeat if asked => self.sent_again.add(frame),
            Order::Repeat | Order::Copy => self.duplicated.add(frame),
        }
    }

    /// Pieces never came; `pieces` is absent where they are numbered by offset.
    pub fn lose(&mut self, pieces: Option<u64>) {
        match pieces {
            Some(pieces) => self.lost += pieces,
            None => self.lost_uncounted = true,
        }
    }
}

/// Facts of one picture.
#[derive(Debug)]
pub struct PictureFacts {
    /// Numbered pieces that never came, and their bytes as far as they are known; absent where none is missing.
    pub lost: Option<(u64, u64)>,
    /// Its number.
    pub id: PictureId,
    /// Its wire format.
    pub protocol: Protocol,
    /// Its place in the stream.
    pub range: ByteRange,
    /// What the format declared.
    pub declared: Option<u64>,
    /// What ended it.
    pub ending: Ending,
    /// What its structure says; absent where it is no known picture.
    pub structure: Option<(Status, Info)>,
    /// Its first bytes are those of a picture that a text conversion damaged.
    pub text_damage: Option<TextDamage>,
    /// Missing ranges, as picture offsets.
    pub gaps: Vec<Gap>,
    /// First bytes after its structural end.
    pub trailing: Vec<u8>,
    /// The frame that was at hand when it ended.
    pub ended: FrameNumber,
    /// The other side sent bytes after its last frame and before the first of the next one. Looked for only where the stream fell silent.
    pub answered: bool,
}

/// Who closed a connection first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UploadEnd {
    /// Who had connected.
    Client,
    /// Who listens.
    Server,
}

/// An upload that ended with an acknowledged marker after which its connection fell silent: whether the server hangs
/// shows only on its other connections, or by the uploader's waiting.
#[derive(Debug, Clone)]
pub struct SilentUpload {
    /// The listening side.
    pub server: SocketAddr,
    /// The stream.
    pub stream: StreamId,
    /// The picture.
    pub picture: Option<PictureId>,
    /// Its length.
    pub bytes: u64,
    /// The marker.
    pub mark: Mark,
    /// Bytes a chunk; absent when unknown.
    pub chunk: Option<u64>,
    /// Nanoseconds of silence after the acknowledgment, until either side closed.
    pub silence: i64,
    /// Neither closed within the idle limit: the uploader waits for something.
    pub stayed: bool,
    /// The frame by which it was closed, and by whom; absent where the capture shows none.
    pub ended: Option<(FrameNumber, UploadEnd)>,
}

/// Attempts to connect that one address refused.
#[derive(Debug, Clone)]
pub struct Refused {
    /// Who asked first.
    pub client: SocketAddr,
    /// The stream of the first attempt.
    pub stream: StreamId,
    /// The last one's.
    pub last: StreamId,
    /// SYN and RST of the first attempt.
    pub first: (FrameNumber, FrameNumber),
    /// How many there were.
    pub attempts: u64,
    /// SYN and RST of all of them.
    pub frames: Frames,
}

/// What is remembered of a listening address over all its connections.
#[derive(Debug, Clone, Default)]
pub struct ServerFacts {
    /// The latest connection that it accepted: the stream, and its first frame.
    pub accepted: Option<(StreamId, FrameNumber)>,
    /// When it last sent data on any of them.
    pub last_data: Option<Timestamp>,
    /// How many connections it had.
    pub connections: u64,
    /// First frame of a connection on which neither side sent a byte.
    pub silent: Option<FrameNumber>,
}

/// Facts of the whole capture.
#[derive(Debug, Clone, Default)]
pub struct CaptureFacts {
    /// Frames whose checksum offload left unfinished.
    pub unfinished_checksums: Frames,
    /// Segments longer than the receiver's maximum segment size, or with an IP length of 0.
    pub larger_than_mtu: Frames,
    /// Frames that were captured before.
    pub twice: Frames,
    /// Frames with a time before that of the frame before them, and by how much the clock went back at most.
    pub clock_steps: Frames,
    /// Largest step back, in nanoseconds.
    pub largest_step: i64,
    /// Packets that ICMP messages say did not arrive, by whom they were sent to.
    pub unreached: BTreeMap<SocketAddr, Unreached>,
    /// What is only summed up.
    pub folded: Folded,
    /// Streams that the snap length cut, beyond those that are told of one by one.
    pub cut: Cut,
}

/// Streams whose frames the snap length cut. It cuts all streams of a capture alike, so that of many one sentence says more than
/// one of each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cut {
    /// Streams told of one by one.
    told: usize,
    /// Those that are not.
    pub streams: u64,
    /// Places at which something was cut off them.
    pub places: u64,
    /// Bytes that were.
    pub bytes: u64,
}

impl Cut {
    /// Most streams that are told of one by one.
    const TOLD: usize = 8;

    /// Takes what is found of the next stream: of so many each is told that it was cut, and the rest is counted.
    pub(crate) fn sift(&mut self, stream: &Stream, findings: &mut Vec<Finding>) {
        let of_it = |finding: &Finding| finding.name == Name::SnaplenCut;
        if !findings.iter().any(of_it) {
            return;
        }
        if self.told < Self::TOLD {
            self.told += 1;
            return;
        }
        findings.retain(|finding| !of_it(finding));
        self.streams += 1;
        let gaps = stream.directions.iter().flat_map(|way| &way.gaps);
        for gap in gaps.filter(|gap| gap.cause == GapCause::SnapLength) {
            self.places += 1;
            self.bytes += gap.length;
        }
    }
}

/// Packets to one address of which ICMP messages say that they did not arrive.
#[derive(Debug, Clone)]
pub struct Unreached {
    /// The stream of the first.
    pub stream: StreamId,
    /// Who sent it.
    pub client: SocketAddr,
    /// The messages.
    pub frames: Frames,
    /// What they say, and of which packets: `no program listens on that port`.
    pub what: &'static str,
    /// They were datagrams.
    pub datagrams: bool,
    /// The first frame that the address sent by itself after that.
    pub answered: Option<FrameNumber>,
}

/// Of more addresses nothing is told.
pub const UNREACHED: usize = 256;

impl CaptureFacts {
    /// Takes the facts of other frames of the same capture.
    pub fn merge(&mut self, other: Self) {
        self.unfinished_checksums.merge(other.unfinished_checksums);
        self.larger_than_mtu.merge(other.larger_than_mtu);
        self.twice.merge(other.twice);
        self.clock_steps.merge(other.clock_steps);
        self.largest_step = self.largest_step.max(other.largest_step);
        self.folded.merge(other.folded);
        // Only the one who reads the frames sees them.
        self.unreached.extend(other.unreached);
        self.cut.streams += other.cut.streams;
        self.cut.places += other.cut.places;
        self.cut.bytes += other.cut.bytes;
    }
}

impl DirectionFacts {
    /// The other side acknowledged bytes beyond the last that the capture has.
    pub fn lacks_acknowledged(&self) -> bool {
        // A FIN is acknowledged as a byte is.
        let seen = self.span.saturating_add(u64::from(self.fin.is_some()));
        self.acknowledged > Some(seen)
    }

    /// How the direction was closed; absent where the capture does not show it.
    pub fn closed(&self) -> Option<Closed> {
        match (self.reset, self.fin) {
            (Some(_), _) => Some(Closed::Reset),
            (None, Some(_)) => Some(Closed::Fin),
            (None, None) => None,
        }
    }
}
