//! What libpcap cannot be asked for: to leave a socket's outgoing frames out, and to go on with another interface. The
//! only unsafe lines of live capture.
#![expect(
    unsafe_code,
    reason = "PACKET_IGNORE_OUTGOING and addresses of packet sockets have no safe wrapper in the crates used here"
)]

use std::ffi::{c_int, c_void};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

unsafe extern "C" {
    fn setsockopt(
        socket: c_int,
        level: c_int,
        name: c_int,
        value: *const c_void,
        length: u32,
    ) -> c_int;
}

/// `SOL_PACKET` and `PACKET_IGNORE_OUTGOING` of Linux, the same on every architecture.
const SOL_PACKET: c_int = 263;
const PACKET_IGNORE_OUTGOING: c_int = 23;

/// Makes a packet socket capture on another interface, all protocols (packet(7)).
///
/// # Errors
/// What the system says.
pub(super) fn bind_to(socket: BorrowedFd<'_>, interface: u32) -> io::Result<()> {
    let address = libc::sockaddr_ll {
        sll_family: libc::AF_PACKET.unsigned_abs().try_into().unwrap_or(17),
        sll_protocol: u16::to_be(3 /* ETH_P_ALL */),
        sll_ifindex: interface.cast_signed(),
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    let length = libc::socklen_t::try_from(size_of_val(&address)).unwrap_or_default();
    // SAFETY: the socket is open for as long as it is borrowed, and the kernel reads `length` bytes of `address`, which are
    // all of it and outlive the call, and keeps no pointer.
    let result = unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), length) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Makes a packet socket see frames on their way in only (Linux 4.20, packet(7)).
///
/// # Errors
/// `ENOPROTOOPT` on older kernels.
pub(in crate::source::live) fn ignore_outgoing(socket: BorrowedFd<'_>) -> io::Result<()> {
    let on: c_int = 1;
    // SAFETY: the socket is open for as long as it is borrowed, and the kernel reads the four bytes of
    // `on`, which outlives the call, and keeps no pointer.
    let result = unsafe {
        setsockopt(
            socket.as_raw_fd(),
            SOL_PACKET,
            PACKET_IGNORE_OUTGOING,
            (&raw const on).cast(),
            4,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
