//! Who may come, and how often, over real sockets; and IPv6.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::programs::{CLIENT, Folder, Running, SERVER, client, resident, transfers};

fn warnings(told: &[Value], word: &str) -> usize {
    told.iter()
        .filter(|line| line["event"] == "warning" && line["text"].as_str().unwrap().contains(word))
        .count()
}

/// Sends `bytes` from this address of the loopback network; true where the server took them and closed after them.
fn sent_from(address: [u8; 4], port: u16, bytes: &[u8]) -> bool {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((address, 0)).into()).unwrap();
    socket
        .connect(&SocketAddr::from(([127, 0, 0, 1], port)).into())
        .unwrap();
    let mut stream = TcpStream::from(socket);
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    // Who is turned away may find the connection reset while it sends.
    let sent = stream
        .write_all(bytes)
        .and_then(|()| stream.shutdown(Shutdown::Write));
    sent.and_then(|()| stream.read(&mut [0; 1])).is_ok()
}

#[test]
fn only_allowed_networks_are_let_in() {
    let folder = Folder::new();
    let png = folder.picture("a.png", 1, 60, 60);
    let out = folder.text("out");
    let arguments = [
        "receive",
        "--port",
        "0",
        "--out",
        &out,
        "--allow",
        "127.0.2.0/24",
        "--allow",
        "::1",
    ];
    let server = Running::start(SERVER, &arguments);
    sent_from([127, 0, 0, 1], server.port, &png);
    sent_from([127, 0, 3, 1], server.port, &png);
    assert!(sent_from([127, 0, 2, 77], server.port, &png));
    let (_, told) = server.stop();
    assert_eq!(transfers(&told).len(), 1, "{told:?}");
    assert_eq!(warnings(&told, "in none of the networks of --allow"), 2);
    assert_eq!(folder.names("out").len(), 1);

    let arguments: Vec<&str> = arguments
        .into_iter()
        .chain(["--protocol", "udp", "--count", "1"])
        .collect();
    let server = Running::start(SERVER, &arguments);
    for address in [[127, 0, 0, 1], [127, 0, 2, 5]] {
        let socket = UdpSocket::bind((Ipv4Addr::from(address), 0)).unwrap();
        socket.connect(("127.0.0.1", server.port)).unwrap();
        for piece in png.chunks(1000) {
            socket.send(piece).unwrap();
        }
        socket.send(&[]).unwrap();
    }
    let (code, told) = server.ended();
    assert_eq!(code, Some(0));
    assert_eq!(warnings(&told, "in none of the networks of --allow"), 1);
    assert_eq!(folder.names("out").len(), 2);
}

#[test]
fn those_who_come_too_often_are_turned_away() {
    let folder = Folder::new();
    let png = folder.picture("a.png", 1, 60, 60);
    let out = folder.text("out");
    let server = Running::start(
        SERVER,
        &["receive", "--port", "0", "--out", &out, "--rate", "1"],
    );
    let since = Instant::now();
    for _ in 0..40 {
        sent_from([127, 0, 0, 1], server.port, &png);
    }
    let waited = since.elapsed().as_secs();
    // Another address is not its neighbour's fault.
    assert!(sent_from([127, 0, 0, 2], server.port, &png));
    let (_, told) = server.stop();
    let came = transfers(&told).len() as u64 - 1;
    assert!((10..=11 + waited).contains(&came), "{came} in {waited} s");
    let turned_away = warnings(&told, "more often than --rate");
    assert!(
        turned_away > 0 && turned_away as u64 <= waited + 1,
        "told once a second"
    );
}

