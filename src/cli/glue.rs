//! Ties [`Frames`] to the capture files and the analysis of this crate.

use std::path::PathBuf;

use crate::cli::reading::Frames;

/// Opens the captures.
pub(super) fn open(captures: &[PathBuf]) -> anyhow::Result<Box<dyn Frames>> {
    let first = captures.first().cloned().unwrap_or_default();
    anyhow::bail!("{}: this build reads no captures", first.display())
}
