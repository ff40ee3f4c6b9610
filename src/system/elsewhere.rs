//! Where the system is not Linux.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;

/// The folder of this process's open files: one that is opened there by its number is the same, with the same place to read at.
pub(crate) const DESCRIPTORS: &str = "/dev/fd";

/// Leaves a pipe as it is.
pub(crate) fn widen(_: impl AsFd, _: usize) {}

/// Nobody asks.
pub(crate) fn place() -> Option<i32> {
    None
}

/// Every thread keeps its place.
pub(crate) fn take_place(_: i32) {}

/// Cannot be had.
///
/// # Errors
/// Always.
pub(crate) fn end_with(_: i32) -> io::Result<bool> {
    Err(io::ErrorKind::Unsupported.into())
}

/// There are no files without names.
///
/// # Errors
/// Always.
pub(crate) fn unnamed(_: &Path) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

/// There are no files without names.
///
/// # Errors
/// Always.
pub(crate) fn name(_: &File, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
