use std::io;
use std::sync::{Arc, Mutex};

use super::*;
use crate::capture::pcapng::Interface;
use crate::source::{Capture, FileSummary};

/// Hands over so many frames of `size` bytes, `step` at a time, then is idle.
struct Fake {
    left: u64,
    step: u64,
    size: usize,
    sent: u64,
    dropped: u64,
    fails: bool,
    /// When a frame came.
    clock: fn(u64) -> i64,
}

impl Fake {
    fn new(frames: u64, step: u64, size: usize) -> Self {
        Self {
            left: frames,
            step,
            size,
            sent: 0,
            dropped: 0,
            fails: false,
            clock: |_| 1,
        }
    }
}

impl Device for Fake {
    fn link(&self) -> LinkType {
        LinkType::ETHERNET
    }

    fn read(&mut self, each: &mut dyn FnMut(&Frame<'_>)) -> Result<u64, DeviceFailure> {
        let now = self.left.min(self.step);
        if now == 0 {
            if self.fails {
                return Err(DeviceFailure("the interface went down".into()));
            }
            thread::sleep(Duration::from_millis(1));
        }
        for _ in 0..now {
            self.sent += 1;
            let mut data = vec![0; self.size];
            data[..8].copy_from_slice(&self.sent.to_le_bytes());
            each(&Frame {
                number: crate::units::FrameNumber(self.sent),
                time: Some(Timestamp((self.clock)(self.sent))),
                link: LinkType::ETHERNET,
                interface: 0,
                wire_len: 2000,
                data: &data,
                after_end: false,
            });
        }
        self.left -= now;
        Ok(now)
    }

    fn statistics(&mut self) -> Vec<Option<Statistics>> {
        vec![Some(Statistics {
            away: None,
            received: self.sent + self.dropped,
            dropped: self.dropped,
            interface_dropped: Some(0),
        })]
    }
}

/// Remembers the numbers of the frames, and asks for the end after `enough` of them.
struct Seen {
    numbers: Vec<u64>,
    enough: u64,
    stop: Stop,
    slow: Duration,
    finished: Option<Counts>,
}

impl Seen {
    fn new(enough: u64, stop: &Stop) -> Self {
        Self {
            numbers: Vec::new(),
            enough,
            stop: stop.clone(),
            slow: Duration::ZERO,
            finished: None,
        }
    }
}

impl Consumer for Seen {
    fn frame(&mut self, frame: &Frame<'_>) {
        assert_eq!(frame.data[..8], frame.number.0.to_le_bytes());
        self.numbers.push(frame.number.0);
        if frame.number.0 >= self.enough {
            self.stop.request(Reason::Images);
        }
    }

    fn tick(&mut self) {
        thread::sleep(self.slow);
    }

    fn finish(&mut self, counts: &Counts) {
        self.finished = Some(*counts);
    }
}

const LOOPBACK: Interface<'static> = Interface {
    name: Some("lo"),
    description: None,
    filter: None,
    os: None,
    link: LinkType::ETHERNET,
    snap_len: 0,
};

/// Takes so many bytes and then fails.
struct Full {
    room: usize,
    kind: io::ErrorKind,
    taken: Arc<Mutex<Vec<u8>>>,
}

impl io::Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.room == 0 {
            return Err(self.kind.into());
        }
        let now = bytes.len().min(self.room);
        self.room -= now;
        self.taken.lock().unwrap().extend_from_slice(&bytes[..now]);
        Ok(now)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The numbers that the frames in the file carry, and what is said of the file.
