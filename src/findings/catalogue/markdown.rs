//! The catalogue as Markdown: `docs/findings.md` and `imgnet explain --format markdown`.

use std::fmt::Write as _;

use super::{Entry, Group, all};

/// The whole catalogue, as `docs/findings.md` holds it.
pub fn document() -> String {
    let mut text = String::from(
        "# Findings\n\n\
         What imgnet finds in captures, what it means, how it is proved and how to fix it. `imgnet explain NAME` prints the \
         same.\n\n\
         <!-- Generated from src/findings/catalogue by `imgnet explain --format markdown`: do not edit. -->\n\n\
         Severity: **error** means that something did not work, **warning** that it may explain trouble or cause it another \
         day, **note** that it is worth knowing and nothing is wrong. Every finding also says how sure it is: *proven* from the \
         packets, *likely*, or only a *risk*.\n",
    );
    for group in Group::ALL {
        let _ = write!(
            text,
            "\n## {}\n\n| finding | severity | in short |\n|---|---|---|\n",
            group.title()
        );
        for entry in all().filter(|entry| entry.group == group) {
            let _ = writeln!(
                text,
                "| [`{0}`](#{0}) | {1} | {2} |",
                entry.name, entry.severity, entry.summary
            );
        }
        for found in all().filter(|entry| entry.group == group) {
            text.push('\n');
            text.push_str(&entry(found));
        }
    }
    text
}

/// One entry.
pub fn entry(entry: &Entry) -> String {
    let mut text = format!(
        "### {}\n\n*{}.* {}\n\n{}\n\n**How it is proved.** {}\n\n**In frames.** {}\n",
        entry.name, entry.severity, entry.summary, entry.meaning, entry.proof, entry.frames
    );
    if !entry.filter.is_empty() {
        let _ = write!(text, "\nWireshark display filter: `{}`\n", entry.filter);
    }
    let _ = write!(text, "\n**How to fix it.** {}\n", entry.fix);
    for example in entry.examples {
        let _ = write!(
            text,
            "\n{0}, wrong:\n\n```{1}\n{2}\n```\n\n{0}, right:\n\n```{1}\n{3}\n```\n",
            example.language.title(),
            example.language.fence(),
            example.wrong,
            example.right
        );
    }
    text
}
