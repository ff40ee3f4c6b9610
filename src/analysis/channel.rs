//! One direction's pictures: delivered bytes go to a wire decoder, its pictures to a structure walker and a
//! digest, and what is learnt of each picture is kept until its account is drawn up.

mod format;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::held::Held;
use super::picture::{Doubt, More, Open, Picture, Structure, Tally};
use super::regions::{self, Regions, What};
use super::stream::Ends;
use super::{Awaited, Event, Observer, Options};
use crate::digest::{Hasher, Room};
use crate::findings::facts::StrayKind;
use crate::findings::facts::{CaptureFacts, Mark, Numbering};
use crate::flow::Side;
use crate::ledger::{Confidence, TransportKind};
use crate::picture::Status;
use crate::reassembly::gap::GapList;
use crate::reassembly::{Delivery, Extent, Gap, GapCause};
use crate::units::{FrameNumber, PictureId, StreamId, Timestamp};
use crate::wire::detect;
use crate::wire::{
    self, Decode, Decoder, Ending, Fault, Framing, Order, Protocol, Role, StreamEnd, Transmission,
    framed,
};

/// How many stray or trailing bytes are kept to say what they are.
const SAMPLE: usize = 64;
/// A datagram of so many bytes may be a count of those that follow.
const COUNT: usize = 16;
/// Most confirmed pictures that are remembered; of more, those with the lowest numbers are forgotten, and what reached
/// their receiver is unknown.
const MOST_CONFIRMED: usize = 1 << 16;
/// Most bytes that wait for the wire format to be found out.
const HEAD: usize = detect::CLUE_BYTES;

/// What a channel needs from around it while it works.
pub(super) struct Context<'c> {
    pub(super) options: &'c Options,
    pub(super) observer: &'c mut dyn Observer,
    pub(super) next_picture: &'c mut u32,
    pub(super) capture: &'c mut CaptureFacts,
    /// Where small pieces are gathered for their digest.
    pub(super) room: &'c Room,
    pub(super) stream: StreamId,
    pub(super) transport: TransportKind,
    pub(super) ends: &'c Ends,
    /// Who sends here.
    pub(super) side: Side,
    /// Who connected, where the capture shows it.
    pub(super) initiator: Option<Side>,
    /// What both directions share: the stream's wire format once known.
    pub(super) format: &'c mut Option<(Protocol, Confidence)>,
    pub(super) frame: FrameNumber,
    pub(super) time: Option<Timestamp>,
}

impl Context<'_> {
    /// Who sends here.
    pub(super) fn from(&self) -> SocketAddr {
        self.ends.of(self.side)
    }

    /// Who receives.
    pub(super) fn to(&self) -> SocketAddr {
        self.ends.of(self.side.other())
    }

    /// What the sender is; a guess by port where the capture does not show who connected: the lower port listens.
    pub(super) fn role(&self) -> Role {
        let by_port = || {
            if self.ends.of(Side::First).port() < self.ends.of(Side::Second).port() {
                Side::Second
            } else {
                Side::First
            }
        };
        if self.side == self.initiator.unwrap_or_else(by_port) {
            Role::Initiator
        } else {
            Role::Acceptor
        }
    }

    /// Tells of bytes as they are delivered, where somebody looks for files in them.
    pub(super) fn tell_delivered(&mut self, delivery: &Delivery<'_>) {
        if let Delivery::Bytes { offset, bytes, .. } = delivery {
            self.tell_bytes(*offset, bytes);
        }
    }

    /// The same of the bytes of a datagram.
    pub(super) fn tell_bytes(&mut self, offset: u64, bytes: &[u8]) {
        if self.options.evidence && !bytes.is_empty() {
            self.observer.event(Event::Delivered {
                stream: self.stream,
                from: self.from(),
                offset,
                bytes,
            });
        }
    }
}

/// Pictures by number, and how many of their datagrams had come when they were confirmed.
pub(super) type Confirmed = BTreeMap<u64, Option<u64>>;

