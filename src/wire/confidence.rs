//! How sure a guess of the wire format is.

use serde::{Deserialize, Serialize};

/// How sure imgnet is of a stream's wire format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// Nothing but the port or the sizes of the writes speaks for it.
    Guess,
    /// Worked out from one message, whose picture was walked to its end.
    Likely,
    /// The bytes speak for it.
    Content,
    /// Port and bytes speak for it.
    PortAndContent,
    /// Worked out from the bytes, and two messages or more agree.
    Confirmed,
    /// The user said so.
    Given,
}
