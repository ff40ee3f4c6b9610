//! The comparison behind `verify` and behind a live capture that was given files: which files there are, which belongs to
//! which picture, and what comes of each.

use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use super::files::{self, Found, Look};
use super::spool::Spool;
use crate::cli::output::{temporary, trouble};
use crate::ledger::comparison::{
    Given, Level, PairedBy, SideOfMismatch, UnpairedFile, Verification,
};
use crate::ledger::{Image, Stream, Verdict};
use crate::report::model::Report;
use crate::transfer::record::{Record, Side as Writer};
use crate::units::PictureId;
use crate::verify::{
    self, Asked, FileFacts, LedgerLine, Outcome, Pairs, Subject, Thresholds, Wanted, Wire, Work,
    painting,
};

/// What the user named.
#[derive(Debug, Clone, Copy)]
pub(in crate::cli) struct Named<'n> {
    pub(in crate::cli) sent: &'n [PathBuf],
    pub(in crate::cli) received: &'n [PathBuf],
    pub(in crate::cli) ledger: &'n [PathBuf],
}

/// How pictures are compared.
#[derive(Debug, Clone)]
pub(in crate::cli) struct Settings {
    pub(in crate::cli) level: Level,
    pub(in crate::cli) thresholds: Thresholds,
    /// Folder for pictures of the damage.
    pub(in crate::cli) damage: Option<PathBuf>,
    /// Larger pictures and files are compared by digest alone.
    pub(in crate::cli) limit: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            level: Level::Bytes,
            thresholds: Thresholds::default(),
            damage: None,
            limit: 256 << 20,
        }
    }
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
    /// Finds the files and reads the ledgers; `look` reads a file.
    ///
    /// # Errors
    /// A path that is not there or cannot be read.
    pub(in crate::cli) fn find(named: &Named<'_>, look: &mut Look<'_>) -> anyhow::Result<Self> {
        let records = files::ledgers(named.ledger)?;
        Ok(Self::of(
            files::find(named.sent, "--sent", look)?,
            files::find(named.received, "--received", look)?,
            records,
            named,
        ))
    }

    /// Puts together what was found.
    pub(in crate::cli) fn of(
        sent_files: Vec<Found>,
        received_files: Vec<Found>,
        records: Vec<Record>,
        named: &Named<'_>,
    ) -> Self {
        let (sent, received): (Vec<Record>, Vec<Record>) = records
            .into_iter()
            .partition(|record| record.side == Writer::Sent);
        let side = |paths: &[PathBuf], files, records: Vec<Record>| Side {
            files,
            asked: !paths.is_empty() || !records.is_empty(),
            records,
        };
        Self {
            sent: side(named.sent, sent_files, sent),
            received: side(named.received, received_files, received),
        }
    }

    /// Which sides were given.
    pub(in crate::cli) fn asked(&self) -> Asked {
        Asked {
            sent: self.sent.asked,
            received: self.received.asked,
        }
    }
}

/// Compares the pictures of a report with the files.
pub(in crate::cli) struct Verifier<'v> {
    pub(in crate::cli) sides: &'v Sides,
    pub(in crate::cli) spool: &'v mut Spool,
    pub(in crate::cli) settings: &'v Settings,
}

