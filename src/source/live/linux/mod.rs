//! What Linux is asked beside libpcap: whether this user may capture, what an interface is called, whether it is there, and what
//! it could not take in.

mod outgoing;
mod presence;

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

use presence::Presence;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, netdevice, socket_with};

use super::Refusal;
use crate::frame::Away;
use crate::source::netlink::Netlink;

pub(super) use outgoing::ignore_outgoing;

/// The loopback interface.
pub(crate) const LOOPBACK: &str = "lo";

/// What a user who is not root must have to capture.
pub(crate) const RIGHT: &str = "CAP_NET_RAW";

/// Whether times come in nanoseconds: of the systems that libpcap knows, Linux always has them live, and
/// the `pcap` crate cannot be asked about others.
pub(super) const NANOSECONDS: bool = true;

/// The socket that a capture needs (packet(7)).
fn packet_socket() -> Result<OwnedFd, Errno> {
    socket_with(
        AddressFamily::PACKET,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        None,
    )
}

/// Whether this user may capture.
///
/// # Errors
/// What the system says where not.
pub(crate) fn may_capture() -> io::Result<()> {
    packet_socket()?;
    Ok(())
}

/// The command that gives this program the right to capture.
pub(crate) fn how_to_get_the_right(program: &str) -> String {
    format!("sudo setcap cap_net_raw+ep {program}")
}

/// Why an interface cannot be opened. libpcap tells in words alone, so the system is asked.
pub(super) fn refusal(interface: &str) -> Refusal {
    match packet_socket() {
        Err(Errno::PERM | Errno::ACCESS) => Refusal::NotAllowed,
        Ok(socket) if netdevice::name_to_index(&socket, interface) == Err(Errno::NODEV) => {
            Refusal::NoSuchInterface
        }
        _ => Refusal::Other,
    }
}

/// What whoever set the machine up calls its interfaces (`ip link … alias`), for libpcap knows no description here.
pub(super) struct Aliases(Option<Netlink>);

impl Aliases {
    /// Without any where the system does not say.
    pub(super) fn open() -> Self {
        Self(Netlink::open().ok())
    }

    /// That of an interface; absent where it has none.
    pub(super) fn of(&self, name: &str) -> Option<String> {
        let netlink = self.0.as_ref()?;
        netlink.alias(netdevice::name_to_index(netlink, name).ok()?)
    }
}

/// Of a captured interface, whether it is there and what it could not take in.
pub(super) struct Attendance {
    hardware: Option<Hardware>,
    presence: Option<Presence>,
}

impl Attendance {
    /// Nothing is known of what is no interface of its own (`any`).
    pub(super) fn of(interface: &str) -> Self {
        Self {
            hardware: Hardware::of(interface),
            presence: Presence::of(interface),
        }
    }

    /// Notes where the interface went or came back, and has the socket of the capture go on with another that took its place.
    ///
    /// # Errors
    /// A failure of the socket.
    pub(super) fn look(&mut self, socket: BorrowedFd<'_>) -> Result<(), Errno> {
        let Some(presence) = &mut self.presence else {
            return Ok(());
        };
        if presence.look(socket)?
            && let Some(hardware) = &mut self.hardware
        {
            hardware.replaced(presence.index());
        }
        Ok(())
    }

    /// Frames that the interface or its driver could not take in since the capture began; absent where the system does not say,
    /// or it is gone.
    pub(super) fn missed(&self) -> Option<u64> {
        self.hardware.as_ref().and_then(Hardware::missed)
    }

    /// How long it was gone; absent where it never was.
    pub(super) fn away(&self) -> Option<Away> {
        self.presence.as_ref().and_then(Presence::away)
    }
}

/// What the interface itself could not take in.
struct Hardware {
    netlink: Netlink,
    index: u32,
    /// What it counted before; below zero where another interface took its place.
    before: u64,
}

impl Hardware {
    /// Absent where nobody counts: `any` is no interface of its own.
    fn of(interface: &str) -> Option<Self> {
        let netlink = Netlink::open().ok()?;
        let index = netdevice::name_to_index(&netlink, interface).ok()?;
        let before = netlink.missed(index).ok()?;
        Some(Self {
            netlink,
            index,
            before,
        })
    }

    /// Another interface took its place, and counts from 0.
    fn replaced(&mut self, index: u32) {
        let so_far = self.missed().unwrap_or(0);
        self.index = index;
        self.before = self.netlink.missed(index).unwrap_or(0).wrapping_sub(so_far);
    }

    /// Since then; absent where the interface is gone.
    fn missed(&self) -> Option<u64> {
        let now = self.netlink.missed(self.index).ok()?;
        Some(now.wrapping_sub(self.before))
    }
}
