//! What is found of the files in the streams, where it is looked for.

use std::collections::{BTreeMap, BTreeSet};

use super::super::files::{self, Found};
use super::super::spool::Way;
use super::Verifier;
use crate::findings::{Finding, rules};
use crate::ledger::{Image, RegionKind};
use crate::report::model::Report;
use crate::units::PictureId;
use crate::verify::{self, Evidence, Text};

impl Verifier<'_> {
    /// Looks for the files in the streams, where digests alone do not explain all; the report's pictures are then those that
    /// the evidence shows. Absent where nothing had to be looked for.
    pub(super) fn gather(
        &mut self,
        report: &mut Report,
        digests: &BTreeMap<PictureId, Option<String>>,
    ) -> anyhow::Result<Option<Gathered>> {
        let sides = [&self.sides.sent, &self.sides.received];
        let files = sides.iter().flat_map(|side| &side.files);
        let shas: BTreeSet<&str> = files.map(|file| file.facts.sha256.as_str()).collect();
        let seen: BTreeSet<&str> = digests.values().flatten().map(String::as_str).collect();
        // A picture is known by the file that was sent, where such were given.
        let main = if self.sides.sent.files.is_empty() {
            &self.sides.received
        } else {
            &self.sides.sent
        };
        let known = of_files(digests, &main.files);
        let all_known =
            !is_odd(report) && report.images.iter().all(|image| known.contains(&image.id));
        if shas.is_empty() || (all_known && shas.iter().all(|sha| seen.contains(sha))) {
            return Ok(None);
        }
        // Where all pictures are files, only files that are none of them are looked for.
        let most = self.settings.room();
        let mut room = most;
        let mut left_out = LeftOut::default();
        let mut contents: Vec<Content> = Vec::new();
        let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
        for (sent, side) in [(true, sides[0]), (false, sides[1])] {
            for file in &side.files {
                let sha = file.facts.sha256.as_str();
                if (all_known && seen.contains(sha)) || file.facts.bytes == 0 {
                    continue;
                }
                let number = match numbers.get(sha) {
                    Some(number) => *number,
                    None if file.facts.bytes > room => {
                        left_out.files += 1;
                        continue;
                    }
                    None => {
                        let Some(bytes) = files::read(file, self.settings.limit)? else {
                            continue;
                        };
                        room = room.saturating_sub(file.facts.bytes);
                        contents.push(Content {
                            bytes,
                            sha256: sha.to_owned(),
                            sent: false,
                            received: false,
                        });
                        numbers.insert(sha, contents.len() - 1);
                        contents.len() - 1
                    }
                };
                if let Some(content) = contents.get_mut(number) {
                    content.sent |= sent;
                    content.received |= !sent;
                }
            }
        }
        let texts: Vec<Text<'_>> = contents
            .iter()
            .map(|content| Text {
                bytes: &content.bytes,
                sent: content.sent,
                received: content.received,
            })
            .collect();
        let streams = report.streams.clone();
        let mut ways: Vec<verify::Way<'_>> = Vec::new();
        let mut room = most;
        for stream in &streams {
            for (side, direction) in stream.directions.iter().enumerate() {
                if direction.unique_bytes == 0 {
                    continue;
                }
                let way = Way {
                    stream: stream.id,
                    from: direction.from,
                };
                if direction.unique_bytes > room {
                    left_out.ways.insert(way);
                    continue;
                }
                room = room.saturating_sub(direction.unique_bytes);
                ways.push(verify::Way {
                    stream,
                    side,
                    runs: self.spool.way(way, 0..u64::MAX)?,
                    known: Vec::new(),
                    recovered: None,
                });
            }
        }
        let images = std::mem::take(&mut report.images);
        let saved = of_files(digests, &sides[1].files);
        let reconciled = verify::reconciled(images, &known, &saved, &texts, ways, most / 4);
        report.images = reconciled.images;
        report
            .images
            .sort_by_key(|image| (image.first_packet.is_none(), image.first_packet, image.id));
        Ok(Some(Gathered {
            evidence: reconciled.evidence,
            refuted: reconciled.refuted,
            shas: contents.into_iter().map(|content| content.sha256).collect(),
            left_out,
        }))
    }
}

