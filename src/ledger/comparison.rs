//! What a comparison found, in the report's own words: `images[].compared` and `verification` of the JSON.

use serde::{Deserialize, Serialize};

use crate::units::{FrameNumber, PictureId};

/// How much has to be equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Every byte.
    Bytes,
    /// Every decoded pixel.
    Pixels,
    /// Decoded pixels nearly, by PSNR and SSIM.
    Similar,
}

/// How it was found out that a file belongs to a picture; from strong to weak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PairedBy {
    /// Their SHA-256 are equal.
    Digest,
    /// A line of the ledger names file and connection.
    Ledger,
    /// Of all files it has the most bytes in common.
    Closest,
    /// Its place among the files left, and its size in bytes or pixels.
    OrderAndSize,
    /// It is called as the file sent, and holds nothing but its first bytes.
    Name,
}

/// One picture's comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// How much had to be equal.
    pub level: Level,
    /// The sender's file; absent where none was found.
    pub sent: Option<Side>,
    /// The receiver's file; absent where none was found.
    pub received: Option<Side>,
    /// Whether the two files are equal, whatever the wire shows; absent unless both are there.
    pub sent_equals_received: Option<bool>,
    /// The difference that decides the verdict; absent where none was found.
    pub mismatch: Option<Mismatch>,
    /// The other difference, where both sides differ from the wire.
    pub also: Option<Mismatch>,
    /// Whose side it is; absent where nothing is wrong.
    pub blame: Option<Blame>,
    /// How the picture's bytes were converted on the wire, in words: `compressed (gzip)`, `as hex digits`; absent where they went as
    /// they are, or where the wire format says it.
    #[serde(default)]
    pub converted: Option<String>,
    /// What differs may be no more than urgent bytes (`MSG_OOB`), which a program reads in the stream or apart from it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub urgent: bool,
}

/// One file against the wire.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Side {
    /// The file; absent where only a ledger tells of it.
    pub path: Option<String>,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: String,
    /// How it was found.
    pub pairing: PairedBy,
    /// Whether it is equal to the wire at the level asked for; absent where the capture lacks too much to tell.
    pub equal: Option<bool>,
    /// What was compared: of `raw-pixels` and at the higher levels pixels, else bytes.
    pub by: Level,
    /// Bytes of the wire that were compared.
    pub compared_bytes: u64,
    /// How the pixels compare; absent where they were not decoded.
    pub pixels: Option<Pixels>,
}

/// Decoded pixels of a file against those of the wire.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Pixels {
    /// Whether all are equal, and the sizes too.
    pub equal: bool,
    /// Pixels that differ in the area that both have.
    pub differing: u64,
    /// Column and row of the first.
    pub first_difference: Option<(u32, u32)>,
    /// Peak signal-to-noise ratio in dB; absent where it is infinite or sizes differ.
    pub psnr: Option<f64>,
    /// Structural similarity, at most 1; absent where sizes differ.
    pub ssim: Option<f64>,
}

/// Between which two of the three the difference lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SideOfMismatch {
    /// The file sent, and the wire.
    SenderToWire,
    /// The wire, and the file received.
    WireToReceiver,
    /// The two files; which side it is the capture lacks the bytes to tell.
    SenderToReceiver,
}

