//! The comparison behind `verify` and behind a live capture that was given files: which files there are, which belongs to
//! which picture, and what comes of each.

mod asked;
mod beside;
mod conclusion;
mod gathered;
mod named;
mod ranges;
mod replies;
mod sides;
mod unsure;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;

pub(in crate::cli) use conclusion::concluded;
use conclusion::{of_parts, refute, take_back, unpaired};
use gathered::Gathered;
use ranges::Ranges;
pub(in crate::cli) use sides::{Named, Side, Sides};

use super::files::{self, Found};
use super::half::{Half, Picked, pick, subject};
use super::knowledge;
use super::paint::paint;
use super::spool::{Spool, Way};
use crate::findings::{Finding, Name};
use crate::ledger::comparison::{Given, Level, PairedBy, Verification};
use crate::ledger::{Image, Stream, Verdict};
use crate::report::model::Report;
use crate::transfer::record::Record;
use crate::units::PictureId;
use crate::verify::{
    self, Asked, Evidence, Knowledge, LedgerLine, Outcome, Pairs, Thresholds, Wanted, Wire, Work,
};

/// How pictures are compared.
#[derive(Debug, Clone)]
pub(in crate::cli) struct Settings {
    pub(in crate::cli) level: Level,
    pub(in crate::cli) thresholds: Thresholds,
    /// Folder for pictures of the damage.
    pub(in crate::cli) damage: Option<PathBuf>,
    /// Larger pictures and files are compared by digest alone.
    pub(in crate::cli) limit: u64,
    /// Memory for the bytes of streams and files in which they are looked for.
    pub(in crate::cli) memory: u64,
}

