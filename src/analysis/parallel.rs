//! The same analysis on several threads: one reads headers and says which stream each packet belongs to, the others
//! follow the streams, each stream one of them.
//!
//! **Law:** what comes out is what [`Analysis`](super::Analysis) says, number by number and in the same order,
//! however many threads there are and whoever followed which stream. Every order of the dispatcher has a number; what it
//! led to is put together by that number, and pictures get theirs in the order in which they started.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

use super::dispatcher::{Dispatcher, Opening, Orders, Place};
use super::follower::{Account, Follower};
use super::{Event, Observer, Options, PacketCounts, conclude};
use crate::decode::{Decoder, Outcome, Packet, Parts};
use crate::findings::Finding;
use crate::findings::facts::{CaptureEnd, CaptureFacts};
use crate::findings::rules::Servers;
use crate::frame::Frame;
use crate::reassembly::assembler::keep_borrowed;
use crate::units::{PictureId, Timestamp};

/// So many orders are handed over at once.
const BATCH: usize = 256;
/// So many batches wait for one thread. Their frames lie in the map; the orders take about 130 bytes each.
const WAITING: usize = 16;
/// What a packet costs besides its bytes, in bytes: what a thread has to do is compared with that of another.
const PACKET: u64 = 512;

/// Analyses frames whose bytes live as long as the capture, following their streams on so many threads besides this
/// one; with fewer than two, on this one. Shows every frame to `each` after it was read, until that breaks.
///
/// For those who want accounts and findings only ([`Observer::accounts_only`]): they are told at the end. `ended` says, once
/// all frames were read, when the capture ended, where that is known.
pub fn analyse<'cap, F: Iterator<Item = Frame<'cap>>>(
    options: &Options,
    threads: usize,
    frames: &mut F,
    mut each: impl FnMut(&Frame<'cap>) -> ControlFlow<()>,
    ended: impl FnOnce(&F) -> Option<Timestamp>,
) -> Told {
    thread::scope(|scope| {
        let mut crew = Crew::new(options);
        let mut running = Vec::new();
        for _ in 0..if threads < 2 { 0 } else { threads } {
            let (outbox, inbox) = sync_channel(WAITING);
            let (back, emptied) = channel();
            let done = Arc::new(AtomicU64::new(0));
            let (options, count) = (options.clone(), Arc::clone(&done));
            let work = move || work(options, &inbox, &back, &count);
            // Where no more threads are to be had, those that run do it all.
            let Ok(handle) = thread::Builder::new().spawn_scoped(scope, work) else {
                break;
            };
            running.push(handle);
            crew.desks.push(Desk {
                batch: Vec::with_capacity(BATCH),
                outbox,
                emptied,
                sent: 0,
                done,
            });
        }
        // Where streams are followed elsewhere, frames are decoded there again, with their checksums: that costs less than
        // to hand over what was decoded.
        let decoder = if crew.desks.is_empty() {
            Decoder::new(options.limits.of_decoder())
        } else {
            Decoder::of_headers(options.limits.of_decoder())
        };
        let mut dispatcher = Dispatcher::new(options.limits.streams, decoder);
        for frame in &mut *frames {
            dispatcher.frame(&frame, &mut crew);
            if each(&frame).is_break() {
                break;
            }
        }
        dispatcher.ended(ended(frames));
        dispatcher.finish(&mut crew);
        let Crew {
            here,
            desks,
            findings,
            ..
        } = crew;
        let mut shares = vec![here.into_share()];
        // Without an outbox to wait for, a thread ends.
        desks.into_iter().for_each(Desk::close);
        for handle in running {
            match handle.join() {
                Ok(share) => shares.push(share),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Told {
            shares,
            findings,
            facts: dispatcher.facts,
            counts: dispatcher.counts,
        }
    })
}

/// What an order is about.
struct Order<'cap> {
    number: u64,
    place: Place,
    what: What<'cap>,
}

enum What<'cap> {
    /// A packet that came in this one frame.
    Frame {
        opens: Option<Opening>,
        frame: Frame<'cap>,
        /// Length of its payload as captured.
        payload: u32,
    },
    /// A packet that is more than what its frame says.
    Packet {
        opens: Option<Opening>,
        packet: Box<Packet<'cap>>,
        frame: Frame<'cap>,
    },
    Close {
        now: CaptureEnd,
    },
}

impl What<'_> {
    /// What it takes to do, in bytes.
    fn cost(&self) -> u64 {
        match self {
            Self::Frame { payload, .. } => PACKET.saturating_add(u64::from(*payload)),
            Self::Packet { packet, .. } => PACKET.saturating_add(packet.payload.len() as u64),
            Self::Close { .. } => PACKET,
        }
    }
}

/// Who follows streams, as the dispatcher sees them.
struct Crew<'cap> {
    /// The number of the next order.
    next: u64,
    desks: Vec<Desk<'cap>>,
    /// Follows where nobody else does.
    here: Worker<'cap>,
    /// Index of the desk by place.
    assigned: Vec<usize>,
    findings: Vec<(u64, Finding)>,
}

