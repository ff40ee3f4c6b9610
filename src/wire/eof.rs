//! `eof`: one picture, the end of the stream ends it (P2); also what a catalogue answers (P3), and `half-close`,
//! where the other side answers after the FIN.
//!
//! Nothing declares a length, so an early close looks like success here: whether the picture is whole is
//! for its own structure to say. The answer of `half-close` is a picture where it begins as one, else stray text.

use super::{Decode, Ending, Event, Framing, Protocol, Sink, StreamEnd};
use crate::picture::{SNIFF_BYTES, Sniff, sniff};

/// Bytes of the list of a catalogue.
fn list<'e>(bytes: u64) -> Event<'e> {
    Event::Framing {
        what: Framing::Answer("the list of a catalogue"),
        bytes,
    }
}

/// How the list of imgnet's own catalogue begins, whatever its version.
const LIST: &[u8] = b"{\"schema\":\"imgnet/catalog/";

/// Whose bytes an [`EofDecoder`] reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Those of an `eof` sender.
    Eof,
    /// What a catalogue answers.
    Catalog,
    /// What a `half-close` sender sends before its FIN.
    HalfClose,
    /// What a `half-close` sender is answered.
    Answer,
}

/// Decoder of one direction that carries one picture and nothing else.
#[derive(Debug, Clone)]
pub struct EofDecoder {
    kind: Kind,
    state: State,
}

#[derive(Debug, Clone)]
enum State {
    /// No byte came; or it is an answer, and its first bytes, at most [`SNIFF_BYTES`] or those of a list, do not tell yet
    /// what it is.
    Before(Vec<u8>),
    Picture,
    /// The answer is no picture.
    Other,
}

impl EofDecoder {
    /// A decoder for one picture; the kinds differ in name, and an answer may be no picture.
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            state: State::Before(Vec::new()),
        }
    }

    /// `eof`, `half-close`, or `catalog` for its answers.
    pub fn protocol(&self) -> Protocol {
        match self.kind {
            Kind::Eof => Protocol::Eof,
            Kind::Catalog => Protocol::Catalog,
            Kind::HalfClose | Kind::Answer => Protocol::HalfClose,
        }
    }

    fn start(&mut self, sink: &mut Sink<'_>) {
        if matches!(self.state, State::Before(_)) {
            self.state = State::Picture;
            sink(Event::PictureStart { length: None });
        }
    }

    /// What a catalogue answers is a picture, or imgnet's list of its pictures, which begins in its own way.
    fn picture_or_list(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        let State::Before(held) = &mut self.state else {
            return;
        };
        held.extend_from_slice(bytes);
        let known = held.len().min(LIST.len());
        match (held.get(..known) == LIST.get(..known), known == LIST.len()) {
            (true, false) => {}
            (true, true) => {
                let bytes = std::mem::take(held).len() as u64;
                self.state = State::Other;
                sink(list(bytes));
            }
            (false, _) => {
                let held = std::mem::take(held);
                self.start(sink);
                sink(Event::PictureData(&held));
            }
        }
    }

    /// Decides what an answer is, as far as its first bytes tell.
    fn decide(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        let State::Before(held) = &mut self.state else {
            return;
        };
        held.extend_from_slice(bytes);
        match sniff(held.get(..SNIFF_BYTES).unwrap_or(held)) {
            Sniff::NeedMore => {}
            Sniff::Is(_) => {
                let held = std::mem::take(held);
                self.start(sink);
                sink(Event::PictureData(&held));
            }
            Sniff::No => self.settle(sink),
        }
    }

    /// What is held is no list.
    fn begin_held(&mut self, sink: &mut Sink<'_>) {
        if let State::Before(held) = &mut self.state {
            let held = std::mem::take(held);
            if !held.is_empty() {
                self.start(sink);
                sink(Event::PictureData(&held));
            }
        }
    }

    /// What is held is no picture.
    fn settle(&mut self, sink: &mut Sink<'_>) {
        if let State::Before(held) = &mut self.state {
            let held = std::mem::take(held);
            if !held.is_empty() {
                self.state = State::Other;
                sink(Event::Stray(&held));
            }
        }
    }
}

