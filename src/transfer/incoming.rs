//! Pictures on their way in: what a decoder recognises is checked, hashed and saved as it comes.

mod open;

use std::borrow::Cow;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};

use self::open::{Body, Content, Open, refusal};
use super::digest::Digest;
use super::pixels::Held;
use super::socket::Connection;
use super::store::{self, Destination, Draft};
use super::{Error, Limits, Session, now, pixels};
use crate::ledger::TransportKind;
use crate::ledger::record::{Record, SCHEMA, Side};
use crate::picture::{Format, SNIFF_BYTES, Sniff, Status, Walker, sniff};
use crate::units::{Timestamp, counted};
use crate::wire::handshake::{GOT_IMAGE, GOT_SIZE, OK};
use crate::wire::{self, Decode, Decoder, Ending, Framing, Protocol, StreamEnd};

/// More entries than this are not written down: the last one then holds all the rest.
pub(super) const MOST_CHUNKS: usize = 1 << 20;

/// How often is told how far a picture came.
pub(super) const TELL_EVERY: Duration = Duration::from_millis(100);

/// A field without an end is over when nothing came for so long.
pub(super) const PAUSE: Duration = Duration::from_millis(30);

/// Bytes read at once.
const READ: usize = 64 << 10;

/// Where pictures come from and go to.
#[derive(Debug, Clone)]
pub(super) struct Route<'r> {
    pub(super) transport: TransportKind,
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) protocol: &'r Protocol,
    pub(super) request: Option<String>,
    pub(super) destination: Destination<'r>,
}

/// The pictures of one direction.
#[derive(Debug)]
pub(super) struct Intake<'r> {
    session: &'r Session<'r>,
    route: Route<'r>,
    open: Option<Open>,
    /// The present read has given bytes to the open picture already.
    read_counted: bool,
    /// Why no more came, in words, once known.
    cause: Option<String>,
    /// Wrong framing outside a picture: what was found behind it is not what the format says.
    fault: Option<String>,
    error: Option<Error>,
    stray: u64,
    /// Bytes that came, whatever they were.
    came: u64,
    done: u64,
    last: Option<Received>,
    answers: Vec<Answer>,
}

/// An answer that a sender may wait for (`size-handshake`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// To the size.
    Size,
    /// To the picture.
    Picture,
}

/// A picture kept in memory ([`Destination::Memory`]).
#[derive(Debug, Default)]
struct Received {
    bytes: Vec<u8>,
    problem: Option<String>,
}

impl<'r> Intake<'r> {
    pub(super) fn new(session: &'r Session<'r>, route: Route<'r>) -> Self {
        Self {
            session,
            route,
            open: None,
            read_counted: false,
            cause: None,
            fault: None,
            error: None,
            stray: 0,
            came: 0,
            done: 0,
            last: None,
            answers: Vec::new(),
        }
    }

    /// Pictures that came to an end, whole or not.
    pub(super) fn done(&self) -> u64 {
        self.done
    }

    /// Receives until the other side closes, or until `most` pictures came. An error is told even where it was
    /// already written into the record of a picture that it cut short.
    pub(super) fn receive(
        &mut self,
        connection: &mut Connection<'_>,
        decoder: &mut Decoder,
        most: Option<u64>,
    ) -> Result<(), Error> {
        let mut buffer = vec![0; READ];
        let mut held = false;
        loop {
            if most.is_some_and(|most| self.done >= most) {
                return Ok(());
            }
            // A size without an end is over when nothing follows it.
            let asked = matches!(self.route.protocol, Protocol::SizeHandshake { .. })
                && held
                && !self.is_busy();
            let read = if asked {
                connection.read_within(&mut buffer, PAUSE)
            } else {
                connection.read(&mut buffer, self.is_busy()).map(Some)
            };
            match read {
                Ok(None) => {
                    held = false;
                    decoder.flush(&mut |event| self.event(event));
                }
                Ok(Some(0)) => {
                    let outcome = self.closed(decoder);
                    // What is kept under a name is answered with a picture, by whoever keeps it.
                    let named = matches!(self.route.destination, Destination::Named { .. });
                    if *self.route.protocol == Protocol::HalfClose && !named {
                        // Who does not wait for the answer does not get it.
                        let _ = connection.write_all(&half_close_answer(&outcome, self.done));
                    }
                    return outcome;
                }
                Ok(Some(count)) => {
                    held = true;
                    self.take(decoder, buffer.get(..count).unwrap_or_default())?;
                }
                Err(error) => return Err(self.broken(decoder, error)),
            }
            let answers = words(&self.answers(), &decoder.protocol());
            if !answers.is_empty() {
                held = false;
                connection.write_all(&answers)?;
            }
        }
    }

