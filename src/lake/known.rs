//! Which files the lake has, and in which unit: so that a set that has grown replaces what it was before, and a ring that
//! has lost its oldest files is not counted twice.

use std::collections::{BTreeMap, BTreeSet};

use object_store::path::Path;
use serde::{Deserialize, Serialize};

use super::error::Error;
use super::store::Lake;
use super::unit::{Identified, Identity};

/// What is kept for each file of each unit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Mark {
    date: String,
    host: String,
    unit: String,
    /// How many files the unit has.
    files: usize,
}

/// How a unit stands to those that are in the lake.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// No file of it is there, or only in units that it contains: those it replaces.
    New {
        /// Units all of whose files are in this one.
        replaces: Vec<Identity>,
    },
    /// All of it is there.
    Present,
    /// Some files of it are there with others that it lacks, or joined with other units: those are left out.
    Partly {
        /// For each file, whether it is there.
        there: Vec<bool>,
    },
}

impl Lake {
    fn marks(&self, digest: &str) -> Path {
        let start: String = digest.chars().take(2).collect();
        self.root.clone().join("files").join(start).join(digest)
    }

    /// Notes the files of a unit.
    pub(super) fn mark(&self, unit: &Identified) -> Result<(), Error> {
        let Identity {
            date,
            host,
            unit: name,
        } = &unit.identity;
        let mark = Mark {
            date: date.clone(),
            host: host.clone(),
            unit: name.clone(),
            files: unit.digests.len(),
        };
        let text = serde_json::to_vec(&mark).unwrap_or_default();
        for digest in &unit.digests {
            self.create(
                &self.marks(digest).join(format!("{name}.json")),
                text.clone(),
            )?;
        }
        Ok(())
    }

    /// How a unit stands to what is there.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) fn standing(&self, unit: &Identified, packets: bool) -> Result<Standing, Error> {
        if self.has(&unit.identity, packets)? {
            return Ok(Standing::Present);
        }
        let mut others: BTreeMap<Mark, BTreeSet<usize>> = BTreeMap::new();
        for (index, digest) in unit.digests.iter().enumerate() {
            for found in self.list(&self.marks(digest))? {
                let bytes = self.bytes(&found.location)?.unwrap_or_default();
                if let Ok(mark) = serde_json::from_slice::<Mark>(&bytes)
                    && mark.unit != unit.identity.unit
                    && mark.host == unit.identity.host
                {
                    others.entry(mark).or_default().insert(index);
                }
            }
        }
        let mut replaces = Vec::new();
        let mut there = vec![false; unit.digests.len()];
        for (mark, files) in others {
            let identity = Identity {
                date: mark.date,
                host: mark.host,
                unit: mark.unit,
            };
            if !self.has(&identity, false)? {
                continue;
            }
            if files.len() == mark.files && !self.compacted(&identity)? {
                replaces.push(identity);
            } else {
                for (_, there) in there
                    .iter_mut()
                    .enumerate()
                    .filter(|(index, _)| files.contains(index))
                {
                    *there = true;
                }
            }
        }
        Ok(if there.iter().all(|there| *there) {
            Standing::Present
        } else if there.contains(&true) {
            Standing::Partly { there }
        } else {
            Standing::New { replaces }
        })
    }
}
