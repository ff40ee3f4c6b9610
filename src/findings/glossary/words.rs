//! Verdicts, severities, exit codes, and the nouns of a report.

use super::Word;

/// They, those of one kind together.
pub(super) const WORDS: &[Word] = &[
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
        name: "likely",
        meaning: "The wire format was worked out from one message, whose picture ended where the format says. It explains, and proves nothing.",
    },
    Word {
        kind: "confidence",
        name: "content",
        meaning: "The bytes speak for the wire format: a header, a marker, a picture where one has to be. What is said of it is likely, not proven.",
    },
    Word {
        kind: "confidence",
        name: "port-and-content",
        meaning: "Port and bytes speak for the wire format. What is said of it is likely, not proven.",
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
        name: "verdict",
        meaning: "What is said of a picture or a run: match, unverified, inconclusive, incomplete or mismatch. The run's is its worst picture's, in the order mismatch, incomplete, inconclusive, unverified, match.",
    },
    Word {
        kind: "word",
        name: "finding",
        meaning: "Something that went wrong or may go wrong, with a name, a severity, a certainty, the frames that show it, and how to fix it. imgnet explain lists all.",
    },
    Word {
        kind: "word",
        name: "severity",
        meaning: "How bad a finding is: error, warning or note.",
    },
    Word {
        kind: "word",
        name: "certainty",
        meaning: "How sure a finding is: proven, likely or risk.",
    },
    Word {
        kind: "word",
        name: "confidence",
        meaning: "How sure the wire format is: given, confirmed, port-and-content, content, likely or guess.",
    },
    Word {
        kind: "word",
        name: "exit code",
        meaning: "What a command tells the shell: 0 good, 1 not as it should be, 2 usage, input or output, 3 the capture lacks what would tell, 4 not allowed to capture.",
    },
    Word {
        kind: "word",
        name: "expectation",
        meaning: "What imgnet check wants to hold: a line of the file of --expect.",
    },
    Word {
        kind: "word",
        name: "map",
        meaning: "What each byte of a direction is: picture, framing, answer, stray or gap, in order.",
    },
    Word {
        kind: "word",
        name: "provenance",
        meaning: "The way from a byte back to the frames that carried it: every number in a report leads to frame numbers.",
    },
    Word {
        kind: "word",
        name: "retransmission",
        meaning: "A TCP segment whose bytes, all or some, had been seen before.",
    },
    Word {
        kind: "word",
        name: "conflict",
        meaning: "A repeat whose bytes differ from those that came first.",
    },
    Word {
        kind: "word",
        name: "server",
        meaning: "The side that was connected to.",
    },
    Word {
        kind: "word",
        name: "client",
        meaning: "The side that connected.",
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
        meaning: "Inside another network's header that imgnet does not open, or behind one that it does not know. What is in it is unknown.",
    },
    Word {
        kind: "reason not to decode a frame",
        name: "encrypted",
        meaning: "Encrypted below IP's payload, or a tunnel's: ESP, MACsec, WireGuard, protected 802.11. What is in it is unknown.",
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
        kind: "exit code",
        name: "0",
        meaning: "Equal. Of analyze and report: the input was read to its end, whatever it shows. Of capture and demo also: nothing was given to compare with, and nothing went wrong.",
    },
    Word {
        kind: "exit code",
        name: "1",
        meaning: "Not equal, never whole, or nothing to compare with; an error finding (a hang, a refused connection), fewer pictures than --images wants, or no packet at all.",
    },
    Word {
        kind: "exit code",
        name: "2",
        meaning: "Wrong usage, an input that cannot be read, or an output that cannot be written. What is wrong stands on standard error.",
    },
    Word {
        kind: "exit code",
        name: "3",
        meaning: "The capture lacks what would tell, or a file is cut short or damaged. What could be read is reported.",
    },
    Word {
        kind: "exit code",
        name: "4",
        meaning: "Not allowed to capture. imgnet doctor gives the command that changes it.",
    },
];
