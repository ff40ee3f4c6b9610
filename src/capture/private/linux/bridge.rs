//! Makes hosts on a bridge, by rtnetlink requests (rtnetlink(7), veth(4)).

#![expect(
    clippy::disallowed_methods,
    reason = "an edge: it waits until the bridge passes frames on"
)]

use std::ffi::CStr;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::net::netdevice::name_to_index;
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space};

use super::{loopback, unshare};
use crate::capture::private::hosts::{BRIDGE, Error, Host, PATIENCE};
use crate::source::netlink::{self, Message, NEW_LINK, Netlink};

/// The interface of each host.
const CARD: &str = "eth0";
/// Bytes of a packet on an Ethernet.
const ETHERNET_MTU: u32 = 1500;
/// `NLM_F_EXCL | NLM_F_CREATE`, linux/netlink.h.
const CREATE: u16 = 0x200 | 0x400;
/// `RTM_NEWADDR`, `RTM_NEWROUTE`, linux/rtnetlink.h.
const NEW_ADDRESS: u16 = 20;
const NEW_ROUTE: u16 = 24;
/// `IFF_UP`, `IFF_PROMISC`: a bridge hands frames that others send each other to its own interface only with the latter.
const UP: u32 = 0x1;
const PROMISCUOUS: u32 = 0x100;
/// `AF_INET`, `AF_INET6`.
const IPV4: u8 = 2;
const IPV6: u8 = 10;

/// Attributes of interfaces, `linux/if_link.h`.
mod of_link {
    pub(super) const ADDRESS: u16 = 1;
    pub(super) const NAME: u16 = 3;
    pub(super) const MTU: u16 = 4;
    pub(super) const MASTER: u16 = 10;
    pub(super) const INFO: u16 = 18;
    pub(super) const KIND: u16 = 1;
    pub(super) const DATA: u16 = 2;
    pub(super) const FAMILIES: u16 = 26;
    pub(super) const NETWORK: u16 = 28;
    /// `VETH_INFO_PEER`, linux/veth.h.
    pub(super) const PEER: u16 = 1;
    /// `IFLA_BR_MCAST_SNOOPING`.
    pub(super) const SNOOPING: u16 = 23;
    /// `IFLA_INET6_ADDR_GEN_MODE`, and `IN6_ADDR_GEN_MODE_NONE`.
    pub(super) const ADDRESSES_BY: u16 = 8;
    pub(super) const NOBODY: u8 = 1;
}

/// Attributes of addresses and routes, `linux/if_addr.h` and `linux/rtnetlink.h`.
mod of_address {
    pub(super) const ADDRESS: u16 = 1;
    pub(super) const LOCAL: u16 = 2;
    pub(super) const BROADCAST: u16 = 4;
    /// `IFA_F_NODAD`: usable at once, for nobody else can have it.
    pub(super) const NOBODY_ELSE: u8 = 2;
    pub(super) const DESTINATION: u16 = 1;
    pub(super) const THROUGH: u16 = 4;
}

