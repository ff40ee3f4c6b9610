//! Strings the steps together: frames in, events out. Offline and live, report and check all observe the
//! same events, so they can never disagree. Opens nothing, prints nothing, reads no clock.

use std::net::SocketAddr;
use std::time::Duration;

pub use crate::digest::DigestKind;
use crate::findings::Finding;
use crate::ledger::{Image, Stream, TransportKind};
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
    /// Bytes of a picture that the capture lacks, in order.
    PictureGap {
        /// Its number.
        picture: PictureId,
        /// How many.
        length: u64,
    },
    /// A picture ended. Counts may still grow by repeats: the final ones come with `StreamClosed`.
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
