//! Captures with the files of both sides, in memory, and `imgnet verify` of them as a call.

#![allow(
    dead_code,
    reason = "every test file is a crate of its own and uses a part of this"
)]
#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test reads files, and may fail"
)]

use std::path::Path;
use std::sync::Mutex;

use imgnet::analysis::Options;
use imgnet::cli::verify::{MemoryFile, verified};
use imgnet::digest::DigestKind;
use imgnet::ledger::{Image, RegionKind, Verdict};
use imgnet::report::Report;

use super::edit::Edit;
use super::support;
use super::sweep::{Kept, load};

/// A capture, and the files of both sides.
#[derive(Debug)]
pub(crate) struct Transfer {
    pub(crate) name: String,
    pub(crate) frames: Vec<Kept>,
    pub(crate) sent: Vec<MemoryFile>,
    pub(crate) received: Vec<MemoryFile>,
    pub(crate) options: Options,
    /// What is said of it as it is.
    pub(crate) whole: Report,
}

impl Transfer {
    /// A capture with the files of two folders; those that do not exist were not given.
    pub(crate) fn of(capture: &Path, sent: &Path, received: &Path) -> Self {
        let mut transfer = Self {
            name: support::name(capture),
            frames: load(capture),
            sent: files(sent),
            received: files(received),
            options: Options {
                digest: DigestKind::Sha256,
                ..Options::default()
            },
            whole: super::sweep::analyse(&[], &Options::default()),
        };
        transfer.whole = transfer.verified(&transfer.frames, Some(&transfer.sent), true);
        transfer
    }

    /// `imgnet verify` with these files sent, and with those received where `both`.
    pub(crate) fn verified<'k>(
        &self,
        frames: impl IntoIterator<Item = &'k Kept>,
        sent: Option<&[MemoryFile]>,
        both: bool,
    ) -> Report {
        let received = (both && !self.received.is_empty()).then_some(self.received.as_slice());
        self.of_files(frames, sent.filter(|sent| !sent.is_empty()), received)
    }

    /// The same with other files received.
    pub(crate) fn verified_received<'k>(
        &self,
        frames: impl IntoIterator<Item = &'k Kept>,
        received: &[MemoryFile],
    ) -> Report {
        let sent = (!self.sent.is_empty()).then_some(self.sent.as_slice());
        self.of_files(frames, sent, Some(received))
    }

    fn of_files<'k>(
        &self,
        frames: impl IntoIterator<Item = &'k Kept>,
        sent: Option<&[MemoryFile]>,
        received: Option<&[MemoryFile]>,
    ) -> Report {
        let frames = frames.into_iter().map(Kept::frame);
        verified(frames, Vec::new(), sent, received, self.options.clone()).expect("all in memory")
    }

    /// Whether a file sent is the picture's.
    pub(crate) fn is_paired(image: &Image) -> bool {
        let compared = image.compared.as_ref();
        compared.is_some_and(|compared| compared.sent.is_some())
    }
}

/// All files below a folder; none where it is not there.
pub(crate) fn files(folder: &Path) -> Vec<MemoryFile> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(MemoryFile {
                    path: path.to_string_lossy().into_owned(),
                    bytes: std::fs::read(&path).expect("a file").into(),
                    named: false,
                });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// All captures with files, as far as they are a match.
pub(crate) fn healthy() -> Vec<Transfer> {
    let mut all = all();
    all.retain(|transfer| transfer.whole.verdict == Some(Verdict::Match));
    all
}

/// All captures with files. Of the files that the captures of `formats/` share, those that are in them.
pub(crate) fn all() -> Vec<Transfer> {
    let folder = support::captures_folder();
    let mut found = Vec::new();
    for capture in support::captures() {
        let files = capture.with_extension("");
        if files.is_dir() {
            found.push(Transfer::of(
                &capture,
                &files.join("sent"),
                &files.join("received"),
            ));
        }
    }
    let sent = folder.join("formats/sent");
    for capture in support::captures_in(&folder.join("formats")) {
        let mut transfer = Transfer::of(&capture, &sent, Path::new("/nowhere"));
        let unpaired = transfer.whole.verification.clone();
        let unpaired = unpaired
            .and_then(|one| one.sent)
            .expect("files were given")
            .unpaired;
        transfer
            .sent
            .retain(|file| unpaired.iter().all(|left| left.path != file.path));
        // What was sent arrived: datagrams alone do not show it.
        transfer.received.clone_from(&transfer.sent);
        if transfer.whole.images.len() > transfer.sent.len() {
            transfer.received.clear();
        }
        transfer.whole = transfer.verified(&transfer.frames, Some(&transfer.sent), true);
        found.push(transfer);
    }
    found
}

