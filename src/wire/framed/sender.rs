//! The sending end of `framed` over UDP.
//!
//! It announces a picture until it is asked for pieces, sends what it is asked for and nothing else, announces again when
//! it hears nothing, and is done when the receiver confirms the digest. So a receiver is never sent more than it asked for.

use std::collections::VecDeque;
use std::time::Duration;

use super::datagram::{Datagram, Kind, NOT_COUNTED, Ranges};
use super::{Header, MOST_PAYLOAD};

/// First wait for an answer; doubled each time up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// Most pieces that wait to be sent; a receiver asks for fewer.
const MOST_QUEUED: usize = 1024;

/// How a transfer went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver has the picture, with the right digest.
    Delivered,
    /// The receiver has other bytes.
    Differs {
        /// SHA-256 of what it has.
        sha256: Vec<u8>,
    },
    /// The receiver will not take it.
    Refused {
        /// Its words, control characters left out.
        why: String,
    },
    /// Nothing was heard for longer than the patience.
    Silence,
}

/// The sending end: one picture.
#[derive(Debug)]
pub struct Sender<'p> {
    picture: &'p [u8],
    header: Header,
    piece: usize,
    total: u32,
    queue: VecDeque<u32>,
    /// Bit set: the piece waits in `queue`.
    queued: Vec<bool>,
    /// When to announce next.
    announce_at: Option<Duration>,
    wait: Duration,
    heard: Duration,
    patience: Duration,
    outcome: Option<Outcome>,
    sent: u32,
    repeated: u64,
    /// How many of those sent reached the receiver, by its own words.
    arrived: Option<u64>,
    /// The piece was sent before.
    once: Vec<bool>,
    /// By which the receiver knows that the address is this sender's own; 0 before it gave one.
    proof: u64,
}

impl<'p> Sender<'p> {
    /// A sender of one picture in pieces of `piece` bytes (1 to [`MOST_PAYLOAD`]; 1200 fits most paths), that gives up
    /// when it hears nothing for `patience`. Times count from any moment, the same for all calls.
    pub fn new(picture: &'p [u8], piece: usize, now: Duration, patience: Duration) -> Self {
        let least = picture
            .len()
            .div_ceil(usize::try_from(u32::MAX).unwrap_or(usize::MAX));
        let piece = piece.clamp(least.max(1), MOST_PAYLOAD);
        let count = picture.len().div_ceil(piece);
        Self {
            picture,
            header: Header::of(picture, piece),
            piece,
            total: u32::try_from(count).unwrap_or(u32::MAX),
            queue: VecDeque::new(),
            queued: vec![false; count],
            announce_at: Some(now),
            wait: FIRST_WAIT,
            heard: now,
            patience,
            outcome: None,
            sent: 0,
            repeated: 0,
            arrived: None,
            once: vec![false; count],
            proof: 0,
        }
    }

    /// Another number for the picture, so that the same one can be sent twice; else it is made of the digest.
    #[must_use]
    pub fn numbered(mut self, picture: u64) -> Self {
        self.header.picture = picture;
        self
    }

    /// Takes a datagram that came from the receiver's address.
    pub fn handle_datagram(&mut self, now: Duration, bytes: &[u8]) {
        let Some(datagram) = Datagram::decode(bytes) else {
            return;
        };
        if datagram.picture != self.header.picture || self.outcome.is_some() {
            return;
        }
        match datagram.kind {
            Kind::Announce | Kind::Data => return,
            Kind::Prove => {
                // The same again says nothing new: two that misunderstand each other do not keep each other busy.
                if self.proof != datagram.offset {
                    self.proof = datagram.offset;
                    self.heard = now;
                    self.announce_at = Some(now);
                }
                return;
            }
            Kind::Request => {
                for (first, last) in Ranges::decode(datagram.payload).0 {
                    for index in first..=last.min(self.total.saturating_sub(1)) {
                        self.enqueue(index);
                        if self.queue.len() >= MOST_QUEUED {
                            break;
                        }
                    }
                }
            }
            Kind::Done if datagram.payload == self.header.sha256 => {
                self.arrived = Some(datagram.offset).filter(|count| *count != NOT_COUNTED);
                self.outcome = Some(Outcome::Delivered);
            }
            Kind::Done => {
                self.outcome = Some(Outcome::Differs {
                    sha256: datagram.payload.to_vec(),
                });
            }
            Kind::Refuse => {
                let words = String::from_utf8_lossy(datagram.payload);
                let plain = words.chars().filter(|letter| !letter.is_control());
                self.outcome = Some(Outcome::Refused {
                    why: plain.take(200).collect(),
                });
            }
        }
        self.heard = now;
        self.wait = FIRST_WAIT;
        self.announce_at = Some(now.saturating_add(self.wait));
    }

