//! How a direction began, and whether a SYN begins another connection.

use crate::decode::Tcp;

/// How far the number of a SYN may lie before the first byte seen of a connection that it opened.
const NEAR: u32 = 1 << 20;

/// How one direction of a connection began: enough to tell it from a later connection between the same endpoints.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Beginning {
    /// Sequence number of its SYN, if one was captured.
    syn: u32,
    /// Bytes that the SYN carried (RFC 7413).
    opening: u32,
    /// Sequence number of the first segment other than a RST, if one was; of the byte after the SYN, where it is one.
    first: u32,
    has_syn: bool,
    has_first: bool,
}

impl Beginning {
    /// Takes a segment of this direction with so many bytes.
    pub(crate) fn segment(&mut self, header: &Tcp, bytes: u32) {
        if header.rst {
            return;
        }
        let next = header.seq.wrapping_add(u32::from(header.syn));
        if header.syn && !self.has_syn && self.precedes(header.seq) {
            self.syn = header.seq;
            self.has_syn = true;
            self.opening = bytes;
        }
        if !self.has_first {
            self.first = next;
            self.has_first = true;
        }
    }

    /// Whether a SYN of this direction was captured.
    pub(crate) fn saw_syn(&self) -> bool {
        self.has_syn
    }

    fn syn(&self) -> Option<u32> {
        self.has_syn.then_some(self.syn)
    }

    /// Whether this direction began with a SYN of this sequence number.
    pub(crate) fn is_begun_by(&self, seq: u32) -> bool {
        self.syn() == Some(seq)
    }

    /// Whether an acknowledgment answers this direction's SYN: it, and what it carried as far as that was accepted.
    pub(crate) fn is_answered_by(&self, ack: u32) -> bool {
        self.syn()
            .is_some_and(|syn| ack.wrapping_sub(syn.wrapping_add(1)) <= self.opening)
    }

    /// Whether a SYN of this number may have opened what was seen so far.
    fn precedes(&self, syn: u32) -> bool {
        !self.has_first || self.first.wrapping_sub(syn.wrapping_add(1)) < NEAR
    }

    /// Whether a segment opens another connection than the one seen here, of which `other` is the other direction.
    ///
    /// Frames may be captured out of turn, so a SYN may come after what it opened; and a SYN that is answered twice with
    /// different numbers opens one connection all the same.
    pub(crate) fn is_another(&self, header: &Tcp, other: &Self) -> bool {
        if !header.syn || self.syn() == Some(header.seq) {
            return false;
        }
        match (header.ack, other.syn()) {
            (Some(ack), Some(_)) => !other.is_answered_by(ack),
            _ => self.has_syn || !self.precedes(header.seq),
        }
    }
}
