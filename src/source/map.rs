//! A file as memory. The only unsafe line of this room.
#![expect(
    unsafe_code,
    reason = "a memory map is only as constant as the file below it, which no type can promise"
)]

use std::fs::File;
use std::io;

use memmap2::{Advice, Mmap};

/// Maps all of `file` for reading.
///
/// The file must not shrink or change while it is mapped: reading beyond its new end ends the process.
/// The caller maps regular files only, and none that was written to just now.
pub(super) fn map(file: &File) -> io::Result<Mmap> {
    // SAFETY: the map is read-only and private to this process. That nobody else changes the file is
    // what the caller made as sure of as can be; bytes that change under the reader can give wrong
    // frames but no invalid values, because nothing but `u8` is ever read from it, each access checked
    // against the length at this moment.
    let map = unsafe { Mmap::map(file)? };
    // Advice only: reading goes from front to back.
    let _ = map.advise(Advice::Sequential);
    Ok(map)
}
