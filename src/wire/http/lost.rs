//! Where the framing of HTTP is lost, behind a gap or behind bytes that are none of it: pictures are carved, and the head of another
//! response is looked for, with which the framing begins again.

use super::super::carve::CarveDecoder;
use super::super::{Decode, Sink, StreamEnd};
use super::{LONGEST_HEAD, STATUS, read};

/// The decoder of what is none of HTTP.
#[derive(Debug, Clone)]
pub(super) struct Lost {
    carve: CarveDecoder,
    /// What may be the beginning of a head, not carved yet.
    held: Vec<u8>,
    /// The protocol changed: no head comes any more.
    for_good: bool,
}

/// What came of some bytes.
pub(super) enum Found {
    /// They are carved, or held.
    Nothing,
    /// The head of a response ends behind so many of them.
    Head(Vec<u8>, usize),
}

impl Default for Lost {
    fn default() -> Self {
        Self {
            carve: CarveDecoder::inside(),
            held: Vec::new(),
            for_good: false,
        }
    }
}

impl Lost {
    /// Behind a change of protocol.
    pub(super) fn for_good() -> Self {
        Self {
            for_good: true,
            ..Self::default()
        }
    }

    /// Takes bytes in which no head is looked for.
    pub(super) fn carve(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        if !bytes.is_empty() {
            self.carve.update(bytes, sink);
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Found {
        if self.for_good {
            self.carve(bytes, sink);
            return Found::Nothing;
        }
        let mut rest = bytes;
        while let Some((&byte, later)) = rest.split_first() {
            if self.held.is_empty() {
                let first = STATUS.first().copied().unwrap_or_default();
                let at = memchr::memchr(first, rest).unwrap_or(rest.len());
                let (before, from) = rest.split_at(at);
                self.carve(before, sink);
                if let Some((&byte, later)) = from.split_first() {
                    self.held.push(byte);
                    rest = later;
                } else {
                    rest = from;
                }
                continue;
            }
            if !self.may_go_on(byte) {
                // The byte may begin a head itself.
                self.release(sink);
                continue;
            }
            self.held.push(byte);
            rest = later;
            let complete = self.held.ends_with(b"\n\r\n") || self.held.ends_with(b"\n\n");
            if complete && read(&self.held).is_some() {
                self.carve.give_up(sink);
                let taken = bytes.len().saturating_sub(rest.len());
                return Found::Head(std::mem::take(&mut self.held), taken);
            }
            if complete || self.held.len() >= LONGEST_HEAD {
                self.release(sink);
            }
        }
        Found::Nothing
    }

    /// Whether a byte may come behind those held, in the head of a response.
    fn may_go_on(&self, byte: u8) -> bool {
        // `HTTP/1.1 200`: the minor version, a space, the status (RFC 9112, section 4).
        match (STATUS.get(self.held.len()), self.held.len()) {
            (Some(&expected), _) => byte == expected,
            (None, 7 | 9..=11) => byte.is_ascii_digit(),
            (None, 8) => byte == b' ',
            (None, _) => !byte.is_ascii_control() || matches!(byte, b'\r' | b'\n' | b'\t'),
        }
    }

    /// What was held is no head.
    fn release(&mut self, sink: &mut Sink<'_>) {
        let held = std::mem::take(&mut self.held);
        self.carve(&held, sink);
    }

    pub(super) fn gap(&mut self, length: u64, sink: &mut Sink<'_>) {
        self.release(sink);
        self.carve.gap(length, sink);
    }

    pub(super) fn finish(&mut self, end: StreamEnd, sink: &mut Sink<'_>) {
        self.release(sink);
        self.carve.finish(end, sink);
    }
}
