//! Sockets that nobody waits on for ever: every wait ends when something moves, when nothing moved for the
//! idle limit, or when the program is to end.

use std::io::{self, Read, Write};
use std::net::{Shutdown as Half, SocketAddr, TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use std::os::fd::AsFd;
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::{Domain, Protocol, Socket, Type};

use super::gate::{Admission, Gate};
use super::rows::LOOK;
use super::{Error, Session, queue, taken};

/// Connections that wait to be accepted. With the usual 128, ten thousand clients took a minute to connect.
const BACKLOG: i32 = 4096;

/// How often a waiting socket looks whether the program is to end.
const TICK: Duration = Duration::from_millis(50);

/// What a UDP receiver asks its system to hold; datagrams beyond what it grants are lost silently.
const UDP_BUFFER: usize = 8 << 20;

/// A TCP socket that listens on this address; port 0 lets the system choose.
///
/// # Errors
/// [`Error::Listen`].
pub fn listen(address: SocketAddr) -> Result<TcpListener, Error> {
    let listen = || {
        let socket = Socket::new(
            Domain::for_address(address),
            Type::STREAM,
            Some(Protocol::TCP),
        )?;
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        taken::prepare();
        socket.set_nonblocking(true)?;
        Ok(socket.into())
    };
    listen().map_err(|source| Error::Listen { address, source })
}

/// A UDP socket bound to this address, with a large receive buffer as far as the system grants one.
///
/// # Errors
/// [`Error::Listen`].
pub fn bind_udp(address: SocketAddr) -> Result<UdpSocket, Error> {
    let bind = || {
        let socket = Socket::new(
            Domain::for_address(address),
            Type::DGRAM,
            Some(Protocol::UDP),
        )?;
        // Less than asked for is what the system grants; that is no reason not to receive.
        let _ = socket.set_recv_buffer_size(UDP_BUFFER);
        socket.bind(&address.into())?;
        socket.set_read_timeout(Some(TICK))?;
        Ok(socket.into())
    };
    bind().map_err(|source| Error::Listen { address, source })
}

/// Descriptors beside those of connections: files under way, the ledger, the program's own.
const OTHER_DESCRIPTORS: u64 = 1024 + 512;

/// Asks the system for as many open files as it grants, and returns how many connections fit in.
pub fn room_for_connections(wanted: usize) -> usize {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        limit.current = limit.maximum;
        // What is not granted is not used.
        let _ = setrlimit(Resource::Nofile, limit);
        limit = getrlimit(Resource::Nofile);
    }
    let room = limit.current.map_or(u64::MAX, |most| {
        most.saturating_sub(OTHER_DESCRIPTORS).max(most / 2)
    });
    wanted.min(usize::try_from(room).unwrap_or(usize::MAX))
}

/// The addresses of `peer` (HOST:PORT).
pub(super) fn resolve(peer: &str) -> Result<Vec<SocketAddr>, Error> {
    let address = |source| Error::Address {
        peer: peer.to_owned(),
        source,
    };
    let addresses: Vec<SocketAddr> = peer.to_socket_addrs().map_err(address)?.collect();
    if addresses.is_empty() {
        return Err(address(io::ErrorKind::NotFound.into()));
    }
    Ok(addresses)
}

/// Connects to `peer` (HOST:PORT), trying each of its addresses.
pub(super) fn connect<'s>(peer: &str, session: &'s Session<'_>) -> Result<Connection<'s>, Error> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in resolve(peer)? {
        match TcpStream::connect_timeout(&address, session.limits.idle) {
            Ok(stream) => return Connection::new(stream, session),
            Err(error) => last = error,
        }
    }
    Err(Error::Connect {
        peer: peer.to_owned(),
        source: last,
    })
}

/// The next connection; none when the program is to end.
pub(super) fn accept<'s>(
    listener: &TcpListener,
    session: &'s Session<'_>,
) -> Result<Option<Connection<'s>>, Error> {
    accept_within(listener, Duration::MAX, session)
}