/// Makes hosts of these names in the private network that this process is in, and waits until frames pass.
///
/// # Errors
/// [`Error::Refused`], [`Error::Down`].
pub(in crate::capture::private) fn make(
    names: &[String],
    mtu: Option<u32>,
    ipv6: bool,
) -> Result<Vec<Host>, Error> {
    let refused = |what: &str| {
        let what = what.to_owned();
        move |source| Error::Refused { what, source }
    };
    // Nothing of this network is to speak on the bridge.
    loopback::without_ipv6().ok();
    let home = this_network().map_err(refused("opening this network"))?;
    let netlink = Netlink::open().map_err(refused("opening a netlink socket"))?;
    let bridge = make_bridge(&netlink).map_err(refused("making a bridge"))?;
    let mut hosts = Vec::new();
    for (number, name) in (1_u8..).zip(names) {
        let made = Cable {
            netlink: &netlink,
            bridge,
            name,
            number,
            mtu: mtu.unwrap_or(ETHERNET_MTU),
            ipv6,
        }
        .lay(&home);
        hosts.push(made.map_err(refused(&format!("making the host {name}")))?);
    }
    let until = Instant::now() + PATIENCE;
    for host in &hosts {
        let port = name_to_index(&netlink, &host.name);
        while !port.is_ok_and(|port| netlink.forwards(port)) {
            if Instant::now() >= until {
                return Err(Error::Down {
                    name: host.name.clone(),
                });
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
    Ok(hosts)
}

/// Makes a bridge and a cable, and leaves them to be taken away with this network. Allocates nothing.
pub(super) fn try_out() -> Result<(), (super::Step, Errno)> {
    let netlink = Netlink::open().map_err(|errno| (super::Step::Bridge, errno))?;
    netlink
        .ask(bridge_wanted())
        .map_err(|errno| (super::Step::Bridge, errno))?;
    let mut message = Message::new(NEW_LINK, CREATE);
    message.interface(0, 0, 0);
    message.attribute(of_link::NAME, b"imgnet-try\0");
    message.nested(of_link::INFO, |info| {
        info.attribute(of_link::KIND, b"veth");
    });
    netlink
        .ask(message)
        .map_err(|errno| (super::Step::Cable, errno))
}

/// A handle on the network that this thread is in.
fn this_network() -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    rustix::fs::open(c"/proc/thread-self/ns/net", flags, Mode::empty())
}

fn bridge_wanted() -> Message {
    let mut message = Message::new(NEW_LINK, CREATE);
    message.interface(0, 0, 0);
    message.attribute(of_link::NAME, b"bridge\0");
    message.nested(of_link::INFO, |info| {
        info.attribute(of_link::KIND, b"bridge");
        // What is sent to a group goes to all.
        info.nested(of_link::DATA, |data| {
            data.attribute(of_link::SNOOPING, &[0]);
        });
    });
    message
}

fn make_bridge(netlink: &Netlink) -> Result<u32, Errno> {
    netlink.ask(bridge_wanted())?;
    let bridge = name_to_index(netlink, BRIDGE)?;
    let mut message = Message::new(NEW_LINK, 0);
    message.interface(bridge, UP | PROMISCUOUS, UP | PROMISCUOUS);
    netlink.ask(message)?;
    Ok(bridge)
}

/// A cable from the bridge to a host.
struct Cable<'a> {
    netlink: &'a Netlink,
    bridge: u32,
    name: &'a str,
    number: u8,
    mtu: u32,
    ipv6: bool,
}

impl Cable<'_> {
    /// Makes the host's network, the cable, and the host's addresses; this process is at `home` again afterwards.
    fn lay(&self, home: &OwnedFd) -> Result<Host, Errno> {
        unshare::unshare(UnshareFlags::NEWNET)?;
        let away = self.visit();
        // Whatever failed there: nothing of this process may stay behind.
        move_into_link_name_space(home.as_fd(), Some(LinkNameSpaceType::Network))?;
        let (network, theirs) = away?;
        self.connect(&network)?;
        let card = name_to_index(&theirs, CARD)?;
        unassisted(&theirs, c"eth0");
        if let Ok(port) = std::ffi::CString::new(self.name) {
            unassisted(self.netlink, &port);
        }
        let mut message = Message::new(NEW_LINK, 0);
        message.interface(card, 0, 0);
        message.nested(of_link::FAMILIES, |families| {
            families.nested(IPV6.into(), |ipv6| {
                ipv6.attribute(of_link::ADDRESSES_BY, &[of_link::NOBODY]);
            });
        });
        if self.ipv6 {
            // A kernel without IPv6 does not know what is meant.
            let _ = theirs.ask(message);
        }
        let mut message = Message::new(NEW_LINK, 0);
        message.interface(card, UP, UP);
        theirs.ask(message)?;
        let addresses = self.address(&theirs, card)?;
        Ok(Host {
            name: self.name.to_owned(),
            number: self.number,
            addresses,
            network,
        })
    }

    /// What is done in the host's network: its loopback is brought up.
    fn visit(&self) -> Result<(OwnedFd, Netlink), Errno> {
        if !self.ipv6 {
            loopback::without_ipv6().ok();
        }
        loopback::up()?;
        Ok((this_network()?, Netlink::open()?))
    }

    /// Lays the cable: one end is a port of the bridge, the other the host's card.
    fn connect(&self, network: &OwnedFd) -> Result<(), Errno> {
        let mut message = Message::new(NEW_LINK, CREATE);
        message.interface(0, UP, UP);
        name(&mut message, self.name);
        message.attribute(of_link::MTU, &self.mtu.to_ne_bytes());
        message.attribute(of_link::MASTER, &self.bridge.to_ne_bytes());
        message.nested(of_link::INFO, |info| {
            info.attribute(of_link::KIND, b"veth");
            info.nested(of_link::DATA, |data| {
                data.nested(of_link::PEER, |peer| {
                    peer.interface(0, 0, 0);
                    name(peer, CARD);
                    peer.attribute(of_link::MTU, &self.mtu.to_ne_bytes());
                    // Locally administered, and the same in every run.
                    peer.attribute(of_link::ADDRESS, &[2, 0, 0, 0, 0, self.number]);
                    peer.attribute(of_link::NETWORK, &network.as_raw_fd().to_ne_bytes());
                });
            });
        });
        self.netlink.ask(message)
    }

    /// Gives the host its addresses, and a way for what is sent to a group.
    fn address(&self, theirs: &Netlink, card: u32) -> Result<Vec<IpAddr>, Errno> {
        let ipv4 = Ipv4Addr::new(10, 0, 0, self.number);
        let mut message = Message::new(NEW_ADDRESS, CREATE);
        message.raw(&[IPV4, 24, 0, 0]);
        message.raw(&card.to_ne_bytes());
        message.attribute(of_address::LOCAL, &ipv4.octets());
        message.attribute(of_address::ADDRESS, &ipv4.octets());
        message.attribute(of_address::BROADCAST, &[10, 0, 0, 255]);
        theirs.ask(message)?;
        let mut message = Message::new(NEW_ROUTE, CREATE);
        // struct rtmsg: 224.0.0.0/4, main table, from an administrator, to this link, unicast.
        message.raw(&[IPV4, 4, 0, 0, 254, 4, 253, 1]);
        message.raw(&0_u32.to_ne_bytes());
        message.attribute(of_address::DESTINATION, &[224, 0, 0, 0]);
        message.attribute(of_address::THROUGH, &card.to_ne_bytes());
        theirs.ask(message)?;
        let mut addresses = vec![IpAddr::V4(ipv4)];
        if self.ipv6 {
            let ipv6 = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, self.number.into());
            let mut message = Message::new(NEW_ADDRESS, CREATE);
            message.raw(&[IPV6, 64, of_address::NOBODY_ELSE, 0]);
            message.raw(&card.to_ne_bytes());
            message.attribute(of_address::ADDRESS, &ipv6.octets());
            // A system without IPv6, or a cable too short for it (1280 bytes): without, then.
            if theirs.ask(message).is_ok() {
                addresses.push(IpAddr::V6(ipv6));
            }
        }
        Ok(addresses)
    }
}

