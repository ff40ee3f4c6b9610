//! The receiving end of `framed` over UDP.
//!
//! It asks for at most [`WINDOW`] pieces at a time and asks on as they come, so that its socket's buffer is not overrun.
//! A piece that was asked for well before others that came since is taken for lost and asked for again; so is
//! everything when nothing comes for a while. Pieces come in any order and any number of times.
//!
//! It never sends more bytes than came: whoever writes another's address on an announcement cannot make it send that
//! one more than he sends himself. Where a request is lost before the first piece came, the sender's next announcement
//! lets it ask again.

use crate::units::count;
use std::collections::VecDeque;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::datagram::{Datagram, Kind, NOT_COUNTED, Ranges};
use super::transmissions::Transmissions;
use super::{Header, MOST_PAYLOAD};

/// Most pieces asked for and not yet here.
const WINDOW: usize = 64;
/// So many pieces asked for later may overtake one before it is taken for lost.
const OVERTAKEN: u64 = 16;
const FIRST_WAIT: Duration = Duration::from_millis(100);
const SHORTEST_WAIT: Duration = Duration::from_millis(20);
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// A confirmation is repeated so often unasked, since the last one may be lost and the program end: after the shortest
/// wait, twice that, and so on.
const CONFIRMATIONS: u32 = 5;

/// What a receiver takes.
#[derive(Debug, Clone, Copy)]
pub struct ReceiverLimits {
    /// Longest picture, in bytes: so much memory is used.
    pub picture_bytes: u64,
    /// Gives up when nothing new comes for so long.
    pub patience: Duration,
}

/// What a receiver got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// A picture, whole, with the digest that was announced.
    Whole {
        /// What was announced.
        header: Header,
        /// Its bytes.
        bytes: Vec<u8>,
        /// Pieces that came again.
        repeats: u64,
    },
    /// All pieces came, but the digest is another: announced wrongly, or two pictures under one number.
    Differs {
        /// What was announced.
        header: Header,
        /// What came.
        bytes: Vec<u8>,
    },
    /// The sender fell silent.
    Incomplete {
        /// What was announced.
        header: Header,
        /// Bytes that came, and zeros where none did.
        bytes: Vec<u8>,
        /// Missing ranges of bytes.
        missing: Vec<std::ops::Range<u64>>,
    },
    /// It was refused: longer than the limit, or announced with numbers that do not fit each other.
    Refused {
        /// What was announced.
        header: Header,
        /// Why.
        why: String,
    },
}

/// The receiving end: pictures of one sender, one after the other.
#[derive(Debug, Clone)]
pub struct Receiver {
    limits: ReceiverLimits,
    open: Option<Open>,
    /// What the sender is told when it comes back to a picture that is over.
    over: Option<Over>,
    /// `over` has to be sent.
    tell: bool,
    received: VecDeque<Received>,
    /// Bytes that came less those that were sent.
    credit: u64,
}

/// The answer to a picture that is over.
#[derive(Debug, Clone)]
struct Over {
    picture: u64,
    kind: Kind,
    /// How many data datagrams of it came.
    arrived: u64,
    /// When it is to be told again without being asked, and how often it was; absent where not.
    again: Option<(Duration, u32)>,
    payload: Vec<u8>,
}

#[derive(Debug, Clone)]
struct Open {
    header: Header,
    piece: usize,
    total: u32,
    bytes: Vec<u8>,
    have: Vec<bool>,
    count: u32,
    /// All before it are here.
    first_missing: u32,
    /// Pieces asked for: which, the how many-th question each was, and when.
    asked: VecDeque<(u32, u64, Duration)>,
    questions: u64,
    /// When something new came last.
    progress: Duration,
    ask_at: Duration,
    wait: Duration,
    /// When the last request went out and how long the first piece then took, smoothed.
    asked_at: Option<Duration>,
    repeats: u64,
    came: Transmissions,
}

impl Receiver {
    /// A receiver with nothing to receive yet.
    pub fn new(limits: ReceiverLimits) -> Self {
        Self {
            limits,
            open: None,
            over: None,
            tell: false,
            received: VecDeque::new(),
            credit: 0,
        }
    }

    /// From now on announcements of longer pictures are refused.
    pub fn limit(&mut self, picture_bytes: u64) {
        self.limits.picture_bytes = picture_bytes;
    }

    /// Bytes of memory that the picture under way takes.
    pub fn held(&self) -> u64 {
        self.open.as_ref().map_or(0, |open| open.bytes.len() as u64)
    }

    /// Takes a datagram that came from the sender's address.
    pub fn handle_datagram(&mut self, now: Duration, bytes: &[u8]) {
        let Some(datagram) = Datagram::decode(bytes) else {
            return;
        };
        self.credit = self.credit.saturating_add(bytes.len() as u64);
        let over = matches!(&self.over, Some(over) if over.picture == datagram.picture);
        match datagram.kind {
            Kind::Announce | Kind::Data if over => self.tell |= datagram.kind == Kind::Announce,
            Kind::Announce => self.announced(now, &datagram),
            Kind::Data => self.piece(now, &datagram),
            Kind::Request | Kind::Done | Kind::Refuse | Kind::Prove => {}
        }
    }

