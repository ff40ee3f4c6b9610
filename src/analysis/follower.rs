//! Follows streams by what the dispatcher says of them.

use super::budget::Kept;
use super::dispatcher::{Opening, Place};
use super::stream::{Closed, Shared, Stream};
use super::{Event, Observer, Options, Wait};
use crate::decode::Packet;
use crate::digest::Room;
use crate::findings::facts::{CaptureEnd, CaptureFacts};
use crate::findings::rules::Ended;
use crate::findings::{Finding, rules};
use crate::frame::Frame;
use crate::ledger;
use crate::reassembly::assembler::Keep;
use crate::units::Timestamp;

/// So many streams are asked what is waited for, and of so many it is told.
const WATCHED: usize = 4096;
const TOLD: usize = 8;

/// Streams that are followed together.
#[derive(Debug, Clone)]
pub(super) struct Follower<'cap> {
    options: Options,
    /// By place.
    streams: Vec<Option<Box<Stream<'cap>>>>,
    next_picture: u32,
    room: Room,
    kept: Kept,
    /// What the findings about the whole capture rest on.
    pub(super) facts: CaptureFacts,
}

/// What is left of a stream when it is over.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) stream: ledger::Stream,
    pub(super) images: Vec<ledger::Image>,
    pub(super) findings: Vec<Finding>,
    /// For the judgement of its server.
    pub(super) ended: Option<Ended>,
}

impl<'cap> Follower<'cap> {
    pub(super) fn new(options: Options) -> Self {
        Self {
            options,
            streams: Vec::new(),
            next_picture: 0,
            room: Room::default(),
            kept: Kept::default(),
            facts: CaptureFacts::default(),
        }
    }

    /// From now on it takes memory of its own, in a copy.
    pub(super) fn part(&mut self) {
        self.options.memory = self.options.memory.apart();
        self.options.waiting = self.options.waiting.apart();
    }

    /// What is waited for on silent streams.
    pub(super) fn waits(&self, now: Timestamp) -> Vec<Wait> {
        let live = self.streams.iter().flatten().take(WATCHED);
        let mut waits: Vec<Wait> = live
            .filter_map(|stream| stream.wait(now, self.options.idle))
            .collect();
        waits.sort_by_key(|wait| (wait.since, wait.stream));
        waits.truncate(TOLD);
        waits
    }

    /// How many pictures have started so far.
    pub(super) fn pictures(&self) -> u32 {
        self.next_picture
    }

    /// Takes the next packet of a stream, its first one where it `opens` it.
    pub(super) fn packet<'x>(
        &mut self,
        place: Place,
        opens: Option<Opening>,
        packet: &Packet<'x>,
        frame: &Frame<'x>,
        keep: Keep<'x, 'cap>,
        observer: &mut dyn Observer,
    ) {
        if let Some(opening) = opens {
            let stream = Box::new(Stream::new(opening, packet, frame, &self.options));
            stream.opened(observer);
            if self.streams.len() <= place {
                self.streams.resize_with(place + 1, || None);
            }
            if let Some(free) = self.streams.get_mut(place) {
                *free = Some(stream);
            }
        }
        if let Some(Some(stream)) = self.streams.get_mut(place) {
            let mut shared = Shared {
                options: &self.options,
                observer,
                next_picture: &mut self.next_picture,
                capture: &mut self.facts,
                room: &self.room,
            };
            stream.packet(packet, frame, keep, &mut shared);
        }
    }

    /// No more frames of a stream come; absent where there is none.
    pub(super) fn close(
        &mut self,
        place: Place,
        now: CaptureEnd,
        observer: &mut dyn Observer,
    ) -> Option<Account> {
        let stream = self.streams.get_mut(place)?.take()?;
        let Closed {
            stream,
            images,
            facts,
        } = stream.close(
            now,
            &mut Shared {
                options: &self.options,
                observer,
                next_picture: &mut self.next_picture,
                capture: &mut self.facts,
                room: &self.room,
            },
        );
        let mut findings = rules::of_stream(&stream, &images, &facts);
        self.facts.cut.sift(&stream, &mut findings);
        let account = Account {
            findings,
            ended: Ended::of(&stream, &facts, &images),
            stream,
            images,
        };
        self.kept
            .keep(account, &self.options.memory, &mut self.facts.folded)
    }
}

impl Account {
    /// Tells of it.
    pub(super) fn tell(self, observer: &mut dyn Observer) {
        for finding in &self.findings {
            observer.event(Event::Finding(finding));
        }
        observer.stream_closed(self.stream, self.images);
    }
}
