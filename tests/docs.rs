//! The documentation is followed word for word: each command that a page shows is run, and what comes out is compared.
//!
//! A fenced block of `console` holds lines `$ COMMAND` and, behind each, what it writes. `…` stands for anything
//! within a line, and a line of `…` alone for any lines. The commands of a page run one after the other, in a folder that has the
//! repository's `captures` and `examples`.

#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test reads files and runs programs, says when it skips, and may fail"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

/// A command of a page, and the lines it is said to write.
#[derive(Debug)]
struct Shown {
    line: usize,
    command: String,
    output: Vec<String>,
}

/// The commands of a page's `console` blocks.
fn shown(page: &str) -> Vec<Shown> {
    let mut found: Vec<Shown> = Vec::new();
    let mut within = false;
    for (number, line) in (1..).zip(page.lines()) {
        if line.starts_with("```") {
            within = line == "```console";
        } else if within {
            if let Some(command) = line.strip_prefix("$ ") {
                found.push(Shown {
                    line: number,
                    command: command.to_owned(),
                    output: Vec::new(),
                });
            } else if let Some(last) = found.last_mut() {
                last.output.push(line.to_owned());
            }
        }
    }
    found
}

/// Whether a line is as a pattern says, where `…` stands for anything.
fn line_fits(pattern: &str, line: &str) -> bool {
    let mut parts = pattern.split('…');
    let Some(mut rest) = parts.next().and_then(|first| line.strip_prefix(first)) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// Whether lines are as patterns say, where a pattern `…` stands for any lines.
fn fits(patterns: &[String], lines: &[&str]) -> bool {
    match patterns {
        [] => lines.is_empty(),
        [any, rest @ ..] if any == "…" => (0..=lines.len())
            .any(|skipped| lines.get(skipped..).is_some_and(|lines| fits(rest, lines))),
        [pattern, rest @ ..] => lines
            .split_first()
            .is_some_and(|(line, lines)| line_fits(pattern, line) && fits(rest, lines)),
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The pages that have such blocks.
fn pages() -> Vec<PathBuf> {
    let docs = std::fs::read_dir(root().join("docs")).expect("docs/ can be listed");
    let mut pages: Vec<PathBuf> = docs
        .map(|entry| entry.expect("an entry").path())
        .chain([root().join("README.md")])
        .filter(|path| path.extension().is_some_and(|end| end == "md"))
        .collect();
    pages.sort();
    pages
}

#[test]
fn patterns_stand_for_what_they_should() {
    assert!(line_fits("a … c", "a b c"));
    assert!(line_fits("…b…", "abc"));
    assert!(!line_fits("a … d", "a b c"));
    assert!(!line_fits("abc", "abcd"));
    let patterns = ["a", "…", "z…"].map(str::to_owned);
    assert!(fits(&patterns, &["a", "b", "c", "zed"]));
    assert!(!fits(&patterns, &["a", "b"]));
    assert!(!fits(&patterns, &["b", "zed"]));
}

#[test]
fn what_the_pages_show_is_what_comes_out() {
    let programs = Path::new(env!("CARGO_BIN_EXE_imgnet"));
    let programs = programs.parent().expect("it lies in a folder");
    let private = imgnet::capture::private::rehearse(imgnet::capture::private::Identity::Caller);
    let python = Command::new("python3").arg("--version").output().is_ok();
    let mut ran = 0;
    for page in pages() {
        let text = std::fs::read_to_string(&page).expect("a page");
        let shown = shown(&text);
        let needs_both = shown
            .iter()
            .any(|shown| shown.command.contains(" -- python3"));
        if needs_both && (private.is_err() || !python) {
            eprintln!(
                "SKIPPED {}: no private network, or no Python",
                page.display()
            );
            continue;
        }
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["captures", "examples"] {
            std::os::unix::fs::symlink(root().join(name), folder.path().join(name))
                .expect("a link");
        }
        let path = std::env::var("PATH").unwrap_or_default();
        for shown in shown {
            let output = Command::new("sh")
                .args(["-c", &format!("{{ {}\n}} 2>&1", shown.command)])
                .current_dir(folder.path())
                .env("PATH", format!("{}:{path}", programs.display()))
                .env("LC_ALL", "C.UTF-8")
                .env("NO_COLOR", "1")
                .output()
                .expect("a shell");
            let written = String::from_utf8_lossy(&output.stdout).into_owned();
            let lines: Vec<&str> = written.lines().map(str::trim_end).collect();
            assert!(
                fits(&shown.output, &lines),
                "{}:{}: $ {}\nshown:\n{}\nwritten:\n{written}",
                page.display(),
                shown.line,
                shown.command,
                shown.output.join("\n")
            );
            ran += 1;
        }
    }
    assert!(ran > 0 || private.is_err(), "no page shows a command");
}