#[test]
fn flood_of_datagrams_from_everywhere_grows_no_memory_and_good_ones_come_through() {
    let folder = Folder::new();
    let png = folder.picture("a.png", 1, 60, 60);
    let out = folder.text("out");
    let server = Running::start(
        SERVER,
        &[
            "receive",
            "--port",
            "0",
            "--out",
            &out,
            "--protocol",
            "udp",
            "--connections",
            "200",
        ],
    );
    let to = SocketAddr::from(([127, 0, 0, 1], server.port));
    let send = |from: [u8; 4], bytes: &[&[u8]]| {
        let socket = UdpSocket::bind((Ipv4Addr::from(from), 0)).unwrap();
        for bytes in bytes {
            socket.send_to(bytes, to).unwrap();
        }
    };
    // The start of a picture that never goes on, and rubbish, from thousands of addresses.
    let start: &[u8] = &png[..1000.min(png.len())];
    let rubbish = [0xab; 1200];
    let flood = |round: u8| {
        for high in 0..20 {
            for low in 1..=100 {
                send([127, 10 + round, high, low], &[start, &rubbish, start]);
            }
        }
    };
    flood(0);
    let before = resident(server.pid());
    for round in 1..6 {
        flood(round);
    }
    let after = resident(server.pid());
    assert!(
        after < before + 16 * 1024,
        "memory grew from {before} to {after} KiB"
    );
    // Those that fell silent are forgotten after a moment; then there is room for one that goes on.
    let since = Instant::now();
    let whole = || {
        folder
            .names("out")
            .iter()
            .filter(|name| name.starts_with("image-") && !name.contains("incomplete"))
            .count()
    };
    while whole() == 0 {
        assert!(since.elapsed() < Duration::from_secs(50), "it never came");
        let mut pieces: Vec<&[u8]> = png.chunks(1000).collect();
        pieces.push(&[]);
        send([127, 0, 0, 9], &pieces);
        thread::sleep(Duration::from_millis(200));
    }
    let (_, told) = server.stop();
    let waited = usize::try_from(since.elapsed().as_secs()).unwrap();
    let full = warnings(&told, "senders at once are the limit");
    assert!(full > 0 && full < 60 + waited, "{full} warnings");
}

#[test]
fn ipv6_either_way() {
    if UdpSocket::bind("[::1]:0").is_err() {
        eprintln!("SKIPPED ipv6_either_way: there is no ::1 here");
        return;
    }
    let folder = Folder::new();
    let png = folder.picture("a.png", 1, 120, 90);
    let (a, out, got) = (folder.text("a.png"), folder.text("out"), folder.text("got"));
    let mut saved = 0;
    for (protocol, more) in [
        ("eof", None),
        ("framed", None),
        ("udp", None),
        ("framed", Some("--udp")),
    ] {
        let mut arguments = vec![
            "receive",
            "--listen",
            "::1",
            "--allow",
            "::1",
            "--port",
            "0",
            "--count",
            "1",
            "--out",
            &out,
            "--protocol",
            protocol,
        ];
        arguments.extend(more);
        let server = Running::start(SERVER, &arguments);
        let at = format!("[::1]:{}", server.port);
        let mut arguments = vec!["send", &at, &a, "--protocol", protocol];
        arguments.extend(more);
        assert_eq!(client(&arguments).0, Some(0), "{protocol} {more:?}");
        let (code, told) = server.ended();
        assert_eq!(code, Some(0), "{protocol} {more:?}: {told:?}");
        assert!(
            transfers(&told)[0]["from"]
                .as_str()
                .unwrap()
                .starts_with("[::1]:")
        );
        saved += 1;
        assert_eq!(folder.names("out").len(), saved);
    }
    for name in folder.names("out") {
        assert_eq!(folder.read(&format!("out/{name}")), png, "{name}");
    }
    let receiver = Running::start(
        CLIENT,
        &[
            "receive",
            "--address",
            "::1",
            "--listen",
            "0",
            "--protocol",
            "eof",
            "-o",
            &got,
        ],
    );
    let at = format!("[::1]:{}", receiver.port);
    assert_eq!(client(&["send", &at, &a]).0, Some(0));
    assert_eq!(receiver.ended().0, Some(0));
    assert_eq!(folder.read("got"), png);
}
