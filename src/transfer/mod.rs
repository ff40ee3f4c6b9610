//! Servers and clients that really move pictures: P1 to P5 and their relatives, on blocking sockets and threads.
//!
//! What goes over a socket is made and understood by [`crate::wire`] alone, so that these programs and the
//! sniffer can never disagree. Everything runs on a socket that the caller opened and until a [`Shutdown`] that the
//! caller holds, so that tests and `demo` run it on any port; what happens is told to an observer. Nothing is
//! printed here, no argument is read, no packet is looked at.
#![expect(
    clippy::disallowed_methods,
    reason = "the edge: sockets, files, threads and the clock are used here"
)]

pub(crate) mod client;
mod datagrams;
mod digest;
mod error;
mod framed;
mod gate;
mod incoming;
mod memory;
mod outgoing;
mod patience;
mod pixels;
mod queue;
mod reactor;
mod readiness;
mod rows;
pub mod server;
mod socket;
mod store;
mod strangers;
#[cfg_attr(not(target_os = "linux"), path = "taken/elsewhere.rs")]
mod taken;

#[cfg(test)]
mod tests;

use std::fmt;
use std::fs;
use std::io::{self, Read as _};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

pub use error::Error;
pub use gate::{Network, NotANetwork};

pub(crate) use crate::ledger::record;
pub use crate::ledger::record::{Record, Side};
pub use socket::{bind_udp, listen, room_for_connections};
pub use store::Store;

use crate::units::Timestamp;

/// Limits against peers that are slow, greedy or hostile.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Networks that may connect to a server; empty for all.
    pub allow: Vec<Network>,
    /// Connections a second from one address, ten seconds' worth of them at once; 0 for any number.
    pub rate: u32,
    /// A connection on which nothing moves for so long is given up.
    pub idle: Duration,
    /// A connection to a server is given up after so long, whatever moves.
    pub total: Duration,
    /// A server that is to end waits so long for pictures under way.
    pub grace: Duration,
    /// No datagram for so long ends a picture.
    pub idle_udp: Duration,
    /// Bytes of one picture.
    pub picture_bytes: u64,
    /// Pixels that a picture declares: width × height.
    pub pixels: u64,
    /// Bytes of pictures that a server holds in memory at once, over all connections; who asks for more waits (`catalog`),
    /// or is given up (rows of pixels, of which nobody knows how many will come).
    pub memory: u64,
    /// Connections (or senders of datagrams) served at the same time; more wait.
    pub connections: usize,
    /// Of those, from one address that is not this machine's; more are closed at once.
    pub connections_each: usize,
    /// After everything was sent and acknowledged, so long may the other side take to close.
    pub linger: Duration,
    /// Pause between the last chunk and the end marker, after the send queue drained: a receiver that compares
    /// one `recv` with the marker has read the chunk by then.
    pub before_marker: Duration,
    /// Tell of the bytes of rows of pixels as they come ([`Event::Rows`]).
    pub tell_rows: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            rate: 1000,
            idle: Duration::from_secs(30),
            total: Duration::from_secs(3600),
            grace: Duration::from_secs(10),
            idle_udp: Duration::from_secs(2),
            picture_bytes: 256 << 20,
            pixels: 256 << 20,
            memory: 256 << 20,
            connections: 16_384,
            connections_each: 1024,
            linger: Duration::from_millis(500),
            before_marker: Duration::from_millis(20),
            tell_rows: false,
        }
    }
}

/// Says that a server or client is to end. Clones mean the same end.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    now: Arc<AtomicBool>,
    /// No more is begun; what is under way comes to its end.
    stop: Arc<AtomicBool>,
    /// The same, because enough was done.
    enough: Arc<AtomicBool>,
    /// When it was first seen that [`Self::stop`] was called.
    stopped: Arc<OnceLock<Instant>>,
}

impl Shutdown {
    /// Ends everything within a moment, pictures under way included.
    pub fn request(&self) {
        self.now.store(true, Ordering::Release);
    }

    /// The flag behind [`Self::request`], for a signal handler to set.
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.now)
    }

    /// Whether everything is to end now.
    pub fn requested(&self) -> bool {
        self.now.load(Ordering::Acquire)
    }

    /// Ends once no picture is under way any more; a server waits for them as long as [`Limits::grace`].
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }

    /// The flag behind [`Self::stop`], for a signal handler to set.
    pub fn stop_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stop)
    }

    /// Whether [`Self::stop`] was called.
    pub fn stopping(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    /// How long ago it was first seen that [`Self::stop`] was called; 0 where it was not.
    fn stopping_for(&self) -> Duration {
        if self.stopping() {
            self.stopped.get_or_init(Instant::now).elapsed()
        } else {
            Duration::ZERO
        }
    }

    /// Ends as soon as no picture is under way: enough was done.
    fn wind_down(&self) {
        self.enough.store(true, Ordering::Release);
    }

    fn winding_down(&self) -> bool {
        self.requested() || self.stopping() || self.enough.load(Ordering::Acquire)
    }

    /// An end of its own for something that also ends with this one.
    fn within(&self) -> Self {
        Self {
            now: Arc::clone(&self.now),
            stop: Arc::clone(&self.stop),
            enough: Arc::default(),
            stopped: Arc::clone(&self.stopped),
        }
    }
}