impl Decode for EofDecoder {
    fn update(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        if bytes.is_empty() {
            return;
        }
        match self.state {
            State::Before(_) if self.kind == Kind::Answer => self.decide(bytes, sink),
            State::Before(_) if self.kind == Kind::Catalog => self.picture_or_list(bytes, sink),
            State::Before(_) | State::Picture => {
                self.start(sink);
                sink(Event::PictureData(bytes));
            }
            State::Other if self.kind == Kind::Catalog => sink(list(bytes.len() as u64)),
            State::Other => sink(Event::Stray(bytes)),
        }
    }

    fn gap(&mut self, length: u64, sink: &mut Sink<'_>) {
        if length == 0 {
            return;
        }
        if matches!(&self.state, State::Before(held) if self.kind == Kind::Catalog && !held.is_empty())
        {
            self.begin_held(sink);
        }
        if self.kind == Kind::Answer || matches!(self.state, State::Other) {
            self.settle(sink);
            if !matches!(self.state, State::Picture) {
                self.state = State::Other;
                sink(Event::StrayGap(length));
                return;
            }
        }
        self.start(sink);
        sink(Event::PictureGap(length));
    }

    fn finish(&mut self, end: StreamEnd, sink: &mut Sink<'_>) {
        if self.kind == Kind::Catalog {
            self.begin_held(sink);
        }
        self.settle(sink);
        if matches!(self.state, State::Picture) {
            self.state = State::Before(Vec::new());
            sink(Event::PictureEnd(Ending::EndOfStream(end)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Seen, run};
    use super::*;

    #[test]
    fn the_list_of_a_catalogue_is_no_picture_however_it_is_split() {
        let list = b"{\"schema\":\"imgnet/catalog/v1\",\"pictures\":0}\n";
        let almost = &list[..10];
        for at in 0..list.len() {
            let mut decoder = EofDecoder::new(Kind::Catalog);
            let seen = run(|sink| {
                decoder.update(&list[..at], sink);
                decoder.update(&list[at..], sink);
                decoder.finish(StreamEnd::Fin, sink);
            });
            let answered = seen.iter().map(|seen| match seen {
                Seen::Framing(Framing::Answer(_), bytes) => *bytes,
                other => panic!("{at}: {other:?}"),
            });
            assert_eq!(answered.sum::<u64>(), list.len() as u64, "{at}");
        }
        let mut decoder = EofDecoder::new(Kind::Catalog);
        let seen = run(|sink| {
            decoder.update(almost, sink);
            decoder.finish(StreamEnd::Fin, sink);
        });
        assert_eq!(seen[1], Seen::Data(almost.to_vec()));
    }

    #[test]
    fn all_bytes_are_one_picture_until_the_end() {
        let mut decoder = EofDecoder::new(Kind::Eof);
        let seen = run(|sink| {
            decoder.update(b"", sink);
            decoder.update(b"ab", sink);
            decoder.gap(4, sink);
            decoder.update(b"c", sink);
            decoder.finish(StreamEnd::Reset, sink);
        });
        assert_eq!(
            seen,
            [
                Seen::Start(None),
                Seen::Data(b"ab".to_vec()),
                Seen::Gap(4),
                Seen::Data(b"c".to_vec()),
                Seen::End(Ending::EndOfStream(StreamEnd::Reset)),
            ]
        );
    }

    #[test]
    fn no_bytes_are_no_picture() {
        let mut decoder = EofDecoder::new(Kind::Catalog);
        assert_eq!(run(|sink| decoder.finish(StreamEnd::Fin, sink)), []);
        assert_eq!(decoder.protocol(), Protocol::Catalog);
    }

    #[test]
    fn answer_is_a_picture_only_where_it_begins_as_one() {
        let answer = |bytes: &[u8]| {
            let mut decoder = EofDecoder::new(Kind::Answer);
            run(|sink| {
                bytes.chunks(1).for_each(|byte| decoder.update(byte, sink));
                decoder.finish(StreamEnd::Fin, sink);
            })
        };
        assert_eq!(answer(b"OK"), [Seen::Stray(b"OK".to_vec())]);
        // The first letter of a GIF is not one yet.
        assert_eq!(answer(b"G"), [Seen::Stray(b"G".to_vec())]);
        assert_eq!(answer(b"GIF89a\x01\0\x01\0\x80\0\0").len(), 3);
        assert_eq!(
            EofDecoder::new(Kind::Answer).protocol(),
            Protocol::HalfClose
        );
    }
}
