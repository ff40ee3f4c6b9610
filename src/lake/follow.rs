//! Following a folder into which a capture program rotates files: which of them are complete.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::error::Error;
use super::unit::{Print, Unit};
use super::units::{Grouping, units};

/// A transfer over more files than this is not waited for.
const MOST: usize = 16;

/// Watches a folder.
pub(crate) struct Follower {
    folder: PathBuf,
    host: Option<String>,
    grouping: Grouping,
    settled: Duration,
    /// What was taken, and what it was then.
    taken: BTreeMap<PathBuf, Print>,
    /// By the first file of a set: the files at whose end something was still going on.
    open: BTreeMap<PathBuf, Vec<PathBuf>>,
}

/// Files to be taken together.
pub(crate) struct Complete {
    /// The last complete file of a set, behind those that end in the middle of a transfer that may go on in it.
    pub(crate) unit: Unit,
    /// Which set.
    set: PathBuf,
}

impl Follower {
    /// Watches a folder. The newest file of a set is complete once nobody has written to it for `settled`.
    pub(crate) fn new(
        folder: &Path,
        host: Option<String>,
        grouping: Grouping,
        settled: Duration,
    ) -> Self {
        Self {
            folder: folder.to_owned(),
            host,
            grouping,
            settled,
            taken: BTreeMap::new(),
            open: BTreeMap::new(),
        }
    }

    /// The next file that is complete and was not taken yet; absent where there is none now.
    ///
    /// # Errors
    /// A folder that cannot be listed.
    pub(crate) fn next(&mut self) -> Result<Option<Complete>, Error> {
        let found = units(
            std::slice::from_ref(&self.folder),
            self.host.as_deref(),
            self.grouping,
        )?;
        for set in found.units {
            let Some(first) = set.files.first().cloned() else {
                continue;
            };
            let last = set.files.len() - 1;
            for (index, file) in set.files.iter().enumerate() {
                let print = Unit {
                    files: vec![file.clone()],
                    ..set.clone()
                }
                .print()?;
                if self.taken.get(file) == Some(&print) {
                    continue;
                }
                if index == last && !self.is_settled(file) {
                    break;
                }
                let mut files = self.open.get(&first).cloned().unwrap_or_default();
                if !files.contains(file) {
                    files.push(file.clone());
                }
                self.taken.insert(file.clone(), print);
                let out: Vec<bool> = set.files.iter().map(|file| !files.contains(file)).collect();
                return Ok(Some(Complete {
                    unit: set.without(&out),
                    set: first,
                }));
            }
        }
        Ok(None)
    }

    fn is_settled(&self, file: &Path) -> bool {
        let modified = file.metadata().and_then(|metadata| metadata.modified());
        let age = modified
            .ok()
            .and_then(|modified| SystemTime::now().duration_since(modified).ok());
        age.is_some_and(|age| age >= self.settled)
    }

    /// What came of files: `unfinished` where a connection goes on behind their end.
    pub(crate) fn done(&mut self, complete: Complete, unfinished: bool) {
        if unfinished && complete.unit.files.len() < MOST {
            self.open.insert(complete.set, complete.unit.files);
        } else {
            self.open.remove(&complete.set);
        }
    }
}
