//! imgnet: did the picture I sent over a socket arrive, byte for byte?
//!
//! The way bytes go, on the reading side:
//!
//! ```text
//! source ─► decode ─► flow ─► reassembly ─► wire ─► picture ─► ledger ─► findings ─► verify ─► report
//! frames    segments  streams bytes+gaps   pictures structure  chunks    why         equal?    people, CI
//! ```
//!
//! On the sending side the same [`wire`] module encodes what [`transfer`] puts on its sockets.
//! [`analysis`] alone strings the reading steps together and pushes events to observers.
//! `docs/architecture.md` explains the house and its laws.

pub(crate) mod align;
pub mod analysis;
pub mod capture;
pub mod cli;
pub mod decode;
pub mod digest;
pub mod dissect;
pub mod expect;
pub mod findings;
pub mod flow;
pub mod frame;
pub mod imaging;
#[cfg(feature = "archive")]
pub(crate) mod lake;
pub mod ledger;
pub mod picture;
pub mod reassembly;
pub mod report;
pub mod source;
pub mod transfer;
pub mod units;
pub mod verify;
pub mod view;
pub mod wire;
