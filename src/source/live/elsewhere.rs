//! Where the system is not Linux, libpcap knows what is known: nobody is asked for what an interface could not take in, or
//! whether it is still there.

use std::fs::File;
use std::io;
use std::os::fd::BorrowedFd;

use rustix::io::Errno;

use super::Refusal;
use crate::frame::Away;

/// The loopback interface, as BSD and macOS call it.
pub(crate) const LOOPBACK: &str = "lo0";

/// What a user who is not root must have to capture.
pub(crate) const RIGHT: &str = "the right to read /dev/bpf0";

/// Whether times come in nanoseconds: the `pcap` crate cannot be asked.
pub(super) const NANOSECONDS: bool = false;

/// Whether this user may capture: may read the first of the devices by which one does (bpf(4)).
///
/// # Errors
/// What the system says where not.
pub(crate) fn may_capture() -> io::Result<()> {
    match File::open("/dev/bpf0") {
        // Somebody else captures with it; there are more.
        Err(error) if error.kind() == io::ErrorKind::ResourceBusy => Ok(()),
        Err(error) => Err(error),
        Ok(_) => Ok(()),
    }
}

/// The command that lets this user capture until the machine starts anew.
pub(crate) fn how_to_get_the_right(_: &str) -> String {
    "sudo chown \"$USER\" /dev/bpf*".to_owned()
}

/// Why an interface cannot be opened. libpcap tells in words alone, so the system is asked.
pub(super) fn refusal(interface: &str) -> Refusal {
    let known = super::interfaces().unwrap_or_default();
    if !known.iter().any(|known| known.name == interface) {
        return Refusal::NoSuchInterface;
    }
    match may_capture() {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Refusal::NotAllowed,
        _ => Refusal::Other,
    }
}

/// What libpcap says of interfaces is all that there is.
pub(super) struct Aliases;

impl Aliases {
    pub(super) fn open() -> Self {
        Self
    }

    #[expect(
        clippy::unused_self,
        reason = "the other systems' have something to ask"
    )]
    pub(super) fn of(&self, _: &str) -> Option<String> {
        None
    }
}

/// Nobody is asked about a captured interface.
pub(super) struct Attendance;

#[expect(
    clippy::unused_self,
    clippy::unnecessary_wraps,
    reason = "the other systems' have something to ask"
)]
impl Attendance {
    pub(super) fn of(_: &str) -> Self {
        Self
    }

    pub(super) fn look(&mut self, _: BorrowedFd<'_>) -> Result<(), Errno> {
        Ok(())
    }

    pub(super) fn missed(&self) -> Option<u64> {
        None
    }

    pub(super) fn away(&self) -> Option<Away> {
        None
    }
}

/// Outgoing frames of a loopback are seen once here.
pub(super) fn ignore_outgoing(_: BorrowedFd<'_>) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
