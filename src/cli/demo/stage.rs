//! The stage of a demo: pictures made up, sockets that listen, and the scenarios that move the pictures.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;

use super::folder::Folder;
use crate::imaging::{Filter, synth};
use crate::picture::Format;
use crate::transfer::client::{get, receive as receiver, send, work};
use crate::transfer::server::{catalog, pipeline, receive, stream};
use crate::transfer::{Error, Session, Store, bind_udp, listen};
use crate::wire::Protocol;
use crate::wire::detect::{CATALOG_PORT, EOF_PORT, PIPELINE_PORT, RAW_PIXELS_PORT, UDP_PORTS};

/// Width of the picture that goes as raw pixels, which nothing on the wire tells.
const RAW_WIDTH: u32 = 200;
/// Bytes of a datagram.
const DATAGRAM: usize = 1024;
/// Pause after each row of pixels or datagram.
const PACE: Duration = Duration::from_millis(1);
/// A made-up picture: its file under `sent/`, its width and height in pixels, its format.
type Made = (&'static str, u32, u32, Format);

const UPLOAD: Made = ("upload.jpg", 640, 480, Format::Jpeg);
const EOF: [Made; 3] = [
    ("screen.png", 320, 200, Format::Png),
    ("web.webp", 400, 300, Format::WebP),
    ("tiny.gif", 96, 64, Format::Gif),
];
/// Also over `eof`: a JPEG with another one in it.
const PHOTO: &str = "photo-with-thumbnail.jpg";
const CHOICES: [Made; 2] = [
    ("catalog/1.jpg", 500, 375, Format::Jpeg),
    ("catalog/2.jpg", 1280, 960, Format::Jpeg),
];
const ROWS: Made = ("rows.png", RAW_WIDTH, 150, Format::Png);
const DATAGRAMS: Made = ("datagrams.jpg", 480, 360, Format::Jpeg);

/// Everything that is there before the first byte moves.
#[derive(Debug)]
pub(super) struct Stage {
    sent: PathBuf,
    received: PathBuf,
    pipeline: TcpListener,
    eof: TcpListener,
    catalog: TcpListener,
    raw_pixels: TcpListener,
    udp: UdpSocket,
}

/// One program and its peers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scenario {
    /// Its wire format.
    pub(super) name: &'static str,
    /// Moves its pictures; returns when all is over.
    pub(super) play: fn(&Stage, &Session<'_>) -> Result<(), Error>,
}

impl Stage {
    /// Makes the pictures and opens the sockets: on the programs' own ports in a private network; elsewhere on
    /// others where those are taken.
    ///
    /// # Errors
    /// A picture that cannot be written, a socket that cannot be opened.
    pub(super) fn build(folder: &Folder, private: bool) -> anyhow::Result<Self> {
        let sent = folder.sent();
        let made = [UPLOAD, ROWS, DATAGRAMS]
            .into_iter()
            .chain(EOF)
            .chain(CHOICES);
        for (seed, (name, width, height, format)) in (1..).zip(made) {
            let picture = synth::picture(seed, width, height, format)
                .with_context(|| format!("{name} cannot be made up"))?;
            save(&sent, name, &picture)?;
        }
        let photo = synth::jpeg_with_thumbnail(100, 800, 600)
            .with_context(|| format!("{PHOTO} cannot be made up"))?;
        save(&sent, PHOTO, &photo)?;
        let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let tcp = |port| {
            listen(at(port)).or_else(|error| if private { Err(error) } else { listen(at(0)) })
        };
        let udp_port = UDP_PORTS.last().copied().unwrap_or_default();
        Ok(Self {
            sent,
            received: folder.received(),
            pipeline: tcp(PIPELINE_PORT)?,
            eof: tcp(EOF_PORT)?,
            catalog: tcp(CATALOG_PORT)?,
            raw_pixels: tcp(RAW_PIXELS_PORT)?,
            udp: bind_udp(at(udp_port))
                .or_else(|error| if private { Err(error) } else { bind_udp(at(0)) })?,
        })
    }

    /// The scenarios, in order.
    pub(super) fn scenarios() -> [Scenario; 5] {
        [
            Scenario {
                name: "marker",
                play: Self::pipeline,
            },
            Scenario {
                name: "eof",
                play: Self::eof,
            },
            Scenario {
                name: "catalog",
                play: Self::catalog,
            },
            Scenario {
                name: "raw-pixels",
                play: Self::raw_pixels,
            },
            Scenario {
                name: "udp",
                play: Self::udp,
            },
        ]
    }

    /// The ports of all sockets.
    pub(super) fn ports(&self) -> Vec<u16> {
        self.protocols().into_iter().map(|(port, _)| port).collect()
    }

    /// The wire format on each port.
    pub(super) fn protocols(&self) -> Vec<(u16, Protocol)> {
        let tcp = |listener: &TcpListener| listener.local_addr().map(|address| address.port()).ok();
        let width = Some(RAW_WIDTH);
        [
            (tcp(&self.pipeline), Protocol::pipeline()),
            (tcp(&self.eof), Protocol::Eof),
            (tcp(&self.catalog), Protocol::Catalog),
            (tcp(&self.raw_pixels), Protocol::RawPixels { width }),
            (
                self.udp.local_addr().map(|address| address.port()).ok(),
                Protocol::Udp,
            ),
        ]
        .into_iter()
        .filter_map(|(port, protocol)| Some((port?, protocol)))
        .collect()
    }

    fn file(&self, made: Made) -> PathBuf {
        self.sent.join(made.0)
    }

    /// P1: an upload, two workers, a merged picture.
    fn pipeline(&self, session: &Session<'_>) -> Result<(), Error> {
        let peer = peer(self.pipeline.local_addr());
        let server = pipeline::Pipeline {
            store: Store::open(&self.received.join("pipeline"))?,
            workers: 2,
            rounds: Some(1),
            protocol: Protocol::pipeline(),
        };
        let upload = send::Send {
            one_connection: false,
            back: None,
            peer: peer.clone(),
            files: vec![self.file(UPLOAD)],
            protocol: Protocol::pipeline(),
            chunk: None,
            pace: None,
        };
        let worker = |filter| work::Work {
            peer: peer.clone(),
            filter,
            rounds: 1,
            protocol: Protocol::pipeline(),
        };
        let (one, other) = (worker(Filter::FindEdges), worker(Filter::Emboss));
        let serve = || pipeline::run(&self.pipeline, &server, session);
        together(session, serve, || {
            // The upload first of all, for the order of accept gives the role.
            send::run(&upload, session)?;
            together(
                session,
                || work::run(&one, session),
                || work::run(&other, session),
            )
        })
    }

    /// P2: files, each over a connection that ends it.
    fn eof(&self, session: &Session<'_>) -> Result<(), Error> {
        let mut files: Vec<PathBuf> = EOF.into_iter().map(|made| self.file(made)).collect();
        files.push(self.sent.join(PHOTO));
        let server = receive::Receive {
            protocol: Protocol::Eof,
            store: Store::open(&self.received.join("eof"))?,
            count: Some(files.len() as u64),
        };
        let client = send::Send {
            one_connection: false,
            back: None,
            peer: peer(self.eof.local_addr()),
            files,
            protocol: Protocol::Eof,
            chunk: None,
            pace: None,
        };
        let serve = || receive::run(&self.eof, &server, session);
        together(session, serve, || send::run(&client, session))
    }

    /// P3: a choice each, and the picture that answers it.
    fn catalog(&self, session: &Session<'_>) -> Result<(), Error> {
        let pictures = catalog::Catalog::of_folder(&self.sent.join("catalog"))?;
        let peer = peer(self.catalog.local_addr());
        let choices = 1..=CHOICES.len();
        let count = Some(CHOICES.len() as u64);
        let serve = || catalog::run(&self.catalog, &pictures, count, session);
        together(session, serve, || {
            for choice in choices {
                let file = self.received.join(format!("catalog-{choice}.jpg"));
                get::run(&peer, &choice.to_string(), &file, session)?;
            }
            Ok(())
        })
    }

    /// P4: rows of pixels, and nothing that says how wide they are.
    fn raw_pixels(&self, session: &Session<'_>) -> Result<(), Error> {
        let protocol = Protocol::RawPixels {
            width: Some(RAW_WIDTH),
        };
        let file = self.received.join("rows.png");
        let sender = stream::Stream {
            protocol: protocol.clone(),
            files: vec![self.file(ROWS)],
            chunk: None,
            pace: PACE,
        };
        let receive = || receiver::listen(&self.raw_pixels, &protocol, &file, session);
        together(session, receive, || {
            stream::connect(
                &peer(self.raw_pixels.local_addr()),
                &sender,
                stream::Frames::default(),
                session,
            )
        })
    }

    /// P5: datagrams without numbers, and an empty one at the end.
    fn udp(&self, session: &Session<'_>) -> Result<(), Error> {
        let file = self.received.join("datagrams.jpg");
        let sender = send::Send {
            one_connection: false,
            back: None,
            peer: peer(self.udp.local_addr()),
            files: vec![self.file(DATAGRAMS)],
            protocol: Protocol::Udp,
            chunk: Some(DATAGRAM),
            pace: Some(PACE),
        };
        let receive = || receiver::listen_udp(&self.udp, &Protocol::Udp, &file, session);
        together(session, receive, || send::run(&sender, session))
    }
}

/// Runs a server on a thread and its clients on this one. Where one side fails, the other is ended: it would
/// wait for it.
fn together(
    session: &Session<'_>,
    server: impl FnOnce() -> Result<(), Error> + Send,
    clients: impl FnOnce() -> Result<(), Error>,
) -> Result<(), Error> {
    let end_if = |result: Result<(), Error>| {
        if result.is_err() {
            session.shutdown.request();
        }
        result
    };
    thread::scope(|scope| {
        let serving = scope.spawn(|| end_if(server()));
        let client = end_if(clients());
        // A thread that panicked has told so itself.
        let server = serving.join().unwrap_or(Err(Error::Stopped));
        match (client, server) {
            // Who was ended has less to say than who failed.
            (Err(Error::Stopped) | Ok(()), Err(error)) | (Err(error), _) => Err(error),
            (Ok(()), Ok(())) => Ok(()),
        }
    })
}

fn save(folder: &Path, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
    let path = folder.join(name);
    fs::write(&path, bytes).with_context(|| format!("{}: cannot be written", path.display()))
}

/// HOST:PORT of a socket that listens.
fn peer(address: std::io::Result<SocketAddr>) -> String {
    // A socket that is bound has an address; were it not so, connecting to port 0 fails and says so.
    address
        .unwrap_or_else(|_| SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
        .to_string()
}
