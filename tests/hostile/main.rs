//! Damaged captures and the kept inputs of the fuzz targets. Its memory is measured, so nothing else runs in it.

#[path = "../../fuzz/src/lib.rs"]
#[expect(
    clippy::disallowed_methods,
    clippy::pedantic,
    clippy::expect_used,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "they are there to panic"
)]
mod fuzz;
#[path = "../support/mod.rs"]
mod support;

mod fuzz_corpus;
mod mutated;
