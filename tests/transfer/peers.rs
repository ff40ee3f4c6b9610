//! P1 to P5 with a Python program on the other side, right and naive.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};

use crate::programs::{CLIENT, Folder, Running, SERVER, client, transfers, wait};

const PEERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/peers.py");

/// Whether there is Python here; says so where there is none.
fn python(test: &str) -> bool {
    let there = Command::new("python3")
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !there {
        eprintln!("SKIPPED {test}: python3 is not here");
    }
    there
}

fn spawn(name: &str, port: u16, files: &[&str]) -> Child {
    spawn_at("127.0.0.1", name, port, files)
}

fn spawn_at(host: &str, name: &str, port: u16, files: &[&str]) -> Child {
    Command::new("python3")
        .args([PEERS, name, host, &port.to_string()])
        .args(files)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn peer(name: &str, port: u16, files: &[&str]) {
    assert_eq!(wait(&mut spawn(name, port, files)), Some(0), "{name}");
}

/// A peer that listens, and its port.
fn listening(name: &str, files: &[&str]) -> (Child, u16) {
    let mut child = spawn(name, 0, files);
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap())
        .read_line(&mut line)
        .unwrap();
    (child, line.trim().parse().unwrap())
}

#[test]
fn naive_workers_finish_ten_of_ten_rounds() {
    if !python("naive_workers_finish_ten_of_ten_rounds") {
        return;
    }
    let folder = Folder::new();
    let out = folder.text("out");
    let server = Running::start(
        SERVER,
        &[
            "pipeline", "--port", "0", "--rounds", "10", "--idle", "15", "--out", &out,
        ],
    );
    for round in 0..10_u32 {
        let upload = folder.text("upload.jpg");
        // All lengths behind a multiple of the chunk come up, those that split the marker too.
        let jpeg = folder.picture("upload.jpg", u64::from(round), 301 + round * 37, 211);
        peer("p1-upload", server.port, &[&upload]);
        let mut workers: Vec<Child> = (0..2)
            .map(|_| spawn("p1-worker-naive", server.port, &[]))
            .collect();
        for worker in &mut workers {
            assert_eq!(wait(worker), Some(0), "round {round}");
        }
        drop(jpeg);
    }
    let (code, told) = server.ended();
    assert_eq!(code, Some(0));
    assert_eq!(transfers(&told).len(), 50);
    let merged = folder
        .names("out")
        .into_iter()
        .filter(|name| name.ends_with("-merged.jpg"))
        .count();
    assert_eq!(merged, 10);
}

#[test]
fn pipeline_outlives_workers_that_hang_or_die() {
    if !python("pipeline_outlives_workers_that_hang_or_die") {
        return;
    }
    let folder = Folder::new();
    let out = folder.text("out");
    folder.picture("upload.jpg", 1, 301, 211);
    let server = Running::start(
        SERVER,
        &[
            "pipeline",
            "--port",
            "0",
            "--rounds",
            "2",
            "--workers",
            "3",
            "--idle",
            "1",
            "--out",
            &out,
        ],
    );
    for workers in [
        ["p1-worker-hang", "p1-worker", "p1-worker-die"],
        ["p1-worker"; 3],
    ] {
        peer("p1-upload", server.port, &[&folder.text("upload.jpg")]);
        let mut workers = workers.map(|name| spawn(name, server.port, &[]));
        for worker in &mut workers {
            wait(worker);
        }
    }
    let (_, told) = server.ended();
    let named = told
        .iter()
        .filter(|line| line["event"] == "warning")
        .filter(|line| {
            line["text"]
                .as_str()
                .unwrap()
                .contains("its strip is done here")
        })
        .count();
    assert_eq!(named, 2, "{told:?}");
    for round in 1..=2 {
        let merged = folder.read(&format!("out/round-000{round}-merged.jpg"));
        let merged = imgnet::imaging::decode(&merged, &imgnet::imaging::DecodeLimits::default());
        assert_eq!(merged.unwrap().width(), 301);
    }
}

