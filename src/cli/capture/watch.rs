//! Looks at the frames of a live capture: the analysis, the report it fills, and the live rows.

use std::time::{Duration, Instant, SystemTime};

use super::view::View;
use crate::analysis::{Analysis, Event, Observer, Options};
use crate::capture::session::{Consumer, Counts, Note, Reason, Stop};
use crate::findings::rules;
use crate::frame::Frame;
use crate::report::Collector;
use crate::report::model::{CaptureFile, Packets, Report};
use crate::report::text::count;
use crate::units::Timestamp;

/// How often the analysis is told what time it is.
const ADVANCE: Duration = Duration::from_secs(1);

/// The consumer of a live capture.
pub(in crate::cli) struct Watch {
    analysis: Option<Analysis<'static>>,
    packets: Packets,
    eyes: Eyes,
    /// When the analysis was last told what time it is.
    advanced: Option<Instant>,
}

/// Those who watch the analysis.
struct Eyes {
    collector: Collector,
    view: View,
    end: Option<End>,
    notes: Vec<Note>,
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
                notes: Vec::new(),
            },
            advanced: None,
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
    pub(in crate::cli) fn into_report(mut self, capture: CaptureFile, counts: &Counts) -> Report {
        let dropped = counts
            .dropped
            .unwrap_or(0)
            .saturating_add(counts.interface_dropped.unwrap_or(0));
        if dropped > 0 {
            let finding = rules::kernel_drops(&capture.path, dropped);
            self.eyes.collector.event(Event::Finding(&finding));
        }
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
        let now = Instant::now();
        // Once a second is often enough for what lingers for a minute.
        if self
            .advanced
            .is_none_or(|at| now.duration_since(at) >= ADVANCE)
            && let (Some(analysis), Ok(time)) =
                (&mut self.analysis, SystemTime::UNIX_EPOCH.elapsed())
            && let Ok(time) = i64::try_from(time.as_nanos())
        {
            self.advanced = Some(now);
            analysis.advance(Timestamp(time), &mut self.eyes);
        }
        self.eyes.view.tick(now);
    }

    fn notes(&mut self, take: &mut dyn FnMut(Note)) {
        self.eyes.notes.drain(..).for_each(take);
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

impl Eyes {
    /// Says in the file what a picture's first and last frame are.
    fn note(&mut self, event: &Event<'_>) {
        match event {
            Event::PictureStarted {
                picture,
                from,
                to,
                protocol,
                length,
                frame,
                ..
            } => {
                let declared = length
                    .map(|length| format!(", {} bytes declared", count(length)))
                    .unwrap_or_default();
                self.notes.push(Note {
                    frame: frame.0,
                    text: format!(
                        "imgnet: picture {} begins in frame {}: {from} to {to}, {protocol}{declared}",
                        picture.0, frame.0
                    ),
                    ends_picture: false,
                });
            }
            Event::PictureEnded(image) => {
                let (Some(first), Some(last)) = (image.first_packet, image.last_packet) else {
                    return;
                };
                let told = super::rows::told(image);
                self.notes.push(Note {
                    frame: first.0,
                    text: format!(
                        "imgnet: picture {}, frames {} to {}: {told}",
                        image.id.0, first.0, last.0
                    ),
                    ends_picture: false,
                });
                self.notes.push(Note {
                    frame: last.0,
                    text: format!(
                        "imgnet: picture {} ends in frame {}; it began in frame {}: {told}",
                        image.id.0, last.0, first.0
                    ),
                    ends_picture: true,
                });
            }
            _ => {}
        }
    }
}

impl Observer for Eyes {
    fn event(&mut self, event: Event<'_>) {
        self.view.event(&event);
        self.note(&event);
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
