//! `catalog`: a choice as ASCII digits (or a name, which imgnet's own catalogue takes too) one way, one picture until the
//! end of the stream the other way (P3).
//!
//! The choice has no terminator: it is over when the stream ends or when the other side begins to answer,
//! which its own direction cannot see; so whoever sees both calls [`Decode::flush`].

use super::{Decode, Event, Fault, Framing, Sink, StreamEnd};

/// A choice longer than this is none.
pub(crate) const LONGEST_CHOICE: usize = 64;

/// Digits or a name: one line of text. White space around it does not matter, as Python's `int()` has it.
fn is_choice(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes)
        .map(str::trim)
        .is_ok_and(|text| !text.is_empty() && !text.contains(char::is_control))
}

/// Decoder of the side that chooses.
#[derive(Debug, Clone, Default)]
pub struct ChoiceDecoder {
    /// The choice so far, at most [`LONGEST_CHOICE`] bytes.
    held: Vec<u8>,
    /// Too long, or bytes are missing: all is stray until the next choice.
    lost: bool,
}

impl ChoiceDecoder {
    fn give_up(&mut self, sink: &mut Sink<'_>) {
        self.lost = true;
        if !self.held.is_empty() {
            sink(Event::Stray(&self.held));
            self.held.clear();
        }
    }
}

impl Decode for ChoiceDecoder {
    fn update(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        let room = LONGEST_CHOICE.saturating_sub(self.held.len());
        let mut rest = bytes;
        if !self.lost {
            let (taken, over) = bytes.split_at(room.min(bytes.len()));
            self.held.extend_from_slice(taken);
            rest = over;
            if !rest.is_empty() {
                sink(Event::Fault(Fault::BadField {
                    expected: "a choice in at most 64 ASCII digits",
                    found: String::from_utf8_lossy(&self.held).into_owned(),
                    hint: None,
                }));
                self.give_up(sink);
            }
        }
        if !rest.is_empty() {
            sink(Event::Stray(rest));
        }
    }

    fn gap(&mut self, length: u64, sink: &mut Sink<'_>) {
        if length > 0 {
            self.give_up(sink);
            sink(Event::StrayGap(length));
        }
    }

    fn flush(&mut self, sink: &mut Sink<'_>) {
        self.lost = false;
        if self.held.is_empty() {
            return;
        }
        let held = std::mem::take(&mut self.held);
        let text = String::from_utf8_lossy(&held).into_owned();
        if !is_choice(&held) {
            sink(Event::Fault(Fault::BadField {
                expected: "a choice: ASCII digits, or a name",
                found: text.clone(),
                hint: None,
            }));
        }
        sink(Event::Framing {
            what: Framing::Choice(text),
            bytes: held.len() as u64,
        });
    }

    fn finish(&mut self, _end: StreamEnd, sink: &mut Sink<'_>) {
        self.flush(sink);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Seen, run};
    use super::*;

    #[test]
    fn choice_is_over_when_the_other_side_answers() {
        let mut decoder = ChoiceDecoder::default();
        let seen = run(|sink| {
            decoder.update(b"1", sink);
            decoder.update(b"2", sink);
            decoder.flush(sink);
            decoder.flush(sink);
            decoder.update(b"3", sink);
            decoder.finish(StreamEnd::Fin, sink);
        });
        assert_eq!(
            seen,
            [
                Seen::Framing(Framing::Choice("12".into()), 2),
                Seen::Framing(Framing::Choice("3".into()), 1),
            ]
        );
    }

    #[test]
    fn a_name_is_a_choice() {
        for name in ["cat.jpg", "Größe 2.png", "12\n"] {
            let mut decoder = ChoiceDecoder::default();
            let seen = run(|sink| {
                decoder.update(name.as_bytes(), sink);
                decoder.finish(StreamEnd::Fin, sink);
            });
            let choice = Framing::Choice(name.to_owned());
            assert_eq!(seen, [Seen::Framing(choice, name.len() as u64)]);
        }
    }

    #[test]
    fn choice_that_is_no_text_is_a_fault_and_still_shown() {
        let mut decoder = ChoiceDecoder::default();
        let seen = run(|sink| {
            decoder.update(b"cat\xff", sink);
            decoder.finish(StreamEnd::Fin, sink);
        });
        assert!(
            matches!(&seen[0], Seen::Fault(Fault::BadField { found, .. }) if found == "cat\u{fffd}")
        );
        assert_eq!(
            seen[1],
            Seen::Framing(Framing::Choice("cat\u{fffd}".into()), 4)
        );
    }

    #[test]
    fn choice_past_the_bound_is_stray() {
        let mut decoder = ChoiceDecoder::default();
        let seen = run(|sink| {
            decoder.update(&[b'1'; 64], sink);
            decoder.update(b"2", sink);
            decoder.update(b"3", sink);
            decoder.finish(StreamEnd::Fin, sink);
        });
        assert!(matches!(seen[0], Seen::Fault(Fault::BadField { .. })));
        let mut stray = vec![b'1'; 64];
        stray.extend(b"23");
        assert_eq!(seen[1..], [Seen::Stray(stray)]);
    }

    #[test]
    fn nothing_chosen_says_nothing() {
        let mut decoder = ChoiceDecoder::default();
        assert_eq!(run(|sink| decoder.finish(StreamEnd::Fin, sink)), []);
    }

    #[test]
    fn missing_bytes_make_the_choice_unreadable() {
        let mut decoder = ChoiceDecoder::default();
        let seen = run(|sink| {
            decoder.update(b"1", sink);
            decoder.gap(1, sink);
            decoder.update(b"2", sink);
            decoder.finish(StreamEnd::Fin, sink);
        });
        assert_eq!(
            seen,
            [
                Seen::Stray(b"1".to_vec()),
                Seen::StrayGap(1),
                Seen::Stray(b"2".to_vec())
            ]
        );
    }
}
