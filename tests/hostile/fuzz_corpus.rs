//! The kept inputs of the fuzz targets, under `fuzz/corpus`, through the very functions that are fuzzed.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a helper of a test reads files, and may fail as the test may"
)]

use crate::fuzz;

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

#[test]
fn texts() {
    run("texts", fuzz::texts);
}

#[test]
fn pcapng_writer() {
    run("pcapng_writer", fuzz::pcapng_writer);
}

#[test]
fn catalog_file() {
    run("catalog_file", fuzz::catalog_file);
}

/// The kept lines with a piece of another in them, a letter changed, or cut: all of them are read or refused.
#[test]
fn texts_that_are_mixed_and_damaged() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/texts");
    let lines: Vec<Vec<u8>> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| std::fs::read(entry.unwrap().path()).unwrap())
        .collect();
    let mut state = 7_u64;
    let mut below = |most: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap() % most.max(1)
    };
    for _ in 0..20_000 {
        let [one, other] = [0; 2].map(|_| lines.get(below(lines.len())).unwrap());
        let (cut, from) = (below(one.len()), below(other.len()));
        let length = below(12);
        let piece: Vec<u8> = other.iter().skip(from).take(length).copied().collect();
        let mut line = one.clone();
        let end = (cut + below(12)).min(line.len());
        line.splice(cut..end, piece);
        if below(4) == 0 {
            let at = below(line.len());
            if let Some(byte) = line.get_mut(at) {
                *byte ^= 1 << below(7);
            }
        }
        let outcome = std::panic::catch_unwind(|| fuzz::texts(&line));
        assert!(outcome.is_ok(), "{:?}", String::from_utf8_lossy(&line));
    }
}
