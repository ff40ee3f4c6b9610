//! Writes big captures of picture transfers, to measure imgnet and its neighbours with.
//!
//! ```text
//! cargo run --release --example make-capture -- loopback    /tmp/loopback.pcap
//! cargo run --release --example make-capture -- mtu1500     /tmp/mtu1500.pcap
//! cargo run --release --example make-capture -- connections /tmp/connections.pcap --size 0.1
//! ```
//!
//! Every connection speaks the `eof` format to port 65432: handshake, one picture, FIN both ways. Headers are
//! whole and consistent; the pictures are JPEGs whose structure is whole, with stuffed bytes at the rate of
//! real ones, and whose pixels are noise. The same arguments give the same bytes. One line per picture goes to
//! standard output: SHA-256, length, client port. What `imgnet analyze` reports must equal that list.

#![expect(clippy::disallowed_methods, reason = "a program that writes files")]
#![expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "all lengths here are this program's own"
)]

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use sha2::{Digest, Sha256};

#[derive(Parser)]
#[command(about = "Writes a big capture of picture transfers")]
struct Arguments {
    /// Which of the captures.
    kind: Kind,
    /// Where to write it.
    path: PathBuf,
    /// Times as many pictures: 0.1 for a tenth.
    #[arg(long, default_value_t = 1.0)]
    size: f64,
}

/// Which of the captures.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Kind {
    /// About 1 GB of loopback: 64 KiB segments, 160 pictures of about 6 MB, checksums left to offload.
    Loopback,
    /// About 650 MB at MTU 1500: 1448-byte segments, 100 pictures.
    Mtu1500,
    /// About 500 MB, 960,000 frames: 20,000 connections with a picture of about 20 KB each.
    Connections,
    /// About 350 MB: 100,000 connections, all open at the same time, with a picture of about 2.5 KB each.
    Live,
}

/// How the traffic of one capture looks.
struct Shape {
    pictures: u32,
    /// Length of an average picture; they vary by a quarter both ways.
    picture_bytes: u32,
    segment: usize,
    /// Data segments between two acknowledgments.
    ack_every: u32,
    /// Connections open at the same time, which take turns.
    at_once: usize,
    loopback: bool,
}

impl Kind {
    fn shape(self) -> Shape {
        match self {
            Self::Loopback => Shape {
                pictures: 160,
                picture_bytes: 6_200_000,
                segment: 65_483,
                ack_every: 1,
                at_once: 4,
                loopback: true,
            },
            Self::Mtu1500 => Shape {
                pictures: 100,
                picture_bytes: 6_220_000,
                segment: 1_448,
                ack_every: 10,
                at_once: 4,
                loopback: false,
            },
            Self::Connections => Shape {
                pictures: 20_000,
                picture_bytes: 20_600,
                segment: 1_024,
                ack_every: 1,
                at_once: 64,
                loopback: false,
            },
            Self::Live => Shape {
                pictures: 100_000,
                picture_bytes: 2_500,
                segment: 1_024,
                ack_every: 1,
                at_once: 100_000,
                loopback: false,
            },
        }
    }
}

fn main() -> io::Result<()> {
    let arguments = Arguments::parse();
    let file = BufWriter::with_capacity(1 << 20, File::create(&arguments.path)?);
    let mut list = BufWriter::new(io::stdout().lock());
    write(arguments.kind, arguments.size, file, |made| {
        writeln!(list, "{}  {}  {}", made.sha256, made.bytes, made.port)
    })?;
    list.flush()
}

/// A picture that went into a capture.
pub(crate) struct Made {
    /// SHA-256 of it, in lowercase hex.
    pub(crate) sha256: String,
    /// Its length.
    pub(crate) bytes: usize,
    /// The port of the client that sends it.
    pub(crate) port: u16,
}

