//! Wire formats, kinds of pictures and of capture files.

use std::sync::LazyLock;

use super::Word;
use crate::wire::Fixed;

/// The wire formats of the table, which say it themselves.
pub(super) static FIXED: LazyLock<Vec<Word>> = LazyLock::new(|| {
    let word = |format: &Fixed| Word {
        kind: "wire format",
        name: format.row().name,
        meaning: format.row().meaning,
    };
    Fixed::ALL.iter().map(word).collect()
});

/// They, those of one kind together.
pub(super) const WORDS: &[Word] = &[
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
        name: "udp-index",
        meaning: "Datagrams with a header that numbers them (udp-index=HEADER names which).",
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
        name: "layout",
        meaning: "A framing of your own, described in one line: fields, lengths, markers, and where the picture stands (docs/layouts.md). imgnet layout CAPTURE says the line that the bytes show.",
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
    Word {
        kind: "transport",
        name: "tcp",
        meaning: "A connection whose bytes come in order: what is lost is sent again.",
    },
    Word {
        kind: "transport",
        name: "udp",
        meaning: "Datagrams: each comes whole or not at all, and in any order.",
    },
    Word {
        kind: "kind of picture",
        name: "jpeg",
        meaning: "JPEG (ISO 10918): begins with FF D8, ends with FF D9.",
    },
    Word {
        kind: "kind of picture",
        name: "png",
        meaning: "PNG: begins with 89 50 4E 47, ends with the chunk IEND.",
    },
    Word {
        kind: "kind of picture",
        name: "gif",
        meaning: "GIF: begins with GIF87a or GIF89a, ends with 3B.",
    },
    Word {
        kind: "kind of picture",
        name: "webp",
        meaning: "WebP: a RIFF file, whose length stands in its first bytes.",
    },
    Word {
        kind: "kind of picture",
        name: "bmp",
        meaning: "BMP: begins with BM, and its length follows.",
    },
    Word {
        kind: "pixel",
        name: "bgr",
        meaning: "Blue, green, red, a byte each, as OpenCV has it.",
    },
    Word {
        kind: "pixel",
        name: "rgb",
        meaning: "Red, green, blue, a byte each.",
    },
    Word {
        kind: "pixel",
        name: "bgra",
        meaning: "Blue, green, red, opacity, a byte each.",
    },
    Word {
        kind: "pixel",
        name: "rgba",
        meaning: "Red, green, blue, opacity, a byte each.",
    },
    Word {
        kind: "pixel",
        name: "grey",
        meaning: "One byte of brightness.",
    },
    Word {
        kind: "pixel",
        name: "rgb565",
        meaning: "Red, green and blue in 16 bits.",
    },
    Word {
        kind: "pixel",
        name: "any",
        meaning: "The framing says how many channels a pixel has.",
    },
    Word {
        kind: "digest",
        name: "sha256",
        meaning: "SHA-256: equal digests mean equal bytes.",
    },
    Word {
        kind: "digest",
        name: "blake3",
        meaning: "BLAKE3: equal digests mean equal bytes; faster than SHA-256.",
    },
    Word {
        kind: "digest",
        name: "crc32",
        meaning: "CRC-32: shows accidents, and is no proof against intent.",
    },
    Word {
        kind: "capture file",
        name: "pcap",
        meaning: "The classic capture file format of tcpdump.",
    },
    Word {
        kind: "capture file",
        name: "pcapng",
        meaning: "The capture file format of Wireshark, with comments, interfaces and drop counts. imgnet writes it.",
    },
    Word {
        kind: "capture file",
        name: "snoop",
        meaning: "The capture file format of Solaris (RFC 1761).",
    },
    Word {
        kind: "capture file",
        name: "erf",
        meaning: "Endace's extensible record format.",
    },
];
