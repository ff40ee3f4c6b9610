//! What makes two packets belong to the same stream.

use std::net::SocketAddr;

use crate::ledger::TransportKind;

/// Transport protocol and both endpoints, the same whichever of them sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FlowKey {
    transport: TransportKind,
    low: SocketAddr,
    high: SocketAddr,
}

impl FlowKey {
    /// The key of a packet from `source` to `destination`.
    pub fn new(transport: TransportKind, source: SocketAddr, destination: SocketAddr) -> Self {
        let (low, high) = if source <= destination {
            (source, destination)
        } else {
            (destination, source)
        };
        Self {
            transport,
            low,
            high,
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
    }
}
