//! Accounts: what was counted for each stream, direction, picture and chunk, in the report's own words.
//!
//! These are the types that `analysis` fills and `report` renders; their names are those of the JSON
//! contract. Laws, asserted on every capture: payload = unique + duplicate; unique = pictures +
//! framing + answers + stray; span = unique + gaps; the
//! chunks' unique bytes + gaps of a picture sum to its length. This room reads no packets and prints nothing.

pub(crate) mod chunks;
pub mod comparison;
pub(crate) mod coverage;
pub(crate) mod map;
mod problem;
pub mod record;
pub(crate) mod trace;

use std::fmt;
use std::net::SocketAddr;
use std::ops::Range;

use serde::{Deserialize, Serialize};

pub use crate::flow::TransportKind;
pub use crate::ledger::chunks::Chunks;
use crate::ledger::comparison::Comparison;
pub use crate::ledger::coverage::{Coverage, Seen};
pub use crate::ledger::map::{Region, RegionKind};
pub use crate::ledger::problem::{Problem, Stop};
pub use crate::ledger::record::{Record, Side};
use crate::picture::Format;
use crate::reassembly::Log;
pub use crate::reassembly::gap::{Gap, GapCause};
use crate::units::{ByteRange, ChunkIndex, FrameNumber, PictureId, StreamId, Timestamp};
pub use crate::wire::Confidence;
use crate::wire::Protocol;
use crate::wire::layout::PixelOrder;

/// One direction of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Direction {
    /// Sender.
    pub from: SocketAddr,
    /// Receiver.
    pub to: SocketAddr,
    /// All frames of the direction, those without payload included (Wireshark's conversation table).
    pub packets: u64,
    /// Their lengths on the wire, link headers included.
    pub wire_bytes: u64,
    /// Frames that carry at least one payload byte.
    pub data_packets: u64,
    /// Transport payload, repeats included.
    pub payload_bytes: u64,
    /// Bytes seen at least once.
    pub unique_bytes: u64,
    /// `payload_bytes` − `unique_bytes`.
    pub duplicate_bytes: u64,
    /// Frames whose payload had been seen before, wholly or partly. Always 0 for UDP.
    pub retransmitted_packets: u64,
    /// Frames whose payload came after later bytes and had not been seen. Always 0 for UDP.
    pub out_of_order_packets: u64,
    /// Sum of `gaps`.
    pub gap_bytes: u64,
    /// Missing ranges, ascending.
    pub gaps: Vec<Gap>,
    /// Urgent bytes (RFC 9293, section 3.8.5), which a receiver reads apart from the stream: no offset counts them, and
    /// `duplicate_bytes` does.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub urgent_bytes: u64,
    /// What each of its bytes is, in order, gaps included; at most [`map::MOST_REGIONS`].
    pub map: Vec<Region>,
    /// Regions beyond those in `map`, which are in the sums only.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub map_omitted: u64,
    /// Bytes of pictures.
    pub picture_bytes: u64,
    /// Bytes of the wire format.
    pub framing_bytes: u64,
    /// Bytes that reply to a picture and are none.
    pub answer_bytes: u64,
    /// Bytes that are none of these.
    pub stray_bytes: u64,
    /// Whether its first byte in the capture is known to be the first that was sent (SYN); absent for UDP.
    pub start_seen: Option<bool>,
    /// Sequence number of its SYN; absent where that was not captured, and for UDP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_sequence: Option<u32>,
    /// SHA-256 of its first 1,024 bytes, or of all where it has fewer and ended; absent unless all of them were captured, for
    /// UDP, and unless that digest was selected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_bytes_sha256: Option<String>,
    /// One past the highest byte that the receiver acknowledged; absent where it acknowledged none, and for UDP.
    pub acknowledged: Option<u64>,
    /// How the direction ended; absent while open or where the capture does not show it.
    pub closed: Option<Closed>,
    /// SHA-256 of the stream bytes, gaps left out; absent unless that digest was selected.
    pub sha256: Option<String>,
    /// Stream ranges that came twice with different bytes, where nothing tells which copy the receiver has. Not told: a finding
    /// does.
    #[serde(skip)]
    pub undecided: Vec<Range<u64>>,
    /// Which frames carried its bytes; absent unless that was asked for, and not told.
    #[serde(skip)]
    pub carriers: Option<Carriers>,
    /// Of some of its gaps or frames no detail was kept, because memory ran out. Not told: a finding does.
    #[serde(skip)]
    pub unlisted: bool,
}

