//! `imgnet-server stream`: rows of pixels (P4) or datagrams (P5), to a receiver that listens, or to those who come.

use crate::wire::Fixed;
use std::fs;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::tell_listening;
use crate::transfer::client::send::{Loaded, loaded};
use crate::transfer::outgoing::{self, Outgoing};
use crate::transfer::socket::{self, Connection, is_timeout};
use crate::transfer::{Error, Event, Session, framed};
use crate::wire::Protocol;

/// How often a stream that waits for its time looks whether it is to end.
const TICK: Duration = Duration::from_millis(50);

/// What to stream.
#[derive(Debug, Clone)]
pub(crate) struct Stream {
    /// `raw-pixels` (one connection a picture), `udp`, or another format that sends one way.
    pub protocol: Protocol,
    /// The pictures, in order; then the program ends.
    pub files: Vec<PathBuf>,
    /// Bytes handed over at once; absent: a row of pixels, or the format's habit.
    pub chunk: Option<usize>,
    /// Pause after each.
    pub pace: Duration,
}

/// When pictures follow each other, and how often.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Frames {
    /// From the start of one picture to the start of the next, where sending it takes no longer; absent: at once.
    pub every: Option<Duration>,
    /// After the last picture comes the first again, until the program is to end.
    pub repeat: bool,
}

impl Frames {
    /// Sends each file when its time has come.
    fn each(
        self,
        stream: &Stream,
        session: &Session<'_>,
        mut send: impl FnMut(&Path) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut due = Instant::now();
        loop {
            for file in &stream.files {
                if let Some(every) = self.every {
                    // One that is late does not make the next ones hurry.
                    due = due.max(Instant::now());
                    while Instant::now() < due {
                        if session.shutdown.winding_down() {
                            return Ok(());
                        }
                        let left = due.saturating_duration_since(Instant::now());
                        thread::sleep(left.min(TICK));
                    }
                    due += every;
                }
                if session.shutdown.winding_down() {
                    return Ok(());
                }
                send(file)?;
            }
            if !self.repeat || stream.files.is_empty() {
                return Ok(());
            }
        }
    }
}

/// Connects to a receiver that listens (HOST:PORT), once for every picture.
///
/// # Errors
/// When a file cannot be read, or nobody answers.
pub(crate) fn connect(
    peer: &str,
    stream: &Stream,
    frames: Frames,
    session: &Session<'_>,
) -> Result<(), Error> {
    frames.each(stream, session, |file| {
        let picture = Prepared::new(stream, file, session)?;
        picture.send(socket::connect(peer, session)?, stream, session)
    })
}

/// Sends the next picture to each that connects, until all were sent.
///
/// # Errors
/// When a file cannot be read, or nothing more can be accepted.
pub(crate) fn listen(
    listener: &TcpListener,
    stream: &Stream,
    frames: Frames,
    session: &Session<'_>,
) -> Result<(), Error> {
    readable(stream)?;
    tell_listening(listener, session);
    frames.each(stream, session, |file| {
        let picture = Prepared::new(stream, file, session)?;
        let Some(connection) = socket::accept(listener, session)? else {
            return Err(Error::Stopped);
        };
        picture.send(connection, stream, session)
    })
}

/// Sends datagrams to a receiver that is bound there (HOST:PORT).
///
/// # Errors
/// When a file cannot be read, or the address is none.
pub(crate) fn connect_udp(
    peer: &str,
    stream: &Stream,
    frames: Frames,
    session: &Session<'_>,
) -> Result<(), Error> {
    let address = socket::resolve(peer)?
        .into_iter()
        .next()
        .ok_or(Error::Stopped)?;
    let any = match address {
        SocketAddr::V4(_) => SocketAddr::from(([0, 0, 0, 0], 0)),
        SocketAddr::V6(_) => SocketAddr::from(([0_u16; 8], 0)),
    };
    let socket = socket::bind_udp(any)?;
    send_datagrams(&socket, address, stream, frames, session)
}

/// Waits for a datagram, whatever is in it, and sends all pictures to where it came from.
///
/// # Errors
/// When a file cannot be read, or the socket fails.
pub(crate) fn listen_udp(
    socket: &UdpSocket,
    stream: &Stream,
    frames: Frames,
    session: &Session<'_>,
) -> Result<(), Error> {
    readable(stream)?;
    if let Ok(address) = socket.local_addr() {
        (session.observer)(Event::Listening(address));
    }
    let mut buffer = [0; 2048];
    while !session.shutdown.winding_down() {
        match socket.recv_from(&mut buffer) {
            Ok((_, peer)) => return send_datagrams(socket, peer, stream, frames, session),
            Err(error) if is_timeout(&error) => {}
            Err(source) => {
                return Err(Error::Connection {
                    peer: SocketAddr::from(([0, 0, 0, 0], 0)),
                    source,
                });
            }
        }
    }
    Err(Error::Stopped)
}

/// A file that cannot be read is told before anybody is waited for.
fn readable(stream: &Stream) -> Result<(), Error> {
    for path in &stream.files {
        fs::metadata(path).map_err(|source| Error::Read {
            path: path.clone(),
            source,
        })?;
    }
    Ok(())
}

fn send_datagrams(
    socket: &UdpSocket,
    peer: SocketAddr,
    stream: &Stream,
    frames: Frames,
    session: &Session<'_>,
) -> Result<(), Error> {
    socket
        .connect(peer)
        .map_err(|source| Error::Connection { peer, source })?;
    frames.each(stream, session, |file| {
        let picture = Prepared::new(stream, file, session)?;
        let outgoing = picture.outgoing(stream);
        let record = match picture.protocol {
            Protocol::Fixed(Fixed::Framed) => framed::send(socket, peer, session, &outgoing)?,
            _ => outgoing::send_udp(socket, peer, session, &outgoing)?,
        };
        session.transferred(record);
        Ok(())
    })
}

/// A picture as it is sent.
struct Prepared {
    protocol: Protocol,
    loaded: Loaded,
    chunk: usize,
    file: String,
}

impl Prepared {
    fn new(stream: &Stream, file: &Path, session: &Session<'_>) -> Result<Self, Error> {
        let (protocol, loaded) = loaded(&stream.protocol, file, session)?;
        let habit = protocol
            .default_chunk()
            .and_then(|bytes| usize::try_from(bytes).ok());
        Ok(Self {
            chunk: stream.chunk.or(habit).unwrap_or(match protocol {
                Protocol::Fixed(Fixed::Framed) => framed::PIECE,
                _ => 1024,
            }),
            protocol,
            loaded,
            file: file.display().to_string(),
        })
    }

    fn outgoing(&self, stream: &Stream) -> Outgoing<'_> {
        Outgoing {
            bytes: self.loaded.bytes(),
            on_disk: self.loaded.on_disk(),
            protocol: &self.protocol,
            chunk: self.chunk,
            pace: (!stream.pace.is_zero()).then_some(stream.pace),
            file: Some(self.file.clone()),
            request: None,
            number: 0,
        }
    }

    fn send(
        &self,
        mut connection: Connection<'_>,
        stream: &Stream,
        session: &Session<'_>,
    ) -> Result<(), Error> {
        let record = outgoing::send(&mut connection, session, &self.outgoing(stream))?;
        outgoing::close(connection, session, vec![record]);
        Ok(())
    }
}