/// What most directions have nothing of.
#[derive(Debug, Clone, Default)]
pub(super) struct Rare {
    pub(super) strays: Strays,
    /// With stream offsets.
    pub(super) faults: Vec<(u64, Fault)>,
    pub(super) choice: Option<String>,
    /// What speaks for a framing that was worked out.
    pub(super) evidence: Vec<String>,
    /// Pictures of the other direction that were confirmed here, and how many of their datagrams had come.
    confirmed: Confirmed,
    /// Bytes of the next picture that its sender says it hands over at once.
    chunk: Option<u64>,
}

/// Bytes outside any picture.
#[derive(Debug, Clone, Default)]
pub(super) struct Strays {
    /// Stream offset of the first.
    pub(super) first: Option<u64>,
    pub(super) sample: Vec<u8>,
}

#[derive(Debug, Clone)]
enum State {
    /// The first bytes wait until they tell the wire format.
    Undecided(Vec<u8>),
    /// They, and more, wait until they tell a framing that is none of the known ones.
    Held(Box<Held>),
    Decoding(Box<Decoder>),
    Done,
}

/// One direction.
#[derive(Debug, Clone)]
pub(super) struct Channel {
    state: State,
    /// Stream offset up to which the decoder has spoken.
    position: u64,
    /// What lies before that.
    pub(super) regions: Regions,
    /// The frame that carried the bytes at hand.
    carrier: FrameNumber,
    /// The piece with the last number came, so that a missing one is not still to come.
    last_came: bool,
    /// The capture ends, and what is missing may come after it.
    goes_on: bool,
    /// Bytes that are missing are being passed on.
    in_gap: bool,
    /// Why it is not certain how the bytes at hand are framed; absent where it is.
    doubt: Option<Doubt>,
    open: Option<Box<Open>>,
    /// Cause of the gap that is being passed on.
    cause: GapCause,
    pub(super) pictures: Vec<Picture>,
    /// Absent where there is nothing of it.
    pub(super) rare: Option<Box<Rare>>,
    /// End markers seen.
    pub(super) markers: u64,
    /// The last one, while no picture follows it.
    pub(super) mark: Option<Box<Mark>>,
    /// Numbered pieces that came out of turn.
    pub(super) numbering: Option<Box<Numbering>>,
    pub(super) end: Option<StreamEnd>,
}

impl Default for Channel {
    fn default() -> Self {
        Self {
            state: State::Undecided(Vec::new()),
            position: 0,
            regions: Regions::default(),
            carrier: FrameNumber(0),
            last_came: false,
            goes_on: false,
            in_gap: false,
            doubt: None,
            open: None,
            cause: GapCause::Unknown,
            pictures: Vec::new(),
            rare: None,
            markers: 0,
            mark: None,
            numbering: None,
            end: None,
        }
    }
}

impl Channel {
    /// Whether per-frame detail below the current position may still be asked for.
    pub(super) fn needs_detail(&self) -> bool {
        self.open.is_some()
            || !self.pictures.is_empty()
            || matches!(self.state, State::Undecided(_) | State::Held(_))
    }

    /// Whether the direction is known to begin where the capture has it begin; of use before anything was made of its bytes.
    pub(super) fn begins(&mut self, known: bool) {
        if self.position == 0 && self.open.is_none() && matches!(self.state, State::Undecided(_)) {
            self.doubt = (!known).then_some(Doubt::StartedLate);
        }
    }

    /// Whether a picture is on its way.
    pub(super) fn in_picture(&self) -> bool {
        self.open.is_some()
    }

    /// Whether a picture came, or is on its way.
    pub(super) fn has_pictures(&self) -> bool {
        self.open.is_some() || !self.pictures.is_empty()
    }

