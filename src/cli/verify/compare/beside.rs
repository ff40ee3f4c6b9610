//! What lies beside the pictures: stray bytes, and files of which another was sent.

use std::collections::{BTreeMap, BTreeSet};

use super::super::files::{self, Found};
use super::super::knowledge;
use super::super::spool::{Spool, Way};
use super::asked::Asked;
use super::gathered::Gathered;
use super::{Senders, Verifier};
use crate::findings::{Finding, Name, Severity};
use crate::ledger::comparison::{PairedBy, Verification};
use crate::ledger::{Direction, Image, Verdict};
use crate::report::model::Report;
use crate::units::{ByteRange, FrameNumber, PictureId, StreamId};
use crate::verify::{self, Pairs};

/// A file of which so many quarters at least are a picture's bytes is that picture, damaged, and no other one: pictures of one
/// program have their headers in common.
const QUARTERS: u64 = 3;

impl Verifier<'_> {
    /// Received files that belong to no picture although they are nearly one, which another file is: a good copy of an older run
    /// beside what was saved in this one, or the other way round.
    pub(super) fn near_copies(
        &mut self,
        images: &[Image],
        received: &Pairs,
        verification: &mut Verification,
    ) -> anyhow::Result<()> {
        let Some(given) = &mut verification.received else {
            return Ok(());
        };
        let limit = self.settings.limit;
        for left in given
            .unpaired
            .iter_mut()
            .filter(|left| left.aside.is_none())
        {
            let files = &self.sides.received.files;
            let Some(found) = files.iter().find(|found| found.candidate.path == left.path) else {
                continue;
            };
            let mut bytes = None;
            for (image, pair) in images.iter().zip(&received.files) {
                if pair.is_none() || image.is_raw_pixels() {
                    continue;
                }
                let Some(wire) = self.spool.wire(image.id, limit)? else {
                    continue;
                };
                if !found.is_promising(&wire) {
                    continue;
                }
                if bytes.is_none() {
                    bytes = files::read(found, limit)?;
                }
                let Some(bytes) = &bytes else {
                    break;
                };
                let like = verify::closeness(&wire, bytes);
                // A copy of it is no other file.
                let other = like.common < image.bytes.max(bytes.len() as u64);
                if other
                    && like.of > 0
                    && like.common.saturating_mul(4) >= like.of.saturating_mul(QUARTERS)
                {
                    left.image = Some(image.id);
                    break;
                }
            }
        }
        Ok(())
    }

    /// Bytes beside the pictures that nothing explains, by a picture of each direction that has some. What explains itself is no
    /// finding either.
    pub(super) fn strays(
        &mut self,
        report: &mut Report,
        gathered: &mut Gathered,
        received: &Pairs,
    ) -> anyhow::Result<Strays> {
        let saved = saved(report, received);
        let mut padded: BTreeSet<StreamId> = BTreeSet::new();
        let mut found = BTreeMap::new();
        let mut wrong = Vec::new();
        let mut explained: BTreeSet<StreamId> = BTreeSet::new();
        // A header that was expected there, and is none, is no mistake in these.
        let mut accounted: BTreeSet<Way> = BTreeSet::new();
        let mut told: BTreeSet<Way> = BTreeSet::new();
        // Of ten thousand connections each has a few.
        let pictures = report.pictures_by_stream();
        for stream in &report.streams {
            let Some(pictures) = pictures.get(&stream.id) else {
                continue;
            };
            let mut all = Vec::new();
            for direction in &stream.directions {
                if is_summed_up(report, pictures, direction) {
                    continue;
                }
                let Some(asked) = Asked::of(pictures, stream, direction, gathered) else {
                    continue;
                };
                let way = Way {
                    stream: stream.id,
                    from: direction.from,
                };
                let open = asked.is_open();
                if (open || asked.is_headed())
                    && verify::accounts_for_itself(&asked.beside(), &mut |range| {
                        in_one_run(self.spool, way, range)
                    })?
                {
                    accounted.insert(way);
                    told.insert(way);
                    gathered.explain(&asked.pictures);
                    all.push(true);
                    continue;
                }
                if !open {
                    told.insert(way);
                    continue;
                }
                let (stray, is_padded) = self.stray(&asked, direction, way, &saved)?;
                if is_padded {
                    padded.insert(stream.id);
                }
                let is_told = stray.is_none_or(|stray| stray.declared.is_some());
                if is_told {
                    told.insert(way);
                }
                all.push(is_told);
                match stray {
                    Some(verify::Stray {
                        picture,
                        declared: Some(declared),
                        ..
                    }) => wrong.push((picture, declared)),
                    Some(stray) => {
                        found.insert(stray.picture, stray);
                    }
                    None => {}
                }
            }
            if !all.is_empty() && all.iter().all(|explained| *explained) {
                explained.insert(stream.id);
            }
        }
        tell_wrong(report, wrong);
        for finding in &mut report.findings {
            let kept = finding
                .stream
                .is_some_and(|stream| padded.contains(&stream));
            // They may be in the file received.
            if finding.name == Name::StrayBytes && kept && self.sides.received.asked {
                finding.severity = finding.severity.max(Severity::Warning);
            }
        }
        let in_full: BTreeSet<StreamId> = accounted.iter().map(|way| way.stream).collect();
        report.findings.retain(|finding| {
            let of = |streams: &BTreeSet<StreamId>| {
                let stream = finding.stream;
                stream.is_some_and(|stream| streams.contains(&stream))
            };
            match finding.name {
                Name::StrayBytes => !of(&explained),
                // Zeros, read as a header.
                Name::ImplausibleLength => !(of(&padded) || of(&in_full) && of(&explained)),
                _ => true,
            }
        });
        Ok(Strays {
            found,
            accounted,
            told,
        })
    }

    /// What nothing explains beside the pictures of a direction, and whether zeros that fill blocks up stand behind them.
    fn stray(
        &mut self,
        asked: &Asked,
        direction: &Direction,
        way: Way,
        saved: &BTreeSet<PictureId>,
    ) -> anyhow::Result<(Option<verify::Stray>, bool)> {
        let spool = &mut *self.spool;
        let mut bytes = |range| in_one_run(spool, way, range);
        let mut stray = verify::stray(&asked.beside(), &mut bytes)?;
        let mut padded = false;
        if let Some(one) = stray.as_mut().filter(|stray| stray.declared.is_none())
            && direction.gap_bytes == 0
            && direction.closed.is_some()
            && verify::is_padded(&asked.pictures, direction.unique_bytes, &mut bytes)?
        {
            padded = true;
            // Whether the receiver takes it off, its file tells.
            one.trailer |= !self.sides.received.asked;
            let mut pictures = asked.pictures.iter();
            if pictures.all(|one| saved.contains(&one.picture)) {
                stray = None;
            }
        }
        Ok((stray, padded))
    }

    /// Bytes of the stream before a picture and behind it.
    pub(super) fn around(
        &mut self,
        report: &Report,
        image: &Image,
    ) -> anyhow::Result<(Vec<u8>, Vec<u8>)> {
        /// As many as a buffer may hold.
        const NEAR: u64 = 64 << 10;
        let pictures = report.stream(image.stream).is_some_and(|stream| {
            let direction = stream.directions.iter().find(|one| one.from == image.from);
            direction.is_some_and(|direction| direction.unique_bytes != image.bytes)
        });
        if !pictures {
            return Ok((Vec::new(), Vec::new()));
        }
        let way = Way {
            stream: image.stream,
            from: image.from,
        };
        let end = image
            .offset
            .saturating_add(image.encoded_bytes.unwrap_or(image.bytes));
        let before = self
            .spool
            .way(way, image.offset.saturating_sub(NEAR)..image.offset)?;
        let before = before
            .into_iter()
            .find(|run| run.range().end == image.offset)
            .map(|run| run.bytes);
        let after = self.spool.way(way, end..end.saturating_add(NEAR))?;
        let after = after
            .into_iter()
            .find(|run| run.offset == end)
            .map(|run| run.bytes);
        Ok((before.unwrap_or_default(), after.unwrap_or_default()))
    }

    /// Files sent that are on no wire, and what went out in their place.
    pub(super) fn others(&mut self, report: &Report, sent: &Pairs) -> anyhow::Result<Vec<Finding>> {
        let used: BTreeSet<usize> = sent.files.iter().flatten().map(|(file, _)| *file).collect();
        let left: Vec<&Found> = self
            .sides
            .sent
            .files
            .iter()
            .enumerate()
            .filter(|(index, _)| !used.contains(index))
            .map(|(_, file)| file)
            // What the receiver has went by where nobody captured it.
            .filter(|file| {
                let mut received = self.sides.received.files.iter();
                !received.any(|saved| saved.facts.sha256 == file.facts.sha256)
            })
            .collect();
        let senders = Senders::of(&report.images, sent);
        let mut found = Vec::new();
        if left.is_empty() || knowledge::lacks(report) {
            return Ok(found);
        }
        let names = |files: &[&Found]| {
            let names: Vec<&str> = files
                .iter()
                .map(|file| file.candidate.path.as_str())
                .collect();
            names.join(", ")
        };
        let strangers: Vec<&Image> = report
            .images
            .iter()
            .zip(&sent.files)
            // What is no picture file may be a file's pixels, or its bytes in a form that is not known.
            .filter(|(image, file)| {
                file.is_none()
                    && image.complete
                    && image.format.is_some()
                    && senders.wants(image, true)
            })
            .map(|(image, _)| image)
            .collect();
        if let ([_, ..], Some(image)) = (left.as_slice(), strangers.first())
            && left.len() <= 3
        {
            found.push(verify::other_file(image, &names(&left)));
        } else if report.images.is_empty() && !knowledge::is_open(report) {
            let carried = report
                .streams
                .iter()
                .find(|stream| stream.directions.iter().any(|one| one.payload_bytes > 0));
            if let Some(stream) = carried {
                let bytes: u64 = stream.directions.iter().map(|one| one.unique_bytes).sum();
                if bytes <= 64 {
                    let names = names(&left);
                    let mut way = stream.directions.iter().filter(|way| way.unique_bytes > 0);
                    let announced = match (way.next(), way.next()) {
                        (Some(only), None) => self.announced(stream.id, only)?,
                        _ => None,
                    };
                    found.push(verify::nothing_sent(stream, bytes, announced, &names));
                }
            }
        }
        Ok(found)
    }

    /// The length that is all of a direction: four bytes, or eight, that say 0 or a length that a picture may have.
    fn announced(
        &mut self,
        stream: StreamId,
        direction: &Direction,
    ) -> anyhow::Result<Option<u64>> {
        const LARGEST: u64 = 1 << 28;
        if !matches!(direction.unique_bytes, 4 | 8) {
            return Ok(None);
        }
        let way = Way {
            stream,
            from: direction.from,
        };
        let runs = self.spool.way(way, 0..direction.unique_bytes)?;
        let [run] = runs.as_slice() else {
            return Ok(None);
        };
        let join = |all: u64, byte: &u8| (all << 8) | u64::from(*byte);
        let big = run.bytes.iter().fold(0, join);
        let little = run.bytes.iter().rev().fold(0, join);
        Ok(Some(big.min(little)).filter(|length| *length <= LARGEST))
    }
}

