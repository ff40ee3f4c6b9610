//! Everything ends in time, whatever is under way, and strangers cost little.

use std::io::Write as _;
use std::net::{TcpStream, UdpSocket};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use imgnet::wire::framed::Sender;

use crate::programs::{CLIENT, Folder, Running, SERVER, client, transfers, wait};

/// What is promised.
const SOON: Duration = Duration::from_secs(10);

#[test]
fn every_server_ends_within_ten_seconds_whatever_is_under_way() {
    let folder = Folder::new();
    folder.picture("photo.png", 1, 320, 240);
    let photo = folder.text("photo.png");
    let out = folder.text("out");
    let pictures = folder.text("pictures");
    std::fs::create_dir(&pictures).unwrap();
    std::fs::copy(&photo, format!("{pictures}/a.png")).unwrap();
    let cases: [Vec<&str>; 5] = [
        vec!["receive", "--protocol", "eof", "--out", &out],
        vec!["receive", "--protocol", "udp", "--out", &out],
        vec!["catalog", "--import", &pictures],
        vec!["pipeline", "--out", &out],
        vec!["stream", &photo],
    ];
    let cases = cases.map(|mut case| {
        case.extend(["--idle", "300", "--port", "0"]);
        Running::start(SERVER, &case)
    });
    let beginning = &std::fs::read(&photo).unwrap()[..300];
    let held: Vec<_> = cases
        .iter()
        .enumerate()
        .map(|(index, server)| {
            let address = ("127.0.0.1", server.port);
            if index == 1 {
                let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
                socket.send_to(beginning, address).unwrap();
                return (None, Some(socket));
            }
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(beginning).unwrap();
            (Some(stream), None)
        })
        .collect();
    thread::sleep(Duration::from_millis(500));
    thread::scope(|scope| {
        for server in cases {
            scope.spawn(move || {
                let since = Instant::now();
                server.stop();
                let took = since.elapsed();
                assert!(took < SOON, "{took:?}");
            });
        }
    });
    drop(held);
}

#[test]
fn a_pipe_into_which_nobody_writes_is_not_waited_for_for_ever() {
    let folder = Folder::new();
    let pipe = folder.text("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let mut child = Command::new(CLIENT)
        .args(["send", "127.0.0.1:9", &pipe])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let since = Instant::now();
    assert_eq!(wait(&mut child), Some(2));
    assert!(since.elapsed() < SOON + Duration::from_secs(5));
    let said = std::io::read_to_string(child.stderr.take().unwrap()).unwrap();
    assert!(said.contains("nothing came out of it for 10 s"), "{said}");
}

/// An announcement of a picture of 1 MB.
fn announcement(picture: &[u8], number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let patience = Duration::from_secs(5);
    let mut sender = Sender::new(picture, 1200, Duration::ZERO, patience).numbered(number);
    assert!(sender.poll_transmit(Duration::ZERO, &mut bytes));
    bytes
}

#[test]
fn a_stranger_is_answered_with_less_than_came_and_takes_no_place() {
    let folder = Folder::new();
    let out = folder.text("out");
    let server = Running::start(
        SERVER,
        &[
            "receive",
            "--protocol",
            "framed",
            "--udp",
            "--out",
            &out,
            "--port",
            "0",
            "--connections",
            "20",
            "--count",
            "1",
        ],
    );
    let address = ("127.0.0.1", server.port);
    let picture = vec![7; 1_000_000];
    // More strangers than there are places, none of whom hears what is sent to him.
    let strangers: Vec<UdpSocket> = (0..200)
        .map(|_| UdpSocket::bind("127.0.0.1:0").unwrap())
        .collect();
    let mut came = 0;
    for (number, stranger) in (1..).zip(&strangers) {
        let bytes = announcement(&picture, number);
        came = bytes.len();
        stranger.send_to(&bytes, address).unwrap();
    }
    thread::sleep(Duration::from_millis(500));
    let mut answered = 0;
    for stranger in &strangers {
        stranger.set_nonblocking(true).unwrap();
        let mut sum = 0;
        let mut buffer = [0; 2048];
        while let Ok(count) = stranger.recv(&mut buffer) {
            sum += count;
        }
        assert!(sum * 2 < came, "{sum} bytes for {came}");
        answered += usize::from(sum > 0);
    }
    assert_eq!(answered, strangers.len());
    // One that only came, and says nothing of what it was given, is not answered at all.
    folder.picture("photo.png", 2, 320, 240);
    let photo = folder.text("photo.png");
    let to = format!("127.0.0.1:{}", server.port);
    let (code, told) = client(&["send", &to, &photo, "--protocol", "framed", "--udp"]);
    assert_eq!(code, Some(0), "{told:?}");
    let (code, told) = server.ended();
    assert_eq!(code, Some(0), "{told:?}");
    assert_eq!(transfers(&told).len(), 1, "{told:?}");
}
