//! Expectations of a run: what a person wrote in TOML, how it fits the report, and what came of it.
//!
//! [`parse`] reads the text, [`judge`] holds it against a report, [`record`] writes the expectations of a good
//! run, [`render`] tells the outcome. Pure: it is given a report and a text, opens nothing, prints nothing.
//!
//! **Law (honesty):** an expectation fails only where the capture shows that it does not hold, and holds only
//! where nothing the capture lacks could show the contrary. In between it is [`Outcome::Inconclusive`].

mod bounds;
mod control;
mod findings;
mod judge;
mod lack;
mod matching;
mod parse;
mod pictures;
mod place;
mod record;
pub(crate) mod render;
#[cfg(test)]
mod tests;

use serde::Serialize;

pub use bounds::Bounds;
pub use control::judge_beside;
pub use findings::FindingPattern;
pub use judge::judge;
pub use parse::parse;
pub use place::{Mistake, Mistakes};
pub use record::{Origin, Unfit, record, unfit};

use crate::digest::DigestKind;
use crate::ledger::Verdict;
use crate::picture::Format;
use crate::report::model::Totals;
use crate::report::text;
use crate::units::PictureId;
use crate::wire::Protocol;

/// The value of `schema` in a file of expectations; may be left out there.
pub const FILE_SCHEMA: &str = "imgnet/expect/v1";

/// Something a file says, and the line that says it, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct At<T> {
    /// What it says.
    pub value: T,
    /// Where.
    pub line: usize,
}

/// What is expected of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expectations {
    /// Of the run as a whole.
    pub run: RunExpectations,
    /// Of its pictures, in the order of the file.
    pub pictures: Vec<PictureExpectations>,
}

/// What is expected of the run as a whole: table `[run]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunExpectations {
    /// One of these verdicts.
    pub verdict: Option<At<Vec<Verdict>>>,
    /// How many pictures.
    pub pictures: Option<At<Bounds>>,
    /// How many pictures beside those that are described; absent means none where any is described.
    pub extra_pictures: Option<At<Bounds>>,
    /// How many streams.
    pub streams: Option<At<Bounds>>,
    /// Frames of all streams.
    pub packets: Option<At<Bounds>>,
    /// Their lengths on the wire.
    pub wire_bytes: Option<At<Bounds>>,
    /// Bytes of all pictures.
    pub image_bytes: Option<At<Bounds>>,
    /// Payload bytes of all streams, each counted once however often it was sent.
    pub payload_bytes: Option<At<Bounds>>,
    /// Bytes of the wire formats.
    pub framing_bytes: Option<At<Bounds>>,
    /// Bytes that reply to pictures.
    pub answer_bytes: Option<At<Bounds>>,
    /// Bytes that are none of picture, framing and answer.
    pub stray_bytes: Option<At<Bounds>>,
    /// Longest time from the first frame of a stream to the last, in nanoseconds.
    pub max_duration: Option<At<i64>>,
    /// Findings that must not occur.
    pub deny: Vec<At<FindingPattern>>,
    /// Findings that must occur.
    pub require: Vec<At<FindingPattern>>,
}

/// What is expected of one picture: a `[[picture]]` table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PictureExpectations {
    /// What to call it; absent: `picture 0`, by its place in the file.
    pub label: Option<String>,
    /// The line of its heading.
    pub line: usize,
    /// Which picture is meant.
    pub which: Which,
    /// Length.
    pub bytes: Option<At<Bounds>>,
    /// Digest, under one algorithm or several.
    pub digests: Vec<At<Digest>>,
    /// File format.
    pub format: Option<At<Format>>,
    /// Pixels.
    pub width: Option<At<Bounds>>,
    /// Pixels.
    pub height: Option<At<Bounds>>,
    /// Whole on the wire.
    pub complete: Option<At<bool>>,
    /// Wire format, as `--protocol` spells it.
    pub protocol: Option<At<Protocol>>,
    /// One of these verdicts.
    pub verdict: Option<At<Vec<Verdict>>>,
    /// Bytes a chunk.
    pub chunk_size: Option<At<Bounds>>,
    /// How many chunks.
    pub chunks: Option<At<Bounds>>,
    /// Frames that carry it.
    pub packets: Option<At<Bounds>>,
    /// Their lengths on the wire.
    pub wire_bytes: Option<At<Bounds>>,
    /// Bytes seen again.
    pub duplicate_bytes: Option<At<Bounds>>,
    /// Frames that repeat a byte of it.
    pub retransmitted_packets: Option<At<Bounds>>,
    /// Bytes missing.
    pub gap_bytes: Option<At<Bounds>>,
    /// Payload bytes of the direction that carries it, each counted once.
    pub payload_bytes: Option<At<Bounds>>,
    /// Bytes of the wire format in that direction.
    pub framing_bytes: Option<At<Bounds>>,
    /// Bytes of answers in the other direction.
    pub answer_bytes: Option<At<Bounds>>,
    /// Stray bytes in the direction that carries it.
    pub stray_bytes: Option<At<Bounds>>,
    /// Longest time from its first frame to its last, in nanoseconds.
    pub max_duration: Option<At<i64>>,
}

