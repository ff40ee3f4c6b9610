//! The calls of this room that the compiler cannot check, and nothing else.

#![expect(
    unsafe_code,
    reason = "unshare(2), ioctl(2) and what runs between fork and exec have no safe interface"
)]

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, AsRawFd as _};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use rustix::io::Errno;
use rustix::thread::UnshareFlags;

/// unshare(2) for namespaces. The table of file descriptors stays shared, whatever is asked for.
pub(super) fn unshare(flags: UnshareFlags) -> Result<(), Errno> {
    // SAFETY: the one hazard the function names is CLONE_FILES (descriptors of another thread become
    // invalid here), and that flag is taken out.
    unsafe { rustix::thread::unshare_unsafe(flags.difference(UnshareFlags::FILES)) }
}

/// Runs `hook` in the child between fork and exec. It may only make system calls: no heap, no locks.
pub(super) fn before_exec(
    command: &mut Command,
    hook: impl FnMut() -> io::Result<()> + Send + Sync + 'static,
) {
    // SAFETY: the only hooks are the closures of this room around `arrange`, which makes system calls on
    // the stack alone; `io::Error::from_raw_os_error`, which they return, holds a number.
    unsafe {
        command.pre_exec(hook);
    }
}

/// `ioctl(SIOCSIFMTU)` on an interface of this network.
pub(super) fn set_mtu(interface: &CStr, mtu: u32) -> io::Result<()> {
    let socket = rustix::net::socket(
        rustix::net::AddressFamily::INET,
        rustix::net::SocketType::DGRAM,
        None,
    )?;
    let mut request = request(interface);
    request.ifr_ifru.ifru_mtu = libc::c_int::try_from(mtu).unwrap_or(libc::c_int::MAX);
    // SAFETY: the request outlives the call, and the socket is open.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFMTU, &raw mut request) };
    outcome(result)
}

/// `ioctl(SIOCETHTOOL)` with a command (`ETHTOOL_S…`) whose value is a number, 0, on an interface of the network of `socket`.
pub(super) fn switch_off(socket: &impl AsFd, interface: &CStr, command: u32) -> io::Result<()> {
    // struct ethtool_value: command, value.
    let mut value = [command, 0_u32];
    let mut request = request(interface);
    request.ifr_ifru.ifru_data = (&raw mut value).cast();
    let socket = socket.as_fd().as_raw_fd();
    // SAFETY: the request and the value that it points to outlive the call, and the socket is open.
    outcome(unsafe { libc::ioctl(socket, libc::SIOCETHTOOL, &raw mut request) })
}

fn request(interface: &CStr) -> libc::ifreq {
    // SAFETY: all zeroes are a valid ifreq.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (slot, byte) in request.ifr_name.iter_mut().zip(interface.to_bytes()) {
        *slot = libc::c_char::from_ne_bytes([*byte]);
    }
    request
}

fn outcome(result: libc::c_int) -> io::Result<()> {
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
