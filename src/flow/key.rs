//! What makes two packets belong to the same stream.

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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FlowKey {
    transport: TransportKind,
    low: SocketAddr,
    high: SocketAddr,
    /// Two tenants may use the same addresses: [`crate::decode::Tunnel::network`] and its path.
    tunnel: (u32, u32),
}

impl FlowKey {
    /// The key of a packet from `source` to `destination`.
    pub(crate) fn new(
        transport: TransportKind,
        source: SocketAddr,
        destination: SocketAddr,
    ) -> Self {
        let (low, high) = if source <= destination {
            (source, destination)
        } else {
            (destination, source)
        };
        Self {
            transport,
            low,
            high,
            tunnel: (0, 0),
        }
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

/// In few words: every packet is looked up. Flow labels and scopes are left out, which packets have none of.
impl Hash for FlowKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let ports = u64::from(self.low.port()) << 16 | u64::from(self.high.port());
        state.write_u64(ports << 8 | u64::from(self.transport == TransportKind::Udp));
        if self.tunnel != (0, 0) {
            let (network, path) = self.tunnel;
            state.write_u64(u64::from(network) << 32 | u64::from(path));
        }
        match (self.low.ip(), self.high.ip()) {
            (IpAddr::V4(low), IpAddr::V4(high)) => {
                state.write_u64(u64::from(low.to_bits()) << 32 | u64::from(high.to_bits()));
            }
            (low, high) => {
                for ip in [low, high] {
                    match ip {
                        IpAddr::V4(ip) => state.write_u32(ip.to_bits()),
                        IpAddr::V6(ip) => state.write_u128(ip.to_bits()),
                    }
                }
            }
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
    }
}