/// The next connection within `wait`; none when the program is to end.
pub(super) fn accept_within<'s>(
    listener: &TcpListener,
    wait: Duration,
    session: &'s Session<'_>,
) -> Result<Option<Connection<'s>>, Error> {
    let since = Instant::now();
    let gate = Gate::new(&session.limits.allow, 0);
    while !session.shutdown.winding_down() {
        if since.elapsed() >= wait {
            let address = address_of(listener);
            return Err(Error::Nobody {
                address,
                limit: wait,
            });
        }
        match listener.accept() {
            Ok((stream, peer)) => {
                if let Admission::Refused(why) = gate.admit(peer.ip(), Instant::now()) {
                    if let Some(why) = why {
                        session.warn(format!("{peer} was turned away: {why}"));
                    }
                    continue;
                }
                // A peer that is gone again by now is no reason to stop serving others.
                if let Ok(connection) = Connection::new(stream, session) {
                    return Ok(Some(connection));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => wait_readable(listener),
            Err(error) if is_passing(&error) => thread::sleep(TICK),
            Err(source) => {
                let address = address_of(listener);
                return Err(Error::Listen { address, source });
            }
        }
    }
    Ok(None)
}

pub(super) fn address_of(listener: &TcpListener) -> SocketAddr {
    listener
        .local_addr()
        .unwrap_or_else(|_| SocketAddr::from(([0, 0, 0, 0], 0)))
}

/// Whether an accept that failed may succeed later: the peer went away, or descriptors ran out.
pub(super) fn is_passing(error: &io::Error) -> bool {
    use rustix::io::Errno;
    const PASSING: [Errno; 6] = [
        Errno::CONNABORTED,
        Errno::INTR,
        Errno::MFILE,
        Errno::NFILE,
        Errno::NOBUFS,
        Errno::PROTO,
    ];
    Errno::from_io_error(error).is_some_and(|errno| PASSING.contains(&errno))
}

fn wait_readable(socket: impl AsFd) {
    let tick = Timespec::try_from(TICK).ok();
    let mut sockets = [PollFd::new(&socket, PollFlags::IN)];
    // Whether something came or the time is over, the caller looks again.
    let _ = poll(&mut sockets, tick.as_ref());
}

/// Whether a socket call merely found nothing to do in time.
pub(super) fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
    )
}

/// One TCP connection.
#[derive(Debug)]
pub(super) struct Connection<'s> {
    stream: TcpStream,
    session: &'s Session<'s>,
    /// This side.
    pub(super) local: SocketAddr,
    /// The other side.
    pub(super) peer: SocketAddr,
}

