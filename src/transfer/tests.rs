//! Servers and clients against each other, and against peers written here as people write them.

mod common_limits;
mod ledgers;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::server::catalog::Catalog;
use super::server::pipeline::Pipeline;
use super::server::receive::Receive;
use super::server::stream::Stream;
use super::*;
use crate::imaging::{Filter, synth};
use crate::picture::Format;
use crate::wire::{PIPELINE_MARKER, Protocol};

/// Everything that was told.
#[derive(Default)]
struct Told(Mutex<Vec<Event>>);

impl Told {
    fn observe(&self) -> impl Fn(Event) + Sync + '_ {
        |event| self.0.lock().unwrap().push(event)
    }

    fn records(&self) -> Vec<Record> {
        let events = self.0.lock().unwrap();
        events
            .iter()
            .filter_map(|event| match event {
                Event::Transferred(record) => Some((**record).clone()),
                _ => None,
            })
            .collect()
    }

    fn warnings(&self) -> Vec<String> {
        let events = self.0.lock().unwrap();
        events
            .iter()
            .filter_map(|event| match event {
                Event::Warning(warning) => Some(warning.clone()),
                _ => None,
            })
            .collect()
    }
}

fn limits() -> Limits {
    Limits {
        idle: Duration::from_secs(5),
        idle_udp: Duration::from_millis(400),
        ..Limits::default()
    }
}

