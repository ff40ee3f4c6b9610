//! Captures made up in memory: "the client sends 1000 bytes, the server acknowledges, 3 s of silence, …", and real ones
//! changed: a frame dropped, a byte flipped, an end cut off.

#![allow(
    dead_code,
    reason = "every test file is a crate of its own and uses a part of this"
)]
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a helper of a test may fail as the test may"
)]

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use imgnet::analysis::{Analysis, Event, Observer, Options};
use imgnet::findings::Finding;
use imgnet::frame::{Frame, LinkType};
use imgnet::ledger::{Image, Stream};
use imgnet::source::Capture;
use imgnet::units::{FrameNumber, Timestamp};

/// One captured frame.
#[derive(Debug, Clone)]
pub(crate) struct Captured {
    pub(crate) time: i64,
    pub(crate) data: Vec<u8>,
    pub(crate) wire_len: u32,
    pub(crate) interface: u32,
    pub(crate) link: LinkType,
}

/// What an analysis told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) findings: Vec<Finding>,
    pub(crate) streams: Vec<Stream>,
    pub(crate) images: Vec<Image>,
}

impl Observer for Told {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Finding(finding) => self.findings.push(finding.clone()),
            Event::StreamClosed { stream, images } => {
                self.streams.push(stream.clone());
                self.images.extend_from_slice(images);
            }
            _ => {}
        }
    }
}

/// Analyses frames, numbered from 1.
pub(crate) fn told(frames: &[Captured], options: Options) -> Told {
    let mut told = Told::default();
    let mut analysis = Analysis::new(options);
    for (number, frame) in (1..).zip(frames) {
        let frame = Frame {
            number: FrameNumber(number),
            time: Some(Timestamp(frame.time)),
            link: frame.link,
            interface: frame.interface,
            wire_len: frame.wire_len,
            data: &frame.data,
            after_end: false,
        };
        analysis.frame(&frame, &mut told);
    }
    analysis.finish(&mut told);
    told
}

/// The findings on frames, with default options.
pub(crate) fn findings(frames: &[Captured]) -> Vec<Finding> {
    told(frames, Options::default()).findings
}

/// The frames of a real capture.
pub(crate) fn real(name: &str) -> Vec<Captured> {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("captures")
        .join(format!("{name}.pcap"));
    let mut frames = Vec::new();
    Capture::open(&[path])
        .expect("a capture")
        .for_each_frame(&mut |frame| {
            frames.push(Captured {
                time: frame.time.map_or(0, |time| time.0),
                data: frame.data.to_vec(),
                wire_len: frame.wire_len,
                interface: frame.interface,
                link: frame.link,
            });
            ControlFlow::Continue(())
        })
        .expect("frames");
    frames
}

/// A side of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// Who connects: 10.0.0.1.
    Client,
    /// Who listens: 10.0.0.2.
    Server,
}
pub(crate) use Side::{Client, Server};

const SYN: u8 = 2;
const FIN: u8 = 1;
const RST: u8 = 4;
const PSH: u8 = 8;
const ACK: u8 = 16;
const URG: u8 = 32;

/// A connection on its way.
#[derive(Debug, Clone)]
pub(crate) struct Tcp {
    ports: [u16; 2],
    /// Next sequence number of each side.
    pub(crate) next: [u32; 2],
    /// What each side acknowledged last.
    pub(crate) acked: [u32; 2],
    pub(crate) window: [u16; 2],
}

/// A capture that is being made up.
#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    pub(crate) frames: Vec<Captured>,
    now: i64,
    ids: [u16; 2],
    /// Both sides are 127.0.0.1.
    loopback: bool,
}

impl Scenario {
    pub(crate) fn new() -> Self {
        Self {
            frames: Vec::new(),
            now: 1_795_000_000_000_000_000,
            ids: [100, 5000],
            loopback: false,
        }
    }

    /// Captured on the machine on which both programs run.
    pub(crate) fn on_loopback() -> Self {
        Self {
            loopback: true,
            ..Self::new()
        }
    }

    fn addresses(&self, side: Side) -> ([u8; 4], [u8; 4]) {
        if self.loopback {
            ([127, 0, 0, 1], [127, 0, 0, 1])
        } else {
            addresses(side)
        }
    }

    /// Time goes by.
    pub(crate) fn wait(&mut self, milliseconds: i64) -> &mut Self {
        self.now += milliseconds * 1_000_000;
        self
    }

    /// A SYN, and no answer yet.
    pub(crate) fn ask(&mut self, from: u16, to: u16) -> Tcp {
        let mut tcp = Tcp {
            ports: [from, to],
            next: [1000, 9000],
            acked: [0, 0],
            window: [60000, 60000],
        };
        self.segment(&tcp, Client, 1000, None, SYN, &[]);
        tcp.next[0] += 1;
        tcp
    }

