//! IP fragments put together again (RFC 791, section 3.2; RFC 8200, section 4.5), within limits.
//!
//! No copy of a byte is ever preferred over another: where fragments overlap with different bytes, hosts
//! disagree on the outcome, so the datagram is refused and named. What is never completed ends up as a
//! [`LostDatagram`]. This file knows nothing of TCP and UDP beyond where their ports stand.

mod waiting;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::IpAddr;
use std::ops::Range;
use std::time::Duration;

use super::ip::Fragment;
use super::span::Span;
use super::{Part, Skip, Tunnel};
use crate::units::{FrameNumber, Timestamp};
use waiting::{Print, Waiting};

/// Limits of what waits for missing fragments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FragmentLimits {
    /// Memory for all waiting datagrams together, in bytes; beyond it the oldest is given up.
    pub bytes: usize,
    /// Datagrams that wait at once; beyond it the oldest is given up.
    pub datagrams: usize,
    /// How long a datagram waits after its first fragment, by the frames' own times; Linux waits 30 s.
    /// Frames without a time never end a wait.
    pub timeout: Duration,
}

impl Default for FragmentLimits {
    fn default() -> Self {
        Self {
            bytes: 8 << 20,
            datagrams: 4096,
            timeout: Duration::from_secs(30),
        }
    }
}

/// Counts of fragments and their datagrams. Law: every datagram of which a fragment was held is counted
/// once, in `reassembled`, `lost`, `repeated` or `waiting`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FragmentCounts {
    /// Frames that were TCP or UDP fragments, refused ones included.
    pub fragments: u64,
    /// Datagrams put together.
    pub reassembled: u64,
    /// Datagrams given up, each one a [`LostDatagram`].
    pub lost: u64,
    /// Incomplete datagrams that only repeated fragments of one just put together: not lost.
    pub repeated: u64,
    /// Datagrams that still wait.
    pub waiting: u64,
    /// Lost datagrams that were counted, but not listed: nobody took the list, and it is bounded.
    pub unlisted: u64,
}

/// A datagram that was never put together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostDatagram {
    /// Who sent it.
    pub source: IpAddr,
    /// Who was to receive it.
    pub destination: IpAddr,
    /// Ports of source and destination; absent unless the fragment that has them was captured.
    pub ports: Option<(u16, u16)>,
    /// Protocol as the IP header or the IPv6 fragment header says: 6 TCP, 17 UDP, or an extension header.
    pub protocol: u8,
    /// Identification in the IP header or the IPv6 fragment header.
    pub id: u32,
    /// The frames that were there, in order of frame number; all but the first [`LostDatagram::MAX_FRAMES`]
    /// left out.
    pub frames: Vec<FrameNumber>,
    /// How many frames were there.
    pub frame_count: u64,
    /// Time of the first of them.
    pub started: Option<Timestamp>,
    /// Length of the IP payload (transport header included); absent unless the last fragment was captured.
    pub length: Option<u32>,
    /// Ranges of the IP payload that are missing, ascending; where `length` is absent, all that follows the
    /// bytes captured is missing as well. Empty for a datagram lost for another reason than that.
    pub missing: Vec<Range<u32>>,
    /// Why it was given up.
    pub reason: LossReason,
}

impl LostDatagram {
    /// Most frames that one lost datagram names.
    pub const MAX_FRAMES: usize = 64;
}

/// Why a datagram was never put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum LossReason {
    /// Fragments were missing for longer than the time-out, or to the end of the capture.
    Missing,
    /// Fragments overlap with different bytes or contradict each other's lengths; over IPv6, overlap at all
    /// (RFC 5722). Hosts drop it or disagree about it.
    Conflict,
    /// The snap length cut a fragment.
    SnapLength,
    /// A limit was reached: too many datagrams waited, or this one had too many fragments.
    Limit,
}

impl LossReason {
    /// Stable kebab-case name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Conflict => "conflict",
            Self::SnapLength => "snap-length",
            Self::Limit => "limit",
        }
    }

    /// How the frames of such a datagram are skipped.
    fn skip(self) -> Skip {
        match self {
            Self::SnapLength => Skip::FragmentCut,
            Self::Missing | Self::Conflict | Self::Limit => Skip::BadFragment,
        }
    }
}

