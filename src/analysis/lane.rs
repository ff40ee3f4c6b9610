//! One direction of a stream as it is followed: its transport, its pictures, its digest and its facts.

use super::account::{self, Quiet};
use super::budget::Budget;
use super::channel::{Channel, Confirmed, Context};
use super::fold::Fold;
use super::picture::LITTLE;
use super::regions::Theirs;
use super::whole::Whole;
use super::{Awaited, DigestKind, Event, Options};
use crate::decode::{Checksum, Notes, Packet};
use crate::findings::facts::{CaptureFacts, DirectionFacts, Ours, Watch};
use crate::frame::Frame;
use crate::ledger::{self, Carriers, Image};
use crate::reassembly::assembler::Keep;
use crate::reassembly::gap::GapList;
use crate::reassembly::tcp::{Half, Other, Segment};
use crate::reassembly::{Delivery, Extent, Gap, GapCause, Log};
use crate::units::Timestamp;
use crate::wire::StreamEnd;

/// One direction of a UDP 5-tuple: datagrams in order of capture, nothing to put in order.
#[derive(Debug, Clone, Default)]
pub(super) struct Datagrams {
    log: Log,
    packets: u64,
    wire_bytes: u64,
    data_packets: u64,
    payload_bytes: u64,
    /// Stream offset of the next datagram.
    offset: u64,
    gaps: GapList,
    last: Option<Timestamp>,
}

/// A direction's transport.
#[derive(Debug, Clone)]
pub(super) enum Transport<'cap> {
    Tcp(Box<Half<'cap>>),
    /// Boxed, because nearly all streams are of the other kind.
    Udp(Box<Datagrams>),
}

/// What became of a segment.
#[derive(Debug, Clone, Copy, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "four facts that do not exclude each other"
)]
pub(super) struct Taken {
    /// A limit was hit.
    pub(super) limited: bool,
    /// The frame was captured before.
    pub(super) copy: bool,
    /// It brought new bytes, FIN or RST.
    pub(super) answers: bool,
    /// Stream offset of its first byte, where it carries any.
    pub(super) offset: Option<u64>,
    /// At least one of its bytes had been seen before.
    pub(super) repeat: bool,
}

/// One direction of a stream.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "four facts that do not exclude each other, in the room of one"
)]
pub(super) struct Lane<'cap> {
    pub(super) transport: Transport<'cap>,
    /// What is made of its bytes; absent until the first came, because half of the directions carry none.
    made: Option<Box<Made>>,
    watch: Watch,
    /// The other direction carried bytes since this one last did.
    answered: bool,
    /// The capture does not have its beginning, as far as segments told.
    late: bool,
    /// Some segment's checksum was right.
    checked: bool,
    /// Hops that its sender's packets had left, as first seen.
    hops: u8,
    /// Of some of its frames no detail was kept.
    shed: bool,
    /// Memory that its gaps and the frames of its pictures hold of that for accounts, in units of [`LITTLE`].
    held: u32,
    /// Bytes that wait behind holes, as last noted where those of all directions are counted.
    waiting: usize,
}

/// What is made of a direction's bytes.
#[derive(Debug, Clone)]
struct Made {
    channel: Channel,
    whole: Whole,
    /// How many pictures were told of.
    announced: usize,
    /// Absent until more than one picture came.
    fold: Option<Box<Fold>>,
}

impl Made {
    /// That of a direction; made where it is missing.
    #[inline]
    fn of<'c>(made: &'c mut Option<Box<Self>>, late: bool, options: &Options) -> &'c mut Self {
        made.get_or_insert_with(|| {
            let mut channel = Channel::default();
            channel.begins(!late);
            Box::new(Self {
                channel,
                whole: Whole::new(options.digest == DigestKind::Sha256),
                announced: 0,
                fold: None,
            })
        })
    }

    /// Takes what comes in order.
    fn take(&mut self, delivery: &Delivery<'_>, context: &mut Context<'_>) {
        context.tell_delivered(delivery);
        self.whole.pass_on(delivery, &mut self.channel, context);
    }

    fn finish(&mut self, end: StreamEnd, context: &mut Context<'_>) {
        self.whole.part(&self.channel);
        self.channel.finish(end, context);
    }
}

