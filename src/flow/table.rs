//! The streams that are being followed.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, BuildHasherDefault, Hasher, RandomState};

use super::key::FlowKey;

/// Streams by key.
///
/// Keys lie in the slots only; the index has their hashes. Of keys with the same hash (nobody can choose them) one
/// leads to the next.
///
/// Invariant: a used slot is on the chain that `index` has for its key's hash, and no other slot is.
#[derive(Debug, Clone)]
pub(crate) struct Table<S> {
    hashes: RandomState,
    index: HashMap<u64, usize, BuildHasherDefault<AsItIs>>,
    slots: Vec<Option<Slot<S>>>,
    free: Vec<usize>,
    /// The key looked up last: packets come in runs.
    last: Option<(FlowKey, usize)>,
}

#[derive(Debug, Clone)]
struct Slot<S> {
    key: FlowKey,
    /// The next slot of a key with the same hash.
    next: Option<u32>,
    stream: S,
}

/// Takes a hash for what it is.
#[derive(Debug, Clone, Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0 << 8 | u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

impl<S> Default for Table<S> {
    fn default() -> Self {
        Self {
            hashes: RandomState::new(),
            index: HashMap::default(),
            slots: Vec::new(),
            free: Vec::new(),
            last: None,
        }
    }
}

impl<S> Table<S> {
    /// How many streams are live.
    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    fn slot(&self, slot: usize) -> Option<&Slot<S>> {
        self.slots.get(slot)?.as_ref()
    }

    /// The stream with this key and the number of its slot; absent where none is live.
    pub(crate) fn find(&mut self, key: FlowKey) -> Option<(usize, &mut S)> {
        let slot = match self.last {
            Some((last, slot)) if last == key => slot,
            _ => {
                let mut slot = *self.index.get(&self.hashes.hash_one(key))?;
                loop {
                    let here = self.slot(slot)?;
                    if here.key == key {
                        break;
                    }
                    slot = here.next? as usize;
                }
                self.last = Some((key, slot));
                slot
            }
        };
        let found = self.slots.get_mut(slot)?.as_mut()?;
        Some((slot, &mut found.stream))
    }

    /// Adds a stream and returns the number of its slot, which is its own until it is taken out. One with the same
    /// key has to be taken out before.
    pub(crate) fn insert(&mut self, key: FlowKey, stream: S) -> usize {
        let slot = self.free.pop().unwrap_or_else(|| {
            if self.slots.len() == self.slots.capacity() {
                // By a quarter: there may be many, and all of them are copied once in a while.
                self.slots.reserve_exact(self.slots.len() / 4 + 16);
            }
            self.slots.push(None);
            self.slots.len() - 1
        });
        let next = self.index.insert(self.hashes.hash_one(key), slot);
        if let Some(place) = self.slots.get_mut(slot) {
            *place = Some(Slot {
                key,
                next: next.and_then(|next| u32::try_from(next).ok()),
                stream,
            });
        }
        self.last = Some((key, slot));
        slot
    }

    /// Takes a stream out, and names its slot.
    pub(crate) fn remove(&mut self, key: FlowKey) -> Option<(usize, S)> {
        let (slot, _) = self.find(key)?;
        self.take(slot).map(|stream| (slot, stream))
    }

    fn take(&mut self, slot: usize) -> Option<S> {
        let Slot { key, next, stream } = self.slots.get_mut(slot)?.take()?;
        self.last = None;
        self.free.push(slot);
        let hash = self.hashes.hash_one(key);
        let first = self.index.get(&hash).copied()?;
        if first == slot {
            match next {
                Some(next) => self.index.insert(hash, next as usize),
                None => self.index.remove(&hash),
            };
            return Some(stream);
        }
        let mut before = first;
        while let Some(here) = self.slots.get_mut(before).and_then(Option::as_mut) {
            match here.next {
                Some(after) if after as usize == slot => {
                    here.next = next;
                    break;
                }
                Some(after) => before = after as usize,
                None => break,
            }
        }
        Some(stream)
    }

    /// Takes out all streams for which `over` holds, each with the number of its slot.
    pub(crate) fn drain_where(&mut self, mut over: impl FnMut(&S) -> bool) -> Vec<(usize, S)> {
        let over: Vec<usize> = self
            .slots
            .iter()
            .enumerate()
            .filter(|(_, slot)| slot.as_ref().is_some_and(|slot| over(&slot.stream)))
            .map(|(slot, _)| slot)
            .collect();
        over.into_iter()
            .filter_map(|slot| self.take(slot).map(|stream| (slot, stream)))
            .collect()
    }

    /// The live streams, in no particular order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &S> {
        self.slots.iter().flatten().map(|slot| &slot.stream)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::TransportKind;

    fn key(port: u16) -> FlowKey {
        let address = |port| std::net::SocketAddr::from(([127, 0, 0, 1], port));
        FlowKey::new(TransportKind::Tcp, address(port), address(1))
    }

    #[test]
    fn slots_are_used_again_and_keys_found() {
        let mut table = Table::default();
        for port in 2..10 {
            assert_eq!(table.insert(key(port), port), usize::from(port) - 2);
        }
        assert_eq!(table.remove(key(3)), Some((1, 3)));
        assert_eq!(table.insert(key(3), 33), 1);
        assert_eq!(table.len(), 8);
        let mut even = table.drain_where(|value| value % 2 == 0);
        even.sort_unstable();
        assert_eq!(even, [(0, 2), (2, 4), (4, 6), (6, 8)]);
        assert_eq!(table.find(key(4)), None);
        assert_eq!(table.find(key(3)), Some((1, &mut 33)));
        table.insert(key(40), 40);
        assert_eq!(table.slots.len(), 8);
        assert_eq!(table.len(), 5);
        let mut left: Vec<_> = table.iter().copied().collect();
        left.sort_unstable();
        assert_eq!(left, [5, 7, 9, 33, 40]);
    }

    #[test]
    fn keys_with_the_same_hash_are_told_apart() {
        let mut table = Table::default();
        for port in 2..6 {
            table.insert(key(port), port);
        }
        // One chain of all, as if their hashes were the same for the lookups that begin at its first slot.
        let hashes: Vec<u64> = (2..6)
            .map(|port| table.hashes.hash_one(key(port)))
            .collect();
        for (slot, next) in [(3, 2), (2, 1), (1, 0)] {
            table.slots[slot].as_mut().unwrap().next = Some(next);
        }
        for hash in &hashes {
            table.index.insert(*hash, 3);
        }
        table.last = None;
        for port in 2..6 {
            assert_eq!(table.find(key(port)).map(|(_, found)| *found), Some(port));
        }
        assert_eq!(table.find(key(9)), None);
        assert_eq!(table.remove(key(4)), Some((2, 4)));
        assert_eq!(table.slots[3].as_ref().unwrap().next, Some(1));
        assert_eq!(table.find(key(4)), None);
        assert_eq!(table.find(key(2)), Some((0, &mut 2)));
    }
}
