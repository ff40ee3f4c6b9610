//! Several hosts on a bridge in a private network: for what a loopback hides.
//!
//! ```text
//!        network of this process                      a network of each host
//!  bridge ─┬─ receiver ◄═══════ a virtual cable ═══════► eth0  10.0.0.1/24, fd00::1/64
//!          └─ sender   ◄═══════ a virtual cable ═══════► eth0  10.0.0.2/24, fd00::2/64
//! ```
//!
//! Captured on the bridge, each frame is seen once, on its way from one port to another. On a cable, frames are no longer
//! than its MTU and have their checksums: what a network card would do for the system (segmentation, checksums) is
//! switched off, so the system does it before the frame can be seen. On a loopback it never does.
//!
//! The network of this process has no address and no IPv6 of its own, so that nothing speaks on the bridge but the hosts.

#![cfg_attr(
    not(target_os = "linux"),
    expect(dead_code, reason = "such hosts are made on Linux alone")
)]

use std::fmt::Write as _;
use std::io;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::io::Errno;

use super::system::make_hosts;

/// The bridge's name.
pub(crate) const BRIDGE: &str = "bridge";
/// Hosts that there can be.
pub(crate) const MOST: usize = 64;
/// Longest name of a host: that of an interface, which its port has (`IFNAMSIZ`).
const LONGEST_NAME: usize = 15;
/// Longest MTU of a cable (`ETH_MAX_MTU`).
pub(crate) const LONGEST_PACKET: u32 = 65_535;
/// How long the bridge may take until it passes frames on.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Why there are no such hosts.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Error {
    /// A name that a host cannot have.
    #[error("{name:?} cannot be a host's name: {why}")]
    Name {
        /// As given.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Too few or too many.
    #[error("{count} hosts: there can be 2 to {MOST}")]
    Count {
        /// How many were asked for.
        count: usize,
    },
    /// The system refuses a step.
    #[error("{what} failed; {}", advice(*source))]
    Refused {
        /// What was tried.
        what: String,
        /// What the kernel said.
        #[source]
        source: Errno,
    },
    /// The bridge does not pass frames on.
    #[error("the port of {name} does not come up within {} s", PATIENCE.as_secs())]
    Down {
        /// The host.
        name: String,
    },
}

fn advice(errno: Errno) -> &'static str {
    match errno {
        Errno::OPNOTSUPP => {
            "the kernel's modules may be missing: sudo modprobe bridge; sudo modprobe veth"
        }
        _ => "`imgnet doctor` says what is allowed here",
    }
}

/// A host.
#[derive(Debug)]
pub struct Host {
    /// Its name, and that of its port of the bridge.
    pub name: String,
    /// Its number, from 1.
    pub number: u8,
    /// Its addresses: IPv4, and IPv6 where that is on.
    pub addresses: Vec<IpAddr>,
    pub(super) network: OwnedFd,
}

impl Host {
    /// A handle on its network, for a process that is to enter it.
    ///
    /// # Errors
    /// No descriptor left.
    pub fn network(&self) -> io::Result<OwnedFd> {
        self.network.try_clone()
    }
}

/// The hosts, for as long as this lives: their networks last as long as it, though nobody runs in them.
#[derive(Debug)]
pub(crate) struct Hosts(Vec<Host>);

impl Hosts {
    /// Makes them in the private network that this process is in, and waits until frames pass. Call it before any thread
    /// is started: this process visits each network.
    ///
    /// `mtu` is that of every cable; absent: 1500.
    ///
    /// # Errors
    /// [`Error`].
    pub(crate) fn make(names: &[String], mtu: Option<u32>, ipv6: bool) -> Result<Self, Error> {
        check(names)?;
        make_hosts(names, mtu, ipv6).map(Self)
    }

    /// The hosts in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Host> {
        self.0.iter()
    }

    /// What stands in `/etc/hosts` of each: its own loopback, and all by name. A name leads to the IPv4 address alone, and
    /// `ip6-NAME` to the other, lest every program try one that the other program does not listen on.
    pub(crate) fn names(&self) -> String {
        let mut text = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n".to_owned();
        for host in &self.0 {
            for address in &host.addresses {
                let prefix = if address.is_ipv6() { "ip6-" } else { "" };
                // Writing to a string does not fail.
                let _ = writeln!(text, "{address} {prefix}{}", host.name);
            }
        }
        text
    }
}

/// Whether hosts can have these names.
///
/// # Errors
/// [`Error::Name`], [`Error::Count`].
pub(crate) fn check(names: &[String]) -> Result<(), Error> {
    for (index, name) in names.iter().enumerate() {
        let wrong = |why| {
            Err(Error::Name {
                name: name.clone(),
                why,
            })
        };
        if name.is_empty() || name.len() > LONGEST_NAME {
            return wrong("it takes 1 to 15 letters, digits and hyphens");
        }
        let letter = |byte: u8| byte.is_ascii_alphanumeric();
        let inner = name.bytes().all(|byte| letter(byte) || byte == b'-');
        if !inner || !name.bytes().next().is_some_and(letter) || name.ends_with('-') {
            return wrong("it takes letters, digits, and hyphens between them");
        }
        if name.bytes().all(|byte| byte.is_ascii_digit()) {
            return wrong("digits alone are an address");
        }
        if ["lo", "localhost", "all", "default", "any", BRIDGE].contains(&name.as_str())
            || name.starts_with("ip6-")
        {
            return wrong("that name has another meaning here");
        }
        let known = names.get(..index).unwrap_or_default();
        if known.iter().any(|other| other.eq_ignore_ascii_case(name)) {
            return wrong("another host has it");
        }
    }
    if !(2..=MOST).contains(&names.len()) {
        return Err(Error::Count { count: names.len() });
    }
    Ok(())
}
