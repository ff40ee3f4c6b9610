//! The catalogue: what each finding means, how it is proved, what it looks like in frames, how to fix it.
//!
//! The one source of truth: the rules take names and severities from here, `imgnet explain` prints it, and
//! `docs/findings.md` is generated from it. It speaks to readers who know nothing of TCP.

pub(super) mod capture;
mod examples;
pub(super) mod files;
pub(super) mod framing;
mod markdown;
pub(super) mod opening;
pub(super) mod silence;
pub(super) mod tcp;
pub(super) mod udp;

use serde::Serialize;

use super::{Name, Severity};

pub use markdown::{document, entry as markdown_entry};

/// What is to be known of one kind of finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Stable kebab-case name.
    pub name: Name,
    /// Which part of the catalogue it belongs to.
    pub group: Group,
    /// How bad it usually is.
    pub severity: Severity,
    /// One line.
    pub summary: &'static str,
    /// What it means, for somebody who knows nothing of TCP.
    pub meaning: &'static str,
    /// How imgnet proves it, and how sure it is.
    pub proof: &'static str,
    /// What it looks like frame by frame.
    pub frames: &'static str,
    /// Wireshark display filter that shows such frames; empty where there is none.
    pub filter: &'static str,
    /// How to fix it.
    pub fix: &'static str,
    /// Wrong and right.
    pub examples: &'static [Example],
}

/// A part of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Group {
    /// How the program marks where a picture begins and ends.
    Framing,
    /// Datagrams.
    Udp,
    /// What TCP itself did.
    Tcp,
    /// What the capture lacks.
    Capture,
}

impl Group {
    /// All of them, in the order of the catalogue.
    pub const ALL: [Self; 4] = [Self::Framing, Self::Udp, Self::Tcp, Self::Capture];

    /// Its heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Framing => "Framing: where a picture begins and ends",
            Self::Udp => "UDP: datagrams",
            Self::Tcp => "TCP: what the transport did",
            Self::Capture => "Capture: what the capture lacks, or shows twice",
        }
    }
}

/// A short wrong and right piece of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Example {
    /// What it is written in.
    pub language: Language,
    /// Do not do this.
    pub wrong: &'static str,
    /// Do this.
    pub right: &'static str,
}

/// What an example is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Python 3.
    Python,
    /// Rust.
    Rust,
    /// A shell.
    Shell,
}

impl Language {
    /// Its name for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Python => "Python",
            Self::Rust => "Rust",
            Self::Shell => "Shell",
        }
    }

    /// Its name in a fenced block of Markdown.
    pub fn fence(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::Rust => "rust",
            Self::Shell => "sh",
        }
    }
}

/// All entries, in the order of the catalogue.
pub fn all() -> impl Iterator<Item = &'static Entry> {
    Name::ALL.iter().map(|name| name.entry())
}

/// The entry of this name; absent where there is none.
pub fn find(name: &str) -> Option<&'static Entry> {
    name.parse().ok().map(Name::entry)
}

/// The names most like `name`, the nearest first, at most three; none where nothing is like it.
pub fn nearest(name: &str) -> Vec<Name> {
    let wanted = name.trim().to_ascii_lowercase().replace(['_', ' '], "-");
    let mut near: Vec<(usize, Name)> = Name::ALL
        .iter()
        .filter_map(|&name| {
            let text = name.as_str();
            let distance = distance(&wanted, text);
            let part = wanted.len() >= 3 && text.contains(wanted.as_str());
            let most = (text.len() / 3).max(2);
            (part || distance <= most).then_some((if part { 1 } else { distance }, name))
        })
        .collect();
    near.sort_unstable();
    near.into_iter().map(|(_, name)| name).take(3).collect()
}

/// Levenshtein's distance in bytes; names are ASCII.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut before = i;
        let mut left = i + 1;
        for (y, cell) in b.bytes().zip(row.iter_mut().skip(1)) {
            let cost = before + usize::from(x != y);
            before = *cell;
            *cell = cost.min(before + 1).min(left + 1);
            left = *cell;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_kebab_case_and_stand_once() {
        let mut names = BTreeSet::new();
        for entry in all() {
            assert!(names.insert(entry.name), "{} twice", entry.name);
            assert!(
                entry
                    .name
                    .as_str()
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b == b'-'),
                "{}",
                entry.name
            );
        }
        assert!(names.len() >= 46, "{}", names.len());
    }

    #[test]
    fn every_entry_says_all_that_a_reader_needs() {
        for entry in all() {
            let name = entry.name;
            assert!(entry.summary.len() <= 100, "{name}: {}", entry.summary);
            for (what, text) in [
                ("summary", entry.summary),
                ("meaning", entry.meaning),
                ("proof", entry.proof),
                ("frames", entry.frames),
                ("fix", entry.fix),
            ] {
                assert!(text.len() > 15, "{name}: {what} says nothing");
                assert!(text.ends_with('.'), "{name}: {what} does not end");
                assert!(!text.contains("  "), "{name}: {what} has two spaces");
            }
            assert!(!entry.examples.is_empty(), "{name}: no example");
            if entry.group == Group::Framing || entry.group == Group::Udp {
                for language in [Language::Python, Language::Rust] {
                    assert!(
                        entry.examples.iter().any(|e| e.language == language),
                        "{name}: no example in {}",
                        language.title()
                    );
                }
            }
            for example in entry.examples {
                assert!(!example.wrong.is_empty() && !example.right.is_empty());
                assert_ne!(example.wrong, example.right, "{name}");
                for line in example.wrong.lines().chain(example.right.lines()) {
                    assert!(line.len() <= 96, "{name}: long line: {line}");
                }
            }
        }
    }

    #[test]
    fn unknown_names_suggest_the_nearest() {
        assert_eq!(
            nearest("marker-unansered").first(),
            Some(&Name::MarkerUnanswered)
        );
        assert_eq!(nearest("Early_Close"), [Name::EarlyClose]);
        assert_eq!(
            nearest("retransmision").first(),
            Some(&Name::Retransmission)
        );
        assert!(nearest("retransmission").len() > 1);
        assert!(nearest("xyzzy").is_empty());
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
