//! The words that imgnet prints besides the names of findings, each with what it means: verdicts, certainties, causes, reasons,
//! wire formats, parts of the framing, link types.

mod columns;
mod formats;
mod parts;
mod report;
mod words;

use serde::Serialize;

/// A word and its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Word {
    /// What kind of word it is, e.g. `verdict`.
    pub kind: &'static str,
    /// As it is printed.
    pub name: &'static str,
    /// What it means, in a few sentences.
    pub meaning: &'static str,
}

/// The words of this name, however its letters are written, one for each kind of word that it is; of `length=u32be` those of
/// `length`. Empty where none is.
pub(crate) fn find(name: &str) -> Vec<&'static Word> {
    let name = name.trim();
    let base = name.split(['=', '+', ' ', '(']).next().unwrap_or(name);
    let called = |wanted: &str| -> Vec<&'static Word> {
        all()
            .filter(|word| word.name.eq_ignore_ascii_case(wanted))
            .collect()
    };
    [Some(name), Some(base), name.strip_suffix('s')]
        .into_iter()
        .flatten()
        .map(called)
        .find(|found| !found.is_empty())
        .unwrap_or_default()
}

/// All words, those of one kind together.
pub(crate) fn all() -> impl Iterator<Item = &'static Word> {
    [
        words::WORDS,
        &formats::FIXED,
        formats::WORDS,
        report::WORDS,
        parts::WORDS,
        columns::WORDS,
    ]
    .into_iter()
    .flatten()
}

#[cfg(test)]
mod tests;
