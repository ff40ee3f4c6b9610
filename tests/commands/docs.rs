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

/// A command of a page's `sh` block, without what is said of it.
#[derive(Debug)]
struct Run {
    line: usize,
    command: String,
}

/// The commands of a page's `sh` blocks, one a line.
fn runs(page: &str) -> Vec<Run> {
    let mut found: Vec<Run> = Vec::new();
    let mut within = None;
    let mut prompted = false;
    for (number, line) in (1..).zip(page.lines()) {
        if line.starts_with("```") {
            within = (line == "```sh").then_some(found.len());
            prompted = false;
        } else if let Some(first) = within {
            // A line that ends with a backslash goes on in the next one.
            if found.len() > first
                && let Some(last) = found.last_mut()
                && let Some(begun) = last.command.strip_suffix('\\')
            {
                let rest = line.split(" #").next().unwrap_or(line);
                last.command = format!("{begun}{}", rest.trim());
                continue;
            }
            // Where one line has a prompt, those without are what comes out.
            if line.starts_with("$ ") && !prompted {
                prompted = true;
                found.truncate(first);
            }
            if prompted && !line.starts_with("$ ") {
                continue;
            }
            let command = line.split(" #").next().unwrap_or(line).trim_end();
            found.push(Run {
                line: number,
                command: command.trim_start_matches("$ ").to_owned(),
            });
        }
    }
    found
}

/// Why a command is not run here; absent where it is.
fn left_out(command: &str) -> Option<&'static str> {
    // Those that build, and those of a cargo feature, have tests of their own.
    if command.contains("cargo") || command.contains(".sh") && !command.contains("both.sh") {
        return Some("it builds or installs");
    }
    if command.contains("imgnet archive") || command.contains("imgnet query") {
        return Some("it needs the feature archive (tests/archive.rs)");
    }
    if command.starts_with("imgnet view") {
        return Some("it needs a terminal (tests/commands/view.rs)");
    }
    if command.starts_with("imgnet wireshark") || command.starts_with("wireshark") {
        return Some("it changes the user's Wireshark (tests/commands/dissectors.rs)");
    }
    if command.contains('…') {
        return Some("it leaves something out");
    }
    if command.contains("-i lo ") {
        return Some("it needs the right to capture, and goes on until it is stopped");
    }
    let tshark = Command::new("tshark").arg("--version").output().is_ok();
    if command.starts_with("tshark") && !tshark {
        return Some("tshark is not installed");
    }
    let jq = Command::new("jq").arg("--version").output().is_ok();
    (command.contains("| jq") && !jq).then_some("jq is not installed")
}

/// What the commands of the pages name: captures, files that were sent and received, a program that does both.
const WORLD: &str = r#"set -e
for name in run.pcap good.pcap x.pcap; do cp captures/eof.pcap $name; done
mkdir sent received
cp examples/ci/photo.png sent/photo.png
cp captures/eof/sent/a.jpg a.jpg
imgnet capture -q -w run.pcapng -- python3 examples/ci/both.py sent/photo.png received/photo.png
imgnet check -q run.pcapng --record run.toml
printf '[run]\npictures = ">=1"\ndeny = ["error"]\n' > good.toml
printf '#!/bin/sh\npython3 examples/ci/both.py sent/photo.png received/photo.png\n' > both.sh
chmod +x both.sh
echo 'layout u32be length, picture' > my-format.txt
printf '%s\n' 'imgnet-server receive -q --port 9100 --protocol "$(cat my-format.txt)" --out moved --count 1 &' \
    'until imgnet-client send -q 127.0.0.1:9100 sent/photo.png --protocol "$(cat my-format.txt)"; do sleep 0.05; done' wait > move.sh
imgnet capture -q -w trace.pcapng -- sh move.sh
# One with a known-good transfer beside it.
cat move.sh both.sh > all.sh
imgnet capture -q -w run.pcap --force -- sh all.sh
cp run.pcap good.pcap
"#;

