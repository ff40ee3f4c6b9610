//! The files of one picture: a file on disk, or what a ledger says of one.

use super::compare::Side;
use super::files::Found;
use crate::ledger::comparison::PairedBy;
use crate::transfer::record::Record;
use crate::verify::{FileFacts, Pairs, Subject};

/// The files of a picture.
pub(in crate::cli) struct Picked<'p> {
    /// SHA-256 of the picture.
    pub(in crate::cli) digest: Option<&'p str>,
    pub(in crate::cli) sent: Option<Half<'p>>,
    pub(in crate::cli) received: Option<Half<'p>>,
}

impl Picked<'_> {
    /// How long the file sent is, or the one received where none sent was given.
    pub(in crate::cli::verify) fn bytes(&self) -> Option<u64> {
        let file = self.sent.as_ref().or(self.received.as_ref());
        file.map(|half| half.facts.bytes)
    }
}

/// The file of one side of a picture.
pub(in crate::cli) struct Half<'p> {
    pub(in crate::cli::verify) facts: FileFacts,
    pub(in crate::cli::verify) pairing: PairedBy,
    /// Absent where only a ledger tells of it.
    pub(in crate::cli::verify) found: Option<&'p Found>,
}

impl<'p> Half<'p> {
    /// A file.
    pub(in crate::cli) fn file(found: &'p Found, pairing: PairedBy) -> Self {
        Self {
            facts: found.facts.clone(),
            pairing,
            found: Some(found),
        }
    }

    /// What a ledger says of a file that was not given.
    pub(in crate::cli) fn record(record: &Record) -> Self {
        Self {
            facts: FileFacts {
                path: None,
                bytes: record.bytes,
                sha256: record.sha256.clone(),
            },
            pairing: PairedBy::Ledger,
            found: None,
        }
    }
}

pub(in crate::cli::verify) fn pick<'p>(
    side: &'p Side,
    pairs: &Pairs,
    index: usize,
) -> Option<Half<'p>> {
    if let Some((file, pairing)) = pairs.files.get(index).copied().flatten() {
        return Some(Half::file(side.files.get(file)?, pairing));
    }
    let line = pairs.lines.get(index).copied().flatten()?;
    side.records.get(line).map(Half::record)
}

pub(in crate::cli::verify) fn subject<'s>(
    half: Option<&'s Half<'_>>,
    bytes: Option<&'s [u8]>,
) -> Option<Subject<'s>> {
    let half = half?;
    Some(Subject {
        facts: &half.facts,
        pairing: half.pairing,
        bytes,
    })
}