impl Direction {
    /// The account of a direction of which nothing was captured.
    pub fn new(from: SocketAddr, to: SocketAddr) -> Self {
        Self {
            from,
            to,
            packets: 0,
            wire_bytes: 0,
            data_packets: 0,
            payload_bytes: 0,
            unique_bytes: 0,
            duplicate_bytes: 0,
            retransmitted_packets: 0,
            out_of_order_packets: 0,
            gap_bytes: 0,
            gaps: Vec::new(),
            urgent_bytes: 0,
            map: Vec::new(),
            map_omitted: 0,
            picture_bytes: 0,
            framing_bytes: 0,
            answer_bytes: 0,
            stray_bytes: 0,
            start_seen: None,
            initial_sequence: None,
            first_bytes_sha256: None,
            acknowledged: None,
            closed: None,
            sha256: None,
            undecided: Vec::new(),
            carriers: None,
            unlisted: false,
        }
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks with a reference"
)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Which frames carried the bytes of a direction. Two are always equal: it is no account, but what accounts are drawn from.
#[derive(Debug, Clone)]
pub struct Carriers(pub(crate) Log);

impl PartialEq for Carriers {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Carriers {}

/// How a direction was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Closed {
    /// The sender's FIN.
    Fin,
    /// A RST from the sender of this direction.
    Reset,
}

/// One TCP connection or UDP 5-tuple.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stream {
    /// Number from 0 in order of first frame.
    pub id: StreamId,
    /// TCP or UDP.
    pub transport: TransportKind,
    /// Number among the streams of the same transport: Wireshark's `tcp.stream` or `udp.stream`.
    pub transport_stream: u32,
    /// Wire format, as `--protocol` spells it; absent where no picture and no format was found.
    pub protocol: Option<Protocol>,
    /// How sure that is; absent with `protocol`.
    pub confidence: Option<Confidence>,
    /// Index into `directions` of the side that connected; absent where the capture does not show it.
    pub initiator: Option<usize>,
    /// First frame.
    pub first_packet: FrameNumber,
    /// Last frame.
    pub last_packet: FrameNumber,
    /// Time of the first frame.
    pub started: Option<Timestamp>,
    /// Time of the last frame.
    pub ended: Option<Timestamp>,
    /// What the connecting side asked for (`catalog`: the choice as sent).
    pub request: Option<String>,
    /// What speaks for a wire format that was worked out from the bytes, half a sentence a field; empty elsewhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// Both directions, initiator's first where it is known, else the first sender's; always two.
    pub directions: Vec<Direction>,
}

/// Verdict on one picture or a run; ordered from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// All that could be compared is equal.
    Match,
    /// Whole on the wire, nothing given to compare it with.
    Unverified,
    /// The capture lacks bytes: no honest verdict.
    Inconclusive,
    /// Never arrived whole on the wire.
    Incomplete,
    /// Compared and different.
    Mismatch,
}

impl Verdict {
    /// Its name, as the JSON has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Match => "match",
            Self::Unverified => "unverified",
            Self::Inconclusive => "inconclusive",
            Self::Incomplete => "incomplete",
            Self::Mismatch => "mismatch",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Where a picture's chunk size comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChunkSizeSource {
    /// `--chunk`.
    Given,
    /// The wire format's own habit (1024 for `eof`, 2048 for `marker`, a row for `raw-pixels`), or what it declares.
    Format,
    /// The size that most of its segments or datagrams have: a guess.
    Observed,
}

