//! The kept inputs of the fuzz targets, under `fuzz/corpus`, through the very functions that are fuzzed.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a helper of a test reads files, and may fail as the test may"
)]

#[path = "../fuzz/src/lib.rs"]
#[expect(
    clippy::pedantic,
    clippy::expect_used,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "they are there to panic"
)]
mod fuzz;

use std::path::Path;

/// Runs every kept input of a target, and says which one failed.
fn run(target: &str, function: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target);
    let mut inputs = 0;
    for entry in std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{target}: {error}")) {
        let path = entry.unwrap().path();
        let input = std::fs::read(&path).unwrap();
        let outcome = std::panic::catch_unwind(|| function(&input));
        assert!(outcome.is_ok(), "{target} failed on {}", path.display());
        inputs += 1;
    }
    assert!(inputs > 0, "{target} has inputs");
}

#[test]
fn capture_file() {
    run("capture_file", fuzz::capture_file);
}

#[test]
fn analyze() {
    run("analyze", fuzz::analyze);
}

#[test]
fn wire_decoder() {
    run("wire_decoder", fuzz::wire_decoder);
}

#[test]
fn picture_walker() {
    run("picture_walker", fuzz::picture_walker);
}

#[test]
fn reassembly() {
    run("reassembly", fuzz::reassembly);
}

#[test]
fn frame() {
    run("frame", fuzz::frame);
}

#[test]
fn expectations() {
    run("expectations", fuzz::expectations);
}
