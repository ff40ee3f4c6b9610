//! What is counted rather than timed, because it is the same on every machine: how often memory is asked for while small captures are
//! analysed, how much of it, and what one live connection takes.
//!
//! `tests/laws/counted.txt` has what was counted when it was last recorded. What is more than a twentieth above that fails here: a step
//! that nobody meant. A step that was meant is recorded with `IMGNET_RECORD=1 cargo test --test laws counted`.
#![expect(
    unsafe_code,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "an allocator that counts can be written in no other way; a helper of a test reads files, and may fail as the test may"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use imgnet::analysis::{Analysis, Collector, DigestKind, Options};
use imgnet::frame::{Frame, LinkType};
use imgnet::report::model::Packets;
use imgnet::source::Capture;
use imgnet::units::{FrameNumber, Timestamp};

/// More than so many allocations, or bytes of them, above a twentieth is a step; the smallest captures have few.
const SLACK: [u64; 3] = [32, 8 << 10, 8 << 10];

/// What a thread asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    allocations: u64,
    bytes: u64,
    /// Now, given back ones taken off.
    live: u64,
    /// The most at one time.
    peak: u64,
}

thread_local! {
    static COUNTS: Cell<Counts> = const {
        Cell::new(Counts { allocations: 0, bytes: 0, live: 0, peak: 0 })
    };
}

/// Of a thread that ends nothing is counted any more.
fn count(taken: usize, given: usize) {
    let _ = COUNTS.try_with(|counts| {
        let mut now = counts.get();
        if taken > 0 {
            now.allocations += 1;
            now.bytes += taken as u64;
        }
        now.live = (now.live + taken as u64).saturating_sub(given as u64);
        now.peak = now.peak.max(now.live);
        counts.set(now);
    });
}

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

// SAFETY: all is done by the system's allocator; to count allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: as the caller promises.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(0, layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size, layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// What was asked for while this ran: peak above what there was before.
fn counted(run: impl FnOnce()) -> Counts {
    let before = COUNTS.get();
    COUNTS.set(Counts {
        peak: before.live,
        ..before
    });
    run();
    let after = COUNTS.get();
    Counts {
        allocations: after.allocations - before.allocations,
        bytes: after.bytes - before.bytes,
        live: after.live.saturating_sub(before.live),
        peak: after.peak - before.live,
    }
}

/// One capture, from its first frame to its report.
fn analysed(path: &Path) -> Counts {
    let mut capture = Capture::open(&[path.to_owned()]).expect("a capture");
    counted(|| {
        let mut analysis = Analysis::new(Options::default());
        let mut collector = Collector::new();
        capture
            .for_each_frame(&mut |frame| {
                analysis.frame(frame, &mut collector);
                ControlFlow::Continue(())
            })
            .expect("it is read");
        analysis.finish(&mut collector);
        drop(collector.into_report(Vec::new(), Packets::default()));
    })
}

fn captures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    let below = [folder.clone(), folder.join("formats")];
    let mut found: Vec<PathBuf> = below
        .iter()
        .flat_map(|folder| std::fs::read_dir(folder).expect("a folder"))
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|ext| ext == "pcap" || ext == "pcapng")
        })
        .collect();
    found.sort();
    found
}

#[test]
fn captures_ask_for_no_more_memory_than_was_recorded() {
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/laws/counted.txt");
    let mut lines =
        String::from("# capture, allocations, bytes of all of them, most bytes at one time\n");
    let mut now = Vec::new();
    for path in captures() {
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        // What is made once for all captures is made here.
        let _ = analysed(&path);
        let counts = analysed(&path);
        assert_eq!(
            counts.allocations,
            analysed(&path).allocations,
            "{name}: counts are no chance"
        );
        let _ = writeln!(
            lines,
            "{name} {} {} {}",
            counts.allocations, counts.bytes, counts.peak
        );
        now.push((name, [counts.allocations, counts.bytes, counts.peak]));
    }
    assert!(now.len() > 20, "{} captures", now.len());
    if std::env::var_os("IMGNET_RECORD").is_some() {
        std::fs::write(&recorded, lines).expect("written");
        return;
    }
    let text = std::fs::read_to_string(&recorded).expect("recorded");
    let mut steps = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split(' ');
        let name = words.next().expect("a name");
        let Some((_, found)) = now.iter().find(|(known, _)| known == name) else {
            continue;
        };
        let before = words.map(|word| word.parse::<u64>().expect("a number"));
        for (((what, before), found), slack) in ["allocations", "bytes", "bytes at one time"]
            .into_iter()
            .zip(before)
            .zip(found)
            .zip(SLACK)
        {
            if *found > before + before / 20 + slack {
                steps.push(format!("{name}: {found} {what}, {before} were recorded"));
            }
        }
    }
    assert!(
        steps.is_empty(),
        "more than a twentieth above what was recorded:\n{}",
        steps.join("\n")
    );
}