/// One picture moved in one direction.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Image {
    /// Number from 0 in order of first frame.
    pub id: PictureId,
    /// Its stream.
    pub stream: StreamId,
    /// Sender.
    pub from: SocketAddr,
    /// Receiver.
    pub to: SocketAddr,
    /// Wire format, as `--protocol` spells it.
    pub protocol: Protocol,
    /// File format; absent for raw pixels and for what is no known picture.
    pub format: Option<Format>,
    /// The media type that the wire format says it is of, where imgnet does not know the kind by its bytes.
    #[serde(default)]
    pub media_type: Option<String>,
    /// Width in pixels; absent where unknown.
    pub width: Option<u32>,
    /// Height in pixels; absent where unknown.
    pub height: Option<u32>,
    /// What a pixel is, of raw pixels whose framing says their shape; absent else. Rows of `raw-pixels` are BGR.
    #[serde(default)]
    pub pixels: Option<PixelOrder>,
    /// Bytes of the picture, gaps included: from its start to its end in the stream, unless `encoded_bytes` says that
    /// those are others.
    pub bytes: u64,
    /// Bytes from its start to its end in the stream, where they are not the picture's own one by one: encoded, or with
    /// framing between them. Gaps, counts and chunks are then of these; absent else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoded_bytes: Option<u64>,
    /// Length the wire format declared; absent where it declares none.
    pub declared_bytes: Option<u64>,
    /// Whole on the wire: no gap, ended as the format and its own structure say.
    pub complete: bool,
    /// Where and why it is not whole, in plain words; absent when complete.
    pub problem: Option<Problem>,
    /// Digest of its bytes in lowercase hex; absent with gaps or unless sha256 was selected.
    pub sha256: Option<String>,
    /// Digest under another selected algorithm.
    pub digest: Option<Digest>,
    /// Stream offset of its first byte.
    pub offset: u64,
    /// Frames that carry at least one byte of it.
    pub packets: u64,
    /// Their lengths on the wire.
    pub wire_bytes: u64,
    /// Transport payload bytes that belong to it, repeats included.
    pub payload_bytes: u64,
    /// Bytes seen at least once.
    pub unique_bytes: u64,
    /// Repeats.
    pub duplicate_bytes: u64,
    /// Frames that repeat at least one byte of it.
    pub retransmitted_packets: u64,
    /// Its datagrams, where the sender numbers each one that it hands over (`framed` over UDP); absent elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub datagrams: Option<Datagrams>,
    /// Missing bytes.
    pub gap_bytes: u64,
    /// Missing ranges, as picture offsets.
    pub gaps: Vec<Gap>,
    /// First frame that carries a byte of it; absent where all of it is missing.
    pub first_packet: Option<FrameNumber>,
    /// Last frame (by number) that carries a byte of it.
    pub last_packet: Option<FrameNumber>,
    /// Time of the first such frame.
    pub started: Option<Timestamp>,
    /// Time of the last such frame.
    pub ended: Option<Timestamp>,
    /// Bytes a chunk; absent when unknown: then the picture is accounted as one chunk.
    pub chunk_size: Option<u64>,
    /// Where `chunk_size` comes from; absent with it.
    pub chunk_size_source: Option<ChunkSizeSource>,
    /// Frames that carry bytes of more than one chunk, and so count in each.
    pub shared_packets: u64,
    /// The chunks, ascending; absent when a limit made imgnet drop the detail.
    pub chunks: Option<Chunks>,
    /// Verdict.
    pub verdict: Verdict,
    /// What was compared; absent where nothing was.
    pub compared: Option<Box<Comparison>>,
}