/// Something that happened.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// A server waits on this address now.
    Listening(SocketAddr),
    /// A picture was sent or received; [`Record::problem`] says whether it is as it should be.
    Transferred(Box<Record>),
    /// A picture is under way: so many of its bytes were sent or received, at most a few times a second.
    Moving {
        /// Bytes so far.
        bytes: u64,
        /// All of them; absent where the wire format does not tell.
        total: Option<u64>,
    },
    /// Bytes of rows of pixels that came, BGR24; only where [`Limits::tell_rows`] asks for them.
    Rows {
        /// Pixels in a row.
        width: u32,
        /// The bytes, in pieces as they came.
        bytes: Vec<u8>,
    },
    /// Something else that went well, in one line: a merged picture was saved.
    Note(String),
    /// Something that went wrong, in one line: a peer that sent nothing, bytes that were no picture.
    Warning(String),
    /// A picture came whole and could not be answered, in one line: it counts as failed.
    Unanswered(String),
}

/// What a run of a server or client is given: limits, when to end, and whom to tell.
#[derive(Clone)]
pub struct Session<'o> {
    /// Limits.
    pub limits: Limits,
    /// When to end.
    pub shutdown: Shutdown,
    /// Whom to tell; called from several threads.
    pub observer: &'o (dyn Fn(Event) + Sync),
}

impl fmt::Debug for Session<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("limits", &self.limits)
            .field("shutdown", &self.shutdown)
            .finish_non_exhaustive()
    }
}

impl Session<'_> {
    /// How long pictures under way are waited for once the program is told to end: a little less than the grace, so that
    /// all is over within that.
    fn patience(&self) -> Duration {
        self.limits.grace.mul_f32(0.9)
    }

    /// Whether everything is to end now, whatever is under way.
    fn must_end(&self) -> bool {
        self.shutdown.requested() || self.shutdown.stopping_for() >= self.patience()
    }

    fn note(&self, note: impl Into<String>) {
        (self.observer)(Event::Note(note.into()));
    }

    fn warn(&self, warning: impl Into<String>) {
        (self.observer)(Event::Warning(warning.into()));
    }

    fn unanswered(&self, problem: impl Into<String>) {
        (self.observer)(Event::Unanswered(problem.into()));
    }

    fn transferred(&self, record: Record) {
        (self.observer)(Event::Transferred(Box::new(record)));
    }

    /// The same, with an end of its own.
    fn within(&self) -> Self {
        Self {
            shutdown: self.shutdown.within(),
            ..self.clone()
        }
    }
}

/// The time now.
fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// How long a pipe may keep quiet, or have nobody who writes into it.
const QUIET: Duration = Duration::from_secs(10);

/// Reads a file to its end, or `most` bytes: what grows meanwhile, or tells no length, is not read without end, and a pipe
/// into which nobody writes is not waited for for ever.
fn read_patiently(path: &Path, most: u64, bytes: &mut Vec<u8>) -> io::Result<()> {
    let file = fs::File::options()
        .read(true)
        .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
        .open(path)?;
    let mut left = (&file).take(most);
    let quiet = Timespec::try_from(QUIET).ok();
    loop {
        let mut waiting = [PollFd::new(&file, PollFlags::IN)];
        match poll(&mut waiting, quiet.as_ref()) {
            Ok(0) => {
                let limit = QUIET.as_secs();
                let quiet = format!("nothing came out of it for {limit} s");
                return Err(io::Error::new(io::ErrorKind::TimedOut, quiet));
            }
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        }
        match left.read_to_end(bytes) {
            Ok(_) => return Ok(()),
            // What came so far is kept.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

/// A file, as long as it is within the limit; also one that is none on a disk, such as a pipe.
fn read_file(path: &Path, limit: u64) -> Result<Vec<u8>, Error> {
    let read = |source| Error::Read {
        path: path.to_owned(),
        source,
    };
    let too_large = |bytes| Error::TooLarge {
        what: path.display().to_string(),
        bytes,
        limit,
    };
    let length = fs::metadata(path).map_err(read)?.len();
    if length > limit {
        return Err(too_large(length));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    read_patiently(path, limit.saturating_add(1), &mut bytes).map_err(read)?;
    if bytes.len() as u64 > limit {
        return Err(too_large(bytes.len() as u64));
    }
    Ok(bytes)
}
