//! Findings: what went wrong, how sure that is, which frames show it, and how to fix it.
//!
//! The catalogue and the rules live here; a rule sees accounts and events, never bytes of the file system.

pub mod catalogue;
pub mod facts;
pub(crate) mod glossary;
mod name;
pub mod rules;

use std::fmt;

use serde::ser::SerializeStruct as _;
use serde::{Deserialize, Serialize, Serializer};

pub use name::{Name, UnknownName};

use crate::units::{FrameNumber, PictureId, StreamId, listed};

/// How bad a finding is; ordered from mild to bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing, nothing wrong.
    Note,
    /// May explain trouble, or cause it another day.
    Warning,
    /// Something did not work.
    Error,
}

impl Severity {
    /// Its name, as the JSON has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How sure a finding is; ordered from weak to strong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Certainty {
    /// Nothing happened here, but it can.
    Risk,
    /// The best explanation of what the packets show.
    Likely,
    /// The packets prove it.
    Proven,
}

impl Certainty {
    /// Its name, as the JSON has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Risk => "risk",
            Self::Likely => "likely",
            Self::Proven => "proven",
        }
    }
}

impl fmt::Display for Certainty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One finding. Serialised, it has its display filter beside its frames.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Finding {
    /// What it is called.
    pub name: Name,
    /// How bad.
    pub severity: Severity,
    /// How sure.
    pub certainty: Certainty,
    /// The stream it is about; absent for the whole capture.
    pub stream: Option<StreamId>,
    /// The picture it is about; absent where it is about none.
    pub image: Option<PictureId>,
    /// Frames that show it, ascending; at most 16 and the last are kept.
    pub packets: Vec<FrameNumber>,
    /// How many more frames show it than are kept.
    #[serde(default)]
    pub more_packets: u64,
    /// What happened, one plain sentence.
    pub message: String,
    /// How to fix it, one plain sentence.
    pub fix: String,
}

/// What stands between what a finding says and the cause that it only follows from.
const FOLLOWS: &str = " This only follows from ";

impl Finding {
    /// Makes a note of it: it only follows from this cause.
    pub(crate) fn only_follows(&mut self, cause: &str) {
        self.severity = Severity::Note;
        for part in [FOLLOWS, cause, "."] {
            self.message.push_str(part);
        }
    }

    /// As it would be without the cause that it was said to follow from, which was taken back.
    pub(crate) fn stands_alone(&mut self) {
        if let Some(at) = self.message.find(FOLLOWS) {
            self.message.truncate(at);
            self.severity = self.name.severity();
        }
    }

    /// The Wireshark display filter that finds exactly [`Self::packets`]; absent where there are none.
    pub fn filter(&self) -> Option<String> {
        let (text, one) = listed(&self.packets, "..")?;
        Some(if one {
            format!("frame.number == {text}")
        } else {
            format!("frame.number in {{{text}}}")
        })
    }
}

impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut finding = serializer.serialize_struct("Finding", 10)?;
        finding.serialize_field("name", &self.name)?;
        finding.serialize_field("severity", &self.severity)?;
        finding.serialize_field("certainty", &self.certainty)?;
        finding.serialize_field("stream", &self.stream)?;
        finding.serialize_field("image", &self.image)?;
        finding.serialize_field("packets", &self.packets)?;
        finding.serialize_field("more_packets", &self.more_packets)?;
        finding.serialize_field("filter", &self.filter())?;
        finding.serialize_field("message", &self.message)?;
        finding.serialize_field("fix", &self.fix)?;
        finding.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_finds_the_frames_and_no_others() {
        let filter = |frames: &[u64]| {
            let finding = Finding {
                packets: frames.iter().copied().map(FrameNumber).collect(),
                ..rules::kernel_drops("x", 1)
            };
            finding.filter()
        };
        assert_eq!(filter(&[]), None);
        assert_eq!(filter(&[7]).as_deref(), Some("frame.number == 7"));
        assert_eq!(filter(&[7, 8]).as_deref(), Some("frame.number in {7, 8}"));
        assert_eq!(
            filter(&[1, 2, 3, 5, 9, 10, 11, 40]).as_deref(),
            Some("frame.number in {1..3, 5, 9..11, 40}")
        );
    }
}
