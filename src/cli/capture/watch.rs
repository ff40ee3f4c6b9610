//! Looks at the frames of a live capture: the analysis, the report it fills, and the live rows.

use std::time::{Duration, Instant};

use super::view::View;
use crate::analysis::{Analysis, Event, Observer, Options};
use crate::capture::session::{Consumer, Counts, Reason, Stop};
use crate::frame::Frame;
use crate::report::Collector;
use crate::report::model::{CaptureFile, Packets, Report};

/// The consumer of a live capture.
pub(in crate::cli) struct Watch {
    analysis: Option<Analysis<'static>>,
    packets: Packets,
    eyes: Eyes,
}

/// Those who watch the analysis.
struct Eyes {
    collector: Collector,
    view: View,
    end: Option<End>,
}

/// When enough pictures have ended.
struct End {
    left: u64,
    pause: Duration,
    stop: Stop,
}

impl Watch {
    /// A watch that has seen nothing yet.
    pub(in crate::cli) fn new(options: Options, view: View) -> Self {
        Self {
            analysis: Some(Analysis::new(options)),
            packets: Packets::default(),
            eyes: Eyes {
                collector: Collector::new(),
                view,
                end: None,
            },
        }
    }

    /// Asks `stop` to end the capture when so many pictures have ended, and `pause` has passed since.
    pub(in crate::cli) fn end_after(&mut self, pictures: u64, pause: Duration, stop: Stop) {
        self.eyes.end = Some(End {
            left: pictures,
            pause,
            stop,
        });
    }

    /// The report, once the capture has ended.
    pub(in crate::cli) fn into_report(self, capture: CaptureFile) -> Report {
        self.eyes.collector.into_report(vec![capture], self.packets)
    }
}

impl Consumer for Watch {
    fn frame(&mut self, frame: &Frame<'_>) {
        if let Some(analysis) = &mut self.analysis {
            analysis.frame(frame, &mut self.eyes);
        }
    }

    fn tick(&mut self) {
        self.eyes.view.tick(Instant::now());
    }

    fn finish(&mut self, _: &Counts) {
        if let Some(analysis) = self.analysis.take() {
            let counts = analysis.finish(&mut self.eyes);
            self.packets = Packets {
                read: counts.read,
                decoded: counts.decoded,
                skipped: counts
                    .skipped
                    .into_iter()
                    .map(|(reason, number)| (reason.into(), number))
                    .collect(),
            };
        }
        self.eyes.view.finish();
    }
}

impl Observer for Eyes {
    fn event(&mut self, event: Event<'_>) {
        self.view.event(&event);
        if let (Event::PictureEnded(_), Some(end)) = (&event, &mut self.end) {
            end.left = end.left.saturating_sub(1);
            if end.left == 0 {
                end.stop
                    .request_after(Reason::Images, end.pause, Instant::now());
            }
        }
        self.collector.event(event);
    }
}
