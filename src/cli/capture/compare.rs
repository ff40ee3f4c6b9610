//! The three-way comparison while a capture runs: the file sent, the wire, the file received.
//!
//! It is that of `verify`, done early and again. Early: as a picture ends its digest is looked up among the files sent, on a
//! thread of its own ([`seeker`]), and those received are looked for until they are there. Again: when the capture is over,
//! [`Compared::conclude`] judges all pictures of the report as `verify` would, with the files as they are then; what was read
//! of them before is not read again.
//!
//! A picture's bytes are kept only until they are known to be those of a file.

mod folder;
mod seeker;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;

use crate::analysis::{DigestKind, Event};
use crate::cli::verify::compare::{Context, Named, Settings, Sides, Verifier, judge};
use crate::cli::verify::half::{Half, Picked};
use crate::cli::verify::spool::Spool;
use crate::ledger::comparison::{Comparison, PairedBy};
use crate::ledger::{Image, Verdict};
use crate::report::model::Report;
use crate::units::PictureId;
use crate::verify::{Asked, Knowledge};

use folder::Readings;
use seeker::{Ask, Seeker};

/// After the capture, where the programs may still run: how long a received file is waited for.
const LATE: Duration = Duration::from_secs(1);

/// What is compared.
#[derive(Debug, Args)]
#[command(next_help_heading = "Comparison, while it runs (as imgnet verify does)")]
pub(super) struct CompareArgs {
    /// Files that are sent, or folders of them
    #[arg(long, value_name = "PATH")]
    sent: Vec<PathBuf>,

    /// Files that are received, or folders of them; they may come into being meanwhile
    #[arg(long, value_name = "PATH")]
    received: Vec<PathBuf>,

    /// Ledgers that imgnet-server and imgnet-client write meanwhile
    #[arg(long, value_name = "FILE")]
    ledger: Vec<PathBuf>,
}

impl CompareArgs {
    /// Whether there is anything to compare with.
    pub(super) fn given(&self) -> bool {
        self.files_given() || !self.ledger.is_empty()
    }

    /// Whether files, or folders of files, are given.
    pub(super) fn files_given(&self) -> bool {
        !(self.sent.is_empty() && self.received.is_empty())
    }

    /// All files and folders that are read.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        [&self.sent, &self.received, &self.ledger]
            .into_iter()
            .flatten()
            .cloned()
            .collect()
    }

    pub(super) fn named(&self) -> Named<'_> {
        Named {
            sent: &self.sent,
            received: &self.received,
            ledger: &self.ledger,
        }
    }

    /// Opens what has to be open before the process is confined; absent where nothing is compared.
    ///
    /// # Errors
    /// A path that is not there and cannot come into being, no room for a temporary file.
    pub(super) fn prepare(&self, kind: DigestKind) -> anyhow::Result<Option<Prepared>> {
        if !self.given() {
            return Ok(None);
        }
        let named = [
            ("--sent", &self.sent),
            ("--received", &self.received),
            ("--ledger", &self.ledger),
        ];
        let mut read = Vec::new();
        for (option, path) in named
            .iter()
            .flat_map(|(option, paths)| paths.iter().map(move |path| (option, path)))
        {
            // What is not there yet is looked for in the folder in which it will be.
            let there = path
                .ancestors()
                .map(|path| {
                    if path.as_os_str().is_empty() {
                        ".".as_ref()
                    } else {
                        path
                    }
                })
                .take(2)
                .find(|path| path.exists());
            let there = there.with_context(|| {
                format!(
                    "{option} {}: neither it nor the folder it would be in is there",
                    path.display()
                )
            })?;
            read.push(there.to_owned());
            // Programs replace files by renaming new ones over them, and make folders anew: what has the name later
            // is another one, which the folder around lets be read.
            let around = match path.parent() {
                Some(folder) if folder.as_os_str().is_empty() => Some(Path::new(".")),
                folder => folder,
            };
            let around = around.filter(|folder| *folder != Path::new("/") && folder.is_dir());
            read.extend(around.map(Path::to_owned));
        }
        let spool = tempfile::tempfile().context(
            "no temporary file can be made for the pictures' bytes; see whether the disk is full, or set TMPDIR",
        )?;
        Ok(Some(Prepared {
            sent: self.sent.clone(),
            received: self.received.clone(),
            ledger: self.ledger.clone(),
            read,
            spool,
            kind,
        }))
    }
}

