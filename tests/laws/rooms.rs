//! The order of the rooms: each may use only those before it. An arrow up fails here, with the line that draws it.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "a helper of a test reads the sources, and may fail as the test may"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// From the ground up. A new room goes in where it belongs: below all that use it, above all that it uses.
const ORDER: &[&str] = &[
    "system",
    "units",
    "frame",
    "digest",
    "decode",
    "flow",
    "reassembly",
    "picture",
    "wire",
    "imaging",
    "ledger",
    "align",
    "findings",
    "verify",
    "report",
    "expect",
    // Two renderings show expectations too; the rest of `report` knows none.
    "report/html",
    "report/markdown",
    "analysis",
    "dissect",
    "source",
    "capture",
    "transfer",
    "lake",
    "view",
    "cli",
];

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

/// Tests may look anywhere: files of tests and of what only tests use.
fn is_for_tests(path: &str) -> bool {
    [
        "tests.rs",
        "testing.rs",
        "fixtures.rs",
        "samples.rs",
        "/tests/",
    ]
    .iter()
    .any(|part| path.contains(part))
}

/// The rooms that a line of code names: `crate::ROOM`.
fn rooms(line: &str) -> impl Iterator<Item = &str> {
    let code = line.split("//").next().unwrap_or_default();
    code.split("crate::").skip(1).map(|rest| {
        let end = rest
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        for (path, room) in [
            ("report::html", "report/html"),
            ("report::markdown", "report/markdown"),
        ] {
            if rest.starts_with(path) {
                return room;
            }
        }
        &rest[..end]
    })
}

fn place(room: &str) -> Option<usize> {
    ORDER.iter().position(|known| *known == room)
}

/// Every arrow up in a file of a room.
fn arrows_up(room: &str, text: &str) -> Vec<String> {
    let Some(from) = place(room) else {
        return vec![format!("the room {room} has no place in the order")];
    };
    let mut wrong = Vec::new();
    for (index, line) in text.lines().enumerate() {
        // Tests stand at the end of a file.
        if line.trim() == "mod tests {" {
            break;
        }
        for used in rooms(line) {
            if place(used).is_some_and(|to| to > from) {
                wrong.push(format!(
                    "line {}: {room} uses {used}: {}",
                    index + 1,
                    line.trim()
                ));
            }
        }
    }
    wrong
}

#[test]
fn no_room_uses_one_above_it() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    assert!(files.len() > 200, "{} files", files.len());
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for file in files {
        let inside = file.strip_prefix(&src).expect("under src");
        let path = inside.to_string_lossy().into_owned();
        let first = inside.iter().next().expect("a name").to_string_lossy();
        let room = match first.trim_end_matches(".rs") {
            "report" if path.starts_with("report/html") => "report/html",
            "report" if path.starts_with("report/markdown") => "report/markdown",
            room => room,
        };
        if is_for_tests(&path) || matches!(room, "lib" | "bin") {
            continue;
        }
        seen.insert(room.to_owned());
        let text = std::fs::read_to_string(&file).expect("UTF-8");
        wrong.extend(
            arrows_up(room, &text)
                .into_iter()
                .map(|line| format!("src/{path}, {line}")),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen.contains("units") && seen.contains("cli"), "{seen:?}");
}

#[test]
fn an_arrow_up_is_seen() {
    assert_eq!(arrows_up("wire", "use crate::picture::Format;").len(), 0);
    assert_eq!(arrows_up("wire", "use crate::ledger::Image;").len(), 1);
    assert_eq!(
        arrows_up("wire", "    fn f(image: &crate::ledger::Image) {}").len(),
        1
    );
    assert_eq!(arrows_up("wire", "// crate::ledger tells").len(), 0);
    assert_eq!(
        arrows_up("wire", "mod tests {\nuse crate::ledger::Image;").len(),
        0
    );
    assert_eq!(arrows_up("attic", "").len(), 1);
}