    fn announced(&mut self, now: Duration, datagram: &Datagram<'_>) {
        let Some(header) = Header::decode(datagram.payload) else {
            return;
        };
        if header.picture != datagram.picture {
            return;
        }
        if let Some(open) = &mut self.open {
            if open.header == header {
                // The sender hears nothing: ask again now.
                open.asked.clear();
                open.ask_at = now;
                return;
            }
            self.give_up();
        }
        let piece = usize::try_from(header.chunk).unwrap_or(usize::MAX);
        let length = usize::try_from(header.length).unwrap_or(usize::MAX);
        let total = length
            .checked_div(piece)
            .and_then(|_| u32::try_from(length.div_ceil(piece)).ok());
        let why = if header.length > self.limits.picture_bytes {
            Some(format!(
                "{} bytes are more than the limit of {}",
                count(header.length),
                count(self.limits.picture_bytes)
            ))
        } else if piece > MOST_PAYLOAD || total != Some(datagram.total) {
            Some("length, piece size and number of pieces do not fit each other".to_owned())
        } else {
            None
        };
        if let Some(why) = why {
            self.over = Some(Over {
                picture: header.picture,
                kind: Kind::Refuse,
                arrived: 0,
                again: None,
                payload: why.clone().into_bytes(),
            });
            self.tell = true;
            self.received.push_back(Received::Refused { header, why });
            return;
        }
        // The sender went on, so it heard the last confirmation.
        if let Some(over) = &mut self.over {
            over.again = None;
        }
        let total = total.unwrap_or(0);
        self.open = Some(Open {
            header,
            piece,
            total,
            bytes: vec![0; length],
            have: vec![false; usize::try_from(total).unwrap_or(0)],
            count: 0,
            first_missing: 0,
            asked: VecDeque::new(),
            questions: 0,
            progress: now,
            ask_at: now,
            wait: FIRST_WAIT,
            asked_at: None,
            repeats: 0,
            came: Transmissions::default(),
        });
        self.complete(now);
    }

    fn piece(&mut self, now: Duration, datagram: &Datagram<'_>) {
        let Some(open) = &mut self.open else {
            return;
        };
        if open.header.picture == datagram.picture && open.take(now, datagram) {
            self.complete(now);
        }
    }

    /// Ends the picture if all of it is here.
    fn complete(&mut self, now: Duration) {
        let Some(open) = self.open.take_if(|open| open.count == open.total) else {
            return;
        };
        let Open {
            header,
            bytes,
            repeats,
            came,
            ..
        } = open;
        let sha256: [u8; 32] = Sha256::digest(&bytes).into();
        self.over = Some(Over {
            picture: header.picture,
            kind: Kind::Done,
            arrived: came.count().unwrap_or(NOT_COUNTED),
            again: Some((now.saturating_add(SHORTEST_WAIT), 0)),
            payload: sha256.to_vec(),
        });
        self.tell = true;
        self.received.push_back(if sha256 == header.sha256 {
            Received::Whole {
                header,
                bytes,
                repeats,
            }
        } else {
            Received::Differs { header, bytes }
        });
    }

    fn give_up(&mut self) {
        let Some(open) = self.open.take() else {
            return;
        };
        let missing = open.missing();
        self.received.push_back(Received::Incomplete {
            header: open.header,
            bytes: open.bytes,
            missing,
        });
    }

    /// Writes the next datagram to send now into `out`; false where there is none, or where more would go out than
    /// came in.
    pub fn poll_transmit(&mut self, now: Duration, out: &mut Vec<u8>) -> bool {
        if !self.next(now, out) {
            return false;
        }
        if let Some(left) = self.credit.checked_sub(out.len() as u64) {
            self.credit = left;
            return true;
        }
        out.clear();
        false
    }

    fn next(&mut self, now: Duration, out: &mut Vec<u8>) -> bool {
        let unasked = self.over.as_mut().is_some_and(|over| over.is_due(now));
        if (std::mem::take(&mut self.tell) || unasked)
            && let Some(over) = &self.over
        {
            Datagram {
                kind: over.kind,
                picture: over.picture,
                index: 0,
                total: 0,
                offset: over.arrived,
                transmission: 0,
                payload: &over.payload,
            }
            .encode(out);
            return true;
        }
        let Some(open) = &mut self.open else {
            return false;
        };
        if now.saturating_sub(open.progress) > self.limits.patience {
            self.give_up();
            return false;
        }
        open.ask(now, out)
    }

    /// When to call [`Self::poll_transmit`] again, if no datagram comes before; absent while there is nothing to
    /// wait for.
    pub fn poll_timeout(&self) -> Option<Duration> {
        match &self.open {
            Some(open) => Some(open.ask_at),
            None => self.over.as_ref()?.again.map(|(at, _)| at),
        }
    }

