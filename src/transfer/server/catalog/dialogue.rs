//! One client of a catalogue: its choice, the answer, and the close, without ever waiting for it.

use std::borrow::Cow;
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown as Half, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};
use socket2::SockRef;

use super::{Answer, Catalog, Held, listing};
use crate::ledger::TransportKind;
use crate::ledger::record::{Record, SCHEMA, Side};
use crate::picture::{SNIFF_BYTES, Sniff, sniff};
use crate::transfer::incoming::{MOST_CHUNKS, hex};
use crate::transfer::patience::Patience;
use crate::transfer::reactor::{Dialogue, Next, Woken};
use crate::transfer::server::Tally;
use crate::transfer::socket::{broken, is_timeout};
use crate::transfer::{Error, Session, now, queue};
use crate::units::Timestamp;
use crate::wire::catalog::{ChoiceDecoder, LONGEST_CHOICE};
use crate::wire::{Decode as _, Event, Framing, Protocol};

/// A choice has no end: so long after its last byte it is taken as complete.
const CHOICE_PAUSE: Duration = Duration::from_millis(30);

/// Room that the system is asked for in the send queue at most, so that an answer goes out in one send. Larger ones do not
/// come in one `recv` either, and what clients do not read stays in there.
const MOST_QUEUED: usize = 1 << 20;

/// How often is looked whether there is memory again.
const MEMORY_PAUSE: Duration = Duration::from_millis(50);

/// Bytes sent to one client before others have their turn.
const TURN: usize = 4 << 20;

pub(super) struct Asking<'c> {
    catalog: &'c Catalog,
    session: &'c Session<'c>,
    tally: &'c Tally<'c>,
    local: SocketAddr,
    peer: SocketAddr,
    patience: Patience,
    state: State,
}

enum State {
    /// The choice so far.
    Choosing(Vec<u8>),
    /// There is no memory for the answer.
    Waiting(String),
    Answering(Box<Sending>),
    /// All was handed over: the client has to acknowledge and may close.
    Closing {
        sent: Box<Sending>,
        since: Instant,
        unacknowledged: u64,
    },
    Over,
}

struct Sending {
    content: Content,
    request: String,
    at: usize,
    chunks: Vec<u32>,
    started: Timestamp,
    ended: Timestamp,
}

enum Content {
    Picture(Arc<Held>),
    /// Not a picture, and no part of a ledger.
    List(Arc<Vec<u8>>),
}

impl Sending {
    fn bytes(&self) -> &[u8] {
        match &self.content {
            Content::Picture(held) => &held.bytes,
            Content::List(bytes) => bytes,
        }
    }
}

impl<'c> Asking<'c> {
    pub(super) fn new(
        catalog: &'c Catalog,
        session: &'c Session<'c>,
        tally: &'c Tally<'c>,
        local: SocketAddr,
        peer: SocketAddr,
    ) -> Self {
        Self {
            catalog,
            session,
            tally,
            local,
            peer,
            patience: Patience::with(peer),
            state: State::Choosing(Vec::new()),
        }
    }

