//! Memory that the machine has free, and what follows from it.

use std::path::Path;
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
    [of_machine(), of_process(), of_group()]
        .into_iter()
        .flatten()
        .min()
}

/// What the machine has, programs that can be pushed aside included.
fn of_machine() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    kilobytes(&text, "MemAvailable:")
}

/// The bytes that a line of such a file says.
fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes.saturating_mul(1024))
}

/// What this process may still take (`ulimit -v`); absent where it may take all.
fn of_process() -> Option<u64> {
    let limit = rustix::process::getrlimit(rustix::process::Resource::As).current?;
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let taken = kilobytes(&text, "VmSize:")?;
    // Stacks of threads, maps of files and the allocator's own reserves are counted there, too.
    Some(limit.saturating_sub(taken) / 2)
}

/// What the control groups leave of this process: those of a container or a service; absent where they set no limit.
fn of_group() -> Option<u64> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    free_of_groups(&groups, |path| {
        std::fs::read_to_string(Path::new("/sys/fs/cgroup").join(path)).ok()
    })
}

/// The least that a group, or one above it, leaves; `read` gives what is in a file.
fn free_of_groups(groups: &str, read: impl Fn(&Path) -> Option<String>) -> Option<u64> {
    let number = |path: &Path| read(path)?.trim().parse::<u64>().ok();
    let mut least: Option<u64> = None;
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':');
        let (Some(_), Some(kind), Some(path)) = (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        let (root, most, used) = match kind {
            "" => ("", "memory.max", "memory.current"),
            kind if kind.split(',').any(|kind| kind == "memory") => {
                ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes")
            }
            _ => continue,
        };
        for group in Path::new(path.trim_start_matches('/')).ancestors() {
            let folder = Path::new(root).join(group);
            // "max" is no number, and sets no limit.
            let Some(most) = number(&folder.join(most)) else {
                continue;
            };
            let used = number(&folder.join(used)).unwrap_or(0);
            // What is only kept of files is given up where memory is wanted.
            let stat = read(&folder.join("memory.stat")).unwrap_or_default();
            let files: u64 = stat
                .lines()
                .filter_map(|line| {
                    let (name, number) = line.split_once(' ')?;
                    let file = ["active_file", "inactive_file"].contains(&name);
                    file.then(|| number.parse::<u64>().ok())?
                })
                .sum();
            let left = most.saturating_sub(used.saturating_sub(files));
            least = Some(least.map_or(left, |least| least.min(left)));
        }
    }
    least
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::free_of_groups;

    #[test]
    fn the_tightest_group_counts() {
        let files = [
            ("a/b/memory.max", "1000"),
            ("a/b/memory.current", "400"),
            ("a/memory.max", "700"),
            ("a/memory.current", "600"),
            (
                "a/memory.stat",
                "anon 5\nactive_file 20\ninactive_file 80\n",
            ),
            ("memory.max", "max"),
            ("memory/x/memory.limit_in_bytes", "900"),
        ];
        let read = |path: &Path| {
            let found = files.iter().find(|(name, _)| Path::new(name) == path);
            found.map(|(_, text)| (*text).to_owned())
        };
        assert_eq!(free_of_groups("0::/a/b\n", read), Some(200));
        assert_eq!(free_of_groups("4:cpu,memory:/x\n0::/\n", read), Some(900));
        assert_eq!(free_of_groups("0::/other\n1:name=systemd:/a\n", read), None);
    }
}
