//! The digest of all bytes of a direction, taken once where they are those of a picture.
//!
//! In most transfers one picture fills the direction, so that its digest and the direction's are of the very same
//! bytes, but for a few that the decoder holds back until it knows what they are. While they are, only the picture's is
//! taken; where they part the direction goes on from a copy of it.

use sha2::{Digest as _, Sha256};

use super::channel::{Channel, Context};
use crate::reassembly::Delivery;

/// So many bytes of a direction are its first ones.
const FIRST: usize = 1024;

/// Most bytes that the picture's digest lacks of the direction's.
const BEHIND: usize = 64;

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
    /// That of the picture on its way, which took the very same bytes so far, and the last ones, which it did not take yet.
    OfPicture(Box<Behind>),
}

/// The last bytes of a direction, which the picture's digest lacks.
#[derive(Debug, Clone)]
struct Behind {
    /// How many bytes the direction has, these included.
    length: u64,
    bytes: [u8; BEHIND],
    held: usize,
}

impl Behind {
    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.held).unwrap_or_default()
    }

    /// Those of a direction with so many bytes, of which `digest` took the first.
    fn digest(&self, digest: Option<(&Sha256, u64)>) -> Option<Sha256> {
        let (digest, taken) = digest?;
        // Rather no digest than a wrong one.
        (taken.checked_add(self.held as u64) == Some(self.length)).then(|| {
            let mut digest = digest.clone();
            digest.update(self.bytes());
            digest
        })
    }

    /// The last `held` of those that `before` and `bytes` are together.
    fn of(length: u64, held: usize, before: &[u8], bytes: &[u8]) -> Option<Self> {
        let mut last = [0; BEHIND];
        let room = last.get_mut(..held)?;
        if let Some(from) = bytes.len().checked_sub(held) {
            room.copy_from_slice(bytes.get(from..)?);
        } else {
            let (old, new) = room.split_at_mut_checked(held - bytes.len())?;
            old.copy_from_slice(before.get(before.len().checked_sub(old.len())?..)?);
            new.copy_from_slice(bytes);
        }
        Some(Self {
            length,
            bytes: last,
            held,
        })
    }
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
                    State::OfPicture(behind) => behind.digest(channel.digest_of_first()),
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
    /// `before` is the direction's digest without these bytes, where it was shared.
    fn take_bytes(&mut self, offset: u64, bytes: &[u8], before: Option<Sha256>, channel: &Channel) {
        let length = offset.saturating_add(bytes.len() as u64);
        if matches!(self, Self::Off) {
            return;
        }
        let lacks = channel
            .digest_of_first()
            .and_then(|(_, taken)| usize::try_from(length.checked_sub(taken)?).ok());
        if let Some(held) = lacks.filter(|lacks| *lacks <= BEHIND) {
            let old = match self {
                Self::OfPicture(behind) => behind.bytes(),
                _ => &[],
            };
            if let Some(behind) = Behind::of(length, held, old, bytes) {
                match self {
                    Self::OfPicture(old) => **old = behind,
                    _ => *self = Self::OfPicture(Box::new(behind)),
                }
                return;
            }
        }
        match (&mut *self, before) {
            (Self::Own(digest), _) => digest.update(bytes),
            (Self::OfPicture(_), Some(mut digest)) => {
                digest.update(bytes);
                *self = Self::Own(Box::new(digest));
            }
            (Self::Empty, _) => *self = Self::Own(Box::new(Sha256::new_with_prefix(bytes))),
            // Rather no digest than a wrong one.
            (Self::Off | Self::OfPicture(_), _) => *self = Self::Off,
        }
    }

    /// From here on the picture may end, or go on without the direction.
    fn part(&mut self, channel: &Channel) {
        if let Self::OfPicture(behind) = self {
            *self = match behind.digest(channel.digest_of_first()) {
                Some(digest) => Self::Own(Box::new(digest)),
                None => Self::Off,
            };
        }
    }

    /// Takes a datagram.
    fn datagram(&mut self, payload: &[u8]) {
        match self {
            Self::Own(digest) => digest.update(payload),
            Self::Empty => *self = Self::Own(Box::new(Sha256::new_with_prefix(payload))),
            Self::Off | Self::OfPicture(_) => {}
        }
    }

    /// The digest in lowercase hex, once the direction is over; absent where it is not taken.
    fn finish(&mut self) -> Option<String> {
        match std::mem::replace(self, Self::Off) {
            Self::Own(digest) => Some(crate::digest::hex(&digest.finalize())),
            Self::Empty => Some(crate::digest::sha256(&[])),
            Self::Off | Self::OfPicture(_) => None,
        }
    }
}
