//! The kept inputs of the fuzz targets, under `fuzz/corpus`, through the very functions that are fuzzed.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a helper of a test reads files, may fail as the test may, and says how far it came"
)]

use crate::fuzz;

use std::path::Path;
use std::time::{Duration, Instant};

/// Damaged copies of each kept input that are run beside it. `IMGNET_FUZZ_SECONDS=60` goes on for so long instead, with other
/// ones each time: for a machine on which libFuzzer cannot be built.
const COPIES: u64 = 8;

/// Runs every kept input of a target and damaged copies of it, and says which one failed.
fn run(target: &str, function: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target);
    let mut inputs = Vec::new();
    for entry in std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{target}: {error}")) {
        let path = entry.unwrap().path();
        let input = std::fs::read(&path).unwrap();
        let outcome = std::panic::catch_unwind(|| function(&input));
        assert!(outcome.is_ok(), "{target} failed on {}", path.display());
        inputs.push(input);
    }
    assert!(!inputs.is_empty(), "{target} has inputs");
    inputs.sort();
    let seconds = std::env::var("IMGNET_FUZZ_SECONDS").ok();
    let seconds = seconds.map(|seconds| Duration::from_secs(seconds.parse().unwrap()));
    let begun = Instant::now();
    let mut dice = Dice(seconds.map_or(7, |_| u64::from(std::process::id())) << 8 | 1);
    let (mut runs, mut slowest) = (0, Duration::ZERO);
    let most = inputs.len() as u64 * COPIES;
    while seconds.map_or(runs < most, |seconds| begun.elapsed() < seconds) {
        let damaged = dice.damage(&inputs);
        let started = Instant::now();
        let outcome = std::panic::catch_unwind(|| function(&damaged));
        slowest = slowest.max(started.elapsed());
        if outcome.is_err() {
            let kept = std::env::temp_dir().join(format!("imgnet-{target}-{runs}"));
            std::fs::write(&kept, &damaged).unwrap();
            panic!("{target} failed on {}", kept.display());
        }
        runs += 1;
    }
    eprintln!("{target}: {runs} damaged inputs, the slowest took {slowest:?}");
}

/// The same numbers from the same seed (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % most.max(1)
    }

    fn one<'i>(&mut self, inputs: &'i [Vec<u8>]) -> &'i [u8] {
        inputs.get(self.below(inputs.len())).unwrap()
    }

    /// An input with bits turned, numbers that are limits, pieces of others, pieces twice and pieces gone.
    fn damage(&mut self, inputs: &[Vec<u8>]) -> Vec<u8> {
        const LIMITS: [u8; 8] = [0, 1, 0x7f, 0x80, 0xff, 0x20, 0x45, 0xfe];
        let mut bytes = self.one(inputs).to_vec();
        for _ in 0..=self.below(6) {
            let (at, length) = (self.below(bytes.len() + 1), 1 + self.below(16));
            let end = (at + length).min(bytes.len());
            match self.below(7) {
                0 | 1 => {
                    if let Some(byte) = bytes.get_mut(at) {
                        *byte ^= 1 << self.below(8);
                    }
                }
                2 => {
                    let value = LIMITS.get(self.below(LIMITS.len())).copied().unwrap();
                    let few = (at + 1 + self.below(4)).min(bytes.len());
                    bytes.get_mut(at..few).unwrap_or_default().fill(value);
                }
                3 => {
                    let other = self.one(inputs);
                    let from = self.below(other.len());
                    let piece: Vec<u8> =
                        other.iter().skip(from).take(length * 8).copied().collect();
                    bytes.splice(at..end, piece);
                }
                4 => {
                    let piece = bytes
                        .get(at..end)
                        .unwrap_or_default()
                        .repeat(1 + self.below(4));
                    bytes.splice(at..at, piece);
                }
                5 => drop(bytes.drain(at..end)),
                _ => {
                    if self.below(4) == 0 {
                        bytes.truncate(at);
                    }
                }
            }
        }
        bytes
    }
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
    let mut dice = Dice(7);
    let mut below = |most: usize| dice.below(most);
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