/// A comparison that can be begun.
pub(super) struct Prepared {
    sent: Vec<PathBuf>,
    received: Vec<PathBuf>,
    ledger: Vec<PathBuf>,
    read: Vec<PathBuf>,
    spool: File,
    kind: DigestKind,
}

impl Prepared {
    /// The files and folders that will be read.
    pub(super) fn read(&self) -> &[PathBuf] {
        &self.read
    }

    /// Begins: from now on a thread looks at the files.
    ///
    /// # Errors
    /// When there can be no thread.
    pub(super) fn begin(self) -> anyhow::Result<Comparing> {
        let shared = Arc::new(Shared {
            spool: Mutex::new(Spool::live(self.spool)),
            sent: Mutex::default(),
        });
        let asked = Asked {
            sent: !self.sent.is_empty(),
            received: !self.received.is_empty(),
        };
        let (to_seeker, asks) = mpsc::channel();
        let (answers, told) = mpsc::channel();
        let seeker = Seeker::new(
            [self.sent, self.received],
            self.ledger.clone(),
            self.kind,
            Arc::clone(&shared),
            answers,
        );
        let thread = thread::Builder::new()
            .name("files".to_owned())
            .spawn(move || seeker.run(&asks))?;
        Ok(Comparing {
            shared,
            asked,
            ledgers: !self.ledger.is_empty(),
            to_seeker,
            told,
            thread,
        })
    }
}

/// What the analysis' thread and the seeker's share.
pub(super) struct Shared {
    spool: Mutex<Spool>,
    /// Files sent that were read, by their digest of the kind that pictures have.
    sent: Mutex<BTreeMap<String, Arc<folder::Reading>>>,
}

impl Shared {
    fn spool(&self) -> MutexGuard<'_, Spool> {
        self.spool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sent(&self) -> MutexGuard<'_, BTreeMap<String, Arc<folder::Reading>>> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is known of a picture's files.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) picture: PictureId,
    pub(super) verdict: Verdict,
    pub(super) comparison: Option<Comparison>,
    /// Whether nothing more is waited for.
    pub(super) done: bool,
}

/// A comparison that goes on.
pub(super) struct Comparing {
    shared: Arc<Shared>,
    asked: Asked,
    ledgers: bool,
    to_seeker: Sender<Ask>,
    told: Receiver<Told>,
    thread: JoinHandle<Readings>,
}

impl Comparing {
    /// One event of the analysis.
    pub(super) fn see(&self, event: &Event<'_>) {
        self.shared.spool().see(event);
        if let Event::PictureStarted {
            length: Some(bytes),
            ..
        } = event
        {
            // An error means that the seeker is gone by a panic, which the end tells.
            drop(self.to_seeker.send(Ask::Expect { bytes: *bytes }));
        }
    }

    /// A picture ended: what is known at once; the rest comes by [`Self::told`]. Absent where nothing will be told
    /// before the end: pictures of which bytes are missing are judged there, with all that is known of their stream.
    pub(super) fn ended(&self, image: &Image) -> Option<Told> {
        let whole = image.verdict == Verdict::Unverified;
        // Broken, but with all its bytes: that it differs from its file can be told, that it equals it can not before the
        // stream has ended.
        let broken = image.verdict == Verdict::Incomplete && image.gap_bytes == 0;
        if !(whole || broken) {
            return None;
        }
        let mut told = Told {
            picture: image.id,
            verdict: image.verdict,
            comparison: None,
            done: false,
        };
        let known = folder::key_of(image)
            .filter(|_| whole)
            .and_then(|key| self.shared.sent().get(key).cloned());
        if let Some(reading) = &known {
            let facts = &reading.found.facts;
            let mut spool = self.shared.spool();
            spool.is_file(image.id, &reading.found.path, &facts.sha256);
            let picked = Picked {
                digest: Some(&facts.sha256),
                sent: Some(Half::file(&reading.found, PairedBy::Digest)),
                received: None,
            };
            // Equal digests: no bytes are read.
            if let Ok(outcome) = judge(
                &mut spool,
                &Settings::default(),
                self.asked,
                image,
                None,
                &picked,
                &Context {
                    evidence: None,
                    wire: None,
                    knowledge: &Knowledge::default(),
                },
            ) {
                told.verdict = outcome.verdict;
                told.comparison = outcome.comparison;
            }
            told.done = !self.asked.received && !self.ledgers;
        }
        if !told.done {
            drop(self.to_seeker.send(Ask::Picture {
                image: Box::new(image.clone()),
                sent: known,
            }));
        }
        Some(told)
    }

