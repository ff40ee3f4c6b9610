//! What pictures under way hold in memory together, over all connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A common limit for those who hold bytes. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Memory {
    held: Arc<AtomicU64>,
}

/// Bytes that are held; they are given back when it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    memory: Memory,
    bytes: u64,
}

impl Memory {
    /// Nothing yet.
    pub(super) fn share(&self) -> Share {
        Share {
            memory: self.clone(),
            bytes: 0,
        }
    }

    /// Bytes that are held.
    pub(super) fn held(&self) -> u64 {
        self.held.load(Ordering::Acquire)
    }
}

impl Share {
    /// Holds so many more; false, and no more than before, where all together would hold more than `limit`. Who is alone
    /// may, so that one picture that is within the limits of one is never refused.
    pub(super) fn grow(&mut self, bytes: u64, limit: u64) -> bool {
        let others = |held: u64| held.saturating_sub(self.bytes);
        let grown = self
            .memory
            .held
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |held| {
                let all = held.saturating_add(bytes);
                (all <= limit || others(held) == 0).then_some(all)
            });
        if grown.is_ok() {
            self.bytes = self.bytes.saturating_add(bytes);
        }
        grown.is_ok()
    }
}

impl Share {
    /// Holds just so many, whatever the limit: who asks has asked before what there is ([`Self::left`]).
    pub(super) fn hold(&mut self, bytes: u64) {
        let held = &self.memory.held;
        held.fetch_add(bytes, Ordering::AcqRel);
        held.fetch_sub(self.bytes, Ordering::AcqRel);
        self.bytes = bytes;
    }

    /// How many it may hold under a common limit; absent where nobody else holds any, and it may hold what it likes.
    pub(super) fn left(&self, limit: u64) -> Option<u64> {
        let others = self.memory.held().saturating_sub(self.bytes);
        (others > 0).then(|| limit.saturating_sub(others))
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.memory.held.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_what_the_others_leave() {
        let memory = Memory::default();
        let (mut one, mut other) = (memory.share(), memory.share());
        assert_eq!(one.left(100), None);
        one.hold(70);
        assert_eq!((one.left(100), other.left(100)), (None, Some(30)));
        other.hold(30);
        one.hold(20);
        assert_eq!((memory.held(), one.left(100)), (50, Some(70)));
    }

    #[test]
    fn together_they_hold_no_more_than_the_limit_and_one_alone_may() {
        let memory = Memory::default();
        let (mut one, mut other) = (memory.share(), memory.share());
        assert!(one.grow(60, 100));
        assert!(!other.grow(41, 100));
        assert!(other.grow(40, 100));
        assert!(!one.grow(1, 100));
        drop(other);
        assert!(one.grow(500, 100), "nobody else holds any");
        assert!(!memory.share().grow(1, 100));
        drop(one);
        assert!(memory.share().grow(100, 100));
    }
}