/// Runs a server and what meets it, and returns what the server told.
fn meet<R>(
    limits: Limits,
    server: impl FnOnce(&Session<'_>) -> Result<(), Error> + Send,
    visitors: impl FnOnce() -> R,
) -> (Told, Result<(), Error>, R) {
    let told = Told::default();
    let observer = told.observe();
    let session = Session {
        limits,
        shutdown: Shutdown::default(),
        observer: &observer,
    };
    let (outcome, met) = thread::scope(|scope| {
        let server = scope.spawn(|| server(&session));
        let met = visitors();
        // A server without a count goes on until it is told to end.
        thread::sleep(Duration::from_millis(20));
        let since = Instant::now();
        while !server.is_finished() && since.elapsed() < Duration::from_secs(10) {
            thread::sleep(Duration::from_millis(5));
        }
        session.shutdown.request();
        (server.join().unwrap(), met)
    });
    drop(observer);
    (told, outcome, met)
}

/// Runs a client and returns what it told.
fn client(run: impl FnOnce(&Session<'_>) -> Result<(), Error>) -> (Vec<Record>, Result<(), Error>) {
    let told = Told::default();
    let outcome = run(&Session {
        limits: limits(),
        shutdown: Shutdown::default(),
        observer: &told.observe(),
    });
    (told.records(), outcome)
}

fn listener() -> (TcpListener, String) {
    let listener = listen(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let peer = listener.local_addr().unwrap().to_string();
    (listener, peer)
}

fn udp() -> (UdpSocket, String) {
    let socket = bind_udp(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let peer = socket.local_addr().unwrap().to_string();
    (socket, peer)
}

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    fn store(&self) -> Store {
        Store::open(&self.path("in")).unwrap()
    }

    /// Names and bytes of what was saved.
    fn saved(&self) -> Vec<(String, Vec<u8>)> {
        let mut saved: Vec<_> = fs::read_dir(self.path("in"))
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let name = entry.file_name().into_string().unwrap();
                (name, fs::read(entry.path()).unwrap())
            })
            .collect();
        saved.sort();
        saved
    }
}

fn picture(seed: u64, format: Format) -> Vec<u8> {
    synth::picture(seed, 120, 90, format).unwrap()
}

fn sending(peer: String, files: Vec<PathBuf>, protocol: &str) -> client::send::Send {
    client::send::Send {
        one_connection: false,
        back: None,
        peer,
        files,
        protocol: protocol.parse().unwrap(),
        chunk: None,
        pace: None,
    }
}

fn receiving(folder: &Folder, protocol: &str, count: u64) -> Receive {
    Receive {
        protocol: protocol.parse().unwrap(),
        store: folder.store(),
        count: Some(count),
    }
}

#[test]
fn pictures_arrive_as_they_were_sent_in_every_format() {
    for protocol in [
        "eof",
        "marker",
        "marker=<END>",
        "length=u32be",
        "length=u64le",
        "length=ascii64",
        "length=ascii10",
        "carve",
        "layout u32be number, u32le length, picture",
        "layout text(until \"\\n\") name, dec(until \"\\n\") length, u32be crc32, picture, \"\\n\"",
    ] {
        let folder = Folder::new();
        let pictures = [picture(1, Format::Jpeg), picture(2, Format::Png)];
        let files = vec![
            folder.file("a.jpg", &pictures[0]),
            folder.file("b.png", &pictures[1]),
        ];
        let (listener, peer) = listener();
        let receive = receiving(&folder, protocol, 2);
        let (told, outcome, (sent, client)) = meet(
            limits(),
            |session| server::receive::run(&listener, &receive, session),
            || client(|session| client::send::run(&sending(peer, files, protocol), session)),
        );
        outcome.unwrap();
        client.unwrap();
        let mut got: Vec<Vec<u8>> = folder.saved().into_iter().map(|(_, bytes)| bytes).collect();
        let mut want = pictures.to_vec();
        got.sort();
        want.sort();
        assert_eq!(got, want, "{protocol}");
        let received = told.records();
        assert_eq!((sent.len(), received.len()), (2, 2), "{protocol}");
        for sent in &sent {
            assert_eq!(sent.problem, None, "{protocol}");
            let received = received
                .iter()
                .find(|received| received.sha256 == sent.sha256)
                .unwrap();
            assert_eq!(received.problem, None);
            assert_eq!((received.from, received.to), (sent.from, sent.to));
            assert_eq!(received.bytes, sent.bytes);
            for record in [sent, received] {
                let total: u64 = record.chunks.iter().map(|&chunk| u64::from(chunk)).sum();
                assert_eq!(total, record.bytes);
                assert!(record.started <= record.ended);
            }
            let chunk = if protocol == "marker" { 2048 } else { 1024 };
            let whole = sent.chunks.split_last().unwrap().1;
            assert!(
                whole.iter().all(|&size| size == chunk),
                "{protocol}: {:?}",
                sent.chunks
            );
        }
    }
}

#[test]
fn what_is_cut_short_or_no_picture_is_said_and_never_saved_as_whole() {
    let folder = Folder::new();
    let jpeg = picture(1, Format::Jpeg);
    let (listener, peer) = listener();
    let receive = receiving(&folder, "eof", 3);
    let (told, ..) = meet(
        limits(),
        |session| server::receive::run(&listener, &receive, session),
        || {
            let mut early = TcpStream::connect(&peer).unwrap();
            early.write_all(&jpeg[..1500]).unwrap();
            drop(early);
            thread::sleep(Duration::from_millis(100));
            // Comes and goes without a word: told as a transfer of nothing, and counted.
            drop(TcpStream::connect(&peer).unwrap());
            thread::sleep(Duration::from_millis(100));
            let mut text = TcpStream::connect(&peer).unwrap();
            text.write_all(b"../../etc/passwd is no picture").unwrap();
        },
    );
    let records = told.records();
    assert_eq!(records.len(), 3);
    let problem = records[0].problem.as_deref().unwrap();
    assert!(problem.starts_with("the picture stops"), "{problem}");
    assert_eq!(
        (records[0].format, records[0].bytes),
        (Some(Format::Jpeg), 1500)
    );
    let problem = records[1].problem.as_deref().unwrap();
    assert_eq!((problem, records[1].bytes), ("connected, sent nothing", 0));
    let problem = records[2].problem.as_deref().unwrap();
    assert!(
        problem.contains("begins with \"../../etc/pa\""),
        "{problem}"
    );
    assert_eq!((&records[1].file, &records[2].file), (&None, &None));
    assert_eq!(
        folder.saved(),
        [(
            "image-0001.incomplete.jpg".to_owned(),
            jpeg[..1500].to_vec()
        )]
    );
    assert!(told.warnings().is_empty(), "{:?}", told.warnings());
}

#[test]
fn limits_on_size_and_silence_hold() {
    let folder = Folder::new();
    let png = picture(1, Format::Png);
    let (listener, peer) = listener();
    let receive = receiving(&folder, "length=u32be", 2);
    let limits = Limits {
        idle: Duration::from_millis(300),
        picture_bytes: 5000,
        ..limits()
    };
    assert!(png.len() > 5000);
    let (told, ..) = meet(
        limits,
        |session| server::receive::run(&listener, &receive, session),
        || {
            let mut large = TcpStream::connect(&peer).unwrap();
            let length = u32::try_from(png.len()).unwrap().to_be_bytes();
            large.write_all(&length).unwrap();
            let _ = large.write_all(&png);
            let mut silent = TcpStream::connect(&peer).unwrap();
            silent.write_all(&[0, 0, 0, 200]).unwrap();
            silent.write_all(&png[..100]).unwrap();
            let since = Instant::now();
            let _ = silent.read(&mut [0; 1]);
            assert!(
                since.elapsed() < Duration::from_secs(4),
                "the server waits for ever"
            );
        },
    );
    let problems: Vec<String> = told
        .records()
        .into_iter()
        .filter_map(|record| record.problem)
        .collect();
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(
        problems
            .iter()
            .any(|problem| problem.contains("more than the limit of 5,000")),
        "{problems:?}"
    );
    assert!(
        problems
            .iter()
            .any(|problem| problem.contains("nothing moved for 0.3 s")),
        "{problems:?}"
    );
    assert!(
        folder
            .saved()
            .iter()
            .all(|(name, _)| name.contains("incomplete"))
    );
}

#[test]
fn server_ends_at_once_when_told_to() {
    let folder = Folder::new();
    let (listener, peer) = listener();
    let receive = Receive {
        count: None,
        ..receiving(&folder, "eof", 1)
    };
    let told = Told::default();
    let observer = told.observe();
    let session = Session {
        limits: limits(),
        shutdown: Shutdown::default(),
        observer: &observer,
    };
    thread::scope(|scope| {
        let server = scope.spawn(|| server::receive::run(&listener, &receive, &session));
        let mut open = TcpStream::connect(&peer).unwrap();
        open.write_all(&picture(1, Format::Jpeg)[..500]).unwrap();
        thread::sleep(Duration::from_millis(150));
        let since = Instant::now();
        session.shutdown.request();
        server.join().unwrap().unwrap();
        assert!(
            since.elapsed() < Duration::from_millis(600),
            "{:?}",
            since.elapsed()
        );
    });
    assert_eq!(told.records().len(), 1);
    assert!(told.records()[0].problem.is_some());
}

/// Reads as the observed programs do: until one `recv` is exactly the marker.
fn naive_receive(stream: &mut TcpStream) -> Option<Vec<u8>> {
    stream
        .set_read_timeout(Some(Duration::from_secs(3)))
        .unwrap();
    let mut picture = Vec::new();
    let mut buffer = [0; 2048];
    loop {
        let count = stream.read(&mut buffer).ok()?;
        match &buffer[..count] {
            PIPELINE_MARKER => return Some(picture),
            [] => return None,
            bytes => picture.extend_from_slice(bytes),
        }
    }
}

#[test]
fn pipeline_works_with_naive_workers_and_with_its_own() {
    let folder = Folder::new();
    let jpeg = picture(3, Format::Jpeg);
    let upload = folder.file("upload.jpg", &jpeg);
    let (listener, peer) = listener();
    let pipeline = Pipeline {
        store: folder.store(),
        workers: 2,
        rounds: Some(1),
        protocol: Protocol::pipeline(),
    };
    let (told, outcome, ()) = meet(
        limits(),
        |session| server::pipeline::run(&listener, &pipeline, session),
        || {
            let (sent, outcome) = client(|session| {
                client::send::run(&sending(peer.clone(), vec![upload], "marker"), session)
            });
            outcome.unwrap();
            assert_eq!(sent[0].problem, None);
            let mut naive = TcpStream::connect(&peer).unwrap();
            let strip = naive_receive(&mut naive).expect("the marker came alone");
            naive.write_all(&strip).unwrap();
            naive.write_all(PIPELINE_MARKER).unwrap();
            drop(naive);
            let work = client::work::Work {
                peer: peer.clone(),
                filter: Filter::FindEdges,
                rounds: 1,
                protocol: Protocol::pipeline(),
            };
            let (records, outcome) = client(|session| client::work::run(&work, session));
            outcome.unwrap();
            assert_eq!(records.len(), 2);
        },
    );
    outcome.unwrap();
    let names: Vec<String> = folder.saved().into_iter().map(|(name, _)| name).collect();
    let want = [
        "merged", "result-1", "result-2", "strip-1", "strip-2", "upload",
    ];
    assert_eq!(names, want.map(|what| format!("round-0001-{what}.jpg")));
    let saved = folder.saved();
    assert_eq!(saved[1].1, saved[3].1, "worker 1 sent back what it got");
    assert_eq!(saved[5].1, jpeg);
    let merged = pixels::decode(&saved[0].1, "merged").unwrap();
    assert_eq!((merged.width(), merged.height()), (120, 90));
    assert_eq!(told.records().len(), 5);
    assert!(told.records().iter().all(|record| record.problem.is_none()));
}

#[test]
fn pipeline_does_the_strips_of_workers_that_die_hang_or_answer_nonsense() {
    let folder = Folder::new();
    let jpeg = synth::picture(3, 121, 90, Format::Jpeg).unwrap();
    let upload = folder.file("upload.jpg", &jpeg);
    let (listener, peer) = listener();
    let pipeline = Pipeline {
        store: folder.store(),
        workers: 3,
        rounds: Some(1),
        protocol: Protocol::pipeline(),
    };
    let limits = Limits {
        idle: Duration::from_millis(500),
        ..limits()
    };
    let (told, outcome, ()) = meet(
        limits,
        |session| server::pipeline::run(&listener, &pipeline, session),
        || {
            let send = sending(peer.clone(), vec![upload], "marker");
            client(|session| client::send::run(&send, session))
                .1
                .unwrap();
            drop(TcpStream::connect(&peer).unwrap());
            let hangs = TcpStream::connect(&peer).unwrap();
            let mut nonsense = TcpStream::connect(&peer).unwrap();
            naive_receive(&mut nonsense).unwrap();
            nonsense.write_all(&picture(9, Format::Jpeg)).unwrap();
            nonsense.write_all(PIPELINE_MARKER).unwrap();
            thread::sleep(Duration::from_millis(900));
            drop(hangs);
        },
    );
    outcome.unwrap();
    let warnings = told.warnings();
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    assert!(
        warnings
            .iter()
            .all(|warning| warning.contains("its strip is done here"))
    );
    let saved = folder.saved();
    let merged = saved
        .iter()
        .find(|(name, _)| name == "round-0001-merged.jpg")
        .unwrap();
    let merged = pixels::decode(&merged.1, "merged").unwrap();
    assert_eq!((merged.width(), merged.height()), (121, 90));
}

#[test]
fn pipeline_says_why_a_round_failed_and_goes_on() {
    let folder = Folder::new();
    let (listener, peer) = listener();
    let pipeline = Pipeline {
        store: folder.store(),
        workers: 2,
        rounds: Some(1),
        protocol: Protocol::pipeline(),
    };
    let limits = Limits {
        idle: Duration::from_millis(200),
        ..limits()
    };
    let (told, outcome, _) = meet(
        limits,
        |session| server::pipeline::run(&listener, &pipeline, session),
        || {
            // A worker that came first waits for the server, and the server for the upload.
            let mut worker = TcpStream::connect(&peer).unwrap();
            worker.read(&mut [0; 1])
        },
    );
    outcome.unwrap();
    let warnings = told.warnings();
    assert!(
        warnings[0].contains("start it before the workers"),
        "{warnings:?}"
    );
}

#[test]
fn catalog_answers_by_number_and_nobody_blocks_it() {
    let folder = Folder::new();
    fs::create_dir(folder.path("pictures")).unwrap();
    let jpeg = picture(1, Format::Jpeg);
    fs::write(folder.path("pictures/2.jpg"), &jpeg).unwrap();
    fs::write(folder.path("pictures/10.png"), picture(2, Format::Png)).unwrap();
    fs::write(folder.path("pictures/1.txt"), "no picture").unwrap();
    let catalog = Catalog::of_folder(&folder.path("pictures")).unwrap();
    assert_eq!(catalog.list().unwrap().len(), 2);
    let (listener, peer) = listener();
    let limits = Limits {
        idle: Duration::from_millis(500),
        ..limits()
    };
    let (told, outcome, ()) = meet(
        limits,
        |session| server::catalog::run(&listener, &catalog, Some(3), session),
        || {
            let mut silent = TcpStream::connect(&peer).unwrap();
            for (choice, same) in [("1", true), ("2", false), ("7", false)] {
                let file = folder.path("got.jpg");
                let (records, outcome) =
                    client(|session| client::get::run(&peer, choice, &file, session));
                outcome.unwrap();
                assert_eq!(records[0].problem, None);
                assert_eq!(records[0].request.as_deref(), Some(choice));
                assert_eq!(fs::read(&file).unwrap() == jpeg, same);
                if choice == "1" {
                    // The empty request is ended, not waited for.
                    assert_eq!(silent.read(&mut [0; 1]).unwrap(), 0);
                }
            }
        },
    );
    outcome.unwrap();
    let records = told.records();
    assert!(records.iter().all(|record| record.problem.is_none()));
    let files: Vec<bool> = records.iter().map(|record| record.file.is_some()).collect();
    assert_eq!(files, [true, true, false]);
    let warnings = told.warnings();
    assert!(
        warnings
            .iter()
            .any(|warning| warning.contains("chose nothing for 0.5 s")),
        "{warnings:?}"
    );
    assert!(
        warnings
            .iter()
            .any(|warning| warning.contains("\"7\", which there is not")),
        "{warnings:?}"
    );
}

#[test]
fn one_recv_where_a_loop_is_needed_is_seen_by_the_sender() {
    let folder = Folder::new();
    let file = folder.file("a.png", &synth::picture(1, 900, 700, Format::Bmp).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let peer = listener.local_addr().unwrap().to_string();
    let (records, outcome) = thread::scope(|scope| {
        scope.spawn(|| {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]);
        });
        client(|session| client::send::run(&sending(peer, vec![file], "eof"), session))
    });
    outcome.unwrap();
    let problem = records[0].problem.as_deref().unwrap();
    assert!(problem.contains("reset the connection"), "{problem}");
}

