//! The thread that looks for the files of pictures: reads them, takes their digests, compares what differs.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use super::folder::{Folder, Reading, Readings, key_of};
use super::{Shared, Told};
use crate::analysis::DigestKind;
use crate::capture::session;
use crate::cli::verify::compare::{Context, Settings, judge, pair, wanted};
use crate::cli::verify::files::{self, Found};
use crate::cli::verify::half::{Half, Picked};
use crate::ledger::comparison::PairedBy;
use crate::ledger::record::{Record, Side as Writer};
use crate::ledger::{Image, Verdict};
use crate::verify::{Asked, Knowledge, Outcome};

/// How often files are looked for.
const LOOK: Duration = Duration::from_millis(20);
/// Of its time, the part that it looks which files there are: one in so many.
const PART: u32 = 10;
/// A received file that differs may not be whole yet, until it has not been changed for so long.
const STABLE: Duration = Duration::from_secs(1);
/// Most pictures that wait for their files; the oldest are left to the end.
const MOST: usize = 10_000;

/// What the seeker is asked.
pub(super) enum Ask {
    /// A picture of so many bytes has begun.
    Expect { bytes: u64 },
    /// A whole picture ended; its file sent may be known already.
    Picture {
        image: Box<Image>,
        sent: Option<Arc<Reading>>,
    },
}

/// A picture that waits for files.
struct Pending {
    image: Box<Image>,
    /// Its SHA-256, once it is known.
    sha256: Option<String>,
    sent: Option<(Arc<Reading>, PairedBy)>,
    received: Option<(Arc<Reading>, PairedBy)>,
    /// Generations of the two folders, and how many lines of ledgers there were, when it was last compared with what is there.
    looked: Option<([u64; 2], usize)>,
    /// To be compared again then, although nothing came: a file will have been stable for long enough.
    again: Option<Instant>,
}

/// The thread's state.
pub(super) struct Seeker {
    readings: Readings,
    ledger: Vec<PathBuf>,
    records: Vec<Record>,
    /// Lengths and times of change of the ledgers as they were read.
    ledger_stamps: Vec<Option<(u64, i64, i64)>>,
    kind: DigestKind,
    shared: Arc<Shared>,
    answers: Sender<Told>,
    pending: Vec<Pending>,
    /// Received files that belong to a picture: each to one.
    used: BTreeSet<PathBuf>,
    /// Lengths of pictures that have begun.
    expected: Vec<u64>,
    next_scan: Option<Instant>,
    settings: Settings,
}

impl Seeker {
    pub(super) fn new(
        [sent, received]: [Vec<PathBuf>; 2],
        ledger: Vec<PathBuf>,
        kind: DigestKind,
        shared: Arc<Shared>,
        answers: Sender<Told>,
    ) -> Self {
        Self {
            readings: Readings {
                folders: [Folder::new(sent), Folder::new(received)],
            },
            ledger,
            records: Vec::new(),
            ledger_stamps: Vec::new(),
            kind,
            shared,
            answers,
            pending: Vec::new(),
            used: BTreeSet::new(),
            expected: Vec::new(),
            next_scan: None,
            settings: Settings::default(),
        }
    }

    /// Answers until nobody asks any more.
    pub(super) fn run(mut self, asks: &Receiver<Ask>) -> Readings {
        session::come_next();
        loop {
            let first = if self.pending.is_empty() && self.expected.is_empty() {
                asks.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                let wait = self.next_scan.map_or(Duration::ZERO, |at| {
                    at.saturating_duration_since(Instant::now())
                });
                asks.recv_timeout(wait)
            };
            match first {
                Ok(ask) => self.take(ask),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.readings,
            }
            for ask in asks.try_iter() {
                self.take(ask);
            }
            self.look();
        }
    }

    fn take(&mut self, ask: Ask) {
        match ask {
            Ask::Expect { bytes } => {
                if !self.expected.contains(&bytes) && self.expected.len() < MOST {
                    self.expected.push(bytes);
                }
            }
            Ask::Picture { image, sent } => {
                if self.pending.len() >= MOST {
                    self.pending.remove(0);
                }
                self.pending.push(Pending {
                    sha256: image.sha256.clone(),
                    sent: sent.map(|reading| (reading, PairedBy::Digest)),
                    image,
                    received: None,
                    looked: None,
                    again: None,
                });
            }
        }
    }

    fn asked(&self) -> Asked {
        let [sent, received] = &self.readings.folders;
        let of = |side| self.records.iter().any(|record| record.side == side);
        Asked {
            sent: sent.is_given() || of(Writer::Sent),
            received: received.is_given() || of(Writer::Received),
        }
    }

