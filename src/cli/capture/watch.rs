//! Looks at the frames of a live capture: the analysis, the report it fills, and the live rows.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use super::compare::{self, Compared, Comparing};
use super::told::Told;
use super::view::View;
use crate::analysis::Collector;
use crate::analysis::{Analysis, Event, Observer, Options};
use crate::capture::session::{Consumer, Counts, Note, Reason, Stop};
use crate::cli::page::Sight;
use crate::findings::rules;
use crate::frame::{ENDED, Frame};
use crate::ledger::{Image, Verdict};
use crate::report::model::{CaptureFile, Packets, Report};
use crate::report::text::count;
use crate::units::{PictureId, Timestamp};

/// How often the analysis is told what time it is.
const ADVANCE: Duration = Duration::from_secs(1);
/// How long a picture's row waits for what its files show: so long that the receiver can have saved it mostly, so short
/// that the row is there within 100 ms.
const WAIT: Duration = Duration::from_millis(40);
/// How long a picture's files are looked out for closely.
const RESTLESS: Duration = Duration::from_secs(1);
/// So many nanoseconds a frame may take from the kernel to the analysis.
const BEHIND: i64 = 1_000_000_000;
/// Most frames that say in the file that the programs had been told to end: the first one does for all.
const MARKED: u64 = 256;
/// Most pictures whose files are waited for; what the others' files show is told at the end.
const MOST: usize = 10_000;

/// The consumer of a live capture.
pub(in crate::cli) struct Watch {
    analysis: Option<Analysis<'static>>,
    packets: Packets,
    eyes: Eyes,
    /// Whether the programs whose traffic it is were told to end.
    told: Option<Told>,
    /// Of how many frames that came after that it stands in the file.
    marked: u64,
    /// When the analysis was last told what time it is.
    advanced: Option<Instant>,
    compared: Option<Compared>,
}

/// Those who watch the analysis.
struct Eyes {
    collector: Collector,
    view: View,
    end: Option<End>,
    notes: Vec<Note>,
    comparing: Option<Comparing>,
    /// What a page shows.
    sight: Option<Sight>,
    /// Pictures that ended, and whose files are waited for.
    waiting: BTreeMap<PictureId, Waiting>,
}

/// A picture that ended, and of which not all is known.
struct Waiting {
    image: Image,
    /// Whether it was whole on the wire.
    whole: bool,
    since: Instant,
    /// Whether its row is there.
    shown: bool,
    /// Whether its frames say that it ended.
    noted: bool,
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
                comparing: None,
                sight: None,
                waiting: BTreeMap::new(),
            },
            told: None,
            marked: 0,
            advanced: None,
            compared: None,
        }
    }

    /// Once they are `told` to end, how connections end is not what the programs did.
    pub(super) fn until(&mut self, told: Told) {
        self.told = Some(told);
    }

    /// Compares pictures with files as they end.
    pub(super) fn compare(&mut self, comparing: Comparing) {
        self.eyes.comparing = Some(comparing);
    }

    /// What remains of the comparison, once the capture has ended; absent where nothing was compared.
    pub(super) fn compared(&mut self) -> Option<Compared> {
        self.compared.take()
    }

    /// Gathers what a page shows. The options of the analysis have to ask for packets.
    pub(in crate::cli) fn look(&mut self, sight: Sight) {
        self.eyes.sight = Some(sight);
    }

    /// What was gathered for a page; absent where none is wanted.
    pub(in crate::cli) fn seen(&mut self) -> Option<Sight> {
        self.eyes.sight.take()
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
        if let Some(away) = &counts.away {
            let finding = rules::interface_away(&capture.path, away);
            self.eyes.collector.event(Event::Finding(&finding));
        }
        self.eyes.collector.into_report(vec![capture], self.packets)
    }
}

impl Consumer for Watch {
    fn frame(&mut self, frame: &Frame<'_>) {
        let told = self.told.as_ref().and_then(|told| {
            told.look_at(frame);
            told.since()
        });
        let after_end = told.is_some() && frame.time >= told;
        if after_end && self.marked < MARKED {
            self.marked += 1;
            self.eyes.notes.push(Note {
                frame: frame.number.0,
                text: format!("{ENDED}; how a connection ends here is not their doing"),
                ends_picture: false,
            });
        }
        if let Some(analysis) = &mut self.analysis {
            let frame = Frame {
                after_end,
                ..*frame
            };
            analysis.frame(&frame, &mut self.eyes);
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
            let time = Timestamp(time);
            // Frames that were captured before now may still be on their way here: the analysis is not to be ahead of them.
            analysis.advance(Timestamp(time.0.saturating_sub(BEHIND)), &mut self.eyes);
            // What hangs because it was told to end, hangs no more.
            if self.told.as_ref().and_then(Told::since).is_none() {
                self.eyes.view.waits(&analysis.waits(time), time);
            }
        }
        self.eyes.hear(now);
        self.eyes.view.tick(now);
    }

