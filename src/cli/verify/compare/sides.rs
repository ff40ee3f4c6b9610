//! What was given of the sender's and of the receiver's side: files, and what ledgers say.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::cli::verify::apart::apart;
use crate::cli::verify::files::{self, Found, Look};
use crate::ledger::Image;
use crate::ledger::comparison::PairedBy;
use crate::report::model::Report;
use crate::transfer::record::{Record, Side as Writer};
use crate::verify::{Asked, Pairs};

/// What the user named.
#[derive(Debug, Clone, Copy)]
pub(in crate::cli) struct Named<'n> {
    pub(in crate::cli) sent: &'n [PathBuf],
    pub(in crate::cli) received: &'n [PathBuf],
    pub(in crate::cli) ledger: &'n [PathBuf],
}

/// What is known of one side.
#[derive(Debug, Default)]
pub(in crate::cli) struct Side {
    pub(in crate::cli) files: Vec<Found>,
    pub(in crate::cli) records: Vec<Record>,
    /// Files or a ledger of it were given.
    pub(in crate::cli) asked: bool,
}

/// What is known of both.
#[derive(Debug, Default)]
pub(in crate::cli) struct Sides {
    pub(in crate::cli) sent: Side,
    pub(in crate::cli) received: Side,
}

impl Sides {
    /// Places of the pictures whose received file equals one of those sent.
    pub(super) fn saved_as_sent(&self, received: &Pairs) -> BTreeSet<usize> {
        let digest = |found: &Found| found.facts.sha256.clone();
        let sent: BTreeSet<String> = self.sent.files.iter().map(digest).collect();
        let equals = |pair: &Option<(usize, PairedBy)>| {
            let saved = pair.and_then(|(file, _)| self.received.files.get(file));
            saved.is_some_and(|saved| sent.contains(&saved.facts.sha256))
        };
        let places = received.files.iter().enumerate();
        places
            .filter(|(_, pair)| equals(pair))
            .map(|(place, _)| place)
            .collect()
    }

    /// Where nobody gave what was sent: parts of a received file that several connections carry are all of that file. `shown` is the
    /// SHA-256 of the received file that the evidence has for each picture.
    pub(super) fn of_all_parts(
        &self,
        images: &[Image],
        shown: &[Option<&str>],
        received: &mut Pairs,
    ) {
        if self.sent.asked {
            return;
        }
        let mut bytes: BTreeMap<&str, u64> = BTreeMap::new();
        for (image, sha256) in images.iter().zip(shown) {
            if let Some(sha256) = sha256 {
                *bytes.entry(sha256).or_default() += image.bytes;
            }
        }
        for (place, sha256) in shown.iter().enumerate() {
            let file = self.received.files.iter().position(|found| {
                let facts = &found.facts;
                Some(facts.sha256.as_str()) == *sha256
                    && bytes.get(facts.sha256.as_str()) == Some(&facts.bytes)
            });
            if let (Some(file), Some(pair @ None)) = (file, received.files.get_mut(place)) {
                *pair = Some((file, PairedBy::Closest));
            }
        }
    }

    /// Pictures of several connections that are together as long as the one file sent that they were paired with, which was received,
    /// unless no received files were given: in formats that nothing confirms, that may be its parts.
    pub(super) fn parts(&self, report: &Report, sent: &Pairs, received: &Pairs) -> BTreeSet<usize> {
        let mut of_file: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        // Where nobody gave what was sent, of the file that was received.
        let (files, pairs) = if self.sent.asked {
            (&self.sent.files, sent)
        } else {
            (&self.received.files, received)
        };
        for (place, pair) in pairs.files.iter().enumerate() {
            if let Some((file, _)) = pair {
                of_file.entry(*file).or_default().push(place);
            }
        }
        let saved: BTreeSet<&str> = self
            .received
            .files
            .iter()
            .map(|found| found.facts.sha256.as_str())
            .collect();
        let mut parts = BTreeSet::new();
        for (file, places) in of_file {
            let images: Vec<&Image> = places
                .iter()
                .filter_map(|place| report.images.get(*place))
                .collect();
            let streams: BTreeSet<_> = images.iter().map(|image| image.stream).collect();
            let guessed = streams.iter().all(|stream| {
                let stream = report.stream(*stream);
                stream.is_some_and(|stream| !stream.is_confirmed())
            });
            let bytes: u64 = images.iter().map(|image| image.bytes).sum();
            let whole = files.get(file).is_some_and(|sent| {
                let saved = saved.contains(sent.facts.sha256.as_str());
                sent.facts.bytes == bytes && (saved || !self.received.asked)
            });
            if whole && guessed && streams.len() > 1 && streams.len() == images.len() {
                parts.extend(places);
            }
        }
        parts
    }