impl<'s> Connection<'s> {
    fn new(stream: TcpStream, session: &'s Session<'_>) -> Result<Self, Error> {
        let prepare = || {
            let ends = (stream.local_addr()?, stream.peer_addr()?);
            stream.set_nonblocking(false)?;
            // Every chunk is handed over as its own segment, and none waits for an acknowledgement.
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(TICK))?;
            stream.set_write_timeout(Some(TICK))?;
            Ok(ends)
        };
        let (local, peer) = prepare().map_err(|source| Error::Connect {
            peer: "a peer that went away".to_owned(),
            source,
        })?;
        Ok(Self {
            stream,
            session,
            local,
            peer,
        })
    }

    /// The next bytes, as many as are there; 0 when the other side closed. `busy`: a picture is under way, so that
    /// winding down waits for it.
    pub(super) fn read(&mut self, buffer: &mut [u8], busy: bool) -> Result<usize, Error> {
        let since = Instant::now();
        loop {
            // Also where bytes keep coming.
            if self.session.must_end() {
                return Err(Error::Stopped);
            }
            match self.stream.read(buffer) {
                Ok(count) => return Ok(count),
                Err(error) if is_timeout(&error) => self.may_wait(since, busy)?,
                Err(source) => return Err(self.broken(source)),
            }
        }
    }

    /// What comes within `wait`: 0 bytes when the other side closed, nothing when it only keeps quiet.
    pub(super) fn read_within(
        &mut self,
        buffer: &mut [u8],
        wait: Duration,
    ) -> Result<Option<usize>, Error> {
        let since = Instant::now();
        while since.elapsed() < wait {
            match self.stream.read(buffer) {
                Ok(count) => return Ok(Some(count)),
                Err(error) if is_timeout(&error) => self.may_wait(since, true)?,
                Err(source) => return Err(self.broken(source)),
            }
        }
        Ok(None)
    }

    /// Hands over all bytes.
    pub(super) fn write_all(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        let mut since = Instant::now();
        while !bytes.is_empty() {
            match self.stream.write(bytes) {
                Ok(count) => {
                    bytes = bytes.get(count..).unwrap_or_default();
                    since = Instant::now();
                }
                Err(error) if is_timeout(&error) => self.may_wait(since, true)?,
                Err(source) => return Err(self.broken(source)),
            }
        }
        Ok(())
    }

    /// Waits until all that was handed over is acknowledged, where the system tells.
    pub(super) fn drain(&self) -> Result<(), Error> {
        self.drain_every(Duration::from_millis(1))
    }

    /// The same, looking so often.
    pub(super) fn drain_every(&self, look: Duration) -> Result<(), Error> {
        let mut since = Instant::now();
        let mut before = u64::MAX;
        while let Some(waiting @ 1..) = queue::unacknowledged(&self.stream) {
            if waiting < before {
                before = waiting;
                since = Instant::now();
            }
            // After a reset the count stands still for ever: nothing is acknowledged any more.
            if let Ok(Some(error)) = self.stream.take_error() {
                return Err(self.broken(error));
            }
            self.may_wait(since, true)?;
            thread::sleep(look);
        }
        Ok(())
    }

    /// Waits until the program on the other side has taken all that was sent, at most so long; false where nobody tells,
    /// because it runs on another machine.
    pub(super) fn taken(&self, patience: Duration) -> Result<bool, Error> {
        let since = Instant::now();
        while let Some(waiting) = taken::waiting(self.local, self.peer) {
            // What is not acknowledged is not even there.
            let under_way = queue::unacknowledged(&self.stream).unwrap_or(0);
            if (waiting == 0 && under_way == 0) || since.elapsed() >= patience {
                return Ok(true);
            }
            self.may_wait(since, true)?;
            thread::sleep(LOOK);
        }
        Ok(false)
    }

    /// Closes after sending: says that no more comes, waits until all is acknowledged, and as long as `linger` for the
    /// other side to close too, so that a reset is not missed.
    pub(super) fn close(mut self) -> Result<(), Error> {
        self.finish_sending()?;
        let since = Instant::now();
        let mut answer = [0; 4096];
        loop {
            let left = self.session.limits.linger.saturating_sub(since.elapsed());
            match self.read_within(&mut answer, left)? {
                Some(0) | None => return Ok(()),
                Some(_) => {}
            }
        }
    }

    /// Waits for an answer of which the wording is known.
    pub(super) fn expect(&mut self, answer: &'static str) -> Result<(), Error> {
        let mut came = Vec::new();
        let mut buffer = [0; 64];
        loop {
            let count = self.read(&mut buffer, true)?;
            came.extend_from_slice(buffer.get(..count).unwrap_or_default());
            let words = came.trim_ascii();
            if words.starts_with(answer.as_bytes()) {
                return Ok(());
            }
            if count == 0 || !answer.as_bytes().starts_with(words) {
                return Err(Error::Unexpected {
                    peer: self.peer,
                    expected: answer,
                    found: String::from_utf8_lossy(words).into_owned(),
                });
            }
        }
    }

    /// Says that no more comes, and reads what the other side answers until it closes; a few bytes of it are kept.
    pub(super) fn answered(mut self) -> Result<Vec<u8>, Error> {
        self.finish_sending()?;
        let mut answer = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            match self.read(&mut buffer, true)? {
                0 => return Ok(answer),
                count => {
                    let room = 200_usize.saturating_sub(answer.len()).min(count);
                    answer.extend_from_slice(buffer.get(..room).unwrap_or_default());
                }
            }
        }
    }

    /// Says that no more comes, and waits until all is acknowledged.
    pub(super) fn finish_sending(&self) -> Result<(), Error> {
        match self.stream.shutdown(Half::Write) {
            // The other side has closed already: whether it got all, reading will tell.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            Err(source) => Err(self.broken(source)),
            Ok(()) => self.drain(),
        }
    }

    fn may_wait(&self, since: Instant, busy: bool) -> Result<(), Error> {
        let session = self.session;
        if session.must_end() || (!busy && session.shutdown.winding_down()) {
            return Err(Error::Stopped);
        }
        let limit = self.session.limits.idle;
        if since.elapsed() >= limit {
            return Err(Error::Idle {
                peer: self.peer,
                limit,
            });
        }
        Ok(())
    }

    fn broken(&self, source: io::Error) -> Error {
        broken(self.peer, source)
    }
}

/// What a failed call says about the connection.
pub(super) fn broken(peer: SocketAddr, source: io::Error) -> Error {
    match source.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Error::Reset { peer },
        _ => Error::Connection { peer, source },
    }
}
