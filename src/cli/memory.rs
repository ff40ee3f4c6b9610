//! Memory that the machine has free, and what follows from it.

use std::sync::OnceLock;

/// Bytes of the kernel's ring unless `--buffer` says otherwise: a sixty-fourth of the memory that is free, for it is
/// not swapped, and between 32 and 512 MiB: where loopback moves 20 Gbit/s, less than 256 MiB loses frames when
/// nobody holds the sender.
pub(in crate::cli) fn ring_bytes() -> u64 {
    free_memory().map_or(64 << 20, |free| {
        (free / 64).clamp(32 << 20, 512 << 20) & !((1 << 20) - 1)
    })
}

/// Memory that is free when it is first asked for, in bytes; absent where the system does not say. A process asks before it is
/// confined, and may not afterwards.
pub(in crate::cli) fn free_memory() -> Option<u64> {
    static FREE: OnceLock<Option<u64>> = OnceLock::new();
    *FREE.get_or_init(read_free_memory)
}

fn read_free_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes.saturating_mul(1024))
}