impl Image {
    /// Counts the frames that carried it: `log` has those with a byte at `range` of the stream. Its chunks follow from its
    /// chunk size and its gaps.
    pub(crate) fn count(&mut self, log: Log, range: ByteRange) {
        let size = match self.chunk_size {
            None | Some(0) => (range.end - range.start).max(1),
            Some(size) => size,
        };
        for extent in log.iter() {
            self.packets += 1;
            let last = extent.end().min(range.end).saturating_sub(1);
            let first = extent.offset.max(range.start) - range.start;
            self.shared_packets +=
                u64::from(first / size != last.saturating_sub(range.start) / size);
            self.wire_bytes += u64::from(extent.wire_len);
            self.payload_bytes += extent.end().min(range.end) - extent.offset.max(range.start);
            self.retransmitted_packets += u64::from(extent.repeat);
            if self.first_packet.is_none_or(|frame| extent.frame < frame) {
                self.first_packet = Some(extent.frame);
                self.started = extent.time;
            }
            if self.last_packet.is_none_or(|frame| extent.frame > frame) {
                self.last_packet = Some(extent.frame);
                self.ended = extent.time;
            }
        }
        self.duplicate_bytes = self.payload_bytes.saturating_sub(self.unique_bytes);
        let chunks = Chunks::counted(log, range, self.gaps.clone(), self.chunk_size.unwrap_or(0));
        self.chunks = Some(chunks);
    }

    /// Whether it cannot be judged because the capture ended before it did, and lacks none of its bytes so far.
    pub fn is_not_over(&self) -> bool {
        self.verdict == Verdict::Inconclusive
            && self.gaps.is_empty()
            && self.problem.as_ref().is_some_and(Problem::is_capture_end)
    }

    /// Whether it is whole and the capture has all of it.
    pub fn is_all_there(&self) -> bool {
        self.complete && self.gaps.is_empty() && self.gap_bytes == 0
    }

    /// Whether only a range of it was asked for, and came.
    pub fn is_range(&self) -> bool {
        matches!(self.problem, Some(Problem::Range { .. }))
    }

    /// Whether bytes of it came twice and differ, and nothing tells which copy its receiver has: all was captured, and no verdict
    /// follows from it.
    pub fn is_undecided(&self) -> bool {
        let blame = self.compared.as_ref().and_then(|one| one.blame.as_ref());
        self.verdict == Verdict::Inconclusive
            && blame.is_some_and(|blame| blame.who == comparison::Blamed::Unknown)
    }

    /// Whether urgent bytes keep it from a verdict.
    pub fn is_urgent(&self) -> bool {
        self.verdict == Verdict::Inconclusive
            && self.compared.as_ref().is_some_and(|one| one.urgent)
    }

    /// Whether it goes as rows of raw pixels, which have no file format of their own.
    pub fn is_raw_pixels(&self) -> bool {
        self.format.is_none()
            && (self.pixels.is_some() || matches!(self.protocol, Protocol::RawPixels { .. }))
    }

    /// Its raw pixels as rows of BGR24, without opacity.
    pub fn bgr24_rows(&self, bytes: Vec<u8>) -> Vec<u8> {
        let size = self.pixels.and_then(PixelOrder::bytes).unwrap_or(3);
        let Ok(size) = usize::try_from(size) else {
            return bytes;
        };
        let each = |make: fn(&[u8]) -> [u8; 3]| bytes.chunks_exact(size).flat_map(make).collect();
        match self.pixels {
            None | Some(PixelOrder::Bgr | PixelOrder::Any) => bytes,
            Some(PixelOrder::Rgb | PixelOrder::Rgba) => each(|pixel| match *pixel {
                [red, green, blue, ..] => [blue, green, red],
                _ => [0; 3],
            }),
            Some(PixelOrder::Bgra) => each(|pixel| match *pixel {
                [blue, green, red, ..] => [blue, green, red],
                _ => [0; 3],
            }),
            Some(PixelOrder::Grey) => each(|pixel| [pixel.first().copied().unwrap_or(0); 3]),
            Some(PixelOrder::Rgb565) => each(|pixel| match *pixel {
                [low, high, ..] => {
                    let value = u16::from_le_bytes([low, high]);
                    let five = |shift: u16| u8::try_from((value >> shift & 31) << 3).unwrap_or(0);
                    let green = u8::try_from((value >> 5 & 63) << 2).unwrap_or(0);
                    [five(0), green, five(11)]
                }
                _ => [0; 3],
            }),
        }
    }
}