fn name(message: &mut Message, name: &str) {
    message.nested(of_link::NAME, |value| {
        value.raw(name.as_bytes());
        value.raw(&[0]);
    });
}

/// Leaves nothing to the card: frames are cut and have their checksums before they can be seen. A kernel that
/// refuses one of these had it off.
fn unassisted(network: &Netlink, interface: &CStr) {
    // ETHTOOL_STXCSUM, ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_SGRO; linux/ethtool.h.
    for command in [0x17, 0x1f, 0x24, 0x2c] {
        let _ = unshare::switch_off(network, interface, command);
    }
}

impl Netlink {
    /// Whether a port of a bridge passes frames on.
    fn forwards(&self, port: u32) -> bool {
        // IFLA_LINKINFO, IFLA_INFO_SLAVE_DATA, IFLA_BRPORT_STATE; linux/if_link.h, linux/if_bridge.h.
        const PORT: u16 = 5;
        const STATE: u16 = 1;
        const FORWARDING: u8 = 3;
        let state = self.of_link(port, |attributes| {
            let info = netlink::attribute(attributes, of_link::INFO)?;
            let port = netlink::attribute(info, PORT)?;
            netlink::attribute(port, STATE)?.first().copied()
        });
        state == Some(FORWARDING)
    }
}

#[cfg(test)]
mod tests;
