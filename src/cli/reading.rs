//! Reads captures through an analysis: what every command that reads captures does first.
//!
//! The two traits are what a command needs of `source` and `analysis`, so that commands are tested without
//! a file; `glue` implements them.

use std::ops::ControlFlow;

use crate::analysis::Observer;
use crate::cli::progress::Progress;
use crate::frame::Frame;
use crate::report::model::{CaptureFile, Packets};

/// Capture files that give their frames in order.
pub trait Input {
    /// Hands over every frame until there are no more or `each` breaks.
    ///
    /// # Errors
    /// A file that cannot be read at all. One that is cut short or damaged is no error: see [`Self::files`].
    fn for_each_frame(
        &mut self,
        each: &mut dyn FnMut(&Frame<'_>) -> ControlFlow<()>,
    ) -> anyhow::Result<()>;

    /// What was read of each file.
    fn files(&self) -> Vec<CaptureFile>;
}

/// An analysis of frames.
pub trait Engine {
    /// The next frame.
    fn frame(&mut self, frame: &Frame<'_>, observer: &mut dyn Observer);

    /// No more frames come.
    fn finish(self: Box<Self>, observer: &mut dyn Observer) -> Packets;
}

/// What was read.
#[derive(Debug)]
pub struct Reading {
    /// The files.
    pub captures: Vec<CaptureFile>,
    /// What became of their frames.
    pub packets: Packets,
}

/// Passes every frame of `input` through `engine` to `observer`, until `failed` says that going on is of no use.
///
/// # Errors
/// Those of [`Input::for_each_frame`].
pub(super) fn read<O: Observer>(
    mut input: Box<dyn Input>,
    mut engine: Box<dyn Engine>,
    observer: &mut O,
    mut progress: Progress,
    failed: impl Fn(&O) -> bool,
) -> anyhow::Result<Reading> {
    input.for_each_frame(&mut |frame| {
        engine.frame(frame, observer);
        progress.frame(frame.data.len());
        if failed(observer) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })?;
    let packets = engine.finish(observer);
    Ok(Reading {
        captures: input.files(),
        packets,
    })
}
