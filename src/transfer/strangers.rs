//! Senders of datagrams that are not known yet: nothing is kept of them before they showed that they hear what is sent to
//! their address.
//!
//! Anyone can write any address on a datagram. An announcement from an unknown one is answered with a proof, which is
//! shorter than what came, and which only who gets it can send back. The proof is computed again rather than remembered.

use std::hash::{BuildHasher as _, RandomState};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::wire::framed::{Datagram, Kind};

/// A proof holds for the rest of the period in which it was given, and for the next one.
const PERIOD: Duration = Duration::from_secs(8);
/// Strangers that are answered in a second.
const EACH_SECOND: u32 = 1000;

/// Of one socket.
pub(super) struct Strangers {
    /// Nobody else knows its keys.
    keyed: RandomState,
    started: Instant,
    /// The second that is counted, and who was answered in it.
    second: u64,
    answered: u32,
}

/// What becomes of a stranger's datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// The address is the sender's own.
    Proven,
    /// It is to be asked for this proof, for this picture.
    Ask { picture: u64, proof: u64 },
    /// Nothing.
    Nothing,
}

impl Strangers {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            keyed: RandomState::new(),
            started: now,
            second: 0,
            answered: 0,
        }
    }

    /// Takes a datagram from an address that is not known.
    pub(super) fn hear(&mut self, from: SocketAddr, bytes: &[u8], now: Instant) -> Heard {
        let Some(datagram) = Datagram::decode(bytes).filter(|it| it.kind == Kind::Announce) else {
            return Heard::Nothing;
        };
        let picture = datagram.picture;
        let since = now.saturating_duration_since(self.started);
        let period = since.as_secs().checked_div(PERIOD.as_secs()).unwrap_or(0);
        let proof = self.proof(from, picture, period);
        let before = period.checked_sub(1);
        if datagram.offset == proof
            || before.is_some_and(|before| datagram.offset == self.proof(from, picture, before))
        {
            return Heard::Proven;
        }
        if self.second != since.as_secs() {
            self.second = since.as_secs();
            self.answered = 0;
        }
        if self.answered >= EACH_SECOND {
            return Heard::Nothing;
        }
        self.answered = self.answered.saturating_add(1);
        Heard::Ask { picture, proof }
    }

    /// Never 0, which says that there is none.
    fn proof(&self, from: SocketAddr, picture: u64, period: u64) -> u64 {
        self.keyed.hash_one((from, picture, period)) | 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn announcement(picture: u64, proof: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        Datagram {
            kind: Kind::Announce,
            picture,
            index: 0,
            total: 1,
            offset: proof,
            transmission: 0,
            payload: &[0; 64],
        }
        .encode(&mut bytes);
        bytes
    }

    #[test]
    fn a_proof_is_good_for_its_address_its_picture_and_a_while() {
        let start = Instant::now();
        let mut strangers = Strangers::new(start);
        let [one, other] = [1, 2].map(|port| SocketAddr::from(([10, 0, 0, 1], port)));
        let Heard::Ask { picture: 7, proof } = strangers.hear(one, &announcement(7, 0), start)
        else {
            panic!("it is to be asked");
        };
        let mut hear = |from, picture, proof, seconds| {
            let now = start + Duration::from_secs(seconds);
            strangers.hear(from, &announcement(picture, proof), now) == Heard::Proven
        };
        assert!(hear(one, 7, proof, 0) && hear(one, 7, proof, 15));
        assert!(!hear(one, 7, proof, 16));
        assert!(!hear(other, 7, proof, 0) && !hear(one, 8, proof, 0));
        assert!(!hear(one, 7, proof ^ 2, 0) && !hear(one, 7, 0, 0));
        // Another program's proofs are others.
        let mut others = Strangers::new(start);
        assert_ne!(
            others.hear(one, &announcement(7, proof), start),
            Heard::Proven
        );
    }

    #[test]
    fn so_many_are_answered_in_a_second_and_only_announcements() {
        let start = Instant::now();
        let mut strangers = Strangers::new(start);
        let mut answered = |now| {
            let asked = (0..5000_u16).filter(|port| {
                let from = SocketAddr::from(([10, 0, 0, 1], *port));
                strangers.hear(from, &announcement(1, 0), now) != Heard::Nothing
            });
            asked.count()
        };
        assert_eq!(answered(start), 1000);
        assert_eq!(answered(start + Duration::from_millis(900)), 0);
        assert_eq!(answered(start + Duration::from_secs(1)), 1000);
        let mut strangers = Strangers::new(start);
        let from = SocketAddr::from(([10, 0, 0, 1], 1));
        let mut data = announcement(1, 0);
        data[5] = 2;
        for bytes in [&data[..], b"x", &[]] {
            assert_eq!(strangers.hear(from, bytes, start), Heard::Nothing);
        }
    }
}
