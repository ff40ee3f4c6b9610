//! What makes two packets belong to the same stream.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::decode::Tunnel;

/// Transport protocol of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TransportKind {
    /// TCP (RFC 9293).
    Tcp,
    /// UDP (RFC 768).
    Udp,
}

/// Transport protocol, both endpoints and the tunnel between them, the same whichever of them sends.
///
/// In few words, because each stream has one, and each packet's is made and compared. Flow labels and scopes are left out, which
/// packets have none of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FlowKey {
    low: End,
    high: End,
    /// Two tenants may use the same addresses: [`crate::decode::Tunnel::network`] and its path.
    tunnel: (u32, u32),
    transport: TransportKind,
}

/// One endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct End {
    /// An address of IPv4 is in the last of them.
    address: [u32; 4],
    port: u16,
    is_v6: bool,
}

impl End {
    #[inline]
    fn of(end: SocketAddr) -> Self {
        let (address, is_v6) = match end.ip() {
            IpAddr::V4(ip) => ([0, 0, 0, ip.to_bits()], false),
            IpAddr::V6(ip) => {
                let bits = ip.to_bits();
                let word = |shift: u32| u32::try_from(bits >> shift & 0xffff_ffff).unwrap_or(0);
                ([word(96), word(64), word(32), word(0)], true)
            }
        };
        Self {
            address,
            port: end.port(),
            is_v6,
        }
    }
}

impl FlowKey {
    /// The key of a packet from `source` to `destination`, and whether the source is the lower end of it.
    #[inline]
    pub(crate) fn directed(
        transport: TransportKind,
        source: SocketAddr,
        destination: SocketAddr,
    ) -> (Self, bool) {
        let (source, destination) = (End::of(source), End::of(destination));
        // One of them is a well-known port more often than not, so that this tells nearly always.
        let from_low = match source.port.cmp(&destination.port) {
            Ordering::Equal => source <= destination,
            order => order.is_lt(),
        };
        let (low, high) = if from_low {
            (source, destination)
        } else {
            (destination, source)
        };
        let key = Self {
            low,
            high,
            tunnel: (0, 0),
            transport,
        };
        (key, from_low)
    }

    /// The key of a packet from `source` to `destination`.
    pub(crate) fn new(
        transport: TransportKind,
        source: SocketAddr,
        destination: SocketAddr,
    ) -> Self {
        Self::directed(transport, source, destination).0
    }

    /// The same endpoints within a tunnel.
    #[must_use]
    pub(crate) fn within(self, tunnel: Tunnel) -> Self {
        Self {
            tunnel: (tunnel.network(), tunnel.path()),
            ..self
        }
    }

    /// Whether both are within the same network: only paths differ.
    pub(crate) fn is_in_network_of(self, other: Self) -> bool {
        self.tunnel.0 == other.tunnel.0
    }

    /// The same endpoints within no tunnel.
    #[must_use]
    pub(crate) fn plain(self) -> Self {
        self.within(Tunnel::NONE)
    }
}

/// In few words: every packet is looked up.
impl Hash for FlowKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let ports = u64::from(self.low.port) << 16 | u64::from(self.high.port);
        state.write_u64(ports << 8 | u64::from(self.transport == TransportKind::Udp));
        if self.tunnel != (0, 0) {
            let (network, path) = self.tunnel;
            state.write_u64(u64::from(network) << 32 | u64::from(path));
        }
        // The last words first: they are all that there is of IPv4.
        let both = self.low.address.iter().zip(&self.high.address).rev();
        let words = if self.low.is_v6 || self.high.is_v6 {
            4
        } else {
            1
        };
        for (low, high) in both.take(words) {
            state.write_u64(u64::from(*low) << 32 | u64::from(*high));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_share_a_key() {
        let a = "127.0.0.1:5050".parse().unwrap();
        let b = "[::1]:40000".parse().unwrap();
        let key = FlowKey::new(TransportKind::Tcp, a, b);
        assert_eq!(key, FlowKey::new(TransportKind::Tcp, b, a));
        assert_ne!(key, FlowKey::new(TransportKind::Udp, a, b));
        assert_eq!(key.within(Tunnel::NONE), key);
        assert!(size_of::<FlowKey>() <= 52, "{}", size_of::<FlowKey>());
    }

    #[test]
    fn an_address_is_told_from_the_one_that_is_mapped_into_another_version() {
        let ends = ["192.0.2.1:80", "[::192.0.2.1]:80", "[::ffff:192.0.2.1]:80"];
        let other = "192.0.2.2:80".parse().unwrap();
        let keys = ends.map(|end| FlowKey::new(TransportKind::Tcp, end.parse().unwrap(), other));
        assert_ne!(keys[0], keys[1]);
        assert_ne!(keys[0], keys[2]);
        assert_ne!(keys[1], keys[2]);
        let (_, there) = FlowKey::directed(TransportKind::Tcp, ends[0].parse().unwrap(), other);
        let (_, back) = FlowKey::directed(TransportKind::Tcp, other, ends[0].parse().unwrap());
        assert_ne!(there, back, "one of two directions begins at the lower end");
    }
}
