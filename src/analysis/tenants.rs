//! Which stream a packet within a tunnel belongs to, where the tunnel's two directions do not look alike.
//!
//! A stream's key holds the tunnel of its first packet. MPLS labels and tunnel endpoint identifiers are another one each
//! way, so the answer has another key: it is led to the stream it answers. The same connection seen outside and
//! inside of a tunnel (a capture on `any`) is one stream, as its initial sequence number shows; two connections of
//! two tenants are two, whatever their addresses.

use std::collections::HashMap;

use crate::flow::FlowKey;

/// Most streams of the same endpoints that are looked through.
const MOST: usize = 64;
/// Most keys that lead to another one, for each stream that may be followed at once. A stream has one for each path that its packets
/// take; whoever changes the path with each packet is not followed for ever.
const MOST_EACH: usize = 4;

/// Keys that lead to streams of another key. What is no longer live is taken out by [`Tenants::retain`].
#[derive(Debug, Clone, Default)]
pub(super) struct Tenants {
    any: bool,
    aliases: HashMap<FlowKey, FlowKey>,
    /// By the endpoints without a tunnel, in order of opening.
    by_ends: HashMap<FlowKey, Vec<FlowKey>>,
}

impl Tenants {
    /// Whether no tunnel was seen so far.
    pub(super) fn is_empty(&self) -> bool {
        !self.any
    }

    /// Where packets of this key were led before.
    pub(super) fn alias(&self, own: FlowKey) -> Option<FlowKey> {
        self.aliases.get(&own).copied()
    }

    /// Leads packets of one key to the stream of another, where `streams` may be followed at once.
    pub(super) fn lead(&mut self, own: FlowKey, to: FlowKey, streams: usize) {
        if self.aliases.len() < streams.saturating_mul(MOST_EACH) {
            self.aliases.insert(own, to);
        }
    }

    /// The keys of streams with the same endpoints: of the one without a tunnel (which may not be there), and of
    /// those within one.
    pub(super) fn with_ends_of(&self, own: FlowKey) -> impl Iterator<Item = FlowKey> {
        let plain = own.plain();
        let within = self.by_ends.get(&plain).map(Vec::as_slice);
        std::iter::once(plain).chain(within.unwrap_or_default().iter().copied())
    }

    /// A stream was opened.
    pub(super) fn opened(&mut self, key: FlowKey) {
        self.any = true;
        let plain = key.plain();
        if plain == key {
            return;
        }
        let keys = self.by_ends.entry(plain).or_default();
        if keys.len() < MOST && !keys.contains(&key) {
            keys.push(key);
        }
    }

    /// Forgets what leads to no live stream.
    pub(super) fn retain(&mut self, mut is_live: impl FnMut(FlowKey) -> bool) {
        self.aliases.retain(|_, to| is_live(*to));
        self.by_ends.retain(|_, keys| {
            keys.retain(|key| is_live(*key));
            !keys.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::TransportKind;

    #[test]
    fn paths_without_end_are_not_remembered() {
        let mut tenants = Tenants::default();
        let key = |port: u16| {
            let ends = [port, 1].map(|port| ([192, 0, 2, 1], port).into());
            FlowKey::new(TransportKind::Tcp, ends[0], ends[1])
        };
        for port in 2..100 {
            tenants.lead(key(port), key(1), 5);
        }
        assert_eq!(tenants.aliases.len(), 5 * MOST_EACH);
        assert_eq!(tenants.alias(key(2)), Some(key(1)));
        tenants.retain(|_| false);
        assert!(tenants.aliases.is_empty());
    }
}
