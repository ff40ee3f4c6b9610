//! `frame.protocols` beside tshark's: the same down to TCP, UDP or what else the packet is, and behind that as docs/inspect.md says.

use super::tshark::{csv, joined};
use crate::support::{tshark, tshark_is_there};

/// What lies below the transport, and what is named above it.
fn parted(protocols: &str) -> (&str, &str) {
    for transport in [":tcp", ":udp"] {
        if let Some((below, above)) = protocols.split_once(transport) {
            return (below, above.trim_start_matches(':'));
        }
    }
    (protocols, "")
}

#[test]
fn protocols_are_those_of_tshark_down_to_the_payload() {
    if !tshark_is_there() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let together = joined(folder.path());
    let printed = tshark(
        &together,
        &[
            "-n",
            "-T",
            "fields",
            "-E",
            "separator=;",
            "-e",
            "frame.protocols",
            "-e",
            "tcp.segment_data",
            "-e",
            "tcp.analysis.flags",
        ],
    );
    let ours = csv(&together, &["frame.protocols", "tcp.len"]);
    assert_eq!(ours.len(), printed.lines().count());
    let (mut same, mut otherwise) = (0, 0);
    for ((at, ours), line) in (1..).zip(&ours).zip(printed.lines()) {
        let mut theirs = line.split(';');
        let mut next = || theirs.next().expect("a field");
        let (theirs, put_together, remarked) = (next(), next(), next());
        let ours = ours.first().expect("a field");
        if ours == theirs {
            same += 1;
            continue;
        }
        otherwise += 1;
        let ((below, above), (below_theirs, above_theirs)) = (parted(ours), parted(theirs));
        assert_eq!(below, below_theirs, "frame {at}: {ours}, tshark {theirs}");
        assert!(
            matches!(above, "" | "data" | "http"),
            "frame {at}: {ours}, tshark {theirs}"
        );
        // tshark's dissector takes the payload for something, or wants more of it; or it does not look into what is sent again.
        let guessed = !matches!(above_theirs, "" | "data");
        assert!(
            guessed || !put_together.is_empty() || !remarked.is_empty(),
            "frame {at}: {ours}, tshark {theirs}"
        );
    }
    assert!(same > 4 * otherwise, "{same} the same, {otherwise} not");
}
