//! The report as one object: exactly the JSON of `imgnet/report/v1` (`docs/report.schema.json`).
//!
//! Accounts and findings are embedded as the types that count them, so a number has one home. `None` is
//! unknown and is written as `null`, never as 0.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::findings::{Certainty, Finding, Name};
use crate::frame::Away;
use crate::ledger::comparison::Verification;
use crate::ledger::{Chunks, Coverage, Folded, Image, Stream, Verdict};
use crate::units::{FrameNumber, PictureId, StreamId};

/// The value of [`Report::schema`].
pub const SCHEMA: &str = "imgnet/report/v1";

/// Everything an analysis has to say.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: Cow<'static, str>,
    /// The files read, in the order in which they were read.
    pub captures: Vec<CaptureFile>,
    /// What became of the frames.
    pub packets: Packets,
    /// What the capture lacks, and so what cannot be said.
    #[serde(default)]
    pub coverage: Coverage,
    /// Streams, by number.
    pub streams: Vec<Stream>,
    /// Pictures, in order of first frame; those of which no frame was captured last.
    pub images: Vec<Image>,
    /// Findings: the worst first, then by stream and frame.
    pub findings: Vec<Finding>,
    /// The worst picture's verdict; absent where there is no picture.
    pub verdict: Option<Verdict>,
    /// Sums over the whole run.
    pub totals: Totals,
    /// What stands in no list because memory ran out; absent where nothing does so. `totals` counts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folded: Option<Folded>,
    /// The pictures written to a folder; absent unless that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extracted: Option<Extracted>,
    /// What the pictures were compared with; absent unless that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification: Option<Verification>,
}

/// One capture file, or live capture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaptureFile {
    /// Its path as given; `-` for standard input.
    pub path: String,
    /// File format (`pcap`, `pcapng`), followed by its compression in brackets where it has one: `pcapng (zstd)`.
    pub format: String,
    /// Link types of its frames, in order of appearance.
    pub link_types: Vec<String>,
    /// Frames in it.
    pub packets: u64,
    /// Bytes that were captured of them.
    pub captured_bytes: u64,
    /// Their lengths on the wire.
    pub original_bytes: u64,
    /// Whether the file ends too early or is damaged: what comes after was not read.
    pub truncated: bool,
    /// Where and why; absent unless `truncated`.
    pub damage: Option<Damage>,
    /// Frames that the capturing kernel dropped; absent where the file does not say.
    pub kernel_drops: Option<u64>,
    /// Frames for which the file had no room; absent where it does not say. `coverage` counts them.
    #[serde(skip)]
    pub unwritten: Option<u64>,
    /// How long interfaces were gone meanwhile; absent where none was known to be. `coverage` counts the times.
    #[serde(skip)]
    pub away: Option<Away>,
}

/// Where a capture file is cut short or damaged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Damage {
    /// File offset of the first byte that could not be read as it should, in the uncompressed file;
    /// absent where unknown.
    pub offset: Option<u64>,
    /// The last whole frame before it; absent where there is none.
    pub after_frame: Option<FrameNumber>,
    /// What is wrong, in plain words.
    pub reason: String,
}

/// What became of the frames: `read` = `decoded` + the sum of `skipped`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packets {
    /// Frames read.
    pub read: u64,
    /// Frames decoded to a TCP segment or a UDP datagram, fragments included.
    pub decoded: u64,
    /// Frames not decoded, under the reason's name (`decode::Skip::name`).
    pub skipped: BTreeMap<Cow<'static, str>, u64>,
    /// IP datagrams of which not all fragments came: their frames are decoded, what they carried is not.
    #[serde(default)]
    pub incomplete_datagrams: u64,
}

/// Sums over the whole run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Streams.
    pub streams: u64,
    /// Pictures.
    pub images: u64,
    /// Frames of all streams, both directions.
    pub packets: u64,
    /// Their lengths on the wire.
    pub wire_bytes: u64,
    /// Bytes of all pictures, gaps included.
    pub image_bytes: u64,
}

