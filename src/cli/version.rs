//! `--version`: which imgnet this is, and what it is made of.

use clap::Command;

/// What the file of a libpcap is called before its version.
const LIBPCAP: &str = "libpcap.so.";

/// The command with `--version` that says commit, libpcap and features.
pub(super) fn told_by(command: Command) -> Command {
    // Once in the life of a process.
    command.version(&*Box::leak(version().into_boxed_str()))
}

fn version() -> String {
    let commit = match option_env!("IMGNET_COMMIT") {
        Some(commit) => format!("commit {commit}"),
        None if cfg!(debug_assertions) => "built for development".to_owned(),
        None => "of an unknown commit".to_owned(),
    };
    let libpcap = match libpcap() {
        Some(version) => format!("libpcap {version}"),
        None => "libpcap built in".to_owned(),
    };
    format!(
        "{} ({commit}, {libpcap}; features: {})",
        env!("CARGO_PKG_VERSION"),
        features()
    )
}

/// Optional parts that are built in.
fn features() -> &'static str {
    if cfg!(feature = "cloud") {
        "archive, cloud"
    } else if cfg!(feature = "archive") {
        "archive"
    } else {
        "none"
    }
}

/// Version of the libpcap in use: the name of the mapped file holds it.
fn libpcap() -> Option<String> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let path = maps
        .lines()
        .filter_map(|line| line.split_ascii_whitespace().nth(5))
        .find(|path| path.contains(LIBPCAP))?;
    let real = std::fs::canonicalize(path).ok()?;
    let name = real.file_name()?.to_string_lossy().into_owned();
    name.strip_prefix(LIBPCAP).map(str::to_owned)
}
