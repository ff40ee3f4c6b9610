//! The words that imgnet prints besides the names of findings, each with what it means: verdicts, certainties, causes, reasons,
//! wire formats.

use serde::Serialize;

/// A word and its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Word {
    /// What kind of word it is, e.g. `verdict`.
    pub kind: &'static str,
    /// As it is printed.
    pub name: &'static str,
    /// What it means, in a few sentences.
    pub meaning: &'static str,
}

/// The word of this name, however its letters are written; of `length=u32be` that of `length`.
pub fn word(name: &str) -> Option<&'static Word> {
    let name = name.trim();
    let base = name.split(['=', '+', ' ']).next().unwrap_or(name);
    let called = |wanted: &str| {
        WORDS
            .iter()
            .find(|word| word.name.eq_ignore_ascii_case(wanted))
    };
    called(name)
        .or_else(|| called(base))
        .or_else(|| called(name.strip_suffix('s')?))
}

/// All words, those of one kind together.
pub const WORDS: &[Word] = &[
    Word {
        kind: "verdict",
        name: "match",
        meaning: "All that could be compared is equal: the file sent, the bytes on the wire and the file received (as far as files were given), byte for byte, or pixel for pixel where pixels were asked for. Exit code 0.",
    },
    Word {
        kind: "verdict",
        name: "unverified",
        meaning: "The picture is whole on the wire, and there was nothing to compare it with, or no file among those given belongs to it. Give files with --sent and --received. verify and check exit 1; capture and demo 0 where no file was given.",
    },
    Word {
        kind: "verdict",
        name: "mismatch",
        meaning: "Compared and different. The report says between which two of the three (sender and wire, wire and receiver), at which byte, in which chunk and frames. Exit code 1.",
    },
    Word {
        kind: "verdict",
        name: "incomplete",
        meaning: "The picture never came whole over the wire: its sender closed early, the connection was reset, or datagrams were lost. Exit code 1.",
    },
    Word {
        kind: "verdict",
        name: "inconclusive",
        meaning: "The capture lacks something that would tell: the kernel dropped frames, the snap length cut them, the file is cut short, the capture started late or was filtered, or frames could not be decoded. Nobody is accused; capture again. Exit code 3.",
    },
    Word {
        kind: "certainty",
        name: "proven",
        meaning: "The frames named show it, and nothing else explains them.",
    },
    Word {
        kind: "certainty",
        name: "likely",
        meaning: "The frames fit it better than anything else, and do not prove it.",
    },
    Word {
        kind: "certainty",
        name: "risk",
        meaning: "It went well this time, and need not the next: what the program relies on is not promised by TCP or UDP.",
    },
    Word {
        kind: "severity",
        name: "error",
        meaning: "A finding of something that did not work: a picture that was lost, changed or never answered. A run with one exits 1.",
    },
    Word {
        kind: "severity",
        name: "warning",
        meaning: "A finding of something that may explain trouble, or cause it another day.",
    },
    Word {
        kind: "severity",
        name: "note",
        meaning: "A finding that is worth knowing, while nothing is wrong; or one that only follows from another of the same connection.",
    },
    Word {
        kind: "confidence",
        name: "given",
        meaning: "The wire format was named by the user (--protocol, --layout): what is said of it can be proven.",
    },
    Word {
        kind: "confidence",
        name: "confirmed",
        meaning: "The wire format was found out, and the bytes confirmed it more than once: what is said of it can be proven.",
    },
    Word {
        kind: "confidence",
        name: "guess",
        meaning: "The wire format was found out from little, such as the port alone. It explains, and proves nothing.",
    },
    Word {
        kind: "word",
        name: "blame",
        meaning: "Whose doing a difference is: the sender's, the network's, the capture's, the receiver's, or nobody's (padding that the format has). Only what the bytes show is said.",
    },
    Word {
        kind: "word",
        name: "sender",
        meaning: "The program that hands a picture to its socket. As blame: the bytes were different when they came onto the wire.",
    },
    Word {
        kind: "word",
        name: "receiver",
        meaning: "The program that takes a picture from its socket. As blame: the bytes went over the wire as they were sent, and were saved otherwise.",
    },
    Word {
        kind: "word",
        name: "network",
        meaning: "What lies between the two systems. As blame: bytes left the sender and were never acknowledged, or came damaged.",
    },
    Word {
        kind: "word",
        name: "capture",
        meaning: "The frames that were recorded. As blame: it lacks what would tell; no program and no network is accused.",
    },
    Word {
        kind: "word",
        name: "nobody",
        meaning: "As blame: a difference that the format itself makes, such as padding.",
    },
    Word {
        kind: "word",
        name: "worker",
        meaning: "A program that connects to a pipeline's server, is sent part of a picture and answers with the result.",
    },
    Word {
        kind: "word",
        name: "initiator",
        meaning: "The side of a stream that connected, or sent the first datagram.",
    },
    Word {
        kind: "word",
        name: "coverage",
        meaning: "What a capture can know and what it lacks: dropped or undecoded frames, late starts, missing sides, gaps. \"Nothing missing from the capture\" is said only where that is so.",
    },
    Word {
        kind: "word",
        name: "segment",
        meaning: "What TCP carries in one packet. Where a segment ends says nothing about what one recv() returns.",
    },
    Word {
        kind: "word",
        name: "datagram",
        meaning: "What UDP carries: handed over, lost, doubled or overtaken as a whole.",
    },
    Word {
        kind: "word",
        name: "whole",
        meaning: "All bytes of the picture were on the wire, to the end that its structure or its wire format gives. Nothing is said by it about a file.",
    },
    Word {
        kind: "word",
        name: "folded",
        meaning: "Streams and pictures that are only summed up, because the memory for accounts (--max-memory) was taken.",
    },
    Word {
        kind: "word",
        name: "converted",
        meaning: "The picture travelled in another form (Base64, hexadecimal digits, gzip, a mask, line ends) and is compared as what it was before.",
    },
    Word {
        kind: "word",
        name: "aside",
        meaning: "A file among those given that is plainly no picture (a text, a program, a capture): told of, and not compared.",
    },
    Word {
        kind: "word",
        name: "frame",
        meaning: "One captured packet, numbered from 1 as Wireshark does (frame.number).",
    },
    Word {
        kind: "word",
        name: "stream",
        meaning: "One TCP connection or UDP 5-tuple, numbered from 0 in the order of first frames. Two tenants of a tunnel or VLAN with the same addresses are two.",
    },
    Word {
        kind: "word",
        name: "direction",
        meaning: "One half of a stream: from one sender to one receiver.",
    },
    Word {
        kind: "word",
        name: "picture",
        meaning: "One image moved in one direction; image in options and JSON.",
    },
    Word {
        kind: "word",
        name: "chunk",
        meaning: "The unit in which the sending program hands bytes to its socket: 1024 or 2048 bytes, a row of pixels, a datagram. Chunk k covers the picture's bytes from k times the size on. Where nobody says the size (--chunk), it is the wire format's habit or a guess from the packets, and the report says which.",
    },
    Word {
        kind: "word",
        name: "gap",
        meaning: "Bytes of a stream that the capture lacks. It is never filled: it stays a range with a cause. A gap in the capture is no loss on the network.",
    },
    Word {
        kind: "word",
        name: "repeats",
        meaning: "Bytes seen again (duplicate_bytes): TCP sent them again, or the capture saw a frame twice. Payload = unique + duplicate.",
    },
    Word {
        kind: "word",
        name: "ledger",
        meaning: "JSON Lines that imgnet-server and imgnet-client write with --ledger: a line for each picture with addresses, wire format, bytes, digest, times and the size of every chunk handed over. The third witness beside capture and files.",
    },
    Word {
        kind: "word",
        name: "framing",
        meaning: "Bytes of a stream that belong to no picture but to the wire format: markers, lengths, headers, names.",
    },
    Word {
        kind: "word",
        name: "answer",
        meaning: "Bytes that the receiver sends back about a picture: OK, an HTTP status, a text.",
    },
    Word {
        kind: "word",
        name: "stray",
        meaning: "Bytes of a stream that are neither picture nor framing nor answer.",
    },
    Word {
        kind: "word",
        name: "digest",
        meaning: "SHA-256 of a picture's bytes, or what --digest asks for. Equal digests are equal bytes.",
    },
    Word {
        kind: "word",
        name: "wire format",
        meaning: "How a program frames pictures on a socket: by a marker, by closing, by a length. Found out from ports and bytes, or given with --protocol PORT=FORMAT. A guessed format explains; it proves nothing and accuses nobody.",
    },
    Word {
        kind: "cause of a gap",
        name: "not-captured",
        meaning: "The receiver acknowledged the bytes: they were delivered, and the capture lacks them.",
    },
    Word {
        kind: "cause of a gap",
        name: "never-acknowledged",
        meaning: "Nobody acknowledged the bytes: lost on the way, or the capture ended before.",
    },
    Word {
        kind: "cause of a gap",
        name: "snap-length",
        meaning: "The frame was captured, and its end cut off by the snap length. Capture whole frames: tcpdump -s 0.",
    },
    Word {
        kind: "cause of a gap",
        name: "limit",
        meaning: "A limit of imgnet was reached (--limit-…), and what waited was given up.",
    },
    Word {
        kind: "cause of a gap",
        name: "unknown",
        meaning: "Cannot be told: the other direction, with its acknowledgments, was not captured.",
    },
    Word {
        kind: "reason not to decode a frame",
        name: "unknown-link-type",
        meaning: "The interface's link type is none that imgnet decodes (docs/report.md lists them).",
    },
    Word {
        kind: "reason not to decode a frame",
        name: "not-ip",
        meaning: "Neither IPv4 nor IPv6: ARP, LLDP, spanning tree, beacons. Carries no picture.",
    },
    Word {
        kind: "reason not to decode a frame",
        name: "not-tcp-or-udp",
        meaning: "IP, but neither TCP nor UDP: ICMP, IGMP, SCTP.",
    },
    Word {
        kind: "reason not to decode a frame",
        name: "headers-cut",
        meaning: "So little of the frame was captured that its headers are not whole.",
    },
    Word {
        kind: "reason not to decode a frame",
        name: "malformed",
        meaning: "Headers whose own lengths contradict each other.",
    },
    Word {
        kind: "reason not to decode a frame",
        name: "tunnel",
        meaning: "Inside another network's header that imgnet does not open. What is in it is unknown.",
    },
    Word {
        kind: "reason not to decode a frame",
        name: "encrypted",
        meaning: "Encrypted below IP's payload: ESP, MACsec, protected 802.11. What is in it is unknown.",
    },
    Word {
        kind: "reason not to decode a frame",
        name: "link-fragment",
        meaning: "A part of a packet that the link layer cut, or several packets in one frame (802.11).",
    },
    Word {
        kind: "reason not to decode a frame",
        name: "bad-fragment",
        meaning: "An IP fragment that cannot be one, or whose datagram contradicts itself or is past a limit.",
    },
    Word {
        kind: "reason not to decode a frame",
        name: "fragment-cut",
        meaning: "An IP fragment whose datagram cannot be put together because the snap length cut one.",
    },
    Word {
        kind: "wire format",
        name: "marker",
        meaning: "Picture bytes, then an end marker: %IMAGE_COMPLETED% unless marker=TEXT says another. Weak: the marker may stand in a picture, and TCP delivers it in any pieces.",
    },
    Word {
        kind: "wire format",
        name: "eof",
        meaning: "One picture a connection; the sender closes when it is done. An early close looks like an end: only the picture's own structure tells.",
    },
    Word {
        kind: "wire format",
        name: "half-close",
        meaning: "As eof, and the receiver answers after the sender shut its half down.",
    },
    Word {
        kind: "wire format",
        name: "catalog",
        meaning: "The client sends a number or a name, the server a picture and closes.",
    },
    Word {
        kind: "wire format",
        name: "raw-pixels",
        meaning: "Rows of BGR pixels with no header at all; the width has to be known (raw-pixels=WIDTH).",
    },
    Word {
        kind: "wire format",
        name: "udp",
        meaning: "A picture cut into datagrams with no numbers; an empty datagram or a pause ends it. What is lost or out of order cannot be told by the receiver.",
    },
    Word {
        kind: "wire format",
        name: "udp-jpeg",
        meaning: "A whole picture in each datagram.",
    },
    Word {
        kind: "wire format",
        name: "udp-index",
        meaning: "Datagrams with a header that numbers them (udp-index=HEADER names which).",
    },
    Word {
        kind: "wire format",
        name: "udp-count",
        meaning: "The number of datagrams in text, then so many datagrams.",
    },
    Word {
        kind: "wire format",
        name: "length",
        meaning: "A length field before each picture: u16, u32 or u64, big- or little-endian, or ASCII digits of a fixed width (length=u32be, length=ascii16).",
    },
    Word {
        kind: "wire format",
        name: "size-handshake",
        meaning: "SIZE n in text, an answer, the picture, an answer; size-handshake=bare sends the number alone.",
    },
    Word {
        kind: "wire format",
        name: "name-size-marker",
        meaning: "Name, size and picture one after the other, then <END>: fields that nothing keeps apart.",
    },
    Word {
        kind: "wire format",
        name: "pickled",
        meaning: "A pickled Python object that holds the picture, mostly behind a length. imgnet walks it and never builds it.",
    },
    Word {
        kind: "wire format",
        name: "base64",
        meaning: "The picture as base64 text, by lines or behind a length.",
    },
    Word {
        kind: "wire format",
        name: "http",
        meaning: "HTTP/1.1: bodies that are pictures, in responses and uploads, chunked and compressed ones too.",
    },
    Word {
        kind: "wire format",
        name: "zmtp",
        meaning: "ZeroMQ's protocol (ZMTP 3): pictures as parts of messages.",
    },
    Word {
        kind: "wire format",
        name: "framed",
        meaning: "imgnet's own format: a header with length and SHA-256, over TCP, or over UDP with requests for what is lost.",
    },
    Word {
        kind: "wire format",
        name: "layout",
        meaning: "A framing of your own, described in one line: fields, lengths, markers, and where the picture stands (docs/layouts.md). imgnet layout CAPTURE says the line that the bytes show.",
    },
    Word {
        kind: "wire format",
        name: "mqtt",
        meaning: "MQTT 3.1.1 and 5: each PUBLISH packet whose payload is a picture; topic, packet identifier and properties are framing.",
    },
    Word {
        kind: "wire format",
        name: "websocket",
        meaning: "WebSocket frames without the HTTP upgrade before them: it was not captured, or left out.",
    },
    Word {
        kind: "wire format",
        name: "http2",
        meaning: "HTTP/2 in clear text, with gRPC's messages in its DATA frames or without.",
    },
    Word {
        kind: "wire format",
        name: "smtp",
        meaning: "Mail on its way (SMTP): attachments in Base64 are pictures.",
    },
    Word {
        kind: "wire format",
        name: "java-objects",
        meaning: "What Java's ObjectOutputStream writes: blocks and arrays, with their heads between the picture's pieces.",
    },
    Word {
        kind: "wire format",
        name: "tftp",
        meaning: "A file in numbered blocks over UDP, each acknowledged.",
    },
    Word {
        kind: "wire format",
        name: "rtp-jpeg",
        meaning: "JPEG frames in RTP packets (RFC 2435): the file's headers and tables are not sent, and made again.",
    },
    Word {
        kind: "wire format",
        name: "gzip",
        meaning: "The picture compressed as a whole (RFC 1952).",
    },
    Word {
        kind: "wire format",
        name: "zlib",
        meaning: "The picture compressed as a whole (RFC 1950; Python's zlib.compress).",
    },
    Word {
        kind: "wire format",
        name: "deflate",
        meaning: "The picture compressed as a whole, without a header (RFC 1951).",
    },
    Word {
        kind: "wire format",
        name: "hex",
        meaning: "The picture as hexadecimal digits.",
    },
    Word {
        kind: "wire format",
        name: "carve",
        meaning: "No format was recognised: pictures are cut out of the stream where their own structure begins and ends.",
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Verdict;
    use crate::reassembly::GapCause;
    use crate::wire::Protocol;

    #[test]
    fn every_word_that_is_printed_is_known() {
        for name in Protocol::NAMES {
            let base = name.split(['=', '+', ' ']).next().unwrap();
            assert!(word(name).is_some(), "{name}");
            assert_eq!(word(base).unwrap().kind, "wire format", "{name}");
        }
        let printed = |value: serde_json::Value| value.as_str().unwrap().to_owned();
        for verdict in [
            Verdict::Match,
            Verdict::Unverified,
            Verdict::Inconclusive,
            Verdict::Incomplete,
            Verdict::Mismatch,
        ] {
            let name = printed(serde_json::to_value(verdict).unwrap());
            assert_eq!(word(&name).unwrap().kind, "verdict", "{name}");
        }
        for cause in [
            GapCause::NotCaptured,
            GapCause::NeverAcknowledged,
            GapCause::SnapLength,
            GapCause::Limit,
            GapCause::Unknown,
        ] {
            let name = printed(serde_json::to_value(cause).unwrap());
            assert_eq!(word(&name).unwrap().kind, "cause of a gap", "{name}");
        }
        for skip in crate::decode::Skip::ALL {
            let known = word(skip.name()).unwrap();
            assert_eq!(known.kind, "reason not to decode a frame", "{skip:?}");
        }
        for name in [
            "chunk",
            "Chunks",
            "gap",
            "gaps",
            "carve",
            "length=u32be",
            "marker=<END>",
        ] {
            assert!(word(name).is_some(), "{name}");
        }
        assert_eq!(word("xyzzy"), None);
    }
}
