//! Arguments → plan → run: what a command does with files, said of its arguments alone, before anything is opened.
//!
//! A plan is made without a look at the disk, so that it is tested without one. A command that cannot do what its arguments ask
//! for together has no plan, and says which of them to leave out. Then the files are opened, the plan is [held apart](Plan::apart)
//! from what is on the disk, and the process is [confined](Plan::confine) to it.

use std::io;
use std::path::{Path, PathBuf};

use super::confined::confined;
use super::output::{apart, not_an_input_folder};
use crate::capture::confine::Needs;

/// What a command does with files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Plan {
    captures: Vec<PathBuf>,
    reads: Vec<PathBuf>,
    compares: Vec<PathBuf>,
    writes: Vec<PathBuf>,
    holds: Vec<PathBuf>,
    fills: Vec<PathBuf>,
    saves: Vec<PathBuf>,
    tells: bool,
}

impl Plan {
    /// Reads these captures, `-` for standard input. They are open by the time the process is confined.
    pub(super) fn reading(captures: &[PathBuf]) -> Self {
        Self {
            captures: captures.to_vec(),
            ..Self::default()
        }
    }

    /// Reads these files too, before the process is confined.
    #[must_use]
    pub(super) fn also(mut self, files: impl IntoIterator<Item = PathBuf>) -> Self {
        self.reads.extend(files);
        self
    }

    /// Opens these files, and what lies in these folders, after the process was confined.
    #[must_use]
    pub(super) fn comparing(mut self, paths: impl IntoIterator<Item = PathBuf>) -> Self {
        self.compares.extend(paths);
        self
    }

    /// Replaces this file once all of it is written, `-` for standard output.
    #[must_use]
    pub(super) fn writing(mut self, file: Option<&Path>) -> Self {
        self.writes.extend(file.map(Path::to_owned));
        self
    }

    /// Writes into this file, which is open from before the process is confined to the end.
    #[must_use]
    pub(super) fn holding(mut self, file: Option<&Path>) -> Self {
        self.holds.extend(file.map(Path::to_owned));
        self
    }

    /// Makes files in this folder, and replaces those that have their names.
    #[must_use]
    pub(super) fn filling(mut self, folder: Option<&Path>) -> Self {
        self.fills.extend(folder.map(Path::to_owned));
        self
    }

    /// Makes new files in this folder, whose names are its own: it may be one that is read.
    #[must_use]
    pub(super) fn saving(mut self, folder: Option<&Path>) -> Self {
        self.saves.extend(folder.map(Path::to_owned));
        self
    }

    /// Says by what the process is confined.
    #[must_use]
    pub(super) fn telling(self, tells: bool) -> Self {
        Self { tells, ..self }
    }

    /// All that is read: no output may replace any of it.
    pub(super) fn inputs(&self) -> Vec<PathBuf> {
        let all = [&self.captures, &self.reads, &self.compares];
        all.into_iter().flatten().cloned().collect()
    }

    /// What the process needs once all is open: the files to compare, and the folders in which files get their names at the end.
    pub(super) fn needs(&self) -> Needs {
        let files = self.writes.iter().filter(|file| *file != Path::new("-"));
        let mut needs = Needs::beside(files.map(PathBuf::as_path));
        needs.folders.extend_from_slice(&self.fills);
        needs.folders.extend_from_slice(&self.saves);
        needs.reading(self.compares.iter().map(PathBuf::as_path))
    }

    /// Makes sure, by what is on the disk, that no output is a file that is read or another output.
    ///
    /// # Errors
    /// One is, or a folder to fill is one of those to read.
    pub(super) fn apart(&self) -> anyhow::Result<()> {
        let inputs = self.inputs();
        let outputs = self.writes.iter().chain(&self.holds);
        let outputs: Vec<_> = outputs.map(|file| Some(file.as_path())).collect();
        apart(&outputs, &inputs)?;
        self.fills
            .iter()
            .try_for_each(|folder| not_an_input_folder(folder, &inputs))
    }

    /// Confines the process now that all is open; says by what where that is wanted.
    ///
    /// # Errors
    /// Those of standard error.
    pub(super) fn confine(&self) -> io::Result<()> {
        confined(&self.needs(), self.tells)
    }
}

#[cfg(test)]
mod tests;