/// Where and how two of the three differ. Offsets are those of the picture: bytes from its start; rows of pixels of
/// `raw-pixels`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mismatch {
    /// Between which two.
    pub side: SideOfMismatch,
    /// First offset at which they differ, or at which the shorter ends; absent where only digests were compared.
    pub first_difference: Option<u64>,
    /// Bytes below both lengths that differ at the same offset; absent where only digests were compared.
    pub differing_bytes: Option<u64>,
    /// Length of what was expected.
    pub expected_bytes: u64,
    /// Length of what was found.
    pub actual_bytes: u64,
    /// What happened, where it has a name.
    pub damage: String,
    /// The chunks concerned, ascending, at most 64.
    pub chunks: Vec<u64>,
    /// How many there are.
    pub chunk_count: u64,
    /// Frames that carried the bytes concerned, at most 16. Where those were never sent, the last frame before.
    pub packets: Vec<FrameNumber>,
    /// How many there are.
    pub packet_count: u64,
    /// Offset of the first byte of the two excerpts; absent with them.
    pub context_offset: Option<u64>,
    /// Expected bytes around the first difference, in hex.
    pub expected_hex: Option<String>,
    /// Found bytes at the same offsets, in hex.
    pub actual_hex: Option<String>,
    /// Rows of pixels concerned; absent where they cannot be told.
    pub rows: Option<Rows>,
    /// File in the folder of `--damage` that shows it; absent where none was made.
    pub painting: Option<String>,
}

impl Mismatch {
    /// Of two digests: that they differ, and not where.
    pub fn by_digest(
        side: SideOfMismatch,
        expected_bytes: u64,
        actual_bytes: u64,
        damage: String,
    ) -> Self {
        Self {
            side,
            first_difference: None,
            differing_bytes: None,
            expected_bytes,
            actual_bytes,
            damage,
            chunks: Vec::new(),
            chunk_count: 0,
            packets: Vec::new(),
            packet_count: 0,
            context_offset: None,
            expected_hex: None,
            actual_hex: None,
            rows: None,
            painting: None,
        }
    }
}

/// Rows of pixels, from 0 at the top.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rows {
    /// The first row concerned.
    pub first: u32,
    /// Rows of the picture.
    pub of: u32,
    /// How it was found.
    pub by: RowsBy,
}

/// How the first row concerned was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RowsBy {
    /// Rows have a fixed length: raw pixels, BMP.
    Computed,
    /// The picture's data up to there was inflated: PNG.
    Inflated,
    /// The bytes before were decoded alone, and show the same picture down to it: baseline JPEG.
    DecodedPrefix,
    /// The same, but in a progressive or interlaced picture: rows above are coarser than they should be.
    Coarse,
}

/// On whose side it went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blame {
    /// Who.
    pub who: Blamed,
    /// Why, and where it cannot be told what would tell.
    pub why: String,
}

/// Who.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Blamed {
    /// The sending program.
    Sender,
    /// What lies between.
    Network,
    /// The capture: it lacks bytes.
    Capture,
    /// The receiving program.
    Receiver,
    /// Nobody did anything wrong.
    Nobody,
    /// Cannot be told from this capture.
    Unknown,
}

/// The comparison of a whole run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// How much had to be equal.
    pub level: Level,
    /// The sender's files and ledgers; absent where none were given.
    pub sent: Option<Given>,
    /// The receiver's files and ledgers; absent where none were given.
    pub received: Option<Given>,
    /// The folder of `--damage`; absent where not asked for.
    pub damage: Option<String>,
}

/// The files of one side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// How many there are.
    pub files: u64,
    /// Those that belong to no picture.
    pub unpaired: Vec<UnpairedFile>,
    /// How many lines the ledgers have of this side.
    pub ledger_lines: u64,
    /// How many of these belong to no picture.
    pub ledger_unpaired: u64,
}

/// A file that belongs to no picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnpairedFile {
    /// The file.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: String,
    /// It was named itself, not found in a folder: that it is on no wire is an error.
    pub named: bool,
    /// Why its absence says nothing of the run; absent where a file of that side was to be seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aside: Option<Aside>,
    /// The picture of which it holds most bytes, although another file is that picture: which of the two the receiver made of it
    /// nothing tells. Absent where it is like none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<PictureId>,
}

/// Why a file that belongs to no picture is none that was to be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Aside {
    /// It is no picture: a text, a program, a capture.
    NoPicture,
    /// It stands in a folder that was given for both sides.
    BothSides,
}

impl Aside {
    /// The same in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::NoPicture => "no picture",
            Self::BothSides => "in the folder of both sides",
        }
    }
}