/// Writes a capture and names its pictures in the order in which they start.
pub(crate) fn write(
    kind: Kind,
    size: f64,
    out: impl Write,
    mut list: impl FnMut(&Made) -> io::Result<()>,
) -> io::Result<()> {
    let shape = kind.shape();
    #[expect(
        clippy::cast_sign_loss,
        reason = "a negative size becomes 0, and then 1"
    )]
    let pictures = ((f64::from(shape.pictures) * size).round() as u32).max(1);

    let mut capture = Capture::new(out)?;
    let mut waiting = 0..pictures;
    let mut open: VecDeque<Connection> = VecDeque::new();
    loop {
        while open.len() < shape.at_once {
            let Some(index) = waiting.next() else { break };
            let connection = Connection::new(index, &shape);
            list(&Made {
                sha256: hex(&Sha256::digest(&connection.picture)),
                bytes: connection.picture.len(),
                port: connection.client.port,
            })?;
            open.push_back(connection);
        }
        let Some(mut connection) = open.pop_front() else {
            break;
        };
        if connection.turn(&mut capture, &shape)? {
            open.push_back(connection);
        }
    }
    capture.out.flush()
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A small deterministic generator (xorshift64*), so that a capture can be made again.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }
}

/// A JPEG (ITU-T T.81) of exactly `length` bytes: whole headers, noise as entropy-coded data, EOI.
fn jpeg(noise: &mut Noise, length: usize) -> Vec<u8> {
    let mut picture = Vec::with_capacity(length + 256);
    picture.extend_from_slice(&[0xFF, 0xD8]); // SOI
    segment(&mut picture, 0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"); // APP0
    for table in 0..2 {
        let mut payload = vec![table];
        payload.extend((1..=64).map(|step: u8| 3 + step / 2));
        segment(&mut picture, 0xDB, &payload); // DQT
    }
    // SOF0: 8 bits, 2048 × 3072, three components, the first sampled 2 × 2.
    segment(
        &mut picture,
        0xC0,
        &[
            8, 0x08, 0x00, 0x0C, 0x00, 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1,
        ],
    );
    for class_and_table in [0x00, 0x10, 0x01, 0x11] {
        // DHT: twelve codes of four bits.
        let mut payload = vec![class_and_table, 0, 0, 0, 12];
        payload.resize(17, 0);
        payload.extend(0..12);
        segment(&mut picture, 0xC4, &payload);
    }
    segment(
        &mut picture,
        0xDA,
        &[3, 1, 0x00, 2, 0x11, 3, 0x11, 0, 63, 0],
    ); // SOS

    let first = picture.len();
    let end = length.saturating_sub(2).max(first);
    // No byte is 0xFF…
    while picture.len() < end {
        let word = noise.next() & 0xFEFE_FEFE_FEFE_FEFE;
        picture.extend_from_slice(&word.to_le_bytes());
    }
    picture.truncate(end);
    // …but one in 256, stuffed with 0x00, as in real ones.
    for block in picture[first..].chunks_exact_mut(256) {
        let place = (noise.next() % 255) as usize;
        block[place] = 0xFF;
        block[place + 1] = 0x00;
    }
    picture.extend_from_slice(&[0xFF, 0xD9]); // EOI
    picture
}

fn segment(picture: &mut Vec<u8>, marker: u8, payload: &[u8]) {
    picture.extend_from_slice(&[0xFF, marker]);
    picture.extend_from_slice(&(payload.len() as u16 + 2).to_be_bytes());
    picture.extend_from_slice(payload);
}

#[derive(Clone, Copy)]
struct Endpoint {
    mac: [u8; 6],
    address: [u8; 4],
    port: u16,
}

/// One connection and how far it has come.
struct Connection {
    client: Endpoint,
    server: Endpoint,
    picture: Vec<u8>,
    sent: usize,
    client_seq: u32,
    server_seq: u32,
    greeted: bool,
    ident: u16,
}

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const PSH: u8 = 0x08;
const ACK: u8 = 0x10;

impl Connection {
    fn new(index: u32, shape: &Shape) -> Self {
        let mut noise = Noise(0x9E37_79B9_7F4A_7C15 ^ (u64::from(index) << 20) ^ 0x1234_5678);
        for _ in 0..4 {
            noise.next();
        }
        let quarter = u64::from(shape.picture_bytes / 4);
        let length = u64::from(shape.picture_bytes) - quarter + noise.next() % (2 * quarter);
        let (client_seq, server_seq) = (noise.next() as u32, noise.next() as u32);
        let endpoint = |host: u8, port| Endpoint {
            mac: if shape.loopback {
                [0; 6]
            } else {
                [0x02, 0, 0, 0, 0, host]
            },
            address: if shape.loopback {
                [127, 0, 0, 1]
            } else {
                [10, 0, (index / 50_000) as u8, host]
            },
            port,
        };
        Self {
            client: endpoint(2, 10_000 + (index % 50_000) as u16),
            server: Endpoint {
                address: if shape.loopback {
                    [127, 0, 0, 1]
                } else {
                    [10, 0, 0, 1]
                },
                ..endpoint(1, 65_432)
            },
            picture: jpeg(&mut noise, length as usize),
            sent: 0,
            client_seq,
            server_seq,
            greeted: false,
            ident: 0,
        }
    }

    /// Does the next few frames; false when the connection is over.
    fn turn<W: Write>(&mut self, capture: &mut Capture<W>, shape: &Shape) -> io::Result<bool> {
        if !self.greeted {
            self.greeted = true;
            self.client_frame(capture, shape, SYN, &[])?;
            self.client_seq = self.client_seq.wrapping_add(1);
            self.server_frame(capture, shape, SYN | ACK)?;
            self.server_seq = self.server_seq.wrapping_add(1);
            self.client_frame(capture, shape, ACK, &[])?;
            return Ok(true);
        }
        if self.sent < self.picture.len() {
            let picture = std::mem::take(&mut self.picture);
            for _ in 0..shape.ack_every {
                let end = (self.sent + shape.segment).min(picture.len());
                let last = end == picture.len();
                let flags = if last { ACK | PSH } else { ACK };
                self.client_frame(capture, shape, flags, &picture[self.sent..end])?;
                self.client_seq = self.client_seq.wrapping_add((end - self.sent) as u32);
                self.sent = end;
                if last {
                    break;
                }
            }
            self.picture = picture;
            self.server_frame(capture, shape, ACK)?;
            return Ok(true);
        }
        self.client_frame(capture, shape, FIN | ACK, &[])?;
        self.client_seq = self.client_seq.wrapping_add(1);
        self.server_frame(capture, shape, FIN | ACK)?;
        self.server_seq = self.server_seq.wrapping_add(1);
        self.client_frame(capture, shape, ACK, &[])?;
        Ok(false)
    }

    fn client_frame<W: Write>(
        &mut self,
        capture: &mut Capture<W>,
        shape: &Shape,
        flags: u8,
        payload: &[u8],
    ) -> io::Result<()> {
        self.ident = self.ident.wrapping_add(1);
        capture.frame(&Segment {
            from: self.client,
            to: self.server,
            seq: self.client_seq,
            ack: self.server_seq,
            flags,
            ident: self.ident,
            checksum: !shape.loopback,
            payload,
        })
    }

    fn server_frame<W: Write>(
        &mut self,
        capture: &mut Capture<W>,
        shape: &Shape,
        flags: u8,
    ) -> io::Result<()> {
        capture.frame(&Segment {
            from: self.server,
            to: self.client,
            seq: self.server_seq,
            ack: self.client_seq,
            flags,
            ident: self.ident,
            checksum: !shape.loopback,
            payload: &[],
        })
    }
}

struct Segment<'a> {
    from: Endpoint,
    to: Endpoint,
    seq: u32,
    ack: u32,
    flags: u8,
    ident: u16,
    /// Whether the TCP checksum is whole; else the pseudo-header's alone, as Linux leaves it to offload.
    checksum: bool,
    payload: &'a [u8],
}

