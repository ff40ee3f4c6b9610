//! Streams told apart: the key of a TCP connection or UDP 5-tuple, its directions, and a table with limits.
//!
//! This room knows addresses and ports. It keeps whatever its user stores per stream and never looks inside.

pub mod key;
pub mod table;

pub use key::FlowKey;
pub use table::Table;