#[test]
fn rows_of_pixels_become_a_picture_again_either_way_round() {
    let folder = Folder::new();
    let png = picture(4, Format::Png);
    let stream = Stream {
        protocol: Protocol::RawPixels { width: None },
        files: vec![folder.file("a.png", &png)],
        chunk: None,
        pace: Duration::ZERO,
    };
    let protocol = Protocol::RawPixels { width: Some(120) };
    for sender_connects in [true, false] {
        let (listener, peer) = listener();
        let out = folder.path("out.png");
        let (told, outcome, (records, met)) = meet(
            limits(),
            |session| {
                if sender_connects {
                    client::receive::listen(&listener, &protocol, &out, session)
                } else {
                    server::stream::listen(
                        &listener,
                        &stream,
                        server::stream::Frames::default(),
                        session,
                    )
                }
            },
            || {
                client(|session| {
                    if sender_connects {
                        server::stream::connect(
                            &peer,
                            &stream,
                            server::stream::Frames::default(),
                            session,
                        )
                    } else {
                        client::receive::connect(&peer, &protocol, &out, session)
                    }
                })
            },
        );
        outcome.unwrap();
        met.unwrap();
        let (sent, received) = if sender_connects {
            (records, told.records())
        } else {
            (told.records(), records)
        };
        assert_eq!(sent[0].chunks, vec![360; 90]);
        assert_eq!(sent[0].protocol, Protocol::RawPixels { width: Some(120) });
        assert_eq!(sent[0].sha256, received[0].sha256);
        let pixels = |bytes: &[u8]| pixels::decode(bytes, "").unwrap().into_rgb8();
        assert_eq!(pixels(&fs::read(&out).unwrap()), pixels(&png));
        fs::remove_file(&out).unwrap();
    }
}

