//! Opening the interface of a capture, and describing it in the file.

use std::fmt::Write as _;
use std::time::Duration;

use crate::capture::pcapng;
use crate::source::live::{self, Error, Live, Options};

/// Most bytes captured of a frame: all of them.
const SNAP_LENGTH: u32 = 262_144;
/// How long the kernel may keep a frame to itself: rows and verdicts follow the traffic that closely.
const TIMEOUT: Duration = Duration::from_millis(20);

/// Opens an interface.
///
/// # Errors
/// Those of [`Live::open`]; a filter that is wrong is told as the user wrote it.
pub(in crate::cli) fn open(
    interface: &str,
    ports: &[u16],
    expression: Option<&str>,
    ring: u64,
) -> Result<Live, Error> {
    let live = Live::open(&Options {
        interface: interface.to_owned(),
        filter: filter(ports, expression),
        buffer_bytes: usize::try_from(ring).unwrap_or(usize::MAX),
        snap_len: SNAP_LENGTH,
        timeout: TIMEOUT,
        immediate: false,
    });
    let written = || expression.unwrap_or_default().to_owned();
    live.map_err(|error| match error {
        Error::Filter { message, .. } => Error::Filter {
            filter: written(),
            message,
        },
        Error::FilterLosesFrames { .. } => Error::FilterLosesFrames { filter: written() },
        // Without the right, libpcap looks at nothing else; a mistake would be told only after it was granted.
        Error::NotAllowed { .. } => mistake(interface, expression).unwrap_or(error),
        other => other,
    })
}

/// What is wrong beside the right to capture, as far as can be told without it.
fn mistake(interface: &str, expression: Option<&str>) -> Option<Error> {
    let known: Vec<String> = live::interfaces()
        .ok()?
        .into_iter()
        .map(|known| known.name)
        .collect();
    if !known.iter().any(|name| name == interface) {
        return Some(Error::NoSuchInterface {
            interface: interface.to_owned(),
            known,
        });
    }
    let filter = expression?.to_owned();
    // As for Ethernet, which loopback is, too. Words that only a live capture knows are not understood here
    // either, and would be refused there.
    let capture = pcap::Capture::dead(pcap::Linktype::ETHERNET).ok()?;
    match capture.compile(&filter, true) {
        Err(pcap::Error::PcapError(message)) => Some(Error::Filter { filter, message }),
        _ => None,
    }
}

/// What a capture file says of the interface.
pub(in crate::cli) fn describe<'a>(
    live: &'a Live,
    filter: Option<&'a str>,
) -> pcapng::Interface<'a> {
    pcapng::Interface {
        name: Some(live.interface()),
        description: None,
        filter,
        link: live.link(),
        snap_len: SNAP_LENGTH,
    }
}

/// The filter for these ports and this expression; absent where everything is wanted.
///
/// Only the first fragment of a datagram names its ports: with ports given, the other fragments are taken
/// too, whosever they are.
pub(in crate::cli) fn filter(ports: &[u16], expression: Option<&str>) -> Option<String> {
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
