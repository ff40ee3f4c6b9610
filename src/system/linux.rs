//! Linux.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, OFlags};
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
use rustix::process::{getpriority_process, setpriority_process};
use rustix::thread::gettid;

/// The folder of this process's open files: one that is opened there by its number is opened anew.
pub(crate) const DESCRIPTORS: &str = "/proc/self/fd";

/// Gives a pipe room for so many bytes; it may be refused.
pub(crate) fn widen(pipe: impl AsFd, bytes: usize) {
    let _ = rustix::pipe::fcntl_setpipe_size(pipe, bytes);
}

/// The place of this thread among those that want a processor: 0 is the ordinary one, a lower one comes first; absent where the
/// system does not say.
pub(crate) fn place() -> Option<i32> {
    getpriority_process(Some(gettid())).ok()
}

/// Gives this thread a place among those that want a processor; it may be refused.
pub(crate) fn take_place(place: i32) {
    let _ = setpriority_process(Some(gettid()), place);
}

/// Has this process told to end (SIGTERM) when the one that started it is gone; says whether that one, of this number, is still
/// there.
///
/// # Errors
/// What the system says.
pub(crate) fn end_with(starter: i32) -> io::Result<bool> {
    set_parent_process_death_signal(Some(Signal::TERM))?;
    Ok(getppid().map(Pid::as_raw_pid) == Some(starter))
}

/// A new file in a folder, without a name.
///
/// # Errors
/// Nothing can be written there, or the file system knows no such files.
pub(crate) fn unnamed(folder: &Path) -> io::Result<File> {
    File::options()
        .read(true)
        .write(true)
        .custom_flags(OFlags::TMPFILE.bits().cast_signed())
        .mode(0o666)
        .open(folder)
}

/// Gives a file without a name one that no other has.
///
/// # Errors
/// What the system says.
pub(crate) fn name(file: &File, path: &Path) -> io::Result<()> {
    let unnamed = format!("{DESCRIPTORS}/{}", file.as_raw_fd());
    rustix::fs::linkat(CWD, &*unnamed, CWD, path, AtFlags::SYMLINK_FOLLOW)?;
    Ok(())
}
