//! Findings: what went wrong, how sure that is, which frames show it, and how to fix it.
//!
//! The catalogue and the rules live here; a rule sees accounts and events, never bytes of the file system.

pub mod catalogue;
pub mod facts;
pub mod glossary;
mod name;
pub mod rules;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use name::{Name, UnknownName};

use crate::units::{FrameNumber, PictureId, StreamId};

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

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// What happened, one plain sentence.
    pub message: String,
    /// How to fix it, one plain sentence.
    pub fix: String,
}