/// The datagrams of a picture whose sender numbers each one that it hands over.
///
/// `sent` = `captured` + those that were lost before the place of capture or that the capture lacks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Datagrams {
    /// How many the sender handed over, by their numbers, pieces that were sent again included.
    pub sent: u64,
    /// How many of those carried a piece again; absent where some piece never came by.
    pub repeats: Option<u64>,
    /// How many of those sent the capture has.
    pub captured: u64,
    /// Datagrams beyond those: the very same one came again, doubled on its way or by the capture.
    pub copies: u64,
    /// How many reached the receiver, as it says when it confirms the picture; absent where it does not.
    pub arrived: Option<u64>,
    /// `sent` − `arrived`: lost on the way or in the receiver, or too late to be of use; absent with `arrived`.
    pub lost: Option<u64>,
}

/// A digest that is not SHA-256.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// `blake3` or `crc32`.
    pub algorithm: String,
    /// Lowercase hex.
    pub value: String,
}

/// Streams and pictures that are only summed up, because memory ran out: they stand in no list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Folded {
    /// Streams.
    pub streams: u64,
    /// Their pictures.
    pub images: u64,
    /// Their frames.
    pub packets: u64,
    /// Lengths of those on the wire.
    pub wire_bytes: u64,
    /// Bytes of their pictures.
    pub image_bytes: u64,
    /// Pictures, these and others, of whose chunks no detail was kept.
    pub without_chunks: u64,
    /// Directions of whose gaps or frames not all detail was kept. Not told: a finding does.
    #[serde(skip)]
    pub unlisted: u64,
}

impl Folded {
    /// Whether nothing was left out.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Adds a stream and its pictures.
    pub fn add(&mut self, stream: &Stream, images: &[Image]) {
        self.streams += 1;
        for direction in &stream.directions {
            self.packets = self.packets.saturating_add(direction.packets);
            self.wire_bytes = self.wire_bytes.saturating_add(direction.wire_bytes);
        }
        self.images += images.len() as u64;
        for image in images {
            self.image_bytes = self.image_bytes.saturating_add(image.bytes);
        }
    }

    /// Adds the sums of others.
    pub fn merge(&mut self, other: Self) {
        let Self {
            streams,
            images,
            packets,
            wire_bytes,
            image_bytes,
            without_chunks,
            unlisted,
        } = other;
        self.streams += streams;
        self.images += images;
        self.packets = self.packets.saturating_add(packets);
        self.wire_bytes = self.wire_bytes.saturating_add(wire_bytes);
        self.image_bytes = self.image_bytes.saturating_add(image_bytes);
        self.without_chunks += without_chunks;
        self.unlisted += unlisted;
    }
}

/// One chunk's account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// Index from 0.
    pub index: ChunkIndex,
    /// Picture offset of its first byte.
    pub offset: u64,
    /// Its length: the chunk size, less for the last.
    pub bytes: u64,
    /// Frames that carry at least one byte of it.
    pub packets: u64,
    /// First such frame; absent where all of it is missing.
    pub first_packet: Option<FrameNumber>,
    /// Last such frame.
    pub last_packet: Option<FrameNumber>,
    /// Lengths on the wire of those frames.
    pub wire_bytes: u64,
    /// Bytes seen at least once.
    pub unique_bytes: u64,
    /// Repeats.
    pub duplicate_bytes: u64,
    /// Missing bytes.
    pub gap_bytes: u64,
    /// Time of the first such frame.
    pub started: Option<Timestamp>,
    /// Time of the last such frame.
    pub ended: Option<Timestamp>,
    /// How many chunks this row stands for: more than 1 only for a long run of them of which nothing was captured, whose
    /// sums these then are. So what is told is bounded by what was captured.
    #[serde(rename = "chunks", default = "one", skip_serializing_if = "is_one")]
    pub folded: u64,
}

fn one() -> u64 {
    1
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks for a reference"
)]
fn is_one(folded: &u64) -> bool {
    *folded == 1
}