/// Which picture is meant; all that is given must fit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Which {
    /// Port of either side.
    pub port: Option<u16>,
    /// What was asked for to get it.
    pub name: Option<String>,
    /// Its digest.
    pub digest: Option<Digest>,
    /// Its place among those that fit the rest, from 0 in order of first frame.
    pub order: Option<u64>,
}

/// A digest that a file names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// Algorithm.
    pub kind: DigestKind,
    /// Lowercase hex.
    pub hex: String,
}

impl Expectations {
    /// The algorithms of all digests that the file names.
    pub fn digests(&self) -> Vec<DigestKind> {
        let mut kinds = Vec::new();
        for picture in &self.pictures {
            let expected = picture.digests.iter().map(|digest| digest.value.kind);
            for kind in expected.chain(picture.which.digest.as_ref().map(|digest| digest.kind)) {
                if !kinds.contains(&kind) {
                    kinds.push(kind);
                }
            }
        }
        kinds
    }

    /// What the picture at this place of the file is called.
    pub fn label(&self, index: usize) -> String {
        self.pictures
            .get(index)
            .and_then(|picture| picture.label.clone())
            .unwrap_or_else(|| format!("picture {index}"))
    }
}

/// What came of an expectation, or of all; ordered from good to bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It holds.
    Pass,
    /// The capture lacks what would tell.
    Inconclusive,
    /// It does not hold.
    Fail,
}

/// One expectation and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Judged {
    /// Its key in the file: `bytes`, `deny retransmission`.
    pub name: String,
    /// Label of the picture it is about; absent for the run.
    pub picture: Option<String>,
    /// That picture's number in the report; absent for the run, or where none fits.
    pub image: Option<PictureId>,
    /// What was expected.
    pub expected: Value,
    /// What came; absent where that is not known.
    pub actual: Option<Value>,
    /// What came of it.
    pub outcome: Outcome,
    /// What helps to understand it: the difference, what happened.
    pub note: Option<String>,
    /// What the capture lacks that would tell; absent unless inconclusive.
    pub lack: Option<String>,
    /// Inconclusive, and as expected as far as the capture goes.
    pub holds_so_far: bool,
    /// Line of the file that says it; absent where it goes without saying.
    pub line: Option<usize>,
}

/// All expectations and what came of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// The worst outcome.
    pub verdict: Outcome,
    /// Those of the pictures in the order of the file, then those of the run.
    pub expectations: Vec<Judged>,
    /// Sums over the run.
    pub totals: Totals,
}

impl Checked {
    /// How many had this outcome.
    pub fn count(&self, outcome: Outcome) -> u64 {
        let of = |judged: &&Judged| judged.outcome == outcome;
        self.expectations.iter().filter(of).count() as u64
    }
}

/// Something expected, or something that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A number.
    Count(u64),
    /// A number within bounds.
    Within(Bounds),
    /// Yes or no.
    Flag(bool),
    /// A time in nanoseconds.
    Time(i64),
    /// At most this time, in nanoseconds.
    AtMost(i64),
    /// Anything else, in words.
    Text(String),
}

impl Value {
    /// For people: grouped digits, units.
    pub fn human(&self, unicode: bool) -> String {
        match self {
            Self::Count(number) => text::count(*number),
            Self::Within(bounds) => bounds.human(),
            Self::Flag(flag) => flag.to_string(),
            Self::Time(time) => text::duration(*time, unicode),
            Self::AtMost(time) => format!("at most {}", text::duration(*time, unicode)),
            Self::Text(text) => text::plain(text, unicode).into_owned(),
        }
    }
}

impl Serialize for Value {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Count(number) => serializer.serialize_u64(*number),
            Self::Within(bounds) => match bounds.exactly() {
                Some(number) => serializer.serialize_u64(number),
                None => serializer.collect_str(bounds),
            },
            Self::Flag(flag) => serializer.serialize_bool(*flag),
            Self::Time(_) | Self::AtMost(_) => serializer.serialize_str(&self.human(false)),
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}
