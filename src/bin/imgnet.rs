//! imgnet: see the crate documentation.

fn main() {}
