//! Streams told apart: the key of a TCP connection or UDP 5-tuple, its directions, and a table with limits.
//!
//! This room knows addresses and ports. It keeps whatever its user stores per stream and never looks inside.

pub mod key;
pub mod pair;
pub mod table;

pub use key::{FlowKey, TransportKind};
pub use pair::{Pair, Side};
pub use table::Table;
