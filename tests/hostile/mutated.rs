//! Ten thousand damaged captures, each through the whole pipeline: bits flipped, ends cut off, records repeated,
//! swapped and lost. Nothing panics, the counts add up all the same, and memory does not grow with what is broken.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a helper of a test reads files, and may fail as the test may"
)]

use crate::fuzz;
use crate::support;

use std::ops::Range;
use std::path::Path;

/// Captures are cut to so many bytes, so that ten thousand of them take seconds.
const MOST_BYTES: usize = 24_000;

/// A deterministic generator (xorshift64*): the same seeds make the same captures.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let wide = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(wide).unwrap_or(0) % sides.max(1)
    }
}

/// The records of a little-endian pcap file, as ranges of its bytes.
fn records(file: &[u8]) -> Vec<Range<usize>> {
    let mut records = Vec::new();
    let mut at = 24;
    while let Some(header) = file.get(at..at + 16) {
        let length = [header[8], header[9], header[10], header[11]];
        let end = at + 16 + u32::from_le_bytes(length) as usize;
        if end > file.len() {
            break;
        }
        records.push(at..end);
        at = end;
    }
    records
}

/// One damaged copy.
fn damage(file: &[u8], dice: &mut Dice) -> Vec<u8> {
    let records = records(file);
    let mut damaged = file.to_vec();
    if file.is_empty() {
        return damaged;
    }
    let kind = dice.roll(6);
    if kind <= 1 || records.len() < 2 {
        for _ in 0..=dice.roll(24) {
            // Half of them where headers are.
            let at = if kind == 0 || records.is_empty() {
                dice.roll(damaged.len())
            } else {
                let record = &records[dice.roll(records.len())];
                (record.start + dice.roll(16 + 14 + 20 + 32)).min(damaged.len() - 1)
            };
            damaged[at] ^= 1 << dice.roll(8);
        }
        return damaged;
    }
    let one = records[dice.roll(records.len())].clone();
    let other = records[dice.roll(records.len())].clone();
    match kind {
        2 => damaged.truncate(dice.roll(file.len())),
        3 => {
            let copy = file[one].to_vec();
            for _ in 0..=dice.roll(4) {
                damaged.splice(other.start..other.start, copy.iter().copied());
            }
        }
        4 => {
            damaged.drain(one);
        }
        _ => {
            let (first, second) = if one.start < other.start {
                (one, other)
            } else {
                (other, one)
            };
            if first != second {
                damaged = [
                    &file[..first.start],
                    &file[second.clone()],
                    &file[first.end..second.start],
                    &file[first],
                    &file[second.end..],
                ]
                .concat();
            }
        }
    }
    damaged
}

fn inputs() -> Vec<(String, Vec<u8>)> {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/capture_file");
    let seeds = std::fs::read_dir(seeds)
        .expect("seeds")
        .map(|entry| entry.expect("a seed").path());
    let mut paths: Vec<_> = support::captures().into_iter().chain(seeds).collect();
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let mut bytes = std::fs::read(&path).expect("a capture");
            bytes.truncate(MOST_BYTES);
            (support::name(&path), bytes)
        })
        .collect()
}

fn run(seeds: Range<u64>) {
    let inputs = inputs();
    for seed in seeds {
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let (name, bytes) = &inputs[dice.roll(inputs.len())];
        let mut damaged = damage(bytes, &mut dice);
        for _ in 0..dice.roll(3) {
            damaged = damage(&damaged, &mut dice);
        }
        let outcome = std::panic::catch_unwind(|| fuzz::analyze(&damaged));
        assert!(outcome.is_ok(), "seed {seed}, made of {name}");
    }
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let peak: u64 = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|value| value.split_whitespace().next())
        .and_then(|value| value.parse().ok())
        .expect("a peak in KiB");
    assert!(peak < 256 * 1024, "memory peaked at {peak} KiB");
}

// Four tests, so that they share the cores.

#[test]
fn damaged_captures_1() {
    run(0..2500);
}

#[test]
fn damaged_captures_2() {
    run(2500..5000);
}

#[test]
fn damaged_captures_3() {
    run(5000..7500);
}

#[test]
fn damaged_captures_4() {
    run(7500..10_000);
}