/// Which datagram a fragment belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    pub(super) id: u32,
    /// Part of the identity over IPv4 only (RFC 791, section 3.2); none over IPv6.
    pub(super) protocol: Option<u8>,
    pub(super) interface: u32,
    pub(super) place: u64,
    pub(super) tunnel: Tunnel,
}

/// A fragment as it comes in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Incoming<'a> {
    pub(super) key: Key,
    pub(super) fragment: Fragment,
    pub(super) protocol: u8,
    pub(super) bytes: Span<'a>,
    /// Its IP length says more than the frame had on the wire.
    pub(super) beyond_frame: bool,
    pub(super) addresses_final: bool,
    pub(super) frame: FrameNumber,
    pub(super) time: Option<Timestamp>,
    pub(super) wire_len: u32,
}

/// An IP payload put together.
#[derive(Debug)]
pub(super) struct Whole {
    /// As the first fragment says.
    pub(super) protocol: u8,
    pub(super) payload: Vec<u8>,
    /// Offsets and lengths count in `payload`.
    pub(super) parts: Vec<Part>,
    pub(super) addresses_final: bool,
}

/// Greatest IP payload: the length field has 16 bits, and over IPv4 counts the header too.
const MAX_PAYLOAD_V4: u32 = 65_535 - 20;
const MAX_PAYLOAD_V6: u32 = 65_535;
/// Datagrams put together that are remembered, to know a late repeat of a fragment for one.
const MAX_RECENT: usize = 64;
/// Lost datagrams that wait to be taken.
const MAX_LOST: usize = 4096;
/// What waits.
///
/// Invariants: `order` and `waiting` hold the same keys; `held` is the sum of the waiting datagrams' costs.
#[derive(Debug, Clone, Default)]
pub(super) struct Fragments {
    limits: FragmentLimits,
    waiting: HashMap<Key, Waiting>,
    /// By arrival of the first fragment, with its time.
    order: BTreeMap<u64, (Key, Option<Timestamp>)>,
    arrivals: u64,
    held: usize,
    recent: VecDeque<Recent>,
    lost: Vec<LostDatagram>,
    counts: FragmentCounts,
}

/// A datagram that was put together.
#[derive(Debug, Clone)]
struct Recent {
    key: Key,
    time: Option<Timestamp>,
    prints: Vec<Print>,
}