    /// What is still to come, as far as the bytes so far tell; `all` is how many there are.
    pub(super) fn awaited(&self, all: u64) -> Awaited {
        if let Some(open) = self.open.as_deref() {
            let bytes = open.length;
            let whole = match &open.structure {
                Structure::Known(walker) => {
                    matches!(walker.status(), Status::Whole { length } if length == bytes)
                }
                Structure::Unknown | Structure::NotAPicture | Structure::WithDecoder => false,
            };
            return match open.declared {
                Some(declared) => Awaited::Rest { bytes, declared },
                None => Awaited::EndOfStream { bytes, whole },
            };
        }
        let Some(last) = self.pictures.last() else {
            return Awaited::EndOfStream {
                bytes: all,
                whole: false,
            };
        };
        let bytes = last.range.end - last.range.start;
        let whole = matches!(last.structure, Some((Status::Whole { .. }, _)));
        match last.ending {
            Ending::Marker => Awaited::AnswerToMarker { bytes },
            Ending::Structure => Awaited::EndOfStream { bytes, whole },
            _ => Awaited::AnswerToPicture { bytes },
        }
    }

    /// The picture on its way.
    pub(super) fn moving(&self) -> Option<PictureId> {
        self.open.as_ref().map(|open| open.id)
    }

    /// The digest of the picture on its way, as far as it is that of the direction's first bytes, and how many these are;
    /// absent where there is none, or where the two have parted.
    pub(super) fn digest_of_first(&self) -> Option<(&sha2::Sha256, u64)> {
        let open = self.open.as_deref().filter(|open| {
            open.start == 0
                // Nothing else lay between them.
                && open.length == self.position
                && !open.recoded
                && open.gaps.is_empty()
                && open.lost.is_none()
        })?;
        match &open.digest {
            Hasher::Sha256(digest) => Some((digest, open.length)),
            _ => None,
        }
    }

    /// The next bytes of a TCP direction.
    pub(super) fn bytes(&mut self, bytes: &[u8], carrier: FrameNumber, context: &mut Context<'_>) {
        self.carrier = carrier;
        match &mut self.state {
            State::Decoding(_) => self.drive(context, |decoder, sink| decoder.update(bytes, sink)),
            State::Done => self.stray(bytes),
            State::Held(_) => self.hold(bytes, context),
            State::Undecided(head) if head.is_empty() => {
                if self.decide(bytes, false, context) {
                    self.bytes(bytes, carrier, context);
                } else {
                    self.state = State::Undecided(bytes.to_vec());
                }
            }
            State::Undecided(head) => {
                head.extend_from_slice(bytes);
                let head = std::mem::take(head);
                self.retry(head, false, context);
            }
        }
    }

    /// One datagram of a UDP direction, `missing` bytes of which were cut off.
    pub(super) fn datagram(&mut self, payload: &[u8], missing: u64, context: &mut Context<'_>) {
        let fresh = matches!(&self.state, State::Undecided(before) if before.is_empty());
        if fresh && missing == 0 && context.format.is_none() && !wire::is_known_datagram(payload) {
            self.state = State::Held(Box::new(Held::new(true, None)));
        }
        if let State::Held(_) = self.state {
            if missing == 0 {
                self.carrier = context.frame;
                self.hold(payload, context);
                return;
            }
            self.settle(true, context);
        }
        self.known_datagram(payload, missing, context);
    }

    /// One datagram of a direction whose framing is a known one, or none.
    fn known_datagram(&mut self, payload: &[u8], missing: u64, context: &mut Context<'_>) {
        let earlier = std::mem::replace(&mut self.carrier, context.frame);
        if let State::Undecided(before) = &mut self.state {
            // A short datagram may say how many follow, so it waits for the next one; no other can wait.
            let before = std::mem::take(before);
            let counted = !before.is_empty() && self.decide_datagrams(&before, payload, context);
            if counted {
                self.drive(context, |decoder, sink| decoder.datagram(&before, sink));
            } else {
                // It came a datagram earlier.
                self.carrier = earlier;
                self.stray(&before);
                self.carrier = context.frame;
                if !self.decide_datagrams(&[], payload, context) {
                    if missing == 0 && payload.len() <= COUNT {
                        self.state = State::Undecided(payload.to_vec());
                    } else {
                        self.stray(payload);
                        self.pass(What::Gap(GapCause::SnapLength), missing);
                    }
                    return;
                }
            }
        }
        self.cause = GapCause::SnapLength;
        self.drive(context, |decoder, sink| {
            decoder.cut_datagram(payload, missing, sink);
        });
    }