/// The bytes of files.
struct Content {
    bytes: Vec<u8>,
    sha256: String,
    sent: bool,
    received: bool,
}

/// What was found of the files in the streams.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) evidence: BTreeMap<PictureId, Evidence>,
    pub(super) refuted: BTreeSet<PictureId>,
    /// SHA-256 of the texts that the evidence numbers.
    pub(super) shas: Vec<String>,
    pub(super) left_out: LeftOut,
}

impl Gathered {
    /// SHA-256 of the received file that was found for each picture.
    pub(super) fn received(&self, ids: &[PictureId]) -> Vec<Option<&str>> {
        let of = |id| self.shas.get(self.evidence.get(id)?.received?);
        ids.iter().map(|id| of(id).map(String::as_str)).collect()
    }

    /// What stands between the pieces of these pictures is framing.
    pub(super) fn explain(&mut self, pictures: &[verify::Placed]) {
        for placed in pictures {
            if let Some(evidence) = self.evidence.get_mut(&placed.picture)
                && evidence.lie == verify::Lie::Irregular
            {
                evidence.lie = verify::Lie::Regular;
            }
        }
    }
}

/// What there was no room for: a file may lie in it, and nothing that it shows is a difference.
#[derive(Debug, Default)]
pub(super) struct LeftOut {
    /// Directions in which no file was looked for.
    pub(super) ways: BTreeSet<Way>,
    /// How many files were not looked for.
    pub(super) files: u64,
}

impl LeftOut {
    /// What is said of it.
    pub(super) fn finding(&self) -> Finding {
        rules::compare_limit(self.ways.len() as u64, self.files)
    }

    pub(super) fn is_nothing(&self) -> bool {
        self.ways.is_empty() && self.files == 0
    }

    /// Whether the picture may be a file that was not looked for where it is.
    pub(super) fn hides(&self, image: &Image) -> bool {
        let way = Way {
            stream: image.stream,
            from: image.from,
        };
        self.files > 0 || self.ways.contains(&way)
    }
}

/// Pictures that are one of these files by their digest.
fn of_files(digests: &BTreeMap<PictureId, Option<String>>, files: &[Found]) -> BTreeSet<PictureId> {
    let files: BTreeSet<&str> = files
        .iter()
        .map(|file| file.facts.sha256.as_str())
        .collect();
    digests
        .iter()
        .filter(|(_, digest)| {
            digest
                .as_deref()
                .is_some_and(|digest| files.contains(digest))
        })
        .map(|(picture, _)| *picture)
        .collect()
}

/// Whether beside the pictures bytes were sent that no wire format explains, or that are as long as a picture may be: they may
/// be what is left of another.
pub(super) fn is_odd(report: &Report) -> bool {
    /// Headers are shorter.
    const LONG: u64 = 1 << 10;
    is_long_beside(report, LONG) || is_odd_beside(report)
}

/// Whether so many bytes at least were sent in one piece that are no picture.
pub(super) fn is_long_beside(report: &Report, least: u64) -> bool {
    report
        .streams
        .iter()
        .flat_map(|stream| &stream.directions)
        .flat_map(|direction| &direction.map)
        .any(|region| {
            !matches!(region.kind, RegionKind::Picture | RegionKind::Gap) && region.length >= least
        })
}

/// Whether bytes beside a picture are explained by no wire format.
fn is_odd_beside(report: &Report) -> bool {
    report.images.iter().any(|image| {
        let stream = report.stream(image.stream);
        let mut ways = stream.iter().flat_map(|stream| &stream.directions);
        ways.any(|way| way.from == image.from && way.stray_bytes > 0)
    })
}