    /// The handshake.
    pub(crate) fn connect(&mut self, from: u16, to: u16) -> Tcp {
        let mut tcp = Tcp {
            ports: [from, to],
            next: [1000, 9000],
            acked: [0, 0],
            window: [60000, 60000],
        };
        self.segment(&tcp, Client, 1000, None, SYN, &[]);
        tcp.next[0] += 1;
        self.segment(&tcp, Server, 9000, Some(tcp.next[0]), SYN | ACK, &[]);
        tcp.next[1] += 1;
        self.ack(&mut tcp, Client);
        tcp
    }

    /// One segment with the next bytes.
    pub(crate) fn send(&mut self, tcp: &mut Tcp, side: Side, bytes: &[u8]) {
        let seq = tcp.next[side as usize];
        let ack = tcp.acked[side as usize];
        self.segment(tcp, side, seq, Some(ack), PSH | ACK, bytes);
        tcp.next[side as usize] = seq.wrapping_add(u32::try_from(bytes.len()).expect("small"));
    }

    /// The same, the last byte of it urgent (`MSG_OOB`).
    pub(crate) fn urgent(&mut self, tcp: &mut Tcp, side: Side, bytes: &[u8]) {
        let (seq, ack) = (tcp.next[side as usize], tcp.acked[side as usize]);
        self.segment(tcp, side, seq, Some(ack), PSH | ACK | URG, bytes);
        tcp.next[side as usize] = seq.wrapping_add(u32::try_from(bytes.len()).expect("small"));
    }

    /// Bytes that were sent and never captured.
    pub(crate) fn lose(tcp: &mut Tcp, side: Side, bytes: usize) {
        tcp.next[side as usize] += u32::try_from(bytes).expect("small");
    }

    /// Segments of `chunk` bytes, each acknowledged.
    pub(crate) fn transfer(&mut self, tcp: &mut Tcp, side: Side, bytes: &[u8], chunk: usize) {
        for piece in bytes.chunks(chunk) {
            self.send(tcp, side, piece);
            self.ack(tcp, other(side));
        }
    }

    /// Acknowledges all that came.
    pub(crate) fn ack(&mut self, tcp: &mut Tcp, side: Side) {
        tcp.acked[side as usize] = tcp.next[other(side) as usize];
        self.ack_again(tcp, side);
    }

    /// The same acknowledgment once more.
    pub(crate) fn ack_again(&mut self, tcp: &Tcp, side: Side) {
        let (seq, ack) = (tcp.next[side as usize], tcp.acked[side as usize]);
        self.segment(tcp, side, seq, Some(ack), ACK, &[]);
    }

    /// Closes one side.
    pub(crate) fn fin(&mut self, tcp: &mut Tcp, side: Side) {
        let (seq, ack) = (tcp.next[side as usize], tcp.acked[side as usize]);
        self.segment(tcp, side, seq, Some(ack), FIN | ACK, &[]);
        tcp.next[side as usize] += 1;
    }

    /// Both sides close, `first` first.
    pub(crate) fn close(&mut self, tcp: &mut Tcp, first: Side) {
        self.fin(tcp, first);
        self.ack(tcp, other(first));
        self.fin(tcp, other(first));
        self.ack(tcp, first);
    }

    /// Breaks off, acknowledging all that came.
    pub(crate) fn rst(&mut self, tcp: &mut Tcp, side: Side) {
        let (seq, ack) = (tcp.next[side as usize], tcp.next[other(side) as usize]);
        self.segment(tcp, side, seq, Some(ack), RST | ACK, &[]);
    }

    /// Breaks off without acknowledging anything.
    pub(crate) fn rst_bare(&mut self, tcp: &mut Tcp, side: Side) {
        let seq = tcp.next[side as usize];
        self.segment(tcp, side, seq, None, RST, &[]);
    }

    /// Sends again, from `back` bytes before the next one.
    pub(crate) fn again(&mut self, tcp: &Tcp, side: Side, back: u32, bytes: &[u8]) {
        let seq = tcp.next[side as usize].wrapping_sub(back);
        let ack = tcp.acked[side as usize];
        self.segment(tcp, side, seq, Some(ack), PSH | ACK, bytes);
    }

    /// The last frame was captured a second time, on another interface.
    pub(crate) fn copy(&mut self) {
        let mut frame = self.frames.last().expect("a frame").clone();
        frame.time += 3_000;
        frame.interface = 1;
        self.frames.push(frame);
    }

    fn segment(
        &mut self,
        tcp: &Tcp,
        side: Side,
        seq: u32,
        ack: Option<u32>,
        flags: u8,
        payload: &[u8],
    ) {
        let syn = flags & SYN != 0;
        let length: u8 = if syn { 24 } else { 20 };
        let mut bytes = Vec::new();
        bytes.extend(tcp.ports[side as usize].to_be_bytes());
        bytes.extend(tcp.ports[other(side) as usize].to_be_bytes());
        bytes.extend(seq.to_be_bytes());
        bytes.extend(ack.unwrap_or(0).to_be_bytes());
        bytes.extend([length << 2, flags]);
        bytes.extend(tcp.window[side as usize].to_be_bytes());
        // The urgent pointer points behind the last byte.
        let urgent = if flags & URG == 0 { 0 } else { payload.len() };
        bytes.extend([0, 0]);
        bytes.extend(u16::try_from(urgent).expect("a segment").to_be_bytes());
        if syn {
            // Maximum segment size 1460.
            bytes.extend([2, 4, 5, 180]);
        }
        bytes.extend(payload);
        self.packet(side, 6, 16, bytes);
    }