#[test]
fn rows_of_another_width_are_said_to_be_left_over() {
    let folder = Folder::new();
    let (listener, peer) = listener();
    let out = folder.path("out.png");
    let (told, ..) = meet(
        limits(),
        |session| {
            client::receive::listen(
                &listener,
                &Protocol::RawPixels { width: Some(100) },
                &out,
                session,
            )
        },
        || {
            TcpStream::connect(peer)
                .unwrap()
                .write_all(&[7; 1000])
                .unwrap();
        },
    );
    let problem = told.records()[0].problem.clone().unwrap();
    assert!(problem.contains("100 are left over"), "{problem}");
    assert!(!out.exists() && folder.path("out.incomplete.png").exists());
}

#[test]
fn datagrams_arrive_and_silence_ends_a_picture() {
    let folder = Folder::new();
    let jpeg = picture(5, Format::Jpeg);
    let file = folder.file("a.jpg", &jpeg);
    let (socket, peer) = udp();
    let receive = receiving(&folder, "udp", 2);
    let (told, outcome, ()) = meet(
        limits(),
        |session| server::receive::run_udp(&socket, &receive, session),
        || {
            let (records, outcome) = client(|session| {
                client::send::run(&sending(peer.clone(), vec![file], "udp"), session)
            });
            outcome.unwrap();
            assert_eq!(records[0].problem, None);
            // Half a picture, and then nothing.
            let half = UdpSocket::bind("127.0.0.1:0").unwrap();
            half.send_to(b"hello", &peer).unwrap();
            half.send_to(&jpeg[..1000], &peer).unwrap();
        },
    );
    outcome.unwrap();
    let records = told.records();
    assert_eq!(records.len(), 2);
    assert_eq!(
        (records[0].problem.as_deref(), records[0].bytes),
        (None, jpeg.len() as u64)
    );
    let problem = records[1].problem.as_deref().unwrap();
    assert!(
        problem.starts_with("no datagram came any more"),
        "{problem}"
    );
    assert_eq!(folder.saved()[0].1, jpeg);
}