/// The pictures that were written to a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extracted {
    /// The folder as given.
    pub folder: String,
    /// The files, in order of writing.
    pub files: Vec<ExtractedFile>,
}

/// One picture written to a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtractedFile {
    /// The picture.
    pub image: PictureId,
    /// File name within the folder.
    pub name: String,
    /// Bytes written: the picture's bytes, gaps left out.
    pub bytes: u64,
    /// Whether that is the whole picture.
    pub complete: bool,
    /// Name of the file that lists the gaps; absent where there are none.
    pub gaps: Option<String>,
}

// A stored report has rows; that they were counted from frames does not matter to its reader.
impl<'de> Deserialize<'de> for Chunks {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::from_rows)
    }
}

impl Report {
    /// A report of these parts: sorts them, sums them up and draws the run's verdict.
    pub fn new(
        captures: Vec<CaptureFile>,
        packets: Packets,
        streams: Vec<Stream>,
        images: Vec<Image>,
        findings: Vec<Finding>,
    ) -> Self {
        let mut report = Self {
            schema: Cow::Borrowed(SCHEMA),
            captures,
            packets,
            coverage: Coverage::default(),
            streams,
            images,
            findings,
            verdict: None,
            totals: Totals::default(),
            folded: None,
            extracted: None,
            verification: None,
        };
        report.conclude();
        report
    }

    /// The same where so much stands in no list.
    #[must_use]
    pub fn with_folded(mut self, folded: Folded) -> Self {
        self.folded = Some(folded);
        self.conclude();
        self
    }

    /// Whether a stream that carries pictures has a gap in which more of them, or other bytes, may lie.
    pub fn hides(&self) -> bool {
        self.images.iter().any(|image| {
            self.stream(image.stream).is_some_and(|stream| {
                let mut ways = stream.directions.iter();
                ways.any(|way| way.from == image.from && way.uncaptured_bytes() > 0)
            })
        })
    }

    /// Sorts, sums up and draws the verdict again, after pictures were compared or findings added.
    pub fn conclude(&mut self) {
        self.streams.sort_by_key(|stream| stream.id);
        self.images
            .sort_by_key(|image| (image.first_packet.is_none(), image.first_packet, image.id));
        self.findings.sort_by(|a, b| {
            let place = |f: &Finding| (f.stream, f.packets.first().copied(), f.image);
            b.severity
                .cmp(&a.severity)
                .then_with(|| b.certainty.cmp(&a.certainty))
                .then_with(|| place(a).cmp(&place(b)))
                .then_with(|| a.name.cmp(&b.name))
        });
        self.coverage = self.cover();
        self.doubt_silences();
        self.verdict = self.images.iter().map(|image| image.verdict).max();
        if self.hides() {
            self.verdict = self.verdict.max(Some(Verdict::Inconclusive));
        }
        let mut totals = Totals {
            streams: self.streams.len() as u64,
            images: self.images.len() as u64,
            ..Totals::default()
        };
        for direction in self.streams.iter().flat_map(|stream| &stream.directions) {
            totals.packets = totals.packets.saturating_add(direction.packets);
            totals.wire_bytes = totals.wire_bytes.saturating_add(direction.wire_bytes);
        }
        for image in &self.images {
            totals.image_bytes = totals.image_bytes.saturating_add(image.bytes);
        }
        if let Some(folded) = self.folded {
            totals.streams += folded.streams;
            totals.images += folded.images;
            totals.packets = totals.packets.saturating_add(folded.packets);
            totals.wire_bytes = totals.wire_bytes.saturating_add(folded.wire_bytes);
            totals.image_bytes = totals.image_bytes.saturating_add(folded.image_bytes);
            // Nobody compared those.
            if folded.streams > 0 || folded.images > 0 {
                self.verdict = self.verdict.max(Some(Verdict::Inconclusive));
            }
        }
        self.totals = totals;
    }