impl Settings {
    /// Most bytes of files, and as many of streams, that are held to look for the ones in the others.
    fn room(&self) -> u64 {
        self.limit.saturating_mul(4).min(self.memory / 4)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            level: Level::Bytes,
            thresholds: Thresholds::default(),
            damage: None,
            limit: 256 << 20,
            memory: u64::MAX,
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
        report.conclude();
        let mut digests = self.digests(&report.images)?;
        let ranges = Ranges::of(report);
        let gathered = self.gather(report, &digests)?;
        if let Some(gathered) = &gathered {
            refute(report, &gathered.refuted);
            for image in &report.images {
                if let (None, Some(sha256)) = (digests.get(&image.id), &image.sha256) {
                    digests.insert(image.id, Some(sha256.clone()));
                }
            }
        }
        let digests: Vec<Option<String>> = report
            .images
            .iter()
            .map(|image| digests.get(&image.id).cloned().flatten())
            .collect();
        let wanted: Vec<Wanted> = report
            .images
            .iter()
            .zip(&digests)
            .map(|(image, digest)| wanted(image, digest.clone()))
            .collect();
        let ids: Vec<PictureId> = report.images.iter().map(|image| image.id).collect();
        let mut gathered = gathered.unwrap_or_default();
        let sent = self.pair(&wanted, &ids, true, &gathered)?;
        let mut received = self.pair(&wanted, &ids, false, &gathered)?;
        relayed(&report.images, &digests, &mut received);
        let shown = gathered.received(&ids);
        self.sides
            .of_all_parts(&report.images, &shown, &mut received);
        self.sides.of_one_file(&report.images, &sent, &mut received);
        let (sides, limit) = (self.sides, self.settings.limit);
        sides.of_one_name(&sent, &mut received, limit)?;
        let left = sides.sent.files.len() > files_used(&sent);
        let senders = Senders::of(&report.images, &sent);
        let saved_as_sent = self.sides.saved_as_sent(&received);
        let parts = self.sides.parts(report, &sent, &received);
        let mut strays = self.strays(report, &mut gathered, &received)?;
        self.wrong_digests(report)?;
        let mut unsure = self.unsure(report, &gathered, &strays.accounted)?;
        beside::doubt(report, &unsure, &mut strays.told);
        let type_a = self.type_a(report)?;
        let mut images = std::mem::take(&mut report.images);
        for (index, (image, digest)) in images.iter_mut().zip(&digests).enumerate() {
            let picked = Picked {
                digest: digest.as_deref(),
                sent: pick(&sides.sent, &sent, index),
                received: pick(&sides.received, &received, index),
            };
            let evidence = gathered.evidence.get(&image.id);
            let mut knowledge = knowledge::of(report, image);
            knowledge.ranged = ranges.hold(image);
            knowledge.odd_part = knowledge.ranged && self.has_odd_part(&ranges, image)?;
            let stray = strays.found.remove(&image.id);
            knowledge.garbled = knowledge::is_garbled(report, image);
            let lost = knowledge::is_lost_inside(report, image);
            knowledge.garbled |= lost && !knowledge.lacks;
            knowledge.misframed = !knowledge.lacks && knowledge::is_misframed(report, image);
            knowledge.unsearched = gathered.left_out.hides(image);
            let unsure = unsure.remove(&image.id);
            knowledge.received_is_sent = saved_as_sent.contains(&index);
            knowledge.in_parts = parts.contains(&index);
            knowledge.resumed = self.is_resumed(report, image, picked.bytes())?;
            knowledge::beside(&mut knowledge, report.stream(image.stream), stray, unsure);
            knowledge.hidden |= lost && knowledge.lacks; // The bytes that would show it may be among those.
            knowledge.wants_sent = sides.sent.asked && senders.wants(image, left);
            knowledge.type_a = type_a.contains(&image.from) || type_a.contains(&image.to);
            (knowledge.before, knowledge.after) = self.around(report, image)?;
            let context = Context {
                evidence,
                wire: evidence.and_then(|evidence| evidence.wire.as_ref()),
                knowledge: &knowledge,
            };
            let fragment = self.picture(report, image, &picked, &context)?;
            beside::tell(
                report,
                image,
                stray.filter(|_| knowledge.strays > 0 && !fragment),
                unsure,
            );
        }
        of_parts(&mut report.findings, &images, &parts);
        report.images = images;
        take_back(report);
        beside::redraw(report, &gathered, &strays.told);
        let mut verification = self.verification(&sent, &received);
        self.near_copies(&report.images, &received, &mut verification)?;
        if gathered.left_out.is_nothing() {
            let others = self.others(report, &sent)?;
            report.findings.extend(others);
        } else {
            report.findings.push(gathered.left_out.finding());
        }
        verify::fold(&mut report.findings);
        report.verification = Some(verification);
        report.conclude();
        concluded(report);
        Ok(())
    }