    /// Ends the dialogue for this error.
    fn failed(&mut self, error: Error) -> Next {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Choosing(choice) if choice.is_empty() => match error {
                Error::Idle { peer, limit } => self.session.warn(format!(
                    "{peer} chose nothing for {} s: an empty choice sends no bytes, so there is nothing to answer; closed",
                    limit.as_secs_f64()
                )),
                Error::Stopped => {}
                error => self.session.warn(error.told()),
            },
            State::Choosing(_) | State::Waiting(_) => self.session.warn(error.told()),
            State::Answering(sending) | State::Closing { sent: sending, .. } => {
                self.tell(&sending, Some(error.told()));
            }
            State::Over => {}
        }
        Next::Close
    }

    fn tell(&self, sending: &Sending, problem: Option<String>) {
        let Content::Picture(held) = &sending.content else {
            if let Some(problem) = problem {
                self.session.warn(problem);
            }
            return;
        };
        let sent = held.bytes.get(..sending.at).unwrap_or_default();
        let first = held.bytes.get(..SNIFF_BYTES).unwrap_or(&held.bytes);
        self.session.transferred(Record {
            schema: Cow::Borrowed(SCHEMA),
            side: Side::Sent,
            transport: TransportKind::Tcp,
            from: self.local,
            to: self.peer,
            protocol: Protocol::Catalog,
            request: Some(sending.request.clone()),
            format: match sniff(first) {
                Sniff::Is(format) => Some(format),
                _ => None,
            },
            bytes: sent.len() as u64,
            sha256: if sent.len() == held.bytes.len() {
                held.sha256.clone()
            } else {
                hex(Sha256::new_with_prefix(sent))
            },
            started: sending.started,
            ended: sending.ended,
            chunks: sending.chunks.clone(),
            repeats: None,
            lost: None,
            file: held.name.clone(),
            problem,
        });
        self.tally.add(1);
    }

    /// Reads the choice; it is over when the client closes its side, says too much, or pauses.
    fn choose(&mut self, mut stream: &TcpStream, scratch: &mut [u8], late: bool) -> Option<Next> {
        let State::Choosing(choice) = &mut self.state else {
            return None;
        };
        let room = LONGEST_CHOICE
            .saturating_sub(choice.len())
            .saturating_add(1);
        let scratch = scratch.get_mut(..room).unwrap_or_default();
        let pause = self.patience.since() + CHOICE_PAUSE;
        let complete = match stream.read(scratch) {
            Ok(0) if choice.is_empty() => {
                self.session
                    .warn(format!("{} chose nothing and closed", self.peer));
                self.state = State::Over;
                return Some(Next::Close);
            }
            Ok(0) => true,
            Ok(count) => {
                choice.extend_from_slice(scratch.get(..count).unwrap_or_default());
                self.patience.moved();
                if choice.len() <= LONGEST_CHOICE {
                    return Some(Next::Read(self.patience.since() + CHOICE_PAUSE));
                }
                true
            }
            Err(error) if is_timeout(&error) => {
                if choice.is_empty() {
                    return Some(match self.patience.over(&self.session.limits) {
                        Some(error) => self.failed(error),
                        None => Next::Read(self.patience.deadline(&self.session.limits)),
                    });
                }
                if !late && Instant::now() < pause {
                    return Some(Next::Read(pause));
                }
                true
            }
            Err(source) => {
                let error = broken(self.peer, source);
                return Some(self.failed(error));
            }
        };
        if complete {
            if matches!(sniff(choice), Sniff::Is(_)) {
                self.session.warn(format!(
                    "{} sent a picture where a number or a name is expected: pictures are taken by imgnet-server receive",
                    self.peer
                ));
            }
            let mut decoder = ChoiceDecoder::default();
            let mut text = None;
            let mut sink = |event: Event<'_>| {
                if let Event::Framing {
                    what: Framing::Choice(choice),
                    ..
                } = event
                {
                    text = Some(choice);
                }
            };
            decoder.update(choice, &mut sink);
            decoder.flush(&mut sink);
            let text = text.unwrap_or_else(|| String::from_utf8_lossy(choice).into_owned());
            self.state = State::Waiting(text);
        }
        None
    }

    /// Finds the answer.
    fn find(&mut self) -> Option<Next> {
        let State::Waiting(choice) = &self.state else {
            return None;
        };
        let content = if choice.trim() == listing::QUESTION {
            self.catalog
                .list_answer()
                .map(|list| Some(Content::List(list)))
        } else {
            self.catalog
                .answer(choice, self.session)
                .map(|answer| match answer {
                    Answer::Picture(held) => Some(Content::Picture(held)),
                    Answer::Later => None,
                })
        };
        match content {
            Ok(Some(content)) => {
                if let Content::Picture(held) = &content
                    && held.name.is_none()
                {
                    self.session.warn(format!(
                        "{} chose {choice:?}, which there is not: answered with the not-found picture",
                        self.peer
                    ));
                }
                let started = now();
                self.state = State::Answering(Box::new(Sending {
                    content,
                    request: choice.clone(),
                    at: 0,
                    chunks: Vec::new(),
                    started,
                    ended: started,
                }));
                self.patience.moved();
                None
            }
            Ok(None) => Some(match self.patience.over(&self.session.limits) {
                Some(error) => self.failed(error),
                None => Next::Pause(Instant::now() + MEMORY_PAUSE),
            }),
            Err(error) => Some(self.failed(error)),
        }
    }

    fn send(&mut self, mut stream: &TcpStream) -> Option<Next> {
        let State::Answering(sending) = &mut self.state else {
            return None;
        };
        let mut turn = 0_usize;
        loop {
            let rest = sending.bytes().get(sending.at..).unwrap_or_default();
            if rest.is_empty() {
                break;
            }
            if sending.at == 0 {
                make_room(stream, rest.len());
            }
            // All of it at once: many clients call recv() once, and get what is there by then.
            match stream.write(rest.get(..TURN).unwrap_or(rest)) {
                Ok(count) => {
                    sending.at = sending.at.saturating_add(count);
                    sending.ended = now();
                    let chunk = u32::try_from(count).unwrap_or(u32::MAX);
                    // A client that takes a few bytes at a time decides how many there are.
                    let full = sending.chunks.len() >= MOST_CHUNKS;
                    match sending.chunks.last_mut().filter(|_| full) {
                        Some(last) => *last = last.saturating_add(chunk),
                        None => sending.chunks.push(chunk),
                    }
                    self.patience.moved();
                    turn = turn.saturating_add(count);
                    if turn >= TURN {
                        return Some(Next::Yield);
                    }
                }
                Err(error) if is_timeout(&error) => {
                    return Some(match self.patience.over(&self.session.limits) {
                        Some(error) => self.failed(error),
                        None => Next::Write(self.patience.deadline(&self.session.limits)),
                    });
                }
                Err(source) => {
                    let error = broken(self.peer, source);
                    return Some(self.failed(error));
                }
            }
        }
        if let State::Answering(sent) = std::mem::replace(&mut self.state, State::Over) {
            self.state = State::Closing {
                sent,
                since: Instant::now(),
                unacknowledged: u64::MAX,
            };
        }
        match stream.shutdown(Half::Write) {
            // The other side has closed already: whether it got all, reading will tell.
            Ok(()) => None,
            Err(error) if error.kind() == io::ErrorKind::NotConnected => None,
            Err(source) => {
                let error = broken(self.peer, source);
                Some(self.failed(error))
            }
        }
    }

    /// Waits until all is acknowledged, and a moment for the client to close, so that a reset is not missed.
    fn close(&mut self, mut stream: &TcpStream, scratch: &mut [u8]) -> Next {
        let linger = self.session.limits.linger;
        loop {
            let State::Closing {
                since,
                unacknowledged,
                ..
            } = &mut self.state
            else {
                return Next::Close;
            };
            let waiting = queue::unacknowledged(stream).unwrap_or(0);
            if waiting < *unacknowledged {
                *unacknowledged = waiting;
                self.patience.moved();
                if waiting == 0 {
                    *since = Instant::now();
                }
            }
            let until = *since + linger;
            match stream.read(scratch) {
                // What a client says after its choice is of no interest.
                Ok(1..) => {}
                Ok(0) if waiting == 0 => break,
                Ok(0) => {
                    return match self.patience.over(&self.session.limits) {
                        Some(error) => self.failed(error),
                        None => Next::Pause(Instant::now() + Duration::from_millis(5)),
                    };
                }
                Err(error) if is_timeout(&error) => {
                    if waiting == 0 && Instant::now() >= until {
                        break;
                    }
                    if let Some(error) = self.patience.over(&self.session.limits) {
                        return self.failed(error);
                    }
                    let soon = Instant::now() + Duration::from_millis(100);
                    return Next::Read(if waiting == 0 { until } else { soon });
                }
                Err(source) => {
                    let error = broken(self.peer, source);
                    return self.failed(error);
                }
            }
        }
        if let State::Closing { sent, .. } = std::mem::replace(&mut self.state, State::Over) {
            self.tell(&sent, None);
        }
        Next::Close
    }
}