/// Whether another byte there is another message that means the same, or that nothing can be held against: names, dates and texts
/// in headers are the programs' own; and a header that comes once is taken at its word where it still tells the length.
pub(crate) fn is_free(capture: &str, kind: Option<RegionKind>, edit: Edit) -> bool {
    let framing = kind != Some(RegionKind::Picture);
    let texts = [
        "http.pcap",
        "zmtp.pcap",
        "name-size-marker.pcap",
        "size-handshake.pcap",
        "size-handshake-bare.pcap",
        "base64-lines.pcap",
        "pickled.pcap",
    ];
    let changed = matches!(edit, Edit::Change(_));
    // A line break is nothing to those who read Base64 (RFC 2045, section 6.8).
    let broken = capture == "base64.pcap" && matches!(edit, Edit::Insert(b'\n' | b'\r'));
    if broken {
        return true;
    }
    // Beside the digits that say how many datagrams come stands what the programs like.
    let counted = capture == "udp-count.pcap" && matches!(edit, Edit::Insert(_));
    framing && (counted || texts.contains(&capture) || (changed && capture.starts_with("udp")))
}

/// So many, or as many as `IMGNET_SWEEP_PLACES` asks for.
pub(crate) fn asked(usual: usize) -> usize {
    let asked = std::env::var("IMGNET_SWEEP_PLACES").ok();
    asked.and_then(|asked| asked.parse().ok()).unwrap_or(usual)
}

/// Does each of these on whatever core is free: how many runs it took in all, and what failed.
pub(crate) fn on_all_cores<T: Send>(
    all: Vec<T>,
    each: impl Fn(&T) -> (u64, Vec<String>) + Sync,
) -> (u64, Vec<String>) {
    let left = Mutex::new(all);
    let total = Mutex::new((0_u64, Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                loop {
                    let next = left.lock().expect("no panic").pop();
                    let Some(next) = next else {
                        return;
                    };
                    let (runs, mut failures) = each(&next);
                    let mut total = total.lock().expect("no panic");
                    total.0 += runs;
                    total.1.append(&mut failures);
                }
            });
        }
    });
    total.into_inner().expect("no panic")
}

/// Sweeps over transfers, on all cores; `IMGNET_SWEEP_ONLY` asks for captures of this name. None may fail,
/// and those of all captures are more than `least`.
pub(crate) fn swept(
    mut transfers: Vec<Transfer>,
    least: u64,
    sweep: impl Fn(&Transfer) -> (u64, Vec<String>) + Sync,
) {
    let only = std::env::var("IMGNET_SWEEP_ONLY").ok();
    if let Some(only) = &only {
        transfers.retain(|one| one.name.contains(only));
    }
    let (runs, failures) = on_all_cores(transfers, sweep);
    support::say(&format!("{runs} runs"));
    let shown: Vec<_> = failures.iter().take(40).collect();
    assert!(
        failures.is_empty(),
        "{} of {runs} runs failed: {shown:#?}",
        failures.len()
    );
    assert!(only.is_some() || runs > least, "only {runs} runs");
}

/// The cases of `captures/cases/reports` that have a picture on both sides: broken ones stay broken in the same way, or cannot be
/// told.
pub(crate) fn cases() -> Vec<Transfer> {
    let folder = support::captures_folder().join("cases/reports");
    let mut names: Vec<_> = std::fs::read_dir(&folder)
        .expect("the folder can be listed")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_dir())
        .collect();
    names.sort();
    // Without the reset at its end the one is a transfer whose every byte was acknowledged; of the others the datagrams have no
    // numbers, and fill up a file beyond its end: what is missing of them may be padding.
    let apart = ["neural-nine", "udp-total-fixed", "udp-total-lost-rx"];
    names.retain(|path| !apart.contains(&support::name(path).as_str()));
    let mut found = Vec::new();
    for path in names {
        let capture = ["cap.pcapng", "cap.pcap"]
            .into_iter()
            .map(|name| path.join(name))
            .find(|capture| capture.is_file());
        let Some(capture) = capture else {
            continue;
        };
        let mut transfer = Transfer::of(&capture, &path.join("sent"), &path.join("received"));
        transfer.name = format!("reports/{}", support::name(&path));
        found.push(transfer);
    }
    found
}