#[test]
fn marker_server_is_served_by_our_client_and_worker() {
    if !python("marker_server_is_served_by_our_client_and_worker") {
        return;
    }
    for name in ["p1-server", "p1-server-naive"] {
        let folder = Folder::new();
        let jpeg = folder.picture("a.jpg", 1, 333, 200);
        folder.picture("strip.jpg", 2, 150, 200);
        let [uploaded, strip, one, two] =
            ["uploaded.jpg", "strip.jpg", "one.jpg", "two.jpg"].map(|name| folder.text(name));
        let (mut server, port) = listening(name, &[&uploaded, &strip, &one, &two]);
        let at = format!("127.0.0.1:{port}");
        let (code, _) = client(&["send", &at, &folder.text("a.jpg"), "--protocol", "marker"]);
        assert_eq!(code, Some(0), "{name}");
        let (code, told) = client(&["work", &at, "--rounds", "2", "--filter", "emboss"]);
        assert_eq!(code, Some(0), "{name}");
        assert_eq!(transfers(&told).len(), 4);
        assert_eq!(wait(&mut server), Some(0), "{name}");
        assert_eq!(folder.read("uploaded.jpg"), jpeg, "{name}");
        for result in ["one.jpg", "two.jpg"] {
            let answer = folder.read(result);
            assert!(answer.ends_with(&[0xff, 0xd9]), "{name}");
        }
    }
}

#[test]
fn eof_either_way_and_cut_short() {
    if !python("eof_either_way_and_cut_short") {
        return;
    }
    let folder = Folder::new();
    let png = folder.picture("a.png", 1, 200, 150);
    let (a, out, got) = (
        folder.text("a.png"),
        folder.text("out"),
        folder.text("got.png"),
    );
    let server = Running::start(
        SERVER,
        &["receive", "--port", "0", "--count", "2", "--out", &out],
    );
    peer("p2-client", server.port, &[&a]);
    peer("p2-client-early", server.port, &[&a]);
    let (code, told) = server.ended();
    assert_eq!(code, Some(1), "one was cut short");
    let problems: Vec<bool> = transfers(&told)
        .iter()
        .map(|record| record["problem"].is_null())
        .collect();
    assert_eq!(problems.iter().filter(|good| **good).count(), 1);
    let whole: Vec<String> = folder
        .names("out")
        .into_iter()
        .filter(|name| !name.contains("incomplete"))
        .collect();
    assert_eq!(whole.len(), 1);
    assert_eq!(folder.read(&format!("out/{}", whole[0])), png);

    let (mut server, port) = listening("p2-server", &[&got]);
    let (code, _) = client(&["send", &format!("127.0.0.1:{port}"), &a]);
    assert_eq!((code, wait(&mut server)), (Some(0), Some(0)));
    assert_eq!(folder.read("got.png"), png);
}

#[test]
fn catalog_either_way_and_nobody_disturbs_it() {
    if !python("catalog_either_way_and_nobody_disturbs_it") {
        return;
    }
    let folder = Folder::new();
    std::fs::create_dir(folder.path("pictures")).unwrap();
    let bmp = folder.picture("pictures/1.bmp", 1, 900, 700);
    let jpeg = folder.picture("pictures/2.jpg", 2, 300, 200);
    let (pictures, got, db) = (
        folder.text("pictures"),
        folder.text("got"),
        folder.text("c.db"),
    );
    let arguments = [
        "catalog", "--port", "0", "--db", &db, "--import", &pictures, "--idle", "2",
    ];
    let server = Running::start(SERVER, &arguments);
    let mut empty = spawn("p3-client-empty", server.port, &[&folder.text("empty")]);
    peer("p3-client-naive", server.port, &[&folder.text("naive")]);
    peer("p3-client", server.port, &[&got]);
    assert_eq!(folder.read("got"), bmp, "stored bytes unchanged");
    let at = format!("127.0.0.1:{}", server.port);
    let (code, _) = client(&["get", &at, "2.jpg", "-o", &got]);
    assert_eq!((code, folder.read("got")), (Some(0), jpeg.clone()));
    let (_, listed) = client(&["get", &at, "--list"]);
    assert_eq!(listed.len(), 3);
    assert_eq!(
        (&listed[1]["name"], &listed[1]["width"]),
        (&"1.bmp".into(), &900.into())
    );
    assert_eq!(listed[2]["bytes"], jpeg.len());
    assert_eq!(wait(&mut empty), Some(0));
    assert!(folder.read("empty").is_empty());
    let (_, told) = server.stop();
    assert!(told.iter().any(|line| {
        line["event"] == "warning" && line["text"].as_str().unwrap().contains("chose nothing")
    }));

    let two = folder.text("pictures/2.jpg");
    let (mut server, port) = listening(
        "p3-server",
        &[&folder.text("pictures/1.bmp"), &two, &two, "2"],
    );
    let at = format!("127.0.0.1:{port}");
    let (code, _) = client(&["get", &at, "1", "-o", &got]);
    assert_eq!((code, folder.read("got")), (Some(0), bmp));
    // The question for the list is to it a choice that there is not, and disturbs nothing.
    assert_eq!(client(&["get", &at, "--list"]).0, Some(2));
    assert_eq!(wait(&mut server), Some(0));
}

