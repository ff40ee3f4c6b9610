//! How sure a guess of the wire format is.

use serde::{Deserialize, Serialize};

/// How sure imgnet is of a stream's wire format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// Nothing but the port or the sizes of the writes speaks for it.
    Guess,
    /// The bytes speak for it.
    Content,
    /// Port and bytes speak for it.
    PortAndContent,
    /// The user said so.
    Given,
}