    fn enqueue(&mut self, index: u32) {
        if let Some(queued @ false) = place(&mut self.queued, index) {
            *queued = true;
            self.queue.push_back(index);
        }
    }

    /// Writes the next datagram to send now into `out`; false where there is none.
    pub fn poll_transmit(&mut self, now: Duration, out: &mut Vec<u8>) -> bool {
        if self.is_over(now) {
            return false;
        }
        if let Some(index) = self.queue.pop_front() {
            if let Some(queued) = place(&mut self.queued, index) {
                *queued = false;
            }
            let offset = usize::try_from(index)
                .unwrap_or(usize::MAX)
                .saturating_mul(self.piece);
            let end = offset.saturating_add(self.piece).min(self.picture.len());
            let transmission = self.sent;
            self.sent = self.sent.saturating_add(1);
            if let Some(once) = place(&mut self.once, index) {
                self.repeated = self.repeated.saturating_add(u64::from(*once));
                *once = true;
            }
            Datagram {
                kind: Kind::Data,
                picture: self.header.picture,
                index,
                total: self.total,
                offset: offset as u64,
                transmission,
                payload: self.picture.get(offset..end).unwrap_or_default(),
            }
            .encode(out);
            // While pieces go out, silence is the receiver's to break.
            self.announce_at = Some(now.saturating_add(self.wait));
            return true;
        }
        if self.announce_at.is_some_and(|at| at <= now) {
            self.wait = self.wait.saturating_mul(2).min(LONGEST_WAIT);
            self.announce_at = Some(now.saturating_add(self.wait));
            Datagram {
                kind: Kind::Announce,
                picture: self.header.picture,
                index: 0,
                total: self.total,
                offset: self.proof,
                transmission: 0,
                payload: &self.header.encode(),
            }
            .encode(out);
            return true;
        }
        false
    }

    fn is_over(&mut self, now: Duration) -> bool {
        if self.outcome.is_none() && now.saturating_sub(self.heard) > self.patience {
            self.outcome = Some(Outcome::Silence);
        }
        self.outcome.is_some()
    }

    /// When to call [`Self::poll_transmit`] again, if no datagram comes before; absent when it is over.
    pub fn poll_timeout(&self) -> Option<Duration> {
        match self.outcome {
            Some(_) => None,
            None => self.announce_at,
        }
    }

    /// How it went; absent while it goes on.
    pub fn outcome(&self) -> Option<&Outcome> {
        self.outcome.as_ref()
    }

    /// How many data datagrams were handed over, and how many of those had been before.
    pub fn counts(&self) -> (u64, u64) {
        (u64::from(self.sent), self.repeated)
    }

    /// How many data datagrams did not reach the receiver before the picture was whole, repeats among them; absent until
    /// it says how many did.
    pub fn lost(&self) -> Option<u64> {
        self.arrived
            .map(|arrived| u64::from(self.sent).saturating_sub(arrived))
    }

    /// What was announced.
    pub fn header(&self) -> &Header {
        &self.header
    }
}

fn place(bits: &mut [bool], index: u32) -> Option<&mut bool> {
    bits.get_mut(usize::try_from(index).ok()?)
}