impl Verifier<'_> {
    /// Judges all pictures of a report, and the run.
    ///
    /// # Errors
    /// A file that cannot be read any more, a picture of the damage that cannot be written.
    pub(in crate::cli) fn verify(&mut self, report: &mut Report) -> anyhow::Result<()> {
        let digests = report
            .images
            .iter()
            .map(|image| match &image.sha256 {
                Some(digest) => Ok(Some(digest.clone())),
                None if image.gap_bytes > 0 => Ok(None),
                None => self.spool.sha256(image.id),
            })
            .collect::<anyhow::Result<Vec<Option<String>>>>()?;
        let wanted: Vec<Wanted> = report
            .images
            .iter()
            .zip(&digests)
            .map(|(image, digest)| wanted(image, digest.clone()))
            .collect();
        let ids: Vec<PictureId> = report.images.iter().map(|image| image.id).collect();
        let sent = self.pair(&wanted, &ids, true)?;
        let received = self.pair(&wanted, &ids, false)?;
        let sides = self.sides;
        let mut images = std::mem::take(&mut report.images);
        for (index, (image, digest)) in images.iter_mut().zip(&digests).enumerate() {
            let picked = Picked {
                digest: digest.as_deref(),
                sent: pick(&sides.sent, &sent, index),
                received: pick(&sides.received, &received, index),
            };
            self.picture(report, image, &picked)?;
        }
        report.images = images;
        let unpaired = |side: &Side, pairs: &Pairs| {
            side.asked.then(|| Given {
                files: side.files.len() as u64,
                unpaired: unpaired(side, pairs),
                ledger_lines: side.records.len() as u64,
                ledger_unpaired: side
                    .records
                    .len()
                    .saturating_sub(pairs.lines.iter().flatten().count())
                    as u64,
            })
        };
        let verification = Verification {
            level: self.settings.level,
            sent: unpaired(&self.sides.sent, &sent),
            received: unpaired(&self.sides.received, &received),
            damage: self
                .settings
                .damage
                .as_ref()
                .map(|folder| folder.to_string_lossy().into_owned()),
        };
        report.conclude();
        // Said to be sent, and not seen.
        let never_seen = verification.sent.as_ref().is_some_and(|given| {
            given.ledger_unpaired > 0 || given.unpaired.iter().any(|file| file.named)
        });
        if never_seen {
            let worst = if report.truncated() {
                Verdict::Inconclusive
            } else {
                Verdict::Incomplete
            };
            report.verdict = report.verdict.max(Some(worst));
        }
        report.verification = Some(verification);
        Ok(())
    }

    fn pair(&mut self, wanted: &[Wanted], ids: &[PictureId], sent: bool) -> anyhow::Result<Pairs> {
        let side = if sent {
            &self.sides.sent
        } else {
            &self.sides.received
        };
        let files: Vec<&Found> = side.files.iter().collect();
        pair(
            wanted,
            ids,
            &files,
            &side.records,
            sent,
            self.spool,
            self.settings.limit,
        )
    }

    fn picture(
        &mut self,
        report: &mut Report,
        image: &mut Image,
        picked: &Picked<'_>,
    ) -> anyhow::Result<()> {
        let mut outcome = judge(
            self.spool,
            self.settings,
            self.sides.asked(),
            image,
            report.stream(image.stream),
            picked,
        )?;
        report.findings.append(&mut outcome.findings);
        image.verdict = outcome.verdict;
        if let (None, None, Some((width, height))) = (image.width, image.height, outcome.size) {
            (image.width, image.height) = (Some(width), Some(height));
        }
        image.compared = outcome.comparison.map(Box::new);
        Ok(())
    }
}

/// Pairs pictures with the files of one side.
///
/// # Errors
/// A file or the spool that cannot be read.
pub(in crate::cli) fn pair(
    wanted: &[Wanted],
    ids: &[PictureId],
    files: &[&Found],
    records: &[Record],
    sent: bool,
    spool: &mut Spool,
    limit: u64,
) -> anyhow::Result<Pairs> {
    let candidates: Vec<_> = files.iter().map(|found| found.candidate.clone()).collect();
    let lines: Vec<LedgerLine> = records.iter().map(line).collect();
    // Asked picture by picture: the picture's bytes are read once for all files.
    let mut at_hand: Option<(usize, Option<Wire>)> = None;
    verify::pair(wanted, &candidates, &lines, sent, &mut |picture, file| {
        if at_hand.as_ref().is_none_or(|(index, _)| *index != picture) {
            let wire = match ids.get(picture) {
                Some(id) => spool.wire(*id, limit)?,
                None => None,
            };
            at_hand = Some((picture, wire));
        }
        let (Some((_, Some(wire))), Some(found)) = (&at_hand, files.get(file)) else {
            return Ok(None);
        };
        if !found.is_promising(wire) {
            return Ok(None);
        }
        let bytes = files::read(found, limit)?;
        Ok(bytes.map(|bytes| verify::closeness(wire, &bytes)))
    })
}

/// Compares one picture with its files and judges.
///
/// # Errors
/// A file or the spool that cannot be read, a picture of the damage that cannot be written.
pub(in crate::cli) fn judge(
    spool: &mut Spool,
    settings: &Settings,
    asked: Asked,
    image: &Image,
    stream: Option<&Stream>,
    picked: &Picked<'_>,
) -> anyhow::Result<Outcome> {
    let read = |half: &Option<Half<'_>>| -> anyhow::Result<Option<Vec<u8>>> {
        match half.as_ref().and_then(|half| half.found) {
            Some(found) if Some(found.facts.sha256.as_str()) != picked.digest => {
                files::read(found, settings.limit)
            }
            _ => Ok(None),
        }
    };
    let equal = |half: &Option<Half<'_>>| {
        half.as_ref()
            .is_none_or(|half| Some(half.facts.sha256.as_str()) == picked.digest)
    };
    let told = equal(&picked.sent) && equal(&picked.received);
    let open_end = image.verdict == Verdict::Inconclusive;
    let (mut sent_bytes, mut received_bytes) = (read(&picked.sent)?, read(&picked.received)?);
    let mut wire = None;
    if !told || open_end {
        wire = spool.wire(image.id, settings.limit)?;
        // One that equals the wire is needed beside one that does not, to be compared and painted.
        for (bytes, half) in [
            (&mut sent_bytes, &picked.sent),
            (&mut received_bytes, &picked.received),
        ] {
            if let (None, Some(found)) = (&bytes, half.as_ref().and_then(|half| half.found)) {
                *bytes = files::read(found, settings.limit)?;
            }
        }
    }
    let work = Work {
        image,
        stream,
        sha256: picked.digest,
        wire: wire.as_ref(),
        sent: subject(picked.sent.as_ref(), sent_bytes.as_deref()),
        received: subject(picked.received.as_ref(), received_bytes.as_deref()),
        asked,
        level: settings.level,
        thresholds: settings.thresholds,
    };
    let mut outcome = verify::picture(&work);
    if let Some(folder) = &settings.damage
        && let Some(comparison) = &mut outcome.comparison
    {
        for mismatch in [&mut comparison.mismatch, &mut comparison.also]
            .into_iter()
            .flatten()
        {
            mismatch.painting = paint(folder, &work, mismatch.side)?;
        }
    }
    Ok(outcome)
}

