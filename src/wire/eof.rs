//! `eof`: one picture, the end of the stream ends it (P2); also what a catalogue answers (P3).
//!
//! Nothing declares a length, so an early close looks like success here: whether the picture is whole is
//! for its own structure to say.

use super::{Decode, Ending, Event, Protocol, Sink, StreamEnd};

/// Decoder of one direction that carries one picture and nothing else.
#[derive(Debug)]
pub struct EofDecoder {
    catalog: bool,
    started: bool,
}

impl EofDecoder {
    /// A decoder for `eof`, or for the answers of `catalog`, which differ in name only.
    pub fn new(catalog: bool) -> Self {
        Self {
            catalog,
            started: false,
        }
    }

    /// `eof`, or `catalog` for its answers.
    pub fn protocol(&self) -> Protocol {
        if self.catalog {
            Protocol::Catalog
        } else {
            Protocol::Eof
        }
    }

    fn start(&mut self, sink: &mut Sink<'_>) {
        if !self.started {
            self.started = true;
            sink(Event::PictureStart { length: None });
        }
    }
}

impl Decode for EofDecoder {
    fn update(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        if !bytes.is_empty() {
            self.start(sink);
            sink(Event::PictureData(bytes));
        }
    }

    fn gap(&mut self, length: u64, sink: &mut Sink<'_>) {
        if length > 0 {
            self.start(sink);
            sink(Event::PictureGap(length));
        }
    }

    fn finish(&mut self, end: StreamEnd, sink: &mut Sink<'_>) {
        if std::mem::take(&mut self.started) {
            sink(Event::PictureEnd(Ending::EndOfStream(end)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Seen, run};
    use super::*;

    #[test]
    fn all_bytes_are_one_picture_until_the_end() {
        let mut decoder = EofDecoder::new(false);
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
        let mut decoder = EofDecoder::new(true);
        assert_eq!(run(|sink| decoder.finish(StreamEnd::Fin, sink)), []);
        assert_eq!(decoder.protocol(), Protocol::Catalog);
    }
}