    /// Whether a part of it that was asked for (HTTP 206) is a part of no file: what two parts share may differ between them.
    fn has_odd_part(&mut self, ranges: &Ranges, image: &Image) -> anyhow::Result<bool> {
        /// Of more nobody asks one by one.
        const MOST: usize = 1 << 10;
        let limit = self.settings.limit;
        let mut files = Vec::new();
        for file in self
            .sides
            .sent
            .files
            .iter()
            .chain(&self.sides.received.files)
        {
            files.extend(files::read(file, limit)?);
        }
        let taken = image.encoded_bytes.unwrap_or(image.bytes);
        let picture = image.offset..image.offset.saturating_add(taken);
        let way = Way {
            stream: image.stream,
            from: image.from,
        };
        for range in ranges.within(image, &picture).take(MOST) {
            for run in self.spool.way(way, range.clone())? {
                let finder = memchr::memmem::Finder::new(&run.bytes);
                if !files.iter().any(|file| finder.find(file).is_some()) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// What was given, and what of it belongs to no picture.
    fn verification(&self, sent: &Pairs, received: &Pairs) -> Verification {
        let sides = self.sides;
        let unpaired = |side: &Side, other: &Side, pairs: &Pairs| {
            side.asked.then(|| Given {
                files: side.files.len() as u64,
                unpaired: unpaired(side, other, pairs),
                ledger_lines: side.records.len() as u64,
                ledger_unpaired: side
                    .records
                    .len()
                    .saturating_sub(pairs.lines.iter().flatten().count())
                    as u64,
            })
        };
        Verification {
            level: self.settings.level,
            sent: unpaired(&sides.sent, &sides.received, sent),
            received: unpaired(&sides.received, &sides.sent, received),
            damage: self
                .settings
                .damage
                .as_ref()
                .map(|folder| folder.to_string_lossy().into_owned()),
        }
    }

    /// SHA-256 of each picture; absent where bytes are missing.
    fn digests(&mut self, images: &[Image]) -> anyhow::Result<BTreeMap<PictureId, Option<String>>> {
        let mut digests = BTreeMap::new();
        for image in images {
            let digest = match &image.sha256 {
                Some(digest) => Some(digest.clone()),
                None if image.gap_bytes > 0 => None,
                None => self.spool.sha256(image.id)?,
            };
            digests.insert(image.id, digest);
        }
        Ok(digests)
    }

    fn pair(
        &mut self,
        wanted: &[Wanted],
        ids: &[PictureId],
        sent: bool,
        gathered: &Gathered,
    ) -> anyhow::Result<Pairs> {
        let side = if sent {
            &self.sides.sent
        } else {
            &self.sides.received
        };
        let candidates: Vec<_> = side
            .files
            .iter()
            .map(|found| found.candidate.clone())
            .collect();
        let lines: Vec<LedgerLine> = side.records.iter().map(line).collect();
        let shown: Vec<Option<&str>> = ids
            .iter()
            .map(|id| {
                let evidence = gathered.evidence.get(id)?;
                let text = if sent {
                    evidence.sent
                } else {
                    evidence.received
                };
                gathered.shas.get(text?).map(String::as_str)
            })
            .collect();
        let mut at_hand: Option<(usize, Option<Wire>)> = None;
        let (spool, limit) = (&mut *self.spool, self.settings.limit);
        verify::pair_by_evidence(
            wanted,
            &candidates,
            &lines,
            sent,
            &shown,
            &mut |picture, file| {
                if at_hand.as_ref().is_none_or(|(index, _)| *index != picture) {
                    let id = ids.get(picture);
                    let made = id
                        .and_then(|id| gathered.evidence.get(id))
                        .and_then(|evidence| evidence.wire.clone());
                    let wire = match (made, id) {
                        (Some(wire), _) => Some(wire),
                        (None, Some(id)) => spool.wire(*id, limit)?,
                        (None, None) => None,
                    };
                    at_hand = Some((picture, wire));
                }
                let (Some((_, Some(wire))), Some(found), Some(want)) =
                    (&at_hand, side.files.get(file), wanted.get(picture))
                else {
                    return anyhow::Ok(0.0);
                };
                let bytes = files::read(found, limit)?;
                Ok(bytes.map_or(0.0, |bytes| verify::kinship(wire, &bytes, want.raw, sent)))
            },
        )
    }

    /// Whether what stands beside it may be the rest of it, in a form that is not known.
    fn picture(
        &mut self,
        report: &mut Report,
        image: &mut Image,
        picked: &Picked<'_>,
        context: &Context<'_>,
    ) -> anyhow::Result<bool> {
        let mut outcome = judge(
            self.spool,
            self.settings,
            self.sides.asked(),
            image,
            report.stream(image.stream),
            picked,
            context,
        )?;
        // The header was looked at before.
        let told = |name: Name| {
            let mut known = report.findings.iter();
            known.any(|one| one.name == name && one.image == Some(image.id))
        };
        let sized = told(Name::WrongSizeGiven) || told(Name::LengthMismatch);
        outcome
            .findings
            .retain(|one| !sized || one.name != Name::WrongSizeGiven);
        report.findings.append(&mut outcome.findings);
        image.verdict = outcome.verdict;
        if let (None, None, Some((width, height))) = (image.width, image.height, outcome.size) {
            (image.width, image.height) = (Some(width), Some(height));
        }
        image.compared = outcome.comparison.map(Box::new);
        if outcome.fragment {
            let of_it = |finding: &Finding| finding.stream == Some(image.stream);
            report
                .findings
                .retain(|one| one.name != Name::StrayBytes || !of_it(one));
        }
        Ok(outcome.fragment)
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
    context: &Context<'_>,
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
    // What stands beside a picture may be a part of it again.
    if !told || open_end || context.knowledge.strays > 0 {
        wire = match context.wire {
            Some(wire) => Some(wire.clone()),
            None => spool.wire(image.id, settings.limit)?,
        };
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
        knowledge: context.knowledge,
        evidence: context.evidence,
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

/// What is known of a picture beside its files.
#[derive(Debug, Clone, Copy)]
pub(in crate::cli) struct Context<'c> {
    pub(in crate::cli) evidence: Option<&'c Evidence>,
    /// Its bytes, where no wire format has them.
    pub(in crate::cli) wire: Option<&'c Wire>,
    pub(in crate::cli) knowledge: &'c Knowledge,
}

/// Who sends the files that were to be sent, and to whom.
#[derive(Debug, Default)]
struct Senders {
    from: BTreeSet<SocketAddr>,
    to: BTreeSet<SocketAddr>,
}

impl Senders {
    fn of(images: &[Image], sent: &Pairs) -> Self {
        let paired = || {
            images
                .iter()
                .zip(&sent.files)
                .filter(|(_, file)| file.is_some())
        };
        Self {
            from: paired().map(|(image, _)| image.from).collect(),
            to: paired().map(|(image, _)| image.to).collect(),
        }
    }

    /// Whether a file sent is expected to belong to a picture: its sender has others, its receiver got others; or some are left
    /// over, and it does not go to where the others come from.
    fn wants(&self, image: &Image, left: bool) -> bool {
        let back = self.from.contains(&image.to) || self.to.contains(&image.from);
        self.from.contains(&image.from) || self.to.contains(&image.to) || (left && !back)
    }
}

/// What a broker took in and passed on is received where it ends: its own leg has no file beside that one.
fn relayed(images: &[Image], digests: &[Option<String>], received: &mut Pairs) {
    let alike = |one: usize, other: usize| {
        let (one, other) = (digests.get(one), digests.get(other));
        one.is_some_and(Option::is_some) && one == other
    };
    let by_digest = |received: &Pairs, index: usize| {
        let file = received.files.get(index).copied().flatten();
        file.filter(|(_, by)| *by == PairedBy::Digest)
    };
    let mut of_from: BTreeMap<SocketAddr, Vec<usize>> = BTreeMap::new();
    let mut of_to: BTreeMap<SocketAddr, Vec<usize>> = BTreeMap::new();
    for (index, image) in images.iter().enumerate() {
        of_from.entry(image.from).or_default().push(index);
        of_to.entry(image.to).or_default().push(index);
    }
    // First the ends, which may take over the file of their first leg; then the legs.
    for ends in [true, false] {
        for (index, image) in images.iter().enumerate() {
            if received.files.get(index).is_none_or(Option::is_some) {
                continue;
            }
            let legs = if ends {
                of_to.get(&image.from)
            } else {
                of_from.get(&image.to)
            };
            let found = legs
                .into_iter()
                .flatten()
                .find_map(|&other| alike(index, other).then(|| by_digest(received, other))?);
            let free = |file: usize, received: &Pairs| {
                let mut others = of_from.get(&image.from).into_iter().flatten();
                !others.any(|&other| by_digest(received, other).is_some_and(|(one, _)| one == file))
            };
            if let Some((file, by)) = found
                && (!ends || free(file, received))
                && let Some(place) = received.files.get_mut(index)
            {
                *place = Some((file, by));
            }
        }
    }
}

fn files_used(pairs: &Pairs) -> usize {
    let used: BTreeSet<usize> = pairs
        .files
        .iter()
        .flatten()
        .map(|(file, _)| *file)
        .collect();
    used.len()
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
