//! What a command needs of capture files and of the analysis: frames in, events out, accounts at the end.
//!
//! Commands are written against [`Frames`] so that they are tested without a file; `glue` implements it.

use std::ops::ControlFlow;

use crate::analysis::{Observer, Options};
use crate::report::model::{CaptureFile, Packets};

/// Captures that were opened.
pub(crate) trait Frames {
    /// Passes every frame through an analysis, whose events go to `watch`, until there are no more or `watch`
    /// breaks.
    ///
    /// # Errors
    /// A file that cannot be read at all. One that is cut short or damaged is no error: see
    /// [`CaptureFile::truncated`].
    fn analyse(self: Box<Self>, options: Options, watch: &mut dyn Watch)
    -> anyhow::Result<Reading>;
}

/// Watches an analysis, and may end it.
pub(crate) trait Watch: Observer {
    /// A frame was analysed of which so many bytes had been captured. Breaks where going on is of no use.
    fn frame(&mut self, captured: usize) -> ControlFlow<()>;
}

/// What was read.
#[derive(Debug)]
pub(crate) struct Reading {
    /// The files.
    pub captures: Vec<CaptureFile>,
    /// What became of their frames.
    pub packets: Packets,
}
