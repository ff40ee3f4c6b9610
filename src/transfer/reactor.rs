//! Serves many connections with few threads: whoever waits for a peer holds no thread, only what it has to remember.
//!
//! One thread accepts and waits for all sockets at once ([`super::readiness`]); those that can go on are handed to a fixed number of
//! workers. A worker may hash, write and sync files; ten thousand slow peers cost it nothing.
//!
//! Invariant: a connection is in exactly one place: parked (with its socket armed for one event), in the queue, or with a
//! worker. It is parked before its socket is armed, under the same lock, so that no event meets an empty place.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::gate::{Admission, Gate, Present};
use super::readiness::{Events, For, Readiness};
use super::socket::is_passing;
use super::{Error, Session};

/// The listener's number; connections have others.
const LISTENER: u64 = 0;

/// How often is looked whether the program is to end, and how exact deadlines are.
const TICK: Duration = Duration::from_millis(20);

/// Threads that serve those who can go on. More than cores, because syncing a file waits for the disk.
const WORKERS: usize = 16;

/// Bytes that a worker reads at once.
pub(super) const SCRATCH: usize = 256 << 10;

/// A worker that has nothing else to do waits so long for a peer before it parks it: a fast one goes on at once.
const PATIENCE: Duration = Duration::from_millis(5);

/// Connections accepted before others are looked at again.
const ACCEPTED_AT_ONCE: usize = 256;

/// How a dialogue goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// When something came, or at that time.
    Read(Instant),
    /// When something can be sent, or at that time.
    Write(Instant),
    /// At that time.
    Pause(Instant),
    /// At once, after others had their turn.
    Yield,
    /// It is over; the connection is closed.
    Close,
}

/// Why a dialogue goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Woken {
    /// What it waited for came, perhaps.
    Ready,
    /// The time that it gave has come.
    Late,
    /// The program is to end: the last time that it is called.
    Ending,
}

/// One side of a conversation over one connection. It never waits: it says what for.
pub(super) trait Dialogue: Send {
    /// Does what can be done now.
    fn go_on(&mut self, stream: &TcpStream, woken: Woken, scratch: &mut [u8]) -> Next;
    /// A picture is under way, so that the program waits for it when it is to end.
    fn is_busy(&self) -> bool;
    /// It is going to be parked: what is worth having only while bytes come is given back.
    fn rest(&mut self) {}
}

struct Talk<D> {
    stream: TcpStream,
    peer: IpAddr,
    dialogue: D,
    number: u64,
    armed: bool,
    next: Next,
}

struct Parked<D> {
    talks: HashMap<u64, Talk<D>>,
    deadlines: BTreeSet<(Instant, u64)>,
}

struct Queue<D> {
    talks: VecDeque<(Talk<D>, Woken)>,
    free: usize,
    over: bool,
}

struct Reactor<'s, D> {
    session: &'s Session<'s>,
    readiness: Readiness,
    parked: Mutex<Parked<D>>,
    queue: Mutex<Queue<D>>,
    filled: Condvar,
    active: AtomicUsize,
    present: Present,
}