    /// What was found out since the last call.
    pub(super) fn told(&self) -> impl Iterator<Item = Told> {
        self.told.try_iter()
    }

    /// The capture is over.
    pub(super) fn finish(self) -> Compared {
        drop(self.to_seeker);
        let readings = self.thread.join().unwrap_or_default();
        Compared {
            shared: self.shared,
            readings,
        }
    }
}

/// What remains of a comparison when the capture is over.
pub(super) struct Compared {
    shared: Arc<Shared>,
    readings: Readings,
}

impl Compared {
    /// Judges all pictures of the report as `verify` does. `others_run`: the programs may not be done yet, so
    /// received files that are not there are waited for a little. Says what could not be compared.
    ///
    /// # Errors
    /// A file that cannot be read, or changed while it was.
    pub(super) fn conclude(
        self,
        named: &Named<'_>,
        report: &mut Report,
        others_run: bool,
    ) -> anyhow::Result<Vec<String>> {
        let until = Instant::now() + LATE;
        loop {
            let mut missing = Vec::new();
            let mut sides = self.readings.sides(named, &mut missing)?;
            let removed = self.as_sent(&report.images, &mut sides, &mut missing);
            let mut spool = self.shared.spool();
            spool.finish()?;
            let settings = Settings::default();
            let mut verifier = Verifier {
                sides: &sides,
                spool: &mut spool,
                settings: &settings,
            };
            let fewer = sides.received.asked && sides.received.files.len() < report.images.len();
            if others_run && fewer && Instant::now() < until {
                drop(spool);
                thread::sleep(Duration::from_millis(50));
                continue;
            }
            verifier.verify(report)?;
            // A file that was to be sent and is not there is on no wire.
            if named
                .sent
                .iter()
                .any(|path| !path.exists() && !removed.contains(path))
            {
                report.verdict = report.verdict.max(Some(Verdict::Unverified));
            }
            return Ok(missing);
        }
    }

    /// A file that a program changed or removed after it was sent is compared as it was when it was sent, and `told` says so. Returns
    /// those that were removed.
    fn as_sent(
        &self,
        images: &[Image],
        sides: &mut Sides,
        told: &mut Vec<String>,
    ) -> BTreeSet<PathBuf> {
        let went: BTreeSet<&str> = images.iter().filter_map(folder::key_of).collect();
        let mut removed = BTreeSet::new();
        for (key, reading) in &*self.shared.sent() {
            let then = &reading.found;
            let files = &mut sides.sent.files;
            let there = files
                .iter()
                .any(|file| file.facts.sha256 == then.facts.sha256);
            if there || !went.contains(key.as_str()) {
                continue;
            }
            let path = then.path.display();
            if let Some(at) = files.iter().position(|file| file.path == then.path) {
                told.push(format!(
                    "--sent {path}: was changed after it was sent; it is compared as it was then"
                ));
                // Unless it was sent again since.
                let again = files
                    .get(at)
                    .is_some_and(|file| went.contains(file.facts.sha256.as_str()));
                if !again {
                    files.remove(at);
                }
            } else {
                let missing = format!("--sent {path}: is not there");
                told.retain(|line| *line != missing);
                told.push(format!(
                    "--sent {path}: was removed after it was sent; it is compared as it was then"
                ));
                removed.insert(then.path.clone());
            }
            let mut then = then.clone();
            then.gone = true;
            files.push(then);
        }
        removed
    }
}
