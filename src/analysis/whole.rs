//! The digest of all bytes of a direction, taken once where they are those of a picture.
//!
//! In most transfers one picture fills the direction, so that its digest and the direction's are of the very same
//! bytes. While they are, only the picture's is taken; where they part the direction goes on from a copy of it.

use sha2::{Digest as _, Sha256};

use super::channel::{Channel, Context};
use crate::reassembly::Delivery;

/// So many bytes of a direction are its first ones.
const FIRST: usize = 1024;

/// The digests of a direction's bytes.
#[derive(Debug, Clone)]
pub(super) struct Whole {
    state: State,
    first: First,
}

/// SHA-256 of the first bytes of a direction.
#[derive(Debug, Clone)]
enum First {
    /// Not taken, or one of them is missing.
    Off,
    /// Of those so far, and how many they are; boxed, because most directions send none.
    Coming(Box<(Sha256, usize)>),
    /// None yet.
    Empty,
    /// Of all of them.
    Done(Box<[u8; 32]>),
}

impl First {
    fn take(&mut self, offset: u64, bytes: &[u8]) {
        if matches!(self, Self::Empty) && offset == 0 {
            *self = Self::Coming(Box::default());
        }
        match self {
            Self::Coming(coming) if coming.1 as u64 == offset => {
                let (digest, taken) = &mut **coming;
                let more = bytes.get(..FIRST.saturating_sub(*taken)).unwrap_or(bytes);
                digest.update(more);
                *taken += more.len();
                if *taken >= FIRST {
                    *self = Self::Done(Box::new(digest.clone().finalize().into()));
                }
            }
            Self::Done(_) => {}
            _ => *self = Self::Off,
        }
    }
}

/// SHA-256 of a direction's bytes, gaps left out.
#[derive(Debug, Clone)]
enum State {
    /// Not taken.
    Off,
    /// Of no bytes yet.
    Empty,
    /// The direction's own.
    Own(Box<Sha256>),
    /// That of the picture on its way, which took the very same bytes so far.
    OfPicture {
        /// How many those are: the direction's first.
        length: u64,
    },
}

impl Whole {
    pub(super) fn new(taken: bool) -> Self {
        Self {
            state: if taken { State::Empty } else { State::Off },
            first: if taken { First::Empty } else { First::Off },
        }
    }

    /// Passes on what was delivered, and takes its bytes.
    pub(super) fn pass_on(
        &mut self,
        delivery: &Delivery<'_>,
        channel: &mut Channel,
        context: &mut Context<'_>,
    ) {
        match delivery {
            Delivery::Bytes {
                offset,
                bytes,
                frame,
            } => {
                self.first.take(*offset, bytes);
                let before = match &self.state {
                    State::OfPicture { length } => channel.digest_of_all(*length).cloned(),
                    _ => None,
                };
                channel.bytes(bytes, *frame, context);
                self.state.take_bytes(*offset, bytes, before, channel);
            }
            Delivery::Gap(gap) => {
                if !matches!(self.first, First::Done(_)) {
                    self.first = First::Off;
                }
                self.part(channel);
                channel.gap(*gap, context);
            }
        }
    }

    /// From here on the picture may end, or go on without the direction.
    pub(super) fn part(&mut self, channel: &Channel) {
        self.state.part(channel);
    }

    /// Takes a datagram.
    pub(super) fn datagram(&mut self, payload: &[u8]) {
        self.state.datagram(payload);
    }

    /// The digest in lowercase hex, once the direction is over; absent where it is not taken.
    pub(super) fn take(&mut self) -> Option<String> {
        self.state.finish()
    }

    /// The digest of the direction's first 1,024 bytes, or of all where it has fewer and `ended`; absent where it is not
    /// taken or one of them is missing.
    pub(super) fn first(&mut self, ended: bool) -> Option<String> {
        match std::mem::replace(&mut self.first, First::Off) {
            First::Done(digest) => Some(crate::digest::hex(&*digest)),
            First::Coming(coming) if ended => Some(crate::digest::hex(&coming.0.finalize())),
            _ => None,
        }
    }
}

impl State {
    /// `before` is the picture's digest without these bytes, where it was shared.
    fn take_bytes(&mut self, offset: u64, bytes: &[u8], before: Option<Sha256>, channel: &Channel) {
        let length = offset.saturating_add(bytes.len() as u64);
        if matches!(self, Self::Off) {
            return;
        }
        if channel.digest_of_all(length).is_some() {
            *self = Self::OfPicture { length };
            return;
        }
        match (&mut *self, before) {
            (Self::Own(digest), _) => digest.update(bytes),
            (Self::OfPicture { .. }, Some(mut digest)) => {
                digest.update(bytes);
                *self = Self::Own(Box::new(digest));
            }
            (Self::Empty, _) => *self = Self::Own(Box::new(Sha256::new_with_prefix(bytes))),
            // Rather no digest than a wrong one.
            (Self::Off | Self::OfPicture { .. }, _) => *self = Self::Off,
        }
    }

    /// From here on the picture may end, or go on without the direction.
    fn part(&mut self, channel: &Channel) {
        if let Self::OfPicture { length } = self {
            *self = match channel.digest_of_all(*length) {
                Some(digest) => Self::Own(Box::new(digest.clone())),
                None => Self::Off,
            };
        }
    }

    /// Takes a datagram.
    fn datagram(&mut self, payload: &[u8]) {
        match self {
            Self::Own(digest) => digest.update(payload),
            Self::Empty => *self = Self::Own(Box::new(Sha256::new_with_prefix(payload))),
            Self::Off | Self::OfPicture { .. } => {}
        }
    }

    /// The digest in lowercase hex, once the direction is over; absent where it is not taken.
    fn finish(&mut self) -> Option<String> {
        match std::mem::replace(self, Self::Off) {
            Self::Own(digest) => Some(crate::digest::hex(&digest.finalize())),
            Self::Empty => Some(crate::digest::sha256(&[])),
            Self::Off | Self::OfPicture { .. } => None,
        }
    }
}
