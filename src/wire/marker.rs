//! `marker`: picture, then an end marker, repeated (P1 and its relatives).
//!
//! Every byte that is not part of a marker belongs to a picture. A marker is found wherever it lies, however
//! the bytes were split; what may be the beginning of one is held back, but never copied: it equals the
//! beginning of the marker, and is emitted from there when it turns out to be data.
//! A gap may have swallowed a marker; nothing says so, and the picture goes on.

use std::sync::{Arc, OnceLock};

use memchr::memmem;

use super::{Decode, Ending, Event, Framing, PIPELINE_MARKER, Protocol, Sink, StreamEnd};
use crate::picture::{SNIFF_BYTES, Sniff, sniff};

/// Decoder of one direction of `marker`.
#[derive(Debug, Clone)]
pub struct MarkerDecoder {
    pattern: Arc<Pattern>,
    /// How many bytes are held back. Invariant: they equal `pattern.marker[..held]`, and `held` is less than
    /// the marker's length.
    held: usize,
    in_picture: bool,
    /// The first bytes behind a marker, until they tell whether a picture begins there: at most [`LEAD`].
    lead: Vec<u8>,
    /// A marker was found.
    marked: bool,
}

/// So many bytes that begin no picture are left over, where the stream ends behind them.
const LEAD: usize = 64;

/// A marker prepared for searching; decoders of the pipeline's own marker share one.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    marker: Box<[u8]>,
    finder: memmem::Finder<'static>,
    /// `borders[i]`: length of the longest proper prefix of `marker[..=i]` that also ends it (Knuth, Morris
    /// and Pratt).
    borders: Box<[usize]>,
}

impl Pattern {
    pub(super) fn new(marker: &[u8]) -> Self {
        let mut borders = Vec::with_capacity(marker.len());
        for (at, &byte) in marker.iter().enumerate() {
            let border = if at == 0 {
                0
            } else {
                let longest = borders.last().copied().unwrap_or(0);
                longest_prefix(marker, &borders, longest, byte)
            };
            borders.push(border);
        }
        Self {
            marker: marker.into(),
            finder: memmem::Finder::new(marker).into_owned(),
            borders: borders.into(),
        }
    }

    fn shared(marker: &[u8]) -> Arc<Self> {
        static PIPELINE: OnceLock<Arc<Pattern>> = OnceLock::new();
        if marker == PIPELINE_MARKER {
            Arc::clone(PIPELINE.get_or_init(|| Arc::new(Self::new(PIPELINE_MARKER))))
        } else {
            Arc::new(Self::new(marker))
        }
    }

    /// What is searched for.
    pub(super) fn marker(&self) -> &[u8] {
        &self.marker
    }

    /// How much of the marker is matched after `byte`, when `matched` bytes were before it.
    pub(super) fn step(&self, matched: usize, byte: u8) -> usize {
        longest_prefix(&self.marker, &self.borders, matched, byte)
    }

    /// Length of the longest beginning of the marker, short of all of it, that ends `bytes`.
    fn prefix_at_end(&self, bytes: &[u8]) -> usize {
        let longest = self.marker.len().saturating_sub(1);
        let tail = bytes
            .get(bytes.len().saturating_sub(longest)..)
            .unwrap_or_default();
        // Most pieces end without any byte that could begin a marker.
        let Some(first) = self.marker.first().and_then(|&b| memchr::memchr(b, tail)) else {
            return 0;
        };
        let tail = tail.get(first..).unwrap_or_default();
        tail.iter()
            .fold(0, |matched, &byte| self.step(matched, byte))
    }
}

fn longest_prefix(marker: &[u8], borders: &[usize], mut matched: usize, byte: u8) -> usize {
    loop {
        if marker.get(matched) == Some(&byte) {
            return matched.saturating_add(1);
        }
        match matched.checked_sub(1) {
            None => return 0,
            Some(last) => matched = borders.get(last).copied().unwrap_or(0),
        }
    }
}

impl MarkerDecoder {
    /// A decoder for pictures that end with `marker`. An empty marker is never found.
    pub fn new(marker: &[u8]) -> Self {
        Self {
            pattern: Pattern::shared(marker),
            held: 0,
            in_picture: false,
            lead: Vec::new(),
            marked: false,
        }
    }

    /// The wire format, with its marker.
    pub fn protocol(&self) -> Protocol {
        Protocol::Marker(self.pattern.marker.clone())
    }

    fn start(&mut self, sink: &mut Sink<'_>) {
        if !self.in_picture {
            self.in_picture = true;
            sink(Event::PictureStart { length: None });
        }
    }