    /// The next picture that came to an end.
    pub fn poll_received(&mut self) -> Option<Received> {
        self.received.pop_front()
    }

    /// Whether a picture is under way.
    pub fn is_receiving(&self) -> bool {
        self.open.is_some()
    }

    /// Whether a picture is under way of which something came: more than its announcement, which anybody can send in
    /// anybody's name.
    pub fn has_pieces(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.count > 0)
    }
}

impl Over {
    /// Whether it is to be told now without being asked.
    fn is_due(&mut self, now: Duration) -> bool {
        let Some((at, told)) = self.again.filter(|(at, _)| *at <= now) else {
            return false;
        };
        let told = told.saturating_add(1);
        let wait = SHORTEST_WAIT.saturating_mul(1 << told.min(CONFIRMATIONS));
        self.again = (told < CONFIRMATIONS).then(|| (at.max(now).saturating_add(wait), told));
        true
    }
}

impl Open {
    /// Takes a piece; true where it is new.
    fn take(&mut self, now: Duration, datagram: &Datagram<'_>) -> bool {
        let Ok(index) = usize::try_from(datagram.index) else {
            return false;
        };
        let start = index.saturating_mul(self.piece);
        let end = start.saturating_add(self.piece).min(self.bytes.len());
        let fits = datagram.total == self.total && datagram.offset == start as u64;
        let (Some(have), Some(room)) = (self.have.get_mut(index), self.bytes.get_mut(start..end))
        else {
            return false;
        };
        if !fits || room.len() != datagram.payload.len() {
            return false;
        }
        self.came.take(datagram.transmission);
        if std::mem::replace(have, true) {
            self.repeats = self.repeats.saturating_add(1);
            return false;
        }
        room.copy_from_slice(datagram.payload);
        self.count = self.count.saturating_add(1);
        if let Some(asked_at) = self.asked_at.take() {
            // Thrice the time that an answer takes is patience enough.
            let took = now.saturating_sub(asked_at);
            self.wait = took.saturating_mul(3).clamp(SHORTEST_WAIT, LONGEST_WAIT);
        }
        self.progress = now;
        self.ask_at = now.saturating_add(self.wait);
        let question = self
            .asked
            .iter()
            .find(|(asked, ..)| *asked == datagram.index)
            .map(|(_, question, _)| *question);
        // On a path that reorders, overtaking alone means little.
        let old = self.wait / 2;
        self.asked.retain(|(asked, earlier, at)| {
            let overtaken =
                question.is_some_and(|question| earlier.saturating_add(OVERTAKEN) < question);
            *asked != datagram.index && !(overtaken && now.saturating_sub(*at) >= old)
        });
        while self
            .have
            .get(usize::try_from(self.first_missing).unwrap_or(usize::MAX))
            .is_some_and(|have| *have)
        {
            self.first_missing = self.first_missing.saturating_add(1);
        }
        true
    }

    /// Writes a request where it is time for one.
    fn ask(&mut self, now: Duration, out: &mut Vec<u8>) -> bool {
        let late = self.ask_at <= now;
        if late {
            self.asked.clear();
            self.wait = self.wait.saturating_mul(2).min(LONGEST_WAIT);
        } else if self.asked.len() > WINDOW / 2 {
            return false;
        }
        let mut ranges = Ranges::default();
        let mut under_way: Vec<u32> = self.asked.iter().map(|(index, ..)| *index).collect();
        under_way.sort_unstable();
        let mut index = self.first_missing;
        while index < self.total && self.asked.len() < WINDOW {
            let here = usize::try_from(index)
                .ok()
                .and_then(|index| self.have.get(index));
            if here == Some(&false) && under_way.binary_search(&index).is_err() {
                if !ranges.push(index) {
                    break;
                }
                self.questions = self.questions.saturating_add(1);
                self.asked.push_back((index, self.questions, now));
            }
            index = index.saturating_add(1);
        }
        if ranges.0.is_empty() {
            return false;
        }
        self.ask_at = now.saturating_add(self.wait);
        self.asked_at.get_or_insert(now);
        Datagram {
            kind: Kind::Request,
            picture: self.header.picture,
            index: 0,
            total: self.total,
            offset: u64::from(self.count)
                .saturating_mul(self.piece as u64)
                .min(self.header.length),
            transmission: 0,
            payload: &ranges.encode(),
        }
        .encode(out);
        true
    }

    /// The missing ranges of bytes.
    fn missing(&self) -> Vec<std::ops::Range<u64>> {
        let mut missing: Vec<std::ops::Range<u64>> = Vec::new();
        let length = self.bytes.len() as u64;
        let piece = self.piece as u64;
        for (index, _) in self.have.iter().enumerate().filter(|(_, have)| !**have) {
            let start = (index as u64).saturating_mul(piece);
            let end = start.saturating_add(piece).min(length);
            match missing.last_mut() {
                Some(last) if last.end == start => last.end = end,
                _ => missing.push(start..end),
            }
        }
        missing
    }
}