impl<'cap> Lane<'cap> {
    pub(super) fn new(transport: Transport<'cap>) -> Self {
        Self {
            transport,
            made: None,
            watch: Watch::default(),
            answered: false,
            late: false,
            checked: false,
            hops: 0,
            shed: false,
            held: 0,
            waiting: 0,
        }
    }

    /// Its pictures and framing; absent where no byte came.
    pub(super) fn channel(&self) -> Option<&Channel> {
        self.made.as_deref().map(|made| &made.channel)
    }

    pub(super) fn log(&self) -> &Log {
        match &self.transport {
            Transport::Tcp(half) => &half.log,
            Transport::Udp(datagrams) => &datagrams.log,
        }
    }

    /// Takes a segment that this direction's sender sent; `theirs` watches the other direction.
    pub(super) fn segment<'x>(
        &mut self,
        segment: &Segment<'x>,
        notes: &Notes,
        keep: Keep<'x, 'cap>,
        theirs: &mut Watch,
        context: &mut Context<'_>,
    ) -> Taken {
        let Transport::Tcp(half) = &mut self.transport else {
            return Taken::default();
        };
        let made = self.made.as_deref();
        let in_picture = made.is_some_and(|made| made.channel.in_picture());
        let (acknowledged, highest) = (half.acked(), half.assembler.highest());
        let repeats = half.repeats().retransmitted_packets;
        if !segment.payload.is_empty() {
            self.answered = false;
        }
        self.late = !(half.saw_syn() || segment.header.syn);
        if let Some(made) = &mut self.made {
            made.channel.begins(!self.late);
        }
        let (made, late) = (&mut self.made, self.late);
        // The receiver drops what does not fit its checksum. Where all are wrong it is the capture that has them unfinished.
        let checksums = [notes.ip_checksum, notes.transport_checksum];
        let damaged = checksums.contains(&Checksum::Wrong) && self.checked;
        // The next router drops what has no hop left. Packets of one sender have as many as each other, where any are to go on.
        let expired = notes.hops <= 1 && self.hops > 1;
        self.hops = self.hops.max(notes.hops);
        let dropped = (damaged || expired) && half.is_new(segment.header.seq, segment.payload_len);
        self.checked |= notes.transport_checksum == Checksum::Good && !segment.payload.is_empty();
        let without;
        let kept = if dropped {
            without = Segment {
                payload: &[],
                payload_len: 0,
                ..*segment
            };
            &without
        } else {
            segment
        };
        let verdict = half.segment(kept, keep, &mut |delivery| {
            Made::of(made, late, context.options).take(&delivery, context);
        });
        if notes.after_end && half.fin_frame() == Some(segment.frame) {
            half.forget_fin_frame();
        }
        let seen = Ours {
            segment,
            notes,
            verdict: &verdict,
            acknowledged,
            highest,
            in_picture,
            idle: context.options.idle,
        };
        let copy = self.watch.segment(&seen, theirs, context.capture);
        let repeat = half.repeats().retransmitted_packets > repeats;
        let limited = self.settle(context);
        if !segment.payload.is_empty() {
            self.packet_of_picture(repeat, context);
        }
        if let (Transport::Tcp(half), Some(made)) = (&mut self.transport, &self.made)
            && !made.channel.needs_detail()
            && !context.options.evidence
        {
            half.log.discard_before(half.assembler.next());
        }
        self.hold(context.options);
        let header = &segment.header;
        Taken {
            limited,
            copy,
            // What a program says because another one was ended is no answer.
            answers: (verdict.arrival.new_bytes > 0 || header.fin || header.rst)
                && !notes.after_end,
            offset: verdict.offset.filter(|_| segment.payload_len > 0),
            repeat,
        }
    }

    /// Keeps no detail of gaps and frames for which the memory for accounts has no room.
    #[inline]
    fn hold(&mut self, options: &Options) {
        let now = match &self.transport {
            Transport::Tcp(half) => half.log.memory() + half.assembler.gap_memory(),
            Transport::Udp(datagrams) => datagrams.log.memory() + datagrams.gaps.memory(),
        };
        let now = u32::try_from(now as u64 / LITTLE).unwrap_or(u32::MAX);
        if now != self.held {
            self.weigh(now, options);
        }
    }

    /// Notes that it holds so much now; returns by how much the limit is exceeded.
    fn holds(&mut self, now: u32, budget: &Budget) -> u64 {
        let before = std::mem::replace(&mut self.held, now);
        budget.weigh(u64::from(before) * LITTLE, u64::from(now) * LITTLE)
    }

    fn weigh(&mut self, now: u32, options: &Options) {
        let budget = &options.memory;
        let over = self.holds(now, budget);
        if over == 0 || budget.limit() == u64::MAX {
            return;
        }
        // Nothing is waited for where no byte came.
        let Some(made) = &mut self.made else {
            return;
        };
        let channel = &mut made.channel;
        let position = channel.position();
        let told = |extent: &Extent| channel.shed(extent);
        let (shed, left) = match &mut self.transport {
            Transport::Tcp(half) => {
                if half.assembler.gap_memory() as u64 >= LITTLE {
                    half.assembler.fill_gaps();
                }
                let below = position.min(half.assembler.next());
                (
                    half.log.shed(below, told),
                    half.log.memory() + half.assembler.gap_memory(),
                )
            }
            Transport::Udp(datagrams) => {
                if datagrams.gaps.memory() as u64 >= LITTLE {
                    datagrams.gaps.fill();
                }
                (
                    datagrams.log.shed(position, told),
                    datagrams.log.memory() + datagrams.gaps.memory(),
                )
            }
        };
        self.shed |= shed;
        self.holds(
            u32::try_from(left as u64 / LITTLE).unwrap_or(u32::MAX),
            budget,
        );
    }

    fn packet_of_picture(&self, repeat: bool, context: &mut Context<'_>) {
        if let Some(picture) = self.channel().and_then(Channel::moving) {
            context
                .observer
                .event(Event::PicturePacket { picture, repeat });
        }
    }

    /// A frame of the connection went by: holes that can no longer fill are declared, a FIN that was reached
    /// ends the direction. Returns whether a limit was hit.
    pub(super) fn settle(&mut self, context: &mut Context<'_>) -> bool {
        let Transport::Tcp(half) = &mut self.transport else {
            return false;
        };
        let (made, late) = (&mut self.made, self.late);
        let mut limit = context.options.limits.waiting_bytes_per_direction;
        let waiting = half.assembler.waiting_bytes();
        if waiting > self.waiting {
            let all = &context.options.waiting;
            let over = all.weigh(self.waiting as u64, waiting as u64);
            self.waiting = waiting;
            // Whoever asks for more than there is makes room.
            let over = usize::try_from(over).unwrap_or(usize::MAX);
            limit = limit.min(waiting.saturating_sub(over));
        }
        let limited = half.settle(limit, &mut |delivery| {
            Made::of(made, late, context.options).take(&delivery, context);
        });
        if half.has_conflicts() {
            self.watch.waited(half.take_conflicts());
        }
        let waiting = half.assembler.waiting_bytes();
        if waiting < self.waiting {
            let all = &context.options.waiting;
            all.weigh(self.waiting as u64, waiting as u64);
            self.waiting = waiting;
        }
        let ended = self
            .made
            .as_deref()
            .is_some_and(|made| made.channel.end.is_some());
        if half.reached_fin() && !ended {
            let made = Made::of(&mut self.made, self.late, context.options);
            made.finish(StreamEnd::Fin, context);
            // Closed streams stay for a while, in case something is sent again: let them be small.
            half.assembler.forget_recent();
            half.log.shrink();
        }
        self.announce(Quiet::No, context);
        limited
    }

    /// Takes what the other direction's sender says in a segment of its own: what it acknowledges, and whether it
    /// answers.
    pub(super) fn heard(&mut self, segment: &Segment<'_>, taken: Taken, theirs: &mut Watch) {
        let Transport::Tcp(half) = &mut self.transport else {
            return;
        };
        let (highest, before) = (half.assembler.highest(), half.acked());
        if let Some(ack) = segment.header.ack {
            half.acknowledge(ack);
            if !segment.header.rst {
                half.heard(segment.frame);
            }
        }
        let now = half.acked();
        if !taken.copy {
            theirs.acknowledges(segment, &mut self.watch, (highest, before, now));
        }
        if let Some(made) = &mut self.made
            && let Some(mark) = &mut made.channel.mark
        {
            let moment = (segment.frame, segment.time);
            if now >= Some(mark.end) {
                mark.acknowledged.get_or_insert(moment);
            }
            if taken.answers {
                mark.answer(moment);
            }
        }
    }

    /// Since when its sender has had no room to receive.
    pub(super) fn full_since(&self) -> Option<Timestamp> {
        self.watch.full_since()
    }

    /// What its receiver waits for, or is waited for by, in a connection that fell silent.
    pub(super) fn awaited(&self, theirs: &Self) -> Option<Awaited> {
        let Transport::Tcp(half) = &self.transport else {
            return None;
        };
        let all = half.assembler.highest();
        let sent_last = self.watch.last_data() > theirs.watch.last_data();
        // Answers to pictures promise nothing.
        let pictures = |lane: &Self| lane.channel().is_some_and(Channel::has_pictures);
        let answers = !pictures(self) && pictures(theirs);
        if !sent_last || all == 0 || answers {
            return None;
        }
        Some(match self.channel() {
            Some(channel) => channel.awaited(all),
            None => Awaited::EndOfStream {
                bytes: all,
                whole: false,
            },
        })
    }

    /// One past the highest byte that the other side acknowledged.
    pub(super) fn acked(&self) -> Option<u64> {
        match &self.transport {
            Transport::Tcp(half) => half.acked(),
            Transport::Udp(_) => None,
        }
    }

    /// Stream offset of the next datagram.
    pub(super) fn next_datagram(&self) -> Option<u64> {
        match &self.transport {
            Transport::Udp(datagrams) => Some(datagrams.offset),
            Transport::Tcp(_) => None,
        }
    }

    /// What watches this direction.
    pub(super) fn watch_mut(&mut self) -> &mut Watch {
        &mut self.watch
    }

    /// The other direction carries bytes: a request without terminator is over.
    pub(super) fn answered(&mut self, context: &mut Context<'_>) {
        if !self.answered {
            self.answered = true;
            if let Some(made) = &mut self.made {
                made.whole.part(&made.channel);
                made.channel.answered(context);
            }
        }
    }

    /// Takes a datagram that this direction's sender sent.
    pub(super) fn datagram(
        &mut self,
        packet: &Packet<'_>,
        frame: &Frame<'_>,
        context: &mut Context<'_>,
    ) {
        let Transport::Udp(datagrams) = &mut self.transport else {
            return;
        };
        let made = Made::of(&mut self.made, self.late, context.options);
        if silent(datagrams.last, frame.time, context.options) {
            made.channel.idle(context);
        }
        let payload: &[u8] = &packet.payload;
        let captured = payload.len() as u64;
        let length = u64::from(packet.payload_len).max(captured);
        datagrams.last = frame.time;
        datagrams.packets += 1;
        // Wireshark's conversation counts a fragmented datagram by the frame that completes it.
        datagrams.wire_bytes += u64::from(frame.wire_len);
        datagrams.payload_bytes += captured;
        datagrams.data_packets += u64::from(captured > 0);
        for part in packet.parts.as_slice() {
            let offset = u64::from(part.offset);
            let bytes = u64::from(part.bytes).min(captured.saturating_sub(offset));
            if let Ok(bytes @ 1..) = u32::try_from(bytes) {
                datagrams.log.push(&Extent {
                    offset: datagrams.offset + offset,
                    bytes,
                    frame: part.frame,
                    wire_len: part.wire_len,
                    time: part.time,
                    repeat: false,
                });
            }
        }
        let missing = length - captured;
        if missing > 0 {
            datagrams.gaps.push(Gap {
                offset: datagrams.offset + captured,
                length: missing,
                cause: GapCause::SnapLength,
            });
        }
        datagrams.offset += length;
        // 1500 bytes less the IP and UDP headers.
        let most = if packet.source.is_ipv4() { 1472 } else { 1452 };
        self.watch.datagram(
            (frame.number, frame.time),
            packet.payload_len,
            missing > 0,
            &packet.notes,
            most,
        );
        context.tell_bytes(datagrams.offset - length, payload);
        made.whole.datagram(payload);
        made.channel.datagram(payload, missing, context);
        self.announce(Quiet::No, context);
        self.packet_of_picture(false, context);
        if let (Transport::Udp(datagrams), Some(made)) = (&mut self.transport, &self.made)
            && !made.channel.needs_detail()
            && !context.options.evidence
        {
            datagrams.log.discard_before(datagrams.offset);
        }
        self.hold(context.options);
    }

    /// Notes what the decoder found remarkable about a packet.
    pub(super) fn notes(
        &mut self,
        packet: &Packet<'_>,
        frame: &Frame<'_>,
        capture: &mut CaptureFacts,
    ) {
        self.watch.notes(&packet.notes, frame.number, capture);
    }

    /// No more frames come. `other` is what the capture has of the other direction, `reset` whether either
    /// side reset the connection, `quiet` whether the capture went on in silence.
    pub(super) fn finish(
        &mut self,
        other: Other,
        reset: bool,
        quiet: Quiet,
        context: &mut Context<'_>,
    ) {
        let made = Made::of(&mut self.made, self.late, context.options);
        let end = match &mut self.transport {
            Transport::Tcp(half) => {
                half.finish(other, &mut |delivery| made.take(&delivery, context));
                self.watch.waited(half.take_conflicts());
                match (half.fin_frame().is_some(), reset) {
                    (true, _) => StreamEnd::Fin,
                    (false, true) => StreamEnd::Reset,
                    (false, false) => StreamEnd::Unfinished,
                }
            }
            Transport::Udp(_) if quiet.is_silent() => StreamEnd::Idle,
            Transport::Udp(_) => StreamEnd::Unfinished,
        };
        let waiting = std::mem::take(&mut self.waiting);
        context.options.waiting.weigh(waiting as u64, 0);
        made.finish(end, context);
        self.announce(quiet, context);
    }

    /// Tells of pictures that ended since.
    fn announce(&mut self, quiet: Quiet, context: &mut Context<'_>) {
        let Some(made) = &mut self.made else {
            return;
        };
        let pictures = made.channel.pictures.len();
        if pictures == made.announced {
            return;
        }
        let told = if context.observer.accounts_only() {
            pictures
        } else {
            made.announced
        };
        made.announced = pictures;
        for index in told..pictures {
            let place = self.place(context, quiet, false, true);
            let picture = self
                .channel()
                .and_then(|channel| channel.pictures.get(index));
            let Some(picture) = picture else { break };
            let part = self.log().part(picture.range.clone());
            let image = account::image(picture, part, &place, None, context.options);
            let image = Image {
                chunks: None,
                ..image
            };
            context.observer.event(Event::PictureEnded(&image));
        }
        let bounded = context.options.memory.limit() != u64::MAX;
        if bounded
            && pictures > 1
            && let Some(made) = &mut self.made
        {
            made.fold.get_or_insert_default().fold(
                &mut made.channel.pictures,
                &context.options.memory,
                &mut context.capture.folded,
            );
            made.announced = made.channel.pictures.len();
        }
    }

    /// Whether some of its pictures are only summed up.
    pub(super) fn is_folded(&self) -> bool {
        let fold = self.made.as_deref().and_then(|made| made.fold.as_ref());
        fold.is_some_and(|fold| fold.folded() > 0)
    }

    fn place(
        &self,
        context: &Context<'_>,
        quiet: Quiet,
        over: bool,
        other_seen: bool,
    ) -> account::Place {
        account::Place {
            stream: context.stream,
            transport: context.transport,
            from: context.from(),
            to: context.to(),
            quiet,
            end: self.channel().and_then(|channel| channel.end),
            over,
            all_seen: match &self.transport {
                Transport::Tcp(half) => other_seen && half.saw_syn(),
                Transport::Udp(_) => true,
            },
            end_unsure: match &self.transport {
                Transport::Tcp(half) => half.end_unsure(),
                Transport::Udp(_) => false,
            },
        }
    }

    /// The final accounts of the pictures.
    ///
    /// `over`: nothing more can come, whatever was missing; `other_seen`: the other side was captured;
    /// `confirmed` is what the other direction said of pictures.
    pub(super) fn images(
        &self,
        context: &Context<'_>,
        quiet: Quiet,
        over: bool,
        other_seen: bool,
        confirmed: Option<&Confirmed>,
    ) -> Vec<Image> {
        let place = self.place(context, quiet, over || quiet.is_silent(), other_seen);
        let log = self.log().indexed();
        let pictures = self.channel().map_or(&[][..], |channel| &channel.pictures);
        pictures
            .iter()
            .map(|picture| {
                let part = log.part(picture.range.clone());
                account::image(picture, part, &place, confirmed, context.options)
            })
            .collect()
    }

    /// The direction's own account.
    ///
    /// `theirs` are the pictures that the other side sent.
    pub(super) fn account(&mut self, context: &Context<'_>, theirs: &Theirs) -> ledger::Direction {
        self.holds(0, &context.options.memory);
        let made = Made::of(&mut self.made, self.late, context.options);
        if let Some(fold) = &mut made.fold {
            fold.over(&context.options.memory);
        }
        let sha256 = made.whole.take();
        let mut regions = std::mem::take(&mut made.channel.regions);
        let carriers = context
            .options
            .evidence
            // A part of them would tell less than nothing.
            .then_some(())
            .filter(|()| !self.shed)
            .map(|()| Carriers(self.log().clone()));
        regions.answers(theirs);
        let (sums, map_omitted) = (regions.sums(), regions.omitted());
        let map = regions.into_map(self.log());
        let direction = match &self.transport {
            Transport::Tcp(half) => ledger::Direction {
                undecided: self.watch.undecided(),
                ..account::tcp_direction(half, context.from(), context.to())
            },
            Transport::Udp(datagrams) => ledger::Direction {
                packets: datagrams.packets,
                wire_bytes: datagrams.wire_bytes,
                data_packets: datagrams.data_packets,
                payload_bytes: datagrams.payload_bytes,
                unique_bytes: datagrams.payload_bytes,
                gap_bytes: datagrams.gaps.bytes(),
                gaps: datagrams.gaps.listed().to_vec(),
                unlisted: datagrams.gaps.is_full(),
                ..ledger::Direction::new(context.from(), context.to())
            },
        };
        // What came before a beginning that was not captured nobody knows.
        let from_start = direction.start_seen == Some(true);
        let fin = direction.closed == Some(ledger::Closed::Fin);
        let made = self.made.as_deref_mut();
        let first_bytes_sha256 = made
            .and_then(|made| made.whole.first(fin))
            .filter(|_| from_start);
        ledger::Direction {
            first_bytes_sha256,
            map,
            map_omitted,
            picture_bytes: sums.picture,
            framing_bytes: sums.framing,
            answer_bytes: sums.answer,
            stray_bytes: sums.stray,
            sha256,
            carriers,
            unlisted: direction.unlisted || self.shed,
            ..direction
        }
    }

    /// The facts that findings rest on.
    pub(super) fn into_facts(self) -> DirectionFacts {
        let mut facts = DirectionFacts {
            heard: self.watch.heard(),
            acknowledges: self.watch.acknowledged_any(),
            last_data: self.watch.last_data(),
            closing: self.watch.closing(),
            troubles: self.watch.into_troubles(),
            ..DirectionFacts::default()
        };
        if let Transport::Tcp(half) = &self.transport {
            facts.heard = half.packets > 0;
            facts.saw_syn = half.saw_syn();
            facts.reset = half.reset_frame();
            facts.fin = half.fin_frame();
            facts.fin_acknowledged = half.fin_acked();
            facts.acknowledged = match (half.fin(), half.fin_frame()) {
                (Some(fin), None) => half.acked().map(|acked| acked.min(fin)),
                _ => half.acked(),
            };
            facts.span = half.assembler.highest();
            facts.unchecked_bytes = half.repeats().unchecked_bytes;
            facts.late_bytes = half.repeats().late_bytes;
        }
        let Some(made) = self.made else {
            return facts;
        };
        let channel = made.channel;
        if let Some(rare) = channel.rare {
            facts.first_stray = rare.strays.first;
            facts.stray_sample = rare.strays.sample;
            facts.faults = rare.faults;
        }
        facts.markers = channel.markers;
        facts.last_marker = channel.mark;
        facts.numbering = channel.numbering;
        facts.pictures = channel
            .pictures
            .into_iter()
            .map(account::picture_facts)
            .collect();
        facts
    }
}

/// Whether more time than the idle limit lies between two moments.
pub(super) fn silent(from: Option<Timestamp>, to: Option<Timestamp>, options: &Options) -> bool {
    from.zip(to).is_some_and(|(from, to)| {
        u128::from(to.since(from).max(0).unsigned_abs()) > options.idle.as_nanos()
    })
}