/// One thread, as the dispatcher sees it.
struct Desk<'cap> {
    batch: Vec<Order<'cap>>,
    outbox: SyncSender<Vec<Order<'cap>>>,
    /// Batches that were worked off.
    emptied: Receiver<Vec<Order<'cap>>>,
    /// Cost of all that it was given, in bytes.
    sent: u64,
    /// How much of that it did.
    done: Arc<AtomicU64>,
}

impl<'cap> Crew<'cap> {
    fn new(options: &Options) -> Self {
        Self {
            next: 0,
            desks: Vec::new(),
            here: Worker::new(options.clone()),
            assigned: Vec::new(),
            findings: Vec::new(),
        }
    }

    /// The number of the next order.
    fn number(&mut self) -> u64 {
        let number = self.next;
        self.next += 1;
        number
    }

    /// Who has the least to do follows a new stream.
    fn assign(&mut self, place: Place) {
        let least = self
            .desks
            .iter()
            .enumerate()
            // A count that is late makes the choice worse, never the report.
            .min_by_key(|(_, desk)| {
                let left = desk.sent.saturating_sub(desk.done.load(Ordering::Relaxed));
                (left, desk.sent)
            })
            .map_or(0, |(index, _)| index);
        if self.assigned.len() <= place {
            self.assigned.resize(place + 1, 0);
        }
        if let Some(assigned) = self.assigned.get_mut(place) {
            *assigned = least;
        }
    }

    fn give(&mut self, place: Place, what: What<'cap>) {
        let order = Order {
            number: self.number(),
            place,
            what,
        };
        let assigned = self.assigned.get(place).copied().unwrap_or_default();
        match self.desks.get_mut(assigned) {
            Some(desk) => desk.give(order),
            None => self.here.take(&order),
        }
    }
}

impl<'cap> Orders<'cap> for Crew<'cap> {
    fn packet(
        &mut self,
        place: Place,
        opens: Option<Opening>,
        packet: &Packet<'cap>,
        frame: &Frame<'cap>,
    ) {
        if opens.is_some() {
            self.assign(place);
        }
        if self.desks.is_empty() {
            let number = self.number();
            return self.here.packet(number, place, opens, packet, frame);
        }
        let what = match packet.parts {
            Parts::Whole(_) if !packet.notes.after_end => What::Frame {
                opens,
                frame: *frame,
                payload: u32::try_from(packet.payload.len()).unwrap_or(u32::MAX),
            },
            Parts::Whole(_) | Parts::Fragments(_) => What::Packet {
                opens,
                packet: Box::new(packet.clone()),
                frame: *frame,
            },
        };
        self.give(place, what);
    }

    fn close(&mut self, place: Place, now: CaptureEnd) {
        self.give(place, What::Close { now });
    }

    fn finding(&mut self, finding: Finding) {
        let number = self.number();
        self.findings.push((number, finding));
    }
}

impl<'cap> Desk<'cap> {
    fn give(&mut self, order: Order<'cap>) {
        self.sent = self.sent.saturating_add(order.what.cost());
        self.batch.push(order);
        if self.batch.len() >= BATCH {
            let empty = self
                .emptied
                .try_recv()
                .unwrap_or_else(|_| Vec::with_capacity(BATCH));
            let full = std::mem::replace(&mut self.batch, empty);
            // Nobody takes it where the thread panicked, which is told when it is joined.
            let _ = self.outbox.send(full);
        }
    }

    fn close(self) {
        let _ = self.outbox.send(self.batch);
    }
}

/// Follows streams as it is told to, and keeps what comes of it.
struct Worker<'cap> {
    decoder: Decoder,
    follower: Follower<'cap>,
    share: Share,
}

/// What one of the crew found.
#[derive(Debug, Default)]
struct Share {
    /// Orders at which pictures started, and how many.
    started: Vec<(u64, u32)>,
    /// Streams that are over, by the order that closed them.
    accounts: Vec<(u64, Box<Account>)>,
    facts: CaptureFacts,
}

impl<'cap> Worker<'cap> {
    fn new(options: Options) -> Self {
        Self {
            decoder: Decoder::default(),
            follower: Follower::new(options),
            share: Share::default(),
        }
    }

    fn take(&mut self, order: &Order<'cap>) {
        let Order { number, place, .. } = *order;
        match &order.what {
            What::Frame { opens, frame, .. } => {
                // As the dispatcher found: a packet. Looked at where it lies: it is large.
                if let Outcome::Packet(packet) = &self.decoder.decode(frame) {
                    self.packet(number, place, *opens, packet, frame);
                }
            }
            What::Packet {
                opens,
                packet,
                frame,
            } => self.packet(number, place, *opens, packet, frame),
            What::Close { now } => {
                let before = self.follower.pictures();
                let account = self.follower.close(place, *now, &mut Nobody);
                let numbered = account.map(|account| (number, Box::new(account)));
                self.share.accounts.extend(numbered);
                self.started(number, before);
            }
        }
    }