/// Pictures that were received as they are on the wire.
fn saved(report: &Report, received: &Pairs) -> BTreeSet<PictureId> {
    let pairs = report.images.iter().zip(&received.files);
    pairs
        .filter(|(_, pair)| matches!(pair, Some((_, PairedBy::Digest))))
        .map(|(image, _)| image.id)
        .collect()
}

/// What keeps a picture from being a match although it is whole: bytes that are too many, or that may be.
pub(super) fn tell(
    report: &mut Report,
    image: &Image,
    stray: Option<verify::Stray>,
    unsure: Option<verify::Stray>,
) {
    let compared = image.compared.as_ref();
    if image.verdict != Verdict::Unverified {
        return;
    }
    if let Some(stray) = stray {
        tell_of(report, image, &stray);
    } else if let Some(unsure) = unsure.filter(|_| compared.is_some_and(|one| one.sent.is_some())) {
        tell_of_unsure(report, image, &unsure);
    }
}

/// A picture is no match because of these bytes: that is an error, whether the wire format told of them or not.
fn tell_of(report: &mut Report, image: &Image, stray: &verify::Stray) {
    let told = report
        .findings
        .iter_mut()
        .find(|finding| finding.name == Name::StrayBytes && finding.stream == Some(image.stream));
    if let Some(finding) = told {
        finding.severity = if stray.trailer {
            Severity::Note
        } else {
            Severity::Error
        };
        return;
    }
    if stray.trailer {
        let framing = |finding: &Finding| {
            finding.name == Name::UnknownFraming && finding.stream == Some(image.stream)
        };
        if report.findings.iter().any(framing) {
            return;
        }
    }
    let finding = verify::stray_bytes(image, stray, carriers(report, image, stray));
    report.findings.push(finding);
}

