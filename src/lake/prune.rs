//! Removing what does not count: what killed runs left, what was replaced or joined, and, where folders of captures are given,
//! units whose captures are gone.

use std::collections::BTreeSet;
use std::path::{Path as FsPath, PathBuf};
use std::time::Duration;

use arrow_array::{Array as _, ListArray, StringArray, StructArray};

use super::error::Error;
use super::store::Lake;
use super::unit::Identity;
use crate::report::tables::Table;

/// What is younger may be in the making.
const SETTLED: Duration = Duration::from_secs(3600);

/// What was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Pruned {
    /// Files.
    pub(crate) files: u64,
    /// Units whose captures are gone, of these.
    pub(crate) units: u64,
    /// Units whose captures are gone and that stay, because they are joined with others.
    pub(crate) joined: u64,
}

impl Lake {
    /// Removes what does not count. Of units with all their captures below `folders`, those of which none is there any more,
    /// too.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) fn prune(&self, folders: &[PathBuf]) -> Result<Pruned, Error> {
        let mut pruned = Pruned::default();
        let partitions = self.partitions()?;
        let mut replaced = BTreeSet::new();
        for partition in &partitions {
            pruned.files += self.finish_joins(partition)?;
            let (date, host) = partition;
            let joins = self.joins(partition)?;
            let mut whole = BTreeSet::new();
            for found in self.list(&self.partition(Table::Captures, date, host))? {
                let Some(name) = name(&found.location) else {
                    continue;
                };
                whole.insert(name.clone());
                let (paths, contained) = self.told(&found.location)?;
                replaced.extend(contained);
                let below = |path: &PathBuf| folders.iter().any(|folder| path.starts_with(folder));
                let gone = |path: &PathBuf| below(path) && !FsPath::new(path).exists();
                if joins.contains_key(&name) {
                    pruned.joined += u64::from(!paths.is_empty() && paths.iter().all(gone));
                } else if !paths.is_empty() && paths.iter().all(gone) {
                    replaced.insert(name);
                    pruned.units += 1;
                }
            }
            for table in Table::ALL {
                for found in self.list(&self.partition(table, date, host))? {
                    let old = jiff::Timestamp::now()
                        .as_second()
                        .saturating_sub(found.last_modified.timestamp())
                        > SETTLED.as_secs().cast_signed();
                    if old && name(&found.location).is_some_and(|name| !whole.contains(&name)) {
                        pruned.files += u64::from(self.remove(&found.location)?);
                    }
                }
            }
        }
        // What a unit replaces may have begun on another day.
        for unit in replaced {
            for (date, host) in &partitions {
                let identity = Identity {
                    date: date.clone(),
                    host: host.clone(),
                    unit: unit.clone(),
                };
                pruned.files += self.forget(&identity)?;
            }
        }
        if let Some(folder) = &self.folder {
            staged(folder, &mut pruned.files);
        }
        Ok(pruned)
    }

    /// The captures of a unit, and the units that it replaces.
    fn told(
        &self,
        captures: &object_store::path::Path,
    ) -> Result<(Vec<PathBuf>, Vec<String>), Error> {
        let (mut paths, mut replaces) = (Vec::new(), Vec::new());
        for batch in self.batches(captures)? {
            let list = |name: &str| {
                batch
                    .column_by_name(name)
                    .and_then(|column| column.as_any().downcast_ref::<ListArray>())
                    .cloned()
            };
            if let Some(files) = list("captures")
                && let Some(files) = files.values().as_any().downcast_ref::<StructArray>()
                && let Some(column) = files
                    .column_by_name("path")
                    .and_then(|column| column.as_any().downcast_ref::<StringArray>())
            {
                paths.extend(column.iter().flatten().map(PathBuf::from));
            }
            if let Some(units) = list("replaces")
                && let Some(units) = units.values().as_any().downcast_ref::<StringArray>()
            {
                replaces.extend(units.iter().flatten().map(str::to_owned));
            }
        }
        Ok((paths, replaces))
    }
}

fn name(place: &object_store::path::Path) -> Option<String> {
    place
        .filename()?
        .strip_suffix(".parquet")
        .map(str::to_owned)
}

/// What a killed process was about to rename: `….parquet#1`, which no store lists.
fn staged(folder: &FsPath, removed: &mut u64) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            staged(&path, removed);
        } else if entry
            .file_name()
            .to_string_lossy()
            .rsplit_once('#')
            .is_some_and(|(_, number)| number.parse::<u64>().is_ok())
        {
            let age = entry
                .metadata()
                .ok()
                .and_then(|metadata| metadata.modified().ok()?.elapsed().ok());
            if age.is_some_and(|age| age > SETTLED) && std::fs::remove_file(&path).is_ok() {
                *removed += 1;
            }
        }
    }
}