    fn look(&mut self) {
        if self.next_scan.is_none_or(|at| Instant::now() >= at) {
            let begun = Instant::now();
            self.readings.folders.iter_mut().for_each(Folder::scan);
            self.read_ledgers();
            // In a folder with very many files a look takes long: then it is seldom.
            self.next_scan = Some(Instant::now() + LOOK.max(begun.elapsed() * PART));
        }
        self.expected
            .extend(self.pending.iter().map(|pending| pending.image.bytes));
        let lengths = std::mem::take(&mut self.expected);
        let [sent, received] = &mut self.readings.folders;
        sent.read(Some(&lengths), self.kind, |reading| {
            if let Some(key) = &reading.key {
                self.shared.sent().insert(key.clone(), Arc::clone(reading));
            }
        });
        received.read(Some(&lengths), self.kind, |_| {});
        let mut pending = std::mem::take(&mut self.pending);
        pending.retain_mut(|pending| !self.answer(pending));
        self.pending = pending;
    }

    fn read_ledgers(&mut self) {
        let stamps: Vec<_> = self
            .ledger
            .iter()
            .map(|path| {
                let metadata = fs::metadata(path).ok()?;
                Some((metadata.len(), metadata.ctime(), metadata.ctime_nsec()))
            })
            .collect();
        if stamps == self.ledger_stamps {
            return;
        }
        let there: Vec<PathBuf> = self
            .ledger
            .iter()
            .filter(|path| path.exists())
            .cloned()
            .collect();
        // A line that is being written is none yet: the next look has it.
        if let Ok(records) = files::ledgers(&there) {
            self.records = records;
            self.ledger_stamps = stamps;
        }
    }

    /// Looks for the files of a picture, and says what was found. Whether nothing more is waited for.
    fn answer(&mut self, pending: &mut Pending) -> bool {
        let looked = (
            self.readings
                .folders
                .each_ref()
                .map(|folder| folder.generation),
            self.records.len(),
        );
        let due = pending.again.is_some_and(|at| Instant::now() >= at);
        if pending.looked == Some(looked) && !due {
            return false;
        }
        pending.looked = Some(looked);
        pending.again = None;
        let had_sent = pending.sent.is_some();
        // A file or the spool that cannot be read: the end tells.
        let outcome = self.seek(pending).ok().flatten();
        let Some((outcome, done)) = outcome else {
            return false;
        };
        if pending.image.verdict != Verdict::Unverified && outcome.verdict != Verdict::Mismatch {
            return done;
        }
        if done || (pending.sent.is_some() && !had_sent) {
            let told = Told {
                picture: pending.image.id,
                verdict: outcome.verdict,
                comparison: outcome.comparison,
                done,
            };
            // Nobody listens any more: the capture is over.
            drop(self.answers.send(told));
        }
        done
    }

    fn seek(&mut self, pending: &mut Pending) -> anyhow::Result<Option<(Outcome, bool)>> {
        let asked = self.asked();
        if pending.sha256.is_none() && key_of(&pending.image).is_none() {
            pending.sha256 = self.shared.spool().sha256(pending.image.id)?;
        }
        for (side, is_asked) in [(0, asked.sent), (1, asked.received)] {
            if is_asked {
                self.by_digest(pending, side);
            }
        }
        for (reading, by) in [&pending.sent, &pending.received].into_iter().flatten() {
            if *by == PairedBy::Digest {
                let found = &reading.found;
                let sha256 = &found.facts.sha256;
                pending.sha256.get_or_insert_with(|| sha256.clone());
                self.shared
                    .spool()
                    .is_file(pending.image.id, &found.path, sha256);
            }
        }
        let mut unsure = false;
        for (side, is_asked) in [(0, asked.sent), (1, asked.received)] {
            let there = [&pending.sent, &pending.received]
                .get(side)
                .is_some_and(|half| half.is_some());
            if is_asked && !there && self.line(pending, side).is_none() {
                unsure |= self.by_likeness(pending, side, asked)?;
            }
        }
        let record = |side: usize| {
            let line = self.line(pending, side)?;
            self.records.get(line).map(Half::record)
        };
        let picked = Picked {
            digest: pending.sha256.as_deref(),
            sent: match &pending.sent {
                Some((reading, by)) => Some(Half::file(&reading.found, *by)),
                None => record(0),
            },
            received: match &pending.received {
                Some((reading, by)) => Some(Half::file(&reading.found, *by)),
                None => record(1),
            },
        };
        let told = [
            (asked.sent, picked.sent.is_some()),
            (asked.received, picked.received.is_some()),
        ];
        let any = told.iter().any(|(asked, there)| *asked && *there);
        let all = told.iter().all(|(asked, there)| !*asked || *there);
        if !any {
            return Ok(None);
        }
        let outcome = judge(
            &mut self.shared.spool(),
            &self.settings,
            asked,
            &pending.image,
            None,
            &picked,
            &Context {
                evidence: None,
                wire: None,
                knowledge: &Knowledge::default(),
            },
        )?;
        let done = (all && !unsure) || outcome.verdict == Verdict::Mismatch;
        Ok(Some((outcome, done)))
    }