/// The files of a picture.
pub(in crate::cli) struct Picked<'p> {
    /// SHA-256 of the picture.
    pub(in crate::cli) digest: Option<&'p str>,
    pub(in crate::cli) sent: Option<Half<'p>>,
    pub(in crate::cli) received: Option<Half<'p>>,
}

/// The file of one side of a picture.
pub(in crate::cli) struct Half<'p> {
    facts: FileFacts,
    pairing: PairedBy,
    /// Absent where only a ledger tells of it.
    found: Option<&'p Found>,
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

fn pick<'p>(side: &'p Side, pairs: &Pairs, index: usize) -> Option<Half<'p>> {
    if let Some((file, pairing)) = pairs.files.get(index).copied().flatten() {
        return Some(Half::file(side.files.get(file)?, pairing));
    }
    let line = pairs.lines.get(index).copied().flatten()?;
    side.records.get(line).map(Half::record)
}

fn subject<'s>(half: Option<&'s Half<'_>>, bytes: Option<&'s [u8]>) -> Option<Subject<'s>> {
    let half = half?;
    Some(Subject {
        facts: &half.facts,
        pairing: half.pairing,
        bytes,
    })
}

fn unpaired(side: &Side, pairs: &Pairs) -> Vec<UnpairedFile> {
    let used = |index: usize| pairs.files.iter().flatten().any(|(file, _)| *file == index);
    let left = side
        .files
        .iter()
        .enumerate()
        .filter(|(index, _)| !used(*index));
    left.map(|(_, found)| UnpairedFile {
        path: found.candidate.path.clone(),
        bytes: found.facts.bytes,
        sha256: found.facts.sha256.clone(),
        named: found.named,
    })
    .collect()
}

/// What is wanted for a picture.
pub(in crate::cli) fn wanted(image: &Image, sha256: Option<String>) -> Wanted {
    Wanted {
        sha256,
        bytes: image.bytes,
        from: image.from,
        to: image.to,
        format: image.format,
        size: image.width.zip(image.height),
        raw: image.is_raw_pixels(),
    }
}

fn line(record: &Record) -> LedgerLine {
    LedgerLine {
        from: record.from,
        to: record.to,
        sha256: record.sha256.clone(),
        file: record.file.clone(),
    }
}

/// Paints a mismatch into the folder; returns the file's name. None where there are no pixels to show.
fn paint(folder: &Path, work: &Work<'_>, side: SideOfMismatch) -> anyhow::Result<Option<String>> {
    let raw = work.image.is_raw_pixels();
    let sent = work.sent.and_then(|subject| subject.bytes);
    let received = work.received.and_then(|subject| subject.bytes);
    let file = |bytes: Option<&[u8]>| painting::as_far_as_possible(bytes?, None);
    let (sent, received) = (file(sent), file(received));
    let width = [&sent, &received]
        .into_iter()
        .flatten()
        .map(painting::Decoded::width)
        .next();
    let wire = work.wire.and_then(Wire::whole).and_then(|bytes| {
        painting::as_far_as_possible(bytes, if raw { Some(width?) } else { None })
    });
    let (expected, found, name) = match side {
        SideOfMismatch::SenderToWire => (sent, wire, "sender-to-wire"),
        SideOfMismatch::WireToReceiver => (wire, received, "wire-to-receiver"),
        SideOfMismatch::SenderToReceiver => (sent, received, "sender-to-receiver"),
    };
    let Some(expected) = expected else {
        return Ok(None);
    };
    let (picture, _) = painting::paint(&expected, found.as_ref());
    let name = format!(
        "stream-{}-image-{:04}-{name}.png",
        work.image.stream, work.image.id.0
    );
    let path = folder.join(&name);
    let cannot = trouble(
        &path,
        "cannot be written",
        "see whether the disk is full, or choose another folder",
    );
    let (file, temporary) = temporary(folder).map_err(&cannot)?;
    let mut file = BufWriter::new(file);
    let bytes = crate::imaging::encode(&picture.into(), crate::picture::Format::Png, 100)?;
    file.write_all(&bytes)
        .and_then(|()| file.flush())
        .map_err(&cannot)?;
    temporary
        .persist(&path)
        .map_err(|error| cannot(error.error))?;
    Ok(Some(name))
}
