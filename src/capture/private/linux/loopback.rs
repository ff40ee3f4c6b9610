//! Brings the loopback of a new network up, by one rtnetlink request (rtnetlink(7), `RTM_NEWLINK`).

use rustix::io::Errno;

use crate::source::netlink::{Message, NEW_LINK, Netlink};

/// `IFF_UP`, linux/if.h.
const UP: u32 = 1;
/// The loopback is the first interface of every network namespace.
const LOOPBACK: u32 = 1;

/// Brings interface 1 up. Allocates nothing.
pub(super) fn up() -> Result<(), Errno> {
    let mut message = Message::new(NEW_LINK, 0);
    message.interface(LOOPBACK, UP, UP);
    Netlink::open()?.ask(message)
}

/// Sets the longest frame of the loopback of this network (netdevice(7), `SIOCSIFMTU`).
///
/// # Errors
/// What the kernel says: out of bounds (`EINVAL`), no right.
pub fn set_mtu(mtu: u32) -> std::io::Result<()> {
    super::unshare::set_mtu(c"lo", mtu)
}

/// Switches IPv6 off in this network.
///
/// # Errors
/// What the kernel says.
#[expect(
    clippy::disallowed_methods,
    reason = "an edge: it writes to the kernel's settings"
)]
pub fn without_ipv6() -> std::io::Result<()> {
    std::fs::write("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1")
}