/// Asks the system for room for the whole answer in the send queue. What it does not grant goes out in more sends.
fn make_room(stream: &TcpStream, answer: usize) {
    let socket = SockRef::from(stream);
    // The kernel counts its own overhead too, and doubles what it is asked for (socket(7)).
    let room = socket.send_buffer_size().unwrap_or(0) / 2;
    if room < answer {
        let _ = socket.set_send_buffer_size(answer.min(MOST_QUEUED));
    }
}

impl Dialogue for Asking<'_> {
    fn go_on(&mut self, stream: &TcpStream, woken: Woken, scratch: &mut [u8]) -> Next {
        if woken == Woken::Ending {
            return self.failed(Error::Stopped);
        }
        self.choose(stream, scratch, woken == Woken::Late)
            .or_else(|| self.find())
            .or_else(|| self.send(stream))
            .unwrap_or_else(|| self.close(stream, scratch))
    }

    fn is_busy(&self) -> bool {
        matches!(
            self.state,
            State::Waiting(_) | State::Answering(_) | State::Closing { .. }
        )
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn there_is_room_for_a_whole_answer_in_one_send() {
        let answer = vec![7; 100_000];
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let _receiver = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut sender, _) = listener.accept().unwrap();
        sender.set_nonblocking(true).unwrap();
        // As on a path with short segments, where the queue is short at first.
        SockRef::from(&sender).set_send_buffer_size(8192).unwrap();
        make_room(&sender, answer.len());
        assert_eq!(sender.write(&answer).unwrap(), answer.len());
    }
}
