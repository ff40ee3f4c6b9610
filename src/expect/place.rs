//! Places in a text, and mistakes at them.

use std::fmt::Write as _;
use std::ops::Range;

use crate::report::text;

/// Something wrong in a file of expectations.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: {message}")]
pub struct Mistake {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong, and what would be right.
    pub message: String,
    /// That line of the file.
    pub source_line: String,
    /// How many characters of it are meant.
    pub length: usize,
}

/// All that is wrong in a file, in its order; never none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} in the expectations", text::counted(.0.len() as u64, "mistake", "mistakes"))]
pub struct Mistakes(pub Vec<Mistake>);

impl Mistake {
    /// For people: the message with the file's name, the line itself, and what is meant of it underlined.
    pub fn shown(&self, file: &str, unicode: bool) -> String {
        const MOST: usize = 120;
        let mut out = format!(
            "{}:{}:{}: {}\n",
            text::plain(file, unicode),
            self.line,
            self.column,
            text::plain(&self.message, unicode)
        );
        // Of an endless line, the part around the mistake.
        let start = if self.column > MOST {
            self.column - 20
        } else {
            1
        };
        // One column a character, so that the mark stands below what it marks.
        let part = self.source_line.chars().skip(start - 1).take(MOST);
        let part: String = part
            .map(|c| match c {
                '\t' => ' ',
                c if text::is_unsafe(c) || (!unicode && !c.is_ascii()) => '?',
                c => c,
            })
            .collect();
        let margin = " ".repeat(self.line.to_string().len());
        let before = " ".repeat(self.column - start);
        let room = part.chars().count().saturating_sub(self.column - start);
        let mark = "^".repeat(self.length.min(room).max(1));
        // Writing to a String does not fail.
        let _ = writeln!(out, "  {} | {part}", self.line);
        let _ = writeln!(out, "  {margin} | {before}{mark}");
        out
    }
}

/// A text whose places can be told.
#[derive(Debug)]
pub(super) struct Source<'t> {
    text: &'t str,
    mistakes: Vec<Mistake>,
}

impl<'t> Source<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            text,
            mistakes: Vec::new(),
        }
    }

    /// The line of a byte offset, from 1.
    pub(super) fn line(&self, offset: usize) -> usize {
        let before = self
            .text
            .as_bytes()
            .get(..offset)
            .unwrap_or(self.text.as_bytes());
        memchr::memchr_iter(b'\n', before).count() + 1
    }

    /// Something is wrong there.
    pub(super) fn mistake(&mut self, span: Range<usize>, message: String) {
        let mut start = span.start.min(self.text.len());
        while !self.text.is_char_boundary(start) {
            start -= 1;
        }
        let (before, after) = self.text.split_at(start);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let rest = after.split('\n').next().unwrap_or_default();
        let head = before.get(line_start..).unwrap_or_default();
        let meant = rest.get(..span.end.saturating_sub(start)).unwrap_or(rest);
        self.mistakes.push(Mistake {
            line: self.line(start),
            column: head.chars().count() + 1,
            message,
            source_line: format!("{head}{}", rest.trim_end_matches('\r')),
            length: meant.chars().count().max(1),
        });
    }

    /// Whether nothing was wrong so far.
    pub(super) fn is_right(&self) -> bool {
        self.mistakes.is_empty()
    }

    /// What was read, unless something was wrong.
    pub(super) fn finish<T>(mut self, value: T) -> Result<T, Mistakes> {
        if self.mistakes.is_empty() {
            return Ok(value);
        }
        self.mistakes
            .sort_by_key(|mistake| (mistake.line, mistake.column));
        Err(Mistakes(self.mistakes))
    }
}

/// `did you mean …?` for a misspelt word, else all that would be right.
pub(super) fn suggestion(given: &str, known: &[&str]) -> String {
    const ELSEWHERE: &[(&str, &str)] = &[
        ("digest", "sha256"),
        ("hash", "sha256"),
        ("sha", "sha256"),
        ("checksum", "crc32"),
        ("size", "bytes"),
        ("length", "bytes"),
        ("images", "pictures"),
        ("image", "picture"),
        ("title", "label"),
        ("id", "label"),
        ("repeats", "retransmitted_packets"),
        ("retransmissions", "retransmitted_packets"),
        ("gaps", "gap_bytes"),
        ("frames", "packets"),
        ("connections", "streams"),
        ("duration", "max_duration"),
        ("timeout", "max_duration"),
        ("dimensions", "width"),
        ("forbid", "deny"),
        ("jpg", "jpeg"),
    ];
    let small = given.to_lowercase().replace('-', "_");
    let other = ELSEWHERE
        .iter()
        .find(|(wrong, right)| *wrong == small && known.contains(right))
        .map(|(_, right)| *right);
    let near = || {
        known
            .iter()
            .map(|word| {
                (
                    strsim::damerau_levenshtein(&small, &word.replace('-', "_")),
                    *word,
                )
            })
            .min()
            .filter(|(distance, word)| *distance <= 1 + word.len() / 4)
            .map(|(_, word)| word)
    };
    match other.or_else(near) {
        Some(word) => format!("did you mean `{word}`?"),
        None => format!("known: {}", known.join(", ")),
    }
}
