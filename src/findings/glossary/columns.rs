//! Columns of the CSV tables that the JSON has under other names.

use super::Word;

pub(super) const WORDS: &[Word] = &[
    Word {
        kind: "column in CSV",
        name: "digest_algorithm",
        meaning: "Of the picture's other digest: blake3 or crc32, as --digest says; empty where SHA-256 is the one.",
    },
    Word {
        kind: "column in CSV",
        name: "sent_path",
        meaning: "The file of --sent that is the picture; empty where none is.",
    },
    Word {
        kind: "column in CSV",
        name: "sent_bytes",
        meaning: "Length of the file sent.",
    },
    Word {
        kind: "column in CSV",
        name: "sent_sha256",
        meaning: "SHA-256 of the file sent.",
    },
    Word {
        kind: "column in CSV",
        name: "sent_pairing",
        meaning: "How the file sent was found to be the picture: by digest, by a line of a ledger, as the one with the most bytes in common, or by order and size.",
    },
    Word {
        kind: "column in CSV",
        name: "sent_equal",
        meaning: "Whether the file sent equals the bytes on the wire; empty where the capture lacks too much to tell.",
    },
    Word {
        kind: "column in CSV",
        name: "received_path",
        meaning: "The file of --received that is the picture; empty where none is.",
    },
    Word {
        kind: "column in CSV",
        name: "received_bytes",
        meaning: "Length of the file received.",
    },
    Word {
        kind: "column in CSV",
        name: "received_sha256",
        meaning: "SHA-256 of the file received.",
    },
    Word {
        kind: "column in CSV",
        name: "received_pairing",
        meaning: "How the file received was found to be the picture: as for the file sent, or by the name of that.",
    },
    Word {
        kind: "column in CSV",
        name: "received_equal",
        meaning: "Whether the file received equals the bytes on the wire; empty where the capture lacks too much to tell.",
    },
];