fn read_back(path: &std::path::Path) -> (Vec<u64>, FileSummary) {
    let mut capture = Capture::open(&[path.to_path_buf()]).unwrap();
    let mut numbers = Vec::new();
    capture
        .for_each_frame(&mut |frame| {
            numbers.push(u64::from_le_bytes(frame.data[..8].try_into().unwrap()));
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
    (numbers, capture.files()[0].clone())
}

#[test]
fn every_frame_reaches_the_consumer_and_the_file_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("capture");
    let stop = Stop::default();
    let mut device = Fake::new(20_000, 700, 64);
    device.dropped = 7;
    let recorder = Recorder::create(path.clone(), &[LOOPBACK], None).unwrap();
    let (summary, seen) = run(
        &mut device,
        Some(recorder),
        Seen::new(20_000, &stop),
        &stop,
        Options::default(),
        None,
    );
    assert_eq!(summary.ended, Reason::Images);
    assert_eq!(summary.counts.frames, 20_000);
    assert_eq!(summary.counts.bytes, 20_000 * 64);
    assert_eq!(summary.counts.received, Some(20_007));
    assert_eq!(summary.counts.lost(), 7 + summary.counts.queue_dropped);
    assert_eq!(summary.counts.queue_dropped, 0);
    assert_eq!(seen.finished, Some(summary.counts));
    assert_eq!(seen.numbers, (1..=20_000).collect::<Vec<_>>());
    let written = summary.written.unwrap();
    assert_eq!(written.frames, 20_000);
    assert_eq!(written.bytes, std::fs::metadata(&path).unwrap().len());
    let (numbers, file) = read_back(&path);
    assert_eq!(numbers, seen.numbers);
    assert!(file.truncated.is_none());
    assert_eq!(file.kernel_drops, Some(7));
    assert_eq!(file.interfaces[0].received, Some(20_007));
    assert_eq!(file.interfaces[0].name.as_deref(), Some("lo"));
}

#[test]
fn a_slow_consumer_misses_frames_that_are_counted_and_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("capture");
    let stop = Stop::default();
    let mut device = Fake::new(240, 6, 200_000);
    let mut seen = Seen::new(u64::MAX, &stop);
    seen.slow = Duration::from_millis(30);
    let options = Options {
        duration: Some(Duration::from_millis(600)),
        consumer_queue: 2,
        ..Options::default()
    };
    let recorder = Recorder::create(path.clone(), &[LOOPBACK], None).unwrap();
    let (summary, seen) = run(&mut device, Some(recorder), seen, &stop, options, None);
    assert_eq!(summary.ended, Reason::Duration);
    assert!(summary.counts.queue_dropped > 0);
    assert_eq!(
        seen.numbers.len() as u64 + summary.counts.queue_dropped,
        summary.counts.frames
    );
    assert!(seen.numbers.is_sorted());
    assert_eq!(read_back(&path).0, (1..=240).collect::<Vec<_>>());
}

#[test]
fn without_a_file_a_slow_consumer_holds_the_reader_back() {
    let stop = Stop::default();
    let mut device = Fake::new(12, 1, 1 << 20);
    let mut seen = Seen::new(12, &stop);
    seen.slow = Duration::from_millis(10);
    let options = Options {
        consumer_queue: 1,
        ..Options::default()
    };
    let (summary, seen) = run(&mut device, None, seen, &stop, options, None);
    assert_eq!(summary.counts.queue_dropped, 0);
    assert_eq!(seen.numbers, (1..=12).collect::<Vec<_>>());
}

#[test]
fn what_the_device_holds_when_asked_to_end_is_still_taken() {
    let stop = Stop::default();
    stop.request(Reason::Signal);
    let mut device = Fake::new(500, 100, 16);
    let (summary, seen) = run(
        &mut device,
        None,
        Seen::new(u64::MAX, &stop),
        &stop,
        Options::default(),
        None,
    );
    assert_eq!(summary.ended, Reason::Signal);
    assert_eq!(seen.numbers.len(), 500);
}

#[test]
fn a_full_disk_ends_the_capture_and_says_how_much_is_there() {
    let stop = Stop::default();
    let mut device = Fake::new(100_000, 5000, 64);
    let taken = Arc::new(Mutex::new(Vec::new()));
    let full = Full {
        room: 1_000_000 + 4,
        kind: io::ErrorKind::StorageFull,
        taken: Arc::clone(&taken),
    };
    let recorder = Recorder::pipe(Box::new(full), &[LOOPBACK]).unwrap();
    let (summary, ()) = run(
        &mut device,
        Some(recorder),
        (),
        &stop,
        Options::default(),
        None,
    );
    assert_eq!(summary.ended, Reason::Output);
    let written = summary.written.unwrap();
    assert!(
        written.frames <= 10_000 && written.frames > 0,
        "{written:?}"
    );
    let said = summary.write_failure.unwrap().to_string();
    assert!(
        said.contains(&format!("after {} frames", written.frames)),
        "{said}"
    );
}