    /// A datagram of the client.
    pub(crate) fn datagram(&mut self, ports: [u16; 2], payload: &[u8]) {
        self.datagram_of(Client, ports, payload);
    }

    /// A datagram of either side; `ports` are its own and the other's.
    pub(crate) fn datagram_of(&mut self, side: Side, ports: [u16; 2], payload: &[u8]) {
        let mut bytes = Vec::new();
        bytes.extend(ports[0].to_be_bytes());
        bytes.extend(ports[1].to_be_bytes());
        bytes.extend(
            u16::try_from(payload.len() + 8)
                .expect("small")
                .to_be_bytes(),
        );
        bytes.extend([0, 0]);
        bytes.extend(payload);
        self.packet(side, 17, 6, bytes);
    }

    /// An ICMP message of the server about the last frame, which quotes its IP header and so many bytes more.
    pub(crate) fn icmp(&mut self, [kind, code]: [u8; 2], quoted: usize) {
        let last = self.frames.last().expect("a frame");
        let packet = last.data.get(14..).expect("an IP packet");
        let mut bytes = vec![kind, code, 0, 0, 0, 0, 0, 0];
        bytes.extend(&packet[..packet.len().min(20 + quoted)]);
        let sum = checksum(&bytes);
        bytes[2..4].copy_from_slice(&sum.to_be_bytes());
        self.ids[1] += 1;
        let id = self.ids[1];
        self.ip(Server, 1, id, 0, &bytes);
    }

    /// A datagram, of which only the fragments named are captured, 800 bytes each.
    pub(crate) fn fragments(&mut self, ports: [u16; 2], payload: &[u8], captured: &[usize]) {
        let mut bytes = Vec::new();
        bytes.extend(ports[0].to_be_bytes());
        bytes.extend(ports[1].to_be_bytes());
        bytes.extend(
            u16::try_from(payload.len() + 8)
                .expect("small")
                .to_be_bytes(),
        );
        bytes.extend([0, 0]);
        bytes.extend(payload);
        let pieces: Vec<&[u8]> = bytes.chunks(800).collect();
        let last = pieces.len() - 1;
        self.ids[0] += 1;
        let id = self.ids[0];
        for &index in captured {
            let more = if index == last { 0 } else { 0x2000 };
            let offset = u16::try_from(index * 100).expect("small") | more;
            self.ip(Client, 17, id, offset, pieces[index]);
        }
    }

    /// Adds the checksum at `at` and the IP header.
    fn packet(&mut self, side: Side, protocol: u8, at: usize, mut bytes: Vec<u8>) {
        let (source, destination) = self.addresses(side);
        let length = u16::try_from(bytes.len()).expect("small");
        let mut covered = [source, destination].concat();
        covered.extend([0, protocol]);
        covered.extend(length.to_be_bytes());
        covered.extend(&bytes);
        let sum = checksum(&covered);
        bytes[at..at + 2].copy_from_slice(&sum.to_be_bytes());
        self.ids[side as usize] += 1;
        let id = self.ids[side as usize];
        self.ip(side, protocol, id, 0, &bytes);
    }

    fn ip(&mut self, side: Side, protocol: u8, id: u16, fragment: u16, bytes: &[u8]) {
        let (source, destination) = self.addresses(side);
        let total = u16::try_from(bytes.len() + 20).expect("small");
        let mut header = vec![0x45, 0];
        header.extend(total.to_be_bytes());
        header.extend(id.to_be_bytes());
        header.extend(fragment.to_be_bytes());
        header.extend([64, protocol, 0, 0]);
        header.extend(source);
        header.extend(destination);
        let sum = checksum(&header);
        header[10..12].copy_from_slice(&sum.to_be_bytes());
        let mut data = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
        data.extend(header);
        data.extend(bytes);
        self.now += 20_000;
        self.frames.push(Captured {
            time: self.now,
            wire_len: u32::try_from(data.len()).expect("small"),
            data,
            interface: 0,
            link: LinkType::ETHERNET,
        });
    }

    /// Something else goes by, so that the capture goes on.
    pub(crate) fn other_traffic(&mut self) -> &mut Self {
        self.datagram([40000, 40001], b"anything");
        self
    }

    pub(crate) fn findings(&self) -> Vec<Finding> {
        findings(&self.frames)
    }
}

pub(crate) fn other(side: Side) -> Side {
    match side {
        Client => Server,
        Server => Client,
    }
}

fn addresses(side: Side) -> ([u8; 4], [u8; 4]) {
    match side {
        Client => ([10, 0, 0, 1], [10, 0, 0, 2]),
        Server => ([10, 0, 0, 2], [10, 0, 0, 1]),
    }
}

/// RFC 1071.
fn checksum(bytes: &[u8]) -> u16 {
    let mut sum: u32 = bytes
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0)))
        .sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).expect("folded")
}