#[test]
fn datagrams_come_to_a_receiver_that_asks() {
    let folder = Folder::new();
    let jpeg = picture(6, Format::Jpeg);
    let stream = Stream {
        protocol: Protocol::Udp,
        files: vec![folder.file("a.jpg", &jpeg)],
        chunk: Some(700),
        pace: Duration::from_millis(1),
    };
    let (socket, peer) = udp();
    let out = folder.path("out.jpg");
    let (told, outcome, (records, met)) = meet(
        limits(),
        |session| {
            server::stream::listen_udp(&socket, &stream, server::stream::Frames::default(), session)
        },
        || client(|session| client::receive::greet_udp(&peer, &Protocol::Udp, &out, session)),
    );
    outcome.unwrap();
    met.unwrap();
    assert_eq!(fs::read(&out).unwrap(), jpeg);
    assert_eq!(told.records()[0].sha256, records[0].sha256);
}

#[test]
fn errors_say_what_to_do_and_whose_they_are() {
    let nobody = client(|session| {
        client::send::run(&sending("127.0.0.1:1".to_owned(), vec![], "eof"), session)
    });
    nobody.1.unwrap();
    let missing = sending(
        "127.0.0.1:1".to_owned(),
        vec!["/nonexistent.jpg".into()],
        "eof",
    );
    let error = client(|session| client::send::run(&missing, session))
        .1
        .unwrap_err();
    assert!(error.is_usage());
    assert!(
        error
            .told()
            .starts_with("/nonexistent.jpg: cannot be read; check its name"),
        "{}",
        error.told()
    );
    let folder = Folder::new();
    let refused = sending(
        "127.0.0.1:1".to_owned(),
        vec![folder.file("a.jpg", b"x")],
        "eof",
    );
    let error = client(|session| client::send::run(&refused, session))
        .1
        .unwrap_err();
    assert!(!error.is_usage());
    assert!(
        error.told().contains("is the server running"),
        "{}",
        error.told()
    );
    let (listener, _) = listener();
    let taken = listener.local_addr().unwrap();
    assert!(matches!(listen(taken), Err(Error::Listen { .. })));
    assert!(Store::open(Path::new("/proc/nonexistent")).is_err());
}
