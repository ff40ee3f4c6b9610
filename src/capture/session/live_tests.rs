//! Captures of real TCP traffic. Each test runs itself again in a private network; where there can be none
//! it says so and why.

use std::collections::{HashMap, HashSet};
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::capture::pcapng::Interface;
use crate::capture::private::{self, Identity};
use crate::source::live::{self, Live};

/// Set in the child, to the folder that both share.
const INSIDE: &str = "IMGNET_TEST_INSIDE";

/// The test of this name, in a private network of its own; absent where that is not possible.
fn inside(test: &str, folder: &Path) -> Option<Child> {
    if let Err(forbidden) = private::rehearse(Identity::Root) {
        println!("SKIPPED {test}: {forbidden}");
        return None;
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "--nocapture"])
        .arg(format!("capture::session::live_tests::{test}"))
        .env(INSIDE, folder);
    private::enclose(&mut command, Identity::Root);
    Some(command.spawn().unwrap())
}

/// The folder, when this is the child.
fn shared() -> Option<std::path::PathBuf> {
    std::env::var_os(INSIDE).map(Into::into)
}

fn loopback() -> Live {
    Live::open(&live::Options {
        filter: Some("tcp".to_owned()),
        timeout: Duration::from_millis(20),
        ..live::Options::default()
    })
    .unwrap()
}

fn described(live: &Live) -> Interface<'_> {
    Interface {
        name: Some(live.interface()),
        description: None,
        filter: Some("tcp"),
        os: None,
        link: live.link(),
        snap_len: 262_144,
    }
}