/// A picture is no match because nobody can tell what these bytes are.
fn tell_of_unsure(report: &mut Report, image: &Image, unsure: &verify::Stray) {
    report
        .findings
        .retain(|finding| finding.name != Name::StrayBytes || finding.stream != Some(image.stream));
    let finding = verify::unsure_bytes(image, unsure, carriers(report, image, unsure));
    report.findings.push(finding);
}

/// The first frames of bytes beside a picture.
fn carriers(report: &Report, image: &Image, stray: &verify::Stray) -> Vec<FrameNumber> {
    let frames = report.stream(image.stream).and_then(|stream| {
        let way = stream
            .directions
            .iter()
            .find(|way| way.from == image.from)?;
        let range = stray.offset..stray.offset.saturating_add(stray.bytes.max(1));
        let carriers = way.carriers.as_ref()?.0.overlapping(range);
        Some(carriers.map(|extent| extent.frame).take(16).collect())
    });
    frames.unwrap_or_default()
}

/// Whether some pictures of a direction stand in no list, because memory ran out: their bytes are no stray ones.
fn is_summed_up(report: &Report, pictures: &[&Image], direction: &Direction) -> bool {
    if report.folded.is_none_or(|folded| folded.images == 0) {
        return false;
    }
    let of_it = pictures.iter().filter(|image| image.from == direction.from);
    let listed: u64 = of_it.map(|image| image.unique_bytes).sum();
    listed < direction.picture_bytes
}