#[test]
fn a_reader_that_closes_the_pipe_is_no_failure() {
    let stop = Stop::default();
    let mut device = Fake::new(100_000, 5000, 64);
    let full = Full {
        room: 5000,
        kind: io::ErrorKind::BrokenPipe,
        taken: Arc::default(),
    };
    let recorder = Recorder::pipe(Box::new(full), &[LOOPBACK]).unwrap();
    let (summary, ()) = run(
        &mut device,
        Some(recorder),
        (),
        &stop,
        Options::default(),
        None,
    );
    assert_eq!(summary.ended, Reason::OutputClosed);
    assert!(summary.write_failure.is_none());
}

#[test]
fn a_device_that_fails_ends_the_capture_with_what_there_is() {
    let stop = Stop::default();
    let mut device = Fake::new(10, 10, 16);
    device.fails = true;
    let (summary, seen) = run(
        &mut device,
        None,
        Seen::new(u64::MAX, &stop),
        &stop,
        Options::default(),
        None,
    );
    assert_eq!(summary.ended, Reason::Device);
    assert_eq!(seen.numbers.len(), 10);
    let failure = summary.device_failure.unwrap();
    assert_eq!(failure.0.to_string(), "the interface went down");
}

#[test]
fn a_consumer_that_panics_is_reported_and_does_not_hang_the_capture() {
    struct Broken;
    impl Consumer for Broken {
        fn frame(&mut self, _: &Frame<'_>) {
            panic!("on purpose");
        }
        fn tick(&mut self) {}
        fn finish(&mut self, _: &Counts) {}
    }
    let stop = Stop::default();
    let mut device = Fake::new(100, 10, 1 << 20);
    let options = Options {
        duration: Some(Duration::from_millis(50)),
        ..Options::default()
    };
    let (summary, _) = run(&mut device, None, Broken, &stop, options, None);
    assert!(summary.broken);
    assert_eq!(summary.counts.frames, 100);
}

#[test]
fn a_file_that_cannot_be_made_is_named() {
    let said = |path: &str| match Recorder::create(path.into(), &[LOOPBACK], None) {
        Ok(_) => panic!("{path} was made"),
        Err(error) => format!("{error}: {}", std::error::Error::source(&error).unwrap()),
    };
    assert!(said("/nonexistent/x.pcapng").contains("/nonexistent/x.pcapng"));
    assert!(said("/dev/full").contains("No space left"));
}

/// Says how often it was held, and whether it is.
#[derive(Default)]
struct Held {
    times: u64,
    now: bool,
}

impl Hold for Held {
    fn hold(&mut self) {
        assert!(!self.now);
        self.now = true;
        self.times += 1;
    }
    fn go_on(&mut self) {
        assert!(self.now);
        self.now = false;
    }
}

#[test]
fn with_a_hold_a_slow_consumer_misses_nothing_and_the_sender_waits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("capture");
    let stop = Stop::default();
    let mut device = Fake::new(240, 6, 200_000);
    let mut seen = Seen::new(240, &stop);
    seen.slow = Duration::from_millis(10);
    let recorder = Recorder::create(path.clone(), &[LOOPBACK], None).unwrap();
    let mut held = Held::default();
    let (summary, seen) = run(
        &mut device,
        Some(recorder),
        seen,
        &stop,
        Options::default(),
        Some(&mut held),
    );
    assert_eq!(summary.counts.queue_dropped, 0);
    assert_eq!(seen.numbers, (1..=240).collect::<Vec<_>>());
    assert_eq!(read_back(&path).0, seen.numbers);
    assert!(held.times > 0 && !held.now);
    assert_eq!(summary.counts.holds, held.times);
    assert!(summary.counts.held > Duration::ZERO);
}

#[test]
fn frames_bytes_and_silence_end_a_capture() {
    for (options, reason, frames) in [
        (
            Options {
                frames: Some(130),
                ..Options::default()
            },
            Reason::Frames,
            130,
        ),
        (
            Options {
                bytes: Some(15_000),
                ..Options::default()
            },
            Reason::Bytes,
            200,
        ),
        (
            Options {
                silence: Some(Duration::from_millis(50)),
                ..Options::default()
            },
            Reason::Silence,
            1000,
        ),
    ] {
        let stop = Stop::default();
        let mut device = Fake::new(1000, 100, 100);
        let seen = Seen::new(u64::MAX, &stop);
        let (summary, seen) = run(&mut device, None, seen, &stop, options, None);
        assert_eq!(summary.ended, reason);
        assert_eq!(
            (summary.counts.frames, seen.numbers.len()),
            (frames, usize::try_from(frames).unwrap())
        );
    }
}

