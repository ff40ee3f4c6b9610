//! How many bytes wait in a socket's send queue.
#![expect(
    unsafe_code,
    reason = "SIOCOUTQ is no ioctl that rustix knows; it writes one C int, as tcp(7) and ioctl_tty(2) say"
)]

use std::ffi::c_int;
use std::os::fd::AsFd;

use rustix::ioctl::{Getter, Opcode, ioctl};

/// `SIOCOUTQ`, which is `TIOCOUTQ`, where Linux numbers it so.
const SIOCOUTQ: Opcode = 0x5411;

const NUMBERED_SO: bool = cfg!(all(
    target_os = "linux",
    any(
        target_arch = "x86",
        target_arch = "x86_64",
        target_arch = "arm",
        target_arch = "aarch64",
        target_arch = "riscv64",
        target_arch = "loongarch64",
        target_arch = "s390x"
    )
));

/// Bytes that were handed over and not yet acknowledged; absent where the system does not tell.
pub(super) fn unacknowledged(socket: impl AsFd) -> Option<u64> {
    if !NUMBERED_SO {
        return None;
    }
    // SAFETY: for this opcode the kernel writes exactly one c_int through the pointer (tcp_ioctl, udp_ioctl).
    let waiting = unsafe { ioctl(socket, Getter::<SIOCOUTQ, c_int>::new()) };
    waiting.ok().and_then(|bytes| u64::try_from(bytes).ok())
}
