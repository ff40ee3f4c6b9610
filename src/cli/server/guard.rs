//! Options of every server: who may come, how many, and for how long.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use clap::Args;

use crate::cli::values::{duration, size_above_zero};
use crate::transfer::{Limits, Network, room_for_connections};

/// Where to listen, and to whom.
#[derive(Debug, Args)]
#[command(next_help_heading = "Who may come")]
pub(crate) struct Guard {
    /// Address to listen on; 0.0.0.0 or :: for every one, which lets others on the network in
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1")]
    listen: IpAddr,

    /// Let in only addresses of this network, e.g. 192.168.1.0/24 or an IPv6 one; may be given several times
    #[arg(long, value_name = "NETWORK")]
    allow: Vec<Network>,

    /// Connections at once; more wait
    #[arg(long, value_name = "N", default_value = "16384", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    connections: u32,

    /// Connections at once from one address; this machine's own are not limited so
    #[arg(long, value_name = "N", default_value = "1024", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    connections_each: u32,

    /// Connections a second from one address, ten seconds' worth of them at once; 0 for any number
    #[arg(long, value_name = "N", default_value = "1000")]
    rate: u32,

    /// Pictures in memory at once, over all connections: a catalogue lets those wait whose answer is more, rows of pixels that
    /// are more are given up; other pictures are on the disk
    #[arg(long, value_name = "SIZE", default_value = "256M", value_parser = size_above_zero)]
    max_memory: u64,

    /// Give up a connection after so long, whatever moves
    #[arg(long, value_name = "SECONDS", default_value = "3600", value_parser = duration)]
    total: Duration,
}

impl Guard {
    pub(super) fn on(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.listen, port)
    }

    /// The limits with these.
    pub(super) fn limits(&self, limits: &Limits) -> Limits {
        let wanted = usize::try_from(self.connections).unwrap_or(usize::MAX);
        Limits {
            allow: self.allow.clone(),
            rate: self.rate,
            total: self.total,
            memory: self.max_memory,
            connections: room_for_connections(wanted),
            connections_each: usize::try_from(self.connections_each).unwrap_or(usize::MAX),
            ..limits.clone()
        }
    }
}