    fn data(&mut self, mut bytes: &[u8], sink: &mut Sink<'_>) {
        if bytes.is_empty() {
            return;
        }
        if self.marked && !self.in_picture {
            let more = bytes.len().min(LEAD - self.lead.len().min(LEAD));
            let (first, rest) = bytes.split_at_checked(more).unwrap_or_default();
            self.lead.extend_from_slice(first);
            bytes = rest;
            if bytes.is_empty() && self.may_be_left_over() {
                return;
            }
            self.begin(sink);
        }
        if !bytes.is_empty() {
            self.start(sink);
            sink(Event::PictureData(bytes));
        }
    }

    /// Whether the first bytes behind a marker do not begin a picture, so far.
    fn may_be_left_over(&self) -> bool {
        let first = self.lead.get(..SNIFF_BYTES).unwrap_or(&self.lead);
        !matches!(sniff(first), Sniff::Is(_))
    }

    /// They are a picture's.
    fn begin(&mut self, sink: &mut Sink<'_>) {
        let lead = std::mem::take(&mut self.lead);
        if !lead.is_empty() {
            self.start(sink);
            sink(Event::PictureData(&lead));
        }
    }

    /// Emits the first `count` held bytes as picture data.
    fn release(&mut self, count: usize, sink: &mut Sink<'_>) {
        let pattern = Arc::clone(&self.pattern);
        self.data(pattern.marker.get(..count).unwrap_or_default(), sink);
    }

    fn marker(&mut self, sink: &mut Sink<'_>) {
        self.begin(sink);
        self.marked = true;
        if std::mem::take(&mut self.in_picture) {
            sink(Event::PictureEnd(Ending::Marker));
        }
        sink(Event::Framing {
            what: Framing::Marker,
            bytes: self.pattern.marker.len() as u64,
        });
    }

    /// Goes on from the held bytes until either none is held or all that are held lie in `bytes`; returns
    /// where the search goes on, or nothing when `bytes` are used up.
    fn carry<'b>(&mut self, bytes: &'b [u8], sink: &mut Sink<'_>) -> Option<&'b [u8]> {
        let mut at = 0_usize;
        while self.held > at {
            let byte = *bytes.get(at)?;
            let matched = self.pattern.step(self.held, byte);
            if matched == 0 {
                self.release(self.held, sink);
                self.held = 0;
                return bytes.get(at..);
            }
            self.release(self.held.saturating_add(1).saturating_sub(matched), sink);
            at = at.saturating_add(1);
            self.held = matched;
            if matched == self.pattern.marker.len() {
                self.held = 0;
                self.marker(sink);
                return bytes.get(at..);
            }
        }
        let from = at.saturating_sub(self.held);
        self.held = 0;
        bytes.get(from..)
    }
}

impl Decode for MarkerDecoder {
    fn update(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        let Some(mut rest) = self.carry(bytes, sink) else {
            return;
        };
        let pattern = Arc::clone(&self.pattern);
        if !pattern.marker.is_empty() {
            while let Some(found) = pattern.finder.find(rest) {
                self.data(rest.get(..found).unwrap_or_default(), sink);
                self.marker(sink);
                rest = rest
                    .get(found.saturating_add(pattern.marker.len())..)
                    .unwrap_or_default();
            }
        }
        let held = pattern.prefix_at_end(rest);
        self.data(
            rest.get(..rest.len().saturating_sub(held))
                .unwrap_or_default(),
            sink,
        );
        self.held = held;
    }

    fn gap(&mut self, length: u64, sink: &mut Sink<'_>) {
        if length == 0 {
            return;
        }
        self.release(self.held, sink);
        self.held = 0;
        self.begin(sink);
        // All but markers is picture in this format, so what is missing between two belongs to the next.
        self.start(sink);
        sink(Event::PictureGap(length));
    }

