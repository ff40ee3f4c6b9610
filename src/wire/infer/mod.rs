//! Works a framing out from the bytes: what stands before, between and behind pictures that are found by their structure.
//!
//! Evidence, not guesses: a field is a length because it equals the length that the picture's own structure has, a width because
//! it equals the picture's width. What says nothing known stays bytes. The result is a [`Layout`], with half a sentence of
//! evidence for each field, and with a [`Confidence`]: likely from one message, confirmed from two or more.
//!
//! [`stream::infer`] looks at the first bytes of a direction of TCP, [`datagrams::infer`] at its first datagrams. Both are pure and
//! keep nothing; who calls them keeps the bytes, at most [`HELD`].

mod announced;
mod arrays;
mod behind;
mod closing;
pub(crate) mod datagrams;
mod messages;
mod odd;
pub(crate) mod raw;
mod records;
mod rows;
mod solve;
pub(crate) mod stream;

#[cfg(test)]
mod tests;

pub(crate) use closing::{closes, fills_block, fills_up, is_goodbye, is_trailer};
pub(crate) use odd::{Header, odd_one};
pub(crate) use records::{Followed, are_records};

use super::Layout;
use crate::wire::Confidence;

/// Most bytes of a direction that are looked at.
pub(crate) const HELD: usize = 64 << 10;

/// Farthest start of the first picture.
const FARTHEST: usize = 4096;

/// Most messages that are compared.
const MESSAGES: usize = 16;

/// A framing that was worked out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Inferred {
    /// What it is.
    pub layout: Layout,
    /// How sure.
    pub confidence: Confidence,
    /// What speaks for it, a line a field.
    pub evidence: Vec<String>,
    /// Messages, or datagrams, that it was seen in.
    pub messages: usize,
}

/// What came of looking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A framing.
    Found(Box<Inferred>),
    /// More bytes may tell.
    NeedMore,
    /// Nothing that could be worked out.
    Nothing,
}

/// Confidence by the number of messages that agree.
fn confidence(messages: usize) -> Confidence {
    if messages >= 2 {
        Confidence::Confirmed
    } else {
        Confidence::Likely
    }
}