#[test]
fn every_command_that_a_page_shows_works_as_it_is_written() {
    let programs = Path::new(env!("CARGO_BIN_EXE_imgnet"));
    let programs = programs.parent().expect("it lies in a folder");
    let private = imgnet::capture::private::rehearse(imgnet::capture::private::Identity::Caller);
    let python = Command::new("python3").arg("--version").output().is_ok();
    if private.is_err() || !python {
        eprintln!(
            "SKIPPED every_command_that_a_page_shows_works_as_it_is_written: no private network, or no Python"
        );
        return;
    }
    let mut ran = 0;
    let mut wrong = Vec::new();
    for page in pages() {
        // The examples there are of programs in Python and Rust.
        if page.ends_with("docs/findings.md") {
            continue;
        }
        let text = std::fs::read_to_string(&page).expect("a page");
        let runs = runs(&text);
        if runs.is_empty() {
            continue;
        }
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["captures", "examples", "wireshark"] {
            std::os::unix::fs::symlink(root().join(name), folder.path().join(name))
                .expect("a link");
        }
        let path = std::env::var("PATH").unwrap_or_default();
        let shell = |script: &str| {
            Command::new("timeout")
                .args(["60", "bash", "-c", script])
                .current_dir(folder.path())
                .env("PATH", format!("{}:{path}", programs.display()))
                .env("LC_ALL", "C.UTF-8")
                .env("NO_COLOR", "1")
                .env("GITHUB_STEP_SUMMARY", folder.path().join("summary.md"))
                .stdin(std::process::Stdio::null())
                .output()
                .expect("a shell")
        };
        // README's own commands make what they need.
        if !page.ends_with("README.md") {
            let world = shell(WORLD);
            let said = String::from_utf8_lossy(&world.stderr).into_owned();
            assert!(world.status.success(), "{said}");
        }
        let mut background = String::new();
        for run in runs {
            if run.command.is_empty() || run.command.starts_with('#') {
                continue;
            }
            if let Some(why) = left_out(&run.command) {
                eprintln!("{}:{}: not run: {why}", page.display(), run.line);
                continue;
            }
            // What goes on in the background belongs to the command behind it, and listens by then.
            if run.command.ends_with('&') {
                background = format!("{}\nsleep 1\n", run.command);
                continue;
            }
            let script = format!("{background}{}\ncode=$?\nwait\nexit $code", run.command);
            background.clear();
            let output = shell(&script);
            ran += 1;
            if !output.status.success() {
                wrong.push(format!(
                    "{}:{}: {} ends with {}:\n{}{}",
                    page.display(),
                    run.line,
                    run.command,
                    output.status,
                    String::from_utf8_lossy(&output.stdout),
                    String::from_utf8_lossy(&output.stderr)
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(ran > 20, "only {ran} commands were run");
}

#[test]
fn no_command_is_shown_that_is_not_run_unless_the_page_says_why() {
    for page in pages() {
        let text = std::fs::read_to_string(&page).expect("a page");
        let (mut within, mut before) = (None, "");
        for (number, line) in (1..).zip(text.lines()) {
            if line.starts_with("```") {
                let told = before
                    .strip_prefix("<!-- not run: ")
                    .is_some_and(|why| why.len() > 10 && why.ends_with("-->"));
                let begins = within.is_none();
                within = begins.then_some(told || matches!(line, "```sh" | "```console"));
            } else if within == Some(false) {
                let command = ["imgnet ", "imgnet-", "$ "];
                assert!(
                    !command.into_iter().any(|command| line.starts_with(command)),
                    "{}:{number}: a command in a block that is not followed: `sh` or `console`, or the line before it says \
                     `<!-- not run: why -->`: {line}",
                    page.display()
                );
            }
            before = line;
        }
    }
}

#[test]
fn what_is_said_of_a_command_is_no_part_of_it() {
    let page = "```sh\nimgnet demo    # on one screen\n```\n```sh\n$ imgnet doctor\nall is well\n```\n```sh\nimgnet \\\n    explain # all\n```\n```text\nimgnet x\n```";
    let found: Vec<String> = runs(page).into_iter().map(|run| run.command).collect();
    assert_eq!(found, ["imgnet demo", "imgnet doctor", "imgnet explain"]);
}