    /// The sender.
    pub(super) fn from(&self) -> SocketAddr {
        self.route.from
    }

    /// Answers that the wire format asks for, since they were last asked for.
    pub(super) fn answers(&mut self) -> Vec<Answer> {
        std::mem::take(&mut self.answers)
    }

    /// Takes a picture that is here already, in pieces as they were sent; returns how many pictures that were.
    pub(super) fn whole<'b>(
        &mut self,
        length: u64,
        pieces: impl Iterator<Item = &'b [u8]>,
        repeats: u64,
        problem: Option<String>,
    ) -> Result<u64, Error> {
        let before = self.done;
        self.start(Some(length));
        for piece in pieces {
            self.read_counted = false;
            self.event(wire::Event::PictureData(piece));
        }
        if let Some(open) = &mut self.open {
            open.repeats = Some(repeats);
            open.problem = open.problem.take().or(problem);
        }
        self.event(wire::Event::PictureEnd(Ending::Length));
        match self.error.take() {
            Some(error @ Error::Write { .. }) => Err(error),
            _ => Ok(self.done.saturating_sub(before)),
        }
    }

    /// Nothing comes for a while.
    pub(super) fn rest(&mut self) {
        let Some(open) = &mut self.open else { return };
        open.digest.rest();
        if let Content::Picture {
            body: Body::Draft(draft),
            ..
        } = &mut open.content
        {
            draft.rest();
        }
    }

    /// A picture is under way.
    pub(super) fn is_busy(&self) -> bool {
        self.open.is_some()
    }

    /// Takes what one read gave. After an error nothing more can be taken.
    pub(super) fn take(&mut self, decoder: &mut impl Decode, bytes: &[u8]) -> Result<(), Error> {
        self.read_counted = false;
        self.came = self.came.saturating_add(bytes.len() as u64);
        decoder.update(bytes, &mut |event| self.event(event));
        match self.error.take() {
            None => Ok(()),
            Some(error) => {
                self.cause = Some(error.told());
                decoder.finish(StreamEnd::Unfinished, &mut |event| self.event(event));
                Err(error)
            }
        }
    }

    /// The other side closed.
    pub(super) fn closed(&mut self, decoder: &mut impl Decode) -> Result<(), Error> {
        decoder.finish(StreamEnd::Fin, &mut |event| self.event(event));
        self.tell_stray();
        match self.error.take() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// The connection is given up for this error; returns the error that counts.
    pub(super) fn broken(&mut self, decoder: &mut impl Decode, error: Error) -> Error {
        self.cause = Some(error.told());
        let end = match error {
            Error::Reset { .. } => StreamEnd::Reset,
            _ => StreamEnd::Unfinished,
        };
        decoder.finish(end, &mut |event| self.event(event));
        self.tell_stray();
        self.error.take().unwrap_or(error)
    }

    /// Receives one picture that is kept in memory and has to be whole.
    pub(super) fn receive_one(
        &mut self,
        connection: &mut Connection<'_>,
        decoder: &mut Decoder,
    ) -> Result<Vec<u8>, Error> {
        let peer = connection.peer;
        let outcome = self.receive(connection, decoder, Some(1));
        match self.last.take() {
            Some(Received {
                bytes,
                problem: None,
            }) => Ok(bytes),
            Some(Received {
                problem: Some(problem),
                ..
            }) => Err(Error::Unusable { peer, problem }),
            None => Err(outcome.err().unwrap_or(Error::Nothing { peer })),
        }
    }

    /// What a client that came for pictures makes of the outcome: records tell of pictures, errors of none.
    pub(super) fn concluded(
        &self,
        outcome: Result<(), Error>,
        peer: SocketAddr,
    ) -> Result<(), Error> {
        match outcome {
            Err(error @ Error::Write { .. }) => Err(error),
            Err(error) if self.done == 0 => Err(error),
            Ok(()) if self.done == 0 => Err(Error::Nothing { peer }),
            _ => Ok(()),
        }
    }

    /// Takes one datagram, and returns how many pictures that ended.
    pub(super) fn datagram(
        &mut self,
        decoder: &mut impl Decode,
        datagram: &[u8],
    ) -> Result<u64, Error> {
        let before = self.done;
        self.read_counted = false;
        self.came = self.came.saturating_add(datagram.len() as u64);
        decoder.datagram(datagram, &mut |event| self.event(event));
        match self.error.take() {
            Some(error) => Err(error),
            None => Ok(self.done.saturating_sub(before)),
        }
    }

    /// Nothing followed a field without an end: it is complete.
    pub(super) fn flush(&mut self, decoder: &mut impl Decode) {
        decoder.flush(&mut |event| self.event(event));
    }

    /// A connection is over on which no picture began: that is told as a transfer of no bytes, and counts as one. Nothing is
    /// where a picture came, or the program is to end.
    pub(super) fn conclude_empty(&mut self, outcome: &Result<(), Error>) {
        if self.done > 0 || !self.is_kept_in_a_folder() || matches!(outcome, Err(Error::Stopped)) {
            return;
        }
        let came = match (self.came, &self.fault) {
            (0, _) if self.route.transport == TransportKind::Udp => {
                "sent empty datagrams and nothing else".to_owned()
            }
            (0, _) => "connected, sent nothing".to_owned(),
            (_, Some(fault)) => fault.clone(),
            (1, None) => "1 byte came that begins no picture".to_owned(),
            (came, None) => format!("{came} bytes came that begin no picture"),
        };
        let problem = match outcome {
            Ok(()) => came,
            Err(error) => format!("{came}; {}", error.told()),
        };
        self.start(None);
        if let Some(open) = &mut self.open {
            open.problem = Some(problem);
            open.content = Content::None;
        }
        self.stray = 0;
        self.end(Ending::EndOfStream(StreamEnd::Fin));
    }

    /// Ends what is open, and returns how many pictures that ended.
    pub(super) fn finish(&mut self, decoder: &mut impl Decode, end: StreamEnd) -> u64 {
        let before = self.done;
        decoder.finish(end, &mut |event| self.event(event));
        self.tell_stray();
        self.done.saturating_sub(before)
    }

    /// Gives the open picture up because of this error, and returns how many pictures that ended.
    pub(super) fn fail(&mut self, error: &Error) -> u64 {
        let before = self.done;
        self.cause = Some(error.told());
        self.end(Ending::Cut(StreamEnd::Unfinished));
        self.done.saturating_sub(before)
    }

    fn tell_stray(&mut self) {
        // Where no picture came, the record of that says it.
        if self.done == 0 && self.is_kept_in_a_folder() {
            return;
        }
        if self.stray > 0 {
            self.session.warn(format!(
                "{}: {} to no picture",
                self.route.from,
                counted(self.stray, "byte belongs", "bytes belong")
            ));
            self.stray = 0;
        }
    }

    fn event(&mut self, event: wire::Event<'_>) {
        match event {
            wire::Event::PictureStart { length } => self.start(length),
            wire::Event::PictureData(bytes) | wire::Event::PictureEncoded { bytes, .. } => {
                if let Err(error) = self.data(bytes) {
                    self.error.get_or_insert(error);
                }
            }
            wire::Event::PictureEnd(ending) => {
                self.end(ending);
                let whole = matches!(ending, Ending::Structure | Ending::Marker)
                    && matches!(self.route.protocol, Protocol::Layout(_));
                if ending == Ending::Length || whole {
                    self.answers.push(Answer::Picture);
                }
            }
            wire::Event::Framing {
                what: Framing::Length(_),
                ..
            } => self.answers.push(Answer::Size),
            wire::Event::Stray(bytes) => {
                self.stray = self.stray.saturating_add(bytes.len() as u64);
            }
            // The picture is there all the same: where its end was looked for, it was found.
            wire::Event::Fault(fault @ wire::Fault::FieldsGlued { .. }) => {
                self.session.warn(format!("{}: {fault}", self.route.from));
            }
            wire::Event::Fault(fault) => self.fault(&fault.to_string()),
            wire::Event::PictureLost { pieces, .. } => {
                if let Some(open) = &mut self.open {
                    let lost = pieces.map_or_else(
                        || "pieces of the picture never came".to_owned(),
                        |pieces| {
                            let pieces = counted(pieces, "piece", "pieces");
                            format!("{pieces} of the picture never came")
                        },
                    );
                    open.problem.get_or_insert(lost);
                }
            }
            // A socket has no gaps, and framing has done its work.
            wire::Event::Numbered { .. }
            | wire::Event::GoesOn
            | wire::Event::Pixels(_)
            | wire::Event::Structure(_)
            | wire::Event::Framing { .. }
            | wire::Event::PictureGap(_)
            | wire::Event::StrayGap(_)
            | wire::Event::Media(_) => {}
        }
    }

    fn start(&mut self, length: Option<u64>) {
        if let Some(bytes) = length {
            self.limit(bytes);
        }
        self.open = Some(Open {
            digest: Digest::default(),
            bytes: 0,
            chunks: Vec::new(),
            started: now(),
            content: match self.route.protocol {
                Protocol::RawPixels { .. } => {
                    Content::Rows(Held::new(match self.route.destination {
                        Destination::Folder(store) => Some(store.rows()),
                        _ => None,
                    }))
                }
                _ => Content::Head(Vec::new()),
            },
            problem: None,
            repeats: None,
            length,
            told: Instant::now(),
        });
    }

    fn limit(&mut self, bytes: u64) {
        let limit = self.session.limits.picture_bytes;
        if bytes > limit {
            self.error.get_or_insert(Error::TooLarge {
                what: format!("a picture from {}", self.route.from),
                bytes,
                limit,
            });
        }
    }

    fn data(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        open.digest.update(bytes);
        open.bytes = open.bytes.saturating_add(bytes.len() as u64);
        let total = open.bytes;
        if open.told.elapsed() >= TELL_EVERY {
            open.told = Instant::now();
            (self.session.observer)(super::Event::Moving {
                bytes: total,
                total: open.length,
            });
        }
        let count = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let same = std::mem::replace(&mut self.read_counted, true);
        let full = open.chunks.len() >= MOST_CHUNKS;
        match open.chunks.last_mut() {
            Some(last) if same || full => *last = last.saturating_add(count),
            _ => open.chunks.push(count),
        }
        if self.session.limits.tell_rows
            && let Protocol::RawPixels { width: Some(width) } = self.route.protocol
        {
            (self.session.observer)(super::Event::Rows {
                width: *width,
                bytes: bytes.to_vec(),
            });
        }
        if self.error.is_none() {
            open.write(bytes, &self.route, &self.session.limits)?;
        }
        self.limit(total);
        Ok(())
    }

    fn fault(&mut self, fault: &str) {
        if let Some(open) = &mut self.open {
            open.problem = Some(fault.to_owned());
        } else {
            if !self.is_kept_in_a_folder() {
                self.session.warn(format!("{}: {fault}", self.route.from));
            }
            self.fault = Some(fault.to_owned());
        }
    }

    /// A server saves whatever comes: each connection then has a record, also where no picture came.
    fn is_kept_in_a_folder(&self) -> bool {
        matches!(self.route.destination, Destination::Folder(_))
    }

    fn end(&mut self, ending: Ending) {
        let Some(open) = self.open.take() else {
            return;
        };
        let format = match &open.content {
            Content::Picture { walker, .. } => Some(walker.format()),
            _ => None,
        };
        let mut problem = open.problem;
        let file = self
            .settle(open.content, ending, &mut problem)
            .unwrap_or_else(|error| {
                problem = Some(error.told());
                self.error.get_or_insert(error);
                None
            });
        let problem = problem.or_else(|| self.fault.clone());
        self.done = self.done.saturating_add(1);
        if matches!(
            self.route.destination,
            Destination::Memory | Destination::Named { .. }
        ) {
            let last = self.last.get_or_insert_with(Received::default);
            last.problem.clone_from(&problem);
        }
        let Route {
            transport,
            from,
            to,
            protocol,
            request,
            ..
        } = &self.route;
        self.session.transferred(Record {
            schema: Cow::Borrowed(SCHEMA),
            side: Side::Received,
            transport: *transport,
            from: *from,
            to: *to,
            protocol: (*protocol).clone(),
            request: request.clone(),
            format,
            bytes: open.bytes,
            sha256: hex_of(&open.digest.finish()),
            started: open.started,
            ended: now(),
            chunks: open.chunks,
            repeats: open.repeats,
            lost: None,
            file,
            problem,
        });
    }

    /// Says what is wrong with a picture that ended so, and saves it under its name.
    fn settle(
        &mut self,
        content: Content,
        ending: Ending,
        problem: &mut Option<String>,
    ) -> Result<Option<String>, Error> {
        match content {
            Content::None => Ok(None),
            // Too little came to tell what it is: that it stopped is then the better reason.
            Content::Head(head) => {
                *problem = problem
                    .take()
                    .or_else(|| self.early(ending))
                    .or_else(|| Some(refusal(&head)));
                Ok(None)
            }
            Content::Picture { walker, body } => {
                let inside = match (walker.status(), walker.awaited()) {
                    (Status::Walking, Some(awaited)) => {
                        Some(format!("the picture stops {awaited}"))
                    }
                    (Status::Broken { .. }, _) => {
                        Some(format!("the picture is {}", walker.status()))
                    }
                    _ => None,
                };
                let early = self.early(ending);
                let told: Vec<String> = problem
                    .take()
                    .into_iter()
                    .chain(early)
                    .chain(inside)
                    .collect();
                *problem = (!told.is_empty()).then(|| told.join("; "));
                self.keep(body, Some(walker.format()), problem.as_ref())
            }
            Content::Rows(mut rows) => {
                // Where it was given up, that a row is not whole follows from it.
                let told: Vec<String> = self
                    .early(ending)
                    .into_iter()
                    .chain(problem.take())
                    .collect();
                *problem = (!told.is_empty()).then(|| told.join("; "));
                let Protocol::RawPixels { width: Some(width) } = self.route.protocol else {
                    return self.save(&rows.bytes, None, problem.as_ref());
                };
                // The picture that is made of them may take as much again.
                let limit = self.session.limits.memory;
                if !rows.hold(rows.bytes.len(), limit) {
                    let peer = self.route.from;
                    return Err(Error::Memory { peer, limit });
                }
                let Some(png) = pixels::png_of_rows(*width, rows.bytes)? else {
                    problem.get_or_insert_with(|| "not one whole row came".to_owned());
                    return Ok(None);
                };
                self.save(&png, Some(Format::Png), problem.as_ref())
            }
        }
    }

    /// Why the picture was given up, or did not come to its end as the framing has it; nothing where it did.
    fn early(&self, ending: Ending) -> Option<String> {
        // Given up for it, though the rest may have come in the same read.
        if let Some(error) = &self.error {
            return Some(error.told());
        }
        match ending {
            Ending::Cut(StreamEnd::Fin) => Some(
                "the sender closed before the wire format says that the picture ends".to_owned(),
            ),
            Ending::Cut(StreamEnd::Idle) => Some("no datagram came any more".to_owned()),
            Ending::EndOfStream(StreamEnd::Reset | StreamEnd::Unfinished | StreamEnd::Idle)
            | Ending::Cut(_) => Some(
                self.cause
                    .clone()
                    .unwrap_or_else(|| "the connection was given up".to_owned()),
            ),
            Ending::EndOfStream(StreamEnd::Fin)
            | Ending::Marker
            | Ending::Length
            | Ending::Structure
            | Ending::EmptyDatagram
            | Ending::Broken
            | Ending::Range => None,
        }
    }

    fn save(
        &mut self,
        bytes: &[u8],
        format: Option<Format>,
        problem: Option<&String>,
    ) -> Result<Option<String>, Error> {
        let mut body = Body::new(&self.route.destination);
        body.write(bytes)?;
        self.keep(body, format, problem)
    }

    fn keep(
        &mut self,
        body: Body,
        format: Option<Format>,
        problem: Option<&String>,
    ) -> Result<Option<String>, Error> {
        match body {
            Body::Draft(draft) => {
                let path = draft.keep(&self.route.destination, format, problem.is_none())?;
                Ok(Some(path.to_string_lossy().into_owned()))
            }
            Body::Memory(bytes) => {
                let file = match self.route.destination {
                    Destination::Named { store, name } => {
                        let part = if problem.is_none() { "" } else { ".incomplete" };
                        let name = format!("{name}{part}");
                        let path = store.save(&name, store::extension(format), &bytes)?;
                        Some(path.to_string_lossy().into_owned())
                    }
                    _ => None,
                };
                self.last = Some(Received {
                    bytes,
                    problem: None,
                });
                Ok(file)
            }
        }
    }
}

