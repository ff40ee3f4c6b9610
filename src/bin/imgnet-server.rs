//! imgnet-server: see the crate documentation.

fn main() {}