    /// Bytes that will never come.
    pub(super) fn gap(&mut self, gap: Gap, context: &mut Context<'_>) {
        self.cause = gap.cause;
        self.settle(false, context);
        // What follows is framed as it seems until something proves it. The bytes before are certain.
        let doubt = self.doubt.or(Some(Doubt::Gap));
        if self.open.is_none() {
            self.doubt = doubt;
        }
        if let State::Undecided(head) = &mut self.state {
            if head.is_empty() {
                self.pass(What::Gap(gap.cause), gap.length);
                return;
            }
            let head = std::mem::take(head);
            self.retry(head, true, context);
            self.settle(false, context);
        }
        match self.state {
            State::Decoding(_) => {
                self.in_gap = true;
                self.drive(context, |decoder, sink| decoder.gap(gap.length, sink));
                self.in_gap = false;
            }
            _ => self.pass(What::Gap(gap.cause), gap.length),
        }
        self.doubt = self.doubt.or(doubt);
    }

    /// The other side began to send: a request without terminator is over.
    pub(super) fn answered(&mut self, context: &mut Context<'_>) {
        if let State::Undecided(head) = &mut self.state
            && !head.is_empty()
        {
            let head = std::mem::take(head);
            // A header of numbers may go first, and its picture after an answer.
            let text = StrayKind::of(&head).is_text();
            self.retry(head, true, context);
            if text {
                self.settle(false, context);
            }
        }
        self.drive(context, |decoder, sink| decoder.flush(sink));
        self.half_closed(context);
    }

    /// No more bytes come.
    pub(super) fn finish(&mut self, end: StreamEnd, context: &mut Context<'_>) {
        if self.end.is_some() {
            return;
        }
        self.goes_on = end == StreamEnd::Unfinished;
        self.settle(true, context);
        if let State::Undecided(head) = &mut self.state {
            let head = std::mem::take(head);
            if !head.is_empty() {
                self.retry(head, true, context);
                self.settle(true, context);
            }
        }
        self.drive(context, |decoder, sink| decoder.finish(end, sink));
        if let State::Decoding(decoder) = &self.state {
            self.refine(&decoder.protocol(), context);
        }
        self.end = Some(end);
        self.state = State::Done;
    }

    /// UDP: silence ended what was going on; the next datagram begins afresh.
    pub(super) fn idle(&mut self, context: &mut Context<'_>) {
        self.settle(true, context);
        if let State::Decoding(decoder) = &self.state {
            if !decoder.protocol().ends_by_silence() {
                return;
            }
            self.drive(context, |decoder, sink| {
                decoder.finish(StreamEnd::Idle, sink);
            });
            if let State::Decoding(decoder) = &self.state
                && let learnt @ Protocol::UdpIndex(_) = decoder.protocol()
            {
                self.refine(&learnt, context);
            }
            self.state = State::Undecided(Vec::new());
        }
    }

