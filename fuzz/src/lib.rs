//! What the fuzz targets do with their bytes. Each function panics when a law of imgnet does not hold.
//!
//! The functions know nothing of the fuzzer, so that `tests/hostile/fuzz_corpus.rs` runs the kept inputs through them
//! in every ordinary test run.

mod capture;
mod frame;
mod reassembly;
mod texts;
mod walker;
mod wire;
mod written;

pub use capture::{analyze, capture_file};
pub use frame::{expectations, frame};
pub use reassembly::reassembly;
pub use texts::texts;
pub use walker::picture_walker;
pub use wire::wire_decoder;
pub use written::{catalog_file, pcapng_writer};

/// A small deterministic generator (xorshift), seeded by the input, that chooses where bytes are split.
struct Splits(u32);

impl Splits {
    fn new(seed: u8) -> Self {
        Self(0x9E37_79B9 ^ u32::from(seed))
    }

    /// `bytes` in pieces of 1 to 64 bytes, of which most are short.
    fn of<'b>(&mut self, mut bytes: &'b [u8]) -> Vec<&'b [u8]> {
        let mut pieces = Vec::new();
        while !bytes.is_empty() {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 17;
            self.0 ^= self.0 << 5;
            let most = 1 << (self.0 % 7);
            let length = 1 + (self.0 >> 8) as usize % most;
            let (piece, rest) = bytes.split_at(length.min(bytes.len()));
            pieces.push(piece);
            bytes = rest;
        }
        pieces
    }
}
