//! Opening the interface of a capture, and describing it in the file.

use std::fmt::Write as _;
use std::time::Duration;

use crate::capture::pcapng;
use crate::capture::session::READ_WAIT;
use crate::source::live::{self, Error, Live, Options};

/// Most bytes captured of a frame: all of them.
const SNAP_LENGTH: u32 = 262_144;
/// How long the kernel may keep a frame to itself: rows and verdicts follow the traffic that closely.
const TIMEOUT: Duration = READ_WAIT;

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
            message: placed(&written(), message),
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
        Err(pcap::Error::PcapError(message)) => {
            let message = placed(&filter, message);
            Some(Error::Filter { filter, message })
        }
        _ => None,
    }
}

/// What libpcap says of a filter, and where the mistake is, which libpcap does not say.
fn placed(filter: &str, message: String) -> String {
    match mistaken_word(filter) {
        None => message,
        Some((at, "")) => format!("{message}; something is missing after character {at}, its end"),
        Some((at, word)) => format!(
            "{message}; the mistake is at character {}, {word:?}",
            at.saturating_add(1)
        ),
    }
}

/// Number of the character, from 0, and the word at which a filter stops making sense: the first after which no
/// continuation helps. An empty word where more is expected at the end; absent where it cannot be made out.
fn mistaken_word(filter: &str) -> Option<(usize, &str)> {
    const CONTINUATIONS: [&str; 11] = [
        "",
        " 80",
        " tcp",
        " 1.2.3.4",
        " = 0",
        "] = 0",
        " 80-90",
        " 00:00:00:00:00:01",
        " 1.0.0.0/8",
        " 1 = 0",
        " 1] = 0",
    ];
    let capture = pcap::Capture::dead(pcap::Linktype::ETHERNET).ok()?;
    let understood = |text: &str| match capture.compile(text, true) {
        Ok(_) => true,
        // A continuation that contradicts what is there is a sentence all the same.
        Err(pcap::Error::PcapError(message)) => message.contains("rejects all packets"),
        Err(_) => false,
    };
    if understood(filter) {
        return None;
    }
    let mut start = None;
    let mut words: Vec<(usize, &str)> = Vec::new();
    for (at, letter) in filter.char_indices().chain([(filter.len(), ' ')]) {
        let bracket = matches!(letter, '(' | ')');
        if (bracket || letter.is_whitespace())
            && let Some(start) = start.take()
        {
            words.push((start, filter.get(start..at)?));
        }
        if bracket {
            words.push((at, filter.get(at..at.saturating_add(1))?));
        } else if !letter.is_whitespace() {
            start = start.or(Some(at));
        }
    }
    let mut open = 0_usize;
    for (at, word) in words {
        match word {
            "(" => open = open.saturating_add(1),
            ")" => open = open.saturating_sub(1),
            _ => {}
        }
        let so_far = filter.get(..at.saturating_add(word.len()))?;
        let closed = ")".repeat(open.min(32));
        if !CONTINUATIONS
            .iter()
            .any(|more| understood(&format!("{so_far}{more}{closed}")))
        {
            return Some((filter.get(..at)?.chars().count(), word));
        }
    }
    Some((filter.chars().count(), ""))
}

/// What a capture file says of the interface.
pub(in crate::cli) fn describe<'a>(
    live: &'a Live,
    filter: Option<&'a str>,
) -> pcapng::Interface<'a> {
    pcapng::Interface {
        name: Some(live.interface()),
        description: live.description(),
        filter,
        os: None,
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
    live::how_to_get_the_right(&program)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_at_which_a_filter_stops_making_sense_is_named() {
        for (filter, found) in [
            ("tcp port 80", None),
            ("tcp prot 80", Some((4, "prot"))),
            ("tcp port", Some((8, ""))),
            ("tcp port 80 and", Some((15, ""))),
            ("(tcp port 80", Some((12, ""))),
            ("tcp) or (udp", Some((3, ")"))),
            ("port 99999", Some((5, "99999"))),
            ("(udp and (port 1 or port 2)) xor tcp", Some((29, "xor"))),
            ("tcp[13] & 2 != 0", None),
            ("tcp[13] & 2 != 0 nonsense", Some((17, "nonsense"))),
        ] {
            assert_eq!(mistaken_word(filter), found, "{filter}");
        }
    }
}
