//! What is said of frames in the file, on its way from the consumer to the writer.
//!
//! A pcapng packet's comment stands in the packet's own block, so it must be known when the block is written. The
//! writer therefore keeps back what is younger than [`BACK`], as far as it fits into [`BACK_BYTES`], and writes a
//! batch once the consumer has seen it. A note that comes too late for its frame is put on the next one that is
//! written; its words name the frame they are about.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Age of a batch up to which it is kept back. A writer that is killed leaves out as much.
pub(super) const BACK: Duration = Duration::from_millis(100);
/// Most bytes kept back.
pub(super) const BACK_BYTES: usize = 8 << 20;
/// Most notes that wait for a frame: further ones are left out, and the report has them all.
const MOST: usize = 4096;

/// What is to be said of a frame in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Note {
    /// Its number.
    pub frame: u64,
    /// The words.
    pub text: String,
    /// Whether a picture ended with this frame.
    pub ends_picture: bool,
}

/// The notes under way.
#[derive(Debug, Default)]
pub(super) struct Notes(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    texts: BTreeMap<u64, String>,
    seen: u64,
    closed: bool,
    /// Frames with which a picture ended, in the order in which that was known.
    ends: Vec<u64>,
}

impl Notes {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something is to be said of a frame.
    pub(super) fn add(&self, note: Note) {
        let Note {
            frame,
            text,
            ends_picture,
        } = note;
        let mut state = self.state();
        if ends_picture {
            state.ends.push(frame);
        }
        if state.texts.len() >= MOST {
            return;
        }
        let said = state.texts.entry(frame).or_default();
        if !said.is_empty() {
            said.push('\n');
        }
        said.push_str(&text);
    }

    /// The consumer has seen all frames up to this one.
    pub(super) fn seen(&self, frame: u64) {
        self.state().seen = frame;
    }

    /// No more notes come.
    pub(super) fn close(&self) {
        self.state().closed = true;
    }

    /// Whether all is known of the frames up to this one.
    pub(super) fn known(&self, frame: u64) -> bool {
        let state = self.state();
        state.closed || state.seen >= frame
    }

    /// How many pictures ended with a frame up to `last`, since the last call.
    pub(super) fn ended(&self, last: u64) -> u64 {
        let mut state = self.state();
        let before = state.ends.len();
        state.ends.retain(|frame| *frame > last);
        before.saturating_sub(state.ends.len()) as u64
    }

    /// Takes the notes for the frames up to `last`, those that came too late included.
    pub(super) fn up_to(&self, last: u64) -> BTreeMap<u64, String> {
        let mut state = self.state();
        let later = state.texts.split_off(&last.saturating_add(1));
        std::mem::replace(&mut state.texts, later)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_come_out_once_and_in_order() {
        let notes = Notes::default();
        for (frame, text) in [(7, "b"), (3, "a"), (7, "c")] {
            notes.add(Note {
                frame,
                text: text.to_owned(),
                ends_picture: text != "a",
            });
        }
        assert_eq!([notes.ended(6), notes.ended(7), notes.ended(7)], [0, 2, 0]);
        notes.seen(5);
        assert!(notes.known(5) && !notes.known(6));
        assert_eq!(
            notes.up_to(5).into_iter().collect::<Vec<_>>(),
            [(3, "a".to_owned())]
        );
        assert!(notes.up_to(5).is_empty());
        assert_eq!(notes.up_to(7).into_values().collect::<Vec<_>>(), ["b\nc"]);
        notes.close();
        assert!(notes.known(u64::MAX));
    }
}
