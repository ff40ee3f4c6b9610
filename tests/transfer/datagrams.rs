//! `framed` over UDP through a relay that sends datagrams twice and in another order.

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crate::programs::{Folder, Running, SERVER, client, transfers};

/// Numbers that are the same in every run (xorshift64*).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % most
    }
}

/// Stands between one client and one server.
struct Relay {
    socket: UdpSocket,
    server: SocketAddr,
    twice: AtomicU64,
    overtaken: AtomicU64,
    over: AtomicBool,
}

impl Relay {
    fn new(port: u16) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(3)))
            .unwrap();
        Self {
            socket,
            server: ([127, 0, 0, 1], port).into(),
            twice: AtomicU64::new(0),
            overtaken: AtomicU64::new(0),
            over: AtomicBool::new(false),
        }
    }

    fn address(&self) -> String {
        self.socket.local_addr().unwrap().to_string()
    }

    /// Holds a few datagrams back and lets any of them go first; one in four goes twice, the second time later.
    fn run(&self, seed: u64) {
        let mut numbers = Numbers(seed);
        let mut client = None;
        let mut held: Vec<(SocketAddr, Vec<u8>)> = Vec::new();
        let mut buffer = vec![0; 65_536];
        while !self.over.load(Ordering::Acquire) {
            if let Ok((count, from)) = self.socket.recv_from(&mut buffer) {
                if from != self.server {
                    client = Some(from);
                }
                let to = if from == self.server {
                    client
                } else {
                    Some(self.server)
                };
                let Some(to) = to else { continue };
                held.push((to, buffer[..count].to_vec()));
                if numbers.below(4) == 0 {
                    held.push((to, buffer[..count].to_vec()));
                    self.twice.fetch_add(1, Ordering::Relaxed);
                }
                if held.len() < 6 {
                    continue;
                }
            }
            // Either there is enough to choose from, or nothing comes until some of it went on.
            while held.len() > 3 || !held.is_empty() && numbers.below(2) == 0 {
                let next = numbers.below(held.len() as u64);
                if next > 0 {
                    self.overtaken.fetch_add(1, Ordering::Relaxed);
                }
                let (to, datagram) = held.remove(usize::try_from(next).unwrap());
                // What is lost here is asked for again.
                let _ = self.socket.send_to(&datagram, to);
            }
        }
    }
}

#[test]
fn framed_pictures_come_whole_where_datagrams_come_twice_and_in_any_order() {
    let folder = Folder::new();
    let pictures: Vec<Vec<u8>> = (0..3)
        .map(|seed| folder.picture(&format!("{seed}.png"), seed, 300, 200))
        .collect();
    let out = folder.text("out");
    let server = Running::start(
        SERVER,
        &[
            "receive",
            "--port",
            "0",
            "--protocol",
            "framed",
            "--udp",
            "--count",
            "3",
            "--out",
            &out,
        ],
    );
    let relay = Relay::new(server.port);
    let at = relay.address();
    let files: Vec<String> = (0..3)
        .map(|seed| folder.text(&format!("{seed}.png")))
        .collect();
    let mut arguments = vec!["send", &at, "--protocol", "framed", "--udp"];
    arguments.extend(files.iter().map(String::as_str));
    let (sent, received) = thread::scope(|scope| {
        scope.spawn(|| relay.run(0x5eed));
        let sent = client(&arguments);
        let received = server.ended();
        relay.over.store(true, Ordering::Release);
        (sent, received)
    });
    assert_eq!((sent.0, received.0), (Some(0), Some(0)), "{received:?}");
    let twice = relay.twice.load(Ordering::Relaxed);
    let overtaken = relay.overtaken.load(Ordering::Relaxed);
    assert!(
        twice > 20 && overtaken > 100,
        "the relay did nothing: {twice}, {overtaken}"
    );
    let digests = |told: &[serde_json::Value]| -> Vec<String> {
        transfers(told)
            .iter()
            .map(|record| record["sha256"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(digests(&sent.1), digests(&received.1));
    let repeats: u64 = transfers(&received.1)
        .iter()
        .map(|record| record["repeats"].as_u64().unwrap())
        .sum();
    assert!(repeats > 0, "datagrams came twice, and that was not seen");
    for (picture, name) in pictures.iter().zip(folder.names("out")) {
        assert!(folder.read(&format!("out/{name}")) == *picture, "{name}");
    }
}
