//! The streams that are being followed.

use std::collections::HashMap;

use super::key::FlowKey;

/// Streams by key, at most so many at once.
///
/// Invariant: `index` maps a key to the slot of the newest stream with that key; every used slot is live.
#[derive(Debug)]
pub struct Table<S> {
    index: HashMap<FlowKey, usize>,
    slots: Vec<Option<(FlowKey, S)>>,
    free: Vec<usize>,
    /// The key looked up last: packets come in runs.
    last: Option<(FlowKey, usize)>,
}

impl<S> Default for Table<S> {
    fn default() -> Self {
        Self {
            index: HashMap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            last: None,
        }
    }
}

impl<S> Table<S> {
    /// How many streams are live.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Whether no stream is live.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The stream with this key and the number of its slot; absent where none is live.
    pub fn find(&mut self, key: FlowKey) -> Option<(usize, &mut S)> {
        let slot = match self.last {
            Some((last, slot)) if last == key => slot,
            _ => {
                let slot = *self.index.get(&key)?;
                self.last = Some((key, slot));
                slot
            }
        };
        let (_, stream) = self.slots.get_mut(slot)?.as_mut()?;
        Some((slot, stream))
    }

    /// Adds a stream and returns the number of its slot, which is its own until it is taken out. One with the same
    /// key has to be taken out before.
    pub fn insert(&mut self, key: FlowKey, stream: S) -> usize {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        if let Some(place) = self.slots.get_mut(slot) {
            *place = Some((key, stream));
        }
        self.index.insert(key, slot);
        self.last = Some((key, slot));
        slot
    }

    /// Takes a stream out, and names its slot.
    pub fn remove(&mut self, key: FlowKey) -> Option<(usize, S)> {
        let slot = self.index.remove(&key)?;
        self.last = None;
        self.free.push(slot);
        let (_, stream) = self.slots.get_mut(slot)?.take()?;
        Some((slot, stream))
    }

    /// Takes out all streams for which `over` holds, each with the number of its slot.
    pub fn drain_where(&mut self, mut over: impl FnMut(&S) -> bool) -> Vec<(usize, S)> {
        let mut drained = Vec::new();
        self.last = None;
        for (slot, place) in self.slots.iter_mut().enumerate() {
            if place.as_ref().is_some_and(|(_, stream)| over(stream))
                && let Some((key, stream)) = place.take()
            {
                self.index.remove(&key);
                self.free.push(slot);
                drained.push((slot, stream));
            }
        }
        drained
    }

    /// The live streams, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &S> {
        self.slots.iter().flatten().map(|(_, stream)| stream)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::TransportKind;

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
}
