//! imgnet-client: see the crate documentation.

fn main() {}
