//! Opening the interface of a capture, and saying what is wrong where that fails.

use std::fmt::Write as _;

use crate::capture::session::{Blocks, Device};

/// A device that can also describe itself in a capture file.
pub(in crate::cli) trait Open: Device {
    /// What writes the frames of this device to a file.
    fn blocks(&self) -> Box<dyn Blocks>;
}

/// Why an interface cannot be captured.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum OpenFailure {
    /// The user has not the right.
    #[error("not allowed: {reason}")]
    NotAllowed {
        /// What libpcap says.
        reason: String,
    },
    /// No such interface.
    #[error("no interface is called {name:?}; there are: {}", known.join(", "))]
    UnknownInterface {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// The filter is wrong.
    #[error("the filter {filter:?} is wrong: {reason}; `man pcap-filter` explains the language")]
    Filter {
        /// The filter.
        filter: String,
        /// What libpcap says.
        reason: String,
    },
    /// Anything else.
    #[error("{name}: cannot be captured: {reason}")]
    Other {
        /// The interface.
        name: String,
        /// What libpcap says.
        reason: String,
    },
}

impl Open for crate::capture::interim::Live {
    fn blocks(&self) -> Box<dyn Blocks> {
        Box::new(crate::capture::interim::Ng)
    }
}

/// Opens an interface.
pub(in crate::cli) fn open(
    interface: &str,
    filter: Option<&str>,
    ring: u64,
) -> Result<Box<dyn Open>, OpenFailure> {
    let ring = i32::try_from(ring).unwrap_or(i32::MAX);
    let failure = |error: pcap::Error| OpenFailure::Other {
        name: interface.to_owned(),
        reason: error.to_string(),
    };
    let live =
        crate::capture::interim::open(interface, filter.unwrap_or(""), ring).map_err(failure)?;
    Ok(Box::new(live))
}

/// The filter for these ports and this expression; absent where everything is wanted.
///
/// Only the first fragment of a datagram names its ports: with ports given, the other fragments are taken
/// too, whosever they are.
pub(super) fn filter(ports: &[u16], expression: Option<&str>) -> Option<String> {
    let mut filter = String::new();
    for port in ports {
        let or = if filter.is_empty() { "" } else { " or " };
        // Writing to a string does not fail.
        let _ = write!(filter, "{or}port {port}");
    }
    if !filter.is_empty() {
        filter.push_str(" or (ip[6:2] & 0x1fff != 0) or (ip6[6] == 44)");
    }
    match (
        filter.is_empty(),
        expression.map(str::trim).filter(|e| !e.is_empty()),
    ) {
        (true, None) => None,
        (true, Some(expression)) => Some(expression.to_owned()),
        (false, None) => Some(filter),
        (false, Some(expression)) => Some(format!("({filter}) and ({expression})")),
    }
}

/// The command that gives this program the right to capture.
pub(in crate::cli) fn how_to_get_the_right() -> String {
    let program = std::env::current_exe()
        .and_then(std::fs::canonicalize)
        .map_or_else(|_| "imgnet".to_owned(), |path| path.display().to_string());
    let program = if program.contains(|c: char| c.is_whitespace() || "'\"\\$&;()".contains(c)) {
        format!("'{}'", program.replace('\'', "'\\''"))
    } else {
        program
    };
    format!("sudo setcap cap_net_raw+ep {program}")
}