    fn is_restless(&self) -> bool {
        // The latest: those before them are answered with the next frames, too.
        let mut latest = self.eyes.waiting.values().rev().take(64);
        self.eyes.view.is_restless()
            || latest.any(|waiting| !waiting.shown || waiting.since.elapsed() < RESTLESS)
    }

    fn notes(&mut self, take: &mut dyn FnMut(Note)) {
        self.eyes.notes.drain(..).for_each(take);
    }

    fn finish(&mut self, counts: &Counts) {
        if let Some(mut analysis) = self.analysis.take() {
            analysis.ended(counts.ended);
            let counts = analysis.finish(&mut self.eyes);
            self.packets = counts.into();
        }
        if let Some(comparing) = self.eyes.comparing.take() {
            // What came in time is still told picture by picture; the rest by the report.
            for told in comparing.told() {
                self.eyes.told(told);
            }
            self.compared = Some(comparing.finish());
        }
        self.eyes.show_waiting(None);
        self.eyes.view.finish();
    }
}

impl Eyes {
    /// Takes in what was found out about files, and shows the rows that have waited for long enough.
    fn hear(&mut self, now: Instant) {
        if let Some(comparing) = &self.comparing {
            let told: Vec<compare::Told> = comparing.told().collect();
            for told in told {
                self.told(told);
            }
            self.show_waiting(Some(now));
        }
    }

    /// Shows the pictures that have waited for long enough by `now`; all where that is absent.
    fn show_waiting(&mut self, now: Option<Instant>) {
        for waiting in self.waiting.values_mut() {
            let due = now.is_none_or(|now| now.duration_since(waiting.since) >= WAIT);
            if due && !waiting.shown {
                waiting.shown = true;
                self.view.event(&Event::PictureEnded(&waiting.image));
            }
        }
    }

    /// A picture ended, and there are files to compare it with.
    fn ended(&mut self, image: &Image) {
        let told = self
            .comparing
            .as_ref()
            .and_then(|comparing| comparing.ended(image));
        let Some(told) = told else {
            self.view.event(&Event::PictureEnded(image));
            self.note_end(image);
            return;
        };
        let mut waiting = Waiting {
            image: image.clone(),
            whole: image.verdict == Verdict::Unverified,
            since: Instant::now(),
            shown: false,
            noted: false,
        };
        if !told.done {
            // The frames are kept back for a moment only.
            self.note_end(image);
            waiting.noted = true;
            waiting.shown = self.view.ended_early(image);
        }
        self.waiting.insert(image.id, waiting);
        if self.waiting.len() > MOST {
            self.waiting.pop_first();
        }
        self.told(told);
    }

    /// Something is known of a picture's files.
    fn told(&mut self, told: compare::Told) {
        let Some(mut waiting) = self.waiting.remove(&told.picture) else {
            return;
        };
        waiting.image.verdict = told.verdict;
        waiting.image.compared = told.comparison.map(Box::new);
        if told.done {
            if waiting.shown {
                self.view.judged(&waiting.image, waiting.whole);
            } else {
                self.view.event(&Event::PictureEnded(&waiting.image));
            }
            if waiting.noted {
                self.note_files(&waiting.image);
            } else {
                self.note_end(&waiting.image);
            }
        } else {
            self.waiting.insert(told.picture, waiting);
        }
    }

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
            Event::PictureEnded(image) => self.note_end(image),
            _ => {}
        }
    }

    /// Says in the file what became of a picture whose end was noted before.
    fn note_files(&mut self, image: &Image) {
        let Some(last) = image.last_packet else {
            return;
        };
        let told = super::rows::told(image);
        self.notes.push(Note {
            frame: last.0,
            text: format!(
                "imgnet: picture {}, which ended in frame {}: {told}",
                image.id.0, last.0
            ),
            ends_picture: false,
        });
    }

    fn note_end(&mut self, image: &Image) {
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
}

impl Observer for Eyes {
    fn event(&mut self, event: Event<'_>) {
        if let Some(comparing) = &self.comparing {
            comparing.see(&event);
        }
        if let Some(sight) = &mut self.sight {
            sight.see(&event);
        }
        match &event {
            Event::PictureEnded(image) if self.comparing.is_some() => self.ended(image),
            event => {
                self.view.event(event);
                self.note(event);
            }
        }
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