    /// Of a picture with bytes that the capture lacks, several files may have as much in common: where one of those received equals the
    /// file sent that it was paired with, it is that one.
    pub(super) fn of_one_file(&self, images: &[Image], sent: &Pairs, received: &mut Pairs) {
        let digest = |found: &Found| found.facts.sha256.clone();
        let mut same: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (file, found) in self.received.files.iter().enumerate() {
            same.entry(digest(found)).or_default().push(file);
        }
        let mut users: BTreeMap<usize, usize> = BTreeMap::new();
        for (place, pair) in received.files.iter().enumerate() {
            if let Some((file, _)) = pair {
                users.entry(*file).or_insert(place);
            }
        }
        let closest = |pairs: &Pairs, place: usize| match pairs.files.get(place) {
            Some(Some((file, PairedBy::Closest))) => Some(*file),
            _ => None,
        };
        for (place, image) in images.iter().enumerate() {
            let (Some(ours), Some(theirs)) = (closest(sent, place), closest(received, place))
            else {
                continue;
            };
            let wanted = self.sent.files.get(ours).map(digest);
            let has = self.received.files.get(theirs).map(digest);
            if image.gap_bytes == 0 || wanted == has {
                continue;
            }
            let equal = wanted.and_then(|wanted| same.get(&wanted));
            let free = |file: &&usize| {
                let user = users.get(*file);
                user.is_none_or(|user| closest(received, *user).is_some())
            };
            let Some(&equal) = equal.and_then(|files| files.iter().find(free)) else {
                continue;
            };
            // Whoever had it takes the other one.
            let other = users.insert(equal, place);
            users.remove(&theirs);
            for (place, file) in [(other, theirs), (Some(place), equal)] {
                let Some(place) = place else { continue };
                if let Some(pair) = received.files.get_mut(place) {
                    *pair = Some((file, PairedBy::Closest));
                    users.insert(file, place);
                }
            }
        }
    }

    /// A received file that is left, holds nothing or only the first bytes of the file sent, and is called as that: it is what the
    /// receiver made of the picture that was found to be the file sent, where that is one picture.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub(super) fn of_one_name(
        &self,
        sent: &Pairs,
        received: &mut Pairs,
        limit: u64,
    ) -> anyhow::Result<()> {
        /// Longer ones are found by their bytes.
        const SHORT: u64 = 1024;
        let name = |found: &Found| found.path.file_name().map(ToOwned::to_owned);
        let used: BTreeSet<usize> = received.files.iter().flatten().map(|pair| pair.0).collect();
        for (file, found) in self.received.files.iter().enumerate() {
            if used.contains(&file) || found.gone || found.facts.bytes >= SHORT {
                continue;
            }
            let places: Vec<usize> = sent
                .files
                .iter()
                .zip(&received.files)
                .enumerate()
                .filter_map(|(place, (sent, received))| {
                    let (sent, by) = (*sent)?;
                    let free = received.is_none() && by == PairedBy::Digest;
                    let called = name(self.sent.files.get(sent)?) == name(found);
                    (free && called).then_some(place)
                })
                .collect();
            let [place] = places[..] else { continue };
            let Some(Some((ours, _))) = sent.files.get(place) else {
                continue;
            };
            let ours = self.sent.files.get(*ours);
            let ours = ours.map(|ours| files::read(ours, limit)).transpose()?;
            let (Some(Some(ours)), Some(theirs)) = (ours, files::read(found, SHORT)?) else {
                continue;
            };
            if ours.starts_with(&theirs)
                && ours.len() > theirs.len()
                && let Some(pair) = received.files.get_mut(place)
            {
                *pair = Some((file, PairedBy::Name));
            }
        }
        Ok(())
    }

    /// Finds the files and reads the ledgers; `look` reads a file.
    ///
    /// # Errors
    /// A path that is not there or cannot be read.
    pub(in crate::cli) fn find(named: &Named<'_>, look: &mut Look<'_>) -> anyhow::Result<Self> {
        let records = files::ledgers(named.ledger)?;
        Self::of(
            files::find(named.sent, "--sent", look)?,
            files::find(named.received, "--received", look)?,
            records,
            named,
        )
    }

    /// Puts together what was found; no file stays on both sides.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub(in crate::cli) fn of(
        mut sent_files: Vec<Found>,
        mut received_files: Vec<Found>,
        records: Vec<Record>,
        named: &Named<'_>,
    ) -> anyhow::Result<Self> {
        if records.is_empty() {
            // A ledger names each file's side.
            apart(
                &mut sent_files,
                &mut received_files,
                [named.sent, named.received],
            )?;
        }
        let (sent, received): (Vec<Record>, Vec<Record>) = records
            .into_iter()
            .partition(|record| record.side == Writer::Sent);
        let side = |paths: &[PathBuf], files, records: Vec<Record>| Side {
            files,
            asked: !paths.is_empty() || !records.is_empty(),
            records,
        };
        Ok(Self {
            sent: side(named.sent, sent_files, sent),
            received: side(named.received, received_files, received),
        })
    }

    /// Which sides were given.
    pub(in crate::cli) fn asked(&self) -> Asked {
        Asked {
            sent: self.sent.asked,
            received: self.received.asked,
        }
    }
}
