//! Brings the loopback of a new network up, by one rtnetlink request (rtnetlink(7), `RTM_NEWLINK`).

use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, sendto, socket_with,
};

/// `RTM_NEWLINK`, linux/rtnetlink.h.
const RTM_NEWLINK: u16 = 16;
/// `NLMSG_ERROR`, linux/netlink.h: also the acknowledgement, with error 0.
const NLMSG_ERROR: u16 = 2;
/// `NLM_F_REQUEST | NLM_F_ACK`.
const REQUEST_ACK: u16 = 0x1 | 0x4;
/// `IFF_UP`, linux/if.h.
const IFF_UP: u32 = 1;
/// The loopback is the first interface of every network namespace.
const LOOPBACK: i32 = 1;
/// `struct nlmsghdr` (16 bytes) and `struct ifinfomsg` (16 bytes).
const LENGTH: u16 = 32;

/// Brings interface 1 up. Allocates nothing.
pub(super) fn up() -> Result<(), Errno> {
    let socket = socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        None,
    )?;
    sendto(
        &socket,
        &request(),
        SendFlags::empty(),
        &SocketAddrNetlink::new(0, 0),
    )?;
    let mut answer = [0; 128];
    let (received, _) = recv(&socket, &mut answer, RecvFlags::empty())?;
    match error_of(answer.get(..received).unwrap_or_default()) {
        Some(0) => Ok(()),
        Some(negative) => Err(Errno::from_raw_os_error(negative.saturating_neg())),
        None => Err(Errno::PROTO),
    }
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

fn request() -> [u8; LENGTH as usize] {
    let mut message = [0; LENGTH as usize];
    let fields: [&[u8]; 10] = [
        &u32::from(LENGTH).to_ne_bytes(),
        &RTM_NEWLINK.to_ne_bytes(),
        &REQUEST_ACK.to_ne_bytes(),
        &1_u32.to_ne_bytes(), // sequence number
        &0_u32.to_ne_bytes(), // port id: the kernel's
        &[0, 0],              // AF_UNSPEC, padding
        &0_u16.to_ne_bytes(), // device type: any
        &LOOPBACK.to_ne_bytes(),
        &IFF_UP.to_ne_bytes(), // the flags …
        &IFF_UP.to_ne_bytes(), // … and which of them to change
    ];
    let bytes = fields.into_iter().flatten();
    for (slot, byte) in message.iter_mut().zip(bytes) {
        *slot = *byte;
    }
    message
}

/// The error number of an `NLMSG_ERROR` message; absent where the answer is none.
fn error_of(answer: &[u8]) -> Option<i32> {
    let kind = u16::from_ne_bytes(answer.get(4..6)?.try_into().ok()?);
    let error = i32::from_ne_bytes(answer.get(16..20)?.try_into().ok()?);
    (kind == NLMSG_ERROR).then_some(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_has_the_layout_of_the_kernel() {
        let message = request();
        assert_eq!(message[..4], 32_u32.to_ne_bytes());
        assert_eq!(message[20..24], 1_i32.to_ne_bytes());
        assert_eq!(message[24..28], 1_u32.to_ne_bytes());
        assert_eq!(message[28..32], 1_u32.to_ne_bytes());
    }

    #[test]
    fn a_short_or_foreign_answer_is_no_success() {
        assert_eq!(error_of(&[]), None);
        assert_eq!(error_of(&[0; 19]), None);
        assert_eq!(error_of(&[0; 64]), None);
        let mut refused = [0; 36];
        refused[4..6].copy_from_slice(&NLMSG_ERROR.to_ne_bytes());
        refused[16..20].copy_from_slice(&(-1_i32).to_ne_bytes());
        assert_eq!(error_of(&refused), Some(-1));
    }
}