#[test]
fn files_follow_one_another_and_only_the_latest_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.pcapng");
    let stop = Stop::default();
    let mut device = Fake::new(100, 100, 1000);
    let rotation = Rotation {
        every: Every::Bytes(20_000),
        keep: Some(2),
    };
    let recorder = Recorder::create(path, &[LOOPBACK], Some(rotation)).unwrap();
    let seen = Seen::new(100, &stop);
    let (summary, _) = run(
        &mut device,
        Some(recorder),
        seen,
        &stop,
        Options::default(),
        None,
    );
    let written = summary.written.unwrap();
    assert_eq!((written.frames, written.files.len()), (100, 2));
    assert_eq!(written.made, 6);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    let mut last = 0;
    for file in &written.files {
        assert!(std::fs::metadata(file).unwrap().len() <= 21_000);
        let (numbers, summary) = read_back(file);
        assert!(summary.truncated.is_none());
        assert!(!numbers.is_empty() && numbers.is_sorted());
        assert!(last == 0 || numbers[0] == last + 1);
        last = *numbers.last().unwrap();
    }
    assert_eq!(last, 100);
}

#[test]
fn a_clock_that_was_set_back_holds_no_file_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.pcapng");
    let stop = Stop::default();
    let mut device = Fake::new(100, 100, 100);
    // A frame each second; in the middle the clock is set back by an hour.
    device.clock = |sent| {
        let seconds = 10_000 + i64::try_from(sent).unwrap();
        let back = if sent > 50 { 3600 } else { 0 };
        (seconds - back) * 1_000_000_000
    };
    let rotation = Rotation {
        every: Every::Time(Duration::from_secs(10)),
        keep: Some(20),
    };
    let recorder = Recorder::create(path, &[LOOPBACK], Some(rotation)).unwrap();
    let seen = Seen::new(100, &stop);
    let (summary, _) = run(
        &mut device,
        Some(recorder),
        seen,
        &stop,
        Options::default(),
        None,
    );
    let written = summary.written.unwrap();
    assert_eq!((written.made, written.files.len()), (10, 10));
    for file in &written.files {
        assert_eq!(read_back(file).0.len(), 10, "{}", file.display());
    }
}

#[test]
fn what_the_consumer_says_of_a_frame_stands_with_it() {
    struct Says(Vec<Note>);
    impl Consumer for Says {
        fn frame(&mut self, frame: &Frame<'_>) {
            let note = |of: u64| Note {
                frame: of,
                text: format!("of {of} at {}", frame.number.0),
                ends_picture: false,
            };
            match frame.number.0 {
                5 => self.0.push(note(5)),
                // Known two frames later.
                9 => self.0.extend([note(7), note(9)]),
                _ => {}
            }
        }
        fn tick(&mut self) {}
        fn notes(&mut self, take: &mut dyn FnMut(Note)) {
            self.0.drain(..).for_each(take);
        }
        fn finish(&mut self, _: &Counts) {}
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("capture");
    let mut device = Fake::new(12, 3, 16);
    let recorder = Recorder::create(path.clone(), &[LOOPBACK], None).unwrap();
    let options = Options {
        silence: Some(Duration::from_millis(30)),
        ..Options::default()
    };
    run(
        &mut device,
        Some(recorder),
        Says(Vec::new()),
        &Stop::default(),
        options,
        None,
    );
    let bytes = std::fs::read(&path).unwrap();
    for text in ["of 5 at 5", "of 7 at 9", "of 9 at 9"] {
        let place = bytes
            .windows(text.len())
            .position(|window| window == text.as_bytes())
            .unwrap();
        // The option stands behind the packet's 16 bytes, which begin with its number, and its own header.
        let number = u64::from_le_bytes(bytes[place - 20..place - 12].try_into().unwrap());
        assert_eq!(text.split(' ').nth(1).unwrap(), number.to_string());
    }
}