/// What is answered over a connection after bytes were taken: nothing unless the format is one of answers.
pub(super) fn words(answers: &[Answer], protocol: &Protocol) -> Vec<u8> {
    let bare = match protocol {
        Protocol::SizeHandshake { bare } => bare,
        Protocol::Layout(layout) if !layout.answer.is_empty() => {
            let pictures = answers
                .iter()
                .filter(|answer| matches!(answer, Answer::Picture))
                .count();
            return layout.answer().repeat(pictures);
        }
        _ => return Vec::new(),
    };
    answers
        .iter()
        .map(|answer| match (answer, bare) {
            (_, true) => OK,
            (Answer::Size, false) => GOT_SIZE,
            (Answer::Picture, false) => GOT_IMAGE,
        })
        .collect::<String>()
        .into_bytes()
}

/// What a receiver answers in `half-close` once the sender closed its side: what came of it.
pub(super) fn half_close_answer(outcome: &Result<(), Error>, done: u64) -> Vec<u8> {
    match outcome {
        Ok(()) if done > 0 => b"OK".to_vec(),
        _ => b"ERROR".to_vec(),
    }
}

/// A digest as lowercase hex.
pub(super) fn hex_of(digest: &[u8]) -> String {
    digest
        .iter()
        .fold(String::with_capacity(64), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}

/// A finished SHA-256 as lowercase hex.
pub(super) fn hex(hasher: Sha256) -> String {
    hex_of(&hasher.finalize())
}