    /// A file with the picture's digest.
    fn by_digest(&mut self, pending: &mut Pending, side: usize) {
        let (Some(folder), slot) = (
            self.readings.folders.get(side),
            if side == 0 {
                &mut pending.sent
            } else {
                &mut pending.received
            },
        ) else {
            return;
        };
        if slot.is_some() {
            return;
        }
        let key = key_of(&pending.image);
        let same = |reading: &Reading| match key {
            Some(key) => reading.key.as_deref() == Some(key),
            None => pending.sha256.as_deref() == Some(reading.found.facts.sha256.as_str()),
        };
        let free = |reading: &Reading| side == 0 || !self.used.contains(&reading.found.path);
        let found = folder
            .readings()
            .map(|(reading, _)| reading)
            .find(|reading| {
                reading.found.facts.bytes == pending.image.bytes && same(reading) && free(reading)
            });
        if let Some(reading) = found {
            *slot = Some((Arc::clone(reading), PairedBy::Digest));
            if side == 1 {
                self.used.insert(reading.found.path.clone());
            }
        }
    }

    /// The line of a ledger with the picture's digest between its endpoints. Others are left to the end: the right one may
    /// not be written yet.
    fn line(&self, pending: &Pending, side: usize) -> Option<usize> {
        let writer = if side == 0 {
            Writer::Sent
        } else {
            Writer::Received
        };
        let image = &pending.image;
        self.records.iter().position(|record| {
            record.side == writer
                && (record.from, record.to) == (image.from, image.to)
                && Some(&record.sha256) == pending.sha256.as_ref()
        })
    }

    /// A file that is like the picture, as `verify` pairs them. Whether one that differs may only not be whole yet.
    fn by_likeness(
        &mut self,
        pending: &mut Pending,
        side: usize,
        asked: Asked,
    ) -> anyhow::Result<bool> {
        let kind = self.kind;
        let Some(folder) = self.readings.folders.get_mut(side) else {
            return Ok(false);
        };
        let shared = &self.shared;
        folder.read(None, kind, |reading| {
            if let (0, Some(key)) = (side, &reading.key) {
                shared.sent().insert(key.clone(), Arc::clone(reading));
            }
        });
        let readings: Vec<(Arc<Reading>, Duration)> = folder
            .readings()
            .filter(|(reading, _)| !self.used.contains(&reading.found.path))
            .map(|(reading, age)| (Arc::clone(reading), age))
            .collect();
        let found: Vec<&Found> = readings.iter().map(|(reading, _)| &reading.found).collect();
        let image = &pending.image;
        let want = wanted(image, pending.sha256.clone());
        let raw = want.raw;
        let mut spool = self.shared.spool();
        let pairs = pair(
            &[want],
            &[image.id],
            &found,
            &[],
            side == 0,
            &mut spool,
            self.settings.limit,
        )?;
        let Some((index, by)) = pairs.files.first().copied().flatten() else {
            return Ok(false);
        };
        let Some((reading, age)) = readings.get(index) else {
            return Ok(false);
        };
        // The order among the files says nothing as long as not all are there.
        let convinces = by == PairedBy::Closest || raw || reading.found.facts.bytes == image.bytes;
        if !convinces {
            return Ok(false);
        }
        let half = Half::file(&reading.found, by);
        let (sent, received) = if side == 0 {
            (Some(half), None)
        } else {
            (None, Some(half))
        };
        let picked = Picked {
            digest: pending.sha256.as_deref(),
            sent,
            received,
        };
        let only = Asked {
            sent: asked.sent && side == 0,
            received: asked.received && side == 1,
        };
        let outcome = judge(
            &mut spool,
            &self.settings,
            only,
            image,
            None,
            &picked,
            &Context {
                evidence: None,
                wire: None,
                knowledge: &Knowledge::default(),
            },
        )?;
        drop(spool);
        if side == 1 && outcome.verdict != Verdict::Match && *age < STABLE {
            pending.again = Some(Instant::now() + STABLE.saturating_sub(*age));
            return Ok(true);
        }
        let slot = if side == 0 {
            &mut pending.sent
        } else {
            &mut pending.received
        };
        *slot = Some((Arc::clone(reading), by));
        if side == 1 {
            self.used.insert(reading.found.path.clone());
        }
        Ok(false)
    }
}