/// A pcap file (microseconds, little-endian, Ethernet).
struct Capture<W> {
    out: W,
    micros: u64,
}

impl<W: Write> Capture<W> {
    fn new(mut out: W) -> io::Result<Self> {
        out.write_all(&0xA1B2_C3D4_u32.to_le_bytes())?;
        out.write_all(&2_u16.to_le_bytes())?;
        out.write_all(&4_u16.to_le_bytes())?;
        out.write_all(&[0; 8])?;
        out.write_all(&262_144_u32.to_le_bytes())?;
        out.write_all(&1_u32.to_le_bytes())?;
        Ok(Self {
            out,
            // 2026-01-01T00:00:00Z
            micros: 1_767_225_600_000_000,
        })
    }

    fn frame(&mut self, segment: &Segment<'_>) -> io::Result<()> {
        let options = if segment.flags & SYN == 0 { 12 } else { 20 };
        let tcp_header = 20 + options;
        let headers = 14 + 20 + tcp_header;
        let length = (headers + segment.payload.len()) as u32;
        self.micros += 2 + u64::from(length) / 1250;

        let mut record = [0_u8; 16 + 14 + 20 + 40];
        record[0..4].copy_from_slice(&((self.micros / 1_000_000) as u32).to_le_bytes());
        record[4..8].copy_from_slice(&((self.micros % 1_000_000) as u32).to_le_bytes());
        record[8..12].copy_from_slice(&length.to_le_bytes());
        record[12..16].copy_from_slice(&length.to_le_bytes());

        let (ethernet, rest) = record[16..].split_at_mut(14);
        ethernet[0..6].copy_from_slice(&segment.to.mac);
        ethernet[6..12].copy_from_slice(&segment.from.mac);
        ethernet[12..14].copy_from_slice(&0x0800_u16.to_be_bytes());

        let (ip, tcp) = rest.split_at_mut(20);
        let tcp_length = (tcp_header + segment.payload.len()) as u16;
        ip[0] = 0x45;
        ip[2..4].copy_from_slice(&(20 + tcp_length).to_be_bytes());
        ip[4..6].copy_from_slice(&segment.ident.to_be_bytes());
        ip[6] = 0x40; // do not fragment
        ip[8] = 64;
        ip[9] = 6;
        ip[12..16].copy_from_slice(&segment.from.address);
        ip[16..20].copy_from_slice(&segment.to.address);
        let checksum = !fold(sum(ip));
        ip[10..12].copy_from_slice(&checksum.to_be_bytes());

        let tcp = &mut tcp[..tcp_header];
        self.tcp_header(segment, options, tcp);
        let mut total =
            sum(&segment.from.address) + sum(&segment.to.address) + 6 + u64::from(tcp_length);
        if segment.checksum {
            total += sum(tcp) + sum(segment.payload);
        }
        let checksum = fold(total);
        let checksum = if segment.checksum {
            !checksum
        } else {
            checksum
        };
        tcp[16..18].copy_from_slice(&checksum.to_be_bytes());

        self.out.write_all(&record[..16 + headers])?;
        self.out.write_all(segment.payload)
    }