    fn finish(&mut self, end: StreamEnd, sink: &mut Sink<'_>) {
        self.release(self.held, sink);
        self.held = 0;
        if end == StreamEnd::Fin && !self.lead.is_empty() && self.may_be_left_over() {
            // No picture begins so: it is left over behind the last marker.
            sink(Event::Stray(&std::mem::take(&mut self.lead)));
        }
        self.begin(sink);
        if std::mem::take(&mut self.in_picture) {
            sink(Event::PictureEnd(Ending::Cut(end)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Seen, run, seen_by_pieces};
    use super::*;

    fn decode(marker: &[u8], pieces: &[&[u8]]) -> Vec<Seen> {
        seen_by_pieces(
            || MarkerDecoder::new(marker),
            pieces.iter().copied(),
            StreamEnd::Fin,
        )
    }

    fn picture(bytes: &[u8], end: Ending) -> [Seen; 3] {
        [
            Seen::Start(None),
            Seen::Data(bytes.to_vec()),
            Seen::End(end),
        ]
    }

    const MARKER: Seen = Seen::Framing(Framing::Marker, 5);

    #[test]
    fn picture_then_marker() {
        let mut want = picture(b"abc", Ending::Marker).to_vec();
        want.push(MARKER);
        assert_eq!(decode(b"<END>", &[b"abc<END>"]), want);
        assert_eq!(decode(b"<END>", &[b"abc", b"<END>"]), want);
        assert_eq!(decode(b"<END>", &[b"abc<", b"EN", b"D", b">"]), want);
    }

    #[test]
    fn held_back_beginning_that_was_data_comes_out_again() {
        assert_eq!(
            decode(b"<END>", &[b"ab<EN", b"<EN", b"X"]),
            picture(b"ab<EN<ENX", Ending::Cut(StreamEnd::Fin))
        );
        // Borders: in "aab" after "aa" another "a" keeps two bytes matched.
        let mut want = picture(b"aa", Ending::Marker).to_vec();
        want.push(Seen::Framing(Framing::Marker, 3));
        assert_eq!(decode(b"aab", &[b"a", b"a", b"a", b"a", b"b"]), want);
    }

    #[test]
    fn two_markers_in_a_row_make_no_empty_picture() {
        let mut want = picture(b"p", Ending::Marker).to_vec();
        want.extend([MARKER, MARKER]);
        want.extend(picture(b"q", Ending::Marker));
        want.push(MARKER);
        assert_eq!(decode(b"<END>", &[b"p<END><END>q<END>"]), want);
        assert_eq!(decode(b"<END>", &[b"<END>"]), [MARKER]);
    }

    #[test]
    fn what_begins_no_picture_behind_the_last_marker_is_left_over() {
        let mut want = picture(b"p", Ending::Marker).to_vec();
        want.extend([MARKER, Seen::Stray(b"k".to_vec())]);
        assert_eq!(decode(b"<END>", &[b"p<END>k"]), want);
        // A marker ends it, or it begins as a picture does, or is long: then it is one.
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
        for rest in [&png[..], &[b'k'; LEAD + 1]] {
            let all = [&b"p<END>"[..], rest].concat();
            let mut want = picture(b"p", Ending::Marker).to_vec();
            want.push(MARKER);
            want.extend(picture(rest, Ending::Cut(StreamEnd::Fin)));
            assert_eq!(decode(b"<END>", &[&all]), want);
        }
        let mut want = picture(b"p", Ending::Marker).to_vec();
        want.push(MARKER);
        want.extend(picture(b"k", Ending::Marker));
        want.push(MARKER);
        assert_eq!(decode(b"<END>", &[b"p<END>k<END>"]), want);
    }

    #[test]
    fn stream_that_ends_inside_the_marker_keeps_its_bytes() {
        assert_eq!(
            decode(PIPELINE_MARKER, &[b"p%IMAGE_COMP"]),
            picture(b"p%IMAGE_COMP", Ending::Cut(StreamEnd::Fin))
        );
        assert_eq!(decode(PIPELINE_MARKER, &[]), []);
    }

    #[test]
    fn gap_releases_what_was_held_and_stays_in_the_picture() {
        let mut decoder = MarkerDecoder::new(b"<END>");
        let seen = run(|sink| {
            decoder.update(b"ab<EN", sink);
            decoder.gap(7, sink);
            decoder.update(b"D>cd<END>", sink);
            decoder.gap(3, sink);
            decoder.finish(StreamEnd::Unfinished, sink);
        });
        assert_eq!(
            seen,
            [
                Seen::Start(None),
                Seen::Data(b"ab<EN".to_vec()),
                Seen::Gap(7),
                Seen::Data(b"D>cd".to_vec()),
                Seen::End(Ending::Marker),
                MARKER,
                Seen::Start(None),
                Seen::Gap(3),
                Seen::End(Ending::Cut(StreamEnd::Unfinished)),
            ]
        );
    }

    #[test]
    fn empty_marker_is_never_found() {
        assert_eq!(
            decode(b"", &[b"ab", b"c"]),
            picture(b"abc", Ending::Cut(StreamEnd::Fin))
        );
    }
}