#[test]
fn rows_of_pixels_either_way() {
    if !python("rows_of_pixels_either_way") {
        return;
    }
    let folder = Folder::new();
    folder.picture("a.png", 1, 64, 48);
    let rows: Vec<u8> = (0..64 * 48 * 3_u32).map(|n| n.to_le_bytes()[0]).collect();
    std::fs::write(folder.path("rows"), &rows).unwrap();
    let (a, rows_file, got) = (
        folder.text("a.png"),
        folder.text("rows"),
        folder.text("got"),
    );
    let out = folder.text("out.png");
    let receiver = Running::start(
        CLIENT,
        &["receive", "--listen", "0", "--width", "64", "-o", &out],
    );
    peer("p4-sender", receiver.port, &[&rows_file, "64"]);
    let (code, told) = receiver.ended();
    assert_eq!(code, Some(0));
    assert_eq!(transfers(&told)[0]["bytes"], rows.len());
    assert!(folder.read("out.png").starts_with(b"\x89PNG"));

    let (mut sender, port) = listening("p4-listening-sender", &[&rows_file, "64"]);
    let at = format!("127.0.0.1:{port}");
    assert_eq!(
        client(&["receive", &at, "--width", "64", "-o", &out]).0,
        Some(0)
    );
    assert_eq!(wait(&mut sender), Some(0));

    for name in ["p4-receiver", "p4-receiver-naive"] {
        let (mut receiver, port) = listening(name, &[&got, "64"]);
        let at = format!("127.0.0.1:{port}");
        let status = Command::new(SERVER)
            .args(["stream", "--connect", &at, "--pace", "2", "-q", &a])
            .status()
            .unwrap();
        // One that takes each recv() for a row may break off; then our side says so.
        assert!(status.success() || name.ends_with("naive"), "{name}");
        assert_eq!(wait(&mut receiver), Some(0));
        if status.success() {
            assert_eq!(folder.read("got").len(), 64 * 48 * 3);
        }
    }
}

/// A receiver that takes one `recv` for one row, and is slower than any pause: each of them brings one row all the same.
#[test]
fn a_row_goes_out_when_the_row_before_was_taken() {
    const WIDTH: u32 = 64;
    let folder = Folder::new();
    folder.picture("a.png", 1, WIDTH, 48);
    let file = folder.text("a.png");
    for (host, program, arguments) in [
        ("127.0.0.1", SERVER, &["stream", "--connect"][..]),
        ("::1", SERVER, &["stream", "--connect"]),
        ("127.0.0.1", CLIENT, &["send", "--protocol", "raw-pixels"]),
    ] {
        let Ok(listener) = std::net::TcpListener::bind((host, 0)) else {
            eprintln!("SKIPPED a_row_goes_out_when_the_row_before_was_taken: no {host} here");
            continue;
        };
        let at = listener.local_addr().unwrap().to_string();
        let mut sender = Command::new(program)
            .args(arguments)
            .args([&at, &file, "-q"])
            .spawn()
            .unwrap();
        let (mut peer, _) = listener.accept().unwrap();
        let mut buffer = vec![0; 1 << 16];
        let mut rows = Vec::new();
        loop {
            std::thread::sleep(std::time::Duration::from_millis(2));
            match peer.read(&mut buffer).unwrap() {
                0 => break,
                bytes => rows.push(bytes),
            }
        }
        assert_eq!(rows, [WIDTH as usize * 3; 48], "{program} to {host}");
        assert_eq!(wait(&mut sender), Some(0));
    }
}

