//! Digests that the headers of pictures name.

use std::collections::BTreeMap;

use super::super::spool::Way;
use super::Verifier;
use crate::findings::Finding;
use crate::ledger::Image;
use crate::report::model::Report;
use crate::units::PictureId;
use crate::verify::{self, Wire};

/// Longer headers are not looked into, nor more pictures of one direction.
const HEADER: u64 = 2048;
const PICTURES: usize = 64;

impl Verifier<'_> {
    /// Pictures whose header names, in hexadecimal digits, a digest that is not theirs, where the header of another one of the same
    /// direction names its own at that place.
    pub(super) fn wrong_digests(&mut self, report: &mut Report) -> anyhow::Result<()> {
        let mut found = Vec::new();
        let pictures = report.pictures_by_stream();
        for stream in &report.streams {
            let Some(pictures) = pictures.get(&stream.id).filter(|all| all.len() > 1) else {
                continue;
            };
            for direction in &stream.directions {
                let of_it = pictures.iter().copied();
                let mut images: Vec<&Image> =
                    of_it.filter(|image| image.from == direction.from).collect();
                if images.len() < 2 || stream.lacks() {
                    continue;
                }
                images.sort_by_key(|image| image.offset);
                images.truncate(PICTURES);
                let way = Way {
                    stream: stream.id,
                    from: direction.from,
                };
                found.extend(self.of_direction(way, &images)?);
            }
        }
        report.findings.append(&mut found);
        Ok(())
    }

    fn of_direction(&mut self, way: Way, images: &[&Image]) -> anyhow::Result<Vec<Finding>> {
        let mut fits: BTreeMap<(usize, usize), Vec<(PictureId, bool)>> = BTreeMap::new();
        let mut from = 0;
        for image in images {
            let header = from..image.offset;
            let length = image.encoded_bytes.unwrap_or(image.bytes);
            from = image.offset.saturating_add(length);
            if header.is_empty() || header.end - header.start > HEADER {
                continue;
            }
            let runs = self.spool.way(way, header)?;
            let [run] = runs.as_slice() else { continue };
            let named = verify::named_digests(&run.bytes);
            if named.is_empty() {
                continue;
            }
            let wire = self.spool.wire(image.id, self.settings.limit)?;
            let Some(bytes) = wire.as_ref().and_then(Wire::whole) else {
                continue;
            };
            for (place, digits) in named.iter().enumerate() {
                let fit = verify::is_digest(digits, bytes);
                let of_place = fits.entry((place, digits.len())).or_default();
                of_place.push((image.id, fit));
            }
        }
        let wrong = fits
            .into_values()
            .filter(|all| all.iter().any(|(_, fits)| *fits))
            .flatten()
            .filter(|(_, fits)| !fits);
        let image = |id: PictureId| images.iter().find(|image| image.id == id);
        Ok(wrong
            .filter_map(|(id, _)| Some(verify::wrong_digest(image(id)?)))
            .collect())
    }
}
