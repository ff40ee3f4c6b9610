//! Collects the events of an analysis into a [`Report`].
//!
//! Keeps one account a stream and a picture and every finding, never a picture's bytes.

use super::{Event, Observer};
use crate::findings::Finding;
use crate::ledger::{Folded, Image, Stream};
use crate::report::model::{CaptureFile, Packets, Report};

/// An observer that keeps what a report is made of.
#[derive(Debug, Clone, Default)]
pub struct Collector {
    streams: Vec<Stream>,
    images: Vec<Image>,
    findings: Vec<Finding>,
    folded: Option<Folded>,
}

impl Collector {
    /// Nothing collected yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The report, once the analysis is finished. `captures` and `packets` are known to those who read
    /// the files and ran the analysis.
    pub fn into_report(self, captures: Vec<CaptureFile>, packets: Packets) -> Report {
        let report = Report::new(captures, packets, self.streams, self.images, self.findings);
        match self.folded {
            Some(folded) => report.with_folded(folded),
            None => report,
        }
    }
}

impl Observer for Collector {
    fn event(&mut self, event: Event<'_>) {
        match event {
            // The final accounts come with the closing of their stream: those of `PictureEnded` may still grow.
            Event::StreamClosed { stream, images } => {
                self.streams.push(stream.clone());
                self.images.extend_from_slice(images);
            }
            Event::Finding(finding) => self.findings.push(finding.clone()),
            Event::Folded(folded) => self.folded = Some(*folded),
            _ => {}
        }
    }

    fn stream_closed(&mut self, stream: Stream, mut images: Vec<Image>) {
        self.streams.push(stream);
        self.images.append(&mut images);
    }

    fn accounts_only(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;
    use crate::units::PictureId;

    #[test]
    fn the_final_account_counts_not_the_early_one() {
        let sample = samples::hang();
        let mut collector = Collector::new();
        let mut early = sample.images[0].clone();
        early.packets = 1;
        collector.event(Event::PictureEnded(&early));
        // Streams close in any order.
        for stream in sample.streams.iter().rev() {
            let images: Vec<_> = sample
                .images
                .iter()
                .filter(|image| image.stream == stream.id)
                .cloned()
                .collect();
            collector.event(Event::StreamClosed {
                stream,
                images: &images,
            });
        }
        for finding in &sample.findings {
            collector.event(Event::Finding(finding));
        }
        let report = collector.into_report(sample.captures.clone(), sample.packets.clone());
        assert_eq!(
            serde_json::to_value(&report).unwrap(),
            serde_json::to_value(&sample).unwrap()
        );
        assert_eq!(report.images[0].id, PictureId(0));
        assert_eq!(report.images[0].packets, 6);
    }
}