impl Fragments {
    pub(super) fn new(limits: FragmentLimits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    pub(super) fn counts(&self) -> &FragmentCounts {
        &self.counts
    }

    /// Lost datagrams since the last call, in the order in which they were given up.
    pub(super) fn take_lost(&mut self) -> Vec<LostDatagram> {
        std::mem::take(&mut self.lost)
    }

    /// Gives up all that waits.
    pub(super) fn finish(&mut self) -> Vec<LostDatagram> {
        while let Some((_, (key, _))) = self.order.pop_first() {
            self.give_up(&key, LossReason::Missing);
        }
        self.take_lost()
    }

    /// Gives up what has waited too long at `now`; cheap where nothing waits.
    #[inline]
    pub(super) fn expire(&mut self, now: Option<Timestamp>) {
        if !self.waiting.is_empty()
            && let Some(now) = now
        {
            self.expire_waiting(now);
        }
    }

    fn expire_waiting(&mut self, now: Timestamp) {
        while let Some(entry) = self.order.first_entry() {
            let (key, started) = *entry.get();
            if !started.is_some_and(|started| is_past(started, now, self.limits.timeout)) {
                break;
            }
            entry.remove();
            self.give_up(&key, LossReason::Missing);
        }
    }

    /// Takes a fragment in.
    ///
    /// Returns the whole payload where this fragment completes it, nothing where others are still missing.
    ///
    /// # Errors
    ///
    /// [`Skip::BadFragment`] and [`Skip::FragmentCut`], see there.
    pub(super) fn insert(&mut self, incoming: &Incoming<'_>) -> Result<Option<Whole>, Skip> {
        self.counts.fragments += 1;
        self.expire(incoming.time);
        let range = range(incoming)?;

        if !self.waiting.contains_key(&incoming.key) {
            self.open(incoming);
        }
        let Some(waiting) = self.waiting.get_mut(&incoming.key) else {
            return Err(Skip::BadFragment);
        };
        let before = waiting.cost();
        let outcome = waiting.add(incoming, range);
        self.held = (self.held + waiting.cost()).saturating_sub(before);

        match outcome {
            Ok(true) => Ok(self.complete(&incoming.key)),
            Ok(false) => {
                self.evict();
                Ok(None)
            }
            Err(reason) => {
                self.evict();
                Err(reason.skip())
            }
        }
    }

    fn open(&mut self, incoming: &Incoming<'_>) {
        let arrival = self.arrivals;
        self.arrivals += 1;
        let earlier = self.recall(&incoming.key, incoming.time);
        let waiting = Waiting::new(arrival, incoming, earlier);
        self.held += waiting.cost();
        self.order.insert(arrival, (incoming.key, incoming.time));
        self.waiting.insert(incoming.key, waiting);
        self.counts.waiting += 1;
    }

    fn complete(&mut self, key: &Key) -> Option<Whole> {
        let waiting = self.remove(key)?;
        self.counts.reassembled += 1;
        if self.recent.len() >= MAX_RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(Recent {
            key: *key,
            time: waiting.started,
            prints: waiting.prints,
        });
        Some(Whole {
            protocol: waiting.protocol,
            payload: waiting.bytes,
            parts: waiting.parts,
            addresses_final: waiting.addresses_final,
        })
    }

    /// What a datagram of this key looked like that was put together within the time-out; forgotten by that.
    fn recall(&mut self, key: &Key, now: Option<Timestamp>) -> Vec<Print> {
        let Some(found) = self.recent.iter().rposition(|recent| recent.key == *key) else {
            return Vec::new();
        };
        let Some(recent) = self.recent.remove(found) else {
            return Vec::new();
        };
        let past = match (recent.time, now) {
            (Some(then), Some(now)) => is_past(then, now, self.limits.timeout),
            _ => false,
        };
        if past { Vec::new() } else { recent.prints }
    }

    fn evict(&mut self) {
        while self.held > self.limits.bytes || self.waiting.len() > self.limits.datagrams {
            let Some((_, (key, _))) = self.order.pop_first() else {
                break;
            };
            self.give_up(&key, LossReason::Limit);
        }
    }

    fn give_up(&mut self, key: &Key, reason: LossReason) {
        let Some(waiting) = self.remove(key) else {
            return;
        };
        if waiting.is_repeat() {
            self.counts.repeated += 1;
            return;
        }
        self.counts.lost += 1;
        if self.lost.len() < MAX_LOST {
            self.lost.push(waiting.lost(key, reason));
        } else {
            self.counts.unlisted += 1;
        }
    }

    fn remove(&mut self, key: &Key) -> Option<Waiting> {
        let waiting = self.waiting.remove(key)?;
        self.order.remove(&waiting.arrival);
        self.held = self.held.saturating_sub(waiting.cost());
        self.counts.waiting = self.counts.waiting.saturating_sub(1);
        Some(waiting)
    }
}

/// Where the fragment lies in the IP payload.
///
/// # Errors
///
/// [`Skip::BadFragment`] where it holds nothing, does not end on a multiple of 8 although others follow, or
/// goes beyond the greatest datagram (RFC 8200, section 4.5; the "ping of death" over IPv4) or its own frame.
fn range(incoming: &Incoming<'_>) -> Result<Range<u32>, Skip> {
    let most = if incoming.key.source.is_ipv4() {
        MAX_PAYLOAD_V4
    } else {
        MAX_PAYLOAD_V6
    };
    let Fragment { offset, more, .. } = incoming.fragment;
    let len = incoming.bytes.wire_len();
    match offset.checked_add(len) {
        Some(end)
            if !incoming.beyond_frame
                && len > 0
                && end <= most
                && (!more || len.is_multiple_of(8)) =>
        {
            Ok(offset..end)
        }
        _ => Err(Skip::BadFragment),
    }
}

fn is_past(then: Timestamp, now: Timestamp, timeout: Duration) -> bool {
    u128::try_from(now.since(then)).is_ok_and(|waited| waited > timeout.as_nanos())
}
