//! Columns of tables, and the words that stand in them and in the JSON.

use super::Word;

/// They, those of one kind together.
pub(super) const WORDS: &[Word] = &[
    Word {
        kind: "outcome of an expectation",
        name: "pass",
        meaning: "It holds.",
    },
    Word {
        kind: "outcome of an expectation",
        name: "fail",
        meaning: "It does not hold: expected and actual are shown. Exit code 1.",
    },
    Word {
        kind: "outcome of an expectation",
        name: "inconclusive",
        meaning: "The capture lacks what would tell whether it holds. Exit code 3.",
    },
    Word {
        kind: "what a packet carries",
        name: "picture",
        meaning: "Bytes of a picture.",
    },
    Word {
        kind: "what a packet carries",
        name: "framing",
        meaning: "Bytes of the wire format: a marker, a length, a header, a request.",
    },
    Word {
        kind: "what a packet carries",
        name: "answer",
        meaning: "Bytes that reply to a picture and are none.",
    },
    Word {
        kind: "what a packet carries",
        name: "stray",
        meaning: "Bytes that are neither picture nor framing nor answer.",
    },
    Word {
        kind: "what a packet carries",
        name: "gap",
        meaning: "Bytes that the capture lacks.",
    },
    Word {
        kind: "what a packet carries",
        name: "unknown",
        meaning: "Bytes of which nothing is known.",
    },
    Word {
        kind: "what a packet carries",
        name: "open",
        meaning: "No bytes: it opens the connection (SYN).",
    },
    Word {
        kind: "what a packet carries",
        name: "acknowledgment",
        meaning: "No bytes: it confirms what came.",
    },
    Word {
        kind: "what a packet carries",
        name: "close",
        meaning: "No bytes: it closes its direction (FIN).",
    },
    Word {
        kind: "what a packet carries",
        name: "reset",
        meaning: "It resets the connection (RST): what was under way is lost.",
    },
    Word {
        kind: "end of a direction",
        name: "fin",
        meaning: "Its sender closed it: all its bytes were handed over.",
    },
    Word {
        kind: "end of a direction",
        name: "reset",
        meaning: "Its sender reset the connection (RST): bytes that were under way are lost.",
    },
    Word {
        kind: "what is waited for",
        name: "end-of-stream",
        meaning: "The receiver has bytes, and only the end of the stream would tell it that these are all.",
    },
    Word {
        kind: "what is waited for",
        name: "rest",
        meaning: "The receiver has fewer bytes than were declared.",
    },
    Word {
        kind: "what is waited for",
        name: "answer-to-marker",
        meaning: "A program has a picture and its end marker, and sends nothing.",
    },
    Word {
        kind: "what is waited for",
        name: "answer-to-picture",
        meaning: "A program has a whole picture, and nothing follows from either side.",
    },
    Word {
        kind: "what is waited for",
        name: "room",
        meaning: "The receiver has no room (window 0): its program does not read.",
    },
    Word {
        kind: "what is waited for",
        name: "connection",
        meaning: "A program was asked to connect, and answers nothing.",
    },
    Word {
        kind: "what is waited for",
        name: "first-byte",
        meaning: "A connection is there, and neither side has sent a byte.",
    },
    Word {
        kind: "level of a comparison",
        name: "bytes",
        meaning: "Every byte has to be equal.",
    },
    Word {
        kind: "level of a comparison",
        name: "pixels",
        meaning: "Every decoded pixel has to be equal, in whatever file format.",
    },
    Word {
        kind: "level of a comparison",
        name: "similar",
        meaning: "The decoded pixels have to be nearly equal, by PSNR and SSIM: for a server that encodes anew.",
    },
    Word {
        kind: "way to find a file",
        name: "digest",
        meaning: "File and picture have the same SHA-256.",
    },
    Word {
        kind: "way to find a file",
        name: "ledger",
        meaning: "A line of a ledger names file and connection.",
    },
    Word {
        kind: "way to find a file",
        name: "closest",
        meaning: "Of all files it has the most bytes in common with the picture.",
    },
    Word {
        kind: "way to find a file",
        name: "order-and-size",
        meaning: "It has the picture's place among the files that are left, and its size.",
    },
    Word {
        kind: "way to find a file",
        name: "name",
        meaning: "It is called as the file sent, and holds nothing but that file's first bytes.",
    },
    Word {
        kind: "place of a difference",
        name: "sender-to-wire",
        meaning: "The file sent and the bytes on the wire differ: the sending program did it.",
    },
    Word {
        kind: "place of a difference",
        name: "wire-to-receiver",
        meaning: "The bytes on the wire and the file received differ: the receiving program did it.",
    },
    Word {
        kind: "place of a difference",
        name: "sender-to-receiver",
        meaning: "The two files differ, and the capture lacks the bytes that would tell on which side.",
    },
    Word {
        kind: "way to count rows",
        name: "computed",
        meaning: "Rows of pixels have a fixed length (raw pixels, BMP).",
    },
    Word {
        kind: "way to count rows",
        name: "inflated",
        meaning: "The data of the PNG up to the difference was decompressed.",
    },
    Word {
        kind: "way to count rows",
        name: "decoded-prefix",
        meaning: "The bytes before the difference were decoded alone, and show the same picture down to that row (baseline JPEG).",
    },
    Word {
        kind: "way to count rows",
        name: "coarse",
        meaning: "As decoded-prefix, in a progressive or interlaced picture: the rows above are coarser than they should be, too.",
    },
    Word {
        kind: "reason to pass over a file",
        name: "no-picture",
        meaning: "A file of the folder that is no picture: a text, a program, a capture.",
    },
    Word {
        kind: "reason to pass over a file",
        name: "both-sides",
        meaning: "It stands in a folder that was given for both sides.",
    },
    Word {
        kind: "whose doing",
        name: "sender",
        meaning: "The sending program's: the bytes were different when they came onto the wire.",
    },
    Word {
        kind: "whose doing",
        name: "network",
        meaning: "What lies between: bytes left the sender and were never acknowledged, or came damaged.",
    },
    Word {
        kind: "whose doing",
        name: "capture",
        meaning: "It lacks the bytes that would tell; no program and no network is accused.",
    },
    Word {
        kind: "whose doing",
        name: "receiver",
        meaning: "The receiving program's: the bytes went over the wire as they were sent, and were saved otherwise.",
    },
    Word {
        kind: "whose doing",
        name: "nobody",
        meaning: "Nobody did anything wrong: the format itself makes the difference, such as padding.",
    },
    Word {
        kind: "whose doing",
        name: "unknown",
        meaning: "The capture does not show whose doing a difference is; what would show it is said.",
    },
    Word {
        kind: "source of a chunk size",
        name: "given",
        meaning: "--chunk names it.",
    },
    Word {
        kind: "source of a chunk size",
        name: "format",
        meaning: "Programs of this wire format use it: 1,024 bytes for eof, 2,048 for marker, a row for raw-pixels.",
    },
    Word {
        kind: "source of a chunk size",
        name: "observed",
        meaning: "Most packets have this size: a guess.",
    },
    Word {
        kind: "condition in doctor",
        name: "good",
        meaning: "As it should be.",
    },
    Word {
        kind: "condition in doctor",
        name: "bad",
        meaning: "In the way of something that imgnet can do; the command that changes it follows.",
    },
    Word {
        kind: "condition in doctor",
        name: "without",
        meaning: "imgnet does without it, and nothing is lost.",
    },
    Word {
        kind: "condition in doctor",
        name: "unknown",
        meaning: "It cannot be found out here.",
    },
    Word {
        kind: "column",
        name: "#",
        meaning: "The number of the picture or stream, from 0.",
    },
    Word {
        kind: "column",
        name: "from → to",
        meaning: "Sender and receiver. A port alone belongs to the address before it.",
    },
    Word {
        kind: "column",
        name: "from -> to",
        meaning: "Sender and receiver. A port alone belongs to the address before it.",
    },
    Word {
        kind: "column",
        name: "kind",
        meaning: "Of a picture: file format and size in pixels. Of a region of the map: picture, framing, answer, stray or gap.",
    },
    Word {
        kind: "column",
        name: "bytes",
        meaning: "Length of the picture, chunk or region; of a capture, what was captured.",
    },
    Word {
        kind: "column",
        name: "packets",
        meaning: "Frames that carry at least one byte of it.",
    },
    Word {
        kind: "column",
        name: "frames",
        meaning: "Numbers of the first and the last frame, as Wireshark shows them.",
    },
    Word {
        kind: "column",
        name: "state",
        meaning: "The verdict in a word: match, whole (nothing to compare with), mismatch, incomplete, inconclusive.",
    },
    Word {
        kind: "column",
        name: "sent = wire = received",
        meaning: "Under the first = whether the file sent equals the bytes on the wire, under the second whether these equal the file received. ✔ equal, ✖ different, ? the capture lacks too much to tell, – nothing to compare with.",
    },
    Word {
        kind: "column",
        name: "sent=wire=rcvd",
        meaning: "sent = wire = received, where the terminal is narrow.",
    },
    Word {
        kind: "column",
        name: "server",
        meaning: "The side that was connected to.",
    },
    Word {
        kind: "column",
        name: "with data",
        meaning: "Frames that carry at least one byte of payload.",
    },
    Word {
        kind: "column",
        name: "wire bytes",
        meaning: "Lengths of the frames as they were on the wire, link headers included (Wireshark's frame.len).",
    },
    Word {
        kind: "column",
        name: "payload",
        meaning: "Bytes of TCP or UDP payload, repeats included.",
    },
    Word {
        kind: "column",
        name: "unique",
        meaning: "Payload bytes seen at least once: payload less repeats.",
    },
    Word {
        kind: "column",
        name: "out of order",
        meaning: "Frames whose payload came after later bytes and had not been seen.",
    },
    Word {
        kind: "column",
        name: "missing",
        meaning: "Bytes that the capture lacks.",
    },
    Word {
        kind: "column",
        name: "closed",
        meaning: "How the direction ended: fin or reset.",
    },
    Word {
        kind: "column",
        name: "what went",
        meaning: "The pictures, requests and answers of a direction, in order.",
    },
    Word {
        kind: "column",
        name: "right",
        meaning: "Whether what went is as it should be.",
    },
    Word {
        kind: "column",
        name: "offset",
        meaning: "Place of the first byte: in the picture (of chunks), or in the direction's bytes (of the map).",
    },
    Word {
        kind: "column",
        name: "repeated",
        meaning: "Bytes of the chunk that came more than once.",
    },
    Word {
        kind: "column",
        name: "began",
        meaning: "Time of the first frame, from the picture's first.",
    },
    Word {
        kind: "column",
        name: "took",
        meaning: "Time from the first frame to the last.",
    },
    Word {
        kind: "column",
        name: "what",
        meaning: "What the bytes are in particular: which part of the framing, what stray bytes look like, why bytes are missing.",
    },
    Word {
        kind: "state",
        name: "moving",
        meaning: "Live: bytes of the picture are still coming.",
    },
    Word {
        kind: "state",
        name: "waiting",
        meaning: "Live: nothing moves, and somebody waits for something; what it is follows.",
    },
];