/// Connections in the middle of a picture: what one more of them takes.
fn of_a_connection(digest: DigestKind) -> u64 {
    const FEW: u16 = 500;
    const MANY: u16 = 4_500;
    let live = |connections: u16| {
        let frames = half_sent(connections);
        let mut analysis = Analysis::new(Options {
            digest,
            ..Options::default()
        });
        let mut collector = Collector::new();
        let counts = counted(|| {
            for (number, frame) in (1..).zip(&frames) {
                let frame = Frame {
                    number: FrameNumber(number),
                    time: Some(Timestamp(i64::try_from(number).expect("few") * 1_000)),
                    link: LinkType::ETHERNET,
                    interface: 0,
                    wire_len: u32::try_from(frame.len()).expect("short"),
                    data: frame,
                    after_end: false,
                };
                analysis.mapped_frame(&frame, &mut collector);
            }
        });
        assert_eq!(analysis.live_streams(), usize::from(connections));
        counts.live
    };
    let (few, many) = (live(FEW), live(MANY));
    (many - few) / u64::from(MANY - FEW)
}

/// The frames of so many connections, each of which has sent the beginning of a picture.
fn half_sent(connections: u16) -> Vec<Vec<u8>> {
    // A PNG of which much is to come.
    let mut picture = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x02\0\0\0\x02\0\x08\x02\0\0\0".to_vec();
    picture.extend(crc32fast::hash(&picture[12..29]).to_be_bytes());
    picture.extend([0, 0x0f, 0, 0]);
    picture.extend(b"IDAT");
    picture.resize(1_460, 0x5a);
    let mut frames = Vec::new();
    for client in 0..connections {
        let ours = 77_777 * u32::from(client) + 1;
        let theirs = ours ^ 0x5555;
        let mut segment = |answers: bool, syn: bool, payload: &[u8]| {
            let (near, far) = (([10, 0, 0, 1], 10_000 + client), ([10, 0, 0, 2], 65_432));
            let (from, to) = if answers { (far, near) } else { (near, far) };
            let (seq, ack) = if answers {
                (theirs, ours + 1)
            } else {
                (ours, theirs + 1)
            };
            let mut builder = etherparse::PacketBuilder::ethernet2([2; 6], [4; 6])
                .ipv4(from.0, to.0, 64)
                .tcp(from.1, to.1, if syn { seq } else { seq + 1 }, 60_000);
            if syn {
                builder = builder.syn();
            }
            if answers || !syn {
                builder = builder.ack(ack);
            }
            let mut frame = Vec::new();
            builder.write(&mut frame, payload).expect("it fits");
            frames.push(frame);
        };
        segment(false, true, &[]);
        segment(true, true, &[]);
        segment(false, false, &[]);
        segment(false, false, &picture);
    }
    frames
}

/// What was recorded of a live connection, by its digest.
const RECORDED: [(DigestKind, u64); 4] = [
    (DigestKind::None, 1_802),
    (DigestKind::Crc32, 1_802),
    (DigestKind::Sha256, 2_042),
    (DigestKind::Blake3, 1_986),
];

/// What one may take at most, whatever is recorded.
const MOST: u64 = 2 << 10;

#[test]
fn a_live_connection_takes_no_more_than_was_recorded() {
    let now = RECORDED.map(|(digest, _)| (digest.name(), of_a_connection(digest)));
    assert!(
        std::env::var_os("IMGNET_RECORD").is_none(),
        "to be written into RECORDED: {now:?}"
    );
    for ((name, bytes), (_, recorded)) in now.into_iter().zip(RECORDED) {
        let most = (recorded + recorded / 20).min(MOST);
        assert!(bytes <= most, "{name}: {bytes} bytes, of {now:?}");
        assert!(bytes > recorded / 2, "{name}: fewer, record them: {now:?}");
    }
}
