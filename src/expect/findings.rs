//! Findings as a file of expectations names them: by name, or all of a severity.

use std::fmt;

use super::place::suggestion;
use crate::findings::{Finding, Severity};

/// Which findings are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FindingPattern {
    /// Those of this name.
    Name(&'static str),
    /// Those of this severity.
    Severity(Severity),
}

/// Names of findings. A name that is not here cannot be denied, since a misspelt one would never occur.
pub(super) const NAMES: &[&str] = &[
    "capture-gap",
    "clock-step",
    "conflicting-retransmission",
    "datagram-duplicated",
    "datagram-lost",
    "datagram-reordered",
    "duplicate-ack",
    "early-close",
    "empty-request",
    "fast-retransmission",
    "fields-glued",
    "file-cut-short",
    "fragment-lost",
    "frames-twice",
    "implausible-length",
    "ip-fragmented",
    "kernel-drops",
    "larger-than-mtu",
    "length-mismatch",
    "limit-reached",
    "marker-in-file",
    "marker-inside-image",
    "marker-missing",
    "marker-risk",
    "marker-unanswered",
    "missing-inside",
    "never-closed",
    "no-end-datagram",
    "no-end-of-stream",
    "offloaded-checksum",
    "out-of-order",
    "oversized-datagram",
    "re-encoded",
    "receiver-overflow",
    "reset-mid-transfer",
    "retransmission",
    "rows-not-segments",
    "small-writes",
    "snaplen-cut",
    "spurious-retransmission",
    "stall",
    "started-late",
    "text-mode",
    "trailing-bytes",
    "undetectable-loss",
    "unread-data-reset",
    "width-unknown",
    "wrong-checksum",
    "zero-window",
];

/// Findings about the capture, not about the traffic: denied by severity they make a run inconclusive.
const OF_THE_CAPTURE: &[&str] = &[
    "capture-gap",
    "file-cut-short",
    "frames-twice",
    "kernel-drops",
    "limit-reached",
    "snaplen-cut",
    "started-late",
];

/// Whether a finding is about the capture.
pub(super) fn is_of_the_capture(finding: &Finding) -> bool {
    OF_THE_CAPTURE.contains(&finding.name.as_ref())
}

impl FindingPattern {
    /// Reads a finding's name or a severity.
    ///
    /// # Errors
    /// Neither; says what is near.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        match text {
            "error" => Ok(Self::Severity(Severity::Error)),
            "warning" => Ok(Self::Severity(Severity::Warning)),
            "note" => Ok(Self::Severity(Severity::Note)),
            _ => {
                if let Some(name) = NAMES.iter().find(|name| **name == text) {
                    return Ok(Self::Name(name));
                }
                let known = [NAMES, &["error", "warning", "note"]].concat();
                let hint = match suggestion(text, &known) {
                    hint if hint.starts_with("did") => hint,
                    _ => "`error`, `warning` and `note` mean all of a severity, and `imgnet explain` lists the names"
                        .to_owned(),
                };
                Err(format!("no finding is called {text:?}; {hint}"))
            }
        }
    }

    /// Whether a finding is meant.
    pub fn fits(&self, finding: &Finding) -> bool {
        match self {
            Self::Name(name) => finding.name == *name,
            Self::Severity(severity) => finding.severity == *severity,
        }
    }
}

impl fmt::Display for FindingPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name(name) => name,
            Self::Severity(Severity::Error) => "error",
            Self::Severity(Severity::Warning) => "warning",
            Self::Severity(Severity::Note) => "note",
        })
    }
}
