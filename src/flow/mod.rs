//! Streams told apart: the key of a TCP connection or UDP 5-tuple, its directions, and a table with limits.
//!
//! This room knows addresses and ports. It keeps whatever its user stores per stream and never looks inside.

pub(crate) mod key;
pub(crate) mod pair;
pub(crate) mod table;

pub(crate) use key::FlowKey;
pub use key::TransportKind;
pub(crate) use pair::{Pair, Side};
pub(crate) use table::Table;