#[test]
fn datagrams_either_way() {
    if !python("datagrams_either_way") {
        return;
    }
    let folder = Folder::new();
    let jpeg = folder.picture("a.jpg", 1, 300, 200);
    let (a, got, out) = (folder.text("a.jpg"), folder.text("got"), folder.text("out"));
    let arguments = [
        "receive",
        "--port",
        "0",
        "--protocol",
        "udp",
        "--count",
        "2",
        "--out",
        &out,
    ];
    let server = Running::start(SERVER, &arguments);
    peer("p5-sender", server.port, &[&a]);
    peer("p5-sender-no-end", server.port, &[&a]);
    let (code, _) = server.ended();
    assert_eq!(code, Some(0));
    for name in folder.names("out") {
        assert_eq!(folder.read(&format!("out/{name}")), jpeg, "{name}");
    }
    for name in ["p5-receiver", "p5-receiver-silence"] {
        let (mut receiver, port) = listening(name, &[&got]);
        let at = format!("127.0.0.1:{port}");
        assert_eq!(client(&["send", &at, &a, "--protocol", "udp"]).0, Some(0));
        assert_eq!(wait(&mut receiver), Some(0), "{name}");
        assert_eq!(folder.read("got"), jpeg, "{name}");
    }
}

#[test]
fn handshake_and_half_close_either_way() {
    if !python("handshake_and_half_close_either_way") {
        return;
    }
    let folder = Folder::new();
    let jpeg = folder.picture("a.jpg", 1, 300, 200);
    let (a, got, out) = (folder.text("a.jpg"), folder.text("got"), folder.text("out"));
    for (protocol, sender, receiver) in [
        ("size-handshake", "size-client", "size-server"),
        ("half-close", "half-close-client", "half-close-server"),
    ] {
        let arguments = [
            "receive",
            "--port",
            "0",
            "--protocol",
            protocol,
            "--count",
            "1",
            "--out",
            &out,
        ];
        let server = Running::start(SERVER, &arguments);
        peer(sender, server.port, &[&a]);
        assert_eq!(server.ended().0, Some(0), "{protocol}");
        let (mut receiver, port) = listening(receiver, &[&got]);
        let at = format!("127.0.0.1:{port}");
        assert_eq!(
            client(&["send", &at, &a, "--protocol", protocol]).0,
            Some(0)
        );
        assert_eq!(wait(&mut receiver), Some(0), "{protocol}");
        assert_eq!(folder.read("got"), jpeg, "{protocol}");
    }
    for name in folder.names("out") {
        assert_eq!(folder.read(&format!("out/{name}")), jpeg, "{name}");
    }
}

/// The server is confined by the time that the datagram of a stranger comes.
#[test]
fn whoever_asks_is_sent_datagrams_in_every_format() {
    if !python("whoever_asks_is_sent_datagrams_in_every_format") {
        return;
    }
    let folder = Folder::new();
    let jpegs = [
        folder.picture("a.jpg", 1, 300, 200),
        folder.picture("b.jpg", 2, 120, 90),
    ];
    let (a, b) = (folder.text("a.jpg"), folder.text("b.jpg"));
    let got = [folder.text("got-a"), folder.text("got-b")];
    for host in ["127.0.0.1", "::1"] {
        for protocol in ["udp", "udp-jpeg", "udp-index", "udp-count"] {
            let server = Running::start(
                SERVER,
                &[
                    "stream",
                    "--port",
                    "0",
                    "--listen",
                    host,
                    "--protocol",
                    protocol,
                    &a,
                    &b,
                ],
            );
            let files = [protocol, &got[0], &got[1]];
            let mut asker = spawn_at(host, "udp-asker", server.port, &files);
            assert_eq!(wait(&mut asker), Some(0), "{host} {protocol}");
            let (code, told) = server.ended();
            assert_eq!(code, Some(0), "{host} {protocol}: {told:?}");
            for (name, jpeg) in ["got-a", "got-b"].iter().zip(&jpegs) {
                assert_eq!(folder.read(name), *jpeg, "{host} {protocol}");
            }
        }
        let stream = [
            "stream",
            "--port",
            "0",
            "--listen",
            host,
            "--protocol",
            "framed",
        ];
        let server = Running::start(SERVER, &[&stream[..], &["--udp", &a]].concat());
        let at = match host {
            "::1" => format!("[::1]:{}", server.port),
            _ => format!("{host}:{}", server.port),
        };
        let receive = [
            "receive",
            &at,
            "--protocol",
            "framed",
            "--udp",
            "-o",
            &got[0],
        ];
        assert_eq!(client(&receive).0, Some(0), "{host}");
        assert_eq!(server.ended().0, Some(0), "{host}");
        assert_eq!(folder.read("got-a"), jpegs[0], "{host}");
    }
}
