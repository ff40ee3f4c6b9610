//! What the integration tests share: the captures, the report on one of them, and tshark.

#![allow(
    dead_code,
    reason = "every test file is a crate of its own and uses a part of this"
)]
#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test reads files and the environment, says when it skips, and may fail"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use sha2::{Digest, Sha256};

/// For whoever asks the tests to show what they print.
pub(crate) fn say(what: &str) {
    eprintln!("{what}");
}

/// The folder of the captures.
pub(crate) fn captures_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures")
}

/// Every capture file directly under `captures/`, sorted by name; fails when there is none.
pub(crate) fn captures() -> Vec<PathBuf> {
    captures_in(&captures_folder())
}

/// Every capture file directly in a folder, sorted by name; fails when there is none.
pub(crate) fn captures_in(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the folder can be listed")
        .map(|entry| entry.expect("an entry of the folder").path())
        .filter(|path| {
            let capture = |ext: &std::ffi::OsStr| ext == "pcap" || ext == "pcapng";
            path.is_file() && path.extension().is_some_and(capture)
        })
        .collect();
    found.sort();
    assert!(!found.is_empty(), "there are captures to test with");
    found
}

/// The file's name, to say which capture a failure is about.
pub(crate) fn name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// Runs `imgnet` with these arguments.
pub(crate) fn imgnet<S: AsRef<std::ffi::OsStr>>(arguments: &[S]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_imgnet"))
        .args(arguments)
        .output()
        .expect("imgnet starts")
}

/// The JSON report of `imgnet analyze` on a capture. Exit 3 (cut short) is taken too: it reports all the same.
pub(crate) fn report(capture: &Path) -> Value {
    let path = capture.to_str().expect("a capture's path is UTF-8");
    let output = imgnet(&["analyze", "--format", "json", path]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        matches!(output.status.code(), Some(0 | 3)),
        "imgnet analyze {path} ended with {}: {errors}",
        output.status
    );
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("imgnet analyze --format json {path} printed no JSON ({error}): {errors}")
    })
}

/// The members of an array in a report.
pub(crate) fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value
        .get(key)
        .and_then(Value::as_array)
        .map_or_else(|| panic!("no array {key:?} in {value}"), Vec::as_slice)
}

/// A whole number in a report.
pub(crate) fn number(value: &Value, key: &str) -> u64 {
    value
        .get(key)
        .and_then(Value::as_u64)
        .unwrap_or_else(|| panic!("no whole number {key:?} in {value}"))
}

/// A text in a report.
pub(crate) fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value
        .get(key)
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("no text {key:?} in {value}"))
}

/// SHA-256 in lowercase hex.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(bytes)
        .iter()
        .fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// Whether tshark can be compared with. Without it: a failure under CI, else a loud word and `false`.
pub(crate) fn tshark_is_there() -> bool {
    if Command::new("tshark").arg("--version").output().is_ok() {
        return true;
    }
    assert!(
        std::env::var_os("CI").is_none_or(|ci| ci != "true"),
        "tshark is missing, and under CI the comparison with it must run: apt-get install tshark"
    );
    eprintln!(
        "SKIPPED: the comparison with tshark, which is not installed (apt-get install tshark)"
    );
    false
}

/// What tshark prints for a capture, with these arguments more.
pub(crate) fn tshark(capture: &Path, arguments: &[&str]) -> String {
    let output = Command::new("tshark")
        .arg("-r")
        .arg(capture)
        .args(arguments)
        .output()
        .expect("tshark starts");
    // tshark ends with 2 after a file that is cut short, having printed what it read.
    assert!(
        matches!(output.status.code(), Some(0 | 2)),
        "tshark {arguments:?} on {}: {}",
        capture.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("tshark prints UTF-8")
}

/// "1 bytes", or whatever else is said of one as if there were more; nothing where there is none of it.
pub(crate) fn wrong_plural(text: &str) -> Option<String> {
    const VERBS: [&str; 8] = ["is", "was", "has", "as", "this", "ends", "follows", "comes"];
    let words: Vec<&str> = text
        .split_whitespace()
        // "1 numbered datagrams", too.
        .filter(|word| !matches!(*word, "numbered" | "other" | "whole"))
        .collect();
    words.windows(2).find_map(|pair| {
        let [number, noun] = pair else { return None };
        let number = number.trim_start_matches(['(', '"']);
        let noun = noun.trim_end_matches(|end: char| !end.is_ascii_alphabetic());
        let plural = noun.len() > 2
            && noun.bytes().all(|byte| byte.is_ascii_lowercase())
            && noun.ends_with('s')
            && !noun.ends_with("ss")
            && !VERBS.contains(&noun);
        (number == "1" && plural).then(|| format!("{number} {noun}"))
    })
}
