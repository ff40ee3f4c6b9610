//! Sent = wire = received: the three-way comparison of a picture. Pure: it is given bytes and accounts, opens nothing.
//!
//! [`pair`] says which file belongs to which picture, [`picture`] compares what is there of the three and judges,
//! [`painting`] shows the damage. A gap is a range, never filled: bytes that were not captured are never called
//! different.

mod bytes;
mod findings;
mod judge;
mod likeness;
mod model;
mod order;
pub mod painting;
mod pairing;
mod rows;
#[cfg(test)]
mod tests;
mod wire;

pub use judge::{Asked, Outcome, Subject, Thresholds, Work, is_raw, picture};
pub use model::{
    Blame, Blamed, Comparison, FileFacts, Given, Level, Mismatch, PairedBy, Pixels, Rows, RowsBy,
    Side, SideOfMismatch, UnpairedFile, Verification,
};
pub use order::natural;
pub use pairing::{Candidate, Closeness, LedgerLine, Pairs, Wanted, closeness, pair};
pub use wire::{Run, Wire};