/// The bytes of a range of a direction; none where they were not captured in one run.
fn in_one_run(spool: &mut Spool, way: Way, range: ByteRange) -> anyhow::Result<Vec<u8>> {
    let mut runs = spool.way(way, range)?;
    Ok(if runs.len() == 1 {
        runs.pop().map(|run| run.bytes).unwrap_or_default()
    } else {
        Vec::new()
    })
}

/// Headers that say another length than their pictures have.
fn tell_wrong(report: &mut Report, wrong: Vec<(PictureId, verify::Declared)>) {
    for (picture, declared) in wrong {
        let Some(image) = report.images.iter().find(|image| image.id == picture) else {
            continue;
        };
        let told = report.findings.iter().any(|finding| {
            finding.stream == Some(image.stream)
                && matches!(finding.name, Name::WrongSizeGiven | Name::LengthMismatch)
        });
        if !told && !knowledge::lacks(report) {
            let finding = verify::wrong_size(image, declared);
            report.findings.push(finding);
        }
    }
}

/// Bytes beside the pictures that nothing explains.
#[derive(Debug, Default)]
pub(super) struct Strays {
    /// By a picture of each direction that has some.
    pub(super) found: BTreeMap<PictureId, verify::Stray>,
    /// Directions whose own headers account for every byte.
    pub(super) accounted: BTreeSet<Way>,
    /// Directions in which what stands beside the pictures belongs to their framing.
    pub(super) told: BTreeSet<Way>,
}

/// Where nobody can tell whether bytes are framing, they are not told.
pub(super) fn doubt(
    report: &Report,
    unsure: &BTreeMap<PictureId, verify::Stray>,
    told: &mut BTreeSet<Way>,
) {
    for image in &report.images {
        if unsure.contains_key(&image.id) {
            told.remove(&Way {
                stream: image.stream,
                from: image.from,
            });
        }
    }
}

/// Draws the maps of the directions anew in which the files showed where pictures lie, or what stands beside them.
pub(super) fn redraw(report: &mut Report, gathered: &Gathered, told: &BTreeSet<Way>) {
    let mut of_way: BTreeMap<Way, Vec<verify::Drawn<'_>>> = BTreeMap::new();
    for image in &report.images {
        let way = Way {
            stream: image.stream,
            from: image.from,
        };
        let evidence = gathered.evidence.get(&image.id);
        let spans = evidence.map(|evidence| evidence.spans.as_slice());
        of_way.entry(way).or_default().push(verify::Drawn {
            picture: image.id,
            spans: spans.filter(|spans| !spans.is_empty()),
        });
    }
    for stream in &mut report.streams {
        for direction in &mut stream.directions {
            let way = Way {
                stream: stream.id,
                from: direction.from,
            };
            if let Some(pictures) = of_way.get(&way) {
                verify::redraw(direction, pictures, told.contains(&way));
            }
        }
    }
}
