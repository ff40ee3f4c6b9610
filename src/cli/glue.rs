//! Ties [`Input`] and [`Engine`] to the capture files and the analysis of this crate.

use std::path::PathBuf;

use crate::analysis::Options;
use crate::cli::reading::{Engine, Input};

/// Opens the captures.
pub(super) fn open(captures: &[PathBuf]) -> anyhow::Result<Box<dyn Input>> {
    let first = captures.first().cloned().unwrap_or_default();
    anyhow::bail!("{}: this build reads no captures", first.display())
}

/// A new analysis.
pub(super) fn engine(_options: Options) -> anyhow::Result<Box<dyn Engine>> {
    anyhow::bail!("this build analyses nothing")
}