    /// That something never came is proven only where every frame was captured and could be read: an answer, or the SYN of a
    /// connection.
    fn doubt_silences(&mut self) {
        if !self.coverage.lacks_frames() {
            return;
        }
        for finding in &mut self.findings {
            let late = finding.name == Name::StartedLate;
            if !(late || finding.name.is_of_silence()) || finding.certainty != Certainty::Proven {
                continue;
            }
            finding.certainty = Certainty::Likely;
            if late {
                finding
                    .message
                    .push_str(" Or it is among the frames that are missing or cannot be read.");
            }
        }
    }

    /// What the capture lacks, by all that is known of it.
    fn cover(&self) -> Coverage {
        let mut coverage = Coverage {
            incomplete_datagrams: self.packets.incomplete_datagrams,
            ..Coverage::default()
        };
        for (reason, frames) in &self.packets.skipped {
            coverage.skipped(reason, *frames);
        }
        for capture in &self.captures {
            coverage.file(capture.kernel_drops, capture.truncated);
            coverage.unwritten += capture.unwritten.unwrap_or(0);
            coverage.interface_away += capture.away.map_or(0, |away| away.times);
        }
        for stream in &self.streams {
            coverage.stream(stream);
        }
        coverage.conclude();
        // Of nothing nobody knows what it lacks.
        coverage.whole &= !self.is_of_nothing();
        coverage
    }

    /// The stream of this number.
    pub fn stream(&self, id: StreamId) -> Option<&Stream> {
        // Sorted by number (`conclude`).
        self.streams
            .binary_search_by_key(&id, |stream| stream.id)
            .ok()
            .and_then(|index| self.streams.get(index))
    }

    /// The pictures of each stream, in the order of the report.
    pub(crate) fn pictures_by_stream(&self) -> BTreeMap<StreamId, Vec<&Image>> {
        let mut pictures: BTreeMap<StreamId, Vec<&Image>> = BTreeMap::new();
        for image in &self.images {
            pictures.entry(image.stream).or_default().push(image);
        }
        pictures
    }

    /// Whether not one packet was captured.
    pub fn is_of_nothing(&self) -> bool {
        self.packets.read == 0 && self.streams.is_empty()
    }

    /// Whether some file is cut short or damaged.
    pub fn truncated(&self) -> bool {
        self.captures.iter().any(|capture| capture.truncated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn verdict_of_the_run_is_the_worst_pictures() {
        assert_eq!(samples::healthy().verdict, Some(Verdict::Unverified));
        assert_eq!(samples::no_pictures().verdict, None);
        // One incomplete picture outweighs an inconclusive one.
        assert_eq!(samples::gaps().verdict, Some(Verdict::Incomplete));
    }

    #[test]
    fn pictures_come_in_order_of_first_frame_and_keep_their_numbers() {
        let mut report = samples::hang();
        report.images.reverse();
        if let Some(image) = report.images.last_mut() {
            image.first_packet = None;
        }
        report.conclude();
        let ids: Vec<u32> = report.images.iter().map(|image| image.id.0).collect();
        assert_eq!(ids, [1, 2, 3, 4, 0], "a picture without frames goes last");
    }

    #[test]
    fn totals_sum_both_directions() {
        let report = samples::healthy();
        let (mut packets, mut bytes) = (0, 0);
        for direction in report.streams.iter().flat_map(|s| &s.directions) {
            packets += direction.packets;
            bytes += direction.wire_bytes;
        }
        assert_eq!(report.totals.packets, packets);
        assert_eq!(report.totals.wire_bytes, bytes);
        assert_eq!(report.totals.streams, 3);
    }

    #[test]
    fn findings_come_worst_first() {
        let report = samples::gaps();
        assert!(
            report
                .findings
                .is_sorted_by_key(|f| std::cmp::Reverse(f.severity))
        );
    }

    #[test]
    fn a_stream_is_found_where_numbers_have_holes() {
        let mut report = samples::hang();
        report.streams.remove(0);
        assert_eq!(report.stream(StreamId(2)).map(|s| s.id), Some(StreamId(2)));
        assert!(report.stream(StreamId(0)).is_none());
    }
}