    fn tcp_header(&self, segment: &Segment<'_>, options: usize, tcp: &mut [u8]) {
        let syn = segment.flags & SYN != 0;
        tcp[0..2].copy_from_slice(&segment.from.port.to_be_bytes());
        tcp[2..4].copy_from_slice(&segment.to.port.to_be_bytes());
        tcp[4..8].copy_from_slice(&segment.seq.to_be_bytes());
        if segment.flags & ACK != 0 {
            tcp[8..12].copy_from_slice(&segment.ack.to_be_bytes());
        }
        tcp[12] = (((20 + options) / 4) << 4) as u8;
        tcp[13] = segment.flags;
        tcp[14..16].copy_from_slice(&65_535_u16.to_be_bytes());
        let stamps = if syn {
            // MSS 1460 (65495 on loopback), SACK permitted; window scale 7 after the time stamps.
            let mss: u16 = if segment.checksum { 1_460 } else { 65_495 };
            tcp[20..22].copy_from_slice(&[2, 4]);
            tcp[22..24].copy_from_slice(&mss.to_be_bytes());
            tcp[24..26].copy_from_slice(&[4, 2]);
            tcp[36..40].copy_from_slice(&[1, 3, 3, 7]);
            26
        } else {
            tcp[20..22].copy_from_slice(&[1, 1]);
            22
        };
        // Time stamps (RFC 7323), in milliseconds; the echo lags by one.
        let now = (self.micros / 1000) as u32;
        tcp[stamps..stamps + 2].copy_from_slice(&[8, 10]);
        tcp[stamps + 2..stamps + 6].copy_from_slice(&now.to_be_bytes());
        if segment.flags & ACK != 0 {
            tcp[stamps + 6..stamps + 10].copy_from_slice(&now.wrapping_sub(1).to_be_bytes());
        }
    }
}

/// The unfolded Internet checksum (RFC 1071), taken in 32-bit words, which folds to the same.
fn sum(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<4>();
    let mut total: u64 = words
        .iter()
        .map(|word| u64::from(u32::from_be_bytes(*word)))
        .sum();
    let mut last = [0; 4];
    last[..rest.len()].copy_from_slice(rest);
    total += u64::from(u32::from_be_bytes(last));
    total
}

fn fold(mut total: u64) -> u16 {
    while total > 0xFFFF {
        total = (total & 0xFFFF) + (total >> 16);
    }
    total as u16
}
