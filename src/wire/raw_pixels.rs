//! `raw-pixels`: rows of BGR24 with no header, ended by the end of the stream (P4).
//!
//! The observed sender connects, so what the initiator sends is pixels. A sender that listens exists too
//! (`imgnet-server stream --port`), so what the acceptor sends is pixels as well once it is longer than an
//! answer would be ([`LONGEST_ANSWER`]); what stays shorter is stray.

use super::{Decode, Ending, Event, Fault, Protocol, Role, Sink, StreamEnd};

/// So many bytes from the acceptor are taken for an answer, not for pixels.
pub(crate) const LONGEST_ANSWER: usize = 64;

/// Decoder of one direction of `raw-pixels`.
#[derive(Debug, Clone)]
pub struct RawPixelsDecoder {
    width: Option<u32>,
    state: State,
}

#[derive(Debug, Clone)]
enum State {
    /// Nothing decided: what the acceptor sent so far, at most [`LONGEST_ANSWER`] bytes.
    Held(Vec<u8>),
    /// Pixels, and how many bytes of them, missing ones included; none yet when 0.
    Pixels(u64),
}

impl RawPixelsDecoder {
    /// A decoder for rows of `width` pixels, where that is known, sent by the side `role`.
    pub fn new(width: Option<u32>, role: Role) -> Self {
        Self {
            width,
            state: match role {
                Role::Initiator => State::Pixels(0),
                Role::Acceptor => State::Held(Vec::new()),
            },
        }
    }

    /// The wire format, with its width.
    pub fn protocol(&self) -> Protocol {
        Protocol::RawPixels { width: self.width }
    }

    fn pixels(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        if !bytes.is_empty() {
            self.count(bytes.len() as u64, sink);
            sink(Event::PictureData(bytes));
        }
    }

    fn count(&mut self, length: u64, sink: &mut Sink<'_>) {
        let before = match self.state {
            State::Pixels(total) => total,
            State::Held(_) => 0,
        };
        if before == 0 {
            sink(Event::PictureStart { length: None });
        }
        self.state = State::Pixels(before.saturating_add(length));
    }
}

impl Decode for RawPixelsDecoder {
    fn update(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        if let State::Held(held) = &mut self.state {
            if held.len().saturating_add(bytes.len()) <= LONGEST_ANSWER {
                held.extend_from_slice(bytes);
                return;
            }
            let held = std::mem::take(held);
            self.pixels(&held, sink);
        }
        self.pixels(bytes, sink);
    }

    fn gap(&mut self, length: u64, sink: &mut Sink<'_>) {
        if length == 0 {
            return;
        }
        if let State::Held(held) = &mut self.state {
            let held = std::mem::take(held);
            if (held.len() as u64).saturating_add(length) <= LONGEST_ANSWER as u64 {
                if !held.is_empty() {
                    sink(Event::Stray(&held));
                }
                sink(Event::StrayGap(length));
                return;
            }
            self.pixels(&held, sink);
        }
        self.count(length, sink);
        sink(Event::PictureGap(length));
    }

    fn finish(&mut self, end: StreamEnd, sink: &mut Sink<'_>) {
        match &self.state {
            State::Held(held) if !held.is_empty() => sink(Event::Stray(held)),
            State::Held(_) | State::Pixels(0) => {}
            &State::Pixels(total) => {
                let row = self
                    .width
                    .map_or(0, |width| u64::from(width).saturating_mul(3));
                if let Some(left @ 1..) = total.checked_rem(row) {
                    sink(Event::Fault(Fault::PartialRow { total, row, left }));
                }
                sink(Event::PictureEnd(Ending::EndOfStream(end)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Seen, run};
    use super::*;

    #[test]
    fn rows_end_with_the_stream_and_a_partial_row_is_a_fault() {
        let mut decoder = RawPixelsDecoder::new(Some(2), Role::Initiator);
        let seen = run(|sink| {
            decoder.update(b"bgrbgr", sink);
            decoder.gap(6, sink);
            decoder.update(b"bgrb", sink);
            decoder.finish(StreamEnd::Fin, sink);
        });
        assert_eq!(
            seen,
            [
                Seen::Start(None),
                Seen::Data(b"bgrbgr".to_vec()),
                Seen::Gap(6),
                Seen::Data(b"bgrb".to_vec()),
                Seen::Fault(Fault::PartialRow {
                    total: 16,
                    row: 6,
                    left: 4
                }),
                Seen::End(Ending::EndOfStream(StreamEnd::Fin)),
            ]
        );
    }

    #[test]
    fn whole_rows_and_unknown_widths_are_no_fault() {
        for width in [Some(1), Some(2), None] {
            let mut decoder = RawPixelsDecoder::new(width, Role::Initiator);
            let seen = run(|sink| {
                decoder.update(b"bgrbgr", sink);
                decoder.finish(StreamEnd::Fin, sink);
            });
            assert_eq!(seen.len(), 3, "{seen:?}");
        }
    }

    #[test]
    fn short_answer_of_the_acceptor_is_stray_and_a_long_one_is_pixels() {
        let mut decoder = RawPixelsDecoder::new(None, Role::Acceptor);
        let seen = run(|sink| {
            decoder.update(b"OK", sink);
            decoder.finish(StreamEnd::Fin, sink);
        });
        assert_eq!(seen, [Seen::Stray(b"OK".to_vec())]);

        let mut decoder = RawPixelsDecoder::new(None, Role::Acceptor);
        let seen = run(|sink| {
            decoder.update(&[1; 60], sink);
            decoder.update(&[1; 6], sink);
            decoder.finish(StreamEnd::Reset, sink);
        });
        assert_eq!(
            seen,
            [
                Seen::Start(None),
                Seen::Data(vec![1; 66]),
                Seen::End(Ending::EndOfStream(StreamEnd::Reset)),
            ]
        );
    }
}
