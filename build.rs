//! Says which commit a release is made of. Other builds do not ask, so that they need not be made again after each commit.
#![expect(
    clippy::disallowed_methods,
    reason = "a build script reads its environment"
)]

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-env-changed=IMGNET_COMMIT");
    println!("cargo:rerun-if-changed=build.rs");
    let given = std::env::var("IMGNET_COMMIT").ok();
    let release = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let commit = given.or_else(|| release.then(commit).flatten());
    if let Some(commit) = commit {
        println!("cargo:rustc-env=IMGNET_COMMIT={commit}");
    }
}

/// The commit that is checked out; absent where this is no repository.
fn commit() -> Option<String> {
    for changed in [".git/HEAD", ".git/logs/HEAD"] {
        if Path::new(changed).exists() {
            println!("cargo:rerun-if-changed={changed}");
        }
    }
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    };
    let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) else {
        return without_git();
    };
    let clean = git(&["status", "--porcelain", "--untracked-files=no"])?.is_empty();
    Some(if clean { commit } else { format!("{commit}+") })
}

/// The same where there is no program `git`; whether files were changed since it cannot say.
fn without_git() -> Option<String> {
    let read = |path: &str| std::fs::read_to_string(Path::new(".git").join(path)).ok();
    let head = read("HEAD")?;
    let commit = match head.trim().strip_prefix("ref: ") {
        None => head,
        Some(branch) => read(branch).or_else(|| {
            let packed = read("packed-refs")?;
            let line = packed.lines().find(|line| line.ends_with(branch))?;
            line.split(' ').next().map(str::to_owned)
        })?,
    };
    let commit = commit.trim().get(..12)?;
    let is_hex = commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| commit.to_owned())
}
