//! From a capture and the files that were given to the compared report: the one way of `verify` and `report`.

use std::ops::ControlFlow;

use super::compare::{Settings, Sides, Verifier};
use super::spool::Spool;
use crate::analysis::{Collector, Event, Observer, Options};
use crate::cli::page::Sight;
use crate::cli::progress::Progress;
use crate::cli::reading::{Frames, Watch};
use crate::report::model::Report;

/// All who watch the analysis.
pub(in crate::cli) struct Watchers {
    collector: Collector,
    spool: Spool,
    sight: Option<Sight>,
    progress: Progress,
}

/// A capture that was read, and compared where files were given.
pub(in crate::cli) struct Watched {
    pub(in crate::cli) report: Report,
    pub(in crate::cli) spool: Spool,
    pub(in crate::cli) sight: Option<Sight>,
}

impl Watchers {
    /// `sight` gathers what a page shows, where one is wanted.
    pub(in crate::cli) fn new(spool: Spool, sight: Option<Sight>, progress: Progress) -> Self {
        Self {
            collector: Collector::new(),
            spool,
            sight,
            progress,
        }
    }

    /// Reads the capture to its end; compares it with `sides`, where there are some.
    ///
    /// # Errors
    /// A capture or a file that cannot be read, a picture of the damage that cannot be written.
    pub(in crate::cli) fn read(
        mut self,
        frames: Box<dyn Frames>,
        mut options: Options,
        sides: Option<&Sides>,
        settings: &Settings,
    ) -> anyhow::Result<Watched> {
        options.evidence = sides.is_some();
        options.packets = self.sight.is_some();
        let reading = frames.analyse(options, &mut self)?;
        let Self {
            collector,
            mut spool,
            sight,
            ..
        } = self;
        spool.finish()?;
        let mut report = collector.into_report(reading.captures, reading.packets);
        if let Some(sides) = sides {
            Verifier {
                sides,
                spool: &mut spool,
                settings,
            }
            .verify(&mut report)?;
        }
        Ok(Watched {
            report,
            spool,
            sight,
        })
    }
}

/// Those who watch an analysis of frames that are in memory.
pub(super) struct InMemory {
    pub(super) collector: Collector,
    pub(super) spool: Spool,
}

impl Observer for InMemory {
    fn event(&mut self, event: Event<'_>) {
        self.spool.see(&event);
        self.collector.event(event);
    }
}

impl Observer for Watchers {
    fn event(&mut self, event: Event<'_>) {
        self.spool.see(&event);
        if let Some(sight) = &mut self.sight {
            sight.see(&event);
        }
        self.collector.event(event);
    }
}

impl Watch for Watchers {
    fn frame(&mut self, captured: usize) -> ControlFlow<()> {
        self.progress.frame(captured);
        if self.spool.failed() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}