/// Serves all who come to `listener` until the program is to end. `begin` makes the dialogue for one who came (its own
/// and the peer's address).
pub(super) fn serve<'s, D: Dialogue>(
    listener: &TcpListener,
    session: &'s Session<'s>,
    begin: impl Fn(SocketAddr, SocketAddr) -> D,
) -> Result<(), Error> {
    let address = super::socket::address_of(listener);
    let failed = |source| Error::Listen { address, source };
    let readiness = Readiness::new().map_err(failed)?;
    readiness.listen(listener, LISTENER).map_err(failed)?;
    let reactor = Reactor {
        session,
        readiness,
        parked: Mutex::new(Parked {
            talks: HashMap::new(),
            deadlines: BTreeSet::new(),
        }),
        queue: Mutex::new(Queue {
            talks: VecDeque::new(),
            free: 0,
            over: false,
        }),
        filled: Condvar::new(),
        active: AtomicUsize::new(0),
        present: Present::default(),
    };
    thread::scope(|scope| {
        let mut workers = 0_usize;
        for _ in 0..WORKERS {
            let started = thread::Builder::new()
                .name("transfer".to_owned())
                .spawn_scoped(scope, || reactor.work());
            workers = workers.saturating_add(usize::from(started.is_ok()));
        }
        let outcome = if workers == 0 {
            Err(Error::Listen {
                address,
                source: io::ErrorKind::OutOfMemory.into(),
            })
        } else {
            reactor.wait(listener, address, &begin)
        };
        locked(&reactor.queue).over = true;
        reactor.filled.notify_all();
        outcome
    })
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<D: Dialogue> Reactor<'_, D> {
    /// Accepts, and wakes those who can go on.
    fn wait(
        &self,
        listener: &TcpListener,
        address: SocketAddr,
        begin: &impl Fn(SocketAddr, SocketAddr) -> D,
    ) -> Result<(), Error> {
        let limits = &self.session.limits;
        let gate = Gate::new(&limits.allow, limits.rate);
        let mut events = Events::with_room(1024);
        let mut number = LISTENER;
        let mut listening = true;
        let mut full_told = false;
        let mut ending = false;
        loop {
            if self.session.shutdown.winding_down() {
                if listening {
                    listening = false;
                    // Those who come now stay in the backlog, and are refused when it closes.
                    self.readiness.forget(listener);
                }
                if !std::mem::replace(&mut ending, true) {
                    self.tell_ending();
                }
                if self.active.load(Ordering::Acquire) == 0 {
                    return Ok(());
                }
                self.end(self.session.must_end());
            } else {
                let room = self.active.load(Ordering::Acquire) < limits.connections;
                if room != listening && self.readiness.listen_on(listener, LISTENER, room).is_ok() {
                    listening = room;
                }
                if !room && !full_told {
                    full_told = true;
                    self.session.warn(format!(
                        "{} connections at once are the limit; more wait until one of them ends: --connections raises it",
                        limits.connections
                    ));
                }
            }
            let mut ready = Vec::new();
            for which in self.readiness.wait(&mut events, self.until_next()) {
                match which {
                    LISTENER => self.accept(listener, address, &gate, &mut number, begin)?,
                    other => ready.push(other),
                }
            }
            self.wake(&ready, Woken::Ready);
            self.wake_late();
        }
    }

    fn until_next(&self) -> Duration {
        let parked = locked(&self.parked);
        parked.deadlines.first().map_or(TICK, |(deadline, _)| {
            deadline.saturating_duration_since(Instant::now()).min(TICK)
        })
    }

    fn accept(
        &self,
        listener: &TcpListener,
        address: SocketAddr,
        gate: &Gate,
        number: &mut u64,
        begin: &impl Fn(SocketAddr, SocketAddr) -> D,
    ) -> Result<(), Error> {
        for _ in 0..ACCEPTED_AT_ONCE {
            if self.active.load(Ordering::Acquire) >= self.session.limits.connections
                || self.session.shutdown.winding_down()
            {
                return Ok(());
            }
            let (stream, peer) = match listener.accept() {
                Ok(accepted) => accepted,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if is_passing(&error) => {
                    // Descriptors may have run out: those who are served have to give some back first.
                    if error.kind() != io::ErrorKind::ConnectionAborted {
                        thread::sleep(Duration::from_millis(1));
                    }
                    return Ok(());
                }
                Err(source) => return Err(Error::Listen { address, source }),
            };
            match gate.admit(peer.ip(), Instant::now()) {
                Admission::Welcome => {}
                Admission::Refused(why) => {
                    if let Some(why) = why {
                        self.session.warn(format!("{peer} was turned away: {why}"));
                    }
                    continue;
                }
            }
            let prepared = stream
                .set_nonblocking(true)
                .and_then(|()| stream.set_nodelay(true))
                .and_then(|()| stream.local_addr());
            // A peer that is gone again by now is no reason to stop serving others.
            let Ok(local) = prepared else { continue };
            let most = self.session.limits.connections_each;
            if !self.present.enter(peer.ip(), most) {
                if gate.tells(peer.ip(), Instant::now()) {
                    self.session.warn(format!(
                        "{peer} was turned away: {most} connections at once are the limit of one address: \
                         --connections-each raises it"
                    ));
                }
                continue;
            }
            *number = number.saturating_add(1);
            self.active.fetch_add(1, Ordering::AcqRel);
            let dialogue = begin(local, peer);
            self.park(Talk {
                stream,
                peer: peer.ip(),
                dialogue,
                number: *number,
                armed: false,
                next: Next::Read(Instant::now() + self.session.limits.idle),
            });
        }
        Ok(())
    }

    fn park(&self, mut talk: Talk<D>) {
        let (what, deadline) = match talk.next {
            Next::Read(deadline) => (For::Reading, deadline),
            Next::Write(deadline) => (For::Writing, deadline),
            Next::Pause(deadline) => (For::Nothing, deadline),
            Next::Yield => return self.queue(talk, Woken::Ready),
            Next::Close => return self.close(talk),
        };
        let number = talk.number;
        let mut parked = locked(&self.parked);
        let armed = self.readiness.once(&talk.stream, number, what, talk.armed);
        // A socket that cannot be waited for is looked at when its time has come.
        talk.armed |= armed.is_ok();
        parked.talks.insert(number, talk);
        parked.deadlines.insert((deadline, number));
    }

    fn wake(&self, numbers: &[u64], woken: Woken) {
        if numbers.is_empty() {
            return;
        }
        let mut parked = locked(&self.parked);
        let mut queue = locked(&self.queue);
        for number in numbers {
            if let Some(talk) = parked.talks.remove(number) {
                if let Next::Read(at) | Next::Write(at) | Next::Pause(at) = talk.next {
                    parked.deadlines.remove(&(at, *number));
                }
                queue.talks.push_back((talk, woken));
                self.filled.notify_one();
            }
        }
    }

    fn wake_late(&self) {
        let now = Instant::now();
        let late: Vec<u64> = locked(&self.parked)
            .deadlines
            .iter()
            .take_while(|(deadline, _)| *deadline <= now)
            .map(|(_, number)| *number)
            .collect();
        self.wake(&late, Woken::Late);
    }

    fn tell_ending(&self) {
        if !self.session.shutdown.stopping() {
            return;
        }
        let parked = locked(&self.parked);
        let busy = parked
            .talks
            .values()
            .filter(|talk| talk.dialogue.is_busy())
            .count();
        drop(parked);
        if busy > 0 {
            self.session.note(format!(
                "ending: {busy} under way may take {} s more; a second signal ends at once",
                self.session.limits.grace.as_secs_f64()
            ));
        }
    }

    /// Ends all dialogues, or those that have no picture under way.
    fn end(&self, all: bool) {
        let over: Vec<u64> = locked(&self.parked)
            .talks
            .iter()
            .filter(|(_, talk)| all || !talk.dialogue.is_busy())
            .map(|(number, _)| *number)
            .collect();
        self.wake(&over, Woken::Ending);
    }

    fn queue(&self, talk: Talk<D>, woken: Woken) {
        locked(&self.queue).talks.push_back((talk, woken));
        self.filled.notify_one();
    }

    fn close(&self, talk: Talk<D>) {
        let peer = talk.peer;
        drop(talk);
        self.present.leave(peer);
        self.active.fetch_sub(1, Ordering::AcqRel);
    }

    /// A worker: takes who can go on, until all is over.
    fn work(&self) {
        let mut scratch = vec![0; SCRATCH];
        while let Some((talk, woken)) = self.next() {
            let peer = talk.stream.peer_addr();
            let mut talk = Some(talk);
            let gone_on = catch_unwind(AssertUnwindSafe(|| {
                if let Some(talk) = &mut talk {
                    self.go_on(talk, woken, &mut scratch);
                }
            }));
            let Some(mut talk) = talk else { continue };
            if gone_on.is_err() || woken == Woken::Ending {
                talk.next = Next::Close;
            }
            if gone_on.is_err() {
                let peer = peer.map_or_else(|_| "a peer".to_owned(), |peer| peer.to_string());
                self.session
                    .warn(format!("{peer}: a fault of imgnet ended this connection"));
            }
            if matches!(talk.next, Next::Read(_) | Next::Write(_) | Next::Pause(_)) {
                talk.dialogue.rest();
            }
            self.park(talk);
        }
    }

    fn go_on(&self, talk: &mut Talk<D>, mut woken: Woken, scratch: &mut [u8]) {
        loop {
            talk.next = talk.dialogue.go_on(&talk.stream, woken, scratch);
            let (flags, deadline) = match talk.next {
                Next::Read(deadline) => (PollFlags::IN, deadline),
                Next::Write(deadline) => (PollFlags::OUT, deadline),
                Next::Pause(_) | Next::Yield | Next::Close => return,
            };
            if woken == Woken::Ending || self.session.shutdown.winding_down() {
                return;
            }
            // Only while others are free to serve the rest.
            {
                let queue = locked(&self.queue);
                if !queue.talks.is_empty() || queue.free < WORKERS / 4 {
                    return;
                }
            }
            let wait = PATIENCE.min(deadline.saturating_duration_since(Instant::now()));
            let mut sockets = [PollFd::new(&talk.stream, flags)];
            match poll(&mut sockets, Timespec::try_from(wait).ok().as_ref()) {
                Ok(1..) => woken = Woken::Ready,
                _ => return,
            }
        }
    }

    fn next(&self) -> Option<(Talk<D>, Woken)> {
        let mut queue = locked(&self.queue);
        queue.free = queue.free.saturating_add(1);
        loop {
            if let Some(next) = queue.talks.pop_front() {
                queue.free = queue.free.saturating_sub(1);
                return Some(next);
            }
            if queue.over {
                return None;
            }
            queue = self
                .filled
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}