    /// Lets the decoder work and takes what it says.
    fn drive(
        &mut self,
        context: &mut Context<'_>,
        work: impl FnOnce(&mut Decoder, &mut wire::Sink<'_>),
    ) {
        if !matches!(self.state, State::Decoding(_)) {
            return;
        }
        // Taken out, so that its events can be written into the channel it belongs to.
        let mut taken = std::mem::replace(&mut self.state, State::Done);
        if let State::Decoding(decoder) = &mut taken {
            let protocol = decoder.protocol();
            work(decoder, &mut |event| self.event(event, &protocol, context));
        }
        self.state = taken;
    }

    #[expect(
        clippy::too_many_lines,
        reason = "one arm for each thing that a decoder may say"
    )]
    fn event(&mut self, event: wire::Event<'_>, protocol: &Protocol, context: &mut Context<'_>) {
        match event {
            wire::Event::PictureStart { length } => self.start(length, protocol, context),
            wire::Event::GoesOn => {
                if let Some(open) = &mut self.open {
                    open.declared = None;
                }
            }
            wire::Event::Pixels(shape) => {
                if let Some(open) = &mut self.open {
                    open.more().shape = Some(shape);
                }
            }
            wire::Event::PictureData(bytes) => {
                let at = Some(self.position);
                self.pass(What::Picture, bytes.len() as u64);
                if let Some(open) = &mut self.open {
                    open.bytes(bytes);
                    context.observer.event(Event::PictureData {
                        picture: open.id,
                        at,
                        bytes,
                    });
                }
            }
            wire::Event::PictureEncoded { wire, bytes } => {
                self.pass(What::Picture, wire);
                if let Some(open) = &mut self.open
                    && !bytes.is_empty()
                {
                    open.recoded = true;
                    open.bytes(bytes);
                    context.observer.event(Event::PictureData {
                        picture: open.id,
                        at: None,
                        bytes,
                    });
                }
            }
            wire::Event::PictureLost { pieces, bytes } => {
                if !self.goes_on || self.last_came {
                    self.numbering.get_or_insert_default().lose(pieces);
                }
                if let Some(open) = &mut self.open {
                    open.lost(pieces, bytes);
                }
            }
            wire::Event::Numbered {
                index,
                total,
                order,
                transmission,
            } => {
                self.last_came |= total == index.checked_add(1);
                self.numbering.get_or_insert_default().add(
                    context.frame,
                    total,
                    order,
                    transmission.is_some(),
                );
                if let Some(transmission) = transmission {
                    self.tally(transmission, total, order);
                }
            }
            wire::Event::PictureGap(length) => self.missing(length, context),
            wire::Event::Structure(walk) => {
                if let Some(open) = &mut self.open {
                    open.walked(walk);
                }
            }
            wire::Event::PictureEnd(ending) => self.end_picture(ending, protocol, context),
            wire::Event::Framing { what, bytes } => {
                self.pass(regions::of_framing(&what), bytes);
                if matches!(what, Framing::Marker | Framing::Header(_)) {
                    // Such bytes stand nowhere by chance: from here on all is certain again.
                    self.doubt = None;
                }
                match what {
                    Framing::Choice(choice) => {
                        self.rare.get_or_insert_default().choice = Some(choice);
                    }
                    Framing::Marker => self.marker(bytes, context),
                    Framing::Header(header) => {
                        let chunk = declared_chunk(header, context);
                        if chunk.is_some() || self.rare.is_some() {
                            self.rare.get_or_insert_default().chunk = chunk;
                        }
                    }
                    Framing::Confirmed { picture, arrived } => self.confirm(picture, arrived),
                    _ => {}
                }
            }
            wire::Event::Stray(bytes) => self.stray(bytes),
            wire::Event::Media(media) => {
                if let Some(open) = &mut self.open {
                    open.more().media = Some(media);
                }
            }
            wire::Event::StrayGap(length) => self.pass(What::Gap(self.cause), length),
            wire::Event::Fault(fault) => {
                if self.doubt.is_some() {
                    // Wrong is what was made of it: the field itself may lie in the gap.
                    return;
                }
                let faults = &mut self.rare.get_or_insert_default().faults;
                if faults.len() < 16 {
                    faults.push((self.position, fault));
                }
            }
        }
    }

    /// So many bytes of the picture are missing from the capture.
    fn missing(&mut self, length: u64, context: &mut Context<'_>) {
        if let Some(open) = &mut self.open {
            open.gap(self.position, length, self.cause);
            open.hold(&context.options.memory);
            context.observer.event(Event::PictureGap {
                picture: open.id,
                length,
            });
        }
        self.pass(What::Gap(self.cause), length);
    }

    /// A datagram was handed over: of the picture that is open, or of one that is whole already.
    fn tally(&mut self, transmission: Transmission, total: Option<u64>, order: Order) {
        let tally = match &mut self.open {
            Some(open) => Some(
                open.more()
                    .tally
                    .get_or_insert_with(|| Box::new(Tally::new(transmission.picture))),
            ),
            None => self
                .pictures
                .last_mut()
                .and_then(|picture| picture.tally.as_mut()),
        };
        if let Some(tally) = tally.filter(|tally| tally.picture == transmission.picture) {
            tally.add(transmission.number, total, order);
        }
    }

    /// Takes a frame of bytes of which the decoder has spoken, and of which no detail is kept any longer.
    pub(super) fn shed(&mut self, extent: &Extent) {
        let first = self
            .pictures
            .partition_point(|picture| picture.range.end <= extent.offset);
        for picture in self.pictures.iter_mut().skip(first) {
            if picture.range.start >= extent.end() {
                break;
            }
            picture.shed(extent);
        }
        if let Some(open) = self
            .open
            .as_deref_mut()
            .filter(|open| open.start < extent.end())
        {
            let range = open.start..u64::MAX;
            open.more().shed.get_or_insert_default().add(extent, &range);
        }
    }

    /// Stream offset up to which the decoder has spoken.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// What was said here of pictures of the other direction: their numbers, and how many of their datagrams had come.
    pub(super) fn confirmed(&self) -> Option<&Confirmed> {
        self.rare.as_ref().map(|rare| &rare.confirmed)
    }

    /// The receiver says that it has a picture, the first time or again.
    fn confirm(&mut self, picture: u64, arrived: Option<u64>) {
        let confirmed = &mut self.rare.get_or_insert_default().confirmed;
        confirmed.entry(picture).or_insert(arrived);
        if confirmed.len() > MOST_CONFIRMED {
            confirmed.pop_first();
        }
    }

    fn marker(&mut self, bytes: u64, context: &Context<'_>) {
        self.markers += 1;
        self.mark = Some(Box::new(Mark {
            end: self.position,
            bytes,
            frame: context.frame,
            picture: self.pictures.last().map(|picture| picture.id),
            acknowledged: None,
            answered: None,
        }));
    }

    fn start(&mut self, length: Option<u64>, protocol: &Protocol, context: &mut Context<'_>) {
        self.mark = None;
        self.last_came = false;
        let id = PictureId(*context.next_picture);
        *context.next_picture += 1;
        context.observer.event(Event::PictureStarted {
            picture: id,
            stream: context.stream,
            from: context.from(),
            to: context.to(),
            protocol,
            length,
            frame: context.frame,
            time: context.time,
        });
        let chunk = self.rare.as_mut().and_then(|rare| rare.chunk.take());
        self.open = Some(Box::new(Open {
            id,
            start: self.position,
            length: 0,
            lost: None,
            doubt: self.doubt,
            declared: length,
            structure: Structure::Unknown,
            first: [0; crate::picture::SNIFF_BYTES],
            text_damage: None,
            digest: Hasher::within(context.options.digest, context.room),
            recoded: false,
            gaps: GapList::default(),
            held: 0,
            more: chunk.map(|chunk| {
                Box::new(More {
                    chunk: Some(chunk),
                    ..More::default()
                })
            }),
        }));
    }

    fn end_picture(&mut self, ending: Ending, protocol: &Protocol, context: &mut Context<'_>) {
        let Some(open) = self.open.take() else { return };
        let open = *open;
        context.options.memory.give_back(open.held);
        if let (Ending::Length, Structure::Known(walker)) = (ending, &open.structure)
            && open.gaps.is_empty()
            && walker.status()
                == (Status::Whole {
                    length: open.length,
                })
        {
            // The declared length and the picture's own agree: what follows is framed with certainty.
            self.doubt = None;
        }
        let structure = open.told();
        let more = open.more.map(|more| *more).unwrap_or_default();
        let digest = if open.gaps.is_empty() && open.lost.is_none() {
            open.digest.finish()
        } else {
            None
        };
        if self.pictures.is_empty() {
            // Most directions carry one picture.
            self.pictures.reserve_exact(1);
        }
        self.pictures.push(Picture {
            id: open.id,
            protocol: protocol.clone(),
            range: open.start..self.position,
            decoded: (open.length != self.position - open.start).then_some(open.length),
            lost: open.lost.map(|lost| *lost),
            last_came: self.last_came,
            tally: more.tally,
            chunk: more.chunk,
            // One that a gap ends may have gone on in it.
            doubt: open.doubt.or(Some(Doubt::Gap).filter(|_| self.in_gap)),
            declared: open.declared,
            text_damage: open.text_damage,
            media: more.media,
            too_short_to_tell: matches!(open.structure, Structure::Unknown) && open.length > 0,
            structure,
            shape: more.shape,
            ending,
            gaps: open.gaps,
            shed: more.shed,
            digest,
            trailing: more.trailing,
            ended: (context.frame, context.time),
        });
        self.confirm_layout(context);
    }

    /// A second message that a layout fits confirms it.
    fn confirm_layout(&mut self, context: &mut Context<'_>) {
        let Some((Protocol::Layout(layout), confidence @ Confidence::Likely)) = context.format
        else {
            return;
        };
        // A picture that was found behind the layout's last message has no header of it.
        let lengths = layout.says_length();
        let fits = |picture: &Picture| {
            let declared = picture.declared.map_or(!lengths, |declared| {
                let decoded = picture
                    .decoded
                    .unwrap_or(picture.range.end - picture.range.start);
                declared == decoded
            });
            let whole = matches!(&picture.structure, Some((Status::Whole { .. }, _)));
            declared && whole && picture.trailing.is_empty()
        };
        // One that does not fit changes nothing, so that not all are looked at each time.
        let newest = self.pictures.last().is_some_and(fits);
        if newest && self.pictures.iter().filter(|picture| fits(picture)).count() >= 2 {
            *confidence = Confidence::Confirmed;
        }
    }

    fn stray(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            let strays = &mut self.rare.get_or_insert_default().strays;
            strays.first.get_or_insert(self.position);
            let room = SAMPLE.saturating_sub(strays.sample.len());
            strays.sample.extend(bytes.iter().take(room));
            self.position += bytes.len() as u64;
            self.regions.stray(bytes, None, self.carrier);
        }
    }

    /// The next bytes are that.
    #[inline]
    fn pass(&mut self, what: What, length: u64) {
        self.position += length;
        let image = self.open.as_ref().map(|open| open.id);
        self.regions.add(what, length, image, self.carrier);
    }
}

/// Stream bytes that a sender says it hands over at once; absent where it does not say.
fn declared_chunk(header: framed::Header, context: &Context<'_>) -> Option<u64> {
    let around = match context.transport {
        TransportKind::Tcp => 0,
        TransportKind::Udp => framed::DATAGRAM_HEADER_BYTES,
    };
    (header.chunk > 0).then(|| u64::from(header.chunk) + around)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confirmations_are_remembered_within_a_limit_and_the_first_of_each_counts() {
        let mut channel = Channel::default();
        for picture in 0..=MOST_CONFIRMED as u64 {
            channel.confirm(picture, Some(picture));
            channel.confirm(picture, None);
        }
        let confirmed = channel.confirmed().unwrap();
        assert_eq!(confirmed.len(), MOST_CONFIRMED);
        assert_eq!(confirmed.get(&0), None);
        assert_eq!(confirmed.get(&7), Some(&Some(7)));
    }
}
