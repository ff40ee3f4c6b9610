//! Findings as a file of expectations names them: by name, or all of a severity.

use std::fmt;

use super::place::suggestion;
use crate::findings::catalogue::Group;
use crate::findings::{Finding, Name, Severity};

/// Which findings are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FindingPattern {
    /// Those of this name.
    Name(Name),
    /// Those of this severity.
    Severity(Severity),
}

/// Whether a finding is about the capture, not about the traffic: denied by severity it makes a run inconclusive.
pub(super) fn is_of_the_capture(finding: &Finding) -> bool {
    finding.name.entry().group == Group::Capture
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
                if let Ok(name) = text.parse() {
                    return Ok(Self::Name(name));
                }
                let mut known: Vec<&str> = Name::ALL.iter().map(|name| name.as_str()).collect();
                known.extend(["error", "warning", "note"]);
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
            Self::Name(name) => name.as_str(),
            Self::Severity(severity) => severity.as_str(),
        })
    }
}