    fn packet(
        &mut self,
        number: u64,
        place: Place,
        opens: Option<Opening>,
        packet: &Packet<'cap>,
        frame: &Frame<'cap>,
    ) {
        let before = self.follower.pictures();
        self.follower
            .packet(place, opens, packet, frame, keep_borrowed, &mut Nobody);
        self.started(number, before);
    }

    /// Notes the pictures that an order started.
    fn started(&mut self, number: u64, before: u32) {
        let started = self.follower.pictures() - before;
        if started > 0 {
            self.share.started.push((number, started));
        }
    }

    fn into_share(self) -> Share {
        Share {
            facts: self.follower.facts,
            ..self.share
        }
    }
}

/// The life of one thread.
fn work<'cap>(
    options: Options,
    inbox: &Receiver<Vec<Order<'cap>>>,
    back: &Sender<Vec<Order<'cap>>>,
    done: &AtomicU64,
) -> Share {
    let mut worker = Worker::new(options);
    while let Ok(mut batch) = inbox.recv() {
        let cost: u64 = batch.iter().map(|order| order.what.cost()).sum();
        for order in &batch {
            worker.take(order);
        }
        batch.clear();
        done.fetch_add(cost, Ordering::Relaxed);
        // The dispatcher may have all batches that it needs.
        let _ = back.send(batch);
    }
    worker.into_share()
}

/// Nobody watches while it goes.
struct Nobody;

impl Observer for Nobody {
    fn event(&mut self, _: Event<'_>) {}

    fn accounts_only(&self) -> bool {
        true
    }
}

/// What an analysis found, to be told.
#[derive(Debug)]
pub struct Told {
    shares: Vec<Share>,
    findings: Vec<(u64, Finding)>,
    facts: CaptureFacts,
    counts: PacketCounts,
}

impl Told {
    /// Tells of streams and findings, in the order in which one thread would have.
    pub fn tell(self, observer: &mut dyn Observer) -> PacketCounts {
        let numbers = numbers(&self.shares);
        let (mut facts, mut servers) = (self.facts, Servers::default());
        let mut findings = self.findings.into_iter().peekable();
        let mut sources = Vec::new();
        for (share, numbers) in self.shares.into_iter().zip(numbers) {
            facts.merge(share.facts);
            sources.push((share.accounts.into_iter().peekable(), numbers));
        }
        loop {
            let next = sources
                .iter_mut()
                .enumerate()
                .filter_map(|(index, (accounts, _))| Some((accounts.peek()?.0, index)))
                .min();
            let until = next.map_or(u64::MAX, |(number, _)| number);
            while let Some((_, finding)) = findings.next_if(|(number, _)| *number < until) {
                observer.event(Event::Finding(&finding));
            }
            let Some((accounts, numbers)) = next.and_then(|(_, index)| sources.get_mut(index))
            else {
                break;
            };
            let Some((_, mut account)) = accounts.next() else {
                break;
            };
            renumber(&mut account, numbers);
            facts.cut.sift(&account.stream, &mut account.findings);
            if let Some(ended) = account.ended.take() {
                servers.closed(ended);
            }
            (*account).tell(observer);
        }
        conclude(&servers, &facts, observer);
        self.counts
    }
}

/// For each share, the number of each of its pictures among all: they are numbered in the order in which they
/// started.
fn numbers(shares: &[Share]) -> Vec<Vec<u32>> {
    let mut started: Vec<(u64, usize, u32)> = shares
        .iter()
        .enumerate()
        .flat_map(|(index, share)| {
            let started = share.started.iter();
            started.map(move |(order, count)| (*order, index, *count))
        })
        .collect();
    started.sort_unstable();
    let mut numbers = vec![Vec::new(); shares.len()];
    let mut next = 0_u32;
    for (_, index, count) in started {
        if let Some(numbers) = numbers.get_mut(index) {
            numbers.extend(next..next + count);
        }
        next += count;
    }
    numbers
}

/// Gives the pictures of a stream their numbers among all.
fn renumber(account: &mut Account, numbers: &[u32]) {
    let renumber = |id: &mut PictureId| {
        let number = usize::try_from(id.0).ok().and_then(|own| numbers.get(own));
        id.0 = number.copied().unwrap_or(id.0);
    };
    account
        .images
        .iter_mut()
        .for_each(|image| renumber(&mut image.id));
    let directions = account.stream.directions.iter_mut();
    directions
        .flat_map(|direction| &mut direction.map)
        .filter_map(|region| region.image.as_mut())
        .for_each(renumber);
    let of_findings = account
        .findings
        .iter_mut()
        .map(|finding| &mut finding.image);
    let upload = account
        .ended
        .as_mut()
        .and_then(|ended| ended.upload.as_mut());
    let of_upload = upload.map(|upload| [&mut upload.picture, &mut upload.mark.picture]);
    of_findings
        .chain(of_upload.into_iter().flatten())
        .flatten()
        .for_each(renumber);
}