/// How many frames `source` finds in the file, and what it says of it.
fn read_back(path: &Path) -> (u64, crate::source::FileSummary) {
    let mut capture = crate::source::Capture::open(&[path.to_path_buf()]).unwrap();
    let mut frames = 0;
    capture
        .for_each_frame(&mut |_| {
            frames += 1;
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
    (frames, capture.files()[0].clone())
}

/// What tshark makes of the file; absent where there is no tshark.
fn tshark(path: &Path, fields: &[&str]) -> Option<Vec<String>> {
    let mut command = Command::new("tshark");
    command.args(["-T", "fields"]).arg("-r").arg(path);
    for field in fields {
        command.args(["-e", field]);
    }
    match command.output() {
        Ok(output) => Some(
            String::from_utf8(output.stdout)
                .unwrap()
                .lines()
                .map(str::to_owned)
                .collect(),
        ),
        Err(error) => {
            println!("SKIPPED reading the file with tshark: {error}");
            None
        }
    }
}

/// Sends `bytes` bytes over each of `connections` connections one after the other; says when they arrived.
fn traffic(connections: u64, bytes: usize) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let receiver = thread::spawn(move || {
        for _ in 0..connections {
            let (mut stream, _) = listener.accept().unwrap();
            let mut got = Vec::new();
            stream.read_to_end(&mut got).unwrap();
            assert_eq!(got.len(), bytes);
        }
    });
    let data = vec![0xA5; bytes];
    for _ in 0..connections {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(&data).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        stream.read_to_end(&mut Vec::new()).unwrap();
    }
    receiver.join().unwrap();
}

/// Counts frames and their bytes.
#[derive(Default)]
struct Count(Arc<(AtomicU64, AtomicU64)>);

impl Consumer for Count {
    fn frame(&mut self, frame: &Frame<'_>) {
        self.0.0.fetch_add(1, Ordering::Relaxed);
        self.0
            .1
            .fetch_add(u64::from(frame.wire_len), Ordering::Relaxed);
    }
    fn tick(&mut self) {}
    fn finish(&mut self, _: &Counts) {}
}

#[test]
fn traffic_on_a_private_loopback_is_captured_once_and_whole() {
    const CONNECTIONS: u64 = 20;
    const BYTES: usize = 3_000_000;
    let Some(folder) = shared() else {
        let folder = tempfile::tempdir().unwrap();
        if let Some(mut child) = inside(
            "traffic_on_a_private_loopback_is_captured_once_and_whole",
            folder.path(),
        ) {
            assert!(child.wait().unwrap().success());
        }
        return;
    };
    let path = folder.join("live.pcapng");
    let mut device = loopback();
    let recorder = Recorder::create(path.clone(), &[described(&device)], None).unwrap();
    let stop = Stop::default();
    let asking = stop.clone();
    let worker = thread::spawn(move || {
        traffic(CONNECTIONS, BYTES);
        asking.request(Reason::Done);
    });
    let (summary, count) = run(
        &mut device,
        Some(recorder),
        Count::default(),
        &stop,
        Options::default(),
        None,
    );
    worker.join().unwrap();
    assert_eq!(summary.ended, Reason::Done);
    let counts = summary.counts;
    assert_eq!(counts.lost(), 0, "{counts:?}");
    assert_eq!(counts.received, Some(counts.frames), "{counts:?}");
    assert_eq!(count.0.0.load(Ordering::Relaxed), counts.frames);
    assert_eq!(summary.written.unwrap().frames, counts.frames);

    let (frames, file) = read_back(&path);
    assert_eq!(frames, counts.frames);
    assert_eq!((file.truncated, file.kernel_drops), (None, Some(0)));

    let fields = [
        "tcp.stream",
        "tcp.srcport",
        "tcp.flags.syn",
        "tcp.flags.fin",
        "tcp.seq",
        "tcp.len",
    ];
    let Some(lines) = tshark(&path, &fields) else {
        return;
    };
    assert_eq!(lines.len() as u64, counts.frames);
    // By direction: TCP may send a segment again while the machine is busy.
    let (mut syns, mut fins) = (HashSet::new(), HashSet::new());
    let mut segments = HashMap::new();
    for line in &lines {
        let fields: Vec<&str> = line.split('\t').collect();
        let direction = (fields[0], fields[1]);
        if matches!(fields[2], "1" | "True") {
            syns.insert(direction);
        }
        if matches!(fields[3], "1" | "True") {
            fins.insert(direction);
        }
        let length: usize = fields[5].parse().unwrap();
        if length > 0 {
            *segments.entry((direction, fields[4], length)).or_insert(0) += 1;
        }
    }
    assert_eq!(syns.len() as u64, 2 * CONNECTIONS, "a beginning was missed");
    assert_eq!(fins.len() as u64, 2 * CONNECTIONS, "an end was missed");
    let payload: usize = segments.keys().map(|(_, _, length)| length).sum();
    let sent = BYTES * usize::try_from(CONNECTIONS).unwrap();
    assert!(payload >= sent, "{payload} of {sent}");
    // The loopback shows every frame going out and coming in.
    let twice = segments.values().filter(|times| **times > 1).count();
    assert!(twice * 10 < segments.len(), "{twice} segments came twice");
}

#[test]
fn a_capture_that_is_killed_leaves_a_file_that_opens() {
    let Some(folder) = shared() else {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("killed.pcapng");
        let Some(mut child) = inside(
            "a_capture_that_is_killed_leaves_a_file_that_opens",
            folder.path(),
        ) else {
            return;
        };
        let begun = Instant::now();
        while std::fs::metadata(&path).map_or(0, |file| file.len()) < 20_000_000 {
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "nothing is written"
            );
            thread::sleep(Duration::from_millis(5));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let length = std::fs::metadata(&path).unwrap().len();
        let (whole, _) = read_back(&path);
        let Some(lines) = tshark(&path, &["frame.number", "frame.len"]) else {
            return;
        };
        let frames = lines.len() as u64;
        assert_eq!(frames, whole);
        let bytes: u64 = lines
            .iter()
            .map(|line| line.split('\t').nth(1).unwrap().parse::<u64>().unwrap())
            .sum();
        // All but the block in which it was killed, and the blocks' own headers.
        assert!(
            bytes + frames * 40 + 300_000 > length,
            "{bytes} of {length}"
        );
        return;
    };
    let mut device = loopback();
    let path = folder.join("killed.pcapng");
    let recorder = Recorder::create(path, &[described(&device)], None).unwrap();
    thread::spawn(|| traffic(1_000_000, 1_000_000));
    run(
        &mut device,
        Some(recorder),
        (),
        &Stop::default(),
        Options::default(),
        None,
    );
}
