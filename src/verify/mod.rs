//! Sent = wire = received: the three-way comparison of a picture. Pure: it is given bytes and accounts, opens nothing.
//!
//! [`pair`] says which file belongs to which picture, [`picture`] compares what is there of the three and judges,
//! [`painting`] shows the damage. A gap is a range, never filled: bytes that were not captured are never called
//! different.

mod bytes;
mod findings;
mod judge;
mod likeness;
mod order;
pub mod painting;
mod pairing;
mod rows;
#[cfg(test)]
mod tests;
pub mod thumbnail;
mod wire;

pub use judge::{Asked, Outcome, Subject, Thresholds, Work, picture};
pub use order::natural;
pub use pairing::{Candidate, Closeness, FileFacts, LedgerLine, Pairs, Wanted, closeness, pair};
pub use wire::{Run, Wire};
